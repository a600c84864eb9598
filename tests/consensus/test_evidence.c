/* SPDX-License-Identifier: ISC */
#include "tests/consensus/rig.h"

/* Two messages of one member that exclude each other: what is evidence, what it does, and how long.
 */

static void propose_at(struct rig *r, uint32_t who, uint32_t prev, uint32_t tx, uint32_t close,
		       uint32_t seq)
{
	struct cons_event ev = {.kind = CONS_PROPOSAL};

	ev.proposal.who = who;
	ev.proposal.position.prev = rig_ledger(prev);
	ev.proposal.position.set = rig_tx(tx);
	ev.proposal.position.close.s = close;
	ev.proposal.position.seq = seq;
	rig_feed(r, &ev);
}

static void tell(struct rig *r, enum cons_evidence_kind kind, uint32_t who, uint32_t seq,
		 uint32_t a, uint32_t b)
{
	struct cons_event ev = {.kind = CONS_EVIDENCE};

	ev.evidence = (struct cons_evidence){
	    .kind = kind, .who = who, .seq = seq, .a = rig_ledger(a), .b = rig_ledger(b)};
	if (kind == CONS_TWO_PROPOSALS)
		ev.evidence.prev = rig_ledger(1);
	rig_feed(r, &ev);
}

static void two_positions_under_one_number(void **state)
{
	struct rig r = rig_open(5, 0);
	const struct cons_effect *e;

	(void)state;
	propose_at(&r, 1, 1, 7, 100, 3);
	assert_null(rig_find(&r, CONS_FX_EVIDENCE));
	propose_at(&r, 1, 1, 7, 100, 3);
	assert_null(rig_find(&r, CONS_FX_EVIDENCE));
	propose_at(&r, 1, 1, 8, 100, 3);
	e = rig_find(&r, CONS_FX_EVIDENCE);
	assert_non_null(e);
	assert_int_equal(e->evidence.kind, CONS_TWO_PROPOSALS);
	assert_int_equal(e->evidence.who, 1);
	assert_int_equal(e->evidence.seq, 3);
	assert_true(rig_same(e->evidence.prev, rig_ledger(1)));
	assert_true(rig_same(e->evidence.a, rig_tx(7)));
	assert_true(rig_same(e->evidence.b, rig_tx(8)));
	/* once */
	propose_at(&r, 1, 1, 9, 100, 3);
	assert_null(rig_find(&r, CONS_FX_EVIDENCE));
	assert_int_equal(rig_status(&r).proven, 1);
	cons_close(r.c);
}

static void another_close_time_is_another_position(void **state)
{
	struct rig r = rig_open(5, 0);

	(void)state;
	propose_at(&r, 1, 1, 7, 100, 3);
	propose_at(&r, 1, 1, 7, 110, 3);
	assert_non_null(rig_find(&r, CONS_FX_EVIDENCE));
	cons_close(r.c);
}

/* Numbers rise, ledgers change, members leave a round twice: all of that is in order. */
static void what_is_no_evidence(void **state)
{
	struct rig r = rig_open(5, 0);

	(void)state;
	propose_at(&r, 1, 1, 7, 100, 3);
	propose_at(&r, 1, 1, 8, 100, 4);
	propose_at(&r, 1, 1, 9, 100, 2); /* late */
	propose_at(&r, 1, 2, 7, 100, 4);
	propose_at(&r, 1, 1, 7, 100, CONS_SEQ_BOW_OUT);
	propose_at(&r, 1, 1, 8, 120, CONS_SEQ_BOW_OUT);
	rig_validate(&r, 1, 2, 11, false);
	rig_validate(&r, 1, 2, 11, true);
	rig_validate(&r, 1, 3, 12, true);
	assert_int_equal(rig_status(&r).proven, 0);
	cons_close(r.c);
}

