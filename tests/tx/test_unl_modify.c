/* SPDX-License-Identifier: ISC */
#include "tests/tx/support.h"

#include "ledger/negative_unl.h"
#include "ledger/view.h"

#include <string.h>

/* UNLModify and the NegativeUNL entry, through the building of whole ledgers. */

/* Mainnet transaction 80CDD04A… of ledger 67,850,752. */
static const char golden_blob[] =
    "120066240000000026040B52006840000000000000007300701321EDB6FC8E803EE8EDC2793F1EC917B2EE41D35255"
    "618DEB91D3F9B1FC89B75D4539810000101101";
static const char golden_id[] = "80CDD04AC3C26F02C678881C546280C116648C9B116F87320B1CE68490F13907";

struct chain {
	struct ledger *tip;
	struct arena arena;
	enum ter last;
};

static void chain_open(struct chain *c, bool amendments)
{
	struct ledger *first;
	struct genesis g;

	*c = (struct chain){.arena = ARENA_INIT};
	genesis_default(&g, amendments);
	assert_int_equal(genesis_build(&g, &first, &c->tip, NULL), ERR_NONE);
	genesis_close(&g);
	ledger_unref(first);
}

static void chain_close(struct chain *c)
{
	ledger_unref(c->tip);
	arena_close(&c->arena);
}

/* One more ledger; how many of the transactions are in it. */
static size_t grow(struct chain *c, struct tx **txs, size_t n)
{
	struct ledger_build b = {
	    .parent = c->tip,
	    .txs = txs,
	    .n = n,
	    .close = {.s = c->tip->header.close.s + 10},
	    .close_resolution = 10,
	    .close_agreed = true,
	};
	size_t in;

	ledger_build_run(&b);
	assert_non_null(b.ledger);
	in = b.n_applied;
	mem_free(b.applied);
	mem_free(b.failed);
	ledger_unref(c->tip);
	c->tip = b.ledger;
	return in;
}

/* The next ledger is `seq`. */
static void grow_to(struct chain *c, uint32_t seq)
{
	while (c->tip->header.seq + 1 < seq)
		assert_int_equal(grow(c, NULL, 0), 0);
}

static struct public_key key_of(uint8_t i)
{
	struct public_key k = {{0xED, i}};

	return k;
}

static struct tx *modify(struct chain *c, uint32_t seq, unsigned how, struct bytes key)
{
	struct st_object *o = st_new(&c->arena);

	st_set_u(o, sfTransactionType, ttUNLModify);
	st_set_raw(o, sfAccount, bytes_of(NULL, 0));
	st_set_u(o, sfSequence, 0);
	st_set_drops(o, sfFee, drops_of(0));
	st_set_raw(o, sfSigningPubKey, bytes_of(NULL, 0));
	st_set_u(o, sfUNLModifyDisabling, how);
	st_set_u(o, sfLedgerSequence, seq);
	st_set_raw(o, sfUNLModifyValidator, key);
	return trusted(o);
}

/* Whether the next ledger takes it. */
static bool takes(struct chain *c, uint32_t seq, unsigned how, uint8_t who)
{
	struct public_key k = key_of(who);
	struct tx *t = modify(c, seq, how, bytes_of(k.b, sizeof(k.b)));
	struct tx *one[1] = {t};
	bool in = grow(c, one, 1) == 1;

	tx_unref(t);
	return in;
}

static struct negative_unl now(struct chain *c)
{
	struct negative_unl n;

	assert_int_equal(negative_unl_read(&c->tip->state, &n), FOUND);
	return n;
}

static void test_golden(void **state)
{
	struct arena a = ARENA_INIT;
	struct chain c;
	struct bytes blob = unhex(&a, golden_blob), key;
	struct tx *t, *same;

	(void)state;
	chain_open(&c, true);
	assert_int_equal(tx_parse(&t, blob, NULL), ERR_NONE);
	assert_string_equal(hash256_hex(&t->id).s, golden_id);
	assert_true(t->pseudo);
	assert_true(st_get_raw(t->fields, sfUNLModifyValidator, &key));
	same = modify(&c, 67850752, 1, key);
	assert_true(hash256_eq(&t->id, &same->id));
	assert_true(ledger_is_flag(67850752));
	tx_unref(t);
	tx_unref(same);
	chain_close(&c);
	arena_close(&a);
}

/* Noted in one flag ledger, counted from the next, for as long as nobody takes it back. */
static void test_life(void **state)
{
	struct public_key one = key_of(1), two = key_of(2);
	struct negative_unl n;
	struct chain c;

	(void)state;
	chain_open(&c, true);
	grow_to(&c, 256);
	n = now(&c);
	assert_true(!n.n && !n.disabling && !n.enabling);
	assert_true(takes(&c, 256, 1, 1));
	n = now(&c);
	assert_true(n.n == 0 && n.disabling && !public_key_cmp(&n.to_disable, &one));
	grow_to(&c, 512);
	assert_true(now(&c).disabling);
	assert_true(takes(&c, 512, 1, 2)); /* one has become a member before */
	n = now(&c);
	assert_true(n.n == 1 && n.since[0] == 512 && negative_unl_has(&n, &one));
	assert_true(n.disabling && !public_key_cmp(&n.to_disable, &two));
	grow_to(&c, 768);
	assert_true(takes(&c, 768, 0, 1));
	n = now(&c);
	assert_true(n.n == 2 && n.since[1] == 768 && n.enabling && !n.disabling);
	assert_true(negative_unl_has(&n, &one) && negative_unl_has(&n, &two));
	grow_to(&c, 1024);
	assert_true(takes(&c, 1024, 0, 2));
	n = now(&c);
	assert_true(n.n == 1 && negative_unl_has(&n, &two) && !negative_unl_has(&n, &one));
	grow_to(&c, 1281); /* nothing is left, and so no entry */
	n = now(&c);
	assert_true(!n.n && !n.enabling);
	{
		struct hash256 key = keylet_negative_unl().key;
		struct bytes data;

		assert_int_equal(tree_get(&c.tip->state, &key, &data), ABSENT);
	}
	chain_close(&c);
}

