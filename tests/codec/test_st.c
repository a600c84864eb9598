/* SPDX-License-Identifier: ISC */
#include "base/limits.h"
#include "codec/amount.h"
#include "codec/format.h"
#include "tests/codec/support.h"

/* Objects in memory and in binary: building, reading, order, and each class of refusal. */

static const char *reason; /* of the last refusal */

static enum err refused(const char *hex)
{
	static struct why why;
	enum err e;

	why.text[0] = '\0';
	e = error_of_hex(&why, hex);
	reason = why.text;
	return e;
}

static void tables_answer(void **state)
{
	uint16_t code;
	uint32_t permission;
	int result;

	(void)state;
	assert_int_equal(sfFlags, 0x20002);
	assert_int_equal(sf_by_name("Account", 7), sfAccount);
	assert_int_equal(sf_by_name("Accoun", 6), sfInvalid);
	assert_int_equal(sf_by_name("Account\0", 8), sfInvalid);
	assert_int_equal(sf_by_name("hash", 4), sfInvalid);
	assert_string_equal(sf_name(sfTxnSignature), "TxnSignature");
	assert_null(sf_name((enum sf)0x2FFFF));
	assert_false(sf_known((enum sf)0xFF0001));
	assert_false(sf_signing(sfTxnSignature));
	assert_false(sf_signing(sfSigners));
	assert_true(sf_signing(sfSigningPubKey));
	assert_int_equal(sf_meta(sfFlags), SF_META_DEFAULT);
	assert_int_equal(sf_meta(sfLedgerEntryType), SF_META_NEVER);
	assert_int_equal(sf_meta(sfIndexes), SF_META_NEVER);
	assert_int_equal(sf_meta(sfRootIndex), SF_META_ALWAYS);
	assert_int_equal(sf_meta(sfPreviousTxnID), SF_META_DELETE_FINAL);
	assert_int_equal(sf_meta(sfPreviousTxnLgrSeq), SF_META_DELETE_FINAL);
	assert_true(sf_decimal(sfMaximumAmount));
	assert_false(sf_decimal(sfOwnerNode));
	assert_string_equal(tx_type_name(ttPayment), "Payment");
	assert_null(tx_type_name(9999));
	assert_true(tx_type_by_name(&code, "UNLModify", 9) && code == 102);
	assert_true(entry_type_by_name(&code, "AccountRoot", 11) && code == 0x61);
	assert_string_equal(result_name(0), "tesSUCCESS");
	assert_string_equal(result_name(-273), "temDISABLED");
	assert_true(result_by_name(&result, "tecPATH_DRY", 11) && result == 128);
	assert_string_equal(result_text(100), "Fee claimed. Sequence used. No action.");
	assert_string_equal(permission_name(1), "Payment");
	assert_true(permission_by_name(&permission, "PaymentMint", 11) && permission == 65545);
	assert_null(permission_name(0));
	assert_int_equal(flags_without(lsfDisableMaster | lsfNoFreeze, lsfNoFreeze),
			 lsfDisableMaster);
}

static void fields_stand_in_order_however_they_are_set(void **state)
{
	struct arena a = ARENA_INIT;
	struct st_object *o = st_new(&a);
	struct account_id id = {.b = {1, 2, 3}};
	struct account_id got;
	uint32_t u;

	(void)state;
	st_set_account(o, sfAccount, &id);
	st_set_u(o, sfSequence, 7);
	st_set_drops(o, sfFee, drops_of(10));
	st_set_u(o, sfTransactionType, ttPayment);
	st_set_u(o, sfSequence, 8); /* replaces */
	st_set_i(o, sfLoanScale, -2);
	assert_int_equal(o->n, 5);
	assert_string_equal(hex_of(&a, encoded(&a, o, ST_ALL)),
			    "12000024000000086840000000000000"
			    "0A81140102030000000000000000000000000000000000A1FFFFFFFE");
	assert_true(st_get_u32(o, sfSequence, &u) && u == 8);
	assert_true(st_get_account(o, sfAccount, &got) && account_eq(&id, &got));
	assert_false(st_get_u32(o, sfFlags, &u));
	assert_int_equal(st_u32_or(o, sfFlags, 99), 99);
	st_remove(o, sfSequence);
	st_remove(o, sfSequence);
	assert_false(st_has(o, sfSequence));
	assert_int_equal(o->n, 4);
	arena_close(&a);
}

