/* SPDX-License-Identifier: ISC */
#include "tests/tx/signing.h"
#include "tx/engine.h"

#include <string.h>

/* AccountSet where it meets keys, signers, tickets and what the account owns (cases after rippled's
 * AccountSet_test); its fields and plain flags are in test_engine.c. */

static struct st_object *with_flags(struct st_object *o, uint32_t flags)
{
	st_set_u(o, sfFlags, flags);
	return o;
}

/* AccountSet: the master key goes only by its own hand, and not as the last one. */
static void test_disable_master(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL);
	expect(&w, "alice", set_flag(&w, "alice", asfDisableMaster), tecNO_ALTERNATIVE_KEY);
	expect(&w, "alice", regular_key(&w, "alice", "bob"), tesSUCCESS);
	expect(&w, "bob", set_flag(&w, "alice", asfDisableMaster), tecNEED_MASTER_KEY);
	expect(&w, "bob", set_flag(&w, "alice", asfNoFreeze), tecNEED_MASTER_KEY);
	expect(&w, "alice", signer_list(&w, "alice", 1, "carol=1"), tesSUCCESS);
	expect_multi(&w, "carol", set_flag(&w, "alice", asfDisableMaster), tecNEED_MASTER_KEY);
	expect_multi(&w, "carol", set_flag(&w, "alice", asfNoFreeze), tecNEED_MASTER_KEY);
	expect(&w, "alice", set_flag(&w, "alice", asfDisableMaster), tesSUCCESS);
	/* Setting what is set needs nothing, and with it off others may give up freezing. */
	expect(&w, "bob", set_flag(&w, "alice", asfDisableMaster), tesSUCCESS);
	expect_multi(&w, "carol", set_flag(&w, "alice", asfNoFreeze), tesSUCCESS);
	expect_multi(&w, "carol", clear_flag(&w, "alice", asfDisableMaster), tesSUCCESS);
	expect(&w, "alice", noop(&w, "alice"), tesSUCCESS);
	world_close(&w);
}

/* Flags that change the meaning of what was issued want an empty owner directory. */
static void test_owners(void **state)
{
	static const uint32_t wants[] = {asfRequireAuth, asfAllowTrustLineClawback};
	struct world w;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		world_open(&w, NULL);
		expect(&w, "alice", signer_list(&w, "alice", 1, "bob=1"), tesSUCCESS);
		expect(&w, "alice", set_flag(&w, "alice", wants[i]), tecOWNERS);
		expect(&w, "alice", authorize(&w, "alice", "bob"), tesSUCCESS);
		expect(&w, "alice", signer_list(&w, "alice", 0, NULL), tesSUCCESS);
		expect(&w, "alice", set_flag(&w, "alice", wants[i]), tecOWNERS);
		if (wants[i] == asfRequireAuth) {
			assert_int_equal(
			    submit(&w, "alice", set_flag(&w, "alice", wants[i]), TX_RETRY),
			    terOWNERS);
			expect(&w, "alice", with_flags(noop(&w, "alice"), tfRequireAuth),
			       tecOWNERS);
		} else {
			assert_int_equal(
			    submit(&w, "alice", set_flag(&w, "alice", wants[i]), TX_RETRY),
			    tecOWNERS);
		}
		expect(&w, "alice", unauthorize(&w, "alice", "bob"), tesSUCCESS);
		expect(&w, "alice", set_flag(&w, "alice", wants[i]), tesSUCCESS);
		/* What is required already may be required again. */
		expect(&w, "alice", authorize(&w, "alice", "bob"), tesSUCCESS);
		expect(&w, "alice", set_flag(&w, "alice", wants[i]),
		       wants[i] == asfRequireAuth ? tesSUCCESS : tecOWNERS);
		world_close(&w);
	}
}

/* No freeze and clawback exclude each other, before owners are looked at. */
static void test_clawback(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL);
	expect(&w, "alice", set_flag(&w, "alice", asfAllowTrustLineClawback), tesSUCCESS);
	expect(&w, "alice", set_flag(&w, "alice", asfNoFreeze), tecNO_PERMISSION);
	expect(&w, "alice", clear_flag(&w, "alice", asfAllowTrustLineClawback), tesSUCCESS);
	assert_true(flags_of_account(&w, "alice") & (uint32_t)lsfAllowTrustLineClawback);
	expect(&w, "bob", set_flag(&w, "bob", asfNoFreeze), tesSUCCESS);
	expect(&w, "bob", signer_list(&w, "bob", 1, "alice=1"), tesSUCCESS);
	expect(&w, "bob", set_flag(&w, "bob", asfAllowTrustLineClawback), tecNO_PERMISSION);
	world_close(&w);
}

