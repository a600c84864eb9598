/* SPDX-License-Identifier: ISC */
#include "base/limits.h"
#include "codec/amount.h"
#include "codec/number.h"
#include "crypto/base58.h"
#include "tests/codec/support.h"

#include <stdio.h>

/* JSON both ways, X-addresses, texts of amounts and numbers, bounded parsing. */

#define GENESIS "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh"
#define ONE     "rrrrrrrrrrrrrrrrrrrrBZbvji"

static const char *reason; /* of the last refusal */

static enum err refused(const char *text)
{
	static struct why why;
	enum err e;

	why.text[0] = '\0';
	e = error_of_text(&why, text);
	reason = why.text;
	return e;
}

/* Reads `in`, goes through bytes, and shows it again. */
static void shows(const char *in, const char *out)
{
	struct arena a = ARENA_INIT;
	struct st_object *o = from_text(&a, in), *back;
	struct why why = {{0}};
	char want[1024];

	snprintf(want, sizeof(want), "%s", out);
	for (char *p = want; *p; p++) {
		if (*p == '\'')
			*p = '"';
	}
	if (st_decode(&back, &a, encoded(&a, o, ST_ALL), &why))
		fail_msg("%s", why.text);
	assert_true(st_eq(o, back));
	assert_string_equal(text_of(&a, back), want);
	arena_close(&a);
}

static void values_of_every_type(void **state)
{
	(void)state;
	shows("{'TickSize':5,'TransferFee':65535,'Flags':4294967295}",
	      "{'TransferFee':65535,'Flags':4294967295,'TickSize':5}");
	shows("{'Flags':'7'}", "{'Flags':7}");
	shows("{'OwnerNode':'a','IndexNext':12}",
	      "{'IndexNext':'000000000000000C','OwnerNode':'000000000000000A'}");
	shows("{'MaximumAmount':'18446744073709551615'}",
	      "{'MaximumAmount':'18446744073709551615'}");
	shows("{'LoanScale':-3}", "{'LoanScale':-3}");
	shows("{'LoanScale':'-2147483648'}", "{'LoanScale':-2147483648}");
	shows("{'TransactionType':0,'LedgerEntryType':'97'}",
	      "{'LedgerEntryType':'AccountRoot','TransactionType':'Payment'}");
	shows("{'TransactionResult':'tecPATH_DRY','PermissionValue':'PaymentMint'}",
	      "{'PermissionValue':'PaymentMint','TransactionResult':'tecPATH_DRY'}");
	shows("{'PermissionValue':1}", "{'PermissionValue':'Payment'}");
	shows("{'EmailHash':'','TakerPaysCurrency':''}",
	      "{'EmailHash':'','TakerPaysCurrency':'0000000000000000000000000000000000000000'}");
	shows("{'MemoData':'abCD','Domain':''}", "{'Domain':'','MemoData':'ABCD'}");
	shows("{'Account':'','RegularKey':'0000000000000000000000000000000000000001'}",
	      "{'Account':'rrrrrrrrrrrrrrrrrrrrrhoLvTp','RegularKey':'" ONE "'}");
	shows("{'Hashes':[]}", "{'Hashes':[]}");
	shows("{'BaseAsset':'XRP','QuoteAsset':'USD'}", "{'BaseAsset':'XRP','QuoteAsset':'USD'}");
	shows("{'Memos':[{'Memo':{'MemoData':'01'}},{'Memo':{}}]}",
	      "{'Memos':[{'Memo':{'MemoData':'01'}},{'Memo':{}}]}");
	shows("{'Paths':[[{'account':'" ONE "','type':1}],[{'currency':'XRP'},"
	      "{'currency':'USD','issuer':'" ONE "'}]]}",
	      "{'Paths':[[{'account':'" ONE "'}],[{'currency':'XRP'},{'issuer':'" ONE
	      "','currency':'USD'}]]}");
}

