/* SPDX-License-Identifier: ISC */
#include "tests/ledger/directory_support.h"

#include <string.h>

/* Directories of planted pages: the limit of pages, chains as very old ledgers have them, broken
 * ones, pages that cannot be read; and the metadata of pages. */

static struct rules *no_rules, *unlimited;

struct scene {
	struct arena a;
	struct tree base;
	struct view *v;
};

static void scene_open(struct scene *c)
{
	memset(c, 0, sizeof(*c));
	tree_init_empty(&c->base, TREE_STATE, NULL);
}

static void scene_begin(struct scene *c, struct rules *rules)
{
	struct view_info info = {.seq = 77, .rules = rules};

	c->v = view_open_tree(&c->base, &info);
}

static void scene_close(struct scene *c)
{
	view_close(c->v);
	tree_close(&c->base);
	arena_close(&c->a);
}

/* A page with the indexes first .. first + n - 1 of the pool; links of 0 are left out. */
static void plant(struct scene *c, uint64_t number, unsigned first, unsigned n, uint64_t next,
		  uint64_t previous)
{
	struct account_id owner = owner_id();
	struct keylet root = root_key(), k = keylet_dir_page(&root.key, number);
	struct st_object *o = st_new(&c->a);
	struct buf b = BUF_INIT, list = BUF_INIT;

	for (unsigned i = first; i < first + n; i++) {
		struct hash256 h = index_of(i);

		buf_put(&list, h.b, sizeof(h.b));
	}
	st_set_u(o, sfLedgerEntryType, ltDirectoryNode);
	st_set_u(o, sfFlags, 0);
	st_set_hash256(o, sfRootIndex, &root.key);
	st_set_account(o, sfOwner, &owner);
	st_set_raw(o, sfIndexes, buf_bytes(&list));
	if (next)
		st_set_u(o, sfIndexNext, next);
	if (previous)
		st_set_u(o, sfIndexPrevious, previous);
	st_encode(&b, o, ST_ALL);
	assert_int_equal(tree_put(&c->base, &k.key, buf_bytes(&b)), FOUND);
	buf_close(&b);
	buf_close(&list);
}

static void plant_garbage(struct scene *c, uint64_t number)
{
	struct keylet root = root_key(), k = keylet_dir_page(&root.key, number);

	assert_int_equal(tree_put(&c->base, &k.key, bytes_str("garbage")), FOUND);
}

static enum directory_result add(struct scene *c, unsigned i, uint64_t *page)
{
	struct account_id owner = owner_id();
	struct hash256 index = index_of(i);

	return directory_add_owned(c->v, &owner, &index, page);
}

static enum directory_result drop(struct scene *c, uint64_t page, unsigned i, bool keep_root)
{
	struct account_id owner = owner_id();
	struct hash256 index = index_of(i);

	return directory_remove_owned(c->v, &owner, page, &index, keep_root);
}

static const struct st_object *page_of(struct scene *c, uint64_t number)
{
	struct keylet root = root_key();
	const struct st_object *o;

	return view_read(c->v, keylet_dir_page(&root.key, number), &o) == FOUND ? o : NULL;
}

static void expect_links(struct scene *c, uint64_t number, uint64_t next, uint64_t previous)
{
	const struct st_object *o = page_of(c, number);
	uint64_t n = 0, p = 0;

	assert_non_null(o);
	(void)st_get_u64(o, sfIndexNext, &n);
	(void)st_get_u64(o, sfIndexPrevious, &p);
	assert_int_equal(n, next);
	assert_int_equal(p, previous);
}

static void expect_add(struct rules *rules, uint64_t last, enum directory_result want)
{
	struct scene c;
	uint64_t page = 0;

	scene_open(&c);
	plant(&c, 0, 0, 32, last, last);
	plant(&c, last, 40, 32, 0, 0);
	scene_begin(&c, rules);
	assert_int_equal(add(&c, 100, &page), want);
	if (want == DIRECTORY_DONE) {
		assert_int_equal(page, last + 1);
		expect_links(&c, page, 0, last);
		expect_links(&c, last, page, 0);
		expect_links(&c, 0, last, page);
	} else {
		assert_int_equal(view_count_changes(c.v), 0);
	}
	/* With room in the last page, its number does not matter. */
	assert_int_equal(drop(&c, last, 50, false), DIRECTORY_DONE);
	scene_close(&c);
}