/* Its position is gone, its vote counts nowhere, and a tie is not decided by it. */
static void counts_for_nothing(void **state)
{
	struct rig r = rig_open(5, 0);

	(void)state;
	rig_wait_ms(&r, CONS_OPEN_MIN_MS);
	rig_propose(&r, 4, 1, &empty, 0);
	assert_int_equal(rig_status(&r).proposers, 1);
	rig_validate(&r, 4, 2, 11, true);
	rig_validate(&r, 4, 3, 11, true);
	assert_int_equal(rig_status(&r).proposers, 0);
	for (uint32_t i = 1; i <= 2; i++)
		rig_propose(&r, i, 1, &empty, 0);
	rig_wait_ms(&r, CONS_ESTABLISH_MIN_MS);
	assert_null(rig_find(&r, CONS_FX_BUILD)); /* four with it */
	for (uint32_t i = 1; i <= 3; i++)
		rig_validate(&r, i, 2, 11, true);
	assert_int_equal(rig_status(&r).validated_seq, 10); /* four with it */
	assert_int_equal(rig_votes_for(&r, 2), 3);
	cons_close(r.c);
}

/* Past the height it counts again. */
static void until_the_height_is_validated(void **state)
{
	struct rig r = rig_open(5, 0);

	(void)state;
	rig_validate(&r, 4, 2, 11, true);
	rig_validate(&r, 4, 3, 11, true);
	assert_int_equal(rig_status(&r).proven, 1);
	rig_know(&r, 5, 1, 11);
	for (uint32_t i = 0; i <= 3; i++)
		rig_validate(&r, i, 5, 11, true);
	assert_int_equal(rig_status(&r).validated_seq, 11);
	assert_int_equal(rig_status(&r).proven, 0);
	for (uint32_t i = 1; i <= 4; i++)
		rig_validate(&r, i, 6, 12, true);
	assert_int_equal(rig_status(&r).validated_seq, 12);
	cons_close(r.c);
}

/* What others show does the same as what was heard, and goes on from here when it is news. */
static void told_by_others(void **state)
{
	struct rig r = rig_open(5, 0);

	(void)state;
	tell(&r, CONS_TWO_VALIDATIONS, 4, 11, 2, 3);
	assert_int_equal(rig_count(&r, CONS_FX_EVIDENCE), 1);
	assert_int_equal(rig_status(&r).proven, 1);
	tell(&r, CONS_TWO_VALIDATIONS, 4, 11, 3, 2);
	assert_int_equal(rig_count(&r, CONS_FX_EVIDENCE), 0);
	rig_validate(&r, 4, 2, 11, true);
	assert_int_equal(rig_votes_for(&r, 2), 0);
	tell(&r, CONS_TWO_PROPOSALS, 3, 5, 2, 3);
	assert_int_equal(rig_count(&r, CONS_FX_EVIDENCE), 1);
	assert_int_equal(rig_status(&r).proven, 2);
	/* the vote that was heard before is no longer one */
	rig_validate(&r, 2, 2, 11, true);
	assert_int_equal(rig_votes_for(&r, 2), 1);
	tell(&r, CONS_TWO_VALIDATIONS, 2, 11, 7, 2);
	assert_int_equal(rig_votes_for(&r, 2), 0);
	cons_close(r.c);
}

/* Nonsense, and what lies too far away to matter, is nothing. */
static void told_nonsense(void **state)
{
	struct rig r = rig_open(5, 0);

	(void)state;
	tell(&r, CONS_TWO_VALIDATIONS, 4, 11, 2, 2);
	tell(&r, CONS_TWO_VALIDATIONS, 4, 0, 2, 3);
	tell(&r, CONS_TWO_VALIDATIONS, 9, 11, 2, 3);
	tell(&r, CONS_TWO_VALIDATIONS, 4, 1000000, 2, 3);
	assert_int_equal(rig_count(&r, CONS_FX_EVIDENCE), 0);
	assert_int_equal(rig_status(&r).proven, 0);
	cons_close(r.c);
}

/* Evidence never takes back a validated ledger. */
static void validated_stays_validated(void **state)
{
	struct rig r = rig_open(5, 0);

	(void)state;
	for (uint32_t i = 1; i <= 4; i++)
		rig_validate(&r, i, 2, 11, true);
	assert_int_equal(rig_status(&r).validated_seq, 11);
	for (uint32_t i = 1; i <= 4; i++) {
		rig_validate(&r, i, 3, 11, true);
		assert_int_equal(rig_count(&r, CONS_FX_EVIDENCE), 1);
	}
	assert_int_equal(rig_status(&r).validated_seq, 11);
	assert_true(rig_same(rig_status(&r).validated, rig_ledger(2)));
	assert_int_equal(rig_status(&r).proven, 0);
	cons_close(r.c);
}

/* Two against two in five, and one who tells us that it is with us: three votes, perhaps a quorum
 * with one that we have not heard. The proof that it lies is what lets us leave. */
