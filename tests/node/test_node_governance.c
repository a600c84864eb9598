/* SPDX-License-Identifier: ISC */
#include "cluster.h"
#include "codec/format.h"
#include "node/ballot.h"
#include "node/node_impl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Votes on fees and amendments: how they are counted, and a network that votes. */

/* ---- fees: counting ---- */

static int64_t poll(int64_t now, int64_t ours, uint32_t n, const int64_t *votes)
{
	return ballot_fee(now, ours, votes, n);
}
#define POLL(now, ours, ...)                                                                       \
	poll(now, ours, sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t),                        \
	     (int64_t[]){__VA_ARGS__})

static void the_most_wanted_fee_wins(void **state)
{
	(void)state;
	assert_int_equal(ballot_fee(10, 12, NULL, 0), 12); /* alone */
	assert_int_equal(ballot_fee(10, 10, NULL, 0), 10);
	assert_int_equal(POLL(10, 12, 12, 12, 10, 10), 12); /* 3 : 2, ours counts once more */
	assert_int_equal(POLL(10, 12, 12, 10, 10, 10), 10); /* 2 : 3 */
	assert_int_equal(POLL(10, 12, 12, 10, 10), 10);     /* 2 : 2, the lesser */
	assert_int_equal(POLL(12, 10, 10, 12, 12), 10);
	assert_int_equal(POLL(10, 20, 15, 15, 15, 20), 15);     /* a step on the way */
	assert_int_equal(POLL(10, 20, 30, 30, 30, 30, 30), 20); /* not beyond what we want */
	assert_int_equal(POLL(10, 20, 5, 5, 5, 5), 20);         /* nor back */
	assert_int_equal(POLL(10, 5, 7, 7, 30, 30, 30), 7);
	assert_int_equal(POLL(10, 10, 20, 20, 20), 10); /* whoever wants no change adds none */
	assert_int_equal(POLL(10, 0, 0, 0, -5, -5, -5, -5), 0);
}

static struct st_object *said(struct arena *a)
{
	return st_new(a);
}

static void wishes_in_validations(void **state)
{
	static const uint8_t token[48] = {0xC0}, negative[8] = {0, 0, 0, 0, 0, 0, 0, 7};
	static const uint8_t above[8] = {0x41, 0x63, 0x45, 0x78, 0x5D, 0x8A, 0x00, 0x01};
	struct arena a = ARENA_INIT;
	struct st_object *o = said(&a);

	(void)state;
	assert_int_equal(ballot_fee_in(o, BALLOT_BASE, true, 10), 10);
	ballot_fee_put(o, BALLOT_BASE, true, 10, 10); /* no wish */
	assert_int_equal(o->n, 0);
	ballot_fee_put(o, BALLOT_BASE, true, 10, 12);
	ballot_fee_put(o, BALLOT_RESERVE, true, 10, 0);
	ballot_fee_put(o, BALLOT_INCREMENT, true, 10, (int64_t)DROPS_MAX);
	assert_int_equal(o->n, 3);
	assert_int_equal(ballot_fee_in(o, BALLOT_BASE, true, 10), 12);
	assert_int_equal(ballot_fee_in(o, BALLOT_RESERVE, true, 10), 0);
	assert_int_equal(ballot_fee_in(o, BALLOT_INCREMENT, true, 10), (int64_t)DROPS_MAX);
	assert_int_equal(ballot_fee_in(o, BALLOT_BASE, false, 11), 11); /* the other form */
	st_set_raw(o, sfBaseFeeDrops, bytes_of(above, sizeof(above)));
	assert_int_equal(ballot_fee_in(o, BALLOT_BASE, true, 10), 10);
	st_set_raw(o, sfBaseFeeDrops, bytes_of(negative, sizeof(negative)));
	assert_int_equal(ballot_fee_in(o, BALLOT_BASE, true, 10), -7);
	st_set_raw(o, sfBaseFeeDrops, bytes_of(token, sizeof(token)));
	assert_int_equal(ballot_fee_in(o, BALLOT_BASE, true, 10), 10);

	o = said(&a);
	ballot_fee_put(o, BALLOT_BASE, false, 10, 1ll << 40);
	ballot_fee_put(o, BALLOT_RESERVE, false, 10, UINT32_MAX);
	ballot_fee_put(o, BALLOT_INCREMENT, false, 10, 1ll << 32); /* no room for it */
	assert_int_equal(o->n, 2);
	assert_int_equal(ballot_fee_in(o, BALLOT_BASE, false, 10), 1ll << 40);
	assert_int_equal(ballot_fee_in(o, BALLOT_RESERVE, false, 10), UINT32_MAX);
	st_set_u(o, sfBaseFee, UINT64_MAX);
	assert_int_equal(ballot_fee_in(o, BALLOT_BASE, false, 10), 10);
	st_set_u(o, sfBaseFee, DROPS_MAX + 1);
	assert_int_equal(ballot_fee_in(o, BALLOT_BASE, false, 10), 10);
	arena_close(&a);
}

