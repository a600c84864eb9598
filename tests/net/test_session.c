/* SPDX-License-Identifier: ISC */
#include "crypto/hash.h"
#include "net/session_impl.h"
#include "tests/net/msgs.h"
#include "tests/net/pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define GOLDEN       "tests/net/session.golden"
#define HELLO2_BYTES (HELLO_BYTES + PROOF_BYTES)

static struct msg status_msg(uint32_t seq)
{
	struct msg m = {.type = MSG_STATUS};

	m.status.closed_seq = seq;
	return m;
}

static void advance(struct pair *p, int64_t ms)
{
	p->now.steady = steady_after(p->now.steady, ms);
	p->now.net.s += (uint32_t)(ms / 1000);
}

/* The handshake. */

static void both_prove_themselves(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, 1);
	pair_start(&p);
	assert_false(session_ready(p.a.s));
	pair_run(&p, 0);
	assert_true(session_ready(p.a.s));
	assert_true(session_ready(p.b.s));
	assert_int_equal(public_key_cmp(session_peer(p.a.s), secret_key_public(p.b.key)), 0);
	assert_int_equal(public_key_cmp(session_peer(p.b.s), secret_key_public(p.a.key)), 0);
	assert_int_equal(p.a.received + p.b.received, 0);
	assert_int_equal(session_rtt_ms(p.a.s), 0); /* each has pinged the other */
	assert_int_equal(session_rtt_ms(p.b.s), 0);
	pair_close(&p);
}

static void any_cut_of_the_stream_is_fine(void **state)
{
	static const size_t chunks[] = {0, 1, 2, 3, 7, 78, 79, 80, 113, 191, 192, 193, 1000};
	struct rng r;

	(void)state;
	for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
		struct arena a = ARENA_INIT;
		struct pair p;
		struct buf want = BUF_INIT;

		pair_init(&p, 2);
		pair_start(&p);
		pair_run(&p, chunks[i]);
		assert_true(session_ready(p.a.s) && session_ready(p.b.s));
		rng_init(&r, 11);
		FOR_EACH_TYPE(t)
		{
			struct wire_frame *f;
			struct msg m;

			if (t == MSG_PING || t == MSG_PONG || t == MSG_BYE)
				continue;
			msg_make(&m, t, &a, &r, 2, 100);
			f = wire_encode(&m);
			buf_put(&want, f->bytes, f->n);
			session_send(p.a.s, f, &p.a.out);
			session_send(p.b.s, f, &p.b.out);
			wire_frame_unref(f);
		}
		pair_run(&p, chunks[i]);
		assert_int_equal(p.a.received, 18);
		assert_int_equal(p.b.received, 18);
		assert_int_equal(p.a.messages.n, want.n);
		assert_memory_equal(p.a.messages.p, want.p, want.n);
		assert_memory_equal(p.b.messages.p, want.p, want.n);
		buf_close(&want);
		arena_close(&a);
		pair_close(&p);
	}
}

/* Runs a handshake of configurations that somebody has changed, and expects these ends. */
static void expect_ends(struct pair *p, enum session_end a, enum session_end b)
{
	pair_start(p);
	pair_run(p, 0);
	if (p->a.end != a || p->b.end != b)
		fail_msg("ends: '%s' and '%s'", session_end_text(p->a.end),
			 session_end_text(p->b.end));
	assert_int_equal(p->a.received + p->b.received, 0);
	pair_close(p);
}

static void strangers_are_told_apart(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, 3);
	p.a.config.network_id++;
	expect_ends(&p, SESSION_WRONG_NETWORK, SESSION_WRONG_NETWORK); /* both learn it */

	pair_init(&p, 3);
	p.b.config.genesis.b[31] ^= 1;
	expect_ends(&p, SESSION_WRONG_GENESIS, SESSION_WRONG_GENESIS);

	pair_init(&p, 3); /* the same key on both sides: connected to itself */
	p.b.config.identity = p.a.key;
	expect_ends(&p, SESSION_SELF, SESSION_OPEN);

	pair_init(&p, 3);
	p.a.config.expect = secret_key_public(p.a.key);
	expect_ends(&p, SESSION_WRONG_IDENTITY, SESSION_OPEN);

	pair_init(&p, 3);
	p.a.config.expect = secret_key_public(p.b.key);
	expect_ends(&p, SESSION_OPEN, SESSION_OPEN);

	pair_init(&p, 3); /* the responder wants someone else */
	p.b.config.expect = secret_key_public(p.b.key);
	expect_ends(&p, SESSION_OPEN, SESSION_WRONG_IDENTITY);
}

