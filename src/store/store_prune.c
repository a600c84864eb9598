/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "store/store_impl.h"

#include <stdlib.h>

/* Taking away what no kept ledger needs (but for the indexes, which look after themselves beside
 * the commits). The floor is raised first: what is below it is handed out no more, then goes in
 * portions, each a transaction. The tables themselves say what is left to do, so a crash between
 * two portions changes nothing.
 *
 * Deleting here and there costs a page each time. So the floor rises in steps of an eighth of the
 * history, and the lists of obsolete nodes of such a step are merged first, into one list under
 * sequence 0: most nodes of a ledger are obsolete soon after it, so sorted by key they are
 * neighbours. */

#define STEPS 8 /* per history */

struct prune {
	struct store *s;
	struct kv_txn *txn;
	uint32_t floor;
	uint32_t budget; /* rows that may still be deleted */
	bool deleted;    /* any */
	bool more;
};

static void spend(struct prune *p, uint32_t rows)
{
	p->deleted = true;
	p->budget -= p->budget < rows ? p->budget : rows;
}

/* The rows of one chunk, and the nodes it names. A list of ledger `floor` itself goes too: it names
 * what only older ledgers needed. */
static enum err prune_chunk(struct prune *p, struct kv_cursor *cur, const struct kv_row *row)
{
	if (row->value.n % 8 || row->key.n != TX_KEY_BYTES)
		return ERR_CORRUPT;
	for (size_t at = 0; at < row->value.n; at += 8) {
		uint64_t key = load_be64(row->value.p + at);
		enum err e = kv_del(p->txn, KV_NODES, bytes_of(&key, sizeof(key)));

		if (e != ERR_NONE)
			return e == ERR_ABSENT ? ERR_CORRUPT : e;
		spend(p, 1);
	}
	spend(p, 1);
	return kv_cursor_del(cur);
}

static int by_key(const void *a, const void *b)
{
	return memcmp(a, b, 8);
}

/* Takes the lists up to the floor out of the table. */
static enum err take_lists(struct prune *p, struct kv_cursor *cur, struct buf *keys)
{
	struct kv_row row;
	enum err e = kv_first(cur, &row);

	while (e == ERR_NONE && load_be32(row.key.p) <= p->floor) {
		if (row.value.n % 8 || row.key.n != TX_KEY_BYTES)
			return ERR_CORRUPT;
		buf_put(keys, row.value.p, row.value.n);
		spend(p, 1);
		e = kv_cursor_del(cur);
		if (e == ERR_NONE)
			e = kv_first(cur, &row);
	}
	return e == ERR_ABSENT ? ERR_NONE : e;
}

static enum err put_list(struct prune *p, struct buf *keys)
{
	const size_t most = (size_t)OBSOLETE_CHUNK * 8;
	uint32_t chunk = 0;
	enum err e = ERR_NONE;

	if (keys->n)
		qsort(keys->p, keys->n / 8, 8, by_key);
	for (size_t at = 0; e == ERR_NONE && at < keys->n; at += most) {
		struct row_key k = row_key_pair(0, chunk++);
		size_t n = keys->n - at < most ? keys->n - at : most;

		e = kv_put(p->txn, KV_OBSOLETE, row_key_bytes(&k), bytes_of(keys->p + at, n));
	}
	return e;
}

/* Merges the lists that a raised floor has released, if there are any besides the merged one. */
static enum err merge_lists(struct prune *p, struct kv_cursor *cur)
{
	struct row_key first = row_key_pair(1, 0);
	struct buf keys = BUF_INIT;
	struct kv_row row;
	enum err e = kv_at_or_above(cur, row_key_bytes(&first), &row);

	if (e != ERR_NONE || load_be32(row.key.p) > p->floor)
		return e == ERR_ABSENT ? ERR_NONE : e;
	e = take_lists(p, cur, &keys);
	if (e == ERR_NONE)
		e = put_list(p, &keys);
	buf_close(&keys);
	return e;
}

static enum err prune_nodes(struct prune *p)
{
	struct kv_cursor *cur = NULL;
	struct kv_row row;
	enum err e = kv_cursor_open(p->txn, KV_OBSOLETE, &cur);

	if (e == ERR_NONE)
		e = merge_lists(p, cur);
	if (e == ERR_NONE)
		e = kv_first(cur, &row);
	while (e == ERR_NONE && load_be32(row.key.p) <= p->floor) {
		if (p->budget == 0) {
			p->more = true;
			break;
		}
		e = prune_chunk(p, cur, &row);
		if (e == ERR_NONE)
			e = kv_first(cur, &row);
	}
	kv_cursor_close(cur);
	return e == ERR_ABSENT ? ERR_NONE : e;
}

