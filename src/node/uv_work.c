/* SPDX-License-Identifier: ISC */

/* The jobs of a node, on threads of the pool: verifying, building, writing, pruning. */
#include "node/uv_node_impl.h"

#include "node/uv_join.h"
#include "os/log.h"

#define PRUNE_BUDGET 4000

struct work {
	uv_work_t req;
	struct uv_node *un;
	struct node_job *job; /* NULL: pruning */
	uint32_t kind;
	uint64_t given_ns, taken_ns, done_ns; /* uv_hrtime */
	bool more;
	enum err err; /* of pruning */
	struct why why;
};

static void work_do(struct work *w)
{
	struct uv_node *un = w->un;
	struct node_job *j = w->job;

	if (!j) {
		uv_mutex_lock(&un->store_lock);
		w->err = store_prune(un->store, PRUNE_BUDGET, &w->more, &w->why);
		uv_mutex_unlock(&un->store_lock);
		return;
	}
	switch (j->kind) {
	case NODE_JOB_VERIFY:
	case NODE_JOB_BUILD:
		node_job_run(j);
		break;
	case NODE_JOB_PERSIST:
		uv_mutex_lock(&un->store_lock);
		j->err = store_commit(un->store, j->persist.ledger, j->persist.last,
				      &j->persist.keys, &j->why);
		uv_mutex_unlock(&un->store_lock);
		break;
	case NODE_JOB_JOURNAL:
		j->err = journal_write(un->journal, &j->journal.parsed, &j->why);
		break;
	case NODE_JOB_HISTORY:
		uv_mutex_lock(&un->store_lock);
		j->err = store_fill(un->store, j->history.ledgers, j->history.n, &j->why);
		uv_mutex_unlock(&un->store_lock);
		break;
	case NODE_JOB_JOIN:
		uv_join_run(j, un->cfg.data_dir, &un->genesis_hash);
		break;
	}
}

static void work_run(uv_work_t *req)
{
	struct work *w = req->data;

	w->taken_ns = uv_hrtime();
	work_do(w);
	w->done_ns = uv_hrtime();
}

const struct histogram_scale uv_node_work_scale = {15,
						   {100, 250, 500, 1000, 2500, 5000, 10000, 25000,
						    50000, 100000, 250000, 500000, 1000000, 2500000,
						    10000000}};

const char *uv_node_work_name(uint32_t kind)
{
	static const char *const names[UV_NODE_WORK_KINDS] = {
	    [NODE_JOB_VERIFY] = "verify",   [NODE_JOB_BUILD] = "build",
	    [NODE_JOB_PERSIST] = "commit",  [NODE_JOB_JOURNAL] = "journal",
	    [NODE_JOB_HISTORY] = "history", [NODE_JOB_JOIN] = "join",
	    [NODE_JOB_JOIN + 1] = "prune"};

	must(kind < UV_NODE_WORK_KINDS);
	return names[kind];
}

static void work_count(struct uv_node *un, const struct work *w)
{
	struct uv_node_work *k = &un->work[w->kind];

	k->depth--;
	k->failed += (w->job ? w->job->err : w->err) != ERR_NONE;
	histogram_add(&k->wait, &uv_node_work_scale, (w->taken_ns - w->given_ns) / 1000);
	histogram_add(&k->run, &uv_node_work_scale, (w->done_ns - w->taken_ns) / 1000);
}

/* What a job says about the disk. */
static void disk_result(struct uv_node *un, const struct node_job *j)
{
	bool ledger = j->kind == NODE_JOB_PERSIST, vote = j->kind == NODE_JOB_JOURNAL;

	if (!ledger && !vote && j->kind != NODE_JOB_HISTORY)
		return;
	switch (j->err) {
	case ERR_NONE:
	case ERR_STATE: /* nothing was written, for reasons of its own */
		break;
	case ERR_NO_SPACE:
		if (ledger || vote)
			uv_disk_no_room(un->disk);
		break;
	case ERR_CORRUPT:
		if (!vote) {
			uv_disk_damage(un->disk, j->why.text);
			break;
		}
		/* fall through */
	default:
		un->write_failed = true;
	}
}

/* Without room it is done next time; any other failure is one of the store. */
static void prune_failed(struct uv_node *un, enum err e, const struct why *why)
{
	if (e == ERR_NO_SPACE)
		return;
	log_line(LOG_ERROR, "node", "while pruning: %s", why->text);
	un->write_failed = e != ERR_CORRUPT;
	if (e == ERR_CORRUPT)
		uv_disk_damage(un->disk, why->text);
	else
		uv_node_failed(un);
}

static void work_done(uv_work_t *req, int status)
{
	struct work *w = req->data;
	struct uv_node *un = w->un;
	struct node_event ev = {.kind = NODE_JOB_DONE, .job = w->job};
	bool persisted = w->job && w->job->kind == NODE_JOB_PERSIST && w->job->err == ERR_NONE;

	(void)status;
	work_count(un, w);
	if (w->job) {
		disk_result(un, w->job);
		uv_node_step(un, &ev);
		if (persisted)
			uv_node_prune(un);
	} else {
		un->prune_running = false;
		if (w->err != ERR_NONE)
			prune_failed(un, w->err, &w->why);
		else if (w->more)
			uv_node_prune(un);
		uv_node_wind_up(un);
	}
	mem_free(w);
}

void uv_node_work_start(struct uv_node *un, struct node_job *job)
{
	struct work *w = mem_zalloc(1, sizeof(*w));

	w->req.data = w;
	w->un = un;
	w->job = job;
	w->kind = job ? (uint32_t)job->kind : NODE_JOB_JOIN + 1;
	w->given_ns = uv_hrtime();
	un->work[w->kind].depth++;
	must(!uv_queue_work(un->cfg.loop, &w->req, work_run, work_done));
}

void uv_node_prune(struct uv_node *un)
{
	if (un->prune_running || un->stopping)
		return;
	un->prune_running = true;
	uv_node_work_start(un, NULL);
}

const struct uv_node_work *uv_node_work(struct uv_node *un, uint32_t kind)
{
	must(kind < UV_NODE_WORK_KINDS);
	return &un->work[kind];
}
