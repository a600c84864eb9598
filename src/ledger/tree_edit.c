/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "ledger/tree_node.h"

/* Editing: first the whole path is looked up (and loaded, so that UNAVAILABLE comes before any
 * change), then it is made ours from the stem down, then changed at its end. */

/* The inner nodes from the stem towards a key; node[i] is at level i. */
struct path {
	struct tree_inner *node[TREE_LEVELS];
	unsigned n;
	struct tree_leaf *leaf; /* below the last inner node, NULL if there is no child */
};

static enum found path_find(const struct tree *t, const struct hash256 *key, struct path *p)
{
	p->node[0] = tree_stem(t);
	p->n = 1;
	p->leaf = NULL;
	for (;;) {
		unsigned level = p->n - 1;
		struct tree_slot *s;
		struct tree_node *child;

		if (level > TREE_DEPTH_MAX)
			return UNAVAILABLE; /* deeper than a key is long: damaged */
		s = tree_slot_at(p->node[level], tree_level_nibble(key, level));
		if (!s)
			return FOUND;
		if (tree_slot_node(t, s, &child) != FOUND)
			return UNAVAILABLE;
		if (tree_node_is_leaf(child)) {
			p->leaf = tree_leaf_of(child);
			return FOUND;
		}
		p->node[p->n++] = tree_inner_of(child);
	}
}

static struct tree_slot *path_slot(const struct path *p, const struct hash256 *key, unsigned level)
{
	return tree_slot_at(p->node[level], tree_level_nibble(key, level));
}

static void path_mark_stale(const struct path *p, const struct hash256 *key, unsigned level)
{
	uint16_t bit = (uint16_t)(1u << tree_level_nibble(key, level));

	must(p->node[level]->head.mask & bit);
	p->node[level]->head.stale |= bit;
}

/* Copies what others can see of the path, so that only this tree leads to all of it. The last node
 * gets room for `extra` children if it is copied. */
static void path_own(struct tree *t, const struct hash256 *key, struct path *p, unsigned extra)
{
	for (unsigned level = 0; level < p->n; level++) {
		struct tree_inner *n = p->node[level];

		if (tree_node_alone(&n->head)) {
			atomic_store_explicit(&n->head.key, 0, memory_order_relaxed);
		} else {
			struct tree_inner *copy = tree_inner_copy(n, level + 1 == p->n ? extra : 0);

			if (level == 0)
				t->root = &copy->head;
			else
				atomic_store_explicit(&path_slot(p, key, level - 1)->node,
						      &copy->head, memory_order_relaxed);
			tree_node_unref(&n->head);
			p->node[level] = copy;
		}
		if (level > 0)
			path_mark_stale(p, key, level - 1);
	}
}

/* Makes room for one more child in the last node of an owned path. */
static void path_grow(struct tree *t, const struct hash256 *key, struct path *p)
{
	static const uint8_t next_room[16] = {0,  2,  3,  4,  6,  6,  8,  8,
					      12, 12, 12, 12, 16, 16, 16, 16};
	struct tree_inner *n = p->node[p->n - 1];

	if (tree_children(n) < n->head.room)
		return;
	must(n->head.room < 16);
	n->head.room = next_room[n->head.room];
	n = mem_resize(n, 1, sizeof(*n) + n->head.room * sizeof(n->slot[0]));
	p->node[p->n - 1] = n;
	if (p->n == 1)
		t->root = &n->head;
	else
		atomic_store_explicit(&path_slot(p, key, p->n - 2)->node, &n->head,
				      memory_order_relaxed);
}

static void slot_copy(struct tree_slot *to, const struct tree_slot *from)
{
	to->hash = from->hash;
	to->key = from->key;
	atomic_store_explicit(&to->node, tree_slot_peek(from), memory_order_relaxed);
}

/* Opens a slot for a nibble; the caller fills it. There must be room. */
static struct tree_slot *slot_insert(struct tree_inner *n, unsigned nibble)
{
	unsigned at = tree_slot_index(n, nibble);

	must(!(n->head.mask & (1u << nibble)) && tree_children(n) < n->head.room);
	for (unsigned i = tree_children(n); i > at; i--)
		slot_copy(&n->slot[i], &n->slot[i - 1]);
	n->head.mask |= (uint16_t)(1u << nibble);
	return &n->slot[at];
}

/* Forgets a slot; its reference has been given up or moved by the caller. */
static void slot_remove(struct tree_inner *n, unsigned nibble)
{
	unsigned at = tree_slot_index(n, nibble);

	must(n->head.mask & (1u << nibble));
	n->head.mask &= (uint16_t) ~(1u << nibble);
	n->head.stale &= n->head.mask;
	for (unsigned i = at; i < tree_children(n); i++)
		slot_copy(&n->slot[i], &n->slot[i + 1]);
}

static void slot_put_new(struct tree_inner *n, unsigned nibble, struct tree_node *child)
{
	struct tree_slot *s = slot_insert(n, nibble);

	s->hash = HASH256_ZERO;
	s->key = 0;
	atomic_init(&s->node, child);
	n->head.stale |= (uint16_t)(1u << nibble);
}

/* Moves a child with what is known of it; `stale` says whether that includes its hash. */
static void slot_put_moved(struct tree_inner *n, unsigned nibble, const struct tree_slot *from,
			   bool stale)
{
	slot_copy(slot_insert(n, nibble), from);
	if (stale)
		n->head.stale |= (uint16_t)(1u << nibble);
}

