/* SPDX-License-Identifier: ISC */
#ifndef TALLY_CRYPTO_KEYS_H
#define TALLY_CRYPTO_KEYS_H

#include "base/bytes.h"

/* Keys and signatures of both curves, as the XRP Ledger uses them (rippled: SecretKey.cpp,
 * PublicKey.cpp). All functions are pure; keys are drawn by os/entropy.h and handed in.
 *
 * Messages: Ed25519 signs the message itself; secp256k1 signs SHA-512Half of it, deterministically
 * (RFC 6979), DER encoded, and only the low-S form is accepted ("fully canonical").
 *
 * The frozen Ed25519 rule: a public key counts only if libsodium calls it a valid point of the
 * prime-order subgroup in canonical form, and signatures are always checked one by one. Changing
 * either would let two nodes disagree about a transaction. */

enum key_type { KEY_SECP256K1, KEY_ED25519 };

/* 33 bytes: 0x02 or 0x03 and X for secp256k1, 0xED and the point for Ed25519. */
struct public_key {
	uint8_t b[33];
};
#define SIGNATURE_MAX 72 /* DER at its longest; Ed25519 needs 64 */

/* Call once at start, before threads: selects libsodium's implementation, makes the secp256k1
 * context, runs a self-test of known answers. Fails with ERR_CRYPTO and a reason. */
enum err crypto_init(struct why *why) MUST_USE;
/* Optional, right after crypto_init and before threads: blinds the secp256k1 signing computations
 * with 32 random bytes against timing and power analysis. Results do not depend on it. */
void crypto_blind(const uint8_t entropy[32]);

/* The type from the first byte and the length; false when it is no public key at all (no curve
 * check is made here; signature_check makes it). */
bool public_key_type(struct bytes key, enum key_type *type);
/* As above, and the bytes are a point of the curve that signature_check would accept. For keys out
 * of configuration files, so that a bad one is found at start and not at the first signature. */
bool public_key_valid(struct bytes key) MUST_USE;
static inline int public_key_cmp(const struct public_key *a, const struct public_key *b)
{
	return memcmp(a->b, b->b, sizeof(a->b));
}
/* The account that a public key controls. */
void account_of_key(struct account_id *out, const struct public_key *key);

/* True when sig is a valid, canonical signature of msg by key. Any malformed input is just false.
 * Thread safe; costs about 52 us (Ed25519) or 40 us (secp256k1). */
bool signature_check(struct bytes key, struct bytes msg, struct bytes sig) MUST_USE;

/* 16 bytes from which key pairs are derived; wiped by whoever holds it (secure_wipe). */
struct seed {
	uint8_t b[16];
};
/* Overwrites with zeros in a way the compiler keeps. */
void secure_wipe(void *p, size_t n);
/* The seed of a passphrase: first half of SHA-512Half(text). Weak by nature; for well-known
 * test accounts such as "masterpassphrase". */
void seed_of_passphrase(struct seed *out, struct bytes text);

/* A secret key lives in guarded memory (libsodium: guard pages, locked, not dumped), readable only
 * while it is being used. One use at a time per key. */
struct secret_key;

/* Account keys: for secp256k1 the family derivation (root key + tweak of account index 0), for
 * Ed25519 SHA-512Half(seed). `public_out` may be NULL. */
enum err secret_key_of_seed(struct secret_key **out, struct public_key *public_out,
			    enum key_type type, const struct seed *seed) MUST_USE;
/* Validator and node keys: for secp256k1 the root key itself; Ed25519 as above. */
enum err secret_key_of_node_seed(struct secret_key **out, struct public_key *public_out,
				 enum key_type type, const struct seed *seed) MUST_USE;
/* The public half of secret_key_of_seed's Ed25519 pair alone: nothing is kept, so no guarded memory
 * is set up for it, which costs more than the derivation. For lists of well-known test accounts. */
void ed25519_public_of_seed(struct public_key *out, const struct seed *seed);
/* From the 32 raw bytes (node private key tokens). Fails with ERR_CRYPTO when out of range. */
enum err secret_key_of_bytes(struct secret_key **out, struct public_key *public_out,
			     enum key_type type, const uint8_t secret[32]) MUST_USE;
/* Copies the 32 raw secret bytes out, for key tools only; the caller wipes them. */
void secret_key_export(const struct secret_key *key, uint8_t secret[32]);
void secret_key_close(struct secret_key *key); /* NULL is fine */
const struct public_key *secret_key_public(const struct secret_key *key);
enum key_type secret_key_type(const struct secret_key *key);

/* Signs msg; returns the signature's length (64, or up to SIGNATURE_MAX for DER). Deterministic. */
size_t signature_make(const struct secret_key *key, struct bytes msg, uint8_t sig[SIGNATURE_MAX]);

#endif
