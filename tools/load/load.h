/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TOOLS_LOAD_LOAD_H
#define TALLY_TOOLS_LOAD_LOAD_H

#include "tools/load/http.h"
#include "tools/load/plan.h"
#include "tools/load/proc.h"

/* loadgen: how many payments per second a network validates, how long each takes, and what it
 * costs the nodes. tools/loadgen starts networks and calls this.
 *
 *     sequences ─► sign all ─► floor ─► [idle sample] ─► submit ───────────► last one validated
 *                                                  CPU, clock start          CPU, clock stop
 *
 * Every account has one home connection, which sends its payments in order, one request at a time;
 * what the server asks to send later is sent again after a pause. A watcher asks one node for each
 * next ledger and takes the time at which it first saw a payment in a validated one. */

#define NODES_MAX       32
#define CONNECTIONS_MAX 256
#define REFUSALS_MAX    16

struct options {
	const char *nodes[NODES_MAX];
	int pids[NODES_MAX];
	uint32_t n_nodes, n_pids;
	uint32_t accounts, first, count, connections, network_id;
	double rate; /* per second, 0 = as fast as answered */
	double idle_seconds;
	bool json;
};

struct lane {
	struct load *load;
	struct http http;
	uint32_t next; /* index of its next payment in the plan, >= plan.n when done */
	int64_t wait_until_ns;
};

struct refusal {
	char name[40];
	uint32_t n;
};

struct load {
	struct options o;
	struct plan plan;
	uv_loop_t *loop;
	uv_timer_t tick;
	struct lane lanes[CONNECTIONS_MAX];
	uint32_t n_lanes;
	struct http watch;
	uint32_t watch_seq; /* the ledger asked for next */
	bool watching;
	uint32_t asked; /* accounts whose sequence has been asked */
	uint32_t known; /* ... and answered */
	bool submitting;
	int64_t began_ns, ended_ns, progress_ns;
	uint32_t accepted, delayed, refused, validated;
	uint32_t ledgers_used; /* that hold payments of ours */
	struct refusal refusals[REFUSALS_MAX];
	struct proc_sample before[NODES_MAX], after[NODES_MAX], idle[2][NODES_MAX];
};

/* Ends the program with a message. */
_Noreturn void die(const char *what);
/* Reads the command line; ends the program with usage when it is wrong. */
void options_read(struct options *o, int argc, char **argv);
/* Prints what came out, as text or JSON. */
void report_print(const struct load *l);

#endif
