/* SPDX-License-Identifier: ISC */
#ifndef TALLY_RPC_SUBS_H
#define TALLY_RPC_SUBS_H

#include "rpc/jw.h"
#include "rpc/rpc.h"

/* Who listens to what. A connection is known here from its first subscription until it closes; all
 * it subscribed to hangs on it and goes with it. A URL that messages are posted to is a connection
 * like others.
 *
 *     stream ──► list of connections          connection ──► its place in each stream's list
 *     topic  ◄── link ──► connection          (an account of some kind, a book)
 *
 * Messages are written once per version of the API and shared by reference. */

enum stream {
	STREAM_LEDGER,
	STREAM_TRANSACTIONS,
	STREAM_PROPOSED, /* transactions_proposed, rt_transactions */
	STREAM_SERVER,
	STREAM_CONSENSUS,
	STREAM_VALIDATIONS,
	STREAM_MANIFESTS,
	STREAM_PEER_STATUS, /* administrators only */
	STREAM_BOOK_CHANGES,
	STREAM_COUNT
};
/* "ledger" ...; false for an unknown name. */
bool stream_by_name(enum stream *out, const char *name);

/* What topics there are besides: the key is an account's id or the digest of a book. */
enum topic { SUB_ACCOUNTS, SUB_ACCOUNTS_PROPOSED, SUB_HISTORIES, SUB_BOOKS, TOPIC_KINDS };
struct hash256 topic_of_account(const struct account_id *id);

/* Kinds of messages of which only the newest matters to who lags behind (rpc_text.conflate). */
enum { CONFLATE_NONE, CONFLATE_LEDGER, CONFLATE_SERVER, CONFLATE_CONSENSUS };

struct subs;
struct sub_conn;
struct history_feed; /* what is to come of an account's past (history_feed.h) */

struct subs *subs_open(const struct rpc_host *host);
void subs_close(struct subs *s);
void subs_conn_closed(struct subs *s, uint64_t conn);

/* The connection, entered if it is new and `add`; its messages follow this version from now on.
 * NULL when it is not there, or when RPC_SUB_CONNS_MAX are. */
struct sub_conn *subs_conn(struct subs *s, uint64_t conn, unsigned version, bool add);
uint64_t sub_conn_id(const struct sub_conn *c);
bool sub_conn_has_stream(const struct sub_conn *c); /* any */
bool sub_conn_follows(const struct sub_conn *c);    /* anything */
void subs_stream_add(struct subs *s, struct sub_conn *c, enum stream stream);
void subs_stream_del(struct subs *s, struct sub_conn *c, enum stream stream);

/* False when a bound on topics is reached: RPC_SUB_TOPICS_CONN_MAX of a connection,
 * RPC_SUB_TOPICS_MAX of all together. Adding twice is adding once. */
bool subs_topic_add(struct subs *s, struct sub_conn *c, enum topic kind, const struct hash256 *key);
void subs_topic_del(struct subs *s, struct sub_conn *c, enum topic kind, const struct hash256 *key);
bool subs_has_link(const struct subs *s, const struct sub_conn *c, enum topic kind,
		   const struct hash256 *key);
/* How many more topics fit, for this connection (NULL: a new one). */
uint32_t subs_room(const struct subs *s, const struct sub_conn *c);
/* A history feed belongs to the link of its account, and is closed with it (history_feed_close). */
void subs_set_feed(struct subs *s, struct sub_conn *c, const struct hash256 *key,
		   struct history_feed *feed);
struct history_feed *subs_feed(const struct subs *s, const struct sub_conn *c,
			       const struct hash256 *key);
uint32_t subs_feeds(const struct sub_conn *c);
/* Calls for the feeds of an account; a call may end connections. */
void subs_each_feed(struct subs *s, const struct hash256 *key,
		    void (*call)(void *ctx, struct history_feed *feed), void *ctx);

bool subs_has_stream(const struct subs *s, enum stream stream);
bool subs_has_topics(const struct subs *s, enum topic kind);
/* Connections, and what they follow besides streams, for tests and counters. */
void subs_count(const struct subs *s, uint32_t *conns, uint32_t *topics);

/* One message to many. `write` writes the members of the message for a version; it is called at
 * most once per version, when the first listener of that version is met. */
struct broadcast {
	struct subs *subs;
	void (*write)(struct jw *w, void *ctx, unsigned version);
	void *ctx;
	uint32_t conflate;
	struct rpc_text *text[3]; /* by version */
	uint64_t serial;          /* of this round of topic listeners */
};
void broadcast_begin(struct broadcast *b, struct subs *s,
		     void (*write)(struct jw *w, void *ctx, unsigned version), void *ctx);
void broadcast_stream(struct broadcast *b, enum stream stream);
/* To those who follow this topic and have not got this message for another topic of this round. */
void broadcast_topic(struct broadcast *b, enum topic kind, const struct hash256 *key);
/* From here on those who got it for a topic may get it once more for another. */
void broadcast_next_round(struct broadcast *b);
void broadcast_end(struct broadcast *b);

/* A message to one. False when the connection is gone. */
bool subs_send(struct subs *s, struct sub_conn *c,
	       void (*write)(struct jw *w, void *ctx, unsigned version), void *ctx);

#endif
