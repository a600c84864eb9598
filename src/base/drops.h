/* SPDX-License-Identifier: ISC */
#ifndef TALLY_BASE_DROPS_H
#define TALLY_BASE_DROPS_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* XRP is counted in drops, 1 XRP = 1,000,000 drops; there are never more than 10^17 of them
 * (100 billion XRP, all made in the genesis ledger). Money is a struct, so that it is not mixed
 * up with counts, and its arithmetic is checked and must be looked at. Touching `.raw` outside
 * of encoding, decoding and printing needs a comment that begins with raw: and says why. */
struct drops {
	uint64_t raw;
};

#define DROPS_PER_XRP 1000000ull
#define DROPS_MAX     100000000000000000ull /* 10^17 */

static inline struct drops drops_of(uint64_t n)
{
	return (struct drops){.raw = n};
}

/* out = a + b; false (and *out unchanged) when the sum is above DROPS_MAX. */
MUST_USE static inline bool drops_add(struct drops *out, struct drops a, struct drops b)
{
	uint64_t sum;

	if (__builtin_add_overflow(a.raw, b.raw, &sum) || sum > DROPS_MAX)
		return false;
	out->raw = sum;
	return true;
}

/* out = a - b; false (and *out unchanged) when b is the larger. */
MUST_USE static inline bool drops_sub(struct drops *out, struct drops a, struct drops b)
{
	if (b.raw > a.raw)
		return false;
	out->raw = a.raw - b.raw;
	return true;
}

/* out = a * n; false (and *out unchanged) when the product is above DROPS_MAX. */
MUST_USE static inline bool drops_mul(struct drops *out, struct drops a, uint64_t n)
{
	uint64_t product;

	if (__builtin_mul_overflow(a.raw, n, &product) || product > DROPS_MAX)
		return false;
	out->raw = product;
	return true;
}

static inline int drops_cmp(struct drops a, struct drops b)
{
	return (a.raw > b.raw) - (a.raw < b.raw);
}

#endif