/* Servers write 64-bit numbers short, in lower case, wherever they are. */
static void numbers_of_servers(void **state)
{
	static const char text[] =
	    "{\"AffectedNodes\":[{\"CreatedNode\":{\"NewFields\":{\"OwnerNode\":\"1F\"}}}],"
	    "\"IndexNext\":\"FEDCBA9876543210\",\"IndexPrevious\":\"0\",\"MPTAmount\":\"31\"}";
	static const char wanted[] =
	    "{\"IndexNext\":\"fedcba9876543210\",\"IndexPrevious\":\"0\",\"MPTAmount\":\"31\","
	    "\"AffectedNodes\":[{\"CreatedNode\":{\"NewFields\":{\"OwnerNode\":\"1f\"}}}]}";
	json_t *in = json_loads(text, 0, NULL), *out, *value;
	struct arena a = ARENA_INIT;
	struct st_object *o;
	char *shown;

	(void)state;
	assert_int_equal(st_from_json(&o, &a, in, NULL), ERR_NONE);
	out = st_to_server_json(o);
	shown = json_dumps(out, JSON_COMPACT);
	assert_string_equal(shown, wanted);
	value = st_value_to_server_json(st_find(o, sfIndexNext));
	assert_string_equal(json_string_value(value), "fedcba9876543210");
	free(shown);
	json_decref(value);
	json_decref(out);
	json_decref(in);
	arena_close(&a);
}

static void assets_and_bridges(void **state)
{
	static const char *const bridge = "{'XChainBridge':{'LockingChainDoor':'" GENESIS
					  "','LockingChainIssue':"
					  "{'currency':'XRP'},'IssuingChainDoor':'" GENESIS
					  "','IssuingChainIssue':{'mpt_issuance_id':"
					  "'00000002430427B80BD2D09D36B70B969E12801065F22308'}}}";

	(void)state;
	shows("{'Asset':{'currency':'XRP'}}", "{'Asset':{'currency':'XRP'}}");
	shows("{'Asset':{'currency':'USD','issuer':'" GENESIS "'}}",
	      "{'Asset':{'currency':'USD','issuer':'" GENESIS "'}}");
	shows(bridge, bridge);
	assert_int_equal(refused("{'Asset':{'currency':'USD'}}"), ERR_INVALID);
	assert_string_equal(reason, "Asset: issuer is missing");
	assert_int_equal(refused("{'Asset':{'currency':'XRP','issuer':'" GENESIS "'}}"),
			 ERR_INVALID);
	assert_int_equal(refused("{'Asset':{'currency':'USD','issuer':'" ONE "'}}"), ERR_INVALID);
	assert_int_equal(refused("{'XChainBridge':{}}"), ERR_INVALID);
	assert_int_equal(refused("{'Paths':[]}"), ERR_INVALID);
	assert_int_equal(refused("{'Paths':[[]]}"), ERR_INVALID);
	assert_int_equal(refused("{'Paths':[[{'type':1}]]}"), ERR_INVALID);
	assert_string_equal(reason, "Paths[0][0]: not a path element");
}

static void refusals_name_the_path(void **state)
{
	(void)state;
	assert_int_equal(refused("{'Memos':[{'Memo':{'MemoData':'012'}}]}"), ERR_INVALID);
	assert_string_equal(reason, "Memos[0].Memo.MemoData: odd number of hex digits");
	assert_int_equal(refused("{'Memos':[{'Memo':{}},{'Memo':{'Bogus':1}}]}"), ERR_INVALID);
	assert_string_equal(reason, "Memos[1].Memo.Bogus: unknown field");
	assert_int_equal(refused("{'Amount':{'currency':'USD','issuer':'" ONE "','value':'1x'}}"),
			 ERR_INVALID);
	assert_string_equal(reason, "Amount.value: not a decimal number");
	assert_int_equal(refused("{'Amount':{'currency':'U','issuer':'" ONE "','value':'1'}}"),
			 ERR_INVALID);
	assert_string_equal(reason, "Amount.currency: not a currency");
	assert_int_equal(refused("[]"), ERR_INVALID);
	assert_string_equal(reason, "not an object");
	assert_int_equal(refused("{'Memos':{}}"), ERR_INVALID);
	assert_int_equal(refused("{'Memos':[{}]}"), ERR_INVALID);
	assert_int_equal(refused("{'Memos':[{'Flags':{}}]}"), ERR_INVALID);
	assert_int_equal(refused("{'Memos':[{'Memo':{},'Signer':{}}]}"), ERR_INVALID);
	assert_int_equal(refused("{'Book':[]}"), ERR_INVALID);
}