/* 2^18 pages without fixDirectoryLimit, and all numbers there are with it. */
static void test_limit(void **state)
{
	(void)state;
	expect_add(no_rules, DIRECTORY_PAGES_MAX - 2, DIRECTORY_DONE);
	expect_add(no_rules, DIRECTORY_PAGES_MAX - 1, DIRECTORY_FULL);
	expect_add(unlimited, DIRECTORY_PAGES_MAX - 1, DIRECTORY_DONE);
	expect_add(unlimited, UINT64_MAX - 1, DIRECTORY_DONE);
	expect_add(unlimited, UINT64_MAX, DIRECTORY_FULL);
}

/* The last page of very old directories may be empty: it goes when it is met. */
static void test_old_empty_pages(void **state)
{
	struct scene c;

	(void)state;
	for (int keep = 0; keep < 2; keep++) {
		scene_open(&c); /* beside the root */
		plant(&c, 0, 0, 1, 4, 4);
		plant(&c, 4, 0, 0, 0, 0);
		scene_begin(&c, no_rules);
		assert_int_equal(drop(&c, 0, 0, keep), DIRECTORY_DONE);
		assert_null(page_of(&c, 4));
		assert_int_equal(page_of(&c, 0) != NULL, keep);
		if (keep)
			expect_links(&c, 0, 0, 0);
		scene_close(&c);

		scene_open(&c); /* after the page that goes, before an empty root */
		plant(&c, 0, 0, 0, 4, 9);
		plant(&c, 4, 1, 1, 9, 0);
		plant(&c, 9, 0, 0, 0, 4);
		scene_begin(&c, no_rules);
		assert_int_equal(drop(&c, 4, 1, keep), DIRECTORY_DONE);
		assert_null(page_of(&c, 4));
		assert_null(page_of(&c, 9));
		assert_int_equal(page_of(&c, 0) != NULL, keep);
		scene_close(&c);
	}
	for (uint64_t before = 0; before < 3; before += 2) { /* the same after what stays */
		scene_open(&c);
		plant(&c, 0, 0, 1, before ? 2 : 4, 9);
		if (before)
			plant(&c, 2, 2, 1, 4, 0);
		plant(&c, 4, 4, 1, 9, before);
		plant(&c, 9, 0, 0, 0, 4);
		scene_begin(&c, no_rules);
		assert_int_equal(drop(&c, 4, 4, false), DIRECTORY_DONE);
		assert_null(page_of(&c, 4));
		assert_null(page_of(&c, 9));
		expect_links(&c, 0, before, before);
		if (before)
			expect_links(&c, 2, 0, 0);
		assert_int_equal(view_count_changes(c.v), before ? 4 : 3);
		scene_close(&c);
	}
	scene_open(&c); /* and one that has something stays, as does the root before it */
	plant(&c, 0, 0, 1, 4, 4);
	plant(&c, 4, 1, 1, 0, 0);
	scene_begin(&c, no_rules);
	assert_int_equal(drop(&c, 0, 0, false), DIRECTORY_DONE);
	expect_links(&c, 0, 4, 4);
	assert_false(directory_is_empty(c.v, root_key()));
	assert_int_equal(drop(&c, 4, 1, false), DIRECTORY_DONE);
	assert_null(page_of(&c, 0));
	scene_close(&c);
}

/* Pages that are not sorted yet are sorted when something comes to them. */
static void test_old_order(void **state)
{
	struct account_id owner = owner_id();
	struct hash256 index = index_of(9);
	struct scene c;
	struct bytes raw;
	uint64_t page;

	(void)state;
	scene_open(&c);
	scene_begin(&c, no_rules);
	for (unsigned i = 30; i > 0; i--) {
		struct hash256 h = index_of(10 * i);

		assert_int_equal(
		    directory_add(c.v, root_key(), true, &h, describe_owner, &owner, &page),
		    DIRECTORY_DONE);
	}
	assert_int_equal(directory_add_owned(c.v, &owner, &index, &page), DIRECTORY_DONE);
	assert_true(st_get_raw(page_of(&c, 0), sfIndexes, &raw));
	assert_int_equal(raw.n, 31 * 32);
	for (unsigned i = 1; i < 31; i++)
		assert_true(memcmp(raw.p + (i - 1) * 32, raw.p + i * 32, 32) < 0);
	scene_close(&c);
}

