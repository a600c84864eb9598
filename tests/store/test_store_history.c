/* SPDX-License-Identifier: ISC */
#include "tests/store/fixture.h"

#include "base/mem.h"
#include "base/rng.h"
#include "ledger/affected.h"

/* What is found of the past: pages of an account, what pruning leaves, ranges after a jump. */

/* What account_txs should give: the chain's list, filtered. */
struct expectation {
	const struct chain *c;
	uint32_t account, min_seq, max_seq;
	bool forward;
	size_t at;            /* into the chain's list, from either end */
	uint32_t given, stop; /* the visitor stops before row `stop` */
};

static const struct chain_tx *expected_next(struct expectation *e)
{
	for (; e->at < e->c->tx_n; e->at++) {
		const struct chain_tx *tx = &e->c->tx[e->forward ? e->at : e->c->tx_n - 1 - e->at];

		if ((tx->from == e->account || tx->to == e->account) && tx->seq >= e->min_seq &&
		    tx->seq <= e->max_seq)
			return tx;
	}
	return NULL;
}

static bool expect_row(void *ctx, const struct history_tx *tx)
{
	struct expectation *e = ctx;
	const struct chain_tx *want = expected_next(e);
	struct account_id *accounts, id = chain_account(e->account);
	struct arena a = ARENA_INIT;
	struct st_object *meta;
	bool mentioned = false;
	size_t n;

	assert_non_null(want);
	assert_memory_equal(tx->id.b, want->id.b, 32);
	assert_int_equal(tx->ledger_seq, want->seq);
	assert_int_equal(tx->index, want->index);
	assert_int_equal(st_decode(&meta, &a, tx->meta, NULL), ERR_NONE);
	n = affected_accounts(meta, &a, &accounts);
	for (size_t i = 0; i < n; i++)
		mentioned |= account_eq(&accounts[i], &id);
	assert_true(mentioned);
	arena_close(&a);
	if (e->given == e->stop)
		return false;
	e->given++;
	e->at++;
	return true;
}

static void account_pages_are_exact(void **state)
{
	struct store *s;
	struct chain c;
	struct rng r;

	(void)state;
	start(&s, &c, 5, 12, 9, STORE_HISTORY_FULL);
	for (int i = 0; i < 60; i++)
		advance(s, &c);
	rng_init(&r, 11);
	for (int round = 0; round < 2000; round++) {
		const struct history *h = store_history(s);
		struct expectation e = {.c = &c, .account = (uint32_t)rng_below(&r, 12)};
		struct account_id id = chain_account(e.account);
		uint32_t from[2], next[2], pages = 0;
		bool more = true, have_from = false;

		e.min_seq = (uint32_t)rng_below(&r, 70);
		e.max_seq = rng_below(&r, 3) ? (uint32_t)rng_below(&r, 70) : UINT32_MAX;
		e.forward = rng_below(&r, 2);
		while (more) {
			uint32_t limit = 1 + (uint32_t)rng_below(&r, 90);
			enum err err;

			e.given = 0;
			e.stop = rng_below(&r, 3) ? UINT32_MAX : (uint32_t)rng_below(&r, 40);
			if (pages > 300)
				e.stop = UINT32_MAX;
			err = h->account_txs(h->ctx, &id, e.min_seq, e.max_seq, e.forward,
					     have_from ? from : NULL, limit, expect_row, &e, &more,
					     next);
			assert_int_equal(err, ERR_NONE);
			assert_true(e.given <= limit);
			if (more) {
				const struct chain_tx *want = expected_next(&e);

				assert_non_null(want);
				assert_int_equal(next[0], want->seq);
				assert_int_equal(next[1], want->index);
				assert_true(e.given == limit || e.given == e.stop);
			}
			memcpy(from, next, sizeof(from));
			have_from = true;
			pages++;
		}
		assert_null(expected_next(&e));
	}
	chain_close(&c);
	store_close(s);
}