static void numbers_out_of_range(void **state)
{
	static const char *const wrong[] = {
	    "{'TickSize':256}",
	    "{'TickSize':-1}",
	    "{'TickSize':'5'}",
	    "{'TickSize':1.5}",
	    "{'TransferFee':65536}",
	    "{'Flags':4294967296}",
	    "{'Flags':'4294967296'}",
	    "{'Flags':'0x10'}",
	    "{'Flags':' 1'}",
	    "{'Flags':''}",
	    "{'Flags':null}",
	    "{'OwnerNode':'11112222333344445'}",
	    "{'OwnerNode':'xyz'}",
	    "{'OwnerNode':''}",
	    "{'OwnerNode':9007199254740993}",
	    "{'OwnerNode':-1}",
	    "{'MPTAmount':'18446744073709551616'}",
	    "{'MPTAmount':'1A'}",
	    "{'LoanScale':2147483648}",
	    "{'LoanScale':'-2147483649'}",
	    "{'LoanScale':''}",
	    "{'Balance':'100000000000000001'}",
	    "{'Balance':'-1'}",
	    "{'Balance':'1.0'}",
	    "{'Balance':''}",
	    "{'Balance':1}",
	    "{'TransactionType':'Nothing'}",
	    "{'TransactionType':65535}",
	    "{'TransactionType':'Invalid'}",
	    "{'TransactionType':'00'}",
	    "{'TransactionResult':'temMALFORMED'}",
	    "{'AssetsTotal':1}",
	    "{'AssetsTotal':'1.'}",
	    "{'AssetsTotal':'.5'}",
	    "{'AssetsTotal':'1e40000'}",
	    "{'LedgerHash':'00'}",
	    "{'LedgerHash':''}",
	    "{'Account':'rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTi'}",
	    "{'Account':5}",
	    "{'Generic':1}",
	    "{'ObjectEndMarker':{}}",
	    "{'':1}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (refused(wrong[i]) == ERR_NONE)
			fail_msg("taken: %s", wrong[i]);
	}
}

static void members_that_are_passed_over(void **state)
{
	(void)state;
	shows("{'hash':'x','date':7,'_a':{},'Transaction':1,'Invalid':2,'Flags':1}", "{'Flags':1}");
}

static void x_addresses(void **state)
{
	struct x_address with = {.has_tag = true, .tag = 4294967295u}, without = {.test = true};
	char x[X_ADDRESS_TEXT_MAX], plain[X_ADDRESS_TEXT_MAX], text[512];

	(void)state;
	assert_int_equal(account_parse(&with.account, GENESIS), ERR_NONE);
	without.account = with.account;
	x_address_encode(x, &with);
	x_address_encode(plain, &without);

	snprintf(text, sizeof(text), "{'Account':'%s','Destination':'%s'}", plain, x);
	shows(text,
	      "{'DestinationTag':4294967295,'Account':'" GENESIS "','Destination':'" GENESIS "'}");
	snprintf(text, sizeof(text), "{'Account':'%s'}", x);
	shows(text, "{'SourceTag':4294967295,'Account':'" GENESIS "'}");
	snprintf(text, sizeof(text), "{'Destination':'%s','DestinationTag':1}", plain);
	shows(text, "{'DestinationTag':1,'Destination':'" GENESIS "'}");
	snprintf(text, sizeof(text), "{'RegularKey':'%s'}", plain);
	shows(text, "{'RegularKey':'" GENESIS "'}");

	snprintf(text, sizeof(text), "{'Destination':'%s','DestinationTag':4294967295}", x);
	assert_int_equal(refused(text), ERR_DUPLICATE);
	snprintf(text, sizeof(text), "{'RegularKey':'%s'}", x);
	assert_int_equal(refused(text), ERR_INVALID);
	assert_string_equal(reason, "RegularKey: only Account and Destination may have a tag");
	snprintf(text, sizeof(text), "{'hash':'%s'}", x);
	assert_int_equal(refused(text), ERR_INVALID);
	x[5] = x[5] == 'a' ? 'b' : 'a';
	snprintf(text, sizeof(text), "{'Destination':'%s'}", x);
	assert_int_equal(refused(text), ERR_INVALID);
}

static void the_account_of_unl_modify_is_empty(void **state)
{
	struct arena a = ARENA_INIT;
	struct st_object *o = from_text(&a, "{'TransactionType':'UNLModify','Account':'" ONE "'}");
	struct account_id id;

	(void)state;
	assert_string_equal(hex_of(&a, encoded(&a, o, ST_ALL)), "1200668100");
	assert_true(st_get_account(o, sfAccount, &id));
	assert_string_equal(account_text(&id).s, "rrrrrrrrrrrrrrrrrrrrrhoLvTp");
	arena_close(&a);
}

static void nesting_in_json_is_bounded(void **state)
{
	char text[4096];
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 12; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "{'Book':");
	n += (size_t)snprintf(text + n, sizeof(text) - n, "{}");
	for (int i = 0; i < 12; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "}");
	assert_int_equal(refused(text), ERR_DEPTH);
}

