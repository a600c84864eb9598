/* SPDX-License-Identifier: ISC */
#include "base/limits.h"
#include "tests/tx/signing.h"
#include "tx/engine.h"

#include <stdio.h>
#include <string.h>

/* Signer lists and transactions that several sign (cases after rippled's MultiSign_test). Of the
 * names here only alice, bob and carol have accounts from the beginning. */

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

/* The last way to sign is never taken away: the nine cases of MultiSign_test. */
static void test_key_disable(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL);
	expect(&w, "alice", set_flag(&w, "alice", asfDisableMaster), tecNO_ALTERNATIVE_KEY);
	expect(&w, "alice", regular_key(&w, "alice", "alie"), tesSUCCESS);
	expect(&w, "alice", set_flag(&w, "alice", asfDisableMaster), tesSUCCESS);
	expect(&w, "alie", regular_key(&w, "alice", NULL), tecNO_ALTERNATIVE_KEY);
	expect(&w, "alie", signer_list(&w, "alice", 1, "bogie=1"), tesSUCCESS);
	expect(&w, "alie", regular_key(&w, "alice", NULL), tesSUCCESS);
	expect_multi(&w, "bogie", signer_list(&w, "alice", 0, NULL), tecNO_ALTERNATIVE_KEY);
	expect_multi(&w, "bogie", clear_flag(&w, "alice", asfDisableMaster), tesSUCCESS);
	expect_multi(&w, "bogie", signer_list(&w, "alice", 0, NULL), tesSUCCESS);
	expect(&w, "alice", signer_list(&w, "alice", 1, "bogie=1"), tesSUCCESS);
	expect(&w, "alice", set_flag(&w, "alice", asfDisableMaster), tesSUCCESS);
	expect_multi(&w, "bogie", regular_key(&w, "alice", "alie"), tesSUCCESS);
	expect(&w, "alie", signer_list(&w, "alice", 0, NULL), tesSUCCESS);
	/* A list may be replaced although it is the last one. */
	expect(&w, "alie", signer_list(&w, "alice", 1, "bogie=1"), tesSUCCESS);
	expect(&w, "alie", regular_key(&w, "alice", NULL), tesSUCCESS);
	expect_multi(&w, "bogie", signer_list(&w, "alice", 1, "demon=1"), tesSUCCESS);
	expect_multi(&w, "bogie", noop(&w, "alice"), tefBAD_SIGNATURE);
	expect_multi(&w, "demon", noop(&w, "alice"), tesSUCCESS);
	world_close(&w);
}

static void test_quorum(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL);
	expect_multi(&w, "bob k1_demon", noop(&w, "alice"), tefNOT_MULTI_SIGNING);
	expect(&w, "alice", signer_list(&w, "alice", 4, "bob=3 carol=4"), tesSUCCESS);
	expect_multi(&w, "carol", noop(&w, "alice"), tesSUCCESS);
	expect_multi(&w, "bob", noop(&w, "alice"), tefBAD_QUORUM);
	expect_multi(&w, "bob carol", noop(&w, "alice"), tesSUCCESS);
	/* A stranger spoils what would be enough without him. */
	expect_multi(&w, "carol spook", noop(&w, "alice"), tefBAD_SIGNATURE);
	/* The account's own key remains good for it. */
	expect(&w, "alice", noop(&w, "alice"), tesSUCCESS);
	expect(&w, "alice",
	       signer_list(&w, "alice", 0x3FFFC,
			   "bob=65535 carol=65535 jinni=65535 "
			   "ghost=65535"),
	       tesSUCCESS);
	expect_multi(&w, "bob carol jinni", noop(&w, "alice"), tefBAD_QUORUM);
	expect_multi(&w, "bob carol jinni ghost", noop(&w, "alice"), tesSUCCESS);
	world_close(&w);
}

