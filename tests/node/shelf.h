/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_NODE_SHELF_H
#define TALLY_TESTS_NODE_SHELF_H

#include "ledger/history.h"

/* The ledgers that a node has committed, in memory, as its history: it survives the node. */

#define SHELF_MAX 4000

struct shelf {
	struct ledger *at[SHELF_MAX];          /* by sequence */
	struct history_ledger past[SHELF_MAX]; /* those without a state; seq 0: not here */
	uint32_t last;
	bool fills;    /* asks for what is missing before */
	uint32_t keep; /* newest ledgers that can be asked for; 0: all */
	struct history history;
};

void shelf_open(struct shelf *s);
void shelf_close(struct shelf *s);
void shelf_put(struct shelf *s, struct ledger *l); /* takes a reference of its own */
/* Ledgers without their states, newest first; fails the test when they do not join on. */
void shelf_fill(struct shelf *s, const struct history_ledger *l, uint32_t n);

#endif
