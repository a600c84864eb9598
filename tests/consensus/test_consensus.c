/* SPDX-License-Identifier: ISC */
#include "tests/consensus/rig.h"

/* A round: its timing, its disputes, its end. */

/* --- tables ------------------------------------------------------------------------------ */

static void quorum_table(void **state)
{
	static const uint32_t q[] = {1, 2, 3, 4, 4, 5, 6, 7, 8, 8, 9, 10, 11, 12, 12};

	(void)state;
	for (uint32_t n = 1; n <= 15; n++)
		assert_int_equal(cons_quorum(n), q[n - 1]);
	assert_int_equal(cons_quorum(35), 28);
	assert_int_equal(cons_quorum(256), 205);
}

static void close_times(void **state)
{
	struct net_time t = {.s = 1004}, parent = {.s = 990};

	(void)state;
	assert_int_equal(close_round(t, 10).s, 1000);
	t.s = 1005;
	assert_int_equal(close_round(t, 10).s, 1010);
	t.s = 0;
	assert_int_equal(close_round(t, 10).s, 0);
	assert_int_equal(close_effective(t, 10, parent).s, 991);
	t.s = 985;
	assert_int_equal(close_effective(t, 10, parent).s, 991);
	t.s = 1001;
	assert_int_equal(close_effective(t, 30, parent).s, 991);
	t.s = UINT32_MAX;
	assert_true(close_round(t, 30).s == UINT32_MAX);
	/* the ladder */
	assert_int_equal(cons_resolution_next(30, true, 8), 20);
	assert_int_equal(cons_resolution_next(30, true, 9), 30);
	assert_int_equal(cons_resolution_next(10, true, 8), 10);
	assert_int_equal(cons_resolution_next(30, false, 9), 60);
	assert_int_equal(cons_resolution_next(30, false, 8), 60);
	assert_int_equal(cons_resolution_next(120, false, 9), 120);
	assert_int_equal(cons_resolution_next(90, false, 9), 120);
	assert_int_equal(cons_resolution_next(77, false, 9), 77);
}

/* The rule is a fixed point: what comes out goes in again without change. */
static void close_time_fixed_point(void **state)
{
	static const uint8_t res[] = {10, 20, 30, 60, 90, 120};

	(void)state;
	for (size_t k = 0; k < 6; k++) {
		for (uint32_t s = 100000; s < 100400; s++) {
			struct net_time parent = {.s = 99999u / res[k] * res[k]};
			struct net_time once = close_effective((struct net_time){s}, res[k],
							       parent);
			struct net_time twice = close_effective(once, res[k], parent);

			assert_int_equal(once.s, twice.s);
			assert_true(once.s > parent.s);
		}
	}
}

/* --- a round ----------------------------------------------------------------------------- */

static void timing_of_a_round(void **state)
{
	struct rig r = rig_open(5, 0);
	const struct cons_effect *e;

	(void)state;
	e = rig_find(&r, CONS_FX_TIMER);
	assert_non_null(e);
	assert_int_equal(e->at.ms, 5000 + CONS_OPEN_MIN_MS);
	rig_wait_ms(&r, CONS_OPEN_MIN_MS - 1);
	assert_int_equal(rig_status(&r).phase, CONS_OPEN);
	rig_wait_ms(&r, 1);
	assert_int_equal(rig_status(&r).phase, CONS_ESTABLISH);
	e = rig_find(&r, CONS_FX_PROPOSE);
	assert_non_null(e);
	assert_true(rig_same(e->propose.prev, rig_ledger(1)));
	assert_int_equal(e->propose.close.s, 1000007);
	rig_all_propose(&r, 5, 1, &empty, 0);
	assert_int_equal(rig_status(&r).agree, 4);
	rig_wait_ms(&r, CONS_ESTABLISH_SHORT_MS - 1);
	assert_null(rig_find(&r, CONS_FX_BUILD));
	rig_wait_ms(&r, 1);
	e = rig_find(&r, CONS_FX_BUILD);
	assert_non_null(e);
	assert_int_equal(e->build.n, 0);
	assert_int_equal(e->build.close.s, 1000010);
	assert_int_equal(e->build.close_resolution, 10);
	assert_true(e->build.close_agreed);
	assert_int_equal(e->build.proposers, 4);
	rig_built(&r, 2, 1, 11);
	e = rig_find(&r, CONS_FX_VALIDATE);
	assert_non_null(e);
	assert_true(e->ledger.full);
	assert_int_equal(e->ledger.seq, 11);
	assert_int_equal(rig_status(&r).phase, CONS_OPEN);
	assert_int_equal(rig_status(&r).prev_seq, 11);
	assert_int_equal(rig_status(&r).last_proposers, 4);
	cons_close(r.c);
}

