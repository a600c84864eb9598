/* SPDX-License-Identifier: ISC */
#include "consensus/machine.h"

/* Validations: the newest per member tells where it is (branch.c), a ring per member tells what it
 * has signed at each sequence, which decides quorums and shows contradictions. */

static struct vote *slot(struct member *m, uint32_t seq)
{
	return &m->votes[seq % VALIDATIONS_PER_VALIDATOR];
}

const struct vote *votes_at(const struct consensus *c, uint32_t who, uint32_t seq)
{
	const struct vote *v;

	must(who < c->n);
	v = slot(&c->m[who], seq);
	return v->seq == seq && seq != 0 ? v : NULL;
}

static uint32_t count(const struct consensus *c, const struct hash256 *ledger, uint32_t seq)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < c->n; i++) {
		const struct vote *v = votes_at(c, i, seq);

		n += v && unl_counts_at(c, i, seq) && v->full && !v->conflict &&
		     hash256_eq(&v->ledger, ledger);
	}
	return n;
}

uint32_t cons_validation_count(const struct consensus *c, const struct hash256 *ledger)
{
	for (uint32_t i = 0; i < c->n; i++) {
		const struct member *m = &c->m[i];

		for (uint32_t k = 0; k < VALIDATIONS_PER_VALIDATOR; k++) {
			if (m->votes[k].seq && hash256_eq(&m->votes[k].ledger, ledger))
				return count(c, ledger, m->votes[k].seq);
		}
	}
	return 0;
}

bool cons_last_validation(const struct consensus *c, uint32_t who, struct cons_validation *out)
{
	must(who < c->n);
	if (!c->m[who].have_last)
		return false;
	*out = c->m[who].last;
	return true;
}

bool cons_validation_at(const struct consensus *c, uint32_t who, uint32_t seq,
			struct cons_validation *out)
{
	const struct vote *v = votes_at(c, who, seq);

	if (!v || v->conflict)
		return false;
	*out = (struct cons_validation){.ledger = v->ledger, .seq = seq, .full = v->full};
	return true;
}

void votes_set_validated(struct consensus *c, const struct hash256 *ledger, uint32_t seq)
{
	must(!c->have_validated || seq > c->validated_seq);
	c->have_validated = true;
	c->validated = *ledger;
	c->validated_seq = seq;
	c->advanced = c->now.steady;
	c->look = true;
}

static void check_quorum(struct consensus *c, const struct hash256 *ledger, uint32_t seq)
{
	struct cons_effect *e;

	if (c->have_validated && seq <= c->validated_seq)
		return;
	if (count(c, ledger, seq) < unl_quorum_at(c, seq))
		return;
	must(seq > 0);
	votes_set_validated(c, ledger, seq);
	e = fx_add(c, CONS_FX_VALIDATED);
	e->ledger.hash = *ledger;
	e->ledger.seq = seq;
	e->ledger.full = true;
}

bool votes_vouch(const struct consensus *c, const struct ledger_rec *l)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < c->n; i++) {
		const struct member *m = &c->m[i];

		n += m->full_seq >= l->seq && unl_counts_at(c, i, l->seq) && !unl_proven(c, i) &&
		     branch_contains(c, &m->full, &l->hash, l->seq);
	}
	return n > leave_lies(c, l->seq);
}

void votes_recount(struct consensus *c)
{
	const struct vote *best = NULL;

	c->look = true;
	for (uint32_t i = 0; i < c->n; i++) {
		for (uint32_t k = 0; k < VALIDATIONS_PER_VALIDATOR; k++) {
			const struct vote *v = &c->m[i].votes[k];

			if (v->seq <= c->validated_seq || (best && v->seq <= best->seq))
				continue;
			if (count(c, &v->ledger, v->seq) >= unl_quorum_at(c, v->seq))
				best = v;
		}
	}
	if (best && c->have_validated) {
		struct hash256 ledger = best->ledger;

		check_quorum(c, &ledger, best->seq);
	}
}

/* What a member signs about ledgers far from here makes it guilty of nothing that matters, and
 * could be made without end. */
static bool near(const struct consensus *c, uint32_t seq)
{
	return seq <= (uint64_t)c->validated_seq + CONS_FAR_AHEAD &&
	       (uint64_t)seq + VALIDATIONS_PER_VALIDATOR > c->validated_seq;
}

static void found_guilty(struct consensus *c, const struct cons_evidence *e, uint32_t height)
{
	struct member *m = &c->m[e->who];

	if (height > m->proven)
		m->proven = height;
	c->look = true;
	fx_add(c, CONS_FX_EVIDENCE)->evidence = *e;
}

static void two_validations(struct consensus *c, uint32_t who, struct vote *v,
			    const struct hash256 *other)
{
	struct cons_evidence e = {
	    .kind = CONS_TWO_VALIDATIONS, .who = who, .seq = v->seq, .a = v->ledger, .b = *other};

	must(v->seq > 0 && !hash256_eq(&v->ledger, other));
	if (v->conflict)
		return;
	v->conflict = true;
	if (near(c, v->seq))
		found_guilty(c, &e, v->seq);
}

