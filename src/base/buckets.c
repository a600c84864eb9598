/* SPDX-License-Identifier: ISC */
#include "base/buckets.h"

#include <string.h>

#define GROUP 8 /* places that a network may have */
#define TOKEN 1000

uint64_t network_of_ipv4(const uint8_t a[4])
{
	return (uint64_t)4 << 56 | (uint64_t)a[0] << 16 | (uint64_t)a[1] << 8 | a[2];
}

uint64_t network_of_ipv6(const uint8_t a[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	uint64_t n = 6;

	if (!memcmp(a, mapped, sizeof(mapped)))
		return network_of_ipv4(a + 12);
	for (int i = 0; i < 7; i++)
		n = n << 8 | a[i];
	return n;
}

void buckets_init(struct buckets *b, uint32_t per_second, uint32_t burst, uint64_t salt)
{
	memset(b, 0, sizeof(*b));
	b->per_second = per_second;
	b->burst = burst;
	b->salt = salt;
}

static struct bucket *group_of(struct buckets *b, uint64_t network)
{
	uint64_t x = (network ^ b->salt) * 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 32) * 0xd6e8feb86659fd93u;
	return &b->v[(x >> 32) % (BUCKETS_MAX / GROUP) * GROUP];
}

static int64_t level_at(const struct buckets *b, const struct bucket *u, int64_t now_ms)
{
	int64_t full = (int64_t)b->burst * TOKEN, passed = now_ms - u->then_ms;

	if (passed > full)
		return full;
	passed = u->level + passed * b->per_second;
	return passed < full ? passed : full;
}

/* The bucket of the network, or the one that it gets. */
static struct bucket *find(struct buckets *b, uint64_t network, int64_t now_ms)
{
	struct bucket *group = group_of(b, network), *fullest = group;

	for (int i = 0; i < GROUP; i++)
		if (group[i].network == network)
			return &group[i];
	for (int i = 0; i < GROUP && fullest->network; i++)
		if (!group[i].network ||
		    level_at(b, &group[i], now_ms) > level_at(b, fullest, now_ms))
			fullest = &group[i];
	*fullest = (struct bucket){
	    .network = network, .level = (int64_t)b->burst * TOKEN, .then_ms = now_ms};
	return fullest;
}

bool buckets_take(struct buckets *b, uint64_t network, int64_t now_ms)
{
	struct bucket *u;

	if (!b->per_second)
		return true;
	u = find(b, network, now_ms);
	u->level = level_at(b, u, now_ms);
	u->then_ms = now_ms;
	if (u->level < TOKEN)
		return false;
	u->level -= TOKEN;
	return true;
}
