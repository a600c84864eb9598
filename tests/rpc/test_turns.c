/* SPDX-License-Identifier: ISC */

/* Who is served when, and what waits: turns of requests, long answers, clients that lag behind. */
#include "tests/rpc/front_kit.h"

#include <sys/socket.h>
#include <unistd.h>

#define SPIN     "GET /spin?1000 HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define SPIN_OWN 30 /* requests of the one that shall not wait */

static void put_spins(int fd, unsigned n)
{
	struct buf b = BUF_INIT;

	for (unsigned i = 0; i < n; i++)
		buf_put(&b, SPIN, sizeof(SPIN) - 1);
	kit_put_bytes(fd, b.p, b.n);
	buf_close(&b);
}

/* The number of the last of n replies among all that were worked on. */
static unsigned long last_of(int fd, unsigned n)
{
	unsigned long last = 0, next;

	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(kit_take_reply(fd), 200);
		next = strtoul(reply_body, NULL, 10);
		assert_true(next > last);
		last = next;
	}
	return last;
}

/* Waits until somebody waits for their turn: then there is more than can be done at once. */
static void wait_for_a_queue(int admin)
{
	const char *at;

	do {
		kit_get(admin, "/stats");
		assert_int_equal(kit_take_reply(admin), 200);
		at = strstr(reply_body, "queued ");
		assert_non_null(at);
	} while (strtoul(at + strlen("queued "), NULL, 10) == 0);
}

/* A connection with many requests does not take the turns of another one, nor keep administrators
 * and timers waiting. */
static void connections_take_turns(void **state)
{
	struct server *s = kit_start(NULL);
	int many = kit_dial(s->port), few = kit_dial(s->port), admin = kit_dial(s->admin_port);
	int64_t began;

	(void)state;
	put_spins(many, 600);
	wait_for_a_queue(admin);
	put_spins(few, SPIN_OWN);
	began = kit_now_ms();
	kit_post(admin, "/later?20", "soon");
	assert_int_equal(kit_take_reply(admin), 200);
	assert_true(kit_now_ms() - began < 300);
	assert_true(last_of(few, SPIN_OWN) < 400);
	assert_int_equal(last_of(many, 600), 600 + SPIN_OWN);
	close(many);
	close(few);
	close(admin);
	kit_stop(s);
}

/* Nor do the many connections of one address. */
static void addresses_take_turns(void **state)
{
	struct server *s = kit_start(NULL);
	int many[20], few = kit_dial_from(s->port, "127.0.0.3", 0), admin = kit_dial(s->admin_port);
	unsigned long last;

	(void)state;
	for (int i = 0; i < 20; i++) {
		many[i] = kit_dial_from(s->port, "127.0.0.2", 0);
		put_spins(many[i], 40);
	}
	wait_for_a_queue(admin);
	put_spins(few, SPIN_OWN);
	last = last_of(few, SPIN_OWN);
	assert_true(last < 400); /* of 830; a twentieth of the turns would make it the last */
	for (int i = 0; i < 20; i++) {
		last_of(many[i], 40);
		close(many[i]);
	}
	close(few);
	close(admin);
	kit_stop(s);
}

/* Messages that came together on one WebSocket wait for their turns too, and none is lost. */
static void websockets_take_turns(void **state)
{
	struct server *s = kit_start(NULL);
	int many = kit_ws_dial(s->port), few = kit_dial(s->port), admin = kit_dial(s->admin_port);
	char text[32];

	(void)state;
	for (int i = 0; i < 300; i++)
		kit_ws_say(many, "spin 1000");
	wait_for_a_queue(admin);
	put_spins(few, SPIN_OWN);
	assert_true(last_of(few, SPIN_OWN) < 250);
	for (unsigned long last = 0, next; last < 300 + SPIN_OWN; last = next) {
		assert_int_equal(kit_ws_take(many, NULL), WS_OP_TEXT);
		next = strtoul(reply_body, NULL, 10);
		assert_true(next > last);
		if (next == 300 + SPIN_OWN)
			break;
	}
	snprintf(text, sizeof(text), "still here");
	kit_ws_say(many, text);
	kit_ws_expect(many, text);
	close(many);
	close(few);
	close(admin);
	kit_stop(s);
}

