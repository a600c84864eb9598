/* SPDX-License-Identifier: ISC */
#include "tests/tx/rows.h"

#include <string.h>

/* Results of the types about keys, signers, tickets and accounts, of those that validators make,
 * and of whoever signs them. */

static void set_person(struct st_object *o, enum sf f, const char *name)
{
	struct account_id id = person(name).id;

	st_set_account(o, f, &id);
}

/* Signing */

static void network_5(struct st_object *o)
{
	st_set_u(o, sfNetworkID, 5);
}
/* bob is not in the list of a state where carol alone is. */
static void plant_list_of_carol(struct tree *s)
{
	struct account_id alice = person("alice").id, carol = person("carol").id;
	struct arena a = ARENA_INIT;
	struct st_object *o = st_new(&a), *e;

	st_set_u(o, sfLedgerEntryType, ltSignerList);
	st_set_u(o, sfFlags, lsfOneOwnerCount);
	st_set_u(o, sfSignerQuorum, 1);
	e = nested(o, sfSignerEntries, sfSignerEntry);
	st_set_u(e, sfSignerWeight, 1);
	st_set_account(e, sfAccount, &carol);
	plant_entry(s, keylet_signers(&alice), o);
	arena_close(&a);
}
static void plant_list_of_nobody(struct tree *s)
{
	struct account_id alice = person("alice").id;
	struct arena a = ARENA_INIT;
	struct st_object *o = st_new(&a);

	st_set_u(o, sfLedgerEntryType, ltSignerList);
	st_set_u(o, sfSignerQuorum, 1);
	plant_entry(s, keylet_signers(&alice), o);
	arena_close(&a);
}

/* SetRegularKey */

static void key_of_alice(struct st_object *o)
{
	set_person(o, sfRegularKey, "alice");
}
static void no_key(struct st_object *o)
{
	st_remove(o, sfRegularKey);
}

/* SignerListSet */

static struct st_object *add_entry(struct st_object *o, const char *name, unsigned weight)
{
	struct st_object *e = nested(o, sfSignerEntries, sfSignerEntry);

	st_set_u(e, sfSignerWeight, weight);
	set_person(e, sfAccount, name);
	return e;
}
static void quorum_0(struct st_object *o)
{
	st_set_u(o, sfSignerQuorum, 0);
}
static void quorum_2(struct st_object *o)
{
	st_set_u(o, sfSignerQuorum, 2);
}
static void no_list(struct st_object *o)
{
	quorum_0(o);
	st_remove(o, sfSignerEntries);
}
static void no_list_by_both(struct st_object *o)
{
	no_list(o);
	signed_by_both(o);
}
static void lists_alice(struct st_object *o)
{
	add_entry(o, "alice", 1);
}
static void weight_0(struct st_object *o)
{
	add_entry(o, "bob", 0);
}
static void bob_twice(struct st_object *o)
{
	struct st_array *list = st_set_array(o, sfSignerEntries);

	for (int i = 0; i < 2; i++) {
		struct st_object *e = st_array_add(list, o->arena, sfSignerEntry);

		st_set_u(e, sfSignerWeight, 1);
		set_person(e, sfAccount, "bob");
	}
}
static void flag_disabled(struct st_object *o)
{
	st_set_u(o, sfFlags, lsfDisableMaster);
}
static void plant_list_alone(struct tree *s)
{
	plant_list(s);
	plant_account(s, "alice", flag_disabled);
}

