/* SPDX-License-Identifier: ISC */
#include "tests/tx/signing.h"

#include <string.h>

/* Sets: the tickets of a TicketCreate of the same set can be used, whatever the order in which they
 * came; a replay of what came out gives the same ledger. */

#define XRP     1000000ull
#define SET_MAX 64

static struct st_object *create(struct world *w, const char *from, uint32_t n)
{
	struct st_object *o = act(w, ttTicketCreate, from);

	st_set_u(o, sfTicketCount, n);
	return o;
}

struct set {
	struct world w;
	struct tx *txs[SET_MAX];
	size_t n;
	struct ledger_build b;
};

static void set_open(struct set *s)
{
	memset(s, 0, sizeof(*s));
	world_open(&s->w, NULL);
}

static void set_add(struct set *s, const char *from, struct st_object *o)
{
	assert_true(s->n < SET_MAX);
	s->txs[s->n++] = trusted_as(from, o);
}

static void set_build(struct set *s, uint8_t salt)
{
	struct ledger_build again;

	s->b = (struct ledger_build){.parent = s->w.base,
				     .txs = s->txs,
				     .n = s->n,
				     .salt = {{salt}},
				     .close = {s->w.base->header.close.s + 10},
				     .close_resolution = 10,
				     .close_agreed = true};
	ledger_build_run(&s->b);
	assert_non_null(s->b.ledger);
	again = s->b;
	again.txs = s->b.applied;
	again.n = s->b.n_applied;
	again.replay = true;
	ledger_build_run(&again);
	assert_int_equal(again.n_applied, s->b.n_applied);
	assert_true(hash256_eq(&again.ledger->hash, &s->b.ledger->hash));
	ledger_unref(again.ledger);
	mem_free(again.applied);
	mem_free(again.failed);
}

static void set_close(struct set *s)
{
	ledger_unref(s->b.ledger);
	mem_free(s->b.applied);
	mem_free(s->b.failed);
	for (size_t i = 0; i < s->n; i++)
		tx_unref(s->txs[i]);
	world_close(&s->w);
}

static void test_set(void **state)
{
	struct set s;

	(void)state;
	set_open(&s);
	for (uint32_t i = 40; i > 0; i--) /* 2 to 41, the last one first */
		set_add(&s, "alice",
			with_ticket(payment(&s.w, "alice", 0, "bob", 1000 + i), 1 + i));
	set_add(&s, "alice", with_ticket(payment(&s.w, "alice", 0, "bob", 1), 42));
	set_add(&s, "alice", with_ticket(payment(&s.w, "alice", 0, "bob", 2), 43)); /* not made */
	set_add(&s, "alice", create(&s.w, "alice", 40));
	set_add(&s, "alice", account_set(&s.w, "alice", 42)); /* behind the tickets */
	set_build(&s, 9);
	assert_int_equal(s.b.n_applied, 42);
	assert_int_equal(s.b.applied[0]->type, ttTicketCreate);
	assert_int_equal(s.b.applied[1]->seq, 42);
	for (uint32_t i = 0; i < 40; i++)
		assert_int_equal(s.b.applied[2 + i]->ticket, 2 + i);
	assert_int_equal(s.b.n_failed, 2); /* 42 is a sequence; 43 may come */
	set_close(&s);
}

/* bob can make his ticket only after alice has paid him; his use of it waits for that. */
static void test_set_retries(void **state)
{
	unsigned late = 0;
	struct set s;

	(void)state;
	for (unsigned salt = 0; salt < 256; salt += 15) {
		struct st_object *o;

		set_open(&s);
		set_add(&s, "bob", payment(&s.w, "bob", 1, "carol", 989 * XRP - 10));
		set_add(&s, "bob", account_set(&s.w, "bob", 2));
		set_add(&s, "bob", with_ticket(payment(&s.w, "bob", 0, "carol", 3), 4));
		o = create(&s.w, "bob", 1);
		st_set_u(o, sfSequence, 3);
		set_add(&s, "bob", o);
		set_add(&s, "alice", payment(&s.w, "alice", 1, "bob", 100 * XRP));
		set_build(&s, (uint8_t)salt);
		assert_int_equal(s.b.n_applied, 5);
		assert_int_equal(s.b.n_failed, 0);
		/* Where bob came first, his ticket was tried again. */
		if (account_eq(&s.b.applied[0]->account, &s.txs[0]->account)) {
			assert_int_equal(s.b.applied[3]->type, ttTicketCreate);
			assert_ptr_equal(s.b.applied[2], s.txs[4]);
			late++;
		}
		assert_ptr_equal(s.b.applied[4], s.b.applied[4]->has_ticket ? s.txs[2] : s.txs[4]);
		set_close(&s);
	}
	assert_true(late > 2 && late < 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_set),
	    cmocka_unit_test(test_set_retries),
	};

	if (crypto_init(NULL) != ERR_NONE)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
