/* SPDX-License-Identifier: ISC */
#include "tx/owner.h"

/* Payment, of which XRP to XRP is here. The other kinds (issued currencies, MPTs, paths) are
 * checked for the ways in which they can be malformed and otherwise answer temDISABLED (rippled:
 * Payment.cpp). */

struct shape {
	struct amount amount, max;
	bool has_max, has_paths;
	bool xrp_direct; /* XRP on both sides */
	bool is_mpt;
};

static enum ter features(const struct tx_static *s)
{
	if (st_has(s->t->fields, sfCredentialIDs) && !amendment_on(s->rules, AMENDMENT_Credentials))
		return temDISABLED;
	if (st_has(s->t->fields, sfDomainID) && !amendment_on(s->rules, AMENDMENT_PermissionedDEX))
		return temDISABLED;
	return tesSUCCESS;
}

static bool get_amount(const struct st_object *o, enum sf f, struct amount *out)
{
	struct bytes raw;

	return st_get_raw(o, f, &raw) && amount_decode(out, raw) == ERR_NONE;
}

/* More than all XRP there is cannot be meant. */
static bool is_legal(const struct amount *a)
{
	return a->kind != AMOUNT_XRP || a->mantissa <= DROPS_MAX;
}

static bool is_positive(const struct amount *a)
{
	return !a->negative && !amount_is_zero(a);
}

static bool same_asset(const struct amount *a, const struct amount *b, bool with_issuer)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == AMOUNT_MPT)
		return memcmp(a->mpt.b, b->mpt.b, sizeof(a->mpt.b)) == 0;
	if (a->kind == AMOUNT_XRP)
		return true;
	return memcmp(a->currency.b, b->currency.b, sizeof(a->currency.b)) == 0 &&
	       (!with_issuer || account_eq(&a->issuer, &b->issuer));
}

/* "XRP" spelled as an issued currency. */
static bool is_bad_currency(const struct amount *a)
{
	static const struct currency bad = {{[12] = 'X', [13] = 'R', [14] = 'P'}};

	return a->kind == AMOUNT_IOU && memcmp(a->currency.b, bad.b, sizeof(bad.b)) == 0;
}

static bool read_shape(const struct tx *t, struct shape *s)
{
	memset(s, 0, sizeof(*s));
	if (!get_amount(t->fields, sfAmount, &s->amount))
		return false;
	s->max = s->amount;
	if (s->amount.kind == AMOUNT_IOU)
		s->max.issuer = t->account; /* the sender's own issue, when nothing else is said */
	s->has_max = st_has(t->fields, sfSendMax);
	if (s->has_max && !get_amount(t->fields, sfSendMax, &s->max))
		return false;
	s->has_paths = st_has(t->fields, sfPaths);
	s->xrp_direct = s->amount.kind == AMOUNT_XRP && s->max.kind == AMOUNT_XRP;
	s->is_mpt = s->amount.kind == AMOUNT_MPT;
	return true;
}

/* XRP goes straight from one account to the other: nothing that is about ways and means. */
static enum ter check_direct(const struct tx *t, const struct shape *s)
{
	bool direct = s->xrp_direct || s->is_mpt;

	if (s->xrp_direct && s->has_max)
		return temBAD_SEND_XRP_MAX;
	if (direct && s->has_paths)
		return temBAD_SEND_XRP_PATHS;
	if (s->xrp_direct && (t->flags & (uint32_t)tfPartialPayment))
		return temBAD_SEND_XRP_PARTIAL;
	if (direct && (t->flags & (uint32_t)tfLimitQuality))
		return temBAD_SEND_XRP_LIMIT;
	if (direct && (t->flags & (uint32_t)tfNoRippleDirect))
		return temBAD_SEND_XRP_NO_DIRECT;
	return tesSUCCESS;
}

/* Whether a > b, both positive and of one asset. */
static bool is_greater(const struct amount *a, const struct amount *b)
{
	if (a->kind == AMOUNT_IOU && a->exponent != b->exponent)
		return a->exponent > b->exponent;
	return a->mantissa > b->mantissa;
}

