/* SPDX-License-Identifier: ISC */
#include "tests/sim/scenarios.h"

/* Keys, processes and single validators (X1 to X5). */

/* X1. E dies again and again, at moments that walk through its rounds, and starts at once: what it
 * had signed binds the next life. P6 watches the wire. */
void x1_dies_between_signing_and_sending(void **state)
{
	struct world *w = play_five(301);
	uint32_t deaths;

	(void)state;
	for (deaths = 0; deaths < 60; deaths++) {
		if (deaths % 4 == 0)
			play_pay(w, 'A', deaths % 10);
		play_run(w, 400 + deaths * 37 % 700);
		world_kill(w, "E");
		if (deaths % 2)
			play_run(w, 50);
		world_start(w, "E");
	}
	play_goes_on(w, 3, 60000);
	says("X1", "%u deaths amid the rounds: nothing was signed twice, E is at the tip", deaths);
	play_end(w);
}

static bool key_elsewhere(struct world *w, uint32_t node)
{
	struct node_status s;

	if (!world_node(w, node))
		return false;
	node_get_status(world_node(w, node), (struct now){{world_now_ms(w)}, {0}}, &s);
	return s.key_elsewhere;
}

/* X2. A second process with B's key on a disk of its own. One of the two hears the other first,
 * says so and votes no more; so one at most is left that signs. Seven starts, a little apart. */
void x2_two_processes_with_one_key(void **state)
{
	uint32_t stopped = 0, contradictions = 0;
	int64_t longest = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 7; seed++) {
		struct world *w = play_five(302 + seed);
		char twin[2] = {0, 0};
		uint32_t f, sum = 0;
		struct node_status s;
		int64_t start;

		play_run(w, (int64_t)seed * 430);
		twin[0] = world_twin(w, 'B');
		f = (uint32_t)(twin[0] - 'A');
		world_start(w, twin);
		start = world_now_ms(w);
		while (!sum && world_now_ms(w) - start < 60000) {
			play_run(w, 100);
			sum = key_elsewhere(w, 1) + key_elsewhere(w, f);
		}
		assert_true(sum > 0);
		longest = world_now_ms(w) - start > longest ? world_now_ms(w) - start : longest;
		play_run(w, 30000);
		stopped += key_elsewhere(w, 1) + key_elsewhere(w, f);
		play_goes_on(w, 3, 60000);
		node_get_status(world_node(w, 0), (struct now){{world_now_ms(w)}, {0}}, &s);
		contradictions += (uint32_t)s.counters.evidence;
		play_end(w);
	}
	assert_in_range(stopped, 7, 14);
	assert_int_equal(contradictions, 0);
	says("X2",
	     "of two processes with one key, seven times: %u of 14 stopped, the first within "
	     "%.1f s; contradictions signed: %u",
	     stopped, (double)longest / 1000, contradictions);
}

struct held {
	struct wire_frame *frame[4096];
	uint32_t from[4096], n;
	uint32_t count, kept;
};

/* What goes to E comes by relays that keep back three validations of ten for 20 s. */
static bool relay(void *ctx, struct world *w, uint32_t from, uint32_t to, const struct msg *m)
{
	struct held *h = ctx;

	(void)w;
	if (to != 4 || m->type != MSG_VALIDATION || h->n == 4096 || ++h->count % 10 >= 3)
		return true;
	h->frame[h->n] = wire_encode(m);
	h->from[h->n++] = from;
	h->kept++;
	return false;
}

static void let_go(struct world *w, struct held *h)
{
	struct arena a = ARENA_INIT;

	for (uint32_t i = 0; i < h->n; i++) {
		struct wire_frame *f = h->frame[i];
		struct msg m;

		assert_int_equal(wire_decode(&m, &a, bytes_of(f->bytes, f->n), NULL), ERR_NONE);
		world_send_as(w, h->from[i], 4, &m);
		wire_frame_unref(f);
	}
	h->n = 0;
	arena_close(&a);
}

/* X3. E sees the network through relays that hold back what they like. It may be late; it is never
 * somewhere else. */
