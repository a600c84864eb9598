/* SPDX-License-Identifier: ISC */
#include "tests/tx/signing.h"
#include "tx/engine.h"

#include <string.h>

/* Master keys and regular keys (cases after rippled's SetRegularKey_test). */

static struct st_object *with_flags(struct st_object *o, uint32_t flags)
{
	st_set_u(o, sfFlags, flags);
	return o;
}

static void test_disabled_master(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL);
	expect(&w, "alice", regular_key(&w, "alice", "bob"), tesSUCCESS);
	expect(&w, "bob", noop(&w, "alice"), tesSUCCESS);
	expect(&w, "alice", noop(&w, "alice"), tesSUCCESS);
	expect(&w, "carol", noop(&w, "alice"), tefBAD_AUTH);

	expect(&w, "alice", set_flag(&w, "alice", asfDisableMaster), tesSUCCESS);
	expect(&w, "bob", noop(&w, "alice"), tesSUCCESS);
	expect(&w, "alice", noop(&w, "alice"), tefMASTER_DISABLED);
	expect(&w, "alice", clear_flag(&w, "alice", asfDisableMaster), tefMASTER_DISABLED);

	expect(&w, "bob", clear_flag(&w, "alice", asfDisableMaster), tesSUCCESS);
	expect(&w, "bob", noop(&w, "alice"), tesSUCCESS);
	expect(&w, "alice", noop(&w, "alice"), tesSUCCESS);

	expect(&w, "alice", regular_key(&w, "alice", NULL), tesSUCCESS);
	expect(&w, "bob", noop(&w, "alice"), tefBAD_AUTH);
	expect(&w, "alice", noop(&w, "alice"), tesSUCCESS);
	/* Taking away what is not there changes nothing and succeeds. */
	expect(&w, "alice", regular_key(&w, "alice", NULL), tesSUCCESS);
	world_close(&w);
}

static void test_refusals(void **state)
{
	struct account_id bob = person("bob").id, id;
	struct st_object *o;
	struct world w;

	(void)state;
	world_open(&w, NULL);
	expect(&w, "alice", regular_key(&w, "alice", "alice"), temBAD_REGKEY);
	expect(&w, "alice", with_flags(regular_key(&w, "alice", "bob"), 0x3FFFFFFF),
	       temINVALID_FLAG);
	expect(&w, "alice", with_flags(regular_key(&w, "alice", "bob"), 1), temINVALID_FLAG);
	/* The shape is judged before the account, and that before the key. */
	expect(&w, "dave", regular_key(&w, "dave", "dave"), temBAD_REGKEY);
	expect(&w, "dave", regular_key(&w, "dave", "bob"), terNO_ACCOUNT);
	o = regular_key(&w, "alice", "bob");
	st_set_raw(o, sfRegularKey, bytes_of(NULL, 0));
	expect(&w, "alice", o, temINVALID);

	expect(&w, "alice", with_flags(regular_key(&w, "alice", "bob"), tfFullyCanonicalSig),
	       tesSUCCESS);
	expect(&w, "alice", set_flag(&w, "alice", asfDisableMaster), tesSUCCESS);
	expect(&w, "bob", regular_key(&w, "alice", NULL), tecNO_ALTERNATIVE_KEY);
	assert_true(st_get_account(account_of(&w, "alice"), sfRegularKey, &id));
	assert_true(account_eq(&id, &bob));
	assert_true(flags_of_account(&w, "alice") & (uint32_t)lsfDisableMaster);
	world_close(&w);
}

/* Both curves for the master and for the regular key. */
static void test_curves(void **state)
{
	static const char *pairs[][2] = {
	    {"dave", "erin"}, {"k1_dave", "erin"}, {"dave", "k1_erin"}, {"k1_dave", "k1_erin"}};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		const char *owner = pairs[i][0], *key = pairs[i][1];
		struct world w;

		world_open(&w, NULL);
		fund(&w, owner, 50000000);
		expect(&w, owner, regular_key(&w, owner, key), tesSUCCESS);
		expect(&w, key, noop(&w, owner), tesSUCCESS);
		expect(&w, owner, set_flag(&w, owner, asfDisableMaster), tesSUCCESS);
		expect(&w, owner, noop(&w, owner), tefMASTER_DISABLED);
		expect(&w, key, payment(&w, owner, sequence_of(&w, owner), "bob", 1), tesSUCCESS);
		world_close(&w);
	}
}

