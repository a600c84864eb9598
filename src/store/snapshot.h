/* SPDX-License-Identifier: ISC */
#ifndef TALLY_STORE_SNAPSHOT_H
#define TALLY_STORE_SNAPSHOT_H

#include "store/store.h"

/* A whole ledger as a file: what a new node may start from instead of fetching it from peers.
 *
 *      "TALLYSN1"                          format and version
 *      network id 4 | genesis hash 32      whose ledger it is
 *      header 118                          names the roots of both trees
 *      transactions 4                      how many there are
 *      length 4 | leaf                     each: VL(transaction) VL(metadata), ascending by id
 *      length 4 | key 32 | data            each entry of the state, ascending by key
 *      0 4 | entries 8 | drops 8           the end; how many, and the XRP they hold
 *      SHA-512Half 32                      of all bytes before
 *
 * One ledger has one file, byte for byte. Writing and reading keep one entry in memory and the way
 * to it, whatever the size. Everything is checked before it counts: the trees against the roots in
 * the header, the drops against the header, the checksum, and that nothing follows. That the header
 * itself is the network's cannot be seen from a file: compare its hash with one from a source you
 * trust. */

struct snapshot_info {
	uint32_t network_id;
	struct hash256 genesis;
	struct ledger_header header;
	struct hash256 hash;
	uint64_t entries;
	uint32_t txs;
	uint64_t bytes;
};

/* Writes ledger `seq` (0: the newest) of the data in `folder` to a new file; also beside a running
 * node, as long as it keeps that ledger. ERR_DUPLICATE when the file is there already. */
enum err snapshot_export(const char *folder, uint32_t seq, const char *path,
			 struct snapshot_info *out, struct why *why) MUST_USE;
/* Reads and checks all of a file, and does nothing else. */
enum err snapshot_check(const char *path, struct snapshot_info *out, struct why *why) MUST_USE;
/* The same, and gives each entry of the state to `each`, in order, before all of the file is known
 * to be good: what was made of them counts only after ERR_NONE. Ends with the error of `each`. */
typedef enum err (*snapshot_entry)(void *ctx, const struct hash256 *key, struct bytes data,
				   struct why *why);
enum err snapshot_each(const char *path, snapshot_entry each, void *ctx, struct snapshot_info *out,
		       struct why *why) MUST_USE;
/* Makes <folder>/data from a file: a store whose only ledger is this one. All or nothing: it
 * becomes data when everything was checked. `expected` (NULL: any) is the hash it must have.
 * ERR_DUPLICATE when there is data already, ERR_CORRUPT for a damaged file, ERR_MISMATCH for
 * another ledger. */
enum err snapshot_import(const char *path, const char *folder, const struct hash256 *expected,
			 struct snapshot_info *out, struct why *why) MUST_USE;

#endif
