/* SPDX-License-Identifier: ISC */
#include "ledger/tree_persist.h"

#include "base/mem.h"
#include "ledger/tree_node.h"

/* The two walks go together, place by place. A leaf that meets an inner node is carried down along
 * its key, since leaves move: two that share a prefix push each other down, and the last one left
 * moves up. So each node of `last` is decided on once (kept, taken over, or obsolete), and so is
 * each of `now` (kept, taking over, or new).
 *
 * A node of `now` counts as stored only where `last` has the same key at the same place. A key
 * that `last` does not have there may be on an obsolete list already; such a node is written anew.
 * So whatever `now` was built from, the stored tree names only keys of `last` and new ones. */

struct keyed {
	struct tree_node *node; /* referenced */
	uint64_t key;
};
struct tree_keys {
	struct keyed *e;
	size_t n, cap;
};

struct walk {
	const struct tree *now, *last;
	uint64_t next_key;
	struct tree_sink *sink;
	struct buf *obsolete;
	struct tree_keys *keys;
	struct buf scratch;
};

/* What a tree has at a place: nothing (both NULL), a child in a slot, or a leaf from further up. */
struct here {
	struct tree_slot *slot;
	struct tree_node *leaf;
};

static bool is_nothing(const struct here *h)
{
	return !h->slot && !h->leaf;
}

static uint64_t key_of(const struct here *h)
{
	if (h->slot)
		return tree_slot_key(h->slot);
	return h->leaf ? atomic_load_explicit(&h->leaf->key, memory_order_acquire) : 0;
}

static enum err node_of(const struct tree *t, const struct here *h, struct tree_node **out)
{
	*out = h->leaf;
	if (h->slot && tree_slot_node(t, h->slot, out) != FOUND)
		return ERR_UNAVAILABLE;
	return ERR_NONE;
}

/* What is below `n` under a nibble: n's child, or n itself if it is a leaf that belongs there. */
static struct here below(struct tree_node *n, unsigned nibble, unsigned depth)
{
	struct here h = {0};

	if (!n)
		return h;
	if (!tree_node_is_leaf(n))
		h.slot = tree_slot_at(tree_inner_of(n), nibble);
	else if (tree_nibble(&tree_leaf_of(n)->id, depth) == nibble)
		h.leaf = n;
	return h;
}

static void assign(struct walk *w, struct tree_node *n, uint64_t key)
{
	struct tree_keys *k = w->keys;

	if (atomic_load_explicit(&n->key, memory_order_relaxed) == key)
		return;
	if (k->n == k->cap) {
		k->cap = k->cap ? k->cap * 2 : 256;
		k->e = mem_resize(k->e, k->cap, sizeof(*k->e));
	}
	tree_node_ref(n);
	k->e[k->n++] = (struct keyed){.node = n, .key = key};
}

/* Writes a node under the next key; keys are those of its children. */
static enum err write_node(struct walk *w, struct tree_node *n, const uint64_t *keys, uint64_t *key)
{
	enum err e;

	must((uint32_t)w->next_key != UINT32_MAX);
	buf_clear(&w->scratch);
	if (tree_node_is_leaf(n))
		tree_encode_leaf(&w->scratch, tree_leaf_of(n));
	else
		tree_encode_inner(&w->scratch, tree_inner_of(n), keys);
	*key = ++w->next_key;
	e = w->sink->put(w->sink->ctx, *key, buf_bytes(&w->scratch));
	if (e == ERR_NONE)
		assign(w, n, *key);
	return e;
}

static enum err walk(struct walk *w, const struct here *now, const struct here *last,
		     unsigned depth, uint64_t *key);

/* The keys of a node's children lie in as many cache lines: have them fetched side by side. */
static void prefetch_keys(struct tree_node *n)
{
	struct tree_inner *inner;

	if (!n || tree_node_is_leaf(n))
		return;
	inner = tree_inner_of(n);
	for (unsigned i = 0; i < tree_children(inner); i++)
		__builtin_prefetch(tree_slot_peek(&inner->slot[i]));
}

/* The children of n (now) and l (last), either of which may be a leaf or NULL. keys[] gets the keys
 * of n's children in order; for a leaf that is the one key of the leaf itself. */
static enum err walk_children(struct walk *w, struct tree_node *n, struct tree_node *l,
			      unsigned depth, uint64_t keys[16])
{
	unsigned found = 0;

	if (depth >= TREE_DEPTH_MAX)
		return ERR_CORRUPT;
	prefetch_keys(n);
	prefetch_keys(l);
	for (unsigned nibble = 0; nibble < 16; nibble++) {
		struct here hn = below(n, nibble, depth), hl = below(l, nibble, depth);
		uint64_t key = 0;
		enum err e = walk(w, &hn, &hl, depth + 1, &key);

		if (e != ERR_NONE)
			return e;
		if (key)
			keys[found++] = key;
	}
	return ERR_NONE;
}

