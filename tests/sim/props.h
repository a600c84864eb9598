/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_SIM_PROPS_H
#define TALLY_TESTS_SIM_PROPS_H

#include "base/hmap.h"
#include "base/mem.h"
#include "tests/sim/actors.h"
#include "tests/sim/model.h"

/* The properties that every run must have; private to props_*.c and to the test that breaks them.
 *
 *   P1  conservation: accounts, escrows, channels and what was burned are the genesis' money, in
 *       every validated ledger of every node                                      props_chain.c
 *   P2  a sequence of an account is used once on the chain, a transaction is in it once
 *   P3  rules of single transactions, from ledger and metadata               model_rules.c
 *   P4  one ledger per sequence, over all honest nodes and all time
 *   P5  what a node has reported is still reported after it started again
 *   P6  no honest key signs two validations for one sequence, nor two
 *       positions with equal previous ledger and number                       props_votes.c
 *   P7  healed: a ledger within 60 s; what can be applied is, within 20 ledgers   props_live.c
 *   P8  healed: who was behind is not after 2 minutes for each 1,000 ledgers
 *   P9  what is validated was submitted, and signed by its account's key      props_chain.c
 *   P10 what clients are told: reads never go back and are the model's, what is validated stays,
 *       what has expired never comes                                          props_reads.c
 *   P11 queues, caches and tables within their bounds; the machine's own checks props_node.c
 *   P12 no honest node drops an honest node
 *   P13 a ledger depends on parent, transactions and close time alone
 *   P14 everything was reached at least once                                  cover.c
 *   P15 what is owned is counted, and named once in its owner's directory     props_owned.c */

#define LIVE_MS       60000 /* P7 */
#define LIVE_LEDGERS  20
#define CATCH_UP_MS   120000 /* P8, for each thousand */
#define WALK_ACCOUNTS 300    /* states of up to so many accounts are walked at every ledger */
#define WALK_EVERY    32     /* ledgers, for larger ones and for each node */

struct track { /* a transaction that a client has submitted */
	struct hash256 id;
	struct account_id account;
	uint32_t seq, last_ledger;
	uint32_t ticket; /* in place of the sequence; 0: none */
	uint64_t fee;
	struct buf bytes;          /* while it is open */
	uint32_t validated;        /* in this ledger; 0: not yet */
	uint32_t expired_at;       /* a node's history said so, when it was there; 0: none */
	uint32_t admissible_since; /* ledger; 0: it is not */
	bool open;                 /* its fate is not known */
	struct track *next;        /* of those that are open */
};

struct watched {           /* a node */
	uint32_t reported; /* newest validated ledger that it told of */
	uint32_t lost;     /* world_disk_losses() then */
	uint32_t read;     /* newest that was read */
	uint32_t walked;
	uint64_t steps;
	bool starting;          /* has not taken its first step */
	struct hash256 closed;  /* looked at last */
	struct hash256 said[2]; /* newest own position and validation, to see them once */
	struct public_key key;
	bool has_key;
	int64_t behind_until; /* P8: the deadline; 0: none */
};

struct props {
	struct world *w;
	struct model *model;
	struct hash256 *chain; /* by sequence; zero: nobody has reported it */
	uint32_t n_chain, top;
	struct hmap tracks;
	struct track *open;     /* newest first */
	struct track **tracked; /* all, oldest first */
	uint32_t n_tracked, cap_tracked;
	uint32_t voted[WORLD_NODES_MAX]; /* newest ledger, by validator */
	struct hmap votes;               /* who and what about → what, as struct note */
	struct hmap builds; /* parent, transactions, close → ledger, as struct note */
	struct note *notes;
	struct watched node[WORLD_NODES_MAX];
	bool healed, over;
	int64_t healed_ms, progress_ms; /* the newest ledger's time */
	uint32_t healed_top;
	uint64_t ticks;
};
struct note {
	struct hash256 key, what;
	struct note *next;
};

/* What props_join does, with the handle; the world closes it. */
struct props *props_attach(struct world *w);
/* What must equal what it was before under that key: false when it does not. */
bool props_note(struct props *p, struct hmap *m, const struct hash256 *key,
		const struct hash256 *what, struct hash256 *before);

/* props_chain.c: a node reports a validated ledger. */
void props_ledger(struct props *p, uint32_t node, struct ledger *l);
void props_begun(struct props *p, uint32_t node); /* after its first step */
void props_submitted(struct props *p, const struct tx *t);
void props_last_look(struct props *p); /* the run is over */
const struct hash256 *props_hash_at(const struct props *p, uint32_t seq);
struct track *props_track(const struct props *p, const struct hash256 *id);
/* props_owned.c: P15 of any state; and of the newest ledger, if it is its turn or `now`. */
bool props_owned_sound(const struct ledger *l, struct why *why);
void props_owned(struct props *p, const struct ledger *l, bool now);
/* props_votes.c: a node sends a message. */
void props_message(struct props *p, uint32_t from, const struct msg *m);
/* A node reports a validated ledger: P4, as far as the votes that were sent show it. */
void props_quorum(struct props *p, uint32_t node, uint32_t seq);
/* props_live.c */
void props_live_ledger(struct props *p); /* the model has done one more */
void props_healed(struct props *p);
void props_live_tick(struct props *p);
/* props_reads.c: a client looks; `l` is what a node calls validated. */
void props_read(struct props *p, uint32_t node, struct ledger *l);
void props_reads_tick(struct props *p);
void props_asked(struct props *p, uint32_t node, const struct track *t, bool says_validated,
		 uint32_t node_seq);
/* props_node.c */
void props_closed(struct props *p, uint32_t node, struct ledger *l);
void props_sizes(struct props *p, uint32_t node, const struct node_status *s);
void props_dropped(struct props *p, uint32_t node, uint32_t peer, const char *reason);
void props_stepped(struct props *p, uint32_t node);

#endif
