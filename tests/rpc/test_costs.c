/* SPDX-License-Identifier: ISC */
#include "tests/rpc/scenario.h"

#include "rpc/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* What requests are charged, and what a client hears of it. */

static struct {
	uint32_t cost, times;
	bool admin, warn;
	char address[64];
} bill;

static bool take(void *ctx, const struct rpc_origin *from, uint32_t cost)
{
	(void)ctx;
	bill.cost = cost;
	bill.times++;
	bill.admin = from->admin;
	snprintf(bill.address, sizeof(bill.address), "%s", from->address);
	return bill.warn;
}

static int open_world(void **state)
{
	struct fake *f = scenario_open(false, false);

	memset(&bill, 0, sizeof(bill));
	f->rpc->host.charge = take;
	*state = f;
	return 0;
}

static int close_world(void **state)
{
	fake_close(*state);
	return 0;
}

/* The reply, and that it was charged once. */
static json_t *ask(struct fake *f, struct fake_via via, const char *text)
{
	json_t *filled = json_loads(text, 0, NULL), *asked = scenario_fill(f, filled), *reply;
	char *line = json_dumps(asked, 0);

	bill.times = 0;
	reply = fake_ask(f, via, line);
	assert_int_equal(bill.times, 1);
	free(line);
	json_decref(filled);
	json_decref(asked);
	return reply;
}

static void each_is_charged_once(void **state)
{
	static const struct {
		const char *command;
		uint32_t cost;
	} rows[] = {
	    {"{\"command\":\"ping\"}", RPC_COST_REFERENCE},
	    {"{\"command\":\"account_info\",\"account\":\"${alice}\"}", RPC_COST_REFERENCE},
	    {"{\"command\":\"account_tx\",\"account\":\"${alice}\"}", RPC_COST_MEDIUM},
	    {"{\"command\":\"gateway_balances\",\"account\":\"${alice}\"}", RPC_COST_HEAVY},
	    /* Mistakes cost more than what they failed to ask. */
	    {"{\"command\":\"account_info\"}", RPC_COST_FAULT},
	    {"{\"command\":\"nothing_of_that_name\"}", RPC_COST_MALFORMED},
	    {"{\"id\":1}", RPC_COST_MALFORMED},
	    {"{\"command\":\"ping\",\"api_version\":77}", RPC_COST_MALFORMED},
	    {"[]", RPC_COST_MALFORMED},
	};
	struct fake *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_decref(ask(f, VIA_WS, rows[i].command));
		/* What is sent and answered counts as well, a charge for each KiB. */
		if (bill.cost < rows[i].cost || bill.cost > rows[i].cost + 8)
			fail_msg("%s costs %u, not %u", rows[i].command, bill.cost, rows[i].cost);
	}
}

static void bytes_count(void **state)
{
	struct fake *f = *state;
	char *text = mem_zalloc(1, 100 * 1024 + 100);
	size_t n = (size_t)sprintf(text, "{\"method\":\"ping\",\"params\":[{\"x\":\"");

	memset(text + n, 'y', 100 * 1024);
	strcat(text, "\"}]}");
	json_decref(ask(f, VIA_HTTP, text));
	assert_in_range(bill.cost, RPC_COST_REFERENCE + 100, RPC_COST_REFERENCE + 102);
	mem_free(text);
}

static void the_warning_is_in_every_form_of_answer(void **state)
{
	static const char *const texts[] = {
	    "{\"command\":\"ping\"}",
	    "{\"command\":\"account_info\"}",
	    "{\"id\":1}",
	};
	struct fake *f = *state;
	json_t *r;

	for (int warn = 0; warn < 2; warn++) {
		const char *wanted = warn ? "load" : NULL;

		bill.warn = warn;
		for (size_t i = 0; i < 3; i++) {
			const char *got;

			r = ask(f, VIA_WS, texts[i]);
			got = json_string_value(json_object_get(r, "warning"));
			assert_true(wanted ? got && !strcmp(got, wanted) : !got);
			json_decref(r);
		}
		r = ask(f, VIA_HTTP, "{\"method\":\"ping\",\"params\":[{}]}");
		assert_null(json_object_get(r, "warning"));
		assert_int_equal(json_object_get(json_object_get(r, "result"), "warning") != NULL,
				 warn);
		json_decref(r);
	}
}

static void refused_without_work(void **state)
{
	static const char text[] = "{\"id\":{\"a\":7},\"command\":\"submit\",\"secret\":\"s\"}";
	struct fake *f = *state;
	struct rpc_origin from = {.request = 99, .conn = 1, .websocket = true, .address = "x"};
	json_t *r, *id;

	bill.times = 0;
	rpc_refuse(f->rpc, &from, bytes_str(text), RPC_SLOW_DOWN);
	assert_int_equal(bill.times, 0);
	assert_int_equal(f->replied, 99);
	r = json_loadb((const char *)f->reply.p, f->reply.n, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(r, "error")), "slowDown");
	assert_int_equal(json_integer_value(json_object_get(r, "error_code")), 10);
	assert_string_equal(json_string_value(json_object_get(r, "warning")), "load");
	assert_string_equal(json_string_value(json_object_get(r, "status")), "error");
	id = json_object_get(r, "id");
	assert_int_equal(json_integer_value(json_object_get(id, "a")), 7);
	assert_null(memmem(f->reply.p, f->reply.n, "\"s\"", 3));
	json_decref(r);
	/* What cannot be read is refused all the same. */
	from.request = 100;
	rpc_refuse(f->rpc, &from, bytes_str("]["), RPC_SLOW_DOWN);
	assert_int_equal(f->replied, 100);
}

int main(void)
{
#define WORLD(t) cmocka_unit_test_setup_teardown(t, open_world, close_world)
	const struct CMUnitTest tests[] = {
	    WORLD(each_is_charged_once),
	    WORLD(bytes_count),
	    WORLD(the_warning_is_in_every_form_of_answer),
	    WORLD(refused_without_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
