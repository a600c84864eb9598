/* SPDX-License-Identifier: ISC */
#include "codec/st.h"
#include "tests/sim/clients_impl.h"
#include "tests/sim/keys.h"
#include "tests/sim/support.h"

/* P15 fires at whatever is wrong with what accounts own, and the model at whoever signs, waits or
 * deletes as he may not: a network in which some own things, then one thing that must not be. */

#define TICKETS 40 /* of account 1: two pages */

static const struct draft nobodys = {.network_id = 21337, .fee = 10, .nonce = 1};

static void submit(struct bench *b, const struct draft *d)
{
	struct tx *t = draft_sign(d);

	world_submit(b->w, 'A', t, 0);
	tx_unref(t);
	world_run_ms(b->w, 100);
}

/* Account 1 has tickets 2 to 41, account 2 a list of two signers, account 3 lets account 4 in. */
static void own_things(struct bench *b, uint64_t seed)
{
	struct draft d = nobodys;

	bench_open(b, seed);
	d.kind = DRAFT_TICKETS;
	d.from = d.seq = 1;
	d.count = TICKETS;
	submit(b, &d);
	d.kind = DRAFT_LIST;
	d.from = 2;
	d.list = (struct signers){.quorum = 3, .n = 2, .member = {{5, 1}, {6, 2}}};
	d.variety = 1;
	submit(b, &d);
	d.kind = DRAFT_DEPOSIT;
	d.from = 3;
	d.to = 4;
	submit(b, &d);
	world_run_ms(b->w, 20000);
	assert_null(world_failure(b->w));
	b->newest = ledger_ref(node_validated(world_node(b->w, 0)));
	world_run_ms(b->w, 1);
	assert_int_equal(model_seq(b->p->model), b->newest->header.seq);
}

static struct account_id account(uint32_t i)
{
	struct account_id id;

	draft_account(i, &id);
	return id;
}

/* ---- states that never were ---- */

/* The entry with one number of its fields changed. */
static void edit(struct forged *f, struct keylet k, enum sf field, uint64_t value)
{
	struct arena a = ARENA_INIT;
	struct buf bytes = BUF_INIT;
	struct st_object *o;
	struct bytes entry;

	assert_int_equal(tree_get(&f->state, &k.key, &entry), FOUND);
	assert_int_equal(st_decode(&o, &a, entry, NULL), ERR_NONE);
	st_set_u(o, field, value);
	st_encode(&bytes, o, ST_ALL);
	assert_int_equal(tree_put(&f->state, &k.key, buf_bytes(&bytes)), FOUND);
	buf_close(&bytes);
	arena_close(&a);
}

static void erase(struct forged *f, struct keylet k)
{
	assert_int_equal(tree_del(&f->state, &k.key), FOUND);
}

/* The page without one of its indexes. */
static void forget(struct forged *f, struct keylet page, const struct hash256 *index)
{
	struct arena a = ARENA_INIT;
	struct buf bytes = BUF_INIT, left = BUF_INIT;
	struct bytes entry, all;
	struct st_object *o;

	assert_int_equal(tree_get(&f->state, &page.key, &entry), FOUND);
	assert_int_equal(st_decode(&o, &a, entry, NULL), ERR_NONE);
	assert_true(st_get_raw(o, sfIndexes, &all));
	for (size_t i = 0; i < all.n; i += 32)
		if (memcmp(all.p + i, index->b, 32) != 0)
			buf_put(&left, all.p + i, 32);
	assert_int_equal(left.n + 32, all.n);
	st_set_raw(o, sfIndexes, buf_bytes(&left));
	st_encode(&bytes, o, ST_ALL);
	assert_int_equal(tree_put(&f->state, &page.key, buf_bytes(&bytes)), FOUND);
	buf_close(&left);
	buf_close(&bytes);
	arena_close(&a);
}

static void expect_p15(struct forged *f, const char *words)
{
	struct why why = {""};

	f->ledger = ledger_make(&f->header, &f->state, &f->txs);
	tree_close(&f->state);
	tree_close(&f->txs);
	if (props_owned_sound(f->ledger, &why))
		fail_msg("P15 did not fire: %s", words);
	if (!strstr(why.text, words))
		fail_msg("P15 was to say %s, and it said: %s", words, why.text);
	ledger_unref(f->ledger);
}

