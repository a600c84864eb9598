/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TOOLS_PAYOUT_ENTRY_H
#define TALLY_TOOLS_PAYOUT_ENTRY_H

#include "base/bytes.h"
#include "base/drops.h"

/* The journal of a payout, as bytes: groups, each of some entries, each written and made durable
 * at once.
 *
 *     group:  magic 4 | length of the entries 4 | number 8 (from 0) | CRC-32C 4 | entries
 *
 * The CRC is over length, number and entries. All numbers are big-endian. A group is written only
 * when the one before is durable, so that the end of a process leaves at most the last one in part:
 * that one was never acted upon, and is cut off. A group that has all its bytes and is not sound,
 * or has a sound one behind it, is damage: it may have been acted upon. */

#define PAYOUT_GROUP_HEAD      20u
#define PAYOUT_GROUP_MAX       (4u << 20) /* bytes of its entries */
#define PAYOUT_REFERENCE_MAX   64
#define PAYOUT_ENTRY_CODE_MAX  31
#define PAYOUT_JOURNAL_VERSION 1

/* In journals: numbers are never changed. */
enum payout_outcome {
	LINE_OPEN = 0,
	LINE_LIVE = 1,
	LINE_PAID = 2,     /* of one that makes tickets: they are made */
	LINE_REFUSED = 3,  /* by the ledger (tec) or for good before (tem) */
	LINE_UNFUNDED = 4, /* the next run tries it again */
	LINE_EXPIRED = 5,  /* of a transaction: it is provably out, the line is open again */
	LINE_CONFLICT = 6, /* its ticket was used by something else */
};
#define PAYOUT_OUTCOMES 7

enum payout_entry_kind {
	ENTRY_HEADER = 1,  /* the first of a journal, and only that */
	ENTRY_SIGNED = 2,  /* durable before it is sent */
	ENTRY_OUTCOME = 3, /* of the line's, or the tickets', last transaction */
};

struct payout_entry {
	enum payout_entry_kind kind;
	/* HEADER */
	struct hash256 file; /* SHA-512Half of the payout file and how it was to be read */
	struct account_id wallet;
	uint32_t network, lines;
	uint64_t word; /* drawn for this journal: what it makes is not what another one makes */
	/* SIGNED, OUTCOME */
	uint32_t line;   /* UINT32_MAX: makes tickets */
	uint32_t ticket; /* SIGNED: that it uses; OUTCOME: that is free again, or 0 */
	struct hash256 hash;
	/* SIGNED */
	uint32_t seq, count;
	uint32_t first, last;
	struct drops fee;
	struct bytes blob;
	/* OUTCOME */
	enum payout_outcome outcome;
	char code[PAYOUT_ENTRY_CODE_MAX + 1];
	uint32_t ledger;
	struct drops delivered;
};

void payout_entry_put(struct buf *out, const struct payout_entry *e);
/* Takes one entry; views into the bytes. ERR_CORRUPT also for values that no entry has. */
enum err payout_entry_take(struct payout_entry *out, struct cursor *c, struct why *why) MUST_USE;

/* A whole group with its head. */
void payout_group_put(struct buf *out, uint64_t number, struct bytes entries);

/* Walks over a journal's bytes. */
struct payout_groups {
	struct bytes in;
	size_t at;       /* of the next group; at the end: of the first byte that is not sound */
	uint64_t number; /* the next group's */
};
/* ERR_ABSENT at the end, also before a last group that is there in part; ERR_CORRUPT for damage. */
enum err payout_groups_next(struct payout_groups *g, struct bytes *entries,
			    struct why *why) MUST_USE;

#endif
