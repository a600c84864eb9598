/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TX_AUTHORITY_H
#define TALLY_TX_AUTHORITY_H

#include "tx/ops.h"

/* Who may sign for an account, by what the ledger says about it:
 *
 *   master key     the key of which the account's address is made, unless it is disabled
 *   regular key    the one that SetRegularKey has named
 *   signer list    accounts with weights that together reach a quorum; each of them signs with its
 *                  own master or regular key, never with a signer list of its own. An account that
 *                  does not exist yet signs with the key of its address.
 *
 * The ledger never lets the last of the three go. What tx_check_sign() (tx/ops.h) answers:
 *
 *   tefBAD_AUTH           signed by a key that is neither
 *   tefMASTER_DISABLED    the account's or a signer's disabled master key
 *   tefNOT_MULTI_SIGNING  signers, and no list
 *   tefBAD_SIGNATURE      a signer that is not in the list, or a key that is not his
 *   tefBAD_QUORUM         too little weight */

/* The account whose master key this is; false when it is no key. */
bool authority_of_key(struct account_id *out, struct bytes key);
/* Whether the transaction names the master key of its account as the one that signed it. */
bool tx_signed_with_master(const struct tx *t);

/* Removes the signer list of `owner`, if there is one, from the ledger and from what he owns;
 * `account` is his AccountRoot, peeked from r->view. Nobody asks here whether another way to sign
 * is left. tefBAD_LEDGER, tefEXCEPTION. */
enum ter signer_list_remove(struct tx_run *r, const struct account_id *owner,
			    struct st_object *account);

#endif
