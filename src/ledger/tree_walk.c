/* SPDX-License-Identifier: ISC */
#include "ledger/tree_node.h"

/* Walks over whole trees: the difference of two, the check of one, and a node by its place. */

/* One place in two trees. A leaf that meets an inner node is carried down along its key, as if it
 * hung below inner nodes of its own, so that every place has its counterpart. */
struct diff {
	const struct tree *a, *b;
	bool (*visit)(void *ctx, const struct hash256 *key, const struct bytes *in_a,
		      const struct bytes *in_b);
	void *ctx;
	bool stopped;
};

static void visit_leaves(struct diff *d, struct tree_leaf *x, struct tree_leaf *y)
{
	struct bytes in_a = x ? tree_leaf_data(x) : (struct bytes){0};
	struct bytes in_b = y ? tree_leaf_data(y) : (struct bytes){0};

	if (x && y && bytes_eq(in_a, in_b))
		return;
	if (!d->visit(d->ctx, x ? &x->id : &y->id, x ? &in_a : NULL, y ? &in_b : NULL))
		d->stopped = true;
}

/* The child of n under a nibble, or n itself if it is a leaf that belongs there, or NULL. *hash is
 * the child's if it comes from a slot. Loads nothing: *slot is what may have to be loaded. */
struct below {
	struct tree_node *leaf;
	struct tree_slot *slot;
};

static struct below below_of(struct tree_node *n, unsigned nibble, unsigned depth)
{
	struct below b = {0};

	if (!n)
		return b;
	if (!tree_node_is_leaf(n))
		b.slot = tree_slot_at(tree_inner_of(n), nibble);
	else if (tree_nibble(&tree_leaf_of(n)->id, depth) == nibble)
		b.leaf = n;
	return b;
}

static enum found below_node(const struct tree *t, const struct below *b, struct tree_node **out)
{
	*out = b->leaf;
	return b->slot ? tree_slot_node(t, b->slot, out) : FOUND;
}

/* x and y are at the same place, `depth` nibbles from the root; either may be NULL, not both. */
static enum found diff_nodes(struct diff *d, struct tree_node *x, struct tree_node *y,
			     unsigned depth)
{
	bool x_leaf = !x || tree_node_is_leaf(x), y_leaf = !y || tree_node_is_leaf(y);

	if (x_leaf && y_leaf &&
	    (!x || !y || hash256_eq(&tree_leaf_of(x)->id, &tree_leaf_of(y)->id))) {
		visit_leaves(d, (struct tree_leaf *)x, (struct tree_leaf *)y);
		return FOUND;
	}
	if (depth >= TREE_DEPTH_MAX)
		return UNAVAILABLE;
	for (unsigned nibble = 0; nibble < 16 && !d->stopped; nibble++) {
		struct below p = below_of(x, nibble, depth), q = below_of(y, nibble, depth);
		struct tree_node *px, *qy;

		if (p.slot && q.slot && hash256_eq(&p.slot->hash, &q.slot->hash))
			continue;
		if (below_node(d->a, &p, &px) != FOUND || below_node(d->b, &q, &qy) != FOUND)
			return UNAVAILABLE;
		if ((px || qy) && diff_nodes(d, px, qy, depth + 1) != FOUND)
			return UNAVAILABLE;
	}
	return FOUND;
}

static enum found root_of(const struct tree *t, struct tree_node **out)
{
	*out = NULL;
	if (tree_is_empty(t))
		return FOUND;
	return tree_slot_node(t, &tree_stem(t)->slot[0], out);
}

enum found tree_diff(const struct tree *a, const struct tree *b,
		     bool (*visit)(void *ctx, const struct hash256 *key, const struct bytes *in_a,
				   const struct bytes *in_b),
		     void *ctx)
{
	struct diff d = {.a = a, .b = b, .visit = visit, .ctx = ctx};
	struct tree_inner *sa = tree_stem(a), *sb = tree_stem(b);
	struct tree_node *x, *y;

	must(!sa->head.stale && !sb->head.stale);
	if (sa->head.mask && sb->head.mask && hash256_eq(&sa->slot[0].hash, &sb->slot[0].hash))
		return FOUND;
	if (root_of(a, &x) != FOUND || root_of(b, &y) != FOUND)
		return UNAVAILABLE;
	return x || y ? diff_nodes(&d, x, y, 0) : FOUND;
}

/* One check: what is expected of the nodes below a prefix. */
struct check {
	const struct tree *t;
	uint8_t path[TREE_DEPTH_MAX + 1];
	struct why *why;
};

