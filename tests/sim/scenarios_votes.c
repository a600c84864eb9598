/* SPDX-License-Identifier: ISC */
#include "ledger/genesis.h"
#include "tests/sim/scenarios.h"

/* Votes on fees and amendments (G1, G2). */

static uint32_t validated(struct world *w, char node)
{
	return world_validated(w, node);
}

/* Until node has it validated. */
static void run_to(struct world *w, char node, uint32_t seq)
{
	int64_t end = world_now_ms(w) + 60000 + 10000 * (int64_t)(seq - validated(w, node));

	while (validated(w, node) < seq && world_now_ms(w) < end && !world_failure(w))
		play_run(w, 500);
	if (validated(w, node) < seq)
		fail_msg("%c stands at %u, wanted %u", node, validated(w, node), seq);
}

static struct ledger_fees fees(struct world *w, uint32_t node)
{
	struct ledger_fees f;

	assert_int_equal(ledger_fees_read(&node_validated(world_node(w, node))->state, &f), FOUND);
	return f;
}

/* G1. Four of five want a fee of 12 drops and half the reserve, the fifth 20 drops; it is away
 * while the votes are counted, and one message of twenty is lost. */
void g1_fees_are_voted(void **state)
{
	struct world_plan plan = world_defaults(601);
	struct node_wishes wish = {.has = {true, true, false}, .drops = {12, 5000000, 0}};
	struct world *w;

	(void)state;
	plan.first_ledger = 240;
	w = play(&plan);
	for (char c = 'A'; c < 'E'; c++)
		world_wish(w, c, &wish);
	wish.drops[NODE_FEE_BASE] = 20;
	world_wish(w, 'E', &wish);
	world_loss(w, 50000);
	run_to(w, 'A', 253);
	world_kill(w, "E");
	run_to(w, 'A', 256);
	assert_int_equal(fees(w, 0).base.raw, 10); /* raw: compared with a number */
	run_to(w, 'A', 258);
	world_start(w, "E");
	world_heal(w);
	play_goes_on(w, 4, 60000);
	for (uint32_t i = 0; i < 5; i++) {
		assert_int_equal(fees(w, i).base.raw, 12);         /* raw: compared with a number */
		assert_int_equal(fees(w, i).reserve.raw, 5000000); /* raw: compared with a number */
		assert_int_equal(fees(w, i).increment.raw, 2000000); /* raw: and that */
	}
	says("G1", "the fees that four of five want, in force at ledger %u", 257);
	play_end(w);
}

static const struct hash256 novel = {{0xEE, 7}};

static bool newer_program(const struct hash256 *id)
{
	const struct amendment *a = amendment_by_id(id);

	return (a && a->supported) || hash256_eq(id, &novel);
}

static struct node_status status(struct world *w, uint32_t node)
{
	struct node_status s;

	node_get_status(world_node(w, node), (struct now){{world_now_ms(w)}, {0}}, &s);
	return s;
}

/* G2. Six validators: five get a newer program, one after the other, and vote for what it brings. F
 * is away while that comes into force, and finds on its return that it is too old. Then it gets the
 * newer program, too. */
void g2_one_is_too_old(void **state)
{
	struct node_wishes wish = {.amendments = &novel, .n_amendments = 1};
	struct world_plan plan = world_defaults(602);
	uint32_t stands;
	struct world *w;

	(void)state;
	plan.validators = 6;
	plan.sessions = false;
	plan.majority_s = 60;
	plan.first_ledger = 240;
	w = play(&plan);
	for (char node[2] = "A"; node[0] < 'F'; node[0]++) {
		world_stop(w, node);
		play_run(w, 300);
		world_supports(w, node[0], newer_program);
		world_start(w, node);
		world_wish(w, node[0], &wish);
		play_run(w, 3000);
	}
	run_to(w, 'F', 259);
	assert_true(status(w, 5).amendment_warned);
	assert_false(status(w, 0).amendment_warned);
	run_to(w, 'A', 509);
	world_partition(w, "ABCDE|F");
	run_to(w, 'A', 520);
	world_heal(w);
	play_run(w, 30000);
	assert_true(status(w, 5).amendment_blocked);
	stands = validated(w, 'F');
	run_to(w, 'A', validated(w, 'A') + 5);
	assert_int_equal(validated(w, 'F'), stands);
	world_stop(w, "F");
	play_run(w, 1000);
	world_supports(w, 'F', newer_program);
	world_start(w, "F");
	play_goes_on(w, 3, 60000);
	assert_false(status(w, 5).amendment_blocked);
	says("G2", "too old since ledger 513, F stood at %u, and went on with a newer program",
	     stands);
	play_end(w);
}
