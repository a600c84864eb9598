/* SPDX-License-Identifier: ISC */
#include "rpc/methods.h"
#include "rpc/state.h"

#include "base/limits.h"
#include "crypto/base58.h"
#include "crypto/base64.h"

/* Whom this server trusts, and by which keys: validators, validator_list_sites, validator_info,
 * manifest (rippled: Validators.cpp, ValidatorListSites.cpp, ValidatorInfo.cpp, Manifest.cpp). */

static void put_base64(struct jw *w, const char *key, struct bytes v)
{
	struct buf b = BUF_INIT;

	base64_encode(&b, v);
	jw_key(w, key);
	jw_str_n(w, (const char *)b.p, b.n);
	buf_close(&b);
}

static void put_time(struct jw *w, const char *key, struct net_time t)
{
	char text[HUMAN_TEXT_MAX];

	tj_human_time(text, ((uint64_t)t.s + LEDGER_EPOCH_UNIX) * 1000000, false);
	jw_put_str(w, key, text);
}

static const struct publishers *publishers_of(const struct rpc_host *host)
{
	return host->publishers ? host->publishers(host->ctx) : NULL;
}

/* ---- the lists as a whole: also in server_info */

uint32_t server_list_expires(const struct rpc_host *host)
{
	const struct publishers *p = publishers_of(host);
	struct net_time at;

	if (!p)
		return UINT32_MAX;
	return publishers_expire(p, &at) ? at.s : 0;
}

void server_write_list(struct rpc_call *c, const struct node_status *s)
{
	const struct publishers *p = publishers_of(c->host);
	uint32_t at = server_list_expires(c->host), own = s->unl_n;
	const struct public_key *keys;
	struct jw *w = &c->w;

	if (p)
		own = publishers_own(p, &keys);
	jw_put_open(w, "validator_list", '{');
	jw_put_u64(w, "count", (p ? publishers_count(p) : 0) + (own > 0));
	if (at == UINT32_MAX)
		jw_put_str(w, "expiration", "never");
	else if (at)
		put_time(w, "expiration", (struct net_time){at});
	else
		jw_put_str(w, "expiration", "unknown");
	jw_put_str(w, "status", s->unl_blocked ? at ? "expired" : "unknown" : "active");
	if (p && publishers_count(p))
		jw_put_u64(w, "validator_list_threshold", publishers_threshold(p));
	jw_end(w, '}');
}

/* ---- validators */

static void write_keys(struct rpc_call *c, const char *name, const struct public_key *keys,
		       uint32_t n)
{
	jw_put_open(&c->w, name, '[');
	for (uint32_t i = 0; i < n; i++)
		jw_str(&c->w, node_public_text(&keys[i]).s);
	jw_end(&c->w, ']');
}

static void write_members(struct rpc_call *c, const char *name, uint32_t n)
{
	struct cons_validation last;
	struct public_key key;

	jw_put_open(&c->w, name, '[');
	for (uint32_t i = 0; i < n; i++) {
		node_unl_member(c->host->node, i, &key, &last);
		jw_str(&c->w, node_public_text(&key).s);
	}
	jw_end(&c->w, ']');
}

static void write_signing_keys(struct rpc_call *c)
{
	const struct public_key *keys;
	uint32_t n = node_listed(c->host->node, &keys);
	struct base58_text master;

	jw_put_open(&c->w, "signing_keys", '{');
	for (uint32_t i = 0; i < n; i++) {
		const struct manifest *m = node_manifest(c->host->node, &keys[i]);

		if (!m || manifest_revokes(m))
			continue;
		master = node_public_text(&keys[i]);
		jw_put_str(&c->w, master.s, node_public_text(&m->signing).s);
	}
	jw_end(&c->w, '}');
}

