/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "daemon/hooks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Messages that are posted to a URL (hooks.h), against a server on the same loop that refuses, does
 * not answer, or hangs up. */

#define GOT_MAX   8192
#define CONNS_MAX 64

struct client {
	uv_tcp_t tcp;
	char in[70000];
	size_t n;
	bool open;
};

static uv_loop_t loop;
static struct hooks *hooks;
static struct {
	uv_tcp_t tcp;
	int port;
	struct client conn[CONNS_MAX];
	uint32_t n;
	uint64_t got[GOT_MAX]; /* seq of each whole request, answered or not */
	uint32_t n_got;
	int refuse;  /* so many requests get 500 */
	int hang_up; /* or the connection is closed */
	bool silent; /* nothing is answered */
	char last[70000];
} server;

/* What rpc.c has; the rest of it is not needed here. */
struct rpc_text *rpc_text_ref(struct rpc_text *t)
{
	t->refs++;
	return t;
}

void rpc_text_unref(struct rpc_text *t)
{
	if (t && --t->refs == 0)
		mem_free(t);
}

/* ---- The server */

static void written(uv_write_t *req, int status)
{
	(void)status;
	mem_free(req);
}

static void answer(struct client *c, const char *text)
{
	uv_write_t *req = mem_zalloc(1, sizeof(*req));
	uv_buf_t b = uv_buf_init((char *)(uintptr_t)text, (unsigned)strlen(text));

	assert_int_equal(uv_write(req, (uv_stream_t *)&c->tcp, &b, 1, written), 0);
}

static void closed(uv_handle_t *h)
{
	struct client *c = h->data;

	c->open = false;
}

