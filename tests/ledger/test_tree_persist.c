/* SPDX-License-Identifier: ISC */
#include "ledger/tree_persist.h"
#include "tree_model.h"

#include <pthread.h>
#include <stdlib.h>

/* A store in memory: nodes in the order of their keys, and what each ledger made obsolete. */
struct row {
	uint64_t key;
	struct buf node;
	bool deleted;
};
struct mem_store {
	struct row *row;
	size_t n, cap, live;
	pthread_mutex_t mutex;
	uint64_t loads;
	uint64_t fail_every; /* every n-th load fails; 0: none does */
	uint64_t fail_put;   /* the n-th put from now fails; 0: none does */
};

static struct row *row_find(struct mem_store *s, uint64_t key)
{
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (s->row[mid].key < key)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < s->n && s->row[lo].key == key && !s->row[lo].deleted ? &s->row[lo] : NULL;
}

static enum err mem_load(void *ctx, uint64_t key, struct buf *out)
{
	struct mem_store *s = ctx;
	enum err e = ERR_NONE;
	struct row *r;

	pthread_mutex_lock(&s->mutex);
	r = row_find(s, key);
	s->loads++;
	if (s->fail_every && s->loads % s->fail_every == 0)
		e = ERR_IO;
	else if (!r)
		e = ERR_ABSENT;
	else
		buf_put(out, r->node.p, r->node.n);
	pthread_mutex_unlock(&s->mutex);
	return e;
}

static enum err mem_put(void *ctx, uint64_t key, struct bytes node)
{
	struct mem_store *s = ctx;

	if (s->fail_put && --s->fail_put == 0)
		return ERR_NO_SPACE;
	assert_true(s->n == 0 || s->row[s->n - 1].key < key); /* appends only */
	pthread_mutex_lock(&s->mutex);
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 1024;
		s->row = mem_resize(s->row, s->cap, sizeof(*s->row));
	}
	s->row[s->n] = (struct row){.key = key};
	buf_put(&s->row[s->n].node, node.p, node.n);
	s->n++;
	s->live++;
	pthread_mutex_unlock(&s->mutex);
	return ERR_NONE;
}

/* What a failed commit does: nothing of it stays. */
static void mem_roll_back(struct mem_store *s, size_t n)
{
	while (s->n > n) {
		buf_close(&s->row[--s->n].node);
		s->live--;
	}
}

static void mem_delete(struct mem_store *s, struct bytes keys)
{
	assert_int_equal(keys.n % 8, 0);
	for (size_t i = 0; i < keys.n; i += 8) {
		struct row *r = row_find(s, load_be64(keys.p + i));

		assert_non_null(r); /* each key is named once, and was written */
		r->deleted = true;
		buf_close(&r->node);
		s->live--;
	}
}

static void mem_close(struct mem_store *s)
{
	for (size_t i = 0; i < s->n; i++)
		buf_close(&s->row[i].node);
	mem_free(s->row);
	pthread_mutex_destroy(&s->mutex);
}

/* Distinct stored nodes that a root leads to. */
static size_t reachable(struct mem_store *s, uint64_t key)
{
	struct row *r = row_find(s, key);
	size_t n = 1;

	assert_non_null(r);
	if (r->node.p[0] == 'I')
		for (size_t at = 3; at < r->node.n; at += 40)
			n += reachable(s, load_be64(r->node.p + at + 32));
	return n;
}

#define CHAIN 40

struct kept {
	uint32_t seq;
	struct model m;
	struct hash256 hash;
	uint64_t root_key;
	struct buf obsolete;
};

struct chain {
	struct mem_store store;
	struct node_source source;
	struct tree_sink sink;
	struct kept kept[CHAIN];
	int n, pruned;
	struct tree last; /* root NULL before the first */
	struct rng rng;
};

static void chain_init(struct chain *c, uint64_t seed)
{
	*c = (struct chain){0};
	c->source = (struct node_source){.load = mem_load, .ctx = &c->store};
	c->sink = (struct tree_sink){.put = mem_put, .ctx = &c->store};
	pthread_mutex_init(&c->store.mutex, NULL);
	rng_init(&c->rng, seed);
}

static void chain_close(struct chain *c)
{
	for (int i = 0; i < c->n; i++) {
		model_close(&c->kept[i].m);
		buf_close(&c->kept[i].obsolete);
	}
	if (c->last.root)
		tree_close(&c->last);
	mem_close(&c->store);
}

/* A tree of the model's rows that shares nothing with any other. */
static void rebuild(struct tree *t, const struct model *m, struct node_source *source)
{
	tree_init_empty(t, TREE_STATE, source);
	for (size_t i = 0; i < m->n; i++)
		assert_int_equal(tree_put(t, &m->row[i].key, model_data(&m->row[i])), FOUND);
	tree_hash(t);
}

