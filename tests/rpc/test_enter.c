/* SPDX-License-Identifier: ISC */

/* Who may connect and ask: tokens, Unix sockets, proxies, paces, places. */
#include "base/buckets.h"
#include "rpc/bearer.h"
#include "tests/rpc/front_kit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define TOKEN  "00112233445566778899aabbccddeeff"
#define BASIC  "YWRtaW46MDAxMTIyMzM0NDU1NjY3Nzg4OTlhYWJiY2NkZGVlZmY=" /* admin:TOKEN */
#define NOUSER "OjAwMTEyMjMzNDQ1NTY2Nzc4ODk5YWFiYmNjZGRlZWZm"         /* :TOKEN */

static void tokens_are_shown(void **state)
{
	static const struct {
		const char *value;
		bool good;
	} cases[] = {
	    {"Bearer " TOKEN, true},
	    {"bearer " TOKEN, true},
	    {"Basic " BASIC, true},
	    {"Basic " NOUSER, true},
	    {"", false},
	    {TOKEN, false},
	    {"Bearer", false},
	    {"Bearer ", false},
	    {"Bearer  " TOKEN, false},
	    {"Bearer " TOKEN TOKEN, false},
	    {"Bearer " TOKEN "0", false},
	    {"Bearer 0112233445566778899aabbccddeeff", false},
	    {"Bearer 00112233445566778899AABBCCDDEEFF", false},
	    {"Basic " TOKEN, false},
	    {"Basic YWRtaW46", false}, /* admin: */
	    {"Basic !!!", false},
	    {"Digest " TOKEN, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (bearer_shows(bytes_str(cases[i].value), bytes_str(TOKEN)) != cases[i].good)
			fail_msg("\"%s\"", cases[i].value);
	assert_false(bearer_shows(bytes_of(NULL, 0), bytes_str(TOKEN)));
	assert_false(bearer_shows(bytes_str("Bearer x"), bytes_of(NULL, 0)));
}

static uint64_t v4(const char *text)
{
	uint8_t a[4];

	assert_int_equal(inet_pton(AF_INET, text, a), 1);
	return network_of_ipv4(a);
}

static uint64_t v6(const char *text)
{
	uint8_t a[16];

	assert_int_equal(inet_pton(AF_INET6, text, a), 1);
	return network_of_ipv6(a);
}

static void networks_have_a_pace(void **state)
{
	static struct buckets b;
	int64_t now = 1000000;

	(void)state;
	assert_true(v4("10.1.2.3") == v4("10.1.2.255"));
	assert_true(v4("10.1.2.3") != v4("10.1.3.3"));
	assert_true(v6("2001:db8:1:200::1") == v6("2001:db8:1:2ff:ffff::"));
	assert_true(v6("2001:db8:1:200::1") != v6("2001:db8:1:300::1"));
	assert_true(v6("::ffff:10.1.2.9") == v4("10.1.2.3"));
	buckets_init(&b, 10, 40, 7);
	for (int i = 0; i < 40; i++)
		assert_true(buckets_take(&b, v4("10.0.0.1"), now));
	assert_false(buckets_take(&b, v4("10.0.0.2"), now));
	assert_true(buckets_take(&b, v4("10.0.1.1"), now));
	assert_true(buckets_take(&b, v4("10.0.0.1"), now + 100));
	assert_false(buckets_take(&b, v4("10.0.0.1"), now + 100));
	for (int i = 0; i < 600; i++)
		assert_int_equal(buckets_take(&b, v4("10.0.0.1"), now + 200 + i * 50), i % 2 == 0);
	/* a crowd of networks makes it forget those that came slowly, not the one that comes fast
	 */
	now += 100000;
	for (uint32_t i = 0; i < 100000; i++) {
		uint8_t a[4] = {20, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};

		buckets_take(&b, network_of_ipv4((uint8_t[4]){21, a[1], a[2], a[3]}), now);
		buckets_take(&b, v4("10.0.0.1"), now);
	}
	assert_false(buckets_take(&b, v4("10.0.0.1"), now));
	buckets_init(&b, 0, 0, 7);
	for (int i = 0; i < 1000; i++)
		assert_true(buckets_take(&b, v4("10.0.0.1"), 5));
}

/* Listeners */

static struct server *start(const struct front_limits *l, const struct front_listener_config *more)
{
	struct server *s;

	kit_listener = more;
	s = kit_start(l);
	kit_listener = NULL;
	return s;
}

static int ask(int fd, const char *head)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "POST /who HTTP/1.1\r\nHost: localhost\r\n%s"
		 "Content-Length: 0\r\n\r\n",
		 head);
	kit_put(fd, text);
	return kit_take_reply(fd);
}

