/* SPDX-License-Identifier: ISC */
#ifndef TALLY_NODE_AGREEMENT_H
#define TALLY_NODE_AGREEMENT_H

#include "base/time.h"
#include "consensus/consensus.h"
#include "crypto/keys.h"

/* How well each validator of the UNL agrees with what the network has validated: of the validated
 * ledgers of the last hour and the last day, for how many its full validation named the same
 * ledger. For operators alone; nothing else depends on it.
 *
 *     heard      what a validator has signed for a sequence ─┐
 *     validated  what has got a quorum at that sequence ─────┴─ 8 s later ──► agreed: the same
 *                                                                             wrong: another, or
 * two missed: none, or only a partial one
 *
 * A ledger counts only if a quorum of full validations for it was heard here: while this node
 * catches up or is cut off, others are not blamed for what it did not hear. Time is in whole
 * minutes: an hour is the current one and the 59 before it. A validator counts from when it became
 * a member. Pure: `now` is an argument and must not run backwards. */

#define AGREEMENT_GRACE_MS 8000 /* a validation may come so much later than the quorum */

enum agreement_span { AGREEMENT_HOUR, AGREEMENT_DAY, AGREEMENT_EVER, AGREEMENT_SPANS };

struct agreement_share {
	uint64_t agreed, missed, wrong;
};

struct agreement;
struct agreement *agreement_open(struct steady now);
void agreement_close(struct agreement *a);

/* The UNL, by master keys, in any order, each once. Those that stay keep what is known of them. */
void agreement_members(struct agreement *a, const struct public_key *keys, uint32_t n);
/* A member's validation with a good signature; of anybody else nothing is kept. */
void agreement_heard(struct agreement *a, const struct public_key *key,
		     const struct cons_validation *v);
void agreement_validated(struct agreement *a, uint32_t seq, const struct hash256 *ledger,
			 uint32_t quorum, struct steady now);
/* Time passes: judges what is due, forgets what is too old. */
void agreement_tick(struct agreement *a, struct steady now);

/* The i-th member, ascending; false when there are not as many. */
bool agreement_member(const struct agreement *a, uint32_t i, struct public_key *key,
		      struct agreement_share shares[AGREEMENT_SPANS]);
/* agreed / all, in ten-thousandths, rounded down; -1 when nothing was counted. */
int32_t agreement_of(const struct agreement_share *s);

#endif
