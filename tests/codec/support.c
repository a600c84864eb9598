/* SPDX-License-Identifier: ISC */
#include "tests/codec/support.h"

#include <stdio.h>
#include <stdlib.h>

json_t *vectors_load(const char *name)
{
	const char *dir = getenv("TALLY_VECTORS"), *ci = getenv("CI");
	char path[1024];
	json_error_t error;
	json_t *out;

	(void)snprintf(path, sizeof(path), "%s/%s", dir ? dir : "../shared/vectors", name);
	out = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (out)
		return out;
	if (json_error_code(&error) != json_error_cannot_open_file)
		fail_msg("%s: line %d: %s", path, error.line, error.text);
	if (ci && strcmp(ci, "true") == 0)
		fail_msg("%s is absent", path);
	print_message("SKIP: vectors not found (%s)\n", path);
	return NULL;
}

struct bytes unhex(struct arena *a, const char *hex)
{
	size_t n = strlen(hex) / 2;
	uint8_t *p = arena_alloc(a, n + 1);

	if (!hex_decode(p, n, hex, strlen(hex)))
		fail_msg("not hex: %s", hex);
	return bytes_of(p, n);
}

const char *hex_of(struct arena *a, struct bytes in)
{
	char *out = arena_alloc(a, 2 * in.n + 1);

	hex_encode(out, in.p, in.n);
	return out;
}

struct bytes encoded(struct arena *a, const struct st_object *o, enum st_encode_what what)
{
	struct buf b = BUF_INIT;
	struct bytes out;

	st_encode(&b, o, what);
	out = bytes_of(arena_copy(a, b.p, b.n), b.n);
	buf_close(&b);
	return out;
}

static json_t *parse(const char *text)
{
	char *copy = strdup(text);
	json_error_t error;
	json_t *out;

	for (char *p = copy; *p; p++) {
		if (*p == '\'')
			*p = '"';
	}
	out = json_loads(copy, JSON_DECODE_ANY, &error);
	if (!out)
		fail_msg("test text is no JSON: %s: %s", copy, error.text);
	free(copy);
	return out;
}

struct st_object *from_text(struct arena *a, const char *text)
{
	struct st_object *o = NULL;
	struct why why = {{0}};
	json_t *in = parse(text);

	if (st_from_json(&o, a, in, &why))
		fail_msg("%s: %s", text, why.text);
	json_decref(in);
	return o;
}

enum err error_of_text(struct why *why, const char *text)
{
	struct arena a = ARENA_INIT;
	struct st_object *o = NULL;
	json_t *in = parse(text);
	enum err e = st_from_json(&o, &a, in, why);

	json_decref(in);
	arena_close(&a);
	return e;
}

enum err error_of_hex(struct why *why, const char *hex)
{
	struct arena a = ARENA_INIT;
	struct st_object *o = NULL;
	enum err e = st_decode(&o, &a, unhex(&a, hex), why);

	arena_close(&a);
	return e;
}

const char *text_of(struct arena *a, const struct st_object *o)
{
	json_t *json = st_to_json(o);
	char *text = json_dumps(json, JSON_COMPACT);
	const char *out = arena_copy(a, text, strlen(text) + 1);

	free(text);
	json_decref(json);
	return out;
}
