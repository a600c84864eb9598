/* SPDX-License-Identifier: ISC */
#include "ledger/directory.h"
#include "tx/authority.h"

/* AccountSet: an account's flags and what it tells about itself (rippled: AccountSet.cpp). */

#define TRANSFER_RATE_ONE 1000000000u /* no fee; at most twice that */
#define TICK_SIZE_MIN     3
#define TICK_SIZE_MAX     16 /* the same as none */
#define DOMAIN_BYTES_MAX  256

/* What a transaction asks for: SetFlag and ClearFlag, and the same by transaction flags. */
struct wish {
	uint32_t set, clear; /* asf, 0 = none */
	uint32_t tf;
};

static struct wish wish_of(const struct tx *t)
{
	return (struct wish){.set = st_u32_or(t->fields, sfSetFlag, 0),
			     .clear = st_u32_or(t->fields, sfClearFlag, 0),
			     .tf = t->flags};
}

/* Flags of the account that change with an asf. Three of them have an older form as transaction
 * flags, too. Those with rules of their own are below. */
struct plain_flag {
	uint32_t asf, lsf;
	uint32_t tf_set, tf_clear;
};
static const struct plain_flag plain_flags[] = {
    {asfRequireAuth, lsfRequireAuth, tfRequireAuth, tfOptionalAuth},
    {asfRequireDest, lsfRequireDestTag, tfRequireDestTag, tfOptionalDestTag},
    {asfDisallowXRP, lsfDisallowXRP, tfDisallowXRP, tfAllowXRP},
    {asfDefaultRipple, lsfDefaultRipple, 0, 0},
    {asfDepositAuth, lsfDepositAuth, 0, 0},
    {asfDisallowIncomingNFTokenOffer, lsfDisallowIncomingNFTokenOffer, 0, 0},
    {asfDisallowIncomingCheck, lsfDisallowIncomingCheck, 0, 0},
    {asfDisallowIncomingPayChan, lsfDisallowIncomingPayChan, 0, 0},
    {asfDisallowIncomingTrustline, lsfDisallowIncomingTrustline, 0, 0},
};
#define PLAIN_FLAGS (sizeof(plain_flags) / sizeof(plain_flags[0]))

static bool sets(const struct wish *w, const struct plain_flag *p)
{
	return w->set == p->asf || (w->tf & p->tf_set);
}

static bool clears(const struct wish *w, const struct plain_flag *p)
{
	return w->clear == p->asf || (w->tf & p->tf_clear);
}

/* Flags that decide who may sign, whom the account deals with, or what later transactions must
 * name (rippled: AccountSet::makeTxConsequences). */
static void consequences(const struct tx *t, struct tx_consequences *out)
{
	static const uint32_t blocking[] = {asfRequireAuth, asfDisableMaster, asfAccountTxnID};
	struct wish w = wish_of(t);

	out->blocker = (w.tf & ((uint32_t)tfRequireAuth | (uint32_t)tfOptionalAuth)) != 0;
	for (size_t i = 0; i < sizeof(blocking) / sizeof(blocking[0]); i++)
		if (w.set == blocking[i] || w.clear == blocking[i])
			out->blocker = true;
}

static enum ter preflight_flags(const struct wish *w)
{
	if (w->set != 0 && w->set == w->clear)
		return temINVALID_FLAG;
	for (size_t i = 0; i < PLAIN_FLAGS; i++)
		if (sets(w, &plain_flags[i]) && clears(w, &plain_flags[i]))
			return temINVALID_FLAG;
	return tesSUCCESS;
}

static enum ter preflight_fields(const struct st_object *o)
{
	enum key_type type;
	struct bytes b;
	uint32_t rate;
	uint8_t tick;

