/* SPDX-License-Identifier: ISC */
#include "node/node_impl.h"

#include "ledger/tx_set.h"

#include <stdlib.h>

/* Rounds: what consensus asks for is done here, and what came of it is told back. Also the
 * standalone close. */

void round_set_closed(struct node *n, struct held *h)
{
	n->closed = h;
	n->open_stale = true;
	nunl_closed(n);
}

/* ---- consensus: events in ---- */

static struct cons_event ledger_event(enum cons_event_kind kind, const struct held *h)
{
	const struct ledger_header *lh = &h->ledger->header;
	struct cons_event ev = {.kind = kind};

	ev.ledger.hash = h->ledger->hash;
	ev.ledger.parent = lh->parent;
	ev.ledger.seq = lh->seq;
	ev.ledger.close = lh->close;
	ev.ledger.close_resolution = lh->close_resolution;
	ev.ledger.close_agreed = !(lh->close_flags & LEDGER_FLAG_NO_CLOSE_TIME);
	return ev;
}

void round_know(struct node *n, const struct held *h)
{
	struct cons_event ev = ledger_event(CONS_LEDGER, h);

	round_feed(n, &ev);
}

void rounds_begin(struct node *n, struct held *h)
{
	struct cons_event ev = ledger_event(CONS_START, h);

	if (!n->cons)
		return;
	round_feed(n, &ev);
	round_set_proposing(n);
}

/* ---- builds ---- */

void build_prepare_job(struct node *n, struct node_job *j, const struct ledger *parent,
		       struct tx *const *txs, uint32_t n_txs)
{
	uint32_t i;

	j->build.parent = ledger_ref((struct ledger *)parent);
	j->build.txs = mem_alloc((n_txs ? n_txs : 1) * sizeof(struct tx *));
	for (i = 0; i < n_txs; i++)
		j->build.txs[i] = tx_ref(txs[i]);
	j->build.n = n_txs;
	j->build.network_id = n->cfg.network_id;
	n->count.builds++;
}

/* Hands out a verification of those whose signature is unknown; 0 when there are none. */
static uint64_t verify_unknown(struct node *n, struct tx *const *txs, uint32_t n_txs)
{
	struct node_job *j = NULL;
	uint32_t i;

	for (i = 0; i < n_txs; i++) {
		if (txs[i]->pseudo || atomic_load(&txs[i]->signature) != TX_SIG_UNKNOWN)
			continue;
		if (!j) {
			j = job_new(n, NODE_JOB_VERIFY);
			j->verify.txs = mem_alloc(n_txs * sizeof(struct tx *));
		}
		j->verify.txs[j->verify.n++] = tx_ref(txs[i]);
	}
	if (!j)
		return 0;
	job_start(n, j);
	return j->id;
}

static void build_start(struct node *n)
{
	struct node_job *j = job_new(n, NODE_JOB_BUILD);

	build_prepare_job(n, j, n->build.parent, n->build.txs, (uint32_t)n->build.n);
	round_cancel_build(n);
	j->build.salt = n->build.salt;
	j->build.close = n->build.close;
	j->build.close_resolution = n->build.close_resolution;
	j->build.close_agreed = n->build.close_agreed;
	n->build_job = j->id;
	job_start(n, j);
}

/* Forgets a build that waits for signatures or transactions. */
void round_cancel_build(struct node *n)
{
	if (n->build_waits)
		ledger_unref((struct ledger *)n->build.parent);
	n->build_waits = n->build_lacking = false;
	n->build_verify_job = 0;
	n->build.parent = NULL;
}

bool round_lacks(const struct node *n, const struct hash256 *set)
{
	return n->build_lacking && hash256_eq(&n->build_asked.build.set, set);
}

/* The agreed set may be a union of positions, larger than a ledger: the largest ids wait for the
 * next one. Everybody has the same set and so leaves out the same. */
