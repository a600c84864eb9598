/* SPDX-License-Identifier: ISC */
#ifndef TALLY_LEDGER_TX_SET_H
#define TALLY_LEDGER_TX_SET_H

#include "base/bytes.h"

/* The id of a candidate transaction set: the root hash of a TREE_TX_SET. Since the leaf hash of a
 * set is the transaction's id, the ids alone give it; no tree is built. `ids` sorted, no
 * duplicates; the empty set has id zero. */
void tx_set_id(struct hash256 *out, const struct hash256 *ids, size_t n);

#endif
