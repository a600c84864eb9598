/* SPDX-License-Identifier: ISC */
#include "tests/sim/keys.h"

#include "ledger/genesis.h"

#include <sodium.h>

#define TAG_BYTES 64 /* as long as an Ed25519 signature: the handshake wants that */
#define NODES_MAX 32

static bool tags;

void keys_mode(bool real)
{
	tags = !real;
}

/* Nobody but the two functions below makes tags: whoever is to sign needs the key's object. */
static void tag_of(uint8_t tag[TAG_BYTES], struct bytes key, struct bytes msg)
{
	static const uint8_t secret[32] = "tally simulated signatures";
	crypto_generichash_state h;

	must(!crypto_generichash_init(&h, secret, sizeof(secret), TAG_BYTES));
	must(!crypto_generichash_update(&h, key.p, key.n));
	must(!crypto_generichash_update(&h, msg.p, msg.n));
	must(!crypto_generichash_final(&h, tag, TAG_BYTES));
}

bool __wrap_signature_check(struct bytes key, struct bytes msg, struct bytes sig)
{
	uint8_t tag[TAG_BYTES];
	enum key_type type;

	if (!tags)
		return __real_signature_check(key, msg, sig);
	if (!public_key_type(key, &type) || sig.n != TAG_BYTES)
		return false;
	tag_of(tag, key, msg);
	return !memcmp(tag, sig.p, TAG_BYTES);
}

size_t __wrap_signature_make(const struct secret_key *key, struct bytes msg,
			     uint8_t sig[SIGNATURE_MAX])
{
	if (!tags)
		return __real_signature_make(key, msg, sig);
	tag_of(sig, bytes_of(secret_key_public(key)->b, sizeof(struct public_key)), msg);
	return TAG_BYTES;
}

static struct secret_key *node_key(struct secret_key **slot, enum key_type type, uint8_t kind,
				   uint32_t i)
{
	struct seed seed = {{(uint8_t)(i + 1), kind}};

	if (!*slot)
		must(secret_key_of_node_seed(slot, NULL, type, &seed) == ERR_NONE);
	return *slot;
}

struct secret_key *keys_validator(uint32_t i)
{
	static struct secret_key *known[NODES_MAX];

	must(i < NODES_MAX);
	return node_key(&known[i], KEY_SECP256K1, 0, i);
}

struct secret_key *keys_identity(uint32_t i)
{
	static struct secret_key *known[NODES_MAX];

	must(i < NODES_MAX);
	return node_key(&known[i], KEY_ED25519, 1, i);
}

struct secret_key *keys_account(uint32_t i, struct account_id *id)
{
	static struct secret_key *known[KEYS_ACCOUNTS_MAX];
	static struct account_id ids[KEYS_ACCOUNTS_MAX];
	struct seed seed;

	must(i < KEYS_ACCOUNTS_MAX);
	if (!known[i]) {
		genesis_generated_seed(&seed, i);
		must(secret_key_of_seed(&known[i], NULL, KEY_ED25519, &seed) == ERR_NONE);
		account_of_key(&ids[i], secret_key_public(known[i]));
	}
	*id = ids[i];
	return known[i];
}
