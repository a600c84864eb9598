/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TX_BUILD_H
#define TALLY_TX_BUILD_H

#include "tx/engine.h"

/* Building the next ledger (rippled: BuildLedger.cpp): pure, so that it runs on a worker.
 *
 * consensus: the agreed set in canonical order (salt = root hash of the set), at most three passes,
 * the first two retriable, the last final; stops early when a pass changes nothing.
 * replay: the transactions in the given order (TransactionIndex) in one final pass; the caller
 * compares the resulting hash with the header it knows. */
struct ledger_build {
	/* in */
	const struct ledger *parent;
	struct tx **txs; /* signatures known good; not owned */
	size_t n;
	bool replay;
	struct hash256 salt;   /* consensus only */
	struct net_time close; /* already rounded and after the parent's */
	uint8_t close_resolution;
	bool close_agreed;
	uint32_t network_id;
	/* out */
	struct ledger *ledger; /* the caller's reference; NULL on failure */
	struct tx **applied;   /* in TransactionIndex order, borrowed from txs; caller frees
				  the array with mem_free */
	size_t n_applied;
	struct tx **failed; /* not in the ledger: candidates for a later one; an array
			       like `applied` */
	size_t n_failed;
	bool unavailable; /* a state node could not be loaded */
};
void ledger_build_run(struct ledger_build *b);

#endif
