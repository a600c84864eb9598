/* SPDX-License-Identifier: ISC
 * bench-codec: nanoseconds per operation of the codec on a Payment and an AccountRoot. */
#include "codec/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define REPEAT   5 /* the best of so many rounds counts */
#define ROUND_NS 100000000ull

static const char payment[] =
    "1200002280000000240000000161400000174876E80A68400000000000000A73210330E7FC9D56BB25D6893B"
    "A3F317AE5BCF33B3291BD63DB32654A313222F7FD020744630440220"
    "42A11C9F805DA316A998E2E1A2E91C1E172E345AF936DCC9214B0E5D3C5B5E5A02207E2E2E2E2E2E2E2E2E2E"
    "2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E8114B5F762798A53D543A014CAF8B297CFF8F2F937E8"
    "8314550FC62003E785DC231A1058A05E56E3F09CF4E6";
static const char account_root[] =
    "1100612200000000240000000125000022C52D00000000558D7F42ED0621FBCFAE55CC6F2A9403A2AFB20570"
    "8CCBA3109BB61DB8DDA261B46240000000160DC0808114712B799C79D1EEE3094B59EF9920C7FEB3CE4499";

struct subject {
	struct bytes bytes;
	struct arena *arena;       /* for what is decoded */
	const struct st_object *o; /* on another arena */
	const json_t *json;
	struct buf out;
};

static void decode(struct subject *s)
{
	struct st_object *o;
	struct why why;

	must(st_decode(&o, s->arena, s->bytes, &why) == ERR_NONE);
	arena_reset(s->arena);
}

static void encode(struct subject *s)
{
	buf_clear(&s->out);
	st_encode(&s->out, s->o, ST_ALL);
}

static void signing(struct subject *s)
{
	buf_clear(&s->out);
	st_encode(&s->out, s->o, ST_SIGNING);
}

static void copy(struct subject *s)
{
	(void)st_copy(s->arena, s->o);
	arena_reset(s->arena);
}

static void to_json(struct subject *s)
{
	json_decref(st_to_json(s->o));
}

static void from_json(struct subject *s)
{
	struct st_object *o;
	struct why why;

	must(st_from_json(&o, s->arena, s->json, &why) == ERR_NONE);
	arena_reset(s->arena);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static double ns_per_call(void (*f)(struct subject *), struct subject *s)
{
	double best = 1e18;

	for (int r = 0; r < REPEAT; r++) {
		uint64_t start = now_ns(), end, n = 0;

		do {
			for (int i = 0; i < 100; i++)
				f(s);
			n += 100;
			end = now_ns();
		} while (end - start < ROUND_NS);
		if ((double)(end - start) / (double)n < best)
			best = (double)(end - start) / (double)n;
	}
	return best;
}

static void measure(const char *name, const char *hex)
{
	static const struct {
		const char *name;
		void (*f)(struct subject *);
	} ops[] = {
	    {"decode", decode},  {"encode", encode},   {"signing bytes", signing},
	    {"deep copy", copy}, {"to JSON", to_json}, {"from JSON", from_json},
	};
	struct arena scratch = ARENA_INIT, keep = ARENA_INIT;
	size_t n = strlen(hex) / 2;
	uint8_t *p = arena_alloc(&keep, n);
	struct subject s = {.bytes = bytes_of(p, n), .arena = &scratch, .out = BUF_INIT};
	struct st_object *o;
	struct why why;
	json_t *json;

	must(hex_decode(p, n, hex, 2 * n));
	if (st_decode(&o, &keep, s.bytes, &why)) {
		fprintf(stderr, "%s: %s\n", name, why.text);
		exit(1);
	}
	json = st_to_json(o);
	s.o = o;
	s.json = json;
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		printf("codec  %-12s %-14s %8.0f ns\n", name, ops[i].name,
		       ns_per_call(ops[i].f, &s));
	json_decref(json);
	buf_close(&s.out);
	arena_close(&scratch);
	arena_close(&keep);
}

int main(void)
{
	measure("Payment", payment);
	measure("AccountRoot", account_root);
	return 0;
}
