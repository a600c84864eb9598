/* SPDX-License-Identifier: ISC */
#include "net/wire_scan.h"
#include "tests/net/msgs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SEED   20250704u
#define GOLDEN "tests/net/wire.golden"

/* Encodes, decodes, compares field by field and encodes again. */
static void assert_round_trip(const struct msg *m)
{
	struct wire_frame *f = wire_encode(m), *again;
	struct arena a = ARENA_INIT;
	struct msg back;
	struct why why = {{0}};

	if (wire_decode(&back, &a, bytes_of(f->bytes, f->n), &why))
		fail_msg("%s: %s", msg_type_name(m->type), why.text);
	assert_true(msg_equal(m, &back));
	again = wire_encode(&back);
	assert_int_equal(again->n, f->n);
	assert_memory_equal(again->bytes, f->bytes, f->n);
	wire_frame_unref(again);
	wire_frame_unref(f);
	arena_close(&a);
}

static enum err decode(const uint8_t *p, size_t n)
{
	struct arena a = ARENA_INIT;
	struct msg m;
	struct why why;
	enum err e = wire_decode(&m, &a, bytes_of(p, n), &why);

	arena_close(&a);
	return e;
}

/* The bounds of the table: sane, reached, and one beyond refused. */

static void every_type_has_sane_bounds(void **state)
{
	uint32_t types = 0;

	(void)state;
	FOR_EACH_TYPE(t)
	{
		assert_string_not_equal(msg_type_name(t), "");
		assert_in_range(msg_bytes_max(t), 64, FRAME_BYTES_MAX);
		assert_in_range(msg_count_max(t), 0, WIRE_LEDGER_TXS_MAX);
		assert_in_range(msg_per_second(t), 1, 10000);
		assert_in_range(msg_lane(t), 0, 1);
		types++;
	}
	assert_int_equal(types, 21);
	/* The largest transaction passes everything that carries transactions. */
	assert_true(msg_bytes_max(MSG_TXS) >= TX_BYTES_MAX + WIRE_ENVELOPE_MAX);
	assert_true(msg_bytes_max(MSG_TX_DATA) >= TX_BYTES_MAX + WIRE_ENVELOPE_MAX);
	assert_true(msg_bytes_max(MSG_LEDGER) >= TX_BYTES_MAX + WIRE_ENVELOPE_MAX);
	/* The largest set is one message. */
	assert_true(msg_count_max(MSG_SET) >= WIRE_LEDGER_TXS_MAX);
}

/* How large the elements may be so that the longest list fits. */
static size_t blob_at_bounds(enum msg_type t)
{
	if (!msg_count_max(t))
		return 4096; /* cut to the field's bound */
	return (msg_bytes_max(t) - WIRE_ENVELOPE_MAX) / msg_count_max(t) - WIRE_BLOB_HEAD_MAX -
	       (t == MSG_NODES ? WIRE_PATH_MAX : 0);
}

static void every_type_passes_at_its_bounds(void **state)
{
	struct rng r;

	(void)state;
	rng_init(&r, SEED);
	FOR_EACH_TYPE(t)
	{
		struct arena a = ARENA_INIT;
		struct msg m;

		msg_make(&m, t, &a, &r, msg_count_max(t), blob_at_bounds(t));
		assert_round_trip(&m);
		if (msg_count_max(t)) { /* few large ones instead of many */
			msg_make(&m, t, &a, &r, 1, TX_BYTES_MAX);
			assert_round_trip(&m);
		}
		arena_close(&a);
	}
}

static void one_byte_beyond_is_refused(void **state)
{
	struct arena a = ARENA_INIT;
	struct rng r;

	(void)state;
	rng_init(&r, SEED + 1);
	FOR_EACH_TYPE(t)
	{
		uint8_t *p = mem_zalloc(msg_bytes_max(t) + 1u, 1);
		struct wire_frame *f;
		struct msg m;

		msg_make(&m, t, &a, &r, 1, 32);
		f = wire_encode(&m);
		memcpy(p, f->bytes, f->n);
		assert_int_equal(decode(p, msg_bytes_max(t) + 1u), ERR_TOO_LARGE);
		assert_int_equal(decode(p, msg_bytes_max(t)), ERR_TRAILING);
		assert_int_equal(decode(p, f->n), ERR_NONE);
		wire_frame_unref(f);
		mem_free(p);
	}
	arena_close(&a);
}

