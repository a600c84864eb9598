/* SPDX-License-Identifier: ISC */

/* The payout machine against a ledger that knows nothing of it: deaths at every step, a journal
 * that fails at every write, answers that are lost, late, doubled, wrong.
 * PAYOUT_SEEDS (400), PAYOUT_ALL=1: every kind of failure at every write, not one of them. */
#include "payout_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLOW 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SLOW 1
#endif
#endif

static uint32_t n_lines = 1000;
static uint64_t n_seeds = 400;
static bool all_failures;
static struct world w; /* too large for a stack */

static void every_line_is_paid_once(void **state)
{
	(void)state;
	world_open(&w, 1, n_lines);
	world_run_to_end(&w, 1);
	world_judge(&w);
	assert_int_equal(world_count(&w, LINE_PAID), n_lines);
	assert_int_equal(w.ledger.n_tickets, 0); /* none is left over */
	world_close(&w);
}

static void tickets_keep_many_in_flight(void **state)
{
	(void)state;
	world_open(&w, 1, 1000);
	world_run_to_end(&w, 1);
	assert_int_equal(w.ledger.most_tickets, 250);
	/* four times 250, and what it takes to see that */
	assert_in_range(w.ledger.validated, 14, 22);
	world_close(&w);
}

/* ---- the journal ---- */

static void fail_at(uint32_t write, enum journal_failure f)
{
	w.options.group_max = 1; /* a write and a sync for each line */
	w.fail_at = write;
	w.failure = f;
	assert_true(world_run(&w));
	assert_int_equal(w.m.stop, PAYOUT_JOURNAL);
	world_judge(&w);
	world_run_to_end(&w, 1);
	world_judge(&w);
	assert_int_equal(world_count(&w, LINE_PAID), w.n);
}

static void journal_fails_at_every_write(void **state)
{
	uint32_t writes;

	(void)state;
	world_open(&w, 1, n_lines);
	w.options.group_max = 1;
	world_run_to_end(&w, 1);
	writes = (uint32_t)w.writes;
	assert_true(writes >= n_lines);
	world_close(&w);
	for (uint32_t i = 1; i <= writes; i++)
		for (int f = 1; f < JOURNAL_FAILURES; f++) {
			if (!all_failures && i % (JOURNAL_FAILURES - 1) + 1 != (uint32_t)f)
				continue;
			world_open(&w, i, n_lines);
			fail_at(i, (enum journal_failure)f);
			world_close(&w);
		}
}

static void torn_and_damaged_journals(void **state)
{
	struct payout_groups g;
	struct bytes entries;
	struct buf b;
	size_t last = 0, n = 0;

	(void)state;
	world_open(&w, 3, 40);
	w.options.group_max = 4;
	world_run_to_end(&w, 1);
	b = w.journal;
	for (g = (struct payout_groups){.in = buf_bytes(&b)}; g.at < b.n; n++) {
		last = g.at;
		assert_int_equal(payout_groups_next(&g, &entries, NULL), ERR_NONE);
	}
	assert_true(n > 10);
	for (size_t cut = last + 1; cut < b.n; cut++) { /* in part: cut off */
		g = (struct payout_groups){.in = bytes_of(b.p, cut)};
		while (payout_groups_next(&g, &entries, NULL) == ERR_NONE)
			;
		assert_int_equal(g.at, last);
		assert_int_equal(payout_groups_next(&g, &entries, NULL), ERR_ABSENT);
	}
	for (size_t at = 0; at < b.n; at++) { /* other bytes: damage, wherever */
		enum err e = ERR_NONE;

		b.p[at] ^= 0x10;
		g = (struct payout_groups){.in = buf_bytes(&b)};
		while (e == ERR_NONE)
			e = payout_groups_next(&g, &entries, NULL);
		/* a length that grew in the last one looks like one that is there in part */
		if (at < last || at >= last + 8)
			assert_int_equal(e, ERR_CORRUPT);
		b.p[at] ^= 0x10;
	}
	world_close(&w);
}

