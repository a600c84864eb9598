/* SPDX-License-Identifier: ISC */
#include "base/limits.h"
#include "tests/tx/signing.h"
#include "tx/engine.h"

#include <stdio.h>
#include <string.h>

/* Signer lists (cases after rippled's MultiSign_test). Of the names here only alice, bob and carol
 * have accounts from the beginning. */

#define EIGHT "bogie=1 k1_demon=1 ghost=1 k1_haunt=1 jinni=1 k1_phase=1 shade=1 k1_spook=1"

/* "s0=1 s1=1 ..." */
static const char *entries_of(unsigned n)
{
	static char text[512];
	size_t at = 0;

	for (unsigned i = 0; i < n; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "s%u=1 ", i);
	return text;
}

static const struct st_object *list_of(struct world *w, const char *name)
{
	struct person p = person(name);

	return entry_at(w, keylet_signers(&p.id));
}

static void test_refused_lists(void **state)
{
	struct st_object *o;
	struct world w;

	(void)state;
	world_open(&w, NULL);
	expect(&w, "alice", signer_list(&w, "alice", 1, "alice=1"), temBAD_SIGNER);
	expect(&w, "alice", signer_list(&w, "alice", 1, "bogie=0"), temBAD_WEIGHT);
	expect(&w, "alice", signer_list(&w, "alice", 1, "bogie=1 demon=1 ghost=1 demon=1 haunt=1"),
	       temBAD_SIGNER);
	expect(&w, "alice", signer_list(&w, "alice", 0, "bogie=1"), temMALFORMED);
	expect(&w, "alice", signer_list(&w, "alice", 1, NULL), temMALFORMED);
	expect(&w, "alice", signer_list(&w, "alice", 1, ""), temMALFORMED);
	expect(&w, "alice", signer_list(&w, "alice", 9, EIGHT), temBAD_QUORUM);
	expect(&w, "alice", signer_list(&w, "alice", 1, entries_of(33)), temMALFORMED);
	/* Members of other names. */
	o = signer_list(&w, "alice", 1, "bogie=1");
	st_array_add((struct st_array *)st_get_array(o, sfSignerEntries), &w.arena, sfMemo);
	expect(&w, "alice", o, temMALFORMED);
	o = signer_list(&w, "alice", 0, NULL);
	st_set_u(o, sfFlags, 1);
	expect(&w, "alice", o, temINVALID_FLAG);
	assert_null(list_of(&w, "alice"));
	assert_int_equal(owned_by(&w, "alice"), 0);
	world_close(&w);
}

/* Twins come first, then whoever is first by account, and the sum at last. */
static void test_order_of_refusals(void **state)
{
	struct person alice = person("alice"), bogie = person("bogie");
	bool alice_first = account_cmp(&alice.id, &bogie.id) < 0;
	struct world w;

	(void)state;
	world_open(&w, NULL);
	expect(&w, "alice", signer_list(&w, "alice", 9, "bogie=0 bogie=0"), temBAD_SIGNER);
	expect(&w, "alice", signer_list(&w, "alice", 9, "bogie=0 alice=1"),
	       alice_first ? temBAD_SIGNER : temBAD_WEIGHT);
	expect(&w, "alice", signer_list(&w, "alice", 9, "bogie=1 alice=1"), temBAD_SIGNER);
	expect(&w, "alice", signer_list(&w, "alice", 9, "bogie=0 demon=1"), temBAD_WEIGHT);
	expect(&w, "alice", signer_list(&w, "alice", 65536, "bogie=65535"), temBAD_QUORUM);
	expect(&w, "alice", signer_list(&w, "alice", 65535, "bogie=65535"), tesSUCCESS);
	world_close(&w);
}

static enum err parse(struct st_object *o)
{
	struct buf b = BUF_INIT;
	struct tx *t = NULL;
	enum err e;

	st_encode(&b, o, ST_ALL);
	e = tx_parse(&t, buf_bytes(&b), NULL);
	if (e == ERR_NONE)
		tx_unref(t);
	buf_close(&b);
	return e;
}

static struct st_object *first_entry(struct st_object *o)
{
	return st_get_array(o, sfSignerEntries)->e[0].object;
}

