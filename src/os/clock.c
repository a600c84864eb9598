/* SPDX-License-Identifier: ISC */
#include "os/clock.h"

#include "base/err.h"

#include <time.h>

static struct timespec read_clock(clockid_t id)
{
	struct timespec t;

	must(clock_gettime(id, &t) == 0);
	return t;
}

struct steady clock_steady(void)
{
	struct timespec t = read_clock(CLOCK_MONOTONIC);

	return (struct steady){.ms = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000};
}

struct net_time clock_net(void)
{
	int64_t s = (int64_t)read_clock(CLOCK_REALTIME).tv_sec - LEDGER_EPOCH_UNIX;

	if (s < 0)
		s = 0;
	return (struct net_time){.s = s > (int64_t)UINT32_MAX ? UINT32_MAX : (uint32_t)s};
}

uint64_t clock_unix_ms(void)
{
	struct timespec t = read_clock(CLOCK_REALTIME);

	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t clock_cpu_ns(void)
{
	struct timespec t = read_clock(CLOCK_PROCESS_CPUTIME_ID);

	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}
