/* SPDX-License-Identifier: ISC */
#include "cluster.h"
#include "rig.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Validators that say too much, and validators that say two things. */

#define SPAM 10000

static struct rig *five(void)
{
	struct rig_options o = {.validators = 5, .accounts = 4};
	struct rig *r = rig_open(&o);

	for (uint32_t i = 1; i < 5; i++)
		rig_peer_up(r, i);
	rig_run(r, 100);
	return r;
}

static struct cons_position position(struct rig *r, uint32_t seq)
{
	struct cons_position p = {.prev = node_closed(r->node)->hash, .seq = seq};

	p.set.b[0] = (uint8_t)seq;
	p.set.b[1] = (uint8_t)(seq >> 8);
	p.close.s = 800000010;
	return p;
}

static void propose(struct rig *r, uint32_t who, uint32_t seq)
{
	struct cons_position p = position(r, seq);

	rig_hear(r, who, validator_proposal(who, &p));
}

/* Ten thousand positions in a second: few are checked and passed on, who sends them is charged, and
 * others are heard as ever. */
static void a_flood_of_positions(void **state)
{
	struct rig *r = five();
	struct node_counters *c;
	struct node_status s;

	(void)state;
	rig_forget(r);
	for (uint32_t i = 0; i < SPAM; i++) {
		propose(r, 1, i);
		if (i % 10 == 0)
			rig_run(r, 1);
	}
	s = rig_status(r);
	c = &s.counters;
	assert_in_range(c->votes_checked, 32, 40);
	assert_int_equal(c->votes_checked + c->votes_ignored, SPAM);
	assert_int_equal(r->useless[1], c->votes_ignored);
	assert_in_range(rig_count(r, MSG_PROPOSAL, 0), 32, 50);
	rig_forget(r);
	propose(r, 2, 1);
	assert_in_range(rig_count(r, MSG_PROPOSAL, 0), 1, 2);
	assert_int_equal(r->useless[2], 0);
	rig_run(r, 8000); /* the allowance is there again, and numbers go on */
	rig_forget(r);
	propose(r, 1, 3); /* old news */
	assert_int_equal(rig_status(r).counters.votes_checked, c->votes_checked + 1);
	propose(r, 1, SPAM + 1);
	assert_int_equal(rig_status(r).counters.votes_checked, c->votes_checked + 2);
	assert_null(r->dropped[1]);
	rig_close(r);
}

static void a_flood_of_validations(void **state)
{
	struct rig *r = five();
	struct cons_validation v = {.seq = 3, .signed_at = {800000000}, .full = true};
	struct node_counters c;

	(void)state;
	for (uint32_t i = 0; i < SPAM; i++) {
		v.seq = 3 + i / 2;
		v.ledger.b[0] = (uint8_t)i;
		rig_hear(r, 1, validator_validation(1, &v, i));
		if (i % 10 == 0)
			rig_run(r, 1);
	}
	c = rig_status(r).counters;
	assert_in_range(c.votes_checked, 16, 20);
	assert_int_equal(c.votes_checked + c.votes_ignored, SPAM);
	assert_int_equal(r->useless[1], c.votes_ignored);
	rig_close(r);
}

/* ---- rounds under a flood ---- */

struct pace_of {
	uint32_t ledgers;
	uint64_t checked;
	size_t memory;
};

/* A minute of five validators. Besides its own E sends everybody SPAM positions in each of the
 * first rounds, so many different ones. */
static struct pace_of minute(uint32_t different)
{
	struct cluster_options o = {.validators = 5, .delay_ms = 10, .accounts = 4, .seed = 51};
	struct cluster *c = cluster_open(&o);
	size_t before = mallinfo2().uordblks;
	struct pace_of r = {0};
	struct wire_frame *f = NULL;
	struct node_status s;

	for (uint32_t round = 0; round < 3; round++) {
		struct cons_position p = {.close = {800000010}};

		cluster_run_ms(c, 6000);
		p.prev = node_closed(cluster_node(c, 0))->hash;
		for (uint32_t i = 0; i < SPAM; i++) {
			p.seq = 1000000 * (round + 1) + i;
			p.set.b[0] = (uint8_t)i;
			p.set.b[1] = (uint8_t)(i >> 8);
			if (i < different) {
				wire_frame_unref(f);
				f = validator_proposal(4, &p);
			}
			cluster_inject(c, 4, 0xF, i / 10, wire_frame_ref(f));
		}
	}
	cluster_run_ms(c, 42000);
	r.ledgers = cluster_validated(c, 0);
	node_get_status(cluster_node(c, 0), (struct now){.steady = {0}}, &s);
	r.checked = s.counters.votes_checked;
	r.memory = mallinfo2().uordblks - before;
	cluster_expect_agreement(c);
	cluster_close(c);
	wire_frame_unref(f);
	return r;
}

static void rounds_take_their_time(void **state)
{
	struct pace_of calm = minute(1), few = minute(100), flood = minute(SPAM);

	(void)state;
	print_message("[ FIGURES  ] ledgers %u, %u, %u; checked %llu, %llu, %llu; bytes %zu, %zu, "
		      "%zu\n",
		      calm.ledgers, few.ledgers, flood.ledgers, (unsigned long long)calm.checked,
		      (unsigned long long)few.checked, (unsigned long long)flood.checked,
		      calm.memory, few.memory, flood.memory);
	assert_true(calm.ledgers > 12);
	assert_true(flood.ledgers + 2 >= calm.ledgers);
	assert_true(flood.checked < calm.checked + 3 * 64);
	assert_true(flood.checked < few.checked + 3 * 16);
	assert_true(flood.memory < few.memory + (64 << 10)); /* all of five nodes */
	assert_true(flood.memory < calm.memory + (8 << 20));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_flood_of_positions),
	    cmocka_unit_test(a_flood_of_validations),
	    cmocka_unit_test(rounds_take_their_time),
	};

	bench_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
