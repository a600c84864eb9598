/* SPDX-License-Identifier: ISC */
#include "node/uv_disk.h"

#include "base/mem.h"
#include "os/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCRUB_BEGIN_MS 1000     /* after the start */
#define SCRUB_PACE_MS  100      /* between two portions */
#define SCRUB_BUDGET   400      /* entries of a portion: a few milliseconds */
#define SCRUB_HASTE_MS 5        /* the same, when an administrator has asked for a pass */
#define SCRUB_REST_MS  21600000 /* between two passes: 6 h */
#define ROOM_LAST      (16ull << 20)

struct uv_disk {
	uv_loop_t *loop;
	const char *folder;
	struct store *s;
	struct uv_disk_limits limits;
	struct uv_disk_host host;
	struct uv_disk_status status;
	uv_timer_t pace;
	uv_work_t work;
	struct store_scrub *scrub;
	bool running, stopping, damaged, pass_done;
	bool haste;   /* the pass was asked for */
	bool anew;    /* and begins with the next portion */
	bool rest;    /* it is wanted no more */
	enum err err; /* of the portion */
	struct why why;
};

const char *uv_disk_stage_name(enum uv_disk_stage stage)
{
	static const char *const names[] = {"fine", "low", "no_history", "not_validating"};

	must((unsigned)stage < sizeof(names) / sizeof(names[0]));
	return names[stage];
}

static uint64_t share(uint64_t total, uint32_t percent)
{
	return total / 100 * percent;
}

enum uv_disk_stage uv_disk_stage_of(const struct uv_disk_limits *l, uint64_t free_bytes,
				    uint64_t total_bytes)
{
	if (free_bytes < l->stop_bytes || free_bytes < share(total_bytes, l->stop_percent))
		return UV_DISK_NO_VOTES;
	if (free_bytes < share(total_bytes, l->history_percent))
		return UV_DISK_NO_HISTORY;
	if (free_bytes < share(total_bytes, l->warn_percent))
		return UV_DISK_LOW;
	return UV_DISK_FINE;
}

/* ---- the room that is held back ---- */

static bool emergency_path(const struct uv_disk *d, char out[PATH_MAX])
{
	return snprintf(out, PATH_MAX, "%s/emergency", d->folder) < PATH_MAX;
}

/* What is there already counts, whoever has made it. */
static void emergency_find(struct uv_disk *d)
{
	char path[PATH_MAX];
	struct stat st;

	d->status.emergency_bytes = 0;
	if (emergency_path(d, path) && stat(path, &st) == 0)
		d->status.emergency_bytes = (uint64_t)st.st_blocks * 512;
}

static void emergency_drop(struct uv_disk *d)
{
	char path[PATH_MAX];

	if (!d->status.emergency_bytes || !emergency_path(d, path))
		return;
	if (unlink(path) == 0)
		log_line(LOG_WARN, "disk", "%s is given up to finish what runs", path);
	d->status.emergency_bytes = 0;
}

/* Only with so much room that it is not missed at once. */
static void emergency_make(struct uv_disk *d)
{
	uint64_t want = d->limits.emergency_bytes, total = d->status.total_bytes;
	char path[PATH_MAX];
	int fd;

	if (!want || d->status.emergency_bytes || d->status.free_bytes < want ||
	    uv_disk_stage_of(&d->limits, d->status.free_bytes - want, total) == UV_DISK_NO_VOTES ||
	    !emergency_path(d, path))
		return;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0)
		return;
	if (fallocate(fd, 0, 0, (off_t)want) == 0) {
		d->status.emergency_bytes = want;
	} else {
		/* A file system that holds nothing back: the limits must do. */
		d->limits.emergency_bytes = 0;
		unlink(path);
	}
	close(fd);
}

/* ---- room ---- */

void uv_disk_look(struct uv_disk *d)
{
	enum uv_disk_stage stage, before = d->status.stage;

	if (!store_disk_space(d->s, &d->status.free_bytes, &d->status.total_bytes))
		return;
	d->status.data_bytes = store_bytes(d->s);
	stage = uv_disk_stage_of(&d->limits, d->status.free_bytes, d->status.total_bytes);
	if (d->status.free_bytes < ROOM_LAST)
		emergency_drop(d);
	else
		emergency_make(d);
	if (stage == before)
		return;
	d->status.stage = stage;
	log_line(stage > before ? LOG_WARN : LOG_INFO, "disk", "%llu of %llu MiB free: %s",
		 (unsigned long long)(d->status.free_bytes >> 20),
		 (unsigned long long)(d->status.total_bytes >> 20), uv_disk_stage_name(stage));
	if (!d->stopping)
		d->host.stage(d->host.ctx, stage);
}

