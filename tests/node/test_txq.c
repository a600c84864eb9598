/* SPDX-License-Identifier: ISC */
#include "txq_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* The fee market, piece by piece: the figures, then the queue (cases after the reference server's
 * TxQ_test). */

/* ---- the figures ---- */

static struct fee_metrics metrics(const struct txq_setup *s)
{
	struct fee_metrics m;

	fee_metrics_init(&m, s, false);
	return m;
}

static void closed(struct fee_metrics *m, uint32_t n, uint64_t level, bool slow)
{
	uint64_t *levels = mem_alloc((n + 1) * sizeof(*levels));

	for (uint32_t i = 0; i < n; i++)
		levels[i] = level;
	fee_metrics_closed(m, levels, n, slow);
	mem_free(levels);
}

static void a_ledger_may_grow_by_a_fifth(void **state)
{
	struct txq_setup s = txq_setup_default();
	struct fee_metrics m = metrics(&s);

	(void)state;
	assert_int_equal(m.expected, 32);
	assert_int_equal(m.target, 256);
	closed(&m, 32, 256, false); /* as expected: nothing changes */
	assert_int_equal(m.expected, 32);
	closed(&m, 33, 256, false);
	assert_int_equal(m.expected, 39); /* 33 * 1.2 = 39.6 */
	closed(&m, 300, 256, false);
	assert_int_equal(m.expected, 360);
	closed(&m, 100, 256, false); /* below target and expectation: not counted */
	assert_int_equal(m.expected, 360);
	closed(&m, 10000, 256, false);
	assert_int_equal(m.expected, 12000);
}

static void it_shrinks_by_a_tenth_of_the_way(void **state)
{
	struct txq_setup s = txq_setup_default();
	struct fee_metrics m;
	uint32_t i;

	(void)state;
	s.ledgers_in_queue = 2;
	m = metrics(&s);
	closed(&m, 1000, 256, false);
	assert_int_equal(m.expected, 1200);
	closed(&m, 300, 256, false); /* the large one is still remembered */
	assert_int_equal(m.expected, 1200);
	closed(&m, 300, 256, false); /* 360: a tenth of the way */
	assert_int_equal(m.expected, (1200 * 9 + 360) / 10);
	for (i = 0; i < 200; i++)
		closed(&m, 300, 256, false);
	assert_int_equal(m.expected, 360);
}

static void slow_consensus_halves_it(void **state)
{
	struct txq_setup s = txq_setup_default();
	struct fee_metrics m = metrics(&s);

	(void)state;
	closed(&m, 1000, 256, false);
	closed(&m, 1000, 256, true);
	assert_int_equal(m.expected, 500); /* of the ledger's size, at most of what was expected */
	closed(&m, 1000, 256, true);
	assert_int_equal(m.expected, 250);
	closed(&m, 20, 256, true);
	assert_int_equal(m.expected, 32);
	closed(&m, 300, 256, false); /* what was before is forgotten */
	assert_int_equal(m.expected, 360);
}

static void limits_of_the_expected_size(void **state)
{
	struct txq_setup s = txq_setup_default();
	struct fee_metrics m;

	(void)state;
	s.maximum_txn_in_ledger = 400;
	m = metrics(&s);
	closed(&m, 5000, 256, false);
	assert_int_equal(m.expected, 400);
	s.maximum_txn_in_ledger = 40; /* below the target: that counts */
	m = metrics(&s);
	closed(&m, 5000, 256, false);
	assert_int_equal(m.expected, 256);
	s.target_txn_in_ledger = 0; /* below the minimum */
	m = metrics(&s);
	assert_int_equal(m.target, 32);
	fee_metrics_init(&m, &s, true);
	assert_int_equal(m.expected, 1000);
	assert_non_null(txq_setup_wrong(&s)); /* standalone's minimum is above the maximum */
	s.minimum_txn_in_ledger_standalone = 40;
	assert_null(txq_setup_wrong(&s));
	s.minimum_txn_in_ledger = 41;
	assert_non_null(txq_setup_wrong(&s));
}

