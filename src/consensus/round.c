/* SPDX-License-Identifier: ISC */
#include "consensus/closetime.h"
#include "consensus/machine.h"

#include "base/mem.h"

/* A round: open, establish, accepted. Everything here asks "what is due now?" and is called after
 * each event, so that arrival and timer lead to the same code. */

/* --- who is here ------------------------------------------------------------------------- */

const struct cons_position *round_position(const struct consensus *c, uint32_t i)
{
	const struct member *m = &c->m[i];

	if ((int32_t)i == c->config.self || !unl_counts(c, i))
		return NULL;
	for (uint32_t k = 0; k < CONS_ROUNDS_KEPT; k++) {
		const struct heard *h = &m->heard[k];

		if (h->used && !h->bowed && hash256_eq(&h->pos.prev, &c->r.prev.hash) &&
		    steady_since(h->seen, c->now.steady) < CONS_FRESH_MS)
			return &h->pos;
	}
	return NULL;
}

static bool proposing(const struct consensus *c)
{
	return c->r.mode == CONS_PROPOSING;
}

/* Whether our own position is one of those counted. */
bool round_counts_self(const struct consensus *c)
{
	return proposing(c) && unl_counts(c, (uint32_t)c->config.self);
}

/* Members with a position, ourselves included while proposing. */
uint32_t round_present(const struct consensus *c)
{
	uint32_t n = round_counts_self(c) && c->r.have_our;

	for (uint32_t i = 0; i < c->n; i++)
		n += round_position(c, i) != NULL;
	return n;
}

bool round_all_expected(const struct consensus *c)
{
	for (uint32_t i = 0; i < c->n; i++) {
		if (c->m[i].expected && (int32_t)i != c->config.self && unl_counts(c, i) &&
		    !round_position(c, i))
			return false;
	}
	return true;
}

static struct net_time rounded(const struct consensus *c, struct net_time t)
{
	return close_round(t, c->r.resolution);
}

/* How many, with us, share our set, and how many our close time. */
void round_count(const struct consensus *c, uint32_t *agree, uint32_t *close_agree)
{
	*agree = *close_agree = round_counts_self(c);
	for (uint32_t i = 0; i < c->n; i++) {
		const struct cons_position *p = round_position(c, i);

		if (!p)
			continue;
		*agree += hash256_eq(&p->set, &c->r.our.set);
		*close_agree += rounded(c, p->close).s == rounded(c, c->r.our.close).s;
	}
}

uint32_t round_close_quorum(const struct consensus *c)
{
	return (unl_n(c) * CONS_CLOSE_PCT + 99) / 100;
}

/* Nothing to reconsider: everybody present has our set and close time. */
bool round_settled(struct consensus *c)
{
	uint32_t agree, close_agree, present = round_present(c);

	round_count(c, &agree, &close_agree);
	return agree == present && close_agree == present;
}

/* --- our position ------------------------------------------------------------------------ */

void cons_set_first_seq(struct consensus *c, const struct hash256 *prev, uint32_t seq)
{
	must(c->r.phase == CONS_IDLE && seq < CONS_SEQ_BOW_OUT);
	(void)prev;
	if (seq > c->next_seq)
		c->next_seq = seq;
}

void round_propose(struct consensus *c)
{
	struct cons_effect *e;

	if (!proposing(c) || !c->r.have_our)
		return;
	must(c->next_seq < CONS_SEQ_BOW_OUT);
	c->r.our.seq = c->next_seq++;
	c->r.proposed = c->now.steady;
	e = fx_add(c, CONS_FX_PROPOSE);
	e->propose = c->r.our;
}

void round_bow_out(struct consensus *c)
{
	struct cons_effect *e;

	if (!proposing(c) || !c->r.have_our || c->r.phase != CONS_ESTABLISH)
		return;
	e = fx_add(c, CONS_FX_PROPOSE);
	e->propose = c->r.our;
	e->propose.seq = CONS_SEQ_BOW_OUT;
}

