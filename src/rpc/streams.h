/* SPDX-License-Identifier: ISC */
#ifndef TALLY_RPC_STREAMS_H
#define TALLY_RPC_STREAMS_H

#include "rpc/jw.h"
#include "rpc/rpc.h"

/* The members that tell of a validated ledger, in a ledgerClosed message and in the reply to who
 * subscribes to the stream. */
void stream_write_ledger(struct rpc *r, struct jw *w, const struct ledger *l);

#endif
