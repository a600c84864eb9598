/* SPDX-License-Identifier: ISC */
#ifndef TALLY_NODE_NUNL_H
#define TALLY_NODE_NUNL_H

#include "ledger/negative_unl.h"

/* Whom a validator votes to disable and to enable again in the next flag ledger (rippled:
 * NegativeUNLVote.cpp findAllCandidates, choose). Everybody with the same UNL, ledgers and
 * validations chooses the same. */

#define NUNL_LOW         (FLAG_LEDGER_EVERY * 50 / 100) /* a score below: to be disabled */
#define NUNL_HIGH        (FLAG_LEDGER_EVERY * 80 / 100) /* above: to be enabled again */
#define NUNL_OWN_MIN     (FLAG_LEDGER_EVERY * 90 / 100) /* of our own, or we cannot judge */
#define NUNL_NEW_LEDGERS (2 * FLAG_LEDGER_EVERY)        /* a newcomer is not disabled */

/* A member of our UNL. */
struct nunl_score {
	struct public_key key;
	uint32_t since; /* ledger that was open when it joined */
	uint32_t score; /* of the last 256 ledgers of our chain, those it has validated */
};
struct nunl_choice {
	const struct public_key *disable, *enable; /* into the arguments; NULL: nobody */
};
/* `now`: what the ledger `parent` of sequence flag - 1 says. At most a quarter of the members,
 * rounded up, are ever disabled. */
struct nunl_choice nunl_choose(const struct negative_unl *now, const struct nunl_score *members,
			       uint32_t n, const struct hash256 *parent, uint32_t flag);

#endif
