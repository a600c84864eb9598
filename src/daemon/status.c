/* SPDX-License-Identifier: ISC */
#include "daemon/observe_impl.h"

#include "crypto/base58.h"

/* `status`: what `tally status` and `tally top` show, in one answer. Counters count from the start;
 * rates are differences of two answers by their uptime_ms. */

static void put_names(struct jw *w, const char *key, const struct health *h, bool critical)
{
	jw_put_open(w, key, '[');
	for (enum health_row r = 0; r < HEALTH_ROWS; r++)
		if (h->is[r] && health_is_critical(r) == critical)
			jw_str(w, health_name(r));
	jw_end(w, ']');
}

static void write_health(struct jw *w, const struct facts *f)
{
	jw_put_open(w, "health", '{');
	jw_put_str(w, "status", f->health.healthy ? "healthy" : "unhealthy");
	put_names(w, "reasons", &f->health, true);
	put_names(w, "warnings", &f->health, false);
	jw_end(w, '}');
}

static void put_quantiles(struct jw *w, const char *p50, const char *p99, const struct histogram *h,
			  const struct histogram_scale *s)
{
	jw_put_u64(w, p50, histogram_quantile(h, s, 500));
	jw_put_u64(w, p99, histogram_quantile(h, s, 990));
}

static void write_ledger(struct observe *ob, struct jw *w, const struct facts *f)
{
	const struct node *machine = uv_node_machine(ob->o.node);
	const struct history *h = uv_node_history(ob->o.node);
	const struct ledger *validated = node_validated(machine), *closed = node_closed(machine);

	jw_put_open(w, "ledger", '{');
	if (validated) {
		jw_put_u64(w, "validated_index", validated->header.seq);
		jw_put_hash(w, "hash", &validated->hash);
	}
	if (f->health_facts.ledger_age_ms >= 0)
		jw_put_i64(w, "age_ms", f->health_facts.ledger_age_ms);
	if (closed)
		jw_put_u64(w, "closed_index", closed->header.seq);
	jw_put_u64(w, "first_index", h->complete(h->ctx).first);
	jw_put_u64(w, "validated", f->node.counters.ledgers_validated);
	jw_put_i64(w, "interval_ms_last", ob->c.interval_ms);
	put_quantiles(w, "interval_ms_p50", "interval_ms_p99", &ob->c.interval, &rounds_scale);
	jw_end(w, '}');
}

static void write_consensus(struct observe *ob, struct jw *w, const struct facts *f)
{
	const struct cons_status *k = &f->node.consensus;
	const struct rounds *r = &ob->c.rounds;

	jw_put_open(w, "consensus", '{');
	jw_put_str(w, "phase", cons_phase_name(k->phase));
	jw_put_str(w, "mode", cons_mode_name(k->mode));
	jw_put_u64(w, "quorum", f->node.quorum);
	jw_put_u64(w, "unl", f->node.unl_n);
	jw_put_u64(w, "present", f->node.unl_present);
	jw_put_u64(w, "disabled", k->disabled);
	jw_put_u64(w, "proposers", k->last_proposers);
	jw_put_u64(w, "rounds", r->ended[ROUND_AGREED] + r->ended[ROUND_ABANDONED]);
	jw_put_u64(w, "rounds_abandoned", r->ended[ROUND_ABANDONED]);
	jw_put_u64(w, "rounds_left", r->ended[ROUND_LEFT]);
	jw_put_i64(w, "round_ms_last", r->last_ms);
	put_quantiles(w, "round_ms_p50", "round_ms_p99", &r->round, &rounds_scale);
	jw_put_i64(w, "converge_ms_last", k->last_converge_ms);
	jw_put_u64(w, "disputes", r->disputed);
	jw_end(w, '}');
}

