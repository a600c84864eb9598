/* SPDX-License-Identifier: ISC */
#include "rpc/signing.h"
#include "rpc/state.h"

#include "base/limits.h"
#include "crypto/base58.h"

#include <stdlib.h>

bool signing_allowed(struct rpc_call *c)
{
	if (c->from.admin)
		return true;
	return rpc_fail_text(c, RPC_NOT_SUPPORTED, "Signing is not supported by this server.");
}

/* ---- The key */

struct secret_source {
	const char *key; /* the parameter that is used */
	const char *text;
};

static bool find_secret(struct rpc_call *c, struct secret_source *out)
{
	static const char *const keys[] = {"passphrase", "secret", "seed", "seed_hex"};
	int n = 0;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (!p_has(c, keys[i]))
			continue;
		out->key = keys[i];
		out->text = p_text(c, keys[i]);
		n++;
	}
	if (n == 0)
		return rpc_fail_missing(c, "secret");
	if (n > 1)
		return rpc_fail_text(c, RPC_INVALID_PARAMS,
				     "Exactly one of the following must be specified: "
				     "passphrase, secret, seed or seed_hex");
	return out->text ? true : rpc_fail_expected(c, out->key, "string");
}

static bool wanted_type(struct rpc_call *c, const struct secret_source *s, enum key_type *type,
			bool *given)
{
	const json_t *v = json_object_get(c->p, "key_type");

	*given = v != NULL;
	*type = KEY_SECP256K1;
	if (!v)
		return true;
	if (!json_is_string(v))
		return rpc_fail_expected(c, "key_type", "string");
	if (!key_type_parse(type, json_string_value(v)))
		return c->version > 1 ? rpc_fail(c, RPC_BAD_KEY_TYPE)
				      : rpc_fail_invalid(c, "key_type");
	if (strcmp(s->key, "secret") == 0)
		return rpc_fail_text(c, RPC_INVALID_PARAMS,
				     "The secret field is not allowed if key_type is used.");
	return true;
}

/* The seed as the parameter's name says it is written. */
static bool seed_by_name(struct seed *seed, const struct secret_source *s)
{
	enum key_type type;

	if (strcmp(s->key, "seed") == 0)
		return seed_parse(seed, &type, s->text) == ERR_NONE;
	if (strcmp(s->key, "seed_hex") == 0)
		return hex_decode(seed->b, sizeof(seed->b), s->text, strlen(s->text));
	return seed_of_secret(seed, s->text);
}

static bool seed_of_request(struct rpc_call *c, struct seed *seed, enum key_type *type)
{
	struct secret_source s = {0};
	bool typed;

	if (!find_secret(c, &s) || !wanted_type(c, &s, type, &typed))
		return false;
	if (strcmp(s.key, "seed_hex") != 0 && seed_of_ed25519_text(seed, s.text)) {
		if (typed && *type != KEY_ED25519)
			return rpc_fail_text(c, RPC_BAD_SEED,
					     "Specified seed is for an Ed25519 wallet.");
		*type = KEY_ED25519;
		return true;
	}
	if (!typed && strcmp(s.key, "secret") != 0)
		return rpc_fail_expected(c, "secret", "string");
	if (!seed_by_name(seed, &s))
		return rpc_fail_text(c, RPC_BAD_SEED, "Invalid field '%s'.", s.key);
	return true;
}

bool signing_key(struct rpc_call *c, struct secret_key **key)
{
	struct seed seed;
	enum key_type type;
	enum err e;

	if (!seed_of_request(c, &seed, &type))
		return false;
	e = secret_key_of_seed(key, NULL, type, &seed);
	secure_wipe(&seed, sizeof(seed));
	return e == ERR_NONE ? true : rpc_fail(c, RPC_BAD_SEED);
}

/* Whether the key may sign for the account, as far as the open ledger knows it. */
static bool key_fits(struct rpc_call *c, const struct secret_key *key, const struct account_id *id)
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

/* ---- The transaction */

/* A copy of "tx_json" to be completed; the caller's reference. */
static json_t *tx_of_request(struct rpc_call *c, struct account_id *account)
{
	const json_t *tx = json_object_get(c->p, "tx_json");

	if (!tx)
		rpc_fail_missing(c, "tx_json");
	else if (!json_is_object(tx))
		rpc_fail_text(c, RPC_INVALID_PARAMS, "Invalid field 'tx_json', not object.");
	else if (!json_object_get(tx, "TransactionType"))
		rpc_fail_missing(c, "tx_json.TransactionType");
	else if (!json_object_get(tx, "Account"))
		rpc_fail_text(c, RPC_SRC_ACT_MISSING, "Missing field 'tx_json.Account'.");
	else if (!json_to_account(json_object_get(tx, "Account"), account))
		rpc_fail_text(c, RPC_SRC_ACT_MALFORMED, "Invalid field 'tx_json.Account'.");
	return c->fault.token ? NULL : json_deep_copy(tx);
}

