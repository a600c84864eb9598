/* SPDX-License-Identifier: ISC */
#ifndef TALLY_NODE_TXQ_H
#define TALLY_NODE_TXQ_H

#include "base/hmap.h"
#include "base/limits.h"
#include "ledger/view.h"
#include "tx/engine.h"

/* The fee market (rippled: FeeEscalation.md, TxQ.cpp): what the open ledger asks for, and the queue
 * of what offers less.
 *
 *   a transaction ──► its level is enough ──► the open ledger
 *                          │ no                    ▲ by level, when a ledger has closed
 *                          ▼                       │
 *                        queue ────────────────────┘
 *                          └──► expired, refused for good, or driven out by better ones
 *
 * A fee level is a fee in 256ths of what the same transaction costs in an empty ledger. Up to the
 * expected size of a ledger everything costs 256; beyond it
 *
 *   level = multiplier * n * n / (expected * expected)
 *
 * with n transactions in the open ledger already. No clock, no I/O: a function of what is fed in.
 * Nodes may differ in their open ledgers and queues; consensus makes one ledger of them. */

#define FEE_LEVEL_BASE 256

/* As the reference server's [transaction_queue] stanza has them. */
struct txq_setup {
	uint32_t ledgers_in_queue;              /* the queue holds so many expected ledgers, */
	uint32_t minimum_queue_size;            /* and so many transactions at least */
	uint32_t retry_sequence_percent;        /* more than what is replaced */
	uint64_t minimum_escalation_multiplier; /* a level */
	uint32_t minimum_txn_in_ledger;         /* before fees rise */
	uint32_t minimum_txn_in_ledger_standalone;
	uint32_t target_txn_in_ledger;  /* a ledger with more always counts as large */
	uint32_t maximum_txn_in_ledger; /* before fees rise, at most; 0: as it turns out */
	uint32_t normal_consensus_increase_percent;
	uint32_t slow_consensus_decrease_percent;
	uint32_t maximum_txn_per_account;    /* in the queue */
	uint32_t minimum_last_ledger_buffer; /* a LastLedgerSequence nearer may not wait */
};
#define TXQ_LEDGERS_MAX 256               /* ledgers_in_queue */
struct txq_setup txq_setup_default(void); /* the reference server's numbers */
/* Like it, but a ledger may be full before anything costs more, and one account may have most of
 * the queue: for networks whose load is their owner's. */
struct txq_setup txq_setup_roomy(void);
/* Why such a setup makes no sense; NULL when it does. */
const char *txq_setup_wrong(const struct txq_setup *s);

/* ---- What a ledger is expected to hold, and what more of it costs ---- */

struct fee_metrics {
	uint64_t minimum, target, maximum; /* maximum 0: none */
	uint64_t expected;                 /* transactions of a ledger before the fee rises */
	uint64_t multiplier;               /* level */
	uint64_t recent[TXQ_LEDGERS_MAX];  /* sizes of large ledgers, grown by the increase */
	uint32_t n_recent, at_recent, cap_recent;
	uint32_t increase_percent, decrease_percent;
	uint64_t minimum_multiplier;
};
void fee_metrics_init(struct fee_metrics *m, const struct txq_setup *s, bool standalone);
/* A ledger has closed with transactions of these levels (any order; sorted here). `slow`: it took
 * consensus too long. */
void fee_metrics_closed(struct fee_metrics *m, uint64_t *levels, size_t n, bool slow);
/* The level that gets a transaction into an open ledger that holds n. */
uint64_t fee_level_required(const struct fee_metrics *m, uint64_t n);
/* The sum of the levels for `count` transactions in a row into an open ledger that holds n, more
 * than expected; false when it cannot be told. */
bool fee_level_series(const struct fee_metrics *m, uint64_t n, uint64_t count, uint64_t *out);
/* a * b / c, rounded down, without overflow on the way; false (and the largest number) when the
 * result is too large, or c is 0. */
