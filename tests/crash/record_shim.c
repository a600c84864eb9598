/* SPDX-License-Identifier: ISC */
#include "tests/crash/record.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* Preloaded into a process of one thread: writes down every call that changes files below a folder,
 * or makes changes durable (record.h). What was not made durable is what a power failure may lose.
 *
 *     TALLY_RECORD_ROOT  the folder
 *     TALLY_RECORD_FILE  where to write; nothing happens without these two
 *
 * The process says what it was promised by tally_record_mark(what, number), found with dlsym().
 * Lock files are left out: they mean nothing after a power failure. */

#define FD_MAX 1024

void tally_record_mark(int what, uint64_t number);

static char root[PATH_MAX];
static size_t root_n;
static int out = -1;
static unsigned char known[FD_MAX]; /* below the folder: 1, with O_DSYNC: 3 */
static off_t place[FD_MAX];         /* for write() and writev() */

static int (*real_open)(const char *, int, ...);
static int (*real_close)(int);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static ssize_t (*real_pwritev)(int, const struct iovec *, int, off_t);
static off_t (*real_lseek)(int, off_t, int);
static int (*real_ftruncate)(int, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_mkdir)(const char *, mode_t);
static int (*real_rename)(const char *, const char *);
static int (*real_unlink)(const char *);
static int (*real_rmdir)(const char *);

static void find(void *slot, const char *name)
{
	void *p = dlsym(RTLD_NEXT, name); /* void *, which C does not turn into a function */

	memcpy(slot, &p, sizeof(p));
}

static void find_all(void)
{
	if (real_rmdir)
		return;
	find(&real_open, "open");
	find(&real_close, "close");
	find(&real_write, "write");
	find(&real_pwrite, "pwrite");
	find(&real_writev, "writev");
	find(&real_pwritev, "pwritev");
	find(&real_lseek, "lseek");
	find(&real_ftruncate, "ftruncate");
	find(&real_fsync, "fsync");
	find(&real_fdatasync, "fdatasync");
	find(&real_mkdir, "mkdir");
	find(&real_rename, "rename");
	find(&real_unlink, "unlink");
	find(&real_rmdir, "rmdir");
}

