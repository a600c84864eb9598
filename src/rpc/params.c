/* SPDX-License-Identifier: ISC */
#include "rpc/call.h"

#include "base/limits.h"
#include "crypto/base58.h"

bool p_has(const struct rpc_call *c, const char *key)
{
	return json_object_get(c->p, key) != NULL;
}

const char *p_text(const struct rpc_call *c, const char *key)
{
	return json_string_value(json_object_get(c->p, key));
}

bool p_truthy(const struct rpc_call *c, const char *key)
{
	const json_t *v = json_object_get(c->p, key);

	if (!v)
		return false;
	switch (json_typeof(v)) {
	case JSON_TRUE:
		return true;
	case JSON_FALSE:
	case JSON_NULL:
		return false;
	case JSON_INTEGER:
		return json_integer_value(v) != 0;
	case JSON_REAL:
		return true;
	case JSON_STRING:
		return json_string_length(v) > 0;
	case JSON_ARRAY:
		return json_array_size(v) > 0;
	case JSON_OBJECT:
		return json_object_size(v) > 0;
	}
	return false;
}

bool p_flag(struct rpc_call *c, const char *key, bool *out)
{
	const json_t *v = json_object_get(c->p, key);

	*out = json_is_true(v);
	if (v && !json_is_boolean(v))
		return rpc_fail_invalid(c, key);
	return true;
}

bool p_account_text(struct rpc_call *c, const char *key, const char **out)
{
	const json_t *v = json_object_get(c->p, key);

	if (!v)
		return rpc_fail_missing(c, key);
	*out = json_string_value(v);
	return *out ? true : rpc_fail_invalid(c, key);
}

/* Digits only, no sign, no blanks. */
static bool text_to_u32(const char *s, size_t n, uint32_t *out)
{
	uint64_t v = 0;

	if (n == 0 || n > 10)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(s[i] - '0');
	}
	*out = (uint32_t)v;
	return v <= UINT32_MAX;
}

bool json_to_u32(const json_t *v, uint32_t *out)
{
	json_int_t i = json_integer_value(v);

	if (json_is_string(v))
		return text_to_u32(json_string_value(v), json_string_length(v), out);
	if (!json_is_integer(v) || i < 0 || i > UINT32_MAX)
		return false;
	*out = (uint32_t)i;
	return true;
}

bool json_to_hash(const json_t *v, struct hash256 *out)
{
	if (!json_is_string(v))
		return false;
	return hex_decode(out->b, sizeof(out->b), json_string_value(v), json_string_length(v));
}

bool json_to_account(const json_t *v, struct account_id *out)
{
	/* A text with a NUL inside is none of ours. */
	if (!json_is_string(v) || strlen(json_string_value(v)) != json_string_length(v))
		return false;
	return account_parse(out, json_string_value(v)) == ERR_NONE;
}

bool p_limit(struct rpc_call *c, uint32_t *out)
{
	struct rpc_limits range = c->method->rows;
	const json_t *v = json_object_get(c->p, "limit");
	uint32_t n;

	*out = range.usual;
	if (!v || json_is_null(v))
		return true;
	if (!json_is_integer(v) || !json_to_u32(v, &n))
		return rpc_fail_expected(c, "limit", "unsigned integer");
	if (n == 0)
		return rpc_fail_invalid(c, "limit");
	if (!c->from.admin && n < range.min)
		n = range.min;
	if (!c->from.admin && n > range.max)
		n = range.max;
	*out = n > RPC_ADMIN_LIMIT_MAX ? RPC_ADMIN_LIMIT_MAX : n;
	return true;
}

struct short_name {
	const char *name;
	uint16_t type;
};

/* rippled: ledger_entries.macro, the rpcName column. */
static const struct short_name short_names[] = {
    {"nft_offer", ltNFTokenOffer},
    {"check", ltCheck},
    {"did", ltDID},
    {"nunl", ltNegativeUNL},
    {"nft_page", ltNFTokenPage},
    {"signer_list", ltSignerList},
    {"ticket", ltTicket},
    {"account", ltAccountRoot},
    {"directory", ltDirectoryNode},
    {"amendments", ltAmendments},
    {"hashes", ltLedgerHashes},
    {"bridge", ltBridge},
    {"offer", ltOffer},
    {"deposit_preauth", ltDepositPreauth},
    {"xchain_owned_claim_id", ltXChainOwnedClaimID},
    {"state", ltRippleState},
    {"fee", ltFeeSettings},
    {"xchain_owned_create_account_claim_id", ltXChainOwnedCreateAccountClaimID},
    {"escrow", ltEscrow},
    {"payment_channel", ltPayChannel},
    {"amm", ltAMM},
    {"mpt_issuance", ltMPTokenIssuance},
    {"mptoken", ltMPToken},
    {"oracle", ltOracle},
    {"credential", ltCredential},
    {"permissioned_domain", ltPermissionedDomain},
    {"delegate", ltDelegate},
    {"vault", ltVault},
    {"loan_broker", ltLoanBroker},
    {"loan", ltLoan},
    {"sponsorship", ltSponsorship},
};
#define SHORT_NAMES (sizeof(short_names) / sizeof(short_names[0]))

const char *entry_short_name(uint16_t type)
{
	for (size_t i = 0; i < SHORT_NAMES; i++)
		if (short_names[i].type == type)
			return short_names[i].name;
	return NULL;
}

bool p_entry_type(struct rpc_call *c, uint16_t *out)
{
	const json_t *v = json_object_get(c->p, "type");
	const char *s = json_string_value(v);

	*out = ltANY;
	if (!v)
		return true;
	if (!s)
		return rpc_fail_expected(c, "type", "string");
	for (size_t i = 0; i < SHORT_NAMES; i++) {
		const char *canonical = entry_type_name(short_names[i].type);

		must(canonical != NULL);
		if (strcmp(short_names[i].name, s) != 0 && strcasecmp(canonical, s) != 0)
			continue;
		*out = short_names[i].type;
		return true;
	}
	return rpc_fail_invalid(c, "type");
}
