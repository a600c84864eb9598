/* SPDX-License-Identifier: ISC */
#ifndef TALLY_NET_REFUSALS_H
#define TALLY_NET_REFUSALS_H

#include "base/bytes.h"
#include "base/limits.h"
#include "base/time.h"
#include "crypto/keys.h"

/* Who has misbehaved, and until when they are refused. One who has proved its identity is known by
 * its key and, since keys are free, its address; anyone else by the address alone: a whole IPv4
 * one, the first half of an IPv6 one. Twice within PEER_OFFENCE_MS is a pause of PEER_REFUSE_MS,
 * each further time doubles it. The table is small and forgets those who have been quiet the
 * longest. */

struct culprit {
	uint8_t b[33]; /* a public key, or 4 or 6 and an address */
};
struct culprit culprit_of_key(const struct public_key *key);
struct culprit culprit_of_ipv4(const uint8_t address[4]);
struct culprit culprit_of_ipv6(const uint8_t address[16]); /* one that contains an IPv4 address
							      counts as that */

struct refusal {
	struct culprit who;
	uint32_t offences; /* 0: free */
	struct steady last, until;
};
struct refusals {
	struct refusal v[PEERS_REFUSED_MAX];
};

/* Notes an offence; `at_once` does not wait for the second. Returns for how many ms it is refused
 * now, 0 for not yet. */
int64_t refusals_note(struct refusals *r, const struct culprit *who, bool at_once,
		      struct steady now);
/* True while it is refused. */
bool refusals_active(const struct refusals *r, const struct culprit *who, struct steady now);

#endif
