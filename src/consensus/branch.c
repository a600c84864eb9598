/* SPDX-License-Identifier: ISC */
#include "consensus/machine.h"

/* The preferred ledger.
 *
 * Every member of the UNL is somewhere: at the ledger of its newest validation, or at the one its
 * newest proposal builds on. Those places hang in a tree whose root is the last validated ledger.
 * From the root we walk along our own line; where another child is better than ours we switch over,
 * and at our own tip we follow those that have gone on without us. Better means: votes have been
 * cast further up on it, or else more votes, or else more members are on it, or else its hash is
 * higher. Votes come before places, since places change and votes do not: everybody sees the same
 * order in the end, and whoever is not on the best branch can leave its own (below).
 *
 * Safety does not hang on what we prefer but on what we vote for: leave.c. */

#define WANT_LEDGERS_PER_STEP 12

/* --- where everybody is ------------------------------------------------------------------ */

static struct want *want_find(struct consensus *c, const struct hash256 *hash)
{
	for (uint32_t i = 0; i < CONS_WANTS_MAX; i++) {
		if (c->wants[i].used && hash256_eq(&c->wants[i].hash, hash))
			return &c->wants[i];
	}
	return NULL;
}

static void want(struct consensus *c, const struct hash256 *hash, uint32_t seq)
{
	struct want *w = want_find(c, hash);
	struct cons_effect *e;

	if (branch_find(c, hash))
		return;
	for (uint32_t i = 0; !w && i < CONS_WANTS_MAX; i++) {
		if (!c->wants[i].used) {
			w = &c->wants[i];
			*w = (struct want){.hash = *hash, .seq = seq, .used = true};
			w->asked = steady_after(c->now.steady, -CONS_WANT_AGAIN_MS);
		}
	}
	if (!w)
		return;
	w->named = true;
	if (seq > w->seq)
		w->seq = seq;
	if (steady_since(w->asked, c->now.steady) < CONS_WANT_AGAIN_MS ||
	    c->asked == WANT_LEDGERS_PER_STEP)
		return;
	c->asked++;
	w->asked = c->now.steady;
	e = fx_add(c, CONS_FX_WANT_LEDGER);
	e->ledger.hash = w->hash;
	e->ledger.seq = w->seq;
	e->ledger.full = true;
}

/* A member that has been silent for long is nowhere: not everybody may know where it was. Else its
 * proposal or validation, whichever tells more: the later one, unless the proposal builds on an
 * ancestor of what its sender has validated (then it was only slower on the way). */
static void find_tip(struct consensus *c, uint32_t i)
{
	struct member *m = &c->m[i];
	const struct heard *h = m->have_heard ? &m->heard[m->newest] : NULL;
	bool vote = m->have_last && m->last_current;
	struct hash256 at;
	uint32_t at_seq;

	m->have_tip = false;
	if ((int32_t)i == c->config.self || !unl_counts(c, i) || !leave_heard_lately(c, i))
		return;
	if (h && vote) {
		const struct ledger_rec *p = branch_find(c, &h->pos.prev);

		if (steady_since(m->last_seen, h->seen) < 0)
			h = NULL;
		else if (p && p->seq < m->last.seq &&
			 branch_ancestor(c, &m->last.ledger, p->seq, &at, &at_seq) == ANCESTOR &&
			 hash256_eq(&at, &p->hash))
			h = NULL;
	}
	if (h) {
		m->tip = h->pos.prev;
		m->tip_seq = 0; /* not named by a proposal */
		m->have_tip = true;
	} else if (vote) {
		m->tip = m->last.ledger;
		m->tip_seq = m->last.seq;
		m->have_tip = true;
	}
}

