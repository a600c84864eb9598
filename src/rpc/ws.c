/* SPDX-License-Identifier: ISC */
#include "rpc/ws.h"

#include "base/mem.h"
#include "crypto/hash.h"

#include <wslay/wslay.h>

#define KEEP_MAX 4096 /* bytes that an idle session's buffer may keep */

struct ws_session {
	wslay_frame_context_ptr frames;
	const uint8_t *in; /* of the current feed */
	size_t n_in;

	/* the frame being received */
	uint64_t missing; /* bytes still to come */
	bool in_frame, fin;
	uint8_t opcode;
	struct {
		uint8_t b[WS_CONTROL_MAX];
		size_t n;
	} control;

	struct buf message;
	bool in_message, delivered; /* delivered: message is out, to be cleared before the next */
	unsigned fragments;

	bool over;
	int64_t control_credit; /* thousandths of a control frame */
	int64_t control_ms;     /* when the credit was last filled up */
};

static ssize_t on_recv(uint8_t *buf, size_t len, int flags, void *user)
{
	struct ws_session *s = user;
	size_t n = len < s->n_in ? len : s->n_in;

	(void)flags;
	if (n == 0)
		return -1;
	memcpy(buf, s->in, n);
	s->in += n;
	s->n_in -= n;
	return (ssize_t)n;
}

struct ws_session *ws_open(void)
{
	static const struct wslay_frame_callbacks callbacks = {.recv_callback = on_recv};
	struct ws_session *s = mem_zalloc(1, sizeof(*s));

	s->control_credit = WS_CONTROL_BURST * 1000;
	must(wslay_frame_context_init(&s->frames, &callbacks, s) == 0);
	return s;
}

void ws_close(struct ws_session *s)
{
	if (!s)
		return;
	wslay_frame_context_free(s->frames);
	buf_close(&s->message);
	mem_free(s);
}

/* Text */

/* Bytes of the character that begins with c, 0 for a byte that begins none. */
static size_t utf8_length(uint8_t c)
{
	if (c < 0x80)
		return 1;
	if (c >= 0xC2 && c <= 0xDF)
		return 2;
	if (c >= 0xE0 && c <= 0xEF)
		return 3;
	return c >= 0xF0 && c <= 0xF4 ? 4 : 0;
}

/* The second byte's range excludes over-long forms, surrogates, and what is above U+10FFFF. */
static bool utf8_second(uint8_t first, uint8_t c)
{
	uint8_t low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
	uint8_t high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;

	return c >= low && c <= high;
}

bool ws_utf8_is_valid(struct bytes text)
{
	size_t at = 0;

	while (at < text.n) {
		size_t n = utf8_length(text.p[at]);

		if (n == 0 || n > text.n - at)
			return false;
		if (n > 1 && !utf8_second(text.p[at], text.p[at + 1]))
			return false;
		for (size_t i = 2; i < n; i++)
			if ((text.p[at + i] & 0xC0) != 0x80)
				return false;
		at += n;
	}
	return true;
}

