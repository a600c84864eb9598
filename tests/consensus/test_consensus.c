/* SPDX-License-Identifier: ISC */
#include "consensus/closetime.h"
#include "consensus/consensus.h"
#include "consensus/params.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* One machine, fed by hand. */

struct rig {
	struct consensus *c;
	struct now now;
	struct cons_effects fx; /* of the last step, answers included */
	struct hash256 txs[64]; /* what the node has open */
	uint32_t txs_n;
};

static struct hash256 hash_of(uint8_t kind, uint32_t x)
{
	struct hash256 h = {{kind}};

	store_be32(h.b + 1, x);
	return h;
}

static struct hash256 tx(uint32_t x)
{
	return hash_of('t', x);
}

static struct hash256 led(uint32_t x)
{
	return hash_of('l', x);
}

static void set_id(struct hash256 *out, const struct hash256 *ids, size_t n)
{
	uint64_t h = 0xcbf29ce484222325u;

	*out = HASH256_ZERO;
	for (size_t i = 0; i < n * sizeof(*ids); i++)
		h = (h ^ ((const uint8_t *)ids)[i]) * 0x100000001b3u;
	if (n)
		store_be64(out->b, h);
}

static const struct cons_effect *find(const struct rig *r, enum cons_effect_kind kind)
{
	for (uint32_t i = 0; i < r->fx.n; i++) {
		if (r->fx.e[i].kind == kind)
			return &r->fx.e[i];
	}
	return NULL;
}

static uint32_t count(const struct rig *r, enum cons_effect_kind kind)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < r->fx.n; i++)
		n += r->fx.e[i].kind == kind;
	return n;
}

static void feed(struct rig *r, const struct cons_event *ev)
{
	struct why why;

	cons_step(r->c, ev, r->now, &r->fx);
	assert_true(cons_check(r->c, &why));
	if (find(r, CONS_FX_CLOSE_OPEN)) {
		struct cons_event open = {.kind = CONS_OPEN_TXS};

		set_id(&open.set.id, r->txs, r->txs_n);
		open.set.ids = r->txs;
		open.set.n = r->txs_n;
		cons_step(r->c, &open, r->now, &r->fx);
		assert_true(cons_check(r->c, &why));
	}
}

static void wait_ms(struct rig *r, int64_t ms)
{
	struct cons_event ev = {.kind = CONS_TIMER};

	r->now.steady.ms += ms;
	r->now.net.s = 1000000 + (uint32_t)(r->now.steady.ms / 1000);
	feed(r, &ev);
}

static struct cons_event ledger_event(enum cons_event_kind kind, uint32_t x, uint32_t parent,
				      uint32_t seq)
{
	struct cons_event ev = {.kind = kind};

	ev.ledger.hash = led(x);
	ev.ledger.parent = led(parent);
	ev.ledger.seq = seq;
	ev.ledger.close.s = 999000 + seq;
	ev.ledger.close_resolution = 10;
	ev.ledger.close_agreed = true;
	return ev;
}

static void know(struct rig *r, uint32_t x, uint32_t parent, uint32_t seq)
{
	struct cons_event ev = ledger_event(CONS_LEDGER, x, parent, seq);

	feed(r, &ev);
}

static void propose(struct rig *r, uint32_t who, uint32_t prev, const struct hash256 *set,
		    uint32_t seq)
{
	struct cons_event ev = {.kind = CONS_PROPOSAL};

	ev.proposal.who = who;
	ev.proposal.position.prev = led(prev);
	ev.proposal.position.set = *set;
	ev.proposal.position.close = r->now.net;
	ev.proposal.position.seq = seq;
	feed(r, &ev);
}

static void validate(struct rig *r, uint32_t who, uint32_t x, uint32_t seq, bool full)
{
	struct cons_event ev = {.kind = CONS_VALIDATION};

	ev.validation.who = who;
	ev.validation.validation = (struct cons_validation){
	    .ledger = led(x), .seq = seq, .signed_at = r->now.net, .full = full};
	feed(r, &ev);
}

