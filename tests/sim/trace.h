/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_SIM_TRACE_H
#define TALLY_TESTS_SIM_TRACE_H

#include "base/bytes.h"

#include <stdio.h>

/* What happened in a run: a hash over all of it, and the newest lines. The lines live in memory
 * that is shared with the parent process, so that they outlast a crash. One run at a time. */

#define TRACE_LINES 200000
#define TRACE_TEXTS 20000

/* Kinds of lines above those of events (enum what). */
enum { TRACE_STEP = 13, TRACE_SEND, TRACE_LOG, TRACE_LEDGER, TRACE_FAULT };

struct trace {
	uint64_t hash;
	const char *verbose; /* NULL: nothing is printed; else nodes, or "" for all */
};

struct trace_line {
	int64_t at;
	uint64_t b;
	uint32_t a, closed, validated, hash8;
	uint32_t text; /* number of its text, 0: none */
	uint8_t node, what;
};

/* Before the processes that are to share it fork; without it the first run takes its own. */
void trace_share(void);
void trace_begin(struct trace *t, const char *verbose);
/* Words mixed into the hash. */
void trace_mix(struct trace *t, uint64_t x);
void trace_mix_bytes(struct trace *t, const void *p, size_t n);
void trace_line(struct trace *t, const struct trace_line *l, const char *text);
/* All lines that are kept, oldest first. */
void trace_print(FILE *out);

#endif
