/* SPDX-License-Identifier: ISC */
#include "tests/sim/world_impl.h"

/* The workers of a process, and its disk. A job is done when it ends; what it takes until then is
 * known when it begins. */

#define HELD_MS 100

/* About what the same takes on a machine. */
static int64_t cpu_ms(const struct node_job *j)
{
	if (j->kind == NODE_JOB_VERIFY)
		return 1 + j->verify.n * 55 / 1000;
	return 2 + (int64_t)j->build.n * 40 / 1000;
}

static int64_t job_ms(struct process *p, struct work *k)
{
	struct world *w = p->w;

	if (!k->job)
		return 2;
	if (p->job_ms[k->job->kind] >= 0)
		return p->job_ms[k->job->kind];
	if (k->job->kind >= NODE_JOB_PERSIST)
		return disk_job_ms(p->disk, k->job, w->now);
	return w->plan.workers ? cpu_ms(k->job) : 0;
}

static void begin(struct process *p, struct work *k)
{
	struct event e;

	must(p->n_busy < WORKS_MAX);
	k->ms = job_ms(p, k);
	e = world_event(p, EV_JOB, p->w->now + (k->ms < 0 ? HELD_MS : k->ms));
	e.p = k;
	p->busy[p->n_busy++] = k;
	world_push(p->w, e);
}

static void enqueue(struct process *p, struct node_job *j)
{
	struct work *k = mem_zalloc(1, sizeof(*k));

	k->job = j;
	if (!p->w->plan.workers || p->n_busy < p->w->plan.workers) {
		begin(p, k);
		return;
	}
	must(p->n_waiting < WORKS_MAX);
	p->waiting[p->n_waiting++] = k;
}

void jobs_start(struct process *p, struct node_job *j)
{
	enqueue(p, j);
}

static void jobs_prune(struct process *p)
{
	if (p->pruning || p->stopping || !p->w->plan.history)
		return;
	p->pruning = true;
	enqueue(p, NULL);
}

static void next(struct process *p)
{
	struct work *k;

	if (!p->n_waiting || p->n_busy >= p->w->plan.workers)
		return;
	k = p->waiting[0];
	memmove(&p->waiting[0], &p->waiting[1], --p->n_waiting * sizeof(k));
	begin(p, k);
}

static void no_longer_busy(struct process *p, const struct work *k)
{
	uint32_t i = 0;

	while (p->busy[i] != k)
		must(++i < p->n_busy);
	p->busy[i] = p->busy[--p->n_busy];
}

/* True: the process ends here, amid the commit or between the durable vote and its sending. The
 * job is still among the busy ones when it has not reached the disk for certain. */
static bool dies_of(struct process *p, struct work *k)
{
	struct node_job *j = k->job;
	struct decisions *d = p->w->decisions;
	uint8_t i = (uint8_t)p->index;
	int64_t power;

	if (j->kind == NODE_JOB_PERSIST &&
	    decide(d, FAULT_PROC_KILL_COMMIT, i, DECIDE_NOBODY, 1000, 0, 1, p->w->now, &power)) {
		process_kill(p, power);
		return true;
	}
	if (j->kind >= NODE_JOB_PERSIST)
		disk_run(p->disk, j, p->w->now);
	else
		node_job_run(j);
	if (j->kind == NODE_JOB_JOURNAL && j->err == ERR_NONE &&
	    decide(d, FAULT_PROC_KILL_UNSENT, i, DECIDE_NOBODY, 1000, 0, 1, p->w->now, &power)) {
		no_longer_busy(p, k);
		process_kill(p, power);
		return true;
	}
	return false;
}

static void job_done(struct process *p, struct work *k)
{
	struct node_event ev = {.kind = NODE_JOB_DONE, .job = k->job};
	bool persisted;

	if (dies_of(p, k)) {
		struct event e = world_event(p, EV_JOB, p->w->now);

		e.p = k; /* freed when it comes: that life is over */
		world_push(p->w, e);
		return;
	}
	no_longer_busy(p, k);
	persisted = k->job->kind == NODE_JOB_PERSIST && k->job->err == ERR_NONE;
	process_step(p, &ev);
	mem_free(k);
	if (persisted && !p->dying)
		jobs_prune(p);
	next(p);
}

void jobs_done(struct process *p, struct work *k)
{
	if (k->job && k->ms < 0 && disk_held(p->disk)) {
		struct event e = world_event(p, EV_JOB, p->w->now + HELD_MS);

		e.p = k;
		world_push(p->w, e);
		return;
	}
	if (k->job) {
		job_done(p, k);
		return;
	}
	no_longer_busy(p, k);
	p->pruning = false;
	if (disk_prune(p->disk, p->w->now))
		jobs_prune(p);
	mem_free(k);
	next(p);
}

void jobs_drop(struct process *p)
{
	uint32_t i;

	for (i = 0; i < p->n_waiting; i++) {
		if (p->waiting[i]->job)
			node_job_free(p->waiting[i]->job);
		mem_free(p->waiting[i]);
	}
	p->n_waiting = p->n_busy = 0; /* the busy ones belong to their events */
	p->pruning = false;
}

void jobs_check_disk(struct process *p)
{
	struct node_event ev = {.kind = NODE_DISK};

	if (p->stopping || !p->node)
		return;
	ev.disk_ok = disk_has_space(p->disk, p->w->now);
	if (ev.disk_ok == p->disk_ok)
		return;
	p->disk_ok = ev.disk_ok;
	process_step(p, &ev);
}
