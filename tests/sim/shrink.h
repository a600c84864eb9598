/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_SIM_SHRINK_H
#define TALLY_TESTS_SIM_SHRINK_H

#include "tests/sim/runs.h"

/* Makes a run that failed smaller, as long as it fails alike: with the same property, or by a
 * crash. Each step that is tried is a run in a process of its own, with the decisions that are
 * left:
 *
 *   1. it ends where it failed; for what shows at the end only, the faulty time is made shorter
 *   2. whole groups of faults are left out, then whole faults
 *   3. a plainer network and machine; fewer nodes, transactions, accounts
 *   4. single decisions are left out (delta debugging: Zeller and Hildebrandt, 2002)
 *
 * and again from 2, until nothing helps or the time is used up. */

struct shrink {
	/* given: a run, with or without plan and decisions */
	struct run_options run;
	uint32_t seconds;                                                  /* at most; 0: 600 */
	void (*once)(struct run_result *out, const struct run_options *o); /* NULL: run_once */

	/* found: the plan and the decisions of the smallest run */
	struct world_plan plan;
	struct decision *only;
	uint32_t n;
	char property[8]; /* "crash": it did */
	char text[400];
	uint32_t decisions_before;
	uint64_t steps_before, steps; /* 0: a crash */
	uint32_t trials;
};

/* False when the run does not fail, or not twice. */
bool shrink_run(struct shrink *s);
/* As `run`, with plan and decisions of what was found: for run_replay_write(). */
struct run_options shrink_found(const struct shrink *s);
void shrink_close(struct shrink *s);

/* All of it for a campaign: shrinks, writes shrink-<seed>.evt, and says so. */
void shrink_and_tell(const struct run_options *run, uint32_t seconds);

#endif