static void admins_show_their_token(void **state)
{
	struct front_listener_config l = {.host = "127.0.0.1", .role = FRONT_ADMIN, .token = TOKEN};
	static const char *const bad[] = {"", "Authorization: Bearer wrong\r\n",
					  "Authorization: Basic YWRtaW46eA==\r\n"};
	struct server *s = start(NULL, &l);
	int fd;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		int64_t began = kit_now_ms();

		fd = kit_dial(kit_listener_port);
		assert_int_equal(ask(fd, bad[i]), 401);
		assert_non_null(strstr(reply_head, "WWW-Authenticate: Bearer"));
		assert_true(kit_at_end(fd));
		assert_true(kit_now_ms() - began >= 450);
		close(fd);
	}
	assert_int_equal(kit_stat_of(s, "denied"), 3);
	fd = kit_dial(kit_listener_port);
	assert_int_equal(ask(fd, "Authorization: Bearer " TOKEN "\r\n"), 200);
	assert_memory_equal(reply_body, "127.0.0.1 admin", 15);
	assert_int_equal(ask(fd, "Authorization: Basic " BASIC "\r\n"), 200);
	/* each request shows it anew; the token does not help a strange Host */
	assert_int_equal(ask(fd, ""), 401);
	close(fd);
	fd = kit_dial(kit_listener_port);
	kit_put(fd, "POST / HTTP/1.1\r\nHost: evil.example\r\nAuthorization: Bearer " TOKEN
		    "\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(kit_take_reply(fd), 403);
	close(fd);
	fd = kit_dial(kit_listener_port);
	kit_put(fd, "OPTIONS / HTTP/1.1\r\nHost: localhost\r\n\r\n");
	assert_int_equal(kit_take_reply(fd), 204);
	close(fd);
	kit_stop(s);
}

static void websockets_show_it_as_they_begin(void **state)
{
	struct front_listener_config l = {.host = "127.0.0.1", .role = FRONT_ADMIN, .token = TOKEN};
	struct server *s = start(NULL, &l);
	int fd = kit_ws_dial_with(kit_listener_port, "", 0);

	(void)state;
	assert_int_equal(kit_take_reply(fd), 401);
	assert_true(kit_at_end(fd));
	close(fd);
	fd = kit_ws_dial_with(kit_listener_port, "Authorization: Basic " BASIC "\r\n", 0);
	assert_int_equal(kit_take_reply(fd), 101);
	kit_ws_say(fd, "who");
	kit_ws_expect(fd, "127.0.0.1 admin key=");
	close(fd);
	kit_stop(s);
}

static void metrics_take_get_only(void **state)
{
	struct front_listener_config l = {.host = "127.0.0.1", .role = FRONT_METRICS};
	struct server *s = start(NULL, &l);
	int fd = kit_dial(kit_listener_port);

	(void)state;
	kit_put(fd, "GET /who HTTP/1.1\r\nHost: metrics.example:9100\r\n\r\n");
	assert_int_equal(kit_take_reply(fd), 200);
	assert_memory_equal(reply_body, "127.0.0.1 public", 16);
	assert_int_equal(ask(fd, ""), 405);
	assert_non_null(strstr(reply_head, "Allow: GET, HEAD\r\n"));
	close(fd);
	fd = kit_ws_dial_with(kit_listener_port, "", 0);
	assert_int_equal(kit_take_reply(fd), 405);
	close(fd);
	kit_stop(s);
}

/* Unix sockets */