/* Somebody of the last round is missing: the full pause, then a quorum is enough. */
static void waits_for_the_missing(void **state)
{
	struct rig r = rig_open(5, 0);

	(void)state;
	rig_wait_ms(&r, CONS_OPEN_MIN_MS);
	rig_all_propose(&r, 4, 1, &empty, 0);
	rig_wait_ms(&r, CONS_ESTABLISH_SHORT_MS);
	assert_null(rig_find(&r, CONS_FX_BUILD));
	rig_wait_ms(&r, CONS_ESTABLISH_MIN_MS - CONS_ESTABLISH_SHORT_MS);
	assert_non_null(rig_find(&r, CONS_FX_BUILD));
	rig_built(&r, 2, 1, 11);
	for (uint32_t i = 0; i < 4; i++)
		rig_validate(&r, i, 2, 11, true);
	/* the next round does not wait for it */
	rig_wait_ms(&r, CONS_OPEN_MIN_MS);
	rig_all_propose(&r, 4, 2, &empty, 1);
	rig_wait_ms(&r, CONS_ESTABLISH_SHORT_MS);
	assert_non_null(rig_find(&r, CONS_FX_BUILD));
	cons_close(r.c);
}

/* Thresholds are counted against the UNL, not against who is here. */
static void no_consensus_without_a_quorum(void **state)
{
	struct rig r = rig_open(5, 0);

	(void)state;
	rig_wait_ms(&r, CONS_OPEN_MIN_MS);
	rig_all_propose(&r, 3, 1, &empty, 0);
	for (uint32_t k = 1; k < 400; k++) {
		rig_wait_ms(&r, 1000);
		assert_null(rig_find(&r, CONS_FX_BUILD));
		if (k % 10 == 0)
			rig_all_propose(&r, 3, 1, &empty, k);
	}
	assert_int_equal(rig_status(&r).phase, CONS_ESTABLISH);
	cons_close(r.c);
}

static void closes_with_the_others(void **state)
{
	struct rig r = rig_open(5, 0);

	(void)state;
	rig_propose(&r, 1, 1, &empty, 0);
	rig_propose(&r, 2, 1, &empty, 0);
	assert_int_equal(rig_status(&r).phase, CONS_OPEN);
	rig_propose(&r, 3, 1, &empty, 0);
	assert_int_equal(rig_status(&r).phase, CONS_ESTABLISH);
	cons_close(r.c);
}

static void proposals_come_again(void **state)
{
	struct rig r = rig_open(5, 0);
	uint32_t n = 0, last = 0;

	(void)state;
	rig_wait_ms(&r, CONS_OPEN_MIN_MS);
	for (int k = 0; k < 600; k++) {
		rig_wait_ms(&r, 100);
		for (uint32_t i = 0; i < r.fx.n; i++) {
			if (r.fx.e[i].kind != CONS_FX_PROPOSE)
				continue;
			n++;
			assert_true(r.fx.e[i].propose.seq > last);
			last = r.fx.e[i].propose.seq;
		}
	}
	assert_int_equal(n, 60000 / CONS_REPROPOSE_MS);
	/* a newcomer is answered at once, once */
	rig_wait_ms(&r, CONS_ANSWER_MS);
	rig_propose(&r, 1, 1, &empty, 0);
	assert_true(rig_count(&r, CONS_FX_PROPOSE) >= 1);
	rig_propose(&r, 1, 1, &empty, 1);
	assert_int_equal(rig_count(&r, CONS_FX_PROPOSE), 0);
	cons_close(r.c);
}

