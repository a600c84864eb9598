/* SPDX-License-Identifier: ISC */
#include "tests/attack/crowd.h"

#include "base/err.h"
#include "base/mem.h"
#include "tests/attack/attack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS     512
#define READ_CHUNK 65536
#define KEEP_BYTES 16384

void crowd_open(struct crowd *c, uint32_t n_max, const struct crowd_calls *calls, void *ctx)
{
	*c = (struct crowd){.calls = *calls, .ctx = ctx, .n_max = n_max, .n_free = n_max};
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (c->epoll < 0)
		die("epoll_create1: %s", strerror(errno));
	c->v = mem_zalloc(n_max, sizeof(*c->v));
	c->free = mem_zalloc(n_max, sizeof(*c->free));
	for (uint32_t i = 0; i < n_max; i++) {
		c->free[i] = n_max - 1 - i;
		c->v[i] = (struct sock){.crowd = c, .fd = -1, .number = i};
	}
	rng_init(&c->rng, 1);
}

static void forget(struct sock *s)
{
	struct crowd *c = s->crowd;

	s->fd = -1;
	s->open = false;
	buf_clear(&s->out);
	buf_clear(&s->in);
	c->free[c->n_free++] = s->number;
	c->n--;
}

void crowd_close(struct sock *s, bool reset)
{
	struct linger abrupt = {.l_onoff = 1};

	if (s->fd < 0)
		return;
	if (reset)
		(void)setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &abrupt, sizeof(abrupt));
	close(s->fd);
	forget(s);
}

void crowd_close_all(struct crowd *c)
{
	for (uint32_t i = 0; i < c->n_max; i++) {
		crowd_close(&c->v[i], false);
		buf_close(&c->v[i].in);
		buf_close(&c->v[i].out);
	}
	close(c->epoll);
	mem_free(c->v);
	mem_free(c->free);
}

static void watch(struct sock *s, int op)
{
	struct epoll_event e = {.data.ptr = s};

	e.events = (s->paused || !s->open ? 0u : (uint32_t)EPOLLIN) |
		   (s->wants_out ? (uint32_t)EPOLLOUT : 0u);
	if (epoll_ctl(s->crowd->epoll, op, s->fd, &e) != 0)
		die("epoll_ctl: %s", strerror(errno));
}

void crowd_pause(struct sock *s, bool paused)
{
	if (s->paused == paused)
		return;
	s->paused = paused;
	watch(s, EPOLL_CTL_MOD);
}

static void ended(struct sock *s, enum sock_end e)
{
	struct crowd *c = s->crowd;

	c->refused += e == SOCK_REFUSED;
	c->ended += e == SOCK_EOF;
	c->resets += e == SOCK_RESET;
	close(s->fd);
	s->fd = -1;
	s->open = false;
	if (c->calls.closed)
		c->calls.closed(s, e);
	forget(s);
}

struct sock *crowd_dial(struct crowd *c, const struct sockaddr_in *to, uint32_t from)
{
	struct sock *s;
	struct buf in, out;
	int fd, one = 1;

	if (c->n_free == 0)
		return NULL;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		c->no_descriptor++;
		return NULL;
	}
	s = &c->v[c->free[--c->n_free]];
	in = s->in;
	out = s->out;
	*s = (struct sock){.crowd = c, .fd = fd, .number = s->number, .in = in, .out = out};
	c->n++;
	c->dialled++;
	s->wants_out = true;
	s->from = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(from)};
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	if ((from && bind(fd, (struct sockaddr *)&s->from, sizeof(s->from)) != 0) ||
	    (connect(fd, (const struct sockaddr *)to, sizeof(*to)) != 0 && errno != EINPROGRESS)) {
		c->refused++;
		crowd_close(s, false);
		return NULL;
	}
	watch(s, EPOLL_CTL_ADD);
	return s;
}

void crowd_flush(struct sock *s)
{
	bool more;
	ssize_t n;

	if (s->fd < 0 || !s->open)
		return;
	if (s->out.n) {
		n = send(s->fd, s->out.p, s->out.n, MSG_NOSIGNAL);
		if (n > 0) {
			s->crowd->bytes_out += (uint64_t)n;
			buf_consume(&s->out, (size_t)n);
		} else if (errno != EAGAIN) {
			buf_clear(&s->out); /* its end is read in a moment */
		}
	}
	more = s->out.n > 0;
	if (more == s->wants_out)
		return;
	s->wants_out = more;
	watch(s, EPOLL_CTL_MOD);
}

void crowd_sip(struct sock *s)
{
	char byte;

	if (s->fd < 0 || !s->paused)
		return;
	if (recv(s->fd, &byte, 1, 0) == 0)
		ended(s, SOCK_EOF);
	else
		s->crowd->bytes_in++;
}

static void take_connected(struct sock *s)
{
	int e = 0;
	socklen_t n = sizeof(e);

	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &e, &n) != 0 || e != 0) {
		ended(s, SOCK_REFUSED);
		return;
	}
	s->open = true;
	s->wants_out = false;
	s->crowd->opened++;
	watch(s, EPOLL_CTL_MOD);
	if (s->crowd->calls.opened)
		s->crowd->calls.opened(s);
	crowd_flush(s);
}

static void take_input(struct sock *s)
{
	static uint8_t chunk[READ_CHUNK];
	ssize_t n = recv(s->fd, chunk, sizeof(chunk), 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		ended(s, n == 0 ? SOCK_EOF : SOCK_RESET);
		return;
	}
	buf_put(&s->in, chunk, (size_t)n);
	s->crowd->bytes_in += (uint64_t)n;
	s->crowd->calls.got(s);
	if (s->fd >= 0 && s->in.n == 0 && s->in.cap > KEEP_BYTES)
		buf_close(&s->in);
}

void crowd_turn(struct crowd *c, int wait_ms)
{
	struct epoll_event e[EVENTS];
	int n = epoll_wait(c->epoll, e, EVENTS, wait_ms);

	for (int i = 0; i < n; i++) {
		struct sock *s = e[i].data.ptr;
		uint32_t what = e[i].events;

		if (s->fd < 0)
			continue;
		if (!s->open && !(what & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
			continue; /* meant for the slot's former socket */
		if (!s->open) {
			take_connected(s);
			continue;
		}
		if (what & EPOLLOUT)
			crowd_flush(s);
		if (s->fd >= 0 && (what & EPOLLIN))
			take_input(s);
		else if (s->fd >= 0 && (what & (EPOLLERR | EPOLLHUP)))
			ended(s, SOCK_RESET);
	}
}

struct sockaddr_in crowd_address(const char *text)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	char host[64];
	const char *colon = strrchr(text, ':');

	snprintf(host, sizeof(host), "%.*s", colon ? (int)(colon - text) : 0, text);
	if (!colon || inet_pton(AF_INET, host, &a.sin_addr) != 1)
		die("'%s': ADDRESS:PORT is wanted", text);
	a.sin_port = htons((uint16_t)atoi(colon + 1));
	return a;
}
