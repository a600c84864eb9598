/* SPDX-License-Identifier: ISC */
#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum err file_err_of(int errnum)
{
	switch (errnum) {
	case ENOENT:
	case ENOTDIR:
		return ERR_ABSENT;
	case EACCES:
	case EPERM:
	case EROFS:
		return ERR_PERMISSION;
	case EEXIST:
		return ERR_DUPLICATE;
	case ENOSPC:
	case EDQUOT:
		return ERR_NO_SPACE;
	case EWOULDBLOCK:
	case EBUSY:
		return ERR_BUSY;
	case EFBIG:
		return ERR_TOO_LARGE;
	default:
		return ERR_IO;
	}
}

/* "<path>: <what the system says>" */
static enum err fail(struct why *why, const char *path)
{
	int errnum = errno;

	return why_set(why, file_err_of(errnum), "%s: %s", path, strerror(errnum));
}

static enum err read_into(struct buf *out, int fd, const char *path, size_t max, struct why *why)
{
	size_t start = out->n;

	for (;;) {
		ssize_t got;

		/* one byte more than allowed tells a file that is too large */
		buf_reserve(out, 4096);
		got = read(fd, out->p + out->n, 4096);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			out->n = start;
			return fail(why, path);
		}
		if (got == 0)
			return ERR_NONE;
		out->n += (size_t)got;
		if (out->n - start > max) {
			out->n = start;
			return why_set(why, ERR_TOO_LARGE, "%s: more than %zu bytes", path, max);
		}
	}
}

static enum err read_file(struct buf *out, const char *path, size_t max, bool secret,
			  struct why *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	enum err e;

	if (fd < 0)
		return fail(why, path);
	if (fstat(fd, &st) != 0)
		e = fail(why, path);
	else if (!S_ISREG(st.st_mode))
		e = why_set(why, ERR_INVALID, "%s: not a regular file", path);
	else if (secret && st.st_uid != geteuid())
		e = why_set(why, ERR_PERMISSION, "%s: belongs to another user", path);
	else if (secret && (st.st_mode & 077))
		e = why_set(why, ERR_PERMISSION,
			    "%s: others may read it (mode %03o), it must be 600 or 400", path,
			    (unsigned)st.st_mode & 0777u);
	else
		e = read_into(out, fd, path, max, why);
	close(fd);
	return e;
}

enum err file_read(struct buf *out, const char *path, size_t max, struct why *why)
{
	return read_file(out, path, max, false, why);
}

enum err file_read_secret(struct buf *out, const char *path, size_t max, struct why *why)
{
	return read_file(out, path, max, true, why);
}

static enum err write_fd(int fd, const char *path, struct bytes data, struct why *why)
{
	while (data.n) {
		ssize_t put = write(fd, data.p, data.n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return fail(why, path);
		data.p += put;
		data.n -= (size_t)put;
	}
	return fsync(fd) == 0 ? ERR_NONE : fail(why, path);
}

/* The folder of a path, "." when it names none. */
static void dir_of(char dir[PATH_MAX], const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;

	if (!slash)
		snprintf(dir, PATH_MAX, ".");
	else
		snprintf(dir, PATH_MAX, "%.*s", n ? (int)n : 1, path);
}

static enum err write_file(const char *path, struct bytes data, unsigned mode, bool fresh,
			   struct why *why)
{
	char tmp[PATH_MAX], dir[PATH_MAX];
	enum err e;
	int fd;

	if (strlen(path) + sizeof(".tmp") > sizeof(tmp))
		return why_set(why, ERR_TOO_LARGE, "path too long");
	snprintf(tmp, sizeof(tmp), "%s.tmp", path);
	dir_of(dir, path);
	unlink(tmp); /* left over from a crash, perhaps with another mode */
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, (mode_t)mode);
	if (fd < 0)
		return fail(why, tmp);
	e = write_fd(fd, tmp, data, why);
	if (close(fd) != 0 && !e)
		e = fail(why, tmp);
	if (!e && fresh && link(tmp, path) != 0)
		e = fail(why, path);
	if (!e && !fresh && rename(tmp, path) != 0)
		e = fail(why, path);
	if (e || fresh)
		unlink(tmp);
	return e ? e : file_sync_dir(dir, why);
}

enum err file_write(const char *path, struct bytes data, unsigned mode, struct why *why)
{
	return write_file(path, data, mode, false, why);
}

enum err file_write_new(const char *path, struct bytes data, unsigned mode, struct why *why)
{
	return write_file(path, data, mode, true, why);
}

enum err file_sync_dir(const char *dir, struct why *why)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum err e = ERR_NONE;

	if (fd < 0)
		return fail(why, dir);
	if (fsync(fd) != 0)
		e = fail(why, dir);
	close(fd);
	return e;
}

enum err file_create_dir(const char *dir, struct why *why)
{
	struct stat st;

	if (mkdir(dir, 0750) == 0)
		return ERR_NONE;
	if (errno != EEXIST)
		return fail(why, dir);
	if (stat(dir, &st) != 0)
		return fail(why, dir);
	return S_ISDIR(st.st_mode) ? ERR_NONE : why_set(why, ERR_INVALID, "%s: not a folder", dir);
}

enum err file_free_space(uint64_t *out_free, uint64_t *out_total, const char *path, struct why *why)
{
	struct statvfs st;

	if (statvfs(path, &st) != 0)
		return fail(why, path);
	*out_free = (uint64_t)st.f_bavail * st.f_frsize;
	*out_total = (uint64_t)st.f_blocks * st.f_frsize;
	return ERR_NONE;
}

enum err file_lock_take(struct file_lock *lock, const char *path, struct why *why)
{
	char pid[32] = "";
	ssize_t n;
	int fd;

	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0)
		return fail(why, path);
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		enum err e = fail(why, path);

		n = pread(fd, pid, sizeof(pid) - 1, 0);
		if (e == ERR_BUSY && n > 0)
			e = why_set(why, e, "%s: held by process %ld", path, strtol(pid, NULL, 10));
		close(fd);
		return e;
	}
	n = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
	/* the id is for people only, the lock holds without it */
	if (ftruncate(fd, 0) == 0 && pwrite(fd, pid, (size_t)n, 0) < 0)
		errno = 0;
	lock->fd = fd;
	return ERR_NONE;
}

void file_lock_drop(struct file_lock *lock)
{
	if (lock->fd >= 0)
		close(lock->fd);
	lock->fd = -1;
}
