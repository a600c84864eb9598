/* SPDX-License-Identifier: ISC */
#ifndef TALLY_CRYPTO_SELF_TEST_H
#define TALLY_CRYPTO_SELF_TEST_H

#include "base/err.h"

/* Known answers checked at every start, in about a millisecond: the libraries are shared objects
 * that change under us, and one that hashes, signs or, above all, accepts differently would split
 * the network. Covers SHA-512Half, account ids, derivation, signing and checking on both curves,
 * and inputs on which libraries are known to disagree. ERR_CRYPTO and what failed. */
enum err crypto_self_test(struct why *why) MUST_USE;

#endif
