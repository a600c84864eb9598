/* SPDX-License-Identifier: ISC */

/* Connections that speak TLS: what stands between their socket and uv_conn.c and uv_out.c. Client
 * hellos cost a signature each, so that handshakes have a budget of processor time: when it is used
 * up, what a client has sent waits, first come first served, and the client that has waited the
 * longest goes when there are too many of them. */
#include "rpc/uv_front.h"

#include "base/mem.h"

#include <time.h>

#define CIPHER_MAX  65536   /* bytes made ready for a socket at a time */
#define BURST_NS    2500000 /* for each percent */
#define TURN_MS     5
#define NS_A_SECOND 1000000000

/* The budget */

static int64_t now_ns(clockid_t which)
{
	struct timespec t;

	must(clock_gettime(which, &t) == 0);
	return (int64_t)t.tv_sec * NS_A_SECOND + t.tv_nsec;
}

static int64_t burst_ns(const struct front_server *f)
{
	return (int64_t)BURST_NS * f->limits.handshake_percent;
}

/* Time that has passed fills the budget. */
static bool budget_left(struct front_server *f)
{
	struct handshake_queue *q = &f->handshakes;
	int64_t now = now_ns(CLOCK_MONOTONIC), passed = now - q->filled_ns;

	if (passed > NS_A_SECOND)
		passed = NS_A_SECOND;
	q->filled_ns = now;
	q->left_ns += passed * f->limits.handshake_percent / 100;
	if (q->left_ns > burst_ns(f))
		q->left_ns = burst_ns(f);
	return q->left_ns > 0;
}

/* The queue: connections whose bytes wait in c->pending */

static void unqueue(struct front_conn *c)
{
	struct handshake_queue *q = &c->f->handshakes;

	if (!c->waits)
		return;
	c->waits = false;
	if (c->prev_waiting)
		c->prev_waiting->next_waiting = c->next_waiting;
	else
		q->first = c->next_waiting;
	if (c->next_waiting)
		c->next_waiting->prev_waiting = c->prev_waiting;
	else
		q->last = c->prev_waiting;
	c->next_waiting = c->prev_waiting = NULL;
	q->n--;
	c->f->stats.handshakes_waiting = q->n;
}

static void on_turn(uv_timer_t *timer);

static void enqueue(struct front_conn *c, const uint8_t *p, size_t n)
{
	struct front_server *f = c->f;
	struct handshake_queue *q = &f->handshakes;

	if (q->n >= f->limits.handshakes_waiting_max) {
		f->stats.handshakes_dropped++;
		conn_cut(q->first);
	}
	buf_put(&c->pending, p, n);
	c->waits = true;
	c->prev_waiting = q->last;
	if (q->last)
		q->last->next_waiting = c;
	else
		q->first = c;
	q->last = c;
	q->n++;
	f->stats.handshakes_waiting = q->n;
	conn_set_reading(c);
	if (!uv_is_active((uv_handle_t *)&f->turn))
		must(uv_timer_start(&f->turn, on_turn, TURN_MS, 0) == 0);
}

static void tls_take(struct front_conn *c, const uint8_t *p, size_t n);

static void on_turn(uv_timer_t *timer)
{
	struct front_server *f = timer->data;
	struct handshake_queue *q = &f->handshakes;

	while (q->first && budget_left(f)) {
		struct front_conn *c = q->first;
		struct buf b = c->pending;

		c->pending = BUF_INIT;
		unqueue(c);
		tls_take(c, b.p, b.n);
		buf_close(&b);
		conn_set_reading(c);
	}
	if (q->first && !f->closing)
		must(uv_timer_start(&f->turn, on_turn, TURN_MS, 0) == 0);
}

/* Input */

/* Not TLS at all: said once in plain words, as clients with the wrong URL need them. */
static void refuse_plain(struct front_conn *c)
{
	tls_close(c->tls);
	c->tls = NULL;
	if (c->state != CONN_HTTP)
		out_touch(c); /* it is being refused, in plain words now */
	else
		conn_reply_text(c, 400, NULL, "this port speaks https and wss only\n", true);
}

static void refuse_broken(struct front_conn *c)
{
	conn_log(c, LOG_DEBUG, "client refused", tls_reason(c->tls));
	c->f->stats.handshakes_failed += !tls_is_up(c->tls);
	out_drop(c);
	conn_linger(c);
}

static enum tls_step decrypt(struct front_conn *c, const uint8_t *p, size_t n, size_t *said)
{
	struct front_server *f = c->f;
	enum tls_step step;
	int64_t began;

	if (tls_is_up(c->tls))
		return tls_feed(c->tls, p, n, f->said, sizeof(f->said), said);
	began = now_ns(CLOCK_THREAD_CPUTIME_ID);
	step = tls_feed(c->tls, p, n, f->said, sizeof(f->said), said);
	began = now_ns(CLOCK_THREAD_CPUTIME_ID) - began;
	f->handshakes.left_ns -= began;
	f->stats.handshake_ns += (uint64_t)began;
	if (tls_is_up(c->tls)) {
		f->stats.handshakes++;
		if (c->state == CONN_HTTP)
			conn_set_phase(c, HTTP_PHASE_IDLE);
	}
	return step;
}