static void stored_tree(struct chain *c, int i, struct tree *t)
{
	tree_init_stored(t, TREE_STATE, &c->source, &c->kept[i].hash, c->kept[i].root_key);
}

/* A commit that does not get through, or is not acknowledged. */
static void fail_commit(struct chain *c, const struct tree *now, uint32_t seq)
{
	const struct tree *last = c->last.root ? &c->last : NULL;
	struct buf obsolete = BUF_INIT;
	struct tree_keys *keys;
	size_t before = c->store.n;
	uint64_t root_key;
	enum err e;

	c->store.fail_put = 1 + rng_below(&c->rng, 30);
	e = tree_persist(now, last, seq, &c->sink, &obsolete, &keys, &root_key);
	c->store.fail_put = 0;
	assert_true(e == ERR_NONE || e == ERR_NO_SPACE);
	if (e == ERR_NONE)
		tree_keys_drop(keys);
	mem_roll_back(&c->store, before);
	buf_close(&obsolete);
}

/* Commits `now` after c->last. Takes the tree over as the new last. */
static void commit_once(struct chain *c, struct tree *now, const struct model *m, uint32_t seq)
{
	struct kept *k = &c->kept[c->n++];
	const struct tree *last = c->last.root ? &c->last : NULL;
	struct tree_keys *keys;

	assert_true(c->n <= CHAIN);
	k->seq = seq;
	k->m = model_copy(m);
	k->hash = tree_hash(now);
	assert_int_equal(tree_persist(now, last, seq, &c->sink, &k->obsolete, &keys, &k->root_key),
			 ERR_NONE);
	assert_int_equal(k->root_key == 0, m->n == 0);
	tree_keys_publish(keys);
	if (c->last.root)
		tree_close(&c->last);
	c->last = *now;
}

static void chain_commit(struct chain *c, struct tree *now, const struct model *m, uint32_t seq)
{
	tree_hash(now);
	if (rng_below(&c->rng, 4) == 0)
		fail_commit(c, now, seq);
	commit_once(c, now, m, seq);
}

static void expect_readable(struct chain *c, int i)
{
	struct why why = {""};
	struct tree t;

	stored_tree(c, i, &t);
	if (!tree_check(&t, &why))
		fail_msg("ledger %u: %s", c->kept[i].seq, why.text);
	model_expect(&c->kept[i].m, &t, &c->rng);
	tree_close(&t);
}

static void prune_to(struct chain *c, int i)
{
	for (; c->pruned <= i; c->pruned++)
		mem_delete(&c->store, buf_bytes(&c->kept[c->pruned].obsolete));
}

/* The tree for the next ledger, made in one of the ways a node makes them. */
static void next_tree(struct chain *c, struct model *m, struct tree *now)
{
	uint64_t way = rng_below(&c->rng, 8);
	int edits = (int)rng_below(&c->rng, 40);
	int oldest = c->pruned ? c->pruned - 1 : 0;
	int old = (int)rng_between(&c->rng, oldest, c->n - 1);

	if (way == 0) {
		/* From an older ledger, whose keys may be obsolete by now. */
		model_close(m);
		*m = model_copy(&c->kept[old].m);
		stored_tree(c, old, now);
	} else if (way == 1) { /* as after a start from disk */
		stored_tree(c, c->n - 1, now);
	} else if (way == 3) {
		tree_reopen(now, &c->last);
	} else {
		tree_share(now, &c->last);
	}
	for (int i = 0; i < edits; i++)
		model_edit(m, now, &c->rng, 60);
	if (way == 2) { /* as after a fetch from peers */
		tree_close(now);
		rebuild(now, m, &c->source);
	}
	tree_hash(now);
}

static void every_kept_ledger_is_whole_and_nothing_else_is_left(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct chain c;
		struct model m = {0};
		struct tree now;
		uint32_t seq = 1;

		chain_init(&c, seed);
		tree_init_empty(&now, TREE_STATE, &c.source);
		for (int i = 0; i < 100; i++)
			model_edit(&m, &now, &c.rng, 60);
		chain_commit(&c, &now, &m, seq);
		while (c.n < CHAIN) {
			next_tree(&c, &m, &now);
			seq += rng_below(&c.rng, 5) ? 1 : 500;
			chain_commit(&c, &now, &m, seq);
			if (rng_below(&c.rng, 6) == 0)
				prune_to(&c, c.n - 1 - (int)rng_below(&c.rng, 3));
			for (int i = c.pruned ? c.pruned - 1 : 0; i < c.n; i += 3)
				expect_readable(&c, i);
		}
		prune_to(&c, c.n - 1);
		expect_readable(&c, c.n - 1);
		assert_int_equal(c.store.live,
				 m.n ? reachable(&c.store, c.kept[c.n - 1].root_key) : 0);
		model_close(&m);
		chain_close(&c);
	}
}

