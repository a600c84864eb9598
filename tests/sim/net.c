/* SPDX-License-Identifier: ISC */
#include "tests/sim/world_impl.h"

#include <stdio.h>

/* Who is connected to whom, as src/net/uv_peers.c and uv_peer_dial.c do it: every node dials those
 * that it is wired to, again and again, with backoff; of two connections to the same node one
 * stays. */

#define TICK_MS        1000
#define STALL_MS       5000
#define BACKOFF_MIN_MS 200
#define BACKOFF_MAX_MS 15000
#define STEADY_UP_MS   10000
#define DISK_CHECK_MS  2000

/* ---- links ---- */

int64_t net_blocked(const struct world *w, uint32_t from, uint32_t to)
{
	const struct link *l = &w->link[from][to];
	int64_t until = 0;

	if (l->cut)
		return INT64_MAX;
	if (l->cut_until > w->now)
		until = l->cut_until;
	if (l->swizzle_from <= w->now && l->swizzle_until > w->now && l->swizzle_until > until)
		until = l->swizzle_until;
	if (w->partition_until > w->now && w->partition_until > until &&
	    w->group[from] != w->group[to])
		until = w->partition_until;
	return until;
}

void net_unblocked(struct world *w)
{
	struct conn *c;

	for (c = w->conns; c; c = c->next) {
		pipe_arm(c, 0);
		pipe_arm(c, 1);
	}
}

/* The least delay and an exponential tail. log2 of a fraction: its leading zeros, and a straight
 * line between the powers of two. */
int64_t net_delay(struct world *w, uint32_t from, uint32_t to)
{
	struct link *l = &w->link[from][to];
	uint64_t r = world_mix(world_mix(w->plan.seed, 0xDE1A),
			       (from << 8 | to) + (l->draws++ << 16));
	uint64_t zeros = (uint64_t)__builtin_clzll(r | 1);
	uint64_t part = (r << zeros << 1) >> 44;
	uint64_t log2 = ((zeros + 1) << 20) - part; /* of 1/r, in 2^-20 */
	int64_t ms = l->delay_min + w->p[from].slow_ms + w->p[to].slow_ms;

	return ms + (int64_t)((uint64_t)l->delay_mean * log2 / 1000 * 693 >> 20);
}

void net_wire(struct world *w, uint32_t a, uint32_t b)
{
	if (a == b)
		return;
	w->link[a][b].wired = w->link[b][a].wired = true;
}

static void wire_hub(struct world *w)
{
	uint32_t hub = w->plan.trackers ? w->plan.validators : 0, i;

	for (i = 0; i < w->n; i++)
		net_wire(w, i, hub);
}

static void wire_ring(struct world *w)
{
	uint32_t i;

	for (i = 0; i < w->n; i++)
		net_wire(w, i, (i + 1) % w->n);
}

/* Each newcomer knows two that are there; those that many know are known by more. */
static void wire_scale_free(struct world *w)
{
	struct rng r = rng_fork(&w->root, "topology");
	uint32_t known[WORLD_NODES_MAX * 4], n = 0, i, k;

	known[n++] = 0;
	for (i = 1; i < w->n; i++)
		for (k = 0; k < 2; k++) {
			uint32_t to = known[rng_below(&r, n)];

			if (to == i || w->link[i][to].wired)
				continue;
			net_wire(w, i, to);
			known[n++] = i;
			known[n++] = to;
		}
}

void net_init(struct world *w)
{
	uint32_t a, b;

	for (a = 0; a < WORLD_NODES_MAX; a++)
		for (b = 0; b < WORLD_NODES_MAX; b++) {
			w->link[a][b].delay_min = w->plan.delay_min_ms;
			w->link[a][b].delay_mean = w->plan.delay_mean_ms;
			if (w->plan.topology == WORLD_MESH && a < w->n && b < w->n)
				net_wire(w, a, b);
		}
	if (w->plan.topology == WORLD_HUB)
		wire_hub(w);
	else if (w->plan.topology == WORLD_RING)
		wire_ring(w);
	else if (w->plan.topology == WORLD_SCALE_FREE)
		wire_scale_free(w);
}

