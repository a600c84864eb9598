/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_TOOLS_PAYOUT_WORLD_H
#define TALLY_TESTS_TOOLS_PAYOUT_WORLD_H

#include "payout_model.h"
#include "tools/tally/payout.h"

/* The machine, a journal in memory and the model ledger: what tools/tally/payout_run.c is to a real
 * one. A "process" is one life of the machine; it may die before any action, and its journal may
 * fail at any write. */

enum journal_failure {
	JOURNAL_SOUND,
	JOURNAL_NOTHING, /* the write puts no byte */
	JOURNAL_PART,    /* some of them */
	JOURNAL_SYNC,    /* all of them, but they may not be durable; they are */
	JOURNAL_LOST,    /* all of them, and the machine stops: none are there afterwards */
	JOURNAL_FAILURES
};

struct world {
	struct model ledger;
	struct payout_options options;
	struct payout_line lines[MODEL_LINES];
	uint32_t n;
	struct payout m;
	struct buf journal;
	uint64_t groups, serial;
	bool durable[MODEL_TX_MAX];
	int64_t now_ms;
	unsigned twice; /* of 1000 answers come twice */
	/* of this process */
	uint64_t actions, die_at, writes, fail_at;
	enum journal_failure failure;
	uint32_t wait_limit; /* ledgers; 0: none */
};

/* n lines of 1 to 3 XRP; a wallet with enough for all of it. */
void world_open(struct world *w, uint64_t seed, uint32_t n);
void world_close(struct world *w);
/* One process until it stops or dies: true when it stopped by itself. */
bool world_run(struct world *w);
/* Until the machine says that it is done; no more than `most` processes. */
void world_run_to_end(struct world *w, uint32_t most);
/* No line is paid twice, or other than it says; what is reported is what the ledger has. */
void world_judge(const struct world *w);
uint32_t world_count(const struct world *w, enum payout_outcome o);

#endif
