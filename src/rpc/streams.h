/* SPDX-License-Identifier: ISC */
#ifndef TALLY_RPC_STREAMS_H
#define TALLY_RPC_STREAMS_H

#include "rpc/book.h"
#include "rpc/jw.h"
#include "rpc/rpc.h"

/* Messages of the streams (rippled: NetworkOPs.cpp, the pub functions). For each validated ledger
 * they leave in this order: ledgerClosed, bookChanges, then its transactions in the order in which
 * they were applied, each to the streams, the books it touched and the accounts it affected. */

/* The members that tell of a validated ledger, in a ledgerClosed message and in the reply to who
 * subscribes to the stream. */
void stream_write_ledger(struct rpc *r, struct jw *w, const struct ledger *l);

/* A transaction as its message tells it. */
struct tx_message {
	struct rpc *r;
	bool validated;
	uint32_t seq; /* of the ledger, or of the open one; the next two only of a validated one */
	struct hash256 ledger_hash;
	struct net_time close;
	struct hash256 id;
	const struct st_object *tx, *meta; /* meta NULL: proposed */
	enum ter result;
	const char *owner_funds; /* of who offers what others issue; NULL: not told */
	bool in_history;         /* account_history_tx_*: */
	int64_t index;
	bool first, boundary;
};
void stream_write_tx(struct jw *w, void *ctx, unsigned version); /* ctx: struct tx_message */

/* To those who follow the server, if what a transaction costs has changed much. */
void stream_publish_fees(struct rpc *r);
/* To all who follow the transactions of a ledger (stream_tx.c). */
void stream_publish_txs(struct rpc *r, struct ledger *l);

/* The digest under which a book is followed (stream_books.c). */
struct hash256 stream_book_key(const struct book *b);
struct book stream_book_reversed(const struct book *b);
/* Books whose offers a transaction made, changed or took away, each once, on the arena: their keys
 * as followers know them. Returns their number (rippled: OrderBookDBImpl.cpp affectedBooks). */
size_t stream_books_of(const struct st_object *meta, struct arena *a, struct hash256 **out);
/* One entry of "books" in subscribe and, `ending`, unsubscribe, which does not look at the taker;
 * with the reference's errors. */
struct book_request {
	struct book book;
	bool both, snapshot;
	bool has_taker;
	struct account_id taker;
};
bool stream_parse_book(struct rpc_call *c, const json_t *in, bool ending, struct book_request *out);

#endif