static bool spent(struct world *w, const char *name)
{
	return (flags_of_account(w, name) & (uint32_t)lsfPasswordSpent) != 0;
}

/* Once for nothing, with the master key; a payment gives it back. */
static void test_free_change(void **state)
{
	struct world w;
	uint64_t before;

	(void)state;
	world_open(&w, &(struct world_options){.open = true});
	before = balance_of(&w, "alice");
	expect(&w, "alice", with_fee(regular_key(&w, "alice", "bob"), 0), tesSUCCESS);
	assert_int_equal(balance_of(&w, "alice"), before);
	assert_true(spent(&w, "alice"));
	expect(&w, "alice", with_fee(regular_key(&w, "alice", "bob"), 0), telINSUF_FEE_P);
	expect(&w, "alice", with_fee(regular_key(&w, "alice", "carol"), 9), telINSUF_FEE_P);
	expect(&w, "alice", regular_key(&w, "alice", "carol"), tesSUCCESS);
	assert_int_equal(balance_of(&w, "alice"), before - 10);

	expect(&w, "bob", payment(&w, "bob", sequence_of(&w, "bob"), "alice", 1), tesSUCCESS);
	assert_false(spent(&w, "alice"));
	/* Other keys and other types pay. */
	expect(&w, "carol", with_fee(regular_key(&w, "alice", "bob"), 0), telINSUF_FEE_P);
	expect(&w, "alice", with_fee(noop(&w, "alice"), 0), telINSUF_FEE_P);
	expect(&w, "carol", regular_key(&w, "alice", "bob"), tesSUCCESS);
	assert_false(spent(&w, "alice"));
	/* A fee that is offered is taken, and the free change is used up all the same. */
	before = balance_of(&w, "alice");
	expect(&w, "alice", with_fee(regular_key(&w, "alice", "carol"), 7), tesSUCCESS);
	assert_int_equal(balance_of(&w, "alice"), before - 7);
	assert_true(spent(&w, "alice"));
	world_close(&w);
}

static void drain(struct st_object *account)
{
	st_set_drops(account, sfBalance, drops_of(0));
	st_set_u(account, sfFlags, (uint64_t)st_u32_or(account, sfFlags, 0));
}

static void plant_drained(struct tree *state)
{
	plant_account(state, "alice", drain);
}

/* Who has nothing left may still do it; a change that fails does not use it up. */
static void test_free_without_xrp(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, &(struct world_options){.plant = plant_drained, .open = true});
	expect(&w, "alice", noop(&w, "alice"), terINSUF_FEE_B);
	expect(&w, "alice", regular_key(&w, "alice", "bob"), terINSUF_FEE_B);
	expect(&w, "alice", with_fee(regular_key(&w, "alice", "alice"), 0), temBAD_REGKEY);
	assert_false(spent(&w, "alice"));
	expect(&w, "alice", with_fee(regular_key(&w, "alice", "bob"), 0), tesSUCCESS);
	assert_true(spent(&w, "alice"));
	world_close(&w);

	/* In a closed ledger nobody asks for more than is offered. */
	world_open(&w, &(struct world_options){.plant = plant_drained});
	expect(&w, "alice", with_fee(noop(&w, "alice"), 0), tesSUCCESS);
	expect(&w, "alice", noop(&w, "alice"), terINSUF_FEE_B);
	world_close(&w);
}

static struct drops base_fee_of(struct world *w, const char *key, struct st_object *o)
{
	struct tx *t = trusted_as(key, o);
	struct drops d = tx_base_fee(t, w->view);

	tx_unref(t);
	return d;
}

