/* SPDX-License-Identifier: ISC */

/* The front over real sockets on loopback. */
#include "tests/rpc/front_kit.h"

#include <arpa/inet.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* HTTP */

static void replies_come_in_order(void **state)
{
	struct server *s = kit_start(NULL);
	struct buf b = BUF_INIT;
	int fd = kit_dial(s->port);
	char body[32];

	(void)state;
	kit_post(fd, "/", "one");
	assert_int_equal(kit_take_reply(fd), 200);
	assert_string_equal(reply_body, "one");
	assert_non_null(strstr(reply_head, "Content-Type: application/json"));
	assert_non_null(strstr(reply_head, "Access-Control-Allow-Origin: *\r\n"));
	/* 300 in one segment, some of them answered later */
	for (int i = 0; i < 300; i++) {
		snprintf(body, sizeof(body), "body %d", i);
		buf_printf(&b, "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n%s",
			   i % 20 ? "/" : "/later?5", strlen(body), body);
	}
	kit_put_bytes(fd, b.p, b.n);
	for (int i = 0; i < 300; i++) {
		snprintf(body, sizeof(body), "body %d", i);
		assert_int_equal(kit_take_reply(fd), 200);
		assert_string_equal(reply_body, body);
	}
	/* and byte by byte */
	for (size_t i = 0; i < 200; i++)
		kit_put_bytes(fd, b.p + i, 1);
	kit_put_bytes(fd, b.p + 200, b.n - 200);
	for (int i = 0; i < 300; i++)
		assert_int_equal(kit_take_reply(fd), 200);
	close(fd);
	buf_close(&b);
	kit_stop(s);
}

static void requests_know_where_they_come_from(void **state)
{
	struct server *s = kit_start(NULL);
	int fd = kit_dial(s->port), admin = kit_dial_from(s->admin_port, "127.0.0.9", 0);
	char head[512];
	size_t n = 0;

	(void)state;
	kit_put(fd, "GET /who HTTP/1.1\r\nHost: any.name\r\nIdempotency-Key: k 1\r\n\r\n");
	assert_int_equal(kit_take_reply(fd), 200);
	assert_string_equal(reply_body, "127.0.0.1 public key=k 1");
	kit_get(admin, "/who");
	assert_int_equal(kit_take_reply(admin), 200);
	assert_string_equal(reply_body, "127.0.0.9 admin key=");
	assert_null(strstr(reply_head, "Access-Control-Allow-Origin"));
	kit_get(fd, "/busy");
	assert_int_equal(kit_take_reply(fd), 429);
	assert_non_null(strstr(reply_head, "Retry-After: 7\r\n"));
	assert_string_equal(reply_body, "slow down");
	kit_put(fd, "OPTIONS / HTTP/1.1\r\nHost: h\r\nOrigin: http://wallet.example\r\n\r\n");
	assert_int_equal(kit_take_reply(fd), 204);
	assert_non_null(
	    strstr(reply_head, "Access-Control-Allow-Methods: GET, HEAD, POST, OPTIONS\r\n"));
	/* HEAD, and a GET behind it: the length of a body that does not follow */
	kit_put(fd, "HEAD /who HTTP/1.1\r\nHost: h\r\n\r\n");
	kit_get(fd, "/who");
	do
		assert_int_equal(kit_take_bytes(fd, head + n, 1), 1);
	while (++n < 4 || (n < sizeof(head) && memcmp(head + n - 4, "\r\n\r\n", 4) != 0));
	assert_non_null(memmem(head, n, "Content-Length: 21\r\n", 20));
	assert_int_equal(kit_take_reply(fd), 200);
	close(fd);
	close(admin);
	kit_stop(s);
}

static void admin_listeners_refuse_foreign_names(void **state)
{
	static const struct {
		const char *lines;
		int status;
	} rows[] = {
	    {"Host: localhost:5005\r\n", 200},
	    {"Host: 127.0.0.1\r\nOrigin: http://localhost:3000\r\n", 200},
	    {"Host: evil.example\r\n", 403},
	    {"Host: localhost\r\nOrigin: http://evil.example\r\n", 403},
	    {"Host: localhost\r\nOrigin: null\r\n", 403},
	};
	struct server *s = kit_start(NULL);
	char text[512];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		int fd = kit_dial(s->admin_port);

		snprintf(text, sizeof(text), "POST / HTTP/1.1\r\n%sContent-Length: 0\r\n\r\n",
			 rows[i].lines);
		kit_put(fd, text);
		assert_int_equal(kit_take_reply(fd), rows[i].status);
		if (i == 1)
			assert_non_null(strstr(
			    reply_head, "Access-Control-Allow-Origin: http://localhost:3000\r\n"));
		close(fd);
	}
	int fd = kit_ws_dial_with(s->admin_port, "Origin: http://evil.example\r\n", 0);
	assert_int_equal(kit_take_reply(fd), 403);
	close(fd);
	kit_stop(s);
}

