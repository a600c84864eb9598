/* SPDX-License-Identifier: ISC */
#include "tests/rpc/front_kit.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

char reply_head[REPLY_HEAD_MAX], *reply_body;
struct tls_keys *kit_keys;
const struct front_listener_config *kit_listener;
uint16_t kit_listener_port;

/* The server */

struct later {
	uv_timer_t timer;
	struct server *s;
	uint64_t request;
	struct buf body;
};

static void later_closed(uv_handle_t *h)
{
	struct later *l = h->data;

	buf_close(&l->body);
	mem_free(l);
}

static void later_fires(uv_timer_t *timer)
{
	struct later *l = timer->data;

	front_reply(l->s->front, l->request, 200, NULL, buf_bytes(&l->body));
	uv_close((uv_handle_t *)timer, later_closed);
}

static void reply_later(struct server *s, const struct front_request *r, unsigned ms)
{
	struct later *l = mem_zalloc(1, sizeof(*l));

	l->s = s;
	l->request = r->id;
	buf_put(&l->body, r->body.p, r->body.n);
	uv_timer_init(&s->loop, &l->timer);
	l->timer.data = l;
	uv_timer_start(&l->timer, later_fires, ms, 0);
}

PRINTF(3, 4)
static void reply_text(struct server *s, uint64_t id, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	front_reply(s->front, id, 200, "text/plain", bytes_str(text));
}

static void broadcast(struct server *s, unsigned messages, size_t size)
{
	struct buf b = BUF_INIT;

	for (unsigned m = 0; m < messages; m++) {
		struct front_shared *shared;

		buf_clear(&b);
		buf_printf(&b, "%u ", m);
		while (b.n < size)
			buf_put_u8(&b, 'x');
		shared = front_shared_new(buf_bytes(&b));
		for (unsigned i = 0; i < s->n_conns; i++)
			(void)!front_send(s->front, s->conns[i], shared);
		front_shared_unref(shared);
	}
	buf_close(&b);
}

static void tick(struct server *s, unsigned messages, unsigned kind)
{
	char text[32];

	for (unsigned m = 0; m < messages; m++) {
		struct front_shared *shared;

		snprintf(text, sizeof(text), "tick %u %u", kind, m);
		shared = front_shared_new_of(bytes_str(text), kind);
		for (unsigned i = 0; i < s->n_conns; i++)
			(void)!front_send(s->front, s->conns[i], shared);
		front_shared_unref(shared);
	}
}

static void spin(struct server *s, uint64_t id, unsigned us)
{
	uint64_t until = uv_hrtime() + us * 1000ull;

	while (uv_hrtime() < until)
		continue;
	reply_text(s, id, "%u", ++s->spun);
}

struct lent {
	struct server *s;
	char text[];
};

static void lent_back(void *owner)
{
	struct lent *l = owner;

	l->s->lent--;
	mem_free(l);
}

static void lend(struct server *s, uint64_t id, unsigned n)
{
	struct lent *l = mem_alloc(sizeof(*l) + n);

	l->s = s;
	memset(l->text, 'L', n);
	s->lent++;
	front_reply_lent(s->front, id, bytes_of(l->text, n), lent_back, l);
}

struct pages {
	struct server *s;
	unsigned n, at, size;
};

static bool pages_next(void *ctx, struct buf *out)
{
	struct pages *p = ctx;

	p->s->pages_made++;
	if (p->at < p->n) {
		size_t end = out->n + p->size;

		buf_printf(out, "%u", p->at++);
		while (out->n < end)
			buf_put_u8(out, '.');
	}
	return p->at < p->n;
}

static void pages_close(void *ctx)
{
	struct pages *p = ctx;

	p->s->pages_open--;
	mem_free(p);
}

static void pages(struct server *s, uint64_t id, unsigned n, unsigned size)
{
	struct pages *p = mem_zalloc(1, sizeof(*p));
	struct front_pages out = {.ctx = p, .next = pages_next, .close = pages_close};

	*p = (struct pages){.s = s, .n = n, .size = size};
	s->pages_open++;
	front_reply_pages(s->front, id, 200, &out);
}

static void stats(struct server *s, uint64_t id)
{
	struct front_stats st;

	front_stats_get(s->front, &st);
	reply_text(s, id,
		   "connections %u websockets %u in_flight %u opened %u closed %u slow %llu "
		   "refused %llu handshakes %llu failed %llu dropped %llu waiting %u evicted %llu "
		   "limited %llu denied %llu pages %u made %u spun %u conflated %llu queued %u "
		   "busy %llu lent %u",
		   st.connections, st.websockets, st.in_flight, s->opened, s->closed,
		   (unsigned long long)st.slow_closed, (unsigned long long)st.refused,
		   (unsigned long long)st.handshakes, (unsigned long long)st.handshakes_failed,
		   (unsigned long long)st.handshakes_dropped, st.handshakes_waiting,
		   (unsigned long long)st.evicted, (unsigned long long)st.accepts_limited,
		   (unsigned long long)st.denied, s->pages_open, s->pages_made, s->spun,
		   (unsigned long long)st.conflated, st.waiting, (unsigned long long)st.busy,
		   s->lent);
}

