/* SPDX-License-Identifier: ISC */
#include "codec/leaf.h"

#include "codec/amount.h"

const struct account_id ACCOUNT_ONE = {.b = {[19] = 1}};

static bool all_zero(const uint8_t *p, size_t n)
{
	uint8_t seen = 0;

	for (size_t i = 0; i < n; i++)
		seen |= p[i];
	return seen == 0;
}

enum err amount_scan(struct cursor *c, struct bytes *out, const char **what)
{
	size_t n = amount_size(bytes_of(c->p, c->left));
	struct amount unused;
	enum err e;

	if (n == 0 || n > c->left) {
		*what = "amount cut short";
		return ERR_SHORT;
	}
	*out = cursor_take(c, n);
	must(!c->dead && out->n == n);
	if (n == 8) {
		uint64_t u = load_be64(out->p);
		uint64_t drops = u & ~AMOUNT_POSITIVE_BIT;

		/* Without the sign every amount in use is far below 2^61 (amount_size saw that
		 * the MPT bit is clear). */
		if (drops <= DROPS_MAX && (drops || (u & AMOUNT_POSITIVE_BIT)))
			return ERR_NONE;
	}
	e = amount_decode(&unused, *out);
	if (e)
		*what = e == ERR_RANGE ? "amount out of range" : "amount not canonical";
	return e;
}

static enum err hop_scan(struct cursor *c, uint8_t type, const char **what)
{
	size_t n = 0;

	must(type != PATH_END && type != PATH_NEXT);
	if ((type & ~(HOP_ACCOUNT | HOP_CURRENCY | HOP_ISSUER))) {
		*what = "unknown kind of path element";
		return ERR_INVALID;
	}
	n += type & HOP_ACCOUNT ? 20 : 0;
	n += type & HOP_CURRENCY ? 20 : 0;
	n += type & HOP_ISSUER ? 20 : 0;
	(void)cursor_take(c, n);
	return ERR_NONE;
}

enum err path_set_scan(struct cursor *c, struct bytes *out, const char **what)
{
	const uint8_t *start = c->p;
	size_t hops = 0; /* of the current path */

	/* Each turn takes at least one byte: bounded by the input. */
	while (!c->dead) {
		uint8_t type = cursor_u8(c);
		enum err e;

		if (c->dead)
			break;
		if (type == PATH_END || type == PATH_NEXT) {
			if (!hops) {
				*what = "empty path";
				return ERR_INVALID;
			}
			hops = 0;
			if (type == PATH_NEXT)
				continue;
			*out = bytes_of(start, (size_t)(c->p - start));
			return ERR_NONE;
		}
		hops++;
		e = hop_scan(c, type, what);
		if (e)
			return e;
	}
	*what = "path set cut short";
	return ERR_SHORT;
}

enum err issue_scan(struct cursor *c, struct bytes *out, const char **what)
{
	const uint8_t *start = c->p;
	struct bytes currency = cursor_take(c, 20), issuer;

	if (!c->dead && !all_zero(currency.p, 20)) {
		issuer = cursor_take(c, 20);
		if (!c->dead && all_zero(issuer.p, 20)) {
			*what = "issuer is zero";
			return ERR_INVALID;
		}
		if (!c->dead && memcmp(issuer.p, ACCOUNT_ONE.b, 20) == 0)
			(void)cursor_take(c, 4);
	}
	if (c->dead) {
		*what = "issue cut short";
		return ERR_SHORT;
	}
	*out = bytes_of(start, (size_t)(c->p - start));
	must(out->n == ISSUE_XRP_BYTES || out->n == ISSUE_IOU_BYTES || out->n == ISSUE_MPT_BYTES);
	return ERR_NONE;
}

enum err bridge_scan(struct cursor *c, struct bytes *out, const char **what)
{
	const uint8_t *start = c->p;

	for (int side = 0; side < 2; side++) {
		struct bytes issue;
		uint8_t length = cursor_u8(c);
		enum err e;

		(void)cursor_take(c, 20);
		if (!c->dead && length != 20) {
			*what = "bridge door is not an account";
			return ERR_INVALID;
		}
		e = issue_scan(c, &issue, what);
		if (e)
			return e;
	}
	*out = bytes_of(start, (size_t)(c->p - start));
	must(!c->dead);
	return ERR_NONE;
}

bool st_raw_is_default(enum st_type type, struct bytes raw)
{
	must(st_type_is_raw(type) && (raw.p || raw.n == 0));
	switch (type) {
	case ST_AMOUNT: /* 0 drops; an issued zero says its currency */
		return raw.n == 8 && !(load_be64(raw.p) & ~AMOUNT_POSITIVE_BIT);
	case ST_NUMBER:
		return raw.n == NUMBER_BYTES && load_be64(raw.p) == 0;
	case ST_ISSUE:
		return raw.n == ISSUE_XRP_BYTES;
	case ST_BLOB:
	case ST_VECTOR256:
	case ST_PATH_SET:
		return raw.n == 0;
	case ST_XCHAIN_BRIDGE:
		return raw.n == 82 && raw.p[0] == 20 && all_zero(raw.p + 1, 40) &&
		       raw.p[41] == 20 && all_zero(raw.p + 42, 40);
	default:
		return all_zero(raw.p, raw.n);
	}
}
