/* SPDX-License-Identifier: ISC */
#include "tests/tx/support.h"

#include "tests/rpc/scenario.h"

#include "base/limits.h"
#include "crypto/base58.h"
#include "rpc/call.h"

#include <stdio.h>
#include <stdlib.h>

/* What transcripts cannot show: texts to the digit, waiting, pages, bounds, troubles. */

/* ---- The writer */

static void expect_text(struct jw *w, const char *wanted)
{
	if (w->out.n != strlen(wanted) || memcmp(w->out.p, wanted, w->out.n) != 0)
		fail_msg("%.*s instead of %s", (int)w->out.n, (const char *)w->out.p, wanted);
	jw_close(w);
}

static void decimals_are_exact(void **state)
{
	static const struct {
		uint64_t n;
		unsigned places;
		const char *text;
	} rows[] = {
	    {10, 6, "0.00001"},
	    {0, 6, "0"},
	    {1, 6, "0.000001"},
	    {1000000, 6, "1"},
	    {1500000, 6, "1.5"},
	    {10000001, 6, "10.000001"},
	    {DROPS_MAX, 6, "100000000000"},
	    {DROPS_MAX - 1, 6, "99999999999.999999"},
	    {UINT64_MAX, 6, "18446744073709.551615"},
	    {2005, 3, "2.005"},
	    {7, 0, "7"},
	    {UINT64_MAX, 19, "1.8446744073709551615"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct jw w = JW_INIT;

		jw_decimal(&w, rows[i].n, rows[i].places);
		expect_text(&w, rows[i].text);
	}
}

static void writer_escapes(void **state)
{
	struct jw w = JW_INIT;
	json_t *j = json_loads("{\"a\":[1,-2,true,false,null,\"\\u0000x\\\"\\\\\"],\"b\":{},"
			       "\"c\":9223372036854775807,\"d\":-9223372036854775808}",
			       JSON_ALLOW_NUL, NULL);

	(void)state;
	assert_non_null(j);
	jw_open(&w, '{');
	jw_put_str(&w, "t", "a\"\\\b\f\n\r\t\x01\x1f/\xc3\xa9");
	jw_put_i64(&w, "i", INT64_MIN);
	jw_put_text_u64(&w, "u", UINT64_MAX);
	jw_put_open(&w, "l", '[');
	jw_bool(&w, true);
	jw_hex(&w, "\x00\xab", 2);
	jw_end(&w, ']');
	jw_put_json(&w, "j", j);
	jw_end(&w, '}');
	expect_text(&w, "{\"t\":\"a\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f/\xc3\xa9\","
			"\"i\":-9223372036854775808,\"u\":\"18446744073709551615\","
			"\"l\":[true,\"00AB\"],\"j\":{\"a\":[1,-2,true,false,null,"
			"\"\\u0000x\\\"\\\\\"],\"b\":{},\"c\":9223372036854775807,"
			"\"d\":-9223372036854775808}}");
	json_decref(j);
}

static void fees_are_shown_exactly(void **state)
{
	struct fake *f = scenario_open(false, false);

	(void)state;
	fake_ask_text(f, VIA_HTTP, "{\"method\":\"server_info\"}");
	buf_put_u8(&f->reply, 0);
	assert_non_null(strstr((char *)f->reply.p, "\"base_fee_xrp\":0.00001,"));
	assert_non_null(strstr((char *)f->reply.p, "\"reserve_base_xrp\":10,"));
	fake_close(f);
}

/* ---- Requests that are none */

static void bad_bodies(void **state)
{
	static const char *bad[] = {
	    "",
	    " ",
	    "x",
	    "[]",
	    "5",
	    "null",
	    "\"ping\"",
	    "{",
	    "{\"method\":\"ping\"",
	    "{}}",
	    "{\"method\":\"ping\",\"method\":\"fee\"}",
	    "{\"method\":[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]}",
	    "{\"method\":\"\xff\"}",
	};
	static const char *refused[] = {
	    "{}",
	    "{\"method\":null}",
	    "{\"method\":5}",
	    "{\"method\":\"\"}",
	    "{\"method\":\"ping\",\"params\":5}",
	    "{\"method\":\"ping\",\"params\":{\"a\":1}}",
	    "{\"method\":\"ping\",\"params\":[{},{}]}",
	    "{\"method\":\"ping\",\"params\":[5]}",
	    "{\"method\":\"ping\",\"params\":[{\"api_version\":9}]}",
	    "{\"method\":\"ping\",\"params\":[{\"api_version\":\"1\"}]}",
	    "{\"method\":\"ping\",\"params\":[{\"ripplerpc\":2}]}",
	};
	static const char *fine[] = {
	    "{\"method\":\"ping\"}",
	    "{\"method\":\"ping\",\"params\":[]}",
	    "{\"method\":\"ping\",\"params\":null}",
	    "{\"method\":\"ping\",\"params\":[null]}",
	    "{\"method\":\"ping\",\"params\":{}}",
	    "{\"method\":\"ping\",\"params\":\"\"}",
	};
	struct fake *f = fake_open(NULL);
	json_t *j;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fake_ask_text(f, VIA_HTTP, bad[i]);
		assert_int_equal(f->status, 400);
		j = fake_ask(f, VIA_WS, bad[i]);
		fake_assert_error(j, "jsonInvalid");
		assert_string_equal(text_of(j, "type"), "error");
		json_decref(j);
	}
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		fake_ask_text(f, VIA_HTTP, refused[i]);
		if (f->status != 400)
			fail_msg("%s: %d", refused[i], f->status);
	}
	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
		j = fake_ask(f, VIA_HTTP, fine[i]);
		assert_string_equal(text_of(json_object_get(j, "result"), "status"), "success");
		json_decref(j);
	}
	fake_ask_text(f, VIA_HTTP, "{\"method\":\"stop\"}");
	assert_int_equal(f->status, 403);
	fake_close(f);
}

