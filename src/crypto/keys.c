/* SPDX-License-Identifier: ISC */
#include "crypto/keys.h"

#include "base/mem.h"
#include "crypto/guard.h"
#include "crypto/hash.h"
#include "crypto/point.h"
#include "crypto/self_test.h"

#include <secp256k1.h>
#include <sodium.h>

#define ED25519_TAG      0xED
#define SECRET_SIZE      32
#define DERIVE_TRIES_MAX 128 /* the reference gives up here too; one is nearly always enough */

/* secp256k1 signs with this one; checking uses the library's constant context. */
static secp256k1_context *sign_ctx;

struct secret_key {
	enum key_type type;
	struct public_key public;
	size_t n;         /* bytes at guarded */
	uint8_t *guarded; /* guard_alloc, no access between uses: the secret, and for Ed25519
			     the point behind it as libsodium wants it */
};

enum err crypto_init(struct why *why)
{
	if (sodium_init() < 0)
		return why_set(why, ERR_CRYPTO, "libsodium does not start");
	if (!sign_ctx)
		sign_ctx = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
	if (!sign_ctx)
		return why_set(why, ERR_CRYPTO, "libsecp256k1 does not start");
	return crypto_self_test(why);
}

void crypto_blind(const uint8_t entropy[32])
{
	must(sign_ctx != NULL);
	must(secp256k1_context_randomize(sign_ctx, entropy) == 1);
}

void secure_wipe(void *p, size_t n)
{
	sodium_memzero(p, n);
}

/* Public keys */

bool public_key_type(struct bytes key, enum key_type *type)
{
	if (key.n != sizeof(struct public_key))
		return false;
	if (key.p[0] == ED25519_TAG)
		*type = KEY_ED25519;
	else if (key.p[0] == 0x02 || key.p[0] == 0x03)
		*type = KEY_SECP256K1;
	else
		return false;
	return true;
}

void account_of_key(struct account_id *out, const struct public_key *key)
{
	hash160(out, key->b, sizeof(key->b));
}

/* libsodium refuses S >= L and small-order R, and compares R byte by byte (no cofactor). */
static bool ed25519_check(const uint8_t point[32], struct bytes msg, struct bytes sig)
{
	if (sig.n != crypto_sign_ed25519_BYTES)
		return false;
	if (crypto_sign_ed25519_verify_detached(sig.p, msg.p, msg.n, point) != 0)
		return false;
	return ed25519_point_counts(point);
}

/* DER that reads back to the same bytes, and the lower of the two possible S. */
static bool secp256k1_signature_read(secp256k1_ecdsa_signature *out, struct bytes sig)
{
	const secp256k1_context *ctx = secp256k1_context_static;
	uint8_t again[SIGNATURE_MAX];
	size_t n = sizeof(again);

	if (sig.n > SIGNATURE_MAX || !secp256k1_ecdsa_signature_parse_der(ctx, out, sig.p, sig.n))
		return false;
	if (!secp256k1_ecdsa_signature_serialize_der(ctx, again, &n, out))
		return false;
	if (n != sig.n || memcmp(again, sig.p, n) != 0)
		return false;
	return secp256k1_ecdsa_signature_normalize(ctx, NULL, out) == 0;
}

static bool secp256k1_check(struct bytes key, struct bytes msg, struct bytes sig)
{
	const secp256k1_context *ctx = secp256k1_context_static;
	secp256k1_ecdsa_signature s;
	secp256k1_pubkey point;
	struct hash256 digest;

	if (!secp256k1_signature_read(&s, sig))
		return false;
	if (!secp256k1_ec_pubkey_parse(ctx, &point, key.p, key.n))
		return false;
	sha512_half(&digest, msg.p, msg.n);
	return secp256k1_ecdsa_verify(ctx, &s, digest.b, &point) == 1;
}

