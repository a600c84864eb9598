/* SPDX-License-Identifier: ISC */
#include "cluster.h"
#include "rig.h"

#include "ledger/tx_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Catching up: by replay, by a jump to a whole state, from peers that have pruned, that lie, or
 * that fall silent; and what is served. */

enum lie { HONEST, DROPS_A_TX, LONGER, OTHER_NODE, SAYS_PRUNED, SILENT };

/* Counts what crosses the network towards one node, and lets chosen peers lie to it. */
struct tap {
	uint32_t to;
	uint32_t ledgers, parts, nodes;
	uint32_t liars; /* bits */
	enum lie how;
	uint8_t junk[64];
};

static void drop_a_tx(struct msg *m)
{
	if (!m->ledger.txs.n)
		return;
	m->ledger.txs.n--;
	m->ledger.total--;
}

/* Turns a message that answers a request into a refusal. */
static void refuse(struct msg *m, enum msg_type request, struct hash256 id)
{
	*m = (struct msg){.type = MSG_NAK};
	m->nak.request = request;
	m->nak.id = id;
	m->nak.reason = NAK_PRUNED;
}

static void tell_a_lie(struct tap *t, struct msg *m)
{
	switch (t->how) {
	case HONEST:
		break;
	case DROPS_A_TX:
		if (m->type == MSG_LEDGER)
			drop_a_tx(m);
		break;
	case LONGER:
		if (m->type == MSG_LEDGER)
			m->ledger.total += 5;
		break;
	case OTHER_NODE:
		if (m->type == MSG_NODES)
			m->nodes.nodes[m->nodes.n / 2] = bytes_of(t->junk, sizeof(t->junk));
		break;
	case SAYS_PRUNED:
		if (m->type == MSG_LEDGER)
			refuse(m, MSG_GET_LEDGER, m->ledger.hash);
		else if (m->type == MSG_NODES)
			refuse(m, MSG_GET_NODES, m->nodes.ledger);
		break;
	case SILENT:
		if (m->type == MSG_LEDGER || m->type == MSG_NODES)
			*m = (struct msg){.type = MSG_PONG};
		break;
	}
}

static void on_message(void *ctx, uint32_t from, uint32_t to, struct msg *m)
{
	struct tap *t = ctx;

	if (to != t->to)
		return;
	t->parts += m->type == MSG_LEDGER;
	t->ledgers += m->type == MSG_LEDGER && m->ledger.from == 0;
	t->nodes += m->type == MSG_NODES ? m->nodes.n : 0;
	if (t->liars & 1u << from)
		tell_a_lie(t, m);
}

static struct cluster *with(uint32_t accounts, uint32_t history, uint64_t seed)
{
	struct cluster_options o = {.validators = 5,
				    .observers = 1,
				    .delay_ms = 5,
				    .accounts = accounts,
				    .history = history,
				    .seed = seed};

	return cluster_open(&o);
}

/* Runs until node 0 has validated that many more, with a few payments in between. */
static void go_on(struct cluster *c, uint32_t ledgers, uint32_t *seq)
{
	uint32_t end = cluster_validated(c, 0) + ledgers, k;
	struct hash256 id;

	while (cluster_validated(c, 0) < end) {
		for (k = 0; k < 3; k++)
			cluster_pay(c, k, 7, 8, 1, (*seq)++, &id);
		cluster_run_ms(c, 20000);
	}
}

/* Observer 5, down since the beginning of `away` ledgers, follows within that time. */
static struct tap catch_up(struct cluster *c, uint32_t away, struct tap tap, uint32_t within_ms)
{
	uint32_t seq = 1, was;

	tap.to = 5;
	cluster_lie(c, on_message, &tap);
	cluster_run_ms(c, 10000);
	cluster_kill(c, 5);
	go_on(c, away, &seq);
	tap.ledgers = tap.parts = tap.nodes = 0;
	was = cluster_validated(c, 0);
	cluster_restart(c, 5);
	cluster_run_ms(c, within_ms);
	if (cluster_validated(c, 5) < was)
		fail_msg("stands at %u, was to reach %u", cluster_validated(c, 5), was);
	cluster_run_ms(c, 15000);
	assert_true(cluster_validated(c, 5) + 1 >= cluster_validated(c, 0));
	assert_int_equal(cluster_balance(c, 5, 8), cluster_balance(c, 0, 8));
	cluster_expect_agreement(c);
	cluster_lie(c, NULL, NULL);
	return tap;
}

