/* SPDX-License-Identifier: ISC */
#include "tests/consensus/scenarios.h"

#include "consensus/closetime.h"
#include "consensus/params.h"

/* What happens within a round: clocks, slow peers, sets that cannot be had, long rounds. */

/* Clocks are off by 0, 10 and 20 s in pairs: one hash everywhere, close times that rise, and are a
 * fixed point of the rounding. */
void s8_clocks_are_off(void **state)
{
	struct sim_options o = sim_defaults(13);
	struct sim *s;
	uint32_t last = 0, agreed_n = 0;
	int64_t every;

	(void)state;
	o.validators = 6;
	s = sim_open(&o);
	for (char k = 'A'; k <= 'F'; k++)
		sim_skew(s, k, 10 * ((k - 'A') / 2));
	sim_start(s, "ABCDEF");
	every = interval_ms(s, 180000);
	assert_in_range(every, 3000, 4200);
	for (uint32_t seq = 2; seq <= sim_validated_max(s); seq++) {
		uint32_t close;
		bool agreed;

		if (!sim_last_close(s, seq, &close, &agreed))
			continue;
		assert_true(close > last);
		agreed_n += agreed;
		last = close;
	}
	scenario_says("S8", "%u ledgers, one hash each, a close time agreed in %u, every %lld ms",
		      sim_validated_max(s) - 1, agreed_n, (long long)every);
	sim_close(s);
}

void s8_close_time_is_a_fixed_point(void **state)
{
	static const uint8_t resolutions[] = {10, 20, 30, 60, 90, 120};
	uint32_t n = 0;

	(void)state;
	for (size_t r = 0; r < sizeof(resolutions); r++) {
		for (uint32_t t = 1000; t < 1500; t++) {
			for (uint32_t p = 900; p < 1500; p += 7) {
				struct net_time parent = {.s = p}, at = {.s = t}, once, twice;

				once = close_effective(at, resolutions[r], parent);
				twice = close_effective(once, resolutions[r], parent);
				assert_true(once.s > p);
				assert_true(twice.s == once.s || once.s == p + 1);
				n++;
			}
		}
	}
	scenario_says("S8", "rounding twice is rounding once in %u cases", n);
}

/* Two validators are slow, voting or only watching; their transactions come later, the ledger does
 * not. */
void s9_slow_peers_do_not_hold_up_others(void **state)
{
	(void)state;
	for (int watching = 0; watching < 2; watching++) {
		struct sim_options o = sim_defaults(11);
		struct sim *s;
		int64_t every;

		o.validators = watching ? 4 : 6;
		o.observers = watching ? 2 : 0;
		s = sim_open(&o);
		sim_slow(s, 'E', 550);
		sim_slow(s, 'F', 550);
		sim_start(s, "ABCDEF");
		sim_submit(s, "EF", 1);
		sim_submit(s, "ABCD", 2);
		expect_progress(s, 1, 12000);
		assert_true(sim_included(s, 2));
		assert_false(sim_included(s, 1));
		every = interval_ms(s, 120000);
		assert_in_range(every, 3000, 6000);
		assert_true(sim_validated_max(s) - sim_validated_min(s) <= 1);
		scenario_says("S9", "two slow ones %s: a ledger each %lld ms",
			      watching ? "watching" : "voting", (long long)every);
		sim_close(s);
	}
}

/* A set cannot be fetched by some, until their acquisition has failed; later proposals name it
 * again. The round ends in time, and the set is asked for anew. */
