/* SPDX-License-Identifier: ISC */

/* What waits to be written to a connection. Everything that one turn of the loop has to say leaves
 * in one gathered write, when the loop is about to wait; what the socket does not take stays here,
 * with at most one write at a time with libuv. */
#include "rpc/uv_front.h"

#include "base/mem.h"

#include <stdlib.h>

#define UPDATE_TIME_AFTER 64 /* connections flushed in a row before the loop's clock is stale */

struct front_shared *front_shared_new(struct bytes text)
{
	struct buf b = BUF_INIT;

	ws_put_frame(&b, WS_OP_TEXT, text);
	return front_shared_take(&b);
}

struct front_shared *front_shared_new_of(struct bytes text, uint32_t conflate)
{
	struct front_shared *s = front_shared_new(text);

	s->conflate = conflate;
	return s;
}

struct front_shared *front_shared_lend(struct bytes text, void (*release)(void *owner), void *owner)
{
	struct front_shared *s = mem_alloc(sizeof(*s));

	must(text.n <= UINT32_MAX);
	*s = (struct front_shared){.refs = 1,
				   .n = (uint32_t)text.n,
				   .b = (uint8_t *)(uintptr_t)text.p,
				   .release = release,
				   .owner = owner};
	return s;
}

struct front_shared *front_shared_take(struct buf *b)
{
	struct front_shared *s = mem_alloc(sizeof(*s));

	must(b->n <= UINT32_MAX);
	*s = (struct front_shared){.refs = 1, .n = (uint32_t)b->n, .b = b->p};
	*b = BUF_INIT;
	return s;
}

struct front_shared *front_shared_ref(struct front_shared *s)
{
	must(s->refs > 0);
	s->refs++;
	return s;
}

void front_shared_unref(struct front_shared *s)
{
	if (!s)
		return;
	must(s->refs > 0);
	if (--s->refs > 0)
		return;
	if (s->release)
		s->release(s->owner);
	else
		mem_free(s->b);
	mem_free(s);
}

/* The ring */

static struct front_shared **entry(struct out_queue *q, uint32_t i)
{
	return &q->ring[(q->head + i) & (q->cap - 1)];
}

static void grow(struct out_queue *q)
{
	uint32_t cap = q->cap ? q->cap * 2 : 4;
	struct front_shared **ring = mem_zalloc(cap, sizeof(struct front_shared *));

	for (uint32_t i = 0; i < q->n; i++)
		ring[i] = *entry(q, i);
	mem_free(q->ring);
	q->ring = ring;
	q->cap = cap;
	q->head = 0;
}

/* Bytes that wait, of the connection and of all. */
static void count(struct front_conn *c, int64_t n)
{
	must(n >= 0 || (uint64_t)-n <= c->out.bytes);
	c->out.bytes += (uint64_t)n;
	c->f->stats.bytes_waiting += (uint64_t)n;
}

/* The first n bytes are gone. */
static void consume(struct front_conn *c, size_t n)
{
	struct out_queue *q = &c->out;

	count(c, -(int64_t)n);
	c->f->stats.bytes_out += n;
	while (q->n && n >= (*entry(q, 0))->n - q->skip) {
		n -= (*entry(q, 0))->n - q->skip;
		q->skip = 0;
		front_shared_unref(*entry(q, 0));
		q->head = (q->head + 1) & (q->cap - 1);
		q->n--;
	}
	q->skip += (uint32_t)n;
}

void out_touch(struct front_conn *c)
{
	if (c->dirty || c->closed)
		return;
	c->dirty = true;
	c->next_dirty = c->f->dirty;
	c->f->dirty = c;
}

void out_put(struct front_conn *c, struct front_shared *s)
{
	if (pages_under_way(c) && c->state == CONN_WS)
		pages_hold_back(c, s);
	else
		out_put_now(c, s);
}

void out_put_now(struct front_conn *c, struct front_shared *s)
{
	struct out_queue *q = &c->out;

	if (c->state == CONN_CLOSED || s->n == 0) {
		front_shared_unref(s);
		return;
	}
	if (q->n == q->cap)
		grow(q);
	if (out_is_empty(c))
		c->write_deadline = conn_now(c) + c->f->limits.write_ms;
	*entry(q, q->n++) = s;
	count(c, s->n);
	out_touch(c);
}

void out_put_buf(struct front_conn *c, struct buf *b)
{
	out_put(c, front_shared_take(b));
}

/* Entries that have begun to leave. */
static uint32_t begun(const struct front_conn *c)
{
	return c->out.in_write ? c->out.in_write : c->out.skip != 0;
}

/* The socket has not taken all that it was offered, and much has piled up since. */
static bool lags(const struct front_conn *c)
{
	const struct front_limits *l = &c->f->limits;

	return (c->out.in_write || c->writing || pages_under_way(c)) &&
	       (c->out.n + c->n_later > l->soft_msgs ||
		c->out.bytes + c->later_bytes > l->soft_bytes);
}