static void write_share(struct jw *w, const char *key, const struct agreement_share *s)
{
	int32_t of = agreement_of(s);

	jw_put_open(w, key, '{');
	jw_put_u64(w, "ledgers", s->agreed + s->missed + s->wrong);
	jw_put_u64(w, "agreed", s->agreed);
	jw_put_u64(w, "missed", s->missed);
	jw_put_u64(w, "wrong", s->wrong);
	if (of >= 0) { /* otherwise nothing was counted */
		jw_key(w, "agreement");
		jw_decimal(w, (uint64_t)of, 4);
	}
	jw_end(w, '}');
}

static void write_validators(struct observe *ob, struct jw *w, const struct facts *f)
{
	const struct node *machine = uv_node_machine(ob->o.node);
	const struct negative_unl *negative = node_negative_unl(machine);
	struct agreement_share shares[AGREEMENT_SPANS];
	struct cons_validation last;
	struct public_key key, member;

	jw_put_open(w, "validators", '[');
	for (uint32_t i = 0; agreement_member(ob->agreement, i, &key, shares); i++) {
		jw_open(w, '{');
		jw_put_str(w, "key", node_public_text(&key).s);
		jw_put_bool(w, "self",
			    f->node.validator &&
				!memcmp(key.b, f->node.validator_master.b, sizeof(key.b)));
		jw_put_bool(w, "disabled", negative && negative_unl_has(negative, &key));
		for (uint32_t k = 0; k < f->node.unl_n; k++)
			if (node_unl_member(machine, k, &member, &last) &&
			    !memcmp(member.b, key.b, sizeof(key.b)))
				jw_put_u64(w, "last_index", last.seq);
		write_share(w, "hour", &shares[AGREEMENT_HOUR]);
		write_share(w, "day", &shares[AGREEMENT_DAY]);
		jw_end(w, '}');
	}
	jw_end(w, ']');
}

static void write_peers(struct observe *ob, struct jw *w, struct now now)
{
	struct peers *peers = uv_node_peers(ob->o.node);
	struct peer_info info[PEERS_MAX];
	uint32_t n = peers ? peers_list(peers, info, PEERS_MAX) : 0;

	jw_put_open(w, "peers", '[');
	for (uint32_t i = 0; i < n && i < PEERS_MAX; i++) {
		jw_open(w, '{');
		jw_put_str(w, "address", info[i].address);
		jw_put_str(w, "key", node_public_text(&info[i].key).s);
		jw_put_bool(w, "inbound", info[i].inbound);
		jw_put_i64(w, "rtt_ms", info[i].rtt_ms);
		jw_put_u64(w, "bytes_in", info[i].bytes_in);
		jw_put_u64(w, "bytes_out", info[i].bytes_out);
		jw_put_u64(w, "messages_in", info[i].messages_in);
		jw_put_u64(w, "messages_out", info[i].messages_out);
		jw_put_i64(w, "uptime_s", steady_since(info[i].since, now.steady) / 1000);
		jw_end(w, '}');
	}
	jw_end(w, ']');
}

static void write_transactions(struct observe *ob, struct jw *w, const struct facts *f)
{
	const struct node_counters *c = &f->node.counters;
	struct node_fees fees;

	node_get_fees(uv_node_machine(ob->o.node), &fees);
	jw_put_open(w, "transactions", '{');
	jw_put_u64(w, "open", f->node.open_n);
	jw_put_u64(w, "open_fee_level", fees.open);
	jw_put_u64(w, "waiting", fees.queue_n);
	jw_put_u64(w, "waiting_max", fees.queue_max);
	jw_put_u64(w, "held", fees.held_n);
	jw_put_u64(w, "queued", f->node.queue_n);
	jw_put_u64(w, "queue_max", f->node.queue_max);
	jw_put_u64(w, "received", c->tx_received);
	jw_put_u64(w, "relayed", c->tx_relayed);
	jw_put_u64(w, "validated", c->tx_validated);
	jw_put_open(w, "submit", '{');
	for (uint32_t i = 0; i < RESULT_CLASSES; i++)
		jw_put_u64(w, result_class_names[i], ob->c.submits[i]);
	jw_end(w, '}');
	jw_end(w, '}');
}

