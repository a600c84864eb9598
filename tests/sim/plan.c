/* SPDX-License-Identifier: ISC */
#include "tests/sim/runs.h"

/* What a run is made of, drawn from its seed: each kind of fault is on or off by a coin, then its
 * rate is drawn, small ones as likely as large ones. */

/* Busy accounts are old enough to be deleted; and it is after a flag ledger. */
#define OLD_LEDGER 4100

const char *run_profile_name(enum run_profile p)
{
	static const char *const names[RUN_PROFILES] = {"full", "consensus", "crash", "crashes",
							"speed"};

	must(p < RUN_PROFILES);
	return names[p];
}

/* Per million questions: of each message, of each second and link (or node, or network), of each
 * write, of each start, as the fault has it. */
static const struct range {
	enum fault fault;
	uint32_t lo, hi;
} ranges[] = {
    {FAULT_NET_DELAY, 100, 50000},
    {FAULT_NET_LOSS, 100, 150000},
    {FAULT_NET_DUPLICATE, 100, 100000},
    {FAULT_NET_REPLAY, 50, 20000},
    {FAULT_NET_REORDER, 100, 150000},
    {FAULT_NET_BANDWIDTH, 50, 5000},
    {FAULT_NET_CLOG, 100, 20000},
    {FAULT_NET_ONE_WAY, 100, 5000},
    {FAULT_NET_PART_ONE, 500, 20000},
    {FAULT_NET_PART_HALVES, 500, 20000},
    {FAULT_NET_PART_SIZE, 500, 20000},
    {FAULT_NET_SWIZZLE, 500, 10000},
    {FAULT_NET_RESET, 5, 2000},
    {FAULT_NET_HALF_OPEN, 50, 5000},
    {FAULT_NET_DAMAGE, 5, 2000},
    {FAULT_NET_SLOW_READER, 50, 5000},
    {FAULT_CLOCK_OFFSET, 100, 20000},
    {FAULT_CLOCK_DRIFT, 100, 20000},
    {FAULT_CLOCK_WAVE, 100, 10000},
    {FAULT_CLOCK_STEP, 50, 5000},
    {FAULT_CLOCK_BACK, 20, 2000},
    {FAULT_CLOCK_FREEZE, 20, 5000},
    {FAULT_CLOCK_LATE_TIMER, 100, 30000},
    {FAULT_CLOCK_PAUSE, 50, 3000},
    {FAULT_PROC_KILL, 100, 5000},
    {FAULT_PROC_KILL_UNSENT, 100, 10000},
    {FAULT_PROC_KILL_COMMIT, 100, 10000},
    {FAULT_PROC_OLD_DISK, 1000, 200000},
    {FAULT_PROC_LOST_DISK, 1000, 100000},
    {FAULT_PROC_TWIN, 100, 3000},
    {FAULT_PROC_VERSION, 10000, 500000},
    {FAULT_PROC_OOM, 50, 2000},
    {FAULT_DISK_LATENCY, 100, 100000},
    {FAULT_DISK_EIO, 20, 2000},
    {FAULT_DISK_NO_SPACE, 50, 5000},
    {FAULT_DISK_MAP_FULL, 50, 5000},
    {FAULT_DISK_LOST_TAIL, 10000, 1000000},
    {FAULT_DISK_TORN, 10000, 1000000},
    {FAULT_DISK_FLIP, 1, 100},
    {FAULT_DISK_STALE_READ, 100, 20000},
    {FAULT_DISK_SLOW_SYNC, 20, 5000},
};

/* As likely between 1 and 10 as between 10 and 100; in eighths of a power of two. */
static uint32_t log_uniform(struct rng *r, uint32_t lo, uint32_t hi)
{
	uint32_t steps = 0, i;
	uint64_t x = lo;

	for (; x < hi; x += x / 8 + 1)
		steps++;
	x = lo;
	for (i = (uint32_t)rng_below(r, steps + 1); i; i--)
		x += x / 8 + 1;
	return x > hi ? hi : (uint32_t)x;
}

static const struct range *range_of(enum fault f)
{
	static const struct range act = {.lo = 5000, .hi = 500000};
	size_t i;

	for (i = 0; i < sizeof(ranges) / sizeof(*ranges); i++)
		if (ranges[i].fault == f)
			return &ranges[i];
	return &act; /* of Byzantine validators and clients */
}

static void draw_faults(struct world_plan *p, struct rng *r)
{
	uint32_t i;

	for (i = 0; i < FAULT_COUNT; i++) {
		const struct range *g = range_of((enum fault)i);
		bool on = rng_below(r, 2);
		uint32_t rate = log_uniform(r, g->lo, g->hi);

		p->rate_ppm[i] = on ? rate : 0;
	}
}

