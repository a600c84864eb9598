/* SPDX-License-Identifier: ISC */
#include "tests/sim/clients_impl.h"
#include "tests/sim/support.h"

/* Each act of a Byzantine validator, each fault of clients, by itself and as often as can be: the
 * network stays whole, goes on, and everybody is told what is true. */

static void lives_with(enum fault f, uint32_t byzantine)
{
	struct world_plan plan = world_defaults(100 + f);
	struct world *w;
	uint32_t top;

	plan.manual = false;
	plan.byzantine = byzantine;
	plan.tx_per_100s = 300;
	plan.rate_ppm[f] = 1000000;
	w = world_open(&plan);
	clients_join(w);
	actors_join(w);
	props_join(w);
	world_start(w, "ABCDE");
	world_run_ms(w, 60000);
	top = world_validated_max(w);
	if (!world_failure(w))
		world_settle(w);
	world_run_ms(w, 75000);
	if (world_failure(w))
		fail_msg("%s: %s", fault_name(f), world_failure(w));
	if (!decisions_count(world_decisions(w), f))
		fail_msg("%s never happened", fault_name(f));
	if (top < 5)
		fail_msg("%s: %u ledgers in a minute", fault_name(f), top);
	world_close(w);
}

static void test_each_byzantine_act_is_borne(void **state)
{
	(void)state;
	for (uint32_t f = FAULT_BYZ_VALUE; f <= FAULT_BYZ_TICKS; f++)
		lives_with((enum fault)f, 1);
}

static void test_each_fault_of_clients_is_borne(void **state)
{
	(void)state;
	for (uint32_t f = FAULT_CLIENT_RESUBMIT; f <= FAULT_CLIENT_BAD; f++)
		lives_with((enum fault)f, 0);
}

static const struct {
	enum ter code;
	const char *name;
} expected[BAD_COUNT] = {
#define BAD(name, code) {code, #name},
#include "tests/sim/bad.def"
#undef BAD
};

struct answers {
	enum ter got[BAD_COUNT];
	bool there[BAD_COUNT];
};

static void on_answered(void *ctx, uint32_t node, const struct node_submitted *a)
{
	struct answers *all = ctx;

	(void)node;
	if (a->token < 1000 || a->token >= 1000 + BAD_COUNT)
		return;
	all->got[a->token - 1000] = a->result;
	all->there[a->token - 1000] = true;
}

/* What is wrong with a transaction is what its sender is told. */
static void test_each_wrong_transaction_is_answered(void **state)
{
	struct answers all = {{0}, {0}};
	struct world_observer o = {.ctx = &all, .answered = on_answered};
	struct bench b;

	(void)state;
	bench_open(&b, 50);
	world_observe(b.w, &o);
	bench_pay(&b, 2);
	world_run_ms(b.w, 10000);
	for (uint32_t i = 0; i < BAD_COUNT; i++) {
		struct draft d = {.network_id = 21337,
				  .from = i == BAD_PAST || i == BAD_TICKET_NONE ? 0 : 6,
				  .to = 7,
				  .seq = 1,
				  .drops = 5,
				  .fee = 10,
				  .nonce = 2};
		struct tx *t = draft_sign_bad(&d, (enum bad_kind)i);

		if (!t)
			fail_msg("%s does not even parse", expected[i].name);
		world_submit(b.w, 'C', t, 1000 + i);
		tx_unref(t);
		world_run_ms(b.w, 300);
	}
	world_run_ms(b.w, 2000);
	for (uint32_t i = 0; i < BAD_COUNT; i++)
		if (!all.there[i] || all.got[i] != expected[i].code)
			fail_msg("%s: %d, and %d was to come", expected[i].name, (int)all.got[i],
				 (int)expected[i].code);
	assert_null(world_failure(b.w));
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_each_wrong_transaction_is_answered),
	    cmocka_unit_test(test_each_fault_of_clients_is_borne),
	    cmocka_unit_test(test_each_byzantine_act_is_borne),
	};

	bench_begin();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
