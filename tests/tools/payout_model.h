/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_TOOLS_PAYOUT_MODEL_H
#define TALLY_TESTS_TOOLS_PAYOUT_MODEL_H

#include "base/rng.h"

#include <stdbool.h>
#include <stdint.h>

/* A ledger for one wallet, and a network that treats what is sent badly. It knows nothing of the
 * machine under test: transactions are its own, in bytes of its own, and it counts by itself how
 * often each line was paid. */

#define MODEL_LINES   1200
#define MODEL_TX_MAX  8192
#define MODEL_LEDGERS 4096
#define MODEL_TICKETS 20000

enum model_kind { MODEL_PAY = 1, MODEL_TICKETS_MAKE = 2 };

/* Also the bytes that are "signed". */
struct model_tx {
	uint64_t serial; /* of its signing: two are never the same */
	uint32_t kind, line, ticket, seq, count, first, last;
	uint64_t fee, amount;
};

enum model_fate { MODEL_UNSEEN, MODEL_WAITS, MODEL_VALIDATED, MODEL_OUT };

struct model_known {
	struct model_tx tx;
	enum model_fate fate;
	uint32_t ready; /* not applied before this ledger */
	uint32_t ledger;
	const char *code;
};

struct model_chances { /* of 1000 */
	unsigned request_lost, answer_lost, tx_lost, tx_late, foreign_ticket, foreign_sequence, gap;
	unsigned room; /* transactions a ledger takes before it says no; 0: all */
};

struct model {
	struct rng rng;
	struct model_chances chances;
	uint32_t validated;
	uint64_t balance, reserve_base, reserve_inc, fee;
	uint32_t sequence, owners;
	bool ticket[MODEL_TICKETS];
	uint32_t n_tickets, most_tickets;
	bool missing[MODEL_LEDGERS]; /* the server's history lacks it now */
	bool refuse[MODEL_LINES];    /* the ledger claims a fee and no more */
	bool malformed[MODEL_LINES];
	struct model_known *known; /* by serial */
	uint64_t n_known;
	uint32_t taken; /* into the ledger that is open */
	uint32_t paid[MODEL_LINES];
	uint64_t paid_amount[MODEL_LINES];
	uint64_t spent; /* by the wallet, fees and all */
};

void model_open(struct model *m, uint64_t seed, uint64_t balance);
void model_close(struct model *m);
void model_next_ledger(struct model *m);
/* The code that a server answers, or NULL when nothing comes back. */
const char *model_submit(struct model *m, const struct model_tx *t);
/* What a search in min .. max says; the place when it is validated. */
struct model_found {
	bool validated, searched_all;
	uint32_t ledger;
	const char *code;
};
struct model_found model_find(const struct model *m, uint64_t serial, uint32_t min, uint32_t max);
/* Makes n tickets for nobody in particular. */
void model_foreign_tickets(struct model *m, uint32_t n);

#endif
