/* SPDX-License-Identifier: ISC */
#include "os/file.h"
#include "store/lmdb.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum err lmdb_path(char out[PATH_MAX], const char *folder, const char *name, struct why *why)
{
	if (snprintf(out, PATH_MAX, "%s/%s", folder, name) >= PATH_MAX)
		return why_set(why, ERR_TOO_LARGE, "%.100s...: the path is too long", folder);
	return ERR_NONE;
}

static enum err fail(struct why *why, const char *path)
{
	int errnum = errno;

	return why_set(why, file_err_of(errnum), "%s: %s", path, strerror(errnum));
}

enum err lmdb_folder_lock(const char *folder, int *lock, struct why *why)
{
	struct file_lock l = FILE_LOCK_INIT;
	char path[PATH_MAX];
	enum err e = lmdb_path(path, folder, "lock", why);

	if (e == ERR_NONE)
		e = file_create_dir(folder, why);
	if (e == ERR_NONE)
		e = file_lock_take(&l, path, why);
	*lock = l.fd;
	return e;
}

void lmdb_folder_unlock(int *lock)
{
	struct file_lock l = {.fd = *lock};

	file_lock_drop(&l);
	*lock = -1;
}

bool lmdb_folder_has(const char *folder, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	return lmdb_path(path, folder, name, NULL) == ERR_NONE && stat(path, &st) == 0 &&
	       S_ISDIR(st.st_mode);
}

enum err lmdb_folder_prepare(const char *folder, struct why *why)
{
	static const char *const left[] = {"data.tmp/data.mdb", "data.tmp/lock.mdb"};
	char path[PATH_MAX];
	enum err e = file_create_dir(folder, why);

	if (e == ERR_NONE)
		e = lmdb_path(path, folder, "data.tmp", why);
	if (e == ERR_NONE)
		e = file_create_dir(path, why);
	for (size_t i = 0; e == ERR_NONE && i < sizeof(left) / sizeof(left[0]); i++) {
		e = lmdb_path(path, folder, left[i], why);
		if (e == ERR_NONE && unlink(path) != 0 && errno != ENOENT)
			e = fail(why, path);
	}
	return e;
}

enum err lmdb_folder_adopt(const char *folder, struct why *why)
{
	char from[PATH_MAX], to[PATH_MAX];
	enum err e = lmdb_path(from, folder, "data.tmp", why);

	if (e == ERR_NONE)
		e = lmdb_path(to, folder, "data", why);
	if (e == ERR_NONE)
		e = file_sync_dir(from, why);
	if (e == ERR_NONE && rename(from, to) != 0)
		e = fail(why, to);
	if (e == ERR_NONE)
		e = file_sync_dir(folder, why);
	return e;
}

#define MARK       "damaged"
#define MARK_BYTES 400
#define ASIDE_MAX  1000

enum err lmdb_folder_mark(const char *folder, const char *what, struct why *why)
{
	char path[PATH_MAX], line[MARK_BYTES];
	enum err e = lmdb_path(path, folder, MARK, why);

	snprintf(line, sizeof(line), "%s\n", what);
	return e == ERR_NONE ? file_write(path, bytes_str(line), 0640, why) : e;
}

enum err lmdb_folder_marked(const char *folder, struct why *why)
{
	struct buf b = BUF_INIT;
	char path[PATH_MAX];
	enum err e = lmdb_path(path, folder, MARK, why);

	if (e == ERR_NONE && access(path, F_OK) == 0) {
		if (file_read(&b, path, MARK_BYTES, NULL) == ERR_NONE && b.n)
			b.n--;
		e = why_set(why, ERR_CORRUPT, "%s: found earlier: %.*s", folder, (int)b.n, b.p);
	}
	buf_close(&b);
	return e;
}

enum err lmdb_folder_unmark(const char *folder, struct why *why)
{
	char path[PATH_MAX];
	enum err e = lmdb_path(path, folder, MARK, why);

	if (e != ERR_NONE || access(path, F_OK) != 0)
		return e;
	return unlink(path) == 0 ? file_sync_dir(folder, why) : fail(why, path);
}

enum err lmdb_folder_set_aside(const char *folder, char out[PATH_MAX], struct why *why)
{
	char from[PATH_MAX];
	enum err e = lmdb_path(from, folder, "data", why);

	out[0] = '\0';
	for (int i = 1; e == ERR_NONE && lmdb_folder_has(folder, "data"); i++) {
		char name[32];

		snprintf(name, sizeof(name), "data.damaged-%d", i);
		e = lmdb_path(out, folder, name, why);
		if (e != ERR_NONE || (access(out, F_OK) == 0 && i < ASIDE_MAX))
			continue;
		if (rename(from, out) != 0)
			e = fail(why, out);
		break;
	}
	if (e == ERR_NONE)
		e = file_sync_dir(folder, why);
	return e == ERR_NONE ? lmdb_folder_unmark(folder, why) : e;
}
