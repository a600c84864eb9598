/* SPDX-License-Identifier: ISC */
#include "rpc/signing.h"
#include "rpc/state.h"

#include "base/limits.h"
#include "crypto/base58.h"

#include <stdlib.h>

/* sign_for and submit_multisigned: transactions with Signers (rippled: TransactionSign.cpp). They
 * are signed as they stand, so nothing is filled in but an empty SigningPubKey. */

static int by_account(const void *a, const void *b)
{
	const struct st_element *x = a, *y = b;
	struct account_id i = {0}, j = {0};

	st_get_account(x->object, sfAccount, &i);
	st_get_account(y->object, sfAccount, &j);
	return account_cmp(&i, &j);
}

static struct st_array *signers_of(const struct st_object *o)
{
	return (struct st_array *)(uintptr_t)st_get_array(o, sfSigners);
}

/* Who pays the fee does not sign beside others. */
static struct account_id fee_payer(const struct st_object *fields)
{
	struct account_id id = {0};

	if (!st_get_account(fields, sfDelegate, &id))
		st_get_account(fields, sfAccount, &id);
	return id;
}

/* Sorts by account; no account twice, none the payer's own. */
static bool settle_signers(struct rpc_call *c, struct st_array *list,
			   const struct account_id *payer)
{
	struct account_id id = {0}, last;

	if (list->n == 0)
		return rpc_fail_text(c, RPC_INVALID_PARAMS, "Signers array may not be empty.");
	qsort(list->e, list->n, sizeof(list->e[0]), by_account);
	for (uint32_t i = 0; i < list->n; i++) {
		last = id;
		st_get_account(list->e[i].object, sfAccount, &id);
		if (i > 0 && account_eq(&id, &last))
			return rpc_fail_text(c, RPC_INVALID_PARAMS,
					     "Duplicate Signers:Signer:Account entries (%s) are "
					     "not allowed.",
					     account_text(&id).s);
	}
	for (uint32_t i = 0; i < list->n; i++)
		if (st_get_account(list->e[i].object, sfAccount, &id) && account_eq(&id, payer))
			return rpc_fail_text(c, RPC_INVALID_PARAMS,
					     "A Signer may not be the transaction's Account (%s).",
					     account_text(payer).s);
	return true;
}

/* What the client must have decided on before anybody signs. */
static bool check_decided(struct rpc_call *c, const json_t *tx)
{
	const json_t *key = json_object_get(tx, "SigningPubKey");

	if (!json_object_get(tx, "Sequence"))
		return rpc_fail_missing(c, "tx_json.Sequence");
	if (!key)
		return rpc_fail_missing(c, "tx_json.SigningPubKey");
	/* With a target it is not the sender whose signers are asked. */
	if (!p_has(c, "signature_target") && (!json_is_string(key) || json_string_length(key) > 0))
		return rpc_fail_text(c, RPC_INVALID_PARAMS,
				     "When multi-signing 'tx_json.SigningPubKey' must be empty.");
	return true;
}

/* ---- sign_for */

static bool check_network(struct rpc_call *c, const json_t *tx)
{
	const json_t *v = json_object_get(tx, "NetworkID");

	if (!txfill_names_network(c))
		return true;
	if (!v)
		return rpc_fail_missing(c, "tx_json.NetworkID");
	if (!json_is_integer(v) || json_integer_value(v) != c->r->network_id)
		return rpc_fail_invalid(c, "tx_json.NetworkID");
	return true;
}

/* Whether it is one without this signature; faults as for a whole one. */
static bool check_unsigned(struct rpc_call *c, const struct st_object *fields)
{
	struct tx *tx = txfill_tx(c, fields);
	const char *fault = tx ? tx_local_fault(tx) : NULL;

	tx_unref(tx);
	if (fault)
		return rpc_fail_text(c, RPC_INVALID_PARAMS, "%s", fault);
	return tx != NULL;
}

