/* SPDX-License-Identifier: ISC */
#ifndef TALLY_RPC_UV_FRONT_H
#define TALLY_RPC_UV_FRONT_H

#include "base/buckets.h"
#include "base/hmap.h"
#include "os/log.h"
#include "rpc/tls.h"
#include "rpc/uv_http.h"
#include "rpc/ws.h"

#include <uv.h>

/* What uv_http.c (server), uv_accept.c (who may connect), uv_conn.c (one connection), uv_out.c (its
 * output) and uv_tls.c (what lies before and behind those when it speaks TLS) share. */

/* Bytes ready for the wire, with counted references. */
struct front_shared {
	uint32_t refs;
	uint32_t n;
	uint32_t conflate; /* 0, or of which kind of message only the newest matters */
	uint8_t *b;
	void (*release)(void *owner); /* b is somebody's; NULL: our own */
	void *owner;
};

enum conn_state {
	CONN_HTTP,
	CONN_WS,
	CONN_WS_CLOSING, /* our close frame is queued: nothing more to say, reading for theirs */
	CONN_LINGER,     /* the last bytes are queued: then half closed, input thrown away */
	CONN_CLOSED,     /* uv_close is called, the memory goes with its callback */
};

#define OUT_BATCH 64 /* buffers in one write */

/* What waits to be written: a ring that grows. Each entry is one message or reply. */
struct out_queue {
	struct front_shared **ring;
	uint32_t cap, head, n; /* cap is a power of two */
	uint32_t skip;         /* bytes of the first entry that are gone already */
	uint64_t bytes;
	uint32_t in_write; /* entries at the head that are with libuv, 0: none */
	uv_write_t req;
};

/* A socket: TCP, or of a Unix listener. */
union front_handle {
	uv_handle_t handle;
	uv_stream_t stream;
	uv_tcp_t tcp;
	uv_pipe_t pipe;
};

/* What a connection is idle as, if it is: then it gives way when all places are taken. */
enum conn_idle { IDLE_NOT, IDLE_HTTP, IDLE_WS };
struct idle_list {
	struct front_conn *first, *last; /* first: for longest */
};
/* Places for connections: one pool for all public listeners, one for each of the others. */
struct front_pool {
	uint32_t n, max;
	struct idle_list idle[IDLE_WS + 1];
};

struct front_conn {
	union front_handle h; /* first: libuv's handle is this */
	struct front_server *f;
	struct front_listener *listener;
	uint64_t id;
	enum conn_state state;
	bool reading, feeding;      /* feeding: its input is being worked on further up the stack */
	bool dirty, closed;         /* on the list of those to flush; uv_close is through */
	bool shut, ended;           /* our half is closed; theirs is */
	bool counted, opened;       /* in the statistics; on_open was called and on_close was not */
	bool pinged;                /* nothing has come since our ping */
	bool old, head, keep_alive; /* of the HTTP request that is being answered */
	enum http_phase phase;
	uint32_t in_flight;
	int64_t deadline;       /* what the state waits for; INT64_MAX: nothing */
	int64_t write_deadline; /* INT64_MAX: nothing is queued */
	uint64_t request;       /* HTTP: the one with the handler, 0: none */
	struct http_session http;
	struct ws_session *ws;
	struct buf pending;       /* bytes read that wait for a reply to leave, or for its turn */
	bool half_fed;            /* ws has more than it has told */
	struct turn_lane *queued; /* waits for its turn: uv_turns.c */
	struct front_conn *prev_turn, *next_turn;
	struct front_pages pages; /* a long answer that is under way: uv_pages.c */
	bool pages_begun;
	struct conn_later *later, *later_last; /* what waits behind it */
	uint32_t n_later;
	uint64_t later_bytes;
	struct buf origin; /* admin: the Origin to allow in the reply, mostly empty */
	struct out_queue out;
	struct tls_session *tls; /* NULL: none */
	struct buf flight;       /* TLS: with libuv, if writing */
	bool writing, waits;     /* TLS: a write is under way; in the queue of handshakes */
	struct front_conn *prev_waiting, *next_waiting;
	struct front_address *from;
	struct front_pool *pool;
	enum conn_idle idle;
	int64_t idle_since;
	struct front_conn *prev_idle, *next_idle;
	bool proxied;                  /* by one that is trusted to name its clients */
	bool denied;                   /* no token: told so a little later */
	char client[INET6_ADDRSTRLEN]; /* as a proxy names it, else empty */
	char address[INET6_ADDRSTRLEN];
	struct front_conn *next_dirty;
	struct front_conn *prev, *next; /* of all */
};

