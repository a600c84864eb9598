/* SPDX-License-Identifier: ISC */
#ifndef TALLY_RPC_QUEUE_H
#define TALLY_RPC_QUEUE_H

#include "rpc/call.h"

/* Transactions that wait for a later ledger, as account_info and ledger show them. */

#define QUEUE_SHOWN_MAX 2000

/* "queue_data": {...} of one account; c->ledger is the open one. */
void queue_write_account(struct rpc_call *c, const struct account_id *id);
/* The members of one transaction that are about its waiting: fee_level, LastLedgerSequence, fee,
 * max_spend_drops, auth_change. */
void queue_write_tx(struct jw *w, const struct node_queued *q);

#endif
