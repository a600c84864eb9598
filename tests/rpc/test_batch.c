/* SPDX-License-Identifier: ISC */
#include "tests/tx/support.h"

#include "tests/rpc/scenario.h"

#include "base/limits.h"
#include "rpc/call.h"

#include <stdio.h>
#include <stdlib.h>

/* Batches over HTTP, and the forms of the envelope that "ripplerpc" chooses. */

/* ---- Batches */

/* The reply is this list. Single quotes stand for double ones. */
static void expect(struct fake *f, const char *items, const char *wanted)
{
	struct buf text = BUF_INIT;
	json_t *got, *want;
	char *quoted = mem_zalloc(1, strlen(wanted) + 1);

	buf_printf(&text, "{\"method\":\"batch\",\"params\":%s}", items);
	buf_put_u8(&text, 0);
	for (char *s = (char *)text.p; *s; s++)
		if (*s == '\'')
			*s = '"';
	for (size_t i = 0; wanted[i]; i++)
		quoted[i] = wanted[i] == '\'' ? '"' : wanted[i];
	f->replies = 0;
	got = fake_ask(f, VIA_HTTP, (char *)text.p);
	assert_int_equal(f->replies, 1);
	want = json_loads(quoted, 0, NULL);
	assert_non_null(want);
	if (!json_equal(got, want))
		fail_msg("%.*s instead of %s", (int)f->reply.n, (char *)f->reply.p, quoted);
	assert_int_equal(f->status, 200);
	json_decref(got);
	json_decref(want);
	mem_free(quoted);
	buf_close(&text);
}

static void items_are_answered_in_order(void **state)
{
	struct fake *f = scenario_open(false, false);

	(void)state;
	expect(f, "[]", "[]");
	expect(f, "[{'method':'ledger_current'},{'method':'ping','id':3,'jsonrpc':'2.0'}]",
	       "[{'result':{'ledger_current_index':7,'status':'success'}},"
	       "{'result':{'status':'success'},'id':3,'jsonrpc':'2.0'}]");
	/* Versions stand beside the method or in its params; the envelope is each item's own. */
	expect(f,
	       "[{'method':'version'},{'method':'version','api_version':2},"
	       "{'method':'version','params':[{'api_version':2}]},"
	       "{'method':'nothing','ripplerpc':'2.0'}]",
	       "[{'result':{'version':{'first':'1.0.0','good':'1.0.0','last':'1.0.0'},"
	       "'status':'success'}},"
	       "{'result':{'version':{'first':1,'last':2},'status':'success'}},"
	       "{'result':{'version':{'first':1,'last':2},'status':'success'}},"
	       "{'error':{'error':'unknownCmd','error_code':32,'code':32,"
	       "'message':'Unknown method.','status':'error'},'ripplerpc':'2.0'}]");
	fake_close(f);
}

static void items_that_are_no_calls(void **state)
{
	struct fake *f = scenario_open(false, false);

	(void)state;
	expect(f,
	       "[5,null,{},{'method':null,'id':1},{'method':7},{'method':'','secret':'s'},"
	       "{'method':'ping','api_version':9},{'method':'ping','ripplerpc':2},"
	       "{'method':'stop'},{'method':'batch','params':[]},{'method':'ping'}]",
	       "[{'request':5,'error':{'code':-32601,'message':'Method not found'}},"
	       "{'request':null,'error':{'code':-32601,'message':'Method not found'}},"
	       "{'error':{'code':-32601,'message':'Null method'}},"
	       "{'method':null,'id':1,'error':{'code':-32601,'message':'Null method'}},"
	       "{'method':7,'error':{'code':-32601,'message':'method is not string'}},"
	       "{'method':'','secret':'<masked>',"
	       "'error':{'code':-32601,'message':'method is empty'}},"
	       "{'request':{'method':'ping','api_version':9},"
	       "'error':{'code':-32606,'message':'invalid_API_version'}},"
	       "{'method':'ping','ripplerpc':2,"
	       "'error':{'code':-32601,'message':'ripplerpc is not a string'}},"
	       "{'method':'stop','error':{'code':-32605,'message':'Forbidden'}},"
	       "{'result':{'error':'unknownCmd','error_code':32,'error_message':'Unknown method.',"
	       "'status':'error','request':{'method':'batch','params':[],'command':'batch'}}},"
	       "{'result':{'status':'success'}}]");
	assert_false(f->stopped);
	fake_close(f);
}