/* ---- amendments: counting ---- */

static struct hash256 id_of(uint8_t i)
{
	return (struct hash256){{0xA0, i}};
}

#define T(x)                                                                                       \
	(struct net_time)                                                                          \
	{                                                                                          \
		.s = (x)                                                                           \
	}

static void take(struct ballot *b, uint32_t who, uint32_t at, uint8_t id)
{
	struct hash256 ids[2] = {id_of(id), id_of(99)};

	ballot_take(b, who, bytes_of(ids, id ? sizeof(ids) : 0), T(at));
}

static bool passes(const struct ballot *b, uint8_t id)
{
	struct ballot_total t = ballot_total(b);
	struct hash256 h = id_of(id);

	return ballot_passes(&t, ballot_for(b, &h));
}

static void ballot_of(struct ballot *b, uint32_t n, uint32_t wanting)
{
	struct public_key keys[UNL_MAX] = {{{0}}};

	for (uint32_t i = 0; i < n; i++)
		keys[i] = (struct public_key){{0xED, (uint8_t)i}};
	*b = (struct ballot){.n = 0};
	ballot_members(b, keys, n);
	for (uint32_t i = 0; i < n; i++)
		take(b, i, 1000, i < wanting ? 1 : 0);
}

/* More than 80 % of those whose wishes are known; one alone decides. */
static void more_than_four_fifths(void **state)
{
	static const struct {
		uint32_t n, threshold, enough;
	} rows[] = {{1, 1, 1}, {2, 1, 2},  {3, 2, 3},    {4, 3, 4},    {5, 4, 5},    {6, 4, 5},
		    {9, 7, 8}, {10, 8, 9}, {20, 16, 17}, {34, 27, 28}, {35, 28, 29}, {100, 80, 81}};
	struct ballot b;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ballot_of(&b, rows[i].n, rows[i].enough);
		assert_int_equal(ballot_total(&b).threshold, rows[i].threshold);
		assert_int_equal(ballot_total(&b).members, rows[i].n);
		assert_true(passes(&b, 1));
		assert_false(passes(&b, 2));
		ballot_close(&b);
		ballot_of(&b, rows[i].n, rows[i].enough - 1);
		assert_false(passes(&b, 1));
		ballot_close(&b);
	}
}

