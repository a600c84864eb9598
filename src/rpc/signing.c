/* SPDX-License-Identifier: ISC */
#include "rpc/signing.h"
#include "rpc/state.h"

#include "codec/amount.h"
#include "crypto/base58.h"

bool signing_allowed(struct rpc_call *c)
{
	if (c->from.admin)
		return true;
	return rpc_fail_text(c, RPC_NOT_SUPPORTED, "Signing is not supported by this server.");
}

bool signing_key_fits(struct rpc_call *c, const struct secret_key *key, const struct account_id *id)
{
	const struct st_object *root = NULL;
	struct account_id signer, regular;
	enum found f = rpc_entry(c, keylet_account(id), &root);
	bool master;

	account_of_key(&signer, secret_key_public(key));
	master = account_eq(&signer, id);
	if (f == UNAVAILABLE)
		return false;
	if (f == ABSENT)
		return master ? true : rpc_fail(c, RPC_BAD_SECRET);
	if (master && (st_u32_or(root, sfFlags, 0) & lsfDisableMaster))
		return rpc_fail(c, RPC_MASTER_DISABLED);
	if (master ||
	    (st_get_account(root, sfRegularKey, &regular) && account_eq(&signer, &regular)))
		return true;
	return rpc_fail(c, RPC_BAD_SECRET);
}

/* ---- What is asked for */

/* Parts of objects that have a form of their own (rippled: InnerObjectFormats.cpp); a signature may
 * be wanted in one of them. Which of them a transaction has is the format's question. */
static const enum sf formed[] = {
    sfSignerEntry,
    sfSigner,
    sfMajority,
    sfDisabledValidator,
    sfNFToken,
    sfVoteEntry,
    sfAuctionSlot,
    sfXChainClaimAttestationCollectionElement,
    sfXChainCreateAccountAttestationCollectionElement,
    sfXChainClaimProofSig,
    sfXChainCreateAccountProofSig,
    sfAuthAccount,
    sfPriceData,
    sfCredential,
    sfPermission,
    sfBatchSigner,
    sfBook,
    sfCounterpartySignature,
};

bool signing_options(struct rpc_call *c, struct signing *s)
{
	const json_t *v = json_object_get(c->p, "signature_target");
	const char *name = json_string_value(v);

	s->offline = p_truthy(c, "offline");
	s->target = sfInvalid;
	if (!v)
		return true;
	s->target = name ? sf_by_name(name, strlen(name)) : sfInvalid;
	for (size_t i = 0; i < sizeof(formed) / sizeof(formed[0]); i++)
		if (s->target == formed[i])
			return true;
	return rpc_fail_text(c, RPC_INVALID_PARAMS, "%s",
			     s->target == sfInvalid ? "" : sf_name(s->target));
}

bool signing_tx_json(struct rpc_call *c, struct signing *s)
{
	const json_t *tx = json_object_get(c->p, "tx_json");

	if (!tx)
		return rpc_fail_missing(c, "tx_json");
	if (!json_is_object(tx))
		return rpc_fail_expected(c, "tx_json", "object");
	if (!s->tx)
		s->tx = json_deep_copy(tx);
	return true;
}

bool signing_open_ledger(struct rpc_call *c)
{
	struct view *v = node_open_view(c->host->node);

	if (!v || (!c->r->standalone && rpc_validated_age(c->host) > RPC_VALIDATED_AGE_MAX))
		return rpc_fail_behind(c, RPC_NO_CURRENT);
	c->ledger = (struct rpc_ledger){.open = v, .seq = view_get_info(v)->seq};
	return true;
}

/* While the server asks for more than usual it works only for its administrators. */
static bool check_load(struct rpc_call *c)
{
	struct node_fees f;

	if (c->from.admin)
		return true;
	node_get_fees(c->host->node, &f);
	return f.load_local == LOAD_BASE && f.load_cluster == LOAD_BASE ? true
									: rpc_fail(c, RPC_TOO_BUSY);
}

bool signing_check_json(struct rpc_call *c, struct signing *s)
{
	const json_t *account = json_object_get(s->tx, "Account");

	if (!json_object_get(s->tx, "TransactionType"))
		return rpc_fail_missing(c, "tx_json.TransactionType");
	if (!account)
		return rpc_fail_text(c, RPC_SRC_ACT_MISSING, "Missing field 'tx_json.Account'.");
	if (!json_to_account(account, &s->account))
		return rpc_fail_text(c, RPC_SRC_ACT_MALFORMED, "Invalid field 'tx_json.Account'.");
	return (s->offline || signing_open_ledger(c)) && check_load(c);
}

/* ---- Payments */

static bool amount_of_json(struct rpc_call *c, const json_t *v, struct amount *out)
{
	json_t *o = json_object();
	struct st_object *fields;
	struct bytes raw;
	bool is;

	json_object_set(o, "Amount", (json_t *)(uintptr_t)v);
	txfill_amounts(o);
	is = st_from_json(&fields, &c->arena, o, NULL) == ERR_NONE &&
	     st_get_raw(fields, sfAmount, &raw) && amount_decode(out, raw) == ERR_NONE;
	json_decref(o);
	return is;
}