static void more_fields_than_the_first_room(void **state)
{
	static const enum sf some[] = {
#define F(name, type, ...) name,
#include "codec/fields.def"
#undef F
	};
	struct arena a = ARENA_INIT;
	struct st_object *o = st_new(&a), *back;
	struct why why;
	struct bytes first;
	size_t n = 0;

	(void)state;
	for (size_t i = sizeof(some) / sizeof(some[0]); i-- > 0;) {
		if (sf_type(some[i]) != ST_UINT32 || some[i] == sfPermissionValue)
			continue;
		st_set_u(o, some[i], i);
		n++;
	}
	assert_true(n > 60);
	assert_int_equal(o->n, n);
	first = encoded(&a, o, ST_ALL);
	assert_int_equal(st_decode(&back, &a, first, &why), ERR_NONE);
	assert_true(st_eq(o, back));
	assert_true(st_eq(o, st_copy(&a, back)));
	arena_close(&a);
}

static void nested_parts(void **state)
{
	struct arena a = ARENA_INIT, b = ARENA_INIT;
	struct st_object *o = st_new(&a), *memo, *back, *copy;
	struct st_array *memos = st_set_array(o, sfMemos);
	struct why why;
	struct bytes raw;

	(void)state;
	for (uint8_t i = 0; i < 9; i++) {
		memo = st_array_add(memos, &a, sfMemo);
		st_set_raw(memo, sfMemoData, bytes_of(&i, 1));
	}
	st_set_object(o, sfBook, st_new(&a));
	assert_int_equal(st_decode(&back, &a, encoded(&a, o, ST_ALL), &why), ERR_NONE);
	assert_int_equal(st_get_array(back, sfMemos)->n, 9);
	assert_non_null(st_get_object(back, sfBook));
	copy = st_copy(&b, back);
	assert_true(st_eq(copy, o));
	arena_close(&a); /* the copy owns its bytes */
	assert_true(st_get_raw(st_get_array(copy, sfMemos)->e[8].object, sfMemoData, &raw));
	assert_int_equal(raw.n, 1);
	assert_int_equal(raw.p[0], 8);
	arena_close(&b);
}

static void what_is_signed(void **state)
{
	struct arena a = ARENA_INIT;
	struct st_object *o;

	(void)state;
	o = from_text(&a, "{'TransactionType':'Payment','SigningPubKey':'','TxnSignature':'AB',"
			  "'Signers':[],'Memos':[{'Memo':{'MemoData':'01'}}]}");
	assert_string_equal(hex_of(&a, encoded(&a, o, ST_SIGNING)), "1200007300F9EA7D0101E1F1");
	assert_string_equal(hex_of(&a, encoded(&a, o, ST_ALL)),
			    "12000073007401ABF3F1F9EA7D0101E1F1");
	arena_close(&a);
}

static void length_prefixes(void **state)
{
	static const size_t edges[] = {0, 1, 192, 193, 12480, 12481, VL_MAX};
	static const size_t sizes[] = {1, 1, 1, 2, 2, 3, 3};

	(void)state;
	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		struct buf b = BUF_INIT;
		struct cursor c;
		size_t n;

		st_encode_length(&b, edges[i]);
		assert_int_equal(b.n, sizes[i]);
		c = cursor_of(buf_bytes(&b));
		assert_int_equal(st_decode_length(&c, &n), ERR_NONE);
		assert_int_equal(n, edges[i]);
		assert_int_equal(c.left, 0);
		buf_close(&b);
	}
	for (unsigned first = 254; first < 256; first++) {
		const uint8_t above[] = {(uint8_t)first, 0xFF, 0xFF};
		struct cursor c = cursor_of(bytes_of(above, sizeof(above)));
		size_t n;

		assert_int_equal(st_decode_length(&c, &n), ERR_RANGE);
	}
}

static void order_and_duplicates_are_refused(void **state)
{
	(void)state;
	assert_int_equal(refused("2400000001220000000"
				 "0"),
			 ERR_ORDER);
	assert_string_equal(reason, "Flags at byte 6: field out of order");
	assert_int_equal(refused("22000000002200000000"), ERR_DUPLICATE);
	assert_string_equal(reason, "Flags at byte 6: field twice");
	/* Inside a nested object as well. */
	assert_int_equal(refused("EA7D01007C0100E1"), ERR_ORDER);
}

