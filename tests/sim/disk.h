/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_SIM_DISK_H
#define TALLY_TESTS_SIM_DISK_H

#include "node/node.h"
#include "tests/sim/world.h"

/* The disk of one simulated process: ledger database and vote journal, with the faults of disks. It
 * outlives processes. The store and the journal on it are those of tallyd; below them are either
 * memory (kv_mem.h) or files with real LMDB in a folder of its own, removed at the end.
 *
 *   disk_open ─► disk_start ─► disk_run (jobs), disk_prune ─► disk_stop   orderly
 *                     ▲                                   └─► disk_kill   whatever was under way
 *                     └── disk_wipe, disk_older ◄─────────────────┘
 *
 * Jobs are run when they end, not when they start: the world asks disk_job_ms() how long one takes,
 * and calls disk_run() at its end, just before NODE_JOB_DONE. One whose process dies before is
 * handed to disk_kill(), where it may have reached the disk, or not, or in part.
 *
 * Asks for the DISK_ faults under the name of its node; PROC_ ones are the world's. */

struct disk;

struct disk_options {
	uint32_t node;
	struct decisions *decisions;
	const uint32_t *rate_ppm; /* of the plan */
	enum world_store store;
	uint32_t network_id;
	struct hash256 genesis;
	uint32_t history; /* ledgers kept, at least 256, or 0: all */
	uint64_t seed;    /* names the folder of files; nothing is drawn from it */
	/* What no disk may lead to ("P5"); NULL: ends the program. */
	void (*fail)(void *ctx, const char *property, const char *text);
	void *ctx;
};
struct disk *disk_open(const struct disk_options *o);
/* It holds this ledger already, from an earlier life, and a validator's vote for it. Before
 * anything else. */
void disk_plant(struct disk *d, const struct ledger *l, bool validator);
/* Whether what it holds may be spoilt for good from now on (as it is at first); whether it ever
 * was. No network promises to go on when more than f of its validators lose what they have stored.
 */
void disk_may_spoil(struct disk *d, bool may);
bool disk_was_spoilt(const struct disk *d);
void disk_close(struct disk *d);

/* What a process finds when it starts. Views and references are the disk's, until it ends. */
struct disk_found {
	struct ledger *tip;             /* NULL: a new store; only until the first job or pruning */
	struct journal_record *journal; /* NULL: never voted, or not asked for */
	const struct history *history;
	const struct tree *join; /* what an earlier life had fetched of a newer state, on top of
				  * the tip's; NULL: nothing. As long as the tip */
	/* The database or the journal was beyond repair, and the operator did as the message says:
	 * emptied it. Without a journal a validator must not vote: see `may_vote`. */
	bool was_wiped;
	/* False when what this validator has voted for is not known any more (wiped, or an older
	 * image): the operator starts it without its key. True again once the network has come 256
	 * ledgers further, as disk_network_at() has told. */
	bool may_vote;
};
/* ERR_NONE, or an error that a later start may not have (ERR_IO, ERR_NO_SPACE). After a failed
 * life everything is verified first (`tally verify`), as the daemon's last words demand. */
enum err disk_start(struct disk *d, bool validator, int64_t now_ms, struct disk_found *out,
		    struct why *why) MUST_USE;
void disk_network_at(struct disk *d, uint32_t validated_seq);

/* How long a PERSIST or JOURNAL job takes: a few ms, or what DISK_LATENCY, DISK_SLOW_SYNC, or
 * disk_set() say. -1: held, for as long as disk_held(). */
int64_t disk_job_ms(struct disk *d, const struct node_job *job, int64_t now_ms);
bool disk_held(const struct disk *d);
/* Does a PERSIST or JOURNAL job and sets its result. */
void disk_run(struct disk *d, struct node_job *job, int64_t now_ms);
/* One portion of deleting old ledgers; true: there is more to do. Call it after each PERSIST job
 * that went well, as the daemon does. */
bool disk_prune(struct disk *d, int64_t now_ms);
/* What the shell tells with NODE_DISK, every 2 s. */
bool disk_has_space(struct disk *d, int64_t now_ms);

/* The process ends: in order, or dies while `running` (not owned) were under way. */
void disk_stop(struct disk *d);
void disk_kill(struct disk *d, struct node_job *const *running, uint32_t n, int64_t now_ms);
/* It ended with code 74 (NODE_FX_FAILED): the next start verifies. Before disk_stop or _kill. */
void disk_distrust(struct disk *d);

/* For a process that is off: nothing there any more; as it was `commits` ledgers ago (or at the
 * oldest image there is), the journal too if `votes`. False when there is no image. */
void disk_wipe(struct disk *d);
bool disk_older(struct disk *d, uint32_t commits, bool votes);

/* Scenarios: until it is set to something else. */
void disk_set(struct disk *d, enum world_disk how);

struct store *disk_store(struct disk *d); /* NULL: off */

#endif
