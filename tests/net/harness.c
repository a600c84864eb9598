/* SPDX-License-Identifier: ISC */
#include "tests/net/harness.h"

#include "os/entropy.h"
#include "os/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* The loop. */

static void on_beat(uv_timer_t *t)
{
	(void)t; /* only so that the loop turns */
}

/* Below the ports that the kernel gives to outgoing connections, of which others may take one
 * between this and its use. */
uint16_t free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd, one = 1, bound;

	do {
		uint16_t draw;

		entropy_fill(&draw, sizeof(draw));
		a.sin_port = htons((uint16_t)(12000 + draw % 20000));
		fd = socket(AF_INET, SOCK_STREAM, 0);
		assert_true(fd >= 0);
		assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), 0);
		bound = bind(fd, (struct sockaddr *)&a, sizeof(a));
		close(fd);
	} while (bound != 0);
	return ntohs(a.sin_port);
}

void net_open(struct net *t, int64_t speed)
{
	signal(SIGPIPE, SIG_IGN);
	memset(t, 0, sizeof(*t));
	assert_int_equal(uv_loop_init(&t->loop), 0);
	uv_timer_init(&t->loop, &t->beat);
	uv_timer_start(&t->beat, on_beat, 1, 1);
	t->speed = speed;
	rng_init(&t->rng, 4242);
	for (int i = 0; i < NODES_MAX; i++) {
		struct net_node *n = &t->node[i];

		n->net = t;
		n->key = test_identity((uint8_t)(100 + i));
		n->port = free_port();
		snprintf(n->address, sizeof(n->address), "127.0.0.1:%u", n->port);
	}
}

bool net_wait(struct net *t, bool (*cond)(struct net *t, void *arg), void *arg)
{
	uint64_t end = uv_hrtime() + WAIT_MS * 1000000ull;

	while (!cond(t, arg)) {
		if (uv_hrtime() > end)
			return false;
		uv_run(&t->loop, UV_RUN_ONCE);
	}
	return true;
}

void net_run_ms(struct net *t, int64_t ms)
{
	uint64_t end = uv_hrtime() + (uint64_t)ms * 1000000;

	while (uv_hrtime() < end)
		uv_run(&t->loop, UV_RUN_ONCE);
}

void net_close(struct net *t)
{
	for (int i = 0; i < NODES_MAX; i++) {
		if (t->node[i].p)
			node_shutdown(t, i);
		secret_key_close(t->node[i].key);
		buf_close(&t->node[i].log);
	}
	uv_close((uv_handle_t *)&t->beat, NULL);
	uv_run(&t->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&t->loop), 0); /* no handle is left */
}

/* A node's host. */

static void on_up(void *ctx, uint32_t id, const struct public_key *key, bool inbound)
{
	struct net_node *n = ctx;

	(void)key;
	(void)inbound;
	n->ups++;
	n->last_peer = id;
	if (n->on_change)
		n->on_change(n, id, true);
}

static void on_down(void *ctx, uint32_t id, const char *reason)
{
	struct net_node *n = ctx;

	assert_true(strlen(reason) > 0);
	n->downs++;
	if (n->on_change)
		n->on_change(n, id, false);
}

static void on_message(void *ctx, uint32_t id, const struct msg *m)
{
	struct net_node *n = ctx;

	assert_true(id > 0);
	assert_true(n->ups > 0); /* never before its peer_up */
	n->messages++;
	n->count[m->type]++;
	if (n->on_message)
		n->on_message(n, id, m);
}

static void on_log(void *ctx, int level, const char *text, size_t n_fields,
		   const struct log_field *fields)
{
	struct net_node *n = ctx;
	size_t i;

	buf_printf(&n->log, "%d %s", level, text);
	for (i = 0; i < n_fields; i++)
		if (fields[i].kind == LOG_FIELD_TEXT && fields[i].text)
			buf_printf(&n->log, " %s: %s", fields[i].key, fields[i].text);
	buf_put(&n->log, "\n", 1);
}

static struct now clock_of(void *ctx)
{
	const struct net_node *n = ctx;
	struct now now;

	now.steady.ms = (int64_t)(uv_hrtime() / 1000000) * n->net->speed;
	now.net.s = 800000000u + (uint32_t)(now.steady.ms / 1000);
	return now;
}

static void draw(void *ctx, void *p, size_t n)
{
	struct net_node *node = ctx;
	uint8_t *b = p;

	while (n--)
		*b++ = (uint8_t)rng_next(&node->net->rng);
}

struct peers_config node_config(struct net *t, int i)
{
	struct peers_config c = {
	    .loop = &t->loop,
	    .listen = t->node[i].address,
	    .peers_max = 20,
	    .network_id = 21337,
	    .identity = t->node[i].key,
	};

	memset(c.genesis.b, 0x77, sizeof(c.genesis.b)); /* as in pair.c */
	return c;
}

void node_open_with(struct net *t, int i, const struct peers_config *c)
{
	struct net_node *n = &t->node[i];
	struct peers_host host = {
	    .ctx = n,
	    .peer_up = on_up,
	    .peer_down = on_down,
	    .message = on_message,
	    .log = on_log,
	    .now = clock_of,
	    .random = draw,
	};
	struct why why = {{0}};

	n->gone = false;
	if (peers_open(&n->p, c, &host, &why))
		fail_msg("%s", why.text);
	if (c->listen)
		n->port = peers_port(n->p);
}

void node_open(struct net *t, int i, uint32_t connect_mask)
{
	const char *connect[NODES_MAX];
	struct peers_config c = node_config(t, i);

	c.connect = connect;
	for (int k = 0; k < NODES_MAX; k++)
		if (connect_mask & 1u << k)
			connect[c.n_connect++] = t->node[k].address;
	node_open_with(t, i, &c);
}

