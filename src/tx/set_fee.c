/* SPDX-License-Identifier: ISC */
#include "tx/ops.h"

/* SetFee: the validators change the base fee and the reserves. In drops since XRPFees; before, in
 * the fields of the first form, and never in both (rippled: Change.cpp). */
static const enum sf in_drops[] = {sfBaseFeeDrops, sfReserveBaseDrops, sfReserveIncrementDrops};
static const enum sf first_form[] = {sfBaseFee, sfReferenceFeeUnits, sfReserveBase,
				     sfReserveIncrement};

static unsigned count(const struct st_object *o, const enum sf *fields, unsigned n)
{
	unsigned there = 0;

	for (unsigned i = 0; i < n; i++)
		there += st_has(o, fields[i]);
	return there;
}

static enum ter preclaim(struct tx_run *r)
{
	unsigned new = count(r->t->fields, in_drops, 3);
	unsigned old = count(r->t->fields, first_form, 4);

	if (amendment_on(r->info->rules, AMENDMENT_XRPFees))
		return new == 3 && old == 0 ? tesSUCCESS : temMALFORMED;
	if (old != 4)
		return temMALFORMED;
	return new == 0 ? tesSUCCESS : temDISABLED;
}

static void copy(struct st_object *to, const struct st_object *from, enum sf f)
{
	const struct st_value *v = st_find(from, f);

	must(v);
	if (sf_type(f) == ST_AMOUNT)
		st_set_raw(to, f, v->raw);
	else
		st_set_u(to, f, v->u);
}

static enum ter apply(struct tx_run *r)
{
	struct keylet k = keylet_fees();
	struct st_object *entry;
	enum found f = view_peek(r->view, k, &entry);

	if (f == UNAVAILABLE)
		return tefEXCEPTION;
	if (f == ABSENT)
		entry = view_insert(r->view, k);
	else
		view_update(r->view, k);
	if (!amendment_on(r->info->rules, AMENDMENT_XRPFees)) {
		for (unsigned i = 0; i < 4; i++)
			copy(entry, r->t->fields, first_form[i]);
		return tesSUCCESS;
	}
	for (unsigned i = 0; i < 3; i++)
		copy(entry, r->t->fields, in_drops[i]);
	for (unsigned i = 0; i < 4; i++)
		st_remove(entry, first_form[i]);
	return tesSUCCESS;
}

const struct tx_ops tx_ops_set_fee = {
    .preclaim = preclaim,
    .apply = apply,
};
