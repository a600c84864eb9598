/* SPDX-License-Identifier: ISC */
#include "cluster.h"

#include "base/rng.h"
#include "shelf.h"
#include "store/join.h"
#include "watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define CHAIN_MAX 4000
#define NET_START 800000000u

enum what { EV_TIMER, EV_FRAME, EV_JOB, EV_UP, EV_DOWN };

struct event {
	int64_t at;
	uint64_t order;
	enum what what;
	uint32_t node, from;
	uint32_t life; /* of the node it is for: events of an earlier life are dropped */
	struct wire_frame *frame;
	struct node_job *job;
};

struct member {
	struct node *node;
	struct secret_key *key;
	uint32_t life;
	bool up, disk_full, hold_commits;
	uint32_t build_ms; /* that its builds take longer */
	int64_t timer;
	int64_t skew_s;
	uint32_t fuse; /* boundaries until it dies; 0: lives */
	/* its disk */
	struct ledger *tip;
	struct buf journal, join;
	struct shelf shelf;
	/* what it ever reported validated, across lives */
	struct hash256 chain[CHAIN_MAX];
	struct hash256 *txs;
	uint32_t n_txs, cap_txs;
	uint32_t answers[2]; /* to submits: others, tesSUCCESS */
};

struct cluster {
	struct cluster_options o;
	uint32_t n;
	struct member m[CLUSTER_MAX];
	struct genesis genesis;
	struct ledger *first, *second;
	struct public_key unl[CLUSTER_MAX];
	struct event *heap;
	uint32_t n_heap, cap_heap;
	uint64_t order, trace, boundaries;
	int64_t now;
	uint8_t group[CLUSTER_MAX];
	uint32_t reported[CLUSTER_MAX];
	uint64_t useless;
	bool injected; /* keys sign what their nodes do not know of */
	struct rng rng;
	struct watch watch;
	void (*lie)(void *ctx, uint32_t from, uint32_t to, struct msg *m);
	void *lie_ctx;
	bool dropped[CLUSTER_MAX][CLUSTER_MAX]; /* a peer that lied: for good */
};

/* ---- event heap ---- */

