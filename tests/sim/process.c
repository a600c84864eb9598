/* SPDX-License-Identifier: ISC */
#include "tests/sim/world_impl.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

/* A process: the shell around one node, as src/node/uv_node.c is in the daemon. */

#define SERVER_VERSION 0x5441000100000000ull

/* ---- running out of memory ---- */

/* The allocation that fails ends the process with abort(); here it ends the simulated one. Not so
 * for must(), which is a failure of the program. */
static jmp_buf out_of_memory;
static bool may_run_out, broken;

_Noreturn void __wrap_abort(void);
_Noreturn void __real_abort(void);
_Noreturn void __wrap_must_failed(const char *cond, const char *file, int line, const char *func);
_Noreturn void __real_must_failed(const char *cond, const char *file, int line, const char *func);
/* Of the address sanitizer: what is allocated in between is never called a leak. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

_Noreturn void __wrap_abort(void)
{
	if (may_run_out && !broken)
		longjmp(out_of_memory, 1);
	__real_abort();
}

_Noreturn void __wrap_must_failed(const char *cond, const char *file, int line, const char *func)
{
	broken = true;
	__real_must_failed(cond, file, line, func);
}

/* What a process leaves behind that ended amid a step: nothing of it can be trusted, or freed. */
static void bury(struct node *n)
{
	static struct node **graves;
	static uint32_t n_graves;

	graves = mem_resize(graves, n_graves + 1, sizeof(struct node *));
	graves[n_graves++] = n;
}

/* False: the process has run out of memory. */
static bool step_or_die(struct process *p, const struct node_event *ev)
{
	static FILE *nowhere;
	FILE *volatile words = stderr;
	bool volatile whole = false;

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	if (nowhere)
		stderr = nowhere;
	if (__lsan_disable)
		__lsan_disable();
	may_run_out = true;
	mem_fail_after(p->oom);
	if (!setjmp(out_of_memory)) {
		node_step(p->node, ev, p->now, &p->fx);
		whole = true;
	}
	mem_fail_after(0);
	may_run_out = false;
	if (__lsan_enable)
		__lsan_enable();
	stderr = words;
	p->oom = 0;
	return whole;
}

static void ran_out(struct process *p)
{
	uint32_t i;

	world_log(p->w, p->index, NODE_LOG_ERROR, "out of memory");
	for (i = 0; i < p->fx.n; i++)
		if (p->fx.e[i].kind == NODE_FX_JOB && p->fx.e[i].job)
			node_job_free(p->fx.e[i].job);
	p->fx.n = 0; /* the last one may be half made: none is touched */
	bury(p->node);
	p->node = NULL;
	p->dying = true;
}

/* ---- effects ---- */

static void on_timer_effect(struct process *p, int64_t own_ms)
{
	int64_t at;

	p->timer = own_ms;
	at = clock_when(p, own_ms);
	p->timer_order = at == INT64_MAX ? 0 : world_push(p->w, world_event(p, EV_TIMER, at));
}

void process_timer(struct process *p, uint64_t order)
{
	struct node_event ev = {.kind = NODE_TIMER};

	if (order != p->timer_order || !p->node)
		return;
	if (clock_of(p).steady.ms < p->timer) {
		on_timer_effect(p, p->timer); /* its clock was slowed down meanwhile */
		return;
	}
	p->timer = INT64_MAX;
	process_step(p, &ev);
}

static void on_ledger(struct process *p, struct ledger *l)
{
	struct world *w = p->w;

	world_note(w, p->index, TRACE_LEDGER, l->header.seq, load_be64(l->hash.b));
	trace_mix_bytes(&w->trace, l->hash.b, sizeof(l->hash.b));
	world_keep_hash(w, p->index, l);
	disk_network_at(p->disk, l->header.seq);
	OBSERVE(w, validated, p->index, l);
}

static void on_failed(struct process *p)
{
	if (p->failed)
		return;
	p->failed = true;
	disk_distrust(p->disk);
	world_push(p->w, world_event(p, EV_STOP, p->w->now));
}

