/* SPDX-License-Identifier: ISC */
#ifndef TALLY_LEDGER_VIEW_IMPL_H
#define TALLY_LEDGER_VIEW_IMPL_H

#include "base/hmap.h"
#include "ledger/view.h"

/* Inside a view; for view.c, view_changes.c and metadata.c alone.
 *
 * An entry the view knows, by key. `below` is what the parent (or the tree) has, NULL when nothing;
 * `own` is this view's copy, NULL until peeked or inserted. An entry that was inserted and erased
 * again is VIEW_CACHED with neither: it is as if it had never been. */
struct view_entry {
	struct hash256 key;
	struct view_entry *next; /* in order of first touch */
	enum view_change how;
	const struct st_object *below;
	struct st_object *own;
	uint32_t node; /* 1 + its place among the nodes of the metadata in the making; 0: none */
};

struct view {
	struct view *parent; /* NULL for a ledger view */
	struct tree base;    /* ledger views only */
	struct view_info info;
	struct arena arena; /* of entries, own copies and decoded leaves */
	struct hmap map;    /* key -> struct view_entry */
	struct view_entry *first, **tail;
	size_t n; /* entries in the list */
	struct drops burned;
	bool failed;
	struct view *spare; /* a closed sandbox, kept so that its memory is used again */
};

/* The entry the view knows under key, or NULL. */
struct view_entry *view_find(const struct view *v, const struct hash256 *key);
/* The entry, newly listed as cached over `below` when it is not known. */
struct view_entry *view_note(struct view *v, const struct hash256 *key,
			     const struct st_object *below);
/* What a reader of this view sees under the entry: NULL when erased or never there. */
const struct st_object *view_visible(const struct view_entry *e);
/* What is below this view under any type, UNAVAILABLE included. */
enum found view_read_below(struct view *v, const struct hash256 *key, const struct st_object **out);
/* Whether the entry differs from what is below the view. */
bool view_has_changed(const struct view_entry *e);
/* The entries that are not just cached, in key order, as an array on the view's arena; *n of
 * them. A modified one may still be as it was. */
struct view_entry **view_sorted_changes(struct view *v, size_t *n);
/* A copy that shares the bytes of its values with the original, with room for a few more fields.
 * Nested objects and arrays are copied, since they are edited in place. */
struct st_object *view_copy_shallow(struct arena *a, const struct st_object *o);
/* One value copied onto an arena, bytes and nested parts included. */
struct st_value view_copy_value(struct arena *a, const struct st_value *v);

#endif
