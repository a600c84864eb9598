/* SPDX-License-Identifier: ISC */
#include "base/limits.h"
#include "base/mem.h"
#include "crypto/hash.h"
#include "ledger/affected.h"
#include "store/store_impl.h"

#include <stdlib.h>

/* One ledger, one write transaction. What the rows will be is worked out before it begins. */

#define GROW_TRIES_MAX 24 /* doublings of the map: more than any disk */

/* Blocks of the indexes merged beside a commit: for each that it adds, one per level that the rows
 * will pass, and some more, so that merging keeps up. */
#define MERGE_PER_BLOCK 16
#define MERGE_LEAST     16

/* One transaction of the ledger. */
struct commit_tx {
	struct hash256 id;
	struct bytes leaf;
	uint32_t index;
};
/* One account that one transaction mentions. */
struct commit_account {
	struct account_id account;
	uint32_t index;
};

struct commit {
	struct store *s;
	const struct ledger *l;
	struct tree last;     /* the state of the last commit; root NULL before the first */
	struct tip_row tip;   /* as it will be */
	struct commit_tx *tx; /* by id */
	uint32_t tx_n;
	struct commit_account *account; /* by account and index */
	size_t account_n, account_cap;
	struct kv_txn *txn;
	bool past; /* a ledger before others: rows go between those that are there */
	struct buf obsolete;
	struct tree_keys *keys;
	struct header_row header;
};

static int by_index(const void *a, const void *b)
{
	const struct commit_tx *x = a, *y = b;

	return (x->index > y->index) - (x->index < y->index);
}

static int by_account(const void *a, const void *b)
{
	const struct commit_account *x = a, *y = b;
	int c = account_cmp(&x->account, &y->account);

	return c ? c : (x->index > y->index) - (x->index < y->index);
}

static int by_key(const void *a, const void *b)
{
	return memcmp(a, b, 8);
}

static void add_account(struct commit *c, const struct account_id *account, uint32_t index)
{
	if (c->account_n == c->account_cap) {
		c->account_cap = c->account_cap ? c->account_cap * 2 : 256;
		c->account = mem_resize(c->account, c->account_cap, sizeof(*c->account));
	}
	c->account[c->account_n++] = (struct commit_account){*account, index};
}

/* Index and accounts of one transaction, out of its metadata. */
static enum err read_meta(struct commit *c, struct commit_tx *tx, struct arena *a)
{
	struct account_id *accounts;
	struct st_object *meta;
	struct bytes blob, raw;
	size_t n;

	if (tx_leaf_split(tx->leaf, &blob, &raw) != ERR_NONE ||
	    st_decode(&meta, a, raw, NULL) != ERR_NONE ||
	    !st_get_u32(meta, sfTransactionIndex, &tx->index))
		return ERR_INVALID;
	n = affected_accounts(meta, a, &accounts);
	for (size_t i = 0; i < n; i++)
		add_account(c, &accounts[i], tx->index);
	return ERR_NONE;
}

/* Collects the transactions; their indexes must be 0 .. n-1, each once. */
static enum err read_txs(struct commit *c)
{
	struct arena a = ARENA_INIT;
	struct hash256 *after = NULL;
	enum found f = FOUND;
	enum err e = ERR_NONE;
	size_t cap = 64;

	c->tx = mem_alloc(cap * sizeof(*c->tx));
	while (e == ERR_NONE) {
		struct commit_tx *tx;

		if (c->tx_n == cap) {
			cap *= 2;
			c->tx = mem_resize(c->tx, cap, sizeof(*c->tx));
			after = &c->tx[c->tx_n - 1].id;
		}
		tx = &c->tx[c->tx_n];
		f = tree_next(&c->l->txs, after, &tx->id, &tx->leaf);
		if (f != FOUND)
			break;
		arena_reset(&a);
		e = read_meta(c, tx, &a);
		after = &tx->id;
		c->tx_n++;
	}
	arena_close(&a);
	if (e == ERR_NONE && f == UNAVAILABLE)
		e = ERR_UNAVAILABLE;
	return e;
}

static enum err check_indexes(const struct commit *c)
{
	uint8_t *seen = mem_zalloc(c->tx_n, 1);
	enum err e = ERR_NONE;

	for (uint32_t i = 0; e == ERR_NONE && i < c->tx_n; i++)
		if (c->tx[i].index >= c->tx_n || seen[c->tx[i].index]++)
			e = ERR_INVALID;
	mem_free(seen);
	return e;
}

static enum err put_node(void *ctx, uint64_t key, struct bytes node)
{
	struct commit *c = ctx;

	return kv_append(c->txn, KV_NODES, bytes_of(&key, sizeof(key)), node);
}

