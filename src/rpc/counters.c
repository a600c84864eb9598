/* SPDX-License-Identifier: ISC */
#include "rpc/call.h"
#include "rpc/state.h"

#include "base/limits.h"

/* Calls by method, as "counters" of server_info and server_state show them, and those that are
 * being worked on (rippled: PerfLogImp.cpp). */

void counters_note(struct rpc *r, const struct rpc_method *m, bool failed, uint64_t us)
{
	size_t n;
	const struct rpc_method *all = rpc_methods(&n);
	struct rpc_count *count;

	if (!m)
		return;
	if (!r->counts)
		r->counts = mem_zalloc(n, sizeof(*r->counts));
	count = &r->counts[m - all];
	count->finished += !failed;
	count->failed += failed;
	count->us += us;
}

static uint64_t waiting(const struct rpc *r, const struct rpc_method *m)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < RPC_PENDING_MAX; i++)
		n += r->parked[i] && r->parked[i]->method == m;
	return n;
}

static void write_count(struct jw *w, const char *name, const struct rpc_count *c, uint64_t open)
{
	jw_put_open(w, name, '{');
	jw_put_text_u64(w, "duration_us", c->us);
	jw_put_text_u64(w, "errored", c->failed);
	jw_put_text_u64(w, "finished", c->finished);
	jw_put_text_u64(w, "started", c->finished + c->failed + open);
	jw_end(w, '}');
}

static void write_methods(struct rpc_call *c)
{
	struct rpc_count total = {0};
	uint64_t open_all = 0;
	size_t n;
	const struct rpc_method *all = rpc_methods(&n);

	for (size_t i = 0; c->r->counts && i < n; i++) {
		const struct rpc_count *k = &c->r->counts[i];
		uint64_t open = waiting(c->r, &all[i]);

		if (!k->finished && !k->failed && !open)
			continue;
		write_count(&c->w, all[i].name, k, open);
		total.finished += k->finished;
		total.failed += k->failed;
		total.us += k->us;
		open_all += open;
	}
	if (total.finished || total.failed || open_all)
		write_count(&c->w, "total", &total, open_all);
}

void counters_write(struct rpc_call *c)
{
	uint64_t now = c->host->us ? c->host->us(c->host->ctx) : 0;
	struct jw *w = &c->w;

	jw_put_open(w, "counters", '{');
	jw_put_open(w, "rpc", '{');
	write_methods(c);
	jw_end(w, '}');
	jw_put_open(w, "job_queue", '{');
	jw_end(w, '}');
	jw_end(w, '}');
	jw_put_open(w, "current_activities", '{');
	jw_put_open(w, "jobs", '[');
	jw_end(w, ']');
	jw_put_open(w, "methods", '[');
	for (uint32_t i = 0; i < RPC_PENDING_MAX; i++) {
		const struct rpc_call *other = c->r->parked[i];

		if (!other || !other->method)
			continue;
		jw_open(w, '{');
		jw_put_text_u64(w, "duration_us", now - other->came_us);
		jw_put_str(w, "method", other->method->name);
		jw_end(w, '}');
	}
	jw_end(w, ']');
	jw_end(w, '}');
}
