/* SPDX-License-Identifier: ISC */
#include "node/txq_impl.h"

#include <stdlib.h>

/* The container: one array of all entries, best first, and a chain for each account. The array is
 * searched by halves and moved by memmove, on the side that has less to move, which for 20,000
 * entries costs less than a tree's cache misses; and it is sorted anew with each ledger anyway. */

#define ORDER_FIRST 64 /* room of the array to begin with */

/* ---- order ---- */

bool txq_tx_before(const struct tx *a, const struct tx *b)
{
	if (a->has_ticket != b->has_ticket)
		return b->has_ticket;
	return a->has_ticket ? a->ticket < b->ticket : a->seq < b->seq;
}

bool txq_tx_same(const struct tx *a, const struct tx *b)
{
	return !txq_tx_before(a, b) && !txq_tx_before(b, a);
}

static int compare(const struct txq_entry *a, const struct txq_entry *b)
{
	if (a->level != b->level)
		return a->level > b->level ? -1 : 1;
	return hash256_cmp(&a->rank, &b->rank);
}

static int compare_slots(const void *a, const void *b)
{
	return compare(*(struct txq_entry *const *)a, *(struct txq_entry *const *)b);
}

static void set_rank(struct txq_entry *e, const struct hash256 *parent)
{
	for (size_t i = 0; i < sizeof(e->rank.b); i++)
		e->rank.b[i] = e->tx->id.b[i] ^ parent->b[i];
}