static void entries_come_back(void **state)
{
	uint8_t blob[] = {1, 2, 3};
	struct payout_entry in[] = {
	    {.kind = ENTRY_HEADER, .network = 7, .lines = 3},
	    {.kind = ENTRY_SIGNED,
	     .line = 2,
	     .ticket = 9,
	     .first = 4,
	     .last = 16,
	     .fee = {12},
	     .blob = bytes_of(blob, 3)},
	    {.kind = ENTRY_OUTCOME,
	     .line = 2,
	     .outcome = LINE_PAID,
	     .code = "tesSUCCESS",
	     .ledger = 5,
	     .delivered = {DROPS_MAX}},
	};
	struct payout_entry out;
	struct buf b = BUF_INIT, again = BUF_INIT;
	struct cursor c;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		buf_clear(&b);
		buf_clear(&again);
		payout_entry_put(&b, &in[i]);
		c = cursor_of(buf_bytes(&b));
		assert_int_equal(payout_entry_take(&out, &c, NULL), ERR_NONE);
		assert_int_equal(c.left, 0);
		payout_entry_put(&again, &out);
		assert_true(bytes_eq(buf_bytes(&b), buf_bytes(&again)));
		for (size_t n = 0; n < b.n; n++) {
			c = cursor_of(bytes_of(b.p, n));
			assert_int_equal(payout_entry_take(&out, &c, NULL), ERR_CORRUPT);
		}
	}
	buf_close(&b);
	buf_close(&again);
}

/* ---- deaths ---- */

static void deaths_at_every_step(void **state)
{
	(void)state;
	for (uint32_t group = 1; group <= 16; group += 15)
		for (uint64_t at = 1;; at++) {
			bool whole;

			world_open(&w, at, 60);
			w.options.group_max = group;
			w.options.tickets_max = 20;
			w.die_at = at;
			whole = world_run(&w);
			world_judge(&w);
			if (!whole)
				world_run_to_end(&w, 1);
			world_judge(&w);
			assert_int_equal(world_count(&w, LINE_PAID), 60);
			world_close(&w);
			if (whole)
				break;
			assert_true(at < 100000);
		}
}

/* All that may happen, drawn for each seed; then it becomes quiet, and all has to end. */
static void draw(struct world *v)
{
	struct rng *r = &v->ledger.rng;
	struct model_chances *c = &v->ledger.chances;

#define MAYBE(n) (rng_below(r, 2) ? (unsigned)rng_below(r, n) : 0)
	c->request_lost = MAYBE(100);
	c->answer_lost = MAYBE(100);
	c->tx_lost = MAYBE(400);
	c->tx_late = MAYBE(500);
	c->foreign_ticket = MAYBE(200);
	c->foreign_sequence = MAYBE(300);
	c->gap = MAYBE(300);
	c->room = MAYBE(60);
	v->twice = MAYBE(300);
	v->options.tickets_max = 1 + (uint32_t)rng_below(r, 250);
	v->options.group_max = 1 + (uint32_t)rng_below(r, 80);
	v->options.expire = 2 + (uint32_t)rng_below(r, 20);
	for (uint32_t i = 0; i < v->n; i++) {
		v->ledger.refuse[i] = rng_below(r, 20) == 0;
		v->ledger.malformed[i] = rng_below(r, 20) == 0;
	}
	if (rng_below(r, 4) == 0) /* not enough for all */
		v->ledger.balance = 12000000 + rng_below(r, v->n * 2000000ull);
	if (v->options.tickets_max > 100 && rng_below(r, 2) == 0)
		model_foreign_tickets(&v->ledger, (uint32_t)rng_below(r, 100));
}

