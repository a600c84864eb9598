/* SPDX-License-Identifier: ISC */
#include "base/rng.h"
#include "ledger/directory.h"
#include "tests/tx/signing.h"
#include "tx/engine.h"
#include "tx/ticket.h"

#include <string.h>

/* Tickets: made, used in any order, and counted (cases after rippled's Ticket_test); a model that
 * makes and uses them at random. */

#define XRP 1000000ull

static struct st_object *create(struct world *w, const char *from, uint32_t n)
{
	struct st_object *o = act(w, ttTicketCreate, from);

	st_set_u(o, sfTicketCount, n);
	return o;
}

static bool has_ticket(struct world *w, const char *name, uint32_t seq)
{
	struct person p = person(name);

	return entry_at(w, keylet_ticket(&p.id, seq)) != NULL;
}

static uint32_t tickets_of(struct world *w, const char *name)
{
	uint32_t n = st_u32_or(account_of(w, name), sfTicketCount, 0);

	/* The field is absent, not 0. */
	assert_int_equal(st_has(account_of(w, name), sfTicketCount), n > 0);
	return n;
}

static void expect_owns(struct world *w, const char *name, uint32_t owned, uint32_t tickets)
{
	assert_int_equal(owned_by(w, name), owned);
	assert_int_equal(tickets_of(w, name), tickets);
}

static void test_malformed(void **state)
{
	struct amount minus = {.kind = AMOUNT_XRP, .negative = true, .mantissa = XRP};
	uint8_t b[AMOUNT_BYTES_MAX];
	struct st_object *o;
	struct world w;

	(void)state;
	world_open(&w, NULL);
	expect(&w, "alice", create(&w, "alice", 0), temINVALID_COUNT);
	expect(&w, "alice", create(&w, "alice", 251), temINVALID_COUNT);
	expect(&w, "alice", create(&w, "alice", UINT32_MAX), temINVALID_COUNT);
	expect(&w, "alice", with_fee(create(&w, "alice", 1), 10 * XRP), tesSUCCESS);
	expect_owns(&w, "alice", 1, 1);
	o = create(&w, "alice", 1);
	st_set_raw(o, sfFee, bytes_of(b, amount_encode(b, &minus)));
	expect(&w, "alice", o, temBAD_FEE);
	o = create(&w, "alice", 1);
	st_set_u(o, sfFlags, (uint32_t)tfFullyCanonicalSig);
	expect(&w, "alice", o, tesSUCCESS);
	o = create(&w, "alice", 1);
	st_set_u(o, sfFlags, (uint32_t)tfSell);
	expect(&w, "alice", o, temINVALID_FLAG);
	expect(&w, "nemo", create(&w, "nemo", 1), terNO_ACCOUNT);
	expect_owns(&w, "alice", 2, 2);
	world_close(&w);
}

/* Never more than 250, when the one that is used is gone. */
static void test_most(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL);
	expect(&w, "alice", create(&w, "alice", 250), tesSUCCESS);
	assert_int_equal(sequence_of(&w, "alice"), 252);
	expect_owns(&w, "alice", 250, 250);
	expect(&w, "alice", with_ticket(create(&w, "alice", 1), 2), tesSUCCESS);
	expect_owns(&w, "alice", 250, 250);
	/* What fails uses up its ticket all the same. */
	expect(&w, "alice", with_ticket(create(&w, "alice", 2), 3), tecDIR_FULL);
	expect_owns(&w, "alice", 249, 249);
	expect(&w, "alice", with_ticket(create(&w, "alice", 2), 4), tesSUCCESS);
	expect_owns(&w, "alice", 250, 250);
	expect(&w, "alice", create(&w, "alice", 1), tecDIR_FULL);
	expect_owns(&w, "alice", 250, 250);
	/* 252 to 254 were made with tickets; then one sequence was used. */
	assert_int_equal(sequence_of(&w, "alice"), 256);
	assert_true(has_ticket(&w, "alice", 254));
	assert_false(has_ticket(&w, "alice", 255));

	expect(&w, "bob", create(&w, "bob", 2), tesSUCCESS);
	expect(&w, "bob", with_ticket(create(&w, "bob", 250), 2), tecDIR_FULL);
	expect(&w, "bob", create(&w, "bob", 250), tecDIR_FULL);
	expect_owns(&w, "bob", 1, 1);
	expect(&w, "bob", with_ticket(create(&w, "bob", 250), 3), tesSUCCESS);
	expect_owns(&w, "bob", 250, 250);
	world_close(&w);
}

