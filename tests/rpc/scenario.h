/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_RPC_SCENARIO_H
#define TALLY_TESTS_RPC_SCENARIO_H

#include "tests/rpc/fake_node.h"

/* The chain that most tests ask about:
 *
 *   3  carol owns one entry of each kind that lists show (planted)
 *   4  the master pays alice (with memo and tag), bob and carol, 1,000 XRP each
 *   5  alice pays bob 10 XRP; bob sets flags
 *   6  alice pays somebody who does not exist less than the reserve: tecNO_DST_INSUF_XRP
 *   7  empty, closed and not validated (only with `ahead`)
 *   open: alice pays bob 1 XRP
 */
struct fake *scenario_open(bool network, bool ahead);
/* A signed payment's blob in hex, on the arena. */
char *scenario_payment(struct fake *f, const char *from, uint32_t seq, const char *to,
		       uint64_t drops);
struct tx *scenario_payment_tx(struct fake *f, const char *from, uint32_t seq, const char *to,
			       uint64_t drops);
/* Replaces ${name} in texts of a request: ${alice} ... addresses, ${L5} the hash of ledger 5,
 * ${T5.0} the id of its transaction 0, ${open} of the pending one, ${own:Ticket} the index of
 * carol's entry of that type, ${node:v1} a key as nodes write it,
 * ${pay:alice:7:bob:100} a signed payment. A new reference. */
json_t *scenario_fill(struct fake *f, const json_t *in);

#endif
