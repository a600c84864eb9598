/* SPDX-License-Identifier: ISC */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Pending transactions on one standalone node with two peers: admission, the queue, the answers. */

#define VERIFY_BIT  (1u << NODE_JOB_VERIFY)
#define PERSIST_BIT (1u << NODE_JOB_PERSIST)

static struct rig *bench(uint32_t accounts)
{
	struct rig_options o = {.standalone = true, .accounts = accounts};
	struct rig *r = rig_open(&o);

	rig_run(r, 10);
	rig_peer_up(r, 1);
	rig_peer_up(r, 2);
	rig_forget(r);
	return r;
}

static struct tx *pay(uint32_t from, uint32_t seq)
{
	struct payment p = {.from = from, .to = 0, .seq = seq};

	if (!from)
		p.to = 1;
	return wallet_pay(&p);
}

/* Submits and runs; the result. */
static enum ter submit(struct rig *r, struct tx *t, uint64_t token)
{
	rig_submit(r, t, false, token);
	rig_run(r, 1);
	return rig_answer(r, token)->result;
}

static uint32_t open_count(struct rig *r)
{
	uint32_t n;

	node_open_txs(r->node, &n);
	return n;
}

static void a_payment_is_applied_answered_and_relayed_once(void **state)
{
	struct rig *r = bench(3);
	struct tx *t = pay(1, 1);
	const struct node_submitted *s;

	(void)state;
	assert_int_equal(submit(r, tx_ref(t), 7), tesSUCCESS);
	s = rig_answer(r, 7);
	assert_true(s->accepted && s->applied && s->broadcast && s->kept && !s->queued);
	assert_int_equal(s->account_seq_next, 2);
	assert_int_equal(rig_count(r, MSG_TXS, 1), 1);
	assert_int_equal(rig_count(r, MSG_TXS, 2), 1);
	rig_gossip(r, 1, &t, 1);
	rig_gossip(r, 2, &t, 1);
	rig_run(r, 2000);
	assert_int_equal(rig_count(r, MSG_TXS, 1), 1);
	assert_int_equal(rig_status(r).counters.tx_duplicate, 2);
	rig_accept(r);
	rig_gossip(r, 1, &t, 1); /* validated: seen */
	rig_run(r, 10);
	assert_int_equal(rig_count(r, MSG_TXS, 1), 1);
	tx_unref(t);
	rig_close(r);
}

static void gossip_goes_on_to_all_but_its_sender(void **state)
{
	struct rig *r = bench(3);
	struct tx *t = pay(1, 1);

	(void)state;
	rig_gossip(r, 1, &t, 1);
	rig_run(r, 10);
	assert_int_equal(rig_count(r, MSG_TXS, 1), 0);
	assert_int_equal(rig_count(r, MSG_TXS, 2), 1);
	assert_int_equal(open_count(r), 1);
	tx_unref(t);
	rig_close(r);
}

static void everyone_who_waits_gets_the_answer(void **state)
{
	struct rig *r = bench(3);
	struct tx *t = pay(1, 1);
	uint64_t k;

	(void)state;
	r->hold = VERIFY_BIT;
	for (k = 1; k <= 3; k++)
		rig_submit(r, tx_ref(t), false, k);
	rig_run(r, 10);
	assert_int_equal(r->n_answers, 0);
	r->hold = 0;
	rig_run(r, 10);
	for (k = 1; k <= 3; k++) {
		assert_int_equal(rig_answer(r, k)->result, tesSUCCESS);
		assert_true(rig_answer(r, k)->applied);
	}
	tx_unref(t);
	rig_close(r);
}

