/* SPDX-License-Identifier: ISC */
#include "tests/sim/props.h"
#include "tests/sim/support.h"

/* Every property of ledgers fires when it is violated, and none when nothing is: worlds in good
 * order, then one thing that must not be. */

/* ---- nothing is wrong ---- */

static void test_a_clean_run_raises_no_alarm(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, 1);
	bench_pay(&b, 12);
	world_run_ms(b.w, 40000);
	world_settle(b.w);
	world_run_ms(b.w, 70000);
	assert_null(world_failure(b.w));
	assert_true(b.p->top > 15);
	assert_int_equal(model_seq(b.p->model), b.p->top);
	assert_null(b.p->open); /* the fate of every transaction is known */
	bench_close(&b);
}

/* ---- P1: money ---- */

static void test_p1_an_account_that_has_more(void **state)
{
	struct forged f;
	struct bench b;

	(void)state;
	bench_run(&b, 2);
	forge_begin(&f, &b);
	forge_balance(&f, 3, 1);
	bench_feed(&b, &f, 0);
	bench_expect(&b, "P1", "the entries of");
}

static void test_p1_a_state_that_is_not_in_the_header(void **state)
{
	struct forged f;
	struct bench b;

	(void)state;
	bench_run(&b, 3);
	forge_begin(&f, &b);
	forge_seal(&f);
	f.ledger->header.state_hash.b[0] ^= 1;
	bench_feed(&b, &f, 0);
	bench_expect(&b, "P1", "is not the one in its header");
}

/* ---- P2: once ---- */

static void test_p2_a_transaction_twice(void **state)
{
	struct forged f;
	struct bench b;

	(void)state;
	bench_run(&b, 4);
	forge_begin(&f, &b);
	forge_tx(&f, b.paid, 0, 0); /* long validated */
	bench_feed(&b, &f, 0);
	bench_expect(&b, "P2", "is in ledgers");
}

static void test_p2_a_sequence_twice(void **state)
{
	struct forged f;
	struct bench b;
	struct tx *t;

	(void)state;
	bench_run(&b, 5);
	t = bench_tx(&b, 0, 1, 0);
	forge_begin(&f, &b);
	forge_tx(&f, t, 0, 0);
	bench_feed(&b, &f, 0);
	bench_expect(&b, "P2", "sequence 1 where");
	tx_unref(t);
}

/* ---- P3: rules of a transaction ---- */

static void test_p3_after_its_last_ledger(void **state)
{
	struct forged f;
	struct bench b;
	struct tx *t;

	(void)state;
	bench_run(&b, 6);
	t = bench_tx(&b, 7, 1, 3);
	forge_begin(&f, &b);
	forge_tx(&f, t, 0, 0);
	bench_feed(&b, &f, 0);
	bench_expect(&b, "P3", "LastLedgerSequence");
	tx_unref(t);
}

static void test_p3_metadata_that_makes_money(void **state)
{
	struct forged f;
	struct bench b;
	struct tx *t;

	(void)state;
	bench_run(&b, 7);
	t = bench_tx(&b, 7, 1, 0);
	forge_begin(&f, &b);
	forge_tx(&f, t, 0, 1000);
	bench_feed(&b, &f, 0);
	bench_expect(&b, "P3", "balances change by");
	tx_unref(t);
}

/* ---- P4: one ledger ---- */

static void test_p4_two_ledgers_at_one_sequence(void **state)
{
	struct forged f, g;
	struct bench b;

	(void)state;
	bench_run(&b, 8);
	forge_begin(&f, &b);
	forge_begin(&g, &b);
	g.header.close.s++;
	bench_feed(&b, &f, 0);
	assert_null(world_failure(b.w));
	bench_feed(&b, &g, 1);
	bench_expect(&b, "P4", "validated");
}

static void test_p4_a_ledger_on_another_parent(void **state)
{
	struct forged f;
	struct bench b;

	(void)state;
	bench_run(&b, 9);
	forge_begin(&f, &b);
	f.header.parent.b[0] ^= 1;
	bench_feed(&b, &f, 2);
	bench_expect(&b, "P4", "others");
}

static void test_p4_a_ledger_without_the_votes(void **state)
{
	struct bench b;
	uint32_t seq;

	(void)state;
	bench_run(&b, 9);
	seq = node_validated(world_node(b.w, 0))->header.seq;
	props_quorum(b.p, 0, seq);
	assert_null(world_failure(b.w));
	props_quorum(b.p, 0, seq + 9);
	bench_expect(&b, "P4", "after votes of 1 of 5");
}

/* ---- P5: durability ---- */

static void test_p5_an_older_ledger_is_reported(void **state)
{
	struct bench b;

	(void)state;
	bench_run(&b, 10);
	props_ledger(b.p, 0, node_validated(world_node(b.w, 0)));
	bench_expect(&b, "P5", "reports ledger");
}

/* It had told of ledgers that its disk does not have. */
static void test_p5_a_restart_that_has_forgotten(void **state)
{
	struct bench b;

	(void)state;
	bench_run(&b, 11);
	world_kill(b.w, "A");
	b.p->node[0].reported += 3;
	world_start(b.w, "A");
	world_run_ms(b.w, 1000);
	bench_expect(&b, "P5", "starts at");
}

/* ---- P9: submitted, and signed ---- */

