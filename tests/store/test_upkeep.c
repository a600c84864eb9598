/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "chain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* What administrators ask of a store: the newest transactions, history that stays, a check that
 * begins anew. */

static struct store *s;
static struct chain c;

static int open_all(void **state)
{
	struct tree_keys *keys;
	struct why why = {""};

	(void)state;
	chain_memory = kv_mem_disk_open(1 << 20);
	if (chain_store_open(&s, "", 256, 1 << 20, &why) != ERR_NONE)
		fail_msg("%s", why.text);
	chain_init(&c, 11, 40, 3, store_node_source(s));
	assert_int_equal(store_commit(s, c.tip, NULL, &keys, &why), ERR_NONE);
	tree_keys_publish(keys);
	return 0;
}

static int close_all(void **state)
{
	(void)state;
	chain_close(&c);
	store_close(s);
	kv_mem_disk_close(chain_memory);
	chain_memory = NULL;
	return 0;
}

static void advance(uint32_t n)
{
	struct why why = {""};

	while (n-- > 0) {
		struct ledger *last = ledger_ref(c.tip);
		struct tree_keys *keys;

		if (store_commit(s, chain_next(&c), last, &keys, &why) != ERR_NONE)
			fail_msg("%s", why.text);
		tree_keys_publish(keys);
		ledger_unref(last);
	}
}

static void prune_all(void)
{
	struct why why = {""};
	bool more = true;

	while (more)
		assert_int_equal(store_prune(s, 1000, &more, &why), ERR_NONE);
}

static uint32_t first_ledger(void)
{
	const struct history *h = store_history(s);

	return h->complete(h->ctx).first;
}

/* ---- the newest transactions */

struct seen {
	size_t skip, n;
};

static void visit(void *ctx, const struct history_tx *tx)
{
	struct seen *seen = ctx;
	const struct chain_tx *want = &c.tx[c.tx_n - 1 - seen->skip - seen->n++];

	assert_memory_equal(tx->id.b, want->id.b, 32);
	assert_int_equal(tx->ledger_seq, want->seq);
	assert_int_equal(tx->index, want->index);
	assert_true(tx->blob.n > 30 && tx->meta.n > 0);
}

static size_t recent(uint32_t skip, uint32_t limit)
{
	const struct history *h = store_history(s);
	struct seen seen = {.skip = skip};

	assert_int_equal(h->recent(h->ctx, skip, limit, visit, &seen), ERR_NONE);
	return seen.n;
}

static void newest_transactions_come_first(void **state)
{
	(void)state;
	assert_int_equal(recent(0, 20), 0);
	advance(20);
	assert_true(c.tx_n > 40);
	assert_int_equal(recent(0, 20), 20);
	assert_int_equal(recent(7, 20), 20);
	assert_int_equal(recent((uint32_t)c.tx_n - 5, 20), 5);
	assert_int_equal(recent((uint32_t)c.tx_n, 20), 0);
	assert_int_equal(recent((uint32_t)c.tx_n + 1000, 20), 0);
	assert_int_equal(recent(0, 1000), c.tx_n < 64 ? c.tx_n : 64);
}

static void what_is_pruned_is_not_shown(void **state)
{
	size_t below = 0;

	(void)state;
	advance(400);
	prune_all();
	assert_true(first_ledger() > 1);
	while (below < c.tx_n && c.tx[below].seq < first_ledger())
		below++;
	assert_int_equal(recent((uint32_t)(c.tx_n - below) - 3, 20), 3);
}

/* ---- history that stays */

static void no_ledger_after_this_one_goes(void **state)
{
	(void)state;
	store_set_deletable(s, 50);
	advance(500);
	prune_all();
	assert_in_range(first_ledger(), 51 - 32, 51);
	store_set_deletable(s, 0);
	advance(100);
	prune_all();
	assert_in_range(first_ledger(), 51 - 32, 51); /* what is gone is gone */
	store_set_deletable(s, UINT32_MAX);
	prune_all();
	assert_in_range(first_ledger(), c.tip->header.seq - 256 - 32, c.tip->header.seq - 256 + 1);
}

static void never_keeps_all(void **state)
{
	(void)state;
	store_set_deletable(s, 0);
	advance(600);
	prune_all();
	assert_int_equal(first_ledger(), 1);
}

/* ---- the check */

static void a_check_begins_anew(void **state)
{
	struct store_scrub *scrub = store_scrub_new(s);
	struct why why = {""};
	bool done = false;

	(void)state;
	advance(5);
	assert_int_equal(store_scrub_step(scrub, 10, &done, &why), ERR_NONE);
	assert_false(done);
	assert_true(store_scrub_progress(scrub).checked > 0);
	store_scrub_restart(scrub);
	assert_int_equal(store_scrub_progress(scrub).checked, 0);
	for (int i = 0; !done; i++) {
		assert_true(i < 1000);
		assert_int_equal(store_scrub_step(scrub, 10, &done, &why), ERR_NONE);
	}
	assert_int_equal(store_scrub_progress(scrub).passes, 1);
	store_scrub_restart(scrub);
	assert_int_equal(store_scrub_progress(scrub).passes, 1);
	store_scrub_free(scrub);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_all, close_all)
	const struct CMUnitTest tests[] = {
	    TEST(newest_transactions_come_first),
	    TEST(what_is_pruned_is_not_shown),
	    TEST(no_ledger_after_this_one_goes),
	    TEST(never_keeps_all),
	    TEST(a_check_begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
