/* SPDX-License-Identifier: ISC */
#include "tests/tx/failing.h"
#include "tests/tx/support.h"

#include <stdlib.h>
#include <string.h>

/* Ledgers out of sets of transactions: order, passes, replay; and what happens when the state
 * cannot be read. */

static struct ledger_build build_on(const struct ledger *parent, struct tx **txs, size_t n,
				    uint8_t salt)
{
	return (struct ledger_build){.parent = parent,
				     .txs = txs,
				     .n = n,
				     .salt = {{salt}},
				     .close = {parent->header.close.s + 10},
				     .close_resolution = 10,
				     .close_agreed = true};
}

static void drop_build(struct ledger_build *b)
{
	ledger_unref(b->ledger);
	mem_free(b->applied);
	mem_free(b->failed);
}

/* The same transactions in the order found must give the same ledger in one pass. */
static void expect_replay(const struct ledger_build *b)
{
	struct ledger_build again = build_on(b->parent, b->applied, b->n_applied, 0);

	again.replay = true;
	ledger_build_run(&again);
	assert_int_equal(again.n_applied, b->n_applied);
	assert_int_equal(again.n_failed, 0);
	assert_true(hash256_eq(&again.ledger->hash, &b->ledger->hash));
	drop_build(&again);
}

static uint64_t balance_in(const struct ledger *l, const char *name)
{
	struct person p = person(name);
	struct keylet k = keylet_account(&p.id);
	struct drops d = drops_of(0);
	struct arena a = ARENA_INIT;
	struct st_object *o;
	struct bytes data;

	if (tree_get(&l->state, &k.key, &data) == FOUND) {
		assert_int_equal(st_decode(&o, &a, data, NULL), ERR_NONE);
		assert_true(st_get_drops(o, sfBalance, &d));
	}
	arena_close(&a);
	return d.raw;
}

/* Order of accounts under a salt, sequences ascending, then tickets. */
static void test_canonical_order(void **state)
{
	struct hash256 zero = {{0}}, ones;
	struct tx *txs[6];
	struct st_object *o;
	struct world w;
	int low;

	(void)state;
	world_open(&w, NULL);
	memset(ones.b, 0xFF, sizeof(ones.b));
	txs[0] = trusted_as("alice", payment(&w, "alice", 3, "bob", 1));
	txs[1] = trusted_as("alice", payment(&w, "alice", 1, "bob", 1));
	o = payment(&w, "alice", 0, "bob", 1);
	st_set_u(o, sfTicketSequence, 1);
	txs[2] = trusted_as("alice", o);
	txs[3] = trusted_as("bob", payment(&w, "bob", 2, "alice", 1));
	txs[4] = trusted_as("bob", payment(&w, "bob", 2, "alice", 2));
	txs[5] = trusted_as("alice", payment(&w, "alice", 2, "bob", 1));
	for (int i = 0; i < 2; i++) {
		struct account_id alice = person("alice").id, bob = person("bob").id;
		size_t at;

		tx_sort_canonical(txs, 6, i ? &ones : &zero);
		low = account_cmp(&alice, &bob) < 0;
		at = (low != 0) == (i == 0) ? 0 : 2;
		assert_true(account_eq(&txs[at]->account, &alice));
		for (uint32_t s = 0; s < 3; s++)
			assert_int_equal(txs[at + s]->seq, s + 1);
		assert_true(txs[at + 3]->has_ticket);
		at = at ? 0 : 4;
		assert_true(hash256_cmp(&txs[at]->id, &txs[at + 1]->id) < 0);
	}
	for (int i = 0; i < 6; i++)
		tx_unref(txs[i]);
	world_close(&w);
}

/* A payment out of what another transaction of the set brings: applied whichever comes first. */
static void test_funded_in_the_set(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL);
	for (unsigned salt = 0; salt < 256; salt += 17) {
		struct tx *txs[3];
		struct ledger_build b = build_on(w.base, txs, 3, (uint8_t)salt);

		/* dave does not exist: alice makes him, he pays erin into existence. */
		txs[0] = trusted_as("alice", payment(&w, "alice", 1, "dave", 50 * DROPS_PER_XRP));
		txs[1] = trusted_as("dave",
				    payment(&w, "dave", w.info.seq, "erin", 20 * DROPS_PER_XRP));
		txs[2] = trusted_as("bob", payment(&w, "bob", 1, "dave", 1));
		ledger_build_run(&b);
		assert_int_equal(b.n_applied, 3);
		assert_int_equal(balance_in(b.ledger, "dave"), 30 * DROPS_PER_XRP - 10 + 1);
		assert_int_equal(balance_in(b.ledger, "erin"), 20 * DROPS_PER_XRP);
		assert_int_equal(b.ledger->header.drops.raw, DROPS_MAX - 30);
		expect_replay(&b);
		drop_build(&b);
		for (int i = 0; i < 3; i++)
			tx_unref(txs[i]);
	}
	world_close(&w);
}

