/* SPDX-License-Identifier: ISC */
#ifndef TALLY_LEDGER_LEDGER_H
#define TALLY_LEDGER_LEDGER_H

#include "ledger/header.h"
#include "ledger/tree.h"

/* A closed ledger: header and two trees, immutable, shared by reference count. Whoever holds a
 * reference can read all of it at any time from any thread: every RPC answer is computed on one of
 * these. */
struct ledger {
	_Atomic uint32_t refs;
	struct ledger_header header;
	struct hash256 hash;
	struct tree state; /* key = entry index, data = serialised entry */
	struct tree txs;   /* key = transaction id, data = VL(tx) VL(metadata) */
};

/* Takes over the two trees (they are closed; closing them again does no harm), hashes them into the
 * header, refs = 1. */
struct ledger *ledger_make(const struct ledger_header *header, struct tree *state,
			   struct tree *txs);
struct ledger *ledger_ref(struct ledger *l);
void ledger_unref(struct ledger *l); /* NULL is fine */

/* Fees and reserves from the FeeSettings entry, old or new (XRPFees) fields; defaults 10 drops,
 * 10 XRP, 2 XRP when there is no entry. */
struct ledger_fees {
	struct drops base;
	struct drops reserve;
	struct drops increment;
};
#define REFERENCE_FEE_UNITS 10 /* of the old fields; never used any more */
enum found ledger_fees_read(const struct tree *state, struct ledger_fees *out) MUST_USE;

/* Rules: the enabled amendments, as a sorted list of ids, shared and immutable. */
struct rules {
	_Atomic uint32_t refs;
	uint32_t n;
	struct hash256 id[];
};
enum found rules_read(const struct tree *state, struct rules **out) MUST_USE;
struct rules *rules_of_list(const struct hash256 *ids, size_t n);
struct rules *rules_ref(struct rules *r);
void rules_unref(struct rules *r);
bool rules_enabled(const struct rules *r, const struct hash256 *amendment);

/* The skip list (rippled: Ledger.cpp updateSkipList): puts the parent's hash into LedgerHashes
 * entries of the state of the ledger `seq` that is being built. */
enum found skip_list_update(struct tree *state, uint32_t seq,
			    const struct hash256 *parent) MUST_USE;
/* The hash of ledger `seq` as ledger l knows it: itself, its parent, or from its skip lists (the
 * last 256, or every 256th). ABSENT when it does not reach that far. */
enum found skip_list_hash(const struct ledger *l, uint32_t seq, struct hash256 *out) MUST_USE;

/* Close-time resolution of the ledger after one with `resolution` (rippled: LedgerTiming.h):
 * steps 10 20 30 60 90 120; finer every 8th agreed ledger, coarser at once after disagreement. */
uint8_t close_resolution_next(uint8_t resolution, bool previous_agreed, uint32_t seq);

#endif