/* A raw writer, for what wire_encode refuses to write. */

static void raw_array(struct buf *b, uint32_t n)
{
	if (n < 16) {
		buf_put_u8(b, (uint8_t)(0x90 | n));
		return;
	}
	buf_put_u8(b, 0xDC);
	buf_put_be16(b, (uint16_t)n);
}

static void raw_bytes(struct buf *b, size_t n, uint8_t first)
{
	if (n < 256) {
		buf_put_u8(b, 0xC4);
		buf_put_u8(b, (uint8_t)n);
	} else if (n < 65536) {
		buf_put_u8(b, 0xC5);
		buf_put_be16(b, (uint16_t)n);
	} else {
		buf_put_u8(b, 0xC6);
		buf_put_be32(b, (uint32_t)n);
	}
	for (size_t i = 0; i < n; i++)
		buf_put_u8(b, i ? 0 : first);
}

static void raw_blobs(struct buf *b, uint32_t n, size_t bytes)
{
	raw_array(b, n);
	while (n--)
		raw_bytes(b, bytes, 0);
}

static void raw_paths(struct buf *b, uint32_t n)
{
	raw_array(b, n);
	while (n--)
		raw_bytes(b, 1, 0);
}

/* n ascending hashes as one byte string. */
static void raw_hashes(struct buf *b, uint32_t n)
{
	size_t at;

	raw_bytes(b, (size_t)n * 32, 0);
	at = b->n - (size_t)n * 32;
	for (uint32_t i = 0; i < n; i++)
		store_be32(b->p + at + (size_t)i * 32, i);
}

/* A message of type t with a list of n, well formed but perhaps too long. */
static void raw_list_message(struct buf *b, enum msg_type t, uint32_t n)
{
	static const uint8_t fields[MSG_TYPE_END] = {
	    [MSG_TXS] = 1,     [MSG_SET] = 2,       [MSG_GET_TXS] = 2,
	    [MSG_TX_DATA] = 1, [MSG_LEDGER] = 5,    [MSG_GET_NODES] = 3,
	    [MSG_NODES] = 4,   [MSG_MANIFESTS] = 1, [MSG_PAST] = 5,
	};

	buf_clear(b);
	raw_array(b, fields[t] + 1u);
	buf_put_u8(b, (uint8_t)t);
	if (t != MSG_TXS && t != MSG_TX_DATA && t != MSG_MANIFESTS)
		raw_bytes(b, 32, 7);
	if (t == MSG_LEDGER || t == MSG_PAST) {
		raw_bytes(b, WIRE_LEDGER_HEADER_BYTES, 1);
		buf_put_u8(b, 0xCD);
		buf_put_be16(b, LEDGER_TX_MAX);
		buf_put_u8(b, 0);
	}
	if (t == MSG_GET_NODES || t == MSG_NODES) {
		buf_put_u8(b, MSG_TREE_STATE);
		raw_paths(b, n);
	}
	if (t == MSG_SET || t == MSG_GET_TXS)
		raw_hashes(b, n);
	else if (t != MSG_GET_NODES)
		raw_blobs(b, n, 34);
}

static void one_element_beyond_is_refused(void **state)
{
	struct buf b = BUF_INIT;
	enum err e;

	(void)state;
	FOR_EACH_TYPE(t)
	{
		if (!msg_count_max(t))
			continue;
		raw_list_message(&b, t, msg_count_max(t));
		assert_int_equal(decode(b.p, b.n), ERR_NONE);
		raw_list_message(&b, t, msg_count_max(t) + 1);
		assert_true(b.n <= msg_bytes_max(t)); /* so it is the count that is refused */
		e = decode(b.p, b.n);
		assert_true(e == ERR_TOO_LARGE || e == ERR_RANGE);
	}
	buf_close(&b);
}

