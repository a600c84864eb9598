/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "base/rng.h"
#include "chain.h"
#include "store/kv_mem.h"
#include "store/lmdb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* The database in memory against LMDB: the same calls, the same answers. */

#define KEYS 300

static char folder[128];
static struct kv *file;
static struct kv_mem_disk *disk;
static struct kv *mem;

static void open_mem(void)
{
	assert_int_equal(kv_mem_open(&mem, disk, NULL), ERR_NONE);
}

static int make_both(void **state)
{
	struct lmdb_options o = {.map_bytes_min = 64u << 20};
	struct why why = {""};
	char data[160];

	(void)state;
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0); /* nothing here depends on a disk */
	chain_folder_make(folder);
	snprintf(data, sizeof(data), "%s/data.tmp", folder);
	assert_int_equal(lmdb_folder_prepare(folder, &why), ERR_NONE);
	assert_int_equal(lmdb_open(&file, data, &o, true, &why), ERR_NONE);
	disk = kv_mem_disk_open(64u << 20);
	open_mem();
	return 0;
}

static int remove_both(void **state)
{
	(void)state;
	kv_close(file);
	kv_close(mem);
	kv_mem_disk_close(disk);
	chain_folder_remove(folder);
	return 0;
}

struct key {
	uint8_t b[24];
	size_t n;
};

/* Keys that share beginnings, of different lengths; integers where the table has them. */
static struct key key_of(enum kv_table t, uint64_t i)
{
	struct key k = {.n = 8};

	if (t == KV_NODES) {
		i = i << 32 | i % 7;
		memcpy(k.b, &i, 8);
		return k;
	}
	k.n = 1 + i % 23;
	memset(k.b, (int)(i / 60), sizeof(k.b));
	k.b[k.n - 1] = (uint8_t)(i * 37);
	return k;
}

static void expect_rows_equal(const struct kv_row *a, const struct kv_row *b)
{
	assert_true(bytes_eq(a->key, b->key));
	assert_true(bytes_eq(a->value, b->value));
}

/* Both snapshots, from end to end and from any place. */
static void expect_tables_equal(struct kv_txn *a, struct kv_txn *b, enum kv_table t,
				struct rng *rng)
{
	struct kv_cursor *ca, *cb;
	uint64_t na, nb, n = 0;
	struct kv_row ra, rb;
	enum err e;

	assert_int_equal(kv_count(a, t, &na), ERR_NONE);
	assert_int_equal(kv_count(b, t, &nb), ERR_NONE);
	assert_int_equal(na, nb);
	assert_int_equal(kv_cursor_open(a, t, &ca), ERR_NONE);
	assert_int_equal(kv_cursor_open(b, t, &cb), ERR_NONE);
	for (e = kv_first(ca, &ra); e == ERR_NONE; e = kv_next(ca, &ra), n++) {
		assert_int_equal(n ? kv_next(cb, &rb) : kv_first(cb, &rb), ERR_NONE);
		expect_rows_equal(&ra, &rb);
	}
	assert_int_equal(n, na);
	for (e = kv_last(ca, &ra); e == ERR_NONE; e = kv_prev(ca, &ra), n--) {
		assert_int_equal(n < na ? kv_prev(cb, &rb) : kv_last(cb, &rb), ERR_NONE);
		expect_rows_equal(&ra, &rb);
	}
	assert_int_equal(n, 0);
	for (int i = 0; i < 20; i++) {
		struct key k = key_of(t, rng_below(rng, KEYS));
		struct bytes key = bytes_of(k.b, k.n), va, vb;

		e = kv_get(a, t, key, &va);
		assert_int_equal(kv_get(b, t, key, &vb), e);
		assert_true(e == ERR_ABSENT || bytes_eq(va, vb));
		e = kv_at_or_above(ca, key, &ra);
		assert_int_equal(kv_at_or_above(cb, key, &rb), e);
		if (e == ERR_NONE)
			expect_rows_equal(&ra, &rb);
		e = kv_at_or_below(ca, key, &ra);
		assert_int_equal(kv_at_or_below(cb, key, &rb), e);
		if (e == ERR_NONE)
			expect_rows_equal(&ra, &rb);
	}
	kv_cursor_close(ca);
	kv_cursor_close(cb);
}