static struct tx *sign_for_with(struct rpc_call *c, struct signing *s,
				const struct account_id *signer, const struct secret_key *key)
{
	struct st_object *fields, *to;
	struct account_id payer;

	if (!signing_options(c, s) || !signing_prepare(c, s) || !txfill_fields(c, s->tx, &fields))
		return NULL;
	to = signing_target(c, fields, s->target);
	st_set_raw(to, sfSigningPubKey, bytes_of(NULL, 0));
	if (!check_unsigned(c, fields))
		return NULL;
	if (s->offline && !signing_open_ledger(c))
		return NULL;
	if (!signing_key_fits(c, key, signer))
		return NULL;
	tx_sign_for(to, fields, signer, key);
	payer = fee_payer(fields);
	return settle_signers(c, signers_of(to), &payer) ? signing_finish(c, fields, s->target)
							 : NULL;
}

static bool begin_sign_for(struct rpc_call *c, struct signing *s, struct account_id *signer)
{
	const json_t *who = json_object_get(c->p, "account");

	if (!who)
		return rpc_fail_missing(c, "account");
	if (!json_to_account(who, signer))
		return rpc_fail_text(c, RPC_SRC_ACT_MALFORMED, "Invalid field 'account'.");
	if (!signing_tx_json(c, s) || !check_network(c, s->tx))
		return false;
	if (!json_object_get(s->tx, "SigningPubKey"))
		json_object_set_new(s->tx, "SigningPubKey", json_string(""));
	return check_decided(c, s->tx);
}

struct tx *signing_sign_for(struct rpc_call *c)
{
	struct signing s = {.multi = true};
	struct secret_key *key = NULL;
	struct account_id signer;
	struct tx *out = NULL;

	if (begin_sign_for(c, &s, &signer) && signing_key(c, 1, &key))
		out = sign_for_with(c, &s, &signer, key);
	json_decref(s.tx);
	secret_key_close(key);
	return out;
}

/* ---- submit_multisigned */

static bool check_fee(struct rpc_call *c, const struct st_object *fields)
{
	struct drops fee;

	if (!st_get_drops(fields, sfFee, &fee))
		return rpc_fail_text(c, RPC_INVALID_PARAMS,
				     "Invalid Fee field.  Fees must be specified in XRP.");
	if (fee.raw == 0) /* raw: compared with nothing */
		return rpc_fail_text(c, RPC_INVALID_PARAMS,
				     "Invalid Fee field.  Fees must be greater than zero.");
	return true;
}

/* The parts of a multi-signed transaction that its format leaves open. */
static bool check_parts(struct rpc_call *c, struct st_object *fields)
{
	struct account_id payer = fee_payer(fields);
	struct st_array *list;
	struct bytes key;

	if (st_get_raw(fields, sfSigningPubKey, &key) && key.n > 0)
		return rpc_fail_text(c, RPC_INVALID_PARAMS,
				     "Invalid  SigningPubKey field.  Field must be empty when "
				     "multi-signing.");
	if (st_has(fields, sfTxnSignature))
		return rpc_fail(c, RPC_SIGNING_MALFORMED);
	if (!check_fee(c, fields))
		return false;
	list = signers_of(fields);
	if (!list)
		return rpc_fail_missing(c, "tx_json.Signers");
	if (list->n == 0)
		return rpc_fail_text(c, RPC_INVALID_PARAMS,
				     "tx_json.Signers array may not be empty.");
	return settle_signers(c, list, &payer);
}

static struct tx *multisigned_of(struct rpc_call *c, struct signing *s)
{
	const struct st_object *root;
	struct st_object *fields;
	enum found f;

	if (!signing_tx_json(c, s) || !check_decided(c, s->tx) || !signing_check_json(c, s))
		return NULL;
	f = rpc_entry(c, keylet_account(&s->account), &root);
	if (f != FOUND) {
		if (f == ABSENT)
			rpc_fail(c, RPC_SRC_ACT_NOT_FOUND);
		return NULL;
	}
	if (!json_object_get(s->tx, "Fee")) {
		rpc_fail_missing(c, "tx_json.Fee");
		return NULL;
	}
	if (!signing_check_payment(c, s) || !txfill_fields(c, s->tx, &fields) ||
	    !check_unsigned(c, fields) || !check_parts(c, fields))
		return NULL;
	return txfill_tx(c, fields);
}

struct tx *signing_multisigned(struct rpc_call *c)
{
	struct signing s = {.multi = true};
	struct tx *out = multisigned_of(c, &s);

	json_decref(s.tx);
	return out;
}