/* DeliverMax is another name of a payment's Amount. */
static bool settle_payment(struct rpc_call *c, json_t *tx)
{
	const char *type = json_string_value(json_object_get(tx, "TransactionType"));
	json_t *max = json_object_get(tx, "DeliverMax");
	json_t *amount = json_object_get(tx, "Amount");
	struct account_id destination;

	if (!type || strcmp(type, "Payment") != 0)
		return true;
	if (max && amount && !json_equal(max, amount))
		return rpc_fail_text(c, RPC_INVALID_PARAMS,
				     "Cannot specify differing 'Amount' and 'DeliverMax'");
	if (max) {
		json_object_set(tx, "Amount", max);
		json_object_del(tx, "DeliverMax");
	}
	if (!max && !amount)
		return rpc_fail_missing(c, "tx_json.Amount");
	if (!json_object_get(tx, "Destination"))
		return rpc_fail_missing(c, "tx_json.Destination");
	if (!json_to_account(json_object_get(tx, "Destination"), &destination))
		return rpc_fail_invalid(c, "tx_json.Destination");
	return true;
}

static bool open_ledger(struct rpc_call *c)
{
	struct view *v = node_open_view(c->host->node);

	if (!v || (!c->r->standalone && rpc_validated_age(c->host) > RPC_VALIDATED_AGE_MAX))
		return rpc_fail_behind(c, RPC_NO_CURRENT);
	c->ledger = (struct rpc_ledger){.open = v, .seq = view_get_info(v)->seq};
	return true;
}

/* Completes what is missing. Offline, nothing is looked up, so nothing may be missing. */
static bool complete(struct rpc_call *c, json_t *tx, const struct account_id *account, bool offline)
{
	const struct st_object *root;
	enum found f;

	if (offline && !json_object_get(tx, "Sequence"))
		return rpc_fail_missing(c, "tx_json.Sequence");
	if (offline && !json_object_get(tx, "Fee"))
		return rpc_fail_missing(c, "tx_json.Fee");
	txfill_network(c, tx);
	if (offline)
		return settle_payment(c, tx);
	f = rpc_entry(c, keylet_account(account), &root);
	if (f != FOUND)
		return f == ABSENT ? rpc_fail(c, RPC_SRC_ACT_NOT_FOUND) : false;
	return txfill_sequence(c, tx, account) && settle_payment(c, tx) && txfill_fee(c, tx);
}

static struct tx *tx_of_fields(struct rpc_call *c, const struct st_object *fields)
{
	struct buf blob = BUF_INIT;
	struct why why = {.text = ""};
	struct tx *tx = NULL;

	st_encode(&blob, fields, ST_ALL);
	if (tx_parse(&tx, buf_bytes(&blob), &why) != ERR_NONE) {
		rpc_fail_text(c, RPC_INVALID_PARAMS, "%s", why.text);
		tx = NULL;
	}
	buf_close(&blob);
	return tx;
}

static bool fields_of(struct rpc_call *c, const json_t *tx, struct st_object **out)
{
	struct why why = {.text = ""};

	if (st_from_json(out, &c->arena, tx, &why) == ERR_NONE)
		return true;
	return rpc_fail_text(c, RPC_INVALID_PARAMS, "Invalid field 'tx_json': %.180s.", why.text);
}

static struct tx *sign_with(struct rpc_call *c, json_t *tx, const struct account_id *account,
			    const struct secret_key *key)
{
	bool offline = p_truthy(c, "offline");
	struct st_object *fields;

	if (!offline && !open_ledger(c))
		return NULL;
	if (!complete(c, tx, account, offline))
		return NULL;
	if (json_object_get(tx, "Signers")) {
		rpc_fail(c, RPC_ALREADY_MULTISIG);
		return NULL;
	}
	if (!offline && !key_fits(c, key, account))
		return NULL;
	if (!fields_of(c, tx, &fields))
		return NULL;
	tx_sign(fields, key);
	return tx_of_fields(c, fields);
}

struct tx *signing_sign(struct rpc_call *c)
{
	struct account_id account;
	struct secret_key *key = NULL;
	struct tx *out = NULL;
	json_t *tx = NULL;

	if (signing_key(c, &key) && (tx = tx_of_request(c, &account)))
		out = sign_with(c, tx, &account, key);
	json_decref(tx);
	secret_key_close(key);
	return out;
}

/* ---- Several signatures */

static int by_account(const void *a, const void *b)
{
	const struct st_element *x = a, *y = b;
	struct account_id i = {0}, j = {0};

	st_get_account(x->object, sfAccount, &i);
	st_get_account(y->object, sfAccount, &j);
	return account_cmp(&i, &j);
}