static void a_hundred_ledgers_are_replayed(void **state)
{
	struct cluster *c = with(20, 0, 31);
	uint32_t reported = 0;
	struct tap t;

	(void)state;
	t = catch_up(c, 100, (struct tap){.how = HONEST}, 12000);
	assert_in_range(t.ledgers, 95, 130);
	reported = cluster_reported(c, 5);
	assert_in_range(reported, cluster_validated(c, 5) - 2, cluster_validated(c, 5));
	cluster_close(c);
}

static void three_hundred_ledgers_are_replayed(void **state)
{
	struct cluster *c = with(20, 0, 32);
	struct tap t = catch_up(c, 300, (struct tap){.how = HONEST}, 25000);

	(void)state;
	assert_in_range(t.ledgers, 295, 340);
	assert_int_equal(t.nodes, 0);
	cluster_close(c);
}

/* Few transactions: replaying is cheap, and leaves no gap in the history. */
static void seven_hundred_quiet_ledgers_are_replayed(void **state)
{
	struct cluster *c = with(6000, 0, 33);
	struct tap t = catch_up(c, 700, (struct tap){.how = HONEST}, 45000);

	(void)state;
	assert_int_equal(t.nodes, 0);
	assert_in_range(t.ledgers, 695, 760);
	assert_true(cluster_reported(c, 5) > 700);
	cluster_close(c);
}

/* 6,000 accounts, of which a few changed: only the paths to them are fetched. */
static void behind_pruned_peers_the_difference_is_fetched(void **state)
{
	struct cluster *c = with(6000, 50, 33);
	struct tap t = catch_up(c, 100, (struct tap){.how = HONEST}, 12000);

	(void)state;
	assert_in_range(t.nodes, 5, 100);
	assert_in_range(t.ledgers, 1, 80);
	assert_true(cluster_reported(c, 5) < 100);
	cluster_close(c);
}

static void a_new_node_begins_with_the_genesis_and_jumps(void **state)
{
	struct cluster_options o = {.validators = 4,
				    .observers = 1,
				    .delay_ms = 5,
				    .accounts = 20,
				    .history = 30,
				    .late = {[4] = true},
				    .seed = 34};
	struct cluster *c = cluster_open(&o);
	struct hash256 id;

	(void)state;
	cluster_pay(c, 0, 1, 2, 77, 1, &id);
	cluster_run_ms(c, 250000); /* about 70 ledgers, of which 30 can be had */
	cluster_restart(c, 4);
	cluster_run_ms(c, 15000);
	assert_true(cluster_validated(c, 4) + 1 >= cluster_validated(c, 0));
	assert_int_equal(cluster_balance(c, 4, 2), WALLET_BALANCE + 77);
	assert_true(cluster_reported(c, 4) < 20);
	cluster_close(c);
}

static void a_validator_behind_pruned_peers_jumps_and_votes(void **state)
{
	struct cluster *c = with(20, 40, 35);
	uint32_t seq = 1, was;

	(void)state;
	cluster_run_ms(c, 10000);
	cluster_kill(c, 4);
	go_on(c, 150, &seq);
	cluster_restart(c, 4);
	cluster_run_ms(c, 15000);
	assert_true(cluster_validated(c, 4) + 1 >= cluster_validated(c, 0));
	cluster_kill(c, 0); /* its vote is needed now */
	was = cluster_validated(c, 1);
	cluster_run_ms(c, 20000);
	assert_true(cluster_validated(c, 1) > was + 2);
	cluster_close(c);
}

