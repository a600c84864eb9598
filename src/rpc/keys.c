/* SPDX-License-Identifier: ISC */
#include "rpc/methods.h"
#include "rpc/signing.h"

#include "crypto/base58.h"
#include "crypto/words.h"

/* sign, sign_for, wallet_propose, validation_create (rippled: handlers/admin/signing, keygen). */

static void write_signed(struct rpc_call *c, struct tx *tx)
{
	if (!tx)
		return;
	signing_write_tx(c, tx);
	jw_put_str(&c->w, "deprecated",
		   "This command has been deprecated and will be removed in a future version of "
		   "the server. Please migrate to a standalone signing tool.");
	tx_unref(tx);
}

void method_sign(struct rpc_call *c)
{
	if (signing_allowed(c))
		write_signed(c, signing_sign(c));
}

void method_sign_for(struct rpc_call *c)
{
	if (signing_allowed(c))
		write_signed(c, signing_sign_for(c));
}

/* ---- Making keys */

/* passphrase, seed or seed_hex; at random when there is none of them. */
static bool wallet_seed(struct rpc_call *c, struct seed *seed, enum key_type *type, bool typed)
{
	const char *const keys[] = {"passphrase", "seed", "seed_hex"};
	const char *used = NULL, *text;
	int n = 0;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (p_has(c, keys[i])) {
			used = keys[i];
			n++;
		}
	if (n == 0) {
		c->host->random(c->host->ctx, seed->b, sizeof(seed->b));
		return true;
	}
	if (n > 1)
		return rpc_fail_text(c, RPC_INVALID_PARAMS,
				     "Exactly one of the following must be specified: "
				     "passphrase, seed or seed_hex");
	text = p_text(c, used);
	if (!text)
		return rpc_fail_expected(c, used, "string");
	if (strcmp(used, "seed_hex") == 0)
		return hex_decode(seed->b, sizeof(seed->b), text, strlen(text))
			   ? true
			   : rpc_fail(c, RPC_BAD_SEED);
	if (seed_of_ed25519_text(seed, text)) {
		if (typed && *type != KEY_ED25519)
			return rpc_fail(c, RPC_BAD_SEED);
		*type = KEY_ED25519;
		return true;
	}
	if (strcmp(used, "seed") == 0) {
		enum key_type ignored;

		return seed_parse(seed, &ignored, text) == ERR_NONE ? true
								    : rpc_fail(c, RPC_BAD_SEED);
	}
	return seed_of_secret(seed, text) ? true : rpc_fail(c, RPC_BAD_SEED);
}

static void write_words(struct jw *w, const char *key, const struct seed *seed)
{
	char words[SEED_WORDS_MAX];

	seed_words(words, seed);
	jw_put_str(w, key, words);
	secure_wipe(words, sizeof(words));
}

/* log2(n) in 1/2^24, rounded down; n > 0. */
static uint64_t log2_fixed(uint32_t n)
{
	unsigned whole = 31 - (unsigned)__builtin_clz(n);
	uint64_t m = (uint64_t)n << (31 - whole), out = whole; /* m: 1 to 2, in 1/2^31 */

	for (int i = 0; i < 24; i++) {
		m = m * m >> 31;
		out = out << 1 | m >> 32;
		m >>= m >> 32;
	}
	return out;
}

/* What an attacker does not know of the text if only the numbers of its characters matter, in bits
 * (WalletPropose.cpp, estimateEntropy). */
static uint64_t entropy(const char *text, size_t n)
{
	uint32_t counts[256] = {0};
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		counts[(uint8_t)text[i]]++;
	for (size_t i = 0; i < 256; i++)
		sum += counts[i] ? counts[i] * log2_fixed(counts[i]) : 0;
	return n ? (n * log2_fixed((uint32_t)n) - sum) >> 24 : 0;
}

#define ENTROPY_FAIR 80 /* bits */

static bool is_text_of(const struct seed *seed, const char *text)
{
	char hex[2 * sizeof(seed->b) + 1], words[SEED_WORDS_MAX];
	struct base58_text base58 = seed_text(seed, KEY_SECP256K1);
	bool is;

	hex_encode(hex, seed->b, sizeof(seed->b));
	seed_words(words, seed);
	is = !strcmp(text, hex) || !strcmp(text, words) || !strcmp(text, base58.s);
	secure_wipe(hex, sizeof(hex));
	secure_wipe(words, sizeof(words));
	secure_wipe(&base58, sizeof(base58));
	return is;
}