/* A new position of ours on a known set. */
void round_take(struct consensus *c, const struct hash256 *set, struct net_time close)
{
	must(sets_held(c, set));
	c->r.our.set = *set;
	c->r.our.close = close;
	c->r.changes++;
	c->r.taken = c->now.steady;
	round_propose(c);
}

/* Makes a set known that we composed; others will ask for it. */
static bool offer_set(struct consensus *c, const struct hash256 *id, const struct hash256 *ids,
		      uint32_t n)
{
	const struct tx_set *s = sets_held(c, id);
	struct cons_effect *e;

	if (s)
		return true;
	if (!sets_hold(c, id, ids, n))
		return false;
	s = sets_held(c, id);
	e = fx_add(c, CONS_FX_SHARE_SET);
	e->set.id = *id;
	e->set.ids = s->ids;
	e->set.n = s->n;
	return true;
}

/* --- open -------------------------------------------------------------------------------- */

/* Nobody starts a round on a ledger that the network has left behind. */
bool round_may_close(const struct consensus *c)
{
	return c->r.prev.seq >= c->validated_seq && c->r.mode != CONS_WRONG_LEDGER;
}

/* LEDGER_AHEAD_MAX holds the round before its end, not before its start: who waits for others'
 * validations must be heard, or it may be the one they in turn are waiting for. One whose round
 * ends a little after the others have validated its result still builds it. What is waited for must
 * be able to come, though, and a quorum that has agreed for long is not waited with for ever. */
static bool may_accept(struct consensus *c)
{
	struct round *r = &c->r;
	uint32_t ahead;

	if (r->prev.seq + 1 < c->validated_seq)
		return false;
	ahead = r->prev.seq < c->validated_seq ? 0 : r->prev.seq - c->validated_seq;
	if (ahead < LEDGER_AHEAD_MAX)
		return true;
	if (!r->have_held)
		r->held = c->now.steady;
	r->have_held = true;
	return ahead < LEDGER_AHEAD_HELD_MAX &&
	       (leave_line_spent(c, &r->prev) ||
		steady_since(r->held, c->now.steady) >= CONS_HELD_MS);
}

/* Half the previous round, so that a slow validator can slow the network down
 * (shouldCloseLedger), though never for long. */
int64_t round_open_ms(const struct consensus *c)
{
	int64_t half = c->pace_ms / 2;

	if (half > CONS_ABANDON_MIN_MS / 2)
		half = CONS_ABANDON_MIN_MS / 2;
	return half > CONS_OPEN_MIN_MS ? half : CONS_OPEN_MIN_MS;
}

static bool others_have_closed(const struct consensus *c)
{
	uint32_t closed = 0, expected = 0;

	for (uint32_t i = 0; i < c->n; i++) {
		if ((int32_t)i == c->config.self || !unl_counts(c, i))
			continue;
		closed += round_position(c, i) != NULL;
		expected += c->m[i].expected;
	}
	return closed > expected / 2;
}

static void open_progress(struct consensus *c)
{
	int64_t open = steady_since(c->r.start, c->now.steady);

	must(!c->r.have_our);
	if (c->r.awaiting_open || !round_may_close(c))
		return;
	if (open < round_open_ms(c) && !c->r.late && !others_have_closed(c))
		return;
	c->r.awaiting_open = true;
	fx_add(c, CONS_FX_CLOSE_OPEN);
}

void round_open_txs(struct consensus *c, const struct cons_event *ev)
{
	struct round *r = &c->r;
	struct hash256 id = ev->set.id;

	if (r->phase != CONS_OPEN || !r->awaiting_open)
		return;
	r->awaiting_open = false;
	r->phase = CONS_ESTABLISH;
	r->closed = r->active_mark = r->quorate = r->taken = c->now.steady;
	if (!offer_set(c, &id, ev->set.ids, ev->set.n))
		id = c->empty_id;
	r->have_our = true;
	r->our = (struct cons_position){.prev = r->prev.hash, .set = id, .close = c->now.net};
	if (r->our.close.s == 0)
		r->our.close.s = 1;
	round_propose(c);
	fx_phase(c);
}

/* --- establish --------------------------------------------------------------------------- */

