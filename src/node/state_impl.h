/* SPDX-License-Identifier: ISC */
#ifndef TALLY_NODE_STATE_IMPL_H
#define TALLY_NODE_STATE_IMPL_H

#include "node/node_impl.h"

/* Shared by state.c (whom to ask for what, and for how long) and state_tree.c (what an answer
 * does to the tree).
 *
 *      stack of places ──► batches, each with one peer ──► answers ──► tree
 *            ▲                    │ late, refused,             │
 *            └────────────────────┴─ or in part ◄──────────────┘ children that differ
 */

#define STATE_BATCH      512 /* places asked for at once */
#define STATE_BATCHES    16  /* under way, of all peers */
#define STATE_PER_PEER   3
#define STATE_ALL_KEYS   (1ull << 60)
#define STATE_HASH_EVERY 4096         /* nodes */
#define STATE_LOG_MAX    (8u << 20)   /* entries that wait to be written */
#define STATE_LOG_BLOCK  (128u << 10) /* written at once */

struct state_want {
	struct msg_path path;
	struct hash256 hash; /* as the parent names it */
};

struct state_batch {
	uint32_t peer; /* 0: not under way */
	uint32_t n;
	struct steady until; /* then it is asked of another */
	struct state_want want[STATE_BATCH];
};

/* How a peer does in this fetch. */
struct supplier {
	uint32_t id;
	uint32_t flying;     /* batches */
	bool lacks;          /* has said that it does not have this ledger's state */
	bool good;           /* has delivered */
	struct steady rests; /* is not asked before */
};

struct state_fetch {
	struct ledger_header header;
	struct hash256 hash;
	enum msg_tree phase;    /* the state first, then the transactions with metadata */
	struct tree base, tree; /* of the phase: what we had; what is becoming the wanted one */
	struct tree state;      /* done, in the second phase */
	struct state_want *stack;
	uint32_t n, cap;
	struct state_batch batch[STATE_BATCHES];
	struct supplier peer[PEERS_MAX];
	uint32_t n_peers, turn;
	struct steady progress; /* of the last new verified bytes */
	uint64_t nodes, bytes, settled;
	struct buf log; /* entries for the file of the join */
	bool complete;
};

enum state_taken {
	STATE_TAKEN,
	STATE_WRONG,        /* not what the parent names: the peer lies */
	STATE_NOT_READABLE, /* our own store's fault, never the peer's */
};

void state_push(struct state_fetch *f, const struct state_want *w);
enum state_taken state_take(struct state_fetch *f, const struct state_want *w, struct bytes wire);

#endif
