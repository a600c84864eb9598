/* SPDX-License-Identifier: ISC */
#include "crypto/hash.h"
#include "ledger/tx_set.h"
#include "tree_model.h"

#include <stdio.h>
#include <stdlib.h>

static struct hash256 key_of_text(const char *hex)
{
	struct hash256 k;

	assert_true(hex_decode(k.b, 32, hex, strlen(hex)));
	return k;
}

/* The hash of a tree of these rows, from the definition, with nothing shared with the tree. */
static struct hash256 plain_hash(enum tree_kind kind, const struct model_row *row, size_t n,
				 unsigned depth)
{
	uint8_t image[16 * 32] = {0};
	struct hash256 h = {{0}};
	struct bytes part = bytes_of(image, sizeof(image));
	size_t from, to;

	if (n == 0)
		return h;
	if (n == 1 && depth > 0) {
		tree_leaf_hash(&h, kind, &row->key, model_data(row));
		return h;
	}
	for (from = 0; from < n; from = to) {
		unsigned shift = depth & 1 ? 0 : 4;
		unsigned nibble = (row[from].key.b[depth / 2] >> shift) & 15u;

		for (to = from; to < n && ((row[to].key.b[depth / 2] >> shift) & 15u) == nibble;)
			to++;
		h = plain_hash(kind, row + from, to - from, depth + 1);
		memcpy(image + 32 * nibble, h.b, 32);
	}
	sha512_half_parts(&h, HASH_PREFIX_INNER, &part, 1);
	return h;
}

static void leaf_hashes_are_the_protocols(void **state)
{
	uint8_t data[3] = {1, 2, 3}, image[4 + 3 + 32];
	struct hash256 key = key_of_text(
	    "92891FE4EF6CEE585FDC6FDA1E09EB4D386363158EC3321B8123E5A772C6CA7"
	    "0");
	struct hash256 got, want;

	(void)state;
	memcpy(image, "MLN\0\1\2\3", 7);
	memcpy(image + 7, key.b, 32);
	sha512_half(&want, image, sizeof(image));
	tree_leaf_hash(&got, TREE_STATE, &key, bytes_of(data, 3));
	assert_memory_equal(got.b, want.b, 32);
	memcpy(image, "SND\0", 4);
	sha512_half(&want, image, sizeof(image));
	tree_leaf_hash(&got, TREE_TX_META, &key, bytes_of(data, 3));
	assert_memory_equal(got.b, want.b, 32);
	memcpy(image, "TXN\0", 4);
	sha512_half(&want, image, 7);
	tree_leaf_hash(&got, TREE_TX_SET, &key, bytes_of(data, 3));
	assert_memory_equal(got.b, want.b, 32);
}

static void empty_tree(void **state)
{
	struct hash256 key = {{7}}, got;
	struct bytes data;
	struct tree t;

	(void)state;
	tree_init_empty(&t, TREE_STATE, NULL);
	assert_true(tree_is_empty(&t));
	got = tree_hash(&t);
	assert_true(hash256_is_zero(&got));
	assert_int_equal(tree_get(&t, &key, &data), ABSENT);
	assert_int_equal(tree_next(&t, NULL, &key, &data), ABSENT);
	assert_int_equal(tree_next(&t, &key, &key, &data), ABSENT);
	assert_int_equal(tree_del(&t, &key), ABSENT);
	assert_int_equal(tree_put(&t, &key, bytes_str("x")), FOUND);
	assert_false(tree_is_empty(&t));
	assert_int_equal(tree_del(&t, &key), FOUND);
	assert_true(tree_is_empty(&t));
	got = tree_hash(&t);
	assert_true(hash256_is_zero(&got));
	tree_close(&t);
}

static void one_leaf_hangs_below_an_inner_root(void **state)
{
	struct model_row row = {.key = {{0xA3, 1}}, .data = "data", .n = 4};
	uint8_t image[4 + 512] = "MIN";
	struct hash256 got, leaf, want;
	struct tree t;

	(void)state;
	tree_init_empty(&t, TREE_STATE, NULL);
	assert_int_equal(tree_put(&t, &row.key, model_data(&row)), FOUND);
	tree_leaf_hash(&leaf, TREE_STATE, &row.key, model_data(&row));
	memcpy(image + 4 + 32 * 0xA, leaf.b, 32);
	sha512_half(&want, image, sizeof(image));
	got = tree_hash(&t);
	assert_memory_equal(got.b, want.b, 32);
	tree_close(&t);
}

