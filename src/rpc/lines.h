/* SPDX-License-Identifier: ISC */
#ifndef TALLY_RPC_LINES_H
#define TALLY_RPC_LINES_H

#include "codec/amount.h"
#include "rpc/call.h"

/* A trust line as one of its two accounts sees it. */
struct line {
	struct account_id peer;
	struct amount balance; /* positive: the peer owes this account */
	struct amount limit, limit_peer;
	bool low; /* this account is the low one */
	uint32_t flags;
	const struct st_object *entry;
};

/* False for entries that are no line of the account. */
bool line_of(const struct account_id *owner, const struct st_object *entry, struct line *out);
/* One of the pair of flags that is the account's own side. */
static inline bool line_flag(const struct line *l, uint32_t low, uint32_t high)
{
	return l->flags & (l->low ? low : high);
}

#endif
