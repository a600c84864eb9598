/* SPDX-License-Identifier: ISC */
#ifndef TALLY_BASE_TIME_H
#define TALLY_BASE_TIME_H

#include <stdint.h>

/* Two times, two types, never mixed.
 *
 * Steady time runs evenly, means nothing outside this process and drives every timer. Network
 * time is what goes into ledgers: seconds since the ledger epoch, 2000-01-01T00:00:00Z, which is
 * Unix time 946684800. A machine never asks for either: both are arguments of its step. */
struct steady {
	int64_t ms;
};
struct net_time {
	uint32_t s;
};

#define LEDGER_EPOCH_UNIX 946684800u

struct now {
	struct steady steady;
	struct net_time net;
};

/* b - a in milliseconds. */
static inline int64_t steady_since(struct steady a, struct steady b)
{
	return b.ms - a.ms;
}
static inline struct steady steady_after(struct steady t, int64_t ms)
{
	return (struct steady){.ms = t.ms + ms};
}
/* Never: later than any real time. */
#define STEADY_NEVER ((struct steady){.ms = INT64_MAX})

#endif
