/* SPDX-License-Identifier: ISC */
#include "codec/amount.h"

#include "codec/leaf.h"

#define XRP_BYTES           8
#define MPT_BYTES           33
#define IOU_BYTES           48
#define IOU_EXPONENT_SHIFT  54
#define IOU_EXPONENT_BIAS   97
#define IOU_MANTISSA_MASK   ((1ull << IOU_EXPONENT_SHIFT) - 1)
#define IOU_ZERO_EXPONENT   (-100)
#define MPT_HEADER_POSITIVE 0x60
#define MPT_HEADER_NEGATIVE 0x20

_Static_assert(IOU_BYTES == AMOUNT_BYTES_MAX, "the longest kind");

size_t amount_size(struct bytes in)
{
	if (in.n == 0)
		return 0;
	if (in.p[0] & 0x80)
		return IOU_BYTES;
	return in.p[0] & 0x20 ? MPT_BYTES : XRP_BYTES;
}

static enum err decode_xrp(struct amount *out, uint64_t u)
{
	out->kind = AMOUNT_XRP;
	out->negative = !(u & AMOUNT_POSITIVE_BIT);
	out->mantissa = u & ~AMOUNT_POSITIVE_BIT;
	if (out->negative && out->mantissa == 0)
		return ERR_INVALID;
	return out->mantissa > DROPS_MAX ? ERR_RANGE : ERR_NONE;
}

static enum err decode_mpt(struct amount *out, const uint8_t *p)
{
	out->kind = AMOUNT_MPT;
	out->negative = p[0] == MPT_HEADER_NEGATIVE;
	out->mantissa = load_be64(p + 1);
	memcpy(out->mpt.b, p + 9, sizeof(out->mpt.b));
	if (p[0] != MPT_HEADER_POSITIVE && p[0] != MPT_HEADER_NEGATIVE)
		return ERR_INVALID;
	if (out->negative && out->mantissa == 0)
		return ERR_INVALID;
	return out->mantissa > INT64_MAX ? ERR_RANGE : ERR_NONE;
}

static enum err decode_iou(struct amount *out, const uint8_t *p)
{
	static const struct account_id no_account;
	static const struct currency no_currency;
	uint64_t u = load_be64(p);

	out->kind = AMOUNT_IOU;
	memcpy(out->currency.b, p + 8, sizeof(out->currency.b));
	memcpy(out->issuer.b, p + 28, sizeof(out->issuer.b));
	if (account_eq(&out->issuer, &no_account) ||
	    memcmp(out->currency.b, no_currency.b, sizeof(no_currency.b)) == 0)
		return ERR_INVALID;
	if (u == AMOUNT_IOU_BIT) {
		out->exponent = IOU_ZERO_EXPONENT;
		return ERR_NONE;
	}
	out->negative = !(u & AMOUNT_POSITIVE_BIT);
	out->mantissa = u & IOU_MANTISSA_MASK;
	out->exponent = (int32_t)(u >> IOU_EXPONENT_SHIFT & 0xFF) - IOU_EXPONENT_BIAS;
	if (out->mantissa < IOU_MANTISSA_MIN || out->mantissa > IOU_MANTISSA_MAX)
		return ERR_INVALID;
	if (out->exponent < IOU_EXPONENT_MIN || out->exponent > IOU_EXPONENT_MAX)
		return ERR_RANGE;
	return ERR_NONE;
}

enum err amount_decode(struct amount *out, struct bytes in)
{
	size_t n = amount_size(in);

	must(in.p || in.n == 0);
	*out = (struct amount){0};
	if (n == 0 || in.n < n)
		return ERR_SHORT;
	if (in.n > n)
		return ERR_TRAILING;
	if (n == XRP_BYTES)
		return decode_xrp(out, load_be64(in.p));
	return n == MPT_BYTES ? decode_mpt(out, in.p) : decode_iou(out, in.p);
}

static uint64_t iou_word(const struct amount *a)
{
	uint64_t u = AMOUNT_IOU_BIT;

	if (a->mantissa == 0)
		return u;
	must(a->mantissa >= IOU_MANTISSA_MIN && a->mantissa <= IOU_MANTISSA_MAX);
	must(a->exponent >= IOU_EXPONENT_MIN && a->exponent <= IOU_EXPONENT_MAX);
	u |= a->negative ? 0 : AMOUNT_POSITIVE_BIT;
	u |= (uint64_t)(a->exponent + IOU_EXPONENT_BIAS) << IOU_EXPONENT_SHIFT;
	return u | a->mantissa;
}

size_t amount_encode(uint8_t out[AMOUNT_BYTES_MAX], const struct amount *a)
{
	bool negative = a->negative && a->mantissa;

	switch (a->kind) {
	case AMOUNT_XRP:
		must(a->mantissa <= DROPS_MAX);
		store_be64(out, a->mantissa | (negative ? 0 : AMOUNT_POSITIVE_BIT));
		return XRP_BYTES;
	case AMOUNT_MPT:
		must(a->mantissa <= INT64_MAX);
		out[0] = negative ? MPT_HEADER_NEGATIVE : MPT_HEADER_POSITIVE;
		store_be64(out + 1, a->mantissa);
		memcpy(out + 9, a->mpt.b, sizeof(a->mpt.b));
		return MPT_BYTES;
	case AMOUNT_IOU:
		store_be64(out, iou_word(a));
		memcpy(out + 8, a->currency.b, sizeof(a->currency.b));
		memcpy(out + 28, a->issuer.b, sizeof(a->issuer.b));
		return IOU_BYTES;
	}
	must_failed("amount kind", __FILE__, __LINE__, __func__);
}

struct amount amount_of_drops(struct drops d)
{
	/* raw: this is the way from drops to their encoding. */
	return (struct amount){.kind = AMOUNT_XRP, .mantissa = d.raw};
}

bool amount_is_zero(const struct amount *a)
{
	return a->mantissa == 0;
}

enum err amount_normalize(struct amount *a)
{
	must(a->kind == AMOUNT_IOU);
	while (a->mantissa && a->mantissa < IOU_MANTISSA_MIN && a->exponent > IOU_EXPONENT_MIN) {
		a->mantissa *= 10;
		a->exponent--;
	}
	while (a->mantissa > IOU_MANTISSA_MAX) {
		if (a->exponent >= IOU_EXPONENT_MAX)
			return ERR_OVERFLOW;
		a->mantissa /= 10;
		a->exponent++;
	}
	if (a->mantissa < IOU_MANTISSA_MIN || a->exponent < IOU_EXPONENT_MIN) {
		a->mantissa = 0;
		a->exponent = IOU_ZERO_EXPONENT;
		a->negative = false;
		return ERR_NONE;
	}
	return a->exponent > IOU_EXPONENT_MAX ? ERR_OVERFLOW : ERR_NONE;
}
