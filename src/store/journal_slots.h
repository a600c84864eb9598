/* SPDX-License-Identifier: ISC */
#ifndef TALLY_STORE_JOURNAL_SLOTS_H
#define TALLY_STORE_JOURNAL_SLOTS_H

#include "store/journal.h"

/* Where the two slots of a vote journal are: a file, or memory with faults of its own for simulated
 * disks. Bytes beyond what was written are absent, or old, or zero: journal.c knows by itself what
 * a slot holds and whether it is whole. */
struct journal_slots {
	const struct journal_slots_ops *ops; /* structures of an implementation begin with this */
	const char *name;                    /* for messages */
};
struct journal_slots_ops {
	/* `n` bytes from `at` on. ERR_SHORT behind the end, ERR_IO. */
	enum err (*read)(struct journal_slots *s, int slot, size_t at, uint8_t *p, size_t n);
	/* From the slot's beginning. Durable when it returns ERR_NONE. */
	enum err (*write)(struct journal_slots *s, int slot, struct bytes b);
	void (*close)(struct journal_slots *s);
};

/* As journal_open, on slots that were opened or made. Takes them over, also when it fails. */
enum err journal_open_slots(struct journal **out, struct journal_slots *slots,
			    struct why *why) MUST_USE;
/* What a new journal's slot holds. */
void journal_slot_empty(struct buf *out, int slot);

/* A slot and the room behind it, for the largest record. */
#define JOURNAL_SLOT_HEAD  24u
#define JOURNAL_SLOT_BYTES ((JOURNAL_BYTES_MAX + JOURNAL_SLOT_HEAD + 4095u) & ~4095u)

/* <folder>/votes, made when absent. */
enum err journal_file_open(struct journal_slots **out, const char *folder,
			   struct why *why) MUST_USE;

/* ---- memory ---- */

/* Outlives the journals opened on it. */
struct journal_mem_disk {
	struct buf slot[2]; /* both empty: a new journal */
	/* NULL, or what the next write fails with; it may change the slots by itself then. */
	enum err (*fail)(void *ctx, struct journal_mem_disk *d, int slot, struct bytes b);
	void *ctx;
};
struct journal_slots *journal_mem_open(struct journal_mem_disk *d);
void journal_mem_disk_clear(struct journal_mem_disk *d); /* also at the end: frees */
/* A write of `b` that ended after `n` bytes. */
void journal_mem_tear(struct journal_mem_disk *d, int slot, struct bytes b, size_t n);

#endif
