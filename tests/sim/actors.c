/* SPDX-License-Identifier: ISC */
#include "tests/sim/actors_impl.h"

#define ROUND_WEIGHT 1000 /* of an act, asked once per round */
#define ROUND_MS_MAX 8000 /* a round without positions ends after */
#define BACK_MS      4000 /* after its death, an actor starts again */

struct actors { /* of one world */
	struct world *w;
	uint32_t n;
	struct actor *actor[WORLD_NODES_MAX]; /* by node; NULL: honest */
	bool over;
};

bool actor_does(const struct actor *a, enum fault f, uint32_t to)
{
	return a->on[f - FIRST_ACT] && (a->param[f - FIRST_ACT] >> (to % 16) & 1);
}

uint32_t actor_how(const struct actor *a, enum fault f)
{
	return (uint32_t)(a->param[f - FIRST_ACT] >> 16);
}

struct node *actor_node(const struct actor *a)
{
	return world_node(a->w, a->node);
}

uint32_t actor_network(struct actor *a)
{
	struct node_status s;
	struct node *n = actor_node(a);

	if (!a->network && n) {
		node_get_status(n, (struct now){{0}, {0}}, &s);
		a->network = s.network_id;
	}
	return a->network;
}

void actor_send(struct actor *a, uint32_t to, const struct msg *m)
{
	world_send_as(a->w, a->node, to, m);
}

/* ---- rounds ---- */

static void begin_round(struct actor *a, const struct hash256 *prev)
{
	int64_t now = world_now_ms(a->w);

	a->last_round = a->round;
	a->round = *prev;
	a->round_length = now - a->round_ms;
	a->round_ms = now;
	for (uint32_t i = 0; i < ACTS; i++)
		a->on[i] = decide(world_decisions(a->w), (enum fault)(FIRST_ACT + i),
				  (uint8_t)a->node, DECIDE_NOBODY, ROUND_WEIGHT, 1, INT32_MAX, now,
				  &a->param[i]);
}

/* ---- what the machine sends ---- */

static bool is_own(const struct actor *a, const struct public_key *key)
{
	return !public_key_cmp(key, secret_key_public(world_key(a->w, a->node)));
}

static void keep_vote(struct actor *a, const struct msg *m)
{
	struct wire_frame **slot = &a->old[a->n_old++ % OLD_VOTES];

	wire_frame_unref(*slot);
	*slot = wire_encode(m);
}

/* Votes that are let go at the thresholds of a round, or somewhat later. */
static bool hold_back(struct actor *a, uint32_t to, const struct msg *m)
{
	static const uint32_t ticks[] = {50, 65, 70, 95};
	int64_t length = a->round_length > 500 && a->round_length < 20000 ? a->round_length : 4000;
	uint32_t at = ticks[(actor_how(a, FAULT_BYZ_TICKS) + a->n_held) % 4];

	if (!actor_does(a, FAULT_BYZ_TICKS, to) || a->n_held == HELD_BACK)
		return false;
	a->held[a->n_held++] = (struct held_back){
	    .frame = wire_encode(m), .to = to, .due = a->round_ms + length * at / 100};
	return true;
}

static void send_frame(struct actor *a, uint32_t to, const struct wire_frame *f)
{
	struct msg m;

	arena_reset(&a->arena);
	if (wire_decode(&m, &a->arena, bytes_of(f->bytes, f->n), NULL) == ERR_NONE)
		actor_send(a, to, &m);
}

static void own_vote(struct actor *a, uint32_t to, const struct msg *m)
{
	if (m->type == MSG_PROPOSAL && !hash256_eq(&m->proposal.prev, &a->round) &&
	    m->proposal.seq != CONS_SEQ_BOW_OUT)
		begin_round(a, &m->proposal.prev);
	if (actor_does(a, FAULT_BYZ_TIME, to) && a->n_old)
		send_frame(a, to,
			   a->old[actor_how(a, FAULT_BYZ_TIME) %
				  (a->n_old < OLD_VOTES ? a->n_old : OLD_VOTES)]);
	keep_vote(a, m);
	if (actor_does(a, FAULT_BYZ_SELECTIVE, to) || hold_back(a, to, m))
		return;
	if (m->type == MSG_PROPOSAL ? !actor_proposal(a, to, m) : !actor_validation(a, to, m))
		actor_send(a, to, m);
}

static bool own_validation(const struct actor *a, struct bytes v)
{
	const struct public_key *key = secret_key_public(world_key(a->w, a->node));

	for (size_t i = 0; i + sizeof(key->b) <= v.n; i++)
		if (v.p[i] == key->b[0] && !memcmp(v.p + i, key->b, sizeof(key->b)))
			return true;
	return false;
}

