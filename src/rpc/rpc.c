/* SPDX-License-Identifier: ISC */
#include "rpc/batch.h"
#include "rpc/cache.h"
#include "rpc/call.h"
#include "rpc/envelope.h"
#include "rpc/history_feed.h"
#include "rpc/idempotency.h"
#include "rpc/settings.h"
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
	r->settings = mem_zalloc(1, sizeof(*r->settings));
	settings_open(r->settings, &r->host);
	if (host->cache_bytes)
		r->cache = cache_open(&r->host, r->standalone);
	return r;
}

void rpc_call_free(struct rpc_call *c)
{
	batch_drop(c);
	rpc_ledger_drop(&c->ledger);
	tx_unref(c->later.tx);
	if (c->later.walk)
		c->later.end_walk(c->later.walk);
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
			rpc_call_free(r->parked[i]);
	idem_close(r);
	subs_close(r->subs);
	cache_close(r->cache);
	buf_close(&r->again);
	mem_free(r->settings);
	mem_free(r->counts);
	mem_free(r->parked);
	mem_free(r->free_slots);
	buf_close(&r->definitions);
	rules_unref(r->rules);
	mem_free(r);
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
	rpc_finish(c);
}

void rpc_accepted(struct rpc *r, uint64_t token, uint32_t open_seq, enum err err)
{
	struct rpc_call *c = unpark(r, token);

	if (!c)
		return;
	must(c->later.kind == RPC_ACCEPT_THEN_REPLY);
	c->later.finish_accept(c, open_seq, err);
	rpc_finish(c);
}

void rpc_submit_now(struct rpc_call *c)
{
	uint64_t token;

	if (park(c, &token))
		c->host->submit(c->host->ctx, c->later.tx, c->later.fail_hard, token);
	else
		rpc_finish(c);
}

/* After the method has run. The host may answer before it returns: c is gone then. */
static void conclude(struct rpc_call *c)
{
	const struct rpc_host *host = c->host;
	enum rpc_later_kind kind = c->fault.token ? RPC_REPLY_NOW : c->later.kind;
	uint64_t token;

	switch (kind) {
	case RPC_REPLY_NOW:
		rpc_finish(c);
		return;
	case RPC_SUBMIT_THEN_REPLY:
		if (!idem_hold(c))
			rpc_submit_now(c);
		return;
	case RPC_ACCEPT_THEN_REPLY:
		if (!park(c, &token))
			rpc_finish(c);
		else
			host->accept(host->ctx, token);
		return;
	case RPC_REPLY_THEN_STOP:
		rpc_finish(c);
		host->stop(host->ctx);
		return;
	case RPC_REPLY_IN_PIECES:
		rpc_reply_in_pieces(c);
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
	if (s.amendment_blocked)
		return rpc_fail(c, RPC_AMENDMENT_BLOCKED);
	if (s.unl_blocked)
		return rpc_fail(c, RPC_UNL_BLOCKED);
	if (s.state < NODE_SYNCING && !s.standalone)
		return rpc_fail_behind(c, RPC_NO_NETWORK);
	if (!s.standalone && rpc_validated_age(c->host) > RPC_VALIDATED_AGE_MAX)
		return rpc_fail_behind(c, RPC_NO_CURRENT);
	if (!node_closed(c->host->node))
		return rpc_fail_behind(c, RPC_NO_CLOSED);
	return true;
}

unsigned rpc_version_of(const json_t *params)
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
	else if (!idem_begin(c))
		return; /* answered */
	else if (condition_met(c, c->method->condition))
		c->method->run(c);
	conclude(c);
}

/* What the reference takes for no params at all. */
static bool is_nothing(const json_t *v)
{
	return !v || json_is_null(v) || (json_is_array(v) && json_array_size(v) == 0) ||
	       (json_is_object(v) && json_object_size(v) == 0) ||
	       (json_is_string(v) && json_string_length(v) == 0);
}

/* What the params of an HTTP call are: an object of its own when there are none. NULL: not so. */
static json_t *http_params(json_t *request)
{
	json_t *list = json_object_get(request, "params");
	json_t *first = json_array_get(list, 0);

	if (!is_nothing(list) && json_array_size(list) != 1)
		return NULL;
	if (json_is_object(first))
		return first;
	if (first && !json_is_null(first))
		return NULL;
	first = json_object();
	json_object_set_new(request, "params", first);
	return first;
}

static unsigned http_version(const json_t *request)
{
	const json_t *first = json_array_get(json_object_get(request, "params"), 0);

	return json_is_object(first) ? rpc_version_of(first) : RPC_VERSION_DEFAULT;
}

/* Why a request over HTTP is no call, in the reference's order; NULL: it is one, and c->p its
 * parameters. */
static const char *http_fault(struct rpc_call *c)
{
	const json_t *method = json_object_get(c->request, "method"), *form;
	const char *name = json_string_value(method);

	c->version = c->batch ? batch_item_version(c->request) : http_version(c->request);
	if (c->version == 0)
		return "invalid_API_version";
	c->method = name ? rpc_method_find(name, c->version) : NULL;
	if (c->method && c->method->role == RPC_ADMIN && !c->from.admin)
		return "Forbidden";
	if (!method || json_is_null(method))
		return "Null method";
	if (!name || !*name)
		return name ? "method is empty" : "method is not string";
	c->p = c->batch ? c->request : http_params(c->request);
	if (!c->p)
		return "params unparsable";
	form = json_object_get(c->p, "ripplerpc");
	return form && !json_is_string(form) ? "ripplerpc is not a string" : NULL;
}

static void request_http(struct rpc_call *c)
{
	const char *fault;

	if (batch_wanted(c)) {
		batch_begin(c);
		return;
	}
	fault = http_fault(c);
	if (fault) {
		rpc_refuse_http(c, strcmp(fault, "Forbidden") == 0 ? 403 : 400, fault);
		return;
	}
	json_object_set(c->p, "command", json_object_get(c->request, "method"));
	dispatch(c, json_string_value(json_object_get(c->request, "method")));
}

static void request_websocket(struct rpc_call *c)
{
	const json_t *command = json_object_get(c->request, "command");
	const json_t *method = json_object_get(c->request, "method");
	const json_t *named = command ? command : method;

	c->p = c->request;
	c->version = rpc_version_of(c->p);
	if (c->version == 0)
		rpc_refuse_websocket(c, "invalid_API_version");
	else if (!json_is_string(named) || (method && !json_equal(named, method)))
		rpc_refuse_websocket(c, "missingCommand");
	else
		dispatch(c, json_string_value(named));
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
	rpc_finish(c);
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
	    !json_is_object(c->request) || (!from->websocket && json_object_size(c->request) == 0))
		rpc_refuse_text(c, body, &why);
	else if (from->websocket)
		request_websocket(c);
	else
		request_http(c);
}

void rpc_request_item(struct rpc *r, const struct rpc_origin *from, json_t *item, struct batch *b)
{
	struct rpc_call *c = call_new(r, from, 0);

	c->request = json_incref(item);
	c->batch = b;
	request_http(c);
}

void rpc_kept(struct rpc *r, uint64_t token, enum err err)
{
	idem_kept(r, token, err);
}

void rpc_tick(struct rpc *r)
{
	history_feeds_tick(r);
}

void rpc_conn_closed(struct rpc *r, uint64_t conn)
{
	subs_conn_closed(r->subs, conn);
}
