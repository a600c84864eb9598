/* SPDX-License-Identifier: ISC */
#include "tests/sim/scenarios.h"

/* What another implementation has learned the hard way (R2 to R9). */

/* R2. One node, then all, need long to apply a ledger: off the loop, so they go on hearing, voting
 * and serving; who is slow falls behind and comes back. */
void r2_slow_builds_do_not_deafen(void **state)
{
	struct world *w = play_five(202);
	int64_t one, all, back;

	(void)state;
	world_job_ms(w, 'E', NODE_JOB_BUILD, 10000);
	play_run(w, 5000);
	{
		uint32_t before = world_validated(w, 'A');
		int64_t start = world_now_ms(w);

		play_run(w, 60000);
		assert_true(world_validated(w, 'A') > before);
		one = (world_now_ms(w) - start) / (world_validated(w, 'A') - before);
	}
	assert_in_range(one, 1000, 6000); /* the other four are a quorum */
	world_job_ms(w, 'E', NODE_JOB_BUILD, 5);
	back = play_goes_on(w, 3, 60000);
	for (char c = 'A'; c <= 'E'; c++)
		world_job_ms(w, c, NODE_JOB_BUILD, 4000);
	all = play_goes_on(w, 6, 120000) / 6;
	says("R2",
	     "a build of 10 s at one of five: %.1f s for each ledger, back within %.1f s; of 4 s "
	     "at all: %.1f s",
	     (double)one / 1000, (double)back / 1000, (double)all / 1000);
	play_end(w);
}

static bool no_transactions(void *ctx, struct world *w, uint32_t from, uint32_t to,
			    const struct msg *m)
{
	const bool *on = ctx;

	(void)w;
	(void)from;
	(void)to;
	return !*on || (m->type != MSG_TXS && m->type != MSG_SET && m->type != MSG_TX_DATA);
}

/* R3. E's open ledger holds what nobody else knows, and nobody gets it: all build from the set that
 * was agreed on, E too. */
void r3_ledgers_come_from_the_agreed_set(void **state)
{
	struct world *w = play_five(203);
	struct hash256 id, a, e;
	bool on = true;
	uint32_t last;
	int64_t ms;

	(void)state;
	play_filter(w, "E", no_transactions, &on);
	id = play_pay(w, 'E', 1);
	play_run(w, 500);
	assert_non_null(node_pending_tx(world_node(w, 4), &id));
	play_goes_on(w, 5, 120000);
	assert_false(world_tx_validated(w, 'E', &id));
	last = world_validated_min(w);
	assert_true(world_hash_at(w, 0, last, &a) && world_hash_at(w, 4, last, &e));
	assert_memory_equal(&a, &e, sizeof(a));
	on = false;
	ms = play_validated(w, 'A', &id, 60000);
	says("R3",
	     "what one node alone holds is in no ledger of anybody; told, validated after %.1f s",
	     (double)ms / 1000);
	play_end(w);
}

struct drop_some {
	enum msg_type type;
	uint32_t to, left;
};

static bool drop_some(void *ctx, struct world *w, uint32_t from, uint32_t to, const struct msg *m)
{
	struct drop_some *d = ctx;

	(void)w;
	(void)from;
	if (m->type != d->type || to != d->to || !d->left)
		return true;
	d->left--;
	return false;
}

/* R5. E was away for two minutes of a busy network; the first answers to its questions are lost. */
void r5_catching_up_with_a_busy_network(void **state)
{
	struct drop_some lost = {.type = MSG_LEDGER, .to = 4, .left = 6};
	struct world *w = play_five(205);
	uint32_t behind;
	int64_t ms;

	(void)state;
	world_partition(w, "ABCD");
	for (uint32_t i = 0; i < 600; i++) {
		play_pay(w, (char)('A' + i % 4), i % 10);
		play_run(w, 200);
	}
	behind = world_validated(w, 'A') - world_validated(w, 'E');
	assert_in_range(behind, 20, 100);
	play_filter(w, "ABCD", drop_some, &lost);
	world_heal(w);
	ms = world_now_ms(w);
	while (world_validated(w, 'E') + 1 < world_validated(w, 'A') &&
	       world_now_ms(w) - ms < 120000) {
		play_pay(w, 'B', 3);
		play_run(w, 200);
	}
	assert_true(world_validated(w, 'E') + 1 >= world_validated(w, 'A'));
	assert_int_equal(lost.left, 0);
	says("R5",
	     "%u ledgers behind, six answers lost, payments going on: at the tip after %.1f s",
	     behind, (double)(world_now_ms(w) - ms) / 1000);
	play_filter(w, "ABCD", NULL, NULL);
	play_end(w);
}