/* An entry is account, weight and at most a locator, or there is no transaction at all. */
static void test_entry_format(void **state)
{
	struct hash256 where = {{7}};
	struct st_object *o;
	struct world w;

	(void)state;
	world_open(&w, NULL);
	o = signer_list(&w, "alice", 1, "bogie=1");
	assert_int_equal(parse(o), ERR_NONE);
	st_set_hash256(first_entry(o), sfWalletLocator, &where);
	assert_int_equal(parse(o), ERR_NONE);
	st_set_u(first_entry(o), sfFlags, 0);
	assert_int_equal(parse(o), ERR_INVALID);
	st_remove(first_entry(o), sfFlags);
	st_remove(first_entry(o), sfSignerWeight);
	assert_int_equal(parse(o), ERR_INVALID);
	o = signer_list(&w, "alice", 1, "bogie=1");
	st_remove(first_entry(o), sfAccount);
	assert_int_equal(parse(o), ERR_INVALID);
	o = signer_list(&w, "alice", 1, "bogie=1");
	st_remove(o, sfSignerQuorum);
	assert_int_equal(parse(o), ERR_ABSENT);
	world_close(&w);
}

/* What a list costs: one reserve, whatever its length; the fee may come out of the reserve. */
static void test_reserve(void **state)
{
	const uint64_t need = 12000000; /* 10 XRP and 2 for the list */
	struct world w;

	(void)state;
	world_open(&w, NULL);
	fund(&w, "dave", need - 1);
	expect(&w, "dave", signer_list(&w, "dave", 1, "bogie=1"), tecINSUFFICIENT_RESERVE);
	assert_int_equal(owned_by(&w, "dave"), 0);
	fund(&w, "dave", 11);
	expect(&w, "dave", signer_list(&w, "dave", 1, "bogie=1"), tesSUCCESS);
	assert_int_equal(owned_by(&w, "dave"), 1);
	assert_int_equal(balance_of(&w, "dave"), need - 10);
	/* A longer one in its place costs the same. */
	expect(&w, "dave", signer_list(&w, "dave", 1, entries_of(32)), tecINSUFFICIENT_RESERVE);
	assert_int_equal(st_get_array(list_of(&w, "dave"), sfSignerEntries)->n, 1);
	fund(&w, "dave", 20);
	expect(&w, "dave", signer_list(&w, "dave", 1, entries_of(32)), tesSUCCESS);
	assert_int_equal(owned_by(&w, "dave"), 1);
	/* Nothing is needed to get rid of it. */
	expect(&w, "dave", signer_list(&w, "dave", 0, NULL), tesSUCCESS);
	assert_int_equal(owned_by(&w, "dave"), 0);
	assert_null(list_of(&w, "dave"));
	expect(&w, "dave", signer_list(&w, "dave", 0, NULL), tesSUCCESS);
	world_close(&w);
}

/* The ledger keeps the entries by account, with their locators. */
static void test_entry(void **state)
{
	static const uint32_t sizes[] = {1, 8, 32};
	struct hash256 where = {{7}}, locator;
	struct person alice = person("alice");
	struct account_id last, id;
	struct st_object *o;
	struct world w;

	(void)state;
	world_open(&w, NULL);
	for (size_t i = 0; i < 3; i++) {
		const struct st_array *list;

		o = signer_list(&w, "alice", sizes[i], entries_of(sizes[i]));
		st_set_hash256(first_entry(o), sfWalletLocator, &where);
		assert_true(st_get_account(first_entry(o), sfAccount, &id));
		expect(&w, "alice", o, tesSUCCESS);
		list = st_get_array(list_of(&w, "alice"), sfSignerEntries);
		assert_int_equal(list->n, sizes[i]);
		memset(&last, 0, sizeof(last));
		for (uint32_t k = 0; k < list->n; k++) {
			struct account_id at;
			bool marked;

			assert_true(st_get_account(list->e[k].object, sfAccount, &at));
			assert_true(account_cmp(&last, &at) < 0);
			marked = st_get_hash256(list->e[k].object, sfWalletLocator, &locator);
			assert_int_equal(marked, account_eq(&at, &id));
			assert_true(!marked || hash256_eq(&locator, &where));
			last = at;
		}
		assert_int_equal(st_u32_or(list_of(&w, "alice"), sfFlags, 0), lsfOneOwnerCount);
		assert_int_equal(st_u32_or(list_of(&w, "alice"), sfSignerListID, 1), 0);
		assert_int_equal(st_u32_or(list_of(&w, "alice"), sfSignerQuorum, 0), sizes[i]);
		assert_true(st_get_account(list_of(&w, "alice"), sfOwner, &id));
		assert_true(account_eq(&id, &alice.id));
	}
	world_close(&w);
}

