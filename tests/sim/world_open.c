/* SPDX-License-Identifier: ISC */
#include "tests/sim/world_impl.h"

#include <stdio.h>

/* Opening and closing a world, and what scenarios change in it. */

#define PAST    260                      /* empty ledgers before the first of an old network */
#define BALANCE (100000 * DROPS_PER_XRP) /* of each generated account */

struct world_plan world_defaults(uint64_t seed)
{
	return (struct world_plan){
	    .seed = seed,
	    .validators = 5,
	    .accounts = 20,
	    .delay_min_ms = 10,
	    .delay_mean_ms = 5,
	    .history = 0,
	    .workers = 4,
	    .sessions = true,
	    .manual = true,
	};
}

/* Accounts as the genesis file's generated ones. */
static void make_genesis(struct world *w)
{
	struct genesis *g = &w->genesis;
	struct why why = {""};

	genesis_default(g, true);
	g->network_id = 21337;
	g->majority_s = w->plan.majority_s;
	g->generated = w->plan.accounts;
	g->generated_balance = drops_of(BALANCE);
	/* raw: the first account gives what the generated ones get */
	g->accounts[0].balance.raw -= w->plan.accounts * BALANCE;
	must(genesis_build(g, &w->first, &w->second, &why) == ERR_NONE);
}

static struct ledger *make_empty(const struct ledger *parent, uint32_t seq)
{
	struct ledger_header h = parent->header;
	struct tree state, txs;
	struct ledger *l;

	h.seq = seq;
	h.parent = parent->hash;
	h.parent_close = parent->header.close;
	h.close.s += h.close_resolution;
	tree_share(&state, &parent->state);
	tree_init_empty(&txs, TREE_TX_META, NULL);
	must(skip_list_update(&state, h.seq, &h.parent) == FOUND);
	l = ledger_make(&h, &state, &txs);
	tree_close(&state);
	tree_close(&txs);
	return l;
}

/* A network that has been idle for long. Of its past there is what skip lists reach. */
static void make_base(struct world *w)
{
	uint32_t last = w->plan.first_ledger, seq;

	if (!last)
		return;
	w->base = ledger_ref(w->second);
	for (seq = last > PAST + 2 ? last - PAST : 3; seq <= last; seq++) {
		struct ledger *next = make_empty(w->base, seq);

		ledger_unref(w->base);
		w->base = next;
	}
}

static void make_unls(struct world *w)
{
	uint32_t i, k;

	for (i = 0; i < WORLD_NODES_MAX; i++) {
		const char *given = w->plan.unl[i];

		for (k = 0; k < w->plan.validators && !given; k++)
			w->unl_kept[i][k] = (char)('A' + k);
		if (given)
			snprintf(w->unl_kept[i], sizeof(w->unl_kept[i]), "%s", given);
	}
	for (i = 0; i < w->plan.validators; i++)
		w->keys[i] = *secret_key_public(keys_validator(i));
}

static bool any_message_fault(const struct world_plan *p)
{
	return p->rate_ppm[FAULT_NET_LOSS] || p->rate_ppm[FAULT_NET_DUPLICATE] ||
	       p->rate_ppm[FAULT_NET_REORDER] || p->rate_ppm[FAULT_NET_DELAY] ||
	       p->rate_ppm[FAULT_NET_REPLAY];
}

struct world *world_open(const struct world_plan *p)
{
	return world_open_replay(p, NULL, 0);
}

struct world *world_open_replay(const struct world_plan *p, const struct decision *only, uint32_t n)
{
	struct world *w = mem_zalloc(1, sizeof(*w));
	uint32_t i;

	must(p->validators >= 1 && p->validators + p->trackers <= WORLD_NODES_MAX);
	w->plan = *p;
	w->n = p->validators + p->trackers;
	keys_mode(p->real_signatures);
	trace_begin(&w->trace, p->verbose);
	rng_init(&w->root, p->seed);
	w->decisions = decisions_open(p->seed, p->rate_ppm, only, n);
	w->faulty_messages = any_message_fault(p);
	w->account_seq = mem_zalloc(p->accounts + 1, sizeof(uint32_t));
	make_genesis(w);
	make_base(w);
	make_unls(w);
	for (i = 0; i < w->n; i++)
		process_init(w, i);
	net_init(w);
	if (!p->manual)
		world_push(w, (struct event){.at = 1000, .what = EV_CHAOS, .node = DECIDE_NOBODY});
	return w;
}

void world_close(struct world *w)
{
	uint32_t i, k;

	if (!w)
		return;
	w->plan.manual = true;
	for (i = 0; i < w->n; i++)
		if (w->p[i].node)
			process_ended(&w->p[i], false);
	OBSERVE(w, closed);
	world_drain(w);
	for (i = 0; i < w->n; i++)
		process_close(&w->p[i]);
	conn_sweep(w, true);
	for (i = 0; i < WORLD_NODES_MAX; i++) {
		for (k = 0; k < WORLD_NODES_MAX * 8; k++)
			wire_frame_unref(w->link[i][k / 8].old[k % 8]);
		mem_free(w->hash_at[i]);
	}
	ledger_unref(w->first);
	ledger_unref(w->second);
	ledger_unref(w->base);
	genesis_close(&w->genesis);
	decisions_close(w->decisions);
	arena_close(&w->arena);
	mem_free(w->account_seq);
	mem_free(w->heap);
	mem_free(w);
}

