/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_CRASH_RECORD_H
#define TALLY_TESTS_CRASH_RECORD_H

#include <stdint.h>

/* What record_shim.c writes of a process's dealings with one folder: records one after the other,
 * each this head, then n_path bytes of path, then n_data bytes. Paths are relative to the folder.
 */

enum record_op {
	RECORD_OPEN = 1, /* path; fd; at: RECORD_NEW and others */
	RECORD_CLOSE,    /* fd */
	RECORD_WRITE,    /* fd, at, data */
	RECORD_SIZE,     /* fd, at: the new size */
	RECORD_SYNC,     /* fd, of a file or a folder */
	RECORD_MKDIR,    /* path */
	RECORD_REMOVE,   /* path */
	RECORD_RENAME,   /* path: from, data: to */
	RECORD_MARK,     /* fd: what, at: number; said by the process */
};

#define RECORD_NEW   1u /* the file was not there before */
#define RECORD_DSYNC 2u /* each write is synced by itself */
#define RECORD_CUT   4u /* opened with O_TRUNC */

struct record_head {
	uint8_t op;
	uint8_t pad[3];
	int32_t fd;
	uint64_t at;
	uint32_t n_path, n_data;
};

#endif
