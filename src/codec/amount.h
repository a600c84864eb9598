/* SPDX-License-Identifier: ISC */
#ifndef TALLY_CODEC_AMOUNT_H
#define TALLY_CODEC_AMOUNT_H

#include "base/bytes.h"
#include "base/drops.h"

/* Amounts: XRP in drops, issued currency as a decimal (mantissa 10^15 .. 10^16-1, exponent -96 ..
 * 80, or zero), or units of a multi-purpose token (MPT). Bytes on the wire:
 *   XRP  8:  bit 63 = 0, bit 62 = not negative, bit 61 = 0, 62 bits of drops
 *   MPT 33:  header 0x60 (positive) or 0x20, then 8 bytes of units, then the 24-byte issuance id
 *   IOU 48:  bit 63 = 1, bit 62 = not negative, 8 bits of exponent + 97, 54 bits of mantissa, then
 *            currency (20) and issuer (20); zero is 0x80 then zeros. */
enum amount_kind { AMOUNT_XRP, AMOUNT_IOU, AMOUNT_MPT };

struct currency {
	uint8_t b[20]; /* "USD" at bytes 12..14, or 20 free bytes; all zero = XRP */
};
struct mpt_id {
	uint8_t b[24]; /* sequence (4) and issuer (20) */
};
struct amount {
	enum amount_kind kind;
	bool negative;
	uint64_t mantissa; /* drops, units, or the decimal's mantissa */
	int32_t exponent;  /* IOU only; zero has mantissa 0, exponent -100 */
	struct currency currency;
	struct account_id issuer;
	struct mpt_id mpt;
};

#define IOU_MANTISSA_MIN 1000000000000000ull
#define IOU_MANTISSA_MAX 9999999999999999ull
#define IOU_EXPONENT_MIN (-96)
#define IOU_EXPONENT_MAX 80
#define AMOUNT_BYTES_MAX 48

/* Decodes exactly one amount out of n bytes, which must be 8, 33 or 48 and canonical. */
enum err amount_decode(struct amount *out, struct bytes in) MUST_USE;
/* Bytes that the amount starting at in.p[0] occupies (8, 33, 48), 0 when in is empty. */
size_t amount_size(struct bytes in);
/* Writes the canonical bytes, returns their number. */
size_t amount_encode(uint8_t out[AMOUNT_BYTES_MAX], const struct amount *a);
struct amount amount_of_drops(struct drops d);

/* The decimal text of the value ("1.5", "-7", "1000000"), NUL-terminated: always plain digits, as
 * the reference codec writes it, up to 96 of them on either side of the point. */
#define AMOUNT_TEXT_MAX 104
void amount_value_text(char out[AMOUNT_TEXT_MAX], const struct amount *a);
/* Parses the value of an issued amount exactly; more than 16 significant digits, or an exponent
 * out of range, is ERR_RANGE; no silent rounding. kind, currency, issuer stay the caller's. */
enum err amount_parse_iou(struct amount *out, const char *text, size_t n) MUST_USE;
/* Brings mantissa and exponent into the normal range, rounding as the protocol does (truncation
 * of the digits that do not fit); overflow is ERR_OVERFLOW, underflow gives zero. */
enum err amount_normalize(struct amount *a) MUST_USE;
bool amount_is_zero(const struct amount *a);

/* Currency codes: three allowed characters or 40 upper-case hex digits. "XRP" and 40 zeros are the
 * native currency, all zero bytes; whether that is allowed is the caller's question. */
#define CURRENCY_TEXT_MAX 41
void currency_text(char out[CURRENCY_TEXT_MAX], const struct currency *c);
enum err currency_parse(struct currency *out, const char *text, size_t n) MUST_USE;

#endif
