/* SPDX-License-Identifier: ISC */
#ifndef TALLY_BASE_HMAP_H
#define TALLY_BASE_HMAP_H

#include "base/bytes.h"

/* A hash table from 256-bit ids to pointers (open addressing, linear probing, backward-shift
 * deletion). It deliberately offers no iteration: a walk in table order would make results depend
 * on history. Whoever needs an order keeps a list or a sorted array beside it.
 *
 * Keys are SHA-512Half values or mixed like them; `salt` keeps an outsider who grinds ids from
 * building long probe chains. All zero is a valid empty map with salt 0. */
struct hmap_slot {
	struct hash256 key;
	void *value; /* NULL = free slot */
};
struct hmap {
	struct hmap_slot *slots;
	size_t n;    /* entries */
	size_t mask; /* slots - 1, 0 = none allocated */
	uint64_t salt;
};

void hmap_init(struct hmap *m, uint64_t salt);
/* The value, or NULL. */
void *hmap_get(const struct hmap *m, const struct hash256 *key);
/* Stores value (not NULL) under key; returns the value it replaced, or NULL. */
void *hmap_put(struct hmap *m, const struct hash256 *key, void *value);
/* Removes and returns the value, or NULL. */
void *hmap_del(struct hmap *m, const struct hash256 *key);
/* Forgets all entries, keeps the room. The values are the caller's. */
void hmap_clear(struct hmap *m);
void hmap_close(struct hmap *m);

#endif
