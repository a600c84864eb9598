/* SPDX-License-Identifier: ISC */
#include "store/store_impl.h"

/* Ledgers before those that are there: a second range, of headers and transactions without states.
 *
 *      floor            searchable_first        complete_first              seq
 *        │ rows of earlier     │ header, transactions  │ and states          │
 *        │ stretches, gaps ... │ ◄── filled in         │                     │ ──► commits
 *
 * The range grows downwards until history has as many ledgers as are wanted; where it meets an
 * earlier stretch (of a life before a jump), it takes that over. */

#define MEET_MAX 10000 /* ledgers of an earlier stretch taken over at once */

/* Whether something may be left from what was deleted below the floor. */
static enum err left_below(struct kv_txn *txn, uint32_t floor, bool *left)
{
	struct kv_cursor *cur = NULL;
	struct kv_row row;
	struct runs runs;
	enum err e = runs_get(txn, &runs);

	*left = false;
	for (uint32_t i = 0; e == ERR_NONE && i < runs.n; i++)
		*left |= runs.run[i].first_seq < floor;
	if (e == ERR_NONE)
		e = kv_cursor_open(txn, KV_HEADERS, &cur);
	if (e == ERR_NONE) {
		e = kv_first(cur, &row);
		if (e == ERR_NONE && row.key.n == SEQ_KEY_BYTES)
			*left |= load_be32(row.key.p) < floor;
	}
	kv_cursor_close(cur);
	return e;
}

/* The oldest ledger that is wanted. What was deleted is not fetched again while it is going. */
static enum err oldest_wanted(const struct store *s, struct kv_txn *txn, const struct tip_row *tip,
			      uint32_t *until)
{
	bool left;
	enum err e;

	*until = 1;
	if (s->history != STORE_HISTORY_FULL && tip->seq >= s->history)
		*until = tip->seq - s->history + 1;
	if (*until >= tip->floor)
		return ERR_NONE;
	e = left_below(txn, tip->floor, &left);
	if (e == ERR_NONE && left)
		*until = tip->floor;
	return e;
}

/* The ledger before the range: what the range's first one names. */
static enum err before(struct kv_txn *txn, const struct tip_row *tip, uint32_t *seq,
		       struct hash256 *hash)
{
	struct header_row row;
	enum err e = store_get_header(txn, tip->searchable_first, &row);

	if (e != ERR_NONE)
		return e == ERR_ABSENT ? ERR_CORRUPT : e;
	*seq = tip->searchable_first - 1;
	*hash = row.header.parent;
	return ERR_NONE;
}

enum err store_lacks(void *ctx, uint32_t *seq, struct hash256 *hash, uint32_t *until)
{
	struct store *s = ctx;
	struct tip_row tip = store_tip(s);
	struct kv_txn *txn;
	enum err e;

	if (tip.seq == 0 || tip.searchable_first <= 1)
		return ERR_ABSENT;
	e = kv_read(s->db, &txn);
	if (e != ERR_NONE)
		return e;
	e = oldest_wanted(s, txn, &tip, until);
	if (e == ERR_NONE)
		e = tip.searchable_first > *until ? before(txn, &tip, seq, hash) : ERR_ABSENT;
	kv_abort(txn);
	return e;
}

/* Takes over what is there already below the range. */
static enum err meet(struct kv_txn *txn, struct tip_row *tip)
{
	struct header_row row;
	struct hash256 hash;
	uint32_t seq;
	enum err e = ERR_NONE;

	for (int i = 0; i < MEET_MAX && tip->searchable_first > tip->floor; i++) {
		e = before(txn, tip, &seq, &hash);
		if (e == ERR_NONE && seq < tip->floor)
			break;
		if (e == ERR_NONE)
			e = store_get_header(txn, seq, &row);
		if (e == ERR_ABSENT)
			return ERR_NONE;
		if (e != ERR_NONE)
			return e;
		if (!hash256_eq(&row.hash, &hash))
			return ERR_CORRUPT;
		tip->searchable_first = seq;
	}
	return e;
}

static enum err put_one(struct kv_txn *txn, struct store *s, struct tip_row *tip,
			const struct history_ledger *l)
{
	struct header_row row;
	struct hash256 hash;
	uint32_t seq;
	enum err e = before(txn, tip, &seq, &hash);

	if (e != ERR_NONE)
		return e;
	if (seq == 0 || l->header.seq != seq || !hash256_eq(&l->hash, &hash))
		return ERR_STATE;
	e = seq >= tip->floor ? store_get_header(txn, seq, &row) : ERR_ABSENT;
	if (e == ERR_ABSENT) {
		if (seq < tip->floor)
			tip->floor = seq;
		e = store_put_past(txn, s, tip, l);
	}
	tip->searchable_first = seq;
	return e;
}

static enum err fill_once(struct store *s, struct tip_row *tip, const struct history_ledger *l,
			  uint32_t n, struct why *why)
{
	struct kv_txn *txn = NULL;
	enum err e = kv_write(s->db, &txn);

	if (e != ERR_NONE)
		return store_fail(why, e, s->folder);
	for (uint32_t i = 0; e == ERR_NONE && i < n && tip->searchable_first == l[i].header.seq + 1;
	     i++)
		e = put_one(txn, s, tip, &l[i]);
	if (e == ERR_NONE)
		e = meet(txn, tip);
	if (e == ERR_NONE)
		e = store_put_tip(txn, tip);
	if (e == ERR_NONE)
		return kv_commit(txn, why);
	kv_abort(txn);
	return store_fail(why, e, s->folder);
}

enum err store_fill(struct store *s, const struct history_ledger *l, uint32_t n, struct why *why)
{
	struct tip_row was = store_tip(s), tip;
	enum err e = ERR_FULL;

	must(!s->read_only && n > 0);
	if (was.seq == 0 || was.searchable_first != l[0].header.seq + 1)
		return store_fail(why, ERR_STATE, "ledgers that were filled in");
	for (int i = 0; e == ERR_FULL && i < 24; i++) {
		tip = was;
		e = fill_once(s, &tip, l, n, why);
		if (e == ERR_FULL && kv_grow(s->db) != ERR_NONE)
			e = store_fail(why, ERR_NO_SPACE, s->folder);
	}
	if (e == ERR_NONE) {
		must(tip.seq == was.seq && hash256_eq(&tip.hash, &was.hash));
		store_set_tip(s, &tip);
	}
	return e;
}
