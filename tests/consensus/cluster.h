/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_CONSENSUS_CLUSTER_H
#define TALLY_TESTS_CONSENSUS_CLUSTER_H

#include "consensus/consensus.h"

/* A simulated network of consensus machines.
 *
 * Each node is the real machine with the least that it needs around it: transactions are ids, the
 * id of a set and of a ledger are mixes of what they contain, votes become durable after a delay.
 * Time is virtual; events are ordered by (time, ordinal); every draw comes from the seed, so one
 * seed is one run. Messages flood from peer to peer with delay, loss, duplication and reordering.
 *
 * Checked after every event, over all nodes and all time, restarts included:
 *   - cons_check of the machine that moved;
 *   - agreement: one validated hash per sequence, and each validated ledger descends from the one
 *     validated before it;
 *   - no honest node signs two validations at one sequence, nor two proposals under one number, and
 *     there is no evidence against one.
 * The first violation stops the run; sim_failure tells it.
 *
 * Nodes are named by letters, A first: "ABE" is a set of three; "AB|CDE" two groups. */

#define SIM_NODES_MAX 16

struct sim_options {
	uint64_t seed;
	uint32_t validators; /* nodes 0 .. validators-1 are the UNL */
	uint32_t observers;  /* further nodes that only follow */
	int64_t delay_ms;    /* least delay of a link */
	int64_t jitter_ms;   /* drawn on top, skewed towards small */
	uint32_t loss_pm;    /* of a thousand, each hop */
	uint32_t dup_pm;
	int64_t build_ms;    /* time to build a ledger */
	int64_t tx_every_ms; /* a transaction reaches some nodes this often, 0 = never */
	bool no_relay;       /* messages go from their sender only, evidence excepted */
	bool count_forks;    /* instead of failing: where UNLs allow for them */
	bool verbose;
};

struct sim;

/* Five validators, 20 to 40 ms apart, nothing lost. */
struct sim_options sim_defaults(uint64_t seed);
/* All nodes off; sim_start them. */
struct sim *sim_open(const struct sim_options *o);
void sim_close(struct sim *s);

/* Before they start: nodes trust these validators instead of all. */
void sim_unl(struct sim *s, const char *nodes, const char *unl);
/* Members that do not count for ledgers from `seq` on, told to running nodes at once and to others
 * when they start. */
void sim_negative_unl(struct sim *s, const char *members, uint32_t seq);

/* How a validator lies. */
enum sim_lies {
	LIES_NOT,
	LIES_MIRROR,      /* says to each face what that face says, under numbers of its own */
	LIES_MIRROR_SAME, /* the same, with one row of numbers for each face */
	LIES_MIRROR_MUTE, /* the same without ever voting */
	LIES_MIRROR_VOTE, /* the same without ever proposing */
	LIES_FLIP,        /* says what one, then what another says, to everybody at every tick */
	LIES_FLOOD,       /* as many messages as can be, no two alike */
	LIES_MUTANT,      /* an honest one's words, changed and withheld at random */
};
/* Before it starts. A mirror has two faces: these nodes, and all others. A flood with a face is one
 * of proposals only. */
void sim_byzantine(struct sim *s, char node, enum sim_lies lies, const char *face);
/* Ledgers validated against what others had validated, with count_forks. */
uint32_t sim_forks(const struct sim *s);
/* Nodes that told of evidence so far. */
uint32_t sim_accusers(const struct sim *s);

void sim_run_ms(struct sim *s, int64_t ms);
int64_t sim_now_ms(const struct sim *s);

/* Start nodes from what their disk holds (nothing at first: the genesis). */
void sim_start(struct sim *s, const char *nodes);
/* kill -9: memory is gone; votes and ledgers on disk stay. */
void sim_kill(struct sim *s, const char *nodes);
/* Only links within a group work; nodes in no group are alone. */
void sim_partition(struct sim *s, const char *groups);
/* One direction of one link. */
void sim_cut(struct sim *s, char from, char to, bool cut);
void sim_heal(struct sim *s);
void sim_set_loss(struct sim *s, uint32_t loss_pm);
/* Seconds that the node's network clock is off. */
void sim_skew(struct sim *s, char node, int32_t seconds);
/* Added to every hop from and to the node. */
void sim_slow(struct sim *s, char node, int64_t ms);
void sim_build_ms(struct sim *s, char node, int64_t ms);
/* Sets cannot be fetched by these nodes: requests fail after their time-out. */
void sim_block_sets(struct sim *s, const char *nodes, bool block);
/* The same for ledgers. */
void sim_block_ledgers(struct sim *s, const char *nodes, bool block);
/* The node takes back its position and only watches from now on. */
void sim_stop_proposing(struct sim *s, char node);
/* A transaction reaches the pools of these nodes only (or of all, with NULL). */
void sim_submit(struct sim *s, const char *nodes, uint64_t tx);

bool sim_alive(const struct sim *s, uint32_t node);
struct cons_status sim_status(const struct sim *s, char node);
/* Newest sequence the node knows to be validated. */
uint32_t sim_validated(const struct sim *s, char node);
/* Lowest of all running nodes, and highest. */
uint32_t sim_validated_min(const struct sim *s);
uint32_t sim_validated_max(const struct sim *s);
/* Whether a validated ledger contains the transaction. */
bool sim_included(const struct sim *s, uint64_t tx);
/* Proposals and requests made so far, for tests of quietness. */
uint64_t sim_proposals(const struct sim *s);
uint64_t sim_steps(const struct sim *s);
/* Requests for sets so far. */
uint64_t sim_set_requests(const struct sim *s);
/* Close time of the last validated ledger of a node, and whether it was agreed. */
bool sim_last_close(const struct sim *s, uint32_t seq, uint32_t *close, bool *agreed);
/* Makes the network hold a ledger that no round produced: child of `parent` (a hash known to the
 * simulator), with the marker mixed in; `nodes` hold it and have validated it fully. */
struct hash256 sim_inject(struct sim *s, const char *nodes, const struct hash256 *parent,
			  uint64_t marker);
struct hash256 sim_genesis(const struct sim *s);
/* Whether `ledger` has `part` among its ancestors (or is it). */
bool sim_descends(const struct sim *s, const struct hash256 *ledger, const struct hash256 *part);

/* NULL while nothing is wrong. */
const char *sim_failure(const struct sim *s);
/* A mix of everything that has happened. */
uint64_t sim_trace(const struct sim *s);

/* One run of the swarm: everything drawn from the seed, faults for a while, then a healed network
 * that must go on. Returns false with the reason. *hours_ms grows by the simulated time. */
bool sim_swarm(uint64_t seed, bool verbose, struct why *why, int64_t *simulated_ms,
	       uint64_t *trace);

#endif