/* ---- who is there ---- */

struct end *net_find(const struct process *p, uint32_t id)
{
	uint32_t i;

	for (i = 0; i < p->n_ends; i++)
		if (p->ends[i]->state == END_UP && p->ends[i]->id == id)
			return p->ends[i];
	return NULL;
}

struct end *net_to(const struct process *p, uint32_t other)
{
	uint32_t i;

	for (i = 0; i < p->n_ends; i++)
		if (p->ends[i]->state == END_UP && p->ends[i]->other == other &&
		    !p->ends[i]->marked)
			return p->ends[i];
	return NULL;
}

static bool newer_stays(const struct process *p, const struct end *old, const struct end *new)
{
	const struct process *other = &p->w->p[new->other];
	bool smaller = public_key_cmp(secret_key_public(p->identity),
				      secret_key_public(other->identity)) < 0;

	if (old->side == new->side)
		return new->side == 1;
	return (new->side == 1) != smaller;
}

static struct culprit culprit_of(const struct process *p, const struct end *e)
{
	return culprit_of_key(secret_key_public(p->w->p[e->other].identity));
}

const char *net_admit(struct process *p, struct end *e)
{
	struct end *old = net_to(p, e->other);
	struct culprit who = culprit_of(p, e);

	if (!p->w->link[p->index][e->other].wired &&
	    refusals_active(&p->refusals, &who, clock_of(p).steady))
		return "refused for a while";
	if (old && !newer_stays(p, old, e))
		return "duplicate connection";
	e->id = ++p->last_id;
	e->since = clock_of(p).steady.ms;
	if (old)
		end_close(old, false, "replaced by another connection");
	return NULL;
}

static void try_later(struct process *p, struct dial *d)
{
	int64_t ms = BACKOFF_MIN_MS;
	uint32_t i;

	d->failures++;
	for (i = 1; i < d->failures && ms < BACKOFF_MAX_MS; i++)
		ms += ms / 2;
	if (ms > BACKOFF_MAX_MS)
		ms = BACKOFF_MAX_MS;
	ms = rng_between(&p->rng, ms - ms / 4, ms + ms / 4);
	d->next_at = clock_of(p).steady.ms + ms;
	net_arm(p, ms);
}

static void dial_ended(struct process *p, struct end *e)
{
	struct dial *d = &p->dial[e->other];

	if (d->end == e)
		d->end = NULL;
	if (net_to(p, e->other)) {
		d->failures = 0;
		return;
	}
	if (e->id && !e->offence && clock_of(p).steady.ms - e->since >= STEADY_UP_MS)
		d->failures = 0;
	try_later(p, d);
}

void net_ended(struct process *p, struct end *e)
{
	struct node_event ev = {.kind = NODE_PEER_DOWN};
	struct culprit who = culprit_of(p, e);
	uint32_t i = 0;

	while (p->ends[i] != e)
		must(++i < p->n_ends);
	memmove(&p->ends[i], &p->ends[i + 1], (--p->n_ends - i) * sizeof(struct end *));
	if (!p->node)
		return;
	world_note(p->w, p->index, TRACE_FAULT, e->other, e->offence);
	if (e->id || e->offence)
		world_log(p->w, p->index, NODE_LOG_INFO, "peer %c down: %s", 'A' + e->other,
			  e->reason);
	if (e->offence && !e->conn->damaged && (e->id || !e->late)) {
		OBSERVE(p->w, dropped, p->index, e->other, e->reason);
		if (!p->w->link[p->index][e->other].wired && e->id)
			refusals_note(&p->refusals, &who, e->at_once, clock_of(p).steady);
	}
	if (!e->side)
		dial_ended(p, e);
	if (e->id && !p->stopped) {
		ev.peer.peer = e->id;
		process_step(p, &ev);
	}
}

void net_drop(struct process *p, uint32_t peer, const char *reason)
{
	struct end *e = net_find(p, peer);

	if (!e || e->marked)
		return;
	e->at_once = true;
	end_mark(e, true, reason);
	net_arm(p, 0);
}

