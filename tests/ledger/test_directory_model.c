/* SPDX-License-Identifier: ISC */
#include "tests/ledger/directory_support.h"

#include "base/rng.h"

#include <string.h>

/* Directories against a simple model: an array of pages, each an array of small numbers that stand
 * for indexes. The model follows the words of directory.h, and keeps which links were ever set. */

enum { POOL = 400, PAGES = 40 };

static struct rules *no_rules;

struct link {
	uint64_t to;
	bool set;
};
struct model_page {
	uint64_t number;
	unsigned entry[DIRECTORY_PAGE_ENTRIES], n;
	struct link next, previous;
};
struct model {
	struct model_page page[PAGES];
	unsigned n;
	bool in_order;
	bool is_in[POOL];
	uint64_t where[POOL];
};

static void set_link(struct link *l, uint64_t to)
{
	l->set = l->set || l->to != to;
	l->to = to;
}

static void model_relink(struct model *m)
{
	for (unsigned i = 0; i < m->n; i++) {
		struct model_page *p = &m->page[i];

		set_link(&p->next, i + 1 < m->n ? m->page[i + 1].number : 0);
		set_link(&p->previous, m->page[i > 0 ? i - 1 : m->n - 1].number);
	}
}

static void model_add(struct model *m, unsigned i)
{
	struct model_page *p;
	unsigned at;

	if (m->n == 0 || m->page[m->n - 1].n == DIRECTORY_PAGE_ENTRIES) {
		uint64_t number = m->n == 0 ? 0 : m->page[m->n - 1].number + 1;

		assert_true(m->n < PAGES);
		m->page[m->n++] = (struct model_page){.number = number};
		model_relink(m);
	}
	p = &m->page[m->n - 1];
	for (at = p->n; !m->in_order && at > 0 && p->entry[at - 1] > i; at--)
		p->entry[at] = p->entry[at - 1];
	p->entry[at] = i;
	p->n++;
	m->is_in[i] = true;
	m->where[i] = p->number;
}

static void model_drop_page(struct model *m, unsigned at)
{
	memmove(&m->page[at], &m->page[at + 1], (m->n - at - 1) * sizeof(m->page[0]));
	m->n--;
	model_relink(m);
}

static void model_remove(struct model *m, unsigned i, bool keep_root)
{
	struct model_page *p = m->page;
	unsigned at = 0;

	while (p->number != m->where[i])
		p++;
	while (p->entry[at] != i)
		at++;
	for (p->n--; at < p->n; at++)
		p->entry[at] = p->entry[at + 1];
	m->is_in[i] = false;
	if (p->n == 0 && p != m->page)
		model_drop_page(m, (unsigned)(p - m->page));
	if (m->n == 1 && m->page[0].n == 0 && !keep_root)
		m->n = 0;
}

static void expect_link(const struct st_object *o, enum sf f, const struct link *want)
{
	uint64_t got = 0;

	assert_int_equal(st_get_u64(o, f, &got), want->set);
	assert_int_equal(got, want->to);
}

static void expect_page(struct view *v, const struct model_page *p)
{
	struct account_id owner = owner_id(), got_owner;
	struct keylet root = root_key();
	const struct st_object *o;
	struct hash256 got_root;
	struct bytes raw;

	assert_int_equal(view_read(v, keylet_dir_page(&root.key, p->number), &o), FOUND);
	assert_true(st_get_raw(o, sfIndexes, &raw));
	assert_int_equal(raw.n, p->n * sizeof(struct hash256));
	for (unsigned i = 0; i < p->n; i++) {
		struct hash256 want = index_of(p->entry[i]);

		assert_memory_equal(raw.p + i * sizeof(want.b), want.b, sizeof(want.b));
	}
	assert_true(st_get_hash256(o, sfRootIndex, &got_root));
	assert_true(hash256_eq(&got_root, &root.key));
	assert_true(st_get_account(o, sfOwner, &got_owner) && account_eq(&got_owner, &owner));
	expect_link(o, sfIndexNext, &p->next);
	expect_link(o, sfIndexPrevious, &p->previous);
}

