/* SPDX-License-Identifier: ISC */
#ifndef TALLY_CRYPTO_BASE64_H
#define TALLY_CRYPTO_BASE64_H

#include "base/bytes.h"

/* Base64 with the usual letters (+ and /) and padding, as manifests, validator tokens and validator
 * lists are written. Decoding passes over blanks and line ends, so that a text folded into lines
 * is read; anything else that would not encode to the same text is refused. */

/* Appends the text, without a NUL. */
void base64_encode(struct buf *out, struct bytes in);
/* Appends the bytes; ERR_INVALID, with out as it was. */
enum err base64_decode(struct buf *out, struct bytes text) MUST_USE;

#endif
