/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_ATTACK_PAYMENTS_H
#define TALLY_TESTS_ATTACK_PAYMENTS_H

#include "tests/attack/attack.h"

/* Payments as good as any, but for the signature: its two halves are drawn so that nothing but the
 * whole computation shows that it is false, and so every one has another id. */
struct forger {
	uint8_t blob[512];
	size_t n, at; /* where its 64 bytes of signature are */
};
void forger_open(struct forger *f, const struct options *o);
/* Appends one, f->n bytes. */
void forger_put(struct forger *f, struct buf *out, struct rng *r);
void forger_close(struct forger *f);

#endif