/* An empty root that was kept is used again, or removed. */
static void test_empty_root(void **state)
{
	struct scene c;
	uint64_t page;

	(void)state;
	scene_open(&c);
	scene_begin(&c, no_rules);
	assert_int_equal(directory_remove_empty(c.v, root_key()), DIRECTORY_DONE);
	assert_int_equal(add(&c, 1, &page), DIRECTORY_DONE);
	assert_int_equal(directory_remove_empty(c.v, root_key()), DIRECTORY_DONE);
	assert_non_null(page_of(&c, 0));
	assert_int_equal(drop(&c, 0, 1, true), DIRECTORY_DONE);
	assert_true(directory_is_empty(c.v, root_key()));
	assert_int_equal(add(&c, 2, &page), DIRECTORY_DONE);
	assert_int_equal(page, 0);
	assert_int_equal(drop(&c, 0, 2, true), DIRECTORY_DONE);
	assert_int_equal(directory_remove_empty(c.v, root_key()), DIRECTORY_DONE);
	assert_null(page_of(&c, 0));
	scene_close(&c);

	scene_open(&c); /* empty, but there is another page */
	plant(&c, 0, 0, 0, 3, 3);
	plant(&c, 3, 1, 1, 0, 0);
	scene_begin(&c, no_rules);
	assert_int_equal(directory_remove_empty(c.v, root_key()), DIRECTORY_DONE);
	expect_links(&c, 0, 3, 3);
	assert_int_equal(view_count_changes(c.v), 1); /* said, but not so */
	scene_close(&c);

	scene_open(&c); /* and an empty one goes with it */
	plant(&c, 0, 0, 0, 3, 3);
	plant(&c, 3, 0, 0, 0, 0);
	scene_begin(&c, no_rules);
	assert_int_equal(directory_remove_empty(c.v, root_key()), DIRECTORY_DONE);
	assert_null(page_of(&c, 0));
	assert_null(page_of(&c, 3));
	scene_close(&c);
}

/* What contradicts itself is said, whichever page shows it. */
static void test_broken(void **state)
{
	static const struct {
		uint64_t page[3][3]; /* number, next, previous; each page has one index */
		unsigned pages;
		uint64_t from; /* the page that loses its index */
	} rows[] = {
	    {{{0, 0, 5}}, 1, 0},                       /* a last page, but no next one */
	    {{{0, 5, 0}}, 1, 0},                       /* the other way */
	    {{{0, 5, 5}}, 1, 0},                       /* the only other page is missing */
	    {{{0, 5, 5}, {5, 5, 0}}, 2, 5},            /* follows itself */
	    {{{0, 5, 5}, {5, 0, 5}}, 2, 5},            /* precedes itself */
	    {{{0, 5, 9}, {5, 9, 0}}, 2, 5},            /* the next one is missing */
	    {{{0, 5, 9}, {5, 9, 7}, {9, 0, 5}}, 3, 5}, /* the previous one is */
	};
	struct scene c;
	uint64_t page;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		scene_open(&c);
		for (unsigned n = 0; n < rows[i].pages; n++)
			plant(&c, rows[i].page[n][0], (unsigned)rows[i].page[n][0], 1,
			      rows[i].page[n][1], rows[i].page[n][2]);
		scene_begin(&c, no_rules);
		assert_int_equal(drop(&c, rows[i].from, (unsigned)rows[i].from, false),
				 DIRECTORY_BROKEN);
		scene_close(&c);
	}
	scene_open(&c);
	plant(&c, 0, 0, 32, 5, 5);
	scene_begin(&c, no_rules);
	assert_int_equal(add(&c, 100, &page), DIRECTORY_BROKEN); /* no last page */
	assert_int_equal(drop(&c, 0, 100, false), DIRECTORY_BROKEN);
	assert_int_equal(drop(&c, 1, 0, false), DIRECTORY_BROKEN);
	scene_close(&c);

	scene_open(&c);
	plant(&c, 0, 0, 32, 0, 0);
	plant(&c, 1, 40, 2, 0, 0);
	scene_begin(&c, no_rules);
	assert_int_equal(add(&c, 100, &page), DIRECTORY_BROKEN); /* page 1 is there already */
	assert_int_equal(drop(&c, 0, 3, false), DIRECTORY_DONE);
	assert_int_equal(add(&c, 5, &page), DIRECTORY_BROKEN); /* named already */
	scene_close(&c);
}