static void tls_take(struct front_conn *c, const uint8_t *p, size_t n)
{
	size_t said;
	enum tls_step step = decrypt(c, p, n, &said);

	if (step == TLS_HTTP) {
		refuse_plain(c);
		return;
	}
	out_touch(c); /* for what the library has to say itself */
	if (said)
		conn_take(c, c->f->said, said);
	if (c->state == CONN_CLOSED)
		return;
	if (step == TLS_END)
		conn_take_end(c);
	else if (step == TLS_BROKEN)
		refuse_broken(c);
	else if (tls_cipher(c->tls)->n > 2 * CIPHER_MAX)
		conn_cut(c); /* asks for answers of the library's and does not read them */
}

void conn_tls_input(struct front_conn *c, const uint8_t *p, size_t n)
{
	if (!tls_is_up(c->tls) && (c->f->handshakes.first || !budget_left(c->f)))
		enqueue(c, p, n);
	else
		tls_take(c, p, n);
}

/* Output */

static bool tls_has_output(const struct front_conn *c)
{
	return c->writing || tls_cipher(c->tls)->n || c->flight.n;
}

bool out_is_empty(const struct front_conn *c)
{
	return c->out.n == 0 && !(c->tls && tls_has_output(c));
}

static void on_cipher_written(uv_write_t *req, int status)
{
	struct front_conn *c = req->data;

	if (c->state == CONN_CLOSED)
		return;
	c->writing = false;
	buf_clear(&c->flight);
	if (status < 0) {
		conn_cut(c);
		return;
	}
	c->write_deadline = conn_now(c) + c->f->limits.write_ms;
	out_flush(c);
}

/* Sends what is ready as far as the socket takes it; the rest goes with libuv. False: all that may
 * be done now is done. */
static bool send_cipher(struct front_conn *c)
{
	struct buf *ready = tls_cipher(c->tls);
	uv_buf_t b;
	int put;

	if (c->writing || ready->n == 0)
		return !c->writing;
	buf_close(&c->flight);
	c->flight = *ready;
	*ready = BUF_INIT;
	b = uv_buf_init((char *)c->flight.p, (unsigned)c->flight.n);
	put = uv_try_write(&c->h.stream, &b, 1);
	if (put < 0 && put != UV_EAGAIN) {
		conn_cut(c);
		return false;
	}
	if (put > 0 && (size_t)put == b.len) {
		buf_close(&c->flight);
		return true;
	}
	if (put > 0) {
		b.base += put;
		b.len -= (size_t)put;
	}
	c->out.req.data = c;
	if (c->write_deadline == INT64_MAX)
		c->write_deadline = conn_now(c) + c->f->limits.write_ms;
	if (uv_write(&c->out.req, &c->h.stream, &b, 1, on_cipher_written) != 0) {
		conn_cut(c);
		return false;
	}
	c->writing = true;
	return false;
}

/* What is queued becomes ciphertext, in records that are as full as may be. */
static bool seal_some(struct front_conn *c)
{
	struct buf *ready = tls_cipher(c->tls);

	while (c->out.n && ready->n < CIPHER_MAX) {
		uint8_t record[TLS_SAY_MAX];
		size_t n = out_take(c, record, sizeof(record));

		if (n && !tls_seal(c->tls, record, n)) {
			conn_cut(c);
			return false;
		}
	}
	return true;
}

void conn_tls_flush(struct front_conn *c)
{
	do {
		if (tls_is_up(c->tls) && !c->writing && !seal_some(c))
			return;
		if (!send_cipher(c))
			return;
	} while (tls_cipher(c->tls)->n || (tls_is_up(c->tls) && c->out.n));
}

/* The end of what we have to say; false while it is on its way. */
bool conn_tls_bye(struct front_conn *c)
{
	tls_bye(c->tls);
	if (!tls_has_output(c))
		return true;
	out_touch(c);
	return false;
}

/* Beginning and end */

void conn_tls_open(struct front_conn *c)
{
	c->tls = tls_open(c->listener->keys);
}

void conn_tls_cut(struct front_conn *c)
{
	unqueue(c);
}

void front_tls_init(struct front_server *f)
{
	must(uv_timer_init(f->loop, &f->turn) == 0);
	f->turn.data = f;
	f->handshakes.filled_ns = now_ns(CLOCK_MONOTONIC);
	f->handshakes.left_ns = burst_ns(f);
}

void front_set_keys(struct front_server *f, struct tls_keys *keys)
{
	for (struct front_listener *l = f->listeners; l; l = l->next)
		if (l->keys) {
			tls_keys_unref(l->keys);
			l->keys = tls_keys_ref(keys);
		}
}