/* Keeps the tips that are known to descend from the root; asks for what is missing of others. */
static void find_tips(struct consensus *c)
{
	for (uint32_t i = 0; i < c->n; i++) {
		struct member *m = &c->m[i];
		struct hash256 at;
		uint32_t at_seq = 0;
		const struct ledger_rec *l;

		m->unresolved = m->contrary = false;
		find_tip(c, i);
		if (!m->have_tip)
			continue;
		l = branch_find(c, &m->tip);
		if (!l && m->tip_seq != 0 && m->tip_seq <= c->validated_seq) {
			m->have_tip = false;
			continue;
		}
		switch (branch_ancestor(c, &m->tip, c->validated_seq, &at, &at_seq)) {
		case ANCESTOR:
			m->have_tip = !c->have_validated || hash256_eq(&at, &c->validated);
			m->contrary = !m->have_tip;
			m->tip_seq = l ? l->seq : m->tip_seq;
			break;
		case ABOVE:
			m->have_tip = false;
			break;
		case UNKNOWN:
			at_seq = l ? at_seq - 1 : m->tip_seq;
			if (at_seq <= (uint64_t)c->validated_seq + CONS_FAR_AHEAD)
				want(c, &at, at_seq);
			m->unresolved = true;
			m->have_tip = false;
			break;
		}
	}
}

struct child {
	struct hash256 hash;
	uint32_t depth;   /* sequence up to which votes have been cast on it */
	uint32_t votes;   /* members heard lately whose newest vote is on it or beyond */
	uint32_t support; /* members on it or beyond; 0: there is none */
};

static bool better(const struct child *a, const struct child *b)
{
	if (a->depth != b->depth)
		return a->depth > b->depth;
	if (a->votes != b->votes)
		return a->votes > b->votes;
	if (a->votes == 0 && a->support != b->support)
		return a->support > b->support;
	return hash256_cmp(&a->hash, &b->hash) > 0;
}

/* The votes on a branch. Depth is the highest sequence at or above which more members have voted
 * than may lie. Votes of the silent count for depth only: not everybody may have heard them. */
static void count_votes(const struct consensus *c, struct child *kid, uint32_t seq)
{
	uint32_t top[UNL_MAX], n = 0, liars = leave_lies_likely(c, seq);

	kid->votes = 0;
	for (uint32_t i = 0; i < c->n; i++) {
		const struct cons_validation *v = &c->m[i].last;
		uint32_t k = n;

		if (!c->m[i].have_last || !unl_counts_at(c, i, seq) || unl_proven(c, i) ||
		    v->seq < seq || !branch_contains(c, &v->ledger, &kid->hash, seq))
			continue;
		kid->votes += leave_heard_lately(c, i);
		for (; k > 0 && top[k - 1] < v->seq; k--)
			top[k] = top[k - 1];
		top[k] = v->seq;
		n++;
	}
	must(n <= c->n);
	kid->depth = n > liars ? top[liars] : 0;
}

/* The best child of (hash, seq), `ours` among them when not NULL (we are on our own line); *beyond
 * is how many members are past `hash` in all. */
static struct child best_child(const struct consensus *c, const struct hash256 *hash, uint32_t seq,
			       const struct hash256 *ours, uint32_t *beyond)
{
	struct child kids[UNL_MAX + 1];
	struct child best = {.support = 0};
	uint32_t n = 0;

	*beyond = 0;
	if (ours)
		kids[n++] = (struct child){.hash = *ours,
					   .support = c->config.self >= 0 &&
						      unl_counts(c, (uint32_t)c->config.self)};
	for (uint32_t i = 0; i < c->n; i++) {
		const struct member *m = &c->m[i];
		struct hash256 at;
		uint32_t at_seq, k = 0;

		if (!m->have_tip || m->tip_seq <= seq || !branch_contains(c, &m->tip, hash, seq) ||
		    branch_ancestor(c, &m->tip, seq + 1, &at, &at_seq) != ANCESTOR)
			continue;
		++*beyond;
		while (k < n && !hash256_eq(&kids[k].hash, &at))
			k++;
		if (k == n)
			kids[n++] = (struct child){.hash = at};
		kids[k].support++;
	}
	must(n <= UNL_MAX + 1 && *beyond <= c->n);
	for (uint32_t k = 0; k < n; k++) {
		if (n > 1)
			count_votes(c, &kids[k], seq + 1);
		if (best.support == 0 || better(&kids[k], &best))
			best = kids[k];
	}
	return best;
}

