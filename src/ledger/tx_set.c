/* SPDX-License-Identifier: ISC */
#include "ledger/tx_set.h"

#include "base/limits.h"
#include "crypto/hash.h"
#include "ledger/tree_node.h"

/* The hash of the node that holds ids[0..n), which share their first `depth` nibbles: the id itself
 * for one, else an inner node. At most TREE_DEPTH_MAX calls deep, since the ids differ. */
static void node_hash(struct hash256 *out, const struct hash256 *ids, size_t n, unsigned depth)
{
	uint8_t image[4 + 16 * 32] = {0};
	size_t from, to;

	if (n == 1 && depth > 0) {
		*out = ids[0];
		return;
	}
	must(depth < TREE_DEPTH_MAX);
	store_be32(image, HASH_PREFIX_INNER);
	for (from = 0; from < n; from = to) {
		unsigned nibble = tree_nibble(&ids[from], depth);
		struct hash256 child;

		for (to = from + 1; to < n && tree_nibble(&ids[to], depth) == nibble; to++)
			must(hash256_cmp(&ids[to - 1], &ids[to]) < 0);
		node_hash(&child, ids + from, to - from, depth + 1);
		memcpy(image + 4 + 32 * nibble, child.b, sizeof(child.b));
	}
	sha512_half(out, image, sizeof(image));
}

void tx_set_id(struct hash256 *out, const struct hash256 *ids, size_t n)
{
	if (n)
		node_hash(out, ids, n, 0);
	else
		*out = HASH256_ZERO;
}
