/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_LEDGER_DIRECTORY_SUPPORT_H
#define TALLY_TESTS_LEDGER_DIRECTORY_SUPPORT_H

#include "tests/codec/support.h"

#include "codec/format.h"
#include "ledger/directory.h"
#include "ledger/genesis.h"

/* The owner directory of somebody, and a pool of indexes to be put into it. */

static inline struct account_id owner_id(void)
{
	struct account_id id;

	memset(id.b, 0x21, sizeof(id.b));
	return id;
}

static inline struct keylet root_key(void)
{
	struct account_id id = owner_id();

	return keylet_owner_dir(&id);
}

/* Index i of the pool; the order of the pool is the order of the indexes. */
static inline struct hash256 index_of(unsigned i)
{
	struct hash256 h = {{0}};

	h.b[0] = (uint8_t)(i >> 8);
	h.b[1] = (uint8_t)i;
	h.b[31] = (uint8_t)(i * 7);
	return h;
}

static inline void describe_owner(struct st_object *page, const void *ctx)
{
	st_set_account(page, sfOwner, ctx);
}

#endif
