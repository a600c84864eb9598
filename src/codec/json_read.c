/* SPDX-License-Identifier: ISC */
#include "codec/json_read.h"

#include "base/limits.h"
#include "codec/format.h"
#include "codec/json.h"
#include "crypto/base58.h"

/* JSON to object: members to fields, X-addresses taken apart, nested parts by recursion. */

static enum err read_object(struct json_reader *r, const json_t *in, struct st_object **out,
			    int depth);

enum err json_refuse(struct json_reader *r, enum err e, const char *what)
{
	must(e != ERR_NONE);
	return why_set(r->why, e, "%.*s%s%s", (int)r->n, r->path, r->n ? ": " : "", what);
}

static size_t extend(struct json_reader *r, const char *text)
{
	size_t before = r->n, n = strlen(text);

	must(r->n <= sizeof(r->path));
	if (n > sizeof(r->path) - r->n)
		n = sizeof(r->path) - r->n;
	memcpy(r->path + r->n, text, n);
	r->n += n;
	return before;
}

size_t json_path_name(struct json_reader *r, const char *name)
{
	size_t before = r->n;

	if (r->n)
		(void)extend(r, ".");
	(void)extend(r, name);
	return before;
}

size_t json_path_index(struct json_reader *r, size_t index)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "[%zu]", index);
	return extend(r, text);
}

void json_path_back(struct json_reader *r, size_t n)
{
	must(n <= r->n);
	r->n = n;
}

/* Whether a member is none of ours and may be passed over, as the reference codec does it: names
 * that begin with anything but a capital ("hash", "date"), and what stands beside an object in the
 * published definitions without being part of its bytes. */
static bool member_ignored(const char *name)
{
	static const char *const beside[] = {
#define F(...)
#define P(name, type, nth, serialized, signing, vl) (serialized) ? "" : (name),
#include "codec/fields.def"
#undef F
	};

	if ((unsigned char)name[0] < 0x80 && name[0] && !(name[0] >= 'A' && name[0] <= 'Z'))
		return true;
	for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]); i++) {
		if (beside[i][0] && strcmp(name, beside[i]) == 0)
			return true;
	}
	return false;
}

/* An X-address in Account or Destination may carry the tag that belongs to it. */
static enum err take_x_address(struct json_reader *r, struct st_object *o, enum sf f,
			       const json_t *object, const json_t *in, bool *done)
{
	enum sf tag = f == sfDestination ? sfDestinationTag : sfSourceTag;
	struct x_address x;

	*done = false;
	if ((f != sfAccount && f != sfDestination) || !json_is_string(in) ||
	    x_address_decode(&x, json_string_value(in), json_string_length(in)) != ERR_NONE)
		return ERR_NONE;
	if (x.has_tag && json_object_get(object, sf_name(tag)))
		return json_refuse(r, ERR_DUPLICATE, "X-address with a tag, and a tag beside it");
	if (x.has_tag)
		st_set_u(o, tag, x.tag);
	st_set_account(o, f, &x.account);
	*done = true;
	return ERR_NONE;
}

/* A tag must not get lost, not even with a member that is passed over. (A list of one counts as its
 * element there, as for the reference codec.) */
static enum err check_ignored(struct json_reader *r, const json_t *in)
{
	struct x_address x;

	while (json_is_array(in) && json_array_size(in) == 1)
		in = json_array_get(in, 0);
	if (json_is_string(in) &&
	    x_address_decode(&x, json_string_value(in), json_string_length(in)) == ERR_NONE &&
	    x.has_tag)
		return json_refuse(r, ERR_INVALID, "only Account and Destination may have a tag");
	return ERR_NONE;
}

static enum err read_element(struct json_reader *r, const json_t *in, struct st_array *arr,
			     int depth)
{
	void *member = json_object_iter((json_t *)(uintptr_t)in);
	struct st_element *el;
	enum sf wrapper;
	const char *name;

	if (json_object_size(in) != 1)
		return json_refuse(r, ERR_INVALID, "not an object of one member");
	name = json_object_iter_key(member);
	wrapper = sf_by_name(name, strlen(name));
	(void)json_path_name(r, name);
	if (wrapper == sfInvalid || sf_type(wrapper) != ST_OBJECT)
		return json_refuse(r, ERR_INVALID, "not the name of an object");
	el = st_array_grow(arr, r->arena);
	el->field = wrapper;
	return read_object(r, json_object_iter_value(member), &el->object, depth + 1);
}