/* Two keys that differ in the last nibble only: 64 inner nodes, made and taken away again. */
static void longest_chain(void **state)
{
	struct model_row row[3] = {{.key = {{0x55}}, .data = "a", .n = 1},
				   {.key = {{0x55}}, .data = "b", .n = 1},
				   {.key = {{0x56}}, .data = "c", .n = 1}};
	struct hash256 got, want;
	struct bytes data;
	struct tree t;

	(void)state;
	row[1].key.b[31] = 1;
	tree_init_empty(&t, TREE_STATE, NULL);
	for (int i = 2; i >= 0; i--)
		assert_int_equal(tree_put(&t, &row[i].key, model_data(&row[i])), FOUND);
	got = tree_hash(&t);
	want = plain_hash(TREE_STATE, row, 3, 0);
	assert_memory_equal(got.b, want.b, 32);
	assert_int_equal(tree_get(&t, &row[1].key, &data), FOUND);
	assert_int_equal(tree_del(&t, &row[0].key), FOUND);
	got = tree_hash(&t);
	want = plain_hash(TREE_STATE, row + 1, 2, 0);
	assert_memory_equal(got.b, want.b, 32);
	assert_int_equal(tree_del(&t, &row[2].key), FOUND);
	got = tree_hash(&t);
	want = plain_hash(TREE_STATE, row + 1, 1, 0);
	assert_memory_equal(got.b, want.b, 32);
	tree_close(&t);
}

static void data_may_be_a_view_of_what_it_replaces(void **state)
{
	struct hash256 key = {{1}}, other = {{2}};
	struct bytes data;
	struct tree t;

	(void)state;
	tree_init_empty(&t, TREE_STATE, NULL);
	assert_int_equal(tree_put(&t, &key, bytes_str("a longer text")), FOUND);
	assert_int_equal(tree_get(&t, &key, &data), FOUND);
	assert_int_equal(tree_put(&t, &key, bytes_of(data.p + 2, 6)), FOUND);
	assert_int_equal(tree_get(&t, &key, &data), FOUND);
	assert_true(bytes_eq(data, bytes_str("longer")));
	assert_int_equal(tree_put(&t, &other, data), FOUND);
	assert_int_equal(tree_get(&t, &other, &data), FOUND);
	assert_true(bytes_eq(data, bytes_str("longer")));
	tree_close(&t);
}

#define SNAPSHOTS 12

/* Random edits; now and then a snapshot is taken, hashed, dropped; every one keeps its content. */
static void run_model(uint64_t seed, size_t size, int steps)
{
	struct model m = {0}, kept[SNAPSHOTS] = {{0}};
	struct tree t, snap[SNAPSHOTS] = {{0}};
	struct rng r;

	rng_init(&r, seed);
	tree_init_empty(&t, TREE_STATE, NULL);
	for (int step = 0; step < steps; step++) {
		size_t i = rng_below(&r, SNAPSHOTS);
		struct why why;

		model_edit(&m, &t, &r, size);
		switch (rng_below(&r, 40)) {
		case 0:
			if (snap[i].root) {
				model_expect(&kept[i], &snap[i], &r);
				tree_close(&snap[i]);
				model_close(&kept[i]);
			}
			tree_share(&snap[i], &t);
			kept[i] = model_copy(&m);
			break;
		case 1: { /* hash this or a snapshot */
			struct tree *which = snap[i].root ? &snap[i] : &t;
			const struct model *of = snap[i].root ? &kept[i] : &m;
			struct hash256 got = tree_hash(which);
			struct hash256 want = plain_hash(TREE_STATE, of->row, of->n, 0);

			assert_memory_equal(got.b, want.b, 32);
			break;
		}
		case 2:
			model_expect(&m, &t, &r);
			assert_true(tree_check(&t, &why));
			break;
		case 3: /* go on from a snapshot, as after a change of branch */
			if (snap[i].root && rng_below(&r, 4) == 0) {
				tree_close(&t);
				model_close(&m);
				tree_share(&t, &snap[i]);
				m = model_copy(&kept[i]);
			}
			break;
		}
	}
	for (size_t i = 0; i < SNAPSHOTS; i++)
		if (snap[i].root) {
			model_expect(&kept[i], &snap[i], &r);
			tree_close(&snap[i]);
			model_close(&kept[i]);
		}
	tree_close(&t);
	model_close(&m);
}

