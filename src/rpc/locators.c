/* SPDX-License-Identifier: ISC */
#include "rpc/locators.h"

#include "base/limits.h"

#include <stdlib.h>

/* ---- Parts */

static bool not_this(struct rpc_call *c, const char *token, const char *field, const char *what)
{
	return rpc_fail_malformed(c, token, "Invalid field '%s', not %s.", field, what);
}

/* Member `key` of an object; null counts as absent. */
static bool part(struct rpc_call *c, const json_t *o, const char *key, const json_t **out)
{
	*out = json_object_get(o, key);
	if (*out && !json_is_null(*out))
		return true;
	return rpc_fail_malformed(c, "malformedRequest", "Missing field '%s'.", key);
}

/* An account that is not zero. */
static bool to_account(const json_t *v, struct account_id *out)
{
	static const struct account_id zero;

	return json_to_account(v, out) && !account_eq(out, &zero);
}

static bool part_account(struct rpc_call *c, const json_t *o, const char *key, const char *token,
			 struct account_id *out)
{
	const json_t *v;

	if (!part(c, o, key, &v))
		return false;
	return to_account(v, out) ? true : not_this(c, token, key, "AccountID");
}

static bool part_u32(struct rpc_call *c, const json_t *o, const char *key, const char *token,
		     uint32_t *out)
{
	const json_t *v;

	if (!part(c, o, key, &v))
		return false;
	return json_to_u32(v, out) ? true : not_this(c, token, key, "number");
}

/* The type of a credential, 1 to CREDENTIAL_TYPE_MAX bytes in hex. */
static bool part_type(struct rpc_call *c, const json_t *o, const char *token,
		      uint8_t b[CREDENTIAL_TYPE_MAX], struct bytes *out)
{
	const json_t *v;
	size_t n;

	if (!part(c, o, "credential_type", &v))
		return false;
	n = json_string_length(v) / 2;
	if (!json_is_string(v) || n == 0 || n > CREDENTIAL_TYPE_MAX ||
	    !hex_decode(b, n, json_string_value(v), json_string_length(v)))
		return not_this(c, token, "credential_type", "hex string");
	*out = bytes_of(b, n);
	return true;
}

static bool to_mpt_id(const json_t *v, struct mpt_id *out)
{
	return json_is_string(v) &&
	       hex_decode(out->b, sizeof(out->b), json_string_value(v), json_string_length(v));
}

static bool index_or(struct rpc_call *c, const char *field, const json_t *v, struct hash256 *out,
		     const char *what)
{
	return json_to_hash(v, out) ? true : not_this(c, "malformedRequest", field, what);
}

static bool index_or_object(struct rpc_call *c, const char *field, const json_t *v,
			    struct hash256 *out)
{
	return index_or(c, field, v, out, "hex string or object");
}

/* ---- By index alone */

bool locate_index(struct rpc_call *c, const char *field, const json_t *v, struct hash256 *out)
{
	return index_or(c, field, v, out, "hex string");
}

bool locate_plain_index(struct rpc_call *c, const char *field, const json_t *v, struct hash256 *out)
{
	return index_or(c, field, v, out, "hex string");
}

/* ---- Entries of which there is one: `true`, or the index */

static bool fixed(struct rpc_call *c, const char *field, const json_t *v, struct keylet k,
		  struct hash256 *out)
{
	if (!json_is_boolean(v))
		return index_or(c, field, v, out, "hex string");
	*out = k.key;
	return json_is_true(v) ? true : not_this(c, "invalidParams", field, "true");
}

bool locate_nunl(struct rpc_call *c, const char *field, const json_t *v, struct hash256 *out)
{
	return fixed(c, field, v, keylet_negative_unl(), out);
}

bool locate_amendments(struct rpc_call *c, const char *field, const json_t *v, struct hash256 *out)
{
	return fixed(c, field, v, keylet_amendments(), out);
}

bool locate_fee(struct rpc_call *c, const char *field, const json_t *v, struct hash256 *out)
{
	return fixed(c, field, v, keylet_fees(), out);
}

/* A number is a ledger's: the long skip list that has it. */
bool locate_hashes(struct rpc_call *c, const char *field, const json_t *v, struct hash256 *out)
{
	uint32_t seq;

	if (!json_is_integer(v) || !json_to_u32(v, &seq))
		return fixed(c, field, v, keylet_skip(), out);
	*out = keylet_skip_long(seq).key;
	return true;
}

/* ---- By account */

bool locate_account(struct rpc_call *c, const char *field, const json_t *v, struct hash256 *out)
{
	struct account_id id;

	if (!to_account(v, &id))
		return not_this(c, "malformedAddress", field, "AccountID");
	*out = keylet_account(&id).key;
	return true;
}

