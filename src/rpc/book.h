/* SPDX-License-Identifier: ISC */
#ifndef TALLY_RPC_BOOK_H
#define TALLY_RPC_BOOK_H

#include "codec/amount.h"
#include "rpc/call.h"

/* Order books: what book_offers, book_changes and the streams of the same names need. */

/* A book by what its takers pay and get. Of the amounts only the asset counts: kind, currency,
 * issuer or issuance. */
struct book {
	struct amount pays, gets;
	bool has_domain;
	struct hash256 domain;
};

/* Where the directories of a book begin: quality 0. */
struct hash256 book_root(const struct book *b);
/* What somebody holds of the asset that the amount is of, and could deliver: XRP beyond the
 * reserve, or what a line says, less than nothing included. Frozen money counts only when
 * `frozen_too`. */
struct amount book_funds(struct rpc_call *c, const struct account_id *holder,
			 const struct amount *asset, bool frozen_too);
/* Writes "key": [offers] out of c->ledger, best first, at most `limit`; taker NULL: nobody. False
 * after a fault. */
bool book_offers_write(struct rpc_call *c, const struct book *b, const struct account_id *taker,
		       uint32_t limit, const char *key);
/* Writes the members of book_changes for a closed ledger: type, validated, ledger_index,
 * ledger_hash, ledger_time, changes. False when its transactions could not be read. */
bool book_changes_write(struct jw *w, const struct ledger *l, bool validated);

#endif
