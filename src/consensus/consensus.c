/* SPDX-License-Identifier: ISC */
#include "consensus/machine.h"

#include "base/mem.h"

/* Why a step never needs more than CONS_EFFECTS_MAX effects. Requests are capped per step at
 * WANT_SETS_PER_STEP (24) and WANT_LEDGERS_PER_STEP (12); the rest follows a zero-delay timer. Of
 * the others a step makes at most: one each of VALIDATED, EVIDENCE, RESEND, TIMER; two changes of
 * ledger (SWITCH, VALIDATE, PHASE, and one bow-out between them), one vote for a ledger built and
 * its PHASE; two each of CLOSE_OPEN, SHARE_SET; five PROPOSE (answer, vote, quorum joined, fallen
 * back, repetition); BUILD and its PHASE: 24 even if all came together, 60 with the requests. */

struct cons_effect *fx_add(struct consensus *c, enum cons_effect_kind kind)
{
	struct cons_effect *e;

	must(c->fx->n < CONS_EFFECTS_MAX);
	e = &c->fx->e[c->fx->n++];
	memset(e, 0, sizeof(*e));
	e->kind = kind;
	return e;
}

void fx_phase(struct consensus *c)
{
	struct cons_effect *e = fx_add(c, CONS_FX_PHASE);

	e->phase.phase = c->r.phase;
	e->phase.mode = c->r.mode;
}

uint32_t cons_quorum(uint32_t unl_n)
{
	return (4 * unl_n + 4) / 5;
}

struct consensus *cons_open(const struct cons_config *config)
{
	struct consensus *c = mem_zalloc(1, sizeof(*c));

	must(config->unl_n >= 1 && config->unl_n <= UNL_MAX);
	must(config->self >= -1 && config->self < (int32_t)config->unl_n);
	must(config->set_id);
	c->config = *config;
	c->n = config->unl_n;
	unl_init(c);
	c->m = mem_zalloc(c->n, sizeof(*c->m));
	for (uint32_t i = 0; i < c->n; i++) {
		c->m[i].votes = mem_zalloc(VALIDATIONS_PER_VALIDATOR, sizeof(struct vote));
		c->m[i].far = PROPOSALS_PER_VALIDATOR_ROUND;
		c->m[i].expected = true;
	}
	config->set_id(&c->empty_id, NULL, 0);
	c->r.phase = CONS_IDLE;
	c->r.mode = CONS_OBSERVING;
	c->armed = STEADY_NEVER;
	return c;
}

void cons_close(struct consensus *c)
{
	if (!c)
		return;
	sets_bury(c);
	for (uint32_t i = 0; i < TXSET_HELD_MAX; i++)
		mem_free(c->sets[i].ids);
	for (uint32_t i = 0; i < c->n; i++)
		mem_free(c->m[i].votes);
	mem_free(c->m);
	mem_free(c->disputes);
	mem_free(c);
}

/* --- proposals --------------------------------------------------------------------------- */

static bool within_budget(struct consensus *c, struct member *m)
{
	int64_t grants = steady_since(m->refill, c->now.steady) / CONS_PROPOSAL_REFILL_MS;

	if (grants > 0) {
		m->refill = steady_after(m->refill, grants * CONS_PROPOSAL_REFILL_MS);
		m->budget = grants >= PROPOSALS_PER_VALIDATOR_ROUND - m->budget
				? PROPOSALS_PER_VALIDATOR_ROUND
				: m->budget + (int32_t)grants;
	}
	if (m->budget <= 0)
		return false;
	m->budget--;
	must(m->budget >= 0 && m->budget < PROPOSALS_PER_VALIDATOR_ROUND);
	return true;
}

/* The place for a position on this ledger: its own, a free one, or the one heard longest ago. */
static uint32_t heard_slot(const struct member *m, const struct hash256 *prev)
{
	uint32_t at = 0;

	for (uint32_t k = 0; k < CONS_ROUNDS_KEPT; k++) {
		if (m->heard[k].used && hash256_eq(&m->heard[k].pos.prev, prev))
			return k;
	}
	for (uint32_t k = 0; k < CONS_ROUNDS_KEPT; k++) {
		if (!m->heard[k].used)
			return k;
		if (m->heard[k].seen.ms < m->heard[at].seen.ms)
			at = k;
	}
	return at;
}

void member_spoke(const struct consensus *c, struct member *m)
{
	if (!m->have_spoke || steady_since(m->spoke, c->now.steady) > CONS_FRESH_MS)
		m->speaking = c->now.steady;
	m->spoke = c->now.steady;
	m->have_spoke = true;
}

