/* SPDX-License-Identifier: ISC */
#include "tests/sim/disk_impl.h"

#include "base/mem.h"

/* What goes wrong below the store and the journal. In memory the database itself fails, at any of
 * its calls; with files a whole job does, as the calls of a real file are failed elsewhere. */

#define CHANGES_MAX 600 /* of a commit that fails on its way; behind them it is the commit */
#define FLIP_WEIGHT 100
#define READ_WEIGHT 1 /* questions per read are many */
#define FULL_MS_MAX 60000

bool disk_asks(struct disk *d, enum fault f, bool votes, uint32_t weight, int64_t lo, int64_t hi,
	       int64_t *x)
{
	uint8_t node = (uint8_t)d->o.node;

	return !d->calm && decide(d->o.decisions, f, node, votes ? node : DECIDE_NOBODY, weight, lo,
				  hi, d->now, x);
}

bool disk_is_full(const struct disk *d)
{
	return d->how == DISK_FULL || d->now < d->full_until;
}

static enum err on_change(struct disk *d, bool commit)
{
	enum err e;

	if (d->changes_left < 0 || (d->changes_left-- > 0 && !commit))
		return ERR_NONE;
	e = d->fails_with;
	d->changes_left = -1;
	return e;
}

static enum err fail(void *ctx, enum kv_mem_op op)
{
	struct disk *d = ctx;

	if (d->calm)
		return ERR_NONE;
	if (d->panic || d->how == DISK_BROKEN)
		return ERR_IO;
	switch (op) {
	case KV_MEM_READ:
		return disk_asks(d, FAULT_DISK_EIO, true, READ_WEIGHT, 0, 0, NULL) ? ERR_IO
										   : ERR_NONE;
	case KV_MEM_WRITE:
		return ERR_NONE;
	case KV_MEM_CHANGE:
		return on_change(d, false);
	case KV_MEM_COMMIT:
		return disk_is_full(d) ? ERR_NO_SPACE : on_change(d, true);
	}
	return ERR_NONE;
}

static bool flip(void *ctx, uint64_t bits, uint64_t *bit)
{
	struct disk *d = ctx;
	int64_t x;

	if (!disk_asks(d, FAULT_DISK_FLIP, false, FLIP_WEIGHT, 0, INT32_MAX, &x))
		return false;
	*bit = (uint64_t)x % bits;
	return true;
}

void faults_attach(struct disk *d)
{
	struct kv_mem_faults f = {.ctx = d, .fail = fail};

	if (!d->rows)
		return;
	if (d->o.rate_ppm[FAULT_DISK_FLIP])
		f.flip = flip;
	kv_mem_disk_faults(d->rows, &f);
}

void faults_disarm(struct disk *d)
{
	d->changes_left = -1;
	d->vote_torn = SIZE_MAX;
	d->vote_fails = ERR_NONE;
}

/* The three ways of a commit to fail exclude each other. */
void faults_arm(struct disk *d, enum node_job_kind kind)
{
	bool votes = kind == NODE_JOB_JOURNAL;
	int64_t x;

	faults_disarm(d);
	if (disk_asks(d, FAULT_DISK_NO_SPACE, votes, 1000, 500, FULL_MS_MAX, &x))
		d->full_until = d->now + x;
	if (votes) {
		if (disk_is_full(d))
			d->vote_fails = ERR_NO_SPACE;
		if (disk_asks(d, FAULT_DISK_EIO, votes, 1000, 0, 0, NULL) || d->how == DISK_BROKEN)
			d->vote_fails = ERR_IO;
		return;
	}
	if (disk_asks(d, FAULT_DISK_MAP_FULL, votes, 1000, 0, CHANGES_MAX, &x)) {
		d->changes_left = x;
		d->fails_with = ERR_FULL;
	}
	if (disk_asks(d, FAULT_DISK_EIO, votes, 1000, 0, CHANGES_MAX, &x)) {
		d->changes_left = x;
		d->fails_with = ERR_IO;
		d->panic = !d->rows || x % 2; /* as LMDB after a meta page that was not written */
	}
}

/* ---- the journal's slots, over others ---- */

struct faulty {
	struct journal_slots slots;
	struct journal_slots *under;
	struct disk *disk;
};

static struct faulty *faulty_of(struct journal_slots *s)
{
	return (struct faulty *)s;
}

static enum err slot_read(struct journal_slots *s, int slot, size_t at, uint8_t *p, size_t n)
{
	struct faulty *f = faulty_of(s);

	return f->under->ops->read(f->under, slot, at, p, n);
}

static enum err slot_write(struct journal_slots *s, int slot, struct bytes b)
{
	struct faulty *f = faulty_of(s);
	struct disk *d = f->disk;

	if (d->vote_torn != SIZE_MAX) {
		if (b.n > d->vote_torn % (b.n + 1))
			b.n = d->vote_torn % (b.n + 1);
		(void)!f->under->ops->write(f->under, slot, b);
		return ERR_IO;
	}
	return d->vote_fails != ERR_NONE ? d->vote_fails : f->under->ops->write(f->under, slot, b);
}

static void slots_close(struct journal_slots *s)
{
	struct faulty *f = faulty_of(s);

	f->under->ops->close(f->under);
	mem_free(f);
}

static const struct journal_slots_ops ops = {
    .read = slot_read,
    .write = slot_write,
    .close = slots_close,
};

struct journal_slots *faults_of_votes(struct disk *d, struct journal_slots *under)
{
	struct faulty *f = mem_alloc(sizeof(*f));

	*f = (struct faulty){.slots = {&ops, under->name}, .under = under, .disk = d};
	return &f->slots;
}
