/* SPDX-License-Identifier: ISC */
#ifndef TALLY_LEDGER_ENTRY_DROPS_H
#define TALLY_LEDGER_ENTRY_DROPS_H

#include "base/bytes.h"
#include "base/drops.h"

/* Adds the drops that an entry of the state holds (accounts, escrows, payment channels); false when
 * it is damaged, the sum too large. */
bool entry_add_drops(struct drops *sum, struct bytes entry) MUST_USE;

#endif
