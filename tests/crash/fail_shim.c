/* SPDX-License-Identifier: ISC */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* Preloaded into a node: one call on a file below a folder fails.
 *
 *     TALLY_FAIL_ROOT  the folder; nothing happens without it
 *     TALLY_FAIL_OP    CALL:ERROR:NUMBER[:short]; CALL is the name of a function, or "any"; ERROR
 *                      is EIO, ENOSPC or a number; NUMBER counts from 1 (0: none fails). "short":
 *                      a write puts half of its bytes and says so; another call fails
 *     TALLY_FAIL_FILE  only calls on the file of this name below the folder count
 *     TALLY_FAIL_MS    for so long all later calls that need room fail too (ENOSPC only)
 *     TALLY_FAIL_NOTE  a file that gets one line for each call: NUMBER CALL FILE, and in front of
 *                      one that fails "!"
 *
 * Calls that count: open, read, pread, write, pwrite, writev, pwritev, fsync, fdatasync, rename,
 * mkdir, unlink, ftruncate, posix_fallocate, mmap. */

#define FD_MAX 4096

static char root[PATH_MAX];
static size_t root_n;
static char only[32];
static const char *only_file;
static int error;
static unsigned long number, later_ms;
static bool cut_short;
static int note_fd = -1;
static atomic_ulong calls;
static _Atomic long long full_until; /* ms */
static _Atomic unsigned char known[FD_MAX];
static char names[FD_MAX][48];

static int (*real_open)(const char *, int, ...);
static int (*real_close)(int);
static ssize_t (*real_read)(int, void *, size_t);
static ssize_t (*real_pread)(int, void *, size_t, off_t);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static ssize_t (*real_pwritev)(int, const struct iovec *, int, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_rename)(const char *, const char *);
static int (*real_mkdir)(const char *, mode_t);
static int (*real_unlink)(const char *);
static int (*real_ftruncate)(int, off_t);
static int (*real_posix_fallocate)(int, off_t, off_t);
static void *(*real_mmap)(void *, size_t, int, int, int, off_t);

static void find(void *slot, const char *name)
{
	void *p = dlsym(RTLD_NEXT, name); /* void *, which C does not turn into a function */

	memcpy(slot, &p, sizeof(p));
}

static void find_all(void)
{
	if (real_mmap)
		return;
	find(&real_open, "open");
	find(&real_close, "close");
	find(&real_read, "read");
	find(&real_pread, "pread");
	find(&real_write, "write");
	find(&real_pwrite, "pwrite");
	find(&real_writev, "writev");
	find(&real_pwritev, "pwritev");
	find(&real_fsync, "fsync");
	find(&real_fdatasync, "fdatasync");
	find(&real_rename, "rename");
	find(&real_mkdir, "mkdir");
	find(&real_unlink, "unlink");
	find(&real_ftruncate, "ftruncate");
	find(&real_posix_fallocate, "posix_fallocate");
	find(&real_mmap, "mmap");
}

static void parse_op(const char *op)
{
	char word[32] = "", how[16] = "";

	if (sscanf(op, "%31[^:]:%31[^:]:%lu:%15s", only, word, &number, how) < 3)
		abort();
	error = !strcmp(word, "EIO") ? EIO : !strcmp(word, "ENOSPC") ? ENOSPC : atoi(word);
	cut_short = !strcmp(how, "short");
}

__attribute__((constructor)) static void arm(void)
{
	const char *folder = getenv("TALLY_FAIL_ROOT"), *op = getenv("TALLY_FAIL_OP");
	const char *note = getenv("TALLY_FAIL_NOTE"), *ms = getenv("TALLY_FAIL_MS");

	find_all();
	if (!folder || !op)
		return;
	parse_op(op);
	only_file = getenv("TALLY_FAIL_FILE");
	later_ms = ms ? strtoul(ms, NULL, 10) : 0;
	if (note)
		note_fd = real_open(note, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC,
				    0600);
	root_n = (size_t)snprintf(root, sizeof(root), "%s", folder);
}

/* The name below the folder, NULL for any other. */
static const char *below(const char *path)
{
	if (!root_n || strncmp(path, root, root_n) != 0 ||
	    (path[root_n] != '/' && path[root_n] != '\0'))
		return NULL;
	return path[root_n] ? path + root_n + 1 : ".";
}

static const char *name_of(int fd)
{
	return fd >= 0 && fd < FD_MAX && known[fd] ? names[fd] : NULL;
}

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void note(unsigned long n, const char *call, const char *name, bool fails)
{
	char line[160];
	int len = snprintf(line, sizeof(line), "%s%lu %s %s\n", fails ? "!" : "", n, call, name);

	if (note_fd >= 0 && real_write(note_fd, line, (size_t)len) != len)
		abort();
}

