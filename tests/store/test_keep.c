/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "chain.h"
#include "store/keep.h"
#include "store/kv_mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

/* Rows that are kept for a while (keep.h): on LMDB, and on a disk in memory that fails. */

static struct hash256 key(uint32_t n)
{
	struct hash256 k = {{0}};

	store_be32(k.b + 4, n);
	return k;
}

static enum err put(struct keep *k, uint32_t n, const char *value, uint64_t until, uint64_t now,
		    bool privileged)
{
	struct keep_row row = {
	    .key = key(n), .until_ms = until, .privileged = privileged, .value = bytes_str(value)};
	struct why why = {""};
	enum err e = keep_put(k, &row, 1, now, &why);

	return e == ERR_NONE ? row.err : e;
}

static void expect(struct keep *k, uint32_t n, uint64_t now, const char *value)
{
	struct hash256 id = key(n);
	struct buf out = BUF_INIT;
	enum err e = keep_get(k, &id, now, &out);

	assert_int_equal(e, value ? ERR_NONE : ERR_ABSENT);
	if (value)
		assert_true(bytes_eq(buf_bytes(&out), bytes_str(value)));
	buf_close(&out);
}

static struct keep *open_at(const char *folder)
{
	struct keep_options o = {.folder = folder};
	struct why why = {""};
	struct keep *k;

	assert_int_equal(keep_open(&k, &o, &why), ERR_NONE);
	return k;
}

static void rows_outlive_the_process(void **state)
{
	char folder[128];
	struct keep *k;
	uint32_t rows;
	uint64_t bytes, before;

	(void)state;
	chain_folder_make(folder);
	k = open_at(folder);
	assert_int_equal(put(k, 1, "one", 1000, 0, false), ERR_NONE);
	assert_int_equal(put(k, 2, "two", 2000, 0, false), ERR_NONE);
	assert_int_equal(put(k, 1, "one again", 1500, 0, false), ERR_NONE);
	keep_usage(k, &rows, &before);
	keep_close(k);
	k = open_at(folder);
	keep_usage(k, &rows, &bytes);
	assert_int_equal(rows, 2);
	assert_int_equal(bytes, before);
	expect(k, 1, 0, "one again");
	expect(k, 1, 1499, "one again");
	expect(k, 1, 1500, NULL);
	expect(k, 2, 1999, "two");
	expect(k, 3, 0, NULL);
	keep_close(k);
	chain_folder_remove(folder);
}

static struct keep *open_mem(struct kv_mem_disk *disk, uint32_t rows, uint64_t bytes)
{
	struct keep_options o = {.rows_max = rows, .bytes_max = bytes};
	struct why why = {""};
	struct keep *k;

	assert_int_equal(kv_mem_open(&o.db, disk, &why), ERR_NONE);
	assert_int_equal(keep_open(&k, &o, &why), ERR_NONE);
	return k;
}

/* What has expired makes room; what has not does not, and the last tenth is for the privileged. */
static void bounded_and_swept(void **state)
{
	struct kv_mem_disk *disk = kv_mem_disk_open(64u << 20);
	struct keep *k = open_mem(disk, 100, 0);
	uint32_t rows;
	uint64_t bytes;

	(void)state;
	for (uint32_t i = 0; i < 90; i++)
		assert_int_equal(put(k, i, "value", 1000 + i, 0, false), ERR_NONE);
	assert_int_equal(put(k, 90, "value", 5000, 0, false), ERR_FULL);
	assert_int_equal(put(k, 5, "instead", 1005, 0, false), ERR_NONE);
	for (uint32_t i = 90; i < 100; i++)
		assert_int_equal(put(k, i, "value", 5000, 0, true), ERR_NONE);
	assert_int_equal(put(k, 100, "value", 5000, 0, true), ERR_FULL);
	assert_int_equal(put(k, 100, "value", 5000, 1009, false), ERR_FULL); /* 90 are left */
	assert_int_equal(put(k, 100, "value", 5000, 1010, false), ERR_NONE);
	expect(k, 10, 1009, NULL);
	expect(k, 11, 1010, "value");
	assert_int_equal(put(k, 101, "value", 9000, 6000, false), ERR_NONE);
	keep_usage(k, &rows, &bytes);
	assert_int_equal(rows, 1);
	assert_int_equal(bytes, 12 + 5);
	keep_close(k);
	kv_mem_disk_close(disk);
}

