/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_STORE_FIXTURE_H
#define TALLY_TESTS_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "chain.h"
#include "store/lmdb.h"

/* A store in a folder of its own, or in memory, and what is expected of it. */
extern char folder[128];
int make_folder(void **state);
int remove_folder(void **state);
int make_memory(void **state);
int remove_memory(void **state);
#define TEST(f)        cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)
#define TEST_MEMORY(f) cmocka_unit_test_setup_teardown(f, make_memory, remove_memory)

struct store *open_store(uint32_t history);
void commit(struct store *s, const struct ledger *l, const struct ledger *last);
/* The next ledger of the chain, committed. */
void advance(struct store *s, struct chain *c);
void start(struct store **s, struct chain *c, uint64_t seed, uint32_t accounts, uint32_t per_ledger,
	   uint32_t history);
void prune_all(struct store *s, uint32_t budget);
struct ledger *load_tip(struct store *s);

void expect_verified(struct store *s);
/* Every transaction of the chain from `first` on is found by its id. */
void expect_txs(struct store *s, const struct chain *c, uint32_t first);
/* A state equals another, entry by entry. */
void expect_same_state(const struct tree *a, const struct tree *b);
/* The store's ledger is the one in memory, by every way to it. */
void expect_ledger(struct store *s, const struct ledger *want);
void expect_nothing_beyond(struct store *s, uint32_t last);

#endif