/* The reply to a refused request arrives although the client goes on sending. */
static void refusals_arrive(void **state)
{
	static const struct {
		const char *text;
		int status;
	} rows[] = {
	    {"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", 405},
	    {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9000000\r\n\r\n", 413},
	    {"POST / HTTP/1.1\r\nHost: h\r\n\r\n", 411},
	    {"nonsense", 400},
	    {"GET / HTTP/3.0\r\nHost: h\r\n\r\n", 505},
	};
	struct server *s = kit_start(NULL);
	char *junk = calloc(1, 300000);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		int fd = kit_dial(s->port);

		kit_put(fd, rows[i].text);
		kit_put_bytes(fd, junk, 300000);
		assert_int_equal(kit_take_reply(fd), rows[i].status);
		assert_non_null(strstr(reply_head, "Connection: close\r\n"));
		assert_true(kit_at_end(fd));
		close(fd);
	}
	free(junk);
	kit_wait_for(s, "connections ", 1);
	kit_stop(s);
}

static void large_bodies_both_ways(void **state)
{
	struct server *s = kit_start(NULL);
	char *body = malloc(RPC_BODY_MAX + 1), head[128];
	int fd = kit_dial(s->port);

	(void)state;
	memset(body, 'q', RPC_BODY_MAX);
	body[RPC_BODY_MAX] = '\0';
	snprintf(head, sizeof(head),
		 "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n"
		 "Expect: 100-continue\r\n\r\n",
		 RPC_BODY_MAX);
	kit_put(fd, head);
	assert_int_equal(kit_take_reply(fd), 100);
	kit_put_bytes(fd, body, RPC_BODY_MAX);
	assert_int_equal(kit_take_reply(fd), 200);
	assert_string_equal(reply_body, body);
	kit_get(fd, "/big?3000000");
	assert_int_equal(kit_take_reply(fd), 200);
	assert_int_equal(strlen(reply_body), 3000000);
	close(fd);
	free(body);
	kit_stop(s);
}

static void half_closed_clients_get_their_replies(void **state)
{
	struct server *s = kit_start(NULL);
	int fd = kit_dial(s->port);

	(void)state;
	kit_post(fd, "/later?30", "first");
	kit_post(fd, "/", "second");
	kit_post(fd, "/later?10", "third");
	shutdown(fd, SHUT_WR);
	assert_int_equal(kit_take_reply(fd), 200);
	assert_string_equal(reply_body, "first");
	assert_int_equal(kit_take_reply(fd), 200);
	assert_string_equal(reply_body, "second");
	assert_int_equal(kit_take_reply(fd), 200);
	assert_string_equal(reply_body, "third");
	assert_true(kit_at_end(fd));
	close(fd);
	kit_stop(s);
}

static void http_1_0(void **state)
{
	struct server *s = kit_start(NULL);
	int fd = kit_dial(s->port);

	(void)state;
	kit_put(fd, "POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na");
	assert_int_equal(kit_take_reply(fd), 200);
	assert_non_null(strstr(reply_head, "Connection: keep-alive\r\n"));
	kit_put(fd, "POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\nb");
	assert_int_equal(kit_take_reply(fd), 200);
	assert_non_null(strstr(reply_head, "Connection: close\r\n"));
	assert_true(kit_at_end(fd));
	close(fd);
	kit_stop(s);
}