static void iou_texts(void **state)
{
	static const char *const rows[][2] = {
	    {"1", "1"},
	    {"-1.50", "-1.5"},
	    {"+7", "7"},
	    {".5", "0.5"},
	    {"5.", "5"},
	    {"0001.1000", "1.1"},
	    {"123e-3", "0.123"},
	    {"1E3", "1000"},
	    {"9999999999999999e3", "9999999999999999000"},
	    {"-0", "0"},
	    {"0e999999999999999999999", "0"},
	    {"1234567890.123456", "1234567890.123456"},
	};
	static const char *const wrong[] = {"",  "-",    ".",  "e5", "1e",  "1e+",  "1.2.3",
					    "x", "0x10", "1 ", " 1", "--1", "1e5e5"};
	static const char *const far[] = {"12345678901234567", "1e96", "1e-82",
					  "1e99999999999999999999",
					  "0.00000000000000000000012345678901234567"};
	char text[AMOUNT_TEXT_MAX];
	struct amount a = {.kind = AMOUNT_IOU};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(amount_parse_iou(&a, rows[i][0], strlen(rows[i][0])), ERR_NONE);
		amount_value_text(text, &a);
		assert_string_equal(text, rows[i][1]);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(amount_parse_iou(&a, wrong[i], strlen(wrong[i])), ERR_INVALID);
	for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++)
		assert_int_equal(amount_parse_iou(&a, far[i], strlen(far[i])), ERR_RANGE);
	/* The longest texts fit. */
	assert_int_equal(amount_parse_iou(&a, "-9999999999999999e80", 20), ERR_NONE);
	amount_value_text(text, &a);
	assert_int_equal(strlen(text), 1 + 96);
	assert_int_equal(amount_parse_iou(&a, "-9999999999999999e-96", 21), ERR_NONE);
	amount_value_text(text, &a);
	assert_int_equal(strlen(text), 3 + 96);
}

static void normalizing_truncates(void **state)
{
	struct amount a = {.kind = AMOUNT_IOU, .mantissa = 12345678901234567899ull};
	struct amount small = {.kind = AMOUNT_IOU, .mantissa = 5, .exponent = -96};
	struct amount large = {
	    .kind = AMOUNT_IOU, .mantissa = 99999999999999999ull, .exponent = 80};
	struct amount one = {.kind = AMOUNT_IOU, .mantissa = 1, .negative = true};
	struct amount up = {.kind = AMOUNT_IOU, .mantissa = 1, .exponent = 95};
	struct amount far = {.kind = AMOUNT_IOU, .mantissa = 1, .exponent = 96};

	(void)state;
	assert_int_equal(amount_normalize(&a), ERR_NONE);
	assert_int_equal(a.mantissa, 1234567890123456ull);
	assert_int_equal(a.exponent, 4);
	assert_int_equal(amount_normalize(&small), ERR_NONE);
	assert_true(amount_is_zero(&small) && small.exponent == -100);
	assert_int_equal(amount_normalize(&large), ERR_OVERFLOW);
	assert_int_equal(amount_normalize(&one), ERR_NONE);
	assert_true(one.mantissa == IOU_MANTISSA_MIN && one.exponent == -15 && one.negative);
	assert_int_equal(amount_normalize(&up), ERR_NONE);
	assert_int_equal(up.exponent, 80);
	assert_int_equal(amount_normalize(&far), ERR_OVERFLOW);
}