static enum ter check_deliver_min(const struct tx *t, const struct shape *s)
{
	struct amount min;

	if (!st_has(t->fields, sfDeliverMin))
		return tesSUCCESS;
	if (!(t->flags & (uint32_t)tfPartialPayment) || !get_amount(t->fields, sfDeliverMin, &min))
		return temBAD_AMOUNT;
	if (!is_legal(&min) || !is_positive(&min) || !same_asset(&min, &s->amount, true) ||
	    is_greater(&min, &s->amount))
		return temBAD_AMOUNT;
	return tesSUCCESS;
}

static enum ter check_amounts(const struct tx_static *st, const struct shape *s)
{
	static const struct account_id nobody;
	struct account_id to = nobody;

	if (!is_legal(&s->amount) || !is_legal(&s->max))
		return temBAD_AMOUNT;
	(void)st_get_account(st->t->fields, sfDestination, &to);
	if (account_eq(&to, &nobody))
		return temDST_NEEDED;
	if (s->has_max && !is_positive(&s->max))
		return temBAD_AMOUNT;
	if (!is_positive(&s->amount))
		return temBAD_AMOUNT;
	if (is_bad_currency(&s->amount) || is_bad_currency(&s->max))
		return temBAD_CURRENCY;
	if (account_eq(&to, &st->t->account) && same_asset(&s->max, &s->amount, false) &&
	    !s->has_paths)
		return temREDUNDANT;
	return tesSUCCESS;
}

static enum ter preflight(const struct tx_static *st)
{
	struct hash256 domain;
	struct shape s;
	enum ter r;

	if (!read_shape(st->t, &s))
		return temBAD_AMOUNT;
	if (s.is_mpt) {
		if (!amendment_on(st->rules, AMENDMENT_MPTokensV1))
			return temDISABLED;
		if (s.has_paths)
			return temMALFORMED;
	}
	if (st_get_hash256(st->t->fields, sfDomainID, &domain) && hash256_is_zero(&domain) &&
	    amendment_on(st->rules, AMENDMENT_fixCleanup3_2_0))
		return temMALFORMED;
	if ((s.is_mpt && !same_asset(&s.amount, &s.max, true)) ||
	    (!s.is_mpt && s.max.kind == AMOUNT_MPT))
		return temMALFORMED;
	r = check_amounts(st, &s);
	if (r == tesSUCCESS)
		r = check_direct(st->t, &s);
	if (r == tesSUCCESS)
		r = check_deliver_min(st->t, &s);
	/* Well formed, but of a kind that is not here. */
	if (r == tesSUCCESS && (!s.xrp_direct || st_has(st->t->fields, sfCredentialIDs) ||
				st_has(st->t->fields, sfDomainID)))
		r = temDISABLED;
	return r;
}

static uint32_t flags_of(const struct st_object *entry)
{
	return st_u32_or(entry, sfFlags, 0);
}

static enum ter preclaim(struct tx_run *r)
{
	const struct st_object *to;
	struct account_id id = {{0}};
	struct drops amount;
	enum found f;

	(void)st_get_account(r->t->fields, sfDestination, &id);
	must(st_get_drops(r->t->fields, sfAmount, &amount));
	r->destination_k = keylet_account(&id);
	f = view_read(r->ledger, r->destination_k, &to);
	if (f == UNAVAILABLE)
		return tefEXCEPTION;
	if (f == ABSENT)
		return drops_cmp(amount, r->info->fees.reserve) < 0 ? tecNO_DST_INSUF_XRP
								    : tesSUCCESS;
	if ((flags_of(to) & (uint32_t)lsfRequireDestTag) && !st_has(r->t->fields, sfDestinationTag))
		return tecDST_TAG_NEEDED;
	return tesSUCCESS;
}

/* The destination's entry, for changing; made when there is none. */
static enum ter open_destination(struct tx_run *r, struct st_object **out)
{
	struct account_id id = {{0}};
	enum found f = view_peek(r->view, r->destination_k, out);

