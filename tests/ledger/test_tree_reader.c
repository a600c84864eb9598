/* SPDX-License-Identifier: ISC */
#include "ledger/tree_reader.h"

#include "ledger/tree_node.h"
#include "ledger/tree_persist.h"
#include "tree_model.h"

#include <stdlib.h>

/* Stored nodes in the order of their keys. */
struct stored {
	uint64_t key[40000];
	struct buf node[40000];
	size_t n;
	uint64_t loads, fail_at; /* the load that fails, 0: none */
};

static enum err put(void *ctx, uint64_t key, struct bytes node)
{
	struct stored *s = ctx;

	assert_true(s->n < 40000);
	s->key[s->n] = key;
	buf_put(&s->node[s->n++], node.p, node.n);
	return ERR_NONE;
}

static int by_key(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static enum err load(void *ctx, uint64_t key, struct buf *out)
{
	struct stored *s = ctx;
	const uint64_t *p = bsearch(&key, s->key, s->n, sizeof(key), by_key);

	s->loads++;
	if (s->loads == s->fail_at)
		return ERR_IO;
	assert_non_null(p);
	buf_put(out, s->node[p - s->key].p, s->node[p - s->key].n);
	return ERR_NONE;
}

struct fixture {
	struct stored s;
	struct node_source source;
	struct model m;
	struct hash256 hash;
	uint64_t root_key;
	struct rng rng;
};

static struct fixture *fixture_new(uint64_t seed, size_t edits)
{
	struct fixture *f = mem_zalloc(1, sizeof(*f));
	struct tree_sink sink = {.put = put, .ctx = &f->s};
	struct buf obsolete = BUF_INIT;
	struct tree_keys *keys;
	struct tree t;

	f->source = (struct node_source){.load = load, .ctx = &f->s};
	rng_init(&f->rng, seed);
	tree_init_empty(&t, TREE_STATE, &f->source);
	for (size_t i = 0; i < edits; i++)
		model_edit(&f->m, &t, &f->rng, edits);
	f->hash = tree_hash(&t);
	assert_int_equal(tree_persist(&t, NULL, 3, &sink, &obsolete, &keys, &f->root_key),
			 ERR_NONE);
	tree_keys_drop(keys);
	buf_close(&obsolete);
	tree_close(&t);
	return f;
}

static void fixture_free(struct fixture *f)
{
	for (size_t i = 0; i < f->s.n; i++)
		buf_close(&f->s.node[i]);
	model_close(&f->m);
	mem_free(f);
}

static void open_tree(struct fixture *f, struct tree *t)
{
	tree_init_stored(t, TREE_STATE, &f->source, &f->hash, f->root_key);
}

/* Nodes below n that are in memory. */
static size_t in_memory(struct tree_node *n)
{
	size_t count = 0;

	if (tree_node_is_leaf(n))
		return 1;
	for (unsigned i = 0; i < tree_children(tree_inner_of(n)); i++) {
		struct tree_node *child = tree_slot_peek(&tree_inner_of(n)->slot[i]);

		count += child ? in_memory(child) : 0;
	}
	return count + 1;
}

static void expect_get(struct fixture *f, struct tree_reader *r, const struct hash256 *key)
{
	const struct model_row *row = model_get(&f->m, key);
	struct bytes data;

	assert_int_equal(tree_reader_get(r, key, &data), row ? FOUND : ABSENT);
	if (row)
		assert_true(bytes_eq(data, model_data(row)));
}

static void expect_next(struct fixture *f, struct tree_reader *r, const struct hash256 *after)
{
	size_t i = after ? model_lower(&f->m, after) : 0;
	struct hash256 key;
	struct bytes data;

	if (after && i < f->m.n && hash256_eq(&f->m.row[i].key, after))
		i++;
	assert_int_equal(tree_reader_next(r, after, &key, &data), i < f->m.n ? FOUND : ABSENT);
	if (i == f->m.n)
		return;
	assert_memory_equal(key.b, f->m.row[i].key.b, 32);
	assert_true(bytes_eq(data, model_data(&f->m.row[i])));
}

/* Anything in any order, over a tree on disk, one that is partly and one that is all in memory. */
static void test_same_as_the_tree(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct fixture *f = fixture_new(seed, seed % 3 ? seed * 5 : 2000);
		struct tree_reader r;
		struct tree t;

		open_tree(f, &t);
		if (seed % 4 == 1)
			model_expect(&f->m, &t, &f->rng); /* loads everything */
		tree_reader_open(&r, &t);
		for (int i = 0; i < 400; i++) {
			struct hash256 key = model_key(&f->rng);
			struct bytes data;

			if (f->m.n && rng_below(&f->rng, 3))
				key = f->m.row[rng_below(&f->rng, f->m.n)].key;
			if (rng_below(&f->rng, 2))
				expect_get(f, &r, &key);
			else
				expect_next(f, &r, rng_below(&f->rng, 20) ? &key : NULL);
			if (seed % 4 == 2 && rng_below(&f->rng, 8) == 0)
				(void)!tree_get(&t, &key, &data);
		}
		tree_reader_close(&r);
		tree_close(&t);
		fixture_free(f);
	}
}

