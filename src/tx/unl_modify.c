/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "ledger/negative_unl.h"
#include "tx/ops.h"

/* UNLModify: the validators note, in a flag ledger, that one of them is to be disabled or enabled
 * again from the next flag ledger on; one of each at most (rippled: Change.cpp applyUNLModify).
 * What does not fit is tefFAILURE: nothing happens. Any 33 bytes that begin like a key are one. */

static bool well_formed(const struct tx_run *r, bool *disable, struct bytes *key)
{
	const struct st_object *o = r->t->fields;
	enum key_type type;
	uint8_t how;

	if (!ledger_is_flag(r->info->seq) || !st_get_u8(o, sfUNLModifyDisabling, &how) || how > 1)
		return false;
	*disable = how == 1;
	return st_u32_or(o, sfLedgerSequence, 0) == r->info->seq &&
	       st_get_raw(o, sfUNLModifyValidator, key) && public_key_type(*key, &type);
}

static bool is(const struct st_object *o, enum sf f, struct bytes key)
{
	struct bytes b;

	return st_get_raw(o, f, &b) && bytes_eq(b, key);
}

static bool listed(const struct st_object *entry, struct bytes key)
{
	const struct st_array *list = st_get_array(entry, sfDisabledValidators);

	for (uint32_t i = 0; list && i < list->n; i++)
		if (is(list->e[i].object, sfPublicKey, key))
			return true;
	return false;
}

/* Whether the note makes sense beside what the entry says (NULL: there is none). */
static bool fits(const struct st_object *entry, bool disable, struct bytes key)
{
	enum sf this = disable ? sfValidatorToDisable : sfValidatorToReEnable;
	enum sf other = disable ? sfValidatorToReEnable : sfValidatorToDisable;

	if (!entry)
		return disable;
	return !st_has(entry, this) && !is(entry, other, key) && listed(entry, key) != disable;
}

static enum ter apply(struct tx_run *r)
{
	struct keylet k = keylet_negative_unl();
	struct st_object *entry = NULL;
	struct bytes key;
	enum found f;
	bool disable;

	if (!well_formed(r, &disable, &key))
		return tefFAILURE;
	f = view_peek(r->view, k, &entry);
	if (f == UNAVAILABLE)
		return tefEXCEPTION;
	if (!fits(f == FOUND ? entry : NULL, disable, key))
		return tefFAILURE;
	if (f == ABSENT)
		entry = view_insert(r->view, k);
	else
		view_update(r->view, k);
	st_set_raw(entry, disable ? sfValidatorToDisable : sfValidatorToReEnable, key);
	return tesSUCCESS;
}

const struct tx_ops tx_ops_unl_modify = {
    .apply = apply,
};
