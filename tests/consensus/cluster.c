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

/* Validated by this node. */
static void note_validated(struct sim *s, uint32_t i, const struct hash256 *hash, uint32_t seq)
{
	struct node *nd = &s->node[i];
	uint32_t at = sim_find_ledger(s, hash);

	if (at == UINT32_MAX || seq >= SEQ_MAX || s->ledgers[at].seq != seq) {
		sim_fail(s, "node %c validated an unknown ledger at %u", 'A' + (int)i, seq);
		return;
	}
	if (seq <= nd->validated_seq)
		sim_fail(s, "node %c: validated goes back from %u to %u", 'A' + (int)i,
			 nd->validated_seq, seq);
	nd->validated_seq = seq;
	nd->validated = *hash;
	sim_agree_on(s, hash, seq);
}

/* Commit what is validated and here: on disk with all below. */
static void commit(struct sim *s, uint32_t i)
{
	struct node *nd = &s->node[i];
	uint32_t at = sim_find_ledger(s, &nd->validated);

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
	lcl = sim_find_ledger(s, &st.prev);
	for (uint32_t k = 0; k < nd->pool_n; k++) {
		struct hash256 h = sim_tx_hash(nd->pool[k]);

		if (in_chain(s, nd->disk.validated, &h))
			continue;
		nd->pool[keep++] = nd->pool[k];
		if (!in_chain(s, lcl, &h))
			ids[n++] = h;
	}
	nd->pool_n = keep;
	qsort(ids, n, sizeof(*ids), hash256_qsort_cmp);
	sim_set_id(&ev.set.id, ids, n);
	at = sim_add_set(s, &ev.set.id, ids, n);
	s->sets[at].held |= 1u << i;
	ev.set.ids = ids;
	ev.set.n = n;
	node_step(s, i, &ev);
}

static void start_build(struct sim *s, uint32_t i, const struct cons_effect *e)
{
	uint32_t parent = sim_find_ledger(s, &e->build.prev);
	struct event ev = {.kind = K_BUILT, .node = i, .epoch = s->node[i].epoch};
	struct ledger l = {.parent = e->build.prev, .close = e->build.close};

	if (parent == UINT32_MAX || !(s->ledgers[parent].held & (1u << i))) {
		sim_fail(s, "node %c builds on a ledger it has not", 'A' + (int)i);
		return;
	}
	if (e->build.close.s <= s->ledgers[parent].close.s)
		sim_fail(s, "node %c: close time does not rise", 'A' + (int)i);
	l.set = sim_add_set(s, &e->build.set, e->build.ids, e->build.n);
	l.seq = s->ledgers[parent].seq + 1;
	l.resolution = e->build.close_resolution;
	l.agreed = e->build.close_agreed;
	ev.content = sim_add_ledger(s, l, 0);
	ev.t = s->t + s->node[i].build_ms;
	sim_push(s, ev);
}

static void start_vote(struct sim *s, uint32_t i, const struct cons_effect *e)
{
	struct node *nd = &s->node[i];
	struct event ev = {.kind = K_PERSISTED, .node = i, .epoch = nd->epoch};
	struct message *m;

	if (e->ledger.seq >= SEQ_MAX)
		return;
	if (nd->disk.have_vote && e->ledger.seq <= nd->disk.vote.seq)
		sim_fail(s, "node %c votes at %u after %u", 'A' + (int)i, e->ledger.seq,
			 nd->disk.vote.seq);
	ev.msg = msg_new(s);
	m = &s->msgs[ev.msg];
	m->hops = 1;
	m->who = i;
	m->validation = (struct cons_validation){.ledger = e->ledger.hash,
						 .seq = e->ledger.seq,
						 .signed_at = node_now(s, i).net,
						 .full = e->ledger.full};
	m->seen = msg_seen_of(s, i, &m->validation);
	ev.t = s->t + PERSIST_MS;
	sim_push(s, ev);
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
	sim_mix(&key, &k, sizeof(k), 1);
	sim_mix(&value, &v, sizeof(v), 2);
	old = hmap_put(&nd->proposed, &key, (void *)(uintptr_t)(load_be64(value.b) | 1));
	if (old)
		sim_fail(s, "node %c used proposal number %u twice", 'A' + (int)i, p->seq);
	if (!hash256_eq(&nd->disk.reserved_for, &p->prev)) {
		nd->disk.reserved_for = p->prev;
		nd->disk.reserved = 0;
	}
	while (nd->disk.reserved <= p->seq)
		nd->disk.reserved += PROPOSALS_RESERVED;
}

static void send_proposal(struct sim *s, uint32_t i, const struct cons_position *p)
{
	uint32_t m = msg_new(s);

	check_proposal(s, i, p);
	s->proposals++;
	s->msgs[m].proposal = true;
	s->msgs[m].seen = msg_seen_new(s);
	s->msgs[m].who = i;
	s->msgs[m].position = *p;
	msg_broadcast(s, m, i);
}