static void too_large_a_body(void **state)
{
	struct fake *f = fake_open(NULL);
	char *text = mem_alloc(RPC_BODY_MAX + 32);
	int n = snprintf(text, 64, "{\"method\":\"ping\",\"x\":\"");

	(void)state;
	memset(text + n, 'a', RPC_BODY_MAX);
	memcpy(text + RPC_BODY_MAX - 1, "\"}", 3);
	fake_ask_text(f, VIA_HTTP, text); /* one byte too long */
	assert_int_equal(f->status, 400);
	memcpy(text + RPC_BODY_MAX - 2, "\"}", 3);
	fake_ask_text(f, VIA_HTTP, text);
	assert_int_equal(f->status, 200);
	mem_free(text);
	fake_close(f);
}

static void http_status_on_request(void **state)
{
	struct fake *f = fake_open(NULL);

	(void)state;
	fake_ask_text(f, VIA_HTTP, "{\"method\":\"tx\",\"params\":[{\"ripplerpc\":\"3.0\"}]}");
	assert_int_equal(f->status, 400);
	fake_ask_text(f, VIA_HTTP, "{\"method\":\"x\",\"params\":[{\"ripplerpc\":\"3.0\"}]}");
	assert_int_equal(f->status, 405);
	fake_ask_text(f, VIA_HTTP, "{\"method\":\"x\",\"params\":[{\"ripplerpc\":\"2.0\"}]}");
	assert_int_equal(f->status, 200);
	fake_close(f);
}

/* ---- Waiting for the node */

static char *submit_text(struct fake *f, const char *from, uint32_t seq, const char *to,
			 bool websocket)
{
	char *hex = scenario_payment(f, from, seq, to, 5000000);
	char *text = mem_alloc(strlen(hex) + 200);

	if (websocket)
		sprintf(text, "{\"id\":\"mine\",\"command\":\"submit\",\"tx_blob\":\"%s\"}", hex);
	else
		sprintf(text, "{\"method\":\"submit\",\"params\":[{\"tx_blob\":\"%s\"}]}", hex);
	mem_free(hex);
	return text;
}

static void submit_answers_later(void **state)
{
	struct fake *f = scenario_open(false, false);
	char *text = submit_text(f, "alice", 7, "carol", true);
	json_t *j;

	(void)state;
	f->deferred = true;
	fake_ask_text(f, VIA_WS, text);
	assert_int_equal(f->replies, 0);
	json_decref(fake_call(f, VIA_HTTP, "ping", "{}")); /* others are answered meanwhile */
	f->replies = 0;
	rpc_conn_closed(f->rpc, 1);
	fake_answer(f);
	assert_int_equal(f->replies, 1);
	j = json_loadb((char *)f->reply.p, f->reply.n, 0, NULL);
	assert_string_equal(text_of(j, "id"), "mine");
	assert_string_equal(text_of(json_object_get(j, "result"), "engine_result"), "tesSUCCESS");
	json_decref(j);
	/* A second answer to the same token finds nobody. */
	rpc_submitted(f->rpc, &(struct node_submitted){.token = f->waiting_token});
	assert_int_equal(f->replies, 1);
	mem_free(text);
	fake_close(f);
}

static void count_submit(void *ctx, struct tx *tx, bool fail_hard, uint64_t token)
{
	(void)ctx;
	(void)tx;
	(void)fail_hard;
	(void)token;
}

