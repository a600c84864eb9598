/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "tests/sim/shrink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* The shrinker, on runs that are no more than their decisions: what is asked each second is known,
 * and so is what makes them fail. */

#define SECONDS 400

static void (*fails)(struct run_result *out, const struct decisions *d, const struct world_plan *p);

static void once(struct run_result *out, const struct run_options *o)
{
	struct decisions *d = decisions_open(o->seed, o->plan->rate_ppm, o->only, o->n_only);
	int64_t last = o->plan->duration_ms / 1000;

	*out = (struct run_result){0};
	if (o->until_ms && o->until_ms / 1000 < last)
		last = o->until_ms / 1000;
	for (int64_t s = 0; s <= last && !out->failed; s++) {
		for (int f = 0; f < FAULT_COUNT; f++)
			for (uint8_t a = 0; a < o->plan->validators; a++)
				(void)!decide(d, (enum fault)f, a, DECIDE_NOBODY, 1000, 0, 100,
					      s * 1000, NULL);
		out->steps += o->plan->validators;
		out->at_ms = s * 1000;
		fails(out, d, o->plan);
	}
	decisions_close(d);
}

static struct world_plan plan_of(void)
{
	struct world_plan p = world_defaults(7);

	for (int f = 0; f < FAULT_COUNT; f++)
		p.rate_ppm[f] = 20000;
	p.duration_ms = SECONDS * 1000;
	p.validators = 7;
	p.trackers = 2;
	p.accounts = 100;
	p.tx_per_100s = 700;
	p.workers = 4;
	p.topology = WORLD_RING;
	return p;
}

static void fail_with(struct run_result *out, const char *property)
{
	out->failed = true;
	snprintf(out->property, sizeof(out->property), "%s", property);
}

/* Two losses at B and one pause at D, in at least 4 nodes that pay. A failure of another kind is
 * about as near. */
static void three_decisions(struct run_result *out, const struct decisions *d,
			    const struct world_plan *p)
{
	uint32_t n, losses = 0, pauses = 0;
	const struct decision *fired = decisions_fired(d, &n);

	for (uint32_t i = 0; i < n; i++) {
		losses += fired[i].fault == FAULT_NET_LOSS && fired[i].a == 1;
		pauses += fired[i].fault == FAULT_CLOCK_PAUSE && fired[i].a == 3;
	}
	if (losses >= 2 && pauses >= 1 && p->tx_per_100s >= 30)
		fail_with(out, "P4");
	else if (n && out->at_ms + 1000 > p->duration_ms)
		fail_with(out, "P7");
}

static void crash_of_one(struct run_result *out, const struct decisions *d,
			 const struct world_plan *p)
{
	(void)out, (void)p;
	if (decisions_count(d, FAULT_DISK_TORN) >= 1 && decisions_count(d, FAULT_NET_LOSS) >= 1)
		abort();
}

static void no_decision(struct run_result *out, const struct decisions *d,
			const struct world_plan *p)
{
	(void)d;
	if (out->at_ms >= 30000 && out->at_ms + 1000 > p->duration_ms)
		fail_with(out, "P8"); /* at the end, however long it was, from half a minute on */
}

static void never(struct run_result *out, const struct decisions *d, const struct world_plan *p)
{
	(void)out, (void)d, (void)p;
}

static struct shrink shrink_one(const struct world_plan *p)
{
	struct shrink s = {
	    .run = {.seed = 7, .plan = p},
	    .seconds = 60,
	    .once = once,
	};

	return s;
}

static void what_matters_is_left(void **state)
{
	struct world_plan p = plan_of();
	struct shrink s = shrink_one(&p);

	(void)state;
	fails = three_decisions;
	assert_true(shrink_run(&s));
	assert_string_equal(s.property, "P4");
	assert_int_equal(s.n, 3);
	assert_true(s.decisions_before > 100);
	assert_in_range(s.plan.validators, 4, 5);
	assert_int_equal(s.plan.trackers, 0);
	assert_int_equal(s.plan.accounts, 4);
	assert_in_range(s.plan.tx_per_100s, 30, 60);
	assert_int_equal(s.plan.topology, WORLD_MESH);
	assert_int_equal(s.plan.workers, 0);
	assert_true(s.steps < s.steps_before);
	shrink_close(&s);
}

static void crashes_are_made_smaller_too(void **state)
{
	struct world_plan p = plan_of();
	struct shrink s = shrink_one(&p);

	(void)state;
	fails = crash_of_one;
	assert_true(shrink_run(&s));
	assert_string_equal(s.property, "crash");
	assert_int_equal(s.n, 2);
	shrink_close(&s);
}

static void runs_that_fail_at_their_end_become_short(void **state)
{
	struct world_plan p = plan_of();
	struct shrink s = shrink_one(&p);

	(void)state;
	fails = no_decision;
	assert_true(shrink_run(&s));
	assert_int_equal(s.n, 0);
	assert_in_range(s.plan.duration_ms, 29000, 60000);
	shrink_close(&s);
}

static void run_that_does_not_fail_is_no_failure(void **state)
{
	struct world_plan p = plan_of();
	struct shrink s = shrink_one(&p);

	(void)state;
	fails = never;
	assert_false(shrink_run(&s));
	shrink_close(&s);
}

/* What is written down fails as it did when it is read. */
static void replays_are_what_was_found(void **state)
{
	struct world_plan p = plan_of();
	struct shrink s = shrink_one(&p);
	char path[] = "/tmp/tally_replay_XXXXXX";
	struct run_options o, again = {0};
	struct run_result r;
	struct why why = {""};
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	fails = three_decisions;
	assert_true(shrink_run(&s));
	o = shrink_found(&s);
	assert_int_equal(run_replay_write(path, &o, &why), ERR_NONE);
	assert_int_equal(run_replay_read(path, &again, &why), ERR_NONE);
	assert_int_equal(again.n_only, 3);
	once(&r, &again);
	assert_true(r.failed);
	assert_string_equal(r.property, "P4");
	run_replay_close(&again);
	unlink(path);
	shrink_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_matters_is_left),
	    cmocka_unit_test(crashes_are_made_smaller_too),
	    cmocka_unit_test(runs_that_fail_at_their_end_become_short),
	    cmocka_unit_test(run_that_does_not_fail_is_no_failure),
	    cmocka_unit_test(replays_are_what_was_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
