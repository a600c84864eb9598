/* SPDX-License-Identifier: ISC */
#include "tests/sim/runs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Replays as text:
 *
 *   tally-sim replay 1
 *   validators 5
 *   ...
 *   rate NET_LOSS 1200
 *   fired NET_LOSS A B 17 0 83412
 *
 * The last: fault, two nodes (- for nobody), ordinal, parameter, time. */

static const struct number {
	const char *name;
	size_t at;
} numbers[] = {
#define N(name)                                                                                    \
	{                                                                                          \
#name, offsetof(struct world_plan, name)                                           \
	}
    N(validators),
    N(trackers),
    N(byzantine),
    N(accounts),
    N(tx_per_100s),
    N(duration_ms),
    N(delay_min_ms),
    N(delay_mean_ms),
    N(history),
    N(workers),
    N(first_ledger),
#undef N
#define N(name, load)                                                                              \
	{                                                                                          \
#name, offsetof(struct world_plan, load)                                           \
	}
    N(load_keys, load[LOAD_KEYS]),
    N(load_lists, load[LOAD_LISTS]),
    N(load_tickets, load[LOAD_TICKETS]),
    N(load_deposits, load[LOAD_DEPOSITS]),
    N(load_deletes, load[LOAD_DELETES]),
    N(load_fees, load[LOAD_FEES]),
#undef N
};
#define NUMBERS (sizeof(numbers) / sizeof(*numbers))

static uint32_t *number(struct world_plan *p, size_t i)
{
	return (uint32_t *)(void *)((char *)p + numbers[i].at);
}

static char side(uint8_t node)
{
	return node == DECIDE_NOBODY ? '-' : (char)('A' + node);
}

enum err run_replay_write(const char *path, const struct run_options *o, struct why *why)
{
	FILE *f = fopen(path, "w");
	struct world_plan p;
	uint32_t i;

	must(o->plan);
	if (!f)
		return why_set(why, ERR_IO, "cannot write %s", path);
	p = *o->plan;
	fprintf(f, "tally-sim replay 1\nseed %" PRIu64 "\nprofile %u\nuntil_ms %" PRId64 "\n",
		o->seed, o->profile, o->until_ms);
	for (i = 0; i < NUMBERS; i++)
		fprintf(f, "%s %u\n", numbers[i].name, *number(&p, i));
	fprintf(f, "topology %u\nstore %u\nreal_signatures %u\nsessions %u\nmarket %u\n",
		p.topology, p.store, p.real_signatures, p.sessions, p.market);
	for (i = 0; i < FAULT_COUNT; i++)
		if (p.rate_ppm[i])
			fprintf(f, "rate %s %u\n", fault_name((enum fault)i), p.rate_ppm[i]);
	for (i = 0; i < o->n_only; i++) {
		const struct decision *d = &o->only[i];

		fprintf(f, "fired %s %c %c %u %" PRId64 " %" PRId64 "\n",
			fault_name((enum fault)d->fault), side(d->a), side(d->b), d->ordinal,
			d->param, d->at_ms);
	}
	return fclose(f) ? why_set(why, ERR_IO, "cannot write %s", path) : ERR_NONE;
}

static bool read_fired(const char *line, struct run_options *o, struct decision **all)
{
	struct decision d;
	char name[32], a, b;
	enum fault f;

	memset(&d, 0, sizeof(d));
	if (sscanf(line, "fired %31s %c %c %u %" SCNd64 " %" SCNd64, name, &a, &b, &d.ordinal,
		   &d.param, &d.at_ms) != 6 ||
	    !fault_of_name(name, &f))
		return false;
	d.fault = (uint8_t)f;
	d.a = a == '-' ? DECIDE_NOBODY : (uint8_t)(a - 'A');
	d.b = b == '-' ? DECIDE_NOBODY : (uint8_t)(b - 'A');
	*all = mem_resize(*all, o->n_only + 1, sizeof(d));
	(*all)[o->n_only++] = d;
	o->only = *all;
	return true;
}

static bool read_line(const char *line, struct run_options *o, struct world_plan *p,
		      struct decision **all)
{
	char name[32];
	uint64_t v;
	uint32_t rate;
	enum fault f;
	size_t i;

	if (!strncmp(line, "fired ", 6))
		return read_fired(line, o, all);
	if (sscanf(line, "rate %31s %u", name, &rate) == 2) {
		if (!fault_of_name(name, &f))
			return false;
		p->rate_ppm[f] = rate;
		return true;
	}
	if (sscanf(line, "%31s %" SCNu64, name, &v) != 2)
		return false;
	for (i = 0; i < NUMBERS; i++)
		if (!strcmp(numbers[i].name, name)) {
			*number(p, i) = (uint32_t)v;
			return true;
		}
	if (!strcmp(name, "seed"))
		o->seed = p->seed = v;
	else if (!strcmp(name, "profile") && v < RUN_PROFILES)
		o->profile = (enum run_profile)v;
	else if (!strcmp(name, "until_ms"))
		o->until_ms = (int64_t)v;
	else if (!strcmp(name, "topology") && v <= WORLD_SCALE_FREE)
		p->topology = (enum world_topology)v;
	else if (!strcmp(name, "store") && v <= WORLD_STORE_LMDB)
		p->store = (enum world_store)v;
	else if (!strcmp(name, "real_signatures"))
		p->real_signatures = v;
	else if (!strcmp(name, "sessions"))
		p->sessions = v;
	else if (!strcmp(name, "market"))
		p->market = v;
	else
		return false;
	return true;
}

enum err run_replay_read(const char *path, struct run_options *o, struct why *why)
{
	FILE *f = fopen(path, "r");
	struct world_plan *p;
	struct decision *all;
	char line[256];
	uint32_t n = 1;

	if (!f)
		return why_set(why, ERR_ABSENT, "cannot read %s", path);
	if (!fgets(line, sizeof(line), f) || strcmp(line, "tally-sim replay 1\n")) {
		fclose(f);
		return why_set(why, ERR_INVALID, "%s is no replay", path);
	}
	p = mem_zalloc(1, sizeof(*p));
	all = mem_zalloc(1, sizeof(*all));
	*p = world_defaults(0);
	p->manual = false;
	o->plan = p;
	o->only = all;
	o->n_only = 0;
	while (fgets(line, sizeof(line), f)) {
		n++;
		if (read_line(line, o, p, &all))
			continue;
		fclose(f);
		run_replay_close(o);
		return why_set(why, ERR_INVALID, "%s: line %u", path, n);
	}
	fclose(f);
	return ERR_NONE;
}

void run_replay_close(struct run_options *o)
{
	mem_free((void *)(uintptr_t)o->plan);
	mem_free((void *)(uintptr_t)o->only);
	o->plan = NULL;
	o->only = NULL;
	o->n_only = 0;
}
