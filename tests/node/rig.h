/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_NODE_RIG_H
#define TALLY_TESTS_NODE_RIG_H

#include "wallet.h"

/* One whole node machine on a bench: the test is its peers, its disk, its workers and its clock.
 * Jobs wait in the order of their start; rig_run() does them at once unless their kind is held.
 * What the machine sends, answers and reports is kept until rig_forget(). */

#define RIG_PEERS 8

struct rig_options {
	uint32_t validators; /* of the UNL; the node is number 0 */
	bool observer;       /* the node has no key */
	bool standalone;     /* no consensus: ledgers close on rig_accept() */
	uint32_t accounts;   /* generated ones in the genesis */
	struct ledger *tip;  /* from disk; NULL: the genesis */
	struct buf journal;  /* empty: none; the rig takes it */
	void (*tune)(struct node_config *c,
		     void *ctx); /* last, before the node opens; NULL: none */
	void *tune_ctx;
	int64_t skew_s; /* of its clock */
	const struct history *history;
};

struct rig_sent {
	uint32_t peer, except;
	struct wire_frame *frame;
};

struct rig {
	struct rig_options o;
	struct node *node;
	struct secret_key *key;
	struct genesis genesis;
	struct ledger *first, *second;
	int64_t now, timer;
	/* what the machine did */
	struct rig_sent *sent;
	uint32_t n_sent, cap_sent;
	struct node_submitted *answers; /* without the transaction */
	uint32_t n_answers, cap_answers;
	const char *dropped[RIG_PEERS + 1]; /* by peer: the reason */
	uint32_t useless[RIG_PEERS + 1];    /* units charged */
	uint32_t n_accepted, n_ledgers, n_stopped, n_failed;
	enum err accepted;
	char log[200]; /* newest line of at least LOG_WARN */
	/* jobs */
	struct node_job **jobs;
	uint32_t n_jobs, cap_jobs;
	unsigned hold; /* bit of an enum node_job_kind: these wait for rig_finish() */
	/* the disk */
	struct ledger *tip;
	struct buf journal;
	uint32_t journal_writes;
	struct buf join;              /* entries of a state that is being fetched */
	uint32_t filled, fill_lowest; /* ledgers of history jobs, the oldest of them */
	enum err history_err;
	enum err persist_err, journal_err;
	struct arena arena; /* of decoded messages */
};

struct rig *rig_open(const struct rig_options *o);
void rig_close(struct rig *r);
void rig_step(struct rig *r, const struct node_event *ev);
/* Time passes: timers fire, jobs that are not held are done. */
void rig_run(struct rig *r, uint32_t ms);
/* The oldest job of that kind, taken out; NULL: none. rig_finish does it and gives it back. */
struct node_job *rig_take(struct rig *r, enum node_job_kind kind);
void rig_finish(struct rig *r, struct node_job *j);
void rig_finish_all(struct rig *r);

void rig_peer_up(struct rig *r, uint32_t peer);
void rig_peer_down(struct rig *r, uint32_t peer);
/* A frame (its reference is taken) or a message from a peer. */
void rig_hear(struct rig *r, uint32_t peer, struct wire_frame *f);
void rig_hear_msg(struct rig *r, uint32_t peer, const struct msg *m);
/* The i-th frame of that type sent to that peer (0: any) since rig_forget(), decoded on the rig's
 * arena; false when there are not as many. */
bool rig_heard(struct rig *r, enum msg_type t, uint32_t peer, uint32_t i, struct msg *m,
	       uint32_t *to);
uint32_t rig_count(struct rig *r, enum msg_type t, uint32_t peer);
void rig_forget(struct rig *r);

/* Hands a transaction in; its reference is taken. The answer has that token. */
void rig_submit(struct rig *r, struct tx *t, bool fail_hard, uint64_t token);
/* The answer to a token; fails the test when there is none. */
const struct node_submitted *rig_answer(struct rig *r, uint64_t token);
bool rig_answered(struct rig *r, uint64_t token);
void rig_gossip(struct rig *r, uint32_t peer, struct tx *const *txs, uint32_t n);
void rig_accept(struct rig *r); /* standalone: a ledger closes and is committed */
struct node_status rig_status(struct rig *r);

#endif
