/* SPDX-License-Identifier: ISC */
#include "rpc/charge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct steady at(int64_t ms)
{
	return (struct steady){.ms = 1000000 + ms};
}

static struct charges *usual(void)
{
	return charges_open(NULL, 7);
}

static uint32_t balance(struct charges *t, const char *address, int64_t ms)
{
	struct charge_standing s;

	charges_standing(t, address, at(ms), &s);
	return s.balance;
}

/* A balance is a rate: what is charged each second settles where as much decays. */
static void test_rate(void **state)
{
	struct charges *t = usual();

	(void)state;
	for (int s = 0; s < 320; s++)
		assert_int_equal(charges_add(t, "192.0.2.1", 3000, at(s * 1000)), CHARGE_OK);
	assert_in_range(balance(t, "192.0.2.1", 319000), 2900, 3100);
	/* Half of it is gone after 32 * ln 2 = 22 s, nearly all after four windows. */
	assert_in_range(balance(t, "192.0.2.1", 319000 + 22000), 1400, 1600);
	assert_in_range(balance(t, "192.0.2.1", 319000 + 128000), 0, 60);
	assert_int_equal(balance(t, "192.0.2.2", 0), 0);
	charges_close(t);
}

/* 200 questions at once are nothing. */
static void test_a_burst_of_an_honest_client(void **state)
{
	struct charges *t = usual();

	(void)state;
	for (int i = 0; i < 200; i++) {
		assert_int_equal(charges_admit(t, "192.0.2.1", at(0)), CHARGE_OK);
		assert_int_equal(charges_add(t, "192.0.2.1", 20, at(0)), CHARGE_OK);
	}
	charges_close(t);
}

/* Warned, then held to the rate, then refused, then served again. */
static void test_stages(void **state)
{
	struct charges *t = usual();
	struct charge_standing s;
	struct charge_stats stats;
	int served = 0, throttled = 0, i;

	(void)state;
	for (i = 0; charges_add(t, "192.0.2.1", 400, at(0)) == CHARGE_OK; i++)
		;
	assert_int_equal(i, CHARGE_WARN_AT * CHARGE_WINDOW_S / 400 - 1);
	/* The bucket is full; when it is empty the rest is told to wait. */
	for (i = 0; i < 300; i++) {
		enum charge_verdict v = charges_admit(t, "192.0.2.1", at(1));

		served += v == CHARGE_WARN;
		throttled += v == CHARGE_THROTTLE;
	}
	assert_int_equal(served, CHARGE_BURST);
	assert_int_equal(throttled, 200);
	charges_standing(t, "192.0.2.1", at(1), &s);
	assert_true(s.charged);
	assert_false(s.refused);
	assert_int_equal(s.left, 0);
	assert_int_equal(s.reset_s, CHARGE_BURST / CHARGE_PER_S);
	/* 20 a second come back. */
	for (i = 0, served = 0; i < 100; i++)
		served += charges_admit(t, "192.0.2.1", at(1001)) == CHARGE_WARN;
	assert_int_equal(served, CHARGE_PER_S);
	/* Going on all the same ends it. */
	for (i = 0; charges_admit(t, "192.0.2.1", at(1001)) == CHARGE_THROTTLE; i++)
		assert_true(i < 10000);
	assert_int_equal(charges_admit(t, "192.0.2.1", at(1001)), CHARGE_REFUSE);
	assert_false(charges_may_connect(t, "192.0.2.1", at(1001)));
	assert_true(charges_may_connect(t, "192.0.2.2", at(1001)));
	charges_standing(t, "192.0.2.1", at(1001), &s);
	assert_true(s.refused);
	assert_in_range(s.reset_s, 15, 40);
	/* What Retry-After says is true to the second. */
	assert_false(charges_may_connect(t, "192.0.2.1", at(1001 + (s.reset_s - 1) * 1000)));
	assert_true(charges_may_connect(t, "192.0.2.1", at(1001 + s.reset_s * 1000)));
	assert_int_not_equal(charges_admit(t, "192.0.2.1", at(1001 + s.reset_s * 1000)),
			     CHARGE_REFUSE);
	charges_stats(t, &stats);
	assert_int_equal(stats.clients, 1);
	assert_int_equal(stats.dropped, 1);
	assert_true(stats.warned >= 1 && stats.throttled > 200 && stats.refused >= 1);
	charges_close(t);
}

