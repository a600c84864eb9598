/* SPDX-License-Identifier: ISC */
#include "tests/sim/runs.h"

#include "tests/consensus/cluster.h"

#include <stdio.h>

/* One run: a world with all that acts in it, faults for a while, then order, then what is due. */

#define SETTLED_MS 150000 /* after the faults: for what must come to an end then */

/* Transactions of the chain, each ledger counted when the first node tells of it. */
struct counted {
	uint32_t top;
	uint64_t submitted, validated;
	struct cover *cover; /* the caller's, or one of its own */
};

static void on_validated(void *ctx, uint32_t node, struct ledger *l)
{
	struct counted *c = ctx;
	uint64_t n;

	(void)node;
	if (l->header.seq <= c->top)
		return;
	c->top = l->header.seq;
	if (tree_count(&l->txs, &n) == FOUND)
		c->validated += n;
}

static void on_submitted(void *ctx, uint32_t node, struct tx *tx)
{
	struct counted *c = ctx;

	(void)node, (void)tx;
	c->submitted++;
}

static struct world *populate(const struct run_options *o, const struct world_plan *p,
			      struct counted *c)
{
	struct world *w = world_open_replay(p, o->only, o->n_only);
	struct world_observer count = {
	    .ctx = c, .validated = on_validated, .submitted = on_submitted};
	char name[2] = {'A', 0};
	uint32_t i;

	clients_join(w);
	actors_join(w);
	props_join(w);
	world_observe(w, &count);
	cover_join(c->cover, w);
	for (i = 0; i < world_count(w); i++) {
		name[0] = (char)('A' + i);
		world_start(w, name);
	}
	return w;
}

static void live(struct world *w, const struct run_options *o)
{
	int64_t faulty = world_plan(w)->duration_ms;

	if (o->until_ms && o->until_ms <= faulty) {
		world_run_ms(w, o->until_ms);
		return;
	}
	world_run_ms(w, faulty);
	if (!world_failure(w))
		world_settle(w);
	world_run_ms(w, o->until_ms ? o->until_ms - faulty : SETTLED_MS);
	if (!o->until_ms && !world_failure(w))
		world_finish(w);
}

/* The lowest sequence at which two nodes have reported different ledgers. */
static void find_divergence(struct run_result *out, struct world *w, uint32_t top)
{
	struct hash256 a, b;
	uint32_t seq, i, k;

	for (seq = 1; seq <= top + 1; seq++)
		for (i = 0; i < world_count(w); i++)
			for (k = i + 1; k < world_count(w); k++) {
				if (!world_hash_at(w, i, seq, &a) ||
				    !world_hash_at(w, k, seq, &b) || hash256_eq(&a, &b))
					continue;
				snprintf(out->divergent, sizeof(out->divergent),
					 "node %c seq %u hash %s vs node %c seq %u hash %s",
					 'A' + (int)i, seq, hash256_short(&a).s, 'A' + (int)k, seq,
					 hash256_short(&b).s);
				return;
			}
}

static void tell(struct run_result *out, struct world *w, const struct counted *c)
{
	const struct decision *fired = decisions_fired(world_decisions(w), &out->n_fired);
	uint32_t i;

	out->failed = world_failure(w) != NULL;
	if (out->failed) {
		snprintf(out->property, sizeof(out->property), "%s", world_failed_property(w));
		snprintf(out->text, sizeof(out->text), "%s", world_failure(w));
		out->at_ms = world_now_ms(w);
		find_divergence(out, w, c->top);
	}
	out->simulated_ms = world_now_ms(w);
	out->steps = world_steps(w);
	out->trace = world_trace(w);
	out->fired = mem_zalloc(out->n_fired, sizeof(*fired));
	if (out->n_fired)
		memcpy(out->fired, fired, out->n_fired * sizeof(*fired));
	for (i = 0; i < FAULT_COUNT; i++)
		out->fault_count[i] = decisions_count(world_decisions(w), (enum fault)i);
	out->nodes = world_plan(w)->validators + world_plan(w)->trackers;
	out->byzantine = world_plan(w)->byzantine;
	out->submitted = c->submitted;
	out->validated = c->validated;
}

/* The machines of src/consensus alone, with the least around them (tests/consensus). */
static void run_consensus(struct run_result *out, const struct run_options *o)
{
	struct why why = {""};

	out->failed = !sim_swarm(o->seed, o->verbose != NULL, &why, &out->simulated_ms,
				 &out->trace);
	if (!out->failed)
		return;
	snprintf(out->property, sizeof(out->property), "%s",
		 strstr(why.text, "no progress") ? "P7" : "P4");
	snprintf(out->text, sizeof(out->text), "%s", why.text);
	out->at_ms = out->simulated_ms;
}

void run_once(struct run_result *out, const struct run_options *o)
{
	struct counted c = {.top = 2};
	struct world_plan p;
	struct world *w;

	memset(out, 0, sizeof(*out));
	if (o->profile == RUN_CONSENSUS) {
		run_consensus(out, o);
		return;
	}
	if (o->plan)
		p = *o->plan;
	else
		run_plan(&p, o->seed, o->profile);
	if (o->minutes)
		p.duration_ms = o->minutes * 60000;
	p.verbose = o->verbose;
	/* Always there: what it reads may come from a disk, and is part of the run. */
	c.cover = o->cover ? o->cover : cover_open();
	w = populate(o, &p, &c);
	live(w, o);
	tell(out, w, &c);
	world_close(w);
	if (!o->cover)
		cover_close(c.cover);
}

void run_result_close(struct run_result *r)
{
	mem_free(r->fired);
	r->fired = NULL;
	r->n_fired = 0;
}
