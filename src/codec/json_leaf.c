/* SPDX-License-Identifier: ISC */
#include "base/limits.h"
#include "codec/amount.h"
#include "codec/format.h"
#include "codec/json_read.h"
#include "crypto/base58.h"

/* Single values from JSON. What the reference codec takes by accident of its language (numbers with
 * blanks or in hex, odd hex digits, extra members) is refused; tests/codec/diff lists it. */

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

/* Digits only, at least one, with a value up to `max`. */
static enum err parse_digits(uint64_t *out, const char *s, size_t n, uint64_t max)
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

static enum err refuse_digits(struct json_reader *r, enum err e)
{
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
		if ((n == 1 || s[0] != '0') && parse_digits(out, s, n, UINT32_MAX) == ERR_NONE &&
		    code_known(f, *out))
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
		enum err e = n <= 20 ? parse_digits(out, s, n, UINT64_MAX) : ERR_RANGE;

		return e ? refuse_digits(r, e) : ERR_NONE;
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
		enum err e = parse_digits(out, json_string_value(in), json_string_length(in), max);

		return e ? refuse_digits(r, e) : ERR_NONE;
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
		enum err e = parse_digits(&u, s + sign, n - sign, 1ull << 31);

		if (e)
			return refuse_digits(r, e);
		*out = sign ? -(int64_t)u : (int64_t)u;
	} else {
		return json_refuse(r, ERR_INVALID, "not a whole number");
	}
	if (*out < INT32_MIN || *out > INT32_MAX)
		return json_refuse(r, ERR_RANGE, "out of range");
	return ERR_NONE;
}

/* Hex of any length, or of exactly `size` bytes when size is not 0. */
static enum err read_hex(struct json_reader *r, const json_t *in, size_t size, struct buf *out)
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
	if (!hex_decode(out->p + out->n, n / 2, s, n))
		return json_refuse(r, ERR_INVALID, "not hex");
	out->n += n / 2;
	return ERR_NONE;
}

/* Hashes of 128, 160 and 192 bits may be written empty for zero. */
static enum err read_hash(struct json_reader *r, enum st_type type, const json_t *in,
			  struct buf *out)
{
	static const uint8_t zero[24];
	size_t size = st_type_size(type);

	if (json_is_string(in) && json_string_length(in) == 0 && size <= sizeof(zero)) {
		buf_put(out, zero, size);
		return ERR_NONE;
	}
	return read_hex(r, in, size, out);
}

static enum err read_currency(struct json_reader *r, const json_t *in, struct currency *out)
{
	const char *s;
	size_t n;
	enum err e = json_read_text(r, in, &s, &n);

	if (e)
		return e;
	if (currency_parse(out, s, n))
		return json_refuse(r, ERR_INVALID, "not a currency");
	return ERR_NONE;
}

static bool is_xrp(const struct currency *c)
{
	static const struct currency xrp;

	return memcmp(c->b, xrp.b, sizeof(xrp.b)) == 0;
}

/* Currency and issuer of an issued asset: neither XRP nor account zero. */
static enum err read_issued(struct json_reader *r, const json_t *in, struct currency *currency,
			    struct account_id *issuer)
{
	static const struct account_id zero;
	size_t back = json_path_name(r, "currency");
	enum err e = read_currency(r, json_object_get(in, "currency"), currency);

	if (!e && is_xrp(currency))
		e = json_refuse(r, ERR_INVALID, "XRP has no issuer");
	if (e)
		return e;
	json_path_back(r, back);
	(void)json_path_name(r, "issuer");
	e = json_read_account(r, json_object_get(in, "issuer"), issuer);
	if (!e && account_eq(issuer, &zero))
		e = json_refuse(r, ERR_INVALID, "issuer is account zero");
	json_path_back(r, back);
	return e;
}

static enum err read_mpt_id(struct json_reader *r, const json_t *in, struct mpt_id *out)
{
	struct buf b = BUF_INIT;
	size_t back = json_path_name(r, "mpt_issuance_id");
	enum err e = read_hex(r, json_object_get(in, "mpt_issuance_id"), sizeof(out->b), &b);

	if (!e)
		memcpy(out->b, b.p, sizeof(out->b));
	buf_close(&b);
	if (!e)
		json_path_back(r, back);
	return e;
}

static bool mixed_case(const char *s, size_t n)
{
	bool lower = false, upper = false;

	for (size_t i = 0; i < n; i++) {
		lower |= s[i] >= 'a' && s[i] <= 'f';
		upper |= s[i] >= 'A' && s[i] <= 'F';
	}
	return lower && upper;
}

/* Units of an MPT: decimal, or hex in one case behind 0x; zero may have a sign. */
static enum err parse_units(uint64_t *out, const char *s, size_t n)
{
	char padded[17] = "0000000000000000";
	uint8_t raw[8];

