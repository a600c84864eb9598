/* SPDX-License-Identifier: ISC */
#include "base/rng.h"
#include "net/budget.h"
#include "net/lane.h"
#include "net/refusals.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* The small parts of net, each by itself. */

static struct wire_frame *frame(uint32_t token)
{
	struct msg m = {.type = MSG_PING};

	m.ping.token = token;
	return wire_encode(&m);
}

static void push(struct lane *l, uint32_t token)
{
	struct wire_frame *f = frame(token);

	lane_push(l, f);
	wire_frame_unref(f);
}

static uint32_t take(struct lane *l, uint32_t i)
{
	struct wire_frame *f = lane_take(l, i);
	struct arena a = ARENA_INIT;
	struct msg m;
	uint32_t token;

	assert_int_equal(wire_decode(&m, &a, bytes_of(f->bytes, f->n), NULL), ERR_NONE);
	token = m.ping.token;
	wire_frame_unref(f);
	arena_close(&a);
	return token;
}

/* Against a plain array, through many turns of the ring. */
static void lanes_keep_their_order(void **state)
{
	uint32_t model[4096], n = 0, next = 0, shed = 0;
	struct lane l = {0};
	struct rng r;
	size_t half;

	(void)state;
	rng_init(&r, 2);
	for (int i = 0; i < 20000; i++) {
		if (n < 100 && rng_below(&r, 2)) {
			push(&l, next);
			model[n++] = next++;
		} else if (n) {
			uint32_t at = rng_below(&r, 3) ? 0 : (uint32_t)rng_below(&r, n);

			assert_int_equal(take(&l, at), model[at]);
			n--;
			memmove(&model[at], &model[at + 1], (n - at) * sizeof(model[0]));
		}
		assert_int_equal(l.n, n);
		assert_true((l.bytes == 0) == (n == 0));
	}
	while (l.n < 50)
		push(&l, next++);
	half = l.bytes / 2;
	shed = lane_shed(&l, half);
	assert_true(shed > 0 && l.bytes <= half && l.bytes + 16 > half);
	assert_int_equal(take(&l, l.n - 1), next - 1); /* the oldest went, not the newest */
	lane_close(&l);
	assert_int_equal(l.n + l.bytes + l.cap, 0);
}

static struct culprit key_culprit(uint8_t n)
{
	struct public_key k = {{0xED, n}};

	return culprit_of_key(&k);
}

static void a_second_offence_is_refused_and_doubled(void **state)
{
	static struct refusals r;
	struct culprit who = key_culprit(1), other = key_culprit(2);
	struct steady now = {1000000};

	(void)state;
	memset(&r, 0, sizeof(r));
	assert_int_equal(refusals_note(&r, &who, false, now), 0);
	assert_false(refusals_active(&r, &who, now));
	assert_int_equal(refusals_note(&r, &who, false, now), PEER_REFUSE_MS);
	assert_true(refusals_active(&r, &who, now));
	assert_false(refusals_active(&r, &other, now));
	assert_true(refusals_active(&r, &who, steady_after(now, PEER_REFUSE_MS - 1)));
	assert_false(refusals_active(&r, &who, steady_after(now, PEER_REFUSE_MS)));
	assert_int_equal(refusals_note(&r, &who, false, now), 2 * PEER_REFUSE_MS);
	for (int i = 0; i < 20; i++)
		(void)refusals_note(&r, &who, false, now);
	assert_int_equal(refusals_note(&r, &who, true, now), 16 * PEER_REFUSE_MS);
	now = steady_after(now, PEER_OFFENCE_MS + 1); /* forgotten */
	assert_int_equal(refusals_note(&r, &who, false, now), 0);
	assert_int_equal(refusals_note(&r, &other, true, now), PEER_REFUSE_MS); /* at once */
}

static void the_quietest_culprit_is_forgotten(void **state)
{
	static struct refusals r;
	struct steady now = {5000};
	struct public_key k = {{0xED}};
	struct culprit who;

	(void)state;
	memset(&r, 0, sizeof(r));
	for (uint32_t i = 0; i <= PEERS_REFUSED_MAX; i++) {
		store_be32(k.b + 1, i);
		who = culprit_of_key(&k);
		now.ms++;
		assert_true(refusals_note(&r, &who, true, now) > 0);
	}
	assert_true(refusals_active(&r, &who, now));
	store_be32(k.b + 1, 0);
	who = culprit_of_key(&k);
	assert_false(refusals_active(&r, &who, now));
	store_be32(k.b + 1, 1);
	who = culprit_of_key(&k);
	assert_true(refusals_active(&r, &who, now));
}

static void addresses_count_by_subscriber(void **state)
{
	uint8_t a[16] = {0x20, 1, 0xD, 0xB8, 1, 2, 3, 4, 5}, b[16], v4[4] = {192, 0, 2, 7};
	uint8_t mapped[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0, 2, 7};
	struct culprit x = culprit_of_ipv6(a), y;

	(void)state;
	memcpy(b, a, sizeof(b));
	b[15] = 99; /* another host of the same network */
	y = culprit_of_ipv6(b);
	assert_memory_equal(&x, &y, sizeof(x));
	b[7] = 99;
	y = culprit_of_ipv6(b);
	assert_memory_not_equal(&x, &y, sizeof(x));
	x = culprit_of_ipv4(v4);
	y = culprit_of_ipv6(mapped);
	assert_memory_equal(&x, &y, sizeof(x));
}

/* Over any minute a peer gets through no more than its rate, a burst and the credit of a silence,
 * however it spreads what it sends. */
static void budgets_hold_on_average(void **state)
{
	struct steady now = {0};
	struct budget b;
	struct rng r;
	uint32_t which;
	int64_t rate = msg_per_second(MSG_GET_SET), passed = 0;

	(void)state;
	rng_init(&r, 3);
	budget_init(&b, now);
	while (now.ms < 600000) {
		now.ms += (int64_t)rng_below(&r, 12000);
		/* So that the levels are as of now. */
		(void)budget_message(&b, MSG_STATUS, 40, now, &which);
		for (int i = 0; i < 1000; i++) {
			if (b.level[MSG_GET_SET] + 1000 > rate * 8000)
				break; /* one more would end it */
			assert_int_not_equal(budget_message(&b, MSG_GET_SET, 40, now, &which),
					     BUDGET_OVER);
			passed++;
		}
	}
	assert_true(passed >= rate * 500);
	assert_true(passed <= rate * (now.ms / 1000 + 8 + 60));
}

static void names_of_buckets(void **state)
{
	(void)state;
	assert_string_equal(budget_name(MSG_TXS), "TXS");
	assert_string_equal(budget_name(BUDGET_BYTES), "bytes");
	assert_string_equal(budget_name(BUDGET_USELESS), "useless work");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lanes_keep_their_order),
	    cmocka_unit_test(a_second_offence_is_refused_and_doubled),
	    cmocka_unit_test(the_quietest_culprit_is_forgotten),
	    cmocka_unit_test(addresses_count_by_subscriber),
	    cmocka_unit_test(budgets_hold_on_average),
	    cmocka_unit_test(names_of_buckets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
