/* SPDX-License-Identifier: ISC */
#include "payout_entry.h"

#include "base/limits.h"
#include "store/crc32c.h"

#define MAGIC 0x54504A31u /* "TPJ1" */

static void put_code(struct buf *out, const char *code)
{
	size_t n = strlen(code);

	must(n <= PAYOUT_ENTRY_CODE_MAX);
	buf_put_u8(out, (uint8_t)n);
	buf_put(out, code, n);
}

static void put_header(struct buf *out, const struct payout_entry *e)
{
	buf_put_be32(out, PAYOUT_JOURNAL_VERSION);
	buf_put(out, e->file.b, sizeof(e->file.b));
	buf_put(out, e->wallet.b, sizeof(e->wallet.b));
	buf_put_be32(out, e->network);
	buf_put_be32(out, e->lines);
	buf_put_be64(out, e->word);
}

static void put_signed(struct buf *out, const struct payout_entry *e)
{
	buf_put_be32(out, e->line);
	buf_put_be32(out, e->ticket);
	buf_put_be32(out, e->seq);
	buf_put_be32(out, e->count);
	buf_put_be32(out, e->first);
	buf_put_be32(out, e->last);
	buf_put_be64(out, e->fee.raw); /* raw: encoding */
	buf_put(out, e->hash.b, sizeof(e->hash.b));
	buf_put_be32(out, (uint32_t)e->blob.n);
	buf_put(out, e->blob.p, e->blob.n);
}

static void put_outcome(struct buf *out, const struct payout_entry *e)
{
	buf_put_be32(out, e->line);
	buf_put_be32(out, e->ticket);
	buf_put(out, e->hash.b, sizeof(e->hash.b));
	buf_put_u8(out, (uint8_t)e->outcome);
	put_code(out, e->code);
	buf_put_be32(out, e->ledger);
	buf_put_be64(out, e->delivered.raw); /* raw: encoding */
}

void payout_entry_put(struct buf *out, const struct payout_entry *e)
{
	buf_put_u8(out, (uint8_t)e->kind);
	switch (e->kind) {
	case ENTRY_HEADER:
		put_header(out, e);
		break;
	case ENTRY_SIGNED:
		put_signed(out, e);
		break;
	case ENTRY_OUTCOME:
		put_outcome(out, e);
		break;
	}
}

static bool take_drops(struct cursor *c, struct drops *out)
{
	uint64_t n = cursor_be64(c);

	*out = drops_of(n);
	return n <= DROPS_MAX;
}

static bool take_header(struct payout_entry *e, struct cursor *c)
{
	uint32_t version = cursor_be32(c);

	cursor_copy(c, e->file.b, sizeof(e->file.b));
	cursor_copy(c, e->wallet.b, sizeof(e->wallet.b));
	e->network = cursor_be32(c);
	e->lines = cursor_be32(c);
	e->word = cursor_be64(c);
	return version == PAYOUT_JOURNAL_VERSION;
}

static bool take_signed(struct payout_entry *e, struct cursor *c)
{
	bool good;
	size_t n;

	e->line = cursor_be32(c);
	e->ticket = cursor_be32(c);
	e->seq = cursor_be32(c);
	e->count = cursor_be32(c);
	e->first = cursor_be32(c);
	e->last = cursor_be32(c);
	good = take_drops(c, &e->fee);
	cursor_copy(c, e->hash.b, sizeof(e->hash.b));
	n = cursor_be32(c);
	e->blob = cursor_take(c, n <= TX_BYTES_MAX ? n : 0);
	return good && n && n <= TX_BYTES_MAX && e->first <= e->last;
}

static bool take_outcome(struct payout_entry *e, struct cursor *c)
{
	size_t n;

	e->line = cursor_be32(c);
	e->ticket = cursor_be32(c);
	cursor_copy(c, e->hash.b, sizeof(e->hash.b));
	e->outcome = (enum payout_outcome)cursor_u8(c);
	n = cursor_u8(c);
	if (n > PAYOUT_ENTRY_CODE_MAX)
		return false;
	cursor_copy(c, e->code, n);
	e->ledger = cursor_be32(c);
	return take_drops(c, &e->delivered) && e->outcome >= LINE_PAID &&
	       e->outcome < PAYOUT_OUTCOMES;
}

enum err payout_entry_take(struct payout_entry *out, struct cursor *c, struct why *why)
{
	bool good = false;

	*out = (struct payout_entry){.kind = (enum payout_entry_kind)cursor_u8(c)};
	if (out->kind == ENTRY_HEADER)
		good = take_header(out, c);
	else if (out->kind == ENTRY_SIGNED)
		good = take_signed(out, c);
	else if (out->kind == ENTRY_OUTCOME)
		good = take_outcome(out, c);
	if (good && !c->dead)
		return ERR_NONE;
	return why_set(why, ERR_CORRUPT, "an entry of kind %d that cannot be read", out->kind);
}

/* ---- groups ---- */

static uint32_t crc_of(struct bytes head, struct bytes entries)
{
	return crc32c(crc32c(0, bytes_of(head.p + 4, 12)), entries);
}

void payout_group_put(struct buf *out, uint64_t number, struct bytes entries)
{
	size_t at = out->n;

	must(entries.n && entries.n <= PAYOUT_GROUP_MAX);
	buf_put_be32(out, MAGIC);
	buf_put_be32(out, (uint32_t)entries.n);
	buf_put_be64(out, number);
	buf_put_be32(out, crc_of(bytes_of(out->p + at, 16), entries));
	buf_put(out, entries.p, entries.n);
}

/* The entries of the sound group at `at`. */
static bool sound(struct bytes in, size_t at, uint64_t *number, struct bytes *entries)
{
	const uint8_t *p = in.p + at;
	size_t n;

	if (in.n - at < PAYOUT_GROUP_HEAD || load_be32(p) != MAGIC)
		return false;
	n = load_be32(p + 4);
	if (!n || n > PAYOUT_GROUP_MAX || n > in.n - at - PAYOUT_GROUP_HEAD)
		return false;
	*number = load_be64(p + 8);
	*entries = bytes_of(p + PAYOUT_GROUP_HEAD, n);
	return load_be32(p + 16) == crc_of(bytes_of(p, 16), *entries);
}

/* Whether the group at `at`, which is not sound, has ended: it has all its bytes, or a later one is
 * there, so that it was durable once. */
static bool ended(struct bytes in, size_t at, uint64_t number)
{
	struct bytes entries;
	uint8_t magic[4];
	uint64_t n;

	store_be32(magic, MAGIC);
	if (memcmp(in.p + at, magic, in.n - at < 4 ? in.n - at : 4) != 0)
		return true;
	if (in.n - at >= PAYOUT_GROUP_HEAD &&
	    load_be32(in.p + at + 4) <= in.n - at - PAYOUT_GROUP_HEAD)
		return true;
	for (at++; at < in.n; at++)
		if (sound(in, at, &n, &entries) && n > number)
			return true;
	return false;
}

enum err payout_groups_next(struct payout_groups *g, struct bytes *entries, struct why *why)
{
	uint64_t number;

	if (g->at == g->in.n)
		return ERR_ABSENT;
	if (sound(g->in, g->at, &number, entries) && number == g->number) {
		g->at += PAYOUT_GROUP_HEAD + entries->n;
		g->number++;
		return ERR_NONE;
	}
	if (ended(g->in, g->at, g->number))
		return why_set(why, ERR_CORRUPT, "damaged at byte %zu", g->at);
	return ERR_ABSENT;
}
