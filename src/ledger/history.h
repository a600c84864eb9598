/* SPDX-License-Identifier: ISC */
#ifndef TALLY_LEDGER_HISTORY_H
#define TALLY_LEDGER_HISTORY_H

#include "ledger/ledger.h"

/* What validated ledgers can be asked for, declared here, implemented by the store (and in memory
 * by tests). All answers come from committed, fully validated ledgers. Thread safe. Every function
 * returns ERR_NONE, ERR_ABSENT (no such thing), or an I/O error, which callers pass on: absence is
 * never made of an error. */
struct history_tx {
	struct hash256 id;
	uint32_t ledger_seq;
	uint32_t index;    /* TransactionIndex within the ledger */
	struct bytes blob; /* views into `store` given to the call */
	struct bytes meta;
};

struct history_range {
	uint32_t first, last; /* first 0: none */
};

/* A ledger without its state: what is kept of those that were filled in afterwards. */
struct history_ledger {
	struct ledger_header header;
	struct hash256 hash;
	struct tree txs; /* TREE_TX_META, hashed; its root is the header's tx_hash */
};

struct history {
	void *ctx;
	/* Header and hash of a ledger by sequence, or by hash. */
	enum err (*header)(void *ctx, uint32_t seq, struct ledger_header *out,
			   struct hash256 *hash);
	enum err (*seq_of_hash)(void *ctx, const struct hash256 *hash, uint32_t *seq);
	/* A whole ledger whose nodes load lazily; the caller's reference keeps it from being
	 * pruned. ERR_ABSENT when its state has been pruned or it was never held. */
	enum err (*ledger)(void *ctx, uint32_t seq, struct ledger **out);
	/* A transaction by id. Bytes are appended to `store`, views set into it. */
	enum err (*tx)(void *ctx, const struct hash256 *id, struct history_tx *out,
		       struct buf *store);
	/* Transactions of an account, oldest or newest first, within [min_seq, max_seq], starting
	 * at `from` (ledger seq, index; NULL: the end of the range), at most `limit`. Calls visit
	 * with views valid during the call; visit returns false to stop before that row (it will
	 * be in *next). *more says whether rows are left and *next where to go on. */
	enum err (*account_txs)(void *ctx, const struct account_id *account, uint32_t min_seq,
				uint32_t max_seq, bool forward, const uint32_t from[2],
				uint32_t limit,
				bool (*visit)(void *vctx, const struct history_tx *tx), void *vctx,
				bool *more, uint32_t next[2]);
	/* Ledgers that can be served in full (header, transactions, state). */
	struct history_range (*complete)(void *ctx);

	/* What follows may be NULL: then nothing is filled in.
	 *
	 * Ledgers whose header and transactions are here, one after the other: these can be
	 * searched. Ends where `complete` ends and begins with it or before it. */
	struct history_range (*searchable)(void *ctx);
	/* One of those, the caller closes the tree; ERR_ABSENT when it is not here. */
	enum err (*past)(void *ctx, uint32_t seq, struct history_ledger *out);
	/* The newest ledger before `searchable` that is wanted and not here, by the hash that the
	 * one after it names; *until is the oldest that is wanted. ERR_ABSENT: nothing is. */
	enum err (*lacks)(void *ctx, uint32_t *seq, struct hash256 *hash, uint32_t *until);

	/* The newest transactions of all ledgers after the first `skip`, at most `limit` (64),
	 * newest first. May be NULL. */
	enum err (*recent)(void *ctx, uint32_t skip, uint32_t limit,
			   void (*visit)(void *vctx, const struct history_tx *tx), void *vctx);
};

#endif
