/* SPDX-License-Identifier: ISC */
#include "codec/amount.h"
#include "codec/format.h"
#include "tests/codec/support.h"

#include <stdlib.h>

/* The codec against the published vectors: tables, fixtures both ways, and every row of the
 * data-driven tests. */

static void tables_agree_with_the_published_definitions(void **state)
{
	json_t *want = vectors_load("definitions.json"), *got = definitions_json();
	const char *key;
	json_t *part;

	(void)state;
	if (!want)
		skip();
	json_object_foreach(want, key, part)
	{
		if (!json_equal(part, json_object_get(got, key)))
			fail_msg("%s differs", key);
	}
	assert_int_equal(json_object_size(want), json_object_size(got));
	json_decref(want);
	json_decref(got);
}

static void binary_and_json_agree(const char *binary, json_t *json)
{
	struct arena a = ARENA_INIT;
	struct why why = {{0}};
	struct st_object *o, *back;
	json_t *shown;

	if (st_decode(&o, &a, unhex(&a, binary), &why))
		fail_msg("%s: %s", binary, why.text);
	assert_string_equal(hex_of(&a, encoded(&a, o, ST_ALL)), binary);
	shown = st_to_json(o);
	if (!json_equal(shown, json))
		fail_msg("JSON differs: %s", json_dumps(shown, 0));
	if (st_from_json(&back, &a, json, &why))
		fail_msg("%s: %s", binary, why.text);
	assert_true(st_eq(o, back));
	assert_string_equal(hex_of(&a, encoded(&a, back, ST_ALL)), binary);
	json_decref(shown);
	arena_close(&a);
}

static void fixtures_agree_both_ways(void **state)
{
	static const char *const parts[] = {"accountState", "transactions"};
	json_t *all = vectors_load("codec-fixtures.json");
	size_t rows = 0;

	(void)state;
	if (!all)
		skip();
	for (size_t p = 0; p < 2; p++) {
		json_t *row;
		size_t i;

		json_array_foreach(json_object_get(all, parts[p]), i, row)
		{
			binary_and_json_agree(json_string_value(json_object_get(row, "binary")),
					      json_object_get(row, "json"));
			rows++;
		}
	}
	assert_int_equal(rows, 263 + 39);
	json_decref(all);
}

static void field_headers_are_the_published_ones(void **state)
{
	json_t *all = vectors_load("data-driven-tests.json"), *row;
	size_t i;

	(void)state;
	if (!all)
		skip();
	json_array_foreach(json_object_get(all, "fields_tests"), i, row)
	{
		const char *name = json_string_value(json_object_get(row, "name"));
		json_int_t type = json_integer_value(json_object_get(row, "type"));
		json_int_t nth = json_integer_value(json_object_get(row, "nth_of_type"));
		enum sf f = sf_by_name(name, strlen(name));

		if (strstr(name, "EndMarker")) /* ends an object or array, is no field */
			continue;
		assert_int_equal(f, type << 16 | nth);
		assert_string_equal(sf_name(f), name);
	}
	json_decref(all);
}

/* An object with one field, from JSON; its bytes without the header. */
static enum err amount_of(struct arena *a, json_t *value, const char **hex)
{
	json_t *object = json_pack("{s:O}", "Amount", value);
	struct st_object *o;
	struct why why = {{0}};
	struct bytes raw;
	enum err e = st_from_json(&o, a, object, &why);

	if (!e && st_get_raw(o, sfAmount, &raw))
		*hex = hex_of(a, raw);
	json_decref(object);
	return e;
}

