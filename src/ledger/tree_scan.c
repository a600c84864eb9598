/* SPDX-License-Identifier: ISC */
#include "ledger/tree_node.h"
#include "ledger/tree_persist.h"

struct walk {
	struct node_source *source;
	enum tree_kind kind;
	const struct tree_scan *scan;
	uint8_t path[TREE_DEPTH_MAX + 1]; /* nibbles from the root */
};

static enum err load_checked(const struct walk *w, const struct hash256 *hash, uint64_t key,
			     struct tree_node **out)
{
	struct buf stored = BUF_INIT;
	struct hash256 got;
	enum err e = w->source->load(w->source->ctx, key, &stored);

	*out = e == ERR_NONE ? tree_decode(buf_bytes(&stored), key) : NULL;
	buf_close(&stored);
	if (e != ERR_NONE)
		return e == ERR_ABSENT ? ERR_CORRUPT : e;
	if (!*out)
		return ERR_CORRUPT;
	tree_node_hash(&got, w->kind, *out);
	if (hash256_eq(&got, hash))
		return ERR_NONE;
	tree_node_unref(*out);
	return ERR_CORRUPT;
}

static enum err scan_leaf(const struct walk *w, const struct tree_leaf *l, unsigned depth)
{
	for (unsigned i = 0; i < depth; i++)
		if (tree_nibble(&l->id, i) != w->path[i])
			return ERR_CORRUPT;
	return w->scan->leaf(w->scan->ctx, &l->id, tree_leaf_data(l)) ? ERR_NONE : ERR_STATE;
}

/* At most TREE_LEVELS calls deep. */
static enum err scan_node(struct walk *w, const struct hash256 *hash, uint64_t key, unsigned depth)
{
	struct tree_node *n;
	enum err e;

	if (!w->scan->enter(w->scan->ctx, key))
		return ERR_NONE;
	e = load_checked(w, hash, key, &n);
	if (e != ERR_NONE)
		return e;
	if (tree_node_is_leaf(n)) {
		e = depth ? scan_leaf(w, tree_leaf_of(n), depth) : ERR_CORRUPT;
	} else {
		struct tree_inner *inner = tree_inner_of(n);
		unsigned i = 0;

		if (depth >= TREE_DEPTH_MAX)
			e = ERR_CORRUPT;
		for (unsigned rest = inner->head.mask; e == ERR_NONE && rest; rest &= rest - 1) {
			struct tree_slot *s = &inner->slot[i++];

			w->path[depth] = (uint8_t)__builtin_ctz(rest);
			e = scan_node(w, &s->hash, s->key, depth + 1);
		}
	}
	tree_node_unref(n);
	return e;
}

enum err tree_scan_stored(struct node_source *source, enum tree_kind kind,
			  const struct hash256 *root_hash, uint64_t root_key,
			  const struct tree_scan *scan)
{
	struct walk w = {.source = source, .kind = kind, .scan = scan};

	if (hash256_is_zero(root_hash))
		return ERR_NONE;
	return scan_node(&w, root_hash, root_key, 0);
}
