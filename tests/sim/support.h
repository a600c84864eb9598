/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_SIM_SUPPORT_H
#define TALLY_TESTS_SIM_SUPPORT_H

#include "tests/sim/props.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* A world in good order with its properties at hand, and ledgers that lie, for tests of the
 * properties. Anything unexpected fails the test. */

struct bench {
	struct world *w;
	struct props *p;
	struct ledger *newest; /* validated; a reference */
	struct tx *paid;       /* a validated payment */
};

void bench_begin(void); /* once, first in main */
/* Five validators that have begun. */
void bench_open(struct bench *b, uint64_t seed);
/* And 20 s later: some payments are validated, nothing moves any more. */
void bench_run(struct bench *b, uint64_t seed);
void bench_close(struct bench *b);
/* n payments from account 0. */
void bench_pay(struct bench *b, uint32_t n);
/* A payment of account `from` that is submitted (as far as the properties know) and goes nowhere;
 * the caller's reference. */
struct tx *bench_tx(struct bench *b, uint32_t from, uint32_t seq, uint32_t last_ledger);
struct tx *bench_spoil_signature(struct bench *b, struct tx *t);
/* The property has failed, with this among its words; closes the bench. */
void bench_expect(struct bench *b, const char *property, const char *words);

/* A ledger that never was: the child of the newest validated one. */
struct forged {
	struct ledger_header header;
	struct tree state, txs;
	struct ledger *ledger; /* once sealed */
	uint32_t n_txs;
};
void forge_begin(struct forged *f, struct bench *b);
void forge_balance(struct forged *f, uint32_t account, int64_t drops);
/* With that result, and `drops` more in somebody's account than before, if its metadata is right.
 */
void forge_tx(struct forged *f, const struct tx *t, uint8_t result, int64_t drops);
void forge_seal(struct forged *f);
/* Node reports it as validated; the forged one is done with. */
void bench_feed(struct bench *b, struct forged *f, uint32_t node);

#endif
