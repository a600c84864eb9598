/* SPDX-License-Identifier: ISC */
#include "tests/consensus/rig.h"

/* Validations, quorums, evidence, and which ledger to go on with. */

/* --- validations ------------------------------------------------------------------------- */

static void validated_at_quorum(void **state)
{
	struct rig r = rig_open(5, 0);

	(void)state;
	for (uint32_t i = 1; i < 4; i++) {
		rig_validate(&r, i, 7, 12, true);
		assert_null(rig_find(&r, CONS_FX_VALIDATED));
	}
	rig_validate(&r, 3, 7, 12, true); /* twice is once */
	assert_null(rig_find(&r, CONS_FX_VALIDATED));
	rig_validate(&r, 4, 7, 12, false); /* a partial one does not count */
	assert_null(rig_find(&r, CONS_FX_VALIDATED));
	rig_validate(&r, 0, 7, 12, true);
	assert_non_null(rig_find(&r, CONS_FX_VALIDATED));
	assert_int_equal(rig_find(&r, CONS_FX_VALIDATED)->ledger.seq, 12);
	assert_int_equal(rig_status(&r).validated_seq, 12);
	assert_int_equal(rig_votes_for(&r, 7), 4);
	/* never back */
	for (uint32_t i = 0; i < 5; i++) {
		rig_validate(&r, i, 6, 11, true);
		assert_null(rig_find(&r, CONS_FX_VALIDATED));
	}
	cons_close(r.c);
}

/* The validated ledger is asked for until it is here, then the round continues on it. */
static void validated_but_unknown(void **state)
{
	struct rig r = rig_open(5, 0);
	uint32_t asked = 0;

	(void)state;
	for (uint32_t i = 1; i < 5; i++) {
		rig_validate(&r, i, 20, 30, true);
		asked += rig_count(&r, CONS_FX_WANT_LEDGER);
	}
	assert_int_equal(asked, 1);
	assert_int_equal(rig_status(&r).mode, CONS_WRONG_LEDGER);
	for (int k = 0; k < 200; k++) {
		rig_wait_ms(&r, 100);
		asked += rig_count(&r, CONS_FX_WANT_LEDGER);
		assert_null(rig_find(&r, CONS_FX_PROPOSE));
	}
	assert_int_equal(asked, 1 + 20000 / CONS_WANT_AGAIN_MS);
	rig_know(&r, 20, 19, 30);
	assert_int_equal(rig_status(&r).prev_seq, 30);
	assert_int_equal(rig_status(&r).mode, CONS_PROPOSING);
	cons_close(r.c);
}

static void evidence(void **state)
{
	struct rig r = rig_open(5, 0);
	const struct cons_effect *e;

	(void)state;
	rig_validate(&r, 1, 7, 11, true);
	rig_validate(&r, 1, 8, 11, true);
	e = rig_find(&r, CONS_FX_EVIDENCE);
	assert_non_null(e);
	assert_int_equal(e->evidence.who, 1);
	assert_int_equal(e->evidence.seq, 11);
	assert_true(rig_same(e->evidence.a, rig_ledger(7)));
	assert_true(rig_same(e->evidence.b, rig_ledger(8)));
	rig_validate(&r, 1, 9, 11, true);
	assert_null(rig_find(&r, CONS_FX_EVIDENCE)); /* once is enough */
	/* neither counts */
	for (uint32_t i = 2; i < 5; i++)
		rig_validate(&r, i, 7, 11, true);
	assert_null(rig_find(&r, CONS_FX_VALIDATED));
	assert_int_equal(rig_votes_for(&r, 7), 3);
	rig_validate(&r, 0, 7, 11, true);
	assert_non_null(rig_find(&r, CONS_FX_VALIDATED));
	/* at the next sequence its word counts again */
	for (uint32_t i = 1; i < 5; i++)
		rig_validate(&r, i, 17, 12, true);
	assert_non_null(rig_find(&r, CONS_FX_VALIDATED));
	cons_close(r.c);
}

/* Late and shuffled validations count all the same; the newest one is kept apart. */
static void out_of_order(void **state)
{
	struct rig r = rig_open(5, 0);
	struct cons_validation v;

	(void)state;
	rig_validate(&r, 1, 8, 12, true);
	rig_validate(&r, 1, 7, 11, true);
	assert_true(cons_last_validation(r.c, 1, &v));
	assert_int_equal(v.seq, 12);
	for (uint32_t i = 2; i < 5; i++)
		rig_validate(&r, i, 7, 11, true);
	assert_non_null(rig_find(&r, CONS_FX_VALIDATED));
	assert_int_equal(rig_status(&r).validated_seq, 11);
	assert_false(cons_last_validation(r.c, 0, &v));
	cons_close(r.c);
}