static void liars_do_not_keep_a_node_behind(void **state)
{
	static const struct {
		enum lie how;
		uint32_t liars, ledgers, within_ms;
	} cases[] = {
	    {DROPS_A_TX, 1u << 1, 60, 40000},
	    {DROPS_A_TX, 7, 60, 60000},
	    {LONGER, 1u << 2 | 1u << 3, 40, 60000},
	    {SAYS_PRUNED, 7, 40, 30000},
	    {SILENT, 7, 40, 60000},
	};
	uint32_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cluster *c = with(20, 0, 40 + i);
		struct tap t = {.liars = cases[i].liars};

		t.how = cases[i].how;
		catch_up(c, cases[i].ledgers, t, cases[i].within_ms);
		cluster_close(c);
	}
}

static void liars_do_not_spoil_a_state(void **state)
{
	static const enum lie how[] = {OTHER_NODE, SAYS_PRUNED, SILENT};
	uint32_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct cluster *c = with(300, 30, 50 + i);
		struct tap t = {.liars = 7};

		t.how = how[i];
		catch_up(c, 120, t, 60000);
		cluster_close(c);
	}
}

/* ---- one node on the bench ---- */

static struct rig *bench(struct ledger *tip)
{
	struct rig_options o = {.validators = 4, .observer = true, .accounts = 3, .tip = tip};
	struct rig *r = rig_open(&o);
	uint32_t i;

	for (i = 1; i <= 3; i++)
		rig_peer_up(r, i);
	rig_run(r, 10);
	rig_forget(r);
	return r;
}

/* One validator alone names ledgers that nobody has; the one with a quorum is fetched. */
static void a_quorum_goes_before_one_that_cries(void **state)
{
	struct cons_validation v = {.signed_at = {800000000}, .full = true};
	struct rig *r = bench(NULL);
	struct msg m;
	uint32_t i;

	(void)state;
	v.seq = 4000000000u;
	v.ledger.b[0] = 0xEE;
	rig_hear(r, 1, validator_validation(3, &v, 1));
	rig_run(r, 2000);
	v.seq = 900;
	v.ledger.b[0] = 0x11;
	for (i = 0; i < 4; i++)
		rig_hear(r, i ? i : 1, validator_validation(i, &v, 1));
	rig_forget(r);
	rig_run(r, 2000);
	assert_true(rig_heard(r, MSG_GET_LEDGER, 0, 0, &m, NULL));
	assert_int_equal(m.get_ledger.hash.b[0], 0x11);
	rig_forget(r);
	for (i = 0; i < 20; i++) {
		v.seq = 4000000001u + i;
		v.ledger.b[0] = 0xEE;
		v.ledger.b[1] = (uint8_t)i;
		rig_hear(r, 1, validator_validation(3, &v, 1));
		rig_run(r, 400);
	}
	for (i = 0; rig_heard(r, MSG_GET_LEDGER, 0, i, &m, NULL); i++)
		assert_int_equal(m.get_ledger.hash.b[0], 0x11);
	assert_true(i > 2);
	rig_close(r);
}

/* A refusal counts only from the peer that was asked, for what it was asked. */
static void unasked_answers_change_nothing(void **state)
{
	struct rig *r = bench(NULL);
	struct msg m = {.type = MSG_NAK};
	uint32_t i;

	(void)state;
	m.nak.reason = NAK_PRUNED;
	for (i = 1; i <= 3; i++) {
		m.nak.request = MSG_GET_NODES;
		rig_hear_msg(r, i, &m);
		m.nak.request = MSG_GET_LEDGER;
		rig_hear_msg(r, i, &m);
		m.nak.request = MSG_GET_SET;
		rig_hear_msg(r, i, &m);
		m.nak.request = MSG_PING;
		rig_hear_msg(r, i, &m);
		assert_null(r->dropped[i]);
	}
	assert_string_equal(r->log, "");
	rig_close(r);
}

/* A state with a leaf that fills a frame, and thousands of small ones. */
static struct ledger *large_leaves(void)
{
	struct ledger_header h = {.seq = 700, .close_resolution = 30};
	uint8_t *big = mem_zalloc(1, 600000);
	struct hash256 key = {{0}};
	struct tree state, txs;
	uint32_t i;

