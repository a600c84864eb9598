/* SPDX-License-Identifier: ISC */
#ifndef TALLY_BASE_MEM_H
#define TALLY_BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

/* Memory.
 *
 * Running out of memory ends the process with a message: nothing useful can be done with half a
 * ledger, and a restart from disk is clean. So none of these returns NULL and no caller checks.
 * Tests make the n-th allocation fail with mem_fail_after(). */

/* `n` bytes, uninitialised; n = 0 gives a pointer that may be freed. */
void *mem_alloc(size_t n) __attribute__((malloc, returns_nonnull));
/* `count` items of `size` bytes, zeroed; aborts when the product overflows. */
void *mem_zalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
/* Grows or shrinks; p may be NULL. */
void *mem_resize(void *p, size_t count, size_t size) __attribute__((returns_nonnull));
void mem_free(void *p);
/* There are no `n` bytes: says so and ends the process. For libraries that return NULL. */
_Noreturn void mem_exhausted(size_t n);
/* Test hook: the n-th allocation from now on fails (0 = never). Not thread safe. */
void mem_fail_after(uint64_t n);

/* An arena hands out memory that is freed all at once. Used for everything whose life is one
 * message, one transaction or one request. Not shared between threads. */
struct arena_chunk;
struct arena {
	struct arena_chunk *chunk; /* newest first */
	size_t used;               /* bytes used of the newest chunk */
	size_t total;              /* bytes handed out since the last reset, for limits */
};

#define ARENA_INIT ((struct arena){0})

/* `n` bytes aligned to 16, uninitialised, owned by the arena. */
void *arena_alloc(struct arena *a, size_t n) __attribute__((returns_nonnull));
/* Zeroed array of `count` items of `size` bytes; aborts when the product overflows. */
void *arena_zalloc(struct arena *a, size_t count, size_t size) __attribute__((returns_nonnull));
/* A copy of n bytes. */
void *arena_copy(struct arena *a, const void *p, size_t n) __attribute__((returns_nonnull));
/* Forgets everything handed out, keeps one chunk for reuse. */
void arena_reset(struct arena *a);
/* Frees everything; the arena may be used again. */
void arena_close(struct arena *a);

#endif