void net_useless(struct process *p, uint32_t peer, uint32_t units)
{
	struct end *e = net_find(p, peer);

	if (!e || e->marked || !e->session ||
	    !session_useless(e->session, units, clock_of(p), &e->sealed))
		return;
	net_drop(p, peer, "above its budget: useless work");
}

/* ---- dialling, time ---- */

static void dial(struct process *p, uint32_t to, struct now now)
{
	struct dial *d = &p->dial[to];
	int64_t ms = d->next_at - now.steady.ms;

	if (d->end || net_to(p, to))
		return;
	if (ms > 0) {
		net_arm(p, ms);
		return;
	}
	if (p->n_ends < ENDS_MAX / 2)
		d->end = conn_open(p, to);
}

void net_connected(struct world *w, const struct event *e)
{
	struct conn *c = e->p;
	struct end *a = &c->end[0];
	struct process *to = &w->p[c->end[1].node];

	if (a->state != END_DIALLING)
		return;
	if (net_blocked(w, a->node, a->other) || net_blocked(w, a->other, a->node)) {
		struct event again = *e; /* the system knocks once more */

		again.at = w->now + 1000;
		c->events++;
		world_push(w, again);
	} else if (!to->node || to->stopping || to->dying || to->n_ends == ENDS_MAX) {
		end_close(a, false, "connection refused");
	} else {
		conn_accepted(c);
	}
}

void net_arm(struct process *p, int64_t ms)
{
	int64_t at = clock_when(p, clock_of(p).steady.ms + ms);

	if (at >= p->peers_due || !p->node)
		return;
	p->peers_due = at;
	world_push(p->w, world_event(p, EV_PEERS, at));
}

/* Time in which this process did not run is nobody's fault. */
static void forgive(struct process *p, int64_t gap)
{
	uint32_t i;

	if (gap <= STALL_MS)
		return;
	for (i = 0; i < p->n_ends; i++) {
		p->ends[i]->started += gap;
		if (p->ends[i]->stuck_since >= 0)
			p->ends[i]->stuck_since += gap;
	}
}

void net_tick(struct process *p)
{
	struct now now = clock_of(p);
	uint32_t i;

	if (!p->node)
		return;
	forgive(p, now.steady.ms - p->peers_ticked);
	p->peers_ticked = now.steady.ms;
	p->peers_due = INT64_MAX;
	net_arm(p, TICK_MS);
	for (i = p->n_ends; i-- > 0 && p->node;)
		if (i < p->n_ends)
			end_tick(p->ends[i], now);
	for (i = 0; i < p->w->n && !p->stopping; i++)
		if (i != p->index && p->w->link[p->index][i].wired)
			dial(p, i, now);
	if (now.steady.ms - p->disk_checked >= DISK_CHECK_MS) {
		p->disk_checked = now.steady.ms;
		jobs_check_disk(p);
		process_speak_newer(p);
	}
}

void net_up(struct process *p)
{
	struct now now = clock_of(p);
	uint32_t i;

	memset(p->dial, 0, sizeof(p->dial));
	for (i = 0; i < WORLD_NODES_MAX; i++)
		p->dial[i].next_at = now.steady.ms;
	memset(&p->refusals, 0, sizeof(p->refusals));
	p->peers_ticked = p->disk_checked = now.steady.ms;
	p->peers_due = INT64_MAX;
	p->last_id = 0;
	net_arm(p, 0);
}

void net_down(struct process *p, bool power_lost)
{
	while (p->n_ends)
		end_forget(p->ends[p->n_ends - 1], !power_lost);
}

/* ---- messages ---- */

static void push_later(struct process *p, struct end *e, struct wire_frame *f, int64_t ms)
{
	struct event ev = world_event(p, EV_PUSH, p->w->now + ms);

	ev.other = e->other;
	ev.p = wire_frame_ref(f);
	world_push(p->w, ev);
}

