/* SPDX-License-Identifier: ISC */
#include "base/rng.h"

#include "base/err.h"

static uint64_t splitmix(uint64_t *x)
{
	uint64_t z = (*x += 0x9E3779B97F4A7C15ull);

	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
	return z ^ (z >> 31);
}

void rng_init(struct rng *r, uint64_t seed)
{
	int i;

	for (i = 0; i < 4; i++)
		r->s[i] = splitmix(&seed);
}

struct rng rng_fork(const struct rng *r, const char *label)
{
	uint64_t h = 0xCBF29CE484222325ull; /* FNV-1a of the label */
	struct rng out;

	for (; *label; label++)
		h = (h ^ (uint8_t)*label) * 0x100000001B3ull;
	rng_init(&out, h ^ r->s[0] ^ (r->s[3] << 1));
	return out;
}

static uint64_t rotl(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

uint64_t rng_next(struct rng *r)
{
	uint64_t *s = r->s, out = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return out;
}

uint64_t rng_below(struct rng *r, uint64_t n)
{
	uint64_t x, limit;

	must(n > 0);
	limit = UINT64_MAX - UINT64_MAX % n;
	do
		x = rng_next(r);
	while (x >= limit);
	return x % n;
}

int64_t rng_between(struct rng *r, int64_t lo, int64_t hi)
{
	must(lo <= hi);
	return lo + (int64_t)rng_below(r, (uint64_t)(hi - lo) + 1);
}