/* A ledger rebuilt from nothing with equal content writes nothing and obsoletes nothing. */
static void equal_content_takes_over_the_keys(void **state)
{
	struct chain c;
	struct model m = {0};
	struct tree now;
	size_t rows;

	(void)state;
	chain_init(&c, 3);
	tree_init_empty(&now, TREE_STATE, &c.source);
	for (int i = 0; i < 300; i++)
		model_edit(&m, &now, &c.rng, 100);
	chain_commit(&c, &now, &m, 1);
	rows = c.store.n;
	rebuild(&now, &m, &c.source);
	chain_commit(&c, &now, &m, 2);
	assert_int_equal(c.store.n, rows);
	assert_int_equal(c.kept[1].obsolete.n, 0);
	assert_int_equal(c.kept[1].root_key, c.kept[0].root_key);
	/* The rebuilt nodes know their keys: one edit writes one path, not everything. */
	tree_share(&now, &c.last);
	model_edit(&m, &now, &c.rng, 100);
	chain_commit(&c, &now, &m, 3);
	assert_true(c.store.n - rows < 70);
	model_close(&m);
	chain_close(&c);
}

static bool count_diff(void *ctx, const struct hash256 *key, const struct bytes *a,
		       const struct bytes *b)
{
	(void)key;
	(void)a;
	(void)b;
	++*(int *)ctx;
	return true;
}

/* One edit, tried until the store delivers. Before that the tree answers as it did. */
static void edit_through_faults(struct model *m, struct tree *t, struct rng *r, bool add)
{
	struct hash256 key = add || !m->n ? model_key(r) : m->row[rng_below(r, m->n)].key;
	struct model_row row = model_row_random(r, &key);
	enum found f;
	int tries = 0;

	do {
		f = add ? tree_put(t, &key, model_data(&row)) : tree_del(t, &key);
		assert_true(++tries < 200);
	} while (f == UNAVAILABLE);
	assert_int_equal(f, add || model_get(m, &key) ? FOUND : ABSENT);
	if (add)
		model_put(m, &row);
	else
		model_del(m, &key);
}

/* With a store that fails every n-th load, every answer is right or UNAVAILABLE. */
static void failed_loads_are_never_absence(void **state)
{
	(void)state;
	for (uint64_t every = 2; every <= 40; every++) {
		struct chain c;
		struct model m = {0};
		struct tree now, other;
		struct rng r;
		int differences = 0, unavailable = 0;

		chain_init(&c, every);
		rng_init(&r, every);
		tree_init_empty(&now, TREE_STATE, &c.source);
		for (int i = 0; i < 400; i++)
			model_edit(&m, &now, &c.rng, 200);
		chain_commit(&c, &now, &m, 1);
		c.store.fail_every = every;
		for (int round = 0; round < 30; round++) {
			stored_tree(&c, 0, &other);
			for (int i = 0; i < 10; i++) {
				struct hash256 key = i & 1 ? model_key(&r)
							   : m.row[rng_below(&r, m.n)].key;
				struct bytes data;
				enum found f = tree_get(&other, &key, &data);

				unavailable += f == UNAVAILABLE;
				if (f != UNAVAILABLE)
					assert_int_equal(f, model_get(&m, &key) ? FOUND : ABSENT);
			}
			tree_close(&other);
		}
		assert_true(unavailable > 0);
		stored_tree(&c, 0, &now);
		for (int i = 0; i < 60; i++)
			edit_through_faults(&m, &now, &r, i % 3 == 0);
		tree_hash(&now);
		stored_tree(&c, 0, &other);
		while (tree_diff(&now, &other, count_diff, &differences) == UNAVAILABLE)
			continue;
		tree_close(&other);
		c.store.fail_every = 0;
		model_expect(&m, &now, &c.rng);
		chain_commit(&c, &now, &m, 2);
		expect_readable(&c, 0);
		expect_readable(&c, 1);
		prune_to(&c, 1);
		expect_readable(&c, 1);
		model_close(&m);
		chain_close(&c);
	}
}