static void waiting_calls_are_bounded(void **state)
{
	struct fake *f = scenario_open(false, false);
	char *text = submit_text(f, "alice", 7, "bob", false);
	struct rpc_host host = f->host;
	json_t *j;

	(void)state;
	rpc_close(f->rpc);
	host.submit = count_submit;
	f->rpc = rpc_open(&host);
	f->deferred = true;
	for (uint32_t i = 0; i < RPC_PENDING_MAX; i++) {
		fake_ask_text(f, VIA_HTTP, text);
		assert_int_equal(f->replies, 0);
	}
	j = fake_ask(f, VIA_HTTP, text);
	fake_assert_error(json_object_get(j, "result"), "tooBusy");
	json_decref(j);
	mem_free(text);
	fake_close(f); /* lets go of all of them */
}

static void accept_answers_later(void **state)
{
	struct fake *f = scenario_open(false, false);
	json_t *j;

	(void)state;
	f->deferred = true;
	fake_ask_text(f, VIA_ADMIN, "{\"method\":\"ledger_accept\"}");
	assert_int_equal(f->replies, 0);
	fake_answer(f);
	j = json_loadb((char *)f->reply.p, f->reply.n, 0, NULL);
	assert_int_equal(number_of(json_object_get(j, "result"), "ledger_current_index"), 8);
	json_decref(j);
	fake_ask_text(f, VIA_ADMIN, "{\"method\":\"ledger_accept\"}");
	f->accept_waits = false;
	rpc_accepted(f->rpc, f->accept_token, 0, ERR_NO_SPACE);
	j = json_loadb((char *)f->reply.p, f->reply.n, 0, NULL);
	fake_assert_error(json_object_get(j, "result"), "internal");
	json_decref(j);
	fake_close(f);
}

static void stop_replies_first(void **state)
{
	struct fake *f = fake_open(NULL);
	json_t *j = fake_ask(f, VIA_ADMIN, "{\"method\":\"stop\"}");

	(void)state;
	assert_true(f->stopped);
	assert_non_null(json_object_get(json_object_get(j, "result"), "message"));
	json_decref(j);
	fake_close(f);
}

/* ---- Pages */

/* Follows markers to the end; calls each with every row. Returns the number of pages. */
static uint32_t follow(struct fake *f, const char *method, const char *params, const char *list,
		       void (*each)(void *ctx, const json_t *row), void *ctx)
{
	json_t *p = json_loads(params, 0, NULL), *marker;
	uint32_t pages = 0;

	do {
		char *text = json_dumps(p, JSON_COMPACT);
		json_t *r = fake_call(f, VIA_ADMIN, method, text);
		size_t i;
		json_t *row;

		assert_string_equal(text_of(r, "status"), "success");
		json_array_foreach(json_object_get(r, list), i, row) each(ctx, row);
		marker = json_incref(json_object_get(r, "marker"));
		if (marker)
			json_object_set_new(p, "marker", marker);
		free(text);
		json_decref(r);
		assert_true(++pages < 1000);
	} while (marker);
	json_decref(p);
	return pages;
}

struct rows {
	const char *key;
	json_t *seen;
	uint32_t n;
};

static void row_once(void *ctx, const json_t *row)
{
	struct rows *r = ctx;
	const char *name = json_is_string(row) ? json_string_value(row) : text_of(row, r->key);

	assert_null(json_object_get(r->seen, name));
	json_object_set_new(r->seen, name, json_true());
	r->n++;
}

static uint32_t rows_of_pages(struct fake *f, const char *method, const char *params,
			      const char *list, const char *key, uint32_t pages_min)
{
	struct rows r = {.key = key, .seen = json_object()};

	assert_true(follow(f, method, params, list, row_once, &r) >= pages_min);
	json_decref(r.seen);
	return r.n;
}