static void positions_go_stale(void **state)
{
	struct rig r = rig_open(5, 0);

	(void)state;
	rig_wait_ms(&r, CONS_OPEN_MIN_MS);
	rig_propose(&r, 1, 1, &empty, 0);
	assert_int_equal(rig_status(&r).proposers, 1);
	rig_wait_ms(&r, CONS_FRESH_MS - 1);
	assert_int_equal(rig_status(&r).proposers, 1);
	rig_wait_ms(&r, 1);
	assert_int_equal(rig_status(&r).proposers, 0);
	/* a bow-out takes a position away, a later number brings its sender back */
	rig_propose(&r, 1, 1, &empty, 1);
	assert_int_equal(rig_status(&r).proposers, 1);
	rig_propose(&r, 1, 1, &empty, CONS_SEQ_BOW_OUT);
	assert_int_equal(rig_status(&r).proposers, 0);
	rig_propose(&r, 1, 1, &empty, 1);
	assert_int_equal(rig_status(&r).proposers, 0);
	rig_propose(&r, 1, 1, &empty, 2);
	assert_int_equal(rig_status(&r).proposers, 1);
	cons_close(r.c);
}

static void stops_proposing(void **state)
{
	struct rig r = rig_open(5, 0);
	const struct cons_effect *e;

	(void)state;
	rig_wait_ms(&r, CONS_OPEN_MIN_MS);
	cons_set_proposing(r.c, false, r.now, &r.fx);
	e = rig_find(&r, CONS_FX_PROPOSE);
	assert_non_null(e);
	assert_true(e->propose.seq == CONS_SEQ_BOW_OUT);
	assert_int_equal(rig_status(&r).mode, CONS_OBSERVING);
	rig_all_propose(&r, 5, 1, &empty, 0);
	rig_wait_ms(&r, CONS_ESTABLISH_SHORT_MS);
	assert_non_null(rig_find(&r, CONS_FX_BUILD));
	rig_built(&r, 2, 1, 11);
	assert_null(rig_find(&r, CONS_FX_VALIDATE));
	cons_set_proposing(r.c, true, r.now, &r.fx);
	assert_int_equal(rig_status(&r).mode, CONS_PROPOSING);
	cons_close(r.c);
}

/* 10,000 proposals from one member: what is kept does not grow, the round ends as ever. */
static void proposal_spam(void **state)
{
	struct rig r = rig_open(5, 0);

	(void)state;
	rig_wait_ms(&r, CONS_OPEN_MIN_MS);
	for (uint32_t k = 0; k < 10000; k++) {
		struct hash256 set = rig_hash('s', k);

		rig_propose(&r, 4, 1 + k % 7 * (k % 3), &set, k);
		assert_true(rig_count(&r, CONS_FX_WANT_SET) <= 1);
		assert_true(rig_count(&r, CONS_FX_PROPOSE) <= 1);
	}
	rig_all_propose(&r, 4, 1, &empty, 0);
	rig_wait_ms(&r, CONS_ESTABLISH_MIN_MS);
	assert_non_null(rig_find(&r, CONS_FX_BUILD));
	cons_close(r.c);
}

/* 255 members, each with a set of its own: requests come in portions, one step after another. */
static void many_sets(void **state)
{
	struct rig r = rig_open(256, 0);
	struct cons_event timer = {.kind = CONS_TIMER};
	uint32_t wanted = 0;

	(void)state;
	for (uint32_t i = 1; i < 100; i++) {
		struct hash256 set = rig_hash('s', i);

		rig_propose(&r, i, 2, &set, 0);
		assert_null(rig_find(&r, CONS_FX_WANT_SET));
	}
	rig_know(&r, 2, 1, 11);
	rig_wait_ms(&r, CONS_OPEN_MIN_MS);
	for (uint32_t i = 1; i < 256; i++)
		rig_validate(&r, i, 2, 11, true);
	for (int k = 0; k < 10; k++) {
		assert_true(r.fx.n <= CONS_EFFECTS_MAX);
		wanted += rig_count(&r, CONS_FX_WANT_SET);
		rig_feed(&r, &timer);
	}
	assert_int_equal(rig_status(&r).prev_seq, 11);
	assert_true(wanted <= TXSET_HELD_MAX);
	cons_close(r.c);
}

/* --- disputes ---------------------------------------------------------------------------- */

static struct hash256 give_set(struct rig *r, const struct hash256 *ids, uint32_t n)
{
	struct cons_event ev = {.kind = CONS_SET};

