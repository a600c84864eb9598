/* SPDX-License-Identifier: ISC */
#include "rpc/fees.h"
#include "rpc/methods.h"
#include "rpc/state.h"

#include "crypto/base58.h"
#include "crypto/hash.h"

/* server_info and server_state (rippled: NetworkOPs.cpp getServerInfo). One function writes both:
 * "human" is server_info, with times in seconds and money in XRP. */

#define AGE_SHOWN_MAX 1000000

/* Strangers see "full" where an administrator sees what part this node plays in consensus. */
static const char *state_text(const struct node_status *s, bool admin)
{
	return node_state_name(!admin && s->state > NODE_FULL ? NODE_FULL : s->state);
}

/* A name for the host that tells strangers nothing: four letters of the hash of its
 * public key, or of what it runs when it has no key of its own. */
void server_host_name(const struct rpc_host *host, bool admin, char out[RPC_HOST_NAME_MAX])
{
	struct hash256 h;

	if (admin && host->hostname && strlen(host->hostname) < RPC_HOST_NAME_MAX) {
		strcpy(out, host->hostname);
		return;
	}
	if (host->node_key)
		sha512_half(&h, host->node_key->b, sizeof(host->node_key->b));
	else
		sha512_half(&h, host->tally_version, strlen(host->tally_version));
	for (int i = 0; i < 4; i++)
		out[i] = (char)('A' + h.b[i] % 26);
	out[4] = '\0';
}

static void put_us(struct jw *w, const char *key, int64_t ms)
{
	jw_put_text_u64(w, key, ms > 0 ? (uint64_t)ms * 1000 : 0);
}

static void write_accounting(struct jw *w, const struct node_status *s, struct now now)
{
	jw_put_open(w, "state_accounting", '{');
	for (int i = NODE_DISCONNECTED; i <= NODE_FULL; i++) {
		int64_t ms = s->state_ms[i];
		uint32_t entered = s->state_entered[i];

		/* Validating and proposing are ways of being full. */
		if (i == NODE_FULL) {
			ms += s->state_ms[NODE_VALIDATING] + s->state_ms[NODE_PROPOSING];
			entered = s->full_entered;
		}
		jw_put_open(w, node_state_name((enum node_state)i), '{');
		put_us(w, "duration_us", ms);
		jw_put_text_u64(w, "transitions", entered);
		jw_end(w, '}');
	}
	jw_end(w, '}');
	put_us(w, "server_state_duration_us", steady_since(s->state_since[s->state], now.steady));
	if (s->first_validated_at.ms > s->started.ms)
		put_us(w, "initial_sync_duration_us",
		       steady_since(s->started, s->first_validated_at));
}

static void write_ledger_human(struct rpc_call *c, const struct ledger *l,
			       const struct ledger_fees *fees)
{
	struct jw *w = &c->w;
	struct now now = c->host->now(c->host->ctx);
	uint32_t age = now.net.s > l->header.close.s ? now.net.s - l->header.close.s : 0;

	jw_put_u64(w, "age", age < AGE_SHOWN_MAX ? age : 0);
	jw_put_xrp(w, "base_fee_xrp", fees->base);
	jw_put_hash(w, "hash", &l->hash);
	jw_put_xrp(w, "reserve_base_xrp", fees->reserve);
	jw_put_xrp(w, "reserve_inc_xrp", fees->increment);
	jw_put_u64(w, "seq", l->header.seq);
}

static void write_ledger_machine(struct jw *w, const struct ledger *l,
				 const struct ledger_fees *fees)
{
	jw_put_u64(w, "base_fee", fees->base.raw); /* raw: printing */
	jw_put_u64(w, "close_time", l->header.close.s);
	jw_put_hash(w, "hash", &l->hash);
	jw_put_u64(w, "reserve_base", fees->reserve.raw);  /* raw: printing */
	jw_put_u64(w, "reserve_inc", fees->increment.raw); /* raw: printing */
	jw_put_u64(w, "seq", l->header.seq);
}

/* The validated ledger, or while there is none the last closed one. */
static void write_ledger(struct rpc_call *c, bool human)
{
	const struct ledger *validated = node_validated(c->host->node);
	const struct ledger *l = validated ? validated : node_closed(c->host->node);
	struct ledger_fees fees;

	if (!l || ledger_fees_read(&l->state, &fees) == UNAVAILABLE)
		return;
	jw_put_open(&c->w, validated ? "validated_ledger" : "closed_ledger", '{');
	if (human)
		write_ledger_human(c, l, &fees);
	else
		write_ledger_machine(&c->w, l, &fees);
	jw_end(&c->w, '}');
}

static void write_last_close(struct jw *w, const struct cons_status *s, bool human)
{
	uint64_t ms = s->last_converge_ms > 0 ? (uint64_t)s->last_converge_ms : 0;

	jw_put_open(w, "last_close", '{');
	if (human) {
		jw_key(w, "converge_time_s");
		jw_decimal(w, ms, 3);
	} else {
		jw_put_u64(w, "converge_time", ms);
	}
	jw_put_u64(w, "proposers", s->last_proposers);
	jw_end(w, '}');
}

