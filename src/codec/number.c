/* SPDX-License-Identifier: ISC */
#include "codec/number.h"

#include "codec/leaf.h"

/* Exponents (of a 19-digit mantissa) between which the reference writes plain digits. */
#define PLAIN_EXPONENT_MIN (-28)
#define PLAIN_EXPONENT_MAX (-8)

static uint64_t magnitude(int64_t m)
{
	return m < 0 ? 0 - (uint64_t)m : (uint64_t)m;
}

enum err number_decode(struct number *out, struct bytes in)
{
	uint64_t m;

	if (in.n != NUMBER_BYTES)
		return ERR_INVALID;
	out->mantissa = (int64_t)load_be64(in.p);
	out->exponent = (int32_t)load_be32(in.p + 8);
	m = magnitude(out->mantissa);
	if (m == 0)
		return out->exponent == NUMBER_ZERO_EXPONENT ? ERR_NONE : ERR_INVALID;
	/* Below 10^18 only if ten times as much does not fit; -2^63 does not occur. */
	if (m > INT64_MAX || m <= INT64_MAX / 10)
		return ERR_INVALID;
	if (out->exponent < NUMBER_EXPONENT_MIN || out->exponent > NUMBER_EXPONENT_MAX)
		return ERR_RANGE;
	return ERR_NONE;
}

void number_encode(uint8_t out[NUMBER_BYTES], const struct number *n)
{
	struct number again;

	store_be64(out, (uint64_t)n->mantissa);
	store_be32(out + 8, (uint32_t)n->exponent);
	must(number_decode(&again, bytes_of(out, NUMBER_BYTES)) == ERR_NONE);
}

void number_text(char out[NUMBER_TEXT_MAX], const struct number *n)
{
	uint64_t m = magnitude(n->mantissa);
	int32_t exponent = n->exponent;
	size_t at = 0;

	must(m <= INT64_MAX);
	if (m == 0) {
		memcpy(out, "0", 2);
		return;
	}
	if (m < NUMBER_MANTISSA_MIN) { /* the digit that was dropped to fit 63 bits */
		m *= 10;
		exponent--;
	}
	if (exponent == 0 || (exponent >= PLAIN_EXPONENT_MIN && exponent <= PLAIN_EXPONENT_MAX)) {
		(void)decimal_text(out, NUMBER_TEXT_MAX, n->mantissa < 0, m, exponent);
		return;
	}
	while (m % 10 == 0 && exponent < NUMBER_EXPONENT_MAX) {
		m /= 10;
		exponent++;
	}
	at = decimal_text(out, NUMBER_TEXT_MAX, n->mantissa < 0, m, 0);
	out[at++] = 'e';
	if (exponent < 0)
		out[at++] = '-';
	(void)decimal_text(out + at, NUMBER_TEXT_MAX - at, false, magnitude(exponent), 0);
}

/* Brings a mantissa of 19 digits into 63 bits. `half` tells whether the digit behind it rounds it
 * up. */
static enum err fit(struct number *out, bool negative, uint64_t m, int64_t exponent, bool half)
{
	if (m > INT64_MAX) {
		half = m % 10 >= 5;
		m /= 10;
		exponent++;
	}
	m += half;
	if (m > INT64_MAX) {
		m = m / 10 + (m % 10 >= 5);
		exponent++;
	}
	if (exponent < NUMBER_EXPONENT_MIN || exponent > NUMBER_EXPONENT_MAX)
		return ERR_RANGE;
	out->mantissa = negative ? -(int64_t)m : (int64_t)m;
	out->exponent = (int32_t)exponent;
	return ERR_NONE;
}

enum err number_parse(struct number *out, const char *text, size_t n)
{
	struct decimal d;
	uint64_t m;
	int64_t exponent;
	bool half = false;

	if (!decimal_scan(&d, text, n, false))
		return ERR_INVALID;
	*out = (struct number){.mantissa = 0, .exponent = NUMBER_ZERO_EXPONENT};
	if (d.n == 0)
		return ERR_NONE;
	exponent = d.exponent;
	if (d.n > NUMBER_DIGITS) {
		m = decimal_digits(&d, text, NUMBER_DIGITS);
		half = decimal_digit(&d, text, NUMBER_DIGITS) >= 5;
		exponent += (int64_t)(d.n - NUMBER_DIGITS);
	} else {
		m = decimal_digits(&d, text, d.n);
		for (size_t i = d.n; i < NUMBER_DIGITS; i++) {
			m *= 10;
			exponent--;
		}
	}
	must(m >= NUMBER_MANTISSA_MIN && m < 10 * NUMBER_MANTISSA_MIN);
	if (exponent < NUMBER_EXPONENT_MIN || exponent > NUMBER_EXPONENT_MAX)
		return ERR_RANGE;
	return fit(out, d.negative, m, exponent, half);
}
