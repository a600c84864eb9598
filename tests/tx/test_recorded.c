/* SPDX-License-Identifier: ISC */
#include "tests/tx/support.h"

#include "codec/json.h"
#include "tx/engine.h"

#include <string.h>

/* Transactions of public networks: their published hashes, signatures and metadata come out again,
 * on a state that holds what they touched and no more. ' stands for " in texts. */

static struct st_object *object_of(struct arena *a, const char *text)
{
	char *copy = arena_copy(a, text, strlen(text) + 1);
	struct why why = {{0}};
	struct st_object *o = NULL;
	json_t *json;

	for (char *c = copy; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	if (json_parse_bounded(&json, bytes_str(copy), &why) != ERR_NONE ||
	    st_from_json(&o, a, json, &why) != ERR_NONE)
		fail_msg("%s: %s", why.text, text);
	json_decref(json);
	return o;
}

static struct tx *recorded(struct arena *a, const char *text, const char *hash)
{
	struct st_object *o = object_of(a, text);
	struct tx *t = trusted(o);

	assert_string_equal(hash256_hex(&t->id).s, hash);
	if (!t->pseudo) {
		atomic_store(&t->signature, TX_SIG_UNKNOWN);
		assert_int_equal(tx_check_signature(t), TX_SIG_GOOD);
	}
	return t;
}

static void plant_text(struct tree *s, struct keylet k, const char *text)
{
	struct arena a = ARENA_INIT;

	plant_entry(s, k, object_of(&a, text));
	arena_close(&a);
}

static struct account_id account_of_text(const char *address)
{
	struct arena a = ARENA_INIT;
	struct account_id id;
	char text[100];