bool fee_mul_div(uint64_t *out, uint64_t a, uint64_t b, uint64_t c);
/* What a transaction pays, as the state in v has its base fee. */
uint64_t fee_level_of(const struct tx *t, struct view *v);
/* Drops for a level, at a base fee. */
struct drops fee_level_drops(uint64_t level, struct drops base);

/* ---- The queue ---- */

#define TXQ_RETRIES 10 /* failed tries to apply one before it is dropped */

struct txq_account;
struct txq_entry {
	struct tx *tx; /* referenced */
	uint64_t level;
	struct tx_consequences effect;
	struct hash256 rank; /* among those of one level: id XOR hash of the last closed ledger */
	int retries;         /* left */
	enum ter last;       /* of the last try; terQUEUED before one */
	struct txq_account *account;
	struct txq_entry *next; /* its account's next: sequences first, then tickets, ascending */
};
struct txq_account {
	struct hash256 key; /* account id, zero padded */
	struct txq_entry *first;
	uint32_t n;
	bool retry_penalty, drop_penalty;
	struct txq_account *next; /* all of them, newest first */
};

/* The open ledger as the queue needs it. */
struct txq_open {
	struct view *view;
	uint32_t txs; /* applied to it so far, and their bytes */
	size_t bytes;
	uint32_t load; /* 256ths of the base fee that we ask for ourselves; 256: nothing more */
};

/* What becomes of others while one transaction is looked at, or a ledger closes: they have left
 * the queue. applied: to the open ledger, with this result; otherwise they are gone for it. */
struct txq_hooks {
	void (*left)(void *ctx, struct tx *t, bool applied, enum ter result);
	void *ctx;
};

struct txq {
	struct txq_setup setup;
	struct fee_metrics fees;
	struct txq_hooks hooks;
	struct txq_entry **order; /* best first */
	struct txq_entry **slots; /* where it lies, room for cap: what leaves leaves at the front */
	uint32_t n, cap;
	uint32_t max;   /* transactions that may wait */
	uint64_t bytes; /* of those that do */
	struct hmap by_account;
	struct txq_account *accounts;
	struct hash256 parent;
};

void txq_init(struct txq *q, const struct txq_setup *s, bool standalone, uint64_t salt,
	      const struct txq_hooks *hooks);
void txq_close(struct txq *q); /* nobody is told */

/* Brings t (its signature is good) into the open ledger, or into the queue: terQUEUED, or says why
 * neither. flags: TX_FAIL_HARD, or 0. */
struct tx_outcome txq_try(struct txq *q, struct txq_open *o, struct tx *t, unsigned flags);
/* A ledger has closed: its transactions' levels, how it came about, and its sequence. What has
 * expired goes. */
void txq_closed(struct txq *q, uint64_t *levels, size_t n, bool slow, uint32_t seq);
/* The open ledger is new, on top of `parent`: what pays enough goes into it. */
void txq_accept(struct txq *q, struct txq_open *o, const struct hash256 *parent);
/* t is in a closed ledger, or it is known otherwise that it need not wait: nobody is told. False:
 * it did not wait. */
bool txq_remove(struct txq *q, const struct tx *t);
/* t was applied to the open ledger by another way: what waits for its sequence or ticket is
 * refused.
 */
void txq_overtaken(struct txq *q, const struct tx *t);

/* Applies t to an open ledger with room for it, whatever it pays. */
struct tx_outcome txq_apply(struct txq_open *o, struct tx *t, unsigned flags);
bool txq_has_room(const struct txq_open *o, const struct tx *t);

/* The sequence that an account's next transaction should have, after those that wait; `seq` is
 * what the account has. */
uint32_t txq_next_sequence(const struct txq *q, const struct account_id *a, uint32_t seq);
const struct txq_account *txq_account_of(const struct txq *q, const struct account_id *a);
const struct txq_entry *txq_find(const struct txq *q, const struct tx *t);
/* A level below this has no chance: 256, or one more than the cheapest of a full queue. */
uint64_t txq_minimum_level(const struct txq *q);
/* What holds at any time: bounds, order, nothing twice. NULL, or what does not. */
const char *txq_wrong(const struct txq *q);

#endif