static bool excludes(const struct cons_position *a, const struct cons_position *b)
{
	return a->seq == b->seq && a->seq != CONS_SEQ_BOW_OUT &&
	       (!hash256_eq(&a->set, &b->set) || a->close.s != b->close.s);
}

/* Keeps the newest position per ledger. A bow-out takes the position away; unlike in the reference
 * a later number brings its sender back, so that a validator that was wrong about its ledger is
 * not missing from the quorum for the rest of the round. */
static void on_proposal(struct consensus *c, uint32_t who, const struct cons_position *p)
{
	struct member *m;
	struct heard *h;
	uint32_t k;
	bool same;

	if (who >= c->n || (int32_t)who == c->config.self)
		return;
	m = &c->m[who];
	member_spoke(c, m);
	k = heard_slot(m, &p->prev);
	must(k < CONS_ROUNDS_KEPT);
	h = &m->heard[k];
	same = h->used && hash256_eq(&h->pos.prev, &p->prev);
	if (same && excludes(p, &h->pos)) {
		struct cons_evidence e = {.kind = CONS_TWO_PROPOSALS,
					  .who = who,
					  .seq = p->seq,
					  .prev = p->prev,
					  .a = h->pos.set,
					  .b = p->set};

		votes_two_proposals(c, &e);
	}
	if (same && (p->seq <= h->pos.seq || (h->bowed && p->seq == CONS_SEQ_BOW_OUT)))
		return;
	if (!within_budget(c, m))
		return;
	c->look |= !m->have_heard || !hash256_eq(&m->heard[m->newest].pos.prev, &p->prev);
	if (p->seq == CONS_SEQ_BOW_OUT) {
		if (same)
			h->bowed = true;
		return;
	}
	if (round_newcomer(c, who, p)) {
		m->answered = true;
		round_propose(c);
	}
	*h = (struct heard){.pos = *p, .seen = c->now.steady, .used = true};
	m->newest = k;
	m->have_heard = true;
	if (hash256_eq(&p->prev, &c->r.prev.hash))
		sets_named(c, &p->set);
}

/* Somebody builds on a ledger that does not follow from ours, or our last vote has no quorum for
 * long: our newest validation may have been lost. */
static void resend_if_due(struct consensus *c, const struct cons_event *ev)
{
	int64_t since = steady_since(c->issued, c->now.steady);
	int64_t stuck = steady_since(c->advanced, c->now.steady);

	if (c->issued_seq == 0 || !c->may_propose)
		return;
	if (since < CONS_REPROPOSE_MS || c->issued_seq <= c->validated_seq) {
		if (ev->kind != CONS_PROPOSAL || since < CONS_ANSWER_MS ||
		    branch_goes_with_us(c, &ev->proposal.position.prev))
			return;
	}
	c->issued = c->now.steady;
	if (stuck >= CONS_TELL_ALL_MS &&
	    steady_since(c->told_all, c->now.steady) >= CONS_TELL_ALL_MS) {
		c->told_all = c->now.steady;
		fx_add(c, CONS_FX_RESEND_ALL);
		return;
	}
	fx_add(c, CONS_FX_RESEND);
}

/* --- timers ------------------------------------------------------------------------------ */

static void sooner(const struct consensus *c, struct steady *due, struct steady at)
{
	if (at.ms > c->now.steady.ms && at.ms < due->ms)
		*due = at;
}

static void establish_due(struct consensus *c, struct steady *due)
{
	const struct round *r = &c->r;

	sooner(c, due, steady_after(r->closed, CONS_VOTE_EVERY_MS));
	sooner(c, due, steady_after(r->closed, CONS_ESTABLISH_SHORT_MS));
	sooner(c, due, steady_after(r->closed, CONS_ESTABLISH_MIN_MS));
	sooner(c, due, round_stands(c));
	if (r->have_voted && !round_settled(c))
		sooner(c, due, steady_after(r->voted, round_vote_every(c)));
	if (r->mode == CONS_PROPOSING)
		sooner(c, due, steady_after(r->proposed, CONS_REPROPOSE_MS));
	if (!r->active)
		sooner(c, due, steady_after(r->quorate, CONS_LONELY_MS));
	if (r->active && !r->fallen_back)
		sooner(c, due, steady_after(c->now.steady, round_abandon_ms(c) - r->active_ms));
	if (r->have_held)
		sooner(c, due, steady_after(r->held, CONS_HELD_MS));
}

