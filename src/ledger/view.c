/* SPDX-License-Identifier: ISC */
#include "ledger/view.h"

#include "base/mem.h"
#include "codec/st.h"
#include "ledger/tree_reader.h"
#include "ledger/view_impl.h"

/* A sandbox that grew beyond this many slots gives its table back instead of clearing it. */
#define SPARE_SLOTS_MAX 256
#define FIELDS_ROOM     4 /* extra room of a copy, for fields that a transaction adds */

static void list_reset(struct view *v)
{
	v->first = NULL;
	v->tail = &v->first;
	v->n = 0;
}

struct view *view_open_tree(const struct tree *base, const struct view_info *info)
{
	struct view *v = mem_zalloc(1, sizeof(*v));
	uint64_t salt;

	must(base->kind == TREE_STATE);
	tree_share(&v->base, base);
	v->info = *info;
	memcpy(&salt, info->parent_hash.b, sizeof(salt));
	hmap_init(&v->map, salt);
	list_reset(v);
	return v;
}

struct view *view_open_sandbox(struct view *parent)
{
	struct view *v = parent->spare;

	if (v) {
		parent->spare = NULL;
	} else {
		v = mem_zalloc(1, sizeof(*v));
		hmap_init(&v->map, parent->map.salt);
		list_reset(v);
	}
	v->parent = parent;
	v->info = parent->info;
	return v;
}

/* Empties a sandbox for its next use. */
static void sandbox_reset(struct view *v)
{
	if (v->map.mask >= SPARE_SLOTS_MAX)
		hmap_close(&v->map);
	else
		hmap_clear(&v->map);
	arena_reset(&v->arena);
	list_reset(v);
	v->burned = drops_of(0);
	v->failed = false;
}

static void view_free(struct view *v)
{
	if (v->spare)
		view_free(v->spare);
	hmap_close(&v->map);
	arena_close(&v->arena);
	if (!v->parent)
		tree_close(&v->base);
	mem_free(v);
}

void view_close(struct view *v)
{
	if (!v)
		return;
	if (v->parent && !v->parent->spare) {
		sandbox_reset(v);
		v->parent->spare = v;
		return;
	}
	view_free(v);
}

const struct view_info *view_get_info(const struct view *v)
{
	return &v->info;
}

bool view_failed(const struct view *v)
{
	return v->failed;
}

struct view_entry *view_find(const struct view *v, const struct hash256 *key)
{
	return hmap_get(&v->map, key);
}

struct view_entry *view_note(struct view *v, const struct hash256 *key,
			     const struct st_object *below)
{
	struct view_entry *e = view_find(v, key);

	if (e)
		return e;
	e = arena_zalloc(&v->arena, 1, sizeof(*e));
	e->key = *key;
	e->how = VIEW_CACHED;
	e->below = below;
	*v->tail = e;
	v->tail = &e->next;
	v->n++;
	must(!hmap_put(&v->map, key, e));
	return e;
}

const struct st_object *view_visible(const struct view_entry *e)
{
	if (e->how == VIEW_ERASED)
		return NULL;
	return e->own ? e->own : e->below;
}

/* The tree's leaf, decoded once and kept. A leaf that does not decode is damage: UNAVAILABLE. */
static enum found read_tree(struct view *v, const struct hash256 *key, const struct st_object **out)
{
	struct st_object *o;
	struct bytes data;
	enum found f = tree_get(&v->base, key, &data);

	if (f == ABSENT)
		return ABSENT;
	if (f == UNAVAILABLE || st_decode(&o, &v->arena, data, NULL) != ERR_NONE ||
	    !st_has(o, sfLedgerEntryType)) {
		v->failed = true;
		return UNAVAILABLE;
	}
	*out = o;
	return FOUND;
}

/* What a view shows under a key, of whatever type. */
static enum found read_any(struct view *v, const struct hash256 *key, const struct st_object **out)
{
	const struct view_entry *e;
	const struct st_object *o = NULL;
	enum found f;

	if (v->failed)
		return UNAVAILABLE;
	e = view_find(v, key);
	if (e) {
		o = view_visible(e);
		if (o)
			*out = o;
		return o ? FOUND : ABSENT;
	}
	f = view_read_below(v, key, out);
	if (f == FOUND && !v->parent)
		view_note(v, key, *out);
	return f;
}

enum found view_read_below(struct view *v, const struct hash256 *key, const struct st_object **out)
{
	const struct view_entry *e;
	enum found f;

	if (v->parent) {
		f = read_any(v->parent, key, out);
		if (f == UNAVAILABLE)
			v->failed = true;
		return f;
	}
	e = view_find(v, key);
	if (!e)
		return read_tree(v, key, out);
	*out = e->below;
	return e->below ? FOUND : ABSENT;
}

static bool type_matches(const struct st_object *o, enum entry_type type)
{
	uint16_t t;

	return type == ltANY || (st_get_u16(o, sfLedgerEntryType, &t) && t == (uint16_t)type);
}

enum found view_read(struct view *v, struct keylet k, const struct st_object **out)
{
	const struct st_object *o;
	enum found f = read_any(v, &k.key, &o);

