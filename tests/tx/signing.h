/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_TX_SIGNING_H
#define TALLY_TESTS_TX_SIGNING_H

#include "codec/format.h"
#include "tests/tx/support.h"

/* Transactions about keys, signers and who may pay whom, said in sentences: a transaction is made,
 * then signed with one key or by several accounts, applied, and its result is compared. */

#define BASE_FEE 10

/* A transaction of the person's with his next sequence and the base fee. */
struct st_object *act(struct world *w, uint16_t type, const char *from);
struct st_object *noop(struct world *w, const char *from);
struct st_object *set_flag(struct world *w, const char *from, uint32_t asf);
struct st_object *clear_flag(struct world *w, const char *from, uint32_t asf);
/* NULL: no key any more. */
struct st_object *regular_key(struct world *w, const char *from, const char *key);
/* Entries "bogie=1 demon=2", in this order; NULL: no list any more. */
struct st_object *signer_list(struct world *w, const char *from, uint32_t quorum,
			      const char *entries);
struct st_object *authorize(struct world *w, const char *from, const char *whom);
struct st_object *unauthorize(struct world *w, const char *from, const char *whom);
/* With a ticket in place of the sequence. */
struct st_object *with_ticket(struct st_object *o, uint32_t ticket);
struct st_object *with_fee(struct st_object *o, uint64_t drops);

/* Signed with the person's key and applied with metadata; expects the result. */
void expect(struct world *w, const char *key, struct st_object *o, enum ter result);
/* Adds Signers: "becky cheri:cher" are becky with her own key and cheri with cher's, in the order
 * that the protocol demands. */
void add_signers(struct st_object *o, const char *signers);
/* Signed by them all and applied, for the fee that so many signers cost. */
void expect_multi(struct world *w, const char *signers, struct st_object *o, enum ter result);
/* The same for what the object holds already. */
enum ter apply_as_is(struct world *w, struct st_object *o, unsigned flags);
/* Its signatures are bad, and this is said of them, on account of `who` unless he is NULL. */
void refused(struct world *w, struct st_object *o, const char *what, const char *who);

void fund(struct world *w, const char *name, uint64_t drops);
/* `n` tickets, made with that key; the first one's number. */
uint32_t take_tickets(struct world *w, const char *who, const char *key, uint32_t n);
uint32_t flags_of_account(struct world *w, const char *name);
uint32_t owned_by(struct world *w, const char *name);
const struct st_object *entry_at(struct world *w, struct keylet k); /* NULL when absent */

/* Applies with metadata, and compares its AffectedNodes with JSON text in which ' stands for ".
 * What stands in <> is replaced: <alice> by the address, <account alice>, <signers alice>,
 * <directory alice> and <preauth alice bob> by the index of the entry, <id> by the hash of the
 * transaction, <before KEY...> by the PreviousTxnID of such an entry before it, <seq> by the
 * ledger's number. */
void expect_nodes(struct world *w, const char *key, struct st_object *o, enum ter result,
		  const char *nodes);

#endif