static void change_with_cursor(struct kv_txn *a, struct kv_txn *b, enum kv_table t, struct key k)
{
	struct kv_cursor *ca, *cb;
	struct kv_row ra, rb;
	enum err e;

	assert_int_equal(kv_cursor_open(a, t, &ca), ERR_NONE);
	assert_int_equal(kv_cursor_open(b, t, &cb), ERR_NONE);
	e = kv_at_or_above(ca, bytes_of(k.b, k.n), &ra);
	assert_int_equal(kv_at_or_above(cb, bytes_of(k.b, k.n), &rb), e);
	for (int i = 0; e == ERR_NONE && i < 3; i++) {
		expect_rows_equal(&ra, &rb);
		assert_int_equal(kv_cursor_del(ca), ERR_NONE);
		assert_int_equal(kv_cursor_del(cb), ERR_NONE);
		e = kv_next(ca, &ra);
		assert_int_equal(kv_next(cb, &rb), e);
	}
	kv_cursor_close(ca);
	kv_cursor_close(cb);
}

static void change(struct kv_txn *a, struct kv_txn *b, struct rng *rng)
{
	enum kv_table t = rng_below(rng, 3) ? KV_NODES : KV_TXS;
	struct key k = key_of(t, rng_below(rng, KEYS));
	struct bytes key = bytes_of(k.b, k.n), value;
	uint8_t v[40];
	enum err e;

	for (size_t i = 0; i < sizeof(v); i++)
		v[i] = (uint8_t)rng_next(rng);
	value = bytes_of(v, rng_below(rng, sizeof(v) + 1));
	switch (rng_below(rng, 8)) {
	case 0:
		e = kv_append(a, t, key, value);
		assert_int_equal(kv_append(b, t, key, value), e);
		break;
	case 1:
	case 2:
		e = kv_del(a, t, key);
		assert_int_equal(kv_del(b, t, key), e);
		break;
	case 3:
		change_with_cursor(a, b, t, k);
		break;
	default:
		assert_int_equal(kv_put(a, t, key, value), ERR_NONE);
		assert_int_equal(kv_put(b, t, key, value), ERR_NONE);
	}
}

static void same_calls_have_the_same_answers(void **state)
{
	struct rng rng;

	(void)state;
	rng_init(&rng, 1);
	for (int round = 0; round < 300; round++) {
		struct kv_txn *a, *b, *old_a, *old_b;
		bool commit = rng_below(&rng, 4) != 0;

		assert_int_equal(kv_read(file, &old_a), ERR_NONE);
		assert_int_equal(kv_read(mem, &old_b), ERR_NONE);
		assert_int_equal(kv_write(file, &a), ERR_NONE);
		assert_int_equal(kv_write(mem, &b), ERR_NONE);
		for (uint64_t i = rng_below(&rng, 60); i; i--)
			change(a, b, &rng);
		expect_tables_equal(a, b, KV_NODES, &rng);
		if (commit) {
			assert_int_equal(kv_commit(a, NULL), ERR_NONE);
			assert_int_equal(kv_commit(b, NULL), ERR_NONE);
		} else {
			kv_abort(a);
			kv_abort(b);
		}
		expect_tables_equal(old_a, old_b, KV_NODES, &rng); /* as before */
		expect_tables_equal(old_a, old_b, KV_TXS, &rng);
		kv_abort(old_a);
		kv_abort(old_b);
		assert_int_equal(kv_read(file, &a), ERR_NONE);
		assert_int_equal(kv_read(mem, &b), ERR_NONE);
		expect_tables_equal(a, b, KV_NODES, &rng);
		expect_tables_equal(a, b, KV_TXS, &rng);
		kv_abort(a);
		kv_abort(b);
	}
}

/* ---- disks ---- */

static void put_one(const char *value, bool commit)
{
	struct kv_txn *txn;

	assert_int_equal(kv_write(mem, &txn), ERR_NONE);
	assert_int_equal(kv_put(txn, KV_META, bytes_str("k"), bytes_str(value)), ERR_NONE);
	if (commit)
		assert_int_equal(kv_commit(txn, NULL), ERR_NONE);
	else
		kv_abort(txn);
}

static void expect_one(const char *value)
{
	struct bytes v = {0};
	struct kv_txn *txn;
	enum err e;

	assert_int_equal(kv_read(mem, &txn), ERR_NONE);
	e = kv_get(txn, KV_META, bytes_str("k"), &v);
	assert_int_equal(e, value ? ERR_NONE : ERR_ABSENT);
	assert_true(!value || bytes_eq(v, bytes_str(value)));
	kv_abort(txn);
}

