/* SPDX-License-Identifier: ISC */
#include "codec/leaf.h"

/* Decimal text, shared by issued amounts and numbers. */

#define EXPONENT_CLAMP 1000000000ll /* far beyond any exponent that is in range */

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t put_digits(char *out, uint64_t u)
{
	char reversed[20];
	size_t n = 0;

	do {
		reversed[n++] = (char)('0' + u % 10);
		u /= 10;
	} while (u);
	for (size_t i = 0; i < n; i++)
		out[i] = reversed[n - 1 - i];
	return n;
}

size_t decimal_text(char *out, size_t room, bool negative, uint64_t mantissa, int32_t exponent)
{
	char digits[20];
	size_t n, at = 0;

	while (mantissa && exponent < 0 && mantissa % 10 == 0) {
		mantissa /= 10;
		exponent++;
	}
	if (!mantissa)
		exponent = 0;
	n = put_digits(digits, mantissa);
	/* Sign, "0.", digits and zeros, NUL. */
	must(room >= 4 + (exponent >= 0           ? n + (size_t)exponent
			  : n < (size_t)-exponent ? (size_t)-exponent
						  : n));
	if (negative && mantissa)
		out[at++] = '-';
	if (exponent < 0 && n <= (size_t)-exponent) { /* 0.00ddd */
		out[at++] = '0';
		out[at++] = '.';
		for (size_t i = n; i < (size_t)-exponent; i++)
			out[at++] = '0';
	}
	for (size_t i = 0; i < n; i++) {
		if (exponent < 0 && i && i == n - (size_t)-exponent)
			out[at++] = '.';
		out[at++] = digits[i];
	}
	for (int32_t i = 0; i < exponent; i++)
		out[at++] = '0';
	out[at] = '\0';
	return at;
}

/* text[*at..n) = (e|E)[+-]digits, and nothing behind. */
static bool scan_exponent(int64_t *out, const char *text, size_t at, size_t n)
{
	bool negative;
	int64_t e = 0;

	must(at < n);
	if (text[at] != 'e' && text[at] != 'E')
		return false;
	at++;
	negative = at < n && text[at] == '-';
	if (at < n && (text[at] == '-' || text[at] == '+'))
		at++;
	if (at == n)
		return false;
	for (; at < n; at++) {
		if (!digit(text[at]))
			return false;
		if (e < EXPONENT_CLAMP)
			e = e * 10 + (text[at] - '0');
	}
	*out = negative ? -e : e;
	return true;
}

/* Digits with at most one point; leaves *at behind them. */
static bool scan_digits(struct decimal *out, const char *text, size_t n, size_t *at, bool loose)
{
	size_t before = 0, after = 0, zeros = 0; /* digits by place; zeros at the end so far */
	bool point = false;

	for (; *at < n && (digit(text[*at]) || (text[*at] == '.' && !point)); ++*at) {
		if (text[*at] == '.') {
			point = true;
			continue;
		}
		if (point)
			after++;
		else
			before++;
		if (text[*at] == '0' && !out->n)
			continue;
		if (!out->n)
			out->first = *at;
		out->n++;
		zeros = text[*at] == '0' ? zeros + 1 : 0;
	}
	out->n -= zeros;
	out->exponent = (int64_t)zeros - (int64_t)after;
	return before + after && (loose || (before && (after || !point)));
}

bool decimal_scan(struct decimal *out, const char *text, size_t n, bool loose)
{
	size_t at = 0;
	int64_t e = 0;

	*out = (struct decimal){0};
	if (n && (text[0] == '-' || text[0] == '+'))
		out->negative = text[at++] == '-';
	if (!scan_digits(out, text, n, &at, loose))
		return false;
	if (at < n && !scan_exponent(&e, text, at, n))
		return false;
	out->exponent += e;
	return true;
}

unsigned decimal_digit(const struct decimal *d, const char *text, size_t place)
{
	const char *p = text + d->first;

	must(place < d->n);
	/* At most one point stands between the digits. */
	for (size_t i = 0; i <= place; i++) {
		if (p[i] == '.')
			return (unsigned)(p[place + 1] - '0');
	}
	return (unsigned)(p[place] - '0');
}

uint64_t decimal_digits(const struct decimal *d, const char *text, size_t take)
{
	const char *p = text + d->first;
	uint64_t u = 0;

	must(take <= d->n && take <= NUMBER_DIGITS);
	for (size_t i = 0; i < take; p++) {
		if (*p == '.')
			continue;
		u = u * 10 + (uint64_t)(*p - '0');
		i++;
	}
	return u;
}