static void big(struct server *s, uint64_t id, size_t n)
{
	uint8_t *p = mem_alloc(n);

	memset(p, 'B', n);
	front_reply(s->front, id, 200, NULL, bytes_of(p, n));
	mem_free(p);
}

/* Paths and WebSocket texts are the same commands: "later 50 text", "/later?50". */
static void on_request(void *ctx, const struct front_request *r)
{
	char word[32] = "", query[64];
	struct server *s = ctx;
	unsigned a = 0, b = 0;
	struct bytes from = r->websocket ? r->body : r->query;

	snprintf(query, sizeof(query), "%.*s", (int)(from.n < 60 ? from.n : 60),
		 (const char *)from.p);
	if (r->websocket)
		sscanf(query, "%31s %u %u", word, &a, &b);
	else
		snprintf(word, sizeof(word), "%.*s", (int)r->path.n - 1,
			 (const char *)r->path.p + 1);
	if (!r->websocket)
		sscanf(query, "%u,%u", &a, &b);
	if (r->busy) {
		reply_text(s, r->id, "busy");
	} else if (strcmp(word, "later") == 0) {
		reply_later(s, r, a);
	} else if (strcmp(word, "hold") == 0) {
		s->held[s->n_held++ % CONNS_MAX] = r->id;
	} else if (strcmp(word, "release") == 0) {
		for (unsigned i = 0; i < s->n_held && i < CONNS_MAX; i++)
			reply_text(s, s->held[i], "released");
		s->n_held = 0;
		reply_text(s, r->id, "done");
	} else if (strcmp(word, "never") == 0) {
		return;
	} else if (strcmp(word, "nap") == 0) {
		nanosleep(&(struct timespec){.tv_nsec = a * 1000000}, NULL);
		reply_text(s, r->id, "awake");
	} else if (strcmp(word, "rekey") == 0) {
		front_set_keys(s->front, s->next_keys);
		reply_text(s, r->id, "new keys");
	} else if (strcmp(word, "big") == 0) {
		big(s, r->id, a);
	} else if (strcmp(word, "broadcast") == 0) {
		broadcast(s, a, b);
		reply_text(s, r->id, "sent");
	} else if (strcmp(word, "tick") == 0) {
		tick(s, a, b);
		reply_text(s, r->id, "ticked");
	} else if (strcmp(word, "spin") == 0) {
		spin(s, r->id, a);
	} else if (strcmp(word, "lend") == 0) {
		lend(s, r->id, a);
	} else if (strcmp(word, "pages") == 0) {
		pages(s, r->id, a, b);
	} else if (strcmp(word, "stats") == 0) {
		stats(s, r->id);
	} else if (strcmp(word, "kick") == 0) {
		front_close_conn(s->front, s->conns[0], 3000, "kicked");
		reply_text(s, r->id, "kicked");
	} else if (strcmp(word, "who") == 0) {
		reply_text(s, r->id, "%s %s key=%.*s", r->address,
			   r->role == FRONT_ADMIN ? "admin" : "public", (int)r->idempotency_key.n,
			   (const char *)r->idempotency_key.p);
	} else if (strcmp(word, "busy") == 0) {
		front_reply_with(s->front, r->id, 429, "text/plain", "Retry-After: 7\r\n",
				 bytes_str("slow down"));
		front_reply(s->front, r->id, 200, NULL, bytes_str("never seen"));
	} else {
		front_reply(s->front, r->id, 200, NULL, r->body);
		must(r->body.n == 0 || r->body.p[0] != 0); /* still there */
	}
}

static void on_open(void *ctx, uint64_t conn, enum front_role role, const char *address)
{
	struct server *s = ctx;

	must(role <= FRONT_ADMIN && *address && s->n_conns < CONNS_MAX);
	s->conns[s->n_conns++] = conn;
	s->opened++;
}

static void on_close(void *ctx, uint64_t conn)
{
	struct server *s = ctx;
	unsigned i = 0;

	while (i < s->n_conns && s->conns[i] != conn)
		i++;
	must(i < s->n_conns);
	s->conns[i] = s->conns[--s->n_conns];
	s->closed++;
}

static void on_done(void *ctx)
{
	struct server *s = ctx;

	front_free(s->front);
	s->front = NULL;
}