static void reflected_words_are_recognised(void **state)
{
	struct pair p;
	struct buf echo = BUF_INIT;

	(void)state;
	pair_init(&p, 4);
	pair_start(&p);
	buf_put(&echo, p.a.out.p, p.a.out.n);
	side_feed(&p.a, buf_bytes(&echo), p.now);
	assert_int_equal(p.a.end, SESSION_SELF);
	buf_close(&echo);
	pair_close(&p);
}

static void other_protocols_end_at_their_first_bytes(void **state)
{
	static const char *const greetings[] = {"G", "GET / HTTP/1.1\r\n", "\x16\x03\x01", "TLYQ",
						"TLY\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(greetings) / sizeof(greetings[0]); i++) {
		struct pair p;

		pair_init(&p, 5);
		pair_start(&p);
		side_feed(&p.b, bytes_str(greetings[i]), p.now);
		assert_int_equal(p.b.end, SESSION_BAD_MAGIC);
		assert_int_equal(p.b.out.n, 0); /* not a word to a stranger */
		pair_close(&p);
	}
}

/* Sends b a hello whose byte at `at` is `value`. */
static enum session_end hello_with(size_t at, uint8_t value)
{
	struct pair p;
	enum session_end end;

	pair_init(&p, 6);
	pair_start(&p);
	assert_int_equal(p.a.out.n, HELLO_BYTES);
	p.a.out.p[at] = value;
	side_feed(&p.b, buf_bytes(&p.a.out), p.now);
	end = p.b.end;
	pair_close(&p);
	return end;
}

static void hellos_are_checked_field_by_field(void **state)
{
	(void)state;
	assert_int_equal(hello_with(5, 1), SESSION_OPEN);
	assert_int_equal(hello_with(5, 0), SESSION_OPEN);          /* from version 0 to 1 */
	assert_int_equal(hello_with(5, 2), SESSION_WRONG_VERSION); /* from 2 to 1 */
	assert_int_equal(hello_with(7, 9), SESSION_OPEN);          /* from 1 to 9 */
	assert_int_equal(hello_with(7, 0), SESSION_WRONG_VERSION);
	assert_int_equal(hello_with(9, 200), SESSION_OPEN); /* a later minor version */
	assert_int_equal(hello_with(10, 9), SESSION_WRONG_NETWORK);
	assert_int_equal(hello_with(14, 9), SESSION_WRONG_GENESIS);
	assert_int_equal(hello_with(46, 1), SESSION_GARBAGE); /* a responder's */
	assert_int_equal(hello_with(46, 7), SESSION_GARBAGE);
}

static void keys_of_small_order_are_refused(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, 7);
	pair_start(&p);
	memset(p.a.out.p + HELLO_BYTES - 32, 0, 32);
	side_feed(&p.b, buf_bytes(&p.a.out), p.now);
	assert_int_equal(p.b.end, SESSION_GARBAGE);
	pair_close(&p);
}

/* Every bit of what either side says in the handshake matters to the other. */
static void any_flipped_bit_ends_the_handshake(void **state)
{
	(void)state;
	for (size_t at = 0; at < HELLO2_BYTES; at += at < HELLO_BYTES ? 1 : 5) {
		struct pair p;

		pair_init(&p, 8);
		pair_start(&p);
		side_feed(&p.b, buf_bytes(&p.a.out), p.now);
		assert_int_equal(p.b.out.n, HELLO2_BYTES);
		p.b.out.p[at] ^= (uint8_t)(1u << (at % 8));
		side_feed(&p.a, buf_bytes(&p.b.out), p.now);
		assert_int_not_equal(p.a.end, SESSION_OPEN);
		assert_false(session_ready(p.a.s));
		pair_close(&p);
	}
	/* A changed hello1 that still parses makes another transcript: hello2 does not open. */
	for (size_t at = 8; at < HELLO_BYTES; at++) {
		struct pair p;

		if (at >= 10 && at < 47)
			continue; /* network, genesis, role: refused at once, tested above */
		pair_init(&p, 8);
		pair_start(&p);
		p.a.out.p[at] ^= 4;
		pair_run(&p, 0);
		assert_int_equal(p.a.end, SESSION_GARBAGE);
		assert_false(session_ready(p.b.s));
		pair_close(&p);
	}
	for (size_t at = 0; at < PROOF_BYTES; at++) { /* hello3 */
		struct pair p;

		pair_init(&p, 8);
		pair_start(&p);
		side_feed(&p.b, buf_bytes(&p.a.out), p.now);
		buf_clear(&p.a.out);
		side_feed(&p.a, buf_bytes(&p.b.out), p.now);
		assert_true(session_ready(p.a.s));
		p.a.out.p[at] ^= 0x10;
		side_feed(&p.b, buf_bytes(&p.a.out), p.now);
		assert_int_equal(p.b.end, SESSION_GARBAGE);
		pair_close(&p);
	}
}

