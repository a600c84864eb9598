/* SPDX-License-Identifier: ISC */

/* Refunds: what may go back, and that it is never too much, however many at once and whatever is
 * lost in between. test_refund [SEQUENCES] (1,000,000) */
#include "base/mem.h"
#include "base/rng.h"
#include "crypto/base58.h"
#include "crypto/keys.h"
#include "tools/tally/refund.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SHOP  "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh"
#define BUYER "rPT1Sjq2YGrBMTttX4GZHjKu9dyfzbpAYe"
#define HASH  "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF"
#define TYPE  "726566756E642F6F66"

static uint64_t sequences = 1000000;

static struct account_id account(const char *text)
{
	struct account_id a;

	assert_int_equal(account_parse(&a, text), ERR_NONE);
	return a;
}

static json_t *answer(const char *type, const char *result, const char *to, json_t *delivered)
{
	return json_pack("{s:b, s:s, s:i, s:{s:s, s:s, s:s, s:i}, s:{s:s, s:o}}", "validated", 1,
			 "hash", HASH, "ledger_index", 9, "tx_json", "TransactionType", type,
			 "Account", BUYER, "Destination", to, "SourceTag", 77, "meta",
			 "TransactionResult", result, "delivered_amount", delivered);
}

static void judge(json_t *j, enum err want)
{
	struct account_id shop = account(SHOP);
	struct refund_original o;
	struct why why = {""};

	assert_int_equal(refund_original_read(&o, j, &shop, &why), want);
	assert_true(want == ERR_NONE || why.text[0]);
	json_decref(j);
}

static void only_what_was_paid_here(void **state)
{
	struct account_id shop = account(SHOP);
	struct refund_original o;
	json_t *j = answer("Payment", "tesSUCCESS", SHOP, json_string("500"));

	(void)state;
	assert_int_equal(refund_original_read(&o, j, &shop, NULL), ERR_NONE);
	assert_int_equal(o.delivered.raw, 500); /* raw: value */
	assert_true(o.has_tag && o.tag == 77 && o.ledger == 9);
	json_object_set_new(j, "validated", json_false());
	judge(j, ERR_STATE);
	judge(answer("Payment", "tesSUCCESS", SHOP, json_string("unavailable")), ERR_INVALID);
	judge(answer("Payment", "tesSUCCESS", SHOP, json_object()), ERR_INVALID);
	judge(answer("Payment", "tesSUCCESS", BUYER, json_string("5")), ERR_INVALID);
	judge(answer("Payment", "tecNO_DST", SHOP, json_string("5")), ERR_INVALID);
	judge(answer("EscrowFinish", "tesSUCCESS", SHOP, json_string("5")), ERR_INVALID);
	judge(json_object(), ERR_STATE);
}

static json_t *row(const char *from, const char *result, const char *type, const char *data,
		   const char *drops)
{
	return json_pack("{s:b, s:{s:s, s:s, s:s, s:[{s:{s:s, s:s}}]}, s:{s:s, s:s}}", "validated",
			 1, "tx_json", "TransactionType", "Payment", "Account", from, "Destination",
			 BUYER, "Memos", "Memo", "MemoType", type, "MemoData", data, "meta",
			 "TransactionResult", result, "delivered_amount", drops);
}

static void earlier_refunds_are_counted(void **state)
{
	struct refund_original o = {.to = account(SHOP), .from = account(BUYER)};
	struct drops sum = drops_of(0);
	struct {
		json_t *j;
		uint64_t sum; /* after it */
	} rows[] = {
	    {row(SHOP, "tesSUCCESS", TYPE, HASH, "30"), 30},
	    {row(SHOP, "tecUNFUNDED_PAYMENT", TYPE, HASH, "30"), 30},
	    {row(BUYER, "tesSUCCESS", TYPE, HASH, "30"), 30}, /* by somebody else */
	    {row(SHOP, "tesSUCCESS", "6D656D6F", HASH, "30"), 30},
	    {row(SHOP, "tesSUCCESS", TYPE, "00", "30"), 30},
	    {row(SHOP, "tesSUCCESS", TYPE, HASH, "12"), 42},
	};
	json_t *bad;

	(void)state;
	assert_true(hex_decode(o.hash.b, 32, HASH, 64));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(refund_count(&sum, rows[i].j, &o, NULL), ERR_NONE);
		assert_int_equal(sum.raw, rows[i].sum); /* raw: value */
		json_decref(rows[i].j);
	}
	bad = row(SHOP, "tesSUCCESS", TYPE, HASH, "unavailable");
	assert_int_equal(refund_count(&sum, bad, &o, NULL), ERR_UNAVAILABLE);
	json_object_del(bad, "validated");
	assert_int_equal(refund_count(&sum, bad, &o, NULL), ERR_UNAVAILABLE);
	json_decref(bad);
}

