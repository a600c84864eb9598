/* SPDX-License-Identifier: ISC */
#include "tests/consensus/cluster.h"

#include "base/hmap.h"
#include "base/mem.h"
#include "base/rng.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FETCH_TRY_MS       400
#define FETCH_TRIES        8
#define PERSIST_MS         3
#define POOL_MAX           64
#define SEQ_MAX            4096
#define PROPOSALS_RESERVED 8

enum kind { K_TIMER, K_HOP, K_BUILT, K_PERSISTED, K_FETCH_SET, K_FETCH_LEDGER, K_TX };

struct event {
	int64_t t;
	uint64_t ord;
	enum kind kind;
	uint32_t node, epoch;
	uint32_t msg;     /* K_HOP, K_PERSISTED */
	uint32_t from;    /* K_HOP */
	uint32_t tries;   /* fetches */
	uint32_t content; /* K_BUILT: ledger; K_FETCH_SET: set */
	struct hash256 hash;
};

struct message {
	bool proposal;
	uint32_t who;
	uint32_t seen; /* index of the mask of the nodes that have it */
	uint32_t hops; /* on the way */
	union {
		struct cons_position position;
		struct cons_validation validation;
	};
};

struct txset {
	struct hash256 id;
	struct hash256 *ids;
	uint32_t n;
	uint32_t held; /* nodes */
};

struct ledger {
	struct hash256 hash, parent;
	uint32_t parent_at; /* index, or UINT32_MAX */
	uint32_t seq, set;
	struct net_time close;
	uint8_t resolution;
	bool agreed;
	uint32_t held; /* nodes, in memory */
	uint32_t disk; /* nodes, on disk */
};

struct disk {
	uint32_t validated; /* ledger index committed */
	struct cons_validation vote;
	bool have_vote;
	struct hash256 reserved_for; /* proposals on this ledger ... */
	uint32_t reserved;           /* ... have used numbers below */
};

struct node {
	struct consensus *c;
	bool up;
	uint32_t epoch;
	int32_t skew_s;
	int64_t slow_ms, build_ms;
	bool sets_blocked;
	bool asked_open; /* to be answered when the step's effects are carried out */
	struct steady timer;
	uint32_t validated_seq;
	struct hash256 validated;
	bool validated_held;
	uint64_t pool[POOL_MAX];
	uint32_t pool_n;
	struct hash256 signed_at[SEQ_MAX]; /* per sequence, zero = none */
	bool signed_full[SEQ_MAX];
	struct hmap proposed; /* mix of (ledger, number) -> position mix */
	struct disk disk;
};

struct sim {
	struct sim_options o;
	uint32_t n;
	int64_t t;
	uint64_t ord;
	struct rng net, load;
	struct event *heap;
	size_t heap_n, heap_cap;
	uint32_t *seen; /* masks, one per content: a node takes the same bytes once */
	uint32_t seen_n, seen_cap;
	struct hmap seen_at;
	struct message *msgs;
	uint32_t msgs_n, msgs_cap;
	uint32_t *free_msgs;
	uint32_t free_n;
	struct txset *sets;
	uint32_t sets_n, sets_cap;
	struct ledger *ledgers;
	uint32_t ledgers_n, ledgers_cap;
	struct hmap set_at, ledger_at; /* value: index + 1 */
	struct node node[SIM_NODES_MAX];
	bool cut[SIM_NODES_MAX][SIM_NODES_MAX];
	uint32_t agreed_n; /* ledgers validated by anybody, by rising seq */
	struct hash256 agreed[SEQ_MAX];
	uint32_t top_seq;
	struct hash256 top;
	uint64_t next_tx;
	uint64_t trace, steps, proposals;
	bool failed;
	char failure[512];
};

/* --- ids --------------------------------------------------------------------------------- */