static void built(struct rig *r, uint32_t x, uint32_t parent, uint32_t seq)
{
	struct cons_event ev = ledger_event(CONS_BUILT, x, parent, seq);

	feed(r, &ev);
}

/* Member 0 of n, proposing, on ledger 1 (seq 10), which is validated. */
static struct rig rig_open(uint32_t n, int32_t self)
{
	struct cons_config config = {.unl_n = n, .self = self, .set_id = set_id};
	struct rig r = {.now = {.steady = {.ms = 5000}, .net = {.s = 1000005}}};
	struct cons_event start = ledger_event(CONS_START, 1, 0, 10);

	r.c = cons_open(&config);
	if (self >= 0)
		cons_set_proposing(r.c, true, r.now, &r.fx);
	feed(&r, &start);
	return r;
}

static struct cons_status status(const struct rig *r)
{
	struct cons_status st;

	cons_get_status(r->c, &st);
	return st;
}

static bool same(struct hash256 a, struct hash256 b)
{
	return hash256_eq(&a, &b);
}

static uint32_t votes_for(const struct rig *r, uint32_t x)
{
	struct hash256 h = led(x);

	return cons_validation_count(r->c, &h);
}

static const struct hash256 empty;

static void everybody_proposes(struct rig *r, uint32_t n, uint32_t prev, const struct hash256 *set,
			       uint32_t seq)
{
	for (uint32_t i = 1; i < n; i++)
		propose(r, i, prev, set, seq);
}

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
	e = find(&r, CONS_FX_TIMER);
	assert_non_null(e);
	assert_int_equal(e->at.ms, 5000 + CONS_OPEN_MIN_MS);
	wait_ms(&r, CONS_OPEN_MIN_MS - 1);
	assert_int_equal(status(&r).phase, CONS_OPEN);
	wait_ms(&r, 1);
	assert_int_equal(status(&r).phase, CONS_ESTABLISH);
	e = find(&r, CONS_FX_PROPOSE);
	assert_non_null(e);
	assert_true(same(e->propose.prev, led(1)));
	assert_int_equal(e->propose.close.s, 1000007);
	everybody_proposes(&r, 5, 1, &empty, 0);
	assert_int_equal(status(&r).agree, 4);
	wait_ms(&r, CONS_ESTABLISH_SHORT_MS - 1);
	assert_null(find(&r, CONS_FX_BUILD));
	wait_ms(&r, 1);
	e = find(&r, CONS_FX_BUILD);
	assert_non_null(e);
	assert_int_equal(e->build.n, 0);
	assert_int_equal(e->build.close.s, 1000010);
	assert_int_equal(e->build.close_resolution, 10);
	assert_true(e->build.close_agreed);
	assert_int_equal(e->build.proposers, 4);
	built(&r, 2, 1, 11);
	e = find(&r, CONS_FX_VALIDATE);
	assert_non_null(e);
	assert_true(e->ledger.full);
	assert_int_equal(e->ledger.seq, 11);
	assert_int_equal(status(&r).phase, CONS_OPEN);
	assert_int_equal(status(&r).prev_seq, 11);
	assert_int_equal(status(&r).last_proposers, 4);
	cons_close(r.c);
}

/* Somebody of the last round is missing: the full pause, then a quorum is enough. */
static void waits_for_the_missing(void **state)
{
	struct rig r = rig_open(5, 0);

	(void)state;
	wait_ms(&r, CONS_OPEN_MIN_MS);
	everybody_proposes(&r, 4, 1, &empty, 0);
	wait_ms(&r, CONS_ESTABLISH_SHORT_MS);
	assert_null(find(&r, CONS_FX_BUILD));
	wait_ms(&r, CONS_ESTABLISH_MIN_MS - CONS_ESTABLISH_SHORT_MS);
	assert_non_null(find(&r, CONS_FX_BUILD));
	built(&r, 2, 1, 11);
	/* the next round does not wait for it */
	wait_ms(&r, CONS_OPEN_MIN_MS);
	everybody_proposes(&r, 4, 2, &empty, 1);
	wait_ms(&r, CONS_ESTABLISH_SHORT_MS);
	assert_non_null(find(&r, CONS_FX_BUILD));
	cons_close(r.c);
}