bool ws_code_is_valid(unsigned code)
{
	if (code >= 3000 && code <= 4999)
		return true;
	return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

/* Receiving */

static enum ws_kind refuse(struct ws_session *s, struct ws_event *ev, uint16_t code,
			   const char *reason)
{
	s->over = true;
	ev->kind = WS_BAD;
	ev->code = code;
	ev->reason = reason;
	return WS_BAD;
}

/* Whether one more control frame may come. */
static bool control_allowed(struct ws_session *s, struct now now)
{
	int64_t passed = now.steady.ms - s->control_ms;

	if (passed > 0) {
		if (passed > WS_CONTROL_BURST * 1000 / WS_CONTROL_PER_S)
			passed = WS_CONTROL_BURST * 1000 / WS_CONTROL_PER_S;
		s->control_credit += passed * WS_CONTROL_PER_S;
		if (s->control_credit > WS_CONTROL_BURST * 1000)
			s->control_credit = WS_CONTROL_BURST * 1000;
		s->control_ms = now.steady.ms;
	}
	if (s->control_credit < 1000)
		return false;
	s->control_credit -= 1000;
	return true;
}

/* The head of a data frame is here. */
static enum ws_kind start_data(struct ws_session *s, const struct wslay_frame_iocb *f,
			       struct ws_event *ev)
{
	bool more = f->opcode == WSLAY_CONTINUATION_FRAME;

	if (f->opcode == WSLAY_BINARY_FRAME)
		return refuse(s, ev, WS_CLOSE_UNSUPPORTED, "binary messages are not taken");
	if (!more && f->opcode != WSLAY_TEXT_FRAME)
		return refuse(s, ev, WS_CLOSE_PROTOCOL, "unknown opcode");
	if (more != s->in_message)
		return refuse(s, ev, WS_CLOSE_PROTOCOL,
			      more ? "continuation of nothing" : "message within a message");
	if (!more)
		s->fragments = 0;
	if (++s->fragments > WS_FRAGMENTS_MAX)
		return refuse(s, ev, WS_CLOSE_POLICY, "message in too many fragments");
	if (f->payload_length > RPC_BODY_MAX - s->message.n)
		return refuse(s, ev, WS_CLOSE_TOO_BIG, "message too large");
	s->in_message = true;
	return WS_MORE;
}

static enum ws_kind start_frame(struct ws_session *s, const struct wslay_frame_iocb *f,
				struct now now, struct ws_event *ev)
{
	if (!f->mask)
		return refuse(s, ev, WS_CLOSE_PROTOCOL, "frame without a mask");
	if (f->rsv)
		return refuse(s, ev, WS_CLOSE_PROTOCOL, "reserved bits set");
	s->in_frame = true;
	s->fin = f->fin;
	s->opcode = f->opcode;
	s->missing = f->payload_length;
	if (!wslay_is_ctrl_frame(f->opcode))
		return start_data(s, f, ev);
	if (f->opcode != WSLAY_CONNECTION_CLOSE && f->opcode != WSLAY_PING &&
	    f->opcode != WSLAY_PONG)
		return refuse(s, ev, WS_CLOSE_PROTOCOL, "unknown opcode");
	if (!f->fin || f->payload_length > WS_CONTROL_MAX)
		return refuse(s, ev, WS_CLOSE_PROTOCOL, "control frame too long or in pieces");
	if (!control_allowed(s, now))
		return refuse(s, ev, WS_CLOSE_POLICY, "too many control frames");
	s->control.n = 0;
	return WS_MORE;
}

static enum ws_kind end_close(struct ws_session *s, struct ws_event *ev)
{
	struct bytes reason = {0};
	unsigned code = 0;

	if (s->control.n == 1)
		return refuse(s, ev, WS_CLOSE_PROTOCOL, "close code cut short");
	if (s->control.n) {
		code = load_be16(s->control.b);
		reason = bytes_of(s->control.b + 2, s->control.n - 2);
		if (!ws_code_is_valid(code))
			return refuse(s, ev, WS_CLOSE_PROTOCOL, "close code not allowed");
		if (!ws_utf8_is_valid(reason))
			return refuse(s, ev, WS_CLOSE_NOT_UTF8, "close reason is not UTF-8");
	}
	s->over = true;
	ev->code = (uint16_t)code;
	ev->data = reason;
	return ev->kind = WS_PEER_CLOSE;
}

static enum ws_kind end_frame(struct ws_session *s, struct ws_event *ev)
{
	s->in_frame = false;
	if (s->opcode == WSLAY_CONNECTION_CLOSE)
		return end_close(s, ev);
	if (wslay_is_ctrl_frame(s->opcode)) {
		ev->data = bytes_of(s->control.b, s->control.n);
		return ev->kind = s->opcode == WSLAY_PING ? WS_PING : WS_PONG;
	}
	if (!s->fin)
		return WS_MORE;
	s->in_message = false;
	if (!ws_utf8_is_valid(buf_bytes(&s->message)))
		return refuse(s, ev, WS_CLOSE_NOT_UTF8, "text is not UTF-8");
	s->delivered = true;
	ev->data = buf_bytes(&s->message);
	return ev->kind = WS_TEXT;
}

static void take_payload(struct ws_session *s, const struct wslay_frame_iocb *f)
{
	must(f->data_length <= s->missing);
	s->missing -= f->data_length;
	if (f->data_length == 0)
		return;
	if (!wslay_is_ctrl_frame(s->opcode)) {
		buf_put(&s->message, f->data, f->data_length);
		return;
	}
	must(f->data_length <= sizeof(s->control.b) - s->control.n);
	memcpy(s->control.b + s->control.n, f->data, f->data_length);
	s->control.n += f->data_length;
}

static void forget_message(struct ws_session *s)
{
	if (s->message.cap > KEEP_MAX)
		buf_close(&s->message);
	buf_clear(&s->message);
	s->delivered = false;
}

size_t ws_feed(struct ws_session *s, const uint8_t *p, size_t n, struct now now,
	       struct ws_event *ev)
{
	enum ws_kind kind = WS_MORE;

	*ev = (struct ws_event){.kind = WS_MORE};
	if (s->delivered)
		forget_message(s);
	s->in = p;
	s->n_in = n;
	while (!s->over && kind == WS_MORE) {
		struct wslay_frame_iocb f = {0};
		ssize_t got = wslay_frame_recv(s->frames, &f);

		if (got == WSLAY_ERR_WANT_READ)
			break;
		if (got < 0)
			kind = refuse(s, ev, WS_CLOSE_PROTOCOL, "malformed frame");
		else if (!s->in_frame)
			kind = start_frame(s, &f, now, ev);
		if (kind == WS_MORE)
			take_payload(s, &f);
		if (kind == WS_MORE && s->missing == 0)
			kind = end_frame(s, ev);
	}
	return s->over ? n : n - s->n_in;
}

/* Sending */

static void put_frame(struct buf *out, uint8_t first, struct bytes payload)
{
	buf_reserve(out, 10 + payload.n);
	buf_put_u8(out, first);
	if (payload.n < 126) {
		buf_put_u8(out, (uint8_t)payload.n);
	} else if (payload.n <= UINT16_MAX) {
		buf_put_u8(out, 126);
		buf_put_be16(out, (uint16_t)payload.n);
	} else {
		buf_put_u8(out, 127);
		buf_put_be64(out, payload.n);
	}
	if (payload.n)
		buf_put(out, payload.p, payload.n);
}

void ws_put_frame(struct buf *out, enum ws_opcode op, struct bytes payload)
{
	put_frame(out, (uint8_t)(0x80 | op), payload);
}

void ws_put_fragment(struct buf *out, bool first, bool last, struct bytes payload)
{
	put_frame(out, (uint8_t)((last ? 0x80 : 0) | (first ? WS_OP_TEXT : 0)), payload);
}

void ws_put_close(struct buf *out, uint16_t code, const char *reason)
{
	uint8_t body[WS_CONTROL_MAX];
	size_t n = reason ? strlen(reason) : 0;

	if (code == 0) {
		ws_put_frame(out, WS_OP_CLOSE, bytes_of(NULL, 0));
		return;
	}
	if (n > sizeof(body) - 2)
		n = sizeof(body) - 2;
	/* do not cut within a character */
	while (n && reason[n] && ((uint8_t)reason[n] & 0xC0) == 0x80)
		n--;
	store_be16(body, code);
	if (n)
		memcpy(body + 2, reason, n);
	ws_put_frame(out, WS_OP_CLOSE, bytes_of(body, 2 + n));
}

static void put_base64(struct buf *out, const uint8_t *p, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16;

		if (i + 1 < n)
			v |= (uint32_t)p[i + 1] << 8;
		if (i + 2 < n)
			v |= p[i + 2];
		buf_put_u8(out, (uint8_t)digits[v >> 18]);
		buf_put_u8(out, (uint8_t)digits[(v >> 12) & 63]);
		buf_put_u8(out, i + 1 < n ? (uint8_t)digits[(v >> 6) & 63] : '=');
		buf_put_u8(out, i + 2 < n ? (uint8_t)digits[v & 63] : '=');
	}
}

void ws_put_accept(struct buf *out, struct bytes key)
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455 */
	uint8_t in[64], digest[20];

	must(key.n + sizeof(guid) - 1 <= sizeof(in));
	memcpy(in, key.p, key.n);
	memcpy(in + key.n, guid, sizeof(guid) - 1);
	sha1(digest, in, key.n + sizeof(guid) - 1);
	buf_printf(out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
			"Connection: Upgrade\r\nSec-WebSocket-Accept: ");
	put_base64(out, digest, sizeof(digest));
	buf_put(out, "\r\n\r\n", 4);
}