static void write_calls(struct observe *ob, struct jw *w)
{
	jw_put_open(w, "requests_by_method", '{');
	for (uint32_t i = 0; i <= ob->methods; i++) {
		const struct calls *m = &ob->c.calls[i];

		if (!m->us.n)
			continue;
		jw_put_open(w, i < ob->methods ? rpc_method_name(i) : "unknown", '{');
		jw_put_u64(w, "count", m->us.n);
		jw_put_u64(w, "errors", m->bad);
		put_quantiles(w, "p50_us", "p99_us", &m->us, &scale_call_us);
		jw_end(w, '}');
	}
	jw_end(w, '}');
}

static void write_load(struct observe *ob, struct jw *w, const struct facts *f)
{
	const struct front_stats *s = &f->front;
	struct charge_stats charged;
	struct process_facts p;
	struct rpc_counts counts;

	process_facts_get(&p);
	charges_stats(gate_charges(ob->o.gate), &charged);
	rpc_counts_get(ob->o.rpc, &counts);
	jw_put_open(w, "load", '{');
	jw_put_u64(w, "cpu_us", p.user_us + p.system_us);
	jw_put_u64(w, "rss_bytes", p.resident_bytes);
	jw_put_u64(w, "anonymous_bytes", p.anonymous_bytes);
	observe_heap(ob);
	if (ob->heap_known)
		jw_put_u64(w, "heap_bytes", ob->heap.used_bytes);
	jw_put_u64(w, "descriptors", p.descriptors);
	jw_put_u64(w, "descriptors_max", p.descriptors_max);
	jw_put_u64(w, "loop_lag_ms", s->lag_ms);
	jw_put_u64(w, "connections", s->connections);
	jw_put_u64(w, "connections_max", s->connections_max);
	jw_put_u64(w, "websockets", s->websockets);
	jw_put_u64(w, "in_flight", s->in_flight);
	jw_put_u64(w, "requests", s->requests);
	jw_put_u64(w, "refused", s->refused);
	jw_put_u64(w, "slow_closed", s->slow_closed);
	jw_put_u64(w, "bytes_in", s->bytes_in);
	jw_put_u64(w, "bytes_out", s->bytes_out);
	jw_put_u64(w, "subscribers", counts.subscribers);
	jw_put_u64(w, "subscriptions", counts.topics);
	jw_put_u64(w, "charged_clients", charged.clients);
	jw_put_u64(w, "throttled", charged.throttled);
	jw_put_u64(w, "dropped", charged.dropped);
	write_calls(ob, w);
	jw_end(w, '}');
}

static void write_disk(struct observe *ob, struct jw *w, const struct facts *f)
{
	const struct uv_node_work *commit = uv_node_work(ob->o.node, NODE_JOB_PERSIST);

	jw_put_open(w, "disk", '{');
	jw_put_str(w, "stage", uv_disk_stage_name(f->disk.stage));
	jw_put_u64(w, "free_bytes", f->disk.free_bytes);
	jw_put_u64(w, "total_bytes", f->disk.total_bytes);
	jw_put_u64(w, "data_bytes", f->disk.data_bytes);
	put_quantiles(w, "commit_us_p50", "commit_us_p99", &commit->run, &uv_node_work_scale);
	jw_end(w, '}');
}

void observe_status(struct observe *ob, struct jw *w)
{
	struct facts f;

	observe_facts(ob, &f);
	jw_put_str(w, "version", ob->o.version);
	jw_put_u64(w, "network_id", f.node.network_id);
	jw_put_str(w, "server_state", node_state_name(f.node.state));
	jw_put_i64(w, "uptime_ms", steady_since(f.node.started, f.now.steady));
	write_health(w, &f);
	write_ledger(ob, w, &f);
	write_consensus(ob, w, &f);
	write_validators(ob, w, &f);
	write_peers(ob, w, f.now);
	write_transactions(ob, w, &f);
	write_load(ob, w, &f);
	write_disk(ob, w, &f);
}