static void the_median_multiplies(void **state)
{
	struct txq_setup s = txq_setup_default();
	struct fee_metrics m = metrics(&s);
	uint64_t four[] = {900000, 100, 300000, 200001}, three[] = {500, 2000000, 700000};
	uint64_t cheap[] = {256, 256};

	(void)state;
	assert_int_equal(m.multiplier, 128000);
	fee_metrics_closed(&m, four, 4, false);
	assert_int_equal(m.multiplier, 250001); /* between the two in the middle, rounded up */
	fee_metrics_closed(&m, three, 3, false);
	assert_int_equal(m.multiplier, 700000);
	fee_metrics_closed(&m, cheap, 2, false);
	assert_int_equal(m.multiplier, 128000);
	fee_metrics_closed(&m, NULL, 0, false);
	assert_int_equal(m.multiplier, 128000);
}

static void levels_rise_with_the_square(void **state)
{
	struct txq_setup s = txq_setup_default();
	struct fee_metrics m = metrics(&s);
	uint64_t sum = 0, got, out;

	(void)state;
	assert_int_equal(fee_level_required(&m, 0), 256);
	assert_int_equal(fee_level_required(&m, 32), 256);
	assert_int_equal(fee_level_required(&m, 33), 128000ull * 33 * 33 / (32 * 32));
	assert_int_equal(fee_level_required(&m, 64), 512000);
	for (uint64_t n = 40; n < 50; n++)
		sum += n * n;
	assert_true(fee_level_series(&m, 40, 10, &got));
	assert_int_equal(got, 128000 * sum / 1024);
	assert_true(fee_level_series(&m, 33, 1, &got));
	assert_int_equal(got, fee_level_required(&m, 33));
	assert_false(fee_level_series(&m, 1u << 21, 1, &got)); /* the sum of squares is too large */
	m.multiplier = UINT64_MAX;
	assert_int_equal(fee_level_required(&m, 10000), UINT64_MAX);
	assert_false(fee_level_series(&m, 33, 100, &got));
	assert_true(fee_mul_div(&out, UINT64_MAX, UINT64_MAX, UINT64_MAX));
	assert_true(out == UINT64_MAX);
	assert_true(fee_mul_div(&out, 1ull << 40, 1ull << 40, 1ull << 20));
	assert_true(out == 1ull << 60);
	assert_false(fee_mul_div(&out, UINT64_MAX, 2, 1));
	assert_false(fee_mul_div(&out, 1, 1, 0));
	assert_int_equal(fee_level_drops(128000, drops_of(10)).raw, 5000); /* raw: compared */
}

static void what_is_free_counts_as_the_base_fee(void **state)
{
	struct txq_setup s = bench_small();
	struct payment p = {.from = 1, .to = 2, .seq = 1, .fee = 15};
	struct txq_bench b;
	struct tx *t;

	(void)state;
	txq_bench_open(&b, &s, 4);
	t = wallet_pay(&p);
	assert_int_equal(fee_level_of(t, b.o.view), 384);
	tx_unref(t);
	t = bench_blocker(1, 1, 0, 10); /* the one free change of a key: 10 more than nothing */
	assert_int_equal(fee_level_of(t, b.o.view), 512);
	tx_unref(t);
	b.info.fees.base = drops_of(0);
	txq_bench_close(&b);
}

/* ---- into the open ledger, into the queue, out again ---- */

static void cheap_ones_wait_and_the_best_goes_first(void **state)
{
	struct txq_setup s = bench_small();
	struct txq_bench b;

	(void)state;
	s.minimum_queue_size = 20;
	txq_bench_open(&b, &s, 20);
	bench_fill(&b, 1); /* 4: one more than expected */
	assert_int_equal(b.o.txs, 4);
	assert_int_equal(bench_cost(&b), 8889); /* 500 * 16 / 9 times 10 */
	for (uint32_t i = 2; i <= 8; i++)
		assert_int_equal(bench_pay(&b, i, 1, 10 * i), terQUEUED);
	assert_int_equal(bench_pay(&b, 9, 1, 8888), terQUEUED);
	assert_int_equal(bench_pay(&b, 10, 1, 8889), tesSUCCESS);
	assert_int_equal(b.q.n, 8);
	bench_next(&b, false);
	/* 5 were in it: 6 may be now, and 7 get in for the base fee */
	assert_int_equal(b.q.fees.expected, 6);
	assert_int_equal(b.o.txs, 7);
	assert_int_equal(b.q.n, 1);
	assert_int_equal(bench_waiting(&b, 2), 1); /* the cheapest */
	assert_int_equal(b.in[0]->fee.raw, 8888);  /* raw: compared */
	assert_int_equal(b.in[1]->fee.raw, 80);    /* raw: compared */
	bench_next(&b, false);
	assert_int_equal(b.q.n, 0);
	txq_bench_close(&b);
}

