/* SPDX-License-Identifier: ISC */
#ifndef TALLY_STORE_RUNS_H
#define TALLY_STORE_RUNS_H

#include "store/kv.h"

/* The two indexes whose keys come by chance: transactions by id, transactions by account. Put into
 * a B-tree one by one, each such row would dirty a page of its own: 4 KiB written for 30 bytes. So
 * they are kept as sorted runs (a log-structured merge tree: O'Neil and others, 1996):
 *
 *   each commit appends one run of its own rows        level 0   ─ ─ ─
 *   RUN_FANOUT runs of a level are merged into one     level 1   ──── ────
 *   of the next                                        level 2   ──────────────── ───────────
 *                                                                older ◄──── ledgers ────► newer
 *
 * A run holds the rows of one stretch of ledgers. While history is filled in, old ledgers are added
 * beside new ones, and merging makes stretches that overlap; a row is in one run only. So an
 * account's history is read from several runs at once where they overlap, and a transaction is
 * looked for in one run after the other; there are at most RUN_FANOUT - 1 whole ones per level, and
 * a few that wait.
 *
 * A run is stored as blocks of rows, one page each, under (run, first row): a block has a CRC, so
 * these rows are checked when read. Merging is done beside the commits in small portions, lowest
 * level first; until a merge is complete its sources serve. Rows below the floor are left out by
 * merges; runs that are wholly below it are deleted. All of it happens within the caller's write
 * transaction, so a crash leaves the runs as they were before or after it. */

enum run_index {
	RUN_TX_IDS,   /* id 32, seq 4, index 4; the id is the key */
	RUN_ACCOUNTS, /* account 20, seq 4, index 4; all of it is the key */
	RUN_INDEXES,
};
#define RUN_ID_ROW      40
#define RUN_ACCOUNT_ROW 28
#define RUN_ROW_MAX     40

#define RUN_FANOUT     4
#define RUN_LEVELS_MAX 12 /* 16,777,216 runs of level 0 make one of level 12, which stays */
#define RUNS_MAX       160
#define RUNS_DEAD_MAX  160

struct run {
	uint32_t number; /* new runs have higher ones */
	uint8_t level;
	uint32_t first_seq, last_seq; /* ledgers */
};

/* A merge of the oldest RUN_FANOUT runs of a level, as far as it has come. */
struct run_merge {
	uint32_t target; /* number of the run it writes, 0 = no merge */
	uint8_t index;   /* enum run_index it is at */
	bool started;    /* `last` is the last key it has written of that index */
	uint8_t last[RUN_ROW_MAX];
};

/* All there is to know about them; one row of the meta table. */
struct runs {
	uint32_t next_number;
	uint32_t n;
	struct run run[RUNS_MAX]; /* in the order in which they were made; higher levels first */
	struct run_merge merge[RUN_LEVELS_MAX];
	uint32_t dead_n;
	uint32_t dead[RUNS_DEAD_MAX]; /* numbers of runs whose blocks are being deleted */
};

enum err runs_get(struct kv_txn *txn, struct runs *out) MUST_USE;
enum err runs_put(struct kv_txn *txn, const struct runs *r) MUST_USE;

/* Appends the run of ledger `seq`; rows sorted and without duplicates, both kinds whole rows. Adds
 * the number of blocks written to *blocks. */
enum err runs_add(struct kv_txn *txn, struct runs *r, uint32_t seq, struct bytes id_rows,
		  struct bytes account_rows, uint32_t *blocks) MUST_USE;
/* Merges and deletes, about `budget` blocks. */
enum err runs_work(struct kv_txn *txn, struct runs *r, uint32_t floor, uint32_t budget) MUST_USE;

/* Where a transaction is; ERR_ABSENT. */
enum err runs_find_tx(struct kv_txn *txn, const struct runs *r, const struct hash256 *id,
		      uint32_t *seq, uint32_t *index) MUST_USE;

/* Going through the rows of one run, in either direction. The cursor's row is a copy. */
struct run_cursor {
	struct kv_cursor *c;
	enum run_index index;
	uint32_t run;
	struct buf block; /* rows of the block it is in */
	size_t at;        /* offset of the row in it */
};
enum err run_open(struct run_cursor *rc, struct kv_txn *txn, enum run_index index) MUST_USE;
void run_close(struct run_cursor *rc);
/* The first row of the run whose key is not below `key`; or the last whose key is not above it.
 * ERR_ABSENT when there is none. */
enum err run_seek_up(struct run_cursor *rc, uint32_t run, const uint8_t *key) MUST_USE;
enum err run_seek_down(struct run_cursor *rc, uint32_t run, const uint8_t *key) MUST_USE;
enum err run_next(struct run_cursor *rc) MUST_USE;
enum err run_prev(struct run_cursor *rc) MUST_USE;
static inline const uint8_t *run_row(const struct run_cursor *rc)
{
	return rc->block.p + rc->at;
}

/* Checks order and ranges of everything in both tables and counts the rows of ledgers from `floor`
 * on, per index. ERR_CORRUPT with a reason. */
enum err runs_check(struct kv_txn *txn, const struct runs *r, uint32_t floor,
		    uint64_t rows[RUN_INDEXES], struct why *why) MUST_USE;

#endif
