/* SPDX-License-Identifier: ISC */
#include "tx/authority.h"

/* SetRegularKey: a second key that may sign for the account, or none any more (rippled:
 * SetRegularKey.cpp). Whoever has lost all XRP to fees, or has the master key alone, may do it once
 * for nothing; a payment gives that right back. */

static struct drops base_fee(const struct tx *t, struct view *v)
{
	struct keylet k = {.key = t->account_key, .type = ltAccountRoot};
	const struct st_object *account;

	if (tx_signed_with_master(t) && view_read(v, k, &account) == FOUND &&
	    !(st_u32_or(account, sfFlags, 0) & (uint32_t)lsfPasswordSpent))
		return drops_of(0);
	return tx_base_fee_common(t, &view_get_info(v)->fees);
}

static void consequences(const struct tx *t, struct tx_consequences *out)
{
	(void)t;
	out->blocker = true;
}

static enum ter preflight(const struct tx_static *s)
{
	struct account_id key;

	if (st_get_account(s->t->fields, sfRegularKey, &key) && account_eq(&key, &s->t->account))
		return temBAD_REGKEY;
	return tesSUCCESS;
}

/* Takes the key away when the account can be signed for without it. */
static enum ter remove_key(struct tx_run *r)
{
	const struct st_object *list;
	enum found f;

	if (st_u32_or(r->account, sfFlags, 0) & (uint32_t)lsfDisableMaster) {
		f = view_read(r->view, keylet_signers(&r->t->account), &list);
		if (f != FOUND)
			return f == ABSENT ? tecNO_ALTERNATIVE_KEY : tefEXCEPTION;
	}
	st_remove(r->account, sfRegularKey);
	return tesSUCCESS;
}

/* The free change is used up also by who paid for it all the same. */
static enum ter apply(struct tx_run *r)
{
	struct drops due = base_fee(r->t, r->ledger);
	uint32_t flags = st_u32_or(r->account, sfFlags, 0);
	struct account_id key;

	if (due.raw == 0) /* raw: compared with nothing */
		st_set_u(r->account, sfFlags, flags | (uint32_t)lsfPasswordSpent);
	if (!st_get_account(r->t->fields, sfRegularKey, &key))
		return remove_key(r);
	st_set_account(r->account, sfRegularKey, &key);
	return tesSUCCESS;
}

const struct tx_ops tx_ops_set_regular_key = {
    .preflight = preflight,
    .apply = apply,
    .base_fee = base_fee,
    .consequences = consequences,
};
