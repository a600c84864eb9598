/* SPDX-License-Identifier: ISC */
#ifndef TALLY_OS_CLOCK_H
#define TALLY_OS_CLOCK_H

#include "base/time.h"

/* The only place where time comes from. Machines get it as an argument. */

/* Runs evenly, also over changes of the wall clock; for every timer. */
struct steady clock_steady(void);
/* The wall clock as network time; 0 before 2000, the largest second after 2136. */
struct net_time clock_net(void);
/* The wall clock in milliseconds since 1970, for logs and answers to people. */
uint64_t clock_unix_ms(void);
/* CPU time used by all threads of this process, in nanoseconds. */
uint64_t clock_cpu_ns(void);

/* Both times that a machine's step wants, read one after the other. */
static inline struct now clock_now(void)
{
	return (struct now){.steady = clock_steady(), .net = clock_net()};
}

#endif
