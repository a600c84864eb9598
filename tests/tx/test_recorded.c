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

/* EC2AB140…, of a test network in 2019. */
#define GONE "rM5qup5BYDLMXaR5KU1hiC9HhFMuBVrnKv"
#define HEIR "rPT1Sjq2YGrBMTttX4GZHjKu9dyfzbpAYe"
#define BOTH "2737BEDDDA1D7FB523CFB84B891216331CC4CC999349828D81C6C727A1115A44"

static void plant_gone(struct tree *s)
{
	plant_account_text(s, GONE,
			   "{'LedgerEntryType': 'AccountRoot', 'Account': '" GONE "',"
			   "'Balance': '10000000000', 'Flags': 0, 'OwnerCount': 0,"
			   "'Sequence': 3227049, 'PreviousTxnID': '" BOTH "',"
			   "'PreviousTxnLgrSeq': 3227049}");
	plant_account_text(s, HEIR,
			   "{'LedgerEntryType': 'AccountRoot', 'Account': '" HEIR "',"
			   "'Balance': '99991016739967448', 'Flags': 0, 'OwnerCount': 0,"
			   "'Sequence': 2978, 'PreviousTxnID': '" BOTH "',"
			   "'PreviousTxnLgrSeq': 3227049}");
}

static void test_account_delete(void **state)
{
	struct world w;
	struct tx *t;

	(void)state;
	world_open(&w, &(struct world_options){
			   .no_amendments = true, .seq = 3232071, .plant = plant_gone});
	t = recorded(
	    &w.arena,
	    "{'TransactionType': 'AccountDelete', 'Account': '" GONE "', 'Destination': '" HEIR
	    "', 'Fee': '5000000', 'Flags': 2147483648, 'LastLedgerSequence': 3232818,"
	    "'Sequence': 3227049, 'SigningPubKey':"
	    "'022E0DBF14BC4CFF96BC839557EE6F12F6DA45DCD917376F805E65D1B1C60A8CE6', 'TxnSignature':"
	    "'304402207BDBE1B71C8BD00363905817C9373880CE9E8F0080623D457495E2B760BBBEE40220"
	    "2EDEB977D1ED865C1EAB88FE28581E3F8A672097B8BB0956E977C6EC87CA668C'}",
	    "EC2AB14028DC84DE525470AB4DAAA46358B50A8662C63804BFF38244731C0CB9");
	expect_meta(&w, t, 0,
		    "{'TransactionIndex': 0, 'TransactionResult': 'tesSUCCESS',"
		    "'DeliveredAmount': '9995000000', 'AffectedNodes': ["
		    "{'DeletedNode': {'LedgerEntryType': 'AccountRoot', 'LedgerIndex':"
		    "'08EBF94D7BB527442E0B51F533B902DDCFBD423D8E95FAE752BE7876A29E875B',"
		    "'PreviousFields': {'Balance': '10000000000', 'Sequence': 3227049},"
		    "'FinalFields': {'Account': '" GONE "', 'Balance': '0', 'Flags': 0,"
		    "'OwnerCount': 0, 'PreviousTxnID': '" BOTH "', 'PreviousTxnLgrSeq': 3227049,"
		    "'Sequence': 3227050}}},"
		    "{'ModifiedNode': {'LedgerEntryType': 'AccountRoot', 'LedgerIndex':"
		    "'31CCE9D28412FF973E9AB6D0FA219BACF19687D9A2456A0C2ABC3280E9D47E37',"
		    "'PreviousTxnID': '" BOTH "', 'PreviousTxnLgrSeq': 3227049,"
		    "'PreviousFields': {'Balance': '99991016739967448'},"
		    "'FinalFields': {'Account': '" HEIR "', 'Balance': '99991026734967448',"
		    "'Flags': 0, 'OwnerCount': 0, 'Sequence': 2978}}}]}");
	tx_unref(t);
	world_close(&w);
}

/* 278E6687…, of the main network in 2015: the free change of keys, paid for all the same. */
#define CHANGER "r9UHu5CWni1qRY7Q4CfFZLGvXo2pGQy96b"
#define NEW_KEY "rsvEdWvfwzqkgvmaSEh9kgbcWiUc6s69ZC"
#define EARLIER "D0F627D9A2CB4B45F2AC38C7741CE70D947BE64CB8CA1E2D34FBB372730A7970"