/* Both have the leaf of the same id here. */
static enum err walk_leaves(struct walk *w, struct tree_leaf *n, struct tree_leaf *l, uint64_t lk,
			    uint64_t *key)
{
	if (bytes_eq(tree_leaf_data(n), tree_leaf_data(l))) {
		*key = lk;
		assign(w, &n->head, lk);
		return ERR_NONE;
	}
	buf_put_be64(w->obsolete, lk);
	return write_node(w, &n->head, NULL, key);
}

static bool same_leaf(struct tree_node *n, struct tree_node *l)
{
	return n && l && tree_node_is_leaf(n) && tree_node_is_leaf(l) &&
	       hash256_eq(&tree_leaf_of(n)->id, &tree_leaf_of(l)->id);
}

/* Decides on what the two trees have at one place; *key becomes the key of now's node, 0 for none.
 * At most TREE_LEVELS calls deep. */
static enum err walk(struct walk *w, const struct here *now, const struct here *last,
		     unsigned depth, uint64_t *key)
{
	uint64_t keys[16], lk = key_of(last);
	struct tree_node *n, *l;
	bool takes_over;
	enum err e;

	if (is_nothing(now) && is_nothing(last))
		return ERR_NONE;
	must(is_nothing(last) || lk != 0); /* `last` has been published */
	if (!is_nothing(now) && !is_nothing(last) && key_of(now) == lk) {
		*key = lk;
		return ERR_NONE;
	}
	e = node_of(w->now, now, &n);
	if (e == ERR_NONE)
		e = node_of(w->last, last, &l);
	if (e != ERR_NONE)
		return e;
	if (same_leaf(n, l))
		return walk_leaves(w, tree_leaf_of(n), tree_leaf_of(l), lk, key);
	if (!l && tree_node_is_leaf(n))
		return write_node(w, n, NULL, key);
	if (!n && tree_node_is_leaf(l)) {
		buf_put_be64(w->obsolete, lk);
		return ERR_NONE;
	}
	e = walk_children(w, n, l, depth, keys);
	if (e != ERR_NONE)
		return e;
	takes_over = now->slot && last->slot && hash256_eq(&now->slot->hash, &last->slot->hash);
	if (l && !tree_node_is_leaf(l) && !takes_over)
		buf_put_be64(w->obsolete, lk);
	if (!n)
		return ERR_NONE;
	if (tree_node_is_leaf(n)) {
		*key = keys[0]; /* found, or written, further down */
		return ERR_NONE;
	}
	if (!takes_over)
		return write_node(w, n, keys, key);
	*key = lk;
	assign(w, n, lk);
	return ERR_NONE;
}

static struct here root_of(const struct tree *t)
{
	return (struct here){.slot = t ? tree_slot_at(tree_stem(t), 0) : NULL};
}

enum err tree_persist(const struct tree *now, const struct tree *last, uint32_t seq,
		      struct tree_sink *sink, struct buf *obsolete, struct tree_keys **out,
		      uint64_t *root_key)
{
	struct here n = root_of(now), l = root_of(last);
	struct walk w = {
	    .now = now,
	    .last = last,
	    .next_key = (uint64_t)seq << 32,
	    .sink = sink,
	    .obsolete = obsolete,
	    .keys = mem_zalloc(1, sizeof(*w.keys)),
	};
	enum err e;

	must(seq != 0 && tree_stem(now)->head.stale == 0);
	must(!last || last->kind == now->kind);
	*root_key = 0;
	e = walk(&w, &n, &l, 0, root_key);
	buf_close(&w.scratch);
	*out = NULL;
	if (e == ERR_NONE)
		*out = w.keys;
	else
		tree_keys_drop(w.keys);
	return e;
}

uint64_t tree_root_key(const struct tree *t)
{
	struct tree_slot *s = tree_slot_at(tree_stem(t), 0);

	return s ? tree_slot_key(s) : 0;
}

static enum found load_recent(const struct tree *t, struct tree_inner *n, uint64_t min_key,
			      uint32_t *budget)
{
	for (unsigned i = 0; i < tree_children(n) && *budget; i++) {
		struct tree_node *child;

		if (tree_slot_key(&n->slot[i]) < min_key)
			continue;
		if (tree_slot_node(t, &n->slot[i], &child) != FOUND)
			return UNAVAILABLE;
		--*budget;
		if (!tree_node_is_leaf(child) &&
		    load_recent(t, tree_inner_of(child), min_key, budget) != FOUND)
			return UNAVAILABLE;
	}
	return FOUND;
}

enum found tree_load_recent(const struct tree *t, uint64_t min_key, uint32_t budget)
{
	return load_recent(t, tree_stem(t), min_key, &budget);
}

void tree_keys_publish(struct tree_keys *keys)
{
	for (size_t i = 0; i < keys->n; i++)
		atomic_store_explicit(&keys->e[i].node->key, keys->e[i].key, memory_order_release);
	tree_keys_drop(keys);
}

void tree_keys_drop(struct tree_keys *keys)
{
	if (!keys)
		return;
	for (size_t i = 0; i < keys->n; i++)
		tree_node_unref(keys->e[i].node);
	mem_free(keys->e);
	mem_free(keys);
}
