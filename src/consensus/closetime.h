/* SPDX-License-Identifier: ISC */
#ifndef TALLY_CONSENSUS_CLOSETIME_H
#define TALLY_CONSENSUS_CLOSETIME_H

#include "base/time.h"

#include <stdbool.h>
#include <stddef.h>

/* Close times (LedgerTiming.h of the reference).
 *
 * Clocks differ, so a ledger's close time is agreed on in steps of a resolution: 10, 20, 30, 60,
 * 90 or 120 seconds. It becomes finer by one step at every eighth ledger that was agreed, and
 * coarser at once after a disagreement. Time 0 stands for "we agree to disagree". */

/* The resolution of the ledger `seq` from its parent's. One that is not in the list stays. */
uint8_t cons_resolution_next(uint8_t parent, bool parent_agreed, uint32_t seq);

/* To the nearest multiple of the resolution, half up; 0 stays 0. */
struct net_time close_round(struct net_time t, uint8_t resolution);

/* What goes into the header: rounded, and after the parent's by at least a second; 0 (no
 * agreement) becomes the parent's plus one. Applying it twice changes nothing when the parent's
 * time is a multiple of the resolution or below it. */
struct net_time close_effective(struct net_time t, uint8_t resolution, struct net_time parent);

#endif