/* Long runs with few crashes and short ones with many find different things. */
static void draw_crashes(struct world_plan *p, struct rng *r, bool many)
{
	static const enum fault kinds[] = {FAULT_PROC_KILL, FAULT_PROC_KILL_UNSENT,
					   FAULT_PROC_KILL_COMMIT};
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		p->rate_ppm[kinds[i]] = many ? log_uniform(r, 5000, 80000)
					     : log_uniform(r, 50, 1000);
	p->rate_ppm[FAULT_DISK_LOST_TAIL] = log_uniform(r, 10000, 1000000);
	p->rate_ppm[FAULT_DISK_TORN] = log_uniform(r, 10000, 1000000);
	p->duration_ms = (uint32_t)rng_between(r, many ? 120000 : 1200000, many ? 300000 : 1800000);
}

static void draw_load(struct world_plan *p, struct rng *r)
{
	uint32_t nodes = p->validators + p->trackers, most = 20000 / nodes; /* per 100 s */

	p->tx_per_100s = rng_below(r, 8) ? log_uniform(r, 20, most) : 0;
	p->accounts = log_uniform(r, 4, 400);
}

/* Each kind of load by a coin, small shares as likely as large ones; of one plan in eight none.
 * Half of the networks are old enough for accounts to be deleted. */
static void draw_mix(struct world_plan *p, struct rng *r)
{
	bool plain = rng_below(r, 8) == 0;

	for (uint32_t k = 0; k < LOAD_COUNT; k++) {
		bool on = rng_below(r, 2);
		uint32_t share = log_uniform(r, 5, 160);

		p->load[k] = on && !plain ? share : 0;
	}
	p->first_ledger = rng_below(r, 8) < (p->load[LOAD_DELETES] ? 7 : 2) ? OLD_LEDGER : 0;
	p->market = rng_below(r, 4) == 0;
}

static void draw_shape(struct world_plan *p, struct rng *r)
{
	static const uint32_t sizes[] = {1, 3, 4, 5, 5, 5, 7, 10};
	static const uint32_t workers[] = {0, 1, 4, 4};
	uint32_t bears;

	p->validators = sizes[rng_below(r, 8)];
	p->trackers = (uint32_t)rng_below(r, 2) * (uint32_t)rng_below(r, 5);
	bears = p->validators - cons_quorum(p->validators);
	p->byzantine = (uint32_t)rng_below(r, bears + 1);
	p->topology = rng_below(r, 2) ? WORLD_MESH : (enum world_topology)rng_below(r, 4);
	p->duration_ms = (uint32_t)rng_between(r, 120000, 1800000);
	p->delay_min_ms = (uint32_t)rng_below(r, rng_below(r, 2) ? 20 : 150);
	p->delay_mean_ms = (uint32_t)rng_below(r, rng_below(r, 2) ? 10 : 200);
	p->history = (uint32_t)rng_below(r, 3) ? (uint32_t)rng_between(r, 256, 512) : 0;
	(void)rng_below(r, 4); /* so that seeds keep what they drew below */
	p->workers = workers[rng_below(r, 4)];
	p->store = rng_below(r, 64) ? WORLD_STORE_MEMORY : WORLD_STORE_LMDB;
	p->real_signatures = rng_below(r, 16) == 0;
	p->sessions = true;
	p->manual = false;
}

static void speed(struct world_plan *p, uint64_t seed)
{
	*p = world_defaults(seed);
	p->manual = false;
	p->accounts = 100;
	p->tx_per_100s = 2000;
	p->duration_ms = 600000;
	p->history = 256;
}

void run_plan(struct world_plan *out, uint64_t seed, enum run_profile profile)
{
	struct rng root, r, faults, mix;

	if (profile == RUN_SPEED) {
		speed(out, seed);
		return;
	}
	rng_init(&root, seed);
	r = rng_fork(&root, "plan");
	faults = rng_fork(&root, "faults");
	mix = rng_fork(&root, "mix");
	*out = world_defaults(seed);
	draw_shape(out, &r);
	draw_load(out, &r);
	draw_mix(out, &mix);
	if (rng_below(&r, 16)) /* else a calm one: nothing at all goes wrong */
		draw_faults(out, &faults);
	else
		out->byzantine = 0;
	if (profile == RUN_CRASH_FEW || profile == RUN_CRASH_MANY)
		draw_crashes(out, &faults, profile == RUN_CRASH_MANY);
}
