/* SPDX-License-Identifier: ISC */
#include "tests/sim/shrink.h"

#include "base/mem.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECONDS_DEFAULT 600
#define TRIAL_SECONDS   120
#define FIRED_MAX       (1u << 20)
#define ROUNDS_MAX      4

/* What a process tells of its run; what fired is there after a crash, too. */
struct told {
	struct run_result result;
	bool done; /* else it crashed */
	uint32_t n_fired;
	struct decision fired[FIRED_MAX];
};

struct state {
	struct shrink *s;
	struct told *told;
	double deadline; /* seconds of CPU that the runs may have used by then */
	bool whole;      /* it shows at the end only: all of it has to run */
};

static double cpu_used(void)
{
	struct rusage u;

	must(getrusage(RUSAGE_CHILDREN, &u) == 0);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static bool time_left(const struct state *st)
{
	return cpu_used() < st->deadline;
}

/* Runs it elsewhere; false when it took too long. A crash is a failure, too. */
static bool run_apart(struct state *st, const struct run_options *o)
{
	struct told *t = st->told;
	int status = 0;
	pid_t pid;

	t->done = false;
	t->n_fired = 0;
	st->s->trials++;
	fflush(stdout);
	pid = fork();
	must(pid >= 0);
	if (!pid) {
		struct run_result r;

		must(freopen("/dev/null", "w", stdout) && freopen("/dev/null", "w", stderr));
		alarm(TRIAL_SECONDS);
		decisions_share(t->fired, &t->n_fired, FIRED_MAX);
		st->s->once(&r, o);
		t->result = r;
		t->done = true;
		_exit(0);
	}
	while (waitpid(pid, &status, 0) != pid)
		;
	if (t->done)
		return true;
	t->result = (struct run_result){.failed = true, .property = "crash"};
	return !(WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM);
}

static struct run_options options_with(const struct shrink *s, const struct world_plan *plan,
				       const struct decision *only, uint32_t n)
{
	struct run_options o = s->run;

	o.plan = plan;
	o.only = only;
	o.n_only = n;
	o.cover = NULL;
	o.verbose = NULL;
	o.minutes = 0; /* the plan says it */
	return o;
}

/* Whether that run fails alike. If so it is the smallest so far. Those of its decisions that it did
 * not come to are left out. */
static bool try(struct state *st, const struct world_plan *plan, const struct decision *only,
		uint32_t n)
{
	static const struct decision none;
	struct shrink *s = st->s;
	struct run_options o = options_with(s, plan, n ? only : &none, n);
	const struct run_result *r = &st->told->result;

	if (!time_left(st) || !run_apart(st, &o) || !r->failed || strcmp(r->property, s->property))
		return false;
	if (plan != &s->plan)
		s->plan = *plan;
	must(st->told->n_fired <= n);
	s->n = st->told->n_fired;
	if (s->n)
		memcpy(s->only, st->told->fired, s->n * sizeof(*only));
	s->steps = r->steps;
	memcpy(s->text, r->text, sizeof(s->text));
	if (!st->whole && st->told->done)
		s->run.until_ms = r->at_ms + 1;
	return true;
}

/* ---- 1: when ---- */

static void shorten(struct state *st)
{
	struct shrink *s = st->s;
	uint32_t good = 1000, step;

	/* `try` has set the end to where it failed. */
	st->whole = s->run.until_ms > s->plan.duration_ms || !try(st, &s->plan, s->only, s->n);
	if (!st->whole)
		return;
	s->run.until_ms = 0;
	for (step = 0; step < 6 && s->plan.duration_ms > good + 5000; step++) {
		struct world_plan p = s->plan;

		p.duration_ms = good + (s->plan.duration_ms - good) / 2;
		if (!try(st, &p, s->only, s->n))
			good = p.duration_ms;
	}
}

/* ---- 2: whole faults ---- */

static const char *const group_of[FAULT_COUNT] = {
#define FAULT(name, group) #group,
#include "tests/sim/faults.def"
#undef FAULT
};

static bool is_of(uint8_t fault, uint32_t i, bool group)
{
	return group ? !strcmp(group_of[fault], group_of[i]) : fault == i;
}

static void leave_out(struct state *st, uint32_t i, bool group, struct decision *rest)
{
	const struct shrink *s = st->s;
	uint32_t n = 0, k;

	for (k = 0; k < s->n; k++)
		if (!is_of(s->only[k].fault, i, group))
			rest[n++] = s->only[k];
	if (n < s->n)
		(void)!try(st, &s->plan, rest, n);
}

static void without_kinds(struct state *st, struct decision *rest)
{
	uint32_t i;

	if (st->s->n && try(st, &st->s->plan, NULL, 0))
		return;
	for (i = 0; i < FAULT_COUNT; i++)
		if (i == 0 || strcmp(group_of[i], group_of[i - 1]) != 0)
			leave_out(st, i, true, rest);
	for (i = 0; i < FAULT_COUNT; i++)
		leave_out(st, i, false, rest);
}

/* ---- 4: single decisions ---- */

/* Tries to leave out the stretch; true when that worked. */
static bool without(struct state *st, uint32_t from, uint32_t to, struct decision *rest)
{
	const struct shrink *s = st->s;
	uint32_t n = 0, k;

	for (k = 0; k < s->n; k++)
		if (k < from || k >= to)
			rest[n++] = s->only[k];
	return try(st, &s->plan, rest, n);
}

/* As long as one half alone will do. */
static void halves(struct state *st, struct decision *rest)
{
	const struct shrink *s = st->s;
	uint32_t n;

	do {
		n = s->n;
		if (n > 1 && !without(st, 0, n / 2, rest))
			without(st, n / 2, n, rest);
	} while (s->n < n && time_left(st));
}

/* From large stretches to single ones, the latest first: what comes after others matters least. */
static void single(struct state *st, struct decision *rest)
{
	const struct shrink *s = st->s;
	uint32_t size;

	halves(st, rest);
	for (size = (s->n + 3) / 4; size && s->n && time_left(st); size /= 2) {
		uint32_t to = s->n;

		while (to && time_left(st)) {
			uint32_t from = to > size ? to - size : 0;

			without(st, from, to, rest);
			to = from < s->n ? from : s->n;
		}
	}
}

/* ---- 3: a smaller network ---- */

static void fewer(struct state *st, size_t field, uint32_t lo)
{
	struct shrink *s = st->s;
	uint32_t *now = (uint32_t *)(void *)((char *)&s->plan + field);

	while (*now > lo && time_left(st)) {
		struct world_plan p = s->plan;
		uint32_t *x = (uint32_t *)(void *)((char *)&p + field);

		*x = lo + (*now - lo) / 2;
		if (!try(st, &p, s->only, s->n))
			return;
	}
}

static void fewer_nodes(struct state *st)
{
	static const uint32_t sizes[] = {7, 5, 4, 3, 1};
	struct shrink *s = st->s;
	struct world_plan p = s->plan;
	size_t i;

	p.trackers = 0;
	if (s->plan.trackers)
		(void)!try(st, &p, s->only, s->n);
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		p = s->plan;
		if (sizes[i] >= p.validators || sizes[i] < p.byzantine * 4)
			continue;
		p.validators = sizes[i];
		(void)!try(st, &p, s->only, s->n);
	}
}

