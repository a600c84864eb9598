/* SPDX-License-Identifier: ISC */
#include "ledger/directory.h"
#include "tests/tx/signing.h"
#include "tx/engine.h"

#include <stdio.h>

/* Who may pay an account that takes payments only from whom it knows (cases after rippled's
 * DepositAuth_test). */

#define XRP     1000000ull
#define RESERVE (10 * XRP)

static bool knows(struct world *w, const char *owner, const char *whom)
{
	struct person p = person(owner), q = person(whom);

	return entry_at(w, keylet_deposit_preauth(&p.id, &q.id)) != NULL;
}

static void pay(struct world *w, const char *from, const char *to, uint64_t drops, enum ter result)
{
	expect(w, from, payment(w, from, sequence_of(w, from), to, drops), result);
}

static void test_refusals(void **state)
{
	static const enum sf credentials[] = {sfAuthorizeCredentials, sfUnauthorizeCredentials};
	static const struct account_id nobody;
	struct person bob = person("bob");
	struct st_object *o;
	struct world w;

	(void)state;
	world_open(&w, NULL);
	expect(&w, "alice", act(&w, ttDepositPreauth, "alice"), temMALFORMED);
	o = authorize(&w, "alice", "bob");
	st_set_account(o, sfUnauthorize, &bob.id);
	expect(&w, "alice", o, temMALFORMED);
	o = authorize(&w, "alice", "bob");
	st_set_account(o, sfAuthorize, &nobody);
	expect(&w, "alice", o, temINVALID_ACCOUNT_ID);
	o = unauthorize(&w, "alice", "bob");
	st_set_account(o, sfUnauthorize, &nobody);
	expect(&w, "alice", o, temINVALID_ACCOUNT_ID);
	expect(&w, "alice", authorize(&w, "alice", "alice"), temCANNOT_PREAUTH_SELF);
	o = authorize(&w, "alice", "bob");
	st_set_u(o, sfFlags, 1);
	expect(&w, "alice", o, temINVALID_FLAG);
	/* What needs credentials, also in bad company. */
	for (size_t i = 0; i < 2; i++) {
		o = authorize(&w, "alice", "alice");
		st_set_array(o, credentials[i]);
		expect(&w, "alice", o, temDISABLED);
	}
	/* What the ledger says. */
	expect(&w, "alice", authorize(&w, "alice", "nemo"), tecNO_TARGET);
	expect(&w, "alice", unauthorize(&w, "alice", "bob"), tecNO_ENTRY);
	expect(&w, "alice", unauthorize(&w, "alice", "alice"), tecNO_ENTRY);
	expect(&w, "alice", authorize(&w, "alice", "bob"), tesSUCCESS);
	expect(&w, "alice", authorize(&w, "alice", "bob"), tecDUPLICATE);
	expect(&w, "nemo", authorize(&w, "nemo", "bob"), terNO_ACCOUNT);
	expect(&w, "bob", authorize(&w, "alice", "carol"), tefBAD_AUTH);
	assert_int_equal(owned_by(&w, "alice"), 1);
	world_close(&w);
}

static void test_reserve(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL);
	fund(&w, "dave", RESERVE + 2 * XRP - 1);
	expect(&w, "dave", authorize(&w, "dave", "bob"), tecINSUFFICIENT_RESERVE);
	fund(&w, "dave", 11);
	expect(&w, "dave", authorize(&w, "dave", "bob"), tesSUCCESS);
	assert_int_equal(owned_by(&w, "dave"), 1);
	fund(&w, "dave", 10 + 2 * XRP - 1);
	expect(&w, "dave", authorize(&w, "dave", "carol"), tecINSUFFICIENT_RESERVE);
	expect(&w, "dave", unauthorize(&w, "dave", "bob"), tesSUCCESS);
	assert_int_equal(owned_by(&w, "dave"), 0);
	expect(&w, "dave", authorize(&w, "dave", "carol"), tesSUCCESS);
	world_close(&w);
}