/* Without the amendments that say otherwise: no owner in it, any flags on the transaction. */
static void test_before_amendments(void **state)
{
	struct st_object *o;
	struct world w;

	(void)state;
	world_open(&w, &(struct world_options){.no_amendments = true});
	o = signer_list(&w, "alice", 1, "bogie=1");
	st_set_u(o, sfFlags, 0x00012345);
	expect(&w, "alice", o, tesSUCCESS);
	assert_false(st_has(list_of(&w, "alice"), sfOwner));
	assert_int_equal(st_u32_or(list_of(&w, "alice"), sfFlags, 0), lsfOneOwnerCount);
	assert_int_equal(owned_by(&w, "alice"), 1);
	o = signer_list(&w, "alice", 1, "bogie=1");
	st_set_u(o, sfFlags, (uint32_t)tfInnerBatchTxn);
	expect(&w, "alice", o, temINVALID_FLAG);
	expect(&w, "alice", signer_list(&w, "alice", 0, NULL), tesSUCCESS);
	world_close(&w);
}

static void test_metadata(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL);
	expect(&w, "alice", noop(&w, "alice"), tesSUCCESS);
	expect_nodes(
	    &w, "alice", signer_list(&w, "alice", 2, "carol=2"), tesSUCCESS,
	    "[{'ModifiedNode':{'LedgerEntryType':'AccountRoot','LedgerIndex':'<account alice>',"
	    "'PreviousTxnID':'<before account alice>','PreviousTxnLgrSeq':<seq>,"
	    "'PreviousFields':{'Balance':'999999990','OwnerCount':0,'Sequence':2},"
	    "'FinalFields':{'Account':'<alice>','Balance':'999999980','Flags':0,"
	    "'OwnerCount':1,'Sequence':3}}},"
	    "{'CreatedNode':{'LedgerEntryType':'SignerList','LedgerIndex':'<signers alice>',"
	    "'NewFields':{'Flags':65536,'Owner':'<alice>','SignerQuorum':2,'SignerEntries':["
	    "{'SignerEntry':{'Account':'<carol>','SignerWeight':2}}]}}},"
	    "{'CreatedNode':{'LedgerEntryType':'DirectoryNode','LedgerIndex':'<directory alice>',"
	    "'NewFields':{'Owner':'<alice>','RootIndex':'<directory alice>'}}}]");
	/* In place of another: the list is modified, and the directory, which was gone in between,
	 * forgets what it knew of the transaction before. */
	expect_nodes(
	    &w, "alice", signer_list(&w, "alice", 1, "bob=1"), tesSUCCESS,
	    "[{'ModifiedNode':{'LedgerEntryType':'AccountRoot','LedgerIndex':'<account alice>',"
	    "'PreviousTxnID':'<before account alice>','PreviousTxnLgrSeq':<seq>,"
	    "'PreviousFields':{'Balance':'999999980','Sequence':3},"
	    "'FinalFields':{'Account':'<alice>','Balance':'999999970','Flags':0,"
	    "'OwnerCount':1,'Sequence':4}}},"
	    "{'ModifiedNode':{'LedgerEntryType':'SignerList','LedgerIndex':'<signers alice>',"
	    "'PreviousFields':{'SignerQuorum':2,'SignerEntries':["
	    "{'SignerEntry':{'Account':'<carol>','SignerWeight':2}}]},"
	    "'FinalFields':{'Flags':65536,'Owner':'<alice>','OwnerNode':'0000000000000000','"
	    "SignerListID':0,"
	    "'SignerQuorum':1,'SignerEntries':["
	    "{'SignerEntry':{'Account':'<bob>','SignerWeight':1}}]}}},"
	    "{'ModifiedNode':{'LedgerEntryType':'DirectoryNode',"
	    "'LedgerIndex':'<directory alice>','FinalFields':{'Flags':0,'Owner':'<alice>',"
	    "'RootIndex':'<directory alice>'}}}]");
	expect_nodes(
	    &w, "alice", signer_list(&w, "alice", 0, NULL), tesSUCCESS,
	    "[{'ModifiedNode':{'LedgerEntryType':'AccountRoot','LedgerIndex':'<account alice>',"
	    "'PreviousTxnID':'<before account alice>','PreviousTxnLgrSeq':<seq>,"
	    "'PreviousFields':{'Balance':'999999970','OwnerCount':1,'Sequence':4},"
	    "'FinalFields':{'Account':'<alice>','Balance':'999999960','Flags':0,"
	    "'OwnerCount':0,'Sequence':5}}},"
	    "{'DeletedNode':{'LedgerEntryType':'SignerList','LedgerIndex':'<signers alice>',"
	    "'FinalFields':{'Flags':65536,'Owner':'<alice>','OwnerNode':'0000000000000000','"
	    "SignerListID':0,"
	    "'SignerQuorum':1,'PreviousTxnID':'<before signers alice>',"
	    "'PreviousTxnLgrSeq':<seq>,'SignerEntries':["
	    "{'SignerEntry':{'Account':'<bob>','SignerWeight':1}}]}}},"
	    "{'DeletedNode':{'LedgerEntryType':'DirectoryNode',"
	    "'LedgerIndex':'<directory alice>','FinalFields':{'Flags':0,'Owner':'<alice>',"
	    "'RootIndex':'<directory alice>','PreviousTxnID':'<before directory alice>',"
	    "'PreviousTxnLgrSeq':<seq>}}}]");
	world_close(&w);
}

