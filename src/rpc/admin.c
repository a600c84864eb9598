/* SPDX-License-Identifier: ISC */
#include "rpc/methods.h"
#include "rpc/state.h"

#include "base/limits.h"
#include "crypto/base58.h"

#include <inttypes.h>
#include <stdio.h>

/* Administration: ledger_accept, stop, peers, connect, get_counts, log_level, logrotate (rippled:
 * handlers/admin). */

static void finish_accept(struct rpc_call *c, uint32_t open_seq, enum err err)
{
	if (err == ERR_NONE)
		jw_put_u64(&c->w, "ledger_current_index", open_seq);
	else
		rpc_fail_text(c, RPC_INTERNAL, "The ledger could not be closed: %s.",
			      err_text(err));
}

void method_ledger_accept(struct rpc_call *c)
{
	if (!c->r->standalone) {
		rpc_fail_token(c, "notStandAlone");
		return;
	}
	c->later = (struct rpc_later){.kind = RPC_ACCEPT_THEN_REPLY,
				      .finish_accept = finish_accept};
}

void method_stop(struct rpc_call *c)
{
	jw_put_str(&c->w, "message", "tallyd server stopping");
	c->later.kind = RPC_REPLY_THEN_STOP;
}

/* ---- Peers */

#define FAR_APART 24 /* ledgers between a peer's newest and ours: it goes another way */

/* What the peer has said of its ledgers, and whether it goes where this node goes. */
static void write_ledgers(struct rpc_call *c, const struct rpc_peer *p)
{
	const struct ledger *tip = node_validated(c->host->node);
	uint32_t apart, ours = tip ? tip->header.seq : 0;
	struct node_peer_ledgers l;
	struct jw *w = &c->w;
	char range[32];

	node_peer_ledgers(c->host->node, p->id, &l);
	if (l.first) {
		snprintf(range, sizeof(range), "%u - %u", l.first, l.last);
		jw_put_str(w, "complete_ledgers", range);
	}
	if (l.validated_seq)
		jw_put_hash(w, "ledger", &l.validated);
	apart = l.validated_seq > ours ? l.validated_seq - ours : ours - l.validated_seq;
	if (l.validated_seq && apart <= FAR_APART)
		return;
	jw_put_str(w, "track", l.validated_seq ? "diverged" : "unknown");
	if (c->version == 1)
		jw_put_str(w, "sanity", l.validated_seq ? "insane" : "unknown");
}

static void write_peer(struct rpc_call *c, const struct rpc_peer *p)
{
	uint64_t seconds = p->uptime_s > 0 ? (uint64_t)p->uptime_s : 1;
	struct jw *w = &c->w;

	jw_open(w, '{');
	jw_put_str(w, "address", p->address);
	if (p->inbound)
		jw_put_bool(w, "inbound", true);
	if (p->rtt_ms >= 0)
		jw_put_i64(w, "latency", p->rtt_ms);
	jw_put_str(w, "public_key", node_public_text(&p->key).s);
	jw_put_i64(w, "uptime", p->uptime_s);
	jw_put_text_u64(w, "network_id", c->r->network_id);
	jw_put_i64(w, "clock_offset", p->clock_offset_s);
	write_ledgers(c, p);
	jw_put_open(w, "metrics", '{');
	jw_put_text_u64(w, "total_bytes_recv", p->bytes_in);
	jw_put_text_u64(w, "total_bytes_sent", p->bytes_out);
	/* Over the life of the connection; the reference's are over half a minute. */
	jw_put_text_u64(w, "avg_bps_recv", p->bytes_in / seconds);
	jw_put_text_u64(w, "avg_bps_sent", p->bytes_out / seconds);
	jw_put_text_u64(w, "total_messages_recv", p->messages_in);
	jw_put_text_u64(w, "total_messages_sent", p->messages_out);
	jw_end(w, '}');
	jw_end(w, '}');
}

void method_peers(struct rpc_call *c)
{
	struct rpc_peer *list = arena_zalloc(&c->arena, PEERS_MAX, sizeof(*list));
	uint32_t n = c->host->peers ? c->host->peers(c->host->ctx, list, PEERS_MAX) : 0;

	if (n > PEERS_MAX)
		n = PEERS_MAX;
	jw_put_open(&c->w, "cluster", '{');
	jw_end(&c->w, '}');
	jw_put_open(&c->w, "peers", '[');
	for (uint32_t i = 0; i < n; i++)
		write_peer(c, &list[i]);
	jw_end(&c->w, ']');
}

#define PEER_PORT_DEFAULT 2459

void method_connect(struct rpc_call *c)
{
	const char *ip = p_text(c, "ip");
	const json_t *given = json_object_get(c->p, "port");
	uint32_t port = PEER_PORT_DEFAULT;
	struct why why = {.text = ""};
	char address[80], message[160];

	if (c->r->standalone) {
		rpc_fail(c, RPC_NOT_SYNCED);
		return;
	}
	if (!p_has(c, "ip")) {
		rpc_fail_missing(c, "ip");
		return;
	}
	if (!ip || strlen(ip) > 45 ||
	    (given && (!json_to_u32(given, &port) || port > UINT16_MAX))) {
		rpc_fail(c, RPC_INVALID_PARAMS);
		return;
	}
	snprintf(address, sizeof(address), strchr(ip, ':') ? "[%.45s]:%u" : "%.45s:%u", ip, port);
	if (!c->host->connect || c->host->connect(c->host->ctx, address, &why) != ERR_NONE) {
		rpc_fail_text(c, RPC_INVALID_PARAMS, "%s", why.text);
		return;
	}
	snprintf(message, sizeof(message), "attempting connection to IP:%.45s port: %u", ip, port);
	jw_put_str(&c->w, "message", message);
}

