/* SPDX-License-Identifier: ISC */
#include "cluster.h"

#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct cluster *five(uint64_t seed)
{
	struct cluster_options o = {.validators = 5, .delay_ms = 5, .accounts = 10, .seed = seed};

	return cluster_open(&o);
}

static void five_nodes_close_ledgers(void **state)
{
	struct cluster *c = five(1);
	uint32_t i, at_10s;

	(void)state;
	cluster_run_ms(c, 10000);
	at_10s = cluster_validated(c, 0);
	assert_true(at_10s > 2); /* the first new ledger is there within 10 s */
	cluster_run_ms(c, 60000);
	for (i = 0; i < 5; i++) {
		assert_in_range(cluster_validated(c, i) - at_10s, 60 / 4, 60 / 3 + 1);
	}
	cluster_expect_agreement(c);
	cluster_close(c);
}

static void a_payment_is_validated_everywhere_once(void **state)
{
	struct cluster *c = five(2);
	struct hash256 id;
	uint32_t i;

	(void)state;
	cluster_run_ms(c, 5000);
	cluster_pay(c, 0, 1, 2, 5000000, 1, &id);
	cluster_run_ms(c, 10000);
	for (i = 0; i < 5; i++) {
		assert_int_equal(cluster_times_validated(c, i, &id), 1);
		assert_int_equal(cluster_balance(c, i, 1), 1000000000 - 5000000 - 10);
		assert_int_equal(cluster_balance(c, i, 2), 1000000000 + 5000000);
	}
	/* the same bytes again, at every node: nothing happens */
	for (i = 0; i < 5; i++)
		cluster_pay(c, i, 1, 2, 5000000, 1, &id);
	cluster_run_ms(c, 10000);
	for (i = 0; i < 5; i++)
		assert_int_equal(cluster_times_validated(c, i, &id), 1);
	cluster_close(c);
}

static void of_two_conflicting_payments_one_is_validated(void **state)
{
	struct cluster *c = five(3);
	struct hash256 a[8], b[8];
	uint32_t k;

	(void)state;
	cluster_run_ms(c, 5000);
	for (k = 0; k < 8; k++) {
		cluster_pay(c, k % 5, k, 9, 1000000, 1, &a[k]);
		cluster_pay(c, (k + 2) % 5, k, 9, 2000000, 1, &b[k]);
		cluster_run_ms(c, 700);
	}
	cluster_run_ms(c, 20000);
	for (k = 0; k < 8; k++)
		assert_int_equal(
		    cluster_times_validated(c, 4, &a[k]) + cluster_times_validated(c, 4, &b[k]), 1);
	cluster_expect_agreement(c);
	cluster_close(c);
}

static void one_down_goes_on_two_down_stops(void **state)
{
	struct cluster *c = five(4);
	uint32_t was;

	(void)state;
	cluster_run_ms(c, 10000);
	cluster_kill(c, 4);
	was = cluster_validated(c, 0);
	cluster_run_ms(c, 30000);
	assert_true(cluster_validated(c, 0) >= was + 5);
	cluster_kill(c, 3);
	cluster_run_ms(c, 5000);
	was = cluster_validated(c, 0);
	cluster_run_ms(c, 60000);
	assert_int_equal(cluster_validated(c, 0), was);
	cluster_restart(c, 3);
	cluster_run_ms(c, 15000);
	assert_true(cluster_validated(c, 0) > was);
	cluster_restart(c, 4);
	cluster_run_ms(c, 30000);
	assert_true(cluster_validated(c, 4) + 2 >= cluster_validated(c, 0));
	cluster_expect_agreement(c);
	cluster_close(c);
}

static void all_killed_at_once_resume(void **state)
{
	struct cluster *c = five(5);
	uint32_t round, i, was = 0, seq = 1;
	struct hash256 id;

	(void)state;
	for (round = 0; round < 12; round++) {
		cluster_run_ms(c, 3000);
		for (i = 0; i < 20; i++) {
			cluster_pay(c, i % 5, 0, 1, 1000, seq++, &id);
			cluster_run_ms(c, 97 + round * 13);
		}
		for (i = 0; i < 5; i++)
			was = cluster_validated(c, i) > was ? cluster_validated(c, i) : was;
		for (i = 0; i < 5; i++)
			cluster_kill(c, i);
		cluster_run_ms(c, 50);
		for (i = 0; i < 5; i++)
			cluster_restart(c, i);
		cluster_run_ms(c, 15000);
		for (i = 0; i < 5; i++)
			assert_true(cluster_validated(c, i) > was);
		seq = 1; /* whatever was lost: start again from what is validated */
		while (cluster_balance(c, 0, 0) != 1000000000 - (uint64_t)(seq - 1) * 1010)
			seq++;
	}
	cluster_expect_agreement(c);
	cluster_close(c);
}

static void partitions_do_not_fork_and_heal(void **state)
{
	static const char *const cuts[] = {"AB|CDE", "A|BCDE", "ABCD|E", "A|B|C|D|E", "ABC|DE"};
	struct cluster *c = five(6);
	uint32_t k, was;

	(void)state;
	for (k = 0; k < 5; k++) {
		cluster_run_ms(c, 7000);
		cluster_partition(c, cuts[k]);
		cluster_run_ms(c, 30000);
		cluster_partition(c, "");
		was = cluster_validated(c, 2);
		cluster_run_ms(c, 20000);
		assert_true(cluster_validated(c, 0) > was && cluster_validated(c, 4) > was);
	}
	cluster_expect_agreement(c);
	cluster_close(c);
}

