/* SPDX-License-Identifier: ISC */
#ifndef TALLY_NODE_BALLOT_H
#define TALLY_NODE_BALLOT_H

#include "codec/st.h"
#include "crypto/keys.h"
#include "ledger/genesis.h"
#include "ledger/ledger.h"

/* How validators' wishes are counted: fees and amendments (rippled: FeeVoteImpl.cpp,
 * AmendmentTable.cpp). A wish stands in the validation of the ledger before a flag ledger; it is
 * counted in the round after the flag ledger, which makes of it a change that all agree on.
 *
 *   ledger 255 ──► validations with wishes ──► ledger 256 (flag) ──► counted ──► SetFee,
 *   EnableAmendment in the set of ledger 257
 *
 * All time is the close time of ledgers. */

#define BALLOT_IDS_MAX 112             /* amendments that fit into a validation */
#define BALLOT_KEPT_S  (24u * 60 * 60) /* the wish of a member that is silent holds so long */
#define BALLOT_PERCENT 80

enum { BALLOT_BASE, BALLOT_RESERVE, BALLOT_INCREMENT, BALLOT_FEES };

/* ---- fees ---- */

/* The value that most want between the current one and our target, both included; our own wish is
 * counted once more. Of values that as many want, the least. `votes` may be negative: nobody's. */
int64_t ballot_fee(int64_t current, int64_t target, const int64_t *votes, uint32_t n);
/* The wish in a validation: without one, or with one that is no legal amount, its sender wants
 * things to stay as they are. */
int64_t ballot_fee_in(const struct st_object *validation, unsigned which, bool xrp_fees,
		      int64_t current);
/* Adds our wish to a validation, unless the fee is what we want. */
void ballot_fee_put(struct st_object *validation, unsigned which, bool xrp_fees, int64_t current,
		    int64_t target);

/* ---- amendments ---- */

/* What a member has wished for last. One that could not be heard before a flag ledger has not
 * changed its mind; after a day it counts as silent. */
struct ballot_member {
	struct public_key key;
	bool heard;
	struct net_time until;
	uint32_t n;
	struct hash256 ids[BALLOT_IDS_MAX];
};
struct ballot {
	struct ballot_member *m; /* the UNL, in its order; owned */
	uint32_t n;
};
void ballot_close(struct ballot *b);
/* Other members; those that stay keep what they have said. */
void ballot_members(struct ballot *b, const struct public_key *keys, uint32_t n);
/* A member's wish: a list of ids (32 bytes each); what is beyond BALLOT_IDS_MAX is not heard. */
void ballot_take(struct ballot *b, uint32_t who, struct bytes ids, struct net_time close);
/* After all were taken: whoever was silent for too long is forgotten. */
void ballot_expire(struct ballot *b, struct net_time close);

struct ballot_total {
	uint32_t members;   /* whose wishes are known */
	uint32_t threshold; /* more than so many must want it; of one member: as many */
};
struct ballot_total ballot_total(const struct ballot *b);
uint32_t ballot_for(const struct ballot *b, const struct hash256 *id);
bool ballot_passes(const struct ballot_total *t, uint32_t votes);

enum ballot_act { BALLOT_NOTHING, BALLOT_GOT, BALLOT_LOST, BALLOT_ENABLE };
/* What we propose for an amendment that is not enabled. since: when it got the majority that the
 * ledger knows of (NULL: none); ours: we want it. */
enum ballot_act ballot_act(bool passes, const uint32_t *since, bool ours, uint32_t majority_s,
			   struct net_time close);

#endif
