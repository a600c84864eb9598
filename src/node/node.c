/* SPDX-License-Identifier: ISC */
#include "node/node_impl.h"

#include "ledger/tx_set.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define HOUSEKEEPING_MS 1000

/* ---- effects ---- */

struct node_effect *fx_new(struct node *n, enum node_effect_kind kind)
{
	struct node_effects *fx = n->fx;
	struct node_effect *e;

	must(fx);
	if (fx->n == fx->cap) {
		fx->cap = fx->cap ? fx->cap * 2 : 64;
		fx->e = mem_resize(fx->e, fx->cap, sizeof(*fx->e));
	}
	e = &fx->e[fx->n++];
	memset(e, 0, sizeof(*e));
	e->kind = kind;
	return e;
}

static void effect_drop(struct node_effect *e)
{
	switch (e->kind) {
	case NODE_FX_SEND:
		wire_frame_unref(e->send.frame);
		break;
	case NODE_FX_SUBMITTED:
		tx_unref(e->submitted.tx);
		break;
	case NODE_FX_LEDGER:
		ledger_unref(e->ledger);
		break;
	case NODE_FX_TX_PROPOSED:
		tx_unref(e->proposed.tx);
		break;
	case NODE_FX_VALIDATION:
		buf_close(&e->validation.bytes);
		break;
	case NODE_FX_TIMER:
	case NODE_FX_DROP_PEER:
	case NODE_FX_JOB:
	case NODE_FX_ACCEPTED:
	case NODE_FX_STOPPED:
	case NODE_FX_FAILED:
	case NODE_FX_LOG:
	case NODE_FX_PHASE:
	case NODE_FX_STATE:
		break;
	}
}

void node_effects_clear(struct node_effects *fx)
{
	uint32_t i;

	for (i = 0; i < fx->n; i++)
		effect_drop(&fx->e[i]);
	fx->n = 0;
}

void node_effects_close(struct node_effects *fx)
{
	node_effects_clear(fx);
	mem_free(fx->e);
	*fx = (struct node_effects){0};
}

void node_log(struct node *n, int level, const char *fmt, ...)
{
	struct node_effect *e = fx_new(n, NODE_FX_LOG);
	va_list ap;

	e->log.level = level;
	va_start(ap, fmt);
	vsnprintf(e->log.text, sizeof(e->log.text), fmt, ap);
	va_end(ap);
}

void fx_send(struct node *n, uint32_t peer, uint32_t except, struct wire_frame *f)
{
	struct node_effect *e;

	if (!n->n_peers) {
		wire_frame_unref(f);
		return;
	}
	e = fx_new(n, NODE_FX_SEND);
	e->send.peer = peer;
	e->send.except = except;
	e->send.frame = f;
}

void fx_send_msg(struct node *n, uint32_t peer, uint32_t except, const struct msg *m)
{
	if (n->n_peers)
		fx_send(n, peer, except, wire_encode(m));
}

void fx_drop(struct node *n, uint32_t peer, const char *reason)
{
	struct node_effect *e = fx_new(n, NODE_FX_DROP_PEER);

	e->drop.peer = peer;
	e->drop.reason = reason;
}

/* ---- jobs ---- */

struct node_job *job_new(struct node *n, enum node_job_kind kind)
{
	struct node_job *j = mem_zalloc(1, sizeof(*j));

	j->id = ++n->next_job;
	j->kind = kind;
	return j;
}

void job_start(struct node *n, struct node_job *j)
{
	fx_new(n, NODE_FX_JOB)->job = j;
	n->jobs_running++;
}

static void build_job_close(struct ledger_build *b)
{
	uint32_t i;

	for (i = 0; i < b->n; i++)
		tx_unref(b->txs[i]);
	mem_free(b->txs);
	mem_free(b->applied);
	mem_free(b->failed);
	ledger_unref((struct ledger *)b->parent);
	ledger_unref(b->ledger);
}

void node_job_free(struct node_job *j)
{
	uint32_t i;

	switch (j->kind) {
	case NODE_JOB_VERIFY:
		for (i = 0; i < j->verify.n; i++)
			tx_unref(j->verify.txs[i]);
		mem_free(j->verify.txs);
		break;
	case NODE_JOB_BUILD:
		build_job_close(&j->build);
		break;
	case NODE_JOB_PERSIST:
		ledger_unref(j->persist.ledger);
		ledger_unref(j->persist.last);
		tree_keys_drop(j->persist.keys);
		break;
	case NODE_JOB_JOURNAL:
		buf_close(&j->journal.record);
		break;
	}
	arena_close(&j->arena);
	mem_free(j);
}

