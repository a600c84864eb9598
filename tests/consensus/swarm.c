/* SPDX-License-Identifier: ISC */
#include "tests/consensus/cluster.h"

#include "base/rng.h"
#include "consensus/params.h"

#include <string.h>

#define PAUSE_S      200   /* for a pause of 120 s, and the rounds before and after it */
#define HELD_ENDS_MS 10000 /* to build, vote and hear of it once the hold is over */

/* A run of the swarm: each kind of fault is on or off by a coin, then its rate is drawn. */

struct swarm {
	struct sim *s;
	struct rng r;
	uint32_t n, validators;
	uint32_t spare; /* validators that the quorum can do without */
	int64_t fault_every_ms;
	bool partitions, cuts, crashes, all_at_once, blocks, slows, losses;
	uint32_t liars, disabled; /* masks */
	bool mixed;               /* UNLs */
	bool votes_split;         /* from the beginning */
};

static bool coin(struct swarm *w)
{
	return rng_below(&w->r, 2) == 0;
}

static void all_names(char *out, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		out[i] = (char)('A' + i);
	out[n] = 0;
}

static void some_names(struct swarm *w, char *out, uint32_t max)
{
	uint32_t n = 0, want = 1 + (uint32_t)rng_below(&w->r, max);

	for (uint32_t i = 0; i < w->n && n < want; i++) {
		if (rng_below(&w->r, w->n - i) < want - n)
			out[n++] = (char)('A' + i);
	}
	out[n] = 0;
}

static void random_partition(struct swarm *w)
{
	char groups[2 * SIM_NODES_MAX + 4] = "";
	char side[3][SIM_NODES_MAX + 1] = {"", "", ""};
	uint32_t kinds = 2 + (uint32_t)rng_below(&w->r, 2);

	for (uint32_t i = 0; i < w->n; i++) {
		char *g = side[rng_below(&w->r, kinds)];
		size_t len = strlen(g);

		g[len] = (char)('A' + i);
		g[len + 1] = 0;
	}
	for (uint32_t k = 0; k < 3; k++) {
		strcat(groups, side[k]);
		strcat(groups, "|");
	}
	sim_partition(w->s, groups);
}

static void restart_some(struct swarm *w)
{
	for (uint32_t i = 0; i < w->n; i++) {
		char name[2] = {(char)('A' + i), 0};

		if (!sim_alive(w->s, i) && coin(w))
			sim_start(w->s, name);
	}
}

static void one_fault(struct swarm *w)
{
	char names[SIM_NODES_MAX + 1];
	char a = (char)('A' + rng_below(&w->r, w->n)), b = (char)('A' + rng_below(&w->r, w->n));

	switch (rng_below(&w->r, 8)) {
	case 0:
		if (w->partitions)
			random_partition(w);
		break;
	case 1:
		if (w->cuts)
			sim_cut(w->s, a, b, a != b);
		break;
	case 2:
		if (w->crashes) {
			some_names(w, names, w->n / 2 + 1);
			sim_kill(w->s, names);
		}
		break;
	case 3:
		if (w->all_at_once) {
			all_names(names, w->n);
			sim_kill(w->s, names);
		}
		restart_some(w);
		break;
	case 4:
		if (w->blocks) {
			some_names(w, names, w->n / 2 + 1);
			sim_block_sets(w->s, names, coin(w));
		}
		break;
	case 5:
		if (w->slows)
			sim_slow(w->s, a, (int64_t)rng_below(&w->r, 1200));
		break;
	case 6:
		restart_some(w);
		break;
	default:
		sim_heal(w->s);
		break;
	}
}

static struct swarm draw(uint64_t seed, bool verbose)
{
	static const uint32_t sizes[] = {1, 3, 4, 5, 5, 6, 7, 10};
	struct sim_options o = sim_defaults(seed);
	struct swarm w = {.s = NULL};
	struct rng root;

