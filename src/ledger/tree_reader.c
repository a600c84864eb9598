/* SPDX-License-Identifier: ISC */
#include "ledger/tree_reader.h"

#include "ledger/tree_node.h"

_Static_assert(TREE_READER_LEVELS == TREE_LEVELS, "one path");

void tree_reader_open(struct tree_reader *r, const struct tree *t)
{
	*r = (struct tree_reader){.t = t, .n = 1};
	r->node[0] = t->root;
}

/* Keeps the first n nodes of the path. */
static void cut(struct tree_reader *r, unsigned n)
{
	while (r->n > n) {
		r->n--;
		if (r->own[r->n])
			tree_node_unref(r->node[r->n]);
		r->own[r->n] = false;
	}
}

void tree_reader_close(struct tree_reader *r)
{
	cut(r, 0);
}

static struct tree_inner *deepest(const struct tree_reader *r)
{
	return tree_inner_of(r->node[r->n - 1]);
}

/* Goes one level down, to what the slot names. */
static enum found enter(struct tree_reader *r, struct tree_slot *s)
{
	struct tree_node *n = tree_slot_peek(s);
	bool own = false;

	if (r->n == TREE_LEVELS)
		return UNAVAILABLE; /* deeper than a key is long: damaged */
	if (!n && r->n <= TREE_READER_KEEP) {
		if (tree_slot_node(r->t, s, &n) != FOUND)
			return UNAVAILABLE;
	} else if (!n) {
		n = tree_slot_load(r->t, s);
		own = true;
	}
	if (!n)
		return UNAVAILABLE;
	r->node[r->n] = n;
	r->own[r->n++] = own;
	return FOUND;
}

/* Goes down along a key until there is a leaf or nothing: FOUND and ABSENT. */
static enum found seek(struct tree_reader *r, const struct hash256 *key)
{
	unsigned same = 0;

	while (same + 1 < r->n && tree_level_nibble(&r->at, same) == tree_level_nibble(key, same))
		same++;
	cut(r, same + 1);
	r->at = *key;
	while (!tree_node_is_leaf(r->node[r->n - 1])) {
		unsigned level = r->n - 1;
		struct tree_slot *s;

		if (level > TREE_DEPTH_MAX)
			return UNAVAILABLE;
		s = tree_slot_at(deepest(r), tree_level_nibble(key, level));
		if (!s)
			return ABSENT;
		if (enter(r, s) != FOUND)
			return UNAVAILABLE;
	}
	return FOUND;
}

/* Goes down to the leaf of the lowest key below the end of the path. */
static enum found seek_first(struct tree_reader *r)
{
	while (!tree_node_is_leaf(r->node[r->n - 1])) {
		struct tree_inner *n = deepest(r);

		if (!n->head.mask || enter(r, &n->slot[0]) != FOUND)
			return UNAVAILABLE;
	}
	r->at = tree_leaf_of(r->node[r->n - 1])->id;
	return FOUND;
}

/* From where seek() has led: the next place to the right. */
static enum found seek_right(struct tree_reader *r, const struct hash256 *after)
{
	if (tree_node_is_leaf(r->node[r->n - 1]))
		cut(r, r->n - 1);
	for (; r->n > 1; cut(r, r->n - 1)) {
		struct tree_inner *n = deepest(r);
		unsigned nibble = tree_level_nibble(after, r->n - 1);
		unsigned right = n->head.mask & ~((2u << nibble) - 1u);

		if (!right)
			continue;
		if (enter(r, tree_slot_at(n, (unsigned)__builtin_ctz(right))) != FOUND)
			return UNAVAILABLE;
		return seek_first(r);
	}
	return ABSENT;
}

/* What a call ends with: after a failure nothing is known of the path. */
static enum found answer(struct tree_reader *r, enum found f, struct bytes *data)
{
	if (f == FOUND)
		*data = tree_leaf_data(tree_leaf_of(r->node[r->n - 1]));
	else if (f == UNAVAILABLE)
		cut(r, 1);
	return f;
}

enum found tree_reader_get(struct tree_reader *r, const struct hash256 *key, struct bytes *data)
{
	enum found f = seek(r, key);

	if (f == FOUND && !hash256_eq(&tree_leaf_of(r->node[r->n - 1])->id, key))
		f = ABSENT;
	return answer(r, f, data);
}

enum found tree_reader_next(struct tree_reader *r, const struct hash256 *after, struct hash256 *key,
			    struct bytes *data)
{
	enum found f;

	if (tree_is_empty(r->t))
		return ABSENT;
	if (!after) {
		cut(r, 1);
		f = seek_first(r);
	} else {
		f = seek(r, after);
		if (f == ABSENT ||
		    (f == FOUND && hash256_cmp(&tree_leaf_of(r->node[r->n - 1])->id, after) <= 0))
			f = seek_right(r, after);
	}
	f = answer(r, f, data);
	if (f == FOUND)
		*key = r->at = tree_leaf_of(r->node[r->n - 1])->id;
	return f;
}
