/* SPDX-License-Identifier: ISC */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define NET_START 800000000u

static struct now now_of(const struct rig *r)
{
	return (struct now){.steady = {r->now},
			    .net = {(uint32_t)(NET_START + r->now / 1000 + r->o.skew_s)}};
}

/* ---- effects ---- */

static void keep_sent(struct rig *r, struct node_effect *e)
{
	if (r->n_sent == r->cap_sent) {
		r->cap_sent = r->cap_sent ? r->cap_sent * 2 : 64;
		r->sent = mem_resize(r->sent, r->cap_sent, sizeof(*r->sent));
	}
	r->sent[r->n_sent++] = (struct rig_sent){
	    .peer = e->send.peer, .except = e->send.except, .frame = wire_frame_ref(e->send.frame)};
}

static void keep_answer(struct rig *r, const struct node_effect *e)
{
	if (r->n_answers == r->cap_answers) {
		r->cap_answers = r->cap_answers ? r->cap_answers * 2 : 64;
		r->answers = mem_resize(r->answers, r->cap_answers, sizeof(*r->answers));
	}
	r->answers[r->n_answers] = e->submitted;
	r->answers[r->n_answers++].tx = NULL;
}

static void keep_job(struct rig *r, struct node_job *j)
{
	if (r->n_jobs == r->cap_jobs) {
		r->cap_jobs = r->cap_jobs ? r->cap_jobs * 2 : 16;
		r->jobs = mem_resize(r->jobs, r->cap_jobs, sizeof(*r->jobs));
	}
	r->jobs[r->n_jobs++] = j;
}

static void one_effect(struct rig *r, struct node_effect *e)
{
	switch (e->kind) {
	case NODE_FX_TIMER:
		r->timer = e->at.ms;
		break;
	case NODE_FX_SEND:
		keep_sent(r, e);
		break;
	case NODE_FX_DROP_PEER:
		assert_in_range(e->drop.peer, 1, RIG_PEERS);
		r->dropped[e->drop.peer] = e->drop.reason;
		break;
	case NODE_FX_USELESS:
		if (e->useless.peer <= RIG_PEERS)
			r->useless[e->useless.peer] += e->useless.units;
		break;
	case NODE_FX_JOB:
		keep_job(r, e->job);
		break;
	case NODE_FX_SUBMITTED:
		keep_answer(r, e);
		break;
	case NODE_FX_ACCEPTED:
		r->n_accepted++;
		r->accepted = e->accepted.err;
		break;
	case NODE_FX_STOPPED:
		r->n_stopped++;
		break;
	case NODE_FX_FAILED:
		r->n_failed++;
		break;
	case NODE_FX_LOG:
		if (getenv("CLUSTER_LOG"))
			printf("%8lld %s\n", (long long)r->now, e->log.text);
		if (e->log.level <= NODE_LOG_WARN)
			memcpy(r->log, e->log.text, sizeof(r->log));
		break;
	case NODE_FX_LEDGER:
		r->n_ledgers++;
		break;
	case NODE_FX_TX_PROPOSED:
	case NODE_FX_VALIDATION:
	case NODE_FX_PHASE:
	case NODE_FX_STATE:
	case NODE_FX_MANIFEST:
		break;
	}
}

void rig_step(struct rig *r, const struct node_event *ev)
{
	struct node_effects fx = {0};
	uint32_t i;

	node_step(r->node, ev, now_of(r), &fx);
	for (i = 0; i < fx.n; i++)
		one_effect(r, &fx.e[i]);
	node_effects_close(&fx);
}

/* ---- jobs ---- */

struct node_job *rig_take(struct rig *r, enum node_job_kind kind)
{
	uint32_t i;

	for (i = 0; i < r->n_jobs; i++) {
		struct node_job *j = r->jobs[i];

		if (j->kind != kind)
			continue;
		r->n_jobs--;
		memmove(&r->jobs[i], &r->jobs[i + 1], (r->n_jobs - i) * sizeof(*r->jobs));
		return j;
	}
	return NULL;
}

