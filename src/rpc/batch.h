/* SPDX-License-Identifier: ISC */
#ifndef TALLY_RPC_BATCH_H
#define TALLY_RPC_BATCH_H

#include "rpc/call.h"

/* {"method": "batch", "params": [{"method": "a", ...}, ...]} over HTTP: several calls in one
 * request. (rippled: ServerHandler.cpp processRequest)
 *
 * An item's parameters stand beside its method. The items are worked on in their order, each when
 * the one before has been answered, also when the node has to be asked: a submit's effect is there
 * for the item that follows. The reply is a list of what each would have got alone, except that
 * what would be refused in plain text comes as the item itself with "error": {"code", "message"}.
 *
 *      request ──► batch_begin ─► next item ─► its call ... ─► batch_take ─┐
 *                                     ▲                                    │
 *                                     └────────────────────────────────────┴─► host->reply
 *
 * Each item is charged. There are at most RPC_BATCH_MAX; when the answers have grown beyond
 * RPC_BATCH_REPLY_MAX, the items that are left are refused with the reference's "Server is
 * overloaded". */

struct batch;

bool batch_wanted(const struct rpc_call *c);
/* Takes the call; its request is answered when all items are. */
void batch_begin(struct rpc_call *c);
/* The version an item asks for, 0 for none there is: in its params or beside its method. */
unsigned batch_item_version(const json_t *item);
/* What c->w holds is the answer to its item. The call is no longer one of a batch. */
void batch_take(struct rpc_call *c);
/* Writes into c->w what an item that cannot be taken for a call is told. */
void batch_write_refusal(struct rpc_call *c, const char *text);
/* A batch whose call is freed unanswered. */
void batch_drop(struct rpc_call *c);

#endif
