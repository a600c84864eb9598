/* SPDX-License-Identifier: ISC */
#ifndef TALLY_LEDGER_TREE_NODE_H
#define TALLY_LEDGER_TREE_NODE_H

#include "base/limits.h"
#include "ledger/tree.h"

/* The nodes of a tree: for the tree's own files and the persistence beside them.
 *
 *      struct tree            stem                  inner                     leaf
 *     ┌──────┐   ┌─────────────────────┐   ┌────────────────────┐   ┌────────────────────┐
 *     │ root ├──►│ 1 slot: hash, key, ─┼──►│ n slots, by mask  ─┼──►│ id, data           │
 *     └──────┘   └─────────────────────┘   └────────────────────┘   └────────────────────┘
 *
 * What is known of a node without loading it (its hash, where it is stored) lies in the slot of
 * the node above, so that hashing an inner node reads one piece of memory and touches no child. So
 * that the root needs no rules of its own, a tree points to a stem: an inner node with at most one
 * slot, which holds the root. The stem has no hash, no depth and is never stored; a stem without a
 * child is an empty tree.
 *
 * Who may write what:
 *  - A node that more than one reference leads to, or whose path from the stem has such a node, is
 *    read only, but for two atomics: a slot's `node` goes once from NULL to the loaded child
 *    (compare-and-swap; the loser drops its copy), and a node's `key` is set when a commit is
 *    acknowledged. Copying a node counts one more reference on each child, so a copy's children
 *    are read only until they are copied in their turn.
 *  - A node is edited in place when the reference counts from the stem down to it are all 1: then
 *    this struct tree is the only way to reach it, whether or not it was hashed or shown to others
 *    before (whoever saw it has dropped its reference, with release order, and the count was read
 *    with acquire order). Editing takes its disk key away and marks the slots on the path stale.
 *  - Whoever needs a node later without holding its tree (struct tree_keys) holds a reference on
 *    it, which by the rule above keeps it as it is.
 *
 * `stale`: bit i says that the hash in the slot of child i is not known. A stale bit implies one
 * in each node above it on the way from every stem, so a tree whose stem has none is hashed all
 * through. Trees that share stale nodes belong to one thread. */

struct tree_node;

struct tree_slot {
	struct hash256 hash;              /* unless stale */
	uint64_t key;                     /* disk key; counts only while node is NULL */
	_Atomic(struct tree_node *) node; /* NULL: stored and not loaded */
};

struct tree_node {
	_Atomic uint32_t refs;
	union {
		struct {
			uint16_t mask;  /* inner: bit i = there is a child under nibble i */
			uint16_t stale; /* inner: see above; a subset of mask */
		};
		uint32_t len; /* leaf: bytes of data */
	};
	_Atomic uint64_t key; /* disk key, 0 = not stored */
	uint8_t room;         /* inner: slots allocated, 1 .. 16; leaf: 0 */
};

struct tree_inner {
	struct tree_node head;
	struct tree_slot slot[]; /* as many as mask has bits, by nibble */
};

struct tree_leaf {
	struct tree_node head;
	struct hash256 id;
	uint8_t data[];
};

#define TREE_DATA_MAX      (1u << 20)           /* bytes of one leaf */
#define TREE_LEVELS        (TREE_DEPTH_MAX + 2) /* stem, inner nodes of depth 0 .. 63, leaf */
#define TREE_ENCODED_INNER 'I'
#define TREE_ENCODED_LEAF  'L'

static inline bool tree_node_is_leaf(const struct tree_node *n)
{
	return n->room == 0;
}
static inline struct tree_leaf *tree_leaf_of(struct tree_node *n)
{
	must(tree_node_is_leaf(n));
	return (struct tree_leaf *)n;
}
static inline struct tree_inner *tree_inner_of(struct tree_node *n)
{
	must(!tree_node_is_leaf(n));
	return (struct tree_inner *)n;
}
static inline struct tree_inner *tree_stem(const struct tree *t)
{
	return tree_inner_of(t->root);
}
static inline struct bytes tree_leaf_data(const struct tree_leaf *l)
{
	return bytes_of(l->data, l->head.len);
}

/* The nibble of a key that chooses among the children of an inner node at `depth`. */
static inline unsigned tree_nibble(const struct hash256 *key, unsigned depth)
{
	return depth & 1 ? key->b[depth / 2] & 15u : key->b[depth / 2] >> 4;
}
/* The same by level: 0 is the stem, 1 the root. */
static inline unsigned tree_level_nibble(const struct hash256 *key, unsigned level)
{
	return level ? tree_nibble(key, level - 1) : 0;
}

static inline unsigned tree_bits(uint16_t mask)
{
	return (unsigned)__builtin_popcount(mask);
}
static inline unsigned tree_children(const struct tree_inner *n)
{
	return tree_bits(n->head.mask);
}
/* Where the slot of a nibble is, or would be. */
static inline unsigned tree_slot_index(const struct tree_inner *n, unsigned nibble)
{
	return tree_bits((uint16_t)(n->head.mask & ((1u << nibble) - 1)));
}
static inline struct tree_slot *tree_slot_at(struct tree_inner *n, unsigned nibble)
{
	return n->head.mask & (1u << nibble) ? &n->slot[tree_slot_index(n, nibble)] : NULL;
}
/* The node in the slot if it is in memory. */
static inline struct tree_node *tree_slot_peek(const struct tree_slot *s)
{
	return atomic_load_explicit(&s->node, memory_order_acquire);
}
/* The disk key of the child, loaded or not; 0 = not stored. */
static inline uint64_t tree_slot_key(const struct tree_slot *s)
{
	struct tree_node *n = tree_slot_peek(s);

	return n ? atomic_load_explicit(&n->key, memory_order_acquire) : s->key;
}

/* New nodes have one reference, which belongs to the caller. */
struct tree_node *tree_leaf_new(const struct hash256 *id, struct bytes data);
struct tree_inner *tree_inner_new(unsigned room);
/* A copy with the same children (one more reference each), room for `extra` more, no key. */
struct tree_inner *tree_inner_copy(const struct tree_inner *n, unsigned extra);
void tree_node_ref(struct tree_node *n);
void tree_node_unref(struct tree_node *n); /* NULL is fine */
/* Whether the caller's reference is the only one. */
static inline bool tree_node_alone(const struct tree_node *n)
{
	return atomic_load_explicit(&n->refs, memory_order_acquire) == 1;
}

/* The node in a slot, loaded if need be: decoded, checked against the slot's hash, published.
 * UNAVAILABLE when that fails. The reference stays the slot's. */
enum found tree_slot_node(const struct tree *t, struct tree_slot *s,
			  struct tree_node **out) MUST_USE;

/* The node that a slot names, fetched, decoded and checked, for the caller alone: one reference,
 * not published. NULL when that fails. */
struct tree_node *tree_slot_load(const struct tree *t, const struct tree_slot *s);

/* H(MIN | children); no slot may be stale. */
void tree_inner_hash(struct hash256 *out, const struct tree_inner *n);
void tree_node_hash(struct hash256 *out, enum tree_kind kind, struct tree_node *n);

/* The stored form (tree_persist.h). keys[i] is the disk key of the i-th child. */
void tree_encode_inner(struct buf *out, const struct tree_inner *n, const uint64_t *keys);
void tree_encode_leaf(struct buf *out, const struct tree_leaf *l);
/* A node of stored bytes under `key`; NULL when they are malformed. */
struct tree_node *tree_decode(struct bytes in, uint64_t key);

#endif
