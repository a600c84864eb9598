/* SPDX-License-Identifier: ISC */
#include "rpc/envelope.h"

#include "rpc/batch.h"
#include "rpc/idempotency.h"
#include "rpc/state.h"

#include <stdio.h>

/* (rippled: ServerHandler.cpp) */

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

void rpc_send(struct rpc_call *c, int status)
{
	const struct rpc_host *host = c->host;
	struct bytes body = buf_bytes(&c->w.out);

	if (c->batch)
		batch_take(c);
	else if (c->headers && host->reply_with)
		host->reply_with(host->ctx, c->from.request, status, c->headers, body);
	else
		host->reply(host->ctx, c->from.request, status, body);
}

static void reply(struct rpc_call *c, int status)
{
	status = c->status ? c->status : status;
	if (!c->from.websocket && !c->batch)
		buf_put_u8(&c->w.out, '\n');
	rpc_keep_answer(c);
	rpc_tell_done(c);
	if (c->idem)
		idem_reply(c, status);
	else
		rpc_send(c, status);
}

void rpc_mask_secrets(json_t *shown)
{
	static const char *const secrets[] = {"passphrase", "secret",       "seed",
					      "seed_hex",   "url_password", "password"};

	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
		if (json_object_get(shown, secrets[i]))
			json_object_set_new(shown, secrets[i], json_string("<masked>"));
}

/* The request as it is shown in an error. */
static void write_request(struct rpc_call *c)
{
	json_t *shown = c->from.websocket ? c->request : c->p;

	rpc_mask_secrets(shown);
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

static void write_warning(struct rpc_call *c)
{
	c->echo_at = (uint32_t)c->w.out.n;
	if (c->warn)
		jw_put_str(&c->w, "warning", "load");
}

/* Members beside the result: what the client sent to match replies with. */
static void write_echoes(struct rpc_call *c)
{
	if (c->from.websocket)
		write_warning(c);
	echo_id(c);
	echo(c, "jsonrpc");
	echo(c, "ripplerpc");
	if (c->from.websocket) {
		echo(c, "api_version");
		jw_put_str(&c->w, "type", "response");
	}
}

static void put_null(struct jw *w, const char *key)
{
	jw_key(w, key);
	jw_json(w, json_null());
}

/* An error that has only a token has no number and no message; in the later forms the reference
 * says so. */
static void write_fault(struct rpc_call *c, bool ripplerpc2)
{
	struct jw *w = &c->w;

	jw_put_str(w, "error", c->fault.token);
	if (c->fault.code != RPC_OK) {
		jw_put_u64(w, "error_code", c->fault.code);
		if (ripplerpc2)
			jw_put_u64(w, "code", c->fault.code);
		jw_put_str(w, ripplerpc2 ? "message" : "error_message", c->fault.message);
	} else if (ripplerpc2) {
		put_null(w, "error_code");
		put_null(w, "code");
		put_null(w, "message");
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
	write_warning(c);
	jw_end(&c->w, '}');
	write_echoes(c);
	jw_end(&c->w, '}');
	reply(c, v3 && c->fault.code != RPC_OK ? rpc_error_http(c->fault.code) : 200);
}

static void write_success(struct rpc_call *c)
{
	struct jw *w = &c->w;

	if (c->from.websocket) {
		jw_end(w, '}');
		jw_put_str(w, "status", "success");
	} else {
		jw_put_str(w, "status", "success");
		write_warning(c);
		jw_end(w, '}');
	}
	write_echoes(c);
	jw_end(w, '}');
}

/* What has gone cannot be taken back: the error stands in the result, and beside it where clients
 * look for it. */
static void write_late_fault(struct rpc_call *c)
{
	write_fault(c, false);
	jw_end(&c->w, '}');
	if (c->from.websocket)
		write_fault(c, false);
	write_echoes(c);
	jw_end(&c->w, '}');
}

void rpc_begin_pieces(struct rpc_call *c)
{
	c->warn = charge(c);
}

void rpc_write_end(struct rpc_call *c)
{
	must(c->in_pieces && c->w.depth == 2);
	if (c->fault.token)
		write_late_fault(c);
	else
		write_success(c);
	if (!c->from.websocket)
		buf_put_u8(&c->w.out, '\n');
}

void rpc_finish(struct rpc_call *c)
{
	must(c->w.depth == 2);
	c->warn = c->refused || charge(c);
	if (!c->fault.token) {
		write_success(c);
		reply(c, 200);
	} else if (c->from.websocket) {
		finish_failure_websocket(c);
	} else {
		finish_failure_http(c);
	}
	rpc_call_free(c);
}

void rpc_finish_with(struct rpc_call *c, int status, const char *headers)
{
	c->status = status;
	c->headers = headers;
	rpc_finish(c);
}

void rpc_finish_raw(struct rpc_call *c, int status, const char *headers)
{
	c->headers = headers;
	charge(c);
	rpc_tell_done(c);
	idem_reply(c, status);
	rpc_call_free(c);
}

void rpc_forget_written(struct rpc_call *c)
{
	buf_clear(&c->w.out);
	c->w.depth = 0;
	c->w.comma = false;
	jw_open(&c->w, '{');
	jw_put_open(&c->w, "result", '{');
}

void rpc_refuse_http(struct rpc_call *c, int status, const char *text)
{
	jw_close(&c->w);
	c->w = JW_INIT;
	c->cost = RPC_COST_MALFORMED;
	c->fault.token = "malformed";
	charge(c);
	if (c->batch)
		batch_write_refusal(c, text);
	else
		buf_printf(&c->w.out, "%s\r\n", text);
	rpc_tell_done(c);
	rpc_send(c, status);
	rpc_call_free(c);
}

void rpc_refuse_websocket(struct rpc_call *c, const char *token)
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
	rpc_call_free(c);
}

void rpc_refuse_text(struct rpc_call *c, struct bytes body, struct why *why)
{
	struct jw *w = &c->w;
	json_t *value;
	char text[WHY_MAX + 40];

	rpc_plain_text(why->text);
	if (!c->from.websocket) {
		snprintf(text, sizeof(text), "Unable to parse request: %s", why->text);
		rpc_refuse_http(c, 400, text);
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
	rpc_call_free(c);
}