/* Clients that go while their request is at work: nobody is harmed when the answer comes. */
static void answers_into_nothing(void **state)
{
	struct server *s = kit_start(NULL);
	struct linger now = {.l_onoff = 1};

	(void)state;
	for (int i = 0; i < 40; i++) {
		int fd = i % 2 ? kit_ws_dial(s->port) : kit_dial(s->port);

		if (i % 2)
			kit_ws_say(fd, "hold");
		else
			kit_post(fd, "/hold", "");
		if (i % 4 < 2) /* with a reset */
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		kit_wait_for(s, "in_flight ",
			     (unsigned long)i + 2); /* the question itself is one */
		close(fd);
	}
	kit_wait_for(s, "websockets ", 0);
	int fd = kit_dial(s->port);
	kit_get(fd, "/release");
	assert_int_equal(kit_take_reply(fd), 200);
	close(fd);
	kit_wait_for(s, "in_flight ", 1);
	kit_stop(s);
}

/* Deadlines */

static const struct front_limits quick = {.head_ms = 200,
					  .body_ms = 300,
					  .write_ms = 600,
					  .idle_ms = 400,
					  .answer_ms = 300,
					  .ping_ms = 300,
					  .close_ms = 300};

/* How long until the server ends the connection. */
static int64_t ends_after(int fd, int64_t since)
{
	char junk[4096];

	while (recv(fd, junk, sizeof(junk), 0) > 0)
		continue;
	close(fd);
	return kit_now_ms() - since;
}

static void slow_clients_are_closed(void **state)
{
	struct server *s = kit_start(&quick);
	int64_t began = kit_now_ms(), took;
	int fd[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		fd[i] = kit_dial(s->port);
	kit_put(fd[1], "POST / HT");
	kit_put(fd[2], "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n");
	/* a byte now and then moves no deadline */
	for (int i = 0; i < 20; i++) {
		struct timespec nap = {.tv_nsec = 30000000};

		nanosleep(&nap, NULL);
		kit_put_bytes(fd[3], &"POST / HTTP/1.1 and more"[i], 1);
	}
	took = ends_after(fd[3], began);
	assert_true(took < 6000);
	assert_int_equal(kit_take_reply(fd[1]), 408);
	assert_true(ends_after(fd[1], began) < 6000);
	assert_int_equal(kit_take_reply(fd[2]), 408);
	assert_true(ends_after(fd[2], began) < 6000);
	assert_true(ends_after(fd[0], began) < 6000);
	kit_stop(s);
}

static void late_answers_become_503(void **state)
{
	struct server *s = kit_start(&quick);
	int fd = kit_dial(s->port);

	(void)state;
	kit_get(fd, "/never");
	assert_int_equal(kit_take_reply(fd), 503);
	assert_true(kit_at_end(fd));
	close(fd);
	kit_wait_for(s, "in_flight ", 1);
	kit_stop(s);
}

static void clients_that_do_not_read_are_cut(void **state)
{
	struct server *s = kit_start(&quick);
	int fd = kit_dial_from(s->port, "127.0.0.1", 4096),
	    ws = kit_ws_dial_with(s->port, "", 4096);

	(void)state;
	assert_int_equal(kit_take_reply(ws), 101);
	for (int i = 0; i < 10; i++) {
		kit_get(fd, "/big?2000000");
		kit_ws_say(ws, "big 2000000");
	}
	kit_wait_for(s, "connections ", 1); /* the question itself */
	close(fd);
	close(ws);
	kit_stop(s);
}

static void silent_websockets_are_cut(void **state)
{
	struct front_limits l = {.ping_ms = 700};
	struct server *s = kit_start(&l);
	int64_t began = kit_now_ms();
	int fd = kit_ws_dial(s->port), alive = kit_ws_dial(s->port);

	(void)state;
	assert_int_equal(kit_ws_take(fd, NULL), WS_OP_PING);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(kit_ws_take(alive, NULL), WS_OP_PING);
		kit_ws_put(alive, WS_OP_PONG, "", 0);
	}
	assert_true(kit_now_ms() - began > 1900);
	assert_int_equal(kit_ws_take(fd, NULL), WS_OP_CLOSE); /* missed one */
	assert_int_equal(load_be16((uint8_t *)reply_body), WS_CLOSE_POLICY);
	assert_string_equal(reply_body + 2, "no answer to a ping");
	assert_true(kit_at_end(fd));
	kit_ws_say(alive, "still here");
	kit_ws_expect(alive, "still here");
	close(fd);
	close(alive);
	kit_stop(s);
}

/* Limits */