static void on_stop(uv_async_t *async)
{
	struct server *s = async->data;

	front_close_all(s->front, WS_CLOSE_GOING_AWAY, 2000, on_done, s);
	uv_close((uv_handle_t *)async, NULL);
}

static void *serve(void *arg)
{
	struct server *s = arg;

	uv_run(&s->loop, UV_RUN_DEFAULT); /* ends when nothing is open any more */
	return NULL;
}

struct server *kit_start(const struct front_limits *limits)
{
	struct server *s = mem_zalloc(1, sizeof(*s));
	struct front_handler handler = {
	    .ctx = s, .on_request = on_request, .on_open = on_open, .on_close = on_close};
	struct front_listener_config plain = {.host = "127.0.0.1"};
	struct front_listener_config admin = {.host = "localhost", .role = FRONT_ADMIN};
	struct front_listener_config tls = {.host = "127.0.0.1", .keys = kit_keys};
	struct front_listener_config six = {.host = "::1"};
	enum err e;

	assert_int_equal(uv_loop_init(&s->loop), 0);
	assert_int_equal(uv_async_init(&s->loop, &s->stop, on_stop), 0);
	s->stop.data = s;
	s->front = front_open(&s->loop, &handler, limits);
	assert_int_equal(front_listen(s->front, &plain, &s->port, NULL), ERR_NONE);
	assert_int_equal(front_listen(s->front, &admin, &s->admin_port, NULL), ERR_NONE);
	e = front_listen(s->front, &six, &s->port6, NULL);
	assert_true(e == ERR_NONE || e == ERR_ABSENT);
	if (kit_keys)
		assert_int_equal(front_listen(s->front, &tls, &s->tls_port, NULL), ERR_NONE);
	if (kit_listener)
		assert_int_equal(front_listen(s->front, kit_listener, &kit_listener_port, NULL),
				 ERR_NONE);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
	return s;
}

void kit_stop_begin(struct server *s)
{
	assert_int_equal(uv_async_send(&s->stop), 0);
}

void kit_stop_end(struct server *s)
{
	assert_int_equal(pthread_join(s->thread, NULL), 0);
	assert_null(s->front);
	assert_int_equal(uv_loop_close(&s->loop), 0);
	assert_int_equal(s->opened, s->closed);
	mem_free(s);
	free(reply_body);
	reply_body = NULL;
}

void kit_stop(struct server *s)
{
	kit_stop_begin(s);
	kit_stop_end(s);
}

/* The client */