static void lists_that_must_not_be_empty(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	FOR_EACH_TYPE(t)
	{
		bool may = t == MSG_SET || t == MSG_TX_DATA || t == MSG_LEDGER || t == MSG_PAST;

		if (!msg_count_max(t))
			continue;
		raw_list_message(&b, t, 0);
		assert_int_equal(decode(b.p, b.n), may ? ERR_NONE : ERR_RANGE);
	}
	buf_close(&b);
}

/* One form for every message. */

static void assert_refused(const char *hex, enum err want)
{
	uint8_t raw[256];
	size_t n = strlen(hex) / 2;
	enum err e;

	assert_true(n <= sizeof(raw) && hex_decode(raw, n, hex, 2 * n));
	e = decode(raw, n);
	if (e != want)
		fail_msg("%s: %s, not %s", hex, err_name(e), err_name(want));
}

static void other_forms_are_refused(void **state)
{
	(void)state;
	assert_refused("93020501", ERR_NONE);            /* PING token 5, time 1 */
	assert_refused("9302CC0501", ERR_INVALID);       /* 5 in two bytes */
	assert_refused("9302CD000501", ERR_INVALID);     /* 5 in three */
	assert_refused("9302CE0000000501", ERR_INVALID); /* 5 in five */
	assert_refused("9302CF000000000000000501", ERR_INVALID);
	assert_refused("93020501C0", ERR_TRAILING); /* a nil behind */
	assert_refused("930205", ERR_SHORT);
	assert_refused("9402050101", ERR_INVALID);       /* one field too many */
	assert_refused("920205", ERR_INVALID);           /* one too few */
	assert_refused("9302FF01", ERR_INVALID);         /* -1 */
	assert_refused("9302A101", ERR_INVALID);         /* text */
	assert_refused("9302CA0000000001", ERR_INVALID); /* float */
	assert_refused("9302C301", ERR_INVALID);         /* true */
	assert_refused("93028001", ERR_INVALID);         /* map */
	assert_refused("9302C4010001", ERR_INVALID);     /* bytes instead of a number */
	assert_refused("DC0003020501", ERR_INVALID);     /* 3 elements in a long head */
	assert_refused("DD00000003020501", ERR_INVALID);
	assert_refused("93CC020501", ERR_INVALID);   /* code in a long form */
	assert_refused("93C400050100", ERR_INVALID); /* code is no number */
	assert_refused("90", ERR_INVALID);
	assert_refused("02", ERR_INVALID);
	assert_refused("", ERR_SHORT);
	assert_refused("9206C50001AA", ERR_INVALID); /* one byte in a 16-bit string */
	assert_refused("9206C600000001AA", ERR_INVALID);
	assert_refused("9206C401AA", ERR_NONE); /* VALIDATION of one byte */
	assert_refused("9206C400", ERR_RANGE);
	assert_refused("931000C4010A", ERR_INVALID); /* BYE with a line feed */
	assert_refused("931000C40141", ERR_NONE);
}

static void hostile_lengths_cost_nothing(void **state)
{
	(void)state;
	/* 13 bytes that make a general reader ask for 256 GiB. */
	assert_refused("DDFFFFFFFFDDFFFFFFFF9000", ERR_INVALID);
	assert_refused("9204DDFFFFFFFF", ERR_INVALID);
	assert_refused("9204DCFFFF", ERR_TOO_LARGE);
	assert_refused("9204DC0200", ERR_SHORT); /* 512 announced, none there */
	assert_refused("9204C6FFFFFFFF00", ERR_SHORT);
	assert_refused("92049191C400", ERR_DEPTH);
	assert_refused("920491919191919191", ERR_DEPTH);
	assert_refused("9204919191919191919191", ERR_DEPTH);
	assert_refused("DC0400020501", ERR_TOO_LARGE); /* 1,024 fields */
}

