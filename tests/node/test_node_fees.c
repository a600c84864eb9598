/* SPDX-License-Identifier: ISC */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A node whose ledgers take four transactions for the base fee: what it answers, tells others,
 * keeps, and puts into later ledgers. And what it asks for while it is overloaded. */

static void small(struct node_config *c, void *ctx)
{
	(void)ctx;
	c->txq = txq_setup_default();
	c->txq.minimum_txn_in_ledger_standalone = 3;
	c->txq.target_txn_in_ledger = 3;
	c->txq.maximum_txn_in_ledger = 3; /* it does not grow */
	c->txq.minimum_txn_in_ledger = 3;
}

static struct rig *bench(uint32_t accounts)
{
	struct rig_options o = {.standalone = true, .accounts = accounts, .tune = small};
	struct rig *r = rig_open(&o);

	rig_run(r, 10);
	rig_peer_up(r, 1);
	rig_peer_up(r, 2);
	rig_forget(r);
	return r;
}

static struct tx *pay(uint32_t from, uint32_t seq, uint64_t fee)
{
	struct payment p = {.from = from, .to = from ? 0 : 1, .seq = seq, .fee = fee};

	return wallet_pay(&p);
}

static enum ter submit(struct rig *r, struct tx *t, uint64_t token)
{
	rig_submit(r, t, false, token);
	rig_run(r, 1);
	return rig_answer(r, token)->result;
}

static void fill(struct rig *r, uint32_t from)
{
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(submit(r, pay(from + i, 1, 0), 1000 + from + i), tesSUCCESS);
}

static struct node_fees fees(struct rig *r)
{
	struct node_fees f;

	node_get_fees(r->node, &f);
	return f;
}

static void what_waits_is_answered_told_and_applied_later(void **state)
{
	struct rig *r = bench(20);
	struct tx *t = pay(10, 1, 0);
	const struct node_submitted *s;
	struct node_queued q[4];
	struct account_id ten = wallet_account(10);

	(void)state;
	fill(r, 1);
	rig_forget(r);
	assert_int_equal(submit(r, tx_ref(t), 1), terQUEUED);
	s = rig_answer(r, 1);
	assert_true(s->queued && s->accepted && s->broadcast && s->kept && !s->applied);
	assert_int_equal(s->account_seq_next, 1);
	assert_int_equal(s->account_seq_available, 2);
	assert_int_equal(s->open_ledger_cost.raw,
			 128000ull * 16 / 9 * 10 / 256); /* raw: compared */
	assert_int_equal(rig_count(r, MSG_TXS, 1), 1);
	assert_int_equal(fees(r).queue_n, 1);
	assert_int_equal(node_queued(r->node, &ten, q, 4), 1);
	assert_ptr_equal(q[0].tx, node_pending_tx(r->node, &t->id));
	assert_int_equal(submit(r, tx_ref(t), 2), terQUEUED); /* the same again */
	assert_int_equal(fees(r).queue_n, 1);
	rig_accept(r);
	assert_int_equal(fees(r).queue_n, 0);
	assert_int_equal(submit(r, tx_ref(t), 3), tefALREADY);
	rig_accept(r);
	assert_int_equal(rig_status(r).counters.tx_validated, 5);
	assert_int_equal(submit(r, t, 4), tefPAST_SEQ);
	rig_close(r);
}

/* One that is ahead of its turn is held, and follows its predecessor into the queue, ten of the
 * account; the others follow those. */
static void what_is_held_follows_into_the_queue(void **state)
{
	struct account_id ten = wallet_account(10);
	struct rig *r = bench(20);
	uint32_t n = 0;

	(void)state;
	fill(r, 1);
	for (uint32_t seq = 2; seq <= 15; seq++)
		assert_int_equal(submit(r, pay(10, seq, 0), seq), terPRE_SEQ);
	assert_int_equal(fees(r).held_n, 14);
	assert_int_equal(submit(r, pay(10, 1, 0), 1), terQUEUED);
	assert_int_equal(fees(r).queue_n, 10);
	assert_int_equal(fees(r).held_n, 5);
	assert_int_equal(node_next_sequence(r->node, &ten), 16);
	while (fees(r).queue_n + fees(r).held_n && n++ < 10)
		rig_accept(r);
	assert_int_equal(n, 4); /* four in each ledger, the last ones are in the open one */
	rig_accept(r);
	assert_int_equal(rig_status(r).counters.tx_validated, 4 + 15);
	rig_close(r);
}

