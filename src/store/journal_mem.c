/* SPDX-License-Identifier: ISC */
#include "store/journal_slots.h"

struct mem_slots {
	struct journal_slots slots;
	struct journal_mem_disk *disk;
};

static struct journal_mem_disk *disk_of(struct journal_slots *s)
{
	return ((struct mem_slots *)s)->disk;
}

static enum err slot_read(struct journal_slots *s, int slot, size_t at, uint8_t *p, size_t n)
{
	const struct buf *b = &disk_of(s)->slot[slot];

	if (at > b->n || n > b->n - at)
		return ERR_SHORT;
	if (n)
		memcpy(p, b->p + at, n);
	return ERR_NONE;
}

void journal_mem_tear(struct journal_mem_disk *d, int slot, struct bytes b, size_t n)
{
	struct buf *to = &d->slot[slot];

	if (n > b.n)
		n = b.n;
	if (to->n < n) { /* what is written over stays behind it, as in a file */
		buf_clear(to);
		buf_put(to, b.p, n);
	} else if (n) {
		memcpy(to->p, b.p, n);
	}
}

static enum err slot_write(struct journal_slots *s, int slot, struct bytes b)
{
	struct journal_mem_disk *d = disk_of(s);
	enum err e = d->fail ? d->fail(d->ctx, d, slot, b) : ERR_NONE;

	if (e == ERR_NONE)
		journal_mem_tear(d, slot, b, b.n);
	return e;
}

static void slots_close(struct journal_slots *s)
{
	mem_free(s);
}

static const struct journal_slots_ops ops = {
    .read = slot_read,
    .write = slot_write,
    .close = slots_close,
};

struct journal_slots *journal_mem_open(struct journal_mem_disk *d)
{
	struct mem_slots *m = mem_alloc(sizeof(*m));

	*m = (struct mem_slots){.slots = {&ops, "votes"}, .disk = d};
	for (int i = 0; d->slot[0].n == 0 && i < 2; i++)
		journal_slot_empty(&d->slot[!i], !i); /* the other first: 0 says that it is new */
	return &m->slots;
}

void journal_mem_disk_clear(struct journal_mem_disk *d)
{
	buf_close(&d->slot[0]);
	buf_close(&d->slot[1]);
}