/* Thresholds are counted against the UNL, not against who is here. */
static void no_consensus_without_a_quorum(void **state)
{
	struct rig r = rig_open(5, 0);

	(void)state;
	wait_ms(&r, CONS_OPEN_MIN_MS);
	everybody_proposes(&r, 3, 1, &empty, 0);
	for (uint32_t k = 1; k < 400; k++) {
		wait_ms(&r, 1000);
		assert_null(find(&r, CONS_FX_BUILD));
		if (k % 10 == 0)
			everybody_proposes(&r, 3, 1, &empty, k);
	}
	assert_int_equal(status(&r).phase, CONS_ESTABLISH);
	cons_close(r.c);
}

static void closes_with_the_others(void **state)
{
	struct rig r = rig_open(5, 0);

	(void)state;
	propose(&r, 1, 1, &empty, 0);
	propose(&r, 2, 1, &empty, 0);
	assert_int_equal(status(&r).phase, CONS_OPEN);
	propose(&r, 3, 1, &empty, 0);
	assert_int_equal(status(&r).phase, CONS_ESTABLISH);
	cons_close(r.c);
}

static void proposals_come_again(void **state)
{
	struct rig r = rig_open(5, 0);
	uint32_t n = 0, last = 0;

	(void)state;
	wait_ms(&r, CONS_OPEN_MIN_MS);
	for (int k = 0; k < 600; k++) {
		wait_ms(&r, 100);
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
	wait_ms(&r, CONS_ANSWER_MS);
	propose(&r, 1, 1, &empty, 0);
	assert_true(count(&r, CONS_FX_PROPOSE) >= 1);
	propose(&r, 1, 1, &empty, 1);
	assert_int_equal(count(&r, CONS_FX_PROPOSE), 0);
	cons_close(r.c);
}

static void positions_go_stale(void **state)
{
	struct rig r = rig_open(5, 0);

	(void)state;
	wait_ms(&r, CONS_OPEN_MIN_MS);
	propose(&r, 1, 1, &empty, 0);
	assert_int_equal(status(&r).proposers, 1);
	wait_ms(&r, CONS_FRESH_MS - 1);
	assert_int_equal(status(&r).proposers, 1);
	wait_ms(&r, 1);
	assert_int_equal(status(&r).proposers, 0);
	/* a bow-out takes a position away, a later number brings its sender back */
	propose(&r, 1, 1, &empty, 1);
	assert_int_equal(status(&r).proposers, 1);
	propose(&r, 1, 1, &empty, CONS_SEQ_BOW_OUT);
	assert_int_equal(status(&r).proposers, 0);
	propose(&r, 1, 1, &empty, 1);
	assert_int_equal(status(&r).proposers, 0);
	propose(&r, 1, 1, &empty, 2);
	assert_int_equal(status(&r).proposers, 1);
	cons_close(r.c);
}

static void stops_proposing(void **state)
{
	struct rig r = rig_open(5, 0);
	const struct cons_effect *e;

	(void)state;
	wait_ms(&r, CONS_OPEN_MIN_MS);
	cons_set_proposing(r.c, false, r.now, &r.fx);
	e = find(&r, CONS_FX_PROPOSE);
	assert_non_null(e);
	assert_true(e->propose.seq == CONS_SEQ_BOW_OUT);
	assert_int_equal(status(&r).mode, CONS_OBSERVING);
	everybody_proposes(&r, 5, 1, &empty, 0);
	wait_ms(&r, CONS_ESTABLISH_SHORT_MS);
	assert_non_null(find(&r, CONS_FX_BUILD));
	built(&r, 2, 1, 11);
	assert_null(find(&r, CONS_FX_VALIDATE));
	cons_set_proposing(r.c, true, r.now, &r.fx);
	assert_int_equal(status(&r).mode, CONS_PROPOSING);
	cons_close(r.c);
}

/* 10,000 proposals from one member: what is kept does not grow, the round ends as ever. */
static void proposal_spam(void **state)
{
	struct rig r = rig_open(5, 0);

	(void)state;
	wait_ms(&r, CONS_OPEN_MIN_MS);
	for (uint32_t k = 0; k < 10000; k++) {
		struct hash256 set = hash_of('s', k);

		propose(&r, 4, 1 + k % 7 * (k % 3), &set, k);
		assert_true(count(&r, CONS_FX_WANT_SET) <= 1);
		assert_true(count(&r, CONS_FX_PROPOSE) <= 1);
	}
	everybody_proposes(&r, 4, 1, &empty, 0);
	wait_ms(&r, CONS_ESTABLISH_MIN_MS);
	assert_non_null(find(&r, CONS_FX_BUILD));
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
		struct hash256 set = hash_of('s', i);

		propose(&r, i, 2, &set, 0);
		assert_null(find(&r, CONS_FX_WANT_SET));
	}
	know(&r, 2, 1, 11);
	wait_ms(&r, CONS_OPEN_MIN_MS);
	for (uint32_t i = 1; i < 256; i++)
		validate(&r, i, 2, 11, true);
	for (int k = 0; k < 10; k++) {
		assert_true(r.fx.n <= CONS_EFFECTS_MAX);
		wanted += count(&r, CONS_FX_WANT_SET);
		feed(&r, &timer);
	}
	assert_int_equal(status(&r).prev_seq, 11);
	assert_true(wanted <= TXSET_HELD_MAX);
	cons_close(r.c);
}