static void a_replaced_one_is_gone(void **state)
{
	struct rig *r = bench(20);
	struct tx *t = pay(10, 1, 10);

	(void)state;
	fill(r, 1);
	assert_int_equal(submit(r, tx_ref(t), 1), terQUEUED);
	assert_int_equal(submit(r, pay(10, 1, 12), 2), telCAN_NOT_QUEUE_FEE);
	assert_false(rig_answer(r, 2)->accepted);
	assert_int_equal(submit(r, pay(10, 1, 13), 3), terQUEUED);
	assert_null(node_pending_tx(r->node, &t->id));
	assert_int_equal(submit(r, t, 4), telCAN_NOT_QUEUE_FEE);
	/* What pays for the open ledger takes the place of what waits. */
	assert_int_equal(submit(r, pay(10, 1, 9000), 5), tesSUCCESS);
	assert_int_equal(fees(r).queue_n, 0);
	rig_accept(r);
	assert_int_equal(rig_status(r).counters.tx_validated, 5);
	rig_close(r);
}

static void no_fee_without_a_signature(void **state)
{
	struct payment bad = {.from = 10, .to = 1, .seq = 1, .fee = 50000, .bad_signature = true};
	struct rig *r = bench(20);

	(void)state;
	fill(r, 1);
	assert_int_equal(submit(r, wallet_pay(&bad), 1), temBAD_SIGNATURE);
	bad.fee = 10;
	assert_int_equal(submit(r, wallet_pay(&bad), 2), temBAD_SIGNATURE);
	assert_int_equal(fees(r).queue_n + fees(r).held_n, 0);
	rig_accept(r);
	assert_int_equal(wallet_balance(node_validated(r->node), 10), WALLET_BALANCE);
	rig_close(r);
}

/* Seconds in which the timer is late by more than one: asked for more from the second on, until it
 * has calmed down. What was taken before stays. */
static void a_busy_loop_asks_for_more(void **state)
{
	struct rig *r = bench(20);
	struct node_event timer = {.kind = NODE_TIMER};

	(void)state;
	assert_int_equal(submit(r, pay(1, 1, 10), 1), tesSUCCESS);
	for (int i = 0; i < 3; i++) {
		r->now += 4000;
		rig_step(r, &timer);
	}
	assert_int_equal(fees(r).load_local, 400); /* 256, 320, 400 */
	assert_int_equal(submit(r, pay(2, 1, 14), 2), telINSUF_FEE_P);
	assert_int_equal(submit(r, pay(2, 1, 15), 3), tesSUCCESS);
	rig_accept(r);
	assert_int_equal(rig_status(r).counters.tx_validated, 2);
	rig_run(r, 3000);
	assert_int_equal(fees(r).load_local, 256);
	assert_int_equal(submit(r, pay(3, 1, 10), 4), tesSUCCESS);
	rig_close(r);
}

static void the_validators_median_counts(void **state)
{
	uint32_t said[] = {256, 900, 300, 256, 700};
	struct load l;

	(void)state;
	load_init(&l);
	load_heard(&l, said, 5);
	assert_int_equal(l.remote, 300);
	assert_int_equal(load_factor(&l), 300);
	assert_int_equal(load_to_say(&l), 256); /* not what others ask for */
	load_tick(&l, true);
	load_tick(&l, true);
	assert_int_equal(l.local, 375); /* from there on */
	assert_int_equal(load_to_say(&l), 375);
	load_heard(&l, said, 0);
	assert_int_equal(l.remote, 256);
	for (int i = 0; i < 100; i++)
		load_tick(&l, true);
	assert_int_equal(l.local, 256000000);
	for (int i = 0; i < 100; i++)
		load_tick(&l, false);
	assert_int_equal(l.local, 256);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_waits_is_answered_told_and_applied_later),
	    cmocka_unit_test(what_is_held_follows_into_the_queue),
	    cmocka_unit_test(a_replaced_one_is_gone),
	    cmocka_unit_test(no_fee_without_a_signature),
	    cmocka_unit_test(a_busy_loop_asks_for_more),
	    cmocka_unit_test(the_validators_median_counts),
	};

	bench_setup();
	return cmocka_run_group_tests_name("node_fees", tests, NULL, NULL);
}