static void a_resubmit_is_answered_in_every_state(void **state)
{
	struct rig *r = bench(3);
	struct tx *t = pay(1, 2), *first = pay(1, 1);

	(void)state;
	assert_int_equal(submit(r, tx_ref(t), 1), terPRE_SEQ);
	assert_true(rig_answer(r, 1)->kept && rig_answer(r, 1)->accepted);
	assert_int_equal(submit(r, tx_ref(t), 2), terPRE_SEQ); /* held */
	assert_true(rig_answer(r, 2)->kept);
	assert_int_equal(submit(r, first, 3), tesSUCCESS);
	assert_int_equal(submit(r, tx_ref(t), 4), tefALREADY); /* in the open ledger */
	assert_true(rig_answer(r, 4)->applied);
	r->hold = PERSIST_BIT;
	{
		struct node_event ev = {.kind = NODE_ACCEPT};

		rig_step(r, &ev);
		rig_run(r, 1);
	}
	assert_int_equal(submit(r, tx_ref(t), 5), tefALREADY); /* closed, not validated */
	assert_ptr_equal(node_pending_tx(r->node, &t->id) != NULL, true);
	r->hold = 0;
	rig_run(r, 1);
	assert_null(node_pending_tx(r->node, &t->id));
	assert_int_equal(submit(r, tx_ref(t), 6), tefPAST_SEQ); /* validated */
	assert_false(rig_answer(r, 6)->accepted);
	tx_unref(t);
	rig_close(r);
}

/* Three jobs of 128 that end in the opposite order. */
static void an_account_keeps_its_order_over_jobs(void **state)
{
	struct rig *r = bench(3);
	struct node_job *j[3];
	struct tx *const *list;
	uint32_t i, n;

	(void)state;
	r->hold = VERIFY_BIT;
	rig_submit(r, pay(1, 1), false, 1);
	for (i = 2; i <= 300; i++)
		rig_submit(r, pay(1, i), false, i);
	for (i = 0; i < 3; i++)
		j[i] = rig_take(r, NODE_JOB_VERIFY);
	assert_non_null(j[2]);
	rig_finish(r, j[2]);
	rig_finish(r, j[1]);
	assert_int_equal(r->n_answers, 0);
	rig_finish(r, j[0]);
	r->hold = 0;
	rig_run(r, 1);
	list = node_open_txs(r->node, &n);
	assert_int_equal(n, 300);
	for (i = 0; i < n; i++) {
		assert_int_equal(list[i]->seq, i + 1);
		assert_int_equal(rig_answer(r, i + 1)->result, tesSUCCESS);
	}
	rig_close(r);
}

static void successors_wait_for_their_turn_and_are_relayed(void **state)
{
	struct rig *r = bench(3);
	struct account_id who = wallet_account(1);
	struct tx *const *list;
	uint32_t i, n;

	(void)state;
	for (i = 5; i >= 2; i--)
		assert_int_equal(submit(r, pay(1, i), i), terPRE_SEQ);
	assert_int_equal(node_next_sequence(r->node, &who), 1);
	assert_int_equal(rig_count(r, MSG_TXS, 1), 4); /* others wait for them as well */
	assert_int_equal(rig_status(r).queue_n, 4);
	assert_int_equal(submit(r, pay(1, 1), 1), tesSUCCESS);
	list = node_open_txs(r->node, &n);
	assert_int_equal(n, 5);
	for (i = 0; i < n; i++)
		assert_int_equal(list[i]->seq, i + 1);
	assert_int_equal(node_next_sequence(r->node, &who), 6);
	assert_int_equal(rig_count(r, MSG_TXS, 1), 5);
	rig_close(r);
}

static void of_two_with_one_sequence_the_first_is_taken(void **state)
{
	struct rig *r = bench(3);
	struct payment p = {.from = 1, .to = 2, .seq = 1, .drops = 5};

	(void)state;
	assert_int_equal(submit(r, pay(1, 1), 1), tesSUCCESS);
	assert_int_equal(submit(r, wallet_pay(&p), 2), tefPAST_SEQ);
	assert_int_equal(rig_count(r, MSG_TXS, 1), 1);
	rig_close(r);
}

