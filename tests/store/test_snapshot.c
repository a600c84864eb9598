/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "base/rng.h"
#include "chain.h"
#include "ledger/tree_stream.h"
#include "os/file.h"
#include "store/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* Whole ledgers as files. */

static char folder[128], other[128], file[200], again[200];

static int make(void **state)
{
	(void)state;
	chain_folder_make(folder);
	chain_folder_make(other);
	snprintf(file, sizeof(file), "%s.snapshot", folder);
	snprintf(again, sizeof(again), "%s.again", folder);
	return 0;
}

static int clear(void **state)
{
	(void)state;
	chain_folder_remove(folder);
	chain_folder_remove(other);
	unlink(file);
	unlink(again);
	return 0;
}

static struct store *open_store(const char *where)
{
	struct store *s;
	struct why why = {""};

	if (chain_store_open(&s, where, 256, 1 << 20, &why) != ERR_NONE)
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

/* A store with a few ledgers, closed; the chain stays. */
static void write_chain(struct chain *c, uint32_t accounts, uint32_t ledgers)
{
	struct store *s = open_store(folder);
	uint32_t i;

	chain_init(c, 5, accounts, 20, NULL);
	commit(s, c->tip, NULL);
	for (i = 1; i < ledgers; i++) {
		struct ledger *last = ledger_ref(c->tip);

		commit(s, chain_next(c), last);
		ledger_unref(last);
	}
	store_close(s);
}

static struct snapshot_info export_to(const char *where, const char *path)
{
	struct snapshot_info info;
	struct why why = {""};

	if (snapshot_export(where, 0, path, &info, &why) != ERR_NONE)
		fail_msg("%s", why.text);
	return info;
}

static void read_file(struct buf *b, const char *path)
{
	assert_int_equal(file_read(b, path, 1u << 30, NULL), ERR_NONE);
}

static void expect_sound(struct store *s)
{
	struct buf report = BUF_INIT;
	struct why why = {""};

	if (store_verify(s, &report, &why) != ERR_NONE)
		fail_msg("%s", why.text);
	buf_close(&report);
}

/* Out, in, and out again: the same ledger, the same bytes; and the store goes on from it. */
static void round_trip(uint32_t accounts, uint32_t ledgers)
{
	struct snapshot_info a, b;
	struct buf one = BUF_INIT, two = BUF_INIT;
	struct why why = {""};
	struct ledger *tip, *next;
	struct store *s;
	struct chain c;

	write_chain(&c, accounts, ledgers);
	a = export_to(folder, file);
	assert_memory_equal(&a.hash, &c.tip->hash, 32);
	assert_int_equal(a.entries, accounts);
	if (snapshot_import(file, other, &c.tip->hash, &b, &why) != ERR_NONE)
		fail_msg("%s", why.text);
	assert_memory_equal(&b.hash, &a.hash, 32);
	assert_int_equal(a.bytes, b.bytes);
	(void)export_to(other, again);
	read_file(&one, file);
	read_file(&two, again);
	assert_int_equal(one.n, two.n);
	assert_memory_equal(one.p, two.p, one.n);
	s = open_store(other);
	assert_int_equal(store_load_tip(s, &tip, &why), ERR_NONE);
	assert_memory_equal(&tip->hash, &c.tip->hash, 32);
	expect_sound(s);
	c.source = store_node_source(s);
	chain_replace_tip(&c, tip);
	tip = ledger_ref(c.tip);
	next = chain_next(&c);
	commit(s, next, tip);
	expect_sound(s);
	ledger_unref(tip);
	chain_close(&c);
	store_close(s);
	buf_close(&one);
	buf_close(&two);
}

static void a_ledger_goes_out_and_comes_in(void **state)
{
	(void)state;
	round_trip(300, 10);
}

static void a_hundred_thousand_accounts_do(void **state)
{
	(void)state;
	round_trip(100000, 2);
}

/* Every bit and every length counts. */
static void damage_is_found(void **state)
{
	struct buf b = BUF_INIT;
	struct snapshot_info info;
	struct chain c;
	struct rng r;
	int i;

	(void)state;
	write_chain(&c, 40, 4);
	(void)export_to(folder, file);
	read_file(&b, file);
	assert_int_equal(snapshot_check(file, &info, NULL), ERR_NONE);
	rng_init(&r, 3);
	for (i = 0; i < 1200; i++) {
		size_t at = i < 200 ? (size_t)i : rng_below(&r, b.n), n = b.n;
		uint8_t bit = (uint8_t)(1u << rng_below(&r, 8));
		FILE *f = fopen(again, "w");

		if (i % 3 == 0)
			n = rng_below(&r, b.n); /* cut off */
		else
			b.p[at] ^= bit;
		fwrite(b.p, 1, n, f);
		if (i % 300 == 1) { /* or longer than it should be */
			b.p[at] ^= bit;
			fwrite("", 1, 1, f);
			b.p[at] ^= bit;
		}
		fclose(f);
		if (snapshot_check(again, &info, NULL) == ERR_NONE)
			fail_msg("damage at %zu of %zu was not found", at, n);
		if (n == b.n)
			b.p[at] ^= bit;
	}
	chain_close(&c);
	buf_close(&b);
}

/* A damaged file leaves nothing behind that a node could start on. */
static void a_damaged_file_makes_no_store(void **state)
{
	struct buf b = BUF_INIT;
	struct snapshot_info info;
	struct why why = {""};
	struct store *s;
	struct chain c;
	FILE *f;

	(void)state;
	write_chain(&c, 500, 3);
	(void)export_to(folder, file);
	read_file(&b, file);
	b.p[b.n - 40] ^= 1;
	f = fopen(again, "w");
	fwrite(b.p, 1, b.n, f);
	fclose(f);
	assert_int_equal(snapshot_import(again, other, NULL, &info, &why), ERR_CORRUPT);
	assert_non_null(strstr(why.text, "damaged"));
	s = open_store(other); /* which makes a new one */
	assert_int_equal(store_history(s)->complete(store_history(s)->ctx).last, 0);
	store_close(s);
	assert_int_equal(snapshot_import(file, other, NULL, &info, &why), ERR_DUPLICATE);
	chain_close(&c);
	buf_close(&b);
}

static void wrong_files_are_told_apart(void **state)
{
	struct hash256 wrong = {{1}};
	struct snapshot_info info;
	struct why why = {""};
	struct chain c;

	(void)state;
	write_chain(&c, 30, 3);
	assert_int_equal(snapshot_export(folder, 77, file, &info, &why), ERR_ABSENT);
	assert_int_equal(access(file, F_OK), -1);
	(void)export_to(folder, file);
	assert_int_equal(snapshot_export(folder, 0, file, &info, &why), ERR_DUPLICATE);
	assert_int_equal(snapshot_import(file, other, &wrong, &info, &why), ERR_MISMATCH);
	assert_int_equal(snapshot_check(folder, &info, &why), ERR_IO);
	assert_int_equal(snapshot_check("/nowhere/at/all", &info, &why), ERR_ABSENT);
	assert_int_equal(snapshot_export(folder, 2, again, &info, &why), ERR_NONE);
	assert_int_equal(info.header.seq, 2);
	chain_close(&c);
}

struct visit {
	struct hash256 last;
	uint32_t n, stop;
};

static enum err visit(void *ctx, const struct hash256 *key, struct bytes data, struct why *why)
{
	struct visit *v = ctx;

