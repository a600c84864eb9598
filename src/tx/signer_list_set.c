/* SPDX-License-Identifier: ISC */
#include "base/limits.h"
#include "tx/authority.h"
#include "tx/owner.h"

/* SignerListSet: the accounts that may together sign for this one, all of them anew or none any
 * more (rippled: SignerListSet.cpp). A quorum of 0 takes the list away. */

/* The entries of a transaction, ascending by account. */
struct roster {
	const struct st_object *e[TX_SIGNERS_MAX];
	uint32_t n;
};

static struct account_id account_of_entry(const struct st_object *o)
{
	struct account_id id = {{0}};

	(void)st_get_account(o, sfAccount, &id);
	return id;
}

/* Puts an entry where it belongs; equal accounts come to lie side by side. */
static void roster_insert(struct roster *r, const struct st_object *o)
{
	struct account_id id = account_of_entry(o), before;
	uint32_t at = r->n++;

	for (; at > 0; at--) {
		before = account_of_entry(r->e[at - 1]);
		if (account_cmp(&before, &id) <= 0)
			break;
		r->e[at] = r->e[at - 1];
	}
	r->e[at] = o;
}

static bool roster_read(struct roster *r, const struct st_array *entries)
{
	r->n = 0;
	if (entries->n < 1 || entries->n > TX_SIGNERS_MAX)
		return false;
	for (uint32_t i = 0; i < entries->n; i++) {
		if (entries->e[i].field != sfSignerEntry)
			return false;
		roster_insert(r, entries->e[i].object);
	}
	return true;
}

static enum ter check_roster(const struct tx *t, const struct roster *r, uint32_t quorum)
{
	struct account_id last, id;
	uint32_t sum = 0;

	for (uint32_t i = 1; i < r->n; i++) {
		last = account_of_entry(r->e[i - 1]);
		id = account_of_entry(r->e[i]);
		if (account_eq(&last, &id))
			return temBAD_SIGNER;
	}
	for (uint32_t i = 0; i < r->n; i++) {
		uint16_t weight = 0;

		id = account_of_entry(r->e[i]);
		(void)st_get_u16(r->e[i], sfSignerWeight, &weight);
		if (weight == 0)
			return temBAD_WEIGHT;
		if (account_eq(&id, &t->account))
			return temBAD_SIGNER;
		sum += weight;
	}
	return sum < quorum ? temBAD_QUORUM : tesSUCCESS;
}

static enum ter preflight(const struct tx_static *s)
{
	const struct st_array *entries = st_get_array(s->t->fields, sfSignerEntries);
	uint32_t quorum = st_u32_or(s->t->fields, sfSignerQuorum, 0);
	struct roster r;

	if ((quorum != 0) != (entries != NULL))
		return temMALFORMED;
	if (!entries)
		return tesSUCCESS;
	if (!roster_read(&r, entries))
		return temMALFORMED;
	return check_roster(s->t, &r, quorum);
}

static uint32_t flags_allowed(const struct rules *rules)
{
	return amendment_on(rules, AMENDMENT_fixInvalidTxFlags) ? 0 : UINT32_MAX;
}

static void consequences(const struct tx *t, struct tx_consequences *out)
{
	(void)t;
	out->blocker = true;
}

/* What a list counts for in OwnerCount: lists from before MultiSignReserve count their entries. */
static uint32_t owned_by_list(const struct st_object *list)
{
	const struct st_array *entries = st_get_array(list, sfSignerEntries);

	if (st_u32_or(list, sfFlags, 0) & (uint32_t)lsfOneOwnerCount)
		return 1;
	return 2 + (entries ? entries->n : 0);
}

enum ter signer_list_remove(struct tx_run *r, const struct account_id *owner,
			    struct st_object *account)
{
	struct keylet k = keylet_signers(owner);
	struct st_object *list;
	enum found f = view_peek(r->view, k, &list);

	if (f != FOUND)
		return f == ABSENT ? tesSUCCESS : tefEXCEPTION;
	return owner_unlink(r, owner, account, k, list, owned_by_list(list), false);
}

static void write_entries(struct st_object *list, const struct roster *from)
{
	struct st_array *to = st_set_array(list, sfSignerEntries);

	for (uint32_t i = 0; i < from->n; i++) {
		struct st_object *o = st_array_add(to, list->arena, sfSignerEntry);
		struct account_id id = account_of_entry(from->e[i]);
		uint16_t weight = 0;
		struct bytes locator;

		(void)st_get_u16(from->e[i], sfSignerWeight, &weight);
		st_set_account(o, sfAccount, &id);
		st_set_u(o, sfSignerWeight, weight);
		if (st_get_raw(from->e[i], sfWalletLocator, &locator))
			st_set_raw(o, sfWalletLocator, locator);
	}
}

/* The old list goes first: what it cost may pay for the new one. */
static enum ter replace(struct tx_run *r, const struct st_array *entries)
{
	struct keylet k = keylet_signers(&r->t->account);
	struct st_object *list;
	struct roster roster;
	enum ter t = signer_list_remove(r, &r->t->account, r->account);

	if (t != tesSUCCESS)
		return t;
	if (drops_cmp(r->balance_before_fee, reserve_with(r, r->account, 1)) < 0)
		return tecINSUFFICIENT_RESERVE;
	must(roster_read(&roster, entries));
	list = view_insert(r->view, k);
	if (amendment_on(r->info->rules, AMENDMENT_fixIncludeKeyletFields))
		st_set_account(list, sfOwner, &r->t->account);
	st_set_u(list, sfSignerQuorum, st_u32_or(r->t->fields, sfSignerQuorum, 0));
	st_set_u(list, sfFlags, (uint32_t)lsfOneOwnerCount);
	write_entries(list, &roster);
	return owner_link(r, &r->t->account, r->account, k, list, 1);
}

static enum ter apply(struct tx_run *r)
{
	const struct st_array *entries = st_get_array(r->t->fields, sfSignerEntries);

	if (entries)
		return replace(r, entries);
	if ((st_u32_or(r->account, sfFlags, 0) & (uint32_t)lsfDisableMaster) &&
	    !st_has(r->account, sfRegularKey))
		return tecNO_ALTERNATIVE_KEY;
	return signer_list_remove(r, &r->t->account, r->account);
}

const struct tx_ops tx_ops_signer_list_set = {
    .flags_allowed_by = flags_allowed,
    .preflight = preflight,
    .apply = apply,
    .consequences = consequences,
};
