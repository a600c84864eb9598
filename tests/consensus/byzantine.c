/* SPDX-License-Identifier: ISC */
#include "tests/consensus/cluster_impl.h"

#include <stdio.h>

/* Validators that lie. A mirror has no machine of its own: it tells each face of the network what
 * that face says itself, under its own key; nor have those that flip or flood. A mutant runs a real
 * machine whose words are changed on the way, for each receiver alone. */

#define MIRROR_AGAIN_MS 5000
#define FLIP_MS         490
#define FLOOD_MS        10
#define FLOOD_AT_ONCE   35

void sim_byzantine(struct sim *s, char node, enum sim_lies lies, const char *face)
{
	struct node *nd = &s->node[node - 'A'];

	must(!nd->up);
	nd->lies = lies;
	nd->face = 0;
	for (const char *p = face ? face : ""; *p; p++)
		nd->face |= 1u << (*p - 'A');
	s->liars |= 1u << (node - 'A');
}

static uint32_t face_of(const struct node *nd, uint32_t to)
{
	return nd->face & (1u << to) ? 1 : 0;
}

/* A message of liar i to the nodes of a mask only, its relay apart. */
static void tell(struct sim *s, uint32_t i, const struct message *m, uint32_t mask)
{
	uint32_t at = msg_new(s);

	s->msgs[at] = *m;
	s->msgs[at].who = i;
	s->msgs[at].hops = 1;
	s->msgs[at].seen = m->kind == M_VALIDATION ? msg_seen_of(s, i, &m->validation)
						   : msg_seen_new(s);
	for (uint32_t to = 0; to < s->n; to++) {
		if (to != i && (mask & (1u << to)))
			msg_hop(s, at, i, to);
	}
	msg_drop_hop(s, at);
}

static uint32_t mask_of_face(const struct sim *s, const struct node *nd, uint32_t face)
{
	uint32_t mask = 0;

	for (uint32_t to = 0; to < s->n; to++) {
		if (!s->node[to].lies && face_of(nd, to) == face)
			mask |= 1u << to;
	}
	return mask;
}

static void mirror_proposal(struct sim *s, uint32_t i, uint32_t face, const struct message *heard)
{
	struct node *nd = &s->node[i];
	struct message m = {.kind = M_PROPOSAL, .position = heard->position};
	const struct cons_position *last = &nd->said[face].position;

	if (heard->position.seq == CONS_SEQ_BOW_OUT || nd->lies == LIES_MIRROR_VOTE)
		return;
	if (hash256_eq(&last->prev, &m.position.prev) && hash256_eq(&last->set, &m.position.set) &&
	    last->close.s == m.position.close.s)
		return;
	/* one number for both faces shows at once to whoever compares */
	m.position.seq = nd->lies == LIES_MIRROR_SAME ? nd->numbers[face]++ : nd->numbers[0]++;
	nd->said[face].position = m.position;
	tell(s, i, &m, mask_of_face(s, nd, face));
}

static void mirror_validation(struct sim *s, uint32_t i, uint32_t face, const struct message *heard)
{
	struct node *nd = &s->node[i];
	struct message m = {.kind = M_VALIDATION, .validation = heard->validation};

	if (nd->lies == LIES_MIRROR_MUTE)
		return;
	if (hash256_eq(&nd->said[face].validation.ledger, &m.validation.ledger) ||
	    m.validation.seq < nd->said[face].validation.seq)
		return;
	m.validation.full = true;
	m.validation.signed_at = node_now(s, i).net;
	nd->said[face].validation = m.validation;
	tell(s, i, &m, mask_of_face(s, nd, face));
}

/* The last two different positions on one ledger, in turns. */
static void remember_both(struct node *nd, const struct cons_position *p)
{
	if (p->seq == CONS_SEQ_BOW_OUT)
		return;
	if (!hash256_eq(&nd->said[0].position.prev, &p->prev))
		nd->said[0].position = nd->said[1].position = *p;
	else if (!hash256_eq(&nd->said[0].position.set, &p->set))
		nd->said[1].position = *p;
}

static void flip(struct sim *s, uint32_t i)
{
	struct node *nd = &s->node[i];
	struct message m = {.kind = M_PROPOSAL};
	uint32_t n = nd->numbers[0]++;

	m.position = nd->said[n & 1].position;
	m.position.seq = n;
	if (!hash256_is_zero(&m.position.prev))
		tell(s, i, &m, UINT32_MAX);
}

static void flood(struct sim *s, uint32_t i)
{
	struct node *nd = &s->node[i];

	for (uint32_t k = 0; k < FLOOD_AT_ONCE; k++) {
		struct message m = {.kind = nd->face || (k & 1) ? M_PROPOSAL : M_VALIDATION};
		uint32_t n = nd->numbers[0]++;
		struct hash256 h;

		sim_mix(&h, &n, sizeof(n), 77);
		if (m.kind == M_PROPOSAL) {
			m.position = nd->said[0].position;
			m.position.set = h;
			m.position.seq = n;
		} else {
			m.validation = (struct cons_validation){.ledger = h,
								.seq = 1 + s->top_seq + n % 97,
								.signed_at = node_now(s, i).net,
								.full = n & 2};
		}
		tell(s, i, &m, UINT32_MAX);
	}
}