/* --- disputes ---------------------------------------------------------------------------- */

static struct hash256 give_set(struct rig *r, const struct hash256 *ids, uint32_t n)
{
	struct cons_event ev = {.kind = CONS_SET};

	set_id(&ev.set.id, ids, n);
	ev.set.ids = ids;
	ev.set.n = n;
	feed(r, &ev);
	return ev.set.id;
}

/* Of four peers `yes` have a transaction that we lack. Are we for it, after the first look? */
static bool joins(uint32_t yes)
{
	struct rig r = rig_open(5, 0);
	struct hash256 ids[1] = {tx(1)}, set;
	bool got;

	wait_ms(&r, CONS_OPEN_MIN_MS);
	set_id(&set, ids, 1);
	for (uint32_t i = 1; i < 5; i++)
		propose(&r, i, 1, i <= yes ? &set : &empty, 0);
	give_set(&r, ids, 1);
	wait_ms(&r, CONS_VOTE_EVERY_MS);
	got = same(status(&r).our.set, set);
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
	struct hash256 ids[1] = {tx(1)}, set;
	int64_t left_at = 0;
	uint32_t seq = 0;

	(void)state;
	r.txs[0] = ids[0];
	r.txs_n = 1;
	wait_ms(&r, CONS_OPEN_MIN_MS);
	set_id(&set, ids, 1);
	for (int64_t t = 0; t <= 14000; t += 100) {
		if (t % 5000 == 0) {
			for (uint32_t i = 1; i < 5; i++)
				propose(&r, i, 1, i <= 2 ? &set : &empty, seq);
			seq++;
		}
		wait_ms(&r, 100);
		assert_null(find(&r, CONS_FX_BUILD));
		if (!left_at && !same(status(&r).our.set, set))
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
	struct hash256 ids[2] = {tx(1), tx(2)}, set;

	(void)state;
	wait_ms(&r, CONS_OPEN_MIN_MS);
	set_id(&set, ids, 2);
	everybody_proposes(&r, 5, 1, &set, 0);
	assert_int_equal(count(&r, CONS_FX_WANT_SET), 0); /* asked by the first */
	give_set(&r, ids, 2);
	assert_non_null(find(&r, CONS_FX_PROPOSE));
	wait_ms(&r, CONS_ESTABLISH_SHORT_MS);
	assert_non_null(find(&r, CONS_FX_BUILD));
	assert_int_equal(find(&r, CONS_FX_BUILD)->build.n, 2);
	assert_true(hash256_eq(&find(&r, CONS_FX_BUILD)->build.ids[1], &ids[1]));
	cons_close(r.c);
}

/* An observer takes the larger side and builds what a quorum of proposers agrees on. */
static void observer_follows(void **state)
{
	struct rig r = rig_open(5, -1);
	struct hash256 ids[1] = {tx(1)}, set;

	(void)state;
	r.txs[0] = tx(9);
	r.txs_n = 1;
	set_id(&set, ids, 1);
	for (uint32_t i = 0; i < 5; i++)
		propose(&r, i, 1, &set, 0);
	give_set(&r, ids, 1);
	wait_ms(&r, CONS_ESTABLISH_SHORT_MS);
	assert_null(find(&r, CONS_FX_PROPOSE));
	assert_non_null(find(&r, CONS_FX_BUILD));
	assert_true(hash256_eq(&find(&r, CONS_FX_BUILD)->build.set, &set));
	built(&r, 2, 1, 11);
	assert_null(find(&r, CONS_FX_VALIDATE));
	cons_close(r.c);
}

/* A failed acquisition is taken up again when a proposal names the set once more. */
static void set_asked_again(void **state)
{
	struct rig r = rig_open(5, 0);
	struct hash256 set = hash_of('s', 1);
	struct cons_event failed = {.kind = CONS_SET_FAILED};

	(void)state;
	wait_ms(&r, CONS_OPEN_MIN_MS);
	propose(&r, 1, 1, &set, 0);
	assert_int_equal(count(&r, CONS_FX_WANT_SET), 1);
	propose(&r, 2, 1, &set, 0);
	assert_int_equal(count(&r, CONS_FX_WANT_SET), 0);
	failed.set.id = set;
	feed(&r, &failed);
	wait_ms(&r, 5000);
	assert_int_equal(count(&r, CONS_FX_WANT_SET), 0);
	propose(&r, 3, 1, &set, 0);
	assert_int_equal(count(&r, CONS_FX_WANT_SET), 1);
	cons_close(r.c);
}

/* Nobody can see the others' sets: the round is abandoned after 15 s for the empty set. */
static void abandoned(void **state)
{
	struct rig r = rig_open(5, 0);
	int64_t at = -1;

	(void)state;
	r.txs[0] = tx(1);
	r.txs_n = 1;
	wait_ms(&r, CONS_OPEN_MIN_MS);
	for (int64_t t = 0; t < 20000 && at < 0; t += 100) {
		if (t % 10000 == 0) {
			for (uint32_t i = 1; i < 5; i++) {
				struct hash256 set = hash_of('s', i);

				propose(&r, i, 1, &set, (uint32_t)t);
			}
		}
		wait_ms(&r, 100);
		if (find(&r, CONS_FX_PROPOSE) &&
		    hash256_is_zero(&find(&r, CONS_FX_PROPOSE)->propose.set))
			at = t + 100;
	}
	assert_int_equal(at, CONS_ABANDON_MIN_MS);
	everybody_proposes(&r, 5, 1, &empty, 30000);
	assert_int_equal(status(&r).phase, CONS_ACCEPTED);
	assert_true(same(status(&r).our.set, empty));
	cons_close(r.c);
}

/* Close times: disagreement is agreed on, and the header says so. */
static void close_time_disagreement(void **state)
{
	struct rig r = rig_open(5, 0);
	struct cons_event ev = {.kind = CONS_PROPOSAL};

	(void)state;
	wait_ms(&r, CONS_OPEN_MIN_MS);
	for (uint32_t round = 0; round < 2; round++) {
		for (uint32_t i = 1; i < 5; i++) {
			ev.proposal.who = i;
			ev.proposal.position.prev = led(1);
			ev.proposal.position.seq = round;
			ev.proposal.position.close.s = round ? 0 : 1000000 + 100 * i;
			feed(&r, &ev);
		}
		wait_ms(&r, 500);
	}
	assert_int_equal(status(&r).our.close.s, 0);
	assert_non_null(find(&r, CONS_FX_BUILD));
	assert_false(find(&r, CONS_FX_BUILD)->build.close_agreed);
	assert_int_equal(find(&r, CONS_FX_BUILD)->build.close.s, 999010 + 1);
	cons_close(r.c);
}

/* --- validations ------------------------------------------------------------------------- */

static void validated_at_quorum(void **state)
{
	struct rig r = rig_open(5, 0);

	(void)state;
	for (uint32_t i = 1; i < 4; i++) {
		validate(&r, i, 7, 12, true);
		assert_null(find(&r, CONS_FX_VALIDATED));
	}
	validate(&r, 3, 7, 12, true); /* twice is once */
	assert_null(find(&r, CONS_FX_VALIDATED));
	validate(&r, 4, 7, 12, false); /* a partial one does not count */
	assert_null(find(&r, CONS_FX_VALIDATED));
	validate(&r, 0, 7, 12, true);
	assert_non_null(find(&r, CONS_FX_VALIDATED));
	assert_int_equal(find(&r, CONS_FX_VALIDATED)->ledger.seq, 12);
	assert_int_equal(status(&r).validated_seq, 12);
	assert_int_equal(votes_for(&r, 7), 4);
	/* never back */
	for (uint32_t i = 0; i < 5; i++) {
		validate(&r, i, 6, 11, true);
		assert_null(find(&r, CONS_FX_VALIDATED));
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
		validate(&r, i, 20, 30, true);
		asked += count(&r, CONS_FX_WANT_LEDGER);
	}
	assert_int_equal(asked, 1);
	assert_int_equal(status(&r).mode, CONS_WRONG_LEDGER);
	for (int k = 0; k < 200; k++) {
		wait_ms(&r, 100);
		asked += count(&r, CONS_FX_WANT_LEDGER);
		assert_null(find(&r, CONS_FX_PROPOSE));
	}
	assert_int_equal(asked, 1 + 20000 / CONS_WANT_AGAIN_MS);
	know(&r, 20, 19, 30);
	assert_int_equal(status(&r).prev_seq, 30);
	assert_int_equal(status(&r).mode, CONS_PROPOSING);
	cons_close(r.c);
}

static void evidence(void **state)
{
	struct rig r = rig_open(5, 0);
	const struct cons_effect *e;

	(void)state;
	validate(&r, 1, 7, 11, true);
	validate(&r, 1, 8, 11, true);
	e = find(&r, CONS_FX_EVIDENCE);
	assert_non_null(e);
	assert_int_equal(e->evidence.who, 1);
	assert_int_equal(e->evidence.seq, 11);
	assert_true(same(e->evidence.a, led(7)));
	assert_true(same(e->evidence.b, led(8)));
	validate(&r, 1, 9, 11, true);
	assert_null(find(&r, CONS_FX_EVIDENCE)); /* once is enough */
	/* neither counts */
	for (uint32_t i = 2; i < 5; i++)
		validate(&r, i, 7, 11, true);
	assert_null(find(&r, CONS_FX_VALIDATED));
	assert_int_equal(votes_for(&r, 7), 3);
	validate(&r, 0, 7, 11, true);
	assert_non_null(find(&r, CONS_FX_VALIDATED));
	/* at the next sequence its word counts again */
	for (uint32_t i = 1; i < 5; i++)
		validate(&r, i, 17, 12, true);
	assert_non_null(find(&r, CONS_FX_VALIDATED));
	cons_close(r.c);
}

/* Late and shuffled validations count all the same; the newest one is kept apart. */
static void out_of_order(void **state)
{
	struct rig r = rig_open(5, 0);
	struct cons_validation v;

	(void)state;
	validate(&r, 1, 8, 12, true);
	validate(&r, 1, 7, 11, true);
	assert_true(cons_last_validation(r.c, 1, &v));
	assert_int_equal(v.seq, 12);
	for (uint32_t i = 2; i < 5; i++)
		validate(&r, i, 7, 11, true);
	assert_non_null(find(&r, CONS_FX_VALIDATED));
	assert_int_equal(status(&r).validated_seq, 11);
	assert_false(cons_last_validation(r.c, 0, &v));
	cons_close(r.c);
}

/* One validation per sequence, rising, restarts included. */
static void votes_rise(void **state)
{
	struct rig r = rig_open(1, 0);
	struct cons_event start = ledger_event(CONS_START, 1, 0, 10);

	(void)state;
	wait_ms(&r, CONS_OPEN_MIN_MS);
	wait_ms(&r, CONS_ESTABLISH_SHORT_MS);
	built(&r, 2, 1, 11);
	assert_non_null(find(&r, CONS_FX_VALIDATE));
	validate(&r, 0, 2, 11, true);
	assert_int_equal(status(&r).validated_seq, 11);
	cons_close(r.c);

	r = rig_open(1, 0);
	validate(&r, 0, 2, 11, true);
	feed(&r, &start);
	wait_ms(&r, CONS_OPEN_MIN_MS);
	wait_ms(&r, CONS_ESTABLISH_SHORT_MS);
	built(&r, 3, 1, 11);
	assert_null(find(&r, CONS_FX_VALIDATE));
	cons_close(r.c);
}

/* Not more than LEDGER_AHEAD_MAX unvalidated ledgers, however much everybody agrees. */
static void ahead_limit(void **state)
{
	struct rig r = rig_open(5, 0);

	(void)state;
	for (uint32_t k = 0; k < LEDGER_AHEAD_MAX; k++) {
		wait_ms(&r, CONS_OPEN_MIN_MS);
		everybody_proposes(&r, 5, 1 + k, &empty, k);
		wait_ms(&r, CONS_ESTABLISH_SHORT_MS);
		assert_non_null(find(&r, CONS_FX_BUILD));
		built(&r, 2 + k, 1 + k, 11 + k);
	}
	for (uint32_t k = 0; k < 30; k++) {
		wait_ms(&r, CONS_OPEN_MIN_MS);
		everybody_proposes(&r, 5, 4, &empty, 10 + k);
		assert_null(find(&r, CONS_FX_BUILD));
	}
	/* validations arrive: on it goes at once */
	for (uint32_t i = 1; i < 5; i++)
		validate(&r, i, 3, 12, true);
	assert_int_equal(status(&r).validated_seq, 12);
	if (!find(&r, CONS_FX_BUILD))
		wait_ms(&r, CONS_REPROPOSE_MS);
	assert_non_null(find(&r, CONS_FX_BUILD));
	cons_close(r.c);
}

/* --- branches ---------------------------------------------------------------------------- */

/* More than the quorum can spare have gone on: after a grace we follow, and vote with them. */
static void follows_those_ahead(void **state)
{
	struct rig r = rig_open(5, 0);

	(void)state;
	wait_ms(&r, CONS_OPEN_MIN_MS);
	know(&r, 2, 1, 11);
	validate(&r, 1, 2, 11, true);
	wait_ms(&r, CONS_MOVED_GRACE_MS);
	assert_int_equal(status(&r).prev_seq, 10); /* one alone may be wrong */
	validate(&r, 2, 2, 11, true);
	assert_int_equal(status(&r).prev_seq, 10);
	wait_ms(&r, CONS_MOVED_GRACE_MS);
	assert_int_equal(status(&r).prev_seq, 11);
	cons_close(r.c);
}

/* Unknown ledgers are asked for, with the parents that are missing between. */
static void asks_for_ancestry(void **state)
{
	struct rig r = rig_open(5, 0);

	(void)state;
	validate(&r, 1, 4, 13, true);
	assert_int_equal(count(&r, CONS_FX_WANT_LEDGER), 1);
	know(&r, 4, 3, 13);
	assert_int_equal(count(&r, CONS_FX_WANT_LEDGER), 1);
	assert_true(same(find(&r, CONS_FX_WANT_LEDGER)->ledger.hash, led(3)));
	assert_int_equal(find(&r, CONS_FX_WANT_LEDGER)->ledger.seq, 12);
	know(&r, 3, 2, 12);
	assert_int_equal(count(&r, CONS_FX_WANT_LEDGER), 1);
	know(&r, 2, 1, 11);
	assert_int_equal(count(&r, CONS_FX_WANT_LEDGER), 0);
	cons_close(r.c);
}

/* Brings the machine to its own ledger 2 at sequence 11, voted for. */
static struct rig voted_rig(void)
{
	struct rig r = rig_open(5, 0);

	wait_ms(&r, CONS_OPEN_MIN_MS);
	everybody_proposes(&r, 5, 1, &empty, 0);
	wait_ms(&r, CONS_ESTABLISH_SHORT_MS);
	built(&r, 2, 1, 11);
	assert_non_null(find(&r, CONS_FX_VALIDATE));
	validate(&r, 0, 2, 11, true);
	know(&r, 3, 1, 11);
	wait_ms(&r, 1100);
	return r;
}

/* Having voted for a ledger, we leave it only when it cannot have a quorum any more. */
static void leaves_only_the_dead(void **state)
{
	struct rig r = voted_rig();

	(void)state;
	validate(&r, 1, 3, 11, true);
	validate(&r, 2, 3, 11, true);
	wait_ms(&r, 1100);
	assert_int_equal(status(&r).prev_seq, 11);
	assert_true(same(status(&r).prev, led(2)));
	/* a third: at most two votes can be for ours */
	validate(&r, 3, 3, 11, true);
	wait_ms(&r, 1100);
	assert_true(same(status(&r).prev, led(3)));
	cons_close(r.c);
}

/* A quorum may have validated our ledger for all we know: the two that we hear are not enough,
 * however long the others are silent. */
static void stays_with_a_vote(void **state)
{
	struct rig r = voted_rig();

	(void)state;
	for (uint32_t k = 0; k < 20; k++) {
		validate(&r, 1, 3, 11, true);
		propose(&r, 1, 3, &empty, 9 + k);
		propose(&r, 2, 3, &empty, 9 + k);
		wait_ms(&r, 10000);
		assert_true(same(status(&r).prev, led(2)));
	}
	cons_close(r.c);
}

/* Without a vote of our own there it takes only more members on the other side. */
static void moves_freely_without_a_vote(void **state)
{
	struct rig r = rig_open(5, -1);

	(void)state;
	for (uint32_t i = 0; i < 5; i++)
		propose(&r, i, 1, &empty, 0);
	wait_ms(&r, CONS_ESTABLISH_SHORT_MS);
	built(&r, 2, 1, 11);
	know(&r, 3, 1, 11);
	wait_ms(&r, 1100);
	validate(&r, 1, 3, 11, true);
	assert_true(same(status(&r).prev, led(3)));
	cons_close(r.c);
}

/* A ledger with a close time far ahead is not followed before it has a quorum. */
static void far_close_time(void **state)
{
	struct rig r = rig_open(5, 0);
	struct cons_event ev = ledger_event(CONS_LEDGER, 2, 1, 11);

	(void)state;
	ev.ledger.close.s = 2000000;
	feed(&r, &ev);
	for (uint32_t i = 1; i < 4; i++)
		validate(&r, i, 2, 11, true);
	wait_ms(&r, CONS_MOVED_GRACE_MS);
	wait_ms(&r, CONS_MOVED_GRACE_MS);
	assert_int_equal(status(&r).prev_seq, 10);
	validate(&r, 4, 2, 11, true);
	assert_int_equal(status(&r).prev_seq, 11);
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
	    cmocka_unit_test(close_time_disagreement),
	    cmocka_unit_test(validated_at_quorum),
	    cmocka_unit_test(validated_but_unknown),
	    cmocka_unit_test(evidence),
	    cmocka_unit_test(out_of_order),
	    cmocka_unit_test(votes_rise),
	    cmocka_unit_test(ahead_limit),
	    cmocka_unit_test(follows_those_ahead),
	    cmocka_unit_test(asks_for_ancestry),
	    cmocka_unit_test(leaves_only_the_dead),
	    cmocka_unit_test(stays_with_a_vote),
	    cmocka_unit_test(moves_freely_without_a_vote),
	    cmocka_unit_test(far_close_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
