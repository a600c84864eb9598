/* SPDX-License-Identifier: ISC */
#include "node/agreement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Validators beside what the network has validated: who counts for which ledger, and for how long.
 */

#define MINUTE 60000

static struct public_key key_of(uint8_t i)
{
	struct public_key k = {{0xED, i}};

	return k;
}

static struct hash256 ledger_of(uint32_t seq, uint8_t branch)
{
	struct hash256 h = {{0}};

	store_be32(h.b, seq);
	h.b[31] = branch;
	return h;
}

struct net {
	struct agreement *a;
	struct steady now;
	uint32_t seq;
};

static struct net net_of(uint8_t members)
{
	struct net n = {.now = {.ms = 1000 * MINUTE}};
	struct public_key keys[8];

	for (uint8_t i = 0; i < members; i++)
		keys[i] = key_of((uint8_t)(members - i)); /* descending: any order will do */
	n.a = agreement_open(n.now);
	agreement_members(n.a, keys, members);
	return n;
}

static void says(struct net *n, uint8_t who, uint32_t seq, uint8_t branch, bool full)
{
	struct public_key k = key_of(who);
	struct cons_validation v = {.seq = seq, .ledger = ledger_of(seq, branch), .full = full};

	agreement_heard(n->a, &k, &v);
}

/* The next ledger, validated by those in `who` ("1234"), with a quorum of three. */
static void closes(struct net *n, const char *who)
{
	struct hash256 h = ledger_of(++n->seq, 0);

	for (; *who; who++)
		says(n, (uint8_t)(*who - '0'), n->seq, 0, true);
	agreement_validated(n->a, n->seq, &h, 3, n->now);
	n->now.ms += 4000;
}

static void passes(struct net *n, int64_t ms)
{
	n->now.ms += ms;
	agreement_tick(n->a, n->now);
}

static void expect(struct net *n, uint8_t who, enum agreement_span span, unsigned agreed,
		   unsigned missed, unsigned wrong)
{
	struct agreement_share s[AGREEMENT_SPANS];
	struct public_key k, want = key_of(who);

	for (uint32_t i = 0; agreement_member(n->a, i, &k, s); i++)
		if (!memcmp(k.b, want.b, sizeof(k.b))) {
			assert_int_equal(s[span].agreed, agreed);
			assert_int_equal(s[span].missed, missed);
			assert_int_equal(s[span].wrong, wrong);
			return;
		}
	fail_msg("no member %u", who);
}

static void each_is_counted_for_itself(void **state)
{
	struct net n = net_of(4);

	(void)state;
	closes(&n, "1234");
	closes(&n, "123");
	says(&n, 4, n.seq + 1, 7, true); /* another ledger */
	closes(&n, "123");
	says(&n, 4, n.seq + 1, 0, false); /* a partial one is none */
	closes(&n, "123");
	says(&n, 4, n.seq + 1, 7, true); /* and two are no agreement */
	closes(&n, "1234");
	expect(&n, 1, AGREEMENT_EVER, 3, 0, 0); /* the newest wait for late ones */
	passes(&n, AGREEMENT_GRACE_MS);
	for (enum agreement_span s = 0; s < AGREEMENT_SPANS; s++) {
		expect(&n, 1, s, 5, 0, 0);
		expect(&n, 4, s, 1, 2, 2);
	}
	agreement_close(n.a);
}

static void late_ones_count_for_a_while(void **state)
{
	struct net n = net_of(4);

	(void)state;
	closes(&n, "123");
	passes(&n, 3000);
	says(&n, 4, 1, 0, true);
	closes(&n, "123");
	passes(&n, AGREEMENT_GRACE_MS);
	says(&n, 4, 2, 0, true);
	passes(&n, AGREEMENT_GRACE_MS);
	expect(&n, 4, AGREEMENT_HOUR, 1, 1, 0);
	agreement_close(n.a);
}

static void what_was_not_heard_here_is_nobodys_fault(void **state)
{
	struct net n = net_of(4);

	(void)state;
	closes(&n, "1234");
	for (int i = 0; i < 300; i++)
		closes(&n, "12"); /* fetched afterwards: no quorum of it was heard */
	closes(&n, "1234");
	passes(&n, AGREEMENT_GRACE_MS);
	expect(&n, 1, AGREEMENT_DAY, 2, 0, 0);
	expect(&n, 3, AGREEMENT_DAY, 2, 0, 0);
	agreement_close(n.a);
}

