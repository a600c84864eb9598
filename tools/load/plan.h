/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TOOLS_LOAD_PLAN_H
#define TALLY_TOOLS_LOAD_PLAN_H

#include "base/hmap.h"
#include "base/mem.h"
#include "crypto/keys.h"

/* Payments between the generated accounts of a test genesis, signed before the first is sent.
 * Account i has the Ed25519 key of the passphrase "tally test account i" and pays account i + 1.
 * The order is round by round: every account's first payment, then every account's second. */

struct payment {
	struct hash256 id;
	const char *hex; /* of the signed bytes, NUL-terminated, on the plan's arena */
	uint32_t account;
	uint32_t tries;
	int64_t due_ns; /* when it was sent, or should have been */
	int64_t validated_ns;
};

struct plan {
	struct arena arena;
	uint32_t accounts;
	uint32_t first;
	struct account_id *ids; /* of all accounts */
	uint32_t *sequences;    /* next of each, filled in by the caller before plan_sign */
	uint32_t n;
	struct payment *payments;
	struct hmap by_id;
	/* One Ed25519 verification by the library alone, as plan_floor_ns has measured it. */
	double floor_ns;
};

/* Derives the accounts first .. first + accounts - 1. */
void plan_init(struct plan *p, uint32_t first, uint32_t accounts);
/* Signs n payments of one drop. last_ledger = 0: they do not expire. */
void plan_sign(struct plan *p, uint32_t n, uint32_t network_id, uint32_t last_ledger);
/* Measures the floor: nanoseconds of one verification, over `rounds` distinct signatures. */
double plan_floor_ns(uint32_t rounds);
void plan_close(struct plan *p);

#endif