static const struct {
	uint32_t percent_time, threshold;
} levels[] = {{0, 50}, {50, 65}, {85, 70}, {200, 95}};
#define LEVELS (sizeof(levels) / sizeof(levels[0]))

static int64_t clamp(int64_t x, int64_t lo, int64_t hi)
{
	return x < lo ? lo : x > hi ? hi : x;
}

int64_t round_abandon_ms(const struct consensus *c)
{
	return clamp(CONS_ABANDON_FACTOR * c->pace_ms, CONS_ABANDON_MIN_MS, CONS_ABANDON_MAX_MS);
}

int64_t round_vote_every(const struct consensus *c)
{
	if (c->r.changes >= CONS_CHANGES_MAX)
		return CONS_REPROPOSE_MS;
	if (steady_since(c->r.closed, c->now.steady) > CONS_VOTE_SLOW_AFTER_MS)
		return CONS_VOTE_SLOW_MS;
	return clamp((int64_t)c->r.changes * CONS_VOTE_EVERY_MS, CONS_VOTE_EVERY_MS,
		     CONS_STAND_MAX_MS);
}

/* When our position will have stood for long enough to end the round with it. */
struct steady round_stands(const struct consensus *c)
{
	int64_t ms = clamp((int64_t)c->r.changes * CONS_VOTE_EVERY_MS, 0, CONS_STAND_MAX_MS);

	if (c->r.prev.seq > c->validated_seq)
		ms += (int64_t)(c->r.prev.seq - c->validated_seq) * CONS_STAND_AHEAD_MS;
	return steady_after(c->r.taken, ms);
}

static void run_clock(struct consensus *c)
{
	struct round *r = &c->r;

	must(steady_since(r->active_mark, c->now.steady) >= 0);
	if (r->active)
		r->active_ms += steady_since(r->active_mark, c->now.steady);
	r->active_mark = c->now.steady;
	r->active = round_present(c) >= unl_quorum(c);
	if (r->active)
		r->quorate = c->now.steady;
	r->was_active |= r->active;
}

/* Too few have been here for too long. */
bool round_lonely(const struct consensus *c)
{
	return c->r.phase == CONS_ESTABLISH && !c->r.active &&
	       steady_since(c->r.quorate, c->now.steady) >= CONS_LONELY_MS;
}

int64_t round_percent(const struct consensus *c)
{
	int64_t base = clamp(c->pace_ms, CONS_AVALANCHE_BASE_MS, CONS_AVALANCHE_BASE_MAX_MS);

	return c->r.active_ms * 100 / base;
}

/* The threshold now: higher the longer the round lasts, and only after some votes at each. */
static uint32_t threshold(struct consensus *c)
{
	struct round *r = &c->r;
	int64_t percent = round_percent(c);

	if (r->level + 1 < LEVELS && r->level_votes >= CONS_LEVEL_VOTES_MIN &&
	    percent >= (int64_t)levels[r->level + 1].percent_time) {
		r->level++;
		r->level_votes = 0;
	}
	r->level_votes++;
	must(r->level < LEVELS);
	return levels[r->level].threshold;
}

/* The close time with most votes among those that reach the threshold, the later one on a tie;
 * none: 0, we agree to disagree. No threshold asks for more than what decides (ours: at 95 % the
 * reference would turn away from a time that four of five share). */
static struct net_time vote_close(const struct consensus *c, uint32_t percent)
{
	uint32_t voters = round_present(c);
	uint32_t need = (voters * percent + percent / 2) / 100;
	struct net_time best = {0};

	need = need ? need : 1;
	if (need > round_close_quorum(c))
		need = round_close_quorum(c);
	if (voters == 0)
		return rounded(c, c->r.our.close);
	for (uint32_t i = 0; i <= c->n; i++) {
		const struct cons_position *p;
		struct net_time t;
		uint32_t votes = 0;

		if (i == c->n)
			p = round_counts_self(c) ? &c->r.our : NULL;
		else
			p = round_position(c, i);
		if (!p)
			continue;
		t = rounded(c, p->close);
		for (uint32_t k = 0; k < c->n; k++) {
			const struct cons_position *q = round_position(c, k);

			votes += q && rounded(c, q->close).s == t.s;
		}
		votes += round_counts_self(c) && rounded(c, c->r.our.close).s == t.s;
		if (votes > need || (votes == need && t.s >= best.s)) {
			need = votes;
			best = t;
		}
	}
	return best;
}

