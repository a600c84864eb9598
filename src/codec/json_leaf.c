/* SPDX-License-Identifier: ISC */
#include "base/limits.h"
#include "codec/format.h"
#include "codec/json_read.h"
#include "crypto/base58.h"

/* Texts, numbers, hex and accounts from JSON. What the reference codec takes by accident of its
 * language (numbers with blanks or in hex, odd hex digits) is refused; tests/codec/diff lists it.
 */

/* Numbers as JSON programs can hold them exactly. */
#define JSON_SAFE_INTEGER ((1ll << 53) - 1)

enum err json_read_text(struct json_reader *r, const json_t *in, const char **s, size_t *n)
{
	if (!json_is_string(in))
		return json_refuse(r, ERR_INVALID, "not a string");
	*s = json_string_value(in);
	*n = json_string_length(in);
	return ERR_NONE;
}

enum err json_parse_digits(uint64_t *out, const char *s, size_t n, uint64_t max)
{
	uint64_t u = 0;

	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return ERR_INVALID;
		if (__builtin_mul_overflow(u, 10, &u) ||
		    __builtin_add_overflow(u, (uint64_t)(s[i] - '0'), &u))
			return ERR_RANGE;
	}
	*out = u;
	if (n == 0)
		return ERR_INVALID;
	return u > max ? ERR_RANGE : ERR_NONE;
}

enum err json_refuse_digits(struct json_reader *r, enum err e)
{
	must(e == ERR_RANGE || e == ERR_INVALID);
	return json_refuse(r, e, e == ERR_RANGE ? "out of range" : "not a plain decimal number");
}

static bool upper_hex(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'A' && s[i] <= 'F')))
			return false;
	}
	return true;
}

enum err json_read_account(struct json_reader *r, const json_t *in, struct account_id *out)
{
	struct x_address x;
	const char *s;
	size_t n;
	enum err e = json_read_text(r, in, &s, &n);

	if (e)
		return e;
	*out = (struct account_id){0};
	if (n == 0)
		return ERR_NONE;
	if (n == 2 * sizeof(out->b) && upper_hex(s, n)) {
		must(hex_decode(out->b, sizeof(out->b), s, n));
		return ERR_NONE;
	}
	if (base58_decode(out->b, BASE58_ACCOUNT, s, n) == ERR_NONE)
		return ERR_NONE;
	if (x_address_decode(&x, s, n) != ERR_NONE)
		return json_refuse(r, ERR_INVALID, "not an account");
	if (x.has_tag)
		return json_refuse(r, ERR_INVALID, "only Account and Destination may have a tag");
	*out = x.account;
	return ERR_NONE;
}

/* The number of a code that JSON shows by name: the name, or the number of a known code. */
static bool code_by_name(enum sf f, uint64_t *out, const char *s, size_t n)
{
	uint32_t permission;
	uint16_t type;
	int result;

	if (f == sfPermissionValue && permission_by_name(&permission, s, n)) {
		*out = permission;
		return true;
	}
	if (f == sfTransactionResult && result_by_name(&result, s, n)) {
		*out = (uint64_t)result;
		return result >= 0 && result <= UINT8_MAX;
	}
	if ((f == sfTransactionType && tx_type_by_name(&type, s, n)) ||
	    (f == sfLedgerEntryType && entry_type_by_name(&type, s, n))) {
		*out = type;
		return true;
	}
	return false;
}

static bool code_known(enum sf f, uint64_t u)
{
	if (f == sfPermissionValue)
		return u <= UINT32_MAX && permission_name((uint32_t)u);
	if (f == sfTransactionResult)
		return u <= UINT8_MAX && result_name((int)u);
	if (u > UINT16_MAX)
		return false;
	return f == sfTransactionType ? tx_type_name((uint16_t)u) != NULL
				      : entry_type_name((uint16_t)u) != NULL;
}