static void test_p9_nobody_submitted_it(void **state)
{
	struct world_pay pay = {.from = 7, .to = 8, .drops = 5, .seq = 1};
	struct forged f;
	struct bench b;
	struct tx *t;

	(void)state;
	bench_run(&b, 12);
	t = world_payment(b.w, &pay);
	forge_begin(&f, &b);
	forge_tx(&f, t, 0, 0);
	bench_feed(&b, &f, 0);
	bench_expect(&b, "P9", "nobody submitted it");
	tx_unref(t);
}

static void test_p9_a_signature_of_somebody_else(void **state)
{
	struct forged f;
	struct bench b;
	struct tx *t, *forged;

	(void)state;
	bench_run(&b, 13);
	t = bench_tx(&b, 7, 1, 0);
	forged = bench_spoil_signature(&b, t);
	forge_begin(&f, &b);
	forge_tx(&f, forged, 0, 0);
	bench_feed(&b, &f, 0);
	bench_expect(&b, "P9", "signature");
	tx_unref(forged);
	tx_unref(t);
}

/* ---- P10: what clients are told ---- */

static void test_p10_money_moves_by_itself(void **state)
{
	struct forged f;
	struct bench b;

	(void)state;
	bench_run(&b, 14);
	forge_begin(&f, &b);
	forge_balance(&f, 3, 5);
	forge_balance(&f, 4, -5);
	bench_feed(&b, &f, 0);
	bench_expect(&b, "P10", "balance of account");
}

static void test_p10_a_result_that_is_another(void **state)
{
	struct forged f;
	struct bench b;
	struct tx *t;

	(void)state;
	bench_run(&b, 15);
	t = bench_tx(&b, 7, 1, 0);
	forge_begin(&f, &b);
	forge_tx(&f, t, 104, 0);
	bench_feed(&b, &f, 0);
	bench_expect(&b, "P10", "the model says 0");
	tx_unref(t);
}

static void test_p10_reads_that_go_back(void **state)
{
	struct bench b;

	(void)state;
	bench_run(&b, 16);
	b.p->node[1].read += 1;
	props_read(b.p, 1, node_validated(world_node(b.w, 1)));
	bench_expect(&b, "P10", "reads ledger");
}

static void test_p10_a_read_that_is_not_the_models(void **state)
{
	struct hash256 hash;
	struct forged f;
	struct bench b;

	(void)state;
	bench_run(&b, 17);
	forge_begin(&f, &b);
	f.header = b.newest->header;
	forge_balance(&f, 0, 7); /* who has paid: whom the reader asks about */
	forge_seal(&f);
	hash = b.newest->hash;
	f.ledger->hash = hash;
	props_read(b.p, 1, f.ledger);
	ledger_unref(f.ledger);
	bench_expect(&b, "P10", "the model says");
}

static void test_p10_validated_and_forgotten(void **state)
{
	const struct track *t;
	struct bench b;

	(void)state;
	bench_run(&b, 18);
	t = props_track(b.p, &b.paid->id);
	assert_non_null(t);
	assert_true(t->validated > 0);
	props_asked(b.p, 2, t, false, b.p->top);
	bench_expect(&b, "P10", "does not know");
}

static void test_p10_validated_that_is_not(void **state)
{
	struct bench b;
	struct tx *t;

	(void)state;
	bench_run(&b, 19);
	t = bench_tx(&b, 7, 1, 0);
	props_asked(b.p, 2, props_track(b.p, &t->id), true, b.p->top);
	bench_expect(&b, "P10", "and it is not");
	tx_unref(t);
}

static void test_p10_expired_and_validated(void **state)
{
	struct forged f;
	struct bench b;
	struct tx *t;

	(void)state;
	bench_run(&b, 20);
	t = bench_tx(&b, 7, 1, 0);
	props_track(b.p, &t->id)->expired_at = b.p->top;
	forge_begin(&f, &b);
	forge_tx(&f, t, 0, 0);
	bench_feed(&b, &f, 0);
	bench_expect(&b, "P10", "had expired");
	tx_unref(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_clean_run_raises_no_alarm),
	    cmocka_unit_test(test_p1_an_account_that_has_more),
	    cmocka_unit_test(test_p1_a_state_that_is_not_in_the_header),
	    cmocka_unit_test(test_p2_a_transaction_twice),
	    cmocka_unit_test(test_p2_a_sequence_twice),
	    cmocka_unit_test(test_p3_after_its_last_ledger),
	    cmocka_unit_test(test_p3_metadata_that_makes_money),
	    cmocka_unit_test(test_p4_two_ledgers_at_one_sequence),
	    cmocka_unit_test(test_p4_a_ledger_on_another_parent),
	    cmocka_unit_test(test_p4_a_ledger_without_the_votes),
	    cmocka_unit_test(test_p5_an_older_ledger_is_reported),
	    cmocka_unit_test(test_p5_a_restart_that_has_forgotten),
	    cmocka_unit_test(test_p9_nobody_submitted_it),
	    cmocka_unit_test(test_p9_a_signature_of_somebody_else),
	    cmocka_unit_test(test_p10_money_moves_by_itself),
	    cmocka_unit_test(test_p10_a_result_that_is_another),
	    cmocka_unit_test(test_p10_reads_that_go_back),
	    cmocka_unit_test(test_p10_a_read_that_is_not_the_models),
	    cmocka_unit_test(test_p10_validated_and_forgotten),
	    cmocka_unit_test(test_p10_validated_that_is_not),
	    cmocka_unit_test(test_p10_expired_and_validated),
	};

	bench_begin();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
