/* SPDX-License-Identifier: ISC */
#ifndef TALLY_LEDGER_GENESIS_H
#define TALLY_LEDGER_GENESIS_H

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
 *     amendment = <64 hex> <name>          # sorted by id, any number
 *     account = <address> <drops>          # any number; the sum must be the total
 *     generated_accounts = <n> <drops>     # account i: Ed25519 key of seed_of_passphrase(
 *                                          # "tally test account <i>"), for tests
 *     total_drops = 100000000000000000
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
	struct drops total;
	struct hash256 *amendments; /* sorted */
	size_t n_amendments;
	struct genesis_account *accounts;
	size_t n_accounts;
	uint32_t generated;
	struct drops generated_balance;
};

/* The standalone default: masterpassphrase (rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh) holds 10^17 drops,
 * network id 0; amendments: all supported ones, or none. */
void genesis_default(struct genesis *g, bool with_amendments);
/* Parses the text of a genesis file; errors name the line. */
enum err genesis_parse(struct genesis *out, struct bytes text, struct why *why) MUST_USE;
void genesis_print(const struct genesis *g, struct buf *out);
void genesis_close(struct genesis *g);
/* Builds ledgers 1 and 2 in memory. */
enum err genesis_build(const struct genesis *g, struct ledger **first, struct ledger **second,
		       struct why *why) MUST_USE;

/* Amendments this build knows: A(name, supported). Id = SHA-512Half(name). */
struct amendment {
	const char *name;
	struct hash256 id;
	bool supported;
};
/* The table, sorted by id; *n entries. Ids are computed on first use by amendments_init, which
 * crypto users call once at start. */
void amendments_init(void);
const struct amendment *amendments_all(size_t *n);
const struct amendment *amendment_by_id(const struct hash256 *id);
const struct amendment *amendment_by_name(const char *name, size_t n);

#endif
