/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_SIM_MODEL_IMPL_H
#define TALLY_TESTS_SIM_MODEL_IMPL_H

#include "tests/sim/model.h"

/* Between the table (model.c) and the rules (model_rules.c). */

/* Marks the account as touched by this ledger; NULL: none. Pointers live until model_create. */
struct model_account *model_get(struct model *m, const struct account_id *id);
struct model_account *model_create(struct model *m, const struct account_id *id);
void model_burn(struct model *m, uint64_t drops);
uint64_t model_increment(const struct model *m);
void model_set_fees(struct model *m, uint64_t reserve, uint64_t increment);

/* Does one transaction; *result is what its metadata must say. NULL, or a property. */
const char *model_transaction(struct model *m, struct bytes tx, const struct hash256 *id,
			      uint8_t *result, struct why *why);
/* Metadata by itself: balances change by minus the fee in sum, and the fee is the stated one or
 * less. */
const char *model_metadata_sum(struct bytes tx, struct bytes meta, struct why *why);

#endif