/* R6. Two minutes of honest life with payments and a restart: nobody is charged, nobody is dropped,
 * and nothing is sent that would wear out a budget. */
void r6_honest_nodes_charge_nobody(void **state)
{
	struct world *w = play_five(206);
	struct tally_of t;
	uint64_t sets, votes;
	uint32_t first;

	(void)state;
	play_count(w, &t);
	first = world_validated_min(w);
	for (uint32_t i = 0; i < 240; i++) {
		play_pay(w, (char)('A' + i % 5), i % 10);
		play_run(w, 500);
		if (i == 100)
			world_kill(w, "C");
		if (i == 130)
			world_start(w, "C");
	}
	first = world_validated_min(w) - first;
	assert_int_equal(t.useless, 0);
	assert_int_equal(t.dropped, 0);
	assert_int_equal(t.sent[MSG_EVIDENCE], 0);
	sets = t.sent[MSG_GET_SET] + t.sent[MSG_GET_TXS];
	votes = t.sent[MSG_PROPOSAL] + t.sent[MSG_VALIDATION];
	assert_true(votes / first < 400); /* 5 x 4 links, each vote passed on by everybody once */
	assert_true(sets / first < 20);
	assert_true(t.sent[MSG_GET_LEDGER] + t.sent[MSG_GET_NODES] < 100);
	says("R6",
	     "%u ledgers: 0 units charged, 0 drops; votes sent per ledger %llu, set requests %.1f",
	     first, (unsigned long long)(votes / first), (double)sets / first);
	play_end(w);
}

/* To D: nothing of a transaction but what it asks for. E answers with what is of no use. */
struct useless_e {
	struct hash256 tx;
	uint32_t asked;
};

static bool useless_answers(void *ctx, struct world *w, uint32_t from, uint32_t to,
			    const struct msg *m)
{
	struct useless_e *u = ctx;

	if (to != 3)
		return true;
	if (m->type == MSG_TXS)
		return false;
	if (from == 4 && (m->type == MSG_TX_DATA || m->type == MSG_NAK)) {
		struct msg empty = {.type = MSG_TX_DATA};

		u->asked++;
		world_send_as(w, from, to, &empty);
		return false;
	}
	return true;
}

/* R8. D has to fetch the transactions of each set; E answers every question at once, with nothing:
 * that is no progress, and others are asked. */
void r8_answers_without_progress(void **state)
{
	struct world_plan p = world_defaults(208);
	struct useless_e u = {.asked = 0};
	struct world *w;
	int64_t worst = 0;

	(void)state;
	p.byzantine = 1;
	w = play(&p);
	play_filter(w, "ABCE", useless_answers, &u);
	for (uint32_t i = 0; i < 12; i++) {
		struct hash256 id = play_pay(w, 'A', i % 10);
		int64_t ms = play_validated(w, 'D', &id, 30000);

		worst = ms > worst ? ms : worst;
	}
	assert_true(u.asked > 0);
	says("R8",
	     "%u empty answers: every payment is validated by who was answered so, within %.1f s",
	     u.asked, (double)worst / 1000);
	play_filter(w, "ABCE", NULL, NULL);
	play_end(w);
}

/* R9. A newcomer and one with an older disk fill in what they lack while the network goes on: what
 * any process has reported validated never goes back while it lives. */
void r9_what_is_validated_never_goes_back(void **state)
{
	struct world_plan p = world_defaults(209);
	struct tally_of t;
	struct world *w;

	(void)state;
	p.trackers = 1;
	w = play(&p);
	for (uint32_t i = 0; i < 100; i++) {
		play_pay(w, 'A', i % 10);
		play_run(w, 600);
	}
	world_kill(w, "F");
	world_wipe(w, "F");
	play_run(w, 1000);
	play_count(w, &t);
	world_start(w, "F");
	play_goes_on(w, 5, 120000);
	play_run(w, 20000);
	assert_false(t.went_back);
	says("R9",
	     "a node with an empty disk at ledger %u, its history filled in behind: never back",
	     t.newest[5]);
	play_end(w);
}
