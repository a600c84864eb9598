/* SPDX-License-Identifier: ISC */
#include "rpc/lines.h"
#include "rpc/methods.h"

#include "base/limits.h"
#include "crypto/base58.h"

#include <stdio.h>

/* noripple_check (rippled: NoRippleCheck.cpp). */

static bool account_of_request(struct rpc_call *c, const char *text, struct account_id *id,
			       const struct st_object **root)
{
	if (!rpc_lookup_ledger(c))
		return false;
	if (account_parse(id, text) != ERR_NONE)
		return rpc_fail(c, RPC_ACT_MALFORMED);
	return rpc_account_root(c, id, root);
}

struct check {
	struct account_id id;
	bool gateway;
	uint32_t seq; /* of the next transaction that is proposed */
	struct drops fee;
	json_t *problems, *transactions;
	uint32_t left; /* lines that may still be named */
};

static void problem(struct check *k, const char *text)
{
	json_array_append_new(k->problems, json_string(text));
}

/* A transaction that would mend something; the caller's members come first. */
static void propose(struct check *k, json_t *tx)
{
	json_object_set_new(tx, "Account", json_string(account_text(&k->id).s));
	json_object_set_new(tx, "Sequence", json_integer(k->seq++));
	json_object_set_new(tx, "Fee", json_integer((json_int_t)k->fee.raw)); /* raw: printing */
	json_array_append_new(k->transactions, tx);
}

static void check_root(struct check *k, const struct st_object *root)
{
	bool ripples = st_u32_or(root, sfFlags, 0) & lsfDefaultRipple;
	json_t *tx;

	if (ripples && !k->gateway)
		problem(k, "You appear to have set your default ripple flag even though you are "
			   "not a gateway. This is not recommended unless you are experimenting");
	if (ripples || !k->gateway)
		return;
	problem(k, "You should immediately set your default ripple flag");
	tx = json_object();
	json_object_set_new(tx, "TransactionType", json_string("AccountSet"));
	json_object_set_new(tx, "SetFlag", json_integer(asfDefaultRipple));
	propose(k, tx);
}

static void propose_line(struct check *k, const struct line *l, bool clear)
{
	uint8_t raw[AMOUNT_BYTES_MAX];
	struct amount limit = l->limit;
	struct st_value v = {.field = sfLimitAmount};
	json_t *tx = json_object();

	limit.issuer = l->peer;
	v.raw = bytes_of(raw, amount_encode(raw, &limit));
	json_object_set_new(tx, "TransactionType", json_string("TrustSet"));
	json_object_set_new(tx, "LimitAmount", st_value_to_server_json(&v));
	json_object_set_new(tx, "Flags", json_integer(clear ? tfClearNoRipple : tfSetNoRipple));
	propose(k, tx);
}

static void visit(struct rpc_call *c, void *ctx, const struct hash256 *key,
		  const struct st_object *entry)
{
	char currency[CURRENCY_TEXT_MAX], text[200];
	struct check *k = ctx;
	struct line l;
	bool set;

	(void)c;
	(void)key;
	if (k->left == 0 || !line_of(&k->id, entry, &l))
		return;
	set = line_flag(&l, lsfLowNoRipple, lsfHighNoRipple);
	if (set != k->gateway)
		return;
	currency_text(currency, &l.limit_peer.currency);
	snprintf(text, sizeof(text), "You should %s the no ripple flag on your %s line to %s",
		 set ? "clear" : "probably set", currency, account_text(&l.peer).s);
	problem(k, text);
	propose_line(k, &l, set);
	k->left--;
}

static void write_check(struct rpc_call *c, struct check *k, bool advice)
{
	struct dir_walk walk = {.visit = visit, .ctx = k, .limit = RPC_DIR_PAGES_MAX * 32};

	if (!owner_dir_walk(c, &k->id, &walk))
		return;
	jw_put_json(&c->w, "problems", k->problems);
	if (advice)
		jw_put_json(&c->w, "transactions", k->transactions);
}

void method_noripple_check(struct rpc_call *c)
{
	const char *role = p_text(c, "role"), *text;
	const json_t *wanted = json_object_get(c->p, "transactions");
	struct check k = {.seq = 0};
	const struct st_object *root;
	struct ledger_fees fees;

	if (!p_has(c, "role") && p_has(c, "account")) {
		rpc_fail_missing(c, "role");
		return;
	}
	if (!p_account_text(c, "account", &text))
		return;
	k.gateway = role && strcmp(role, "gateway") == 0;
	if (!k.gateway && (!role || strcmp(role, "user") != 0)) {
		rpc_fail_invalid(c, "role");
		return;
	}
	if (!p_limit(c, &k.left))
		return;
	if (c->version > 1 && wanted && !json_is_boolean(wanted)) {
		rpc_fail_invalid(c, "transactions");
		return;
	}
	if (!account_of_request(c, text, &k.id, &root) || !rpc_ledger_fees(c, &fees)) {
		if (c->fault.code == RPC_ACT_NOT_FOUND)
			rpc_forget_written(c);
		return;
	}
	k.seq = st_u32_or(root, sfSequence, 0);
	k.fee = fees.base;
	k.problems = json_array();
	k.transactions = json_array();
	check_root(&k, root);
	write_check(c, &k, p_truthy(c, "transactions"));
	json_decref(k.problems);
	json_decref(k.transactions);
}
