/* SPDX-License-Identifier: ISC */
#include "tx/authority.h"

/* Whether signatures are good is known before (tx_check_signature), and with it that signers are 32
 * at most, in order and each another one; in a dry run none of that is known. Here keys are
 * compared with what the ledger says about the account (rippled: Transactor::checkSign). */

bool authority_of_key(struct account_id *out, struct bytes key)
{
	struct public_key k;
	enum key_type type;

	if (!public_key_type(key, &type))
		return false;
	memcpy(k.b, key.p, sizeof(k.b));
	account_of_key(out, &k);
	return true;
}

bool tx_signed_with_master(const struct tx *t)
{
	struct account_id signer;
	struct bytes key;

	return st_get_raw(t->fields, sfSigningPubKey, &key) && authority_of_key(&signer, key) &&
	       account_eq(&signer, &t->account);
}

static bool master_disabled(const struct st_object *account)
{
	return (st_u32_or(account, sfFlags, 0) & (uint32_t)lsfDisableMaster) != 0;
}

static bool is_regular_key(const struct st_object *account, const struct account_id *signer)
{
	struct account_id regular;

	return st_get_account(account, sfRegularKey, &regular) && account_eq(&regular, signer);
}

static enum ter check_single(const struct tx_run *r, struct bytes key)
{
	struct account_id signer;

	if (!authority_of_key(&signer, key))
		return tefBAD_AUTH;
	if (is_regular_key(r->account_before, &signer))
		return tesSUCCESS;
	if (!account_eq(&signer, &r->t->account))
		return tefBAD_AUTH;
	return master_disabled(r->account_before) ? tefMASTER_DISABLED : tesSUCCESS;
}

/* One signer of a multi-signed transaction, by its key: its own master key (also when the account
 * does not exist), or the regular key of an account that does. */
static enum ter check_signer_key(struct tx_run *r, const struct account_id *id, struct bytes key)
{
	const struct st_object *root;
	struct account_id by_key = *id;
	enum found f;

	if (key.n > 0 && !authority_of_key(&by_key, key))
		return tefBAD_SIGNATURE;
	f = view_read(r->ledger, keylet_account(id), &root);
	if (f == UNAVAILABLE)
		return tefEXCEPTION;
	if (account_eq(&by_key, id))
		return f == FOUND && master_disabled(root) ? tefMASTER_DISABLED : tesSUCCESS;
	return f == FOUND && is_regular_key(root, &by_key) ? tesSUCCESS : tefBAD_SIGNATURE;
}

/* The weight that the signer list gives an account; both lists ascend by account, *at is where the
 * search goes on. 0 when the account is not in the list. */
static uint32_t listed_weight(const struct st_array *entries, const struct account_id *id,
			      uint32_t *at)
{
	struct account_id listed;
	uint16_t weight = 0;

	for (; *at < entries->n; (*at)++) {
		const struct st_object *o = entries->e[*at].object;

		if (!st_get_account(o, sfAccount, &listed) || account_cmp(&listed, id) < 0)
			continue;
		if (account_eq(&listed, id))
			(void)st_get_u16(o, sfSignerWeight, &weight);
		break;
	}
	return weight;
}

static enum ter check_multi(struct tx_run *r, const struct st_array *signers)
{
	const struct st_object *list;
	const struct st_array *entries;
	uint32_t at = 0, sum = 0;
	enum found f = view_read(r->ledger, keylet_signers(&r->t->account), &list);

	if (f != FOUND)
		return f == ABSENT ? tefNOT_MULTI_SIGNING : tefEXCEPTION;
	entries = st_get_array(list, sfSignerEntries);
	if (!entries)
		return tefINTERNAL;
	for (uint32_t i = 0; i < signers->n; i++) {
		const struct st_object *o = signers->e[i].object;
		struct account_id id = {{0}};
		struct bytes key = {0};
		uint32_t weight;
		enum ter t;

		(void)st_get_account(o, sfAccount, &id);
		(void)st_get_raw(o, sfSigningPubKey, &key);
		weight = listed_weight(entries, &id, &at);
		if (weight == 0)
			return tefBAD_SIGNATURE;
		t = check_signer_key(r, &id, key);
		if (t != tesSUCCESS)
			return t;
		sum += weight;
	}
	return sum >= st_u32_or(list, sfSignerQuorum, 0) ? tesSUCCESS : tefBAD_QUORUM;
}

enum ter tx_check_sign(struct tx_run *r)
{
	const struct st_array *signers = st_get_array(r->t->fields, sfSigners);
	struct bytes key = {0};

	if (account_is_pseudo(r->account_before) &&
	    (amendment_on(r->info->rules, AMENDMENT_fixCleanup3_3_0) ||
	     amendment_on(r->info->rules, AMENDMENT_LendingProtocol) ||
	     amendment_on(r->info->rules, AMENDMENT_BatchV1_1)))
		return tefBAD_AUTH;
	(void)st_get_raw(r->t->fields, sfSigningPubKey, &key);
	if ((r->flags & TX_DRY_RUN) && key.n == 0 && !signers)
		return tesSUCCESS;
	return signers ? check_multi(r, signers) : check_single(r, key);
}
