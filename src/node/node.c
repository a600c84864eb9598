/* SPDX-License-Identifier: ISC */
#include "node/node_impl.h"

#define HOUSEKEEPING_MS 1000

/* ---- events ---- */

static void job_done(struct node *n, struct node_job *j)
{
	must(n->jobs_running > 0);
	n->jobs_running--;
	switch (j->kind) {
	case NODE_JOB_VERIFY:
		if (pool_verified(n, j))
			return;
		if (n->stopping)
			break;
		if (j->id == n->build_verify_job)
			round_verified(n, j);
		else
			(void)sync_verified(n, j); /* or of something that was left */
		break;
	case NODE_JOB_BUILD:
		if (!n->stopping && !sync_built(n, j) && !vote_resume_built(n, j))
			rounds_built(n, j);
		break;
	case NODE_JOB_PERSIST:
		persist_done(n, j);
		break;
	case NODE_JOB_JOURNAL:
		vote_journal_done(n, j);
		break;
	case NODE_JOB_HISTORY:
		fill_done(n, j);
		break;
	case NODE_JOB_JOIN:
		state_log_done(n, j);
		break;
	}
	node_job_free(j);
}

static void on_message(struct node *n, uint32_t id, const struct msg *m)
{
	switch (m->type) {
	case MSG_STATUS:
		peer_status(n, id, m);
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
	case MSG_EVIDENCE:
		evidence_on_msg(n, id, m);
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
		serve_ledger(n, id, m);
		break;
	case MSG_GET_PAST:
		serve_past(n, id, m);
		break;
	case MSG_PAST:
		fill_on_past(n, id, m);
		break;
	case MSG_LEDGER:
		sync_on_ledger(n, id, m);
		break;
	case MSG_GET_NODES:
		serve_nodes(n, id, m);
		break;
	case MSG_NODES:
		state_on_nodes(n, id, m);
		break;
	case MSG_NAK:
		if (m->nak.request == MSG_GET_SET || m->nak.request == MSG_GET_TXS)
			set_on_nak(n, id, m);
		else if (m->nak.request == MSG_GET_PAST)
			fill_on_nak(n, id, m);
		else
			sync_on_nak(n, id, m);
		break;
	case MSG_MANIFESTS:
		unl_on_manifests(n, id, m);
		break;
	case MSG_TRUST:
		trust_on_msg(n, id, m);
		break;
	case MSG_NONE:
	case MSG_PING:
	case MSG_PONG:
	case MSG_BYE:
	case MSG_TYPE_END:
		break; /* the session's own business */
	}
}

/* ---- life ---- */

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
	n->seen.cap = SEEN_TXS;
	hmap_init(&n->put_off.map, salt);
	n->put_off.cap = SEEN_TXS / 4;
	n->seen_msgs.cap = SEEN_MESSAGES;
	hmap_init(&n->held_by_hash, salt);
	hmap_init(&n->sets_by_id, salt);
	if (c->genesis[0]) {
		ledger_ref(c->genesis[0]);
		ledger_ref(c->genesis[1]);
	}
	unl_open(n, c);
	nunl_open(n);
	fees_open(n, c, salt);
	governance_open(n);
	evidence_members_changed(n);
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

	if (!n)
		return;
	n->fx = &none;
	n->join_failed = true; /* no jobs any more */
	sync_drop(n);
	fill_drop(n);
	serve_drop(n);
	if (n->state_base.root)
		tree_close(&n->state_base);
	pool_close(n);
	txq_close(&n->txq);
	round_cancel_build(n);
	set_close_all(n);
	vote_close(n);
	nunl_close(n);
	governance_close(n);
	evidence_close(n);
	view_close(n->open);
	held_close(n);
	ledger_unref(n->validated);
	rules_unref(n->rules);
	drop_genesis(n);
	cons_close(n->cons);
	unl_close(n);
	mem_free(n->open_array);
	hmap_close(&n->pool);
	hmap_close(&n->accounts);
	seen_close(&n->seen);
	seen_close(&n->put_off);
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

/* The second ledger follows from the first (ledger/genesis.h); NULL when that cannot be read. */
static struct ledger *second_of(const struct ledger *first)
{
	struct ledger_header h = first->header;
	struct tree state, txs;
	struct ledger *l = NULL;

	h.seq = first->header.seq + 1;
	h.parent = first->hash;
	h.parent_close = first->header.close;
	tree_share(&state, &first->state);
	tree_init_empty(&txs, TREE_TX_META, NULL);
	if (skip_list_update(&state, h.seq, &first->hash) == FOUND)
		l = ledger_make(&h, &state, &txs);
	tree_close(&state);
	tree_close(&txs);
	return l;
}

/* The ledger to begin with. The second is as given as the first: a process may have ended between
 * their commits, and nobody may make another second one. */
static struct held *first_tip(struct node *n, struct ledger *tip)
{
	struct ledger *second;
	struct held *h;

	if (tip) {
		h = held_add(n, ledger_ref(tip), NULL, 0);
		n->validated = ledger_ref(tip);
		if (tip->header.seq > 1)
			return h;
		second = second_of(tip);
		if (!second)
			return NULL;
	} else {
		held_add(n, ledger_ref(n->cfg.genesis[0]), NULL, 0);
		second = ledger_ref(n->cfg.genesis[1]);
	}
	h = held_add(n, second, NULL, 0);
	persist_want(n, &second->hash, second->header.seq);
	return h;
}

