/* SPDX-License-Identifier: ISC */
#include "tests/blackbox/faultproxy.h"

#include "base/mem.h"

#include <string.h>

struct write {
	uv_write_t req;
	struct pipe *pipe;
	struct chunk *chunk;
};

static struct faults *faults_of(struct pipe *p)
{
	return &p->conn->link->faults[p->way];
}

/* ---- a connection's end ---- */

static void handle_closed(uv_handle_t *h)
{
	struct conn *c = h->data, **at;

	if (--c->handles)
		return;
	for (at = &c->link->conns; *at != c; at = &(*at)->next)
		;
	*at = c->next;
	pipe_drop(&c->pipes[WAY_TO]);
	pipe_drop(&c->pipes[WAY_FROM]);
	mem_free(c);
}

void conn_close(struct conn *c, bool reset)
{
	if (c->closing)
		return;
	c->closing = true;
	uv_close((uv_handle_t *)&c->timer, handle_closed);
	if (!reset || uv_tcp_close_reset(&c->near, handle_closed) != 0)
		uv_close((uv_handle_t *)&c->near, handle_closed);
	if (!reset || !c->dialled || uv_tcp_close_reset(&c->far, handle_closed) != 0)
		uv_close((uv_handle_t *)&c->far, handle_closed);
}

void pipe_drop(struct pipe *p)
{
	while (p->first) {
		struct chunk *c = p->first;

		p->first = c->next;
		mem_free(c);
	}
	p->last = NULL;
	p->queued = 0;
}

/* ---- bytes out ---- */

static void on_written(uv_write_t *req, int status)
{
	struct write *w = req->data;
	struct pipe *p = w->pipe;
	struct conn *c = p->conn;

	mem_free(w->chunk);
	mem_free(w);
	p->writing = false;
	if (status < 0)
		conn_close(c, false);
	if (!c->closing)
		conn_wake(c);
}

static void on_shut(uv_shutdown_t *req, int status)
{
	(void)status;
	mem_free(req);
}

static void shut(struct pipe *p)
{
	uv_shutdown_t *req;

	if (p->shut)
		return;
	p->shut = true;
	req = mem_zalloc(1, sizeof(*req));
	if (uv_shutdown(req, (uv_stream_t *)p->out, on_shut) != 0)
		mem_free(req);
	if (p->conn->pipes[!p->way].shut)
		conn_close(p->conn, false);
}

static void damage(struct pipe *p, struct chunk *c)
{
	uint32_t ppm = faults_of(p)->damage_ppm;
	struct rng *rng = &p->conn->link->proxy->rng;
	uint32_t i;

	for (i = 0; ppm && i < c->n; i++)
		if (rng_below(rng, 1000000) < ppm)
			c->bytes[i] ^= (uint8_t)(1u << rng_below(rng, 8));
}

static void write_chunk(struct pipe *p, struct chunk *c)
{
	struct link *l = p->conn->link;
	struct write *w = mem_zalloc(1, sizeof(*w));
	uv_buf_t buf;

	damage(p, c);
	if (l->truncate)
		c->n = (c->n + 1) / 2;
	l->bytes[p->way] += c->n;
	w->req.data = w;
	w->pipe = p;
	w->chunk = c;
	buf = uv_buf_init((char *)c->bytes, c->n);
	p->writing = true;
	if (uv_write(&w->req, (uv_stream_t *)p->out, &buf, 1, on_written) != 0) {
		mem_free(c);
		mem_free(w);
		conn_close(p->conn, false);
		return;
	}
	if (l->truncate) {
		l->truncate = false;
		conn_close(p->conn, false);
	}
}

static void read_on(struct pipe *p);

void pipe_pump(struct pipe *p)
{
	struct faults *f = faults_of(p);
	uint64_t now = uv_now(&p->conn->link->proxy->loop);
	struct chunk *c;

	if (p->conn->closing || !p->conn->dialled || f->stall)
		return;
	while (!p->writing && (c = p->first) != NULL && c->due_ms <= now && p->free_ms <= now) {
		p->first = c->next;
		if (!p->first)
			p->last = NULL;
		p->queued -= c->n;
		if (f->rate)
			p->free_ms = now + (uint64_t)c->n * 1000 / f->rate;
		write_chunk(p, c);
		if (p->conn->closing)
			return;
	}
	if (p->ended && !p->first && !p->writing)
		shut(p);
	else
		read_on(p);
}

/* ---- bytes in ---- */

static void on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *buf)
{
	(void)h;
	(void)hint;
	*buf = uv_buf_init(mem_alloc(CHUNK_BYTES), CHUNK_BYTES);
}

