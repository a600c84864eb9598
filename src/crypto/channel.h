/* SPDX-License-Identifier: ISC */
#ifndef TALLY_CRYPTO_CHANNEL_H
#define TALLY_CRYPTO_CHANNEL_H

#include "base/bytes.h"

/* The secrets of one encrypted connection between two nodes: an ephemeral X25519 exchange, keys
 * that seal the two proofs of identity, then one libsodium secretstream (XChaCha20-Poly1305) for
 * each direction. What is exchanged and when is the business of net/session.h; here is only what
 * must be secret. docs/decisions/0003-peer-channel.md has the reasons.
 *
 *   channel_open ──► channel_agree ──► channel_seal / channel_unseal ──► channel_start ──►
 *   key pair         other public      one proof each way                channel_push / _pull
 *
 *   shared = X25519(own secret, other public), refused when zero (a point of small order)
 *   early  = BLAKE2b-256(key shared; label | transcript)      → one sealing key per direction
 *   late   = BLAKE2b-256(key early;  label | transcript)      → key and header of each stream
 *
 * Everything is derived: there is no randomness in here, the seed is handed in, so a connection
 * can be replayed to the bit. The keys are unique to the connection as long as one side's seed is,
 * which is why fixed nonces and derived stream headers are safe. All secrets live in guarded memory
 * and are wiped as soon as they are not needed: the exchange by channel_start, all by
 * channel_close. */

#define CHANNEL_PUBLIC_BYTES 32
#define CHANNEL_SEAL_BYTES   16 /* added by channel_seal */
#define CHANNEL_STREAM_BYTES 17 /* added by channel_push */

/* A stream changes its key after this many messages and after this many bytes; the sender decides
 * and marks the message, the receiver follows. */
#define CHANNEL_REKEY_MESSAGES 65536
#define CHANNEL_REKEY_BYTES    (1ull << 30)

struct channel;

/* The key pair of 32 fresh random bytes. */
struct channel *channel_open(uint8_t public_out[CHANNEL_PUBLIC_BYTES], const uint8_t seed[32]);
void channel_close(struct channel *c); /* NULL is fine */

/* Makes the early keys. `transcript` is the hash of all bytes so far, both public keys included.
 * False when the other side's key is of small order. Once. */
bool channel_agree(struct channel *c, bool initiator, const uint8_t other[CHANNEL_PUBLIC_BYTES],
		   const struct hash256 *transcript) MUST_USE;
/* Seals and opens a proof; out has n + CHANNEL_SEAL_BYTES, or n - CHANNEL_SEAL_BYTES. The
 * transcript so far is authenticated with it. Once per direction. */
void channel_seal(struct channel *c, uint8_t *out, const uint8_t *msg, size_t n,
		  const struct hash256 *transcript);
bool channel_unseal(struct channel *c, uint8_t *out, const uint8_t *in, size_t n,
		    const struct hash256 *transcript) MUST_USE;
/* Makes the two streams and wipes what came before. `transcript`: of the whole handshake. */
void channel_start(struct channel *c, const struct hash256 *transcript);

/* One message of the stream: out has n + CHANNEL_STREAM_BYTES, or n - CHANNEL_STREAM_BYTES.
 * `header` is authenticated but not contained (the frame's length). Messages open only in the order
 * in which they were made, each once; pull says false for anything else, and the connection is of
 * no use then. */
void channel_push(struct channel *c, uint8_t *out, const uint8_t *msg, size_t n,
		  struct bytes header);
bool channel_pull(struct channel *c, uint8_t *out, const uint8_t *in, size_t n,
		  struct bytes header) MUST_USE;

#endif
