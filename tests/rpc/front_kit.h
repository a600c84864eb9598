/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_RPC_FRONT_KIT_H
#define TALLY_TESTS_RPC_FRONT_KIT_H

#include "rpc/uv_http.h"
#include "rpc/ws.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include <cmocka.h>

/* A front with a thread of its own, and a client of blocking sockets. What the server shall do is
 * asked of it through requests, so that the threads share nothing else. Commands are paths or
 * WebSocket texts, "/later?50" or "later 50 ...":
 *
 *     later MS           replies the body after a while
 *     hold, release      keeps the request; answers all that are kept
 *     never              does not answer
 *     big N              N bytes
 *     broadcast N SIZE   N messages to every WebSocket
 *     tick N KIND        N messages of a kind of which the newest is enough
 *     spin US            works so long, and replies how many have spun so far
 *     lend N             a reply of N bytes that stay where they are
 *     pages N SIZE       a reply of so many pieces, each of its number and then of dots
 *     nap MS             the whole server does nothing for less than a second
 *     rekey              next_keys for new TLS connections
 *     stats, who, kick, busy
 *     anything else      replies the body */

#define CONNS_MAX      256
#define ANSWER_MS      10000 /* for one answer; a test that waits longer has failed */
#define RECEIVE_MAX    (1u << 22)
#define REPLY_HEAD_MAX 9000

struct server {
	uv_loop_t loop;
	uv_async_t stop;
	struct front_server *front;
	pthread_t thread;
	uint16_t tls_port; /* 0: without kit_keys */
	struct tls_keys *next_keys;
	uint16_t port, admin_port, port6; /* port6: on ::1, 0 when there is no IPv6 */
	uint64_t conns[CONNS_MAX];        /* open WebSockets, as on_open and on_close tell */
	unsigned n_conns, opened, closed;
	uint64_t held[CONNS_MAX]; /* requests to "/hold", answered by "/release" */
	unsigned n_held, spun;
	unsigned lent; /* replies that stay where they are until they are released */
	unsigned pages_open, pages_made; /* long answers under way; pieces of all so far */
};

/* Keys of a third listener for servers that start from now on; NULL: none. */
extern struct tls_keys *kit_keys;
/* The front of one that starts from now on has this listener as well; NULL: none. */
extern const struct front_listener_config *kit_listener;
extern uint16_t kit_listener_port;
/* limits may be NULL. Listens on 127.0.0.1, public and admin, and on ::1. */
struct server *kit_start(const struct front_limits *limits);
/* Tells the server to stop within two seconds, and waits until it has. */
void kit_stop(struct server *s);
void kit_stop_begin(struct server *s);
void kit_stop_end(struct server *s);

int64_t kit_now_ms(void);
/* A connection from 127.0.0.1, or another loopback address with a receive buffer of its own size
 * (0: the system's). */
int kit_dial(uint16_t port);
int kit_dial_from(uint16_t port, const char *from, int receive_bytes);
void kit_put_bytes(int fd, const void *p, size_t n);
void kit_put(int fd, const char *text);
/* Exactly n bytes; fewer only at the end of the stream. */
size_t kit_take_bytes(int fd, void *p, size_t n);
bool kit_at_end(int fd);

void kit_post(int fd, const char *path, const char *body);
void kit_get(int fd, const char *path);
/* One reply: its status; 0 at the end of the stream. Its head, and its body with a NUL behind, are
 * kept until the next. */
int kit_take_reply(int fd);
extern char reply_head[REPLY_HEAD_MAX], *reply_body;

/* A number of the server's statistics; waits until it is `want`. The question is itself a
 * connection, and a request in flight. */
unsigned long kit_stat_of(struct server *s, const char *name);
void kit_wait_for(struct server *s, const char *name, unsigned long want);

/* WebSocket: dial and upgrade; the same with more header lines and without taking the reply. */
int kit_ws_dial(uint16_t port);
int kit_ws_dial_with(uint16_t port, const char *extra, int receive_bytes);
/* A masked frame; a text; a close frame with a code. */
void kit_ws_put(int fd, unsigned op, const void *p, size_t n);
void kit_ws_say(int fd, const char *text);
void kit_ws_hang_up(int fd, unsigned code);
/* The next frame's opcode, 0 at the end; its payload is in reply_body. */
unsigned kit_ws_take(int fd, size_t *n);
void kit_ws_expect(int fd, const char *text);
/* A close frame with this code, then the end; closes fd. */
void kit_ws_expect_close(int fd, unsigned code);

#endif