static void of_one_account_in_the_order_of_sequences(void **state)
{
	struct txq_setup s = bench_small();
	struct txq_bench b;

	(void)state;
	s.minimum_queue_size = 40;
	txq_bench_open(&b, &s, 20);
	bench_fill(&b, 1);
	assert_int_equal(bench_pay(&b, 2, 3, 0), terPRE_SEQ); /* nothing of it waits */
	assert_int_equal(bench_pay(&b, 2, 1, 20), terQUEUED);
	assert_int_equal(bench_pay(&b, 2, 3, 0), terPRE_SEQ); /* a gap */
	assert_int_equal(bench_pay(&b, 2, 2, 15), terQUEUED);
	for (uint32_t seq = 3; seq <= 10; seq++)
		assert_int_equal(bench_pay(&b, 2, seq, 10 + seq % 4), terQUEUED);
	assert_int_equal(bench_waiting(&b, 2), 10);
	assert_int_equal(bench_pay(&b, 2, 11, 50), telCAN_NOT_QUEUE_FULL);
	assert_int_equal(bench_pay(&b, 2, 12, 50), telCAN_NOT_QUEUE_FULL);
	assert_int_equal(bench_pay(&b, 1, bench_seq(&b, 1) - 1, 0), tefPAST_SEQ);
	assert_int_equal(bench_pay(&b, 77, 1, 0), terNO_ACCOUNT);
	for (uint32_t last = 0; b.q.n;) {
		bench_next(&b, false);
		for (uint32_t i = 0; i < b.n_in; i++)
			assert_int_equal(b.in[i]->seq, ++last);
	}
	txq_bench_close(&b);
}

static void a_replacement_pays_a_quarter_more(void **state)
{
	struct txq_setup s = bench_small();
	struct account_id two = wallet_account(2);
	struct txq_bench b;
	struct hash256 first;

	(void)state;
	s.minimum_queue_size = 40;
	txq_bench_open(&b, &s, 20);
	bench_fill(&b, 1);
	assert_int_equal(bench_pay(&b, 2, 1, 20), terQUEUED);
	assert_int_equal(bench_pay(&b, 2, 2, 20), terQUEUED);
	assert_int_equal(bench_pay(&b, 2, 3, 20), terQUEUED);
	first = txq_account_of(&b.q, &two)->first->tx->id;
	assert_int_equal(bench_pay(&b, 2, 1, 24), telCAN_NOT_QUEUE_FEE);
	assert_int_equal(bench_pay(&b, 2, 1, 25), telCAN_NOT_QUEUE_FEE); /* more than, not as */
	assert_int_equal(bench_pay(&b, 2, 1, 26), terQUEUED);
	assert_int_equal(bench_waiting(&b, 2), 3);
	assert_int_equal(bench_told(&b, &first)->result, telCAN_NOT_QUEUE_FEE);
	assert_false(bench_told(&b, &first)->applied);
	assert_int_equal(bench_pay(&b, 2, 2, 26), terQUEUED);
	/* The next one for the open ledger replaces what waits. */
	assert_int_equal(bench_pay(&b, 2, 1, 9000), tesSUCCESS);
	assert_int_equal(bench_waiting(&b, 2), 2);
	txq_bench_close(&b);
}

