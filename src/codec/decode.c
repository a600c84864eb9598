/* SPDX-License-Identifier: ISC */
#include "base/limits.h"
#include "codec/format.h"
#include "codec/leaf.h"
#include "codec/st.h"

/* Bytes to object. One pass, no copies; `at` in messages counts from the start of the input. */

struct decoder {
	struct cursor c;
	const uint8_t *start;
	struct arena *arena;
	struct why *why;
};

static enum err decode_object(struct decoder *d, struct st_object **out, int depth);

static enum err refuse(struct decoder *d, enum err e, enum sf f, const char *what)
{
	const char *name = sf_name(f);

	must(e != ERR_NONE && d->c.p >= d->start);
	return why_set(d->why, e, "%s%sat byte %zu: %s", name ? name : "", name ? " " : "",
		       (size_t)(d->c.p - d->start), what);
}

/* Header of a field: one nibble each for type and number, and a byte of its own for whichever is
 * above 15. The longer form of a small code is refused. */
static enum err decode_header(struct decoder *d, enum sf *f)
{
	uint8_t first = cursor_u8(&d->c);
	unsigned type = first >> 4, nth = first & 15;

	if (!type) {
		type = cursor_u8(&d->c);
		if (type < 16)
			type = 0;
	}
	if (!nth) {
		nth = cursor_u8(&d->c);
		if (nth < 16)
			nth = 0;
	}
	if (d->c.dead)
		return refuse(d, ERR_SHORT, sfInvalid, "field header cut short");
	if (!type || !nth)
		return refuse(d, ERR_INVALID, sfInvalid, "field header longer than needed");
	*f = (enum sf)(type << 16 | nth);
	return ERR_NONE;
}

enum err st_decode_length(struct cursor *c, size_t *n)
{
	size_t b1 = cursor_u8(c), b2 = 0, b3 = 0;

	if (b1 > 192)
		b2 = cursor_u8(c);
	if (b1 > 240)
		b3 = cursor_u8(c);
	if (c->dead)
		return ERR_SHORT;
	if (b1 <= 192)
		*n = b1;
	else if (b1 <= 240)
		*n = 193 + (b1 - 193) * 256 + b2;
	else
		*n = 12481 + (b1 - 241) * 65536 + b2 * 256 + b3;
	return b1 == 255 || *n > VL_MAX ? ERR_RANGE : ERR_NONE;
}

static enum err decode_vl(struct decoder *d, struct st_value *v)
{
	enum st_type type = sf_type(v->field);
	size_t n;
	enum err e = st_decode_length(&d->c, &n);

	must(type == ST_BLOB || type == ST_ACCOUNT || type == ST_VECTOR256);
	if (e)
		return refuse(d, e, v->field, "bad length prefix");
	if (n > d->c.left)
		return refuse(d, ERR_SHORT, v->field, "longer than the input");
	/* Empty accounts occur: the Account of UNLModify is one. */
	if (type == ST_ACCOUNT && n && n != sizeof(struct account_id))
		return refuse(d, ERR_INVALID, v->field, "an account has 20 bytes");
	if (type == ST_VECTOR256 && n % sizeof(struct hash256))
		return refuse(d, ERR_INVALID, v->field, "length is no multiple of 32");
	v->raw = cursor_take(&d->c, n);
	return ERR_NONE;
}

/* Codes that JSON shows as names must be known. */
static bool code_known(enum sf f, uint64_t u)
{
	switch (f) {
	case sfTransactionType:
		return tx_type_name((uint16_t)u) != NULL;
	case sfLedgerEntryType:
		return entry_type_name((uint16_t)u) != NULL;
	case sfTransactionResult:
		return result_name((int)u) != NULL;
	case sfPermissionValue:
		return permission_name((uint32_t)u) != NULL;
	default:
		return true;
	}
}

static enum err decode_number(struct decoder *d, struct st_value *v)
{
	enum st_type type = sf_type(v->field);

	must(!st_type_is_raw(type) && type != ST_OBJECT && type != ST_ARRAY);
	if (type == ST_UINT32)
		v->u = cursor_be32(&d->c);
	else if (type == ST_UINT16)
		v->u = cursor_be16(&d->c);
	else if (type == ST_UINT8)
		v->u = cursor_u8(&d->c);
	else if (type == ST_INT32)
		v->i = (int32_t)cursor_be32(&d->c);
	else
		v->u = cursor_be64(&d->c);
	if (d->c.dead)
		return refuse(d, ERR_SHORT, v->field, "cut short");
	if (!code_known(v->field, v->u))
		return refuse(d, ERR_INVALID, v->field, "unknown code");
	return ERR_NONE;
}

static enum err decode_fixed(struct decoder *d, struct st_value *v)
{
	struct number unused;
	enum err e = ERR_NONE;

