/* SPDX-License-Identifier: ISC */
#include "cluster.h"
#include "node/nunl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* The negative UNL in a cluster: a network outlives validators that are away for long. */

static void run_to(struct cluster *c, uint32_t node, uint32_t seq)
{
	uint32_t left = 400 + 10 * (seq - cluster_validated(c, node));

	while (cluster_validated(c, node) < seq && left--)
		cluster_run_ms(c, 1000);
	if (cluster_validated(c, node) < seq)
		fail_msg("node %u stands at %u, wanted %u", node, cluster_validated(c, node), seq);
}

static bool disabled(struct cluster *c, uint32_t at, uint32_t who)
{
	struct public_key key;

	secret_key_close(validator_key(who, &key));
	return negative_unl_has(node_negative_unl(cluster_node(c, at)), &key);
}

static uint32_t quorum(struct cluster *c, uint32_t i)
{
	struct node_status s;

	node_get_status(cluster_node(c, i), (struct now){.steady = {0}}, &s);
	return s.quorum;
}

/* Six validators need five. F is away past two flag ledgers; then E goes, too; F comes back. */
static void outlives_two_that_went(void **state)
{
	struct cluster_options o = {.validators = 6, .delay_ms = 5, .accounts = 4, .seed = 41};
	struct cluster *c = cluster_open(&o);
	struct hash256 id;

	(void)state;
	run_to(c, 0, 10);
	assert_int_equal(quorum(c, 0), 5);
	cluster_kill(c, 5);
	run_to(c, 0, 769);
	assert_true(node_negative_unl(cluster_node(c, 0))->disabling);
	assert_false(disabled(c, 0, 5));
	assert_int_equal(quorum(c, 0), 5);
	run_to(c, 0, 1026);
	assert_true(disabled(c, 0, 5));
	assert_int_equal(quorum(c, 0), 4);

	cluster_kill(c, 4);
	cluster_pay(c, 0, 1, 2, 1000, 1, &id);
	run_to(c, 0, 1036);
	assert_int_equal(cluster_times_validated(c, 0, &id), 1);

	cluster_restart(c, 5);
	run_to(c, 5, 1050);
	assert_int_equal(quorum(c, 5), 4);
	run_to(c, 0, 1538);
	assert_false(disabled(c, 0, 5));
	assert_true(disabled(c, 0, 4));
	assert_int_equal(node_negative_unl(cluster_node(c, 0))->n, 1);
	assert_int_equal(quorum(c, 0), 4);
	cluster_expect_agreement(c);
	cluster_close(c);
}

/* ---- the choice alone ---- */

#define MEMBERS 8

struct poll {
	struct negative_unl now;
	struct nunl_score m[MEMBERS];
	struct hash256 parent;
	struct nunl_choice c;
};

static void poll_open(struct poll *p)
{
	*p = (struct poll){.parent = {{7}}};
	for (uint32_t i = 0; i < MEMBERS; i++)
		p->m[i] = (struct nunl_score){.key = {{0xED, (uint8_t)i}}, .score = 256};
}

static void poll_take(struct poll *p)
{
	p->c = nunl_choose(&p->now, p->m, MEMBERS, &p->parent, 1024);
}

static void poll_list(struct poll *p, uint32_t i)
{
	p->now.disabled[p->now.n++] = p->m[i].key;
}

static void marks(void **state)
{
	struct poll p;

	(void)state;
	poll_open(&p);
	poll_take(&p);
	assert_true(!p.c.disable && !p.c.enable);
	p.m[3].score = NUNL_LOW;
	poll_take(&p);
	assert_null(p.c.disable);
	p.m[3].score = NUNL_LOW - 1;
	poll_take(&p);
	assert_ptr_equal(p.c.disable, &p.m[3].key);
	p.m[3].since = 1024 - NUNL_NEW_LEDGERS; /* still a newcomer */
	poll_take(&p);
	assert_null(p.c.disable);
	p.m[3].since--;
	poll_take(&p);
	assert_ptr_equal(p.c.disable, &p.m[3].key);
	poll_list(&p, 3);
	poll_take(&p);
	assert_true(!p.c.disable && !p.c.enable);
	p.m[3].score = NUNL_HIGH;
	poll_take(&p);
	assert_null(p.c.enable);
	p.m[3].score = NUNL_HIGH + 1;
	poll_take(&p);
	assert_ptr_equal(p.c.enable, &p.m[3].key);
}

/* Two of eight, whether they count already or will; whoever is about to leave makes room. */
static void a_quarter_at_most(void **state)
{
	struct poll p;

	(void)state;
	poll_open(&p);
	for (uint32_t i = 0; i < 4; i++)
		p.m[i].score = 0;
	poll_list(&p, 0);
	poll_take(&p);
	assert_non_null(p.c.disable);
	p.now.disabling = true;
	p.now.to_disable = p.m[1].key;
	poll_take(&p);
	assert_null(p.c.disable);
	p.now.disabling = false;
	poll_list(&p, 1);
	poll_take(&p);
	assert_null(p.c.disable);
	p.now.enabling = true;
	p.now.to_enable = p.m[0].key;
	poll_take(&p);
	assert_non_null(p.c.disable);
}

/* Of several the parent's hash chooses; another hash, another one in turn. */
static void the_parent_chooses(void **state)
{
	bool chosen[MEMBERS] = {false};
	struct poll p;
	uint32_t i;

	(void)state;
	poll_open(&p);
	for (i = 0; i < 4; i++)
		p.m[i].score = 0;
	for (uint32_t turn = 0; turn < 200; turn++) {
		struct account_id id, best = {{0}};

		memset(p.parent.b, (int)turn * 37, 8);
		poll_take(&p);
		for (i = 0; i < 4; i++) { /* the least of key's id xor hash */
			account_of_key(&id, &p.m[i].key);
			for (size_t k = 0; k < 20; k++)
				id.b[k] ^= p.parent.b[k];
			if (p.c.disable == &p.m[i].key) {
				best = id;
				chosen[i] = true;
			}
		}
		for (i = 0; i < 4; i++) {
			account_of_key(&id, &p.m[i].key);
			for (size_t k = 0; k < 20; k++)
				id.b[k] ^= p.parent.b[k];
			assert_true(memcmp(best.b, id.b, 20) <= 0);
		}
	}
	for (i = 0; i < 4; i++)
		assert_true(chosen[i]);
}

/* Entries that are no members take no room, and go when nobody else comes back. */
static void strangers(void **state)
{
	struct poll p;

	(void)state;
	poll_open(&p);
	p.m[0].score = 0;
	for (uint8_t i = 0; i < 6; i++)
		p.now.disabled[p.now.n++] = (struct public_key){{0x02, i}};
	poll_take(&p);
	assert_ptr_equal(p.c.disable, &p.m[0].key);
	assert_non_null(p.c.enable);
	assert_int_equal(p.c.enable->b[0], 0x02);
	poll_list(&p, 5);
	poll_take(&p);
	assert_ptr_equal(p.c.enable, &p.m[5].key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(marks),
	    cmocka_unit_test(a_quarter_at_most),
	    cmocka_unit_test(the_parent_chooses),
	    cmocka_unit_test(strangers),
	    cmocka_unit_test(outlives_two_that_went),
	};

	bench_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
