/* SPDX-License-Identifier: ISC */
#include "node/node_impl.h"

/* What holds between steps: nothing kept is above its bound, and the books agree. */

#define HELD_BOUND      2048  /* ledgers in memory: the table's bound, and a replay's chain */
#define VERIFYING_BOUND 40000 /* pool.c: waiting for a worker */
#define SETS_BOUND      (112u << 20) /* bytes of candidate sets: sets.c, and the newest one */

struct bound {
	const char *what;
	uint64_t is, max;
};

static bool within(const struct bound *b, size_t n, struct why *why)
{
	for (size_t i = 0; i < n; i++)
		if (b[i].is > b[i].max) {
			why_set(why, ERR_TOO_LARGE, "%s: %llu, at most %llu", b[i].what,
				(unsigned long long)b[i].is, (unsigned long long)b[i].max);
			return false;
		}
	return true;
}

static bool check_bounds(const struct node *n, struct why *why)
{
	const struct bound b[] = {
	    {"transactions in the queue", n->queued.n, TX_QUEUE_MAX},
	    {"bytes in the queue", n->queued.bytes, TX_QUEUE_BYTES_MAX},
	    {"transactions that are held", n->waiting.n, TX_HELD_MAX},
	    {"bytes that are held", n->waiting.bytes, TX_HELD_BYTES_MAX},
	    {"transactions to verify", n->verifying.n, VERIFYING_BOUND},
	    {"transactions in closed ledgers", n->in_closed.n,
	     (uint64_t)(LEDGER_AHEAD_MAX + 2) * LEDGER_TX_MAX},
	    {"sets", n->n_sets, TXSET_HELD_MAX},
	    {"bytes of sets", n->set_bytes, SETS_BOUND},
	    {"ledgers in memory", n->n_held, HELD_BOUND},
	    {"peers", n->n_peers, PEERS_MAX},
	    {"events for consensus", n->n_cons_queue, CONS_QUEUE_MAX},
	    {"votes on their way", n->n_out, VOTE_OUT_MAX},
	    {"remembered transactions", n->seen.n, SEEN_TXS},
	    {"refused transactions", n->put_off.n, SEEN_TXS / 4},
	    {"remembered messages", n->seen_msgs.n, SEEN_MESSAGES},
	};

	return within(b, sizeof(b) / sizeof(b[0]), why);
}

static bool check_pool(const struct node *n, struct why *why)
{
	uint64_t sum = (uint64_t)n->verifying.n + n->open_list.n + n->queued.n + n->waiting.n +
		       n->in_closed.n;

	if (sum != n->pool.n) {
		why_set(why, ERR_MISMATCH, "%llu transactions in lists, %zu in the pool",
			(unsigned long long)sum, n->pool.n);
		return false;
	}
	if (!n->open_stale && n->open_list.n > LEDGER_TX_MAX) {
		why_set(why, ERR_TOO_LARGE, "%u transactions in the open ledger", n->open_list.n);
		return false;
	}
	return true;
}

/* The whole queue is looked at now and then, a short one always. */
#define QUEUE_SHORT  64
#define QUEUE_LOOKED 64 /* steps */

static bool check_queue(const struct node *n, struct why *why)
{
	const char *wrong = NULL;

	if (n->queued.n != n->txq.n || n->queued.bytes != n->txq.bytes)
		wrong = "the list and the queue differ";
	else if (n->txq.n <= QUEUE_SHORT || n->steps % QUEUE_LOOKED == 0)
		wrong = txq_wrong(&n->txq);
	if (wrong)
		why_set(why, ERR_MISMATCH, "the queue: %s", wrong);
	return !wrong;
}

bool node_check(const struct node *n, struct why *why)
{
	if (!n->started || n->stopped)
		return true;
	return check_bounds(n, why) && check_pool(n, why) && check_queue(n, why) &&
	       (!n->cons || cons_check(n->cons, why));
}
