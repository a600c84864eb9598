/* SPDX-License-Identifier: ISC */
#include "tests/consensus/rig.h"

struct hash256 rig_hash(uint8_t kind, uint32_t x)
{
	struct hash256 h = {{kind}};

	store_be32(h.b + 1, x);
	return h;
}

struct hash256 rig_tx(uint32_t x)
{
	return rig_hash('t', x);
}

struct hash256 rig_ledger(uint32_t x)
{
	return rig_hash('l', x);
}

void rig_set_id(struct hash256 *out, const struct hash256 *ids, size_t n)
{
	uint64_t h = 0xcbf29ce484222325u;

	*out = HASH256_ZERO;
	for (size_t i = 0; i < n * sizeof(*ids); i++)
		h = (h ^ ((const uint8_t *)ids)[i]) * 0x100000001b3u;
	if (n)
		store_be64(out->b, h);
}

const struct cons_effect *rig_find(const struct rig *r, enum cons_effect_kind kind)
{
	for (uint32_t i = 0; i < r->fx.n; i++) {
		if (r->fx.e[i].kind == kind)
			return &r->fx.e[i];
	}
	return NULL;
}

uint32_t rig_count(const struct rig *r, enum cons_effect_kind kind)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < r->fx.n; i++)
		n += r->fx.e[i].kind == kind;
	return n;
}

void rig_feed(struct rig *r, const struct cons_event *ev)
{
	struct why why;

	cons_step(r->c, ev, r->now, &r->fx);
	assert_true(cons_check(r->c, &why));
	if (rig_find(r, CONS_FX_CLOSE_OPEN)) {
		struct cons_event open = {.kind = CONS_OPEN_TXS};

		rig_set_id(&open.set.id, r->txs, r->txs_n);
		open.set.ids = r->txs;
		open.set.n = r->txs_n;
		cons_step(r->c, &open, r->now, &r->fx);
		assert_true(cons_check(r->c, &why));
	}
}

void rig_wait_ms(struct rig *r, int64_t ms)
{
	struct cons_event ev = {.kind = CONS_TIMER};

	r->now.steady.ms += ms;
	r->now.net.s = 1000000 + (uint32_t)(r->now.steady.ms / 1000);
	rig_feed(r, &ev);
}

struct cons_event rig_ledger_event(enum cons_event_kind kind, uint32_t x, uint32_t parent,
				   uint32_t seq)
{
	struct cons_event ev = {.kind = kind};

	ev.ledger.hash = rig_ledger(x);
	ev.ledger.parent = rig_ledger(parent);
	ev.ledger.seq = seq;
	ev.ledger.close.s = 999000 + seq;
	ev.ledger.close_resolution = 10;
	ev.ledger.close_agreed = true;
	return ev;
}

void rig_know(struct rig *r, uint32_t x, uint32_t parent, uint32_t seq)
{
	struct cons_event ev = rig_ledger_event(CONS_LEDGER, x, parent, seq);

	rig_feed(r, &ev);
}

void rig_propose(struct rig *r, uint32_t who, uint32_t prev, const struct hash256 *set,
		 uint32_t seq)
{
	struct cons_event ev = {.kind = CONS_PROPOSAL};

	ev.proposal.who = who;
	ev.proposal.position.prev = rig_ledger(prev);
	ev.proposal.position.set = *set;
	ev.proposal.position.close = r->now.net;
	ev.proposal.position.seq = seq;
	rig_feed(r, &ev);
}

void rig_validate(struct rig *r, uint32_t who, uint32_t x, uint32_t seq, bool full)
{
	struct cons_event ev = {.kind = CONS_VALIDATION};

	ev.validation.who = who;
	ev.validation.validation = (struct cons_validation){
	    .ledger = rig_ledger(x), .seq = seq, .signed_at = r->now.net, .full = full};
	rig_feed(r, &ev);
}

void rig_built(struct rig *r, uint32_t x, uint32_t parent, uint32_t seq)
{
	struct cons_event ev = rig_ledger_event(CONS_BUILT, x, parent, seq);

	rig_feed(r, &ev);
}

/* Member 0 of n, proposing, on ledger 1 (seq 10), which is validated. */
struct rig rig_open(uint32_t n, int32_t self)
{
	struct cons_config config = {.unl_n = n, .self = self, .set_id = rig_set_id};
	struct rig r = {.now = {.steady = {.ms = 5000}, .net = {.s = 1000005}}};
	struct cons_event start = rig_ledger_event(CONS_START, 1, 0, 10);

	r.c = cons_open(&config);
	if (self >= 0)
		cons_set_proposing(r.c, true, r.now, &r.fx);
	rig_feed(&r, &start);
	return r;
}

struct cons_status rig_status(const struct rig *r)
{
	struct cons_status st;

	cons_get_status(r->c, &st);
	return st;
}

bool rig_same(struct hash256 a, struct hash256 b)
{
	return hash256_eq(&a, &b);
}

uint32_t rig_votes_for(const struct rig *r, uint32_t x)
{
	struct hash256 h = rig_ledger(x);

	return cons_validation_count(r->c, &h);
}

void rig_all_propose(struct rig *r, uint32_t n, uint32_t prev, const struct hash256 *set,
		     uint32_t seq)
{
	for (uint32_t i = 1; i < n; i++)
		rig_propose(r, i, prev, set, seq);
}
