/* SPDX-License-Identifier: ISC */
#include "tests/consensus/cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* The named scenarios: what a network of these machines does when things go wrong. The ids in the
 * names are those of the attack catalogue. */

#define ALL5        "ABCDE"
#define SWARM_SEEDS 400

static void expect_sound(const struct sim *s)
{
	if (sim_failure(s))
		fail_msg("%s", sim_failure(s));
}

static struct sim *five(uint64_t seed)
{
	struct sim_options o = sim_defaults(seed);
	struct sim *s = sim_open(&o);

	sim_start(s, ALL5);
	return s;
}

/* Runs until every running node has validated `more` ledgers beyond the highest known now;
 * returns the milliseconds it took, or fails after the limit. */
static int64_t expect_progress(struct sim *s, uint32_t more, int64_t limit_ms)
{
	uint32_t goal = sim_validated_max(s) + more;
	int64_t start = sim_now_ms(s);

	while (sim_now_ms(s) - start < limit_ms) {
		sim_run_ms(s, 100);
		expect_sound(s);
		if (sim_validated_min(s) >= goal)
			return sim_now_ms(s) - start;
	}
	fail_msg("at %u to %u after %lld ms, wanted %u", sim_validated_min(s), sim_validated_max(s),
		 (long long)limit_ms, goal);
	return -1;
}

static void expect_stalled(struct sim *s, int64_t ms)
{
	uint32_t before = sim_validated_max(s);

	sim_run_ms(s, ms);
	expect_sound(s);
	assert_int_equal(sim_validated_max(s), before);
}

/* Mean interval of validated ledgers over the span. */
static int64_t interval_ms(struct sim *s, int64_t span_ms)
{
	uint32_t before = sim_validated_max(s);

	sim_run_ms(s, span_ms);
	expect_sound(s);
	assert_true(sim_validated_max(s) > before);
	return span_ms / (sim_validated_max(s) - before);
}

/* --- good weather ------------------------------------------------------------------------ */

static void steady_state(void **state)
{
	struct sim_options o = sim_defaults(1);
	struct sim *s;
	int64_t first, every;

	(void)state;
	o.delay_ms = 1;
	o.jitter_ms = 2;
	s = sim_open(&o);
	sim_start(s, ALL5);
	first = expect_progress(s, 1, 6000);
	every = interval_ms(s, 300000);
	print_message("first validated after %lld ms, then every %lld ms\n", (long long)first,
		      (long long)every);
	assert_in_range(every, 3000, 3600);
	assert_true(sim_validated_max(s) - sim_validated_min(s) <= 1);
	/* one proposal each and round, little else: nothing ticks */
	assert_true(sim_proposals(s) < 6 * (uint64_t)sim_validated_max(s));
	assert_true(sim_steps(s) < 5 * 30 * (uint64_t)sim_validated_max(s));
	sim_close(s);
}

static void transactions_get_in(void **state)
{
	struct sim_options o = sim_defaults(2);
	struct sim *s;
	int64_t every;

	(void)state;
	o.tx_every_ms = 200;
	s = sim_open(&o);
	sim_start(s, ALL5);
	every = interval_ms(s, 120000);
	assert_in_range(every, 3000, 4000);
	for (uint64_t tx = 1; tx < 500; tx++) {
		if (tx % 4 != 0)
			assert_true(sim_included(s, tx));
	}
	sim_close(s);
}

static void one_alone(void **state)
{
	struct sim_options o = sim_defaults(3);
	struct sim *s;

	(void)state;
	o.validators = 1;
	s = sim_open(&o);
	sim_start(s, "A");
	sim_submit(s, "A", 7);
	assert_true(expect_progress(s, 1, 6000) > 0);
	assert_true(sim_included(s, 7));
	assert_in_range(interval_ms(s, 60000), 3000, 3600);
	sim_kill(s, "A");
	sim_start(s, "A");
	expect_progress(s, 2, 10000);
	sim_close(s);
}

/* --- absence ----------------------------------------------------------------------------- */