/* One verdict tells of the drop, so that connections are closed once. */
static void test_dropped_once(void **state)
{
	struct charges *t = usual();
	int refused = 0;

	(void)state;
	for (int i = 0; i < 1000; i++)
		refused += charges_add(t, "192.0.2.1", 3000, at(0)) == CHARGE_REFUSE;
	assert_int_equal(refused, 1);
	charges_close(t);
}

/* IPv4 by address, also when mapped; IPv6 by /64; what is no address is nobody. */
static void test_addresses(void **state)
{
	struct charges *t = usual();

	(void)state;
	charges_add(t, "192.0.2.1", 3200, at(0));
	assert_int_equal(balance(t, "::ffff:192.0.2.1", 0), 100);
	charges_add(t, "2001:db8:1:2::1", 3200, at(0));
	assert_int_equal(balance(t, "2001:db8:1:2:ffff::9", 0), 100);
	assert_int_equal(balance(t, "2001:db8:1:3::1", 0), 0);
	assert_int_equal(charges_add(t, "", 1u << 30, at(0)), CHARGE_OK);
	assert_int_equal(charges_add(t, "?", 1u << 30, at(0)), CHARGE_OK);
	assert_int_equal(charges_add(t, NULL, 1u << 30, at(0)), CHARGE_OK);
	charges_close(t);
}

static void test_who_is_exempt(void **state)
{
	struct charge_limits strict = {.loopback = true};
	struct charges *t = usual();
	struct charges *u = charges_open(&strict, 7);
	struct charge_standing s;

	(void)state;
	assert_int_equal(charges_add(t, "127.0.0.1", 1u << 30, at(0)), CHARGE_OK);
	assert_int_equal(charges_add(t, "::1", 1u << 30, at(0)), CHARGE_OK);
	assert_int_equal(charges_add(u, "127.3.2.1", 1u << 30, at(0)), CHARGE_REFUSE);
	assert_int_equal(charges_add(u, "::1", 1u << 30, at(0)), CHARGE_REFUSE);
	assert_true(charges_exempt(t, "198.51.100.7"));
	assert_false(charges_exempt(t, "example.com"));
	assert_int_equal(charges_add(t, "198.51.100.7", 1u << 30, at(0)), CHARGE_OK);
	charges_standing(t, "198.51.100.7", at(0), &s);
	assert_false(s.charged);
	charges_close(t);
	charges_close(u);
}

static void name(char out[16], int i)
{
	snprintf(out, 16, "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
}

/* Coming back within five minutes resets nothing; later the entry is gone; and there is a bound. */
static void test_table(void **state)
{
	struct charges *t = usual();
	struct charge_stats s;
	char a[16];

	(void)state;
	charges_add(t, "192.0.2.1", 3200000, at(0));
	assert_true(balance(t, "192.0.2.1", 60000) > 10000);
	for (int i = 0; i < CHARGE_CLIENTS_MAX + 100; i++) {
		name(a, i);
		charges_add(t, a, 20, at(1000));
	}
	charges_stats(t, &s);
	assert_int_equal(s.clients, CHARGE_CLIENTS_MAX);
	assert_int_equal(balance(t, "192.0.2.1", 1000), 0); /* pushed out: the oldest */
	charges_add(t, "192.0.2.9", 20, at(1000 + CHARGE_KEEP_S * 1000 + 1));
	charges_stats(t, &s);
	assert_int_equal(s.clients, 1);
	charges_close(t);
}

static void see(void *ctx, const char *address, uint32_t value, bool refused)
{
	char *out = ctx;

	(void)refused;
	snprintf(out + strlen(out), 200 - strlen(out), "%s=%u ", address, value);
}

static void test_listing(void **state)
{
	struct charges *t = usual();
	char out[200] = "";

	(void)state;
	charges_add(t, "192.0.2.1", 32000, at(0));
	charges_add(t, "2001:db8::5", 64000, at(0));
	charges_add(t, "192.0.2.3", 320, at(0));
	charges_each(t, 1000, at(0), see, out);
	assert_string_equal(out, "192.0.2.1=1000 2001:db8::=2000 ");
	charges_close(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rate),      cmocka_unit_test(test_a_burst_of_an_honest_client),
	    cmocka_unit_test(test_stages),    cmocka_unit_test(test_dropped_once),
	    cmocka_unit_test(test_addresses), cmocka_unit_test(test_who_is_exempt),
	    cmocka_unit_test(test_table),     cmocka_unit_test(test_listing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