bool signature_check(struct bytes key, struct bytes msg, struct bytes sig)
{
	enum key_type type;

	if (!public_key_type(key, &type))
		return false;
	return type == KEY_ED25519 ? ed25519_check(key.p + 1, msg, sig)
				   : secp256k1_check(key, msg, sig);
}

bool public_key_valid(struct bytes key)
{
	secp256k1_pubkey point;
	enum key_type type;

	if (!public_key_type(key, &type))
		return false;
	if (type == KEY_ED25519)
		return ed25519_point_counts(key.p + 1);
	return secp256k1_ec_pubkey_parse(secp256k1_context_static, &point, key.p, key.n) == 1;
}

/* Secret keys */

static void guarded_open(const struct secret_key *key)
{
	must(sodium_mprotect_readonly(key->guarded) == 0);
}

static void guarded_shut(const struct secret_key *key)
{
	must(sodium_mprotect_noaccess(key->guarded) == 0);
}

/* The compressed point of a secret that is in range. */
static void secp256k1_public_of(struct public_key *out, const uint8_t secret[SECRET_SIZE])
{
	size_t n = sizeof(out->b);
	secp256k1_pubkey point;

	must(sign_ctx != NULL);
	must(secp256k1_ec_pubkey_create(sign_ctx, &point, secret) == 1);
	must(secp256k1_ec_pubkey_serialize(sign_ctx, out->b, &n, &point, SECP256K1_EC_COMPRESSED));
	must(n == sizeof(out->b));
}

enum err secret_key_of_bytes(struct secret_key **out, struct public_key *public_out,
			     enum key_type type, const uint8_t secret[SECRET_SIZE])
{
	struct secret_key *key;

	must(sign_ctx != NULL);
	if (type == KEY_SECP256K1 && !secp256k1_ec_seckey_verify(sign_ctx, secret))
		return ERR_CRYPTO;
	key = mem_zalloc(1, sizeof(*key));
	key->type = type;
	key->n = type == KEY_ED25519 ? crypto_sign_ed25519_SECRETKEYBYTES : SECRET_SIZE;
	key->guarded = guard_alloc(key->n);
	if (type == KEY_ED25519) {
		key->public.b[0] = ED25519_TAG;
		must(crypto_sign_ed25519_seed_keypair(key->public.b + 1, key->guarded, secret) ==
		     0);
	} else {
		memcpy(key->guarded, secret, SECRET_SIZE);
		secp256k1_public_of(&key->public, secret);
	}
	guarded_shut(key);
	if (public_out)
		*public_out = key->public;
	*out = key;
	return ERR_NONE;
}

/* SHA-512Half(head ‖ counter) for the first counter that gives a secret in range. */
static enum err derive_scalar(uint8_t out[SECRET_SIZE], const uint8_t *head, size_t n_head)
{
	enum err e = ERR_CRYPTO;
	struct hash256 h;
	uint8_t in[64];

	must(n_head + 4 <= sizeof(in));
	memcpy(in, head, n_head);
	for (uint32_t i = 0; e && i < DERIVE_TRIES_MAX; i++) {
		store_be32(in + n_head, i);
		sha512_half(&h, in, n_head + 4);
		if (secp256k1_ec_seckey_verify(sign_ctx, h.b))
			e = ERR_NONE;
	}
	memcpy(out, h.b, SECRET_SIZE);
	secure_wipe(in, sizeof(in));
	secure_wipe(&h, sizeof(h));
	return e;
}

/* Account 0 of the family: root + SHA-512Half(root's point ‖ 0 ‖ counter). */
static enum err derive_account_zero(uint8_t secret[SECRET_SIZE])
{
	struct public_key root;
	uint8_t head[sizeof(root.b) + 4] = {0}, tweak[SECRET_SIZE];
	enum err e;

	secp256k1_public_of(&root, secret);
	memcpy(head, root.b, sizeof(root.b));
	e = derive_scalar(tweak, head, sizeof(head));
	if (!e && !secp256k1_ec_seckey_tweak_add(sign_ctx, secret, tweak))
		e = ERR_CRYPTO;
	secure_wipe(tweak, sizeof(tweak));
	return e;
}