/* The inner nodes that two leaves need which came to the same place: a chain as long as their keys
 * agree, from `level` on. Takes the slot's child over. */
static struct tree_inner *fork_leaves(const struct tree_slot *old, bool old_stale,
				      const struct hash256 *old_id, struct tree_leaf *leaf,
				      unsigned level)
{
	struct tree_inner *n = tree_inner_new(2), *top = n;

	must(!hash256_eq(old_id, &leaf->id));
	for (; tree_level_nibble(old_id, level) == tree_level_nibble(&leaf->id, level); level++) {
		struct tree_inner *below = tree_inner_new(2);

		slot_put_new(n, tree_level_nibble(old_id, level), &below->head);
		n = below;
	}
	slot_put_moved(n, tree_level_nibble(old_id, level), old, old_stale);
	slot_put_new(n, tree_level_nibble(&leaf->id, level), &leaf->head);
	return top;
}

/* Puts a leaf where the owned path ends, in the place of p->leaf or beside it. */
static void put_at_end(struct tree *t, struct path *p, struct tree_leaf *leaf)
{
	unsigned level = p->n - 1, nibble = tree_level_nibble(&leaf->id, level);
	struct tree_inner *end = p->node[level];
	struct tree_slot *s = tree_slot_at(end, nibble);
	struct tree_node *child = &leaf->head;

	if (!s && level == 0) { /* the root is always an inner node */
		struct tree_inner *root = tree_inner_new(1);

		slot_put_new(root, tree_level_nibble(&leaf->id, 1), child);
		slot_put_new(end, 0, &root->head);
	} else if (!s) {
		path_grow(t, &leaf->id, p);
		slot_put_new(p->node[level], nibble, child);
	} else {
		if (hash256_eq(&p->leaf->id, &leaf->id))
			tree_node_unref(&p->leaf->head);
		else
			child = &fork_leaves(s, end->head.stale & (1u << nibble), &p->leaf->id,
					     leaf, level + 1)
				     ->head;
		atomic_store_explicit(&s->node, child, memory_order_relaxed);
		end->head.stale |= (uint16_t)(1u << nibble);
	}
}

enum found tree_put(struct tree *t, const struct hash256 *key, struct bytes data)
{
	struct tree_node *leaf;
	struct path p;

	must(data.n >= 1 && data.n <= TREE_DATA_MAX);
	if (path_find(t, key, &p) != FOUND)
		return UNAVAILABLE;
	if (p.leaf && hash256_eq(&p.leaf->id, key) && bytes_eq(tree_leaf_data(p.leaf), data))
		return FOUND;
	leaf = tree_leaf_new(key, data); /* first: data may be a view of what is replaced */
	path_own(t, key, &p, p.leaf ? 0 : 1);
	put_at_end(t, &p, tree_leaf_of(leaf));
	return FOUND;
}

/* If removing `key` leaves the last node of the path with one child, loads that child, since only
 * leaves move up. *lone is the nibble of a leaf that will, or 16. */
static enum found find_lone_leaf(const struct tree *t, const struct hash256 *key,
				 const struct path *p, unsigned *lone)
{
	struct tree_inner *end = p->node[p->n - 1];
	unsigned others = end->head.mask & ~(1u << tree_level_nibble(key, p->n - 1));
	struct tree_node *other;

	*lone = 16;
	if (p->n == 2 || tree_bits((uint16_t)others) != 1)
		return FOUND;
	if (tree_slot_node(t, tree_slot_at(end, (unsigned)__builtin_ctz(others)), &other) != FOUND)
		return UNAVAILABLE;
	if (tree_node_is_leaf(other))
		*lone = (unsigned)__builtin_ctz(others);
	return FOUND;
}

/* Moves the only child of the last node, a leaf, up to where it is not alone, or to the root. */
static void raise_lone_leaf(struct path *p, const struct hash256 *key, unsigned nibble)
{
	struct tree_slot kept;
	bool stale = p->node[p->n - 1]->head.stale & (1u << nibble);

	slot_copy(&kept, tree_slot_at(p->node[p->n - 1], nibble));
	while (p->n > 2 && tree_children(p->node[p->n - 1]) == 1)
		mem_free(p->node[--p->n]); /* ours alone, and its child is in `kept` */
	nibble = tree_level_nibble(key, p->n - 1);
	slot_copy(tree_slot_at(p->node[p->n - 1], nibble), &kept);
	if (!stale)
		p->node[p->n - 1]->head.stale &= (uint16_t) ~(1u << nibble);
}

enum found tree_del(struct tree *t, const struct hash256 *key)
{
	struct path p;
	unsigned lone, nibble;

	if (path_find(t, key, &p) != FOUND)
		return UNAVAILABLE;
	if (!p.leaf || !hash256_eq(&p.leaf->id, key))
		return ABSENT;
	must(p.n >= 2);
	if (find_lone_leaf(t, key, &p, &lone) != FOUND)
		return UNAVAILABLE;
	path_own(t, key, &p, 0);
	nibble = tree_level_nibble(key, p.n - 1);
	slot_remove(p.node[p.n - 1], nibble);
	tree_node_unref(&p.leaf->head);
	if (lone < 16) {
		raise_lone_leaf(&p, key, lone);
	} else if (p.node[p.n - 1]->head.mask == 0) {
		must(p.n == 2); /* any other inner node has two leaves or an inner node below */
		tree_node_unref(&p.node[1]->head);
		slot_remove(p.node[0], 0);
	}
	return FOUND;
}
