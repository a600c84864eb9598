/* SPDX-License-Identifier: ISC */
#include "tests/tx/violations.h"
#include "tx/owner.h"

#include <string.h>

/* What accounts own: reserves and counters, and what the invariants say when owners, entries and
 * directories do not agree. Each violation is planted by a type of the test's own, which does one
 * thing wrong; the sentence that must be broken is named, and all that remains is the fee. */

#define XRP 1000000ull

static void test_reserve(void **state)
{
	struct ledger_fees fees = {
	    .base = drops_of(10), .reserve = drops_of(10 * XRP), .increment = drops_of(2 * XRP)};

	(void)state;
	assert_int_equal(reserve_of(&fees, 0).raw, 10 * XRP);
	assert_int_equal(reserve_of(&fees, 3).raw, 16 * XRP);
	assert_int_equal(reserve_of(&fees, UINT32_MAX).raw, 10 * XRP + 2 * XRP * UINT32_MAX);
	fees.increment = drops_of(DROPS_MAX / 2);
	assert_int_equal(reserve_of(&fees, 3).raw, DROPS_MAX);
	fees.increment = drops_of(UINT64_MAX);
	assert_int_equal(reserve_of(&fees, 3).raw, DROPS_MAX);
	fees.reserve = drops_of(UINT64_MAX);
	assert_int_equal(reserve_of(&fees, 0).raw, DROPS_MAX);
}

static void test_counter(void **state)
{
	struct ledger_fees fees = {.reserve = drops_of(1), .increment = drops_of(1)};
	struct view_info info = {.fees = fees};
	struct tx_run r = {.info = &info};
	struct arena a = ARENA_INIT;
	struct st_object *o = st_new(&a);

	(void)state;
	owner_count_add(o, 3);
	assert_int_equal(st_u32_or(o, sfOwnerCount, 9), 3);
	assert_int_equal(reserve_with(&r, o, 2).raw, 6);
	owner_count_add(o, -2);
	assert_int_equal(st_u32_or(o, sfOwnerCount, 9), 1);
	owner_count_add(o, -2);
	assert_int_equal(st_u32_or(o, sfOwnerCount, 9), 0);
	st_set_u(o, sfOwnerCount, UINT32_MAX - 1);
	owner_count_add(o, 5);
	assert_int_equal(st_u32_or(o, sfOwnerCount, 9), UINT32_MAX);
	assert_int_equal(reserve_with(&r, o, 2).raw, 1ull + UINT32_MAX);
	arena_close(&a);
}

static void world_of_owners(struct world *w)
{
	struct st_object *o;

	world_open(w, NULL);
	o = act(w, ttTicketCreate, "alice");
	st_set_u(o, sfTicketCount, TICKETS);
	expect(w, "alice", o, tesSUCCESS);
	expect(w, "alice", authorize(w, "alice", "bob"), tesSUCCESS);
	expect(w, "alice", signer_list(w, "alice", 1, "bob=1"), tesSUCCESS);
	o = act(w, ttTicketCreate, "bob");
	st_set_u(o, sfTicketCount, 1);
	expect(w, "bob", o, tesSUCCESS);
	world_move(w, LEDGER);
	assert_int_equal(sequence_of(w, "alice"), ALICE_NEXT);
}

static const struct violation *now;
static const char *broken;

static enum ter plain_preflight(const struct tx_static *s)
{
	(void)s;
	return tesSUCCESS;
}

/* Does the row's deed and asks which sentence is broken; the engine finds out for itself. */
static enum ter row_apply(struct tx_run *r)
{
	now->apply(r);
	broken = NULL;
	(void)tx_invariants_hold(r->view, r->t, r->ops, tesSUCCESS, r->t->fee, &broken);
	return tesSUCCESS;
}

static struct st_object *row_fields(struct world *w, const struct violation *row)
{
	struct person bob = person("bob");
	struct st_object *o = act(w, row->kind == DELETE ? ttAccountDelete : ttAccountSet, "alice");

	if (row->kind == TICKET)
		with_ticket(o, 20);
	if (row->kind == DELETE)
		st_set_account(o, sfDestination, &bob.id);
	return with_fee(o, row->kind == DELETE ? 2 * XRP : 10);
}

static void run_row(const struct violation *row)
{
	struct tx_ops ops = {
	    .accounts_created_max = 2, .preflight = plain_preflight, .apply = row_apply};
	struct tx_outcome out;
	struct world w;
	struct tx *t;

	now = row;
	world_of_owners(&w);
	t = trusted_as("alice", row_fields(&w, row));
	if (row->kind == DELETE) {
		ops = *tx_ops_of(ttAccountDelete);
		ops.apply = row_apply;
	}
	out = tx_apply_with(w.view, t, &ops, 0, 0, &w.arena);
	if (!broken != !row->sentence || (broken && !strstr(broken, row->sentence)))
		fail_msg("%s: broken: %s", row->name, broken ? broken : "nothing");
	assert_int_equal(out.result, broken ? tecINVARIANT_FAILED : tesSUCCESS);
	assert_true(out.applied);
	if (broken) {
		uint32_t used = row->kind == TICKET;

		assert_int_equal(balance_of(&w, "alice"), 1000 * XRP - 30 - t->fee.raw);
		assert_int_equal(sequence_of(&w, "alice"), ALICE_NEXT + 1 - used);
		assert_int_equal(owned_by(&w, "alice"), TICKETS + 2 - used);
		assert_int_equal(owned_by(&w, "bob"), 1);
		assert_int_equal(balance_of(&w, "bob"), 1000 * XRP - 10);
	}
	tx_unref(t);
	world_close(&w);
}

static void test_violations(void **state)
{
	(void)state;
	for (size_t i = 0; i < violations_n; i++)
		run_row(&violations[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_reserve),
	    cmocka_unit_test(test_counter),
	    cmocka_unit_test(test_violations),
	};

	if (crypto_init(NULL) != ERR_NONE)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
