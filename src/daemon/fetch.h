/* SPDX-License-Identifier: ISC */
#ifndef TALLY_DAEMON_FETCH_H
#define TALLY_DAEMON_FETCH_H

#include "base/bytes.h"

#include <uv.h>

/* One document from a web server, on a worker thread. https, and http from this machine alone; at
 * most 3 redirects of the same kind, 20 s, and as many bytes as are asked for. */

#define FETCH_URL_MAX 512

struct fetch {
	uv_work_t req;
	char url[FETCH_URL_MAX];
	const char *ca_file; /* NULL: the system's certificates */
	size_t max;
	void (*done)(struct fetch *f); /* on the loop, once; err is ERR_CLOSED after fetch_stop */
	void *ctx;
	/* result */
	struct buf body;
	enum err err;
	struct why why;
	/* for the worker */
	_Atomic bool stop;
};

/* Once, before threads. */
void fetch_init(void);
/* url, ca_file, max, done and ctx are set; the rest is zero. The caller keeps it until done. */
void fetch_start(uv_loop_t *loop, struct fetch *f);
/* Ends it soon. */
void fetch_stop(struct fetch *f);

#endif