static void swarm(void **state)
{
	uint64_t outcomes[PAYOUT_OUTCOMES] = {0};

	(void)state;
	for (uint64_t seed = 1; seed <= n_seeds; seed++) {
		struct model_chances quiet = {0};
		bool others;

		world_open(&w, seed, 120);
		draw(&w);
		others = w.ledger.chances.foreign_ticket > 0;
		for (int lives = (int)rng_below(&w.ledger.rng, 12); lives > 0; lives--) {
			w.die_at = 1 + rng_below(&w.ledger.rng, 400);
			if (rng_below(&w.ledger.rng, 3) == 0) {
				w.fail_at = 1 + rng_below(&w.ledger.rng, 20);
				w.failure = (enum journal_failure)(
				    1 + rng_below(&w.ledger.rng, JOURNAL_FAILURES - 1));
			}
			world_run(&w);
			world_judge(&w);
		}
		w.ledger.chances = quiet;
		memset(w.ledger.missing, 0, sizeof(w.ledger.missing));
		w.ledger.balance += 2000 * DROPS_PER_XRP;
		world_run_to_end(&w, 2);
		world_judge(&w);
		for (uint32_t i = 0; i < w.n; i++)
			outcomes[w.lines[i].outcome]++;
		if (!others && world_count(&w, LINE_CONFLICT))
			fail_msg("seed %llu: a conflict with nobody", (unsigned long long)seed);
		assert_int_equal(world_count(&w, LINE_LIVE), 0);
		assert_int_equal(world_count(&w, LINE_OPEN), 0);
		assert_int_equal(world_count(&w, LINE_UNFUNDED), 0);
		world_close(&w);
	}
	assert_true(outcomes[LINE_PAID] && outcomes[LINE_REFUSED] && outcomes[LINE_CONFLICT]);
	print_message("%llu paid, %llu refused, %llu in conflict\n",
		      (unsigned long long)outcomes[LINE_PAID],
		      (unsigned long long)outcomes[LINE_REFUSED],
		      (unsigned long long)outcomes[LINE_CONFLICT]);
}

/* ---- one thing at a time ---- */

static void not_signed_again_across_a_gap(void **state)
{
	(void)state;
	world_open(&w, 5, 30);
	w.ledger.chances.tx_late = 1000; /* most come too late to be applied */
	for (uint32_t i = 15; i < 18; i++)
		w.ledger.missing[i] = true;
	w.options.expire = 8;
	assert_true(world_run(&w));
	world_judge(&w);
	assert_int_equal(w.m.stop, PAYOUT_STALLED);
	assert_int_equal(w.m.retried_total, 0);
	assert_true(world_count(&w, LINE_LIVE) > 0 || w.m.jobs[0].state != JOB_FREE);
	memset(w.ledger.missing, 0, sizeof(w.ledger.missing));
	w.ledger.chances.tx_late = 0;
	world_run_to_end(&w, 1); /* known again: it goes on */
	world_judge(&w);
	assert_int_equal(world_count(&w, LINE_PAID), 30);
	world_close(&w);
}

static void expired_ones_are_signed_again(void **state)
{
	(void)state;
	world_open(&w, 6, 200);
	w.ledger.chances.tx_lost = 500;
	w.options.expire = 2; /* gone before it is sent again */
	world_run_to_end(&w, 5);
	world_judge(&w);
	assert_true(w.m.retried_total > 20);
	assert_int_equal(world_count(&w, LINE_PAID), 200);
	world_close(&w);
}

static void refused_lines_do_not_stop_it(void **state)
{
	(void)state;
	world_open(&w, 7, 100);
	for (uint32_t i = 0; i < 100; i += 10) {
		w.ledger.refuse[i] = true;
		w.ledger.malformed[i + 5] = true;
	}
	world_run_to_end(&w, 1);
	world_judge(&w);
	assert_int_equal(world_count(&w, LINE_PAID), 80);
	assert_int_equal(world_count(&w, LINE_REFUSED), 20);
	assert_string_equal(w.lines[10].code, "tecNO_DST");
	assert_string_equal(w.lines[15].code, "temREDUNDANT");
	world_run_to_end(&w, 1); /* and they are not tried again */
	assert_int_equal(w.m.signed_total, 0);
	assert_int_equal(world_count(&w, LINE_REFUSED), 20);
	world_close(&w);
}

