/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_SIM_DECIDE_H
#define TALLY_TESTS_SIM_DECIDE_H

#include "base/bytes.h"

/* Decisions: each thing that the simulator does to a run, recorded as what happened and not as a
 * draw. A decision is named by the fault, the nodes that it concerns and a counter of its own, so
 * that leaving one out, or one kind, shifts no other. Whether it fires and how strongly is a hash
 * of (seed, name): no shared generator.
 *
 * A run keeps the decisions that fired. Replayed with a list, only those in the list fire: that is
 * how a failure is made smaller. */

enum fault {
#define FAULT(name, group) FAULT_##name,
#include "tests/sim/faults.def"
#undef FAULT
	FAULT_COUNT
};
const char *fault_name(enum fault f); /* "NET_DELAY" */
bool fault_of_name(const char *name, enum fault *out);

#define DECIDE_NOBODY 0xFF

struct decision {
	uint8_t fault;
	uint8_t a, b;     /* nodes, or DECIDE_NOBODY */
	uint32_t ordinal; /* counts the questions about (fault, a, b), fired or not */
	int64_t param;    /* within what the question asked for */
	int64_t at_ms;    /* for reading only */
};

struct decisions; /* of one run */

/* `rate_ppm[fault]`: chance of each question, of a million; 0: off. With `only` (n of them, any
 * order) nothing but those fires, whatever the rates. */
struct decisions *decisions_open(uint64_t seed, const uint32_t rate_ppm[FAULT_COUNT],
				 const struct decision *only, uint32_t n);
void decisions_close(struct decisions *d);
/* The question; *param (may be NULL) is in [lo, hi]. `weight` multiplies the rate, in thousandths:
 * 1000 for questions asked per message or per step; scheduled ones say how often they are asked. */
bool decide(struct decisions *d, enum fault f, uint8_t a, uint8_t b, uint32_t weight, int64_t lo,
	    int64_t hi, int64_t now_ms, int64_t *param);
/* Those that fired, in order. Valid until the next question. */
const struct decision *decisions_fired(const struct decisions *d, uint32_t *n);
/* From now on in this process, what fires is also written there, as far as there is room: for
 * memory that outlives a crash. */
void decisions_share(struct decision *room, uint32_t *n, uint32_t max);
/* How often a fault fired. */
uint32_t decisions_count(const struct decisions *d, enum fault f);
/* While off nothing fires (calm times, healed networks); counters go on. */
void decisions_pause(struct decisions *d, bool off);

#endif
