/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "codec/amount.h"
#include "codec/format.h"
#include "crypto/hash.h"
#include "ledger/affected.h"
#include "store/store_impl.h"

/* Everything is read once, within one snapshot, and every row must have its reason: headers chain,
 * transactions give their trees, index rows and transactions name each other, every node is part
 * of a kept state or on a list of what may go, the tip's accounts hold its drops. */

/* A set of disk keys: open addressing, 0 = free. */
struct key_set {
	uint64_t *slot;
	size_t n, mask;
};

static size_t key_slot(const struct key_set *set, uint64_t key)
{
	size_t i = (size_t)((key * 0x9E3779B97F4A7C15ull) >> 20) & set->mask;

	while (set->slot[i] && set->slot[i] != key)
		i = (i + 1) & set->mask;
	return i;
}

static bool key_set_has(const struct key_set *set, uint64_t key)
{
	return set->n && set->slot[key_slot(set, key)] == key;
}

/* False when it was there before. */
static bool key_set_add(struct key_set *set, uint64_t key)
{
	size_t i;

	must(key != 0);
	if ((set->n + 1) * 2 > set->mask) {
		struct key_set old = *set;

		set->mask = old.mask ? old.mask * 2 + 1 : 1023;
		set->slot = mem_zalloc(set->mask + 1, sizeof(*set->slot));
		for (i = 0; old.slot && i <= old.mask; i++)
			if (old.slot[i])
				set->slot[key_slot(set, old.slot[i])] = old.slot[i];
		mem_free(old.slot);
	}
	i = key_slot(set, key);
	if (set->slot[i] == key)
		return false;
	set->slot[i] = key;
	set->n++;
	return true;
}

struct verify {
	struct kv_txn *txn;
	struct tip_row tip;
	struct runs runs;
	struct key_set reached; /* nodes of kept states */
	struct key_set listed;  /* nodes on lists */
	uint64_t headers, txs, account_rows, states;
	struct drops sum; /* of the tip's accounts */
	bool sum_bad;
	struct why *why;
};

static enum err bad(struct verify *v, const char *what, uint32_t seq)
{
	return why_set(v->why, ERR_CORRUPT, "ledger %u: %s", seq, what);
}

static enum err load_node(void *ctx, uint64_t key, struct buf *out)
{
	struct kv_txn *txn = ctx;
	struct bytes value;
	enum err e = kv_get(txn, KV_NODES, bytes_of(&key, sizeof(key)), &value);

	if (e == ERR_NONE)
		buf_put(out, value.p, value.n);
	return e;
}

/* Calls back for every row of a table, in order, until one is not ERR_NONE. */
static enum err each_row(struct verify *v, enum kv_table table,
			 enum err (*visit)(struct verify *v, const struct kv_row *row))
{
	struct kv_cursor *cur = NULL;
	struct kv_row row;
	enum err e = kv_cursor_open(v->txn, table, &cur);

	if (e == ERR_NONE)
		e = kv_first(cur, &row);
	while (e == ERR_NONE) {
		e = visit(v, &row);
		if (e == ERR_NONE)
			e = kv_next(cur, &row);
		else if (e == ERR_ABSENT) /* not the end of the table */
			e = ERR_CORRUPT;
	}
	kv_cursor_close(cur);
	return e == ERR_ABSENT ? ERR_NONE : e;
}

static enum err check_parent(struct verify *v, const struct header_row *row)
{
	struct header_row before;
	enum err e;

	if (row->header.seq <= v->tip.searchable_first)
		return ERR_NONE;
	e = store_get_header(v->txn, row->header.seq - 1, &before);
	if (e == ERR_ABSENT || (e == ERR_NONE && !hash256_eq(&before.hash, &row->header.parent)))
		return bad(v, "does not follow the one before it", row->header.seq);
	return e;
}

static enum err check_header(struct verify *v, const struct kv_row *r)
{
	struct header_row row;
	struct bytes value;
	struct tree txs;
	enum err e;

