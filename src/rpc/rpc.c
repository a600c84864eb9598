/* SPDX-License-Identifier: ISC */
#include "rpc/cache.h"
#include "rpc/call.h"
#include "rpc/history_feed.h"
#include "rpc/state.h"
#include "rpc/subs.h"

#include "base/limits.h"

#include <stdio.h>

struct rpc_text *rpc_text_ref(struct rpc_text *t)
{
	must(t->refs > 0);
	t->refs++;
	return t;
}

void rpc_text_unref(struct rpc_text *t)
{
	if (!t)
		return;
	must(t->refs > 0);
	if (--t->refs == 0)
		mem_free(t);
}

struct rpc *rpc_open(const struct rpc_host *host)
{
	struct rpc *r = mem_zalloc(1, sizeof(*r));
	struct node_status s;

	must(host->reply && host->node && host->history && host->now);
	r->host = *host;
	node_get_status(host->node, host->now(host->ctx), &s);
	r->standalone = s.standalone;
	r->network_id = s.network_id;
	r->parked = mem_zalloc(RPC_PENDING_MAX, sizeof(struct rpc_call *));
	r->free_slots = mem_zalloc(RPC_PENDING_MAX, sizeof(uint32_t));
	for (uint32_t i = 0; i < RPC_PENDING_MAX; i++)
		r->free_slots[i] = RPC_PENDING_MAX - 1 - i;
	r->n_free = RPC_PENDING_MAX;
	r->subs = subs_open(&r->host);
	if (host->cache_bytes)
		r->cache = cache_open(&r->host, r->standalone);
	return r;
}

static void call_free(struct rpc_call *c)
{
	rpc_ledger_drop(&c->ledger);
	tx_unref(c->later.tx);
	json_decref(c->request);
	jw_close(&c->w);
	arena_close(&c->arena);
	mem_free(c);
}

void rpc_close(struct rpc *r)
{
	if (!r)
		return;
	for (uint32_t i = 0; i < RPC_PENDING_MAX; i++)
		if (r->parked[i])
			call_free(r->parked[i]);
	subs_close(r->subs);
	cache_close(r->cache);
	buf_close(&r->again);
	mem_free(r->parked);
	mem_free(r->free_slots);
	buf_close(&r->definitions);
	rules_unref(r->rules);
	mem_free(r);
}

/* ---- Envelope (rippled: ServerHandler.cpp) */

/* The form in which an HTTP reply is wanted. */
static const char *ripplerpc_of(const struct rpc_call *c)
{
	const char *s = p_text(c, "ripplerpc");

	return s ? s : "1.0";
}

/* What the call costs is known when its answer is. A fault of the caller's making costs more than
 * a plain request, as in the reference. True: the caller is to be warned. */
static bool charge(struct rpc_call *c)
{
	if (c->fault.token && c->cost < RPC_COST_FAULT)
		c->cost = RPC_COST_FAULT;
	c->cost += (uint32_t)((c->n_body + c->w.out.n) / 1024) * RPC_COST_PER_KB;
	return c->host->charge && c->host->charge(c->host->ctx, &c->from, c->cost);
}

static void reply(struct rpc_call *c, int status)
{
	if (!c->from.websocket)
		buf_put_u8(&c->w.out, '\n');
	rpc_keep_answer(c);
	rpc_tell_done(c);
	c->host->reply(c->host->ctx, c->from.request, status, buf_bytes(&c->w.out));
}

/* The request as it is shown in an error: secrets covered. */
static void write_request(struct rpc_call *c)
{
	static const char *const secrets[] = {"passphrase", "secret", "seed", "seed_hex"};
	json_t *shown = c->from.websocket ? c->request : c->p;

	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
		if (json_object_get(shown, secrets[i]))
			json_object_set_new(shown, secrets[i], json_string("<masked>"));
	jw_put_json(&c->w, "request", shown);
}

static void echo(struct rpc_call *c, const char *key)
{
	const json_t *v = json_object_get(c->p, key);

	if (v)
		jw_put_json(&c->w, key, v);
}

/* Remembers where it stands, to put another one there. */
static void echo_id(struct rpc_call *c)
{
	const json_t *v = json_object_get(c->p, "id");

	if (!v)
		return;
	jw_key(&c->w, "id");
	c->id_at = (uint32_t)c->w.out.n;
	jw_json(&c->w, v);
	c->id_n = (uint32_t)c->w.out.n - c->id_at;
}

