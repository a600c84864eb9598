/* SPDX-License-Identifier: ISC */
#include "codec/amount.h"
#include "codec/leaf.h"

#define IOU_DIGITS        16
#define IOU_ZERO_EXPONENT (-100)
#define CURRENCY_CODE_AT  12

void amount_value_text(char out[AMOUNT_TEXT_MAX], const struct amount *a)
{
	int32_t exponent = a->kind == AMOUNT_IOU && a->mantissa ? a->exponent : 0;

	must(exponent >= IOU_EXPONENT_MIN && exponent <= IOU_EXPONENT_MAX);
	(void)decimal_text(out, AMOUNT_TEXT_MAX, a->negative, a->mantissa, exponent);
}

enum err amount_parse_iou(struct amount *out, const char *text, size_t n)
{
	struct decimal d;
	uint64_t m;
	int64_t exponent;

	if (!decimal_scan(&d, text, n, true))
		return ERR_INVALID;
	if (d.n == 0) {
		out->negative = false;
		out->mantissa = 0;
		out->exponent = IOU_ZERO_EXPONENT;
		return ERR_NONE;
	}
	if (d.n > IOU_DIGITS)
		return ERR_RANGE;
	m = decimal_digits(&d, text, d.n);
	exponent = d.exponent;
	for (size_t i = d.n; i < IOU_DIGITS; i++) {
		m *= 10;
		exponent--;
	}
	if (exponent < IOU_EXPONENT_MIN || exponent > IOU_EXPONENT_MAX)
		return ERR_RANGE;
	must(m >= IOU_MANTISSA_MIN && m <= IOU_MANTISSA_MAX);
	out->negative = d.negative;
	out->mantissa = m;
	out->exponent = (int32_t)exponent;
	return ERR_NONE;
}

/* The letters of a code. Reading also takes < and >, which the protocol knows but the reference
 * codec writes as hex. */
static bool code_letter(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c && strchr("?!@#$%^&*(){}[]|", c));
}

static bool is_code(const struct currency *c)
{
	for (size_t i = 0; i < sizeof(c->b); i++) {
		bool in = i >= CURRENCY_CODE_AT && i < CURRENCY_CODE_AT + 3;

		if (in ? !code_letter((char)c->b[i]) : c->b[i] != 0)
			return false;
	}
	return memcmp(c->b + CURRENCY_CODE_AT, "XRP", 3) != 0;
}

void currency_text(char out[CURRENCY_TEXT_MAX], const struct currency *c)
{
	static const struct currency xrp;

	if (memcmp(c->b, xrp.b, sizeof(xrp.b)) == 0) {
		memcpy(out, "XRP", 4);
	} else if (is_code(c)) {
		memcpy(out, c->b + CURRENCY_CODE_AT, 3);
		out[3] = '\0';
	} else {
		hex_encode(out, c->b, sizeof(c->b));
	}
}

enum err currency_parse(struct currency *out, const char *text, size_t n)
{
	*out = (struct currency){0};
	if (n == 3) {
		for (size_t i = 0; i < n; i++) {
			if (!code_letter(text[i]) && text[i] != '<' && text[i] != '>')
				return ERR_INVALID;
		}
		if (memcmp(text, "XRP", 3) != 0)
			memcpy(out->b + CURRENCY_CODE_AT, text, 3);
		return ERR_NONE;
	}
	for (size_t i = 0; i < n; i++) {
		if (text[i] >= 'a' && text[i] <= 'f')
			return ERR_INVALID;
	}
	return hex_decode(out->b, sizeof(out->b), text, n) ? ERR_NONE : ERR_INVALID;
}
