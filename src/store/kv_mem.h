/* SPDX-License-Identifier: ISC */
#ifndef TALLY_STORE_KV_MEM_H
#define TALLY_STORE_KV_MEM_H

#include "store/kv.h"

/* A database (kv.h) in memory, for simulated disks and for tests. Each table is a persistent treap
 * whose nodes are shared and counted: a snapshot is a reference to a root, so are a transaction's
 * beginning and an image of the past. Priorities are hashes of keys: the shape of a tree follows
 * from its rows alone.
 *
 * The rows are on a `struct kv_mem_disk`, which outlives the databases opened on it, as a disk does
 * its processes: what was committed is there again, what was not is gone. It does what LMDB does as
 * far as the store can see: the same errors, views that live as long, a map that is too small.
 * Everything on one disk belongs to one thread. */

struct kv_mem_disk;

struct kv_mem_disk *kv_mem_disk_open(uint64_t map_bytes);
/* No database may be open on it. NULL is fine. */
void kv_mem_disk_close(struct kv_mem_disk *d);

/* A database on it; one at a time. ERR_CORRUPT when it was damaged. */
enum err kv_mem_open(struct kv **out, struct kv_mem_disk *d, struct why *why) MUST_USE;

/* ---- what befalls disks; no database may be open ---- */

/* Nothing on it any more. */
void kv_mem_disk_clear(struct kv_mem_disk *d);
/* As LMDB with a meta page that cannot be read: does not open until it is cleared or restored. */
void kv_mem_disk_damage(struct kv_mem_disk *d);
/* Changes one bit of one value for good, both counted modulo what there is; false when empty. */
bool kv_mem_disk_flip(struct kv_mem_disk *d, enum kv_table t, uint64_t row, uint64_t bit);

/* What is committed now, to go back to. An image holds what it shares with the disk. */
struct kv_mem_image;
struct kv_mem_image *kv_mem_image_take(const struct kv_mem_disk *d);
void kv_mem_image_drop(struct kv_mem_image *image); /* NULL is fine */
void kv_mem_disk_restore(struct kv_mem_disk *d, const struct kv_mem_image *image);

/* Faults while it is open. */
enum kv_mem_op { KV_MEM_READ, KV_MEM_WRITE, KV_MEM_CHANGE, KV_MEM_COMMIT };
struct kv_mem_faults {
	void *ctx;
	/* Before a snapshot, a writer, a change or a commit: what it fails with, or ERR_NONE. */
	enum err (*fail)(void *ctx, enum kv_mem_op op);
	/* Before a value of `bits` bits is handed out: whether *bit of it is wrong this time. */
	bool (*flip)(void *ctx, uint64_t bits, uint64_t *bit);
};
/* Copied; NULL: no faults. Either function may be NULL. */
void kv_mem_disk_faults(struct kv_mem_disk *d, const struct kv_mem_faults *f);
/* What kv_disk_space() says. At first there is plenty. */
void kv_mem_disk_space(struct kv_mem_disk *d, uint64_t free_bytes, uint64_t total_bytes);

uint64_t kv_mem_disk_commits(const struct kv_mem_disk *d);

#endif
