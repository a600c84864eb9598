/* SPDX-License-Identifier: ISC */
#ifndef TALLY_CRYPTO_POINT_H
#define TALLY_CRYPTO_POINT_H

#include <stdbool.h>
#include <stdint.h>

/* The frozen rule about Ed25519 public keys: canonical, on the curve, in the prime-order subgroup.
 *
 * Asking libsodium costs nearly as much as checking a signature, and the same keys sign again and
 * again. So keys that passed are remembered, whole: a table of POINT_SLOTS keys shared by all
 * threads, in which a newer key takes the place of an older one. It changes what a call costs and
 * never what it answers. */
#define POINT_SLOTS (1u << 16)

/* Thread safe, takes no lock. */
bool ed25519_point_counts(const uint8_t point[32]);

#endif
