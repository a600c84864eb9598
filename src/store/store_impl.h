/* SPDX-License-Identifier: ISC */
#ifndef TALLY_STORE_STORE_IMPL_H
#define TALLY_STORE_STORE_IMPL_H

#include "ledger/entry_drops.h"
#include "store/kv.h"
#include "store/rows.h"
#include "store/runs.h"
#include "store/store.h"

#include <pthread.h>

/* Shared by the store's own files:
 *
 *   store_open.c    folders, identity, schema, opening          store_read.c    look-ups
 *   store_ledgers.c whole ledgers, the check at start           store_prune.c   taking away
 *   store_commit.c  one ledger, one transaction                 store_verify.c  checking all
 *   store_scrub.c   the same in small portions             store_fill.c    older ledgers, later
 *   rows.c          what the tables hold, in bytes              kv.h            the tables
 *   runs.c          the two indexes, as sorted runs */

/* A ledger that was handed out, or may be again soon. The store holds one reference; while others
 * do, its state is not pruned. */
struct open_ledger {
	struct ledger *ledger;
	uint64_t used; /* when last handed out, counting */
};
#define OPEN_LEDGERS_IDLE_MAX 4

struct store {
	struct kv *db;
	int lock; /* of the folder, -1 = not held */
	char *folder;
	uint32_t history;
	bool read_only;
	struct node_source source;
	struct history interface;

	pthread_mutex_t mutex; /* guards what follows; never held while reading or writing rows */
	struct tip_row tip;    /* of the last commit; seq 0 = no ledger yet */
	uint32_t deletable;    /* pruning goes no further than this ledger */
	struct open_ledger *open;
	size_t open_n, open_cap;
	uint64_t open_clock;
};

struct tip_row store_tip(struct store *s);
void store_set_tip(struct store *s, const struct tip_row *tip);

/* Row access within one snapshot. Checks what it returns: a header against its hash, a transaction
 * against its CRC and, where the id is given, its id. ERR_CORRUPT when that fails. */
enum err store_get_header(struct kv_txn *txn, uint32_t seq, struct header_row *out) MUST_USE;
enum err store_get_tip(struct kv_txn *txn, struct tip_row *out) MUST_USE;
enum err store_put_tip(struct kv_txn *txn, const struct tip_row *tip) MUST_USE;
/* Views live as long as the snapshot. */
enum err store_get_tx(struct kv_txn *txn, uint32_t seq, uint32_t index, struct bytes *tx,
		      struct bytes *meta) MUST_USE;

/* The folder's identity as it is in the database. */
enum err store_get_identity(struct kv_txn *txn, struct identity_row *out) MUST_USE;
enum err store_put_identity(struct kv_txn *txn, const struct identity_row *id) MUST_USE;

void store_read_init(struct store *s);
/* history.lacks */
enum err store_lacks(void *ctx, uint32_t *seq, struct hash256 *hash, uint32_t *until) MUST_USE;
/* history.recent */
enum err store_recent(void *ctx, uint32_t skip, uint32_t limit,
		      void (*visit)(void *vctx, const struct history_tx *tx), void *vctx) MUST_USE;
enum err store_ledger_open(struct store *s, uint32_t seq, struct ledger **out) MUST_USE;
void store_ledgers_close(struct store *s);
/* The lowest sequence that someone outside holds open, UINT32_MAX for none; drops the others below
 * `keep`. Call with the mutex held. */
uint32_t store_lowest_open(struct store *s, uint32_t keep);

/* The transaction tree of a ledger, rebuilt from its rows, hashed. ERR_CORRUPT when it is not the
 * one the header names. */
enum err store_tx_tree(struct kv_txn *txn, const struct header_row *row, struct tree *out) MUST_USE;

/* store_commit.c */
enum err store_put_past(struct kv_txn *txn, struct store *s, const struct tip_row *tip,
			const struct history_ledger *past) MUST_USE;

/* store_verify.c */
/* One ledger's header, transactions and index rows, as the whole check sees them. *txs is raised by
 * its transactions. Below the floor nothing is checked. */
enum err store_verify_ledger(struct kv_txn *txn, uint32_t seq, uint64_t *txs,
			     struct why *why) MUST_USE;

/* "<what>: <words for e>", and returns e. */
enum err store_fail(struct why *why, enum err e, const char *what);

#endif