static void on_whole_request(struct client *c, const char *body)
{
	const char *seq = strstr(body, ",\"seq\":");

	assert_non_null(seq);
	assert_true(server.n_got < GOT_MAX);
	server.got[server.n_got++] = strtoull(seq + 7, NULL, 10);
	memcpy(server.last, c->in, c->n + 1);
	c->n = 0;
	if (server.silent)
		return;
	if (server.hang_up > 0) {
		server.hang_up--;
		uv_close((uv_handle_t *)&c->tcp, closed);
	} else if (server.refuse > 0) {
		server.refuse--;
		answer(c, "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
	} else {
		answer(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
	}
}

static void room(uv_handle_t *h, size_t wanted, uv_buf_t *out)
{
	struct client *c = h->data;

	(void)wanted;
	*out = uv_buf_init(c->in + c->n, (unsigned)(sizeof(c->in) - 1 - c->n));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct client *c = s->data;
	const char *body, *length;

	(void)b;
	if (n < 0) {
		if (!uv_is_closing((uv_handle_t *)s))
			uv_close((uv_handle_t *)s, closed);
		return;
	}
	c->n += (size_t)n;
	c->in[c->n] = '\0';
	body = strstr(c->in, "\r\n\r\n");
	length = strstr(c->in, "Content-Length: ");
	if (body && length && strlen(body + 4) == strtoul(length + 16, NULL, 10))
		on_whole_request(c, body + 4);
}

static void on_connect(uv_stream_t *s, int status)
{
	struct client *c = &server.conn[server.n++];

	assert_int_equal(status, 0);
	assert_true(server.n <= CONNS_MAX);
	uv_tcp_init(&loop, &c->tcp);
	c->tcp.data = c;
	c->open = true;
	assert_int_equal(uv_accept(s, (uv_stream_t *)&c->tcp), 0);
	uv_read_start((uv_stream_t *)&c->tcp, room, on_read);
}

static int set_up(void **state)
{
	struct sockaddr_in at;
	int n = sizeof(at);

	(void)state;
	memset(&server, 0, sizeof(server));
	uv_loop_init(&loop);
	uv_ip4_addr("127.0.0.1", 0, &at);
	uv_tcp_init(&loop, &server.tcp);
	uv_tcp_bind(&server.tcp, (struct sockaddr *)&at, 0);
	assert_int_equal(uv_listen((uv_stream_t *)&server.tcp, 8, on_connect), 0);
	uv_tcp_getsockname(&server.tcp, (struct sockaddr *)&at, &n);
	server.port = ntohs(at.sin_port);
	hooks = hooks_open(&loop, NULL);
	return 0;
}

static void stopped(void *ctx)
{
	*(bool *)ctx = true;
}

/* Everything ends: the loop has no handle left. */
static int tear_down(void **state)
{
	bool over = false;

	(void)state;
	hooks_stop(hooks, stopped, &over);
	uv_close((uv_handle_t *)&server.tcp, NULL);
	for (uint32_t i = 0; i < server.n; i++)
		if (server.conn[i].open && !uv_is_closing((uv_handle_t *)&server.conn[i].tcp))
			uv_close((uv_handle_t *)&server.conn[i].tcp, closed);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_true(over);
	hooks_free(hooks);
	assert_int_equal(uv_loop_close(&loop), 0);
	return 0;
}

/* ---- What is posted */

static uint64_t hook(const char *path)
{
	struct why why = {""};
	struct rpc_hook want = {.username = "me", .password = "secret"};
	char url[200];
	uint64_t conn;

	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", server.port, path);
	want.url = url;
	conn = hooks_find(hooks, &want, true, &why);
	assert_true(conn & HOOK_CONN);
	assert_true(hooks_find(hooks, &want, false, &why) == conn);
	return conn;
}

static void push(uint64_t conn, size_t n)
{
	struct rpc_text *t = mem_zalloc(1, sizeof(*t) + n + 20);

	t->refs = 1;
	t->n = (uint32_t)snprintf(t->s, n + 20, "{\"t\":\"%0*d\"}", (int)n, 1);
	assert_true(hooks_push(hooks, conn, t));
	rpc_text_unref(t);
}

/* Runs until so many whole requests have come; at most ten seconds. */
static void run_until(uint32_t n_got)
{
	uint64_t end = uv_hrtime() + 10000000000ull;

	while (server.n_got < n_got && uv_hrtime() < end)
		uv_run(&loop, UV_RUN_ONCE);
	assert_true(server.n_got >= n_got);
}

static void in_order_over_one_connection(void **state)
{
	uint64_t conn = hook("/a");

	(void)state;
	for (int i = 0; i < 300; i++)
		push(conn, 10);
	run_until(300);
	for (uint32_t i = 0; i < 300; i++)
		assert_int_equal(server.got[i], i + 1);
	assert_int_equal(server.n, 1);
	assert_non_null(strstr(server.last, "POST /a HTTP/1.1\r\n"));
	assert_non_null(strstr(server.last, "Content-Type: application/json\r\n"));
	assert_non_null(strstr(server.last, "Authorization: Basic bWU6c2VjcmV0\r\n"));
	assert_non_null(strstr(server.last, "\r\n\r\n{\"method\":\"event\",\"params\":[{\"t\":\""));
	assert_non_null(strstr(server.last, ",\"seq\":300}],\"id\":1}"));
}

static void tried_again_and_at_last_dropped(void **state)
{
	static const uint64_t wanted[] = {1, 1, 2, 2, 2, 3, 3, 3, 3, 4};
	uint64_t conn = hook("/");

	(void)state;
	server.hang_up = 1;
	push(conn, 10);
	push(conn, 10);
	run_until(2); /* 1 comes on another connection */
	server.refuse = 2;
	run_until(5);
	server.refuse = HOOK_TRIES_MAX;
	push(conn, 10);
	push(conn, 10);
	run_until(10); /* 3 is given up */
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(server.got[i], wanted[i]);
}

/* The first is on its way and stays; of the others the oldest go. */
static void bounded_in_number(void **state)
{
	uint64_t conn = hook("/");

	(void)state;
	server.silent = true;
	push(conn, 10);
	run_until(1);
	for (int i = 0; i < 3000; i++)
		push(conn, 10);
	assert_true(hooks_queued(hooks, conn) <= HOOK_MSGS_MAX * 20);
	server.silent = false;
	for (uint32_t i = 0; i < server.n; i++)
		answer(&server.conn[i], "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	run_until(HOOK_MSGS_MAX);
	assert_int_equal(server.got[0], 1);
	for (uint32_t i = 1; i < HOOK_MSGS_MAX; i++)
		assert_int_equal(server.got[i], 3001 - HOOK_MSGS_MAX + i + 1);
}

static void bounded_in_bytes(void **state)
{
	uint64_t conn = hook("/");

	(void)state;
	server.silent = true;
	for (int i = 0; i < 200; i++)
		push(conn, 60000);
	assert_true(hooks_queued(hooks, conn) <= HOOK_BYTES_MAX);
	assert_true(hooks_queued(hooks, conn) > HOOK_BYTES_MAX - 70000);
	run_until(1);
}

static void ended_on_the_way(void **state)
{
	uint64_t first = hook("/1"), second = hook("/2");

	(void)state;
	assert_true(first != second);
	server.silent = true;
	push(first, 10);
	push(first, 10);
	push(second, 10);
	run_until(2);
	hooks_end(hooks, first);
	assert_false(hooks_push(hooks, first, NULL));
	assert_int_equal(hooks_queued(hooks, first), 0);
	server.silent = false;
	push(second, 10);
	/* and the rest in tear_down, the second amid its first message */
}

static void nobody_there(void **state)
{
	uint64_t conn;

	(void)state;
	conn = hook("/");
	uv_close((uv_handle_t *)&server.tcp, NULL);
	uv_run(&loop, UV_RUN_NOWAIT);
	push(conn, 10);
	for (int i = 0; i < 20; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	assert_int_equal(server.n_got, 0);
	assert_true(hooks_queued(hooks, conn) > 0); /* it waits to be tried again */
	uv_tcp_init(&loop, &server.tcp);
}

static void urls_that_are_none(void **state)
{
	static const struct {
		const char *url, *why;
	} bad[] = {
	    {"", "Failed to parse url."},
	    {"nonsense", "Failed to parse url."},
	    {"http://", "Failed to parse url."},
	    {"ftp://127.0.0.1/", "Only http and https is supported."},
	    {"file:///etc/passwd", "Only http and https is supported."},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct rpc_hook want = {.url = bad[i].url};
		struct why why = {""};

		assert_true(hooks_find(hooks, &want, true, &why) == 0);
		assert_string_equal(why.text, bad[i].why);
	}
	for (int i = 0; i <= HOOKS_MAX; i++) {
		struct why why = {""};
		char url[60];
		struct rpc_hook want = {.url = url};

		(void)snprintf(url, sizeof(url), "https://127.0.0.1:1/%d", i);
		assert_int_equal(hooks_find(hooks, &want, true, &why) != 0, i < HOOKS_MAX);
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(in_order_over_one_connection),
	    T(tried_again_and_at_last_dropped),
	    T(bounded_in_number),
	    T(bounded_in_bytes),
	    T(ended_on_the_way),
	    T(nobody_there),
	    T(urls_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
