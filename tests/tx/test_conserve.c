/* SPDX-License-Identifier: ISC */
#include "tests/tx/support.h"

#include "base/rng.h"
#include "codec/format.h"

#include <stdlib.h>
#include <string.h>

/* XRP is conserved: 100,000 random transactions, most of them wrong in some way, against a model
 * that knows only balances and sequences. After each: the two accounts concerned are as the model
 * says; after each ledger: the sum of all balances and of all that was burned is the total, and a
 * replay of what was applied gives the same ledger. TALLY_SEED gives another run. */

#define PEOPLE     40
#define LEDGERS    100
#define PER_LEDGER 1000
#define RESERVE    (10 * DROPS_PER_XRP)

struct one {
	char name[8];
	bool exists;
	uint64_t balance;
	uint32_t seq;
};
struct model {
	struct one who[PEOPLE];
	struct rng rng;
	uint64_t burned;
	uint32_t ledger;
	size_t applied, claimed, refused;
};

static uint64_t some_amount(struct model *m, const struct one *from)
{
	switch (rng_below(&m->rng, 10)) {
	case 0:
		return 0;
	case 1:
		return DROPS_MAX;
	case 2:
		return from->balance;
	case 3:
		return from->balance > RESERVE ? from->balance - RESERVE : 1;
	case 4:
		return RESERVE;
	case 5:
		return rng_below(&m->rng, DROPS_MAX);
	default:
		return rng_below(&m->rng, 100 * DROPS_PER_XRP);
	}
}

static uint64_t some_fee(struct model *m, const struct one *from)
{
	/* A fee is taken even when it is all one has: not too often, and not from the master. */
	switch (from == m->who ? 9 : rng_below(&m->rng, 1000)) {
	case 0:
	case 4:
	case 5:
		return 0;
	case 1:
		return from->balance;
	case 2:
		return from->balance + 1;
	case 3:
		return DROPS_MAX;
	default:
		return 10 + rng_below(&m->rng, 100);
	}
}

static uint32_t some_seq(struct model *m, const struct one *from)
{
	switch (rng_below(&m->rng, 15)) {
	case 0:
		return from->seq + 1;
	case 1:
		return from->seq - 1;
	case 2:
		return (uint32_t)rng_next(&m->rng);
	default:
		return from->seq;
	}
}

/* What must come of it, by the rules in their shortest form; changes the model. */
struct wish {
	struct one *from, *to; /* to NULL: AccountSet */
	uint64_t amount, fee;
	uint32_t seq;
};

static enum ter predict(struct model *m, const struct wish *w)
{
	struct one *from = w->from, *to = w->to;
	enum ter r = tesSUCCESS;
	uint64_t keep = w->fee > RESERVE ? w->fee : RESERVE;

	if (to && w->amount == 0)
		return temBAD_AMOUNT;
	if (to == from)
		return temREDUNDANT;
	if (!from->exists)
		return terNO_ACCOUNT;
	if (w->seq != from->seq)
		return w->seq > from->seq ? terPRE_SEQ : tefPAST_SEQ;
	if (w->fee > from->balance) {
		if (from->balance == 0)
			return terINSUF_FEE_B;
		r = tecINSUFF_FEE;
	} else if (to && !to->exists && w->amount < RESERVE) {
		r = tecNO_DST_INSUF_XRP;
	} else if (to && from->balance < w->amount + keep) {
		r = tecUNFUNDED_PAYMENT;
	}
	from->seq++;
	m->burned += w->fee < from->balance ? w->fee : from->balance;
	from->balance -= w->fee < from->balance ? w->fee : from->balance;
	if (r != tesSUCCESS || !to)
		return r;
	if (!to->exists) {
		to->exists = true;
		to->seq = m->ledger;
	}
	from->balance -= w->amount;
	to->balance += w->amount;
	return r;
}

static void make_wish(struct model *m, struct wish *w)
{
	w->from = &m->who[rng_below(&m->rng, 4) ? rng_below(&m->rng, PEOPLE) : 0];
	w->to = rng_below(&m->rng, 5) ? &m->who[rng_below(&m->rng, PEOPLE)] : NULL;
	w->amount = some_amount(m, w->from);
	w->fee = some_fee(m, w->from);
	w->seq = some_seq(m, w->from);
}

static struct tx *make_tx(struct world *w, const struct wish *wish)
{
	struct st_object *o = wish->to ? payment(w, wish->from->name, wish->seq, wish->to->name,
						 wish->amount)
				       : account_set(w, wish->from->name, wish->seq);

	st_set_drops(o, sfFee, drops_of(wish->fee));
	return trusted_as(wish->from->name, o);
}