	rig_set_id(&ev.set.id, ids, n);
	ev.set.ids = ids;
	ev.set.n = n;
	rig_feed(r, &ev);
	return ev.set.id;
}

/* Of four peers `yes` have a transaction that we lack. Are we for it, after the first look? */
static bool joins(uint32_t yes)
{
	struct rig r = rig_open(5, 0);
	struct hash256 ids[1] = {rig_tx(1)}, set;
	bool got;

	rig_wait_ms(&r, CONS_OPEN_MIN_MS);
	rig_set_id(&set, ids, 1);
	for (uint32_t i = 1; i < 5; i++)
		rig_propose(&r, i, 1, i <= yes ? &set : &empty, 0);
	give_set(&r, ids, 1);
	rig_wait_ms(&r, CONS_VOTE_EVERY_MS);
	got = rig_same(rig_status(&r).our.set, set);
	cons_close(r.c);
	return got;
}

static void thresholds(void **state)
{
	(void)state;
	assert_false(joins(1)); /* 20 % */
	assert_false(joins(2)); /* 40 % */
	assert_true(joins(3));  /* 60 % */
	assert_true(joins(4));  /* 80 % */
}

/* A transaction with three of five: in while more than half is enough, out from 65 % on. The
 * others never move. */
static void thresholds_rise(void **state)
{
	struct rig r = rig_open(5, 0);
	struct hash256 ids[1] = {rig_tx(1)}, set;
	int64_t left_at = 0;
	uint32_t seq = 0;

	(void)state;
	r.txs[0] = ids[0];
	r.txs_n = 1;
	rig_wait_ms(&r, CONS_OPEN_MIN_MS);
	rig_set_id(&set, ids, 1);
	for (int64_t t = 0; t <= 14000; t += 100) {
		if (t % 5000 == 0) {
			for (uint32_t i = 1; i < 5; i++)
				rig_propose(&r, i, 1, i <= 2 ? &set : &empty, seq);
			seq++;
		}
		rig_wait_ms(&r, 100);
		assert_null(rig_find(&r, CONS_FX_BUILD));
		if (!left_at && !rig_same(rig_status(&r).our.set, set))
			left_at = t + 100;
	}
	/* half of the 5 s that a round counts for at least */
	assert_in_range(left_at, 2500, 3100);
	cons_close(r.c);
}

/* A quorum of others has decided: no threshold keeps us away. */
static void follows_a_quorum(void **state)
{
	struct rig r = rig_open(5, 0);
	struct hash256 ids[2] = {rig_tx(1), rig_tx(2)}, set;

	(void)state;
	rig_wait_ms(&r, CONS_OPEN_MIN_MS);
	rig_set_id(&set, ids, 2);
	rig_all_propose(&r, 5, 1, &set, 0);
	assert_int_equal(rig_count(&r, CONS_FX_WANT_SET), 0); /* asked by the first */
	give_set(&r, ids, 2);
	assert_non_null(rig_find(&r, CONS_FX_PROPOSE));
	rig_wait_ms(&r, CONS_ESTABLISH_SHORT_MS);
	assert_non_null(rig_find(&r, CONS_FX_BUILD));
	assert_int_equal(rig_find(&r, CONS_FX_BUILD)->build.n, 2);
	assert_true(hash256_eq(&rig_find(&r, CONS_FX_BUILD)->build.ids[1], &ids[1]));
	cons_close(r.c);
}

/* An observer takes the larger side and builds what a quorum of proposers agrees on. */
static void observer_follows(void **state)
{
	struct rig r = rig_open(5, -1);
	struct hash256 ids[1] = {rig_tx(1)}, set;

	(void)state;
	r.txs[0] = rig_tx(9);
	r.txs_n = 1;
	rig_set_id(&set, ids, 1);
	for (uint32_t i = 0; i < 5; i++)
		rig_propose(&r, i, 1, &set, 0);
	give_set(&r, ids, 1);
	rig_wait_ms(&r, CONS_ESTABLISH_SHORT_MS);
	assert_null(rig_find(&r, CONS_FX_PROPOSE));
	assert_non_null(rig_find(&r, CONS_FX_BUILD));
	assert_true(hash256_eq(&rig_find(&r, CONS_FX_BUILD)->build.set, &set));
	rig_built(&r, 2, 1, 11);
	assert_null(rig_find(&r, CONS_FX_VALIDATE));
	cons_close(r.c);
}

