/* SPDX-License-Identifier: ISC */
#include "node/agreement.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define RING       64 /* ledgers remembered until they are judged */
#define MINUTES    1440
#define HOUR       60
#define OUTCOMES   3
#define MINUTE_MAX UINT16_MAX

enum outcome { AGREED, MISSED, WRONG };

struct heard {        /* what a member has signed for a sequence */
	uint32_t seq; /* 0: nothing */
	bool full, two;
	struct hash256 ledger;
};
struct member {
	struct public_key key;
	uint32_t since;           /* the newest validated ledger when it became a member */
	struct heard heard[RING]; /* at sequence % RING */
	uint16_t minute[MINUTES][OUTCOMES]; /* at minute % MINUTES */
	uint64_t sum[AGREEMENT_SPANS][OUTCOMES];
};
struct ledger_due {           /* a validated ledger that waits for its judgement */
	uint32_t seq, quorum; /* seq 0: none */
	struct hash256 ledger;
	struct steady at;
};
struct agreement {
	struct member **v; /* ascending */
	uint32_t n;
	struct ledger_due due[RING];
	uint32_t newest;
	int64_t minute; /* the current one */
};

static int64_t minute_of(struct steady t)
{
	return t.ms / 60000;
}

struct agreement *agreement_open(struct steady now)
{
	struct agreement *a = mem_zalloc(1, sizeof(*a));

	a->minute = minute_of(now);
	return a;
}

void agreement_close(struct agreement *a)
{
	if (!a)
		return;
	for (uint32_t i = 0; i < a->n; i++)
		mem_free(a->v[i]);
	mem_free(a->v);
	mem_free(a);
}

static int cmp(const void *a, const void *b)
{
	const struct member *x = *(struct member *const *)a, *y = *(struct member *const *)b;

	return memcmp(x->key.b, y->key.b, sizeof(x->key.b));
}

/* Its place in the list, or -1. */
static int64_t place_of(const struct agreement *a, const struct public_key *key)
{
	uint32_t low = 0, high = a->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		int c = memcmp(key->b, a->v[mid]->key.b, sizeof(key->b));

		if (!c)
			return mid;
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return -1;
}

void agreement_members(struct agreement *a, const struct public_key *keys, uint32_t n)
{
	struct member **v = mem_zalloc(n + 1, sizeof(struct member *));

	must(n <= UNL_MAX);
	for (uint32_t i = 0; i < n; i++) {
		int64_t at = place_of(a, &keys[i]);

		if (at >= 0 && a->v[at]) {
			v[i] = a->v[at];
			continue;
		}
		v[i] = mem_zalloc(1, sizeof(**v));
		v[i]->key = keys[i];
		v[i]->since = a->newest;
	}
	qsort(v, n, sizeof(struct member *), cmp);
	for (uint32_t i = 0; i < a->n; i++) {
		struct member **kept = bsearch(&a->v[i], v, n, sizeof(struct member *), cmp);

		if (!kept)
			mem_free(a->v[i]);
	}
	mem_free(a->v);
	a->v = v;
	a->n = n;
}

void agreement_heard(struct agreement *a, const struct public_key *key,
		     const struct cons_validation *v)
{
	int64_t at = place_of(a, key);
	struct heard *h;

	if (at < 0 || !v->seq)
		return;
	if (a->newest && v->seq > a->newest && v->seq - a->newest > RING / 2)
		return; /* it would push out what is to be judged */
	h = &a->v[at]->heard[v->seq % RING];
	if (v->seq < h->seq)
		return;
	if (v->seq > h->seq || (v->full && !h->full)) {
		*h = (struct heard){.seq = v->seq, .full = v->full, .ledger = v->ledger};
		return;
	}
	if (v->full && !hash256_eq(&v->ledger, &h->ledger))
		h->two = true;
}

static enum outcome outcome_of(const struct member *m, const struct ledger_due *d)
{
	const struct heard *h = &m->heard[d->seq % RING];

