/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* Preloaded into a node: one allocation of the process, by whatever library, finds no memory.
 *
 *     TALLY_MEMORY_FAIL   which, counted from 1 when main() is about to begin; 0: none
 *     TALLY_MEMORY_COUNT  a file that gets how many there were, at exit() */

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *p, size_t n);

static atomic_ulong calls;
static unsigned long number;
static atomic_bool armed;

__attribute__((constructor)) static void arm(void)
{
	const char *text = getenv("TALLY_MEMORY_FAIL");

	number = text ? strtoul(text, NULL, 10) : 0;
	armed = text != NULL;
}

__attribute__((destructor)) static void tell(void)
{
	const char *path = getenv("TALLY_MEMORY_COUNT");
	FILE *f;

	armed = false;
	f = path ? fopen(path, "w") : NULL;
	if (f) {
		fprintf(f, "%lu\n", atomic_load(&calls));
		fclose(f);
	}
}

static int fails(void)
{
	if (!armed || atomic_fetch_add(&calls, 1) + 1 != number)
		return 0;
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t n)
{
	return fails() ? NULL : __libc_malloc(n);
}

void *calloc(size_t count, size_t size)
{
	return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *p, size_t n)
{
	return fails() ? NULL : __libc_realloc(p, n);
}
