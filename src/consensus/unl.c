/* SPDX-License-Identifier: ISC */
#include "consensus/machine.h"

/* Who counts. A member of the UNL that the ledger's negative UNL names is believed to be gone: it
 * stays trusted and is listened to, but neither agreement nor a quorum is counted over it. Which
 * members those are is a function of the sequence (the list changes with flag ledgers only), so the
 * last two lists are kept with the sequence that each begins at. */

/* Four fifths of those who count, rounded up, and never less than three fifths of all
 * (ValidatorList::calculateQuorum). */
uint32_t cons_quorum_less(uint32_t unl_n, uint32_t disabled)
{
	uint32_t most, floor;

	must(disabled <= unl_n);
	most = cons_quorum(unl_n - disabled);
	floor = (3 * unl_n + 4) / 5;
	return most > floor ? most : floor;
}

static const struct unl_view *view_at(const struct consensus *c, uint32_t seq)
{
	return seq >= c->views[1].from_seq ? &c->views[1] : &c->views[0];
}

/* The view of the round: of the ledger that it is about to build. */
static const struct unl_view *view_now(const struct consensus *c)
{
	return view_at(c, c->r.prev.seq + 1);
}

bool unl_counts_at(const struct consensus *c, uint32_t who, uint32_t seq)
{
	must(who < c->n);
	return !view_at(c, seq)->disabled[who];
}

bool unl_proven(const struct consensus *c, uint32_t who)
{
	must(who < c->n);
	return c->m[who].proven > c->validated_seq;
}

bool unl_counts(const struct consensus *c, uint32_t who)
{
	must(who < c->n);
	return !view_now(c)->disabled[who] && !unl_proven(c, who);
}

uint32_t unl_quorum_at(const struct consensus *c, uint32_t seq)
{
	return view_at(c, seq)->quorum;
}

uint32_t unl_quorum(const struct consensus *c)
{
	return view_now(c)->quorum;
}

uint32_t unl_n_at(const struct consensus *c, uint32_t seq)
{
	return view_at(c, seq)->n;
}

uint32_t unl_n(const struct consensus *c)
{
	return view_now(c)->n;
}

uint32_t unl_spare_at(const struct consensus *c, uint32_t seq)
{
	const struct unl_view *v = view_at(c, seq);

	return v->n > v->quorum ? v->n - v->quorum : 0;
}

uint32_t unl_spare(const struct consensus *c)
{
	return unl_spare_at(c, c->r.prev.seq + 1);
}

static bool view_set(struct consensus *c, struct unl_view *v, const struct cons_event *ev)
{
	struct unl_view next = {.from_seq = ev->negative.from_seq, .n = c->n};
	bool same;

	for (uint32_t i = 0; i < ev->negative.n; i++) {
		uint32_t who = ev->negative.who[i];

		if (who >= c->n || next.disabled[who])
			continue;
		next.disabled[who] = true;
		next.n--;
	}
	next.quorum = cons_quorum_less(c->n, c->n - next.n);
	must(next.quorum >= 1 && next.quorum <= c->n);
	same = v->from_seq == next.from_seq && v->quorum == next.quorum &&
	       memcmp(v->disabled, next.disabled, sizeof(v->disabled)) == 0;
	*v = next;
	return !same;
}

void unl_init(struct consensus *c)
{
	struct cons_event none = {.kind = CONS_NEGATIVE_UNL};

	view_set(c, &c->views[0], &none);
	view_set(c, &c->views[1], &none);
}

bool unl_set_negative(struct consensus *c, const struct cons_event *ev)
{
	uint32_t from = ev->negative.from_seq;

	if (from > c->views[1].from_seq) {
		c->views[0] = c->views[1];
		return view_set(c, &c->views[1], ev);
	}
	if (from == c->views[1].from_seq)
		return view_set(c, &c->views[1], ev);
	if (from == c->views[0].from_seq)
		return view_set(c, &c->views[0], ev);
	return false;
}