struct walk {
	const struct model *m;
	unsigned page, entry, seen, stop;
};

static bool visit(void *ctx, const struct hash256 *index)
{
	struct walk *w = ctx;
	struct hash256 want;

	while (w->entry == w->m->page[w->page].n) {
		w->page++;
		w->entry = 0;
		assert_true(w->page < w->m->n);
	}
	want = index_of(w->m->page[w->page].entry[w->entry++]);
	assert_true(hash256_eq(index, &want));
	return ++w->seen != w->stop;
}

static unsigned model_count(const struct model *m)
{
	unsigned n = 0;

	for (unsigned i = 0; i < m->n; i++)
		n += m->page[i].n;
	return n;
}

/* The view holds exactly the pages of the model. */
static void expect_model(struct view *v, const struct model *m)
{
	struct walk w = {.m = m};
	struct hash256 at, *after = NULL;
	unsigned pages = 0;

	for (unsigned i = 0; i < m->n; i++)
		expect_page(v, &m->page[i]);
	for (; view_next(v, after, &at) == FOUND; after = &at)
		pages++;
	assert_int_equal(pages, m->n);
	assert_int_equal(directory_each(v, root_key(), visit, &w), m->n > 0 ? FOUND : ABSENT);
	assert_int_equal(w.seen, model_count(m));
	assert_int_equal(directory_is_empty(v, root_key()), w.seen == 0);
	if (w.seen > 3) {
		w = (struct walk){.m = m, .stop = 3};
		assert_int_equal(directory_each(v, root_key(), visit, &w), FOUND);
		assert_int_equal(w.seen, 3);
	}
}

static void change(struct view *v, struct model *m, struct rng *rng, bool grow)
{
	struct account_id owner = owner_id();
	unsigned i = (unsigned)rng_below(rng, POOL);
	struct hash256 index = index_of(i);
	bool keep = rng_below(rng, 2);
	uint64_t page = 99;

	if (m->is_in[i] && (!grow || rng_below(rng, 4) == 0)) {
		assert_int_equal(directory_remove_owned(v, &owner, m->where[i], &index, keep),
				 DIRECTORY_DONE);
		model_remove(m, i, keep);
		return;
	}
	if (m->is_in[i] || (!grow && rng_below(rng, 4) != 0))
		return;
	if (m->in_order)
		assert_int_equal(
		    directory_add(v, root_key(), true, &index, describe_owner, &owner, &page),
		    DIRECTORY_DONE);
	else
		assert_int_equal(directory_add_owned(v, &owner, &index, &page), DIRECTORY_DONE);
	model_add(m, i);
	assert_int_equal(page, m->where[i]);
}

static void run_model(uint64_t seed)
{
	struct view_info info = {.seq = 77, .rules = no_rules};
	struct model kept = {.in_order = seed & 1}, now;
	struct tree base;
	struct rng rng;
	struct view *v;

	rng_init(&rng, seed);
	tree_init_empty(&base, TREE_STATE, NULL);
	v = view_open_tree(&base, &info);
	for (int round = 0; round < 60; round++) {
		struct view *s = view_open_sandbox(v);

		now = kept;
		for (uint64_t n = rng_below(&rng, 60); n > 0; n--)
			change(s, &now, &rng, round % 30 < 15);
		expect_model(s, &now);
		if (rng_below(&rng, 3)) {
			view_merge(s);
			kept = now;
		}
		view_close(s);
		expect_model(v, &kept);
		if (rng_below(&rng, 4) == 0) {
			assert_int_equal(view_flush(v, &base), FOUND);
			view_close(v);
			v = view_open_tree(&base, &info);
		}
	}
	view_close(v);
	tree_close(&base);
}

static void test_model(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++)
		run_model(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_model)};
	int failed;

	if (crypto_init(NULL) != ERR_NONE)
		return 1;
	no_rules = rules_of_list(NULL, 0);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rules_unref(no_rules);
	return failed;
}
