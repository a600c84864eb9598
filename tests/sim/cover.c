/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "tests/sim/actors.h"
#include "tests/sim/model.h"
#include "tx/ter.h"

/* P14: what was reached at least once. Counted over all runs of a campaign. */

static const struct {
	enum ter code;
	const char *name;
} reachable[] = {
#define REACH(result) {result, #result},
#include "tests/sim/reachable.def"
#undef REACH
};
#define REACHABLE (sizeof(reachable) / sizeof(reachable[0]))

static const enum msg_type types[] = {
#define M(name, code, ...) MSG_##name,
#include "net/wire.def"
#undef M
};

/* Turns of a node's way that are not messages, faults or results. */
enum turn {
	TURN_SWITCHED,      /* the last closed ledger became one of another branch */
	TURN_AHEAD,         /* more than one closed ledger was ahead of the validated one */
	TURN_BEHIND,        /* a node went on after a gap: fetched, not built */
	TURN_EMPTY,         /* a ledger without transactions */
	TURN_FULL,          /* one with 50 and more */
	TURN_NO_CLOSE_TIME, /* validators agreed to disagree */
	TURN_REPLAYED,      /* a ledger acquired from peers */
	TURN_SET_ACQUIRED,
	TURN_MISMATCH, /* built something else than the others */
	TURN_EVIDENCE, /* two conflicting messages of one validator */
	TURN_KEY_ELSEWHERE,
	TURN_DISK_FULL,
	TURN_STORE_FAILED,
	TURN_QUEUED,
	TURN_TICKET,
	TURN_SEVERAL,
	TURN_DELETED,
	TURN_COUNT
};
static const char *const turns[TURN_COUNT] = {
    "a switch to another branch",
    "two closed ledgers ahead",
    "ledgers passed over",
    "an empty ledger",
    "a ledger of 50 transactions",
    "a disagreement on close time",
    "a ledger from peers",
    "a set from peers",
    "a build unlike the others'",
    "evidence of two-facedness",
    "one's key elsewhere",
    "a full disk",
    "a store that failed",
    "transactions in the queue",
    "a ticket used",
    "several who sign",
    "an account deleted",
};
static const char *const modes[] = {"proposing", "observing", "wrong ledger", "switched"};

struct seen_node {
	struct hash256 closed;
	uint32_t closed_seq, validated;
};
struct cover {
	uint64_t fault[FAULT_COUNT];
	uint64_t message[MSG_TYPE_END];
	uint64_t result[REACHABLE];
	uint64_t turn[TURN_COUNT];
	uint64_t mode[4];
	uint64_t state[7];
	struct world *w; /* of the run at hand */
	struct seen_node node[WORLD_NODES_MAX];
};

struct cover *cover_open(void)
{
	return mem_zalloc(1, sizeof(struct cover));
}

void cover_close(struct cover *c)
{
	mem_free(c);
}

static void count_result(struct cover *c, enum ter r)
{
	for (size_t i = 0; i < REACHABLE; i++)
		if (reachable[i].code == r)
			c->result[i]++;
}

static void on_heard(void *ctx, uint32_t node, uint32_t from, const struct msg *m)
{
	struct cover *c = ctx;

	(void)node;
	(void)from;
	if (m->type < MSG_TYPE_END)
		c->message[m->type]++;
}

static void on_answered(void *ctx, uint32_t node, const struct node_submitted *a)
{
	(void)node;
	count_result(ctx, a->result);
}

static void count_kind(struct cover *c, struct bytes tx)
{
	struct bytes raw;

	c->turn[TURN_TICKET] += !model_number(tx, 2, 4) && model_find(tx, 2, 41, &raw);
	c->turn[TURN_SEVERAL] += model_find(tx, 15, 3, &raw);
	c->turn[TURN_DELETED] += model_number(tx, 1, 2) == 21;
}

static void on_validated(void *ctx, uint32_t node, struct ledger *l)
{
	struct cover *c = ctx;
	struct hash256 key, at, *after = NULL;
	struct bytes leaf, tx, meta;
	uint32_t n = 0;

	c->turn[TURN_BEHIND] += c->node[node].validated &&
				l->header.seq > c->node[node].validated + 1;
	c->node[node].validated = l->header.seq;
	while (tree_next(&l->txs, after, &key, &leaf) == FOUND) {
		at = key;
		after = &at;
		n++;
		if (!model_split_leaf(leaf, &tx, &meta))
			continue;
		count_result(c, (enum ter)model_number(meta, 16, 3));
		if (!model_number(meta, 16, 3))
			count_kind(c, tx);
	}
	c->turn[TURN_EMPTY] += !n;
	c->turn[TURN_FULL] += n >= 50;
	c->turn[TURN_NO_CLOSE_TIME] += l->header.close_flags & LEDGER_FLAG_NO_CLOSE_TIME;
}