void votes_two_proposals(struct consensus *c, const struct cons_evidence *e)
{
	const struct ledger_rec *prev = branch_find(c, &e->prev);

	must(e->kind == CONS_TWO_PROPOSALS && e->who < c->n);
	if (prev && prev->seq + 1 > c->m[e->who].proven && near(c, prev->seq + 1))
		found_guilty(c, e, prev->seq + 1);
}

void votes_evidence(struct consensus *c, const struct cons_evidence *e)
{
	struct vote *v;

	if (e->who >= c->n)
		return;
	if (e->kind == CONS_TWO_PROPOSALS) {
		votes_two_proposals(c, e);
		return;
	}
	v = slot(&c->m[e->who], e->seq);
	if (e->seq == 0 || v->seq > e->seq || !near(c, e->seq) || hash256_eq(&e->a, &e->b))
		return;
	if (v->seq < e->seq)
		*v = (struct vote){.ledger = e->a, .seq = e->seq};
	two_validations(c, e->who, v, hash256_eq(&v->ledger, &e->b) ? &e->a : &e->b);
}

/* Into the ring. An honest member signs once per sequence, so a second ledger there is evidence;
 * what fell out of the ring is too old to matter. */
static bool record(struct consensus *c, uint32_t who, const struct cons_validation *val)
{
	struct vote *v = slot(&c->m[who], val->seq);

	if (v->seq > val->seq)
		return false;
	if (v->seq == val->seq && v->seq != 0) {
		if (!hash256_eq(&v->ledger, &val->ledger)) {
			two_validations(c, who, v, &val->ledger);
			return false;
		}
		if (v->conflict || v->full || !val->full)
			return false;
	}
	*v = (struct vote){.ledger = val->ledger, .seq = val->seq, .full = val->full};
	return true;
}

static void remember_own(struct consensus *c, const struct hash256 *ledger, uint32_t seq, bool full)
{
	struct vote *own = &c->own_votes[seq % OWN_VOTES];

	if (seq > c->issued_seq)
		c->issued_seq = seq;
	if (full && seq > own->seq)
		*own = (struct vote){.ledger = *ledger, .seq = seq, .full = true};
}

/* Those of ledgers far from here are for nodes that are far behind, which need one for each ledger;
 * they could be made without end, and each costs a look around. */
static bool far_allowed(struct consensus *c, struct member *m)
{
	int64_t grants = steady_since(m->far_refill, c->now.steady) / CONS_PROPOSAL_REFILL_MS;

	if (grants > 0) {
		m->far_refill = steady_after(m->far_refill, grants * CONS_PROPOSAL_REFILL_MS);
		m->far = grants >= PROPOSALS_PER_VALIDATOR_ROUND - m->far
			     ? PROPOSALS_PER_VALIDATOR_ROUND
			     : m->far + (int32_t)grants;
	}
	if (m->far <= 0)
		return false;
	m->far--;
	return true;
}

static bool current(struct net_time signed_at, struct net_time now)
{
	int64_t apart = (int64_t)signed_at.s - (int64_t)now.s;

	return apart <= CONS_SIGNED_APART_MAX_S && apart >= -CONS_SIGNED_APART_MAX_S;
}

void votes_add(struct consensus *c, uint32_t who, const struct cons_validation *v)
{
	struct member *m;

	if (who >= c->n || v->seq == 0)
		return;
	m = &c->m[who];
	if ((int32_t)who == c->config.self)
		remember_own(c, &v->ledger, v->seq, v->full);
	else if (!near(c, v->seq) && !far_allowed(c, m))
		return;
	if (!record(c, who, v))
		return;
	c->look = true;
	member_spoke(c, m);
	if (!m->have_last || v->seq > m->last.seq) {
		m->last = *v;
		m->have_last = true;
		m->last_seen = c->now.steady;
		m->last_current = current(v->signed_at, c->now.net);
	}
	if (v->full && v->seq > m->full_seq) {
		m->full_seq = v->seq;
		m->full = v->ledger;
	}
	if (v->full)
		check_quorum(c, &v->ledger, v->seq);
}

/* A validation of ours. It is remembered as ours at once, but counts only when it comes back as
 * an event, since until then it may not be durable. */
void votes_issue(struct consensus *c, const struct ledger_rec *l, bool full)
{
	struct cons_effect *e;

	if (!c->may_propose || c->config.self < 0 || l->seq <= c->issued_seq)
		return;
	must(!full || branch_on_validated(c, l));
	remember_own(c, &l->hash, l->seq, full);
	c->issued = c->now.steady;
	e = fx_add(c, CONS_FX_VALIDATE);
	e->ledger.hash = l->hash;
	e->ledger.seq = l->seq;
	e->ledger.full = full;
}
