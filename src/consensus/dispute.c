/* SPDX-License-Identifier: ISC */
#include "consensus/machine.h"

#include "base/mem.h"

#include <stdlib.h>

/* Disputes are found anew at each reconsideration, from the sets that are known then: a member
 * votes for a transaction when its set contains it, and has no vote while its set is unknown. */

/* Ours may all be disputed, and as many of the others' besides. */
#define DISPUTES_MAX (2u * LEDGER_TX_MAX)

static void push(struct consensus *c, const struct hash256 *tx, bool ours)
{
	if (c->disputes_n == DISPUTES_MAX)
		return;
	if (c->disputes_n == c->disputes_cap) {
		c->disputes_cap = c->disputes_cap ? 2 * c->disputes_cap : 64;
		c->disputes = mem_resize(c->disputes, c->disputes_cap, sizeof(*c->disputes));
	}
	c->disputes[c->disputes_n++] = (struct cons_dispute){.tx = *tx, .ours = ours};
}

/* What is in only one of the two. */
static void push_differences(struct consensus *c, const struct tx_set *our,
			     const struct tx_set *theirs)
{
	uint32_t i = 0, j = 0;

	must(our != theirs);
	while (i < our->n || j < theirs->n) {
		int d = i == our->n      ? 1
			: j == theirs->n ? -1
					 : hash256_cmp(&our->ids[i], &theirs->ids[j]);

		if (d < 0)
			push(c, &our->ids[i++], true);
		else if (d > 0)
			push(c, &theirs->ids[j++], false);
		else
			i++, j++;
	}
}

static int dispute_cmp(const void *a, const void *b)
{
	const struct cons_dispute *x = a, *y = b;

	return hash256_cmp(&x->tx, &y->tx);
}

static void sort_unique(struct consensus *c)
{
	uint32_t out = 0;

	if (c->disputes_n == 0)
		return;
	qsort(c->disputes, c->disputes_n, sizeof(*c->disputes), dispute_cmp);
	for (uint32_t i = 1; i < c->disputes_n; i++) {
		if (dispute_cmp(&c->disputes[out], &c->disputes[i]) != 0)
			c->disputes[++out] = c->disputes[i];
	}
	c->disputes_n = out + 1;
}

struct weighted {
	const struct tx_set *set;
	uint32_t members;
};

/* The different known sets of the peers, in the order of the members that name them first. */
static uint32_t distinct_sets(struct consensus *c, struct weighted *w)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < c->n; i++) {
		const struct cons_position *p = round_position(c, i);
		const struct tx_set *s = p ? sets_held(c, &p->set) : NULL;
		uint32_t k = 0;

		if (!s)
			continue;
		while (k < n && w[k].set != s)
			k++;
		if (k == n) {
			must(n < TXSET_HELD_MAX + 1);
			w[n++] = (struct weighted){.set = s};
		}
		w[k].members++;
	}
	return n;
}

void dispute_collect(struct consensus *c)
{
	struct weighted w[TXSET_HELD_MAX + 1];
	uint32_t n = distinct_sets(c, w);
	const struct tx_set *our = sets_held(c, &c->r.our.set);

	must(our);
	c->disputes_n = 0;
	for (uint32_t k = 0; k < n; k++) {
		if (w[k].set != our)
			push_differences(c, our, w[k].set);
	}
	sort_unique(c);
	for (uint32_t i = 0; i < c->disputes_n; i++) {
		struct cons_dispute *d = &c->disputes[i];

		for (uint32_t k = 0; k < n; k++) {
			if (set_contains(w[k].set, &d->tx))
				d->yes += w[k].members;
			else
				d->no += w[k].members;
		}
	}
}

/* Whether we want the transaction in (DisputedTx.h, updateVote). A proposer counts itself and asks
 * for more than the threshold; who does not count follows the larger side. */
static bool wanted(const struct consensus *c, const struct cons_dispute *d, uint32_t threshold)
{
	if ((d->ours && d->no == 0) || (!d->ours && d->yes == 0))
		return d->ours;
	if (!round_counts_self(c))
		return d->yes > d->no;
	return (100 * d->yes + (d->ours ? 100 : 0)) / (d->yes + d->no + 1) > threshold;
}

bool dispute_vote(struct consensus *c, uint32_t threshold, struct hash256 **ids, uint32_t *n)
{
	const struct tx_set *our = sets_held(c, &c->r.our.set);
	struct hash256 *out;
	bool changed = false;
	uint32_t i = 0, k = 0, out_n = 0;

	must(our);
	for (uint32_t d = 0; d < c->disputes_n && !changed; d++)
		changed = wanted(c, &c->disputes[d], threshold) != c->disputes[d].ours;
	if (!changed)
		return false;
	out = mem_alloc((our->n + c->disputes_n) * sizeof(*out));
	while (i < our->n || k < c->disputes_n) {
		int cmp = i == our->n          ? 1
			  : k == c->disputes_n ? -1
					       : hash256_cmp(&our->ids[i], &c->disputes[k].tx);

		if (cmp < 0) {
			out[out_n++] = our->ids[i++];
			continue;
		}
		if (wanted(c, &c->disputes[k], threshold))
			out[out_n++] = c->disputes[k].tx;
		i += cmp == 0;
		k++;
	}
	must(out_n <= our->n + c->disputes_n);
	/* A union could be larger than a ledger: the largest ids wait for the next one. */
	*n = out_n < LEDGER_TX_MAX ? out_n : LEDGER_TX_MAX;
	*ids = out;
	return true;
}

bool cons_dispute_at(const struct consensus *c, uint32_t i, struct cons_dispute *out)
{
	if (i >= c->disputes_n)
		return false;
	*out = c->disputes[i];
	return true;
}

bool dispute_all_decided(const struct consensus *c)
{
	uint32_t self = round_counts_self(c);

	for (uint32_t i = 0; i < c->disputes_n; i++) {
		const struct cons_dispute *d = &c->disputes[i];
		uint32_t yes = d->yes + (d->ours ? self : 0), no = d->no + (d->ours ? 0 : self);

		if (d->ours ? yes < unl_quorum(c) : no < unl_quorum(c))
			return false;
	}
	return c->disputes_n > 0;
}