	if (st_get_u32(o, sfTransferRate, &rate) && rate != 0 &&
	    (rate < TRANSFER_RATE_ONE || rate > 2 * TRANSFER_RATE_ONE))
		return temBAD_TRANSFER_RATE;
	if (st_get_u8(o, sfTickSize, &tick) && tick != 0 &&
	    (tick < TICK_SIZE_MIN || tick > TICK_SIZE_MAX))
		return temBAD_TICK_SIZE;
	if (st_get_raw(o, sfMessageKey, &b) && b.n > 0 && !public_key_type(b, &type))
		return telBAD_PUBLIC_KEY;
	if (st_get_raw(o, sfDomain, &b) && b.n > DOMAIN_BYTES_MAX)
		return telBAD_DOMAIN;
	return tesSUCCESS;
}

static enum ter preflight(const struct tx_static *s)
{
	struct wish w = wish_of(s->t);
	bool minter = st_has(s->t->fields, sfNFTokenMinter);
	enum ter r = preflight_flags(&w);

	if (r == tesSUCCESS)
		r = preflight_fields(s->t->fields);
	if (r != tesSUCCESS)
		return r;
	if (w.set == asfAuthorizedNFTokenMinter && !minter)
		return temMALFORMED;
	if (w.clear == asfAuthorizedNFTokenMinter && minter)
		return temMALFORMED;
	return tesSUCCESS;
}

static bool has_flag(const struct st_object *account, uint32_t lsf)
{
	return (st_u32_or(account, sfFlags, 0) & lsf) != 0;
}

/* A read that fails makes the whole view fail. */
static bool owns_nothing(struct tx_run *r)
{
	return directory_is_empty(r->ledger, keylet_owner_dir(&r->t->account));
}

/* Flags that would change the meaning of what an account has already issued. */
static enum ter preclaim(struct tx_run *r)
{
	const struct st_object *account = r->account_before;
	struct wish w = wish_of(r->t);

	if (sets(&w, &plain_flags[0]) && !has_flag(account, lsfRequireAuth) && !owns_nothing(r))
		return r->flags & TX_RETRY ? terOWNERS : tecOWNERS;
	if (w.set == asfAllowTrustLineClawback) {
		if (has_flag(account, lsfNoFreeze))
			return tecNO_PERMISSION;
		return owns_nothing(r) ? tesSUCCESS : tecOWNERS;
	}
	if (w.set == asfNoFreeze && has_flag(account, (uint32_t)lsfAllowTrustLineClawback))
		return tecNO_PERMISSION;
	return tesSUCCESS;
}

/* The master key may be switched off only by itself and when there is another way to sign. */
static enum ter apply_disable_master(struct tx_run *r, const struct wish *w, uint32_t *flags)
{
	const struct st_object *list;
	enum found f;

	if (w->clear == asfDisableMaster)
		*flags &= ~(uint32_t)lsfDisableMaster;
	if (w->set != asfDisableMaster || (*flags & (uint32_t)lsfDisableMaster))
		return tesSUCCESS;
	if (!tx_signed_with_master(r->t))
		return tecNEED_MASTER_KEY;
	if (!st_has(r->account, sfRegularKey)) {
		f = view_read(r->view, keylet_signers(&r->t->account), &list);
		if (f != FOUND)
			return f == ABSENT ? tecNO_ALTERNATIVE_KEY : tefEXCEPTION;
	}
	*flags |= (uint32_t)lsfDisableMaster;
	return tesSUCCESS;
}

/* NoFreeze is for good, and takes the right to end a global freeze along. */
static enum ter apply_freeze(struct tx_run *r, const struct wish *w, uint32_t *flags)
{
	if (w->set == asfNoFreeze) {
		if (!tx_signed_with_master(r->t) && !has_flag(r->account, lsfDisableMaster))
			return tecNEED_MASTER_KEY;
		*flags |= (uint32_t)lsfNoFreeze;
	}
	if (w->set == asfGlobalFreeze)
		*flags |= (uint32_t)lsfGlobalFreeze;
	else if (w->clear == asfGlobalFreeze && !(*flags & (uint32_t)lsfNoFreeze))
		*flags &= ~(uint32_t)lsfGlobalFreeze;
	return tesSUCCESS;
}

