/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_NET_MSGS_H
#define TALLY_TESTS_NET_MSGS_H

#include "base/rng.h"
#include "net/wire.h"

/* Messages made up for tests: everything they point to is on the arena. */

/* A valid message of type t whose list (if any) has n elements and whose variable byte strings
 * have about `blob` bytes (cut to the field's own bounds). Contents drawn from r. */
void msg_make(struct msg *m, enum msg_type t, struct arena *a, struct rng *r, uint32_t n,
	      size_t blob);
/* As above with n and sizes drawn, mostly small. */
void msg_draw(struct msg *m, enum msg_type t, struct arena *a, struct rng *r);
/* True when all fields are equal (not merely their encodings). */
bool msg_equal(const struct msg *a, const struct msg *b);
/* The next type after t in the table, or MSG_TYPE_END: for loops over all types. */
enum msg_type msg_next_type(enum msg_type t);

#define FOR_EACH_TYPE(t)                                                                           \
	for (enum msg_type t = msg_next_type(MSG_NONE); (t) != MSG_TYPE_END; (t) = msg_next_type(t))

#endif
