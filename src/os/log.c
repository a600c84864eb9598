/* SPDX-License-Identifier: ISC */
#include "os/log.h"

#include "os/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

static const char *const names[LOG_LEVEL_COUNT] = {"ERROR", "WARN", "INFO", "DEBUG"};

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
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int sink = STDERR_FILENO; /* under the lock, as is sink_path ("": standard error) */
static char sink_path[4096];

enum err log_open(const char *path, struct why *why)
{
	int fd = STDERR_FILENO, old;

	if (path) {
		fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
		if (fd < 0)
			return why_set(why, errno == EACCES ? ERR_PERMISSION : ERR_IO,
				       "log file %s: %s", path, strerror(errno));
	}
	pthread_mutex_lock(&lock);
	old = sink;
	sink = fd;
	snprintf(sink_path, sizeof(sink_path), "%s", path ? path : "");
	pthread_mutex_unlock(&lock);
	if (old != STDERR_FILENO)
		close(old);
	return ERR_NONE;
}

enum err log_reopen(struct why *why)
{
	char path[sizeof(sink_path)];

	pthread_mutex_lock(&lock);
	memcpy(path, sink_path, sizeof(path));
	pthread_mutex_unlock(&lock);
	return log_open(path[0] ? path : NULL, why);
}

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

static size_t put_head(char *line, size_t cap, enum log_level level, const char *area)
{
	uint64_t ms = clock_unix_ms();
	time_t s = (time_t)(ms / 1000);
	struct tm tm;
	int n;

	gmtime_r(&s, &tm);
	n = snprintf(line, cap, "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ %-5s %s: ", tm.tm_year + 1900,
		     tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
		     (unsigned)(ms % 1000), names[level], area);
	return n < 0 ? 0 : (size_t)n < cap ? (size_t)n : cap - 1;
}

/* Appends text without control characters; returns the new length, at most cap. */
static size_t put_clean(char *line, size_t n, size_t cap, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		bool control = c < 0x20 || c == 0x7F;

		if (n + (control ? 4 : 1) > cap) {
			memcpy(line + cap - 3, "...", 3);
			return cap;
		}
		if (control) {
			line[n++] = '\\';
			line[n++] = 'x';
			line[n++] = "0123456789ABCDEF"[c >> 4];
			line[n++] = "0123456789ABCDEF"[c & 15];
		} else {
			line[n++] = (char)c;
		}
	}
	return n;
}

static void write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t put = write(fd, p, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return; /* a full disk must not stop the node for its log */
		p += put;
		n -= (size_t)put;
	}
}

void log_line(enum log_level level, const char *area, const char *fmt, ...)
{
	char line[LOG_LINE_MAX], text[LOG_LINE_MAX];
	int saved = errno;
	va_list ap;
	size_t n;

	must((unsigned)level < LOG_LEVEL_COUNT);
	if (!log_enabled(level, area))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n = put_head(line, 128, level, area);
	n = put_clean(line, n, sizeof(line) - 1, text);
	line[n++] = '\n';
	pthread_mutex_lock(&lock);
	write_all(sink, line, n);
	pthread_mutex_unlock(&lock);
	errno = saved;
}
