/* SPDX-License-Identifier: ISC */
#ifndef TALLY_DAEMON_SERVE_H
#define TALLY_DAEMON_SERVE_H

#include "daemon/config.h"
#include "daemon/lists.h"
#include "node/uv_node.h"
#include "rpc/rpc.h"

/* What clients meet: the listeners of the configuration, who may do how much (rpc/charge.h), and
 * where a request goes.
 *
 *     front ─► GET /health, /livez, /metrics ─► observe
 *           └► POST, WebSocket ─► charges ─► rpc ─► serve_reply, serve_push
 */
struct serve;

struct serve_options {
	uv_loop_t *loop;
	const struct config *config;
	struct rpc *rpc;
	struct uv_node *node;
	const struct lists *lists; /* NULL: standalone */
	const char *version, *protocol;
};

/* Opens all listeners and logs one line with their addresses. On failure *out may be set: then
 * serve_stop and serve_free end what is open. */
enum err serve_open(struct serve **out, const struct serve_options *o, struct why *why) MUST_USE;
bool serve_push(struct serve *s, uint64_t conn, struct rpc_text *text);
void serve_reply(struct serve *s, uint64_t request, int status, struct bytes body);
void serve_reply_kept(struct serve *s, uint64_t request, struct bytes body,
		      void (*release)(void *owner), void *owner);
void serve_reply_pages(struct serve *s, uint64_t request, int status,
		       const struct rpc_pages *pages);
bool serve_charge(struct serve *s, const struct rpc_origin *from, uint32_t cost);
/* See charges_each. */
void serve_charged(struct serve *s, uint32_t at_least,
		   void (*visit)(void *ctx, const char *address, uint32_t balance, bool refused),
		   void *ctx);
/* SIGHUP: certificates anew. */
void serve_hup(struct serve *s);
/* The listeners that are open. */
const struct listen *serve_listen(const struct serve *s);
/* Port i of those that clients and nodes connect to, as server_info shows them. */
bool serve_port(const struct serve *s, uint32_t i, struct rpc_port *out);
/* For the operator's view (observe.h). */
void serve_effect(struct serve *s, const struct node_effect *e);
void serve_done(struct serve *s, const struct rpc_done *done);
void serve_status(struct serve *s, struct jw *w);
struct front_server *serve_front(struct serve *s);
/* See front_close_all: done(ctx) is called when no handle is open any more, then serve_free. */
void serve_stop(struct serve *s, uint32_t within_ms, void (*done)(void *ctx), void *ctx);
void serve_free(struct serve *s);

#endif