/* A directory with no number left for another page, before fixDirectoryLimit. */
static void plant_full_directory(struct tree *s)
{
	const uint64_t last = 262143;
	struct account_id alice = person("alice").id;
	struct hash256 root = keylet_owner_dir(&alice).key;
	uint8_t indexes[32][32] = {{0}};
	struct arena a = ARENA_INIT;

	for (uint8_t i = 0; i < 32; i++)
		indexes[i][0] = i + 1;
	for (int page = 0; page < 2; page++) {
		struct st_object *o = st_new(&a);

		st_set_u(o, sfLedgerEntryType, ltDirectoryNode);
		st_set_u(o, sfFlags, 0);
		st_set_account(o, sfOwner, &alice);
		st_set_hash256(o, sfRootIndex, &root);
		st_set_raw(o, sfIndexes, bytes_of(indexes, sizeof(indexes)));
		if (page == 0) {
			st_set_u(o, sfIndexNext, last);
			st_set_u(o, sfIndexPrevious, last);
		}
		plant_entry(s, keylet_dir_page(&root, page ? last : 0), o);
	}
	arena_close(&a);
}

/* DepositPreauth */

static void to_whom(struct st_object *o, const char *name)
{
	set_person(o, sfAuthorize, name);
}
static void authorize_self(struct st_object *o)
{
	to_whom(o, "alice");
}
static void authorize_dave(struct st_object *o)
{
	to_whom(o, "dave");
}
static void authorize_nobody(struct st_object *o)
{
	st_set_account(o, sfAuthorize, &(struct account_id){{0}});
}
static void authorize_both_ways(struct st_object *o)
{
	set_person(o, sfUnauthorize, "bob");
}
static void authorize_credentials(struct st_object *o)
{
	struct st_object *e = nested(o, sfAuthorizeCredentials, sfCredential);

	set_person(e, sfIssuer, "bob");
	set_text(e, sfCredentialType, "KYC");
}
static void unauthorize(struct st_object *o)
{
	st_remove(o, sfAuthorize);
	set_person(o, sfUnauthorize, "bob");
}
/* An entry that no directory names. */
static void plant_leave(struct tree *s)
{
	struct account_id alice = person("alice").id, bob = person("bob").id;
	struct arena a = ARENA_INIT;
	struct st_object *o = st_new(&a);

	st_set_u(o, sfLedgerEntryType, ltDepositPreauth);
	st_set_u(o, sfFlags, 0);
	st_set_u(o, sfOwnerNode, 0);
	st_set_account(o, sfAccount, &alice);
	st_set_account(o, sfAuthorize, &bob);
	plant_entry(s, keylet_deposit_preauth(&alice, &bob), o);
	arena_close(&a);
}

/* TicketCreate */

static void no_tickets(struct st_object *o)
{
	st_set_u(o, sfTicketCount, 0);
}
static void tickets_251(struct st_object *o)
{
	st_set_u(o, sfTicketCount, 251);
}
static void tickets_250(struct st_object *o)
{
	st_set_u(o, sfTicketCount, 250);
}
static void has_a_ticket(struct st_object *o)
{
	st_set_u(o, sfTicketCount, 1);
}
static void plant_has_a_ticket(struct tree *s)
{
	plant_account(s, "alice", has_a_ticket);
}
/* The next one is there already. */
static void plant_next_ticket(struct tree *s)
{
	struct account_id alice = person("alice").id;
	struct arena a = ARENA_INIT;
	struct st_object *o = st_new(&a);

	st_set_u(o, sfLedgerEntryType, ltTicket);
	st_set_account(o, sfAccount, &alice);
	plant_entry(s, keylet_ticket(&alice, 2), o);
	arena_close(&a);
}

/* AccountDelete */

