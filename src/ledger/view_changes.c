/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "codec/st.h"
#include "ledger/view.h"
#include "ledger/view_impl.h"

#include <stdlib.h>

static int compare_entries(const void *pa, const void *pb)
{
	const struct view_entry *a = *(struct view_entry *const *)pa;
	const struct view_entry *b = *(struct view_entry *const *)pb;

	return hash256_cmp(&a->key, &b->key);
}

/* Few entries (a transaction's) are sorted where they are found. */
static void sort_entries(struct view_entry **list, size_t n)
{
	if (n > 16) {
		qsort(list, n, sizeof(list[0]), compare_entries);
		return;
	}
	for (size_t i = 1; i < n; i++) {
		struct view_entry *e = list[i];
		size_t j = i;

		for (; j > 0 && hash256_cmp(&list[j - 1]->key, &e->key) > 0; j--)
			list[j] = list[j - 1];
		list[j] = e;
	}
}

bool view_has_changed(const struct view_entry *e)
{
	if (e->how == VIEW_CACHED)
		return false;
	return e->how != VIEW_MODIFIED || !st_eq(e->below, e->own);
}

size_t view_count_changes(const struct view *v)
{
	size_t n = 0;

	for (const struct view_entry *e = v->first; e; e = e->next)
		n += e->how != VIEW_CACHED;
	return n;
}

struct view_entry **view_sorted_changes(struct view *v, size_t *n)
{
	struct view_entry **list = arena_alloc(&v->arena, v->n * sizeof(list[0]));
	size_t count = 0;

	for (struct view_entry *e = v->first; e; e = e->next)
		if (e->how != VIEW_CACHED)
			list[count++] = e;
	sort_entries(list, count);
	*n = count;
	return list;
}

bool view_each_change(struct view *v,
		      bool (*visit)(void *ctx, const struct hash256 *key, enum view_change how,
				    const struct st_object *before, const struct st_object *after),
		      void *ctx)
{
	size_t n;
	struct view_entry **list = view_sorted_changes(v, &n);

	for (size_t i = 0; i < n; i++) {
		const struct view_entry *e = list[i];
		const struct st_object *after = e->how == VIEW_ERASED ? NULL : e->own;

		if (view_has_changed(e) && !visit(ctx, &e->key, e->how, e->below, after))
			return false;
	}
	return true;
}

/* Whether a value of `from` is already what `to` holds, so that its bytes need no new home. */
static bool same_value(const struct st_value *to, const struct st_value *from)
{
	return to->field == from->field && st_value_eq(to, from);
}

static bool is_plain_number(enum sf f)
{
	enum st_type t = sf_type(f);

	return t == ST_UINT8 || t == ST_UINT16 || t == ST_UINT32 || t == ST_UINT64 ||
	       t == ST_INT32 || t == ST_INT64;
}

/* Makes `to` equal to `from`, copying onto to's arena only what differs. */
static void assign(struct st_object *to, const struct st_object *from)
{
	struct st_value *v = to->v;
	uint32_t at = 0;

	/* Fields usually stay the same ones; otherwise the values move to a new array. */
	if (to->cap < from->n || to->n != from->n)
		v = arena_alloc(to->arena, (from->n + 4) * sizeof(*v));
	for (uint32_t i = 0; i < from->n; i++) {
		const struct st_value *f = &from->v[i];

		while (v != to->v && at < to->n && to->v[at].field < f->field)
			at++;
		if (v == to->v)
			at = i;
		if (at < to->n && same_value(&to->v[at], f))
			v[i] = to->v[at];
		else
			v[i] = is_plain_number(f->field) ? *f : view_copy_value(to->arena, f);
	}
	if (v != to->v) {
		to->v = v;
		to->cap = from->n + 4;
	}
	to->n = from->n;
}

/* The parent's own copy of an entry, made when it has none. */
static struct st_object *own_in(struct view *p, struct view_entry *e)
{
	if (!e->own)
		e->own = view_copy_shallow(&p->arena, e->below);
	return e->own;
}

