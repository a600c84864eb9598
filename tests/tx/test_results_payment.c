/* SPDX-License-Identifier: ISC */
#include "tests/tx/rows.h"

#include <string.h>

/* Results of Payment. */

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

static void deposit_and_poor(struct st_object *o)
{
	flag_deposit(o);
	st_set_drops(o, sfBalance, drops_of(10 * DROPS_PER_XRP));
}

static void plant_deposit_poor(struct tree *s)
{
	plant_account(s, "carol", deposit_and_poor);
}

static void plant_pseudo(struct tree *s)
{
	plant_account(s, "carol", pseudo_account);
}

static const struct row rows[] = {
    {ttPayment, temBAD_AMOUNT, "nothing to pay", amount_zero, NULL, 0, 0, NULL},
    {ttPayment, temBAD_AMOUNT, "less than nothing", amount_negative, NULL, 0, 0, NULL},
    {ttPayment, temBAD_AMOUNT, "zero of a currency", amount_iou_zero, NULL, 0, 0, NULL},
    {ttPayment, temDST_NEEDED, "to nobody", to_nobody, NULL, 0, 0, NULL},
    {ttPayment, temBAD_AMOUNT, "SendMax zero", send_max_zero, NULL, 0, 0, NULL},
    {ttPayment, temBAD_CURRENCY, "currency XRP", amount_fake_xrp, NULL, 0, 0, NULL},
    {ttPayment, temREDUNDANT, "to oneself", to_self, NULL, 0, 0, NULL},
    {ttPayment, temREDUNDANT, "currency to oneself", iou_to_self, NULL, 0, 0, NULL},
    {ttPayment, temBAD_SEND_XRP_MAX, "SendMax XRP", send_max_xrp, NULL, 0, 0, NULL},
    {ttPayment, temBAD_SEND_XRP_PATHS, "paths for XRP", with_paths, NULL, 0, 0, NULL},
    {ttPayment, temBAD_SEND_XRP_PARTIAL, "partial XRP", partial, NULL, 0, 0, NULL},
    {ttPayment, temBAD_SEND_XRP_LIMIT, "quality for XRP", limit_quality, NULL, 0, 0, NULL},
    {ttPayment, temBAD_SEND_XRP_NO_DIRECT, "no direct XRP", no_direct, NULL, 0, 0, NULL},
    {ttPayment, temBAD_AMOUNT, "DeliverMin, not partial", deliver_min, NULL, 0, 0, NULL},
    {ttPayment, temBAD_AMOUNT, "DeliverMin above the amount", iou_deliver_more, NULL, 0, 0, NULL},
    {ttPayment, temBAD_AMOUNT, "DeliverMin in another currency", iou_deliver_other, NULL, 0, 0,
     NULL},
    {ttPayment, temDISABLED, "partial currency payment", iou_deliver_less, NULL, 0, 0, NULL},
    {ttPayment, temDISABLED, "currency payment", amount_iou, NULL, 0, 0, NULL},
    {ttPayment, temDISABLED, "XRP for currency", send_max_iou, NULL, 0, 0, NULL},
    {ttPayment, temDISABLED, "MPT payment", amount_mpt, NULL, 0, 0, NULL},
    {ttPayment, temMALFORMED, "XRP for an MPT", send_max_mpt, NULL, 0, 0, NULL},
    {ttPayment, temDISABLED, "within a domain", credentials, NULL, 0, 0, NULL},
    {ttPayment, tecNO_DST_INSUF_XRP, "too little for an account", to_new, NULL, 0, 0, NULL},
    {ttPayment, tecNO_DST_INSUF_XRP, "too little, retry", to_new, NULL, 0, TX_RETRY, NULL},
    {ttPayment, tecNO_DST_INSUF_XRP, "too little, fail hard", to_new, NULL, 0, TX_FAIL_HARD, NULL},
    {ttPayment, tesSUCCESS, "a new account", to_new_funded, NULL, 0, 0, NULL},
    {ttPayment, tecDST_TAG_NEEDED, "no destination tag", to_carol, plant_tag, 0, 0, NULL},
    {ttPayment, tesSUCCESS, "destination tag", to_carol_tagged, plant_tag, 0, 0, NULL},
    {ttPayment, tecUNFUNDED_PAYMENT, "into the reserve", amount_too_much, NULL, 0, 0, NULL},
    {ttPayment, tecUNFUNDED_PAYMENT, "into the reserve, retry", amount_too_much, NULL, 0, TX_RETRY,
     NULL},
    {ttPayment, tesSUCCESS, "down to the reserve", amount_just_enough, NULL, 0, 0, NULL},
    {ttPayment, tecUNFUNDED_PAYMENT, "all there is", amount_all, NULL, 0, 0, NULL},
    {ttPayment, tecNO_PERMISSION, "deposit not authorised", to_carol, plant_deposit, 0, 0, NULL},
    {ttPayment, tesSUCCESS, "deposit authorised", to_carol, plant_preauth, 0, 0, NULL},
    {ttPayment, tesSUCCESS, "small deposit to a poor account", to_carol, plant_deposit_poor, 0, 0,
     NULL},
    {ttPayment, tecNO_PERMISSION, "large deposit to a poor account", to_carol_11_xrp,
     plant_deposit_poor, 0, 0, NULL},
    {ttPayment, tecNO_PERMISSION, "to an account of a ledger object", to_carol, plant_pseudo, 0, 0,
     NULL},
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