static void last_ledgers_must_be_far_enough(void **state)
{
	struct txq_setup s = bench_small();
	struct txq_bench b;

	(void)state;
	s.minimum_queue_size = 100;
	txq_bench_open(&b, &s, 20);
	bench_fill(&b, 1);
	assert_int_equal(bench_pay_until(&b, 2, 1, 0, 2), tefMAX_LEDGER);
	assert_int_equal(bench_pay_until(&b, 2, 1, 0, 4), telCAN_NOT_QUEUE);
	assert_int_equal(bench_pay_until(&b, 2, 1, 0, 5), terQUEUED);
	assert_int_equal(bench_pay(&b, 3, 1, 20), terQUEUED);
	bench_give(&b, wallet_pay(&(struct payment){.from = 4, .to = 0, .seq = 1}), TX_FAIL_HARD);
	assert_int_equal(bench_waiting(&b, 4), 0);
	for (uint32_t i = 0; i < 4; i++) { /* others always pay more */
		for (uint32_t k = 5; k < 12; k++)
			(void)bench_pay(&b, k, bench_seq(&b, k), 3000 + 1000 * i);
		bench_next(&b, false);
		if (b.info.seq <= 5 && bench_seq(&b, 2) == 1)
			assert_int_equal(bench_waiting(&b, 2), 1);
	}
	assert_int_equal(bench_waiting(&b, 2), 0); /* in a ledger, or expired */
	txq_bench_close(&b);
}

static void a_gap_from_expiry_is_filled(void **state)
{
	struct txq_setup s = bench_small();
	struct txq_bench b;
	uint32_t seq;

	(void)state;
	s.minimum_queue_size = 40;
	s.ledgers_in_queue = 20;
	txq_bench_open(&b, &s, 20);
	bench_fill(&b, 1);
	assert_int_equal(bench_pay_until(&b, 2, 1, 0, 5), terQUEUED);
	for (seq = 2; seq <= 10; seq++)
		assert_int_equal(bench_pay(&b, 2, seq, 0), terQUEUED);
	assert_int_equal(bench_pay(&b, 2, 11, 0), telCAN_NOT_QUEUE_FULL);
	while (b.info.seq < 6) { /* nobody else's turn comes */
		bench_fill(&b, 1);
		for (uint32_t k = 3; k < 12; k++)
			assert_int_equal(bench_pay(&b, k, bench_seq(&b, k), bench_cost(&b)),
					 tesSUCCESS);
		b.q.fees.expected = 3;
		for (uint32_t i = 0; i < b.q.n; i++)
			b.q.order[i]->level = 1;
		bench_next(&b, true);
	}
	assert_int_equal(bench_waiting(&b, 2), 9);
	bench_fill(&b, 1);
	assert_int_equal(bench_pay(&b, 2, 11, 0), terPRE_SEQ); /* of what the queue can tell */
	assert_int_equal(bench_pay(&b, 2, 1, 30), terQUEUED);
	assert_int_equal(bench_waiting(&b, 2), 10);
	txq_bench_close(&b);
}

/* ---- beside each other ---- */

static void blockers_wait_alone(void **state)
{
	struct txq_setup s = bench_small();
	struct txq_bench b;

	(void)state;
	s.minimum_queue_size = 40;
	txq_bench_open(&b, &s, 20);
	bench_fill(&b, 1);
	assert_int_equal(bench_give(&b, bench_blocker(2, 1, 0, 20), 0), terQUEUED);
	assert_int_equal(bench_pay(&b, 2, 2, 50), telCAN_NOT_QUEUE_BLOCKED);
	assert_int_equal(bench_pay(&b, 3, 1, 10), terQUEUED);
	assert_int_equal(bench_give(&b, bench_blocker(3, 2, 0, 50), 0), telCAN_NOT_QUEUE_BLOCKS);
	assert_int_equal(bench_give(&b, bench_blocker(3, 1, 0, 50), 0), terQUEUED); /* instead */
	assert_int_equal(bench_pay(&b, 4, 1, 10), terQUEUED);
	assert_int_equal(bench_pay(&b, 4, 2, 10), terQUEUED);
	assert_int_equal(bench_give(&b, bench_blocker(4, 2, 0, 50), 0), telCAN_NOT_QUEUE_BLOCKS);
	assert_int_equal(bench_pay(&b, 2, 1, 60), terQUEUED); /* in the blocker's place */
	assert_int_equal(bench_pay(&b, 2, 2, 10), terQUEUED);
	txq_bench_close(&b);
}

