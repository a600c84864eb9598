/* SPDX-License-Identifier: ISC */
#include "tests/sim/world_impl.h"

#include <stdarg.h>
#include <stdio.h>

/* Events: the heap, one step, failures, observers. */

uint64_t world_mix(uint64_t a, uint64_t b)
{
	uint64_t x = (a ^ b * 0xD6E8FEB86659FD93ull) + 0x9E3779B97F4A7C15ull;

	x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9ull;
	x = (x ^ x >> 27) * 0x94D049BB133111EBull;
	return x ^ x >> 31;
}

/* ---- the heap: ordered by (time, ordinal), so there are no ties ---- */

static bool before(const struct event *a, const struct event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

uint64_t world_push(struct world *w, struct event e)
{
	uint32_t i;

	must(e.at >= w->now);
	if (w->n_heap == w->cap_heap) {
		w->cap_heap = w->cap_heap ? w->cap_heap * 2 : 1024;
		w->heap = mem_resize(w->heap, w->cap_heap, sizeof(e));
	}
	e.order = ++w->order;
	i = w->n_heap++;
	while (i && before(&e, &w->heap[(i - 1) / 2])) {
		w->heap[i] = w->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	w->heap[i] = e;
	return e.order;
}

static struct event pop(struct world *w)
{
	struct event top = w->heap[0], last = w->heap[--w->n_heap];
	uint32_t i = 0;

	for (;;) {
		uint32_t k = 2 * i + 1;

		if (k >= w->n_heap)
			break;
		if (k + 1 < w->n_heap && before(&w->heap[k + 1], &w->heap[k]))
			k++;
		if (!before(&w->heap[k], &last))
			break;
		w->heap[i] = w->heap[k];
		i = k;
	}
	w->heap[i] = last;
	return top;
}

struct event world_event(const struct process *p, enum what what, int64_t at)
{
	return (struct event){.at = at,
			      .what = (uint8_t)what,
			      .node = (uint8_t)p->index,
			      .other = DECIDE_NOBODY,
			      .life = p->life};
}

void world_after(struct world *w, int64_t ms, void (*fn)(void *ctx, struct world *w), void *ctx)
{
	struct call *c = mem_zalloc(1, sizeof(*c));

	c->fn = fn;
	c->ctx = ctx;
	world_push(w, (struct event){.at = w->now + (ms > 0 ? ms : 1),
				     .what = EV_CALL,
				     .node = DECIDE_NOBODY,
				     .p = c});
}

/* ---- the trace ---- */

static void line(struct world *w, uint32_t node, unsigned what, uint32_t a, uint64_t b,
		 const char *text)
{
	struct trace_line l = {
	    .at = w->now, .a = a, .b = b, .node = (uint8_t)node, .what = (uint8_t)what};
	const struct process *p = node < w->n ? &w->p[node] : NULL;

	if (p && p->node && !p->in_step && p->life) {
		const struct ledger *c = node_closed(p->node), *v = node_validated(p->node);

		l.closed = c ? c->header.seq : 0;
		l.validated = v ? v->header.seq : 0;
		l.hash8 = c ? load_be32(c->hash.b) : 0;
	}
	trace_line(&w->trace, &l, text);
}

void world_note(struct world *w, uint32_t node, unsigned what, uint32_t a, uint64_t b)
{
	trace_mix(&w->trace, (uint64_t)w->now << 24 ^ (uint64_t)node << 16 ^ what);
	trace_mix(&w->trace, b ^ (uint64_t)a << 40);
	line(w, node, what, a, b, NULL);
}

void world_log(struct world *w, uint32_t node, int level, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	line(w, node, TRACE_LOG, (uint32_t)level, 0, text);
}

/* ---- one step ---- */

static void free_event(struct event *e)
{
	if (e->what == EV_PIPE || e->what == EV_CONNECTED) {
		struct conn *c = e->p;

		c->events--;
	} else if (e->what == EV_JOB) {
		struct work *k = e->p;

		if (k->job)
			node_job_free(k->job);
		mem_free(k);
	} else if (e->what == EV_PUSH) {
		wire_frame_unref(e->p);
	} else if (e->what == EV_SUBMIT) {
		struct submit *s = e->p;

		tx_unref(s->tx);
		mem_free(s);
	} else if (e->what == EV_CALL) {
		mem_free(e->p);
	}
}

static void on_submit(struct process *p, const struct event *e)
{
	struct node_event ev = {.kind = NODE_SUBMIT};
	struct submit *s = e->p;

	if (p->node && !p->stopping) {
		ev.submit.tx = s->tx;
		ev.submit.token = s->token;
		ev.submit.fail_hard = s->fail_hard;
		process_step(p, &ev);
	}
}

static void on_mangler(struct world *w, struct process *p)
{
	if (!p->mangled)
		return;
	if (p->mangler.tick && p->node)
		p->mangler.tick(p->mangler.ctx, w, p->index);
	world_push(w, world_event(p, EV_MANGLER, w->now + 100));
}

static void on_chaos(struct world *w)
{
	net_chaos(w);
	clock_chaos(w);
	process_chaos(w);
	world_push(w, (struct event){.at = w->now + 1000, .what = EV_CHAOS, .node = DECIDE_NOBODY});
}

static void of_world(struct world *w, struct event *e)
{
	if (e->what == EV_CHAOS) {
		on_chaos(w);
	} else {
		struct call *c = e->p;

		must(e->what == EV_CALL);
		c->fn(c->ctx, w);
	}
}

static void of_process(struct world *w, struct process *p, struct event *e)
{
	switch ((enum what)e->what) {
	case EV_TIMER:
		process_timer(p, e->order);
		break;
	case EV_PIPE: /* in which direction stands in `other`: the sender */
		pipe_event(e->p, e->other, e->order);
		break;
	case EV_JOB:
		jobs_done(p, e->p);
		e->p = NULL;
		break;
	case EV_PEERS:
		if (p->peers_due == e->at)
			net_tick(p);
		break;
	case EV_CONNECTED:
		net_connected(w, e);
		break;
	case EV_PUSH:
		net_push(w, e);
		break;
	case EV_SUBMIT:
		on_submit(p, e);
		break;
	case EV_START:
		if (!p->node)
			process_start(p);
		break;
	case EV_STOP:
		process_stop(p);
		break;
	case EV_KILL:
		process_kill(p, e->other == 1);
		break;
	case EV_MANGLER:
		on_mangler(w, p);
		break;
	case EV_CALL:
	case EV_CHAOS:
	case EV_KINDS:
		must(false);
	}
}

/* Events of a process that stands still wait; those for one that is gone are dropped. */
static bool holds(struct world *w, struct process *p, struct event *e)
{
	if (e->what == EV_START || e->what == EV_KILL)
		return false;
	if (e->what != EV_PIPE && e->what != EV_SUBMIT && e->what != EV_MANGLER &&
	    e->life != p->life) {
		free_event(e);
		return true;
	}
	if (p->paused_until <= w->now)
		return false;
	e->at = p->paused_until;
	if (e->what == EV_TIMER)
		p->timer_order = world_push(w, *e);
	else if (e->what == EV_PEERS)
		p->peers_due = e->at, world_push(w, *e);
	else if (e->what == EV_PIPE)
		pipe_held(e->p, e->other, e->order, world_push(w, *e));
	else
		world_push(w, *e);
	return true;
}

bool world_step(struct world *w)
{
	struct event e;
	struct process *p;

	if (w->failed || !w->n_heap)
		return false;
	e = pop(w);
	w->now = e.at;
	if (e.node == DECIDE_NOBODY) {
		w->steps++;
		w->stepping = true;
		world_note(w, DECIDE_NOBODY, e.what, 0, 0);
		of_world(w, &e);
		w->stepping = false;
		free_event(&e);
		return !w->failed;
	}
	p = &w->p[e.node];
	if (holds(w, p, &e))
		return true;
	w->steps++;
	w->stepping = true;
	world_note(w, e.node, e.what, e.other, 0);
	of_process(w, p, &e);
	if (e.p)
		free_event(&e);
	process_turn(p);
	w->stepping = false;
	return !w->failed;
}

void world_run_ms(struct world *w, int64_t ms)
{
	int64_t end = w->now + ms;

	while (!w->failed && w->n_heap && w->heap[0].at <= end)
		world_step(w);
	if (!w->failed)
		w->now = end;
}

/* What is left when the world ends. */
void world_drain(struct world *w)
{
	while (w->n_heap) {
		struct event e = pop(w);

		free_event(&e);
	}
}

/* ---- failures, observers ---- */

void world_fail(struct world *w, const char *property, const char *fmt, ...)
{
	char text[400];
	va_list ap;
	int n;

	if (w->failed)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	w->failed = true;
	w->failed_ms = w->now;
	snprintf(w->property, sizeof(w->property), "%s", property);
	n = snprintf(w->failure, sizeof(w->failure), "%s at %lld.%03lld s: ", property,
		     (long long)(w->now / 1000), (long long)(w->now % 1000));
	snprintf(w->failure + n, sizeof(w->failure) - (size_t)n, "%s", text);
	world_log(w, DECIDE_NOBODY, NODE_LOG_ERROR, "FAILED %s", w->failure);
}

void world_observe(struct world *w, const struct world_observer *o)
{
	must(w->n_observers < OBSERVERS_MAX);
	w->observers[w->n_observers++] = *o;
	w->wants_sent |= o->sent != NULL;
	w->wants_heard |= o->heard != NULL;
	w->wants_stepped |= o->stepped != NULL;
	w->wants_effect |= o->effect != NULL;
}

void world_keep_hash(struct world *w, uint32_t node, const struct ledger *l)
{
	uint32_t seq = l->header.seq;

	if (seq >= w->n_hash_at[node]) {
		uint32_t n = seq + 256;

		w->hash_at[node] = mem_resize(w->hash_at[node], n, sizeof(struct hash256));
		memset(w->hash_at[node] + w->n_hash_at[node], 0,
		       (n - w->n_hash_at[node]) * sizeof(struct hash256));
		w->n_hash_at[node] = n;
	}
	w->hash_at[node][seq] = l->hash;
}