static void plant_changer(struct tree *s)
{
	plant_account_text(s, CHANGER,
			   "{'LedgerEntryType': 'AccountRoot', 'Account': '" CHANGER "',"
			   "'Balance': '71803094', 'Domain': '726970706C652E636F6D', 'Flags': 0,"
			   "'OwnerCount': 3, 'RegularKey': '" NEW_KEY "', 'Sequence': 468,"
			   "'PreviousTxnID': '" EARLIER "', 'PreviousTxnLgrSeq': 14682436}");
}

static void test_set_regular_key(void **state)
{
	struct world w;
	struct tx *t;

	(void)state;
	world_open(&w, &(struct world_options){
			   .no_amendments = true, .seq = 14892648, .plant = plant_changer});
	t = recorded(
	    &w.arena,
	    "{'TransactionType': 'SetRegularKey', 'Account': '" CHANGER "', 'Fee': '12000',"
	    "'Flags': 0, 'LastLedgerSequence': 14892747, 'RegularKey': '" NEW_KEY "',"
	    "'Sequence': 468, 'SigningPubKey':"
	    "'036A749E3B7187E43E8936E3D83A7030989325249E03803F12B7F64BAACABA6025', 'TxnSignature':"
	    "'3045022100B123D47C46E20654B4FCC1A94E3337BB8C5A9E840F8E0D4049AD5FD63A3C3B950220"
	    "0EEA73F85248217E349901B6B64D9A43F660F90743F42860FF5D23243C9C5174'}",
	    "278E6687C1C60C6873996210A6523564B63F2844FB1019576C157353B1813E60");
	expect_meta(&w, t, 0,
		    "{'TransactionIndex': 0, 'TransactionResult': 'tesSUCCESS', 'AffectedNodes': ["
		    "{'ModifiedNode': {'LedgerEntryType': 'AccountRoot', 'LedgerIndex':"
		    "'4AD70690C6FF8A069F8AE00B09F70E9B732360026E8085050D314432091A59C9',"
		    "'PreviousTxnID': '" EARLIER "', 'PreviousTxnLgrSeq': 14682436,"
		    "'PreviousFields': {'Balance': '71803094', 'Flags': 0, 'Sequence': 468},"
		    "'FinalFields': {'Account': '" CHANGER "', 'Balance': '71791094',"
		    "'Domain': '726970706C652E636F6D', 'Flags': 65536, 'OwnerCount': 3,"
		    "'RegularKey': '" NEW_KEY "', 'Sequence': 469}}}]}");
	tx_unref(t);
	world_close(&w);
}

/* 8925FC88…, of the main network in 2015: the account remembers its last transaction from now on.
 */
#define LATER "172BD9EB414FDC4D30CB7E020DD4387468782D85A0A2342BFD3DC94D40468B14"

static void plant_tracker(struct tree *s)
{
	plant_account_text(s, CHANGER,
			   "{'LedgerEntryType': 'AccountRoot', 'Account': '" CHANGER "',"
			   "'Balance': '71719088', 'Domain': '6578616D706C652E636F6D',"
			   "'Flags': 65536, 'OwnerCount': 3, 'RegularKey': '" NEW_KEY "',"
			   "'Sequence': 475, 'PreviousTxnID': '" LATER "',"
			   "'PreviousTxnLgrSeq': 14899844}");
}

static void test_account_set(void **state)
{
	struct world w;
	struct tx *t;

	(void)state;
	world_open(&w, &(struct world_options){
			   .no_amendments = true, .seq = 14914896, .plant = plant_tracker});
	t = recorded(
	    &w.arena,
	    "{'TransactionType': 'AccountSet', 'Account': '" CHANGER "', 'Fee': '12000',"
	    "'Flags': 0, 'LastLedgerSequence': 14914994, 'Sequence': 475, 'SetFlag': 5,"
	    "'SigningPubKey':"
	    "'036A749E3B7187E43E8936E3D83A7030989325249E03803F12B7F64BAACABA6025', 'TxnSignature':"
	    "'304402200E5A3174AE8A77DB4DD7F960BC30E2A7177437BD76F3FAB0377B27A75E06FA7F0220"
	    "61337D0B10F921D66045523A29D0102863AB673DFABCBECD9A0F8DE4127CD690'}",
	    "8925FC8844A1E930E2CC76AD0A15E7665AFCC5425376D548BB1413F484C31B8C");
	expect_meta(&w, t, 1,
		    "{'TransactionIndex': 1, 'TransactionResult': 'tesSUCCESS', 'AffectedNodes': ["
		    "{'ModifiedNode': {'LedgerEntryType': 'AccountRoot', 'LedgerIndex':"
		    "'4AD70690C6FF8A069F8AE00B09F70E9B732360026E8085050D314432091A59C9',"
		    "'PreviousTxnID': '" LATER "', 'PreviousTxnLgrSeq': 14899844,"
		    "'PreviousFields': {'Balance': '71719088', 'Sequence': 475},"
		    "'FinalFields': {'Account': '" CHANGER "', 'AccountTxnID':"
		    "'0000000000000000000000000000000000000000000000000000000000000000',"
		    "'Balance': '71707088', 'Domain': '6578616D706C652E636F6D', 'Flags': 65536,"
		    "'OwnerCount': 3, 'RegularKey': '" NEW_KEY "', 'Sequence': 476}}}]}");
	tx_unref(t);
	world_close(&w);
}

