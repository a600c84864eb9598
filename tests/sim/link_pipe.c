/* SPDX-License-Identifier: ISC */
#include "tests/sim/world_impl.h"

/* Bytes under way: in order, late, cut, damaged, never lost while the connection lives, as TCP has
 * it. */

#define RETRANSMIT_MS 200
#define QUEUE_BYTES   65536 /* of a narrow line: what comes on top is dropped, and sent again */

static struct link *link_of(const struct conn *c, int from)
{
	return &c->w->link[c->end[from].node][c->end[1 - from].node];
}

void pipe_arm(struct conn *c, int from)
{
	struct pipe *p = &c->pipe[from];
	struct world *w = c->w;
	const struct process *to = &w->p[c->end[1 - from].node];
	struct event e;

	if (p->armed || !p->first)
		return;
	e = world_event(to, EV_PIPE, p->first->at > w->now ? p->first->at : w->now);
	e.other = (uint8_t)from;
	e.p = c;
	c->events++;
	p->armed = world_push(w, e);
}

/* Whom it is for stands still: its event comes again. */
void pipe_held(struct conn *c, int from, uint64_t order, uint64_t again)
{
	if (c->pipe[from].armed == order)
		c->pipe[from].armed = again;
}

/* Nothing is in the way any more: what is under way arrives as on a good line, not when the fault
 * would have ended that it met. */
void pipe_heal(struct conn *c, int from)
{
	struct pipe *p = &c->pipe[from];
	int64_t soon = c->w->now + net_delay(c->w, c->end[from].node, c->end[1 - from].node);
	struct segment *s;

	for (s = p->first; s; s = s->next)
		if (s->at > soon)
			s->at = soon;
	if (p->last_at > soon)
		p->last_at = soon;
	p->free_at = 0;
	p->armed = 0;
	pipe_arm(c, from);
}

/* Comes again when something stands in the way. */
static bool waits(struct conn *c, int from)
{
	struct world *w = c->w;
	struct pipe *p = &c->pipe[from];
	const struct link *l = link_of(c, from);
	const struct process *to = &w->p[c->end[1 - from].node];
	int64_t until = net_blocked(w, c->end[from].node, c->end[1 - from].node);

	if (until == INT64_MAX)
		return true; /* net_unblocked */
	if (until < l->clogged_until)
		until = l->clogged_until;
	if (until < to->read_free_at)
		until = to->read_free_at;
	if (until < p->first->at)
		until = p->first->at;
	if (until <= w->now)
		return false;
	p->first->at = until;
	pipe_arm(c, from);
	return true;
}

static void take(struct conn *c, int from)
{
	struct pipe *p = &c->pipe[from];
	struct segment *s = p->first;

	p->first = s->next;
	if (!p->first)
		p->last = NULL;
	p->bytes -= s->n;
	wire_frame_unref(s->frame);
	mem_free(s);
}

/* Faster than a slow reader reads. */
static void charge_reader(struct process *to, size_t n)
{
	if (to->slow_reader_until <= to->w->now || !to->read_bytes_per_s)
		return;
	to->read_free_at = to->w->now + (int64_t)(n * 1000 / to->read_bytes_per_s);
}

void pipe_event(struct conn *c, int from, uint64_t order)
{
	struct pipe *p = &c->pipe[from];
	struct end *to = &c->end[1 - from], *back = &c->end[from];
	struct segment *s = p->first;

	if (order != p->armed)
		return; /* it was due earlier, after all */
	p->armed = 0;
	if (!s || waits(c, from))
		return;
	charge_reader(end_process(to), s->n);
	if (s->eof) {
		end_close(to, false, "connection closed");
	} else if (to->state == END_CLOSED && to->forgotten) {
		pipe_put(c, 1 - from, bytes_of(NULL, 0), true, NULL); /* nobody knows of it */
	} else {
		end_read(to, s);
	}
	take(c, from);
	pipe_arm(c, from);
	if (back->state == END_UP && end_process(back)->paused_until <= end_process(back)->w->now)
		end_flush(back);
}

