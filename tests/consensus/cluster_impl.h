/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_CONSENSUS_CLUSTER_IMPL_H
#define TALLY_TESTS_CONSENSUS_CLUSTER_IMPL_H

#include "tests/consensus/cluster.h"

#include "base/hmap.h"
#include "base/rng.h"

/* The inside of the simulated network: cluster.c runs events, messages.c carries what nodes say to
 * each other, effects.c does what machines ask for, byzantine.c lies, world.c builds it, breaks it
 * and answers questions about it. */

#define FETCH_TRY_MS       400
#define FETCH_TRIES        8
#define PERSIST_MS         3
#define VOTES_KEPT         (LEDGER_AHEAD_MAX + 1) /* of each member, to be sent again */
#define POOL_MAX           64
#define SEQ_MAX            4096
#define PROPOSALS_RESERVED 8

enum kind { K_TIMER, K_HOP, K_BUILT, K_PERSISTED, K_FETCH_SET, K_FETCH_LEDGER, K_TX, K_LIAR };

struct event {
	int64_t t;
	uint64_t ord;
	enum kind kind;
	uint32_t node, epoch;
	uint32_t msg;     /* K_HOP, K_PERSISTED */
	uint32_t from;    /* K_HOP */
	uint32_t tries;   /* fetches */
	uint32_t content; /* K_BUILT: ledger; K_FETCH_SET: set */
	struct hash256 hash;
};

enum message_kind { M_VALIDATION, M_PROPOSAL, M_EVIDENCE };
struct message {
	enum message_kind kind;
	uint32_t who;
	uint32_t seen; /* index of the mask of the nodes that have it */
	uint32_t hops; /* on the way */
	union {
		struct cons_position position;
		struct cons_validation validation;
		struct cons_evidence evidence; /* `who` among all validators */
	};
};

struct proof {
	struct cons_evidence e; /* `who` among all validators */
	uint32_t seen;
};
#define PROOFS_MAX 16 /* the newest are told to those who were not there */

struct txset {
	struct hash256 id;
	struct hash256 *ids;
	uint32_t n;
	uint32_t held; /* nodes */
};

struct ledger {
	struct hash256 hash, parent;
	uint32_t parent_at; /* index, or UINT32_MAX */
	uint32_t seq, set;
	struct net_time close;
	uint8_t resolution;
	bool agreed;
	uint32_t held; /* nodes, in memory */
	uint32_t disk; /* nodes, on disk */
};

struct disk {
	uint32_t validated; /* ledger index committed */
	struct cons_validation vote;
	bool have_vote;
	struct hash256 reserved_for; /* proposals on this ledger ... */
	uint32_t reserved;           /* ... have used numbers below */
};

struct node {
	struct consensus *c;
	bool up;
	uint32_t epoch;
	int32_t skew_s;
	int64_t slow_ms, build_ms;
	bool sets_blocked, ledgers_blocked;
	bool asked_open; /* to be answered when the step's effects are carried out */
	struct steady timer;
	uint32_t validated_seq;
	struct hash256 validated;
	bool validated_held;
	uint64_t pool[POOL_MAX];
	uint32_t pool_n;
	struct hash256 signed_at[SEQ_MAX]; /* per sequence, zero = none */
	bool signed_full[SEQ_MAX];
	uint32_t unl; /* mask of the validators it trusts */
	enum sim_lies lies;
	uint32_t face; /* of a mirror: the nodes of its second face */
	struct {
		struct cons_position position;
		struct cons_validation validation;
	} said[2];            /* to each face */
	uint32_t numbers[2];  /* of its proposals */
	struct hmap proposed; /* mix of (ledger, number) -> position mix */
	struct disk disk;
};

