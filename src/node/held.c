/* SPDX-License-Identifier: ISC */
#include "node/node_impl.h"

/* The table of closed ledgers in memory: all that are not committed, on whichever branch, and a few
 * behind the newest committed one.
 *
 * It is bounded. When commits fail for long (a full disk), the oldest ledgers of our line are given
 * up; their first descendant that is left is then committed without them, as after a fetch of a
 * whole state. Ledgers of other lines (a validator may sign many) go first, oldest first. */

#define HELD_BEHIND 3   /* committed ledgers kept behind the newest */
#define HELD_MAX    768 /* more than sync replays in one go */
#define HELD_LINE   256 /* of our own line, when there are too many */

struct held *held_find(const struct node *n, const struct hash256 *hash)
{
	return hmap_get(&n->held_by_hash, hash);
}

/* A validated ledger is on disk: its transactions need not be kept parsed. */
void held_forget_txs(struct held *h)
{
	uint32_t i;

	for (i = 0; i < h->n_txs; i++)
		tx_unref(h->txs[i]);
	h->n_txs = 0;
	mem_free(h->txs);
	h->txs = NULL;
}

static void held_free(struct node *n, struct held *h)
{
	must(h != n->closed && n->n_held > 0);
	n->n_held--;
	hmap_del(&n->held_by_hash, &h->ledger->hash);
	held_forget_txs(h);
	ledger_unref(h->ledger);
	mem_free(h);
}

/* Marks the line that ends in h, down to `most` ledgers. */
static void mark_line(struct node *n, struct held *h, uint32_t most)
{
	uint32_t i;

	for (i = 0; h && i < most; i++) {
		h->marked = n->held_mark;
		if (i + 1 == most && held_find(n, &h->ledger->header.parent))
			h->jump = true;
		h = held_find(n, &h->ledger->header.parent);
	}
}

/* Too many: keeps the lines of the last closed and of the validated ledger, and half of the rest.
 */
static void bound(struct node *n, struct held *fresh)
{
	uint32_t spare = n->n_held / 2;
	struct held **at = &n->held_list;

	if (n->sync.active && n->sync.firm)
		return; /* it has its own bound, and what it has replayed is one line soon */
	n->held_mark++;
	fresh->marked = n->held_mark;
	mark_line(n, n->closed, HELD_LINE);
	mark_line(n, held_find(n, &n->target_valid), HELD_LINE);
	while (*at) {
		struct held *h = *at;

		if (h->marked == n->held_mark || spare) {
			spare -= spare && h->marked != n->held_mark;
			at = &h->next;
			continue;
		}
		*at = h->next;
		held_free(n, h);
	}
}

struct held *held_add(struct node *n, struct ledger *l, struct tx *const *txs, uint32_t n_txs)
{
	struct held *h = held_find(n, &l->hash);
	uint32_t i;

	if (h) {
		ledger_unref(l);
		return h;
	}
	h = mem_zalloc(1, sizeof(*h));
	h->ledger = l;
	h->txs = mem_alloc((n_txs ? n_txs : 1) * sizeof(struct tx *));
	for (i = 0; i < n_txs; i++)
		h->txs[i] = tx_ref(txs[i]);
	h->n_txs = n_txs;
	h->next = n->held_list;
	n->held_list = h;
	n->n_held++;
	hmap_put(&n->held_by_hash, &l->hash, h);
	if (n->n_held > HELD_MAX)
		bound(n, h);
	return h;
}

/* Drops ledgers far enough behind the validated one. */
void held_prune(struct node *n)
{
	uint32_t floor, seq = n->validated ? n->validated->header.seq : 0;
	struct held **at = &n->held_list;

	if (seq <= HELD_BEHIND)
		return;
	floor = seq - HELD_BEHIND;
	while (*at) {
		struct held *h = *at;

		if (h == n->closed || h->ledger->header.seq >= floor) {
			at = &h->next;
			continue;
		}
		*at = h->next;
		held_free(n, h);
	}
}

void held_close(struct node *n)
{
	n->closed = NULL;
	while (n->held_list) {
		struct held *h = n->held_list;

		n->held_list = h->next;
		held_free(n, h);
	}
}

struct ledger *node_ledger_by_hash(const struct node *n, const struct hash256 *hash)
{
	const struct held *h = held_find(n, hash);

	return h ? h->ledger : NULL;
}

struct ledger *node_ledger_by_seq(const struct node *n, uint32_t seq)
{
	const struct held *h = n->closed;

	/* Only the branch of the last closed ledger counts. */
	while (h && h->ledger->header.seq > seq)
		h = held_find(n, &h->ledger->header.parent);
	return h && h->ledger->header.seq == seq ? h->ledger : NULL;
}

uint64_t node_steps(const struct node *n)
{
	return n->steps;
}

struct ledger *node_validated(const struct node *n)
{
	return n->validated;
}

struct ledger *node_closed(const struct node *n)
{
	return n->closed ? n->closed->ledger : NULL;
}
