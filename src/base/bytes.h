/* SPDX-License-Identifier: ISC */
#ifndef TALLY_BASE_BYTES_H
#define TALLY_BASE_BYTES_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes: views, growing buffers, fixed ids, hex, big-endian numbers and the reading cursor. */

/* A view of n bytes that someone else owns. p may be NULL only when n is 0. */
struct bytes {
	const uint8_t *p;
	size_t n;
};

static inline struct bytes bytes_of(const void *p, size_t n)
{
	return (struct bytes){.p = p, .n = n};
}
static inline struct bytes bytes_str(const char *s)
{
	return (struct bytes){.p = (const uint8_t *)s, .n = strlen(s)};
}
bool bytes_eq(struct bytes a, struct bytes b);
/* Lexicographic, a shorter prefix first: <0, 0, >0. */
int bytes_cmp(struct bytes a, struct bytes b);

/* 256-bit id: ledger, transaction, set, entry index. */
struct hash256 {
	uint8_t b[32];
};
/* 160-bit account id: RIPEMD160(SHA256(public key)). */
struct account_id {
	uint8_t b[20];
};
extern const struct hash256 HASH256_ZERO;

static inline int hash256_cmp(const struct hash256 *a, const struct hash256 *b)
{
	return memcmp(a->b, b->b, sizeof(a->b));
}
static inline bool hash256_eq(const struct hash256 *a, const struct hash256 *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}
bool hash256_is_zero(const struct hash256 *h);
/* Comparator for qsort over arrays of struct hash256. */
int hash256_qsort_cmp(const void *a, const void *b);
static inline int account_cmp(const struct account_id *a, const struct account_id *b)
{
	return memcmp(a->b, b->b, sizeof(a->b));
}
static inline bool account_eq(const struct account_id *a, const struct account_id *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

/* Hex. Encoding writes 2n upper-case digits and a NUL. Decoding takes either case, wants exactly
 * 2n digits (no prefix, no blanks) and returns false otherwise. */
void hex_encode(char *out, const void *p, size_t n);
bool hex_decode(uint8_t *out, size_t n, const char *s, size_t s_len);
/* Upper-case hex of the first 4 bytes, for logs: "1A2B3C4D". */
struct hex8 {
	char s[9];
};
struct hex8 hash256_short(const struct hash256 *h);
struct hex64 {
	char s[65];
};
struct hex64 hash256_hex(const struct hash256 *h);

/* Big-endian loads and stores. */
static inline uint16_t load_be16(const uint8_t *p)
{
	return (uint16_t)((p[0] << 8) | p[1]);
}
static inline uint32_t load_be32(const uint8_t *p)
{
	return ((uint32_t)p[0] << 24) | ((uint32_t)p[1] << 16) | ((uint32_t)p[2] << 8) | p[3];
}
static inline uint64_t load_be64(const uint8_t *p)
{
	return ((uint64_t)load_be32(p) << 32) | load_be32(p + 4);
}
static inline void store_be16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}
static inline void store_be32(uint8_t *p, uint32_t v)
{
	store_be16(p, (uint16_t)(v >> 16));
	store_be16(p + 2, (uint16_t)v);
}
static inline void store_be64(uint8_t *p, uint64_t v)
{
	store_be32(p, (uint32_t)(v >> 32));
	store_be32(p + 4, (uint32_t)v);
}

/* A growing buffer that owns its bytes. All zero is a valid empty one. */
struct buf {
	uint8_t *p;
	size_t n;   /* bytes in use */
	size_t cap; /* bytes allocated */
};

#define BUF_INIT ((struct buf){0})

/* Makes room for `more` bytes behind n; does not change n. */
void buf_reserve(struct buf *b, size_t more);
void buf_put(struct buf *b, const void *p, size_t n);
void buf_put_u8(struct buf *b, uint8_t v);
void buf_put_be16(struct buf *b, uint16_t v);
void buf_put_be32(struct buf *b, uint32_t v);
void buf_put_be64(struct buf *b, uint64_t v);
/* Appends formatted text without its NUL. */
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
/* Removes the first n bytes (n <= b->n) by moving the rest down. */
void buf_consume(struct buf *b, size_t n);
static inline void buf_clear(struct buf *b)
{
	b->n = 0;
}
void buf_close(struct buf *b);
static inline struct bytes buf_bytes(const struct buf *b)
{
	return (struct bytes){.p = b->p, .n = b->n};
}

/* A sticky cursor for decoding (habit 11 of Core Lightning's fromwire): after the first short
 * read it is dead and yields zeros and empty views; look at `dead` once, at the end. */
struct cursor {
	const uint8_t *p;
	size_t left;
	bool dead;
};

static inline struct cursor cursor_of(struct bytes in)
{
	return (struct cursor){.p = in.p, .left = in.n, .dead = false};
}
uint8_t cursor_u8(struct cursor *c);
uint16_t cursor_be16(struct cursor *c);
uint32_t cursor_be32(struct cursor *c);
uint64_t cursor_be64(struct cursor *c);
/* A view of the next n bytes. */
struct bytes cursor_take(struct cursor *c, size_t n);
/* Copies the next n bytes, or zeros when dead. */
void cursor_copy(struct cursor *c, void *out, size_t n);

#endif
