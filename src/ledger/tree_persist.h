/* SPDX-License-Identifier: ISC */
#ifndef TALLY_LEDGER_TREE_PERSIST_H
#define TALLY_LEDGER_TREE_PERSIST_H

#include "ledger/tree.h"

/* Writing a tree to a store and finding out what it made obsolete.
 *
 * A node's disk key is (ledger sequence << 32 | ordinal), ordinals counting from 1 in the order of
 * a depth-first walk, children before parents: so all writes of a ledger are appends. A node on
 * disk names each child by hash and key. Key 0 = not on disk.
 *
 * Encoding of a stored node: 'I' mask(be16) then per child hash(32) key(be64) | 'L' key(32) data;
 * bit i of the mask stands for nibble i.
 *
 * The walk runs on a worker while others read and edit other trees that share nodes: it reads keys
 * and keeps the new ones in its own list. Only after the commit is acknowledged does the loop call
 * tree_keys_publish(), which stores each key into its node (one atomic store each). A failed
 * commit publishes nothing and the next attempt assigns anew. Keys belong to one store: a tree is
 * persisted in the store that its source reads from, or in none. */

struct tree_keys; /* nodes (referenced) and the keys they will have */

struct tree_sink {
	/* One new node, in ascending key order. */
	enum err (*put)(void *ctx, uint64_t key, struct bytes node);
	void *ctx;
};

/* Walks `now` (hashed) through the nodes that have no key, writes them to the sink under keys of
 * sequence `seq`, and appends to `obsolete` (be64 each) the keys reachable from `last` (NULL for
 * none) and no longer from `now`. The two walks go together and stop at equal keys; a new node of
 * equal hash at the same place takes over the old key instead of being written. The nodes of `last`
 * must have their keys (published, or loaded from the store); a key in `now` that `last` does not
 * have at that place is not trusted, the node is written anew. ERR_UNAVAILABLE when a node cannot
 * be loaded; the sink's error when that fails.
 * *root_key is the key of now's root (0 for an empty tree). *out must be published or dropped. */
enum err tree_persist(const struct tree *now, const struct tree *last, uint32_t seq,
		      struct tree_sink *sink, struct buf *obsolete, struct tree_keys **out,
		      uint64_t *root_key) MUST_USE;
/* The disk key of the root, 0 when it has none (or there is no root). Once it is seen, so are the
 * keys of all nodes below. */
uint64_t tree_root_key(const struct tree *t);
/* Loads, and so checks against their hashes, the nodes of a stored tree whose keys are at least
 * `min_key`, at most `budget` of them. */
enum found tree_load_recent(const struct tree *t, uint64_t min_key, uint32_t budget) MUST_USE;
/* A walk over a stored tree that keeps nothing in memory, for checks of a whole store. Every node
 * is checked: its hash against the one its parent names, its leaves against their place. */
struct tree_scan {
	bool (*enter)(void *ctx, uint64_t key); /* false: skip the node and all below */
	bool (*leaf)(void *ctx, const struct hash256 *id, struct bytes data); /* false: stop */
	void *ctx;
};
/* ERR_STATE when stopped, ERR_CORRUPT when a node does not match, else what the source said. */
enum err tree_scan_stored(struct node_source *source, enum tree_kind kind,
			  const struct hash256 *root_hash, uint64_t root_key,
			  const struct tree_scan *scan) MUST_USE;

void tree_keys_publish(struct tree_keys *keys); /* also frees */
void tree_keys_drop(struct tree_keys *keys);    /* NULL is fine */

#endif
