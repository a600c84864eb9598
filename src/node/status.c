/* SPDX-License-Identifier: ISC */
#include "node/node_impl.h"

/* What state the node is in, and the read-only answers about it. */

#define VALIDATED_FRESH_MS 20000
#define TRACKING_BEHIND    2 /* ledgers that commits may be behind what has a quorum */

const char *node_state_name(enum node_state s)
{
	static const char *const names[] = {"disconnected", "connected",  "syncing",  "tracking",
					    "full",         "validating", "proposing"};

	must((unsigned)s < sizeof(names) / sizeof(names[0]));
	return names[s];
}

static enum node_state state_now(const struct node *n)
{
	struct cons_status cs;
	bool fresh = n->validated &&
		     steady_since(n->validated_at, n->now.steady) < VALIDATED_FRESH_MS &&
		     n->count.ledgers_validated;

	if (n->cfg.standalone)
		return NODE_FULL;
	if (!n->n_peers && n->cfg.unl_n > 1)
		return NODE_DISCONNECTED;
	if (n->holds & HOLD_BLOCKED)
		return NODE_CONNECTED;
	if (n->sync.begun)
		return NODE_SYNCING;
	if (!n->cons)
		return fresh ? NODE_TRACKING : NODE_CONNECTED;
	if (!fresh || !n->heard_seq)
		return NODE_CONNECTED;
	if (n->heard_seq > n->validated->header.seq + TRACKING_BEHIND)
		return NODE_TRACKING; /* known and perhaps here, but not to be served yet */
	cons_get_status(n->cons, &cs);
	if (n->proposing_on && cs.mode == CONS_PROPOSING)
		return NODE_PROPOSING;
	if (n->proposing_on)
		return NODE_VALIDATING;
	return NODE_FULL;
}

void status_update(struct node *n)
{
	enum node_state s = state_now(n);
	struct steady now = n->now.steady;

	if (s == n->state)
		return;
	n->state_ms[n->state] += steady_since(n->state_since[n->state], now);
	n->full_entered += s >= NODE_FULL && n->state < NODE_FULL;
	n->state = s;
	n->state_since[s] = now;
	n->state_entered[s]++;
	fx_new(n, NODE_FX_STATE)->state = s;
	node_log(n, NODE_LOG_INFO, "state: %s", node_state_name(s));
}

void status_send(struct node *n, uint32_t peer)
{
	struct msg m = {.type = MSG_STATUS};

	m.status.closed_seq = n->closed->ledger->header.seq;
	m.status.closed = n->closed->ledger->hash;
	if (n->validated) {
		m.status.validated_seq = n->validated->header.seq;
		m.status.validated = n->validated->hash;
	}
	if (n->history) {
		struct history_range r = n->history->complete(n->history->ctx);

		m.status.first = r.first;
		m.status.last = r.last;
	}
	m.status.net_time = n->now.net;
	fx_send_msg(n, peer, 0, &m);
}

static void sync_status(const struct node *n, struct node_sync_status *out)
{
	out->active = n->sync.active && n->sync.begun;
	out->target_seq = n->sync.target_seq;
	out->ledgers = n->sync.n_chain;
	out->again = n->sync.moves;
	state_status(n, out);
	fill_status(n, out);
}

bool node_peer_ledgers(const struct node *n, uint32_t peer, struct node_peer_ledgers *out)
{
	*out = (struct node_peer_ledgers){.first = 0};
	for (uint32_t i = 0; i < n->n_peers; i++) {
		const struct peer *p = &n->peers[i];

		if (p->id != peer)
			continue;
		*out = (struct node_peer_ledgers){p->validated, p->validated_seq, p->closed_seq,
						  p->first, p->last};
		return true;
	}
	return false;
}

void node_get_status(const struct node *n, struct now now, struct node_status *out)
{
	int i;

	*out = (struct node_status){
	    .state = n->state,
	    .standalone = n->cfg.standalone,
	    .stopping = n->stopping,
	    .disk_full = n->disk_full || n->disk_low || n->journal_full,
	    .store_failed = n->store_failed,
	    .key_elsewhere = n->key_elsewhere,
	    .key_replaced = n->holds & HOLD_KEY,
	    .unl_blocked = n->holds & HOLD_UNL,
	    .overlap_unsafe = n->holds & HOLD_OVERLAP,
	    .overlap_overridden = n->cfg.unsafe_overlap,
	    .clock_off = n->holds & HOLD_CLOCK,
	    .clock_known = n->clock_known,
	    .clock_offset_s = n->clock_median_s,
	    .network_id = n->cfg.network_id,
	    .peers = n->n_peers,
	    .unl_n = n->cfg.unl_n,
	    .validator = n->cfg.validator != NULL,
	    .started = n->started_at,
	    .validated_at = n->validated_at,
	    .first_validated_at = n->first_validated_at,
	    .queue_n = n->queued.n + n->waiting.n,
	    .queue_max = n->txq.max + TX_HELD_MAX,
	    .open_n = n->open_list.n,
	    .queue_bytes = n->queued.bytes + n->waiting.bytes,
	    .counters = n->count,
	};
	if (n->cfg.validator)
		out->validator_key = *secret_key_public(n->cfg.validator);
	out->validator_master = n->master;
	for (uint32_t k = 0; k < n->cfg.unl_n; k++)
		out->unl_unsafe += n->unl[k].trust_unsafe;
	if (n->validated)
		out->validated_close = n->validated->header.close;
	for (i = 0; i < 7; i++) {
		out->state_since[i] = n->state_since[i];
		out->state_ms[i] = n->state_ms[i];
		out->state_entered[i] = n->state_entered[i];
	}
	out->full_entered = n->full_entered;
	out->state_ms[n->state] += steady_since(n->state_since[n->state], now.steady);
	if (n->cons)
		cons_get_status(n->cons, &out->consensus);
	out->quorum = n->cons ? out->consensus.quorum : 0;
	out->unl_present = nunl_present(n);
	governance_status(n, out);
	sync_status(n, &out->sync);
}

bool node_unl_member(const struct node *n, uint32_t i, struct public_key *key,
		     struct cons_validation *last)
{
	must(i < n->cfg.unl_n);
	*key = n->unl[i].key;
	return n->cons && cons_last_validation(n->cons, i, last);
}

bool node_unl_position(const struct node *n, uint32_t i, struct cons_position *out)
{
	must(i < n->cfg.unl_n);
	return n->cons && cons_position_of(n->cons, i, out);
}

bool node_dispute(const struct node *n, uint32_t i, struct cons_dispute *out)
{
	return n->cons && cons_dispute_at(n->cons, i, out);
}