	rng_init(&root, seed);
	w.r = rng_fork(&root, "swarm");
	o.verbose = verbose;
	o.validators = sizes[rng_below(&w.r, 8)];
	o.observers = (uint32_t)rng_below(&w.r, 3);
	o.delay_ms = 1 + (int64_t)rng_below(&w.r, coin(&w) ? 20 : 150);
	o.jitter_ms = coin(&w) ? (int64_t)rng_below(&w.r, 500) : 5;
	w.losses = coin(&w);
	if (w.losses)
		o.loss_pm = (uint32_t)rng_below(&w.r, 200);
	if (coin(&w))
		o.dup_pm = (uint32_t)rng_below(&w.r, 100);
	o.build_ms = coin(&w) ? 5 : (int64_t)rng_below(&w.r, 1500);
	o.no_relay = rng_below(&w.r, 16) == 0;
	o.tx_every_ms = coin(&w) ? 50 + (int64_t)rng_below(&w.r, 2000) : 0;
	w.validators = o.validators;
	w.n = o.validators + o.observers;
	w.fault_every_ms = coin(&w) ? 8000 : 500 + (int64_t)rng_below(&w.r, 3000);
	w.partitions = coin(&w);
	w.cuts = coin(&w);
	w.crashes = coin(&w);
	w.all_at_once = rng_below(&w.r, 4) == 0;
	w.blocks = coin(&w);
	w.slows = coin(&w);
	w.s = sim_open(&o);
	if (coin(&w)) {
		for (uint32_t i = 0; i < w.n; i++)
			sim_skew(w.s, (char)('A' + i), (int32_t)rng_between(&w.r, -20, 20));
	}
	return w;
}

/* The run begins in the middle of things: the members have voted for up to three different
 * ledgers, or all for one and some for children of it. (Children on several branches could only
 * come from quorums on each.) */
static void split_votes(struct swarm *w)
{
	struct hash256 genesis = sim_genesis(w->s);
	uint64_t kinds = 1 + rng_below(&w->r, 3), markers = rng_next(&w->r) & 0xffff;
	uint32_t voters = 0; /* without a quorum on a ledger nobody votes for a child of it */

	/* who trusts different validators may see different winners of a tie: S4 */
	if (w->mixed)
		return;
	for (uint32_t i = 0; i < w->validators; i++) {
		char name[2] = {(char)('A' + i), 0};
		struct hash256 l;

		if (rng_below(&w->r, 4) == 0)
			continue;
		l = sim_inject(w->s, name, &genesis, markers + rng_below(&w->r, kinds));
		voters += !(w->liars & (1u << i));
		if (kinds == 1 && coin(w) && voters + w->spare >= w->validators - w->spare)
			sim_inject(w->s, name, &l, markers + rng_below(&w->r, 2));
	}
}

static bool reaches(struct swarm *w, uint32_t goal, int seconds)
{
	for (int k = 0; k < seconds && !sim_failure(w->s); k++) {
		sim_run_ms(w->s, 1000);
		if (sim_validated_min(w->s) >= goal)
			return true;
	}
	return false;
}

/* At up to three heights in a row some have voted for a ledger of their own, which none can have a
 * quorum for, and left it again: none of these heights will ever be validated. */
static void spent_votes(struct swarm *w)
{
	uint32_t spare = w->spare, heights = 1 + (uint32_t)rng_below(&w->r, 3), aside_max;
	uint64_t marker = rng_next(&w->r) & 0xffff;
	struct hash256 at = sim_genesis(w->s);

	if (w->validators < 2 * spare + 2 || w->disabled || w->mixed)
		return;
	aside_max = w->validators - 2 * spare - 1;
	for (uint32_t h = 0; h < heights; h++) {
		uint32_t aside = 0;
		struct hash256 next = at;

		for (uint32_t i = 0; i < w->validators; i++) {
			char name[2] = {(char)('A' + i), 0};
			bool side = aside < aside_max && coin(w);

			aside += side;
			if (side)
				sim_inject(w->s, name, &at, marker + 1);
			else
				next = sim_inject(w->s, name, &at, marker);
		}
		if (hash256_eq(&next, &at))
			return;
		at = next;
	}
}

/* Now and then a few members are on the negative UNL from the beginning, some of them for a reason;
 * or else everybody trusts all but one, another one each. */
