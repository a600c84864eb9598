/* SPDX-License-Identifier: ISC */
#ifndef TALLY_LEDGER_GENESIS_H
#define TALLY_LEDGER_GENESIS_H

#include "crypto/keys.h"
#include "ledger/ledger.h"

/* The genesis ledger is data: a text file that `tally genesis` writes and every node of a network
 * reads. A newer binary never computes another genesis from the same file.
 *
 *     # tally genesis 1
 *     network_id = 21337
 *     close_time = 0
 *     close_time_resolution = 10
 *     base_fee = 10
 *     reserve_base = 10000000
 *     reserve_increment = 2000000
 *     xrp_fees = yes                       # FeeSettings with drops fields
 *     amendment_majority_time = 1209600    # seconds until it is in force; may be missing
 *     amendment = <64 hex> <name>          # sorted by id, any number
 *     account = <address> <drops>          # any number; the sum must be the total
 *     generated_accounts = <n> <drops>     # for tests; account i in 0 .. n-1 has the Ed25519 key
 *                                          # of seed_of_passphrase("tally test account <i>")
 *     entry = <64 hex> <hex>               # an entry of the state, any number, ascending by key
 *     total_drops = 100000000000000000
 *
 * Every key but amendment, account and entry stands once; generated_accounts may be missing,
 * and account when there are entries. xrp_fees is
 * `yes` exactly when the amendment XRPFees is listed. An amendment that this build does not support
 * is an error: it could not follow that network. Comments begin with # and end with the line.
 *
 * The entries are what a network takes over from another one's state (genesis_take()); none may be
 * of those that a network keeps for itself: fees, amendments, skip lists, the negative UNL.
 *
 * The first account has Sequence 1 and so have all. Ledger 1 is this state, close time as given;
 * ledger 2 follows at once, empty, with the skip list and close time of the parent, as in the
 * reference server. */
struct genesis_account {
	struct account_id id;
	struct drops balance;
};
struct genesis {
	uint32_t network_id;
	struct net_time close_time;
	uint8_t close_resolution;
	struct ledger_fees fees;
	bool xrp_fees;
	uint32_t majority_s; /* how long an amendment's majority must last; 0: two weeks */
	struct drops total;
	struct hash256 *amendments; /* sorted; owned, as is `accounts` */
	size_t n_amendments;
	struct genesis_account *accounts;
	size_t n_accounts;
	uint32_t generated;
	struct drops generated_balance;
	struct buf entries; /* each: key 32 | length 4 | data; ascending by key */
	struct hash256 last_entry;
};

/* The standalone default: masterpassphrase (rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh) holds 10^17 drops,
 * network id 0; amendments: all supported ones, or none. After crypto_init(). */
void genesis_default(struct genesis *g, bool with_amendments);
/* Parses the text of a genesis file; errors name the line. */
enum err genesis_parse(struct genesis *out, struct bytes text, struct why *why) MUST_USE;
void genesis_print(const struct genesis *g, struct buf *out);
void genesis_close(struct genesis *g);
/* Adds an entry to `entries`. ERR_ORDER when its key is not above the one before, ERR_INVALID when
 * it is none or one that a network keeps for itself. */
enum err genesis_add_entry(struct genesis *g, const struct hash256 *key, struct bytes data,
			   struct why *why) MUST_USE;
/* Takes over one entry of another network's state, in the order of their keys: FeeSettings gives
 * the fees, Amendments those enabled (majorities are lost), LedgerHashes and NegativeUNL are left
 * out, all else is added as it is. ERR_STATE for an amendment that this build does not support. */
enum err genesis_take(struct genesis *g, const struct hash256 *key, struct bytes data,
		      struct why *why) MUST_USE;
/* The next of `entries`: *rest begins with all of them; false at the end. */
bool genesis_next_entry(struct bytes *rest, struct hash256 *key, struct bytes *data);
/* The seed of generated account i (Ed25519). */
void genesis_generated_seed(struct seed *out, uint32_t i);
/* Builds ledgers 1 and 2 in memory, a reference to each for the caller. ERR_DUPLICATE when an
 * account is there twice, ERR_RANGE when the balances are not the total. */
enum err genesis_build(const struct genesis *g, struct ledger **first, struct ledger **second,
		       struct why *why) MUST_USE;

#define AMENDMENT_MAJORITY_S (14u * 24 * 60 * 60) /* rippled: SystemParameters.h */

/* Amendments this build knows: amendments.def, A(name, supported, vote, id). Id =
 * SHA-512Half(name); there too stands what "supported" and "vote" mean. */
enum amendment_vote { AMENDMENT_VOTE_NO, AMENDMENT_VOTE_YES, AMENDMENT_VOTE_OBSOLETE };
struct amendment {
	const char *name;
	struct hash256 id;
	bool supported;
	enum amendment_vote vote;
};
enum amendment_index {
#define A(name, ...) AMENDMENT_##name,
#include "ledger/amendments.def"
#undef A
	AMENDMENT_COUNT
};
/* Checks the table against its names; optional, for programs once at start. */
void amendments_init(void);
/* The table, sorted by id; *n entries. */
const struct amendment *amendments_all(size_t *n);
const struct amendment *amendment_by_id(const struct hash256 *id);
const struct amendment *amendment_by_name(const char *name, size_t n);
/* amendment_on(rules, AMENDMENT_fixPreviousTxnID): what code asks that an amendment switches. */
bool amendment_on(const struct rules *r, enum amendment_index which);

/* Amendments that have a majority of the validators and are not in force yet, as a state says:
 * since when. At most `max`; more than there are amendments is nobody's honest work. */
#define AMENDMENT_MAJORITIES_MAX (AMENDMENT_COUNT + 32)
struct amendment_majority {
	struct hash256 id;
	uint32_t since; /* close time */
};
enum found amendment_majorities(const struct tree *state, struct amendment_majority *out,
				uint32_t max, uint32_t *n) MUST_USE;

#endif
