/* SPDX-License-Identifier: ISC */
#include "rpc/cache.h"
#include "rpc/state.h"

/* What ends every answer: the host is told, and the reply kept for whoever asks the same. */

#define WORTH_IT 4096 /* bytes: to be sent from where they are kept */

/* d has all but what is the same for all. */
static void tell(struct rpc *r, struct rpc_done *d, const struct rpc_method *method,
		 uint64_t came_us)
{
	const struct rpc_host *host = &r->host;
	size_t n;

	if (method) {
		d->method = method->name;
		d->index = (uint32_t)(method - rpc_methods(&n));
	}
	if (host->us)
		d->us = host->us(host->ctx) - came_us;
	counters_note(r, method, d->error != NULL, d->us);
	if (host->done)
		host->done(host->ctx, d);
}

void rpc_tell_done(const struct rpc_call *c)
{
	struct rpc_done d = {.from = &c->from,
			     .error = c->fault.token,
			     .bytes = c->sent + c->w.out.n,
			     .ledger = c->ledger.seq};

	tell(c->r, &d, c->method, c->came_us);
}

void rpc_keep_answer(const struct rpc_call *c)
{
	struct kept_reply k = {.method = c->method,
			       .cost = c->cost,
			       .echo_at = c->echo_at,
			       .id_at = c->id_at,
			       .id_n = c->id_n,
			       .holds = c->holds,
			       .seq = c->holds_seq,
			       .text = buf_bytes(&c->w.out)};

	if (c->key && !c->batch && c->method && c->method->keep && !c->fault.token && !c->warn)
		cache_keep(c->r->cache, c->key, &k);
}

bool rpc_answer_again(struct rpc *r, const struct rpc_origin *from, const struct cache_key *key)
{
	const struct rpc_host *host = &r->host;
	uint64_t came_us = host->us ? host->us(host->ctx) : 0;
	const struct kept_reply *k = cache_find(r->cache, key);
	struct rpc_done d = {.from = from, .again = true};
	struct bytes text;
	bool warn;

	if (!k)
		return false;
	r->requests++;
	warn = host->charge && host->charge(host->ctx, from, k->cost);
	text = cache_text(k, key, warn, &r->again);
	d.bytes = text.n;
	tell(r, &d, k->method, came_us);
	if (host->reply_kept && text.p == k->text.p && text.n >= WORTH_IT)
		host->reply_kept(host->ctx, from->request, text, cache_release, cache_hold(k));
	else
		host->reply(host->ctx, from->request, 200, text);
	return true;
}