/* Until so many requests are with the handler; asked as an administrator, who has a place. */
static void wait_held(struct server *s, unsigned n)
{
	int64_t until = kit_now_ms() + ANSWER_MS;
	struct timespec nap = {.tv_nsec = 5000000};
	char want[32];

	snprintf(want, sizeof(want), "in_flight %u ", n + 1);
	for (;;) {
		int fd = kit_dial(s->admin_port);

		kit_get(fd, "/stats");
		assert_int_equal(kit_take_reply(fd), 200);
		close(fd);
		if (strstr(reply_body, want))
			return;
		assert_true(kit_now_ms() < until);
		nanosleep(&nap, NULL);
	}
}

static void release(struct server *s)
{
	int fd = kit_dial(s->admin_port);

	kit_post(fd, "/release", "");
	assert_int_equal(kit_take_reply(fd), 200);
	close(fd);
}

static void too_many_connections(void **state)
{
	struct front_limits l = {.connections_max = 4, .give_way_ms = 400};
	struct timespec nap = {.tv_nsec = 500000000};
	struct server *s = kit_start(&l);
	int fd[5];

	(void)state;
	for (int i = 0; i < 4; i++) {
		fd[i] = kit_dial(s->port);
		kit_post(fd[i], "/hold", "x");
	}
	wait_held(s, 4);
	for (int i = 0; i < 30; i++) {
		int more = kit_dial(i % 2 ? s->port : s->admin_port);

		/* administrators have places of their own */
		kit_post(more, "/", "x");
		assert_int_equal(kit_take_reply(more), i % 2 ? 503 : 200);
		if (i % 2)
			assert_true(kit_at_end(more));
		close(more);
	}
	release(s);
	for (int i = 0; i < 4; i++)
		assert_int_equal(kit_take_reply(fd[i]), 200);
	/* their next requests may be on the way */
	fd[4] = kit_dial(s->port);
	kit_post(fd[4], "/", "x");
	assert_int_equal(kit_take_reply(fd[4]), 503);
	close(fd[4]);
	nanosleep(&nap, NULL);
	/* nothing is asked any more: the one that is idle for longest gives way */
	fd[4] = kit_dial(s->port);
	kit_post(fd[4], "/", "x");
	assert_int_equal(kit_take_reply(fd[4]), 200);
	assert_true(kit_at_end(fd[0]));
	kit_post(fd[1], "/", "x");
	assert_int_equal(kit_take_reply(fd[1]), 200);
	close(fd[0]);
	close(fd[4]);
	for (int status = 503; status != 200;) {
		fd[0] = kit_dial(s->port);
		kit_post(fd[0], "/", "x");
		status = kit_take_reply(fd[0]);
		if (status != 200)
			close(fd[0]);
	}
	for (int i = 0; i < 4; i++)
		close(fd[i]);
	kit_stop(s);
}

static void too_many_of_one_address(void **state)
{
	struct front_limits l = {.per_address_max = 2, .limit_loopback = true};
	struct server *s = kit_start(&l);
	int fd[7];

	(void)state;
	for (int i = 0; i < 6; i++) {
		char from[16];

		snprintf(from, sizeof(from), "127.0.0.%d", 10 + i / 2);
		fd[i] = kit_dial_from(s->port, from, 0);
		kit_post(fd[i], "/", "x");
		assert_int_equal(kit_take_reply(fd[i]), 200);
	}
	fd[6] = kit_dial_from(s->port, "127.0.0.10", 0);
	assert_int_equal(kit_take_reply(fd[6]), 429);
	for (int i = 0; i < 7; i++)
		close(fd[i]);
	kit_wait_for(s, "connections ", 1);
	for (int i = 0; i < 2; i++) { /* the count has gone down */
		fd[i] = kit_dial_from(s->port, "127.0.0.10", 0);
		kit_post(fd[i], "/", "x");
		assert_int_equal(kit_take_reply(fd[i]), 200);
		close(fd[i]);
		kit_wait_for(s, "connections ", 1);
	}
	kit_stop(s);
}

