/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_SIM_CAMPAIGN_H
#define TALLY_TESTS_SIM_CAMPAIGN_H

#include "tests/sim/runs.h"

/* Many runs, one after another, in a process of their own: when it crashes, the seed is known and
 * the campaign goes on with the next. */

struct campaign {
	uint64_t first, last;
	enum run_profile profile;
	uint32_t minutes;
	int64_t until_ms;
	const char *verbose, *replay;
	bool shrink, cover;
	uint32_t shrink_seconds; /* 0: ten minutes */
};

enum { CAMPAIGN_CRASH = 3, CAMPAIGN_STALLED = 4, CAMPAIGN_WRONG = 5 };

/* Prints failures, and "N seeds, H simulated hours, F failures" at the end. Returns the exit code:
 * the worst of what happened, wrong before stalled before crash. */
int campaign_run(const struct campaign *c);

#endif
