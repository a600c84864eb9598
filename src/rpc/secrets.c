/* SPDX-License-Identifier: ISC */
#include "rpc/signing.h"

#include "base/limits.h"
#include "crypto/base58.h"
#include "crypto/words.h"

/* Secrets in requests (rippled: RPCHelpers.cpp keypairForSignature, Seed.cpp parseGenericSeed). */

bool key_type_parse(enum key_type *out, const char *text)
{
	if (strcmp(text, "secp256k1") == 0)
		*out = KEY_SECP256K1;
	else if (strcmp(text, "ed25519") == 0)
		*out = KEY_ED25519;
	else
		return false;
	return true;
}

bool seed_of_ed25519_text(struct seed *out, const char *text)
{
	enum key_type type;

	return seed_parse(out, &type, text) == ERR_NONE && type == KEY_ED25519;
}

/* Texts that are something else of ours are not taken for passphrases. */
static bool is_other_text(const char *text)
{
	uint8_t payload[64];
	struct account_id id;
	size_t n = strlen(text);

	return account_parse(&id, text) == ERR_NONE ||
	       base58_decode(payload, BASE58_NODE_PUBLIC, text, n) == ERR_NONE ||
	       base58_decode(payload, BASE58_NODE_PRIVATE, text, n) == ERR_NONE ||
	       base58_decode(payload, BASE58_ACCOUNT_PUBLIC, text, n) == ERR_NONE;
}

bool seed_of_secret(struct seed *out, const char *text)
{
	enum key_type type;
	size_t n = strlen(text);

	if (n == 0 || is_other_text(text))
		return false;
	if (hex_decode(out->b, sizeof(out->b), text, n))
		return true;
	if (seed_parse(out, &type, text) == ERR_NONE || seed_of_words(out, text))
		return true;
	seed_of_passphrase(out, bytes_of(text, n));
	return true;
}

/* ---- The secret of a request */

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

static bool wanted_type(struct rpc_call *c, const struct secret_source *s, unsigned version,
			enum key_type *type, bool *given)
{
	const json_t *v = json_object_get(c->p, "key_type");

	*given = v != NULL;
	*type = KEY_SECP256K1;
	if (!v)
		return true;
	if (!json_is_string(v))
		return rpc_fail_expected(c, "key_type", "string");
	if (!key_type_parse(type, json_string_value(v)))
		return version > 1 ? rpc_fail(c, RPC_BAD_KEY_TYPE)
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

static bool seed_of_request(struct rpc_call *c, unsigned version, struct seed *seed,
			    enum key_type *type)
{
	struct secret_source s = {0};
	bool typed;

	if (!find_secret(c, &s) || !wanted_type(c, &s, version, type, &typed))
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
	if (seed_by_name(seed, &s))
		return true;
	return typed ? rpc_fail(c, RPC_BAD_SEED)
		     : rpc_fail_text(c, RPC_BAD_SEED, "Invalid field '%s'.", s.key);
}

bool signing_key(struct rpc_call *c, unsigned version, struct secret_key **key)
{
	struct seed seed;
	enum key_type type;
	enum err e;

	if (!seed_of_request(c, version, &seed, &type))
		return false;
	e = secret_key_of_seed(key, NULL, type, &seed);
	secure_wipe(&seed, sizeof(seed));
	return e == ERR_NONE ? true : rpc_fail(c, RPC_BAD_SEED);
}
