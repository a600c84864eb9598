/* SPDX-License-Identifier: ISC */

/* Where lines go: at once, or through a queue to a thread that may wait for a disk or a pipe. */
#include "os/clock.h"
#include "os/log_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PART_BYTES 4096 /* PIPE_BUF: what a pipe takes is not mixed with what others write */
#define WAIT_MS    1000 /* for a sink that takes nothing now (O_NONBLOCK set by somebody else) */
_Static_assert(LOG_LINE_MAX <= PART_BYTES, "a line is one part");

static struct {
	pthread_mutex_t lock;
	pthread_cond_t more, less; /* there is something to write; something was written */
	pthread_t thread;
	bool running, stopping;
	bool writing; /* the thread writes to `sink`, or to `retired` when that is set */
	int sink, retired;
	char path[4096]; /* "": standard error */
	size_t head, n;  /* in ring */
	uint64_t dropped, said;
	char ring[LOG_QUEUE_BYTES];
} q = {.lock = PTHREAD_MUTEX_INITIALIZER,
       .more = PTHREAD_COND_INITIALIZER,
       .sink = STDERR_FILENO,
       .retired = -1};

/* ---- Writing */

/* 1 written, 0 nothing can be, -1 try again. */
static int write_some(int fd, const char **p, size_t *n)
{
	struct pollfd ready = {.fd = fd, .events = POLLOUT};
	ssize_t put = write(fd, *p, *n);

	if (put < 0 && errno == EINTR)
		return -1;
	if (put < 0 && errno == EAGAIN)
		return poll(&ready, 1, WAIT_MS) == 1 ? -1 : 0;
	if (put <= 0)
		return 0;
	*p += put;
	*n -= (size_t)put;
	return *n ? -1 : 1;
}

/* Whether all of it was written. A full disk must not stop the node for its log, nor may a pipe
 * that nobody reads. After half a line the next one begins anew. */
static bool write_all(int fd, const char *p, size_t n)
{
	static bool torn; /* only one writes at a time */
	const char *newline = "\n", *from = p;
	size_t one = 1;
	int done = torn ? -1 : 1;

	while (torn && done < 0)
		done = write_some(fd, &newline, &one);
	if (!done)
		return false;
	torn = false;
	do
		done = write_some(fd, &p, &n);
	while (done < 0);
	torn = !done && p > from && p[-1] != '\n';
	return done;
}

static uint64_t lines_of(const char *p, size_t n)
{
	uint64_t lines = 0;

	for (size_t i = 0; i < n; i++)
		lines += p[i] == '\n';
	return lines;
}

/* The line that says how many were lost; 0: none since it was said. */
static size_t format_lost(char *line, uint64_t lost)
{
	struct log_field f = F_NUMBER("lines", lost);

	if (!lost)
		return 0;
	return log_format_line(line, log_format_now(), clock_unix_ms(), LOG_WARN, "tallyd",
			       "lines of the log were lost: it was not taken in time", 1, &f);
}

static void write_now(const char *line, size_t n)
{
	char lost[LOG_LINE_MAX];
	uint64_t left = q.dropped - q.said;
	size_t m = format_lost(lost, left);

	if (m && write_all(q.sink, lost, m))
		q.said += left;
	if (!write_all(q.sink, line, n))
		q.dropped++;
}

/* ---- The queue */

static void ring_put(const char *p, size_t n)
{
	size_t at = (q.head + q.n) % LOG_QUEUE_BYTES;
	size_t first = n < LOG_QUEUE_BYTES - at ? n : LOG_QUEUE_BYTES - at;

	must(q.n + n <= LOG_QUEUE_BYTES);
	memcpy(q.ring + at, p, first);
	memcpy(q.ring, p + first, n - first);
	q.n += n;
}

/* Whole lines from the front of the queue, as many as make one part. */
static size_t ring_take(char part[PART_BYTES])
{
	size_t i, end = 0;

	for (i = 0; i < q.n && i < PART_BYTES; i++) {
		part[i] = q.ring[(q.head + i) % LOG_QUEUE_BYTES];
		if (part[i] == '\n')
			end = i + 1;
	}
	q.head = (q.head + end) % LOG_QUEUE_BYTES;
	q.n -= end;
	return end;
}

