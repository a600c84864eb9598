/* SPDX-License-Identifier: ISC */
#ifndef TALLY_STORE_KEEP_H
#define TALLY_STORE_KEEP_H

#include "store/kv.h"

/* What a node keeps for a while that is no ledger: a second environment beside the store's, so that
 * what clients cause to be written never stands in the way of a ledger. Rows have an id, a value
 * and a time at which they go.
 *
 * Bounded in rows and in bytes. When it is full, new rows are refused and none that was promised to
 * stay goes before its time; the last tenth is for rows of privilege. Every put also sweeps away
 * what has expired. Reads may run beside a put; puts are one at a time. */

struct keep;

#define KEEP_ROWS_MAX  100000
#define KEEP_BYTES_MAX (64u << 20)
#define KEEP_VALUE_MAX (2u << 20)

struct keep_options {
	const char *folder; /* <folder>/keep; made when absent */
	struct kv *db;      /* instead of the folder; closed with it, also when opening fails */
	uint32_t rows_max;  /* 0: KEEP_ROWS_MAX */
	uint64_t bytes_max; /* 0: KEEP_BYTES_MAX */
};
enum err keep_open(struct keep **out, const struct keep_options *o, struct why *why) MUST_USE;
void keep_close(struct keep *k); /* NULL is fine */

struct keep_row {
	struct hash256 key;
	uint64_t until_ms;
	bool privileged;
	struct bytes value;
	enum err err; /* of this row alone: ERR_FULL, ERR_TOO_LARGE */
};

/* Appends the value; ERR_ABSENT when there is none or its time is over, ERR_CORRUPT when the bytes
 * are not those that were put. */
enum err keep_get(struct keep *k, const struct hash256 *key, uint64_t now_ms,
		  struct buf *out) MUST_USE;
/* Adds or replaces, all in one transaction, durable when it returns ERR_NONE. Rows that do not fit
 * are left out and say so. Any other error: nothing was written. */
enum err keep_put(struct keep *k, struct keep_row *rows, uint32_t n, uint64_t now_ms,
		  struct why *why) MUST_USE;
/* Rows and bytes now; of another thread's put as it was before or is after. */
void keep_usage(const struct keep *k, uint32_t *rows, uint64_t *bytes);

#endif