/* The reserve is that of all tickets after, out of which the fee may be paid. */
static void test_reserve(void **state)
{
	const uint64_t one = 12 * XRP, all = 510 * XRP;
	struct world w;

	(void)state;
	world_open(&w, NULL);
	fund(&w, "dave", one - 1);
	expect(&w, "dave", create(&w, "dave", 1), tecINSUFFICIENT_RESERVE);
	fund(&w, "dave", one - balance_of(&w, "dave"));
	expect(&w, "dave", create(&w, "dave", 1), tesSUCCESS);
	expect_owns(&w, "dave", 1, 1);
	fund(&w, "dave", all - 1 - balance_of(&w, "dave"));
	expect(&w, "dave", create(&w, "dave", 249), tecINSUFFICIENT_RESERVE);
	expect_owns(&w, "dave", 1, 1);
	fund(&w, "dave", all - balance_of(&w, "dave"));
	expect(&w, "dave", with_fee(create(&w, "dave", 249), 400 * XRP), tesSUCCESS);
	expect_owns(&w, "dave", 250, 250);
	assert_int_equal(balance_of(&w, "dave"), 110 * XRP);
	world_close(&w);
}

static void test_use(void **state)
{
	struct st_object *o;
	uint64_t before;
	struct world w;

	(void)state;
	world_open(&w, NULL);
	expect(&w, "alice", create(&w, "alice", 2), tesSUCCESS); /* 2, 3 */
	assert_int_equal(sequence_of(&w, "alice"), 4);
	expect(&w, "alice", with_ticket(create(&w, "alice", 1), 2), tesSUCCESS); /* 4 */
	expect_owns(&w, "alice", 2, 2);
	assert_int_equal(sequence_of(&w, "alice"), 5);
	expect(&w, "alice", with_ticket(create(&w, "alice", 2), 3), tesSUCCESS); /* 5, 6 */
	expect_owns(&w, "alice", 3, 3);
	assert_int_equal(sequence_of(&w, "alice"), 7);
	expect(&w, "alice", with_ticket(noop(&w, "alice"), 5), tesSUCCESS);
	expect(&w, "alice", with_ticket(payment(&w, "alice", 0, "bob", 20 * XRP), 6), tesSUCCESS);
	expect_owns(&w, "alice", 1, 1);
	expect(&w, "alice", with_ticket(authorize(&w, "alice", "bob"), 4), tesSUCCESS);
	expect_owns(&w, "alice", 1, 0);
	assert_int_equal(sequence_of(&w, "alice"), 7);
	expect(&w, "alice", with_ticket(noop(&w, "alice"), 4), tefNO_TICKET);
	expect(&w, "alice", with_ticket(noop(&w, "alice"), 1), tefNO_TICKET); /* a sequence */
	expect(&w, "alice", with_ticket(noop(&w, "alice"), 7), terPRE_TICKET);
	expect(&w, "alice", with_ticket(noop(&w, "alice"), 8), terPRE_TICKET);
	expect(&w, "alice", create(&w, "alice", 1), tesSUCCESS); /* 8 */
	expect(&w, "alice", with_ticket(noop(&w, "alice"), 7), tefNO_TICKET);
	/* Another's ticket is no use, and so is one beside a sequence. */
	expect(&w, "bob", with_ticket(noop(&w, "bob"), 8), terPRE_TICKET);
	o = noop(&w, "alice");
	st_set_u(o, sfTicketSequence, 8);
	expect(&w, "alice", o, temSEQ_AND_TICKET);
	o = with_ticket(noop(&w, "alice"), 8);
	st_set_hash256(o, sfAccountTxnID, &HASH256_ZERO);
	expect(&w, "alice", o, temINVALID);
	expect_owns(&w, "alice", 2, 1);
	/* A fee that is claimed takes the ticket, too, and nothing else. */
	before = balance_of(&w, "alice");
	expect(&w, "alice", with_ticket(payment(&w, "alice", 0, "dave", 1), 8),
	       tecNO_DST_INSUF_XRP);
	expect_owns(&w, "alice", 1, 0);
	assert_int_equal(sequence_of(&w, "alice"), 9);
	assert_int_equal(balance_of(&w, "alice"), before - 10);
	world_close(&w);
}

