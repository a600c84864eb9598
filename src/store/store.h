/* SPDX-License-Identifier: ISC */
#ifndef TALLY_STORE_STORE_H
#define TALLY_STORE_STORE_H

#include "ledger/history.h"
#include "ledger/tree_persist.h"

/* The ledger database: one LMDB environment in <folder>/data, holding validated ledgers only, each
 * written in exactly one write transaction: header, transactions with metadata, new tree nodes,
 * the keys it made obsolete, and the indexes. A crash at any instant leaves the last committed
 * ledger, whole. LMDB runs with its default flags only (durable commits, no WRITEMAP).
 *
 * Tables: meta (schema version, network id, genesis hash, tip, prune floor) · headers by sequence ·
 * sequence by hash · nodes by disk key (append-only, MDB_APPEND) · obsolete keys by sequence ·
 * transactions by id · transaction rows by (sequence, index) · by (account, sequence, index).
 *
 * Threads: one writer at a time (the persist worker); readers on any thread, each look-up in a
 * short read transaction of its own (never held across calls for longer than 1 s). */

struct store;
struct kv; /* kv.h */

enum store_history { STORE_HISTORY_FULL = 0 }; /* else: number of ledgers kept */

struct store_options {
	const char *folder; /* data folder; created (as data.tmp, then renamed) when absent */
	struct kv *db;      /* an open database instead of the folder's (which is then a name for
			     * messages): closed with the store, also when opening fails */
	uint32_t network_id;
	struct hash256 genesis; /* hash of ledger 1; a folder of another network is refused; all
				 * zero, with read_only: any network */
	uint32_t history;       /* ledgers kept, at least 256, or STORE_HISTORY_FULL */
	uint64_t map_bytes_min; /* initial map, 0 = 256 MiB; grown while running */
	bool read_only;         /* for tools; needs no lock */
};

/* Opens or creates. Locks the folder (one node per folder): ERR_BUSY names the holder's pid.
 * ERR_SCHEMA for a folder of another schema version (the reason names the command to run),
 * ERR_MISMATCH for another network, ERR_NO_SPACE, ERR_PERMISSION, ERR_CORRUPT, ERR_IO. */
enum err store_open(struct store **out, const struct store_options *o, struct why *why) MUST_USE;
void store_close(struct store *s);

/* The newest committed ledger with lazily loading trees; *out NULL when the store is new. Checks
 * the header chain of the last 256 ledgers, the tip's roots, and the nodes those ledgers wrote. */
enum err store_load_tip(struct store *s, struct ledger **out, struct why *why) MUST_USE;

/* Writes a validated ledger in one transaction. `last` is the ledger committed before (NULL for the
 * first). Normally l.seq = last.seq + 1; a jump (after a state fetch) is allowed. On success the
 * caller's loop thread publishes *keys (tree_persist.h). ERR_NO_SPACE covers a full disk and a
 * full map that cannot grow, also where LMDB reports EIO for it; nothing was written then. Any
 * other failure means: stop using this store. Runs on a worker; one call at a time. */
enum err store_commit(struct store *s, const struct ledger *l, const struct ledger *last,
		      struct tree_keys **keys, struct why *why) MUST_USE;

/* Adds ledgers before those that are there, without their states: newest first, the first being the
 * one that history.lacks() names; all in one transaction, beside the commits (same worker or the
 * same lock). The newest ledger stays what it is. ERR_STATE when they do not join on (a jump came
 * between), ERR_CORRUPT when what is there already is something else; others as store_commit. */
enum err store_fill(struct store *s, const struct history_ledger *l, uint32_t n,
		    struct why *why) MUST_USE;

/* Deletes about `budget` obsolete nodes and rows below the history floor; call after commits, on
 * the same worker. The floor rises in steps of an eighth of the history, so up to that many ledgers
 * more than asked for are kept. Never passes a ledger that someone holds through history.ledger().
 * Returns ERR_NONE and *more when there is more to do. */
enum err store_prune(struct store *s, uint32_t budget, bool *more, struct why *why) MUST_USE;

/* Ledgers after this one are kept, however many there are; UINT32_MAX, as it is in the beginning:
 * the history alone says what is kept. What has been deleted does not come back. Any thread. */
void store_set_deletable(struct store *s, uint32_t seq);

/* The node source of all trees of this store, and its history interface. Valid until close. */
struct node_source *store_node_source(struct store *s);
const struct history *store_history(struct store *s);

/* Damage. What is found while a node runs is noted in the folder, and store_open() then refuses it
 * (ERR_CORRUPT) until the data was set aside: a damaged store is never voted on. */
enum err store_note_damage(const char *folder, const char *what, struct why *why) MUST_USE;
/* Takes the note back: a whole check has found nothing. */
enum err store_clear_damage(const char *folder, struct why *why) MUST_USE;
/* Renames <folder>/data to <folder>/data.damaged-N; the vote journal stays. *where gets the new
 * path, empty when there was no data. The store must not be open. */
enum err store_set_aside(const char *folder, struct buf *where, struct why *why) MUST_USE;

/* A slow check of everything beside the node's work: the state of the newest ledger (hashes, sum of
 * money), then headers, transactions and their indexes, in small portions. The ledger that is
 * checked is held open, so its state is not pruned meanwhile. */
struct store_scrub;
struct store_scrub_progress {
	uint32_t ledger;   /* whose state is checked; 0: none yet */
	uint32_t permille; /* how far this pass is */
	uint64_t checked;  /* entries and transactions in this pass */
	uint32_t passes;   /* that were completed */
};
struct store_scrub *store_scrub_new(struct store *s);
void store_scrub_free(struct store_scrub *c); /* NULL is fine */
/* The next step begins another pass, whether this one was at its end or not. */
void store_scrub_restart(struct store_scrub *c);
/* Checks about `budget` entries or transactions; any thread, one at a time. ERR_CORRUPT with the
 * reason is damage. *done: that was the end of a pass; the next call begins another. */
enum err store_scrub_step(struct store_scrub *c, uint32_t budget, bool *done,
			  struct why *why) MUST_USE;
struct store_scrub_progress store_scrub_progress(const struct store_scrub *c);

/* Free and total bytes of the file system; false when unknown. */
bool store_disk_space(const struct store *s, uint64_t *free_bytes, uint64_t *total_bytes);
/* Bytes of the data file. */
uint64_t store_bytes(const struct store *s);

/* The schema this build writes, and the upgrade of an older folder in place (copying into data.tmp
 * and renaming). Called by `tally migrate`. */
#define STORE_SCHEMA 1
enum err store_migrate(const char *folder, struct why *why) MUST_USE;
/* Walks everything and checks it: headers, trees, indexes, sum of drops. For `tally verify`. */
enum err store_verify(struct store *s, struct buf *report, struct why *why) MUST_USE;

#endif