static bool count(void *ctx, const struct hash256 *index)
{
	(void)index;
	++*(unsigned *)ctx;
	return true;
}

/* A walk over links that lead nowhere or back ends. */
static void test_walk_ends(void **state)
{
	static const uint64_t next_of_5[] = {5, 0, 3, 9};
	struct scene c;

	(void)state;
	for (size_t i = 0; i < sizeof(next_of_5) / sizeof(next_of_5[0]); i++) {
		unsigned n = 0;

		scene_open(&c);
		plant(&c, 0, 0, 1, 5, 5);
		plant(&c, 3, 8, 1, 5, 5);
		plant(&c, 5, 1, 2, next_of_5[i], 0);
		scene_begin(&c, no_rules);
		assert_int_equal(directory_each(c.v, root_key(), count, &n), FOUND);
		assert_int_equal(n, 3);
		scene_close(&c);
	}
}

/* A page that cannot be read is never taken for one that is not there. */
static void test_unavailable(void **state)
{
	struct scene c;
	uint64_t page;
	unsigned n = 0;

	(void)state;
	for (int what = 0; what < 7; what++) {
		scene_open(&c);
		plant(&c, 0, 0, what == 6 ? 32 : 1, what == 6 ? 0 : 4, what == 6 ? 0 : 8);
		plant(&c, 4, 4, 1, 8, 0);
		plant(&c, 8, 8, 1, 0, 4);
		plant_garbage(&c, what == 6 ? 1 : what < 2 || what == 5 ? 0 : 8);
		scene_begin(&c, no_rules);
		if (what == 0 || what == 2 || what == 6)
			assert_int_equal(add(&c, 100, &page), DIRECTORY_UNAVAILABLE);
		else if (what == 1 || what == 3)
			assert_int_equal(drop(&c, what == 1 ? 0 : 4, what == 1 ? 0 : 4, false),
					 DIRECTORY_UNAVAILABLE);
		else if (what == 4)
			assert_int_equal(directory_each(c.v, root_key(), count, &n), UNAVAILABLE);
		else
			assert_int_equal(directory_remove_empty(c.v, root_key()),
					 DIRECTORY_UNAVAILABLE);
		assert_true(view_failed(c.v));
		scene_close(&c);
	}
}

/* Metadata of pages. */

static const struct st_object *node_of(const struct st_object *meta, uint64_t page, enum sf how,
				       enum sf part)
{
	const struct st_array *nodes = st_get_array(meta, sfAffectedNodes);
	struct keylet root = root_key(), k = keylet_dir_page(&root.key, page);
	struct hash256 index;

	for (uint32_t i = 0; i < nodes->n; i++) {
		assert_true(st_get_hash256(nodes->e[i].object, sfLedgerIndex, &index));
		if (!hash256_eq(&index, &k.key))
			continue;
		assert_int_equal(nodes->e[i].field, how);
		return st_get_object(nodes->e[i].object, part);
	}
	fail_msg("no node");
	return NULL;
}

static uint64_t number_in(const struct st_object *o, enum sf f)
{
	uint64_t n;

	assert_non_null(o);
	assert_true(st_get_u64(o, f, &n));
	return n;
}

static struct st_object *meta_of(struct scene *c, struct view *s, uint8_t tx, uint32_t nodes)
{
	struct hash256 id = {{tx}};
	struct st_object *meta = view_make_metadata(s, &c->a, &id, 0, 0, NULL);

	assert_non_null(meta);
	assert_int_equal(st_get_array(meta, sfAffectedNodes)->n, nodes);
	return meta;
}

/* The second page appears, then the first index goes, then the second page does: links are shown as
 * they were and are, the indexes never, and no page has a PreviousTxnID before its amendment. */