static void draw_unls(struct swarm *w)
{
	char names[SIM_NODES_MAX + 1] = "", all[SIM_NODES_MAX + 1];
	uint32_t n = 0;

	w->spare = w->validators - cons_quorum(w->validators);
	if (w->validators < 4 || rng_below(&w->r, 4) != 0)
		return;
	all_names(all, w->validators);
	if (w->validators >= 7 && coin(w)) {
		for (uint32_t i = 0; i < w->n; i++) {
			char name[2] = {(char)('A' + i), 0}, unl[SIM_NODES_MAX + 1] = "";
			uint32_t without = (uint32_t)rng_below(&w->r, w->validators), k = 0;

			for (uint32_t v = 0; v < w->validators; v++) {
				if (v != without || v == i)
					unl[k++] = all[v];
			}
			sim_unl(w->s, name, unl);
		}
		w->mixed = true;
		return;
	}
	for (uint32_t i = 0; i < w->validators && n < (w->validators + 3) / 4; i++) {
		if (rng_below(&w->r, 4) != 0)
			continue;
		names[n++] = all[i];
		w->disabled |= 1u << i;
	}
	names[n] = 0;
	sim_negative_unl(w->s, names, (uint32_t)rng_below(&w->r, 4));
	w->spare = w->validators - n - cons_quorum_less(w->validators, n);
}

/* On a coin, as many liars as the quorum can spare. */
static void draw_liars(struct swarm *w)
{
	uint32_t spare = w->spare;
	static const enum sim_lies kinds[] = {LIES_MIRROR,      LIES_MIRROR_SAME, LIES_MIRROR_MUTE,
					      LIES_MIRROR_VOTE, LIES_FLIP,        LIES_MUTANT};
	char face[SIM_NODES_MAX + 1];

	if (spare == 0 || w->mixed || coin(w))
		return;
	for (uint32_t k = 0; k < spare; k++) {
		uint32_t i = (uint32_t)rng_below(&w->r, w->validators);

		if ((w->liars | w->disabled) & (1u << i))
			continue;
		w->liars |= 1u << i;
		some_names(w, face, w->n - 1);
		sim_byzantine(w->s, (char)('A' + i), kinds[rng_below(&w->r, 6)], face);
	}
}

/* As many as the quorum can spare stay away at first, on a coin. */
static void start_most(struct swarm *w)
{
	uint32_t spare = w->spare;
	bool away = spare > 0 && !w->liars && !w->mixed && coin(w);

	for (uint32_t i = 0; i < w->n; i++) {
		char name[2] = {(char)('A' + i), 0};

		if (away && i < w->validators && !(w->disabled & (1u << i)) && spare > 0 &&
		    rng_below(&w->r, 3) == 0) {
			sim_kill(w->s, name);
			spare--;
		} else {
			sim_start(w->s, name);
		}
	}
}

/* A quorum of honest members has agreed on one next ledger and is held, so that each has at most
 * CONS_HELD_MS to wait: a pause that ends by itself. */
static bool quorum_held(const struct swarm *w)
{
	uint32_t gone = (uint32_t)__builtin_popcount(w->disabled);
	uint32_t quorum = w->validators - gone - w->spare, held = 0;
	struct hash256 on = HASH256_ZERO;

	for (uint32_t i = 0; i < w->validators; i++) {
		struct cons_status st;

		if (!sim_alive(w->s, i) || ((w->liars | w->disabled) & (1u << i)))
			continue;
		st = sim_status(w->s, (char)('A' + i));
		if (!st.held)
			continue;
		if (held++ == 0)
			on = st.prev;
		else if (!hash256_eq(&on, &st.prev))
			return false;
	}
	return held >= quorum;
}

/* Two pauses may come one after the other: for the silence of somebody away or lying, so that a
 * split vote can be left, and then, while the heights below are not known to be lost, for the
 * round's hold (docs/decisions/0130). When the time for one is over and the second has begun, it
 * may end, and nothing else. */
static bool goes_on(struct swarm *w, uint32_t goal, int seconds)
{
	int64_t now = sim_now_ms(w->s), end = now + (int64_t)seconds * 1000, until = end;
	bool held = false;

	while ((now < end || now < until) && !sim_failure(w->s)) {
		bool was = held;

		sim_run_ms(w->s, 1000);
		now = sim_now_ms(w->s);
		if (sim_validated_min(w->s) >= goal)
			return true;
		if (now > end || w->votes_split || w->mixed)
			continue;
		held = quorum_held(w);
		if (!held)
			until = end;
		else if (!was)
			until = now + CONS_HELD_MS + HELD_ENDS_MS;
	}
	return false;
}

