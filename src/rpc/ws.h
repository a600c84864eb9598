/* SPDX-License-Identifier: ISC */
#ifndef TALLY_RPC_WS_H
#define TALLY_RPC_WS_H

#include "base/bytes.h"
#include "base/limits.h"
#include "base/time.h"

#include <stdbool.h>

/* A WebSocket server's side of one connection (RFC 6455) as a pure machine: bytes in, messages out.
 * Frames are cut by wslay's frame interface; what they add up to is judged here.
 *
 * Refused: frames without a mask, reserved bits (there are no extensions, above all no compression,
 * where a kilobyte can unpack to a megabyte), binary messages, text that is not UTF-8, messages
 * above RPC_BODY_MAX or of more than WS_FRAGMENTS_MAX frames, control frames that are long or in
 * pieces, close codes that may not be sent, and more control frames than anything honest sends. */

enum ws_kind {
	WS_MORE,       /* everything is eaten, nothing to tell */
	WS_TEXT,       /* data: a whole message */
	WS_PING,       /* data: to be sent back in a pong */
	WS_PONG,       /* an answer to our ping, or a sign of life */
	WS_PEER_CLOSE, /* code and data (the reason); code 0 when it named none. Echo the code. */
	WS_BAD,        /* send a close frame with code and reason, then wait with a deadline */
};

/* After WS_PEER_CLOSE and WS_BAD the session eats and ignores what comes. data holds until the next
 * feed. */
struct ws_event {
	enum ws_kind kind;
	struct bytes data;
	uint16_t code;
	const char *reason;
};

#define WS_CLOSE_NORMAL      1000
#define WS_CLOSE_GOING_AWAY  1001
#define WS_CLOSE_PROTOCOL    1002
#define WS_CLOSE_UNSUPPORTED 1003
#define WS_CLOSE_NOT_UTF8    1007
#define WS_CLOSE_POLICY      1008
#define WS_CLOSE_TOO_BIG     1009
#define WS_CLOSE_INTERNAL    1011

/* Control frames from one client: this many at once, then WS_CONTROL_PER_S per second. */
#define WS_CONTROL_BURST 32
#define WS_CONTROL_PER_S 4

struct ws_session;

struct ws_session *ws_open(void);
void ws_close(struct ws_session *s); /* NULL is fine */
/* Eats bytes up to the next event and returns how many. To be called, also with n = 0, until it
 * says WS_MORE: frames that came together are kept inside. */
size_t ws_feed(struct ws_session *s, const uint8_t *p, size_t n, struct now now,
	       struct ws_event *ev);

/* Sending. Frames from the server carry no mask, so one frame serves every receiver. */
enum ws_opcode { WS_OP_TEXT = 1, WS_OP_CLOSE = 8, WS_OP_PING = 9, WS_OP_PONG = 10 };
void ws_put_frame(struct buf *out, enum ws_opcode op, struct bytes payload);
/* A piece of a text message. Control frames may stand between pieces, other messages not. */
void ws_put_fragment(struct buf *out, bool first, bool last, struct bytes payload);
/* code 0: a close frame without one. The reason is cut to what a control frame holds. */
void ws_put_close(struct buf *out, uint16_t code, const char *reason);
/* The head of the reply that accepts, from the request's Sec-WebSocket-Key. */
void ws_put_accept(struct buf *out, struct bytes key);

/* May stand in a close frame on the wire. */
bool ws_code_is_valid(unsigned code);
bool ws_utf8_is_valid(struct bytes text);

#endif
