/* SPDX-License-Identifier: ISC */
#ifndef TALLY_BASE_HISTOGRAM_H
#define TALLY_BASE_HISTOGRAM_H

#include <stdint.h>

/* How often which sizes occur: counts in buckets whose upper bounds are given by a scale. Adding is
 * a few comparisons; nothing is allocated. */

#define HISTOGRAM_BOUNDS_MAX 16

struct histogram_scale {
	uint32_t n;
	uint64_t
	    le[HISTOGRAM_BOUNDS_MAX]; /* ascending; a value counts in the first it is not above */
};
struct histogram {
	uint64_t
	    in[HISTOGRAM_BOUNDS_MAX + 1]; /* by bucket; the one behind the last bound: above it */
	uint64_t n, sum, max;
};

void histogram_add(struct histogram *h, const struct histogram_scale *s, uint64_t value);
/* The value that `permille` of all are not above, supposing that those of a bucket lie evenly in
 * it; rounded up, never above the largest seen. 0 when there is none. */
uint64_t histogram_quantile(const struct histogram *h, const struct histogram_scale *s,
			    uint32_t permille);

#endif