static void on_send(void *ctx, struct world *w, uint32_t from, uint32_t to, const struct msg *m)
{
	struct actor *a = ctx;
	bool done = false;

	(void)w;
	(void)from;
	if (a->dying)
		return;
	switch (m->type) {
	case MSG_PROPOSAL:
		if (is_own(a, &m->proposal.key)) {
			own_vote(a, to, m);
			return;
		}
		break;
	case MSG_VALIDATION:
		if (own_validation(a, m->validation)) {
			own_vote(a, to, m);
			return;
		}
		break;
	case MSG_SET:
	case MSG_TX_DATA:
	case MSG_LEDGER:
	case MSG_PAST:
	case MSG_NODES:
	case MSG_NAK:
		done = actor_set_message(a, to, m);
		break;
	case MSG_STATUS:
		done = actor_status(a, to, m);
		break;
	default:
		break;
	}
	/* What others have said goes on, or not, as it pleases. */
	if ((m->type == MSG_PROPOSAL || m->type == MSG_VALIDATION) &&
	    actor_does(a, FAULT_BYZ_SELECTIVE, to) && actor_how(a, FAULT_BYZ_SELECTIVE) % 2)
		done = true;
	if (!done)
		actor_send(a, to, m);
}

static void on_tick(void *ctx, struct world *w, uint32_t node)
{
	struct actor *a = ctx;
	int64_t now = world_now_ms(w);
	uint32_t kept = 0;

	(void)node;
	if (now - a->round_ms > ROUND_MS_MAX)
		begin_round(a, &a->round);
	for (uint32_t i = 0; i < a->n_held; i++) {
		struct held_back h = a->held[i];

		if (h.due > now && kept < i + 1) {
			a->held[kept++] = h;
			continue;
		}
		send_frame(a, h.to, h.frame);
		wire_frame_unref(h.frame);
	}
	a->n_held = kept;
	actor_noise_tick(a);
}

/* ---- what it hears ---- */

static void on_heard(void *ctx, uint32_t node, uint32_t from, const struct msg *m)
{
	struct actors *all = ctx;
	struct actor *a = all->actor[node];

	if (!a)
		return;
	if (m->type == MSG_VALIDATION)
		actor_heard_validation(a, m->validation);
	else if (m->type == MSG_TXS)
		actor_heard_txs(a, &m->txs);
	else if (m->type == MSG_GET_SET || m->type == MSG_GET_TXS)
		actor_heard_get(a, from, m);
}

static void restart(void *ctx, struct world *w)
{
	struct actor *a = ctx;
	char name[2] = {(char)('A' + a->node), 0};

	a->dying = false;
	if (!world_is_up(w, a->node))
		world_start(w, name);
}

static void die(void *ctx, struct world *w)
{
	struct actor *a = ctx;
	char name[2] = {(char)('A' + a->node), 0};

	world_kill(w, name);
	world_after(w, BACK_MS, restart, a);
}

void actor_die(struct actor *a)
{
	if (a->dying)
		return;
	a->dying = true;
	world_after(a->w, 1, die, a);
}

/* ---- joining ---- */

static void actor_close(struct actor *a)
{
	for (uint32_t i = 0; i < OLD_VOTES; i++)
		wire_frame_unref(a->old[i]);
	for (uint32_t i = 0; i < a->n_held; i++)
		wire_frame_unref(a->held[i].frame);
	for (uint32_t i = 0; i < MADE_SETS; i++)
		mem_free(a->made[i].ids);
	arena_close(&a->arena);
	mem_free(a);
}

static void on_closed(void *ctx)
{
	struct actors *all = ctx;

	for (uint32_t i = 0; i < WORLD_NODES_MAX; i++)
		if (all->actor[i])
			actor_close(all->actor[i]);
	mem_free(all);
}

void actors_join(struct world *w)
{
	const struct world_plan *p = world_plan(w);
	struct world_observer o = {.heard = on_heard, .closed = on_closed};
	struct actors *all;

	if (!p->byzantine)
		return;
	all = mem_zalloc(1, sizeof(*all));
	all->w = w;
	for (uint32_t i = p->validators - p->byzantine; i < p->validators; i++) {
		struct actor *a = mem_zalloc(1, sizeof(*a));
		struct world_mangler m = {.ctx = a, .send = on_send, .tick = on_tick};

		a->w = w;
		a->node = i;
		all->actor[i] = a;
		world_mangle(w, i, &m);
	}
	o.ctx = all;
	world_observe(w, &o);
}
