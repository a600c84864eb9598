/* SPDX-License-Identifier: ISC */
#ifndef TALLY_LEDGER_TREE_READER_H
#define TALLY_LEDGER_TREE_READER_H

#include "ledger/tree.h"

/* Reading that leaves nothing behind. tree_get and tree_next keep every node they load, which is
 * right for those who build ledgers and wrong for those who look around in them: a client that
 * pages through a state would bring all of it into memory.
 *
 * A reader uses what is in memory, keeps what it loads of the topmost TREE_READER_KEEP levels
 * (at most 273 nodes of a state), and holds the rest for itself: one path from the root to where
 * it last read, so that reading on from there loads each node once. */

#define TREE_READER_KEEP   3  /* levels of inner nodes whose loaded nodes stay */
#define TREE_READER_LEVELS 66 /* stem, inner nodes of depth 0 .. 63, leaf */

struct tree_reader {
	const struct tree *t;
	struct tree_node *node[TREE_READER_LEVELS]; /* from the stem on */
	bool own[TREE_READER_LEVELS];               /* loaded for this reader */
	unsigned n;
	struct hash256 at; /* the nibbles that lead along the path */
};

/* The tree must outlive the reader and must not be edited meanwhile. */
void tree_reader_open(struct tree_reader *r, const struct tree *t);
void tree_reader_close(struct tree_reader *r);

/* As tree_get and tree_next, but `data` lives only until the next call of the reader. */
enum found tree_reader_get(struct tree_reader *r, const struct hash256 *key,
			   struct bytes *data) MUST_USE;
enum found tree_reader_next(struct tree_reader *r, const struct hash256 *after, struct hash256 *key,
			    struct bytes *data) MUST_USE;

#endif