static void amounts_of_the_vectors(void **state)
{
	json_t *all = vectors_load("data-driven-tests.json"), *row;
	size_t i, good = 0, bad = 0;

	(void)state;
	if (!all)
		skip();
	json_array_foreach(json_object_get(all, "values_tests"), i, row)
	{
		json_t *value = json_object_get(row, "test_json");
		struct arena a = ARENA_INIT;
		const char *hex = NULL;
		enum err e = amount_of(&a, value, &hex);

		if (json_object_get(row, "error")) {
			if (!e)
				fail_msg("row %zu was taken", i);
			bad++;
		} else {
			assert_int_equal(e, ERR_NONE);
			assert_string_equal(
			    hex, json_string_value(json_object_get(row, "expected_hex")));
			good++;
		}
		arena_close(&a);
	}
	assert_int_equal(good, 33);
	assert_int_equal(bad, 17);
	json_decref(all);
}

/* Header, length and bytes of each field in turn make up the whole. */
static void check_parts(struct arena *a, json_t *fields, const char *blob)
{
	struct buf b = BUF_INIT;
	json_t *row, *piece;
	size_t i, k;

	json_array_foreach(fields, i, row)
	{
		const char *name = json_string_value(json_array_get(row, 0));
		json_t *info = json_array_get(row, 1);
		const char *length = json_string_value(json_object_get(info, "vl_length"));
		struct bytes part;

		part = unhex(a, json_string_value(json_object_get(info, "field_header")));
		buf_put(&b, part.p, part.n);
		if (length) {
			part = unhex(a, length);
			buf_put(&b, part.p, part.n);
		}
		json_array_foreach(json_object_get(info, "binary"), k, piece)
		{
			part = unhex(a, json_string_value(piece));
			buf_put(&b, part.p, part.n);
		}
		if (sf_type(sf_by_name(name, strlen(name))) == ST_ARRAY)
			buf_put_u8(&b, 0xF1);
	}
	assert_string_equal(hex_of(a, buf_bytes(&b)), blob);
	buf_close(&b);
}

static void whole_objects_of_the_vectors(void **state)
{
	json_t *all = vectors_load("data-driven-tests.json"), *row;
	size_t i;

	(void)state;
	if (!all)
		skip();
	json_array_foreach(json_object_get(all, "whole_objects"), i, row)
	{
		const char *blob = json_string_value(json_object_get(row, "blob_with_no_signing"));
		struct arena a = ARENA_INIT;
		struct st_object *o;
		struct why why = {{0}};

		if (st_from_json(&o, &a, json_object_get(row, "tx_json"), &why))
			fail_msg("row %zu: %s", i, why.text);
		assert_string_equal(hex_of(&a, encoded(&a, o, ST_SIGNING)), blob);
		check_parts(&a, json_object_get(row, "fields"), blob);
		arena_close(&a);
	}
	assert_int_equal(i, 18);
	json_decref(all);
}

static void signed_blobs_of_the_golden_chain(void **state)
{
	json_t *chain = vectors_load("golden-chain.json");
	char *text, *at;
	size_t n = 0;

	(void)state;
	if (!chain)
		skip();
	/* Whatever stands there as a transaction's blob decodes and comes back. */
	text = json_dumps(chain, JSON_COMPACT);
	for (at = strstr(text, "tx_blob\":\""); at; at = strstr(at, "tx_blob\":\"")) {
		struct arena a = ARENA_INIT;
		struct why why = {{0}};
		struct st_object *o;
		char *end;

		at += strlen("tx_blob\":\"");
		end = strchr(at, '"');
		*end = '\0';
		if (st_decode(&o, &a, unhex(&a, at), &why))
			fail_msg("%s: %s", at, why.text);
		assert_string_equal(hex_of(&a, encoded(&a, o, ST_ALL)), at);
		assert_int_equal(tx_format_check(o, &why), ERR_NONE);
		at = end + 1;
		n++;
		arena_close(&a);
	}
	free(text);
	json_decref(chain);
	assert_true(n > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tables_agree_with_the_published_definitions),
	    cmocka_unit_test(fixtures_agree_both_ways),
	    cmocka_unit_test(field_headers_are_the_published_ones),
	    cmocka_unit_test(amounts_of_the_vectors),
	    cmocka_unit_test(whole_objects_of_the_vectors),
	    cmocka_unit_test(signed_blobs_of_the_golden_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
