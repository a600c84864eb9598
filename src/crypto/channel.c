/* SPDX-License-Identifier: ISC */
#include "crypto/channel.h"

#include "crypto/guard.h"

#include <sodium.h>

typedef crypto_secretstream_xchacha20poly1305_state stream_state;

enum stage { KEY_PAIR, AGREED, STREAMING };

/* Sub-keys; the numbers are part of the protocol. */
enum subkey {
	SUBKEY_TO_RESPONDER = 1,
	SUBKEY_TO_INITIATOR = 2,
	SUBKEY_HEADER = 2, /* added for a stream's header */
};

struct channel {
	enum stage stage;
	bool initiator, sealed, unsealed;
	uint8_t secret[crypto_scalarmult_SCALARBYTES];
	uint8_t early[crypto_kdf_KEYBYTES];
	stream_state out, in;
	uint64_t messages, bytes; /* sent under the current key */
};

static const char early_label[] = "tally-peer-v1 early";
static const char late_label[] = "tally-peer-v1 late";
static const char seal_context[crypto_kdf_CONTEXTBYTES + 1] = "tlyproof";
static const char stream_context[crypto_kdf_CONTEXTBYTES + 1] = "tlystrm_";

_Static_assert(CHANNEL_PUBLIC_BYTES == crypto_scalarmult_BYTES, "X25519");
_Static_assert(CHANNEL_SEAL_BYTES == crypto_aead_chacha20poly1305_ietf_ABYTES, "proof");
_Static_assert(CHANNEL_STREAM_BYTES == crypto_secretstream_xchacha20poly1305_ABYTES, "stream");
_Static_assert(crypto_kdf_KEYBYTES == 32 && crypto_scalarmult_SCALARBYTES == 32, "seeds");

/* out = BLAKE2b-256(key; label | transcript), the final zero of the label included. */
static void mix(uint8_t out[crypto_kdf_KEYBYTES], const uint8_t key[32], const char *label,
		const struct hash256 *transcript)
{
	crypto_generichash_state h;

	must(!crypto_generichash_init(&h, key, 32, crypto_kdf_KEYBYTES));
	must(!crypto_generichash_update(&h, (const uint8_t *)label, strlen(label) + 1));
	must(!crypto_generichash_update(&h, transcript->b, sizeof(transcript->b)));
	must(!crypto_generichash_final(&h, out, crypto_kdf_KEYBYTES));
	sodium_memzero(&h, sizeof(h));
}

/* Which sub-key seals what this side sends, or receives. */
static uint64_t direction(const struct channel *c, bool sending)
{
	return c->initiator == sending ? SUBKEY_TO_RESPONDER : SUBKEY_TO_INITIATOR;
}

struct channel *channel_open(uint8_t public_out[CHANNEL_PUBLIC_BYTES], const uint8_t seed[32])
{
	struct channel *c = guard_alloc(sizeof(*c));

	memset(c, 0, sizeof(*c));
	memcpy(c->secret, seed, sizeof(c->secret));
	must(!crypto_scalarmult_base(public_out, c->secret));
	return c;
}

void channel_close(struct channel *c)
{
	sodium_free(c); /* wipes */
}

bool channel_agree(struct channel *c, bool initiator, const uint8_t other[CHANNEL_PUBLIC_BYTES],
		   const struct hash256 *transcript)
{
	uint8_t shared[crypto_scalarmult_BYTES];
	bool ok;

	must(c->stage == KEY_PAIR);
	ok = !crypto_scalarmult(shared, c->secret, other);
	if (ok) {
		mix(c->early, shared, early_label, transcript);
		c->initiator = initiator;
		c->stage = AGREED;
	}
	sodium_memzero(shared, sizeof(shared));
	sodium_memzero(c->secret, sizeof(c->secret));
	return ok;
}

/* A sealing key is used once, so its nonce may be zero. */
static const uint8_t zero_nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];

