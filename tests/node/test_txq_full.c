/* SPDX-License-Identifier: ISC */
#include "txq_bench.h"

#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* The queue when it is full, when what waits fails, and under anything at all. */

/* ---- full ---- */

static void the_cheapest_make_room(void **state)
{
	struct txq_setup s = bench_small();
	struct txq_bench b;

	(void)state;
	s.minimum_queue_size = 6;
	txq_bench_open(&b, &s, 30);
	assert_int_equal(b.q.max, 6);
	bench_fill(&b, 1);
	assert_int_equal(bench_pay(&b, 2, 1, 20), terQUEUED);
	assert_int_equal(bench_pay(&b, 2, 2, 14), terQUEUED); /* worst, but 18 on average */
	assert_int_equal(bench_pay(&b, 2, 3, 20), terQUEUED);
	for (uint32_t i = 3; i <= 5; i++)
		assert_int_equal(bench_pay(&b, i, 1, 30), terQUEUED);
	assert_true(txq_minimum_level(&b.q) == 14 * 256 / 10 + 1);
	assert_int_equal(bench_pay(&b, 6, 1, 12), telCAN_NOT_QUEUE_FULL);
	assert_int_equal(bench_pay(&b, 6, 1, 17), telCAN_NOT_QUEUE_FULL);
	assert_int_equal(bench_pay(&b, 6, 1, 19), terQUEUED);
	assert_int_equal(bench_waiting(&b, 2), 2); /* its last went, not its worst */
	assert_int_equal(b.left[b.n_left - 1].result, telCAN_NOT_QUEUE_FULL);
	assert_int_equal(b.q.n, 6);
	/* A replacement needs no room; an account does not drive out itself. */
	assert_int_equal(bench_pay(&b, 6, 1, 40), terQUEUED);
	assert_int_equal(bench_pay(&b, 2, 3, 35), terQUEUED);
	assert_int_equal(bench_waiting(&b, 2), 3);
	assert_int_equal(b.q.n, 6);
	txq_bench_close(&b);
}

static void one_account_alone_cannot_drive_out_itself(void **state)
{
	struct txq_setup s = bench_small();
	struct txq_bench b;

	(void)state;
	s.minimum_queue_size = 6;
	txq_bench_open(&b, &s, 5);
	bench_fill(&b, 1);
	for (uint32_t seq = 1; seq <= 6; seq++)
		assert_int_equal(bench_pay(&b, 2, seq, 10), terQUEUED);
	assert_int_equal(bench_pay(&b, 2, 7, 40), telCAN_NOT_QUEUE_FULL);
	txq_bench_close(&b);
}

/* Two ledgers' worth, and never less than was configured; after slow consensus as before. */
static void its_size_follows_the_ledgers(void **state)
{
	struct txq_setup s = bench_small();
	struct txq_bench b;

	(void)state;
	txq_bench_open(&b, &s, 30);
	assert_int_equal(b.q.max, 6);
	bench_fill(&b, 1);
	for (uint32_t i = 2; i < 20; i++)
		assert_int_equal(bench_pay(&b, i, 1, 500000), tesSUCCESS);
	bench_next(&b, false);
	assert_int_equal(b.q.fees.expected, 22 * 120 / 100);
	assert_int_equal(b.q.max, 2 * b.q.fees.expected);
	bench_next(&b, true);
	assert_int_equal(b.q.fees.expected, 3);
	assert_int_equal(b.q.max, 52);
	txq_bench_close(&b);
}

/* Of one level, the order is another one with each ledger, and the same for everybody. */
static void ties_are_broken_by_the_ledger(void **state)
{
	struct txq_setup s = bench_small();
	struct txq_bench b;
	struct hash256 before[40];
	uint32_t moved = 0;

	(void)state;
	s.minimum_queue_size = 100;
	txq_bench_open(&b, &s, 60);
	bench_fill(&b, 1);
	for (uint32_t i = 2; i < 42; i++)
		assert_int_equal(bench_pay(&b, i, 1, 10), terQUEUED);
	for (uint32_t i = 0; i < 40; i++) {
		before[i] = b.q.order[i]->tx->id;
		for (uint32_t k = 0; i && k < 32; k++) {
			uint8_t x = before[i - 1].b[k] ^ b.info.parent_hash.b[k];
			uint8_t y = before[i].b[k] ^ b.info.parent_hash.b[k];

			if (x == y)
				continue;
			assert_true(x < y);
			break;
		}
	}
	for (uint32_t i = 0; i < b.q.n; i++) /* nobody pays enough */
		b.q.order[i]->level = 255;
	bench_next(&b, false);
	assert_int_equal(b.q.n, 40);
	for (uint32_t i = 0; i < 40; i++)
		moved += !hash256_eq(&before[i], &b.q.order[i]->tx->id);
	assert_true(moved > 20);
	txq_bench_close(&b);
}