/* What only an administrator is shown. */
static void write_admin(struct rpc_call *c, const struct node_status *s, bool human)
{
	struct jw *w = &c->w;

	if (s->validator)
		jw_put_str(w, "pubkey_validator", node_public_text(&s->validator_key).s);
	else
		jw_put_str(w, "pubkey_validator", "none");
	if (s->unl_n > 1) { /* how many more may go before the network halts */
		jw_put_u64(w, "validators_present", s->unl_present);
		jw_put_i64(w, "validators_spare", (int64_t)s->unl_present - s->quorum);
	}
	if (s->counters.evidence)
		jw_put_u64(w, "evidence", s->counters.evidence);
	if (!human) {
		jw_put_u64(w, "validator_list_expires", server_list_expires(c->host));
		return;
	}
	server_write_list(c, s);
}

/* Troubles of this node, named only while they last. */
static void write_troubles(struct jw *w, const struct node_status *s)
{
	if (s->disk_full)
		jw_put_bool(w, "disk_full", true);
	if (s->store_failed)
		jw_put_bool(w, "store_failed", true);
	if (s->key_elsewhere)
		jw_put_bool(w, "key_elsewhere", true);
	if (s->key_replaced)
		jw_put_bool(w, "key_replaced", true);
	if (s->amendment_blocked)
		jw_put_bool(w, "amendment_blocked", true);
	if (s->unl_blocked)
		jw_put_bool(w, "unl_blocked", true);
	if (s->unl_unsafe) /* members of our UNL whose own overlaps too little with it */
		jw_put_u64(w, "unl_unsafe_overlap", s->unl_unsafe);
	if (s->overlap_unsafe)
		jw_put_bool(w, "not_validating_for_overlap", true);
	if (s->overlap_overridden)
		jw_put_bool(w, "unsafe_overlap_allowed", true);
	if (s->clock_off)
		jw_put_bool(w, "clock_off", true);
	if (s->consensus.stuck)
		jw_put_bool(w, "branch_stuck", true);
	if (s->consensus.contrary) /* members on a line without our validated ledger */
		jw_put_u64(w, "contrary_validators", s->consensus.contrary);
	if (s->clock_known && (s->clock_offset_s > 5 || s->clock_offset_s < -5))
		jw_put_i64(w, "clock_offset_s", s->clock_offset_s);
	if (s->stopping)
		jw_put_bool(w, "stopping", true);
}

/* The disk: room, and how far the check of what is on it has come. */
static void write_storage(struct jw *w, const struct rpc_host *host)
{
	struct rpc_storage s;

	if (!host->storage)
		return;
	host->storage(host->ctx, &s);
	jw_put_open(w, "storage", '{');
	jw_put_str(w, "stage", s.stage);
	jw_put_u64(w, "free_mib", s.free_bytes >> 20);
	jw_put_u64(w, "total_mib", s.total_bytes >> 20);
	jw_put_u64(w, "data_mib", s.data_bytes >> 20);
	jw_put_u64(w, "emergency_mib", s.emergency_bytes >> 20);
	jw_put_open(w, "check", '{');
	jw_put_u64(w, "checked", s.checked);
	jw_put_u64(w, "ledger", s.check_ledger);
	jw_put_u64(w, "passes", s.check_passes);
	jw_put_u64(w, "permille", s.check_permille);
	jw_end(w, '}');
	jw_end(w, '}');
}

/* Those of administrators are shown to them alone. */
static void write_ports(struct rpc_call *c)
{
	const struct rpc_host *host = c->host;
	struct jw *w = &c->w;
	struct rpc_port p;

	jw_put_open(w, "ports", '[');
	for (uint32_t i = 0; host->port && host->port(host->ctx, i, &p); i++) {
		if (p.admin && !c->from.admin)
			continue;
		jw_open(w, '{');
		jw_put_text_u64(w, "port", p.port);
		jw_put_open(w, "protocol", '[');
		if (p.peer) {
			jw_str(w, "peer");
		} else {
			jw_str(w, p.tls ? "https" : "http");
			jw_str(w, p.tls ? "wss" : "ws");
		}
		jw_end(w, ']');
		jw_end(w, '}');
	}
	jw_end(w, ']');
}

/* What a client should know before it relies on this server (rippled: NetworkOPs.cpp
 * getServerInfo). */
static void open_warning(struct jw *w, unsigned id, const char *message)
{
	jw_open(w, '{');
	jw_put_u64(w, "id", id);
	jw_put_str(w, "message", message);
}

/* Administrators hear of what is to come. */
static void warn_of_majority(struct jw *w, const struct node_status *s)
{
	char date[HUMAN_TEXT_MAX];

	open_warning(w, 1001,
		     "One or more unsupported amendments have reached majority. Upgrade to the "
		     "latest version before they are activated to avoid being amendment blocked.");
	jw_put_open(w, "details", '{');
	jw_put_u64(w, "expected_date", s->amendment_expected.s);
	tj_human_time(date, ((uint64_t)s->amendment_expected.s + LEDGER_EPOCH_UNIX) * 1000000,
		      true);
	jw_put_str(w, "expected_date_UTC", date);
	jw_end(w, '}');
	jw_end(w, '}');
}

