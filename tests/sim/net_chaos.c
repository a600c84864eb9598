/* SPDX-License-Identifier: ISC */
#include "tests/sim/world_impl.h"

/* What befalls links: asked once a second for each, and for the network as a whole. */

#define SPAN_MAX_MS 120000

static bool ask(struct world *w, enum fault f, uint32_t a, uint32_t b, int64_t lo, int64_t hi,
		int64_t *x)
{
	return decide(w->decisions, f, (uint8_t)a, (uint8_t)b, 1000, lo, hi, w->now, x);
}

static void one_way(struct world *w, uint32_t a, uint32_t b)
{
	struct link *l = &w->link[a][b];
	int64_t x;

	if (ask(w, FAULT_NET_ONE_WAY, a, b, 1000, SPAN_MAX_MS, &x))
		l->cut_until = w->now + x;
	if (ask(w, FAULT_NET_CLOG, a, b, 500, 30000, &x))
		l->clogged_until = w->now + x;
	if (l->bytes_per_s && w->now >= l->narrow_until)
		l->bytes_per_s = 0;
	if (ask(w, FAULT_NET_BANDWIDTH, a, b, 1000, 200000, &x)) {
		l->bytes_per_s = (uint32_t)x;
		l->narrow_until = w->now + 5000 + x % 60000;
	}
}

/* One side loses its memory of the connection; nobody tells the other. */
static void half_open(struct world *w, uint32_t a, uint32_t b)
{
	struct end *e;
	int64_t x;

	if (!ask(w, FAULT_NET_HALF_OPEN, a, b, 0, 1, &x))
		return;
	e = x ? net_to(&w->p[a], b) : net_to(&w->p[b], a);
	if (e && end_process(e)->paused_until <= w->now)
		end_forget(e, false);
}

static void slow_reader(struct world *w, uint32_t i)
{
	struct process *p = &w->p[i];
	int64_t x;

	if (!ask(w, FAULT_NET_SLOW_READER, i, DECIDE_NOBODY, 500, 50000, &x))
		return;
	p->read_bytes_per_s = (uint32_t)x;
	p->slow_reader_until = w->now + 5000 + x % 50000;
}

static void part(struct world *w, int64_t ms)
{
	w->partition_until = w->now + ms;
}

static void partitions(struct world *w)
{
	uint32_t i, size, taken = 0;
	int64_t x;

	if (ask(w, FAULT_NET_PART_ONE, DECIDE_NOBODY, DECIDE_NOBODY, 0, INT32_MAX, &x)) {
		for (i = 0; i < w->n; i++)
			w->group[i] = i == (uint32_t)x % w->n;
		part(w, 1000 + (x >> 4) % SPAN_MAX_MS);
	}
	if (ask(w, FAULT_NET_PART_HALVES, DECIDE_NOBODY, DECIDE_NOBODY, 0, INT32_MAX, &x)) {
		for (i = 0; i < w->n; i++)
			w->group[i] = (uint8_t)(x >> i & 1);
		part(w, 1000 + (x >> 8) % SPAN_MAX_MS);
	}
	if (ask(w, FAULT_NET_PART_SIZE, DECIDE_NOBODY, DECIDE_NOBODY, 0, INT32_MAX, &x)) {
		size = (uint32_t)(x % w->n);
		for (i = 0; i < w->n; i++) { /* the next is in with the right chance */
			uint64_t h = world_mix((uint64_t)x, i) % (w->n - i);

			w->group[i] = h < size - taken;
			taken += w->group[i];
		}
		part(w, 1000 + (x >> 4) % SPAN_MAX_MS);
	}
}

/* All links of a node, or all, stop one by one, and start again in another order. */
static void swizzle(struct world *w)
{
	int64_t x, step;
	uint32_t a, b, only;

	if (!ask(w, FAULT_NET_SWIZZLE, DECIDE_NOBODY, DECIDE_NOBODY, 0, INT32_MAX, &x))
		return;
	only = (uint32_t)(x % (w->n + 1));
	step = 100 + (x >> 4) % 2000;
	for (a = 0; a < w->n; a++)
		for (b = 0; b < w->n; b++) {
			struct link *l = &w->link[a][b];

			if (a == b || (only < w->n && a != only && b != only))
				continue;
			l->swizzle_from =
			    w->now + (int64_t)(world_mix((uint64_t)x, a << 8 | b) % w->n) * step;
			l->swizzle_until =
			    w->now +
			    (int64_t)(w->n + world_mix((uint64_t)x + 1, a << 8 | b) % w->n) * step;
		}
}

/* Once a second. */
void net_chaos(struct world *w)
{
	uint32_t a, b;

	partitions(w);
	swizzle(w);
	for (a = 0; a < w->n; a++) {
		slow_reader(w, a);
		for (b = 0; b < w->n; b++) {
			if (!w->link[a][b].wired)
				continue;
			one_way(w, a, b);
			if (a < b)
				half_open(w, a, b);
		}
	}
	conn_sweep(w, false);
}

void net_heal(struct world *w)
{
	struct conn *c;
	uint32_t a, b;

	w->partition_until = 0;
	for (a = 0; a < WORLD_NODES_MAX; a++) {
		w->p[a].slow_ms = 0;
		w->p[a].slow_reader_until = w->p[a].read_free_at = 0;
		for (b = 0; b < WORLD_NODES_MAX; b++) {
			struct link *l = &w->link[a][b];

			l->cut = false;
			l->cut_until = l->clogged_until = l->swizzle_until = 0;
			l->bytes_per_s = 0;
		}
	}
	for (c = w->conns; c; c = c->next) {
		pipe_heal(c, 0);
		pipe_heal(c, 1);
	}
}
