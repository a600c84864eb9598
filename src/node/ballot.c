/* SPDX-License-Identifier: ISC */
#include "node/ballot.h"

#include "base/mem.h"

#include <string.h>

/* ---- fees ---- */

#define NATIVE_POSITIVE 0x4000000000000000u
#define NATIVE_NOT      0x8000000000000000u

static uint32_t times(int64_t value, int64_t target, const int64_t *votes, uint32_t n)
{
	uint32_t k = value == target;

	for (uint32_t i = 0; i < n; i++)
		k += votes[i] == value;
	return k;
}

int64_t ballot_fee(int64_t current, int64_t target, const int64_t *votes, uint32_t n)
{
	int64_t low = current < target ? current : target;
	int64_t high = current < target ? target : current;
	uint32_t most = times(target, target, votes, n);
	int64_t best = target;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t k;

		if (votes[i] < low || votes[i] > high)
			continue;
		k = times(votes[i], target, votes, n);
		if (k > most || (k == most && votes[i] < best)) {
			most = k;
			best = votes[i];
		}
	}
	return best;
}

static const enum sf in_drops[] = {sfBaseFeeDrops, sfReserveBaseDrops, sfReserveIncrementDrops};
static const enum sf first_form[] = {sfBaseFee, sfReserveBase, sfReserveIncrement};

static bool wish_in_drops(const struct st_object *v, enum sf f, int64_t *out)
{
	uint64_t word = 0;
	struct bytes b;

	if (!st_get_raw(v, f, &b) || b.n != sizeof(word))
		return false;
	for (size_t i = 0; i < sizeof(word); i++)
		word = word << 8 | b.p[i];
	if (word & NATIVE_NOT || (word & ~NATIVE_POSITIVE) > DROPS_MAX)
		return false;
	*out = (int64_t)(word & ~NATIVE_POSITIVE);
	if (!(word & NATIVE_POSITIVE))
		*out = -*out;
	return true;
}

static bool wish_first_form(const struct st_object *v, unsigned which, int64_t *out)
{
	uint64_t wide = 0;
	uint32_t narrow = 0;
	bool there = which == BALLOT_BASE ? st_get_u64(v, first_form[which], &wide)
					  : st_get_u32(v, first_form[which], &narrow);

	if (!there || wide > DROPS_MAX)
		return false;
	*out = which == BALLOT_BASE ? (int64_t)wide : (int64_t)narrow;
	return true;
}

int64_t ballot_fee_in(const struct st_object *v, unsigned which, bool xrp_fees, int64_t current)
{
	int64_t wish;

	if (xrp_fees)
		return wish_in_drops(v, in_drops[which], &wish) ? wish : current;
	return wish_first_form(v, which, &wish) ? wish : current;
}

void ballot_fee_put(struct st_object *v, unsigned which, bool xrp_fees, int64_t current,
		    int64_t target)
{
	must(target >= 0);
	if (target == current)
		return;
	if (xrp_fees)
		st_set_drops(v, in_drops[which], drops_of((uint64_t)target));
	else if (which == BALLOT_BASE || target <= UINT32_MAX)
		st_set_u(v, first_form[which], (uint64_t)target);
}

/* ---- amendments ---- */

void ballot_close(struct ballot *b)
{
	mem_free(b->m);
	*b = (struct ballot){.n = 0};
}

static const struct ballot_member *find(const struct ballot *b, const struct public_key *key)
{
	for (uint32_t i = 0; i < b->n; i++)
		if (!public_key_cmp(&b->m[i].key, key))
			return &b->m[i];
	return NULL;
}

void ballot_members(struct ballot *b, const struct public_key *keys, uint32_t n)
{
	struct ballot_member *m = mem_zalloc(n ? n : 1, sizeof(*m));

	for (uint32_t i = 0; i < n; i++) {
		const struct ballot_member *old = find(b, &keys[i]);

		if (old)
			m[i] = *old;
		m[i].key = keys[i];
	}
	ballot_close(b);
	b->m = m;
	b->n = n;
}

void ballot_take(struct ballot *b, uint32_t who, struct bytes ids, struct net_time close)
{
	struct ballot_member *m = &b->m[who];
	size_t n = ids.n / sizeof(m->ids[0]);

	must(who < b->n);
	m->heard = true;
	m->until.s = close.s > UINT32_MAX - BALLOT_KEPT_S ? UINT32_MAX : close.s + BALLOT_KEPT_S;
	m->n = (uint32_t)(n < BALLOT_IDS_MAX ? n : BALLOT_IDS_MAX);
	if (m->n)
		memcpy(m->ids, ids.p, m->n * sizeof(m->ids[0]));
}

void ballot_expire(struct ballot *b, struct net_time close)
{
	for (uint32_t i = 0; i < b->n; i++)
		if (b->m[i].heard && close.s > b->m[i].until.s) {
			b->m[i].heard = false;
			b->m[i].n = 0;
		}
}

struct ballot_total ballot_total(const struct ballot *b)
{
	struct ballot_total t = {.members = 0};

	for (uint32_t i = 0; i < b->n; i++)
		t.members += b->m[i].heard;
	t.threshold = t.members * BALLOT_PERCENT / 100;
	if (t.threshold < 1)
		t.threshold = 1;
	return t;
}

/* Whoever names it twice wants it twice in the reference; here a wish is a wish. */
uint32_t ballot_for(const struct ballot *b, const struct hash256 *id)
{
	uint32_t votes = 0;

	for (uint32_t i = 0; i < b->n; i++)
		for (uint32_t k = 0; k < b->m[i].n; k++)
			if (hash256_eq(&b->m[i].ids[k], id)) {
				votes++;
				break;
			}
	return votes;
}

bool ballot_passes(const struct ballot_total *t, uint32_t votes)
{
	return t->members == 1 ? votes >= t->threshold : votes > t->threshold;
}

enum ballot_act ballot_act(bool passes, const uint32_t *since, bool ours, uint32_t majority_s,
			   struct net_time close)
{
	if (passes && !since && ours)
		return BALLOT_GOT;
	if (!passes && since)
		return BALLOT_LOST;
	if (since && (uint64_t)*since + majority_s <= close.s && ours)
		return BALLOT_ENABLE;
	return BALLOT_NOTHING;
}
