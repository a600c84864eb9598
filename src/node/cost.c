/* SPDX-License-Identifier: ISC */
#include "node/node_impl.h"

/* Replaying the way to a ledger, or fetching the difference of the states: what costs less. */

/* What either way costs, roughly, in microseconds (docs/decisions/0050): */
#define COST_LEDGER 6000     /* replay: verification, build, commit of an empty one */
#define COST_TX     250      /* and of each transaction */
#define COST_NODE   40       /* state: one node asked for, checked, put, hashed, committed */
#define COST_STATE  2000000  /* what it costs anyway: round trips from the root down */
#define COST_FREE   20000000 /* a replay up to this is done: it leaves no gap in the history */

/* The number of leaves, by the children on a few ways down (Knuth 1975: their product is right on
 * average). 0 when it cannot be read. */
static uint64_t leaves_about(struct node *n, const struct tree *t)
{
	uint64_t sum = 0;
	int i;

	for (i = 0; i < 16; i++) {
		uint8_t path[TREE_DEPTH_MAX], where[16];
		struct buf b = BUF_INIT;
		uint64_t product = 1;
		unsigned depth = 0, k, c;

		while (depth < 16 && tree_node_wire(t, path, depth, &b) == FOUND && b.p[0] == 'I') {
			uint16_t mask = load_be16(b.p + 1);

			for (k = c = 0; k < 16; k++)
				if (mask & (1u << k))
					where[c++] = (uint8_t)k;
			if (!c)
				break;
			product *= c;
			path[depth++] = where[rng_below(&n->rng, c)];
			buf_clear(&b);
		}
		buf_close(&b);
		sum += product;
	}
	return sum / 16;
}

/* Whether the difference of the states costs less than the way, judging by the newest ledgers of
 * it. A transaction changes about three entries and may make one; every entry costs about two
 * nodes. */
bool sync_state_is_cheaper(struct node *n, uint32_t left)
{
	const struct sync *s = &n->sync;
	uint64_t all = (uint64_t)s->n_linked + left, txs = s->n_txs * all / s->n_linked;
	uint64_t replay = all * COST_LEDGER + txs * COST_TX, leaves, changed = txs * 3;

	if (replay <= COST_FREE)
		return false;
	leaves = leaves_about(n, &n->closed->ledger->state) + txs;
	if (changed > leaves)
		changed = leaves;
	return replay > 2 * (COST_STATE + changed * 2 * COST_NODE);
}
