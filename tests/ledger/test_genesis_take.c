/* SPDX-License-Identifier: ISC */
#include "tests/codec/support.h"

#include "base/limits.h"
#include "ledger/genesis.h"
#include "ledger/keylet.h"

#include <stdlib.h>
#include <string.h>

/* A genesis out of another network's state. */

static enum found look(const struct tree *state, struct keylet k, struct bytes *data)
{
	return tree_get(state, &k.key, data);
}

static enum err take_all(struct genesis *g, const struct tree *state, struct why *why)
{
	struct hash256 key, at, *after = NULL;
	enum err e = ERR_NONE;
	struct bytes data;

	while (e == ERR_NONE && tree_next(state, after, &key, &data) == FOUND) {
		e = genesis_take(g, &key, data, why);
		at = key;
		after = &at;
	}
	return e;
}

/* An entry with one field beside its type. */
static void put_own(struct tree *state, struct keylet k, uint16_t type)
{
	struct arena a = ARENA_INIT;
	struct buf b = BUF_INIT;
	struct st_object *o = st_new(&a);

	st_set_u(o, sfLedgerEntryType, type);
	st_set_u(o, sfFlags, 0);
	st_encode(&b, o, ST_ALL);
	assert_int_equal(tree_put(state, &k.key, buf_bytes(&b)), FOUND);
	buf_close(&b);
	arena_close(&a);
}

/* Ledger 2 of one network, which has a skip list, as ledger 1 of another: accounts, fees and
 * amendments are those of the old one; what is of its own chain is gone; through the text too. */
static void test_genesis_of_a_state(void **state)
{
	struct ledger *one[2], *two[2], *three[2], *none;
	struct genesis g, taken = {.network_id = 2000, .close_resolution = 20}, again;
	struct buf text = BUF_INIT;
	struct why why = {{0}};
	struct bytes data, was;
	struct ledger_fees fees;
	struct keylet k;
	struct tree old;

	(void)state;
	genesis_default(&g, true);
	g.fees.base = drops_of(17);
	assert_int_equal(genesis_build(&g, &one[0], &one[1], &why), ERR_NONE);
	tree_share(&old, &one[1]->state);
	put_own(&old, keylet_negative_unl(), ltNegativeUNL);
	assert_int_equal(look(&old, keylet_skip(), &data), FOUND);
	if (take_all(&taken, &old, &why) != ERR_NONE)
		fail_msg("%s", why.text);
	taken.total = g.total;
	taken.close_time.s = 800000000;
	assert_int_equal(taken.n_amendments, g.n_amendments);
	assert_int_equal(genesis_build(&taken, &two[0], &two[1], &why), ERR_NONE);
	assert_int_equal(two[0]->header.seq, 1);
	assert_int_equal(two[0]->header.close.s, 800000000);
	assert_int_equal(look(&two[0]->state, keylet_skip(), &data), ABSENT);
	assert_int_equal(look(&two[0]->state, keylet_negative_unl(), &data), ABSENT);
	assert_int_equal(ledger_fees_read(&two[0]->state, &fees), FOUND);
	assert_int_equal(fees.base.raw, 17);
	k = keylet_account(&g.accounts[0].id);
	assert_int_equal(tree_get(&two[0]->state, &k.key, &data), FOUND);
	assert_int_equal(tree_get(&one[0]->state, &k.key, &was), FOUND);
	assert_true(bytes_eq(data, was));
	assert_false(hash256_eq(&one[0]->hash, &two[0]->hash));
	genesis_print(&taken, &text);
	if (genesis_parse(&again, buf_bytes(&text), &why) != ERR_NONE)
		fail_msg("%s", why.text);
	assert_int_equal(genesis_build(&again, &three[0], &three[1], &why), ERR_NONE);
	assert_true(hash256_eq(&two[1]->hash, &three[1]->hash));
	again.total = drops_of(DROPS_MAX - 1); /* some were burnt: the entries must say so too */
	assert_int_equal(genesis_build(&again, &none, &none, &why), ERR_RANGE);
	for (int i = 0; i < 2; i++) {
		ledger_unref(one[i]);
		ledger_unref(two[i]);
		ledger_unref(three[i]);
	}
	tree_close(&old);
	buf_close(&text);
	genesis_close(&g);
	genesis_close(&taken);
	genesis_close(&again);
}

/* Order, junk, what a network keeps for itself, and an amendment that this build does not know. */
static void test_genesis_entries_refused(void **state)
{
	struct ledger *first, *second;
	struct genesis g, taken = {.network_id = 2000};
	struct why why = {{0}};
	struct hash256 key = {{7}};
	struct buf b = BUF_INIT;
	struct bytes data;
	struct keylet k;
	struct tree old;
	uint8_t *at;

	(void)state;
	genesis_default(&g, true);
	assert_int_equal(genesis_build(&g, &first, &second, &why), ERR_NONE);
	assert_int_equal(genesis_take(&taken, &key, bytes_str("junk"), &why), ERR_INVALID);
	assert_int_equal(genesis_take(&taken, &key, bytes_str(""), &why), ERR_INVALID);
	assert_int_equal(look(&first->state, keylet_fees(), &data), FOUND);
	assert_int_equal(genesis_add_entry(&taken, &key, data, &why), ERR_INVALID);
	assert_int_equal(look(&first->state, keylet_account(&g.accounts[0].id), &data), FOUND);
	assert_int_equal(genesis_add_entry(&taken, &key, data, &why), ERR_NONE);
	assert_int_equal(genesis_add_entry(&taken, &key, data, &why), ERR_ORDER);
	genesis_close(&taken);
	tree_share(&old, &first->state);
	assert_int_equal(look(&old, keylet_amendments(), &data), FOUND);
	buf_put(&b, data.p, data.n);
	at = memmem(b.p, b.n, g.amendments[0].b, sizeof(g.amendments[0].b));
	assert_non_null(at);
	*at ^= 1;
	k = keylet_amendments();
	assert_int_equal(tree_put(&old, &k.key, buf_bytes(&b)), FOUND);
	buf_close(&b);
	assert_int_equal(take_all(&taken, &old, &why), ERR_STATE);
	tree_close(&old);
	ledger_unref(first);
	ledger_unref(second);
	genesis_close(&g);
	genesis_close(&taken);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_genesis_of_a_state),
	    cmocka_unit_test(test_genesis_entries_refused),
	};

	if (crypto_init(NULL) != ERR_NONE)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
