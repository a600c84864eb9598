/* SPDX-License-Identifier: ISC */
#include "codec/st.h"

#include "base/limits.h"
#include "codec/amount.h"
#include "codec/leaf.h"

#define VALUES_FIRST   16 /* room of a new object; most have fewer fields */
#define ELEMENTS_FIRST 4

struct st_object *st_new(struct arena *a)
{
	struct st_object *o = arena_alloc(a, sizeof(*o));

	*o = (struct st_object){.arena = a};
	o->v = arena_alloc(a, VALUES_FIRST * sizeof(*o->v));
	o->cap = VALUES_FIRST;
	return o;
}

struct st_value *st_insert_at(struct st_object *o, uint32_t at)
{
	must(at <= o->n && o->n < ST_FIELDS_MAX);
	if (o->n == o->cap) {
		uint32_t cap = o->cap ? o->cap * 2 : VALUES_FIRST;
		struct st_value *v = arena_alloc(o->arena, cap * sizeof(*v));

		if (o->n)
			memcpy(v, o->v, o->n * sizeof(*v));
		o->v = v;
		o->cap = cap;
	}
	memmove(o->v + at + 1, o->v + at, (o->n - at) * sizeof(*o->v));
	o->n++;
	return &o->v[at];
}

/* The first position whose field is not below f. */
static uint32_t position(const struct st_object *o, enum sf f)
{
	uint32_t low = 0, high = o->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (o->v[mid].field < f)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct st_value *st_find(const struct st_object *o, enum sf f)
{
	uint32_t at = position(o, f);

	return at < o->n && o->v[at].field == f ? &o->v[at] : NULL;
}

/* Reading */

static bool get_u(const struct st_object *o, enum sf f, enum st_type type, uint64_t *out)
{
	const struct st_value *v = st_find(o, f);

	must(sf_type(f) == type);
	if (v)
		*out = v->u;
	return v != NULL;
}

bool st_get_u8(const struct st_object *o, enum sf f, uint8_t *out)
{
	uint64_t u;

	if (!get_u(o, f, ST_UINT8, &u))
		return false;
	*out = (uint8_t)u;
	return true;
}

bool st_get_u16(const struct st_object *o, enum sf f, uint16_t *out)
{
	uint64_t u;

	if (!get_u(o, f, ST_UINT16, &u))
		return false;
	*out = (uint16_t)u;
	return true;
}

bool st_get_u32(const struct st_object *o, enum sf f, uint32_t *out)
{
	uint64_t u;

	if (!get_u(o, f, ST_UINT32, &u))
		return false;
	*out = (uint32_t)u;
	return true;
}

bool st_get_u64(const struct st_object *o, enum sf f, uint64_t *out)
{
	return get_u(o, f, ST_UINT64, out);
}

uint32_t st_u32_or(const struct st_object *o, enum sf f, uint32_t otherwise)
{
	uint32_t u;

	return st_get_u32(o, f, &u) ? u : otherwise;
}

bool st_get_raw(const struct st_object *o, enum sf f, struct bytes *out)
{
	const struct st_value *v = st_find(o, f);

	must(st_type_is_raw(sf_type(f)));
	if (v)
		*out = v->raw;
	return v != NULL;
}

bool st_get_hash256(const struct st_object *o, enum sf f, struct hash256 *out)
{
	struct bytes raw;

	must(sf_type(f) == ST_HASH256);
	if (!st_get_raw(o, f, &raw))
		return false;
	must(raw.n == sizeof(out->b));
	memcpy(out->b, raw.p, sizeof(out->b));
	return true;
}

bool st_get_account(const struct st_object *o, enum sf f, struct account_id *out)
{
	struct bytes raw;

	must(sf_type(f) == ST_ACCOUNT);
	if (!st_get_raw(o, f, &raw))
		return false;
	*out = (struct account_id){0};
	must(raw.n == 0 || raw.n == sizeof(out->b));
	if (raw.n)
		memcpy(out->b, raw.p, raw.n);
	return true;
}

bool st_get_drops(const struct st_object *o, enum sf f, struct drops *out)
{
	struct bytes raw;
	uint64_t u;

	must(sf_type(f) == ST_AMOUNT);
	if (!st_get_raw(o, f, &raw) || raw.n != 8)
		return false;
	u = load_be64(raw.p);
	if (!(u & AMOUNT_POSITIVE_BIT))
		return false;
	*out = drops_of(u & ~AMOUNT_POSITIVE_BIT);
	return true;
}

const struct st_object *st_get_object(const struct st_object *o, enum sf f)
{
	const struct st_value *v = st_find(o, f);

	must(sf_type(f) == ST_OBJECT);
	return v ? v->object : NULL;
}

const struct st_array *st_get_array(const struct st_object *o, enum sf f)
{
	const struct st_value *v = st_find(o, f);

	must(sf_type(f) == ST_ARRAY);
	return v ? v->array : NULL;
}

/* Writing */

/* The value of f, newly made if absent. Appending in order is the usual case. */
static struct st_value *slot(struct st_object *o, enum sf f)
{
	uint32_t at = o->n && o->v[o->n - 1].field < f ? o->n : position(o, f);
	struct st_value *v;

	must(sf_known(f));
	if (at < o->n && o->v[at].field == f)
		return &o->v[at];
	v = st_insert_at(o, at);
	v->field = f;
	return v;
}

void st_set_u(struct st_object *o, enum sf f, uint64_t v)
{
	enum st_type type = sf_type(f);

	must(type == ST_UINT8 || type == ST_UINT16 || type == ST_UINT32 || type == ST_UINT64);
	must(type == ST_UINT64 || !(v >> (8 * st_type_size(type))));
	slot(o, f)->u = v;
}

void st_set_i(struct st_object *o, enum sf f, int64_t v)
{
	must(sf_type(f) == ST_INT64 ||
	     (sf_type(f) == ST_INT32 && v >= INT32_MIN && v <= INT32_MAX));
	slot(o, f)->i = v;
}

void st_set_raw(struct st_object *o, enum sf f, struct bytes v)
{
	enum st_type type = sf_type(f);

	must(st_type_is_raw(type) && v.n <= VL_MAX);
	must(st_type_size(type) == 0 || st_type_size(type) == v.n);
	must(type != ST_ACCOUNT || v.n == 0 || v.n == sizeof(struct account_id));
	slot(o, f)->raw = bytes_of(arena_copy(o->arena, v.p, v.n), v.n);
}

void st_set_hash256(struct st_object *o, enum sf f, const struct hash256 *v)
{
	must(sf_type(f) == ST_HASH256);
	st_set_raw(o, f, bytes_of(v->b, sizeof(v->b)));
}

void st_set_account(struct st_object *o, enum sf f, const struct account_id *v)
{
	must(sf_type(f) == ST_ACCOUNT);
	st_set_raw(o, f, bytes_of(v->b, sizeof(v->b)));
}

void st_set_drops(struct st_object *o, enum sf f, struct drops v)
{
	struct amount a = amount_of_drops(v);
	uint8_t raw[AMOUNT_BYTES_MAX];

	must(sf_type(f) == ST_AMOUNT);
	st_set_raw(o, f, bytes_of(raw, amount_encode(raw, &a)));
}

void st_set_object(struct st_object *o, enum sf f, struct st_object *v)
{
	must(sf_type(f) == ST_OBJECT && v != o);
	slot(o, f)->object = v;
}

struct st_array *st_set_array(struct st_object *o, enum sf f)
{
	struct st_array *arr = arena_zalloc(o->arena, 1, sizeof(*arr));

	must(sf_type(f) == ST_ARRAY);
	slot(o, f)->array = arr;
	return arr;
}

struct st_element *st_array_grow(struct st_array *arr, struct arena *a)
{
	must(arr->n < ST_ARRAY_MAX);
	if (arr->n == arr->cap) {
		uint32_t cap = arr->cap ? arr->cap * 2 : ELEMENTS_FIRST;
		struct st_element *e = arena_alloc(a, cap * sizeof(*e));

		if (arr->n)
			memcpy(e, arr->e, arr->n * sizeof(*e));
		arr->e = e;
		arr->cap = cap;
	}
	return &arr->e[arr->n++];
}

struct st_object *st_array_add(struct st_array *arr, struct arena *a, enum sf wrapper)
{
	struct st_element *e = st_array_grow(arr, a);

	must(sf_type(wrapper) == ST_OBJECT && sf_known(wrapper));
	e->field = wrapper;
	e->object = st_new(a);
	return e->object;
}

void st_remove(struct st_object *o, enum sf f)
{
	uint32_t at = position(o, f);

	if (at == o->n || o->v[at].field != f)
		return;
	o->n--;
	memmove(o->v + at, o->v + at + 1, (o->n - at) * sizeof(*o->v));
}

/* Whole objects */

static struct st_array *copy_array(struct arena *a, const struct st_array *in)
{
	struct st_array *out = arena_zalloc(a, 1, sizeof(*out));

	out->n = out->cap = in->n;
	out->e = arena_alloc(a, in->n * sizeof(*out->e));
	for (uint32_t i = 0; i < in->n; i++) {
		out->e[i].field = in->e[i].field;
		out->e[i].object = st_copy(a, in->e[i].object);
	}
	return out;
}

struct st_object *st_copy(struct arena *a, const struct st_object *o)
{
	struct st_object *out = arena_alloc(a, sizeof(*out));

	*out = (struct st_object){.arena = a, .n = o->n, .cap = o->n};
	out->v = arena_copy(a, o->v, o->n * sizeof(*o->v));
	for (uint32_t i = 0; i < o->n; i++) {
		struct st_value *v = &out->v[i];

		if (st_type_is_raw(sf_type(v->field)))
			v->raw.p = arena_copy(a, v->raw.p, v->raw.n);
		else if (sf_type(v->field) == ST_OBJECT)
			v->object = st_copy(a, v->object);
		else if (sf_type(v->field) == ST_ARRAY)
			v->array = copy_array(a, v->array);
	}
	return out;
}

static bool array_eq(const struct st_array *a, const struct st_array *b)
{
	if (a->n != b->n)
		return false;
	for (uint32_t i = 0; i < a->n; i++) {
		if (a->e[i].field != b->e[i].field || !st_eq(a->e[i].object, b->e[i].object))
			return false;
	}
	return true;
}

bool st_value_eq(const struct st_value *a, const struct st_value *b)
{
	if (a->field != b->field)
		return false;
	if (st_type_is_raw(sf_type(a->field)))
		return bytes_eq(a->raw, b->raw);
	if (sf_type(a->field) == ST_OBJECT)
		return st_eq(a->object, b->object);
	if (sf_type(a->field) == ST_ARRAY)
		return array_eq(a->array, b->array);
	return a->u == b->u;
}

bool st_eq(const struct st_object *a, const struct st_object *b)
{
	if (a->n != b->n)
		return false;
	for (uint32_t i = 0; i < a->n; i++) {
		if (!st_value_eq(&a->v[i], &b->v[i]))
			return false;
	}
	return true;
}

bool st_value_is_default(const struct st_value *v)
{
	enum st_type type = sf_type(v->field);

	if (type == ST_OBJECT)
		return v->object->n == 0;
	if (type == ST_ARRAY)
		return v->array->n == 0;
	if (!st_type_is_raw(type))
		return v->u == 0;
	return st_raw_is_default(type, v->raw);
}
