/* SPDX-License-Identifier: ISC */
#include "tests/tx/support.h"

#include "tests/rpc/topics_kit.h"

#include "crypto/base58.h"
#include "rpc/subs.h"

#include <stdio.h>

/* account_history_tx_stream (history_feed.h). */

static char *history(const char *name, const char *more)
{
	static char text[200];
	struct account_id id = person(name).id;

	(void)snprintf(text, sizeof(text), "\"account_history_tx_stream\":{\"account\":\"%s\"%s}",
		       account_text(&id).s, more);
	return text;
}

static void tick(void)
{
	box.f->steady_ms += 5000;
	box.woken_ms = 0;
	rpc_tick(box.f->rpc);
}

static void expect_history(uint64_t conn, uint32_t i, int64_t index, uint32_t seq, bool boundary,
			   bool first)
{
	json_t *j = fake_pushed(box.f, conn, i);

	assert_non_null(j);
	assert_int_equal(json_integer_value(json_object_get(j, "account_history_tx_index")), index);
	assert_int_equal(number_of(j, "ledger_index"), seq);
	assert_int_equal(json_is_true(json_object_get(j, "account_history_boundary")), boundary);
	assert_int_equal(json_is_true(json_object_get(j, "account_history_tx_first")), first);
	assert_true(json_is_true(json_object_get(j, "validated")));
	assert_non_null(json_object_get(j, "close_time_iso"));
	json_decref(j);
}

/* alice: made in 4, pays in 5 and 6; then in 7. */
static void past_and_present(void **state)
{
	json_t *r = topics_subscribe(1, history("alice", ""));

	(void)state;
	assert_non_null(strstr(text_of(r, "warning"), "experimental"));
	json_decref(r);
	assert_true(box.woken_ms > 0 && box.woken_ms < 100);
	assert_int_equal(box.f->n_pushes, 0);
	tick();
	assert_int_equal(fake_pushed_count(box.f, 1), 3);
	expect_history(1, 0, -1, 6, true, false);
	expect_history(1, 1, -2, 5, true, false);
	expect_history(1, 2, -3, 4, true, true);
	assert_int_equal(box.woken_ms, 0); /* nothing is left to do */
	fake_forget_pushes(box.f);
	fake_close_ledger(box.f, true);
	assert_int_equal(fake_pushed_count(box.f, 1), 1);
	expect_history(1, 0, 0, 7, true, false);
	r = topics_ask(1, "subscribe", 2, history("alice", ""));
	fake_assert_error(r, "invalidParams"); /* followed already */
	json_decref(r);
	topics_unsubscribe(1, history("alice", ""));
	json_decref(topics_subscribe(1, history("alice", "")));
	tick();
	assert_int_equal(fake_pushed_count(box.f, 1), 5);
	expect_history(1, 4, -4, 4, true, true);
}

static void stopping_the_past_only(void **state)
{
	(void)state;
	json_decref(topics_subscribe(1, history("alice", "")));
	topics_unsubscribe(1, history("alice", ",\"stop_history_tx_only\":true"));
	tick();
	assert_int_equal(fake_pushed_count(box.f, 1), 0);
	fake_close_ledger(box.f, true);
	assert_int_equal(fake_pushed_count(box.f, 1), 1);
	expect_history(1, 0, 0, 7, true, false);
}

/* Nobody yet: what makes the account is new, and its first. */
static void an_account_to_come(void **state)
{
	struct tx *tx = scenario_payment_tx(box.f, "alice", 7, "dave", 500000000);

	(void)state;
	json_decref(topics_subscribe(1, history("dave", "")));
	tick();
	assert_int_equal(fake_apply(box.f, tx, NULL), tesSUCCESS);
	tx_unref(tx);
	fake_close_ledger(box.f, true);
	assert_int_equal(fake_pushed_count(box.f, 1), 1);
	expect_history(1, 0, 0, 7, true, true);
}

static void history_that_is_not_here_yet(void **state)
{
	(void)state;
	box.searchable_from = 6;
	json_decref(topics_subscribe(1, history("alice", "")));
	tick();
	assert_int_equal(fake_pushed_count(box.f, 1), 1);
	assert_int_equal(box.woken_ms, 4000);
	tick();
	assert_int_equal(fake_pushed_count(box.f, 1), 1);
	box.searchable_from = 1; /* filled in */
	tick();
	assert_int_equal(fake_pushed_count(box.f, 1), 3);
	expect_history(1, 1, -2, 5, true, false);
	expect_history(1, 2, -3, 4, true, true);
}