static void write_list(struct jw *w, const struct publisher_list *l)
{
	jw_put_str(w, "uri", l->uri ? l->uri : "");
	if (l->expiration.s) {
		jw_put_u64(w, "seq", l->seq);
		put_time(w, "expiration", l->expiration);
	}
	if (l->effective.s)
		put_time(w, "effective", l->effective);
	jw_put_open(w, "list", '[');
	for (uint32_t i = 0; i < l->n; i++)
		jw_str(w, node_public_text(&l->v[i].master).s);
	jw_end(w, ']');
}

static void write_publisher(struct jw *w, const struct publisher_info *p)
{
	jw_open(w, '{');
	jw_put_hex(w, "pubkey_publisher", p->key.b, sizeof(p->key.b));
	jw_put_bool(w, "available", p->status == PUBLISHER_AVAILABLE);
	write_list(w, &p->current);
	if (p->current.expiration.s)
		jw_put_u64(w, "version", p->version);
	if (p->n_later) {
		jw_put_open(w, "remaining", '[');
		for (uint32_t i = 0; i < p->n_later; i++) {
			jw_open(w, '{');
			write_list(w, &p->later[i]);
			jw_end(w, '}');
		}
		jw_end(w, ']');
	}
	jw_end(w, '}');
}

static void write_publishers(struct jw *w, const struct publishers *p)
{
	struct publisher_info info;

	jw_put_open(w, "publisher_lists", '[');
	for (uint32_t i = 0; p && i < publishers_count(p); i++) {
		publishers_get(p, i, &info);
		write_publisher(w, &info);
	}
	jw_end(w, ']');
}

static void write_member(struct rpc_call *c, uint32_t i)
{
	struct cons_validation last;
	struct public_key key;
	struct jw *w = &c->w;

	jw_open(w, '{');
	if (node_unl_member(c->host->node, i, &key, &last)) {
		jw_put_u64(w, "ledger_index", last.seq);
		jw_put_hash(w, "ledger_hash", &last.ledger);
		jw_put_u64(w, "signing_time", last.signed_at.s);
		jw_put_bool(w, "full", last.full);
	}
	jw_put_str(w, "validation_public_key", node_public_text(&key).s);
	jw_end(w, '}');
}

/* Members that sign what excludes each other, as long as this process remembers. */
static void write_evidence(struct rpc_call *c)
{
	struct jw *w = &c->w;
	struct node_evidence e;

	if (!node_evidence(c->host->node, 0, &e))
		return;
	jw_put_open(w, "evidence", '[');
	for (uint32_t i = 0; node_evidence(c->host->node, i, &e); i++) {
		bool ledgers = e.kind == CONS_TWO_VALIDATIONS;

		jw_open(w, '{');
		jw_put_str(w, "kind", ledgers ? "validations" : "proposals");
		jw_put_str(w, "validation_public_key", node_public_text(&e.key).s);
		jw_put_u64(w, ledgers ? "ledger_index" : "propose_seq", e.seq);
		if (!ledgers)
			jw_put_hash(w, "previous_ledger", &e.prev);
		jw_put_hash(w, "first", &e.a);
		jw_put_hash(w, "second", &e.b);
		jw_put_u64(w, "found", e.at.s);
		jw_end(w, '}');
	}
	jw_end(w, ']');
}

/* Those that nobody waits for; as the reference server names it, only when there are any. */
static void write_negative_unl(struct rpc_call *c)
{
	const struct negative_unl *u = node_negative_unl(c->host->node);

	if (!u->n)
		return;
	jw_put_open(&c->w, "NegativeUNL", '[');
	for (uint32_t i = 0; i < u->n; i++)
		jw_str(&c->w, node_public_text(&u->disabled[i]).s);
	jw_end(&c->w, ']');
}