static void unknown_types_are_told_apart(void **state)
{
	uint8_t *big = mem_zalloc(FRAME_BYTES_MAX + 1, 1);

	(void)state;
	assert_refused("9100", ERR_ABSENT);
	assert_refused("9140", ERR_ABSENT);
	assert_refused("9340A56162636465CB", ERR_ABSENT); /* its fields are not looked at */
	assert_refused("91CE00010000", ERR_ABSENT);
	memcpy(big, "\x91\x40", 2);
	assert_int_equal(decode(big, FRAME_BYTES_MAX), ERR_ABSENT);
	assert_int_equal(decode(big, FRAME_BYTES_MAX + 1), ERR_TOO_LARGE);
	mem_free(big);
}

/* Rules between fields. */
static void contradictions_are_refused(void **state)
{
	struct arena a = ARENA_INIT;
	struct wire_frame *f;
	struct msg m;
	struct rng r;

	(void)state;
	rng_init(&r, SEED + 2);
	msg_make(&m, MSG_SET, &a, &r, 3, 0);
	f = wire_encode(&m);
	assert_int_equal(decode(f->bytes, f->n), ERR_NONE);
	memcpy(f->bytes + f->n - 32, f->bytes + f->n - 64, 32); /* twice the same */
	assert_int_equal(decode(f->bytes, f->n), ERR_ORDER);
	f->bytes[f->n - 64] = 1; /* descending */
	assert_int_equal(decode(f->bytes, f->n), ERR_ORDER);
	wire_frame_unref(f);

	msg_make(&m, MSG_LEDGER, &a, &r, 2, 32);
	m.ledger.from = 3;
	m.ledger.total = 5;
	f = wire_encode(&m);
	assert_int_equal(decode(f->bytes, f->n), ERR_NONE);
	f->bytes[2 + 34 + 2 + WIRE_LEDGER_HEADER_BYTES] = 4; /* total 4, but 3 + 2 */
	assert_int_equal(decode(f->bytes, f->n), ERR_RANGE);
	f->bytes[2 + 34 + 2 + WIRE_LEDGER_HEADER_BYTES] = 2; /* total before from */
	assert_int_equal(decode(f->bytes, f->n), ERR_RANGE);
	wire_frame_unref(f);
	arena_close(&a);
}

static void paths_have_one_form(void **state)
{
	struct buf b = BUF_INIT;
	size_t at;

	(void)state;
	raw_list_message(&b, MSG_GET_NODES, 1); /* ... C4 01 00: depth 0 */
	at = b.n - 3;
	assert_memory_equal(b.p + at, "\xC4\x01\x00", 3);
	b.n = at;
	buf_put(&b, "\xC4\x02\x01\x50", 4); /* depth 1, nibble 5 */
	assert_int_equal(decode(b.p, b.n), ERR_NONE);
	b.p[b.n - 1] = 0x51; /* something behind the end */
	assert_int_equal(decode(b.p, b.n), ERR_INVALID);
	b.p[b.n - 2] = 2;
	assert_int_equal(decode(b.p, b.n), ERR_NONE);
	b.p[b.n - 2] = 3; /* three nibbles in one byte */
	assert_int_equal(decode(b.p, b.n), ERR_RANGE);
	b.n = at;
	raw_bytes(&b, 34, 65); /* deeper than a key is long */
	assert_int_equal(decode(b.p, b.n), ERR_RANGE);
	buf_close(&b);
}

/* Random messages, every truncation, random damage. */

static void random_messages_round_trip(void **state)
{
	struct arena a = ARENA_INIT;
	struct rng r;

	(void)state;
	rng_init(&r, SEED + 3);
	for (int i = 0; i < 500; i++) {
		FOR_EACH_TYPE(t)
		{
			struct msg m;

			msg_draw(&m, t, &a, &r);
			assert_round_trip(&m);
		}
		arena_reset(&a);
	}
	arena_close(&a);
}