int64_t kit_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int kit_dial_from(uint16_t port, const char *from, int receive_bytes)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)}, me = a;
	struct timeval limit = {.tv_sec = ANSWER_MS / 1000};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	assert_true(fd >= 0);
	inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
	inet_pton(AF_INET, from, &me.sin_addr);
	me.sin_port = 0;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (receive_bytes)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes));
	assert_int_equal(bind(fd, (struct sockaddr *)&me, sizeof(me)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

int kit_dial(uint16_t port)
{
	return kit_dial_from(port, "127.0.0.1", 0);
}

void kit_put_bytes(int fd, const void *p, size_t n)
{
	const char *at = p;

	while (n) {
		ssize_t put = send(fd, at, n, MSG_NOSIGNAL);

		if (put <= 0)
			return; /* the server has closed; the answer tells why */
		at += put;
		n -= (size_t)put;
	}
}

void kit_put(int fd, const char *text)
{
	kit_put_bytes(fd, text, strlen(text));
}

size_t kit_take_bytes(int fd, void *p, size_t n)
{
	size_t at = 0;

	while (at < n) {
		ssize_t got = recv(fd, (char *)p + at, n - at, 0);

		if (got < 0 && errno == ECONNRESET)
			break;
		if (got < 0)
			fail_msg("no answer: %s", strerror(errno));
		if (got == 0)
			break;
		at += (size_t)got;
	}
	return at;
}

bool kit_at_end(int fd)
{
	char c;

	return kit_take_bytes(fd, &c, 1) == 0;
}

int kit_take_reply(int fd)
{
	size_t n = 0, length = 0;
	char *at;

	while (n < 4 || memcmp(reply_head + n - 4, "\r\n\r\n", 4) != 0) {
		assert_true(n < sizeof(reply_head) - 1);
		if (kit_take_bytes(fd, reply_head + n, 1) == 0) {
			assert_int_equal(n, 0);
			return 0;
		}
		n++;
	}
	reply_head[n] = '\0';
	at = strstr(reply_head, "Content-Length: ");
	if (at)
		length = strtoul(at + 16, NULL, 10);
	assert_true(length < RECEIVE_MAX);
	free(reply_body);
	reply_body = malloc(length + 1);
	assert_int_equal(kit_take_bytes(fd, reply_body, length), length);
	reply_body[length] = '\0';
	assert_memory_equal(reply_head, "HTTP/1.", 7);
	return atoi(reply_head + 9);
}

void kit_post(int fd, const char *path, const char *body)
{
	char text[4096];

	snprintf(text, sizeof(text),
		 "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n%s", path,
		 strlen(body), body);
	kit_put(fd, text);
}

void kit_get(int fd, const char *path)
{
	char text[512];

	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
	kit_put(fd, text);
}

unsigned long kit_stat_of(struct server *s, const char *name)
{
	int64_t until = kit_now_ms() + ANSWER_MS;
	int fd = kit_dial(s->port);
	unsigned long value;
	char *at;

	/* Where deadlines are short, a busy machine may be too late with this request as well. */
	for (kit_get(fd, "/stats"); kit_take_reply(fd) != 200; kit_get(fd, "/stats")) {
		assert_true(kit_now_ms() < until);
		close(fd);
		fd = kit_dial(s->port);
	}
	at = strstr(reply_body, name);
	assert_non_null(at);
	value = strtoul(at + strlen(name), NULL, 10);
	close(fd);
	return value;
}

void kit_wait_for(struct server *s, const char *name, unsigned long want)
{
	int64_t until = kit_now_ms() + ANSWER_MS;
	struct timespec nap = {.tv_nsec = 5000000};

	while (kit_stat_of(s, name) != want) {
		if (kit_now_ms() > until)
			fail_msg("%s is %lu, not %lu", name, kit_stat_of(s, name), want);
		nanosleep(&nap, NULL);
	}
}

/* WebSocket */

void kit_ws_put(int fd, unsigned op, const void *p, size_t n)
{
	static const uint8_t mask[4] = {1, 2, 3, 4};
	struct buf b = BUF_INIT;

	buf_put_u8(&b, (uint8_t)(0x80 | op));
	if (n < 126) {
		buf_put_u8(&b, (uint8_t)(0x80 | n));
	} else {
		buf_put_u8(&b, 0x80 | 126);
		buf_put_be16(&b, (uint16_t)n);
	}
	buf_put(&b, mask, 4);
	for (size_t i = 0; i < n; i++)
		buf_put_u8(&b, ((const uint8_t *)p)[i] ^ mask[i % 4]);
	kit_put_bytes(fd, b.p, b.n);
	buf_close(&b);
}

void kit_ws_say(int fd, const char *text)
{
	kit_ws_put(fd, WS_OP_TEXT, text, strlen(text));
}

void kit_ws_hang_up(int fd, unsigned code)
{
	uint8_t b[2];

	store_be16(b, (uint16_t)code);
	kit_ws_put(fd, WS_OP_CLOSE, b, 2);
}

unsigned kit_ws_take(int fd, size_t *n)
{
	uint8_t head[10];
	size_t length;

	if (kit_take_bytes(fd, head, 2) < 2)
		return 0;
	length = head[1];
	if (length == 126) {
		assert_int_equal(kit_take_bytes(fd, head + 2, 2), 2);
		length = load_be16(head + 2);
	} else if (length == 127) {
		assert_int_equal(kit_take_bytes(fd, head + 2, 8), 8);
		length = load_be64(head + 2);
	}
	assert_true(length < RECEIVE_MAX);
	free(reply_body);
	reply_body = malloc(length + 1);
	if (kit_take_bytes(fd, reply_body, length) < length)
		return 0;
	reply_body[length] = '\0';
	if (n)
		*n = length;
	return head[0] & 15;
}

void kit_ws_expect(int fd, const char *text)
{
	assert_int_equal(kit_ws_take(fd, NULL), WS_OP_TEXT);
	assert_string_equal(reply_body, text);
}

void kit_ws_expect_close(int fd, unsigned code)
{
	size_t n;

	assert_int_equal(kit_ws_take(fd, &n), WS_OP_CLOSE);
	assert_true(n >= 2);
	assert_int_equal(load_be16((uint8_t *)reply_body), code);
	shutdown(fd, SHUT_WR);
	assert_true(kit_at_end(fd));
	close(fd);
}

int kit_ws_dial_with(uint16_t port, const char *extra, int receive_bytes)
{
	int fd = kit_dial_from(port, "127.0.0.1", receive_bytes);
	char text[512];

	snprintf(text, sizeof(text),
		 "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
		 "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
		 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
		 extra);
	kit_put(fd, text);
	return fd;
}

int kit_ws_dial(uint16_t port)
{
	int fd = kit_ws_dial_with(port, "", 0);

	assert_int_equal(kit_take_reply(fd), 101);
	assert_non_null(strstr(reply_head, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
	return fd;
}