void x3_eclipsed_by_relays(void **state)
{
	static struct held h;
	struct world *w = play_five(303);
	uint32_t late = 0;
	int64_t ms;

	(void)state;
	play_filter(w, "ABCD", relay, &h);
	for (uint32_t i = 0; i < 9; i++) {
		play_pay(w, 'A', i);
		for (uint32_t k = 0; k < 20; k++) {
			uint32_t behind = world_validated(w, 'A') - world_validated(w, 'E');

			play_run(w, 1000);
			late = (int32_t)behind > (int32_t)late ? behind : late;
		}
		let_go(w, &h);
	}
	play_filter(w, "ABCD", NULL, NULL);
	ms = play_goes_on(w, 3, 60000);
	says("X3",
	     "%u validations kept from E for 20 s each: at most %u ledgers late, on the same "
	     "chain; well again within %.1f s",
	     h.kept, late, (double)ms / 1000);
	play_end(w);
}

static struct world *play_acts(uint64_t seed, enum fault from, enum fault to, uint32_t ppm)
{
	struct world_plan p = world_defaults(seed);
	struct world *w;

	p.byzantine = 1;
	for (enum fault f = from; f <= to; f++)
		p.rate_ppm[f] = ppm;
	w = world_open(&p);
	props_join(w);
	actors_join(w);
	world_start(w, ALL5);
	play_run(w, 10000);
	return w;
}

/* X4. One validator changes, repeats, withholds and contradicts within single rounds, some acts a
 * round, on three seeds of a minute each (tally-sim draws thousands). */
void x4_small_lies_in_every_round(void **state)
{
	uint32_t acts = 0, ledgers = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 3; seed++) {
		struct world *w = play_acts(304 + seed, FAULT_BYZ_VALUE, FAULT_BYZ_WRONG_ITEM,
					    300000);
		uint32_t before = world_validated_min(w);

		for (uint32_t i = 0; i < 30; i++) {
			play_pay(w, (char)('A' + i % 4), i % 10);
			play_run(w, 2000);
		}
		for (enum fault f = FAULT_BYZ_VALUE; f <= FAULT_BYZ_WRONG_ITEM; f++)
			acts += decisions_count(world_decisions(w), f);
		ledgers += world_validated_min(w) - before;
		decisions_pause(world_decisions(w), true);
		play_goes_on(w, 3, 60000);
		play_end(w);
	}
	assert_true(acts > 20);
	says("X4",
	     "%u acts of one of five over 3 minutes: %u ledgers meanwhile, no property broken",
	     acts, ledgers);
}

/* X4. One validator shows every node another face, in every round: all others find out about each
 * height, and leave it out. Charged is nobody who is honest. */
void x4_another_face_for_everybody(void **state)
{
	uint32_t pairs = 0, least = UINT32_MAX, ledgers = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 3; seed++) {
		struct world *w = play_acts(320 + seed, FAULT_BYZ_PROPOSALS, FAULT_BYZ_VALIDATIONS,
					    1000000);
		uint32_t before = world_validated_min(w);
		struct tally_of t;

		play_count(w, &t);
		for (uint32_t i = 0; i < 30; i++) {
			play_pay(w, (char)('A' + i % 4), i % 10);
			play_run(w, 2000);
		}
		for (uint32_t k = 0; k < 4; k++) {
			struct node_status s;

			node_get_status(world_node(w, k), (struct now){{world_now_ms(w)}, {0}}, &s);
			pairs += k ? 0 : (uint32_t)s.counters.evidence;
			if (s.counters.evidence < least)
				least = (uint32_t)s.counters.evidence;
		}
		ledgers += world_validated_min(w) - before;
		assert_int_equal(t.useless, 0);
		decisions_pause(world_decisions(w), true);
		play_goes_on(w, 3, 60000);
		play_end(w);
	}
	assert_true(least > 0);
	says("X4",
	     "one of five with a face for everybody, 3 minutes: %u contradictions proved, %u "
	     "ledgers meanwhile",
	     pairs, ledgers);
}

/* X5. One of five never proposes what an account sends. */
void x5_one_account_censored(void **state)
{
	struct world *w = play_acts(305, FAULT_BYZ_CENSOR, FAULT_BYZ_CENSOR, 300000);
	uint32_t worst = 0;

	(void)state;
	for (uint32_t i = 0; i < 10; i++) {
		uint32_t before = world_validated(w, 'A');
		struct hash256 id = play_pay(w, 'A', i);

		play_validated(w, 'A', &id, 120000);
		before = world_validated(w, 'A') - before;
		worst = before > worst ? before : worst;
	}
	assert_true(decisions_count(world_decisions(w), FAULT_BYZ_CENSOR) > 0);
	assert_true(worst <= 20);
	says("X5", "one of five censors: each of ten accounts is heard within %u ledgers", worst);
	play_end(w);
}