/* One validation per sequence, rising, restarts included. */
static void votes_rise(void **state)
{
	struct rig r = rig_open(1, 0);
	struct cons_event start = rig_ledger_event(CONS_START, 1, 0, 10);

	(void)state;
	rig_wait_ms(&r, CONS_OPEN_MIN_MS);
	rig_wait_ms(&r, CONS_ESTABLISH_SHORT_MS);
	rig_built(&r, 2, 1, 11);
	assert_non_null(rig_find(&r, CONS_FX_VALIDATE));
	rig_validate(&r, 0, 2, 11, true);
	assert_int_equal(rig_status(&r).validated_seq, 11);
	cons_close(r.c);

	r = rig_open(1, 0);
	rig_validate(&r, 0, 2, 11, true);
	rig_feed(&r, &start);
	rig_wait_ms(&r, CONS_OPEN_MIN_MS);
	rig_wait_ms(&r, CONS_ESTABLISH_SHORT_MS);
	rig_built(&r, 3, 1, 11);
	assert_null(rig_find(&r, CONS_FX_VALIDATE));
	cons_close(r.c);
}

/* Not more than LEDGER_AHEAD_MAX unvalidated ledgers, however much everybody agrees. */
static void ahead_limit(void **state)
{
	struct rig r = rig_open(5, 0);

	(void)state;
	for (uint32_t k = 0; k < LEDGER_AHEAD_MAX; k++) {
		rig_wait_ms(&r, CONS_OPEN_MIN_MS);
		rig_all_propose(&r, 5, 1 + k, &empty, k);
		/* more patient the further ahead */
		rig_wait_ms(&r, CONS_ESTABLISH_SHORT_MS);
		assert_true((k == 0) == (rig_find(&r, CONS_FX_BUILD) != NULL));
		if (k > 0)
			rig_wait_ms(&r, k * CONS_STAND_AHEAD_MS);
		assert_non_null(rig_find(&r, CONS_FX_BUILD));
		rig_built(&r, 2 + k, 1 + k, 11 + k);
	}
	for (uint32_t k = 0; k < 30; k++) {
		rig_wait_ms(&r, CONS_OPEN_MIN_MS);
		rig_all_propose(&r, 5, 4, &empty, 10 + k);
		assert_null(rig_find(&r, CONS_FX_BUILD));
	}
	/* validations arrive: on it goes at once */
	for (uint32_t i = 1; i < 5; i++)
		rig_validate(&r, i, 3, 12, true);
	assert_int_equal(rig_status(&r).validated_seq, 12);
	if (!rig_find(&r, CONS_FX_BUILD))
		rig_wait_ms(&r, CONS_REPROPOSE_MS);
	assert_non_null(rig_find(&r, CONS_FX_BUILD));
	cons_close(r.c);
}

/* --- branches ---------------------------------------------------------------------------- */

/* More than the quorum can spare have gone on: after a grace we follow, and vote with them. */
static void follows_those_ahead(void **state)
{
	struct rig r = rig_open(5, 0);

	(void)state;
	rig_wait_ms(&r, CONS_OPEN_MIN_MS);
	rig_know(&r, 2, 1, 11);
	rig_validate(&r, 1, 2, 11, true);
	rig_wait_ms(&r, CONS_MOVED_GRACE_MS);
	assert_int_equal(rig_status(&r).prev_seq, 10); /* one alone may be wrong */
	rig_validate(&r, 2, 2, 11, true);
	assert_int_equal(rig_status(&r).prev_seq, 10);
	rig_wait_ms(&r, CONS_MOVED_GRACE_MS);
	assert_int_equal(rig_status(&r).prev_seq, 11);
	cons_close(r.c);
}

/* Unknown ledgers are asked for, with the parents that are missing between. */
static void asks_for_ancestry(void **state)
{
	struct rig r = rig_open(5, 0);

	(void)state;
	rig_validate(&r, 1, 4, 13, true);
	assert_int_equal(rig_count(&r, CONS_FX_WANT_LEDGER), 1);
	rig_know(&r, 4, 3, 13);
	assert_int_equal(rig_count(&r, CONS_FX_WANT_LEDGER), 1);
	assert_true(rig_same(rig_find(&r, CONS_FX_WANT_LEDGER)->ledger.hash, rig_ledger(3)));
	assert_int_equal(rig_find(&r, CONS_FX_WANT_LEDGER)->ledger.seq, 12);
	rig_know(&r, 3, 2, 12);
	assert_int_equal(rig_count(&r, CONS_FX_WANT_LEDGER), 1);
	rig_know(&r, 2, 1, 11);
	assert_int_equal(rig_count(&r, CONS_FX_WANT_LEDGER), 0);
	cons_close(r.c);
}