static void test_p15_fires(void **state)
{
	struct account_id one, two, three, four;
	struct keylet root, ticket;
	struct why why = {""};
	struct forged f;
	struct bench b;

	(void)state;
	own_things(&b, 60);
	one = account(1), two = account(2), three = account(3), four = account(4);
	root = keylet_owner_dir(&one);
	ticket = keylet_ticket(&one, 2); /* the first one: on the first page */
	assert_true(props_owned_sound(b.newest, &why));

	forge_begin(&f, &b);
	edit(&f, keylet_account(&three), sfOwnerCount, 2);
	expect_p15(&f, "its OwnerCount says");

	forge_begin(&f, &b);
	edit(&f, keylet_account(&one), sfTicketCount, TICKETS - 1);
	expect_p15(&f, "its TicketCount says");

	forge_begin(&f, &b);
	erase(&f, ticket);
	edit(&f, keylet_account(&one), sfOwnerCount, TICKETS - 1);
	edit(&f, keylet_account(&one), sfTicketCount, TICKETS - 1);
	expect_p15(&f, "names what is not there");

	forge_begin(&f, &b);
	forget(&f, root, &ticket.key);
	expect_p15(&f, "its directory does not name");

	forge_begin(&f, &b);
	edit(&f, ticket, sfOwnerNode, 1);
	expect_p15(&f, "named on another page");

	forge_begin(&f, &b);
	edit(&f, keylet_dir_page(&root.key, 1), sfIndexPrevious, 7);
	expect_p15(&f, "broken link");

	forge_begin(&f, &b);
	edit(&f, root, sfIndexNext, 2);
	expect_p15(&f, "broken link");

	forge_begin(&f, &b);
	erase(&f, keylet_account(&one));
	expect_p15(&f, "does not exist, and owns something");

	forge_begin(&f, &b);
	edit(&f, ticket, sfTicketSequence, 1000);
	expect_p15(&f, "owns something that is malformed");

	forge_begin(&f, &b);
	edit(&f, keylet_account(&one), sfSequence, 20);
	expect_p15(&f, "a ticket that its sequence has not passed");

	forge_begin(&f, &b);
	edit(&f, keylet_signers(&two), sfSignerQuorum, 4);
	expect_p15(&f, "owns something that is malformed");

	forge_begin(&f, &b);
	edit(&f, keylet_signers(&two), sfFlags, 0);
	expect_p15(&f, "owns something that is malformed");

	forge_begin(&f, &b);
	erase(&f, keylet_deposit_preauth(&three, &four));
	erase(&f, keylet_account(&three));
	expect_p15(&f, "has a directory, and does not exist");
	bench_close(&b);
}

/* And the world ends with it. */
static void test_p15_ends_the_run(void **state)
{
	struct account_id one;
	struct forged f;
	struct bench b;

	(void)state;
	own_things(&b, 61);
	one = account(1);
	forge_begin(&f, &b);
	edit(&f, keylet_account(&one), sfOwnerCount, 1);
	f.ledger = ledger_make(&f.header, &f.state, &f.txs);
	props_owned(b.p, f.ledger, true);
	tree_close(&f.state);
	tree_close(&f.txs);
	ledger_unref(f.ledger);
	bench_expect(&b, "P15", "its OwnerCount says");
}

/* ---- the model ---- */

/* A ledger in which this is said to have come out so. */
static void feed(struct bench *b, const struct draft *d, uint8_t result)
{
	struct tx *t = draft_sign(d);
	struct forged f;

	props_submitted(b->p, t);
	forge_begin(&f, b);
	forge_tx(&f, t, result, -(int64_t)t->fee.raw); /* raw: a forged change */
	bench_feed(b, &f, 0);
	tx_unref(t);
}

static struct draft payment_of(uint32_t from, uint32_t seq)
{
	struct draft d = nobodys;

	d.kind = DRAFT_PAY;
	d.from = from;
	d.seq = seq;
	d.to = 9;
	d.drops = 1;
	return d;
}

static void expect_model(uint64_t seed, const struct draft *d, uint8_t result, const char *property,
			 const char *words)
{
	struct bench b;

	own_things(&b, seed);
	feed(&b, d, result);
	bench_expect(&b, property, words);
}

static void test_the_model_knows_who_may_sign(void **state)
{
	struct draft d = payment_of(2, 2);

	(void)state;
	d.key = KEY_REGULAR;
	expect_model(62, &d, 0, "P9", "the key is not the account's");
	d = payment_of(2, 2);
	d.n_signers = 1;
	d.signer[0] = (struct draft_signer){6, 6};
	expect_model(63, &d, 0, "P9", "too few");
	d.signer[0] = (struct draft_signer){7, 7};
	expect_model(64, &d, 0, "P9", "may not sign");
	d.n_signers = 2;
	d.signer[0] = (struct draft_signer){5, 5};
	d.signer[1] = (struct draft_signer){6, KEY_REGULAR};
	expect_model(65, &d, 0, "P9", "may not sign");
	d = payment_of(3, 2);
	d.n_signers = 1;
	d.signer[0] = (struct draft_signer){6, 6};
	expect_model(66, &d, 0, "P9", "without a list");
}

static void test_the_model_knows_tickets_and_what_is_owned(void **state)
{
	struct draft d = payment_of(1, 0);

	(void)state;
	d.ticket = 2 + TICKETS;
	expect_model(67, &d, 0, "P2", "ticket 42, which is not there");
	d.ticket = 5; /* it is there, and the ledger still has it afterwards */
	expect_model(68, &d, 0, "P10", "of account");
	d = payment_of(1, 2 + TICKETS);
	d.kind = DRAFT_TICKETS;
	d.count = 211;
	expect_model(69, &d, 0, "P10", "the model says 121");
	d = payment_of(3, 2);
	d.kind = DRAFT_DEPOSIT;
	d.to = 4;
	expect_model(70, &d, 0, "P10", "the model says 149");
	d = payment_of(3, 2);
	d.kind = DRAFT_DELETE; /* for less than it costs, which no closed ledger asks */
	expect_model(71, &d, 0, "P10", "the model says 152");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_p15_fires),
	    cmocka_unit_test(test_p15_ends_the_run),
	    cmocka_unit_test(test_the_model_knows_who_may_sign),
	    cmocka_unit_test(test_the_model_knows_tickets_and_what_is_owned),
	};

	bench_begin();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
