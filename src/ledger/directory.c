/* SPDX-License-Identifier: ISC */
#include "ledger/directory.h"

#include "codec/st.h"
#include "ledger/genesis.h"

#include <stdlib.h>

/* (rippled: ApplyView.cpp) */

#define INDEX sizeof(struct hash256)

static enum directory_result peek_page(struct view *v, struct keylet k, struct st_object **out)
{
	switch (view_peek(v, k, out)) {
	case FOUND:
		return DIRECTORY_DONE;
	case ABSENT:
		return DIRECTORY_BROKEN;
	case UNAVAILABLE:
		break;
	}
	return DIRECTORY_UNAVAILABLE;
}

/* The indexes a page lists; the bytes behind them never change. */
struct list {
	const uint8_t *p;
	size_t n;
};

static struct list list_of(const struct st_object *page)
{
	struct bytes raw = {0};

	(void)st_get_raw(page, sfIndexes, &raw);
	return (struct list){.p = raw.p, .n = raw.n / INDEX};
}

static uint64_t link_of(const struct st_object *page, enum sf f)
{
	uint64_t n = 0;

	(void)st_get_u64(page, f, &n);
	return n;
}

/* Where the index is in the list; n when it is not. */
static size_t list_find(struct list l, const struct hash256 *index)
{
	size_t i = 0;

	while (i < l.n && memcmp(l.p + i * INDEX, index->b, INDEX) != 0)
		i++;
	return i;
}

static void describe_page(struct st_object *page, struct keylet root, const struct hash256 *index,
			  void (*describe)(struct st_object *page, const void *ctx),
			  const void *ctx)
{
	st_set_hash256(page, sfRootIndex, &root.key);
	st_set_raw(page, sfIndexes, bytes_of(index->b, INDEX));
	if (describe)
		describe(page, ctx);
}

/* Puts the index into a page that has room. Old pages may not be sorted yet. */
static enum directory_result put_index(struct st_object *page, bool in_order,
				       const struct hash256 *index)
{
	uint8_t bytes[DIRECTORY_PAGE_ENTRIES * INDEX];
	struct list l = list_of(page);
	size_t at = l.n;

	must(l.n < DIRECTORY_PAGE_ENTRIES);
	if (list_find(l, index) < l.n)
		return DIRECTORY_BROKEN;
	if (l.n > 0)
		memcpy(bytes, l.p, l.n * INDEX);
	if (!in_order) {
		qsort(bytes, l.n, INDEX, hash256_qsort_cmp);
		while (at > 0 && memcmp(bytes + (at - 1) * INDEX, index->b, INDEX) > 0)
			at--;
	}
	memmove(bytes + (at + 1) * INDEX, bytes + at * INDEX, (l.n - at) * INDEX);
	memcpy(bytes + at * INDEX, index->b, INDEX);
	st_set_raw(page, sfIndexes, bytes_of(bytes, (l.n + 1) * INDEX));
	return DIRECTORY_DONE;
}

/* The page after the last one, linked between it and the root; `last` may be the root itself. */
static enum directory_result append_page(struct view *v, struct keylet root,
					 struct st_object *first, struct st_object *last,
					 uint64_t last_number, struct st_object **out)
{
	bool unlimited = amendment_on(view_get_info(v)->rules, AMENDMENT_fixDirectoryLimit);
	uint64_t number = last_number + 1;
	struct keylet k = keylet_dir_page(&root.key, number);
	const struct st_object *there;

	if (number == 0 || (!unlimited && number >= DIRECTORY_PAGES_MAX))
		return DIRECTORY_FULL;
	switch (view_read(v, (struct keylet){.key = k.key, .type = ltANY}, &there)) {
	case FOUND:
		return DIRECTORY_BROKEN;
	case UNAVAILABLE:
		return DIRECTORY_UNAVAILABLE;
	case ABSENT:
		break;
	}
	st_set_u(last, sfIndexNext, number);
	view_update(v, keylet_dir_page(&root.key, last_number));
	st_set_u(first, sfIndexPrevious, number);
	view_update(v, root);
	*out = view_insert(v, k);
	if (number != 1)
		st_set_u(*out, sfIndexPrevious, last_number);
	return DIRECTORY_DONE;
}

