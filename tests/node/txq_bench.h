/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_NODE_TXQ_BENCH_H
#define TALLY_TESTS_NODE_TXQ_BENCH_H

#include "node/txq.h"
#include "wallet.h"

/* The queue alone over an open ledger: no node, no consensus. What is applied is in the next
 * closed ledger; a transaction's signature is taken to be good. */

#define BENCH_LEFT_MAX 4096

struct left { /* what the queue has told of others */
	struct hash256 id;
	bool applied;
	enum ter result;
};
struct txq_bench {
	struct txq q;
	struct genesis genesis;
	struct ledger *first, *second;
	struct tree state;
	struct view_info info;
	struct txq_open o;
	struct tx **in; /* applied to the open ledger, in order */
	uint32_t n_in, cap_in;
	struct left left[BENCH_LEFT_MAX];
	uint32_t n_left;
};
/* As the reference server's tests have it: three transactions for the base fee (one more is let
 * in), a queue of at least two, two ledgers' worth; reserves of 200 and 50 drops. */
struct txq_setup bench_small(void);
void txq_bench_open(struct txq_bench *b, const struct txq_setup *s, uint32_t accounts);
void txq_bench_close(struct txq_bench *b);

enum ter bench_give(struct txq_bench *b, struct tx *t, unsigned flags); /* takes t */
/* The open ledger closes as it is; what the queue gives is in the next one. */
void bench_next(struct txq_bench *b, bool slow);

/* A payment of 1 drop to account 0; fee 0 is the base fee. */
enum ter bench_pay(struct txq_bench *b, uint32_t from, uint32_t seq, uint64_t fee);
enum ter bench_pay_until(struct txq_bench *b, uint32_t from, uint32_t seq, uint64_t fee,
			 uint32_t last);
enum ter bench_spend(struct txq_bench *b, uint32_t from, uint32_t seq, uint64_t fee,
		     uint64_t drops);
/* An AccountSet that does nothing, with a ticket. */
struct tx *bench_ticketed(uint32_t from, uint32_t ticket, uint64_t fee);
struct tx *bench_tickets(uint32_t from, uint32_t seq, uint32_t count);
/* Blockers: a regular key; by ticket when seq is 0. */
struct tx *bench_blocker(uint32_t from, uint32_t seq, uint32_t ticket, uint64_t fee);
/* Base fee payments of account `from` until nothing more goes in for that. */
void bench_fill(struct txq_bench *b, uint32_t from);
uint32_t bench_seq(struct txq_bench *b, uint32_t account); /* of the open ledger */
/* What now gets a transaction of base fee 10 in. */
uint64_t bench_cost(const struct txq_bench *b);
uint32_t bench_waiting(const struct txq_bench *b, uint32_t account);
/* What was last told of t; NULL: nothing. */
const struct left *bench_told(const struct txq_bench *b, const struct hash256 *id);

#endif
