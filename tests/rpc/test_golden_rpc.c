/* SPDX-License-Identifier: ISC */
#include "tests/tx/support.h"

#include "tests/rpc/scenario.h"

#include <stdio.h>
#include <stdlib.h>

/* Transcripts: tests/rpc/golden/<noun>.json is a list of requests and the answers to them. With
 * TALLY_REWRITE=1 the answers are written anew, and what changed is a readable diff. Each request
 * is {"via": "http" | "admin" | "ws" | "ws-admin", "ask": {...}, "answer": {...}}; every file has a
 * fresh scenario, its requests run in order. */

static struct fake_via via_of(const char *s)
{
	struct fake_via via = {0};

	via.websocket = strncmp(s, "ws", 2) == 0;
	via.admin = strstr(s, "admin") != NULL;
	via.conn = via.websocket ? 1 : 0;
	return via;
}

static void compare(const char *file, size_t i, const json_t *ask, const json_t *wanted,
		    const json_t *got)
{
	char *a, *b, *c;

	if (json_equal(wanted, got))
		return;
	a = json_dumps(ask, JSON_COMPACT);
	b = json_dumps(wanted, JSON_INDENT(1) | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	c = json_dumps(got, JSON_INDENT(1) | JSON_SORT_KEYS);
	print_error("%s, request %zu: %s\nwanted: %s\ngot: %s\n", file, i, a, b ? b : "nothing", c);
	free(a);
	free(b);
	free(c);
	fail();
}

static void run(const char *name, bool network, bool ahead)
{
	bool rewrite = getenv("TALLY_REWRITE") != NULL;
	struct fake *f = scenario_open(network, ahead);
	char path[200];
	json_error_t error;
	json_t *list, *row;
	size_t i;

	(void)snprintf(path, sizeof(path), "tests/rpc/golden/%s.json", name);
	list = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (!list)
		fail_msg("%s:%d: %s", path, error.line, error.text);
	assert_true(json_is_array(list) && json_array_size(list) > 0);
	json_array_foreach(list, i, row)
	{
		json_t *ask = scenario_fill(f, json_object_get(row, "ask"));
		char *text = json_dumps(ask, JSON_COMPACT);
		json_t *got = fake_ask(f, via_of(text_of(row, "via")), text);

		if (rewrite)
			json_object_set(row, "answer", got);
		else
			compare(path, i, ask, json_object_get(row, "answer"), got);
		free(text);
		json_decref(ask);
		json_decref(got);
	}
	if (rewrite)
		assert_int_equal(json_dump_file(list, path, JSON_INDENT(1)), 0);
	json_decref(list);
	fake_close(f);
}

static void golden_server(void **state)
{
	(void)state;
	run("server", false, false);
}

static void golden_network(void **state)
{
	(void)state;
	run("network", true, true);
}

static void golden_account(void **state)
{
	(void)state;
	run("account", false, false);
}

static void golden_owned(void **state)
{
	(void)state;
	run("owned", false, false);
}

static void golden_ledger(void **state)
{
	(void)state;
	run("ledger", false, true);
}

static void golden_entry(void **state)
{
	(void)state;
	run("entry", false, false);
}

static void golden_transaction(void **state)
{
	(void)state;
	run("transaction", false, false);
}

static void golden_submit(void **state)
{
	(void)state;
	run("submit", false, false);
}

static void golden_sign(void **state)
{
	(void)state;
	run("sign", true, false);
}

static void golden_errors(void **state)
{
	(void)state;
	run("errors", false, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(golden_server),      cmocka_unit_test(golden_network),
	    cmocka_unit_test(golden_account),     cmocka_unit_test(golden_owned),
	    cmocka_unit_test(golden_ledger),      cmocka_unit_test(golden_entry),
	    cmocka_unit_test(golden_transaction), cmocka_unit_test(golden_submit),
	    cmocka_unit_test(golden_sign),        cmocka_unit_test(golden_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
