/* SPDX-License-Identifier: ISC */
#ifndef TALLY_LEDGER_HEADER_H
#define TALLY_LEDGER_HEADER_H

#include "base/bytes.h"
#include "base/drops.h"
#include "base/time.h"

/* The ledger header; its hash is the ledger's id (rippled: LedgerHeader.cpp):
 * H(LWR | seq 4 | drops 8 | parent 32 | transactions 32 | state 32 | parent close 4 | close 4 |
 *   resolution 1 | flags 1). 118 bytes without the prefix. */
#define LEDGER_HEADER_BYTES       118
#define LEDGER_FLAG_NO_CLOSE_TIME 1 /* validators agreed to disagree about the close time */

struct ledger_header {
	uint32_t seq;
	struct drops drops; /* all XRP there is */
	struct hash256 parent;
	struct hash256 tx_hash;
	struct hash256 state_hash;
	struct net_time parent_close;
	struct net_time close;
	uint8_t close_resolution; /* seconds */
	uint8_t close_flags;
};

void ledger_header_encode(uint8_t out[LEDGER_HEADER_BYTES], const struct ledger_header *h);
enum err ledger_header_decode(struct ledger_header *out, struct bytes in) MUST_USE;
void ledger_header_hash(struct hash256 *out, const struct ledger_header *h);

#endif
