/* SPDX-License-Identifier: ISC */

/* Who may connect: how many in all, how many of one address, how fast those of one network. When
 * all places are taken, whoever does nothing with theirs gives way. */
#include "rpc/uv_front.h"

#include "base/mem.h"
#include "crypto/hash.h"

#include <arpa/inet.h>
#include <sys/socket.h>

struct client {
	uint8_t address[16]; /* what counts for limits: an IPv4 address, an IPv6 /64 */
	size_t n;
	uint64_t network; /* 0: of this machine, over a Unix socket */
};

/* Writes the address without port; an IPv4 client of an IPv6 socket as IPv4. */
static void name_client(struct front_conn *c, struct client *who)
{
	struct sockaddr_storage ss;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&ss;
	const uint8_t *v4 = (uint8_t *)&((struct sockaddr_in *)(void *)&ss)->sin_addr;
	int n = sizeof(ss);

	memset(who, 0, sizeof(*who));
	snprintf(c->address, sizeof(c->address), "%s", c->listener->path ? "unix" : "?");
	if (c->listener->path || uv_tcp_getpeername(&c->h.tcp, (struct sockaddr *)&ss, &n) != 0)
		return;
	if (ss.ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
		v4 = &v6->sin6_addr.s6_addr[12];
		ss.ss_family = AF_INET;
	}
	who->n = ss.ss_family == AF_INET ? 4 : 8;
	if (ss.ss_family == AF_INET) {
		memcpy(who->address, v4, 4);
		who->network = network_of_ipv4(v4);
		inet_ntop(AF_INET, v4, c->address, sizeof(c->address));
	} else {
		memcpy(who->address, &v6->sin6_addr, 8);
		who->network = network_of_ipv6(v6->sin6_addr.s6_addr);
		inet_ntop(AF_INET6, &v6->sin6_addr, c->address, sizeof(c->address));
	}
}

/* Neither counted nor slowed by address: the operator's own machine and proxies. */
static bool is_exempt(const struct front_conn *c)
{
	const struct front_limits *l = &c->f->limits;

	if (c->listener->role != FRONT_PUBLIC || c->proxied)
		return true;
	return !l->limit_loopback &&
	       (strncmp(c->address, "127.", 4) == 0 || strcmp(c->address, "::1") == 0);
}

static bool is_proxy(const struct front_conn *c)
{
	const struct front_limits *l = &c->f->limits;

	for (uint32_t i = 0; i < l->n_proxies; i++)
		if (strcmp(l->proxies[i], c->address) == 0)
			return c->listener->role == FRONT_PUBLIC;
	return false;
}

/* Counts the connection to its address; false when that has enough. */
static bool address_allows(struct front_conn *c, const struct client *who)
{
	struct front_server *f = c->f;
	struct front_address *a;
	struct hash256 key;

	if (!f->limits.per_address_max || is_exempt(c))
		return true;
	sha512_half(&key, who->address, who->n);
	a = hmap_get(&f->addresses, &key);
	if (!a) {
		a = mem_zalloc(1, sizeof(*a));
		a->key = key;
		hmap_put(&f->addresses, &key, a);
	}
	a->n++;
	c->from = a;
	return a->n <= f->limits.per_address_max;
}

/* Places */

void conn_idle(struct front_conn *c, enum conn_idle how)
{
	struct idle_list *from = &c->pool->idle[c->idle], *to = &c->pool->idle[how];

	if (c->idle != IDLE_NOT) {
		*(c->prev_idle ? &c->prev_idle->next_idle : &from->first) = c->next_idle;
		*(c->next_idle ? &c->next_idle->prev_idle : &from->last) = c->prev_idle;
	}
	c->idle = how;
	c->prev_idle = c->next_idle = NULL;
	if (how == IDLE_NOT)
		return;
	c->idle_since = conn_now(c);
	c->prev_idle = to->last;
	*(to->last ? &to->last->next_idle : &to->first) = c;
	to->last = c;
}

void conn_leave_place(struct front_conn *c)
{
	struct front_server *f = c->f;

	if (c->from && --c->from->n == 0) {
		hmap_del(&f->addresses, &c->from->key);
		mem_free(c->from);
	}
	c->from = NULL;
	if (c->counted) {
		c->pool->n--;
		f->stats.connections--;
	} else {
		f->surplus--;
	}
	c->counted = false;
}

