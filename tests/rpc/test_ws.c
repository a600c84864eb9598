/* SPDX-License-Identifier: ISC */
#include "rpc/ws.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A frame as a client sends it: masked, unless told otherwise. flags are the first byte's upper
 * half: 8 final, 4 2 1 reserved. */
static void put_client(struct buf *b, unsigned flags, unsigned op, struct bytes payload)
{
	static const uint8_t mask[4] = {0x37, 0xFA, 0x21, 0x3D};

	buf_put_u8(b, (uint8_t)(flags << 4 | op));
	if (payload.n < 126) {
		buf_put_u8(b, (uint8_t)(0x80 | payload.n));
	} else if (payload.n <= UINT16_MAX) {
		buf_put_u8(b, 0x80 | 126);
		buf_put_be16(b, (uint16_t)payload.n);
	} else {
		buf_put_u8(b, 0x80 | 127);
		buf_put_be64(b, payload.n);
	}
	buf_put(b, mask, 4);
	for (size_t i = 0; i < payload.n; i++)
		buf_put_u8(b, payload.p[i] ^ mask[i % 4]);
}

static void put_text(struct buf *b, unsigned flags, unsigned op, const char *text)
{
	put_client(b, flags, op, bytes_str(text));
}

static void put_code(struct buf *b, unsigned code, const char *reason)
{
	uint8_t body[256];
	size_t n = strlen(reason);

	store_be16(body, (uint16_t)code);
	memcpy(body + 2, reason, n);
	put_client(b, 8, WS_OP_CLOSE, bytes_of(body, 2 + n));
}

static void tell(struct buf *out, const struct ws_event *ev)
{
	static const char *const kinds[] = {"", "text", "ping", "pong", "close", "bad"};

	if (ev->kind == WS_MORE)
		return;
	buf_printf(out, "%s", kinds[ev->kind]);
	if (ev->kind == WS_PEER_CLOSE || ev->kind == WS_BAD)
		buf_printf(out, " %u", ev->code);
	if (ev->data.n > 64)
		buf_printf(out, " %zu bytes", ev->data.n);
	else if (ev->data.n)
		buf_printf(out, " %.*s", (int)ev->data.n, (const char *)ev->data.p);
	buf_printf(out, ";");
}

/* As in the test of HTTP: pieces of `step` bytes, in memory of their own. */
static char *story(struct bytes in, size_t step)
{
	struct ws_session *s = ws_open();
	struct now now = {.steady.ms = 1000};
	struct buf out = BUF_INIT;

	for (size_t at = 0; at < in.n; at += step) {
		size_t piece = step < in.n - at ? step : in.n - at, used = 0;
		uint8_t *copy = malloc(piece);
		struct ws_event ev;

		memcpy(copy, in.p + at, piece);
		do {
			used += ws_feed(s, copy + used, piece - used, now, &ev);
			tell(&out, &ev);
		} while (ev.kind != WS_MORE);
		assert_int_equal(used, piece);
		free(copy);
	}
	ws_close(s);
	buf_put_u8(&out, 0);
	return (char *)out.p;
}

/* Tells what came of the bytes, the same in any pieces, and empties the buffer. */
static void expect(struct buf *in, const char *want)
{
	static const size_t steps[] = {1, 2, 3, 5, 7, 64, 1000, 4096, 65536};
	char *whole = story(buf_bytes(in), in->n + 1);

	assert_string_equal(whole, want);
	for (size_t i = 0; i < COUNT(steps); i++) {
		char *other;

		if (in->n / steps[i] > 300000)
			continue;
		other = story(buf_bytes(in), steps[i]);
		assert_string_equal(other, whole);
		free(other);
	}
	free(whole);
	buf_close(in);
}

static void messages(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	put_text(&b, 8, 1, "hello");
	expect(&b, "text hello;");
	put_text(&b, 8, 1, "");
	put_text(&b, 8, 1, "two");
	put_text(&b, 8, 9, "p");
	put_text(&b, 8, 10, "");
	expect(&b, "text;text two;ping p;pong;");
	/* fragments, with control frames between them, and an empty one */
	put_text(&b, 0, 1, "one ");
	put_text(&b, 8, 9, "x");
	put_text(&b, 0, 0, "");
	put_text(&b, 0, 0, "two ");
	put_text(&b, 8, 10, "y");
	put_text(&b, 8, 0, "three");
	put_text(&b, 8, 1, "next");
	expect(&b, "ping x;pong y;text one two three;text next;");
}