static void who_signs_badly_is_told_or_dropped(void **state)
{
	struct payment bad = {.from = 1, .to = 2, .seq = 1, .bad_signature = true};
	struct payment worse = {.from = 1, .to = 2, .seq = 5, .bad_signature = true};
	struct rig *r = bench(3);
	struct tx *t = wallet_pay(&bad);

	(void)state;
	assert_int_equal(submit(r, tx_ref(t), 1), temBAD_SIGNATURE);
	assert_null(r->dropped[1]);
	rig_gossip(r, 1, &t, 1); /* seen: costs nothing, says nothing */
	rig_run(r, 10);
	assert_null(r->dropped[1]);
	tx_unref(t);
	t = wallet_pay(&worse);
	r->hold = VERIFY_BIT;
	rig_gossip(r, 1, &t, 1);
	rig_submit(r, tx_ref(t), false, 2);
	r->hold = 0;
	rig_run(r, 10);
	assert_int_equal(rig_answer(r, 2)->result, temBAD_SIGNATURE);
	assert_non_null(r->dropped[1]);
	assert_int_equal(rig_count(r, MSG_TXS, 0), 0);
	tx_unref(t);
	rig_close(r);
}

/* What a dropped peer had sent besides is not checked any more, and is welcome from others. */
static void a_bad_signature_takes_the_rest_along(void **state)
{
	struct payment bad = {.from = 1, .to = 2, .seq = 1, .bad_signature = true};
	struct rig *r = bench(3);
	struct tx *t[500];
	uint32_t i;

	(void)state;
	t[0] = wallet_pay(&bad);
	for (i = 1; i < 500; i++)
		t[i] = pay(2, i);
	rig_gossip(r, 1, t, 500);
	rig_finish(r, rig_take(r, NODE_JOB_VERIFY));
	assert_non_null(r->dropped[1]);
	rig_peer_down(r, 1);
	rig_run(r, 10);
	assert_int_equal(open_count(r), 3 * 128 - 1); /* what workers had at hand */
	rig_gossip(r, 2, t + 1, 499);
	rig_run(r, 10);
	assert_null(r->dropped[2]);
	assert_int_equal(open_count(r), 499);
	for (i = 0; i < 500; i++)
		tx_unref(t[i]);
	rig_close(r);
}

static void fail_hard_leaves_nothing_behind(void **state)
{
	struct payment poor = {.from = 1, .to = 9, .seq = 1, .drops = 1};
	struct rig *r = bench(3);

	(void)state;
	rig_submit(r, pay(1, 2), true, 1);
	rig_submit(r, wallet_pay(&poor), true, 2);
	rig_run(r, 10);
	assert_int_equal(rig_answer(r, 1)->result, terPRE_SEQ);
	assert_int_equal(rig_answer(r, 2)->result, tecNO_DST_INSUF_XRP);
	assert_false(rig_answer(r, 1)->accepted || rig_answer(r, 2)->accepted);
	assert_int_equal(rig_count(r, MSG_TXS, 0), 0);
	assert_int_equal(open_count(r) + rig_status(r).queue_n, 0);
	poor.fee = 11;
	assert_int_equal(submit(r, wallet_pay(&poor), 3), tecNO_DST_INSUF_XRP);
	assert_true(rig_answer(r, 3)->applied); /* the fee is claimed */
	rig_close(r);
}

static void what_waits_expires(void **state)
{
	struct payment p = {.from = 1, .to = 2, .seq = 2, .last_ledger = 4};
	struct rig *r = bench(3);
	struct tx *t = wallet_pay(&p), *u = pay(2, 2);
	uint32_t i;

	(void)state;
	assert_int_equal(submit(r, tx_ref(t), 1), terPRE_SEQ);
	assert_int_equal(submit(r, tx_ref(u), 2), terPRE_SEQ);
	rig_accept(r); /* 3; 4 is open */
	assert_non_null(node_pending_tx(r->node, &t->id));
	rig_accept(r);
	assert_null(node_pending_tx(r->node, &t->id));
	assert_int_equal(submit(r, tx_ref(t), 3), tefMAX_LEDGER);
	for (i = 0; i < 39; i++) {
		assert_non_null(node_pending_tx(r->node, &u->id));
		rig_accept(r);
	}
	assert_null(node_pending_tx(r->node, &u->id));
	tx_unref(t);
	tx_unref(u);
	rig_close(r);
}

