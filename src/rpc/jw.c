/* SPDX-License-Identifier: ISC */
#include "rpc/jw.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

void jw_close(struct jw *w)
{
	buf_close(&w->out);
	*w = JW_INIT;
}

/* Before each value or key: the comma that separates it from the one before. */
static void separate(struct jw *w)
{
	if (w->comma)
		buf_put_u8(&w->out, ',');
	w->comma = true;
}

void jw_open(struct jw *w, char bracket)
{
	must(bracket == '{' || bracket == '[');
	must(w->depth < JW_DEPTH_MAX);
	separate(w);
	buf_put_u8(&w->out, (uint8_t)bracket);
	w->depth++;
	w->comma = false;
}

void jw_end(struct jw *w, char bracket)
{
	must(bracket == '}' || bracket == ']');
	must(w->depth > 0);
	buf_put_u8(&w->out, (uint8_t)bracket);
	w->depth--;
	w->comma = true;
}

void jw_key(struct jw *w, const char *key)
{
	size_t n = strlen(key);

	separate(w);
	buf_reserve(&w->out, n + 3);
	buf_put_u8(&w->out, '"');
	buf_put(&w->out, key, n);
	buf_put(&w->out, "\":", 2);
	w->comma = false;
}

/* The letter that stands for a character in an escape, or 0. */
static char short_escape(uint8_t c)
{
	switch (c) {
	case '"':
	case '\\':
		return (char)c;
	case '\b':
		return 'b';
	case '\f':
		return 'f';
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	case '\t':
		return 't';
	}
	return 0;
}

static void put_escaped(struct buf *out, const char *s, size_t n)
{
	size_t from = 0;

	for (size_t i = 0; i < n; i++) {
		uint8_t c = (uint8_t)s[i];
		char letter = short_escape(c);

		if (c >= 0x20 && !letter)
			continue;
		buf_put(out, s + from, i - from);
		if (letter)
			buf_put(out, (const char[]){'\\', letter}, 2);
		else
			buf_printf(out, "\\u%04x", c);
		from = i + 1;
	}
	buf_put(out, s + from, n - from);
}

void jw_str_n(struct jw *w, const char *s, size_t n)
{
	separate(w);
	buf_put_u8(&w->out, '"');
	put_escaped(&w->out, s, n);
	buf_put_u8(&w->out, '"');
}

void jw_str(struct jw *w, const char *s)
{
	jw_str_n(w, s, strlen(s));
}

