/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "base/rng.h"
#include "chain.h"
#include "ledger/affected.h"
#include "store/lmdb.h"
#include "store/rows.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[128];

static int make_folder(void **state)
{
	(void)state;
	chain_folder_make(folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	chain_folder_remove(folder);
	return 0;
}

static int make_memory(void **state)
{
	(void)state;
	chain_memory = kv_mem_disk_open(1 << 20);
	return 0;
}

static int remove_memory(void **state)
{
	(void)state;
	kv_mem_disk_close(chain_memory);
	chain_memory = NULL;
	return 0;
}

static struct store *open_store(uint32_t history)
{
	struct store *s;
	struct why why = {""};

	if (chain_store_open(&s, folder, history, 1 << 20, &why) != ERR_NONE)
		fail_msg("%s", why.text);
	return s;
}

static void commit(struct store *s, const struct ledger *l, const struct ledger *last)
{
	struct tree_keys *keys;
	struct why why = {""};

	if (store_commit(s, l, last, &keys, &why) != ERR_NONE)
		fail_msg("%s", why.text);
	tree_keys_publish(keys);
}

/* The next ledger of the chain, committed. */
static void advance(struct store *s, struct chain *c)
{
	struct ledger *last = ledger_ref(c->tip);

	commit(s, chain_next(c), last);
	ledger_unref(last);
}

static void start(struct store **s, struct chain *c, uint64_t seed, uint32_t accounts,
		  uint32_t per_ledger, uint32_t history)
{
	*s = open_store(history);
	chain_init(c, seed, accounts, per_ledger, store_node_source(*s));
	commit(*s, c->tip, NULL);
}

static struct ledger *load_tip(struct store *s)
{
	struct ledger *l;
	struct why why = {""};

	if (store_load_tip(s, &l, &why) != ERR_NONE)
		fail_msg("%s", why.text);
	return l;
}

static void expect_verified(struct store *s)
{
	struct buf report = BUF_INIT;
	struct why why = {""};

	if (store_verify(s, &report, &why) != ERR_NONE)
		fail_msg("%s", why.text);
	assert_true(report.n > 50);
	buf_close(&report);
}

/* Every transaction of the chain from `first` on is found by its id. */
static void expect_txs(struct store *s, const struct chain *c, uint32_t first)
{
	const struct history *h = store_history(s);

	for (size_t i = 0; i < c->tx_n; i++) {
		struct buf b = BUF_INIT;
		struct history_tx tx;
		enum err e = h->tx(h->ctx, &c->tx[i].id, &tx, &b);

		if (c->tx[i].seq < first) {
			assert_int_equal(e, ERR_ABSENT);
			assert_int_equal(b.n, 0);
			continue;
		}
		assert_int_equal(e, ERR_NONE);
		assert_memory_equal(tx.id.b, c->tx[i].id.b, 32);
		assert_int_equal(tx.ledger_seq, c->tx[i].seq);
		assert_int_equal(tx.index, c->tx[i].index);
		assert_int_equal(tx.blob.n + tx.meta.n, b.n);
		buf_close(&b);
	}
}

/* A state equals another, entry by entry. */
static void expect_same_state(const struct tree *a, const struct tree *b)
{
	struct hash256 ka, kb, at, *after = NULL;
	struct bytes da, db;
	enum found f;

	do {
		f = tree_next(a, after, &ka, &da);
		assert_int_equal(f, tree_next(b, after, &kb, &db));
		assert_int_not_equal(f, UNAVAILABLE);
		if (f == FOUND) {
			assert_memory_equal(ka.b, kb.b, 32);
			assert_true(bytes_eq(da, db));
		}
		at = ka;
		after = &at;
	} while (f == FOUND);
}

/* The store's ledger is the one in memory, by every way to it. */
static void expect_ledger(struct store *s, const struct ledger *want)
{
	const struct history *h = store_history(s);
	uint32_t seq = want->header.seq, found;
	struct ledger_header header;
	struct hash256 hash;
	struct ledger *l;

	assert_int_equal(h->header(h->ctx, seq, &header, &hash), ERR_NONE);
	assert_memory_equal(hash.b, want->hash.b, 32);
	assert_int_equal(header.close.s, want->header.close.s);
	assert_int_equal(h->seq_of_hash(h->ctx, &hash, &found), ERR_NONE);
	assert_int_equal(found, seq);
	assert_int_equal(h->ledger(h->ctx, seq, &l), ERR_NONE);
	assert_memory_equal(l->hash.b, want->hash.b, 32);
	expect_same_state(&l->state, &want->state);
	expect_same_state(&l->txs, &want->txs);
	ledger_unref(l);
}

static void expect_nothing_beyond(struct store *s, uint32_t last)
{
	const struct history *h = store_history(s);
	struct history_range range = h->complete(h->ctx);
	struct hash256 hash = {{1}};
	struct ledger_header header;
	struct ledger *l;
	uint32_t seq;

	assert_int_equal(range.first, 1);
	assert_int_equal(range.last, last);
	assert_int_equal(h->header(h->ctx, last + 1, &header, &hash), ERR_ABSENT);
	assert_int_equal(h->ledger(h->ctx, last + 1, &l), ERR_ABSENT);
	assert_int_equal(h->ledger(h->ctx, 0, &l), ERR_ABSENT);
	assert_int_equal(h->seq_of_hash(h->ctx, &hash, &seq), ERR_ABSENT);
}

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

static void prune_all(struct store *s, uint32_t budget)
{
	struct why why = {""};
	bool more = true;

	for (int i = 0; more; i++) {
		assert_true(i < 100000);
		if (store_prune(s, budget, &more, &why) != ERR_NONE)
			fail_msg("%s", why.text);
	}
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
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)
	const struct CMUnitTest tests[] = {
	    TEST(ledgers_come_back_as_they_were),
	    TEST(ledgers_are_taken_in_order_only),
	    TEST(keys_may_be_missing_in_memory),
	    TEST(folder_belongs_to_one_node_of_one_network),
	    TEST(other_schemas_are_refused_with_the_way_out),
	    TEST(half_made_folder_is_made_anew),
	    TEST(account_pages_are_exact),
	    TEST(pruning_leaves_what_is_kept_and_nothing_else),
	    TEST(jumps_start_a_new_complete_range),
	    TEST(large_state_opens_at_once),
	    TEST(readers_beside_the_writer),
	};

	/* The same without a file. */
#define TEST_MEMORY(f) cmocka_unit_test_setup_teardown(f, make_memory, remove_memory)
	const struct CMUnitTest in_memory[] = {
	    TEST_MEMORY(ledgers_come_back_as_they_were),
	    TEST_MEMORY(ledgers_are_taken_in_order_only),
	    TEST_MEMORY(keys_may_be_missing_in_memory),
	    TEST_MEMORY(account_pages_are_exact),
	    TEST_MEMORY(pruning_leaves_what_is_kept_and_nothing_else),
	    TEST_MEMORY(jumps_start_a_new_complete_range),
	    TEST_MEMORY(large_state_opens_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) +
	       cmocka_run_group_tests(in_memory, NULL, NULL);
}
