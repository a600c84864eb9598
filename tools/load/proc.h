/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TOOLS_LOAD_PROC_H
#define TALLY_TOOLS_LOAD_PROC_H

#include <stdbool.h>
#include <stdint.h>

/* What Linux tells about a process, and the steady clock. */
struct proc_sample {
	double cpu_seconds; /* user and system, of all threads */
	double rss_mb;      /* resident now */
	double peak_mb;     /* resident at most so far */
};

int64_t now_ns(void);
/* false when there is no such process. */
bool proc_sample(struct proc_sample *out, int pid);

#endif