	(void)snprintf(text, sizeof(text), "{'Account': '%s'}", address);
	assert_true(st_get_account(object_of(&a, text), sfAccount, &id));
	arena_close(&a);
	return id;
}

/* An owner directory of one page with these indexes, ascending. */
static void plant_page(struct tree *s, const char *address, const struct hash256 *indexes, size_t n)
{
	struct account_id id = account_of_text(address);
	struct keylet k = keylet_owner_dir(&id);
	struct arena a = ARENA_INIT;
	struct st_object *o = st_new(&a);

	st_set_u(o, sfLedgerEntryType, ltDirectoryNode);
	st_set_u(o, sfFlags, 0);
	st_set_account(o, sfOwner, &id);
	st_set_hash256(o, sfRootIndex, &k.key);
	st_set_raw(o, sfIndexes, bytes_of(indexes, n * sizeof(indexes[0])));
	plant_entry(s, k, o);
	arena_close(&a);
}

static void plant_account_text(struct tree *s, const char *address, const char *text)
{
	struct account_id id = account_of_text(address);

	plant_text(s, keylet_account(&id), text);
}

/* Applies it and compares the metadata, byte for byte. */
static void expect_meta(struct world *w, struct tx *t, uint32_t index, const char *text)
{
	struct st_object *want = object_of(&w->arena, text);
	struct tx_outcome out = tx_apply(w->view, t, 0, index, &w->arena);
	char *got;

	assert_int_equal(out.result, tesSUCCESS);
	if (st_eq(out.meta, want))
		return;
	got = json_dumps(st_to_json(out.meta), JSON_INDENT(1));
	fail_msg("metadata is %s", got);
}

/* B5D94C02…, of a test network. */
#define OWNER  "rDd6FpNbeY2CrQajSmP178BmNGusmQiYMM"
#define FRIEND "rDJFnv5sEfp42LMFiX3mVQKczpFTdxYDzM"
#define BEFORE "8107CEE99D556326ACD4662CA10A24550240D9F933E55435A0C0DB3B06DD343E"

static void plant_owner(struct tree *s)
{
	struct hash256 seven[7];

	for (uint8_t i = 0; i < 7; i++)
		seven[i] = (struct hash256){{(uint8_t)(10 + i)}};
	plant_page(s, OWNER, seven, 7);
	plant_account_text(s, OWNER,
			   "{'LedgerEntryType': 'AccountRoot', 'Account': '" OWNER "',"
			   "'Balance': '9827999184', 'Flags': 0, 'OwnerCount': 7, 'Sequence': 65,"
			   "'PreviousTxnID': '" BEFORE "', 'PreviousTxnLgrSeq': 11427673}");
	plant_account_text(s, FRIEND,
			   "{'LedgerEntryType': 'AccountRoot', 'Account': '" FRIEND "',"
			   "'Balance': '1', 'Flags': 0, 'OwnerCount': 0, 'Sequence': 1}");
}

static void test_deposit_preauth(void **state)
{
	struct world w;
	struct tx *t;

	(void)state;
	world_open(&w, &(struct world_options){.no_amendments = true, .plant = plant_owner});
	t = recorded(
	    &w.arena,
	    "{'TransactionType': 'DepositPreauth', 'Account': '" OWNER "', 'Authorize': '" FRIEND
	    "', 'Fee': '10', 'Flags': 2147483648, 'Sequence': 65, 'SigningPubKey':"
	    "'03EB1E2603E7571D6144684996C10DA75063D6E2F3B3FDABE38B857C1BE9578A55', 'TxnSignature':"
	    "'3045022100B0A5672E3E09FA3AF8CF1DCC1D8C881F58B39212D6FDC42CCF30E5400D0EFD9F0220"
	    "2DDD9517D9409D1D9A529B8AEA7DE13AE4CDF96BB6D18FA0D9732DBFC887348D'}",
	    "B5D94C027C846171B2F5D4C2D126E88580BF369986A155C1890352F5BC4D7AF9");
	expect_meta(&w, t, 0,
		    "{'TransactionIndex': 0, 'TransactionResult': 'tesSUCCESS', 'AffectedNodes': ["
		    "{'ModifiedNode': {'LedgerEntryType': 'AccountRoot', 'LedgerIndex':"
		    "'146AAAF7A266D8A92DFFEAB1A71B6523534F27820873F4E213014B23398867D2',"
		    "'PreviousTxnID': '" BEFORE "', 'PreviousTxnLgrSeq': 11427673,"
		    "'PreviousFields': {'Balance': '9827999184', 'OwnerCount': 7, 'Sequence': 65},"
		    "'FinalFields': {'Account': '" OWNER "', 'Balance': '9827999174', 'Flags': 0,"
		    "'OwnerCount': 8, 'Sequence': 66}}},"
		    "{'CreatedNode': {'LedgerEntryType': 'DepositPreauth', 'LedgerIndex':"
		    "'C2D0317AD266B93CB3B36AEB0ABB673B0AFFAB134809CCACFD7158F539603C3A',"
		    "'NewFields': {'Account': '" OWNER "', 'Authorize': '" FRIEND "'}}},"
		    "{'ModifiedNode': {'LedgerEntryType': 'DirectoryNode', 'LedgerIndex':"
		    "'CD08416851CA53E9649408118A4908E01E43436ED950886D1B1E66F4B68B82EC',"
		    "'FinalFields': {'Flags': 0, 'Owner': '" OWNER "', 'RootIndex':"
		    "'CD08416851CA53E9649408118A4908E01E43436ED950886D1B1E66F4B68B82EC'}}}]}");
	tx_unref(t);
	world_close(&w);
}

/* 98C33CAB…, of the main network in 2016: a list is replaced by the same list. Since lists count
 * as one thing owned, they have a flag that says so; the rest is as it was. */
#define SENDER   "rfCp6hiUS4qqN1i4hTyX4ogA49MEbXgCau"
#define FIRST    "rH7KDR67MZR7LDV7gesmEMXtaqU3FaK7Lr"
#define SECOND   "r4PQv7BCpp4SAJx3isNpQM8T2BuGrMQs5U"
#define THIRD    "rPqHsX34XApKSfE4UxKbqVXb3WRmmgMY2u"
#define LATEST   "4CD30C2526418A76ABED74713DF144B19F1B29BD8F7BC9EADCF16D33D7EC83D8"
#define ENTRY(a) "{'SignerEntry': {'Account': '" a "', 'SignerWeight': 1}}"

static void plant_list(struct tree *s)
{
	struct account_id id = account_of_text(SENDER);
	struct keylet k = keylet_signers(&id);
	struct hash256 two[2] = {{{1}}, k.key};

	plant_page(s, SENDER, two, 2);
	plant_text(s, k,
		   "{'LedgerEntryType': 'SignerList', 'Flags': 65536, 'OwnerNode': '0',"
		   "'SignerListID': 0, 'SignerQuorum': 3, 'SignerEntries': [" ENTRY(
		       FIRST) "," ENTRY(SECOND) "," ENTRY(THIRD) "], 'PreviousTxnID': '" LATEST "',"
								 "'PreviousTxnLgrSeq': 24265571}");
	plant_account_text(s, SENDER,
			   "{'LedgerEntryType': 'AccountRoot', 'Account': '" SENDER "',"
			   "'Balance': '4556673370', 'Flags': 0, 'OwnerCount': 25,"
			   "'RegularKey': 'rK7ShY9CeDMBHLNFSMtTrSAUd9uzwcymcL', 'Sequence': 15177,"
			   "'PreviousTxnID': '" LATEST "', 'PreviousTxnLgrSeq': 24265571}");
}

static void test_signer_list_set(void **state)
{
	struct world w;
	struct tx *t;

	(void)state;
	world_open(&w, &(struct world_options){
			   .no_amendments = true, .seq = 24268339, .plant = plant_list});
	t = recorded(
	    &w.arena,
	    "{'TransactionType': 'SignerListSet', 'Account': '" SENDER "', 'Fee': '11',"
	    "'Flags': 2147483648, 'LastLedgerSequence': 24268341, 'Sequence': 15177,"
	    "'SignerQuorum': 3, 'SignerEntries': [" ENTRY(SECOND) "," ENTRY(FIRST) "," ENTRY(
		THIRD) "], 'SigningPubKey':"
		       "'0315B15964B3704B171E860DE1FC914D283395EE825C8546AEEBF0D24A5802BBC5', "
		       "'TxnSignature':"
		       "'3044022069FC98D0BC32F510D4F94ECC726613E957D290050E428DD86EDA2C2515A1732D02"
		       "20"
		       "7064EF085437B3F12A744AC6528D9E0C59FAA5A9FE903DF3639D2F09B522175F'}",
	    "98C33CABFAE9F830CE842C260E34C25B0F987EE691941C0C9225AD476871B73D");
	expect_meta(&w, t, 8,
		    "{'TransactionIndex': 8, 'TransactionResult': 'tesSUCCESS', 'AffectedNodes': ["
		    "{'ModifiedNode': {'LedgerEntryType': 'AccountRoot', 'LedgerIndex':"
		    "'0DAF42BEE40F0EEFCFD8D54E81ECACD9371D281CDD9B77384FCDAF0E16560A44',"
		    "'PreviousTxnID': '" LATEST "', 'PreviousTxnLgrSeq': 24265571,"
		    "'PreviousFields': {'Balance': '4556673370', 'Sequence': 15177},"
		    "'FinalFields': {'Account': '" SENDER "', 'Balance': '4556673359', 'Flags': 0,"
		    "'OwnerCount': 25, 'RegularKey': 'rK7ShY9CeDMBHLNFSMtTrSAUd9uzwcymcL',"
		    "'Sequence': 15178}}},"
		    "{'ModifiedNode': {'LedgerEntryType': 'SignerList', 'LedgerIndex':"
		    "'16F6AEEC6B85C9658B4BF604671677B7A7B2FAAFDB2FA5A0B72CBB49CAE80924',"
		    "'FinalFields': {'Flags': 65536, 'OwnerNode': '0', 'SignerListID': 0,"
		    "'SignerQuorum': 3, 'SignerEntries': [" ENTRY(FIRST) "," ENTRY(
			SECOND) "," ENTRY(THIRD) "]}}}]}");
	tx_unref(t);
	world_close(&w);
}

/* Hashes of what validators made. */
static void test_pseudo_hashes(void **state)
{
#define NOBODY "'Account': 'rrrrrrrrrrrrrrrrrrrrrhoLvTp', 'Fee': '0', 'Sequence': 0,"
	static const char *rows[][2] = {
	    {"{'TransactionType': 'EnableAmendment', " NOBODY "'SigningPubKey': '', 'Amendment':"
	     "'AE35ABDEFBDE520372B31C957020B34A7A4A9DC3115A69803A44016477C84D6E',"
	     "'LedgerSequence': 84206081}",
	     "CA4562711E4679FE9317DD767871E90A404C7A8B84FAFD35EC2CF0231F1F6DAF"},
	    {"{'TransactionType': 'EnableAmendment', " NOBODY "'SigningPubKey': '', 'Amendment':"
	     "'89308AF3B8B10B7192C4E613E1D2E4D9BA64B2EE2D5232402AE82A6A7220D953',"
	     "'LedgerSequence': 5707521}",
	     "BDE80A017E902A1341009A595EF596C059315349C2DAE845AAD572A07C6F431A"},
	    {"{'TransactionType': 'SetFee', " NOBODY "'SigningPubKey': '', 'BaseFee': 'A',"
	     "'ReferenceFeeUnits': 10, 'ReserveBase': 20000000, 'ReserveIncrement': 5000000}",
	     "1C15FEA3E1D50F96B6598607FC773FF1F6E0125F30160144BE0C5CBC52F5151B"},
	};
	struct arena a = ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		tx_unref(recorded(&a, rows[i][0], rows[i][1]));
	arena_close(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_deposit_preauth),
	    cmocka_unit_test(test_signer_list_set),
	    cmocka_unit_test(test_pseudo_hashes),
	};

	if (crypto_init(NULL) != ERR_NONE)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
