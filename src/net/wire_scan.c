/* SPDX-License-Identifier: ISC */
#include "net/wire_scan.h"

/* The forms in use; the comment at the prototype says why there are no others. */
enum {
	FIX_UINT_MAX = 0x7F,
	FIX_ARRAY = 0x90,
	FIX_ARRAY_MAX = 0x9F,
	BIN8 = 0xC4,
	BIN16 = 0xC5,
	BIN32 = 0xC6,
	UINT8 = 0xCC,
	UINT16 = 0xCD,
	UINT32 = 0xCE,
	ARRAY16 = 0xDC,
};

/* A number behind the type byte; `least` is the smallest that needs so many bytes. */
static bool long_form(uint32_t *value, struct cursor *c, unsigned bytes, uint32_t least)
{
	if (bytes == 1)
		*value = cursor_u8(c);
	else if (bytes == 2)
		*value = cursor_be16(c);
	else
		*value = cursor_be32(c);
	return c->dead || *value >= least;
}

static bool token_head(struct wire_token *t, struct cursor *c, uint8_t first)
{
	switch (first) {
	case UINT8:
		t->kind = WIRE_UINT;
		return long_form(&t->value, c, 1, FIX_UINT_MAX + 1);
	case UINT16:
		t->kind = WIRE_UINT;
		return long_form(&t->value, c, 2, 0x100);
	case UINT32:
		t->kind = WIRE_UINT;
		return long_form(&t->value, c, 4, 0x10000);
	case BIN8:
		t->kind = WIRE_BYTES;
		return long_form(&t->value, c, 1, 0);
	case BIN16:
		t->kind = WIRE_BYTES;
		return long_form(&t->value, c, 2, 0x100);
	case BIN32:
		t->kind = WIRE_BYTES;
		return long_form(&t->value, c, 4, 0x10000);
	case ARRAY16:
		t->kind = WIRE_ARRAY;
		return long_form(&t->value, c, 2, FIX_ARRAY_MAX - FIX_ARRAY + 1);
	default:
		break;
	}
	if (first <= FIX_UINT_MAX) {
		t->kind = WIRE_UINT;
		t->value = first;
		return true;
	}
	t->kind = WIRE_ARRAY;
	t->value = first & 0x0F;
	return first >= FIX_ARRAY && first <= FIX_ARRAY_MAX;
}

enum err wire_token_next(struct wire_token *out, struct cursor *c, struct why *why)
{
	uint8_t first = cursor_u8(c);

	*out = (struct wire_token){.kind = WIRE_UINT};
	if (c->dead)
		return why_set(why, ERR_SHORT, "ends where a value should begin");
	if (!token_head(out, c, first))
		return why_set(why, ERR_INVALID, "type byte 0x%02X: not in use or not the shortest",
			       first);
	if (out->kind == WIRE_BYTES && !c->dead) {
		/* The length is compared with what is there before anything is done with it. */
		out->bytes = cursor_take(c, out->value);
		out->value = 0;
	}
	if (c->dead)
		return why_set(why, ERR_SHORT, "ends inside a value");
	return ERR_NONE;
}

static enum err scan_list(struct cursor *c, uint32_t n, uint32_t count_max, struct why *why)
{
	struct wire_token t;
	enum err e;
	uint32_t i;

	/* Every element takes at least two bytes. */
	if (n > count_max)
		return why_set(why, ERR_TOO_LARGE, "list of %u, at most %u", n, count_max);
	if (n > c->left / 2)
		return why_set(why, ERR_SHORT, "list of %u in %zu bytes", n, c->left);
	for (i = 0; i < n; i++) {
		e = wire_token_next(&t, c, why);
		if (e)
			return e;
		if (t.kind == WIRE_ARRAY)
			return why_set(why, ERR_DEPTH, "list inside a list");
		if (t.kind != WIRE_BYTES)
			return why_set(why, ERR_INVALID, "list element is not bytes");
	}
	return ERR_NONE;
}

enum err wire_scan(struct bytes in, uint32_t count_max, struct why *why)
{
	struct cursor c = cursor_of(in);
	struct wire_token t;
	enum err e = wire_token_next(&t, &c, why);
	uint32_t i, fields = t.value;

	if (e)
		return e;
	if (t.kind != WIRE_ARRAY || !fields)
		return why_set(why, ERR_INVALID, "a message is an array");
	if (fields > WIRE_FIELDS_MAX)
		return why_set(why, ERR_TOO_LARGE, "%u fields", fields);
	for (i = 0; i < fields; i++) {
		e = wire_token_next(&t, &c, why);
		if (!e && !i && t.kind != WIRE_UINT)
			e = why_set(why, ERR_INVALID, "the type code is not a number");
		if (!e && t.kind == WIRE_ARRAY)
			e = scan_list(&c, t.value, count_max, why);
		if (e)
			return e;
	}
	if (c.left)
		return why_set(why, ERR_TRAILING, "%zu bytes behind the message", c.left);
	return ERR_NONE;
}
