/* SPDX-License-Identifier: ISC */
#include "cluster.h"
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What a validator has signed binds it, whatever becomes of its process, its disk and its key. The
 * cluster fails any test in which a key signs two different things (watch.h). */

static struct cluster *five(uint64_t seed)
{
	struct cluster_options o = {.validators = 5, .delay_ms = 5, .accounts = 10, .seed = seed};

	return cluster_open(&o);
}

/* Dies at its k-th boundary while all votes and commits of a busy round go on, starts again within
 * the round or after it. Returns false when the fuse was longer than the round. */
static bool die_at(uint32_t k, uint32_t pause_ms)
{
	struct cluster *c = five(21);
	struct hash256 id;
	uint32_t i, was;
	bool died;

	cluster_run_ms(c, 6000);
	for (i = 0; i < 5; i++)
		cluster_pay(c, i, i, 9, 1000 + i, 1, &id);
	cluster_fuse(c, 0, k);
	cluster_run_ms(c, 4500);
	died = !cluster_is_up(c, 0);
	if (died) {
		cluster_run_ms(c, pause_ms);
		cluster_restart(c, 0);
	}
	cluster_fuse(c, 0, 0);
	cluster_run_ms(c, 6000);
	was = cluster_validated(c, 1);
	cluster_run_ms(c, 9000);
	for (i = 0; i < 2; i++)
		if (cluster_validated(c, i) <= was)
			fail_msg("dead at boundary %u: node %u stands at %u, was %u", k, i,
				 cluster_validated(c, i), was);
	cluster_expect_agreement(c);
	cluster_close(c);
	return died;
}

static void dies_at_every_boundary_of_a_round(void **state)
{
	uint32_t k = 1;

	(void)state;
	while (die_at(k, k % 3 * 700))
		k++;
	assert_in_range(k, 15, 100);
}

/* All of them, each at a moment of its own, again and again. */
static void all_die_amid_their_votes(void **state)
{
	struct cluster *c = five(22);
	uint32_t round, i, was = 0;

	(void)state;
	for (round = 0; round < 20; round++) {
		for (i = 0; i < 5; i++)
			cluster_fuse(c, i, 1 + (round * 7 + i * 5) % 23);
		cluster_run_ms(c, 5000);
		for (i = 0; i < 5; i++) {
			if (!cluster_is_up(c, i))
				cluster_restart(c, i);
			cluster_fuse(c, i, 0);
		}
		cluster_run_ms(c, 9000);
		assert_true(cluster_validated(c, round % 5) > was);
		was = cluster_validated(c, round % 5);
	}
	cluster_expect_agreement(c);
	cluster_close(c);
}

/* Killed together while 1 to 4 ledgers are closed and not committed: each begins again on the
 * ledger it voted for. */
static void the_journal_rebuilds_what_was_voted_for(void **state)
{
	uint32_t ahead, i;

	(void)state;
	for (ahead = 1; ahead <= 4; ahead++) {
		struct cluster *c = five(23 + ahead);
		uint32_t was, top = 0;
		struct hash256 id;

		cluster_run_ms(c, 8000);
		for (i = 0; i < 5; i++)
			cluster_hold_commits(c, i, true);
		was = cluster_validated(c, 0);
		cluster_pay(c, 0, 1, 2, 500, 1, &id);
		while (node_closed(cluster_node(c, 0))->header.seq < was + ahead)
			cluster_run_ms(c, 50);
		cluster_run_ms(c, 400);
		for (i = 0; i < 5; i++) {
			uint32_t seq = node_closed(cluster_node(c, i))->header.seq;

			top = seq > top ? seq : top;
			cluster_kill(c, i);
		}
		for (i = 0; i < 5; i++) {
			cluster_hold_commits(c, i, false);
			cluster_restart(c, i);
		}
		cluster_run_ms(c, 30);
		for (i = 0; i < 5; i++)
			assert_in_range(node_closed(cluster_node(c, i))->header.seq,
					was + ahead - 1, top);
		cluster_run_ms(c, 12000);
		for (i = 0; i < 5; i++) {
			assert_true(cluster_validated(c, i) > was + ahead);
			assert_true(ahead < 3 || cluster_times_validated(c, i, &id) == 1);
		}
		cluster_expect_agreement(c);
		cluster_close(c);
	}
}

