/* SPDX-License-Identifier: ISC */
#ifndef TALLY_RPC_SIGNING_H
#define TALLY_RPC_SIGNING_H

#include "rpc/call.h"

/* Transactions that come as JSON: completing, signing and checking them (rippled:
 * TransactionSign.cpp). Shared by sign, sign_for, submit, submit_multisigned and simulate. */

/* Only administrators may send secrets; fault notSupported otherwise. */
bool signing_allowed(struct rpc_call *c);

/* The key pair of the request's secret, closed by the caller. */
bool signing_key(struct rpc_call *c, struct secret_key **key);

/* Each completes one member of a transaction's JSON unless it is there. */
bool txfill_sequence(struct rpc_call *c, json_t *tx, const struct account_id *account);
void txfill_network(struct rpc_call *c, json_t *tx);
/* The fee that the open ledger wants; fault highFee above fee_mult_max times the usual. */
bool txfill_fee(struct rpc_call *c, json_t *tx);
/* JSON → transaction; one reference. NULL and a fault when it is none. */
struct tx *txfill_build(struct rpc_call *c, const json_t *tx);

/* The transaction of "tx_json", completed and signed with the secret of the request. */
struct tx *signing_sign(struct rpc_call *c);
/* The same with one more entry in its Signers. */
struct tx *signing_sign_for(struct rpc_call *c);
/* The multi-signed transaction of "tx_json", checked. */
struct tx *signing_multisigned(struct rpc_call *c);
/* The members that show a signed transaction: tx_json, tx_blob, in version 2 hash. */
void signing_write_tx(struct rpc_call *c, const struct tx *tx);

/* The seed that a request names by passphrase, secret, seed or seed_hex, and the type of key. */
bool seed_of_secret(struct seed *out, const char *text);
bool key_type_parse(enum key_type *out, const char *text);
/* sEd... texts are seeds of Ed25519 keys whatever parameter they are in. */
bool seed_of_ed25519_text(struct seed *out, const char *text);

#endif
