/* SPDX-License-Identifier: ISC */
#include "tests/sim/world_impl.h"

#include <stdio.h>

/* Looking at a world. */

int64_t world_now_ms(const struct world *w)
{
	return w->now;
}

uint64_t world_steps(const struct world *w)
{
	return w->steps;
}

uint64_t world_trace(const struct world *w)
{
	return w->trace.hash;
}

const struct world_plan *world_plan(const struct world *w)
{
	return &w->plan;
}

struct decisions *world_decisions(struct world *w)
{
	return w->decisions;
}

struct rng world_rng(const struct world *w, const char *label)
{
	return rng_fork(&w->root, label);
}

const char *world_failure(const struct world *w)
{
	return w->failed ? w->failure : NULL;
}

const char *world_failed_property(const struct world *w)
{
	return w->failed ? w->property : NULL;
}

bool world_is_up(const struct world *w, uint32_t node)
{
	return node < w->n && w->p[node].node && !w->p[node].dying;
}

uint32_t world_disk_losses(const struct world *w, uint32_t node)
{
	return w->p[node].disk_losses;
}

struct node *world_node(struct world *w, uint32_t node)
{
	return world_is_up(w, node) ? w->p[node].node : NULL;
}

const struct history *world_history(struct world *w, uint32_t node)
{
	return world_is_up(w, node) ? w->p[node].history : NULL;
}

bool world_honest(const struct world *w, uint32_t node)
{
	const struct process *p = &w->p[node];
	uint32_t v = w->plan.validators;

	return !p->twinned && p->twin_of == UINT32_MAX &&
	       (node >= v || node < v - w->plan.byzantine);
}

uint32_t world_count(const struct world *w)
{
	return w->n;
}

static uint32_t validated_of(const struct process *p)
{
	const struct ledger *l = p->node && !p->dying ? node_validated(p->node) : NULL;

	return l ? l->header.seq : 0;
}

uint32_t world_validated(const struct world *w, char node)
{
	return validated_of(&w->p[node - 'A']);
}

uint32_t world_validated_min(const struct world *w)
{
	uint32_t i, min = UINT32_MAX;

	for (i = 0; i < w->n; i++)
		if (world_is_up(w, i) && world_honest(w, i) && validated_of(&w->p[i]) < min)
			min = validated_of(&w->p[i]);
	return min == UINT32_MAX ? 0 : min;
}

uint32_t world_validated_max(const struct world *w)
{
	uint32_t i, max = 0;

	for (i = 0; i < w->n; i++)
		if (world_is_up(w, i) && world_honest(w, i) && validated_of(&w->p[i]) > max)
			max = validated_of(&w->p[i]);
	return max;
}

bool world_hash_at(const struct world *w, uint32_t node, uint32_t seq, struct hash256 *out)
{
	if (seq >= w->n_hash_at[node] || hash256_is_zero(&w->hash_at[node][seq]))
		return false;
	*out = w->hash_at[node][seq];
	return true;
}

/* Walks back from what the node calls validated. */
bool world_tx_validated(struct world *w, char node, const struct hash256 *id)
{
	const struct history *h = world_history(w, (uint32_t)(node - 'A'));
	struct history_tx found;
	struct buf b = BUF_INIT;
	bool there;

	if (!h)
		return false;
	there = h->tx(h->ctx, id, &found, &b) == ERR_NONE &&
		found.ledger_seq <= world_validated(w, node);
	buf_close(&b);
	return there;
}

uint64_t world_balance(struct world *w, char node, uint32_t account)
{
	struct node *n = world_node(w, (uint32_t)(node - 'A'));
	struct arena a = ARENA_INIT;
	struct account_id id;
	struct st_object *o;
	struct bytes data;
	struct drops d = {0};
	struct keylet k;

	if (!n || !node_validated(n))
		return 0;
	(void)keys_account(account, &id);
	k = keylet_account(&id);
	if (tree_get(&node_validated(n)->state, &k.key, &data) == FOUND &&
	    st_decode(&o, &a, data, NULL) == ERR_NONE)
		must(st_get_drops(o, sfBalance, &d));
	arena_close(&a);
	return d.raw; /* raw: printed and compared only */
}

struct ledger *world_genesis(const struct world *w)
{
	return w->base ? w->base : w->first;
}

uint64_t world_drops(const struct world *w)
{
	return w->genesis.total.raw; /* raw: for the sum of all */
}
