/* SPDX-License-Identifier: ISC */
#include "tests/consensus/cluster_impl.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

/* What a machine wants done, and its node doing it. */

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
	if (!nd->lies)
		sim_agree_on(s, hash, seq);
}

/* Commit what is validated and here: on disk with all below. */
void node_commit(struct sim *s, uint32_t i)
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
	m->kind = M_VALIDATION;
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

	if (!s->node[i].lies)
		check_proposal(s, i, p);
	s->proposals++;
	s->msgs[m].kind = M_PROPOSAL;
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
	s->msgs[m].kind = M_VALIDATION;
	s->msgs[m].who = i;
	s->msgs[m].validation = s->node[i].disk.vote;
	s->msgs[m].seen = msg_seen_of(s, i, &s->node[i].disk.vote);
	msg_broadcast(s, m, i);
}

/* The newest validations of each member, as many as a node keeps. */
static void resend_proofs(struct sim *s, uint32_t i)
{
	for (uint32_t k = 0; k < s->proofs_n && k < PROOFS_MAX; k++) {
		const struct proof *p = &s->proofs[k];
		uint32_t m;

		if (!(s->seen[p->seen] & (1u << i)))
			continue;
		m = msg_new(s);
		s->msgs[m].kind = M_EVIDENCE;
		s->msgs[m].who = i;
		s->msgs[m].evidence = p->e;
		s->msgs[m].seen = p->seen;
		s->msgs[m].hops = 1;
		for (uint32_t to = 0; to < s->n; to++)
			msg_hop(s, m, i, to);
		msg_drop_hop(s, m);
	}
}

static void resend_all(struct sim *s, uint32_t i)
{
	struct cons_validation v;

	node_resend(s, i);
	resend_proofs(s, i);
	for (uint32_t who = 0; who < s->o.validators; who++) {
		uint32_t place = sim_place(s, i, who), newest;

		if (place == UINT32_MAX || !cons_last_validation(s->node[i].c, place, &v))
			continue;
		newest = v.seq;
		for (uint32_t k = 0; k < VOTES_KEPT && k < newest; k++) {
			uint32_t m;

			if (!cons_validation_at(s->node[i].c, place, newest - k, &v))
				continue;
			m = msg_new(s);
			v.signed_at = node_now(s, who).net;
			s->msgs[m].kind = M_VALIDATION;
			s->msgs[m].who = who;
			s->msgs[m].validation = v;
			s->msgs[m].seen = msg_seen_of(s, who, &v);
			s->msgs[m].hops = 1;
			for (uint32_t to = 0; to < s->n; to++)
				msg_hop(s, m, i, to);
			msg_drop_hop(s, m);
		}
	}
}

static void tell_evidence(struct sim *s, uint32_t i, const struct cons_evidence *e)
{
	uint32_t m, seen, who = sim_member(s, i, e->who);

	if (!s->node[who].lies)
		sim_fail(s, "node %c has evidence against %c, an honest one", 'A' + (int)i,
			 'A' + (int)who);
	s->accusers |= 1u << i;
	seen = msg_seen_new(s);
	s->proofs[s->proofs_n % PROOFS_MAX] = (struct proof){.e = *e, .seen = seen};
	s->proofs[s->proofs_n++ % PROOFS_MAX].e.who = who;
	m = msg_new(s);
	s->msgs[m].kind = M_EVIDENCE;
	s->msgs[m].who = i;
	s->msgs[m].evidence = *e;
	s->msgs[m].evidence.who = who;
	s->msgs[m].seen = seen;
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
		s->set_requests++;
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
		node_commit(s, i);
		break;
	case CONS_FX_WANT_LEDGER:
		fetch(s, i, K_FETCH_LEDGER, &e->ledger.hash);
		break;
	case CONS_FX_SWITCH:
		note_switch(s, i, e);
		break;
	case CONS_FX_EVIDENCE:
		tell_evidence(s, i, &e->evidence);
		break;
	case CONS_FX_RESEND:
		node_resend(s, i);
		break;
	case CONS_FX_RESEND_ALL:
		resend_all(s, i);
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
