/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TOOLS_REFUND_H
#define TALLY_TOOLS_REFUND_H

#include "base/bytes.h"
#include "base/drops.h"

#include <jansson.h>

/* What of a payment may go back, decided from validated history alone. Pure: answers in, a decision
 * out.
 *
 * A refund is a payment to the sender of the original that has a memo with the original's hash: its
 * MemoType is REFUND_MEMO_TYPE, its MemoData the 32 bytes. What was refunded is the sum that all
 * such payments of the wallet have delivered, from the original's ledger to the validated one that
 * the wallet's Sequence is read from. The refund uses that Sequence and no ticket: an earlier
 * refund that is not in that sum is applied with that Sequence, or not at all. So however many run
 * at once, and whatever was lost, one of them is applied, and no more than was delivered goes back.
 */

#define REFUND_MEMO_TYPE "refund/of"

struct refund_original {
	struct hash256 hash;
	struct account_id from, to;
	bool has_tag; /* the sender's, where the refund goes */
	uint32_t tag;
	struct drops delivered;
	uint32_t ledger;
};

/* From the answer of `tx`; the reason when it is nothing that `wallet` can refund. */
enum err refund_original_read(struct refund_original *out, const json_t *answer,
			      const struct account_id *wallet, struct why *why) MUST_USE;
/* Adds what one row of `account_tx` has refunded of it: nothing, for most. */
enum err refund_count(struct drops *sum, const json_t *row, const struct refund_original *o,
		      struct why *why) MUST_USE;
/* Whether "5-9,12-20" has all of first .. last in one piece. */
bool refund_history_whole(const char *complete_ledgers, uint32_t first, uint32_t last);
/* The amount: what is wanted, or all that is left. ERR_RANGE when it is more than that, or none is
 * left. */
enum err refund_decide(struct drops *amount, const struct refund_original *o, struct drops refunded,
		       const struct drops *wanted, struct why *why) MUST_USE;
/* The hash that a signed refund's memo names; false when the bytes are no refund. */
bool refund_names(struct bytes blob, struct hash256 *original);

#endif
