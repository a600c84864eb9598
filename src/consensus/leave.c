/* SPDX-License-Identifier: ISC */
#include "consensus/machine.h"

/* Leaving a ledger that we voted for.
 *
 * Safety does not hang on what we prefer but on what we vote for. A node that has voted for a
 * ledger X leaves X only when X cannot have a quorum any more. With a quorum q of n members, of
 * which n - q may fail, and each signing sequences in strictly rising order, that is so
 *   - when more than n - q members have signed, at X's sequence or later, something that does not
 *     contain X: none of them has voted for X (or it has left X by this very rule);
 *   - when one member has voted beyond X's sequence for something that does not contain X: a ledger
 *     is built only when a quorum proposes on its parent, so a quorum has not voted for X or left
 *     it.
 * Faults may be lies: both numbers grow by n - q, less the members that have shown to be faulty by
 * evidence, or by silence: after CONS_SILENT_MS where nothing else could decide
 * (n = 5 (n - q): docs/decisions/0030), and only after CONS_LOST_MS elsewhere, where it takes votes
 * that everybody has forgotten to need it. Members with evidence against them prove nothing.
 * Leaving also needs a quorum to be heard from at all, since nothing can be gained without. */

bool leave_heard_lately(const struct consensus *c, uint32_t i)
{
	const struct member *m = &c->m[i];

	return (int32_t)i == c->config.self ||
	       (m->have_spoke && steady_since(m->spoke, c->now.steady) <= CONS_FRESH_MS);
}

/* Counts as failed: silent for long, or speaking for long without a vote where all have voted. */
static bool failed(const struct consensus *c, uint32_t i, uint32_t seq, int64_t ms)
{
	const struct member *m = &c->m[i];
	struct steady spoke = m->have_spoke ? m->spoke : c->since;

	if ((int32_t)i == c->config.self)
		return false;
	if (steady_since(spoke, c->now.steady) > ms)
		return true;
	return m->have_spoke && (!m->have_last || m->last.seq < seq) && leave_heard_lately(c, i) &&
	       steady_since(m->speaking, c->now.steady) > ms &&
	       steady_since(c->advanced, c->now.steady) > ms;
}

static uint32_t lies(const struct consensus *c, uint32_t seq, int64_t ms)
{
	uint32_t spare = unl_spare_at(c, seq), known = 0;

	for (uint32_t i = 0; i < c->n; i++) {
		if (unl_counts_at(c, i, seq))
			known += unl_proven(c, i) || failed(c, i, seq, ms);
	}
	return spare > known ? spare - known : 0;
}

uint32_t leave_lies(const struct consensus *c, uint32_t seq)
{
	bool tie = unl_n_at(c, seq) <= 5 * unl_spare_at(c, seq);

	return lies(c, seq, tie ? CONS_SILENT_MS : CONS_LOST_MS);
}

uint32_t leave_lies_likely(const struct consensus *c, uint32_t seq)
{
	return lies(c, seq, CONS_SILENT_MS);
}

/* Signed something at seq or later that does not contain the ledger; *beyond: fully, and later. */
static bool speaks_against(const struct consensus *c, uint32_t i, const struct hash256 *ledger,
			   uint32_t seq, bool *beyond)
{
	const struct member *m = &c->m[i];
	const struct vote *at = votes_at(c, i, seq);
	struct hash256 anc;
	uint32_t anc_seq;
	bool left;

	*beyond = m->full_seq > seq &&
		  branch_ancestor(c, &m->full, seq, &anc, &anc_seq) == ANCESTOR &&
		  !hash256_eq(&anc, ledger);
	left = *beyond || (m->have_last && m->last.seq > seq &&
			   branch_ancestor(c, &m->last.ledger, seq, &anc, &anc_seq) == ANCESTOR &&
			   !hash256_eq(&anc, ledger));
	return left || (at && !at->conflict && !hash256_eq(&at->ledger, ledger));
}

static bool cannot_be_validated(const struct consensus *c, const struct hash256 *ledger,
				uint32_t seq)
{
	uint32_t heard = 0, against = 0, later = 0, liars = leave_lies(c, seq);
	uint32_t spare = unl_spare_at(c, seq);

	must(liars <= spare);
	for (uint32_t i = 0; i < c->n; i++) {
		bool beyond;

		if (!unl_counts_at(c, i, seq))
			continue;
		heard += leave_heard_lately(c, i);
		if (unl_proven(c, i))
			continue;
		against += speaks_against(c, i, ledger, seq, &beyond);
		later += beyond;
	}
	return heard >= unl_quorum_at(c, seq) && (against > spare + liars || later > liars);
}

/* Votes that the ledger has not and will never get: its members sign in rising order. */
static uint32_t votes_gone(const struct consensus *c, const struct hash256 *ledger, uint32_t seq)
{
	uint32_t gone = 0;

	for (uint32_t i = 0; i < c->n; i++) {
		const struct member *m = &c->m[i];
		const struct vote *v = votes_at(c, i, seq);

		if (!unl_counts_at(c, i, seq))
			continue;
		if (v)
			gone += v->conflict || !v->full || !hash256_eq(&v->ledger, ledger);
		else
			gone += m->have_last && m->last.seq > seq;
	}
	return gone;
}

bool leave_line_spent(const struct consensus *c, const struct ledger_rec *l)
{
	for (uint32_t seq = c->validated_seq + 1; seq <= l->seq; seq++) {
		struct hash256 at;
		uint32_t at_seq;

		if (branch_ancestor(c, &l->hash, seq, &at, &at_seq) != ANCESTOR ||
		    votes_gone(c, &at, seq) <= unl_spare_at(c, seq))
			return false;
	}
	return true;
}

bool leave_permits(struct consensus *c, const struct ledger_rec *l)
{
	for (uint32_t k = 0; k < OWN_VOTES; k++) {
		struct vote *v = &c->own_votes[k];

		if (v->seq == 0 || v->dead || (c->have_validated && v->seq <= c->validated_seq))
			continue;
		if (branch_contains(c, &l->hash, &v->ledger, v->seq))
			continue;
		/* forward from an ancestor of the vote is no contradiction yet */
		if (l->seq < v->seq && branch_contains(c, &v->ledger, &l->hash, l->seq))
			continue;
		if (!cannot_be_validated(c, &v->ledger, v->seq))
			return false;
		/* what has been signed stays signed, so this holds from now on, whoever falls
		 * silent or comes back */
		v->dead = true;
	}
	return true;
}
