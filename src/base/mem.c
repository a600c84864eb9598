/* SPDX-License-Identifier: ISC */
#include "base/mem.h"

#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_CHUNK_MIN      1024u /* a parsed transaction fits: there are thousands of them */
#define ARENA_CHUNK_GROW_MAX (1u << 20)

static uint64_t fail_after;

struct arena_chunk {
	struct arena_chunk *next;
	size_t size;
	_Alignas(16) uint8_t data[];
};

void mem_exhausted(size_t n)
{
	fprintf(stderr,
		"tally: out of memory (%zu bytes wanted); the last ledger on disk is whole\n", n);
	abort();
}

static int injected(void)
{
	return fail_after != 0 && --fail_after == 0;
}

void *mem_alloc(size_t n)
{
	void *p = injected() ? NULL : malloc(n ? n : 1);

	if (!p)
		mem_exhausted(n);
	return p;
}

void *mem_zalloc(size_t count, size_t size)
{
	void *p = injected() ? NULL : calloc(count ? count : 1, size ? size : 1);

	if (!p)
		mem_exhausted(count * size);
	return p;
}

void *mem_resize(void *p, size_t count, size_t size)
{
	size_t n;

	must(!__builtin_mul_overflow(count, size, &n));
	p = injected() ? NULL : realloc(p, n ? n : 1);
	if (!p)
		mem_exhausted(n);
	return p;
}

void mem_free(void *p)
{
	free(p);
}

void mem_fail_after(uint64_t n)
{
	fail_after = n;
}

static void arena_grow(struct arena *a, size_t n)
{
	size_t size = a->chunk ? a->chunk->size * 2 : ARENA_CHUNK_MIN;
	struct arena_chunk *c;

	if (size > ARENA_CHUNK_GROW_MAX)
		size = ARENA_CHUNK_GROW_MAX;
	if (size < n)
		size = n;
	c = mem_alloc(sizeof(*c) + size);
	c->next = a->chunk;
	c->size = size;
	a->chunk = c;
	a->used = 0;
}

void *arena_alloc(struct arena *a, size_t n)
{
	void *p;

	must(n <= SIZE_MAX / 2);
	n = (n + 15) & ~(size_t)15;
	if (!a->chunk || a->chunk->size - a->used < n)
		arena_grow(a, n);
	p = a->chunk->data + a->used;
	a->used += n;
	a->total += n;
	return p;
}

void *arena_zalloc(struct arena *a, size_t count, size_t size)
{
	size_t n;
	void *p;

	must(!__builtin_mul_overflow(count, size, &n));
	p = arena_alloc(a, n);
	memset(p, 0, n);
	return p;
}

void *arena_copy(struct arena *a, const void *p, size_t n)
{
	void *q = arena_alloc(a, n);

	if (n)
		memcpy(q, p, n);
	return q;
}

void arena_reset(struct arena *a)
{
	struct arena_chunk *keep = a->chunk;

	if (keep) {
		struct arena_chunk *c = keep->next;

		while (c) {
			struct arena_chunk *next = c->next;

			mem_free(c);
			c = next;
		}
		keep->next = NULL;
	}
	a->used = 0;
	a->total = 0;
}

void arena_close(struct arena *a)
{
	arena_reset(a);
	mem_free(a->chunk);
	*a = ARENA_INIT;
}