/* Whatever decodes must encode back to the same bytes. */
static bool decodes_to_itself(const uint8_t *p, size_t n)
{
	struct arena a = ARENA_INIT;
	struct wire_frame *f;
	struct msg m;
	bool ok;

	ok = !wire_decode(&m, &a, bytes_of(p, n), NULL);
	if (ok) {
		f = wire_encode(&m);
		assert_int_equal(f->n, n);
		assert_memory_equal(f->bytes, p, n);
		wire_frame_unref(f);
	}
	arena_close(&a);
	return ok;
}

static void every_truncation_is_refused(void **state)
{
	struct arena a = ARENA_INIT;
	struct rng r;

	(void)state;
	rng_init(&r, SEED + 4);
	FOR_EACH_TYPE(t)
	{
		struct wire_frame *f;
		struct msg m;
		uint32_t n;

		msg_make(&m, t, &a, &r, 3, 80);
		f = wire_encode(&m);
		for (n = 0; n < f->n; n++) {
			uint8_t *exact = mem_alloc(n); /* so that a sanitizer sees overreads */

			memcpy(exact, f->bytes, n);
			assert_int_not_equal(decode(exact, n), ERR_NONE);
			mem_free(exact);
		}
		wire_frame_unref(f);
	}
	arena_close(&a);
}

static size_t damage(uint8_t *p, size_t n, size_t cap, struct rng *r)
{
	uint64_t times = 1 + rng_below(r, 4);

	while (times--) {
		size_t at = n ? rng_below(r, n) : 0;

		switch (rng_below(r, 5)) {
		case 0: /* another byte */
			if (n)
				p[at] = (uint8_t)rng_next(r);
			break;
		case 1: /* a flipped bit */
			if (n)
				p[at] ^= (uint8_t)(1u << rng_below(r, 8));
			break;
		case 2: /* a byte less */
			if (n) {
				memmove(p + at, p + at + 1, n - at - 1);
				n--;
			}
			break;
		case 3: /* a byte more */
			if (n < cap) {
				memmove(p + at + 1, p + at, n - at);
				p[at] = (uint8_t)rng_next(r);
				n++;
			}
			break;
		default: /* cut */
			n = at + 1 > n ? n : at + 1;
			break;
		}
	}
	return n;
}

static void damage_never_crashes_nor_hides(void **state)
{
	struct arena a = ARENA_INIT;
	struct rng r;
	uint64_t still = 0;

	(void)state;
	rng_init(&r, SEED + 5);
	for (int i = 0; i < 100000; i++) {
		enum msg_type t = (enum msg_type)(1 + rng_below(&r, MSG_TYPE_END - 1));
		struct wire_frame *f;
		struct msg m;
		uint8_t *p;
		size_t n;

		msg_make(&m, t, &a, &r, 1 + (uint32_t)rng_below(&r, 5), rng_below(&r, 200));
		f = wire_encode(&m);
		p = mem_alloc(f->n + 8);
		memcpy(p, f->bytes, f->n);
		n = damage(p, f->n, f->n + 8, &r);
		still += decodes_to_itself(p, n);
		mem_free(p);
		wire_frame_unref(f);
		arena_reset(&a);
	}
	assert_true(still > 1000); /* damage inside a hash or a blob is another valid message */
	arena_close(&a);
}

/* The encodings, pinned: one message of each type with drawn contents. A change of this file is a
 * change of the protocol. */
static void encodings_are_pinned(void **state)
{
	const char *write = getenv("TALLY_GOLDEN");
	struct arena a = ARENA_INIT;
	struct buf text = BUF_INIT, file = BUF_INIT;
	char chunk[4096], hex[4096];
	struct rng r;
	size_t n;
	FILE *f;

	(void)state;
	rng_init(&r, 7);
	FOR_EACH_TYPE(t)
	{
		struct wire_frame *frame;
		struct msg m;

		msg_make(&m, t, &a, &r, 2, 40);
		frame = wire_encode(&m);
		assert_true(2 * frame->n < sizeof(hex));
		hex_encode(hex, frame->bytes, frame->n);
		buf_printf(&text, "%s %s\n", msg_type_name(t), hex);
		wire_frame_unref(frame);
	}
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
	arena_close(&a);
}

