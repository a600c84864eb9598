/* SPDX-License-Identifier: ISC */

/* Levels and areas, and what is called to log. */
#include "os/clock.h"
#include "os/log_impl.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const names[LOG_LEVEL_COUNT] = {"error", "warn", "info", "debug"};

static const char *const areas[] = {
#define A(name, text) #name,
#include "os/log.def"
#undef A
};
#define N_AREAS (sizeof(areas) / sizeof(areas[0]))

/* By area; the last one is that of what is in no row. */
static atomic_int levels[N_AREAS + 1] = {
#define A(name, text) LOG_INFO,
#include "os/log.def"
#undef A
    LOG_INFO};
static atomic_ullong counts[LOG_LEVEL_COUNT];
static atomic_int form = LOG_TEXT;

static size_t find_area(const char *area)
{
	size_t i;

	for (i = 0; i < N_AREAS && area; i++)
		if (!strcmp(areas[i], area))
			return i;
	return N_AREAS;
}

bool log_set_level(const char *area, enum log_level level)
{
	size_t i = find_area(area);

	must((unsigned)level < LOG_LEVEL_COUNT);
	if (area && i == N_AREAS)
		return false;
	if (area)
		atomic_store_explicit(&levels[i], (int)level, memory_order_relaxed);
	for (i = 0; i <= N_AREAS && !area; i++)
		atomic_store_explicit(&levels[i], (int)level, memory_order_relaxed);
	return true;
}

enum log_level log_level_of(const char *area)
{
	return (enum log_level)atomic_load_explicit(&levels[find_area(area)], memory_order_relaxed);
}

bool log_enabled(enum log_level level, const char *area)
{
	return level <= log_level_of(area);
}

const char *log_area(uint32_t i)
{
	return i < N_AREAS ? areas[i] : NULL;
}

bool log_level_parse(enum log_level *out, const char *text)
{
	for (int i = 0; i < LOG_LEVEL_COUNT; i++)
		if (strcasecmp(text, names[i]) == 0) {
			*out = (enum log_level)i;
			return true;
		}
	return false;
}

const char *log_level_name(enum log_level level)
{
	must((unsigned)level < LOG_LEVEL_COUNT);
	return names[level];
}

void log_set_format(enum log_format format)
{
	atomic_store_explicit(&form, (int)format, memory_order_relaxed);
}

enum log_format log_format_now(void)
{
	return (enum log_format)atomic_load_explicit(&form, memory_order_relaxed);
}

void log_event(enum log_level level, const char *area, const char *msg, size_t n,
	       const struct log_field *fields)
{
	char line[LOG_LINE_MAX];
	int saved = errno;

	must((unsigned)level < LOG_LEVEL_COUNT && n <= LOG_FIELDS_MAX);
	if (!log_enabled(level, area))
		return;
	atomic_fetch_add_explicit(&counts[level], 1, memory_order_relaxed);
	log_sink(line, log_format_line(line, log_format_now(), clock_unix_ms(), level, area, msg, n,
				       fields));
	errno = saved;
}

void log_line(enum log_level level, const char *area, const char *fmt, ...)
{
	char text[LOG_LINE_MAX];
	va_list ap;

	if (!log_enabled(level, area))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_event(level, area, text, 0, NULL);
}

struct log_url_text log_url(const char *url)
{
	const char *slashes = strstr(url, "://");
	const char *host = slashes ? slashes + 3 : url;
	size_t authority = strcspn(host, "/?#");
	const char *at = memrchr(host, '@', authority);
	const char *after = at ? at + 1 : host;
	struct log_url_text out;

	snprintf(out.s, sizeof(out.s), "%.*s%.*s", (int)(host - url), url,
		 (int)strcspn(after, "?#"), after);
	return out;
}

void log_counts(uint64_t out[LOG_LEVEL_COUNT])
{
	for (int i = 0; i < LOG_LEVEL_COUNT; i++)
		out[i] = atomic_load_explicit(&counts[i], memory_order_relaxed);
}