static enum err prune_txs(struct prune *p)
{
	struct kv_cursor *cur = NULL;
	struct kv_row row;
	enum err e = kv_cursor_open(p->txn, KV_TXS, &cur);

	if (e == ERR_NONE)
		e = kv_first(cur, &row);
	while (e == ERR_NONE && row.key.n == TX_KEY_BYTES && load_be32(row.key.p) < p->floor) {
		if (p->budget == 0) {
			p->more = true;
			break;
		}
		e = kv_cursor_del(cur);
		spend(p, 1);
		if (e == ERR_NONE)
			e = kv_first(cur, &row);
	}
	kv_cursor_close(cur);
	return e == ERR_ABSENT ? ERR_NONE : e;
}

static enum err prune_headers(struct prune *p)
{
	struct kv_cursor *cur = NULL;
	struct kv_row row;
	enum err e = kv_cursor_open(p->txn, KV_HEADERS, &cur);

	if (e == ERR_NONE)
		e = kv_first(cur, &row);
	while (e == ERR_NONE && load_be32(row.key.p) < p->floor) {
		struct header_row header;

		if (p->budget == 0) {
			p->more = true;
			break;
		}
		e = header_row_decode(&header, load_be32(row.key.p), row.value);
		if (e == ERR_NONE)
			e = kv_del(p->txn, KV_HASHES, bytes_of(header.hash.b, 32));
		if (e == ERR_NONE)
			e = kv_cursor_del(cur);
		spend(p, 2);
		if (e == ERR_NONE)
			e = kv_first(cur, &row);
	}
	kv_cursor_close(cur);
	return e == ERR_ABSENT ? ERR_NONE : e;
}

static enum err prune_portion(struct prune *p, const struct tip_row *tip, struct why *why)
{
	enum err e = kv_write(p->s->db, &p->txn);

	if (e != ERR_NONE)
		return store_fail(why, e, p->s->folder);
	e = store_put_tip(p->txn, tip);
	if (e == ERR_NONE)
		e = prune_nodes(p);
	if (e == ERR_NONE && !p->more)
		e = prune_txs(p);
	if (e == ERR_NONE && !p->more)
		e = prune_headers(p);
	if (e == ERR_NONE && p->deleted)
		return kv_commit(p->txn, why);
	kv_abort(p->txn);
	return e == ERR_NONE ? e : store_fail(why, e, p->s->folder);
}

/* Raises the floor as far as history and open ledgers let it, in memory at once. */
static struct tip_row raise_floor(struct store *s)
{
	struct tip_row tip;
	uint32_t floor, lowest;

	pthread_mutex_lock(&s->mutex);
	tip = s->tip;
	if (s->history != STORE_HISTORY_FULL && tip.seq >= s->history) {
		floor = tip.seq - s->history + 1;
		if (floor - 1 > s->deletable)
			floor = s->deletable + 1;
		lowest = store_lowest_open(s, floor);
		if (lowest < floor)
			floor = lowest;
		if (floor > tip.floor && floor - tip.floor >= s->history / STEPS)
			tip.floor = floor;
		if (tip.complete_first < tip.floor)
			tip.complete_first = tip.floor;
		if (tip.searchable_first < tip.floor)
			tip.searchable_first = tip.floor;
		s->tip = tip;
	}
	pthread_mutex_unlock(&s->mutex);
	return tip;
}

enum err store_prune(struct store *s, uint32_t budget, bool *more, struct why *why)
{
	struct tip_row tip = raise_floor(s);
	enum err e = ERR_FULL;

	must(!s->read_only && budget > 0);
	*more = false;
	if (tip.seq == 0 || s->history == STORE_HISTORY_FULL)
		return ERR_NONE;
	for (int i = 0; e == ERR_FULL && i < 24; i++) {
		struct prune p = {.s = s, .floor = tip.floor, .budget = budget};

		e = prune_portion(&p, &tip, why);
		*more = p.more;
		if (e == ERR_FULL && kv_grow(s->db) != ERR_NONE)
			e = store_fail(why, ERR_NO_SPACE, s->folder);
	}
	return e;
}

void store_set_deletable(struct store *s, uint32_t seq)
{
	pthread_mutex_lock(&s->mutex);
	s->deletable = seq;
	pthread_mutex_unlock(&s->mutex);
}