/* What stays bad through all passes claims its fee in the last; what cannot be in this ledger is
 * handed back. */
static void test_left_over(void **state)
{
	struct tx *txs[4];
	struct ledger_build b;
	struct world w;

	(void)state;
	world_open(&w, NULL);
	txs[0] = trusted_as("alice", payment(&w, "alice", 1, "dave", 1));  /* too little: tec */
	txs[1] = trusted_as("bob", payment(&w, "bob", 5, "alice", 1));     /* future: ter */
	txs[2] = trusted_as("carol", payment(&w, "carol", 0, "alice", 1)); /* past: tef */
	txs[3] = trusted_as("zoe", payment(&w, "zoe", 1, "alice", 1));     /* nobody: ter */
	b = build_on(w.base, txs, 4, 0);
	ledger_build_run(&b);
	assert_int_equal(b.n_applied, 1);
	assert_ptr_equal(b.applied[0], txs[0]);
	assert_int_equal(b.n_failed, 3);
	assert_int_equal(balance_in(b.ledger, "alice"), 1000 * DROPS_PER_XRP - 10);
	expect_replay(&b);
	drop_build(&b);
	for (int i = 0; i < 4; i++)
		tx_unref(txs[i]);
	world_close(&w);
}

/* A tec in the first pass becomes a success in the second. */
static void test_retry_wins(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL);
	for (unsigned salt = 0; salt < 256; salt += 51) {
		struct tx *txs[2];
		struct ledger_build b = build_on(w.base, txs, 2, (uint8_t)salt);

		/* alice has 1,000; she can send 1,500 only after bob has sent her 900. */
		txs[0] = trusted_as("alice",
				    payment(&w, "alice", 1, "carol", 1500 * DROPS_PER_XRP));
		txs[1] = trusted_as("bob", payment(&w, "bob", 1, "alice", 900 * DROPS_PER_XRP));
		ledger_build_run(&b);
		assert_int_equal(b.n_applied, 2);
		assert_int_equal(balance_in(b.ledger, "carol"), 2500 * DROPS_PER_XRP);
		assert_ptr_equal(b.applied[0], txs[1]);
		expect_replay(&b);
		drop_build(&b);
		tx_unref(txs[0]);
		tx_unref(txs[1]);
	}
	world_close(&w);
}

static void test_empty_and_header(void **state)
{
	struct ledger_build b;
	struct world w;

	(void)state;
	world_open(&w, NULL);
	b = build_on(w.base, NULL, 0, 0);
	b.close_agreed = false;
	b.close_resolution = 20;
	ledger_build_run(&b);
	assert_non_null(b.ledger);
	assert_int_equal(b.ledger->header.seq, 3);
	assert_int_equal(b.ledger->header.close_flags, LEDGER_FLAG_NO_CLOSE_TIME);
	assert_int_equal(b.ledger->header.close_resolution, 20);
	assert_true(hash256_eq(&b.ledger->header.parent, &w.base->hash));
	assert_true(hash256_is_zero(&b.ledger->header.tx_hash));
	drop_build(&b);
	world_close(&w);
}

/* The parent ledger with its state in a store, nothing loaded. */
static struct ledger stored(const struct ledger *l, struct failing_store *s, uint64_t fail_at)
{
	struct ledger out;

	memset(&out, 0, sizeof(out));
	out.header = l->header;
	out.hash = l->hash;
	failing_tree(s, fail_at, &out.state);
	tree_init_empty(&out.txs, TREE_TX_META, NULL);
	return out;
}

static struct st_object *tickets(struct world *w, uint32_t seq, uint32_t n)
{
	struct st_object *o = account_set(w, "alice", seq);

	st_set_u(o, sfTransactionType, ttTicketCreate);
	st_set_u(o, sfTicketCount, n);
	return o;
}

static struct st_object *any_tx(struct world *w, int which)
{
	struct person bob = person("bob");
	struct st_object *o;

	switch (which) {
	case 0:
		return payment(w, "alice", 1, "bob", 1);
	case 1:
		return payment(w, "alice", 1, "dave", 50 * DROPS_PER_XRP);
	case 2:
		return payment(w, "alice", 1, "dave", 1);
	case 3:
		o = account_set(w, "alice", 1);
		st_set_u(o, sfSetFlag, asfRequireAuth);
		return o;
	case 4:
		o = account_set(w, "alice", 1);
		st_set_u(o, sfSetFlag, asfDisableMaster);
		return o;
	case 5: /* alice has the tickets 2 to 41 */
		o = account_set(w, "alice", 0);
		st_set_u(o, sfTicketSequence, 20);
		return o;
	case 6:
		return tickets(w, 42, 3);
	default:
		o = account_set(w, "alice", 42);
		st_set_u(o, sfTransactionType, ttAccountDelete);
		st_set_account(o, sfDestination, &bob.id);
		st_set_drops(o, sfFee, drops_of(2 * DROPS_PER_XRP));
		return o;
	}
}