__attribute__((constructor)) static void begin(void)
{
	const char *folder = getenv("TALLY_RECORD_ROOT"), *file = getenv("TALLY_RECORD_FILE");

	find_all();
	if (!folder || !file || out >= 0)
		return;
	root_n = (size_t)snprintf(root, sizeof(root), "%s", folder);
	out = real_open(file, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

/* The path below the folder ("" for itself), NULL for any other. */
static const char *below(const char *path)
{
	if (out < 0 || strncmp(path, root, root_n) != 0 || ends_with(path, "/lock.mdb") ||
	    ends_with(path, "/lock"))
		return NULL;
	if (path[root_n] == '\0')
		return path + root_n;
	return path[root_n] == '/' ? path + root_n + 1 : NULL;
}

static void put(enum record_op op, int fd, uint64_t at, const char *path, const void *data,
		size_t n)
{
	struct record_head h = {.op = (uint8_t)op, .fd = fd, .at = at, .n_data = (uint32_t)n};
	struct iovec v[3] = {{&h, sizeof(h)}, {NULL, 0}, {(void *)(uintptr_t)data, n}};

	h.n_path = path ? (uint32_t)strlen(path) : 0;
	v[1] = (struct iovec){(void *)(uintptr_t)path, h.n_path};
	if (real_writev(out, v, 3) != (ssize_t)(sizeof(h) + h.n_path + n))
		abort();
}

void tally_record_mark(int what, uint64_t number)
{
	put(RECORD_MARK, what, number, NULL, NULL, 0);
}

static bool is_known(int fd)
{
	return fd >= 0 && fd < FD_MAX && known[fd];
}

static int opened(const char *path, int flags, mode_t mode)
{
	const char *name;
	struct stat st;
	uint64_t how = 0;
	int fd;

	find_all();
	name = below(path);
	if (name && stat(path, &st) != 0)
		how |= RECORD_NEW;
	fd = real_open(path, flags, mode);
	if (fd >= 0 && fd < FD_MAX) {
		known[fd] = name ? (unsigned char)(flags & O_DSYNC ? 3 : 1) : 0;
		place[fd] = 0;
	}
	if (fd < 0 || !name)
		return fd;
	if (flags & O_DSYNC)
		how |= RECORD_DSYNC;
	if (flags & O_TRUNC)
		how |= RECORD_CUT;
	put(RECORD_OPEN, fd, how, name, NULL, 0);
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

/* What a checked build calls for an open() without a mode. */
int __open_2(const char *path, int flags);
int __open_2(const char *path, int flags)
{
	return opened(path, flags, 0);
}

int close(int fd)
{
	find_all();
	if (is_known(fd)) {
		put(RECORD_CLOSE, fd, 0, NULL, NULL, 0);
		known[fd] = 0;
	}
	return real_close(fd);
}

/* Written down before it happens: with O_DSYNC it is durable as soon as it has. */
ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	find_all();
	if (is_known(fd))
		put(RECORD_WRITE, fd, (uint64_t)at, NULL, p, n);
	return real_pwrite(fd, p, n, at);
}

ssize_t pwritev(int fd, const struct iovec *v, int n, off_t at)
{
	off_t to = at;

	find_all();
	for (int i = 0; i < n && is_known(fd); i++) {
		put(RECORD_WRITE, fd, (uint64_t)to, NULL, v[i].iov_base, v[i].iov_len);
		to += (off_t)v[i].iov_len;
	}
	return real_pwritev(fd, v, n, at);
}

ssize_t write(int fd, const void *p, size_t n)
{
	find_all();
	if (is_known(fd)) {
		put(RECORD_WRITE, fd, (uint64_t)place[fd], NULL, p, n);
		place[fd] += (off_t)n;
	}
	return real_write(fd, p, n);
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
	find_all();
	for (int i = 0; i < n && is_known(fd); i++) {
		put(RECORD_WRITE, fd, (uint64_t)place[fd], NULL, v[i].iov_base, v[i].iov_len);
		place[fd] += (off_t)v[i].iov_len;
	}
	return real_writev(fd, v, n);
}

off_t lseek(int fd, off_t to, int whence)
{
	off_t at;

	find_all();
	at = real_lseek(fd, to, whence);
	if (at >= 0 && is_known(fd))
		place[fd] = at;
	return at;
}

int ftruncate(int fd, off_t size)
{
	find_all();
	if (is_known(fd))
		put(RECORD_SIZE, fd, (uint64_t)size, NULL, NULL, 0);
	return real_ftruncate(fd, size);
}

static int synced(int fd, int rc)
{
	if (rc == 0 && is_known(fd))
		put(RECORD_SYNC, fd, 0, NULL, NULL, 0);
	return rc;
}

int fsync(int fd)
{
	find_all();
	return synced(fd, real_fsync(fd));
}

int fdatasync(int fd)
{
	find_all();
	return synced(fd, real_fdatasync(fd));
}

int mkdir(const char *path, mode_t mode)
{
	const char *name;
	int rc;

	find_all();
	name = below(path);
	rc = real_mkdir(path, mode);
	if (rc == 0 && name)
		put(RECORD_MKDIR, 0, 0, name, NULL, 0);
	return rc;
}

int rename(const char *from, const char *to)
{
	const char *name, *name_to;
	int rc;

	find_all();
	name = below(from);
	name_to = below(to);
	rc = real_rename(from, to);
	if (rc == 0 && name && name_to)
		put(RECORD_RENAME, 0, 0, name, name_to, strlen(name_to));
	return rc;
}

int unlink(const char *path)
{
	const char *name;
	int rc;

	find_all();
	name = below(path);
	rc = real_unlink(path);
	if (rc == 0 && name)
		put(RECORD_REMOVE, 0, 0, name, NULL, 0);
	return rc;
}

int rmdir(const char *path)
{
	const char *name;
	int rc;

	find_all();
	name = below(path);
	rc = real_rmdir(path);
	if (rc == 0 && name)
		put(RECORD_REMOVE, 0, 0, name, NULL, 0);
	return rc;
}
