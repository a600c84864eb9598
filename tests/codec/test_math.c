/* SPDX-License-Identifier: ISC */
#include "codec/number_math.h"
#include "tests/codec/support.h"

#include <string.h>

/* Arithmetic of amounts and numbers, against rows that were computed with whole numbers of any
 * length and rounded as the protocol says. */

static struct amount iou(const char *text)
{
	struct amount a = {.kind = AMOUNT_IOU};

	if (amount_parse_iou(&a, text, strlen(text)) != ERR_NONE)
		fail_msg("%s", text);
	return a;
}

static void expect_amount(const struct amount *a, const char *wanted)
{
	char text[AMOUNT_TEXT_MAX];

	amount_value_text(text, a);
	assert_string_equal(text, wanted);
}

static void issued_amounts_have_sixteen_digits(void **state)
{
	static const struct {
		const char *a, *b, *sum, *product, *quotient;
	} rows[] = {
	    {"0.0000004556250748849463", "42938322.98424337", "42938322.98424383",
	     "19.5637766251299", "0.00000000000001061115207159214"},
	    {"-0.0490592952746889", "-0.01532418854210086", "-0.06438348381678976",
	     "0.0007517938905319305", "3.201428587223787"},
	    {"0.00000009999999999999999", "8.8", "8.8000001", "0.0000008799999999999999",
	     "0.00000001136363636363636"},
	    {"100000000", "596", "100000596", "59600000000", "167785.2348993289"},
	    {"-0.001565555762095138", "100000", "99999.99843444424", "-156.5555762095138",
	     "-0.00000001565555762095138"},
	    {"0.000307", "10000000", "10000000.000307", "3070", "0.0000000000307"},
	    {"0.0000001", "-0.00001", "-0.0000099", "-0.000000000001", "-0.01"},
	    {"135314690.7159657", "100", "135314790.7159657", "13531469071.59657",
	     "1353146.907159657"},
	    {"0.0000008177764720608027", "0.00000007278398114431529", "0.000000890560453205118",
	     "0.00000000000005952102732273814", "11.23566558470228"},
	    {"9.999999999999999", "702269.0420101768", "702279.0420101768", "7022690.420101767",
	     "0.00001423955692447438"},
	    {"0.002054704857856312", "9999.999999999999", "10000.00205470486", "20.54704857856312",
	     "0.0000002054704857856313"},
	    {"9999.999999999999", "999999999.9999999", "1000010000", "9999999999999.998",
	     "0.00001"},
	    {"-0.09999999999999999", "-0.00000000238", "-0.10000000238", "0.000000000238",
	     "42016806.72268907"},
	    {"0.000000001", "-0.00001", "-0.000009999", "-0.00000000000001", "-0.0001"},
	    {"955885.8422664982", "9999.999999999999", "965885.8422664982", "9558858422.664981",
	     "95.58858422664983"},
	    {"0.00000009999999999999999", "-0.00000452", "-0.00000442", "-0.000000000000452",
	     "-0.02212389380530973"},
	    {"100000000", "-0.006528053968374319", "99999999.99347195", "-652805.3968374319",
	     "-15318500809.65293"},
	    {"100", "9999999.999999999", "10000100", "999999999.9999999", "0.00001000000000000001"},
	    {"0.1", "0.002454111395062262", "0.1024541113950623", "0.0002454111395062262",
	     "40.74794656884879"},
	    {"42583749.12991352", "-10000000", "32583749.12991352", "-425837491299135.2",
	     "-4.258374912991352"},
	    {"791000000", "0.00652", "791000000.00652", "5157320", "121319018404.908"},
	    {"0.00758", "0.7584298061047182", "0.7660098061047182", "0.005748897930273764",
	     "0.009994332948134968"},
	    {"100000", "0.0000001", "100000.0000001", "0.01", "1000000000000"},
	    {"-0.001", "9109258.968745764", "9109258.967745764", "-9109.258968745764",
	     "-0.0000000001097784137470502"},
	    {"0.000008202549963740686", "7690000", "7690000.000008203", "63.07760922116588",
	     "0.000000000001066651490733509"},
	    {"0.0000001", "9999.999999999999", "10000.0000001", "0.0009999999999999999",
	     "0.00000000001000000000000001"},
	    {"0.0000163", "-4770000", "-4769999.9999837", "-77.751",
	     "-0.000000000003417190775681342"},
	    {"0.00000000562", "-75425622.11676715", "-75425622.11676714", "-0.4238919962962314",
	     "-0.00000000000000007451048917169848"},
	    {"0.00893", "-5140000000", "-5139999999.99107", "-45900200",
	     "-0.000000000001737354085603113"},
	    {"0.0000000855", "99999999.99999999", "100000000.0000001", "8.549999999999999",
	     "0.0000000000000008550000000000001"},
	    {"-571532.4987326427", "0.000795", "-571532.4979376427", "-454.3683364924509",
	     "-718908803.4372865"},
	    {"-75.31960721468215", "600297775.4328759", "600297700.1132687", "-45214192657.45168",
	     "-0.0000001254704086823727"},
	    {"-34942472.44230744", "784540.9190360514", "-34157931.52327139", "-27413799443279.78",
	     "-44.53875074513705"},
	    {"0.621", "49000000", "49000000.621", "30429000", "0.0000000126734693877551"},
	    {"266000", "-0.0000001", "265999.9999999", "-0.0266", "-2660000000000"},
	    {"0.000001", "0.00001", "0.000011", "0.00000000001", "0.1"},
	    {"-0.00000479", "0.000684", "0.00067921", "-0.00000000327636", "-0.007002923976608188"},
	    {"10000", "-0.000000001", "9999.999999999", "-0.00001", "-10000000000000"},
	    {"4967.293326062217", "0.000003661215955955536", "4967.293329723433",
	     "0.01818633358329043", "1356733223.557093"},
	    {"0.0000003058632750573904", "-0.798", "-0.7979996941367249",
	     "-0.0000002440788934957975", "-0.000000383287312101993"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct amount a = iou(rows[i].a), b = iou(rows[i].b), r;

		assert_int_equal(amount_add(&r, &a, &b), ERR_NONE);
		expect_amount(&r, rows[i].sum);
		assert_int_equal(amount_sub(&r, &r, &b), ERR_NONE);
		assert_int_equal(amount_mul(&r, &a, &b, &a), ERR_NONE);
		expect_amount(&r, rows[i].product);
		assert_int_equal(amount_div(&r, &a, &b, &a), ERR_NONE);
		expect_amount(&r, rows[i].quotient);
		b.negative = !b.negative;
		assert_int_equal(amount_sub(&r, &a, &b), ERR_NONE);
		expect_amount(&r, rows[i].sum);
	}
}

static void drops_are_whole(void **state)
{
	struct amount a = amount_of_drops(drops_of(10)), b = iou("0.25"), r;
	struct amount all = amount_of_drops(drops_of(DROPS_MAX)), zero = iou("0");

	(void)state;
	assert_int_equal(amount_mul(&r, &a, &b, &a), ERR_NONE);
	assert_int_equal(r.mantissa, 2); /* 2.5: half to even */
	b = iou("0.35");
	assert_int_equal(amount_mul(&r, &a, &b, &a), ERR_NONE);
	assert_int_equal(r.mantissa, 4);
	b = iou("3");
	assert_int_equal(amount_div(&r, &a, &b, &a), ERR_NONE);
	assert_int_equal(r.mantissa, 3);
	assert_int_equal(amount_sub(&r, &a, &a), ERR_NONE);
	assert_true(amount_is_zero(&r) && !r.negative);
	assert_int_equal(amount_mul(&r, &all, &b, &all), ERR_OVERFLOW);
	assert_int_equal(amount_add(&r, &all, &a), ERR_OVERFLOW);
	assert_int_equal(amount_div(&r, &a, &zero, &a), ERR_INVALID);
	assert_int_equal(amount_div(&r, &zero, &a, &zero), ERR_NONE);
	assert_true(amount_is_zero(&r));
}

static void bounds_of_issued_amounts(void **state)
{
	struct amount most = {
	    .kind = AMOUNT_IOU, .mantissa = IOU_MANTISSA_MAX, .exponent = IOU_EXPONENT_MAX};
	struct amount least = {
	    .kind = AMOUNT_IOU, .mantissa = IOU_MANTISSA_MIN, .exponent = IOU_EXPONENT_MIN};
	struct amount r;

	(void)state;
	assert_int_equal(amount_add(&r, &most, &most), ERR_OVERFLOW);
	assert_int_equal(amount_mul(&r, &most, &most, &most), ERR_OVERFLOW);
	assert_int_equal(amount_mul(&r, &least, &least, &least), ERR_NONE);
	assert_true(amount_is_zero(&r));
	assert_int_equal(amount_add(&r, &most, &least), ERR_NONE);
	assert_int_equal(amount_cmp(&r, &most), 0);
	assert_true(amount_cmp(&least, &most) < 0 && amount_cmp(&most, &least) > 0);
	least.negative = true;
	r.mantissa = 0;
	assert_true(amount_cmp(&least, &r) < 0);
	most.negative = true;
	assert_true(amount_cmp(&most, &least) < 0);
}

static struct number number(const char *text)
{
	struct number n;

	assert_int_equal(number_parse(&n, text, strlen(text)), ERR_NONE);
	return n;
}

static void expect_number(const struct number *n, const char *wanted)
{
	char text[NUMBER_TEXT_MAX];

	number_text(text, n);
	assert_string_equal(text, wanted);
}

static void numbers_have_nineteen(void **state)
{
	struct number a = number("1"), b = number("3"), r;

	(void)state;
	assert_int_equal(number_div(&r, &a, &b), ERR_NONE);
	expect_number(&r, "0.3333333333333333333");
	assert_int_equal(number_mul(&r, &r, &b), ERR_NONE);
	expect_number(&r, "1"); /* twenty digits do not fit 63 bits */
	b = number("2e-19");
	assert_int_equal(number_add(&r, &a, &b), ERR_NONE);
	expect_number(&r, "1");
	b = number("9223372036854775807");
	assert_int_equal(number_add(&r, &b, &a), ERR_NONE); /* 2^63: the last digit goes */
	expect_number(&r, "9223372036854775810");
	assert_int_equal(number_sub(&r, &a, &b), ERR_NONE);
	expect_number(&r, "-9223372036854775806");
	assert_int_equal(number_sub(&r, &a, &a), ERR_NONE);
	expect_number(&r, "0");
	b = number_of_int(0);
	assert_int_equal(number_div(&r, &a, &b), ERR_INVALID);
	assert_true(number_cmp(&a, &b) > 0 && number_cmp(&b, &a) < 0 && number_cmp(&a, &a) == 0);
	b = number_of_int(-7);
	expect_number(&b, "-7");
}

static void roots(void **state)
{
	static const char *const rows[][2] = {
	    {"2", "1.414213562373095049"},
	    {"3", "1.732050807568877294"},
	    {"0.5", "0.707106781186547524"},
	    {"1", "1"},
	    {"0", "0"},
	    {"4", "2"},
	    {"0.000001691666666666667", "0.001300640867675111"},
	    {"123456789.987654321", "11111.111105"},
	    {"1e-12", "0.000001"},
	};
	struct number n = number("-1"), r;
	char text[NUMBER_TEXT_MAX];

	(void)state;
	assert_int_equal(number_sqrt(&r, &n), ERR_INVALID);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		n = number(rows[i][0]);
		assert_int_equal(number_sqrt(&r, &n), ERR_NONE);
		number_text(text, &r);
		if (strncmp(text, rows[i][1], strlen(rows[i][1])) != 0)
			fail_msg("%s: %s instead of %s", rows[i][0], text, rows[i][1]);
	}
}

static void texts_of_the_server(void **state)
{
	static const struct {
		uint64_t mantissa;
		int32_t exponent;
		const char *text;
	} rows[] = {
	    {1000000000000000, -15, "1"},
	    {1500000000000000, -25, "0.00000000015"},
	    {1000000000000000, -26, "1000000000000000e-26"},
	    {1000000000000000, -5, "10000000000"},
	    {1000000000000000, -4, "1000000000000000e-4"},
	    {1000000000000000, 80, "1000000000000000e80"},
	    {1000000000000000, 0, "1000000000000000"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct amount a = {
		    .kind = AMOUNT_IOU, .mantissa = rows[i].mantissa, .exponent = rows[i].exponent};
		char text[AMOUNT_TEXT_MAX];

		amount_server_text(text, &a);
		assert_string_equal(text, rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(issued_amounts_have_sixteen_digits),
	    cmocka_unit_test(drops_are_whole),
	    cmocka_unit_test(bounds_of_issued_amounts),
	    cmocka_unit_test(numbers_have_nineteen),
	    cmocka_unit_test(roots),
	    cmocka_unit_test(texts_of_the_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
