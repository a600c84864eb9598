/* SPDX-License-Identifier: ISC */
#include "tests/tx/support.h"

#include "ledger/tx_set.h"

#include <stdlib.h>
#include <string.h>

/* The published chain: every hash of ledgers 1 to 5 comes out of its signed transactions. */

static json_t *chain;

static void expect_hash(const char *what, uint32_t seq, const json_t *o, const char *key,
			const struct hash256 *got)
{
	if (strcmp(text_of(o, key), hash256_hex(got).s) != 0)
		fail_msg("ledger %u: %s is %s, not %s", seq, what, hash256_hex(got).s,
			 text_of(o, key));
}

static void make_genesis(struct ledger **first, struct ledger **second)
{
	struct genesis g;

	genesis_default(&g, false);
	g.fees.base = drops_of(10);
	g.fees.reserve = drops_of(200 * DROPS_PER_XRP);
	g.fees.increment = drops_of(50 * DROPS_PER_XRP);
	assert_int_equal(genesis_build(&g, first, second, NULL), ERR_NONE);
	genesis_close(&g);
}

static void test_genesis(void **state)
{
	struct ledger *first, *second;
	const json_t *g;

	(void)state;
	if (!chain)
		return;
	make_genesis(&first, &second);
	g = json_object_get(chain, "genesis");
	expect_hash("state", 1, g, "account_hash", &first->header.state_hash);
	expect_hash("ledger", 1, g, "ledger_hash", &first->hash);
	g = json_object_get(chain, "ledger_2");
	expect_hash("state", 2, g, "account_hash", &second->header.state_hash);
	expect_hash("ledger", 2, g, "ledger_hash", &second->hash);
	ledger_unref(first);
	ledger_unref(second);
}

/* The metadata of each transaction, byte for byte. */
static void check_leaf(const struct ledger *l, const json_t *row, const struct tx *t)
{
	struct arena a = ARENA_INIT;
	struct bytes data, meta = unhex(&a, text_of(row, "meta_blob"));
	struct cursor c;
	size_t n;

	assert_string_equal(hash256_hex(&t->id).s, text_of(row, "hash"));
	assert_int_equal(tree_get(&l->txs, &t->id, &data), FOUND);
	c = cursor_of(data);
	assert_int_equal(st_decode_length(&c, &n), ERR_NONE);
	assert_true(bytes_eq(cursor_take(&c, n), t->blob));
	assert_int_equal(st_decode_length(&c, &n), ERR_NONE);
	data = cursor_take(&c, n);
	if (!bytes_eq(data, meta)) {
		char *hex = arena_alloc(&a, 2 * data.n + 1);

		hex_encode(hex, data.p, data.n);
		fail_msg("metadata of %s is\n%s, not\n%s", text_of(row, "hash"), hex,
			 text_of(row, "meta_blob"));
	}
	assert_int_equal(c.left, 0);
	arena_close(&a);
}

static struct tx **load_txs(const json_t *rows, size_t *n)
{
	struct arena a = ARENA_INIT;
	struct tx **txs;

	*n = json_array_size(rows);
	txs = mem_alloc(*n * sizeof(txs[0]));
	for (size_t i = 0; i < *n; i++) {
		struct bytes blob = unhex(&a, text_of(json_array_get(rows, i), "tx_blob"));

		assert_int_equal(tx_parse(&txs[i], blob, NULL), ERR_NONE);
		assert_int_equal(tx_check_signature(txs[i]), TX_SIG_GOOD);
	}
	arena_close(&a);
	return txs;
}

static struct hash256 set_id(struct tx **txs, size_t n)
{
	struct hash256 *ids = mem_alloc(n * sizeof(ids[0])), id;

	for (size_t i = 0; i < n; i++)
		ids[i] = txs[i]->id;
	qsort(ids, n, sizeof(ids[0]), hash256_qsort_cmp);
	tx_set_id(&id, ids, n);
	mem_free(ids);
	return id;
}

static struct ledger *build_next(const struct ledger *parent, const json_t *l, bool replay)
{
	const json_t *rows = json_object_get(l, "transactions");
	uint32_t seq = number_of(l, "ledger_index");
	struct ledger_build b = {.parent = parent,
				 .replay = replay,
				 .close = {number_of(l, "close_time")},
				 .close_resolution = (uint8_t)number_of(l, "close_time_resolution"),
				 .close_agreed = number_of(l, "close_flags") == 0};

	b.txs = load_txs(rows, &b.n);
	b.salt = set_id(b.txs, b.n);
	ledger_build_run(&b);
	assert_non_null(b.ledger);
	assert_false(b.unavailable);
	assert_int_equal(b.n_applied, b.n);
	assert_int_equal(b.n_failed, 0);
	for (size_t i = 0; i < b.n; i++)
		check_leaf(b.ledger, json_array_get(rows, i), b.txs[i]);
	expect_hash("parent", seq, l, "parent_hash", &b.ledger->header.parent);
	expect_hash("transactions", seq, l, "transaction_hash", &b.ledger->header.tx_hash);
	expect_hash("state", seq, l, "account_hash", &b.ledger->header.state_hash);
	expect_hash("ledger", seq, l, "ledger_hash", &b.ledger->hash);
	for (size_t i = 0; i < b.n; i++)
		tx_unref(b.txs[i]);
	mem_free(b.txs);
	mem_free(b.applied);
	mem_free(b.failed);
	return b.ledger;
}

static void run_chain(bool replay)
{
	const json_t *ledgers = json_object_get(chain, "ledgers");
	struct ledger *first, *tip;

	if (!chain)
		return;
	make_genesis(&first, &tip);
	assert_true(json_array_size(ledgers) == 3);
	for (size_t i = 0; i < json_array_size(ledgers); i++) {
		struct ledger *next = build_next(tip, json_array_get(ledgers, i), replay);
		struct hash256 h;

		/* The skip list knows the way back. */
		assert_int_equal(skip_list_hash(next, 1, &h), FOUND);
		assert_true(hash256_eq(&h, &first->hash));
		assert_int_equal(skip_list_hash(next, tip->header.seq, &h), FOUND);
		assert_true(hash256_eq(&h, &tip->hash));
		assert_int_equal(skip_list_hash(next, next->header.seq + 1, &h), ABSENT);
		ledger_unref(tip);
		tip = next;
	}
	ledger_unref(first);
	ledger_unref(tip);
}

static void test_consensus(void **state)
{
	(void)state;
	run_chain(false);
}

static void test_replay(void **state)
{
	(void)state;
	run_chain(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_genesis),
	    cmocka_unit_test(test_consensus),
	    cmocka_unit_test(test_replay),
	};
	int failed;

	if (crypto_init(NULL) != ERR_NONE)
		return 1;
	chain = vectors_load("golden-chain.json");
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	json_decref(chain);
	return failed;
}
