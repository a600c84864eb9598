/* SPDX-License-Identifier: ISC */
#include "tests/store/fixture.h"

#include "base/mem.h"
#include "base/rng.h"
#include "store/rows.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void ledgers_come_back_as_they_were(void **state)
{
	enum { LEDGERS = 30 };
	struct ledger *kept[LEDGERS + 1] = {NULL}, *tip;
	struct store *s;
	struct chain c;

	(void)state;
	s = open_store(STORE_HISTORY_FULL);
	assert_null(load_tip(s));
	chain_init(&c, 1, 200, 20, NULL);
	commit(s, c.tip, NULL);
	kept[1] = ledger_ref(c.tip);
	for (int i = 2; i <= LEDGERS; i++) {
		advance(s, &c);
		kept[i] = ledger_ref(c.tip);
	}
	for (int round = 0; round < 2; round++) {
		for (int i = 1; i <= LEDGERS; i++)
			expect_ledger(s, kept[i]);
		expect_nothing_beyond(s, LEDGERS);
		expect_txs(s, &c, 0);
		expect_verified(s);
		if (round == 0) { /* and once more from disk alone */
			store_close(s);
			s = open_store(STORE_HISTORY_FULL);
		}
	}
	tip = load_tip(s);
	expect_same_state(&tip->state, &kept[LEDGERS]->state);
	/* It goes on from what was loaded. */
	chain_replace_tip(&c, tip);
	advance(s, &c);
	advance(s, &c);
	expect_ledger(s, c.tip);
	expect_verified(s);
	for (int i = 1; i <= LEDGERS; i++)
		ledger_unref(kept[i]);
	chain_close(&c);
	store_close(s);
}

static void ledgers_are_taken_in_order_only(void **state)
{
	struct tree_keys *keys;
	struct store *s;
	struct chain c;
	struct ledger *one, *two;
	struct why why;

	(void)state;
	start(&s, &c, 2, 20, 3, 256);
	one = ledger_ref(c.tip);
	assert_int_equal(store_commit(s, one, one, &keys, &why), ERR_STATE);
	two = ledger_ref(chain_next(&c));
	chain_next(&c);
	assert_int_equal(store_commit(s, two, NULL, &keys, &why), ERR_STATE);
	assert_int_equal(store_commit(s, c.tip, two, &keys, &why), ERR_STATE);
	commit(s, two, one);
	commit(s, c.tip, two);
	assert_int_equal(store_commit(s, two, c.tip, &keys, &why), ERR_STATE);
	expect_verified(s);
	ledger_unref(one);
	ledger_unref(two);
	chain_close(&c);
	store_close(s);
}

/* Keys that were never published, and ledgers that share no node with the last one, do no harm. */
static void keys_may_be_missing_in_memory(void **state)
{
	struct store *s;
	struct chain c, twin;
	struct rng r;

	(void)state;
	rng_init(&r, 4);
	start(&s, &c, 3, 100, 10, 256);
	chain_init(&twin, 3, 100, 10, store_node_source(s));
	for (int i = 0; i < 20; i++) {
		struct ledger *last = ledger_ref(rng_below(&r, 2) ? c.tip : twin.tip);
		const struct ledger *l;
		struct tree_keys *keys;
		struct why why = {""};

		chain_next(&c);
		chain_next(&twin);
		l = rng_below(&r, 2) ? c.tip : twin.tip;
		if (store_commit(s, l, last, &keys, &why) != ERR_NONE)
			fail_msg("%s", why.text);
		if (rng_below(&r, 3))
			tree_keys_publish(keys);
		else
			tree_keys_drop(keys);
		ledger_unref(last);
	}
	expect_verified(s);
	chain_close(&c);
	chain_close(&twin);
	store_close(s);
}

