/* SPDX-License-Identifier: ISC */
#include "crypto/hash.h"
#include "tests/sim/props.h"

/* P10: what clients are told. Readers look at nodes by turns: at the validated ledger, at an
 * account in it, at what became of a transaction. */

#define ASKED_EACH 2 /* transactions asked for at a node every three seconds */

/* An account, by turns. */
static const struct track *some_track(const struct props *p, uint64_t turn)
{
	return p->n_tracked ? p->tracked[turn * 2654435761u % p->n_tracked] : NULL;
}

static void read_account(struct props *p, uint32_t node, const struct ledger *l,
			 const struct account_id *id)
{
	uint8_t space[22] = {0, 'a'};
	uint64_t balance, says = 0;
	struct hash256 key;
	struct bytes entry;
	uint32_t seq, has;
	bool there;
	enum found f;

	memcpy(space + 2, id->b, 20);
	sha512_half(&key, space, sizeof(space));
	there = model_account_at(p->model, id, l->header.seq, &balance, &seq);
	f = tree_get(&l->state, &key, &entry);
	if (f == UNAVAILABLE)
		return;
	has = f == FOUND ? (uint32_t)model_number(entry, 2, 4) : 0;
	if (there != (f == FOUND) ||
	    (there && (!model_drops(entry, 2, &says) || says != balance || has != seq)))
		world_fail(p->w, "P10",
			   "node %c, ledger %u: an account has %llu (sequence %u), the model says "
			   "%llu (%u)",
			   'A' + (int)node, l->header.seq, (unsigned long long)says, has,
			   (unsigned long long)(there ? balance : 0), there ? seq : 0);
}

void props_read(struct props *p, uint32_t node, struct ledger *l)
{
	struct watched *n = &p->node[node];
	const struct hash256 *known = props_hash_at(p, l->header.seq);
	const struct track *t = some_track(p, p->ticks + node);

	if (!world_honest(p->w, node))
		return;
	if (world_disk_losses(p->w, node) != n->lost)
		return; /* judged when it reports again */
	if (l->header.seq < n->read) {
		world_fail(p->w, "P10", "node %c reads ledger %u after %u", 'A' + (int)node,
			   l->header.seq, n->read);
		return;
	}
	n->read = l->header.seq;
	if (known && !hash256_eq(known, &l->hash))
		world_fail(p->w, "P10", "node %c reads another ledger %u", 'A' + (int)node,
			   l->header.seq);
	else if (known && t && l->header.seq <= model_seq(p->model) &&
		 l->header.seq >= world_genesis(p->w)->header.seq)
		read_account(p, node, l, &t->account);
}

void props_asked(struct props *p, uint32_t node, const struct track *t, bool says_validated,
		 uint32_t node_seq)
{
	if (says_validated && (!t->validated || t->validated > node_seq))
		world_fail(p->w, "P10", "node %c calls %s validated at %u, and it is not",
			   'A' + (int)node, hash256_short(&t->id).s, node_seq);
	if (!says_validated && t->validated && t->validated <= node_seq)
		world_fail(p->w, "P10", "node %c at %u does not know %s, validated at %u",
			   'A' + (int)node, node_seq, hash256_short(&t->id).s, t->validated);
}

/* A node's word about a transaction, if its history reaches far enough. */
static void ask(struct props *p, uint32_t node, struct track *t)
{
	const struct history *h = world_history(p->w, node);
	struct ledger *v = node_validated(world_node(p->w, node));
	struct history_range r = h->complete(h->ctx);
	struct buf store = BUF_INIT;
	struct history_tx row;
	enum err e;

	e = h->tx(h->ctx, &t->id, &row, &store);
	buf_close(&store);
	if (e != ERR_NONE && e != ERR_ABSENT)
		return;
	if (e == ERR_ABSENT && t->validated && (!r.first || t->validated < r.first))
		return; /* deleted, or not filled in yet */
	props_asked(p, node, t, e == ERR_NONE, v->header.seq);
	if (e == ERR_ABSENT && t->last_ledger && v->header.seq > t->last_ledger && !t->validated &&
	    model_seq(p->model) > t->last_ledger)
		t->expired_at = v->header.seq;
}

void props_reads_tick(struct props *p)
{
	for (uint32_t i = 0; i < world_count(p->w); i++) {
		struct node *n = world_node(p->w, i);
		struct ledger *v = n ? node_validated(n) : NULL;

		if (!v || !world_honest(p->w, i) || world_failure(p->w) ||
		    world_disk_losses(p->w, i) != p->node[i].lost)
			continue;
		props_read(p, i, v);
		if ((p->ticks + i) % 3 || !p->n_tracked || !world_history(p->w, i))
			continue; /* by turns: it costs reads of the store */
		for (uint32_t k = 0; k < ASKED_EACH; k++)
			ask(p, i,
			    p->tracked[(p->ticks * ASKED_EACH + k) * 2654435761u % p->n_tracked]);
	}
}