	if (f == UNAVAILABLE)
		return tefEXCEPTION;
	if (f == FOUND) {
		view_update(r->view, r->destination_k);
		return tesSUCCESS;
	}
	(void)st_get_account(r->t->fields, sfDestination, &id);
	*out = view_insert(r->view, r->destination_k);
	st_set_account(*out, sfAccount, &id);
	st_set_u(*out, sfSequence, r->info->seq);
	st_set_drops(*out, sfBalance, drops_of(0));
	return tesSUCCESS;
}

/* What the sender must have: the amount, and beyond it the reserve, out of which the fee may be
 * paid. */
static bool can_pay(const struct tx_run *r, struct drops amount)
{
	struct drops keep = reserve_with(r, r->account, 0), need;

	if (drops_cmp(keep, r->t->fee) < 0)
		keep = r->t->fee;
	return drops_add(&need, amount, keep) && drops_cmp(r->balance_before_fee, need) >= 0;
}

/* DepositAuth: only whom the destination has authorised; but an account that has at most the base
 * reserve may get up to that much from anybody, so that it can pay fees again. */
static enum ter check_deposit(struct tx_run *r, const struct st_object *to, struct drops amount,
			      struct drops balance)
{
	const struct st_object *allowed;
	struct account_id id = {{0}};
	enum found f;

	if (!(flags_of(to) & (uint32_t)lsfDepositAuth))
		return tesSUCCESS;
	if (drops_cmp(amount, r->info->fees.reserve) <= 0 &&
	    drops_cmp(balance, r->info->fees.reserve) <= 0)
		return tesSUCCESS;
	(void)st_get_account(r->t->fields, sfDestination, &id);
	f = view_read(r->view, keylet_deposit_preauth(&id, &r->t->account), &allowed);
	if (f == UNAVAILABLE)
		return tefEXCEPTION;
	return f == FOUND ? tesSUCCESS : tecNO_PERMISSION;
}

static enum ter move(struct tx_run *r, struct st_object *to, struct drops amount)
{
	struct drops from_balance, to_balance;

	if (!account_balance(r->account, &from_balance) || !account_balance(to, &to_balance) ||
	    !drops_sub(&from_balance, from_balance, amount) ||
	    !drops_add(&to_balance, to_balance, amount))
		return tefINTERNAL;
	st_set_drops(r->account, sfBalance, from_balance);
	st_set_drops(to, sfBalance, to_balance);
	/* A payment gives the account its one free change of keys back. */
	if (flags_of(to) & (uint32_t)lsfPasswordSpent)
		st_set_u(to, sfFlags, flags_without(flags_of(to), (uint32_t)lsfPasswordSpent));
	return tesSUCCESS;
}

static enum ter apply(struct tx_run *r)
{
	struct drops amount, balance;
	struct st_object *to;
	enum ter t = open_destination(r, &to);

	must(st_get_drops(r->t->fields, sfAmount, &amount));
	if (t != tesSUCCESS)
		return t;
	if (!can_pay(r, amount))
		return tecUNFUNDED_PAYMENT;
	if (account_is_pseudo(to))
		return tecNO_PERMISSION;
	if (!account_balance(to, &balance))
		return tefINTERNAL;
	t = check_deposit(r, to, amount, balance);
	return t == tesSUCCESS ? move(r, to, amount) : t;
}

/* What XRP it may spend (rippled: Payment::makeTxConsequences). */
static void consequences(const struct tx *t, struct tx_consequences *out)
{
	enum sf f = st_has(t->fields, sfSendMax) ? sfSendMax : sfAmount;
	struct drops most;

	if (st_get_drops(t->fields, f, &most))
		out->spend = most;
}

const struct tx_ops tx_ops_payment = {
    .flags_allowed = (uint32_t)tfNoRippleDirect | (uint32_t)tfPartialPayment |
		     (uint32_t)tfLimitQuality,
    .accounts_created_max = 1,
    .features = features,
    .preflight = preflight,
    .preclaim = preclaim,
    .apply = apply,
    .consequences = consequences,
};
