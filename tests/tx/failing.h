/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_TX_FAILING_H
#define TALLY_TESTS_TX_FAILING_H

#include "ledger/tree.h"

/* A store in memory whose loads can be made to fail. */
#define FAILING_NODES 4096
struct failing_store {
	struct buf nodes[FAILING_NODES];
	uint64_t first, n;
	uint64_t loads, fail_at; /* the n-th load fails; 0: none */
	struct node_source source;
	struct hash256 hash;
};
/* Keeps a state, which it hashes. Close with failing_close. */
struct failing_store *failing_open(struct tree *state);
void failing_close(struct failing_store *s);
/* The state as it is stored, nothing loaded; counting begins anew. */
void failing_tree(struct failing_store *s, uint64_t fail_at, struct tree *out);

#endif