static void on_gone(void *ctx)
{
	struct net_node *n = ctx;

	assert_false(n->gone);
	n->gone = true;
	peers_close(n->p); /* also from within this call */
	n->p = NULL;
}

static bool is_gone(struct net *t, void *arg)
{
	(void)t;
	return ((struct net_node *)arg)->gone;
}

void node_shutdown(struct net *t, int i)
{
	peers_shutdown(t->node[i].p, on_gone, &t->node[i]);
	if (!net_wait(t, is_gone, &t->node[i]))
		fail_msg("node %d does not end", i);
}

uint32_t node_peers(const struct net *t, int i)
{
	return peers_list(t->node[i].p, NULL, 0);
}

struct wanted {
	int i;
	uint32_t n;
	const char *text;
};

static bool has_peers(struct net *t, void *arg)
{
	const struct wanted *w = arg;

	return node_peers(t, w->i) == w->n;
}

void expect_peers(struct net *t, int i, uint32_t n)
{
	struct wanted w = {.i = i, .n = n};

	if (!net_wait(t, has_peers, &w))
		fail_msg("node %d has %u peers, not %u. Log:\n%.*s", i, node_peers(t, i), n,
			 (int)t->node[i].log.n, (char *)t->node[i].log.p);
}

bool log_has(const struct net *t, int i, const char *text)
{
	const struct buf *log = &t->node[i].log;

	return log->n && memmem(log->p, log->n, text, strlen(text));
}

static bool has_log(struct net *t, void *arg)
{
	const struct wanted *w = arg;

	return log_has(t, w->i, w->text);
}

void expect_log(struct net *t, int i, const char *text)
{
	struct wanted w = {.i = i, .text = text};

	if (!net_wait(t, has_log, &w))
		fail_msg("node %d did not say '%s'. Log:\n%.*s", i, text, (int)t->node[i].log.n,
			 (char *)t->node[i].log.p);
}

void node_broadcast(struct net *t, int i, const struct msg *m)
{
	struct wire_frame *f = wire_encode(m);

	peers_broadcast(t->node[i].p, 0, f);
	wire_frame_unref(f);
}

/* Clients. */

void client_open(struct client *c, struct net *t, int node, const char *from)
{
	struct sockaddr_in a = {.sin_family = AF_INET};

	memset(c, 0, sizeof(*c));
	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(c->fd >= 0);
	assert_int_equal(inet_pton(AF_INET, from, &a.sin_addr), 1);
	assert_int_equal(bind(c->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons(t->node[node].port);
	assert_int_equal(connect(c->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(fcntl(c->fd, F_SETFL, O_NONBLOCK), 0);
}

void client_config(struct client *c, uint8_t n)
{
	c->s.key = test_identity(n);
	c->s.config.role = SESSION_INITIATOR;
	c->s.config.network_id = 21337;
	memset(c->s.config.genesis.b, 0x77, sizeof(c->s.config.genesis.b));
	c->s.config.identity = c->s.key;
	memset(c->s.config.ephemeral_seed, n, sizeof(c->s.config.ephemeral_seed));
}

void client_session(struct client *c, struct net *t)
{
	c->s.s = session_open(&c->s.config, clock_of(&t->node[0]));
	session_start(c->s.s, &c->s.out);
}

void client_send(struct client *c, const void *p, size_t n)
{
	ssize_t k = send(c->fd, p, n, MSG_NOSIGNAL);

	if (k < 0)
		assert_true(errno == EPIPE || errno == ECONNRESET || errno == EAGAIN);
}

/* What the session has to say, as far as the socket takes it. */
static void client_write(struct client *c)
{
	ssize_t k;

	if (!c->s.out.n)
		return;
	k = send(c->fd, c->s.out.p, c->s.out.n, MSG_NOSIGNAL);
	if (k > 0)
		buf_consume(&c->s.out, (size_t)k);
	else if (errno != EAGAIN)
		buf_clear(&c->s.out);
}

void client_pump(struct client *c, struct net *t, size_t n)
{
	static uint8_t in[65536];
	ssize_t k;

	client_write(c);
	while (n && !c->closed) {
		k = recv(c->fd, in, n < sizeof(in) ? n : sizeof(in), 0);
		if (k < 0 && errno == EAGAIN)
			break;
		if (k <= 0) {
			c->closed = true;
			break;
		}
		n -= (size_t)k;
		if (c->s.s && !c->s.end)
			side_feed(&c->s, bytes_of(in, (size_t)k), clock_of(&t->node[0]));
	}
	client_write(c);
}

static bool shaken(struct net *t, void *arg)
{
	struct client *c = arg;

	client_pump(c, t, SIZE_MAX);
	return c->closed || c->s.end || session_ready(c->s.s);
}

void client_handshake(struct client *c, struct net *t)
{
	assert_true(net_wait(t, shaken, c));
	client_pump(c, t, SIZE_MAX);
}

static bool is_closed(struct net *t, void *arg)
{
	struct client *c = arg;

	client_pump(c, t, SIZE_MAX);
	return c->closed;
}

void expect_closed(struct client *c, struct net *t)
{
	if (!net_wait(t, is_closed, c))
		fail_msg("the connection stays open. Log:\n%.*s", (int)t->node[0].log.n,
			 (char *)t->node[0].log.p);
}

void client_close(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	session_close(c->s.s);
	secret_key_close(c->s.key);
	buf_close(&c->s.out);
	buf_close(&c->s.messages);
	c->s.s = NULL;
	c->s.key = NULL;
}