/* Honest members are on different ledgers at one height, neither of them validated, where liars
 * that do not vote can make it a tie (docs/decisions/0030, 6): a pause has begun, or will. */
static bool votes_tied(const struct swarm *w)
{
	uint32_t n = w->validators - (uint32_t)__builtin_popcount(w->disabled);
	struct cons_status a = {.prev_seq = 0}, b;

	if (!w->liars || w->mixed || n > 5 * w->spare)
		return false;
	for (uint32_t i = 0; i < w->validators; i++) {
		if (!sim_alive(w->s, i) || ((w->liars | w->disabled) & (1u << i)))
			continue;
		b = sim_status(w->s, (char)('A' + i));
		if (a.prev_seq == 0)
			a = b;
		if (b.prev_seq == a.prev_seq && b.prev_seq > b.validated_seq &&
		    !hash256_eq(&a.prev, &b.prev))
			return true;
	}
	return false;
}

/* With everybody there, the next two ledgers. Each round may last as long as its highest threshold
 * takes, with a two-faced one or clocks that are off. */
static bool stays_on(struct swarm *w, uint32_t before)
{
	if (!w->liars)
		return reaches(w, before + 1, 30) && reaches(w, before + 2, 30);
	return reaches(w, before + 2, 60) ||
	       (votes_tied(w) && goes_on(w, before + 2, PAUSE_S - 60));
}

/* Everything mended and running; it must go on within a minute and stay together. */
static bool settle(struct swarm *w, struct why *why, uint64_t seed)
{
	char names[SIM_NODES_MAX + 1];
	uint32_t before;
	bool ok;

	sim_heal(w->s);
	sim_set_loss(w->s, 0);
	all_names(names, w->n);
	sim_block_sets(w->s, names, false);
	for (uint32_t i = 0; i < w->n; i++)
		sim_slow(w->s, (char)('A' + i), 0);
	start_most(w);
	before = sim_validated_max(w->s);
	/* a split vote may need the silence of those away, or of a liar; the worst is one whose
	 * vote all the others have forgotten */
	ok = goes_on(w, before + 2, w->votes_split ? 900 : PAUSE_S);
	if (ok) {
		sim_start(w->s, names);
		before = sim_validated_max(w->s);
		ok = stays_on(w, before);
	}
	/* where UNLs differ, a tie may look like a majority to each side: then all must say so */
	for (uint32_t i = 0; !ok && w->mixed; i++) {
		if (i == w->n)
			return true;
		if (sim_alive(w->s, i) && !sim_status(w->s, (char)('A' + i)).stuck)
			break;
	}
	if (!ok)
		(void)why_set(why, ERR_RANGE,
			      "seed=0x%llx: no progress after healing: validated %u to %u, was %u",
			      (unsigned long long)seed, sim_validated_min(w->s),
			      sim_validated_max(w->s), before);
	return ok;
}

bool sim_swarm(uint64_t seed, bool verbose, struct why *why, int64_t *simulated_ms, uint64_t *trace)
{
	struct swarm w = draw(seed, verbose);
	int64_t end = 20000 + (int64_t)rng_below(&w.r, 60000);
	char names[SIM_NODES_MAX + 1];
	bool ok;

	all_names(names, w.n);
	draw_unls(&w);
	draw_liars(&w);
	switch (rng_below(&w.r, 8)) {
	case 0:
	case 1:
		w.votes_split = true;
		split_votes(&w);
		break;
	case 2:
		w.votes_split = true;
		spent_votes(&w);
		break;
	default:
		break;
	}
	sim_start(w.s, names);
	while (sim_now_ms(w.s) < end && !sim_failure(w.s)) {
		sim_run_ms(w.s, (int64_t)rng_below(&w.r, (uint64_t)w.fault_every_ms));
		one_fault(&w);
	}
	ok = !sim_failure(w.s) && settle(&w, why, seed);
	if (sim_failure(w.s)) {
		(void)why_set(why, ERR_RANGE, "%s", sim_failure(w.s));
		ok = false;
	}
	*simulated_ms += sim_now_ms(w.s);
	*trace = sim_trace(w.s);
	sim_close(w.s);
	return ok;
}
