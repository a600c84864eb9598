/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_SIM_CLIENTS_IMPL_H
#define TALLY_TESTS_SIM_CLIENTS_IMPL_H

#include "base/hmap.h"
#include "base/rng.h"
#include "tests/sim/actors.h"

/* The inside of the clients:
 *
 *   clients.c         what they do with what they sign; when; their faults
 *   clients_load.c    what a transaction is to be, and who signs it
 *   clients_wallet.c  what a wallet knows of its account, read from validated ledgers
 *   clients_tx.c      writing and signing
 *   clients_bad.c     the same for what cannot succeed */

#define NEW_ACCOUNTS 24 /* beyond the genesis', founded by payments */
#define SIGNERS_MAX  32
/* Numbers of keys (keys_account) that are no wallet's: regular ones, which many may share, and
 * those of signers whose accounts do not exist. */
#define KEY_REGULAR   15000
#define REGULAR_KEYS  16
#define KEY_PHANTOM   15100
#define PHANTOMS      8
#define KEY_NONE      UINT32_MAX
#define KEY_BLACKHOLE (UINT32_MAX - 1) /* of nobody: as a regular key, it is the end of signing */

struct member { /* of a list of signers */
	uint32_t number, weight;
};
struct signers {
	uint32_t quorum, n;
	struct member member[SIGNERS_MAX];
};

/* ---- what is to be signed ---- */

enum draft_kind {
	DRAFT_PAY,
	DRAFT_SET,
	DRAFT_KEY,
	DRAFT_LIST,
	DRAFT_TICKETS,
	DRAFT_DEPOSIT,
	DRAFT_DELETE
};
struct draft_signer {
	uint32_t account, key;
};
struct draft {
	enum draft_kind kind;
	uint32_t network_id;
	uint32_t from, to; /* accounts by number; those above the genesis' may not exist yet */
	uint32_t seq;
	uint32_t ticket;      /* instead of seq; 0: none */
	uint32_t last_ledger; /* 0: none */
	uint64_t drops;
	uint64_t fee;        /* of one signature: several pay more */
	uint32_t set, clear; /* AccountSet */
	uint32_t tag;        /* 0: none */
	uint32_t variety;    /* of an AccountSet: which fields; of a list: which have locators */
	uint32_t nonce;      /* in a memo, so that equal payments differ; 0: none */
	uint32_t key; /* the number of the one that signs; 0: its own. Unless there are signers */
	uint32_t n_signers;
	struct draft_signer signer[SIGNERS_MAX];
	uint32_t regular; /* SetRegularKey: to this one; KEY_NONE: to none */
	bool spoil;       /* changed after it was signed */
	bool remove;      /* DepositPreauth: takes it back; a list: none any more */
	bool again;       /* in the place of the wallet's last one */
	uint32_t count;   /* TicketCreate */
	struct signers list;
};
/* Signed and parsed; the caller's reference. */
struct tx *draft_sign(const struct draft *d);

struct pen { /* a transaction that is being written */
	struct arena arena;
	struct st_object *o;
	const struct secret_key *key;
	bool spoil; /* change it after it was signed */
};
void draft_write(struct pen *p, const struct draft *d);
/* Signers in order, with their signatures. */
void draft_add_signers(struct pen *p, const struct draft *d);
void draft_add_memo(struct pen *p, uint32_t n, uint32_t nonce);
struct tx *draft_finish(struct pen *p); /* NULL when it does not parse */
/* Also of KEY_BLACKHOLE, whose key is nobody's. */
void draft_account(uint32_t number, struct account_id *id);

/* Transactions that cannot succeed, one way each. */
enum bad_kind {
#define BAD(name, code) BAD_##name,
#include "tests/sim/bad.def"
#undef BAD
	BAD_COUNT
};
/* NULL when what comes out does not even parse. */
struct tx *draft_sign_bad(const struct draft *d, enum bad_kind how);

/* ---- who signs, and what they know ---- */

#define OLD_KEPT     256 /* transactions that may be submitted again */
#define TICKETS_KEPT 32  /* that a wallet knows of */

struct sent {
	struct hash256 id;
	struct sent *next;
	uint32_t wallet, last_ledger, at_ledger;
	bool done;
};
struct wallet {
	struct account_id id;
	uint32_t next; /* sequence; 0: not known to exist */
	uint32_t pending;
	bool read; /* at the next validated ledger */
	bool gone; /* it did exist */
	bool master_off, deposit_auth;
	bool free;    /* its key may be changed once without a fee */
	uint32_t key; /* its regular key's number, or KEY_NONE */
	struct signers list;
	uint32_t n_tickets, ticket[TICKETS_KEPT];
};
struct clients {
	struct world *w;
	struct rng root;
	uint32_t n_wallets;
	struct wallet *wallets;
	struct hmap by_account; /* wallets' and phantoms' ids → number + 1 */
	struct sent *pending;   /* newest first */
	struct hmap by_id;
	struct tx *old[OLD_KEPT];
	uint64_t n_old, token, n_base;
	uint32_t top;     /* newest validated ledger of any node */
	uint32_t network; /* id; 0: not known yet */
	uint64_t ticks;
	bool over;
};

/* clients_wallet.c */
void wallets_open(struct clients *c);
void wallets_close(struct clients *c);
/* Those that wait for nothing read what has become of their accounts. */
void wallets_read(struct clients *c, const struct ledger *l);

/* clients_load.c: the rest of a draft that knows from, network and fee: a payment or a setting as
 * ever, or what the plan's mix wants more of. */
void load_draw(struct clients *c, struct rng *r, struct draft *d);
/* A payment or a setting, whatever the mix. */
void load_draw_plain(struct clients *c, struct rng *r, struct draft *d);
/* Who signs and, in sequence or with a ticket, when; the wallet notes that. False: nobody can. */
bool load_turn(struct clients *c, struct rng *r, struct draft *d);
/* The same without tickets and mistakes. */
bool load_sign_right(struct clients *c, struct rng *r, struct draft *d);

#endif
