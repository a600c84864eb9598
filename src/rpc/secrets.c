/* SPDX-License-Identifier: ISC */
#include "rpc/signing.h"

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