void out_conflate(struct front_conn *c, uint32_t kind)
{
	struct out_queue *q = &c->out;
	uint32_t to = begun(c);

	if (kind == 0 || !lags(c))
		return;
	for (uint32_t i = to; i < q->n; i++) {
		struct front_shared *s = *entry(q, i);

		if (s->conflate == kind) {
			count(c, -(int64_t)s->n);
			front_shared_unref(s);
			c->f->stats.conflated++;
		} else {
			*entry(q, to++) = s;
		}
	}
	q->n = to;
}

void out_drop(struct front_conn *c)
{
	struct out_queue *q = &c->out;
	uint32_t keep = begun(c);

	pages_drop(c);
	while (q->n > keep) {
		struct front_shared *s = *entry(q, --q->n);

		count(c, -(int64_t)s->n);
		front_shared_unref(s);
	}
}

void out_forget(struct front_conn *c)
{
	pages_drop(c);
	count(c, -(int64_t)c->out.bytes);
}

void out_close(struct front_conn *c)
{
	out_forget(c);
	while (c->out.n)
		front_shared_unref(*entry(&c->out, --c->out.n));
	mem_free(c->out.ring);
	c->out = (struct out_queue){.ring = NULL};
}

/* Writing */

static void on_written(uv_write_t *req, int status)
{
	struct front_conn *c = req->data;
	struct out_queue *q = &c->out;
	size_t n = 0;

	if (c->state == CONN_CLOSED)
		return;
	for (uint32_t i = 0; i < q->in_write; i++)
		n += (*entry(q, i))->n;
	n -= q->in_write ? q->skip : 0;
	q->in_write = 0;
	if (status < 0) {
		conn_cut(c);
		return;
	}
	consume(c, n);
	c->write_deadline = conn_now(c) + c->f->limits.write_ms;
	out_flush(c);
}

/* The first entries as libuv wants them. */
static uint32_t gather(struct out_queue *q, uv_buf_t bufs[OUT_BATCH], size_t *total)
{
	uint32_t n = q->n < OUT_BATCH ? q->n : OUT_BATCH;

	*total = 0;
	for (uint32_t i = 0; i < n; i++) {
		struct front_shared *s = *entry(q, i);
		uint32_t skip = i ? 0 : q->skip;

		bufs[i] = uv_buf_init((char *)s->b + skip, s->n - skip);
		*total += bufs[i].len;
	}
	return n;
}

size_t out_take(struct front_conn *c, uint8_t *out, size_t room)
{
	size_t n = 0;

	while (c->out.n && n < room) {
		const struct front_shared *s = *entry(&c->out, 0);
		size_t some = s->n - c->out.skip;

		some = some < room - n ? some : room - n;
		memcpy(out + n, s->b + c->out.skip, some);
		n += some;
		consume(c, some);
	}
	return n;
}

static void flush_plain(struct front_conn *c)
{
	struct out_queue *q = &c->out;
	uv_buf_t bufs[OUT_BATCH];
	size_t total;

	while (q->n && !q->in_write && c->state != CONN_CLOSED) {
		uint32_t n = gather(q, bufs, &total);
		int put = uv_try_write(&c->h.stream, bufs, n);

		if (put < 0 && put != UV_EAGAIN) {
			conn_cut(c);
			return;
		}
		consume(c, put > 0 ? (size_t)put : 0);
		if (put > 0 && (size_t)put == total)
			continue;
		q->in_write = gather(q, bufs, &total);
		q->req.data = c;
		if (uv_write(&q->req, &c->h.stream, bufs, q->in_write, on_written) != 0) {
			q->in_write = 0;
			conn_cut(c);
			return;
		}
	}
}

void out_flush(struct front_conn *c)
{
	if (c->state == CONN_CLOSED)
		return;
	if (c->tls)
		conn_tls_flush(c);
	else
		flush_plain(c);
	if (pages_wanted(c))
		turn_queue(c);
	if (out_is_empty(c) && c->state != CONN_CLOSED) {
		c->write_deadline = INT64_MAX;
		conn_drained(c);
	}
}

#define STALLED_MS 1000

/* How long nothing has left, although something waits. */
static int64_t stalled_ms(const struct front_conn *c, int64_t now)
{
	if (c->write_deadline == INT64_MAX || c->state == CONN_CLOSED)
		return 0;
	return now - (c->write_deadline - (int64_t)c->f->limits.write_ms);
}

void out_relieve(struct front_server *f, int64_t now)
{
	while (f->stats.bytes_waiting > f->limits.waiting_bytes_max) {
		struct front_conn *most = NULL;

		for (struct front_conn *c = f->conns; c; c = c->next)
			if (stalled_ms(c, now) >= STALLED_MS &&
			    (!most || c->out.bytes > most->out.bytes))
				most = c;
		if (!most)
			return;
		conn_log(most, LOG_INFO, "client dropped", "does not read, and too much waits");
		f->stats.slow_closed++;
		conn_cut(most);
	}
}

void out_flush_all(struct front_server *f)
{
	unsigned flushed = 0;

	while (f->dirty) {
		struct front_conn *c = f->dirty;

		f->dirty = c->next_dirty;
		c->dirty = false;
		conn_tell_gone(c);
		if (c->closed) {
			mem_free(c);
			continue;
		}
		out_flush(c);
		flushed++;
	}
	if (flushed > UPDATE_TIME_AFTER)
		uv_update_time(f->loop);
}
