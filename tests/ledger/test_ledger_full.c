/* SPDX-License-Identifier: ISC */
#include "codec/json.h"
#include "crypto/base58.h"
#include "crypto/hash.h"
#include "ledger/affected.h"
#include "ledger/header.h"
#include "ledger/tree.h"
#include "tests/codec/support.h"

#include <stdio.h>
#include <stdlib.h>

/* A whole public ledger of 2013: state, transactions and header give the published hashes. */

static json_t *ledger;

static const char *text(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	assert_non_null(s);
	return s;
}

static struct hash256 hash_in(const json_t *o, const char *name)
{
	struct hash256 h;

	assert_true(hex_decode(h.b, 32, text(o, name), strlen(text(o, name))));
	return h;
}

/* Takes a member out, which the codec would not know. */
static struct hash256 take_hash(json_t *o, const char *name)
{
	struct hash256 h = hash_in(o, name);

	json_object_del(o, name);
	return h;
}

static struct bytes encode(struct arena *a, const json_t *o)
{
	struct st_object *st;
	struct why why = {""};

	if (st_from_json(&st, a, o, &why) != ERR_NONE)
		fail_msg("%s", why.text);
	return encoded(a, st, ST_ALL);
}

static void state_gives_the_account_hash(void **state)
{
	struct hash256 want = hash_in(ledger, "account_hash"), got;
	json_t *entries = json_deep_copy(json_object_get(ledger, "accountState"));
	struct arena a = ARENA_INIT;
	struct tree t;
	struct why why = {""};
	uint64_t n;

	(void)state;
	tree_init_empty(&t, TREE_STATE, NULL);
	for (size_t i = 0; i < json_array_size(entries); i++) {
		json_t *entry = json_array_get(entries, i);
		struct hash256 key = take_hash(entry, "index");

		assert_int_equal(tree_put(&t, &key, encode(&a, entry)), FOUND);
	}
	got = tree_hash(&t);
	assert_string_equal(hash256_hex(&got).s, hash256_hex(&want).s);
	assert_int_equal(tree_count(&t, &n), FOUND);
	assert_int_equal(n, json_array_size(entries));
	assert_true(tree_check(&t, &why));
	tree_close(&t);
	arena_close(&a);
	json_decref(entries);
}

static void transactions_give_the_transaction_hash(void **state)
{
	struct hash256 want = hash_in(ledger, "transaction_hash"), got;
	json_t *list = json_deep_copy(json_object_get(ledger, "transactions"));
	struct arena a = ARENA_INIT;
	struct tree t;

	(void)state;
	tree_init_empty(&t, TREE_TX_META, NULL);
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *tx = json_array_get(list, i);
		struct hash256 id = take_hash(tx, "hash"), computed;
		struct bytes meta = encode(&a, json_object_get(tx, "metaData")), blob, x, y;
		struct buf leaf = BUF_INIT;

		json_object_del(tx, "metaData");
		blob = encode(&a, tx);
		tree_leaf_hash(&computed, TREE_TX_SET, &id, blob);
		assert_string_equal(hash256_hex(&computed).s, hash256_hex(&id).s);
		tx_leaf_join(&leaf, blob, meta);
		assert_int_equal(tx_leaf_split(buf_bytes(&leaf), &x, &y), ERR_NONE);
		assert_true(bytes_eq(x, blob) && bytes_eq(y, meta));
		assert_int_equal(tree_put(&t, &id, buf_bytes(&leaf)), FOUND);
		buf_close(&leaf);
	}
	got = tree_hash(&t);
	assert_string_equal(hash256_hex(&got).s, hash256_hex(&want).s);
	tree_close(&t);
	arena_close(&a);
	json_decref(list);
}

static void header_gives_the_ledger_hash(void **state)
{
	struct ledger_header h = {
	    .seq = (uint32_t)strtoul(text(ledger, "ledger_index"), NULL, 10),
	    .drops = drops_of(strtoull(text(ledger, "total_coins"), NULL, 10)),
	    .parent = hash_in(ledger, "parent_hash"),
	    .tx_hash = hash_in(ledger, "transaction_hash"),
	    .state_hash = hash_in(ledger, "account_hash"),
	};
	struct hash256 want = hash_in(ledger, "ledger_hash"), got;

	(void)state;
	h.parent_close.s = (uint32_t)json_integer_value(
	    json_object_get(ledger, "parent_close_time"));
	h.close.s = (uint32_t)json_integer_value(json_object_get(ledger, "close_time"));
	h.close_resolution = (uint8_t)json_integer_value(
	    json_object_get(ledger, "close_time_resolution"));
	h.close_flags = (uint8_t)json_integer_value(json_object_get(ledger, "close_flags"));
	ledger_header_hash(&got, &h);
	assert_string_equal(hash256_hex(&got).s, hash256_hex(&want).s);
}