/* A list as it was made before MultiSignReserve, with three entries. */
static void plant_legacy(struct tree *state)
{
	static const char *names[] = {"bogie", "demon", "ghost"};
	struct person alice = person("alice");
	struct keylet list_k = keylet_signers(&alice.id), dir_k = keylet_owner_dir(&alice.id);
	struct arena a = ARENA_INIT;
	struct st_object *list = st_new(&a), *dir = st_new(&a);
	struct st_array *entries;

	st_set_u(list, sfLedgerEntryType, ltSignerList);
	st_set_u(list, sfOwnerNode, 0);
	st_set_u(list, sfFlags, 0);
	st_set_u(list, sfSignerQuorum, 1);
	st_set_u(list, sfSignerListID, 0);
	st_set_hash256(list, sfPreviousTxnID, &HASH256_ZERO);
	st_set_u(list, sfPreviousTxnLgrSeq, 0);
	entries = st_set_array(list, sfSignerEntries);
	for (size_t i = 0; i < 3; i++) {
		struct st_object *e = st_array_add(entries, &a, sfSignerEntry);
		struct account_id id = person(names[i]).id;

		st_set_account(e, sfAccount, &id);
		st_set_u(e, sfSignerWeight, 1);
	}
	plant_entry(state, list_k, list);
	st_set_u(dir, sfLedgerEntryType, ltDirectoryNode);
	st_set_u(dir, sfFlags, 0);
	st_set_account(dir, sfOwner, &alice.id);
	st_set_hash256(dir, sfRootIndex, &dir_k.key);
	st_set_raw(dir, sfIndexes, bytes_of(list_k.key.b, sizeof(list_k.key.b)));
	plant_entry(state, dir_k, dir);
	arena_close(&a);
}

static void five_owned(struct st_object *account)
{
	st_set_u(account, sfOwnerCount, 5);
}

static void plant_legacy_list(struct tree *state)
{
	plant_legacy(state);
	plant_account(state, "alice", five_owned);
}

static void test_legacy_list(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, &(struct world_options){.plant = plant_legacy_list});
	expect(&w, "alice", signer_list(&w, "alice", 0, NULL), tesSUCCESS);
	assert_int_equal(owned_by(&w, "alice"), 0);
	assert_null(list_of(&w, "alice"));
	world_close(&w);
	world_open(&w, &(struct world_options){.plant = plant_legacy_list});
	expect(&w, "alice", signer_list(&w, "alice", 1, entries_of(8)), tesSUCCESS);
	assert_int_equal(owned_by(&w, "alice"), 1);
	assert_int_equal(st_u32_or(list_of(&w, "alice"), sfFlags, 0), lsfOneOwnerCount);
	world_close(&w);
}

static void plant_orphan(struct tree *state)
{
	struct person alice = person("alice");
	struct keylet dir_k = keylet_owner_dir(&alice.id);

	plant_legacy_list(state);
	assert_int_equal(tree_del(state, &dir_k.key), FOUND);
}

/* Damage is named, and changes nothing. */
static void test_damage(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, &(struct world_options){.plant = plant_orphan});
	expect(&w, "alice", signer_list(&w, "alice", 0, NULL), tefBAD_LEDGER);
	expect(&w, "alice", signer_list(&w, "alice", 1, "bogie=1"), tefBAD_LEDGER);
	assert_int_equal(sequence_of(&w, "alice"), 1);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_refused_lists), cmocka_unit_test(test_order_of_refusals),
	    cmocka_unit_test(test_entry_format),  cmocka_unit_test(test_reserve),
	    cmocka_unit_test(test_entry),         cmocka_unit_test(test_before_amendments),
	    cmocka_unit_test(test_metadata),      cmocka_unit_test(test_legacy_list),
	    cmocka_unit_test(test_damage),
	};

	if (crypto_init(NULL) != ERR_NONE)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
