/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_NODE_WATCH_H
#define TALLY_TESTS_NODE_WATCH_H

#include "base/hmap.h"
#include "net/wire.h"

/* Listens on the wire over all lives of all nodes and fails the test when a key has ever signed two
 * different validations for one sequence, or two proposals with equal previous ledger and number.
 * Bowing out has no number of its own. */
struct watch {
	struct hmap said; /* who and what about → what, as a struct note */
	struct note *notes;
	uint64_t validations, proposals;
};
struct note {
	struct hash256 key, what;
	struct note *next;
};

void watch_close(struct watch *w);
void watch_frame(struct watch *w, const struct wire_frame *f);

#endif