/* Reading all of it, in order: each node is loaded once, and next to nothing stays. */
static void test_nothing_stays(void **state)
{
	struct fixture *f = fixture_new(7, 20000);
	struct hash256 key, at;
	struct tree_reader r;
	struct bytes data;
	struct tree t;
	size_t n = 0;

	(void)state;
	assert_true(f->m.n > 5000);
	open_tree(f, &t);
	tree_reader_open(&r, &t);
	for (enum found e = tree_reader_next(&r, NULL, &key, &data); e == FOUND; n++) {
		at = key;
		e = tree_reader_next(&r, &at, &key, &data);
	}
	tree_reader_close(&r);
	assert_int_equal(n, f->m.n);
	assert_int_equal(f->s.loads, f->s.n);
	assert_true(in_memory(t.root) <= 1 + 1 + 16 + 256);
	tree_close(&t);
	fixture_free(f);
}

/* A load that fails is UNAVAILABLE, never ABSENT, and the reader goes on afterwards. */
static void test_failing_loads(void **state)
{
	struct fixture *f = fixture_new(11, 300);
	struct hash256 key, from;
	struct bytes data;

	(void)state;
	for (size_t row = 0; row < f->m.n; row += 17)
		for (uint64_t fail = 1; fail < 70; fail++) {
			struct tree_reader r;
			enum found e;
			struct tree t;

			key = f->m.row[row].key;
			from = f->m.row[f->m.n - 1 - row].key;
			open_tree(f, &t);
			tree_reader_open(&r, &t);
			expect_next(f, &r, &from);
			f->s.loads = 0;
			f->s.fail_at = fail;
			e = fail % 2 ? tree_reader_get(&r, &key, &data)
				     : tree_reader_next(&r, &key, &from, &data);
			assert_true(f->s.loads < fail ? e != UNAVAILABLE : e == UNAVAILABLE);
			f->s.fail_at = 0;
			expect_get(f, &r, &key);
			expect_next(f, &r, &key);
			tree_reader_close(&r);
			tree_close(&t);
			if (f->s.loads < fail)
				break;
		}
	fixture_free(f);
}

/* A tree opened anew has nothing in memory, and its own contents; what is not stored is shared. */
static void test_reopen(void **state)
{
	struct fixture *f = fixture_new(5, 500);
	struct model_row row;
	struct hash256 hash;
	struct tree t, fresh;

	(void)state;
	open_tree(f, &t);
	model_expect(&f->m, &t, &f->rng);
	assert_true(in_memory(t.root) > f->m.n);
	tree_reopen(&fresh, &t);
	assert_int_equal(in_memory(fresh.root), 1);
	tree_close(&t);
	model_expect(&f->m, &fresh, &f->rng);
	hash = tree_hash(&fresh);
	assert_memory_equal(hash.b, f->hash.b, 32);
	/* With an edit it is not what is stored. */
	row = model_row_random(&f->rng, &f->m.row[3].key);
	model_put(&f->m, &row);
	assert_int_equal(tree_put(&fresh, &row.key, model_data(&row)), FOUND);
	tree_reopen(&t, &fresh);
	tree_close(&fresh);
	model_expect(&f->m, &t, &f->rng);
	tree_close(&t);
	fixture_free(f);
}

static void test_empty(void **state)
{
	struct hash256 key = {{1}};
	struct tree_reader r;
	struct bytes data;
	struct tree t;

	(void)state;
	tree_init_empty(&t, TREE_STATE, NULL);
	tree_reader_open(&r, &t);
	assert_int_equal(tree_reader_get(&r, &key, &data), ABSENT);
	assert_int_equal(tree_reader_next(&r, NULL, &key, &data), ABSENT);
	assert_int_equal(tree_reader_next(&r, &key, &key, &data), ABSENT);
	tree_reader_close(&r);
	tree_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_same_as_the_tree),
	    cmocka_unit_test(test_nothing_stays),
	    cmocka_unit_test(test_failing_loads),
	    cmocka_unit_test(test_reopen),
	    cmocka_unit_test(test_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