/* An account that keeps its last transaction's id keeps that of one with a ticket, too. */
static void test_prior(void **state)
{
	struct hash256 got;
	struct st_object *o;
	struct world w;
	struct tx *t;

	(void)state;
	world_open(&w, NULL);
	expect(&w, "alice", set_flag(&w, "alice", asfAccountTxnID), tesSUCCESS);
	expect(&w, "alice", create(&w, "alice", 1), tesSUCCESS);
	t = signed_by("alice", with_ticket(noop(&w, "alice"), 3));
	assert_int_equal(tx_apply(w.view, t, 0, 0, NULL).result, tesSUCCESS);
	assert_true(st_get_hash256(account_of(&w, "alice"), sfAccountTxnID, &got));
	assert_true(hash256_eq(&got, &t->id));
	o = noop(&w, "alice");
	st_set_hash256(o, sfAccountTxnID, &t->id);
	expect(&w, "alice", o, tesSUCCESS);
	tx_unref(t);
	world_close(&w);
}

static void test_metadata(void **state)
{
	struct person alice = person("alice");
	struct keylet k = keylet_ticket(&alice.id, 2);
	char text[2000];
	struct world w;

	(void)state;
	world_open(&w, NULL);
	/* Its page is the first, which is not said. */
	(void)snprintf(text, sizeof(text),
		       "[{'CreatedNode': {'LedgerEntryType': 'Ticket', 'LedgerIndex': '%s',"
		       "  'NewFields': {'Account': '<alice>', 'TicketSequence': 2}}},"
		       " {'CreatedNode': {'LedgerEntryType': 'DirectoryNode',"
		       "  'LedgerIndex': '<directory alice>',"
		       "  'NewFields': {'Owner': '<alice>', 'RootIndex': '<directory alice>'}}},"
		       " {'ModifiedNode': {'LedgerEntryType': 'AccountRoot',"
		       "  'LedgerIndex': '<account alice>',"
		       "  'FinalFields': {'Account': '<alice>', 'Balance': '999999990', 'Flags': 0,"
		       "   'OwnerCount': 1, 'Sequence': 3, 'TicketCount': 1},"
		       "  'PreviousFields': {'Balance': '1000000000', 'OwnerCount': 0,"
		       "   'Sequence': 1}}}]",
		       hash256_hex(&k.key).s);
	expect_nodes(&w, "alice", create(&w, "alice", 1), tesSUCCESS, text);
	/* The root of the directory stays. */
	(void)snprintf(
	    text, sizeof(text),
	    "[{'DeletedNode': {'LedgerEntryType': 'Ticket', 'LedgerIndex': '%s',"
	    "  'FinalFields': {'Account': '<alice>', 'Flags': 0, 'OwnerNode': '0000000000000000',"
	    "   'PreviousTxnID': '<before account alice>', 'PreviousTxnLgrSeq': <seq>,"
	    "   'TicketSequence': 2}}},"
	    " {'ModifiedNode': {'LedgerEntryType': 'DirectoryNode',"
	    "  'LedgerIndex': '<directory alice>', 'PreviousTxnID': '<before directory alice>',"
	    "  'PreviousTxnLgrSeq': <seq>,"
	    "  'FinalFields': {'Flags': 0, 'Owner': '<alice>',"
	    "   'RootIndex': '<directory alice>'}}},"
	    " {'ModifiedNode': {'LedgerEntryType': 'AccountRoot',"
	    "  'LedgerIndex': '<account alice>', 'PreviousTxnID': '<before account alice>',"
	    "  'PreviousTxnLgrSeq': <seq>,"
	    "  'FinalFields': {'Account': '<alice>', 'Balance': '999999980', 'Flags': 0,"
	    "   'OwnerCount': 0, 'Sequence': 3},"
	    "  'PreviousFields': {'Balance': '999999990', 'OwnerCount': 1,"
	    "   'TicketCount': 1}}}]",
	    hash256_hex(&k.key).s);
	expect_nodes(&w, "alice", with_ticket(noop(&w, "alice"), 2), tesSUCCESS, text);
	world_close(&w);
}

