/* SPDX-License-Identifier: ISC */
#ifndef TALLY_LEDGER_NEGATIVE_UNL_H
#define TALLY_LEDGER_NEGATIVE_UNL_H

#include "base/limits.h"
#include "crypto/keys.h"
#include "ledger/ledger.h"

/* The NegativeUNL entry: validators that the network has found unreliable, and so does not wait
 * for (rippled: docs/0001-negative-unl, Ledger.cpp updateNegativeUNL).
 *
 *   UNLModify in flag ledger N ──► ValidatorToDisable, ValidatorToReEnable (one each)
 *   flag ledger N + 256 begins ──► DisabledValidators, which is what counts
 *
 * So a change is in the ledger for 256 ledgers before it counts. */

#define FLAG_LEDGER_EVERY 256

static inline bool ledger_is_flag(uint32_t seq)
{
	return seq % FLAG_LEDGER_EVERY == 0;
}

struct negative_unl {
	uint32_t n; /* disabled; more than UNL_MAX are not read */
	struct public_key disabled[UNL_MAX];
	uint32_t since[UNL_MAX]; /* ledger in which it began to count */
	bool disabling, enabling;
	struct public_key to_disable, to_enable;
};

/* What the state says; all zeros when there is no entry. Members that are no keys are left out.
 * FOUND, or UNAVAILABLE. */
enum found negative_unl_read(const struct tree *state, struct negative_unl *out) MUST_USE;
/* The first thing that happens in flag ledger `seq`, before any transaction: what was noted in the
 * one before begins to count. Leaves other ledgers alone. An entry with nothing left goes. */
enum found negative_unl_update(struct tree *state, uint32_t seq) MUST_USE;
bool negative_unl_has(const struct negative_unl *n, const struct public_key *key);

#endif