enum directory_result directory_add(struct view *v, struct keylet root, bool in_order,
				    const struct hash256 *index,
				    void (*describe)(struct st_object *page, const void *ctx),
				    const void *ctx, uint64_t *page)
{
	struct st_object *first, *last, *made;
	enum directory_result r;
	uint64_t number;

	must(root.type == ltDirectoryNode);
	r = peek_page(v, root, &first);
	if (r == DIRECTORY_UNAVAILABLE)
		return r;
	if (r == DIRECTORY_BROKEN) { /* there is none */
		describe_page(view_insert(v, root), root, index, describe, ctx);
		*page = 0;
		return DIRECTORY_DONE;
	}
	number = link_of(first, sfIndexPrevious);
	r = peek_page(v, keylet_dir_page(&root.key, number), &last);
	if (r != DIRECTORY_DONE)
		return r;
	if (list_of(last).n < DIRECTORY_PAGE_ENTRIES) {
		r = put_index(last, in_order, index);
		if (r == DIRECTORY_DONE)
			view_update(v, keylet_dir_page(&root.key, number));
		*page = number;
		return r;
	}
	r = append_page(v, root, first, last, number, &made);
	if (r != DIRECTORY_DONE)
		return r;
	describe_page(made, root, index, describe, ctx);
	*page = number + 1;
	return DIRECTORY_DONE;
}

/* A page being taken out of its chain. */
struct removal {
	struct view *v;
	struct hash256 root;
	bool keep_root;
};

static struct keylet page_key(const struct removal *m, uint64_t number)
{
	return keylet_dir_page(&m->root, number);
}

/* Very old ledgers have chains whose last page is empty. */
static bool is_empty_page(const struct st_object *page)
{
	return list_of(page).n == 0;
}

static enum directory_result remove_root(struct removal *m, struct st_object *first)
{
	uint64_t next = link_of(first, sfIndexNext), previous = link_of(first, sfIndexPrevious);
	struct st_object *last;
	enum directory_result r;

	if ((next == 0) != (previous == 0))
		return DIRECTORY_BROKEN;
	if (next == previous && next != 0) {
		r = peek_page(m->v, page_key(m, next), &last);
		if (r != DIRECTORY_DONE)
			return r;
		if (is_empty_page(last)) {
			st_set_u(first, sfIndexNext, 0);
			st_set_u(first, sfIndexPrevious, 0);
			view_erase(m->v, page_key(m, next));
			next = 0;
		}
	}
	if (!m->keep_root && next == 0)
		view_erase(m->v, page_key(m, 0));
	return DIRECTORY_DONE;
}

/* After a page was unlinked: when what follows is an empty last page, it goes, too. *next_number
 * becomes 0 then. */
static enum directory_result remove_empty_last(struct removal *m, struct st_object *next,
					       uint64_t *next_number, struct st_object *previous,
					       uint64_t previous_number)
{
	struct st_object *first;
	enum directory_result r;

	if (*next_number == 0 || link_of(next, sfIndexNext) != 0 || !is_empty_page(next))
		return DIRECTORY_DONE;
	view_erase(m->v, page_key(m, *next_number));
	st_set_u(previous, sfIndexNext, 0);
	r = peek_page(m->v, page_key(m, 0), &first);
	if (r != DIRECTORY_DONE)
		return r;
	st_set_u(first, sfIndexPrevious, previous_number);
	view_update(m->v, page_key(m, 0));
	*next_number = 0;
	return DIRECTORY_DONE;
}