/* States that contradict themselves: nothing is applied, or only the fee. */

static void plant_ticket_of(struct tree *state, const char *name, uint32_t seq)
{
	struct person p = person(name);
	struct arena a = ARENA_INIT;
	struct st_object *o = st_new(&a);

	st_set_u(o, sfLedgerEntryType, ltTicket);
	st_set_u(o, sfFlags, 0);
	st_set_account(o, sfAccount, &p.id);
	st_set_u(o, sfOwnerNode, 0);
	st_set_u(o, sfTicketSequence, seq);
	plant_entry(state, keylet_ticket(&p.id, seq), o);
	arena_close(&a);
}

static void has_sequence_9(struct st_object *account)
{
	st_set_u(account, sfSequence, 9);
}
static void has_a_ticket(struct st_object *account)
{
	st_set_u(account, sfSequence, 9);
	st_set_u(account, sfTicketCount, 1);
}
static void has_no_sequences(struct st_object *account)
{
	st_set_u(account, sfSequence, UINT32_MAX - 2);
}
static void has_one_sequence(struct st_object *account)
{
	st_set_u(account, sfSequence, UINT32_MAX);
}
static void plant_uncounted(struct tree *state)
{
	plant_ticket_of(state, "alice", 5);
	plant_account(state, "alice", has_sequence_9);
}
static void plant_unnamed(struct tree *state)
{
	plant_ticket_of(state, "alice", 5);
	plant_account(state, "alice", has_a_ticket);
}
static void plant_future(struct tree *state)
{
	plant_ticket_of(state, "alice", 3);
}
static void plant_last_sequences(struct tree *state)
{
	plant_account(state, "alice", has_no_sequences);
}
static void plant_last_sequence(struct tree *state)
{
	plant_account(state, "alice", has_one_sequence);
}

static void test_broken_states(void **state)
{
	static void (*const plants[])(struct tree *) = {plant_uncounted, plant_unnamed};
	struct world_options o = {.plant = NULL};
	struct world w;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		o.plant = plants[i];
		world_open(&w, &o);
		expect(&w, "alice", with_ticket(noop(&w, "alice"), 5), tefBAD_LEDGER);
		/* Also when only the fee would be claimed. */
		expect(&w, "alice", with_ticket(payment(&w, "alice", 0, "dave", 1), 5),
		       tefBAD_LEDGER);
		assert_int_equal(view_count_changes(w.view), 0);
		world_close(&w);
	}
	o.plant = plant_future;
	world_open(&w, &o);
	expect(&w, "alice", create(&w, "alice", 1), tesSUCCESS);
	world_close(&w);
	world_open(&w, &o);
	expect(&w, "alice", create(&w, "alice", 2), tefBAD_LEDGER);
	world_close(&w);
	/* Sequences end at 2^32 - 1. */
	o.plant = plant_last_sequences;
	world_open(&w, &o);
	expect(&w, "alice", create(&w, "alice", 2), tecINVARIANT_FAILED);
	assert_int_equal(sequence_of(&w, "alice"), UINT32_MAX - 1);
	expect_owns(&w, "alice", 0, 0);
	world_close(&w);
	o.plant = plant_last_sequence;
	world_open(&w, &o);
	expect(&w, "alice", noop(&w, "alice"), tefINVARIANT_FAILED);
	assert_int_equal(view_count_changes(w.view), 0);
	world_close(&w);
}

static void test_consequences(void **state)
{
	struct tx_consequences c;
	struct world w;
	struct tx *t;

	(void)state;
	world_open(&w, NULL);
	t = trusted_as("alice", create(&w, "alice", 7));
	tx_consequences_of(t, &c);
	assert_int_equal(c.sequences, 8);
	assert_int_equal(c.spend.raw, 0);
	assert_false(c.blocker);
	tx_unref(t);
	t = trusted_as("alice", with_ticket(create(&w, "alice", 7), 3));
	tx_consequences_of(t, &c);
	assert_int_equal(c.sequences, 7);
	tx_unref(t);
	t = trusted_as("alice", with_ticket(payment(&w, "alice", 0, "bob", 77), 3));
	tx_consequences_of(t, &c);
	assert_int_equal(c.sequences, 0);
	assert_int_equal(c.spend.raw, 77);
	tx_unref(t);
	world_close(&w);
}

