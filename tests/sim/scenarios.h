/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_SIM_SCENARIOS_H
#define TALLY_TESTS_SIM_SCENARIOS_H

#include "base/mem.h"
#include "crypto/hash.h"
#include "ledger/tx_set.h"
#include "tests/sim/actors.h"
#include "tests/sim/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Scenarios of whole nodes, one function for each: what happened to a public network or was found
 * on paper, played to a network of ours. The properties P1 to P13 are looked at after every step;
 * every scenario prints one line of its result. Those of bare consensus machines are in
 * tests/consensus; scenarios.def lists all.
 *
 *     test_sim_scenarios [NAME]      those whose names begin so */

#define ALL5 "ABCDE"
#define ALL7 "ABCDEFG"

void says(const char *id, const char *fmt, ...) PRINTF(2, 3);

/* A world with the properties, all its nodes started, 10 s old. */
struct world *play(const struct world_plan *p);
struct world *play_five(uint64_t seed);
/* It has not failed; closes it. */
void play_end(struct world *w);
void play_run(struct world *w, int64_t ms);
/* All honest nodes that are up validate so many more ledgers; the milliseconds it took. Fails the
 * test after the limit. */
int64_t play_goes_on(struct world *w, uint32_t ledgers, int64_t within_ms);
/* Nothing is validated. */
void play_stands(struct world *w, int64_t ms);
/* A payment of 5 drops between generated accounts, given to a node. */
struct hash256 play_pay(struct world *w, char node, uint32_t from);
/* Until node has it validated; the milliseconds. */
int64_t play_validated(struct world *w, char node, const struct hash256 *id, int64_t within_ms);

/* What leaves `from` (letters) is shown to `pass` first, which says whether it goes to its
 * receiver. One at a time; NULL ends it. */
typedef bool play_pass(void *ctx, struct world *w, uint32_t from, uint32_t to, const struct msg *m);
void play_filter(struct world *w, const char *from, play_pass *pass, void *ctx);
/* A position of a node's key, to one receiver. */
void play_position(struct world *w, uint32_t node, uint32_t to, const struct cons_position *p);

/* Figures over all nodes, counted by an observer. */
struct tally_of {
	uint64_t sent[MSG_TYPE_END];
	uint64_t useless, dropped;
	uint32_t newest[WORLD_NODES_MAX]; /* validated ledger reported */
	bool went_back;
};
void play_count(struct world *w, struct tally_of *t);

#define SCENARIO_TEST(name) void name(void **state);
#include "tests/sim/scenarios_list.h"
#undef SCENARIO_TEST

#endif
