/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_TX_VIOLATIONS_H
#define TALLY_TESTS_TX_VIOLATIONS_H

#include "tests/tx/signing.h"
#include "tx/ops.h"

/* Deeds of an evil transaction type, and the sentence of the invariants that each breaks.
 *
 * Their world: alice owns 40 tickets (2 to 41), a signer list and an authorisation, on two pages;
 * bob owns a ticket. */
enum { TICKETS = 40, ALICE_NEXT = 44, LEDGER = 400 };

struct violation {
	const char *name, *sentence; /* words of it; NULL: nothing is wrong */
	void (*apply)(struct tx_run *r);
	/* What alice's transaction is: of the type's own making, the same with ticket 20, or an
	 * AccountDelete in favour of bob, whose apply the deed does or leaves. */
	enum { PLAIN, TICKET, DELETE } kind;
};
extern const struct violation violations[];
extern const size_t violations_n;

#endif