/* The first two ledgers are given; whoever dies between their commits must not make another second
 * one. */
static void killed_between_the_first_two_commits(void **state)
{
	struct cluster *c = five(29);
	uint32_t i;

	(void)state;
	cluster_run_ms(c, 7); /* the first is committed, the second is not */
	for (i = 0; i < 5; i++) {
		assert_int_equal(cluster_validated(c, i), 1);
		cluster_kill(c, i);
	}
	for (i = 0; i < 5; i++)
		cluster_restart(c, i);
	cluster_run_ms(c, 20000);
	for (i = 0; i < 5; i++)
		assert_true(cluster_validated(c, i) > 3);
	cluster_expect_genesis(c);
	cluster_close(c);
}

/* ---- one validator on the bench ---- */

static struct rig *bench(void)
{
	struct rig_options o = {.validators = 4, .accounts = 3};
	struct rig *r = rig_open(&o);
	uint32_t i;

	for (i = 1; i <= 3; i++)
		rig_peer_up(r, i);
	return r;
}

/* Others vote and propose like the node does, so that its round ends. */
static void echo(struct rig *r, uint32_t *seen)
{
	for (; *seen < r->n_sent; ++*seen) {
		struct rig_sent s = r->sent[*seen];
		struct msg m;
		uint32_t i;

		if (s.frame->type != MSG_PROPOSAL || s.peer)
			continue;
		assert_int_equal(
		    wire_decode(&m, &r->arena, bytes_of(s.frame->bytes, s.frame->n), NULL),
		    ERR_NONE);
		for (i = 1; i < 4; i++) {
			struct public_key pub;
			struct cons_position p = {.prev = m.proposal.prev,
						  .set = m.proposal.set,
						  .close = m.proposal.close,
						  .seq = m.proposal.seq};

			secret_key_close(validator_key(0, &pub));
			if (!public_key_cmp(&pub, &m.proposal.key))
				rig_hear(r, i, validator_proposal(i, &p));
		}
	}
}

static void run_rounds(struct rig *r, uint32_t ms)
{
	uint32_t seen = 0, t;

	for (t = 0; t < ms; t += 50) {
		rig_run(r, 50);
		echo(r, &seen);
	}
}

static void nothing_signed_leaves_before_it_is_durable(void **state)
{
	struct rig *r = bench();

	(void)state;
	r->hold = 1u << NODE_JOB_JOURNAL;
	run_rounds(r, 6000);
	assert_int_equal(rig_count(r, MSG_PROPOSAL, 0), 0);
	assert_int_equal(rig_count(r, MSG_VALIDATION, 0), 0);
	rig_finish(r, rig_take(r, NODE_JOB_JOURNAL));
	assert_true(rig_count(r, MSG_PROPOSAL, 0) > 0);
	run_rounds(r, 3000); /* within the reserved block; the ledger's vote waits */
	assert_int_equal(rig_count(r, MSG_VALIDATION, 0), 0);
	assert_int_equal(node_closed(r->node)->header.seq, 3);
	rig_finish(r, rig_take(r, NODE_JOB_JOURNAL));
	assert_int_equal(rig_count(r, MSG_VALIDATION, 1), 1);
	rig_close(r);
}

static bool votes(struct rig *r)
{
	uint32_t was = node_closed(r->node)->header.seq;

	rig_forget(r);
	run_rounds(r, 6000);
	return rig_count(r, MSG_VALIDATION, 1) > 0 && node_closed(r->node)->header.seq > was;
}

static void a_full_journal_pauses_a_broken_one_ends_votes(void **state)
{
	struct rig *r = bench();

	(void)state;
	assert_true(votes(r));
	r->journal_err = ERR_NO_SPACE;
	assert_false(votes(r));
	assert_true(rig_status(r).disk_full);
	r->journal_err = ERR_NONE;
	rig_run(r, 2100); /* resumes within 10 s */
	assert_false(rig_status(r).disk_full);
	rig_close(r);
	r = bench();
	assert_true(votes(r));
	r->journal_err = ERR_IO;
	assert_false(votes(r));
	r->journal_err = ERR_NONE;
	assert_false(votes(r));
	assert_int_equal(r->n_failed, 1); /* what is started in its place may vote again */
	rig_close(r);
}

