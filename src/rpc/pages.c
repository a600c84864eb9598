/* SPDX-License-Identifier: ISC */
#include "rpc/envelope.h"
#include "rpc/state.h"

/* Answers that are too long to be held whole (RPC_REPLY_IN_PIECES).
 *
 *     method ─► later.more ─► ... ─┬─ all of it within RPC_AT_ONCE_BYTES: a reply like any other
 *                                  └─ more: host->reply_pages ─► next ─► later.more ─► ...
 *
 * The ledger it is about stays referenced. What had to be checked has been before the first piece:
 * when the store fails after it, the result ends with the error's members. */

static uint32_t kilobytes(const struct rpc_call *c)
{
	return (uint32_t)(c->w.out.n / 1024) * RPC_COST_PER_KB;
}

static uint64_t now_us(const struct rpc_call *c)
{
	return c->host->us ? c->host->us(c->host->ctx) : 0;
}

static bool next(void *ctx, struct buf *out)
{
	struct rpc_call *c = ctx;
	const struct rpc_host *host = c->host;
	uint64_t began = now_us(c);
	bool more = true;

	if (c->sent > 0)
		more = c->later.more(c);
	/* What was written before the first piece has been charged. */
	if (c->sent > 0 && host->charge)
		c->warn |= host->charge(host->ctx, &c->from, kilobytes(c));
	if (!more)
		rpc_write_end(c);
	c->sent += c->w.out.n;
	*out = c->w.out;
	c->w.out = BUF_INIT;
	c->worked_us += now_us(c) - began;
	return more;
}

static void end(void *ctx)
{
	struct rpc_call *c = ctx;

	c->came_us = now_us(c) - c->worked_us; /* the reader's time is not ours */
	rpc_tell_done(c);
	rpc_call_free(c);
}

void rpc_reply_in_pieces(struct rpc_call *c)
{
	const struct rpc_host *host = c->host;
	/* The open ledger changes as soon as we let go of it. */
	bool whole = c->batch || c->idem || !host->reply_pages || !c->ledger.closed, more = true;
	struct rpc_pages pages = {.ctx = c, .next = next, .close = end};

	while (more && (whole || c->w.out.n < RPC_AT_ONCE_BYTES))
		more = c->later.more(c);
	if (!more) {
		rpc_finish(c);
		return;
	}
	c->in_pieces = true;
	c->worked_us = now_us(c) - c->came_us;
	c->key = NULL;
	rpc_begin_pieces(c);
	host->reply_pages(host->ctx, c->from.request, 200, &pages);
}
