/* SPDX-License-Identifier: ISC */

/* The HTTP session: whatever the bytes, and however they are cut, it says the same. The first byte
 * decides the cuts. */
#include "base/mem.h"
#include "rpc/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_view(struct buf *out, struct bytes v)
{
	buf_put_u8(out, v.p != NULL);
	buf_put_be32(out, (uint32_t)v.n);
	if (v.n)
		buf_put(out, v.p, v.n);
}

static void put_request(struct buf *out, const struct http_request *r)
{
	buf_put_u8(out, (uint8_t)r->verb);
	buf_put_u8(out, (uint8_t)(r->keep_alive | r->old << 1 | r->websocket << 2));
	put_view(out, r->path);
	put_view(out, r->query);
	for (int f = 0; f < HTTP_FIELD_COUNT; f++)
		put_view(out, r->field[f]);
	put_view(out, r->body);
	must(r->path.n >= 1 && r->path.n <= RPC_PATH_MAX && r->path.p[0] == '/');
	must(r->body.n <= RPC_BODY_MAX);
	must(r->verb == HTTP_VERB_POST || r->body.n == 0);
}

/* What comes of the bytes in pieces of at most `step`. */
static void tell(struct buf *out, const uint8_t *p, size_t n, size_t step)
{
	struct http_session s;
	size_t at = 0;

	http_session_init(&s);
	while (at < n && !s.dead) {
		size_t piece = step < n - at ? step : n - at;
		struct http_request req;
		enum http_step got;
		size_t used = http_feed(&s, p + at, piece, &got, &req);

		must(used <= piece && (used > 0 || got == HTTP_STEP_BAD));
		at += used;
		if (got == HTTP_STEP_REQUEST) {
			put_request(out, &req);
			http_next(&s);
		} else if (got == HTTP_STEP_BAD) {
			must(s.dead && s.reason && s.status >= 400 && s.status < 600);
			buf_put_be16(out, (uint16_t)s.status);
		} else {
			must(used == piece || got == HTTP_STEP_CONTINUE);
		}
	}
	http_session_close(&s);
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