static void start(struct node *n, struct ledger *tip, const struct journal_record *r,
		  const struct tree *join)
{
	struct held *h;
	int i;

	must(!n->started && (tip || n->cfg.genesis[0]));
	n->started = true;
	n->started_at = n->now.steady;
	n->started_net = n->now.net;
	for (i = 0; i < 7; i++)
		n->state_since[i] = n->now.steady;
	n->state_entered[n->state] = 1;
	n->full_entered = n->state >= NODE_FULL;
	n->housekeeping_at = n->now.steady;
	vote_init(n, r);
	h = first_tip(n, tip);
	if (!h) {
		node_store_failed(n, "cannot read the first ledger");
		n->stopping = true;
		return;
	}
	drop_genesis(n);
	unl_started(n);
	if (join) {
		tree_share(&n->state_base, join);
		n->join_used = true;
	}
	n->base_hash = h->ledger->hash;
	n->base_seq = h->ledger->header.seq;
	round_set_closed(n, h);
	if (n->cons)
		cons_set_validated(n->cons, &h->ledger->hash, h->ledger->header.seq);
	nunl_started(n);
	vote_resume(n);
}

static void tick(struct node *n)
{
	if (n->now.steady.ms >= n->housekeeping_at.ms) {
		fees_tick(n, steady_since(n->housekeeping_at, n->now.steady));
		n->housekeeping_at = steady_after(n->now.steady, HOUSEKEEPING_MS);
		trust_look_back(n);
		pool_start_verify(n);
		serve_drop(n);
		clocks_tick(n);
		trust_judge(n);
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

/* Bows out and begins nothing new: what runs is waited for, a commit among it is told. */
static void stop(struct node *n)
{
	if (n->stopping)
		return;
	n->stopping = true;
	round_set_proposing(n);
	round_cancel_build(n);
	round_accepted(n, ERR_CLOSED);
	pool_stop(n);
	sync_drop(n);
}

/* One timer for all: the earliest of what the parts asked for. They are asked first: what they do
 * may set another's. */
static void set_timer(struct node *n, struct steady at)
{
	if (n->housekeeping_at.ms < at.ms)
		at = n->housekeeping_at;
	if (n->cons_at.ms < at.ms)
		at = n->cons_at;
	if (n->persist_retry.ms < at.ms)
		at = n->persist_retry;
	if (n->journal_retry.ms < at.ms)
		at = n->journal_retry;
	if (at.ms != n->timer_set.ms) {
		n->timer_set = at;
		fx_new(n, NODE_FX_TIMER)->at = at;
	}
}

void node_store_failed(struct node *n, const char *what)
{
	if (!n->store_failed)
		node_log(n, NODE_LOG_ERROR, "store: %s; validating no more", what);
	n->store_failed = true;
	round_set_proposing(n);
}

static void dispatch(struct node *n, const struct node_event *ev)
{
	switch (ev->kind) {
	case NODE_START:
		start(n, ev->start.tip, ev->start.journal, ev->start.join);
		break;
	case NODE_TIMER:
		n->timer_set = STEADY_NEVER;
		if (!n->stopping)
			tick(n);
		break;
	case NODE_JOB_DONE:
		job_done(n, ev->job);
		break;
	case NODE_PEER_UP:
		if (!n->stopping)
			peer_up(n, ev->peer.peer, &ev->peer.key);
		break;
	case NODE_PEER_DOWN:
		peer_down(n, ev->peer.peer);
		break;
	case NODE_MESSAGE:
		if (!n->stopping && peer_find(n, ev->peer.peer))
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
	case NODE_UNL:
		if (!n->stopping)
			unl_event(n, ev);
		break;
	case NODE_WISHES:
		governance_wish(n, &ev->wishes);
		break;
	case NODE_DISK_HISTORY:
		n->history_stop = !ev->disk_ok;
		break;
	case NODE_DAMAGE:
		node_store_failed(n, ev->damage);
		break;
	case NODE_STOP:
		stop(n);
		break;
	}
}

/* What follows every event: requests that are due, the open ledger on top of a new closed one. */
static struct steady settle(struct node *n)
{
	struct steady sets = set_tick(n), sync = sync_tick(n), fill = fill_tick(n);

	unl_settle(n);
	if (n->open_stale)
		pool_rebuild_open(n);
	if (view_failed(n->open))
		node_store_failed(n, "cannot read the state of the open ledger");
	governance_settle(n);
	if (fill.ms < sync.ms)
		sync = fill;
	return sets.ms < sync.ms ? sets : sync;
}

void node_step(struct node *n, const struct node_event *ev, struct now now, struct node_effects *fx)
{
	struct steady at = STEADY_NEVER;

	must(n->started || ev->kind == NODE_START);
	must(!n->fx);
	n->fx = fx;
	n->now = now;
	n->steps++;
	dispatch(n, ev);
	if (!n->stopping)
		at = settle(n);
	status_update(n);
	if (!n->stopping)
		set_timer(n, at);
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
