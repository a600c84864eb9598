/* SPDX-License-Identifier: ISC */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
#define X(name, text) #name,
#include "base/err.def"
#undef X
};

static const char *const texts[] = {
#define X(name, text) text,
#include "base/err.def"
#undef X
};

const char *err_name(enum err e)
{
	return (unsigned)e < ERR_COUNT ? names[e] : "ERR_UNKNOWN";
}

const char *err_text(enum err e)
{
	return (unsigned)e < ERR_COUNT ? texts[e] : "unknown error";
}

enum err why_set(struct why *why, enum err e, const char *fmt, ...)
{
	va_list ap;

	if (!why)
		return e;
	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	return e;
}

enum err why_add(struct why *why, enum err e, const char *fmt, ...)
{
	char old[WHY_MAX];
	va_list ap;
	size_t n;

	if (!why)
		return e;
	memcpy(old, why->text, sizeof(old));
	old[sizeof(old) - 1] = '\0';
	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	n = strlen(why->text);
	snprintf(why->text + n, sizeof(why->text) - n, ": %s", old[0] ? old : err_text(e));
	return e;
}

_Noreturn void must_failed(const char *cond, const char *file, int line, const char *func)
{
	fprintf(stderr, "tally: broken invariant in %s (%s:%d): %s\n", func, file, line, cond);
	abort();
}
