/* SPDX-License-Identifier: ISC */
#include "tests/sim/decide.h"

#include "base/mem.h"

#include <stdlib.h>

#define SIDES 17 /* nodes 0 .. 15, and nobody */

static const char *const names[FAULT_COUNT] = {
#define FAULT(name, group) #name,
#include "tests/sim/faults.def"
#undef FAULT
};

const char *fault_name(enum fault f)
{
	must(f < FAULT_COUNT);
	return names[f];
}

bool fault_of_name(const char *name, enum fault *out)
{
	uint32_t i;

	for (i = 0; i < FAULT_COUNT; i++)
		if (!strcmp(names[i], name)) {
			*out = (enum fault)i;
			return true;
		}
	return false;
}

struct decisions {
	uint64_t seed;
	uint32_t rate_ppm[FAULT_COUNT];
	uint32_t asked[FAULT_COUNT][SIDES][SIDES];
	uint32_t count[FAULT_COUNT];
	struct decision *fired;
	uint32_t n_fired, cap_fired;
	struct decision *only; /* sorted; NULL: the rates decide */
	uint32_t n_only;
	bool off;
};

static uint64_t name_of(uint32_t fault, uint32_t a, uint32_t b, uint32_t ordinal)
{
	return (uint64_t)fault << 48 | (uint64_t)a << 40 | (uint64_t)b << 32 | ordinal;
}

static uint64_t name_of_decision(const struct decision *d)
{
	return name_of(d->fault, d->a, d->b, d->ordinal);
}

static int by_name(const void *a, const void *b)
{
	uint64_t x = name_of_decision(a), y = name_of_decision(b);

	return (x > y) - (x < y);
}

struct decisions *decisions_open(uint64_t seed, const uint32_t rate_ppm[FAULT_COUNT],
				 const struct decision *only, uint32_t n)
{
	struct decisions *d = mem_zalloc(1, sizeof(*d));

	d->seed = seed;
	memcpy(d->rate_ppm, rate_ppm, sizeof(d->rate_ppm));
	if (!only)
		return d;
	d->only = mem_zalloc(n, sizeof(*only));
	d->n_only = n;
	if (n)
		memcpy(d->only, only, n * sizeof(*only));
	qsort(d->only, n, sizeof(*only), by_name);
	return d;
}

void decisions_close(struct decisions *d)
{
	if (!d)
		return;
	mem_free(d->fired);
	mem_free(d->only);
	mem_free(d);
}

/* splitmix64's last step. */
static uint64_t mix(uint64_t x)
{
	x += 0x9E3779B97F4A7C15ull;
	x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9ull;
	x = (x ^ x >> 27) * 0x94D049BB133111EBull;
	return x ^ x >> 31;
}

static const struct decision *find_only(const struct decisions *d, uint64_t name)
{
	uint32_t lo = 0, hi = d->n_only;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (name_of_decision(&d->only[mid]) < name)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < d->n_only && name_of_decision(&d->only[lo]) == name ? &d->only[lo] : NULL;
}

/* Whether it fires; *param within the bounds. */
static bool draw(const struct decisions *d, uint64_t name, uint32_t weight, int64_t lo, int64_t hi,
		 int64_t *param)
{
	const struct decision *given;
	uint64_t h;

	if (d->only) {
		given = find_only(d, name);
		if (!given)
			return false;
		*param = given->param < lo ? lo : given->param > hi ? hi : given->param;
		return true;
	}
	h = mix(mix(d->seed) ^ mix(name));
	/* of a thousand million; the rate is of a million, the weight of a thousand */
	if (h % 1000000000u >= (uint64_t)d->rate_ppm[name >> 48] * weight)
		return false;
	*param = lo + (int64_t)(mix(h) % ((uint64_t)(hi - lo) + 1));
	return true;
}

static struct {
	struct decision *room;
	uint32_t *n, max;
} share;

void decisions_share(struct decision *room, uint32_t *n, uint32_t max)
{
	share.room = room;
	share.n = n;
	share.max = max;
}

static void keep(struct decisions *d, const struct decision *fired)
{
	if (share.room && *share.n < share.max)
		share.room[(*share.n)++] = *fired;
	if (d->n_fired == d->cap_fired) {
		d->cap_fired = d->cap_fired ? 2 * d->cap_fired : 64;
		d->fired = mem_resize(d->fired, d->cap_fired, sizeof(*fired));
	}
	d->fired[d->n_fired++] = *fired;
	d->count[fired->fault]++;
}

static uint32_t side(uint8_t node)
{
	must(node == DECIDE_NOBODY || node < SIDES - 1);
	return node == DECIDE_NOBODY ? SIDES - 1 : node;
}

bool decide(struct decisions *d, enum fault f, uint8_t a, uint8_t b, uint32_t weight, int64_t lo,
	    int64_t hi, int64_t now_ms, int64_t *param)
{
	struct decision fired = {.fault = (uint8_t)f, .a = a, .b = b, .at_ms = now_ms};

	must(f < FAULT_COUNT && lo <= hi);
	fired.ordinal = d->asked[f][side(a)][side(b)]++;
	if (d->off || (!d->only && !d->rate_ppm[f]))
		return false;
	if (!draw(d, name_of_decision(&fired), weight, lo, hi, &fired.param))
		return false;
	keep(d, &fired);
	if (param)
		*param = fired.param;
	return true;
}

const struct decision *decisions_fired(const struct decisions *d, uint32_t *n)
{
	*n = d->n_fired;
	return d->fired;
}

uint32_t decisions_count(const struct decisions *d, enum fault f)
{
	return d->count[f];
}

void decisions_pause(struct decisions *d, bool off)
{
	d->off = off;
}
