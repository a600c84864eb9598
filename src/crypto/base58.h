/* SPDX-License-Identifier: ISC */
#ifndef TALLY_CRYPTO_BASE58_H
#define TALLY_CRYPTO_BASE58_H

#include "crypto/keys.h"

/* base58 of the XRP Ledger: alphabet rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz,
 * a type prefix in front and the first four bytes of SHA256(SHA256(.)) behind (rippled: tokens.h).
 */
enum base58_type {
	BASE58_ACCOUNT,        /* 0,   20 bytes, r...   */
	BASE58_ACCOUNT_PUBLIC, /* 35,  33 bytes, aB...  */
	BASE58_NODE_PUBLIC,    /* 28,  33 bytes, n...   */
	BASE58_NODE_PRIVATE,   /* 32,  32 bytes, p...   */
	BASE58_SEED,           /* 33,  16 bytes, s...   */
	BASE58_SEED_ED25519,   /* 01 E1 4B, 16 bytes, sEd... */
	BASE58_TYPE_COUNT
};
#define BASE58_TEXT_MAX 64 /* longest of these, with NUL */

/* Bytes of the payload of a type. */
size_t base58_payload_size(enum base58_type type);
/* Encodes a payload of exactly that size; returns the length of the text. */
size_t base58_encode(char out[BASE58_TEXT_MAX], enum base58_type type, const uint8_t *payload);
/* Decodes text[0..n); ERR_INVALID for a wrong letter or length, ERR_MISMATCH for a bad checksum or
 * another type's prefix. `payload` gets base58_payload_size(type) bytes, only on success. */
enum err base58_decode(uint8_t *payload, enum base58_type type, const char *text,
		       size_t n) MUST_USE;

/* The usual ones in short. Texts are NUL-terminated. */
struct base58_text {
	char s[BASE58_TEXT_MAX];
};
struct base58_text account_text(const struct account_id *id);
enum err account_parse(struct account_id *out, const char *text) MUST_USE;
struct base58_text node_public_text(const struct public_key *key);
struct base58_text account_public_text(const struct public_key *key);
/* The reverse; ERR_INVALID also when the 33 bytes are no public key of either curve. */
enum err node_public_parse(struct public_key *out, const char *text) MUST_USE;
enum err account_public_parse(struct public_key *out, const char *text) MUST_USE;
struct base58_text seed_text(const struct seed *seed, enum key_type type);
/* Either kind of seed; says which. A secp256k1 seed text may also be used for Ed25519 when the
 * caller asks for it, as clients do with key_type. */
enum err seed_parse(struct seed *out, enum key_type *type, const char *text) MUST_USE;

/* X-addresses (XLS-5): classic address and optional tag in one text, for main or test networks.
 * Decoding refuses what would encode differently: unknown flags, a tag without its flag. */
struct x_address {
	struct account_id account;
	bool has_tag;
	uint32_t tag;
	bool test;
};
#define X_ADDRESS_TEXT_MAX 52
void x_address_encode(char out[X_ADDRESS_TEXT_MAX], const struct x_address *a);
enum err x_address_decode(struct x_address *out, const char *text, size_t n) MUST_USE;

#endif
