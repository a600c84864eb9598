/* SPDX-License-Identifier: ISC */
#include "tests/tx/support.h"

#include "codec/format.h"

#include <string.h>

/* Every result that Payment, AccountSet and the pseudo-transactions can have, one row each: a
 * plain transaction of alice's, what is changed in it, and what comes out. What is not applied
 * leaves alice as she was; what claims a fee takes it and her sequence. */

static void nothing(struct st_object *o)
{
	(void)o;
}

static struct st_object *nested(struct st_object *o, enum sf array, enum sf wrapper)
{
	return st_array_add(st_set_array(o, array), o->arena, wrapper);
}

static void set_text(struct st_object *o, enum sf f, const char *text)
{
	st_set_raw(o, f, bytes_str(text));
}

static void set_amount(struct st_object *o, enum sf f, const struct amount *a)
{
	uint8_t b[AMOUNT_BYTES_MAX];

	st_set_raw(o, f, bytes_of(b, amount_encode(b, a)));
}

static void set_iou(struct st_object *o, enum sf f, const char *value, const char *currency,
		    const char *issuer)
{
	struct amount a = {.kind = AMOUNT_IOU, .issuer = person(issuer).id};

	if (strcmp(currency, "XRP") == 0)
		memcpy(a.currency.b + 12, "XRP", 3);
	else
		assert_int_equal(currency_parse(&a.currency, currency, strlen(currency)), ERR_NONE);
	assert_int_equal(amount_parse_iou(&a, value, strlen(value)), ERR_NONE);
	set_amount(o, f, &a);
}

