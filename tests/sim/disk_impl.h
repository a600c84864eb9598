/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_SIM_DISK_IMPL_H
#define TALLY_TESTS_SIM_DISK_IMPL_H

#include "store/journal_slots.h"
#include "store/kv_mem.h"
#include "tests/sim/disk.h"

/* The inside of a disk:
 *
 *   disk.c         starting and ending, jobs, images
 *   disk_faults.c  what the faults do below store and journal
 *   disk_media.c   where the bytes are: memory, or files */

#define IMAGES      8
#define IMAGE_EVERY 4 /* commits */

struct image {
	uint64_t commits; /* of the disk, when it was taken */
	struct kv_mem_image *rows;
	struct buf votes[2];
	struct buf join;
};

struct disk {
	struct disk_options o;
	int64_t now;
	uint64_t commits; /* since it was empty */

	/* one of these two */
	struct kv_mem_disk *rows;
	char folder[96];
	struct journal_mem_disk votes; /* with files: unused */
	struct buf join;               /* blocks of entries, as they were appended */
	struct image image[IMAGES];    /* with files: only `commits`, and a folder image<i> */
	uint32_t n_images;             /* taken so far */

	/* of the process that runs */
	struct store *store;
	struct journal *journal;
	struct journal_record record;
	struct ledger *tip;
	struct tree joined; /* root NULL: none */

	/* faults */
	enum world_disk how;
	bool calm;            /* none, for a while: what the simulator itself reads */
	int64_t full_until;   /* DISK_NO_SPACE */
	int64_t changes_left; /* until a change or the commit fails; -1: none will */
	enum err fails_with;
	bool panic;           /* the database fails until the process ends */
	size_t vote_torn;     /* the next vote's write ends after so many bytes; SIZE_MAX: none */
	enum err vote_fails;  /* ERR_NONE: not */
	struct ledger *stale; /* held by a slow reader */
	int64_t stale_until;

	/* the operator */
	bool distrusted, was_wiped;
	bool sound, spoilt; /* disk_may_spoil(), disk_was_spoilt() */
	bool votes_lost;
	uint32_t network_seq, votes_lost_at;
};

/* disk_media.c: what is not there is made. */
void media_open(struct disk *d);
void media_close(struct disk *d);
enum err media_rows(struct disk *d, struct store_options *so, struct why *why) MUST_USE;
enum err media_votes(struct disk *d, struct journal_slots **out, struct why *why) MUST_USE;
void media_clear_rows(struct disk *d);
void media_clear_votes(struct disk *d);
void media_damage_rows(struct disk *d);
void media_take_image(struct disk *d);
void media_restore(struct disk *d, const struct image *image, bool votes);
void media_flip(struct disk *d, int64_t where);

/* disk_faults.c */
void faults_attach(struct disk *d); /* to the rows, before they are opened */
struct journal_slots *faults_of_votes(struct disk *d, struct journal_slots *under);
/* Before a job: what will happen to it. */
void faults_arm(struct disk *d, enum node_job_kind kind);
void faults_disarm(struct disk *d);
bool disk_asks(struct disk *d, enum fault f, bool votes, uint32_t weight, int64_t lo, int64_t hi,
	       int64_t *x);
bool disk_is_full(const struct disk *d);

#endif