/* On from a ledger as long as most of those on it have gone on. */
static const struct ledger_rec *descend(const struct consensus *c, const struct hash256 *from,
					uint32_t seq, uint32_t support)
{
	struct hash256 h = *from;

	for (uint32_t steps = 0; steps < CONS_LEDGERS_MAX; steps++) {
		uint32_t beyond;
		struct child k = best_child(c, &h, seq, NULL, &beyond);

		if (2 * k.support <= support || !branch_find(c, &k.hash))
			break;
		h = k.hash;
		support = k.support;
		seq++;
	}
	return branch_find(c, &h);
}

/* A quorum has proposed on its parent: we have seen it, or somebody has who does not lie. */
static bool from_a_round(const struct consensus *c, const struct ledger_rec *l)
{
	return (c->r.was_active && hash256_eq(&l->parent, &c->r.prev.hash)) || votes_vouch(c, l);
}

static void switch_to(struct consensus *c, const struct ledger_rec *l)
{
	struct ledger_rec to = *l;
	struct cons_effect *e;

	must(!hash256_eq(&to.hash, &c->r.prev.hash));
	must(c->r.phase == CONS_OPEN || c->r.phase == CONS_ESTABLISH);
	round_bow_out(c);
	e = fx_add(c, CONS_FX_SWITCH);
	e->ledger.hash = to.hash;
	e->ledger.seq = to.seq;
	e->ledger.full = false;
	/* One that lacks a quorum so far was executed here (see CONS_LEDGER), and we have signed
	 * nothing at its sequence: when it came out of a round it needs our vote as much as one
	 * that we built. Else what we sign says only where we are. */
	votes_issue(c, &to,
		    to.seq > c->validated_seq && from_a_round(c, &to) && leave_permits(c, &to));
	round_start(c, &to, CONS_SWITCHED);
	c->r.late = true;
}

/* A close time far ahead of our clock would drag every later one along: nobody follows it there
 * without a quorum. */
static bool plausible(const struct consensus *c, const struct ledger_rec *l)
{
	return l->close.s <= (uint64_t)c->now.net.s + CONS_CLOSE_AHEAD_MAX_S ||
	       l->close.s <= (uint64_t)c->r.prev.close.s + CONS_CLOSE_AHEAD_MAX_S;
}

static void switch_if_permitted(struct consensus *c, const struct ledger_rec *l)
{
	if (l && plausible(c, l) && leave_permits(c, l))
		switch_to(c, l);
}

/* The last validated ledger is not behind us on our line: go there. */
static void go_to_validated(struct consensus *c)
{
	const struct ledger_rec *v = branch_find(c, &c->validated);

	if (!v) {
		want(c, &c->validated, c->validated_seq);
		/* its child may still be what our round is about to build */
		if (c->r.mode != CONS_WRONG_LEDGER && c->r.phase == CONS_OPEN) {
			c->r.mode = CONS_WRONG_LEDGER;
			fx_phase(c);
		}
		return;
	}
	switch_to(c, descend(c, &v->hash, v->seq, 1));
}

/* At our own tip: others have gone on. Going after them never contradicts a vote of ours, so it is
 * only a question of when our round is not worth waiting for: when more have gone than the quorum
 * can spare (at once when two ahead, else after a grace), when the round was abandoned and those
 * who went are more than may lie, or when too few are left to end it anyway. */