static void delete_to_self(struct st_object *o)
{
	set_person(o, sfDestination, "alice");
}
static void delete_to_dave(struct st_object *o)
{
	set_person(o, sfDestination, "dave");
}
static void delete_to_carol(struct st_object *o)
{
	set_person(o, sfDestination, "carol");
}
static void with_credentials(struct st_object *o)
{
	st_set_raw(o, sfCredentialIDs, bytes_of(HASH256_ZERO.b, sizeof(HASH256_ZERO.b)));
}
static void sequence_300(struct st_object *o)
{
	st_set_u(o, sfSequence, 300);
}
static void plant_young(struct tree *s)
{
	plant_account(s, "alice", sequence_300);
}
static void minted(struct st_object *o)
{
	st_set_u(o, sfMintedNFTokens, 2);
	st_set_u(o, sfBurnedNFTokens, 1);
}
static void plant_minted(struct tree *s)
{
	plant_account(s, "alice", minted);
}
static void balance_of_currency(struct st_object *o)
{
	set_iou(o, sfBalance, "1", "USD", "bob");
}
static void plant_bob_rotten(struct tree *s)
{
	plant_account(s, "bob", balance_of_currency);
}
/* 1,001 tickets, in pages of 32. */
static void plant_much(struct tree *s)
{
	struct account_id alice = person("alice").id;
	struct hash256 root = keylet_owner_dir(&alice).key, indexes[32];
	struct arena a = ARENA_INIT;
	struct st_object *o;
	uint64_t page = 0;
	size_t n = 0;

	for (uint32_t i = 0; i < 1001; i++) {
		struct keylet k = keylet_ticket(&alice, 1000 + i);

		o = st_new(&a);
		st_set_u(o, sfLedgerEntryType, ltTicket);
		st_set_account(o, sfAccount, &alice);
		plant_entry(s, k, o);
		indexes[n++] = k.key;
		if (n < 32 && i < 1000)
			continue;
		o = st_new(&a);
		st_set_u(o, sfLedgerEntryType, ltDirectoryNode);
		st_set_hash256(o, sfRootIndex, &root);
		st_set_raw(o, sfIndexes, bytes_of(indexes, n * sizeof(indexes[0])));
		if (i < 1000)
			st_set_u(o, sfIndexNext, page + 1);
		plant_entry(s, keylet_dir_page(&root, page++), o);
		n = 0;
	}
	arena_close(&a);
}

/* What validators make */

static void from_alice(struct st_object *o)
{
	set_person(o, sfAccount, "alice");
}
static void fee_10(struct st_object *o)
{
	st_set_drops(o, sfFee, drops_of(10));
}
static void key_of_bob(struct st_object *o)
{
	struct person bob = person("bob");

	st_set_raw(o, sfSigningPubKey, bytes_of(bob.pub.b, sizeof(bob.pub.b)));
}
static void sequence_1(struct st_object *o)
{
	st_set_u(o, sfSequence, 1);
}
static void both_fee_forms(struct st_object *o)
{
	st_set_u(o, sfBaseFee, 12);
}
static void drops_fees(struct st_object *o)
{
	st_set_drops(o, sfBaseFeeDrops, drops_of(12));
}
static void lost_majority(struct st_object *o)
{
	set_flags(o, (uint32_t)tfLostMajority);
}
static void both_majorities(struct st_object *o)
{
	set_flags(o, (uint32_t)tfGotMajority | (uint32_t)tfLostMajority);
}
static void re_enable(struct st_object *o)
{
	st_set_u(o, sfUNLModifyDisabling, 0);
}