/* Members beside the result: what the client sent to match replies with. */
static void write_echoes(struct rpc_call *c)
{
	c->echo_at = (uint32_t)c->w.out.n;
	if (c->warn)
		jw_put_str(&c->w, "warning", "load");
	echo_id(c);
	echo(c, "jsonrpc");
	echo(c, "ripplerpc");
	if (c->from.websocket) {
		echo(c, "api_version");
		jw_put_str(&c->w, "type", "response");
	}
}

static void write_fault(struct rpc_call *c, bool ripplerpc2)
{
	struct jw *w = &c->w;

	jw_put_str(w, "error", c->fault.token);
	if (c->fault.code != RPC_OK) {
		jw_put_u64(w, "error_code", c->fault.code);
		if (ripplerpc2)
			jw_put_u64(w, "code", c->fault.code);
		jw_put_str(w, ripplerpc2 ? "message" : "error_message", c->fault.message);
	}
	jw_put_str(w, "status", "error");
}

/* Turns {"result":{<members> into {"<with>":{<members>, or into {<members> when with is NULL. */
static void rewrap(struct rpc_call *c, const char *with)
{
	struct jw old = c->w;
	bool members = old.comma;
	size_t skip = strlen("{\"result\":{");

	must(old.depth == 2 && old.out.n >= skip);
	c->w = JW_INIT;
	jw_open(&c->w, '{');
	if (with)
		jw_put_open(&c->w, with, '{');
	buf_put(&c->w.out, old.out.p + skip, old.out.n - skip);
	c->w.comma = members;
	jw_close(&old);
}

static void finish_failure_websocket(struct rpc_call *c)
{
	rewrap(c, NULL);
	write_fault(c, false);
	write_request(c);
	write_echoes(c);
	jw_end(&c->w, '}');
	reply(c, 200);
}

static void finish_failure_http(struct rpc_call *c)
{
	const char *ripplerpc = ripplerpc_of(c);
	bool v2 = strcmp(ripplerpc, "2.0") >= 0;
	bool v3 = strcmp(ripplerpc, "3.0") >= 0;

	if (v2)
		rewrap(c, "error");
	write_fault(c, v2);
	if (!v2)
		write_request(c);
	jw_end(&c->w, '}');
	write_echoes(c);
	jw_end(&c->w, '}');
	reply(c, v3 && c->fault.code != RPC_OK ? rpc_error_http(c->fault.code) : 200);
}

static void finish_success(struct rpc_call *c)
{
	struct jw *w = &c->w;

	if (c->from.websocket) {
		jw_end(w, '}');
		jw_put_str(w, "status", "success");
	} else {
		jw_put_str(w, "status", "success");
		jw_end(w, '}');
	}
	write_echoes(c);
	jw_end(w, '}');
	reply(c, 200);
}

static void finish(struct rpc_call *c)
{
	must(c->w.depth == 2);
	c->warn = c->refused || charge(c);
	if (!c->fault.token)
		finish_success(c);
	else if (c->from.websocket)
		finish_failure_websocket(c);
	else
		finish_failure_http(c);
	call_free(c);
}

void rpc_forget_written(struct rpc_call *c)
{
	buf_clear(&c->w.out);
	c->w.depth = 0;
	c->w.comma = false;
	jw_open(&c->w, '{');
	jw_put_open(&c->w, "result", '{');
}

/* ---- Calls that wait for the node */

static bool park(struct rpc_call *c, uint64_t *token)
{
	struct rpc *r = c->r;
	uint32_t slot;

	if (r->n_free == 0)
		return rpc_fail(c, RPC_TOO_BUSY);
	slot = r->free_slots[--r->n_free];
	must(!r->parked[slot]);
	r->parked[slot] = c;
	c->token = ++r->generation << 16 | slot;
	*token = c->token;
	c->key = NULL; /* of a request that is gone when the answer comes */
	return true;
}

/* The call with that token, no longer parked; NULL when there is none. */
static struct rpc_call *unpark(struct rpc *r, uint64_t token)
{
	uint32_t slot = token & 0xFFFF;
	struct rpc_call *c = slot < RPC_PENDING_MAX ? r->parked[slot] : NULL;

	if (!c || c->token != token)
		return NULL;
	r->parked[slot] = NULL;
	r->free_slots[r->n_free++] = slot;
	return c;
}
_Static_assert(RPC_PENDING_MAX <= 0x10000, "a slot is the low 16 bits of a token");

void rpc_submitted(struct rpc *r, const struct node_submitted *s)
{
	struct rpc_call *c = unpark(r, s->token);

	if (!c)
		return;
	must(c->later.kind == RPC_SUBMIT_THEN_REPLY);
	c->later.finish(c, s);
	finish(c);
}