static void pages_have_every_row_once(void **state)
{
	struct fake *f = scenario_open(false, false);
	struct account_id carol = person("carol").id;
	char params[300];
	uint64_t states;

	(void)state;
	for (int limit = 1; limit <= 9; limit++) {
		(void)snprintf(params, sizeof(params), "{\"account\":\"%s\",\"limit\":%d}",
			       account_text(&carol).s, limit);
		/* seven owned entries and a page of tokens */
		assert_int_equal(rows_of_pages(f, "account_objects", params, "account_objects",
					       "index",
					       (uint32_t)(8 + limit - 1) / (uint32_t)limit),
				 8);
		assert_int_equal(
		    rows_of_pages(f, "account_nfts", params, "account_nfts", "NFTokenID", 1), 3);
		assert_int_equal(rows_of_pages(f, "account_lines", params, "lines", "account", 1),
				 1);
		assert_int_equal(rows_of_pages(f, "account_offers", params, "offers", "quality", 1),
				 1);
		assert_int_equal(
		    rows_of_pages(f, "account_channels", params, "channels", "channel_id", 1), 1);
	}
	assert_int_equal(tree_count(&f->node.chain[5]->state, &states), FOUND);
	for (int limit = 1; limit <= 30; limit += 7) {
		(void)snprintf(params, sizeof(params),
			       "{\"ledger_index\":\"validated\",\"binary\":true,\"limit\":%d}",
			       limit);
		assert_int_equal(rows_of_pages(f, "ledger_data", params, "state", "index", 1),
				 states);
		/* The open ledger has the same entries here, changed. */
		(void)snprintf(params, sizeof(params), "{\"limit\":%d}", limit);
		assert_int_equal(rows_of_pages(f, "ledger_data", params, "state", "index", 1),
				 states);
	}
	fake_close(f);
}

static void open_state_shows_changes(void **state)
{
	struct fake *f = scenario_open(false, false);
	struct tx *tx = scenario_payment_tx(f, "master", 4, "newcomer", 50000000);
	struct account_id id = person("newcomer").id;
	struct keylet k = keylet_account(&id);
	uint64_t states;
	char params[200];
	struct rows r = {.key = "index", .seen = json_object()};

	(void)state;
	assert_int_equal(fake_apply(f, tx, NULL), tesSUCCESS);
	tx_unref(tx);
	assert_int_equal(tree_count(&f->node.chain[5]->state, &states), FOUND);
	(void)snprintf(params, sizeof(params), "{\"limit\":3,\"ledger_index\":\"current\"}");
	follow(f, "ledger_data", params, "state", row_once, &r);
	assert_int_equal(r.n, states + 1);
	assert_non_null(json_object_get(r.seen, hash256_hex(&k.key).s));
	json_decref(r.seen);
	fake_close(f);
}

static struct tx *tx_with_memo(uint32_t seq, size_t n)
{
	struct world w = {0};
	struct st_object *o = payment(&w, "alice", seq, "carol", 1);
	struct st_object *memo;
	char *data = arena_zalloc(&w.arena, n, 1);
	struct tx *tx;

	memo = st_array_add(st_set_array(o, sfMemos), &w.arena, sfMemo);
	st_set_raw(memo, sfMemoData, bytes_of(data, n));
	tx = trusted_as("alice", o);
	arena_close(&w.arena);
	return tx;
}

/* Rows are large: the page ends at about a megabyte, and the marker goes on from there. */
static void replies_are_bounded(void **state)
{
	struct fake *f = scenario_open(false, false);
	struct account_id alice = person("alice").id;
	struct rows r = {.key = "hash", .seen = json_object()};
	char params[200];
	json_t *first;
	size_t n;

	(void)state;
	for (uint32_t i = 0; i < 480; i++) {
		struct tx *tx = tx_with_memo(7 + i, 900);

		assert_int_equal(fake_apply(f, tx, NULL), tesSUCCESS);
		tx_unref(tx);
		if (i % 240 == 239)
			fake_close_ledger(f, true);
	}
	(void)snprintf(params, sizeof(params),
		       "{\"account\":\"%s\",\"limit\":400,\"api_version\":2}",
		       account_text(&alice).s);
	first = fake_call(f, VIA_HTTP, "account_tx", params);
	n = json_array_size(json_object_get(first, "transactions"));
	assert_true(n > 200 && n < 400);
	assert_true(f->reply.n > RPC_REPLY_SOFT_MAX && f->reply.n < RPC_REPLY_SOFT_MAX + 16384);
	assert_non_null(json_object_get(first, "marker"));
	json_decref(first);
	assert_true(follow(f, "account_tx", params, "transactions", row_once, &r) > 1);
	assert_int_equal(r.n, 480 + 4); /* those of the scenario, the pending one among them */
	json_decref(r.seen);
	fake_close(f);
}

/* ---- A node that joins */

static struct history_range from_five(void *ctx)
{
	const struct fake *f = ctx;

	return (struct history_range){5, f->node.validated};
}

static struct history_range from_two(void *ctx)
{
	const struct fake *f = ctx;

	return (struct history_range){2, f->node.validated};
}

static json_t *info_of(struct fake *f, json_t **reply)
{
	*reply = fake_call(f, VIA_HTTP, "server_info", "{}");
	return json_object_get(*reply, "info");
}