static void do_job(struct rig *r, struct node_job *j)
{
	switch (j->kind) {
	case NODE_JOB_VERIFY:
	case NODE_JOB_BUILD:
		node_job_run(j);
		break;
	case NODE_JOB_PERSIST:
		j->err = r->persist_err;
		if (j->err != ERR_NONE)
			break;
		ledger_unref(r->tip);
		r->tip = ledger_ref(j->persist.ledger);
		break;
	case NODE_JOB_JOURNAL:
		j->err = r->journal_err;
		if (j->err != ERR_NONE)
			break;
		r->journal_writes++;
		buf_clear(&r->journal);
		buf_put(&r->journal, j->journal.record.p, j->journal.record.n);
		break;
	case NODE_JOB_HISTORY:
		j->err = r->history_err;
		if (j->err != ERR_NONE)
			break;
		r->filled += j->history.n;
		r->fill_lowest = j->history.ledgers[j->history.n - 1].header.seq;
		break;
	case NODE_JOB_JOIN:
		if (j->join.forget)
			buf_clear(&r->join);
		else
			buf_put(&r->join, j->join.entries.p, j->join.entries.n);
		break;
	}
	if (j->err != ERR_NONE)
		(void)why_set(&j->why, j->err, "the rig's disk");
}

void rig_finish(struct rig *r, struct node_job *j)
{
	struct node_event ev = {.kind = NODE_JOB_DONE, .job = j};

	must(j);
	do_job(r, j);
	rig_step(r, &ev);
}

static bool finish_next(struct rig *r, unsigned hold)
{
	enum node_job_kind k;

	for (k = NODE_JOB_VERIFY; k <= NODE_JOB_JOIN; k++) {
		struct node_job *j = hold & (1u << k) ? NULL : rig_take(r, k);

		if (!j)
			continue;
		rig_finish(r, j);
		return true;
	}
	return false;
}

void rig_finish_all(struct rig *r)
{
	while (finish_next(r, 0))
		;
}

void rig_run(struct rig *r, uint32_t ms)
{
	struct node_event ev = {.kind = NODE_TIMER};
	int64_t end = r->now + ms;

	for (;;) {
		while (finish_next(r, r->hold))
			;
		if (r->timer > end)
			break;
		r->now = r->timer > r->now ? r->timer : r->now;
		r->timer = INT64_MAX;
		rig_step(r, &ev);
	}
	r->now = end;
}

/* ---- peers ---- */

void rig_peer_up(struct rig *r, uint32_t peer)
{
	struct node_event ev = {.kind = NODE_PEER_UP};

	must(peer <= RIG_PEERS);
	ev.peer.peer = peer;
	rig_step(r, &ev);
}

void rig_peer_down(struct rig *r, uint32_t peer)
{
	struct node_event ev = {.kind = NODE_PEER_DOWN};

	ev.peer.peer = peer;
	rig_step(r, &ev);
}

void rig_hear(struct rig *r, uint32_t peer, struct wire_frame *f)
{
	struct node_event ev = {.kind = NODE_MESSAGE};
	struct arena a = ARENA_INIT;
	struct why why = {""};
	struct msg m;

	if (wire_decode(&m, &a, bytes_of(f->bytes, f->n), &why) != ERR_NONE)
		fail_msg("%s", why.text);
	ev.peer.peer = peer;
	ev.peer.msg = &m;
	rig_step(r, &ev);
	wire_frame_unref(f);
	arena_close(&a);
}

void rig_hear_msg(struct rig *r, uint32_t peer, const struct msg *m)
{
	rig_hear(r, peer, wire_encode(m));
}

static bool goes_to(const struct rig_sent *s, enum msg_type t, uint32_t peer)
{
	if (s->frame->type != t)
		return false;
	return !peer || (s->peer ? s->peer == peer : s->except != peer);
}

bool rig_heard(struct rig *r, enum msg_type t, uint32_t peer, uint32_t i, struct msg *m,
	       uint32_t *to)
{
	uint32_t k;

	for (k = 0; k < r->n_sent; k++) {
		const struct rig_sent *s = &r->sent[k];

		if (!goes_to(s, t, peer) || i--)
			continue;
		if (to)
			*to = s->peer;
		assert_int_equal(
		    wire_decode(m, &r->arena, bytes_of(s->frame->bytes, s->frame->n), NULL),
		    ERR_NONE);
		return true;
	}
	return false;
}

uint32_t rig_count(struct rig *r, enum msg_type t, uint32_t peer)
{
	uint32_t k, n = 0;

	for (k = 0; k < r->n_sent; k++)
		n += goes_to(&r->sent[k], t, peer);
	return n;
}

void rig_forget(struct rig *r)
{
	while (r->n_sent)
		wire_frame_unref(r->sent[--r->n_sent].frame);
	r->n_answers = 0;
	r->n_accepted = r->n_ledgers = 0;
	memset(r->dropped, 0, sizeof(r->dropped));
	memset(r->log, 0, sizeof(r->log));
	arena_reset(&r->arena);
}