void rpc_accepted(struct rpc *r, uint64_t token, uint32_t open_seq, enum err err)
{
	struct rpc_call *c = unpark(r, token);

	if (!c)
		return;
	must(c->later.kind == RPC_ACCEPT_THEN_REPLY);
	c->later.finish_accept(c, open_seq, err);
	finish(c);
}

/* After the method has run. The host may answer before it returns: c is gone then. */
static void conclude(struct rpc_call *c)
{
	const struct rpc_host *host = c->host;
	enum rpc_later_kind kind = c->fault.token ? RPC_REPLY_NOW : c->later.kind;
	uint64_t token;

	switch (kind) {
	case RPC_REPLY_NOW:
		finish(c);
		return;
	case RPC_SUBMIT_THEN_REPLY:
		if (!park(c, &token))
			finish(c);
		else
			host->submit(host->ctx, c->later.tx, c->later.fail_hard, token);
		return;
	case RPC_ACCEPT_THEN_REPLY:
		if (!park(c, &token))
			finish(c);
		else
			host->accept(host->ctx, token);
		return;
	case RPC_REPLY_THEN_STOP:
		finish(c);
		host->stop(host->ctx);
		return;
	}
	must(false); /* a way to conclude that does not exist */
}

/* ---- Requests */

static bool condition_met(struct rpc_call *c, enum rpc_condition condition)
{
	struct node_status s;

	if (condition == RPC_NEEDS_NONE)
		return true;
	node_get_status(c->host->node, c->host->now(c->host->ctx), &s);
	if (s.state < NODE_SYNCING && !s.standalone)
		return rpc_fail_behind(c, RPC_NO_NETWORK);
	if (!s.standalone && rpc_validated_age(c->host) > RPC_VALIDATED_AGE_MAX)
		return rpc_fail_behind(c, RPC_NO_CURRENT);
	if (!node_closed(c->host->node))
		return rpc_fail_behind(c, RPC_NO_CLOSED);
	return true;
}

/* Plain text, as the reference answers what it cannot take for a call. */
static void refuse_http(struct rpc_call *c, int status, const char *text)
{
	jw_close(&c->w);
	c->cost = RPC_COST_MALFORMED;
	c->fault.token = "malformed";
	charge(c);
	buf_printf(&c->w.out, "%s\r\n", text);
	rpc_tell_done(c);
	c->host->reply(c->host->ctx, c->from.request, status, buf_bytes(&c->w.out));
	call_free(c);
}

/* The version a request asks for; 0 when it is none that is spoken here. */
static unsigned version_of(const json_t *params)
{
	const json_t *v = json_object_get(params, "api_version");
	json_int_t n = json_integer_value(v);

	if (!v)
		return RPC_VERSION_DEFAULT;
	return json_is_integer(v) && n >= RPC_VERSION_MIN && n <= RPC_VERSION_MAX ? (unsigned)n : 0;
}

static void dispatch(struct rpc_call *c, const char *name)
{
	rpc_forget_written(c);
	c->method = rpc_method_find(name, c->version);
	c->cost = c->method ? c->method->cost : RPC_COST_MALFORMED;
	if (!c->method)
		rpc_fail(c, RPC_UNKNOWN_CMD);
	else if (c->method->role == RPC_ADMIN && !c->from.admin)
		rpc_fail(c, RPC_FORBIDDEN);
	else if (condition_met(c, c->method->condition))
		c->method->run(c);
	conclude(c);
}

/* What the params of an HTTP call are: an object of its own when there are none. NULL: not so. */
static json_t *http_params(json_t *request)
{
	json_t *list = json_object_get(request, "params");
	json_t *first = json_array_get(list, 0);

	if (first && json_array_size(list) == 1 && json_is_object(first))
		return first;
	if (list && !json_is_null(list) &&
	    !(json_is_array(list) && json_array_size(list) <= 1 && (!first || json_is_null(first))))
		return NULL;
	first = json_object();
	json_object_set_new(request, "params", first);
	return first;
}

static void request_http(struct rpc_call *c)
{
	const json_t *method = json_object_get(c->request, "method");
	const char *name = json_string_value(method);
	const json_t *rpc;

	if (!method || json_is_null(method)) {
		refuse_http(c, 400, "Null method");
		return;
	}
	if (!name || !*name) {
		refuse_http(c, 400, name ? "method is empty" : "method is not string");
		return;
	}
	c->p = http_params(c->request);
	if (!c->p) {
		refuse_http(c, 400, "params unparsable");
		return;
	}
	c->version = version_of(c->p);
	if (c->version == 0) {
		refuse_http(c, 400, "invalid_API_version");
		return;
	}
	rpc = json_object_get(c->p, "ripplerpc");
	if (rpc && !json_is_string(rpc)) {
		refuse_http(c, 400, "ripplerpc is not a string");
		return;
	}
	c->method = rpc_method_find(name, c->version);
	if (c->method && c->method->role == RPC_ADMIN && !c->from.admin) {
		refuse_http(c, 403, "Forbidden");
		return;
	}
	json_object_set(c->p, "command", json_object_get(c->request, "method"));
	dispatch(c, name);
}