/* Whoever is silent is believed for a day. */
static void wishes_are_kept_for_a_day(void **state)
{
	struct public_key fewer[3] = {{{0xED, 5}}, {{0xED, 1}}, {{0xED, 77}}};
	struct hash256 many[BALLOT_IDS_MAX + 2], id = id_of(1);
	struct ballot b;

	(void)state;
	ballot_of(&b, 6, 6);
	take(&b, 0, 1000 + BALLOT_KEPT_S, 1);
	ballot_expire(&b, T(1000 + BALLOT_KEPT_S)); /* not beyond it yet */
	assert_int_equal(ballot_total(&b).members, 6);
	assert_int_equal(ballot_for(&b, &id), 6);
	ballot_expire(&b, T(1001 + BALLOT_KEPT_S));
	assert_int_equal(ballot_total(&b).members, 1);
	assert_int_equal(ballot_for(&b, &id), 1);
	take(&b, 1, 5000, 1);
	take(&b, 5, 5000, 0); /* heard, wants nothing */
	assert_int_equal(ballot_total(&b).members, 3);
	assert_int_equal(ballot_for(&b, &id), 2);

	ballot_members(&b, fewer, 3); /* two stay, one is new and has not been heard */
	assert_int_equal(ballot_total(&b).members, 2);
	assert_int_equal(ballot_for(&b, &id), 1);

	for (uint32_t i = 0; i < BALLOT_IDS_MAX + 2; i++)
		many[i] = id_of(1); /* said often, wanted once; too much is cut off */
	many[BALLOT_IDS_MAX] = id_of(2);
	ballot_take(&b, 2, bytes_of(many, sizeof(many)), T(UINT32_MAX - 5));
	assert_int_equal(ballot_for(&b, &id), 2);
	id = id_of(2);
	assert_int_equal(ballot_for(&b, &id), 0);
	ballot_expire(&b, T(UINT32_MAX));
	assert_int_equal(ballot_total(&b).members, 1);
	ballot_close(&b);
}

static void what_is_proposed(void **state)
{
	uint32_t at = 5000;

	(void)state;
	assert_int_equal(ballot_act(true, NULL, true, 100, T(9000)), BALLOT_GOT);
	assert_int_equal(ballot_act(true, NULL, false, 100, T(9000)), BALLOT_NOTHING);
	assert_int_equal(ballot_act(false, NULL, true, 100, T(9000)), BALLOT_NOTHING);
	assert_int_equal(ballot_act(false, &at, true, 100, T(5001)), BALLOT_LOST);
	assert_int_equal(ballot_act(false, &at, false, 100, T(9000)), BALLOT_LOST);
	assert_int_equal(ballot_act(true, &at, true, 100, T(5099)), BALLOT_NOTHING);
	assert_int_equal(ballot_act(true, &at, true, 100, T(5100)), BALLOT_ENABLE);
	assert_int_equal(ballot_act(true, &at, false, 100, T(5100)), BALLOT_NOTHING);
	at = UINT32_MAX - 1;
	assert_int_equal(ballot_act(true, &at, true, 100, T(UINT32_MAX)), BALLOT_NOTHING);
}

/* ---- what is proposed, to the byte ---- */

static void expect_id(const struct st_object *o, const char *id)
{
	struct tx *t = pseudo_end(o);

	assert_string_equal(hash256_hex(&t->id).s, id);
	tx_unref(t);
}

/* Mainnet transactions: FeeEscalation enabled in ledger 21,225,473, the fees of ledger 3,721,729
 * (those of that time did not name the ledger). */
static void bytes_of_pseudo_transactions(void **state)
{
	struct arena a = ARENA_INIT;
	struct st_object *o = pseudo_begin(&a, ttEnableAmendment, 21225473);

	(void)state;
	st_set_hash256(o, sfAmendment, &amendment_by_name("FeeEscalation", 13)->id);
	expect_id(o, "5B1F1E8E791A9C243DD728680F108FEF1F28F21BA3B202B8F66E7833CA71D3C3");
	o = pseudo_begin(&a, ttSetFee, 3721729);
	st_remove(o, sfLedgerSequence);
	st_set_u(o, sfBaseFee, 10);
	st_set_u(o, sfReferenceFeeUnits, REFERENCE_FEE_UNITS);
	st_set_u(o, sfReserveBase, 20000000);
	st_set_u(o, sfReserveIncrement, 5000000);
	expect_id(o, "1C15FEA3E1D50F96B6598607FC773FF1F6E0125F30160144BE0C5CBC52F5151B");
	arena_close(&a);
}