bool locate_did(struct rpc_call *c, const char *field, const json_t *v, struct hash256 *out)
{
	struct account_id id;

	if (!to_account(v, &id))
		return not_this(c, "malformedAddress", field, "AccountID");
	*out = keylet_did(&id).key;
	return true;
}

/* ---- By account and number: one function, told what differs */

struct numbered {
	const char *account_key, *account_token;
	const char *number_key, *number_token;
	struct keylet (*keylet)(const struct account_id *id, uint32_t number);
};

static bool locate_numbered(struct rpc_call *c, const char *field, const json_t *v,
			    struct hash256 *out, const struct numbered *n)
{
	struct account_id id;
	uint32_t number;

	if (!json_is_object(v))
		return index_or_object(c, field, v, out);
	if (!part_account(c, v, n->account_key, n->account_token, &id) ||
	    !part_u32(c, v, n->number_key, n->number_token, &number))
		return false;
	*out = n->keylet(&id, number).key;
	return true;
}

bool locate_escrow(struct rpc_call *c, const char *field, const json_t *v, struct hash256 *out)
{
	static const struct numbered n = {"owner", "malformedOwner", "seq", "malformedSeq",
					  keylet_escrow};

	return locate_numbered(c, field, v, out, &n);
}

bool locate_offer(struct rpc_call *c, const char *field, const json_t *v, struct hash256 *out)
{
	static const struct numbered n = {"account", "malformedAddress", "seq", "malformedRequest",
					  keylet_offer};

	return locate_numbered(c, field, v, out, &n);
}

bool locate_ticket(struct rpc_call *c, const char *field, const json_t *v, struct hash256 *out)
{
	static const struct numbered n = {"account", "malformedAddress", "ticket_seq",
					  "malformedRequest", keylet_ticket};

	return locate_numbered(c, field, v, out, &n);
}

bool locate_oracle(struct rpc_call *c, const char *field, const json_t *v, struct hash256 *out)
{
	static const struct numbered n = {"account", "malformedAccount", "oracle_document_id",
					  "malformedDocumentID", keylet_oracle};

	return locate_numbered(c, field, v, out, &n);
}

bool locate_domain(struct rpc_call *c, const char *field, const json_t *v, struct hash256 *out)
{
	static const struct numbered n = {"account", "malformedAddress", "seq", "malformedRequest",
					  keylet_permissioned_domain};

	return locate_numbered(c, field, v, out, &n);
}

bool locate_vault(struct rpc_call *c, const char *field, const json_t *v, struct hash256 *out)
{
	static const struct numbered n = {"owner", "malformedOwner", "seq", "malformedRequest",
					  keylet_vault};

	return locate_numbered(c, field, v, out, &n);
}

bool locate_loan_broker(struct rpc_call *c, const char *field, const json_t *v, struct hash256 *out)
{
	static const struct numbered n = {"owner", "malformedOwner", "seq", "malformedSeq",
					  keylet_loan_broker};

	if (!json_is_object(v))
		return locate_index(c, field, v, out);
	return locate_numbered(c, field, v, out, &n);
}

bool locate_loan(struct rpc_call *c, const char *field, const json_t *v, struct hash256 *out)
{
	struct hash256 broker;
	const json_t *id;
	uint32_t seq;

	if (!json_is_object(v))
		return locate_index(c, field, v, out);
	if (!part(c, v, "loan_broker_id", &id))
		return false;
	if (!json_to_hash(id, &broker))
		return not_this(c, "malformedBroker", "loan_broker_id", "Hash256");
	if (!part_u32(c, v, "loan_seq", "malformedSeq", &seq))
		return false;
	*out = keylet_loan(&broker, seq).key;
	return true;
}

/* ---- By two accounts */

bool locate_delegate(struct rpc_call *c, const char *field, const json_t *v, struct hash256 *out)
{
	struct account_id id, authorized;

	if (!json_is_object(v))
		return index_or_object(c, field, v, out);
	if (!part_account(c, v, "account", "malformedAddress", &id) ||
	    !part_account(c, v, "authorize", "malformedAddress", &authorized))
		return false;
	*out = keylet_delegate(&id, &authorized).key;
	return true;
}

/* ---- Leave to deposit, by account or by credentials */

#define CREDENTIALS_MAX 8

static const char bad_credentials[] = "malformedAuthorizedCredentials";

static int name_order(const void *a, const void *b)
{
	return credential_name_cmp(a, b);
}

static bool name_part(struct rpc_call *c, const json_t *v, uint8_t b[CREDENTIAL_TYPE_MAX],
		      struct credential_name *out)
{
	static const char *const needed[] = {"issuer", "credential_type"};

