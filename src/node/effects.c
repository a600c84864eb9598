/* SPDX-License-Identifier: ISC */
#include "node/node_impl.h"

#include <stdarg.h>
#include <stdio.h>

/* What a step hands out: effects, and the jobs among them. */

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
	case NODE_FX_MANIFEST:
		buf_close(&e->manifest.bytes);
		break;
	case NODE_FX_TIMER:
	case NODE_FX_DROP_PEER:
	case NODE_FX_USELESS:
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

void fx_useless(struct node *n, uint32_t peer, uint32_t units)
{
	struct node_effect *e = fx_new(n, NODE_FX_USELESS);

	e->useless.peer = peer;
	e->useless.units = units;
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
	case NODE_JOB_HISTORY:
		for (i = 0; i < j->history.n; i++)
			tree_close(&j->history.ledgers[i].txs);
		mem_free(j->history.ledgers);
		break;
	case NODE_JOB_JOIN:
		buf_close(&j->join.entries);
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