static void plainer(struct state *st)
{
	const struct world_plan *now = &st->s->plan;
	struct world_plan p = *now;

	p.topology = WORLD_MESH;
	p.store = WORLD_STORE_MEMORY;
	p.real_signatures = false;
	if (p.topology != now->topology || p.store != now->store ||
	    p.real_signatures != now->real_signatures)
		(void)!try(st, &p, st->s->only, st->s->n);
	p = *now;
	p.workers = 0;
	if (now->workers)
		(void)!try(st, &p, st->s->only, st->s->n);
	p = *now;
	p.first_ledger = 0;
	if (now->first_ledger)
		(void)!try(st, &p, st->s->only, st->s->n);
	p = *now;
	p.market = false;
	if (now->market)
		(void)!try(st, &p, st->s->only, st->s->n);
}

static void fewer_kinds_of_load(struct state *st)
{
	for (uint32_t k = 0; k < LOAD_COUNT; k++) {
		struct world_plan p = st->s->plan;

		p.load[k] = 0;
		if (st->s->plan.load[k])
			(void)!try(st, &p, st->s->only, st->s->n);
	}
}

/* ---- all of it ---- */

static uint64_t size_of(const struct shrink *s)
{
	return s->n + (uint64_t)s->plan.validators + s->plan.trackers + s->plan.tx_per_100s +
	       s->plan.accounts;
}