/* DeliverMax is another name of a payment's Amount. */
static bool settle_deliver_max(struct rpc_call *c, json_t *tx)
{
	json_t *max = json_object_get(tx, "DeliverMax");
	const json_t *amount = json_object_get(tx, "Amount");

	if (max && amount && !json_equal(max, amount))
		return rpc_fail_text(c, RPC_INVALID_PARAMS,
				     "Cannot specify differing 'Amount' and 'DeliverMax'");
	if (!max)
		return true;
	if (!amount)
		json_object_set(tx, "Amount", max);
	json_object_del(tx, "DeliverMax");
	return true;
}

/* build_path: what may be asked for. Nothing is added: as long as nothing but XRP can be paid there
 * is no path that could be found. */
static bool check_build_path(struct rpc_call *c, const struct signing *s,
			     const struct amount *amount)
{
	const json_t *max = json_object_get(s->tx, "SendMax");
	struct amount most = *amount;

	if (!p_has(c, "build_path"))
		return true;
	if (s->offline || s->multi ||
	    (amount->kind == AMOUNT_MPT && !rpc_ledger_enabled(c, AMENDMENT_MPTokensV2)))
		return rpc_fail_text(c, RPC_INVALID_PARAMS,
				     "Field 'build_path' not allowed in this context.");
	if (json_object_get(s->tx, "Paths"))
		return rpc_fail_text(c, RPC_INVALID_PARAMS,
				     "Cannot specify both 'tx_json.Paths' and 'build_path'");
	if (max && !amount_of_json(c, max, &most))
		return rpc_fail_invalid(c, "tx_json.SendMax");
	if (most.kind == AMOUNT_XRP && amount->kind == AMOUNT_XRP)
		return rpc_fail_text(c, RPC_INVALID_PARAMS, "Cannot build XRP to XRP paths.");
	return true;
}

bool signing_check_payment(struct rpc_call *c, struct signing *s)
{
	const char *type = json_string_value(json_object_get(s->tx, "TransactionType"));
	const json_t *domain = json_object_get(s->tx, "DomainID");
	struct account_id destination;
	struct amount amount;
	struct hash256 id;

	if (!type || strcmp(type, "Payment") != 0)
		return true;
	if (!settle_deliver_max(c, s->tx))
		return false;
	if (!json_object_get(s->tx, "Amount"))
		return rpc_fail_missing(c, "tx_json.Amount");
	if (!amount_of_json(c, json_object_get(s->tx, "Amount"), &amount))
		return rpc_fail_invalid(c, "tx_json.Amount");
	if (!json_object_get(s->tx, "Destination"))
		return rpc_fail_missing(c, "tx_json.Destination");
	if (!json_to_account(json_object_get(s->tx, "Destination"), &destination))
		return rpc_fail_invalid(c, "tx_json.Destination");
	if (!check_build_path(c, s, &amount))
		return false;
	if (domain && !json_to_hash(domain, &id))
		return rpc_fail_text(c, RPC_DOMAIN_MALFORMED, "Unable to parse 'DomainID'.");
	return true;
}

/* ---- The rest of it */

static bool fill_fee(struct rpc_call *c, struct signing *s)
{
	if (json_object_get(s->tx, "Fee"))
		return true;
	if (s->offline || !s->fee)
		return rpc_fail_missing(c, "tx_json.Fee");
	return s->fee(c, s->tx);
}

static bool check_form(struct rpc_call *c, const struct signing *s)
{
	if (s->multi && json_object_get(s->tx, "TxnSignature"))
		return rpc_fail(c, RPC_ALREADY_SINGLE_SIG);
	if (!s->multi && json_object_get(s->tx, "Signers"))
		return rpc_fail(c, RPC_ALREADY_MULTISIG);
	return true;
}

bool signing_prepare(struct rpc_call *c, struct signing *s)
{
	const struct st_object *root;
	enum found f;

	if (!signing_tx_json(c, s) || !signing_check_json(c, s))
		return false;
	if (s->offline && !json_object_get(s->tx, "Sequence"))
		return rpc_fail_missing(c, "tx_json.Sequence");
	f = s->offline ? FOUND : rpc_entry(c, keylet_account(&s->account), &root);
	if (f != FOUND)
		return f == ABSENT ? rpc_fail(c, RPC_SRC_ACT_NOT_FOUND) : false;
	if (!s->multi) {
		if (!txfill_sequence(c, s->tx, &s->account))
			return false;
		txfill_network(c, s->tx);
	}
	return fill_fee(c, s) && signing_check_payment(c, s) && check_form(c, s);
}