void channel_seal(struct channel *c, uint8_t *out, const uint8_t *msg, size_t n,
		  const struct hash256 *transcript)
{
	uint8_t key[crypto_aead_chacha20poly1305_ietf_KEYBYTES];

	must(c->stage == AGREED && !c->sealed);
	c->sealed = true;
	must(!crypto_kdf_derive_from_key(key, sizeof(key), direction(c, true), seal_context,
					 c->early));
	must(!crypto_aead_chacha20poly1305_ietf_encrypt(
	    out, NULL, msg, n, transcript->b, sizeof(transcript->b), NULL, zero_nonce, key));
	sodium_memzero(key, sizeof(key));
}

bool channel_unseal(struct channel *c, uint8_t *out, const uint8_t *in, size_t n,
		    const struct hash256 *transcript)
{
	uint8_t key[crypto_aead_chacha20poly1305_ietf_KEYBYTES];
	bool ok;

	must(c->stage == AGREED && !c->unsealed);
	c->unsealed = true;
	must(!crypto_kdf_derive_from_key(key, sizeof(key), direction(c, false), seal_context,
					 c->early));
	ok = !crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, in, n, transcript->b,
							sizeof(transcript->b), zero_nonce, key);
	sodium_memzero(key, sizeof(key));
	return ok;
}

/* secretstream would draw its header; derived from the same secret as the key it needs no room on
 * the wire. For libsodium a sender's and a receiver's state are the same thing. */
static void stream_init(stream_state *s, const uint8_t late[32], uint64_t id)
{
	uint8_t key[crypto_secretstream_xchacha20poly1305_KEYBYTES];
	uint8_t header[crypto_secretstream_xchacha20poly1305_HEADERBYTES];

	must(!crypto_kdf_derive_from_key(key, sizeof(key), id, stream_context, late));
	must(!crypto_kdf_derive_from_key(header, sizeof(header), id + SUBKEY_HEADER, stream_context,
					 late));
	must(!crypto_secretstream_xchacha20poly1305_init_pull(s, header, key));
	sodium_memzero(key, sizeof(key));
}

void channel_start(struct channel *c, const struct hash256 *transcript)
{
	uint8_t late[crypto_kdf_KEYBYTES];

	must(c->stage == AGREED && c->sealed && c->unsealed);
	mix(late, c->early, late_label, transcript);
	stream_init(&c->out, late, direction(c, true));
	stream_init(&c->in, late, direction(c, false));
	sodium_memzero(late, sizeof(late));
	sodium_memzero(c->early, sizeof(c->early));
	c->stage = STREAMING;
}

void channel_push(struct channel *c, uint8_t *out, const uint8_t *msg, size_t n,
		  struct bytes header)
{
	uint8_t tag = crypto_secretstream_xchacha20poly1305_TAG_MESSAGE;

	must(c->stage == STREAMING);
	c->messages++;
	c->bytes += n;
	if (c->messages >= CHANNEL_REKEY_MESSAGES || c->bytes >= CHANNEL_REKEY_BYTES) {
		tag = crypto_secretstream_xchacha20poly1305_TAG_REKEY;
		c->messages = 0;
		c->bytes = 0;
	}
	must(!crypto_secretstream_xchacha20poly1305_push(&c->out, out, NULL, msg, n, header.p,
							 header.n, tag));
}

bool channel_pull(struct channel *c, uint8_t *out, const uint8_t *in, size_t n, struct bytes header)
{
	uint8_t tag;

	must(c->stage == STREAMING);
	if (n < CHANNEL_STREAM_BYTES)
		return false;
	if (crypto_secretstream_xchacha20poly1305_pull(&c->in, out, NULL, &tag, in, n, header.p,
						       header.n))
		return false;
	return tag == crypto_secretstream_xchacha20poly1305_TAG_MESSAGE ||
	       tag == crypto_secretstream_xchacha20poly1305_TAG_REKEY;
}
