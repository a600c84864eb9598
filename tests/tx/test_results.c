/* SPDX-License-Identifier: ISC */
#include "tests/tx/rows.h"

/* Results of the stages that all types share, and of AccountSet. */

/* Common fields */

static void network_21337(struct st_object *o)
{
	st_set_u(o, sfNetworkID, 21337);
}

static void delegate(struct st_object *o)
{
	struct account_id bob = person("bob").id;

	st_set_account(o, sfDelegate, &bob);
}

static void unknown_flag(struct st_object *o)
{
	set_flags(o, 0x00000001);
}

static void inner_flag(struct st_object *o)
{
	set_flags(o, (uint32_t)tfInnerBatchTxn);
}

static void canonical_flag(struct st_object *o)
{
	set_flags(o, (uint32_t)tfFullyCanonicalSig);
}

static void from_nobody(struct st_object *o)
{
	struct account_id none = {{0}};

	st_set_account(o, sfAccount, &none);
}

static void fee_iou(struct st_object *o)
{
	set_iou(o, sfFee, "1", "USD", "bob");
}

static void fee_negative(struct st_object *o)
{
	struct amount a = {.kind = AMOUNT_XRP, .negative = true, .mantissa = 10};

	set_amount(o, sfFee, &a);
}

static void fee_2000_xrp(struct st_object *o)
{
	st_set_drops(o, sfFee, drops_of(2000 * DROPS_PER_XRP));
}

static void key_garbage(struct st_object *o)
{
	set_text(o, sfSigningPubKey, "not a key");
}

static void ticket_5(struct st_object *o)
{
	st_set_u(o, sfSequence, 0);
	st_set_u(o, sfTicketSequence, 5);
}

static void ticket_0(struct st_object *o)
{
	st_set_u(o, sfSequence, 0);
	st_set_u(o, sfTicketSequence, 0);
}

static void ticket_and_prior(struct st_object *o)
{
	ticket_5(o);
	st_set_hash256(o, sfAccountTxnID, &HASH256_ZERO);
}

static void ticket_and_sequence(struct st_object *o)
{
	st_set_u(o, sfTicketSequence, 5);
}

static void sequence_2(struct st_object *o)
{
	st_set_u(o, sfSequence, 2);
}

static void sequence_0(struct st_object *o)
{
	st_set_u(o, sfSequence, 0);
}

static void last_ledger_2(struct st_object *o)
{
	st_set_u(o, sfLastLedgerSequence, 2);
}

static void last_ledger_3(struct st_object *o)
{
	st_set_u(o, sfLastLedgerSequence, 3);
}

static void prior_unknown(struct st_object *o)
{
	struct hash256 h = {{1}};

	st_set_hash256(o, sfAccountTxnID, &h);
}

static void prior_none(struct st_object *o)
{
	st_set_hash256(o, sfAccountTxnID, &HASH256_ZERO);
}

static void memo_good(struct st_object *o)
{
	struct st_object *m = nested(o, sfMemos, sfMemo);

	set_text(m, sfMemoType, "text/plain");
	set_text(m, sfMemoData, "anything \x01 at all");
}

static void memo_bad_type(struct st_object *o)
{
	set_text(nested(o, sfMemos, sfMemo), sfMemoType, "not a type");
}

static void memo_zero_byte(struct st_object *o)
{
	st_set_raw(nested(o, sfMemos, sfMemo), sfMemoFormat, bytes_of("a\0b", 3));
}

static void memo_wrong_field(struct st_object *o)
{
	set_text(nested(o, sfMemos, sfMemo), sfDomain, "x");
}

static void memo_wrong_object(struct st_object *o)
{
	set_text(nested(o, sfMemos, sfNewFields), sfMemoData, "x");
}

static void memo_of(struct st_object *o, size_t n)
{
	uint8_t *b = arena_zalloc(o->arena, n, 1);

	st_set_raw(nested(o, sfMemos, sfMemo), sfMemoData, bytes_of(b, n));
}

static void memo_fits(struct st_object *o)
{
	memo_of(o, 1024 - 5); /* wrapper, field, length of two bytes, end marker */
	assert_non_null(st_get_array(o, sfMemos));
}

static void memo_too_long(struct st_object *o)
{
	memo_of(o, 1025 - 6 + 1);
}

static void minter_empty(struct st_object *o)
{
	st_set_raw(o, sfNFTokenMinter, bytes_of(NULL, 0));
	st_set_u(o, sfSetFlag, asfAuthorizedNFTokenMinter);
}

/* AccountSet */

#define SET_FLAG(name, flag)                                                                       \
	static void name(struct st_object *o)                                                      \
	{                                                                                          \
		st_set_u(o, sfSetFlag, flag);                                                      \
	}