static void test_base_fee(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL);
	assert_int_equal(base_fee_of(&w, "alice", regular_key(&w, "alice", "bob")).raw, 0);
	assert_int_equal(base_fee_of(&w, "bob", regular_key(&w, "alice", "bob")).raw, 10);
	assert_int_equal(base_fee_of(&w, "alice", noop(&w, "alice")).raw, 10);
	/* Nobody is there. */
	assert_int_equal(base_fee_of(&w, "dave", regular_key(&w, "dave", "bob")).raw, 10);
	expect(&w, "alice", regular_key(&w, "alice", "bob"), tesSUCCESS);
	assert_int_equal(base_fee_of(&w, "alice", regular_key(&w, "alice", "bob")).raw, 10);
	world_close(&w);
}

static bool blocks(struct st_object *o)
{
	struct tx *t = trusted(o);
	struct tx_consequences c;

	tx_consequences_of(t, &c);
	assert_int_equal(c.sequences, t->has_ticket ? 0 : 1);
	assert_int_equal(c.spend.raw, 0);
	tx_unref(t);
	return c.blocker;
}

static void test_consequences(void **state)
{
	static const uint32_t blocking[] = {asfRequireAuth, asfDisableMaster, asfAccountTxnID};
	struct world w;

	(void)state;
	world_open(&w, NULL);
	assert_true(blocks(regular_key(&w, "alice", "bob")));
	assert_true(blocks(with_ticket(regular_key(&w, "alice", NULL), 7)));
	assert_true(blocks(signer_list(&w, "alice", 0, NULL)));
	assert_true(blocks(signer_list(&w, "alice", 1, "bob=1")));
	assert_false(blocks(authorize(&w, "alice", "bob")));
	assert_false(blocks(noop(&w, "alice")));
	for (uint32_t asf = 0; asf <= 17; asf++) {
		bool one = asf == blocking[0] || asf == blocking[1] || asf == blocking[2];

		assert_int_equal(blocks(set_flag(&w, "alice", asf)), one);
		assert_int_equal(blocks(clear_flag(&w, "alice", asf)), one);
	}
	assert_true(blocks(with_flags(noop(&w, "alice"), tfRequireAuth)));
	assert_true(blocks(with_flags(noop(&w, "alice"), tfOptionalAuth)));
	assert_false(blocks(with_flags(noop(&w, "alice"), tfRequireDestTag | tfDisallowXRP)));
	world_close(&w);
}

static void test_metadata(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL);
	expect(&w, "alice", noop(&w, "alice"),
	       tesSUCCESS); /* so that there is a transaction before */
	expect_nodes(&w, "alice", regular_key(&w, "alice", "bob"), tesSUCCESS,
		     "[{'ModifiedNode':{'LedgerEntryType':'AccountRoot',"
		     "'LedgerIndex':'<account alice>','PreviousTxnID':'<before account alice>',"
		     "'PreviousTxnLgrSeq':<seq>,"
		     "'PreviousFields':{'Balance':'999999990','Flags':0,'Sequence':2},"
		     "'FinalFields':{'Account':'<alice>','Balance':'999999980','Flags':65536,"
		     "'OwnerCount':0,'RegularKey':'<bob>','Sequence':3}}}]");
	expect_nodes(&w, "bob", regular_key(&w, "alice", NULL), tesSUCCESS,
		     "[{'ModifiedNode':{'LedgerEntryType':'AccountRoot',"
		     "'LedgerIndex':'<account alice>','PreviousTxnID':'<before account alice>',"
		     "'PreviousTxnLgrSeq':<seq>,"
		     "'PreviousFields':{'Balance':'999999980','RegularKey':'<bob>','Sequence':3},"
		     "'FinalFields':{'Account':'<alice>','Balance':'999999970','Flags':65536,"
		     "'OwnerCount':0,'Sequence':4}}}]");
	/* What claims the fee alone leaves the free change alone, too. */
	expect(&w, "carol", regular_key(&w, "carol", "bob"), tesSUCCESS);
	expect(&w, "carol", set_flag(&w, "carol", asfDisableMaster), tesSUCCESS);
	expect_nodes(&w, "bob", regular_key(&w, "carol", NULL), tecNO_ALTERNATIVE_KEY,
		     "[{'ModifiedNode':{'LedgerEntryType':'AccountRoot',"
		     "'LedgerIndex':'<account carol>','PreviousTxnID':'<before account carol>',"
		     "'PreviousTxnLgrSeq':<seq>,"
		     "'PreviousFields':{'Balance':'999999980','Sequence':3},"
		     "'FinalFields':{'Account':'<carol>','Balance':'999999970','Flags':1114112,"
		     "'OwnerCount':0,'RegularKey':'<bob>','Sequence':4}}}]");
	world_close(&w);
}

