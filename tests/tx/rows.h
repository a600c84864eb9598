/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_TX_ROWS_H
#define TALLY_TESTS_TX_ROWS_H

#include "codec/format.h"
#include "tests/tx/support.h"

/* Results, one row each: a plain transaction of alice's of some type, what is changed in it and in
 * the state, and what comes out. What is not applied leaves alice as she was; what claims a fee
 * takes it and her sequence or ticket. tests/checks/results.py reads the first two columns: every
 * result that a type can have must stand in a row of it. */
struct row {
	uint16_t type;      /* or one of these: */
#define EVERY_TYPE   0xFFFE /* each that people send */
#define EVERY_PSEUDO 0xFFFD /* each that validators make */
	enum ter want;
	const char *name;
	void (*change)(struct st_object *o);
	void (*plant)(struct tree *state);
	unsigned how;       /* ROW_... */
	unsigned flags;     /* enum tx_apply_flags */
	const char *signer; /* NULL: alice */
};
enum {
	ROW_OPEN = 1,     /* in an open ledger */
	ROW_BARE = 2,     /* no amendments */
	ROW_NETWORK = 4,  /* network 21337 */
	ROW_UNSIGNED = 8, /* as it is, said to be good */
	ROW_BAD_SIGNED = 16,
	ROW_UNREADABLE = 32, /* each read of the state fails once */
};
/* Runs them all; fails with the names of those that come out otherwise. */
void rows_run(const struct row *rows, size_t n);

/* The plain transaction of a type: payments of 1 XRP, keys and leaves go to bob, one ticket. */
struct st_object *row_transaction(struct world *w, uint16_t type);

/* Changes of a transaction, and what they are made of. */
void nothing(struct st_object *o);
void fee_9(struct st_object *o);
void fee_0(struct st_object *o);
void set_flags(struct st_object *o, uint32_t flags);
void set_text(struct st_object *o, enum sf f, const char *text);
void set_amount(struct st_object *o, enum sf f, const struct amount *a);
void set_iou(struct st_object *o, enum sf f, const char *value, const char *currency,
	     const char *issuer);
struct st_object *nested(struct st_object *o, enum sf array, enum sf wrapper);
/* In place of her own signature, those of so many of alice's signers: bob, then carol. */
void signed_by_bob(struct st_object *o);
void signed_by_both(struct st_object *o);

/* States. */
void plant_regular(struct tree *s);  /* bob's key signs for alice */
void plant_disabled(struct tree *s); /* and hers does not */
void plant_spent(struct tree *s);    /* her free change of keys is used up */
void plant_list(struct tree *s);     /* bob and carol sign for her, each half */
void plant_balance_5(struct tree *s);
void plant_balance_0(struct tree *s);
void plant_balance_iou(struct tree *s);
void plant_reserve(struct tree *s); /* she has the base reserve and no more */
void plant_no_alice(struct tree *s);
void plant_sequence_9(struct tree *s);
void plant_ticket(struct tree *s); /* an entry that nothing else knows of */
void plant_directory(struct tree *s);
void plant_pseudo_alice(struct tree *s);
void plant_tag(struct tree *s);     /* carol wants a tag */
void plant_deposit(struct tree *s); /* and to know who pays her */
void plant_preauth(struct tree *s); /* she knows alice */
void regular_bob(struct st_object *account);
void flag_deposit(struct st_object *account);
void pseudo_account(struct st_object *account);

#endif