struct front_listener {
	union front_handle h;
	struct front_server *f;
	enum front_role role;
	struct tls_keys *keys; /* NULL: no TLS */
	char *token, *path;    /* NULL: none; of a Unix socket */
	bool bound, held;      /* the path is ours; a connection waits to be accepted */
	struct front_pool *pool, own;
	char host[INET6_ADDRSTRLEN];
	struct front_listener *next;
};

/* Connections of one address. */
struct front_address {
	struct hash256 key;
	uint32_t n;
};

/* A table of 64-bit ids: the lower 20 bits find the slot, the upper ones never come twice.
 * Connections are kept by address, requests by the id of their connection. */
#define ID_SLOTS_MAX (1u << 20)
struct id_slot {
	uint64_t id; /* 0: free */
	uint64_t value;
	uint32_t next_free;
};
struct id_table {
	struct id_slot *slots;
	uint32_t cap, n, free; /* free: 1 + index, 0: none */
	uint64_t serial;
};

/* Handshakes that wait for processor time: uv_tls.c. */
struct handshake_queue {
	struct front_conn *first, *last;
	uint32_t n;
	int64_t filled_ns, left_ns;
};

/* Connections that wait for their turn: uv_turns.c. */
#define TURN_LANES 1024
struct turn_lane {
	struct front_conn *head, *last;
	struct turn_lane *next; /* in the circle, if listed */
	bool listed;
};
struct front_turns {
	struct turn_lane lane[TURN_LANES], first_lane; /* the latter of all but public listeners */
	struct turn_lane *first, *last;                /* the circle */
	uint32_t n;
	uint64_t salt, slice_from_ns, began_ns, spent_ns;
	bool serving;
	uv_check_t check;
	uv_idle_t idle; /* active while somebody waits */
};

struct front_server {
	uv_loop_t *loop;
	struct front_handler handler;
	struct front_limits limits;
	struct front_listener *listeners;
	struct front_conn *conns;
	struct front_conn *dirty;
	struct id_table conn_ids, request_ids;
	struct hmap addresses;
	struct buckets accepts;
	struct front_pool pool; /* of the public listeners */
	int64_t probe_due, probe_log_due;
	struct front_stats stats;
	int64_t log_since; /* what strangers make it log is bounded */
	uint32_t log_lines, log_left;
	uint32_t surplus, surplus_max;
	uint32_t accepted; /* in this turn of the loop, by public listeners */
	uint32_t open_handles;
	uv_prepare_t flush;
	uv_timer_t sweep, turn;
	int64_t sweep_due;
	struct handshake_queue handshakes;
	struct front_turns turns;
	bool closing;
	int64_t cut_ms; /* when closing: then the rest is cut off */
	void (*done)(void *ctx);
	void *done_ctx;
	uint8_t in[65536]; /* every read goes here and is used up before the next */
	uint8_t said[65536 + TLS_RECORD_MAX]; /* what of it was said over TLS, likewise */
};

/* uv_http.c */
/* value must not be 0, which is what id_get says for an id that is not in use. */
uint64_t id_add(struct id_table *t, uint64_t value);
uint64_t id_get(const struct id_table *t, uint64_t id);
void id_drop(struct id_table *t, uint64_t id);
void front_handle_closed(struct front_server *f);

/* uv_listen.c */
void listener_close(struct front_listener *l);
void listener_free(struct front_listener *l);
/* A turn of the loop begins: what had to wait is accepted. */
void listeners_resume(struct front_server *f);
void front_probe_descriptors(struct front_server *f, int64_t now);

/* uv_accept.c */
void conn_accept(struct front_listener *l);
/* It is idle from now on, or not any more. */
void conn_idle(struct front_conn *c, enum conn_idle how);
/* Its place is free. */
void conn_leave_place(struct front_conn *c);

/* uv_enter.c */
/* Whom its requests come from: X-Forwarded-For counts if a trusted proxy has sent it. */
const char *conn_client(const struct front_conn *c);
/* False when the request has been answered, or will be by conn_tell_denied at the deadline. */
bool conn_may_ask(struct front_conn *c, const struct http_request *req);
void conn_tell_denied(struct front_conn *c);

/* uv_turns.c */
void turns_init(struct front_server *f);
/* A turn of the loop begins. */
void turns_renew(struct front_server *f);
/* From here on time is spent on requests; until here it was. */
void turn_begin(struct front_server *f);
void turn_spent(struct front_server *f);
/* Whether this connection shall do no more now; and not even begin. */
bool turn_is_over(const struct front_conn *c);
bool turn_must_queue(const struct front_conn *c);
void turn_queue(struct front_conn *c);
void turn_unqueue(struct front_conn *c);

