/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_SIM_ACTORS_IMPL_H
#define TALLY_TESTS_SIM_ACTORS_IMPL_H

#include "base/mem.h"
#include "tests/sim/actors.h"

/* A Byzantine validator: the honest machine, with somebody between it and the network who has its
 * key, and no other. Per round of consensus (until its positions name another previous ledger) each
 * BYZ_ fault is asked for once and then lasts for the round, towards a set of receivers: few
 * changes, within one round, as ByzzFuzz does it.
 *
 *   actors.c         rounds, what passes through, ticks
 *   actors_votes.c   positions and validations
 *   actors_sets.c    sets made up, served, withheld and spoiled
 *   actors_noise.c   status, data nobody asked for, floods */

#define FIRST_ACT FAULT_BYZ_VALUE
#define LAST_ACT  FAULT_BYZ_TICKS
#define ACTS      (LAST_ACT - FIRST_ACT + 1)
#define OLD_VOTES 32
#define KNOWN_TXS 256
#define MADE_SETS 16
#define HELD_BACK 64

struct known_tx {
	struct hash256 id;
	struct account_id account;
	uint32_t seq;
};
struct made_set {
	struct hash256 id;
	struct hash256 *ids;
	uint32_t n;
};
struct held_back {
	struct wire_frame *frame;
	uint32_t to;
	int64_t due;
};
struct actor {
	struct world *w;
	uint32_t node, network;
	struct hash256 round, last_round, last_set;
	int64_t round_ms, round_length;
	bool on[ACTS];
	int64_t param[ACTS];
	struct wire_frame *old[OLD_VOTES]; /* own votes */
	uint32_t n_old;
	struct known_tx known[KNOWN_TXS];
	uint32_t n_known;
	struct made_set made[MADE_SETS];
	uint32_t n_made;
	struct held_back held[HELD_BACK];
	uint32_t n_held;
	uint32_t voted; /* BYZ_BLIND: the newest sequence */
	bool dying;
	struct arena arena; /* of one message */
};

/* Whether an act is on, and `to` among its receivers. */
bool actor_does(const struct actor *a, enum fault f, uint32_t to);
/* What the act's draw has left for how it is done. */
uint32_t actor_how(const struct actor *a, enum fault f);
void actor_send(struct actor *a, uint32_t to, const struct msg *m);
void actor_die(struct actor *a);                /* soon; it starts again later */
struct node *actor_node(const struct actor *a); /* NULL: off */
uint32_t actor_network(struct actor *a);

/* Each is given what the machine sends and returns true when it has dealt with it. */
bool actor_proposal(struct actor *a, uint32_t to, const struct msg *m);
bool actor_validation(struct actor *a, uint32_t to, const struct msg *m);
bool actor_set_message(struct actor *a, uint32_t to, const struct msg *m);
bool actor_status(struct actor *a, uint32_t to, const struct msg *m);
void actor_noise_tick(struct actor *a);

void actor_heard_validation(struct actor *a, struct bytes v);
void actor_heard_txs(struct actor *a, const struct msg_blobs *txs);
void actor_heard_get(struct actor *a, uint32_t from, const struct msg *m);
/* A set to propose; false when there is nothing to make it of. */
enum made_kind {
	MADE_EMPTY,
	MADE_LESS,
	MADE_MORE,
	MADE_WITHOUT,
	MADE_PAIR,
	MADE_UNKNOWN,
	MADE_KINDS
};
bool actor_make_set(struct actor *a, enum made_kind kind, uint32_t how, struct hash256 *id);
const struct made_set *actor_made(const struct actor *a, const struct hash256 *id);
/* A position as it is in m->proposal, signed with the actor's key, to one. */
void actor_sign_and_send(struct actor *a, uint32_t to, struct msg m);

#endif