static void edits_and_snapshots_agree_with_the_model(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++)
		run_model(seed, 1 + seed % 7 * 20, 1500);
	run_model(1000, 2000, 20000);
}

static void set_id_is_the_root_of_a_tree_of_ids(void **state)
{
	struct rng r;

	(void)state;
	rng_init(&r, 5);
	for (size_t n = 0; n < 200; n = n * 2 + 1) {
		struct hash256 *ids = mem_zalloc(n + 1, sizeof(*ids)), got, want;
		struct tree t;

		tree_init_empty(&t, TREE_TX_SET, NULL);
		for (size_t i = 0; i < n; i++) {
			uint8_t blob[4];

			store_be32(blob, (uint32_t)rng_next(&r));
			tree_leaf_hash(&ids[i], TREE_TX_SET, &ids[i], bytes_of(blob, 4));
			assert_int_equal(tree_put(&t, &ids[i], bytes_of(blob, 4)), FOUND);
		}
		qsort(ids, n, sizeof(*ids), hash256_qsort_cmp);
		tx_set_id(&got, ids, n);
		want = tree_hash(&t);
		assert_memory_equal(got.b, want.b, 32);
		tree_close(&t);
		mem_free(ids);
	}
}

struct diff_log {
	const struct model *a, *b;
	size_t i, j;
	int n, stop_at;
};

/* The next key where the models differ, in order. */
static bool diff_expect(void *ctx, const struct hash256 *key, const struct bytes *in_a,
			const struct bytes *in_b)
{
	struct diff_log *d = ctx;
	const struct model_row *x, *y;

	for (;;) {
		x = d->i < d->a->n ? &d->a->row[d->i] : NULL;
		y = d->j < d->b->n ? &d->b->row[d->j] : NULL;
		assert_true(x || y);
		if (!x || !y || !hash256_eq(&x->key, &y->key) ||
		    !bytes_eq(model_data(x), model_data(y)))
			break;
		d->i++;
		d->j++;
	}
	if (x && y && !hash256_eq(&x->key, &y->key)) {
		if (hash256_cmp(&x->key, &y->key) < 0)
			y = NULL;
		else
			x = NULL;
	}
	assert_memory_equal(key->b, (x ? x : y)->key.b, 32);
	assert_int_equal(x != NULL, in_a != NULL);
	assert_int_equal(y != NULL, in_b != NULL);
	if (x) {
		assert_true(bytes_eq(*in_a, model_data(x)));
		d->i++;
	}
	if (y) {
		assert_true(bytes_eq(*in_b, model_data(y)));
		d->j++;
	}
	return ++d->n != d->stop_at;
}

static int models_differ(const struct model *a, const struct model *b)
{
	int n = 0;

	for (size_t i = 0; i < a->n; i++) {
		const struct model_row *y = model_get(b, &a->row[i].key);

		n += !y || !bytes_eq(model_data(&a->row[i]), model_data(y));
	}
	for (size_t j = 0; j < b->n; j++)
		n += !model_get(a, &b->row[j].key);
	return n;
}