static void reduce(struct state *st, struct decision *rest)
{
	struct shrink *s = st->s;
	uint64_t before;
	int round = 0;

	shorten(st);
	do {
		before = size_of(s);
		without_kinds(st, rest);
		plainer(st); /* what makes runs faster comes before what takes many */
		fewer_nodes(st);
		fewer_kinds_of_load(st);
		fewer(st, offsetof(struct world_plan, tx_per_100s), 0);
		fewer(st, offsetof(struct world_plan, accounts), 4);
		single(st, rest);
	} while (size_of(s) < before && time_left(st) && ++round < ROUNDS_MAX);
}

/* The run as it was given, and what fired in it. */
static bool first_run(struct state *st)
{
	struct shrink *s = st->s;
	const struct run_result *r = &st->told->result;
	struct run_options o;

	if (s->run.plan)
		s->plan = *s->run.plan;
	else
		run_plan(&s->plan, s->run.seed, s->run.profile);
	if (s->run.minutes)
		s->plan.duration_ms = s->run.minutes * 60000;
	o = options_with(s, &s->plan, s->run.only, s->run.n_only);
	if (!run_apart(st, &o) || !r->failed)
		return false;
	memcpy(s->property, r->property, sizeof(s->property));
	memcpy(s->text, r->text, sizeof(s->text));
	s->decisions_before = st->told->n_fired;
	s->steps_before = s->steps = r->steps;
	return true;
}

bool shrink_run(struct shrink *s)
{
	struct state st = {.s = s};
	struct decision *rest;
	bool ok;

	if (!s->once)
		s->once = run_once;
	st.deadline = cpu_used() + (s->seconds ? s->seconds : SECONDS_DEFAULT);
	st.told = mmap(NULL, sizeof(*st.told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	must(st.told != MAP_FAILED);
	ok = first_run(&st);
	s->only = mem_zalloc(ok ? s->decisions_before + 1 : 1, sizeof(*s->only));
	rest = mem_zalloc(ok ? s->decisions_before + 1 : 1, sizeof(*rest));
	if (ok && s->decisions_before)
		memcpy(s->only, st.told->fired, s->decisions_before * sizeof(*s->only));
	s->n = ok ? s->decisions_before : 0;
	ok = ok && try(&st, &s->plan, s->only, s->n);
	if (ok)
		reduce(&st, rest);
	mem_free(rest);
	munmap(st.told, sizeof(*st.told));
	return ok;
}

struct run_options shrink_found(const struct shrink *s)
{
	return options_with(s, &s->plan, s->only, s->n);
}

void shrink_close(struct shrink *s)
{
	mem_free(s->only);
	s->only = NULL;
}

void shrink_and_tell(const struct run_options *run, uint32_t seconds)
{
	struct shrink s = {.run = *run, .seconds = seconds};
	struct why why = {""};
	struct run_options o;
	char path[64];

	if (!shrink_run(&s)) {
		printf("  not shrunk: it does not fail again\n");
		shrink_close(&s);
		return;
	}
	snprintf(path, sizeof(path), "shrink-%" PRIx64 ".evt", run->seed);
	o = shrink_found(&s);
	if (run_replay_write(path, &o, &why) != ERR_NONE)
		printf("  not shrunk: %s\n", why.text);
	else
		printf("  shrunk: tally-sim --replay %s   (%u of %u decisions, %" PRIu64
		       " of %" PRIu64 " events, %u runs) %s\n",
		       path, s.n, s.decisions_before, s.steps, s.steps_before, s.trials,
		       s.property);
	shrink_close(&s);
}
