/* SPDX-License-Identifier: ISC */
#include "rpc/http.h"

#include <http_parser.h>

#define VIEW(s, c) bytes_of((s) + (c).at, (c).n)

static const char *const field_names[HTTP_FIELD_COUNT] = {
    [HTTP_FIELD_HOST] = "host",
    [HTTP_FIELD_ORIGIN] = "origin",
    [HTTP_FIELD_CONTENT_TYPE] = "content-type",
    [HTTP_FIELD_CONTENT_LENGTH] = "content-length",
    [HTTP_FIELD_TRANSFER_ENCODING] = "transfer-encoding",
    [HTTP_FIELD_EXPECT] = "expect",
    [HTTP_FIELD_UPGRADE] = "upgrade",
    [HTTP_FIELD_WS_KEY] = "sec-websocket-key",
    [HTTP_FIELD_WS_VERSION] = "sec-websocket-version",
    [HTTP_FIELD_AUTHORIZATION] = "authorization",
    [HTTP_FIELD_IDEMPOTENCY_KEY] = "idempotency-key",
    [HTTP_FIELD_FORWARDED] = "x-forwarded-for",
};

_Static_assert(RPC_HEADER_BYTES_MAX <= UINT16_MAX, "places in the head are 16 bits");

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

void http_session_init(struct http_session *s)
{
	*s = (struct http_session){.phase = HTTP_PHASE_IDLE};
}

void http_session_close(struct http_session *s)
{
	buf_close(&s->store);
}

void http_next(struct http_session *s)
{
	must(s->phase == HTTP_PHASE_HELD && !s->dead);
	buf_close(&s->store); /* an idle connection holds no memory */
	http_session_init(s);
}

static bool bad(struct http_session *s, int status, const char *reason)
{
	s->dead = true;
	s->status = status;
	s->reason = reason;
	return false;
}

/* The head's end */

/* One finished line: n bytes before its LF are here, `before` is the last of them. */
static bool line_ends(struct http_session *s, size_t n, uint8_t before)
{
	size_t length = s->in_line + n;

	if (length == 0 || before != '\r')
		return bad(s, 400, "a line of the head does not end in CR LF");
	if (length == 1 && s->lines == 0)
		return bad(s, 400, "empty line in place of a request");
	if (length > 1 && ++s->lines > 1 + RPC_HEADERS_MAX)
		return bad(s, 431, "too many header fields");
	s->in_line = 0;
	s->last = 0;
	return true;
}

/* Eats up to the end of the head or of the bytes; *whole tells which. False: refused. */
static bool scan_head(struct http_session *s, const uint8_t *p, size_t n, size_t *used, bool *whole)
{
	size_t at = 0;

	*whole = false;
	while (at < n && !*whole) {
		const uint8_t *lf = memchr(p + at, '\n', n - at);
		size_t length = (lf ? (size_t)(lf - p) : n) - at;
		size_t taken = length + (lf != NULL);

		if (s->n_head == 0 && (p[0] < 'A' || p[0] > 'Z'))
			return bad(s, 400, "no HTTP");
		if (s->n_head + taken > RPC_HEADER_BYTES_MAX)
			return bad(s, 431, "head too large");
		s->n_head = (uint16_t)(s->n_head + taken);
		if (lf) {
			*whole = s->in_line + length == 1;
			if (!line_ends(s, length, length ? p[at + length - 1] : s->last))
				return false;
		} else {
			s->in_line = (uint16_t)(s->in_line + length);
			s->last = p[at + length - 1];
		}
		at += taken;
	}
	*used = at;
	return true;
}

/* The head's contents */

/* What http-parser's callbacks fill in. */
struct reading {
	struct http_session *s;
	const uint8_t *base;
	const char *url;
	size_t n_url;
	int field; /* whose value comes next, -1 none of ours */
	bool done;
};

