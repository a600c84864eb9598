/* SPDX-License-Identifier: ISC */
#include "base/limits.h"
#include "codec/leaf.h"
#include "codec/st.h"

/* Object to bytes. Room for header, length and number of a value is reserved at once. */

#define HEADER_MAX 3
#define LENGTH_MAX 3

static void put_header(struct buf *out, enum sf f)
{
	unsigned type = (unsigned)f >> 16, nth = (unsigned)f & 0xFFFF;
	uint8_t *p = out->p + out->n;

	must(type && type < 256 && nth && nth < 256);
	must(out->cap - out->n >= HEADER_MAX);
	*p++ = (uint8_t)((type < 16 ? type << 4 : 0) | (nth < 16 ? nth : 0));
	if (type >= 16)
		*p++ = (uint8_t)type;
	if (nth >= 16)
		*p++ = (uint8_t)nth;
	out->n = (size_t)(p - out->p);
}

void st_encode_length(struct buf *out, size_t n)
{
	uint8_t *p;

	must(n <= VL_MAX);
	buf_reserve(out, LENGTH_MAX);
	p = out->p + out->n;
	if (n <= 192) {
		*p++ = (uint8_t)n;
	} else if (n <= 12480) {
		n -= 193;
		*p++ = (uint8_t)(193 + (n >> 8));
		*p++ = (uint8_t)n;
	} else {
		n -= 12481;
		*p++ = (uint8_t)(241 + (n >> 16));
		*p++ = (uint8_t)(n >> 8);
		*p++ = (uint8_t)n;
	}
	out->n = (size_t)(p - out->p);
}

static void put_number(struct buf *out, uint64_t u, size_t size)
{
	uint8_t *p = out->p + out->n;

	must(out->cap - out->n >= size);
	for (size_t i = size; i-- > 0; u >>= 8)
		p[i] = (uint8_t)u;
	out->n += size;
}

static void put_raw(struct buf *out, enum st_type type, struct bytes raw)
{
	must(raw.p || raw.n == 0);
	if (type == ST_BLOB || type == ST_ACCOUNT || type == ST_VECTOR256)
		st_encode_length(out, raw.n);
	if (raw.n)
		buf_put(out, raw.p, raw.n);
}

static void put_end(struct buf *out, enum sf marker)
{
	buf_reserve(out, HEADER_MAX);
	put_header(out, marker);
}

static void put_array(struct buf *out, const struct st_array *arr)
{
	must(arr->n <= ST_ARRAY_MAX);
	for (uint32_t i = 0; i < arr->n; i++) {
		must(sf_type(arr->e[i].field) == ST_OBJECT);
		buf_reserve(out, HEADER_MAX);
		put_header(out, arr->e[i].field);
		st_encode(out, arr->e[i].object, ST_ALL);
		put_end(out, ST_END_OF_OBJECT);
	}
	put_end(out, ST_END_OF_ARRAY);
}

static void put_value(struct buf *out, const struct st_value *v)
{
	enum st_type type = sf_type(v->field);

	buf_reserve(out, HEADER_MAX + sizeof(uint64_t));
	put_header(out, v->field);
	if (st_type_is_raw(type)) {
		put_raw(out, type, v->raw);
	} else if (type == ST_OBJECT) {
		st_encode(out, v->object, ST_ALL);
		put_end(out, ST_END_OF_OBJECT);
	} else if (type == ST_ARRAY) {
		put_array(out, v->array);
	} else {
		put_number(out, v->u, st_type_size(type));
	}
}

/* What is not signed is left out at the top level only: nested parts are signed whole. */
void st_encode(struct buf *out, const struct st_object *o, enum st_encode_what what)
{
	for (uint32_t i = 0; i < o->n; i++) {
		must(i == 0 || o->v[i - 1].field < o->v[i].field);
		if (what == ST_ALL || sf_signing(o->v[i].field))
			put_value(out, &o->v[i]);
	}
}
