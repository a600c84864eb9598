/* SPDX-License-Identifier: ISC */
#ifndef TALLY_BASE_RNG_H
#define TALLY_BASE_RNG_H

#include <stdint.h>

/* A seeded generator (xoshiro256**, Blackman and Vigna 2018) for decisions that need no secrecy:
 * jitter, which peer to ask, simulated faults. Same seed, same draws, on every machine. Keys and
 * nonces come from os/entropy.h, never from here. */
struct rng {
	uint64_t s[4];
};

/* Fills the state from a seed with splitmix64. */
void rng_init(struct rng *r, uint64_t seed);
/* An independent stream for a component, named by a label, so that one more draw in one component
 * does not shift the draws of another. */
struct rng rng_fork(const struct rng *r, const char *label);
uint64_t rng_next(struct rng *r);
/* Uniform in [0, n), n > 0, without modulo bias. */
uint64_t rng_below(struct rng *r, uint64_t n);
/* Uniform in [lo, hi]. */
int64_t rng_between(struct rng *r, int64_t lo, int64_t hi);

#endif