static void test_refused(void **state)
{
	struct public_key one = key_of(1), bad = {{0x05, 1}};
	struct tx *txs[6];
	struct chain c;

	(void)state;
	chain_open(&c, true);
	assert_false(takes(&c, c.tip->header.seq + 1, 1, 1)); /* no flag ledger */
	grow_to(&c, 256);
	txs[0] = modify(&c, 512, 1, bytes_of(one.b, 33)); /* another ledger's */
	txs[1] = modify(&c, 256, 2, bytes_of(one.b, 33)); /* neither on nor off */
	txs[2] = modify(&c, 256, 1, bytes_of(bad.b, 33)); /* no key */
	txs[3] = modify(&c, 256, 1, bytes_of(one.b, 32)); /* short */
	txs[4] = modify(&c, 256, 0, bytes_of(one.b, 33)); /* not disabled */
	txs[5] = modify(&c, 256, 1, bytes_of(one.b, 0));
	assert_int_equal(grow(&c, txs, 6), 0);
	for (int i = 0; i < 6; i++)
		tx_unref(txs[i]);
	chain_close(&c);
}

/* One note of each kind in a ledger, never both about the same one. */
static void test_pairs(void **state)
{
	struct public_key k[4] = {key_of(0), key_of(1), key_of(2), key_of(3)};
	struct tx *txs[4];
	struct chain c;
	struct negative_unl n;

	(void)state;
	chain_open(&c, true);
	grow_to(&c, 256);
	txs[0] = modify(&c, 256, 1, bytes_of(k[1].b, 33));
	txs[1] = modify(&c, 256, 1, bytes_of(k[2].b, 33));
	assert_int_equal(grow(&c, txs, 2), 1);
	tx_unref(txs[0]);
	tx_unref(txs[1]);
	n = now(&c);
	grow_to(&c, 512);
	txs[0] = modify(&c, 512, 1, bytes_of(n.to_disable.b, 33)); /* is disabled now */
	txs[1] = modify(&c, 512, 0, bytes_of(n.to_disable.b, 33));
	txs[2] = modify(&c, 512, 1, bytes_of(k[3].b, 33));
	txs[3] = modify(&c, 512, 0, bytes_of(k[3].b, 33));
	assert_int_equal(grow(&c, txs, 4), 2);
	for (int i = 0; i < 4; i++)
		tx_unref(txs[i]);
	n = now(&c);
	assert_true(n.disabling && n.enabling && n.n == 1);
	assert_int_equal(public_key_cmp(&n.to_enable, &n.disabled[0]), 0);
	assert_int_equal(public_key_cmp(&n.to_disable, &k[3]), 0);
	chain_close(&c);
}

/* It was an amendment once; now it is always there. */
static void test_amendment(void **state)
{
	struct chain c;

	(void)state;
	chain_open(&c, false);
	grow_to(&c, 256);
	assert_true(takes(&c, 256, 1, 1));
	chain_close(&c);
}

/* The metadata: made, then modified with the thread of PreviousTxnID. */
static void test_metadata(void **state)
{
	struct public_key one = key_of(1), two = key_of(2);
	struct hash256 previous;
	const struct st_object *node, *fields;
	struct st_object *meta;
	struct bytes data;
	struct cursor cur;
	struct tx *a, *b;
	struct chain c;
	size_t n;

	(void)state;
	chain_open(&c, true);
	grow_to(&c, 256);
	a = modify(&c, 256, 1, bytes_of(one.b, 33));
	assert_int_equal(grow(&c, &a, 1), 1);
	grow_to(&c, 512);
	b = modify(&c, 512, 1, bytes_of(two.b, 33));
	assert_int_equal(grow(&c, &b, 1), 1);
	assert_int_equal(tree_get(&c.tip->txs, &b->id, &data), FOUND);
	cur = cursor_of(data);
	assert_int_equal(st_decode_length(&cur, &n), ERR_NONE);
	(void)cursor_take(&cur, n);
	assert_int_equal(st_decode_length(&cur, &n), ERR_NONE);
	assert_int_equal(st_decode(&meta, &c.arena, cursor_take(&cur, n), NULL), ERR_NONE);
	assert_int_equal(st_get_array(meta, sfAffectedNodes)->n, 1);
	assert_int_equal(st_get_array(meta, sfAffectedNodes)->e[0].field, sfModifiedNode);
	node = st_get_array(meta, sfAffectedNodes)->e[0].object;
	assert_true(st_get_hash256(node, sfPreviousTxnID, &previous));
	assert_true(hash256_eq(&previous, &a->id));
	fields = st_get_object(node, sfFinalFields);
	assert_true(st_has(fields, sfValidatorToDisable));
	/* `one` was moved by the ledger, before: no part of the transaction's change */
	assert_int_equal(st_get_array(fields, sfDisabledValidators)->n, 1);
	assert_int_equal(st_get_object(node, sfPreviousFields)->n, 0);
	tx_unref(a);
	tx_unref(b);
	chain_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_golden),    cmocka_unit_test(test_life),
	    cmocka_unit_test(test_refused),   cmocka_unit_test(test_pairs),
	    cmocka_unit_test(test_amendment), cmocka_unit_test(test_metadata),
	};

	if (crypto_init(NULL) != ERR_NONE)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