/* Accounts that do not exist sign with the key of their address. */
static void test_phantoms(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL);
	expect(&w, "alice", signer_list(&w, "alice", 1, "k1_bogie=1 demon=1"), tesSUCCESS);
	expect_multi(&w, "k1_bogie demon", noop(&w, "alice"), tesSUCCESS);
	expect_multi(&w, "k1_bogie", noop(&w, "alice"), tesSUCCESS);
	expect_multi(&w, "demon", noop(&w, "alice"), tesSUCCESS);
	expect_multi(&w, "demon demon", noop(&w, "alice"), temBAD_SIGNATURE);
	expect_multi(&w, "k1_bogie spook", noop(&w, "alice"), tefBAD_SIGNATURE);
	expect_multi(&w, "demon:k1_bogie", noop(&w, "alice"), tefBAD_SIGNATURE);
	/* Once the account is there, its own rules hold. */
	fund(&w, "demon", 50000000);
	expect(&w, "demon", regular_key(&w, "demon", "ghost"), tesSUCCESS);
	expect_multi(&w, "demon:ghost", noop(&w, "alice"), tesSUCCESS);
	expect(&w, "demon", set_flag(&w, "demon", asfDisableMaster), tesSUCCESS);
	expect_multi(&w, "demon", noop(&w, "alice"), tefMASTER_DISABLED);
	world_close(&w);
}

/* becky has her master key alone, cheri a regular key beside it, daria a regular key only, jinni no
 * account. */
static void set_up_mixed(struct world *w)
{
	fund(w, "becky", 50000000);
	fund(w, "k1_cheri", 50000000);
	fund(w, "daria", 50000000);
	expect(w, "k1_cheri", regular_key(w, "k1_cheri", "k1_cher"), tesSUCCESS);
	expect(w, "daria", regular_key(w, "daria", "k1_dari"), tesSUCCESS);
	expect(w, "daria", set_flag(w, "daria", asfDisableMaster), tesSUCCESS);
	expect(w, "alice", regular_key(w, "alice", "k1_alie"), tesSUCCESS);
	expect(w, "alice", set_flag(w, "alice", asfDisableMaster), tesSUCCESS);
}

static void test_mixed_signers(void **state)
{
	static const char *good[] = {
	    "becky",          "k1_cheri", "k1_cheri:k1_cher",
	    "daria:k1_dari",  "jinni",    "becky k1_cheri:k1_cher daria:k1_dari jinni",
	    "k1_cheri jinni",
	};
	struct world w;

	(void)state;
	world_open(&w, NULL);
	set_up_mixed(&w);
	expect(&w, "k1_alie", signer_list(&w, "alice", 1, "becky=1 k1_cheri=1 daria=1 jinni=1"),
	       tesSUCCESS);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		expect_multi(&w, good[i], noop(&w, "alice"), tesSUCCESS);
	expect_multi(&w, "daria", noop(&w, "alice"), tefMASTER_DISABLED);
	expect_multi(&w, "becky:k1_cher", noop(&w, "alice"), tefBAD_SIGNATURE);
	expect_multi(&w, "k1_cheri:k1_dari", noop(&w, "alice"), tefBAD_SIGNATURE);
	/* The first that is wrong, in the order of accounts, names the reason; the quorum is judged
	 * at last. */
	expect(&w, "k1_alie", signer_list(&w, "alice", 9, "daria=1 jinni=9"), tesSUCCESS);
	expect_multi(&w, "daria", noop(&w, "alice"), tefMASTER_DISABLED);
	expect_multi(&w, "daria:k1_dari", noop(&w, "alice"), tefBAD_QUORUM);
	world_close(&w);
}

/* A signer signs for himself: his own signer list does not count. */
static void test_no_second_level(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL);
	expect(&w, "alice", signer_list(&w, "alice", 1, "bob=1"), tesSUCCESS);
	expect(&w, "bob", signer_list(&w, "bob", 1, "bogie=1 demon=1"), tesSUCCESS);
	expect_multi(&w, "bob", noop(&w, "alice"), tesSUCCESS);
	expect(&w, "bob", set_flag(&w, "bob", asfDisableMaster), tesSUCCESS);
	expect_multi(&w, "bob", noop(&w, "alice"), tefMASTER_DISABLED);
	expect_multi(&w, "bob:bogie", noop(&w, "alice"), tefBAD_SIGNATURE);
	expect_multi(&w, "bogie", noop(&w, "alice"), tefBAD_SIGNATURE);
	expect_multi(&w, "bob:beck", noop(&w, "alice"), tefBAD_SIGNATURE);
	expect_multi(&w, "demon", regular_key(&w, "bob", "beck"), tesSUCCESS);
	expect_multi(&w, "bob:beck", noop(&w, "alice"), tesSUCCESS);
	expect_multi(&w, "bob:demon", noop(&w, "alice"), tefBAD_SIGNATURE);
	world_close(&w);
}