/* A signer list is enough as another way; so the key of nobody is, by which an account is given up
 * for good. */
static void test_blackhole(void **state)
{
	static const struct account_id holes[] = {{{0}}, {{[19] = 1}}};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct st_object *o;
		struct world w;

		world_open(&w, NULL);
		o = regular_key(&w, "alice", "bob");
		st_set_account(o, sfRegularKey, &holes[i]);
		expect(&w, "alice", o, tesSUCCESS);
		expect(&w, "alice", set_flag(&w, "alice", asfDisableMaster), tesSUCCESS);
		expect(&w, "alice", noop(&w, "alice"), tefMASTER_DISABLED);
		expect(&w, "bob", noop(&w, "alice"), tefBAD_AUTH);
		expect_multi(&w, "bob", noop(&w, "alice"), tefNOT_MULTI_SIGNING);
		expect(&w, "alice", with_fee(regular_key(&w, "alice", "bob"), 0),
		       tefMASTER_DISABLED);
		/* It may still be paid. */
		expect(&w, "bob", payment(&w, "bob", 1, "alice", 5), tesSUCCESS);
		world_close(&w);
	}
}

/* Keys change by tickets as by sequences (SetRegularKey_test: Ticket regular key). */
static void test_tickets(void **state)
{
	struct world w;
	uint32_t ticket, seq;

	(void)state;
	world_open(&w, &(struct world_options){.open = true});
	ticket = take_tickets(&w, "alice", "alice", 5) + 5;
	seq = sequence_of(&w, "alice");
	expect(&w, "alice", with_ticket(regular_key(&w, "alice", "k1_alie"), --ticket), tesSUCCESS);
	expect(&w, "alice", with_ticket(set_flag(&w, "alice", asfDisableMaster), --ticket),
	       tesSUCCESS);
	assert_int_equal(sequence_of(&w, "alice"), seq);
	expect(&w, "alice", noop(&w, "alice"), tefMASTER_DISABLED);
	expect(&w, "k1_alie", noop(&w, "alice"), tesSUCCESS);
	assert_int_equal(sequence_of(&w, "alice"), seq + 1);
	expect(&w, "k1_alie", with_ticket(clear_flag(&w, "alice", asfDisableMaster), --ticket),
	       tesSUCCESS);
	expect(&w, "k1_alie", with_ticket(regular_key(&w, "alice", NULL), --ticket), tesSUCCESS);
	expect(&w, "alice", noop(&w, "alice"), tesSUCCESS);
	expect(&w, "k1_alie", noop(&w, "alice"), tefBAD_AUTH);
	/* The free change, too; it was used up by the first. */
	expect(&w, "alice", with_fee(with_ticket(regular_key(&w, "alice", "bob"), --ticket), 0),
	       telINSUF_FEE_P);
	expect(&w, "bob", payment(&w, "bob", 1, "alice", 1), tesSUCCESS);
	expect(&w, "alice", with_fee(with_ticket(regular_key(&w, "alice", "bob"), ticket), 0),
	       tesSUCCESS);
	assert_int_equal(owned_by(&w, "alice"), 0);
	world_close(&w);
}

static void plant_damaged_directory(struct tree *state)
{
	struct person alice = person("alice");
	struct keylet k = keylet_owner_dir(&alice.id);

	assert_int_equal(tree_put(state, &k.key, bytes_str("damage")), FOUND);
}