static enum err read_code(struct json_reader *r, enum sf f, const json_t *in, uint64_t *out)
{
	if (json_is_integer(in) && json_integer_value(in) >= 0) {
		*out = (uint64_t)json_integer_value(in);
		if (code_known(f, *out))
			return ERR_NONE;
	} else if (json_is_string(in)) {
		const char *s = json_string_value(in);
		size_t n = json_string_length(in);

		if (code_by_name(f, out, s, n))
			return ERR_NONE;
		if ((n == 1 || s[0] != '0') &&
		    json_parse_digits(out, s, n, UINT32_MAX) == ERR_NONE && code_known(f, *out))
			return ERR_NONE;
	}
	return json_refuse(r, ERR_INVALID, "unknown name");
}

static enum err read_u64_text(struct json_reader *r, enum sf f, const json_t *in, uint64_t *out)
{
	const char *s = json_string_value(in);
	size_t n = json_string_length(in);
	char padded[17] = "0000000000000000";
	uint8_t raw[8];

	if (sf_decimal(f)) {
		enum err e = n <= 20 ? json_parse_digits(out, s, n, UINT64_MAX) : ERR_RANGE;

		return e ? json_refuse_digits(r, e) : ERR_NONE;
	}
	if (n == 0 || n > 16)
		return json_refuse(r, ERR_INVALID, "not 1 to 16 hex digits");
	memcpy(padded + 16 - n, s, n);
	if (!hex_decode(raw, sizeof(raw), padded, 16))
		return json_refuse(r, ERR_INVALID, "not 1 to 16 hex digits");
	*out = load_be64(raw);
	return ERR_NONE;
}

enum err json_read_uint(struct json_reader *r, enum sf f, const json_t *in, uint64_t *out)
{
	enum st_type type = sf_type(f);
	size_t size = st_type_size(type);
	uint64_t max = size == 8 ? JSON_SAFE_INTEGER : (1ull << 8 * size) - 1;

	must(size && size <= sizeof(uint64_t));
	if (f == sfTransactionType || f == sfLedgerEntryType || f == sfTransactionResult ||
	    f == sfPermissionValue)
		return read_code(r, f, in, out);
	if (json_is_integer(in)) {
		json_int_t i = json_integer_value(in);

		if (i < 0 || (uint64_t)i > max)
			return json_refuse(r, ERR_RANGE, "out of range");
		*out = (uint64_t)i;
		return ERR_NONE;
	}
	if (json_is_string(in) && type == ST_UINT64)
		return read_u64_text(r, f, in, out);
	if (json_is_string(in) && type == ST_UINT32) {
		enum err e = json_parse_digits(out, json_string_value(in), json_string_length(in),
					       max);

		return e ? json_refuse_digits(r, e) : ERR_NONE;
	}
	return json_refuse(r, ERR_INVALID, "not a whole number");
}

enum err json_read_int32(struct json_reader *r, const json_t *in, int64_t *out)
{
	if (json_is_integer(in)) {
		*out = json_integer_value(in);
	} else if (json_is_string(in)) {
		const char *s = json_string_value(in);
		size_t n = json_string_length(in), sign = n && s[0] == '-';
		uint64_t u;
		enum err e = json_parse_digits(&u, s + sign, n - sign, 1ull << 31);

		if (e)
			return json_refuse_digits(r, e);
		*out = sign ? -(int64_t)u : (int64_t)u;
	} else {
		return json_refuse(r, ERR_INVALID, "not a whole number");
	}
	if (*out < INT32_MIN || *out > INT32_MAX)
		return json_refuse(r, ERR_RANGE, "out of range");
	return ERR_NONE;
}

enum err json_read_hex(struct json_reader *r, const json_t *in, size_t size, struct buf *out)
{
	const char *s;
	size_t n;
	enum err e = json_read_text(r, in, &s, &n);

	if (e)
		return e;
	if (n % 2)
		return json_refuse(r, ERR_INVALID, "odd number of hex digits");
	if (size && n != 2 * size)
		return json_refuse(r, ERR_INVALID, "wrong number of hex digits");
	if (n / 2 > VL_MAX)
		return json_refuse(r, ERR_TOO_LARGE, "too long");
	if (n == 0)
		return ERR_NONE;
	buf_reserve(out, n / 2);
	must(out->cap - out->n >= n / 2);
	if (!hex_decode(out->p + out->n, n / 2, s, n))
		return json_refuse(r, ERR_INVALID, "not hex");
	out->n += n / 2;
	return ERR_NONE;
}