void node_job_run(struct node_job *j)
{
	uint32_t i;

	must(j->kind == NODE_JOB_VERIFY || j->kind == NODE_JOB_BUILD);
	if (j->kind == NODE_JOB_BUILD) {
		ledger_build_run(&j->build);
		return;
	}
	for (i = 0; i < j->verify.n; i++)
		tx_check_signature(j->verify.txs[i]);
}

static void job_done(struct node *n, struct node_job *j)
{
	must(n->jobs_running > 0);
	n->jobs_running--;
	switch (j->kind) {
	case NODE_JOB_VERIFY:
		if (j->id == n->build_verify_job)
			round_verified(n, j);
		else if (!sync_verified(n, j)) {
			pool_verified(n, j); /* takes the job: results go in order */
			return;
		}
		break;
	case NODE_JOB_BUILD:
		if (!sync_built(n, j) && !vote_resume_built(n, j))
			rounds_built(n, j);
		break;
	case NODE_JOB_PERSIST:
		persist_done(n, j);
		break;
	case NODE_JOB_JOURNAL:
		vote_journal_done(n, j);
		break;
	}
	node_job_free(j);
}

/* ---- peers ---- */

struct peer *peer_find(struct node *n, uint32_t id)
{
	uint32_t i;

	for (i = 0; i < n->n_peers; i++)
		if (n->peers[i].id == id)
			return &n->peers[i];
	return NULL;
}

uint32_t peer_pick(struct node *n, uint32_t last, uint32_t seq)
{
	uint32_t i, at = 0, pass;

	if (!n->n_peers)
		return 0;
	for (i = 0; i < n->n_peers; i++)
		if (n->peers[i].id == last)
			at = i + 1;
	if (!last)
		at = (uint32_t)rng_below(&n->rng, n->n_peers);
	for (pass = 0; pass < 2; pass++)
		for (i = 0; i < n->n_peers; i++) {
			const struct peer *p = &n->peers[(at + i) % n->n_peers];

			if (pass || !seq || p->closed_seq >= seq)
				return p->id;
		}
	return 0;
}

static void peer_up(struct node *n, uint32_t id, const struct public_key *key)
{
	struct peer *p;

	if (n->n_peers == PEERS_MAX) {
		fx_drop(n, id, "no room for another peer");
		return;
	}
	p = &n->peers[n->n_peers++];
	*p = (struct peer){.id = id, .key = *key};
	status_send(n, id);
	vote_greet(n, id);
	pool_greet(n, id);
}

static void peer_down(struct node *n, uint32_t id)
{
	struct peer *p = peer_find(n, id);

	if (!p)
		return;
	*p = n->peers[--n->n_peers];
}

static void on_status(struct node *n, uint32_t id, const struct msg *m)
{
	struct peer *p = peer_find(n, id);

	if (!p)
		return;
	p->closed_seq = m->status.closed_seq;
	p->validated_seq = m->status.validated_seq;
	p->validated = m->status.validated;
	p->first = m->status.first;
	p->last = m->status.last;
}

static void on_message(struct node *n, uint32_t id, const struct msg *m)
{
	switch (m->type) {
	case MSG_STATUS:
		on_status(n, id, m);
		break;
	case MSG_TXS:
		pool_gossip(n, id, &m->txs);
		break;
	case MSG_PROPOSAL:
		vote_on_proposal(n, id, m);
		break;
	case MSG_VALIDATION:
		vote_on_validation(n, id, m->validation);
		break;
	case MSG_GET_SET:
		set_on_get(n, id, m);
		break;
	case MSG_SET:
		set_on_list(n, id, m);
		break;
	case MSG_GET_TXS:
		set_on_get_txs(n, id, m);
		break;
	case MSG_TX_DATA:
		set_on_txs(n, id, m);
		break;
	case MSG_GET_LEDGER:
		sync_on_get_ledger(n, id, m);
		break;
	case MSG_LEDGER:
		sync_on_ledger(n, id, m);
		break;
	case MSG_GET_NODES:
		state_on_get_nodes(n, id, m);
		break;
	case MSG_NODES:
		state_on_nodes(n, id, m);
		break;
	case MSG_NAK:
		if (m->nak.request == MSG_GET_SET || m->nak.request == MSG_GET_TXS)
			set_on_nak(n, id, m);
		else
			sync_on_nak(n, id, m);
		break;
	case MSG_NONE:
	case MSG_PING:
	case MSG_PONG:
	case MSG_BYE:
	case MSG_TYPE_END:
		break; /* the session's own business */
	}
}

