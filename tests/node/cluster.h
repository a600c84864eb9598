/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_NODE_CLUSTER_H
#define TALLY_TESTS_NODE_CLUSTER_H

#include "wallet.h"

/* Whole node machines in one process, with a virtual clock and a small network between them: every
 * frame is encoded, delayed and decoded, jobs finish after a while, commits and the journal live
 * in memory and survive cluster_kill(). One event at a time, ties broken by order. */

#define CLUSTER_MAX 8

struct cluster;

struct cluster_options {
	uint32_t validators;
	uint32_t observers;     /* nodes behind the validators without a key */
	uint32_t delay_ms;      /* of every frame, plus up to as much again */
	uint32_t loss_percent;  /* of gossip frames (transactions, proposals, validations) */
	uint32_t accounts;      /* generated accounts in the genesis */
	uint32_t history;       /* ledgers each can serve besides those in memory; 0: all */
	bool fills;             /* history that is missing is filled in */
	bool late[CLUSTER_MAX]; /* not started by cluster_open */
	void (*tune)(struct node_config *c, uint32_t i, void *ctx); /* before node i opens */
	void *tune_ctx;
	void (*heard)(uint32_t i, const char *text); /* every line of a log */
	uint64_t seed;
};

struct cluster *cluster_open(const struct cluster_options *o);
void cluster_close(struct cluster *c);
void cluster_run_ms(struct cluster *c, uint32_t ms);
struct node *cluster_node(struct cluster *c, uint32_t i);
/* Takes a node away with everything that was not durable; starts it again from disk. */
void cluster_kill(struct cluster *c, uint32_t i);
void cluster_restart(struct cluster *c, uint32_t i);
/* "AB|CDE": only nodes of one group hear each other; "" heals. */
void cluster_partition(struct cluster *c, const char *groups);
/* A node's disk has no room (commits and the journal fail), or has again. */
void cluster_disk_full(struct cluster *c, uint32_t i, bool full);

/* A node's commits do not come to an end, until they may again. */
void cluster_hold_commits(struct cluster *c, uint32_t i, bool hold);
/* A node's builds take so much longer than others'. */
void cluster_slow_builds(struct cluster *c, uint32_t i, uint32_t ms);

/* A signed payment between generated accounts, handed to node i; its id goes to *id. */
void cluster_pay(struct cluster *c, uint32_t i, uint32_t from, uint32_t to, uint64_t drops,
		 uint32_t seq, struct hash256 *id);
void cluster_submit(struct cluster *c, uint32_t i, struct tx *t, struct hash256 *id);
/* Sets a node's clock beside the others'. */
void cluster_skew(struct cluster *c, uint32_t i, int64_t seconds);
/* Another UNL, as from a list. */
void cluster_unl(struct cluster *c, uint32_t i, const struct public_key *keys, uint32_t n,
		 bool blocked);
/* Other wishes, as from an administrator. */
void cluster_wish(struct cluster *c, uint32_t i, const struct node_wishes *w);
/* A manifest, as from a list. */
void cluster_manifest(struct cluster *c, uint32_t i, struct bytes manifest);
/* Sequence of the newest validated ledger; 0 when none. */
uint32_t cluster_validated(struct cluster *c, uint32_t i);
/* Balance in the validated ledger. */
uint64_t cluster_balance(struct cluster *c, uint32_t i, uint32_t account);
/* How many times node i reported a transaction of that id validated. */
uint32_t cluster_times_validated(struct cluster *c, uint32_t i, const struct hash256 *id);
/* Fails the test when two nodes, at any time, reported different validated ledgers. */
void cluster_expect_agreement(struct cluster *c);
/* And when the second ledger of any is not the genesis'. */
void cluster_expect_genesis(struct cluster *c);
/* Hash over everything that was sent and reported: the same seed gives the same. */
uint64_t cluster_trace(struct cluster *c);

/* Moments at which a process may end with consequences: a journal write was handed out, a journal
 * write is durable, a proposal or validation went to one more peer. With a fuse of k, node i dies
 * at its k-th from now. */
uint64_t cluster_boundaries(struct cluster *c);
void cluster_fuse(struct cluster *c, uint32_t i, uint32_t boundaries);
bool cluster_is_up(struct cluster *c, uint32_t i);
/* A peer that lies: `lie` may change any message before it is heard. Peers may be dropped then. */
void cluster_lie(struct cluster *c,
		 void (*lie)(void *ctx, uint32_t from, uint32_t to, struct msg *m), void *ctx);
/* Ledgers that node i has reported validated, over all its lives. */
uint32_t cluster_reported(struct cluster *c, uint32_t i);
/* A frame that node `from` did not make comes to the nodes of the bit mask `to`, in its name, after
 * so many ms more than a frame takes; its reference is taken. What keys sign is not watched then.
 */
void cluster_inject(struct cluster *c, uint32_t from, uint32_t to, uint32_t ms,
		    struct wire_frame *f);
/* What nodes have charged each other for. */
uint64_t cluster_useless(struct cluster *c);

#endif