static void input_that_ends_early_is_refused(void **state)
{
	(void)state;
	assert_int_equal(refused("22000000"), ERR_SHORT);
	assert_string_equal(reason, "Flags at byte 1: cut short");
	assert_int_equal(refused("20"), ERR_SHORT);
	assert_int_equal(refused("7D05AABB"), ERR_SHORT);
	assert_string_equal(reason, "MemoData at byte 2: longer than the input");
	assert_int_equal(refused("7DC1"), ERR_SHORT);
	assert_int_equal(refused("EA7D0100"), ERR_SHORT);
	assert_int_equal(refused("F9EA7D0100E1"), ERR_SHORT);
	assert_int_equal(refused("6140000000"), ERR_SHORT);
	assert_int_equal(refused("55AABB"), ERR_SHORT);
	assert_int_equal(refused("0112"), ERR_SHORT);
	assert_int_equal(refused("01124101"), ERR_INVALID);
	assert_int_equal(refused(""), ERR_NONE);
}

static void bad_headers_are_refused(void **state)
{
	(void)state;
	assert_int_equal(refused("200200000000"), ERR_INVALID); /* Flags in two bytes */
	assert_string_equal(reason, "at byte 2: field header longer than needed");
	assert_int_equal(refused("020200000000"), ERR_INVALID);
	assert_int_equal(refused("0000000000"), ERR_INVALID);
	assert_int_equal(refused("20FF00000000"), ERR_INVALID);
	assert_string_equal(reason, "at byte 2: unknown field");
	assert_int_equal(refused("C1"), ERR_INVALID);
}

static void stray_end_markers_and_trailing_bytes_are_refused(void **state)
{
	(void)state;
	assert_int_equal(refused("2200000000E1"), ERR_TRAILING);
	assert_int_equal(refused("2200000000E12400000001"), ERR_TRAILING);
	assert_int_equal(refused("2200000000F1"), ERR_INVALID);
	assert_int_equal(refused("EAF1"), ERR_INVALID);
	assert_int_equal(refused("F9E1"), ERR_INVALID);
	assert_int_equal(refused("F9220000000"
				 "0F1"),
			 ERR_INVALID);
	assert_string_equal(reason, "Memos at byte 2: array element is no known object");
	assert_int_equal(refused("220000000000"), ERR_SHORT); /* one byte behind */
}

static void deep_nesting_is_refused(void **state)
{
	struct arena a = ARENA_INIT;
	struct buf b = BUF_INIT;
	struct why why;
	struct st_object *o;

	(void)state;
	for (int i = 0; i < ST_DEPTH_MAX; i++)
		buf_put_u8(&b, 0xEA);
	for (int i = 0; i < ST_DEPTH_MAX; i++)
		buf_put_u8(&b, 0xE1);
	assert_int_equal(st_decode(&o, &a, buf_bytes(&b), &why), ERR_NONE);
	buf_clear(&b);
	for (int i = 0; i < 100000; i++)
		buf_put_u8(&b, 0xEA);
	assert_int_equal(st_decode(&o, &a, buf_bytes(&b), &why), ERR_DEPTH);
	buf_clear(&b);
	for (int i = 0; i < 100000; i++)
		buf_put(&b, "\xF9\xEA", 2);
	assert_int_equal(st_decode(&o, &a, buf_bytes(&b), &why), ERR_DEPTH);
	buf_close(&b);
	arena_close(&a);
}

static void too_many_elements_are_refused(void **state)
{
	struct arena a = ARENA_INIT;
	struct buf b = BUF_INIT;
	struct why why;
	struct st_object *o;

	(void)state;
	buf_put_u8(&b, 0xF9);
	for (int i = 0; i < ST_ARRAY_MAX; i++)
		buf_put(&b, "\xEA\xE1", 2);
	buf_put_u8(&b, 0xF1);
	assert_int_equal(st_decode(&o, &a, buf_bytes(&b), &why), ERR_NONE);
	b.n--;
	buf_put(&b, "\xEA\xE1\xF1", 3);
	assert_int_equal(st_decode(&o, &a, buf_bytes(&b), &why), ERR_TOO_LARGE);
	buf_close(&b);
	arena_close(&a);
}

