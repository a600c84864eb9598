/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_SIM_MODEL_H
#define TALLY_TESTS_SIM_MODEL_H

#include "ledger/ledger.h"

/* The reference model: what validated ledgers must say, worked out a second time. It reads the
 * transactions of each ledger with a decoder of its own, checks their signatures, does what they
 * ask for on a plain table of accounts, and compares results and entries. It shares no code with
 * src/codec, src/tx and the views of src/ledger: bytes, hashes and the tree's walk are all.
 *
 * It knows Payment of XRP, AccountSet, SetRegularKey, SignerListSet, TicketCreate, DepositPreauth,
 * AccountDelete, SetFee, and that EnableAmendment and UNLModify move no money. Any other type in a
 * ledger is a failure: whoever adds a type teaches it here, too. Of directories it knows what is in
 * them, not on which page. */

/* What an account owns: by the type of the ledger's entry. */
enum model_kind { MODEL_LIST = 0x53, MODEL_TICKET = 0x54, MODEL_PREAUTH = 0x70 };
struct model_owned {
	uint16_t kind; /* enum model_kind */
	bool seen;
	uint32_t ticket;       /* TicketSequence */
	struct account_id who; /* whom a preauthorisation is for */
};
#define MODEL_SIGNERS_MAX 32
struct model_signer {
	struct account_id id;
	uint16_t weight;
	bool has_tag;
	struct hash256 tag; /* WalletLocator */
};
struct model_list {
	uint32_t quorum, n;
	struct model_signer signer[MODEL_SIGNERS_MAX]; /* ascending by account */
};

struct model_account {
	struct account_id id;
	uint64_t balance;
	uint32_t seq, flags;
	uint32_t transfer_rate; /* 0: none */
	uint8_t tick;
	struct hash256 domain; /* hash of the text, or zero */
	bool tracks;           /* has AccountTxnID: */
	struct hash256 txn_id;
	struct hash256 last_tx; /* PreviousTxnID; meaningful when last_ledger is not 0 */
	uint32_t last_ledger;
	uint32_t created; /* first ledger with it */
	bool gone;        /* deleted, and not made again */
	bool has_key;
	struct account_id key; /* RegularKey */
	uint32_t owner_count, ticket_count;
	struct model_owned *owned; /* in no order */
	uint32_t n_owned, cap_owned;
	struct model_list *list; /* NULL: none */
};

/* One field of a serialised object. */
struct model_field {
	uint16_t type, nth;
	struct bytes raw;   /* without header and length */
	struct bytes whole; /* with them */
};
/* The next field; false at the end, and with c->dead when the bytes are malformed. */
bool model_next_field(struct cursor *c, struct model_field *f);
bool model_find(struct bytes object, uint16_t type, uint16_t nth, struct bytes *raw);
uint64_t model_number(struct bytes object, uint16_t type, uint16_t nth); /* 0 when absent */
/* XRP of an Amount field; false when absent or another kind. */
bool model_drops(struct bytes object, uint16_t nth, uint64_t *out);
/* Whether the single signature of a transaction is its key's. */
bool model_signature_good(struct bytes tx);
/* The same of one member of Signers, whose account is `id`. */
bool model_signer_good(struct bytes tx, struct bytes signer, const struct account_id *id);
/* An account's field of 20 bytes. */
bool model_id(struct bytes object, uint16_t nth, struct account_id *out);
/* Type and content of the leaf of a transaction tree. */
bool model_split_leaf(struct bytes leaf, struct bytes *tx, struct bytes *meta);
/* XRP that a state entry holds: accounts, escrows, channels. */
uint64_t model_xrp_of(struct bytes entry);

struct model;

/* Begins with the accounts of that ledger, which own nothing yet. */
struct model *model_open(const struct ledger *genesis);
void model_close(struct model *m);
/* The next ledger: its transactions are done again. NULL when all is well, or the property that is
 * violated ("P2": a sequence, "P3": a rule of a transaction, "P9": a signature, "P10": the result
 * or an entry), with words. */
const char *model_apply(struct model *m, const struct ledger *l, struct why *why);
/* All entries of the ledger that was applied last: the same accounts with the same content, and as
 * many things that they own. */
bool model_same_state(struct model *m, const struct ledger *l, struct why *why);

uint32_t model_seq(const struct model *m); /* of the ledger applied last */
uint64_t model_total(const struct model *m);
uint32_t model_count(const struct model *m);
/* By id, as of the newest ledger; NULL: none, or deleted. */
const struct model_account *model_account(const struct model *m, const struct account_id *id);
/* As of an older ledger; false when it did not exist then, or is too old to know. */
bool model_account_at(const struct model *m, const struct account_id *id, uint32_t ledger,
		      uint64_t *balance, uint32_t *seq);
uint64_t model_reserve(const struct model *m);
uint64_t model_increment(const struct model *m);
bool model_has_ticket(const struct model_account *a, uint32_t ticket);
/* Who signs for an account with a key or a list of signers; NULL when this transaction's may, else
 * a property, with words. *master: with the account's own key, which is not switched off. */
const char *model_may_sign(const struct model *m, struct bytes tx, const struct model_account *a,
			   bool *master, struct why *why);
/* How often each result was claimed by metadata: tes and tec, by number (0 .. 255). */
const uint32_t *model_results(const struct model *m);

#endif
