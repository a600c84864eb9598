/* SPDX-License-Identifier: ISC */
#ifndef TALLY_RPC_UV_HTTP_H
#define TALLY_RPC_UV_HTTP_H

#include "base/bytes.h"
#include "rpc/http.h"

#include <stdbool.h>

/* The front: HTTP and WebSocket listeners over libuv, for wallets and operators. It knows nothing
 * of JSON or methods; it hands each request to one handler and sends what comes back.
 *
 *     listener ─► connection ─► http.h ─┬─► on_request ···► front_reply
 *                                       └─► (upgrade) ws.h ─► on_request ···► front_reply
 *     front_shared ──front_send──► many connections
 *
 * HTTP: one request of a connection is with the handler at a time, so replies keep the order of
 * pipelined requests; reading stops meanwhile. WebSocket: several at a time, replies in any order.
 * Whatever one turn of the loop has to say to a connection leaves in one write.
 *
 * Everything runs on the loop's thread. Nothing here blocks. All bounds are in front_limits.
 *
 * Every connection always has a deadline: its head 5 s, body 15 s, write 15 s, idle 30 s, closing
 * 5 s; a WebSocket is pinged every 30 s and dead when it stayed silent since the ping before. */

struct uv_loop_s;
struct front_server;
struct tls_keys;

/* What a listener is for. It alone decides what its clients may do, no header ever does. */
enum front_role {
	FRONT_PUBLIC,
	FRONT_ADMIN,   /* Host and Origin must be local (http.h) */
	FRONT_METRICS, /* GET only */
};

/* A request. The views hold during on_request only. */
struct front_request {
	uint64_t id;   /* for front_reply, once */
	uint64_t conn; /* the connection; for WebSocket the same in on_open and on_close */
	bool websocket;
	enum front_role role;
	const char *address; /* of the client, without port; "unix" for a Unix socket's */
	enum http_verb verb; /* GET or POST; POST for WebSocket messages */
	struct bytes path, query;
	struct bytes idempotency_key; /* p is NULL when absent */
	struct bytes authorization;
	struct bytes body; /* of the POST, or the text message (UTF-8 is checked) */
	bool busy;         /* too much is at work: to be refused as cheaply as can be */
};

/* A reply in pieces: next() appends one to out whenever the client can take more, false with the
 * last one (which may be empty); close() ends it, also when the client has gone. Neither calls
 * back into the front. */
struct front_pages {
	void *ctx;
	bool (*next)(void *ctx, struct buf *out);
	void (*close)(void *ctx);
};

struct front_handler {
	void *ctx;
	/* Exactly one front_reply() has to follow, within the call or later. */
	void (*on_request)(void *ctx, const struct front_request *req);
	/* A WebSocket connection is there, or has gone. Each is called once; no reply or stream
	 * message reaches a connection after its on_close. May be NULL. */
	void (*on_open)(void *ctx, uint64_t conn, enum front_role role, const char *address);
	void (*on_close)(void *ctx, uint64_t conn);
	/* Whether a client of this address may connect to a public listener: asked before anything
	 * is read or written. May be NULL. */
	bool (*may_connect)(void *ctx, const char *address);
	/* A public client sent what is neither HTTP nor a WebSocket frame. May be NULL. */
	void (*on_malformed)(void *ctx, const char *address);
};

/* 0 in any field means the default given. Times in milliseconds. */
struct front_limits {
	uint32_t connections_max; /* 12000, of public listeners, and always what the descriptors
				     allow; when all are taken an idle one goes, then 503 */
	uint32_t reserved_max;    /* 128, of each other listener */
	uint32_t fd_reserve;      /* 128: descriptors left to the rest of the process */
	uint32_t
	    per_address_max;    /* connections of one IPv4 address or IPv6 /64; default: no limit */
	uint32_t accepts_per_s; /* new connections of a network, IPv4 /24, IPv6 /56, with a burst of
				   4 s; default: no limit. More are reset */
	const char *const *proxies; /* addresses whose X-Forwarded-For names the client */
	uint32_t n_proxies;
	bool limit_loopback;        /* both also for 127.0.0.0/8 and ::1 */
	uint32_t in_flight_max;     /* 500 requests at work: more of public listeners come `busy` */
	uint32_t lag_ms_max;        /* 2000: the same while the loop is later than this */
	uint32_t turn_us;           /* 5000: of each turn of the loop, for public requests */
	uint32_t ws_in_flight_max;  /* 32 of one WebSocket; then reading waits */
	uint32_t waiting_bytes_max; /* 192 MiB, of all: then those that do not read are closed */
	uint32_t soft_bytes, soft_msgs; /* 1 MiB, 100: waiting for one that does not keep up; then
					   older messages of the same kind are left out */
	uint32_t queue_bytes_max;       /* 16 MiB waiting for one connection; more: 1008 */
	uint32_t queue_msgs_max;        /* 16384 messages likewise */
	uint32_t head_ms, body_ms, write_ms, idle_ms; /* 5000, 15000, 15000, 30000 */
	uint32_t body_grace_ms;     /* 4000: then a body has to come at 500 bytes a second */
	uint32_t answer_ms;         /* 60000: the handler's time for an HTTP request, then 503 */
	uint32_t ping_ms;           /* 30000 */
	uint32_t give_way_ms;       /* 2000 between two requests: then likewise */
	uint32_t ws_silent_ms;      /* 60000 without a word: then it may have to give way */
	uint32_t handshake_ms;      /* 5000: for TLS to begin */
	uint32_t handshake_percent; /* 20: of a core, for handshakes of TLS */
	uint32_t handshakes_waiting_max; /* 1024, until they are done; then the first goes */
	uint32_t close_ms; /* 5000: for the client's close frame, or the end of its bytes */
};

