/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TOOLS_PAYOUT_NET_H
#define TALLY_TOOLS_PAYOUT_NET_H

#include "payout.h"
#include "tally.h"

/* What a payout asks of a server. Each returns false when there was no answer that says anything;
 * the reason was told once, until the server answers again. */

struct payout_server {
	struct tally *t;
	struct account_id wallet;
	uint32_t network;
	char trouble[120]; /* why there was no answer last time; "": there was */
	char told[120];    /* the last such reason that was told, and when */
	int64_t told_ms;
};

bool payout_ask_ledger(struct payout_server *s, struct payout_ledger_info *out);
bool payout_ask_account(struct payout_server *s, struct payout_account_info *out);
bool payout_ask_tickets(struct payout_server *s, uint32_t *ledger,
			uint32_t tickets[PAYOUT_TICKETS_MAX], uint32_t *n);

#define PAYOUT_BATCH_MAX 32 /* as a server takes them at most */

struct payout_ask {
	const struct hash256 *hash;
	struct bytes blob; /* to submit */
	uint32_t min, max; /* to look for it */
	/* the answer */
	bool answered;
	struct payout_look look;
	char code[PAYOUT_CODE_MAX];
};
/* False when any is not answered. */
bool payout_ask_submit(struct payout_server *s, struct payout_ask *asks, uint32_t n);
bool payout_ask_look(struct payout_server *s, struct payout_ask *asks, uint32_t n);

/* Signed bytes of a transaction and their name. */
struct payout_signing {
	const struct secret_key *key;
	struct account_id wallet;
	uint32_t network;
	bool memo;     /* references go along */
	uint64_t word; /* of the journal: two that make tickets at once differ in it */
};
void payout_sign_payment(struct buf *blob, struct hash256 *hash, const struct payout_signing *s,
			 const struct payout_job *j, const struct payout_line *l);
void payout_sign_tickets(struct buf *blob, struct hash256 *hash, const struct payout_signing *s,
			 const struct payout_job *j);

#endif