static void low_space_and_a_full_store_pause_votes(void **state)
{
	struct rig *r = bench();
	struct node_event low = {.kind = NODE_DISK, .disk_ok = false};
	struct node_event ok = {.kind = NODE_DISK, .disk_ok = true};

	(void)state;
	assert_true(votes(r));
	rig_step(r, &low);
	rig_step(r, &low);
	assert_true(rig_status(r).disk_full);
	assert_false(votes(r));
	rig_step(r, &ok);
	assert_false(rig_status(r).disk_full);
	rig_close(r);
}

static void a_store_that_fails_ends_votes(void **state)
{
	struct rig_options o = {.validators = 1, .accounts = 3};
	struct rig *r = rig_open(&o);

	(void)state;
	rig_run(r, 8000);
	assert_true(node_validated(r->node)->header.seq > 2);
	r->persist_err = ERR_IO;
	rig_run(r, 4000);
	assert_int_equal(r->n_failed, 1);
	assert_true(rig_status(r).store_failed);
	rig_peer_up(r, 1);
	rig_forget(r);
	rig_run(r, 20000);
	assert_int_equal(rig_count(r, MSG_VALIDATION, 0) + rig_count(r, MSG_PROPOSAL, 0), 0);
	assert_int_equal(r->n_failed, 0 + 1);
	rig_close(r);
}

static void our_key_elsewhere_ends_votes(void **state)
{
	struct cons_validation v = {.seq = 90, .signed_at = {800000005}, .full = true};
	struct rig *r = bench();

	(void)state;
	assert_true(votes(r));
	rig_hear(r, 1, validator_validation(0, &v, 77));
	assert_true(rig_status(r).key_elsewhere);
	assert_non_null(strstr(r->log, "our key"));
	assert_false(votes(r));
	rig_close(r);
}

/* The same sequence as our newest vote, but other bytes. */
static void a_twin_at_our_own_sequence_is_noticed(void **state)
{
	struct cons_validation v = {.signed_at = {800000005}, .full = true};
	struct rig *r = bench();
	struct msg m;

	(void)state;
	assert_true(votes(r));
	v.seq = node_closed(r->node)->header.seq;
	v.ledger = node_closed(r->node)->hash;
	assert_true(rig_heard(r, MSG_VALIDATION, 1, 0, &m, NULL));
	rig_hear(r, 2, wire_encode(&m)); /* our own, come back around */
	assert_false(rig_status(r).key_elsewhere);
	rig_hear(r, 2, validator_validation(0, &v, 77));
	assert_true(rig_status(r).key_elsewhere);
	rig_close(r);
}

/* The folder is new or an old copy: what our key has said before this start is not contradicted. */
static void a_lost_journal_is_made_up_for(void **state)
{
	struct cons_validation v = {.seq = 4, .signed_at = {799999999}, .full = true};
	struct rig *r = bench();
	struct journal_record rec;
	struct arena a = ARENA_INIT;

	(void)state;
	v.ledger.b[0] = 1;
	rig_hear(r, 1, validator_validation(0, &v, 77));
	assert_false(rig_status(r).key_elsewhere);
	run_rounds(r, 12000);
	assert_true(r->journal_writes > 0);
	assert_int_equal(journal_decode(&rec, buf_bytes(&r->journal), &a), ERR_NONE);
	assert_true(rec.seq >= 4);
	assert_true(rec.seq > 4 || !rec.validation.n);
	arena_close(&a);
	rig_close(r);
}

/* Forged and absurd votes: the sender goes, or nothing happens; never an end of the process. They
 * are all of one validator, since a quorum goes on without one of five. */