static void one_effect(struct process *p, struct node_effect *e)
{
	switch (e->kind) {
	case NODE_FX_TIMER:
		on_timer_effect(p, e->at.ms);
		break;
	case NODE_FX_SEND:
		net_send(p, e->send.peer, e->send.except, e->send.frame);
		break;
	case NODE_FX_DROP_PEER:
		net_drop(p, e->drop.peer, e->drop.reason);
		break;
	case NODE_FX_USELESS:
		net_useless(p, e->useless.peer, e->useless.units);
		break;
	case NODE_FX_JOB:
		jobs_start(p, e->job);
		break;
	case NODE_FX_SUBMITTED:
		OBSERVE(p->w, answered, p->index, &e->submitted);
		break;
	case NODE_FX_LEDGER:
		on_ledger(p, e->ledger);
		break;
	case NODE_FX_STOPPED:
		p->stopped = true;
		break;
	case NODE_FX_FAILED:
		on_failed(p);
		break;
	case NODE_FX_LOG:
		world_log(p->w, p->index, e->log.level, "%s", e->log.text);
		break;
	case NODE_FX_ACCEPTED:
	case NODE_FX_TX_PROPOSED:
	case NODE_FX_VALIDATION:
	case NODE_FX_PHASE:
	case NODE_FX_STATE:
	case NODE_FX_MANIFEST:
		break;
	}
}

static void carry_out(struct process *p)
{
	struct world *w = p->w;
	uint32_t i;

	for (i = 0; i < p->fx.n; i++) {
		struct node_effect *e = &p->fx.e[i];

		trace_mix(&w->trace, (uint64_t)e->kind << 8 | p->index);
		if (w->wants_effect)
			OBSERVE(w, effect, p->index, e);
		one_effect(p, e);
	}
	node_effects_clear(&p->fx);
}

void process_step(struct process *p, const struct node_event *ev)
{
	bool whole = true;

	if (!p->node || p->dying)
		return;
	must(!p->in_step);
	p->in_step = true;
	p->now = clock_of(p);
	trace_mix(&p->w->trace, (uint64_t)ev->kind << 16 | p->index);
	if (p->oom)
		whole = step_or_die(p, ev);
	else
		node_step(p->node, ev, p->now, &p->fx);
	if (whole)
		carry_out(p);
	else
		ran_out(p);
	p->in_step = false;
	if (whole)
		OBSERVE(p->w, stepped, p->index);
}

/* ---- life ---- */

static void disk_failed(void *w, const char *property, const char *text)
{
	world_fail(w, property, "%s", text);
}

void process_init(struct world *w, uint32_t i)
{
	struct process *p = &w->p[i];
	struct disk_options o = {
	    .node = i,
	    .decisions = w->decisions,
	    .rate_ppm = w->plan.rate_ppm,
	    .store = w->plan.store,
	    .network_id = w->genesis.network_id,
	    .genesis = w->first->hash,
	    .history = w->plan.history,
	    .seed = w->plan.seed,
	    .fail = disk_failed,
	    .ctx = w,
	};
	char label[8];
	int k;

	p->w = w;
	p->index = i;
	p->twin_of = UINT32_MAX;
	p->key = i < w->plan.validators ? keys_validator(i) : NULL;
	p->identity = keys_identity(i);
	p->timer = p->peers_due = INT64_MAX;
	for (k = 0; k <= NODE_JOB_JOIN; k++)
		p->job_ms[k] = -1;
	snprintf(label, sizeof(label), "node %c", 'A' + i);
	p->rng = rng_fork(&w->root, label);
	clock_init(&p->clock);
	p->disk = disk_open(&o);
	if (w->base)
		disk_plant(p->disk, w->base, p->key != NULL);
}

void process_close(struct process *p)
{
	if (p->node)
		process_ended(p, false);
	disk_close(p->disk);
	node_effects_close(&p->fx);
}

static struct node *make_node(struct process *p, const struct disk_found *found)
{
	struct world *w = p->w;
	struct node_config nc = {
	    .network_id = w->genesis.network_id,
	    .unl_n = 0,
	    .validator = p->mute ? NULL : p->key,
	    .seed = rng_next(&p->rng),
	    .cookie = rng_next(&p->rng) | 1,
	    .version = SERVER_VERSION,
	    .txq = w->plan.market ? txq_setup_default() : txq_setup_roomy(),
	    .wishes = p->wishes,
	    .majority_s = w->plan.majority_s,
	    .supports = p->supports,
	};
	struct public_key unl[WORLD_NODES_MAX];
	struct why why = {""};
	struct node *n;
	const char *c;

