/* SPDX-License-Identifier: ISC */
#include "tests/sim/runs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* A seed is a run: twice the same, whatever was run before; decisions alone repeat it; a plan that
 * was written down is the same plan. What compilers, memory and environment must not change is
 * compared by tests/sim/same. */

#define SEEDS 3

static struct run_result run(const struct run_options *o)
{
	struct run_result r;

	run_once(&r, o);
	if (r.failed)
		fail_msg("seed %llu: %s", (unsigned long long)o->seed, r.text);
	return r;
}

static void test_twice(void **state)
{
	struct run_result first[SEEDS], again;
	uint32_t i;

	(void)state;
	for (i = 0; i < SEEDS; i++)
		first[i] = run(&(struct run_options){.seed = 500 + i, .until_ms = 20000});
	for (i = SEEDS; i-- > 0;) { /* in another order */
		again = run(&(struct run_options){.seed = 500 + i, .until_ms = 20000});
		assert_int_equal(again.trace, first[i].trace);
		assert_int_equal(again.steps, first[i].steps);
		assert_int_equal(again.n_fired, first[i].n_fired);
		assert_true(i == 0 || first[i].trace != first[i - 1].trace);
		run_result_close(&again);
		run_result_close(&first[i]);
	}
}

static void expect_same(const struct decision *a, const struct decision *b)
{
	assert_int_equal(a->fault, b->fault);
	assert_int_equal(a->a, b->a);
	assert_int_equal(a->b, b->b);
	assert_int_equal(a->ordinal, b->ordinal);
	assert_int_equal(a->param, b->param);
	assert_int_equal(a->at_ms, b->at_ms);
}

/* The decisions that fired, given as a list, fire again, and no others. */
static void test_decisions_repeat_it(void **state)
{
	struct run_options o = {.seed = 503, .until_ms = 30000};
	struct run_result first = run(&o), again;
	struct run_options back = {.seed = 0};
	struct world_plan plan;
	struct why why;
	char path[] = "/tmp/tally-sim-XXXXXX";
	int fd = mkstemp(path);
	uint32_t i;

	(void)state;
	assert_true(fd >= 0 && first.n_fired > 10);
	run_plan(&plan, o.seed, o.profile);
	o.plan = &plan;
	o.only = first.fired;
	o.n_only = first.n_fired;
	assert_int_equal(run_replay_write(path, &o, &why), ERR_NONE);
	assert_int_equal(run_replay_read(path, &back, &why), ERR_NONE);
	assert_int_equal(back.n_only, first.n_fired);
	assert_memory_equal(back.plan->rate_ppm, plan.rate_ppm, sizeof(plan.rate_ppm));
	again = run(&back);
	assert_int_equal(again.trace, first.trace);
	assert_int_equal(again.n_fired, first.n_fired);
	for (i = 0; i < first.n_fired; i++)
		expect_same(&again.fired[i], &first.fired[i]);
	run_result_close(&again);
	/* one less is another run */
	back.n_only = 0;
	again = run(&back);
	assert_int_equal(again.n_fired, 0);
	assert_int_not_equal(again.trace, first.trace);
	run_result_close(&again);
	run_result_close(&first);
	run_replay_close(&back);
	close(fd);
	remove(path);
}

static void test_bad_replays(void **state)
{
	static const char *const bad[] = {"", "tally-sim replay 2\n",
					  "tally-sim replay 1\nnonsense 1\n",
					  "tally-sim replay 1\nrate NET_NOTHING 1\n",
					  "tally-sim replay 1\nfired NET_LOSS A B 1\n"};
	char path[] = "/tmp/tally-sim-XXXXXX";
	int fd = mkstemp(path);
	size_t i;

	(void)state;
	assert_true(fd >= 0);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct run_options o = {.seed = 0};
		struct why why = {""};
		FILE *f = fopen(path, "w");

		fputs(bad[i], f);
		fclose(f);
		assert_int_not_equal(run_replay_read(path, &o, &why), ERR_NONE);
		assert_true(why.text[0]);
		assert_null(o.plan);
	}
	close(fd);
	remove(path);
}

/* Workers change when things happen; what it comes to in the end is the same. */
static void test_workers(void **state)
{
	static const uint32_t workers[] = {0, 1, 4};
	uint64_t balances[3][20];
	uint32_t i, k;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct world_plan p = world_defaults(77);
		struct world *w;

		p.workers = workers[i];
		w = world_open(&p);
		world_start(w, "ABCDE");
		for (k = 0; k < 30; k++) {
			struct world_pay pay = {.from = k % 20, .to = k * 7 % 20, .drops = k + 1};

			world_run_ms(w, 1000);
			if (pay.from != pay.to)
				world_pay(w, (char)('A' + k % 5), &pay);
		}
		world_run_ms(w, 20000);
		assert_null(world_failure(w));
		for (k = 0; k < 20; k++)
			balances[i][k] = world_balance(w, 'E', k);
		assert_memory_equal(balances[i], balances[0], sizeof(balances[0]));
		world_close(w);
	}
	assert_int_not_equal(balances[0][3], balances[0][4]);
}

static void test_questions(void **state)
{
	uint32_t rates[FAULT_COUNT] = {0};
	struct decisions *d;
	uint32_t i, n = 0;
	int64_t x;

	(void)state;
	rates[FAULT_NET_LOSS] = 250000;
	d = decisions_open(1, rates, NULL, 0);
	for (i = 0; i < 10000; i++) {
		n += decide(d, FAULT_NET_LOSS, 1, 2, 1000, -3, 3, i, &x);
		assert_true(x >= -3 && x <= 3);
		assert_false(decide(d, FAULT_NET_DELAY, 1, 2, 1000, 0, 0, i, NULL));
	}
	assert_in_range(n, 2300, 2700);
	assert_int_equal(decisions_count(d, FAULT_NET_LOSS), n);
	decisions_pause(d, true);
	for (i = 0; i < 100; i++)
		assert_false(decide(d, FAULT_NET_LOSS, 1, 2, 1000, 0, 0, i, NULL));
	decisions_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_questions),
	    cmocka_unit_test(test_twice),
	    cmocka_unit_test(test_decisions_repeat_it),
	    cmocka_unit_test(test_bad_replays),
	    cmocka_unit_test(test_workers),
	};
	struct why why;

	if (crypto_init(&why) != ERR_NONE)
		abort();
	amendments_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