static uint32_t fits_ledger(const struct txset *s)
{
	size_t bytes = 0;
	uint32_t i;

	for (i = 0; i < s->n && i < LEDGER_TX_MAX; i++) {
		bytes += s->txs[i]->blob.n;
		if (bytes > LEDGER_TX_BYTES_MAX)
			break;
	}
	return i;
}

/* A build of what was agreed on must not fail for a transaction that is no longer here: the round
 * would never end. It is fetched. */
static void build_later(struct node *n, const struct cons_effect *e)
{
	struct txset *s = set_find(n, &e->build.set);

	must(s && s->ids);
	node_log(n, NODE_LOG_WARN, "round: %u transactions of the agreed set are not here",
		 s->missing);
	n->build_asked = *e;
	n->build_asked.build.ids = NULL;
	n->build_asked.build.n = 0;
	n->build_lacking = true;
	set_fetch(n, s);
}

static void build_from(struct node *n, const struct cons_effect *e, struct held *parent,
		       const struct txset *set)
{
	round_cancel_build(n);
	n->build = (struct ledger_build){
	    .parent = ledger_ref(parent->ledger),
	    .txs = set->txs,
	    .n = fits_ledger(set),
	    .salt = set->id,
	    .close = e->build.close,
	    .close_resolution = e->build.close_resolution,
	    .close_agreed = e->build.close_agreed,
	};
	n->last_set = set->id;
	n->build_waits = true;
	n->build_verify_job = verify_unknown(n, set->txs, (uint32_t)n->build.n);
	if (!n->build_verify_job)
		build_start(n);
}

static void on_build(struct node *n, const struct cons_effect *e)
{
	struct held *parent = held_find(n, &e->build.prev);
	struct txset *set = set_find(n, &e->build.set);

	if (!set || !set->complete)
		set = set_make(n, &e->build.set, e->build.ids, e->build.n);
	if (!parent)
		node_log(n, NODE_LOG_ERROR, "round: cannot build on %s: ledger unknown",
			 hash256_short(&e->build.prev).s);
	else if (!set)
		build_later(n, e);
	else
		build_from(n, e, parent, set);
}

void round_set_here(struct node *n, const struct txset *s)
{
	struct cons_effect e = n->build_asked;

	if (!round_lacks(n, &s->id))
		return;
	must(s->complete);
	n->build_lacking = false;
	on_build(n, &e);
}

void round_verified(struct node *n, struct node_job *j)
{
	must(j->id == n->build_verify_job);
	if (n->build_waits)
		build_start(n);
}

static void tell_accepted(struct node *n, uint64_t token, enum err err)
{
	struct node_effect *e = fx_new(n, NODE_FX_ACCEPTED);

	e->accepted.token = token;
	e->accepted.err = err;
	e->accepted.open_seq = n->closed->ledger->header.seq + 1;
}

void round_accepted(struct node *n, enum err err)
{
	if (!n->accept_pending)
		return;
	n->accept_pending = false;
	tell_accepted(n, n->accept_token, err);
	if (err != ERR_NONE && n->accept_next) {
		tell_accepted(n, n->accept_next, err);
		n->accept_next = 0;
	}
}

void round_accept_next(struct node *n)
{
	uint64_t token = n->accept_next;

	if (!token || n->accept_pending)
		return;
	n->accept_next = 0;
	round_accept(n, token);
}

/* Too long for ledgers to grow (rippled: RCLConsensus.cpp doAccept). */
#define SLOW_MS 5000

static bool took_long(const struct node *n)
{
	struct cons_status s;

	if (!n->cons)
		return false;
	cons_get_status(n->cons, &s);
	return s.last_converge_ms > SLOW_MS;
}