static void diff_names_each_difference_once_in_order(void **state)
{
	struct rng r;

	(void)state;
	rng_init(&r, 77);
	for (int round = 0; round < 150; round++) {
		struct model ma = {0}, mb;
		struct tree a, b;
		int edits = (int)rng_below(&r, 60), want;

		tree_init_empty(&a, TREE_STATE, NULL);
		for (uint64_t n = rng_below(&r, 400); n > 0; n--)
			model_edit(&ma, &a, &r, 100);
		tree_share(&b, &a);
		mb = model_copy(&ma);
		for (int i = 0; i < edits; i++)
			model_edit(&mb, &b, &r, 100);
		tree_hash(&a);
		tree_hash(&b);
		want = models_differ(&ma, &mb);
		for (int stop = 0; stop <= want; stop += 1 + want / 2) {
			struct diff_log d = {.a = &ma, .b = &mb, .stop_at = stop};

			assert_int_equal(tree_diff(&a, &b, diff_expect, &d), FOUND);
			assert_int_equal(d.n, stop ? stop : want);
		}
		tree_close(&a);
		tree_close(&b);
		model_close(&ma);
		model_close(&mb);
	}
}

/* What a peer gets is enough to rebuild the tree, each node checked against its parent's hash. */
static void rebuild_from_wire(const struct tree *from, struct tree *to, uint8_t *path,
			      unsigned depth, const struct hash256 *want)
{
	struct buf b = BUF_INIT;
	struct hash256 got;

	assert_int_equal(tree_node_wire(from, path, depth, &b), FOUND);
	if (b.p[0] == 'L') {
		struct hash256 key;

		memcpy(key.b, b.p + 1, 32);
		tree_leaf_hash(&got, TREE_STATE, &key, bytes_of(b.p + 33, b.n - 33));
		assert_int_equal(tree_put(to, &key, bytes_of(b.p + 33, b.n - 33)), FOUND);
	} else {
		uint8_t image[512] = {0};
		struct bytes part = bytes_of(image, sizeof(image));
		uint16_t mask = load_be16(b.p + 1);
		size_t at = 3;

		assert_int_equal(b.p[0], 'I');
		for (unsigned i = 0; i < 16; i++) {
			struct buf none = BUF_INIT;

			path[depth] = (uint8_t)i;
			if (!(mask & (1u << i))) {
				assert_int_equal(tree_node_wire(from, path, depth + 1, &none),
						 ABSENT);
				assert_int_equal(none.n, 0);
				continue;
			}
			memcpy(image + i * 32, b.p + at, 32);
			rebuild_from_wire(from, to, path, depth + 1,
					  (const struct hash256 *)(const void *)(b.p + at));
			at += 32;
		}
		assert_int_equal(at, b.n);
		sha512_half_parts(&got, HASH_PREFIX_INNER, &part, 1);
	}
	assert_memory_equal(got.b, want->b, 32);
	buf_close(&b);
}

static void wire_nodes_rebuild_the_tree(void **state)
{
	uint8_t path[66];
	struct model m = {0};
	struct hash256 want, got;
	struct tree a, b;
	struct buf out = BUF_INIT;
	struct rng r;

	(void)state;
	rng_init(&r, 9);
	tree_init_empty(&a, TREE_STATE, NULL);
	tree_init_empty(&b, TREE_STATE, NULL);
	assert_int_equal(tree_node_wire(&a, path, 0, &out), ABSENT);
	for (int i = 0; i < 1000; i++)
		model_edit(&m, &a, &r, 200);
	want = tree_hash(&a);
	rebuild_from_wire(&a, &b, path, 0, &want);
	got = tree_hash(&b);
	assert_memory_equal(got.b, want.b, 32);
	memset(path, 16, sizeof(path));
	assert_int_equal(tree_node_wire(&a, path, 1, &out), ABSENT);
	memset(path, 0, sizeof(path));
	assert_int_equal(tree_node_wire(&a, path, 65, &out), ABSENT);
	assert_int_equal(out.n, 0);
	tree_close(&a);
	tree_close(&b);
	model_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(leaf_hashes_are_the_protocols),
	    cmocka_unit_test(empty_tree),
	    cmocka_unit_test(one_leaf_hangs_below_an_inner_root),
	    cmocka_unit_test(longest_chain),
	    cmocka_unit_test(data_may_be_a_view_of_what_it_replaces),
	    cmocka_unit_test(edits_and_snapshots_agree_with_the_model),
	    cmocka_unit_test(set_id_is_the_root_of_a_tree_of_ids),
	    cmocka_unit_test(diff_names_each_difference_once_in_order),
	    cmocka_unit_test(wire_nodes_rebuild_the_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
