/* SPDX-License-Identifier: ISC */
#include "ledger/ledger.h"

#include "base/limits.h"
#include "base/mem.h"
#include "codec/st.h"
#include "ledger/keylet.h"

#include <stdlib.h>

#define FEE_DEFAULT_BASE      10
#define FEE_DEFAULT_RESERVE   (10 * DROPS_PER_XRP)
#define FEE_DEFAULT_INCREMENT (2 * DROPS_PER_XRP)

struct ledger *ledger_make(const struct ledger_header *header, struct tree *state, struct tree *txs)
{
	struct ledger *l = mem_zalloc(1, sizeof(*l));

	must(state->kind == TREE_STATE && txs->kind == TREE_TX_META);
	atomic_init(&l->refs, 1);
	l->header = *header;
	l->state = *state;
	l->txs = *txs;
	state->root = txs->root = NULL;
	l->header.state_hash = tree_hash(&l->state);
	l->header.tx_hash = tree_hash(&l->txs);
	ledger_header_hash(&l->hash, &l->header);
	return l;
}

struct ledger *ledger_ref(struct ledger *l)
{
	must(atomic_fetch_add_explicit(&l->refs, 1, memory_order_relaxed) > 0);
	return l;
}

void ledger_unref(struct ledger *l)
{
	if (!l || atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel) != 1)
		return;
	tree_close(&l->state);
	tree_close(&l->txs);
	mem_free(l);
}

/* The entry under a keylet, decoded onto the arena. An entry that does not decode is damage, which
 * is never absence. */
static enum found read_entry(const struct tree *state, struct keylet k, struct arena *a,
			     struct st_object **out)
{
	struct bytes data;
	uint16_t type;
	enum found f = tree_get(state, &k.key, &data);

	if (f != FOUND)
		return f;
	if (st_decode(out, a, data, NULL) != ERR_NONE)
		return UNAVAILABLE;
	if (!st_get_u16(*out, sfLedgerEntryType, &type))
		return UNAVAILABLE;
	return type == (uint16_t)k.type ? FOUND : ABSENT;
}

static void fees_of_entry(const struct st_object *o, struct ledger_fees *out)
{
	uint64_t base;
	uint32_t v;

	if (st_get_u64(o, sfBaseFee, &base))
		out->base = drops_of(base);
	if (st_get_u32(o, sfReserveBase, &v))
		out->reserve = drops_of(v);
	if (st_get_u32(o, sfReserveIncrement, &v))
		out->increment = drops_of(v);
	(void)st_get_drops(o, sfBaseFeeDrops, &out->base);
	(void)st_get_drops(o, sfReserveBaseDrops, &out->reserve);
	(void)st_get_drops(o, sfReserveIncrementDrops, &out->increment);
}

enum found ledger_fees_read(const struct tree *state, struct ledger_fees *out)
{
	struct arena a = ARENA_INIT;
	struct st_object *o;
	enum found f;

	out->base = drops_of(FEE_DEFAULT_BASE);
	out->reserve = drops_of(FEE_DEFAULT_RESERVE);
	out->increment = drops_of(FEE_DEFAULT_INCREMENT);
	f = read_entry(state, keylet_fees(), &a, &o);
	if (f == FOUND)
		fees_of_entry(o, out);
	arena_close(&a);
	return f == UNAVAILABLE ? UNAVAILABLE : FOUND;
}

struct rules *rules_of_list(const struct hash256 *ids, size_t n)
{
	struct rules *r;

	must(n <= UINT32_MAX);
	r = mem_zalloc(1, sizeof(*r) + n * sizeof(r->id[0]));
	atomic_init(&r->refs, 1);
	r->n = (uint32_t)n;
	if (n > 0) {
		memcpy(r->id, ids, n * sizeof(r->id[0]));
		qsort(r->id, n, sizeof(r->id[0]), hash256_qsort_cmp);
	}
	return r;
}

enum found rules_read(const struct tree *state, struct rules **out)
{
	struct arena a = ARENA_INIT;
	struct bytes list = {0};
	struct st_object *o;
	struct hash256 *ids;
	enum found f = read_entry(state, keylet_amendments(), &a, &o);

	if (f == UNAVAILABLE) {
		arena_close(&a);
		return f;
	}
	if (f == FOUND)
		(void)st_get_raw(o, sfAmendments, &list);
	must(list.n % sizeof(struct hash256) == 0);
	ids = arena_alloc(&a, list.n);
	if (list.n > 0)
		memcpy(ids, list.p, list.n);
	*out = rules_of_list(ids, list.n / sizeof(struct hash256));
	arena_close(&a);
	return FOUND;
}