void byz_hear(struct sim *s, uint32_t i, const struct message *m)
{
	struct node *nd = &s->node[i];

	if (m->kind == M_EVIDENCE || s->node[m->who].lies)
		return;
	if (nd->lies == LIES_FLIP || nd->lies == LIES_FLOOD) {
		if (m->kind == M_PROPOSAL)
			remember_both(nd, &m->position);
		return;
	}
	if (m->kind == M_PROPOSAL)
		mirror_proposal(s, i, face_of(nd, m->who), m);
	else
		mirror_validation(s, i, face_of(nd, m->who), m);
}

/* Again and again, every round. */
static void mirror_again(struct sim *s, uint32_t i)
{
	struct node *nd = &s->node[i];

	for (uint32_t face = 0; face < 2; face++) {
		struct message m = {.kind = M_VALIDATION, .validation = nd->said[face].validation};

		if (m.validation.seq)
			tell(s, i, &m, mask_of_face(s, nd, face));
		m = (struct message){.kind = M_PROPOSAL, .position = nd->said[face].position};
		if (hash256_is_zero(&m.position.prev))
			continue;
		m.position.seq = nd->lies == LIES_MIRROR_SAME ? nd->numbers[face]++
							      : nd->numbers[0]++;
		tell(s, i, &m, mask_of_face(s, nd, face));
	}
}

void byz_timer(struct sim *s, uint32_t i)
{
	struct event e = {.kind = K_LIAR, .node = i, .epoch = s->node[i].epoch, .t = s->t};

	if (s->node[i].lies == LIES_FLIP) {
		flip(s, i);
		e.t += FLIP_MS;
	} else if (s->node[i].lies == LIES_FLOOD) {
		flood(s, i);
		e.t += FLOOD_MS;
	} else {
		mirror_again(s, i);
		e.t += MIRROR_AGAIN_MS;
	}
	sim_push(s, e);
}

/* --- mutants ----------------------------------------------------------------------------- */

static bool one_in(struct sim *s, uint64_t n)
{
	return rng_below(&s->lie, n) == 0;
}

static void mutate_position(struct sim *s, struct cons_position *p)
{
	switch (rng_below(&s->lie, 6)) {
	case 0:
		p->set = s->sets[rng_below(&s->lie, s->sets_n)].id;
		break;
	case 1:
		p->close.s += (uint32_t)rng_below(&s->lie, 61) - 30;
		break;
	case 2:
		p->seq += (uint32_t)rng_below(&s->lie, 3) - 1;
		break;
	case 3:
		p->prev = s->ledgers[rng_below(&s->lie, s->ledgers_n)].hash;
		break;
	case 4:
		p->seq = CONS_SEQ_BOW_OUT;
		break;
	default:
		p->set = HASH256_ZERO;
		break;
	}
}

/* Another ledger at the same height: one that somebody has built, or one made up. */
static void other_ledger(struct sim *s, uint32_t i, struct cons_validation *v)
{
	uint32_t at = sim_find_ledger(s, &v->ledger), pick;
	struct ledger l;

	if (at == UINT32_MAX)
		return;
	for (uint32_t k = 0; k < 16; k++) {
		pick = (uint32_t)rng_below(&s->lie, s->ledgers_n);
		if (pick != at && s->ledgers[pick].seq == v->seq) {
			v->ledger = s->ledgers[pick].hash;
			return;
		}
	}
	l = s->ledgers[at];
	l.held = l.disk = 0;
	if (one_in(s, 3) && l.parent_at != UINT32_MAX && s->ledgers[l.parent_at].seq > 1) {
		/* a child of another ledger than everybody's */
		for (uint32_t k = 0; k < 16; k++) {
			pick = (uint32_t)rng_below(&s->lie, s->ledgers_n);
			if (s->ledgers[pick].seq + 1 == l.seq &&
			    l.close.s > s->ledgers[pick].close.s)
				l.parent = s->ledgers[pick].hash;
		}
	}
	pick = sim_add_ledger(s, l, 1000000 + i + 16 * rng_below(&s->lie, 2));
	s->ledgers[pick].held |= 1u << i;
	v->ledger = s->ledgers[pick].hash;
}

static void mutate_validation(struct sim *s, uint32_t i, struct cons_validation *v)
{
	switch (rng_below(&s->lie, 6)) {
	case 0:
		v->seq += (uint32_t)rng_below(&s->lie, 3) - 1;
		break;
	case 1:
		v->full = !v->full;
		break;
	case 2:
		v->signed_at.s -= (uint32_t)rng_below(&s->lie, 1000);
		break;
	default:
		other_ledger(s, i, v);
		break;
	}
}

/* What node i wants to say, to each other node in its own version. */
void byz_send(struct sim *s, uint32_t i, uint32_t at)
{
	struct message m = s->msgs[at];
	uint32_t plain = 0;

	for (uint32_t to = 0; to < s->n; to++) {
		struct message lie = m;

		if (to == i || one_in(s, 8))
			continue;
		if (!one_in(s, 3)) {
			plain |= 1u << to;
			continue;
		}
		if (m.kind == M_PROPOSAL)
			mutate_position(s, &lie.position);
		else
			mutate_validation(s, i, &lie.validation);
		if (lie.kind == M_VALIDATION && lie.validation.seq == 0)
			continue;
		tell(s, i, &lie, 1u << to);
		if (one_in(s, 4)) /* and the truth as well */
			plain |= 1u << to;
	}
	tell(s, i, &m, plain);
}
