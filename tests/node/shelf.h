/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_NODE_SHELF_H
#define TALLY_TESTS_NODE_SHELF_H

#include "ledger/history.h"

/* The ledgers that a node has committed, in memory, as its history: it survives the node. */

#define SHELF_MAX 4000

struct shelf {
	struct ledger *at[SHELF_MAX]; /* by sequence */
	uint32_t last;
	uint32_t keep; /* newest ledgers that can be asked for; 0: all */
	struct history history;
};

void shelf_open(struct shelf *s);
void shelf_close(struct shelf *s);
void shelf_put(struct shelf *s, struct ledger *l); /* takes a reference of its own */

#endif
