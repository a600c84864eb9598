/* SPDX-License-Identifier: ISC */
#include "daemon/observe_impl.h"

#include "base/mem.h"
#include "os/clock.h"
#include "os/log.h"
#include "os/notify.h"

#include <stdio.h>

#define TICK_MS       500
#define LIVE_MS       2000  /* the loop is alive when it has ticked within */
#define TELL_EVERY_MS 10000 /* the service manager, of what goes on */
#define BUSY_MS       5000  /* after a request was refused the node counts as overloaded */
#define HEAP_EVERY_MS 10000

bool observe_list_left(const struct observe *ob, struct now now, int64_t *left_s)
{
	const struct publishers *p = ob->o.lists ? lists_publishers(ob->o.lists) : NULL;
	struct net_time at;

	if (!p || !publishers_count(p))
		return false;
	if (!publishers_expire(p, &at))
		at = now.net; /* a publisher has none in force */
	if (at.s == UINT32_MAX)
		return false;
	*left_s = (int64_t)at.s - (int64_t)now.net.s;
	return true;
}

void observe_facts(struct observe *ob, struct facts *f)
{
	*f = (struct facts){.now = clock_now()};
	node_get_status(uv_node_machine(ob->o.node), f->now, &f->node);
	uv_node_disk(ob->o.node, &f->disk);
	front_stats_get(ob->o.front, &f->front);
	f->node.stopping |= ob->stopping;
	f->health_facts = (struct health_facts){
	    .node = &f->node,
	    .stage = f->disk.stage,
	    .ledger_age_ms = f->node.counters.ledgers_validated
				 ? steady_since(f->node.validated_at, f->now.steady)
				 : -1,
	    .lag_ms = f->front.lag_ms,
	    .in_flight = f->front.in_flight,
	    .busy = ob->busy && steady_since(ob->busy_at, f->now.steady) < BUSY_MS,
	};
	f->health_facts.list_known = observe_list_left(ob, f->now, &f->health_facts.list_left_s);
	health_judge(&f->health, &f->health_facts);
}

/* ---- the heap, which takes too long to look at for the loop's thread */

static void heap_run(uv_work_t *w)
{
	struct observe *ob = w->data;

	process_heap_get(&ob->heap_next);
}

static void heap_done(uv_work_t *w, int status)
{
	struct observe *ob = w->data;

	ob->heap_busy = false;
	if (status != 0)
		return;
	ob->heap = ob->heap_next;
	ob->heap_known = true;
}

void observe_heap(struct observe *ob)
{
	struct steady now = clock_steady();

	if (ob->heap_busy || ob->stopping ||
	    (ob->heap_known && steady_since(ob->heap_at, now) < HEAP_EVERY_MS))
		return;
	ob->heap_at = now;
	ob->heap_work.data = ob;
	ob->heap_busy = uv_queue_work(ob->o.loop, &ob->heap_work, heap_run, heap_done) == 0;
}

/* ---- as time passes */

/* Said when it changes. While the node starts it is not healthy, which is no news. */
static void log_health(struct observe *ob, const struct facts *f)
{
	struct buf names = BUF_INIT;

	if (!memcmp(&f->health, &ob->health, sizeof(f->health)))
		return;
	for (enum health_row r = 0; r < HEALTH_ROWS; r++)
		if (f->health.is[r])
			buf_printf(&names, "%s%s", names.n ? " " : "", health_name(r));
	buf_put_u8(&names, 0);
	if (f->health.healthy != ob->health.healthy)
		log_fields(f->health.healthy ? LOG_INFO : LOG_WARN, "health",
			   f->health.healthy ? "healthy" : "not healthy",
			   F_TEXT("reasons", names.n > 1 ? (const char *)names.p : NULL));
	else if (names.n > 1)
		log_fields(LOG_INFO, "health", f->health.healthy ? "healthy" : "not healthy",
			   F_TEXT("reasons", (const char *)names.p));
	buf_close(&names);
	ob->health = f->health;
}

/* WATCHDOG=1 comes from the loop, so that it speaks for the loop. */
static void tell_manager(struct observe *ob, const struct facts *f)
{
	uint64_t every = ob->notify_ms && ob->notify_ms < TELL_EVERY_MS ? ob->notify_ms
									: TELL_EVERY_MS;
	char text[160];

	if (!ob->ready || steady_since(ob->notified, f->now.steady) < (int64_t)every)
		return;
	ob->notified = f->now.steady;
	snprintf(text, sizeof(text), "%sSTATUS=%s, %s, ledger %u, %u peers",
		 ob->notify_ms ? "WATCHDOG=1\n" : "", f->health.healthy ? "healthy" : "not healthy",
		 node_state_name(f->node.state), f->node.consensus.validated_seq, f->node.peers);
	(void)notify_send(text);
}