static enum err key_of_seed(struct secret_key **out, struct public_key *public_out,
			    enum key_type type, const struct seed *seed, bool node)
{
	uint8_t secret[SECRET_SIZE];
	enum err e = ERR_NONE;
	struct hash256 h;

	must(sign_ctx != NULL);
	if (type == KEY_ED25519) {
		sha512_half(&h, seed->b, sizeof(seed->b));
		memcpy(secret, h.b, sizeof(secret));
		secure_wipe(&h, sizeof(h));
	} else {
		e = derive_scalar(secret, seed->b, sizeof(seed->b));
		if (!e && !node)
			e = derive_account_zero(secret);
	}
	if (!e)
		e = secret_key_of_bytes(out, public_out, type, secret);
	secure_wipe(secret, sizeof(secret));
	return e;
}

enum err secret_key_of_seed(struct secret_key **out, struct public_key *public_out,
			    enum key_type type, const struct seed *seed)
{
	return key_of_seed(out, public_out, type, seed, false);
}

enum err secret_key_of_node_seed(struct secret_key **out, struct public_key *public_out,
				 enum key_type type, const struct seed *seed)
{
	return key_of_seed(out, public_out, type, seed, true);
}

void ed25519_public_of_seed(struct public_key *out, const struct seed *seed)
{
	uint8_t pair[crypto_sign_ed25519_SECRETKEYBYTES];
	struct hash256 h;

	must(sign_ctx != NULL);
	sha512_half(&h, seed->b, sizeof(seed->b));
	out->b[0] = ED25519_TAG;
	must(crypto_sign_ed25519_seed_keypair(out->b + 1, pair, h.b) == 0);
	secure_wipe(&h, sizeof(h));
	secure_wipe(pair, sizeof(pair));
}

void seed_of_passphrase(struct seed *out, struct bytes text)
{
	struct hash256 h;

	sha512_half(&h, text.p, text.n);
	memcpy(out->b, h.b, sizeof(out->b));
	secure_wipe(&h, sizeof(h));
}

void secret_key_export(const struct secret_key *key, uint8_t secret[SECRET_SIZE])
{
	guarded_open(key);
	memcpy(secret, key->guarded, SECRET_SIZE);
	guarded_shut(key);
}

void secret_key_close(struct secret_key *key)
{
	if (!key)
		return;
	sodium_free(key->guarded); /* wipes */
	mem_free(key);
}

const struct public_key *secret_key_public(const struct secret_key *key)
{
	return &key->public;
}

enum key_type secret_key_type(const struct secret_key *key)
{
	return key->type;
}

static size_t secp256k1_make(const struct secret_key *key, struct bytes msg, uint8_t *sig)
{
	secp256k1_ecdsa_signature s;
	struct hash256 digest;
	size_t n = SIGNATURE_MAX;

	/* RFC 6979 is the library's default nonce, and it always makes the lower S. */
	sha512_half(&digest, msg.p, msg.n);
	must(secp256k1_ecdsa_sign(sign_ctx, &s, digest.b, key->guarded, NULL, NULL) == 1);
	must(secp256k1_ecdsa_signature_serialize_der(sign_ctx, sig, &n, &s) == 1);
	return n;
}

size_t signature_make(const struct secret_key *key, struct bytes msg, uint8_t sig[SIGNATURE_MAX])
{
	size_t n = crypto_sign_ed25519_BYTES;

	must(sign_ctx != NULL);
	guarded_open(key);
	if (key->type == KEY_ED25519)
		must(crypto_sign_ed25519_detached(sig, NULL, msg.p, msg.n, key->guarded) == 0);
	else
		n = secp256k1_make(key, msg, sig);
	guarded_shut(key);
	return n;
}