static void one_killed_goes_on(void **state)
{
	struct sim *s = five(4);

	(void)state;
	sim_run_ms(s, 20000);
	for (char k = 'A'; k <= 'E'; k++) {
		char name[2] = {k, 0};

		sim_kill(s, name);
		assert_in_range(interval_ms(s, 60000), 3000, 4200);
		sim_start(s, name);
		expect_progress(s, 1, 10000);
	}
	sim_close(s);
}

static void two_killed_stop_and_resume(void **state)
{
	struct sim *s = five(5);
	uint64_t proposals, steps;

	(void)state;
	sim_run_ms(s, 20000);
	sim_kill(s, "BD");
	sim_run_ms(s, 5000);
	proposals = sim_proposals(s);
	steps = sim_steps(s);
	expect_stalled(s, 600000);
	/* three nodes repeat themselves every 12 s, and that is all */
	assert_true(sim_proposals(s) - proposals >= 3 * 49);
	assert_true(sim_proposals(s) - proposals <= 3 * 51);
	assert_true(sim_steps(s) - steps <= 3 * 600);
	sim_start(s, "B");
	print_message("resumed after %lld ms\n", (long long)expect_progress(s, 1, 15000));
	sim_start(s, "D");
	expect_progress(s, 2, 15000);
	assert_in_range(interval_ms(s, 60000), 3000, 3600);
	sim_close(s);
}

static void all_killed_at_once(void **state)
{
	int64_t worst = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct sim_options o = sim_defaults(seed);
		struct sim *s;

		o.tx_every_ms = 100;
		s = sim_open(&o);
		sim_start(s, ALL5);
		sim_run_ms(s, 10000);
		for (int round = 0; round < 5; round++) {
			int64_t took;

			sim_run_ms(s, 1000 + 271 * (int64_t)seed % 3300);
			sim_kill(s, ALL5);
			sim_run_ms(s, 100);
			sim_start(s, ALL5);
			took = expect_progress(s, 1, 15000);
			worst = took > worst ? took : worst;
		}
		sim_close(s);
	}
	print_message("worst resumption %lld ms\n", (long long)worst);
}

static void late_joiner(void **state)
{
	struct sim_options o = sim_defaults(6);
	struct sim *s;

	(void)state;
	o.observers = 1;
	s = sim_open(&o);
	sim_start(s, "ABCD");
	sim_run_ms(s, 120000);
	sim_start(s, "EF");
	sim_run_ms(s, 10000);
	expect_sound(s);
	assert_true(sim_validated_max(s) - sim_validated_min(s) <= 1);
	assert_int_equal(sim_status(s, 'E').mode, CONS_PROPOSING);
	assert_int_equal(sim_status(s, 'F').mode, CONS_OBSERVING);
	assert_in_range(interval_ms(s, 60000), 3000, 3600);
	assert_true(sim_validated_max(s) - sim_validated(s, 'F') <= 1);
	sim_close(s);
}

/* The first nodes wait for a quorum; the network starts with the fourth. */
static void one_after_another(void **state)
{
	struct sim_options o = sim_defaults(7);
	struct sim *s = sim_open(&o);

	(void)state;
	for (char k = 'A'; k <= 'C'; k++) {
		char name[2] = {k, 0};

		sim_start(s, name);
		sim_run_ms(s, 7000);
	}
	sim_start(s, "D");
	expect_progress(s, 1, 5000);
	sim_start(s, "E");
	expect_progress(s, 2, 10000);
	sim_close(s);
}

/* --- bad networks ------------------------------------------------------------------------ */

static void loss(void **state)
{
	(void)state;
	for (uint32_t pm = 50; pm <= 200; pm += 50) {
		struct sim_options o = sim_defaults(pm);
		struct sim *s;

		o.loss_pm = pm;
		o.dup_pm = 50;
		o.jitter_ms = 300;
		o.tx_every_ms = 300;
		s = sim_open(&o);
		sim_start(s, ALL5);
		assert_in_range(interval_ms(s, 300000), 3000, 5000);
		sim_close(s);
	}
}

