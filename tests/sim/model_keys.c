/* SPDX-License-Identifier: ISC */
#include "crypto/hash.h"
#include "tests/sim/model_impl.h"

/* Who may sign for an account: its own key unless that is switched off, its regular key, or
 * signers of its list whose weights reach the quorum. */

static const char *wrong(struct why *why, const char *text)
{
	why_set(why, ERR_INVALID, "%s", text);
	return "P9";
}

static bool account_of(struct bytes object, struct account_id *out)
{
	struct bytes key;

	if (!model_find(object, 7, 3, &key) || !key.n)
		return false;
	hash160(out, key.p, key.n);
	return true;
}

static const char *single(struct bytes tx, const struct model_account *a, bool *master,
			  struct why *why)
{
	struct account_id signer;

	if (!account_of(tx, &signer) || !model_signature_good(tx))
		return wrong(why, "the signature is not its key's");
	if (a->has_key && account_eq(&signer, &a->key))
		return NULL;
	if (!account_eq(&signer, &a->id))
		return wrong(why, "the key is not the account's");
	if (a->flags & MODEL_MASTER_OFF)
		return wrong(why, "the account's own key is switched off");
	*master = true;
	return NULL;
}

/* Nothing is known of an account that does not exist: then its own key is good. */
static bool may_sign_as(const struct model *m, const struct account_id *id,
			const struct account_id *key)
{
	const struct model_account *a = model_account(m, id);

	if (account_eq(id, key))
		return !a || !(a->flags & MODEL_MASTER_OFF);
	return a && a->has_key && account_eq(&a->key, key);
}

static const struct model_signer *listed(const struct model_list *list, const struct account_id *id)
{
	for (uint32_t i = 0; i < list->n; i++)
		if (account_eq(&list->signer[i].id, id))
			return &list->signer[i];
	return NULL;
}

static const char *several(const struct model *m, struct bytes tx, struct bytes signers,
			   const struct model_account *a, struct why *why)
{
	struct account_id id, key, last = {{0}};
	struct cursor c = cursor_of(signers);
	struct model_field f;
	uint64_t weight = 0;

	if (!a->list)
		return wrong(why, "several have signed for an account without a list");
	while (model_next_field(&c, &f)) {
		const struct model_signer *s;

		if (!model_id(f.raw, 1, &id) || !account_of(f.raw, &key) ||
		    !model_signer_good(tx, f.raw, &id))
			return wrong(why, "the signature of one of several is not its key's");
		if (memcmp(last.b, id.b, sizeof(id.b)) >= 0)
			return wrong(why, "one of several has signed twice, or out of order");
		last = id;
		s = listed(a->list, &id);
		if (!s || !may_sign_as(m, &id, &key))
			return wrong(why, "one of several may not sign");
		weight += s->weight;
	}
	if (c.dead || weight < a->list->quorum)
		return wrong(why, "several who have signed are too few");
	return NULL;
}

const char *model_may_sign(const struct model *m, struct bytes tx, const struct model_account *a,
			   bool *master, struct why *why)
{
	struct bytes signers, key;

	*master = false;
	if (!model_find(tx, 15, 3, &signers))
		return single(tx, a, master, why);
	if (!model_find(tx, 7, 3, &key) || key.n)
		return wrong(why, "signed by one and by several");
	return several(m, tx, signers, a, why);
}
