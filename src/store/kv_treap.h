/* SPDX-License-Identifier: ISC */
#ifndef TALLY_STORE_KV_TREAP_H
#define TALLY_STORE_KV_TREAP_H

#include "base/bytes.h"

/* The tables of kv_mem.c: a persistent ordered map, rows by key. A root is a counted reference; a
 * change takes one over and gives one back, copying those nodes on its way that others share. */

struct treap; /* NULL: empty */

struct treap_entry { /* one row, shared by all trees that have it */
	uint32_t refs, key_n, value_n;
	uint8_t bytes[]; /* key, value */
};
static inline struct bytes treap_key(const struct treap_entry *e)
{
	return bytes_of(e->bytes, e->key_n);
}
static inline struct bytes treap_value(const struct treap_entry *e)
{
	return bytes_of(e->bytes + e->key_n, e->value_n);
}

/* Keys of `integers` are 8 bytes in the machine's order, else they compare as bytes. */
struct treap_order {
	bool integers;
};

struct treap *treap_ref(struct treap *t);
void treap_unref(struct treap *t);

/* Adds or replaces. *was: bytes of the row that was there before, 0 for none. */
struct treap *treap_put(struct treap *t, struct treap_order o, struct bytes key, struct bytes value,
			size_t *was);
/* Without the row `key`, which must be there. */
struct treap *treap_del(struct treap *t, struct treap_order o, struct bytes key);

/* All NULL when there is no such row. Valid as long as the tree. */
const struct treap_entry *treap_get(const struct treap *t, struct treap_order o, struct bytes key);
const struct treap_entry *treap_first(const struct treap *t);
const struct treap_entry *treap_last(const struct treap *t);
/* The row next to `key`, whether or not that is there: above, or at; below. */
const struct treap_entry *treap_above(const struct treap *t, struct treap_order o, struct bytes key,
				      bool or_at);
const struct treap_entry *treap_below(const struct treap *t, struct treap_order o,
				      struct bytes key);

#endif