static void unfunded_lines_wait_for_money(void **state)
{
	(void)state;
	world_open(&w, 8, 100);
	w.lines[3].amount = drops_of(5000 * DROPS_PER_XRP); /* more than there is */
	w.ledger.balance = 60 * DROPS_PER_XRP;
	world_run_to_end(&w, 1);
	world_judge(&w);
	assert_int_equal(w.lines[3].outcome, LINE_UNFUNDED);
	assert_int_equal(w.lines[4].outcome, LINE_PAID); /* it went on */
	assert_true(world_count(&w, LINE_PAID) > 30);
	assert_true(world_count(&w, LINE_UNFUNDED) > 30);
	assert_int_equal(w.ledger.n_tickets, 0); /* none made in vain */
	w.ledger.balance += 6000 * DROPS_PER_XRP;
	world_run_to_end(&w, 1);
	world_judge(&w);
	assert_int_equal(world_count(&w, LINE_PAID), 100);
	world_close(&w);
}

/* The tickets are made, then the money goes elsewhere: what is sent is covered nonetheless. */
static void tickets_but_no_money(void **state)
{
	(void)state;
	for (uint64_t at = 1;; at++) {
		world_open(&w, 20, 60);
		for (uint32_t i = 0; i < w.n; i++)
			w.lines[i].amount = drops_of(10 * DROPS_PER_XRP + i);
		w.die_at = at;
		assert_false(world_run(&w));
		if (w.ledger.n_known == 1)
			break;
		world_close(&w);
	}
	model_next_ledger(&w.ledger);
	assert_int_equal(w.ledger.n_tickets, 60);
	w.ledger.balance = (10 + 120 + 55) * DROPS_PER_XRP;
	world_run_to_end(&w, 1);
	world_judge(&w);
	assert_in_range(world_count(&w, LINE_PAID), 5, 20);
	for (uint32_t i = 0; i < w.n; i++) /* no fee was spent on asking the ledger */
		assert_string_not_equal(w.lines[i].code, "tecUNFUNDED_PAYMENT");
	world_close(&w);
}

/* To the drop: reserve, one ticket's reserve, the amount and two fees. */
static void the_last_drop(void **state)
{
	uint64_t amount = 7 * DROPS_PER_XRP, enough = 10000000 + amount + 20;

	(void)state;
	for (int less = 0; less < 2; less++) {
		world_open(&w, 9, 1);
		w.lines[0].amount = drops_of(amount);
		w.ledger.balance = enough - (uint64_t)less;
		world_run_to_end(&w, 1);
		assert_int_equal(w.lines[0].outcome, less ? LINE_UNFUNDED : LINE_PAID);
		assert_int_equal(w.ledger.spent, less ? 0 : amount + 20);
		world_close(&w);
	}
}

static void the_reserve_of_a_ticket(void **state)
{
	(void)state;
	world_open(&w, 10, 1);
	w.ledger.balance = 11 * DROPS_PER_XRP + 50; /* a line's 1 XRP, but no ticket's 2 */
	assert_true(world_run(&w));
	assert_int_equal(w.m.stop, PAYOUT_RESERVE);
	assert_int_equal(w.ledger.spent, 0);
	world_close(&w);
	world_open(&w, 10, 200);
	w.ledger.owners = 0;
	w.ledger.balance = 253 * DROPS_PER_XRP;
	world_run_to_end(&w, 1); /* fewer at a time */
	world_judge(&w);
	assert_int_equal(world_count(&w, LINE_PAID), 200);
	assert_in_range(w.ledger.most_tickets, 40, 120);
	world_close(&w);
}

