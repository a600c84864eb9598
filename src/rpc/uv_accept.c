/* SPDX-License-Identifier: ISC */

/* Who may connect: how many in all, and how many of one address. */
#include "rpc/uv_front.h"

#include "base/mem.h"
#include "crypto/hash.h"

#include <arpa/inet.h>

#define SURPLUS_MAX 64 /* refused connections that are still being told so */

/* Writes the address without port; an IPv4 client of an IPv6 socket as IPv4. Gives the bytes that
 * count for limits: an IPv4 address or an IPv6 /64. */
static struct bytes name_client(struct front_conn *c, struct sockaddr_storage *ss)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)ss;
	struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)ss;
	int n = sizeof(*ss);

	snprintf(c->address, sizeof(c->address), "?");
	if (uv_tcp_getpeername(&c->h.tcp, (struct sockaddr *)ss, &n) != 0)
		return bytes_of(NULL, 0);
	if (ss->ss_family == AF_INET) {
		inet_ntop(AF_INET, &v4->sin_addr, c->address, sizeof(c->address));
		return bytes_of(&v4->sin_addr, 4);
	}
	if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
		inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], c->address, sizeof(c->address));
		return bytes_of(&v6->sin6_addr.s6_addr[12], 4);
	}
	inet_ntop(AF_INET6, &v6->sin6_addr, c->address, sizeof(c->address));
	return bytes_of(&v6->sin6_addr, 8);
}

static bool is_loopback(const struct front_conn *c)
{
	return strncmp(c->address, "127.", 4) == 0 || strcmp(c->address, "::1") == 0;
}

/* Counts the connection to its address; false when that has enough. */
static bool address_allows(struct front_conn *c, struct bytes address)
{
	struct front_server *f = c->f;
	struct front_address *a;
	struct hash256 key;

	if (!f->limits.per_address_max || (is_loopback(c) && !f->limits.limit_loopback))
		return true;
	sha512_half(&key, address.p, address.n);
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

/* A connection too many is told so, as long as there are few of them. */
static void refuse_conn(struct front_conn *c, int status, const char *text)
{
	c->f->stats.refused++;
	if (c->f->surplus > SURPLUS_MAX) {
		conn_cut(c);
		return;
	}
	conn_reply_text(c, status, "Retry-After: 10\r\n", text, true);
	conn_set_reading(c);
}

static void admit(struct front_conn *c, struct bytes address)
{
	struct front_server *f = c->f;
	bool fits = f->stats.connections < f->limits.connections_max;
	bool allowed = address_allows(c, address);

	if (fits && allowed) {
		c->counted = true;
		f->stats.connections++;
		conn_set_phase(c, HTTP_PHASE_IDLE);
		if (c->tls)
			c->deadline = conn_now(c) + f->limits.handshake_ms;
		conn_set_reading(c);
		return;
	}
	f->surplus++;
	if (!fits)
		refuse_conn(c, 503, "too many connections\n");
	else
		refuse_conn(c, 429, "too many connections from this address\n");
}

void conn_accept(struct front_listener *l)
{
	struct front_server *f = l->f;
	struct front_conn *c = mem_zalloc(1, sizeof(*c));
	struct sockaddr_storage ss;
	struct bytes address;

	c->f = f;
	c->listener = l;
	c->deadline = c->write_deadline = INT64_MAX;
	c->h.handle.data = c;
	http_session_init(&c->http);
	must(uv_tcp_init(f->loop, &c->h.tcp) == 0);
	f->open_handles++;
	f->stats.accepted++;
	c->id = id_add(&f->conn_ids, (uint64_t)(uintptr_t)c);
	c->next = f->conns;
	if (c->next)
		c->next->prev = c;
	f->conns = c;
	if (uv_accept(&l->h.stream, &c->h.stream) != 0) {
		f->surplus++; /* never counted, as conn_cut expects */
		conn_cut(c);
		return;
	}
	if (l->keys)
		conn_tls_open(c);
	uv_tcp_nodelay(&c->h.tcp, 1);
	address = name_client(c, &ss);
	if (l->role == FRONT_PUBLIC && f->handler.may_connect &&
	    !f->handler.may_connect(f->handler.ctx, c->address)) {
		f->surplus++; /* never counted, as conn_cut expects */
		f->stats.refused++;
		conn_cut(c);
		return;
	}
	admit(c, address);
}
