/* SPDX-License-Identifier: ISC */
#include "base/limits.h"
#include "base/mem.h"
#include "codec/format.h"
#include "codec/st.h"
#include "ledger/entry_drops.h"
#include "ledger/genesis.h"
#include "ledger/tree_node.h"

/* A genesis out of another network's state. */

static bool type_of(struct bytes data, uint16_t *out)
{
	struct arena a = ARENA_INIT;
	struct st_object *o;
	bool good = st_decode(&o, &a, data, NULL) == ERR_NONE &&
		    st_get_u16(o, sfLedgerEntryType, out);

	arena_close(&a);
	return good;
}

static bool is_network_own(uint16_t type)
{
	return type == ltFeeSettings || type == ltAmendments || type == ltLedgerHashes ||
	       type == ltNegativeUNL;
}

enum err genesis_add_entry(struct genesis *g, const struct hash256 *key, struct bytes data,
			   struct why *why)
{
	struct drops drops = drops_of(0);
	uint16_t type;

	if (data.n == 0 || data.n > TREE_DATA_MAX || !type_of(data, &type) ||
	    !entry_add_drops(&drops, data))
		return why_set(why, ERR_INVALID, "not an entry of a state");
	if (is_network_own(type))
		return why_set(why, ERR_INVALID, "a network has its own entry of that type");
	if (g->entries.n > 0 && hash256_cmp(key, &g->last_entry) <= 0)
		return why_set(why, ERR_ORDER, "entries are sorted by key");
	buf_put(&g->entries, key->b, sizeof(key->b));
	buf_put_be32(&g->entries, (uint32_t)data.n);
	buf_put(&g->entries, data.p, data.n);
	g->last_entry = *key;
	return ERR_NONE;
}

bool genesis_next_entry(struct bytes *rest, struct hash256 *key, struct bytes *data)
{
	const size_t head = sizeof(key->b) + 4;

	if (rest->n == 0)
		return false;
	must(rest->n > head);
	memcpy(key->b, rest->p, sizeof(key->b));
	*data = bytes_of(rest->p + head, load_be32(rest->p + sizeof(key->b)));
	must(data->n <= rest->n - head);
	rest->p += head + data->n;
	rest->n -= head + data->n;
	return true;
}

static enum err take_amendments(struct genesis *g, const struct rules *r, struct why *why)
{
	const struct hash256 *xrp_fees = &amendment_by_name("XRPFees", 7)->id;

	for (uint32_t i = 0; i < r->n; i++) {
		const struct amendment *a = amendment_by_id(&r->id[i]);

		if (!a || !a->supported)
			return why_set(why, ERR_STATE, "this build does not support amendment %s",
				       a ? a->name : hash256_hex(&r->id[i]).s);
	}
	if (r->n > GENESIS_AMENDMENTS_MAX)
		return why_set(why, ERR_FULL, "too many amendments");
	g->amendments = mem_resize(g->amendments, r->n ? r->n : 1, sizeof(r->id[0]));
	memcpy(g->amendments, r->id, r->n * sizeof(r->id[0]));
	g->n_amendments = r->n;
	g->xrp_fees = rules_enabled(r, xrp_fees);
	return ERR_NONE;
}

/* Read as a state with nothing but this entry in it. */
static enum err take_own(struct genesis *g, const struct hash256 *key, uint16_t type,
			 struct bytes data, struct why *why)
{
	struct rules *rules = NULL;
	enum err e = ERR_NONE;
	struct tree one;

	tree_init_empty(&one, TREE_STATE, NULL);
	must(tree_put(&one, key, data) == FOUND);
	if (type == ltFeeSettings)
		must(ledger_fees_read(&one, &g->fees) == FOUND);
	if (type == ltAmendments) {
		must(rules_read(&one, &rules) == FOUND);
		e = take_amendments(g, rules, why);
		rules_unref(rules);
	}
	tree_close(&one);
	return e;
}

enum err genesis_take(struct genesis *g, const struct hash256 *key, struct bytes data,
		      struct why *why)
{
	uint16_t type;

	if (data.n == 0 || data.n > TREE_DATA_MAX || !type_of(data, &type))
		return why_set(why, ERR_INVALID, "not an entry of a state");
	if (is_network_own(type))
		return take_own(g, key, type, data, why);
	return genesis_add_entry(g, key, data, why);
}