/* The fee counts the signers; a free change of the key is none with many hands. */
static void test_fee(void **state)
{
	struct st_object *o;
	struct world w;

	(void)state;
	world_open(&w, &(struct world_options){.open = true});
	expect(&w, "alice", signer_list(&w, "alice", 1, EIGHT), tesSUCCESS);
	expect_multi(&w, "bogie", noop(&w, "alice"), tesSUCCESS);
	expect_multi(&w, "bogie k1_demon ghost k1_haunt jinni k1_phase shade k1_spook",
		     payment(&w, "alice", sequence_of(&w, "alice"), "bob", 1), tesSUCCESS);
	o = with_fee(noop(&w, "alice"), 19);
	add_signers(o, "bogie");
	assert_int_equal(apply_as_is(&w, o, 0), telINSUF_FEE_P);
	o = with_fee(noop(&w, "alice"), 89);
	add_signers(o, "bogie k1_demon ghost k1_haunt jinni k1_phase shade k1_spook");
	assert_int_equal(apply_as_is(&w, o, 0), telINSUF_FEE_P);
	o = with_fee(regular_key(&w, "alice", "bob"), 0);
	add_signers(o, "bogie");
	assert_int_equal(apply_as_is(&w, o, 0), telINSUF_FEE_P);
	world_close(&w);
}

static struct st_object *signer_at(struct st_object *o, uint32_t i)
{
	return st_get_array(o, sfSigners)->e[i].object;
}

static struct st_object *signed_noop(struct world *w, const char *signers)
{
	struct st_object *o = with_fee(noop(w, "alice"), 1000);

	add_signers(o, signers);
	return o;
}

/* Signatures that are not what they say (MultiSign_test: Bad Signature Text). */
static void test_bad_signatures(void **state)
{
	char crowd[512] = "";
	struct st_element swap, *e;
	struct st_object *o;
	struct world w;
	uint8_t sig[64];
	struct bytes b;

	(void)state;
	world_open(&w, NULL);
	expect(&w, "alice", signer_list(&w, "alice", 1, "bogie=1 demon=1"), tesSUCCESS);
	/* Changed after it was signed. */
	o = signed_noop(&w, "bogie");
	st_set_u(o, sfSourceTag, 1);
	assert_int_equal(apply_as_is(&w, o, 0), temBAD_SIGNATURE);
	/* A key beside the signers; a signature beside them. */
	o = signed_noop(&w, "bogie");
	st_set_raw(o, sfSigningPubKey, bytes_of(person("alice").pub.b, 33));
	assert_int_equal(apply_as_is(&w, o, 0), temBAD_SIGNATURE);
	o = noop(&w, "alice");
	tx_sign(o, person("alice").key);
	add_signers(o, "bogie");
	assert_int_equal(apply_as_is(&w, o, 0), temBAD_SIGNATURE);
	/* No key and no signers; no signers in the list of signers. */
	o = noop(&w, "alice");
	st_set_raw(o, sfTxnSignature, bytes_of(sig, sizeof(sig)));
	assert_int_equal(apply_as_is(&w, o, 0), temBAD_SIGNATURE);
	assert_int_equal(apply_as_is(&w, signed_noop(&w, ""), 0), temBAD_SIGNATURE);
	/* One bit of one signature. */
	o = signed_noop(&w, "bogie demon");
	assert_true(st_get_raw(signer_at(o, 1), sfTxnSignature, &b));
	memcpy(sig, b.p, sizeof(sig));
	sig[20] ^= 0x80;
	st_set_raw(signer_at(o, 1), sfTxnSignature, bytes_of(sig, sizeof(sig)));
	assert_int_equal(apply_as_is(&w, o, 0), temBAD_SIGNATURE);
	/* A signer without a key, with a key of no curve. */
	o = signed_noop(&w, "bogie");
	st_set_raw(signer_at(o, 0), sfSigningPubKey, bytes_of(NULL, 0));
	assert_int_equal(apply_as_is(&w, o, 0), temBAD_SIGNATURE);
	o = signed_noop(&w, "bogie");
	st_set_raw(signer_at(o, 0), sfSigningPubKey, bytes_of(sig, 33));
	assert_int_equal(apply_as_is(&w, o, 0), temBAD_SIGNATURE);
	/* The account itself, the same one twice, a wrong order, too many. */
	assert_int_equal(apply_as_is(&w, signed_noop(&w, "alice"), 0), temBAD_SIGNATURE);
	assert_int_equal(apply_as_is(&w, signed_noop(&w, "bogie bogie"), 0), temBAD_SIGNATURE);
	o = signed_noop(&w, "bogie demon");
	e = st_get_array(o, sfSigners)->e;
	swap = e[0];
	e[0] = e[1];
	e[1] = swap;
	assert_int_equal(apply_as_is(&w, o, 0), temBAD_SIGNATURE);
	for (unsigned i = 0; i < 33; i++)
		(void)snprintf(crowd + strlen(crowd), sizeof(crowd) - strlen(crowd), "s%u ", i);
	assert_int_equal(apply_as_is(&w, signed_noop(&w, crowd), 0), temBAD_SIGNATURE);
	world_close(&w);
}

