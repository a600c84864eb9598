/* SPDX-License-Identifier: ISC */
#include "tests/sim/support.h"

/* What the simulator has found, as the shortest story that shows it. */

static void without_txs(void *ctx, struct world *w, uint32_t from, uint32_t to, const struct msg *m)
{
	(void)ctx;
	if (m->type != MSG_TXS)
		world_send_as(w, from, to, m);
}

/* A tracker has taken a payment, and what it told the validator of it got lost: it tells it again.
 * (Seed 8 of the full profile: it never did.) */
static void test_a_relay_that_was_lost(void **state)
{
	struct world_mangler lossy = {.send = without_txs};
	struct world_plan plan = world_defaults(1);
	struct world_pay pay = {.from = 0, .to = 1, .drops = 5};
	struct hash256 id;
	struct world *w;

	(void)state;
	plan.validators = 1;
	plan.trackers = 1;
	w = world_open(&plan);
	props_join(w);
	world_start(w, "AB");
	world_run_ms(w, 10000);
	world_mangle(w, 1, &lossy);
	id = world_pay(w, 'B', &pay);
	world_run_ms(w, 3000);
	world_mangle(w, 1, NULL);
	world_run_ms(w, 60000);
	assert_null(world_failure(w));
	assert_true(world_tx_validated(w, 'A', &id));
	world_close(w);
}

/* What had to wait too long for an earlier sequence was forgotten, and never taken again from
 * anybody, not even once it could be applied. (Seed 41 of the full profile.) */
static void test_what_waited_too_long_may_come_again(void **state)
{
	struct world_plan plan = world_defaults(2);
	struct world_pay first = {.from = 0, .to = 1, .drops = 5, .seq = 1};
	struct world_pay second = {.from = 0, .to = 1, .drops = 6, .seq = 2};
	struct hash256 id;
	struct world *w;

	(void)state;
	plan.validators = 1;
	plan.trackers = 1;
	w = world_open(&plan);
	props_join(w);
	world_start(w, "AB");
	world_run_ms(w, 5000);
	id = world_pay(w, 'B', &second);
	while (world_validated(w, 'A') < 50 && !world_failure(w))
		world_run_ms(w, 1000);
	(void)world_pay(w, 'B', &second);
	(void)world_pay(w, 'B', &first);
	world_run_ms(w, 60000);
	assert_null(world_failure(w));
	assert_true(world_tx_validated(w, 'A', &id));
	world_close(w);
}

/* Two transactions for one sequence, each with half of the validators: neither ever had a majority,
 * and each ledger left both out. */
static void test_two_for_one_sequence_come_to_an_end(void **state)
{
	struct world_plan plan = world_defaults(3);
	struct world_pay one = {.from = 0, .to = 1, .drops = 5, .seq = 1};
	struct world_pay other = {.from = 0, .to = 2, .drops = 6, .seq = 1};
	struct hash256 a, b;
	struct world *w;

	(void)state;
	plan.validators = 4;
	w = world_open(&plan);
	props_join(w);
	world_start(w, "ABCD");
	world_run_ms(w, 10000);
	world_partition(w, "AB|CD");
	a = world_pay(w, 'A', &one);
	b = world_pay(w, 'C', &other);
	world_run_ms(w, 1000);
	world_heal(w);
	world_run_ms(w, 80000);
	assert_null(world_failure(w));
	assert_true(world_tx_validated(w, 'A', &a) != world_tx_validated(w, 'A', &b));
	world_close(w);
}

/* Whatever was under way when a network became whole arrived only when the fault would have ended
 * that it had met, and all that was said after it arrived then, too. (Seed 0x478b15cb of the full
 * profile: of four validators one was alone for 84 s, 60 of them after the end of all faults.) */
static void test_what_is_under_way_is_healed(void **state)
{
	struct world_plan plan = world_defaults(4);
	struct world *w;
	uint32_t before;

	(void)state;
	plan.validators = 4;
	w = world_open(&plan);
	props_join(w);
	world_start(w, "ABCD");
	world_run_ms(w, 10000);
	world_slow(w, 'D', 25000);
	world_run_ms(w, 8000);
	before = world_validated_max(w);
	world_heal(w);
	world_run_ms(w, 12000);
	assert_null(world_failure(w));
	assert_true(world_validated_min(w) > before);
	world_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_relay_that_was_lost),
	    cmocka_unit_test(test_what_waited_too_long_may_come_again),
	    cmocka_unit_test(test_two_for_one_sequence_come_to_an_end),
	    cmocka_unit_test(test_what_is_under_way_is_healed),
	};

	bench_begin();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
