/* SPDX-License-Identifier: ISC */
#ifndef TALLY_NET_SESSION_H
#define TALLY_NET_SESSION_H

#include "net/wire.h"

/* One connection between two nodes as a pure machine: bytes in, bytes and messages out.
 *
 *   initiator                                   responder
 *   hello1: magic, version range, network id, genesis, role, ephemeral X25519 key      ───►
 *                    ◄───  hello2: the same of its side, identity key and signature (sealed)
 *   hello3: identity key and signature (sealed)                                        ───►
 *   then frames both ways: u32 length (big-endian), libsodium secretstream of one message
 *
 * Both identities (Ed25519 node keys) sign the transcript: every byte so far, hence both ephemeral
 * keys, network id, genesis hash, roles and version ranges. Nothing but the handshake is accepted
 * before both have proved themselves. Bounds: handshake HANDSHAKE_BYTES_MAX and 5 s, frames by
 * type (wire.def) and FRAME_BYTES_MAX. Randomness (the ephemeral key) is handed in. */

enum session_role { SESSION_INITIATOR, SESSION_RESPONDER };

struct session_config {
	enum session_role role;
	uint32_t network_id;
	struct hash256 genesis;
	const struct secret_key *identity;  /* Ed25519; outlives the session */
	uint8_t ephemeral_seed[32];         /* fresh random bytes */
	const struct public_key *expect;    /* initiator: the identity it wants, or NULL for any */
};

/* Why a session ended; each has a text, is logged and, when possible, told in BYE. */
enum session_end {
	SESSION_OPEN = 0,
	SESSION_BAD_MAGIC,
	SESSION_WRONG_NETWORK,
	SESSION_WRONG_GENESIS,
	SESSION_WRONG_VERSION,
	SESSION_BAD_SIGNATURE,
	SESSION_SELF,            /* connected to ourselves */
	SESSION_WRONG_IDENTITY,
	SESSION_OVERSIZE,
	SESSION_GARBAGE,         /* a frame that does not open or decode */
	SESSION_HANDSHAKE_TIMEOUT,
	SESSION_SILENT,          /* nothing for PEER_IDLE_MS although pinged */
	SESSION_TOO_FAST,        /* over its budget again after a warning */
	SESSION_CLOSED,          /* by the other side */
	SESSION_END_COUNT
};
const char *session_end_text(enum session_end e);

struct session;

struct session *session_open(const struct session_config *c, struct now now);
void session_close(struct session *s);

/* Takes bytes from the socket. Whatever must be written is appended to `out`. Every complete
 * message is handed to on_message, whose views live during the call only. Returns SESSION_OPEN to
 * go on; anything else ends the session (write `out` first, it may hold a BYE). */
enum session_end session_feed(struct session *s, struct bytes in, struct now now, struct buf *out,
			      void (*on_message)(void *ctx, const struct msg *m), void *ctx);
/* Time passes: handshake deadline, pings, silence. Call at least every second. */
enum session_end session_tick(struct session *s, struct now now, struct buf *out);
/* The initiator's first bytes. */
void session_start(struct session *s, struct buf *out);
bool session_ready(const struct session *s);             /* handshake done */
const struct public_key *session_peer(const struct session *s); /* valid once ready */
/* Round-trip time of the last ping in ms, -1 when unknown; and its clock offset in seconds. */
int64_t session_rtt_ms(const struct session *s);
int32_t session_clock_offset_s(const struct session *s);
/* Seals one message into out. Only when ready. */
void session_send(struct session *s, const struct wire_frame *f, struct buf *out);

#endif
