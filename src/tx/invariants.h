/* SPDX-License-Identifier: ISC
 * Inside the invariants: what they count while the changes of a transaction pass by. */
#ifndef TALLY_TX_INVARIANTS_H
#define TALLY_TX_INVARIANTS_H

#include "tx/ops.h"

struct owners; /* invariants_owned.c */

struct tally {
	const struct tx *t;
	const struct tx_ops *ops;
	const struct view_info *info;
	struct view *view; /* the sandbox, as it is after the transaction */
	enum ter result;
	struct drops fee;
	/* The entry that passes by, and its types before and after; 0: it is not there. */
	const struct hash256 *key;
	uint16_t was, is;
	/* raw sums: the change of all XRP may be negative, which struct drops cannot be */
	int64_t xrp_change;
	bool bad_balance, retyped, unknown_type, bad_pseudo, bad_new_sequence, bad_sequence;
	uint32_t sequence_moved; /* the sender's */
	bool sender_deleted;
	unsigned accounts_deleted, accounts_created;
	struct account_id deleted; /* the last one */
	const struct st_object *deleted_before;
	/* Who owns what, and the directories that say so; on the arena, which is used only when a
	 * transaction touches either. */
	struct arena arena;
	struct owners *owners;
	/* Owned entries that came and went, and the indexes of such that pages gained and lost. */
	uint32_t came, went, gained, lost;
	bool bad_owned, bad_listed, bad_pages;
};

/* A visitor sees one changed entry: `before` NULL when it is new, `after` NULL when it is gone. */
void invariants_visit_owned(struct tally *y, const struct st_object *before,
			    const struct st_object *after);
void invariants_visit_page(struct tally *y, const struct st_object *before,
			   const struct st_object *after);
/* Judgements, at the end. */
bool invariants_counts_hold(const struct tally *y);
bool invariants_listed_hold(const struct tally *y);
bool invariants_pages_hold(const struct tally *y);
bool invariants_clean_holds(const struct tally *y);

#endif