static void tickets_wait_in_any_order(void **state)
{
	struct txq_setup s = bench_small();
	struct txq_bench b;
	uint32_t first;

	(void)state;
	s.minimum_queue_size = 40;
	txq_bench_open(&b, &s, 20);
	first = bench_seq(&b, 2) + 1;
	assert_int_equal(bench_give(&b, bench_tickets(2, first - 1, 12), 0), tesSUCCESS);
	bench_fill(&b, 1);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(bench_give(&b, bench_ticketed(2, first + 5 - 2 * i, 10 + i), 0),
				 terQUEUED);
	assert_int_equal(bench_pay(&b, 2, bench_seq(&b, 2), 10), terQUEUED); /* before them */
	assert_int_equal(bench_give(&b, bench_ticketed(2, first + 5, 11), 0), telCAN_NOT_QUEUE_FEE);
	assert_int_equal(bench_give(&b, bench_ticketed(2, first + 5, 20), 0), terQUEUED);
	assert_int_equal(bench_give(&b, bench_ticketed(2, first - 1, 20), 0), tefNO_TICKET);
	assert_int_equal(bench_give(&b, bench_ticketed(2, first + 100, 20), 0), terPRE_TICKET);
	assert_int_equal(bench_give(&b, bench_blocker(2, 0, first + 6, 20), 0),
			 telCAN_NOT_QUEUE_BLOCKS);
	for (uint32_t i = 0; i < 6; i++)
		(void)bench_give(&b, bench_ticketed(2, first + 6 + i, 10), 0);
	assert_int_equal(bench_waiting(&b, 2), 10);
	assert_int_equal(bench_give(&b, bench_ticketed(2, first, 10), 0), telCAN_NOT_QUEUE_FULL);
	while (b.q.n)
		bench_next(&b, false);
	txq_bench_close(&b);
}

/* What makes tickets moves the sequence by all of them. */
static void a_hole_of_tickets_is_no_gap(void **state)
{
	struct txq_setup s = bench_small();
	struct txq_bench b;

	(void)state;
	s.minimum_queue_size = 40;
	txq_bench_open(&b, &s, 20);
	bench_fill(&b, 1);
	assert_int_equal(bench_give(&b, bench_tickets(2, 1, 5), 0), terQUEUED);
	assert_int_equal(bench_pay(&b, 2, 2, 0), telCAN_NOT_QUEUE); /* will never be its turn */
	assert_int_equal(bench_pay(&b, 2, 7, 0), terQUEUED);
	assert_int_equal(bench_pay(&b, 2, 8, 0), terQUEUED);
	assert_int_equal(bench_give(&b, bench_ticketed(2, 2, 10), 0), terPRE_TICKET);
	bench_next(&b, false);
	assert_int_equal(bench_seq(&b, 2), 9);
	txq_bench_close(&b);
}

static void fees_in_flight_stay_below_the_reserve(void **state)
{
	struct txq_setup s = bench_small();
	struct txq_bench b;

	(void)state;
	s.minimum_queue_size = 40;
	txq_bench_open(&b, &s, 20);
	bench_fill(&b, 1);
	assert_int_equal(bench_pay(&b, 2, 1, 100), terQUEUED);
	assert_int_equal(bench_pay(&b, 2, 2, 99), terQUEUED);
	assert_int_equal(bench_pay(&b, 2, 3, 10), terQUEUED); /* 199 before it: still safe */
	assert_int_equal(bench_pay(&b, 2, 4, 10), telCAN_NOT_QUEUE_BALANCE);
	/* A replacement in the middle counts with its own fee. */
	assert_int_equal(bench_pay(&b, 2, 2, 200), telCAN_NOT_QUEUE_BALANCE);
	/* What is spent counts down to the reserve: the last one still pays its fee. */
	assert_int_equal(bench_spend(&b, 3, 1, 10, WALLET_BALANCE - 500), terQUEUED);
	assert_int_equal(bench_pay(&b, 3, 2, 10), terQUEUED);
	assert_int_equal(bench_pay(&b, 3, 3, 1000), terINSUF_FEE_B);
	txq_bench_close(&b);
}