static void on_tick(uv_timer_t *timer)
{
	struct observe *ob = timer->data;
	struct facts f;

	watchdog_tick(ob->dog);
	ob->ticked = clock_steady();
	agreement_tick(ob->agreement, ob->ticked);
	observe_facts(ob, &f);
	if (f.front.busy != ob->busy) {
		ob->busy = f.front.busy;
		ob->busy_at = ob->ticked;
	}
	log_health(ob, &f);
	tell_manager(ob, &f);
}

/* ---- open, close */

struct observe *observe_open(const struct observe_options *o)
{
	struct observe *ob = mem_zalloc(1, sizeof(*ob));

	ob->o = *o;
	ob->started = ob->ticked = clock_steady();
	ob->started_unix_ms = clock_unix_ms();
	ob->notify_ms = notify_watchdog_ms();
	count_open(ob);
	must(uv_timer_init(o->loop, &ob->tick) == 0);
	ob->tick.data = ob;
	must(uv_timer_start(&ob->tick, on_tick, TICK_MS, TICK_MS) == 0);
	return ob;
}

void observe_ready(struct observe *ob)
{
	struct facts f;

	ob->dog = watchdog_start();
	ob->ready = true;
	(void)notify_send("READY=1");
	observe_facts(ob, &f);
	tell_manager(ob, &f);
}

void observe_stop(struct observe *ob)
{
	ob->stopping = true;
	if (ob->ready)
		(void)notify_send("STOPPING=1");
	watchdog_stop(ob->dog);
	ob->dog = NULL;
	uv_close((uv_handle_t *)&ob->tick, NULL);
}

void observe_free(struct observe *ob)
{
	if (!ob)
		return;
	agreement_close(ob->agreement);
	mem_free(ob);
}

/* ---- answers */

static const char json[] = "application/json; charset=UTF-8";
static const char fresh[] = "Cache-Control: no-store\r\n";

static void get_live(struct observe *ob, const struct front_request *req)
{
	int64_t age = steady_since(ob->ticked, clock_steady());
	bool live = age < LIVE_MS;
	char text[64];

	if (req->role == FRONT_PUBLIC)
		snprintf(text, sizeof(text), "{\"live\":%s}\n", live ? "true" : "false");
	else
		snprintf(text, sizeof(text), "{\"live\":%s,\"tick_ms\":%lld}\n",
			 live ? "true" : "false", (long long)age);
	front_reply_with(ob->o.front, req->id, live ? 200 : 503, json, fresh, bytes_str(text));
}

static void get_health(struct observe *ob, const struct front_request *req)
{
	struct buf out = BUF_INIT;
	struct facts f;

	observe_facts(ob, &f);
	health_write(&out, &f.health, &f.health_facts, req->role != FRONT_PUBLIC);
	front_reply_with(ob->o.front, req->id, f.health.healthy ? 200 : 503, json, fresh,
			 buf_bytes(&out));
	buf_close(&out);
}

static void get_metrics(struct observe *ob, const struct front_request *req)
{
	uint64_t began = uv_hrtime();
	struct prom p = {0};

	metrics_write(ob, &p);
	front_reply_with(ob->o.front, req->id, 200, "text/plain; version=0.0.4; charset=utf-8",
			 fresh, buf_bytes(&p.out));
	buf_close(&p.out);
	ob->scrape_us = (uv_hrtime() - began) / 1000;
}

static bool is_path(const struct front_request *req, const char *path)
{
	return bytes_eq(req->path, bytes_str(path));
}

void observe_get(struct observe *ob, const struct front_request *req)
{
	static const char hint[] = "POST JSON-RPC here, or open a WebSocket\n";
	static const char only[] = "GET /livez, /health, /metrics\n";

	if (is_path(req, "/livez"))
		get_live(ob, req);
	else if (is_path(req, "/health"))
		get_health(ob, req);
	else if (is_path(req, "/metrics") && (req->role != FRONT_PUBLIC || ob->o.public_metrics))
		get_metrics(ob, req);
	else
		front_reply(ob->o.front, req->id, 404, "text/plain",
			    bytes_str(req->role == FRONT_METRICS ? only : hint));
}
