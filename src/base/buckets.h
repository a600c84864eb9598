/* SPDX-License-Identifier: ISC */
#ifndef TALLY_BASE_BUCKETS_H
#define TALLY_BASE_BUCKETS_H

#include <stdbool.h>
#include <stdint.h>

/* How fast the networks of the world may come: a token bucket for each IPv4 /24 and IPv6 /56, the
 * sizes that one owner has. The table is of fixed size. Where it is crowded, the bucket that is
 * fullest gives way to a new one: forgetting it forgives least. No clock in here. */

#define BUCKETS_MAX 4096

struct bucket {
	uint64_t network; /* 0: free */
	int64_t level;    /* thousandths of a token, as of then */
	int64_t then_ms;
};
struct buckets {
	uint32_t per_second, burst; /* tokens; per_second 0: everybody may always */
	uint64_t salt;
	struct bucket v[BUCKETS_MAX];
};

/* A network as a number that is not 0. An IPv4 address within an IPv6 one counts as that. */
uint64_t network_of_ipv4(const uint8_t address[4]);
uint64_t network_of_ipv6(const uint8_t address[16]);

/* salt: random, against networks that are chosen to meet. */
void buckets_init(struct buckets *b, uint32_t per_second, uint32_t burst, uint64_t salt);
/* Takes a token; false when there is none. */
bool buckets_take(struct buckets *b, uint64_t network, int64_t now_ms);

#endif
