/* SPDX-License-Identifier: ISC */
#include "rpc/cache.h"
#include "rpc/call.h"
#include "rpc/fees.h"
#include "rpc/history_feed.h"
#include "rpc/state.h"
#include "rpc/streams.h"
#include "rpc/subs.h"

#include "base/limits.h"
#include "crypto/base58.h"

/* Messages of all streams but those of transactions. */

/* ---- ledger */

struct ledger_message {
	struct rpc *r;
	const struct ledger *l;
	uint32_t txs;
};

static bool has_xrp_fees(const struct ledger *l)
{
	struct rules *rules = NULL;
	bool enabled = rules_read(&l->state, &rules) != UNAVAILABLE && rules &&
		       amendment_on(rules, AMENDMENT_XRPFees);

	rules_unref(rules);
	return enabled;
}

static bool serves_history(const struct rpc *r)
{
	struct node_status s;

	node_get_status(r->host.node, r->host.now(r->host.ctx), &s);
	return s.standalone || s.state >= NODE_SYNCING;
}

void stream_write_ledger(struct rpc *r, struct jw *w, const struct ledger *l)
{
	struct ledger_fees fees;
	char complete[32];

	if (ledger_fees_read(&l->state, &fees) == UNAVAILABLE)
		return;
	jw_put_u64(w, "fee_base", fees.base.raw); /* raw: printing */
	if (!has_xrp_fees(l))
		jw_put_u64(w, "fee_ref", 10);
	jw_put_hash(w, "ledger_hash", &l->hash);
	jw_put_u64(w, "ledger_index", l->header.seq);
	jw_put_u64(w, "ledger_time", l->header.close.s);
	jw_put_u64(w, "network_id", r->network_id);
	jw_put_u64(w, "reserve_base", fees.reserve.raw);  /* raw: printing */
	jw_put_u64(w, "reserve_inc", fees.increment.raw); /* raw: printing */
	if (!serves_history(r))
		return;
	rpc_complete_text(&r->host, complete);
	jw_put_str(w, "validated_ledgers", complete);
}

/* ctx: "{" and members that were written before. */
static void write_members(struct jw *w, void *ctx, unsigned version)
{
	const struct buf *members = ctx;

	(void)version;
	jw_members(w, bytes_of(members->p + 1, members->n - 1));
}

static void write_ledger_closed(struct jw *w, void *ctx, unsigned version)
{
	const struct ledger_message *m = ctx;

	(void)version;
	jw_put_str(w, "type", "ledgerClosed");
	stream_write_ledger(m->r, w, m->l);
	jw_put_u64(w, "txn_count", m->txs);
}

static uint32_t count_txs(const struct ledger *l)
{
	uint64_t n = 0;

	return tree_count(&l->txs, &n) == FOUND ? (uint32_t)n : 0;
}

static void publish_ledger(struct rpc *r, const struct ledger *l)
{
	struct ledger_message m = {.r = r, .l = l};
	struct broadcast b;

	if (!subs_has_stream(r->subs, STREAM_LEDGER))
		return;
	m.txs = count_txs(l);
	broadcast_begin(&b, r->subs, write_ledger_closed, &m);
	b.conflate = CONFLATE_LEDGER;
	broadcast_stream(&b, STREAM_LEDGER);
	broadcast_end(&b);
}

/* Read before it is written: a ledger that cannot be read has no message. */
static void publish_book_changes(struct rpc *r, const struct ledger *l)
{
	struct jw changes = JW_INIT;
	struct broadcast b;

	if (!subs_has_stream(r->subs, STREAM_BOOK_CHANGES))
		return;
	jw_open(&changes, '{');
	if (book_changes_write(&changes, l, true)) {
		broadcast_begin(&b, r->subs, write_members, &changes.out);
		broadcast_stream(&b, STREAM_BOOK_CHANGES);
		broadcast_end(&b);
	}
	jw_close(&changes);
}

static void publish_server(struct rpc *r, enum node_state state);

void rpc_on_ledger(struct rpc *r, struct ledger *validated)
{
	publish_ledger(r, validated);
	publish_book_changes(r, validated);
	history_feeds_ledger(r, validated);
	stream_publish_txs(r, validated);
	stream_publish_fees(r);
}

/* ---- validations */

struct validation_message {
	struct rpc *r;
	struct bytes bytes;
	const struct public_key *key;
	const struct st_object *v;
};