static uint64_t mix_peers(const struct consensus *c)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (uint32_t i = 0; i < c->n; i++) {
		const struct cons_position *p = round_position(c, i);

		for (uint32_t k = 0; k < 8; k++)
			h = (h ^ (p ? p->set.b[k] : 0)) * 0x100000001b3u;
	}
	return h;
}

static void reconsider(struct consensus *c)
{
	struct round *r = &c->r;
	uint32_t percent = threshold(c);
	struct net_time close = vote_close(c, percent);
	struct hash256 set = r->our.set, *ids = NULL;
	uint32_t n = 0;
	uint64_t mix = mix_peers(c);

	must(r->have_our && r->phase == CONS_ESTABLISH);
	r->unchanged = r->have_voted && mix == r->peers_mix ? r->unchanged + 1 : 0;
	r->peers_mix = mix;
	r->voted = c->now.steady;
	r->have_voted = true;
	dispute_collect(c);
	if (!r->fallen_back && dispute_vote(c, percent, &ids, &n)) {
		c->config.set_id(&set, ids, n);
		if (!offer_set(c, &set, ids, n))
			set = r->our.set;
		mem_free(ids);
	}
	if (hash256_eq(&set, &r->our.set) && close.s == rounded(c, r->our.close).s)
		return;
	r->unchanged = 0;
	round_take(c, &set, close);
}

/* A quorum of others shares a set that we know: the round is decided, be part of it. */
static void join_quorum(struct consensus *c)
{
	for (uint32_t i = 0; i < c->n; i++) {
		const struct cons_position *p = round_position(c, i);
		uint32_t n = 0;

		if (!p || hash256_eq(&p->set, &c->r.our.set) || !sets_held(c, &p->set))
			continue;
		for (uint32_t k = 0; k < c->n; k++) {
			const struct cons_position *q = round_position(c, k);

			n += q && hash256_eq(&q->set, &p->set);
		}
		if (n >= unl_quorum(c)) {
			round_take(c, &p->set, c->r.our.close);
			return;
		}
	}
}

/* Abandoned. The reference builds whatever it has and leaves the others to find out; ours falls
 * back to the one set that needs no fetching, the empty one, and stays there: when a quorum has
 * done so the round ends, and its transactions go on to the next. */
static void fall_back(struct consensus *c)
{
	c->r.fallen_back = true;
	c->look = true;
	round_take(c, &c->empty_id, c->r.our.close);
}

static void accept(struct consensus *c, bool consensus)
{
	struct round *r = &c->r;
	const struct tx_set *s = sets_held(c, &r->our.set);
	struct net_time close = rounded(c, r->our.close);
	struct cons_effect *e;

	must(s && r->phase == CONS_ESTABLISH);
	r->phase = CONS_ACCEPTED;
	r->consensus = consensus;
	r->converge_ms = r->active_ms;
	c->last_converge_ms = r->active_ms;
	/* an abandoned round tells nothing about how long agreeing takes */
	if (!r->fallen_back)
		c->pace_ms = r->active_ms;
	c->last_proposers = 0;
	for (uint32_t i = 0; i < c->n; i++) {
		c->m[i].expected = round_position(c, i) != NULL;
		c->last_proposers += c->m[i].expected;
	}
	e = fx_add(c, CONS_FX_BUILD);
	e->build.prev = r->prev.hash;
	e->build.set = r->our.set;
	e->build.ids = s->ids;
	e->build.n = s->n;
	e->build.close = close_effective(close, r->resolution, r->prev.close);
	must(e->build.close.s > r->prev.close.s);
	e->build.close_resolution = r->resolution;
	e->build.close_agreed = close.s != 0;
	e->build.proposers = c->last_proposers;
	e->build.converge_ms = r->converge_ms;
	fx_phase(c);
}