/* 256 descriptors: connections are refused in words, long before accept() fails. */
static void few_descriptors(void **state)
{
	struct rlimit old, few;
	struct server *s;
	int fd[120];

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	few = old;
	few.rlim_cur = 256;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	s = kit_start(NULL);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	for (size_t i = 0; i < COUNT(fd); i++) {
		fd[i] = kit_dial(s->port);
		kit_post(fd[i], "/hold", "x");
		if (i == 95)
			wait_held(s, 96);
		if (i >= 96)
			assert_int_equal(kit_take_reply(fd[i]), 503);
	}
	release(s);
	for (size_t i = 0; i < 96; i++)
		assert_int_equal(kit_take_reply(fd[i]), 200);
	for (size_t i = 0; i < COUNT(fd); i++)
		close(fd[i]);
	kit_stop(s);
}

static void too_many_at_work(void **state)
{
	struct front_limits l = {.in_flight_max = 3};
	struct server *s = kit_start(&l);
	int fd[4];

	(void)state;
	for (int i = 0; i < 4; i++) {
		fd[i] = kit_dial(s->port);
		kit_post(fd[i], "/later?1500", "x");
		if (i == 2) {
			struct timespec nap = {.tv_nsec = 100000000};

			nanosleep(&nap, NULL);
		}
	}
	assert_int_equal(kit_take_reply(fd[3]), 503);
	for (int i = 0; i < 3; i++)
		assert_int_equal(kit_take_reply(fd[i]), 200);
	kit_post(fd[3], "/", "again");
	assert_int_equal(kit_take_reply(fd[3]), 200);
	for (int i = 0; i < 4; i++)
		close(fd[i]);
	kit_stop(s);
}

/* WebSocket */

static void websocket_requests(void **state)
{
	struct server *s = kit_start(NULL);
	int fd = kit_ws_dial(s->port);
	char text[64];

	(void)state;
	kit_ws_say(fd, "echo");
	kit_ws_expect(fd, "echo");
	/* the second overtakes the first */
	kit_ws_say(fd, "later 80 first");
	kit_ws_say(fd, "second");
	kit_ws_expect(fd, "second");
	kit_ws_expect(fd, "later 80 first");
	/* 500 at once, most of them beyond what may be in flight */
	for (int i = 0; i < 500; i++) {
		snprintf(text, sizeof(text), "later 1 number %d", i);
		kit_ws_say(fd, text);
	}
	for (int i = 0; i < 500; i++)
		assert_int_equal(kit_ws_take(fd, NULL), WS_OP_TEXT);
	kit_ws_put(fd, WS_OP_PING, "data", 4);
	assert_int_equal(kit_ws_take(fd, NULL), WS_OP_PONG);
	assert_string_equal(reply_body, "data");
	kit_ws_say(fd, "big 1500000");
	assert_int_equal(kit_ws_take(fd, NULL), WS_OP_TEXT);
	assert_int_equal(strlen(reply_body), 1500000);
	kit_ws_hang_up(fd, 1000);
	kit_ws_expect_close(fd, 1000);
	kit_wait_for(s, "closed ", 1);
	kit_stop(s);
}

static void close_codes_are_echoed(void **state)
{
	static const unsigned codes[] = {1000, 1001, 3000, 4000, 4999};
	struct server *s = kit_start(NULL);
	size_t n;

	(void)state;
	for (size_t i = 0; i < COUNT(codes); i++) {
		int fd = kit_ws_dial(s->port);

		kit_ws_hang_up(fd, codes[i]);
		kit_ws_expect_close(fd, codes[i]);
	}
	int fd = kit_ws_dial(s->port); /* without a code */
	kit_ws_put(fd, WS_OP_CLOSE, "", 0);
	assert_int_equal(kit_ws_take(fd, &n), WS_OP_CLOSE);
	assert_int_equal(n, 0);
	close(fd);
	kit_wait_for(s, "closed ", COUNT(codes) + 1);
	kit_stop(s);
}

static void bad_frames_close_with_their_code(void **state)
{
	struct server *s = kit_start(NULL);
	int fd = kit_ws_dial(s->port);

	(void)state;
	kit_ws_put(fd, 2, "binary", 6);
	kit_ws_expect_close(fd, 1003);
	fd = kit_ws_dial(s->port);
	kit_ws_say(fd, "\xFF");
	kit_ws_expect_close(fd, 1007);
	fd = kit_ws_dial(s->port);
	kit_put_bytes(fd, "\x81\x01x", 3); /* without a mask */
	kit_ws_expect_close(fd, 1002);
	fd = kit_ws_dial(s->port);
	for (int i = 0; i < 2 * WS_CONTROL_BURST; i++)
		kit_ws_put(fd, WS_OP_PING, "", 0);
	for (int i = 0; i < WS_CONTROL_BURST; i++)
		assert_int_equal(kit_ws_take(fd, NULL), WS_OP_PONG);
	kit_ws_expect_close(fd, 1008);
	/* frames before the upgrade is accepted */
	fd = kit_ws_dial_with(s->port, "\r\nmore", 0);
	assert_int_equal(kit_take_reply(fd), 400);
	close(fd);
	kit_wait_for(s, "websockets ", 0);
	kit_stop(s);
}

