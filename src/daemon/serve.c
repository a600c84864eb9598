/* SPDX-License-Identifier: ISC */
#include "daemon/serve.h"

#include "base/mem.h"
#include "daemon/gate.h"
#include "daemon/listen.h"
#include "daemon/observe.h"
#include "os/clock.h"
#include "os/log.h"
#include "rpc/uv_http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct serve {
	struct serve_options o;
	struct front_server *front;
	struct gate *gate;
	struct observe *observe;
	struct listen *listen;
	struct rpc_text *last_text; /* a broadcast is framed once: text and its frame */
	struct front_shared *last_shared;
};

bool serve_push(struct serve *s, uint64_t conn, struct rpc_text *text)
{
	if (s->last_text != text) {
		rpc_text_unref(s->last_text);
		front_shared_unref(s->last_shared);
		s->last_text = rpc_text_ref(text);
		s->last_shared = front_shared_new_of(bytes_of(text->s, text->n), text->conflate);
	}
	return front_send(s->front, conn, s->last_shared);
}

void serve_reply(struct serve *s, uint64_t request, int status, struct bytes body)
{
	front_reply(s->front, request, status, NULL, body);
}

void serve_reply_kept(struct serve *s, uint64_t request, struct bytes body,
		      void (*release)(void *owner), void *owner)
{
	front_reply_lent(s->front, request, body, release, owner);
}

void serve_reply_pages(struct serve *s, uint64_t request, int status, const struct rpc_pages *pages)
{
	struct front_pages p = {.ctx = pages->ctx, .next = pages->next, .close = pages->close};

	front_reply_pages(s->front, request, status, &p);
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

static bool is_get(const struct front_request *req)
{
	return !req->websocket && (req->verb == HTTP_VERB_GET || req->verb == HTTP_VERB_HEAD);
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

	if (!gate_admit(s->gate, s->front, s->o.rpc, req, &from))
		return;
	if (req->busy) {
		rpc_refuse(s->o.rpc, &from, req->body, RPC_TOO_BUSY);
	} else if (is_get(req)) {
		gate_charge(s->gate, &from, RPC_COST_REFERENCE);
		observe_get(s->observe, req);
	} else {
		rpc_request(s->o.rpc, &from, req->body);
	}
}

static void on_ws_close(void *ctx, uint64_t conn)
{
	struct serve *s = ctx;

	rpc_conn_closed(s->o.rpc, conn);
}

enum err serve_open(struct serve **out, const struct serve_options *o, struct why *why)
{
	struct serve *s = mem_zalloc(1, sizeof(*s));
	struct front_handler h = {.ctx = s,
				  .on_request = on_request,
				  .on_close = on_ws_close,
				  .may_connect = may_connect,
				  .on_malformed = on_malformed};
	struct front_limits limits;
	struct observe_options oo = {.loop = o->loop,
				     .node = o->node,
				     .rpc = o->rpc,
				     .lists = o->lists,
				     .version = o->version,
				     .protocol = o->protocol,
				     .public_metrics = o->config->public_metrics};
	enum err e;

	s->o = *o;
	s->gate = gate_open(o->config);
	oo.gate = s->gate;
	listen_limits(&limits, o->config);
	s->front = oo.front = front_open(o->loop, &h, &limits);
	s->observe = observe_open(&oo);
	*out = s;
	e = listen_open(&s->listen, o->loop, o->config, s->front, why);
	if (e == ERR_NONE)
		observe_ready(s->observe);
	return e;
}

void serve_effect(struct serve *s, const struct node_effect *e)
{
	observe_effect(s->observe, e);
}

void serve_done(struct serve *s, const struct rpc_done *done)
{
	observe_done(s->observe, done);
}

void serve_status(struct serve *s, struct jw *w)
{
	observe_status(s->observe, w);
}

void serve_hup(struct serve *s)
{
	listen_reload(s->listen);
}

const struct listen *serve_listen(const struct serve *s)
{
	return s->listen;
}

bool serve_port(const struct serve *s, uint32_t i, struct rpc_port *out)
{
	const char *peers = strrchr(s->o.config->peer_listen, ':');
	struct listen_info l;

	*out = (struct rpc_port){0};
	for (uint32_t k = 0; listen_info(s->listen, k, &l); k++) {
		/* A Unix socket has no port, one for metrics no API. */
		if (l.port == 0 || l.role == FRONT_METRICS || i-- > 0)
			continue;
		*out = (struct rpc_port){
		    .port = l.port, .tls = l.tls, .admin = l.role == FRONT_ADMIN};
		return true;
	}
	if (i > 0 || !peers)
		return false;
	out->port = (uint16_t)strtoul(peers + 1, NULL, 10);
	out->peer = true;
	return true;
}

struct front_server *serve_front(struct serve *s)
{
	return s->front;
}

void serve_stop(struct serve *s, uint32_t within_ms, void (*done)(void *ctx), void *ctx)
{
	observe_stop(s->observe);
	listen_stop(s->listen);
	front_close_all(s->front, 1001, within_ms, done, ctx);
}

void serve_free(struct serve *s)
{
	rpc_text_unref(s->last_text);
	front_shared_unref(s->last_shared);
	observe_free(s->observe);
	gate_close(s->gate);
	listen_free(s->listen);
	front_free(s->front);
	mem_free(s);
}