void rounds_built(struct node *n, struct node_job *j)
{
	struct cons_event ev;
	struct held *h;

	if (j->id != n->build_job)
		return; /* of a branch that was left */
	n->build_job = 0;
	if (!j->build.ledger) {
		node_store_failed(n, "state not available while building a ledger");
		round_accepted(n, ERR_UNAVAILABLE);
		return;
	}
	h = held_add(n, ledger_ref(j->build.ledger), j->build.applied,
		     (uint32_t)j->build.n_applied);
	n->count.ledgers_closed++;
	n->closed_slow = took_long(n);
	round_set_closed(n, h);
	pool_ledger_closed(n, h);
	if (n->cons) {
		clocks_built(n, &h->ledger->hash);
		ev = ledger_event(CONS_BUILT, h);
		round_feed(n, &ev);
		status_send(n, 0);
		persist_advance(n); /* the others' quorum may have been here before it */
	} else {
		persist_want(n, &h->ledger->hash, h->ledger->header.seq);
	}
}

/* Rounded half up to the resolution, and after the parent's (rippled: LedgerTiming.h). */
static struct net_time effective_close(struct net_time t, uint8_t resolution,
				       struct net_time parent)
{
	uint32_t s = t.s + resolution / 2;

	s -= s % resolution;
	return (struct net_time){.s = s > parent.s ? s : parent.s + 1};
}

/* Ids of the open ledger's transactions, sorted; the caller frees. */
static struct hash256 *open_ids(struct node *n, uint32_t *n_ids)
{
	struct hash256 *ids;

	if (n->open_stale)
		pool_rebuild_open(n);
	ids = pool_ids(&n->open_list);
	*n_ids = n->open_list.n;
	must(*n_ids <= LEDGER_TX_MAX);
	qsort(ids, *n_ids, sizeof(*ids), hash256_qsort_cmp);
	return ids;
}

/* Our own votes join what the open ledger holds; the largest ids of a full one make room. */
static struct hash256 *put_votes(struct node *n, struct hash256 *ids, uint32_t *n_ids)
{
	uint32_t n_votes;
	struct tx *const *votes = governance_votes(n, &n_votes);

	if (!n_votes)
		return ids;
	ids = mem_resize(ids, *n_ids + n_votes, sizeof(*ids));
	if (*n_ids > LEDGER_TX_MAX - n_votes)
		*n_ids = LEDGER_TX_MAX - n_votes;
	for (uint32_t i = 0; i < n_votes; i++)
		ids[(*n_ids)++] = votes[i]->id;
	qsort(ids, *n_ids, sizeof(*ids), hash256_qsort_cmp);
	return ids;
}

/* Standalone: everything in the open ledger is the agreed set. */
void round_accept(struct node *n, uint64_t token)
{
	struct cons_effect fx = {.kind = CONS_FX_BUILD};
	const struct ledger_header *ph;
	struct hash256 *ids;
	uint32_t i;

	if (n->accept_pending && n->accept_token == 0 && token && !n->accept_next && !n->stopping) {
		n->accept_next = token; /* the clock was first: theirs is the ledger after */
		return;
	}
	if (n->accept_pending || !n->cfg.standalone || n->stopping) {
		tell_accepted(n, token, ERR_BUSY);
		return;
	}
	ph = &n->closed->ledger->header;
	n->accept_pending = true;
	n->accept_token = token;
	ids = open_ids(n, &i);
	ids = put_votes(n, ids, &i);
	tx_set_id(&fx.build.set, ids, i);
	fx.build.prev = n->closed->ledger->hash;
	fx.build.ids = ids;
	fx.build.n = i;
	fx.build.close_resolution = close_resolution_next(ph->close_resolution,
							  !(ph->close_flags & 1), ph->seq + 1);
	fx.build.close = effective_close(n->now.net, fx.build.close_resolution, ph->close);
	fx.build.close_agreed = true;
	on_build(n, &fx);
	mem_free(ids);
}

/* ---- consensus: effects out ---- */

static void on_close_open(struct node *n)
{
	struct hash256 *ids;
	struct cons_event ev = {.kind = CONS_OPEN_TXS};
	uint32_t i;

	ids = open_ids(n, &i);
	ids = put_votes(n, ids, &i);
	tx_set_id(&ev.set.id, ids, i);
	set_make(n, &ev.set.id, ids, i);
	ev.set.ids = ids;
	ev.set.n = i;
	round_feed(n, &ev);
	mem_free(ids);
}