	must(st_type_size(sf_type(v->field)) > 0);
	v->raw = cursor_take(&d->c, st_type_size(sf_type(v->field)));
	if (d->c.dead)
		return refuse(d, ERR_SHORT, v->field, "cut short");
	if (sf_type(v->field) == ST_NUMBER)
		e = number_decode(&unused, v->raw);
	return e ? refuse(d, e, v->field, "number not normalised") : ERR_NONE;
}

static enum err decode_array(struct decoder *d, struct st_array **out, enum sf f, int depth)
{
	struct st_array *arr = arena_zalloc(d->arena, 1, sizeof(*arr));

	must(sf_type(f) == ST_ARRAY && depth <= ST_DEPTH_MAX);
	for (;;) {
		struct st_element *el;
		enum sf wrapper;
		enum err e = decode_header(d, &wrapper);

		if (e)
			return e;
		if (wrapper == ST_END_OF_ARRAY)
			break;
		if (sf_type(wrapper) != ST_OBJECT || !sf_known(wrapper))
			return refuse(d, ERR_INVALID, f, "array element is no known object");
		if (arr->n == ST_ARRAY_MAX)
			return refuse(d, ERR_TOO_LARGE, f, "too many array elements");
		el = st_array_grow(arr, d->arena);
		el->field = wrapper;
		e = decode_object(d, &el->object, depth + 1);
		if (e)
			return e;
	}
	*out = arr;
	return ERR_NONE;
}

static enum err decode_value(struct decoder *d, struct st_value *v, int depth)
{
	const char *what = "";
	enum err e;

	if (depth > ST_DEPTH_MAX)
		return refuse(d, ERR_DEPTH, v->field, "nested too deep");
	switch (sf_type(v->field)) {
	case ST_UINT8:
	case ST_UINT16:
	case ST_UINT32:
	case ST_UINT64:
	case ST_INT32:
	case ST_INT64:
		return decode_number(d, v);
	case ST_BLOB:
	case ST_ACCOUNT:
	case ST_VECTOR256:
		return decode_vl(d, v);
	case ST_HASH128:
	case ST_HASH160:
	case ST_HASH192:
	case ST_HASH256:
	case ST_UINT96:
	case ST_UINT384:
	case ST_UINT512:
	case ST_CURRENCY:
	case ST_NUMBER:
		return decode_fixed(d, v);
	case ST_AMOUNT:
		e = amount_scan(&d->c, &v->raw, &what);
		break;
	case ST_PATH_SET:
		e = path_set_scan(&d->c, &v->raw, &what);
		break;
	case ST_ISSUE:
		e = issue_scan(&d->c, &v->raw, &what);
		break;
	case ST_XCHAIN_BRIDGE:
		e = bridge_scan(&d->c, &v->raw, &what);
		break;
	case ST_OBJECT:
		return decode_object(d, &v->object, depth);
	case ST_ARRAY:
		return decode_array(d, &v->array, v->field, depth);
	default:
		e = ERR_INVALID;
	}
	return e ? refuse(d, e, v->field, what) : ERR_NONE;
}

/* Canonical order is the order of field codes, so the last field seen tells all. */
static enum err check_order(struct decoder *d, enum sf previous, enum sf f)
{
	if (!sf_known(f))
		return refuse(d, ERR_INVALID, sfInvalid, "unknown field");
	if (f > previous)
		return ERR_NONE;
	if (f == previous)
		return refuse(d, ERR_DUPLICATE, f, "field twice");
	return refuse(d, ERR_ORDER, f, "field out of order");
}

static enum err decode_object(struct decoder *d, struct st_object **out, int depth)
{
	struct st_object *o;
	enum sf previous = sfInvalid;

	if (depth > ST_DEPTH_MAX)
		return refuse(d, ERR_DEPTH, sfInvalid, "nested too deep");
	o = st_new(d->arena);
	while (depth > 0 || d->c.left) {
		struct st_value *v;
		enum sf f;
		enum err e = decode_header(d, &f);

		if (e)
			return e;
		if (f == ST_END_OF_OBJECT) {
			if (depth > 0)
				break;
			return refuse(d, ERR_TRAILING, sfInvalid,
				      "end marker outside of any object");
		}
		e = check_order(d, previous, f);
		if (e)
			return e;
		v = st_insert_at(o, o->n);
		v->field = previous = f;
		e = decode_value(d, v, depth + 1);
		if (e)
			return e;
	}
	*out = o;
	return ERR_NONE;
}

enum err st_decode(struct st_object **out, struct arena *a, struct bytes in, struct why *why)
{
	struct decoder d = {.c = cursor_of(in), .start = in.p, .arena = a, .why = why};
	enum err e;

	must(in.p || in.n == 0);
	e = decode_object(&d, out, 0);
	must(e || d.c.left == 0);
	return e;
}
