/* SPDX-License-Identifier: ISC */
#ifndef TALLY_RPC_RPC_H
#define TALLY_RPC_RPC_H

#include "codec/json.h"
#include "node/node.h"
#include "node/publishers.h"
#include "rpc/errors.h"

/* The API: requests in, answers and stream messages out, as bytes. Knows nothing of sockets; the
 * front (http.h, ws.h, uv_http.h) feeds it and the shell (main) implements `struct rpc_host`.
 * Everything runs on the loop thread. Every answer is computed on one ledger and names it. */

struct rpc; /* methods, subscriptions, pending calls */

/* The disk, as server_info shows it. */
struct rpc_storage {
	const char *stage; /* "fine", "low", "no_history", "not_validating" */
	uint64_t free_bytes, total_bytes, data_bytes, emergency_bytes;
	uint32_t check_ledger, check_permille, check_passes;
	uint64_t checked;
};

/* A peer as `peers` and the crawl show it (filled from uv_peers by the shell). */
struct rpc_peer {
	uint32_t id;
	struct public_key key;
	bool inbound;
	char address[64];
	int64_t rtt_ms;
	int32_t clock_offset_s;
	uint64_t bytes_in, bytes_out, messages_in, messages_out;
	int64_t uptime_s;
};

struct rpc_port { /* where the node is met, as server_info shows it */
	uint16_t port;
	bool tls, admin, peer; /* peer: by other nodes; else HTTP and WebSocket */
};

/* How the server fares with its loop and its peers. */
struct rpc_traffic {
	uint32_t io_latency_ms;         /* how late the loop was when it was last looked at */
	uint64_t disconnects;           /* of peers, since the start */
	uint64_t disconnects_resources; /* of those: for what they cost */
};

#define RPC_LIST_SITES_MAX 16
struct rpc_list_site { /* a place where validator lists are looked for */
	const char *uri;
	uint64_t next_unix_ms, last_unix_ms; /* last 0: not yet */
	enum list_fate fate;
	const char *message; /* what went wrong, or "" */
	uint32_t refresh_min;
};

/* A call that is being answered, for counters and the log of slow requests. */
struct rpc_done {
	const struct rpc_origin *from;
	const char *method; /* NULL: no method that there is */
	uint32_t index;     /* of it, in the order of rpc_method_name */
	const char *error;  /* token, or NULL */
	bool again;         /* a kept answer was given again */
	uint64_t us;        /* since the request came; 0 without rpc_host.us */
	uint64_t bytes;     /* of the reply */
	uint32_t ledger;    /* that it was computed on; 0: none */
};
/* The i-th method of the table; NULL after the last. */
const char *rpc_method_name(uint32_t i);

/* A URL that messages are posted to, as an administrator asks for it; NULL: not said. */
struct rpc_hook {
	const char *url, *username, *password;
};

struct rpc_vote { /* on an amendment */
	struct hash256 id;
	bool vetoed;
};

/* What is to outlive the process for a while (store/keep.h). */
struct rpc_keep {
	struct hash256 key;
	uint64_t until_ms;
	bool privileged;
	struct bytes value;
};

/* What a peer has said of its ledgers. */
struct rpc_peer_status {
	struct hash256 ledger; /* the last one that it closed */
	uint32_t seq;
	bool switched;        /* to another chain than that of its ledger before */
	uint32_t first, last; /* what it can serve; 0: nothing */
	struct net_time date;
};

struct rpc_counts {
	uint32_t pending;     /* requests that wait for the node */
	uint32_t subscribers; /* connections that follow something, and what besides streams */
	uint32_t topics;
	uint32_t kept; /* answers that may be given again, and their bytes */
	uint64_t kept_bytes;
};
struct rpc;
void rpc_counts_get(const struct rpc *r, struct rpc_counts *out);

struct jw;
struct rpc_text;
struct rpc_origin;
struct rpc_pages {
	void *ctx;
	bool (*next)(void *ctx, struct buf *out);
	void (*close)(void *ctx);
};
/* What a request costs, in charges (rippled: Fees.cpp). Balances are charges a second, averaged
 * over 32 s. */
#define RPC_COST_REFERENCE     20
#define RPC_COST_MALFORMED     100 /* what could not be taken for a call */
#define RPC_COST_FAULT         100 /* at least, of a call that ended in an error */
#define RPC_COST_MEDIUM        400
#define RPC_COST_HEAVY         3000
#define RPC_COST_BAD_SIGNATURE 2000
#define RPC_COST_PER_KB        1 /* of request and answer, besides */