/* A client that goes while it waits. */
static void who_waits_may_go(void **state)
{
	struct server *s = kit_start(NULL);
	struct linger now = {.l_onoff = 1};
	int fd[40];

	(void)state;
	for (int i = 0; i < 40; i++) {
		fd[i] = kit_dial(s->port);
		put_spins(fd[i], 20);
	}
	for (int i = 0; i < 40; i++) {
		if (i % 2)
			setsockopt(fd[i], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(fd[i]);
	}
	kit_wait_for(s, "connections ", 1);
	kit_stop(s);
}

static void a_late_loop_refuses(void **state)
{
	struct front_limits l = {.lag_ms_max = 50};
	struct server *s = kit_start(&l);
	int slow = kit_dial(s->port), fd = kit_dial(s->port), ws = kit_ws_dial(s->port);
	int admin = kit_dial(s->admin_port);

	(void)state;
	kit_post(fd, "/", "fine");
	assert_int_equal(kit_take_reply(fd), 200);
	kit_get(slow, "/spin?500000");
	kit_get(slow, "/spin?1");
	assert_int_equal(kit_take_reply(slow), 200);
	assert_int_equal(kit_take_reply(slow), 503);
	assert_non_null(strstr(reply_head, "Retry-After: 1\r\n"));
	kit_get(slow, "/spin?500000"); /* when it is well again */
	while (kit_take_reply(slow) == 503)
		kit_get(slow, "/spin?500000");
	kit_ws_say(ws, "who");
	kit_ws_expect(ws, "busy");
	kit_post(admin, "/", "fine");
	assert_int_equal(kit_take_reply(admin), 200);
	close(slow);
	close(fd);
	close(ws);
	close(admin);
	kit_stop(s);
}

/* Bodies */

static void trickling_bodies_are_given_up(void **state)
{
	struct front_limits l = {.body_grace_ms = 300, .body_ms = 60000};
	struct server *s = kit_start(&l);
	int fd = kit_dial(s->port), fast = kit_dial(s->port);
	struct timespec nap = {.tv_nsec = 20000000};
	int64_t began = kit_now_ms();
	int status = 0;

	(void)state;
	kit_put(fd, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n");
	kit_put(fast, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1400\r\n\r\n");
	for (int i = 0; i < 70; i++) { /* 50 and 1,000 bytes a second */
		kit_put_bytes(fd, "x", 1);
		kit_put_bytes(fast, "xxxxxxxxxxxxxxxxxxxx", 20);
		nanosleep(&nap, NULL);
	}
	status = kit_take_reply(fd);
	assert_int_equal(status, 408);
	assert_int_equal(kit_take_reply(fast), 200);
	assert_true(kit_now_ms() - began < 30000);
	close(fd);
	close(fast);
	kit_stop(s);
}

/* Long answers */

/* Reads one chunk into reply_body; its length. */
static size_t take_chunk(int fd)
{
	char line[16] = "";
	size_t n = 0, length;

	while (n < 2 || line[n - 1] != '\n') {
		assert_true(n < sizeof(line) - 1);
		assert_int_equal(kit_take_bytes(fd, line + n, 1), 1);
		n++;
	}
	length = strtoul(line, NULL, 16);
	free(reply_body);
	reply_body = malloc(length + 3);
	assert_int_equal(kit_take_bytes(fd, reply_body, length + 2), length + 2);
	assert_memory_equal(reply_body + length, "\r\n", 2);
	return length;
}

static void expect_page(unsigned i, size_t n, size_t size)
{
	assert_int_equal(n, size);
	assert_int_equal(strtoul(reply_body, NULL, 10), i);
	assert_int_equal(reply_body[size - 1], '.');
}

static void long_answers_in_chunks(void **state)
{
	struct server *s = kit_start(NULL);
	int fd = kit_dial(s->port);

	(void)state;
	kit_get(fd, "/pages?100,50000");
	kit_post(fd, "/", "the next one");
	kit_get(fd, "/pages?0,1");
	assert_int_equal(kit_take_reply(fd), 200);
	assert_non_null(strstr(reply_head, "Transfer-Encoding: chunked\r\n"));
	assert_null(strstr(reply_head, "Content-Length"));
	for (unsigned i = 0; i < 100; i++)
		expect_page(i, take_chunk(fd), 50000);
	assert_int_equal(take_chunk(fd), 0);
	assert_int_equal(kit_take_reply(fd), 200);
	assert_string_equal(reply_body, "the next one");
	assert_int_equal(kit_take_reply(fd), 200);
	assert_int_equal(take_chunk(fd), 0);
	assert_int_equal(kit_stat_of(s, "pages "), 0);
	close(fd);
	kit_wait_for(s, "in_flight ", 1);
	kit_stop(s);
}

static void long_answers_until_the_end(void **state)
{
	struct server *s = kit_start(NULL);
	int fd = kit_dial(s->port);
	char page[1001] = "";

	(void)state;
	kit_put(fd, "GET /pages?300,1000 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	assert_int_equal(kit_take_reply(fd), 200);
	assert_null(strstr(reply_head, "Transfer-Encoding"));
	assert_non_null(strstr(reply_head, "Connection: close\r\n"));
	for (unsigned i = 0; i < 300; i++) {
		assert_int_equal(kit_take_bytes(fd, page, 1000), 1000);
		assert_int_equal(strtoul(page, NULL, 10), i);
	}
	assert_true(kit_at_end(fd));
	close(fd);
	/* a client that closes its half has its answer all the same */
	fd = kit_dial(s->port);
	kit_get(fd, "/pages?20,10000");
	shutdown(fd, SHUT_WR);
	assert_int_equal(kit_take_reply(fd), 200);
	for (unsigned i = 0; i < 20; i++)
		expect_page(i, take_chunk(fd), 10000);
	assert_int_equal(take_chunk(fd), 0);
	assert_true(kit_at_end(fd));
	close(fd);
	kit_stop(s);
}

/* A frame as it is, its payload in reply_body: the first byte. */
static unsigned take_frame(int fd, size_t *n)
{
	uint8_t head[10];

	assert_int_equal(kit_take_bytes(fd, head, 2), 2);
	*n = head[1];
	if (*n == 126) {
		assert_int_equal(kit_take_bytes(fd, head + 2, 2), 2);
		*n = load_be16(head + 2);
	} else if (*n == 127) {
		assert_int_equal(kit_take_bytes(fd, head + 2, 8), 8);
		*n = load_be64(head + 2);
	}
	free(reply_body);
	reply_body = calloc(1, *n + 1);
	assert_int_equal(kit_take_bytes(fd, reply_body, *n), *n);
	return head[0];
}

/* Fragments of one message; what else there is to say comes behind, control frames in between. */
static void long_answers_in_fragments(void **state)
{
	struct server *s = kit_start(NULL);
	int fd = kit_ws_dial_with(s->port, "", 8192), other = kit_dial(s->port);
	unsigned pongs = 0, first;
	size_t n;

	(void)state;
	assert_int_equal(kit_take_reply(fd), 101);
	kit_ws_say(fd, "pages 200 40000");
	kit_ws_say(fd, "pages 3 10");
	kit_ws_say(fd, "short");
	kit_ws_put(fd, WS_OP_PING, "p", 1);
	for (unsigned i = 0; i < 200;) {
		first = take_frame(fd, &n);
		if (first == (0x80 | WS_OP_PONG)) {
			pongs++; /* so what came before the ping is known there */
			kit_get(other, "/broadcast?2,10");
			assert_int_equal(kit_take_reply(other), 200);
			continue;
		}
		assert_int_equal(first, (i == 199 ? 0x80 : 0) | (i == 0 ? WS_OP_TEXT : 0));
		expect_page(i++, n, 40000);
	}
	assert_int_equal(pongs, 1);
	for (unsigned i = 0; i < 3; i++) {
		first = take_frame(fd, &n);
		assert_int_equal(first, (i == 2 ? 0x80 : 0) | (i == 0 ? WS_OP_TEXT : 0));
		expect_page(i, n, 10);
	}
	kit_ws_expect(fd, "short");
	assert_int_equal(kit_ws_take(fd, NULL), WS_OP_TEXT);
	assert_memory_equal(reply_body, "0 ", 2);
	assert_int_equal(kit_ws_take(fd, NULL), WS_OP_TEXT);
	assert_memory_equal(reply_body, "1 ", 2);
	kit_ws_hang_up(fd, 1000);
	kit_ws_expect_close(fd, 1000);
	close(other);
	kit_wait_for(s, "in_flight ", 1);
	kit_stop(s);
}

/* Nothing is made that is not read, however long the answer, and nothing is left of it when the
 * client goes. */
static void readers_set_the_pace(void **state)
{
	struct server *s = kit_start(NULL);
	struct linger now = {.l_onoff = 1};
	struct timespec nap = {.tv_nsec = 50000000};
	int fd[6];
	unsigned long made = 0, before;

	(void)state;
	for (int i = 0; i < 6; i++) {
		if (i % 2) {
			fd[i] = kit_ws_dial_with(s->port, "", 8192);
			assert_int_equal(kit_take_reply(fd[i]), 101);
			kit_ws_say(fd[i], "pages 10000 100000"); /* a gigabyte each */
			kit_ws_say(fd[i], "pages 10000 100000");
		} else {
			fd[i] = kit_dial_from(s->port, "127.0.0.1", 8192);
			kit_get(fd[i], "/pages?10000,100000");
		}
	}
	do {
		before = made;
		nanosleep(&nap, NULL);
		made = kit_stat_of(s, "made ");
	} while (made != before);
	assert_true(made >= 6 && made < 6 * 64); /* the kernel's buffers, and one piece of each */
	assert_int_equal(kit_stat_of(s, "pages "), 9);
	for (int i = 0; i < 6; i++) {
		if (i % 3)
			setsockopt(fd[i], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(fd[i]);
	}
	kit_wait_for(s, "pages ", 0);
	kit_wait_for(s, "in_flight ", 1);
	kit_stop(s);
}

static void stopping_ends_long_answers(void **state)
{
	struct server *s = kit_start(NULL);
	int fd[4];

	(void)state;
	for (int i = 0; i < 4; i++) {
		fd[i] = i % 2 ? kit_ws_dial(s->port) : kit_dial(s->port);
		if (i % 2)
			kit_ws_say(fd[i], "pages 10000 100000");
		else
			kit_get(fd[i], "/pages?10000,100000");
	}
	kit_wait_for(s, "pages ", 4);
	kit_stop(s); /* asserts that all is closed */
	for (int i = 0; i < 4; i++)
		close(fd[i]);
}

/* Replies that are sent from where they are: whole, in their order, and given back once. */
static void lent_replies(void **state)
{
	struct server *s = kit_start(NULL);
	struct linger now = {.l_onoff = 1};
	int fd = kit_dial(s->port), ws = kit_ws_dial(s->port), gone[8];
	size_t n;

	(void)state;
	for (int i = 0; i < 20; i++) {
		kit_get(fd, "/lend?300000");
		kit_post(fd, "/", "between");
	}
	kit_put(fd, "HEAD /lend?77 HTTP/1.1\r\nHost: h\r\n\r\n");
	for (int i = 0; i < 20; i++) {
		assert_int_equal(kit_take_reply(fd), 200);
		assert_int_equal(strspn(reply_body, "L"), 300000);
		assert_int_equal(kit_take_reply(fd), 200);
		assert_string_equal(reply_body, "between");
	}
	kit_ws_say(ws, "lend 70000");
	assert_int_equal(kit_ws_take(ws, &n), WS_OP_TEXT);
	assert_int_equal(n, 70000);
	for (int i = 0; i < 8; i++) {
		gone[i] = kit_dial_from(s->port, "127.0.0.1", 4096);
		kit_get(gone[i], "/lend?9000000");
	}
	kit_wait_for(s, "lent ", 8);
	for (int i = 0; i < 8; i++) {
		if (i % 2)
			setsockopt(gone[i], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(gone[i]);
	}
	kit_wait_for(s, "lent ", 0);
	close(fd);
	close(ws);
	kit_stop(s);
}

/* Clients that lag behind */

/* Of a kind of message the newest is enough: one that reads slowly gets that, those that had begun
 * to leave, and all of every other kind. */
static void only_the_newest_of_a_kind(void **state)
{
	struct front_limits l = {.soft_msgs = 10};
	struct server *s = kit_start(&l);
	int slow = kit_ws_dial_with(s->port, "", 4096), quick = kit_ws_dial(s->port);
	int fd = kit_dial(s->port);
	unsigned ticks = 0, last = 0, others = 0, kind, number;

	(void)state;
	assert_int_equal(kit_take_reply(slow), 101);
	kit_get(fd, "/broadcast?150,40000");
	assert_int_equal(kit_take_reply(fd), 200);
	for (int i = 0; i < 5; i++) {
		kit_get(fd, "/tick?20,7");
		assert_int_equal(kit_take_reply(fd), 200);
		kit_get(fd, "/tick?3,9");
		assert_int_equal(kit_take_reply(fd), 200);
		kit_get(fd, "/broadcast?1,10");
		assert_int_equal(kit_take_reply(fd), 200);
	}
	assert_true(kit_stat_of(s, "conflated ") >= 100);
	kit_ws_say(slow, "end");
	while (kit_ws_take(slow, NULL) == WS_OP_TEXT && strcmp(reply_body, "end") != 0) {
		if (sscanf(reply_body, "tick %u %u", &kind, &number) == 2) {
			ticks++;
			last = kind == 7 ? number : last;
		} else {
			others++;
		}
	}
	assert_int_equal(others, 155);
	assert_int_equal(ticks, 2);
	assert_int_equal(last, 19);
	(void)quick; /* its messages are read by nobody either, and it holds nobody up */
	close(slow);
	close(quick);
	close(fd);
	kit_stop(s);
}

static void the_too_slow_are_told_why(void **state)
{
	struct front_limits l = {.queue_msgs_max = 40};
	struct server *s = kit_start(&l);
	int slow = kit_ws_dial_with(s->port, "", 4096), fd = kit_dial(s->port);
	unsigned op, messages = 0, waiting = 0;
	unsigned long long bytes = 0;
	size_t n = 0;

	(void)state;
	assert_int_equal(kit_take_reply(slow), 101);
	for (int i = 0; i < 200; i++) {
		kit_get(fd, "/broadcast?1,30000");
		assert_int_equal(kit_take_reply(fd), 200);
	}
	while ((op = kit_ws_take(slow, &n)) == WS_OP_TEXT)
		messages++;
	assert_int_equal(op, WS_OP_CLOSE);
	assert_int_equal(load_be16((uint8_t *)reply_body), WS_CLOSE_POLICY);
	assert_int_equal(
	    sscanf(reply_body + 2, "too slow: %u messages, %llu bytes waiting", &waiting, &bytes),
	    2);
	assert_int_equal(waiting, 40);
	assert_true(bytes > 39 * 30000ull - 30000);
	assert_true(messages < 200); /* what had not begun was dropped */
	assert_int_equal(kit_stat_of(s, "slow "), 1);
	close(slow);
	close(fd);
	kit_stop(s);
}

/* Many that do not read: those that hold the most go before memory does, the others stay. */
static void too_much_for_all(void **state)
{
	struct front_limits l = {.waiting_bytes_max = 20u << 20};
	struct server *s = kit_start(&l);
	struct timespec nap = {.tv_nsec = 20000000};
	int fd[10], small[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		small[i] = kit_dial_from(s->port, "127.0.0.1", 4096);
		kit_get(small[i], "/big?500000");
	}
	for (int i = 0; i < 10; i++) {
		fd[i] = kit_dial_from(s->port, "127.0.0.1", 4096);
		kit_get(fd[i], "/big?6000000");
	}
	while (kit_stat_of(s, "slow ") < 2) /* some megabytes of each are the kernel's */
		nanosleep(&nap, NULL);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(kit_take_reply(small[i]), 200);
		close(small[i]);
	}
	for (int i = 0; i < 10; i++)
		close(fd[i]);
	kit_wait_for(s, "connections ", 1);
	kit_stop(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(too_much_for_all),
	    cmocka_unit_test(connections_take_turns),
	    cmocka_unit_test(addresses_take_turns),
	    cmocka_unit_test(websockets_take_turns),
	    cmocka_unit_test(who_waits_may_go),
	    cmocka_unit_test(a_late_loop_refuses),
	    cmocka_unit_test(trickling_bodies_are_given_up),
	    cmocka_unit_test(long_answers_in_chunks),
	    cmocka_unit_test(long_answers_until_the_end),
	    cmocka_unit_test(long_answers_in_fragments),
	    cmocka_unit_test(readers_set_the_pace),
	    cmocka_unit_test(stopping_ends_long_answers),
	    cmocka_unit_test(lent_replies),
	    cmocka_unit_test(only_the_newest_of_a_kind),
	    cmocka_unit_test(the_too_slow_are_told_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