	if (!json_is_object(v))
		return not_this(c, bad_credentials, "authorized_credentials", "array of objects");
	for (int i = 0; i < 2; i++) {
		const json_t *m = json_object_get(v, needed[i]);

		if (!m || json_is_null(m))
			return rpc_fail_malformed(c, bad_credentials, "Missing field '%s'.",
						  needed[i]);
	}
	return part_account(c, v, "issuer", bad_credentials, &out->issuer) &&
	       part_type(c, v, bad_credentials, b, &out->type);
}

static bool by_credentials(struct rpc_call *c, const struct account_id *owner, const json_t *v,
			   struct hash256 *out)
{
	struct credential_name names[CREDENTIALS_MAX];
	uint8_t types[CREDENTIALS_MAX][CREDENTIAL_TYPE_MAX];
	uint32_t n = (uint32_t)json_array_size(v);

	if (!json_is_array(v))
		return not_this(c, bad_credentials, "authorized_credentials", "array");
	if (n > CREDENTIALS_MAX || n == 0)
		return rpc_fail_malformed(c, bad_credentials,
					  "Invalid field 'authorized_credentials', array %s.",
					  n ? "too long" : "empty");
	for (uint32_t i = 0; i < n; i++)
		if (!name_part(c, json_array_get(v, i), types[i], &names[i]))
			return false;
	qsort(names, n, sizeof(names[0]), name_order);
	for (uint32_t i = 1; i < n; i++)
		if (credential_name_cmp(&names[i - 1], &names[i]) == 0)
			return not_this(c, bad_credentials, "authorized_credentials", "array");
	*out = keylet_deposit_preauth_credentials(owner, names, n).key;
	return true;
}

bool locate_deposit_preauth(struct rpc_call *c, const char *field, const json_t *v,
			    struct hash256 *out)
{
	struct account_id owner, authorized;

	if (!json_is_object(v))
		return index_or_object(c, field, v, out);
	if (!json_object_get(v, "authorized") == !json_object_get(v, "authorized_credentials"))
		return rpc_fail_malformed(c, "malformedRequest",
					  "Must have exactly one of `authorized` and "
					  "`authorized_credentials`.");
	if (!part_account(c, v, "owner", "malformedOwner", &owner))
		return false;
	if (!json_object_get(v, "authorized"))
		return by_credentials(c, &owner, json_object_get(v, "authorized_credentials"), out);
	if (!to_account(json_object_get(v, "authorized"), &authorized))
		return not_this(c, "malformedAuthorized", "authorized", "AccountID");
	*out = keylet_deposit_preauth(&owner, &authorized).key;
	return true;
}

bool locate_line(struct rpc_call *c, const char *field, const json_t *v, struct hash256 *out)
{
	const json_t *currency, *accounts;
	struct account_id a, b;
	struct currency cur;

	if (!json_is_object(v))
		return index_or_object(c, field, v, out);
	if (!part(c, v, "currency", &currency) || !part(c, v, "accounts", &accounts))
		return false;
	if (!json_is_array(accounts) || json_array_size(accounts) != 2)
		return not_this(c, "malformedRequest", "accounts", "length-2 array of Accounts");
	if (!to_account(json_array_get(accounts, 0), &a) ||
	    !to_account(json_array_get(accounts, 1), &b))
		return not_this(c, "malformedAddress", "accounts", "array of Accounts");
	if (account_eq(&a, &b))
		return rpc_fail_malformed(c, "malformedRequest",
					  "Cannot have a trustline to self.");
	if (!json_is_string(currency) || currency_parse(&cur, json_string_value(currency),
							json_string_length(currency)) != ERR_NONE)
		return not_this(c, "malformedCurrency", "currency", "Currency");
	*out = keylet_line(&a, &b, &cur).key;
	return true;
}

/* ---- Others */

static bool sub_index(struct rpc_call *c, const json_t *o, uint32_t *out)
{
	const json_t *v = json_object_get(o, "sub_index");

	*out = 0;
	if (!v || json_to_u32(v, out))
		return true;
	return not_this(c, "malformedRequest", "sub_index", "number");
}

bool locate_directory(struct rpc_call *c, const char *field, const json_t *v, struct hash256 *out)
{
	const json_t *owner = json_object_get(v, "owner"), *root = json_object_get(v, "dir_root");
	struct account_id id;
	struct hash256 key;
	uint32_t page;

	if (!json_is_object(v))
		return index_or_object(c, field, v, out);
	if (!sub_index(c, v, &page))
		return false;
	if (!owner == !root)
		return rpc_fail_malformed(
		    c, "malformedRequest",
		    "Must have exactly one of `owner` and `dir_root` fields.");
	if (root && !json_to_hash(root, &key))
		return not_this(c, "malformedDirRoot", "dir_root", "hash");
	if (owner && !to_account(owner, &id))
		return not_this(c, "malformedAddress", "owner", "AccountID");
	if (owner)
		key = keylet_owner_dir(&id).key;
	*out = page == 0 ? key : keylet_dir_page(&key, page).key;
	return true;
}

