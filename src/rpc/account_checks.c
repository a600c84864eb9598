/* SPDX-License-Identifier: ISC */
#include "rpc/methods.h"

#include "crypto/base58.h"

/* gateway_balances and noripple_check (rippled: GatewayBalances.cpp, NoRippleCheck.cpp), for
 * accounts that have no trust lines: transactions that make some are not enabled here, so there are
 * no obligations to sum and no lines to check. */

static bool account_of_request(struct rpc_call *c, const char *text, struct account_id *id,
			       const struct st_object **root)
{
	if (!rpc_lookup_ledger(c))
		return false;
	if (account_parse(id, text) != ERR_NONE)
		return rpc_fail(c, RPC_ACT_MALFORMED);
	return rpc_account_root(c, id, root);
}

static bool is_wallet(const json_t *v)
{
	struct account_id id;
	struct public_key key;

	return json_to_account(v, &id) ||
	       (json_is_string(v) && account_public_parse(&key, json_string_value(v)) == ERR_NONE);
}

/* One wallet or a list of them. */
static bool are_wallets(const json_t *v)
{
	if (!json_is_array(v))
		return is_wallet(v);
	for (size_t i = 0; i < json_array_size(v); i++)
		if (!is_wallet(json_array_get(v, i)))
			return false;
	return true;
}

void method_gateway_balances(struct rpc_call *c)
{
	const json_t *hot = json_object_get(c->p, "hotwallet");
	const char *key = !p_has(c, "account") && p_has(c, "ident") ? "ident" : "account";
	const struct st_object *root;
	struct account_id id;
	const char *text;

	if (!p_account_text(c, key, &text) || !account_of_request(c, text, &id, &root))
		return;
	if (hot && !are_wallets(hot)) {
		rpc_fail(c, c->version == 1 ? RPC_INVALID_HOT_WALLET : RPC_INVALID_PARAMS);
		return;
	}
	jw_put_str(&c->w, "account", account_text(&id).s);
}

/* The transaction that would set the flag. */
static void write_advice(struct rpc_call *c, const struct account_id *id,
			 const struct st_object *root)
{
	struct ledger_fees fees;
	struct jw *w = &c->w;

	if (!rpc_ledger_fees(c, &fees))
		return;
	jw_open(w, '{');
	jw_put_str(w, "TransactionType", "AccountSet");
	jw_put_u64(w, "SetFlag", asfDefaultRipple);
	jw_put_str(w, "Account", account_text(id).s);
	jw_put_u64(w, "Sequence", st_u32_or(root, sfSequence, 0));
	jw_put_u64(w, "Fee", fees.base.raw); /* raw: printing */
	jw_end(w, '}');
}

void method_noripple_check(struct rpc_call *c)
{
	const char *role = p_text(c, "role"), *text;
	const json_t *wanted = json_object_get(c->p, "transactions");
	bool gateway, ripples, advice;
	const struct st_object *root;
	struct account_id id;
	uint32_t limit;

	if (!p_has(c, "role") && p_has(c, "account")) {
		rpc_fail_missing(c, "role");
		return;
	}
	if (!p_account_text(c, "account", &text))
		return;
	gateway = role && strcmp(role, "gateway") == 0;
	if (!gateway && (!role || strcmp(role, "user") != 0)) {
		rpc_fail_invalid(c, "role");
		return;
	}
	if (!p_limit(c, &limit))
		return;
	if (c->version > 1 && wanted && !json_is_boolean(wanted)) {
		rpc_fail_invalid(c, "transactions");
		return;
	}
	if (!account_of_request(c, text, &id, &root))
		return;
	ripples = st_u32_or(root, sfFlags, 0) & lsfDefaultRipple;
	jw_put_open(&c->w, "problems", '[');
	if (ripples && !gateway)
		jw_str(&c->w,
		       "You appear to have set your default ripple flag even though you are "
		       "not a gateway. This is not recommended unless you are experimenting");
	if (gateway && !ripples)
		jw_str(&c->w, "You should immediately set your default ripple flag");
	jw_end(&c->w, ']');
	advice = p_truthy(c, "transactions");
	if (!advice)
		return;
	jw_put_open(&c->w, "transactions", '[');
	if (gateway && !ripples)
		write_advice(c, &id, root);
	jw_end(&c->w, ']');
}