static void test_metadata(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL);
	expect(&w, "alice", noop(&w, "alice"), tesSUCCESS);
	expect_nodes(
	    &w, "alice", authorize(&w, "alice", "bob"), tesSUCCESS,
	    "[{'ModifiedNode':{'LedgerEntryType':'AccountRoot','LedgerIndex':'<account alice>',"
	    "'PreviousTxnID':'<before account alice>','PreviousTxnLgrSeq':<seq>,"
	    "'PreviousFields':{'Balance':'999999990','OwnerCount':0,'Sequence':2},"
	    "'FinalFields':{'Account':'<alice>','Balance':'999999980','Flags':0,"
	    "'OwnerCount':1,'Sequence':3}}},"
	    "{'CreatedNode':{'LedgerEntryType':'DepositPreauth',"
	    "'LedgerIndex':'<preauth alice bob>',"
	    "'NewFields':{'Account':'<alice>','Authorize':'<bob>'}}},"
	    "{'CreatedNode':{'LedgerEntryType':'DirectoryNode','LedgerIndex':'<directory alice>',"
	    "'NewFields':{'Owner':'<alice>','RootIndex':'<directory alice>'}}}]");
	/* Indexes are never shown, so that a page that only gets one more looks unchanged. */
	expect_nodes(
	    &w, "alice", authorize(&w, "alice", "carol"), tesSUCCESS,
	    "[{'ModifiedNode':{'LedgerEntryType':'AccountRoot','LedgerIndex':'<account alice>',"
	    "'PreviousTxnID':'<before account alice>','PreviousTxnLgrSeq':<seq>,"
	    "'PreviousFields':{'Balance':'999999980','OwnerCount':1,'Sequence':3},"
	    "'FinalFields':{'Account':'<alice>','Balance':'999999970','Flags':0,"
	    "'OwnerCount':2,'Sequence':4}}},"
	    "{'CreatedNode':{'LedgerEntryType':'DepositPreauth',"
	    "'LedgerIndex':'<preauth alice carol>',"
	    "'NewFields':{'Account':'<alice>','Authorize':'<carol>'}}},"
	    "{'ModifiedNode':{'LedgerEntryType':'DirectoryNode',"
	    "'LedgerIndex':'<directory alice>','PreviousTxnID':'<before directory alice>',"
	    "'PreviousTxnLgrSeq':<seq>,'FinalFields':{'Flags':0,'Owner':'<alice>',"
	    "'RootIndex':'<directory alice>'}}}]");
	expect_nodes(
	    &w, "alice", unauthorize(&w, "alice", "bob"), tesSUCCESS,
	    "[{'ModifiedNode':{'LedgerEntryType':'AccountRoot','LedgerIndex':'<account alice>',"
	    "'PreviousTxnID':'<before account alice>','PreviousTxnLgrSeq':<seq>,"
	    "'PreviousFields':{'Balance':'999999970','OwnerCount':2,'Sequence':4},"
	    "'FinalFields':{'Account':'<alice>','Balance':'999999960','Flags':0,"
	    "'OwnerCount':1,'Sequence':5}}},"
	    "{'DeletedNode':{'LedgerEntryType':'DepositPreauth',"
	    "'LedgerIndex':'<preauth alice bob>','FinalFields':{'Account':'<alice>',"
	    "'Authorize':'<bob>','Flags':0,'OwnerNode':'0000000000000000',"
	    "'PreviousTxnID':'<before preauth alice bob>','PreviousTxnLgrSeq':<seq>}}},"
	    "{'ModifiedNode':{'LedgerEntryType':'DirectoryNode',"
	    "'LedgerIndex':'<directory alice>','PreviousTxnID':'<before directory alice>',"
	    "'PreviousTxnLgrSeq':<seq>,'FinalFields':{'Flags':0,'Owner':'<alice>',"
	    "'RootIndex':'<directory alice>'}}}]");
	world_close(&w);
}

/* bob takes payments from whom he knows. */
static void test_payments(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL);
	expect(&w, "bob", set_flag(&w, "bob", asfDepositAuth), tesSUCCESS);
	pay(&w, "alice", "bob", 1, tecNO_PERMISSION);
	pay(&w, "alice", "bob", 20 * XRP, tecNO_PERMISSION);
	expect(&w, "bob", authorize(&w, "bob", "alice"), tesSUCCESS);
	pay(&w, "alice", "bob", 1, tesSUCCESS);
	pay(&w, "carol", "bob", 1, tecNO_PERMISSION);
	/* It is one way. */
	expect(&w, "alice", set_flag(&w, "alice", asfDepositAuth), tesSUCCESS);
	pay(&w, "bob", "alice", 1, tecNO_PERMISSION);
	expect(&w, "bob", unauthorize(&w, "bob", "alice"), tesSUCCESS);
	assert_false(knows(&w, "bob", "alice"));
	pay(&w, "alice", "bob", 1, tecNO_PERMISSION);
	/* Known or not, without the flag all may pay. */
	expect(&w, "bob", authorize(&w, "bob", "alice"), tesSUCCESS);
	expect(&w, "bob", clear_flag(&w, "bob", asfDepositAuth), tesSUCCESS);
	pay(&w, "carol", "bob", 1, tesSUCCESS);
	assert_true(knows(&w, "bob", "alice"));
	world_close(&w);
}

static void almost_poor(struct st_object *account)
{
	st_set_drops(account, sfBalance, drops_of(RESERVE + 1));
	st_set_u(account, sfFlags, (uint32_t)lsfDepositAuth);
}

static void poor(struct st_object *account)
{
	st_set_drops(account, sfBalance, drops_of(RESERVE));
	st_set_u(account, sfFlags, (uint32_t)lsfDepositAuth);
}

static void plant_poor(struct tree *state)
{
	plant_account(state, "bob", almost_poor);
	plant_account(state, "carol", poor);
}

