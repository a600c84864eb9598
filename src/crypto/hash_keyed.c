/* SPDX-License-Identifier: ISC */
#include "crypto/hash.h"

#include <sodium.h>

uint64_t hash_keyed(const uint8_t key[16], const void *p, size_t n)
{
	uint8_t out[crypto_shorthash_BYTES];
	uint64_t hash;

	_Static_assert(crypto_shorthash_KEYBYTES == 16 && sizeof(out) == sizeof(hash), "SipHash");
	crypto_shorthash(out, p, n, key);
	memcpy(&hash, out, sizeof(hash));
	return hash;
}
