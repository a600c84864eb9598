/* SPDX-License-Identifier: ISC */
#include "rpc/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What a connection's bytes came to, in words: "POST /p?q body=x keep;" and so on. */
static void tell(struct buf *out, const struct http_request *r)
{
	static const char *const verbs[] = {"GET", "HEAD", "POST", "OPTIONS"};

	buf_printf(out, "%s %.*s?%.*s [", verbs[r->verb], (int)r->path.n, (const char *)r->path.p,
		   (int)r->query.n, (const char *)r->query.p);
	for (int f = 0; f < HTTP_FIELD_COUNT; f++)
		if (r->field[f].p)
			buf_printf(out, "%d=%.*s,", f, (int)r->field[f].n,
				   (const char *)r->field[f].p);
	buf_printf(out, "] body=%.*s%s%s%s;", (int)r->body.n, (const char *)r->body.p,
		   r->keep_alive ? " keep" : "", r->old ? " old" : "",
		   r->websocket ? " websocket" : "");
}

/* Feeds text in pieces of `step` bytes and tells what came of it. The pieces are copied to memory
 * of their own, so that views that outlive them show. */
static char *story(const char *text, size_t n, size_t step)
{
	struct buf out = BUF_INIT;
	struct http_session s;
	size_t at = 0;

	http_session_init(&s);
	while (at < n && !s.dead) {
		size_t piece = step < n - at ? step : n - at, used = 0;
		uint8_t *copy = malloc(piece);

		memcpy(copy, text + at, piece);
		while (used < piece && !s.dead) {
			struct http_request req;
			enum http_step got;

			used += http_feed(&s, copy + used, piece - used, &got, &req);
			if (got == HTTP_STEP_REQUEST) {
				tell(&out, &req);
				http_next(&s);
			} else if (got == HTTP_STEP_BAD) {
				buf_printf(&out, "%d;", s.status);
				assert_non_null(s.reason);
			} else if (got == HTTP_STEP_MORE) {
				assert_int_equal(used, piece);
			}
		}
		free(copy);
		at += piece;
	}
	http_session_close(&s);
	buf_put_u8(&out, 0);
	return (char *)out.p;
}

/* The same whatever the pieces; the caller frees it. */
static char *told(const char *text, size_t n)
{
	char *whole = story(text, n, n);
	static const size_t steps[] = {1, 2, 3, 5, 7, 13, 64};

	for (size_t i = 0; i < COUNT(steps); i++) {
		char *other = story(text, n, steps[i]);

		assert_string_equal(other, whole);
		free(other);
	}
	return whole;
}

static void expect(const char *text, const char *want)
{
	char *got = told(text, strlen(text));

	if (strcmp(got, want) != 0)
		fail_msg("for\n%s\n got: %s\nwant: %s", text, got, want);
	free(got);
}

#define H "Host: h\r\n"

static void good_requests(void **state)
{
	(void)state;
	expect("POST / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc",
	       "POST /? [0=h,3=3,] body=abc keep;");
	expect("POST / HTTP/1.1\r\n" H "content-LENGTH:3\r\n\r\nabc",
	       "POST /? [0=h,3=3,] body=abc keep;");
	expect("POST / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n",
	       "POST /? [0=h,3=0,] body= keep;");
	expect("GET /health?x=1?2 HTTP/1.1\r\nHost: \t h \t \r\nX-Other: a b\tc\r\n\r\n",
	       "GET /health?x=1?2 [0=h,] body= keep;");
	expect("GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\n", "GET /? [0=h,] body=;");
	expect("GET / HTTP/1.0\r\n\r\n", "GET /? [] body= old;");
	expect("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET /? [] body= keep old;");
	expect("HEAD /livez HTTP/1.1\r\n" H "\r\n", "HEAD /livez? [0=h,] body= keep;");
	expect("OPTIONS /a HTTP/1.1\r\n" H "Origin: http://x\r\n\r\n",
	       "OPTIONS /a? [0=h,1=http://x,] body= keep;");
	expect("GET / HTTP/1.1\r\n" H "X-Empty:\r\nUser-Agent: \xC3\xA4\r\n\r\n",
	       "GET /? [0=h,] body= keep;");
	/* an Upgrade to what nobody here speaks is ignored */
	expect("POST / HTTP/1.1\r\n" H "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
	       "HTTP2-Settings: AAMAAABk\r\nContent-Length: 2\r\n\r\nhiGET /b HTTP/1.1\r\n" H
	       "\r\n",
	       "POST /? [0=h,3=2,6=h2c,] body=hi keep;GET /b? [0=h,] body= keep;");
	/* pipelined, the second body looks like a head */
	expect("POST / HTTP/1.1\r\n" H "Content-Length: 4\r\n\r\n\r\n\r\n"
	       "POST / HTTP/1.1\r\n" H "Content-Length: 18\r\n\r\nGET / HTTP/1.1\r\n\r\n"
	       "GET /z HTTP/1.1\r\n" H "\r\n",
	       "POST /? [0=h,3=4,] body=\r\n\r\n keep;"
	       "POST /? [0=h,3=18,] body=GET / HTTP/1.1\r\n\r\n keep;GET /z? [0=h,] body= keep;");
}

