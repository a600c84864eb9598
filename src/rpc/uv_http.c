/* SPDX-License-Identifier: ISC */
#include "rpc/uv_http.h"

#include "base/mem.h"
#include "os/log.h"
#include "rpc/uv_front.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#define SWEEP_MS         250
#define CLOSING_SWEEP_MS 20
#define OWN_HANDLES      5  /* flush, sweep, turn, and two of uv_turns.c */
#define SURPLUS_MAX      64 /* refused connections that are still being told so */

/* Ids */

#define ID_MASK (ID_SLOTS_MAX - 1)

uint64_t id_add(struct id_table *t, uint64_t value)
{
	uint32_t i;

	must(value != 0);
	if (t->free) {
		i = t->free - 1;
		t->free = t->slots[i].next_free;
	} else {
		if (t->n == t->cap) {
			t->cap = t->cap ? t->cap * 2 : 64;
			must(t->cap <= ID_SLOTS_MAX);
			t->slots = mem_resize(t->slots, t->cap, sizeof(*t->slots));
		}
		i = t->n++;
	}
	t->slots[i] = (struct id_slot){.id = (++t->serial << 20) | i, .value = value};
	return t->slots[i].id;
}

uint64_t id_get(const struct id_table *t, uint64_t id)
{
	uint64_t i = id & ID_MASK;

	return id && i < t->n && t->slots[i].id == id ? t->slots[i].value : 0;
}

void id_drop(struct id_table *t, uint64_t id)
{
	uint32_t i = (uint32_t)(id & ID_MASK);

	if (!id_get(t, id))
		return;
	t->slots[i] = (struct id_slot){.next_free = t->free};
	t->free = i + 1;
}

static struct front_conn *conn_of(const struct front_server *f, uint64_t id)
{
	return (struct front_conn *)(uintptr_t)id_get(&f->conn_ids, id);
}

/* Opening */

static void on_prepare(uv_prepare_t *handle)
{
	listeners_resume(handle->data);
	out_flush_all(handle->data);
	turns_renew(handle->data);
}

static void on_sweep(uv_timer_t *timer)
{
	struct front_server *f = timer->data;
	int64_t now = (int64_t)uv_now(f->loop), late = now - f->sweep_due;
	struct front_conn *next;

	f->stats.lag_ms = late > 0 ? (uint32_t)late : 0;
	front_probe_descriptors(f, now);
	out_relieve(f, now);
	f->sweep_due = now + (f->closing ? CLOSING_SWEEP_MS : SWEEP_MS);
	for (struct front_conn *c = f->conns; c; c = next) {
		next = c->next;
		if (f->closing && now >= f->cut_ms)
			conn_cut(c);
		else
			conn_sweep(c, now);
	}
}

static void start_sweep(struct front_server *f, uint64_t ms)
{
	f->sweep_due = (int64_t)(uv_now(f->loop) + ms);
	must(uv_timer_start(&f->sweep, on_sweep, ms, ms) == 0);
}

static void set_default(uint32_t *value, uint32_t otherwise)
{
	if (*value == 0)
		*value = otherwise;
}

/* As many connections as descriptors allow, beside what the rest of the process needs and those
 * that are refused in words: at its limit libuv would drop them without any. */
static void fit_to_descriptors(struct front_server *f)
{
	struct front_limits *l = &f->limits;
	struct rlimit r;
	uint64_t room;

	f->surplus_max = SURPLUS_MAX;
	if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur == RLIM_INFINITY)
		return;
	room = r.rlim_cur > l->fd_reserve ? r.rlim_cur - l->fd_reserve : 2;
	if (room / 4 < f->surplus_max)
		f->surplus_max = (uint32_t)(room / 4);
	room -= f->surplus_max;
	if (l->connections_max > room) {
		log_line(LOG_WARN, "rpc", "%llu descriptors allow %llu connections instead of %u",
			 (unsigned long long)r.rlim_cur, (unsigned long long)room,
			 l->connections_max);
		l->connections_max = (uint32_t)room;
	}
}

