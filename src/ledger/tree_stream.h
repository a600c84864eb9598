/* SPDX-License-Identifier: ISC */
#ifndef TALLY_LEDGER_TREE_STREAM_H
#define TALLY_LEDGER_TREE_STREAM_H

#include "ledger/tree_persist.h"

/* A tree out of its leaves in ascending order of their keys, without having it in memory: what is
 * kept is the way from the root to the newest leaf. A node is complete, and goes to the sink, when
 * the next key leaves it: children before parents, as tree_persist() would write them.
 *
 *      leaf n-1, leaf n, leaf n+1: n sits one below the longer of its common prefixes with both
 */

struct tree_stream;

/* `sink` may be NULL: then only the root hash is wanted. `seq` is the upper half of the disk keys.
 */
struct tree_stream *tree_stream_open(enum tree_kind kind, uint32_t seq,
				     const struct tree_sink *sink);
void tree_stream_close(struct tree_stream *s); /* NULL is fine */
/* ERR_ORDER when the key is not above the one before, ERR_RANGE for data of no length or too much;
 * the sink's error. */
enum err tree_stream_put(struct tree_stream *s, const struct hash256 *key,
			 struct bytes data) MUST_USE;
/* No more leaves: root hash and disk key, zeros for none. */
enum err tree_stream_end(struct tree_stream *s, struct hash256 *root, uint64_t *root_key) MUST_USE;

#endif