	for (c = w->unl_kept[p->index]; *c; c++)
		unl[nc.unl_n++] = w->keys[*c - 'A'];
	nc.unl = unl;
	if (!found->tip)
		must(genesis_build(&w->genesis, &nc.genesis[0], &nc.genesis[1], &why) == ERR_NONE);
	n = node_open(&nc);
	ledger_unref(nc.genesis[0]);
	ledger_unref(nc.genesis[1]);
	node_set_history(n, found->history);
	p->history = found->history;
	return n;
}

void process_start(struct process *p)
{
	struct world *w = p->w;
	struct node_event ev = {.kind = NODE_START};
	struct disk_found found;
	struct why why = {""};
	enum err e;

	must(!p->node);
	process_born(p);
	disk_network_at(p->disk, world_validated_max(w));
	e = disk_start(p->disk, p->key != NULL, w->now, &found, &why);
	if (e != ERR_NONE) {
		world_log(w, p->index, NODE_LOG_ERROR, "cannot start: %s", why.text);
		process_restart_later(p, 5000);
		return;
	}
	p->life++;
	p->disk_losses += found.was_wiped;
	p->older |= disk_was_spoilt(p->disk);
	p->mute = p->key && !found.may_vote;
	p->stopping = p->stopped = p->dying = p->failed = p->power_lost = false;
	p->timer = INT64_MAX;
	p->disk_ok = true;
	p->fuse = 0;
	p->node = make_node(p, &found);
	ev.start.tip = found.tip;
	ev.start.join = found.join;
	ev.start.journal = p->mute ? NULL : found.journal;
	OBSERVE(w, started, p->index, p->life);
	process_step(p, &ev);
	net_up(p);
}

void process_stop(struct process *p)
{
	struct node_event ev = {.kind = NODE_STOP};

	if (!p->node || p->stopping)
		return;
	p->stopping = true;
	process_step(p, &ev);
}

void process_kill(struct process *p, bool power_lost)
{
	if (!p->node)
		return;
	p->dying = true;
	p->power_lost = power_lost;
}

/* The disk's references end after those of the node. */
void process_ended(struct process *p, bool power_lost)
{
	struct node_job *running[WORKS_MAX];
	struct node *n = p->node;
	uint32_t i, k = 0;

	p->node = NULL;
	net_down(p, power_lost);
	for (i = 0; i < p->n_busy; i++)
		if (p->busy[i]->job && p->busy[i]->job->kind >= NODE_JOB_PERSIST)
			running[k++] = p->busy[i]->job;
	node_close(n);
	disk_may_spoil(p->disk, process_may_spoil(p));
	if (p->stopped)
		disk_stop(p->disk);
	else
		disk_kill(p->disk, running, k, p->w->now);
	p->older |= disk_was_spoilt(p->disk);
	jobs_drop(p);
	p->life++;
	p->dying = p->stopping = false;
	OBSERVE(p->w, ended, p->index);
	if (!p->stopped || p->failed)
		process_restart_later(p, p->failed ? 5000 : 0);
}

static void close_marked(struct process *p)
{
	uint32_t i;

	for (i = p->n_ends; i-- > 0;)
		if (i < p->n_ends && p->ends[i]->marked)
			end_close(p->ends[i], p->ends[i]->offence, p->ends[i]->reason);
}

void process_turn(struct process *p)
{
	if (p->node && p->fuse && !--p->fuse)
		p->dying = true;
	if (p->dying) {
		process_ended(p, p->power_lost);
		return;
	}
	if (!p->node)
		return;
	close_marked(p);
	if (p->stopped) {
		uint32_t i;

		for (i = p->n_ends; i-- > 0;)
			if (i < p->n_ends)
				end_close(p->ends[i], false, "shutting down");
		process_ended(p, false);
		return;
	}
	net_flush(p);
}
