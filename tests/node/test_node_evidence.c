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

/* ---- evidence ---- */

static struct node_counters counters(struct cluster *c, uint32_t i)
{
	struct node_status s;

	node_get_status(cluster_node(c, i), (struct now){.steady = {0}}, &s);
	return s.counters;
}

static bool elsewhere(struct cluster *c, uint32_t i)
{
	struct node_status s;

	node_get_status(cluster_node(c, i), (struct now){.steady = {0}}, &s);
	return s.key_elsewhere;
}

static bool has_evidence(struct cluster *c, uint32_t at, enum cons_evidence_kind kind, uint32_t seq)
{
	struct node_evidence e;
	struct public_key key;

	secret_key_close(validator_key(4, &key));
	for (uint32_t i = 0; node_evidence(cluster_node(c, at), i, &e); i++)
		if (e.kind == kind && e.seq == seq && !public_key_cmp(&e.key, &key))
			return true;
	return false;
}

/* E's key says one thing to all and another to A alone. All hear of both; E's own process sees that
 * its key is somewhere else, too; four go on. */
static void two_ledgers_of_one_validator(void **state)
{
	struct cluster_options o = {.validators = 5, .delay_ms = 10, .accounts = 4, .seed = 52};
	struct cluster *c = cluster_open(&o);
	struct cons_validation v = {.ledger = {{9}}, .full = true};
	uint32_t was;

	(void)state;
	cluster_run_ms(c, 10000);
	v.seq = cluster_validated(c, 0); /* E has signed that already */
	v.signed_at.s = 800000010;
	cluster_inject(c, 4, 1, 0, validator_validation(4, &v, 1));
	cluster_run_ms(c, 6000);
	for (uint32_t i = 0; i < 4; i++) {
		assert_true(has_evidence(c, i, CONS_TWO_VALIDATIONS, v.seq));
		assert_int_equal(counters(c, i).evidence, 1);
		assert_false(elsewhere(c, i));
	}
	assert_true(elsewhere(c, 4));
	was = cluster_validated(c, 0);
	cluster_run_ms(c, 20000);
	assert_true(cluster_validated(c, 0) > was + 4);
	assert_int_equal(cluster_useless(c), 0);
	cluster_expect_agreement(c);
	cluster_close(c);
}

/* Everybody finds out, from the relayed messages or from the evidence, whichever comes first. */
static void two_positions_of_one_validator(void **state)
{
	struct cluster_options o = {.validators = 5, .delay_ms = 10, .accounts = 4, .seed = 53};
	struct cluster *c = cluster_open(&o);
	struct cons_position p = {.close = {800000020}, .seq = 1000};
	uint32_t was;

	(void)state;
	cluster_run_ms(c, 10000);
	p.prev = node_closed(cluster_node(c, 0))->hash;
	for (uint8_t i = 0; i < 2; i++) {
		p.set.b[0] = i + 1;
		cluster_inject(c, 4, 1u << i, 0, validator_proposal(4, &p));
	}
	cluster_run_ms(c, 3000);
	for (uint32_t i = 0; i < 4; i++) {
		assert_true(has_evidence(c, i, CONS_TWO_PROPOSALS, 1000));
		assert_int_equal(counters(c, i).evidence, 1);
	}
	was = cluster_validated(c, 0);
	cluster_run_ms(c, 20000);
	assert_true(cluster_validated(c, 0) > was + 4);
	cluster_expect_agreement(c);
	cluster_close(c);
}

/* Two validations of `who`; `same`: no contradiction. */
static struct msg *pair_of(uint32_t who, uint32_t seq, bool same, struct arena *a)
{
	struct cons_validation v = {.ledger = {{1}}, .seq = seq, .full = true};
	struct msg *m = arena_zalloc(a, 1, sizeof(*m)), one;
	struct wire_frame *f;
	struct bytes *to[2] = {&m->evidence.a, &m->evidence.b};

	m->type = MSG_EVIDENCE;
	v.signed_at.s = 800000100;
	for (uint8_t i = 0; i < 2; i++) {
		v.ledger.b[1] = same ? 0 : i;
		f = validator_validation(who, &v, i);
		assert_int_equal(wire_decode(&one, a, bytes_of(f->bytes, f->n), NULL), ERR_NONE);
		*to[i] = bytes_of(arena_copy(a, one.validation.p, one.validation.n),
				  one.validation.n);
		wire_frame_unref(f);
	}
	return m;
}

