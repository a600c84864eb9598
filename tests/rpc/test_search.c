/* SPDX-License-Identifier: ISC */
#include "tests/tx/support.h"

#include "tests/rpc/scenario.h"

#include <stdio.h>

/* tx with a range of ledgers: "not found" with searched_all is a proof. And what is wanted of
 * ledgers that are not here. */

static struct history_range range; /* what can be searched */
static struct history_range later; /* and once something was looked for */
static bool moves;

static struct history_range searchable(void *ctx)
{
	(void)ctx;
	return range;
}

static enum err no_tx(void *ctx, const struct hash256 *id, struct history_tx *out,
		      struct buf *store)
{
	(void)ctx;
	(void)id;
	(void)out;
	(void)store;
	if (moves)
		range = later;
	return ERR_ABSENT;
}

static json_t *ask(struct fake *f, const char *id, uint32_t min, uint32_t max)
{
	char params[200];

	(void)snprintf(params, sizeof(params),
		       "{\"transaction\":\"%s\",\"min_ledger\":%u,\"max_ledger\":%u}", id, min,
		       max);
	return fake_call(f, VIA_HTTP, "tx", params);
}

#define NOTHING "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static void expect_searched(struct fake *f, uint32_t min, uint32_t max, bool all)
{
	json_t *r = ask(f, NOTHING, min, max), *v = json_object_get(r, "searched_all");

	fake_assert_error(r, "txnNotFound");
	if (!json_is_boolean(v) || json_is_true(v) != all)
		fail_msg("%u to %u of %u to %u", min, max, range.first, range.last);
	json_decref(r);
}

static struct fake *open_with(uint32_t first, uint32_t last)
{
	struct fake *f = scenario_open(false, false);

	range = (struct history_range){first, last};
	moves = false;
	f->history.searchable = searchable;
	f->history.tx = no_tx;
	return f;
}

static void all_is_what_is_there(void **state)
{
	struct fake *f = open_with(100, 200);

	(void)state;
	expect_searched(f, 100, 200, true);
	expect_searched(f, 150, 150, true);
	expect_searched(f, 99, 150, false);
	expect_searched(f, 150, 201, false);
	expect_searched(f, 201, 201, false);
	expect_searched(f, 1, 99, false);
	expect_searched(f, 0, 0, false);
	range = (struct history_range){0, 0};
	expect_searched(f, 0, 0, false);
	expect_searched(f, 1, 1, false);
	fake_close(f);
}

/* A ledger that came while it was looked for may have had it. */
static void what_came_meanwhile_was_not_searched(void **state)
{
	struct fake *f = open_with(100, 200);

	(void)state;
	moves = true;
	later = (struct history_range){100, 201};
	expect_searched(f, 150, 201, false);
	expect_searched(f, 150, 201, true); /* now it is there from the beginning */
	fake_close(f);
}

/* One that went may have had it, too; so may one that was filled in. */
static void what_went_meanwhile_was_not_searched(void **state)
{
	struct fake *f = open_with(100, 200);

	(void)state;
	moves = true;
	later = (struct history_range){132, 200};
	expect_searched(f, 120, 200, false);
	range = (struct history_range){132, 200};
	later = (struct history_range){100, 200};
	expect_searched(f, 120, 200, false);
	range = (struct history_range){100, 200};
	later = (struct history_range){0, 0};
	expect_searched(f, 120, 200, false);
	fake_close(f);
}

static json_t *filled(struct fake *f, const char *text)
{
	json_t *in = json_string(text), *out = scenario_fill(f, in);

	json_decref(in);
	return out;
}

static void found_is_found(void **state)
{
	struct fake *f = scenario_open(false, false);
	json_t *id = filled(f, "${T5.0}"), *r = ask(f, json_string_value(id), 1, 4);

	(void)state;
	assert_string_equal(text_of(r, "status"), "success");
	assert_int_equal(number_of(r, "ledger_index"), 5);
	assert_true(json_is_true(json_object_get(r, "validated")));
	json_decref(r);
	json_decref(id);
	id = filled(f, "${open}");
	r = ask(f, json_string_value(id), 1, 6);
	assert_string_equal(text_of(r, "status"), "success");
	assert_true(json_is_false(json_object_get(r, "validated")));
	json_decref(r);
	json_decref(id);
	fake_close(f);
}

/* ---- ledger_request for what is not here */

static enum err lacks(void *ctx, uint32_t *seq, struct hash256 *hash, uint32_t *until)
{
	(void)ctx;
	if (range.first <= later.first)
		return ERR_ABSENT;
	*seq = range.first - 1;
	*until = later.first;
	memset(hash->b, 0x11, sizeof(hash->b));
	return ERR_NONE;
}

static enum err no_header(void *ctx, uint32_t seq, struct ledger_header *out, struct hash256 *hash)
{
	(void)ctx;
	(void)seq;
	(void)out;
	(void)hash;
	return ERR_ABSENT;
}

static json_t *request(struct fake *f, uint32_t seq)
{
	char params[60];

	(void)snprintf(params, sizeof(params), "{\"ledger_index\":%u}", seq);
	return fake_call(f, VIA_ADMIN, "ledger_request", params);
}

static void ledgers_on_their_way(void **state)
{
	struct fake *f = open_with(100, 200);
	json_t *r;

	(void)state;
	f->history.header = no_header;
	f->history.lacks = lacks;
	/* 5 and 6 are here, 3 and 4 are wanted. */
	range = (struct history_range){5, 6};
	later = (struct history_range){3, 0};
	r = request(f, 4);
	assert_string_equal(text_of(r, "status"), "success");
	assert_true(json_is_false(json_object_get(r, "have_header")));
	assert_int_equal(number_of(r, "ledgers_before_it"), 0);
	assert_memory_equal(text_of(r, "hash"), "1111", 4);
	json_decref(r);
	r = request(f, 3);
	assert_string_equal(text_of(r, "status"), "success");
	assert_int_equal(number_of(r, "ledgers_before_it"), 1);
	assert_null(json_object_get(r, "hash"));
	json_decref(r);
	r = request(f, 2);
	fake_assert_error(r, "lgrNotFound"); /* older than what is kept */
	json_decref(r);
	later.first = 5;
	r = request(f, 4);
	fake_assert_error(r, "lgrNotFound");
	json_decref(r);
	fake_close(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_is_what_is_there),
	    cmocka_unit_test(what_came_meanwhile_was_not_searched),
	    cmocka_unit_test(what_went_meanwhile_was_not_searched),
	    cmocka_unit_test(found_is_found),
	    cmocka_unit_test(ledgers_on_their_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