void h1_blocked_set_does_not_silence_the_network(void **state)
{
	struct sim_options o = sim_defaults(15);
	int64_t worst = 0;
	struct sim *s;

	(void)state;
	o.validators = 7;
	s = sim_open(&o);
	sim_start(s, "ABCDEFG");
	sim_run_ms(s, 10000);
	for (uint64_t tx = 1; sim_now_ms(s) < (scenario_brief ? 300000 : 3600000); tx++) {
		int64_t took;

		sim_submit(s, "ABCDE", tx);
		sim_block_sets(s, "FG", true);
		took = expect_progress(s, 1, CONS_ABANDON_MAX_MS);
		worst = took > worst ? took : worst;
		if (tx % 8 == 0) {
			uint64_t asked = sim_set_requests(s);

			sim_block_sets(s, "FG", false);
			sim_submit(s, "ABCDE", 100000 + tx);
			expect_progress(s, 2, 15000);
			assert_true(sim_set_requests(s) > asked);
		}
	}
	scenario_says("H1", "7 nodes, sets kept from 2 for %d s: longest without a ledger %lld ms",
		      (int)(sim_now_ms(s) / 1000), (long long)worst);
	sim_close(s);
}

/* Both sides of a split cannot see the other's set, for an hour. */
void h1_nobody_can_fetch_anything(void **state)
{
	struct sim *s = scenario_five(16);
	int64_t worst = 0;

	(void)state;
	sim_block_sets(s, ALL5, true);
	for (uint64_t tx = 1; sim_now_ms(s) < (scenario_brief ? 300000 : 3600000); tx++) {
		int64_t took;

		sim_submit(s, tx % 2 ? "AB" : "CDE", tx);
		took = expect_progress(s, 1, CONS_ABANDON_MAX_MS);
		worst = took > worst ? took : worst;
	}
	scenario_says("H1",
		      "5 nodes, no set can be fetched for %d s: longest without a ledger %lld ms",
		      (int)(sim_now_ms(s) / 1000), (long long)worst);
	sim_close(s);
}

/* Few are here and agree on everything: that is no stall, and nobody runs ahead. */
void h2_few_who_agree_do_not_run_ahead(void **state)
{
	struct sim *s = scenario_five(23);
	uint32_t at;

	(void)state;
	sim_run_ms(s, 10000);
	sim_kill(s, "DE");
	sim_run_ms(s, 10000);
	at = sim_status(s, 'A').prev_seq;
	expect_stalled(s, 600000);
	for (char k = 'A'; k <= 'C'; k++) {
		assert_int_equal(sim_status(s, k).prev_seq, at);
		assert_int_equal(sim_status(s, k).disputes, 0);
	}
	sim_start(s, "DE");
	expect_progress(s, 2, 15000);
	scenario_says("H2", "three of five for 600 s: 0 ledgers ahead");
	sim_close(s);
}

/* No quorum for a long time, positions stay fresh all the while: they are repeated. */
void r4_positions_stay_fresh_in_a_long_round(void **state)
{
	struct sim *s = scenario_five(20);
	int64_t took;

	(void)state;
	sim_run_ms(s, 10000);
	sim_kill(s, "DE");
	sim_run_ms(s, 10000);
	for (int k = 0; k < 100; k++) {
		sim_run_ms(s, 1000);
		assert_int_equal(sim_status(s, 'A').proposers, 2);
	}
	sim_start(s, "DE");
	took = expect_progress(s, 1, 15000);
	scenario_says("R4", "100 s without a quorum: 2 of 2 positions fresh, %lld ms to resume",
		      (long long)took);
	sim_close(s);
}

/* Who leaves says so: its position is gone at once, not after it has become stale. */
void r4_who_leaves_bows_out(void **state)
{
	struct sim *s = scenario_five(24);
	int64_t start;

	(void)state;
	sim_run_ms(s, 10000);
	sim_partition(s, "ABC|DE");
	sim_run_ms(s, 20000);
	assert_int_equal(sim_status(s, 'A').proposers, 2);
	sim_stop_proposing(s, 'B');
	start = sim_now_ms(s);
	while (sim_status(s, 'A').proposers == 2 && sim_now_ms(s) - start < CONS_FRESH_MS)
		sim_run_ms(s, 10);
	assert_true(sim_now_ms(s) - start < 200);
	scenario_says("R4", "a position that is taken back is gone after %lld ms",
		      (long long)(sim_now_ms(s) - start));
	sim_close(s);
}