static void as_many_blobs_as_fit(void **state)
{
	static uint8_t big[TX_BYTES_MAX];
	struct bytes v[3000];
	struct msg m = {.type = MSG_TXS};
	struct wire_frame *f;

	(void)state;
	for (size_t i = 0; i < 3000; i++)
		v[i] = bytes_of(big, TX_BYTES_MAX);
	assert_int_equal(wire_blobs_fit(MSG_TXS, v, 3000), 1);
	assert_int_equal(wire_blobs_fit(MSG_TX_DATA, v, 3000), 7);
	for (size_t i = 0; i < 3000; i++)
		v[i] = bytes_of(big, 200);
	assert_int_equal(wire_blobs_fit(MSG_TXS, v, 3000), 512);
	assert_int_equal(wire_blobs_fit(MSG_TX_DATA, v, 3000), 2048);
	assert_int_equal(wire_blobs_fit(MSG_NODES, v, 3000), 1024);
	assert_int_equal(wire_blobs_fit(MSG_TXS, v, 7), 7);
	for (size_t i = 0; i < 3000; i++)
		v[i] = bytes_of(big, 600);
	m.txs.v = v;
	m.txs.n = wire_blobs_fit(MSG_TXS, v, 3000);
	assert_in_range(m.txs.n, 400, 450);
	f = wire_encode(&m); /* holds its bound or aborts */
	assert_true(f->n > msg_bytes_max(MSG_TXS) - 2000);
	wire_frame_unref(f);
}

static void proposals_sign_the_network(void **state)
{
	struct msg m = {.type = MSG_PROPOSAL};
	struct buf b = BUF_INIT;

	(void)state;
	m.proposal.seq = 0x01020304;
	m.proposal.close.s = 0x05060708;
	memset(m.proposal.prev.b, 0xAA, 32);
	memset(m.proposal.set.b, 0xBB, 32);
	proposal_payload(&b, 1025, &m);
	assert_int_equal(b.n, 80);
	assert_memory_equal(b.p, "PRP\0\0\0\x04\x01\x01\x02\x03\x04\x05\x06\x07\x08\xAA", 17);
	assert_memory_equal(b.p + 48, m.proposal.set.b, 32);
	buf_close(&b);
}

static void frames_are_counted(void **state)
{
	struct msg m = {.type = MSG_PING};
	struct wire_frame *f = wire_encode(&m);

	(void)state;
	assert_int_equal(f->lane, msg_lane(MSG_PING));
	assert_ptr_equal(wire_frame_ref(f), f);
	wire_frame_unref(f);
	assert_int_equal(f->type, MSG_PING); /* still there */
	wire_frame_unref(f);
	wire_frame_unref(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_type_has_sane_bounds),
	    cmocka_unit_test(every_type_passes_at_its_bounds),
	    cmocka_unit_test(one_byte_beyond_is_refused),
	    cmocka_unit_test(one_element_beyond_is_refused),
	    cmocka_unit_test(lists_that_must_not_be_empty),
	    cmocka_unit_test(other_forms_are_refused),
	    cmocka_unit_test(hostile_lengths_cost_nothing),
	    cmocka_unit_test(unknown_types_are_told_apart),
	    cmocka_unit_test(contradictions_are_refused),
	    cmocka_unit_test(paths_have_one_form),
	    cmocka_unit_test(random_messages_round_trip),
	    cmocka_unit_test(every_truncation_is_refused),
	    cmocka_unit_test(damage_never_crashes_nor_hides),
	    cmocka_unit_test(encodings_are_pinned),
	    cmocka_unit_test(as_many_blobs_as_fit),
	    cmocka_unit_test(proposals_sign_the_network),
	    cmocka_unit_test(frames_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
