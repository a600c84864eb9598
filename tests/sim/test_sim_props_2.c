/* SPDX-License-Identifier: ISC */
#include "codec/st.h"
#include "crypto/hash.h"
#include "node/node_impl.h"
#include "tests/sim/keys.h"
#include "tests/sim/support.h"

/* Every property of nodes fires when it is violated: P6, P7, P8, P11 to P14. */

/* ---- P6: a key that says two things ---- */

static void two_positions(void *ctx, struct world *w, uint32_t from, uint32_t to,
			  const struct msg *m)
{
	const struct secret_key *key = world_key(w, from);
	struct msg other = *m;
	uint8_t sig[SIGNATURE_MAX];
	struct buf payload = BUF_INIT;

	(void)ctx;
	if (m->type == MSG_PROPOSAL && to == 1 &&
	    !public_key_cmp(&m->proposal.key, secret_key_public(key))) {
		other.proposal.close.s += 7;
		proposal_payload(&payload, 21337, &other);
		other.proposal.signature = bytes_of(sig,
						    signature_make(key, buf_bytes(&payload), sig));
		buf_close(&payload);
	}
	world_send_as(w, from, to, &other);
}

static void test_p6_two_positions(void **state)
{
	struct world_mangler m = {.send = two_positions};
	struct bench b;

	(void)state;
	bench_open(&b, 21);
	world_mangle(b.w, 0, &m);
	world_run_ms(b.w, 20000);
	bench_expect(&b, "P6", "two positions");
}

static void two_validations(void *ctx, struct world *w, uint32_t from, uint32_t to,
			    const struct msg *m)
{
	struct arena a = ARENA_INIT;
	struct buf bytes = BUF_INIT;
	struct msg other = *m;
	struct st_object *o;

	(void)ctx;
	if (m->type == MSG_VALIDATION && to == 1) {
		assert_int_equal(st_decode(&o, &a, m->validation, NULL), ERR_NONE);
		st_set_hash256(o, sfLedgerHash, &(struct hash256){{1}});
		st_encode(&bytes, o, ST_ALL);
		other.validation = buf_bytes(&bytes);
	}
	world_send_as(w, from, to, &other);
	buf_close(&bytes);
	arena_close(&a);
}

static void test_p6_two_validations(void **state)
{
	struct world_mangler m = {.send = two_validations};
	struct bench b;

	(void)state;
	bench_open(&b, 22);
	world_mangle(b.w, 2, &m);
	world_run_ms(b.w, 20000);
	bench_expect(&b, "P6", "two validations");
}

/* ---- P7, P8: life after healing ---- */

static void test_p7_no_ledger(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, 23);
	world_settle(b.w);
	world_partition(b.w, "AB|CD|E");
	world_run_ms(b.w, 70000);
	bench_expect(&b, "P7", "no ledger after");
}

/* A node that keeps its transaction for itself. */
static void mute_txs(void *ctx, struct world *w, uint32_t from, uint32_t to, const struct msg *m)
{
	(void)ctx;
	if (m->type != MSG_TXS && m->type != MSG_TX_DATA && m->type != MSG_SET)
		world_send_as(w, from, to, m);
}

static void test_p7_a_transaction_that_waits(void **state)
{
	struct world_mangler m = {.send = mute_txs};
	struct world_pay pay = {.from = 3, .to = 4, .drops = 9};
	struct bench b;

	(void)state;
	bench_open(&b, 24);
	world_mangle(b.w, 0, &m);
	world_settle(b.w);
	(void)world_pay(b.w, 'A', &pay);
	world_run_ms(b.w, 150000);
	bench_expect(&b, "P7", "waits since ledger");
}

static void test_p8_a_node_that_stays_behind(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, 25);
	world_partition(b.w, "ABCD|E");
	world_run_ms(b.w, 30000);
	world_settle(b.w);
	world_partition(b.w, "ABCD|E");
	world_run_ms(b.w, 200000);
	bench_expect(&b, "P8", "node E is at ledger");
}

