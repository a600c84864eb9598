/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_FUZZ_APPLY_H
#define TALLY_TESTS_FUZZ_APPLY_H

#include "base/mem.h"
#include "ledger/genesis.h"
#include "tx/engine.h"

#include <stdio.h>
#include <stdlib.h>

/* The parts of fz_apply: several transactions, made out of the input's bytes, on one view of a
 * small state in which every kind of account, key and directory is found.
 *
 *     world     the states, one for each set of amendments, planted entry by entry
 *     make      bytes → a transaction, mostly one that fits the state
 *     set       all of an input's transactions in one ledger, in any order
 *     check     what must hold of a state, and of what one transaction did to it, judged from the
 *               entries alone, without any of the engine's own code */

/* What is wrong goes to standard error, the process ends. */
#define FAIL_IF(x)                                                                                 \
	do {                                                                                       \
		if (x) {                                                                           \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);                    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* People: the first ones have accounts. */
enum {
	ALICE,   /* rich; a regular key (bob's); three tickets */
	BOB,     /* only a regular key (carol's) */
	CAROL,   /* a signer list; only those she knows may pay her */
	DAVE,    /* only a signer list, of the kind that counts each member; two pages of tickets */
	ERIN,    /* pages with gaps between their numbers */
	FRANK,   /* poor */
	GRACE,   /* signs with a key that nobody has */
	HEIDI,   /* has an escrow, which keeps her account; wants a tag */
	IVAN,    /* spent his free change of keys; remembers his last transaction */
	JUDY,    /* came a moment ago */
	KARL,    /* in half of the worlds, 240 tickets */
	MALLORY, /* has nothing left */
	PEOPLE_THERE,
	PEOPLE = 16, /* and some who have none */
};
struct fz_person {
	uint8_t key[33];
	struct account_id id;
};
const struct fz_person *fz_people(void);

/* A world's number: bit 0 no amendments; the others turn single ones round. */
#define FZ_WORLDS 16
struct fz_world {
	struct tree state;
	struct rules *rules;
	struct ledger_fees fees;
	struct snapshot *snapshot;
};
/* Made on first use; kept until the program ends. */
const struct fz_world *fz_world(unsigned number);

/* The next transaction of the input, NULL when the bytes are none. *flags: enum tx_apply_flags. */
struct tx *fz_make(struct cursor *c, struct view *view, unsigned *flags);

/* A state, decoded, in the order of keys. */
struct fact {
	struct hash256 key;
	struct bytes data;
	const struct st_object *o;
	uint16_t type;
	bool kept; /* the same bytes as in the snapshot before */
	/* What the directories say: */
	uint32_t listed;         /* how often */
	struct fact *owner;      /* in whose directory: the AccountRoot */
	uint64_t page;           /* on which page */
	uint32_t owned, tickets; /* of an account: what there is of its own */
};
struct snapshot {
	struct arena arena;
	struct fact *facts;
	size_t n, cap;
};
/* before: a snapshot that lives longer and shares what did not change; or NULL. */
struct snapshot *snapshot_take(const struct tree *t, const struct snapshot *before);
void snapshot_close(struct snapshot *s);
const struct fact *snapshot_find(const struct snapshot *s, const struct hash256 *key);
/* All that must hold of a state by itself; `burned` is what is missing from all XRP. */
void check_state(struct snapshot *s, uint64_t burned, uint32_t ledger_seq);
/* What one transaction may have done, and that its metadata (NULL: none was asked for) says so. */
struct check_step {
	const struct snapshot *before, *after;
	const struct tx *t;
	struct tx_outcome out;
	const struct view_info *info;
	uint64_t burned; /* by this transaction */
	uint64_t due;    /* the least fee it had to offer */
};
void check_step(const struct check_step *c);
/* The transactions as the set of one ledger; none may be from an open one. */
#define FZ_STEPS_MAX 12
void check_set(const struct fz_world *w, const struct view_info *info, struct tx *const *txs,
	       size_t n);

#endif
