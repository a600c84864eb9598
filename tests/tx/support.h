/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_TX_SUPPORT_H
#define TALLY_TESTS_TX_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/mem.h"
#include "ledger/genesis.h"
#include "tx/build.h"

/* The vectors' file, or NULL after a printed note when the folder is not there (which fails when
 * CI=true). */
json_t *vectors_load(const char *name);
struct bytes unhex(struct arena *a, const char *hex);
struct hash256 hash_of_hex(const char *hex);
const char *text_of(const json_t *o, const char *key);
uint32_t number_of(const json_t *o, const char *key);

/* Ed25519 keys of people with names: "alice", "bob"; secp256k1 when the name begins with "k1_". The
 * same name gives the same key. Held until the program ends. */
struct person {
	struct account_id id;
	struct public_key pub;
	struct secret_key *key;
};
struct person person(const char *name);
struct person master(void); /* the well-known genesis account */

/* A world with one ledger view over a genesis of a few accounts. */
struct world {
	struct ledger *first, *base;
	struct tree state; /* under the view */
	struct view *view;
	struct rules *rules;
	struct arena arena; /* of the transactions' fields */
	struct view_info info;
};
/* alice, bob, carol hold 1,000 XRP each, the master the rest; base fee 10 drops, reserve 10 XRP,
 * increment 2 XRP; all supported amendments on. `sub` is what the world's genesis changes. */
struct world_options {
	bool no_amendments;
	bool open;
	uint32_t network_id;
	uint32_t seq; /* of the view's ledger; 0: the third */
	/* Puts things into the state before the view is made; may be NULL. */
	void (*plant)(struct tree *state);
};
void world_open(struct world *w, const struct world_options *options);
void world_close(struct world *w);
/* What the view has changed becomes the state, and a view of ledger `seq` over it is opened; before
 * that, tests may change w->info. */
void world_move(struct world *w, uint32_t seq);
/* Puts one entry into a state. */
void plant_entry(struct tree *state, struct keylet k, const struct st_object *o);
/* Changes the AccountRoot of a person. */
void plant_account(struct tree *state, const char *name, void (*change)(struct st_object *account));

/* Transactions, unsigned, fee 10 drops. */
struct st_object *payment(struct world *w, const char *from, uint32_t seq, const char *to,
			  uint64_t drops);
struct st_object *account_set(struct world *w, const char *from, uint32_t seq);
/* Signs with the named person's key and parses. The caller unrefs. */
struct tx *signed_by(const char *signer, struct st_object *fields);
/* Parses without signing; the signature counts as good. */
struct tx *trusted(struct st_object *fields);
/* The same with the person's key in it, much faster than signing. */
struct tx *trusted_as(const char *signer, struct st_object *fields);
/* Signs, applies, and says what came out. */
enum ter submit(struct world *w, const char *signer, struct st_object *fields, unsigned flags);

uint64_t balance_of(struct world *w, const char *name); /* 0 when there is no account */
uint32_t sequence_of(struct world *w, const char *name);
const struct st_object *account_of(struct world *w, const char *name);

#endif
