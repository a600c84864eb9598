/* SPDX-License-Identifier: ISC */
#include "tests/consensus/scenarios.h"

/* Different ledgers closed or voted for: which one a network goes on with. */

static struct hash256 prev_of(const struct sim *s, char node)
{
	return sim_status(s, node).prev;
}

/* Two UNLs that differ in one member of fifteen, one half on each ledger: each half sees its own
 * ledger ahead by one, and none so far ahead that the rest could not change it. Nothing can be done
 * about that but to say so. (Such UNLs are refused, unless the operator insists.) */
void s4_nearly_equal_unls_are_stuck_and_say_so(void **state)
{
	struct sim_options o = sim_defaults(4);
	struct hash256 genesis;
	struct sim *s;

	(void)state;
	o.validators = 16;
	s = sim_open(&o);
	genesis = sim_genesis(s);
	sim_unl(s, "ABCDEFGH", "ABCDEFGHIJKLMNO");
	sim_unl(s, "IJKLMNOP", "BCDEFGHIJKLMNOP");
	sim_inject(s, "ABCDEFGH", &genesis, 1);
	sim_inject(s, "IJKLMNOP", &genesis, 2);
	sim_partition(s, "ABCDEFGH|IJKLMNOP");
	sim_start(s, "ABCDEFGHIJKLMNOP");
	sim_run_ms(s, 5000);
	sim_heal(s);
	sim_run_ms(s, 60000);
	assert_false(sim_status(s, 'A').stuck);
	expect_stalled(s, 240000);
	for (char k = 'A'; k <= 'P'; k++)
		assert_true(sim_status(s, k).stuck);
	scenario_says("S4", "16 nodes, UNLs 14 of 15 alike: no fork, 16 of 16 say they are stuck");
	sim_close(s);
}

/* Ledger B has two votes, C eight; one of the eight saw it validated and is gone; the other seven
 * each have a child of their own on C. All must meet on one of those. */
void s5_preferred_by_branch(void **state)
{
	struct sim_options o = sim_defaults(17);
	struct hash256 genesis, b, c;
	struct sim *s;
	int64_t took;

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
	took = expect_progress(s, 2, 60000);
	for (const char *k = "ABDEFGHIJ"; *k; k++) {
		struct hash256 at = prev_of(s, *k);

		assert_true(sim_descends(s, &at, &c));
		assert_false(sim_descends(s, &at, &b));
	}
	sim_start(s, "C");
	expect_progress(s, 2, 20000);
	scenario_says("S5", "10 of 10 on the validated branch after %lld ms", (long long)took);
	sim_close(s);
}

/* One UNL: a minority has closed another ledger than the majority. */
void s6_minority_returns_to_the_majority(void **state)
{
	struct sim_options o = sim_defaults(18);
	struct hash256 genesis, good, at;
	struct sim *s = sim_open(&o);
	int64_t took;

	(void)state;
	genesis = sim_genesis(s);
	sim_inject(s, "AB", &genesis, 1);
	good = sim_inject(s, "CDE", &genesis, 2);
	sim_start(s, ALL5);
	took = expect_progress(s, 2, 30000);
	at = prev_of(s, 'A');
	assert_true(sim_descends(s, &at, &good));
	scenario_says("S6", "one UNL: two of five back after %lld ms", (long long)took);
	sim_close(s);
}

/* A and B trust A to E, the others C to J; A to E have one transaction, F to J another. */
void s6_minority_with_a_unl_of_its_own(void **state)
{
	(void)state;
	for (int64_t slow_ms = 0; slow_ms <= 2000; slow_ms += 2000) {
		struct sim_options o = sim_defaults(19);
		uint32_t most = 0;
		struct sim *s;

		o.validators = 10;
		s = sim_open(&o);
		sim_unl(s, "AB", "ABCDE");
		sim_unl(s, "CDEFGHIJ", "CDEFGHIJ");
		for (char k = 'A'; k <= 'J'; k++)
			sim_build_ms(s, k, 5 + slow_ms);
		sim_start(s, "ABCDEFGHIJ");
		sim_submit(s, "ABCDE", 1);
		sim_submit(s, "FGHIJ", 2);
		for (int k = 0; k < 60; k++) {
			uint32_t apart;

			sim_run_ms(s, 1000);
			expect_sound(s);
			apart = sim_validated_max(s) - sim_validated_min(s);
			most = apart > most ? apart : most;
		}
		assert_true(most <= 3);
		expect_progress(s, 3, 40000);
		scenario_says("S6",
			      "two UNLs, building takes %lld ms more: at most %u rounds apart",
			      (long long)slow_ms, most);
		sim_close(s);
	}
}

/* One alone has another last ledger and is in the middle of its round when it learns. */
void s6_loner_leaves_in_the_middle_of_a_round(void **state)
{
	uint32_t moved = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= scenario_runs; seed++) {
		struct sim_options o = sim_defaults(seed);
		struct hash256 genesis, good, at;
		struct sim *s;

		o.validators = 7;
		s = sim_open(&o);
		genesis = sim_genesis(s);
		sim_inject(s, "A", &genesis, 1);
		good = sim_inject(s, "BCDEFG", &genesis, 2);
		sim_partition(s, "A|BCDEFG");
		sim_start(s, "ABCDEFG");
		sim_run_ms(s, 2000 + 37 * (int64_t)(seed % 80));
		moved += sim_status(s, 'A').phase == CONS_ESTABLISH;
		sim_heal(s);
		expect_progress(s, 2, 20000);
		at = prev_of(s, 'A');
		assert_true(sim_descends(s, &at, &good));
		sim_close(s);
	}
	assert_true(moved > scenario_runs / 2);
	scenario_says("S6", "loner: %u of %u left amid a round, all on the others' line", moved,
		      scenario_runs);
}

