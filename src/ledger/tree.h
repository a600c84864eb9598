/* SPDX-License-Identifier: ISC */
#ifndef TALLY_LEDGER_TREE_H
#define TALLY_LEDGER_TREE_H

#include "base/bytes.h"

#include <stdatomic.h>

/* The state and transaction trees: persistent radix-16 Merkle trees (the XRP Ledger's SHAMap).
 *
 *              root (inner, always; hash 0 when empty)
 *             / | \
 *         inner leaf inner        a leaf sits at the first depth where it is alone: two keys that
 *          / \       |            share a long prefix make a chain of inner nodes
 *       leaf leaf  inner ...
 *
 * Nodes are immutable while anyone else can see them, and shared: an edit copies the path from the
 * root, a snapshot is a reference to a root (O(1)). Nodes carry atomic reference counts, so that
 * building, hashing, storing and reading run on different threads at once. A struct tree itself
 * belongs to one thread at a time: another thread works on a tree_share() of its own. A tree that
 * is handed to another thread has been hashed (tree_hash) before, and so has whatever it shares
 * nodes with.
 *
 * Inner nodes are sparse (a mask and only the children there are). A child that has not been
 * loaded from the store is a slot with its hash and its disk key and no node; the first reader
 * loads it and publishes the node by compare-and-swap. Nobody unlinks a node in place.
 *
 * A look-up has three answers: found, absent, UNAVAILABLE (the store could not deliver a node).
 * Unavailable is never absence: treating it so would fork. It ends the whole step or job.
 *
 * Hashes (rippled: SHAMap*.cpp): inner H(MIN | 16 x 32 bytes, empty child = zeros);
 * leaves by tree kind: state H(MLN | data | key), transaction with metadata
 * H(SND | data | key), transaction set H(TXN | data), where data is the leaf's bytes. */

enum tree_kind { TREE_STATE, TREE_TX_META, TREE_TX_SET };

enum found { FOUND, ABSENT, UNAVAILABLE };

/* Where nodes come from that are not in memory: implemented by the store, declared here. Thread
 * safe. `key` is the disk key; `out` gets the encoded node (tree_persist.h). Returns ERR_ABSENT,
 * ERR_CORRUPT, ERR_IO ... when it cannot. */
struct node_source {
	enum err (*load)(void *ctx, uint64_t key, struct buf *out);
	void *ctx;
};

struct tree_node; /* opaque here; tree_node.h is for the tree's own files and its persistence */

/* A tree is a value of three words: copying it with tree_share() is a snapshot. Zero is not a
 * valid tree; use tree_init_empty. */
struct tree {
	struct tree_node *root;
	struct node_source *source; /* may be NULL when everything is in memory */
	enum tree_kind kind;
};

void tree_init_empty(struct tree *t, enum tree_kind kind, struct node_source *source);
/* A tree on disk: nothing is loaded until it is asked for. */
void tree_init_stored(struct tree *t, enum tree_kind kind, struct node_source *source,
		      const struct hash256 *root_hash, uint64_t root_key);
/* out becomes another reference to the same tree (a snapshot). Close both. */
void tree_share(struct tree *out, const struct tree *t);
/* The same content, but with nothing loaded when all of it is stored: what has been read of t goes
 * when t and its snapshots go. As tree_share when it is not stored (yet), or has no source. */
void tree_reopen(struct tree *out, const struct tree *t);
void tree_close(struct tree *t);
bool tree_is_empty(const struct tree *t);

/* The data under key. On FOUND `data` is a view that lives until the key is edited in this tree or
 * the tree is closed (and longer while another tree shares the leaf). */
enum found tree_get(const struct tree *t, const struct hash256 *key, struct bytes *data) MUST_USE;
/* The first key greater than `after` (NULL: the very first). ABSENT at the end. */
enum found tree_next(const struct tree *t, const struct hash256 *after, struct hash256 *key,
		     struct bytes *data) MUST_USE;

/* Editing. put adds or replaces and returns FOUND in either case; del removes (ABSENT when it was
 * not there). The tree value is changed in place; snapshots taken before keep their content. Nodes
 * that only this tree refers to are edited without copying, so a batch of edits copies each path
 * once. On UNAVAILABLE the tree is unchanged. Data is copied; 1 .. 1 MiB. Putting the very bytes
 * that are there changes nothing. */
enum found tree_put(struct tree *t, const struct hash256 *key, struct bytes data) MUST_USE;
enum found tree_del(struct tree *t, const struct hash256 *key) MUST_USE;

/* The root hash; computes what is missing below (each node once). After it returns, the nodes are
 * frozen: another thread may be shown the tree. Zero for an empty tree. */
struct hash256 tree_hash(struct tree *t);
/* The hash of a single leaf of that kind. */
void tree_leaf_hash(struct hash256 *out, enum tree_kind kind, const struct hash256 *key,
		    struct bytes data);

/* Calls visit for every key whose data differs between a and b, in key order; `in_a`/`in_b` are
 * NULL where absent. Skips equal subtrees by hash (both trees must be hashed). visit returns false
 * to stop early. Returns UNAVAILABLE when a node could not be loaded, FOUND otherwise. */
enum found tree_diff(const struct tree *a, const struct tree *b,
		     bool (*visit)(void *ctx, const struct hash256 *key, const struct bytes *in_a,
				   const struct bytes *in_b),
		     void *ctx) MUST_USE;

/* Number of leaves, by walking everything (loads everything). For tests and tools. */
enum found tree_count(const struct tree *t, uint64_t *n) MUST_USE;
/* Checks the structure: hashes, depths, keys under the right prefixes, no inner node but the root
 * with a single leaf. For tests, the scrub and tools. */
bool tree_check(const struct tree *t, struct why *why);

/* A node by its place, as peers ask for it (state sync): path is `depth` nibbles from the root.
 * `out` gets the wire form: 'I' mask(2) children hashes(32 each) | 'L' key(32) data; bit i of the
 * mask (big-endian) stands for nibble i. The tree must be hashed. ABSENT when there is nothing at
 * that place. */
enum found tree_node_wire(const struct tree *t, const uint8_t *nibbles, unsigned depth,
			  struct buf *out) MUST_USE;

#endif