/* 1797BD08…, of a test network. */
#define HOLDER     "rwkQ24BPfW7gT4PGm9Pq884v4N9S2Mhcc1"
#define FUNDED     "3A70FE10C862DD07E0E4D11C117F7C8255C2E387C56F6908232FDD317723D6D0"
#define HOLDER_DIR "2FDB506DDFDC7FB15CAE870B5806434DF83F13ECE99685BB8D0AB8ABA808B90E"

static void plant_holder(struct tree *s)
{
	plant_account_text(s, HOLDER,
			   "{'LedgerEntryType': 'AccountRoot', 'Account': '" HOLDER "',"
			   "'Balance': '1000000000', 'Flags': 0, 'OwnerCount': 0,"
			   "'Sequence': 6860086, 'PreviousTxnID': '" FUNDED "',"
			   "'PreviousTxnLgrSeq': 6860086}");
}

static void test_ticket_create(void **state)
{
	struct world w;
	struct tx *t;

	(void)state;
	world_open(&w, &(struct world_options){
			   .no_amendments = true, .seq = 6860132, .plant = plant_holder});
	t = recorded(
	    &w.arena,
	    "{'TransactionType': 'TicketCreate', 'Account': '" HOLDER "', 'Fee': '12',"
	    "'Flags': 2147483648, 'LastLedgerSequence': 6860133, 'Sequence': 6860086,"
	    "'TicketCount': 1, 'Memos': [{'Memo': {'MemoData': '7465787465642064617461',"
	    "'MemoFormat': '746578742F706C61696E', 'MemoType': '74657374'}}], 'SigningPubKey':"
	    "'02BF620646D5AEA75213B9915BDDC50E9FA3E6630E15553DD65DBE4B33E33CA3BB', 'TxnSignature':"
	    "'3045022100B70E10B66AE05B8883ED166FB81AF1EB4A6DBE237BD5F6974E4FFD280A4154540220"
	    "3D777235A2FAC39F41777514EDAFEB5009AABA0732F5C2E4E48559DC00B045C8'}",
	    "1797BD0898F54F0732D2FFFF715A75CC1C50D1883A875A7B9BFD0F6936461359");
	expect_meta(
	    &w, t, 0,
	    "{'TransactionIndex': 0, 'TransactionResult': 'tesSUCCESS', 'AffectedNodes': ["
	    "{'CreatedNode': {'LedgerEntryType': 'DirectoryNode', 'LedgerIndex': '" HOLDER_DIR
	    "', 'NewFields': {'Owner': '" HOLDER "', 'RootIndex': '" HOLDER_DIR "'}}},"
	    "{'ModifiedNode': {'LedgerEntryType': 'AccountRoot', 'LedgerIndex':"
	    "'7448819A64EAA365344AD9C6545CC3D9A3CC7AB811DD630B5606BB6C2249061A',"
	    "'PreviousTxnID': '" FUNDED "', 'PreviousTxnLgrSeq': 6860086,"
	    "'PreviousFields': {'Balance': '1000000000', 'OwnerCount': 0, 'Sequence': 6860086},"
	    "'FinalFields': {'Account': '" HOLDER "', 'Balance': '999999988', 'Flags': 0,"
	    "'OwnerCount': 1, 'Sequence': 6860088, 'TicketCount': 1}}},"
	    "{'CreatedNode': {'LedgerEntryType': 'Ticket', 'LedgerIndex':"
	    "'A7E510B4F2CE47A973FD577DD4F46CB733391F5957514B51084DA025BBB6D47A',"
	    "'NewFields': {'Account': '" HOLDER "', 'TicketSequence': 6860087}}}]}");
	tx_unref(t);
	world_close(&w);
}

