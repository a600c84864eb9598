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
	uint32_t stuck = 0;
	int64_t worst = 0, sum = 0;

	for (uint64_t seed = 1; seed <= scenario_runs; seed++) {
		int64_t took = run_halves(h, seed, 600000);

		stuck += took < 0;
		sum += took < 0 ? 0 : took;
		worst = took > worst ? took : worst;
	}
	scenario_says(id, "k=%u %s%s: %u of %u stuck, mean %lld ms, worst %lld ms", h->k,
		      h->lies == LIES_NOT      ? "honest"
		      : h->lies == LIES_MIRROR ? "two-faced"
					       : "two-faced under one number",
		      h->no_relay ? ", nothing relayed" : "", stuck, scenario_runs,
		      (long long)(stuck < scenario_runs ? sum / (scenario_runs - stuck) : 0),
		      (long long)worst);
	assert_int_equal(stuck, 0);
}

void s2_two_faced_validator_cannot_keep_halves_apart(void **state)
{
	(void)state;
	for (uint32_t k = 2; k <= 4; k++) {
		for (int no_relay = 0; no_relay < 2; no_relay++) {
			halves_many_times("S2", &(struct halves){k, no_relay, LIES_MIRROR});
			halves_many_times("S2", &(struct halves){k, no_relay, LIES_MIRROR_SAME});
		}
	}
}

void s2_honest_halves_meet(void **state)
{
	(void)state;
	for (uint32_t k = 2; k <= 4; k++)
		halves_many_times("S2", &(struct halves){k, false, LIES_NOT});
}