#define WS_KEY  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define WS_HEAD H "Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"

static void upgrades(void **state)
{
	(void)state;
	expect("GET / HTTP/1.1\r\n" WS_HEAD WS_KEY "Sec-WebSocket-Version: 13\r\n\r\n",
	       "GET /? [0=h,6=WebSocket,7=dGhlIHNhbXBsZSBub25jZQ==,8=13,] body= keep websocket;");
	expect("GET / HTTP/1.1\r\n" WS_HEAD WS_KEY "Sec-WebSocket-Version: 8\r\n\r\n", "426;");
	expect("GET / HTTP/1.1\r\n" WS_HEAD WS_KEY "\r\n", "426;");
	expect("GET / HTTP/1.1\r\n" WS_HEAD "Sec-WebSocket-Version: 13\r\n\r\n", "400;");
	expect("GET / HTTP/1.1\r\n" WS_HEAD "Sec-WebSocket-Version: 13\r\n"
	       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=\r\n\r\n",
	       "400;");
	expect("GET / HTTP/1.1\r\n" WS_HEAD "Sec-WebSocket-Version: 13\r\n"
	       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ===\r\n\r\n",
	       "400;");
	expect("GET / HTTP/1.1\r\n" WS_HEAD WS_KEY WS_KEY "Sec-WebSocket-Version: 13\r\n\r\n",
	       "400;");
	expect("GET / HTTP/1.1\r\n" H "Upgrade: websocket\r\n" WS_KEY
	       "Sec-WebSocket-Version: 13\r\n\r\n",
	       "400;");
	expect("GET / HTTP/1.0\r\n" WS_HEAD WS_KEY "Sec-WebSocket-Version: 13\r\n\r\n", "400;");
}

