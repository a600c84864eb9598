/* SPDX-License-Identifier: ISC */
#include "base/limits.h"
#include "store/journal.h"

/* The record's bytes, numbers big-endian:
 *
 *   version 1 | validation: length 4, bytes | seq 4 | hash 32 | proposal_prev 32 | proposal_next 4
 * | ledgers: count 1, each: parent 32 | hash 32 | seq 4 | close 4 | resolution 1 | flags 1 |
 *                           transactions: count 4, each: length 4, bytes */

#define RECORD_VERSION 1

static void put_part(struct buf *out, struct bytes b)
{
	must(b.n <= TX_BYTES_MAX);
	buf_put_be32(out, (uint32_t)b.n);
	buf_put(out, b.p, b.n);
}

static void encode_ledger(struct buf *out, const struct journal_ledger *l)
{
	must(l->n_txs <= LEDGER_TX_MAX);
	buf_put(out, l->parent.b, sizeof(l->parent.b));
	buf_put(out, l->hash.b, sizeof(l->hash.b));
	buf_put_be32(out, l->seq);
	buf_put_be32(out, l->close.s);
	buf_put_u8(out, l->close_resolution);
	buf_put_u8(out, l->close_flags);
	buf_put_be32(out, l->n_txs);
	for (uint32_t i = 0; i < l->n_txs; i++)
		put_part(out, l->txs[i]);
}

void journal_encode(struct buf *out, const struct journal_record *r)
{
	must(r->n_ledgers <= LEDGER_AHEAD_HELD_MAX + 1);
	buf_put_u8(out, RECORD_VERSION);
	put_part(out, r->validation);
	buf_put_be32(out, r->seq);
	buf_put(out, r->hash.b, sizeof(r->hash.b));
	buf_put(out, r->proposal_prev.b, sizeof(r->proposal_prev.b));
	buf_put_be32(out, r->proposal_next);
	buf_put_u8(out, (uint8_t)r->n_ledgers);
	for (uint32_t i = 0; i < r->n_ledgers; i++)
		encode_ledger(out, &r->ledgers[i]);
}

static struct bytes take_part(struct cursor *c, struct arena *a)
{
	uint32_t n = cursor_be32(c);
	struct bytes b;

	if (n > TX_BYTES_MAX)
		c->dead = true;
	b = cursor_take(c, n);
	return c->dead ? (struct bytes){0} : bytes_of(arena_copy(a, b.p, b.n), b.n);
}

static void decode_ledger(struct cursor *c, struct journal_ledger *l, struct arena *a)
{
	cursor_copy(c, l->parent.b, sizeof(l->parent.b));
	cursor_copy(c, l->hash.b, sizeof(l->hash.b));
	l->seq = cursor_be32(c);
	l->close.s = cursor_be32(c);
	l->close_resolution = cursor_u8(c);
	l->close_flags = cursor_u8(c);
	l->n_txs = cursor_be32(c);
	if (l->n_txs > LEDGER_TX_MAX || l->n_txs > c->left / 4)
		c->dead = true;
	if (c->dead)
		l->n_txs = 0;
	l->txs = arena_zalloc(a, l->n_txs, sizeof(*l->txs));
	for (uint32_t i = 0; i < l->n_txs; i++)
		l->txs[i] = take_part(c, a);
}

enum err journal_decode(struct journal_record *out, struct bytes in, struct arena *a)
{
	struct cursor c = cursor_of(in);
	struct journal_record r = {.n_ledgers = 0};

	if (cursor_u8(&c) != RECORD_VERSION && !c.dead)
		return ERR_SCHEMA;
	r.validation = take_part(&c, a);
	r.seq = cursor_be32(&c);
	cursor_copy(&c, r.hash.b, sizeof(r.hash.b));
	cursor_copy(&c, r.proposal_prev.b, sizeof(r.proposal_prev.b));
	r.proposal_next = cursor_be32(&c);
	r.n_ledgers = cursor_u8(&c);
	if (r.n_ledgers > LEDGER_AHEAD_HELD_MAX + 1)
		return ERR_RANGE;
	r.ledgers = arena_zalloc(a, r.n_ledgers, sizeof(*r.ledgers));
	for (uint32_t i = 0; i < r.n_ledgers; i++)
		decode_ledger(&c, &r.ledgers[i], a);
	if (c.dead)
		return ERR_SHORT;
	if (c.left)
		return ERR_TRAILING;
	*out = r;
	return ERR_NONE;
}
