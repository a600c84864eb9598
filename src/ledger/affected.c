/* SPDX-License-Identifier: ISC */
#include "ledger/affected.h"

#include "codec/amount.h"

#include <stdlib.h>

enum err tx_leaf_split(struct bytes leaf, struct bytes *tx, struct bytes *meta)
{
	struct cursor c = cursor_of(leaf);
	struct bytes *part[2] = {tx, meta};

	for (int i = 0; i < 2; i++) {
		size_t n;
		enum err e = st_decode_length(&c, &n);

		if (e != ERR_NONE)
			return e;
		*part[i] = cursor_take(&c, n);
		if (c.dead)
			return ERR_SHORT;
		if (n == 0)
			return ERR_INVALID;
	}
	return c.left ? ERR_TRAILING : ERR_NONE;
}

void tx_leaf_join(struct buf *out, struct bytes tx, struct bytes meta)
{
	st_encode_length(out, tx.n);
	buf_put(out, tx.p, tx.n);
	st_encode_length(out, meta.n);
	buf_put(out, meta.p, meta.n);
}

/* The account that one field mentions; false for none. */
static bool account_of(const struct st_value *v, struct account_id *out)
{
	static const struct account_id zero;
	struct amount amount;

	switch (v->field) {
	case sfLowLimit:
	case sfHighLimit:
	case sfTakerPays:
	case sfTakerGets:
		if (amount_decode(&amount, v->raw) != ERR_NONE || amount.kind == AMOUNT_XRP)
			return false;
		*out = amount.issuer;
		if (amount.kind == AMOUNT_MPT)
			memcpy(out->b, amount.mpt.b + 4, sizeof(out->b));
		break;
	case sfMPTokenIssuanceID:
		if (v->raw.n != sizeof(struct mpt_id))
			return false;
		memcpy(out->b, v->raw.p + 4, sizeof(out->b));
		break;
	default:
		if (sf_type(v->field) != ST_ACCOUNT || v->raw.n != sizeof(out->b))
			return false;
		memcpy(out->b, v->raw.p, sizeof(out->b));
	}
	return !account_eq(out, &zero);
}

static const struct st_object *fields_of(const struct st_element *node)
{
	return st_get_object(node->object,
			     node->field == sfCreatedNode ? sfNewFields : sfFinalFields);
}

static int compare(const void *a, const void *b)
{
	return account_cmp(a, b);
}

static size_t sort_once(struct account_id *list, size_t n)
{
	size_t kept = 0;

	qsort(list, n, sizeof(*list), compare);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || !account_eq(&list[kept - 1], &list[i]))
			list[kept++] = list[i];
	return kept;
}

size_t affected_accounts(const struct st_object *meta, struct arena *a, struct account_id **out)
{
	const struct st_array *nodes = st_get_array(meta, sfAffectedNodes);
	size_t most = 0, n = 0;

	for (uint32_t i = 0; nodes && i < nodes->n; i++) {
		const struct st_object *fields = fields_of(&nodes->e[i]);

		most += fields ? fields->n : 0;
	}
	*out = arena_zalloc(a, most, sizeof(**out));
	for (uint32_t i = 0; nodes && i < nodes->n; i++) {
		const struct st_object *fields = fields_of(&nodes->e[i]);

		for (uint32_t k = 0; fields && k < fields->n; k++)
			n += account_of(&fields->v[k], &(*out)[n]);
	}
	return sort_once(*out, n);
}