/* Of a passphrase that a person has thought of. */
static void write_warning(struct rpc_call *c, const struct seed *seed)
{
	const char *text = p_text(c, "passphrase");
	struct seed clients;
	bool own;

	if (!text)
		return;
	own = seed_of_ed25519_text(&clients, text);
	secure_wipe(&clients, sizeof(clients));
	if (own || is_text_of(seed, text))
		return;
	if (entropy(text, strlen(text)) < ENTROPY_FAIR)
		jw_put_str(&c->w, "warning",
			   "This wallet was generated using a user-supplied passphrase that has "
			   "low entropy and is vulnerable to brute-force attacks.");
	else
		jw_put_str(&c->w, "warning",
			   "This wallet was generated using a user-supplied passphrase. It may be "
			   "vulnerable to brute-force attacks.");
}

static void write_wallet(struct rpc_call *c, const struct seed *seed, enum key_type type,
			 const struct public_key *key)
{
	struct account_id id;
	struct jw *w = &c->w;

	account_of_key(&id, key);
	jw_put_str(w, "account_id", account_text(&id).s);
	jw_put_str(w, "key_type", type == KEY_ED25519 ? "ed25519" : "secp256k1");
	jw_put_str(w, "master_seed", seed_text(seed, KEY_SECP256K1).s);
	jw_put_hex(w, "master_seed_hex", seed->b, sizeof(seed->b));
	jw_put_str(w, "public_key", account_public_text(key).s);
	jw_put_hex(w, "public_key_hex", key->b, sizeof(key->b));
	write_words(w, "master_key", seed);
	write_warning(c, seed);
}

void method_wallet_propose(struct rpc_call *c)
{
	const json_t *typed = json_object_get(c->p, "key_type");
	enum key_type type = KEY_SECP256K1;
	struct secret_key *key = NULL;
	struct public_key public_key;
	struct seed seed;

	if (typed && !json_is_string(typed)) {
		rpc_fail_expected(c, "key_type", "string");
		return;
	}
	if (typed && !key_type_parse(&type, json_string_value(typed))) {
		rpc_fail(c, RPC_INVALID_PARAMS);
		return;
	}
	if (!wallet_seed(c, &seed, &type, typed != NULL))
		return;
	if (secret_key_of_seed(&key, &public_key, type, &seed) == ERR_NONE)
		write_wallet(c, &seed, type, &public_key);
	else
		rpc_fail(c, RPC_BAD_SEED);
	secret_key_close(key);
	secure_wipe(&seed, sizeof(seed));
}

void method_validation_create(struct rpc_call *c)
{
	const json_t *secret = json_object_get(c->p, "secret");
	struct secret_key *key = NULL;
	struct public_key public_key;
	char text[BASE58_TEXT_MAX];
	struct seed seed;
	uint8_t raw[32];

	if (!secret) {
		c->host->random(c->host->ctx, seed.b, sizeof(seed.b));
	} else if (!json_is_string(secret) || !seed_of_secret(&seed, json_string_value(secret))) {
		rpc_fail(c, RPC_BAD_SEED);
		return;
	}
	if (secret_key_of_node_seed(&key, &public_key, KEY_SECP256K1, &seed) != ERR_NONE) {
		rpc_fail(c, RPC_BAD_SEED);
		return;
	}
	secret_key_export(key, raw);
	base58_encode(text, BASE58_NODE_PRIVATE, raw);
	jw_put_str(&c->w, "validation_private_key", text);
	jw_put_str(&c->w, "validation_public_key", node_public_text(&public_key).s);
	write_words(&c->w, "validation_key", &seed);
	jw_put_str(&c->w, "validation_seed", seed_text(&seed, KEY_SECP256K1).s);
	secure_wipe(raw, sizeof(raw));
	secure_wipe(text, sizeof(text));
	secure_wipe(&seed, sizeof(seed));
	secret_key_close(key);
}