#define ISSUER "0000000000000000000000000000000000000001"
#define USD    "0000000000000000000000005553440000000000"

static void bad_amounts_are_refused(void **state)
{
	(void)state;
	assert_int_equal(refused("61416345785D8A0000"), ERR_NONE); /* 10^17 */
	assert_int_equal(refused("61416345785D8A0001"), ERR_RANGE);
	assert_string_equal(reason, "Amount at byte 9: amount out of range");
	assert_int_equal(refused("610000000000000001"), ERR_NONE);    /* -1 */
	assert_int_equal(refused("610000000000000000"), ERR_INVALID); /* -0 */
	assert_int_equal(refused("61D4838D7EA4C68000" USD ISSUER), ERR_NONE);
	assert_int_equal(refused("618000000000000000" USD ISSUER), ERR_NONE);
	assert_int_equal(refused("61C000000000000000" USD ISSUER), ERR_INVALID); /* zero, signed */
	assert_int_equal(refused("61D4838D7EA4C67FFF" USD ISSUER), ERR_INVALID); /* 10^15 - 1 */
	assert_int_equal(refused("61D4A386F26FC10000" USD ISSUER), ERR_INVALID); /* 10^16 */
	assert_int_equal(refused("61C0038D7EA4C68000" USD ISSUER), ERR_RANGE);   /* 10^-97 */
	assert_int_equal(refused("61EC838D7EA4C68000" USD ISSUER), ERR_RANGE);   /* 10^81 */
	assert_int_equal(refused("61D4838D7EA4C68000" USD "00000000000000000000000000000000000000"
				 "00"),
			 ERR_INVALID);
	assert_int_equal(refused("61D4838D7EA4C68000"
				 "0000000000000000000000000000000000000000" ISSUER),
			 ERR_INVALID);
#define MPT "000000010000000000000000000000000000000000000001"
	assert_int_equal(refused("6160000000000000000A" MPT), ERR_NONE);
	assert_int_equal(refused("61607FFFFFFFFFFFFFFF" MPT), ERR_NONE);
	assert_int_equal(refused("61608000000000000000" MPT), ERR_RANGE);
	assert_int_equal(refused("61200000000000000000" MPT), ERR_INVALID);
	assert_int_equal(refused("6161000000000000000A" MPT), ERR_INVALID);
}

static void bad_leaves_are_refused(void **state)
{
	(void)state;
	assert_int_equal(refused("8113"
				 "00000000000000000000000000000000000000"),
			 ERR_INVALID);
	assert_string_equal(reason, "Account at byte 2: an account has 20 bytes");
	assert_int_equal(refused("8100"), ERR_NONE); /* the Account of UNLModify */
	assert_int_equal(refused("031321AA"), ERR_SHORT);
	assert_int_equal(refused("031301AA"), ERR_INVALID);
	assert_string_equal(reason, "Amendments at byte 3: length is no multiple of 32");
	assert_int_equal(refused("0112"
				 "01" ISSUER "00"),
			 ERR_NONE);
	assert_int_equal(refused("011200"), ERR_INVALID);
	assert_string_equal(reason, "Paths at byte 3: empty path");
	assert_int_equal(refused("0112"
				 "01" ISSUER "FF00"),
			 ERR_INVALID);
	assert_int_equal(refused("0112"
				 "02" ISSUER "00"),
			 ERR_INVALID);
	assert_int_equal(refused("0112"
				 "40" MPT "00"),
			 ERR_INVALID);
	assert_int_equal(refused("0318" USD "0000000000000000000000000000000000000000"),
			 ERR_INVALID);
	assert_int_equal(refused("0318" USD "0000000000000000000000000000000000000002"), ERR_NONE);
	assert_int_equal(refused("0318" USD ISSUER), ERR_SHORT); /* an MPT without its sequence */
	assert_int_equal(refused("0318" USD ISSUER "01000000"), ERR_NONE);
	assert_int_equal(refused("12FFFE"), ERR_INVALID);
	assert_string_equal(reason, "TransactionType at byte 3: unknown code");
	assert_int_equal(refused("11FFFF"), ERR_INVALID);
}