static void fill(struct buf *b, size_t n)
{
	buf_clear(b);
	for (size_t i = 0; i < n; i++)
		buf_put_u8(b, (uint8_t)('a' + i % 26));
}

static void lengths(void **state)
{
	static const size_t sizes[] = {125, 126, 127, 4095, 4096, 65535, 65536, RPC_BODY_MAX};
	struct buf b = BUF_INIT, text = BUF_INIT;
	char want[64];

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		fill(&text, sizes[i]);
		put_client(&b, 8, 1, buf_bytes(&text));
		snprintf(want, sizeof(want), "text %zu bytes;", sizes[i]);
		expect(&b, want);
	}
	fill(&text, RPC_BODY_MAX + 1);
	put_client(&b, 8, 1, buf_bytes(&text));
	expect(&b, "bad 1009;");
	/* one byte too many over two frames */
	fill(&text, RPC_BODY_MAX);
	put_client(&b, 0, 1, buf_bytes(&text));
	put_text(&b, 8, 0, "x");
	expect(&b, "bad 1009;");
	buf_close(&text);
}

static void fragments_have_a_bound(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	for (int extra = 0; extra <= 1; extra++) {
		put_text(&b, 0, 1, "x");
		for (int i = 2; i < WS_FRAGMENTS_MAX + extra; i++)
			put_text(&b, 0, 0, "");
		put_text(&b, 8, 0, "y");
		expect(&b, extra ? "bad 1008;" : "text xy;");
	}
}