/* What is fetched and filled in is told while that goes on, and no longer. */
static void joining_is_told(void **state)
{
	struct fake *f = scenario_open(true, false);
	struct node_sync_status *s = &f->node.sync;
	json_t *reply, *info = info_of(f, &reply), *o;

	(void)state;
	assert_null(json_object_get(info, "sync"));
	assert_null(json_object_get(info, "history_fill"));
	assert_null(json_object_get(info, "searchable_from"));
	json_decref(reply);

	*s = (struct node_sync_status){.active = true, .target_seq = 77, .ledgers = 12, .again = 2};
	info = info_of(f, &reply);
	o = json_object_get(info, "sync");
	assert_string_equal(text_of(o, "by"), "replay");
	assert_int_equal(number_of(o, "target"), 77);
	assert_int_equal(number_of(o, "target_moved"), 2);
	assert_int_equal(number_of(o, "ledgers"), 12);
	assert_null(json_object_get(o, "percent"));
	json_decref(reply);

	*s = (struct node_sync_status){
	    .active = true, .state = true, .nodes = 9, .bytes = 5000, .peers = 3, .per_mille = 419};
	info = info_of(f, &reply);
	o = json_object_get(info, "sync");
	assert_string_equal(text_of(o, "by"), "state");
	assert_null(json_object_get(o, "target")); /* not known yet */
	assert_int_equal(number_of(o, "nodes"), 9);
	assert_int_equal(number_of(o, "bytes"), 5000);
	assert_int_equal(number_of(o, "peers"), 3);
	assert_int_equal(number_of(o, "percent"), 41);
	assert_null(json_object_get(o, "ledgers"));
	json_decref(reply);

	*s = (struct node_sync_status){.filling = true, .fill_next = 4, .fill_until = 1};
	f->history.complete = from_five;
	info = info_of(f, &reply);
	o = json_object_get(info, "history_fill");
	assert_int_equal(number_of(o, "next"), 4);
	assert_int_equal(number_of(o, "until"), 1);
	assert_null(json_object_get(info, "sync"));
	assert_null(json_object_get(info, "searchable_from")); /* only what is complete */
	json_decref(reply);
	f->history.searchable = from_two;
	info = info_of(f, &reply);
	assert_int_equal(number_of(info, "searchable_from"), 2);
	assert_memory_equal(text_of(info, "complete_ledgers"), "5-", 2);
	json_decref(reply);
	f->history.searchable = from_five;
	info = info_of(f, &reply);
	assert_null(json_object_get(info, "searchable_from"));
	json_decref(reply);
	fake_close(f);
}

/* ---- A node in trouble */

/* Another's position and what is disputed, under their names in hexadecimal. */
static void positions_are_told(struct fake *f)
{
	json_t *o = fake_call(f, VIA_ADMIN, "consensus_info", "{}"), *info, *p, *d;

	info = json_object_get(o, "info");
	assert_int_equal(json_object_size(json_object_get(info, "peer_positions")), 1);
	p = json_object_iter_value(json_object_iter(json_object_get(info, "peer_positions")));
	assert_int_equal(number_of(p, "propose_seq"), 3);
	assert_string_equal(text_of(p, "close_time"), "800000060");
	assert_string_equal(text_of(p, "peer_id"), node_public_text(&f->node.unl[2]).s);
	assert_int_equal(json_object_size(json_object_get(info, "disputes")), 1);
	d = json_object_iter_value(json_object_iter(json_object_get(info, "disputes")));
	assert_int_equal(number_of(d, "yays"), 1);
	assert_int_equal(number_of(d, "nays"), 2);
	assert_true(json_is_false(json_object_get(d, "our_vote")));
	json_decref(o);
}

/* What is wrong with validators is told to administrators, our own key's double to all. */
static void troubles_are_told(void **state)
{
	struct fake *f = scenario_open(true, false);
	json_t *calm = fake_call(f, VIA_ADMIN, "validators", "{}"), *o, *e, *info;

	(void)state;
	o = calm;
	assert_null(json_object_get(o, "NegativeUNL"));
	assert_null(json_object_get(o, "evidence"));
	json_decref(calm);
	f->node.troubled = true;
	calm = fake_call(f, VIA_ADMIN, "validators", "{}");
	o = calm;
	assert_int_equal(json_array_size(json_object_get(o, "NegativeUNL")), 1);
	assert_string_equal(
	    json_string_value(json_array_get(json_object_get(o, "NegativeUNL"), 0)),
	    json_string_value(json_array_get(json_object_get(o, "local_static_keys"), 4)));
	e = json_object_get(o, "evidence");
	assert_int_equal(json_array_size(e), 2);
	assert_string_equal(text_of(json_array_get(e, 0), "kind"), "validations");
	assert_int_equal(number_of(json_array_get(e, 0), "ledger_index"), 5);
	assert_string_equal(text_of(json_array_get(e, 1), "kind"), "proposals");
	assert_int_equal(number_of(json_array_get(e, 1), "propose_seq"), 6);
	json_decref(calm);
	calm = fake_call(f, VIA_HTTP, "server_info", "{}");
	info = json_object_get(calm, "info");
	assert_true(json_is_true(json_object_get(info, "key_elsewhere")));
	assert_null(json_object_get(info, "evidence"));
	json_decref(calm);
	calm = fake_call(f, VIA_ADMIN, "server_info", "{}");
	info = json_object_get(calm, "info");
	assert_int_equal(number_of(info, "evidence"), 2);
	json_decref(calm);
	positions_are_told(f);
	fake_close(f);
}