static void arm(struct consensus *c, bool more, bool timer)
{
	bool running = c->r.phase == CONS_OPEN || c->r.phase == CONS_ESTABLISH;
	struct steady due = running ? branch_due(c) : STEADY_NEVER;
	struct cons_effect *e;

	if (c->r.phase == CONS_OPEN && !c->r.awaiting_open && round_may_close(c))
		sooner(c, &due, steady_after(c->r.start, round_open_ms(c)));
	if (c->r.phase == CONS_ESTABLISH)
		establish_due(c, &due);
	if (c->may_propose && c->issued_seq > c->validated_seq)
		sooner(c, &due, steady_after(c->issued, CONS_REPROPOSE_MS));
	if (more || due.ms < c->now.steady.ms)
		due = c->now.steady;
	if (due.ms == c->armed.ms && !timer)
		return;
	c->armed = due;
	if (due.ms == STEADY_NEVER.ms)
		return;
	e = fx_add(c, CONS_FX_TIMER);
	e->at = due;
}

/* --- the step ---------------------------------------------------------------------------- */

static struct ledger_rec ledger_of(const struct cons_event *ev)
{
	return (struct ledger_rec){
	    .hash = ev->ledger.hash,
	    .parent = ev->ledger.parent,
	    .seq = ev->ledger.seq,
	    .close = ev->ledger.close,
	    .close_resolution = ev->ledger.close_resolution,
	    .close_agreed = ev->ledger.close_agreed,
	};
}

void step_begin(struct consensus *c, struct now now, struct cons_effects *fx)
{
	must(!c->fx); /* not entered twice */
	must(!c->have_since || now.steady.ms >= c->now.steady.ms);
	sets_bury(c);
	fx->n = 0;
	c->fx = fx;
	c->asked = 0;
	if (!c->have_since) {
		c->have_since = true;
		c->since = now.steady;
		c->went_over = steady_after(now.steady, -CONS_MOVED_GRACE_MS);
		c->advanced = c->told_all = now.steady;
		for (uint32_t i = 0; i < c->n; i++)
			c->m[i].far_refill = now.steady;
	}
	c->now = now;
}

void step_end(struct consensus *c, bool timer)
{
	bool more;

	round_progress(c);
	if (c->look && (c->r.phase == CONS_OPEN || c->r.phase == CONS_ESTABLISH))
		round_progress(c);
	more = !sets_want(c);
	more |= c->look && (c->r.phase == CONS_OPEN || c->r.phase == CONS_ESTABLISH);
	arm(c, more, timer);
	c->fx = NULL;
}

static void on_start(struct consensus *c, const struct ledger_rec *l)
{
	round_bow_out(c);
	if (!c->have_validated)
		votes_set_validated(c, &l->hash, l->seq);
	for (uint32_t i = 0; i < c->n; i++)
		c->m[i].expected = true;
	round_start(c, l, CONS_OBSERVING);
}

void cons_step(struct consensus *c, const struct cons_event *ev, struct now now,
	       struct cons_effects *fx)
{
	struct ledger_rec l;

	step_begin(c, now, fx);
	switch (ev->kind) {
	case CONS_TIMER:
		c->look = true;
		break;
	case CONS_PROPOSAL:
		on_proposal(c, ev->proposal.who, &ev->proposal.position);
		break;
	case CONS_VALIDATION:
		votes_add(c, ev->validation.who, &ev->validation.validation);
		break;
	case CONS_SET:
		sets_hold(c, &ev->set.id, ev->set.ids, ev->set.n);
		break;
	case CONS_SET_FAILED:
		sets_failed(c, &ev->set.id);
		break;
	case CONS_OPEN_TXS:
		round_open_txs(c, ev);
		break;
	case CONS_BUILT:
		l = ledger_of(ev);
		round_built(c, &l);
		break;
	case CONS_LEDGER:
		l = ledger_of(ev);
		branch_add(c, &l);
		break;
	case CONS_START:
		l = ledger_of(ev);
		on_start(c, &l);
		break;
	case CONS_NEGATIVE_UNL:
		if (unl_set_negative(c, ev))
			votes_recount(c);
		break;
	case CONS_EVIDENCE:
		votes_evidence(c, &ev->evidence);
		break;
	}
	resend_if_due(c, ev);
	step_end(c, ev->kind == CONS_TIMER);
}

void cons_set_proposing(struct consensus *c, bool on, struct now now, struct cons_effects *fx)
{
	step_begin(c, now, fx);
	if (on && !c->may_propose && c->config.self >= 0) {
		c->may_propose = true;
		if (c->r.phase == CONS_OPEN || c->r.phase == CONS_ESTABLISH) {
			c->r.mode = CONS_PROPOSING;
			/* who speaks on a ledger has nothing more to say about those before */
			if (c->r.prev.seq > c->validated_seq)
				votes_issue(c, &c->r.prev, false);
			round_propose(c);
			fx_phase(c);
		}
	} else if (!on && c->may_propose) {
		c->may_propose = false;
		round_bow_out(c);
		c->r.mode = CONS_OBSERVING;
		fx_phase(c);
	}
	step_end(c, false);
}