/* S3: every split in two, both ways and one way only. */
static void s3_every_split(void **state)
{
	int64_t worst = 0;

	(void)state;
	for (uint32_t mask = 1; mask < 16; mask++) {
		for (int one_way = 0; one_way < 2; one_way++) {
			struct sim *s = five(mask);
			int64_t took;

			sim_run_ms(s, 10000);
			for (char a = 'A'; a <= 'E'; a++) {
				for (char b = 'A'; b <= 'E'; b++) {
					bool left = mask & (1u << (a - 'A'));
					bool right = !(mask & (1u << (b - 'A')));

					if (left && right) {
						sim_cut(s, a, b, true);
						sim_cut(s, b, a, !one_way);
					}
				}
			}
			sim_run_ms(s, 300000);
			sim_heal(s);
			took = expect_progress(s, 2, 20000);
			worst = took > worst ? took : worst;
			sim_close(s);
		}
	}
	print_message("worst recovery %lld ms\n", (long long)worst);
}

/* S3, healed piece by piece. */
static void s3_swizzle(void **state)
{
	struct sim *s = five(9);

	(void)state;
	sim_run_ms(s, 10000);
	sim_partition(s, "A|B|C|D|E");
	sim_run_ms(s, 60000);
	sim_partition(s, "AB|C|D|E");
	sim_run_ms(s, 20000);
	sim_partition(s, "AB|CD|E");
	expect_stalled(s, 20000);
	sim_partition(s, "ABCD|E");
	sim_run_ms(s, 15000);
	expect_sound(s);
	assert_true(sim_validated(s, 'A') > sim_validated(s, 'E'));
	sim_heal(s);
	expect_progress(s, 2, 15000);
	sim_close(s);
}

/* R1: two of five hear only each other; they must not go ahead. */
static void r1_island(void **state)
{
	struct sim *s = five(10);
	uint32_t at;

	(void)state;
	sim_run_ms(s, 20000);
	sim_partition(s, "AB|CDE");
	sim_run_ms(s, 10000);
	at = sim_status(s, 'A').prev_seq;
	expect_stalled(s, 300000);
	assert_int_equal(sim_status(s, 'A').prev_seq, at);
	assert_true(at <= sim_validated_max(s) + LEDGER_AHEAD_MAX);
	sim_heal(s);
	expect_progress(s, 1, 15000);
	sim_close(s);
}

/* S9: two validators are slow; their transactions come later, the ledger does not. */
static void s9_slow_peers(void **state)
{
	struct sim_options o = sim_defaults(11);
	struct sim *s;

	(void)state;
	o.validators = 6;
	s = sim_open(&o);
	sim_slow(s, 'A', 500);
	sim_slow(s, 'B', 500);
	sim_start(s, "ABCDEF");
	sim_submit(s, "A", 1);
	sim_submit(s, "CDEF", 2);
	assert_in_range(interval_ms(s, 120000), 3000, 6000);
	assert_true(sim_included(s, 2));
	sim_close(s);
}

/* S7: three build one ledger for 20 s; the other two wait for them. */
static void s7_laggards(void **state)
{
	struct sim *s = five(12);

	(void)state;
	sim_run_ms(s, 10000);
	sim_build_ms(s, 'C', 20000);
	sim_build_ms(s, 'D', 20000);
	sim_build_ms(s, 'E', 20000);
	sim_run_ms(s, 4000);
	sim_build_ms(s, 'C', 5);
	sim_build_ms(s, 'D', 5);
	sim_build_ms(s, 'E', 5);
	sim_run_ms(s, 30000);
	assert_true(sim_status(s, 'A').prev_seq <= sim_validated_max(s) + LEDGER_AHEAD_MAX);
	assert_true(sim_validated_max(s) - sim_validated_min(s) <= 1);
	expect_progress(s, 2, 15000);
	sim_close(s);
}

/* S8: clocks are off by 0, 10 and 20 s in pairs. */
static void s8_clock_skew(void **state)
{
	struct sim_options o = sim_defaults(13);
	struct sim *s;
	uint32_t last = 0;

	(void)state;
	o.validators = 6;
	s = sim_open(&o);
	for (char k = 'A'; k <= 'F'; k++)
		sim_skew(s, k, 10 * ((k - 'A') / 2));
	sim_start(s, "ABCDEF");
	assert_in_range(interval_ms(s, 180000), 3000, 4200);
	for (uint32_t seq = 2; seq <= sim_validated_max(s); seq++) {
		uint32_t close;
		bool agreed;

		if (!sim_last_close(s, seq, &close, &agreed))
			continue;
		assert_true(close > last);
		last = close;
	}
	sim_close(s);
}