/* The floor rises in steps: never above what is to be kept, at most a step below. */
static uint32_t expect_pruned(struct store *s, const struct chain *c)
{
	const struct history *h = store_history(s);
	uint32_t first = h->complete(h->ctx).first, want = c->tip->header.seq - 256 + 1;
	struct ledger_header header;
	struct hash256 hash;
	struct ledger *l;

	assert_true(first <= want && first + 256 / 8 > want);
	assert_int_equal(h->header(h->ctx, first - 1, &header, &hash), ERR_ABSENT);
	assert_int_equal(h->ledger(h->ctx, first - 1, &l), ERR_ABSENT);
	assert_int_equal(h->header(h->ctx, first, &header, &hash), ERR_NONE);
	expect_txs(s, c, first);
	expect_verified(s);
	return first;
}

static void pruning_leaves_what_is_kept_and_nothing_else(void **state)
{
	const struct history *h;
	struct ledger *held, *l;
	struct store *s;
	struct chain c;
	struct rng r;
	uint32_t first;

	(void)state;
	rng_init(&r, 6);
	start(&s, &c, 6, 60, 4, 256);
	h = store_history(s);
	for (int i = 0; i < 300; i++) {
		advance(s, &c);
		if (rng_below(&r, 3) == 0)
			prune_all(s, 1 + (uint32_t)rng_below(&r, 50));
	}
	prune_all(s, 7);
	first = expect_pruned(s, &c);
	/* A ledger that someone reads stays, and what comes after it. */
	assert_int_equal(h->ledger(h->ctx, first, &held), ERR_NONE);
	for (int i = 0; i < 80; i++)
		advance(s, &c);
	prune_all(s, 1000);
	assert_int_equal(h->complete(h->ctx).first, first);
	assert_int_equal(h->ledger(h->ctx, first + 4, &l), ERR_NONE);
	ledger_unref(l);
	expect_verified(s);
	ledger_unref(held);
	prune_all(s, 1000);
	expect_pruned(s, &c);
	/* The same from disk, and it goes on. */
	store_close(s);
	s = open_store(256);
	c.source = store_node_source(s);
	chain_replace_tip(&c, load_tip(s));
	for (int i = 0; i < 60; i++)
		advance(s, &c);
	prune_all(s, 100);
	expect_pruned(s, &c);
	chain_close(&c);
	store_close(s);
}

static void jumps_start_a_new_complete_range(void **state)
{
	const struct history *h;
	struct ledger *last, *l;
	struct store *s;
	struct chain c;

	(void)state;
	start(&s, &c, 7, 60, 4, 256);
	h = store_history(s);
	for (int i = 0; i < 10; i++)
		advance(s, &c);
	last = ledger_ref(c.tip);
	for (int i = 0; i < 500; i++)
		chain_next(&c);
	commit(s, c.tip, last);
	assert_int_equal(h->complete(h->ctx).first, 511);
	assert_int_equal(h->complete(h->ctx).last, 511);
	assert_int_equal(h->ledger(h->ctx, 11, &l), ERR_NONE);
	expect_same_state(&l->state, &last->state);
	ledger_unref(l);
	ledger_unref(last);
	expect_verified(s);
	for (int i = 0; i < 100; i++)
		advance(s, &c);
	prune_all(s, 1000);
	assert_int_equal(h->complete(h->ctx).first, 511);
	expect_verified(s);
	for (int i = 0; i < 200; i++)
		advance(s, &c);
	prune_all(s, 1000);
	expect_pruned(s, &c);
	l = load_tip(s);
	ledger_unref(l);
	chain_close(&c);
	store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(account_pages_are_exact),
	    TEST(pruning_leaves_what_is_kept_and_nothing_else),
	    TEST(jumps_start_a_new_complete_range),
	};

	/* The same without a file. */
	const struct CMUnitTest in_memory[] = {
	    TEST_MEMORY(account_pages_are_exact),
	    TEST_MEMORY(pruning_leaves_what_is_kept_and_nothing_else),
	    TEST_MEMORY(jumps_start_a_new_complete_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) +
	       cmocka_run_group_tests(in_memory, NULL, NULL);
}
