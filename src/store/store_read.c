/* SPDX-License-Identifier: ISC */
#include "store/store_impl.h"

#include "base/mem.h"
#include "crypto/hash.h"
#include "ledger/affected.h"

#include <stdlib.h>

/* Look-ups: the node source and the history interface. Each reads within one snapshot and copies
 * what it found out of it, so that no snapshot outlives a call, nor a caller's visit. */

#define PAGE_ROWS  32
#define PAGE_BYTES (256u << 10) /* a page is full with the row that passes this */

enum err store_get_header(struct kv_txn *txn, uint32_t seq, struct header_row *out)
{
	struct row_key k = row_key_seq(seq);
	struct bytes value;
	enum err e = kv_get(txn, KV_HEADERS, row_key_bytes(&k), &value);

	return e == ERR_NONE ? header_row_decode(out, seq, value) : e;
}

enum err store_get_tx(struct kv_txn *txn, uint32_t seq, uint32_t index, struct bytes *tx,
		      struct bytes *meta)
{
	struct row_key k = row_key_pair(seq, index);
	struct bytes value, leaf;
	enum err e = kv_get(txn, KV_TXS, row_key_bytes(&k), &value);

	if (e != ERR_NONE)
		return e;
	if (tx_row_decode(&leaf, value) != ERR_NONE || tx_leaf_split(leaf, tx, meta) != ERR_NONE)
		return ERR_CORRUPT;
	return ERR_NONE;
}

static enum err load_node(void *ctx, uint64_t key, struct buf *out)
{
	struct store *s = ctx;
	struct kv_txn *txn;
	struct bytes value;
	enum err e = kv_read(s->db, &txn);

	if (e != ERR_NONE)
		return e;
	e = kv_get(txn, KV_NODES, bytes_of(&key, sizeof(key)), &value);
	if (e == ERR_NONE)
		buf_put(out, value.p, value.n);
	kv_abort(txn);
	return e;
}

static enum err read_header(void *ctx, uint32_t seq, struct ledger_header *out,
			    struct hash256 *hash)
{
	struct store *s = ctx;
	struct header_row row;
	struct kv_txn *txn;
	enum err e = kv_read(s->db, &txn);

	if (e != ERR_NONE)
		return e;
	e = store_get_header(txn, seq, &row);
	kv_abort(txn);
	if (e == ERR_NONE) {
		*out = row.header;
		*hash = row.hash;
	} else if (e == ERR_ABSENT) {
		struct tip_row tip = store_tip(s);

		if (seq >= tip.complete_first && seq <= tip.seq && seq != 0)
			e = ERR_CORRUPT; /* it was there */
	}
	return e;
}

static enum err read_seq(struct kv_txn *txn, const struct hash256 *hash, uint32_t *seq)
{
	struct header_row row;
	struct bytes value;
	enum err e = kv_get(txn, KV_HASHES, bytes_of(hash->b, 32), &value);

	if (e != ERR_NONE)
		return e;
	if (value.n != SEQ_KEY_BYTES)
		return ERR_CORRUPT;
	*seq = load_be32(value.p);
	e = store_get_header(txn, *seq, &row);
	if (e == ERR_ABSENT || (e == ERR_NONE && !hash256_eq(&row.hash, hash)))
		return ERR_CORRUPT;
	return e;
}

static enum err seq_of_hash(void *ctx, const struct hash256 *hash, uint32_t *seq)
{
	struct store *s = ctx;
	struct kv_txn *txn;
	enum err e = kv_read(s->db, &txn);

	if (e != ERR_NONE)
		return e;
	e = read_seq(txn, hash, seq);
	kv_abort(txn);
	return e;
}

static enum err open_ledger(void *ctx, uint32_t seq, struct ledger **out)
{
	return store_ledger_open(ctx, seq, out);
}

static void tx_id(struct hash256 *out, struct bytes blob)
{
	sha512_half_parts(out, HASH_PREFIX_TX_ID, &blob, 1);
}

/* Fills the row and appends its bytes; the views are set by the caller, once nothing more is
 * appended. */
static enum err copy_tx(struct kv_txn *txn, uint32_t seq, uint32_t index, struct history_tx *out,
			struct buf *store)
{
	struct bytes blob, meta;
	enum err e = store_get_tx(txn, seq, index, &blob, &meta);

