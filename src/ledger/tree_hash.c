/* SPDX-License-Identifier: ISC */
#include "crypto/hash.h"
#include "ledger/tree_node.h"

/* Hashing, from the leaves up, of the nodes that are stale and no others. */

static enum hash_prefix leaf_prefix(enum tree_kind kind)
{
	switch (kind) {
	case TREE_STATE:
		return HASH_PREFIX_STATE_LEAF;
	case TREE_TX_META:
		return HASH_PREFIX_TX_META;
	case TREE_TX_SET:
		return HASH_PREFIX_TX_ID;
	}
	must(false); /* not a tree kind */
	return HASH_PREFIX_TX_ID;
}

void tree_leaf_hash(struct hash256 *out, enum tree_kind kind, const struct hash256 *key,
		    struct bytes data)
{
	struct bytes parts[2] = {data, bytes_of(key->b, sizeof(key->b))};

	/* A transaction set's leaf is the transaction's id, which its own bytes give. */
	sha512_half_parts(out, leaf_prefix(kind), parts, kind == TREE_TX_SET ? 1 : 2);
}

void tree_inner_hash(struct hash256 *out, const struct tree_inner *n)
{
	uint8_t image[4 + 16 * 32] = {0};
	unsigned i = 0;

	must(n->head.stale == 0);
	store_be32(image, HASH_PREFIX_INNER);
	for (unsigned rest = n->head.mask; rest; rest &= rest - 1)
		memcpy(image + 4 + 32 * __builtin_ctz(rest), n->slot[i++].hash.b, 32);
	sha512_half(out, image, sizeof(image));
}

void tree_node_hash(struct hash256 *out, enum tree_kind kind, struct tree_node *n)
{
	if (tree_node_is_leaf(n)) {
		struct tree_leaf *l = tree_leaf_of(n);

		tree_leaf_hash(out, kind, &l->id, tree_leaf_data(l));
	} else {
		tree_inner_hash(out, tree_inner_of(n));
	}
}

/* Makes every slot below n known. At most TREE_LEVELS calls deep. */
static void refresh(struct tree_inner *n, enum tree_kind kind)
{
	if (!n->head.stale) /* perhaps shared: not even written to */
		return;
	for (unsigned rest = n->head.stale; rest; rest &= rest - 1) {
		struct tree_slot *s = tree_slot_at(n, (unsigned)__builtin_ctz(rest));
		struct tree_node *child = tree_slot_peek(s);

		must(child); /* what was never hashed was never stored */
		if (!tree_node_is_leaf(child))
			refresh(tree_inner_of(child), kind);
		tree_node_hash(&s->hash, kind, child);
	}
	n->head.stale = 0;
}

struct hash256 tree_hash(struct tree *t)
{
	struct tree_inner *stem = tree_stem(t);

	refresh(stem, t->kind);
	return stem->head.mask ? stem->slot[0].hash : HASH256_ZERO;
}
