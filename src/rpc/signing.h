/* SPDX-License-Identifier: ISC */
#ifndef TALLY_RPC_SIGNING_H
#define TALLY_RPC_SIGNING_H

#include "rpc/call.h"

/* Transactions that come as JSON: completing, signing and checking them (rippled:
 * TransactionSign.cpp). Shared by sign, sign_for, submit, submit_multisigned and simulate. The
 * order of the checks is the reference's: of several faults clients see the same one. */

/* Only administrators may send secrets; fault notSupported otherwise. */
bool signing_allowed(struct rpc_call *c);

/* The key pair of the request's secret, closed by the caller. version: as which an unknown
 * key_type is answered. */
bool signing_key(struct rpc_call *c, unsigned version, struct secret_key **key);
/* Whether the key may sign for the account alone, as far as the open ledger knows it. */
bool signing_key_fits(struct rpc_call *c, const struct secret_key *key,
		      const struct account_id *id);

/* ---- Members of a transaction's JSON (txfill.c): each is completed unless it is there */
bool txfill_sequence(struct rpc_call *c, json_t *tx, const struct account_id *account);
void txfill_network(struct rpc_call *c, json_t *tx);
/* Whether transactions must name this network. */
bool txfill_names_network(const struct rpc_call *c);
/* The fee that the open ledger wants; fault highFee above ten times the usual. Bounded: above what
 * fee_mult_max and fee_div_max make of the usual. */
bool txfill_fee(struct rpc_call *c, json_t *tx);
bool txfill_bounded_fee(struct rpc_call *c, json_t *tx);
/* Amounts of XRP may come as numbers. */
void txfill_amounts(json_t *tx);
/* JSON → fields on the call's arena, → transaction (one reference). False or NULL and a fault, in
 * the words of the reference (STParsedJSON.cpp, STObject.cpp applyTemplate). */
bool txfill_fields(struct rpc_call *c, const json_t *tx, struct st_object **out);
struct tx *txfill_tx(struct rpc_call *c, const struct st_object *fields);
/* The same without a fault: NULL and the reason. */
struct tx *txfill_parse(const struct st_object *fields, char reason[WHY_MAX]);
/* What tx_parse() has to say, in the words of the reference. */
void txfill_reason(char out[WHY_MAX], const char *why);

/* ---- Parts of signing (signing.c) */
/* The transaction as it is worked on, and what is asked of it. */
struct signing {
	json_t *tx; /* a copy of "tx_json", to be completed; owned */
	struct account_id account;
	bool offline; /* nothing is looked up, so nothing may be missing */
	bool multi;   /* one of several signatures: nothing is filled in */
	bool (*fee)(struct rpc_call *c, json_t *tx); /* fills it in; NULL: it has to be there */
	enum sf target; /* where the signature goes; sfInvalid: to where it belongs */
};
/* "tx_json" is there and an object; fills s->tx. */
bool signing_tx_json(struct rpc_call *c, struct signing *s);
/* Makes the open ledger the call's; fault when there is none that is in step. */
bool signing_open_ledger(struct rpc_call *c);
/* Its TransactionType and Account, and that the node is in step with its network. */
bool signing_check_json(struct rpc_call *c, struct signing *s);
/* What a payment needs, and nothing that contradicts itself. */
bool signing_check_payment(struct rpc_call *c, struct signing *s);
/* All until the signature: completes s->tx and checks it. */
bool signing_prepare(struct rpc_call *c, struct signing *s);
/* "offline" and "signature_target". */
bool signing_options(struct rpc_call *c, struct signing *s);
/* The object that a signature goes to: the transaction itself or its part s->target. */
struct st_object *signing_target(struct rpc_call *c, struct st_object *fields, enum sf target);
/* A finished transaction, all of whose signatures are good; NULL and a fault otherwise. */
struct tx *signing_finish(struct rpc_call *c, const struct st_object *fields, enum sf target);

/* ---- Whole methods */
/* The transaction of "tx_json", completed and signed with the secret of the request. */
struct tx *signing_sign(struct rpc_call *c);
/* The same with one more entry in its Signers (multisign.c). */
struct tx *signing_sign_for(struct rpc_call *c);
/* The multi-signed transaction of "tx_json", checked but for its signatures (multisign.c). */
struct tx *signing_multisigned(struct rpc_call *c);
/* The members that show a signed transaction: tx_json, tx_blob, in version 2 hash. */
void signing_write_tx(struct rpc_call *c, const struct tx *tx);

/* The seed that a request names by passphrase, secret, seed or seed_hex, and the type of key. */
bool seed_of_secret(struct seed *out, const char *text);
bool key_type_parse(enum key_type *out, const char *text);
/* sEd... texts are seeds of Ed25519 keys whatever parameter they are in. */
bool seed_of_ed25519_text(struct seed *out, const char *text);

#endif