static void too_many_bytes(void **state)
{
	struct kv_mem_disk *disk = kv_mem_disk_open(64u << 20);
	struct keep *k = open_mem(disk, 0, 1000);
	char *text = mem_zalloc(1, KEEP_VALUE_MAX + 2);

	(void)state;
	memset(text, 'x', KEEP_VALUE_MAX + 1);
	assert_int_equal(put(k, 1, text, 10, 0, true), ERR_TOO_LARGE);
	text[800] = '\0';
	assert_int_equal(put(k, 1, text, 10, 0, false), ERR_NONE);
	assert_int_equal(put(k, 2, text, 10, 0, true), ERR_FULL);
	text[801] = 'y';
	assert_int_equal(put(k, 1, text, 10, 0, false), ERR_NONE); /* in its own place */
	text[800] = 'x';
	text[990] = '\0';
	assert_int_equal(put(k, 1, text, 10, 0, false), ERR_FULL);
	text[800] = '\0';
	expect(k, 1, 0, text); /* what was there stays */
	mem_free(text);
	keep_close(k);
	kv_mem_disk_close(disk);
}

/* ---- a disk that fails */

static int until_fault;
static enum err once(void *ctx, enum kv_mem_op op)
{
	(void)ctx, (void)op;
	return until_fault >= 0 && until_fault-- == 0 ? ERR_NO_SPACE : ERR_NONE;
}

/* Every call fails once: nothing is half written, and it works the next time. */
static void each_call_fails_once(void **state)
{
	struct kv_mem_disk *disk = kv_mem_disk_open(64u << 20);
	struct kv_mem_faults faults = {.fail = once};
	struct keep *k = open_mem(disk, 0, 0);
	bool failed = true;
	uint32_t rows;
	uint64_t bytes;

	(void)state;
	assert_int_equal(put(k, 1, "old", 100, 0, false), ERR_NONE);
	kv_mem_disk_faults(disk, &faults);
	for (int at = 0; failed; at++) {
		until_fault = at;
		failed = put(k, 1, "new", 200, 0, false) == ERR_NO_SPACE;
		until_fault = -1;
		keep_usage(k, &rows, &bytes);
		assert_int_equal(rows, 1);
		expect(k, 1, 0, failed ? "old" : "new");
		assert_true(at < 20);
	}
	keep_close(k);
	kv_mem_disk_close(disk);
}

static void a_flipped_bit_is_no_answer(void **state)
{
	struct kv_mem_disk *disk = kv_mem_disk_open(64u << 20);
	struct keep *k = open_mem(disk, 0, 0);
	struct hash256 id = key(1);
	struct buf out = BUF_INIT;

	(void)state;
	assert_int_equal(put(k, 1, "answer", 100, 0, false), ERR_NONE);
	keep_close(k);
	assert_true(kv_mem_disk_flip(disk, KV_META, 0, 133));
	k = open_mem(disk, 0, 0);
	assert_int_equal(keep_get(k, &id, 0, &out), ERR_CORRUPT);
	assert_int_equal(out.n, 0);
	buf_close(&out);
	keep_close(k);
	kv_mem_disk_close(disk);
}

/* A small map that has to grow on the way. */
static void the_map_grows(void **state)
{
	struct kv_mem_disk *disk = kv_mem_disk_open(1u << 16);
	struct keep *k = open_mem(disk, 0, 0);
	char text[2000];

	(void)state;
	memset(text, 'g', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	for (uint32_t i = 0; i < 200; i++)
		assert_int_equal(put(k, i, text, 100, 0, false), ERR_NONE);
	for (uint32_t i = 0; i < 200; i++)
		expect(k, i, 0, text);
	keep_close(k);
	kv_mem_disk_close(disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows_outlive_the_process),
	    cmocka_unit_test(bounded_and_swept),
	    cmocka_unit_test(too_many_bytes),
	    cmocka_unit_test(each_call_fails_once),
	    cmocka_unit_test(a_flipped_bit_is_no_answer),
	    cmocka_unit_test(the_map_grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
