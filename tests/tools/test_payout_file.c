/* SPDX-License-Identifier: ISC */

/* Payout files: what is read, and everything that is refused with its line. */
#include "crypto/base58.h"
#include "crypto/keys.h"
#include "tools/tally/payout_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define A    "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh"
#define B    "rPT1Sjq2YGrBMTttX4GZHjKu9dyfzbpAYe"
#define MINE "r9cZA1mLK5R5Am25ArfXFmqgNwjZgnfk59"
#define HEAD "destination,tag,amount_xrp,reference\n"

static struct payout_file f;

static bool read_as(const char *name, const char *text, enum payout_unit unit)
{
	struct account_id mine;

	assert_int_equal(account_parse(&mine, MINE), ERR_NONE);
	return payout_file_read(&f, name, bytes_str(text), unit, &mine);
}

static void reads(const char *name, const char *text, enum payout_unit unit, uint32_t n)
{
	if (!read_as(name, text, unit))
		fail_msg("%.*s", (int)f.errors.n, (const char *)f.errors.p);
	assert_int_equal(f.n, n);
}

/* It has that many errors, and one of them is "NAME:ROW: ...WORDS". */
static void refuses(const char *name, const char *text, enum payout_unit unit, uint32_t n,
		    uint32_t row, const char *words)
{
	char begin[64], *at;

	assert_false(read_as(name, text, unit));
	buf_put_u8(&f.errors, 0);
	snprintf(begin, sizeof(begin), "%s:%u: ", name, row);
	at = strstr((char *)f.errors.p, begin);
	if (f.n_errors != n || !at || !strstr(at, words))
		fail_msg("%u errors, wanted \"%s\" in: %s", f.n_errors, words, f.errors.p);
	payout_file_close(&f);
}

static void amounts(void **state)
{
	static const struct {
		const char *text;
		uint64_t xrp, drops; /* 0: refused */
	} rows[] = {
	    {"1", 1000000, 1},
	    {"0.000001", 1, 0},
	    {"12.5", 12500000, 0},
	    {"007", 7000000, 7},
	    {"100000000000", DROPS_MAX, 100000000000},
	    {"100000000000000000", 0, DROPS_MAX},
	    {"100000000000.000001", 0, 0},
	    {"100000000000000001", 0, 0},
	    {"99999999999999999999999999", 0, 0},
	    {"0", 0, 0},
	    {"0.0", 0, 0},
	    {"1.", 0, 0},
	    {".5", 0, 0},
	    {"1.0000001", 0, 0},
	    {"1e3", 0, 0},
	    {"-1", 0, 0},
	    {"+1", 0, 0},
	    {" 1", 0, 0},
	    {"1 ", 0, 0},
	    {"1,5", 0, 0},
	    {"1_0", 0, 0},
	    {"0x10", 0, 0},
	    {"", 0, 0},
	    {"NaN", 0, 0},
	};
	struct drops d;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool xrp = payout_amount(&d, rows[i].text, UNIT_XRP);

		if (xrp != (rows[i].xrp != 0) || (xrp && d.raw != rows[i].xrp)) /* raw: values */
			fail_msg("\"%s\" as XRP", rows[i].text);
		if (payout_amount(&d, rows[i].text, UNIT_DROPS) != (rows[i].drops != 0) ||
		    (rows[i].drops && d.raw != rows[i].drops)) /* raw: values */
			fail_msg("\"%s\" as drops", rows[i].text);
	}
}

