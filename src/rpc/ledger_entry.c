/* SPDX-License-Identifier: ISC */
#include "rpc/locators.h"
#include "rpc/methods.h"

/* ledger_entry (rippled: LedgerEntry.cpp). */

struct locator {
	const char *field;
	uint16_t type;
	locate_fn *locate;
};

static const struct locator locators[] = {
#define L(field, type, fn) {field, type, fn},
#include "rpc/locators.def"
#undef L
};

/* The one locator that the request uses; NULL with or without a fault (none there). */
static const struct locator *locator_of(struct rpc_call *c)
{
	const struct locator *used = NULL;

	for (size_t i = 0; i < sizeof(locators) / sizeof(locators[0]); i++) {
		if (!p_has(c, locators[i].field))
			continue;
		if (used) {
			rpc_fail_text(c, RPC_INVALID_PARAMS, "Too many fields provided.");
			return NULL;
		}
		used = &locators[i];
	}
	return used;
}

static void write_entry(struct rpc_call *c, const struct st_object *entry,
			const struct hash256 *key)
{
	struct buf bytes = BUF_INIT;
	json_t *j;

	if (p_truthy(c, "binary")) {
		st_encode(&bytes, entry, ST_ALL);
		jw_put_hex(&c->w, "node_binary", bytes.p, bytes.n);
		buf_close(&bytes);
		return;
	}
	j = tj_entry(entry, key);
	jw_put_json(&c->w, "node", j);
	json_decref(j);
}

static void show(struct rpc_call *c, const struct locator *l, const struct hash256 *key)
{
	const struct st_object *entry;
	uint16_t type = ltINVALID;

	jw_put_hash(&c->w, "index", key);
	switch (rpc_entry(c, (struct keylet){*key, ltANY}, &entry)) {
	case ABSENT:
		rpc_fail(c, RPC_ENTRY_NOT_FOUND);
		return;
	case UNAVAILABLE:
		return;
	case FOUND:
		break;
	}
	st_get_u16(entry, sfLedgerEntryType, &type);
	if (l->type != ltANY && l->type != type)
		rpc_fail(c, RPC_UNEXPECTED_LEDGER_TYPE);
	else
		write_entry(c, entry, key);
}

void method_ledger_entry(struct rpc_call *c)
{
	const struct locator *l = locator_of(c);
	struct hash256 key;

	if (c->fault.token || !rpc_lookup_ledger(c))
		return;
	if (!l && c->version == 1) {
		rpc_fail_token(c, "unknownOption");
		return;
	}
	if (!l) {
		rpc_fail_text(c, RPC_INVALID_PARAMS, "No ledger_entry params provided.");
	} else if (l->locate(c, l->field, json_object_get(c->p, l->field), &key)) {
		show(c, l, &key);
		return;
	}
	rpc_forget_written(c);
}