	if (r->key.n != SEQ_KEY_BYTES ||
	    header_row_decode(&row, load_be32(r->key.p), r->value) != ERR_NONE)
		return bad(v, "its header is damaged", r->key.n == 4 ? load_be32(r->key.p) : 0);
	v->headers++;
	e = kv_get(v->txn, KV_HASHES, bytes_of(row.hash.b, 32), &value);
	if (e != ERR_NONE || !bytes_eq(value, r->key))
		return bad(v, "cannot be found by its hash", row.header.seq);
	if (row.header.seq < v->tip.floor) /* on its way out */
		return ERR_NONE;
	e = store_tx_tree(v->txn, &row, &txs);
	if (e != ERR_NONE)
		return e == ERR_CORRUPT ? bad(v, "its transactions do not match", row.header.seq)
					: e;
	tree_close(&txs);
	return check_parent(v, &row);
}

/* ERR_ABSENT when the index lacks it. */
static enum err find_account_row(struct verify *v, const struct account_id *account, uint32_t seq,
				 uint32_t index)
{
	uint8_t row[RUN_ACCOUNT_ROW];
	struct run_cursor rc;
	enum err e = run_open(&rc, v->txn, RUN_ACCOUNTS);
	bool found = false;

	memcpy(row, account->b, 20);
	store_be32(row + 20, seq);
	store_be32(row + 24, index);
	for (uint32_t i = 0; e == ERR_NONE && i < v->runs.n && !found; i++) {
		if (seq < v->runs.run[i].first_seq || seq > v->runs.run[i].last_seq)
			continue;
		e = run_seek_up(&rc, v->runs.run[i].number, row);
		found = e == ERR_NONE && memcmp(run_row(&rc), row, sizeof(row)) == 0;
		if (e == ERR_ABSENT)
			e = ERR_NONE;
	}
	run_close(&rc);
	return e == ERR_NONE && !found ? ERR_ABSENT : e;
}

static enum err check_accounts(struct verify *v, uint32_t seq, uint32_t index, struct bytes raw)
{
	struct arena a = ARENA_INIT;
	struct account_id *accounts;
	struct st_object *meta;
	enum err e = st_decode(&meta, &a, raw, NULL);
	size_t n = e == ERR_NONE ? affected_accounts(meta, &a, &accounts) : 0;

	for (size_t i = 0; e == ERR_NONE && i < n; i++)
		e = find_account_row(v, &accounts[i], seq, index);
	arena_close(&a);
	v->account_rows += n;
	return e == ERR_NONE || e == ERR_IO ? e : bad(v, "an account lacks a transaction", seq);
}

static enum err check_tx(struct verify *v, const struct kv_row *r)
{
	struct bytes leaf, blob, meta;
	uint32_t seq, index;
	struct hash256 id;
	enum err e;

	if (r->key.n == TX_KEY_BYTES && load_be32(r->key.p) < v->tip.floor)
		return ERR_NONE; /* on its way out */
	if (r->key.n != TX_KEY_BYTES || tx_row_decode(&leaf, r->value) != ERR_NONE ||
	    tx_leaf_split(leaf, &blob, &meta) != ERR_NONE)
		return bad(v, "a transaction is damaged", r->key.n ? load_be32(r->key.p) : 0);
	v->txs++;
	sha512_half_parts(&id, HASH_PREFIX_TX_ID, &blob, 1);
	e = runs_find_tx(v->txn, &v->runs, &id, &seq, &index);
	if (e != ERR_NONE || seq != load_be32(r->key.p) || index != load_be32(r->key.p + 4))
		return bad(v, "a transaction cannot be found by its id", load_be32(r->key.p));
	return check_accounts(v, load_be32(r->key.p), load_be32(r->key.p + 4), meta);
}