static int dial_unix(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct timeval limit = {.tv_sec = ANSWER_MS / 1000};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%.100s", path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void expect_listen_fails(const char *path, enum err e, const char *words)
{
	struct front_listener_config l = {.path = path, .role = FRONT_ADMIN};
	struct front_handler h = {0};
	struct why why = {""};
	uv_loop_t loop;
	struct front_server *f;

	assert_int_equal(uv_loop_init(&loop), 0);
	f = front_open(&loop, &h, NULL);
	assert_int_equal(front_listen(f, &l, NULL, &why), e);
	if (e != ERR_NONE && !strstr(why.text, words))
		fail_msg("\"%s\" does not say \"%s\"", why.text, words);
	front_close_all(f, 1001, 0, NULL, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	front_free(f);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static void unix_sockets(void **state)
{
	char dir[] = "/tmp/tally-enter-XXXXXX", path[64], plain[64], deep[400];
	struct front_listener_config l = {.path = path, .role = FRONT_ADMIN};
	struct stat st;
	struct server *s;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/admin.sock", dir);
	snprintf(plain, sizeof(plain), "%s/plain", dir);
	s = start(NULL, &l);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode, S_IFSOCK | 0600);
	fd = dial_unix(path);
	assert_int_equal(ask(fd, ""), 200);
	assert_memory_equal(reply_body, "unix admin", 10);
	expect_listen_fails(path, ERR_BUSY, "in use");
	assert_int_equal(ask(fd, ""), 200);
	close(fd);
	kit_stop(s);
	assert_int_not_equal(stat(path, &st), 0);
	/* one that a process has left, and what is none */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	close(fd);
	expect_listen_fails(path, ERR_NONE, "");
	fclose(fopen(plain, "w"));
	expect_listen_fails(plain, ERR_DUPLICATE, "no socket");
	expect_listen_fails("/nonexistent/folder/socket", ERR_ABSENT, "No such file");
	/* longer than an address of a socket */
	snprintf(deep, sizeof(deep), "%s/%0120d", dir, 1);
	assert_int_equal(mkdir(deep, 0700), 0);
	snprintf(deep, sizeof(deep), "%s/%0120d/admin.sock", dir, 1);
	expect_listen_fails(deep, ERR_NONE, "");
	assert_int_not_equal(stat(deep, &st), 0);
	deep[strlen(deep) - 11] = '\0';
	assert_int_equal(rmdir(deep), 0);
	unlink(plain);
	assert_int_equal(rmdir(dir), 0);
}

/* Clients */

static void proxies_name_their_clients(void **state)
{
	static const char *const proxies[] = {"127.0.0.5"};
	struct front_limits l = {.proxies = proxies, .n_proxies = 1};
	static const struct {
		const char *from, *field, *who;
	} cases[] = {
	    {"127.0.0.5", "X-Forwarded-For: 192.0.2.1, 203.0.113.9\r\n", "203.0.113.9 public"},
	    {"127.0.0.5", "X-Forwarded-For: 2001:DB8::1\r\n", "2001:db8::1 public"},
	    {"127.0.0.5", "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.2\r\n",
	     "192.0.2.2 public"},
	    {"127.0.0.5", "X-Forwarded-For: nonsense\r\n", "127.0.0.5 public"},
	    {"127.0.0.5", "X-Forwarded-For: \r\n", "127.0.0.5 public"},
	    {"127.0.0.5", "", "127.0.0.5 public"},
	    {"127.0.0.6", "X-Forwarded-For: 203.0.113.9\r\n", "127.0.0.6 public"},
	};
	struct server *s = start(&l, NULL);
	int fd;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fd = kit_dial_from(s->port, cases[i].from, 0);
		assert_int_equal(ask(fd, cases[i].field), 200);
		if (strncmp(reply_body, cases[i].who, strlen(cases[i].who)) != 0)
			fail_msg("%s: %s", cases[i].field, reply_body);
		close(fd);
	}
	/* each request of one connection may be another's; rights never come of it */
	fd = kit_dial_from(s->port, "127.0.0.5", 0);
	assert_int_equal(ask(fd, "X-Forwarded-For: 192.0.2.1\r\n"), 200);
	assert_memory_equal(reply_body, "192.0.2.1 ", 10);
	assert_int_equal(ask(fd, "X-Forwarded-For: 127.0.0.1\r\n"), 200);
	assert_memory_equal(reply_body, "127.0.0.1 public", 16);
	close(fd);
	fd = kit_dial_from(s->admin_port, "127.0.0.5", 0);
	assert_int_equal(ask(fd, "X-Forwarded-For: 192.0.2.1\r\n"), 200);
	assert_memory_equal(reply_body, "127.0.0.5 admin", 15);
	close(fd);
	kit_stop(s);
}

/* A connection that was reset, possibly before the request was written. */
static bool is_served(uint16_t port, const char *from)
{
	int fd = kit_dial_from(port, from, 0);
	bool served;

	kit_post(fd, "/", "x");
	served = kit_take_reply(fd) == 200;
	close(fd);
	return served;
}

static void new_connections_have_a_pace(void **state)
{
	struct front_limits l = {.accepts_per_s = 2, .limit_loopback = true};
	struct server *s = start(&l, NULL);
	int served = 0;
	int64_t began = kit_now_ms();

	(void)state;
	for (int i = 0; i < 40; i++) {
		char from[16];

		snprintf(from, sizeof(from), "127.0.0.%d", i + 10);
		served += is_served(s->port, from);
	}
	assert_in_range(served, 8, 8 + 1 + (kit_now_ms() - began) * 2 / 1000);
	assert_true(is_served(s->port, "127.0.7.7"));
	assert_true(is_served(s->admin_port, "127.0.0.1"));
	kit_stop(s);
}

/* Hundreds of connections wait in the kernel when the server looks: it takes them in portions. */
static void crowds_are_taken_in_portions(void **state)
{
	enum { CROWD = 300 };
	struct server *s = start(NULL, NULL);
	int fd[CROWD], sleeper = kit_dial(s->port);

	(void)state;
	kit_post(sleeper, "/nap?400", "");
	for (int i = 0; i < CROWD; i++) {
		fd[i] = kit_dial(s->port);
		kit_post(fd[i], "/", "me too");
	}
	assert_int_equal(kit_take_reply(sleeper), 200);
	for (int i = 0; i < CROWD; i++) {
		assert_int_equal(kit_take_reply(fd[i]), 200);
		close(fd[i]);
	}
	/* one that waits to be accepted while the server stops */
	kit_post(sleeper, "/nap?300", "");
	for (int i = 0; i < CROWD; i++)
		fd[i] = kit_dial(s->port);
	kit_stop_begin(s);
	for (int i = 0; i < CROWD; i++) {
		assert_true(kit_at_end(fd[i]));
		close(fd[i]);
	}
	close(sleeper);
	kit_stop_end(s);
}

static void silent_websockets_give_way(void **state)
{
	struct front_limits l = {.connections_max = 2, .ws_silent_ms = 300};
	struct server *s = start(&l, NULL);
	int one = kit_ws_dial(s->port), two = kit_ws_dial(s->port), fd = kit_dial(s->port);
	struct timespec nap = {.tv_nsec = 400000000};

	(void)state;
	kit_post(fd, "/", "x");
	assert_int_equal(kit_take_reply(fd), 503);
	close(fd);
	nanosleep(&nap, NULL);
	kit_ws_say(one, "I am not");
	kit_ws_expect(one, "I am not");
	fd = kit_dial(s->port);
	kit_post(fd, "/", "x");
	assert_int_equal(kit_take_reply(fd), 200);
	kit_ws_expect_close(two, 1013);
	kit_ws_say(one, "still here");
	kit_ws_expect(one, "still here");
	close(one);
	close(fd);
	kit_stop(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tokens_are_shown),
	    cmocka_unit_test(networks_have_a_pace),
	    cmocka_unit_test(admins_show_their_token),
	    cmocka_unit_test(websockets_show_it_as_they_begin),
	    cmocka_unit_test(metrics_take_get_only),
	    cmocka_unit_test(unix_sockets),
	    cmocka_unit_test(proxies_name_their_clients),
	    cmocka_unit_test(new_connections_have_a_pace),
	    cmocka_unit_test(crowds_are_taken_in_portions),
	    cmocka_unit_test(silent_websockets_give_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