static void folder_belongs_to_one_node_of_one_network(void **state)
{
	struct store_options o = {.folder = folder,
				  .network_id = CHAIN_NETWORK,
				  .genesis = CHAIN_GENESIS,
				  .history = 256};
	struct store *s, *other;
	struct why why = {""};
	char pid[32];

	(void)state;
	s = open_store(256);
	assert_int_equal(store_open(&other, &o, &why), ERR_BUSY);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	assert_non_null(strstr(why.text, pid));
	store_close(s);
	o.network_id++;
	assert_int_equal(store_open(&other, &o, &why), ERR_MISMATCH);
	o.network_id--;
	o.genesis.b[5] ^= 1;
	assert_int_equal(store_open(&other, &o, &why), ERR_MISMATCH);
	o.genesis.b[5] ^= 1;
	assert_int_equal(store_open(&other, &o, &why), ERR_NONE);
	store_close(other);
}

static void write_schema(uint32_t schema)
{
	struct lmdb_options lo = {.map_bytes_min = 0};
	struct identity_row id = {
	    .schema = schema, .network_id = CHAIN_NETWORK, .genesis = CHAIN_GENESIS};
	uint8_t row[IDENTITY_BYTES];
	struct kv *db;
	struct kv_txn *txn;
	char path[160];

	snprintf(path, sizeof(path), "%s/data", folder);
	identity_row_encode(row, &id);
	assert_int_equal(lmdb_open(&db, path, &lo, false, NULL), ERR_NONE);
	assert_int_equal(kv_write(db, &txn), ERR_NONE);
	assert_int_equal(kv_put(txn, KV_META, bytes_str("identity"), bytes_of(row, sizeof(row))),
			 ERR_NONE);
	assert_int_equal(kv_commit(txn, NULL), ERR_NONE);
	kv_close(db);
}

static void other_schemas_are_refused_with_the_way_out(void **state)
{
	struct store *s;
	struct why why = {""};

	(void)state;
	assert_int_equal(store_migrate(folder, &why), ERR_ABSENT);
	store_close(open_store(256));
	assert_int_equal(store_migrate(folder, &why), ERR_NONE);
	assert_non_null(strstr(why.text, "already at schema 1"));
	write_schema(2);
	assert_int_equal(chain_store_open(&s, folder, 256, 0, &why), ERR_SCHEMA);
	assert_non_null(strstr(why.text, "tally migrate"));
	assert_int_equal(store_migrate(folder, &why), ERR_SCHEMA);
	assert_non_null(strstr(why.text, "newer"));
	write_schema(0);
	assert_int_equal(chain_store_open(&s, folder, 256, 0, &why), ERR_SCHEMA);
	assert_int_equal(store_migrate(folder, &why), ERR_SCHEMA);
	assert_non_null(strstr(why.text, "no way"));
	write_schema(1);
	store_close(open_store(256));
}

static void half_made_folder_is_made_anew(void **state)
{
	char path[160];
	struct why why;
	FILE *f;

	(void)state;
	assert_int_equal(lmdb_folder_prepare(folder, &why), ERR_NONE);
	snprintf(path, sizeof(path), "%s/data.tmp/data.mdb", folder);
	f = fopen(path, "w");
	fputs("half a page", f);
	fclose(f);
	store_close(open_store(256));
	assert_false(lmdb_folder_has(folder, "data.tmp"));
}

/* 100,000 accounts: written once, read lazily, quickly open again. */
static void large_state_opens_at_once(void **state)
{
	struct store *s;
	struct chain c;
	struct ledger *l;
	struct timespec t0, t1;
	double seconds;

	(void)state;
	start(&s, &c, 8, 100000, 50, 256);
	for (int i = 0; i < 5; i++)
		advance(s, &c);
	store_close(s);
	clock_gettime(CLOCK_MONOTONIC, &t0);
	s = open_store(256);
	l = load_tip(s);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	seconds = (double)(t1.tv_sec - t0.tv_sec) + (double)(t1.tv_nsec - t0.tv_nsec) / 1e9;
	printf("open with 100,000 accounts: %.0f ms\n", seconds * 1000);
	assert_true(seconds < 5); /* far below 1 s when nothing else runs */
	assert_memory_equal(l->hash.b, c.tip->hash.b, 32);
	expect_same_state(&l->state, &c.tip->state);
	ledger_unref(l);
	chain_close(&c);
	store_close(s);
}