/* Applies one transaction to a view over the store; every load may be the one that fails. */
static void inject_into_apply(struct world *w, struct failing_store *s, int which)
{
	uint64_t loads = 1;

	for (uint64_t fail = 0; fail <= loads; fail++) {
		struct tx *t = signed_by("alice", any_tx(w, which));
		struct ledger l = stored(w->base, s, fail);
		struct view *v = view_open_tree(&l.state, &w->info);
		struct tx_outcome out;

		out = tx_apply(v, t, 0, 0, &w->arena);
		if (fail == 0) {
			loads = s->loads;
			assert_true(loads >= 2);
			assert_false(view_failed(v));
			assert_int_not_equal(out.result, tefEXCEPTION);
			assert_true(which < 5 || out.result == tesSUCCESS);
		} else {
			assert_int_equal(out.result, tefEXCEPTION);
			assert_false(out.applied);
			assert_true(view_failed(v));
			assert_int_equal(view_count_changes(v), 0);
			assert_int_equal(view_burned(v).raw, 0);
		}
		tx_unref(t);
		view_close(v);
		tree_close(&l.state);
		tree_close(&l.txs);
	}
}

static void test_unavailable(void **state)
{
	struct failing_store *s;
	struct world w;

	(void)state;
	world_open(&w, NULL);
	s = failing_open(&w.base->state);
	for (int which = 0; which < 5; which++)
		inject_into_apply(&w, s, which);
	world_close(&w);
	failing_close(s);
}

/* The same where directories are read: alice has tickets, on two pages. */
static void test_unavailable_directories(void **state)
{
	struct failing_store *s;
	struct ledger_build b;
	struct world w;
	struct tx *t;

	(void)state;
	world_open(&w, NULL);
	t = trusted_as("alice", tickets(&w, 1, 40));
	b = build_on(w.base, &t, 1, 0);
	ledger_build_run(&b);
	assert_int_equal(b.n_applied, 1);
	ledger_unref(w.base);
	w.base = ledger_ref(b.ledger);
	w.info.seq = 400;
	s = failing_open(&w.base->state);
	for (int which = 5; which < 8; which++)
		inject_into_apply(&w, s, which);
	drop_build(&b);
	tx_unref(t);
	world_close(&w);
	failing_close(s);
}

/* The same for a whole ledger: no ledger comes out, and the parent is as good as before. */
static void test_unavailable_build(void **state)
{
	struct failing_store *s;
	struct hash256 good = HASH256_ZERO;
	uint64_t loads = 1;
	struct tx *txs[2];
	struct world w;

	(void)state;
	world_open(&w, NULL);
	s = failing_open(&w.base->state);
	txs[0] = trusted_as("alice", payment(&w, "alice", 1, "dave", 50 * DROPS_PER_XRP));
	txs[1] = trusted_as("bob", payment(&w, "bob", 1, "carol", 1));
	for (uint64_t fail = 0; fail <= loads; fail++) {
		struct ledger l = stored(w.base, s, fail);
		struct ledger_build b = build_on(&l, txs, 2, 0);

		ledger_build_run(&b);
		if (fail == 0) {
			assert_non_null(b.ledger);
			loads = s->loads;
			good = b.ledger->hash;
			drop_build(&b);
		} else {
			assert_null(b.ledger);
			assert_null(b.applied);
			assert_null(b.failed);
			assert_true(b.unavailable);
		}
		s->fail_at = 0;
		ledger_build_run(&b);
		assert_true(hash256_eq(&b.ledger->hash, &good));
		drop_build(&b);
		tree_close(&l.state);
		tree_close(&l.txs);
	}
	tx_unref(txs[0]);
	tx_unref(txs[1]);
	world_close(&w);
	failing_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_canonical_order),
	    cmocka_unit_test(test_funded_in_the_set),
	    cmocka_unit_test(test_left_over),
	    cmocka_unit_test(test_retry_wins),
	    cmocka_unit_test(test_empty_and_header),
	    cmocka_unit_test(test_unavailable),
	    cmocka_unit_test(test_unavailable_directories),
	    cmocka_unit_test(test_unavailable_build),
	};

	if (crypto_init(NULL) != ERR_NONE)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