SET_FLAG(set_require_auth, asfRequireAuth)

SET_FLAG(set_no_freeze, asfNoFreeze)

SET_FLAG(set_clawback, asfAllowTrustLineClawback)

SET_FLAG(set_disable_master, asfDisableMaster)

SET_FLAG(set_minter_missing, asfAuthorizedNFTokenMinter)

SET_FLAG(set_unknown, 4000000000u)

static void set_and_clear(struct st_object *o)
{
	st_set_u(o, sfSetFlag, asfDefaultRipple);
	st_set_u(o, sfClearFlag, asfDefaultRipple);
}

static void auth_both(struct st_object *o)
{
	set_flags(o, tfRequireAuth);
	st_set_u(o, sfClearFlag, asfRequireAuth);
}

static void tag_both(struct st_object *o)
{
	set_flags(o, tfRequireDestTag | tfOptionalDestTag);
}

static void xrp_both(struct st_object *o)
{
	set_flags(o, tfAllowXRP);
	st_set_u(o, sfSetFlag, asfDisallowXRP);
}

static void rate_low(struct st_object *o)
{
	st_set_u(o, sfTransferRate, 999999999);
}

static void rate_high(struct st_object *o)
{
	st_set_u(o, sfTransferRate, 2000000001);
}

static void rate_double(struct st_object *o)
{
	st_set_u(o, sfTransferRate, 2000000000);
}

static void tick_2(struct st_object *o)
{
	st_set_u(o, sfTickSize, 2);
}

static void tick_17(struct st_object *o)
{
	st_set_u(o, sfTickSize, 17);
}

static void message_key_bad(struct st_object *o)
{
	set_text(o, sfMessageKey, "short");
}

static void domain_256(struct st_object *o)
{
	uint8_t *b = arena_zalloc(o->arena, 256, 1);

	st_set_raw(o, sfDomain, bytes_of(b, 256));
}

static void domain_257(struct st_object *o)
{
	uint8_t *b = arena_zalloc(o->arena, 257, 1);

	st_set_raw(o, sfDomain, bytes_of(b, 257));
}

static void clear_minter_named(struct st_object *o)
{
	struct account_id bob = person("bob").id;

	st_set_u(o, sfClearFlag, asfAuthorizedNFTokenMinter);
	st_set_account(o, sfNFTokenMinter, &bob);
}

static void flag_no_freeze(struct st_object *o)
{
	st_set_u(o, sfFlags, lsfNoFreeze);
}

static void plant_no_freeze(struct tree *s)
{
	plant_account(s, "alice", flag_no_freeze);
}

static void flag_clawback(struct st_object *o)
{
	st_set_u(o, sfFlags, (uint32_t)lsfAllowTrustLineClawback);
}

static void plant_clawback(struct tree *s)
{
	plant_account(s, "alice", flag_clawback);
}

