/* SPDX-License-Identifier: ISC */
#ifndef TALLY_RPC_STATE_WALK_H
#define TALLY_RPC_STATE_WALK_H

#include "rpc/call.h"

/* A walk over all entries of c->ledger in the order of their indexes. For the open ledger it reads
 * the closed ledger below and puts the open one's changes over it, so that the open view does not
 * come to hold the whole state because somebody looked at it. */
struct state_change {
	struct hash256 key;
	const struct st_object *entry; /* NULL: erased; lives in the open view */
};
struct state_walk {
	struct rpc_call *c;
	struct tree_reader base;      /* of the closed ledger */
	struct state_change *changes; /* sorted */
	size_t n, cap;
	struct buf encoded;
};

bool state_walk_begin(struct rpc_call *c, struct state_walk *w);
/* The first entry after `after` (NULL: the very first). ABSENT at the end; UNAVAILABLE has been
 * turned into a fault. The entry lives until the call's arena is reset. */
enum found state_walk_next(struct state_walk *w, const struct hash256 *after, struct hash256 *key,
			   const struct st_object **entry);
/* The same as it is stored; data lives until the next look. */
enum found state_walk_next_bytes(struct state_walk *w, const struct hash256 *after,
				 struct hash256 *key, struct bytes *data);
void state_walk_end(struct state_walk *w);

#endif
