/* SPDX-License-Identifier: ISC */
#include "tests/tx/support.h"

#include "tests/rpc/scenario.h"

#include "base/limits.h"
#include "rpc/call.h"

#include <stdio.h>
#include <stdlib.h>

/* Batches over HTTP, and the forms of the envelope that "ripplerpc" chooses. */

/* ---- Batches */

static char *doubled(const char *text)
{
	char *out = mem_zalloc(1, strlen(text) + 1);

	for (size_t i = 0; text[i]; i++)
		out[i] = text[i] == '\'' ? '"' : text[i];
	return out;
}

/* The reply is this list. Single quotes stand for double ones. */
static void expect(struct fake *f, const char *items, const char *wanted)
{
	char *ask = doubled(items), *reply = doubled(wanted);
	struct buf text = BUF_INIT;
	json_t *got, *want;

	buf_printf(&text, "{\"method\":\"batch\",\"params\":%s}", ask);
	buf_put_u8(&text, 0);
	got = fake_ask(f, VIA_HTTP, (char *)text.p);
	want = json_loads(reply, 0, NULL);
	assert_non_null(want);
	if (!json_equal(got, want))
		fail_msg("%.*s instead of %s", (int)f->reply.n, (char *)f->reply.p, reply);
	assert_int_equal(f->status, 200);
	json_decref(got);
	json_decref(want);
	mem_free(ask);
	mem_free(reply);
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

/* A key that would protect nothing is not passed over. */
static void a_key_is_for_one_call(void **state)
{
	static const char text[] = "{\"method\":\"batch\",\"params\":[{\"method\":\"ping\"}]}";
	struct fake *f = scenario_open(false, false);
	struct rpc_origin from = {
	    .request = 5, .address = "[::1]", .idempotency_key = bytes_str("key")};

	(void)state;
	rpc_request(f->rpc, &from, bytes_str(text));
	assert_int_equal(f->status, 400);
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

struct form {
	bool websocket;
	const char *ask, *reply; /* single quotes for double ones */
	int status;
};

#define PING          "'result':{},'status':'success','type':'response'"
#define WRONG_VERSION "'status':'error','error':'invalid_API_version','type':'response'"
#define UNKNOWN       "'error':'unknownCmd','error_code':32,"

/* clang-format off */
static const struct form forms[] = {
	/* What matches answers with requests comes back as it came, of whatever type. */
	{true, "{'command':'ping'}", "{" PING "}", 200},
	{true, "{'command':'ping','id':null}", "{" PING ",'id':null}", 200},
	{true, "{'command':'ping','id':true}", "{" PING ",'id':true}", 200},
	{true, "{'command':'ping','id':-1.5e-3}", "{" PING ",'id':-1.5e-3}", 200},
	{true, "{'command':'ping','id':9223372036854775807}",
	       "{" PING ",'id':9223372036854775807}", 200},
	{true, "{'command':'ping','id':{'a':[1,{}]}}", "{" PING ",'id':{'a':[1,{}]}}", 200},
	{true, "{'command':'ping','jsonrpc':2,'ripplerpc':{}}",
	       "{" PING ",'jsonrpc':2,'ripplerpc':{}}", 200},
	{true, "{'command':'ping','api_version':2,'id':'x'}",
	       "{" PING ",'api_version':2,'id':'x'}", 200},
	/* Either name of the command, or both alike. */
	{true, "{'method':'ping','nonsense':[1],'params':5}", "{" PING "}", 200},
	{true, "{'method':'ping','command':'ping'}", "{" PING "}", 200},
	{true, "{'method':'ping','command':'fee','id':1}",
	       "{'status':'error','error':'missingCommand','type':'response','id':1,"
	       "'request':{'method':'ping','command':'fee','id':1}}", 200},
	{true, "{'command':5}", "{'status':'error','error':'missingCommand','type':'response',"
	       "'request':{'command':5}}", 200},
	/* Versions are whole numbers that there are. */
	{true, "{'command':'ping','api_version':'2'}", "{" WRONG_VERSION ",'api_version':'2',"
	       "'request':{'command':'ping','api_version':'2'}}", 200},
	{true, "{'command':'ping','api_version':1.0}", "{" WRONG_VERSION ",'api_version':1.0,"
	       "'request':{'command':'ping','api_version':1.0}}", 200},
	{true, "{'command':'ping','api_version':0}", "{" WRONG_VERSION ",'api_version':0,"
	       "'request':{'command':'ping','api_version':0}}", 200},
	{true, "{'command':'ping','api_version':3}", "{" WRONG_VERSION ",'api_version':3,"
	       "'request':{'command':'ping','api_version':3}}", 200},
	{true, "{'command':'ping','api_version':null}", "{" WRONG_VERSION ",'api_version':null,"
	       "'request':{'command':'ping','api_version':null}}", 200},
	/* Errors: beside the rest on WebSocket, with the request, secrets covered. */
	{true, "{'command':'x','id':1,'secret':'s','seed':'s','passphrase':'s','seed_hex':'s'}",
	       "{" UNKNOWN "'error_message':'Unknown method.','status':'error','type':'response',"
	       "'id':1,'request':{'command':'x','id':1,'secret':'<masked>','seed':'<masked>',"
	       "'passphrase':'<masked>','seed_hex':'<masked>'}}", 200},
	{false, "{'method':'x','params':[{'id':1}]}",
		"{'result':{" UNKNOWN "'error_message':'Unknown method.','status':'error',"
		"'request':{'id':1,'command':'x'}},'id':1}", 200},
	{false, "{'method':'x','params':[{'ripplerpc':'2.0','id':1}]}",
		"{'error':{" UNKNOWN "'code':32,'message':'Unknown method.','status':'error'},"
		"'ripplerpc':'2.0','id':1}", 200},
	{false, "{'method':'x','params':[{'ripplerpc':'3.0'}]}",
		"{'error':{" UNKNOWN "'code':32,'message':'Unknown method.','status':'error'},"
		"'ripplerpc':'3.0'}", 405},
	/* Only what stands in params counts over HTTP. */
	{false, "{'method':'ping','id':7,'ripplerpc':5,'api_version':9}",
		"{'result':{'status':'success'}}", 200},
	{false, "{'method':'ping','params':[{'id':[1,{'a':null}],'jsonrpc':'2.0'}]}",
		"{'result':{'status':'success'},'id':[1,{'a':null}],'jsonrpc':'2.0'}", 200},
	{false, "{'method':'ping','params':[{'ripplerpc':'2.0','id':1.5}]}",
		"{'result':{'status':'success'},'id':1.5,'ripplerpc':'2.0'}", 200},
	{false, "{'method':'ping','params':[{'ripplerpc':'3.0'}]}",
		"{'result':{'status':'success'},'ripplerpc':'3.0'}", 200},
	{false, "{'method':'ping','params':[{'ripplerpc':'','id':null}]}",
		"{'result':{'status':'success'},'id':null,'ripplerpc':''}", 200},
};
/* clang-format on */

static void the_forms_of_the_envelope(void **state)
{
	struct fake *f = scenario_open(false, false);

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		char *ask = doubled(forms[i].ask), *reply = doubled(forms[i].reply);
		json_t *got = fake_ask(f, forms[i].websocket ? VIA_WS : VIA_HTTP, ask);
		json_t *want = json_loads(reply, 0, NULL);

		assert_non_null(want);
		if (!json_equal(got, want) || f->status != forms[i].status)
			fail_msg("%d %.*s instead of %d %s", f->status, (int)f->reply.n,
				 (char *)f->reply.p, forms[i].status, reply);
		json_decref(got);
		json_decref(want);
		mem_free(ask);
		mem_free(reply);
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
	    cmocka_unit_test(a_key_is_for_one_call),
	    cmocka_unit_test(items_wait_for_the_node),
	    cmocka_unit_test(waiting_batches_are_let_go),
	    cmocka_unit_test(every_item_is_charged),
	    cmocka_unit_test(long_answers_end_a_batch),
	    cmocka_unit_test(the_forms_of_the_envelope),
	    cmocka_unit_test(errors_without_a_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