void node_resend(struct sim *s, uint32_t i)
{
	uint32_t m;

	if (!s->node[i].disk.have_vote)
		return;
	m = msg_new(s);
	s->msgs[m].who = i;
	s->msgs[m].validation = s->node[i].disk.vote;
	s->msgs[m].seen = msg_seen_of(s, i, &s->node[i].disk.vote);
	msg_broadcast(s, m, i);
}

static void fetch(struct sim *s, uint32_t i, enum kind kind, const struct hash256 *hash)
{
	struct event ev = {.kind = kind, .node = i, .epoch = s->node[i].epoch, .hash = *hash};

	ev.t = s->t + s->o.delay_ms;
	sim_push(s, ev);
}

static void note_switch(struct sim *s, uint32_t i, const struct cons_effect *e)
{
	uint32_t at = sim_find_ledger(s, &e->ledger.hash);

	if (at == UINT32_MAX || !(s->ledgers[at].held & (1u << i)))
		sim_fail(s, "node %c switches to a ledger it has not", 'A' + (int)i);
}

static void effect(struct sim *s, uint32_t i, const struct cons_effect *e)
{
	uint32_t at;

	switch (e->kind) {
	case CONS_FX_TIMER:
		s->node[i].timer = e->at;
		sim_push(s, (struct event){.kind = K_TIMER,
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
		at = sim_add_set(s, &e->set.id, e->set.ids, e->set.n);
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
		sim_fail(s, "node %c has evidence against %c, all being honest", 'A' + (int)i,
			 'A' + (int)e->evidence.who);
		break;
	case CONS_FX_RESEND:
		node_resend(s, i);
		break;
	case CONS_FX_RESEND_ALL:
		node_resend(s, i);
		break;
	case CONS_FX_PHASE:
		break;
	}
}

static const char *const fx_names[] = {
    "timer",     "close",       "propose", "share",    "want-set", "build",  "VALIDATE",
    "VALIDATED", "want-ledger", "SWITCH",  "EVIDENCE", "phase",    "resend", "resend-all"};

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

void node_effects(struct sim *s, uint32_t i, const struct cons_effects *fx)
{
	struct why why;

	s->steps++;
	if (!cons_check(s->node[i].c, &why))
		sim_fail(s, "node %c: %s", 'A' + (int)i, why.text);
	for (uint32_t k = 0; k < fx->n && !s->failed; k++) {
		sim_note(s, i, fx->e[k].kind, NULL, k);
		if (s->o.verbose)
			print_effect(s, i, &fx->e[k]);
		effect(s, i, &fx->e[k]);
	}
	if (s->node[i].asked_open) {
		s->node[i].asked_open = false;
		answer_open(s, i);
	}
}

void node_step(struct sim *s, uint32_t i, const struct cons_event *ev)
{
	struct cons_effects *fx = mem_alloc(sizeof(*fx));

	sim_note(s, i, 32 + ev->kind, NULL, 0);
	cons_step(s->node[i].c, ev, node_now(s, i), fx);
	node_effects(s, i, fx);
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
			msg_forward(s, e->msg, e->node);
		} else if (!s->o.dup_pm || rng_below(&s->net, 8) != 0) {
			/* a node hears a message once, now and then a late copy slips through */
			msg_drop_hop(s, e->msg);
			return;
		}
		sim_note(s, e->node, 1, m.proposal ? &m.position.set : &m.validation.ledger, m.who);
		if (m.proposal) {
			ev.kind = CONS_PROPOSAL;
			ev.proposal.who = m.who;
			ev.proposal.position = m.position;
		} else {
			ev.kind = CONS_VALIDATION;
			ev.validation.who = m.who;
			ev.validation.validation = m.validation;
		}
		node_step(s, e->node, &ev);
	}
	msg_drop_hop(s, e->msg);
}

static void built(struct sim *s, const struct event *e)
{
	struct cons_event ev;

	s->ledgers[e->content].held |= 1u << e->node;
	ev = sim_ledger_event(s, CONS_BUILT, e->content);
	node_step(s, e->node, &ev);
	commit(s, e->node);
}

/* The vote is durable, with what rebuilds its ledger: now it counts and leaves. */
static void persisted(struct sim *s, const struct event *e)
{
	struct node *nd = &s->node[e->node];
	struct cons_validation v = s->msgs[e->msg].validation;
	struct cons_event ev = {.kind = CONS_VALIDATION};

	if (nd->up && nd->epoch == e->epoch) {
		sim_note_signed(s, e->node, &v);
		nd->disk.vote = v;
		nd->disk.have_vote = true;
		for (uint32_t at = sim_find_ledger(s, &v.ledger);
		     at != UINT32_MAX && !(s->ledgers[at].disk & (1u << e->node));
		     at = s->ledgers[at].parent_at)
			s->ledgers[at].disk |= 1u << e->node;
		msg_broadcast(s, e->msg, e->node);
		ev.validation.who = e->node;
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
	if (!(s->ledgers[at].held & me) && !source(s, e->node, s->ledgers[at].held)) {
		if (e->tries < FETCH_TRIES)
			try_again(s, *e);
		return;
	}
	s->ledgers[at].held |= me;
	ev = sim_ledger_event(s, CONS_LEDGER, at);
	node_step(s, e->node, &ev);
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
