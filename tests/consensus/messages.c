/* SPDX-License-Identifier: ISC */
#include "tests/consensus/cluster_impl.h"

#include "base/mem.h"

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

bool msg_linked(const struct sim *s, uint32_t from, uint32_t to)
{
	return from != to && s->node[from].up && s->node[to].up && !s->cut[from][to];
}

uint32_t msg_new(struct sim *s)
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

uint32_t msg_seen_new(struct sim *s)
{
	if (s->seen_n == s->seen_cap) {
		s->seen_cap = s->seen_cap ? 2 * s->seen_cap : 256;
		s->seen = mem_resize(s->seen, s->seen_cap, sizeof(uint32_t));
	}
	s->seen[s->seen_n] = 0;
	return s->seen_n++;
}

/* The mask of a validation that may be sent again. */
uint32_t msg_seen_of(struct sim *s, uint32_t who, const struct cons_validation *v)
{
	struct {
		struct hash256 ledger;
		uint64_t who, seq;
	} k = {.ledger = v->ledger, .who = who, .seq = v->seq};
	struct hash256 key;
	uintptr_t at;

	sim_mix(&key, &k, sizeof(k), 9);
	at = (uintptr_t)hmap_get(&s->seen_at, &key);
	if (at == 0) {
		at = (uintptr_t)msg_seen_new(s) + 1;
		hmap_put(&s->seen_at, &key, (void *)at);
	}
	return (uint32_t)(at - 1);
}

void msg_drop_hop(struct sim *s, uint32_t m)
{
	must(s->msgs[m].hops > 0);
	if (--s->msgs[m].hops == 0)
		s->free_msgs[s->free_n++] = m;
}

void msg_hop(struct sim *s, uint32_t m, uint32_t from, uint32_t to)
{
	uint32_t copies = 1;

	if (!msg_linked(s, from, to))
		return;
	if (s->o.loss_pm && rng_below(&s->net, 1000) < s->o.loss_pm)
		copies = 0;
	else if (s->o.dup_pm && rng_below(&s->net, 1000) < s->o.dup_pm)
		copies = 2;
	for (uint32_t k = 0; k < copies; k++) {
		struct event e = {.kind = K_HOP, .node = to, .from = from, .msg = m};

		e.t = s->t + draw_delay(s, from, to);
		e.epoch = s->node[to].epoch;
		s->msgs[m].hops++;
		sim_push(s, e);
	}
}

/* To every linked peer that has it not yet. The caller holds a hop of its own. */
void msg_forward(struct sim *s, uint32_t m, uint32_t node)
{
	const struct message *msg = &s->msgs[m];

	if (s->o.no_relay && node != msg->who && msg->kind != M_EVIDENCE)
		return;
	for (uint32_t to = 0; to < s->n; to++) {
		if (node == s->msgs[m].who || !(s->seen[s->msgs[m].seen] & (1u << to)))
			msg_hop(s, m, node, to);
	}
}

void msg_broadcast(struct sim *s, uint32_t m, uint32_t node)
{
	s->msgs[m].hops++;
	s->seen[s->msgs[m].seen] |= 1u << node;
	if (s->node[node].lies && s->msgs[m].kind != M_EVIDENCE)
		byz_send(s, node, m);
	else
		msg_forward(s, m, node);
	msg_drop_hop(s, m);
}