static void committed_rows_outlive_the_process(void **state)
{
	struct kv_mem_image *image;

	(void)state;
	put_one("one", true);
	put_one("lost", false);
	kv_close(mem);
	image = kv_mem_image_take(disk);
	open_mem();
	expect_one("one");
	put_one("two", true);
	assert_int_equal(kv_mem_disk_commits(disk), 2);
	kv_close(mem);
	kv_mem_disk_restore(disk, image);
	open_mem();
	expect_one("one");
	kv_close(mem);
	kv_mem_disk_clear(disk);
	open_mem();
	expect_one(NULL);
	kv_close(mem);
	kv_mem_disk_damage(disk);
	assert_int_equal(kv_mem_open(&mem, disk, NULL), ERR_CORRUPT);
	kv_mem_disk_restore(disk, image);
	open_mem();
	expect_one("one");
	kv_mem_image_drop(image);
}

static enum kv_mem_op failing;
static enum err fail_with;

static enum err fail_one(void *ctx, enum kv_mem_op op)
{
	(void)ctx;
	return op == failing ? fail_with : ERR_NONE;
}

static bool flip_first(void *ctx, uint64_t bits, uint64_t *bit)
{
	(void)ctx;
	assert_int_equal(bits, 24);
	*bit = 0;
	return true;
}

static void faults_are_as_asked_for(void **state)
{
	const struct kv_mem_faults f = {.fail = fail_one}, flip = {.flip = flip_first};
	struct kv_txn *txn;
	uint64_t free_bytes, total_bytes;

	(void)state;
	put_one("one", true);
	kv_mem_disk_faults(disk, &f);
	fail_with = ERR_NO_SPACE;
	failing = KV_MEM_COMMIT;
	assert_int_equal(kv_write(mem, &txn), ERR_NONE);
	assert_int_equal(kv_put(txn, KV_META, bytes_str("k"), bytes_str("two")), ERR_NONE);
	assert_int_equal(kv_commit(txn, NULL), ERR_NO_SPACE);
	expect_one("one");
	failing = KV_MEM_CHANGE;
	assert_int_equal(kv_write(mem, &txn), ERR_NONE);
	assert_int_equal(kv_put(txn, KV_META, bytes_str("k"), bytes_str("two")), ERR_NO_SPACE);
	assert_int_equal(kv_del(txn, KV_META, bytes_str("k")), ERR_NO_SPACE);
	kv_abort(txn);
	fail_with = ERR_IO;
	failing = KV_MEM_WRITE;
	assert_int_equal(kv_write(mem, &txn), ERR_IO);
	failing = KV_MEM_READ;
	assert_int_equal(kv_read(mem, &txn), ERR_IO);
	kv_mem_disk_faults(disk, &flip);
	expect_one("nne"); /* 'o' ^ 1 */
	kv_mem_disk_faults(disk, NULL);
	expect_one("one");
	kv_close(mem);
	assert_true(kv_mem_disk_flip(disk, KV_META, 7, 24));
	assert_false(kv_mem_disk_flip(disk, KV_NODES, 0, 0));
	open_mem();
	expect_one("nne");
	kv_mem_disk_space(disk, 3, 9);
	assert_true(kv_disk_space(mem, &free_bytes, &total_bytes));
	assert_true(free_bytes == 3 && total_bytes == 9);
}

static void small_map_fills_and_grows(void **state)
{
	struct kv_mem_disk *small = kv_mem_disk_open(64u << 10);
	uint8_t value[1000] = {0};
	struct kv_txn *txn;
	struct kv *db;
	uint32_t n = 0;
	enum err e;

	(void)state;
	assert_int_equal(kv_mem_open(&db, small, NULL), ERR_NONE);
	assert_int_equal(kv_write(db, &txn), ERR_NONE);
	do {
		n++;
		e = kv_append(txn, KV_TXS, bytes_of((uint8_t[]){(uint8_t)n}, 1),
			      bytes_of(value, sizeof(value)));
	} while (e == ERR_NONE && n < 200);
	assert_int_equal(e, ERR_FULL);
	kv_abort(txn);
	assert_int_equal(kv_grow(db), ERR_NONE);
	assert_int_equal(kv_write(db, &txn), ERR_NONE);
	for (uint32_t i = 1; i <= n; i++)
		assert_int_equal(kv_append(txn, KV_TXS, bytes_of((uint8_t[]){(uint8_t)i}, 1),
					   bytes_of(value, sizeof(value))),
				 ERR_NONE);
	assert_int_equal(kv_commit(txn, NULL), ERR_NONE);
	assert_true(kv_bytes(db) > (64u << 10));
	kv_close(db);
	kv_mem_disk_close(small);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_both, remove_both)
	const struct CMUnitTest tests[] = {
	    TEST(same_calls_have_the_same_answers),
	    TEST(committed_rows_outlive_the_process),
	    TEST(faults_are_as_asked_for),
	    cmocka_unit_test(small_map_fills_and_grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
