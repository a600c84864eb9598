/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_STORE_STATES_WORK_H
#define TALLY_TESTS_STORE_STATES_WORK_H

#include "chain.h"

#include <stdio.h>
#include <stdlib.h>

/* The life of a store that is recorded: opened (or made), then for each ledger its vote, its commit
 * and some pruning, or older ledgers filled in. The same life without a recorder gives the model:
 * all rows after every step. */

enum work_mark { WORK_STORE = 1, WORK_VOTE };

struct work_plan {
	uint32_t before;  /* ledgers that are there already */
	uint32_t ledgers; /* committed in this life */
	uint32_t prune;   /* budget after each commit, 0: none */
	uint32_t jump;    /* the first ledger of a new store, 0: 1; those before are filled in */
	uint32_t fill;    /* so many after each commit */
};

/* Makes the folder what it is before the life; nothing for before = 0. */
void work_prepare(const char *folder, const struct work_plan *plan);
/* Lives. `promised` is called after every step that was acknowledged: WORK_STORE with 1 (the store
 * is open), 2, ... after each transaction; WORK_VOTE with the ledger's number. */
void work_live(const char *folder, const struct work_plan *plan,
	       void (*promised)(void *ctx, enum work_mark what, uint64_t number), void *ctx);

/* All rows of all tables, as bytes; false when LMDB cannot read them. */
bool work_dump(const char *folder, struct buf *out);
/* Whether the tables hold exactly these rows. */
bool work_dump_is(const char *folder, const struct buf *want);

struct model {
	struct work_plan plan;
	struct buf *step; /* rows after each step; [0] unused */
	size_t n_steps;
	struct buf *vote;       /* by ledger, as encoded */
	struct ledger **ledger; /* by number, up to one more than the life commits */
};

/* Lives in `folder`, prepared, and checks each step with the store's own check. */
void model_make(struct model *m, const char *folder, const struct work_plan *plan);
void model_close(struct model *m);
uint32_t work_first(const struct work_plan *plan); /* ledger of this life */
uint32_t model_ledgers(const struct model *m);     /* the newest that model.ledger has */

#define fatal(...)                                                                                 \
	do {                                                                                       \
		fprintf(stderr, "%s:%d: ", __FILE__, __LINE__);                                    \
		fprintf(stderr, __VA_ARGS__);                                                      \
		fputc('\n', stderr);                                                               \
		exit(1);                                                                           \
	} while (0)

#endif
