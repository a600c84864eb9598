/* SPDX-License-Identifier: ISC */
#include "tests/sim/scenarios.h"

#include <fnmatch.h>

#include "ledger/genesis.h"

#include <string.h>

void says(const char *id, const char *fmt, ...)
{
	va_list ap;

	printf("%-4s ", id);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

static void expect_sound(struct world *w)
{
	if (world_failure(w))
		fail_msg("%s", world_failure(w));
}

struct world *play(const struct world_plan *p)
{
	struct world *w = world_open(p);
	uint32_t i;

	props_join(w);
	for (i = 0; i < p->validators + p->trackers; i++) {
		char name[2] = {(char)('A' + i), 0};

		world_start(w, name);
	}
	play_run(w, 10000);
	return w;
}

struct world *play_five(uint64_t seed)
{
	struct world_plan p = world_defaults(seed);

	return play(&p);
}

void play_end(struct world *w)
{
	expect_sound(w);
	world_close(w);
}

void play_run(struct world *w, int64_t ms)
{
	world_run_ms(w, ms);
	expect_sound(w);
}

int64_t play_goes_on(struct world *w, uint32_t ledgers, int64_t within_ms)
{
	uint32_t goal = world_validated_max(w) + ledgers;
	int64_t start = world_now_ms(w);

	while (world_validated_min(w) < goal && world_now_ms(w) - start < within_ms)
		play_run(w, 100);
	if (world_validated_min(w) < goal)
		fail_msg("validated %u to %u after %lld ms, %u wanted", world_validated_min(w),
			 world_validated_max(w), (long long)within_ms, goal);
	return world_now_ms(w) - start;
}

void play_stands(struct world *w, int64_t ms)
{
	uint32_t before;

	play_run(w, 2000); /* what was under way */
	before = world_validated_max(w);
	play_run(w, ms);
	assert_int_equal(world_validated_max(w), before);
}

struct hash256 play_pay(struct world *w, char node, uint32_t from)
{
	struct world_pay pay = {.from = from, .to = from + 1, .drops = 5};

	return world_pay(w, node, &pay);
}

int64_t play_validated(struct world *w, char node, const struct hash256 *id, int64_t within_ms)
{
	int64_t start = world_now_ms(w);

	while (!world_tx_validated(w, node, id) && world_now_ms(w) - start < within_ms)
		play_run(w, 100);
	if (!world_tx_validated(w, node, id))
		fail_msg("%s is not validated by %c after %lld ms", hash256_short(id).s, node,
			 (long long)within_ms);
	return world_now_ms(w) - start;
}

/* ---- filters ---- */

static struct {
	play_pass *pass;
	void *ctx;
} filter;

static void through(void *ctx, struct world *w, uint32_t from, uint32_t to, const struct msg *m)
{
	(void)ctx;
	if (!filter.pass || filter.pass(filter.ctx, w, from, to, m))
		world_send_as(w, from, to, m);
}

void play_filter(struct world *w, const char *from, play_pass *pass, void *ctx)
{
	static const struct world_mangler mangler = {.send = through};

	filter.pass = pass;
	filter.ctx = ctx;
	for (; *from; from++)
		world_mangle(w, (uint32_t)(*from - 'A'), pass ? &mangler : NULL);
}

void play_position(struct world *w, uint32_t node, uint32_t to, const struct cons_position *p)
{
	const struct secret_key *key = world_key(w, node);
	struct msg m = {.type = MSG_PROPOSAL};
	struct buf payload = BUF_INIT;
	uint8_t sig[SIGNATURE_MAX];
	struct node_status s;

	node_get_status(world_node(w, node), (struct now){{world_now_ms(w)}, {0}}, &s);
	m.proposal.key = *secret_key_public(key);
	m.proposal.prev = p->prev;
	m.proposal.set = p->set;
	m.proposal.close = p->close;
	m.proposal.seq = p->seq;
	proposal_payload(&payload, s.network_id, &m);
	m.proposal.signature = bytes_of(sig, signature_make(key, buf_bytes(&payload), sig));
	buf_close(&payload);
	world_send_as(w, node, to, &m);
}

/* ---- figures ---- */

static void on_sent(void *ctx, uint32_t from, uint32_t to, const struct msg *m)
{
	struct tally_of *t = ctx;

	(void)from;
	(void)to;
	t->sent[m->type]++;
}

static void on_dropped(void *ctx, uint32_t node, uint32_t peer, const char *reason)
{
	struct tally_of *t = ctx;

	(void)node;
	(void)peer;
	(void)reason;
	t->dropped++;
}

static void on_effect(void *ctx, uint32_t node, const struct node_effect *e)
{
	struct tally_of *t = ctx;

	(void)node;
	if (e->kind == NODE_FX_USELESS)
		t->useless += e->useless.units;
}

static void on_validated(void *ctx, uint32_t node, struct ledger *l)
{
	struct tally_of *t = ctx;

	t->went_back |= l->header.seq <= t->newest[node];
	t->newest[node] = l->header.seq;
}

void play_count(struct world *w, struct tally_of *t)
{
	struct world_observer o = {.ctx = t,
				   .sent = on_sent,
				   .dropped = on_dropped,
				   .effect = on_effect,
				   .validated = on_validated};

	*t = (struct tally_of){.useless = 0};
	world_observe(w, &o);
}

#define SCENARIO_TEST(name) cmocka_unit_test(name),

/* A filter that fits no scenario would pass. */
static bool fits_one(const struct CMUnitTest *tests, size_t n, const char *pattern)
{
	for (size_t i = 0; i < n; i++)
		if (fnmatch(pattern, tests[i].name, 0) == 0)
			return true;
	fprintf(stderr, "no scenario is called %s\n", pattern);
	return false;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#include "tests/sim/scenarios_list.h"
	};
	char pattern[80] = "*";
	struct why why;

	if (crypto_init(&why) != ERR_NONE)
		abort();
	amendments_init();
	if (argc > 1 && strlen(argv[1]) + 2 < sizeof(pattern)) {
		(void)snprintf(pattern, sizeof(pattern), "%s*", argv[1]);
		if (!fits_one(tests, sizeof(tests) / sizeof(tests[0]), pattern))
			return 2;
		cmocka_set_test_filter(pattern);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