/* As many as there may be. */
static void test_32_signers(void **state)
{
	char crowd[512] = "";
	struct world w;

	(void)state;
	world_open(&w, NULL);
	expect(&w, "alice", signer_list(&w, "alice", 32, entries_of(32)), tesSUCCESS);
	for (unsigned i = 0; i < 31; i++)
		(void)snprintf(crowd + strlen(crowd), sizeof(crowd) - strlen(crowd), "s%u ", i);
	expect_multi(&w, crowd, noop(&w, "alice"), tefBAD_QUORUM);
	strcat(crowd, "s31");
	expect_multi(&w, crowd, noop(&w, "alice"), tesSUCCESS);
	world_close(&w);
}

/* Simulation: signers who would sign, without signatures. */
static struct st_object *would_sign(struct world *w, const char *signers)
{
	struct st_object *o = signed_noop(w, signers);
	const struct st_array *list = st_get_array(o, sfSigners);

	for (uint32_t i = 0; i < list->n; i++)
		st_set_raw(list->e[i].object, sfTxnSignature, bytes_of(NULL, 0));
	return o;
}

static void test_dry_run(void **state)
{
	struct st_object *o;
	struct world w;

	(void)state;
	world_open(&w, NULL);
	assert_int_equal(apply_as_is(&w, would_sign(&w, "bob"), TX_DRY_RUN), tefNOT_MULTI_SIGNING);
	expect(&w, "alice", signer_list(&w, "alice", 3, "bob=1 bogie=2"), tesSUCCESS);
	assert_int_equal(apply_as_is(&w, would_sign(&w, "bob bogie"), TX_DRY_RUN), tesSUCCESS);
	assert_int_equal(apply_as_is(&w, would_sign(&w, "bob"), TX_DRY_RUN), tefBAD_QUORUM);
	assert_int_equal(apply_as_is(&w, would_sign(&w, ""), TX_DRY_RUN), tefBAD_QUORUM);
	assert_int_equal(apply_as_is(&w, would_sign(&w, "alice"), TX_DRY_RUN), tefBAD_SIGNATURE);
	assert_int_equal(apply_as_is(&w, would_sign(&w, "bob:carol bogie"), TX_DRY_RUN),
			 tefBAD_SIGNATURE);
	/* Who it is may be left open: the signer's master key is meant. */
	o = would_sign(&w, "bob bogie");
	st_set_raw(signer_at(o, 0), sfSigningPubKey, bytes_of(NULL, 0));
	st_set_raw(signer_at(o, 1), sfSigningPubKey, bytes_of(NULL, 0));
	assert_int_equal(apply_as_is(&w, o, TX_DRY_RUN), tesSUCCESS);
	expect(&w, "bob", regular_key(&w, "bob", "beck"), tesSUCCESS);
	expect(&w, "bob", set_flag(&w, "bob", asfDisableMaster), tesSUCCESS);
	assert_int_equal(apply_as_is(&w, o, TX_DRY_RUN), tefMASTER_DISABLED);
	/* A key of no curve; a signature; a key beside the signers. */
	st_set_raw(signer_at(o, 0), sfSigningPubKey, bytes_str("key"));
	st_set_raw(signer_at(o, 1), sfSigningPubKey, bytes_str("key"));
	assert_int_equal(apply_as_is(&w, o, TX_DRY_RUN), tefBAD_SIGNATURE);
	assert_int_equal(apply_as_is(&w, signed_noop(&w, "bogie"), TX_DRY_RUN), temINVALID);
	o = would_sign(&w, "bogie");
	st_set_raw(o, sfSigningPubKey, bytes_of(person("alice").pub.b, 33));
	assert_int_equal(apply_as_is(&w, o, TX_DRY_RUN), temINVALID);
	/* One key, unsigned: whether it may sign. */
	o = noop(&w, "alice");
	st_set_raw(o, sfSigningPubKey, bytes_of(person("carol").pub.b, 33));
	assert_int_equal(apply_as_is(&w, o, TX_DRY_RUN), tefBAD_AUTH);
	st_set_raw(o, sfSigningPubKey, bytes_of(person("alice").pub.b, 33));
	assert_int_equal(apply_as_is(&w, o, TX_DRY_RUN), tesSUCCESS);
	world_close(&w);
}