/* Each of these has let a request be smuggled, or a parser be confused, somewhere. */
static void bad_requests(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
	    /* framing of the body */
	    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "501;"},
	    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\nContent-Length: 1\r\n\r\nx",
	     "400;"},
	    {"POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
	     "400;"},
	    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
	     "400;"},
	    {"GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n", "501;"},
	    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding : chunked\r\nContent-Length: 1\r\n\r\nx",
	     "400;"},
	    {"POST / HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", "400;"},
	    {"POST / HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx", "400;"},
	    {"POST / HTTP/1.1\r\n" H "Content-Length: 1, 1\r\n\r\nx", "400;"},
	    {"POST / HTTP/1.1\r\n" H "Content-Length: 1 1\r\n\r\nx", "400;"},
	    {"POST / HTTP/1.1\r\n" H "Content-Length: +1\r\n\r\nx", "400;"},
	    {"POST / HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\nx", "400;"},
	    {"POST / HTTP/1.1\r\n" H "Content-Length: 0x1\r\n\r\nx", "400;"},
	    {"POST / HTTP/1.1\r\n" H "Content-Length: 1a\r\n\r\nx", "400;"},
	    {"POST / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n", "400;"},
	    {"POST / HTTP/1.1\r\n" H "Content-Length: 99999999999999999999999\r\n\r\n", "400;"},
	    {"POST / HTTP/1.1\r\n" H "Content-Length: 1000001\r\n\r\n", "413;"},
	    {"POST / HTTP/1.1\r\n" H "\r\n", "411;"},
	    {"GET / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello", "400;"},
	    {"GET / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", "400;"},
	    /* lines */
	    {"GET / HTTP/1.1\n" H "\r\n", "400;"},
	    {"GET / HTTP/1.1\r\nHost: h\n\r\n", "400;"},
	    {"GET / HTTP/1.1\r\n" H "\n", "400;"},
	    {"GET / HTTP/1.1\r\n" H "X: a\rb\r\n\r\n", "400;"},
	    {"GET / HTTP/1.1\r\n" H "X: a\r\r\n\r\n", "400;"},
	    {"GET / HTTP/1.1\r\n" H "X: a\r\n b\r\n\r\n", "400;"},
	    {"GET / HTTP/1.1\r\n" H "X: a\r\n\tb\r\n\r\n", "400;"},
	    {"GET / HTTP/1.1\r\n Host: h\r\n\r\n", "400;"},
	    {"\r\nGET / HTTP/1.1\r\n" H "\r\n", "400;"},
	    {" GET / HTTP/1.1\r\n" H "\r\n", "400;"},
	    /* fields */
	    {"GET / HTTP/1.1\r\nHost : h\r\n\r\n", "400;"},
	    {"GET / HTTP/1.1\r\nHost h\r\n\r\n", "400;"},
	    {"GET / HTTP/1.1\r\n" H ": x\r\n\r\n", "400;"},
	    {"GET / HTTP/1.1\r\n" H "X Y: x\r\n\r\n", "400;"},
	    {"GET / HTTP/1.1\r\n" H "X(Y: x\r\n\r\n", "400;"},
	    {"GET / HTTP/1.1\r\n" H "\xC3\xA4: x\r\n\r\n", "400;"},
	    {"GET / HTTP/1.1\r\n" H "X: \x01\r\n\r\n", "400;"},
	    {"GET / HTTP/1.1\r\n" H "X: \x7F\r\n\r\n", "400;"},
	    {"GET / HTTP/1.1\r\n\r\n", "400;"},
	    {"GET / HTTP/1.1\r\n" H H "\r\n", "400;"},
	    /* the request line */
	    {"GET http://h/ HTTP/1.1\r\n" H "\r\n", "400;"},
	    {"GET h HTTP/1.1\r\n" H "\r\n", "400;"},
	    {"OPTIONS * HTTP/1.1\r\n" H "\r\n", "400;"},
	    {"GET /a b HTTP/1.1\r\n" H "\r\n", "400;"},
	    {"GET /#x HTTP/1.1\r\n" H "\r\n", "400;"},
	    {"GET /\xC3\xA4 HTTP/1.1\r\n" H "\r\n", "400;"},
	    {"GET / HTTP/2.0\r\n" H "\r\n", "505;"},
	    {"GET / HTTP/1.2\r\n" H "\r\n", "505;"},
	    {"GET /\r\n" H "\r\n", "505;"},
	    {"GET / HTCPCP/1.1\r\n" H "\r\n", "505;"},
	    {"PUT / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", "405;"},
	    {"HEAD / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", "400;"},
	    {"DELETE / HTTP/1.1\r\n" H "\r\n", "405;"},
	    {"CONNECT h:1 HTTP/1.1\r\n" H "\r\n", "405;"},
	    {"TRACE / HTTP/1.1\r\n" H "\r\n", "405;"},
	    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "405;"},
	    {"get / HTTP/1.1\r\n" H "\r\n", "400;"},
	    {"\x16\x03\x01", "400;"},
	    {"{\"method\":\"ping\"}", "400;"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char *got = told(rows[i].text, strlen(rows[i].text));

		if (strcmp(got, rows[i].want) != 0)
			fail_msg("row %zu: %s got %s, not %s", i, rows[i].text, got, rows[i].want);
		free(got);
	}
}

static void a_zero_byte_is_refused(void **state)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: h\0h\r\n\r\n";
	char *got = told(text, sizeof(text) - 1);

	(void)state;
	assert_string_equal(got, "400;");
	free(got);
}

/* A head of n bytes in all, and how it is judged. */
static char *head_of(size_t n)
{
	struct buf b = BUF_INIT;
	char *got;

	buf_printf(&b, "GET / HTTP/1.1\r\n" H "X: ");
	while (b.n < n - 4)
		buf_put_u8(&b, 'x');
	buf_put(&b, "\r\n\r\n", 4);
	got = told((char *)b.p, b.n);
	buf_close(&b);
	return got;
}