/* Whether this call on that file is the one; 0, or the error. `room`: it may need room. */
static int fault(const char *call, const char *name, bool room)
{
	unsigned long n;
	bool fails;

	find_all();
	if (!name || (strcmp(only, "any") != 0 && strcmp(only, call) != 0))
		return 0;
	if (only_file && strcmp(only_file, name) != 0)
		return 0;
	n = atomic_fetch_add(&calls, 1) + 1;
	fails = n == number || (room && now_ms() < full_until);
	if (n == number)
		full_until = now_ms() + (long long)later_ms;
	note(n, call, name, fails);
	if (fails)
		errno = error;
	return fails ? error : 0;
}

static int opened(const char *path, int flags, mode_t mode)
{
	const char *name = below(path);
	int fd;

	find_all();
	if (fault("open", name, name && (flags & O_CREAT) && access(path, F_OK) != 0))
		return -1;
	fd = real_open(path, flags, mode);
	if (fd >= 0 && fd < FD_MAX) {
		known[fd] = name != NULL;
		if (name)
			snprintf(names[fd], sizeof(names[fd]), "%s", name);
	}
	return fd;
}

int open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if (flags & (O_CREAT | __O_TMPFILE))
		mode = va_arg(ap, mode_t);
	va_end(ap);
	return opened(path, flags, mode);
}

/* What checked builds call for an open() without a mode, and for reads. */
int __open_2(const char *path, int flags);
int __open_2(const char *path, int flags)
{
	return opened(path, flags, 0);
}

int close(int fd)
{
	find_all();
	if (fd >= 0 && fd < FD_MAX)
		known[fd] = 0;
	return real_close(fd);
}

ssize_t read(int fd, void *p, size_t n)
{
	return fault("read", name_of(fd), false) ? -1 : real_read(fd, p, n);
}

ssize_t __read_chk(int fd, void *p, size_t n, size_t cap);
ssize_t __read_chk(int fd, void *p, size_t n, size_t cap)
{
	return n > cap ? (abort(), -1) : read(fd, p, n);
}

ssize_t pread(int fd, void *p, size_t n, off_t at)
{
	return fault("pread", name_of(fd), false) ? -1 : real_pread(fd, p, n, at);
}

ssize_t __pread_chk(int fd, void *p, size_t n, off_t at, size_t cap);
ssize_t __pread_chk(int fd, void *p, size_t n, off_t at, size_t cap)
{
	return n > cap ? (abort(), -1) : pread(fd, p, n, at);
}

/* A part of the bytes, and no error. */
static bool halved(const char *call, int fd, bool *fails)
{
	*fails = fault(call, name_of(fd), true) != 0;
	return *fails && cut_short;
}

ssize_t write(int fd, const void *p, size_t n)
{
	bool fails;

	if (halved("write", fd, &fails))
		return real_write(fd, p, n / 2);
	return fails ? -1 : real_write(fd, p, n);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	bool fails;

	if (halved("pwrite", fd, &fails))
		return real_pwrite(fd, p, n / 2, at);
	return fails ? -1 : real_pwrite(fd, p, n, at);
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
	bool fails;

	if (halved("writev", fd, &fails))
		return real_writev(fd, v, n / 2 ? n / 2 : 1);
	return fails ? -1 : real_writev(fd, v, n);
}

ssize_t pwritev(int fd, const struct iovec *v, int n, off_t at)
{
	bool fails;

	if (halved("pwritev", fd, &fails))
		return real_pwritev(fd, v, n / 2 ? n / 2 : 1, at);
	return fails ? -1 : real_pwritev(fd, v, n, at);
}

int fsync(int fd)
{
	return fault("fsync", name_of(fd), false) ? -1 : real_fsync(fd);
}

int fdatasync(int fd)
{
	return fault("fdatasync", name_of(fd), false) ? -1 : real_fdatasync(fd);
}

int rename(const char *from, const char *to)
{
	return fault("rename", below(from), true) ? -1 : real_rename(from, to);
}

int mkdir(const char *path, mode_t mode)
{
	return fault("mkdir", below(path), true) ? -1 : real_mkdir(path, mode);
}

int unlink(const char *path)
{
	return fault("unlink", below(path), false) ? -1 : real_unlink(path);
}

int ftruncate(int fd, off_t size)
{
	return fault("ftruncate", name_of(fd), true) ? -1 : real_ftruncate(fd, size);
}

int posix_fallocate(int fd, off_t at, off_t n)
{
	int e = fault("posix_fallocate", name_of(fd), true);

	return e ? e : real_posix_fallocate(fd, at, n);
}

void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t from)
{
	return fault("mmap", name_of(fd), false) ? MAP_FAILED
						 : real_mmap(at, n, prot, flags, fd, from);
}
