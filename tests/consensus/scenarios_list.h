/* SPDX-License-Identifier: ISC */
/* The scenarios of test_scenarios in the order in which they run. No guard: read more than once. */
SCENARIO_TEST(s2_two_faced_validator_cannot_keep_halves_apart)
SCENARIO_TEST(s2_honest_halves_meet)
