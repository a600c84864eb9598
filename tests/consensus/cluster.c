/* SPDX-License-Identifier: ISC */
#include "tests/consensus/cluster_impl.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* --- ids --------------------------------------------------------------------------------- */

static uint64_t mix64(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9u;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

void sim_mix(struct hash256 *out, const void *p, size_t n, uint64_t salt)
{
	const uint8_t *b = p;
	uint64_t h[4] = {salt + 1, salt + 2, salt + 3, salt + 4};

	for (size_t i = 0; i < n; i += 8) {
		uint64_t w = 0;

		memcpy(&w, b + i, n - i < 8 ? n - i : 8);
		for (unsigned k = 0; k < 4; k++)
			h[k] = mix64(h[k] ^ (w + k)) + i;
	}
	for (unsigned k = 0; k < 4; k++)
		store_be64(out->b + 8 * k, mix64(h[k] ^ n));
}

void sim_set_id(struct hash256 *out, const struct hash256 *ids, size_t n)
{
	if (n == 0)
		*out = HASH256_ZERO;
	else
		sim_mix(out, ids, n * sizeof(*ids), 11);
}

struct hash256 sim_tx_hash(uint64_t tx)
{
	struct hash256 h;

	sim_mix(&h, &tx, sizeof(tx), 5);
	return h;
}

void sim_fail(struct sim *s, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (s->failed)
		return;
	s->failed = true;
	n = snprintf(s->failure, sizeof(s->failure),
		     "seed=0x%llx t=%lld.%03llds: ", (unsigned long long)s->o.seed,
		     (long long)(s->t / 1000), (long long)(s->t % 1000));
	va_start(ap, fmt);
	vsnprintf(s->failure + n, sizeof(s->failure) - (size_t)n, fmt, ap);
	va_end(ap);
}

void sim_note(struct sim *s, uint32_t node, unsigned what, const struct hash256 *h, uint64_t x)
{
	s->trace = mix64(s->trace ^ (uint64_t)s->t ^ ((uint64_t)node << 40) ^
			 ((uint64_t)what << 48) ^ mix64(x) ^ (h ? load_be64(h->b) : 0));
}

/* --- events ------------------------------------------------------------------------------ */

static bool before(const struct event *a, const struct event *b)
{
	return a->t != b->t ? a->t < b->t : a->ord < b->ord;
}

void sim_push(struct sim *s, struct event e)
{
	size_t i = s->heap_n++;

	if (s->heap_n > s->heap_cap) {
		s->heap_cap = s->heap_cap ? 2 * s->heap_cap : 1024;
		s->heap = mem_resize(s->heap, s->heap_cap, sizeof(*s->heap));
	}
	e.ord = ++s->ord;
	while (i > 0 && before(&e, &s->heap[(i - 1) / 2])) {
		s->heap[i] = s->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	s->heap[i] = e;
}

static struct event pop(struct sim *s)
{
	struct event top = s->heap[0], last = s->heap[--s->heap_n];
	size_t i = 0;

	for (;;) {
		size_t k = 2 * i + 1;

		if (k >= s->heap_n)
			break;
		if (k + 1 < s->heap_n && before(&s->heap[k + 1], &s->heap[k]))
			k++;
		if (before(&last, &s->heap[k]))
			break;
		s->heap[i] = s->heap[k];
		i = k;
	}
	s->heap[i] = last;
	return top;
}

/* --- a node ------------------------------------------------------------------------------ */

struct now node_now(const struct sim *s, uint32_t i)
{
	int64_t net = 800000000 + s->t / 1000 + s->node[i].skew_s;

	return (struct now){.steady = {.ms = s->t + 1000 * (int64_t)i},
			    .net = {.s = (uint32_t)net}};
}

struct cons_event sim_ledger_event(const struct sim *s, enum cons_event_kind kind, uint32_t at)
{
	const struct ledger *l = &s->ledgers[at];
	struct cons_event ev = {.kind = kind};

	ev.ledger.hash = l->hash;
	ev.ledger.parent = l->parent;
	ev.ledger.seq = l->seq;
	ev.ledger.close = l->close;
	ev.ledger.close_resolution = l->resolution;
	ev.ledger.close_agreed = l->agreed;
	return ev;
}

/* --- events arriving at a node ----------------------------------------------------------- */

static void hear(struct sim *s, uint32_t i, const struct message *m)
{
	uint32_t place = sim_place(s, i, m->kind == M_EVIDENCE ? m->evidence.who : m->who);
	struct cons_event ev;

	switch (m->kind) {
	case M_PROPOSAL:
		ev.kind = CONS_PROPOSAL;
		ev.proposal.who = place;
		ev.proposal.position = m->position;
		break;
	case M_VALIDATION:
		ev.kind = CONS_VALIDATION;
		ev.validation.who = place;
		ev.validation.validation = m->validation;
		break;
	case M_EVIDENCE:
		ev.kind = CONS_EVIDENCE;
		ev.evidence = m->evidence;
		ev.evidence.who = place;
		break;
	}
	if (place != UINT32_MAX)
		node_step(s, i, &ev);
}

static void deliver(struct sim *s, const struct event *e)
{
	struct message m = s->msgs[e->msg];

	if (s->node[e->node].up && s->node[e->node].epoch == e->epoch &&
	    !s->cut[e->from][e->node]) {
		bool again = s->seen[m.seen] & (1u << e->node);

		if (!again) {
			s->seen[m.seen] |= 1u << e->node;
			if (!s->node[e->node].lies)
				msg_forward(s, e->msg, e->node);
		} else if (!s->o.dup_pm || rng_below(&s->net, 8) != 0) {
			/* a node hears a message once, now and then a late copy slips through */
			msg_drop_hop(s, e->msg);
			return;
		}
		sim_note(s, e->node, 1,
			 m.kind == M_PROPOSAL ? &m.position.set : &m.validation.ledger, m.who);
		if (s->node[e->node].c)
			hear(s, e->node, &m);
		else
			byz_hear(s, e->node, &m);
	}
	msg_drop_hop(s, e->msg);
}

static void built(struct sim *s, const struct event *e)
{
	struct cons_event ev;

	s->ledgers[e->content].held |= 1u << e->node;
	ev = sim_ledger_event(s, CONS_BUILT, e->content);
	node_step(s, e->node, &ev);
	node_commit(s, e->node);
}

/* The vote is durable, with what rebuilds its ledger: now it counts and leaves. */
static void persisted(struct sim *s, const struct event *e)
{
	struct node *nd = &s->node[e->node];
	struct cons_validation v = s->msgs[e->msg].validation;
	struct cons_event ev = {.kind = CONS_VALIDATION};

	if (nd->up && nd->epoch == e->epoch) {
		if (!nd->lies)
			sim_note_signed(s, e->node, &v);
		nd->disk.vote = v;
		nd->disk.have_vote = true;
		for (uint32_t at = sim_find_ledger(s, &v.ledger);
		     at != UINT32_MAX && !(s->ledgers[at].disk & (1u << e->node));
		     at = s->ledgers[at].parent_at)
			s->ledgers[at].disk |= 1u << e->node;
		msg_broadcast(s, e->msg, e->node);
		ev.validation.who = sim_place(s, e->node, e->node);
		ev.validation.validation = v;
		node_step(s, e->node, &ev);
	}
	msg_drop_hop(s, e->msg);
}

static bool source(struct sim *s, uint32_t to, uint32_t held)
{
	for (uint32_t i = 0; i < s->n; i++) {
		if ((held & (1u << i)) && msg_linked(s, i, to) && msg_linked(s, to, i))
			return true;
	}
	return false;
}

static void try_again(struct sim *s, struct event e)
{
	e.tries++;
	e.t = s->t + FETCH_TRY_MS;
	sim_push(s, e);
}

static void fetch_set(struct sim *s, const struct event *e)
{
	uint32_t at = sim_find_set(s, &e->hash), me = 1u << e->node;
	struct cons_event ev = {.kind = CONS_SET_FAILED};

	ev.set.id = e->hash;
	if (at != UINT32_MAX &&
	    ((s->sets[at].held & me) ||
	     (!s->node[e->node].sets_blocked && source(s, e->node, s->sets[at].held)))) {
		s->sets[at].held |= me;
		ev.kind = CONS_SET;
		ev.set.ids = s->sets[at].ids;
		ev.set.n = s->sets[at].n;
	} else if (e->tries < FETCH_TRIES) {
		try_again(s, *e);
		return;
	}
	node_step(s, e->node, &ev);
}

static void fetch_ledger(struct sim *s, const struct event *e)
{
	uint32_t at = sim_find_ledger(s, &e->hash), me = 1u << e->node;
	struct cons_event ev;

	if (at == UINT32_MAX)
		return;
	if (!(s->ledgers[at].held & me) &&
	    (s->node[e->node].ledgers_blocked || !source(s, e->node, s->ledgers[at].held))) {
		if (e->tries < FETCH_TRIES)
			try_again(s, *e);
		return;
	}
	s->ledgers[at].held |= me;
	ev = sim_ledger_event(s, CONS_LEDGER, at);
	node_step(s, e->node, &ev);
	node_commit(s, e->node);
}

static void arrive_tx(struct sim *s)
{
	uint64_t tx = ++s->next_tx;
	uint32_t mask = (uint32_t)rng_next(&s->load);

	for (uint32_t i = 0; i < s->n; i++) {
		/* most reach everybody, some only a few for now */
		if ((tx % 4 != 0 || (mask & (1u << i))) && s->node[i].pool_n < POOL_MAX)
			s->node[i].pool[s->node[i].pool_n++] = tx;
	}
	sim_push(s, (struct event){.kind = K_TX, .t = s->t + s->o.tx_every_ms});
}

static void dispatch(struct sim *s, const struct event *e)
{
	const struct node *nd = &s->node[e->node];
	struct cons_event timer = {.kind = CONS_TIMER};

	if (e->kind != K_HOP && e->kind != K_TX && e->kind != K_PERSISTED &&
	    (!nd->up || nd->epoch != e->epoch))
		return;
	switch (e->kind) {
	case K_TIMER:
		/* only the last one asked for is armed */
		if (nd->timer.ms == node_now(s, e->node).steady.ms)
			node_step(s, e->node, &timer);
		break;
	case K_HOP:
		deliver(s, e);
		break;
	case K_BUILT:
		built(s, e);
		break;
	case K_PERSISTED:
		persisted(s, e);
		break;
	case K_FETCH_SET:
		fetch_set(s, e);
		break;
	case K_FETCH_LEDGER:
		fetch_ledger(s, e);
		break;
	case K_TX:
		arrive_tx(s);
		break;
	case K_LIAR:
		byz_timer(s, e->node);
		break;
	}
}

void sim_run_ms(struct sim *s, int64_t ms)
{
	int64_t end = s->t + ms;

	while (!s->failed && s->heap_n > 0 && s->heap[0].t <= end) {
		struct event e = pop(s);

		must(e.t >= s->t);
		s->t = e.t;
		dispatch(s, &e);
	}
	s->t = end;
}