/* A failed acquisition is taken up again when a proposal names the set once more. */
static void set_asked_again(void **state)
{
	struct rig r = rig_open(5, 0);
	struct hash256 set = rig_hash('s', 1);
	struct cons_event failed = {.kind = CONS_SET_FAILED};

	(void)state;
	rig_wait_ms(&r, CONS_OPEN_MIN_MS);
	rig_propose(&r, 1, 1, &set, 0);
	assert_int_equal(rig_count(&r, CONS_FX_WANT_SET), 1);
	rig_propose(&r, 2, 1, &set, 0);
	assert_int_equal(rig_count(&r, CONS_FX_WANT_SET), 0);
	failed.set.id = set;
	rig_feed(&r, &failed);
	rig_wait_ms(&r, 5000);
	assert_int_equal(rig_count(&r, CONS_FX_WANT_SET), 0);
	rig_propose(&r, 3, 1, &set, 0);
	assert_int_equal(rig_count(&r, CONS_FX_WANT_SET), 1);
	cons_close(r.c);
}

/* Nobody can see the others' sets: the round is abandoned after 15 s for the empty set. */
static void abandoned(void **state)
{
	struct rig r = rig_open(5, 0);
	int64_t at = -1;

	(void)state;
	r.txs[0] = rig_tx(1);
	r.txs_n = 1;
	rig_wait_ms(&r, CONS_OPEN_MIN_MS);
	for (int64_t t = 0; t < 20000 && at < 0; t += 100) {
		if (t % 10000 == 0) {
			for (uint32_t i = 1; i < 5; i++) {
				struct hash256 set = rig_hash('s', i);

				rig_propose(&r, i, 1, &set, (uint32_t)t);
			}
		}
		rig_wait_ms(&r, 100);
		if (rig_find(&r, CONS_FX_PROPOSE) &&
		    hash256_is_zero(&rig_find(&r, CONS_FX_PROPOSE)->propose.set))
			at = t + 100;
	}
	assert_int_equal(at, CONS_ABANDON_MIN_MS);
	rig_all_propose(&r, 5, 1, &empty, 30000);
	rig_wait_ms(&r, CONS_STAND_MAX_MS);
	assert_int_equal(rig_status(&r).phase, CONS_ACCEPTED);
	assert_true(rig_same(rig_status(&r).our.set, empty));
	cons_close(r.c);
}

/* A position that has just changed must stand for a while before the round ends with it: those who
 * agree may be turning round as well. */
static void changed_positions_stand(void **state)
{
	struct rig r = rig_open(5, 0);
	struct hash256 ids[1] = {rig_tx(1)}, set;

	(void)state;
	r.txs[0] = ids[0];
	r.txs_n = 1;
	rig_set_id(&set, ids, 1);
	rig_wait_ms(&r, CONS_OPEN_MIN_MS);
	rig_all_propose(&r, 5, 1, &set, 0);
	for (uint32_t i = 1; i < 4; i++)
		rig_propose(&r, i, 1, &empty, 1);
	rig_wait_ms(&r, 950);
	assert_true(rig_same(rig_status(&r).our.set, empty));
	rig_wait_ms(&r, CONS_VOTE_EVERY_MS - 1);
	assert_null(rig_find(&r, CONS_FX_BUILD));
	rig_wait_ms(&r, 1);
	assert_non_null(rig_find(&r, CONS_FX_BUILD));
	cons_close(r.c);
}

/* Close times: disagreement is agreed on, and the header says so. */
static void close_time_disagreement(void **state)
{
	struct rig r = rig_open(5, 0);
	struct cons_event ev = {.kind = CONS_PROPOSAL};

	(void)state;
	rig_wait_ms(&r, CONS_OPEN_MIN_MS);
	for (uint32_t round = 0; round < 2; round++) {
		for (uint32_t i = 1; i < 5; i++) {
			ev.proposal.who = i;
			ev.proposal.position.prev = rig_ledger(1);
			ev.proposal.position.seq = round;
			ev.proposal.position.close.s = round ? 0 : 1000000 + 100 * i;
			rig_feed(&r, &ev);
		}
		rig_wait_ms(&r, 500);
	}
	assert_int_equal(rig_status(&r).our.close.s, 0);
	assert_non_null(rig_find(&r, CONS_FX_BUILD));
	assert_false(rig_find(&r, CONS_FX_BUILD)->build.close_agreed);
	assert_int_equal(rig_find(&r, CONS_FX_BUILD)->build.close.s, 999010 + 1);
	cons_close(r.c);
}