/* The model: which numbers are tickets. Everything else follows. */

enum { NUMBERS = 6000 };

struct model {
	bool is[NUMBERS];
	uint32_t next, n;
	struct rng rng;
};

static uint32_t some_ticket(struct model *m)
{
	uint32_t seq = (uint32_t)rng_below(&m->rng, m->next + 2);

	if (rng_below(&m->rng, 20) == 0 || m->n == 0)
		return seq;
	while (!m->is[seq % NUMBERS])
		seq = (seq + 1) % NUMBERS;
	return seq;
}

static enum ter model_use(struct model *m, uint32_t ticket)
{
	if (ticket >= m->next)
		return terPRE_TICKET;
	if (!m->is[ticket])
		return tefNO_TICKET;
	m->is[ticket] = false;
	m->n--;
	return tesSUCCESS;
}

/* One transaction; the result that the model wants. */
static enum ter model_step(struct model *m, struct world *w, struct st_object **out)
{
	uint32_t want = (uint32_t)rng_below(&m->rng, 4) ? 0 : 1 + (uint32_t)rng_below(&m->rng, 90);
	uint32_t ticket = rng_below(&m->rng, 5) ? some_ticket(m) : UINT32_MAX;
	enum ter r = tesSUCCESS;

	*out = want ? create(w, "alice", want) : noop(w, "alice");
	if (ticket != UINT32_MAX) {
		*out = with_ticket(*out, ticket);
		r = model_use(m, ticket);
	} else {
		m->next++;
	}
	if (r != tesSUCCESS || want == 0)
		return r;
	if (m->n + want > TICKETS_MAX)
		return tecDIR_FULL;
	for (; want > 0; want--, m->n++)
		m->is[m->next++] = true;
	return tesSUCCESS;
}

static bool count_named(void *ctx, const struct hash256 *index)
{
	(void)index;
	++*(uint32_t *)ctx;
	return true;
}

static void expect_model(struct world *w, const struct model *m)
{
	struct person alice = person("alice");
	uint32_t named = 0;
	enum found f;

	assert_int_equal(sequence_of(w, "alice"), m->next);
	expect_owns(w, "alice", m->n, m->n);
	for (uint32_t i = 0; i < m->next; i++)
		assert_int_equal(has_ticket(w, "alice", i), m->is[i]);
	f = directory_each(w->view, keylet_owner_dir(&alice.id), count_named, &named);
	assert_int_not_equal(f, UNAVAILABLE);
	assert_int_equal(named, m->n);
}

static void run_model(uint64_t seed)
{
	struct model m = {.next = 1};
	struct world w;

	rng_init(&m.rng, seed);
	world_open(&w, NULL);
	for (int i = 0; i < 400 && m.next + 100 < NUMBERS; i++) {
		struct st_object *o;
		enum ter want = model_step(&m, &w, &o), got;
		struct tx *t = trusted_as("alice", o);

		got = tx_apply(w.view, t, 0, 0, &w.arena).result;
		if (got != want)
			fail_msg("%d: %s, not %s", i, result_name((int)got),
				 result_name((int)want));
		tx_unref(t);
		if (i % 50 == 49)
			expect_model(&w, &m);
		if (i % 100 == 99)
			world_move(&w, w.info.seq + 1);
	}
	world_close(&w);
}

static void test_model(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 8; seed++)
		run_model(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_malformed),     cmocka_unit_test(test_most),
	    cmocka_unit_test(test_reserve),       cmocka_unit_test(test_use),
	    cmocka_unit_test(test_prior),         cmocka_unit_test(test_metadata),
	    cmocka_unit_test(test_broken_states), cmocka_unit_test(test_consequences),
	    cmocka_unit_test(test_model),
	};

	if (crypto_init(NULL) != ERR_NONE)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