static void pages_and_slow_readers(void **state)
{
	uint32_t sent = 0, ticks = 0;

	(void)state;
	for (uint32_t i = 0; i < 200; i++) {
		struct tx *tx = scenario_payment_tx(box.f, "alice", 7 + i, "carol", 1);

		assert_int_equal(fake_apply(box.f, tx, NULL), tesSUCCESS);
		tx_unref(tx);
	}
	fake_close_ledger(box.f, true);
	json_decref(topics_subscribe(1, history("alice", "")));
	box.queued = 1u << 20;
	tick();
	assert_int_equal(fake_pushed_count(box.f, 1), 0); /* it has enough to read */
	assert_true(box.woken_ms > 0);
	box.queued = 0;
	while (box.woken_ms > 0) {
		tick();
		assert_true(fake_pushed_count(box.f, 1) - sent <= 40);
		sent = fake_pushed_count(box.f, 1);
		ticks++;
	}
	assert_int_equal(sent, 204);
	assert_true(ticks >= 6);
	for (uint32_t i = 0; i < 201; i++)
		expect_history(1, i, -1 - (int64_t)i, 7, i == 200, false);
	expect_history(1, 203, -204, 4, true, true);
}

/* The connection goes while it is being fed, or the store fails. */
static void histories_that_break_off(void **state)
{
	uint32_t conns, topics;
	struct subs *s;
	json_t *j;

	(void)state;
	json_decref(topics_subscribe(1, history("alice", "")));
	json_decref(topics_subscribe(2, history("alice", "")));
	box.close_on_push = 1;
	tick();
	assert_int_equal(fake_pushed_count(box.f, 1), 1);
	tick();
	assert_int_equal(fake_pushed_count(box.f, 2), 3);
	json_decref(topics_subscribe(3, history("bob", "")));
	box.f->history_err = ERR_IO;
	tick();
	box.f->history_err = ERR_NONE;
	assert_int_equal(fake_pushed_count(box.f, 3), 1);
	j = fake_pushed(box.f, 3, 0);
	fake_assert_error(j, "internal");
	json_decref(j);
	tick();
	assert_int_equal(fake_pushed_count(box.f, 3), 1);
	s = subs_open(&box.f->host);
	subs_count(s, &conns, &topics);
	assert_int_equal(conns + topics, 0);
	subs_close(s);
}

static void errors_of_histories(void **state)
{
	static const char *const bad[] = {
	    "\"account_history_tx_stream\":5",
	    "\"account_history_tx_stream\":{}",
	    "\"account_history_tx_stream\":{\"account\":5}",
	    "\"account_history_tx_stream\":{\"account\":\"rBad\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_t *j = topics_ask(1, "subscribe", 1, bad[i]);

		fake_assert_error(j, "invalidParams");
		json_decref(j);
		j = topics_ask(1, "unsubscribe", 1, bad[i]);
		fake_assert_error(j, "invalidParams");
		json_decref(j);
	}
}

/* While older ledgers are still being filled in, answers say what they rest on. */
static void answers_say_what_was_searched(void **state)
{
	struct account_id alice = person("alice").id;
	char text[200];
	json_t *j;

	(void)state;
	box.searchable_from = 5;
	for (unsigned version = 1; version <= 2; version++) {
		(void)snprintf(text, sizeof(text), "{\"account\":\"%s\",\"api_version\":%u}",
			       account_text(&alice).s, version);
		j = fake_call(box.f, VIA_HTTP, "account_tx", text);
		assert_int_equal(number_of(j, "ledger_index_min"), 5);
		assert_int_equal(number_of(j, "ledger_index_max"), 6);
		assert_int_equal(json_array_size(json_object_get(j, "transactions")), 2);
		json_decref(j);
	}
	for (uint32_t min = 4; min <= 5; min++) {
		(void)snprintf(text, sizeof(text),
			       "{\"transaction\":\"%064d\",\"min_ledger\":%u,\"max_ledger\":6}", 7,
			       min);
		j = fake_call(box.f, VIA_HTTP, "tx", text);
		fake_assert_error(j, "txnNotFound");
		assert_int_equal(json_is_true(json_object_get(j, "searched_all")), min == 5);
		json_decref(j);
	}
	/* what is asked for by name and is not here is not answered with something else */
	(void)snprintf(text, sizeof(text), "{\"account\":\"%s\",\"ledger_index\":4}",
		       account_text(&alice).s);
	fake_ask_fails(box.f, "account_tx", text, "lgrNotValidated");
	(void)snprintf(text, sizeof(text), "{\"account\":\"%s\",\"ledger_index\":9}",
		       account_text(&alice).s);
	fake_ask_fails(box.f, "account_tx", text, "lgrNotFound");
}

#define T(name) cmocka_unit_test_setup_teardown(name, topics_set_up, topics_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(past_and_present),       T(stopping_the_past_only),
	    T(an_account_to_come),     T(history_that_is_not_here_yet),
	    T(pages_and_slow_readers), T(histories_that_break_off),
	    T(errors_of_histories),    T(answers_say_what_was_searched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
