/* SPDX-License-Identifier: ISC */
#ifndef TALLY_RPC_CACHE_H
#define TALLY_RPC_CACHE_H

#include "rpc/call.h"

/* Replies that are given again while nothing that they were computed on has changed.
 *
 *     request's bytes ─► key ─► kept reply ─┬─ still holds ─► charged, told, sent
 *                                           └─ does not, or there is none ─► computed, kept
 *
 * The key is the request's text, whether it came over WebSocket, and whether from an administrator.
 * Clients number their WebSocket requests, so there the value of the member "id" is cut out of the
 * text and put into the reply anew; only a plain number or a plain text is, whose form in the reply
 * is what stands in the request.
 *
 * Only whole answers without a fault and without a warning are kept, of methods marked KEPT. An
 * answer is never older than the newest ledger that was announced: what was computed on the open
 * ledger holds until the next step of the node, on the newest validated ledger until the next one
 * is validated, and what is said of a ledger that was named by hash or number, or of a validated
 * transaction, while that ledger can be searched. Nothing is given again while the node is not in
 * step. */

#define CACHE_REQUEST_MAX 2048 /* bytes of a request that may be kept */
#define CACHE_REPLY_MAX   (RPC_REPLY_SOFT_MAX + (64u << 10))

struct cache;

struct cache_key {
	struct bytes before, id, after; /* the request; id.n 0: `before` is all of it */
	uint8_t origin;
	uint64_t hash;
};

struct kept_reply {
	const struct rpc_method *method;
	uint32_t cost;
	uint32_t echo_at;     /* where a warning would stand */
	uint32_t id_at, id_n; /* the value of "id"; n 0: there is none, or it is the same */
	enum rpc_holds holds;
	uint32_t seq; /* RPC_HOLDS_HISTORY: of the ledger */
	struct bytes text;
};

struct cache *cache_open(const struct rpc_host *host, bool standalone);
/* NULL is fine for both. */
void cache_close(struct cache *c);
void cache_clear(struct cache *c);
/* False when a request like this is not looked up. */
bool cache_key(struct cache_key *out, const struct cache *c, const struct rpc_origin *from,
	       struct bytes body);
/* The reply to the same request if it still holds, or NULL; lives until the next call. */
const struct kept_reply *cache_find(struct cache *c, const struct cache_key *key);
/* Keeps a copy, in the place of an older one. */
void cache_keep(struct cache *c, const struct cache_key *key, const struct kept_reply *reply);
/* The reply's text for this request: with its id, and with the warning. A view of the kept text or
 * of `out`. */
struct bytes cache_text(const struct kept_reply *k, const struct cache_key *key, bool warn,
			struct buf *out);
/* Keeps the text where it is until cache_release(), whatever becomes of the cache. */
void *cache_hold(const struct kept_reply *k);
void cache_release(void *held);
/* For tests: how many are kept, and their bytes. */
void cache_size(const struct cache *c, uint32_t *n, uint64_t *bytes);

#endif