/* Every type that is here, signed by others, with every kind of key. */
static void test_types(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL);
	expect(&w, "alice", signer_list(&w, "alice", 2, "bob=1 k1_demon=1"), tesSUCCESS);
	expect(&w, "alice", regular_key(&w, "alice", "carol"), tesSUCCESS);
	expect(&w, "alice", set_flag(&w, "alice", asfDisableMaster), tesSUCCESS);
	expect_multi(&w, "bob k1_demon",
		     payment(&w, "alice", sequence_of(&w, "alice"), "erin", 20000000), tesSUCCESS);
	expect_multi(&w, "bob k1_demon", regular_key(&w, "alice", NULL), tesSUCCESS);
	expect_multi(&w, "bob k1_demon", authorize(&w, "alice", "bob"), tesSUCCESS);
	expect_multi(&w, "bob k1_demon", set_flag(&w, "alice", asfDepositAuth), tesSUCCESS);
	expect_multi(&w, "bob k1_demon", signer_list(&w, "alice", 1, "carol=1"), tesSUCCESS);
	expect_multi(&w, "bob k1_demon", noop(&w, "alice"), tefBAD_SIGNATURE);
	expect_multi(&w, "carol", noop(&w, "alice"), tesSUCCESS);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_refused_lists), cmocka_unit_test(test_order_of_refusals),
	    cmocka_unit_test(test_entry_format),  cmocka_unit_test(test_reserve),
	    cmocka_unit_test(test_entry),         cmocka_unit_test(test_before_amendments),
	    cmocka_unit_test(test_metadata),      cmocka_unit_test(test_legacy_list),
	    cmocka_unit_test(test_damage),        cmocka_unit_test(test_key_disable),
	    cmocka_unit_test(test_quorum),        cmocka_unit_test(test_phantoms),
	    cmocka_unit_test(test_mixed_signers), cmocka_unit_test(test_no_second_level),
	    cmocka_unit_test(test_fee),           cmocka_unit_test(test_bad_signatures),
	    cmocka_unit_test(test_32_signers),    cmocka_unit_test(test_dry_run),
	    cmocka_unit_test(test_types),
	};

	if (crypto_init(NULL) != ERR_NONE)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
