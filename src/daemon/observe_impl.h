/* SPDX-License-Identifier: ISC */
#ifndef TALLY_DAEMON_OBSERVE_IMPL_H
#define TALLY_DAEMON_OBSERVE_IMPL_H

#include "base/histogram.h"
#include "daemon/health.h"
#include "daemon/observe.h"
#include "daemon/prom.h"
#include "daemon/rounds.h"
#include "daemon/watchdog.h"
#include "node/agreement.h"
#include "os/process.h"

/* Private to the operator's view:
 *
 *   observe.c          open, close, ticks, routing
 *   observe_count.c    what happens, counted
 *   rounds.c           rounds by their results and times
 *   health.c           judgement
 *   metrics.c          ledgers, consensus, validators, transactions
 *   metrics_serve.c    clients: requests, connections, charges
 *   metrics_machine.c  peers, process, disk, work, log
 *   prom.c             the text format
 *   status.c           the method
 *   watchdog.c         the end of a stuck loop */

#define OBSERVE_METHODS_MAX 128

/* Classes of results by their range (tx/ter.h). */
enum result_class {
	CLASS_TES,
	CLASS_TEC,
	CLASS_TER,
	CLASS_TEF,
	CLASS_TEM,
	CLASS_TEL,
	RESULT_CLASSES
};
extern const char *const result_class_names[RESULT_CLASSES];

/* Calls of one method; the one behind the last method stands for what is none. */
struct calls {
	uint64_t good, bad;
	struct histogram us;
};

struct observe_counts {
	/* ledgers */
	struct steady validated_at;     /* of the newest; ms 0: none yet */
	int64_t interval_ms;            /* before it */
	uint64_t txs_before;            /* validated when it was */
	struct histogram interval, txs; /* ms; number */
	struct rounds rounds;
	/* clients */
	uint64_t submits[RESULT_CLASSES], reply_bytes, again;
	struct calls calls[OBSERVE_METHODS_MAX + 1];
};
extern const struct histogram_scale scale_txs, scale_call_us;

struct observe {
	struct observe_options o;
	uv_timer_t tick;
	struct watchdog *dog;
	struct agreement *agreement;
	uint64_t lists_version;
	struct steady started, ticked, notified;
	uint64_t started_unix_ms, notify_ms; /* notify_ms 0: no service manager's watchdog */
	bool ready, stopping;
	struct health health; /* as last said in the log */
	uint32_t methods;
	uint64_t scrape_us;
	uint64_t busy; /* requests refused for want of capacity, as of the last tick; last: */
	struct steady busy_at;
	uv_work_t heap_work; /* a thread of the pool goes through the heap */
	bool heap_busy, heap_known;
	struct steady heap_at;
	struct process_heap heap, heap_next;
	struct observe_counts c;
};

/* What everything is computed from, gathered once for an answer. */
struct facts {
	struct now now;
	struct node_status node;
	struct uv_disk_status disk;
	struct front_stats front;
	struct health_facts health_facts;
	struct health health;
};
void observe_facts(struct observe *ob, struct facts *f);
/* Has the heap looked at anew, if that was long ago; ob->heap is as of the last time. */
void observe_heap(struct observe *ob);
/* The first list in force ends in *left_s; false: there are no lists, or they never end. */
bool observe_list_left(const struct observe *ob, struct now now, int64_t *left_s);

/* observe_count.c */
void count_open(struct observe *ob);
void count_members(struct observe *ob);
const char *cons_mode_name(enum cons_mode m);

/* metrics*.c */
void metrics_write(struct observe *ob, struct prom *p);
void metrics_serve(struct observe *ob, struct prom *p, const struct facts *f);
void metrics_machine(struct observe *ob, struct prom *p, const struct facts *f);
void metrics_peers(struct observe *ob, struct prom *p);

#endif
