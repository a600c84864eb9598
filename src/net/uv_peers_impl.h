/* SPDX-License-Identifier: ISC */
#ifndef TALLY_NET_UV_PEERS_IMPL_H
#define TALLY_NET_UV_PEERS_IMPL_H

#include "base/buckets.h"
#include "base/rng.h"
#include "crypto/base58.h"
#include "net/lane.h"
#include "net/refusals.h"
#include "net/uv_peers.h"
#include "os/log.h"

/* The inside of uv_peers.h, in three parts:
 *
 *   uv_peers.c      who is there: listening, admission, duplicates, refusals, the tick, the host
 *   uv_peer_conn.c  one connection: its socket, its session, its two lanes, its end
 *   uv_peer_dial.c  addresses to connect to: names, backoff, when it is enough
 *
 * Two rules keep callbacks from meeting each other. A connection ends only from the loop's own
 * callbacks (prepare, tick, read, write), never within a call of the host: those only mark it
 * (peer_conn_mark). And memory goes only in close callbacks, which run when all others of that
 * handle have.
 *
 *   DIALLING ── connected ──► SESSION ── proved, admitted ──► UP
 *       └───────────┬────────────┴─────────────┬──────────────┘
 *                   ▼                          ▼ something to say (BYE), or a write under way
 *                CLOSING ◄── said, or 1 s ── DRAINING                                         */

enum peer_conn_state { PEER_DIALLING, PEER_SESSION, PEER_UP, PEER_DRAINING, PEER_CLOSING };

struct peer_dial;
struct peer_resolve;

/* Where a socket's other end is. */
struct peer_place {
	char text[64];
	struct culprit culprit;
	uint64_t network; /* buckets.h */
	bool loopback;    /* 127.0.0.1 or ::1: neither counted nor refused */
};

struct peer_conn {
	struct peers *p;
	struct peer_conn *next, *prev;
	enum peer_conn_state state;
	bool inbound;
	bool only_reserved;     /* from a refused address: admitted only with a reserved key */
	struct peer_dial *dial; /* of one that was dialled, NULL once it has gone its way */
	struct peer_place place;
	uint32_t id; /* 0 until admitted */
	struct public_key key;

	uv_tcp_t tcp;
	uv_connect_t connect_req;
	uv_write_t write_req;
	uv_shutdown_t shutdown_req;
	bool connecting, writing, shut; /* a request is under way */
	struct session *session;
	uint32_t warnings, shed;
	bool clock_told;

	bool marked, offence, at_once; /* to be ended: is it an offence, refused at once */
	char reason[WHY_MAX];
	enum peer_end end; /* the same in one of a few words */

	struct lane urgent, bulk;  /* not sealed yet */
	struct buf sealed, flight; /* to be written; being written */
	struct steady started, since, write_started, drain_until;
	uint64_t bytes_in, bytes_out, messages_in, messages_out;
};

struct peer_dial {
	struct peers *p;
	struct peer_dial *next;
	char text[128]; /* as configured */
	char host[112];
	uint16_t port;
	bool fixed; /* configured: tried for ever */
	bool to_self, told;
	bool have_key; /* who was met there the last time */
	struct public_key key;
	struct peer_conn *conn;
	uint32_t failures;
	struct steady next_at;
	struct peer_resolve *resolve; /* a name being looked up */
};

#define PEERS_UP_MAX (2 * PEERS_MAX + UNL_MAX)

struct peers {
	struct peers_config config; /* its strings are not kept */
	struct peers_host host;
	struct public_key *reserved;
	uv_tcp_t listener;
	uv_timer_t timer;
	uv_prepare_t prepare;
	bool listening, started, shutting, draining, abandoned;
	uint32_t handles; /* to be closed before memory goes */
	uint16_t port;
	void (*done)(void *ctx);
	void *done_ctx;

	struct peer_conn *conns; /* all, newest first */
	uint32_t n_conns;
	struct peer_conn *up[PEERS_UP_MAX]; /* admitted, by id */
	uint32_t n_up, last_id;
	struct peer_dial *dials;
	uint32_t n_dials;
	struct refusals refusals;
	struct buckets accepts; /* how fast networks connect */
	struct rng rng;         /* jitter */
	struct steady ticked, due;

	struct steady log_second;
	uint32_t log_lines, log_dropped;
	uint64_t refused_full;   /* connections refused for want of room */
	struct peers_stats gone; /* of connections that have gone, and how all ended */
	char read_buf[65536];    /* callbacks read one at a time */
};

/* uv_peers.c */
struct now peers_now(const struct peers *p);
void peers_event(struct peers *p, enum log_level level, const char *msg, size_t n,
		 const struct log_field *fields);
void peers_log(struct peers *p, enum log_level level, const char *fmt, ...) PRINTF(3, 4);
/* The tick comes at the latest in so many ms. */
void peers_arm(struct peers *p, int64_t ms);
/* A connection has proved its identity: NULL when it is admitted, else the reason why not. */
const char *peers_admit(struct peers *p, struct peer_conn *c);
/* A connection is ending: forgets and logs it, tells the host, notes an offence. */
void peers_ended(struct peers *p, struct peer_conn *c);
struct peer_conn *peers_find_key(struct peers *p, const struct public_key *key);
/* Whether a fixed peer lives there, or one that is exempt is here from there. */
bool peers_is_welcome(const struct peers *p, const struct peer_place *place);
bool peers_is_exempt(const struct peers *p, const struct public_key *key);
/* What a connection has counted goes into a sum. */
void peers_add_up(struct peers_stats *sum, const struct peer_conn *c);
/* A handle's memory may go: the last one ends the shutdown. */
void peers_handle_closed(struct peers *p);

/* uv_peer_conn.c */
struct peer_conn *peer_conn_open(struct peers *p, struct peer_dial *dial);
/* Takes the connection that the listener has; decides with the place whether to go on. */
void peer_conn_accept(struct peers *p);
void peer_conn_dial(struct peer_conn *c, const struct sockaddr *to);
/* To be ended soon, from anywhere. The first reason counts. */
void peer_conn_mark(struct peer_conn *c, bool offence, const char *reason);
/* Ends it now, from the loop's own callbacks only. */
void peer_conn_end(struct peer_conn *c, bool offence, const char *reason);
void peer_conn_flush(struct peer_conn *c);
void peer_conn_tick(struct peer_conn *c, struct now now, int64_t stalled_ms);
bool peer_conn_send(struct peer_conn *c, struct wire_frame *f);

/* uv_peer_dial.c */
enum err peer_dial_add(struct peers *p, const char *text, bool fixed, struct peer_dial **out,
		       struct why *why) MUST_USE;
void peer_dial_tick(struct peer_dial *d, struct now now);
/* Its connection (or the attempt at one) is over. */
void peer_dial_ended(struct peer_dial *d, const struct peer_conn *c, struct now now);
/* Forgets all. A look-up that is still running is left to itself. */
void peer_dial_close_all(struct peers *p);
/* "host:port" or "[v6]:port" into its parts. */
enum err peer_address_split(char *host, size_t size, uint16_t *port, const char *text,
			    struct why *why) MUST_USE;
/* Numeric addresses only; false for a name. */
bool peer_address_numeric(struct sockaddr_storage *out, const char *host, uint16_t port);
void peer_place_of(struct peer_place *out, const struct sockaddr *a);

#endif
