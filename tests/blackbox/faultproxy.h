/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_BLACKBOX_FAULTPROXY_H
#define TALLY_TESTS_BLACKBOX_FAULTPROXY_H

#include "base/rng.h"

#include <stdbool.h>
#include <uv.h>

/* A TCP proxy that does to connections what bad networks do. It knows bytes, not messages: what
 * passes is sealed. Driven by lines on standard input, one answer line each ("ok ..." or
 * "error ..."); "to" is from the dialling side to the target, "from" the way back.
 *
 *     link NAME LISTEN TARGET [SOURCE]   a proxy of its own; LISTEN's port 0 chooses; answers the
 *                                port; dials from the address SOURCE
 *     set NAME to|from KEY N     delay (ms), jitter (ms on top), rate (bytes a second, 0: any),
 *                                stall (1: nothing passes, 0), damage (bits of a million bytes)
 *     cut NAME                   connections end, new ones are refused, until `join NAME`
 *     reset NAME                 connections end with a reset, amid whatever is under way
 *     half NAME to|from          that direction is shut down, the other goes on
 *     truncate NAME              the next bytes pass in part, then the connection ends
 *     heal                       every fault of every link ends
 *     stats                      connections and bytes passed, one line
 *
 * It ends with its input. The same seed gives the same draws for the same traffic. */

#define LINKS_MAX   128
#define CHUNK_BYTES 16384
#define QUEUE_BYTES (1u << 20) /* held for one direction; then it is not read on */

enum way { WAY_TO, WAY_FROM };

struct faults {
	uint32_t delay_ms, jitter_ms, rate, damage_ppm;
	bool stall;
};

struct chunk {
	struct chunk *next;
	uint64_t due_ms;
	uint32_t n;
	uint8_t bytes[];
};

struct conn;
/* One direction of one connection: reads from one socket, writes to the other. */
struct pipe {
	struct conn *conn;
	enum way way;
	uv_tcp_t *in, *out;
	struct chunk *first, *last;
	uint32_t queued;
	uint64_t free_ms; /* when the rate lets the next bytes pass */
	bool reading, ended, shut, writing;
};

struct link;
struct conn {
	struct link *link;
	struct conn *next;
	uv_tcp_t near, far; /* accepted, dialled */
	uv_timer_t timer;
	struct pipe pipes[2];
	int handles; /* not yet closed */
	bool dialled, closing;
};

struct proxy;
struct link {
	struct proxy *proxy;
	char name[32];
	uv_tcp_t listener;
	struct sockaddr_in target, source;
	bool bound; /* to source */
	struct faults faults[2];
	bool cut, truncate;
	struct conn *conns;
	uint64_t bytes[2], accepted;
};

struct proxy {
	uv_loop_t loop;
	struct rng rng;
	struct link *links[LINKS_MAX];
	uint32_t n_links;
};

/* faultproxy_pipe.c */
void pipe_start(struct pipe *p);
/* Passes what is due; sets the connection's timer for what is not. */
void pipe_pump(struct pipe *p);
void pipe_drop(struct pipe *p); /* frees what is queued */
void conn_close(struct conn *c, bool reset);
void conn_wake(struct conn *c);
void link_accept(uv_stream_t *listener, int status);

#endif
