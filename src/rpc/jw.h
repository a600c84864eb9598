/* SPDX-License-Identifier: ISC */
#ifndef TALLY_RPC_JW_H
#define TALLY_RPC_JW_H

#include "base/bytes.h"
#include "base/drops.h"

#include <jansson.h>

/* A JSON writer: text straight into a buffer, no tree in between. Two reasons: answers are made at
 * the speed of copying, and numbers are printed from integers, so that a fee of 10 drops is exactly
 * 0.00001 and never what a binary fraction makes of it.
 *
 * The writer puts commas where they belong; the caller keeps brackets and keys in balance (must).
 * What a jansson value holds can be written in between with jw_json. */
#define JW_DEPTH_MAX 32

struct jw {
	struct buf out;
	uint32_t depth; /* open brackets */
	bool comma;     /* a value was written at this place: the next one needs a comma */
};

#define JW_INIT ((struct jw){0})
void jw_close(struct jw *w);

/* Brackets: '{' or '[', and the matching end. */
void jw_open(struct jw *w, char bracket);
void jw_end(struct jw *w, char bracket);
/* The key of the next value; ASCII without anything to escape (our own names). */
void jw_key(struct jw *w, const char *key);

/* Values. Text is escaped; it must be UTF-8 (what jansson parsed, or our own). */
void jw_str(struct jw *w, const char *s);
void jw_str_n(struct jw *w, const char *s, size_t n);
void jw_u64(struct jw *w, uint64_t v);
void jw_i64(struct jw *w, int64_t v);
void jw_bool(struct jw *w, bool v);
/* n / 10^places as a plain decimal without trailing zeros: (10, 6) is 0.00001, (2000, 3) is 2. */
void jw_decimal(struct jw *w, uint64_t n, unsigned places);
/* Upper-case hex as a string. */
void jw_hex(struct jw *w, const void *p, size_t n);
/* The text of a jansson value, compact, members in their order. */
void jw_json(struct jw *w, const json_t *v);

/* Members already written as text ("a":1,"b":2) by another writer; not empty. */
void jw_members(struct jw *w, struct bytes text);

/* Key and value in one; the key comes first. */
void jw_put_str(struct jw *w, const char *key, const char *s);
void jw_put_u64(struct jw *w, const char *key, uint64_t v);
void jw_put_i64(struct jw *w, const char *key, int64_t v);
void jw_put_bool(struct jw *w, const char *key, bool v);
void jw_put_hex(struct jw *w, const char *key, const void *p, size_t n);
void jw_put_hash(struct jw *w, const char *key, const struct hash256 *h);
void jw_put_json(struct jw *w, const char *key, const json_t *v);
/* Numbers that the API shows as strings. */
void jw_put_text_u64(struct jw *w, const char *key, uint64_t v);
/* Drops as a decimal number of XRP. */
void jw_put_xrp(struct jw *w, const char *key, struct drops d);
/* "key": { */
void jw_put_open(struct jw *w, const char *key, char bracket);

#endif