static void heads_have_a_bound(void **state)
{
	struct buf b = BUF_INIT;
	char *got;

	(void)state;
	got = head_of(RPC_HEADER_BYTES_MAX);
	assert_string_equal(got, "GET /? [0=h,] body= keep;");
	free(got);
	got = head_of(RPC_HEADER_BYTES_MAX + 1);
	assert_string_equal(got, "431;");
	free(got);

	for (int fields = RPC_HEADERS_MAX; fields <= RPC_HEADERS_MAX + 1; fields++) {
		buf_clear(&b);
		buf_printf(&b, "GET / HTTP/1.1\r\n" H);
		for (int i = 1; i < fields; i++)
			buf_printf(&b, "X%d: y\r\n", i);
		buf_printf(&b, "\r\n");
		got = told((char *)b.p, b.n);
		assert_string_equal(got, fields == RPC_HEADERS_MAX ? "GET /? [0=h,] body= keep;"
								   : "431;");
		free(got);
	}
	for (int n = RPC_PATH_MAX; n <= RPC_PATH_MAX + 1; n++) {
		buf_clear(&b);
		buf_printf(&b, "GET /%0*d HTTP/1.1\r\n" H "\r\n", n - 1, 0);
		got = told((char *)b.p, b.n);
		assert_int_equal(strncmp(got, "414;", 4) == 0, n > RPC_PATH_MAX);
		free(got);
	}
	buf_close(&b);
}

static void the_largest_body(void **state)
{
	struct http_session s;
	struct http_request req = {.body = {0}};
	struct buf b = BUF_INIT;
	enum http_step step = HTTP_STEP_MORE;
	size_t at = 0;

	(void)state;
	buf_printf(&b, "POST / HTTP/1.1\r\n" H "Content-Length: %d\r\n\r\n", RPC_BODY_MAX);
	for (int i = 0; i < RPC_BODY_MAX; i++)
		buf_put_u8(&b, (uint8_t)('a' + i % 26));
	http_session_init(&s);
	while (at < b.n) {
		size_t n = b.n - at < 65536 ? b.n - at : 65536;

		assert_int_equal(step, HTTP_STEP_MORE);
		at += http_feed(&s, b.p + at, n, &step, &req);
	}
	assert_int_equal(step, HTTP_STEP_REQUEST);
	assert_int_equal(req.body.n, RPC_BODY_MAX);
	assert_memory_equal(req.body.p, b.p + b.n - RPC_BODY_MAX, RPC_BODY_MAX);
	http_next(&s);
	assert_int_equal(s.store.cap, 0); /* an idle connection keeps nothing */
	http_session_close(&s);
	buf_close(&b);
}

static void expect_continue(void **state)
{
	static const char head[] = "POST / HTTP/1.1\r\n" H "Expect: 100-Continue\r\n"
				   "Content-Length: 4\r\n\r\n";
	struct http_session s;
	struct http_request req;
	enum http_step step;

	(void)state;
	http_session_init(&s);
	http_feed(&s, (const uint8_t *)head, sizeof(head) - 1, &step, &req);
	assert_int_equal(step, HTTP_STEP_CONTINUE);
	http_feed(&s, (const uint8_t *)"ab", 2, &step, &req);
	assert_int_equal(step, HTTP_STEP_MORE); /* said once */
	http_feed(&s, (const uint8_t *)"cd", 2, &step, &req);
	assert_int_equal(step, HTTP_STEP_REQUEST);
	assert_true(bytes_eq(req.body, bytes_str("abcd")));
	http_session_close(&s);
}

/* Deadlines hang on these. */
static void phases(void **state)
{
	static const char rest[] = "OST / HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\n";
	struct http_session s;
	struct http_request req;
	enum http_step step;

	(void)state;
	http_session_init(&s);
	assert_int_equal(s.phase, HTTP_PHASE_IDLE);
	http_feed(&s, NULL, 0, &step, &req);
	assert_int_equal(s.phase, HTTP_PHASE_IDLE);
	http_feed(&s, (const uint8_t *)"P", 1, &step, &req);
	assert_int_equal(s.phase, HTTP_PHASE_HEAD);
	http_feed(&s, (const uint8_t *)rest, strlen(rest), &step, &req);
	assert_int_equal(s.phase, HTTP_PHASE_BODY);
	http_feed(&s, (const uint8_t *)"x", 1, &step, &req);
	assert_int_equal(s.phase, HTTP_PHASE_HELD);
	http_next(&s);
	assert_int_equal(s.phase, HTTP_PHASE_IDLE);
	http_session_close(&s);
}