static bool before(const struct event *a, const struct event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void heap_push(struct cluster *c, struct event e)
{
	uint32_t i;

	if (c->n_heap == c->cap_heap) {
		c->cap_heap = c->cap_heap ? c->cap_heap * 2 : 1024;
		c->heap = mem_resize(c->heap, c->cap_heap, sizeof(e));
	}
	e.order = ++c->order;
	i = c->n_heap++;
	while (i && before(&e, &c->heap[(i - 1) / 2])) {
		c->heap[i] = c->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	c->heap[i] = e;
}

static struct event heap_pop(struct cluster *c)
{
	struct event top = c->heap[0], last = c->heap[--c->n_heap];
	uint32_t i = 0;

	for (;;) {
		uint32_t k = 2 * i + 1;

		if (k >= c->n_heap)
			break;
		if (k + 1 < c->n_heap && before(&c->heap[k + 1], &c->heap[k]))
			k++;
		if (!before(&c->heap[k], &last))
			break;
		c->heap[i] = c->heap[k];
		i = k;
	}
	c->heap[i] = last;
	return top;
}

static void tell(struct cluster *c, uint32_t node, uint32_t other, enum what what)
{
	heap_push(c, (struct event){.at = c->now + 1,
				    .what = what,
				    .node = node,
				    .from = other,
				    .life = c->m[node].life});
}

/* ---- effects ---- */

static void note(struct cluster *c, const void *p, size_t n)
{
	const uint8_t *b = p;

	while (n--)
		c->trace = (c->trace ^ *b++) * 0x100000001B3ull;
}

static bool linked(const struct cluster *c, uint32_t a, uint32_t b)
{
	return a != b && c->m[a].up && c->m[b].up && c->group[a] == c->group[b] &&
	       !c->dropped[a][b];
}

static bool is_gossip(enum msg_type t)
{
	return t == MSG_TXS || t == MSG_PROPOSAL || t == MSG_VALIDATION;
}

/* The moment after something durable or visible happened: the process may end here. */
static bool boundary(struct cluster *c, uint32_t i)
{
	struct member *m = &c->m[i];

	c->boundaries++;
	return m->fuse && !--m->fuse;
}

static void send_frame(struct cluster *c, uint32_t from, uint32_t to, struct wire_frame *f)
{
	int64_t delay = c->o.delay_ms + (int64_t)rng_below(&c->rng, c->o.delay_ms + 1);

	if (!linked(c, from, to))
		return;
	if (!c->injected)
		watch_frame(&c->watch, f);
	if (is_gossip(f->type) && rng_below(&c->rng, 100) < c->o.loss_percent)
		return;
	heap_push(c, (struct event){.at = c->now + delay,
				    .what = EV_FRAME,
				    .node = to,
				    .from = from,
				    .life = c->m[to].life,
				    .frame = wire_frame_ref(f)});
}

/* False: the node died amid sending. */
static bool on_send(struct cluster *c, uint32_t i, const struct node_effect *e)
{
	enum msg_type t = e->send.frame->type;
	uint32_t to;

	note(c, e->send.frame->bytes, e->send.frame->n);
	for (to = 0; to < c->n; to++) {
		if (e->send.peer ? to + 1 != e->send.peer : to + 1 == e->send.except)
			continue;
		send_frame(c, i, to, e->send.frame);
		if ((t == MSG_PROPOSAL || t == MSG_VALIDATION) && boundary(c, i))
			return false;
	}
	return true;
}

static void report_tx(struct member *m, const struct hash256 *id)
{
	if (m->n_txs == m->cap_txs) {
		m->cap_txs = m->cap_txs ? m->cap_txs * 2 : 256;
		m->txs = mem_resize(m->txs, m->cap_txs, sizeof(*id));
	}
	m->txs[m->n_txs++] = *id;
}

static void on_ledger(struct cluster *c, uint32_t i, const struct ledger *l)
{
	struct member *m = &c->m[i];
	uint32_t seq = l->header.seq, k;
	struct hash256 key, *after = NULL, last;
	struct bytes data;

	assert_true(seq < CHAIN_MAX);
	note(c, l->hash.b, 32);
	for (k = 0; k < c->n; k++)
		if (!hash256_is_zero(&c->m[k].chain[seq]) &&
		    !hash256_eq(&c->m[k].chain[seq], &l->hash))
			fail_msg("fork at %u: node %u %s, node %u %s", seq, i,
				 hash256_short(&l->hash).s, k,
				 hash256_short(&c->m[k].chain[seq]).s);
	m->chain[seq] = l->hash;
	c->reported[i]++;
	while (tree_next(&l->txs, after, &key, &data) == FOUND) {
		report_tx(m, &key);
		last = key;
		after = &last;
	}
}

static void on_job(struct cluster *c, uint32_t i, struct node_job *j)
{
	int64_t ms = j->kind == NODE_JOB_JOURNAL ? 1 : 5;

	if (j->kind == NODE_JOB_BUILD)
		ms += c->m[i].build_ms;

	heap_push(
	    c, (struct event){
		   .at = c->now + ms, .what = EV_JOB, .node = i, .life = c->m[i].life, .job = j});
}

static void on_log(struct cluster *c, uint32_t i, const char *text)
{
	if (getenv("CLUSTER_LOG"))
		printf("%8lld %u %s\n", (long long)c->now, i, text);
	if (c->o.heard)
		c->o.heard(i, text);
}

static void on_drop(struct cluster *c, uint32_t i, uint32_t peer, const char *reason)
{
	if (!c->lie)
		fail_msg("node %u drops peer %u: %s", i, peer, reason);
	if (!linked(c, i, peer))
		return;
	on_log(c, i, reason);
	tell(c, i, peer, EV_DOWN);
	tell(c, peer, i, EV_DOWN);
	c->dropped[i][peer] = c->dropped[peer][i] = true;
}

/* False: the node died of it. */
static bool one_effect(struct cluster *c, uint32_t i, struct node_effect *e)
{
	struct member *m = &c->m[i];

	switch (e->kind) {
	case NODE_FX_TIMER:
		m->timer = e->at.ms < c->now ? c->now : e->at.ms;
		heap_push(c, (struct event){
				 .at = m->timer, .what = EV_TIMER, .node = i, .life = m->life});
		return true;
	case NODE_FX_SEND:
		return on_send(c, i, e);
	case NODE_FX_JOB:
		on_job(c, i, e->job);
		return e->job->kind != NODE_JOB_JOURNAL || !boundary(c, i);
	case NODE_FX_LEDGER:
		on_ledger(c, i, e->ledger);
		return true;
	case NODE_FX_DROP_PEER:
		on_drop(c, i, e->drop.peer - 1, e->drop.reason);
		return true;
	case NODE_FX_LOG:
		on_log(c, i, e->log.text);
		return true;
	case NODE_FX_USELESS:
		c->useless += e->useless.units;
		return true;
	case NODE_FX_FAILED:
		fail_msg("node %u: store failed", i);
		return true;
	case NODE_FX_SUBMITTED:
		m->answers[e->submitted.result == tesSUCCESS]++;
		return true;
	case NODE_FX_ACCEPTED:
	case NODE_FX_STOPPED:
	case NODE_FX_TX_PROPOSED:
	case NODE_FX_VALIDATION:
	case NODE_FX_PHASE:
	case NODE_FX_STATE:
	case NODE_FX_MANIFEST:
		return true;
	}
	return true;
}

static void carry_out(struct cluster *c, uint32_t i, struct node_effects *fx)
{
	bool dead = false;
	uint32_t k;

	for (k = 0; k < fx->n; k++) {
		struct node_effect *e = &fx->e[k];

		if (!dead)
			dead = !one_effect(c, i, e);
		else if (e->kind == NODE_FX_JOB)
			node_job_free(e->job);
	}
	if (dead)
		cluster_kill(c, i);
}

static void step(struct cluster *c, uint32_t i, const struct node_event *ev)
{
	struct node_effects fx = {0};
	struct now now = {.steady = {c->now}};

	now.net.s = (uint32_t)(NET_START + c->now / 1000 + c->m[i].skew_s);
	node_step(c->m[i].node, ev, now, &fx);
	carry_out(c, i, &fx);
	node_effects_close(&fx);
}

/* ---- jobs: the disk of a node is two variables ---- */

static void run_job(struct member *m, struct node_job *j)
{
	if (j->kind == NODE_JOB_VERIFY || j->kind == NODE_JOB_BUILD) {
		node_job_run(j);
	} else if (m->disk_full) {
		j->err = why_set(&j->why, ERR_NO_SPACE, "simulated disk is full");
	} else if (j->kind == NODE_JOB_PERSIST) {
		ledger_unref(m->tip);
		m->tip = ledger_ref(j->persist.ledger);
		shelf_put(&m->shelf, m->tip);
	} else if (j->kind == NODE_JOB_HISTORY) {
		shelf_fill(&m->shelf, j->history.ledgers, j->history.n);
	} else if (j->kind == NODE_JOB_JOIN) {
		if (j->join.forget)
			buf_clear(&m->join);
		else
			buf_put(&m->join, j->join.entries.p, j->join.entries.n);
	} else {
		buf_clear(&m->journal);
		buf_put(&m->journal, j->journal.record.p, j->journal.record.n);
	}
}

static void on_frame(struct cluster *c, const struct event *e)
{
	struct node_event ev = {.kind = NODE_MESSAGE};
	struct arena a = ARENA_INIT;
	struct msg m;

	if (linked(c, e->from, e->node)) {
		assert_int_equal(wire_decode(&m, &a, bytes_of(e->frame->bytes, e->frame->n), NULL),
				 ERR_NONE);
		if (c->lie)
			c->lie(c->lie_ctx, e->from, e->node, &m);
		ev.peer.peer = e->from + 1;
		ev.peer.msg = &m;
		step(c, e->node, &ev);
	}
	arena_close(&a);
}

static void on_event(struct cluster *c, struct event *e)
{
	struct member *m = &c->m[e->node];
	struct node_event ev = {.kind = NODE_TIMER};
	bool alive = m->up && m->life == e->life;

	if (e->what == EV_TIMER) {
		if (alive && m->timer == e->at) {
			m->timer = -1;
			step(c, e->node, &ev);
		}
	} else if (e->what == EV_FRAME) {
		if (alive)
			on_frame(c, e);
		wire_frame_unref(e->frame);
	} else if (e->what == EV_JOB) {
		if (!alive) {
			node_job_free(e->job); /* the process is gone: nothing became durable */
			return;
		}
		if (m->hold_commits && e->job->kind == NODE_JOB_PERSIST) {
			e->at = c->now + 100; /* a slow disk */
			heap_push(c, *e);
			return;
		}
		run_job(m, e->job);
		if (e->job->kind == NODE_JOB_JOURNAL && boundary(c, e->node)) {
			node_job_free(e->job);
			cluster_kill(c, e->node);
			return;
		}
		ev.kind = NODE_JOB_DONE;
		ev.job = e->job;
		step(c, e->node, &ev);
	} else if (alive) {
		ev.kind = e->what == EV_UP ? NODE_PEER_UP : NODE_PEER_DOWN;
		ev.peer.peer = e->from + 1;
		step(c, e->node, &ev);
	}
}

void cluster_run_ms(struct cluster *c, uint32_t ms)
{
	int64_t end = c->now + ms;

	while (c->n_heap && c->heap[0].at <= end) {
		struct event e = heap_pop(c);

		c->now = e.at;
		on_event(c, &e);
	}
	c->now = end;
}

/* ---- members ---- */

/* What an earlier life had fetched of a state, on top of the state it starts with. */
static void read_join(struct tree *out, const struct tree *base, struct bytes entries)
{
	struct cursor c = cursor_of(entries);
	struct hash256 key;
	struct bytes data;

	tree_share(out, base);
	while (join_entry_next(&c, &key, &data))
		assert_int_equal(tree_put(out, &key, data), FOUND);
}

static void start(struct cluster *c, uint32_t i)
{
	struct member *m = &c->m[i];
	struct node_config nc = {
	    .network_id = c->genesis.network_id,
	    .unl = c->unl,
	    .unl_n = c->o.validators,
	    .validator = m->key,
	    .genesis = {c->first, c->second},
	    .seed = c->o.seed * 1000 + i,
	    .cookie = 1000 + i + m->life,
	    .txq = txq_setup_roomy(),
	};
	struct node_event ev = {.kind = NODE_START};
	struct journal_record r;
	struct arena a = ARENA_INIT;
	struct tree join = {.root = NULL};
	uint32_t k;

	m->life++;
	m->up = true;
	m->timer = -1;
	if (c->o.tune)
		c->o.tune(&nc, i, c->o.tune_ctx);
	m->node = node_open(&nc);
	m->fuse = 0;
	node_set_history(m->node, &m->shelf.history);
	ev.start.tip = m->tip;
	if (m->join.n) {
		read_join(&join, m->tip ? &m->tip->state : &c->second->state, buf_bytes(&m->join));
		ev.start.join = &join;
	}
	if (m->journal.n) {
		assert_int_equal(journal_decode(&r, buf_bytes(&m->journal), &a), ERR_NONE);
		ev.start.journal = &r;
	}
	step(c, i, &ev);
	arena_close(&a);
	if (join.root)
		tree_close(&join);
	for (k = 0; k < c->n; k++)
		if (linked(c, i, k)) {
			tell(c, i, k, EV_UP);
			tell(c, k, i, EV_UP);
		}
}

void cluster_restart(struct cluster *c, uint32_t i)
{
	must(!c->m[i].up);
	start(c, i);
}

void cluster_kill(struct cluster *c, uint32_t i)
{
	uint32_t k;

	must(c->m[i].up);
	for (k = 0; k < c->n; k++)
		if (linked(c, i, k))
			tell(c, k, i, EV_DOWN);
	c->m[i].up = false;
	node_close(c->m[i].node);
	c->m[i].node = NULL;
}

void cluster_partition(struct cluster *c, const char *groups)
{
	uint8_t group[CLUSTER_MAX] = {0}, g = 0;
	uint32_t a, b;

	for (; *groups; groups++) {
		if (*groups == '|')
			g++;
		else
			group[*groups - 'A'] = g;
	}
	for (a = 0; a < c->n; a++)
		for (b = 0; b < c->n; b++) {
			bool was = linked(c, a, b);
			bool is = a != b && c->m[a].up && c->m[b].up && group[a] == group[b];

			if (was != is)
				tell(c, a, b, is ? EV_UP : EV_DOWN);
		}
	memcpy(c->group, group, sizeof(group));
}

void cluster_skew(struct cluster *c, uint32_t i, int64_t seconds)
{
	c->m[i].skew_s = seconds;
}

void cluster_unl(struct cluster *c, uint32_t i, const struct public_key *keys, uint32_t n,
		 bool blocked)
{
	struct node_event ev = {.kind = NODE_UNL};

	ev.unl.keys = keys;
	ev.unl.n = n;
	ev.unl.blocked = blocked;
	step(c, i, &ev);
}

void cluster_wish(struct cluster *c, uint32_t i, const struct node_wishes *w)
{
	struct node_event ev = {.kind = NODE_WISHES, .wishes = *w};

	step(c, i, &ev);
}

void cluster_manifest(struct cluster *c, uint32_t i, struct bytes manifest)
{
	struct node_event ev = {.kind = NODE_UNL};

	ev.unl.manifests = &manifest;
	ev.unl.n_manifests = 1;
	step(c, i, &ev);
}

void cluster_disk_full(struct cluster *c, uint32_t i, bool full)
{
	c->m[i].disk_full = full;
}

struct cluster *cluster_open(const struct cluster_options *o)
{
	struct cluster *c = mem_zalloc(1, sizeof(*c));
	struct why why = {""};
	uint32_t i;

	c->o = *o;
	c->n = o->validators + o->observers;
	must(c->n <= CLUSTER_MAX);
	rng_init(&c->rng, o->seed);
	wallet_genesis(&c->genesis, o->accounts);
	if (genesis_build(&c->genesis, &c->first, &c->second, &why) != ERR_NONE)
		fail_msg("%s", why.text);
	for (i = 0; i < o->validators; i++)
		c->m[i].key = validator_key(i, &c->unl[i]);
	for (i = 0; i < c->n; i++) {
		shelf_open(&c->m[i].shelf);
		c->m[i].shelf.keep = o->history;
		c->m[i].shelf.fills = o->fills;
	}
	for (i = 0; i < c->n; i++)
		if (!o->late[i])
			start(c, i);
	return c;
}

void cluster_close(struct cluster *c)
{
	uint32_t i;

	for (i = 0; i < c->n; i++) {
		struct member *m = &c->m[i];

		node_close(m->node);
		ledger_unref(m->tip);
		shelf_close(&m->shelf);
		buf_close(&m->journal);
		buf_close(&m->join);
		secret_key_close(m->key);
		mem_free(m->txs);
	}
	while (c->n_heap) {
		struct event e = heap_pop(c);

		wire_frame_unref(e.frame);
		if (e.job)
			node_job_free(e.job);
	}
	ledger_unref(c->first);
	ledger_unref(c->second);
	genesis_close(&c->genesis);
	watch_close(&c->watch);
	mem_free(c->heap);
	mem_free(c);
}

void cluster_inject(struct cluster *c, uint32_t from, uint32_t to, uint32_t ms,
		    struct wire_frame *f)
{
	uint32_t i;

	c->injected = true;
	for (i = 0; i < c->n; i++)
		if ((to >> i & 1) && linked(c, from, i))
			heap_push(c, (struct event){.at = c->now + c->o.delay_ms + ms,
						    .what = EV_FRAME,
						    .node = i,
						    .from = from,
						    .life = c->m[i].life,
						    .frame = wire_frame_ref(f)});
	wire_frame_unref(f);
}

/* ---- looking at it ---- */

uint64_t cluster_useless(struct cluster *c)
{
	return c->useless;
}

struct node *cluster_node(struct cluster *c, uint32_t i)
{
	return c->m[i].node;
}

uint32_t cluster_validated(struct cluster *c, uint32_t i)
{
	struct ledger *l = c->m[i].up ? node_validated(c->m[i].node) : NULL;

	return l ? l->header.seq : 0;
}

uint64_t cluster_balance(struct cluster *c, uint32_t i, uint32_t account)
{
	return wallet_balance(node_validated(c->m[i].node), account);
}

void cluster_pay(struct cluster *c, uint32_t i, uint32_t from, uint32_t to, uint64_t drops,
		 uint32_t seq, struct hash256 *id)
{
	struct payment p = {.from = from, .to = to, .drops = drops, .seq = seq};

	cluster_submit(c, i, wallet_pay(&p), id);
}

void cluster_submit(struct cluster *c, uint32_t i, struct tx *t, struct hash256 *id)
{
	struct node_event ev = {.kind = NODE_SUBMIT};

	ev.submit.tx = t;
	*id = t->id;
	step(c, i, &ev);
	tx_unref(t);
}

uint32_t cluster_times_validated(struct cluster *c, uint32_t i, const struct hash256 *id)
{
	uint32_t k, times = 0;

	for (k = 0; k < c->m[i].n_txs; k++)
		times += hash256_eq(&c->m[i].txs[k], id);
	return times;
}

void cluster_expect_agreement(struct cluster *c)
{
	uint32_t seq, a, b;

	for (seq = 0; seq < CHAIN_MAX; seq++)
		for (a = 0; a < c->n; a++)
			for (b = a + 1; b < c->n; b++)
				if (!hash256_is_zero(&c->m[a].chain[seq]) &&
				    !hash256_is_zero(&c->m[b].chain[seq]))
					assert_memory_equal(&c->m[a].chain[seq],
							    &c->m[b].chain[seq], 32);
}

uint64_t cluster_trace(struct cluster *c)
{
	return c->trace;
}

uint64_t cluster_boundaries(struct cluster *c)
{
	return c->boundaries;
}

void cluster_fuse(struct cluster *c, uint32_t i, uint32_t boundaries)
{
	must(c->m[i].up);
	c->m[i].fuse = boundaries;
}

bool cluster_is_up(struct cluster *c, uint32_t i)
{
	return c->m[i].up;
}

void cluster_lie(struct cluster *c,
		 void (*lie)(void *ctx, uint32_t from, uint32_t to, struct msg *m), void *ctx)
{
	c->lie = lie;
	c->lie_ctx = ctx;
}

uint32_t cluster_reported(struct cluster *c, uint32_t i)
{
	return c->reported[i];
}

void cluster_hold_commits(struct cluster *c, uint32_t i, bool hold)
{
	c->m[i].hold_commits = hold;
}

void cluster_slow_builds(struct cluster *c, uint32_t i, uint32_t ms)
{
	c->m[i].build_ms = ms;
}

void cluster_expect_genesis(struct cluster *c)
{
	uint32_t i;

	for (i = 0; i < c->n; i++)
		assert_memory_equal(&c->m[i].chain[2], &c->second->hash, 32);
}