void method_validators(struct rpc_call *c)
{
	const struct publishers *p = publishers_of(c->host);
	const struct public_key *own;
	struct node_status s;
	struct jw *w = &c->w;

	node_get_status(c->host->node, c->host->now(c->host->ctx), &s);
	write_negative_unl(c);
	write_evidence(c);
	if (p) {
		uint32_t n = publishers_own(p, &own); /* before own is an argument */

		write_keys(c, "local_static_keys", own, n);
	} else {
		write_members(c, "local_static_keys", s.unl_n);
	}
	write_publishers(w, p);
	write_signing_keys(c);
	write_members(c, "trusted_validator_keys", s.unl_n);
	jw_put_u64(w, "validation_quorum", s.quorum);
	server_write_list(c, &s);
	jw_put_open(w, "validations", '[');
	for (uint32_t i = 0; i < s.unl_n; i++)
		write_member(c, i);
	jw_end(w, ']');
}

/* ---- validator_list_sites */

static void write_site(struct jw *w, const struct rpc_list_site *s)
{
	char text[HUMAN_TEXT_MAX];

	jw_open(w, '{');
	jw_put_str(w, "uri", s->uri);
	tj_human_time(text, s->next_unix_ms * 1000, false);
	jw_put_str(w, "next_refresh_time", text);
	if (s->last_unix_ms) {
		tj_human_time(text, s->last_unix_ms * 1000, false);
		jw_put_str(w, "last_refresh_time", text);
		jw_put_str(w, "last_refresh_status", list_fate_text(s->fate));
		if (*s->message)
			jw_put_str(w, "last_refresh_message", s->message);
	}
	jw_put_u64(w, "refresh_interval_min", s->refresh_min);
	jw_end(w, '}');
}

void method_validator_list_sites(struct rpc_call *c)
{
	struct rpc_list_site *sites = arena_zalloc(&c->arena, RPC_LIST_SITES_MAX, sizeof(*sites));
	uint32_t n = c->host->list_sites
			 ? c->host->list_sites(c->host->ctx, sites, RPC_LIST_SITES_MAX)
			 : 0;

	jw_put_open(&c->w, "validator_sites", '[');
	for (uint32_t i = 0; i < n && i < RPC_LIST_SITES_MAX; i++)
		write_site(&c->w, &sites[i]);
	jw_end(&c->w, ']');
}

/* ---- one validator */

void method_validator_info(struct rpc_call *c)
{
	const struct manifest *m;
	struct node_status s;
	struct jw *w = &c->w;

	node_get_status(c->host->node, c->host->now(c->host->ctx), &s);
	if (!s.validator) {
		rpc_fail_text(c, RPC_INVALID_PARAMS, "not a validator");
		return;
	}
	if (!public_key_cmp(&s.validator_master, &s.validator_key)) {
		jw_put_str(w, "master_key", node_public_text(&s.validator_key).s);
		return;
	}
	m = node_manifest(c->host->node, &s.validator_master);
	jw_put_str(w, "ephemeral_key", node_public_text(&s.validator_key).s);
	if (m && m->domain[0])
		jw_put_str(w, "domain", m->domain);
	if (m)
		put_base64(w, "manifest", m->bytes);
	jw_put_str(w, "master_key", node_public_text(&s.validator_master).s);
	if (m)
		jw_put_u64(w, "seq", m->seq);
}

void method_manifest(struct rpc_call *c)
{
	const char *text = p_text(c, "public_key");
	const struct manifest *m;
	struct public_key key;
	struct jw *w = &c->w;

	if (!p_has(c, "public_key")) {
		rpc_fail_missing(c, "public_key");
		return;
	}
	jw_put_str(w, "requested", text ? text : "");
	if (!text || node_public_parse(&key, text) != ERR_NONE) {
		rpc_fail(c, RPC_INVALID_PARAMS);
		return;
	}
	m = node_manifest(c->host->node, &key);
	if (!m || manifest_revokes(m)) /* a key that is not known, or no more, is shown bare */
		return;
	jw_put_open(w, "details", '{');
	if (m->domain[0])
		jw_put_str(w, "domain", m->domain);
	jw_put_str(w, "ephemeral_key", node_public_text(&m->signing).s);
	jw_put_str(w, "master_key", node_public_text(&m->master).s);
	jw_put_u64(w, "seq", m->seq);
	jw_end(w, '}');
	put_base64(w, "manifest", m->bytes);
}
