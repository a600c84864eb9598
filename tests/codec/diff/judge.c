/* SPDX-License-Identifier: ISC
 * codec-judge: answers lines on standard input with lines on standard output.
 *
 *     E <JSON>    encode: "B <hex>", or "R <error> <reason>" when refused
 *     D <hex>     decode: "J <JSON>", or "R <error> <reason>"
 *
 * What decodes must encode back to the same bytes; if not, the answer is "X <hex>". */
#include "codec/json.h"

#include <stdio.h>
#include <stdlib.h>

static void refuse(enum err e, const struct why *why)
{
	printf("R %s %s\n", err_name(e), why->text);
}

static void put_hex(char tag, struct bytes in)
{
	char *hex = mem_alloc(2 * in.n + 1);

	hex_encode(hex, in.p, in.n);
	printf("%c %s\n", tag, hex);
	mem_free(hex);
}

static void encode(struct arena *a, struct bytes text)
{
	struct why why = {{0}};
	struct st_object *o;
	struct buf b = BUF_INIT;
	json_t *in;
	enum err e = json_parse_bounded(&in, text, &why);

	if (e) {
		refuse(e, &why);
		return;
	}
	e = st_from_json(&o, a, in, &why);
	json_decref(in);
	if (e) {
		refuse(e, &why);
		return;
	}
	st_encode(&b, o, ST_ALL);
	put_hex('B', buf_bytes(&b));
	buf_close(&b);
}

static void decode(struct arena *a, const char *hex, size_t n)
{
	uint8_t *p = arena_alloc(a, n / 2 + 1);
	struct bytes in = bytes_of(p, n / 2);
	struct why why = {{0}};
	struct st_object *o;
	struct buf b = BUF_INIT;
	json_t *json;
	char *text;
	enum err e;

	if (!hex_decode(p, n / 2, hex, n)) {
		(void)why_set(&why, ERR_INVALID, "not hex");
		refuse(ERR_INVALID, &why);
		return;
	}
	e = st_decode(&o, a, in, &why);
	if (e) {
		refuse(e, &why);
		return;
	}
	st_encode(&b, o, ST_ALL);
	if (!bytes_eq(buf_bytes(&b), in)) {
		put_hex('X', buf_bytes(&b));
	} else {
		json = st_to_json(o);
		text = json_dumps(json, JSON_COMPACT);
		printf("J %s\n", text);
		free(text);
		json_decref(json);
	}
	buf_close(&b);
}

int main(void)
{
	struct arena a = ARENA_INIT;
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	while ((n = getline(&line, &cap, stdin)) > 0) {
		if (line[n - 1] == '\n')
			n--;
		if (n >= 2 && line[0] == 'E')
			encode(&a, bytes_of(line + 2, (size_t)n - 2));
		else if (n >= 2 && line[0] == 'D')
			decode(&a, line + 2, (size_t)n - 2);
		else if (n == 1 && line[0] == 'F') /* flush: the asker waits for answers */
			fflush(stdout);
		else
			printf("R ERR_INVALID unknown command\n");
		arena_reset(&a);
	}
	free(line);
	arena_close(&a);
	return 0;
}