static void absurd_votes_do_no_harm(void **state)
{
	struct cons_validation v = {.seq = UINT32_MAX, .signed_at = {UINT32_MAX}, .full = true};
	struct cons_position p = {.seq = CONS_SEQ_BOW_OUT - 1, .close = {UINT32_MAX}};
	struct rig *r = bench();
	struct wire_frame *f;

	(void)state;
	rig_hear(r, 1, validator_validation(1, &v, 1));
	v = (struct cons_validation){.seq = 0};
	rig_hear(r, 2, validator_validation(2, &v, 1));
	v = (struct cons_validation){.seq = 3, .signed_at = {0}};
	rig_hear(r, 2, validator_validation(1, &v, 1));
	p.prev = node_closed(r->node)->hash;
	rig_hear(r, 1, validator_proposal(1, &p));
	p.seq = 0;
	p.close.s = 0;
	rig_hear(r, 2, validator_proposal(1, &p));
	rig_hear(r, 2, validator_proposal(9, &p)); /* a stranger's */
	assert_null(r->dropped[1]);
	assert_null(r->dropped[2]);
	p.seq = 1;
	f = validator_proposal(2, &p);
	f->bytes[f->n - 3] ^= 1;
	rig_hear(r, 3, f);
	assert_non_null(r->dropped[3]);
	run_rounds(r, 15000);
	assert_true(node_closed(r->node)->header.seq > 2);
	rig_close(r);
}

/* The others go on proposing, but nobody's validations are heard: the operator is told, once. */
static void being_stuck_is_said(void **state)
{
	struct rig *r = bench();
	uint32_t waited = 0;

	(void)state;
	while (!strstr(r->log, "nothing has been validated")) {
		assert_true(waited < 240000);
		run_rounds(r, 5000);
		waited += 5000;
	}
	assert_true(waited >= 120000);
	assert_true(rig_status(r).consensus.stuck);
	r->log[0] = 0;
	run_rounds(r, 100000);
	assert_null(strstr(r->log, "nothing has been validated"));
	rig_close(r);
}

/* The others' quorum is there before its own ledger is: what it then builds is validated at once,
 * not with the next quorum. */
static void the_last_to_build_validates_too(void **state)
{
	struct cluster_options o = {.validators = 5, .delay_ms = 10, .accounts = 4, .seed = 71};
	struct cluster *c = cluster_open(&o);
	uint32_t behind = 0, steps = 300, most = 0;

	(void)state;
	cluster_run_ms(c, 8000);
	cluster_slow_builds(c, 4, 300);
	for (uint32_t i = 0; i < steps; i++) {
		uint32_t others = cluster_validated(c, 0), own = cluster_validated(c, 4);

		behind += own < others;
		most = others > own + most ? others - own : most;
		cluster_run_ms(c, 100);
	}
	print_message("behind for %u of %u moments, by %u at most\n", behind, steps, most);
	assert_in_range(behind, 1, steps / 4); /* 300 ms of 3 s */
	assert_int_equal(most, 1);
	cluster_expect_agreement(c);
	cluster_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(being_stuck_is_said),
	    cmocka_unit_test(dies_at_every_boundary_of_a_round),
	    cmocka_unit_test(all_die_amid_their_votes),
	    cmocka_unit_test(the_journal_rebuilds_what_was_voted_for),
	    cmocka_unit_test(killed_between_the_first_two_commits),
	    cmocka_unit_test(nothing_signed_leaves_before_it_is_durable),
	    cmocka_unit_test(a_full_journal_pauses_a_broken_one_ends_votes),
	    cmocka_unit_test(low_space_and_a_full_store_pause_votes),
	    cmocka_unit_test(a_store_that_fails_ends_votes),
	    cmocka_unit_test(our_key_elsewhere_ends_votes),
	    cmocka_unit_test(a_twin_at_our_own_sequence_is_noticed),
	    cmocka_unit_test(a_lost_journal_is_made_up_for),
	    cmocka_unit_test(absurd_votes_do_no_harm),
	    cmocka_unit_test(the_last_to_build_validates_too),
	};

	bench_setup();
	return cmocka_run_group_tests_name("votes", tests, NULL, NULL);
}