/* Who has at most the base reserve may get up to that much from anybody, to pay fees again. */
static void test_base_reserve(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, &(struct world_options){.plant = plant_poor});
	pay(&w, "alice", "bob", 1, tecNO_PERMISSION);
	pay(&w, "alice", "carol", RESERVE + 1, tecNO_PERMISSION);
	pay(&w, "alice", "carol", RESERVE, tesSUCCESS);
	assert_int_equal(balance_of(&w, "carol"), 2 * RESERVE);
	pay(&w, "alice", "carol", 1, tecNO_PERMISSION);
	/* Its own fees bring bob down to it. */
	expect(&w, "bob", noop(&w, "bob"), tesSUCCESS);
	pay(&w, "alice", "bob", 1, tesSUCCESS);
	pay(&w, "alice", "bob", 10, tesSUCCESS);
	pay(&w, "alice", "bob", 1, tecNO_PERMISSION);
	world_close(&w);
}

/* Many are known: pages of the owner directory come and go. */
static void test_many(void **state)
{
	struct person alice = person("alice");
	char name[16];
	struct world w;

	(void)state;
	world_open(&w, NULL);
	for (unsigned i = 0; i < 40; i++) {
		(void)snprintf(name, sizeof(name), "m%u", i);
		fund(&w, name, RESERVE);
		expect(&w, "alice", authorize(&w, "alice", name), tesSUCCESS);
	}
	assert_int_equal(owned_by(&w, "alice"), 40);
	expect(&w, "alice", set_flag(&w, "alice", asfRequireAuth), tecOWNERS);
	for (unsigned i = 0; i < 40; i++) {
		(void)snprintf(name, sizeof(name), "m%u", (i * 7) % 40);
		assert_true(knows(&w, "alice", name));
		expect(&w, "alice", unauthorize(&w, "alice", name), tesSUCCESS);
		assert_false(knows(&w, "alice", name));
	}
	assert_int_equal(owned_by(&w, "alice"), 0);
	assert_null(entry_at(&w, keylet_owner_dir(&alice.id)));
	expect(&w, "alice", set_flag(&w, "alice", asfRequireAuth), tesSUCCESS);
	world_close(&w);
}

/* A page of alice's directory with as many entries as it may have, which stand for anything. */
static void plant_page(struct tree *state, uint64_t number, uint64_t next, uint64_t previous)
{
	struct person alice = person("alice");
	struct keylet root = keylet_owner_dir(&alice.id);
	uint8_t indexes[32 * 32] = {0};
	struct arena a = ARENA_INIT;
	struct st_object *o = st_new(&a);

	for (unsigned i = 0; i < 32; i++) {
		indexes[32 * i] = (uint8_t)i;
		indexes[32 * i + 1] = (uint8_t)(1 + (number > 0));
	}
	st_set_u(o, sfLedgerEntryType, ltDirectoryNode);
	st_set_u(o, sfFlags, 0);
	st_set_account(o, sfOwner, &alice.id);
	st_set_hash256(o, sfRootIndex, &root.key);
	st_set_raw(o, sfIndexes, bytes_of(indexes, sizeof(indexes)));
	if (next)
		st_set_u(o, sfIndexNext, next);
	if (previous)
		st_set_u(o, sfIndexPrevious, previous);
	plant_entry(state, keylet_dir_page(&root.key, number), o);
	arena_close(&a);
}

static void plant_full(struct tree *state)
{
	const uint64_t last = DIRECTORY_PAGES_MAX - 1;

	plant_page(state, 0, last, last);
	plant_page(state, last, 0, 0);
}

static void plant_damage(struct tree *state)
{
	struct person bob = person("bob"), alice = person("alice");
	struct keylet k = keylet_deposit_preauth(&alice.id, &bob.id);

	assert_int_equal(tree_put(state, &k.key, bytes_str("damage")), FOUND);
}

/* No room in the directory, and an entry that cannot be read. */
static void test_ends(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, &(struct world_options){.plant = plant_full, .no_amendments = true});
	expect(&w, "alice", authorize(&w, "alice", "bob"), tecDIR_FULL);
	expect(&w, "alice", signer_list(&w, "alice", 1, "bob=1"), tecDIR_FULL);
	assert_int_equal(owned_by(&w, "alice"), 0);
	assert_int_equal(sequence_of(&w, "alice"), 3);
	world_close(&w);
	world_open(&w, &(struct world_options){.plant = plant_full});
	expect(&w, "alice", authorize(&w, "alice", "bob"), tesSUCCESS);
	world_close(&w);
	for (unsigned i = 0; i < 2; i++) {
		world_open(&w, &(struct world_options){.plant = plant_damage});
		expect(&w, "alice",
		       i == 0 ? authorize(&w, "alice", "bob") : unauthorize(&w, "alice", "bob"),
		       tefEXCEPTION);
		world_close(&w);
	}
	world_open(&w, &(struct world_options){.plant = plant_damage});
	expect(&w, "alice", set_flag(&w, "alice", asfDepositAuth), tesSUCCESS);
	pay(&w, "bob", "alice", 1, tefEXCEPTION);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_refusals),     cmocka_unit_test(test_reserve),
	    cmocka_unit_test(test_metadata),     cmocka_unit_test(test_payments),
	    cmocka_unit_test(test_base_reserve), cmocka_unit_test(test_many),
	    cmocka_unit_test(test_ends),
	};

	if (crypto_init(NULL) != ERR_NONE)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