static void behind_the_network(void **state)
{
	static const char *needy[] = {"ledger_closed", "ledger_current", "fee", "tx", "submit"};
	struct fake *f = scenario_open(true, false);

	(void)state;
	f->clock.s += RPC_VALIDATED_AGE_MAX + 100;
	for (size_t i = 0; i < sizeof(needy) / sizeof(needy[0]); i++) {
		fake_ask_fails(f, needy[i], "{}", "noCurrent");
		fake_ask_fails(f, needy[i], "{\"api_version\":2}", "notSynced");
	}
	fake_ask_fails(f, "ledger", "{\"ledger_index\":\"validated\"}", "noNetwork");
	fake_ask_fails(f, "account_info", "{\"account\":\"rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh\"}",
		       "noNetwork");
	fake_ask_fails(f, "ledger", "{\"ledger_index\":\"closed\",\"api_version\":2}", "notSynced");
	/* What is validated stays what it is: by number and by hash it is still served. */
	json_decref(fake_call(f, VIA_HTTP, "ledger", "{\"ledger_index\":5}"));
	f->clock.s -= RPC_VALIDATED_AGE_MAX + 100;
	f->node.state = NODE_CONNECTED;
	fake_ask_fails(f, "tx", "{}", "noNetwork");
	fake_ask_fails(f, "tx", "{\"api_version\":2}", "notSynced");
	fake_close(f);
}

static void store_errors_are_no_absence(void **state)
{
	struct fake *f = scenario_open(false, false);
	char params[300];

	(void)state;
	f->history_err = ERR_IO;
	(void)snprintf(params, sizeof(params), "{\"transaction\":\"%s\"}",
		       hash256_hex(&f->node.chain[3]->hash).s);
	fake_ask_fails(f, "tx", params, "internal");
	fake_ask_fails(f, "ledger", "{\"ledger_index\":2}", "internal");
	(void)snprintf(params, sizeof(params), "{\"ledger_hash\":\"%s\"}",
		       hash256_hex(&f->node.chain[1]->hash).s);
	fake_ask_fails(f, "ledger", params, "internal");
	fake_ask_fails(f, "account_tx", "{\"account\":\"rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh\"}",
		       "internal");
	f->history_err = ERR_NONE;
	f->no_state = true;
	fake_ask_fails(f, "ledger_data", "{\"ledger_index\":2}", "lgrNotFound");
	fake_close(f);
}

static void nothing_validated_yet(void **state)
{
	struct fake *f = scenario_open(true, false);

	(void)state;
	f->node.validated = 0;
	f->node.state = NODE_SYNCING;
	fake_ask_fails(f, "ledger", "{\"ledger_index\":\"validated\"}", "noNetwork");
	fake_ask_fails(f, "account_tx", "{\"account\":\"rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh\"}",
		       "lgrIdxsInvalid");
	fake_ask_fails(f, "ledger_closed", "{}", "noCurrent");
	json_decref(fake_call(f, VIA_HTTP, "server_info", "{}"));
	fake_ask_text(f, VIA_HTTP, "{\"method\":\"server_info\"}");
	buf_put_u8(&f->reply, 0);
	assert_non_null(strstr((char *)f->reply.p, "\"closed_ledger\":{"));
	assert_non_null(strstr((char *)f->reply.p, "\"complete_ledgers\":\"empty\""));
	fake_close(f);
}

/* ---- The rest */

static void definitions(void **state)
{
	struct fake *f = fake_open(NULL);
	json_t *all = fake_call(f, VIA_HTTP, "server_definitions", "{}"), *again;
	char params[120];

	(void)state;
	assert_true(json_array_size(json_object_get(all, "FIELDS")) > 300);
	assert_int_equal(json_integer_value(
			     json_object_get(json_object_get(all, "TRANSACTION_TYPES"), "Payment")),
			 0);
	(void)snprintf(params, sizeof(params), "{\"hash\":\"%s\"}", text_of(all, "hash"));
	again = fake_call(f, VIA_HTTP, "server_definitions", params);
	assert_null(json_object_get(again, "FIELDS"));
	assert_string_equal(text_of(again, "hash"), text_of(all, "hash"));
	json_decref(again);
	again = fake_call(f, VIA_HTTP, "server_definitions", "{}");
	assert_true(json_equal(all, again));
	json_decref(again);
	json_decref(all);
	fake_close(f);
}