static void hours_and_days_move(void **state)
{
	struct net n = net_of(4);

	(void)state;
	closes(&n, "123");
	passes(&n, AGREEMENT_GRACE_MS); /* within the first minute */
	expect(&n, 4, AGREEMENT_HOUR, 0, 1, 0);
	passes(&n, 59 * MINUTE);
	expect(&n, 4, AGREEMENT_HOUR, 0, 1, 0);
	closes(&n, "1234");
	passes(&n, MINUTE);
	expect(&n, 4, AGREEMENT_HOUR, 1, 0, 0);
	expect(&n, 4, AGREEMENT_DAY, 1, 1, 0);
	passes(&n, 1380 * MINUTE);
	expect(&n, 4, AGREEMENT_HOUR, 0, 0, 0);
	expect(&n, 4, AGREEMENT_DAY, 1, 0, 0);
	passes(&n, 60 * MINUTE);
	expect(&n, 4, AGREEMENT_DAY, 0, 0, 0);
	expect(&n, 4, AGREEMENT_EVER, 1, 1, 0);
	closes(&n, "1234");
	passes(&n, 10000 * MINUTE); /* a pause longer than all that is kept */
	expect(&n, 1, AGREEMENT_DAY, 0, 0, 0);
	closes(&n, "1234");
	passes(&n, AGREEMENT_GRACE_MS);
	expect(&n, 1, AGREEMENT_DAY, 1, 0, 0);
	expect(&n, 1, AGREEMENT_EVER, 4, 0, 0);
	agreement_close(n.a);
}

/* A day of ledgers every three seconds, the sums beside a count of one's own. */
static void a_day_adds_up(void **state)
{
	struct net n = net_of(4);
	const unsigned day = 86400 / 3, hour = 3600 / 3;

	(void)state;
	for (unsigned i = 0; i < 2 * day; i++) {
		closes(&n, i % 4 ? "1234" : "123");
		n.now.ms -= 1000;
		agreement_tick(n.a, n.now);
	}
	passes(&n, AGREEMENT_GRACE_MS);
	{
		struct agreement_share s[AGREEMENT_SPANS];
		struct public_key k;

		assert_true(agreement_member(n.a, 3, &k, s));
		assert_int_equal(k.b[1], 4);
		assert_int_equal(s[AGREEMENT_EVER].agreed + s[AGREEMENT_EVER].missed, 2 * day);
		assert_in_range(s[AGREEMENT_DAY].agreed + s[AGREEMENT_DAY].missed, day - 21, day);
		assert_in_range(s[AGREEMENT_HOUR].agreed + s[AGREEMENT_HOUR].missed, hour - 21,
				hour);
		assert_in_range(agreement_of(&s[AGREEMENT_DAY]), 7499, 7501);
		assert_in_range(agreement_of(&s[AGREEMENT_HOUR]), 7480, 7520);
	}
	agreement_close(n.a);
}

static void members_come_and_go(void **state)
{
	struct public_key keys[] = {key_of(2), key_of(3), key_of(1), key_of(9)}, k;
	struct agreement_share s[AGREEMENT_SPANS];
	struct net n = net_of(4);

	(void)state;
	closes(&n, "1234");
	agreement_members(n.a, keys, 4);
	passes(&n, AGREEMENT_GRACE_MS);
	expect(&n, 1, AGREEMENT_DAY, 1, 0, 0);
	expect(&n, 9, AGREEMENT_DAY, 0, 0, 0); /* not yet there when it was validated */
	closes(&n, "123");
	says(&n, 4, n.seq, 0, true); /* nobody any more */
	passes(&n, AGREEMENT_GRACE_MS);
	expect(&n, 9, AGREEMENT_DAY, 0, 1, 0);
	expect(&n, 2, AGREEMENT_DAY, 2, 0, 0);
	for (uint32_t i = 0; agreement_member(n.a, i, &k, s); i++)
		assert_int_not_equal(k.b[1], 4);
	agreement_members(n.a, keys, 0);
	assert_false(agreement_member(n.a, 0, &k, s));
	closes(&n, "");
	agreement_close(n.a);
}

static void nobody_pushes_others_out(void **state)
{
	struct net n = net_of(4);

	(void)state;
	closes(&n, "1234");
	says(&n, 4, UINT32_MAX, 0, true);
	says(&n, 4, 1 + 64, 0, true);
	says(&n, 4, 0, 0, true);
	passes(&n, AGREEMENT_GRACE_MS);
	expect(&n, 4, AGREEMENT_DAY, 1, 0, 0);
	agreement_close(n.a);
}

static void nothing_is_no_agreement(void **state)
{
	struct agreement_share none = {0}, some = {.agreed = 2, .wrong = 1};

	(void)state;
	assert_int_equal(agreement_of(&none), -1);
	assert_int_equal(agreement_of(&some), 6666);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_is_counted_for_itself),
	    cmocka_unit_test(late_ones_count_for_a_while),
	    cmocka_unit_test(what_was_not_heard_here_is_nobodys_fault),
	    cmocka_unit_test(hours_and_days_move),
	    cmocka_unit_test(a_day_adds_up),
	    cmocka_unit_test(members_come_and_go),
	    cmocka_unit_test(nobody_pushes_others_out),
	    cmocka_unit_test(nothing_is_no_agreement),
	};

	return cmocka_run_group_tests_name("agreement", tests, NULL, NULL);
}
