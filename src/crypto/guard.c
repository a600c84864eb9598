/* SPDX-License-Identifier: ISC */
#include "crypto/guard.h"

#include "base/err.h"

#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

static bool not_for_children;

void guard_keep_from_children(void)
{
	not_for_children = true;
}

void *guard_alloc(size_t n)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from, end;
	void *p = sodium_malloc(n);

	must(p != NULL && page > 0);
	from = (uintptr_t)p & ~(page - 1);
	end = ((uintptr_t)p + n + page - 1) & ~(page - 1);
	/* A kernel that cannot do it (before 4.14) is no reason not to start: we never fork. */
	if (not_for_children)
		(void)!madvise((void *)from, end - from, MADV_WIPEONFORK);
	return p;
}
