/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "base/rng.h"
#include "chain.h"
#include "store/lmdb.h"
#include "store/runs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* The sorted runs against two plain lists, through thousands of commits with small portions of
 * merging, a rising floor, and transactions that are dropped. */

struct id_row {
	struct hash256 id;
	uint32_t seq, index;
};
struct account_row {
	uint8_t account, pad[3];
	uint32_t seq, index;
};
struct model {
	struct id_row *id;           /* by seq, index */
	struct account_row *account; /* by seq, index */
	size_t ids, ids_cap, accounts, accounts_cap;
	uint32_t floor;
};

static char folder[128], data[160];
static struct kv *db;

static int make_database(void **state)
{
	struct lmdb_options o = {.map_bytes_min = 64u << 20};
	struct runs none = {.next_number = 1};
	struct kv_txn *txn;
	struct why why = {""};

	(void)state;
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0); /* nothing here depends on a disk */
	chain_folder_make(folder);
	snprintf(data, sizeof(data), "%s/data.tmp", folder);
	assert_int_equal(lmdb_folder_prepare(folder, &why), ERR_NONE);
	assert_int_equal(lmdb_open(&db, data, &o, true, &why), ERR_NONE);
	assert_int_equal(kv_write(db, &txn), ERR_NONE);
	assert_int_equal(runs_put(txn, &none), ERR_NONE);
	assert_int_equal(kv_commit(txn, &why), ERR_NONE);
	return 0;
}

static int remove_database(void **state)
{
	(void)state;
	kv_close(db);
	chain_folder_remove(folder);
	return 0;
}

static int by_id(const void *a, const void *b)
{
	return memcmp(((const struct id_row *)a)->id.b, ((const struct id_row *)b)->id.b, 32);
}