enum err store_verify_ledger(struct kv_txn *txn, uint32_t seq, uint64_t *txs, struct why *why)
{
	struct verify v = {.txn = txn, .why = why};
	struct row_key k = row_key_seq(seq);
	struct kv_row row = {.key = row_key_bytes(&k)};
	struct header_row header;
	enum err e = store_get_tip(txn, &v.tip);

	if (e != ERR_NONE || seq < v.tip.floor || seq < v.tip.searchable_first)
		return e;
	e = runs_get(txn, &v.runs);
	if (e == ERR_NONE)
		e = kv_get(txn, KV_HEADERS, row.key, &row.value);
	if (e == ERR_ABSENT)
		return bad(&v, "its header is not there", seq);
	if (e == ERR_NONE)
		e = check_header(&v, &row);
	if (e == ERR_NONE)
		e = store_get_header(txn, seq, &header);
	for (uint32_t i = 0; e == ERR_NONE && i < header.n_txs; i++) {
		struct row_key place = row_key_pair(seq, i);

		row.key = row_key_bytes(&place);
		e = kv_get(txn, KV_TXS, row.key, &row.value);
		if (e == ERR_NONE)
			e = check_tx(&v, &row);
	}
	*txs += v.txs;
	return e;
}

static enum err expect_count(struct verify *v, uint64_t n, uint64_t want, const char *name)
{
	if (n == want)
		return ERR_NONE;
	return why_set(v->why, ERR_CORRUPT, "%llu %s where there should be %llu",
		       (unsigned long long)n, name, (unsigned long long)want);
}

/* As many rows in the indexes as what they point to, so none points to nothing. */
static enum err check_counts(struct verify *v)
{
	uint64_t hashes, rows[RUN_INDEXES];
	enum err e = kv_count(v->txn, KV_HASHES, &hashes);

	if (e == ERR_NONE)
		e = expect_count(v, hashes, v->headers, "ledger hashes");
	if (e == ERR_NONE)
		e = runs_check(v->txn, &v->runs, v->tip.floor, rows, v->why);
	if (e == ERR_NONE)
		e = expect_count(v, rows[RUN_TX_IDS], v->txs, "transaction ids");
	if (e == ERR_NONE)
		e = expect_count(v, rows[RUN_ACCOUNTS], v->account_rows, "account rows");
	return e;
}

static bool enter_once(void *ctx, uint64_t key)
{
	struct verify *v = ctx;

	return key && key_set_add(&v->reached, key);
}

static bool pass_leaf(void *ctx, const struct hash256 *id, struct bytes data)
{
	(void)ctx;
	(void)id;
	(void)data;
	return true;
}

static bool add_leaf(void *ctx, const struct hash256 *id, struct bytes data)
{
	struct verify *v = ctx;

	(void)id;
	v->sum_bad |= !entry_add_drops(&v->sum, data);
	return !v->sum_bad;
}

/* One kept state; the tip's comes first and is read in full, so its drops can be added up. */
static enum err check_state(struct verify *v, uint32_t seq)
{
	struct tree_scan scan = {
	    .enter = enter_once, .leaf = seq == v->tip.seq ? add_leaf : pass_leaf, .ctx = v};
	struct node_source source = {.load = load_node, .ctx = v->txn};
	struct header_row row;
	enum err e = store_get_header(v->txn, seq, &row);

	if (e != ERR_NONE || (row.state_key == 0 && !hash256_is_zero(&row.header.state_hash)))
		return e == ERR_ABSENT ? ERR_NONE : e; /* not kept */
	v->states++;
	e = tree_scan_stored(&source, TREE_STATE, &row.header.state_hash, row.state_key, &scan);
	if (v->sum_bad)
		return bad(v, "an entry is damaged or holds too much", seq);
	if (e == ERR_CORRUPT)
		return bad(v, "its state is damaged", seq);
	if (e == ERR_NONE && seq == v->tip.seq && drops_cmp(v->sum, row.header.drops) != 0)
		return why_set(v->why, ERR_CORRUPT,
			       "ledger %u: its accounts hold %llu drops, its header says %llu", seq,
			       (unsigned long long)v->sum.raw,            /* raw: printing */
			       (unsigned long long)row.header.drops.raw); /* raw: printing */
	return e;
}

