/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_SIM_CLIENTS_IMPL_H
#define TALLY_TESTS_SIM_CLIENTS_IMPL_H

#include "tests/sim/actors.h"

/* What clients sign (clients_tx.c), for what they do with it (clients.c). */

enum draft_kind { DRAFT_PAY, DRAFT_SET };
struct draft {
	enum draft_kind kind;
	uint32_t network_id;
	uint32_t from, to; /* accounts by number; those above the genesis' may not exist yet */
	uint32_t seq;
	uint32_t last_ledger; /* 0: none */
	uint64_t drops;
	uint64_t fee;
	uint32_t set, clear; /* AccountSet */
	uint32_t tag;        /* 0: none */
	uint32_t variety;    /* of an AccountSet: which fields */
	uint32_t nonce;      /* in a memo, so that equal payments differ; 0: none */
};
/* Signed and parsed; the caller's reference. */
struct tx *draft_sign(const struct draft *d);

/* Transactions that cannot succeed, one way each. */
enum bad_kind {
#define BAD(name, code) BAD_##name,
#include "tests/sim/bad.def"
#undef BAD
	BAD_COUNT
};
/* NULL when what comes out does not even parse. */
struct tx *draft_sign_bad(const struct draft *d, enum bad_kind how);

#endif
