/* SPDX-License-Identifier: ISC */
#ifndef TALLY_RPC_STATE_H
#define TALLY_RPC_STATE_H

#include "base/hmap.h"
#include "rpc/rpc.h"

/* What the API remembers between requests. Private to rpc. */
struct rpc_call;
struct cache_key;
struct settings;
struct subs;
struct cache;
struct history_feed;
struct idem;

/* Answered calls of a method. */
struct rpc_count {
	uint64_t finished, failed, us;
};

struct rpc {
	struct rpc_host host;
	struct rpc_call **parked; /* calls that wait for the node, RPC_PENDING_MAX slots */
	uint32_t *free_slots;
	uint32_t n_free;
	uint64_t generation;      /* of tokens: a late answer never meets another call */
	uint64_t requests;        /* since the start */
	struct rpc_count *counts; /* by method; NULL: no call yet */
	struct subs *subs;
	struct settings *settings;     /* of administrators */
	struct cache *cache;           /* NULL: nothing is kept */
	struct buf again;              /* a kept reply with another id */
	struct history_feed *feeds;    /* all, the next to be served first */
	struct history_feed *feed_now; /* the one that is; NULL as soon as it is closed */
	struct hmap idem_keys;         /* requests with an Idempotency-Key that are worked on */
	struct idem *idems;
	uint64_t keep_token;
	struct node_fees fees;  /* as the server stream has told them last */
	struct buf definitions; /* members of server_definitions' result, made on first use */
	struct hash256 definitions_hash;
	struct rules *rules; /* of the closed ledger last asked about, whose hash is: */
	struct hash256 rules_of;
	bool standalone; /* of the node, constant */
	uint32_t network_id;
};

/* counters.c */
struct rpc_method;
void counters_note(struct rpc *r, const struct rpc_method *m, bool failed, uint64_t us);
/* The members "counters" and "current_activities". */
void counters_write(struct rpc_call *c);
/* again.c */
void rpc_tell_done(const struct rpc_call *c);
/* Keeps the reply that c->w has become, if it is one that may be given again. */
void rpc_keep_answer(const struct rpc_call *c);
/* Gives the answer that was given before. False: there is none that still holds. */
bool rpc_answer_again(struct rpc *r, const struct rpc_origin *from, const struct cache_key *key);

#endif
