/* SPDX-License-Identifier: ISC */
#include "store/crc32c.h"
#include "store/journal_slots.h"

/* Two slots of equal size (journal_slots.h). A slot:
 *
 *   "TALLYVJ1" | generation 8 | length 4 | CRC-32C 4 of generation, length and record | record
 *
 * The slot with the higher generation holds; a record of length 0 says that nothing was written
 * yet. A write goes to the other slot, so that torn at any byte it leaves the one that holds. */

static const uint8_t MAGIC[8] = "TALLYVJ1";

struct journal {
	struct journal_slots *slots;
	int holds;           /* the slot that does */
	uint64_t generation; /* of that slot */
	struct buf record;   /* its record */
	struct buf scratch;
	struct arena decoded;
	bool failed; /* for other reasons than space: no more votes */
};

static uint32_t slot_crc(const uint8_t head[JOURNAL_SLOT_HEAD], struct bytes record)
{
	return crc32c(crc32c(0, bytes_of(head + 8, 12)), record);
}

/* Head and record in one piece, for one write. */
static void slot_encode(struct buf *out, uint64_t generation, struct bytes record)
{
	must(record.n <= JOURNAL_BYTES_MAX);
	buf_clear(out);
	buf_put(out, MAGIC, sizeof(MAGIC));
	buf_put_be64(out, generation);
	buf_put_be32(out, (uint32_t)record.n);
	buf_put_be32(out, 0);
	buf_put(out, record.p, record.n);
	store_be32(out->p + 20, slot_crc(out->p, bytes_of(out->p + JOURNAL_SLOT_HEAD, record.n)));
}

void journal_slot_empty(struct buf *out, int slot)
{
	slot_encode(out, (uint64_t)slot + 1, (struct bytes){0});
}

/* ERR_CORRUPT when the slot is not whole. */
static enum err slot_read(struct journal_slots *s, int slot, uint64_t *generation,
			  struct buf *record)
{
	uint8_t head[JOURNAL_SLOT_HEAD];
	enum err e = s->ops->read(s, slot, 0, head, sizeof(head));
	uint32_t n = load_be32(head + 16);

	if (e != ERR_NONE)
		return e == ERR_SHORT ? ERR_CORRUPT : e;
	if (memcmp(head, MAGIC, sizeof(MAGIC)) != 0 || n > JOURNAL_BYTES_MAX)
		return ERR_CORRUPT;
	buf_clear(record);
	buf_reserve(record, n);
	e = s->ops->read(s, slot, JOURNAL_SLOT_HEAD, record->p, n);
	if (e != ERR_NONE)
		return e == ERR_SHORT ? ERR_CORRUPT : e;
	record->n = n;
	*generation = load_be64(head + 8);
	return slot_crc(head, buf_bytes(record)) == load_be32(head + 20) ? ERR_NONE : ERR_CORRUPT;
}

/* Finds the slot that holds. */
static enum err load(struct journal *j, struct why *why)
{
	struct buf record[2] = {BUF_INIT, BUF_INIT};
	uint64_t generation[2] = {0};
	enum err e[2];

	for (int i = 0; i < 2; i++)
		e[i] = slot_read(j->slots, i, &generation[i], &record[i]);
	if (e[0] == ERR_NONE && (e[1] != ERR_NONE || generation[0] > generation[1]))
		j->holds = 0;
	else
		j->holds = 1;
	j->generation = generation[j->holds];
	j->record = record[j->holds];
	buf_close(&record[!j->holds]);
	/* A slot that cannot be read now may be the one that holds. */
	for (int i = 0; i < 2; i++)
		if (e[i] != ERR_NONE && e[i] != ERR_CORRUPT)
			return why_set(why, e[i], "%s: cannot be read", j->slots->name);
	if (e[j->holds] == ERR_NONE)
		return ERR_NONE;
	return why_set(why, ERR_CORRUPT,
		       "%s: both slots are damaged, so what this validator voted for is not known. "
		       "Give it a new key, or wait until the network is 256 ledgers ahead and move "
		       "the file away",
		       j->slots->name);
}

enum err journal_open_slots(struct journal **out, struct journal_slots *slots, struct why *why)
{
	struct journal *j = mem_zalloc(1, sizeof(*j));
	enum err e;

	j->slots = slots;
	e = load(j, why);
	if (e != ERR_NONE) {
		journal_close(j);
		j = NULL;
	}
	*out = j;
	return e;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	j->slots->ops->close(j->slots);
	buf_close(&j->record);
	buf_close(&j->scratch);
	arena_close(&j->decoded);
	mem_free(j);
}

enum err journal_read(struct journal *j, struct journal_record *out, struct why *why)
{
	enum err e;

	if (j->record.n == 0)
		return ERR_ABSENT;
	arena_reset(&j->decoded);
	e = journal_decode(out, buf_bytes(&j->record), &j->decoded);
	if (e == ERR_SCHEMA)
		return why_set(why, e, "%s: written by another version", j->slots->name);
	return e ? why_set(why, ERR_CORRUPT, "%s: %s", j->slots->name, err_text(e)) : ERR_NONE;
}

enum err journal_write(struct journal *j, const struct journal_record *r, struct why *why)
{
	struct buf record = BUF_INIT;
	enum err e;

	if (j->failed)
		return why_set(why, ERR_IO, "%s: failed before", j->slots->name);
	journal_encode(&record, r);
	slot_encode(&j->scratch, j->generation + 1, buf_bytes(&record));
	e = j->slots->ops->write(j->slots, !j->holds, buf_bytes(&j->scratch));
	if (e != ERR_NONE) {
		/* After a failed sync the kernel may count the pages as written: only a disk that
		 * was full can be tried again. */
		j->failed = e != ERR_NO_SPACE;
		buf_close(&record);
		return why_set(why, e, "%s: %s", j->slots->name, err_text(e));
	}
	j->holds = !j->holds;
	j->generation++;
	buf_close(&j->record);
	j->record = record;
	return ERR_NONE;
}