	tree_init_empty(&state, TREE_STATE, NULL);
	tree_init_empty(&txs, TREE_TX_META, NULL);
	for (i = 0; i < 200; i++) {
		key.b[0] = (uint8_t)i;
		assert_int_equal(tree_put(&state, &key, bytes_of(big, i % 7 ? 4000 : 600000)),
				 FOUND);
	}
	key.b[0] = 255;
	mem_free(big);
	big = mem_zalloc(1, 1u << 20);
	assert_int_equal(tree_put(&state, &key, bytes_of(big, 1u << 20)), FOUND);
	mem_free(big);
	return ledger_make(&h, &state, &txs);
}

static enum err one_seq(void *ctx, const struct hash256 *hash, uint32_t *seq)
{
	const struct ledger *l = ctx;

	*seq = l->header.seq;
	return hash256_eq(hash, &l->hash) ? ERR_NONE : ERR_ABSENT;
}

static enum err one_ledger(void *ctx, uint32_t seq, struct ledger **out)
{
	struct ledger *l = ctx;

	if (seq != l->header.seq)
		return ERR_ABSENT;
	*out = ledger_ref(l);
	return ERR_NONE;
}

static struct history_range one_range(void *ctx)
{
	const struct ledger *l = ctx;

	return (struct history_range){l->header.seq, l->header.seq};
}

/* Whatever is asked for, the answer fits into a frame. */
static void large_leaves_are_served_in_frames(void **state)
{
	struct ledger *l = large_leaves();
	struct history h = {
	    .ctx = l, .seq_of_hash = one_seq, .ledger = one_ledger, .complete = one_range};
	struct msg_path paths[256];
	struct msg ask = {.type = MSG_GET_NODES}, m;
	struct rig *r = bench(NULL);
	uint32_t i;

	(void)state;
	node_set_history(r->node, &h);
	for (i = 0; i < 256; i++)
		paths[i] = (struct msg_path){.depth = 2, .nibbles = {(uint8_t)i}};
	ask.get_nodes.ledger = l->hash;
	ask.get_nodes.tree = MSG_TREE_STATE;
	ask.get_nodes.paths = paths;
	ask.get_nodes.n = 256;
	rig_hear_msg(r, 1, &ask);
	assert_true(rig_heard(r, MSG_NODES, 1, 0, &m, NULL));
	assert_in_range(m.nodes.n, 1, 255);
	for (i = 0; i < 256; i++) {
		ask.get_nodes.paths = &paths[255 - i];
		ask.get_nodes.n = i + 1;
		rig_run(r, 1000);
		rig_hear_msg(r, 1 + i % 3, &ask);
	}
	assert_null(r->dropped[1]);
	rig_close(r);
	ledger_unref(l);
}

static void floods_of_requests_are_answered_busy(void **state)
{
	struct ledger *l = large_leaves();
	struct history h = {
	    .ctx = l, .seq_of_hash = one_seq, .ledger = one_ledger, .complete = one_range};
	struct msg_path paths[200];
	struct msg ask = {.type = MSG_GET_NODES}, m;
	struct rig *r = bench(NULL);
	uint32_t i;

	(void)state;
	node_set_history(r->node, &h);
	for (i = 0; i < 200; i++)
		paths[i] = (struct msg_path){.depth = 2, .nibbles = {(uint8_t)i}};
	ask.get_nodes.ledger = l->hash;
	ask.get_nodes.paths = paths;
	ask.get_nodes.n = 200;
	for (i = 0; i < 100; i++)
		rig_hear_msg(r, 1, &ask);
	assert_in_range(rig_count(r, MSG_NODES, 1), 10, 40);
	assert_true(rig_heard(r, MSG_NAK, 1, 0, &m, NULL));
	assert_int_equal(m.nak.reason, NAK_BUSY);
	ask = (struct msg){.type = MSG_GET_LEDGER};
	ask.get_ledger.hash = l->hash;
	ask.get_ledger.from = LEDGER_TX_MAX;
	rig_hear_msg(r, 2, &ask);
	assert_true(rig_heard(r, MSG_LEDGER, 2, 0, &m, NULL));
	assert_int_equal(m.ledger.txs.n, 0);
	rig_close(r);
	ledger_unref(l);
}

/* Three peers ask in turn: none has used up its own allowance when that of all together is gone,
 * which is twice as much. Time gives it back. */
