/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_SIM_RUNS_H
#define TALLY_TESTS_SIM_RUNS_H

#include "tests/sim/actors.h"

/* One run from a seed: draws the plan, opens a world, adds clients, actors and all properties, runs
 * with faults, heals, waits for liveness. tally-sim, the shrinker, canaries and tests call this. */

enum run_profile {
	RUN_FULL,
	RUN_CONSENSUS,
	RUN_CRASH_FEW,
	RUN_CRASH_MANY,
	RUN_SPEED,
	RUN_PROFILES
};
const char *
run_profile_name(enum run_profile p); /* "full", "consensus", "crash", "crashes", "speed" */

struct run_options {
	uint64_t seed;
	enum run_profile profile;
	int64_t until_ms;            /* ends there, without looking at liveness; 0: whole */
	const struct decision *only; /* replay: see decisions_open; NULL: all */
	uint32_t n_only;
	const struct world_plan *plan; /* NULL: drawn from the seed */
	uint32_t minutes;              /* with faults, instead of what the plan says; 0: as drawn */
	const char *verbose;
	struct cover *cover; /* counts what was reached; NULL: nobody does */
};
struct run_result {
	bool failed;
	char property[8]; /* "P4" */
	char text[400];
	char divergent[120]; /* the first ledger that two nodes have in two forms, if any */
	int64_t at_ms;       /* of the failure */
	int64_t simulated_ms;
	uint64_t steps, trace;
	struct decision *fired; /* owned by the result */
	uint32_t n_fired;
	uint32_t fault_count[FAULT_COUNT];
	uint64_t submitted, validated; /* transactions */
	uint32_t nodes, byzantine;
};
/* Draws everything about a run. */
void run_plan(struct world_plan *out, uint64_t seed, enum run_profile profile);
void run_once(struct run_result *out, const struct run_options *o);
void run_result_close(struct run_result *r);

/* A replay: plan and decisions as text, so it holds even when plans are drawn differently later.
 * `o` must have a plan when it is written. Reading sets plan and only, which run_replay_close
 * frees. */
enum err run_replay_write(const char *path, const struct run_options *o, struct why *why) MUST_USE;
enum err run_replay_read(const char *path, struct run_options *o, struct why *why) MUST_USE;
void run_replay_close(struct run_options *o);

#endif