	if (e != ERR_NONE)
		return e == ERR_ABSENT ? ERR_CORRUPT : e; /* an index named it */
	out->ledger_seq = seq;
	out->index = index;
	tx_id(&out->id, blob);
	out->blob.n = blob.n;
	out->meta.n = meta.n;
	buf_put(store, blob.p, blob.n);
	buf_put(store, meta.p, meta.n);
	return ERR_NONE;
}

static void set_views(struct history_tx *tx, const uint8_t *at)
{
	tx->blob.p = at;
	tx->meta.p = at + tx->blob.n;
}

static enum err find_tx(struct kv_txn *txn, const struct hash256 *id, struct history_tx *out,
			struct buf *store)
{
	struct tip_row tip;
	struct runs runs;
	uint32_t seq = 0, index = 0;
	enum err e = runs_get(txn, &runs);

	if (e == ERR_NONE)
		e = store_get_tip(txn, &tip);
	if (e == ERR_NONE)
		e = runs_find_tx(txn, &runs, id, &seq, &index);
	if (e == ERR_NONE && seq < tip.floor)
		e = ERR_ABSENT; /* its ledger is going or gone */
	if (e == ERR_NONE)
		e = copy_tx(txn, seq, index, out, store);
	return e == ERR_NONE && !hash256_eq(&out->id, id) ? ERR_CORRUPT : e;
}

static enum err read_tx(void *ctx, const struct hash256 *id, struct history_tx *out,
			struct buf *store)
{
	struct store *s = ctx;
	size_t start = store->n;
	struct kv_txn *txn;
	enum err e = kv_read(s->db, &txn);

	if (e != ERR_NONE)
		return e;
	e = find_tx(txn, id, out, store);
	kv_abort(txn);
	if (e == ERR_NONE)
		set_views(out, store->p + start);
	else
		store->n = start;
	return e;
}

/* A few transactions of an account, copied out of one snapshot. */
struct page {
	struct history_tx row[PAGE_ROWS];
	unsigned n;
	bool end; /* nothing behind the last row */
	struct buf bytes;
};

struct account_range {
	const struct account_id *account;
	uint32_t min_seq, max_seq;
	bool forward;
	uint32_t at[2]; /* the next place to look at */
};

/* Moves on to the place behind (seq, index); false at the very end. */
static bool range_step(struct account_range *r, uint32_t seq, uint32_t index)
{
	uint64_t at = (uint64_t)seq << 32 | index;

	if (r->forward ? at == UINT64_MAX : at == 0)
		return false;
	at = r->forward ? at + 1 : at - 1;
	r->at[0] = (uint32_t)(at >> 32);
	r->at[1] = (uint32_t)at;
	return true;
}

static bool range_has(const struct account_range *r, const uint8_t *row)
{
	uint32_t seq = load_be32(row + 20);

	return memcmp(row, r->account->b, 20) == 0 && seq >= r->min_seq && seq <= r->max_seq;
}

/* Whether (seq, index) is at or behind the place that the walk has come to. */
static bool in_order(const struct account_range *r, uint32_t seq, uint32_t index)
{
	uint64_t place = (uint64_t)seq << 32 | index, at = (uint64_t)r->at[0] << 32 | r->at[1];

	return r->forward ? place >= at : place <= at;
}

/* Whether a transaction's bytes have the account in them, as they must where a row says so. */
static bool mentions(struct bytes tx, const struct account_id *account)
{
	return memmem(tx.p, tx.n, account->b, sizeof(account->b)) != NULL;
}

/* Takes the transaction that a row names into the page. */
static enum err page_add(struct kv_txn *txn, struct account_range *r, struct page *p,
			 const uint8_t *row)
{
	uint32_t seq = load_be32(row + 20), index = load_be32(row + 24);
	size_t start = p->bytes.n;
	enum err e;

	if (!in_order(r, seq, index))
		return ERR_CORRUPT;
	e = copy_tx(txn, seq, index, &p->row[p->n], &p->bytes);
	if (e != ERR_NONE)
		return e;
	if (!mentions(bytes_of(p->bytes.p + start, p->bytes.n - start), r->account))
		return ERR_CORRUPT;
	p->n++;
	p->end = !range_step(r, seq, index);
	return ERR_NONE;
}

static bool page_full(const struct page *p)
{
	return p->end || p->n == PAGE_ROWS || p->bytes.n >= PAGE_BYTES;
}

