/* SPDX-License-Identifier: ISC */
#include "tests/sim/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* The world itself: that networks live in it, and that it does to them what its calls say. */

static struct world *open_with(struct world_plan p, const char *nodes)
{
	struct world *w = world_open(&p);

	world_start(w, nodes);
	return w;
}

static void goes_on(struct world *w, uint32_t ledgers, int64_t within_ms)
{
	uint32_t goal = world_validated_max(w) + ledgers;
	int64_t end = world_now_ms(w) + within_ms;

	while (world_validated_min(w) < goal && world_now_ms(w) < end && !world_failure(w))
		world_run_ms(w, 100);
	if (world_failure(w))
		fail_msg("%s", world_failure(w));
	if (world_validated_min(w) < goal)
		fail_msg("validated %u to %u after %lld ms, %u wanted", world_validated_min(w),
			 world_validated_max(w), (long long)within_ms, goal);
}

static void expect_agreement(const struct world *w)
{
	struct hash256 a, b;
	uint32_t seq, i, k;

	for (seq = 1; seq < 2000; seq++)
		for (i = 0; i < world_count(w); i++)
			for (k = i + 1; k < world_count(w); k++)
				if (world_hash_at(w, i, seq, &a) && world_hash_at(w, k, seq, &b))
					assert_memory_equal(&a, &b, 32);
}

static void pays(struct world *w)
{
	uint64_t before = world_balance(w, 'C', 2);
	struct world_pay pay = {.from = 1, .to = 2, .drops = 5};
	struct hash256 id = world_pay(w, 'A', &pay);
	int k;

	for (k = 0; k < 300 && !world_tx_validated(w, 'C', &id); k++)
		world_run_ms(w, 100);
	assert_true(world_tx_validated(w, 'C', &id));
	assert_int_equal(world_balance(w, 'C', 2), before + 5);
}

static void test_lives(void **state)
{
	static const enum world_topology shapes[] = {WORLD_MESH, WORLD_HUB, WORLD_RING,
						     WORLD_SCALE_FREE};
	uint32_t i, sessions;

	(void)state;
	for (i = 0; i < 4; i++)
		for (sessions = 0; sessions < 2; sessions++) {
			struct world_plan p = world_defaults(1 + i);
			struct world *w;

			p.topology = shapes[i];
			p.sessions = sessions;
			w = open_with(p, "ABCDE");
			world_run_ms(w, 10000);
			goes_on(w, 3, 20000);
			pays(w);
			expect_agreement(w);
			world_close(w);
		}
}

/* Each kind of worker, real signatures, and one validator alone. */
static void test_modes(void **state)
{
	static const uint32_t workers[] = {0, 1, 4};
	uint32_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct world_plan p = world_defaults(7);
		struct world *w;

		p.workers = workers[i];
		p.real_signatures = i == 0;
		p.validators = i == 2 ? 1 : 5;
		p.trackers = i;
		w = open_with(p, i == 2 ? "ABC" : i == 1 ? "ABCDEF" : "ABCDE");
		world_run_ms(w, 10000);
		goes_on(w, 3, 30000);
		expect_agreement(w);
		world_close(w);
	}
}

static void test_restart(void **state)
{
	struct world *w = open_with(world_defaults(3), "ABCDE");

	(void)state;
	world_run_ms(w, 10000);
	pays(w);
	world_kill(w, "E");
	assert_false(world_is_up(w, 4));
	goes_on(w, 3, 20000);
	world_kill(w, "D"); /* three of five are no quorum */
	world_run_ms(w, 20000);
	assert_true(world_validated_max(w) - world_validated_min(w) <= 1);
	world_start(w, "DE");
	goes_on(w, 3, 40000);
	world_kill(w, "ABCDE");
	world_start(w, "ABCDE");
	goes_on(w, 3, 40000);
	pays(w);
	world_stop(w, "A");
	world_run_ms(w, 1000);
	assert_false(world_is_up(w, 0));
	goes_on(w, 2, 20000);
	expect_agreement(w);
	world_close(w);
}

static void test_partition(void **state)
{
	struct world *w = open_with(world_defaults(4), "ABCDE");
	uint32_t before;

	(void)state;
	world_run_ms(w, 10000);
	world_partition(w, "AB|CDE");
	world_run_ms(w, 2000);
	before = world_validated_max(w);
	world_run_ms(w, 120000);
	assert_int_equal(world_validated_max(w), before);
	world_heal(w);
	goes_on(w, 3, 60000);
	world_partition(w, "ABCD"); /* E is alone */
	before = world_validated(w, 'A');
	world_run_ms(w, 30000);
	assert_true(world_validated(w, 'A') > before + 4);
	assert_true(world_validated(w, 'E') < before + 3);
	world_heal(w);
	goes_on(w, 3, 60000);
	expect_agreement(w);
	world_close(w);
}