static void the_server_may_hang_up(void **state)
{
	struct server *s = kit_start(NULL);
	int fd = kit_ws_dial(s->port), other = kit_dial(s->port);
	size_t n;

	(void)state;
	kit_get(other, "/kick");
	assert_int_equal(kit_take_reply(other), 200);
	assert_int_equal(kit_ws_take(fd, &n), WS_OP_CLOSE);
	assert_int_equal(load_be16((uint8_t *)reply_body), 3000);
	assert_string_equal(reply_body + 2, "kicked");
	kit_wait_for(s, "closed ", 1); /* told before the handshake is over */
	kit_ws_hang_up(fd, 3000);
	assert_true(kit_at_end(fd));
	close(fd);
	close(other);
	kit_stop(s);
}

#define RECEIVERS 10

/* Every receiver that reads gets every message in order; one that does not is told and closed. */
static void broadcasts(void **state)
{
	struct front_limits l = {.queue_bytes_max = 300000};
	struct server *s = kit_start(&l);
	int fd[RECEIVERS], slow = kit_ws_dial_with(s->port, "", 4096), other = kit_dial(s->port);
	char want[16];
	unsigned op;

	(void)state;
	assert_int_equal(kit_take_reply(slow), 101);
	for (int i = 0; i < RECEIVERS; i++)
		fd[i] = kit_ws_dial(s->port);
	for (int round = 0; round < 40; round++) {
		kit_get(other, "/broadcast?25,10000");
		assert_int_equal(kit_take_reply(other), 200);
		for (int i = 0; i < RECEIVERS; i++)
			for (int m = 0; m < 25; m++) {
				assert_int_equal(kit_ws_take(fd[i], NULL), WS_OP_TEXT);
				snprintf(want, sizeof(want), "%d x", m);
				assert_memory_equal(reply_body, want, strlen(want));
			}
	}
	assert_int_equal(kit_stat_of(s, "slow "), 1);
	while ((op = kit_ws_take(slow, NULL)) == WS_OP_TEXT)
		continue;
	assert_int_equal(op, WS_OP_CLOSE);
	assert_int_equal(load_be16((uint8_t *)reply_body), WS_CLOSE_POLICY);
	for (int i = 0; i < RECEIVERS; i++)
		close(fd[i]);
	close(slow);
	close(other);
	kit_wait_for(s, "websockets ", 0);
	kit_stop(s);
}

/* Connections that come and go leave nothing behind. */
static void connections_come_and_go(void **state)
{
	struct linger now = {.l_onoff = 1};
	struct server *s = kit_start(NULL);

	(void)state;
	for (int i = 0; i < 600; i++) {
		int fd = kit_ws_dial(s->port);

		if (i % 3 == 0)
			kit_ws_say(fd, "broadcast 3 100");
		if (i % 2)
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(fd);
	}
	kit_wait_for(s, "websockets ", 0);
	kit_wait_for(s, "connections ", 1);
	assert_int_equal(kit_stat_of(s, "opened "), 600);
	assert_int_equal(kit_stat_of(s, "closed "), 600);
	kit_stop(s);
}

/* Stopping */

static void stopping_says_goodbye(void **state)
{
	struct server *s = kit_start(NULL);
	int ws = kit_ws_dial(s->port), idle = kit_dial(s->port), busy = kit_dial(s->port);
	int64_t began;

	(void)state;
	kit_post(idle, "/", "x");
	assert_int_equal(kit_take_reply(idle), 200);
	kit_post(busy, "/later?200", "in time");
	kit_wait_for(s, "in_flight ", 2);
	began = kit_now_ms();
	kit_stop_begin(s);
	assert_int_equal(kit_ws_take(ws, NULL), WS_OP_CLOSE);
	assert_int_equal(load_be16((uint8_t *)reply_body), WS_CLOSE_GOING_AWAY);
	kit_ws_hang_up(ws, 1001);
	assert_true(kit_at_end(ws));
	assert_true(kit_at_end(idle));
	close(idle);
	assert_int_equal(kit_take_reply(busy), 200);
	assert_string_equal(reply_body, "in time");
	assert_non_null(strstr(reply_head, "Connection: close\r\n"));
	close(busy);
	close(ws);
	kit_stop_end(s);
	assert_true(kit_now_ms() - began < 1800); /* did not wait for the cut */
}

