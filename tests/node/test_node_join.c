/* SPDX-License-Identifier: ISC */
#include "cluster.h"
#include "node/node_impl.h"
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Joining: a large state from several peers at once, on after a restart, while the network moves
 * on; and the history that is filled in afterwards. */

#define JOINER   4 /* four validators before it */
#define ACCOUNTS 2000

enum mischief { NONE, SILENT, OTHER_PLACE, REFUSES, LEAF_LOST, OTHER_META };

struct tap {
	uint32_t nodes, from[JOINER]; /* that reached the joiner */
	uint32_t pasts;
	int64_t first_past, last_past;
	enum mischief how;
	uint32_t who; /* bits of those who do it */
	struct cluster *c;
	uint32_t newest; /* validated by the joiner */
};

static void refuse(struct msg *m, enum msg_type request, struct hash256 id)
{
	*m = (struct msg){.type = MSG_NAK};
	m->nak.request = request;
	m->nak.id = id;
	m->nak.reason = NAK_PRUNED;
}

static void do_it(struct tap *t, struct msg *m)
{
	static uint8_t leaf[200];

	switch (t->how) {
	case NONE:
		break;
	case SILENT:
		if (m->type == MSG_NODES || m->type == MSG_PAST)
			*m = (struct msg){.type = MSG_PONG};
		break;
	case OTHER_PLACE: /* a true node that nobody asked for */
		if (m->type == MSG_NODES) {
			m->nodes.paths[0].depth = 64;
			m->nodes.n = 1;
		}
		break;
	case REFUSES:
		if (m->type == MSG_NODES)
			refuse(m, MSG_GET_NODES, m->nodes.ledger);
		break;
	case LEAF_LOST:
		if (m->type == MSG_PAST && m->ledger.txs.n) {
			m->ledger.txs.n--;
			m->ledger.total--;
		}
		break;
	case OTHER_META:
		if (m->type == MSG_PAST && m->ledger.txs.n &&
		    m->ledger.txs.v[0].n <= sizeof(leaf)) {
			memcpy(leaf, m->ledger.txs.v[0].p, m->ledger.txs.v[0].n);
			leaf[m->ledger.txs.v[0].n - 1] ^= 1;
			m->ledger.txs.v[0].p = leaf;
		} else if (m->type == MSG_PAST && m->ledger.txs.n) {
			m->ledger.txs.v[0].n--;
		}
		break;
	}
}

static void on_message(void *ctx, uint32_t from, uint32_t to, struct msg *m)
{
	struct tap *t = ctx;

	if (to != JOINER)
		return;
	if (m->type == MSG_NODES) {
		t->nodes += m->nodes.n;
		t->from[from] += m->nodes.n;
	}
	t->pasts += m->type == MSG_PAST;
	if (t->who & 1u << from)
		do_it(t, m);
}

static struct cluster *network(uint32_t history, bool fills, uint64_t seed)
{
	struct cluster_options o = {.validators = JOINER,
				    .observers = 1,
				    .delay_ms = 5,
				    .accounts = ACCOUNTS,
				    .history = history,
				    .fills = fills,
				    .late = {[JOINER] = true},
				    .seed = seed};

	return cluster_open(&o);
}

/* Most accounts change, so that what a joiner begins with is of little use; then some time. */
static void change_the_state(struct cluster *c, uint32_t ms)
{
	struct hash256 id;
	uint32_t i;

	cluster_run_ms(c, 5000);
	for (i = 0; i < ACCOUNTS / 2; i++) {
		cluster_pay(c, i % JOINER, i, i + ACCOUNTS / 2, 1000 + i, 1, &id);
		if (i % 100 == 99)
			cluster_run_ms(c, 200);
	}
	cluster_run_ms(c, ms);
}

/* Runs the joiner until it has what validator 0 had at the beginning; its validated ledger never
 * moves back. */
static void expect_joins(struct cluster *c, struct tap *t, uint32_t within_ms)
{
	uint32_t want = cluster_validated(c, 0), i;

	for (i = 0; i < within_ms && cluster_validated(c, JOINER) < want; i += 100) {
		uint32_t was = cluster_validated(c, JOINER);

		cluster_run_ms(c, 100);
		assert_true(cluster_validated(c, JOINER) >= was);
	}
	if (cluster_validated(c, JOINER) < want)
		fail_msg("stands at %u, was to reach %u", cluster_validated(c, JOINER), want);
	t->newest = cluster_validated(c, JOINER);
	for (i = 0; i < ACCOUNTS; i += 7)
		assert_int_equal(cluster_balance(c, JOINER, i), cluster_balance(c, 0, i));
	cluster_expect_agreement(c);
}

static void begin(struct cluster *c, struct tap *t)
{
	t->c = c;
	cluster_lie(c, on_message, t);
	cluster_restart(c, JOINER);
}

static void several_peers_deliver_a_state(void **state)
{
	struct cluster *c = network(30, false, 61);
	struct tap t = {.nodes = 0};
	uint32_t i;

	(void)state;
	change_the_state(c, 150000);
	begin(c, &t);
	expect_joins(c, &t, 8000);
	assert_in_range(t.nodes, ACCOUNTS, ACCOUNTS * 2); /* none comes twice */
	for (i = 0; i < JOINER; i++)
		assert_true(t.from[i] > t.nodes / 20);
	cluster_close(c);
}

