/* SPDX-License-Identifier: ISC */
#include "cluster.h"
#include "rig.h"

#include "node/node_impl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Filling in history message by message, and which state a node says it is in. */

#define NEWEST 50 /* of the ledgers that are missing */

/* Empty ledgers 1 to NEWEST, and a history that lacks them until they are stored. */
struct past {
	struct ledger_header header[NEWEST + 1];
	struct hash256 hash[NEWEST + 1];
	struct rig *r;
	struct history history;
};

static enum err lacks(void *ctx, uint32_t *seq, struct hash256 *hash, uint32_t *until)
{
	const struct past *p = ctx;

	*seq = p->r && p->r->fill_lowest ? p->r->fill_lowest - 1 : NEWEST;
	*hash = p->hash[*seq];
	*until = 1;
	return *seq ? ERR_NONE : ERR_ABSENT;
}

static struct history_range nothing(void *ctx)
{
	(void)ctx;
	return (struct history_range){0, 0};
}

static enum err no_such_hash(void *ctx, const struct hash256 *hash, uint32_t *seq)
{
	(void)ctx;
	(void)hash;
	(void)seq;
	return ERR_ABSENT;
}

/* A node that follows, with two peers. */
static void past_open(struct past *p)
{
	struct rig_options o = {.validators = 4, .observer = true, .accounts = 3};
	uint32_t i;

	memset(p, 0, sizeof(*p));
	for (i = 1; i <= NEWEST; i++) {
		p->header[i] = (struct ledger_header){.seq = i,
						      .drops = drops_of(5),
						      .parent = p->hash[i - 1],
						      .close = {i * 10},
						      .close_resolution = 10};
		ledger_header_hash(&p->hash[i], &p->header[i]);
	}
	p->history = (struct history){
	    .ctx = p, .lacks = lacks, .complete = nothing, .seq_of_hash = no_such_hash};
	o.history = &p->history;
	p->r = rig_open(&o);
	rig_peer_up(p->r, 1);
	rig_peer_up(p->r, 2);
	rig_run(p->r, 10);
	rig_forget(p->r);
}

/* The newest question; false when there is none since the last answer. */
static bool asked(struct past *p, struct msg *m, uint32_t *peer)
{
	return rig_heard(p->r, MSG_GET_PAST, 0, 0, m, peer);
}

/* What is asked for from `first` on is there, else no peer has it. */
static void answer(struct past *p, uint32_t first)
{
	uint8_t header[LEDGER_HEADER_BYTES];
	struct msg m, said = {.type = MSG_NAK};
	uint32_t peer;

	if (!asked(p, &m, &peer))
		return;
	rig_forget(p->r);
	if (m.get_ledger.seq >= first) {
		said = (struct msg){.type = MSG_PAST};
		ledger_header_encode(header, &p->header[m.get_ledger.seq]);
		said.ledger.hash = m.get_ledger.hash;
		said.ledger.header = bytes_of(header, sizeof(header));
	} else {
		said.nak.request = MSG_GET_PAST;
		said.nak.id = m.get_ledger.hash;
		said.nak.reason = NAK_PRUNED;
	}
	rig_hear_msg(p->r, peer, &said);
}

/* Fewer ledgers than a batch has, and nobody has more: they are stored, and the node asks for the
 * next one again after a while. */
static void what_nobody_continues_is_stored(void **state)
{
	struct past p;
	struct msg m;
	uint32_t i;

	(void)state;
	past_open(&p);
	for (i = 0; i < 100; i++) {
		rig_run(p.r, 50);
		answer(&p, NEWEST - 6);
	}
	assert_int_equal(p.r->filled, 7);
	assert_int_equal(p.r->fill_lowest, NEWEST - 6);
	for (i = 0; i < 500 && !asked(&p, &m, NULL); i++)
		rig_run(p.r, 50);
	assert_true(i < 500);
	assert_int_equal(m.get_ledger.seq, NEWEST - 7);
	rig_close(p.r);
}

/* Every three seconds there are 700 ms in which it may go on: whenever they are, they are seen. */
static void a_short_moment_is_enough(void **state)
{
	uint32_t phase, t;

	(void)state;
	for (phase = 0; phase < 3000; phase += 500) {
		struct past p;
		struct msg m;

		past_open(&p);
		for (t = 0; t < 12000 && !asked(&p, &m, NULL); t += 100) {
			p.r->node->history_stop = (t + phase) % 3000 >= 700;
			rig_run(p.r, 100);
		}
		if (t >= 12000)
			fail_msg("nothing was asked for at phase %u", phase);
		rig_close(p.r);
	}
}

/* ---- states ---- */

static enum node_state state_of(struct cluster *c, uint32_t i)
{
	struct node_status s;
	struct now now = {.steady = {0}};

	node_get_status(cluster_node(c, i), now, &s);
	return s.state;
}

/* Two of four validators, and one that follows, have the genesis and peers, but no quorum: none is
 * full. With the others they are; one whose commits hang only tracks. */
static void full_needs_a_quorum_and_a_commit(void **state)
{
	struct cluster_options o = {.validators = 4,
				    .observers = 1,
				    .delay_ms = 5,
				    .accounts = 10,
				    .late = {false, false, true, true, false},
				    .seed = 5};
	struct cluster *c = cluster_open(&o);
	uint32_t i;

	(void)state;
	for (i = 0; i < 10; i++) {
		cluster_run_ms(c, 1000);
		assert_int_equal(state_of(c, 0), NODE_CONNECTED);
		assert_int_equal(state_of(c, 4), NODE_CONNECTED);
	}
	cluster_restart(c, 2);
	cluster_restart(c, 3);
	cluster_run_ms(c, 40000);
	assert_true(cluster_validated(c, 4) > 3);
	assert_int_equal(state_of(c, 0), NODE_PROPOSING);
	assert_int_equal(state_of(c, 4), NODE_FULL);
	cluster_hold_commits(c, 4, true);
	for (i = 0; i < 40 && cluster_validated(c, 0) <= cluster_validated(c, 4) + 3; i++) {
		if (cluster_validated(c, 0) <= cluster_validated(c, 4) + 1)
			assert_int_equal(state_of(c, 4), NODE_FULL);
		cluster_run_ms(c, 500);
	}
	assert_int_equal(state_of(c, 4), NODE_TRACKING);
	cluster_hold_commits(c, 4, false);
	cluster_run_ms(c, 10000);
	assert_int_equal(state_of(c, 4), NODE_FULL);
	cluster_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_nobody_continues_is_stored),
	    cmocka_unit_test(a_short_moment_is_enough),
	    cmocka_unit_test(full_needs_a_quorum_and_a_commit),
	};

	bench_setup();
	return cmocka_run_group_tests_name("fill", tests, NULL, NULL);
}
