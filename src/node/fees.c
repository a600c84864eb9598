/* SPDX-License-Identifier: ISC */
#include "node/node_impl.h"

/* What the open ledger and the queue ask for, what load adds to it, and how others are told. */

/* So much waits for a worker that it takes seconds to get through; and a timer that was so late is
 * a loop that is busy. */
#define OVERLOAD_WAITING 20000
#define OVERLOAD_LATE_MS 1000

void fees_open(struct node *n, const struct node_config *c, uint64_t salt)
{
	struct txq_setup s = c->txq.ledgers_in_queue ? c->txq : txq_setup_default();
	struct txq_hooks hooks = {.left = pool_left_queue, .ctx = n};

	must(!txq_setup_wrong(&s));
	txq_init(&n->txq, &s, c->standalone, salt, &hooks);
	load_init(&n->load);
}

/* Once a second; late_ms: by how much the timer for it was late. */
void fees_tick(struct node *n, int64_t late_ms)
{
	uint32_t before = n->load.local;

	load_tick(&n->load, n->verifying.n >= OVERLOAD_WAITING || late_ms >= OVERLOAD_LATE_MS);
	if (n->load.local > before && before == LOAD_BASE)
		node_log(
		    n, NODE_LOG_WARN,
		    "fees: overloaded: %u transactions wait for verification, the loop is %lld "
		    "ms late; asking for more",
		    n->verifying.n, (long long)late_ms);
}

/* A ledger is validated: what its validators ask for counts here, too. */
void fees_validated(struct node *n, uint32_t seq)
{
	uint32_t fees[UNL_MAX], k = 0;

	for (uint32_t i = 0; i < n->cfg.unl_n; i++) {
		const struct said *said = &n->unl[i].said[seq % VOTES_KEPT];
		struct arena a = ARENA_INIT;
		struct st_object *v;

		if (said->seq != seq || !said->bytes.n)
			continue;
		if (st_decode(&v, &a, buf_bytes(&said->bytes), NULL) == ERR_NONE)
			fees[k++] = st_u32_or(v, sfLoadFee, LOAD_BASE);
		arena_close(&a);
	}
	load_heard(&n->load, fees, k);
}

struct drops fees_cost_now(const struct node *n, const struct tx *t)
{
	return fee_level_drops(fee_level_required(&n->txq.fees, n->open_list.n),
			       tx_base_fee(t, n->open));
}

uint32_t load_fee(const struct node *n)
{
	return load_to_say(&n->load);
}

void node_get_fees(const struct node *n, struct node_fees *out)
{
	*out = (struct node_fees){
	    .base = n->fees.base,
	    .reference = FEE_LEVEL_BASE,
	    .minimum = txq_minimum_level(&n->txq),
	    .median = n->txq.fees.multiplier,
	    .open = fee_level_required(&n->txq.fees, n->open_list.n),
	    .expected = n->txq.fees.expected,
	    .open_n = n->open_list.n,
	    .queue_n = n->txq.n,
	    .queue_max = n->txq.max,
	    .held_n = n->waiting.n,
	    .load_local = n->load.local,
	    .load_remote = n->load.remote,
	    .load_cluster = n->load.cluster,
	};
}

static struct node_queued one_queued(const struct txq_entry *e)
{
	return (struct node_queued){.tx = e->tx,
				    .level = e->level,
				    .effect = e->effect,
				    .last = e->last,
				    .retries = e->retries > 0 ? (uint32_t)e->retries : 0};
}

uint32_t node_queued(const struct node *n, const struct account_id *id, struct node_queued *out,
		     uint32_t max)
{
	const struct txq_account *a = id ? txq_account_of(&n->txq, id) : NULL;
	const struct txq_entry *e = a ? a->first : NULL;
	uint32_t i;

	if (!id) {
		for (i = 0; i < n->txq.n && i < max; i++)
			out[i] = one_queued(n->txq.order[i]);
		return i;
	}
	for (i = 0; e && i < max; e = e->next)
		out[i++] = one_queued(e);
	return i;
}
