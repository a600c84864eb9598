/* SPDX-License-Identifier: ISC */
#include "tests/consensus/rig.h"

#include <malloc.h>

/* One validator sends more than anybody can use. What it may cause is bounded for each round: work
 * is counted as effects, memory as what the process has allocated. */

#define MANY 10000

struct cost {
	uint32_t effects, sets, ledgers, evidence;
	size_t memory; /* at the most */
};

static void note(struct rig *r, struct cost *k)
{
	struct mallinfo2 m = mallinfo2();

	k->effects += r->fx.n - rig_count(r, CONS_FX_TIMER);
	k->sets += rig_count(r, CONS_FX_WANT_SET);
	k->ledgers += rig_count(r, CONS_FX_WANT_LEDGER);
	k->evidence += rig_count(r, CONS_FX_EVIDENCE);
	if (m.uordblks > k->memory)
		k->memory = m.uordblks;
}

enum spam { NOTHING, PROPOSALS, SAME_NUMBER, OTHER_LEDGERS, VOTES_FAR, VOTES_NEAR, VOTES_TWICE };

static void send_one(struct rig *r, enum spam spam, uint32_t k)
{
	struct hash256 set = rig_hash('s', k);

	switch (spam) {
	case NOTHING:
		r->fx.n = 0;
		break;
	case PROPOSALS:
		rig_propose(r, 4, 1, &set, 10 + k);
		break;
	case SAME_NUMBER:
		rig_propose(r, 4, 1, &set, 10);
		break;
	case OTHER_LEDGERS:
		rig_propose(r, 4, 1000 + k, &set, 10 + k);
		break;
	case VOTES_FAR:
		rig_validate(r, 4, 1000 + k, 1000 + k, true);
		break;
	case VOTES_NEAR:
		rig_validate(r, 4, 1000 + k, 11 + k % 60, k & 1);
		break;
	case VOTES_TWICE:
		rig_validate(r, 4, 1000 + k, 11, true);
		break;
	}
}

/* A round of five, member 4 sending 10,000 messages while it goes on; how long it takes. */
static int64_t round_under(enum spam spam, struct cost *k)
{
	struct rig r = rig_open(5, 0);
	int64_t start = r.now.steady.ms, took;
	uint32_t sent = 0;
	bool spoken = false;

	*k = (struct cost){0};
	while (rig_status(&r).phase != CONS_ACCEPTED) {
		bool closed = rig_status(&r).phase == CONS_ESTABLISH;

		took = r.now.steady.ms - start;
		assert_true(took < 20000);
		for (; sent < MANY && sent < (uint32_t)took * 4; sent++) {
			send_one(&r, spam, sent);
			note(&r, k);
		}
		for (uint32_t i = 1; closed && !spoken && i < 4; i++) {
			rig_propose(&r, i, 1, &empty, 0);
			note(&r, k);
		}
		spoken |= closed;
		rig_wait_ms(&r, 50);
		note(&r, k);
	}
	took = r.now.steady.ms - start;
	for (; sent < MANY; sent++) {
		send_one(&r, spam, sent);
		note(&r, k);
	}
	cons_close(r.c);
	return took;
}

static void a_round_under_10000_messages(void **state)
{
	static const char *const names[] = {"nothing",          "proposals", "one number",
					    "on other ledgers", "far votes", "near votes",
					    "votes twice"};
	struct cost quiet, k;
	int64_t normal = round_under(NOTHING, &quiet);

	(void)state;
	for (int spam = PROPOSALS; spam <= VOTES_TWICE; spam++) {
		int64_t took = round_under((enum spam)spam, &k);

		print_message("%-17s round %lld ms (%lld), effects %u (%u), sets %u, ledgers %u, "
			      "evidence %u, memory %zd more\n",
			      names[spam], (long long)took, (long long)normal, k.effects,
			      quiet.effects, k.sets, k.ledgers, k.evidence,
			      (ssize_t)(k.memory - quiet.memory));
		assert_true(took <= 2 * normal);
		assert_true(k.memory <= quiet.memory + 65536);
		assert_true(k.sets <= PROPOSALS_PER_VALIDATOR_ROUND + 2);
		assert_true(k.ledgers <= CONS_WANTS_MAX + PROPOSALS_PER_VALIDATOR_ROUND);
		assert_true(k.evidence <= 60);
		assert_true(k.effects <= quiet.effects + 200);
	}
}

/* The budget comes back with the next round, and a little with time. */
static void a_budget_is_for_one_round(void **state)
{
	struct rig r = rig_open(5, 0);
	uint32_t asked = 0;

	(void)state;
	rig_wait_ms(&r, CONS_OPEN_MIN_MS);
	for (uint32_t k = 0; k < MANY; k++) {
		struct hash256 set = rig_hash('s', k);

		rig_propose(&r, 4, 1, &set, k);
		asked += rig_count(&r, CONS_FX_WANT_SET);
	}
	assert_true(asked > 0 && asked <= PROPOSALS_PER_VALIDATOR_ROUND);
	rig_wait_ms(&r, CONS_PROPOSAL_REFILL_MS);
	asked = 0;
	for (uint32_t k = MANY; k < 2 * MANY; k++) {
		struct hash256 set = rig_hash('s', k);

		rig_propose(&r, 4, 1, &set, k);
		asked += rig_count(&r, CONS_FX_WANT_SET);
	}
	assert_int_equal(asked, 1);
	cons_close(r.c);
}

/* A node that is far behind hears of ledgers far ahead, one of each member for each ledger: that is
 * no spam, and their quorum is found. */
static void far_votes_of_a_network_ahead(void **state)
{
	struct rig r = rig_open(5, -1);

	(void)state;
	for (uint32_t k = 0; k < 100; k++) {
		for (uint32_t i = 0; i < 4; i++)
			rig_validate(&r, i, 5000 + k, 5000 + k, true);
		assert_int_equal(rig_status(&r).validated_seq, 5000 + k);
		rig_wait_ms(&r, 3000);
	}
	cons_close(r.c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_round_under_10000_messages),
	    cmocka_unit_test(a_budget_is_for_one_round),
	    cmocka_unit_test(far_votes_of_a_network_ahead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
