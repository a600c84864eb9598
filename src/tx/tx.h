/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TX_TX_H
#define TALLY_TX_TX_H

#include "codec/format.h"
#include "codec/st.h"
#include "crypto/keys.h"
#include "tx/ter.h"

#include <stdatomic.h>

/* A signed transaction, parsed once: its bytes, its id, its fields, and whether its signature has
 * been checked. Immutable after tx_parse but for `signature`, shared between threads by reference
 * count. */
enum tx_signature { TX_SIG_UNKNOWN, TX_SIG_GOOD, TX_SIG_BAD };

struct tx {
	_Atomic uint32_t refs;
	_Atomic int signature;    /* enum tx_signature */
	_Atomic unsigned fault;   /* what is wrong with it, see tx_signature_fault() */
	struct hash256 id;        /* H(TXN | blob) */
	struct bytes blob;        /* owned */
	struct arena arena;       /* of `fields`, when something is nested in them */
	void *packed;             /* else they are here, in what they need and no more */
	struct st_object *fields; /* views into blob */
	/* Copies of what everyone asks for: */
	uint16_t type;
	bool pseudo; /* SetFee, EnableAmendment, UNLModify: no account, no signature */
	struct account_id account;
	uint32_t seq;         /* Sequence; 0 when a ticket is used */
	uint32_t ticket;      /* TicketSequence or 0 */
	bool has_ticket;      /* Sequence is 0 and TicketSequence is there: a ticket is used */
	uint32_t last_ledger; /* LastLedgerSequence, 0 = none */
	uint32_t flags;       /* tf..., 0 when absent */
	uint32_t signers;     /* members of Signers */
	struct drops fee;     /* 0 when Fee is not an amount of XRP, which preflight refuses */
	struct hash256 account_key; /* index of the account's AccountRoot */
};

/* Parses and checks the bytes alone: canonical encoding, size, known type, format, the shape of
 * Signers. No signature check, and no judgement that has a result code: a transaction that parses
 * may still be malformed (tem). Errors come with a reason. refs = 1. */
enum err tx_parse(struct tx **out, struct bytes blob, struct why *why) MUST_USE;
struct tx *tx_ref(struct tx *t);
void tx_unref(struct tx *t); /* NULL is fine */

/* Checks the signature(s) cryptographically and remembers the answer (thread safe; done once per
 * node, on a worker). Whether the key may sign for the account is the engine's question. */
enum tx_signature tx_check_signature(struct tx *t);

/* The same question without the memory, for transactions that are not shared. */
bool tx_signature_valid(const struct tx *t);

/* What tx_check_signature() has found wrong, as a sentence (STTx.cpp). Checks nothing again. */
void tx_signature_fault(const struct tx *t, struct why *why);

/* What the reference server refuses before it judges a transaction (STTx.cpp passesLocalChecks), as
 * a sentence; NULL: nothing. Depends on the bytes alone. */
const char *tx_local_fault(const struct tx *t);

/* Signs an object in place: sets SigningPubKey and TxnSignature. For clients and `sign`. */
void tx_sign(struct st_object *fields, const struct secret_key *key);
/* What is signed: the payload of `fields` for a single signature, appended to `out`. */
void tx_sign_payload(struct buf *out, const struct st_object *fields);
/* Multi-signing payload of `fields` for one signer. */
void tx_multisign_payload(struct buf *out, const struct st_object *fields,
			  const struct account_id *signer);
/* Adds the signature of `signer`, made with `key` over `fields`, to the Signers of `to` (which
 * often is `fields`), at their end: whoever puts the transaction together sorts them. SigningPubKey
 * of `fields` must be empty already; it is signed along. */
void tx_sign_for(struct st_object *to, const struct st_object *fields,
		 const struct account_id *signer, const struct secret_key *key);
/* The id of a transaction's bytes. */
void tx_id(struct hash256 *out, struct bytes blob);

/* Canonical order within a ledger (rippled: CanonicalTXSet.cpp): account XOR salt, then sequence
 * before ticket, ascending, then id. Sorts an array of n transactions in place. */
void tx_sort_canonical(struct tx **txs, size_t n, const struct hash256 *salt);

#endif
