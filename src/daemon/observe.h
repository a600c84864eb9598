/* SPDX-License-Identifier: ISC */
#ifndef TALLY_DAEMON_OBSERVE_H
#define TALLY_DAEMON_OBSERVE_H

#include "node/uv_node.h"
#include "rpc/uv_http.h"

/* The operator's view over HTTP GET: /health, /livez, /metrics. */
struct observe;

struct observe_options {
	uv_loop_t *loop;
	struct uv_node *node;
	struct front_server *front;
};
struct observe *observe_open(const struct observe_options *o);
/* Stops its handles; observe_free after the loop has run them down. */
void observe_stop(struct observe *ob);
void observe_free(struct observe *ob);

/* Answers a GET with front_reply. */
void observe_get(struct observe *ob, const struct front_request *req);

#endif