static bool bad(struct check *c, unsigned depth, const char *what)
{
	char hex[2 * sizeof(c->path) + 1];

	for (unsigned i = 0; i < depth; i++)
		hex[i] = "0123456789ABCDEF"[c->path[i]];
	hex[depth] = '\0';
	why_set(c->why, ERR_CORRUPT, "tree node at \"%s\": %s", hex, what);
	return false;
}

static bool check_leaf(struct check *c, const struct tree_leaf *l, unsigned depth)
{
	if (depth == 0)
		return bad(c, depth, "the root is a leaf");
	for (unsigned i = 0; i < depth; i++)
		if (tree_nibble(&l->id, i) != c->path[i])
			return bad(c, depth, "a leaf under another key's prefix");
	return true;
}

static bool check_node(struct check *c, struct tree_node *n, unsigned depth);

static bool check_child(struct check *c, struct tree_inner *n, unsigned nibble, unsigned depth)
{
	struct tree_slot *s = tree_slot_at(n, nibble);
	struct tree_node *child;
	struct hash256 hash;

	c->path[depth] = (uint8_t)nibble;
	if (tree_slot_node(c->t, s, &child) != FOUND)
		return bad(c, depth + 1, "cannot be loaded");
	if (!check_node(c, child, depth + 1))
		return false;
	if (n->head.stale & (1u << nibble))
		return true;
	if (!tree_node_is_leaf(child) && tree_inner_of(child)->head.stale)
		return bad(c, depth + 1, "changed below a hash that counts as known");
	tree_node_hash(&hash, c->t->kind, child);
	return hash256_eq(&hash, &s->hash) || bad(c, depth + 1, "hash differs");
}

static bool check_node(struct check *c, struct tree_node *n, unsigned depth)
{
	struct tree_inner *inner;

	if (tree_node_is_leaf(n))
		return check_leaf(c, tree_leaf_of(n), depth);
	inner = tree_inner_of(n);
	if (depth >= TREE_DEPTH_MAX)
		return bad(c, depth, "deeper than a key is long");
	if (!inner->head.mask || (inner->head.stale & ~inner->head.mask))
		return bad(c, depth, "an inner node without children or with too many marks");
	for (unsigned nibble = 0; nibble < 16; nibble++)
		if (inner->head.mask & (1u << nibble) && !check_child(c, inner, nibble, depth))
			return false;
	if (depth > 0 && tree_children(inner) == 1 &&
	    tree_node_is_leaf(tree_slot_peek(&inner->slot[0])))
		return bad(c, depth, "an inner node with a single leaf");
	return true;
}

bool tree_check(const struct tree *t, struct why *why)
{
	struct check c = {.t = t, .why = why};
	struct tree_inner *stem = tree_stem(t);
	struct tree_node *root;
	struct hash256 hash;

	if (tree_is_empty(t))
		return true;
	if (root_of(t, &root) != FOUND)
		return bad(&c, 0, "cannot be loaded");
	if (!check_node(&c, root, 0))
		return false;
	if (stem->head.stale)
		return true;
	if (tree_inner_of(root)->head.stale)
		return bad(&c, 0, "changed below a hash that counts as known");
	tree_node_hash(&hash, t->kind, root);
	return hash256_eq(&hash, &stem->slot[0].hash) || bad(&c, 0, "hash differs");
}

static void wire_inner(struct buf *out, const struct tree_inner *n)
{
	must(n->head.stale == 0);
	buf_put_u8(out, TREE_ENCODED_INNER);
	buf_put_be16(out, n->head.mask);
	for (unsigned i = 0; i < tree_children(n); i++)
		buf_put(out, n->slot[i].hash.b, sizeof(n->slot[i].hash.b));
}

enum found tree_node_wire(const struct tree *t, const uint8_t *nibbles, unsigned depth,
			  struct buf *out)
{
	struct tree_node *n;

	if (root_of(t, &n) != FOUND)
		return UNAVAILABLE;
	if (!n || depth > TREE_DEPTH_MAX)
		return ABSENT;
	for (unsigned i = 0; i < depth; i++) {
		struct tree_slot *s = NULL;

		if (!tree_node_is_leaf(n) && nibbles[i] < 16)
			s = tree_slot_at(tree_inner_of(n), nibbles[i]);
		if (!s)
			return ABSENT;
		if (tree_slot_node(t, s, &n) != FOUND)
			return UNAVAILABLE;
	}
	if (tree_node_is_leaf(n))
		tree_encode_leaf(out, tree_leaf_of(n));
	else
		wire_inner(out, tree_inner_of(n));
	return FOUND;
}