/* ---- P11: bounds ---- */

static void test_p11_a_table_without_bound(void **state)
{
	struct bench b;
	struct node *n;
	uint32_t was;

	(void)state;
	bench_open(&b, 26);
	n = world_node(b.w, 1);
	was = n->n_held;
	n->n_held = 100000;
	for (uint32_t i = 0; i < 64; i++)
		props_stepped(b.p, 1);
	n->n_held = was;
	bench_expect(&b, "P11", "ledgers in memory");
}

static void test_p11_books_that_do_not_agree(void **state)
{
	struct bench b;
	struct node *n;

	(void)state;
	bench_open(&b, 27);
	n = world_node(b.w, 1);
	n->verifying.n++;
	for (uint32_t i = 0; i < 64; i++)
		props_stepped(b.p, 1);
	n->verifying.n--;
	bench_expect(&b, "P11", "in the pool");
}

static void test_p11_a_queue_above_its_bound(void **state)
{
	struct node_status s = {.queue_n = TX_QUEUE_MAX + 1, .queue_max = TX_QUEUE_MAX};
	struct bench b;

	(void)state;
	bench_open(&b, 28);
	props_sizes(b.p, 3, &s);
	bench_expect(&b, "P11", "transactions wait");
}

/* ---- P12: honest links ---- */

static void bad_signatures(void *ctx, struct world *w, uint32_t from, uint32_t to,
			   const struct msg *m)
{
	uint8_t sig[SIGNATURE_MAX] = {1};
	struct msg other = *m;

	(void)ctx;
	if (m->type == MSG_PROPOSAL)
		other.proposal.signature = bytes_of(sig, 64);
	world_send_as(w, from, to, &other);
}

static void test_p12_an_honest_link_is_dropped(void **state)
{
	struct world_mangler m = {.send = bad_signatures};
	struct bench b;

	(void)state;
	bench_open(&b, 29);
	world_mangle(b.w, 3, &m);
	world_run_ms(b.w, 20000);
	bench_expect(&b, "P12", "drops D");
}

/* ---- P13: causes ---- */

static void test_p13_one_cause_two_ledgers(void **state)
{
	struct forged f, g;
	struct bench b;

	(void)state;
	bench_run(&b, 30);
	forge_begin(&f, &b);
	forge_begin(&g, &b);
	forge_balance(&g, 2, 1);
	forge_seal(&f);
	forge_seal(&g);
	props_closed(b.p, 0, f.ledger);
	assert_null(world_failure(b.w));
	props_closed(b.p, 1, g.ledger);
	ledger_unref(f.ledger);
	ledger_unref(g.ledger);
	bench_expect(&b, "P13", "of what others made");
}

#define SEQ_MAX 64

struct run {
	struct ledger_header at[SEQ_MAX]; /* by sequence; seq 0: none */
	uint64_t balance[6];
};

static void keep_header(void *ctx, uint32_t node, struct ledger *l)
{
	struct run *r = ctx;

	(void)node;
	if (l->header.seq < SEQ_MAX)
		r->at[l->header.seq] = l->header;
}

/* With a node that begins again from its disk amid it, so that nothing of its trees is loaded. */
static void run_with(struct run *out, uint32_t workers, bool restart)
{
	struct world_observer o = {.ctx = out, .validated = keep_header};
	struct world_plan plan = world_defaults(31);
	struct bench b = {0};

	plan.workers = workers;
	memset(out, 0, sizeof(*out));
	b.w = world_open(&plan);
	b.p = props_attach(b.w);
	world_observe(b.w, &o);
	world_start(b.w, "ABCDE");
	world_run_ms(b.w, 4000);
	for (int i = 0; i < 6; i++) {
		bench_pay(&b, 5);
		world_run_ms(b.w, 5000);
		if (restart && i == 2) {
			world_kill(b.w, "D");
			world_run_ms(b.w, 6000);
			world_start(b.w, "D");
			world_run_ms(b.w, 4000);
		}
	}
	world_run_ms(b.w, 20000);
	if (world_failure(b.w))
		fail_msg("%s", world_failure(b.w));
	for (uint32_t i = 0; i < 6; i++)
		out->balance[i] = world_balance(b.w, 'B', i);
	bench_close(&b);
}