/* Three build one ledger for 20 s; the other two wait for them. */
void s7_laggards_are_waited_for(void **state)
{
	struct sim *s = scenario_five(12);
	uint32_t ahead = 0;
	int64_t took;

	(void)state;
	sim_run_ms(s, 10000);
	for (char k = 'C'; k <= 'E'; k++)
		sim_build_ms(s, k, 20000);
	sim_run_ms(s, 4000);
	for (char k = 'C'; k <= 'E'; k++)
		sim_build_ms(s, k, 5);
	for (int k = 0; k < 30; k++) {
		uint32_t now;

		sim_run_ms(s, 1000);
		expect_sound(s);
		now = sim_status(s, 'A').prev_seq - sim_validated_max(s);
		ahead = now > ahead ? now : ahead;
	}
	assert_true(ahead <= LEDGER_AHEAD_MAX);
	assert_true(sim_validated_max(s) - sim_validated_min(s) <= 1);
	took = expect_progress(s, 2, 15000);
	scenario_says("S7",
		      "at most %u ahead of the validated one, in step again, next two in %lld ms",
		      ahead, (long long)took);
	sim_close(s);
}

/* Four of seven, each trusting the next ones round a ring, inject the same wrong ledger. Such UNLs
 * do not keep anybody together, and are refused; who insists is told. (The seventh trusts only two
 * others, and has no way to know.) */
void s11_ring_of_unls_with_a_wrong_ledger(void **state)
{
	struct sim_options o = sim_defaults(20);
	struct hash256 genesis;
	uint32_t alarmed = 0;
	struct sim *s;

	(void)state;
	o.validators = 7;
	o.count_forks = true;
	s = sim_open(&o);
	genesis = sim_genesis(s);
	sim_unl(s, "A", "ABCG");
	sim_unl(s, "B", "ABCDE");
	sim_unl(s, "C", "ABCDE");
	sim_unl(s, "D", "BCDEF");
	sim_unl(s, "E", "BCDEF");
	sim_unl(s, "F", "DEFG");
	sim_unl(s, "G", "AFG");
	sim_inject(s, "ABCG", &genesis, 42);
	sim_inject(s, "DEF", &genesis, 1);
	sim_start(s, "ABCDEFG");
	sim_run_ms(s, 150000);
	expect_sound(s);
	for (const char *k = "ABCDEFG"; *k; k++) {
		struct cons_status st = sim_status(s, *k);

		alarmed += st.stuck || st.contrary > 0;
	}
	scenario_says("S11",
		      "overridden: the ring forks, %u of 7 say that they see it or are stuck",
		      alarmed);
	assert_true(sim_forks(s) > 0 && alarmed >= 6);
	sim_close(s);
}

/* Two against two, and the fifth is gone: neither ledger can have a quorum, so they meet; though
 * not before the fifth has been silent for so long that it is not one of them who lies. */
void split_vote_without_the_fifth(void **state)
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
void votes_are_not_left_behind(void **state)
{
	struct sim_options o = sim_defaults(19);
	struct sim *s = sim_open(&o);
	struct hash256 genesis = sim_genesis(s), voted, at;

	(void)state;
	voted = sim_inject(s, "ABC", &genesis, 1);
	sim_start(s, "CDE");
	sim_run_ms(s, 60000);
	expect_sound(s);
	at = prev_of(s, 'C');
	assert_true(sim_descends(s, &at, &voted));
	sim_start(s, "AB");
	expect_progress(s, 2, 20000);
	at = prev_of(s, 'D');
	assert_true(sim_descends(s, &at, &voted));
	sim_close(s);
}

/* At each of the three heights that may be ahead two of five have voted for another ledger, and
 * left it again: none of the three will ever have a quorum. One more is built, and has. */
void split_votes_at_all_heights_ahead(void **state)
{
	struct sim_options o = sim_defaults(21);
	struct sim *s = sim_open(&o);
	struct hash256 at = sim_genesis(s);
	int64_t took;

	(void)state;
	for (uint64_t h = 0; h < LEDGER_AHEAD_MAX; h++) {
		struct hash256 next = sim_inject(s, "ABC", &at, 1);

		sim_inject(s, "DE", &at, 2);
		at = next;
	}
	sim_start(s, ALL5);
	took = expect_progress(s, LEDGER_AHEAD_MAX + 1, 60000);
	scenario_says("-", "votes split at %d heights: validated again after %lld ms",
		      LEDGER_AHEAD_MAX, (long long)took);
	sim_close(s);
}

/* The same with one of those who could still vote gone for good: nobody can know that the heights
 * are lost, but nobody waits for ever either. */
void split_votes_and_one_gone(void **state)
{
	struct sim_options o = sim_defaults(22);
	struct sim *s = sim_open(&o);
	struct hash256 at = sim_genesis(s);
	int64_t took;

	(void)state;
	for (uint64_t h = 0; h < LEDGER_AHEAD_MAX; h++) {
		struct hash256 next = sim_inject(s, "ABC", &at, 1);

		sim_inject(s, "D", &at, 2);
		at = next;
	}
	sim_start(s, "ABCD");
	took = expect_progress(s, LEDGER_AHEAD_MAX + 1, 300000);
	scenario_says("-", "votes split at %d heights, one gone: validated again after %lld ms",
		      LEDGER_AHEAD_MAX, (long long)took);
	sim_start(s, "E");
	expect_progress(s, 2, 20000);
	sim_close(s);
}