static void merge_entry(struct view *p, const struct view_entry *e)
{
	/* In a ledger view every entry that a sandbox has seen is listed; in a sandbox not. */
	struct view_entry *pe = view_note(p, &e->key, e->below);

	switch (e->how) {
	case VIEW_CACHED:
		break;
	case VIEW_INSERTED:
		must(!view_visible(pe));
		pe->own = st_copy(&p->arena, e->own);
		pe->how = pe->how == VIEW_ERASED ? VIEW_MODIFIED : VIEW_INSERTED;
		break;
	case VIEW_MODIFIED:
		must(view_visible(pe));
		assign(own_in(p, pe), e->own);
		if (pe->how == VIEW_CACHED)
			pe->how = VIEW_MODIFIED;
		break;
	case VIEW_ERASED:
		must(view_visible(pe));
		if (pe->how == VIEW_INSERTED) {
			pe->how = VIEW_CACHED;
			pe->own = NULL;
			break;
		}
		assign(own_in(p, pe), e->own);
		pe->how = VIEW_ERASED;
		break;
	}
}

void view_merge(struct view *sandbox)
{
	struct view *p = sandbox->parent;

	must(p && !sandbox->failed);
	for (const struct view_entry *e = sandbox->first; e; e = e->next)
		if (view_has_changed(e))
			merge_entry(p, e);
	view_burn(p, sandbox->burned);
	sandbox->burned = drops_of(0);
	hmap_clear(&sandbox->map);
	sandbox->first = NULL;
	sandbox->tail = &sandbox->first;
	sandbox->n = 0;
	arena_reset(&sandbox->arena);
}

enum found view_flush(struct view *v, struct tree *state)
{
	struct buf encoded = BUF_INIT;
	enum found f = FOUND;
	size_t n;
	struct view_entry **list = view_sorted_changes(v, &n);

	must(!v->parent);
	if (v->failed)
		return UNAVAILABLE;
	for (size_t i = 0; i < n && f != UNAVAILABLE; i++) {
		if (list[i]->how == VIEW_ERASED) {
			f = tree_del(state, &list[i]->key);
			continue;
		}
		if (!view_has_changed(list[i]))
			continue;
		buf_clear(&encoded);
		st_encode(&encoded, list[i]->own, ST_ALL);
		f = tree_put(state, &list[i]->key, buf_bytes(&encoded));
	}
	buf_close(&encoded);
	return f == UNAVAILABLE ? UNAVAILABLE : FOUND;
}

/* The next key below the view that the view has not erased. */
static enum found next_below(struct view *v, const struct hash256 *after, struct hash256 *key)
{
	const struct hash256 *from = after;
	struct hash256 at;
	struct bytes data;
	enum found f;

	for (;;) {
		const struct view_entry *e;

		f = v->parent ? view_next(v->parent, from, &at)
			      : tree_next(&v->base, from, &at, &data);
		if (f != FOUND)
			return f;
		e = view_find(v, &at);
		if (!e || view_visible(e)) {
			*key = at;
			return FOUND;
		}
		from = &at;
	}
}

enum found view_next(struct view *v, const struct hash256 *after, struct hash256 *key)
{
	struct hash256 from = after ? *after : HASH256_ZERO; /* callers walk with one variable */
	const struct view_entry *best = NULL;
	enum found f;

	if (v->failed)
		return UNAVAILABLE;
	f = next_below(v, after ? &from : NULL, key);
	if (f == UNAVAILABLE) {
		v->failed = true;
		return f;
	}
	for (const struct view_entry *e = v->first; e; e = e->next) {
		if (e->how != VIEW_INSERTED || (after && hash256_cmp(&e->key, &from) <= 0))
			continue;
		if (!best || hash256_cmp(&e->key, &best->key) < 0)
			best = e;
	}
	if (best && (f == ABSENT || hash256_cmp(&best->key, key) < 0)) {
		*key = best->key;
		return FOUND;
	}
	return f;
}