/* ---- one that pays for all before it ---- */

static void one_pays_for_those_before_it(void **state)
{
	struct txq_setup s = bench_small();
	struct txq_bench b;
	uint64_t level, series;

	(void)state;
	s.minimum_queue_size = 40;
	txq_bench_open(&b, &s, 20);
	b.info.fees.reserve = drops_of(10);
	bench_fill(&b, 1);
	for (uint32_t seq = 1; seq <= 4; seq++)
		assert_int_equal(bench_pay(&b, 2, seq, 10), terQUEUED);
	assert_true(fee_level_series(&b.q.fees, b.o.txs, 5, &series));
	level = series - 4 * 256;
	/* A drop too little waits, a drop more takes them all along. */
	assert_int_equal(bench_pay(&b, 2, 5, level * 10 / 256 - 1), terQUEUED);
	assert_int_equal(bench_waiting(&b, 2), 5);
	assert_int_equal(b.o.txs, 4);
	assert_int_equal(bench_pay(&b, 2, 5, level * 10 / 256 * 13 / 10), tesSUCCESS);
	assert_int_equal(bench_waiting(&b, 2), 0);
	assert_int_equal(b.o.txs, 9);
	assert_int_equal(bench_seq(&b, 2), 6);
	for (uint32_t i = 4; i < 9; i++)
		assert_int_equal(b.in[i]->seq, i - 3);
	txq_bench_close(&b);
}

static void those_behind_it_stay(void **state)
{
	struct txq_setup s = bench_small();
	struct txq_bench b;

	(void)state;
	s.minimum_queue_size = 40;
	txq_bench_open(&b, &s, 20);
	bench_fill(&b, 1);
	for (uint32_t seq = 1; seq <= 5; seq++)
		assert_int_equal(bench_pay(&b, 2, seq, 10), terQUEUED);
	assert_int_equal(bench_pay(&b, 2, 3, 50000), telCAN_NOT_QUEUE_BALANCE);
	b.info.fees.reserve = drops_of(1000000);
	view_close(b.o.view);
	b.o.view = view_open_tree(&b.state, &b.info); /* another reserve; the ledger is counted */
	assert_int_equal(bench_pay(&b, 2, 3, 50000), tesSUCCESS);
	assert_int_equal(bench_waiting(&b, 2), 2);
	assert_int_equal(bench_seq(&b, 2), 4);
	txq_bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_ledger_may_grow_by_a_fifth),
	    cmocka_unit_test(it_shrinks_by_a_tenth_of_the_way),
	    cmocka_unit_test(slow_consensus_halves_it),
	    cmocka_unit_test(limits_of_the_expected_size),
	    cmocka_unit_test(the_median_multiplies),
	    cmocka_unit_test(levels_rise_with_the_square),
	    cmocka_unit_test(what_is_free_counts_as_the_base_fee),
	    cmocka_unit_test(cheap_ones_wait_and_the_best_goes_first),
	    cmocka_unit_test(of_one_account_in_the_order_of_sequences),
	    cmocka_unit_test(a_replacement_pays_a_quarter_more),
	    cmocka_unit_test(last_ledgers_must_be_far_enough),
	    cmocka_unit_test(a_gap_from_expiry_is_filled),
	    cmocka_unit_test(blockers_wait_alone),
	    cmocka_unit_test(tickets_wait_in_any_order),
	    cmocka_unit_test(a_hole_of_tickets_is_no_gap),
	    cmocka_unit_test(fees_in_flight_stay_below_the_reserve),
	    cmocka_unit_test(one_pays_for_those_before_it),
	    cmocka_unit_test(those_behind_it_stay),
	};

	bench_setup();
	return cmocka_run_group_tests_name("txq", tests, NULL, NULL);
}