/* Raw bytes that are not allowed, and the code that says so. */
static void malformed_frames(void **state)
{
	static const struct {
		const char *what;
		uint8_t b[24];
		size_t n;
		const char *want;
	} rows[] = {
	    {"no mask", {0x81, 0x01, 'x'}, 3, "bad 1002;"},
	    {"RSV1, as compression sets it", {0xC1, 0x81, 0, 0, 0, 0, 'x'}, 7, "bad 1002;"},
	    {"RSV2", {0xA1, 0x81, 0, 0, 0, 0, 'x'}, 7, "bad 1002;"},
	    {"RSV3", {0x91, 0x81, 0, 0, 0, 0, 'x'}, 7, "bad 1002;"},
	    {"RSV1 on a ping", {0xC9, 0x80, 0, 0, 0, 0}, 6, "bad 1002;"},
	    {"opcode 3", {0x83, 0x81, 0, 0, 0, 0, 'x'}, 7, "bad 1002;"},
	    {"opcode 7", {0x87, 0x80, 0, 0, 0, 0}, 6, "bad 1002;"},
	    {"opcode 11", {0x8B, 0x80, 0, 0, 0, 0}, 6, "bad 1002;"},
	    {"opcode 15", {0x8F, 0x80, 0, 0, 0, 0}, 6, "bad 1002;"},
	    {"binary", {0x82, 0x81, 0, 0, 0, 0, 'x'}, 7, "bad 1003;"},
	    {"ping in pieces", {0x09, 0x80, 0, 0, 0, 0}, 6, "bad 1002;"},
	    {"close in pieces", {0x08, 0x80, 0, 0, 0, 0}, 6, "bad 1002;"},
	    {"ping of 126", {0x89, 0xFE, 0, 126, 0, 0, 0, 0, 'x'}, 9, "bad 1002;"},
	    {"continuation of nothing", {0x80, 0x81, 0, 0, 0, 0, 'x'}, 7, "bad 1002;"},
	    {"first piece of nothing", {0x00, 0x81, 0, 0, 0, 0, 'x'}, 7, "bad 1002;"},
	    {"text within text",
	     {0x01, 0x81, 0, 0, 0, 0, 'x', 0x81, 0x81, 0, 0, 0, 0, 'y'},
	     14,
	     "bad 1002;"},
	    {"length 5 in 16 bits", {0x81, 0xFE, 0, 5, 0, 0, 0, 0, 'x'}, 9, "bad 1002;"},
	    {"length 5 in 64 bits",
	     {0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 'x'},
	     15,
	     "bad 1002;"},
	    {"length of 2^63",
	     {0x81, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'x'},
	     15,
	     "bad 1002;"},
	    {"length of 2^63 - 1",
	     {0x81, 0xFF, 0x7F, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 'x'},
	     15,
	     "bad 1009;"},
	    {"close of one byte", {0x88, 0x81, 0, 0, 0, 0, 3}, 7, "bad 1002;"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf b = BUF_INIT;

		buf_put(&b, rows[i].b, rows[i].n);
		put_text(&b, 8, 1, "never seen");
		print_message("%s\n", rows[i].what);
		expect(&b, rows[i].want);
	}
}

static void every_close_code(void **state)
{
	char want[32];

	(void)state;
	for (unsigned code = 0; code <= 5100; code++) {
		bool good = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
			    (code >= 3000 && code <= 4999);
		struct buf b = BUF_INIT;
		char *got;

		put_code(&b, code, "why");
		put_text(&b, 8, 1, "behind the close");
		snprintf(want, sizeof(want), good ? "close %u why;" : "bad 1002;", code);
		got = story(buf_bytes(&b), b.n);
		assert_string_equal(got, want);
		assert_int_equal(ws_code_is_valid(code), good);
		free(got);
		buf_close(&b);
	}
	assert_false(ws_code_is_valid(65535));
}

static void closes(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	put_text(&b, 8, 8, "");
	expect(&b, "close 0;");
	put_code(&b, 4000, "");
	expect(&b, "close 4000;");
	put_code(&b, 1000, "\xC3");
	expect(&b, "bad 1007;");
	put_text(&b, 0, 1, "cut ");
	put_code(&b, 1001, "going");
	expect(&b, "close 1001 going;");
}

static void text_must_be_utf8(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} rows[] = {
	    {"plain", true},
	    {"\xC2\x80 \xDF\xBF", true},
	    {"\xE0\xA0\x80 \xED\x9F\xBF \xEE\x80\x80 \xEF\xBF\xBF", true},
	    {"\xF0\x90\x80\x80 \xF4\x8F\xBF\xBF", true},
	    {"\x80", false},
	    {"\xBF", false},
	    {"\xC0\x80", false},         /* over-long zero */
	    {"\xC1\xBF", false},         /* over-long */
	    {"\xE0\x9F\xBF", false},     /* over-long */
	    {"\xF0\x8F\xBF\xBF", false}, /* over-long */
	    {"\xED\xA0\x80", false},     /* surrogate */
	    {"\xED\xBF\xBF", false},     /* surrogate */
	    {"\xF4\x90\x80\x80", false}, /* above U+10FFFF */
	    {"\xF5\x80\x80\x80", false},
	    {"\xFF", false},
	    {"\xC2", false}, /* cut short */
	    {"\xE0\xA0", false},
	    {"\xF0\x90\x80", false},
	    {"\xC2x", false},
	    {"\xE0\xA0x", false},
	    {"\xF0\x90\x80x", false},
	};
	char want[64];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf b = BUF_INIT;

		put_text(&b, 8, 1, rows[i].text);
		snprintf(want, sizeof(want), rows[i].good ? "text %s;" : "bad 1007;", rows[i].text);
		expect(&b, want);
	}
}

/* A character over two frames is whole in the message. */
static void characters_may_be_split(void **state)
{
	static const char text[] = "a\xF0\x9F\x8C\x8Dz";
	struct buf b = BUF_INIT;

	(void)state;
	for (size_t cut = 0; cut < sizeof(text); cut++) {
		put_client(&b, 0, 1, bytes_of(text, cut));
		put_client(&b, 8, 0, bytes_of(text + cut, sizeof(text) - 1 - cut));
		expect(&b, "text a\xF0\x9F\x8C\x8Dz;");
	}
}

/* Feeds one ping; whether it was taken. */
static bool ping(struct ws_session *s, int64_t ms)
{
	struct now now = {.steady.ms = ms};
	struct buf b = BUF_INIT;
	struct ws_event ev;

	put_text(&b, 8, 9, "");
	ws_feed(s, b.p, b.n, now, &ev);
	buf_close(&b);
	if (ev.kind == WS_BAD)
		assert_int_equal(ev.code, WS_CLOSE_POLICY);
	return ev.kind == WS_PING;
}