/* ---- Counters and logging */

/* "2 hours, 1 second"; empty in the first second, as the reference has it. */
static void write_uptime(struct jw *w, uint64_t seconds)
{
	static const struct {
		const char *name;
		uint64_t seconds;
	} units[] = {
	    {"year", 365 * 86400}, {"day", 86400}, {"hour", 3600}, {"minute", 60}, {"second", 1}};
	char text[128] = "";
	size_t n = 0;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		uint64_t count = seconds / units[i].seconds;

		if (!count)
			continue;
		seconds -= count * units[i].seconds;
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%" PRIu64 " %s%s",
				      n ? ", " : "", count, units[i].name, count > 1 ? "s" : "");
		must(n < sizeof(text));
	}
	jw_put_str(w, "uptime", text);
}

static void write_stored(struct rpc_call *c)
{
	struct rpc_storage stored;

	if (!c->host->storage)
		return;
	c->host->storage(c->host->ctx, &stored);
	jw_put_u64(&c->w, "dbKBTotal", stored.data_bytes / 1024);
}

/* The reference's counts of objects in memory and of its caches have no counterpart; ours besides
 * uptime and dbKBTotal. */
void method_get_counts(struct rpc_call *c)
{
	struct node_status s;
	struct jw *w = &c->w;
	const struct node_counters *n = &s.counters;
	int64_t uptime;

	node_get_status(c->host->node, c->host->now(c->host->ctx), &s);
	uptime = steady_since(s.started, c->host->now(c->host->ctx).steady) / 1000;
	write_uptime(w, uptime > 0 ? (uint64_t)uptime : 0);
	write_stored(c);
	jw_put_i64(w, "uptime_s", uptime);
	jw_put_u64(w, "rpc_requests", c->r->requests);
	jw_put_u64(w, "rpc_pending", RPC_PENDING_MAX - c->r->n_free);
	jw_put_u64(w, "tx_open", s.open_n);
	jw_put_u64(w, "tx_queued", s.queue_n);
	jw_put_u64(w, "tx_queued_bytes", s.queue_bytes);
	jw_put_u64(w, "tx_received", n->tx_received);
	jw_put_u64(w, "tx_duplicate", n->tx_duplicate);
	jw_put_u64(w, "tx_bad_signature", n->tx_bad_signature);
	jw_put_u64(w, "tx_malformed", n->tx_malformed);
	jw_put_u64(w, "tx_relayed", n->tx_relayed);
	jw_put_u64(w, "tx_validated", n->tx_validated);
	jw_put_u64(w, "ledgers_closed", n->ledgers_closed);
	jw_put_u64(w, "ledgers_validated", n->ledgers_validated);
	jw_put_u64(w, "proposals_in", n->proposals_in);
	jw_put_u64(w, "validations_in", n->validations_in);
	jw_put_u64(w, "evidence", n->evidence);
	jw_put_u64(w, "sets_acquired", n->sets_acquired);
	jw_put_u64(w, "ledgers_acquired", n->ledgers_acquired);
	jw_put_u64(w, "builds", n->builds);
	jw_put_u64(w, "build_mismatch", n->build_mismatch);
	jw_put_u64(w, "queue_dropped", n->queue_dropped);
}

/* Names of the reference's severities, by our levels. */
static const char *const severities[] = {"Error", "Warning", "Info", "Debug"};
#define SEVERITIES ((int)(sizeof(severities) / sizeof(severities[0])))

static int severity_of(const char *text)
{
	for (int i = 0; i < SEVERITIES; i++)
		if (strcasecmp(text, severities[i]) == 0)
			return i;
	if (strcasecmp(text, "fatal") == 0)
		return 0;
	if (strcasecmp(text, "warn") == 0)
		return 1;
	return strcasecmp(text, "trace") == 0 ? SEVERITIES - 1 : -1;
}

static void write_level(struct rpc_call *c, const char *key, const char *area)
{
	int level = c->host->log_level(c->host->ctx, area, -1);

	must(level >= 0 && level < SEVERITIES);
	jw_put_str(&c->w, key, severities[level]);
}

static void write_levels(struct rpc_call *c)
{
	const char *area;
	uint32_t i;

	jw_put_open(&c->w, "levels", '{');
	write_level(c, "base", NULL);
	for (i = 0; (area = c->host->log_area(c->host->ctx, i)); i++)
		write_level(c, area, area);
	jw_end(&c->w, '}');
}

/* A partition that there is not is refused; in the reference it comes into being. */
void method_log_level(struct rpc_call *c)
{
	const char *text = p_text(c, "severity"), *area = p_text(c, "partition");
	int level = text ? severity_of(text) : -1;

	if (!c->host->log_level) {
		rpc_fail(c, RPC_NOT_SUPPORTED);
		return;
	}
	if (!p_has(c, "severity")) {
		write_levels(c);
		return;
	}
	if (area && strcasecmp(area, "base") == 0)
		area = NULL;
	else if (p_has(c, "partition") && !area)
		level = -1;
	if (level < 0 || c->host->log_level(c->host->ctx, area, level) < 0)
		rpc_fail(c, RPC_INVALID_PARAMS);
}

void method_logrotate(struct rpc_call *c)
{
	struct why why = {""};

	if (!c->host->log_rotate)
		rpc_fail(c, RPC_NOT_SUPPORTED);
	else if (c->host->log_rotate(c->host->ctx, &why) == ERR_NONE)
		jw_put_str(&c->w, "message", "The log file was closed and reopened.");
	else
		jw_put_str(&c->w, "message", "The log file could not be closed and reopened.");
}