/* Decimal digits of v into the end of text[20]; returns how many. */
static size_t digits_of(char text[20], uint64_t v)
{
	size_t n = 0;

	do {
		text[19 - n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	return n;
}

static void put_u64(struct buf *out, uint64_t v)
{
	char text[20];
	size_t n = digits_of(text, v);

	buf_put(out, text + 20 - n, n);
}

void jw_u64(struct jw *w, uint64_t v)
{
	separate(w);
	put_u64(&w->out, v);
}

void jw_i64(struct jw *w, int64_t v)
{
	separate(w);
	if (v < 0)
		buf_put_u8(&w->out, '-');
	put_u64(&w->out, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void jw_bool(struct jw *w, bool v)
{
	separate(w);
	buf_put(&w->out, v ? "true" : "false", v ? 4 : 5);
}

void jw_decimal(struct jw *w, uint64_t n, unsigned places)
{
	uint64_t unit = 1;
	char text[20];

	must(places <= 19);
	for (unsigned i = 0; i < places; i++)
		unit *= 10;
	separate(w);
	put_u64(&w->out, n / unit);
	n %= unit;
	if (n == 0)
		return;
	memset(text, '0', sizeof(text));
	digits_of(text, n);
	while (text[20 - 1] == '0') { /* trailing zeros go, the rest moves to the end */
		memmove(text + 1, text, 19);
		text[0] = '0';
		places--;
	}
	buf_put_u8(&w->out, '.');
	buf_put(&w->out, text + 20 - places, places);
}

void jw_hex(struct jw *w, const void *p, size_t n)
{
	static const char digit[] = "0123456789ABCDEF";
	const uint8_t *b = p;
	uint8_t *out;

	separate(w);
	buf_reserve(&w->out, 2 * n + 2);
	out = w->out.p + w->out.n;
	*out++ = '"';
	for (size_t i = 0; i < n; i++) {
		*out++ = (uint8_t)digit[b[i] >> 4];
		*out++ = (uint8_t)digit[b[i] & 15];
	}
	*out++ = '"';
	w->out.n += 2 * n + 2;
}

static void put_json(struct buf *out, const json_t *v, unsigned depth);

static void put_object(struct buf *out, const json_t *v, unsigned depth)
{
	json_t *o = (json_t *)(uintptr_t)v; /* jansson's iterators want it without const */
	const char *key;
	json_t *member;
	bool first = true;

	buf_put_u8(out, '{');
	json_object_foreach(o, key, member)
	{
		buf_put(out, first ? "\"" : ",\"", first ? 1 : 2);
		put_escaped(out, key, strlen(key));
		buf_put(out, "\":", 2);
		put_json(out, member, depth);
		first = false;
	}
	buf_put_u8(out, '}');
}

static void put_array(struct buf *out, const json_t *v, unsigned depth)
{
	size_t n = json_array_size(v);

	buf_put_u8(out, '[');
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_put_u8(out, ',');
		put_json(out, json_array_get(v, i), depth);
	}
	buf_put_u8(out, ']');
}

/* Fractions come only from clients, in what is echoed to them. */
static void put_real(struct buf *out, const json_t *v)
{
	char text[64];
	size_t n = json_dumpb(v, text, sizeof(text), JSON_ENCODE_ANY);

	must(n > 0 && n <= sizeof(text));
	buf_put(out, text, n);
}

static void put_int(struct buf *out, json_int_t v)
{
	if (v < 0)
		buf_put_u8(out, '-');
	put_u64(out, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

static void put_json(struct buf *out, const json_t *v, unsigned depth)
{
	must(depth < JW_DEPTH_MAX);
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		put_object(out, v, depth + 1);
		return;
	case JSON_ARRAY:
		put_array(out, v, depth + 1);
		return;
	case JSON_STRING:
		buf_put_u8(out, '"');
		put_escaped(out, json_string_value(v), json_string_length(v));
		buf_put_u8(out, '"');
		return;
	case JSON_INTEGER:
		put_int(out, json_integer_value(v));
		return;
	case JSON_REAL:
		put_real(out, v);
		return;
	case JSON_TRUE:
		buf_put(out, "true", 4);
		return;
	case JSON_FALSE:
		buf_put(out, "false", 5);
		return;
	case JSON_NULL:
		buf_put(out, "null", 4);
		return;
	}
	must(false); /* a kind of JSON value that does not exist */
}

void jw_json(struct jw *w, const json_t *v)
{
	separate(w);
	put_json(&w->out, v, 0);
}

void jw_members(struct jw *w, struct bytes text)
{
	must(text.n > 0);
	separate(w);
	buf_put(&w->out, text.p, text.n);
}

void jw_put_str(struct jw *w, const char *key, const char *s)
{
	jw_key(w, key);
	jw_str(w, s);
}

void jw_put_u64(struct jw *w, const char *key, uint64_t v)
{
	jw_key(w, key);
	jw_u64(w, v);
}

void jw_put_i64(struct jw *w, const char *key, int64_t v)
{
	jw_key(w, key);
	jw_i64(w, v);
}

void jw_put_bool(struct jw *w, const char *key, bool v)
{
	jw_key(w, key);
	jw_bool(w, v);
}

void jw_put_hex(struct jw *w, const char *key, const void *p, size_t n)
{
	jw_key(w, key);
	jw_hex(w, p, n);
}

void jw_put_hash(struct jw *w, const char *key, const struct hash256 *h)
{
	jw_put_hex(w, key, h->b, sizeof(h->b));
}

void jw_put_json(struct jw *w, const char *key, const json_t *v)
{
	jw_key(w, key);
	jw_json(w, v);
}

void jw_put_text_u64(struct jw *w, const char *key, uint64_t v)
{
	jw_key(w, key);
	buf_put_u8(&w->out, '"');
	jw_u64(w, v);
	buf_put_u8(&w->out, '"');
}

void jw_put_xrp(struct jw *w, const char *key, struct drops d)
{
	jw_key(w, key);
	jw_decimal(w, d.raw, 6); /* raw: printing */
}

void jw_put_open(struct jw *w, const char *key, char bracket)
{
	jw_key(w, key);
	jw_open(w, bracket);
}
