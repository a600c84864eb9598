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
 * type (wire.def) and FRAME_BYTES_MAX. Randomness (the ephemeral key) is handed in.
 *
 * A frame's length is authenticated with it. Frames open only whole, in order and once; anything
 * else ends the session. PING, PONG and BYE are the session's own business and not handed up;
 * messages of an unknown type are skipped. session_impl.h has the bytes of the handshake. */

enum session_role { SESSION_INITIATOR, SESSION_RESPONDER };

struct session_config {
	enum session_role role;
	uint32_t network_id;
	struct hash256 genesis;
	const struct secret_key *identity; /* Ed25519; outlives the session */
	uint8_t ephemeral_seed[32];        /* fresh random bytes */
	const struct public_key *expect;   /* the identity it wants (copied), or NULL for any */
};

/* Why a session ended; each has a text, is logged and, when possible, told in BYE. The numbers are
 * BYE's codes. */
enum session_end {
	SESSION_OPEN = 0,
	SESSION_BAD_MAGIC,
	SESSION_WRONG_NETWORK,
	SESSION_WRONG_GENESIS,
	SESSION_WRONG_VERSION,
	SESSION_BAD_SIGNATURE,
	SESSION_SELF, /* connected to ourselves */
	SESSION_WRONG_IDENTITY,
	SESSION_OVERSIZE,
	SESSION_GARBAGE, /* a frame that does not open or decode */
	SESSION_HANDSHAKE_TIMEOUT,
	SESSION_SILENT,   /* nothing for PEER_IDLE_MS although pinged */
	SESSION_TOO_FAST, /* far above its budget after a warning (budget.h) */
	SESSION_CLOSED,   /* by the other side */
	SESSION_CLOCK,    /* the clocks differ by more than PEER_CLOCK_MAX_S */
	SESSION_END_COUNT
};
const char *session_end_text(enum session_end e);
/* Whether an honest node would never end like that: who does so again is refused for a while
 * (refusals.h). */
bool session_is_offence(enum session_end e);

struct session;

struct session *session_open(const struct session_config *c, struct now now);
void session_close(struct session *s);

/* Takes bytes from the socket. Whatever must be written is appended to `out`. Every complete
 * message is handed to on_message, whose views live during the call only and which may end the
 * session with session_bye, but nothing else of it. Returns SESSION_OPEN to go on; anything else
 * ends the session (write `out` first, it may hold a BYE). */
enum session_end session_feed(struct session *s, struct bytes in, struct now now, struct buf *out,
			      void (*on_message)(void *ctx, const struct msg *m), void *ctx);
/* Time passes: handshake deadline, pings, silence. Call at least every second. */
enum session_end session_tick(struct session *s, struct now now, struct buf *out);
/* The initiator's first bytes. */
void session_start(struct session *s, struct buf *out);
bool session_ready(const struct session *s);                    /* handshake done */
const struct public_key *session_peer(const struct session *s); /* valid once ready */
/* Round-trip time of the last ping in ms, -1 when unknown; and its clock offset in seconds, which
 * may be wrong by half of that time. */
int64_t session_rtt_ms(const struct session *s);
int32_t session_clock_offset_s(const struct session *s);
/* Seals one message into out. Only when ready. Messages are sealed in the order in which they are
 * written, so whoever queues them seals as late as possible. */
void session_send(struct session *s, const struct wire_frame *f, struct buf *out);
/* Whether the other side's budget has room for this message now; takes it if so. A sender that asks
 * before each session_send is never cut for being too fast. */
bool session_pace(struct session *s, const struct wire_frame *f, struct now now) MUST_USE;
/* Charges work that a message of the peer has caused for nothing (a bad signature, data nobody
 * asked for): 1 is a message, see PEER_USELESS_PER_SECOND. */
enum session_end session_useless(struct session *s, uint32_t units, struct now now,
				 struct buf *out);
/* Ends the session from this side, saying why (cut to WIRE_BYE_TEXT_MAX, printable ASCII). */
void session_bye(struct session *s, const char *text, struct buf *out);
/* More about the end, or about the last warning: what did not decode, which budget, the text of the
 * other side's BYE (printable ASCII). Empty when there is none. */
const char *session_detail(const struct session *s);
/* How often the peer has risen above its budget; it is logged when this changes. */
uint32_t session_warnings(const struct session *s);

#endif