static enum err read_array(struct json_reader *r, const json_t *in, struct st_array *arr, int depth)
{
	if (!json_is_array(in))
		return json_refuse(r, ERR_INVALID, "not a list");
	if (json_array_size(in) > ST_ARRAY_MAX)
		return json_refuse(r, ERR_TOO_LARGE, "too many elements");
	for (size_t i = 0; i < json_array_size(in); i++) {
		size_t back = json_path_index(r, i);
		enum err e = read_element(r, json_array_get(in, i), arr, depth);

		if (e)
			return e;
		json_path_back(r, back);
	}
	return ERR_NONE;
}

static enum err read_raw(struct json_reader *r, struct st_object *o, enum sf f, const json_t *in)
{
	struct buf b = BUF_INIT;
	enum err e = json_read_raw(r, sf_type(f), in, &b);

	if (!e)
		st_set_raw(o, f, buf_bytes(&b));
	buf_close(&b);
	return e;
}

static enum err read_value(struct json_reader *r, struct st_object *o, enum sf f, const json_t *in,
			   int depth)
{
	enum st_type type = sf_type(f);
	struct st_object *nested;
	uint64_t u;
	int64_t i;
	enum err e;

	must(sf_known(f));
	if (depth > ST_DEPTH_MAX)
		return json_refuse(r, ERR_DEPTH, "nested too deep");
	if (st_type_is_raw(type))
		return read_raw(r, o, f, in);
	if (type == ST_ARRAY)
		return read_array(r, in, st_set_array(o, f), depth);
	if (type == ST_OBJECT) {
		e = read_object(r, in, &nested, depth);
		if (!e)
			st_set_object(o, f, nested);
	} else if (type == ST_INT32) {
		e = json_read_int32(r, in, &i);
		if (!e)
			st_set_i(o, f, i);
	} else {
		e = json_read_uint(r, f, in, &u);
		if (!e)
			st_set_u(o, f, u);
	}
	return e;
}

static enum err read_member(struct json_reader *r, struct st_object *o, const json_t *object,
			    const char *name, const json_t *in, int depth)
{
	enum sf f = sf_by_name(name, strlen(name));
	bool done = false;
	enum err e;

	if (f == sfInvalid)
		return json_refuse(r, ERR_INVALID, "unknown field");
	e = take_x_address(r, o, f, object, in, &done);
	return e || done ? e : read_value(r, o, f, in, depth + 1);
}

static enum err read_object(struct json_reader *r, const json_t *in, struct st_object **out,
			    int depth)
{
	/* jansson's iterator wants a mutable object though it changes nothing. */
	json_t *object = (json_t *)(uintptr_t)in;
	struct st_object *o = st_new(r->arena);
	uint16_t type;

	if (!json_is_object(in))
		return json_refuse(r, ERR_INVALID, "not an object");
	if (depth > ST_DEPTH_MAX)
		return json_refuse(r, ERR_DEPTH, "nested too deep");
	for (void *m = json_object_iter(object); m; m = json_object_iter_next(object, m)) {
		const char *name = json_object_iter_key(m);
		size_t back;
		enum err e;

		back = json_path_name(r, name);
		if (member_ignored(name))
			e = check_ignored(r, json_object_iter_value(m));
		else
			e = read_member(r, o, in, name, json_object_iter_value(m), depth);
		if (e)
			return e;
		json_path_back(r, back);
	}
	/* The protocol has the Account of UNLModify empty. */
	if (st_get_u16(o, sfTransactionType, &type) && type == ttUNLModify && st_has(o, sfAccount))
		st_set_raw(o, sfAccount, bytes_of(NULL, 0));
	*out = o;
	return ERR_NONE;
}

enum err st_from_json(struct st_object **out, struct arena *a, const json_t *in, struct why *why)
{
	struct json_reader r = {.arena = a, .why = why};

	must(a && in);
	return read_object(&r, in, out, 0);
}