/* ---- clients ---- */

void rig_submit(struct rig *r, struct tx *t, bool fail_hard, uint64_t token)
{
	struct node_event ev = {.kind = NODE_SUBMIT};

	ev.submit.tx = t;
	ev.submit.fail_hard = fail_hard;
	ev.submit.token = token;
	rig_step(r, &ev);
	tx_unref(t);
}

static const struct node_submitted *find_answer(struct rig *r, uint64_t token)
{
	uint32_t i;

	for (i = 0; i < r->n_answers; i++)
		if (r->answers[i].token == token)
			return &r->answers[i];
	return NULL;
}

bool rig_answered(struct rig *r, uint64_t token)
{
	return find_answer(r, token) != NULL;
}

const struct node_submitted *rig_answer(struct rig *r, uint64_t token)
{
	const struct node_submitted *s = find_answer(r, token);

	if (!s)
		fail_msg("no answer to %llu", (unsigned long long)token);
	return s;
}

void rig_gossip(struct rig *r, uint32_t peer, struct tx *const *txs, uint32_t n)
{
	struct bytes blobs[512];
	struct msg m = {.type = MSG_TXS, .txs = {.v = blobs, .n = n}};
	uint32_t i;

	must(n <= 512);
	for (i = 0; i < n; i++)
		blobs[i] = txs[i]->blob;
	rig_hear_msg(r, peer, &m);
}

void rig_accept(struct rig *r)
{
	struct node_event ev = {.kind = NODE_ACCEPT, .accept_token = 1};
	uint32_t was = r->n_accepted;

	r->now += 1000;
	rig_step(r, &ev);
	rig_run(r, 0);
	assert_int_equal(r->n_accepted, was + 1);
	assert_int_equal(r->accepted, ERR_NONE);
}

struct node_status rig_status(struct rig *r)
{
	struct node_status s;

	node_get_status(r->node, now_of(r), &s);
	return s;
}

/* ---- life ---- */

static void start(struct rig *r)
{
	struct node_event ev = {.kind = NODE_START};
	struct journal_record rec;
	struct arena a = ARENA_INIT;

	ev.start.tip = r->o.tip;
	r->tip = r->o.tip ? ledger_ref(r->o.tip) : NULL;
	r->journal = r->o.journal;
	if (r->journal.n) {
		assert_int_equal(journal_decode(&rec, buf_bytes(&r->journal), &a), ERR_NONE);
		ev.start.journal = &rec;
	}
	rig_step(r, &ev);
	arena_close(&a);
}

struct rig *rig_open(const struct rig_options *o)
{
	struct rig *r = mem_zalloc(1, sizeof(*r));
	struct public_key unl[UNL_MAX];
	struct secret_key *keys[UNL_MAX];
	struct node_config nc = {.network_id = WALLET_NETWORK,
				 .standalone = o->standalone,
				 .unl = unl,
				 .unl_n = o->validators,
				 .seed = 1,
				 .cookie = 1,
				 .txq = txq_setup_roomy()};
	struct why why = {""};
	uint32_t i;

	r->o = *o;
	r->timer = INT64_MAX;
	wallet_genesis(&r->genesis, o->accounts);
	if (genesis_build(&r->genesis, &r->first, &r->second, &why) != ERR_NONE)
		fail_msg("%s", why.text);
	nc.genesis[0] = r->first;
	nc.genesis[1] = r->second;
	for (i = 0; i < o->validators; i++)
		keys[i] = validator_key(i, &unl[i]);
	if (o->validators && !o->observer)
		nc.validator = keys[0];
	if (o->tune)
		o->tune(&nc, o->tune_ctx);
	r->node = node_open(&nc);
	node_set_history(r->node, o->history);
	start(r);
	for (i = 0; i < o->validators; i++)
		if (keys[i] == nc.validator)
			r->key = keys[i];
		else
			secret_key_close(keys[i]);
	return r;
}

void rig_close(struct rig *r)
{
	rig_forget(r);
	node_close(r->node);
	while (r->n_jobs)
		node_job_free(r->jobs[--r->n_jobs]);
	ledger_unref(r->tip);
	ledger_unref(r->first);
	ledger_unref(r->second);
	genesis_close(&r->genesis);
	buf_close(&r->journal);
	buf_close(&r->join);
	if (r->key)
		secret_key_close(r->key);
	arena_close(&r->arena);
	mem_free(r->sent);
	mem_free(r->answers);
	mem_free(r->jobs);
	mem_free(r);
}
