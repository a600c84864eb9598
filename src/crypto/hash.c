/* SPDX-License-Identifier: ISC */

/* The low-level interface of libcrypto, deprecated since OpenSSL 3.0 but kept: it needs no heap and
 * no provider look-up per digest, which for our 64 to 600 byte inputs is a large part of the cost,
 * and RIPEMD-160 comes without loading the legacy provider. This is the only file that uses it. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/hash.h"

#include <openssl/ripemd.h>
#include <openssl/sha.h>

_Static_assert(sizeof(SHA512_CTX) <= sizeof(struct sha512), "the opaque state must hold it");
_Static_assert(_Alignof(SHA512_CTX) <= _Alignof(struct sha512), "and be aligned for it");

static SHA512_CTX *ctx_of(struct sha512 *h)
{
	return (SHA512_CTX *)(void *)h->opaque;
}

void sha512_init(struct sha512 *h)
{
	must(SHA512_Init(ctx_of(h)) == 1);
}

void sha512_put(struct sha512 *h, const void *p, size_t n)
{
	if (n)
		must(SHA512_Update(ctx_of(h), p, n) == 1);
}

void sha512_end(struct sha512 *h, uint8_t out[64])
{
	must(SHA512_Final(out, ctx_of(h)) == 1);
}

void sha512_end_half(struct sha512 *h, struct hash256 *out)
{
	uint8_t full[64];

	sha512_end(h, full);
	memcpy(out->b, full, sizeof(out->b));
}

void sha512_half(struct hash256 *out, const void *p, size_t n)
{
	struct sha512 h;

	sha512_init(&h);
	sha512_put(&h, p, n);
	sha512_end_half(&h, out);
}

void sha512_half_parts(struct hash256 *out, enum hash_prefix prefix, const struct bytes *parts,
		       size_t n_parts)
{
	struct sha512 h;
	uint8_t head[4];

	store_be32(head, (uint32_t)prefix);
	sha512_init(&h);
	sha512_put(&h, head, sizeof(head));
	for (size_t i = 0; i < n_parts; i++)
		sha512_put(&h, parts[i].p, parts[i].n);
	sha512_end_half(&h, out);
}

void sha1(uint8_t out[20], const void *p, size_t n)
{
	SHA_CTX ctx;

	must(SHA1_Init(&ctx) == 1);
	if (n)
		must(SHA1_Update(&ctx, p, n) == 1);
	must(SHA1_Final(out, &ctx) == 1);
}

void sha256(uint8_t out[32], const void *p, size_t n)
{
	SHA256_CTX ctx;

	must(SHA256_Init(&ctx) == 1);
	if (n)
		must(SHA256_Update(&ctx, p, n) == 1);
	must(SHA256_Final(out, &ctx) == 1);
}

void hash160(struct account_id *out, const void *p, size_t n)
{
	uint8_t inner[32];
	RIPEMD160_CTX ctx;

	sha256(inner, p, n);
	must(RIPEMD160_Init(&ctx) == 1);
	must(RIPEMD160_Update(&ctx, inner, sizeof(inner)) == 1);
	must(RIPEMD160_Final(out->b, &ctx) == 1);
}
