/* SPDX-License-Identifier: ISC */

/* A line as text, and as JSON. */
#include "os/log_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define FIELD_MAX 512 /* bytes of one value, as they are printed */

/* Writes into a line up to a limit; what does not fit is left out whole, and said with "...". */
struct pen {
	char *p;
	size_t n, limit;
	bool cut;
};

static void put(struct pen *w, const char *s, size_t n)
{
	if (w->cut || w->n + n > w->limit) {
		w->cut = true;
		return;
	}
	memcpy(w->p + w->n, s, n);
	w->n += n;
}

static void put_str(struct pen *w, const char *s)
{
	put(w, s, strlen(s));
}

/* The length of the character at s when it is UTF-8 that a terminal may have: no control
 * character, also none of the upper half (C1). 0: it is not. */
static size_t printable(const unsigned char *s)
{
	uint32_t c = s[0];
	size_t n, i;

	if (c < 0x80)
		return c >= 0x20 && c != 0x7F;
	n = c >= 0xC2 && c < 0xE0 ? 2 : c >= 0xE0 && c < 0xF0 ? 3 : c >= 0xF0 && c < 0xF5 ? 4 : 0;
	c &= 0xFFu >> (n + 1);
	for (i = 1; i < n; i++) {
		if ((s[i] & 0xC0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3F);
	}
	if (c < 0xA0 || (n == 3 && c < 0x800) || (n == 4 && c < 0x10000) || c > 0x10FFFF ||
	    (c >= 0xD800 && c < 0xE000) || (c >= 0x2028 && c <= 0x202E))
		return 0; /* the last: separators of lines, and what turns the direction */
	return n;
}

/* One character of text; returns how many bytes of it are done with. */
static size_t put_char(struct pen *w, const char *s, enum log_format format)
{
	size_t n = printable((const unsigned char *)s);
	char hex[8];

	if (!n) {
		snprintf(hex, sizeof(hex), "%s\\x%02X", format == LOG_JSON ? "\\" : "",
			 (unsigned char)*s);
		put_str(w, hex);
		return 1;
	}
	if (format == LOG_JSON && (*s == '"' || *s == '\\')) {
		hex[0] = '\\';
		hex[1] = *s;
		put(w, hex, 2);
	} else {
		put(w, s, n);
	}
	return n;
}

/* Text of somebody else, at most max bytes of the line; "..." where it is cut. */
static void put_text(struct pen *w, const char *s, size_t max, enum log_format format)
{
	size_t limit = w->limit;

	if (w->cut)
		return;
	if (limit - w->n > max)
		w->limit = w->n + max;
	w->limit -= w->limit - w->n < 3 ? 0 : 3;
	while (*s && !w->cut)
		s += put_char(w, s, format);
	w->limit = limit;
	if (w->cut) {
		w->cut = false;
		put(w, "...", 3);
	}
}

static void put_time(struct pen *w, uint64_t unix_ms)
{
	time_t s = (time_t)(unix_ms / 1000);
	char text[80];
	struct tm tm;

	gmtime_r(&s, &tm);
	snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ", tm.tm_year + 1900,
		 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
		 (unsigned)(unix_ms % 1000));
	put_str(w, text);
}

static void put_hex(struct pen *w, const uint8_t *p, size_t n)
{
	char pair[3];

	for (size_t i = 0; i < n && i < 64; i++) {
		snprintf(pair, sizeof(pair), "%02X", p[i]);
		put(w, pair, 2);
	}
}

/* In text a value of words stands between quotes. */
static void put_word(struct pen *w, const char *s, enum log_format format)
{
	bool quotes = format == LOG_JSON || !*s || s[strcspn(s, " =\"\\")];

	if (quotes)
		put(w, "\"", 1);
	put_text(w, s, FIELD_MAX, quotes ? LOG_JSON : format);
	if (quotes)
		put(w, "\"", 1);
}

static void put_value(struct pen *w, const struct log_field *f, enum log_format format)
{
	char number[32];

	switch (f->kind) {
	case LOG_FIELD_TEXT:
		put_word(w, f->text, format);
		return;
	case LOG_FIELD_NUMBER:
		snprintf(number, sizeof(number), "%" PRIu64, f->number);
		put_str(w, number);
		return;
	case LOG_FIELD_SIGNED:
		snprintf(number, sizeof(number), "%" PRId64, f->sign);
		put_str(w, number);
		return;
	case LOG_FIELD_BOOL:
		put_str(w, f->yes ? "true" : "false");
		return;
	case LOG_FIELD_HEX:
		if (format == LOG_JSON)
			put(w, "\"", 1);
		put_hex(w, f->hex.p, f->hex.n);
		if (format == LOG_JSON)
			put(w, "\"", 1);
		return;
	}
	must(false); /* a kind of field that does not exist */
}

/* A field is in the line whole, or not at all. */
static void put_field(struct pen *w, const struct log_field *f, enum log_format format)
{
	size_t before = w->n;

	if (f->kind == LOG_FIELD_TEXT && !f->text)
		return;
	put_str(w, format == LOG_JSON ? ",\"" : " ");
	put_str(w, f->key);
	put_str(w, format == LOG_JSON ? "\":" : "=");
	put_value(w, f, format);
	if (w->cut)
		w->n = before;
	w->cut = false;
}

static void put_head(struct pen *w, enum log_format format, uint64_t unix_ms, enum log_level level,
		     const char *area)
{
	char name[16];

	if (format == LOG_JSON) {
		put_str(w, "{\"ts\":\"");
		put_time(w, unix_ms);
		put_str(w, "\",\"level\":\"");
		put_str(w, log_level_name(level));
		put_str(w, "\",\"area\":\"");
		put_text(w, area, 32, format);
		put_str(w, "\",\"msg\":\"");
		return;
	}
	snprintf(name, sizeof(name), " %-5s ", log_level_name(level));
	for (char *c = name; *c; c++)
		*c = *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
	put_time(w, unix_ms);
	put_str(w, name);
	put_text(w, area, 32, format);
	put_str(w, ": ");
}

size_t log_format_line(char *out, enum log_format format, uint64_t unix_ms, enum log_level level,
		       const char *area, const char *msg, size_t n, const struct log_field *fields)
{
	struct pen w = {.p = out, .limit = LOG_LINE_MAX - 4}; /* quote, brace, newline fit always */
	size_t i;

	put_head(&w, format, unix_ms, level, area);
	put_text(&w, msg, n ? LOG_LINE_MAX / 2 : LOG_LINE_MAX, format);
	if (format == LOG_JSON)
		out[w.n++] = '"';
	for (i = 0; i < n; i++)
		put_field(&w, &fields[i], format);
	if (format == LOG_JSON)
		out[w.n++] = '}';
	out[w.n++] = '\n';
	must(w.n <= LOG_LINE_MAX);
	return w.n;
}
