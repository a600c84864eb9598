/* SPDX-License-Identifier: ISC */
#include "tests/consensus/rig.h"

/* The negative UNL: who counts, for what, and from which sequence on. */

static void disable(struct rig *r, uint32_t from_seq, const uint32_t *who, uint32_t n)
{
	struct cons_event ev = {.kind = CONS_NEGATIVE_UNL};

	ev.negative.from_seq = from_seq;
	ev.negative.who = who;
	ev.negative.n = n;
	rig_feed(r, &ev);
}

static void disable_one(struct rig *r, uint32_t from_seq, uint32_t who)
{
	disable(r, from_seq, &who, 1);
}

/* Members from..to of the rig share the position of member 0, whose round closes. */
static void agree(struct rig *r, uint32_t from, uint32_t to, uint32_t prev, uint32_t seq)
{
	rig_wait_ms(r, CONS_OPEN_MIN_MS);
	for (uint32_t i = from; i <= to; i++)
		rig_propose(r, i, prev, &empty, seq);
	rig_wait_ms(r, CONS_ESTABLISH_MIN_MS);
}

static void quorum_less_table(void **state)
{
	(void)state;
	for (uint32_t n = 1; n <= UNL_MAX; n++) {
		assert_int_equal(cons_quorum_less(n, 0), cons_quorum(n));
		for (uint32_t d = 0; d <= n; d++) {
			uint32_t q = cons_quorum_less(n, d);

			assert_true(5 * q >= 4 * (n - d) && 5 * q >= 3 * n);
			assert_true(5 * (q - 1) < 4 * (n - d) || 5 * (q - 1) < 3 * n);
		}
	}
	assert_int_equal(cons_quorum_less(5, 1), 4);
	assert_int_equal(cons_quorum_less(6, 1), 4);
	assert_int_equal(cons_quorum_less(6, 2), 4);
	assert_int_equal(cons_quorum_less(10, 2), 7);
	assert_int_equal(cons_quorum_less(10, 3), 6);
	assert_int_equal(cons_quorum_less(35, 9), 21);
	/* so many that what is left cannot be a quorum: nothing is validated any more */
	assert_int_equal(cons_quorum_less(10, 5), 6);
}

/* Six, one of them long gone: a second may go too. */
static void six_less_one_validates_with_four(void **state)
{
	struct rig r = rig_open(6, 0);

	(void)state;
	disable_one(&r, 0, 5);
	assert_int_equal(rig_status(&r).quorum, 4);
	assert_int_equal(rig_status(&r).disabled, 1);
	for (uint32_t i = 1; i <= 3; i++)
		rig_validate(&r, i, 2, 11, true);
	assert_int_equal(rig_status(&r).validated_seq, 10);
	rig_validate(&r, 4, 2, 11, true);
	assert_int_equal(rig_status(&r).validated_seq, 11);
	cons_close(r.c);
}

static void six_less_one_agrees_with_four(void **state)
{
	struct rig r = rig_open(6, 0);

	(void)state;
	disable_one(&r, 0, 5);
	agree(&r, 1, 3, 1, 0);
	assert_non_null(rig_find(&r, CONS_FX_BUILD));
	cons_close(r.c);

	r = rig_open(6, 0);
	agree(&r, 1, 3, 1, 0);
	assert_null(rig_find(&r, CONS_FX_BUILD));
	cons_close(r.c);
}

/* What a disabled member says counts for nothing, though it is not ignored: its validations are
 * shown, since they are what brings it back. */
static void a_disabled_member_does_not_count(void **state)
{
	struct rig r = rig_open(6, 0);
	struct cons_validation v;

	(void)state;
	disable_one(&r, 0, 5);
	agree(&r, 4, 5, 1, 0);
	rig_propose(&r, 3, 1, &empty, 0);
	assert_null(rig_find(&r, CONS_FX_BUILD));
	assert_int_equal(rig_status(&r).proposers, 2);
	for (uint32_t i = 3; i <= 5; i++)
		rig_validate(&r, i, 2, 11, true);
	rig_validate(&r, 2, 2, 11, true);
	assert_int_equal(rig_status(&r).validated_seq, 10);
	assert_int_equal(rig_votes_for(&r, 2), 3);
	assert_true(cons_last_validation(r.c, 5, &v));
	assert_true(rig_same(v.ledger, rig_ledger(2)));
	cons_close(r.c);
}

/* A disabled validator goes on proposing and validating, without counting itself. */
static void disabled_myself(void **state)
{
	struct rig r = rig_open(6, 0);

	(void)state;
	disable_one(&r, 0, 0);
	agree(&r, 1, 3, 1, 0);
	assert_null(rig_find(&r, CONS_FX_BUILD));
	assert_int_equal(rig_status(&r).mode, CONS_PROPOSING);
	rig_propose(&r, 4, 1, &empty, 0);
	assert_non_null(rig_find(&r, CONS_FX_BUILD));
	rig_built(&r, 2, 1, 11);
	assert_non_null(rig_find(&r, CONS_FX_VALIDATE));
	assert_true(rig_find(&r, CONS_FX_VALIDATE)->ledger.full);
	cons_close(r.c);
}