	if (h->seq != d->seq || !h->full)
		return MISSED;
	return !h->two && hash256_eq(&h->ledger, &d->ledger) ? AGREED : WRONG;
}

static void count(struct agreement *a, struct member *m, enum outcome o)
{
	uint16_t *cell = &m->minute[a->minute % MINUTES][o];

	m->sum[AGREEMENT_EVER][o]++;
	if (*cell == MINUTE_MAX)
		return;
	(*cell)++;
	m->sum[AGREEMENT_HOUR][o]++;
	m->sum[AGREEMENT_DAY][o]++;
}

static void judge(struct agreement *a, struct ledger_due *d)
{
	uint32_t i, agreed = 0;

	for (i = 0; i < a->n; i++) {
		const struct heard *h = &a->v[i]->heard[d->seq % RING];

		agreed += h->seq == d->seq && h->full && hash256_eq(&h->ledger, &d->ledger);
	}
	for (i = 0; i < a->n && agreed >= d->quorum; i++)
		if (d->seq > a->v[i]->since)
			count(a, a->v[i], outcome_of(a->v[i], d));
	d->seq = 0;
}

void agreement_validated(struct agreement *a, uint32_t seq, const struct hash256 *ledger,
			 uint32_t quorum, struct steady now)
{
	struct ledger_due *d = &a->due[seq % RING];

	agreement_tick(a, now);
	if (!seq || seq <= a->newest)
		return;
	if (d->seq)
		judge(a, d);
	*d = (struct ledger_due){
	    .seq = seq, .quorum = quorum ? quorum : 1, .ledger = *ledger, .at = now};
	a->newest = seq;
}

/* The minute that begins pushes out the one of a day ago; the one of an hour ago leaves the hour.
 */
static void next_minute(struct agreement *a)
{
	a->minute++;
	for (uint32_t i = 0; i < a->n; i++) {
		struct member *m = a->v[i];
		uint16_t *day = m->minute[a->minute % MINUTES];
		const uint16_t *hour = m->minute[(a->minute + MINUTES - HOUR) % MINUTES];

		for (int o = 0; o < OUTCOMES; o++) {
			m->sum[AGREEMENT_HOUR][o] -= hour[o];
			m->sum[AGREEMENT_DAY][o] -= day[o];
			day[o] = 0;
		}
	}
}

static void forget_all(struct agreement *a)
{
	for (uint32_t i = 0; i < a->n; i++) {
		struct member *m = a->v[i];

		memset(m->minute, 0, sizeof(m->minute));
		memset(m->sum[AGREEMENT_HOUR], 0, sizeof(m->sum[0]));
		memset(m->sum[AGREEMENT_DAY], 0, sizeof(m->sum[0]));
	}
}

void agreement_tick(struct agreement *a, struct steady now)
{
	int64_t minute = minute_of(now);

	for (uint32_t i = 0; i < RING; i++)
		if (a->due[i].seq && steady_since(a->due[i].at, now) >= AGREEMENT_GRACE_MS)
			judge(a, &a->due[i]);
	if (minute - a->minute > MINUTES) {
		forget_all(a);
		a->minute = minute;
	}
	while (a->minute < minute)
		next_minute(a);
}

bool agreement_member(const struct agreement *a, uint32_t i, struct public_key *key,
		      struct agreement_share shares[AGREEMENT_SPANS])
{
	if (i >= a->n)
		return false;
	*key = a->v[i]->key;
	for (int s = 0; s < AGREEMENT_SPANS; s++) {
		const uint64_t *sum = a->v[i]->sum[s];

		shares[s] = (struct agreement_share){
		    .agreed = sum[AGREED], .missed = sum[MISSED], .wrong = sum[WRONG]};
	}
	return true;
}

int32_t agreement_of(const struct agreement_share *s)
{
	uint64_t all = s->agreed + s->missed + s->wrong;

	return all ? (int32_t)(s->agreed * 10000 / all) : -1;
}