/* A page that is not the root: its neighbours, either of which may be the root, meet. */
static enum directory_result remove_page(struct removal *m, const struct st_object *page,
					 uint64_t number)
{
	uint64_t next_number = link_of(page, sfIndexNext);
	uint64_t previous_number = link_of(page, sfIndexPrevious);
	struct st_object *next, *previous;
	enum directory_result r;

	if (next_number == number || previous_number == number)
		return DIRECTORY_BROKEN;
	r = peek_page(m->v, page_key(m, previous_number), &previous);
	if (r == DIRECTORY_DONE)
		r = peek_page(m->v, page_key(m, next_number), &next);
	if (r != DIRECTORY_DONE)
		return r;
	st_set_u(previous, sfIndexNext, next_number);
	view_update(m->v, page_key(m, previous_number));
	st_set_u(next, sfIndexPrevious, previous_number);
	view_update(m->v, page_key(m, next_number));
	view_erase(m->v, page_key(m, number));
	r = remove_empty_last(m, next, &next_number, previous, previous_number);
	if (r != DIRECTORY_DONE)
		return r;
	if (!m->keep_root && next_number == 0 && previous_number == 0 && is_empty_page(previous))
		view_erase(m->v, page_key(m, 0));
	return DIRECTORY_DONE;
}

enum directory_result directory_remove(struct view *v, struct keylet root, uint64_t page,
				       const struct hash256 *index, bool keep_root)
{
	struct removal m = {.v = v, .root = root.key, .keep_root = keep_root};
	struct st_object *o;
	struct list l;
	uint8_t *rest;
	size_t at;
	enum directory_result r;

	must(root.type == ltDirectoryNode);
	r = peek_page(v, page_key(&m, page), &o);
	if (r != DIRECTORY_DONE)
		return r;
	l = list_of(o);
	at = list_find(l, index);
	if (at == l.n)
		return DIRECTORY_BROKEN;
	/* What is left keeps its order. */
	rest = arena_alloc(o->arena, l.n * INDEX);
	memcpy(rest, l.p, at * INDEX);
	memcpy(rest + at * INDEX, l.p + (at + 1) * INDEX, (l.n - at - 1) * INDEX);
	st_set_raw(o, sfIndexes, bytes_of(rest, (l.n - 1) * INDEX));
	view_update(v, page_key(&m, page));
	if (l.n > 1)
		return DIRECTORY_DONE;
	return page == 0 ? remove_root(&m, o) : remove_page(&m, o, page);
}

static void describe_owner(struct st_object *page, const void *owner)
{
	st_set_account(page, sfOwner, owner);
}

enum directory_result directory_add_owned(struct view *v, const struct account_id *owner,
					  const struct hash256 *index, uint64_t *page)
{
	return directory_add(v, keylet_owner_dir(owner), false, index, describe_owner, owner, page);
}

enum directory_result directory_remove_owned(struct view *v, const struct account_id *owner,
					     uint64_t page, const struct hash256 *index,
					     bool keep_root)
{
	return directory_remove(v, keylet_owner_dir(owner), page, index, keep_root);
}

enum directory_result directory_remove_empty(struct view *v, struct keylet root)
{
	struct removal m = {.v = v, .root = root.key};
	struct st_object *first;
	enum directory_result r;

	must(root.type == ltDirectoryNode);
	r = peek_page(v, root, &first);
	if (r == DIRECTORY_UNAVAILABLE)
		return r;
	if (r == DIRECTORY_BROKEN || !is_empty_page(first)) /* there is none, or it is in use */
		return DIRECTORY_DONE;
	view_update(v, root);
	return remove_root(&m, first);
}

enum found directory_each(struct view *v, struct keylet root,
			  bool (*visit)(void *ctx, const struct hash256 *index), void *ctx)
{
	const struct st_object *page;
	uint64_t number = 0, next;
	enum found f = view_read(v, root, &page);

	while (f == FOUND) {
		struct list l = list_of(page);

		next = link_of(page, sfIndexNext);
		for (size_t i = 0; i < l.n; i++) {
			struct hash256 index;

			memcpy(index.b, l.p + i * INDEX, INDEX);
			if (!visit(ctx, &index))
				return FOUND;
		}
		if (next <= number)
			return FOUND;
		number = next;
		f = view_read(v, keylet_dir_page(&root.key, number), &page);
		if (f == ABSENT)
			return FOUND;
	}
	return f;
}

bool directory_is_empty(struct view *v, struct keylet root)
{
	const struct st_object *page;

	if (view_read(v, root, &page) != FOUND)
		return true;
	return is_empty_page(page) && link_of(page, sfIndexNext) == 0;
}