/* ---- a network ---- */

#define HELD_S 60

static const struct hash256 novel = {{0xEE, 1}}, dropped = {{0xEE, 2}};

static bool newer_program(const struct hash256 *id)
{
	const struct amendment *a = amendment_by_id(id);

	return (a && a->supported) || id->b[0] == 0xEE;
}

static struct hash256 wanted[BALLOT_IDS_MAX];

/* What F says about rules that it does not know. */
static bool said_warned, said_blocked;

static void heard(uint32_t i, const char *text)
{
	unsigned left;

	if (i != 5 || strncmp(text, "amendments: ", 12) != 0)
		return;
	if (strstr(text, "EE01") && strstr(text, " has a majority;") &&
	    sscanf(strstr(text, "installed in "), "installed in %u seconds, this", &left) == 1)
		said_warned = left > 0 && left <= HELD_S;
	if (strstr(text, "BLOCKED: EE01"))
		said_blocked = true;
}

/* A to E have the newer program, F has not. All five want two amendments, A as many as a validation
 * has room for: it would not be heard if that were too large. */
static void tune(struct node_config *c, uint32_t i, void *ctx)
{
	(void)ctx;
	for (uint8_t k = 0; k < BALLOT_IDS_MAX; k++)
		wanted[k] = (struct hash256){{0xEE, (uint8_t)(k + 1)}};
	c->majority_s = HELD_S;
	if (i >= 5)
		return;
	c->supports = newer_program;
	c->wishes.amendments = wanted;
	c->wishes.n_amendments = i == 0 ? BALLOT_IDS_MAX : 2;
	c->wishes.has[NODE_FEE_BASE] = true;
	c->wishes.drops[NODE_FEE_BASE] = i < 4 ? 12 : 20;
	c->wishes.has[NODE_FEE_RESERVE] = true;
	c->wishes.drops[NODE_FEE_RESERVE] = 5 * DROPS_PER_XRP;
	c->wishes.has[NODE_FEE_INCREMENT] = i == 0;
	c->wishes.drops[NODE_FEE_INCREMENT] = DROPS_PER_XRP;
}

static void run_to(struct cluster *c, uint32_t node, uint32_t seq)
{
	uint32_t left = 400 + 10 * (seq - cluster_validated(c, node));

	while (cluster_validated(c, node) < seq && left--)
		cluster_run_ms(c, 500);
	if (cluster_validated(c, node) < seq)
		fail_msg("node %u stands at %u, wanted %u", node, cluster_validated(c, node), seq);
}

static struct node_status status(struct cluster *c, uint32_t i)
{
	struct node_status s;

	node_get_status(cluster_node(c, i), (struct now){.steady = {0}}, &s);
	return s;
}

static bool enabled(struct cluster *c, uint32_t i, const struct hash256 *id)
{
	struct rules *r;
	bool on;

	assert_int_equal(rules_read(&node_validated(cluster_node(c, i))->state, &r), FOUND);
	on = rules_enabled(r, id);
	rules_unref(r);
	return on;
}

static bool majority(struct cluster *c, uint32_t i, const struct hash256 *id, uint32_t *since)
{
	struct amendment_majority m[AMENDMENT_MAJORITIES_MAX];
	uint32_t n;

	assert_int_equal(amendment_majorities(&node_validated(cluster_node(c, i))->state, m,
					      AMENDMENT_MAJORITIES_MAX, &n),
			 FOUND);
	while (n--)
		if (hash256_eq(&m[n].id, id)) {
			*since = m[n].since;
			return true;
		}
	return false;
}

static struct ledger_fees fees(struct cluster *c, uint32_t i)
{
	struct ledger_fees f;

	assert_int_equal(ledger_fees_read(&node_validated(cluster_node(c, i))->state, &f), FOUND);
	return f;
}

