/* SPDX-License-Identifier: ISC */
#include "base/limits.h"
#include "codec/json.h"

/* A pre-scan of JSON text in one pass without a stack, so that the parser proper sees only bounded
 * input. It need not know the grammar: it counts brackets and tokens and leaves syntax to jansson.
 */

struct scan {
	size_t tokens;
	int depth;
	bool in_string, escaped, in_word; /* a word: number, true, false, null */
};

/* Bytes of the UTF-8 sequence that starts at p[0..n), 0 when it is none. */
static size_t utf8_sequence(const uint8_t *p, size_t n)
{
	size_t want = p[0] < 0x80   ? 1
		      : p[0] < 0xC2 ? 0
		      : p[0] < 0xE0 ? 2
		      : p[0] < 0xF0 ? 3
		      : p[0] < 0xF5 ? 4
				    : 0;

	must(n > 0);
	if (want > n)
		return 0;
	for (size_t i = 1; i < want; i++) {
		if ((p[i] & 0xC0) != 0x80)
			return 0;
	}
	/* Longer forms than needed, surrogates, beyond U+10FFFF. */
	if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) ||
	    (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F))
		return 0;
	return want;
}

static void scan_char(struct scan *s, uint8_t c)
{
	bool word = false;

	if (s->in_string) {
		s->in_string = s->escaped || c != '"';
		s->escaped = !s->escaped && c == '\\';
		return;
	}
	switch (c) {
	case '"':
		s->in_string = true;
		s->tokens++;
		break;
	case '{':
	case '[':
		s->depth++;
		s->tokens++;
		break;
	case '}':
	case ']':
		s->depth--;
		break;
	case ' ':
	case '\t':
	case '\r':
	case '\n':
	case ',':
	case ':':
		break;
	default:
		word = true;
		s->tokens += !s->in_word;
	}
	s->in_word = word;
}

static enum err scan(struct bytes text, struct why *why)
{
	struct scan s = {0};

	for (size_t at = 0; at < text.n;) {
		size_t n = utf8_sequence(text.p + at, text.n - at);

		if (n == 0)
			return why_set(why, ERR_INVALID, "JSON is not UTF-8 at byte %zu", at);
		if (text.p[at] == 0) /* jansson passes over one behind a number */
			return why_set(why, ERR_INVALID, "JSON has a NUL at byte %zu", at);
		scan_char(&s, text.p[at]);
		if (s.depth > JSON_DEPTH_MAX)
			return why_set(why, ERR_DEPTH, "JSON is nested deeper than %d",
				       JSON_DEPTH_MAX);
		if (s.tokens > JSON_TOKENS_MAX)
			return why_set(why, ERR_TOO_LARGE, "JSON has more than %d values",
				       JSON_TOKENS_MAX);
		at += n;
		must(at <= text.n);
	}
	return ERR_NONE;
}

enum err json_parse_bounded(json_t **out, struct bytes text, struct why *why)
{
	json_error_t error;
	enum err e = scan(text, why);

	if (e)
		return e;
	*out = json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, &error);
	if (!*out)
		return why_set(why, ERR_INVALID, "JSON line %d column %d: %s", error.line,
			       error.column, error.text);
	return ERR_NONE;
}