static enum err put_state(struct commit *c)
{
	struct tree_sink sink = {.put = put_node, .ctx = c};

	buf_clear(&c->obsolete);
	return tree_persist(&c->l->state, c->last.root ? &c->last : NULL, c->l->header.seq, &sink,
			    &c->obsolete, &c->keys, &c->header.state_key);
}

static enum err put_obsolete(struct commit *c)
{
	const size_t most = (size_t)OBSOLETE_CHUNK * 8;
	uint32_t chunk = 0;
	enum err e = ERR_NONE;

	if (c->obsolete.n)
		qsort(c->obsolete.p, c->obsolete.n / 8, 8, by_key);
	for (size_t at = 0; e == ERR_NONE && at < c->obsolete.n; at += most) {
		struct row_key k = row_key_pair(c->l->header.seq, chunk++);
		size_t n = c->obsolete.n - at < most ? c->obsolete.n - at : most;

		e = kv_append(c->txn, KV_OBSOLETE, row_key_bytes(&k),
			      bytes_of(c->obsolete.p + at, n));
	}
	return e;
}

static enum err put(struct commit *c, enum kv_table table, const struct row_key *k,
		    struct bytes value)
{
	return c->past ? kv_put(c->txn, table, row_key_bytes(k), value)
		       : kv_append(c->txn, table, row_key_bytes(k), value);
}

static enum err put_header(struct commit *c)
{
	struct row_key seq = row_key_seq(c->l->header.seq);
	uint8_t row[HEADER_ROW_BYTES];
	enum err e;

	c->header.header = c->l->header;
	c->header.hash = c->l->hash;
	c->header.n_txs = c->tx_n;
	header_row_encode(row, &c->header);
	e = put(c, KV_HEADERS, &seq, bytes_of(row, sizeof(row)));
	if (e == ERR_NONE)
		e = kv_put(c->txn, KV_HASHES, bytes_of(c->l->hash.b, 32), row_key_bytes(&seq));
	return e;
}

static enum err put_txs(struct commit *c)
{
	struct commit_tx *ordered = mem_alloc(c->tx_n * sizeof(*ordered));
	struct buf row = BUF_INIT;
	enum err e = ERR_NONE;

	if (c->tx_n) {
		memcpy(ordered, c->tx, c->tx_n * sizeof(*ordered));
		qsort(ordered, c->tx_n, sizeof(*ordered), by_index);
	}
	for (uint32_t i = 0; e == ERR_NONE && i < c->tx_n; i++) {
		struct row_key place = row_key_pair(c->l->header.seq, i);

		buf_clear(&row);
		tx_row_encode(&row, ordered[i].leaf);
		e = put(c, KV_TXS, &place, buf_bytes(&row));
	}
	buf_close(&row);
	mem_free(ordered);
	return e;
}

static enum err put_indexes(struct commit *c)
{
	struct buf ids = BUF_INIT, accounts = BUF_INIT;
	uint32_t seq = c->l->header.seq, blocks = 0;
	struct runs runs;
	enum err e = runs_get(c->txn, &runs);

	for (uint32_t i = 0; i < c->tx_n; i++) { /* by id already */
		buf_put(&ids, c->tx[i].id.b, sizeof(c->tx[i].id.b));
		buf_put_be32(&ids, seq);
		buf_put_be32(&ids, c->tx[i].index);
	}
	for (size_t i = 0; i < c->account_n; i++) {
		buf_put(&accounts, c->account[i].account.b, sizeof(c->account[i].account.b));
		buf_put_be32(&accounts, seq);
		buf_put_be32(&accounts, c->account[i].index);
	}
	if (e == ERR_NONE)
		e = runs_add(c->txn, &runs, seq, buf_bytes(&ids), buf_bytes(&accounts), &blocks);
	if (e == ERR_NONE)
		e = runs_work(c->txn, &runs, c->tip.floor, blocks * MERGE_PER_BLOCK + MERGE_LEAST);
	if (e == ERR_NONE)
		e = runs_put(c->txn, &runs);
	buf_close(&ids);
	buf_close(&accounts);
	return e;
}

/* The whole transaction, once. On failure nothing is left of it. */
static enum err write_ledger(struct commit *c, struct why *why)
{
	enum err e = kv_write(c->s->db, &c->txn);

	if (e != ERR_NONE)
		return store_fail(why, e, c->s->folder);
	e = put_state(c);
	if (e == ERR_NONE)
		e = put_obsolete(c);
	if (e == ERR_NONE)
		e = put_header(c);
	if (e == ERR_NONE)
		e = put_txs(c);
	if (e == ERR_NONE)
		e = put_indexes(c);
	if (e == ERR_NONE)
		e = store_put_tip(c->txn, &c->tip);
	if (e == ERR_NONE) {
		e = kv_commit(c->txn, why);
	} else {
		kv_abort(c->txn);
		store_fail(why, e, c->s->folder);
	}
	c->txn = NULL;
	if (e != ERR_NONE) {
		tree_keys_drop(c->keys);
		c->keys = NULL;
	}
	return e;
}

