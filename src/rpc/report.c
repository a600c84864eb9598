/* SPDX-License-Identifier: ISC */
#include "rpc/cache.h"
#include "rpc/methods.h"
#include "rpc/state.h"
#include "rpc/subs.h"

#include "base/limits.h"

/* What operators see of the API, and `status`: ours, the reference has no such method. */

void rpc_counts_get(const struct rpc *r, struct rpc_counts *out)
{
	*out = (struct rpc_counts){.pending = RPC_PENDING_MAX - r->n_free};
	subs_count(r->subs, &out->subscribers, &out->topics);
	if (r->cache)
		cache_size(r->cache, &out->kept, &out->kept_bytes);
}

void method_status(struct rpc_call *c)
{
	if (!c->host->status) {
		rpc_fail(c, RPC_NOT_SUPPORTED);
		return;
	}
	jw_put_open(&c->w, "info", '{');
	c->host->status(c->host->ctx, &c->w);
	jw_end(&c->w, '}');
}
