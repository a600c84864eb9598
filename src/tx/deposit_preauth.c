/* SPDX-License-Identifier: ISC */
#include "tx/owner.h"

/* DepositPreauth: who may pay an account that takes payments only from whom it knows (rippled:
 * DepositPreauth.cpp). Leave to whoever holds certain credentials answers temDISABLED until there
 * are credentials. */

static enum ter features(const struct tx_static *s)
{
	if (st_has(s->t->fields, sfAuthorizeCredentials) ||
	    st_has(s->t->fields, sfUnauthorizeCredentials))
		return temDISABLED;
	return tesSUCCESS;
}

static enum ter preflight(const struct tx_static *s)
{
	static const struct account_id nobody;
	const struct st_object *o = s->t->fields;
	struct account_id target = nobody;
	bool authorize = st_has(o, sfAuthorize);

	if (authorize == st_has(o, sfUnauthorize))
		return temMALFORMED;
	(void)st_get_account(o, authorize ? sfAuthorize : sfUnauthorize, &target);
	if (account_eq(&target, &nobody))
		return temINVALID_ACCOUNT_ID;
	if (authorize && account_eq(&target, &s->t->account))
		return temCANNOT_PREAUTH_SELF;
	return tesSUCCESS;
}

static enum found exists(struct tx_run *r, struct keylet k)
{
	const struct st_object *o;

	return view_read(r->ledger, k, &o);
}

static enum ter preclaim(struct tx_run *r)
{
	const struct st_object *o = r->t->fields;
	struct account_id target;
	enum found f;

	if (st_get_account(o, sfUnauthorize, &target)) {
		f = exists(r, keylet_deposit_preauth(&r->t->account, &target));
		if (f == UNAVAILABLE)
			return tefEXCEPTION;
		return f == FOUND ? tesSUCCESS : tecNO_ENTRY;
	}
	must(st_get_account(o, sfAuthorize, &target));
	f = exists(r, keylet_account(&target));
	if (f != FOUND)
		return f == ABSENT ? tecNO_TARGET : tefEXCEPTION;
	f = exists(r, keylet_deposit_preauth(&r->t->account, &target));
	if (f == UNAVAILABLE)
		return tefEXCEPTION;
	return f == FOUND ? tecDUPLICATE : tesSUCCESS;
}

static enum ter authorize(struct tx_run *r, const struct account_id *target)
{
	struct keylet k = keylet_deposit_preauth(&r->t->account, target);
	struct st_object *o;

	if (drops_cmp(r->balance_before_fee, reserve_with(r, r->account, 1)) < 0)
		return tecINSUFFICIENT_RESERVE;
	o = view_insert(r->view, k);
	st_set_account(o, sfAccount, &r->t->account);
	st_set_account(o, sfAuthorize, target);
	return owner_link(r, &r->t->account, r->account, k, o, 1);
}

static enum ter unauthorize(struct tx_run *r, const struct account_id *target)
{
	struct keylet k = keylet_deposit_preauth(&r->t->account, target);
	struct st_object *o;
	enum found f = view_peek(r->view, k, &o);

	if (f != FOUND)
		return f == ABSENT ? tecNO_ENTRY : tefEXCEPTION;
	return owner_unlink(r, &r->t->account, r->account, k, o, 1, false);
}

static enum ter apply(struct tx_run *r)
{
	struct account_id target;

	if (st_get_account(r->t->fields, sfAuthorize, &target))
		return authorize(r, &target);
	must(st_get_account(r->t->fields, sfUnauthorize, &target));
	return unauthorize(r, &target);
}

const struct tx_ops tx_ops_deposit_preauth = {
    .features = features,
    .preflight = preflight,
    .preclaim = preclaim,
    .apply = apply,
};