/* A ledger takes 10,000; more wait, and what could not be applied anyway does not wait as if it
 * could. */
static void a_full_ledger_and_its_queue(void **state)
{
	struct payment past = {.from = 1, .to = 2, .seq = 1, .drops = 3};
	struct rig *r = bench(31);
	struct account_id who = wallet_account(30);
	uint32_t i, k, n = 0;

	(void)state;
	for (i = 0; i < 25; i++)
		for (k = 1; k <= 400; k++)
			rig_submit(r, pay(i, k), false, ++n);
	rig_run(r, 1);
	assert_int_equal(open_count(r), LEDGER_TX_MAX);
	assert_int_equal(rig_status(r).queue_n, 0);
	rig_forget(r);
	assert_int_equal(submit(r, pay(30, 1), 1), terQUEUED);
	assert_true(rig_answer(r, 1)->queued && rig_answer(r, 1)->broadcast);
	assert_int_equal(submit(r, pay(30, 2), 2), terQUEUED); /* after the first */
	assert_int_equal(rig_answer(r, 2)->account_seq_next, 1);
	assert_int_equal(rig_answer(r, 2)->account_seq_available, 3);
	assert_int_equal(submit(r, pay(30, 4), 3), terPRE_SEQ);
	assert_int_equal(submit(r, pay(77, 1), 4), terNO_ACCOUNT);
	assert_int_equal(submit(r, wallet_pay(&past), 5), tefPAST_SEQ);
	assert_int_equal(node_next_sequence(r->node, &who), 3);
	rig_submit(r, pay(29, 1), true, 6);
	rig_run(r, 1);
	assert_int_equal(rig_answer(r, 6)->result, telCAN_NOT_QUEUE);
	rig_accept(r);
	assert_int_equal(rig_status(r).counters.tx_validated, LEDGER_TX_MAX);
	assert_int_equal(open_count(r), 2);
	assert_int_equal(rig_status(r).queue_n, 2);
	rig_accept(r);
	assert_int_equal(rig_status(r).counters.tx_validated, LEDGER_TX_MAX + 2);
	rig_close(r);
}

static void a_ledger_is_bounded_in_bytes(void **state)
{
	struct payment p = {.to = 0, .memo = 900};
	struct rig *r = bench(20);
	uint32_t i, k, n = 0, bytes = 0, open;
	struct tx *const *list;

	(void)state;
	for (p.from = i = 1; i < 20; p.from = ++i)
		for (k = 1; k <= 220; k++) {
			p.seq = k;
			rig_submit(r, wallet_pay(&p), false, ++n);
		}
	rig_run(r, 1);
	list = node_open_txs(r->node, &open);
	for (i = 0; i < open; i++)
		bytes += (uint32_t)list[i]->blob.n;
	assert_in_range(bytes, LEDGER_TX_BYTES_MAX - 1200, LEDGER_TX_BYTES_MAX);
	assert_int_equal(rig_status(r).queue_n, n - open);
	rig_accept(r);
	rig_accept(r);
	assert_int_equal(rig_status(r).counters.tx_validated, n);
	rig_close(r);
}

static void an_account_holds_so_many_and_no_more(void **state)
{
	struct rig *r = bench(3);
	uint32_t i;

	(void)state;
	for (i = 0; i < TX_HELD_PER_ACCOUNT_MAX; i++)
		rig_submit(r, pay(1, 2 + i), false, 2 + i);
	rig_run(r, 1);
	assert_int_equal(rig_status(r).queue_n, TX_HELD_PER_ACCOUNT_MAX);
	assert_int_equal(submit(r, pay(1, 9999), 9999), telCAN_NOT_QUEUE_FULL);
	assert_int_equal(submit(r, pay(2, 2), 1), terPRE_SEQ); /* another account */
	rig_forget(r);
	assert_int_equal(submit(r, pay(1, 1), 2), tesSUCCESS);
	assert_int_equal(open_count(r), TX_HELD_PER_ACCOUNT_MAX + 1);
	rig_close(r);
}

