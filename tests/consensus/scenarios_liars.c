/* SPDX-License-Identifier: ISC */
#include "tests/consensus/scenarios.h"

/* Validators that say one thing here and another there. */

struct halves {
	uint32_t k;
	bool no_relay;
	enum sim_lies lies; /* LIES_NOT: the last one is honest and stands at the genesis */
};

static void names(char *out, uint32_t from, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		out[i] = (char)('A' + from + i);
	out[n] = 0;
}

/* 2k honest validators, half of them on L and half on L', and one that tells each half that it is
 * right. Returns the time until all have gone on by two validated ledgers, -1 when they did not
 * within the limit. */
static int64_t run_halves(const struct halves *h, uint64_t seed, int64_t limit_ms)
{
	struct sim_options o = sim_defaults(seed);
	char first[SIM_NODES_MAX], second[SIM_NODES_MAX], last[2];
	struct hash256 genesis;
	struct sim *s;
	int64_t took;

	o.validators = 2 * h->k + 1;
	o.no_relay = h->no_relay;
	o.jitter_ms = 5 + (int64_t)(seed % 97);
	o.tx_every_ms = seed % 2 ? 0 : 700;
	s = sim_open(&o);
	genesis = sim_genesis(s);
	names(first, 0, h->k);
	names(second, h->k, h->k);
	names(last, 2 * h->k, 1);
	sim_inject(s, first, &genesis, 2 * seed);
	sim_inject(s, second, &genesis, 2 * seed + 1);
	if (h->lies)
		sim_byzantine(s, last[0], h->lies, second);
	sim_start(s, last);
	sim_start(s, first);
	sim_start(s, second);
	took = progress_within(s, 2, limit_ms);
	sim_close(s);
	return took;
}

static void halves_many_times(const char *id, const struct halves *h)
{
	static const char *const how[] = {[LIES_NOT] = "honest",
					  [LIES_MIRROR] = "two-faced",
					  [LIES_MIRROR_SAME] = "two-faced under one number",
					  [LIES_MIRROR_MUTE] = "two-faced without votes",
					  [LIES_MIRROR_VOTE] = "two-faced votes only"};
	uint32_t stuck = 0;
	int64_t worst = 0, sum = 0;

	for (uint64_t seed = 1; seed <= scenario_runs; seed++) {
		int64_t took = run_halves(h, seed, 600000);

		stuck += took < 0;
		sum += took < 0 ? 0 : took;
		worst = took > worst ? took : worst;
	}
	scenario_says(id, "k=%u %s%s: %u of %u stuck, mean %lld ms, worst %lld ms", h->k,
		      how[h->lies], h->no_relay ? ", nothing relayed" : "", stuck, scenario_runs,
		      (long long)(stuck < scenario_runs ? sum / (scenario_runs - stuck) : 0),
		      (long long)worst);
	assert_int_equal(stuck, 0);
}

void s2_two_faced_validator_cannot_keep_halves_apart(void **state)
{
	(void)state;
	for (uint32_t k = 2; k <= 4; k++) {
		for (int no_relay = 0; no_relay < 2; no_relay++) {
			for (int lies = LIES_MIRROR; lies <= LIES_MIRROR_VOTE; lies++)
				halves_many_times(
				    "S2", &(struct halves){k, no_relay, (enum sim_lies)lies});
		}
	}
}

void s2_honest_halves_meet(void **state)
{
	(void)state;
	for (uint32_t k = 2; k <= 4; k++)
		halves_many_times("S2", &(struct halves){k, false, LIES_NOT});
}