static void csv_is_read(void **state)
{
	(void)state;
	reads("a.csv", HEAD A ",7,1.5,one\r\n" B ",,2,\"two, \"\"quoted\"\"\"\n", UNIT_NONE, 2);
	assert_true(f.lines[0].has_tag && f.lines[0].tag == 7);
	assert_int_equal(f.lines[0].amount.raw, 1500000); /* raw: value */
	assert_int_equal(f.lines[0].row, 2);
	assert_false(f.lines[1].has_tag);
	assert_string_equal(f.lines[1].reference, "two, \"quoted\"");
	assert_int_equal(f.total.raw, 3500000); /* raw: value */
	payout_file_close(&f);
	reads("a.csv", "reference,amount_drops,destination\nr,5," A, UNIT_NONE, 1);
	assert_int_equal(f.lines[0].amount.raw, 5); /* raw: value */
	payout_file_close(&f);
	reads("a.csv", "reference,amount,destination\nr,5," A "\n", UNIT_XRP, 1);
	assert_int_equal(f.lines[0].amount.raw, 5000000); /* raw: value */
	payout_file_close(&f);
}

static void csv_is_refused(void **state)
{
	static const struct {
		const char *text;
		uint32_t row;
		const char *words;
	} rows[] = {
	    {"", 1, "the header"},
	    {HEAD, 1, "no payment"},
	    {"destination,amount_xrp\n" A ",1\n", 1, "\"reference\" is missing"},
	    {"destination,reference\n" A ",1\n", 1, "amount_xrp, amount_drops and amount"},
	    {"destination,amount_xrp,amount_drops,reference\n", 1, "not more of them"},
	    {"destination,amount,reference\n" A ",1,r\n", 1, "may be XRP or drops"},
	    {"destination,amount_xrp,reference,memo\n", 1, "\"memo\" is no column"},
	    {"destination,amount_xrp,reference,destination\n", 1, "there twice"},
	    {"\xEF\xBB\xBF" HEAD, 1, "is no column"},
	    {HEAD A ",1,1\n", 2, "3 fields"},
	    {HEAD A ",1,1,r,x\n", 2, "too many fields"},
	    {HEAD A ",1,1,r\n\n", 3, "1 fields"},
	    {HEAD A ",1,1,\"r\n", 2, "does not end in its line"},
	    {HEAD A ",1,1,\"r\"x\n", 2, "behind a quoted field"},
	    {HEAD A ",1,1,r\"x\"\n", 2, "a quote within"},
	    {HEAD "r9cZA1mLK5R5Am25ArfXFmqgNwjZgnfk58,1,1,r\n", 2, "no address"},
	    {HEAD ",1,1,r\n", 2, "no address"},
	    {HEAD MINE ",1,1,r\n", 2, "the wallet itself"},
	    {HEAD A ",4294967296,1,r\n", 2, "no tag"},
	    {HEAD A ",-1,1,r\n", 2, "no tag"},
	    {HEAD A ",1,1.0000001,r\n", 2, "no amount of XRP"},
	    {HEAD A ",1,1,\n", 2, "the reference"},
	    {HEAD A ",1,1,a\tb\n", 2, "the reference"},
	    {HEAD A ",1,1,a\xC0\x80\n", 2, "the reference"},
	    {HEAD A ",1,1,a\xED\xA0\x80\n", 2, "the reference"},
	    {HEAD A ",1,1,"
		    "12345678901234567890123456789012345678901234567890123456789012345\n",
	     2, "the reference"},
	    {HEAD A ",1,1,r\n" B ",1,1,q\n" B ",2,2,r\n", 4, "is that of 2"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		refuses("a.csv", rows[i].text, UNIT_NONE, 1, rows[i].row, rows[i].words);
	refuses("a.csv", HEAD A ",1,1,r\n", UNIT_XRP, 1, 1, "--unit is for a column");
	refuses("a.txt", HEAD A ",1,1,r\n", UNIT_NONE, 1, 0, ".csv or .json");
	refuses("a.csv", HEAD A ",1,60000000000,r\n" B ",1,60000000000,q\n", UNIT_NONE, 1, 3,
		"more XRP than there are");
}

static void many_errors_are_counted(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	buf_printf(&b, HEAD);
	for (int i = 0; i < 1000; i++)
		buf_printf(&b, "x,1,1,%d\n", i);
	buf_put_u8(&b, 0);
	assert_false(read_as("a.csv", (char *)b.p, UNIT_NONE));
	assert_int_equal(f.n_errors, 1000);
	assert_true(f.errors.n < 4000);
	payout_file_close(&f);
	buf_close(&b);
}

static void json_is_read(void **state)
{
	(void)state;
	reads("a.json",
	      "[{\"destination\":\"" A "\",\"tag\":7,\"amount_xrp\":\"0.5\",\"reference\":\"a\"},"
	      "{\"destination\":\"" B "\",\"tag\":null,\"amount_drops\":12,\"reference\":\"b\"}]",
	      UNIT_NONE, 2);
	assert_int_equal(f.lines[0].amount.raw, 500000); /* raw: value */
	assert_int_equal(f.lines[1].amount.raw, 12);     /* raw: value */
	assert_int_equal(f.lines[1].row, 2);
	payout_file_close(&f);
}

static void json_is_refused(void **state)
{
#define ONE(rest) "[{\"destination\":\"" A "\",\"reference\":\"a\"," rest "}]"
	static const struct {
		const char *text;
		const char *words;
	} rows[] = {
	    {"{}", "an array"},
	    {"[", ""},
	    {"[1]", "no object"},
	    {ONE("\"amount_xrp\":0.5"), "a fraction: write it as a string"},
	    {ONE("\"amount_drops\":1e3"), "a fraction"},
	    {ONE("\"amount_xrp\":\"1\",\"x\":1"), "means nothing here"},
	    {ONE("\"amount_xrp\":true"), "of the wrong type"},
	    {ONE("\"amount_xrp\":\"1\\u0000\""), ""},
	    {ONE("\"amount_xrp\":\"1\",\"amount_xrp\":\"2\""), "duplicate"},
	    {ONE("\"amount_drops\":123456789012345678901234567890"), "too big"},
	    {ONE("\"amount_xrp\":\"1\",\"tag\":-1"), "tag is of the wrong type"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_false(read_as("a.json", rows[i].text, UNIT_NONE));
		buf_put_u8(&f.errors, 0);
		if (!strstr((char *)f.errors.p, rows[i].words))
			fail_msg("%s: %s", rows[i].text, f.errors.p);
		payout_file_close(&f);
	}
}

static void x_addresses(void **state)
{
	struct x_address x = {.has_tag = true, .tag = 5};
	char text[X_ADDRESS_TEXT_MAX], test[X_ADDRESS_TEXT_MAX], csv[400];

	(void)state;
	assert_int_equal(account_parse(&x.account, A), ERR_NONE);
	x_address_encode(text, &x);
	snprintf(csv, sizeof(csv), HEAD "%s,,1,r\n%s,5,1,q\n", text, text);
	reads("a.csv", csv, UNIT_NONE, 2);
	assert_true(account_eq(&f.lines[0].to, &x.account) && f.lines[0].has_tag);
	assert_int_equal(f.lines[0].tag, 5);
	assert_true(f.main_address && !f.test_address);
	payout_file_close(&f);
	snprintf(csv, sizeof(csv), HEAD "%s,6,1,r\n", text);
	refuses("a.csv", csv, UNIT_NONE, 1, 2, "the tag is 6, the address says 5");
	x = (struct x_address){.account = x.account, .test = true};
	x_address_encode(test, &x);
	snprintf(csv, sizeof(csv), HEAD "%s,,1,r\n%s,9,1,q\n", text, test);
	refuses("a.csv", csv, UNIT_NONE, 1, 1, "main and test networks in one file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(amounts),        cmocka_unit_test(csv_is_read),
	    cmocka_unit_test(csv_is_refused), cmocka_unit_test(many_errors_are_counted),
	    cmocka_unit_test(json_is_read),   cmocka_unit_test(json_is_refused),
	    cmocka_unit_test(x_addresses),
	};
	struct why why;

	if (crypto_init(&why) != ERR_NONE)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