static void floods_of_pings_end(void **state)
{
	struct ws_session *s = ws_open();
	int64_t ms = 1000000;
	int taken = 0;

	(void)state;
	while (ping(s, ms))
		taken++;
	assert_int_equal(taken, WS_CONTROL_BURST);
	assert_false(ping(s, ms + 60000)); /* it is over */
	ws_close(s);

	s = ws_open(); /* at the allowed rate for an hour */
	for (int i = 0; i < 3600 * WS_CONTROL_PER_S; i++)
		assert_true(ping(s, ms + (int64_t)i * 1000 / WS_CONTROL_PER_S));
	ws_close(s);

	s = ws_open(); /* a long silence saves up no more than the burst */
	assert_true(ping(s, ms));
	taken = 0;
	while (ping(s, ms + 86400000))
		taken++;
	assert_int_equal(taken, WS_CONTROL_BURST);
	ws_close(s);
}

static void an_idle_session_holds_little(void **state)
{
	struct ws_session *s = ws_open();
	struct now now = {0};
	struct buf b = BUF_INIT, text = BUF_INIT;
	struct ws_event ev;

	(void)state;
	fill(&text, 300000);
	put_client(&b, 8, 1, buf_bytes(&text));
	ws_feed(s, b.p, b.n, now, &ev);
	assert_int_equal(ev.kind, WS_TEXT);
	assert_true(bytes_eq(ev.data, buf_bytes(&text)));
	ws_feed(s, NULL, 0, now, &ev);
	assert_int_equal(ev.kind, WS_MORE);
	ws_close(s);
	ws_close(NULL);
	buf_close(&b);
	buf_close(&text);
}

static void frames_of_the_server(void **state)
{
	struct buf b = BUF_INIT, text = BUF_INIT;
	char reason[300];

	(void)state;
	ws_put_frame(&b, WS_OP_TEXT, bytes_str("Hello")); /* RFC 6455, 5.7 */
	assert_memory_equal(b.p, "\x81\x05Hello", 7);
	assert_int_equal(b.n, 7);
	fill(&text, 256);
	buf_clear(&b);
	ws_put_frame(&b, WS_OP_TEXT, buf_bytes(&text));
	assert_memory_equal(b.p, "\x81\x7E\x01\x00", 4);
	assert_int_equal(b.n, 260);
	fill(&text, 65536);
	buf_clear(&b);
	ws_put_frame(&b, WS_OP_TEXT, buf_bytes(&text));
	assert_memory_equal(b.p, "\x81\x7F\0\0\0\0\0\x01\0\0", 10);
	buf_clear(&b);
	ws_put_close(&b, 0, "not said");
	assert_memory_equal(b.p, "\x88\0", 2);
	assert_int_equal(b.n, 2);
	buf_clear(&b);
	ws_put_close(&b, 4000, NULL);
	assert_memory_equal(b.p, "\x88\x02\x0F\xA0", 4);
	assert_int_equal(b.n, 4);
	/* a long reason is cut, not within a character */
	memset(reason, 'x', sizeof(reason));
	memcpy(reason + 121, "\xF0\x9F\x8C\x8D", 5);
	buf_clear(&b);
	ws_put_close(&b, 1008, reason);
	assert_int_equal(b.p[1], 2 + 121);
	buf_close(&b);
	buf_close(&text);
}

static void the_handshake(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	ws_put_accept(&b, bytes_str("dGhlIHNhbXBsZSBub25jZQ==")); /* RFC 6455, 1.3 */
	buf_put_u8(&b, 0);
	assert_string_equal((char *)b.p, "HTTP/1.1 101 Switching Protocols\r\n"
					 "Upgrade: websocket\r\nConnection: Upgrade\r\n"
					 "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
					 "\r\n");
	buf_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(messages),
	    cmocka_unit_test(lengths),
	    cmocka_unit_test(fragments_have_a_bound),
	    cmocka_unit_test(malformed_frames),
	    cmocka_unit_test(every_close_code),
	    cmocka_unit_test(closes),
	    cmocka_unit_test(text_must_be_utf8),
	    cmocka_unit_test(characters_may_be_split),
	    cmocka_unit_test(floods_of_pings_end),
	    cmocka_unit_test(an_idle_session_holds_little),
	    cmocka_unit_test(frames_of_the_server),
	    cmocka_unit_test(the_handshake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
