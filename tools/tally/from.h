/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TOOLS_FROM_H
#define TALLY_TOOLS_FROM_H

#include "ledger/genesis.h"
#include "store/snapshot.h"
#include "tally.h"

/* A genesis that takes over the state of a snapshot, for the network of --network-id; g has no
 * amendments yet. False after complaining, with the exit code. */
bool genesis_from_snapshot(struct tally *t, struct genesis *g, const char *path,
			   struct snapshot_info *i, int *code);

#endif
