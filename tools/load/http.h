/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TOOLS_LOAD_HTTP_H
#define TALLY_TOOLS_LOAD_HTTP_H

#include "base/bytes.h"

#include <uv.h>

/* One HTTP connection that is kept alive, one request at a time, over libuv. Made for our own
 * servers: answers have a Content-Length. A connection that the server closed while it was idle is
 * opened anew; any other failure ends the program: a load generator that heals its connections
 * would measure something else. */
struct http {
	uv_tcp_t tcp;
	uv_write_t write;
	struct sockaddr_in to;
	char host[64];
	bool connected, busy;
	struct buf out, in;
	/* Called with the status and the body (NUL-terminated) of the answer. */
	void (*answered)(void *ctx, int status, struct bytes body);
	void *ctx;
};

/* Connects while the loop runs; a request may be handed over at once. "127.0.0.1:5005". */
void http_open(struct http *h, uv_loop_t *loop, const char *address);
/* Sends `POST /` with the body; must not be called again before the answer. */
void http_post(struct http *h, struct bytes body,
	       void (*answered)(void *ctx, int status, struct bytes body), void *ctx);
void http_close(struct http *h);

#endif
