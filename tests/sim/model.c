/* SPDX-License-Identifier: ISC */
#include "tests/sim/model.h"

#include "base/hmap.h"
#include "base/mem.h"
#include "crypto/hash.h"
#include "tests/sim/model_impl.h"

#include <stdlib.h>

struct version {
	uint32_t ledger, seq;
	uint64_t balance;
	bool gone;
};
struct row {
	struct model_account now;
	struct version *versions;
	uint32_t n, cap;
	bool touched;
};
struct model {
	struct hmap by_id; /* account, zero padded → index + 1 */
	struct row *rows;
	uint32_t n, cap;
	uint32_t n_gone; /* of them */
	uint32_t seq;
	struct hash256 hash;
	uint64_t total, reserve, increment;
	uint64_t next_reserve, next_increment; /* of the ledger after this one */
	uint32_t *touched;                     /* indexes */
	uint32_t n_touched, cap_touched;
	uint32_t results[256];
};

/* ---- the table ---- */

static struct hash256 id_key(const struct account_id *id)
{
	struct hash256 k = {{0}};

	memcpy(k.b, id->b, sizeof(id->b));
	return k;
}

static struct row *find_row(const struct model *m, const struct account_id *id)
{
	struct hash256 k = id_key(id);
	uintptr_t at = (uintptr_t)hmap_get(&m->by_id, &k);

	return at ? &m->rows[at - 1] : NULL;
}

static struct row *add_row(struct model *m, const struct account_id *id)
{
	struct hash256 k = id_key(id);

	if (m->n == m->cap) {
		m->cap = m->cap ? 2 * m->cap : 64;
		m->rows = mem_resize(m->rows, m->cap, sizeof(*m->rows));
	}
	memset(&m->rows[m->n], 0, sizeof(*m->rows));
	m->rows[m->n].now.id = *id;
	hmap_put(&m->by_id, &k, (void *)(uintptr_t)(m->n + 1));
	return &m->rows[m->n++];
}

static void add_version(struct row *r, uint32_t ledger)
{
	if (r->n == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 4;
		r->versions = mem_resize(r->versions, r->cap, sizeof(*r->versions));
	}
	r->versions[r->n++] = (struct version){
	    .ledger = ledger, .seq = r->now.seq, .balance = r->now.balance, .gone = r->now.gone};
}

static void touch(struct model *m, struct model_account *a)
{
	struct row *r = find_row(m, &a->id);

	if (r->touched)
		return;
	r->touched = true;
	if (m->n_touched == m->cap_touched) {
		m->cap_touched = m->cap_touched ? 2 * m->cap_touched : 64;
		m->touched = mem_resize(m->touched, m->cap_touched, sizeof(*m->touched));
	}
	m->touched[m->n_touched++] = (uint32_t)(r - m->rows);
}

/* ---- entries ---- */

static bool read_entry(struct model_account *a, struct bytes e)
{
	struct bytes raw;

	memset(a, 0, sizeof(*a));
	if (!model_id(e, 1, &a->id) || !model_drops(e, 2, &a->balance))
		return false;
	a->has_key = model_id(e, 8, &a->key);
	a->owner_count = (uint32_t)model_number(e, 2, 13);
	a->ticket_count = (uint32_t)model_number(e, 2, 40);
	a->seq = (uint32_t)model_number(e, 2, 4);
	a->flags = (uint32_t)model_number(e, 2, 2);
	a->transfer_rate = (uint32_t)model_number(e, 2, 11);
	a->tick = (uint8_t)model_number(e, 16, 16);
	if (model_find(e, 7, 7, &raw))
		sha512_half(&a->domain, raw.p, raw.n);
	a->tracks = model_find(e, 5, 9, &raw);
	if (a->tracks)
		memcpy(a->txn_id.b, raw.p, 32);
	a->last_ledger = (uint32_t)model_number(e, 2, 5);
	if (model_find(e, 5, 5, &raw))
		memcpy(a->last_tx.b, raw.p, 32);
	return true;
}

static bool same(const struct model_account *a, const struct model_account *b, struct why *why)
{
	const char *what = a->balance != b->balance                ? "balance"
			   : a->seq != b->seq                      ? "sequence"
			   : a->flags != b->flags                  ? "flags"
			   : a->transfer_rate != b->transfer_rate  ? "transfer rate"
			   : a->tick != b->tick                    ? "tick size"
			   : !hash256_eq(&a->domain, &b->domain)   ? "domain"
			   : a->tracks != b->tracks                ? "tracking"
			   : a->owner_count != b->owner_count      ? "OwnerCount"
			   : a->ticket_count != b->ticket_count    ? "TicketCount"
			   : a->has_key != b->has_key              ? "RegularKey"
			   : !account_eq(&a->key, &b->key)         ? "RegularKey"
			   : !hash256_eq(&a->txn_id, &b->txn_id)   ? "AccountTxnID"
			   : a->last_ledger != b->last_ledger      ? "PreviousTxnLgrSeq"
			   : !hash256_eq(&a->last_tx, &b->last_tx) ? "PreviousTxnID"
								   : NULL;

	if (!what)
		return true;
	why_set(why, ERR_MISMATCH,
		"%s of account %02X%02X%02X%02X: model balance %llu seq %u flags %X, ledger %llu "
		"%u %X",
		what, a->id.b[0], a->id.b[1], a->id.b[2], a->id.b[3],
		(unsigned long long)a->balance, a->seq, a->flags, (unsigned long long)b->balance,
		b->seq, b->flags);
	return false;
}

