/* SPDX-License-Identifier: ISC */
#include "consensus/closetime.h"

#include "base/err.h"

static const uint8_t resolutions[] = {10, 20, 30, 60, 90, 120};
#define RESOLUTIONS (sizeof(resolutions) / sizeof(resolutions[0]))
#define FINER_EVERY 8

uint8_t cons_resolution_next(uint8_t parent, bool parent_agreed, uint32_t seq)
{
	size_t i = 0;

	while (i < RESOLUTIONS && resolutions[i] != parent)
		i++;
	if (i == RESOLUTIONS)
		return parent;
	if (!parent_agreed)
		return i + 1 < RESOLUTIONS ? resolutions[i + 1] : parent;
	if (seq % FINER_EVERY == 0 && i > 0)
		return resolutions[i - 1];
	return parent;
}

struct net_time close_round(struct net_time t, uint8_t resolution)
{
	uint64_t s = t.s;

	if (t.s == 0 || resolution == 0)
		return t;
	s += resolution / 2;
	s -= s % resolution;
	return (struct net_time){.s = s > UINT32_MAX ? UINT32_MAX : (uint32_t)s};
}

struct net_time close_effective(struct net_time t, uint8_t resolution, struct net_time parent)
{
	struct net_time r = close_round(t, resolution);

	must(parent.s < UINT32_MAX);
	if (r.s <= parent.s)
		r.s = parent.s + 1;
	return r;
}