/* Where e is, or where it would have to go. */
static uint32_t search(const struct txq *q, const struct txq_entry *e)
{
	uint32_t lo = 0, hi = q->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (compare(q->order[mid], e) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

uint32_t txq_place(const struct txq *q, const struct txq_entry *e)
{
	uint32_t i = search(q, e);

	must(i < q->n && q->order[i] == e);
	return i;
}

void txq_sort(struct txq *q, const struct hash256 *parent)
{
	q->parent = *parent;
	for (uint32_t i = 0; i < q->n; i++)
		set_rank(q->order[i], parent);
	if (q->n)
		qsort(q->order, q->n, sizeof(struct txq_entry *), compare_slots);
}

/* ---- accounts ---- */

static struct hash256 key_of(const struct account_id *a)
{
	struct hash256 k = {{0}};

	memcpy(k.b, a->b, sizeof(a->b));
	return k;
}

struct txq_account *txq_account_get(const struct txq *q, const struct account_id *a)
{
	struct hash256 k = key_of(a);

	return hmap_get(&q->by_account, &k);
}

const struct txq_account *txq_account_of(const struct txq *q, const struct account_id *a)
{
	const struct txq_account *x = txq_account_get(q, a);

	return x && x->n ? x : NULL;
}

struct txq_account *txq_account_for(struct txq *q, const struct account_id *a)
{
	struct txq_account *x = txq_account_get(q, a);

	if (x)
		return x;
	x = mem_zalloc(1, sizeof(*x));
	x->key = key_of(a);
	x->next = q->accounts;
	q->accounts = x;
	hmap_put(&q->by_account, &x->key, x);
	return x;
}

struct txq_entry *txq_rival(const struct txq_account *a, const struct tx *t)
{
	struct txq_entry *e = a ? a->first : NULL;

	while (e && txq_tx_before(e->tx, t))
		e = e->next;
	return e && txq_tx_same(e->tx, t) ? e : NULL;
}

struct txq_entry *txq_first_from(const struct txq_account *a, uint32_t seq)
{
	struct txq_entry *e = a ? a->first : NULL;

	while (e && !e->tx->has_ticket && e->tx->seq < seq)
		e = e->next;
	return e;
}

struct txq_entry *txq_last_of(const struct txq_account *a)
{
	struct txq_entry *e = a->first;

	while (e && e->next)
		e = e->next;
	return e;
}

uint32_t txq_following(const struct txq_entry *e)
{
	return e->tx->seq + e->effect.sequences;
}

/* (rippled: nextQueuableSeqImpl) The first sequence that nothing has taken. */
uint32_t txq_next_sequence(const struct txq *q, const struct account_id *a, uint32_t seq)
{
	const struct txq_entry *e = txq_first_from(txq_account_get(q, a), seq);

	if (!e || e->tx->has_ticket || e->tx->seq != seq)
		return seq;
	do {
		seq = txq_following(e);
		e = e->next;
	} while (e && !e->tx->has_ticket && e->tx->seq <= seq);
	return seq;
}

const struct txq_entry *txq_find(const struct txq *q, const struct tx *t)
{
	const struct txq_entry *e = txq_rival(txq_account_get(q, &t->account), t);

	return e && hash256_eq(&e->tx->id, &t->id) ? e : NULL;
}

/* ---- in and out ---- */

/* Takes the entry at i out of the array. */
static void close_gap(struct txq *q, uint32_t i)
{
	q->n--;
	if (i >= q->n / 2) {
		memmove(q->order + i, q->order + i + 1, (q->n - i) * sizeof(struct txq_entry *));
		return;
	}
	memmove(q->order + 1, q->order, i * sizeof(struct txq_entry *));
	q->order++;
}

/* Puts e in at i. */
static void open_gap(struct txq *q, uint32_t i, struct txq_entry *e)
{
	size_t head = (size_t)(q->order - q->slots);

	if (head && i < q->n / 2) {
		q->order--;
		memmove(q->order, q->order + 1, i * sizeof(struct txq_entry *));
	} else {
		if (head + q->n == q->cap && head) {
			memmove(q->slots, q->order, q->n * sizeof(struct txq_entry *));
			q->order = q->slots;
		} else if (q->n == q->cap) {
			q->cap = q->cap ? q->cap * 2 : ORDER_FIRST;
			q->slots = mem_resize(q->slots, q->cap, sizeof(struct txq_entry *));
			q->order = q->slots;
		}
		memmove(q->order + i + 1, q->order + i, (q->n - i) * sizeof(struct txq_entry *));
	}
	q->order[i] = e;
	q->n++;
}

void txq_put(struct txq *q, struct tx *t, uint64_t level)
{
	struct txq_entry *e = mem_zalloc(1, sizeof(*e)), **at;

	e->tx = tx_ref(t);
	e->level = level;
	e->retries = TXQ_RETRIES;
	e->last = terQUEUED;
	tx_consequences_of(t, &e->effect);
	set_rank(e, &q->parent);
	e->account = txq_account_for(q, &t->account);
	for (at = &e->account->first; *at && txq_tx_before((*at)->tx, t); at = &(*at)->next)
		;
	must(!*at || !txq_tx_same((*at)->tx, t));
	e->next = *at;
	*at = e;
	e->account->n++;
	open_gap(q, search(q, e), e);
	q->bytes += t->blob.n;
}

struct tx *txq_take(struct txq *q, struct txq_entry *e)
{
	uint32_t i = txq_place(q, e);
	struct txq_entry **at = &e->account->first;
	struct tx *t = e->tx;

	while (*at != e) {
		must(*at);
		at = &(*at)->next;
	}
	*at = e->next;
	e->account->n--;
	close_gap(q, i);
	must(q->bytes >= t->blob.n);
	q->bytes -= t->blob.n;
	mem_free(e);
	return t;
}

void txq_leaves(struct txq *q, struct txq_entry *e, bool applied, enum ter result)
{
	struct tx *t = txq_take(q, e);

	q->hooks.left(q->hooks.ctx, t, applied, result);
	tx_unref(t);
}

static struct txq_entry *own(const struct txq *q, const struct tx *t)
{
	struct txq_entry *e = txq_rival(txq_account_get(q, &t->account), t);

	return e && hash256_eq(&e->tx->id, &t->id) ? e : NULL;
}

bool txq_remove(struct txq *q, const struct tx *t)
{
	struct txq_entry *e = own(q, t);

	if (e)
		tx_unref(txq_take(q, e));
	return e != NULL;
}

void txq_overtaken(struct txq *q, const struct tx *t)
{
	struct txq_entry *e = txq_rival(txq_account_get(q, &t->account), t);

	if (e)
		txq_leaves(q, e, false, tefPAST_SEQ);
}

/* ---- life, bounds ---- */

void txq_init(struct txq *q, const struct txq_setup *s, bool standalone, uint64_t salt,
	      const struct txq_hooks *hooks)
{
	*q = (struct txq){.setup = *s, .hooks = *hooks, .max = TX_QUEUE_MAX};
	fee_metrics_init(&q->fees, s, standalone);
	hmap_init(&q->by_account, salt);
}

void txq_close(struct txq *q)
{
	while (q->n)
		tx_unref(txq_take(q, q->order[q->n - 1]));
	while (q->accounts) {
		struct txq_account *a = q->accounts;

		q->accounts = a->next;
		mem_free(a);
	}
	mem_free(q->slots);
	hmap_close(&q->by_account);
}

bool txq_full(const struct txq *q, uint32_t percent)
{
	return q->n >= (uint64_t)q->max * percent / 100;
}

uint64_t txq_minimum_level(const struct txq *q)
{
	uint64_t level;

	if (!txq_full(q, 100) || !q->n)
		return FEE_LEVEL_BASE;
	level = q->order[q->n - 1]->level;
	return level == UINT64_MAX ? level : level + 1;
}

static const char *account_wrong(const struct txq *q, const struct txq_account *a, uint32_t *n,
				 uint64_t *bytes)
{
	const struct txq_entry *e;
	uint32_t mine = 0;

	for (e = a->first; e; e = e->next) {
		uint32_t i = search(q, e);

		if (i >= q->n || q->order[i] != e)
			return "an entry of an account that is not in the order";
		if (e->next && !txq_tx_before(e->tx, e->next->tx))
			return "two entries of an account in the wrong order, or for one sequence";
		if (e->effect.blocker && e->next)
			return "something waits behind a blocker";
		*bytes += e->tx->blob.n;
		mine++;
	}
	*n += mine;
	return mine == a->n ? NULL : "the count of an account";
}

const char *txq_wrong(const struct txq *q)
{
	uint64_t bytes = 0;
	uint32_t n = 0;

	if (q->n > TX_QUEUE_MAX || q->bytes > TX_QUEUE_BYTES_MAX)
		return "more than the queue may hold";
	for (uint32_t i = 1; i < q->n; i++)
		if (compare(q->order[i - 1], q->order[i]) >= 0)
			return "the order of levels";
	for (const struct txq_account *a = q->accounts; a; a = a->next) {
		const char *wrong = account_wrong(q, a, &n, &bytes);

		if (wrong)
			return wrong;
	}
	return n == q->n && bytes == q->bytes ? NULL
					      : "what is in the order and what accounts have";
}