static void test_metadata(void **state)
{
	struct account_id owner = owner_id();
	const struct st_object *meta, *part;
	struct hash256 index;
	struct view *base, *s;
	struct scene c;
	uint64_t page;

	(void)state;
	scene_open(&c);
	plant(&c, 0, 0, 32, 0, 0);
	scene_begin(&c, no_rules);
	base = c.v;
	c.v = s = view_open_sandbox(base);
	assert_int_equal(add(&c, 50, &page), DIRECTORY_DONE);
	meta = meta_of(&c, s, 1, 2);
	part = node_of(meta, 1, sfCreatedNode, sfNewFields);
	assert_int_equal(part->n, 2); /* Owner and RootIndex: page 1 does not name the root */
	assert_true(st_has(part, sfRootIndex) && st_has(part, sfOwner));
	part = node_of(meta, 0, sfModifiedNode, sfFinalFields);
	assert_int_equal(number_in(part, sfIndexNext), 1);
	assert_int_equal(number_in(part, sfIndexPrevious), 1);
	assert_false(st_has(part, sfIndexes));
	part = node_of(meta, 0, sfModifiedNode, sfPreviousFields);
	assert_int_equal(part->n, 0); /* both links are new */
	assert_false(st_has(page_of(&c, 0), sfPreviousTxnID));
	assert_false(st_has(page_of(&c, 1), sfPreviousTxnID));
	view_merge(s);

	index = index_of(3);
	assert_int_equal(directory_remove_owned(s, &owner, 0, &index, false), DIRECTORY_DONE);
	meta = meta_of(&c, s, 2, 1);
	assert_null(node_of(meta, 0, sfModifiedNode, sfPreviousFields));
	view_merge(s);

	assert_int_equal(drop(&c, 1, 50, false), DIRECTORY_DONE);
	meta = meta_of(&c, s, 3, 2);
	part = node_of(meta, 0, sfModifiedNode, sfPreviousFields);
	assert_int_equal(number_in(part, sfIndexNext), 1);
	assert_int_equal(number_in(part, sfIndexPrevious), 1);
	part = node_of(meta, 0, sfModifiedNode, sfFinalFields);
	assert_int_equal(number_in(part, sfIndexNext), 0); /* there, and 0 */
	assert_int_equal(number_in(part, sfIndexPrevious), 0);
	part = node_of(meta, 1, sfDeletedNode, sfFinalFields);
	assert_true(st_has(part, sfRootIndex) && st_has(part, sfOwner));
	view_close(s);
	c.v = base;
	scene_close(&c);
}

/* Page 2 names the page before it from the beginning. */
static void test_metadata_of_page_2(void **state)
{
	const struct st_object *meta, *part;
	struct view *base, *s;
	struct scene c;
	uint64_t page;

	(void)state;
	scene_open(&c);
	plant(&c, 0, 0, 32, 1, 1);
	plant(&c, 1, 40, 32, 0, 0);
	scene_begin(&c, unlimited);
	base = c.v;
	c.v = s = view_open_sandbox(base);
	assert_int_equal(add(&c, 100, &page), DIRECTORY_DONE);
	meta = meta_of(&c, s, 1, 3);
	part = node_of(meta, 2, sfCreatedNode, sfNewFields);
	assert_int_equal(number_in(part, sfIndexPrevious), 1);
	assert_false(st_has(part, sfIndexNext));
	part = node_of(meta, 0, sfModifiedNode, sfPreviousFields);
	assert_int_equal(number_in(part, sfIndexPrevious), 1);
	assert_int_equal(part->n, 1);
	view_close(s);
	c.v = base;
	scene_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_limit),
	    cmocka_unit_test(test_old_empty_pages),
	    cmocka_unit_test(test_old_order),
	    cmocka_unit_test(test_empty_root),
	    cmocka_unit_test(test_broken),
	    cmocka_unit_test(test_walk_ends),
	    cmocka_unit_test(test_unavailable),
	    cmocka_unit_test(test_metadata),
	    cmocka_unit_test(test_metadata_of_page_2),
	};
	const struct amendment *limit = amendment_by_name("fixDirectoryLimit", 17);
	int failed;

	if (crypto_init(NULL) != ERR_NONE)
		return 1;
	no_rules = rules_of_list(NULL, 0);
	unlimited = rules_of_list(&limit->id, 1);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rules_unref(unlimited);
	rules_unref(no_rules);
	return failed;
}