struct sim {
	struct sim_options o;
	uint32_t n;
	int64_t t;
	uint64_t ord;
	struct rng net, load, lie;
	uint32_t liars;                  /* mask */
	uint32_t accusers;               /* mask */
	struct proof proofs[PROOFS_MAX]; /* ring */
	uint32_t proofs_n;
	bool mixed_unls;
	uint32_t forks;
	uint32_t disabled, disabled_from; /* negative UNL: mask, first sequence */
	struct event *heap;
	size_t heap_n, heap_cap;
	uint32_t *seen; /* masks, one per content: a node takes the same bytes once */
	uint32_t seen_n, seen_cap;
	struct hmap seen_at;
	struct message *msgs;
	uint32_t msgs_n, msgs_cap;
	uint32_t *free_msgs;
	uint32_t free_n;
	struct txset *sets;
	uint32_t sets_n, sets_cap;
	struct ledger *ledgers;
	uint32_t ledgers_n, ledgers_cap;
	struct hmap set_at, ledger_at; /* value: index + 1 */
	struct node node[SIM_NODES_MAX];
	bool cut[SIM_NODES_MAX][SIM_NODES_MAX];
	uint32_t agreed_n; /* ledgers validated by anybody, by rising seq */
	struct hash256 agreed[SEQ_MAX];
	uint32_t top_seq;
	struct hash256 top;
	uint64_t next_tx;
	uint64_t trace, steps, proposals, set_requests;
	bool failed;
	char failure[512];
};

void sim_fail(struct sim *s, const char *fmt, ...) PRINTF(2, 3);
void sim_note(struct sim *s, uint32_t node, unsigned what, const struct hash256 *h, uint64_t x);
void sim_push(struct sim *s, struct event e);
void sim_mix(struct hash256 *out, const void *p, size_t n, uint64_t salt);
void sim_set_id(struct hash256 *out, const struct hash256 *ids, size_t n);
struct hash256 sim_tx_hash(uint64_t tx);

/* world.c: sets and ledgers are kept once for all nodes; UINT32_MAX when there is none. */
uint32_t sim_find_set(const struct sim *s, const struct hash256 *id);
uint32_t sim_find_ledger(const struct sim *s, const struct hash256 *hash);
uint32_t sim_add_set(struct sim *s, const struct hash256 *id, const struct hash256 *ids,
		     uint32_t n);
uint32_t sim_add_ledger(struct sim *s, struct ledger l, uint64_t marker);
/* A ledger has a quorum of signatures. */
void sim_agree_on(struct sim *s, const struct hash256 *hash, uint32_t seq);
void sim_note_signed(struct sim *s, uint32_t i, const struct cons_validation *v);

/* messages.c */
uint32_t msg_new(struct sim *s);
uint32_t msg_seen_new(struct sim *s);
uint32_t msg_seen_of(struct sim *s, uint32_t who, const struct cons_validation *v);
void msg_drop_hop(struct sim *s, uint32_t m);
/* From one node to another, when they are linked. */
void msg_hop(struct sim *s, uint32_t m, uint32_t from, uint32_t to);
void msg_forward(struct sim *s, uint32_t m, uint32_t node);
void msg_broadcast(struct sim *s, uint32_t m, uint32_t node);
bool msg_linked(const struct sim *s, uint32_t from, uint32_t to);

/* byzantine.c */
void byz_hear(struct sim *s, uint32_t i, const struct message *m);
void byz_timer(struct sim *s, uint32_t i);
void byz_send(struct sim *s, uint32_t i, uint32_t m);

/* world.c: a validator's place in node i's UNL, UINT32_MAX when it has none; and the reverse. */
uint32_t sim_place(const struct sim *s, uint32_t i, uint32_t who);
uint32_t sim_member(const struct sim *s, uint32_t i, uint32_t place);
void sim_tell_negative(struct sim *s, uint32_t i);

/* cluster.c */
struct cons_event sim_ledger_event(const struct sim *s, enum cons_event_kind kind, uint32_t at);
struct now node_now(const struct sim *s, uint32_t i);

/* effects.c */
void node_step(struct sim *s, uint32_t i, const struct cons_event *ev);
void node_effects(struct sim *s, uint32_t i, const struct cons_effects *fx);
void node_resend(struct sim *s, uint32_t i);
/* What is validated and here goes on disk, with all below. */
void node_commit(struct sim *s, uint32_t i);

#endif
