/* SPDX-License-Identifier: ISC */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* Preloaded into a node: kills the process with SIGKILL at one of its own writes to the ledger
 * database or the vote journal. So a write is in flight at every kill, by construction, and any
 * instant of a commit is reached, also those between two calls, which are too short for a kill
 * from outside.
 *
 *     TALLY_KILL_SEED   chooses the call and the side of it; nothing happens without it
 *     TALLY_KILL_FILE   only calls on this file count: database or votes (both)
 *     TALLY_KILL_MIN    the first call that may be the one (1)
 *     TALLY_KILL_MAX    the last (100)
 *     TALLY_KILL_NOTE   a file; gets one line just before the kill:
 *                       FILE CALL before|during|after NUMBER BYTES
 *
 * Only calls on .../data/data.mdb and .../votes count: pwrite, pwritev, writev and fdatasync
 * (the database is not written through a map). "during" lets a write of several bytes happen in
 * part. What no kill can show is what a power failure loses: the kernel keeps what was written. */

#define FD_MAX 4096

enum file { OTHER, DATABASE, VOTES };
enum side { BEFORE, DURING, AFTER };

static const char *const file_names[] = {"other", "database", "votes"};
static const char *const side_names[] = {"before", "during", "after"};

static bool armed;
static enum file only; /* OTHER: both */
static uint64_t state;
static unsigned long target;
static enum side side;
static atomic_ulong calls;
static _Atomic unsigned char files[FD_MAX];
static int note_fd = -1;

static int (*real_open)(const char *, int, ...);
static int (*real_close)(int);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_pwritev)(int, const struct iovec *, int, off_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static int (*real_fdatasync)(int);

/* splitmix64 */
static uint64_t draw(void)
{
	uint64_t z = state += 0x9E3779B97F4A7C15ull;

	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
	return z ^ (z >> 31);
}

static unsigned long number_of(const char *name, unsigned long otherwise)
{
	const char *s = getenv(name);

	return s ? strtoul(s, NULL, 10) : otherwise;
}

/* dlsym() gives void *, which C does not turn into a function by itself. */
static void find(void *slot, const char *name)
{
	void *p = dlsym(RTLD_NEXT, name);

	memcpy(slot, &p, sizeof(p));
}

/* Libraries may open files before arm() has run. */
static void find_all(void)
{
	if (real_fdatasync)
		return;
	find(&real_open, "open");
	find(&real_close, "close");
	find(&real_pwrite, "pwrite");
	find(&real_pwritev, "pwritev");
	find(&real_writev, "writev");
	find(&real_fdatasync, "fdatasync");
}

__attribute__((constructor)) static void arm(void)
{
	const char *seed = getenv("TALLY_KILL_SEED"), *note = getenv("TALLY_KILL_NOTE");
	const char *name = getenv("TALLY_KILL_FILE");
	unsigned long min = number_of("TALLY_KILL_MIN", 1), max = number_of("TALLY_KILL_MAX", 100);

	find_all();
	if (!seed || !note || max < min)
		return;
	for (int i = DATABASE; name && i <= VOTES; i++)
		if (!strcmp(name, file_names[i]))
			only = (enum file)i;
	state = strtoull(seed, NULL, 10);
	target = min + draw() % (max - min + 1);
	side = (enum side)(draw() % 3);
	note_fd = real_open(note, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	armed = note_fd >= 0;
}

static enum file file_of(int fd)
{
	return fd >= 0 && fd < FD_MAX ? (enum file)files[fd] : OTHER;
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

static enum file file_of_path(const char *path)
{
	if (ends_with(path, "/data/data.mdb"))
		return DATABASE;
	return ends_with(path, "/votes") ? VOTES : OTHER;
}

static void die(enum file file, const char *call, enum side at, size_t bytes)
{
	char line[128];
	int n = snprintf(line, sizeof(line), "%s %s %s %lu %zu\n", file_names[file], call,
			 side_names[at], target, bytes);

	if (n > 0 && write(note_fd, line, (size_t)n) != n)
		_exit(1);
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

/* Whether this call on a file of ours is the one. */
static bool chosen(enum file file)
{
	find_all();
	return armed && file != OTHER && (only == OTHER || only == file) &&
	       atomic_fetch_add(&calls, 1) + 1 == target;
}

/* ---- what the node calls ---- */

int open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;
	int fd;

	find_all();
	va_start(ap, flags);
	if (flags & (O_CREAT | __O_TMPFILE))
		mode = va_arg(ap, mode_t);
	va_end(ap);
	fd = real_open(path, flags, mode);
	if (fd >= 0 && fd < FD_MAX)
		files[fd] = (unsigned char)file_of_path(path);
	return fd;
}

int close(int fd)
{
	find_all();
	if (fd >= 0 && fd < FD_MAX)
		files[fd] = OTHER;
	return real_close(fd);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	enum file file = file_of(fd);
	ssize_t put;

	if (!chosen(file))
		return real_pwrite(fd, p, n, at);
	if (side == BEFORE)
		die(file, "pwrite", side, n);
	put = real_pwrite(fd, p, side == DURING && n > 1 ? 1 + draw() % (n - 1) : n, at);
	die(file, "pwrite", side, put > 0 ? (size_t)put : 0);
	return put;
}

/* Writes all of the vectors, or "during": some of them and a part of one. */
static size_t part_of(const struct iovec *v, int n, struct iovec *out, int *n_out)
{
	size_t sum = 0;
	int i, last = (int)(draw() % (uint64_t)n);

	for (i = 0; i <= last; i++) {
		out[i] = v[i];
		sum += v[i].iov_len;
	}
	if (out[last].iov_len > 1) {
		size_t cut = draw() % out[last].iov_len;

		out[last].iov_len -= cut;
		sum -= cut;
	}
	*n_out = last + 1;
	return sum;
}

static ssize_t vector(int fd, const struct iovec *v, int n, off_t at, const char *call)
{
	enum file file = file_of(fd);
	struct iovec part[1024];
	size_t bytes = 0;

	if (side == BEFORE)
		die(file, call, side, 0);
	if (side == DURING && n > 0 && n <= 1024) {
		bytes = part_of(v, n, part, &n);
		v = part;
	}
	if (at < 0 ? real_writev(fd, v, n) < 0 : real_pwritev(fd, v, n, at) < 0)
		bytes = 0;
	die(file, call, side, bytes);
	return -1;
}

ssize_t pwritev(int fd, const struct iovec *v, int n, off_t at)
{
	return chosen(file_of(fd)) ? vector(fd, v, n, at, "pwritev") : real_pwritev(fd, v, n, at);
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
	return chosen(file_of(fd)) ? vector(fd, v, n, -1, "writev") : real_writev(fd, v, n);
}

int fdatasync(int fd)
{
	enum file file = file_of(fd);
	int rc;

	if (!chosen(file))
		return real_fdatasync(fd);
	if (side == BEFORE)
		die(file, "fdatasync", side, 0);
	rc = real_fdatasync(fd);
	die(file, "fdatasync", AFTER, 0);
	return rc;
}