/* ---- seen ids: a ring of the newest with a table over it ---- */

bool seen_has(const struct seen *s, const struct hash256 *id)
{
	return hmap_get(&s->map, id) != NULL;
}

bool seen_add(struct seen *s, const struct hash256 *id)
{
	if (seen_has(s, id))
		return false;
	if (!s->ring)
		s->ring = mem_alloc(SEEN_RING * sizeof(*s->ring));
	if (s->n == SEEN_RING)
		hmap_del(&s->map, &s->ring[s->at]);
	else
		s->n++;
	s->ring[s->at] = *id;
	hmap_put(&s->map, id, s); /* only presence counts */
	s->at = (s->at + 1) % SEEN_RING;
	return true;
}

static void seen_close(struct seen *s)
{
	hmap_close(&s->map);
	mem_free(s->ring);
}

/* ---- life ---- */

static int key_cmp(const void *a, const void *b)
{
	return public_key_cmp(a, b);
}

static void unl_init(struct node *n, const struct node_config *c)
{
	struct public_key *keys = mem_zalloc(c->unl_n, sizeof(*keys));
	uint32_t i;

	if (c->unl_n)
		memcpy(keys, c->unl, c->unl_n * sizeof(*keys));
	qsort(keys, c->unl_n, sizeof(*keys), key_cmp);
	n->unl = mem_zalloc(c->unl_n, sizeof(*n->unl));
	n->self = -1;
	for (i = 0; i < c->unl_n; i++) {
		n->unl[i].key = keys[i];
		if (c->validator && !public_key_cmp(&keys[i], secret_key_public(c->validator)))
			n->self = (int32_t)i;
	}
	mem_free(keys);
}

struct node *node_open(const struct node_config *c)
{
	struct node *n = mem_zalloc(1, sizeof(*n));
	uint64_t salt;

	must(c->unl_n <= UNL_MAX && !c->genesis[0] == !c->genesis[1]);
	n->cfg = *c;
	rng_init(&n->rng, c->seed);
	salt = rng_next(&n->rng);
	hmap_init(&n->pool, salt);
	hmap_init(&n->accounts, salt);
	hmap_init(&n->seen.map, salt);
	hmap_init(&n->seen_msgs.map, salt);
	hmap_init(&n->held_by_hash, salt);
	hmap_init(&n->sets_by_id, salt);
	if (c->genesis[0]) {
		ledger_ref(c->genesis[0]);
		ledger_ref(c->genesis[1]);
	}
	unl_init(n, c);
	if (!c->standalone && c->unl_n) {
		struct cons_config cc = {
		    .unl_n = c->unl_n, .self = n->self, .set_id = tx_set_id, .salt = salt};

		n->cons = cons_open(&cc);
	}
	n->open_array = mem_zalloc(LEDGER_TX_MAX, sizeof(struct tx *));
	n->cons_at = n->persist_retry = n->journal_retry = STEADY_NEVER;
	n->housekeeping_at = n->timer_set = STEADY_NEVER;
	n->sync.again = STEADY_NEVER;
	return n;
}

/* Needed for the start alone, and as large as the state it holds. */
static void drop_genesis(struct node *n)
{
	ledger_unref(n->cfg.genesis[0]);
	ledger_unref(n->cfg.genesis[1]);
	n->cfg.genesis[0] = n->cfg.genesis[1] = NULL;
}

void node_close(struct node *n)
{
	struct node_effects none = {0};
	uint32_t i;

	if (!n)
		return;
	n->fx = &none;
	sync_drop(n);
	pool_close(n);
	set_close_all(n);
	vote_close(n);
	view_close(n->open);
	held_close(n);
	ledger_unref(n->validated);
	rules_unref(n->rules);
	drop_genesis(n);
	cons_close(n->cons);
	for (i = 0; i < n->cfg.unl_n; i++)
		buf_close(&n->unl[i].validation);
	mem_free(n->unl);
	mem_free(n->open_array);
	hmap_close(&n->pool);
	hmap_close(&n->accounts);
	seen_close(&n->seen);
	seen_close(&n->seen_msgs);
	hmap_close(&n->held_by_hash);
	hmap_close(&n->sets_by_id);
	node_effects_close(&none);
	mem_free(n);
}

void node_set_history(struct node *n, const struct history *h)
{
	n->history = h;
}