static bool stalled(const struct consensus *c)
{
	const struct round *r = &c->r;

	return r->level + 1 == LEVELS && r->level_votes >= CONS_LEVEL_VOTES_MIN &&
	       r->unchanged >= CONS_STALLED_VOTES && dispute_all_decided(c) &&
	       round_present(c) >= unl_quorum(c);
}

static void establish_progress(struct consensus *c)
{
	struct round *r = &c->r;
	int64_t elapsed = steady_since(r->closed, c->now.steady);
	bool all = round_all_expected(c);
	uint32_t agree, close_agree;

	run_clock(c);
	if (elapsed >= (all ? CONS_VOTE_EVERY_MS : CONS_ESTABLISH_MIN_MS) &&
	    (!r->have_voted || steady_since(r->voted, c->now.steady) >= round_vote_every(c)) &&
	    !round_settled(c))
		reconsider(c);
	if (r->active && !r->fallen_back && r->active_ms >= round_abandon_ms(c))
		fall_back(c);
	if (!r->fallen_back)
		join_quorum(c);
	if (proposing(c) && steady_since(r->proposed, c->now.steady) >= CONS_REPROPOSE_MS)
		round_propose(c);
	if (elapsed < (all ? CONS_ESTABLISH_SHORT_MS : CONS_ESTABLISH_MIN_MS) ||
	    c->now.steady.ms < round_stands(c).ms)
		return;
	round_count(c, &agree, &close_agree);
	if (close_agree < round_close_quorum(c) || (agree < unl_quorum(c) && !stalled(c)))
		r->have_held = false;
	else if (may_accept(c))
		accept(c, true);
}

/* --- from round to round ----------------------------------------------------------------- */

void round_start(struct consensus *c, const struct ledger_rec *prev, enum cons_mode mode)
{
	struct round *r = &c->r;

	must(prev->seq > 0 && c->fx);
	*r = (struct round){.prev = *prev, .phase = CONS_OPEN, .mode = mode};
	if (c->may_propose && c->config.self >= 0)
		r->mode = CONS_PROPOSING;
	r->start = r->closed = c->now.steady;
	r->resolution = cons_resolution_next(prev->close_resolution, prev->close_agreed,
					     prev->seq + 1);
	branch_add(c, prev);
	c->look = true;
	c->disputes_n = 0;
	sets_trim(c);
	for (uint32_t i = 0; i < c->n; i++) {
		struct member *m = &c->m[i];

		m->budget = PROPOSALS_PER_VALIDATOR_ROUND;
		m->answered = false;
		m->refill = c->now.steady;
		if (round_position(c, i))
			sets_named(c, &round_position(c, i)->set);
	}
	fx_phase(c);
}

void round_built(struct consensus *c, const struct ledger_rec *l)
{
	bool ours = c->r.phase == CONS_ACCEPTED && hash256_eq(&l->parent, &c->r.prev.hash) &&
		    l->seq == c->r.prev.seq + 1;

	branch_add(c, l);
	if (!ours)
		return;
	if (proposing(c) && c->r.consensus && branch_on_validated(c, l) && leave_permits(c, l))
		votes_issue(c, l, true);
	round_start(c, l, CONS_OBSERVING);
}

void round_progress(struct consensus *c)
{
	if (c->look && (c->r.phase == CONS_OPEN || c->r.phase == CONS_ESTABLISH))
		branch_prefer(c);
	if (c->r.phase == CONS_OPEN)
		open_progress(c);
	else if (c->r.phase == CONS_ESTABLISH)
		establish_progress(c);
}

/* Whether `who` has just spoken for the first time in a round that we have long been in. */
bool round_newcomer(struct consensus *c, uint32_t who, const struct cons_position *p)
{
	return c->r.phase == CONS_ESTABLISH && proposing(c) && p->seq != CONS_SEQ_BOW_OUT &&
	       hash256_eq(&p->prev, &c->r.prev.hash) && !round_position(c, who) &&
	       !c->m[who].answered && steady_since(c->r.proposed, c->now.steady) >= CONS_ANSWER_MS;
}