/* Ends amid the fetch: most of what it had need not come again. */
static void a_restart_goes_on_with_what_was_fetched(void **state)
{
	struct cluster *c = network(30, false, 62);
	struct tap t = {.nodes = 0};
	uint32_t first;

	(void)state;
	change_the_state(c, 150000);
	begin(c, &t);
	while (t.nodes < ACCOUNTS)
		cluster_run_ms(c, 1);
	assert_true(cluster_validated(c, JOINER) < 10);
	cluster_run_ms(c, 10);
	cluster_kill(c, JOINER);
	first = t.nodes;
	t.nodes = 0;
	cluster_run_ms(c, 20000); /* the network goes on */
	cluster_restart(c, JOINER);
	expect_joins(c, &t, 8000);
	if (t.nodes >= first * 2 / 3)
		fail_msg("%u nodes, %u before", t.nodes, first);
	cluster_close(c);
}

/* Nothing comes for so long that its peers have pruned the target: the newest ledger is the next
 * one, and only what differs is fetched. */
static void the_target_moves_and_the_difference_is_fetched(void **state)
{
	struct cluster *c = network(30, false, 63);
	struct tap t = {.nodes = 0};
	struct node_status s;

	(void)state;
	change_the_state(c, 150000);
	begin(c, &t);
	while (t.nodes < ACCOUNTS / 2)
		cluster_run_ms(c, 1);
	t.how = SILENT;
	t.who = 15;
	cluster_run_ms(c, 60000);
	node_get_status(cluster_node(c, JOINER), (struct now){{0}, {0}}, &s);
	assert_int_equal(s.state, NODE_SYNCING);
	assert_true(s.sync.active && s.sync.state && s.sync.again > 0);
	assert_true(s.sync.per_mille <= 999);
	t.how = NONE;
	t.nodes = 0;
	expect_joins(c, &t, 15000);
	assert_true(t.nodes < ACCOUNTS);
	cluster_close(c);
}

static void useless_peers_are_passed_over(void **state)
{
	static const enum mischief how[] = {SILENT, OTHER_PLACE, REFUSES};
	uint32_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct cluster *c = network(30, false, 64 + i);
		struct tap t = {.how = how[i], .who = 7};

		change_the_state(c, 120000);
		begin(c, &t);
		expect_joins(c, &t, 30000);
		cluster_close(c);
	}
}

static struct history_range range_of(struct cluster *c, bool searchable)
{
	const struct history *h = cluster_node(c, JOINER)->history;

	return searchable ? h->searchable(h->ctx) : h->complete(h->ctx);
}

/* A joiner fills in what its peers still have, newest first, slowly; complete_ledgers stays what
 * has its state. */
static void history_is_filled_in(void **state)
{
	struct cluster *c = network(60, true, 70);
	struct tap t = {.nodes = 0};
	struct history_range r;
	uint32_t jumped, i, last;

	(void)state;
	change_the_state(c, 300000);
	begin(c, &t);
	expect_joins(c, &t, 8000);
	jumped = range_of(c, false).first;
	assert_true(jumped > 10);
	last = range_of(c, true).first;
	assert_true(last >= jumped - 2);
	for (i = 0; i < 200; i++) {
		cluster_run_ms(c, 50);
		r = range_of(c, true);
		assert_true(r.first <= last || r.first + 60 > r.last); /* or what is kept moved */
		assert_int_equal(r.last, cluster_validated(c, JOINER));
		last = r.first;
	}
	assert_in_range(r.last - r.first, 50, 60);
	assert_true(range_of(c, false).first >= jumped);
	assert_in_range(t.pasts, 40, 80);
	cluster_close(c);
}

/* A peer whose past does not match its hashes is dropped, and another asked. */
static void false_history_is_refused(void **state)
{
	static const enum mischief how[] = {LEAF_LOST, OTHER_META, SILENT};
	uint32_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct cluster *c = network(60, true, 71 + i);
		struct tap t = {.how = how[i], .who = 3};

		/* payments up to the end, so that the past has transactions */
		change_the_state(c, 1000);
		begin(c, &t);
		cluster_run_ms(c, 60000);
		assert_int_equal(range_of(c, true).first, 1);
		cluster_close(c);
	}
}

/* What costs less is estimated from the newest ledgers of the way. */
static void the_cheaper_way_is_chosen(void **state)
{
	static const struct {
		uint32_t linked, left;
		uint64_t txs;
		bool state;
	} cases[] = {
	    {8, 992, 0, false},      /* a thousand empty ones */
	    {8, 992, 80, false},     /* ten transactions in each: 8 s against 4 */
	    {8, 992, 800, true},     /* a hundred: 31 s, and 2,000 accounts to fetch */
	    {8, 4500, 0, true},      /* very many empty ones */
	    {8, 20, 8000, false},    /* few large ones */
	    {200, 200, 200000, true} /* 400,000 transactions */
	};
	struct rig_options o = {.validators = 4, .observer = true, .accounts = ACCOUNTS};
	struct rig *r = rig_open(&o);
	uint32_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		r->node->sync.n_linked = cases[i].linked;
		r->node->sync.n_txs = cases[i].txs;
		if (sync_state_is_cheaper(r->node, cases[i].left) != cases[i].state)
			fail_msg("case %u", i);
	}
	rig_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(several_peers_deliver_a_state),
	    cmocka_unit_test(a_restart_goes_on_with_what_was_fetched),
	    cmocka_unit_test(the_target_moves_and_the_difference_is_fetched),
	    cmocka_unit_test(useless_peers_are_passed_over),
	    cmocka_unit_test(history_is_filled_in),
	    cmocka_unit_test(false_history_is_refused),
	    cmocka_unit_test(the_cheaper_way_is_chosen),
	};

	bench_setup();
	return cmocka_run_group_tests_name("join", tests, NULL, NULL);
}