struct reader {
	pthread_t thread;
	struct store *s;
	struct ledger *l; /* its own reference */
	_Atomic bool *stop;
	uint64_t seed;
	int wrong;
};

static bool count_row(void *ctx, const struct history_tx *tx)
{
	*(uint32_t *)ctx += tx->blob.n > 0;
	return true;
}

static void *read_on(void *arg)
{
	struct reader *r = arg;
	const struct history *h = store_history(r->s);
	struct rng rng;

	rng_init(&rng, r->seed);
	while (!atomic_load(r->stop)) {
		struct history_range range = h->complete(h->ctx);
		uint32_t next[2], rows = 0;
		uint32_t seq = range.first +
			       (uint32_t)rng_below(&rng, range.last - range.first + 1);
		struct account_id id = chain_account((uint32_t)rng_below(&rng, 50));
		struct hash256 key = {{(uint8_t)rng_next(&rng)}};
		struct bytes data;
		struct ledger *l;
		bool more;
		enum err e = h->ledger(h->ctx, seq, &l);

		if (e == ERR_NONE) {
			for (int i = 0; i < 30; i++)
				r->wrong += tree_next(&l->state, &key, &key, &data) == UNAVAILABLE;
			ledger_unref(l);
		}
		r->wrong += e != ERR_NONE && e != ERR_ABSENT; /* pruned since */
		key.b[0] = (uint8_t)rng_next(&rng);
		r->wrong += tree_next(&r->l->state, &key, &key, &data) == UNAVAILABLE;
		r->wrong += h->account_txs(h->ctx, &id, 0, UINT32_MAX, rng_below(&rng, 2), NULL, 50,
					   count_row, &rows, &more, next) != ERR_NONE;
	}
	ledger_unref(r->l);
	return NULL;
}

/* Commits, pruning and growing of the map, with readers beside them. */
static void readers_beside_the_writer(void **state)
{
	enum { READERS = 3 };
	struct reader reader[READERS];
	_Atomic bool stop = false;
	struct store *s;
	struct chain c;

	(void)state;
	start(&s, &c, 9, 400, 20, 256);
	advance(s, &c);
	store_close(s);
	s = open_store(256);
	c.source = store_node_source(s);
	chain_replace_tip(&c, load_tip(s));
	for (int i = 0; i < READERS; i++) {
		reader[i] = (struct reader){
		    .s = s, .stop = &stop, .l = ledger_ref(c.tip), .seed = (uint64_t)i};
		pthread_create(&reader[i].thread, NULL, read_on, &reader[i]);
	}
	for (int i = 0; i < 330; i++) {
		bool more;
		struct why why = {""};

		advance(s, &c);
		if (store_prune(s, 500, &more, &why) != ERR_NONE)
			fail_msg("%s", why.text);
	}
	atomic_store(&stop, true);
	for (int i = 0; i < READERS; i++) {
		pthread_join(reader[i].thread, NULL);
		assert_int_equal(reader[i].wrong, 0);
	}
	prune_all(s, 1000);
	expect_verified(s);
	chain_close(&c);
	store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(ledgers_come_back_as_they_were),
	    TEST(ledgers_are_taken_in_order_only),
	    TEST(keys_may_be_missing_in_memory),
	    TEST(folder_belongs_to_one_node_of_one_network),
	    TEST(other_schemas_are_refused_with_the_way_out),
	    TEST(half_made_folder_is_made_anew),
	    TEST(large_state_opens_at_once),
	    TEST(readers_beside_the_writer),
	};

	/* The same without a file. */
	const struct CMUnitTest in_memory[] = {
	    TEST_MEMORY(ledgers_come_back_as_they_were),
	    TEST_MEMORY(ledgers_are_taken_in_order_only),
	    TEST_MEMORY(keys_may_be_missing_in_memory),
	    TEST_MEMORY(large_state_opens_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) +
	       cmocka_run_group_tests(in_memory, NULL, NULL);
}