void net_push(struct world *w, const struct event *ev)
{
	struct end *e = net_to(&w->p[ev->node], ev->other);

	if (e)
		end_queue(e, ev->p);
}

/* Some old message of the link once more, much later. */
static void replay(struct process *p, struct end *e, struct wire_frame *f)
{
	struct link *l = &p->w->link[p->index][e->other];
	uint32_t keep = sizeof(l->old) / sizeof(l->old[0]);
	int64_t x;

	if (p->w->plan.rate_ppm[FAULT_NET_REPLAY] == 0)
		return;
	wire_frame_unref(l->old[l->n_old % keep]);
	l->old[l->n_old++ % keep] = wire_frame_ref(f);
	if (decide(p->w->decisions, FAULT_NET_REPLAY, (uint8_t)p->index, e->other, 1000, 0, 60000,
		   p->w->now, &x))
		push_later(p, e, l->old[x % (l->n_old < keep ? l->n_old : keep)], 1000 + x);
}

/* What befalls messages above the channel. True: it went another way, or none. */
static bool waylaid(struct process *p, struct end *e, struct wire_frame *f)
{
	struct world *w = p->w;
	struct decisions *d = w->decisions;
	uint8_t a = (uint8_t)p->index, b = e->other;
	int64_t x;

	if (w->loss_ppm && world_mix(w->plan.seed ^ 0x1055, ++w->lost) % 1000000 < w->loss_ppm)
		return true;
	if (!w->faulty_messages)
		return false;
	replay(p, e, f);
	if (decide(d, FAULT_NET_LOSS, a, b, 1000, 0, 0, w->now, NULL))
		return true;
	if (decide(d, FAULT_NET_DUPLICATE, a, b, 1000, 0, 2000, w->now, &x))
		push_later(p, e, f, x);
	if (decide(d, FAULT_NET_REORDER, a, b, 1000, 1, 500, w->now, &x) ||
	    decide(d, FAULT_NET_DELAY, a, b, 1000, 500, 10000, w->now, &x)) {
		push_later(p, e, f, x);
		return true;
	}
	return false;
}

void net_leave(struct process *p, struct end *e, struct wire_frame *f, const struct msg *m)
{
	if (m)
		OBSERVE(p->w, sent, p->index, e->other, m);
	if (!waylaid(p, e, f))
		end_queue(e, f);
}

static void one(struct process *p, struct end *e, struct wire_frame *f, const struct msg *m)
{
	if (e->marked)
		return;
	if (p->mangled)
		p->mangler.send(p->mangler.ctx, p->w, p->index, e->other, m);
	else
		net_leave(p, e, f, m);
}

void net_send(struct process *p, uint32_t peer, uint32_t except, struct wire_frame *f)
{
	const struct msg *seen = NULL;
	struct msg m;
	uint32_t i;

	trace_mix_bytes(&p->w->trace, f->bytes, f->n);
	if (p->mangled || p->w->wants_sent) { /* nobody else decodes meanwhile */
		arena_reset(&p->w->arena);
		must(wire_decode(&m, &p->w->arena, bytes_of(f->bytes, f->n), NULL) == ERR_NONE);
		seen = &m;
	}
	for (i = 0; i < p->n_ends; i++) {
		struct end *e = p->ends[i];

		if (e->state == END_UP && (peer ? e->id == peer : e->id != except))
			one(p, e, f, seen);
	}
}

void world_send_as(struct world *w, uint32_t from, uint32_t to, const struct msg *m)
{
	struct process *p = &w->p[from];
	struct end *e = p->node && !p->dying ? net_to(p, to) : NULL;
	struct wire_frame *f;

	if (!e)
		return;
	f = wire_encode(m);
	trace_mix_bytes(&w->trace, f->bytes, f->n);
	net_leave(p, e, f, m);
	wire_frame_unref(f);
	if (!p->in_step && p->paused_until <= w->now)
		net_flush(p);
}

void net_flush(struct process *p)
{
	uint32_t i;

	for (i = 0; i < p->n_ends; i++)
		end_flush(p->ends[i]);
}