static void expect_fees(struct cluster *c, uint64_t base, uint64_t reserve, uint64_t increment)
{
	struct ledger_fees f = fees(c, 1);

	assert_int_equal(f.base.raw, base); /* raw: compared with a number */
	assert_int_equal(f.reserve.raw, reserve);
	assert_int_equal(f.increment.raw, increment);
}

/* A says from now on that it does not want `dropped` any more. */
static void change_of_mind(struct cluster *c)
{
	struct node_wishes w = {.amendments = &novel, .n_amendments = 1};

	cluster_wish(c, 0, &w);
}

static void voted(struct cluster *c)
{
	struct node_ballot count;
	uint32_t since = 0;

	run_to(c, 0, 256);
	expect_fees(c, 10, 10 * DROPS_PER_XRP, 2 * DROPS_PER_XRP);
	assert_false(node_ballot(cluster_node(c, 0), &count));
	run_to(c, 0, 262);
	run_to(c, 5, 258);
	expect_fees(c, 12, 5 * DROPS_PER_XRP, 2 * DROPS_PER_XRP);
	assert_true(majority(c, 0, &novel, &since));
	assert_true(majority(c, 5, &dropped, &since));
	assert_false(enabled(c, 0, &novel));
	assert_true(node_ballot(cluster_node(c, 0), &count));
	assert_int_equal(count.members, 6);
	assert_int_equal(count.threshold, 4);
	assert_int_equal(node_ballot_for(cluster_node(c, 0), &novel), 5);
	/* F is warned, the others are not */
	assert_false(status(c, 0).amendment_warned);
	assert_true(status(c, 5).amendment_warned);
	assert_true(said_warned && !said_blocked);
	assert_false(status(c, 5).amendment_blocked);
	assert_int_equal(status(c, 5).amendment_expected.s, since + HELD_S);
}

static void blocked(struct cluster *c)
{
	struct hash256 id;
	uint32_t since, stands;

	run_to(c, 0, 520);
	assert_true(enabled(c, 0, &novel));
	assert_false(majority(c, 0, &novel, &since));
	assert_false(enabled(c, 0, &dropped)); /* it lost the majority */
	assert_false(majority(c, 0, &dropped, &since));
	expect_fees(c, 12, 5 * DROPS_PER_XRP, 2 * DROPS_PER_XRP);
	assert_false(status(c, 0).amendment_blocked);
	stands = cluster_validated(c, 5);
	assert_in_range(stands, 513, 514);
	assert_true(status(c, 5).amendment_blocked && said_blocked);
	assert_false(status(c, 5).amendment_warned);
	assert_int_equal(status(c, 5).state, NODE_CONNECTED);
	/* five of six are a quorum: the network goes on, F does not */
	cluster_pay(c, 0, 1, 2, 1000, 1, &id);
	run_to(c, 0, 530);
	assert_int_equal(cluster_validated(c, 5), stands);
	/* nor after a restart */
	cluster_kill(c, 5);
	cluster_restart(c, 5);
	run_to(c, 0, 540);
	assert_in_range(cluster_validated(c, 5), stands, 514);
	assert_true(status(c, 5).amendment_blocked);
}

static void a_network_votes(void **state)
{
	struct cluster_options o = {.validators = 6,
				    .delay_ms = 5,
				    .accounts = 4,
				    .seed = 43,
				    .tune = tune,
				    .heard = heard};
	struct cluster *c = cluster_open(&o);

	(void)state;
	voted(c);
	change_of_mind(c);
	blocked(c);
	cluster_expect_agreement(c);
	cluster_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_most_wanted_fee_wins),
	    cmocka_unit_test(wishes_in_validations),
	    cmocka_unit_test(more_than_four_fifths),
	    cmocka_unit_test(wishes_are_kept_for_a_day),
	    cmocka_unit_test(what_is_proposed),
	    cmocka_unit_test(bytes_of_pseudo_transactions),
	    cmocka_unit_test(a_network_votes),
	};

	bench_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