static void set_limits(struct front_limits *l)
{
	set_default(&l->connections_max, 12000);
	set_default(&l->fd_reserve, 128);
	set_default(&l->reserved_max, 128);
	set_default(&l->in_flight_max, 500);
	set_default(&l->ws_in_flight_max, 32);
	set_default(&l->queue_bytes_max, 16u << 20);
	set_default(&l->queue_msgs_max, 16384);
	set_default(&l->waiting_bytes_max, 192u << 20);
	set_default(&l->soft_bytes, 1u << 20);
	set_default(&l->soft_msgs, 100);
	set_default(&l->turn_us, 5000);
	set_default(&l->lag_ms_max, 2000);
	set_default(&l->head_ms, 5000);
	set_default(&l->body_ms, 15000);
	set_default(&l->body_grace_ms, 4000);
	set_default(&l->write_ms, 15000);
	set_default(&l->idle_ms, 30000);
	set_default(&l->answer_ms, 60000);
	set_default(&l->ping_ms, 30000);
	set_default(&l->handshake_ms, 5000);
	set_default(&l->give_way_ms, 2000);
	set_default(&l->ws_silent_ms, 60000);
	set_default(&l->handshake_percent, 20);
	set_default(&l->handshakes_waiting_max, 1024);
	set_default(&l->close_ms, 5000);
}

struct front_server *front_open(uv_loop_t *loop, const struct front_handler *handler,
				const struct front_limits *limits)
{
	struct front_server *f = mem_zalloc(1, sizeof(*f));

	f->loop = loop;
	f->handler = *handler;
	if (limits)
		f->limits = *limits;
	set_limits(&f->limits);
	fit_to_descriptors(f);
	f->pool.max = f->stats.connections_max = f->limits.connections_max;
	buckets_init(&f->accepts, f->limits.accepts_per_s, 4 * f->limits.accepts_per_s,
		     (uint64_t)(uintptr_t)f ^ uv_hrtime());
	signal(SIGPIPE, SIG_IGN); /* libuv writes without MSG_NOSIGNAL */
	must(uv_prepare_init(loop, &f->flush) == 0);
	must(uv_timer_init(loop, &f->sweep) == 0);
	f->flush.data = f->sweep.data = f;
	front_tls_init(f);
	turns_init(f);
	f->open_handles = OWN_HANDLES;
	must(uv_prepare_start(&f->flush, on_prepare) == 0);
	start_sweep(f, SWEEP_MS);
	return f;
}

/* Answering */

static void answer(struct front_server *f, uint64_t request, const struct http_reply *r)
{
	uint64_t conn = id_get(&f->request_ids, request);
	struct front_conn *c;

	if (!conn)
		return;
	id_drop(&f->request_ids, request);
	f->stats.in_flight--;
	c = conn_of(f, conn);
	if (c)
		conn_reply(c, r);
}

void front_reply_lent(struct front_server *f, uint64_t request, struct bytes body,
		      void (*release)(void *owner), void *owner)
{
	uint64_t conn = id_get(&f->request_ids, request);
	struct front_conn *c = conn ? conn_of(f, conn) : NULL;

	if (c && c->state == CONN_HTTP) {
		id_drop(&f->request_ids, request);
		f->stats.in_flight--;
		conn_reply_lent(c, front_shared_lend(body, release, owner));
	} else {
		front_reply(f, request, 200, NULL, body);
		release(owner);
	}
}

void front_reply_with(struct front_server *f, uint64_t request, int status,
		      const char *content_type, const char *extra, struct bytes body)
{
	struct http_reply r = {
	    .status = status, .content_type = content_type, .extra = extra, .body = body};

	answer(f, request, &r);
}

void front_reply_last(struct front_server *f, uint64_t request, int status, const char *extra,
		      struct bytes body)
{
	struct http_reply r = {.status = status, .extra = extra, .body = body, .close = true};

	answer(f, request, &r);
}

void front_reply(struct front_server *f, uint64_t request, int status, const char *content_type,
		 struct bytes body)
{
	front_reply_with(f, request, status, content_type, NULL, body);
}

void front_reply_pages(struct front_server *f, uint64_t request, int status,
		       const struct front_pages *pages)
{
	uint64_t conn = id_get(&f->request_ids, request);
	struct front_conn *c = conn ? conn_of(f, conn) : NULL;

	id_drop(&f->request_ids, request);
	if (c) {
		conn_reply_pages(c, status, pages);
		return;
	}
	if (conn)
		f->stats.in_flight--;
	pages->close(pages->ctx);
}