static enum ter apply_flags(struct tx_run *r, const struct wish *w)
{
	uint32_t before = st_u32_or(r->account, sfFlags, 0), flags = before;
	enum ter t;

	for (size_t i = 0; i < PLAIN_FLAGS; i++) {
		if (sets(w, &plain_flags[i]))
			flags |= plain_flags[i].lsf;
		if (clears(w, &plain_flags[i]))
			flags &= ~plain_flags[i].lsf;
	}
	t = apply_disable_master(r, w, &flags);
	if (t == tesSUCCESS)
		t = apply_freeze(r, w, &flags);
	if (t != tesSUCCESS)
		return t;
	if (amendment_on(r->info->rules, AMENDMENT_TokenEscrow)) {
		if (w->set == asfAllowTrustLineLocking)
			flags |= (uint32_t)lsfAllowTrustLineLocking;
		else if (w->clear == asfAllowTrustLineLocking)
			flags &= ~(uint32_t)lsfAllowTrustLineLocking;
	}
	if (w->set == asfAllowTrustLineClawback)
		flags |= (uint32_t)lsfAllowTrustLineClawback;
	if (flags != before)
		st_set_u(r->account, sfFlags, flags);
	return tesSUCCESS;
}

/* AccountTxnID: from now on the account remembers its last transaction. */
static void apply_tracking(struct tx_run *r, const struct wish *w)
{
	if (w->set == asfAccountTxnID && !st_has(r->account, sfAccountTxnID))
		st_set_hash256(r->account, sfAccountTxnID, &HASH256_ZERO);
	if (w->clear == asfAccountTxnID)
		st_remove(r->account, sfAccountTxnID);
}

static void apply_minter(struct tx_run *r, const struct wish *w)
{
	struct account_id minter;

	if (w->set == asfAuthorizedNFTokenMinter &&
	    st_get_account(r->t->fields, sfNFTokenMinter, &minter))
		st_set_account(r->account, sfNFTokenMinter, &minter);
	if (w->clear == asfAuthorizedNFTokenMinter)
		st_remove(r->account, sfNFTokenMinter);
}

/* Fields that the account carries as they are given; an empty or zero value takes them away. */
static void apply_texts(struct tx_run *r)
{
	static const enum sf fields[] = {sfEmailHash, sfWalletLocator, sfMessageKey, sfDomain};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		const struct st_value *v = st_find(r->t->fields, fields[i]);

		if (v && st_value_is_default(v))
			st_remove(r->account, fields[i]);
		else if (v)
			st_set_raw(r->account, fields[i], v->raw);
	}
}

static void apply_numbers(struct tx_run *r)
{
	uint32_t rate;
	uint8_t tick;

	if (st_get_u32(r->t->fields, sfTransferRate, &rate)) {
		if (rate == 0 || rate == TRANSFER_RATE_ONE)
			st_remove(r->account, sfTransferRate);
		else
			st_set_u(r->account, sfTransferRate, rate);
	}
	if (st_get_u8(r->t->fields, sfTickSize, &tick)) {
		if (tick == 0 || tick == TICK_SIZE_MAX)
			st_remove(r->account, sfTickSize);
		else
			st_set_u(r->account, sfTickSize, tick);
	}
}

/* WalletSize is taken and has never had a meaning. */
static enum ter apply(struct tx_run *r)
{
	struct wish w = wish_of(r->t);
	enum ter t = apply_flags(r, &w);

	if (t != tesSUCCESS)
		return t;
	apply_tracking(r, &w);
	apply_texts(r);
	apply_numbers(r);
	apply_minter(r, &w);
	return tesSUCCESS;
}

const struct tx_ops tx_ops_account_set = {
    .flags_allowed = (uint32_t)tfRequireDestTag | (uint32_t)tfOptionalDestTag |
		     (uint32_t)tfRequireAuth | (uint32_t)tfOptionalAuth | (uint32_t)tfDisallowXRP |
		     (uint32_t)tfAllowXRP,
    .preflight = preflight,
    .preclaim = preclaim,
    .apply = apply,
    .consequences = consequences,
};
