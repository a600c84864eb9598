/* SPDX-License-Identifier: ISC */
#ifndef TALLY_DAEMON_HOOKS_H
#define TALLY_DAEMON_HOOKS_H

#include "rpc/rpc.h"

#include <uv.h>

/* URLs that administrators have messages of streams posted to (subscribe's "url"), through libcurl
 * on the loop. To the API each is a connection; their numbers have the upper bit set.
 *
 *     message ──► queue of the URL ──► POST {"method":"event","params":[message],"id":1}
 *                 (bounded: the oldest goes)     one at a time, in order, tried again
 *
 * Messages are numbered in "seq" as they come, from 1: a gap tells that some were dropped, because
 * the server did not take them in time or refused them each time. https is checked against the
 * certificates of ca_file or, without it, the system's; redirects are not followed. Names and
 * passwords are never logged, and a URL only without what stands before an @ or behind a ?. */
struct hooks;

#define HOOK_CONN       (1ull << 63)
#define HOOKS_MAX       32
#define HOOK_MSGS_MAX   1024
#define HOOK_BYTES_MAX  (4u << 20)
#define HOOK_TRIES_MAX  4 /* of one message; the pauses between are 250 ms, 500 ms, 1 s */
#define HOOK_TIMEOUT_MS 10000

struct hooks *hooks_open(uv_loop_t *loop, const char *ca_file);
/* As rpc_host.hook. */
uint64_t hooks_find(struct hooks *h, const struct rpc_hook *want, bool make, struct why *why);
void hooks_end(struct hooks *h, uint64_t conn);
/* As rpc_host.push; false when there is no such URL (any more). */
bool hooks_push(struct hooks *h, uint64_t conn, struct rpc_text *text);
size_t hooks_queued(const struct hooks *h, uint64_t conn);
/* Ends all transfers; done(ctx) when no handle is open any more, then hooks_free. */
void hooks_stop(struct hooks *h, void (*done)(void *ctx), void *ctx);
void hooks_free(struct hooks *h);

#endif
