/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_NODE_CLUSTER_H
#define TALLY_TESTS_NODE_CLUSTER_H

#include "node/node.h"

/* Whole node machines in one process, with a virtual clock and a small network between them: every
 * frame is encoded, delayed and decoded, jobs finish after a while, commits and the journal live
 * in memory and survive cluster_kill(). One event at a time, ties broken by order. */

#define CLUSTER_MAX 8

struct cluster;

struct cluster_options {
	uint32_t validators;
	uint32_t observers;    /* nodes behind the validators without a key */
	uint32_t delay_ms;     /* of every frame, plus up to as much again */
	uint32_t loss_percent; /* of gossip frames (transactions, proposals, validations) */
	uint32_t accounts;     /* generated accounts in the genesis */
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

/* A signed payment between generated accounts, handed to node i; its id goes to *id. */
void cluster_pay(struct cluster *c, uint32_t i, uint32_t from, uint32_t to, uint64_t drops,
		 uint32_t seq, struct hash256 *id);
/* Sequence of the newest validated ledger; 0 when none. */
uint32_t cluster_validated(struct cluster *c, uint32_t i);
/* Balance in the validated ledger. */
uint64_t cluster_balance(struct cluster *c, uint32_t i, uint32_t account);
/* How many times node i reported a transaction of that id validated. */
uint32_t cluster_times_validated(struct cluster *c, uint32_t i, const struct hash256 *id);
/* Fails the test when two nodes, at any time, reported different validated ledgers. */
void cluster_expect_agreement(struct cluster *c);
/* Hash over everything that was sent and reported: the same seed gives the same. */
uint64_t cluster_trace(struct cluster *c);

#endif