static void put_hash_field(struct jw *w, const char *key, const struct st_object *o, enum sf f)
{
	struct hash256 h;

	if (st_get_hash256(o, f, &h))
		jw_put_hash(w, key, &h);
}

static void put_u32_field(struct jw *w, const char *key, const struct st_object *o, enum sf f)
{
	uint32_t u;

	if (st_get_u32(o, f, &u))
		jw_put_u64(w, key, u);
}

static void put_text_field(struct jw *w, const char *key, const struct st_object *o, enum sf f)
{
	uint64_t u;

	if (st_get_u64(o, f, &u))
		jw_put_text_u64(w, key, u);
}

static void put_drops_field(struct jw *w, const char *key, const struct st_object *o, enum sf f)
{
	struct drops d;

	if (st_get_drops(o, f, &d))
		jw_put_u64(w, key, d.raw); /* raw: printing */
}

static void write_amendments(struct jw *w, const struct st_object *v)
{
	struct bytes list;

	if (!st_get_raw(v, sfAmendments, &list))
		return;
	jw_put_open(w, "amendments", '[');
	for (size_t i = 0; i + 32 <= list.n; i += 32)
		jw_hex(w, list.p + i, 32);
	jw_end(w, ']');
}

#define VALIDATION_FULL 1u

static void write_validation(struct jw *w, void *ctx, unsigned version)
{
	const struct validation_message *m = ctx;
	const struct st_object *v = m->v;
	uint32_t flags = st_u32_or(v, sfFlags, 0), seq;
	struct bytes signature, signing;
	struct public_key key;

	jw_put_str(w, "type", "validationReceived");
	write_amendments(w, v);
	put_drops_field(w, "base_fee", v, sfBaseFeeDrops);
	put_u32_field(w, "close_time", v, sfCloseTime);
	put_text_field(w, "cookie", v, sfCookie);
	jw_put_hex(w, "data", m->bytes.p, m->bytes.n);
	jw_put_u64(w, "flags", flags);
	jw_put_bool(w, "full", flags & VALIDATION_FULL);
	put_hash_field(w, "ledger_hash", v, sfLedgerHash);
	if (st_get_u32(v, sfLedgerSequence, &seq) && version > 1)
		jw_put_u64(w, "ledger_index", seq);
	else if (st_has(v, sfLedgerSequence))
		jw_put_text_u64(w, "ledger_index", seq);
	put_u32_field(w, "load_fee", v, sfLoadFee);
	jw_put_u64(w, "network_id", m->r->network_id);
	put_drops_field(w, "reserve_base", v, sfReserveBaseDrops);
	put_drops_field(w, "reserve_inc", v, sfReserveIncrementDrops);
	put_text_field(w, "server_version", v, sfServerVersion);
	if (st_get_raw(v, sfSignature, &signature))
		jw_put_hex(w, "signature", signature.p, signature.n);
	put_u32_field(w, "signing_time", v, sfSigningTime);
	put_hash_field(w, "validated_hash", v, sfValidatedHash);
	if (st_get_raw(v, sfSigningPubKey, &signing) && signing.n == sizeof(key.b)) {
		memcpy(key.b, signing.p, sizeof(key.b));
		jw_put_str(w, "validation_public_key", node_public_text(&key).s);
		if (public_key_cmp(&key, m->key))
			jw_put_str(w, "master_key", node_public_text(m->key).s);
	}
}

void rpc_on_validation(struct rpc *r, struct bytes validation, const struct public_key *key)
{
	struct validation_message m = {.r = r, .bytes = validation, .key = key};
	struct arena a = ARENA_INIT;
	struct st_object *v;
	struct broadcast b;

	if (!subs_has_stream(r->subs, STREAM_VALIDATIONS))
		return;
	if (st_decode(&v, &a, validation, NULL) == ERR_NONE) {
		m.v = v;
		broadcast_begin(&b, r->subs, write_validation, &m);
		broadcast_stream(&b, STREAM_VALIDATIONS);
		broadcast_end(&b);
	}
	arena_close(&a);
}

/* ---- manifests (rippled: NetworkOPs.cpp pubManifest) */

static void write_manifest(struct jw *w, void *ctx, unsigned version)
{
	const struct manifest *m = ctx;

	(void)version;
	jw_put_str(w, "type", "manifestReceived");
	if (m->domain[0])
		jw_put_str(w, "domain", m->domain);
	jw_put_hex(w, "manifest", m->bytes.p, m->bytes.n);
	jw_put_str(w, "master_key", node_public_text(&m->master).s);
	jw_put_hex(w, "master_signature", m->master_signature.p, m->master_signature.n);
	jw_put_u64(w, "seq", m->seq);
	if (manifest_revokes(m))
		return;
	jw_put_hex(w, "signature", m->signature.p, m->signature.n);
	jw_put_str(w, "signing_key", node_public_text(&m->signing).s);
}

