/* SPDX-License-Identifier: ISC */
#include "tests/consensus/rig.h"

/* Another UNL while the machine runs. */

static void change(struct rig *r, uint32_t n, int32_t self, const int32_t *from)
{
	struct why why = {""};

	cons_set_unl(r->c, n, self, from, r->now, &r->fx);
	if (!cons_check(r->c, &why))
		fail_msg("%s", why.text);
}

static void votes_of_those_who_stay_count(void **state)
{
	static const int32_t grown[] = {-1, 4, 3, 2, 1, 0, -1};
	struct rig r = rig_open(5, 0);

	(void)state;
	rig_know(&r, 2, 1, 11);
	rig_validate(&r, 1, 2, 11, true);
	rig_validate(&r, 2, 2, 11, true);
	rig_validate(&r, 3, 2, 11, true);
	change(&r, 7, 5, grown);
	assert_int_equal(rig_status(&r).quorum, 6);
	assert_int_equal(rig_votes_for(&r, 2), 3);
	rig_validate(&r, 0, 2, 11, true);
	rig_validate(&r, 1, 2, 11, true);
	assert_int_equal(rig_status(&r).validated_seq, 10);
	rig_validate(&r, 2, 2, 11, true); /* again: it is counted once */
	assert_int_equal(rig_status(&r).validated_seq, 10);
	rig_validate(&r, 6, 2, 11, true);
	assert_int_equal(rig_status(&r).validated_seq, 11);
	cons_close(r.c);
}

static void votes_of_those_who_go_do_not(void **state)
{
	static const int32_t other[] = {0, 1, -1, -1, -1};
	struct rig r = rig_open(5, 0);

	(void)state;
	rig_know(&r, 2, 1, 11);
	for (uint32_t i = 1; i < 4; i++)
		rig_validate(&r, i, 2, 11, true);
	change(&r, 5, 0, other);
	assert_int_equal(rig_votes_for(&r, 2), 1);
	rig_validate(&r, 2, 2, 11, true);
	rig_validate(&r, 3, 2, 11, true);
	assert_int_equal(rig_status(&r).validated_seq, 10);
	rig_validate(&r, 4, 2, 11, true);
	assert_int_equal(rig_status(&r).validated_seq, 11);
	cons_close(r.c);
}

static void a_smaller_unl_finds_its_quorum_among_old_votes(void **state)
{
	static const int32_t smaller[] = {0, 1, 2, 3};
	struct rig r = rig_open(6, 0);

	(void)state;
	rig_know(&r, 2, 1, 11);
	for (uint32_t i = 0; i < 4; i++)
		rig_validate(&r, i, 2, 11, true);
	assert_int_equal(rig_status(&r).validated_seq, 10);
	change(&r, 4, 0, smaller);
	assert_int_equal(rig_status(&r).validated_seq, 11);
	assert_int_equal(rig_status(&r).validated_seq, 11);
	assert_int_equal(rig_status(&r).quorum, 4);
	cons_close(r.c);
}

static void positions_go_along(void **state)
{
	static const int32_t turned[] = {4, 3, 2, 1, 0};
	static const int32_t fewer[] = {0, 1, 4};
	struct rig r = rig_open(5, 0);

	(void)state;
	rig_wait_ms(&r, CONS_OPEN_MIN_MS);
	for (uint32_t i = 1; i < 4; i++)
		rig_propose(&r, i, 1, &empty, 0);
	assert_int_equal(rig_status(&r).proposers, 3);
	change(&r, 5, 4, turned);
	assert_int_equal(rig_status(&r).proposers, 3);
	rig_propose(&r, 0, 1, &empty, 0);
	assert_int_equal(rig_status(&r).proposers, 4);
	change(&r, 3, 2, fewer);
	assert_int_equal(rig_status(&r).proposers, 2);
	rig_wait_ms(&r, CONS_ESTABLISH_SHORT_MS);
	assert_int_equal(rig_status(&r).phase, CONS_ACCEPTED);
	cons_close(r.c);
}

static void who_leaves_the_unl_bows_out(void **state)
{
	static const int32_t without[] = {1, 2, 3, 4};
	static const int32_t with[] = {-1, 0, 1, 2, 3};
	struct rig r = rig_open(5, 0);

	(void)state;
	rig_wait_ms(&r, CONS_OPEN_MIN_MS);
	rig_propose(&r, 1, 1, &empty, 0);
	assert_int_equal(rig_status(&r).mode, CONS_PROPOSING);
	change(&r, 4, -1, without);
	assert_int_equal(rig_find(&r, CONS_FX_PROPOSE)->propose.seq, CONS_SEQ_BOW_OUT);
	assert_int_equal(rig_status(&r).mode, CONS_OBSERVING);
	assert_int_equal(rig_status(&r).proposers, 1);
	change(&r, 5, 0, with);
	cons_set_proposing(r.c, true, r.now, &r.fx);
	assert_int_equal(rig_status(&r).mode, CONS_PROPOSING);
	cons_close(r.c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(votes_of_those_who_stay_count),
	    cmocka_unit_test(votes_of_those_who_go_do_not),
	    cmocka_unit_test(a_smaller_unl_finds_its_quorum_among_old_votes),
	    cmocka_unit_test(positions_go_along),
	    cmocka_unit_test(who_leaves_the_unl_bows_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
