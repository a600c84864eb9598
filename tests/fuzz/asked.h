/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_FUZZ_ASKED_H
#define TALLY_TESTS_FUZZ_ASKED_H

#include "tests/rpc/scenario.h"

/* A node with a chain of a few ledgers that requests are put to: opened on first use, closed at the
 * end of the program. Every submission is answered at once and changes nothing. */
struct fake *asked_world(void);
/* One request; `how`: bit 0 WebSocket, bit 1 administrator. There must be exactly one reply. */
void asked_request(struct fake *f, uint8_t how, struct bytes request);
/* Its reply is JSON without duplicate members. The client goes then. */
void asked_reply_is_json(struct fake *f);

#endif