static int by_account(const void *a, const void *b)
{
	const struct account_row *x = a, *y = b;

	if (x->account != y->account)
		return x->account < y->account ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static void account_key(uint8_t out[28], uint8_t account, uint32_t seq, uint32_t index)
{
	memset(out, account, 20);
	store_be32(out + 20, seq);
	store_be32(out + 24, index);
}

/* One ledger of n transactions, each of one to three accounts out of 20. */
static void model_add(struct model *m, struct rng *r, uint32_t seq, uint32_t n)
{
	if (m->ids + n > m->ids_cap) {
		m->ids_cap = (m->ids + n) * 2;
		m->id = mem_resize(m->id, m->ids_cap, sizeof(*m->id));
	}
	if (m->accounts + 3 * n > m->accounts_cap) {
		m->accounts_cap = (m->accounts + 3 * n) * 2;
		m->account = mem_resize(m->account, m->accounts_cap, sizeof(*m->account));
	}
	for (uint32_t i = 0; i < n; i++) {
		uint8_t first = (uint8_t)rng_below(r, 18), more = (uint8_t)rng_below(r, 3);
		struct id_row *id = &m->id[m->ids++];

		*id = (struct id_row){.seq = seq, .index = i};
		for (int k = 0; k < 32; k++)
			id->id.b[k] = (uint8_t)rng_next(r);
		for (uint8_t k = 0; k <= more; k++)
			m->account[m->accounts++] = (struct account_row){
			    .account = (uint8_t)(first + k), .seq = seq, .index = i};
	}
}

/* The rows of the ledger just added, as a commit hands them over. */
static void rows_of(const struct model *m, uint32_t seq, struct buf *ids, struct buf *accounts)
{
	size_t i = m->ids, k = m->accounts;
	struct id_row *id;
	struct account_row *account;

	while (i > 0 && m->id[i - 1].seq == seq)
		i--;
	while (k > 0 && m->account[k - 1].seq == seq)
		k--;
	id = mem_alloc((m->ids - i) * sizeof(*id));
	account = mem_alloc((m->accounts - k) * sizeof(*account));
	memcpy(id, m->id + i, (m->ids - i) * sizeof(*id));
	memcpy(account, m->account + k, (m->accounts - k) * sizeof(*account));
	qsort(id, m->ids - i, sizeof(*id), by_id);
	qsort(account, m->accounts - k, sizeof(*account), by_account);
	for (size_t at = 0; at < m->ids - i; at++) {
		buf_put(ids, id[at].id.b, 32);
		buf_put_be32(ids, seq);
		buf_put_be32(ids, id[at].index);
	}
	for (size_t at = 0; at < m->accounts - k; at++) {
		uint8_t row[28];

		account_key(row, account[at].account, seq, account[at].index);
		buf_put(accounts, row, sizeof(row));
	}
	mem_free(id);
	mem_free(account);
}

/* A commit; *given_up: it is dropped, as after an error. Returns the number of runs. */
static uint32_t commit(const struct model *m, uint32_t seq, uint32_t budget, bool given_up)
{
	struct buf ids = BUF_INIT, accounts = BUF_INIT;
	struct kv_txn *txn;
	struct runs runs;
	uint32_t blocks = 0;
	struct why why = {""};

	rows_of(m, seq, &ids, &accounts);
	assert_int_equal(kv_write(db, &txn), ERR_NONE);
	assert_int_equal(runs_get(txn, &runs), ERR_NONE);
	assert_int_equal(runs_add(txn, &runs, seq, buf_bytes(&ids), buf_bytes(&accounts), &blocks),
			 ERR_NONE);
	assert_int_equal(runs_work(txn, &runs, m->floor, blocks * budget + budget), ERR_NONE);
	assert_int_equal(runs_put(txn, &runs), ERR_NONE);
	if (given_up)
		kv_abort(txn);
	else
		assert_int_equal(kv_commit(txn, &why), ERR_NONE);
	buf_close(&ids);
	buf_close(&accounts);
	return runs.n;
}

static void expect_ids(const struct model *m, struct kv_txn *txn, const struct runs *runs,
		       struct rng *r)
{
	uint32_t seq, index;

	for (int i = 0; i < 300 && m->ids; i++) {
		const struct id_row *id = &m->id[rng_below(r, m->ids)];
		struct hash256 other = id->id;
		enum err e = runs_find_tx(txn, runs, &id->id, &seq, &index);

		if (id->seq >= m->floor || e == ERR_NONE) {
			assert_int_equal(e, ERR_NONE);
			assert_int_equal(seq, id->seq);
			assert_int_equal(index, id->index);
		}
		other.b[rng_below(r, 32)] ^= 1;
		assert_int_equal(runs_find_tx(txn, runs, &other, &seq, &index), ERR_ABSENT);
	}
}

/* All rows of an account from the floor on, run by run, in either direction. */
static void expect_account(const struct model *m, struct kv_txn *txn, const struct runs *runs,
			   uint8_t account, bool up)
{
	struct run_cursor rc;
	uint8_t key[28], want[28];
	size_t at = up ? 0 : m->accounts;

	assert_int_equal(run_open(&rc, txn, RUN_ACCOUNTS), ERR_NONE);
	for (uint32_t i = 0; i < runs->n; i++) {
		uint32_t run = runs->run[up ? i : runs->n - 1 - i].number;
		enum err e;

		account_key(key, account, up ? 0 : UINT32_MAX, up ? 0 : UINT32_MAX);
		e = up ? run_seek_up(&rc, run, key) : run_seek_down(&rc, run, key);
		for (; e == ERR_NONE && run_row(&rc)[0] == account;
		     e = up ? run_next(&rc) : run_prev(&rc)) {
			const struct account_row *row;

			if (load_be32(run_row(&rc) + 20) < m->floor)
				continue;
			do
				row = &m->account[up ? at++ : --at];
			while (row->account != account || row->seq < m->floor);
			account_key(want, account, row->seq, row->index);
			assert_memory_equal(run_row(&rc), want, 28);
		}
		assert_true(e == ERR_NONE || e == ERR_ABSENT);
	}
	while (up ? at < m->accounts : at > 0) {
		const struct account_row *row = &m->account[up ? at++ : --at];

		assert_true(row->account != account || row->seq < m->floor);
	}
	run_close(&rc);
}

static void expect_all(const struct model *m, struct rng *r)
{
	uint64_t rows[RUN_INDEXES], ids = 0, accounts = 0;
	struct kv_txn *txn;
	struct runs runs;
	struct why why = {""};

	assert_int_equal(kv_read(db, &txn), ERR_NONE);
	assert_int_equal(runs_get(txn, &runs), ERR_NONE);
	if (runs_check(txn, &runs, m->floor, rows, &why) != ERR_NONE)
		fail_msg("%s", why.text);
	for (size_t i = 0; i < m->ids; i++)
		ids += m->id[i].seq >= m->floor;
	for (size_t i = 0; i < m->accounts; i++)
		accounts += m->account[i].seq >= m->floor;
	assert_int_equal(rows[RUN_TX_IDS], ids);
	assert_int_equal(rows[RUN_ACCOUNTS], accounts);
	expect_ids(m, txn, &runs, r);
	expect_account(m, txn, &runs, (uint8_t)rng_below(r, 21), true);
	expect_account(m, txn, &runs, (uint8_t)rng_below(r, 21), false);
	kv_abort(txn);
}

static void live(uint64_t seed, uint32_t ledgers, uint32_t size, uint32_t history)
{
	struct model m = {.floor = 0};
	uint32_t seq = 0, most = 0;
	struct rng r;

	rng_init(&r, seed);
	for (uint32_t i = 0; i < ledgers; i++) {
		uint32_t n = (uint32_t)rng_below(&r, size), runs;

		seq += rng_below(&r, 20) ? 1 : 300;
		model_add(&m, &r, seq, n);
		if (rng_below(&r, 10) == 0)
			commit(&m, seq, 16, true);
		runs = commit(&m, seq, 16, false);
		most = runs > most ? runs : most;
		if (seq > history && rng_below(&r, 5) == 0)
			m.floor = seq - history;
		if (rng_below(&r, 40) == 0)
			expect_all(&m, &r);
	}
	expect_all(&m, &r);
	assert_true(most < 60); /* a few per level */
	mem_free(m.id);
	mem_free(m.account);
}

static void small_ledgers(void **state)
{
	(void)state;
	live(1, 3000, 3, UINT32_MAX);
}

static void ledgers_of_many_blocks(void **state)
{
	(void)state;
	live(2, 200, 900, UINT32_MAX);
}

static void rising_floor(void **state)
{
	(void)state;
	live(3, 2500, 20, 400);
}

/* Even without time for merging, the runs stay within their bound. */
static void starved_merging(void **state)
{
	struct model m = {.floor = 0};
	struct rng r;

	(void)state;
	rng_init(&r, 4);
	for (uint32_t seq = 1; seq < 1200; seq++) {
		model_add(&m, &r, seq, 40);
		assert_true(commit(&m, seq, 0, false) < RUNS_MAX);
	}
	expect_all(&m, &r);
	mem_free(m.id);
	mem_free(m.account);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_database, remove_database)
	const struct CMUnitTest tests[] = {
	    TEST(small_ledgers),
	    TEST(ledgers_of_many_blocks),
	    TEST(rising_floor),
	    TEST(starved_merging),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