static void all_peers_together_have_an_allowance(void **state)
{
	struct ledger *l = large_leaves();
	struct history h = {
	    .ctx = l, .seq_of_hash = one_seq, .ledger = one_ledger, .complete = one_range};
	struct msg_path paths[200];
	struct msg ask = {.type = MSG_GET_NODES}, m;
	struct rig *r = bench(NULL);
	uint32_t i, alone, sum = 0, most = 0;

	(void)state;
	node_set_history(r->node, &h);
	for (i = 0; i < 200; i++)
		paths[i] = (struct msg_path){.depth = 2, .nibbles = {(uint8_t)i}};
	ask.get_nodes.ledger = l->hash;
	ask.get_nodes.paths = paths;
	ask.get_nodes.n = 200;
	for (i = 0; i < 50; i++)
		rig_hear_msg(r, 1, &ask);
	alone = rig_count(r, MSG_NODES, 1);
	rig_forget(r);
	rig_run(r, 2500);
	for (i = 0; i < 150; i++)
		rig_hear_msg(r, 1 + i % 3, &ask);
	for (i = 1; i <= 3; i++) {
		uint32_t n = rig_count(r, MSG_NODES, i);

		most = n > most ? n : most;
		sum += n;
		assert_true(rig_heard(r, MSG_NAK, i, 0, &m, NULL));
		assert_int_equal(m.nak.reason, NAK_BUSY);
	}
	assert_true(most < alone);
	assert_in_range(sum, 2 * alone - 3, 2 * alone + 3);
	rig_forget(r);
	rig_run(r, 500);
	rig_hear_msg(r, 3, &ask);
	assert_int_equal(rig_count(r, MSG_NODES, 3), 1);
	rig_close(r);
	ledger_unref(l);
}

/* ---- a tree that cannot be read ---- */

static enum err broken_load(void *ctx, uint64_t key, struct buf *out)
{
	(void)ctx;
	(void)key;
	(void)out;
	return ERR_IO;
}

/* The tip from disk cannot be read: nothing is voted for, the process is to end. */
static void a_state_that_cannot_be_read_ends_the_node(void **state)
{
	struct node_source broken = {.load = broken_load};
	struct ledger_header h = {.seq = 500, .close = {800000000}, .close_resolution = 30};
	struct rig_options o = {.validators = 1, .accounts = 3};
	struct hash256 root = {{5}};
	struct tree t, txs;
	struct rig *r;

	(void)state;
	tree_init_stored(&t, TREE_STATE, &broken, &root, 17);
	tree_init_empty(&txs, TREE_TX_META, NULL);
	o.tip = ledger_make(&h, &t, &txs);
	r = rig_open(&o);
	rig_peer_up(r, 1);
	rig_run(r, 20000);
	assert_int_equal(r->n_failed, 1);
	assert_true(rig_status(r).store_failed);
	assert_int_equal(rig_count(r, MSG_PROPOSAL, 0) + rig_count(r, MSG_VALIDATION, 0), 0);
	ledger_unref(o.tip);
	rig_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_hundred_ledgers_are_replayed),
	    cmocka_unit_test(three_hundred_ledgers_are_replayed),
	    cmocka_unit_test(seven_hundred_quiet_ledgers_are_replayed),
	    cmocka_unit_test(behind_pruned_peers_the_difference_is_fetched),
	    cmocka_unit_test(a_new_node_begins_with_the_genesis_and_jumps),
	    cmocka_unit_test(a_validator_behind_pruned_peers_jumps_and_votes),
	    cmocka_unit_test(liars_do_not_keep_a_node_behind),
	    cmocka_unit_test(liars_do_not_spoil_a_state),
	    cmocka_unit_test(a_quorum_goes_before_one_that_cries),
	    cmocka_unit_test(unasked_answers_change_nothing),
	    cmocka_unit_test(large_leaves_are_served_in_frames),
	    cmocka_unit_test(floods_of_requests_are_answered_busy),
	    cmocka_unit_test(all_peers_together_have_an_allowance),
	    cmocka_unit_test(a_state_that_cannot_be_read_ends_the_node),
	};

	bench_setup();
	return cmocka_run_group_tests_name("sync", tests, NULL, NULL);
}