	assert_true(data.n > 0 && hash256_cmp(key, &v->last) > 0);
	v->last = *key;
	return ++v->n == v->stop ? why_set(why, ERR_STATE, "enough") : ERR_NONE;
}

static void each_entry_is_given(void **state)
{
	struct visit all = {.n = 0}, some = {.stop = 7};
	struct snapshot_info info;
	struct why why = {""};
	struct chain c;

	(void)state;
	write_chain(&c, 30, 3);
	(void)export_to(folder, file);
	assert_int_equal(snapshot_each(file, visit, &all, &info, &why), ERR_NONE);
	assert_int_equal(all.n, info.entries);
	assert_memory_equal(&info.hash, &c.tip->hash, 32);
	assert_int_equal(snapshot_each(file, visit, &some, &info, &why), ERR_STATE);
	assert_string_equal(why.text, "enough");
	assert_int_equal(some.n, 7);
	chain_close(&c);
}

/* ---- the tree in passing ---- */

/* Keys that share long prefixes, a single one, none: the root is that of the tree in memory. */
static void a_stream_gives_the_root_of_the_tree(void **state)
{
	uint32_t sizes[] = {0, 1, 2, 3, 16, 17, 300, 5000}, i, k;
	struct rng r;

	(void)state;
	rng_init(&r, 8);
	for (i = 0; i < 64; i++) {
		struct tree_stream *s = tree_stream_open(TREE_STATE, 9, NULL);
		struct hash256 key, last, *after = NULL, root, want;
		struct bytes data;
		struct tree t;
		uint64_t root_key;

		tree_init_empty(&t, TREE_STATE, NULL);
		for (k = 0; k < sizes[i % 8]; k++) {
			uint8_t leaf[40];

			memset(key.b, 0xAB, sizeof(key.b));
			store_be32(key.b + (i / 8) * 4, (uint32_t)rng_next(&r));
			store_be32(leaf, k);
			assert_int_equal(tree_put(&t, &key, bytes_of(leaf, 4 + k % 30)), FOUND);
		}
		while (tree_next(&t, after, &key, &data) == FOUND) {
			assert_int_equal(tree_stream_put(s, &key, data), ERR_NONE);
			last = key;
			after = &last;
		}
		if (after)
			assert_int_equal(tree_stream_put(s, &last, bytes_of(last.b, 4)), ERR_ORDER);
		assert_int_equal(tree_stream_end(s, &root, &root_key), ERR_NONE);
		want = tree_hash(&t);
		assert_memory_equal(&root, &want, 32);
		tree_stream_close(s);
		tree_close(&t);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make, clear)
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_stream_gives_the_root_of_the_tree),
	    TEST(a_ledger_goes_out_and_comes_in),
	    TEST(a_hundred_thousand_accounts_do),
	    TEST(damage_is_found),
	    TEST(a_damaged_file_makes_no_store),
	    TEST(wrong_files_are_told_apart),
	    TEST(each_entry_is_given),
	};

	return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