static const struct row rows[] = {
    {EVERY_TYPE, tesSUCCESS, "plain", nothing, NULL, 0, 0, NULL},
    {EVERY_TYPE, tefEXCEPTION, "the state cannot be read", nothing, NULL, ROW_UNREADABLE, 0, NULL},
    {EVERY_TYPE, tefEXCEPTION, "nor that of signers", signed_by_both, plant_list, ROW_UNREADABLE, 0,
     NULL},
    {EVERY_TYPE, telWRONG_NETWORK, "network 5", network_5, NULL, ROW_NETWORK, 0, NULL},
    {EVERY_TYPE, tefNOT_MULTI_SIGNING, "no list", signed_by_both, NULL, 0, 0, NULL},
    {EVERY_TYPE, tefBAD_QUORUM, "one of two", signed_by_bob, plant_list, 0, 0, NULL},
    {EVERY_TYPE, tefBAD_SIGNATURE, "not listed", signed_by_bob, plant_list_of_carol, 0, 0, NULL},
    {EVERY_TYPE, tefINTERNAL, "a list of nobody", signed_by_bob, plant_list_of_nobody, 0, 0, NULL},

    {ttSetRegularKey, temBAD_REGKEY, "her own", key_of_alice, NULL, 0, 0, NULL},
    {ttSetRegularKey, tesSUCCESS, "none any more", no_key, plant_regular, 0, 0, NULL},
    {ttSetRegularKey, tecNO_ALTERNATIVE_KEY, "the last", no_key, plant_disabled, 0, 0, "bob"},

    {ttSignerListSet, temMALFORMED, "entries without quorum", quorum_0, NULL, 0, 0, NULL},
    {ttSignerListSet, temBAD_QUORUM, "never enough", quorum_2, NULL, 0, 0, NULL},
    {ttSignerListSet, temBAD_SIGNER, "herself", lists_alice, NULL, 0, 0, NULL},
    {ttSignerListSet, temBAD_SIGNER, "twice", bob_twice, NULL, 0, 0, NULL},
    {ttSignerListSet, temBAD_WEIGHT, "without weight", weight_0, NULL, 0, 0, NULL},
    {ttSignerListSet, tesSUCCESS, "there is none", no_list, NULL, 0, 0, NULL},
    {ttSignerListSet, tecINSUFFICIENT_RESERVE, "poor", nothing, plant_reserve, 0, 0, NULL},
    {ttSignerListSet, tecNO_ALTERNATIVE_KEY, "the last way", no_list_by_both, plant_list_alone, 0,
     0, NULL},
    {ttSignerListSet, tefBAD_LEDGER, "no directory names it", no_list, plant_list, 0, 0, NULL},
    {ttSignerListSet, tecDIR_FULL, "no page left", nothing, plant_full_directory, ROW_BARE, 0,
     NULL},

    {ttDepositPreauth, temDISABLED, "credentials", authorize_credentials, NULL, 0, 0, NULL},
    {ttDepositPreauth, temMALFORMED, "both ways", authorize_both_ways, NULL, 0, 0, NULL},
    {ttDepositPreauth, temINVALID_ACCOUNT_ID, "nobody", authorize_nobody, NULL, 0, 0, NULL},
    {ttDepositPreauth, temCANNOT_PREAUTH_SELF, "herself", authorize_self, NULL, 0, 0, NULL},
    {ttDepositPreauth, tecNO_TARGET, "no account", authorize_dave, NULL, 0, 0, NULL},
    {ttDepositPreauth, tecDUPLICATE, "again", nothing, plant_leave, 0, 0, NULL},
    {ttDepositPreauth, tecNO_ENTRY, "there is none", unauthorize, NULL, 0, 0, NULL},
    {ttDepositPreauth, tecINSUFFICIENT_RESERVE, "poor", nothing, plant_reserve, 0, 0, NULL},
    {ttDepositPreauth, tefBAD_LEDGER, "no directory names it", unauthorize, plant_leave, 0, 0,
     NULL},
    {ttDepositPreauth, tecDIR_FULL, "no page left", nothing, plant_full_directory, ROW_BARE, 0,
     NULL},

    {ttTicketCreate, temINVALID_COUNT, "none", no_tickets, NULL, 0, 0, NULL},
    {ttTicketCreate, temINVALID_COUNT, "251", tickets_251, NULL, 0, 0, NULL},
    {ttTicketCreate, tesSUCCESS, "250", tickets_250, NULL, 0, 0, NULL},
    {ttTicketCreate, tecDIR_FULL, "250 beside another", tickets_250, plant_has_a_ticket, 0, 0,
     NULL},
    {ttTicketCreate, tecDIR_FULL, "no page left", nothing, plant_full_directory, ROW_BARE, 0, NULL},
    {ttTicketCreate, tecINSUFFICIENT_RESERVE, "poor", nothing, plant_reserve, 0, 0, NULL},
    {ttTicketCreate, tefBAD_LEDGER, "there already", nothing, plant_next_ticket, 0, 0, NULL},

    {ttAccountDelete, temDISABLED, "credentials", with_credentials, NULL, 0, 0, NULL},
    {ttAccountDelete, temDST_IS_SRC, "to herself", delete_to_self, NULL, 0, 0, NULL},
    {ttAccountDelete, tecNO_DST, "to nobody", delete_to_dave, NULL, 0, 0, NULL},
    {ttAccountDelete, tecDST_TAG_NEEDED, "no tag", delete_to_carol, plant_tag, 0, 0, NULL},
    {ttAccountDelete, tecNO_PERMISSION, "unknown", delete_to_carol, plant_deposit, 0, 0, NULL},
    {ttAccountDelete, tesSUCCESS, "known", delete_to_carol, plant_preauth, 0, 0, NULL},
    {ttAccountDelete, tecTOO_SOON, "young", sequence_300, plant_young, 0, 0, NULL},
    {ttAccountDelete, tecHAS_OBLIGATIONS, "NFTs about", nothing, plant_minted, 0, 0, NULL},
    {ttAccountDelete, tefTOO_BIG, "1,001 things", nothing, plant_much, 0, 0, NULL},
    {ttAccountDelete, tefBAD_LEDGER, "owns what is not there", nothing, plant_directory, 0, 0,
     NULL},
    {ttAccountDelete, tefINTERNAL, "no balance to add to", nothing, plant_bob_rotten, 0, 0, NULL},
    {ttAccountDelete, tecINVARIANT_FAILED, "a list is left over", nothing, plant_list, 0, 0, NULL},
    {ttAccountDelete, tefINVARIANT_FAILED, "broken by the fee alone", delete_to_dave,
     plant_pseudo_alice, ROW_BARE, 0, NULL},

    {EVERY_PSEUDO, tesSUCCESS, "plain", nothing, NULL, 0, 0, NULL},
    {EVERY_PSEUDO, tefEXCEPTION, "the state cannot be read", nothing, NULL, ROW_UNREADABLE, 0,
     NULL},
    {EVERY_PSEUDO, temINVALID, "open ledger", nothing, NULL, ROW_OPEN, 0, NULL},
    {EVERY_PSEUDO, temBAD_SRC_ACCOUNT, "from alice", from_alice, NULL, 0, 0, NULL},
    {EVERY_PSEUDO, temBAD_FEE, "for a fee", fee_10, NULL, 0, 0, NULL},
    {EVERY_PSEUDO, temBAD_SIGNATURE, "with a key", key_of_bob, NULL, 0, 0, NULL},
    {EVERY_PSEUDO, temBAD_SEQUENCE, "with a sequence", sequence_1, NULL, 0, 0, NULL},
    {EVERY_PSEUDO, telNETWORK_ID_MAKES_TX_NON_CANONICAL, "network id on an old one", network_5,
     NULL, 0, 0, NULL},
    {EVERY_PSEUDO, telWRONG_NETWORK, "network 5", network_5, NULL, ROW_NETWORK, 0, NULL},
    {EVERY_PSEUDO, tesSUCCESS, "no network id", nothing, NULL, ROW_NETWORK, 0, NULL},

    {ttSetFee, temMALFORMED, "both forms", both_fee_forms, NULL, 0, 0, NULL},
    {ttSetFee, temDISABLED, "drops before XRPFees", drops_fees, NULL, ROW_BARE, 0, NULL},
    {ttSetFee, tesSUCCESS, "before XRPFees", nothing, NULL, ROW_BARE, 0, NULL},
    {ttEnableAmendment, tefALREADY, "lost what it had not", lost_majority, NULL, 0, 0, NULL},
    {ttEnableAmendment, temINVALID_FLAG, "got and lost", both_majorities, NULL, 0, 0, NULL},
    {ttUNLModify, tesSUCCESS, "before NegativeUNL", nothing, NULL, ROW_BARE, 0, NULL},
    {ttUNLModify, tefFAILURE, "enabled again without cause", re_enable, NULL, 0, 0, NULL},
};

static void test_rows(void **state)
{
	(void)state;
	rows_run(rows, sizeof(rows) / sizeof(rows[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};

	if (crypto_init(NULL) != ERR_NONE)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
