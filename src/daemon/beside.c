/* SPDX-License-Identifier: ISC */
#include "daemon/beside.h"

#include "base/limits.h"
#include "base/mem.h"
#include "daemon/hooks.h"
#include "daemon/keeper.h"
#include "os/clock.h"
#include "rpc/uv_http.h"

/* What a peer has said last. */
struct peer_said {
	uint32_t peer; /* 0: free */
	uint32_t seq, first, last;
	struct hash256 closed;
};

struct beside {
	uv_timer_t tick;
	struct keeper *keeper;
	struct hooks *hooks;
	struct rpc *rpc;
	struct serve *serve;
	struct peer_said said[PEERS_MAX];
	uint32_t next_said;
	int parts; /* that have not ended */
	bool stopping;
	void (*done)(void *ctx);
	void *done_ctx;
};

static struct beside *of(void *ctx)
{
	return *(struct beside **)ctx;
}

/* ---- What the API asks for */

static void on_tick(uv_timer_t *t)
{
	struct beside *b = t->data;

	rpc_tick(b->rpc);
}

static void host_wake(void *ctx, uint32_t ms)
{
	struct beside *b = of(ctx);

	if (!b->stopping &&
	    (!uv_is_active((uv_handle_t *)&b->tick) || uv_timer_get_due_in(&b->tick) > ms))
		uv_timer_start(&b->tick, on_tick, ms, 0);
}

static enum err host_kept(void *ctx, const struct hash256 *key, struct buf *out)
{
	return keeper_get(of(ctx)->keeper, key, out);
}

static void host_keep(void *ctx, const struct rpc_keep *row, uint64_t token)
{
	keeper_put(of(ctx)->keeper, row, token);
}

static uint64_t host_hook(void *ctx, const struct rpc_hook *want, bool make, struct why *why)
{
	return hooks_find(of(ctx)->hooks, want, make, why);
}

static void host_hook_end(void *ctx, uint64_t conn)
{
	hooks_end(of(ctx)->hooks, conn);
}

static bool host_push(void *ctx, uint64_t conn, struct rpc_text *text)
{
	struct beside *b = of(ctx);

	if (conn & HOOK_CONN)
		return hooks_push(b->hooks, conn, text);
	return b->serve && serve_push(b->serve, conn, text);
}

static size_t host_queued(void *ctx, uint64_t conn)
{
	struct beside *b = of(ctx);

	if (conn & HOOK_CONN)
		return hooks_queued(b->hooks, conn);
	return b->serve ? front_queued(serve_front(b->serve), conn) : 0;
}

static void host_reply_with(void *ctx, uint64_t request, int status, const char *headers,
			    struct bytes body)
{
	struct beside *b = of(ctx);

	if (b->serve)
		front_reply_with(serve_front(b->serve), request, status, NULL, headers, body);
}

void beside_fill_host(struct rpc_host *host)
{
	host->wake = host_wake;
	host->kept = host_kept;
	host->keep = host_keep;
	host->hook = host_hook;
	host->hook_end = host_hook_end;
	host->push = host_push;
	host->queued = host_queued;
	host->reply_with = host_reply_with;
}

/* ---- Peers */

static struct peer_said *said_of(struct beside *b, uint32_t peer)
{
	struct peer_said *s;

	for (uint32_t i = 0; i < PEERS_MAX; i++)
		if (b->said[i].peer == peer)
			return &b->said[i];
	s = &b->said[b->next_said++ % PEERS_MAX]; /* the oldest has gone */
	*s = (struct peer_said){.peer = peer};
	return s;
}

void beside_on_status(struct beside *b, uint32_t peer, const struct msg *m)
{
	struct peer_said *s = said_of(b, peer);
	struct rpc_peer_status out = {.ledger = m->status.closed,
				      .seq = m->status.closed_seq,
				      .switched = m->status.closed_seq <= s->seq,
				      .first = m->status.first,
				      .last = m->status.last,
				      .date = m->status.net_time};
	bool same = hash256_eq(&s->closed, &m->status.closed);

	if (!b->rpc || b->stopping ||
	    (same && s->first == m->status.first && s->last == m->status.last))
		return;
	out.switched = out.switched && !same;
	s->seq = m->status.closed_seq;
	s->closed = m->status.closed;
	s->first = m->status.first;
	s->last = m->status.last;
	rpc_on_peer(b->rpc, &out);
}

/* ---- Life */

static void on_kept(void *ctx, uint64_t token, enum err err)
{
	struct beside *b = ctx;

	if (b->rpc)
		rpc_kept(b->rpc, token, err);
}

struct beside *beside_open(uv_loop_t *loop, const struct config *config)
{
	struct beside *b = mem_zalloc(1, sizeof(*b));

	uv_timer_init(loop, &b->tick);
	b->tick.data = b;
	b->keeper = keeper_open(loop, config->data_dir, on_kept, b);
	b->hooks = hooks_open(loop, *config->list_ca_file ? config->list_ca_file : NULL);
	b->parts = 3;
	return b;
}

void beside_bind(struct beside *b, struct rpc *rpc, struct serve *serve)
{
	b->rpc = rpc;
	b->serve = serve;
}

static void part_done(void *ctx)
{
	struct beside *b = ctx;

	if (--b->parts == 0)
		b->done(b->done_ctx);
}

static void tick_closed(uv_handle_t *t)
{
	part_done(t->data);
}

void beside_stop(struct beside *b, void (*done)(void *ctx), void *ctx)
{
	b->stopping = true;
	b->done = done;
	b->done_ctx = ctx;
	uv_close((uv_handle_t *)&b->tick, tick_closed);
	hooks_stop(b->hooks, part_done, b);
	keeper_stop(b->keeper, part_done, b);
}

void beside_free(struct beside *b)
{
	if (!b)
		return;
	keeper_free(b->keeper);
	hooks_free(b->hooks);
	mem_free(b);
}
