/* SPDX-License-Identifier: ISC */
#ifndef TALLY_STORE_KV_H
#define TALLY_STORE_KV_H

#include "base/bytes.h"

/* The database under the store: sorted tables of rows, snapshots for readers, one write
 * transaction at a time. Two things stand behind it: LMDB (lmdb.h), and memory with faults of its
 * own for simulated disks (kv_mem.h). To the store a failure is one of
 *
 *   ERR_ABSENT    no such row
 *   ERR_FULL      the map is too small: abort, kv_grow(), do the transaction again
 *   ERR_NO_SPACE  the disk is full, the file may not grow (RLIMIT_FSIZE), or the map cannot;
 *                 nothing was written, and it may work later
 *   ERR_CORRUPT   the file is not a sound database
 *   ERR_IO        anything else; stop using the database */

enum kv_table {
	KV_META,        /* name → value */
	KV_HEADERS,     /* sequence → header */
	KV_HASHES,      /* ledger hash → sequence */
	KV_NODES,       /* disk key (host integer) → tree node */
	KV_OBSOLETE,    /* sequence, chunk → disk keys */
	KV_TX_IDS,      /* run, row → rows (runs.h) */
	KV_TXS,         /* sequence, index → transaction and metadata */
	KV_ACCOUNT_TXS, /* run, row → rows (runs.h) */
	KV_TABLES,
};

struct kv_row {
	struct bytes key;
	struct bytes value;
};

/* What stands behind a database, a transaction or a cursor: their structures begin with these. */
struct kv {
	const struct kv_ops *ops;
};
struct kv_txn { /* a snapshot (any number, any thread) or the writer */
	const struct kv_ops *ops;
};
struct kv_cursor {
	const struct kv_ops *ops;
};

enum kv_move { KV_FIRST, KV_LAST, KV_NEXT, KV_PREV, KV_AT_OR_ABOVE };

/* One implementation; each as the function below of its name. */
struct kv_ops {
	void (*close)(struct kv *db);
	enum err (*read)(struct kv *db, struct kv_txn **out);
	enum err (*write)(struct kv *db, struct kv_txn **out);
	enum err (*grow)(struct kv *db);
	uint64_t (*bytes)(const struct kv *db);
	bool (*disk_space)(const struct kv *db, uint64_t *free_bytes, uint64_t *total_bytes);
	void (*abort)(struct kv_txn *txn);
	enum err (*commit)(struct kv_txn *txn, struct why *why);
	enum err (*get)(struct kv_txn *txn, enum kv_table t, struct bytes key, struct bytes *value);
	enum err (*put)(struct kv_txn *txn, enum kv_table t, struct kv_row row, bool append);
	enum err (*del)(struct kv_txn *txn, enum kv_table t, struct bytes key);
	enum err (*count)(struct kv_txn *txn, enum kv_table t, uint64_t *out);
	enum err (*cursor_open)(struct kv_txn *txn, enum kv_table t, struct kv_cursor **out);
	void (*cursor_close)(struct kv_cursor *c);
	enum err (*move)(struct kv_cursor *c, struct kv_row *row, enum kv_move how);
	enum err (*cursor_del)(struct kv_cursor *c);
};

/* No transaction may be open. NULL is fine. */
void kv_close(struct kv *db);

/* A snapshot. Keep it short: pages that it can see are not reused, and the map cannot grow. */
enum err kv_read(struct kv *db, struct kv_txn **out) MUST_USE;
/* The writer. Frees the slots of readers that died, enlarges the map in time. */
enum err kv_write(struct kv *db, struct kv_txn **out) MUST_USE;
/* Doubles the map; no transaction of this thread may be open, those of others are waited for.
 * ERR_NO_SPACE when there are no addresses left (RLIMIT_AS). */
enum err kv_grow(struct kv *db) MUST_USE;
/* Ends it; a writer's changes are dropped. NULL is fine. */
void kv_abort(struct kv_txn *txn);
/* Ends the writer. Durable when it returns ERR_NONE. */
enum err kv_commit(struct kv_txn *txn, struct why *why) MUST_USE;

/* A view that lives as long as the snapshot (or until the writer's next change). */
enum err kv_get(struct kv_txn *txn, enum kv_table table, struct bytes key,
		struct bytes *value) MUST_USE;
/* Adds or replaces. */
enum err kv_put(struct kv_txn *txn, enum kv_table table, struct bytes key,
		struct bytes value) MUST_USE;
/* Adds behind all other rows; ERR_ORDER when the key is not above theirs. */
enum err kv_append(struct kv_txn *txn, enum kv_table table, struct bytes key,
		   struct bytes value) MUST_USE;
enum err kv_del(struct kv_txn *txn, enum kv_table table, struct bytes key) MUST_USE;
enum err kv_count(struct kv_txn *txn, enum kv_table table, uint64_t *out) MUST_USE;

/* Going through a table. Each move sets *row or returns ERR_ABSENT past either end. Close the
 * cursor before the transaction. */
enum err kv_cursor_open(struct kv_txn *txn, enum kv_table table, struct kv_cursor **out) MUST_USE;
void kv_cursor_close(struct kv_cursor *c); /* NULL is fine */
enum err kv_first(struct kv_cursor *c, struct kv_row *row) MUST_USE;
enum err kv_last(struct kv_cursor *c, struct kv_row *row) MUST_USE;
enum err kv_next(struct kv_cursor *c, struct kv_row *row) MUST_USE;
enum err kv_prev(struct kv_cursor *c, struct kv_row *row) MUST_USE;
/* The first row at or above key; the last at or below it. */
enum err kv_at_or_above(struct kv_cursor *c, struct bytes key, struct kv_row *row) MUST_USE;
enum err kv_at_or_below(struct kv_cursor *c, struct bytes key, struct kv_row *row) MUST_USE;
/* Deletes the row that the cursor is on; kv_next then gives the one behind it. */
enum err kv_cursor_del(struct kv_cursor *c) MUST_USE;

uint64_t kv_bytes(const struct kv *db); /* of the data file */
bool kv_disk_space(const struct kv *db, uint64_t *free_bytes, uint64_t *total_bytes);

#endif