/* Accounts that do not exist cost nothing to make up: they get half of the queue. */
static void what_is_held_leaves_room_for_what_is_queued(void **state)
{
	struct rig *r = bench(3);
	uint32_t i, k, n = 0, full = 0;

	(void)state;
	for (i = 0; i < 10; i++)
		for (k = 0; k < 1010; k++)
			rig_submit(r, pay(100 + i, 1 + k), false, ++n);
	rig_run(r, 1);
	for (i = 0; i < r->n_answers; i++)
		full += r->answers[i].result == telCAN_NOT_QUEUE_FULL;
	assert_int_equal(rig_status(r).queue_n, TX_QUEUE_MAX / 2);
	assert_int_equal(full, n - TX_QUEUE_MAX / 2);
	assert_int_equal(rig_status(r).counters.queue_dropped, full);
	assert_int_equal(submit(r, pay(1, 1), ++n), tesSUCCESS);
	rig_close(r);
}

/* Large transactions wait for a worker only up to a sum of bytes. */
static void what_waits_for_a_worker_is_bounded(void **state)
{
	struct payment p = {.from = 1, .to = 2, .memo = 120000};
	struct rig *r = bench(3);
	uint32_t i, waiting = 0;

	(void)state;
	r->hold = VERIFY_BIT;
	for (i = 1; i <= 400; i++) {
		struct tx *t;

		p.seq = i;
		t = wallet_pay(&p);
		rig_gossip(r, 1 + i % 2, &t, 1);
		waiting += node_pending_tx(r->node, &t->id) != NULL;
		tx_unref(t);
	}
	assert_in_range(waiting, 200, (32u << 20) / 120000);
	rig_submit(r, pay(2, 1), false, 1); /* a small one still fits */
	r->hold = 0;
	rig_run(r, 1);
	assert_int_equal(rig_answer(r, 1)->result, tesSUCCESS);
	assert_int_equal(open_count(r), 1); /* memos of that size are temINVALID */
	rig_close(r);
}

static void garbage_and_pseudo_transactions_end_a_peer(void **state)
{
	struct rig *r = bench(3);
	uint8_t junk[64] = {0x12, 0};
	struct bytes blob = bytes_of(junk, sizeof(junk));
	struct msg m = {.type = MSG_TXS, .txs = {.v = &blob, .n = 1}};
	struct arena a = ARENA_INIT;
	struct st_object *o = st_new(&a);
	struct account_id zero = {{0}};
	struct buf b = BUF_INIT;

	(void)state;
	rig_hear_msg(r, 1, &m);
	assert_non_null(r->dropped[1]);
	st_set_u(o, sfTransactionType, ttSetFee);
	st_set_u(o, sfSequence, 0);
	st_set_drops(o, sfFee, drops_of(0));
	st_set_raw(o, sfSigningPubKey, bytes_of(NULL, 0));
	st_set_account(o, sfAccount, &zero);
	st_set_drops(o, sfBaseFeeDrops, drops_of(20));
	st_set_drops(o, sfReserveBaseDrops, drops_of(20));
	st_set_drops(o, sfReserveIncrementDrops, drops_of(20));
	st_encode(&b, o, ST_ALL);
	blob = buf_bytes(&b);
	rig_hear_msg(r, 2, &m);
	assert_non_null(r->dropped[2]);
	buf_close(&b);
	arena_close(&a);
	rig_close(r);
}

