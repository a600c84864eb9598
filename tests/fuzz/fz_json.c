/* SPDX-License-Identifier: ISC */
#include "codec/json.h"

/* JSON text → object → bytes → object → JSON → the same bytes. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct arena *a, const struct st_object *o)
{
	struct buf first = BUF_INIT, second = BUF_INIT;
	struct st_object *decoded, *back;
	struct why why;
	json_t *json;

	st_encode(&first, o, ST_ALL);
	must(st_decode(&decoded, a, buf_bytes(&first), &why) == ERR_NONE);
	must(st_eq(o, decoded));
	json = st_to_json(decoded);
	must(st_from_json(&back, a, json, &why) == ERR_NONE);
	json_decref(json);
	st_encode(&second, back, ST_ALL);
	must(bytes_eq(buf_bytes(&first), buf_bytes(&second)));
	buf_close(&first);
	buf_close(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = ARENA_INIT;
	struct st_object *o;
	struct why why;
	json_t *json;

	if (json_parse_bounded(&json, bytes_of(data, size), &why) == ERR_NONE) {
		if (st_from_json(&o, &a, json, &why) == ERR_NONE)
			check(&a, o);
		json_decref(json);
	}
	arena_close(&a);
	return 0;
}
