/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_SIM_MODEL_IMPL_H
#define TALLY_TESTS_SIM_MODEL_IMPL_H

#include "tests/sim/model.h"

/* Between the table (model.c), what accounts own (model_owned.c), who may sign (model_keys.c), and
 * the rules (model_rules.c, model_types.c). */

/* Marks the account as touched by this ledger; NULL: none. Pointers live until model_create. */
struct model_account *model_get(struct model *m, const struct account_id *id);
struct model_account *model_create(struct model *m, const struct account_id *id);
void model_delete(struct model *m, struct model_account *a);
void model_burn(struct model *m, uint64_t drops);
/* From the next ledger on. */
void model_set_fees(struct model *m, uint64_t reserve, uint64_t increment);

/* Does one transaction; *result is what its metadata must say. NULL, or a property. */
const char *model_transaction(struct model *m, struct bytes tx, const struct hash256 *id,
			      uint8_t *result, struct why *why);
/* Metadata by itself: balances change by minus the fee in sum, and the fee is the stated one or
 * less. */
const char *model_metadata_sum(struct bytes tx, struct bytes meta, struct why *why);

/* model_owned.c: what an account owns. */
void model_own(struct model_account *a, struct model_owned what);
struct model_owned *model_find_owned(const struct model_account *a, enum model_kind kind,
				     uint32_t ticket, const struct account_id *who);
/* False when there is none. The count of tickets and of all follow. */
bool model_disown(struct model_account *a, enum model_kind kind, uint32_t ticket,
		  const struct account_id *who);
void model_disown_all(struct model_account *a);
/* SignerEntries of a transaction or of an entry, as they stand; false: malformed. In order. */
bool model_read_list(struct model_list *out, struct bytes object);
void model_sort_list(struct model_list *list);
/* An entry that belongs to an account, as it is read from a state. */
bool model_read_owned(struct model_owned *out, struct account_id *owner, struct bytes entry);
/* The account's directory in a state names what the model says, and that is as the model says. */
bool model_same_owned(const struct tree *state, const struct model_account *a, struct why *why);

/* A transaction amid the rules. */
struct model_job {
	struct model *m;
	struct bytes tx;
	const struct hash256 *id;
	uint64_t fee, before; /* the sender's balance before the fee */
	bool master;          /* signed with the account's own key alone */
	bool free;            /* that key's one free change of keys is still to be had */
};
enum model_result {
	MODEL_SUCCESS = 0,
	MODEL_UNFUNDED_PAYMENT = 104,
	MODEL_DIR_FULL = 121,
	MODEL_NO_DST = 124,
	MODEL_NO_DST_INSUF_XRP = 125,
	MODEL_NO_ALTERNATIVE_KEY = 130,
	MODEL_OWNERS = 132,
	MODEL_INSUFF_FEE = 136,
	MODEL_NO_TARGET = 138,
	MODEL_NO_PERMISSION = 139,
	MODEL_NO_ENTRY = 140,
	MODEL_INSUFFICIENT_RESERVE = 141,
	MODEL_NEED_MASTER_KEY = 142,
	MODEL_DST_TAG_NEEDED = 143,
	MODEL_DUPLICATE = 149,
	MODEL_TOO_SOON = 152,
	MODEL_MALFORMED = 255, /* what never gets into a ledger */
};
#define MODEL_PASSWORD_SPENT 0x00010000u /* flags of an account */
#define MODEL_REQUIRE_TAG    0x00020000u
#define MODEL_REQUIRE_AUTH   0x00040000u
#define MODEL_MASTER_OFF     0x00100000u
#define MODEL_NO_FREEZE      0x00200000u
#define MODEL_GLOBAL_FREEZE  0x00400000u
#define MODEL_DEPOSIT_AUTH   0x01000000u
#define MODEL_CLAWBACK       0x80000000u

/* model_types.c: of each type, what is looked at before the fee is taken (`a` as it was), and what
 * it then does: MODEL_SUCCESS, or what takes only the fee, and nothing of `a` has changed. */
struct model_type {
	uint16_t type;
	uint8_t (*before)(const struct model_job *j, const struct model_account *a);
	uint8_t (*apply)(const struct model_job *j, struct model_account *a);
};
const struct model_type *model_type_of(uint64_t type);
/* What an account that owns so many things keeps. */
uint64_t model_keep(const struct model *m, uint32_t owned);

#endif
