/* SPDX-License-Identifier: ISC */

/* The WebSocket session: whatever the bytes, and however they are cut, it says the same; texts are
 * UTF-8 and bounded, close codes may be sent back. The first byte decides the cuts. */
#include "base/mem.h"
#include "rpc/ws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_event(struct buf *out, const struct ws_event *ev)
{
	buf_put_u8(out, (uint8_t)ev->kind);
	buf_put_be16(out, ev->code);
	buf_put_be32(out, (uint32_t)ev->data.n);
	if (ev->data.n)
		buf_put(out, ev->data.p, ev->data.n);
	must(ev->kind != WS_TEXT || (ev->data.n <= RPC_BODY_MAX && ws_utf8_is_valid(ev->data)));
	must((ev->kind != WS_PING && ev->kind != WS_PONG) || ev->data.n <= WS_CONTROL_MAX);
	must(ev->kind != WS_PEER_CLOSE || ev->code == 0 || ws_code_is_valid(ev->code));
	must(ev->kind != WS_BAD || (ws_code_is_valid(ev->code) && ev->reason));
}

static void tell(struct buf *out, const uint8_t *p, size_t n, size_t step)
{
	struct ws_session *s = ws_open();
	struct now now = {.steady.ms = 1000};

	for (size_t at = 0; at < n; at += step) {
		size_t piece = step < n - at ? step : n - at, used = 0;
		struct ws_event ev;

		do {
			used += ws_feed(s, p + at + used, piece - used, now, &ev);
			must(used <= piece);
			if (ev.kind != WS_MORE)
				put_event(out, &ev);
		} while (ev.kind != WS_MORE);
		must(used == piece);
	}
	ws_close(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = BUF_INIT, cut = BUF_INIT;

	if (size < 1)
		return 0;
	tell(&whole, data + 1, size - 1, size);
	tell(&cut, data + 1, size - 1, 1 + data[0] % 64u);
	must(bytes_eq(buf_bytes(&whole), buf_bytes(&cut)));
	buf_close(&whole);
	buf_close(&cut);
	return 0;
}