/* Sorted by account, no account twice, none the sender's own. */
static bool settle_signers(struct rpc_call *c, struct st_object *fields,
			   const struct account_id *sender)
{
	struct st_array *list = (struct st_array *)(uintptr_t)st_get_array(fields, sfSigners);
	struct account_id id, last = {0};

	if (!list || list->n == 0)
		return rpc_fail_text(c, RPC_INVALID_PARAMS, "Signers array may not be empty.");
	qsort(list->e, list->n, sizeof(list->e[0]), by_account);
	for (uint32_t i = 0; i < list->n; i++) {
		const struct st_object *s = list->e[i].object;

		if (s->n != 3 || !st_get_account(s, sfAccount, &id) ||
		    !st_has(s, sfSigningPubKey) || !st_has(s, sfTxnSignature))
			return rpc_fail_text(c, RPC_INVALID_PARAMS,
					     "Signers array may only contain Signer entries.");
		if (i > 0 && account_eq(&id, &last))
			return rpc_fail_text(c, RPC_INVALID_PARAMS,
					     "Duplicate Signers:Signer:Account entries (%s) are "
					     "not allowed.",
					     account_text(&id).s);
		if (account_eq(&id, sender))
			return rpc_fail_text(c, RPC_INVALID_PARAMS,
					     "A Signer may not be the transaction's Account (%s).",
					     account_text(&id).s);
		last = id;
	}
	return true;
}

/* Multi-signed transactions are signed as they stand: all is there, and SigningPubKey is empty. */
static bool check_multisign(struct rpc_call *c, const json_t *tx)
{
	if (!json_object_get(tx, "Sequence"))
		return rpc_fail_missing(c, "tx_json.Sequence");
	if (!json_object_get(tx, "SigningPubKey"))
		return rpc_fail_missing(c, "tx_json.SigningPubKey");
	if (json_string_length(json_object_get(tx, "SigningPubKey")) > 0)
		return rpc_fail_text(c, RPC_INVALID_PARAMS,
				     "When multi-signing 'tx_json.SigningPubKey' must be empty.");
	if (!json_object_get(tx, "Fee"))
		return rpc_fail_missing(c, "tx_json.Fee");
	return true;
}

static void add_signature(struct rpc_call *c, struct st_object *fields,
			  const struct account_id *signer, const struct secret_key *key)
{
	struct st_array *list = (struct st_array *)(uintptr_t)st_get_array(fields, sfSigners);
	const struct public_key *public_key = secret_key_public(key);
	struct buf payload = BUF_INIT;
	uint8_t sig[SIGNATURE_MAX];
	struct st_object *s;
	size_t n;

	tx_multisign_payload(&payload, fields, signer);
	n = signature_make(key, buf_bytes(&payload), sig);
	buf_close(&payload);
	if (!list)
		list = st_set_array(fields, sfSigners);
	s = st_array_add(list, &c->arena, sfSigner);
	st_set_account(s, sfAccount, signer);
	st_set_raw(s, sfTxnSignature, bytes_of(sig, n));
	st_set_raw(s, sfSigningPubKey, bytes_of(public_key->b, sizeof(public_key->b)));
}

static struct tx *sign_for_with(struct rpc_call *c, json_t *tx, const struct account_id *account,
				const struct account_id *signer, const struct secret_key *key)
{
	struct st_object *fields;

	if (!json_object_get(tx, "SigningPubKey"))
		json_object_set_new(tx, "SigningPubKey", json_string(""));
	if (!check_multisign(c, tx) || !settle_payment(c, tx) || !open_ledger(c))
		return NULL;
	if (json_object_get(tx, "TxnSignature")) {
		rpc_fail(c, RPC_ALREADY_SINGLE_SIG);
		return NULL;
	}
	if (!key_fits(c, key, signer) || !fields_of(c, tx, &fields))
		return NULL;
	add_signature(c, fields, signer, key);
	return settle_signers(c, fields, account) ? tx_of_fields(c, fields) : NULL;
}

struct tx *signing_sign_for(struct rpc_call *c)
{
	const json_t *who = json_object_get(c->p, "account");
	struct account_id account, signer;
	struct secret_key *key = NULL;
	struct tx *out = NULL;
	json_t *tx = NULL;

	if (!who) {
		rpc_fail_missing(c, "account");
		return NULL;
	}
	if (!json_to_account(who, &signer)) {
		rpc_fail_text(c, RPC_SRC_ACT_MALFORMED, "Invalid field 'account'.");
		return NULL;
	}
	if (signing_key(c, &key) && (tx = tx_of_request(c, &account)))
		out = sign_for_with(c, tx, &account, &signer, key);
	json_decref(tx);
	secret_key_close(key);
	return out;
}

struct tx *signing_multisigned(struct rpc_call *c)
{
	const struct st_object *root;
	struct account_id account;
	struct st_object *fields;
	struct tx *out = NULL;
	json_t *tx = tx_of_request(c, &account);
	enum found f;

	if (!tx || !check_multisign(c, tx) || !settle_payment(c, tx) || !open_ledger(c))
		goto out;
	f = rpc_entry(c, keylet_account(&account), &root);
	if (f == ABSENT)
		rpc_fail(c, RPC_SRC_ACT_NOT_FOUND);
	if (f != FOUND || !fields_of(c, tx, &fields))
		goto out;
	if (st_has(fields, sfTxnSignature))
		rpc_fail(c, RPC_SIGNING_MALFORMED);
	else if (!st_has(fields, sfSigners))
		rpc_fail_missing(c, "tx_json.Signers");
	else if (settle_signers(c, fields, &account))
		out = tx_of_fields(c, fields);
out:
	json_decref(tx);
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
