/* SPDX-License-Identifier: ISC */
#ifndef TALLY_RPC_IDEMPOTENCY_H
#define TALLY_RPC_IDEMPOTENCY_H

#include "rpc/call.h"

/* Idempotency-Key on HTTP submit and submit_multisigned: the first answer is kept for 24 hours, on
 * disk before it leaves, and given again, byte for byte, with "Idempotent-Replayed: true".
 *
 *      begin ──► known: the answer again            (409 when the body was another one)
 *        │  └──► being worked on: 409, Retry-After
 *        ▼
 *      signed here? ──► the signed blob is kept ──► node ──► the answer is kept ──► reply
 *        │ no                                        ▲
 *        └───────────────────────────────────────────┘
 *
 * A blob that the client signed names its effect by itself: after a crash it may be handed to the
 * node again. What this server signs is therefore kept before the node has it, so that a repetition
 * finds the same blob instead of signing another. Answers of a node that did nothing (tel, tem) are
 * not kept: the request may be made again. With the answer the transaction is kept: a repetition
 * hands it to the node again when it is neither pending nor validated there. Nor is any secret:
 * neither the body nor a digest over one that has not been taken out.
 *
 * Keys belong to the node, not to an address: who repeats a request after his address has changed
 * must find his answer. Those of administrators are apart from everybody else's. */

#define IDEMPOTENCY_MS 86400000u

struct idem;

/* Called for a call whose request carries a key. False: it has been answered. */
bool idem_begin(struct rpc_call *c);
/* The transaction that was signed for this key by an earlier attempt; NULL: none. One reference. */
struct tx *idem_resume(struct rpc_call *c);
/* The transaction is about to be handed to the node; true: not before it is kept. */
bool idem_hold(struct rpc_call *c);
/* What the node did decides whether the answer is kept. */
void idem_outcome(struct rpc_call *c, enum ter result);
/* The answer of a call with a key; sends it, now or when it is kept. */
void idem_reply(struct rpc_call *c, int status);
/* Called when a write that was asked for is through. */
void idem_kept(struct rpc *r, uint64_t token, enum err err);
/* Ends all. */
void idem_close(struct rpc *r);

#endif
