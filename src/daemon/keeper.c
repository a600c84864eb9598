/* SPDX-License-Identifier: ISC */
#include "daemon/keeper.h"

#include "base/limits.h"
#include "os/clock.h"
#include "os/log.h"

#define WAITING_MAX (2 * RPC_PENDING_MAX) /* each call waits for one write */

struct write {
	struct keep_row row; /* the value is owned */
	uint64_t token;
};

struct batch {
	struct write *w;
	uint32_t n, cap;
};

struct keeper {
	uv_loop_t *loop;
	struct keep *keep; /* NULL: it could not be opened */
	void (*kept)(void *ctx, uint64_t token, enum err err);
	void *ctx;
	struct batch waiting, now; /* those of `now` are being written */
	uv_work_t req;
	bool busy, ailing;
	enum err err; /* of the batch */
	struct why why;
	void (*done)(void *ctx);
	void *done_ctx;
};

struct keeper *keeper_open(uv_loop_t *loop, const char *folder,
			   void (*kept)(void *ctx, uint64_t token, enum err err), void *ctx)
{
	struct keeper *k = mem_zalloc(1, sizeof(*k));
	struct keep_options o = {.folder = folder};

	k->loop = loop;
	k->kept = kept;
	k->ctx = ctx;
	k->req.data = k;
	if (keep_open(&k->keep, &o, &k->why) != ERR_NONE) {
		k->keep = NULL;
		k->ailing = true;
		log_line(LOG_ERROR, "tallyd", "%s: no answers are kept (Idempotency-Key)",
			 k->why.text);
	}
	return k;
}

enum err keeper_get(struct keeper *k, const struct hash256 *key, struct buf *out)
{
	return k->keep ? keep_get(k->keep, key, clock_unix_ms(), out) : ERR_IO;
}

/* ---- A batch on a worker */

static void work(uv_work_t *req)
{
	struct keeper *k = req->data;
	struct keep_row *rows;

	if (!k->keep) {
		k->err = ERR_IO;
		return;
	}
	rows = mem_alloc(k->now.n * sizeof(*rows));
	for (uint32_t i = 0; i < k->now.n; i++)
		rows[i] = k->now.w[i].row;
	k->err = keep_put(k->keep, rows, k->now.n, clock_unix_ms(), &k->why);
	for (uint32_t i = 0; i < k->now.n; i++)
		k->now.w[i].row.err = rows[i].err;
	mem_free(rows);
}

/* Once when it begins to fail, once when it works again. */
static void tell(struct keeper *k)
{
	bool ailing = k->err != ERR_NONE;

	for (uint32_t i = 0; i < k->now.n && !ailing; i++)
		if (k->now.w[i].row.err == ERR_FULL) {
			ailing = true;
			why_set(&k->why, ERR_FULL, "no room until older ones expire");
		}
	if (ailing == k->ailing)
		return;
	k->ailing = ailing;
	if (ailing)
		log_line(LOG_ERROR, "tallyd", "answers cannot be kept: %s", k->why.text);
	else
		log_line(LOG_INFO, "tallyd", "answers can be kept again");
}

static void start(struct keeper *k);

static void after(uv_work_t *req, int status)
{
	struct keeper *k = req->data;

	(void)status;
	tell(k);
	for (uint32_t i = 0; i < k->now.n; i++) {
		struct write *w = &k->now.w[i];

		mem_free((void *)(uintptr_t)w->row.value.p);
		if (!k->done)
			k->kept(k->ctx, w->token, k->err != ERR_NONE ? k->err : w->row.err);
	}
	k->now.n = 0;
	k->busy = false;
	start(k);
}

static void start(struct keeper *k)
{
	struct batch next = k->waiting;

	if (k->busy)
		return;
	if (k->done) {
		k->done(k->done_ctx);
		return;
	}
	if (next.n == 0)
		return;
	k->waiting = k->now;
	k->now = next;
	k->busy = true;
	must(!uv_queue_work(k->loop, &k->req, work, after));
}

void keeper_put(struct keeper *k, const struct rpc_keep *row, uint64_t token)
{
	struct batch *b = &k->waiting;
	uint8_t *copy = mem_alloc(row->value.n + 1);

	must(b->n < WAITING_MAX);
	memcpy(copy, row->value.p, row->value.n);
	if (b->n == b->cap) {
		b->cap = b->cap ? 2 * b->cap : 16;
		b->w = mem_resize(b->w, b->cap, sizeof(*b->w));
	}
	b->w[b->n++] = (struct write){.row = {.key = row->key,
					      .until_ms = row->until_ms,
					      .privileged = row->privileged,
					      .value = bytes_of(copy, row->value.n)},
				      .token = token};
	start(k);
}

void keeper_stop(struct keeper *k, void (*done)(void *ctx), void *ctx)
{
	k->done = done;
	k->done_ctx = ctx;
	start(k);
}

static void batch_free(struct batch *b)
{
	for (uint32_t i = 0; i < b->n; i++)
		mem_free((void *)(uintptr_t)b->w[i].row.value.p);
	mem_free(b->w);
}

void keeper_free(struct keeper *k)
{
	if (!k)
		return;
	batch_free(&k->waiting);
	batch_free(&k->now);
	keep_close(k->keep);
	mem_free(k);
}