#define NOBODY "'Account': 'rrrrrrrrrrrrrrrrrrrrrhoLvTp', 'Fee': '0', 'Sequence': 0, "

/* A971B83A…, of the main network in 2016: the first amendment that ever had a majority. */
#define ESCALATION "42426C4D4F1009EE67080A9B7965B44656D7714D104A72F9B4369F97ABF044EE"

static void test_enable_amendment(void **state)
{
	struct tree first;
	struct world w;
	struct tx *t;

	(void)state;
	world_open(&w, &(struct world_options){.no_amendments = true, .seq = 20889601});
	view_close(w.view);
	w.info.parent_close.s = 515781202;
	tree_share(&first, &w.base->state);
	w.view = view_open_tree(&first, &w.info);
	tree_close(&first);
	t = recorded(&w.arena,
		     "{'TransactionType': 'EnableAmendment', " NOBODY "'SigningPubKey': '',"
		     "'Amendment': '" ESCALATION "', 'Flags': 65536, 'LedgerSequence': 20889601}",
		     "A971B83ABED51D83749B73F3C1AAA627CD965AFF74BE8CD98299512D6FB0658F");
	expect_meta(&w, t, 0,
		    "{'TransactionIndex': 0, 'TransactionResult': 'tesSUCCESS', 'AffectedNodes': ["
		    "{'CreatedNode': {'LedgerEntryType': 'Amendments', 'LedgerIndex':"
		    "'7DB0788C020F02780A673DC74757F23823FA3014C1866E72CC4CD8B226CD6EF4',"
		    "'NewFields': {'Majorities': [{'Majority': {'Amendment': '" ESCALATION
		    "', 'CloseTime': 515781202}}]}}}]}");
	tx_unref(t);
	world_close(&w);
}

/* C6A40F56…, of the main network in 2014: the reserves rise. */
static void plant_fees(struct tree *s)
{
	plant_text(s, keylet_fees(),
		   "{'LedgerEntryType': 'FeeSettings', 'Flags': 0, 'BaseFee': 'A',"
		   "'ReferenceFeeUnits': 10, 'ReserveBase': 20000000,"
		   "'ReserveIncrement': 5000000}");
}

static void test_set_fee(void **state)
{
	struct world w;
	struct tx *t;

	(void)state;
	world_open(&w, &(struct world_options){
			   .no_amendments = true, .seq = 3717633, .plant = plant_fees});
	t = recorded(&w.arena,
		     "{'TransactionType': 'SetFee', " NOBODY "'SigningPubKey': '', 'BaseFee': 'A',"
		     "'ReferenceFeeUnits': 10, 'ReserveBase': 50000000,"
		     "'ReserveIncrement': 12500000}",
		     "C6A40F56127436DCD830B1B35FF939FD05B5747D30D6542572B7A835239817AF");
	expect_meta(&w, t, 3,
		    "{'TransactionIndex': 3, 'TransactionResult': 'tesSUCCESS', 'AffectedNodes': ["
		    "{'ModifiedNode': {'LedgerEntryType': 'FeeSettings', 'LedgerIndex':"
		    "'4BC50C9B0D8515D3EAAE1E74B29A95804346C491EE1A95BF25E4AAB854A6A651',"
		    "'PreviousFields': {'ReserveBase': 20000000, 'ReserveIncrement': 5000000},"
		    "'FinalFields': {'Flags': 0, 'BaseFee': 'A', 'ReferenceFeeUnits': 10,"
		    "'ReserveBase': 50000000, 'ReserveIncrement': 12500000}}}]}");
	tx_unref(t);
	world_close(&w);
}

/* Hashes of what validators made. */
static void test_pseudo_hashes(void **state)
{
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
	    cmocka_unit_test(test_deposit_preauth),  cmocka_unit_test(test_signer_list_set),
	    cmocka_unit_test(test_account_delete),   cmocka_unit_test(test_set_regular_key),
	    cmocka_unit_test(test_account_set),      cmocka_unit_test(test_ticket_create),
	    cmocka_unit_test(test_enable_amendment), cmocka_unit_test(test_set_fee),
	    cmocka_unit_test(test_pseudo_hashes),
	};

	if (crypto_init(NULL) != ERR_NONE)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
