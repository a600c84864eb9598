/* SPDX-License-Identifier: ISC */
#include "tests/net/pair.h"

/* Any bytes as what a peer sends. The first byte chooses the stage:
 *
 *   0  to a responder, from the first byte on        1  to an initiator, likewise
 *   2  to a responder after an honest handshake      3  as messages, sealed by the honest peer
 *
 * and its high bits how the bytes are cut. Whatever happens, a session ends at most once, says
 * nothing afterwards, and hands up only messages that encode. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern const unsigned fuzz_runs_part; /* see replay_main.c */
const unsigned fuzz_runs_part = 25;

/* Bytes to a side in pieces, time passing between them. */
static void feed(struct side *to, struct bytes in, size_t piece, struct now *now)
{
	size_t at, n;

	for (at = 0; at < in.n; at += n) {
		n = in.n - at < piece ? in.n - at : piece;
		side_feed(to, bytes_of(in.p + at, n), *now);
		now->steady = steady_after(now->steady, 7);
		if (!to->end)
			side_tick(to, *now);
	}
	buf_clear(&to->out);
}

/* [length 2][bytes] ... each sealed as one message, whatever it is. */
static void send_sealed(struct pair *p, struct bytes in, size_t piece)
{
	struct cursor c = cursor_of(in);

	while (c.left > 2 && !p->b.end && !p->a.end) {
		size_t n = cursor_be16(&c);
		struct bytes m = cursor_take(&c, n < c.left ? n : c.left);
		struct wire_frame *f = mem_alloc(sizeof(*f) + m.n);

		memset(f, 0, sizeof(*f));
		f->type = MSG_SET; /* only for its size */
		f->n = (uint32_t)m.n;
		if (m.n)
			memcpy(f->bytes, m.p, m.n);
		if (m.n)
			session_send(p->a.s, f, &p->a.out);
		mem_free(f);
		feed(&p->b, buf_bytes(&p->a.out), piece, &p->now);
		buf_clear(&p->a.out);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	struct bytes in = bytes_of(data + 1, size - 1);
	struct pair p;
	size_t piece;

	if (!size)
		return 0;
	if (!ready)
		must(!crypto_init(NULL));
	ready = true;
	piece = data[0] >> 2 ? data[0] >> 2 : SIZE_MAX;
	pair_init(&p, 1);
	pair_start(&p);
	switch (data[0] & 3) {
	case 0:
		feed(&p.b, in, piece, &p.now);
		break;
	case 1:
		buf_clear(&p.a.out);
		feed(&p.a, in, piece, &p.now);
		break;
	case 2:
		pair_run(&p, 0);
		feed(&p.b, in, piece, &p.now);
		break;
	default:
		pair_run(&p, 0);
		send_sealed(&p, in, piece);
		break;
	}
	pair_close(&p);
	return 0;
}
