/* SPDX-License-Identifier: ISC */
#include "rpc/call.h"
#include "rpc/state.h"
#include "rpc/streams.h"
#include "rpc/subs.h"

#include "base/limits.h"
#include "crypto/base58.h"
#include "ledger/affected.h"

#include <stdlib.h>

/* Messages of the streams (rippled: NetworkOPs.cpp, the pub functions). */

/* ---- ledger */

struct ledger_message {
	struct rpc *r;
	const struct ledger *l;
	struct ledger_fees fees;
	bool units; /* before XRPFees */
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

static void write_ledger_closed(struct jw *w, void *ctx, unsigned version)
{
	const struct ledger_message *m = ctx;

	(void)version;
	jw_put_str(w, "type", "ledgerClosed");
	stream_write_ledger(m->r, w, m->l);
	jw_put_u64(w, "txn_count", m->txs);
}

/* ---- transactions */

struct tx_message {
	struct rpc *r;
	const struct ledger *l; /* NULL: proposed */
	uint32_t seq;           /* of the ledger, or of the open one */
	struct hash256 id;
	const struct st_object *tx, *meta;
	enum ter result;
};

static void write_tx_place(struct jw *w, const struct tx_message *m)
{
	char iso[ISO_TEXT_MAX];

	if (!m->l) {
		jw_put_u64(w, "ledger_current_index", m->seq);
		jw_put_bool(w, "validated", false);
		return;
	}
	jw_put_hash(w, "ledger_hash", &m->l->hash);
	jw_put_u64(w, "ledger_index", m->seq);
	jw_put_bool(w, "validated", true);
	tj_iso_time(iso, m->l->header.close);
	jw_put_str(w, "close_time_iso", iso);
}

static void write_ctid(struct jw *w, const struct tx_message *m)
{
	uint32_t index = st_u32_or(m->meta, sfTransactionIndex, UINT32_MAX);
	char ctid[17];

	if (tj_ctid(ctid, m->seq, index, st_u32_or(m->tx, sfNetworkID, m->r->network_id)))
		jw_put_str(w, "ctid", ctid);
}

static void write_tx(struct jw *w, void *ctx, unsigned version)
{
	const struct tx_message *m = ctx;
	json_t *shown = tj_tx(m->tx, &m->id, version);

	jw_put_str(w, "type", "transaction");
	if (m->l)
		json_object_set_new(shown, "date", json_integer(m->l->header.close.s));
	jw_put_json(w, version > 1 ? "tx_json" : "transaction", shown);
	json_decref(shown);
	if (version > 1)
		jw_put_hash(w, "hash", &m->id);
	write_tx_place(w, m);
	if (m->meta) {
		write_ctid(w, m);
		shown = tj_meta(m->meta, m->tx);
		jw_put_json(w, "meta", shown);
		json_decref(shown);
	}
	jw_put_str(w, "status", m->l ? "closed" : "proposed");
	tj_result(w, m->result, NULL);
}

static void publish_validated(struct rpc *r, struct tx_message *m, struct arena *a)
{
	struct account_id *accounts;
	struct broadcast b;
	size_t n;

	broadcast_begin(&b, r->subs, write_tx, m);
	broadcast_stream(&b, STREAM_TRANSACTIONS);
	broadcast_stream(&b, STREAM_PROPOSED);
	if (subs_has_accounts(r->subs, SUB_ACCOUNTS) ||
	    subs_has_accounts(r->subs, SUB_ACCOUNTS_PROPOSED)) {
		n = affected_accounts(m->meta, a, &accounts);
		for (size_t i = 0; i < n; i++) {
			broadcast_account(&b, SUB_ACCOUNTS, &accounts[i]);
			broadcast_account(&b, SUB_ACCOUNTS_PROPOSED, &accounts[i]);
		}
	}
	broadcast_end(&b);
}

/* Transactions of a ledger in the order in which they were applied. */
struct ledger_tx {
	struct hash256 id;
	struct bytes tx, meta;
	uint32_t index;
};

static int by_index(const void *a, const void *b)
{
	const struct ledger_tx *x = a, *y = b;

	if (x->index != y->index)
		return x->index < y->index ? -1 : 1;
	return hash256_cmp(&x->id, &y->id);
}

/* TransactionIndex: canonical metadata begins with it (type UINT32, number 28), so that there is no
 * need to decode all of it for this. */
static uint32_t index_of(struct bytes meta)
{
	must(sfTransactionIndex == ((ST_UINT32 << 16) | 28));
	if (meta.n < 6 || meta.p[0] != 0x20 || meta.p[1] != 28)
		return UINT32_MAX;
	return load_be32(meta.p + 2);
}

static struct ledger_tx *collect(const struct ledger *l, uint32_t *count)
{
	struct ledger_tx *list = NULL;
	uint32_t n = 0, cap = 0;
	struct hash256 id, at;
	struct bytes leaf;
	enum found f = tree_next(&l->txs, NULL, &id, &leaf);

