/* SPDX-License-Identifier: ISC */
#ifndef TALLY_CODEC_LEAF_H
#define TALLY_CODEC_LEAF_H

#include "codec/number.h"
#include "codec/st.h"

/* Values that an object keeps as raw bytes: how long they are and what makes them canonical.
 * Private to codec. */

/* The markers behind a nested object and an array stand where a field's header would. */
#define ST_END_OF_OBJECT ((enum sf)(ST_OBJECT << 16 | 1))
#define ST_END_OF_ARRAY  ((enum sf)(ST_ARRAY << 16 | 1))

#define AMOUNT_IOU_BIT      (1ull << 63)
#define AMOUNT_POSITIVE_BIT (1ull << 62)
#define AMOUNT_MPT_BIT      (1ull << 61)

/* Path sets: hops of one type byte and up to three ids of 20 bytes, in this order. */
#define HOP_ACCOUNT  0x01
#define HOP_CURRENCY 0x10
#define HOP_ISSUER   0x20
#define PATH_END     0x00
#define PATH_NEXT    0xFF

/* Issues: 20 bytes of zero (XRP), or currency and issuer, or for an MPT its issuer, account one and
 * the sequence, which alone in the whole format is little-endian. */
#define ISSUE_XRP_BYTES 20
#define ISSUE_IOU_BYTES 40
#define ISSUE_MPT_BYTES 44
extern const struct account_id ACCOUNT_ONE;

/* Bytes of a value whose size the type alone gives; 0 for the others. */
static inline size_t st_type_size(enum st_type type)
{
	static const uint8_t size[ST_CURRENCY + 1] = {
	    [ST_UINT8] = 1,    [ST_UINT16] = 2,    [ST_UINT32] = 4,
	    [ST_UINT64] = 8,   [ST_INT32] = 4,     [ST_INT64] = 8,
	    [ST_UINT96] = 12,  [ST_HASH128] = 16,  [ST_HASH160] = 20,
	    [ST_HASH192] = 24, [ST_HASH256] = 32,  [ST_UINT384] = 48,
	    [ST_UINT512] = 64, [ST_CURRENCY] = 20, [ST_NUMBER] = NUMBER_BYTES,
	};

	return size[type];
}
/* Whether a value of the type is kept as bytes (not as a number, an object or an array). */
static inline bool st_type_is_raw(enum st_type type)
{
	const uint32_t others = 1u << ST_UINT8 | 1u << ST_UINT16 | 1u << ST_UINT32 |
				1u << ST_UINT64 | 1u << ST_INT32 | 1u << ST_INT64 |
				1u << ST_OBJECT | 1u << ST_ARRAY;

	return !(others >> type & 1);
}

/* Takes one canonical value off the cursor. `what` gets the reason when it fails. */
enum err amount_scan(struct cursor *c, struct bytes *out, const char **what) MUST_USE;
enum err path_set_scan(struct cursor *c, struct bytes *out, const char **what) MUST_USE;
enum err issue_scan(struct cursor *c, struct bytes *out, const char **what) MUST_USE;
enum err bridge_scan(struct cursor *c, struct bytes *out, const char **what) MUST_USE;

/* Writes mantissa * 10^exponent in plain digits without needless zeros, NUL-terminated; `room`
 * bytes must suffice. Returns the length. */
size_t decimal_text(char *out, size_t room, bool negative, uint64_t mantissa, int32_t exponent);
/* A decimal as text has it: its significant digits, without zeros in front and behind, as a view
 * with the point taken out. */
struct decimal {
	bool negative;
	size_t n;         /* significant digits, 0 = zero */
	int64_t exponent; /* of the last of them; clamped far outside every range in use */
	size_t first;     /* where in the text the first one stands */
};
/* Reads [+-]digits[.digits][(e|E)[+-]digits]; with `loose` also ".5" and "5." */
bool decimal_scan(struct decimal *out, const char *text, size_t n, bool loose);
/* The value of the first `take` significant digits (take <= 19), and one digit by its place. */
uint64_t decimal_digits(const struct decimal *d, const char *text, size_t take);
unsigned decimal_digit(const struct decimal *d, const char *text, size_t place);

/* Whether raw bytes are the type's default value. */
bool st_raw_is_default(enum st_type type, struct bytes raw);

/* Makes room for one more value at a position, or at the end of an array. */
struct st_value *st_insert_at(struct st_object *o, uint32_t at);
struct st_element *st_array_grow(struct st_array *arr, struct arena *a);

#endif