static void queue(struct pipe *p, const char *bytes, uint32_t n)
{
	struct faults *f = faults_of(p);
	struct link *l = p->conn->link;
	struct chunk *c = mem_alloc(sizeof(*c) + n);
	uint64_t due = uv_now(&l->proxy->loop) + f->delay_ms;

	if (f->jitter_ms)
		due += rng_below(&l->proxy->rng, f->jitter_ms + 1);
	/* a stream stays in order */
	if (p->last && due < p->last->due_ms)
		due = p->last->due_ms;
	*c = (struct chunk){.due_ms = due, .n = n};
	memcpy(c->bytes, bytes, n);
	if (p->last)
		p->last->next = c;
	else
		p->first = c;
	p->last = c;
	p->queued += n;
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct conn *c = s->data;
	struct pipe *p = &c->pipes[s == (uv_stream_t *)&c->near ? WAY_TO : WAY_FROM];

	if (n > 0)
		queue(p, buf->base, (uint32_t)n);
	mem_free(buf->base);
	if (n == UV_EOF) {
		p->ended = true;
		p->reading = false;
		uv_read_stop(s);
	} else if (n < 0) {
		conn_close(c, n == UV_ECONNRESET);
		return;
	}
	conn_wake(c);
}

static void read_on(struct pipe *p)
{
	bool want = p->queued < QUEUE_BYTES && !p->ended && !faults_of(p)->stall;

	if (want == p->reading)
		return;
	p->reading = want;
	if (want)
		uv_read_start((uv_stream_t *)p->in, on_alloc, on_read);
	else
		uv_read_stop((uv_stream_t *)p->in);
}

static void on_timer(uv_timer_t *t)
{
	conn_wake(t->data);
}

void conn_wake(struct conn *c)
{
	uint64_t now = uv_now(&c->link->proxy->loop), at = UINT64_MAX;
	int i;

	for (i = 0; i < 2; i++)
		pipe_pump(&c->pipes[i]);
	if (c->closing)
		return;
	for (i = 0; i < 2; i++) {
		struct pipe *p = &c->pipes[i];
		uint64_t due;

		if (faults_of(p)->stall) {
			if (p->reading)
				uv_read_stop((uv_stream_t *)p->in);
			p->reading = false;
			continue;
		}
		if (!p->first || p->writing)
			continue;
		due = p->first->due_ms > p->free_ms ? p->first->due_ms : p->free_ms;
		if (due < at)
			at = due;
	}
	if (at == UINT64_MAX)
		uv_timer_stop(&c->timer);
	else
		uv_timer_start(&c->timer, on_timer, at > now ? at - now : 1, 0);
}

/* ---- a connection's begin ---- */

static void on_dialled(uv_connect_t *req, int status)
{
	struct conn *c = req->data;

	mem_free(req);
	if (c->closing)
		return;
	if (status < 0) {
		conn_close(c, false);
		return;
	}
	c->dialled = true;
	uv_tcp_nodelay(&c->far, 1);
	conn_wake(c);
}

void link_accept(uv_stream_t *listener, int status)
{
	struct link *l = listener->data;
	struct conn *c;
	uv_connect_t *req;
	int i;

	if (status < 0)
		return;
	c = mem_zalloc(1, sizeof(*c));
	c->link = l;
	c->next = l->conns;
	l->conns = c;
	c->handles = 3;
	uv_tcp_init(&l->proxy->loop, &c->near);
	uv_tcp_init(&l->proxy->loop, &c->far);
	uv_timer_init(&l->proxy->loop, &c->timer);
	c->near.data = c->far.data = c->timer.data = c;
	for (i = 0; i < 2; i++)
		c->pipes[i] = (struct pipe){.conn = c,
					    .way = (enum way)i,
					    .in = i == WAY_TO ? &c->near : &c->far,
					    .out = i == WAY_TO ? &c->far : &c->near};
	if (uv_accept(listener, (uv_stream_t *)&c->near) != 0 || l->cut) {
		conn_close(c, true);
		return;
	}
	l->accepted++;
	uv_tcp_nodelay(&c->near, 1);
	req = mem_zalloc(1, sizeof(*req));
	req->data = c;
	if ((l->bound && uv_tcp_bind(&c->far, (struct sockaddr *)&l->source, 0) != 0) ||
	    uv_tcp_connect(req, &c->far, (struct sockaddr *)&l->target, on_dialled) != 0) {
		mem_free(req);
		conn_close(c, false);
	}
}
