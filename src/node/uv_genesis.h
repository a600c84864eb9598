/* SPDX-License-Identifier: ISC */
#ifndef TALLY_NODE_UV_GENESIS_H
#define TALLY_NODE_UV_GENESIS_H

#include "ledger/genesis.h"

/* What a genesis file comes to, remembered in the data folder. Building the state of a genesis with
 * many generated accounts takes tens of microseconds for each, but once the chain has a ledger on
 * disk only the hash of its first one is of use: to know that folder and file are of one network.
 *
 *     <folder>/genesis    <SHA-512Half of what genesis_print() writes, then the hash> <hash>
 *
 * A file that is missing, damaged or of another genesis is as good as none. */

/* True with the hash of ledger 1 when this very genesis was built for the folder before. */
bool uv_genesis_recall(struct hash256 *hash, const struct genesis *g, const char *folder);
enum err uv_genesis_remember(const struct genesis *g, const char *folder,
			     const struct hash256 *hash, struct why *why) MUST_USE;

#endif
