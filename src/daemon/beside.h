/* SPDX-License-Identifier: ISC */
#ifndef TALLY_DAEMON_BESIDE_H
#define TALLY_DAEMON_BESIDE_H

#include "daemon/serve.h"
#include "net/wire.h"
#include "rpc/rpc.h"

/* What the API has done beside the node and the front: its clock (rpc_tick), what it keeps on disk
 * (keeper.h), URLs that it posts to (hooks.h), and what peers say of themselves. */
struct beside;

struct beside *beside_open(uv_loop_t *loop, const struct config *config);
/* Takes its places in the host, whose ctx must point to a pointer to it. */
void beside_fill_host(struct rpc_host *host);
/* Whom to call; serve NULL: there is no front yet. */
void beside_bind(struct beside *b, struct rpc *rpc, struct serve *serve);
/* A peer has said what it has. */
void beside_on_status(struct beside *b, uint32_t peer, const struct msg *m);
/* Nothing is asked of it any more: done(ctx) when all of it has ended, then beside_free. */
void beside_stop(struct beside *b, void (*done)(void *ctx), void *ctx);
void beside_free(struct beside *b); /* NULL is fine */

#endif