static void expect_same(struct world *w, const struct one *o)
{
	const struct st_object *account = account_of(w, o->name);

	if (!account) {
		assert_false(o->exists);
		return;
	}
	assert_true(o->exists);
	assert_int_equal(balance_of(w, o->name), o->balance);
	assert_int_equal(sequence_of(w, o->name), o->seq);
}

static void step(struct model *m, struct world *w, struct tx **applied, size_t *n)
{
	struct one before;
	struct tx_outcome out;
	struct wish wish;
	enum ter want;
	struct tx *t;

	arena_reset(&w->arena);
	make_wish(m, &wish);
	t = make_tx(w, &wish);
	before = *wish.from;
	want = predict(m, &wish);
	out = tx_apply(w->view, t, 0, 0, &w->arena);
	if (out.result != want)
		fail_msg("%s, not %s: %s seq %u balance %llu pays %s amount %llu fee %llu seq %u",
			 result_name((int)out.result), result_name((int)want), before.name,
			 before.seq, (unsigned long long)before.balance,
			 wish.to ? wish.to->name : "(set)", (unsigned long long)wish.amount,
			 (unsigned long long)wish.fee, wish.seq);
	assert_int_equal(out.applied, want == tesSUCCESS || ter_is_tec(want));
	expect_same(w, wish.from);
	if (wish.to)
		expect_same(w, wish.to);
	m->applied += want == tesSUCCESS;
	m->claimed += ter_is_tec(want) != 0;
	m->refused += !out.applied;
	if (out.applied)
		applied[(*n)++] = t;
	else
		tx_unref(t);
}

static void expect_sum(const struct model *m)
{
	uint64_t sum = m->burned;

	for (size_t i = 0; i < PEOPLE; i++)
		sum += m->who[i].balance;
	assert_int_equal(sum, DROPS_MAX);
}

/* Builds the ledger out of what was applied to the view and goes on from there. */
static void next_ledger(struct model *m, struct world *w, struct tx **applied, size_t n)
{
	struct ledger_build b = {.parent = w->base,
				 .txs = applied,
				 .n = n,
				 .replay = true,
				 .close = {w->base->header.close.s + 10},
				 .close_resolution = 10,
				 .close_agreed = true};
	struct tree flushed;
	struct why why;

	ledger_build_run(&b);
	assert_non_null(b.ledger);
	assert_int_equal(b.n_applied, n);
	assert_int_equal(b.ledger->header.drops.raw, DROPS_MAX - m->burned);
	tree_share(&flushed, &w->base->state);
	assert_int_equal(view_flush(w->view, &flushed), FOUND);
	assert_int_equal(skip_list_update(&flushed, w->info.seq, &w->base->hash), FOUND);
	{
		struct hash256 h = tree_hash(&flushed);

		assert_true(hash256_eq(&h, &b.ledger->header.state_hash));
	}
	tree_close(&flushed);
	assert_true(tree_check(&b.ledger->state, &why));
	mem_free(b.applied);
	mem_free(b.failed);
	for (size_t i = 0; i < n; i++)
		tx_unref(applied[i]);

	view_close(w->view);
	ledger_unref(w->base);
	w->base = b.ledger;
	w->info.seq = ++m->ledger;
	w->info.parent_hash = w->base->hash;
	w->view = view_open_tree(&w->base->state, &w->info);
}

static void test_conservation(void **state)
{
	static const char *funded[] = {"master", "alice", "bob", "carol"};
	const char *env = getenv("TALLY_SEED");
	uint64_t seed = env ? strtoull(env, NULL, 0) : 1;
	struct tx **applied = mem_alloc(PER_LEDGER * sizeof(applied[0]));
	struct model m = {0};
	struct world w;

	(void)state;
	print_message("seed %llu\n", (unsigned long long)seed);
	world_open(&w, NULL);
	rng_init(&m.rng, seed);
	m.ledger = w.info.seq;
	for (size_t i = 0; i < PEOPLE; i++) {
		if (i < 4)
			strcpy(m.who[i].name, funded[i]);
		else
			snprintf(m.who[i].name, sizeof(m.who[i].name), "p%zu", i);
		m.who[i].exists = i < 4;
		m.who[i].balance = balance_of(&w, m.who[i].name);
		m.who[i].seq = 1;
	}
	for (int l = 0; l < LEDGERS; l++) {
		size_t n = 0;

		for (int i = 0; i < PER_LEDGER; i++)
			step(&m, &w, applied, &n);
		expect_sum(&m);
		next_ledger(&m, &w, applied, n);
	}
	print_message("%zu succeeded, %zu claimed a fee, %zu refused\n", m.applied, m.claimed,
		      m.refused);
	assert_true(m.applied > 10000 && m.claimed > 5000 && m.refused > 10000);
	world_close(&w);
	mem_free(applied);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_conservation)};

	if (crypto_init(NULL) != ERR_NONE)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