static void all_features(void **state)
{
	struct fake *f = fake_open(NULL);
	json_t *r = fake_call(f, VIA_ADMIN, "feature", "{}"), *v;
	struct fake_options none = {.no_amendments = true};
	size_t n, enabled = 0, supported = 0;
	const char *key;

	(void)state;
	amendments_all(&n);
	assert_int_equal(json_object_size(json_object_get(r, "features")), n);
	json_object_foreach(json_object_get(r, "features"), key, v)
	{
		enabled += json_is_true(json_object_get(v, "enabled"));
		supported += json_is_true(json_object_get(v, "supported"));
	}
	assert_int_equal(enabled, supported);
	assert_true(enabled > 0);
	json_decref(r);
	fake_close(f);
	f = fake_open(&none);
	r = fake_call(f, VIA_HTTP, "feature", "{\"feature\":\"XRPFees\"}");
	json_object_foreach(r, key, v) if (json_is_object(v))
	    assert_true(json_is_false(json_object_get(v, "enabled")));
	json_decref(r);
	r = fake_ask(f, VIA_WS, "{\"command\":\"subscribe\",\"streams\":[\"ledger\"]}");
	assert_int_equal(number_of(json_object_get(r, "result"), "fee_ref"), 10);
	json_decref(r);
	fake_close(f);
}

static json_t *feature(struct fake *f, struct fake_via via, const char *name)
{
	char params[200];

	(void)snprintf(params, sizeof(params), "{\"feature\":\"%s\"}", name);
	return fake_call(f, via, "feature", params);
}

/* Unknown to this program, but known to the ledger: X is in force, Y has a majority. */
#define X_ID "EE00000000000000000000000000000000000000000000000000000000000001"
#define Y_ID "EE00000000000000000000000000000000000000000000000000000000000002"

static void plant_strangers(struct tree *state)
{
	struct arena a = ARENA_INIT;
	struct st_object *o = st_new(&a), *m;
	struct hash256 x = hash_of_hex(X_ID), y = hash_of_hex(Y_ID);

	st_set_u(o, sfLedgerEntryType, ltAmendments);
	st_set_u(o, sfFlags, 0);
	st_set_raw(o, sfAmendments, bytes_of(x.b, sizeof(x.b)));
	m = st_array_add(st_set_array(o, sfMajorities), &a, sfMajority);
	st_set_hash256(m, sfAmendment, &y);
	st_set_u(m, sfCloseTime, 777);
	plant_entry(state, keylet_amendments(), o);
	arena_close(&a);
}

static void features_that_only_the_ledger_knows(void **state)
{
	struct fake_options o = {.network = true, .plant = plant_strangers};
	struct fake *f = fake_open(&o);
	json_t *r = fake_call(f, VIA_HTTP, "feature", "{}"), *all = json_object_get(r, "features"),
	       *v;

	(void)state;
	v = json_object_get(all, X_ID);
	assert_true(json_is_true(json_object_get(v, "enabled")));
	assert_true(json_is_false(json_object_get(v, "supported")));
	assert_null(json_object_get(v, "name"));
	v = json_object_get(all, Y_ID);
	assert_true(json_is_false(json_object_get(v, "enabled")));
	assert_int_equal(number_of(v, "majority"), 777);
	assert_null(json_object_get(v, "vetoed")); /* for administrators */
	json_decref(r);

	f->node.counted = true;
	r = feature(f, VIA_ADMIN, Y_ID);
	v = json_object_get(r, Y_ID);
	assert_int_equal(number_of(r, "majority"), 777);
	assert_null(json_object_get(v, "majority"));
	assert_int_equal(number_of(v, "count"), 2);
	assert_int_equal(number_of(v, "threshold"), 4);
	assert_int_equal(number_of(v, "validations"), 5);
	assert_true(json_is_true(json_object_get(v, "vetoed")));
	json_decref(r);
	r = feature(f, VIA_HTTP, Y_ID);
	assert_null(json_object_get(json_object_get(r, Y_ID), "count"));
	json_decref(r);
	r = feature(f, VIA_ADMIN, X_ID);
	v = json_object_get(r, X_ID);
	assert_null(json_object_get(v, "count")); /* it is in force */
	assert_null(json_object_get(v, "vetoed"));
	json_decref(r);
	r = feature(f, VIA_ADMIN,
		    "EE00000000000000000000000000000000000000000000000000000000000003");
	assert_string_equal(text_of(r, "error"), "badFeature");
	json_decref(r);
	r = fake_call(f, VIA_HTTP, "feature", "{\"feature\":\"" Y_ID "\",\"vetoed\":false}");
	assert_string_equal(text_of(r, "error"), "noPermission");
	json_decref(r);
	fake_close(f);
}