	while (f == FOUND && n < LEDGER_TX_MAX) {
		if (n == cap) {
			cap = cap ? 2 * cap : 64;
			list = mem_resize(list, cap, sizeof(*list));
		}
		list[n] = (struct ledger_tx){.id = id};
		if (tx_leaf_split(leaf, &list[n].tx, &list[n].meta) == ERR_NONE) {
			list[n].index = index_of(list[n].meta);
			n++;
		}
		at = id;
		f = tree_next(&l->txs, &at, &id, &leaf);
	}
	if (n > 0)
		qsort(list, n, sizeof(*list), by_index);
	*count = n;
	return list;
}

static void publish_txs(struct rpc *r, const struct ledger *l, const struct ledger_tx *list,
			uint32_t n)
{
	struct arena a = ARENA_INIT;

	for (uint32_t i = 0; i < n; i++) {
		struct tx_message m = {.r = r, .l = l, .seq = l->header.seq, .id = list[i].id};
		struct st_object *tx, *meta;
		uint8_t result = 0;

		if (st_decode(&tx, &a, list[i].tx, NULL) == ERR_NONE &&
		    st_decode(&meta, &a, list[i].meta, NULL) == ERR_NONE) {
			st_get_u8(meta, sfTransactionResult, &result);
			m.tx = tx;
			m.meta = meta;
			m.result = (enum ter)result;
			publish_validated(r, &m, &a);
		}
		arena_reset(&a);
	}
	arena_close(&a);
}

static uint32_t count_txs(const struct ledger *l)
{
	uint64_t n = 0;

	return tree_count(&l->txs, &n) == FOUND ? (uint32_t)n : 0;
}

void rpc_on_ledger(struct rpc *r, struct ledger *validated)
{
	struct ledger_message m = {.r = r, .l = validated};
	struct ledger_tx *list;
	struct broadcast b;
	uint32_t n;

	if (subs_has_stream(r->subs, STREAM_LEDGER)) {
		m.txs = count_txs(validated);
		broadcast_begin(&b, r->subs, write_ledger_closed, &m);
		broadcast_stream(&b, STREAM_LEDGER);
		broadcast_end(&b);
	}
	if (!subs_has_stream(r->subs, STREAM_TRANSACTIONS) &&
	    !subs_has_stream(r->subs, STREAM_PROPOSED) &&
	    !subs_has_accounts(r->subs, SUB_ACCOUNTS) &&
	    !subs_has_accounts(r->subs, SUB_ACCOUNTS_PROPOSED))
		return;
	list = collect(validated, &n);
	publish_txs(r, validated, list, n);
	mem_free(list);
}

/* ---- transactions_proposed */

/* Accounts that a transaction names: its account fields and the issuers of its amounts. */
static void broadcast_mentioned(struct broadcast *b, const struct st_object *tx)
{
	for (uint32_t i = 0; i < tx->n; i++) {
		const struct st_value *v = &tx->v[i];
		struct account_id id;
		struct amount amount;

		if (sf_type(v->field) == ST_ACCOUNT && st_get_account(tx, v->field, &id))
			broadcast_account(b, SUB_ACCOUNTS_PROPOSED, &id);
		if (sf_type(v->field) == ST_AMOUNT && amount_decode(&amount, v->raw) == ERR_NONE &&
		    amount.kind == AMOUNT_IOU)
			broadcast_account(b, SUB_ACCOUNTS_PROPOSED, &amount.issuer);
	}
}

void rpc_on_proposed(struct rpc *r, const struct tx *tx, enum ter result)
{
	const struct view *open = node_open_view(r->host.node);
	struct tx_message m = {.r = r, .id = tx->id, .tx = tx->fields, .result = result};
	struct broadcast b;

	if (!subs_has_stream(r->subs, STREAM_PROPOSED) &&
	    !subs_has_accounts(r->subs, SUB_ACCOUNTS_PROPOSED))
		return;
	m.seq = open ? view_get_info(open)->seq : 0;
	broadcast_begin(&b, r->subs, write_tx, &m);
	broadcast_stream(&b, STREAM_PROPOSED);
	broadcast_mentioned(&b, tx->fields);
	broadcast_end(&b);
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

static const char *phase_name(enum cons_phase phase)
{
	switch (phase) {
	case CONS_OPEN:
		return "open";
	case CONS_ESTABLISH:
		return "establish";
	case CONS_ACCEPTED:
		return "accepted";
	case CONS_IDLE:
		return NULL;
	}
	return NULL;
}

void rpc_on_phase(struct rpc *r, enum cons_phase phase)
{
	const char *name = phase_name(phase);
	char text[16];
	struct broadcast b;

	if (!name)
		return;
	memcpy(text, name, strlen(name) + 1);
	broadcast_begin(&b, r->subs, write_phase, text);
	broadcast_stream(&b, STREAM_CONSENSUS);
	broadcast_end(&b);
}

struct server_message {
	struct rpc *r;
	enum node_state state;
};

static void write_server(struct jw *w, void *ctx, unsigned version)
{
	const struct server_message *m = ctx;
	const struct view *open = node_open_view(m->r->host.node);

	(void)version;
	jw_put_str(w, "type", "serverStatus");
	if (open)
		jw_put_u64(w, "base_fee", view_get_info(open)->fees.base.raw); /* raw: printing */
	jw_put_u64(w, "load_base", 256);
	jw_put_u64(w, "load_factor", 256);
	jw_put_u64(w, "load_factor_fee_escalation", 256);
	jw_put_u64(w, "load_factor_fee_queue", 256);
	jw_put_u64(w, "load_factor_fee_reference", 256);
	jw_put_u64(w, "load_factor_server", 256);
	jw_put_str(w, "server_status",
		   node_state_name(m->state > NODE_FULL ? NODE_FULL : m->state));
}

void rpc_on_state(struct rpc *r, enum node_state state)
{
	struct server_message m = {.r = r, .state = state};
	struct broadcast b;

	broadcast_begin(&b, r->subs, write_server, &m);
	broadcast_stream(&b, STREAM_SERVER);
	broadcast_end(&b);
}