/* Nobody waits for an answer that cannot come; nothing new begins. */
static void stopping_answers_and_waits_for_jobs(void **state)
{
	struct rig *r = bench(3);
	struct node_event stop = {.kind = NODE_STOP}, accept = {.kind = NODE_ACCEPT};
	uint32_t i;

	(void)state;
	r->hold = ~0u;
	for (i = 1; i <= 700; i++)
		rig_submit(r, pay(1, i), false, i);
	rig_step(r, &accept);
	rig_step(r, &stop);
	assert_int_equal(r->n_answers, 700);
	assert_int_equal(rig_answer(r, 700)->result, telFAILED_PROCESSING);
	assert_int_equal(r->n_accepted, 1);
	assert_int_not_equal(r->accepted, ERR_NONE);
	rig_submit(r, pay(2, 1), false, 999);
	assert_int_equal(rig_answer(r, 999)->result, telFAILED_PROCESSING);
	assert_int_equal(r->n_stopped, 0);
	rig_finish_all(r);
	assert_int_equal(r->n_stopped, 1);
	rig_run(r, 5000);
	assert_int_equal(r->n_jobs, 0);
	assert_int_equal(r->n_stopped, 1);
	rig_close(r);
}

static void a_new_peer_is_told_what_is_pending(void **state)
{
	struct rig *r = bench(3);
	struct msg m;
	uint32_t i;

	(void)state;
	for (i = 1; i <= 300; i++)
		rig_submit(r, pay(1, i), false, i);
	rig_run(r, 1);
	rig_forget(r);
	rig_peer_up(r, 3);
	assert_int_equal(rig_count(r, MSG_TXS, 1), 0);
	assert_true(rig_heard(r, MSG_TXS, 3, 0, &m, NULL));
	assert_int_equal(m.txs.n, 300);
	rig_close(r);
}

/* Somebody asks for a close while the one by the clock (token 0) runs: theirs comes after it. A
 * second one has to ask again. */
static void asked_while_the_clock_closes(void **state)
{
	struct rig *r = bench(1);
	struct node_event clock = {.kind = NODE_ACCEPT}, asked = {.kind = NODE_ACCEPT};
	uint32_t seq = node_closed(r->node)->header.seq;

	(void)state;
	r->now += 1000;
	asked.accept_token = 5;
	rig_step(r, &clock);
	rig_step(r, &asked);
	assert_int_equal(r->n_accepted, 0);
	rig_step(r, &asked);
	assert_int_equal(r->n_accepted, 1);
	assert_int_equal(r->accepted, ERR_BUSY);
	rig_run(r, 0);
	assert_int_equal(r->n_accepted, 3);
	assert_int_equal(r->accepted, ERR_NONE);
	assert_int_equal(node_closed(r->node)->header.seq, seq + 2);
	rig_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_payment_is_applied_answered_and_relayed_once),
	    cmocka_unit_test(gossip_goes_on_to_all_but_its_sender),
	    cmocka_unit_test(everyone_who_waits_gets_the_answer),
	    cmocka_unit_test(a_resubmit_is_answered_in_every_state),
	    cmocka_unit_test(an_account_keeps_its_order_over_jobs),
	    cmocka_unit_test(successors_wait_for_their_turn_and_are_relayed),
	    cmocka_unit_test(of_two_with_one_sequence_the_first_is_taken),
	    cmocka_unit_test(who_signs_badly_is_told_or_dropped),
	    cmocka_unit_test(a_bad_signature_takes_the_rest_along),
	    cmocka_unit_test(fail_hard_leaves_nothing_behind),
	    cmocka_unit_test(what_waits_expires),
	    cmocka_unit_test(asked_while_the_clock_closes),
	    cmocka_unit_test(a_full_ledger_and_its_queue),
	    cmocka_unit_test(a_ledger_is_bounded_in_bytes),
	    cmocka_unit_test(an_account_holds_so_many_and_no_more),
	    cmocka_unit_test(what_is_held_leaves_room_for_what_is_queued),
	    cmocka_unit_test(what_waits_for_a_worker_is_bounded),
	    cmocka_unit_test(garbage_and_pseudo_transactions_end_a_peer),
	    cmocka_unit_test(stopping_answers_and_waits_for_jobs),
	    cmocka_unit_test(a_new_peer_is_told_what_is_pending),
	};

	bench_setup();
	return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