static void malformed_batches(void **state)
{
	static const char *const bad[] = {
	    "{\"method\":\"batch\"}",
	    "{\"method\":\"batch\",\"params\":{}}",
	    "{\"method\":\"batch\",\"params\":null}",
	    "{\"method\":\"batch\",\"params\":\"x\"}",
	};
	struct fake *f = scenario_open(false, false);
	struct buf b = BUF_INIT;
	json_t *r;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		r = fake_ask(f, VIA_HTTP, bad[i]);
		assert_int_equal(f->status, 400);
		json_decref(r);
	}
	for (int n = RPC_BATCH_MAX; n <= RPC_BATCH_MAX + 1; n++) {
		buf_clear(&b);
		buf_printf(&b, "{\"method\":\"batch\",\"params\":[{\"method\":\"ping\"}");
		for (int i = 1; i < n; i++)
			buf_printf(&b, ",{\"method\":\"ping\"}");
		buf_printf(&b, "]}");
		buf_put_u8(&b, 0);
		r = fake_ask(f, VIA_HTTP, (char *)b.p);
		assert_int_equal(f->status, n <= RPC_BATCH_MAX ? 200 : 400);
		if (n <= RPC_BATCH_MAX)
			assert_int_equal(json_array_size(r), RPC_BATCH_MAX);
		json_decref(r);
	}
	/* WebSocket has no such command. */
	r = fake_ask(f, VIA_WS, "{\"command\":\"batch\",\"params\":[]}");
	fake_assert_error(r, "unknownCmd");
	json_decref(r);
	buf_close(&b);
	fake_close(f);
}

static char *submits_text(struct fake *f)
{
	char *one = scenario_payment(f, "alice", 7, "carol", 100);
	char *two = scenario_payment(f, "alice", 8, "carol", 100);
	char *text = mem_zalloc(1, 4000);

	assert_true(snprintf(text, 4000,
			     "{\"method\":\"batch\",\"params\":["
			     "{\"method\":\"ledger_current\",\"id\":0},"
			     "{\"method\":\"submit\",\"tx_blob\":\"%s\",\"id\":1},"
			     "{\"method\":\"submit\",\"tx_blob\":\"%s\",\"id\":2},"
			     "{\"method\":\"ping\",\"id\":3}]}",
			     one, two) < 4000);
	mem_free(one);
	mem_free(two);
	return text;
}