/* ---- what fails ---- */

static void what_claims_its_fee_may_wait(void **state)
{
	struct txq_setup s = bench_small();
	struct payment poor = {.from = 2, .to = 500, .seq = 1}; /* too little for a new account */
	struct txq_bench b;
	struct tx *t;

	(void)state;
	txq_bench_open(&b, &s, 10);
	bench_fill(&b, 1);
	t = wallet_pay(&poor);
	assert_int_equal(bench_give(&b, tx_ref(t), 0), terQUEUED);
	bench_next(&b, false);
	assert_int_equal(bench_told(&b, &t->id)->result, tecNO_DST_INSUF_XRP);
	assert_true(bench_told(&b, &t->id)->applied);
	tx_unref(t);
	txq_bench_close(&b);
}

static void what_cannot_be_is_not_queued(void **state)
{
	struct txq_setup s = bench_small();
	struct arena a = ARENA_INIT;
	struct st_object *o = st_new(&a);
	struct hash256 zero = HASH256_ZERO;
	struct txq_bench b;

	(void)state;
	txq_bench_open(&b, &s, 10);
	bench_fill(&b, 1);
	assert_int_equal(bench_pay(&b, 2, 1, 9), telINSUF_FEE_P);
	assert_int_equal(
	    bench_give(&b, wallet_pay(&(struct payment){.from = 2, .to = 2, .seq = 1}), 0),
	    temREDUNDANT);
	assert_int_equal(bench_pay(&b, 2, 1, WALLET_BALANCE + 1), terINSUF_FEE_B);
	st_set_u(o, sfTransactionType, ttAccountSet);
	st_set_u(o, sfFlags, 0);
	st_set_u(o, sfSequence, 1);
	st_set_drops(o, sfFee, drops_of(10));
	st_set_hash256(o, sfAccountTxnID, &zero);
	assert_int_equal(bench_give(&b, wallet_sign(2, o), 0), telCAN_NOT_QUEUE);
	arena_close(&a);
	assert_int_equal(b.q.n, 0);
	txq_bench_close(&b);
}

/* The balance of the queue's account falls behind its back. */
static void drain(struct txq_bench *b, uint32_t account, uint64_t left)
{
	struct account_id id = wallet_account(account);
	struct st_object *root;

	assert_int_equal(view_peek(b->o.view, keylet_account(&id), &root), FOUND);
	st_set_drops(root, sfBalance, drops_of(left));
	view_update(b->o.view, keylet_account(&id));
}

static void ten_tries_and_a_penalty(void **state)
{
	struct txq_setup s = bench_small();
	struct account_id two = wallet_account(2);
	const struct txq_account *a;
	struct txq_bench b;

	(void)state;
	s.minimum_queue_size = 40;
	txq_bench_open(&b, &s, 10);
	bench_fill(&b, 1);
	for (uint32_t seq = 1; seq <= 3; seq++)
		assert_int_equal(bench_pay(&b, 2, seq, 10), terQUEUED);
	drain(&b, 2, 5);
	for (int i = TXQ_RETRIES; i > 0; i--) {
		bench_next(&b, false);
		a = txq_account_of(&b.q, &two);
		assert_int_equal(a->n, 3);
		assert_int_equal(a->first->retries, i - 1);
		assert_int_equal(a->first->last, terINSUF_FEE_B);
		assert_false(a->retry_penalty);
	}
	bench_next(&b, false);
	assert_int_equal(a->n, 2); /* the next one has a sequence that is not its turn's */
	assert_true(a->retry_penalty);
	assert_int_equal(a->first->retries, 1);
	drain(&b, 2, WALLET_BALANCE);
	bench_next(&b, false);
	bench_next(&b, false);
	assert_int_equal(bench_waiting(&b, 2), 1);
	txq_bench_close(&b);
}