static struct front_conn *longest_idle(const struct front_pool *pool)
{
	struct front_conn *c = pool->idle[IDLE_HTTP].first;

	if (c && conn_now(c) - c->idle_since >= c->f->limits.give_way_ms)
		return c;
	c = pool->idle[IDLE_WS].first;
	return c && conn_now(c) - c->idle_since >= c->f->limits.ws_silent_ms ? c : NULL;
}

/* The one that does nothing for longest gives way: first those between two requests, then
 * WebSockets on which nothing is said. */
static bool make_place(struct front_pool *pool)
{
	struct front_conn *c = longest_idle(pool);
	struct front_server *f;

	if (!c)
		return false;
	f = c->f;
	f->stats.evicted++;
	if (c->idle == IDLE_HTTP || f->surplus > f->surplus_max) {
		conn_cut(c);
		return true;
	}
	conn_leave_place(c);
	f->surplus++;
	conn_ws_close(c, 1013, "all places are taken, and nothing is said here");
	return true;
}

/* A connection too many is told so, as long as there are few of them. */
static void refuse_conn(struct front_conn *c, int status, const char *text)
{
	c->f->stats.refused++;
	if (c->f->surplus > c->f->surplus_max) {
		conn_cut(c);
		return;
	}
	conn_reply_text(c, status, "Retry-After: 10\r\n", text, true);
	conn_set_reading(c);
}

static void admit(struct front_conn *c, const struct client *who)
{
	struct front_server *f = c->f;
	bool allowed = address_allows(c, who);
	bool fits = allowed && (c->pool->n < c->pool->max || make_place(c->pool));

	if (fits) {
		f->surplus--;
		c->counted = true;
		c->pool->n++;
		f->stats.connections++;
		conn_set_phase(c, HTTP_PHASE_IDLE);
		if (c->tls)
			c->deadline = conn_now(c) + f->limits.handshake_ms;
		conn_set_reading(c);
	} else if (allowed) {
		refuse_conn(c, 503, "too many connections\n");
	} else {
		refuse_conn(c, 429, "too many connections from this address\n");
	}
}

/* Without a word, and without a trace in the kernel. */
static void reset_conn(struct front_conn *c)
{
	struct linger now = {.l_onoff = 1};
	uv_os_fd_t fd;

	c->f->stats.refused++;
	if (uv_fileno(&c->h.handle, &fd) == 0)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	conn_cut(c);
}

/* Whether a client may connect at this pace, and in spite of what it has done before. */
static bool may_come(struct front_conn *c, const struct client *who)
{
	struct front_server *f = c->f;

	if (c->listener->role != FRONT_PUBLIC || c->proxied)
		return true;
	if (f->handler.may_connect && !f->handler.may_connect(f->handler.ctx, c->address))
		return false;
	if (is_exempt(c) || buckets_take(&f->accepts, who->network, conn_now(c)))
		return true;
	f->stats.accepts_limited++;
	return false;
}

static struct front_conn *new_conn(struct front_listener *l)
{
	struct front_server *f = l->f;
	struct front_conn *c = mem_zalloc(1, sizeof(*c));

	c->f = f;
	c->listener = l;
	c->pool = l->pool;
	c->deadline = c->write_deadline = INT64_MAX;
	c->h.handle.data = c;
	http_session_init(&c->http);
	if (l->path)
		must(uv_pipe_init(f->loop, &c->h.pipe, 0) == 0);
	else
		must(uv_tcp_init(f->loop, &c->h.tcp) == 0);
	f->open_handles++;
	f->stats.accepted++;
	c->id = id_add(&f->conn_ids, (uint64_t)(uintptr_t)c);
	c->next = f->conns;
	if (c->next)
		c->next->prev = c;
	f->conns = c;
	f->surplus++; /* until it has a place */
	return c;
}

void conn_accept(struct front_listener *l)
{
	struct front_conn *c = new_conn(l);
	struct client who;

	if (uv_accept(&l->h.stream, &c->h.stream) != 0) {
		l->f->stats.accept_failed++;
		conn_cut(c);
		return;
	}
	if (!l->path)
		uv_tcp_nodelay(&c->h.tcp, 1);
	name_client(c, &who);
	c->proxied = is_proxy(c);
	if (!may_come(c, &who)) {
		reset_conn(c);
		return;
	}
	if (l->keys)
		conn_tls_open(c);
	admit(c, &who);
}
