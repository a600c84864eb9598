/* SPDX-License-Identifier: ISC */
#include "base/limits.h"
#include "codec/amount.h"
#include "codec/json_read.h"

/* Composite values from JSON: amounts, assets, bridges, path sets, vectors. Members beyond those
 * that belong to a value make it another value, so they are refused. */

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
	return json_read_hex(r, in, size, out);
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
	enum err e = json_read_hex(r, json_object_get(in, "mpt_issuance_id"), sizeof(out->b), &b);

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
		return json_parse_digits(out, s + 1, 1, 0);
	if (n < 3 || s[0] != '0' || (s[1] != 'x' && s[1] != 'X'))
		return json_parse_digits(out, s, n, INT64_MAX);
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
		e = json_parse_digits(&a.mantissa, json_string_value(in), json_string_length(in),
				      DROPS_MAX);
		if (e)
			return json_refuse_digits(r, e);
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
		enum err e = json_read_hex(r, json_array_get(in, i), sizeof(struct hash256), out);

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

	must(st_type_is_raw(type));
	switch (type) {
	case ST_AMOUNT:
		return read_amount(r, in, out);
	case ST_ACCOUNT:
		return read_account(r, in, out);
	case ST_BLOB:
		return json_read_hex(r, in, 0, out);
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