/* Room is scarce and the account has failed before: its last goes with each failure. */
static void penalties_when_it_is_nearly_full(void **state)
{
	struct txq_setup s = bench_small();
	struct account_id two = wallet_account(2);
	struct txq_bench b;

	(void)state;
	s.minimum_queue_size = 6;
	txq_bench_open(&b, &s, 20);
	bench_fill(&b, 1);
	assert_int_equal(bench_pay_until(&b, 2, 1, 10, 0), terQUEUED);
	for (uint32_t seq = 2; seq <= 4; seq++)
		assert_int_equal(bench_pay(&b, 2, seq, 10), terQUEUED);
	for (uint32_t i = 3; i <= 8; i++) {
		drain(&b, i, 5000);
		(void)bench_pay(&b, i, 1, 10);
	}
	drain(&b, 2, 5);
	for (uint32_t i = 3; i <= 8; i++)
		drain(&b, i, 5);
	((struct txq_account *)txq_account_of(&b.q, &two))->drop_penalty = true;
	b.q.setup.minimum_queue_size = b.q.max = b.q.n;
	b.q.setup.ledgers_in_queue = 1;
	bench_next(&b, true);
	assert_int_equal(bench_waiting(&b, 2), 3);
	assert_int_equal(txq_account_of(&b.q, &two)->first->tx->seq, 1);
	txq_bench_close(&b);
}

/* ---- load, and what is free ---- */

static void a_busy_server_asks_for_more(void **state)
{
	struct txq_setup s = bench_small();
	struct txq_bench b;

	(void)state;
	txq_bench_open(&b, &s, 10);
	b.o.load = 512;
	assert_int_equal(bench_pay(&b, 2, 1, 19), telINSUF_FEE_P);
	assert_int_equal(bench_pay(&b, 2, 5, 19), terPRE_SEQ);
	assert_int_equal(bench_pay(&b, 2, 1, 20), tesSUCCESS);
	assert_int_equal(bench_give(&b, bench_blocker(3, 1, 0, 10), 0), tesSUCCESS);
	txq_bench_close(&b);
}

static void a_change_of_key_is_free_once(void **state)
{
	struct txq_setup s = bench_small();
	struct arena a = ARENA_INIT;
	struct st_object *o = st_new(&a);
	struct account_id key = wallet_account(9999);
	struct txq_bench b;

	(void)state;
	txq_bench_open(&b, &s, 10);
	bench_fill(&b, 1);
	st_set_u(o, sfTransactionType, ttSetRegularKey);
	st_set_u(o, sfFlags, 0);
	st_set_u(o, sfSequence, 1);
	st_set_drops(o, sfFee, drops_of(0));
	st_set_account(o, sfRegularKey, &key);
	b.o.load = 512; /* which is twice nothing */
	assert_int_equal(bench_give(&b, wallet_sign(2, o), 0), terQUEUED);
	assert_int_equal(b.q.order[0]->level, FEE_LEVEL_BASE);
	bench_next(&b, false);
	assert_int_equal(bench_seq(&b, 2), 2);
	arena_close(&a);
	txq_bench_close(&b);
}

/* Another transaction for its sequence gets into the ledger; and the ledger takes another course
 * after something was queued behind it. */
static void what_is_overtaken_is_refused(void **state)
{
	struct payment other = {.from = 2, .to = 3, .seq = 1, .fee = 10};
	struct txq_setup s = bench_small();
	struct account_id two = wallet_account(2);
	struct st_object *root;
	struct txq_bench b;
	struct tx *t;

	(void)state;
	s.minimum_queue_size = 40;
	txq_bench_open(&b, &s, 10);
	bench_fill(&b, 1);
	for (int told = 1; told >= 0; told--) {
		other.seq = bench_seq(&b, 2);
		assert_int_equal(bench_pay(&b, 2, other.seq, 10), terQUEUED);
		t = wallet_pay(&other);
		atomic_store(&t->signature, TX_SIG_GOOD);
		assert_true(txq_apply(&b.o, t, 0).applied);
		if (told) {
			txq_overtaken(&b.q, t);
			assert_int_equal(b.left[b.n_left - 1].result, tefPAST_SEQ);
			assert_int_equal(bench_waiting(&b, 2), 0);
		}
		tx_unref(t);
	}
	assert_int_equal(bench_waiting(&b, 2), 1);
	assert_int_equal(bench_give(&b, bench_blocker(2, 3, 0, 20), 0), terQUEUED);
	assert_null(txq_wrong(&b.q));
	assert_int_equal(view_peek(b.o.view, keylet_account(&two), &root), FOUND);
	st_set_u(root, sfSequence, 2); /* as if it had not been applied */
	view_update(b.o.view, keylet_account(&two));
	assert_int_equal(bench_pay(&b, 2, 4, 10), telCAN_NOT_QUEUE_BLOCKED);
	assert_null(txq_wrong(&b.q));
	txq_bench_close(&b);
}

/* ---- anything at all ---- */

#define MODEL_ACCOUNTS 12
#define MODEL_OPS      6000

