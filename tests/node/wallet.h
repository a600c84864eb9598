/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_NODE_WALLET_H
#define TALLY_TESTS_NODE_WALLET_H

#include "node/node.h"

/* What clients and validators sign, for tests of the node: the generated accounts of a genesis, and
 * validators whose keys come from their number. */

#define WALLET_NETWORK 21337
#define WALLET_BALANCE (1000 * DROPS_PER_XRP) /* of each generated account */

/* Once, first in main. */
void bench_setup(void);

struct payment {
	uint32_t from, to; /* generated accounts; those above the genesis do not exist */
	uint32_t seq;
	uint64_t drops;       /* 0: 1 */
	uint64_t fee;         /* 0: 10 */
	uint32_t last_ledger; /* 0: none */
	uint32_t memo;        /* bytes of a memo, to make it large */
	bool bad_signature;
};
/* The caller's reference. Fails the test when it does not parse. */
struct tx *wallet_pay(const struct payment *p);
/* Any other transaction: its fields but for account, network, key and signature. */
struct tx *wallet_sign(uint32_t from, struct st_object *o);
struct account_id wallet_account(uint32_t i);
/* A genesis with that many generated accounts. */
void wallet_genesis(struct genesis *g, uint32_t accounts);
/* Drops in a ledger. */
uint64_t wallet_balance(const struct ledger *l, uint32_t account);

struct secret_key *validator_key(uint32_t i, struct public_key *pub);
/* A message signed by validator i; frames of one reference. */
struct wire_frame *validator_proposal(uint32_t i, const struct cons_position *p);
struct wire_frame *validator_validation(uint32_t i, const struct cons_validation *v,
					uint64_t cookie);

#endif