	if (f != FOUND)
		return f;
	if (!type_matches(o, k.type))
		return ABSENT;
	*out = o;
	return FOUND;
}

/* What a ledger view's tree holds, decoded for an onlooker. */
static enum found look_tree(const struct view *v, const struct hash256 *key, struct arena *a,
			    const struct st_object **out)
{
	struct st_object *o;
	struct tree_reader r;
	struct bytes data;
	enum found f;

	tree_reader_open(&r, &v->base);
	f = tree_reader_get(&r, key, &data);
	if (f == FOUND)
		data.p = arena_copy(a, data.p, data.n);
	tree_reader_close(&r);
	if (f != FOUND)
		return f;
	if (st_decode(&o, a, data, NULL) != ERR_NONE || !st_has(o, sfLedgerEntryType))
		return UNAVAILABLE;
	*out = o;
	return FOUND;
}

enum found view_look(const struct view *v, struct keylet k, struct arena *a,
		     const struct st_object **out)
{
	const struct view_entry *e = NULL;
	const struct st_object *o = NULL;
	enum found f;

	must(!v->parent); /* onlookers see the open ledger, not a transaction in the making */
	if (v->failed)
		return UNAVAILABLE;
	e = view_find(v, &k.key);
	if (e) {
		o = view_visible(e);
		f = o ? FOUND : ABSENT;
	} else {
		f = look_tree(v, &k.key, a, &o);
	}
	if (f == FOUND && !type_matches(o, k.type))
		return ABSENT;
	*out = o;
	return f;
}

struct st_value view_copy_value(struct arena *a, const struct st_value *v)
{
	/* A one-field object around the value lets st_copy() do whatever its type needs. */
	struct st_value in = *v;
	struct st_object one = {.arena = a, .v = &in, .n = 1, .cap = 1};

	return st_copy(a, &one)->v[0];
}

struct st_object *view_copy_shallow(struct arena *a, const struct st_object *o)
{
	struct st_object *out = arena_alloc(a, sizeof(*out));

	out->arena = a;
	out->n = o->n;
	out->cap = o->n + FIELDS_ROOM;
	out->v = arena_alloc(a, out->cap * sizeof(*out->v));
	memcpy(out->v, o->v, o->n * sizeof(*out->v));
	for (uint32_t i = 0; i < out->n; i++) {
		enum st_type type = sf_type(out->v[i].field);

		if (type == ST_OBJECT || type == ST_ARRAY)
			out->v[i] = view_copy_value(a, &o->v[i]);
	}
	return out;
}

enum found view_peek(struct view *v, struct keylet k, struct st_object **out)
{
	const struct st_object *o;
	struct view_entry *e;
	enum found f = read_any(v, &k.key, &o);

	if (f != FOUND)
		return f;
	if (!type_matches(o, k.type))
		return ABSENT;
	e = view_note(v, &k.key, o);
	if (!e->own)
		e->own = view_copy_shallow(&v->arena, o);
	*out = e->own;
	return FOUND;
}

void view_update(struct view *v, struct keylet k)
{
	struct view_entry *e = view_find(v, &k.key);

	must(e && e->own && e->how != VIEW_ERASED);
	must(type_matches(e->own, k.type));
	if (e->how == VIEW_CACHED)
		e->how = VIEW_MODIFIED;
}

/* Fields that the format requires and that have an obvious zero are there from the beginning, as
 * they are in the reference server: numbers and hashes. */
static void fill_required(struct st_object *o, enum entry_type type)
{
	static const uint8_t zeros[32];
	size_t n;
	const struct format_field *f = entry_format((uint16_t)type, &n);

	must(f);
	for (size_t i = 0; i < n; i++) {
		enum st_type t = sf_type(f[i].field);

		if (f[i].need != FIELD_REQUIRED)
			continue;
		if (t == ST_UINT8 || t == ST_UINT16 || t == ST_UINT32 || t == ST_UINT64)
			st_set_u(o, f[i].field, 0);
		else if (t == ST_HASH256)
			st_set_raw(o, f[i].field, bytes_of(zeros, sizeof(zeros)));
	}
	st_set_u(o, sfLedgerEntryType, (uint64_t)type);
}

struct st_object *view_insert(struct view *v, struct keylet k)
{
	const struct st_object *there;
	struct view_entry *e;

	must(read_any(v, &k.key, &there) != FOUND);
	e = view_note(v, &k.key, NULL);
	e->how = e->how == VIEW_ERASED ? VIEW_MODIFIED : VIEW_INSERTED;
	e->own = st_new(&v->arena);
	fill_required(e->own, k.type);
	return e->own;
}

void view_erase(struct view *v, struct keylet k)
{
	struct view_entry *e = view_find(v, &k.key);

	must(e && e->own && e->how != VIEW_ERASED);
	must(type_matches(e->own, k.type));
	if (e->how == VIEW_INSERTED) {
		e->how = VIEW_CACHED;
		e->own = NULL;
		return;
	}
	e->how = VIEW_ERASED;
}

void view_burn(struct view *v, struct drops d)
{
	must(drops_add(&v->burned, v->burned, d));
}

struct drops view_burned(const struct view *v)
{
	return v->burned;
}