static const json_t *warning(const json_t *info, unsigned id)
{
	const json_t *list = json_object_get(info, "warnings");

	for (size_t i = 0; i < json_array_size(list); i++)
		if (number_of(json_array_get(list, i), "id") == id)
			return json_array_get(list, i);
	return NULL;
}

/* Everybody hears that a server is too old, administrators that it is going to be. */
static void warnings_of_amendments(void **state)
{
	struct fake_options o = {.network = true};
	struct fake *f = fake_open(&o);
	json_t *r = fake_call(f, VIA_ADMIN, "server_info", "{}"),
	       *info = json_object_get(r, "info");
	const json_t *w;

	(void)state;
	assert_null(json_object_get(info, "warnings"));
	assert_null(json_object_get(info, "amendment_blocked"));
	json_decref(r);
	f->node.amendment_warned = true;
	f->node.steps++;
	r = fake_call(f, VIA_HTTP, "server_info", "{}");
	assert_null(json_object_get(json_object_get(r, "info"), "warnings"));
	json_decref(r);
	r = fake_call(f, VIA_ADMIN, "server_info", "{}");
	w = json_object_get(warning(json_object_get(r, "info"), 1001), "details");
	assert_int_equal(number_of(w, "expected_date"), 800000100);
	assert_string_equal(text_of(w, "expected_date_UTC"), "2025-May-08 06:15:00.000000000 UTC");
	json_decref(r);
	f->node.amendment_warned = false;
	f->node.amendment_blocked = true;
	f->node.steps++;
	r = fake_call(f, VIA_HTTP, "server_state", "{}");
	info = json_object_get(r, "state");
	assert_non_null(warning(info, 1002));
	assert_true(json_is_true(json_object_get(info, "amendment_blocked")));
	json_decref(r);
	fake_close(f);
}

/* Every method answers every request in some way, whoever asks; names are unique per version. */
static void every_method_answers(void **state)
{
	struct fake *f = scenario_open(true, true);
	size_t n;
	const struct rpc_method *m = rpc_methods(&n);
	char text[120];

	(void)state;
	for (size_t i = 0; i < n; i++) {
		for (unsigned version = 1; version <= 2; version++) {
			struct fake_via via[] = {VIA_HTTP, VIA_ADMIN, VIA_WS};

			for (size_t k = 0; k < 3; k++) {
				if (strcmp(m[i].name, "stop") == 0 && via[k].admin)
					continue;
				(void)snprintf(text, sizeof(text),
					       via[k].websocket
						   ? "{\"command\":\"%s\",\"api_version\":%u}"
						   : "{\"method\":\"%s\",\"params\":[{"
						     "\"api_version\":%u}]}",
					       m[i].name, version);
				json_decref(fake_ask(f, via[k], text));
			}
		}
		assert_ptr_equal(rpc_method_find(m[i].name, m[i].version_max), &m[i]);
		assert_true(strlen(m[i].summary) > 5);
	}
	fake_close(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(decimals_are_exact),
	    cmocka_unit_test(writer_escapes),
	    cmocka_unit_test(fees_are_shown_exactly),
	    cmocka_unit_test(bad_bodies),
	    cmocka_unit_test(too_large_a_body),
	    cmocka_unit_test(http_status_on_request),
	    cmocka_unit_test(submit_answers_later),
	    cmocka_unit_test(waiting_calls_are_bounded),
	    cmocka_unit_test(accept_answers_later),
	    cmocka_unit_test(stop_replies_first),
	    cmocka_unit_test(pages_have_every_row_once),
	    cmocka_unit_test(open_state_shows_changes),
	    cmocka_unit_test(replies_are_bounded),
	    cmocka_unit_test(joining_is_told),
	    cmocka_unit_test(troubles_are_told),
	    cmocka_unit_test(behind_the_network),
	    cmocka_unit_test(store_errors_are_no_absence),
	    cmocka_unit_test(nothing_validated_yet),
	    cmocka_unit_test(definitions),
	    cmocka_unit_test(all_features),
	    cmocka_unit_test(features_that_only_the_ledger_knows),
	    cmocka_unit_test(warnings_of_amendments),
	    cmocka_unit_test(every_method_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
