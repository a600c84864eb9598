/* SPDX-License-Identifier: ISC */
#ifndef TALLY_LEDGER_VIEW_H
#define TALLY_LEDGER_VIEW_H

#include "codec/format.h"
#include "ledger/keylet.h"
#include "ledger/ledger.h"

/* Views: reading and changing state without touching the tree.
 *
 *     tree (immutable) ◄── ledger view (all changes of the ledger being built or still open)
 *                                ▲
 *                                └── sandbox (changes of one transaction), merged or dropped
 *
 * A view keeps a list of entries it has changed, decoded, over a parent (a tree or another view).
 * Reading falls through to the parent. Any UNAVAILABLE from below sticks: view_failed() is true
 * from then on, all later reads answer UNAVAILABLE, and the caller abandons the whole build. */

enum view_change { VIEW_CACHED, VIEW_INSERTED, VIEW_MODIFIED, VIEW_ERASED };

/* What a view knows beside the entries: constant while it lives, read by the engine. */
struct view_info {
	uint32_t seq;                 /* of the ledger that is being built, or is open */
	struct net_time parent_close; /* transactions see time as the parent's close time */
	struct hash256 parent_hash;
	struct ledger_fees fees;
	struct rules *rules; /* borrowed */
	uint32_t network_id;
	bool open; /* open ledger: local checks (fees, tel codes) apply */
};

struct view;

/* A ledger view over a tree, whose reference it takes (tree_share). Owns an arena of its own. */
struct view *view_open_tree(const struct tree *base, const struct view_info *info);
/* A sandbox over another view, which must outlive it and not be changed meanwhile. */
struct view *view_open_sandbox(struct view *parent);
void view_close(struct view *v); /* NULL is fine; nothing is applied */
const struct view_info *view_get_info(const struct view *v);
bool view_failed(const struct view *v);

/* The entry for reading; lives until the view closes or the entry is changed. An entry of another
 * type than the keylet's is ABSENT. */
enum found view_read(struct view *v, struct keylet k, const struct st_object **out) MUST_USE;
/* As view_read for onlookers (the API): keeps nothing, so that any number of look-ups costs no
 * memory, and an entry that is unavailable does not make the view fail. Decoded onto a; `out` lives
 * as long as a does and the view is not changed. */
enum found view_look(const struct view *v, struct keylet k, struct arena *a,
		     const struct st_object **out) MUST_USE;
/* The entry for changing: a copy of this view's own. Counts as modified only after view_update. */
enum found view_peek(struct view *v, struct keylet k, struct st_object **out) MUST_USE;
void view_update(struct view *v, struct keylet k);
/* A new entry, empty but for LedgerEntryType and the numbers and hashes that its format requires,
 * which are zero; must not exist. */
struct st_object *view_insert(struct view *v, struct keylet k);
void view_erase(struct view *v, struct keylet k); /* must have been peeked */
/* Key order over parent and changes, for directories and markers. */
enum found view_next(struct view *v, const struct hash256 *after, struct hash256 *key) MUST_USE;

/* XRP burned by this view (fees). */
void view_burn(struct view *v, struct drops d);
struct drops view_burned(const struct view *v);

/* Entries inserted, modified or erased, for the limit on a transaction's size. */
size_t view_count_changes(const struct view *v);
/* Walks the changes of a view in key order: before (NULL when inserted) and after (NULL when
 * erased). Entries that were touched but end up equal to before are not shown. */
bool view_each_change(struct view *v,
		      bool (*visit)(void *ctx, const struct hash256 *key, enum view_change how,
				    const struct st_object *before, const struct st_object *after),
		      void *ctx);

/* Threads PreviousTxnID / PreviousTxnLgrSeq through the changed entries and their owners and builds
 * the metadata (rippled: ApplyStateTable.cpp, TxMeta.cpp): AffectedNodes sorted by LedgerIndex,
 * TransactionResult, TransactionIndex, DeliveredAmount when given. The object lives on arena a.
 * NULL when a read failed. */
struct st_object *view_make_metadata(struct view *sandbox, struct arena *a,
				     const struct hash256 *tx_id, uint32_t tx_index, int result,
				     const struct bytes *delivered);

/* Moves the changes of a sandbox into its parent view; the sandbox is empty afterwards. */
void view_merge(struct view *sandbox);
/* Writes the changes of a ledger view into a tree (a snapshot of its base, edited in batch). */
enum found view_flush(struct view *v, struct tree *state) MUST_USE;

#endif