struct st_object *signing_target(struct rpc_call *c, struct st_object *fields, enum sf target)
{
	const struct st_object *part;

	if (target == sfInvalid)
		return fields;
	part = st_get_object(fields, target);
	if (!part) {
		part = st_new(&c->arena);
		st_set_object(fields, target, (struct st_object *)(uintptr_t)part);
	}
	return (struct st_object *)(uintptr_t)part;
}

/* Signatures of a part sign the same as those of the whole. */
static bool part_valid(const struct st_object *fields, const struct st_object *part)
{
	const struct st_array *signers = st_get_array(part, sfSigners);
	struct buf payload = BUF_INIT;
	struct bytes key = {0}, sig = {0};
	struct account_id id = {0};
	bool good;

	(void)st_get_raw(part, sfSigningPubKey, &key);
	(void)st_get_raw(part, sfTxnSignature, &sig);
	tx_sign_payload(&payload, fields);
	good = (key.n > 0) != (signers != NULL);
	if (good && key.n > 0)
		good = signature_check(key, buf_bytes(&payload), sig);
	for (uint32_t i = 0; good && signers && i < signers->n; i++) {
		const struct st_object *o = signers->e[i].object;

		good = st_get_account(o, sfAccount, &id) && st_get_raw(o, sfSigningPubKey, &key) &&
		       st_get_raw(o, sfTxnSignature, &sig);
		buf_clear(&payload);
		tx_multisign_payload(&payload, fields, &id);
		good = good && signature_check(key, buf_bytes(&payload), sig);
	}
	buf_close(&payload);
	return good;
}

struct tx *signing_finish(struct rpc_call *c, const struct st_object *fields, enum sf target)
{
	struct tx *tx = txfill_tx(c, fields);
	const char *fault = tx ? tx_local_fault(tx) : NULL;

	if (fault)
		rpc_fail_text(c, RPC_INVALID_PARAMS, "%s", fault);
	else if (tx && (!tx_signature_valid(tx) ||
			(target != sfInvalid &&
			 !part_valid(tx->fields, st_get_object(tx->fields, target)))))
		rpc_fail_text(c, RPC_INTERNAL, "Invalid signature.");
	if (!c->fault.token)
		return tx;
	tx_unref(tx);
	return NULL;
}

/* ---- One signature */

/* The sender's key, or that of whom it has given leave. */
static bool check_key(struct rpc_call *c, const struct signing *s, const struct secret_key *key)
{
	const json_t *delegate = json_object_get(s->tx, "Delegate");
	const struct st_object *root;
	struct account_id id;
	enum found f;

	if (s->offline || s->target != sfInvalid)
		return true;
	if (!delegate)
		return signing_key_fits(c, key, &s->account);
	if (!json_to_account(delegate, &id))
		return rpc_fail_text(c, RPC_SRC_ACT_MALFORMED, "Invalid field 'tx_json.Delegate'.");
	f = rpc_entry(c, keylet_account(&id), &root);
	if (f != FOUND)
		return f == ABSENT ? rpc_fail(c, RPC_DELEGATE_ACT_NOT_FOUND) : false;
	return signing_key_fits(c, key, &id);
}

static void sign_into(struct st_object *to, const struct st_object *fields,
		      const struct secret_key *key)
{
	const struct public_key *pub = secret_key_public(key);
	struct buf payload = BUF_INIT;
	uint8_t sig[SIGNATURE_MAX];
	size_t n;

	st_set_raw(to, sfSigningPubKey, bytes_of(pub->b, sizeof(pub->b)));
	tx_sign_payload(&payload, fields);
	n = signature_make(key, buf_bytes(&payload), sig);
	st_set_raw(to, sfTxnSignature, bytes_of(sig, n));
	buf_close(&payload);
}

static struct tx *sign_with(struct rpc_call *c, struct signing *s, const struct secret_key *key)
{
	struct st_object *fields;

	if (!signing_options(c, s) || !signing_prepare(c, s) || !check_key(c, s, key) ||
	    !txfill_fields(c, s->tx, &fields))
		return NULL;
	sign_into(signing_target(c, fields, s->target), fields, key);
	return signing_finish(c, fields, s->target);
}

struct tx *signing_sign(struct rpc_call *c)
{
	struct secret_key *key = NULL;
	struct signing s = {.fee = txfill_bounded_fee};
	struct tx *out = NULL;

	if (signing_key(c, 1, &key))
		out = sign_with(c, &s, key);
	json_decref(s.tx);
	secret_key_close(key);
	return out;
}

void signing_write_tx(struct rpc_call *c, const struct tx *tx)
{
	json_t *shown = tj_tx(tx->fields, &tx->id, c->version);

	jw_put_json(&c->w, "tx_json", shown);
	json_decref(shown);
	if (c->version > 1)
		jw_put_hash(&c->w, "hash", &tx->id);
	jw_put_hex(&c->w, "tx_blob", tx->blob.p, tx->blob.n);
}
