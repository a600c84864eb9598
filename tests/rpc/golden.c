/* SPDX-License-Identifier: ISC */
#include "tests/tx/support.h"

#include "tests/rpc/golden.h"
#include "tests/rpc/scenario.h"

#include <stdio.h>
#include <stdlib.h>

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

void golden_run(struct fake *f, const char *name)
{
	bool rewrite = getenv("TALLY_REWRITE") != NULL;
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
