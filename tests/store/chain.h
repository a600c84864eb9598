/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_STORE_CHAIN_H
#define TALLY_TESTS_STORE_CHAIN_H

#include "ledger/ledger.h"
#include "store/kv_mem.h"
#include "store/store.h"

/* A chain of ledgers full of payments, all of it following from the seed: two processes that make
 * it agree on every byte. The transactions have the shape and size of real ones; nothing looks at
 * their signatures here. No XRP is made, fees are destroyed. */

struct chain_tx {
	struct hash256 id;
	uint32_t seq, index, from, to;
};

struct chain {
	uint64_t seed;
	uint32_t accounts, per_ledger;
	struct node_source *source; /* of the states, may be NULL */
	uint64_t *balance;
	uint32_t *sequence;
	struct ledger *tip;
	struct chain_tx *tx; /* every one so far, oldest first */
	size_t tx_n, tx_cap;
};

/* Ledger 1: `accounts` accounts, no transactions. */
void chain_init(struct chain *c, uint64_t seed, uint32_t accounts, uint32_t per_ledger,
		struct node_source *source);
void chain_close(struct chain *c);
/* The ledger after the tip becomes the tip; returns it (the chain's reference). */
struct ledger *chain_next(struct chain *c);
/* The same ledger, from another source (loaded from a store), as the tip. Takes the reference. */
void chain_replace_tip(struct chain *c, struct ledger *same);
struct account_id chain_account(uint32_t i);

/* Opens a store in `folder` for this chain's network, or on the disk in memory when there is one.
 * Only one at a time then. */
extern struct kv_mem_disk *chain_memory; /* NULL at first */
enum err chain_store_open(struct store **s, const char *folder, uint32_t history,
			  uint64_t map_bytes, struct why *why);
extern const struct hash256 CHAIN_GENESIS;
#define CHAIN_NETWORK 21465

/* A folder of its own below $TMPDIR or /tmp, and its removal with the files of a store. */
void chain_folder_make(char out[128]);
void chain_folder_remove(const char *folder);

#endif
