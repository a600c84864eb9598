/* SPDX-License-Identifier: ISC
 * Inside the engine: what a transaction type has to provide and what it is given. */
#ifndef TALLY_TX_OPS_H
#define TALLY_TX_OPS_H

#include "ledger/genesis.h"
#include "tx/engine.h"

/* What preflight may look at: never the state. */
struct tx_static {
	const struct tx *t;
	const struct rules *rules;
	uint32_t network_id;
	unsigned flags; /* enum tx_apply_flags */
};

/* A transaction on its way through preclaim and apply. */
struct tx_run {
	const struct tx *t;
	const struct tx_ops *ops;
	struct view *ledger; /* what is there without the transaction */
	struct view *view;   /* the sandbox; NULL in preclaim, which reads `ledger` */
	const struct view_info *info;
	unsigned flags;
	struct keylet account_k;
	const struct st_object *account_before; /* in preclaim: the sender's AccountRoot */
	struct st_object *account;              /* in apply: the same, for changing */
	struct drops balance_before_fee;
	struct keylet destination_k; /* scratch of the types that have a destination */
	bool has_delivered;          /* metadata says DeliveredAmount */
	struct drops delivered;
};

/* One transaction type. Every function answers tesSUCCESS to go on; a read that finds the state
 * unavailable answers tefEXCEPTION. */
struct tx_ops {
	uint32_t flags_allowed;       /* beside the universal ones */
	uint8_t accounts_created_max; /* new AccountRoots when it succeeds */
	bool deletes_account;         /* one AccountRoot goes when it succeeds */
	/* The same where the rules decide; NULL: flags_allowed. */
	uint32_t (*flags_allowed_by)(const struct rules *rules);
	/* Fields that only an amendment allows: temDISABLED. Comes before every other check. May
	 * be NULL, as may preclaim, and preflight of a pseudo-transaction. */
	enum ter (*features)(const struct tx_static *s);
	enum ter (*preflight)(const struct tx_static *s);
	enum ter (*preclaim)(struct tx_run *r);
	/* Fee and sequence are taken already; changes go to r->view. */
	enum ter (*apply)(struct tx_run *r);
	/* The base fee where it is not tx_base_fee_common(); may read v. NULL: the common one. */
	struct drops (*base_fee)(const struct tx *t, struct view *v);
	/* Changes *out, which holds what a transaction without any notable consequence has. NULL:
	 * there are none. */
	void (*consequences)(const struct tx *t, struct tx_consequences *out);
};

/* NULL for a type that the engine does not execute. */
const struct tx_ops *tx_ops_of(uint16_t type);

/* Base fee times (1 + signers). */
struct drops tx_base_fee_common(const struct tx *t, const struct ledger_fees *fees);

/* Preflight of any type, `ops` as given (tests bring their own). */
enum ter tx_preflight_with(const struct tx_static *s, const struct tx_ops *ops);
/* Preclaim that all types share: sequence or ticket, prior transaction and last ledger, right to
 * sign, fee (rippled: applySteps.cpp invokePreclaim); in this order. */
enum ter tx_preclaim_common(struct tx_run *r);
/* Whether the key or keys of the transaction may sign for its account (rippled:
 * Transactor::checkSign). */
enum ter tx_check_sign(struct tx_run *r);
/* All of tx_apply() for a type given by its ops. */
struct tx_outcome tx_apply_with(struct view *view, struct tx *t, const struct tx_ops *ops,
				unsigned flags, uint32_t tx_index, struct arena *meta_arena);

/* Checks what must hold after any transaction on the changes of the sandbox: true, or false and
 * the sentence that does not hold. */
bool tx_invariants_hold(struct view *sandbox, const struct tx *t, const struct tx_ops *ops,
			enum ter result, struct drops fee, const char **broken);

/* What the metadata shall say was delivered, when the transaction succeeds. */
static inline void tx_run_deliver(struct tx_run *r, struct drops d)
{
	r->has_delivered = true;
	r->delivered = d;
}

/* The XRP of an AccountRoot; false when its Balance is no amount of XRP up to 10^17. */
bool account_balance(const struct st_object *account, struct drops *out);
/* An account that belongs to a ledger object (AMM, vault, loan broker) and has no keys. */
bool account_is_pseudo(const struct st_object *account);

#endif