void cons_set_validated(struct consensus *c, const struct hash256 *ledger, uint32_t seq)
{
	if (!c->have_validated || seq > c->validated_seq)
		votes_set_validated(c, ledger, seq);
}

void cons_get_status(const struct consensus *c, struct cons_status *out)
{
	uint32_t agree, close_agree, heard = 0;

	round_count(c, &agree, &close_agree);
	*out = (struct cons_status){
	    .phase = c->r.phase,
	    .mode = c->r.mode,
	    .prev = c->r.prev.hash,
	    .prev_seq = c->r.prev.seq,
	    .validated_seq = c->validated_seq,
	    .validated = c->validated,
	    .quorum = unl_quorum(c),
	    .disabled = c->n - unl_n(c),
	    .disputes = c->disputes_n,
	    .last_proposers = c->last_proposers,
	    .last_converge_ms = c->last_converge_ms,
	    .held = c->r.have_held,
	    .abandoned = c->r.fallen_back,
	    .round_start = c->r.start,
	    .our = c->r.our,
	    .have_our = c->r.have_our,
	    .resolution = c->r.resolution,
	    .converge_percent = (uint32_t)round_percent(c),
	};
	for (uint32_t i = 0; i < c->n; i++) {
		out->proposers += round_position(c, i) != NULL;
		heard += leave_heard_lately(c, i);
		out->proven += unl_proven(c, i);
		out->unresolved += c->m[i].unresolved;
		out->contrary += c->m[i].contrary;
	}
	out->stuck = heard >= out->quorum && c->r.phase != CONS_IDLE &&
		     steady_since(c->advanced, c->now.steady) >= CONS_SILENT_MS;
	if (!c->r.have_our)
		return;
	out->agree = agree - round_counts_self(c);
	out->close_agreed = close_agree >= round_close_quorum(c);
}

bool cons_position_of(const struct consensus *c, uint32_t who, struct cons_position *out)
{
	const struct cons_position *p;

	must(who < c->n);
	p = round_position(c, who);
	if (p)
		*out = *p;
	return p != NULL;
}

/* --- invariants -------------------------------------------------------------------------- */

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			(void)why_set(why, ERR_RANGE, "consensus: not so: %s", #cond);             \
			return false;                                                              \
		}                                                                                  \
	} while (0)

static bool check_round(const struct consensus *c, struct why *why)
{
	const struct round *r = &c->r;

	CHECK(r->phase == CONS_IDLE || c->have_validated);
	CHECK(!r->have_our || r->phase == CONS_ESTABLISH || r->phase == CONS_ACCEPTED);
	CHECK(r->have_our || r->phase == CONS_IDLE || r->phase == CONS_OPEN);
	CHECK(!r->have_our || hash256_eq(&r->our.prev, &r->prev.hash));
	CHECK(!r->have_our || sets_held((struct consensus *)(uintptr_t)c, &r->our.set));
	CHECK(r->mode != CONS_PROPOSING || (c->may_propose && c->config.self >= 0));
	CHECK(r->level < 4 && r->active_ms >= 0);
	return true;
}

bool cons_check(const struct consensus *c, struct why *why)
{
	for (uint32_t i = 0; i < c->n; i++) {
		const struct member *m = &c->m[i];

		CHECK(m->newest < CONS_ROUNDS_KEPT);
		CHECK(m->budget >= 0 && m->budget <= PROPOSALS_PER_VALIDATOR_ROUND);
		CHECK(m->far >= 0 && m->far <= PROPOSALS_PER_VALIDATOR_ROUND);
		CHECK((int32_t)i != c->config.self || !m->have_heard);
	}
	for (uint32_t i = 0; i < TXSET_HELD_MAX; i++) {
		const struct tx_set *s = &c->sets[i];

		CHECK((s->state == SET_HELD) == (s->ids != NULL));
		CHECK(s->n <= LEDGER_TX_MAX);
	}
	for (uint32_t i = 0; i < OWN_VOTES; i++)
		CHECK(c->own_votes[i].seq <= c->issued_seq);
	CHECK(c->views[0].from_seq <= c->views[1].from_seq);
	for (uint32_t k = 0; k < 2; k++)
		CHECK(c->views[k].quorum == cons_quorum_less(c->n, c->n - c->views[k].n));
	CHECK(c->dead_n <= CONS_DEAD_MAX);
	return check_round(c, why);
}