static void on_switch(struct node *n, const struct hash256 *hash)
{
	struct held *h = held_find(n, hash);

	if (!h) {
		sync_want(n, hash, 0);
		return;
	}
	node_log(n, NODE_LOG_WARN, "round: continuing on ledger %u %s instead of %u %s",
		 h->ledger->header.seq, hash256_short(hash).s, n->closed->ledger->header.seq,
		 hash256_short(&n->closed->ledger->hash).s);
	n->build_job = 0;
	round_cancel_build(n);
	round_set_closed(n, h);
	n->closed_slow = true;
	pool_branch_switched(n);
	status_send(n, 0);
}

/* What can only come from UNLs that differ, or from more faults than a quorum allows for, is said
 * once each time that it begins. */
static void alarm(struct node *n)
{
	struct cons_status s;
	bool apart;

	cons_get_status(n->cons, &s);
	apart = s.contrary + s.quorum + s.disabled > n->cfg.unl_n;
	if (s.stuck && !n->branch_stuck)
		node_log(n, NODE_LOG_ERROR,
			 "round: stuck: a quorum is heard from, but nothing has been validated "
			 "since ledger %u; do all trust the same validators?",
			 s.validated_seq);
	if (apart && !n->branch_apart)
		node_log(n, NODE_LOG_ERROR,
			 "round: %u members of our UNL are on a line without ledger %u, which we "
			 "have validated",
			 s.contrary, s.validated_seq);
	n->branch_stuck = s.stuck;
	n->branch_apart = apart;
}

static void on_effect(struct node *n, const struct cons_effect *e)
{
	struct held *h;

	switch (e->kind) {
	case CONS_FX_TIMER:
		n->cons_at = e->at;
		break;
	case CONS_FX_CLOSE_OPEN:
		on_close_open(n);
		break;
	case CONS_FX_PROPOSE:
		vote_propose(n, &e->propose);
		break;
	case CONS_FX_SHARE_SET:
		set_make(n, &e->set.id, e->set.ids, e->set.n);
		break;
	case CONS_FX_WANT_SET:
		set_want(n, &e->set.id);
		break;
	case CONS_FX_BUILD:
		on_build(n, e);
		break;
	case CONS_FX_VALIDATE:
		h = held_find(n, &e->ledger.hash);
		if (h)
			vote_validate(n, h, e->ledger.full);
		break;
	case CONS_FX_VALIDATED:
		if (e->ledger.seq > n->heard_seq)
			n->heard_seq = e->ledger.seq;
		trust_proved(n);
		persist_want(n, &e->ledger.hash, e->ledger.seq);
		alarm(n);
		break;
	case CONS_FX_WANT_LEDGER:
		sync_want(n, &e->ledger.hash, e->ledger.seq);
		break;
	case CONS_FX_SWITCH:
		on_switch(n, &e->ledger.hash);
		break;
	case CONS_FX_EVIDENCE:
		evidence_found(n, &e->evidence);
		break;
	case CONS_FX_RESEND:
		vote_resend(n);
		break;
	case CONS_FX_RESEND_ALL:
		vote_greet(n, 0);
		alarm(n);
		break;
	case CONS_FX_PHASE:
		fx_new(n, NODE_FX_PHASE)->phase = e->phase.phase;
		break;
	}
}

static void carry_out(struct node *n, struct cons_effects *fx)
{
	uint32_t i;

	for (i = 0; i < fx->n; i++)
		on_effect(n, &fx->e[i]);
}

static const void *copied(const void *p, uint32_t n, size_t size)
{
	void *copy = mem_alloc((n + 1) * size);

	if (n)
		memcpy(copy, p, n * size);
	return copy;
}

