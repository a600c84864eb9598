/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_STORE_DISK_MODEL_H
#define TALLY_TESTS_STORE_DISK_MODEL_H

#include "base/bytes.h"
#include "base/rng.h"
#include "tests/crash/record.h"

/* What a disk may hold after a power failure in the middle of a recorded life (tests/crash).
 * Durable is what was synced: a file's bytes by fsync of the file (or O_DSYNC, whole pages of 4096
 * bytes), its name by fsync of the folder. Everything else is pending, and any part of it may have
 * come to the disk in any order: a page whole, in its first or its last sectors of 512 bytes, or
 * not; a name or not. */

struct disk;

enum disk_choice { DISK_NOTHING, DISK_ALL, DISK_SOME };

/* Syncs that are taken out of the record: what another way of writing would have lost. */
enum disk_weaken {
	DISK_AS_RECORDED,
	DISK_NO_SYNC,       /* of the database, none */
	DISK_NO_META_SYNC,  /* of the database, those of its meta pages */
	DISK_NO_VOTES_SYNC, /* of the vote journal */
};

/* `trace` stays the caller's. What is in folder `base` (NULL: nothing) is durable; states are made
 * in folder `target`, which exists. */
struct disk *disk_open(struct bytes trace, const char *base, const char *target,
		       enum disk_weaken weaken);
void disk_close(struct disk *d);
/* Takes the next record; false at the end. A mark is returned in *mark (op 0: none). */
bool disk_step(struct disk *d, struct record_head *mark);
/* How many pieces are pending. */
size_t disk_pending(const struct disk *d);
/* Draws what of the pending came to the disk. Returns a number that tells the choices apart. */
uint64_t disk_choose(struct disk *d, enum disk_choice how, struct rng *r);
/* Makes the folder what the disk holds after the choice. */
void disk_make(struct disk *d);
/* The folder was changed by others: it is made anew next time. */
void disk_soiled(struct disk *d);
/* Removes all that is in a folder. */
void disk_empty_folder(const char *folder);

#endif