static const struct row rows[] = {
    {ttPayment, tesSUCCESS, "plain payment", nothing, NULL, 0, 0, NULL},
    {ttAccountSet, tesSUCCESS, "plain account set", nothing, NULL, 0, 0, NULL},
    {ttOfferCancel, temDISABLED, "another type", nothing, NULL, 0, 0, NULL},
    {EVERY_TYPE, temDISABLED, "delegate", delegate, NULL, 0, 0, NULL},
    {EVERY_TYPE, telNETWORK_ID_MAKES_TX_NON_CANONICAL, "network id on an old network",
     network_21337, NULL, 0, 0, NULL},
    {EVERY_TYPE, telREQUIRES_NETWORK_ID, "no network id on a new one", nothing, NULL, ROW_NETWORK,
     0, NULL},
    {ttPayment, tesSUCCESS, "right network", network_21337, NULL, ROW_NETWORK, 0, NULL},
    {EVERY_TYPE, temINVALID_FLAG, "unknown flag", unknown_flag, NULL, 0, 0, NULL},
    {EVERY_TYPE, temINVALID_FLAG, "flag of an inner transaction", inner_flag, NULL, 0, 0, NULL},
    {ttPayment, tesSUCCESS, "flag of old", canonical_flag, NULL, 0, 0, NULL},
    {EVERY_TYPE, temBAD_SRC_ACCOUNT, "from nobody", from_nobody, NULL, 0, 0, NULL},
    {EVERY_TYPE, temBAD_FEE, "fee not XRP", fee_iou, NULL, 0, 0, NULL},
    {EVERY_TYPE, temBAD_FEE, "fee negative", fee_negative, NULL, 0, 0, NULL},
    {EVERY_TYPE, temBAD_SIGNATURE, "garbage for a key", key_garbage, NULL, ROW_UNSIGNED, 0, NULL},
    {EVERY_TYPE, temBAD_SIGNATURE, "bad signature", nothing, NULL, ROW_BAD_SIGNED, 0, NULL},
    {EVERY_TYPE, temINVALID, "ticket and prior transaction", ticket_and_prior, NULL, 0, 0, NULL},
    {ttPayment, tesSUCCESS, "memo", memo_good, NULL, 0, 0, NULL},
    {EVERY_TYPE, temINVALID, "memo type with a blank", memo_bad_type, NULL, 0, 0, NULL},
    {ttPayment, temINVALID, "memo format with a zero", memo_zero_byte, NULL, 0, 0, NULL},
    {ttPayment, temINVALID, "memo with another field", memo_wrong_field, NULL, 0, 0, NULL},
    {ttPayment, temINVALID, "memos with another object", memo_wrong_object, NULL, 0, 0, NULL},
    {ttPayment, tesSUCCESS, "memo of 1,024", memo_fits, NULL, 0, 0, NULL},
    {ttPayment, temINVALID, "memo of 1,025", memo_too_long, NULL, 0, 0, NULL},
    {ttAccountSet, temINVALID, "account field without account", minter_empty, NULL, 0, 0, NULL},
    {EVERY_TYPE, terNO_ACCOUNT, "no account", nothing, plant_no_alice, 0, 0, NULL},
    {EVERY_TYPE, terPRE_SEQ, "future sequence", sequence_2, NULL, 0, 0, NULL},
    {EVERY_TYPE, tefPAST_SEQ, "past sequence", sequence_0, NULL, 0, 0, NULL},
    {EVERY_TYPE, temSEQ_AND_TICKET, "ticket and sequence", ticket_and_sequence, NULL, 0, 0, NULL},
    {EVERY_TYPE, terPRE_TICKET, "ticket to come", ticket_5, NULL, 0, 0, NULL},
    {EVERY_TYPE, tefNO_TICKET, "ticket never made", ticket_5, plant_sequence_9, 0, 0, NULL},
    {EVERY_TYPE, tefNO_TICKET, "ticket zero", ticket_0, NULL, 0, 0, NULL},
    {EVERY_TYPE, tefBAD_LEDGER, "ticket that nothing else knows of", ticket_5, plant_ticket, 0, 0,
     NULL},
    {EVERY_TYPE, tefWRONG_PRIOR, "prior transaction is another", prior_unknown, NULL, 0, 0, NULL},
    {ttPayment, tesSUCCESS, "prior transaction none", prior_none, NULL, 0, 0, NULL},
    {EVERY_TYPE, tefMAX_LEDGER, "last ledger gone by", last_ledger_2, NULL, 0, 0, NULL},
    {ttPayment, tesSUCCESS, "last ledger is this", last_ledger_3, NULL, 0, 0, NULL},
    {EVERY_TYPE, tefBAD_AUTH, "another's key", nothing, NULL, 0, 0, "bob"},
    {ttPayment, tesSUCCESS, "regular key", nothing, plant_regular, 0, 0, "bob"},
    {ttPayment, tesSUCCESS, "master beside regular key", nothing, plant_regular, 0, 0, NULL},
    {EVERY_TYPE, tefBAD_AUTH, "neither key", nothing, plant_regular, 0, 0, "carol"},
    {EVERY_TYPE, tefMASTER_DISABLED, "master disabled", nothing, plant_disabled, 0, 0, NULL},
    {ttPayment, tesSUCCESS, "regular key, master disabled", nothing, plant_disabled, 0, 0, "bob"},
    {EVERY_TYPE, tefBAD_AUTH, "account of a ledger object", nothing, plant_pseudo_alice, 0, 0,
     NULL},
    {EVERY_TYPE, telINSUF_FEE_P, "fee below the base, open", fee_9, plant_spent, ROW_OPEN, 0, NULL},
    {ttPayment, tesSUCCESS, "fee below the base, closed", fee_9, NULL, 0, 0, NULL},
    {ttPayment, tesSUCCESS, "no fee, closed", fee_0, NULL, 0, 0, NULL},
    {EVERY_TYPE, terINSUF_FEE_B, "fee above the balance, open", fee_2000_xrp, NULL, ROW_OPEN, 0,
     NULL},
    {EVERY_TYPE, tecINSUFF_FEE, "fee above the balance, closed", nothing, plant_balance_5, 0, 0,
     NULL},
    {EVERY_TYPE, tecINSUFF_FEE, "fee above the balance, retry", nothing, plant_balance_5, 0,
     TX_RETRY, NULL},
    {EVERY_TYPE, terINSUF_FEE_B, "no balance", nothing, plant_balance_0, 0, 0, NULL},
    {EVERY_TYPE, tefINTERNAL, "balance that is none", nothing, plant_balance_iou, 0, 0, NULL},
    {ttPayment, tefINVARIANT_FAILED, "broken by the fee alone", nothing, plant_pseudo_alice,
     ROW_BARE, 0, NULL},
    {ttAccountSet, tefINVARIANT_FAILED, "broken by the fee alone", nothing, plant_pseudo_alice,
     ROW_BARE, 0, NULL},
    {ttSetRegularKey, tefINVARIANT_FAILED, "broken by the fee alone", nothing, plant_pseudo_alice,
     ROW_BARE, 0, NULL},
    {ttSignerListSet, tefINVARIANT_FAILED, "broken by the fee alone", nothing, plant_pseudo_alice,
     ROW_BARE, 0, NULL},
    {ttDepositPreauth, tefINVARIANT_FAILED, "broken by the fee alone", nothing, plant_pseudo_alice,
     ROW_BARE, 0, NULL},
    {ttTicketCreate, tefINVARIANT_FAILED, "broken by the fee alone", nothing, plant_pseudo_alice,
     ROW_BARE, 0, NULL},

    {ttAccountSet, temINVALID_FLAG, "set and clear the same", set_and_clear, NULL, 0, 0, NULL},
    {ttAccountSet, temINVALID_FLAG, "auth both ways", auth_both, NULL, 0, 0, NULL},
    {ttAccountSet, temINVALID_FLAG, "tag both ways", tag_both, NULL, 0, 0, NULL},
    {ttAccountSet, temINVALID_FLAG, "XRP both ways", xrp_both, NULL, 0, 0, NULL},
    {ttAccountSet, tesSUCCESS, "flag that is none", set_unknown, NULL, 0, 0, NULL},
    {ttAccountSet, temBAD_TRANSFER_RATE, "rate too low", rate_low, NULL, 0, 0, NULL},
    {ttAccountSet, temBAD_TRANSFER_RATE, "rate too high", rate_high, NULL, 0, 0, NULL},
    {ttAccountSet, tesSUCCESS, "highest rate", rate_double, NULL, 0, 0, NULL},
    {ttAccountSet, temBAD_TICK_SIZE, "tick size 2", tick_2, NULL, 0, 0, NULL},
    {ttAccountSet, temBAD_TICK_SIZE, "tick size 17", tick_17, NULL, 0, 0, NULL},
    {ttAccountSet, telBAD_PUBLIC_KEY, "message key", message_key_bad, NULL, 0, 0, NULL},
    {ttAccountSet, tesSUCCESS, "domain of 256", domain_256, NULL, 0, 0, NULL},
    {ttAccountSet, telBAD_DOMAIN, "domain of 257", domain_257, NULL, 0, 0, NULL},
    {ttAccountSet, temMALFORMED, "minter missing", set_minter_missing, NULL, 0, 0, NULL},
    {ttAccountSet, temMALFORMED, "minter cleared and named", clear_minter_named, NULL, 0, 0, NULL},
    {ttAccountSet, tecOWNERS, "auth with things owned", set_require_auth, plant_directory, 0, 0,
     NULL},
    {ttAccountSet, terOWNERS, "auth with things owned, retry", set_require_auth, plant_directory, 0,
     TX_RETRY, NULL},
    {ttAccountSet, tesSUCCESS, "auth", set_require_auth, NULL, 0, 0, NULL},
    {ttAccountSet, tecOWNERS, "clawback with things owned", set_clawback, plant_directory, 0, 0,
     NULL},
    {ttAccountSet, tecNO_PERMISSION, "clawback after no freeze", set_clawback, plant_no_freeze, 0,
     0, NULL},
    {ttAccountSet, tesSUCCESS, "clawback", set_clawback, NULL, 0, 0, NULL},
    {ttAccountSet, tecNO_PERMISSION, "no freeze after clawback", set_no_freeze, plant_clawback, 0,
     0, NULL},
    {ttAccountSet, tesSUCCESS, "no freeze", set_no_freeze, NULL, 0, 0, NULL},
    {ttAccountSet, tecNEED_MASTER_KEY, "no freeze by regular key", set_no_freeze, plant_regular, 0,
     0, "bob"},
    {ttAccountSet, tesSUCCESS, "no freeze, master disabled", set_no_freeze, plant_disabled, 0, 0,
     "bob"},
    {ttAccountSet, tecNO_ALTERNATIVE_KEY, "last key", set_disable_master, NULL, 0, 0, NULL},
    {ttAccountSet, tesSUCCESS, "disable master", set_disable_master, plant_regular, 0, 0, NULL},
    {ttAccountSet, tecNEED_MASTER_KEY, "disable master by regular key", set_disable_master,
     plant_regular, 0, 0, "bob"},
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