struct front_listener_config {
	const char *path; /* a Unix socket, mode 0600; or else: */
	const char *host; /* an IPv4 or IPv6 address, or "localhost" (127.0.0.1) */
	uint16_t port;    /* 0: any free one */
	enum front_role role;
	uint32_t places;       /* connections, when it is not public; 0: reserved_max */
	const char *token;     /* requests must show it (bearer.h), else 401; NULL: none */
	struct tls_keys *keys; /* https and wss with these; NULL: http and ws */
};

struct front_stats {
	uint32_t connections, websockets, in_flight;
	uint32_t connections_max; /* of public listeners */
	uint32_t in_flight_max;
	uint64_t accepted, refused, requests, bytes_in, bytes_out;
	uint64_t accepts_limited, evicted;       /* too fast for their network; idle, gave way */
	uint64_t accept_failed, descriptors_out; /* should not happen */
	uint64_t denied;                         /* without the token */
	uint32_t handshakes_waiting; /* of TLS: for processor time; done, failed, dropped waiting */
	uint64_t handshakes, handshakes_failed, handshakes_dropped;
	uint64_t handshake_ns;  /* processor time that they took */
	uint64_t slow_closed;   /* WebSockets closed because they did not read */
	uint64_t bytes_waiting; /* to be written, of all connections */
	uint64_t conflated;     /* messages left out for newer ones of their kind */
	uint64_t busy;          /* requests that came while too much was at work */
	uint32_t waiting;       /* connections that wait for their turn */
	uint32_t lag_ms;        /* how late the last timer was: the loop's delay */
};

/* The loop and the handler's ctx must outlive the server. limits may be NULL. */
struct front_server *front_open(struct uv_loop_s *loop, const struct front_handler *handler,
				const struct front_limits *limits);
/* Starts listening; *port is the one in use (may be NULL). ERR_BUSY: in use by another program;
 * ERR_PERMISSION, ERR_ABSENT (no such address here), ERR_INVALID (no address). Each with a reason
 * that names host and port, or the path. A Unix socket that an earlier process has left is
 * replaced; the file goes with the listener. */
enum err front_listen(struct front_server *f, const struct front_listener_config *config,
		      uint16_t *port, struct why *why) MUST_USE;

/* New keys for all listeners that have some; connections that are there keep theirs. */
void front_set_keys(struct front_server *f, struct tls_keys *keys);

/* Answers a request. content_type NULL means JSON. status is ignored on WebSocket, where the body
 * becomes one text message. An id that was answered already, or whose connection has gone, is
 * ignored. */
void front_reply(struct front_server *f, uint64_t request, int status, const char *content_type,
		 struct bytes body);
/* As front_reply, with more header lines (each with CR LF), for "Retry-After" and the like. */
void front_reply_with(struct front_server *f, uint64_t request, int status,
		      const char *content_type, const char *extra, struct bytes body);
/* The same, as JSON, and ends the connection of an HTTP client. */
void front_reply_last(struct front_server *f, uint64_t request, int status, const char *extra,
		      struct bytes body);

/* Answers a request with JSON that is sent from where it is; release(owner) is called once, when
 * that is done or will not be. */
void front_reply_lent(struct front_server *f, uint64_t request, struct bytes body,
		      void (*release)(void *owner), void *owner);
/* Answers a request with JSON in pieces. close() is called once in any case. */
void front_reply_pages(struct front_server *f, uint64_t request, int status,
		       const struct front_pages *pages);

/* A text message framed once for any number of receivers; counted references. */
struct front_shared;
struct front_shared *front_shared_new(struct bytes text);
/* conflate: see struct rpc_text. */
struct front_shared *front_shared_new_of(struct bytes text, uint32_t conflate);
struct front_shared *front_shared_ref(struct front_shared *s);
void front_shared_unref(struct front_shared *s); /* NULL is fine */
/* Queues it for a WebSocket connection; takes a reference of its own. False when the connection is
 * gone or closing. A receiver that lets too much pile up is closed with 1008. */
bool front_send(struct front_server *f, uint64_t conn, struct front_shared *s);
/* Bytes that wait to be written to a connection; 0 when it is gone. */
size_t front_queued(const struct front_server *f, uint64_t conn);
/* Closes one WebSocket connection with a code and a reason (may be NULL), for abusers. */
void front_close_conn(struct front_server *f, uint64_t conn, uint16_t code, const char *reason);

void front_stats_get(const struct front_server *f, struct front_stats *out);

/* Ends all: stops listening, tells WebSockets `code` (1001), lets HTTP requests that are with the
 * handler be answered, closes the rest; after within_ms whatever is left is cut off. done(ctx) is
 * called when no handle is open any more (never within this call); then front_free. */
void front_close_all(struct front_server *f, uint16_t code, uint32_t within_ms,
		     void (*done)(void *ctx), void *ctx);
void front_free(struct front_server *f);

#endif