/* Members on the negative UNL of somebody else's UNL, or listed by nobody we trust, lower nothing;
 * and a crashed validator that is listed steers nobody. */
void r7_negative_unl_within_our_own(void **state)
{
	struct sim_options o = sim_defaults(25);
	struct hash256 genesis, old, at;
	struct sim *s;

	(void)state;
	o.validators = 7;
	s = sim_open(&o);
	sim_unl(s, "ABCDEF", "ABCDEF");
	sim_negative_unl(s, "G", 0);
	sim_start(s, "ABCDE");
	expect_progress(s, 2, 20000);
	assert_int_equal(sim_status(s, 'A').quorum, 5);
	sim_kill(s, "E");
	expect_stalled(s, 60000);
	sim_start(s, "E");
	expect_progress(s, 2, 20000);
	sim_close(s);

	o.validators = 6;
	s = sim_open(&o);
	genesis = sim_genesis(s);
	old = sim_inject(s, "F", &genesis, 7);
	sim_negative_unl(s, "F", 0);
	sim_start(s, "ABCDEF");
	expect_progress(s, 2, 20000);
	at = sim_status(s, 'A').prev;
	assert_false(sim_descends(s, &at, &old));
	assert_int_equal(sim_status(s, 'A').quorum, 4);
	sim_kill(s, "EF");
	expect_progress(s, 5, 30000);
	scenario_says("R7",
		      "a stranger listed: quorum 5 of 6; a member listed: 4 of 6, and two may go");
	sim_close(s);
}

/* One changes its position at each tick, so that the disputes never settle. */
void x6_flipping_at_each_threshold(void **state)
{
	int64_t worst = 0, sum = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= scenario_runs; seed++) {
		struct sim_options o = sim_defaults(seed);
		struct sim *s;

		s = sim_open(&o);
		sim_byzantine(s, 'E', LIES_FLIP, NULL);
		sim_start(s, ALL5);
		for (uint64_t tx = 1; tx <= 10; tx++) {
			int64_t took;

			sim_submit(s, "AB", 2 * tx);
			sim_submit(s, "CD", 2 * tx + 1);
			took = expect_progress(s, 1, CONS_ABANDON_MAX_MS);
			sum += took;
			worst = took > worst ? took : worst;
		}
		sim_close(s);
	}
	scenario_says("X6",
		      "%u ledgers with two against two and one flipping: mean %lld ms, worst %lld "
		      "ms",
		      10 * scenario_runs, (long long)(sum / (10 * scenario_runs)),
		      (long long)worst);
}

/* #74: one sends more than 10,000 messages in each round, no two alike. Votes against votes show
 * what it is at once; proposals alone are bounded by what one may name in a round. */
void flood_of_one_validator_does_not_slow_rounds(void **state)
{
	(void)state;
	for (int words = 0; words < 2; words++) {
		struct sim_options o = sim_defaults(26);
		struct sim *s = sim_open(&o);
		uint64_t asked;
		int64_t every;

		sim_byzantine(s, 'E', LIES_FLOOD, words ? "A" : NULL);
		sim_start(s, ALL5);
		expect_progress(s, 1, 20000);
		asked = sim_set_requests(s);
		every = interval_ms(s, 12000);
		asked = sim_set_requests(s) - asked;
		scenario_says(
		    "#74", "3,500 %s a second of one: a ledger each %lld ms, %llu sets asked for",
		    words ? "proposals" : "messages", (long long)every, (unsigned long long)asked);
		assert_true(every < 6000);
		/* four nodes, four or five rounds: what one may name, and what waiting grants */
		assert_true(asked < 4 * 5 * (PROPOSALS_PER_VALIDATOR_ROUND + 3));
		sim_close(s);
	}
}