/* When the last byte of n is there. A narrow line has a queue before it, which drops what does not
 * fit: the sender notices and repeats. */
static int64_t arrival(struct conn *c, int from, size_t n)
{
	struct world *w = c->w;
	struct pipe *p = &c->pipe[from];
	const struct link *l = link_of(c, from);
	int64_t at = w->now + net_delay(w, c->end[from].node, c->end[1 - from].node);

	if (l->bytes_per_s) {
		int64_t took = (int64_t)(n * 1000 / l->bytes_per_s);
		int64_t free = p->free_at > w->now ? p->free_at : w->now;

		if ((free - w->now) * l->bytes_per_s / 1000 > QUEUE_BYTES) {
			w->lost++;
			free += RETRANSMIT_MS;
		}
		p->free_at = free + took;
		at += p->free_at - w->now;
	}
	return at > p->last_at ? at : p->last_at;
}

/* What befalls bytes: a flipped bit, an end in their middle. */
static void harm(struct conn *c, int from, struct segment *s)
{
	struct world *w = c->w;
	uint8_t a = c->end[from].node, b = c->end[1 - from].node;
	int64_t x;

	if (!s->n || s->eof)
		return;
	if (decide(w->decisions, FAULT_NET_DAMAGE, a, b, 1000, 0, 1 << 20, w->now, &x)) {
		s->bytes[(x / 8) % s->n] ^= (uint8_t)(1 << x % 8);
		c->damaged = true;
	}
	if (decide(w->decisions, FAULT_NET_RESET, a, b, 1000, 0, 1 << 20, w->now, &x)) {
		c->pipe[from].bytes -= s->n;
		s->n = (uint32_t)(x % s->n);
		c->pipe[from].bytes += s->n;
		conn_reset(c);
	}
}

void pipe_put(struct conn *c, int from, struct bytes b, bool eof, struct wire_frame *frame)
{
	struct pipe *p = &c->pipe[from];
	struct segment *s;

	if (c->broken)
		return;
	s = mem_alloc(sizeof(*s) + b.n);
	*s = (struct segment){.n = (uint32_t)b.n, .eof = eof, .frame = frame};
	if (frame)
		wire_frame_ref(frame);
	if (b.n)
		memcpy(s->bytes, b.p, b.n);
	s->at = p->last_at = arrival(c, from, b.n);
	if (p->last)
		p->last->next = s;
	else
		p->first = s;
	p->last = s;
	p->bytes += b.n;
	if (!frame)
		harm(c, from, s);
	pipe_arm(c, from);
}

/* Both sides learn of it; what is under way still arrives. */
void conn_reset(struct conn *c)
{
	if (c->broken)
		return;
	pipe_put(c, 0, bytes_of(NULL, 0), true, NULL);
	pipe_put(c, 1, bytes_of(NULL, 0), true, NULL);
	c->broken = true;
}

static void free_conn(struct world *w, struct conn *c)
{
	int i;

	for (i = 0; i < 2; i++) {
		while (c->pipe[i].first)
			take(c, i);
		session_close(c->end[i].session);
		lane_close(&c->end[i].urgent);
		lane_close(&c->end[i].bulk);
		buf_close(&c->end[i].sealed);
	}
	if (c->prev)
		c->prev->next = c->next;
	else
		w->conns = c->next;
	if (c->next)
		c->next->prev = c->prev;
	mem_free(c);
}

static bool is_over(const struct end *e)
{
	return e->state == END_CLOSED || e->state == END_NONE;
}

void conn_sweep(struct world *w, bool all)
{
	struct conn *c, *next;

	for (c = w->conns; c; c = next) {
		next = c->next;
		if (all || (is_over(&c->end[0]) && is_over(&c->end[1]) && !c->events))
			free_conn(w, c);
	}
}