/* What the last commit's state is, with all its disk keys: the tree in memory, or one that loads
 * from the tables when its keys have not been published (yet). */
static enum err find_last(struct commit *c, const struct tip_row *tip, const struct ledger *last)
{
	struct header_row row;
	struct kv_txn *txn;
	enum err e;

	if (tip->seq == 0)
		return ERR_NONE;
	e = kv_read(c->s->db, &txn);
	if (e != ERR_NONE)
		return e;
	e = store_get_header(txn, tip->seq, &row);
	kv_abort(txn);
	if (e != ERR_NONE)
		return e == ERR_ABSENT ? ERR_CORRUPT : e;
	if (tree_root_key(&last->state) == row.state_key)
		tree_share(&c->last, &last->state);
	else
		tree_init_stored(&c->last, TREE_STATE, &c->s->source, &row.header.state_hash,
				 row.state_key);
	return ERR_NONE;
}

static enum err check_order(const struct tip_row *tip, const struct ledger *l,
			    const struct ledger *last, struct why *why)
{
	if (l->header.seq == 0 || l->header.seq <= tip->seq)
		return why_set(why, ERR_STATE, "ledger %u after ledger %u", l->header.seq,
			       tip->seq);
	if ((tip->seq == 0) != (last == NULL) || (last && !hash256_eq(&last->hash, &tip->hash)))
		return why_set(why, ERR_STATE, "ledger %u does not follow what was committed last",
			       l->header.seq);
	return ERR_NONE;
}

static struct tip_row next_tip(const struct tip_row *tip, const struct ledger *l)
{
	uint32_t seq = l->header.seq;

	return (struct tip_row){
	    .seq = seq,
	    .hash = l->hash,
	    .complete_first = tip->seq && tip->seq + 1 == seq ? tip->complete_first : seq,
	    .floor = tip->seq ? tip->floor : seq,
	    .searchable_first = tip->seq && tip->seq + 1 == seq ? tip->searchable_first : seq,
	};
}

enum err store_commit(struct store *s, const struct ledger *l, const struct ledger *last,
		      struct tree_keys **keys, struct why *why)
{
	struct tip_row tip = store_tip(s);
	struct commit c = {.s = s, .l = l, .tip = next_tip(&tip, l)};
	enum err e;

	*keys = NULL;
	must(!s->read_only);
	e = check_order(&tip, l, last, why);
	if (e != ERR_NONE)
		return e;
	e = read_txs(&c);
	if (e == ERR_NONE)
		e = check_indexes(&c);
	if (e == ERR_NONE)
		e = find_last(&c, &tip, last);
	if (e != ERR_NONE)
		store_fail(why, e, "the ledger to be committed");
	if (e == ERR_NONE && c.account_n)
		qsort(c.account, c.account_n, sizeof(*c.account), by_account);
	if (e == ERR_NONE) {
		e = write_ledger(&c, why);
		for (int i = 0; e == ERR_FULL && i < GROW_TRIES_MAX; i++) {
			e = kv_grow(s->db);
			e = e == ERR_NONE ? write_ledger(&c, why) : store_fail(why, e, s->folder);
		}
	}
	if (e == ERR_NONE) {
		store_set_tip(s, &c.tip);
		*keys = c.keys;
	}
	if (c.last.root)
		tree_close(&c.last);
	buf_close(&c.obsolete);
	mem_free(c.tx);
	mem_free(c.account);
	return e;
}

/* Header, transactions and index rows of a ledger before others, within the caller's transaction;
 * no state. */
enum err store_put_past(struct kv_txn *txn, struct store *s, const struct tip_row *tip,
			const struct history_ledger *past)
{
	struct ledger l = {.header = past->header, .hash = past->hash, .txs = past->txs};
	struct commit c = {.s = s, .l = &l, .tip = *tip, .txn = txn, .past = true};
	enum err e = read_txs(&c);

	if (e == ERR_NONE)
		e = check_indexes(&c);
	if (e == ERR_NONE && c.account_n)
		qsort(c.account, c.account_n, sizeof(*c.account), by_account);
	if (e == ERR_NONE)
		e = put_header(&c);
	if (e == ERR_NONE)
		e = put_txs(&c);
	if (e == ERR_NONE)
		e = put_indexes(&c);
	mem_free(c.tx);
	mem_free(c.account);
	return e;
}