static void entry_key(struct hash256 *out, const struct account_id *id)
{
	uint8_t b[22] = {0, 'a'};

	memcpy(b + 2, id->b, 20);
	sha512_half(out, b, sizeof(b));
}

static bool check_entry(const struct model_account *a, const struct ledger *l, struct why *why)
{
	struct model_account there;
	struct hash256 key;
	struct bytes e;

	entry_key(&key, &a->id);
	switch (tree_get(&l->state, &key, &e)) {
	case FOUND:
		if (a->gone || !read_entry(&there, e)) {
			why_set(why, ERR_INVALID, "an account's entry is %s",
				a->gone ? "there, and was deleted" : "malformed");
			return false;
		}
		return same(a, &there, why);
	case ABSENT:
		why_set(why, ERR_ABSENT, "an account is missing");
		return a->gone;
	case UNAVAILABLE: /* this node's disk: others will be looked at */
		break;
	}
	return true;
}

static bool check_touched(struct model *m, const struct ledger *l, struct why *why)
{
	for (uint32_t i = 0; i < m->n_touched; i++) {
		struct row *r = &m->rows[m->touched[i]];

		r->touched = false;
		add_version(r, m->seq);
		if (!check_entry(&r->now, l, why) || !model_same_owned(&l->state, &r->now, why))
			return false;
	}
	return true;
}

static bool check_account(struct model *m, struct bytes e, struct why *why)
{
	struct model_account there;
	struct row *r;

	if (read_entry(&there, e) && (r = find_row(m, &there.id)) && !r->now.gone)
		return same(&r->now, &there, why);
	why_set(why, ERR_ABSENT, "an account that the model does not know");
	return false;
}

bool model_same_state(struct model *m, const struct ledger *l, struct why *why)
{
	struct hash256 key, at, *after = NULL;
	uint64_t owned = 0, known = 0;
	struct model_owned what;
	struct account_id owner;
	uint32_t accounts = 0;
	struct bytes e;
	enum found f;

	while ((f = tree_next(&l->state, after, &key, &e)) == FOUND) {
		bool account = model_number(e, 1, 1) == 0x61;

		at = key;
		after = &at;
		accounts += account;
		if (account && !check_account(m, e, why))
			return false;
		owned += model_read_owned(&what, &owner, e);
	}
	for (uint32_t i = 0; i < m->n; i++)
		known += m->rows[i].now.n_owned;
	if (f == UNAVAILABLE || (accounts == model_count(m) && owned == known))
		return true;
	why_set(why, ERR_MISMATCH, "%u accounts instead of %u, %llu things that they own, not %llu",
		accounts, model_count(m), (unsigned long long)owned, (unsigned long long)known);
	return false;
}

/* ---- what the rules need of the table ---- */

struct model_account *model_get(struct model *m, const struct account_id *id)
{
	struct row *r = find_row(m, id);

	if (!r || r->now.gone)
		return NULL;
	touch(m, &r->now);
	return &r->now;
}

struct model_account *model_create(struct model *m, const struct account_id *id)
{
	struct row *r = find_row(m, id);

	if (r)
		m->n_gone--;
	else
		r = add_row(m, id);
	r->now.gone = false;
	r->now.seq = m->seq;
	r->now.created = m->seq;
	touch(m, &r->now);
	return &r->now;
}

/* The row stays, for what was: there may be another account by that name. */
void model_delete(struct model *m, struct model_account *a)
{
	struct account_id id = a->id;

	model_disown_all(a);
	memset(a, 0, sizeof(*a));
	a->id = id;
	a->gone = true;
	m->n_gone++;
}

void model_burn(struct model *m, uint64_t drops)
{
	m->total -= drops;
}

void model_set_fees(struct model *m, uint64_t reserve, uint64_t increment)
{
	m->next_reserve = reserve;
	m->next_increment = increment;
}

/* ---- one ledger ---- */

struct item {
	struct hash256 id;
	struct bytes tx, meta;
	uint32_t index;
};

static int by_index(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return (x->index > y->index) - (x->index < y->index);
}

static const char *read_items(const struct ledger *l, struct item **items, uint32_t *n,
			      struct why *why)
{
	struct hash256 key, at, *after = NULL;
	uint32_t cap = 0;
	struct bytes leaf;
	enum found f;