/* ---- processes ---- */

static struct process *named(struct world *w, char name)
{
	must(name >= 'A' && (uint32_t)(name - 'A') < w->n);
	return &w->p[name - 'A'];
}

/* At once between two events, otherwise in one of the next. */
static void soon(struct process *p, enum what what)
{
	world_push(p->w, world_event(p, what, p->w->now));
}

void world_start(struct world *w, const char *nodes)
{
	for (; *nodes; nodes++) {
		struct process *p = named(w, *nodes);

		if (w->stepping)
			soon(p, EV_START);
		else if (!p->node)
			process_start(p);
	}
}

void world_kill(struct world *w, const char *nodes)
{
	for (; *nodes; nodes++) {
		struct process *p = named(w, *nodes);

		if (w->stepping)
			soon(p, EV_KILL);
		else if (p->node)
			process_ended(p, false);
	}
}

void world_stop(struct world *w, const char *nodes)
{
	for (; *nodes; nodes++)
		soon(named(w, *nodes), EV_STOP);
}

void world_wipe(struct world *w, const char *nodes)
{
	for (; *nodes; nodes++) {
		struct process *p = named(w, *nodes);

		must(!p->node);
		disk_wipe(p->disk);
		p->disk_losses++;
	}
}

void world_older_disk(struct world *w, const char *nodes, uint32_t ledgers)
{
	for (; *nodes; nodes++) {
		struct process *p = named(w, *nodes);

		must(!p->node);
		if (disk_older(p->disk, ledgers, true))
			p->disk_losses++;
	}
}

char world_twin(struct world *w, char node)
{
	struct process *of = named(w, node), *p;
	uint32_t i, me = w->n;

	must(w->n < WORLD_NODES_MAX && of->key);
	p = &w->p[w->n++];
	process_init(w, me);
	p->key = of->key;
	p->twin_of = of->index;
	of->twinned = true;
	memcpy(w->unl_kept[me], w->unl_kept[of->index], sizeof(w->unl_kept[me]));
	for (i = 0; i < me; i++) /* it knows the addresses, nobody knows its own */
		w->link[me][i].wired = i == of->index || w->link[of->index][i].wired;
	return (char)('A' + me);
}

/* ---- votes ---- */

void world_wish(struct world *w, char node, const struct node_wishes *wishes)
{
	struct node_event ev = {.kind = NODE_WISHES};
	struct process *p = named(w, node);

	must(!w->stepping);
	p->wishes = *wishes;
	ev.wishes = *wishes;
	if (p->node)
		process_step(p, &ev);
}

void world_supports(struct world *w, char node, bool (*supports)(const struct hash256 *amendment))
{
	named(w, node)->supports = supports;
}

/* ---- network ---- */

void world_partition(struct world *w, const char *groups)
{
	uint8_t group[WORLD_NODES_MAX] = {0}, g = 1;
	uint32_t a, b;

	for (; *groups; groups++) {
		if (*groups == '|')
			g++;
		else
			group[*groups - 'A'] = g;
	}
	for (a = 0; a < WORLD_NODES_MAX; a++)
		for (b = 0; b < WORLD_NODES_MAX; b++)
			w->link[a][b].cut = a != b && (!group[a] || group[a] != group[b]);
	net_unblocked(w);
}

void world_cut(struct world *w, char from, char to, bool cut)
{
	w->link[from - 'A'][to - 'A'].cut = cut;
	net_unblocked(w);
}

void world_link_delay(struct world *w, char from, char to, int64_t min_ms, int64_t mean_ms)
{
	struct link *l = &w->link[from - 'A'][to - 'A'];

	l->delay_min = min_ms;
	l->delay_mean = mean_ms;
}

void world_slow(struct world *w, char node, int64_t ms)
{
	named(w, node)->slow_ms = ms;
}

void world_loss(struct world *w, uint32_t ppm)
{
	w->loss_ppm = ppm;
}

void world_reset(struct world *w, char a, char b)
{
	struct end *e = net_to(named(w, a), (uint32_t)(b - 'A'));

	if (e)
		conn_reset(e->conn);
}

void world_heal(struct world *w)
{
	w->loss_ppm = 0;
	net_heal(w);
}

void world_settle(struct world *w)
{
	decisions_pause(w->decisions, true);
	w->healed = true;
	process_heal(w);
	world_heal(w); /* after it: what waits for one that stood still is due, too */
	OBSERVE(w, healed);
}

void world_finish(struct world *w)
{
	OBSERVE(w, finished);
}

bool world_settled(const struct world *w, uint32_t node)
{
	return w->p[node].healed;
}

/* ---- disks, workers ---- */

void world_disk(struct world *w, char node, enum world_disk how)
{
	disk_set(named(w, node)->disk, how);
}

void world_job_ms(struct world *w, char node, enum node_job_kind kind, int64_t ms)
{
	named(w, node)->job_ms[kind] = ms;
}

/* ---- Byzantine nodes ---- */

void world_mangle(struct world *w, uint32_t node, const struct world_mangler *m)
{
	struct process *p = &w->p[node];
	bool was = p->mangled;

	p->mangled = m != NULL;
	if (!m)
		return;
	p->mangler = *m;
	if (!was)
		world_push(w, world_event(p, EV_MANGLER, w->now + 100));
}

const struct secret_key *world_key(struct world *w, uint32_t node)
{
	return w->p[node].key;
}