static void test_pause_and_clocks(void **state)
{
	struct world *w = open_with(world_defaults(5), "ABCDE");

	(void)state;
	world_run_ms(w, 10000);
	world_pause(w, "B", 30000);
	world_clock(w, 'C', 6, 2000);
	world_clock(w, 'D', -6, -2000);
	world_run_ms(w, 31000);
	goes_on(w, 3, 40000);
	world_reset(w, 'A', 'B');
	world_cut(w, 'A', 'C', true);
	goes_on(w, 3, 40000);
	world_heal(w);
	goes_on(w, 3, 40000);
	expect_agreement(w);
	world_close(w);
}

struct seen {
	uint32_t validations[8];
	uint32_t ledgers, dropped, started, sent;
};

static void on_heard(void *ctx, uint32_t node, uint32_t from, const struct msg *m)
{
	struct seen *s = ctx;

	if (node == 0 && m->type == MSG_VALIDATION)
		s->validations[from]++;
}

static void on_validated(void *ctx, uint32_t node, struct ledger *l)
{
	struct seen *s = ctx;

	(void)node;
	assert_true(l->header.seq > 0);
	s->ledgers++;
}

static void on_dropped(void *ctx, uint32_t node, uint32_t peer, const char *reason)
{
	struct seen *s = ctx;

	(void)node, (void)peer, (void)reason;
	s->dropped++;
}

static void on_started(void *ctx, uint32_t node, uint32_t life)
{
	struct seen *s = ctx;

	(void)node;
	assert_int_equal(life, 1);
	s->started++;
}

/* Says nothing but what it must, to nobody but A. */
static void mute(void *ctx, struct world *w, uint32_t from, uint32_t to, const struct msg *m)
{
	struct seen *s = ctx;

	s->sent++;
	if (to == 0 || m->type == MSG_STATUS)
		world_send_as(w, from, to, m);
}

static void test_observers_and_manglers(void **state)
{
	struct world_plan p = world_defaults(6);
	struct world *w = world_open(&p);
	struct seen s = {.ledgers = 0};
	struct world_observer o = {.ctx = &s,
				   .heard = on_heard,
				   .validated = on_validated,
				   .dropped = on_dropped,
				   .started = on_started};
	struct world_mangler m = {.ctx = &s, .send = mute};

	(void)state;
	world_observe(w, &o);
	world_mangle(w, 4, &m);
	world_start(w, "ABCDE");
	world_run_ms(w, 60000);
	assert_int_equal(s.started, 5);
	assert_int_equal(s.dropped, 0);
	assert_true(s.ledgers > 40 && s.sent > 100);
	assert_true(s.validations[4] > 5 && s.validations[1] > 5);
	world_close(w);
}

static void on_call(void *ctx, struct world *w)
{
	int64_t *at = ctx;

	*at = world_now_ms(w);
}

static void test_same_trace(void **state)
{
	uint64_t first = 0;
	int64_t at = 0;
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct world *w = open_with(world_defaults(8), "ABCDE");

		world_after(w, 1234, on_call, &at);
		world_run_ms(w, 20000);
		assert_int_equal(at, 1234);
		pays(w);
		if (i)
			assert_int_equal(first, world_trace(w));
		first = world_trace(w);
		world_close(w);
	}
}

static void test_failure(void **state)
{
	struct world *w = open_with(world_defaults(9), "ABCDE");

	(void)state;
	world_run_ms(w, 5000);
	assert_null(world_failure(w));
	world_fail(w, "P4", "%s", "two ledgers");
	world_fail(w, "P5", "later");
	assert_string_equal(world_failed_property(w), "P4");
	assert_string_equal(world_failure(w), "P4 at 5.000 s: two ledgers");
	assert_false(world_step(w));
	world_close(w);
}

static void test_twin(void **state)
{
	struct world *w = open_with(world_defaults(10), "ABCDE");
	char twin[2] = {0, 0};

	(void)state;
	world_run_ms(w, 10000);
	twin[0] = world_twin(w, 'B');
	assert_int_equal(twin[0], 'F');
	assert_false(world_honest(w, 1));
	assert_false(world_honest(w, 5));
	world_start(w, twin);
	goes_on(w, 5, 60000); /* A, C, D and E are a quorum */
	expect_agreement(w);
	world_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lives),
	    cmocka_unit_test(test_modes),
	    cmocka_unit_test(test_restart),
	    cmocka_unit_test(test_partition),
	    cmocka_unit_test(test_pause_and_clocks),
	    cmocka_unit_test(test_observers_and_manglers),
	    cmocka_unit_test(test_same_trace),
	    cmocka_unit_test(test_failure),
	    cmocka_unit_test(test_twin),
	};
	struct why why;

	if (crypto_init(&why) != ERR_NONE)
		abort();
	amendments_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
