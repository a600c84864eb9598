/* SPDX-License-Identifier: ISC */
#include "rpc/methods.h"
#include "rpc/queue.h"

#include "crypto/base58.h"

/* account_info (rippled: AccountInfo.cpp). */

struct flag_name {
	const char *name;
	uint32_t flag;
};

static void write_flags(struct jw *w, uint32_t flags, bool locking)
{
	static const struct flag_name names[] = {
	    {"defaultRipple", lsfDefaultRipple},
	    {"depositAuth", lsfDepositAuth},
	    {"disableMasterKey", lsfDisableMaster},
	    {"disallowIncomingXRP", lsfDisallowXRP},
	    {"globalFreeze", lsfGlobalFreeze},
	    {"noFreeze", lsfNoFreeze},
	    {"passwordSpent", lsfPasswordSpent},
	    {"requireAuthorization", lsfRequireAuth},
	    {"requireDestinationTag", lsfRequireDestTag},
	    {"disallowIncomingNFTokenOffer", lsfDisallowIncomingNFTokenOffer},
	    {"disallowIncomingCheck", lsfDisallowIncomingCheck},
	    {"disallowIncomingPayChan", lsfDisallowIncomingPayChan},
	    {"disallowIncomingTrustline", lsfDisallowIncomingTrustline},
	    {"allowTrustLineClawback", lsfAllowTrustLineClawback},
	};

	jw_put_open(w, "account_flags", '{');
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		jw_put_bool(w, names[i].name, flags & names[i].flag);
	if (locking)
		jw_put_bool(w, "allowTrustLineLocking", flags & lsfAllowTrustLineLocking);
	jw_end(w, '}');
}

/* An array of the one list there is, or none. NULL when it could not be read. */
static json_t *signer_lists(struct rpc_call *c, const struct account_id *id)
{
	struct keylet k = keylet_signers(id);
	const struct st_object *list;
	json_t *lists;

	switch (rpc_entry(c, k, &list)) {
	case FOUND:
		lists = json_array();
		json_array_append_new(lists, tj_entry(list, &k.key));
		return lists;
	case ABSENT:
		return json_array();
	case UNAVAILABLE:
		return NULL;
	}
	return NULL;
}

static void write_account_data(struct rpc_call *c, const struct st_object *root,
			       const struct hash256 *key, json_t *lists)
{
	json_t *data = tj_entry(root, key);
	struct bytes hash;
	char url[80] = "https://www.gravatar.com/avatar/";

	if (st_get_raw(root, sfEmailHash, &hash) && hash.n == 16) {
		char *hex = url + strlen(url);

		hex_encode(hex, hash.p, hash.n);
		for (; *hex; hex++)
			if (*hex >= 'A' && *hex <= 'F')
				*hex = (char)(*hex - 'A' + 'a');
		json_object_set_new(data, "urlgravatar", json_string(url));
	}
	if (lists)
		json_object_set(data, "signer_lists", lists);
	jw_put_json(&c->w, "account_data", data);
	json_decref(data);
}

static void write_pseudo(struct jw *w, const struct st_object *root)
{
	const char *type = NULL;

	if (st_has(root, sfAMMID))
		type = "AMM";
	else if (st_has(root, sfVaultID))
		type = "Vault";
	else if (st_has(root, sfLoanBrokerID))
		type = "LoanBroker";
	if (!type)
		return;
	jw_put_open(w, "pseudo_account", '{');
	jw_put_str(w, "type", type);
	jw_end(w, '}');
}

static void write_info(struct rpc_call *c, const struct account_id *id,
		       const struct st_object *root)
{
	const json_t *flag = json_object_get(c->p, "signer_lists");
	bool wanted = p_truthy(c, "signer_lists");
	struct keylet k = keylet_account(id);
	json_t *lists = NULL;

	if (wanted && !(lists = signer_lists(c, id)))
		return;
	write_account_data(c, root, &k.key, c->version == 1 ? lists : NULL);
	write_flags(&c->w, st_u32_or(root, sfFlags, 0),
		    rpc_ledger_enabled(c, AMENDMENT_TokenEscrow));
	write_pseudo(&c->w, root);
	if (c->version > 1 && flag && !json_is_boolean(flag))
		rpc_fail(c, RPC_INVALID_PARAMS); /* beside what was found */
	if (lists && c->version > 1 && !c->fault.token)
		jw_put_json(&c->w, "signer_lists", lists);
	if (p_truthy(c, "queue") && !c->fault.token)
		queue_write_account(c, id);
	json_decref(lists);
}

void method_account_info(struct rpc_call *c)
{
	const char *text;
	struct account_id id;
	const struct st_object *root;

	if (!p_account_text(c, !p_has(c, "account") && p_has(c, "ident") ? "ident" : "account",
			    &text) ||
	    !rpc_lookup_ledger(c))
		return;
	if (account_parse(&id, text) != ERR_NONE) {
		rpc_fail(c, RPC_ACT_MALFORMED);
		return;
	}
	if (!rpc_account_root(c, &id, &root)) {
		jw_put_str(&c->w, "account", account_text(&id).s);
		return;
	}
	if (p_truthy(c, "queue") && !c->ledger.open) {
		rpc_fail(c, RPC_INVALID_PARAMS);
		return;
	}
	write_info(c, &id, root);
}