static enum err check_list(struct verify *v, const struct kv_row *r)
{
	if (r->key.n != TX_KEY_BYTES || r->value.n % 8)
		return bad(v, "a list of obsolete nodes is damaged", 0);
	for (size_t at = 0; at < r->value.n; at += 8) {
		uint64_t key = load_be64(r->value.p + at);
		struct bytes node;
		enum err e = kv_get(v->txn, KV_NODES, bytes_of(&key, sizeof(key)), &node);

		if (e != ERR_NONE || !key_set_add(&v->listed, key))
			return bad(v, "lists an obsolete node that is not there, or twice",
				   load_be32(r->key.p));
		if (load_be32(r->key.p) <= v->tip.floor && key_set_has(&v->reached, key))
			return bad(v, "lists a node as obsolete that is in use",
				   load_be32(r->key.p));
	}
	return ERR_NONE;
}

static enum err check_node(struct verify *v, const struct kv_row *r)
{
	uint64_t key;

	if (r->key.n != sizeof(key))
		return bad(v, "a node without a proper key", 0);
	memcpy(&key, r->key.p, sizeof(key));
	if (!key_set_has(&v->reached, key) && !key_set_has(&v->listed, key))
		return bad(v, "left a node behind that nothing needs", (uint32_t)(key >> 32));
	return ERR_NONE;
}

static enum err verify_all(struct verify *v)
{
	enum err e = each_row(v, KV_HEADERS, check_header);

	if (e == ERR_NONE)
		e = each_row(v, KV_TXS, check_tx);
	if (e == ERR_NONE)
		e = check_counts(v);
	for (uint32_t seq = v->tip.seq; e == ERR_NONE && seq >= v->tip.floor && seq > 0; seq--)
		e = check_state(v, seq);
	if (e == ERR_NONE)
		e = each_row(v, KV_OBSOLETE, check_list);
	if (e == ERR_NONE)
		e = each_row(v, KV_NODES, check_node);
	return e;
}

static void write_report(const struct verify *v, struct buf *report)
{
	buf_printf(report, "ledgers        %u to %u, complete from %u, searchable from %u\n",
		   v->tip.floor, v->tip.seq, v->tip.complete_first, v->tip.searchable_first);
	buf_printf(report, "headers        %llu\n", (unsigned long long)v->headers);
	buf_printf(report, "transactions   %llu\n", (unsigned long long)v->txs);
	buf_printf(report, "account rows   %llu\n", (unsigned long long)v->account_rows);
	buf_printf(report, "states         %llu\n", (unsigned long long)v->states);
	buf_printf(report, "nodes          %zu in use, %zu listed as obsolete\n", v->reached.n,
		   v->listed.n);
	buf_printf(report, "drops          %llu\n",
		   (unsigned long long)v->sum.raw); /* raw: printing */
}

enum err store_verify(struct store *s, struct buf *report, struct why *why)
{
	struct verify v = {.why = why};
	enum err e = kv_read(s->db, &v.txn);

	if (e != ERR_NONE)
		return store_fail(why, e, s->folder);
	why_set(why, ERR_NONE, "%s", "");
	e = store_get_tip(v.txn, &v.tip);
	if (e == ERR_NONE)
		e = runs_get(v.txn, &v.runs);
	if (e == ERR_NONE)
		e = verify_all(&v);
	kv_abort(v.txn);
	if (e == ERR_NONE)
		write_report(&v, report);
	else if (!why || why->text[0] == '\0')
		store_fail(why, e, s->folder);
	mem_free(v.reached.slot);
	mem_free(v.listed.slot);
	return e;
}