static void tickets_of_others_count(void **state)
{
	(void)state;
	world_open(&w, 11, 300);
	model_foreign_tickets(&w.ledger, 200);
	world_run_to_end(&w, 1);
	world_judge(&w);
	assert_int_equal(world_count(&w, LINE_PAID), 300);
	assert_int_equal(w.ledger.most_tickets, 250);
	assert_int_equal(w.ledger.n_tickets, 200); /* and are not used */
	world_close(&w);
	world_open(&w, 11, 3);
	model_foreign_tickets(&w.ledger, 250);
	assert_true(world_run(&w));
	assert_int_equal(w.m.stop, PAYOUT_NO_TICKETS);
	world_close(&w);
}

static void a_ticket_that_was_used_elsewhere(void **state)
{
	(void)state;
	world_open(&w, 12, 200);
	w.ledger.chances.tx_late = 700;
	w.ledger.chances.foreign_ticket = 1000;
	world_run_to_end(&w, 3);
	world_judge(&w);
	assert_true(world_count(&w, LINE_CONFLICT) > 0);
	assert_int_equal(world_count(&w, LINE_CONFLICT) + world_count(&w, LINE_PAID), 200);
	world_close(&w);
}

static void a_fee_above_the_cap_waits(void **state)
{
	(void)state;
	world_open(&w, 13, 10);
	w.ledger.fee = 1001;
	assert_true(world_run(&w));
	assert_int_equal(w.m.stop, PAYOUT_STALLED);
	assert_int_equal(w.ledger.spent, 0);
	w.ledger.fee = 1000;
	world_run_to_end(&w, 1);
	assert_int_equal(world_count(&w, LINE_PAID), 10);
	world_close(&w);
}

static void nobody_answers(void **state)
{
	(void)state;
	world_open(&w, 14, 10);
	w.ledger.chances.request_lost = 1000;
	assert_true(world_run(&w));
	assert_int_equal(w.m.stop, PAYOUT_UNREACHABLE);
	assert_in_range(w.now_ms, w.options.patience_ms, w.options.patience_ms + 20000);
	world_close(&w);
}

static void full_queues_hold_it_back(void **state)
{
	(void)state;
	world_open(&w, 15, 300);
	w.ledger.chances.room = 25;
	world_run_to_end(&w, 1);
	world_judge(&w);
	assert_int_equal(world_count(&w, LINE_PAID), 300);
	assert_in_range(w.ledger.validated, 20, 60); /* 25 in each ledger */
	world_close(&w);
}

static void numbers(void)
{
	const char *seeds = getenv("PAYOUT_SEEDS");

#ifdef SLOW
	n_lines = 100;
	n_seeds = 60;
#endif
	if (seeds)
		n_seeds = strtoull(seeds, NULL, 10);
	all_failures = getenv("PAYOUT_ALL") != NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_line_is_paid_once),
	    cmocka_unit_test(tickets_keep_many_in_flight),
	    cmocka_unit_test(journal_fails_at_every_write),
	    cmocka_unit_test(torn_and_damaged_journals),
	    cmocka_unit_test(entries_come_back),
	    cmocka_unit_test(deaths_at_every_step),
	    cmocka_unit_test(swarm),
	    cmocka_unit_test(not_signed_again_across_a_gap),
	    cmocka_unit_test(expired_ones_are_signed_again),
	    cmocka_unit_test(refused_lines_do_not_stop_it),
	    cmocka_unit_test(unfunded_lines_wait_for_money),
	    cmocka_unit_test(tickets_but_no_money),
	    cmocka_unit_test(the_last_drop),
	    cmocka_unit_test(the_reserve_of_a_ticket),
	    cmocka_unit_test(tickets_of_others_count),
	    cmocka_unit_test(a_ticket_that_was_used_elsewhere),
	    cmocka_unit_test(a_fee_above_the_cap_waits),
	    cmocka_unit_test(nobody_answers),
	    cmocka_unit_test(full_queues_hold_it_back),
	};

	numbers();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
