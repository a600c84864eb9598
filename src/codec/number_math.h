/* SPDX-License-Identifier: ISC */
#ifndef TALLY_CODEC_NUMBER_MATH_H
#define TALLY_CODEC_NUMBER_MATH_H

#include "codec/amount.h"
#include "codec/number.h"

/* Arithmetic of numbers and amounts, digit for digit as the reference server's (rippled:
 * Number.cpp with its large mantissa, STAmount.cpp): results have 19 digits, the last one rounded
 * half to even; issued amounts 16; XRP and MPT are whole.
 *
 * ERR_OVERFLOW: the result is beyond what the type holds. What is too small becomes zero. */
enum err number_add(struct number *out, const struct number *a, const struct number *b) MUST_USE;
enum err number_sub(struct number *out, const struct number *a, const struct number *b) MUST_USE;
enum err number_mul(struct number *out, const struct number *a, const struct number *b) MUST_USE;
/* ERR_INVALID when b is zero. */
enum err number_div(struct number *out, const struct number *a, const struct number *b) MUST_USE;
/* ERR_INVALID for a negative number. */
enum err number_sqrt(struct number *out, const struct number *a) MUST_USE;
int number_cmp(const struct number *a, const struct number *b);

struct number number_of_int(int64_t v);
struct number number_of_amount(const struct amount *a);
/* The number as an amount of what `like` is an amount of. */
enum err amount_of_number(struct amount *out, const struct number *n,
			  const struct amount *like) MUST_USE;

/* By value alone. */
int amount_cmp(const struct amount *a, const struct amount *b);
/* Results are amounts of what a is, or of what `like` is. */
enum err amount_add(struct amount *out, const struct amount *a, const struct amount *b) MUST_USE;
enum err amount_sub(struct amount *out, const struct amount *a, const struct amount *b) MUST_USE;
enum err amount_mul(struct amount *out, const struct amount *a, const struct amount *b,
		    const struct amount *like) MUST_USE;
/* Adds 5 to the 17th digit, as the reference does. ERR_INVALID when b is zero. */
enum err amount_div(struct amount *out, const struct amount *a, const struct amount *b,
		    const struct amount *like) MUST_USE;

/* The value as the reference server writes it: plain digits, or "1000000000000000e-45" where they
 * would be many. */
void amount_server_text(char out[AMOUNT_TEXT_MAX], const struct amount *a);

#endif