static void currencies(void **state)
{
	static const char *const good[] = {"USD", "a?b", "XRP",
					   "0158415500000000C1F76FF6ECB0BAC600000000",
					   "0000000000000000000000005852500000000000"};
	static const char *const bad[] = {
	    "", "US", "USDX", "US ", "\xC3\xA9x", "0158415500000000c1f76ff6ecb0bac600000000"};
	char text[CURRENCY_TEXT_MAX];
	struct currency c;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(currency_parse(&c, good[i], strlen(good[i])), ERR_NONE);
		currency_text(text, &c);
		assert_string_equal(text, good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(currency_parse(&c, bad[i], strlen(bad[i])), ERR_INVALID);
}

static void number_texts(void **state)
{
	static const char *const rows[][2] = {
	    {"0", "0"},
	    {"-0", "0"},
	    {"123.45", "123.45"},
	    {"-1000", "-1000"},
	    {"1e-10", "0.0000000001"},
	    {"1e-11", "1e-11"},
	    {"1e10", "10000000000"},
	    {"1e11", "1e11"},
	    {"1.5e30", "15e29"},
	    {"9223372036854775807", "9223372036854775807"},
	    {"9223372036854775808", "9223372036854775810"},
	    {"9999999999999999999", "1e19"},
	    {"99999999999999999999", "1e20"},
	    {"12345678901234567894", "1234567890123456789e1"},
	    {"12345678901234567895", "123456789012345679e2"},
	    {"1e32786", "1000000000000000000e32768"},
	    {"1e-32750", "1e-32750"},
	};
	char text[NUMBER_TEXT_MAX];
	struct number n;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t raw[NUMBER_BYTES];
		struct number back;

		assert_int_equal(number_parse(&n, rows[i][0], strlen(rows[i][0])), ERR_NONE);
		number_encode(raw, &n);
		assert_int_equal(number_decode(&back, bytes_of(raw, sizeof(raw))), ERR_NONE);
		number_text(text, &back);
		assert_string_equal(text, rows[i][1]);
	}
	assert_int_equal(number_parse(&n, "1e32787", 7), ERR_RANGE);
	assert_int_equal(number_parse(&n, "1e-32751", 8), ERR_RANGE);
	assert_int_equal(number_parse(&n, "1e", 2), ERR_INVALID);
}

static enum err parse_error(const char *text, size_t n)
{
	struct why why = {{0}};
	json_t *json = NULL;
	enum err e = json_parse_bounded(&json, bytes_of(text, n), &why);

	if (!e)
		json_decref(json);
	return e;
}

static void parsing_is_bounded(void **state)
{
	char text[3 * JSON_TOKENS_MAX];
	size_t n = 0;

	(void)state;
	assert_int_equal(parse_error("{\"a\":[1,2,{}]}", 14), ERR_NONE);
	assert_int_equal(parse_error("{\"a\":1,\"a\":2}", 13), ERR_INVALID);
	assert_int_equal(parse_error("{\"a\":1}x", 8), ERR_INVALID);
	assert_int_equal(parse_error("", 0), ERR_INVALID);
	assert_int_equal(parse_error("{\"a\":\"\xFF\"}", 9), ERR_INVALID);
	assert_int_equal(parse_error("{\"a\":\"\xED\xA0\x80\"}", 11), ERR_INVALID);
	assert_int_equal(parse_error("{\"a\":\"\xC0\x80\"}", 10), ERR_INVALID);
	assert_int_equal(parse_error("{\"a\":\"\xF0\x9F\x98\x80\"}", 12), ERR_NONE);
	memset(text, '[', JSON_DEPTH_MAX + 1);
	memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
	assert_int_equal(parse_error(text, 2 * (JSON_DEPTH_MAX + 1)), ERR_DEPTH);
	assert_int_equal(parse_error(text + 1, 2 * JSON_DEPTH_MAX), ERR_NONE);
	text[n++] = '[';
	for (int i = 0; i < JSON_TOKENS_MAX - 1; i++) {
		text[n++] = '1';
		text[n++] = ',';
	}
	text[n - 1] = ']';
	assert_int_equal(parse_error(text, n), ERR_NONE);
	memcpy(text + n - 1, ",1]", 3);
	assert_int_equal(parse_error(text, n + 2), ERR_TOO_LARGE);
	/* Brackets inside strings do not count. */
	assert_int_equal(parse_error("[\"\\\"[[[[[[[[[[[[[[[[[[[[\"]", 26), ERR_NONE);
}

static void definitions_have_a_hash_that_fits(void **state)
{
	json_t *d = definitions_json();

	(void)state;
	assert_int_equal(json_object_size(d), 11);
	assert_string_equal(json_string_value(json_object_get(d, "hash")),
			    "F3DCCAD774156538A6AB3E6003A41273D5AE394A90989204838AE52A006F245B");
	json_decref(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values_of_every_type),
	    cmocka_unit_test(numbers_of_servers),
	    cmocka_unit_test(assets_and_bridges),
	    cmocka_unit_test(refusals_name_the_path),
	    cmocka_unit_test(numbers_out_of_range),
	    cmocka_unit_test(members_that_are_passed_over),
	    cmocka_unit_test(x_addresses),
	    cmocka_unit_test(the_account_of_unl_modify_is_empty),
	    cmocka_unit_test(nesting_in_json_is_bounded),
	    cmocka_unit_test(iou_texts),
	    cmocka_unit_test(normalizing_truncates),
	    cmocka_unit_test(currencies),
	    cmocka_unit_test(number_texts),
	    cmocka_unit_test(parsing_is_bounded),
	    cmocka_unit_test(definitions_have_a_hash_that_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