/* A commit whose walk fails for a load publishes nothing and can be tried again. */
static void failed_loads_fail_the_walk(void **state)
{
	struct chain c;
	struct model m = {0};
	struct tree now, last;
	int failures = 0;

	(void)state;
	chain_init(&c, 12);
	tree_init_empty(&now, TREE_STATE, &c.source);
	for (int i = 0; i < 400; i++)
		model_edit(&m, &now, &c.rng, 200);
	chain_commit(&c, &now, &m, 1);
	stored_tree(&c, 0, &last);
	rebuild(&now, &m, &c.source);
	for (c.store.fail_every = 2; c.store.fail_every < 400; c.store.fail_every++) {
		struct buf obsolete = BUF_INIT;
		struct tree_keys *keys;
		uint64_t root_key;
		enum err e = tree_persist(&now, &last, 2, &c.sink, &obsolete, &keys, &root_key);

		assert_true(e == ERR_NONE || e == ERR_UNAVAILABLE);
		failures += e == ERR_UNAVAILABLE;
		if (e == ERR_NONE) {
			assert_int_equal(obsolete.n, 0);
			tree_keys_drop(keys);
		}
		buf_close(&obsolete);
	}
	assert_true(failures > 0);
	tree_close(&last);
	tree_close(&now);
	model_close(&m);
	chain_close(&c);
}

/* Stored bytes that are damaged in any way are noticed where they are used. */
static void damaged_nodes_are_refused(void **state)
{
	struct chain c;
	struct model m = {0};
	struct tree now;
	int served = 0;

	(void)state;
	chain_init(&c, 8);
	tree_init_empty(&now, TREE_STATE, &c.source);
	for (int i = 0; i < 60; i++)
		model_edit(&m, &now, &c.rng, 40);
	chain_commit(&c, &now, &m, 1);
	for (size_t i = 0; i < c.store.n; i++)
		for (size_t at = 0; at < c.store.row[i].node.n; at++) {
			uint8_t *byte = &c.store.row[i].node.p[at], was = *byte;
			struct why why;

			*byte = (uint8_t)(was ^ (1u << (at % 8)));
			stored_tree(&c, 0, &now);
			served += tree_check(&now, &why);
			tree_close(&now);
			*byte = was;
			if (at % 7 == 0) { /* and cut short */
				size_t n = c.store.row[i].node.n;

				c.store.row[i].node.n = at;
				stored_tree(&c, 0, &now);
				served += tree_check(&now, &why);
				tree_close(&now);
				c.store.row[i].node.n = n;
			}
		}
	assert_int_equal(served, 0);
	expect_readable(&c, 0);
	model_close(&m);
	chain_close(&c);
}

struct reader {
	struct tree tree;
	const struct model *m;
	uint64_t seed;
	int wrong;
};

static void *read_all(void *arg)
{
	struct reader *r = arg;
	struct rng rng;

	rng_init(&rng, r->seed);
	for (int i = 0; i < 3000; i++) {
		const struct model_row *row = &r->m->row[rng_below(&rng, r->m->n)];
		struct bytes data;

		if (tree_get(&r->tree, &row->key, &data) != FOUND ||
		    !bytes_eq(data, model_data(row)))
			r->wrong++;
	}
	tree_close(&r->tree);
	return NULL;
}

/* Readers load a snapshot lazily while its content is edited, hashed, stored and published beside
 * them. Of most use with the thread sanitizer. */
static void readers_beside_a_builder(void **state)
{
	enum { READERS = 3 };

	(void)state;
	for (uint64_t round = 0; round < 8; round++) {
		struct chain c;
		struct model m = {0}, first;
		struct tree now, base;
		struct reader readers[READERS];
		pthread_t thread[READERS];

		chain_init(&c, 100 + round);
		tree_init_empty(&now, TREE_STATE, &c.source);
		for (int i = 0; i < 600; i++)
			model_edit(&m, &now, &c.rng, 300);
		chain_commit(&c, &now, &m, 1);
		first = model_copy(&m);
		stored_tree(&c, 0, &base);
		tree_close(&c.last);
		tree_share(&c.last, &base);
		for (int i = 0; i < READERS; i++) {
			readers[i] = (struct reader){.m = &first, .seed = (uint64_t)i};
			tree_share(&readers[i].tree, &base);
			pthread_create(&thread[i], NULL, read_all, &readers[i]);
		}
		tree_share(&now, &base);
		for (int i = 0; i < 200; i++)
			model_edit(&m, &now, &c.rng, 300);
		model_expect(&m, &now, &c.rng);
		tree_hash(&now);
		tree_close(&base);
		commit_once(&c, &now, &m, 2);
		for (int i = 0; i < READERS; i++) {
			pthread_join(thread[i], NULL);
			assert_int_equal(readers[i].wrong, 0);
		}
		expect_readable(&c, 0);
		expect_readable(&c, 1);
		model_close(&first);
		model_close(&m);
		chain_close(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_kept_ledger_is_whole_and_nothing_else_is_left),
	    cmocka_unit_test(equal_content_takes_over_the_keys),
	    cmocka_unit_test(failed_loads_are_never_absence),
	    cmocka_unit_test(failed_loads_fail_the_walk),
	    cmocka_unit_test(damaged_nodes_are_refused),
	    cmocka_unit_test(readers_beside_a_builder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