/* As long as it lies: the halves' pace is that of an honest network. */
void s2_lies_go_on_and_so_does_the_network(void **state)
{
	int64_t worst = 0;

	(void)state;
	for (uint32_t k = 2; k <= 4; k++) {
		for (int same = 0; same < 2; same++) {
			struct sim_options o = sim_defaults(k);
			char first[SIM_NODES_MAX], all[SIM_NODES_MAX];
			struct sim *s;
			int64_t every;

			o.validators = 2 * k + 1;
			o.tx_every_ms = 300;
			s = sim_open(&o);
			names(first, 0, k);
			names(all, 0, 2 * k + 1);
			sim_byzantine(s, (char)('A' + 2 * k), same ? LIES_MIRROR_SAME : LIES_MIRROR,
				      first);
			sim_start(s, all);
			every = interval_ms(s, scenario_brief ? 60000 : 600000);
			worst = every > worst ? every : worst;
			assert_true(sim_validated_max(s) - sim_validated_min(s) <= 1);
			sim_close(s);
		}
	}
	scenario_says("S2", "600 s of lies, 6 networks: a ledger each %lld ms at worst",
		      (long long)worst);
	assert_true(worst < 6000);
}

/* One UNL of seven, the same liar as in S1: everybody holds A's or G's transaction. */
void s1b_one_unl_and_one_who_lies(void **state)
{
	int64_t worst = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 10 * (uint64_t)scenario_runs; seed++) {
		struct sim_options o = sim_defaults(seed);
		int64_t took;
		struct sim *s;

		o.validators = 7;
		o.jitter_ms = (int64_t)(seed % 200);
		s = sim_open(&o);
		sim_byzantine(s, 'D', seed % 2 ? LIES_MIRROR : LIES_MIRROR_SAME, "EFG");
		sim_start(s, "ABCDEFG");
		sim_submit(s, "ABC", 1);
		sim_submit(s, "EFG", 2);
		took = expect_progress(s, 3, 60000);
		worst = took > worst ? took : worst;
		sim_close(s);
	}
	scenario_says("S1b", "0 of %u forked, three ledgers after %lld ms at worst",
		      10 * scenario_runs, (long long)worst);
}

/* Seven nodes, A to C trust A to E, E to G trust C to G, and D lies: 40 % overlap with a liar in
 * it. A node refuses such a configuration; this is what it is refused for, and what relay and
 * evidence make of it when an operator insists. */
void s1_two_unls_and_one_who_lies_to_both(void **state)
{
	uint32_t forks[2] = {0, 0}, runs = 10 * scenario_runs;

	(void)state;
	for (uint64_t seed = 1; seed <= runs; seed++) {
		for (uint32_t relay = 0; relay < 2; relay++) {
			struct sim_options o = sim_defaults(seed);
			struct sim *s;

			o.validators = 7;
			o.no_relay = !relay;
			o.count_forks = true;
			o.jitter_ms = (int64_t)(seed % 50);
			s = sim_open(&o);
			sim_unl(s, "ABC", "ABCDE");
			sim_unl(s, "EFG", "CDEFG");
			sim_byzantine(s, 'D', seed % 2 ? LIES_MIRROR : LIES_MIRROR_SAME, "EFG");
			sim_start(s, "ABCDEFG");
			sim_submit(s, "ABC", 1);
			sim_submit(s, "EFG", 2);
			sim_run_ms(s, 30000);
			expect_sound(s);
			forks[relay] += sim_forks(s) > 0;
			sim_close(s);
		}
	}
	scenario_says("S1", "overridden: %u of %u forked without relay, %u of %u with", forks[0],
		      runs, forks[1], runs);
	assert_int_equal(forks[1], 0);
}

/* A mutant: different votes at several heights, made-up ledgers, votes taken from one line to the
 * other and back. Nobody forks, the network goes on, and whoever is accused is the liar. */
void r1_lies_at_several_heights(void **state)
{
	uint32_t accused = 0;
	int64_t worst = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= scenario_runs; seed++) {
		struct sim_options o = sim_defaults(seed);
		struct sim *s = sim_open(&o);
		int64_t every;

		sim_byzantine(s, 'C', LIES_MUTANT, NULL);
		sim_start(s, ALL5);
		every = interval_ms(s, 120000);
		worst = every > worst ? every : worst;
		accused += sim_accusers(s) > 0;
		sim_close(s);
	}
	assert_true(accused > scenario_runs / 2);
	scenario_says("R1",
		      "a mutant for 120 s: a ledger each %lld ms at worst, found out in %u of %u",
		      (long long)worst, accused, scenario_runs);
}
