/* SPDX-License-Identifier: ISC */
#ifndef TALLY_CRYPTO_HASH_H
#define TALLY_CRYPTO_HASH_H

#include "base/bytes.h"

/* Hashes of the XRP Ledger. "SHA-512Half" is the first 32 bytes of SHA-512; nearly every id is one
 * over a four-byte prefix that says what is hashed, so that no two kinds of content share an id
 * (rippled: HashPrefix.h). */
enum hash_prefix {
	HASH_PREFIX_TX_ID = 0x54584E00,        /* TXN: transaction id, leaf of a transaction set */
	HASH_PREFIX_TX_META = 0x534E4400,      /* SND: leaf of a ledger's transaction tree */
	HASH_PREFIX_STATE_LEAF = 0x4D4C4E00,   /* MLN */
	HASH_PREFIX_INNER = 0x4D494E00,        /* MIN */
	HASH_PREFIX_LEDGER = 0x4C575200,       /* LWR: ledger header */
	HASH_PREFIX_TX_SIGN = 0x53545800,      /* STX */
	HASH_PREFIX_TX_MULTISIGN = 0x534D5400, /* SMT */
	HASH_PREFIX_VALIDATION = 0x56414C00,   /* VAL */
	HASH_PREFIX_PROPOSAL = 0x50525000,     /* PRP */
	HASH_PREFIX_MANIFEST = 0x4D414E00,     /* MAN */
	HASH_PREFIX_CLAIM = 0x434C4D00,        /* CLM */
	HASH_PREFIX_BATCH = 0x42434800,        /* BCH */
};
_Static_assert(HASH_PREFIX_TX_SIGN == 0x53545800, "signed bytes depend on it");

/* A running SHA-512, on the caller's memory, freely copied. */
struct sha512 {
	_Alignas(16) uint8_t opaque[256];
};
void sha512_init(struct sha512 *h);
void sha512_put(struct sha512 *h, const void *p, size_t n);
/* The whole 64 bytes, or the first 32. Afterwards h must be initialised anew. */
void sha512_end(struct sha512 *h, uint8_t out[64]);
void sha512_end_half(struct sha512 *h, struct hash256 *out);

/* One shot: SHA-512Half of p[0..n). */
void sha512_half(struct hash256 *out, const void *p, size_t n);
/* One shot: SHA-512Half of the prefix (4 bytes, big-endian) followed by the parts. */
void sha512_half_parts(struct hash256 *out, enum hash_prefix prefix, const struct bytes *parts,
		       size_t n_parts);

/* For the WebSocket handshake (RFC 6455), which asks for it by name. Not for anything that has to
 * resist collisions. */
void sha1(uint8_t out[20], const void *p, size_t n);
void sha256(uint8_t out[32], const void *p, size_t n);
/* SipHash-2-4: 64 bits for tables that outsiders fill, who do not know the key. */
uint64_t hash_keyed(const uint8_t key[16], const void *p, size_t n);
/* RIPEMD160(SHA256(p)): account ids from public keys. */
void hash160(struct account_id *out, const void *p, size_t n);

#endif