struct rpc_host {
	void *ctx;
	struct node *node;
	const struct history *history;
	struct now (*now)(void *ctx);
	uint64_t (*unix_ms)(void *ctx);
	void (*random)(void *ctx, void *p, size_t n);
	/* Hands a transaction to the node; rpc_submitted() is called later with the same token. */
	void (*submit)(void *ctx, struct tx *tx, bool fail_hard, uint64_t token);
	/* Standalone ledger_accept; rpc_accepted() is called later with the same token. */
	void (*accept)(void *ctx, uint64_t token);
	uint32_t (*peers)(void *ctx, struct rpc_peer *out, uint32_t max);
	enum err (*connect)(void *ctx, const char *address, struct why *why);
	void (*stop)(void *ctx); /* begins an orderly stop, after this reply is out */
	/* Bytes of a stream message to one connection; one buffer may go to many. The front keeps
	 * its own reference. False when the connection is gone. */
	bool (*push)(void *ctx, uint64_t conn, struct rpc_text *text);
	/* Bytes that wait to be sent to a connection. May be NULL: never any. */
	size_t (*queued)(void *ctx, uint64_t conn);
	/* Calls rpc_tick() in that many milliseconds, or when it was to be called sooner. May be
	 * NULL: then account histories do not tell the past. */
	void (*wake)(void *ctx, uint32_t ms);
	/* The connection that posts to this URL, made if it is not there and `make`; 0 otherwise,
	 * with the reason when it cannot be. hook_end closes it. Both may be NULL. */
	uint64_t (*hook)(void *ctx, const struct rpc_hook *want, bool make, struct why *why);
	void (*hook_end)(void *ctx, uint64_t conn);
	/* The reply to a request; `status` is the HTTP status (200 on WebSocket). */
	void (*reply)(void *ctx, uint64_t request, int status, struct bytes body);
	/* The same with more header lines, each with CR LF. May be NULL: they are left out. */
	void (*reply_with)(void *ctx, uint64_t request, int status, const char *headers,
			   struct bytes body);
	/* What was kept under a key, appended (ERR_ABSENT: nothing), and keeping it: copied at
	 * once; rpc_kept() is called when it is durable, or is not going to be. NULL together:
	 * then Idempotency-Key is not supported. */
	enum err (*kept)(void *ctx, const struct hash256 *key, struct buf *out);
	void (*keep)(void *ctx, const struct rpc_keep *row, uint64_t token);
	/* A reply that may be sent from where it is; release(owner) is called once, when nobody
	 * needs it there any more. May be NULL: then reply is used. */
	void (*reply_kept)(void *ctx, uint64_t request, struct bytes body,
			   void (*release)(void *owner), void *owner);
	/* A reply in pieces, for answers too long to be held whole: next() is called whenever the
	 * connection can take more, appends to out and returns false after the last piece; close()
	 * ends it, also when the client has gone. HTTP sends chunks, WebSocket fragments. May be
	 * NULL: then everything is sent with reply. */
	void (*reply_pages)(void *ctx, uint64_t request, int status, const struct rpc_pages *pages);
	/* What a request costs its sender, once it is known; said before the reply. True: the
	 * reply carries a warning ("warning": "load"). May be NULL: nothing is charged. */
	bool (*charge)(void *ctx, const struct rpc_origin *from, uint32_t cost);
	/* Calls visit for each client address with at least that balance. May be NULL. */
	void (*charged)(void *ctx, uint32_t at_least,
			void (*visit)(void *vctx, const char *address, uint32_t balance,
				      bool refused),
			void *vctx);
	/* Steady time in microseconds, and what is told once of every request, just before its
	 * reply. Both may be NULL. */
	uint64_t (*us)(void *ctx);
	void (*done)(void *ctx, const struct rpc_done *done);
	/* Writes the members of `status`: what the operator's view has counted. May be NULL: then
	 * the method answers notSupported. */
	void (*status)(void *ctx, struct jw *w);
	/* How much is logged (0 errors only .. 3 everything) of one area of the program, or, with
	 * NULL, of all: sets it when level >= 0, returns what holds now, -1 when there is no such
	 * area. The three are NULL together: then log_level and logrotate answer notSupported. */
	int (*log_level)(void *ctx, const char *area, int level);
	/* The name of area i, NULL after the last one. */
	const char *(*log_area)(void *ctx, uint32_t i);
	/* Opens the log file anew, after it has been moved away. */
	enum err (*log_rotate)(void *ctx, struct why *why);
	/* What server_info says of the disk and of the check beside the work. May be NULL. */
	void (*storage)(void *ctx, struct rpc_storage *out);
	/* Validator lists; may be NULL: then there are none. */
	const struct publishers *(*publishers)(void *ctx);
	uint32_t (*list_sites)(void *ctx, struct rpc_list_site *out, uint32_t max);
	/* May be NULL: nothing is known of it. */
	void (*traffic)(void *ctx, struct rpc_traffic *out);
	/* What administrators have set, a text under a name (settings.h); read answers ERR_ABSENT
	 * for what was never written. Both NULL: nothing outlives the process, and what would
	 * have to cannot be set. */
	enum err (*setting_read)(void *ctx, const char *name, struct buf *out, struct why *why);
	enum err (*setting_write)(void *ctx, const char *name, struct bytes text, struct why *why);
	/* Keys whose holders find a place among the peers, all of them; NULL: no peers. */
	void (*reserve)(void *ctx, const struct public_key *keys, uint32_t n);
	/* No ledger after this one is to be deleted; may be NULL. */
	void (*deletable)(void *ctx, uint32_t seq);
	/* Amendments to vote for, all of them, now and when they change; NULL: no votes. */
	void (*vote)(void *ctx, const struct hash256 *amendments, uint32_t n);
	const struct rpc_vote *votes; /* as the configuration says */
	uint32_t n_votes;
	/* A check of all that is stored, now or no more; may be NULL. */
	void (*check)(void *ctx, bool begin);
	uint32_t history_kept; /* ledgers; 0: all */
	uint64_t cache_bytes;  /* of replies that may be given again (cache.h); 0: none are */
	/* Port i of those that are open; false after the last. May be NULL: there are none. */
	bool (*port)(void *ctx, uint32_t i, struct rpc_port *out);
	const char *hostname;      /* shown to administrators; may be NULL */
	const char *build_version; /* protocol level, e.g. "2.4.0" */
	const char *tally_version;
	const struct public_key *node_key; /* NULL: none (standalone) */
};

