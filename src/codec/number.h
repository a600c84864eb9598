/* SPDX-License-Identifier: ISC */
#ifndef TALLY_CODEC_NUMBER_H
#define TALLY_CODEC_NUMBER_H

#include "base/bytes.h"

/* Numbers of vaults and loans (rippled: Number.h, its large scale): mantissa * 10^exponent.
 *
 * In normal form 10^18 <= |mantissa| < 10^19, with one digit less where that would not fit 63
 * bits (from 2^63 on, the last digit rounded half up); zero has mantissa 0 and the least exponent.
 * On the wire 12 bytes: the mantissa, then the exponent, both signed and big-endian. */
#define NUMBER_BYTES         12
#define NUMBER_DIGITS        19
#define NUMBER_MANTISSA_MIN  1000000000000000000ull /* 10^18 */
#define NUMBER_EXPONENT_MIN  (-32768)
#define NUMBER_EXPONENT_MAX  32768
#define NUMBER_ZERO_EXPONENT INT32_MIN
#define NUMBER_TEXT_MAX      48

struct number {
	int64_t mantissa;
	int32_t exponent;
};

/* Exactly NUMBER_BYTES in normal form; ERR_INVALID, ERR_RANGE (exponent) otherwise. */
enum err number_decode(struct number *out, struct bytes in) MUST_USE;
void number_encode(uint8_t out[NUMBER_BYTES], const struct number *n);

/* "0", "-1234.5", or "12345e60" where plain digits would be long, as the reference writes it. */
void number_text(char out[NUMBER_TEXT_MAX], const struct number *n);
/* Reads [+-]digits[.digits][e[+-]digits] into normal form. More digits than fit are dropped and the
 * first dropped one rounds half up (as the reference does it); ERR_INVALID for other text,
 * ERR_RANGE when no normal form is in range. */
enum err number_parse(struct number *out, const char *text, size_t n) MUST_USE;

#endif
