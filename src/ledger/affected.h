/* SPDX-License-Identifier: ISC */
#ifndef TALLY_LEDGER_AFFECTED_H
#define TALLY_LEDGER_AFFECTED_H

#include "codec/st.h"

/* What the indexes want to know of a validated transaction. */

/* A leaf of a ledger's transaction tree: VL(transaction) VL(metadata), as views. ERR_SHORT,
 * ERR_TRAILING, ERR_RANGE, or ERR_INVALID when one of the two is empty. */
enum err tx_leaf_split(struct bytes leaf, struct bytes *tx, struct bytes *meta) MUST_USE;
void tx_leaf_join(struct buf *out, struct bytes tx, struct bytes meta);

/* The accounts that a transaction's metadata mentions, sorted, each once, on the arena; these are
 * the accounts whose history it is part of (rippled: TxMeta::getAffectedAccounts). Of each created
 * node's NewFields and each other node's FinalFields: every account field that is not zero, the
 * issuers of the limits of a trust line and of an offer's two sides, the issuer of an issuance id.
 * Returns their number. */
size_t affected_accounts(const struct st_object *meta, struct arena *a, struct account_id **out);

#endif