/* Whether the run may have rows that the walk has not come to yet. */
static bool run_ahead(const struct account_range *r, const struct run *run)
{
	if (r->forward)
		return run->last_seq >= r->at[0] && run->first_seq <= r->max_seq;
	return run->first_seq <= r->at[0] && run->last_seq >= r->min_seq;
}

static int by_first(const void *a, const void *b)
{
	const struct run *x = a, *y = b;

	return (x->first_seq > y->first_seq) - (x->first_seq < y->first_seq);
}

static int by_last(const void *a, const void *b)
{
	const struct run *x = a, *y = b;

	return (x->last_seq < y->last_seq) - (x->last_seq > y->last_seq);
}

/* The walk through the runs that lie ahead: those that may have the next row are open, each at its
 * own next row. */
struct heads {
	struct run run[RUNS_MAX]; /* ahead, in the order of the walk */
	uint32_t n, next;         /* next: the first that is not open yet */
	struct run_cursor at[RUNS_MAX];
	uint32_t open;
};

static void heads_init(struct heads *h, const struct runs *runs, const struct account_range *r)
{
	h->n = h->next = h->open = 0;
	for (uint32_t i = 0; i < runs->n; i++)
		if (run_ahead(r, &runs->run[i]))
			h->run[h->n++] = runs->run[i];
	if (h->n)
		qsort(h->run, h->n, sizeof(*h->run), r->forward ? by_first : by_last);
}

static void heads_close(struct heads *h)
{
	while (h->open)
		run_close(&h->at[--h->open]);
}

/* The open run whose row comes next in the walk; NULL for none. */
static struct run_cursor *heads_best(struct heads *h, const struct account_range *r)
{
	struct run_cursor *best = NULL;

	for (uint32_t i = 0; i < h->open; i++) {
		int c = best ? memcmp(run_row(&h->at[i]) + 20, run_row(best) + 20, 8) : 0;

		if (!best || (r->forward ? c < 0 : c > 0))
			best = &h->at[i];
	}
	return best;
}

/* Keeps the run open when its row is one of the range. */
static enum err heads_keep(struct heads *h, struct run_cursor *rc, const struct account_range *r,
			   enum err e)
{
	if (e == ERR_NONE && range_has(r, run_row(rc)))
		return ERR_NONE;
	run_close(rc);
	*rc = h->at[--h->open];
	return e == ERR_ABSENT ? ERR_NONE : e;
}

static enum err heads_open_next(struct heads *h, struct kv_txn *txn, const struct account_range *r)
{
	struct run_cursor *rc = &h->at[h->open++];
	uint32_t run = h->run[h->next++].number;
	uint8_t key[RUN_ACCOUNT_ROW];
	enum err e = run_open(rc, txn, RUN_ACCOUNTS);

	memcpy(key, r->account->b, 20);
	store_be32(key + 20, r->at[0]);
	store_be32(key + 24, r->at[1]);
	if (e == ERR_NONE)
		e = r->forward ? run_seek_up(rc, run, key) : run_seek_down(rc, run, key);
	return heads_keep(h, rc, r, e);
}

/* Whether the next run that is not open may have a row before the best one. */
static bool heads_want(const struct heads *h, const struct account_range *r,
		       const struct run_cursor *best)
{
	uint32_t seq = best ? load_be32(run_row(best) + 20) : 0;

	if (h->next == h->n)
		return false;
	return !best ||
	       (r->forward ? h->run[h->next].first_seq <= seq : h->run[h->next].last_seq >= seq);
}

static enum err heads_walk(struct heads *h, struct kv_txn *txn, struct account_range *r,
			   struct page *p)
{
	enum err e = ERR_NONE;

	while (e == ERR_NONE && !page_full(p)) {
		struct run_cursor *best = heads_best(h, r);

		if (heads_want(h, r, best)) {
			e = heads_open_next(h, txn, r);
			continue;
		}
		if (!best) {
			p->end = true;
			break;
		}
		e = page_add(txn, r, p, run_row(best));
		if (e == ERR_NONE)
			e = heads_keep(h, best, r, r->forward ? run_next(best) : run_prev(best));
	}
	return e;
}

static enum err page_rows(struct kv_txn *txn, struct account_range *r, struct page *p)
{
	struct heads *h;
	struct tip_row tip;
	struct runs runs;
	enum err e = runs_get(txn, &runs);

