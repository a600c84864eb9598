/* SPDX-License-Identifier: ISC */
#ifndef TALLY_CODEC_JSON_READ_H
#define TALLY_CODEC_JSON_READ_H

#include "codec/leaf.h"

#include <jansson.h>

/* Reading of JSON values, shared by json_read.c (objects) and json_leaf.c (single values). Private
 * to codec. The path says where in the outsider's JSON we are: "Memos[0].Memo.MemoData". */

#define JSON_PATH_MAX 120

struct json_reader {
	struct arena *arena;
	struct why *why;
	size_t n; /* bytes of the path in use; what does not fit is cut */
	char path[JSON_PATH_MAX];
};

/* Writes "<path>: <what>" as the reason and returns e. */
enum err json_refuse(struct json_reader *r, enum err e, const char *what);
/* Appends ".name" or "[index]" to the path; the former length is returned, to go back to. */
size_t json_path_name(struct json_reader *r, const char *name);
size_t json_path_index(struct json_reader *r, size_t index);
void json_path_back(struct json_reader *r, size_t n);

/* The text of a JSON string; ERR_INVALID for anything else. */
enum err json_read_text(struct json_reader *r, const json_t *in, const char **s,
			size_t *n) MUST_USE;
/* Digits only, at least one, with a value up to `max`; ERR_INVALID, ERR_RANGE. The second puts the
 * reason for such an error. */
enum err json_parse_digits(uint64_t *out, const char *s, size_t n, uint64_t max) MUST_USE;
enum err json_refuse_digits(struct json_reader *r, enum err e);
/* Appends hex of any length, or of exactly `size` bytes when size is not 0. */
enum err json_read_hex(struct json_reader *r, const json_t *in, size_t size,
		       struct buf *out) MUST_USE;
/* A classic address, 40 upper-case hex digits, an X-address without tag, or "" for account zero. */
enum err json_read_account(struct json_reader *r, const json_t *in,
			   struct account_id *out) MUST_USE;
/* Numbers of any unsigned type, or the name of a code. */
enum err json_read_uint(struct json_reader *r, enum sf f, const json_t *in, uint64_t *out) MUST_USE;
enum err json_read_int32(struct json_reader *r, const json_t *in, int64_t *out) MUST_USE;
/* Appends the canonical bytes of a value that objects keep raw. */
enum err json_read_raw(struct json_reader *r, enum st_type type, const json_t *in,
		       struct buf *out) MUST_USE;

#endif