/* What counters and states tell; looked at when a phase changes. */
static void look(struct cover *c, uint32_t node)
{
	struct node *n = world_node(c->w, node);
	struct node_status s;

	if (!n)
		return;
	node_get_status(n, (struct now){{world_now_ms(c->w)}, {0}}, &s);
	c->mode[s.consensus.mode]++;
	c->turn[TURN_REPLAYED] += s.counters.ledgers_acquired > 0;
	c->turn[TURN_SET_ACQUIRED] += s.counters.sets_acquired > 0;
	c->turn[TURN_MISMATCH] += s.counters.build_mismatch > 0;
	c->turn[TURN_EVIDENCE] += s.counters.evidence > 0;
	c->turn[TURN_KEY_ELSEWHERE] += s.key_elsewhere;
	c->turn[TURN_DISK_FULL] += s.disk_full;
	c->turn[TURN_QUEUED] += s.queue_n > 0;
}

static void on_effect(void *ctx, uint32_t node, const struct node_effect *e)
{
	struct cover *c = ctx;

	if (e->kind == NODE_FX_STATE)
		c->state[e->state]++;
	else if (e->kind == NODE_FX_PHASE)
		look(c, node);
	else if (e->kind == NODE_FX_FAILED)
		c->turn[TURN_STORE_FAILED]++;
}

static void on_stepped(void *ctx, uint32_t node)
{
	struct cover *c = ctx;
	struct seen_node *s = &c->node[node];
	struct node *n = world_node(c->w, node);
	struct ledger *l = n ? node_closed(n) : NULL;
	struct ledger *v = n ? node_validated(n) : NULL;

	if (!l || hash256_eq(&l->hash, &s->closed))
		return;
	c->turn[TURN_SWITCHED] += s->closed_seq >= l->header.seq;
	c->turn[TURN_AHEAD] += v && l->header.seq > v->header.seq + 1;
	s->closed = l->hash;
	s->closed_seq = l->header.seq;
}

static void on_started(void *ctx, uint32_t node, uint32_t life)
{
	struct cover *c = ctx;

	(void)life;
	memset(&c->node[node], 0, sizeof(c->node[node]));
}

/* Also of runs that end early. */
static void on_closed(void *ctx)
{
	struct cover *c = ctx;

	for (uint32_t f = 0; f < FAULT_COUNT; f++)
		c->fault[f] += decisions_count(world_decisions(c->w), (enum fault)f);
}

void cover_join(struct cover *c, struct world *w)
{
	struct world_observer o = {.ctx = c,
				   .stepped = on_stepped,
				   .heard = on_heard,
				   .validated = on_validated,
				   .answered = on_answered,
				   .effect = on_effect,
				   .started = on_started,
				   .closed = on_closed};

	c->w = w;
	memset(c->node, 0, sizeof(c->node));
	world_observe(w, &o);
}

static void add(uint64_t *into, const uint64_t *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		into[i] += from[i];
}

void cover_merge(struct cover *into, const struct cover *from)
{
	add(into->fault, from->fault, FAULT_COUNT);
	add(into->message, from->message, MSG_TYPE_END);
	add(into->result, from->result, REACHABLE);
	add(into->turn, from->turn, TURN_COUNT);
	add(into->mode, from->mode, 4);
	add(into->state, from->state, 7);
}

static bool name_missing(struct buf *out, bool whole, uint64_t count, const char *kind,
			 const char *name)
{
	if (count)
		return whole;
	buf_printf(out, "never reached: %s %s\n", kind, name);
	return false;
}

bool cover_missing(const struct cover *c, struct buf *out)
{
	bool whole = true;

	for (uint32_t f = 0; f < FAULT_COUNT; f++)
		whole = name_missing(out, whole, c->fault[f], "fault", fault_name((enum fault)f));
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		whole = name_missing(out, whole, c->message[types[i]], "message",
				     msg_type_name(types[i]));
	for (size_t i = 0; i < REACHABLE; i++)
		whole = name_missing(out, whole, c->result[i], "result", reachable[i].name);
	for (uint32_t i = 0; i < TURN_COUNT; i++)
		whole = name_missing(out, whole, c->turn[i], "turn:", turns[i]);
	for (uint32_t i = 0; i < 4; i++)
		whole = name_missing(out, whole, c->mode[i], "mode", modes[i]);
	for (uint32_t i = 0; i < 7; i++)
		if (i != NODE_TRACKING) /* without a UNL, as no simulated node is */
			whole = name_missing(out, whole, c->state[i], "state",
					     node_state_name((enum node_state)i));
	return whole;
}

size_t cover_bytes(void)
{
	return offsetof(struct cover, w);
}

void cover_put(const struct cover *c, void *out)
{
	memcpy(out, c, cover_bytes());
}

void cover_take(struct cover *c, const void *bytes)
{
	struct cover *from = cover_open();

	memcpy(from, bytes, cover_bytes());
	cover_merge(c, from);
	cover_close(from);
}
