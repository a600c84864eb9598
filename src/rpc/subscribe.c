/* SPDX-License-Identifier: ISC */
#include "rpc/methods.h"
#include "rpc/state.h"
#include "rpc/streams.h"
#include "rpc/subs.h"

#include "base/limits.h"
#include "crypto/base58.h"

/* subscribe and unsubscribe (rippled: Subscribe.cpp, Unsubscribe.cpp). */

/* ---- What subscribers are told at once */

static void write_server(struct rpc_call *c)
{
	char name[RPC_HOST_NAME_MAX];
	struct node_status s;
	struct hash256 random;
	struct jw *w = &c->w;

	node_get_status(c->host->node, c->host->now(c->host->ctx), &s);
	c->host->random(c->host->ctx, random.b, sizeof(random.b));
	server_host_name(c->host, c->from.admin, name);
	jw_put_str(w, "hostid", name);
	jw_put_u64(w, "load_base", 256);
	jw_put_u64(w, "load_factor", 256);
	server_write_key(w, c->host);
	jw_put_hash(w, "random", &random);
	jw_put_str(w, "server_status",
		   node_state_name(!c->from.admin && s.state > NODE_FULL ? NODE_FULL : s.state));
	if (s.standalone)
		jw_put_bool(w, "stand_alone", true);
}

static void write_ledger(struct rpc_call *c)
{
	const struct ledger *l = node_validated(c->host->node);

	if (l)
		stream_write_ledger(c->r, &c->w, l);
}

/* ---- What is asked for, checked as a whole before anything is changed */

struct wanted {
	bool streams[STREAM_COUNT];
	struct account_id *accounts[SUB_ACCOUNTS_KINDS]; /* on the call's arena */
	uint32_t n_accounts[SUB_ACCOUNTS_KINDS];
};

static bool parse_streams(struct rpc_call *c, struct wanted *out)
{
	const json_t *list = json_object_get(c->p, "streams");
	enum stream stream;

	if (list && !json_is_array(list))
		return rpc_fail(c, RPC_INVALID_PARAMS);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_string_value(json_array_get(list, i));

		if (!name || !stream_by_name(&stream, name))
			return rpc_fail(c, RPC_MALFORMED_STREAM);
		if (stream == STREAM_PEER_STATUS && !c->from.admin)
			return rpc_fail(c, RPC_NO_PERMISSION);
		out->streams[stream] = true;
	}
	return true;
}

static bool parse_accounts(struct rpc_call *c, const char *key, enum sub_accounts kind,
			   struct wanted *out)
{
	const json_t *list = json_object_get(c->p, key);
	size_t n = json_array_size(list);

	if (!list)
		return true;
	if (!json_is_array(list))
		return rpc_fail(c, RPC_INVALID_PARAMS);
	if (n == 0)
		return rpc_fail(c, RPC_ACT_MALFORMED);
	if (n > RPC_SUB_ACCOUNTS_CONN_MAX)
		return rpc_fail(c, RPC_TOO_BUSY);
	out->accounts[kind] = arena_alloc(&c->arena, n * sizeof(struct account_id));
	out->n_accounts[kind] = (uint32_t)n;
	for (size_t i = 0; i < n; i++)
		if (!json_to_account(json_array_get(list, i), &out->accounts[kind][i]))
			return rpc_fail(c, RPC_ACT_MALFORMED);
	return true;
}

static bool parse(struct rpc_call *c, struct wanted *out)
{
	const char *proposed = p_has(c, "accounts_proposed") ? "accounts_proposed" : "rt_accounts";

	if (p_has(c, "url"))
		return rpc_fail(c, c->from.admin ? RPC_NOT_SUPPORTED : RPC_NO_PERMISSION);
	if (!c->from.websocket)
		return rpc_fail(c, RPC_INVALID_PARAMS);
	if (p_has(c, "books") || p_has(c, "account_history_tx_stream"))
		return rpc_fail(c, RPC_NOT_SUPPORTED);
	return parse_streams(c, out) && parse_accounts(c, proposed, SUB_ACCOUNTS_PROPOSED, out) &&
	       parse_accounts(c, "accounts", SUB_ACCOUNTS, out);
}

void method_subscribe(struct rpc_call *c)
{
	struct wanted want = {0};
	struct sub_conn *conn;

	if (!parse(c, &want))
		return;
	conn = subs_conn(c->r->subs, c->from.conn, c->version, true);
	if (!conn) {
		rpc_fail(c, RPC_TOO_BUSY);
		return;
	}
	for (int kind = 0; kind < SUB_ACCOUNTS_KINDS; kind++)
		for (uint32_t i = 0; i < want.n_accounts[kind]; i++)
			if (!subs_account_add(c->r->subs, conn, (enum sub_accounts)kind,
					      &want.accounts[kind][i])) {
				rpc_fail(c, RPC_TOO_BUSY);
				return;
			}
	for (int i = 0; i < STREAM_COUNT; i++)
		if (want.streams[i])
			subs_stream_add(c->r->subs, conn, (enum stream)i);
	if (want.streams[STREAM_SERVER])
		write_server(c);
	if (want.streams[STREAM_LEDGER])
		write_ledger(c);
}

void method_unsubscribe(struct rpc_call *c)
{
	struct wanted want = {0};
	struct sub_conn *conn;

	if (!parse(c, &want))
		return;
	conn = subs_conn(c->r->subs, c->from.conn, c->version, false);
	if (!conn)
		return;
	for (int kind = 0; kind < SUB_ACCOUNTS_KINDS; kind++)
		for (uint32_t i = 0; i < want.n_accounts[kind]; i++)
			subs_account_del(c->r->subs, conn, (enum sub_accounts)kind,
					 &want.accounts[kind][i]);
	for (int i = 0; i < STREAM_COUNT; i++)
		if (want.streams[i])
			subs_stream_del(c->r->subs, conn, (enum stream)i);
}
