/* SPDX-License-Identifier: ISC */
#ifndef TALLY_RPC_SUBS_H
#define TALLY_RPC_SUBS_H

#include "rpc/jw.h"
#include "rpc/rpc.h"

/* Who listens to what. A connection is known here from its first subscription until it closes; all
 * it subscribed to hangs on it and goes with it.
 *
 *     stream  ──► list of connections          connection ──► its place in each stream's list
 *     account ──► list of connections          connection ──► its accounts
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

enum sub_accounts { SUB_ACCOUNTS, SUB_ACCOUNTS_PROPOSED, SUB_ACCOUNTS_KINDS };

struct subs;
struct sub_conn;

struct subs *subs_open(const struct rpc_host *host);
void subs_close(struct subs *s);
void subs_conn_closed(struct subs *s, uint64_t conn);

/* The connection, entered if it is new and `add`; its messages follow this version from now on.
 * NULL when it is not there, or when RPC_SUB_CONNS_MAX are. */
struct sub_conn *subs_conn(struct subs *s, uint64_t conn, unsigned version, bool add);
void subs_stream_add(struct subs *s, struct sub_conn *c, enum stream stream);
void subs_stream_del(struct subs *s, struct sub_conn *c, enum stream stream);
/* False when a bound on accounts is reached. Adding twice is adding once. */
bool subs_account_add(struct subs *s, struct sub_conn *c, enum sub_accounts kind,
		      const struct account_id *id);
void subs_account_del(struct subs *s, struct sub_conn *c, enum sub_accounts kind,
		      const struct account_id *id);

bool subs_has_stream(const struct subs *s, enum stream stream);
bool subs_has_accounts(const struct subs *s, enum sub_accounts kind);
/* Connections and followed accounts now, for tests and counters. */
void subs_count(const struct subs *s, uint32_t *conns, uint32_t *accounts);

/* One message to many. `write` writes the members of the message for a version; it is called at
 * most once per version, when the first listener of that version is met. */
struct broadcast {
	struct subs *subs;
	void (*write)(struct jw *w, void *ctx, unsigned version);
	void *ctx;
	struct rpc_text *text[3]; /* by version */
	uint64_t serial;          /* of this round of account listeners */
};
void broadcast_begin(struct broadcast *b, struct subs *s,
		     void (*write)(struct jw *w, void *ctx, unsigned version), void *ctx);
void broadcast_stream(struct broadcast *b, enum stream stream);
/* To those who follow this account and have not got this message for another account. */
void broadcast_account(struct broadcast *b, enum sub_accounts kind, const struct account_id *id);
void broadcast_end(struct broadcast *b);

#endif