/* A WebSocket message that names no command, or another version: no number, as the reference. */
static void refuse_websocket(struct rpc_call *c, const char *token)
{
	struct jw *w = &c->w;

	c->cost = RPC_COST_MALFORMED;
	c->fault.token = token;
	c->warn = charge(c);
	jw_open(w, '{');
	jw_put_str(w, "status", "error");
	jw_put_str(w, "error", token);
	write_request(c);
	write_echoes(c);
	jw_end(w, '}');
	reply(c, 200);
	call_free(c);
}

static void request_websocket(struct rpc_call *c)
{
	const json_t *command = json_object_get(c->request, "command");
	const json_t *method = json_object_get(c->request, "method");
	const json_t *named = command ? command : method;

	c->p = c->request;
	c->version = version_of(c->p);
	if (c->version == 0)
		refuse_websocket(c, "invalid_API_version");
	else if (!json_is_string(named) || (method && !json_equal(named, method)))
		refuse_websocket(c, "missingCommand");
	else
		dispatch(c, json_string_value(named));
}

static void refuse_text(struct rpc_call *c, struct bytes body, struct why *why)
{
	struct jw *w = &c->w;
	json_t *value;
	char text[WHY_MAX + 40];

	rpc_plain_text(why->text);
	if (!c->from.websocket) {
		snprintf(text, sizeof(text), "Unable to parse request: %s", why->text);
		refuse_http(c, 400, text);
		return;
	}
	c->cost = RPC_COST_MALFORMED;
	c->fault.token = "jsonInvalid";
	charge(c);
	jw_open(w, '{');
	jw_put_str(w, "type", "error");
	jw_put_str(w, "error", "jsonInvalid");
	jw_put_str(w, "error_message", why->text);
	/* The text goes back only if it is short and fit for JSON at all. */
	value = body.n <= RPC_ECHO_MAX ? json_stringn((const char *)body.p, body.n) : NULL;
	if (value)
		jw_put_json(w, "value", value);
	json_decref(value);
	jw_end(w, '}');
	reply(c, 200);
	call_free(c);
}

static struct rpc_call *call_new(struct rpc *r, const struct rpc_origin *from, size_t n_body)
{
	struct rpc_call *c = mem_zalloc(1, sizeof(*c));

	c->r = r;
	c->host = &r->host;
	c->from = *from;
	c->n_body = n_body;
	c->came_us = r->host.us ? r->host.us(r->host.ctx) : 0;
	snprintf(c->address, sizeof(c->address), "%s", from->address ? from->address : "");
	c->from.address = c->address;
	r->requests++;
	return c;
}

void rpc_refuse(struct rpc *r, const struct rpc_origin *from, struct bytes body, enum rpc_error e)
{
	struct rpc_call *c = call_new(r, from, body.n);
	struct why why;

	/* Only to find the id: nothing long is worth it. */
	if (body.n > RPC_ECHO_MAX || json_parse_bounded(&c->request, body, &why) != ERR_NONE ||
	    !json_is_object(c->request)) {
		json_decref(c->request);
		c->request = json_object();
	}
	c->p = c->request;
	c->refused = true;
	rpc_forget_written(c);
	rpc_fail(c, e);
	finish(c);
}

void rpc_request(struct rpc *r, const struct rpc_origin *from, struct bytes body)
{
	struct why why = {.text = "not a JSON object"};
	struct cache_key key;
	bool keyed = r->cache && cache_key(&key, r->cache, from, body);
	struct rpc_call *c;

	if (keyed && rpc_answer_again(r, from, &key))
		return;
	c = call_new(r, from, body.n);
	c->key = keyed ? &key : NULL;
	if (body.n > RPC_BODY_MAX || json_parse_bounded(&c->request, body, &why) != ERR_NONE ||
	    !json_is_object(c->request))
		refuse_text(c, body, &why);
	else if (from->websocket)
		request_websocket(c);
	else
		request_http(c);
}

void rpc_tick(struct rpc *r)
{
	history_feeds_tick(r);
}

void rpc_conn_closed(struct rpc *r, uint64_t conn)
{
	subs_conn_closed(r->subs, conn);
}