static void a_proven_liar_is_one_of_the_faults(void **state)
{
	(void)state;
	for (int proof = 0; proof < 2; proof++) {
		struct rig r = rig_open(5, 0);
		struct cons_event start = rig_ledger_event(CONS_START, 2, 1, 11);

		rig_know(&r, 2, 1, 11);
		rig_know(&r, 9, 1, 11);
		rig_validate(&r, 0, 2, 11, true);
		rig_feed(&r, &start);
		rig_validate(&r, 1, 2, 11, true);
		rig_validate(&r, 2, 9, 11, true);
		rig_validate(&r, 3, 9, 11, true);
		rig_validate(&r, 4, 2, 11, true);
		if (proof)
			rig_validate(&r, 4, 9, 11, true);
		for (int k = 0; k < 5; k++)
			rig_wait_ms(&r, CONS_MOVED_GRACE_MS);
		assert_int_equal(rig_status(&r).proven, proof);
		assert_true(rig_same(rig_status(&r).prev, rig_ledger(proof ? 9 : 2)));
		cons_close(r.c);
	}
}

/* What a liar votes beyond our ledger is no witness against it either: four may still be with us.
 */
static void a_proven_liar_is_no_witness(void **state)
{
	struct rig r = rig_open(5, 0);
	struct cons_event start = rig_ledger_event(CONS_START, 2, 1, 11);

	(void)state;
	rig_know(&r, 2, 1, 11);
	rig_know(&r, 9, 1, 11);
	rig_know(&r, 10, 9, 12);
	rig_validate(&r, 0, 2, 11, true);
	rig_feed(&r, &start);
	rig_validate(&r, 1, 2, 11, true);
	rig_validate(&r, 2, 9, 11, true);
	rig_validate(&r, 2, 10, 12, false); /* its line is the longer one */
	rig_propose(&r, 3, 1, &empty, 0);
	rig_validate(&r, 4, 2, 11, true);
	rig_validate(&r, 4, 9, 11, true);
	rig_validate(&r, 4, 10, 12, true);
	for (int k = 0; k < 5; k++)
		rig_wait_ms(&r, CONS_MOVED_GRACE_MS);
	assert_int_equal(rig_status(&r).proven, 1);
	assert_true(rig_same(rig_status(&r).prev, rig_ledger(2)));
	/* an honest one's full vote there is one */
	rig_validate(&r, 3, 10, 12, true);
	for (int k = 0; k < 5; k++)
		rig_wait_ms(&r, CONS_MOVED_GRACE_MS);
	assert_true(rig_same(rig_status(&r).prev, rig_ledger(10)));
	cons_close(r.c);
}

/* Alone with one other, we go where it is, but what we sign there is no full vote: nobody but that
 * one says that a round made the ledger. */
static void a_single_word_gets_no_full_vote(void **state)
{
	struct rig r = rig_open(5, 0);
	struct cons_event timer = {.kind = CONS_TIMER};
	const struct cons_effect *vote = NULL;

	(void)state;
	rig_wait_ms(&r, CONS_OPEN_MIN_MS);
	rig_know(&r, 2, 1, 11);
	rig_validate(&r, 4, 2, 11, true);
	for (int k = 0; k < 8 && !vote; k++) {
		r.now.steady.ms += CONS_LONELY_MS / 4;
		cons_step(r.c, &timer, r.now, &r.fx);
		vote = rig_find(&r, CONS_FX_VALIDATE);
	}
	assert_non_null(vote);
	assert_int_equal(vote->ledger.seq, 11);
	assert_true(rig_same(rig_status(&r).prev, rig_ledger(2)));
	assert_false(vote->ledger.full);
	cons_close(r.c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(two_positions_under_one_number),
	    cmocka_unit_test(another_close_time_is_another_position),
	    cmocka_unit_test(what_is_no_evidence),
	    cmocka_unit_test(counts_for_nothing),
	    cmocka_unit_test(until_the_height_is_validated),
	    cmocka_unit_test(told_by_others),
	    cmocka_unit_test(told_nonsense),
	    cmocka_unit_test(validated_stays_validated),
	    cmocka_unit_test(a_proven_liar_is_one_of_the_faults),
	    cmocka_unit_test(a_proven_liar_is_no_witness),
	    cmocka_unit_test(a_single_word_gets_no_full_vote),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
