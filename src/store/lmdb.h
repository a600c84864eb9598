/* SPDX-License-Identifier: ISC */
#ifndef TALLY_STORE_LMDB_H
#define TALLY_STORE_LMDB_H

#include "base/bytes.h"

/* The database under the store: sorted tables of rows, snapshots for readers, one write
 * transaction at a time. The one file behind this header is the only one that knows LMDB, the
 * file system and their ways of failing; to the others a failure is one of
 *
 *   ERR_ABSENT    no such row
 *   ERR_FULL      the map is too small: abort, lmdb_grow(), do the transaction again
 *   ERR_NO_SPACE  the disk is full, the file may not grow (RLIMIT_FSIZE), or the map cannot;
 *                 nothing was written, and it may work later
 *   ERR_CORRUPT   the file is not a sound database
 *   ERR_IO        anything else; stop using the database
 *
 * LMDB runs with its default durability: a commit that returned is on disk. MDB_NOTLS only frees
 * readers from their threads. A disk that fills up shows as ENOSPC or, where a write came up short,
 * as EIO: that one is told from a broken disk by looking whether there is room left. */

enum lmdb_table {
	LMDB_META,        /* name → value */
	LMDB_HEADERS,     /* sequence → header */
	LMDB_HASHES,      /* ledger hash → sequence */
	LMDB_NODES,       /* disk key (host integer) → tree node */
	LMDB_OBSOLETE,    /* sequence, chunk → disk keys */
	LMDB_TX_IDS,      /* run, row → rows (runs.h) */
	LMDB_TXS,         /* sequence, index → transaction and metadata */
	LMDB_ACCOUNT_TXS, /* run, row → rows (runs.h) */
	LMDB_TABLES,
};

struct lmdb;
struct lmdb_txn; /* a snapshot (any number, any thread) or the writer */
struct lmdb_cursor;

struct lmdb_row {
	struct bytes key;
	struct bytes value;
};

struct lmdb_options {
	uint64_t map_bytes_min;
	bool read_only;
};

/* Opens the environment in folder `dir`, which must exist; tables are made when `create`. Checks
 * that the file is as long as its own pages say: reading past the end would be SIGBUS. */
enum err lmdb_open(struct lmdb **out, const char *dir, const struct lmdb_options *o, bool create,
		   struct why *why) MUST_USE;
/* No transaction may be open. NULL is fine. */
void lmdb_close(struct lmdb *db);

/* A snapshot. Keep it short: pages that it can see are not reused, and the map cannot grow. */
enum err lmdb_read(struct lmdb *db, struct lmdb_txn **out) MUST_USE;
/* The writer. Frees the slots of readers that died, enlarges the map in time. */
enum err lmdb_write(struct lmdb *db, struct lmdb_txn **out) MUST_USE;
/* Doubles the map; no transaction of this thread may be open, those of others are waited for.
 * ERR_NO_SPACE when there are no addresses left (RLIMIT_AS). */
enum err lmdb_grow(struct lmdb *db) MUST_USE;
/* Ends it; a writer's changes are dropped. NULL is fine. */
void lmdb_abort(struct lmdb_txn *txn);
/* Ends the writer. Durable when it returns ERR_NONE. */
enum err lmdb_commit(struct lmdb_txn *txn, struct why *why) MUST_USE;

/* A view that lives as long as the snapshot (or until the writer's next change). */
enum err lmdb_get(struct lmdb_txn *txn, enum lmdb_table table, struct bytes key,
		  struct bytes *value) MUST_USE;
/* Adds or replaces. */
enum err lmdb_put(struct lmdb_txn *txn, enum lmdb_table table, struct bytes key,
		  struct bytes value) MUST_USE;
/* Adds behind all other rows; ERR_ORDER when the key is not above theirs. */
enum err lmdb_append(struct lmdb_txn *txn, enum lmdb_table table, struct bytes key,
		     struct bytes value) MUST_USE;
enum err lmdb_del(struct lmdb_txn *txn, enum lmdb_table table, struct bytes key) MUST_USE;
enum err lmdb_count(struct lmdb_txn *txn, enum lmdb_table table, uint64_t *out) MUST_USE;

/* Going through a table. Each move sets *row or returns ERR_ABSENT past either end. Close the
 * cursor before the transaction. */
enum err lmdb_cursor_open(struct lmdb_txn *txn, enum lmdb_table table,
			  struct lmdb_cursor **out) MUST_USE;
void lmdb_cursor_close(struct lmdb_cursor *c); /* NULL is fine */
enum err lmdb_first(struct lmdb_cursor *c, struct lmdb_row *row) MUST_USE;
enum err lmdb_last(struct lmdb_cursor *c, struct lmdb_row *row) MUST_USE;
enum err lmdb_next(struct lmdb_cursor *c, struct lmdb_row *row) MUST_USE;
enum err lmdb_prev(struct lmdb_cursor *c, struct lmdb_row *row) MUST_USE;
/* The first row at or above key; the last at or below it. */
enum err lmdb_at_or_above(struct lmdb_cursor *c, struct bytes key, struct lmdb_row *row) MUST_USE;
enum err lmdb_at_or_below(struct lmdb_cursor *c, struct bytes key, struct lmdb_row *row) MUST_USE;
/* Deletes the row that the cursor is on; lmdb_next then gives the one behind it. */
enum err lmdb_cursor_del(struct lmdb_cursor *c) MUST_USE;

uint64_t lmdb_bytes(const struct lmdb *db); /* of the data file */
bool lmdb_disk_space(const struct lmdb *db, uint64_t *free_bytes, uint64_t *total_bytes);

/* The folders and the lock around the environment. */

/* Takes <folder>/lock; ERR_BUSY names the process that has it. Released by lmdb_folder_unlock. */
enum err lmdb_folder_lock(const char *folder, int *lock, struct why *why) MUST_USE;
void lmdb_folder_unlock(int *lock);
/* Whether <folder>/<name> is a folder. */
bool lmdb_folder_has(const char *folder, const char *name);
/* Makes <folder> and an empty <folder>/data.tmp, removing what an earlier attempt left there. */
enum err lmdb_folder_prepare(const char *folder, struct why *why) MUST_USE;
/* Makes a finished <folder>/data.tmp durable and renames it to <folder>/data. */
enum err lmdb_folder_adopt(const char *folder, struct why *why) MUST_USE;

#endif
