/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TOOLS_PAYOUT_LOG_H
#define TALLY_TOOLS_PAYOUT_LOG_H

#include "os/file.h"
#include "payout.h"

/* The journal of a payout (or of a refund) as a file: groups of entries (payout_entry.h), appended
 * and made durable one after the other by one process, which holds PATH.lock meanwhile. */

#define PAYOUT_LOG_MAX (1u << 30)

struct payout_log {
	char path[1024];
	int fd; /* -1: only read */
	uint64_t number;
	struct file_lock lock;
	uint64_t bytes, cut; /* in it; taken off its end, of a record that was there in part */
	struct buf text;     /* what was read */
	struct payout_groups groups;
	struct bytes left; /* of the group that is being read */
};
#define PAYOUT_LOG_INIT ((struct payout_log){.fd = -1, .lock = FILE_LOCK_INIT})

/* Takes the lock and reads the file; one that is not there is empty. ERR_BUSY: another process has
 * it; ERR_CORRUPT: damage. */
enum err payout_log_open(struct payout_log *l, const char *path, struct why *why) MUST_USE;
/* The entries in order; ERR_ABSENT behind the last. */
enum err payout_log_next(struct payout_log *l, struct payout_entry *e, struct why *why) MUST_USE;
/* To be called behind the last: from now on entries can be appended. The file comes into being with
 * `first` in it, when it is empty. */
enum err payout_log_extend(struct payout_log *l, const struct payout_entry *first,
			   struct why *why) MUST_USE;
/* Durable when it returns ERR_NONE; after anything else nothing may be appended any more. */
enum err payout_log_append(struct payout_log *l, struct bytes entries, struct why *why) MUST_USE;
void payout_log_close(struct payout_log *l);

#endif