/* The reason goes ahead of all that has not begun to leave. */
static void close_slow(struct front_conn *c)
{
	char reason[WS_CONTROL_MAX - 1];

	snprintf(reason, sizeof(reason), "too slow: %u messages, %llu bytes waiting",
		 c->out.n + c->n_later, (unsigned long long)(c->out.bytes + c->later_bytes));
	conn_log(c, LOG_INFO, "client dropped", reason);
	c->f->stats.slow_closed++;
	out_drop(c);
	conn_ws_close(c, WS_CLOSE_POLICY, reason);
}

bool front_send(struct front_server *f, uint64_t conn, struct front_shared *s)
{
	struct front_conn *c = conn_of(f, conn);

	if (!c || c->state != CONN_WS)
		return false;
	out_conflate(c, s->conflate);
	if (c->out.n + c->n_later >= f->limits.queue_msgs_max ||
	    c->out.bytes + c->later_bytes + s->n > f->limits.queue_bytes_max) {
		close_slow(c);
		return false;
	}
	out_put(c, front_shared_ref(s));
	conn_idle(c, IDLE_WS);
	return true;
}

size_t front_queued(const struct front_server *f, uint64_t conn)
{
	const struct front_conn *c = conn_of(f, conn);

	return c ? c->out.bytes : 0;
}

void front_close_conn(struct front_server *f, uint64_t conn, uint16_t code, const char *reason)
{
	struct front_conn *c = conn_of(f, conn);

	if (c)
		conn_ws_close(c, code, reason);
}

void front_stats_get(const struct front_server *f, struct front_stats *out)
{
	*out = f->stats;
	out->in_flight_max = f->limits.in_flight_max;
}

/* Closing */

static void on_own_closed(uv_handle_t *handle)
{
	front_handle_closed(handle->data);
}

/* Connections and listeners first, then the handles of the server itself. */
void front_handle_closed(struct front_server *f)
{
	must(f->open_handles > 0);
	f->open_handles--;
	if (!f->closing)
		return;
	if (f->open_handles == OWN_HANDLES) {
		uv_close((uv_handle_t *)&f->flush, on_own_closed);
		uv_close((uv_handle_t *)&f->turn, on_own_closed);
		uv_close((uv_handle_t *)&f->turns.check, on_own_closed);
		uv_close((uv_handle_t *)&f->turns.idle, on_own_closed);
		uv_close((uv_handle_t *)&f->sweep, on_own_closed);
	} else if (f->open_handles == 0 && f->done) {
		f->done(f->done_ctx);
	}
}

static void close_one(struct front_conn *c, uint16_t code)
{
	if (c->state == CONN_WS)
		conn_ws_close(c, code, "server is stopping");
	else if (c->state == CONN_HTTP && (c->request || pages_under_way(c)))
		c->keep_alive = false; /* after its reply */
	else if (c->state == CONN_HTTP)
		conn_linger(c);
}

void front_close_all(struct front_server *f, uint16_t code, uint32_t within_ms,
		     void (*done)(void *ctx), void *ctx)
{
	struct front_conn *next;

	must(!f->closing);
	f->closing = true;
	f->done = done;
	f->done_ctx = ctx;
	uv_update_time(f->loop);
	f->cut_ms = (int64_t)(uv_now(f->loop) + within_ms);
	for (struct front_listener *l = f->listeners; l; l = l->next)
		listener_close(l);
	for (struct front_conn *c = f->conns; c; c = next) {
		next = c->next;
		close_one(c, code);
	}
	start_sweep(f, CLOSING_SWEEP_MS);
	if (f->open_handles == OWN_HANDLES) { /* nothing was open */
		f->open_handles++;
		front_handle_closed(f);
	}
}

void front_free(struct front_server *f)
{
	struct front_listener *next;

	must(f->open_handles == 0);
	out_flush_all(f); /* frees connections that were on the list when they closed */
	for (struct front_listener *l = f->listeners; l; l = next) {
		next = l->next;
		listener_free(l);
	}
	mem_free(f->conn_ids.slots);
	mem_free(f->request_ids.slots);
	hmap_close(&f->addresses);
	mem_free(f);
}
