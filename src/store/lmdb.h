/* SPDX-License-Identifier: ISC */
#ifndef TALLY_STORE_LMDB_H
#define TALLY_STORE_LMDB_H

#include "store/kv.h"

#include <limits.h>

/* The database of a node (kv.h) in a file. The one file behind this header is the only one that
 * knows LMDB, the file system and their ways of failing.
 *
 * LMDB runs with its default durability: a commit that returned is on disk. MDB_NOTLS only frees
 * readers from their threads. A disk that fills up shows as ENOSPC or, where a write came up short,
 * as EIO: that one is told from a broken disk by looking whether there is room left. */

struct lmdb_options {
	uint64_t map_bytes_min;
	bool read_only;
};

/* Opens the environment in folder `dir`, which must exist; tables are made when `create`. Checks
 * that the file is as long as its own pages say: reading past the end would be SIGBUS. */
enum err lmdb_open(struct kv **out, const char *dir, const struct lmdb_options *o, bool create,
		   struct why *why) MUST_USE;
/* The folders and the lock around the environment (lmdb_folder.c). */

/* <folder>/<name>; ERR_TOO_LARGE. */
enum err lmdb_path(char out[PATH_MAX], const char *folder, const char *name,
		   struct why *why) MUST_USE;

/* Takes <folder>/lock; ERR_BUSY names the process that has it. Released by lmdb_folder_unlock. */
enum err lmdb_folder_lock(const char *folder, int *lock, struct why *why) MUST_USE;
void lmdb_folder_unlock(int *lock);
/* Whether <folder>/<name> is a folder. */
bool lmdb_folder_has(const char *folder, const char *name);
/* Makes <folder> and an empty <folder>/data.tmp, removing what an earlier attempt left there. */
enum err lmdb_folder_prepare(const char *folder, struct why *why) MUST_USE;
/* Makes a finished <folder>/data.tmp durable and renames it to <folder>/data. */
enum err lmdb_folder_adopt(const char *folder, struct why *why) MUST_USE;
/* Writes <folder>/damaged, or reads it: ERR_CORRUPT with its text when it is there. */
enum err lmdb_folder_mark(const char *folder, const char *what, struct why *why) MUST_USE;
enum err lmdb_folder_marked(const char *folder, struct why *why) MUST_USE;
enum err lmdb_folder_unmark(const char *folder, struct why *why) MUST_USE;
/* Renames <folder>/data to the first free <folder>/data.damaged-N and removes the mark; `out` gets
 * the new path. Without data there is nothing to do but to remove the mark. */
enum err lmdb_folder_set_aside(const char *folder, char out[PATH_MAX], struct why *why) MUST_USE;

#endif
