/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_RPC_MARKET_H
#define TALLY_TESTS_RPC_MARKET_H

#include "tests/rpc/fake_node.h"

/* A state with what transactions of this server do not make yet, put into ledger 3:
 *
 *   gate   issues USD, takes 0.2 % of every transfer; offers 5 of its own USD
 *   mary   has 50 USD and two offers of USD, one within a domain, one of gloria's EUR
 *   ned    has 14 XRP to spare and offers twice 20 XRP for USD, and USD that he has not
 *   fred   has 10 USD on a frozen line and offers them
 *   gloria issues EUR and has frozen them all
 *          gate also owes olga and quin, is owed by pete, and has escrows of 15 USD and 3 XRP
 *   dora   takes deposits from mary, and from who has gate's credential KYC
 *   o1 o2 o3 o4 oracles: XRP/USD at 0.74, 0.75, 0.8; o4 has had a price before
 *
 * The history has two hand-made transactions: the one before o4's last, and an offer that was
 * crossed (ledger 4, after market_cross). */
struct fake *market_open(bool network);
/* In requests ${entry:NAME} is mary5 (offer), kyc, kyc-zz, kyc-old, kyc-asked, kyc-other
 * (credentials) or line, ${domain} the domain.
 * Closes ledger 4 with an OfferCreate that took something out of books. */
void market_cross(struct fake *f);

#endif