static void replies(void **state)
{
	struct http_reply r = {.status = 200,
			       .content_type = "application/json",
			       .extra = "Retry-After: 1\r\n",
			       .allow_origin = bytes_str("*"),
			       .body = bytes_str("{}")};
	struct buf b = BUF_INIT;

	(void)state;
	http_put_reply(&b, &r);
	buf_put_u8(&b, 0);
	assert_string_equal((char *)b.p, "HTTP/1.1 200 OK\r\nServer: tally\r\n"
					 "Content-Type: application/json\r\n"
					 "Access-Control-Allow-Origin: *\r\nRetry-After: 1\r\n"
					 "Content-Length: 2\r\n\r\n{}");
	buf_clear(&b);
	r = (struct http_reply){.status = 204, .close = true};
	http_put_reply(&b, &r);
	buf_put_u8(&b, 0);
	assert_string_equal((char *)b.p, "HTTP/1.1 204 No Content\r\nServer: tally\r\n"
					 "Connection: close\r\n\r\n");
	buf_clear(&b);
	r = (struct http_reply){.status = 503, .old = true};
	http_put_reply(&b, &r);
	buf_put_u8(&b, 0);
	assert_string_equal((char *)b.p, "HTTP/1.1 503 Service Unavailable\r\nServer: tally\r\n"
					 "Connection: keep-alive\r\nContent-Length: 0\r\n\r\n");
	buf_clear(&b);
	r = (struct http_reply){.status = 200, .body = bytes_str("{}"), .head = true};
	http_put_reply(&b, &r);
	buf_put_u8(&b, 0);
	assert_string_equal((char *)b.p, "HTTP/1.1 200 OK\r\nServer: tally\r\n"
					 "Content-Length: 2\r\n\r\n");
	buf_close(&b);
	assert_string_equal(http_status_text(799), "Unknown");
}

static void local_names(void **state)
{
	static const char *const yes[] = {
	    "localhost",         "LOCALHOST:80", "localhost:5005", "127.0.0.1", "127.0.0.1:1",
	    "127.255.0.9:65535", "[::1]",        "[::1]:6006",     "10.1.2.3",  "10.1.2.3:5005"};
	static const char *const no[] = {"",
					 ":80",
					 "evil.example",
					 "localhost.evil.example",
					 "localhost:80x",
					 "localhost:",
					 "127.0.0.1.evil.example",
					 "127.evil.example.1",
					 "127.1",
					 "127.0.0.1:123456",
					 "[::1",
					 "[::1]x",
					 "[::2]",
					 "::1",
					 "10.1.2.4",
					 "user@localhost"};

	(void)state;
	for (size_t i = 0; i < COUNT(yes); i++)
		if (!http_host_is_local(bytes_str(yes[i]), "10.1.2.3"))
			fail_msg("%s is local", yes[i]);
	for (size_t i = 0; i < COUNT(no); i++)
		if (strcmp(no[i], "localhost:") != 0 &&
		    http_host_is_local(bytes_str(no[i]), "10.1.2.3"))
			fail_msg("%s is not local", no[i]);
	assert_false(http_host_is_local(bytes_str("10.1.2.3"), NULL));
	assert_true(http_origin_is_local(bytes_of(NULL, 0), NULL));
	assert_true(http_origin_is_local(bytes_str("http://localhost:3000"), NULL));
	assert_true(http_origin_is_local(bytes_str("https://[::1]"), NULL));
	assert_false(http_origin_is_local(bytes_str("null"), NULL));
	assert_false(http_origin_is_local(bytes_str(""), NULL));
	assert_false(http_origin_is_local(bytes_str("http://evil.example"), NULL));
	assert_false(http_origin_is_local(bytes_str("http://localhost/evil"), NULL));
	assert_false(http_origin_is_local(bytes_str("file://localhost"), NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good_requests),
	    cmocka_unit_test(upgrades),
	    cmocka_unit_test(bad_requests),
	    cmocka_unit_test(a_zero_byte_is_refused),
	    cmocka_unit_test(heads_have_a_bound),
	    cmocka_unit_test(the_largest_body),
	    cmocka_unit_test(expect_continue),
	    cmocka_unit_test(phases),
	    cmocka_unit_test(replies),
	    cmocka_unit_test(local_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
