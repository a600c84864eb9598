/* SPDX-License-Identifier: ISC */
#ifndef TALLY_NODE_UV_DISK_H
#define TALLY_NODE_UV_DISK_H

#include "store/store.h"

#include <uv.h>

/* The disk under a node that runs: how much room is left, and whether what is on it is still what
 * was written.
 *
 * Room goes down in stages. UV_DISK_LOW warns; from UV_DISK_NO_HISTORY on no older ledgers are
 * fetched; from UV_DISK_NO_VOTES on the node does not validate. A file of its own holds room back
 * from the file system: it is given up when a commit finds none, so that what runs can be finished
 * and the process stopped in order, and is made again once there is plenty.
 *
 * Beside the node's work everything is read again, slowly (store_scrub), on a worker. */

enum uv_disk_stage { UV_DISK_FINE, UV_DISK_LOW, UV_DISK_NO_HISTORY, UV_DISK_NO_VOTES };

struct uv_disk_limits {
	uint32_t warn_percent, history_percent, stop_percent; /* of the file system, free */
	uint64_t stop_bytes;      /* as stop_percent: whichever is more */
	uint64_t emergency_bytes; /* 0: no such file */
};

struct uv_disk_status {
	enum uv_disk_stage stage;
	uint64_t free_bytes, total_bytes, data_bytes, emergency_bytes;
	struct store_scrub_progress scrub;
};

struct uv_disk_host {
	void *ctx;
	void (*stage)(void *ctx, enum uv_disk_stage stage);
	/* What was found. It is noted in the folder already. */
	void (*damaged)(void *ctx, const char *what);
	void (*idle)(void *ctx);   /* after uv_disk_stop(): no worker has the store any more */
	void (*closed)(void *ctx); /* after uv_disk_close() */
};

struct uv_disk;

const char *uv_disk_stage_name(enum uv_disk_stage stage);
/* Which stage so much room means. */
enum uv_disk_stage uv_disk_stage_of(const struct uv_disk_limits *l, uint64_t free_bytes,
				    uint64_t total_bytes);

/* Begins to check. `folder` and `s` stay the caller's. */
struct uv_disk *uv_disk_open(uv_loop_t *loop, const char *folder, struct store *s,
			     const struct uv_disk_limits *limits, const struct uv_disk_host *host);
/* Looks how much room there is; to be called every two seconds. */
void uv_disk_look(struct uv_disk *d);
/* A write found no room: gives up what is held back. */
void uv_disk_no_room(struct uv_disk *d);
/* Something was read that is not what was written: noted, as if it had been found here. */
void uv_disk_damage(struct uv_disk *d, const char *what);
/* Begins a pass of the check now, with little pause; or ends one that was begun so: the next comes
 * after the usual rest. */
void uv_disk_check(struct uv_disk *d, bool begin);
void uv_disk_stop(struct uv_disk *d);
bool uv_disk_busy(const struct uv_disk *d);
void uv_disk_close(struct uv_disk *d);
void uv_disk_free(struct uv_disk *d); /* after host.closed; NULL is fine */
void uv_disk_get(const struct uv_disk *d, struct uv_disk_status *out);

#endif