/* Both ends of the payment, and nobody else, though one is only in NewFields. */
static void payment_affects_both_accounts(void **state)
{
	json_t *tx = json_array_get(json_object_get(ledger, "transactions"), 0);
	struct account_id *accounts, want[2];
	struct arena a = ARENA_INIT;
	struct st_object *meta;
	struct why why;

	(void)state;
	assert_int_equal(st_from_json(&meta, &a, json_object_get(tx, "metaData"), &why), ERR_NONE);
	assert_int_equal(affected_accounts(meta, &a, &accounts), 2);
	assert_int_equal(account_parse(&want[0], text(tx, "Account")), ERR_NONE);
	assert_int_equal(account_parse(&want[1], text(tx, "Destination")), ERR_NONE);
	for (int i = 0; i < 2; i++)
		assert_true(account_eq(&accounts[0], &want[i]) ||
			    account_eq(&accounts[1], &want[i]));
	assert_true(account_cmp(&accounts[0], &accounts[1]) < 0);
	arena_close(&a);
}

static void trust_lines_and_offers_affect_their_issuers(void **state)
{
	struct arena a = ARENA_INIT;
	struct st_object *meta = from_text(
	    &a, "{'TransactionIndex': 0, 'TransactionResult': 'tesSUCCESS', 'AffectedNodes': ["
		"{'ModifiedNode': {'LedgerEntryType': 'RippleState', 'FinalFields': {"
		"'Balance': {'currency': 'USD', 'issuer': 'rrrrrrrrrrrrrrrrrrrrBZbvji', "
		"'value': '1'},"
		"'LowLimit': {'currency': 'USD', 'issuer': "
		"'rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh', 'value': '0'},"
		"'HighLimit': {'currency': 'USD', 'issuer': "
		"'rBKPS4oLSaV2KVVuHH8EpQqMGgGefGFQs7', 'value': '0'}}}},"
		"{'CreatedNode': {'LedgerEntryType': 'Offer', 'NewFields': {"
		"'Account': 'rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh',"
		"'TakerPays': {'currency': 'EUR', 'issuer': "
		"'rLQBHVhFnaC5gLEkgr6HgBJJ3bgeZHg9cj', 'value': '5'},"
		"'TakerGets': '10'}}},"
		"{'DeletedNode': {'LedgerEntryType': 'AccountRoot', 'PreviousFields': {"
		"'Account': 'r3kmLJN5D28dHuH8vZNUZpMC43pEHpaocV'}}}]}");
	struct account_id *accounts;

	(void)state;
	/* Of the balance not even the issuer counts, of previous fields nothing. */
	assert_int_equal(affected_accounts(meta, &a, &accounts), 3);
	arena_close(&a);
}

static void damaged_leaves_are_refused(void **state)
{
	struct buf leaf = BUF_INIT;
	struct bytes tx, meta;

	(void)state;
	tx_leaf_join(&leaf, bytes_str("transaction"), bytes_str("metadata"));
	for (size_t n = 0; n < leaf.n; n++)
		assert_int_not_equal(tx_leaf_split(bytes_of(leaf.p, n), &tx, &meta), ERR_NONE);
	buf_put_u8(&leaf, 0);
	assert_int_equal(tx_leaf_split(buf_bytes(&leaf), &tx, &meta), ERR_TRAILING);
	buf_close(&leaf);
}

static int load(void **state)
{
	(void)state;
	ledger = vectors_load("ledger-full-38129.json");
	if (!ledger)
		exit(0); /* after its note */
	return 0;
}

static int unload(void **state)
{
	(void)state;
	json_decref(ledger);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(state_gives_the_account_hash),
	    cmocka_unit_test(transactions_give_the_transaction_hash),
	    cmocka_unit_test(header_gives_the_ledger_hash),
	    cmocka_unit_test(payment_affects_both_accounts),
	    cmocka_unit_test(trust_lines_and_offers_affect_their_issuers),
	    cmocka_unit_test(damaged_leaves_are_refused),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