static void start(struct node *n, struct ledger *tip, const struct journal_record *r)
{
	struct held *h;
	int i;

	must(!n->started && (tip || n->cfg.genesis[0]));
	n->started = true;
	n->started_at = n->now.steady;
	for (i = 0; i < 7; i++)
		n->state_since[i] = n->now.steady;
	n->state_entered[n->state] = 1;
	n->housekeeping_at = n->now.steady;
	vote_init(n, r);
	if (tip) {
		h = held_add(n, ledger_ref(tip), NULL, 0);
		n->validated = ledger_ref(tip);
	} else {
		held_add(n, ledger_ref(n->cfg.genesis[0]), NULL, 0);
		h = held_add(n, ledger_ref(n->cfg.genesis[1]), NULL, 0);
		persist_want(n, &h->ledger->hash, h->ledger->header.seq);
	}
	drop_genesis(n);
	round_set_closed(n, h);
	if (n->cons)
		cons_set_validated(n->cons, &h->ledger->hash, h->ledger->header.seq);
	vote_resume(n);
}

static void tick(struct node *n)
{
	if (n->now.steady.ms >= n->housekeeping_at.ms) {
		n->housekeeping_at = steady_after(n->now.steady, HOUSEKEEPING_MS);
		pool_start_verify(n);
	}
	if (n->now.steady.ms >= n->persist_retry.ms) {
		n->persist_retry = STEADY_NEVER;
		persist_advance(n);
	}
	if (n->now.steady.ms >= n->journal_retry.ms) {
		n->journal_retry = STEADY_NEVER;
		vote_start_journal(n);
	}
	if (n->cons && n->now.steady.ms >= n->cons_at.ms) {
		struct cons_event ev = {.kind = CONS_TIMER};

		n->cons_at = STEADY_NEVER;
		round_feed(n, &ev);
	}
}

static void stop(struct node *n)
{
	if (n->stopping)
		return;
	n->stopping = true;
	round_set_proposing(n);
}

/* One timer for all: the earliest of what the parts asked for. */
static void set_timer(struct node *n)
{
	struct steady at = n->housekeeping_at, t;

	if (n->cons_at.ms < at.ms)
		at = n->cons_at;
	if (n->persist_retry.ms < at.ms)
		at = n->persist_retry;
	if (n->journal_retry.ms < at.ms)
		at = n->journal_retry;
	t = set_tick(n);
	if (t.ms < at.ms)
		at = t;
	t = sync_tick(n);
	if (t.ms < at.ms)
		at = t;
	if (at.ms != n->timer_set.ms) {
		n->timer_set = at;
		fx_new(n, NODE_FX_TIMER)->at = at;
	}
}

static void dispatch(struct node *n, const struct node_event *ev)
{
	switch (ev->kind) {
	case NODE_START:
		start(n, ev->start.tip, ev->start.journal);
		break;
	case NODE_TIMER:
		n->timer_set = STEADY_NEVER;
		tick(n);
		break;
	case NODE_JOB_DONE:
		job_done(n, ev->job);
		break;
	case NODE_PEER_UP:
		peer_up(n, ev->peer.peer, &ev->peer.key);
		break;
	case NODE_PEER_DOWN:
		peer_down(n, ev->peer.peer);
		break;
	case NODE_MESSAGE:
		if (peer_find(n, ev->peer.peer))
			on_message(n, ev->peer.peer, ev->peer.msg);
		break;
	case NODE_SUBMIT:
		pool_submit(n, ev->submit.tx, ev->submit.fail_hard, ev->submit.token);
		break;
	case NODE_ACCEPT:
		round_accept(n, ev->accept_token);
		break;
	case NODE_DISK:
		if (n->disk_low == ev->disk_ok)
			node_log(n, NODE_LOG_WARN, "disk: %s",
				 ev->disk_ok ? "space is back; validating again"
					     : "space is low; not validating");
		n->disk_low = !ev->disk_ok;
		round_set_proposing(n);
		break;
	case NODE_STOP:
		stop(n);
		break;
	}
}

void node_step(struct node *n, const struct node_event *ev, struct now now, struct node_effects *fx)
{
	n->fx = fx;
	n->now = now;
	must(n->started || ev->kind == NODE_START);
	dispatch(n, ev);
	if (n->open_stale && !n->stopping)
		pool_rebuild_open(n);
	status_update(n);
	set_timer(n);
	if (n->store_failed && !n->failed_told) {
		n->failed_told = true;
		fx_new(n, NODE_FX_FAILED);
	}
	if (n->stopping && !n->jobs_running && !n->stopped) {
		n->stopped = true;
		fx_new(n, NODE_FX_STOPPED);
	}
	n->fx = NULL;
}
