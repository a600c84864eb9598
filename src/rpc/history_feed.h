/* SPDX-License-Identifier: ISC */
#ifndef TALLY_RPC_HISTORY_FEED_H
#define TALLY_RPC_HISTORY_FEED_H

#include "rpc/streams.h"
#include "rpc/subs.h"

/* account_history_tx_stream: the new transactions of an account, counted up from 0, and its past,
 * newest first, counted down from -1 (rippled: NetworkOPs.cpp addAccountHistoryJob).
 *
 *      past ◄── pages, as fast as the connection takes them ──┤ the ledger that was validated
 *                                    when it was asked for    ├──► new ones, as they are validated
 *
 * The past comes in pages from rpc_tick(), a few milliseconds of work at a time, never more than
 * waits in the connection's queue already; each page is charged to the connection's address. It
 * ends with the transaction that made the account, with ledger 2, or when it is told to. Where
 * history is not here (yet), it is looked for again every few seconds, as in the reference.
 *
 * A feed belongs to its link (subs.h) and is closed with it, also in the middle of a message. */
struct history_feed;

struct history_feed *history_feed_open(struct rpc *r, struct sub_conn *c,
				       const struct account_id *id, const struct rpc_origin *from);
void history_feed_close(struct history_feed *f); /* NULL is fine */
/* No more of the past. */
void history_feed_stop_past(struct history_feed *f);

/* A validated transaction that affected the account; `last` of its ledger. */
void history_feeds_tx(const struct tx_message *m, const struct account_id *id, bool last);
/* A ledger is validated: feeds that had to wait for the first one begin. */
void history_feeds_ledger(struct rpc *r, const struct ledger *l);
/* Sends what may be sent of the past, and asks to be called again while there is more. */
void history_feeds_tick(struct rpc *r);

#endif