/* One member claims to be far ahead: that is not followed up before a quorum says so. */
static void far_ahead(void **state)
{
	struct rig r = rig_open(5, 0);

	(void)state;
	rig_validate(&r, 1, 4, 10 + CONS_LEDGERS_MAX, true);
	assert_int_equal(rig_count(&r, CONS_FX_WANT_LEDGER), 0);
	rig_validate(&r, 2, 4, 10 + CONS_LEDGERS_MAX, true);
	rig_validate(&r, 3, 4, 10 + CONS_LEDGERS_MAX, true);
	assert_int_equal(rig_count(&r, CONS_FX_WANT_LEDGER), 0);
	rig_validate(&r, 4, 4, 10 + CONS_LEDGERS_MAX, true);
	assert_int_equal(rig_count(&r, CONS_FX_WANT_LEDGER), 1);
	cons_close(r.c);
}

/* Brings the machine to its own ledger 2 at sequence 11, voted for. */
static struct rig voted_rig(void)
{
	struct rig r = rig_open(5, 0);

	rig_wait_ms(&r, CONS_OPEN_MIN_MS);
	rig_all_propose(&r, 5, 1, &empty, 0);
	rig_wait_ms(&r, CONS_ESTABLISH_SHORT_MS);
	rig_built(&r, 2, 1, 11);
	assert_non_null(rig_find(&r, CONS_FX_VALIDATE));
	rig_validate(&r, 0, 2, 11, true);
	rig_know(&r, 3, 1, 11);
	rig_wait_ms(&r, 1100);
	return r;
}

/* Having voted for a ledger, we leave it only when it cannot have a quorum any more. */
static void leaves_only_the_dead(void **state)
{
	struct rig r = voted_rig();

	(void)state;
	rig_validate(&r, 1, 3, 11, true);
	rig_validate(&r, 2, 3, 11, true);
	rig_wait_ms(&r, 1100);
	assert_int_equal(rig_status(&r).prev_seq, 11);
	assert_true(rig_same(rig_status(&r).prev, rig_ledger(2)));
	/* a third: at most two votes can be for ours */
	rig_validate(&r, 3, 3, 11, true);
	rig_wait_ms(&r, 1100);
	assert_true(rig_same(rig_status(&r).prev, rig_ledger(3)));
	cons_close(r.c);
}

/* A quorum may have validated our ledger for all we know: the two that we hear are not enough,
 * however long the others are silent. */
static void stays_with_a_vote(void **state)
{
	struct rig r = voted_rig();

	(void)state;
	for (uint32_t k = 0; k < 20; k++) {
		rig_validate(&r, 1, 3, 11, true);
		rig_propose(&r, 1, 3, &empty, 9 + k);
		rig_propose(&r, 2, 3, &empty, 9 + k);
		rig_wait_ms(&r, 10000);
		assert_true(rig_same(rig_status(&r).prev, rig_ledger(2)));
	}
	cons_close(r.c);
}

/* Without a vote of our own there it takes only more members on the other side. */
static void moves_freely_without_a_vote(void **state)
{
	struct rig r = rig_open(5, -1);

	(void)state;
	for (uint32_t i = 0; i < 5; i++)
		rig_propose(&r, i, 1, &empty, 0);
	rig_wait_ms(&r, CONS_ESTABLISH_SHORT_MS);
	rig_built(&r, 2, 1, 11);
	rig_know(&r, 3, 1, 11);
	rig_wait_ms(&r, 1100);
	rig_validate(&r, 1, 3, 11, true);
	assert_true(rig_same(rig_status(&r).prev, rig_ledger(3)));
	cons_close(r.c);
}

/* A ledger with a close time far ahead is not followed before it has a quorum. */
static void far_close_time(void **state)
{
	struct rig r = rig_open(5, 0);
	struct cons_event ev = rig_ledger_event(CONS_LEDGER, 2, 1, 11);

	(void)state;
	ev.ledger.close.s = 2000000;
	rig_feed(&r, &ev);
	for (uint32_t i = 1; i < 4; i++)
		rig_validate(&r, i, 2, 11, true);
	rig_wait_ms(&r, CONS_MOVED_GRACE_MS);
	rig_wait_ms(&r, CONS_MOVED_GRACE_MS);
	assert_int_equal(rig_status(&r).prev_seq, 10);
	rig_validate(&r, 4, 2, 11, true);
	assert_int_equal(rig_status(&r).prev_seq, 11);
	cons_close(r.c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(validated_at_quorum),
	    cmocka_unit_test(validated_but_unknown),
	    cmocka_unit_test(evidence),
	    cmocka_unit_test(out_of_order),
	    cmocka_unit_test(votes_rise),
	    cmocka_unit_test(ahead_limit),
	    cmocka_unit_test(follows_those_ahead),
	    cmocka_unit_test(asks_for_ancestry),
	    cmocka_unit_test(far_ahead),
	    cmocka_unit_test(leaves_only_the_dead),
	    cmocka_unit_test(stays_with_a_vote),
	    cmocka_unit_test(moves_freely_without_a_vote),
	    cmocka_unit_test(far_close_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
