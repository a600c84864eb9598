/* SPDX-License-Identifier: ISC */
#include "ledger/tree_node.h"

void tree_init_empty(struct tree *t, enum tree_kind kind, struct node_source *source)
{
	*t = (struct tree){
	    .root = &tree_inner_new(1)->head,
	    .source = source,
	    .kind = kind,
	};
}

void tree_init_stored(struct tree *t, enum tree_kind kind, struct node_source *source,
		      const struct hash256 *root_hash, uint64_t root_key)
{
	struct tree_inner *stem;

	tree_init_empty(t, kind, source);
	if (hash256_is_zero(root_hash))
		return;
	must(root_key != 0);
	stem = tree_stem(t);
	stem->head.mask = 1;
	stem->slot[0].hash = *root_hash;
	stem->slot[0].key = root_key;
	atomic_init(&stem->slot[0].node, NULL);
}

void tree_share(struct tree *out, const struct tree *t)
{
	tree_node_ref(t->root);
	*out = *t;
}

void tree_reopen(struct tree *out, const struct tree *t)
{
	const struct tree_inner *stem = tree_stem(t);
	uint64_t key = stem->head.mask ? tree_slot_key(&stem->slot[0]) : 0;

	if (t->source && key && !stem->head.stale)
		tree_init_stored(out, t->kind, t->source, &stem->slot[0].hash, key);
	else
		tree_share(out, t);
}

void tree_close(struct tree *t)
{
	tree_node_unref(t->root);
	t->root = NULL;
}

bool tree_is_empty(const struct tree *t)
{
	return tree_stem(t)->head.mask == 0;
}

enum found tree_get(const struct tree *t, const struct hash256 *key, struct bytes *data)
{
	struct tree_inner *n = tree_stem(t);

	for (unsigned level = 0; level <= TREE_DEPTH_MAX; level++) {
		struct tree_slot *s = tree_slot_at(n, tree_level_nibble(key, level));
		struct tree_node *child;

		if (!s)
			return ABSENT;
		if (tree_slot_node(t, s, &child) != FOUND)
			return UNAVAILABLE;
		if (tree_node_is_leaf(child)) {
			struct tree_leaf *l = tree_leaf_of(child);

			if (!hash256_eq(&l->id, key))
				return ABSENT;
			*data = tree_leaf_data(l);
			return FOUND;
		}
		n = tree_inner_of(child);
	}
	return UNAVAILABLE; /* deeper than a key is long: damaged */
}

/* The leaf of the lowest key below n. */
static enum found first_leaf(const struct tree *t, struct tree_node *n, struct tree_leaf **out)
{
	for (unsigned level = 0; level < TREE_LEVELS; level++) {
		struct tree_inner *inner;

		if (tree_node_is_leaf(n)) {
			*out = tree_leaf_of(n);
			return FOUND;
		}
		inner = tree_inner_of(n);
		if (!inner->head.mask || tree_slot_node(t, &inner->slot[0], &n) != FOUND)
			return UNAVAILABLE;
	}
	return UNAVAILABLE;
}

/* The first leaf under a nibble of n above `nibble`. */
static enum found first_right_of(const struct tree *t, struct tree_inner *n, unsigned nibble,
				 struct tree_leaf **out)
{
	unsigned right = n->head.mask & ~((2u << nibble) - 1u);
	struct tree_node *child;

	if (!right)
		return ABSENT;
	if (tree_slot_node(t, tree_slot_at(n, (unsigned)__builtin_ctz(right)), &child) != FOUND)
		return UNAVAILABLE;
	return first_leaf(t, child, out);
}

static enum found leaf_after(const struct tree *t, const struct hash256 *after,
			     struct tree_leaf **out)
{
	struct tree_inner *path[TREE_LEVELS];
	unsigned level;

	path[0] = tree_stem(t);
	for (level = 0;; level++) {
		struct tree_slot *s;
		struct tree_node *child;

		if (level > TREE_DEPTH_MAX)
			return UNAVAILABLE;
		s = tree_slot_at(path[level], tree_level_nibble(after, level));
		if (!s)
			break;
		if (tree_slot_node(t, s, &child) != FOUND)
			return UNAVAILABLE;
		if (!tree_node_is_leaf(child)) {
			path[level + 1] = tree_inner_of(child);
			continue;
		}
		*out = tree_leaf_of(child);
		if (hash256_cmp(&(*out)->id, after) > 0)
			return FOUND;
		break;
	}
	for (; level >= 1; level--) {
		enum found f = first_right_of(t, path[level], tree_level_nibble(after, level), out);

		if (f != ABSENT)
			return f;
	}
	return ABSENT;
}

enum found tree_next(const struct tree *t, const struct hash256 *after, struct hash256 *key,
		     struct bytes *data)
{
	struct tree_leaf *leaf = NULL;
	enum found f;

	if (tree_is_empty(t))
		return ABSENT;
	f = after ? leaf_after(t, after, &leaf) : first_leaf(t, t->root, &leaf);
	if (f != FOUND)
		return f;
	*key = leaf->id;
	*data = tree_leaf_data(leaf);
	return FOUND;
}

static enum found count_below(const struct tree *t, struct tree_node *n, uint64_t *count)
{
	if (tree_node_is_leaf(n)) {
		++*count;
		return FOUND;
	}
	for (unsigned i = 0; i < tree_children(tree_inner_of(n)); i++) {
		struct tree_node *child;

		if (tree_slot_node(t, &tree_inner_of(n)->slot[i], &child) != FOUND ||
		    count_below(t, child, count) != FOUND)
			return UNAVAILABLE;
	}
	return FOUND;
}

enum found tree_count(const struct tree *t, uint64_t *n)
{
	*n = 0;
	return count_below(t, t->root, n);
}
