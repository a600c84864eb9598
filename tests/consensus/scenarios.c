/* SPDX-License-Identifier: ISC */
#include "tests/consensus/scenarios.h"

#include <fnmatch.h>

uint32_t scenario_runs = 20;
bool scenario_brief;

void scenario_says(const char *id, const char *fmt, ...)
{
	va_list ap;

	printf("%-4s ", id);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

void expect_sound(const struct sim *s)
{
	if (sim_failure(s))
		fail_msg("%s", sim_failure(s));
}

struct sim *scenario_five(uint64_t seed)
{
	struct sim_options o = sim_defaults(seed);
	struct sim *s = sim_open(&o);

	sim_start(s, ALL5);
	return s;
}

int64_t progress_within(struct sim *s, uint32_t more, int64_t limit_ms)
{
	uint32_t goal = sim_validated_max(s) + more;
	int64_t start = sim_now_ms(s);

	while (sim_now_ms(s) - start < limit_ms) {
		sim_run_ms(s, 100);
		expect_sound(s);
		if (sim_validated_min(s) >= goal)
			return sim_now_ms(s) - start;
	}
	return -1;
}

int64_t expect_progress(struct sim *s, uint32_t more, int64_t limit_ms)
{
	int64_t took = progress_within(s, more, limit_ms);

	if (took < 0)
		fail_msg("at %u to %u after %lld ms, wanted %u more", sim_validated_min(s),
			 sim_validated_max(s), (long long)limit_ms, more);
	return took;
}

void expect_stalled(struct sim *s, int64_t ms)
{
	uint32_t before = sim_validated_max(s);

	sim_run_ms(s, ms);
	expect_sound(s);
	assert_int_equal(sim_validated_max(s), before);
}

int64_t interval_ms(struct sim *s, int64_t span_ms)
{
	uint32_t before = sim_validated_max(s);

	sim_run_ms(s, span_ms);
	expect_sound(s);
	assert_true(sim_validated_max(s) > before);
	return span_ms / (sim_validated_max(s) - before);
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
#include "tests/consensus/scenarios_list.h"
	};
	char filter[64];

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--runs") == 0 && i + 1 < argc) {
			scenario_runs = (uint32_t)strtoul(argv[++i], NULL, 10);
		} else if (strcmp(argv[i], "--flavour") == 0 && i + 1 < argc) {
			scenario_brief = strcmp(argv[++i], "release") != 0;
			if (scenario_brief)
				scenario_runs = 3;
		} else {
			(void)snprintf(filter, sizeof(filter), "%s_*", argv[i]);
			if (!fits_one(tests, sizeof(tests) / sizeof(tests[0]), filter))
				return 2;
			cmocka_set_test_filter(filter);
		}
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
