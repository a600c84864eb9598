/* SPDX-License-Identifier: ISC */
#ifndef TALLY_NET_SESSION_IMPL_H
#define TALLY_NET_SESSION_IMPL_H

#include "crypto/channel.h"
#include "net/budget.h"
#include "net/session.h"

/* The session's inside, shared by session.c (frames, pings, budget) and handshake.c.
 *
 *   initiator   WANT_HELLO ── hello2's head ──► WANT_PROOF ── hello2's proof, hello3 sent ──► READY
 *   responder   WANT_HELLO ── hello1, hello2 sent ──► WANT_PROOF ── hello3 ──► READY
 *   any state ── session_end ──► ENDED
 *
 * hello head, 79 bytes:  magic 4 | version min 2 | version max 2 | minor 2 | network id 4 |
 *                        genesis 32 | role 1 | X25519 public key 32
 * proof, 113 bytes:      sealed( identity 33 | signature 64 )
 *
 * The signature is over  "tally-peer-v1 initiator" or "... responder" | 0 | identity |
 * SHA-512Half(all bytes before this proof). So it cannot be used in another role, another
 * connection, another network, or for anything else that the key signs. */

enum session_state { WANT_HELLO, WANT_PROOF, READY, ENDED };

#define HELLO_BYTES       79
#define PROOF_PLAIN_BYTES (33 + 64)
#define PROOF_BYTES       (PROOF_PLAIN_BYTES + CHANNEL_SEAL_BYTES)
#define FRAME_HEAD_BYTES  4

struct session {
	struct session_config config; /* without the ephemeral seed */
	enum session_state state;
	enum session_end end;
	struct channel *channel;
	uint8_t ephemeral[CHANNEL_PUBLIC_BYTES];
	struct buf transcript; /* both ways, until ready */
	struct public_key peer, expect;
	uint16_t peer_minor;

	struct buf in;    /* received, not yet a whole frame */
	struct buf plain; /* one opened frame */
	struct arena arena;
	struct budget budget, pace; /* received; sent */
	uint32_t warnings;
	struct why detail;

	struct steady opened, heard, ticked;
	struct steady ping_sent;
	bool ping_out; /* and not answered yet */
	uint32_t ping_token;
	int64_t rtt_ms;
	int32_t clock_offset_s;
};

/* This side's hello, appended to out and the transcript. */
void handshake_hello(struct session *s, struct buf *out);
/* Takes what is at the front of `in`: returns the bytes used, 0 when more are needed; moves the
 * state and sets *end when it is over. What has to be answered goes to out. */
size_t handshake_feed(struct session *s, struct bytes in, struct buf *out, enum session_end *end);

#endif