/* R7: a proposal under our own number is not another proposer. */
static void r7_self_counts_once(void **state)
{
	struct rig r = rig_open(5, 0);

	(void)state;
	rig_wait_ms(&r, CONS_OPEN_MIN_MS);
	rig_all_propose(&r, 3, 1, &empty, 0);
	for (uint32_t k = 0; k < 5; k++)
		rig_propose(&r, 0, 1, &empty, 10 + k);
	assert_int_equal(rig_status(&r).proposers, 2);
	rig_wait_ms(&r, CONS_ESTABLISH_MIN_MS);
	assert_null(rig_find(&r, CONS_FX_BUILD));
	rig_propose(&r, 3, 1, &empty, 0);
	assert_non_null(rig_find(&r, CONS_FX_BUILD));
	cons_close(r.c);
}

/* R7: the resolution is the child's, for the votes and for the header. */
static void r7_resolution_of_the_child(void **state)
{
	struct rig r = rig_open(5, 0);
	struct cons_event start = rig_ledger_event(CONS_START, 2, 1, 15);

	(void)state;
	start.ledger.close_resolution = 30;
	cons_set_validated(r.c, &start.ledger.hash, 15);
	rig_feed(&r, &start);
	rig_wait_ms(&r, CONS_OPEN_MIN_MS);
	rig_all_propose(&r, 5, 2, &empty, 0);
	rig_wait_ms(&r, CONS_ESTABLISH_SHORT_MS);
	assert_non_null(rig_find(&r, CONS_FX_BUILD));
	assert_int_equal(rig_find(&r, CONS_FX_BUILD)->build.close_resolution, 20);
	assert_int_equal(rig_find(&r, CONS_FX_BUILD)->build.close.s, 1000000); /* of 1000007 */
	cons_close(r.c);
}

/* R3: what is built is what was agreed on, whatever the own open ledger holds. */
static void r3_agreed_set_is_built(void **state)
{
	struct rig r = rig_open(5, 0);

	(void)state;
	r.txs[0] = rig_tx(1);
	r.txs[1] = rig_tx(2);
	r.txs_n = 2;
	rig_wait_ms(&r, CONS_OPEN_MIN_MS);
	rig_all_propose(&r, 5, 1, &empty, 0);
	rig_wait_ms(&r, CONS_ESTABLISH_SHORT_MS);
	assert_non_null(rig_find(&r, CONS_FX_BUILD));
	assert_int_equal(rig_find(&r, CONS_FX_BUILD)->build.n, 0);
	assert_true(rig_same(rig_find(&r, CONS_FX_BUILD)->build.set, empty));
	cons_close(r.c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(quorum_table),
	    cmocka_unit_test(close_times),
	    cmocka_unit_test(close_time_fixed_point),
	    cmocka_unit_test(timing_of_a_round),
	    cmocka_unit_test(waits_for_the_missing),
	    cmocka_unit_test(no_consensus_without_a_quorum),
	    cmocka_unit_test(closes_with_the_others),
	    cmocka_unit_test(proposals_come_again),
	    cmocka_unit_test(positions_go_stale),
	    cmocka_unit_test(stops_proposing),
	    cmocka_unit_test(proposal_spam),
	    cmocka_unit_test(many_sets),
	    cmocka_unit_test(thresholds),
	    cmocka_unit_test(thresholds_rise),
	    cmocka_unit_test(follows_a_quorum),
	    cmocka_unit_test(observer_follows),
	    cmocka_unit_test(set_asked_again),
	    cmocka_unit_test(abandoned),
	    cmocka_unit_test(changed_positions_stand),
	    cmocka_unit_test(close_time_disagreement),
	    cmocka_unit_test(r7_self_counts_once),
	    cmocka_unit_test(r7_resolution_of_the_child),
	    cmocka_unit_test(r3_agreed_set_is_built),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