/* Ledgers of equal causes have equal states, and in the end everybody has the same. */
static void expect_alike(const struct run *a, const struct run *b)
{
	uint32_t alike = 0;

	for (uint32_t seq = 1; seq < SEQ_MAX; seq++) {
		struct ledger_header x = a->at[seq], y = b->at[seq];

		if (!x.seq || !y.seq || !hash256_eq(&x.parent, &y.parent) ||
		    !hash256_eq(&x.tx_hash, &y.tx_hash) || x.close.s != y.close.s ||
		    x.close_resolution != y.close_resolution || x.close_flags != y.close_flags)
			continue;
		alike++;
		assert_memory_equal(&x.state_hash, &y.state_hash, 32);
	}
	assert_true(alike >= 5);
	assert_memory_equal(a->balance, b->balance, sizeof(a->balance));
}

/* What is in memory, and how fast it is worked at, changes no ledger. */
static void test_p13_the_same_ledgers_with_any_workers_and_cache(void **state)
{
	struct run first, other;

	(void)state;
	run_with(&first, 4, false);
	run_with(&other, 0, false);
	expect_alike(&first, &other);
	run_with(&other, 1, false);
	expect_alike(&first, &other);
	run_with(&other, 4, true);
	expect_alike(&first, &other);
}

/* ---- P14: what was never reached ---- */

static bool lists(const struct buf *b, const char *text)
{
	struct buf z = BUF_INIT;
	bool found;

	buf_put(&z, b->p, b->n);
	buf_put_u8(&z, 0);
	found = strstr((const char *)z.p, text) != NULL;
	buf_close(&z);
	return found;
}

static void test_p14_what_was_never_reached(void **state)
{
	struct cover *c = cover_open(), *sum = cover_open();
	struct buf before = BUF_INIT, after = BUF_INIT;
	void *bytes = mem_alloc(cover_bytes());
	struct bench b;

	(void)state;
	assert_false(cover_missing(c, &before));
	assert_true(lists(&before, "message PROPOSAL"));
	assert_true(lists(&before, "result tesSUCCESS"));
	assert_true(lists(&before, "fault NET_LOSS"));
	bench_open(&b, 32);
	cover_join(c, b.w);
	bench_pay(&b, 3);
	world_run_ms(b.w, 20000);
	assert_null(world_failure(b.w));
	bench_close(&b);
	cover_put(c, bytes);
	cover_take(sum, bytes);
	assert_false(cover_missing(sum, &after));
	assert_false(lists(&after, "message PROPOSAL"));
	assert_false(lists(&after, "result tesSUCCESS"));
	assert_false(lists(&after, "mode proposing"));
	assert_true(lists(&after, "fault NET_LOSS"));
	assert_true(lists(&after, "result tecNO_PERMISSION"));
	buf_close(&before);
	buf_close(&after);
	mem_free(bytes);
	cover_close(c);
	cover_close(sum);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_p6_two_positions),
	    cmocka_unit_test(test_p6_two_validations),
	    cmocka_unit_test(test_p7_no_ledger),
	    cmocka_unit_test(test_p7_a_transaction_that_waits),
	    cmocka_unit_test(test_p8_a_node_that_stays_behind),
	    cmocka_unit_test(test_p11_a_table_without_bound),
	    cmocka_unit_test(test_p11_books_that_do_not_agree),
	    cmocka_unit_test(test_p11_a_queue_above_its_bound),
	    cmocka_unit_test(test_p12_an_honest_link_is_dropped),
	    cmocka_unit_test(test_p13_one_cause_two_ledgers),
	    cmocka_unit_test(test_p13_the_same_ledgers_with_any_workers_and_cache),
	    cmocka_unit_test(test_p14_what_was_never_reached),
	};

	bench_begin();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