static void plant_damaged_list(struct tree *state)
{
	struct person alice = person("alice");
	struct keylet k = keylet_signers(&alice.id);

	assert_int_equal(tree_put(state, &k.key, bytes_str("damage")), FOUND);
}

static void master_off(struct st_object *account)
{
	struct account_id bob = person("bob").id;

	st_set_account(account, sfRegularKey, &bob);
	st_set_u(account, sfFlags, (uint32_t)lsfDisableMaster);
}

static void plant_damaged_list_disabled(struct tree *state)
{
	plant_damaged_list(state);
	plant_account(state, "alice", master_off);
}

/* What cannot be read is never taken for absent. */
static void test_damage(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, &(struct world_options){.plant = plant_damaged_directory});
	expect(&w, "alice", set_flag(&w, "alice", asfRequireAuth), tefEXCEPTION);
	assert_true(view_failed(w.view));
	world_close(&w);
	world_open(&w, &(struct world_options){.plant = plant_damaged_list});
	expect(&w, "alice", set_flag(&w, "alice", asfDisableMaster), tefEXCEPTION);
	world_close(&w);
	world_open(&w, &(struct world_options){.plant = plant_damaged_list_disabled});
	expect(&w, "bob", regular_key(&w, "alice", NULL), tefEXCEPTION);
	world_close(&w);
	world_open(&w, &(struct world_options){.plant = plant_damaged_list});
	expect(&w, "alice", signer_list(&w, "alice", 0, NULL), tefEXCEPTION);
	world_close(&w);
	world_open(&w, &(struct world_options){.plant = plant_damaged_list});
	expect_multi(&w, "bob", noop(&w, "alice"), tefEXCEPTION);
	world_close(&w);
}

static void plant_damaged_carol(struct tree *state)
{
	struct person carol = person("carol");
	struct keylet k = keylet_account(&carol.id);

	assert_int_equal(tree_put(state, &k.key, bytes_str("damage")), FOUND);
}

/* An account that belongs to an AMM. */
static void make_pseudo(struct st_object *account)
{
	struct hash256 amm = {{1}};

	st_set_hash256(account, sfAMMID, &amm);
	st_set_u(account, sfFlags, lsfDisableMaster | lsfDefaultRipple | lsfDepositAuth);
}

static void plant_pseudo(struct tree *state)
{
	plant_account(state, "alice", make_pseudo);
}

/* Nobody signs for an account of the ledger's own, and damage of a signer is not his absence. */
static void test_strange_accounts(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, &(struct world_options){.plant = plant_pseudo});
	expect(&w, "alice", noop(&w, "alice"), tefBAD_AUTH);
	expect_multi(&w, "bob", noop(&w, "alice"), tefBAD_AUTH);
	world_close(&w);
	world_open(&w, &(struct world_options){.plant = plant_pseudo, .no_amendments = true});
	expect(&w, "alice", noop(&w, "alice"), tefMASTER_DISABLED);
	expect_multi(&w, "bob", noop(&w, "alice"), tefNOT_MULTI_SIGNING);
	world_close(&w);
	world_open(&w, &(struct world_options){.plant = plant_damaged_carol});
	expect(&w, "alice", signer_list(&w, "alice", 1, "carol=1"), tesSUCCESS);
	expect_multi(&w, "carol", noop(&w, "alice"), tefEXCEPTION);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_disabled_master),  cmocka_unit_test(test_refusals),
	    cmocka_unit_test(test_curves),           cmocka_unit_test(test_free_change),
	    cmocka_unit_test(test_free_without_xrp), cmocka_unit_test(test_base_fee),
	    cmocka_unit_test(test_consequences),     cmocka_unit_test(test_metadata),
	    cmocka_unit_test(test_blackhole),        cmocka_unit_test(test_tickets),
	    cmocka_unit_test(test_damage),           cmocka_unit_test(test_strange_accounts),
	};

	if (crypto_init(NULL) != ERR_NONE)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