static void set_flags(struct st_object *o, uint32_t flags)
{
	st_set_u(o, sfFlags, flags);
}

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
static void fee_9(struct st_object *o)
{
	st_set_drops(o, sfFee, drops_of(9));
}
static void fee_0(struct st_object *o)
{
	st_set_drops(o, sfFee, drops_of(0));
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

/* Payment */

static void amount_zero(struct st_object *o)
{
	st_set_drops(o, sfAmount, drops_of(0));
}
static void amount_negative(struct st_object *o)
{
	struct amount a = {.kind = AMOUNT_XRP, .negative = true, .mantissa = 1};

	set_amount(o, sfAmount, &a);
}
static void amount_all(struct st_object *o)
{
	st_set_drops(o, sfAmount, drops_of(DROPS_MAX));
}
static void amount_iou(struct st_object *o)
{
	set_iou(o, sfAmount, "1", "USD", "bob");
}
static void amount_iou_zero(struct st_object *o)
{
	set_iou(o, sfAmount, "0", "USD", "bob");
}
static void amount_fake_xrp(struct st_object *o)
{
	set_iou(o, sfAmount, "1", "XRP", "bob");
}
static void amount_mpt(struct st_object *o)
{
	struct amount a = {.kind = AMOUNT_MPT, .mantissa = 1, .mpt = {{1}}};

	set_amount(o, sfAmount, &a);
}
static void to_nobody(struct st_object *o)
{
	struct account_id none = {{0}};

	st_set_account(o, sfDestination, &none);
}
static void to_self(struct st_object *o)
{
	struct account_id alice = person("alice").id;

	st_set_account(o, sfDestination, &alice);
}
static void send_max_xrp(struct st_object *o)
{
	st_set_drops(o, sfSendMax, drops_of(5));
}
static void send_max_zero(struct st_object *o)
{
	st_set_drops(o, sfSendMax, drops_of(0));
}
static void send_max_iou(struct st_object *o)
{
	set_iou(o, sfSendMax, "1", "USD", "bob");
}
static void send_max_mpt(struct st_object *o)
{
	struct amount a = {.kind = AMOUNT_MPT, .mantissa = 1, .mpt = {{1}}};

	set_amount(o, sfSendMax, &a);
}
static void with_paths(struct st_object *o)
{
	uint8_t path[22] = {0x01};

	memcpy(path + 1, person("bob").id.b, 20);
	path[21] = 0;
	st_set_raw(o, sfPaths, bytes_of(path, sizeof(path)));
}
static void partial(struct st_object *o)
{
	set_flags(o, tfPartialPayment);
}
static void limit_quality(struct st_object *o)
{
	set_flags(o, tfLimitQuality);
}
static void no_direct(struct st_object *o)
{
	set_flags(o, tfNoRippleDirect);
}
static void deliver_min(struct st_object *o)
{
	st_set_drops(o, sfDeliverMin, drops_of(1));
}
static void iou_deliver_more(struct st_object *o)
{
	set_iou(o, sfAmount, "1", "USD", "bob");
	set_iou(o, sfDeliverMin, "2", "USD", "bob");
	partial(o);
}
static void iou_deliver_less(struct st_object *o)
{
	set_iou(o, sfAmount, "2", "USD", "bob");
	set_iou(o, sfDeliverMin, "1.5", "USD", "bob");
	partial(o);
}
static void iou_deliver_other(struct st_object *o)
{
	set_iou(o, sfAmount, "2", "USD", "bob");
	set_iou(o, sfDeliverMin, "1", "EUR", "bob");
	partial(o);
}
static void iou_to_self(struct st_object *o)
{
	to_self(o);
	set_iou(o, sfAmount, "1", "USD", "bob");
}
static void credentials(struct st_object *o)
{
	st_set_hash256(o, sfDomainID, &HASH256_ZERO);
}
static void to_new(struct st_object *o)
{
	struct account_id dave = person("dave").id;

	st_set_account(o, sfDestination, &dave);
}
static void to_new_funded(struct st_object *o)
{
	to_new(o);
	st_set_drops(o, sfAmount, drops_of(10 * DROPS_PER_XRP));
}
static void to_carol(struct st_object *o)
{
	struct account_id carol = person("carol").id;

	st_set_account(o, sfDestination, &carol);
}
static void to_carol_tagged(struct st_object *o)
{
	to_carol(o);
	st_set_u(o, sfDestinationTag, 0);
}
static void amount_too_much(struct st_object *o)
{
	st_set_drops(o, sfAmount, drops_of(990 * DROPS_PER_XRP + 1));
}
static void amount_just_enough(struct st_object *o)
{
	st_set_drops(o, sfAmount, drops_of(990 * DROPS_PER_XRP));
}
static void to_carol_11_xrp(struct st_object *o)
{
	to_carol(o);
	st_set_drops(o, sfAmount, drops_of(11 * DROPS_PER_XRP));
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

/* States */

static void flag_tag(struct st_object *o)
{
	st_set_u(o, sfFlags, lsfRequireDestTag);
}
static void plant_tag(struct tree *s)
{
	plant_account(s, "carol", flag_tag);
}
static void flag_deposit(struct st_object *o)
{
	st_set_u(o, sfFlags, lsfDepositAuth);
}
static void plant_deposit(struct tree *s)
{
	plant_account(s, "carol", flag_deposit);
}
static void deposit_and_poor(struct st_object *o)
{
	flag_deposit(o);
	st_set_drops(o, sfBalance, drops_of(10 * DROPS_PER_XRP));
}
static void plant_deposit_poor(struct tree *s)
{
	plant_account(s, "carol", deposit_and_poor);
}
static void plant_preauth(struct tree *s)
{
	struct account_id alice = person("alice").id, carol = person("carol").id;
	struct arena a = ARENA_INIT;
	struct st_object *o = st_new(&a);

	plant_deposit(s);
	st_set_u(o, sfLedgerEntryType, ltDepositPreauth);
	st_set_u(o, sfFlags, 0);
	st_set_account(o, sfAccount, &carol);
	st_set_account(o, sfAuthorize, &alice);
	plant_entry(s, keylet_deposit_preauth(&carol, &alice), o);
	arena_close(&a);
}
static void pseudo_account(struct st_object *o)
{
	struct hash256 h = {{7}};

	st_set_hash256(o, sfAMMID, &h);
}
static void plant_pseudo(struct tree *s)
{
	plant_account(s, "carol", pseudo_account);
}
static void plant_pseudo_alice(struct tree *s)
{
	plant_account(s, "alice", pseudo_account);
}
static void regular_bob(struct st_object *o)
{
	struct account_id bob = person("bob").id;

	st_set_account(o, sfRegularKey, &bob);
}
static void plant_regular(struct tree *s)
{
	plant_account(s, "alice", regular_bob);
}
static void regular_and_disabled(struct st_object *o)
{
	regular_bob(o);
	st_set_u(o, sfFlags, lsfDisableMaster);
}
static void plant_disabled(struct tree *s)
{
	plant_account(s, "alice", regular_and_disabled);
}
static void balance_5(struct st_object *o)
{
	st_set_drops(o, sfBalance, drops_of(5));
}
static void plant_balance_5(struct tree *s)
{
	plant_account(s, "alice", balance_5);
}
static void balance_0(struct st_object *o)
{
	st_set_drops(o, sfBalance, drops_of(0));
}
static void plant_balance_0(struct tree *s)
{
	plant_account(s, "alice", balance_0);
}
static void balance_iou(struct st_object *o)
{
	set_iou(o, sfBalance, "1", "USD", "bob");
}
static void plant_balance_iou(struct tree *s)
{
	plant_account(s, "alice", balance_iou);
}
static void plant_no_alice(struct tree *s)
{
	struct account_id alice = person("alice").id;
	struct keylet k = keylet_account(&alice);

	assert_int_equal(tree_del(s, &k.key), FOUND);
}
static void sequence_is_9(struct st_object *o)
{
	st_set_u(o, sfSequence, 9);
}
static void plant_sequence_9(struct tree *s)
{
	plant_account(s, "alice", sequence_is_9);
}
static void plant_ticket(struct tree *s)
{
	struct account_id alice = person("alice").id;
	struct arena a = ARENA_INIT;
	struct st_object *o = st_new(&a);

	plant_sequence_9(s);
	st_set_u(o, sfLedgerEntryType, ltTicket);
	st_set_account(o, sfAccount, &alice);
	plant_entry(s, keylet_ticket(&alice, 5), o);
	arena_close(&a);
}
static void plant_directory(struct tree *s)
{
	struct account_id alice = person("alice").id;
	struct arena a = ARENA_INIT;
	struct st_object *o = st_new(&a);
	uint8_t index[32] = {1};

	st_set_u(o, sfLedgerEntryType, ltDirectoryNode);
	st_set_u(o, sfFlags, 0);
	st_set_raw(o, sfIndexes, bytes_of(index, sizeof(index)));
	plant_entry(s, keylet_owner_dir(&alice), o);
	arena_close(&a);
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

#define OPEN       1u /* in an open ledger */
#define BARE       2u /* no amendments */
#define NETWORK    4u /* network 21337 */
#define UNSIGNED   8u /* as it is, said to be good */
#define BAD_SIGNED 16u

struct row {
	const char *name;
	enum ter want;
	char
	    type; /* P payment of 1 XRP from alice to bob, S account set of alice, O offer cancel */
	void (*change)(struct st_object *o);
	void (*plant)(struct tree *state);
	unsigned how;
	unsigned flags;
	const char *signer; /* NULL: alice */
};

static const struct row rows[] = {
    {"plain payment", tesSUCCESS, 'P', nothing, NULL, 0, 0, NULL},
    {"plain account set", tesSUCCESS, 'S', nothing, NULL, 0, 0, NULL},
    {"another type", temDISABLED, 'O', nothing, NULL, 0, 0, NULL},
    {"delegate", temDISABLED, 'P', delegate, NULL, 0, 0, NULL},
    {"network id on an old network", telNETWORK_ID_MAKES_TX_NON_CANONICAL, 'P', network_21337, NULL,
     0, 0, NULL},
    {"no network id on a new one", telREQUIRES_NETWORK_ID, 'P', nothing, NULL, NETWORK, 0, NULL},
    {"right network", tesSUCCESS, 'P', network_21337, NULL, NETWORK, 0, NULL},
    {"unknown flag", temINVALID_FLAG, 'P', unknown_flag, NULL, 0, 0, NULL},
    {"flag of an inner transaction", temINVALID_FLAG, 'P', inner_flag, NULL, 0, 0, NULL},
    {"flag of old", tesSUCCESS, 'P', canonical_flag, NULL, 0, 0, NULL},
    {"from nobody", temBAD_SRC_ACCOUNT, 'P', from_nobody, NULL, 0, 0, NULL},
    {"fee not XRP", temBAD_FEE, 'P', fee_iou, NULL, 0, 0, NULL},
    {"fee negative", temBAD_FEE, 'P', fee_negative, NULL, 0, 0, NULL},
    {"garbage for a key", temBAD_SIGNATURE, 'P', key_garbage, NULL, UNSIGNED, 0, NULL},
    {"bad signature", temBAD_SIGNATURE, 'P', nothing, NULL, BAD_SIGNED, 0, NULL},
    {"ticket and prior transaction", temINVALID, 'P', ticket_and_prior, NULL, 0, 0, NULL},
    {"memo", tesSUCCESS, 'P', memo_good, NULL, 0, 0, NULL},
    {"memo type with a blank", temINVALID, 'P', memo_bad_type, NULL, 0, 0, NULL},
    {"memo format with a zero", temINVALID, 'P', memo_zero_byte, NULL, 0, 0, NULL},
    {"memo with another field", temINVALID, 'P', memo_wrong_field, NULL, 0, 0, NULL},
    {"memos with another object", temINVALID, 'P', memo_wrong_object, NULL, 0, 0, NULL},
    {"memo of 1,024", tesSUCCESS, 'P', memo_fits, NULL, 0, 0, NULL},
    {"memo of 1,025", temINVALID, 'P', memo_too_long, NULL, 0, 0, NULL},
    {"account field without account", temINVALID, 'S', minter_empty, NULL, 0, 0, NULL},

    {"nothing to pay", temBAD_AMOUNT, 'P', amount_zero, NULL, 0, 0, NULL},
    {"less than nothing", temBAD_AMOUNT, 'P', amount_negative, NULL, 0, 0, NULL},
    {"zero of a currency", temBAD_AMOUNT, 'P', amount_iou_zero, NULL, 0, 0, NULL},
    {"to nobody", temDST_NEEDED, 'P', to_nobody, NULL, 0, 0, NULL},
    {"SendMax zero", temBAD_AMOUNT, 'P', send_max_zero, NULL, 0, 0, NULL},
    {"currency XRP", temBAD_CURRENCY, 'P', amount_fake_xrp, NULL, 0, 0, NULL},
    {"to oneself", temREDUNDANT, 'P', to_self, NULL, 0, 0, NULL},
    {"currency to oneself", temREDUNDANT, 'P', iou_to_self, NULL, 0, 0, NULL},
    {"SendMax XRP", temBAD_SEND_XRP_MAX, 'P', send_max_xrp, NULL, 0, 0, NULL},
    {"paths for XRP", temBAD_SEND_XRP_PATHS, 'P', with_paths, NULL, 0, 0, NULL},
    {"partial XRP", temBAD_SEND_XRP_PARTIAL, 'P', partial, NULL, 0, 0, NULL},
    {"quality for XRP", temBAD_SEND_XRP_LIMIT, 'P', limit_quality, NULL, 0, 0, NULL},
    {"no direct XRP", temBAD_SEND_XRP_NO_DIRECT, 'P', no_direct, NULL, 0, 0, NULL},
    {"DeliverMin, not partial", temBAD_AMOUNT, 'P', deliver_min, NULL, 0, 0, NULL},
    {"DeliverMin above the amount", temBAD_AMOUNT, 'P', iou_deliver_more, NULL, 0, 0, NULL},
    {"DeliverMin in another currency", temBAD_AMOUNT, 'P', iou_deliver_other, NULL, 0, 0, NULL},
    {"partial currency payment", temDISABLED, 'P', iou_deliver_less, NULL, 0, 0, NULL},
    {"currency payment", temDISABLED, 'P', amount_iou, NULL, 0, 0, NULL},
    {"XRP for currency", temDISABLED, 'P', send_max_iou, NULL, 0, 0, NULL},
    {"MPT payment", temDISABLED, 'P', amount_mpt, NULL, 0, 0, NULL},
    {"XRP for an MPT", temMALFORMED, 'P', send_max_mpt, NULL, 0, 0, NULL},
    {"within a domain", temDISABLED, 'P', credentials, NULL, 0, 0, NULL},

    {"no account", terNO_ACCOUNT, 'P', nothing, plant_no_alice, 0, 0, NULL},
    {"future sequence", terPRE_SEQ, 'P', sequence_2, NULL, 0, 0, NULL},
    {"past sequence", tefPAST_SEQ, 'P', sequence_0, NULL, 0, 0, NULL},
    {"ticket and sequence", temSEQ_AND_TICKET, 'P', ticket_and_sequence, NULL, 0, 0, NULL},
    {"ticket to come", terPRE_TICKET, 'P', ticket_5, NULL, 0, 0, NULL},
    {"ticket never made", tefNO_TICKET, 'P', ticket_5, plant_sequence_9, 0, 0, NULL},
    {"ticket zero", tefNO_TICKET, 'P', ticket_0, NULL, 0, 0, NULL},
    {"ticket that nothing else knows of", tefBAD_LEDGER, 'P', ticket_5, plant_ticket, 0, 0, NULL},
    {"prior transaction is another", tefWRONG_PRIOR, 'P', prior_unknown, NULL, 0, 0, NULL},
    {"prior transaction none", tesSUCCESS, 'P', prior_none, NULL, 0, 0, NULL},
    {"last ledger gone by", tefMAX_LEDGER, 'P', last_ledger_2, NULL, 0, 0, NULL},
    {"last ledger is this", tesSUCCESS, 'P', last_ledger_3, NULL, 0, 0, NULL},
    {"another's key", tefBAD_AUTH, 'P', nothing, NULL, 0, 0, "bob"},
    {"regular key", tesSUCCESS, 'P', nothing, plant_regular, 0, 0, "bob"},
    {"master beside regular key", tesSUCCESS, 'P', nothing, plant_regular, 0, 0, NULL},
    {"neither key", tefBAD_AUTH, 'P', nothing, plant_regular, 0, 0, "carol"},
    {"master disabled", tefMASTER_DISABLED, 'P', nothing, plant_disabled, 0, 0, NULL},
    {"regular key, master disabled", tesSUCCESS, 'P', nothing, plant_disabled, 0, 0, "bob"},
    {"account of a ledger object", tefBAD_AUTH, 'P', nothing, plant_pseudo_alice, 0, 0, NULL},
    {"fee below the base, open", telINSUF_FEE_P, 'P', fee_9, NULL, OPEN, 0, NULL},
    {"fee below the base, closed", tesSUCCESS, 'P', fee_9, NULL, 0, 0, NULL},
    {"no fee, closed", tesSUCCESS, 'P', fee_0, NULL, 0, 0, NULL},
    {"fee above the balance, open", terINSUF_FEE_B, 'P', fee_2000_xrp, NULL, OPEN, 0, NULL},
    {"fee above the balance, closed", tecINSUFF_FEE, 'P', nothing, plant_balance_5, 0, 0, NULL},
    {"fee above the balance, retry", tecINSUFF_FEE, 'P', nothing, plant_balance_5, 0, TX_RETRY,
     NULL},
    {"no balance", terINSUF_FEE_B, 'P', nothing, plant_balance_0, 0, 0, NULL},
    {"balance that is none", tefINTERNAL, 'P', nothing, plant_balance_iou, 0, 0, NULL},

    {"too little for an account", tecNO_DST_INSUF_XRP, 'P', to_new, NULL, 0, 0, NULL},
    {"too little, retry", tecNO_DST_INSUF_XRP, 'P', to_new, NULL, 0, TX_RETRY, NULL},
    {"too little, fail hard", tecNO_DST_INSUF_XRP, 'P', to_new, NULL, 0, TX_FAIL_HARD, NULL},
    {"a new account", tesSUCCESS, 'P', to_new_funded, NULL, 0, 0, NULL},
    {"no destination tag", tecDST_TAG_NEEDED, 'P', to_carol, plant_tag, 0, 0, NULL},
    {"destination tag", tesSUCCESS, 'P', to_carol_tagged, plant_tag, 0, 0, NULL},
    {"into the reserve", tecUNFUNDED_PAYMENT, 'P', amount_too_much, NULL, 0, 0, NULL},
    {"into the reserve, retry", tecUNFUNDED_PAYMENT, 'P', amount_too_much, NULL, 0, TX_RETRY, NULL},
    {"down to the reserve", tesSUCCESS, 'P', amount_just_enough, NULL, 0, 0, NULL},
    {"all there is", tecUNFUNDED_PAYMENT, 'P', amount_all, NULL, 0, 0, NULL},
    {"deposit not authorised", tecNO_PERMISSION, 'P', to_carol, plant_deposit, 0, 0, NULL},
    {"deposit authorised", tesSUCCESS, 'P', to_carol, plant_preauth, 0, 0, NULL},
    {"small deposit to a poor account", tesSUCCESS, 'P', to_carol, plant_deposit_poor, 0, 0, NULL},
    {"large deposit to a poor account", tecNO_PERMISSION, 'P', to_carol_11_xrp, plant_deposit_poor,
     0, 0, NULL},
    {"to an account of a ledger object", tecNO_PERMISSION, 'P', to_carol, plant_pseudo, 0, 0, NULL},

    {"set and clear the same", temINVALID_FLAG, 'S', set_and_clear, NULL, 0, 0, NULL},
    {"auth both ways", temINVALID_FLAG, 'S', auth_both, NULL, 0, 0, NULL},
    {"tag both ways", temINVALID_FLAG, 'S', tag_both, NULL, 0, 0, NULL},
    {"XRP both ways", temINVALID_FLAG, 'S', xrp_both, NULL, 0, 0, NULL},
    {"flag that is none", tesSUCCESS, 'S', set_unknown, NULL, 0, 0, NULL},
    {"rate too low", temBAD_TRANSFER_RATE, 'S', rate_low, NULL, 0, 0, NULL},
    {"rate too high", temBAD_TRANSFER_RATE, 'S', rate_high, NULL, 0, 0, NULL},
    {"highest rate", tesSUCCESS, 'S', rate_double, NULL, 0, 0, NULL},
    {"tick size 2", temBAD_TICK_SIZE, 'S', tick_2, NULL, 0, 0, NULL},
    {"tick size 17", temBAD_TICK_SIZE, 'S', tick_17, NULL, 0, 0, NULL},
    {"message key", telBAD_PUBLIC_KEY, 'S', message_key_bad, NULL, 0, 0, NULL},
    {"domain of 256", tesSUCCESS, 'S', domain_256, NULL, 0, 0, NULL},
    {"domain of 257", telBAD_DOMAIN, 'S', domain_257, NULL, 0, 0, NULL},
    {"minter missing", temMALFORMED, 'S', set_minter_missing, NULL, 0, 0, NULL},
    {"minter cleared and named", temMALFORMED, 'S', clear_minter_named, NULL, 0, 0, NULL},
    {"auth with things owned", tecOWNERS, 'S', set_require_auth, plant_directory, 0, 0, NULL},
    {"auth with things owned, retry", terOWNERS, 'S', set_require_auth, plant_directory, 0,
     TX_RETRY, NULL},
    {"auth", tesSUCCESS, 'S', set_require_auth, NULL, 0, 0, NULL},
    {"clawback with things owned", tecOWNERS, 'S', set_clawback, plant_directory, 0, 0, NULL},
    {"clawback after no freeze", tecNO_PERMISSION, 'S', set_clawback, plant_no_freeze, 0, 0, NULL},
    {"clawback", tesSUCCESS, 'S', set_clawback, NULL, 0, 0, NULL},
    {"no freeze after clawback", tecNO_PERMISSION, 'S', set_no_freeze, plant_clawback, 0, 0, NULL},
    {"no freeze", tesSUCCESS, 'S', set_no_freeze, NULL, 0, 0, NULL},
    {"no freeze by regular key", tecNEED_MASTER_KEY, 'S', set_no_freeze, plant_regular, 0, 0,
     "bob"},
    {"no freeze, master disabled", tesSUCCESS, 'S', set_no_freeze, plant_disabled, 0, 0, "bob"},
    {"last key", tecNO_ALTERNATIVE_KEY, 'S', set_disable_master, NULL, 0, 0, NULL},
    {"disable master", tesSUCCESS, 'S', set_disable_master, plant_regular, 0, 0, NULL},
    {"disable master by regular key", tecNEED_MASTER_KEY, 'S', set_disable_master, plant_regular, 0,
     0, "bob"},
    {"invariant broken by the fee alone", tefINVARIANT_FAILED, 'S', nothing, plant_pseudo_alice,
     BARE, 0, NULL},
};

static struct st_object *make(struct world *w, char type)
{
	struct st_object *o;

	if (type == 'P')
		return payment(w, "alice", 1, "bob", DROPS_PER_XRP);
	o = account_set(w, "alice", 1);
	if (type == 'O') {
		st_set_u(o, sfTransactionType, ttOfferCancel);
		st_set_u(o, sfOfferSequence, 1);
	}
	return o;
}

static struct tx *finish_tx(const struct row *r, struct st_object *o)
{
	struct tx *t;

	if (r->how & UNSIGNED)
		return trusted(o);
	t = signed_by(r->signer ? r->signer : "alice", o);
	if (r->how & BAD_SIGNED)
		atomic_store(&t->signature, TX_SIG_BAD);
	return t;
}

/* What is wrong, or NULL. */
static const char *check_after(const struct row *r, struct world *w, uint64_t balance, uint32_t seq,
			       const struct tx_outcome *out)
{
	uint64_t fee = balance < 10 ? balance : 10;
	bool claims = ter_is_tec(r->want) && !r->flags;

	if (out->result != r->want)
		return result_name((int)out->result);
	if (out->applied != (r->want == tesSUCCESS || claims))
		return "applied or not is wrong";
	if (!out->applied && balance > 0 &&
	    (balance_of(w, "alice") != balance || sequence_of(w, "alice") != seq))
		return "alice has changed";
	if (claims && (balance_of(w, "alice") != balance - fee ||
		       sequence_of(w, "alice") != seq + 1 || view_burned(w->view).raw != fee))
		return "the fee was not taken as it should";
	return NULL;
}

static bool run_row(const struct row *r)
{
	struct world_options o = {.no_amendments = r->how & BARE,
				  .open = r->how & OPEN,
				  .network_id = r->how & NETWORK ? 21337 : 0,
				  .plant = r->plant};
	const char *wrong;
	uint64_t balance = 0;
	struct st_object *fields;
	struct tx_outcome out;
	uint32_t seq = 0;
	struct world w;
	struct tx *t;

	world_open(&w, &o);
	fields = make(&w, r->type);
	r->change(fields);
	t = finish_tx(r, fields);
	if (account_of(&w, "alice") && r->plant != plant_balance_iou) {
		balance = balance_of(&w, "alice");
		seq = sequence_of(&w, "alice");
	}
	out = tx_apply(w.view, t, r->flags, 0, r->how & OPEN ? NULL : &w.arena);
	wrong = check_after(r, &w, balance, seq, &out);
	if (wrong)
		print_error("%s: wanted %s: %s\n", r->name, result_name((int)r->want), wrong);
	tx_unref(t);
	world_close(&w);
	return !wrong;
}

static void test_rows(void **state)
{
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		wrong += !run_row(&rows[i]);
	print_message("%zu rows\n", sizeof(rows) / sizeof(rows[0]));
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};

	if (crypto_init(NULL) != ERR_NONE)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
