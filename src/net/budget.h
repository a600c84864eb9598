/* SPDX-License-Identifier: ISC */
#ifndef TALLY_NET_BUDGET_H
#define TALLY_NET_BUDGET_H

#include "net/wire.h"

/* What one peer may send: so many messages of each type a second (wire.def), so many bytes, so much
 * useless work (limits.h). Each is a level that every message raises and that time lowers at the
 * permitted rate:
 *
 *      level, in seconds' worth
 *        8 ┄┄┄┄┄┄┄┄┄┄┄┄┄┄ over: the connection ends, the peer is refused for a while
 *        4 ┄┄┄┄┄┄┄┄┄┄┄┄┄┄ warned: it is logged, nothing is lost yet
 *        0 ────────────── at the permitted rate or below
 *
 * An honest peer is never cut: the sending side paces itself by the very same rates and a burst of
 * 4 s (budget_pace), and what a stalled connection delivers at once is not held against the peer:
 * a silence of d seconds earns a credit of d seconds' worth, as if it had been sent in time. */

enum budget_verdict {
	BUDGET_OK,
	BUDGET_WARN, /* just rose above the first mark; said once until it has fallen to zero */
	BUDGET_OVER, /* above the second */
};

/* One bucket per type, then these. */
enum { BUDGET_BYTES = MSG_TYPE_END, BUDGET_USELESS, BUDGET_COUNT };

struct budget {
	struct steady last;          /* levels are as of then */
	struct steady heard;         /* last message counted */
	int64_t level[BUDGET_COUNT]; /* thousandths; below zero is credit */
	bool warned[BUDGET_COUNT];
};

void budget_init(struct budget *b, struct steady now);
/* A message of n bytes came in. On anything but BUDGET_OK `which` is the bucket. */
enum budget_verdict budget_message(struct budget *b, enum msg_type t, size_t n, struct steady now,
				   uint32_t *which);
/* Work that it caused for nothing: a bad signature, data nobody asked for, an unknown type. */
enum budget_verdict budget_useless(struct budget *b, uint32_t units, struct steady now);
/* For what this side sends: takes one message of type t and n bytes, or says false when it has to
 * wait so that the other side's first mark is not reached. */
bool budget_pace(struct budget *b, enum msg_type t, size_t n, struct steady now) MUST_USE;
/* "TXS", "bytes", "useless work". */
const char *budget_name(uint32_t which);

#endif