static void numbers_must_be_normal(void **state)
{
	(void)state;
	assert_int_equal(refused("920DE0B6B3A764000000000000"), ERR_NONE);
	assert_int_equal(refused("92000000000000000080000000"), ERR_NONE); /* zero */
	assert_int_equal(refused("92000000000000000000000000"), ERR_INVALID);
	assert_int_equal(refused("92000000000000000100000000"), ERR_INVALID);
	assert_int_equal(refused("920CCCCCCCCCCCCCCC00000000"), ERR_INVALID); /* fits tenfold */
	assert_int_equal(refused("920CCCCCCCCCCCCCCD00000000"), ERR_NONE);    /* does not */
	assert_int_equal(refused("92800000000000000000000000"), ERR_INVALID);
	assert_int_equal(refused("920DE0B6B3A764000000008001"), ERR_RANGE);
}

static void defaults(void **state)
{
	static const char *const yes =
	    "{'Flags':0,'EmailHash':'','MemoData':'','Balance':'0','Memos':[],'Book':{},"
	    "'Amendments':[],'AssetsTotal':'0','Asset':{'currency':'XRP'}}";
	static const char *const no =
	    "{'Flags':1,'EmailHash':'01000000000000000000000000000000','MemoData':'00',"
	    "'Balance':'1','Memos':[{'Memo':{}}],'Book':{'Flags':0},'AssetsTotal':'1',"
	    "'Amount':{'currency':'USD','issuer':'rrrrrrrrrrrrrrrrrrrrBZbvji','value':'0'}}";
	struct arena a = ARENA_INIT;
	struct st_object *o = from_text(&a, yes);

	(void)state;
	for (uint32_t i = 0; i < o->n; i++)
		assert_true(st_value_is_default(&o->v[i]));
	o = from_text(&a, no);
	for (uint32_t i = 0; i < o->n; i++)
		assert_false(st_value_is_default(&o->v[i]));
	arena_close(&a);
}

static enum err format_error(const char *text, char *out)
{
	struct arena a = ARENA_INIT;
	struct why why = {{0}};
	struct st_object *o = from_text(&a, text);
	enum err e = st_has(o, sfTransactionType) ? tx_format_check(o, &why)
						  : entry_format_check(o, &why);

	strcpy(out, why.text);
	arena_close(&a);
	return e;
}

static void formats_are_checked(void **state)
{
	char why[WHY_MAX];

	(void)state;
#define COMMON "'Account':'','Fee':'1','Sequence':1,'SigningPubKey':'','TransactionType':"
	assert_int_equal(format_error("{" COMMON "'Payment','Destination':'','Amount':'1'}", why),
			 ERR_NONE);
	assert_int_equal(format_error("{" COMMON "'Payment','Amount':'1'}", why), ERR_ABSENT);
	assert_string_equal(why, "Payment: Destination is missing");
	assert_int_equal(
	    format_error("{" COMMON "'OfferCancel','OfferSequence':1,'Domain':''}", why),
	    ERR_INVALID);
	assert_string_equal(why, "OfferCancel: Domain does not belong to the type");
	assert_int_equal(format_error("{'LedgerEntryType':'MPToken','Flags':0,'Account':'',"
				      "'MPTokenIssuanceID':'','OwnerNode':'0','MPTAmount':'0',"
				      "'PreviousTxnID':'0000000000000000000000000000000000000000"
				      "000000000000000000000000','PreviousTxnLgrSeq':1}",
				      why),
			 ERR_INVALID);
	assert_string_equal(why, "MPToken: MPTAmount has its default value, so it must be absent");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tables_answer),
	    cmocka_unit_test(fields_stand_in_order_however_they_are_set),
	    cmocka_unit_test(more_fields_than_the_first_room),
	    cmocka_unit_test(nested_parts),
	    cmocka_unit_test(what_is_signed),
	    cmocka_unit_test(length_prefixes),
	    cmocka_unit_test(order_and_duplicates_are_refused),
	    cmocka_unit_test(input_that_ends_early_is_refused),
	    cmocka_unit_test(bad_headers_are_refused),
	    cmocka_unit_test(stray_end_markers_and_trailing_bytes_are_refused),
	    cmocka_unit_test(deep_nesting_is_refused),
	    cmocka_unit_test(too_many_elements_are_refused),
	    cmocka_unit_test(bad_amounts_are_refused),
	    cmocka_unit_test(bad_leaves_are_refused),
	    cmocka_unit_test(numbers_must_be_normal),
	    cmocka_unit_test(defaults),
	    cmocka_unit_test(formats_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