/* uv_read.c */
/* Starts or stops reading, as the state wants it. */
void conn_set_reading(struct front_conn *c);
/* It is its turn: goes on with what it has, or reads. */
void conn_turn(struct front_conn *c);

/* uv_pages.c */
/* Begins a long answer, or has it wait for the one before; the request counts as one at work until
 * its end. */
void pages_start(struct front_conn *c, const struct front_pages *pages);
bool pages_under_way(const struct front_conn *c);
/* The next piece can be made now; makes it. */
bool pages_wanted(const struct front_conn *c);
void pages_pull(struct front_conn *c);
/* A message that has to wait for the end; takes over the reference. */
void pages_hold_back(struct front_conn *c, struct front_shared *s);
/* Ends all without sending them. */
void pages_drop(struct front_conn *c);

/* uv_conn.c */
void conn_set_phase(struct front_conn *c, enum http_phase phase);
bool conn_must_wait(const struct front_conn *c);
void conn_reply_text(struct front_conn *c, int status, const char *extra, const char *text,
		     bool close);
/* Goes on with what waited for a reply to leave. */
void conn_resume(struct front_conn *c);
/* Nothing is left to be written. */
void conn_drained(struct front_conn *c);
/* A safe point, off everybody's stack: tells the handler of connections that have gone. */
void conn_tell_gone(struct front_conn *c);
void conn_sweep(struct front_conn *c, int64_t now);
/* Begins the close handshake of a WebSocket. */
void conn_ws_close(struct front_conn *c, uint16_t code, const char *reason);
/* Everything queued leaves, then the connection ends. */
void conn_linger(struct front_conn *c);
void conn_reply_pages(struct front_conn *c, int status, const struct front_pages *pages);
/* Bytes that the client has said, and its end; after TLS, if there is one. */
void conn_take(struct front_conn *c, const uint8_t *p, size_t n);
void conn_take_end(struct front_conn *c);
/* At once. */
void conn_cut(struct front_conn *c);
/* A line about this client; reason may be NULL. Above 50 a second only their number is said. */
void conn_log(struct front_conn *c, enum log_level level, const char *what, const char *reason);
/* Of a request that the caller has taken out of request_ids. */
void conn_reply(struct front_conn *c, const struct http_reply *reply);
/* The same over HTTP, of a body that stays where it is; takes over the reference. */
void conn_reply_lent(struct front_conn *c, struct front_shared *body);
static inline int64_t conn_now(const struct front_conn *c)
{
	return (int64_t)uv_now(c->f->loop);
}

/* uv_tls.c: of connections with c->tls */
void front_tls_init(struct front_server *f);
void conn_tls_open(struct front_conn *c);
/* It has been cut: it waits for nothing more. */
void conn_tls_cut(struct front_conn *c);
/* Bytes from the socket. */
void conn_tls_input(struct front_conn *c, const uint8_t *p, size_t n);
void conn_tls_flush(struct front_conn *c);
/* Says that we say no more; false while that is on its way: conn_drained() comes again. */
bool conn_tls_bye(struct front_conn *c);

/* uv_out.c */
struct front_shared *front_shared_take(struct buf *b); /* b is empty then */
struct front_shared *front_shared_lend(struct bytes text, void (*release)(void *owner),
				       void *owner);
/* Takes over the reference. _now: also between the pieces of a long answer. */
void out_put(struct front_conn *c, struct front_shared *s);
void out_put_now(struct front_conn *c, struct front_shared *s);
void out_put_buf(struct front_conn *c, struct buf *b);
/* Forgets messages of that kind that have not begun to leave, if the client does not keep up. */
void out_conflate(struct front_conn *c, uint32_t kind);
/* Puts the connection on the list of those to flush. */
void out_touch(struct front_conn *c);
/* It has been cut: nothing of it waits any more. */
void out_forget(struct front_conn *c);
/* When too much waits in all, those that take nothing and hold the most are closed. */
void out_relieve(struct front_server *f, int64_t now);
/* Forgets what has not begun to leave. */
void out_drop(struct front_conn *c);
/* Nothing waits to be written, also of what is enciphered already. */
bool out_is_empty(const struct front_conn *c);
/* Takes up to room bytes of what is queued. */
size_t out_take(struct front_conn *c, uint8_t *out, size_t room);
/* Writes what the socket takes. */
void out_flush(struct front_conn *c);
void out_flush_all(struct front_server *f);
void out_close(struct front_conn *c);

#endif