static void history_has_no_gap(void **state)
{
	(void)state;
	assert_true(refund_history_whole("1-7", 1, 7));
	assert_true(refund_history_whole("1-3,5-9", 5, 9));
	assert_true(refund_history_whole("4", 4, 4));
	assert_false(refund_history_whole("1-3,5-9", 3, 5));
	assert_false(refund_history_whole("2-7", 1, 7));
	assert_false(refund_history_whole("1-7", 1, 8));
	assert_false(refund_history_whole("empty", 1, 1));
	assert_false(refund_history_whole("", 1, 1));
}

/* Some tools of one wallet, each with what it has read and signed; a ledger that takes a Sequence
 * once, in any order, or drops what it is sent. */
struct tool {
	bool signed_one;
	uint32_t seq, last;
	struct drops amount;
};

static bool refund_once(struct rng *r, const struct refund_original *o)
{
	struct tool tools[3] = {{0}};
	struct drops back = drops_of(0), amount, wanted;
	uint32_t seq = 1, ledger = 1, steps = 2 + (uint32_t)rng_below(r, 12);
	bool any = false;

	for (; steps; steps--) {
		struct tool *t = &tools[rng_below(r, 3)];

		wanted = drops_of(1 + rng_below(r, 60));
		switch (rng_below(r, 4)) {
		case 0: /* reads the ledger, decides, signs, and perhaps forgets an earlier one */
			if (refund_decide(&amount, o, back, rng_below(r, 2) ? &wanted : NULL,
					  NULL) == ERR_NONE)
				*t = (struct tool){true, seq,
						   ledger + 1 + (uint32_t)rng_below(r, 3), amount};
			break;
		case 1: /* what it has sent comes through, now or later, once or again */
			if (t->signed_one && t->seq == seq && t->last >= ledger) {
				assert_true(drops_add(&back, back, t->amount));
				seq++;
				any = true;
			}
			break;
		case 2: /* something else of the wallet */
			seq += rng_below(r, 4) == 0;
			break;
		default:
			ledger++;
		}
	}
	assert_true(drops_cmp(back, o->delivered) <= 0);
	return any;
}

static void never_more_than_was_paid(void **state)
{
	struct refund_original o = {.delivered = drops_of(100)};
	struct rng r;
	uint64_t some = 0;

	(void)state;
	rng_init(&r, 86);
	for (uint64_t i = 0; i < sequences; i++) {
		o.delivered = drops_of(1 + rng_below(&r, 120));
		some += refund_once(&r, &o);
	}
	assert_true(some > sequences / 4);
}

static void decisions(void **state)
{
	struct refund_original o = {.delivered = drops_of(100)};
	struct drops got, want = drops_of(40);
	struct why why;

	(void)state;
	assert_int_equal(refund_decide(&got, &o, drops_of(60), &want, &why), ERR_NONE);
	assert_int_equal(refund_decide(&got, &o, drops_of(61), &want, &why), ERR_RANGE);
	assert_int_equal(refund_decide(&got, &o, drops_of(61), NULL, &why), ERR_NONE);
	assert_int_equal(got.raw, 39); /* raw: value */
	assert_int_equal(refund_decide(&got, &o, drops_of(100), NULL, &why), ERR_RANGE);
	assert_int_equal(refund_decide(&got, &o, drops_of(101), NULL, &why), ERR_RANGE);
	want = drops_of(0);
	assert_int_equal(refund_decide(&got, &o, drops_of(0), &want, &why), ERR_RANGE);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_what_was_paid_here),
	    cmocka_unit_test(earlier_refunds_are_counted),
	    cmocka_unit_test(history_has_no_gap),
	    cmocka_unit_test(decisions),
	    cmocka_unit_test(never_more_than_was_paid),
	};
	struct why why;

	if (argc > 1)
		sequences = strtoull(argv[1], NULL, 10);
	if (crypto_init(&why) != ERR_NONE)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