/* What is known without the queue's own words: how many wait, of whom, and for which sequence. */
static void compare(struct txq_bench *b, uint32_t max_before)
{
	uint32_t n = 0;

	assert_null(txq_wrong(&b->q));
	assert_true(b->q.n <= b->q.max || b->q.n <= max_before);
	for (uint32_t i = 0; i < MODEL_ACCOUNTS; i++) {
		struct account_id id = wallet_account(i);
		const struct txq_account *a = txq_account_of(&b->q, &id);
		uint32_t seq = 0, tickets = 0;

		for (const struct txq_entry *e = a ? a->first : NULL; e; e = e->next, n++) {
			assert_true(account_eq(&e->tx->account, &id));
			assert_true(e->retries >= 0 && e->retries <= TXQ_RETRIES);
			if (e->tx->has_ticket)
				tickets++;
			else
				assert_true(!tickets && e->tx->seq > seq);
			seq = e->tx->seq;
		}
		assert_true(bench_waiting(b, i) <= b->q.setup.maximum_txn_per_account + 1);
	}
	assert_int_equal(n, b->q.n);
}

static enum ter anything(struct txq_bench *b, struct rng *r)
{
	uint32_t who = (uint32_t)rng_below(r, MODEL_ACCOUNTS), seq = bench_seq(b, who);
	struct account_id id = wallet_account(who);
	uint64_t fee = rng_below(r, 4) ? 10 + rng_below(r, 60) : bench_cost(b) * rng_below(r, 7);
	uint32_t next = txq_next_sequence(&b->q, &id, seq);

	switch (rng_below(r, 10)) {
	case 0:
		return bench_give(b, bench_blocker(who, seq, 0, fee), 0);
	case 1:
		return bench_pay(b, who, seq + (uint32_t)rng_below(r, 12), fee);
	case 2:
		return bench_pay_until(b, who, next, fee,
				       b->info.seq + 1 + (uint32_t)rng_below(r, 4));
	case 3:
		return bench_give(b, bench_tickets(who, next, 2), 0);
	case 4:
		return bench_give(b, bench_ticketed(who, seq - 1 - (uint32_t)rng_below(r, 3), fee),
				  0);
	case 5:
		return bench_give(
		    b,
		    wallet_pay(&(struct payment){
			.from = who, .to = (who + 1) % MODEL_ACCOUNTS, .seq = next, .fee = fee}),
		    TX_FAIL_HARD);
	case 6:
		return bench_spend(b, who, next, fee, WALLET_BALANCE / 2);
	default:
		return bench_pay(b, who, next, fee);
	}
}

static void whatever_comes_the_books_agree(void **state)
{
	uint32_t queued = 0, in = 0, full = 0;

	(void)state;
	for (uint32_t seed = 1; seed <= 3; seed++) {
		struct txq_setup s = bench_small();
		struct txq_bench b;
		struct rng r;

		rng_init(&r, seed);
		s.minimum_queue_size = 8 * seed;
		txq_bench_open(&b, &s, MODEL_ACCOUNTS);
		b.info.fees.reserve = drops_of(2000);
		for (uint32_t i = 0; i < MODEL_OPS / 3; i++) {
			uint32_t max = b.q.n > b.q.max ? b.q.n : b.q.max;
			enum ter t = anything(&b, &r);

			queued += t == terQUEUED;
			in += t == tesSUCCESS;
			full += t == telCAN_NOT_QUEUE_FULL;
			if (rng_below(&r, 80) == 0)
				bench_next(&b, rng_below(&r, 8) == 0);
			compare(&b, max);
			if (b.n_left % 50 == 49) /* nobody runs dry */
				drain(&b, (uint32_t)rng_below(&r, MODEL_ACCOUNTS), WALLET_BALANCE);
		}
		txq_bench_close(&b);
	}
	printf("model: %u queued, %u applied at once, %u found it full\n", queued, in, full);
	assert_true(queued > 200 && in > 200 && full > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_cheapest_make_room),
	    cmocka_unit_test(one_account_alone_cannot_drive_out_itself),
	    cmocka_unit_test(its_size_follows_the_ledgers),
	    cmocka_unit_test(ties_are_broken_by_the_ledger),
	    cmocka_unit_test(what_claims_its_fee_may_wait),
	    cmocka_unit_test(what_cannot_be_is_not_queued),
	    cmocka_unit_test(ten_tries_and_a_penalty),
	    cmocka_unit_test(penalties_when_it_is_nearly_full),
	    cmocka_unit_test(a_busy_server_asks_for_more),
	    cmocka_unit_test(a_change_of_key_is_free_once),
	    cmocka_unit_test(what_is_overtaken_is_refused),
	    cmocka_unit_test(whatever_comes_the_books_agree),
	};

	bench_setup();
	return cmocka_run_group_tests_name("txq_full", tests, NULL, NULL);
}
