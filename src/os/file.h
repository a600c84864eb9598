/* SPDX-License-Identifier: ISC */
#ifndef TALLY_OS_FILE_H
#define TALLY_OS_FILE_H

#include "base/bytes.h"

#include <stdbool.h>

/* Files, as configuration, keys and the store need them. Errors name the path and what the system
 * said: ERR_ABSENT, ERR_PERMISSION, ERR_DUPLICATE (exists), ERR_NO_SPACE, ERR_BUSY (locked),
 * ERR_TOO_LARGE, ERR_IO for the rest. */

/* The error for an errno value. */
enum err file_err_of(int errnum);

/* Appends the whole regular file to out; ERR_TOO_LARGE when it has more than max bytes. On failure
 * out is as it was. */
enum err file_read(struct buf *out, const char *path, size_t max, struct why *why) MUST_USE;
/* As file_read for secrets: also refuses (ERR_PERMISSION) a file of another owner, or one that the
 * group or others may touch. The caller wipes the buffer. */
enum err file_read_secret(struct buf *out, const char *path, size_t max, struct why *why) MUST_USE;
/* Replaces the file as a whole: writes <path>.tmp, syncs it, renames it over path and syncs the
 * folder. After a crash the file is the old one or the new one. mode as for open(2). */
enum err file_write(const char *path, struct bytes data, unsigned mode, struct why *why) MUST_USE;
/* As file_write, but ERR_DUPLICATE when path exists: keys are never overwritten. */
enum err file_write_new(const char *path, struct bytes data, unsigned mode,
			struct why *why) MUST_USE;
/* Makes renames and new names in the folder durable. */
enum err file_sync_dir(const char *dir, struct why *why) MUST_USE;
/* Makes the folder (one level, mode 0750); one that is there already is fine. */
enum err file_create_dir(const char *dir, struct why *why) MUST_USE;
/* Bytes that an unprivileged writer may still use on the file system of path, and its size. */
enum err file_free_space(uint64_t *out_free, uint64_t *out_total, const char *path,
			 struct why *why) MUST_USE;

/* A lock that one process at a time holds, and that ends with it however it ends. The file stays
 * and has the holder's process id in it. */
struct file_lock {
	int fd; /* -1 = not held */
};
#define FILE_LOCK_INIT ((struct file_lock){.fd = -1})
/* ERR_BUSY, naming the holder, when another has it. */
enum err file_lock_take(struct file_lock *lock, const char *path, struct why *why) MUST_USE;
void file_lock_drop(struct file_lock *lock);

#endif