/* Shared text of a broadcast, by reference count. conflate: 0, or a number of a kind of message of
 * which a receiver that lags behind needs only the newest: an older one of the same kind that has
 * not begun to leave is dropped. */
struct rpc_text {
	uint32_t refs;
	uint32_t n;
	uint32_t conflate;
	char s[];
};
struct rpc_text *rpc_text_ref(struct rpc_text *t);
void rpc_text_unref(struct rpc_text *t);

struct rpc *rpc_open(const struct rpc_host *host);
void rpc_close(struct rpc *r);

/* Where a request came from. */
struct rpc_origin {
	uint64_t request; /* handle for host->reply */
	uint64_t conn;    /* WebSocket connection, 0 for HTTP */
	bool websocket;
	bool admin; /* by listener, never by header */
	const char *address;
	struct bytes idempotency_key; /* HTTP only; p is NULL when absent */
};
/* One request body (HTTP POST) or text message (WebSocket). Exactly one host->reply per call, now
 * or later. */
void rpc_request(struct rpc *r, const struct rpc_origin *from, struct bytes body);
/* Answers a request with an error instead of working on it; it is not charged. */
void rpc_refuse(struct rpc *r, const struct rpc_origin *from, struct bytes body, enum rpc_error e);
/* A WebSocket connection has gone: its subscriptions end, its pending calls answer into nothing. */
void rpc_conn_closed(struct rpc *r, uint64_t conn);

/* Work that waits for its time, as host->wake was asked. */
void rpc_tick(struct rpc *r);

/* Answers to host->submit and host->accept. */
void rpc_submitted(struct rpc *r, const struct node_submitted *s);
/* And to host->keep. */
void rpc_kept(struct rpc *r, uint64_t token, enum err err);
void rpc_accepted(struct rpc *r, uint64_t token, uint32_t open_seq, enum err err);

/* Streams, from the node's effects. */
void rpc_on_ledger(struct rpc *r, struct ledger *validated);
void rpc_on_proposed(struct rpc *r, const struct tx *tx, enum ter result);
void rpc_on_validation(struct rpc *r, struct bytes validation, const struct public_key *key);
void rpc_on_manifest(struct rpc *r, struct bytes manifest);
void rpc_on_phase(struct rpc *r, enum cons_phase phase);
void rpc_on_state(struct rpc *r, enum node_state state);
void rpc_on_peer(struct rpc *r, const struct rpc_peer_status *status);

#endif