void uv_disk_no_room(struct uv_disk *d)
{
	emergency_drop(d);
}

/* ---- what is on it ---- */

void uv_disk_damage(struct uv_disk *d, const char *what)
{
	struct why why = {""};

	if (d->damaged)
		return;
	d->damaged = true;
	log_line(LOG_ERROR, "disk", "damaged: %s", what);
	if (store_note_damage(d->folder, what, &why) != ERR_NONE)
		log_line(LOG_ERROR, "disk", "%s", why.text);
	if (!d->stopping)
		d->host.damaged(d->host.ctx, what);
}

static void portion(uv_work_t *w)
{
	struct uv_disk *d = w->data;

	d->err = store_scrub_step(d->scrub, SCRUB_BUDGET, &d->pass_done, &d->why);
}

static void pace(struct uv_disk *d, uint64_t ms);

static void portion_done(uv_work_t *w, int status)
{
	struct uv_disk *d = w->data;

	(void)status;
	d->running = false;
	d->status.scrub = store_scrub_progress(d->scrub);
	if (d->stopping) {
		d->host.idle(d->host.ctx);
		return;
	}
	if (d->err == ERR_CORRUPT) {
		uv_disk_damage(d, d->why.text);
		return;
	}
	if (d->err != ERR_NONE) {
		log_line(LOG_WARN, "disk", "the check has stopped: %s", d->why.text);
		return;
	}
	if (d->pass_done && d->haste && !d->anew) {
		d->haste = false;
		log_line(LOG_INFO, "disk", "the check that was asked for has found nothing");
	}
	pace(d, d->haste                  ? SCRUB_HASTE_MS
		: d->pass_done || d->rest ? SCRUB_REST_MS
					  : SCRUB_PACE_MS);
	d->rest = false;
}

static void on_pace(uv_timer_t *t)
{
	struct uv_disk *d = t->data;

	if (d->anew) {
		d->anew = false;
		store_scrub_restart(d->scrub);
	}
	d->running = true;
	must(!uv_queue_work(d->loop, &d->work, portion, portion_done));
}

static void pace(struct uv_disk *d, uint64_t ms)
{
	uv_timer_start(&d->pace, on_pace, ms, 0);
}

/* ---- life ---- */

struct uv_disk *uv_disk_open(uv_loop_t *loop, const char *folder, struct store *s,
			     const struct uv_disk_limits *limits, const struct uv_disk_host *host)
{
	struct uv_disk *d = mem_zalloc(1, sizeof(*d));

	d->loop = loop;
	d->folder = folder;
	d->s = s;
	d->limits = *limits;
	d->host = *host;
	d->scrub = store_scrub_new(s);
	uv_timer_init(loop, &d->pace);
	d->pace.data = d->work.data = d;
	emergency_find(d);
	pace(d, SCRUB_BEGIN_MS);
	return d;
}

void uv_disk_check(struct uv_disk *d, bool begin)
{
	if (d->stopping || d->damaged || (!begin && !d->haste))
		return;
	d->haste = d->anew = begin;
	d->rest = !begin;
	if (!d->running)
		pace(d, begin ? SCRUB_HASTE_MS : SCRUB_REST_MS);
}

void uv_disk_stop(struct uv_disk *d)
{
	d->stopping = true;
	uv_timer_stop(&d->pace);
}

bool uv_disk_busy(const struct uv_disk *d)
{
	return d->running;
}

static void closed(uv_handle_t *h)
{
	struct uv_disk *d = h->data;

	d->host.closed(d->host.ctx);
}

void uv_disk_close(struct uv_disk *d)
{
	must(d->stopping && !d->running);
	uv_close((uv_handle_t *)&d->pace, closed);
}

void uv_disk_free(struct uv_disk *d)
{
	if (!d)
		return;
	store_scrub_free(d->scrub);
	mem_free(d);
}

void uv_disk_get(const struct uv_disk *d, struct uv_disk_status *out)
{
	*out = d->status;
}
