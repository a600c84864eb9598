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
	uint32_t first = s->last;

	while (first > first_kept(s) && s->at[first - 1])
		first--;
	return (struct history_range){.first = first, .last = s->last};
}

static bool is_here(const struct shelf *s, uint32_t seq)
{
	return seq >= first_kept(s) && (s->at[seq] || s->past[seq].header.seq);
}

static struct history_range shelf_searchable(void *ctx)
{
	const struct shelf *s = ctx;
	uint32_t first = s->last;

	while (first && is_here(s, first - 1))
		first--;
	return (struct history_range){.first = first, .last = s->last};
}

static enum err shelf_past(void *ctx, uint32_t seq, struct history_ledger *out)
{
	const struct shelf *s = ctx;

	if (seq == 0 || seq > s->last || !is_here(s, seq))
		return ERR_ABSENT;
	if (s->at[seq])
		*out = (struct history_ledger){.header = s->at[seq]->header,
					       .hash = s->at[seq]->hash};
	else
		*out = s->past[seq];
	tree_share(&out->txs, s->at[seq] ? &s->at[seq]->txs : &s->past[seq].txs);
	return ERR_NONE;
}

static enum err shelf_lacks(void *ctx, uint32_t *seq, struct hash256 *hash, uint32_t *until)
{
	const struct shelf *s = ctx;
	struct history_range r = shelf_searchable(ctx);

	if (!s->fills || r.first <= first_kept(s))
		return ERR_ABSENT;
	*seq = r.first - 1;
	*hash = s->at[r.first] ? s->at[r.first]->header.parent : s->past[r.first].header.parent;
	*until = first_kept(s);
	return ERR_NONE;
}

void shelf_fill(struct shelf *s, const struct history_ledger *l, uint32_t n)
{
	uint32_t i, seq, until;
	struct hash256 hash;

	for (i = 0; i < n; i++) {
		struct tree txs;

		must(shelf_lacks(s, &seq, &hash, &until) == ERR_NONE);
		must(l[i].header.seq == seq && hash256_eq(&l[i].hash, &hash));
		tree_share(&txs, &l[i].txs);
		hash = tree_hash(&txs);
		must(hash256_eq(&hash, &l[i].header.tx_hash));
		s->past[seq] = l[i];
		s->past[seq].txs = txs;
	}
}

void shelf_open(struct shelf *s)
{
	*s = (struct shelf){.history = {.ctx = s,
					.header = shelf_header,
					.seq_of_hash = shelf_seq,
					.ledger = shelf_ledger,
					.complete = shelf_complete,
					.searchable = shelf_searchable,
					.past = shelf_past,
					.lacks = shelf_lacks}};
}

void shelf_close(struct shelf *s)
{
	uint32_t i;

	for (i = 0; i < SHELF_MAX; i++) {
		ledger_unref(s->at[i]);
		if (s->past[i].header.seq)
			tree_close(&s->past[i].txs);
	}
}

void shelf_put(struct shelf *s, struct ledger *l)
{
	must(l->header.seq < SHELF_MAX);
	ledger_unref(s->at[l->header.seq]);
	s->at[l->header.seq] = ledger_ref(l);
	if (l->header.seq > s->last)
		s->last = l->header.seq;
}
