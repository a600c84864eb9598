/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_CONSENSUS_SCENARIOS_H
#define TALLY_TESTS_CONSENSUS_SCENARIOS_H

#include "tests/consensus/cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The named scenarios: what a network of these machines does when things go wrong, one function for
 * each id of tests/sim/scenarios.def that is played here. Every one prints a line of its result.
 *
 *      test_scenarios [--runs N] [--flavour F] [ID]
 *
 * N: runs of those that are a matter of chance. Builds that are slow for what they check (F is not
 * release) do less of what is long or often. */

#define ALL5 "ABCDE"

/* How often a scenario with a seed is run. */
extern uint32_t scenario_runs;
extern bool scenario_brief;
void scenario_says(const char *id, const char *fmt, ...) PRINTF(2, 3);

/* Five validators, running. */
struct sim *scenario_five(uint64_t seed);
void expect_sound(const struct sim *s);
/* Runs until every running node has validated `more` ledgers beyond the highest known now; returns
 * the milliseconds it took, or fails after the limit. */
int64_t expect_progress(struct sim *s, uint32_t more, int64_t limit_ms);
/* The same without failing: -1 when the limit was reached. */
int64_t progress_within(struct sim *s, uint32_t more, int64_t limit_ms);
/* Nothing is validated for so long. */
void expect_stalled(struct sim *s, int64_t ms);
/* Mean interval of validated ledgers over the span. */
int64_t interval_ms(struct sim *s, int64_t span_ms);

/* One per group, in the order of the files. */
#define SCENARIO_TEST(name) void name(void **state);
#include "tests/consensus/scenarios_list.h"
#undef SCENARIO_TEST

#endif