static void follow(struct consensus *c)
{
	struct round *r = &c->r;
	uint32_t beyond;
	struct child k = best_child(c, &r->prev.hash, r->prev.seq, NULL, &beyond);
	const struct ledger_rec *deep;
	bool go;

	if (beyond <= unl_spare(c))
		r->have_moved = false;
	if (k.support == 0)
		return;
	deep = branch_find(c, &k.hash) ? descend(c, &k.hash, r->prev.seq + 1, k.support) : NULL;
	if (!deep)
		return;
	if (beyond > unl_spare(c)) {
		if (!r->have_moved)
			r->moved = c->now.steady;
		r->have_moved = true;
		go = deep->seq > r->prev.seq + 1 ||
		     steady_since(r->moved, c->now.steady) >= CONS_MOVED_GRACE_MS;
	} else {
		go = round_lonely(c) ||
		     (r->fallen_back && beyond > leave_lies_likely(c, r->prev.seq + 1));
	}
	if (go)
		switch_if_permitted(c, deep);
}

/* Sideways, at most once in a while, so that the others' moves are known before the next. */
static void switch_over(struct consensus *c, const struct ledger_rec *l)
{
	if (steady_since(c->went_over, c->now.steady) < CONS_MOVED_GRACE_MS || !l)
		return;
	c->went_over = c->now.steady;
	switch_if_permitted(c, l);
}

static void walk(struct consensus *c)
{
	struct hash256 at = c->validated;
	uint32_t seq = c->validated_seq;

	must(c->have_validated && branch_find(c, &c->r.prev.hash));
	while (!hash256_eq(&at, &c->r.prev.hash)) {
		struct hash256 ours;
		uint32_t ours_seq, beyond;
		struct child k;

		if (seq >= c->r.prev.seq ||
		    branch_ancestor(c, &c->r.prev.hash, seq + 1, &ours, &ours_seq) != ANCESTOR)
			return;
		k = best_child(c, &at, seq, &ours, &beyond);
		if (!hash256_eq(&k.hash, &ours)) {
			switch_over(c, descend(c, &k.hash, seq + 1, k.support));
			return;
		}
		at = ours;
		seq++;
	}
	follow(c);
}

void branch_prefer(struct consensus *c)
{
	struct hash256 at;
	uint32_t at_seq = 0;

	must(c->r.phase == CONS_OPEN || c->r.phase == CONS_ESTABLISH);
	c->look = false;
	for (uint32_t i = 0; i < CONS_WANTS_MAX; i++)
		c->wants[i].named = false;
	find_tips(c);
	if (c->validated_seq > c->r.prev.seq) {
		go_to_validated(c);
	} else {
		switch (branch_ancestor(c, &c->r.prev.hash, c->validated_seq, &at, &at_seq)) {
		case ANCESTOR:
			if (hash256_eq(&at, &c->validated))
				walk(c);
			else
				go_to_validated(c);
			break;
		case UNKNOWN:
			want(c, &at, at_seq ? at_seq - 1 : 0);
			break;
		case ABOVE:
			break;
		}
	}
	for (uint32_t i = 0; i < CONS_WANTS_MAX; i++) {
		if (!c->wants[i].named)
			c->wants[i].used = false;
	}
}

static struct steady sooner_of(struct steady a, struct steady b)
{
	return a.ms < b.ms ? a : b;
}

struct steady branch_due(const struct consensus *c)
{
	struct steady due = STEADY_NEVER;

	for (uint32_t i = 0; i < CONS_WANTS_MAX; i++) {
		struct steady at = steady_after(c->wants[i].asked, CONS_WANT_AGAIN_MS);

		if (c->wants[i].used && at.ms < due.ms)
			due = at;
	}
	if (steady_since(c->went_over, c->now.steady) < CONS_MOVED_GRACE_MS)
		due = sooner_of(due, steady_after(c->went_over, CONS_MOVED_GRACE_MS));
	if (c->r.have_moved) {
		struct steady at = steady_after(c->r.moved, CONS_MOVED_GRACE_MS);

		if (at.ms > c->now.steady.ms && at.ms < due.ms)
			due = at;
	}
	return due;
}