static void write_warnings(struct jw *w, const struct node_status *s, bool admin)
{
	bool majority = admin && s->amendment_warned;

	if (!s->unl_blocked && !s->amendment_blocked && !majority)
		return;
	jw_put_open(w, "warnings", '[');
	if (s->amendment_blocked) {
		open_warning(w, 1002,
			     "This server is amendment blocked, and must be updated to be able to "
			     "stay in sync with the network.");
		jw_end(w, '}');
	}
	if (s->unl_blocked) {
		open_warning(w, 1003,
			     "This server has an expired validator list. Its configuration may be "
			     "wrong, or the sites of its lists may be out of reach.");
		jw_end(w, '}');
	}
	if (majority)
		warn_of_majority(w, s);
	jw_end(w, ']');
}

void server_write_key(struct jw *w, const struct rpc_host *host)
{
	if (host->node_key)
		jw_put_str(w, "pubkey_node", node_public_text(host->node_key).s);
}

static void write_identity(struct rpc_call *c, bool human)
{
	char name[RPC_HOST_NAME_MAX];
	struct jw *w = &c->w;

	jw_put_str(w, "build_version", c->host->build_version);
	jw_put_str(w, "tally_version", c->host->tally_version);
	if (human) {
		server_host_name(c->host, c->from.admin, name);
		jw_put_str(w, "hostid", name);
	}
	jw_put_u64(w, "network_id", c->r->network_id);
	server_write_key(w, c->host);
}

/* How far catching up and filling in history have come, while they go on. */
static void write_sync(struct rpc_call *c, const struct node_sync_status *s)
{
	struct history_range all = rpc_searchable(c->host), whole;
	const struct history *h = c->host->history;
	struct jw *w = &c->w;

	whole = h->complete(h->ctx);
	if (all.first && all.first < whole.first) {
		jw_put_u64(w, "searchable_from", all.first);
	}
	if (s->active) {
		jw_put_open(w, "sync", '{');
		jw_put_str(w, "by", s->state ? "state" : "replay");
		if (s->target_seq)
			jw_put_u64(w, "target", s->target_seq);
		jw_put_u64(w, "target_moved", s->again);
		if (s->state) {
			jw_put_u64(w, "nodes", s->nodes);
			jw_put_u64(w, "bytes", s->bytes);
			jw_put_u64(w, "peers", s->peers);
			jw_put_u64(w, "percent", s->per_mille / 10);
		} else {
			jw_put_u64(w, "ledgers", s->ledgers);
		}
		jw_end(w, '}');
	}
	if (s->filling) {
		jw_put_open(w, "history_fill", '{');
		jw_put_u64(w, "next", s->fill_next);
		jw_put_u64(w, "until", s->fill_until);
		jw_end(w, '}');
	}
}

static void write_server(struct rpc_call *c, bool human)
{
	struct now now = c->host->now(c->host->ctx);
	char complete[32], time[HUMAN_TEXT_MAX];
	struct rpc_traffic t = {0};
	struct node_status s;
	struct jw *w = &c->w;

	node_get_status(c->host->node, now, &s);
	write_identity(c, human);
	rpc_complete_text(c->host, complete);
	jw_put_str(w, "complete_ledgers", complete);
	write_sync(c, &s.sync);
	if (c->host->traffic)
		c->host->traffic(c->host->ctx, &t);
	jw_put_u64(w, "io_latency_ms", t.io_latency_ms);
	jw_put_text_u64(w, "jq_trans_overflow", s.counters.queue_dropped);
	write_last_close(w, &s.consensus, human);
	if (human)
		fees_write_human(w, c->host->node, c->from.admin);
	else
		fees_write_machine(w, c->host->node);
	jw_put_u64(w, "peers", s.peers);
	jw_put_text_u64(w, "peer_disconnects", t.disconnects);
	jw_put_text_u64(w, "peer_disconnects_resources", t.disconnects_resources);
	jw_put_str(w, "server_state", state_text(&s, c->from.admin));
	write_accounting(w, &s, now);
	tj_human_time(time, c->host->unix_ms(c->host->ctx) * 1000, false);
	jw_put_str(w, "time", time);
	jw_put_u64(w, "uptime", (uint64_t)(steady_since(s.started, now.steady) / 1000));
	write_ledger(c, human);
	jw_put_u64(w, "validation_quorum", s.quorum);
	if (c->from.admin)
		write_admin(c, &s, human);
	write_troubles(w, &s);
	write_warnings(w, &s, c->from.admin);
	write_ports(c);
	if (human)
		write_storage(w, c->host);
	if (p_truthy(c, "counters"))
		counters_write(c);
}

void method_server_info(struct rpc_call *c)
{
	jw_put_open(&c->w, "info", '{');
	write_server(c, true);
	jw_end(&c->w, '}');
}

void method_server_state(struct rpc_call *c)
{
	jw_put_open(&c->w, "state", '{');
	write_server(c, false);
	jw_end(&c->w, '}');
}
