/* SPDX-License-Identifier: ISC */
#include "tests/consensus/scenarios.h"

/* Partitions, islands, hubs. */

#define CUT_MS 300000

struct recovery {
	uint32_t runs;
	int64_t sum, worst;
};

static void count(struct recovery *r, int64_t took)
{
	r->runs++;
	r->sum += took;
	r->worst = took > r->worst ? took : r->worst;
}

/* Nodes of the mask hear nothing from the others, and are heard only when the cut is one-way. */
static void split(struct sim *s, uint32_t n, uint32_t mask, bool one_way)
{
	for (uint32_t a = 0; a < n; a++) {
		for (uint32_t b = 0; b < n; b++) {
			if (!(mask & (1u << a)) || (mask & (1u << b)))
				continue;
			sim_cut(s, (char)('A' + a), (char)('A' + b), true);
			sim_cut(s, (char)('A' + b), (char)('A' + a), !one_way);
		}
	}
}

/* Five minutes apart, then together: no fork, and on it goes. */
static int64_t recover_from(uint32_t n, uint32_t mask, bool one_way)
{
	struct sim_options o = sim_defaults(mask);
	struct sim *s;
	int64_t took;

	o.validators = n;
	s = sim_open(&o);
	sim_start(s, "ABCDEFG");
	sim_run_ms(s, 10000);
	split(s, n, mask, one_way);
	sim_run_ms(s, CUT_MS);
	expect_sound(s);
	sim_heal(s);
	took = expect_progress(s, 2, 30000);
	sim_close(s);
	return took;
}

static void every_split(uint32_t n)
{
	struct recovery r[2] = {{0, 0, 0}, {0, 0, 0}};

	/* both ways a half and its complement are the same cut; one way they are not */
	for (uint32_t mask = 1; mask < (1u << n) - 1; mask += scenario_brief ? 7 : 1) {
		if (mask < 1u << (n - 1))
			count(&r[0], recover_from(n, mask, false));
		count(&r[1], recover_from(n, mask, true));
	}
	scenario_says("S3",
		      "%u nodes: %u splits both ways, recovery mean %lld ms, worst %lld ms; %u one "
		      "way, mean %lld ms, worst %lld ms",
		      n, r[0].runs, (long long)(r[0].sum / r[0].runs), (long long)r[0].worst,
		      r[1].runs, (long long)(r[1].sum / r[1].runs), (long long)r[1].worst);
	assert_true(r[0].sum / r[0].runs <= 10000 && r[1].sum / r[1].runs <= 10000);
}

void s3_every_split_of_five_heals(void **state)
{
	(void)state;
	every_split(5);
}

void s3_every_split_of_seven_heals(void **state)
{
	(void)state;
	every_split(7);
}

/* Links stop one by one and come back in another order, piece by piece. */
void s3_heals_in_pieces(void **state)
{
	struct recovery r = {0, 0, 0};

	(void)state;
	for (uint64_t seed = 1; seed <= scenario_runs; seed++) {
		struct sim *s = scenario_five(seed);
		uint64_t x = seed * 0x9e3779b97f4a7c15u;

		sim_run_ms(s, 10000);
		for (uint32_t k = 0; k < 20; k++) {
			sim_cut(s, (char)('A' + (x >> k) % 5), (char)('A' + (x >> (k + 7)) % 5),
				true);
			sim_run_ms(s, 1500);
		}
		sim_partition(s, "A|B|C|D|E");
		sim_run_ms(s, 60000);
		sim_partition(s, seed % 2 ? "AB|C|D|E" : "A|BC|D|E");
		sim_run_ms(s, 20000);
		sim_partition(s, seed % 2 ? "AB|CD|E" : "ABC|DE");
		expect_stalled(s, 20000);
		sim_partition(s, seed % 2 ? "ABCD|E" : "A|BCDE");
		sim_run_ms(s, 15000);
		expect_sound(s);
		assert_true(sim_validated_max(s) > sim_validated_min(s));
		sim_heal(s);
		count(&r, expect_progress(s, 2, 20000));
		sim_close(s);
	}
	scenario_says("S3", "in pieces: %u runs, recovery mean %lld ms, worst %lld ms", r.runs,
		      (long long)(r.sum / r.runs), (long long)r.worst);
}

/* Five validators know each other only by way of a node that does not vote. */
void s10_all_behind_one_hub(void **state)
{
	struct sim_options o = sim_defaults(10);
	struct sim *s;
	int64_t every, back;

	(void)state;
	o.observers = 1;
	s = sim_open(&o);
	sim_partition(s, "A|B|C|D|E|F");
	for (char k = 'A'; k <= 'E'; k++) {
		sim_cut(s, k, 'F', false);
		sim_cut(s, 'F', k, false);
	}
	sim_start(s, "ABCDEF");
	every = interval_ms(s, 120000);
	sim_kill(s, "F");
	sim_run_ms(s, 5000);
	expect_stalled(s, 120000);
	sim_start(s, "F");
	back = expect_progress(s, 2, 30000);
	scenario_says("S10",
		      "a ledger each %lld ms by way of the hub, none without, %lld ms to resume",
		      (long long)every, (long long)back);
	assert_in_range(every, 3000, 4200);
	sim_close(s);
}

/* Two of five hear only each other; they must not go ahead. */
void r1_an_island_stays_where_it_is(void **state)
{
	struct sim *s = scenario_five(10);
	uint32_t at;
	int64_t took;

	(void)state;
	sim_run_ms(s, 20000);
	sim_partition(s, "AB|CDE");
	sim_run_ms(s, 10000);
	at = sim_status(s, 'A').prev_seq;
	expect_stalled(s, 300000);
	assert_int_equal(sim_status(s, 'A').prev_seq, at);
	assert_true(at <= sim_validated_max(s) + LEDGER_AHEAD_MAX);
	sim_heal(s);
	took = expect_progress(s, 1, 15000);
	scenario_says("R1", "two of five alone for 300 s: 0 ledgers ahead, %lld ms to resume",
		      (long long)took);
	sim_close(s);
}

/* Three of five have voted for a ledger that the other two cannot get: they do not know what it
 * descends from, but count who is there, ask for it, and go on alone with nothing. */
void r1_unknown_ledgers_are_counted_and_fetched(void **state)
{
	struct sim_options o = sim_defaults(11);
	struct sim *s = sim_open(&o);
	struct hash256 genesis = sim_genesis(s), theirs, at;
	int64_t took;

	(void)state;
	theirs = sim_inject(s, "CDE", &genesis, 1);
	sim_block_ledgers(s, "AB", true);
	sim_start(s, ALL5);
	for (int k = 0; k < 60; k++) {
		sim_run_ms(s, 1000);
		assert_int_equal(sim_status(s, 'A').unresolved, 3);
		assert_int_equal(sim_status(s, 'A').prev_seq, 1);
	}
	sim_block_ledgers(s, "AB", false);
	took = expect_progress(s, 2, 30000);
	at = sim_status(s, 'A').prev;
	assert_true(sim_descends(s, &at, &theirs));
	assert_int_equal(sim_status(s, 'A').unresolved, 0);
	scenario_says("R1",
		      "3 of 3 tips unknown for 60 s are counted; two ledgers on after %lld ms",
		      (long long)took);
	sim_close(s);
}