/* The last transaction's hash is remembered from the next one on, and may be asked for. */
static void test_tracking(void **state)
{
	struct hash256 last, zero = HASH256_ZERO;
	struct st_object *o;
	struct world w;

	(void)state;
	world_open(&w, NULL);
	expect(&w, "alice", set_flag(&w, "alice", asfAccountTxnID), tesSUCCESS);
	assert_true(st_get_hash256(account_of(&w, "alice"), sfAccountTxnID, &last));
	assert_true(hash256_eq(&last, &zero));
	expect(&w, "alice", regular_key(&w, "alice", "bob"), tesSUCCESS);
	assert_true(st_get_hash256(account_of(&w, "alice"), sfAccountTxnID, &last));
	assert_false(hash256_eq(&last, &zero));
	o = noop(&w, "alice");
	st_set_hash256(o, sfAccountTxnID, &zero);
	expect(&w, "bob", o, tefWRONG_PRIOR);
	o = noop(&w, "alice");
	st_set_hash256(o, sfAccountTxnID, &last);
	expect(&w, "bob", o, tesSUCCESS);
	/* It orders what a ticket sets free. */
	o = with_ticket(noop(&w, "alice"), 1);
	st_set_hash256(o, sfAccountTxnID, &last);
	expect(&w, "bob", o, temINVALID);
	expect(&w, "bob", clear_flag(&w, "alice", asfAccountTxnID), tesSUCCESS);
	assert_false(st_has(account_of(&w, "alice"), sfAccountTxnID));
	world_close(&w);
}

/* A ticket is a thing owned, so that flags which want none refuse; the one that the transaction
 * itself uses is still there when they look. */
static void test_ticket_owners(void **state)
{
	struct world w;
	uint32_t ticket;

	(void)state;
	world_open(&w, NULL);
	ticket = take_tickets(&w, "alice", "alice", 2);
	expect(&w, "alice", set_flag(&w, "alice", asfRequireAuth), tecOWNERS);
	expect(&w, "alice", with_ticket(set_flag(&w, "alice", asfRequireAuth), ticket), tecOWNERS);
	expect(&w, "alice", with_ticket(set_flag(&w, "alice", asfRequireAuth), ticket),
	       tefNO_TICKET);
	expect(&w, "alice", with_ticket(noop(&w, "alice"), ticket + 1), tesSUCCESS);
	expect(&w, "alice", set_flag(&w, "alice", asfRequireAuth), tesSUCCESS);
	world_close(&w);
}

/* An amendment that this build does not support, for what it already says about AccountSet. */
static void plant_token_escrow(struct tree *state)
{
	const struct amendment *a = amendment_by_name("TokenEscrow", strlen("TokenEscrow"));
	struct arena arena = ARENA_INIT;
	struct st_object *o;
	struct buf ids = BUF_INIT;
	struct bytes data, had;
	struct keylet k = keylet_amendments();

	assert_int_equal(tree_get(state, &k.key, &data), FOUND);
	assert_int_equal(st_decode(&o, &arena, data, NULL), ERR_NONE);
	assert_true(st_get_raw(o, sfAmendments, &had));
	buf_put(&ids, had.p, had.n);
	buf_put(&ids, a->id.b, sizeof(a->id.b));
	st_set_raw(o, sfAmendments, buf_bytes(&ids));
	plant_entry(state, k, o);
	buf_close(&ids);
	arena_close(&arena);
}

static void test_locking(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, &(struct world_options){.plant = plant_token_escrow});
	expect(&w, "alice", set_flag(&w, "alice", asfAllowTrustLineLocking), tesSUCCESS);
	assert_int_equal(flags_of_account(&w, "alice"), lsfAllowTrustLineLocking);
	expect(&w, "alice", clear_flag(&w, "alice", asfAllowTrustLineLocking), tesSUCCESS);
	assert_int_equal(flags_of_account(&w, "alice"), 0);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_disable_master), cmocka_unit_test(test_owners),
	    cmocka_unit_test(test_clawback),       cmocka_unit_test(test_tracking),
	    cmocka_unit_test(test_ticket_owners),  cmocka_unit_test(test_locking),
	};

	if (crypto_init(NULL) != ERR_NONE)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