void log_sink(const char *line, size_t n)
{
	pthread_mutex_lock(&q.lock);
	if (!q.running) {
		write_now(line, n);
	} else if (q.n + n > LOG_QUEUE_BYTES) {
		q.dropped++;
	} else {
		ring_put(line, n);
		pthread_cond_signal(&q.more);
	}
	pthread_mutex_unlock(&q.lock);
}

/* With the lock held, which is let go while it writes. */
static bool write_part(const char *part, size_t n)
{
	int fd = q.sink;
	bool good;

	q.writing = true;
	pthread_mutex_unlock(&q.lock);
	good = write_all(fd, part, n);
	pthread_mutex_lock(&q.lock);
	q.writing = false;
	if (q.retired >= 0)
		close(q.retired);
	q.retired = -1;
	return good;
}

static void write_next(void)
{
	char part[PART_BYTES];
	uint64_t lost = q.dropped - q.said;
	size_t n = format_lost(part, lost);

	if (n && write_part(part, n))
		q.said += lost;
	n = ring_take(part);
	if (!write_part(part, n))
		q.dropped += lines_of(part, n);
	pthread_cond_broadcast(&q.less);
}

static void *write_lines(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&q.lock);
	while (q.n || !q.stopping) {
		if (q.n)
			write_next();
		else
			pthread_cond_wait(&q.more, &q.lock);
	}
	q.running = false;
	pthread_cond_broadcast(&q.less);
	pthread_mutex_unlock(&q.lock);
	return NULL;
}

bool log_start(void)
{
	pthread_condattr_t steady;
	sigset_t all, before;

	must(!q.running);
	pthread_condattr_init(&steady);
	pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
	pthread_cond_init(&q.less, &steady);
	pthread_condattr_destroy(&steady);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for the other threads */
	q.stopping = false;
	q.running = true;
	q.running = !pthread_create(&q.thread, NULL, write_lines, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return q.running;
}

/* Waits with the lock held until nothing is queued or being written, or, when it stops, until the
 * thread has gone. */
static void wait_idle(uint32_t within_ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += within_ms / 1000;
	until.tv_nsec += (long)(within_ms % 1000) * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (q.running && (q.n || q.writing || q.stopping))
		if (pthread_cond_timedwait(&q.less, &q.lock, &until))
			return;
}

void log_flush(uint32_t within_ms)
{
	pthread_mutex_lock(&q.lock);
	wait_idle(within_ms);
	pthread_mutex_unlock(&q.lock);
}

void log_stop(uint32_t within_ms)
{
	bool gone, was;

	pthread_mutex_lock(&q.lock);
	was = q.running;
	q.stopping = true;
	pthread_cond_signal(&q.more);
	wait_idle(within_ms);
	gone = !q.running;
	pthread_mutex_unlock(&q.lock);
	if (was && gone)
		pthread_join(q.thread, NULL);
	else if (was)
		pthread_detach(q.thread);
}

uint64_t log_dropped(void)
{
	uint64_t n;

	pthread_mutex_lock(&q.lock);
	n = q.dropped;
	pthread_mutex_unlock(&q.lock);
	return n;
}

/* ---- The file */

/* Does not wait for a reader of a named pipe. */
static int open_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0640);
	int flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);

	if (flags >= 0)
		fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
	return fd;
}

/* With the lock held. What the thread writes to just now is closed by it. */
static void retire(int fd)
{
	if (fd == STDERR_FILENO)
		return;
	if (q.writing && q.retired < 0)
		q.retired = fd;
	else
		close(fd);
}

enum err log_open(const char *path, struct why *why)
{
	int fd = path ? open_file(path) : STDERR_FILENO;

	if (fd < 0)
		return why_set(why, errno == EACCES ? ERR_PERMISSION : ERR_IO, "log file %s: %s",
			       path, strerror(errno));
	pthread_mutex_lock(&q.lock);
	retire(q.sink);
	q.sink = fd;
	snprintf(q.path, sizeof(q.path), "%s", path ? path : "");
	pthread_mutex_unlock(&q.lock);
	return ERR_NONE;
}

enum err log_reopen(struct why *why)
{
	char path[sizeof(q.path)];

	pthread_mutex_lock(&q.lock);
	memcpy(path, q.path, sizeof(path));
	pthread_mutex_unlock(&q.lock);
	return log_open(path[0] ? path : NULL, why);
}