/* An item waits for the node's answer to the one before. */
static void items_wait_for_the_node(void **state)
{
	struct fake *f = scenario_open(false, false);
	char *text = submits_text(f);
	json_t *r;

	(void)state;
	f->deferred = true;
	f->replies = 0;
	fake_ask_text(f, VIA_HTTP, text);
	assert_int_equal(f->replies, 0);
	fake_answer(f);
	assert_int_equal(f->replies, 0); /* the second one waits now */
	fake_answer(f);
	assert_int_equal(f->replies, 1);
	r = json_loadb((char *)f->reply.p, f->reply.n, 0, NULL);
	assert_int_equal(json_array_size(r), 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(number_of(json_array_get(r, i), "id"), i);
	for (size_t i = 1; i < 3; i++)
		assert_string_equal(
		    text_of(json_object_get(json_array_get(r, i), "result"), "engine_result"),
		    "tesSUCCESS");
	json_decref(r);
	mem_free(text);
	fake_close(f);
}

/* The API ends while an item waits: nothing is left. */
static void waiting_batches_are_let_go(void **state)
{
	struct fake *f = scenario_open(false, false);
	char *text = submits_text(f);

	(void)state;
	f->deferred = true;
	fake_ask_text(f, VIA_HTTP, text);
	mem_free(text);
	fake_close(f);
}

static uint32_t charges;
static uint64_t charged;

static bool count_charge(void *ctx, const struct rpc_origin *from, uint32_t cost)
{
	(void)ctx;
	assert_string_equal(from->address, "[::1]");
	charges++;
	charged += cost;
	return true;
}

static void every_item_is_charged(void **state)
{
	struct fake *f = scenario_open(false, false);
	struct rpc_origin from = {.request = 5, .address = "[::1]"};
	static const char text[] = "{\"method\":\"batch\",\"params\":[{\"method\":\"ping\"},3,"
				   "{\"method\":\"account_tx\"},{\"method\":\"sign\"}]}";
	json_t *r;

	(void)state;
	rpc_close(f->rpc);
	f->host.charge = count_charge;
	f->rpc = rpc_open(&f->host);
	rpc_request(f->rpc, &from, bytes_str(text));
	assert_int_equal(charges, 4);
	assert_in_range(
	    charged, RPC_COST_REFERENCE + RPC_COST_MALFORMED + RPC_COST_MEDIUM + RPC_COST_HEAVY,
	    RPC_COST_REFERENCE + RPC_COST_MALFORMED + RPC_COST_MEDIUM + RPC_COST_HEAVY + 10);
	r = json_loadb((char *)f->reply.p, f->reply.n, 0, NULL);
	/* Each says that it was too much. */
	assert_string_equal(text_of(json_object_get(json_array_get(r, 0), "result"), "warning"),
			    "load");
	json_decref(r);
	fake_close(f);
}

static void long_answers_end_a_batch(void **state)
{
	struct fake *f = scenario_open(false, false);
	struct buf b = BUF_INIT;
	json_t *r, *error = NULL;
	size_t i, answered = 0;

	(void)state;
	buf_printf(&b, "{\"method\":\"batch\",\"params\":[");
	for (i = 0; i < RPC_BATCH_MAX; i++)
		buf_printf(&b, "%s{\"method\":\"server_definitions\"}", i ? "," : "");
	buf_printf(&b, "]}");
	buf_put_u8(&b, 0);
	r = fake_ask(f, VIA_HTTP, (char *)b.p);
	assert_int_equal(json_array_size(r), RPC_BATCH_MAX);
	for (i = 0; i < RPC_BATCH_MAX; i++)
		if (json_object_get(json_array_get(r, i), "result"))
			answered++;
		else
			error = json_object_get(json_array_get(r, i), "error");
	assert_in_range(f->reply.n, RPC_BATCH_REPLY_MAX, RPC_BATCH_REPLY_MAX + (1u << 20));
	assert_true(answered < RPC_BATCH_MAX);
	assert_int_equal((int32_t)number_of(error, "code"), -32604);
	json_decref(r);
	buf_close(&b);
	fake_close(f);
}

/* ---- Forms of the envelope */

static void the_forms_of_ripplerpc(void **state)
{
	static const struct {
		const char *params; /* single quotes for double ones */
		const char *reply;
		int status;
	} rows[] = {
	    {"'id':[1,{'a':null}],'jsonrpc':'2.0'",
	     "{'result':{'status':'success'},'id':[1,{'a':null}],'jsonrpc':'2.0'}", 200},
	    {"'ripplerpc':'1.0'", "{'result':{'status':'success'},'ripplerpc':'1.0'}", 200},
	    {"'ripplerpc':'2.0','id':1.5",
	     "{'result':{'status':'success'},'id':1.5,'ripplerpc':'2.0'}", 200},
	    {"'ripplerpc':'3.0'", "{'result':{'status':'success'},'ripplerpc':'3.0'}", 200},
	    {"'ripplerpc':'','id':null", "{'result':{'status':'success'},'id':null,'ripplerpc':''}",
	     200},
	};
	struct fake *f = scenario_open(false, false);
	char text[300], wanted[300];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *got, *want;

		(void)snprintf(text, sizeof(text), "{'method':'ping','params':[{%s}]}",
			       rows[i].params);
		(void)snprintf(wanted, sizeof(wanted), "%s", rows[i].reply);
		for (char *s = text; *s; s++)
			*s = *s == '\'' ? '"' : *s;
		for (char *s = wanted; *s; s++)
			*s = *s == '\'' ? '"' : *s;
		got = fake_ask(f, VIA_HTTP, text);
		want = json_loads(wanted, 0, NULL);
		assert_non_null(want);
		if (!json_equal(got, want))
			fail_msg("%.*s instead of %s", (int)f->reply.n, (char *)f->reply.p, wanted);
		assert_int_equal(f->status, rows[i].status);
		json_decref(got);
		json_decref(want);
	}
	fake_close(f);
}

/* An error that has a token alone: the later forms say that there is no number. */
static void errors_without_a_number(void **state)
{
	struct fake *f = scenario_open(false, false);
	json_t *r, *e;

	(void)state;
	r = fake_ask(
	    f, VIA_HTTP,
	    "{\"method\":\"submit\",\"params\":[{\"tx_blob\":\"00\",\"ripplerpc\":\"3.0\"}]}");
	e = json_object_get(r, "error");
	fake_assert_error(e, "invalidTransaction");
	assert_true(json_is_null(json_object_get(e, "code")));
	assert_true(json_is_null(json_object_get(e, "message")));
	assert_null(json_object_get(e, "request"));
	assert_int_equal(f->status, 200);
	json_decref(r);
	fake_close(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(items_are_answered_in_order),
	    cmocka_unit_test(items_that_are_no_calls),
	    cmocka_unit_test(malformed_batches),
	    cmocka_unit_test(items_wait_for_the_node),
	    cmocka_unit_test(waiting_batches_are_let_go),
	    cmocka_unit_test(every_item_is_charged),
	    cmocka_unit_test(long_answers_end_a_batch),
	    cmocka_unit_test(the_forms_of_ripplerpc),
	    cmocka_unit_test(errors_without_a_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
