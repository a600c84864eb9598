/* SPDX-License-Identifier: ISC */
/* The scenarios of test_sim_scenarios in the order in which they run. No guard: read more than
 * once. */
// clang-format off
SCENARIO_TEST(h1_a_blocked_set_is_asked_for_again)
SCENARIO_TEST(h3_caches_and_restarts_change_nothing)
SCENARIO_TEST(h4_sets_with_wrong_items)
SCENARIO_TEST(h5_a_flood_of_manifests)
SCENARIO_TEST(h6_no_fee_without_a_signature)
SCENARIO_TEST(h8_maintenance_and_staged_restarts)
SCENARIO_TEST(h8_a_lasting_outage)
SCENARIO_TEST(r2_slow_builds_do_not_deafen)
SCENARIO_TEST(r3_ledgers_come_from_the_agreed_set)
SCENARIO_TEST(r5_catching_up_with_a_busy_network)
SCENARIO_TEST(r6_honest_nodes_charge_nobody)
SCENARIO_TEST(r8_answers_without_progress)
SCENARIO_TEST(r9_what_is_validated_never_goes_back)
SCENARIO_TEST(x1_dies_between_signing_and_sending)
SCENARIO_TEST(x2_two_processes_with_one_key)
SCENARIO_TEST(x3_eclipsed_by_relays)
SCENARIO_TEST(x4_small_lies_in_every_round)
SCENARIO_TEST(x4_another_face_for_everybody)
SCENARIO_TEST(x5_one_account_censored)
