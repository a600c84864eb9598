/* SPDX-License-Identifier: ISC */
#ifndef TALLY_STORE_JOURNAL_H
#define TALLY_STORE_JOURNAL_H

#include "base/bytes.h"
#include "base/mem.h"
#include "base/time.h"

/* The vote journal: what this validator has said, durable before it is sent.
 *
 * A small file of two slots, each with a generation number and a CRC-32C over its bytes; a write
 * goes to the older slot, then fdatasync. It is not in LMDB, whose single writer may be busy with
 * a commit. A slot holds one record:
 *
 *   - the validation that is about to be sent (its bytes), its ledger's sequence and hash,
 *   - all that rebuilds that ledger from the last committed one: for each unvalidated ancestor and
 *     the ledger itself the parent hash, the transactions in applied order, the close time,
 *     resolution and flags,
 *   - the reservation of proposal numbers: (previous ledger, next free number); numbers are
 *     reserved in blocks of 8, so that a restart within a round goes on in the next block.
 *
 * After a restart the node rebuilds those ledgers, checks the hash, sends the same validation again
 * and starts its rounds on that ledger. A message under one's own key is foreign only if the
 * journal shows that it cannot be one's own. */

struct journal_ledger {
	struct hash256 parent;
	struct hash256 hash; /* expected result */
	uint32_t seq;
	struct net_time close;
	uint8_t close_resolution;
	uint8_t close_flags;
	struct bytes *txs; /* blobs in TransactionIndex order */
	uint32_t n_txs;
};

struct journal_record {
	struct bytes validation; /* empty: none yet */
	uint32_t seq;            /* highest ledger sequence ever validated by this key here */
	struct hash256 hash;
	struct journal_ledger *ledgers; /* oldest first; the last one is `hash` */
	uint32_t n_ledgers;             /* <= LEDGER_AHEAD_HELD_MAX + 1 */
	struct hash256 proposal_prev;
	uint32_t proposal_next; /* first number not reserved for proposal_prev */
};

#define JOURNAL_PROPOSAL_BLOCK 8
#define JOURNAL_BYTES_MAX      (24u << 20) /* a record above it is a programming error */

struct journal;

/* Opens or creates <folder>/votes; ERR_CORRUPT when both slots are damaged (the operator decides:
 * the reason says how), ERR_BUSY when another process has it. */
enum err journal_open(struct journal **out, const char *folder, struct why *why) MUST_USE;
void journal_close(struct journal *j);
/* The newest record; views live until the next write or close. ERR_ABSENT when nothing was ever
 * written. */
enum err journal_read(struct journal *j, struct journal_record *out, struct why *why) MUST_USE;
/* Durable when it returns ERR_NONE. ERR_NO_SPACE leaves the previous record in force; any other
 * failure means: this process must not vote any more. Runs on a worker, one call at a time. */
enum err journal_write(struct journal *j, const struct journal_record *r, struct why *why) MUST_USE;

/* For `tally verify`: reads <folder>/votes as a start would, without a lock, and adds a line to the
 * report; one that is not there is fine. */
enum err journal_check(const char *folder, struct buf *report, struct why *why) MUST_USE;

/* The record's bytes, for tests and the simulator's in-memory journal. */
void journal_encode(struct buf *out, const struct journal_record *r);
enum err journal_decode(struct journal_record *out, struct bytes in, struct arena *a) MUST_USE;

#endif
