/* SPDX-License-Identifier: ISC */
#ifndef TALLY_DAEMON_OBSERVE_H
#define TALLY_DAEMON_OBSERVE_H

#include "daemon/gate.h"
#include "daemon/lists.h"
#include "node/uv_node.h"
#include "rpc/jw.h"
#include "rpc/uv_http.h"

/* The operator's view: what happens is counted here as it happens, and shown
 *
 *     GET /livez      200 while the event loop comes round
 *     GET /health     200, or 503 with reasons (health.h)
 *     GET /metrics    Prometheus text (metrics.def); on public listeners only when the
 *                     configuration says so
 *     status          the same for people, a method for administrators (status.c)
 *
 * Strangers (public listeners) get the names of what is wrong, no numbers. A watchdog ends the
 * process when the loop is stuck, and the service manager is kept informed (os/notify.h). */
struct observe;

struct observe_options {
	uv_loop_t *loop;
	struct uv_node *node;
	struct front_server *front;
	struct rpc *rpc;
	const struct gate *gate;
	const struct lists *lists; /* NULL: standalone */
	const char *version, *protocol;
	bool public_metrics;
};
struct observe *observe_open(const struct observe_options *o);
/* Stops its handles; observe_free after the loop has run them down. */
void observe_stop(struct observe *ob);
void observe_free(struct observe *ob);
/* Everything is open and serves. */
void observe_ready(struct observe *ob);

/* Answers a GET or HEAD with front_reply. */
void observe_get(struct observe *ob, const struct front_request *req);
/* After an effect of the node was carried out; a call that is being answered. */
void observe_effect(struct observe *ob, const struct node_effect *e);
void observe_done(struct observe *ob, const struct rpc_done *done);
/* Members of the result of `status`. */
void observe_status(struct observe *ob, struct jw *w);

#endif