/* R7: what is listed beyond our own UNL lowers nothing, nor does a member listed twice. */
static void strangers_never_lower_the_quorum(void **state)
{
	static const uint32_t strangers[] = {6, 7, 255, 256, UINT32_MAX};
	static const uint32_t twice[] = {5, 5, 5};
	struct rig r = rig_open(6, 0);

	(void)state;
	disable(&r, 0, strangers, 5);
	assert_int_equal(rig_status(&r).quorum, 5);
	assert_int_equal(rig_status(&r).disabled, 0);
	disable(&r, 0, twice, 3);
	assert_int_equal(rig_status(&r).quorum, 4);
	assert_int_equal(rig_status(&r).disabled, 1);
	cons_close(r.c);
}

/* The list begins to count after the flag ledger; what was before is counted as before, also by
 * those who learn of it late. */
static void counted_by_sequence(void **state)
{
	struct rig r = rig_open(6, 0);

	(void)state;
	disable_one(&r, 12, 5);
	assert_int_equal(rig_status(&r).quorum, 5);
	rig_know(&r, 2, 1, 11);
	rig_know(&r, 3, 2, 12);
	for (uint32_t i = 1; i <= 4; i++)
		rig_validate(&r, i, 2, 11, true);
	assert_int_equal(rig_status(&r).validated_seq, 10);
	for (uint32_t i = 1; i <= 4; i++)
		rig_validate(&r, i, 3, 12, true);
	assert_int_equal(rig_status(&r).validated_seq, 12);
	cons_close(r.c);
}

/* Votes that were too few become enough when the list is told, and the newest such ledger is it. */
static void recounted_when_told(void **state)
{
	struct rig r = rig_open(6, 0);

	(void)state;
	rig_know(&r, 2, 1, 11);
	for (uint32_t i = 1; i <= 4; i++) {
		rig_validate(&r, i, 2, 11, true);
		rig_validate(&r, i, 3, 12, true);
	}
	assert_int_equal(rig_status(&r).validated_seq, 10);
	disable_one(&r, 11, 5);
	assert_int_equal(rig_count(&r, CONS_FX_VALIDATED), 1);
	assert_int_equal(rig_status(&r).validated_seq, 12);
	disable_one(&r, 11, 5);
	assert_int_equal(rig_count(&r, CONS_FX_VALIDATED), 0);
	cons_close(r.c);
}

/* Back again: from the next flag ledger on everybody counts. */
static void enabled_again(void **state)
{
	struct rig r = rig_open(6, 0);

	(void)state;
	disable_one(&r, 0, 5);
	disable(&r, 12, NULL, 0);
	for (uint32_t i = 1; i <= 4; i++)
		rig_validate(&r, i, 3, 12, true);
	assert_int_equal(rig_status(&r).validated_seq, 10);
	rig_validate(&r, 5, 3, 12, true);
	assert_int_equal(rig_status(&r).validated_seq, 12);
	cons_close(r.c);

	/* the older list told late, as at a start, changes the older ledgers only */
	r = rig_open(6, 0);
	disable(&r, 12, NULL, 0);
	disable_one(&r, 0, 5);
	for (uint32_t i = 1; i <= 4; i++)
		rig_validate(&r, i, 3, 12, true);
	assert_int_equal(rig_status(&r).validated_seq, 10);
	for (uint32_t i = 1; i <= 4; i++)
		rig_validate(&r, i, 2, 11, true);
	assert_int_equal(rig_status(&r).validated_seq, 11);
	cons_close(r.c);
}

/* R7: a crashed validator that is listed does not steer: its old vote draws nobody over. */
static void listed_votes_do_not_steer(void **state)
{
	struct rig r = rig_open(6, 0);

	(void)state;
	disable_one(&r, 0, 5);
	rig_know(&r, 2, 1, 11);
	rig_validate(&r, 5, 2, 11, true);
	rig_validate(&r, 4, 2, 11, true);
	rig_wait_ms(&r, CONS_MOVED_GRACE_MS);
	rig_wait_ms(&r, CONS_MOVED_GRACE_MS);
	assert_int_equal(rig_status(&r).prev_seq, 10);
	rig_validate(&r, 3, 2, 11, true);
	rig_wait_ms(&r, CONS_MOVED_GRACE_MS);
	rig_wait_ms(&r, CONS_MOVED_GRACE_MS);
	assert_int_equal(rig_status(&r).prev_seq, 11);
	cons_close(r.c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(quorum_less_table),
	    cmocka_unit_test(six_less_one_validates_with_four),
	    cmocka_unit_test(six_less_one_agrees_with_four),
	    cmocka_unit_test(a_disabled_member_does_not_count),
	    cmocka_unit_test(disabled_myself),
	    cmocka_unit_test(strangers_never_lower_the_quorum),
	    cmocka_unit_test(counted_by_sequence),
	    cmocka_unit_test(recounted_when_told),
	    cmocka_unit_test(enabled_again),
	    cmocka_unit_test(listed_votes_do_not_steer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