	if (e == ERR_NONE)
		e = store_get_tip(txn, &tip);
	if (e != ERR_NONE)
		return e;
	if (r->min_seq < tip.floor)
		r->min_seq = tip.floor; /* what is below is going or gone */
	if (r->forward && r->at[0] < r->min_seq) {
		r->at[0] = r->min_seq;
		r->at[1] = 0;
	}
	h = mem_alloc(sizeof(*h));
	heads_init(h, &runs, r);
	e = heads_walk(h, txn, r, p);
	heads_close(h);
	mem_free(h);
	return e;
}

static enum err page_read(struct store *s, struct account_range *r, struct page *p)
{
	struct kv_txn *txn;
	const uint8_t *at;
	enum err e = kv_read(s->db, &txn);

	if (e != ERR_NONE)
		return e;
	p->n = 0;
	buf_clear(&p->bytes);
	e = page_rows(txn, r, p);
	kv_abort(txn);
	at = p->bytes.p;
	for (unsigned i = 0; e == ERR_NONE && i < p->n; i++) {
		set_views(&p->row[i], at);
		at += p->row[i].blob.n + p->row[i].meta.n;
	}
	return e;
}

/* Where to begin: at `from`, but within the range; false when nothing can be there. */
static bool range_start(struct account_range *r, const uint32_t from[2])
{
	if (r->min_seq > r->max_seq)
		return false;
	r->at[0] = r->forward ? r->min_seq : r->max_seq;
	r->at[1] = r->forward ? 0 : UINT32_MAX;
	if (!from)
		return true;
	if (r->forward ? from[0] > r->max_seq : from[0] < r->min_seq)
		return false;
	if (r->forward ? from[0] >= r->min_seq : from[0] <= r->max_seq) {
		r->at[0] = from[0];
		r->at[1] = from[1];
	}
	return true;
}

static enum err account_txs(void *ctx, const struct account_id *account, uint32_t min_seq,
			    uint32_t max_seq, bool forward, const uint32_t from[2], uint32_t limit,
			    bool (*visit)(void *vctx, const struct history_tx *tx), void *vctx,
			    bool *more, uint32_t next[2])
{
	struct account_range r = {
	    .account = account, .min_seq = min_seq, .max_seq = max_seq, .forward = forward};
	struct page page = {.n = 0};
	uint32_t given = 0;
	enum err e = ERR_NONE;

	*more = false;
	page.end = !range_start(&r, from);
	while (e == ERR_NONE && !*more && !page.end) {
		e = page_read(ctx, &r, &page);
		for (unsigned i = 0; e == ERR_NONE && i < page.n && !*more; i++) {
			if (given < limit && visit(vctx, &page.row[i])) {
				given++;
				continue;
			}
			*more = true;
			next[0] = page.row[i].ledger_seq;
			next[1] = page.row[i].index;
		}
	}
	buf_close(&page.bytes);
	return e;
}

static struct history_range complete(void *ctx)
{
	struct tip_row tip = store_tip(ctx);

	return (struct history_range){.first = tip.complete_first, .last = tip.seq};
}

static struct history_range searchable(void *ctx)
{
	struct tip_row tip = store_tip(ctx);

	return (struct history_range){.first = tip.searchable_first, .last = tip.seq};
}

static enum err read_past(void *ctx, uint32_t seq, struct history_ledger *out)
{
	struct store *s = ctx;
	struct tip_row tip = store_tip(s);
	struct header_row row;
	struct kv_txn *txn;
	enum err e;

	if (seq < tip.floor || seq > tip.seq || seq == 0)
		return ERR_ABSENT;
	e = kv_read(s->db, &txn);
	if (e != ERR_NONE)
		return e;
	e = store_get_header(txn, seq, &row);
	if (e == ERR_NONE)
		e = store_tx_tree(txn, &row, &out->txs);
	kv_abort(txn);
	out->header = row.header;
	out->hash = row.hash;
	return e;
}

void store_read_init(struct store *s)
{
	s->source = (struct node_source){.load = load_node, .ctx = s};
	s->interface = (struct history){
	    .ctx = s,
	    .header = read_header,
	    .seq_of_hash = seq_of_hash,
	    .ledger = open_ledger,
	    .tx = read_tx,
	    .account_txs = account_txs,
	    .complete = complete,
	    .searchable = searchable,
	    .past = read_past,
	    .lacks = store_lacks,
	    .recent = store_recent,
	};
}