/* The characters that a field name may have (RFC 9110, token). */
static bool is_token(uint8_t c)
{
	return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static int on_url(http_parser *parser, const char *at, size_t n)
{
	struct reading *r = parser->data;

	if (r->url)
		return 1;
	r->url = at;
	r->n_url = n;
	return 0;
}

static int on_field(http_parser *parser, const char *at, size_t n)
{
	struct reading *r = parser->data;
	struct bytes name = bytes_of(at, n);

	for (size_t i = 0; i < n; i++)
		if (!is_token(name.p[i]))
			return 1;
	r->field = -1;
	for (int f = 0; f < HTTP_FIELD_COUNT && r->field < 0; f++)
		if (http_word_eq(name, field_names[f]))
			r->field = f;
	if (r->field < 0)
		return 0;
	if (r->s->present & (1u << r->field) && r->field != HTTP_FIELD_FORWARDED) {
		bad(r->s, 400, "a header field that may come once comes twice");
		return 1;
	}
	r->s->present |= 1u << r->field;
	return 0;
}

static int on_value(http_parser *parser, const char *at, size_t n)
{
	struct reading *r = parser->data;

	while (n && (at[n - 1] == ' ' || at[n - 1] == '\t'))
		n--;
	if (r->field >= 0)
		r->s->field[r->field] = (struct http_cut){
		    .at = (uint16_t)((const uint8_t *)at - r->base), .n = (uint16_t)n};
	return 0;
}

static int on_head(http_parser *parser)
{
	struct reading *r = parser->data;

	r->done = true;
	return 0;
}

static const http_parser_settings callbacks = {
    .on_url = on_url,
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_headers_complete = on_head,
};

/* Nothing but text, CR LF, and tabs inside lines; no line that continues the one before. */
static bool head_is_plain(struct http_session *s, const uint8_t *head)
{
	for (size_t i = 0; i < s->n_head; i++) {
		uint8_t c = head[i];

		if (c == '\r' && head[i + 1] == '\n')
			continue;
		if (c == '\n' && i + 1 < s->n_head && (head[i + 1] == ' ' || head[i + 1] == '\t'))
			return bad(s, 400, "folded header line");
		if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7F)
			return bad(s, 400, "control character in the head");
	}
	return true;
}

/* "/path?query", of visible ASCII. */
static bool take_url(struct http_session *s, const struct reading *r)
{
	const uint8_t *url = (const uint8_t *)r->url, *mark;
	uint16_t at;
	size_t path;

	if (!url || r->n_url == 0 || url[0] != '/')
		return bad(s, 400, "not a path");
	if (r->n_url > RPC_PATH_MAX)
		return bad(s, 414, "path too long");
	for (size_t i = 0; i < r->n_url; i++)
		if (url[i] <= 0x20 || url[i] >= 0x7F || url[i] == '#')
			return bad(s, 400, "bad character in the path");
	at = (uint16_t)(url - r->base);
	mark = memchr(url, '?', r->n_url);
	path = mark ? (size_t)(mark - url) : r->n_url;
	s->path = (struct http_cut){.at = at, .n = (uint16_t)path};
	if (mark)
		s->query = (struct http_cut){.at = (uint16_t)(at + s->path.n + 1),
					     .n = (uint16_t)(r->n_url - s->path.n - 1)};
	return true;
}

static bool take_verb(struct http_session *s, const http_parser *parser)
{
	switch (parser->method) {
	case HTTP_GET:
		s->verb = HTTP_VERB_GET;
		return true;
	case HTTP_HEAD:
		s->verb = HTTP_VERB_HEAD;
		return true;
	case HTTP_POST:
		s->verb = HTTP_VERB_POST;
		return true;
	case HTTP_OPTIONS:
		s->verb = HTTP_VERB_OPTIONS;
		return true;
	default:
		return bad(s, 405, "only GET, HEAD, POST and OPTIONS");
	}
}

static bool has(const struct http_session *s, enum http_field f)
{
	return s->present & (1u << f);
}

static bool take_length(struct http_session *s, const http_parser *parser)
{
	if (has(s, HTTP_FIELD_TRANSFER_ENCODING))
		return bad(s, 501, "Transfer-Encoding is not spoken here");
	if (s->verb != HTTP_VERB_POST)
		return has(s, HTTP_FIELD_CONTENT_LENGTH)
			   ? bad(s, 400, "only POST has a Content-Length")
			   : true;
	if (!has(s, HTTP_FIELD_CONTENT_LENGTH))
		return bad(s, 411, "POST needs a Content-Length");
	if (parser->content_length > RPC_BODY_MAX)
		return bad(s, 413, "body too large");
	s->n_body = (uint32_t)parser->content_length;
	return true;
}

/* Sec-WebSocket-Key: 16 bytes in base64. */
static bool key_is_good(struct bytes key)
{
	if (key.n != 24 || key.p[22] != '=' || key.p[23] != '=')
		return false;
	for (size_t i = 0; i < 22; i++) {
		uint8_t c = key.p[i];

		if (!(c >= '0' && c <= '9') && !(lower(c) >= 'a' && lower(c) <= 'z') && c != '+' &&
		    c != '/')
			return false;
	}
	return true;
}

/* Another Upgrade than to WebSocket is ignored, as HTTP has it. */
static bool take_upgrade(struct http_session *s, const http_parser *parser, const uint8_t *head)
{
	if (s->verb != HTTP_VERB_GET ||
	    !http_word_eq(VIEW(head, s->field[HTTP_FIELD_UPGRADE]), "websocket"))
		return true;
	if (!parser->upgrade || s->old)
		return bad(s, 400, "Upgrade without Connection: Upgrade");
	if (!http_word_eq(VIEW(head, s->field[HTTP_FIELD_WS_VERSION]), "13"))
		return bad(s, 426, "WebSocket version 13 only");
	if (!key_is_good(VIEW(head, s->field[HTTP_FIELD_WS_KEY])))
		return bad(s, 400, "bad Sec-WebSocket-Key");
	s->upgrade = true;
	return true;
}