	if (n == 2 && memcmp(s, "-0", 2) == 0)
		return parse_digits(out, s + 1, 1, 0);
	if (n < 3 || s[0] != '0' || (s[1] != 'x' && s[1] != 'X'))
		return parse_digits(out, s, n, INT64_MAX);
	if (mixed_case(s + 2, n - 2))
		return ERR_INVALID;
	if (n > 2 + 16)
		return ERR_RANGE;
	memcpy(padded + 16 - (n - 2), s + 2, n - 2);
	if (!hex_decode(raw, sizeof(raw), padded, 16))
		return ERR_INVALID;
	*out = load_be64(raw);
	return *out > INT64_MAX ? ERR_RANGE : ERR_NONE;
}

static enum err read_amount_object(struct json_reader *r, const json_t *in, struct amount *a)
{
	const char *s;
	size_t n, back;
	enum err e;

	if (json_object_size(in) == 3) {
		a->kind = AMOUNT_IOU;
		e = read_issued(r, in, &a->currency, &a->issuer);
	} else if (json_object_size(in) == 2) {
		a->kind = AMOUNT_MPT;
		e = read_mpt_id(r, in, &a->mpt);
	} else {
		return json_refuse(r, ERR_INVALID, "not an amount");
	}
	if (e)
		return e;
	back = json_path_name(r, "value");
	e = json_read_text(r, json_object_get(in, "value"), &s, &n);
	if (e)
		return e;
	e = a->kind == AMOUNT_IOU ? amount_parse_iou(a, s, n) : parse_units(&a->mantissa, s, n);
	if (e)
		return json_refuse(r, e, e == ERR_RANGE ? "out of range" : "not a decimal number");
	json_path_back(r, back);
	return ERR_NONE;
}

static enum err read_amount(struct json_reader *r, const json_t *in, struct buf *out)
{
	struct amount a = {.kind = AMOUNT_XRP};
	uint8_t raw[AMOUNT_BYTES_MAX];
	enum err e;

	if (json_is_string(in)) {
		e = parse_digits(&a.mantissa, json_string_value(in), json_string_length(in),
				 DROPS_MAX);
		if (e)
			return refuse_digits(r, e);
	} else if (json_is_object(in)) {
		e = read_amount_object(r, in, &a);
		if (e)
			return e;
	} else {
		return json_refuse(r, ERR_INVALID, "not an amount");
	}
	buf_put(out, raw, amount_encode(raw, &a));
	return ERR_NONE;
}

static enum err read_issue_mpt(struct json_reader *r, const json_t *in, struct buf *out)
{
	static const uint8_t zero[20];
	struct mpt_id id;
	enum err e = read_mpt_id(r, in, &id);

	if (e)
		return e;
	if (memcmp(id.b + 4, zero, sizeof(zero)) == 0)
		return json_refuse(r, ERR_INVALID, "issuer is account zero");
	buf_put(out, id.b + 4, 20);
	buf_put(out, ACCOUNT_ONE.b, 20);
	for (size_t i = 4; i-- > 0;)
		buf_put_u8(out, id.b[i]);
	return ERR_NONE;
}

static enum err read_issue(struct json_reader *r, const json_t *in, struct buf *out)
{
	struct currency currency;
	struct account_id issuer;
	enum err e;

	if (json_object_size(in) == 1 && json_object_get(in, "mpt_issuance_id"))
		return read_issue_mpt(r, in, out);
	if (json_object_size(in) == 1) {
		e = read_currency(r, json_object_get(in, "currency"), &currency);
		if (!e && !is_xrp(&currency))
			e = json_refuse(r, ERR_INVALID, "issuer is missing");
		if (!e)
			buf_put(out, currency.b, sizeof(currency.b));
		return e;
	}
	if (json_object_size(in) != 2)
		return json_refuse(r, ERR_INVALID, "not an asset");
	e = read_issued(r, in, &currency, &issuer);
	if (e)
		return e;
	/* On the wire account one in this place marks an MPT. */
	if (account_eq(&issuer, &ACCOUNT_ONE))
		return json_refuse(r, ERR_INVALID, "issuer is account one");
	buf_put(out, currency.b, sizeof(currency.b));
	buf_put(out, issuer.b, sizeof(issuer.b));
	return ERR_NONE;
}

static enum err read_bridge(struct json_reader *r, const json_t *in, struct buf *out)
{
	static const char *const door[] = {"LockingChainDoor", "IssuingChainDoor"};
	static const char *const asset[] = {"LockingChainIssue", "IssuingChainIssue"};

	if (json_object_size(in) != 4)
		return json_refuse(r, ERR_INVALID, "not a bridge");
	for (size_t side = 0; side < 2; side++) {
		struct account_id id;
		size_t back = json_path_name(r, door[side]);
		enum err e = json_read_account(r, json_object_get(in, door[side]), &id);

		if (e)
			return e;
		json_path_back(r, back);
		buf_put_u8(out, sizeof(id.b));
		buf_put(out, id.b, sizeof(id.b));
		(void)json_path_name(r, asset[side]);
		e = read_issue(r, json_object_get(in, asset[side]), out);
		if (e)
			return e;
		json_path_back(r, back);
	}
	return ERR_NONE;
}

