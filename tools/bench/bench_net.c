/* SPDX-License-Identifier: ISC */

/* CPU time of the link between nodes: encoding, decoding, sealing and opening of messages, and a
 * handshake. No sockets: they cost what the kernel costs. Argument: milliseconds per row (300). */

#include "base/rng.h"
#include "tests/net/msgs.h"
#include "tests/net/pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct row {
	const char *name;
	enum msg_type type;
	uint32_t n;  /* list */
	size_t blob; /* bytes each */
};

static const struct row rows[] = {
    {"STATUS", MSG_STATUS, 0, 0},
    {"PROPOSAL", MSG_PROPOSAL, 0, 64},
    {"VALIDATION 300 B", MSG_VALIDATION, 0, 300},
    {"TXS 1 x 250 B", MSG_TXS, 1, 250},
    {"TXS 1 x 1 KiB", MSG_TXS, 1, 1015},
    {"TXS 64 x 250 B", MSG_TXS, 64, 250},
    {"SET 1,000 ids", MSG_SET, 1000, 0},
    {"SET 10,000 ids", MSG_SET, 10000, 0},
    {"TX_DATA 2,048 x 250 B", MSG_TX_DATA, 2048, 250},
};

static double budget_ns = 300e6;

static double cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void ignore(void *ctx, const struct msg *m)
{
	(void)m;
	++*(uint64_t *)ctx;
}

struct bench {
	struct msg msg;
	struct wire_frame *frame;
	struct arena arena;
	struct pair pair;
	uint64_t received;
};

static void encode(struct bench *b)
{
	wire_frame_unref(wire_encode(&b->msg));
}

static void decode(struct bench *b)
{
	struct msg m;

	must(!wire_decode(&m, &b->arena, bytes_of(b->frame->bytes, b->frame->n), NULL));
	arena_reset(&b->arena);
}

static void seal(struct bench *b)
{
	buf_clear(&b->pair.a.out);
	session_send(b->pair.a.s, b->frame, &b->pair.a.out);
}

/* The whole way: sealed on one side, opened, decoded and handed up on the other. */
static void pass(struct bench *b)
{
	seal(b);
	b->pair.now.steady.ms += 1000; /* within its budget */
	must(!session_feed(b->pair.b.s, buf_bytes(&b->pair.a.out), b->pair.now, &b->pair.b.out,
			   ignore, &b->received));
}

static double measure(struct bench *b, void (*once)(struct bench *b))
{
	double began = cpu_ns(), now = began;
	uint64_t n = 0;

	while (now - began < budget_ns) {
		for (int i = 0; i < 16; i++)
			once(b);
		n += 16;
		now = cpu_ns();
	}
	return (now - began) / (double)n;
}

static void one_row(const struct row *row)
{
	struct arena a = ARENA_INIT;
	struct bench b = {.received = 0};
	double enc, dec, sealed, passed;
	struct rng r;

	rng_init(&r, 1);
	msg_make(&b.msg, row->type, &a, &r, row->n, row->blob);
	b.frame = wire_encode(&b.msg);
	pair_ready(&b.pair, 1);
	enc = measure(&b, encode);
	dec = measure(&b, decode);
	passed = measure(&b, pass);
	must(b.received > 0);
	sealed = measure(&b, seal);
	printf("%-22s %8u %10.0f %10.0f %10.0f %10.0f %12.0f %8.0f\n", row->name, b.frame->n, enc,
	       dec, sealed, passed, 1e9 / passed, (double)b.frame->n * 1e3 / passed);
	wire_frame_unref(b.frame);
	arena_close(&b.arena);
	arena_close(&a);
	pair_close(&b.pair);
}

static void handshake(struct bench *b)
{
	(void)b;
	pair_init(&b->pair, 2);
	pair_start(&b->pair);
	pair_run(&b->pair, 0);
	pair_close(&b->pair);
}

int main(int argc, char **argv)
{
	struct bench b = {.received = 0};
	struct why why;

	if (argc > 1)
		budget_ns = 1e6 * strtod(argv[1], NULL);
	if (crypto_init(&why)) {
		fprintf(stderr, "%s\n", why.text);
		return 1;
	}
	printf("%-22s %8s %10s %10s %10s %10s %12s %8s\n", "message", "bytes", "encode ns",
	       "decode ns", "seal ns", "pass ns", "passed/s", "MB/s");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		one_row(&rows[i]);
	printf("handshake, both sides: %.0f us\n", measure(&b, handshake) / 1e3);
	return 0;
}