static uint64_t mix64(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9u;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

static void mix256(struct hash256 *out, const void *p, size_t n, uint64_t salt)
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

static void set_id(struct hash256 *out, const struct hash256 *ids, size_t n)
{
	if (n == 0)
		*out = HASH256_ZERO;
	else
		mix256(out, ids, n * sizeof(*ids), 11);
}

static struct hash256 tx_hash(uint64_t tx)
{
	struct hash256 h;

	mix256(&h, &tx, sizeof(tx), 5);
	return h;
}

static void fail(struct sim *s, const char *fmt, ...) PRINTF(2, 3);
static void fail(struct sim *s, const char *fmt, ...)
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

static void trace(struct sim *s, uint32_t node, unsigned what, const struct hash256 *h, uint64_t x)
{
	s->trace = mix64(s->trace ^ (uint64_t)s->t ^ ((uint64_t)node << 40) ^
			 ((uint64_t)what << 48) ^ mix64(x) ^ (h ? load_be64(h->b) : 0));
}

/* --- events ------------------------------------------------------------------------------ */

static bool before(const struct event *a, const struct event *b)
{
	return a->t != b->t ? a->t < b->t : a->ord < b->ord;
}

static void push(struct sim *s, struct event e)
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

/* --- what the network knows -------------------------------------------------------------- */

static uint32_t find_set(const struct sim *s, const struct hash256 *id)
{
	return (uint32_t)((uintptr_t)hmap_get(&s->set_at, id) - 1);
}

static uint32_t find_ledger(const struct sim *s, const struct hash256 *hash)
{
	return (uint32_t)((uintptr_t)hmap_get(&s->ledger_at, hash) - 1);
}

static uint32_t add_set(struct sim *s, const struct hash256 *id, const struct hash256 *ids,
			uint32_t n)
{
	uint32_t at = find_set(s, id);

	if (at != UINT32_MAX)
		return at;
	if (s->sets_n == s->sets_cap) {
		s->sets_cap = s->sets_cap ? 2 * s->sets_cap : 64;
		s->sets = mem_resize(s->sets, s->sets_cap, sizeof(*s->sets));
	}
	at = s->sets_n++;
	s->sets[at] = (struct txset){.id = *id, .n = n};
	s->sets[at].ids = mem_alloc(n * sizeof(*ids));
	if (n)
		memcpy(s->sets[at].ids, ids, n * sizeof(*ids));
	hmap_put(&s->set_at, id, (void *)((uintptr_t)at + 1));
	return at;
}

static uint32_t add_ledger(struct sim *s, struct ledger l, uint64_t marker)
{
	struct {
		struct hash256 parent, set;
		uint64_t rest[3];
	} m = {.parent = l.parent, .set = s->sets[l.set].id};
	uint32_t at;

	m.rest[0] = l.close.s;
	m.rest[1] = l.resolution * 2u + l.agreed;
	m.rest[2] = marker;
	mix256(&l.hash, &m, sizeof(m), 3);
	at = find_ledger(s, &l.hash);
	if (at != UINT32_MAX)
		return at;
	if (s->ledgers_n == s->ledgers_cap) {
		s->ledgers_cap = s->ledgers_cap ? 2 * s->ledgers_cap : 64;
		s->ledgers = mem_resize(s->ledgers, s->ledgers_cap, sizeof(*s->ledgers));
	}
	at = s->ledgers_n++;
	l.parent_at = find_ledger(s, &l.parent);
	s->ledgers[at] = l;
	hmap_put(&s->ledger_at, &l.hash, (void *)((uintptr_t)at + 1));
	return at;
}

bool sim_descends(const struct sim *s, const struct hash256 *ledger, const struct hash256 *part)
{
	uint32_t at = find_ledger(s, ledger);

	while (at != UINT32_MAX) {
		if (hash256_eq(&s->ledgers[at].hash, part))
			return true;
		at = s->ledgers[at].parent_at;
	}
	return false;
}

/* --- messages ---------------------------------------------------------------------------- */

static int64_t draw_delay(struct sim *s, uint32_t from, uint32_t to)
{
	int64_t d = s->o.delay_ms + s->node[from].slow_ms + s->node[to].slow_ms;

	if (s->o.jitter_ms) {
		int64_t a = rng_between(&s->net, 0, s->o.jitter_ms);
		int64_t b = rng_between(&s->net, 0, s->o.jitter_ms);

		d += a * b / s->o.jitter_ms;
	}
	return d;
}

static bool linked(const struct sim *s, uint32_t from, uint32_t to)
{
	return from != to && s->node[from].up && s->node[to].up && !s->cut[from][to];
}

static uint32_t new_message(struct sim *s)
{
	uint32_t m;

	if (s->free_n) {
		m = s->free_msgs[--s->free_n];
	} else {
		if (s->msgs_n == s->msgs_cap) {
			s->msgs_cap = s->msgs_cap ? 2 * s->msgs_cap : 256;
			s->msgs = mem_resize(s->msgs, s->msgs_cap, sizeof(*s->msgs));
			s->free_msgs = mem_resize(s->free_msgs, s->msgs_cap, sizeof(uint32_t));
		}
		m = s->msgs_n++;
	}
	memset(&s->msgs[m], 0, sizeof(s->msgs[m]));
	return m;
}

static uint32_t new_seen(struct sim *s)
{
	if (s->seen_n == s->seen_cap) {
		s->seen_cap = s->seen_cap ? 2 * s->seen_cap : 256;
		s->seen = mem_resize(s->seen, s->seen_cap, sizeof(uint32_t));
	}
	s->seen[s->seen_n] = 0;
	return s->seen_n++;
}

/* The mask of a validation that may be sent again. */
static uint32_t seen_of(struct sim *s, uint32_t who, const struct cons_validation *v)
{
	struct {
		struct hash256 ledger;
		uint64_t who, seq;
	} k = {.ledger = v->ledger, .who = who, .seq = v->seq};
	struct hash256 key;
	uintptr_t at;

	mix256(&key, &k, sizeof(k), 9);
	at = (uintptr_t)hmap_get(&s->seen_at, &key);
	if (at == 0) {
		at = (uintptr_t)new_seen(s) + 1;
		hmap_put(&s->seen_at, &key, (void *)at);
	}
	return (uint32_t)(at - 1);
}

static void drop_hop(struct sim *s, uint32_t m)
{
	must(s->msgs[m].hops > 0);
	if (--s->msgs[m].hops == 0)
		s->free_msgs[s->free_n++] = m;
}

/* To every linked peer that has it not yet. The caller holds a hop of its own. */
static void forward(struct sim *s, uint32_t m, uint32_t node)
{
	for (uint32_t to = 0; to < s->n; to++) {
		uint32_t copies = 1;

		if (!linked(s, node, to) ||
		    (node != s->msgs[m].who && (s->seen[s->msgs[m].seen] & (1u << to))))
			continue;
		if (s->o.loss_pm && rng_below(&s->net, 1000) < s->o.loss_pm)
			copies = 0;
		else if (s->o.dup_pm && rng_below(&s->net, 1000) < s->o.dup_pm)
			copies = 2;
		for (uint32_t k = 0; k < copies; k++) {
			struct event e = {.kind = K_HOP, .node = to, .from = node, .msg = m};

			e.t = s->t + draw_delay(s, node, to);
			e.epoch = s->node[to].epoch;
			s->msgs[m].hops++;
			push(s, e);
		}
	}
}

static void broadcast(struct sim *s, uint32_t m, uint32_t node)
{
	s->msgs[m].hops++;
	s->seen[s->msgs[m].seen] |= 1u << node;
	forward(s, m, node);
	drop_hop(s, m);
}

/* --- a node ------------------------------------------------------------------------------ */

static struct now node_now(const struct sim *s, uint32_t i)
{
	int64_t net = 800000000 + s->t / 1000 + s->node[i].skew_s;

	return (struct now){.steady = {.ms = s->t + 1000 * (int64_t)i},
			    .net = {.s = (uint32_t)net}};
}

static void step(struct sim *s, uint32_t i, const struct cons_event *ev);

static struct cons_event ledger_event(const struct sim *s, enum cons_event_kind kind, uint32_t at)
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

/* This ledger has a quorum: it is the only one at its sequence, on one line with all others. */
static void agree_on(struct sim *s, const struct hash256 *hash, uint32_t seq)
{
	if (hash256_is_zero(&s->agreed[seq])) {
		s->agreed[seq] = *hash;
		if (seq > s->top_seq) {
			if (!sim_descends(s, hash, &s->top))
				fail(s, "FORK: validated %u is not on the line of %u", seq,
				     s->top_seq);
			s->top_seq = seq;
			s->top = *hash;
		} else if (!sim_descends(s, &s->top, hash)) {
			fail(s, "FORK: validated %u is not below %u", seq, s->top_seq);
		}
	} else if (!hash256_eq(&s->agreed[seq], hash)) {
		fail(s, "FORK: another ledger validated at %u", seq);
	}
}

/* A signature: with a quorum of them the ledger is validated, whether anybody has seen all of them
 * or not. */
static void note_signed(struct sim *s, uint32_t i, const struct cons_validation *v)
{
	uint32_t n = 0;

	if (!hash256_is_zero(&s->node[i].signed_at[v->seq]))
		fail(s, "node %c signed twice at %u", 'A' + (int)i, v->seq);
	s->node[i].signed_at[v->seq] = v->ledger;
	s->node[i].signed_full[v->seq] = v->full;
	for (uint32_t k = 0; k < s->o.validators; k++)
		n += s->node[k].signed_full[v->seq] &&
		     hash256_eq(&s->node[k].signed_at[v->seq], &v->ledger);
	if (n >= (4 * s->o.validators + 4) / 5)
		agree_on(s, &v->ledger, v->seq);
}

static void note_validated(struct sim *s, uint32_t i, const struct hash256 *hash, uint32_t seq)
{
	struct node *nd = &s->node[i];
	uint32_t at = find_ledger(s, hash);

	if (at == UINT32_MAX || seq >= SEQ_MAX || s->ledgers[at].seq != seq) {
		fail(s, "node %c validated an unknown ledger at %u", 'A' + (int)i, seq);
		return;
	}
	if (seq <= nd->validated_seq)
		fail(s, "node %c: validated goes back from %u to %u", 'A' + (int)i,
		     nd->validated_seq, seq);
	nd->validated_seq = seq;
	nd->validated = *hash;
	agree_on(s, hash, seq);
}

/* Commit what is validated and here: on disk with all below. */
static void commit(struct sim *s, uint32_t i)
{
	struct node *nd = &s->node[i];
	uint32_t at = find_ledger(s, &nd->validated);

	if (at == UINT32_MAX || !(s->ledgers[at].held & (1u << i)))
		return;
	nd->disk.validated = at;
	for (; at != UINT32_MAX && !(s->ledgers[at].disk & (1u << i));
	     at = s->ledgers[at].parent_at)
		s->ledgers[at].disk |= 1u << i;
}

static bool in_chain(const struct sim *s, uint32_t at, const struct hash256 *tx)
{
	for (uint32_t depth = 0; at != UINT32_MAX && depth < 64; depth++) {
		const struct txset *set = &s->sets[s->ledgers[at].set];

		if (set->n && bsearch(tx, set->ids, set->n, sizeof(*tx), hash256_qsort_cmp))
			return true;
		at = s->ledgers[at].parent_at;
	}
	return false;
}

static void answer_open(struct sim *s, uint32_t i)
{
	struct node *nd = &s->node[i];
	struct cons_event ev = {.kind = CONS_OPEN_TXS};
	struct hash256 ids[POOL_MAX];
	struct cons_status st;
	uint32_t n = 0, keep = 0, at, lcl;

	cons_get_status(nd->c, &st);
	lcl = find_ledger(s, &st.prev);
	for (uint32_t k = 0; k < nd->pool_n; k++) {
		struct hash256 h = tx_hash(nd->pool[k]);

		if (in_chain(s, nd->disk.validated, &h))
			continue;
		nd->pool[keep++] = nd->pool[k];
		if (!in_chain(s, lcl, &h))
			ids[n++] = h;
	}
	nd->pool_n = keep;
	qsort(ids, n, sizeof(*ids), hash256_qsort_cmp);
	set_id(&ev.set.id, ids, n);
	at = add_set(s, &ev.set.id, ids, n);
	s->sets[at].held |= 1u << i;
	ev.set.ids = ids;
	ev.set.n = n;
	step(s, i, &ev);
}

static void start_build(struct sim *s, uint32_t i, const struct cons_effect *e)
{
	uint32_t parent = find_ledger(s, &e->build.prev);
	struct event ev = {.kind = K_BUILT, .node = i, .epoch = s->node[i].epoch};
	struct ledger l = {.parent = e->build.prev, .close = e->build.close};

	if (parent == UINT32_MAX || !(s->ledgers[parent].held & (1u << i))) {
		fail(s, "node %c builds on a ledger it has not", 'A' + (int)i);
		return;
	}
	if (e->build.close.s <= s->ledgers[parent].close.s)
		fail(s, "node %c: close time does not rise", 'A' + (int)i);
	l.set = add_set(s, &e->build.set, e->build.ids, e->build.n);
	l.seq = s->ledgers[parent].seq + 1;
	l.resolution = e->build.close_resolution;
	l.agreed = e->build.close_agreed;
	ev.content = add_ledger(s, l, 0);
	ev.t = s->t + s->node[i].build_ms;
	push(s, ev);
}

static void start_vote(struct sim *s, uint32_t i, const struct cons_effect *e)
{
	struct node *nd = &s->node[i];
	struct event ev = {.kind = K_PERSISTED, .node = i, .epoch = nd->epoch};
	struct message *m;

	if (e->ledger.seq >= SEQ_MAX)
		return;
	if (nd->disk.have_vote && e->ledger.seq <= nd->disk.vote.seq)
		fail(s, "node %c votes at %u after %u", 'A' + (int)i, e->ledger.seq,
		     nd->disk.vote.seq);
	ev.msg = new_message(s);
	m = &s->msgs[ev.msg];
	m->hops = 1;
	m->who = i;
	m->validation = (struct cons_validation){.ledger = e->ledger.hash,
						 .seq = e->ledger.seq,
						 .signed_at = node_now(s, i).net,
						 .full = e->ledger.full};
	m->seen = seen_of(s, i, &m->validation);
	ev.t = s->t + PERSIST_MS;
	push(s, ev);
}

static void check_proposal(struct sim *s, uint32_t i, const struct cons_position *p)
{
	struct node *nd = &s->node[i];
	struct {
		struct hash256 prev;
		uint64_t seq;
	} k = {.prev = p->prev, .seq = p->seq};
	struct {
		struct hash256 set;
		uint64_t close;
	} v = {.set = p->set, .close = p->close.s};
	struct hash256 key, value;
	void *old;

	if (p->seq == CONS_SEQ_BOW_OUT)
		return;
	mix256(&key, &k, sizeof(k), 1);
	mix256(&value, &v, sizeof(v), 2);
	old = hmap_put(&nd->proposed, &key, (void *)(uintptr_t)(load_be64(value.b) | 1));
	if (old)
		fail(s, "node %c used proposal number %u twice", 'A' + (int)i, p->seq);
	if (!hash256_eq(&nd->disk.reserved_for, &p->prev)) {
		nd->disk.reserved_for = p->prev;
		nd->disk.reserved = 0;
	}
	while (nd->disk.reserved <= p->seq)
		nd->disk.reserved += PROPOSALS_RESERVED;
}

static void send_proposal(struct sim *s, uint32_t i, const struct cons_position *p)
{
	uint32_t m = new_message(s);

	check_proposal(s, i, p);
	s->proposals++;
	s->msgs[m].proposal = true;
	s->msgs[m].seen = new_seen(s);
	s->msgs[m].who = i;
	s->msgs[m].position = *p;
	broadcast(s, m, i);
}

static void resend(struct sim *s, uint32_t i)
{
	uint32_t m;

	if (!s->node[i].disk.have_vote)
		return;
	m = new_message(s);
	s->msgs[m].who = i;
	s->msgs[m].validation = s->node[i].disk.vote;
	s->msgs[m].seen = seen_of(s, i, &s->node[i].disk.vote);
	broadcast(s, m, i);
}

static void fetch(struct sim *s, uint32_t i, enum kind kind, const struct hash256 *hash)
{
	struct event ev = {.kind = kind, .node = i, .epoch = s->node[i].epoch, .hash = *hash};

	ev.t = s->t + s->o.delay_ms;
	push(s, ev);
}

static void note_switch(struct sim *s, uint32_t i, const struct cons_effect *e)
{
	uint32_t at = find_ledger(s, &e->ledger.hash);

	if (at == UINT32_MAX || !(s->ledgers[at].held & (1u << i)))
		fail(s, "node %c switches to a ledger it has not", 'A' + (int)i);
}

static void effect(struct sim *s, uint32_t i, const struct cons_effect *e)
{
	uint32_t at;

	switch (e->kind) {
	case CONS_FX_TIMER:
		s->node[i].timer = e->at;
		push(s, (struct event){.kind = K_TIMER,
				       .node = i,
				       .epoch = s->node[i].epoch,
				       .t = e->at.ms - 1000 * (int64_t)i});
		break;
	case CONS_FX_CLOSE_OPEN:
		s->node[i].asked_open = true;
		break;
	case CONS_FX_PROPOSE:
		send_proposal(s, i, &e->propose);
		break;
	case CONS_FX_SHARE_SET:
		at = add_set(s, &e->set.id, e->set.ids, e->set.n);
		s->sets[at].held |= 1u << i;
		break;
	case CONS_FX_WANT_SET:
		fetch(s, i, K_FETCH_SET, &e->set.id);
		break;
	case CONS_FX_BUILD:
		start_build(s, i, e);
		break;
	case CONS_FX_VALIDATE:
		start_vote(s, i, e);
		break;
	case CONS_FX_VALIDATED:
		note_validated(s, i, &e->ledger.hash, e->ledger.seq);
		commit(s, i);
		break;
	case CONS_FX_WANT_LEDGER:
		fetch(s, i, K_FETCH_LEDGER, &e->ledger.hash);
		break;
	case CONS_FX_SWITCH:
		note_switch(s, i, e);
		break;
	case CONS_FX_EVIDENCE:
		fail(s, "node %c has evidence against %c, all being honest", 'A' + (int)i,
		     'A' + (int)e->evidence.who);
		break;
	case CONS_FX_RESEND:
		resend(s, i);
		break;
	case CONS_FX_PHASE:
		break;
	}
}

static const char *const fx_names[] = {
    "timer",     "close",       "propose", "share",    "want-set", "build", "VALIDATE",
    "VALIDATED", "want-ledger", "SWITCH",  "EVIDENCE", "phase",    "resend"};

static void print_effect(const struct sim *s, uint32_t i, const struct cons_effect *e)
{
	struct cons_status st;

	if (e->kind == CONS_FX_TIMER)
		return;
	cons_get_status(s->node[i].c, &st);
	printf("%7lld.%03lld %c lcl %u:%s val %u mode %d %s", (long long)(s->t / 1000),
	       (long long)(s->t % 1000), 'A' + (int)i, st.prev_seq, hash256_short(&st.prev).s,
	       st.validated_seq, (int)st.mode, fx_names[e->kind]);
	if (e->kind == CONS_FX_PROPOSE)
		printf(" on %s set %s close %u #%u", hash256_short(&e->propose.prev).s,
		       hash256_short(&e->propose.set).s, e->propose.close.s, e->propose.seq);
	else if (e->kind == CONS_FX_BUILD)
		printf(" set %s close %u agreed %d res %d", hash256_short(&e->build.set).s,
		       e->build.close.s, e->build.close_agreed, e->build.close_resolution);
	else if (e->kind == CONS_FX_WANT_SET || e->kind == CONS_FX_SHARE_SET)
		printf(" %s", hash256_short(&e->set.id).s);
	else if (e->kind == CONS_FX_PHASE)
		printf(" %d", (int)e->phase.phase);
	else if (e->kind != CONS_FX_CLOSE_OPEN && e->kind != CONS_FX_RESEND)
		printf(" %u:%s full %d", e->ledger.seq, hash256_short(&e->ledger.hash).s,
		       e->ledger.full);
	printf("\n");
}

static void run_effects(struct sim *s, uint32_t i, const struct cons_effects *fx)
{
	struct why why;

	s->steps++;
	if (!cons_check(s->node[i].c, &why))
		fail(s, "node %c: %s", 'A' + (int)i, why.text);
	for (uint32_t k = 0; k < fx->n && !s->failed; k++) {
		trace(s, i, fx->e[k].kind, NULL, k);
		if (s->o.verbose)
			print_effect(s, i, &fx->e[k]);
		effect(s, i, &fx->e[k]);
	}
	if (s->node[i].asked_open) {
		s->node[i].asked_open = false;
		answer_open(s, i);
	}
}

static void step(struct sim *s, uint32_t i, const struct cons_event *ev)
{
	struct cons_effects *fx = mem_alloc(sizeof(*fx));

	trace(s, i, 32 + ev->kind, NULL, 0);
	cons_step(s->node[i].c, ev, node_now(s, i), fx);
	run_effects(s, i, fx);
	mem_free(fx);
}

/* --- events arriving at a node ----------------------------------------------------------- */

static void deliver(struct sim *s, const struct event *e)
{
	struct message m = s->msgs[e->msg];
	struct cons_event ev;

	if (s->node[e->node].up && s->node[e->node].epoch == e->epoch &&
	    !s->cut[e->from][e->node]) {
		bool again = s->seen[m.seen] & (1u << e->node);

		if (!again) {
			s->seen[m.seen] |= 1u << e->node;
			forward(s, e->msg, e->node);
		} else if (!s->o.dup_pm || rng_below(&s->net, 8) != 0) {
			/* a node hears a message once, now and then a late copy slips through */
			drop_hop(s, e->msg);
			return;
		}
		trace(s, e->node, 1, m.proposal ? &m.position.set : &m.validation.ledger, m.who);
		if (m.proposal) {
			ev.kind = CONS_PROPOSAL;
			ev.proposal.who = m.who;
			ev.proposal.position = m.position;
		} else {
			ev.kind = CONS_VALIDATION;
			ev.validation.who = m.who;
			ev.validation.validation = m.validation;
		}
		step(s, e->node, &ev);
	}
	drop_hop(s, e->msg);
}

static void built(struct sim *s, const struct event *e)
{
	struct cons_event ev;

	s->ledgers[e->content].held |= 1u << e->node;
	ev = ledger_event(s, CONS_BUILT, e->content);
	step(s, e->node, &ev);
	commit(s, e->node);
}

/* The vote is durable, with what rebuilds its ledger: now it counts and leaves. */
static void persisted(struct sim *s, const struct event *e)
{
	struct node *nd = &s->node[e->node];
	struct cons_validation v = s->msgs[e->msg].validation;
	struct cons_event ev = {.kind = CONS_VALIDATION};

	if (nd->up && nd->epoch == e->epoch) {
		note_signed(s, e->node, &v);
		nd->disk.vote = v;
		nd->disk.have_vote = true;
		for (uint32_t at = find_ledger(s, &v.ledger);
		     at != UINT32_MAX && !(s->ledgers[at].disk & (1u << e->node));
		     at = s->ledgers[at].parent_at)
			s->ledgers[at].disk |= 1u << e->node;
		broadcast(s, e->msg, e->node);
		ev.validation.who = e->node;
		ev.validation.validation = v;
		step(s, e->node, &ev);
	}
	drop_hop(s, e->msg);
}

static bool source(struct sim *s, uint32_t to, uint32_t held)
{
	for (uint32_t i = 0; i < s->n; i++) {
		if ((held & (1u << i)) && linked(s, i, to) && linked(s, to, i))
			return true;
	}
	return false;
}

static void try_again(struct sim *s, struct event e)
{
	e.tries++;
	e.t = s->t + FETCH_TRY_MS;
	push(s, e);
}

static void fetch_set(struct sim *s, const struct event *e)
{
	uint32_t at = find_set(s, &e->hash), me = 1u << e->node;
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
	step(s, e->node, &ev);
}

static void fetch_ledger(struct sim *s, const struct event *e)
{
	uint32_t at = find_ledger(s, &e->hash), me = 1u << e->node;
	struct cons_event ev;

	if (at == UINT32_MAX)
		return;
	if (!(s->ledgers[at].held & me) && !source(s, e->node, s->ledgers[at].held)) {
		if (e->tries < FETCH_TRIES)
			try_again(s, *e);
		return;
	}
	s->ledgers[at].held |= me;
	ev = ledger_event(s, CONS_LEDGER, at);
	step(s, e->node, &ev);
	commit(s, e->node);
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
	push(s, (struct event){.kind = K_TX, .t = s->t + s->o.tx_every_ms});
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
			step(s, e->node, &timer);
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

/* --- the world --------------------------------------------------------------------------- */

struct sim_options sim_defaults(uint64_t seed)
{
	return (struct sim_options){
	    .seed = seed, .validators = 5, .delay_ms = 20, .jitter_ms = 20, .build_ms = 5};
}

struct sim *sim_open(const struct sim_options *o)
{
	struct sim *s = mem_zalloc(1, sizeof(*s));
	struct ledger genesis = {.seq = 1, .resolution = 10, .agreed = true};
	struct rng root;

	must(o->validators >= 1 && o->validators + o->observers <= SIM_NODES_MAX);
	s->o = *o;
	s->n = o->validators + o->observers;
	rng_init(&root, o->seed);
	s->net = rng_fork(&root, "net");
	s->load = rng_fork(&root, "load");
	hmap_init(&s->set_at, 1);
	hmap_init(&s->ledger_at, 2);
	hmap_init(&s->seen_at, 3);
	genesis.parent = HASH256_ZERO;
	genesis.set = add_set(s, &HASH256_ZERO, NULL, 0);
	genesis.close.s = 0;
	genesis.held = genesis.disk = UINT32_MAX;
	add_ledger(s, genesis, 0);
	s->top = s->ledgers[0].hash;
	s->top_seq = 1;
	s->agreed[1] = s->top;
	for (uint32_t i = 0; i < s->n; i++) {
		hmap_init(&s->node[i].proposed, i);
		s->node[i].build_ms = o->build_ms;
	}
	if (o->tx_every_ms)
		push(s, (struct event){.kind = K_TX, .t = o->tx_every_ms});
	return s;
}

void sim_close(struct sim *s)
{
	for (uint32_t i = 0; i < s->n; i++) {
		cons_close(s->node[i].c);
		hmap_close(&s->node[i].proposed);
	}
	for (uint32_t i = 0; i < s->sets_n; i++)
		mem_free(s->sets[i].ids);
	hmap_close(&s->set_at);
	hmap_close(&s->ledger_at);
	mem_free(s->sets);
	mem_free(s->ledgers);
	hmap_close(&s->seen_at);
	mem_free(s->seen);
	mem_free(s->msgs);
	mem_free(s->free_msgs);
	mem_free(s->heap);
	mem_free(s);
}

static bool named(const char *nodes, uint32_t i)
{
	return strchr(nodes, 'A' + (int)i) != NULL;
}

/* From disk, as consensus.h says: validated, rebuilt ledgers, own vote, start. */
static void boot(struct sim *s, uint32_t i)
{
	struct node *nd = &s->node[i];
	struct cons_config config = {.unl_n = s->o.validators,
				     .self = i < s->o.validators ? (int32_t)i : -1,
				     .set_id = set_id,
				     .salt = i};
	uint32_t at, line[64], n = 0, lcl = nd->disk.validated, me = 1u << i;
	struct cons_effects fx;
	struct cons_event ev;

	nd->up = true;
	nd->epoch++;
	nd->c = cons_open(&config);
	nd->pool_n = 0;
	for (uint32_t k = 0; k < s->ledgers_n; k++) {
		s->ledgers[k].held &= ~me;
		s->ledgers[k].held |= s->ledgers[k].disk & me;
	}
	for (uint32_t k = 1; k < s->sets_n; k++)
		s->sets[k].held &= ~me;
	for (uint32_t k = 0; k < s->seen_n; k++)
		s->seen[k] &= ~me;
	cons_set_validated(nd->c, &s->ledgers[lcl].hash, s->ledgers[lcl].seq);
	nd->validated = s->ledgers[lcl].hash;
	nd->validated_seq = s->ledgers[lcl].seq;
	if (nd->disk.have_vote && nd->disk.vote.seq > nd->validated_seq)
		lcl = find_ledger(s, &nd->disk.vote.ledger);
	for (at = lcl; at != UINT32_MAX && n < 64 && s->ledgers[at].seq > nd->validated_seq;
	     at = s->ledgers[at].parent_at)
		line[n++] = at;
	while (n > 0) {
		ev = ledger_event(s, CONS_LEDGER, line[--n]);
		step(s, i, &ev);
	}
	if (nd->disk.have_vote) {
		ev.kind = CONS_VALIDATION;
		ev.validation.who = i;
		ev.validation.validation = nd->disk.vote;
		step(s, i, &ev);
		resend(s, i);
	}
	if (nd->disk.reserved)
		cons_set_first_seq(nd->c, &nd->disk.reserved_for, nd->disk.reserved);
	if (config.self >= 0) {
		cons_set_proposing(nd->c, true, node_now(s, i), &fx);
		run_effects(s, i, &fx);
	}
	ev = ledger_event(s, CONS_START, lcl);
	step(s, i, &ev);
}

void sim_start(struct sim *s, const char *nodes)
{
	for (uint32_t i = 0; i < s->n; i++) {
		if (named(nodes, i) && !s->node[i].up)
			boot(s, i);
	}
}

void sim_kill(struct sim *s, const char *nodes)
{
	for (uint32_t i = 0; i < s->n; i++) {
		struct node *nd = &s->node[i];

		if (!named(nodes, i) || !nd->up)
			continue;
		trace(s, i, 100, NULL, 0);
		nd->up = false;
		cons_close(nd->c);
		nd->c = NULL;
	}
}

void sim_partition(struct sim *s, const char *groups)
{
	uint32_t group[SIM_NODES_MAX], g = 1;

	for (uint32_t i = 0; i < s->n; i++)
		group[i] = 100 + i;
	for (const char *p = groups; *p; p++) {
		if (*p == '|')
			g++;
		else if (*p >= 'A' && *p < 'A' + (int)s->n)
			group[*p - 'A'] = g;
	}
	for (uint32_t i = 0; i < s->n; i++) {
		for (uint32_t k = 0; k < s->n; k++)
			s->cut[i][k] = group[i] != group[k];
	}
}

void sim_cut(struct sim *s, char from, char to, bool cut)
{
	s->cut[from - 'A'][to - 'A'] = cut;
}

void sim_heal(struct sim *s)
{
	memset(s->cut, 0, sizeof(s->cut));
}

void sim_set_loss(struct sim *s, uint32_t loss_pm)
{
	s->o.loss_pm = loss_pm;
}

void sim_skew(struct sim *s, char node, int32_t seconds)
{
	s->node[node - 'A'].skew_s = seconds;
}

void sim_slow(struct sim *s, char node, int64_t ms)
{
	s->node[node - 'A'].slow_ms = ms;
}

void sim_build_ms(struct sim *s, char node, int64_t ms)
{
	s->node[node - 'A'].build_ms = ms;
}

void sim_block_sets(struct sim *s, const char *nodes, bool block)
{
	for (uint32_t i = 0; i < s->n; i++) {
		if (named(nodes, i))
			s->node[i].sets_blocked = block;
	}
}

void sim_submit(struct sim *s, const char *nodes, uint64_t tx)
{
	for (uint32_t i = 0; i < s->n; i++) {
		struct node *nd = &s->node[i];

		if ((!nodes || named(nodes, i)) && nd->pool_n < POOL_MAX)
			nd->pool[nd->pool_n++] = tx;
	}
}

int64_t sim_now_ms(const struct sim *s)
{
	return s->t;
}

bool sim_alive(const struct sim *s, uint32_t node)
{
	return s->node[node].up;
}

struct cons_status sim_status(const struct sim *s, char node)
{
	struct cons_status st;

	must(s->node[node - 'A'].up);
	cons_get_status(s->node[node - 'A'].c, &st);
	return st;
}

uint32_t sim_validated(const struct sim *s, char node)
{
	return s->node[node - 'A'].validated_seq;
}

uint32_t sim_validated_min(const struct sim *s)
{
	uint32_t min = UINT32_MAX;

	for (uint32_t i = 0; i < s->n; i++) {
		if (s->node[i].up && s->node[i].validated_seq < min)
			min = s->node[i].validated_seq;
	}
	return min;
}

uint32_t sim_validated_max(const struct sim *s)
{
	uint32_t max = 0;

	for (uint32_t i = 0; i < s->n; i++) {
		if (s->node[i].validated_seq > max)
			max = s->node[i].validated_seq;
	}
	return max;
}

bool sim_included(const struct sim *s, uint64_t tx)
{
	struct hash256 h = tx_hash(tx);

	for (uint32_t at = find_ledger(s, &s->top); at != UINT32_MAX;
	     at = s->ledgers[at].parent_at) {
		const struct txset *set = &s->sets[s->ledgers[at].set];

		if (set->n && bsearch(&h, set->ids, set->n, sizeof(h), hash256_qsort_cmp))
			return true;
	}
	return false;
}

uint64_t sim_proposals(const struct sim *s)
{
	return s->proposals;
}

uint64_t sim_steps(const struct sim *s)
{
	return s->steps;
}

bool sim_last_close(const struct sim *s, uint32_t seq, uint32_t *close, bool *agreed)
{
	uint32_t at = find_ledger(s, &s->agreed[seq]);

	if (at == UINT32_MAX)
		return false;
	*close = s->ledgers[at].close.s;
	*agreed = s->ledgers[at].agreed;
	return true;
}

struct hash256 sim_genesis(const struct sim *s)
{
	return s->ledgers[0].hash;
}

struct hash256 sim_inject(struct sim *s, const char *nodes, const struct hash256 *parent,
			  uint64_t marker)
{
	uint32_t p = find_ledger(s, parent), at;
	struct ledger l = {.parent = *parent};

	must(p != UINT32_MAX);
	l.seq = s->ledgers[p].seq + 1;
	l.close.s = s->ledgers[p].close.s + 1;
	l.resolution = s->ledgers[p].resolution;
	at = add_ledger(s, l, marker);
	for (uint32_t i = 0; i < s->n; i++) {
		struct node *nd = &s->node[i];

		if (!named(nodes, i))
			continue;
		must(!nd->up && l.seq < SEQ_MAX);
		s->ledgers[at].disk |= 1u << i;
		nd->disk.vote = (struct cons_validation){.ledger = s->ledgers[at].hash,
							 .seq = l.seq,
							 .signed_at = node_now(s, i).net,
							 .full = true};
		nd->disk.have_vote = true;
		note_signed(s, i, &nd->disk.vote);
	}
	return s->ledgers[at].hash;
}

const char *sim_failure(const struct sim *s)
{
	return s->failed ? s->failure : NULL;
}

uint64_t sim_trace(const struct sim *s)
{
	return s->trace;
}