/* An attacker who runs the exchange itself, but has no identity's key: it signs with its own and
 * claims another's. */
static void a_signature_must_be_the_identitys(void **state)
{
	uint8_t public[CHANNEL_PUBLIC_BYTES], seed[32], plain[PROOF_PLAIN_BYTES];
	uint8_t sealed[PROOF_BYTES], sig[SIGNATURE_MAX] = {0};
	struct secret_key *victim = test_identity(99), *own = test_identity(98);
	struct buf said = BUF_INIT;
	struct channel *c;
	struct hash256 h;
	struct pair p;

	(void)state;
	pair_init(&p, 9);
	pair_start(&p);
	memset(seed, 0x42, sizeof(seed));
	c = channel_open(public, seed);
	memcpy(p.a.out.p + HELLO_BYTES - 32, public, 32);
	buf_put(&said, p.a.out.p, HELLO_BYTES);
	side_feed(&p.b, buf_bytes(&said), p.now);
	assert_int_equal(p.b.out.n, HELLO2_BYTES);
	buf_put(&said, p.b.out.p, HELLO_BYTES);
	sha512_half(&h, said.p, said.n);
	assert_true(channel_agree(c, true, p.b.out.p + HELLO_BYTES - 32, &h));
	buf_put(&said, p.b.out.p + HELLO_BYTES, PROOF_BYTES);
	sha512_half(&h, said.p, said.n);
	memcpy(plain, secret_key_public(victim)->b, 33);
	assert_int_equal(signature_make(own, buf_bytes(&said), sig), 64);
	memcpy(plain + 33, sig, 64);
	channel_seal(c, sealed, plain, sizeof(plain), &h);
	side_feed(&p.b, bytes_of(sealed, sizeof(sealed)), p.now);
	assert_int_equal(p.b.end, SESSION_BAD_SIGNATURE);
	channel_close(c);
	buf_close(&said);
	secret_key_close(victim);
	secret_key_close(own);
	pair_close(&p);
}

/* A proof recorded in one connection is of no use in another. */
static void proofs_cannot_be_replayed(void **state)
{
	struct pair p, q;

	(void)state;
	pair_init(&p, 10);
	pair_start(&p);
	side_feed(&p.b, buf_bytes(&p.a.out), p.now);
	buf_clear(&p.a.out);
	side_feed(&p.a, buf_bytes(&p.b.out), p.now); /* a.out is hello3 */
	pair_init(&q, 10);
	memset(q.b.config.ephemeral_seed, 1, 32); /* the responder is fresh */
	pair_start(&q);
	side_feed(&q.b, buf_bytes(&q.a.out), q.now);
	side_feed(&q.b, buf_bytes(&p.a.out), q.now);
	assert_int_equal(q.b.end, SESSION_GARBAGE);
	pair_close(&p);
	pair_close(&q);
}

/* Frames. */

/* Three frames from a to b, cut apart. */
static void three_frames(struct pair *p, struct bytes frame[3])
{
	size_t at = 0;

	buf_clear(&p->a.out);
	for (uint32_t i = 0; i < 3; i++) {
		struct msg m = status_msg(i);

		side_send(&p->a, &m);
	}
	for (uint32_t i = 0; i < 3; i++) {
		size_t n = FRAME_HEAD_BYTES + load_be32(p->a.out.p + at);

		frame[i] = bytes_of(p->a.out.p + at, n);
		at += n;
	}
	assert_int_equal(at, p->a.out.n);
}

static void frames_open_once_and_in_order(void **state)
{
	static const int orders[][3] = {{0, 0, 1}, {1, 2, 0}, {0, 2, 1}, {0, 1, 0}, {0, 1, 1}};
	struct bytes frame[3];
	struct pair p;

	(void)state;
	pair_ready(&p, 11);
	three_frames(&p, frame);
	for (int i = 0; i < 3; i++)
		side_feed(&p.b, frame[i], p.now);
	assert_int_equal(p.b.end, SESSION_OPEN);
	assert_int_equal(p.b.received, 3);
	pair_close(&p);
	for (size_t k = 0; k < sizeof(orders) / sizeof(orders[0]); k++) {
		pair_ready(&p, 11);
		three_frames(&p, frame);
		for (int i = 0; i < 3 && !p.b.end; i++)
			side_feed(&p.b, frame[orders[k][i]], p.now);
		assert_int_equal(p.b.end, SESSION_GARBAGE);
		assert_true(p.b.received < 3);
		pair_close(&p);
	}
}