bool locate_mpt_issuance(struct rpc_call *c, const char *field, const json_t *v,
			 struct hash256 *out)
{
	struct mpt_id id;

	if (!to_mpt_id(v, &id))
		return not_this(c, "malformedMPTokenIssuance", field, "Hash192");
	*out = keylet_mpt_issuance(&id).key;
	return true;
}

bool locate_mptoken(struct rpc_call *c, const char *field, const json_t *v, struct hash256 *out)
{
	struct account_id holder;
	const json_t *issuance;
	struct mpt_id id;

	if (!json_is_object(v))
		return index_or_object(c, field, v, out);
	if (!part(c, v, "mpt_issuance_id", &issuance))
		return false;
	if (!to_mpt_id(issuance, &id))
		return not_this(c, "malformedMPTIssuanceID", "mpt_issuance_id", "Hash192");
	if (!part_account(c, v, "account", "malformedAccount", &holder))
		return false;
	*out = keylet_mptoken(&id, &holder).key;
	return true;
}

bool locate_credential(struct rpc_call *c, const char *field, const json_t *v, struct hash256 *out)
{
	struct account_id subject, issuer;
	uint8_t b[CREDENTIAL_TYPE_MAX];
	struct bytes type;

	if (!json_is_object(v))
		return index_or_object(c, field, v, out);
	if (!part_account(c, v, "subject", "malformedRequest", &subject) ||
	    !part_account(c, v, "issuer", "malformedRequest", &issuer) ||
	    !part_type(c, v, "malformedRequest", b, &type))
		return false;
	*out = keylet_credential(&subject, &issuer, type).key;
	return true;
}

struct issue {
	struct currency currency;
	struct account_id issuer; /* zero for XRP */
};

/* {"currency": "XRP"} or {"currency", "issuer"}. */
static bool to_issue(const json_t *v, struct issue *out)
{
	const json_t *currency = json_object_get(v, "currency");
	const json_t *issuer = json_object_get(v, "issuer");

	*out = (struct issue){0};
	if (!json_is_string(currency))
		return false;
	if (strcmp(json_string_value(currency), "XRP") == 0)
		return issuer == NULL;
	return currency_parse(&out->currency, json_string_value(currency),
			      json_string_length(currency)) == ERR_NONE &&
	       to_account(issuer, &out->issuer);
}

bool locate_amm(struct rpc_call *c, const char *field, const json_t *v, struct hash256 *out)
{
	const json_t *asset, *asset2;
	struct issue a, b;

	if (!json_is_object(v))
		return index_or_object(c, field, v, out);
	if (!part(c, v, "asset", &asset) || !part(c, v, "asset2", &asset2))
		return false;
	if (!to_issue(asset, &a))
		return not_this(c, "malformedRequest", "asset", "Asset");
	if (!to_issue(asset2, &b))
		return not_this(c, "malformedRequest", "asset2", "Asset");
	*out = keylet_amm(&a.currency, &a.issuer, &b.currency, &b.issuer).key;
	return true;
}

/* The bridge's account says which end is meant: bridge_account stands beside the bridge. */
bool locate_bridge(struct rpc_call *c, const char *field, const json_t *v, struct hash256 *out)
{
	struct account_id locking, issuing, account;
	const json_t *locking_issue, *issuing_issue;
	struct issue a, b;
	bool at_locking;

	if (json_is_string(v))
		return index_or_object(c, field, v, out);
	if (!part(c, v, "LockingChainDoor", &locking_issue) ||
	    !part(c, v, "LockingChainIssue", &locking_issue) ||
	    !part(c, v, "IssuingChainDoor", &issuing_issue) ||
	    !part(c, v, "IssuingChainIssue", &issuing_issue) ||
	    !part_account(c, v, "LockingChainDoor", "malformedLockingChainDoor", &locking) ||
	    !part_account(c, v, "IssuingChainDoor", "malformedIssuingChainDoor", &issuing))
		return false;
	if (!to_issue(locking_issue, &a))
		return not_this(c, "malformedIssue", "LockingChainIssue", "Issue");
	if (!to_issue(issuing_issue, &b))
		return not_this(c, "malformedIssue", "IssuingChainIssue", "Issue");
	if (!part_account(c, c->p, "bridge_account", "malformedBridgeAccount", &account))
		return false;
	at_locking = account_eq(&account, &locking);
	if (!at_locking && !account_eq(&account, &issuing))
		return rpc_fail_malformed(c, "malformedRequest", "%s", "");
	*out = keylet_bridge(&account, at_locking ? &a.currency : &b.currency).key;
	return true;
}