static bool parser_agrees(struct http_session *s, const http_parser *parser, size_t eaten,
			  bool done)
{
	enum http_errno e = HTTP_PARSER_ERRNO(parser);

	if (s->dead)
		return false;
	if (e == HPE_INVALID_METHOD)
		return bad(s, 405, "only GET, HEAD, POST and OPTIONS");
	if (e == HPE_INVALID_VERSION)
		return bad(s, 505, "only HTTP/1.0 and HTTP/1.1");
	if (e == HPE_INVALID_CONTENT_LENGTH || e == HPE_UNEXPECTED_CONTENT_LENGTH)
		return bad(s, 400, "bad Content-Length");
	if (e != HPE_OK || !done || eaten != s->n_head)
		return bad(s, 400, "malformed head");
	return true;
}

static bool read_head(struct http_session *s, const uint8_t *head)
{
	struct reading r = {.s = s, .base = head, .field = -1};
	http_parser parser;
	size_t eaten;

	if (!head_is_plain(s, head))
		return false;
	http_parser_init(&parser, HTTP_REQUEST);
	parser.data = &r;
	eaten = http_parser_execute(&parser, &callbacks, (const char *)head, s->n_head);
	if (!parser_agrees(s, &parser, eaten, r.done))
		return false;
	if (parser.http_major != 1 || parser.http_minor > 1)
		return bad(s, 505, "only HTTP/1.0 and HTTP/1.1");
	s->old = parser.http_minor == 0;
	s->keep_alive = http_should_keep_alive(&parser) != 0;
	if (!take_verb(s, &parser) || !take_url(s, &r))
		return false;
	if (!has(s, HTTP_FIELD_HOST) && !s->old)
		return bad(s, 400, "no Host");
	return take_length(s, &parser) && take_upgrade(s, &parser, head);
}

/* Feeding */

static enum http_step finish(struct http_session *s, const uint8_t *base, struct http_request *req)
{
	*req = (struct http_request){
	    .verb = s->verb,
	    .path = VIEW(base, s->path),
	    .query = VIEW(base, s->query),
	    .body = bytes_of(base + s->n_head, s->n_body),
	    .keep_alive = s->keep_alive,
	    .old = s->old,
	    .websocket = s->upgrade,
	};
	for (int f = 0; f < HTTP_FIELD_COUNT; f++)
		if (has(s, (enum http_field)f))
			req->field[f] = VIEW(base, s->field[f]);
	s->phase = HTTP_PHASE_HELD;
	return HTTP_STEP_REQUEST;
}

static bool wants_continue(struct http_session *s, const uint8_t *head)
{
	bool first = !s->continued;

	s->continued = true;
	return first && http_word_eq(VIEW(head, s->field[HTTP_FIELD_EXPECT]), "100-continue");
}

/* The head is whole and ends at p[*used]; n bytes are there in all. */
static enum http_step head_ends(struct http_session *s, const uint8_t *p, size_t n, size_t *used,
				struct http_request *req)
{
	bool in_place = s->store.n == 0;

	if (!in_place)
		buf_put(&s->store, p, *used);
	if (!read_head(s, in_place ? p : s->store.p))
		return HTTP_STEP_BAD;
	if (in_place && n - *used >= s->n_body) {
		*used += s->n_body;
		return finish(s, p, req);
	}
	if (in_place)
		buf_put(&s->store, p, *used);
	s->phase = HTTP_PHASE_BODY;
	return HTTP_STEP_MORE;
}

static enum http_step feed_body(struct http_session *s, const uint8_t *p, size_t n, size_t *used,
				struct http_request *req)
{
	size_t missing = (size_t)s->n_head + s->n_body - s->store.n;
	size_t take = n < missing ? n : missing;

	if (take)
		buf_put(&s->store, p, take);
	*used = take;
	if (take == missing)
		return finish(s, s->store.p, req);
	return wants_continue(s, s->store.p) ? HTTP_STEP_CONTINUE : HTTP_STEP_MORE;
}

size_t http_feed(struct http_session *s, const uint8_t *p, size_t n, enum http_step *step,
		 struct http_request *req)
{
	size_t used = 0, body_used = 0;
	bool whole;

	must(!s->dead && s->phase != HTTP_PHASE_HELD);
	*step = HTTP_STEP_MORE;
	if (s->phase != HTTP_PHASE_BODY) {
		if (n == 0)
			return 0;
		s->phase = HTTP_PHASE_HEAD;
		if (!scan_head(s, p, n, &used, &whole))
			*step = HTTP_STEP_BAD;
		else if (whole)
			*step = head_ends(s, p, n, &used, req);
		else
			buf_put(&s->store, p, used);
	}
	if (s->phase == HTTP_PHASE_BODY && *step == HTTP_STEP_MORE)
		*step = feed_body(s, p + used, n - used, &body_used, req);
	return used + body_used;
}