static void flipped_frames_end_the_session(void **state)
{
	struct bytes frame[3];

	(void)state;
	for (size_t at = 2;; at++) {
		struct pair p;
		uint8_t copy[256];

		pair_ready(&p, 12);
		three_frames(&p, frame);
		if (at == frame[0].n) {
			pair_close(&p);
			break;
		}
		assert_true(frame[0].n + frame[1].n <= sizeof(copy));
		memcpy(copy, frame[0].p, frame[0].n);
		memcpy(copy + frame[0].n, frame[1].p, frame[1].n);
		copy[at] ^= 1; /* the length's low bytes too: it is authenticated */
		side_feed(&p.b, bytes_of(copy, frame[0].n + frame[1].n), p.now);
		if (at >= FRAME_HEAD_BYTES)
			assert_int_equal(p.b.end, SESSION_GARBAGE);
		assert_int_equal(p.b.received, 0);
		pair_close(&p);
	}
}

static void lengths_are_bounded(void **state)
{
	static const struct {
		uint32_t length;
		enum session_end end;
	} rows[] = {
	    {0, SESSION_GARBAGE},
	    {17, SESSION_GARBAGE},
	    {18, SESSION_OPEN},
	    {FRAME_BYTES_MAX + 17, SESSION_OPEN},
	    {FRAME_BYTES_MAX + 18, SESSION_OVERSIZE},
	    {0xFFFFFFFF, SESSION_OVERSIZE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pair p;
		uint8_t head[4];

		pair_ready(&p, 13);
		store_be32(head, rows[i].length);
		side_feed(&p.b, bytes_of(head, sizeof(head)), p.now);
		assert_int_equal(p.b.end, rows[i].end);
		pair_close(&p);
	}
}

/* Seals arbitrary bytes as a's next message. */
static void seal_raw(struct pair *p, const void *msg, size_t n)
{
	struct wire_frame *f = mem_alloc(sizeof(*f) + n);

	memset(f, 0, sizeof(*f));
	f->type = MSG_SET; /* within the bounds of its size */
	f->n = (uint32_t)n;
	memcpy(f->bytes, msg, n);
	session_send(p->a.s, f, &p->a.out);
	mem_free(f);
}

static void sealed_garbage_ends_the_session(void **state)
{
	uint8_t big[70] = {0x93, MSG_PING};
	struct pair p;

	(void)state;
	pair_ready(&p, 14);
	seal_raw(&p, "\x93\x02\xCC\x05\x01", 5); /* PING with a number in a long form */
	pair_run(&p, 0);
	assert_int_equal(p.b.end, SESSION_GARBAGE);
	assert_non_null(strstr(session_detail(p.b.s), "PING"));
	assert_int_equal(p.a.end, SESSION_CLOSED); /* told in BYE */
	assert_string_equal(session_detail(p.a.s), "garbage");
	pair_close(&p);

	pair_ready(&p, 14); /* above its type's bound */
	seal_raw(&p, big, sizeof(big));
	pair_run(&p, 0);
	assert_int_equal(p.b.end, SESSION_OVERSIZE);
	pair_close(&p);
}

static void unknown_types_are_skipped_for_a_while(void **state)
{
	struct msg m = status_msg(1);
	uint32_t i;
	struct pair p;

	(void)state;
	pair_ready(&p, 15);
	seal_raw(&p, "\x92\x60\xA1x", 4);
	side_send(&p.a, &m);
	pair_run(&p, 0);
	assert_int_equal(p.b.end, SESSION_OPEN);
	assert_int_equal(p.b.received, 1);
	for (i = 0; i < 9 * PEER_USELESS_PER_SECOND && !p.b.end; i++) {
		seal_raw(&p, "\x92\x60\xA1x", 4);
		pair_run(&p, 0);
	}
	assert_int_equal(p.b.end, SESSION_TOO_FAST);
	assert_string_equal(session_detail(p.b.s), "useless work");
	pair_close(&p);
}

/* Keys are changed after so many messages; nothing is lost over it. */
static void streams_change_their_keys(void **state)
{
	struct msg m = status_msg(0);
	struct pair p;
	uint32_t i;

	(void)state;
	pair_ready(&p, 16);
	for (i = 0; i < CHANNEL_REKEY_MESSAGES + 10; i++) {
		side_send(&p.a, &m);
		if (p.a.out.n < 40000)
			continue;
		advance(&p, 100000); /* so that it is not too fast */
		pair_run(&p, 0);
		buf_clear(&p.b.messages);
	}
	pair_run(&p, 0);
	assert_int_equal(p.b.end, SESSION_OPEN);
	assert_int_equal(p.b.received, CHANNEL_REKEY_MESSAGES + 10);
	pair_close(&p);
}

/* The end. */

static void byes_carry_the_reason(void **state)
{
	struct pair p;

	(void)state;
	pair_ready(&p, 28);
	session_bye(p.a.s, "shutting down\n", &p.a.out);
	session_bye(p.a.s, "twice", &p.a.out);
	pair_run(&p, 3);
	assert_int_equal(p.b.end, SESSION_CLOSED);
	assert_string_equal(session_detail(p.b.s), "shutting down?");
	assert_int_equal(p.b.out.n, 0);
	side_tick(&p.b, p.now); /* an end is for good */
	assert_int_equal(p.b.end, SESSION_CLOSED);
	pair_close(&p);

	pair_init(&p, 28); /* before anyone is sure of anyone: silently */
	pair_start(&p);
	buf_clear(&p.a.out);
	session_bye(p.a.s, "never mind", &p.a.out);
	assert_int_equal(p.a.out.n, 0);
	session_close(NULL);
	pair_close(&p);
}

static void every_end_has_a_text(void **state)
{
	(void)state;
	for (int e = SESSION_OPEN; e < SESSION_END_COUNT; e++)
		assert_true(strlen(session_end_text((enum session_end)e)) > 3);
}

/* The bytes of a whole connection, pinned: with fixed seeds nothing in it is random. A change of
 * this file is a change of the protocol. */
static void the_transcript_is_pinned(void **state)
{
	const char *write = getenv("TALLY_GOLDEN");
	struct buf text = BUF_INIT, file = BUF_INIT;
	struct msg m = status_msg(5);
	char chunk[4096], hex[4096];
	struct pair p;
	size_t n;
	FILE *f;

	(void)state;
	pair_init(&p, 30);
	pair_start(&p);
	for (int turn = 0; turn < 3; turn++) {
		struct side *from = turn % 2 ? &p.b : &p.a, *to = turn % 2 ? &p.a : &p.b;

		if (turn == 2) {
			side_send(&p.a, &m);
			session_bye(p.a.s, "done", &p.a.out);
		}
		assert_true(2 * from->out.n < sizeof(hex));
		hex_encode(hex, from->out.p, from->out.n);
		buf_printf(&text, "%s %s\n", turn % 2 ? "<" : ">", hex);
		side_feed(to, buf_bytes(&from->out), p.now);
		buf_clear(&from->out);
	}
	assert_int_equal(p.b.received, 1);
	f = fopen(GOLDEN, write ? "w" : "r");
	assert_non_null(f);
	if (write)
		assert_int_equal(fwrite(text.p, 1, text.n, f), text.n);
	else
		while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
			buf_put(&file, chunk, n);
	fclose(f);
	if (!write) {
		assert_int_equal(file.n, text.n);
		assert_memory_equal(file.p, text.p, text.n);
	}
	buf_close(&text);
	buf_close(&file);
	pair_close(&p);
}

static int setup(void **state)
{
	struct why why;

	(void)state;
	return crypto_init(&why) ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(both_prove_themselves),
	    cmocka_unit_test(any_cut_of_the_stream_is_fine),
	    cmocka_unit_test(strangers_are_told_apart),
	    cmocka_unit_test(reflected_words_are_recognised),
	    cmocka_unit_test(other_protocols_end_at_their_first_bytes),
	    cmocka_unit_test(hellos_are_checked_field_by_field),
	    cmocka_unit_test(keys_of_small_order_are_refused),
	    cmocka_unit_test(any_flipped_bit_ends_the_handshake),
	    cmocka_unit_test(a_signature_must_be_the_identitys),
	    cmocka_unit_test(proofs_cannot_be_replayed),
	    cmocka_unit_test(frames_open_once_and_in_order),
	    cmocka_unit_test(flipped_frames_end_the_session),
	    cmocka_unit_test(lengths_are_bounded),
	    cmocka_unit_test(sealed_garbage_ends_the_session),
	    cmocka_unit_test(unknown_types_are_skipped_for_a_while),
	    cmocka_unit_test(streams_change_their_keys),
	    cmocka_unit_test(byes_carry_the_reason),
	    cmocka_unit_test(every_end_has_a_text),
	    cmocka_unit_test(the_transcript_is_pinned),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
