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
 * Faults that are not silence may be lies: both numbers grow by n - q less the members that have
 * been silent for CONS_SILENT_MS (shorter silence may be a partition, which is no fault of theirs).
 * Leaving also needs a quorum to be heard from at all, since nothing can be gained without. */

bool leave_heard_lately(const struct consensus *c, uint32_t i)
{
	const struct member *m = &c->m[i];

	return (int32_t)i == c->config.self ||
	       (m->have_spoke && steady_since(m->spoke, c->now.steady) <= CONS_FRESH_MS);
}

/* How many members may be lying: the faults that a quorum allows for, less those that have long
 * shown as silence. Who has not been heard yet counts from our first step. */
uint32_t leave_lies(const struct consensus *c, uint32_t seq)
{
	uint32_t spare = unl_spare_at(c, seq), silent = 0;

	for (uint32_t i = 0; i < c->n; i++) {
		const struct member *m = &c->m[i];
		struct steady last = m->have_spoke ? m->spoke : c->since;

		silent += (int32_t)i != c->config.self && unl_counts_at(c, i, seq) &&
			  steady_since(last, c->now.steady) > CONS_SILENT_MS;
	}
	return spare > silent ? spare - silent : 0;
}

/* Signed something at seq or later that does not contain the ledger; *beyond: later. */
static bool speaks_against(const struct consensus *c, uint32_t i, const struct hash256 *ledger,
			   uint32_t seq, bool *beyond)
{
	const struct member *m = &c->m[i];
	const struct vote *at = votes_at(c, i, seq);
	struct hash256 anc;
	uint32_t anc_seq;

	*beyond = m->have_last && m->last.seq > seq &&
		  branch_ancestor(c, &m->last.ledger, seq, &anc, &anc_seq) == ANCESTOR &&
		  !hash256_eq(&anc, ledger);
	if (at)
		return *beyond || (!at->conflict && !hash256_eq(&at->ledger, ledger));
	return *beyond;
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
		against += speaks_against(c, i, ledger, seq, &beyond);
		later += beyond;
	}
	return heard >= unl_quorum_at(c, seq) && (against > spare + liars || later > liars);
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
