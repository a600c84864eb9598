/* SPDX-License-Identifier: ISC */
#include "base/bytes.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>

const struct hash256 HASH256_ZERO = {{0}};

bool bytes_eq(struct bytes a, struct bytes b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

int bytes_cmp(struct bytes a, struct bytes b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;

	return c ? c : (a.n > b.n) - (a.n < b.n);
}

bool hash256_is_zero(const struct hash256 *h)
{
	return hash256_eq(h, &HASH256_ZERO);
}

int hash256_qsort_cmp(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct hash256));
}

void hex_encode(char *out, const void *p, size_t n)
{
	static const char digits[] = "0123456789ABCDEF";
	const uint8_t *s = p;
	size_t i;

	for (i = 0; i < n; i++) {
		out[2 * i] = digits[s[i] >> 4];
		out[2 * i + 1] = digits[s[i] & 15];
	}
	out[2 * n] = '\0';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

bool hex_decode(uint8_t *out, size_t n, const char *s, size_t s_len)
{
	size_t i;

	if (s_len / 2 != n || s_len % 2)
		return false;
	for (i = 0; i < n; i++) {
		int hi = hex_digit(s[2 * i]), lo = hex_digit(s[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return false;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return true;
}

struct hex8 hash256_short(const struct hash256 *h)
{
	struct hex8 out;

	hex_encode(out.s, h->b, 4);
	return out;
}

struct hex64 hash256_hex(const struct hash256 *h)
{
	struct hex64 out;

	hex_encode(out.s, h->b, 32);
	return out;
}

void buf_reserve(struct buf *b, size_t more)
{
	size_t want, cap;

	must(!__builtin_add_overflow(b->n, more, &want));
	if (want <= b->cap)
		return;
	cap = b->cap < 64 ? 64 : b->cap;
	while (cap < want) {
		must(cap <= SIZE_MAX / 2);
		cap *= 2;
	}
	b->p = mem_resize(b->p, cap, 1);
	b->cap = cap;
}

void buf_put(struct buf *b, const void *p, size_t n)
{
	if (!n)
		return;
	buf_reserve(b, n);
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

void buf_put_u8(struct buf *b, uint8_t v)
{
	buf_put(b, &v, 1);
}

void buf_put_be16(struct buf *b, uint16_t v)
{
	uint8_t t[2];

	store_be16(t, v);
	buf_put(b, t, sizeof(t));
}

void buf_put_be32(struct buf *b, uint32_t v)
{
	uint8_t t[4];

	store_be32(t, v);
	buf_put(b, t, sizeof(t));
}

void buf_put_be64(struct buf *b, uint64_t v)
{
	uint8_t t[8];

	store_be64(t, v);
	buf_put(b, t, sizeof(t));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	must(n >= 0);
	buf_reserve(b, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf((char *)b->p + b->n, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->n += (size_t)n;
}

void buf_consume(struct buf *b, size_t n)
{
	must(n <= b->n);
	if (n && n < b->n)
		memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
}

void buf_close(struct buf *b)
{
	mem_free(b->p);
	*b = BUF_INIT;
}

struct bytes cursor_take(struct cursor *c, size_t n)
{
	struct bytes out = {NULL, 0};

	if (c->dead || n > c->left) {
		c->dead = true;
		c->left = 0;
		return out;
	}
	out = bytes_of(c->p, n);
	c->p += n;
	c->left -= n;
	return out;
}

void cursor_copy(struct cursor *c, void *out, size_t n)
{
	struct bytes v = cursor_take(c, n);

	if (!n)
		return;
	if (v.n == n)
		memcpy(out, v.p, n);
	else
		memset(out, 0, n);
}

uint8_t cursor_u8(struct cursor *c)
{
	uint8_t t[1];

	cursor_copy(c, t, 1);
	return t[0];
}

uint16_t cursor_be16(struct cursor *c)
{
	uint8_t t[2];

	cursor_copy(c, t, 2);
	return load_be16(t);
}

uint32_t cursor_be32(struct cursor *c)
{
	uint8_t t[4];

	cursor_copy(c, t, 4);
	return load_be32(t);
}

uint64_t cursor_be64(struct cursor *c)
{
	uint8_t t[8];

	cursor_copy(c, t, 8);
	return load_be64(t);
}