static void a_late_observer_catches_up(void **state)
{
	struct cluster_options o = {
	    .validators = 4, .observers = 1, .delay_ms = 5, .accounts = 10, .seed = 7};
	struct cluster *c = cluster_open(&o);
	struct hash256 id;

	(void)state;
	cluster_kill(c, 4);
	cluster_run_ms(c, 20000);
	cluster_pay(c, 0, 1, 2, 77, 1, &id);
	cluster_run_ms(c, 60000);
	cluster_restart(c, 4);
	cluster_run_ms(c, 15000);
	assert_true(cluster_validated(c, 4) + 1 >= cluster_validated(c, 0));
	assert_int_equal(cluster_balance(c, 4, 2), 1000000077);
	cluster_close(c);
}

static void a_lossy_network_goes_on(void **state)
{
	struct cluster_options o = {
	    .validators = 5, .delay_ms = 40, .loss_percent = 10, .accounts = 10, .seed = 8};
	struct cluster *c = cluster_open(&o);
	struct hash256 id;
	uint32_t i;

	(void)state;
	for (i = 0; i < 100; i++) {
		cluster_pay(c, i % 5, 3, 4, 1, i + 1, &id);
		cluster_run_ms(c, 600);
	}
	cluster_run_ms(c, 40000);
	assert_true(cluster_validated(c, 0) > 15);
	assert_int_equal(cluster_balance(c, 0, 4), 1000000100);
	cluster_expect_agreement(c);
	cluster_close(c);
}

static void a_full_disk_stops_a_vote_and_ends(void **state)
{
	struct cluster *c = five(9);
	struct node_status s;
	struct now now = {{0}, {0}};
	uint32_t was;

	(void)state;
	cluster_run_ms(c, 8000);
	cluster_disk_full(c, 2, true);
	cluster_run_ms(c, 10000);
	was = cluster_validated(c, 2);
	node_get_status(cluster_node(c, 2), now, &s);
	assert_true(s.disk_full);
	cluster_run_ms(c, 20000);
	assert_int_equal(cluster_validated(c, 2), was); /* reports nothing that is not durable */
	assert_true(cluster_validated(c, 0) > was + 3);
	cluster_disk_full(c, 2, false);
	cluster_run_ms(c, 10000);
	assert_true(cluster_validated(c, 2) + 1 >= cluster_validated(c, 0));
	node_get_status(cluster_node(c, 2), now, &s);
	assert_false(s.disk_full);
	cluster_close(c);
}

static void the_same_seed_gives_the_same_run(void **state)
{
	uint64_t trace[2], seed;
	struct hash256 id;
	int k;

	(void)state;
	for (seed = 10; seed < 16; seed++) {
		for (k = 0; k < 2; k++) {
			struct cluster *c = five(seed);

			cluster_run_ms(c, 5000);
			cluster_pay(c, 0, 1, 2, 5000000, 1, &id);
			cluster_run_ms(c, 10000);
			cluster_kill(c, 3);
			cluster_run_ms(c, 5000);
			cluster_restart(c, 3);
			cluster_run_ms(c, 10000);
			trace[k] = cluster_trace(c);
			cluster_close(c);
		}
		assert_true(trace[0] == trace[1]);
	}
}

/* A wallet that pays out: one account, many sequences at once, to one node or to all of them, in
 * order or not. All are validated, once, within a few ledgers. */
static void burst(uint32_t delay_ms, uint32_t spread, bool backwards)
{
	enum { N = 500 };
	struct cluster_options o = {
	    .validators = 5, .delay_ms = delay_ms, .accounts = 10, .seed = 17 + delay_ms};
	struct cluster *c = cluster_open(&o);
	struct hash256 id[N];
	uint32_t i, was, end, node;

	cluster_run_ms(c, 8000);
	for (i = 0; i < N; i++) {
		uint32_t k = backwards ? N - 1 - i : i;

		cluster_pay(c, k % spread, 1, 2, 7, k + 1, &id[k]);
	}
	was = cluster_validated(c, 0);
	while (cluster_balance(c, 0, 2) < WALLET_BALANCE + 7 * N) {
		cluster_run_ms(c, 100);
		assert_true(cluster_validated(c, 0) < was + 6);
	}
	end = cluster_validated(c, 0);
	assert_in_range(end - was, 1, 4);
	cluster_run_ms(c, 5000);
	for (node = 0; node < 5; node++) {
		assert_int_equal(cluster_balance(c, node, 2), WALLET_BALANCE + 7 * N);
		for (i = 0; i < N; i++)
			assert_int_equal(cluster_times_validated(c, node, &id[i]), 1);
	}
	cluster_close(c);
}

static void a_burst_to_one_node_is_validated_in_order(void **state)
{
	(void)state;
	burst(5, 1, false);
	burst(60, 1, true);
}

static void a_burst_over_all_nodes_is_validated_in_order(void **state)
{
	(void)state;
	burst(5, 5, false);
	burst(60, 5, false);
	burst(20, 5, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(five_nodes_close_ledgers),
	    cmocka_unit_test(a_payment_is_validated_everywhere_once),
	    cmocka_unit_test(of_two_conflicting_payments_one_is_validated),
	    cmocka_unit_test(one_down_goes_on_two_down_stops),
	    cmocka_unit_test(all_killed_at_once_resume),
	    cmocka_unit_test(partitions_do_not_fork_and_heal),
	    cmocka_unit_test(a_late_observer_catches_up),
	    cmocka_unit_test(a_lossy_network_goes_on),
	    cmocka_unit_test(a_full_disk_stops_a_vote_and_ends),
	    cmocka_unit_test(the_same_seed_gives_the_same_run),
	    cmocka_unit_test(a_burst_to_one_node_is_validated_in_order),
	    cmocka_unit_test(a_burst_over_all_nodes_is_validated_in_order),
	};

	bench_setup();
	return cmocka_run_group_tests_name("node", tests, NULL, NULL);
}
