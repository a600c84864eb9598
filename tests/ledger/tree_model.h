/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_LEDGER_TREE_MODEL_H
#define TALLY_TESTS_LEDGER_TREE_MODEL_H

#include "base/mem.h"
#include "base/rng.h"
#include "ledger/tree.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* What a tree should hold, kept in the most obvious way: an array sorted by key. */
struct model_row {
	struct hash256 key;
	uint8_t data[40];
	uint8_t n;
};
struct model {
	struct model_row *row;
	size_t n, cap;
};

static inline struct bytes model_data(const struct model_row *r)
{
	return bytes_of(r->data, r->n);
}

/* Index of the first row whose key is not below `key`. */
static inline size_t model_lower(const struct model *m, const struct hash256 *key)
{
	size_t lo = 0, hi = m->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (hash256_cmp(&m->row[mid].key, key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static inline struct model_row *model_get(const struct model *m, const struct hash256 *key)
{
	size_t i = model_lower(m, key);

	return i < m->n && hash256_eq(&m->row[i].key, key) ? &m->row[i] : NULL;
}

static inline void model_put(struct model *m, const struct model_row *r)
{
	size_t i = model_lower(m, &r->key);

	if (i < m->n && hash256_eq(&m->row[i].key, &r->key)) {
		m->row[i] = *r;
		return;
	}
	if (m->n == m->cap) {
		m->cap = m->cap ? m->cap * 2 : 64;
		m->row = mem_resize(m->row, m->cap, sizeof(*m->row));
	}
	memmove(m->row + i + 1, m->row + i, (m->n - i) * sizeof(*m->row));
	m->row[i] = *r;
	m->n++;
}

static inline bool model_del(struct model *m, const struct hash256 *key)
{
	size_t i = model_lower(m, key);

	if (i == m->n || !hash256_eq(&m->row[i].key, key))
		return false;
	m->n--;
	memmove(m->row + i, m->row + i + 1, (m->n - i) * sizeof(*m->row));
	return true;
}

static inline struct model model_copy(const struct model *m)
{
	struct model c = {.n = m->n, .cap = m->n};

	c.row = mem_alloc(m->n * sizeof(*m->row));
	if (m->n)
		memcpy(c.row, m->row, m->n * sizeof(*m->row));
	return c;
}

static inline void model_close(struct model *m)
{
	mem_free(m->row);
	*m = (struct model){0};
}

/* Keys of few distinct nibbles at the front and the back, so that short and very long common
 * prefixes are frequent. */
static inline struct hash256 model_key(struct rng *r)
{
	struct hash256 k = {{0}};
	uint64_t kind = rng_below(r, 8);

	k.b[0] = (uint8_t)rng_next(r);
	if (kind < 5) {
		for (int i = 1; i < 32; i++)
			k.b[i] = (uint8_t)rng_next(r);
	} else if (kind < 7) {
		k.b[0] &= 0x11;
		k.b[31] = (uint8_t)rng_below(r, 6);
		k.b[16] = (uint8_t)rng_below(r, 2);
	} else {
		k.b[0] &= 0x33;
		k.b[1] = (uint8_t)rng_below(r, 4);
	}
	return k;
}

static inline struct model_row model_row_random(struct rng *r, const struct hash256 *key)
{
	struct model_row row = {.key = *key};

	row.n = (uint8_t)rng_between(r, 1, sizeof(row.data));
	for (int i = 0; i < row.n; i++)
		row.data[i] = (uint8_t)rng_next(r);
	return row;
}

/* One random edit of both. Mostly puts while small, so that sizes swing around `size`. */
static inline void model_edit(struct model *m, struct tree *t, struct rng *r, size_t size)
{
	struct hash256 key = model_key(r);

	if (m->n && rng_below(r, 4) != 0) /* mostly a key that is there or was */
		key = m->row[rng_below(r, m->n)].key;
	if (rng_below(r, 2 * size) > m->n) {
		struct model_row row;

		if (rng_below(r, 2))
			key = model_key(r);
		row = model_row_random(r, &key);
		assert_int_equal(tree_put(t, &key, model_data(&row)), FOUND);
		model_put(m, &row);
	} else {
		bool there = model_del(m, &key);

		assert_int_equal(tree_del(t, &key), there ? FOUND : ABSENT);
	}
}

/* The tree holds exactly the model's rows: by tree_next, and by tree_get for each and for keys
 * beside it. */
static inline void model_expect(const struct model *m, const struct tree *t, struct rng *r)
{
	struct hash256 key, *after = NULL, at;
	struct bytes data;
	uint64_t count = 0;

	for (size_t i = 0; i < m->n; i++) {
		assert_int_equal(tree_next(t, after, &key, &data), FOUND);
		assert_memory_equal(key.b, m->row[i].key.b, 32);
		assert_true(bytes_eq(data, model_data(&m->row[i])));
		assert_int_equal(tree_get(t, &key, &data), FOUND);
		assert_true(bytes_eq(data, model_data(&m->row[i])));
		at = key;
		after = &at;
	}
	assert_int_equal(tree_next(t, after, &key, &data), ABSENT);
	assert_int_equal(tree_count(t, &count), FOUND);
	assert_int_equal(count, m->n);
	assert_int_equal(tree_is_empty(t), m->n == 0);
	for (int i = 0; i < 20; i++) {
		size_t next;

		key = model_key(r);
		assert_int_equal(tree_get(t, &key, &data), model_get(m, &key) ? FOUND : ABSENT);
		next = model_lower(m, &key);
		next += next < m->n && hash256_eq(&m->row[next].key, &key);
		assert_int_equal(tree_next(t, &key, &at, &data), next < m->n ? FOUND : ABSENT);
		if (next < m->n)
			assert_memory_equal(at.b, m->row[next].key.b, 32);
	}
}

#endif
