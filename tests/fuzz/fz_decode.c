/* SPDX-License-Identifier: ISC */
#include "codec/amount.h"
#include "codec/json.h"

/* Bytes → object → bytes are the same bytes; object → JSON → object is the same object, except for
 * the few values that JSON cannot say: negative drops and units, and the empty account. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool unspeakable_value(const struct st_value *v);

static bool unspeakable(const struct st_object *o)
{
	for (uint32_t i = 0; i < o->n; i++) {
		if (unspeakable_value(&o->v[i]))
			return true;
	}
	return false;
}

static bool unspeakable_value(const struct st_value *v)
{
	struct amount a;

	switch (sf_type(v->field)) {
	case ST_AMOUNT:
		must(amount_decode(&a, v->raw) == ERR_NONE);
		return a.negative && a.kind != AMOUNT_IOU;
	case ST_ACCOUNT:
		return v->raw.n == 0 || v->field == sfAccount; /* UNLModify empties it */
	case ST_OBJECT:
		return unspeakable(v->object);
	case ST_ARRAY:
		for (uint32_t i = 0; i < v->array->n; i++) {
			if (unspeakable(v->array->e[i].object))
				return true;
		}
		return false;
	default:
		return false;
	}
}

static void check_json(struct arena *a, const struct st_object *o)
{
	struct st_object *back;
	struct why why;
	json_t *json = st_to_json(o);
	enum err e = st_from_json(&back, a, json, &why);

	json_decref(json);
	if (!unspeakable(o))
		must(e == ERR_NONE && st_eq(o, back));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = ARENA_INIT;
	struct buf b = BUF_INIT;
	struct st_object *o, *copy;
	struct why why;

	if (st_decode(&o, &a, bytes_of(data, size), &why) == ERR_NONE) {
		st_encode(&b, o, ST_ALL);
		must(bytes_eq(buf_bytes(&b), bytes_of(data, size)));
		copy = st_copy(&a, o);
		must(st_eq(o, copy));
		check_json(&a, o);
		buf_clear(&b);
		st_encode(&b, o, ST_SIGNING);
		must(b.n <= size);
	}
	buf_close(&b);
	arena_close(&a);
	return 0;
}
