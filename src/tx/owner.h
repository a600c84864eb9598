/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TX_OWNER_H
#define TALLY_TX_OWNER_H

#include "tx/ops.h"

/* What an account owns in the ledger, and what it must keep for that.
 *
 *     reserve = base reserve + increment x OwnerCount
 *
 * Each owned entry is named in the owner directory and counted in OwnerCount (a Ticket is one, a
 * SignerList is one since MultiSignReserve). The invariants hold both to each other. */

/* The reserve of an account that owns `owned` things; DROPS_MAX when it is beyond all XRP. */
struct drops reserve_of(const struct ledger_fees *fees, uint32_t owned);
/* The reserve if the account owned `more` things than it does. */
struct drops reserve_with(const struct tx_run *r, const struct st_object *account, uint32_t more);
/* Changes OwnerCount; it stays between 0 and 2^32 - 1. The caller says view_update(). */
void owner_count_add(struct st_object *account, int32_t by);

/* Adds an entry that is in r->view already to what `owner` owns: the owner directory, the entry's
 * OwnerNode, and `count` more in OwnerCount (0: the entry is not counted). `account` is the owner's
 * AccountRoot, peeked from r->view. tecDIR_FULL, tefBAD_LEDGER, tefEXCEPTION. */
enum ter owner_link(struct tx_run *r, const struct account_id *owner, struct st_object *account,
		    struct keylet entry, struct st_object *o, uint32_t count);
/* The way back: directory, OwnerCount, and the entry itself, peeked from r->view, is erased.
 * tefBAD_LEDGER when the directory does not name it. keep_root: as in directory_remove_owned()
 * (rippled: true for Ticket, false for SignerList and DepositPreauth). */
enum ter owner_unlink(struct tx_run *r, const struct account_id *owner, struct st_object *account,
		      struct keylet entry, const struct st_object *o, uint32_t count,
		      bool keep_root);

#endif
