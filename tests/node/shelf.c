/* SPDX-License-Identifier: ISC */
#include "shelf.h"

static uint32_t first_kept(const struct shelf *s)
{
	return s->keep && s->last > s->keep ? s->last - s->keep + 1 : 1;
}

static struct ledger *find(const struct shelf *s, uint32_t seq)
{
	return seq >= first_kept(s) && seq <= s->last ? s->at[seq] : NULL;
}

static enum err shelf_header(void *ctx, uint32_t seq, struct ledger_header *out,
			     struct hash256 *hash)
{
	const struct ledger *l = find(ctx, seq);

	if (!l)
		return ERR_ABSENT;
	*out = l->header;
	*hash = l->hash;
	return ERR_NONE;
}

static enum err shelf_seq(void *ctx, const struct hash256 *hash, uint32_t *seq)
{
	const struct shelf *s = ctx;

	for (*seq = s->last; *seq; --*seq)
		if (s->at[*seq] && hash256_eq(&s->at[*seq]->hash, hash))
			return ERR_NONE;
	return ERR_ABSENT;
}

static enum err shelf_ledger(void *ctx, uint32_t seq, struct ledger **out)
{
	struct ledger *l = find(ctx, seq);

	if (!l)
		return ERR_ABSENT;
	*out = ledger_ref(l);
	return ERR_NONE;
}

static struct history_range shelf_complete(void *ctx)
{
	const struct shelf *s = ctx;

	return (struct history_range){.first = s->last ? first_kept(s) : 0, .last = s->last};
}

void shelf_open(struct shelf *s)
{
	*s = (struct shelf){.history = {.ctx = s,
					.header = shelf_header,
					.seq_of_hash = shelf_seq,
					.ledger = shelf_ledger,
					.complete = shelf_complete}};
}

void shelf_close(struct shelf *s)
{
	uint32_t i;

	for (i = 0; i < SHELF_MAX; i++)
		ledger_unref(s->at[i]);
}

void shelf_put(struct shelf *s, struct ledger *l)
{
	must(l->header.seq < SHELF_MAX);
	ledger_unref(s->at[l->header.seq]);
	s->at[l->header.seq] = ledger_ref(l);
	if (l->header.seq > s->last)
		s->last = l->header.seq;
}
