/* SPDX-License-Identifier: ISC */
#ifndef TALLY_NODE_TXQ_IMPL_H
#define TALLY_NODE_TXQ_IMPL_H

#include "node/txq.h"

/* Private to src/node/txq*.c:
 *
 *   txq_fees.c    metrics, levels
 *   txq.c         the container: by level, and by account
 *   txq_try.c     one transaction: into the open ledger, into the queue, or neither
 *   txq_accept.c  a ledger has closed, another is open */

/* Whether a comes before b in an account's queue: sequences before tickets, both ascending. */
bool txq_tx_before(const struct tx *a, const struct tx *b);
bool txq_tx_same(const struct tx *a, const struct tx *b); /* same sequence, or same ticket */
/* The place of an entry in the order of levels. */
uint32_t txq_place(const struct txq *q, const struct txq_entry *e);
/* Its account, made if need be. */
struct txq_account *txq_account_for(struct txq *q, const struct account_id *a);
struct txq_account *txq_account_get(const struct txq *q, const struct account_id *a);
/* The account's entry for the sequence or ticket of t; NULL when there is none. */
struct txq_entry *txq_rival(const struct txq_account *a, const struct tx *t);
/* The account's first entry whose sequence is not below `seq` (tickets count as above). */
struct txq_entry *txq_first_from(const struct txq_account *a, uint32_t seq);
struct txq_entry *txq_last_of(const struct txq_account *a);
void txq_put(struct txq *q, struct tx *t, uint64_t level);
/* Takes e out and frees it; the caller gets its reference to the transaction. */
struct tx *txq_take(struct txq *q, struct txq_entry *e) MUST_USE;
/* The same, and tells what became of it. */
void txq_leaves(struct txq *q, struct txq_entry *e, bool applied, enum ter result);
bool txq_full(const struct txq *q, uint32_t percent);
/* New ranks for all, and the order they make. */
void txq_sort(struct txq *q, const struct hash256 *parent);
/* What the next sequence is after e has been applied. */
uint32_t txq_following(const struct txq_entry *e);

#endif