static void evidence_is_checked(void **state)
{
	struct arena a = ARENA_INIT;
	struct rig *r = five();
	struct msg *m = pair_of(3, 3, false, &a);

	(void)state;
	rig_forget(r);
	rig_hear_msg(r, 1, m);
	assert_int_equal(rig_status(r).counters.evidence, 1);
	assert_int_equal(rig_count(r, MSG_EVIDENCE, 0), 1);
	rig_hear_msg(r, 2, m); /* told once */
	assert_int_equal(rig_status(r).counters.evidence, 1);
	assert_int_equal(rig_status(r).counters.votes_checked, 2);
	assert_int_equal(rig_count(r, MSG_EVIDENCE, 0), 1);
	m = pair_of(9, 3, false, &a); /* a stranger's */
	rig_hear_msg(r, 2, m);
	assert_null(r->dropped[2]);
	m = pair_of(2, 3, true, &a);
	rig_hear_msg(r, 2, m);
	assert_non_null(r->dropped[2]);
	m = pair_of(2, 3, false, &a);
	((uint8_t *)m->evidence.b.p)[m->evidence.b.n - 1] ^= 1;
	rig_hear_msg(r, 3, m);
	assert_non_null(r->dropped[3]);
	m = pair_of(2, 3, false, &a);
	m->evidence.kind = 1; /* these are no proposals */
	rig_hear_msg(r, 4, m);
	assert_non_null(r->dropped[4]);
	assert_int_equal(rig_status(r).counters.evidence, 1);
	rig_close(r);
	arena_close(&a);
}

/* One that signs contradictions without end costs a few checks, and no memory. */
static void evidence_is_bounded(void **state)
{
	struct arena a = ARENA_INIT;
	struct rig *r = five();
	struct node_evidence e;

	(void)state;
	rig_forget(r);
	for (uint32_t i = 0; i < 500; i++)
		rig_hear_msg(r, 1, pair_of(3, 3 + i, false, &a));
	assert_in_range(rig_status(r).counters.votes_checked, 2, 2 * 8);
	assert_in_range(rig_count(r, MSG_EVIDENCE, 0), 1, 8);
	assert_in_range(r->useless[1], 490, 500);
	assert_null(r->dropped[1]);
	assert_false(node_evidence(r->node, 8, &e));
	rig_close(r);
	arena_close(&a);
}

/* Who connects later is told, as long as it can matter. */
static void latecomers_are_told(void **state)
{
	struct arena a = ARENA_INIT;
	struct rig *r = five();

	(void)state;
	rig_hear_msg(r, 1, pair_of(3, 3, false, &a)); /* the next ledger */
	rig_hear_msg(r, 1, pair_of(3, 2, false, &a)); /* validated long ago */
	assert_int_equal(rig_status(r).counters.evidence, 2);
	rig_forget(r);
	rig_peer_up(r, 5);
	assert_int_equal(rig_count(r, MSG_EVIDENCE, 5), 1);
	rig_close(r);
	arena_close(&a);
}

/* Shown two of our own key: one of this life is enough to stop. */
static void our_own_key_in_evidence(void **state)
{
	struct arena a = ARENA_INIT;
	struct rig *r = five();
	struct msg *m = pair_of(0, 3, false, &a);

	(void)state;
	rig_hear_msg(r, 1, m);
	assert_true(rig_status(r).key_elsewhere);
	assert_non_null(strstr(r->log, "another process signs with our key"));
	rig_close(r);
	arena_close(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_flood_of_positions),
	    cmocka_unit_test(a_flood_of_validations),
	    cmocka_unit_test(rounds_take_their_time),
	    cmocka_unit_test(two_ledgers_of_one_validator),
	    cmocka_unit_test(two_positions_of_one_validator),
	    cmocka_unit_test(evidence_is_checked),
	    cmocka_unit_test(evidence_is_bounded),
	    cmocka_unit_test(latecomers_are_told),
	    cmocka_unit_test(our_own_key_in_evidence),
	};

	bench_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