/* --- disagreement ------------------------------------------------------------------------ */

/* What most have gets in, what few have waits, and nobody is held up. */
static void differing_open_ledgers(void **state)
{
	struct sim *s = five(14);

	(void)state;
	sim_submit(s, "ABCD", 1);
	sim_submit(s, "ABC", 2);
	sim_submit(s, "E", 3);
	sim_submit(s, "A", 4);
	sim_submit(s, "BD", 5);
	expect_progress(s, 1, 8000);
	assert_true(sim_included(s, 1));
	assert_true(sim_included(s, 2));
	assert_false(sim_included(s, 3));
	assert_in_range(interval_ms(s, 60000), 3000, 3700);
	sim_close(s);
}

/* H1: a set cannot be fetched by some, until their acquisition has failed; later proposals name
 * it again. The round ends, and the set is asked for anew. */
static void h1_blocked_set(void **state)
{
	struct sim_options o = sim_defaults(15);
	struct sim *s;

	(void)state;
	o.validators = 7;
	s = sim_open(&o);
	sim_start(s, "ABCDEFG");
	sim_run_ms(s, 10000);
	for (uint64_t tx = 1; tx <= 50; tx++) {
		sim_submit(s, "ABCDE", tx);
		sim_block_sets(s, "FG", true);
		expect_progress(s, 1, 45000);
		if (tx % 8 == 0) {
			sim_block_sets(s, "FG", false);
			expect_progress(s, 2, 15000);
		}
	}
	sim_close(s);
}

/* Both sides of a split cannot see the other's set, for an hour. */
static void h1_nobody_can_fetch(void **state)
{
	struct sim *s = five(16);

	(void)state;
	sim_block_sets(s, ALL5, true);
	for (uint64_t tx = 1; tx <= 60; tx++) {
		sim_submit(s, tx % 2 ? "AB" : "CDE", tx);
		expect_progress(s, 1, 45000);
	}
	sim_close(s);
}

/* S5: ledger B has two votes, C eight; one of the eight saw it validated and is gone; the other
 * seven each have a child of their own on C. All must meet on one of those. */
static void s5_preferred_branch(void **state)
{
	struct sim_options o = sim_defaults(17);
	struct hash256 genesis, b, c;
	struct cons_status st;
	struct sim *s;

	(void)state;
	o.validators = 10;
	s = sim_open(&o);
	genesis = sim_genesis(s);
	b = sim_inject(s, "AB", &genesis, 1);
	c = sim_inject(s, "CDEFGHIJ", &genesis, 2);
	for (char k = 'D'; k <= 'J'; k++) {
		char name[2] = {k, 0};

		sim_inject(s, name, &c, (uint64_t)k);
	}
	sim_start(s, "ABDEFGHIJ");
	expect_progress(s, 2, 60000);
	st = sim_status(s, 'A');
	assert_true(sim_descends(s, &st.prev, &c));
	assert_false(sim_descends(s, &st.prev, &b));
	sim_start(s, "C");
	expect_progress(s, 2, 20000);
	sim_close(s);
}

/* S6 with one UNL: a minority has closed another ledger than the majority. */
static void s6_wrong_last_closed(void **state)
{
	struct sim_options o = sim_defaults(18);
	struct hash256 genesis, good;
	struct cons_status st;
	struct sim *s = sim_open(&o);

	(void)state;
	genesis = sim_genesis(s);
	sim_inject(s, "AB", &genesis, 1);
	good = sim_inject(s, "CDE", &genesis, 2);
	sim_start(s, ALL5);
	expect_progress(s, 2, 30000);
	st = sim_status(s, 'A');
	assert_true(sim_descends(s, &st.prev, &good));
	sim_close(s);
}

/* Two against two, and the fifth is gone: neither ledger can have a quorum, so they meet; though
 * not before the fifth has been silent for so long that it is not one of them who lies. */
