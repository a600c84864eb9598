/* SPDX-License-Identifier: ISC */

/* Answers that are made while they leave. A piece is asked for when it is the connection's turn and
 * little of the one before waits to be written, so that a long answer takes the memory of a piece,
 * whoever reads it and however slowly. HTTP/1.1 gets chunks, HTTP/1.0 bytes until the end,
 * WebSocket the fragments of one message; other messages wait behind it, control frames do not. */
#include "rpc/uv_front.h"

#include "base/mem.h"

#define WAITS_BELOW 65536 /* bytes that wait to be written when the next piece is made */

/* What is to be sent after the answer that is under way. */
struct conn_later {
	struct conn_later *next;
	struct front_shared *s; /* or, when it is NULL: */
	struct front_pages pages;
};

bool pages_under_way(const struct front_conn *c)
{
	return c->pages.next != NULL;
}

bool pages_wanted(const struct front_conn *c)
{
	return pages_under_way(c) && c->out.bytes < WAITS_BELOW && !c->writing &&
	       (c->state == CONN_HTTP || c->state == CONN_WS);
}

static void begin(struct front_conn *c, const struct front_pages *pages)
{
	c->pages = *pages;
	c->pages_begun = false;
	turn_queue(c);
}

/* The reply's place among those at work is free. */
static void leave(struct front_conn *c)
{
	c->in_flight--;
	c->f->stats.in_flight--;
}

static void later_push(struct front_conn *c, struct front_shared *s,
		       const struct front_pages *pages)
{
	struct conn_later *l = mem_zalloc(1, sizeof(*l));

	l->s = s;
	if (pages)
		l->pages = *pages;
	*(c->later_last ? &c->later_last->next : &c->later) = l;
	c->later_last = l;
	c->n_later++;
	c->later_bytes += s ? s->n : 0;
}

static struct conn_later later_pop(struct front_conn *c)
{
	struct conn_later *l = c->later, copy = *l;

	c->later = l->next;
	if (!c->later)
		c->later_last = NULL;
	c->n_later--;
	c->later_bytes -= l->s ? l->s->n : 0;
	mem_free(l);
	return copy;
}

void pages_hold_back(struct front_conn *c, struct front_shared *s)
{
	later_push(c, s, NULL);
}

void pages_start(struct front_conn *c, const struct front_pages *pages)
{
	if (c->state == CONN_WS && pages_under_way(c)) {
		later_push(c, NULL, pages);
	} else if (c->state == CONN_WS || c->state == CONN_HTTP) {
		c->deadline = c->state == CONN_HTTP ? INT64_MAX : c->deadline;
		begin(c, pages);
	} else {
		leave(c);
		pages->close(pages->ctx);
	}
}

static void end_one(struct front_conn *c)
{
	struct front_pages pages = c->pages;

	c->pages = (struct front_pages){.ctx = NULL};
	leave(c);
	pages.close(pages.ctx);
}

void pages_drop(struct front_conn *c)
{
	if (pages_under_way(c))
		end_one(c);
	while (c->later) {
		struct conn_later l = later_pop(c);

		front_shared_unref(l.s);
		if (!l.s) {
			leave(c);
			l.pages.close(l.pages.ctx);
		}
	}
}

/* What has waited for the end of a message. */
static void send_later(struct front_conn *c)
{
	while (c->later && !pages_under_way(c)) {
		struct conn_later l = later_pop(c);

		if (l.s)
			out_put(c, l.s);
		else
			begin(c, &l.pages);
	}
}

static void finish(struct front_conn *c)
{
	end_one(c);
	if (c->state == CONN_WS) {
		send_later(c);
	} else if (!c->keep_alive || c->f->closing || c->ended) {
		conn_linger(c);
		return;
	} else {
		conn_set_phase(c, HTTP_PHASE_IDLE);
	}
	conn_resume(c);
}

static void frame_piece(struct front_conn *c, struct buf *out, struct bytes piece, bool last)
{
	if (c->state == CONN_WS) {
		ws_put_fragment(out, !c->pages_begun, last, piece);
		c->pages_begun = true;
	} else if (c->old) {
		buf_put(out, piece.p, piece.n);
	} else {
		http_put_chunk(out, piece);
		if (last)
			http_put_chunk(out, bytes_of(NULL, 0));
	}
}

void pages_pull(struct front_conn *c)
{
	struct buf piece = BUF_INIT, framed = BUF_INIT;
	bool more = c->pages.next(c->pages.ctx, &piece);

	if (piece.n || !more) {
		frame_piece(c, &framed, buf_bytes(&piece), !more);
		out_put_now(c, front_shared_take(&framed));
	} else {
		turn_queue(c);
	}
	buf_close(&piece);
	if (!more)
		finish(c);
}