struct rules *rules_ref(struct rules *r)
{
	must(atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed) > 0);
	return r;
}

void rules_unref(struct rules *r)
{
	if (r && atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) == 1)
		mem_free(r);
}

bool rules_enabled(const struct rules *r, const struct hash256 *amendment)
{
	size_t lo = 0, hi = r->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int order = hash256_cmp(&r->id[mid], amendment);

		if (order == 0)
			return true;
		if (order < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

uint8_t close_resolution_next(uint8_t resolution, bool previous_agreed, uint32_t seq)
{
	static const uint8_t steps[] = {10, 20, 30, 60, 90, 120};
	const size_t n = sizeof(steps);
	size_t i = 0;

	while (i < n && steps[i] != resolution)
		i++;
	if (i == n) /* a resolution that no rule makes stays what it is */
		return resolution;
	if (!previous_agreed && i + 1 < n)
		return steps[i + 1];
	if (previous_agreed && seq % 8 == 0 && i > 0)
		return steps[i - 1];
	return resolution;
}

/* Appends a hash to the list of a LedgerHashes entry, which keeps the newest `keep` of them. */
static enum found hashes_append(struct tree *state, struct keylet k, uint32_t last, size_t keep,
				const struct hash256 *hash)
{
	const size_t one = sizeof(hash->b);
	struct arena a = ARENA_INIT;
	struct buf list = BUF_INIT;
	struct bytes old = {0};
	struct st_object *o;
	enum found f = read_entry(state, k, &a, &o);

	if (f == UNAVAILABLE)
		goto out;
	if (f == FOUND) {
		(void)st_get_raw(o, sfHashes, &old);
	} else {
		o = st_new(&a);
		st_set_u(o, sfLedgerEntryType, ltLedgerHashes);
		st_set_u(o, sfFlags, 0);
	}
	buf_put(&list, old.p, old.n);
	if (list.n >= keep * one)
		buf_consume(&list, list.n - (keep - 1) * one);
	buf_put(&list, hash->b, one);
	st_set_raw(o, sfHashes, buf_bytes(&list));
	st_set_u(o, sfLastLedgerSequence, last);
	buf_clear(&list);
	st_encode(&list, o, ST_ALL);
	f = tree_put(state, &k.key, buf_bytes(&list));
out:
	buf_close(&list);
	arena_close(&a);
	return f == UNAVAILABLE ? UNAVAILABLE : FOUND;
}

enum found skip_list_update(struct tree *state, uint32_t seq, const struct hash256 *parent)
{
	uint32_t last = seq - 1;

	if (seq == 0)
		return FOUND;
	/* At most 256 of these fit below one key: 2^16 sequences, one in 256. */
	if (last % SKIP_LIST_MAX == 0 &&
	    hashes_append(state, keylet_skip_long(last), last, SKIP_LIST_MAX + 1, parent) != FOUND)
		return UNAVAILABLE;
	return hashes_append(state, keylet_skip(), last, SKIP_LIST_MAX, parent);
}

/* The hash of ledger `seq` out of a LedgerHashes entry whose members are `step` ledgers apart. */
static enum found hashes_lookup(const struct tree *state, struct keylet k, uint32_t seq,
				uint32_t step, struct hash256 *out)
{
	struct arena a = ARENA_INIT;
	struct bytes list = {0};
	struct st_object *o;
	uint32_t last, back;
	enum found f = read_entry(state, k, &a, &o);

	if (f != FOUND)
		goto out;
	last = st_u32_or(o, sfLastLedgerSequence, 0);
	(void)st_get_raw(o, sfHashes, &list);
	f = ABSENT;
	if (seq > last || (last - seq) % step != 0)
		goto out;
	back = (last - seq) / step;
	if (back >= list.n / sizeof(out->b))
		goto out;
	memcpy(out->b, list.p + list.n - (back + 1) * sizeof(out->b), sizeof(out->b));
	f = FOUND;
out:
	arena_close(&a);
	return f;
}

enum found skip_list_hash(const struct ledger *l, uint32_t seq, struct hash256 *out)
{
	enum found f;

	if (seq > l->header.seq)
		return ABSENT;
	if (seq == l->header.seq) {
		*out = l->hash;
		return FOUND;
	}
	if (seq + 1 == l->header.seq) {
		*out = l->header.parent;
		return FOUND;
	}
	f = hashes_lookup(&l->state, keylet_skip(), seq, 1, out);
	if (f != ABSENT || seq % SKIP_LIST_MAX != 0)
		return f;
	return hashes_lookup(&l->state, keylet_skip_long(seq), seq, SKIP_LIST_MAX, out);
}
