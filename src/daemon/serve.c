/* SPDX-License-Identifier: ISC */
#include "daemon/serve.h"

#include "base/mem.h"
#include "daemon/gate.h"
#include "daemon/observe.h"
#include "os/clock.h"
#include "os/log.h"
#include "rpc/uv_http.h"

#include <stdio.h>
#include <string.h>

struct serve {
	struct serve_options o;
	struct front_server *front;
	struct gate *gate;
	struct observe *observe;
	struct rpc_text *last_text; /* a broadcast is framed once: text and its frame */
	struct front_shared *last_shared;
};

bool serve_push(struct serve *s, uint64_t conn, struct rpc_text *text)
{
	if (s->last_text != text) {
		rpc_text_unref(s->last_text);
		front_shared_unref(s->last_shared);
		s->last_text = rpc_text_ref(text);
		s->last_shared = front_shared_new(bytes_of(text->s, text->n));
	}
	return front_send(s->front, conn, s->last_shared);
}

void serve_reply(struct serve *s, uint64_t request, int status, struct bytes body)
{
	front_reply(s->front, request, status, NULL, body);
}

bool serve_charge(struct serve *s, const struct rpc_origin *from, uint32_t cost)
{
	return gate_charge(s->gate, from, cost);
}

void serve_charged(struct serve *s, uint32_t at_least,
		   void (*visit)(void *ctx, const char *address, uint32_t balance, bool refused),
		   void *ctx)
{
	charges_each(gate_charges(s->gate), at_least, clock_steady(), visit, ctx);
}

static bool may_connect(void *ctx, const char *address)
{
	struct serve *s = ctx;

	return gate_may_connect(s->gate, address);
}

static void on_malformed(void *ctx, const char *address)
{
	struct serve *s = ctx;

	gate_malformed(s->gate, address);
}

static void on_request(void *ctx, const struct front_request *req)
{
	struct serve *s = ctx;
	struct rpc_origin from = {
	    .request = req->id,
	    .conn = req->websocket ? req->conn : 0,
	    .websocket = req->websocket,
	    .admin = req->role == FRONT_ADMIN,
	    .address = req->address,
	    .idempotency_key = req->idempotency_key,
	};

	if (!req->websocket && (req->verb == HTTP_VERB_GET || req->verb == HTTP_VERB_HEAD))
		observe_get(s->observe, req);
	else if (gate_admit(s->gate, s->front, s->o.rpc, req, &from))
		rpc_request(s->o.rpc, &from, req->body);
}

static void on_ws_close(void *ctx, uint64_t conn)
{
	struct serve *s = ctx;

	rpc_conn_closed(s->o.rpc, conn);
}

static const char *const role_name[] = {"", " (admin)", " (metrics)"};

static enum err open_listeners(struct serve *s, struct why *why)
{
	const struct config *c = s->o.config;
	char line[512];
	size_t at = 0;
	uint32_t i;

	for (i = 0; i < c->n_listen; i++) {
		struct front_listener_config l = {.host = c->listen[i].host,
						  .port = c->listen[i].port,
						  .role = c->listen[i].role};
		uint16_t port;
		enum err e = front_listen(s->front, &l, &port, why);

		if (e != ERR_NONE)
			return e;
		if (at < sizeof(line))
			at += (size_t)snprintf(line + at, sizeof(line) - at, " %s%s%s:%u%s",
					       strchr(l.host, ':') ? "[" : "", l.host,
					       strchr(l.host, ':') ? "]" : "", port,
					       role_name[l.role]);
	}
	log_line(LOG_INFO, "tallyd", "serving HTTP and WebSocket on%s", at ? line : " no port");
	return ERR_NONE;
}

enum err serve_open(struct serve **out, const struct serve_options *o, struct why *why)
{
	struct serve *s = mem_zalloc(1, sizeof(*s));
	struct front_handler h = {.ctx = s,
				  .on_request = on_request,
				  .on_close = on_ws_close,
				  .may_connect = may_connect,
				  .on_malformed = on_malformed};
	struct observe_options oo = {.loop = o->loop, .node = o->node};

	s->o = *o;
	s->gate = gate_open(o->config);
	s->front = oo.front = front_open(o->loop, &h, NULL);
	s->observe = observe_open(&oo);
	*out = s;
	return open_listeners(s, why);
}

void serve_stop(struct serve *s, uint32_t within_ms, void (*done)(void *ctx), void *ctx)
{
	observe_stop(s->observe);
	front_close_all(s->front, 1001, within_ms, done, ctx);
}

void serve_free(struct serve *s)
{
	rpc_text_unref(s->last_text);
	front_shared_unref(s->last_shared);
	observe_free(s->observe);
	gate_close(s->gate);
	front_free(s->front);
	mem_free(s);
}
