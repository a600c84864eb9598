/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "tx/ops.h"

/* EnableAmendment: the validators note that an amendment has got or lost their majority, or, after
 * two weeks of it, that it is in force from the next ledger on (rippled: Change.cpp). */

static bool list_has(struct bytes list, const struct hash256 *id)
{
	for (size_t i = 0; i + sizeof(id->b) <= list.n; i += sizeof(id->b))
		if (memcmp(list.p + i, id->b, sizeof(id->b)) == 0)
			return true;
	return false;
}

static void enable(struct st_object *entry, struct bytes list, const struct hash256 *id)
{
	struct buf longer = BUF_INIT;

	buf_put(&longer, list.p, list.n);
	buf_put(&longer, id->b, sizeof(id->b));
	st_set_raw(entry, sfAmendments, buf_bytes(&longer));
	buf_close(&longer);
}

static void add_majority(struct tx_run *r, struct st_array *to, const struct hash256 *id,
			 uint32_t close_time)
{
	struct st_object *o = st_array_add(to, r->account->arena, sfMajority);

	(void)r;
	st_set_hash256(o, sfAmendment, id);
	st_set_u(o, sfCloseTime, close_time);
}

static enum ter open_entry(struct tx_run *r, struct st_object **out)
{
	enum found f = view_peek(r->view, keylet_amendments(), out);

	if (f == UNAVAILABLE)
		return tefEXCEPTION;
	if (f == ABSENT)
		*out = view_insert(r->view, keylet_amendments());
	else
		view_update(r->view, keylet_amendments());
	return tesSUCCESS;
}

/* Majorities without the amendment's own; *had says whether it was there. */
static struct st_array *without(struct tx_run *r, struct st_object *entry, const struct hash256 *id,
				bool *had)
{
	const struct st_array *old = st_get_array(entry, sfMajorities);
	struct st_array *rest = st_set_array(entry, sfMajorities);
	struct hash256 one;

	*had = false;
	for (uint32_t i = 0; old && i < old->n; i++) {
		const struct st_object *o = old->e[i].object;

		if (!st_get_hash256(o, sfAmendment, &one))
			continue;
		if (hash256_eq(&one, id))
			*had = true;
		else
			add_majority(r, rest, &one, st_u32_or(o, sfCloseTime, 0));
	}
	return rest;
}

static enum ter apply(struct tx_run *r)
{
	bool got = (r->t->flags & (uint32_t)tfGotMajority) != 0;
	bool lost = (r->t->flags & (uint32_t)tfLostMajority) != 0;
	struct st_object *entry;
	struct bytes list = {0};
	struct st_array *rest;
	struct hash256 id;
	bool had;
	enum ter t = open_entry(r, &entry);

	if (t != tesSUCCESS)
		return t;
	must(st_get_hash256(r->t->fields, sfAmendment, &id));
	r->account = entry;
	(void)st_get_raw(entry, sfAmendments, &list);
	if (list_has(list, &id))
		return tefALREADY;
	if (got && lost)
		return temINVALID_FLAG;
	rest = without(r, entry, &id, &had);
	if (had == got && (had || lost))
		return tefALREADY;
	if (got)
		add_majority(r, rest, &id, r->info->parent_close.s);
	else if (!lost)
		enable(entry, list, &id);
	if (rest->n == 0)
		st_remove(entry, sfMajorities);
	return tesSUCCESS;
}

const struct tx_ops tx_ops_enable_amendment = {
    .flags_allowed = (uint32_t)tfGotMajority | (uint32_t)tfLostMajority,
    .apply = apply,
};
