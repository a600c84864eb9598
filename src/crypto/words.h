/* SPDX-License-Identifier: ISC */
#ifndef TALLY_CRYPTO_WORDS_H
#define TALLY_CRYPTO_WORDS_H

#include "crypto/keys.h"

/* Seeds as twelve English words (RFC 1751), of their bytes from the last to the first. Deprecated,
 * but the API still shows and takes them. */
#define SEED_WORDS_MAX 60
void seed_words(char out[SEED_WORDS_MAX], const struct seed *seed);
/* Either case; the digits 1, 0 and 5 stand for L, O and S. False for anything but twelve words of
 * the dictionary with the right check bits. */
bool seed_of_words(struct seed *out, const char *text);

#endif
