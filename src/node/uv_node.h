/* SPDX-License-Identifier: ISC */
#ifndef TALLY_NODE_UV_NODE_H
#define TALLY_NODE_UV_NODE_H

#include "base/histogram.h"
#include "net/uv_peers.h"
#include "node/node.h"
#include "node/uv_disk.h"

/* The shell around the machine: libuv loop, workers, timers, store, journal and peers. Everything
 * but the jobs runs on the loop's thread. What rpc wants to know goes to a hook as it happens. */

struct uv_node_config {
	uv_loop_t *loop;
	const char *data_dir;
	uint32_t network_id;
	bool standalone;
	const struct genesis *genesis;
	uint32_t history; /* ledgers kept, or STORE_HISTORY_FULL */
	struct uv_disk_limits disk;
	struct txq_setup txq; /* see node_config */
	bool recover;         /* damaged data is set aside, and a new store begun */
	const struct public_key *unl;
	uint32_t unl_n;
	struct secret_key *validator; /* NULL: none; stays the caller's */
	struct bytes manifest;        /* of the validator's token; views live during uv_node_open */
	const struct bytes *manifests;
	uint32_t n_manifests;
	bool unl_blocked, unsafe_overlap; /* see node_config */
	struct node_wishes wishes;        /* views live during uv_node_open */
	struct secret_key *identity;      /* node key, Ed25519; NULL when standalone */
	const char *peer_listen;          /* NULL: none */
	const char *const *peer_connect;
	uint32_t n_peer_connect;
	uint32_t peers_max;
};

struct uv_node_hooks {
	void *ctx;
	/* An effect that is news for others: SUBMITTED, ACCEPTED, LEDGER, TX_PROPOSED, VALIDATION,
	 * PHASE, STATE, MANIFEST. Valid during the call. */
	void (*on_effect)(void *ctx, const struct node_effect *e);
	/* A peer has said what it has (MSG_STATUS); the message is valid during the call. May be
	 * NULL. */
	void (*on_status)(void *ctx, uint32_t peer, const struct msg *m);
	/* The orderly stop is complete, or the store has failed (code 74: input/output error). */
	void (*on_stopped)(void *ctx, int exit_code);
};

struct uv_node;

/* Work on the pool's threads, by kind: the machine's jobs, and what is thrown away of the store. */
#define UV_NODE_WORK_KINDS (NODE_JOB_JOIN + 2)
struct uv_node_work {
	uint32_t depth;             /* given out and not back yet */
	uint64_t failed;            /* of those that came back */
	struct histogram wait, run; /* µs until a thread took it, and that it took */
};
extern const struct histogram_scale uv_node_work_scale;
/* "verify" ... "prune" */
const char *uv_node_work_name(uint32_t kind);

/* Opens store and journal, builds the genesis, listens for peers and starts the machine. Errors
 * come with words for the operator. */
enum err uv_node_open(struct uv_node **out, const struct uv_node_config *c,
		      const struct uv_node_hooks *hooks, struct why *why) MUST_USE;
/* Bows out, finishes running jobs and the commit, closes peers; then hooks.on_stopped. */
void uv_node_stop(struct uv_node *un);
void uv_node_close(struct uv_node *un); /* after on_stopped */

struct node *uv_node_machine(struct uv_node *un);
const struct history *uv_node_history(struct uv_node *un);
struct peers *uv_node_peers(struct uv_node *un); /* NULL when standalone */
void uv_node_disk(struct uv_node *un, struct uv_disk_status *out);
/* A check of the store now, or no more (uv_disk_check). */
void uv_node_check(struct uv_node *un, bool begin);
/* Ledgers after this one are kept (store_set_deletable). */
void uv_node_deletable(struct uv_node *un, uint32_t seq);
const struct uv_node_work *uv_node_work(struct uv_node *un, uint32_t kind);

/* Other wishes (NODE_WISHES). */
void uv_node_wish(struct uv_node *un, const struct node_wishes *w);
/* Another UNL (NODE_UNL). */
void uv_node_unl(struct uv_node *un, const struct node_event *ev);
void uv_node_submit(struct uv_node *un, struct tx *tx, bool fail_hard, uint64_t token);
void uv_node_accept(struct uv_node *un, uint64_t token);

#endif
