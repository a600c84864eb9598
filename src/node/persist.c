/* SPDX-License-Identifier: ISC */
#include "node/node_impl.h"

/* Validated ledgers go to the store one after the other, each in one transaction, oldest first. The
 * validated pointer moves only when the commit is acknowledged: `validated: true`, ledgerClosed
 * and every validated read follow it. */

#define PERSIST_RETRY_MS 2000

void persist_want(struct node *n, const struct hash256 *hash, uint32_t seq)
{
	if (n->target_valid_seq && seq <= n->target_valid_seq)
		return;
	n->target_valid = *hash;
	n->target_valid_seq = seq;
	if (!held_find(n, hash))
		sync_want(n, hash, seq);
	persist_advance(n);
}

/* The oldest ledger on the way from the committed one to the target that is not committed; NULL
 * when the chain has a gap or nothing is to be done. */
static struct held *next_to_persist(struct node *n)
{
	uint32_t committed = n->validated ? n->validated->header.seq : 0;
	struct held *h = held_find(n, &n->target_valid), *next = NULL;

	while (h && h->ledger->header.seq > committed) {
		next = h;
		if (h->jump)
			return next; /* its state was fetched: no ancestors are needed */
		h = held_find(n, &h->ledger->header.parent);
	}
	if (!next)
		return NULL;
	if (!n->validated)
		return next->ledger->header.seq == 1 ? next : NULL;
	return hash256_eq(&next->ledger->header.parent, &n->validated->hash) ? next : NULL;
}

void persist_advance(struct node *n)
{
	struct held *h;
	struct node_job *j;

	if (n->persist_job || n->store_failed || n->stopping ||
	    n->persist_retry.ms != STEADY_NEVER.ms)
		return;
	h = next_to_persist(n);
	if (!h)
		return;
	j = job_new(n, NODE_JOB_PERSIST);
	j->persist.ledger = ledger_ref(h->ledger);
	j->persist.last = n->validated ? ledger_ref(n->validated) : NULL;
	n->persist_job = j->id;
	job_start(n, j);
}

static void committed(struct node *n, struct ledger *l)
{
	struct held *h = held_find(n, &l->hash);
	bool jumped = h && h->jump,
	     here = l->header.seq > 2 && l->header.seq == n->target_valid_seq;
	struct node_effect *e;

	ledger_unref(n->validated);
	n->validated = ledger_ref(l);
	if (l->header.seq >= n->base_seq) {
		n->base_seq = l->header.seq;
		n->base_hash = l->hash;
	}
	n->validated_at = n->now.steady;
	if (!n->count.ledgers_validated++)
		n->first_validated_at = n->now.steady;
	if (h) {
		n->count.tx_validated += h->n_txs;
		pool_ledger_validated(n, h);
		held_forget_txs(h);
	}
	fees_validated(n, l->header.seq);
	e = fx_new(n, NODE_FX_LEDGER);
	e->ledger = ledger_ref(l);
	held_prune(n);
	set_drop_past(n);
	if (jumped || (here && !n->sync.active))
		state_settled(n);
}

void persist_done(struct node *n, struct node_job *j)
{
	must(j->id == n->persist_job);
	n->persist_job = 0;
	if (j->err == ERR_NONE) {
		if (j->persist.keys)
			tree_keys_publish(j->persist.keys);
		j->persist.keys = NULL;
		if (n->disk_full) {
			n->disk_full = false;
			node_log(n, NODE_LOG_WARN, "store: there is room again; validating");
			round_set_proposing(n);
		}
		committed(n, j->persist.ledger);
		vote_late(n);
		if (n->accept_pending && n->closed->ledger == n->validated)
			round_accepted(n, ERR_NONE);
		persist_advance(n);
		round_accept_next(n);
		return;
	}
	if (j->err == ERR_NO_SPACE) {
		if (!n->disk_full)
			node_log(n, NODE_LOG_ERROR, "store: %s; not validating until there is room",
				 j->why.text);
		n->disk_full = true;
		n->persist_retry = steady_after(n->now.steady, PERSIST_RETRY_MS);
	} else {
		node_store_failed(n, j->why.text);
	}
	round_set_proposing(n);
}