static enum err read_hop(struct json_reader *r, const json_t *in, struct buf *out)
{
	const json_t *account = json_object_get(in, "account");
	const json_t *currency = json_object_get(in, "currency");
	const json_t *issuer = json_object_get(in, "issuer");
	struct account_id id;
	struct currency code;
	enum err e = ERR_NONE;

	if (!account && !currency && !issuer)
		return json_refuse(r, ERR_INVALID, "not a path element");
	buf_put_u8(out, (uint8_t)((account ? HOP_ACCOUNT : 0) | (currency ? HOP_CURRENCY : 0) |
				  (issuer ? HOP_ISSUER : 0)));
	if (account) {
		e = json_read_account(r, account, &id);
		if (!e)
			buf_put(out, id.b, sizeof(id.b));
	}
	if (!e && currency) {
		e = read_currency(r, currency, &code);
		if (!e)
			buf_put(out, code.b, sizeof(code.b));
	}
	if (!e && issuer) {
		e = json_read_account(r, issuer, &id);
		if (!e)
			buf_put(out, id.b, sizeof(id.b));
	}
	return e;
}

static enum err read_path(struct json_reader *r, const json_t *in, struct buf *out)
{
	if (!json_is_array(in) || json_array_size(in) == 0)
		return json_refuse(r, ERR_INVALID, "not a path of at least one element");
	for (size_t i = 0; i < json_array_size(in); i++) {
		size_t back = json_path_index(r, i);
		enum err e = read_hop(r, json_array_get(in, i), out);

		if (e)
			return e;
		json_path_back(r, back);
	}
	return ERR_NONE;
}

static enum err read_path_set(struct json_reader *r, const json_t *in, struct buf *out)
{
	size_t n = json_array_size(in);

	if (n == 0)
		return json_refuse(r, ERR_INVALID, "not a list of at least one path");
	for (size_t i = 0; i < n; i++) {
		size_t back = json_path_index(r, i);
		enum err e = read_path(r, json_array_get(in, i), out);

		if (e)
			return e;
		json_path_back(r, back);
		buf_put_u8(out, i + 1 < n ? PATH_NEXT : PATH_END);
		if (out->n > VL_MAX)
			return json_refuse(r, ERR_TOO_LARGE, "too long");
	}
	return ERR_NONE;
}

static enum err read_vector(struct json_reader *r, const json_t *in, struct buf *out)
{
	if (!json_is_array(in))
		return json_refuse(r, ERR_INVALID, "not a list of hashes");
	if (json_array_size(in) > VL_MAX / sizeof(struct hash256))
		return json_refuse(r, ERR_TOO_LARGE, "too long");
	for (size_t i = 0; i < json_array_size(in); i++) {
		size_t back = json_path_index(r, i);
		enum err e = read_hex(r, json_array_get(in, i), sizeof(struct hash256), out);

		if (e)
			return e;
		json_path_back(r, back);
	}
	return ERR_NONE;
}

static enum err read_number(struct json_reader *r, const json_t *in, struct buf *out)
{
	uint8_t raw[NUMBER_BYTES];
	struct number number;
	const char *s;
	size_t n;
	enum err e = json_read_text(r, in, &s, &n);

	if (e)
		return e;
	e = number_parse(&number, s, n);
	if (e)
		return json_refuse(r, e, e == ERR_RANGE ? "out of range" : "not a decimal number");
	number_encode(raw, &number);
	buf_put(out, raw, sizeof(raw));
	return ERR_NONE;
}

static enum err read_account(struct json_reader *r, const json_t *in, struct buf *out)
{
	struct account_id id;
	enum err e = json_read_account(r, in, &id);

	if (!e)
		buf_put(out, id.b, sizeof(id.b));
	return e;
}

enum err json_read_raw(struct json_reader *r, enum st_type type, const json_t *in, struct buf *out)
{
	struct currency currency;
	enum err e;

	switch (type) {
	case ST_AMOUNT:
		return read_amount(r, in, out);
	case ST_ACCOUNT:
		return read_account(r, in, out);
	case ST_BLOB:
		return read_hex(r, in, 0, out);
	case ST_CURRENCY:
		e = read_currency(r, in, &currency);
		if (!e)
			buf_put(out, currency.b, sizeof(currency.b));
		return e;
	case ST_ISSUE:
		return read_issue(r, in, out);
	case ST_XCHAIN_BRIDGE:
		return read_bridge(r, in, out);
	case ST_PATH_SET:
		return read_path_set(r, in, out);
	case ST_VECTOR256:
		return read_vector(r, in, out);
	case ST_NUMBER:
		return read_number(r, in, out);
	default:
		return read_hash(r, type, in, out);
	}
}
