/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_NET_PAIR_H
#define TALLY_TESTS_NET_PAIR_H

#include "net/session.h"

/* Two sessions back to back, with made-up time. */
struct side {
	struct session *s;
	struct secret_key *key;
	struct session_config config;
	struct buf out; /* written, not yet delivered */
	enum session_end end;
	uint32_t received;            /* messages handed up */
	uint32_t first[MSG_TYPE_END]; /* how many had been received with the first of a type */
	struct buf messages;          /* their encodings, one after another */
};
struct pair {
	struct side a, b; /* a dials b */
	struct now now;
};

/* Configurations that agree; change them, then pair_start. `n` picks the keys and seeds. */
void pair_init(struct pair *p, uint8_t n);
/* Opens both sessions; a's hello is in a.out. */
void pair_start(struct pair *p);
/* Delivers everything in both directions, `chunk` bytes at a time (0: all at once), until both are
 * quiet or one has ended. */
void pair_run(struct pair *p, size_t chunk);
/* init, start, run: both are ready. */
void pair_ready(struct pair *p, uint8_t n);
void pair_close(struct pair *p);

/* Hands bytes to one side. */
void side_feed(struct side *to, struct bytes in, struct now now);
void side_tick(struct side *s, struct now now);
/* Seals a message of this side into its out. */
void side_send(struct side *s, const struct msg *m);
struct secret_key *test_identity(uint8_t n);

#endif