	*n = 0;
	*items = NULL;
	while ((f = tree_next(&l->txs, after, &key, &leaf)) == FOUND) {
		struct item *it;

		at = key;
		after = &at;
		if (*n == cap) {
			cap = cap ? 2 * cap : 64;
			*items = mem_resize(*items, cap, sizeof(**items));
		}
		it = &(*items)[(*n)++];
		it->id = key;
		if (!model_split_leaf(leaf, &it->tx, &it->meta)) {
			why_set(why, ERR_INVALID, "a malformed leaf in the transaction tree");
			return "P10";
		}
		it->index = (uint32_t)model_number(it->meta, 2, 28);
	}
	if (*n)
		qsort(*items, *n, sizeof(**items), by_index);
	for (uint32_t i = 0; i < *n; i++)
		if ((*items)[i].index != i) {
			why_set(why, ERR_ORDER, "TransactionIndex %u where %u belongs",
				(*items)[i].index, i);
			return "P10";
		}
	return NULL;
}

static const char *apply_items(struct model *m, const struct item *items, uint32_t n,
			       struct why *why)
{
	for (uint32_t i = 0; i < n; i++) {
		uint8_t claimed = (uint8_t)model_number(items[i].meta, 16, 3);
		uint8_t result = 0;
		const char *p;

		m->results[claimed]++;
		p = model_transaction(m, items[i].tx, &items[i].id, &result, why);
		if (!p)
			p = model_metadata_sum(items[i].tx, items[i].meta, why);
		if (!p && result != claimed) {
			why_set(why, ERR_MISMATCH, "result %u, and the model says %u", claimed,
				result);
			p = "P10";
		}
		if (p) {
			why_add(why, ERR_MISMATCH, "ledger %u, transaction %u (%s)", m->seq, i,
				hash256_short(&items[i].id).s);
			return p;
		}
	}
	return NULL;
}

const char *model_apply(struct model *m, const struct ledger *l, struct why *why)
{
	struct item *items;
	const char *p;
	uint32_t n;

	if (l->header.seq != m->seq + 1 || !hash256_eq(&l->header.parent, &m->hash)) {
		why_set(why, ERR_ORDER, "ledger %u does not follow %u", l->header.seq, m->seq);
		return "P4";
	}
	p = read_items(l, &items, &n, why);
	m->seq = l->header.seq;
	m->hash = l->hash;
	m->n_touched = 0;
	m->reserve = m->next_reserve;
	m->increment = m->next_increment;
	if (!p)
		p = apply_items(m, items, n, why);
	mem_free(items);
	if (!p && !check_touched(m, l, why))
		p = "P10";
	/* raw: compared with the model's number */
	if (!p && l->header.drops.raw != m->total) {
		why_set(why, ERR_MISMATCH, "ledger %u: %llu drops exist, the model says %llu",
			m->seq, (unsigned long long)l->header.drops.raw,
			(unsigned long long)m->total);
		p = "P1";
	}
	return p;
}

/* ---- open, close, read ---- */

static void read_fees(struct model *m, struct bytes e)
{
	(void)model_drops(e, 23, &m->next_reserve);
	(void)model_drops(e, 24, &m->next_increment);
}

struct model *model_open(const struct ledger *genesis)
{
	struct model *m = mem_zalloc(1, sizeof(*m));
	struct hash256 key, at, *after = NULL;
	struct bytes e;

	hmap_init(&m->by_id, 0);
	m->seq = genesis->header.seq;
	m->hash = genesis->hash;
	m->total = genesis->header.drops.raw; /* raw: the model counts for itself */
	m->next_reserve = 10000000;
	m->next_increment = 2000000;
	while (tree_next(&genesis->state, after, &key, &e) == FOUND) {
		struct model_account a;
		struct row *r;

		at = key;
		after = &at;
		if (model_number(e, 1, 1) == 0x73)
			read_fees(m, e);
		if (model_number(e, 1, 1) != 0x61)
			continue;
		must(read_entry(&a, e) && !a.owner_count);
		r = add_row(m, &a.id);
		r->now = a;
		r->now.created = m->seq;
		add_version(r, m->seq);
	}
	return m;
}

void model_close(struct model *m)
{
	if (!m)
		return;
	for (uint32_t i = 0; i < m->n; i++) {
		model_disown_all(&m->rows[i].now);
		mem_free(m->rows[i].versions);
	}
	mem_free(m->rows);
	mem_free(m->touched);
	hmap_close(&m->by_id);
	mem_free(m);
}

uint32_t model_seq(const struct model *m)
{
	return m->seq;
}

uint64_t model_total(const struct model *m)
{
	return m->total;
}

uint32_t model_count(const struct model *m)
{
	return m->n - m->n_gone;
}

uint64_t model_reserve(const struct model *m)
{
	return m->reserve;
}

uint64_t model_increment(const struct model *m)
{
	return m->increment;
}

const uint32_t *model_results(const struct model *m)
{
	return m->results;
}

const struct model_account *model_account(const struct model *m, const struct account_id *id)
{
	struct row *r = find_row(m, id);

	return r && !r->now.gone ? &r->now : NULL;
}

bool model_account_at(const struct model *m, const struct account_id *id, uint32_t ledger,
		      uint64_t *balance, uint32_t *seq)
{
	struct row *r = find_row(m, id);

	for (uint32_t i = r ? r->n : 0; i-- > 0;)
		if (r->versions[i].ledger <= ledger) {
			*balance = r->versions[i].balance;
			*seq = r->versions[i].seq;
			return !r->versions[i].gone;
		}
	return false;
}