void rpc_on_manifest(struct rpc *r, struct bytes manifest)
{
	struct manifest m;
	struct broadcast b;

	if (!subs_has_stream(r->subs, STREAM_MANIFESTS) ||
	    manifest_parse(&m, manifest, NULL) != ERR_NONE)
		return;
	broadcast_begin(&b, r->subs, write_manifest, &m);
	broadcast_stream(&b, STREAM_MANIFESTS);
	broadcast_end(&b);
}

/* ---- consensus and server */

static void write_phase(struct jw *w, void *ctx, unsigned version)
{
	(void)version;
	jw_put_str(w, "type", "consensusPhase");
	jw_put_str(w, "consensus", ctx);
}

/* The stream has the phases of rounds alone. */
void rpc_on_phase(struct rpc *r, enum cons_phase phase)
{
	const char *name = cons_phase_name(phase);
	char text[16];
	struct broadcast b;

	if (phase == CONS_IDLE)
		return;
	memcpy(text, name, strlen(name) + 1);
	broadcast_begin(&b, r->subs, write_phase, text);
	b.conflate = CONFLATE_CONSENSUS;
	broadcast_stream(&b, STREAM_CONSENSUS);
	broadcast_end(&b);
}

struct server_message {
	struct rpc *r;
	enum node_state state;
};

static void write_load(const struct rpc *r, struct jw *w)
{
	const struct view *open = node_open_view(r->host.node);

	if (open)
		jw_put_u64(w, "base_fee", view_get_info(open)->fees.base.raw); /* raw: printing */
	fees_write_machine(w, r->host.node);
}

static void write_server(struct jw *w, void *ctx, unsigned version)
{
	const struct server_message *m = ctx;

	(void)version;
	jw_put_str(w, "type", "serverStatus");
	write_load(m->r, w);
	jw_put_str(w, "server_status",
		   node_state_name(m->state > NODE_FULL ? NODE_FULL : m->state));
}

/* When the state has changed, or what a transaction costs. */
static void publish_server(struct rpc *r, enum node_state state)
{
	struct server_message m = {.r = r, .state = state};
	struct broadcast b;

	node_get_fees(r->host.node, &r->fees);
	broadcast_begin(&b, r->subs, write_server, &m);
	b.conflate = CONFLATE_SERVER;
	broadcast_stream(&b, STREAM_SERVER);
	broadcast_end(&b);
}

void stream_publish_fees(struct rpc *r)
{
	struct node_status s;
	struct node_fees now;

	if (!node_open_view(r->host.node))
		return;
	node_get_fees(r->host.node, &now);
	if (r->fees.reference && fees_have_changed(&r->fees, &now)) {
		node_get_status(r->host.node, r->host.now(r->host.ctx), &s);
		publish_server(r, s.state);
	}
	if (!r->fees.reference)
		r->fees = now;
}

void rpc_on_state(struct rpc *r, enum node_state state)
{
	cache_clear(r->cache); /* what the node may answer depends on it */
	publish_server(r, state);
}

/* ---- peer_status (rippled: PeerImp.cpp, onMessage of TMStatusChange) */

static void write_peer(struct jw *w, void *ctx, unsigned version)
{
	const struct rpc_peer_status *p = ctx;

	(void)version;
	jw_put_str(w, "type", "peerStatusChange");
	jw_put_str(w, "action", p->switched ? "SWITCHED_LEDGER" : "ACCEPTED_LEDGER");
	jw_put_u64(w, "date", p->date.s);
	jw_put_hash(w, "ledger_hash", &p->ledger);
	jw_put_u64(w, "ledger_index", p->seq);
	if (p->first == 0)
		return;
	jw_put_u64(w, "ledger_index_max", p->last);
	jw_put_u64(w, "ledger_index_min", p->first);
}

void rpc_on_peer(struct rpc *r, const struct rpc_peer_status *p)
{
	struct rpc_peer_status m = *p;
	struct broadcast b;

	broadcast_begin(&b, r->subs, write_peer, &m);
	broadcast_stream(&b, STREAM_PEER_STATUS);
	broadcast_end(&b);
}