static void defer(struct node *n, const struct cons_event *ev)
{
	struct cons_event *q;

	must(n->n_cons_queue < CONS_QUEUE_MAX);
	q = &n->cons_queue[n->n_cons_queue++];
	*q = *ev;
	if (ev->kind == CONS_OPEN_TXS || ev->kind == CONS_SET)
		q->set.ids = copied(ev->set.ids, ev->set.n, sizeof(*ev->set.ids));
	else if (ev->kind == CONS_NEGATIVE_UNL)
		q->negative.who = copied(ev->negative.who, ev->negative.n,
					 sizeof(*ev->negative.who));
}

static void deferred_done(const struct cons_event *ev)
{
	if (ev->kind == CONS_OPEN_TXS || ev->kind == CONS_SET)
		mem_free((void *)ev->set.ids);
	else if (ev->kind == CONS_NEGATIVE_UNL)
		mem_free((void *)ev->negative.who);
}

static void one_step(struct node *n, const struct cons_event *ev, struct cons_effects *fx)
{
	fx->n = 0;
	if (ev)
		cons_step(n->cons, ev, n->now, fx);
	else
		cons_set_proposing(n->cons, n->proposing_on, n->now, fx);
	carry_out(n, fx);
}

/* Carrying out an effect may raise an event (an answer is one too). It waits until all effects of
 * the step that runs are carried out: the machine is not entered twice, id lists of effects stay
 * valid, and a later timer is not overwritten by an earlier one. Whether we may propose goes
 * first. An event raises at most one for each set and each ledger that consensus can ask for, an
 * answer to the close and one for each vote that goes out: CONS_QUEUE_MAX is above their sum. */
static void pump(struct node *n, const struct cons_event *first)
{
	struct cons_effects *fx = mem_alloc(sizeof(*fx));

	must(!n->cons_busy);
	n->cons_busy = true;
	if (first)
		one_step(n, first, fx);
	while (n->proposing_due || n->n_cons_queue) {
		struct cons_event next = n->cons_queue[0];

		if (n->proposing_due) {
			n->proposing_due = false;
			one_step(n, NULL, fx);
			continue;
		}
		n->n_cons_queue--;
		memmove(&n->cons_queue[0], &n->cons_queue[1],
			n->n_cons_queue * sizeof(n->cons_queue[0]));
		one_step(n, &next, fx);
		deferred_done(&next);
	}
	mem_free(fx);
	n->cons_busy = false;
}

void round_feed(struct node *n, const struct cons_event *ev)
{
	if (ev->kind == CONS_START)
		n->cons_started = true;
	if (ev->kind == CONS_VALIDATION)
		nunl_heard(n, ev->validation.who, &ev->validation.validation);
	if (!n->cons || n->stopping)
		return;
	if (!n->cons_started && ev->kind != CONS_LEDGER && ev->kind != CONS_VALIDATION &&
	    ev->kind != CONS_NEGATIVE_UNL)
		return; /* the journal's ledgers are still being rebuilt */
	if (n->cons_busy)
		defer(n, ev);
	else
		pump(n, ev);
}

void round_set_unl(struct node *n, const int32_t *from)
{
	struct cons_effects *fx = mem_alloc(sizeof(*fx));

	must(!n->cons_busy && !n->n_cons_queue);
	n->cons_busy = true;
	cons_set_unl(n->cons, n->cfg.unl_n, n->self, from, n->now, fx);
	carry_out(n, fx);
	n->cons_busy = false;
	mem_free(fx);
	n->proposing_on = n->proposing_on && n->self >= 0; /* consensus knows */
	if (n->proposing_due || n->n_cons_queue)
		pump(n, NULL);
}

/* May this node propose and validate now? */
void round_set_proposing(struct node *n)
{
	bool on = n->self >= 0 && !n->stopping && !n->disk_full && !n->disk_low &&
		  !n->store_failed && !n->journal_failed && !n->journal_full && !n->key_elsewhere &&
		  !n->holds;

	if (!n->cons || !n->cons_started || on == n->proposing_on)
		return;
	n->proposing_on = on;
	n->proposing_due = true;
	if (!n->cons_busy)
		pump(n, NULL);
}