static void stopping_does_not_wait_for_ever(void **state)
{
	struct server *s = kit_start(NULL);
	int ws = kit_ws_dial(s->port), busy = kit_dial(s->port);
	int64_t began;

	(void)state;
	kit_get(busy, "/never");
	kit_wait_for(s, "in_flight ", 2);
	began = kit_now_ms();
	kit_stop(s);
	assert_true(kit_now_ms() - began >= 1900 && kit_now_ms() - began < 9000);
	close(ws);
	close(busy);
}

/* Listening */

static void refuse(void *ctx, const struct front_request *req)
{
	(void)ctx;
	(void)req;
	must(false); /* nobody can connect */
}

static void listeners_fail_with_reasons(void **state)
{
	struct front_handler handler = {.on_request = refuse};
	struct front_listener_config c = {.host = "127.0.0.1"};
	struct server *s = kit_start(NULL);
	struct front_server *f;
	struct why why;
	uv_loop_t loop;
	char port[16];

	(void)state;
	assert_int_equal(uv_loop_init(&loop), 0);
	f = front_open(&loop, &handler, NULL);
	c.port = s->port;
	assert_int_equal(front_listen(f, &c, NULL, &why), ERR_BUSY);
	snprintf(port, sizeof(port), "port %u ", s->port);
	assert_non_null(strstr(why.text, port));
	assert_non_null(strstr(why.text, "in use"));
	c.port = 0;
	c.host = "203.0.113.77";
	assert_int_equal(front_listen(f, &c, NULL, &why), ERR_ABSENT);
	c.host = "no.address";
	assert_int_equal(front_listen(f, &c, NULL, &why), ERR_INVALID);
	front_close_all(f, 1001, 100, NULL, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	front_free(f);
	assert_int_equal(uv_loop_close(&loop), 0);
	kit_stop(s);
}

static void ipv6(void **state)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct server *s = kit_start(NULL);
	int fd;

	(void)state;
	if (s->port6) {
		fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
		a.sin6_port = htons(s->port6);
		assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
		kit_get(fd, "/who");
		assert_int_equal(kit_take_reply(fd), 200);
		assert_string_equal(reply_body, "::1 public key=");
		close(fd);
	} else {
		print_message("this machine has no IPv6\n");
	}
	kit_stop(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(replies_come_in_order),
	    cmocka_unit_test(requests_know_where_they_come_from),
	    cmocka_unit_test(admin_listeners_refuse_foreign_names),
	    cmocka_unit_test(refusals_arrive),
	    cmocka_unit_test(large_bodies_both_ways),
	    cmocka_unit_test(half_closed_clients_get_their_replies),
	    cmocka_unit_test(http_1_0),
	    cmocka_unit_test(answers_into_nothing),
	    cmocka_unit_test(slow_clients_are_closed),
	    cmocka_unit_test(late_answers_become_503),
	    cmocka_unit_test(clients_that_do_not_read_are_cut),
	    cmocka_unit_test(silent_websockets_are_cut),
	    cmocka_unit_test(too_many_connections),
	    cmocka_unit_test(too_many_of_one_address),
	    cmocka_unit_test(few_descriptors),
	    cmocka_unit_test(too_many_at_work),
	    cmocka_unit_test(websocket_requests),
	    cmocka_unit_test(close_codes_are_echoed),
	    cmocka_unit_test(bad_frames_close_with_their_code),
	    cmocka_unit_test(the_server_may_hang_up),
	    cmocka_unit_test(broadcasts),
	    cmocka_unit_test(connections_come_and_go),
	    cmocka_unit_test(stopping_says_goodbye),
	    cmocka_unit_test(stopping_does_not_wait_for_ever),
	    cmocka_unit_test(listeners_fail_with_reasons),
	    cmocka_unit_test(ipv6),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