static void split_vote(void **state)
{
	(void)state;
	for (uint64_t marker = 1; marker <= 8; marker++) {
		struct sim_options o = sim_defaults(marker);
		struct sim *s = sim_open(&o);
		struct hash256 genesis = sim_genesis(s);

		sim_inject(s, "AB", &genesis, marker);
		sim_inject(s, "CD", &genesis, 100 + marker);
		sim_start(s, "ABCD");
		expect_progress(s, 2, 160000);
		sim_start(s, "E");
		expect_progress(s, 2, 15000);
		sim_close(s);
	}
}

/* Three have voted, two have not and two of the five are gone: the ledger may be validated as far
 * as anybody can know, so it is what they go on with. */
static void votes_are_not_left(void **state)
{
	struct sim_options o = sim_defaults(19);
	struct sim *s = sim_open(&o);
	struct hash256 genesis = sim_genesis(s), voted;
	struct cons_status st;

	(void)state;
	voted = sim_inject(s, "ABC", &genesis, 1);
	sim_start(s, "CDE");
	sim_run_ms(s, 60000);
	expect_sound(s);
	st = sim_status(s, 'C');
	assert_true(sim_descends(s, &st.prev, &voted));
	sim_start(s, "AB");
	expect_progress(s, 2, 20000);
	st = sim_status(s, 'D');
	assert_true(sim_descends(s, &st.prev, &voted));
	sim_close(s);
}

/* R4: no quorum for a long time, positions stay fresh all the while. */
static void r4_long_rounds(void **state)
{
	struct sim *s = five(20);

	(void)state;
	sim_run_ms(s, 10000);
	sim_kill(s, "DE");
	sim_run_ms(s, 10000);
	for (int k = 0; k < 100; k++) {
		sim_run_ms(s, 1000);
		assert_int_equal(sim_status(s, 'A').proposers, 2);
	}
	sim_start(s, "DE");
	expect_progress(s, 1, 15000);
	sim_close(s);
}

/* --- many seeds -------------------------------------------------------------------------- */

static void swarm(void **state)
{
	int64_t ms = 0;
	uint64_t trace;

	(void)state;
	for (uint64_t seed = 1; seed <= SWARM_SEEDS; seed++) {
		struct why why = {.text = ""};

		if (!sim_swarm(seed, false, &why, &ms, &trace))
			fail_msg("cluster-sim --seeds %llu: %s", (unsigned long long)seed,
				 why.text);
	}
	print_message("%d seeds, %lld simulated minutes\n", SWARM_SEEDS, (long long)(ms / 60000));
}

static void same_seed_same_trace(void **state)
{
	(void)state;
	for (uint64_t seed = 1000; seed < 1032; seed++) {
		uint64_t a = 0, b = 0;
		int64_t ms = 0;
		struct why why;

		assert_true(sim_swarm(seed, false, &why, &ms, &a));
		assert_true(sim_swarm(seed, false, &why, &ms, &b));
		assert_true(a == b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(steady_state),
	    cmocka_unit_test(transactions_get_in),
	    cmocka_unit_test(one_alone),
	    cmocka_unit_test(one_killed_goes_on),
	    cmocka_unit_test(two_killed_stop_and_resume),
	    cmocka_unit_test(all_killed_at_once),
	    cmocka_unit_test(late_joiner),
	    cmocka_unit_test(one_after_another),
	    cmocka_unit_test(loss),
	    cmocka_unit_test(s3_every_split),
	    cmocka_unit_test(s3_swizzle),
	    cmocka_unit_test(r1_island),
	    cmocka_unit_test(s9_slow_peers),
	    cmocka_unit_test(s7_laggards),
	    cmocka_unit_test(s8_clock_skew),
	    cmocka_unit_test(differing_open_ledgers),
	    cmocka_unit_test(h1_blocked_set),
	    cmocka_unit_test(h1_nobody_can_fetch),
	    cmocka_unit_test(s5_preferred_branch),
	    cmocka_unit_test(s6_wrong_last_closed),
	    cmocka_unit_test(split_vote),
	    cmocka_unit_test(votes_are_not_left),
	    cmocka_unit_test(r4_long_rounds),
	    cmocka_unit_test(swarm),
	    cmocka_unit_test(same_seed_same_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
