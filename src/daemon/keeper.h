/* SPDX-License-Identifier: ISC */
#ifndef TALLY_DAEMON_KEEPER_H
#define TALLY_DAEMON_KEEPER_H

#include "rpc/rpc.h"
#include "store/keep.h"

#include <uv.h>

/* Writes what the API wants to be kept (store/keep.h), on a worker: one transaction at a time, with
 * all that was asked for while the one before was being written. The loop only reads. When the
 * environment cannot be opened or written, each write says so; the node goes on without it. */
struct keeper;

/* kept() is called on the loop for each write, never within keeper_put. */
struct keeper *keeper_open(uv_loop_t *loop, const char *folder,
			   void (*kept)(void *ctx, uint64_t token, enum err err), void *ctx);
enum err keeper_get(struct keeper *k, const struct hash256 *key, struct buf *out) MUST_USE;
void keeper_put(struct keeper *k, const struct rpc_keep *row, uint64_t token);
/* Ends when nothing is being written any more: done(ctx), perhaps at once; then keeper_free. */
void keeper_stop(struct keeper *k, void (*done)(void *ctx), void *ctx);
void keeper_free(struct keeper *k); /* NULL is fine */

#endif
