/* SPDX-License-Identifier: ISC */
#include "store/store_impl.h"

#include "base/mem.h"
#include "crypto/hash.h"
#include "ledger/affected.h"

/* The newest transactions of all: the rows of their table from its end. */

#define RECENT_MAX 64

struct recent {
	struct history_tx row[RECENT_MAX];
	uint32_t n;
	struct buf bytes;
};

static enum err take(struct recent *r, const struct kv_row *row)
{
	struct history_tx *tx = &r->row[r->n];
	struct bytes leaf;

	if (row->key.n != TX_KEY_BYTES || tx_row_decode(&leaf, row->value) != ERR_NONE ||
	    tx_leaf_split(leaf, &tx->blob, &tx->meta) != ERR_NONE)
		return ERR_CORRUPT;
	tx->ledger_seq = load_be32(row->key.p);
	tx->index = load_be32(row->key.p + 4);
	sha512_half_parts(&tx->id, HASH_PREFIX_TX_ID, &tx->blob, 1);
	buf_put(&r->bytes, tx->blob.p, tx->blob.n);
	buf_put(&r->bytes, tx->meta.p, tx->meta.n);
	r->n++;
	return ERR_NONE;
}

static enum err read_rows(struct kv_txn *txn, uint32_t skip, uint32_t limit, struct recent *r)
{
	struct kv_cursor *cur = NULL;
	struct tip_row tip;
	struct kv_row row;
	enum err e = store_get_tip(txn, &tip);

	if (e == ERR_NONE)
		e = kv_cursor_open(txn, KV_TXS, &cur);
	if (e == ERR_NONE)
		e = kv_last(cur, &row);
	for (; e == ERR_NONE && skip > 0; skip--)
		e = kv_prev(cur, &row);
	/* Below the floor they are going. */
	while (e == ERR_NONE && r->n < limit && row.key.n >= 4 &&
	       load_be32(row.key.p) >= tip.floor) {
		e = take(r, &row);
		if (e == ERR_NONE && r->n < limit)
			e = kv_prev(cur, &row);
	}
	kv_cursor_close(cur);
	return e == ERR_ABSENT ? ERR_NONE : e;
}

enum err store_recent(void *ctx, uint32_t skip, uint32_t limit,
		      void (*visit)(void *vctx, const struct history_tx *tx), void *vctx)
{
	struct store *s = ctx;
	struct recent *r = mem_zalloc(1, sizeof(*r));
	struct kv_txn *txn;
	const uint8_t *at;
	enum err e = kv_read(s->db, &txn);

	if (e == ERR_NONE) {
		e = read_rows(txn, skip, limit < RECENT_MAX ? limit : RECENT_MAX, r);
		kv_abort(txn);
	}
	at = r->bytes.p;
	for (uint32_t i = 0; e == ERR_NONE && i < r->n; i++) {
		struct history_tx *tx = &r->row[i];

		tx->blob.p = at;
		tx->meta.p = at + tx->blob.n;
		at += tx->blob.n + tx->meta.n;
		visit(vctx, tx);
	}
	buf_close(&r->bytes);
	mem_free(r);
	return e;
}
