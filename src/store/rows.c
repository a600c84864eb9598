/* SPDX-License-Identifier: ISC */
#include "store/rows.h"

#include "store/crc32c.h"

struct row_key row_key_seq(uint32_t seq)
{
	struct row_key k = {.n = SEQ_KEY_BYTES};

	store_be32(k.b, seq);
	return k;
}

struct row_key row_key_pair(uint32_t seq, uint32_t second)
{
	struct row_key k = {.n = TX_KEY_BYTES};

	store_be32(k.b, seq);
	store_be32(k.b + 4, second);
	return k;
}

/* A row has exactly its fields. */
static enum err finish(const struct cursor *c)
{
	return c->dead || c->left ? ERR_CORRUPT : ERR_NONE;
}

void identity_row_encode(uint8_t out[IDENTITY_BYTES], const struct identity_row *row)
{
	store_be32(out, row->schema);
	store_be32(out + 4, row->network_id);
	memcpy(out + 8, row->genesis.b, 32);
}

enum err identity_row_decode(struct identity_row *out, struct bytes in)
{
	struct cursor c = cursor_of(in);

	out->schema = cursor_be32(&c);
	/* Only this much is the same in all schemas. */
	if (!c.dead && out->schema != 1)
		return ERR_SCHEMA;
	out->network_id = cursor_be32(&c);
	cursor_copy(&c, out->genesis.b, 32);
	return finish(&c);
}

void tip_row_encode(uint8_t out[TIP_BYTES], const struct tip_row *row)
{
	store_be32(out, row->seq);
	memcpy(out + 4, row->hash.b, 32);
	store_be32(out + 36, row->complete_first);
	store_be32(out + 40, row->floor);
	store_be32(out + 44, row->searchable_first);
	store_be32(out + 48, crc32c(0, bytes_of(out, 48)));
}

enum err tip_row_decode(struct tip_row *out, struct bytes in)
{
	struct cursor c = cursor_of(in);

	out->seq = cursor_be32(&c);
	cursor_copy(&c, out->hash.b, 32);
	out->complete_first = cursor_be32(&c);
	out->floor = cursor_be32(&c);
	out->searchable_first = in.n == TIP_BYTES_OLD ? out->complete_first : cursor_be32(&c);
	if (cursor_be32(&c) != crc32c(0, bytes_of(in.p, in.n < 4 ? 0 : in.n - 4)))
		return ERR_CORRUPT;
	if (out->floor > out->searchable_first || out->searchable_first > out->complete_first ||
	    out->complete_first > out->seq)
		return ERR_CORRUPT;
	return finish(&c);
}

void header_row_encode(uint8_t out[HEADER_ROW_BYTES], const struct header_row *row)
{
	uint8_t *p = out + LEDGER_HEADER_BYTES;

	ledger_header_encode(out, &row->header);
	memcpy(p, row->hash.b, 32);
	store_be64(p + 32, row->state_key);
	store_be32(p + 40, row->n_txs);
}

enum err header_row_decode(struct header_row *out, uint32_t seq, struct bytes in)
{
	struct cursor c = cursor_of(in);
	struct bytes header = cursor_take(&c, LEDGER_HEADER_BYTES);
	struct hash256 hash;

	if (c.dead || ledger_header_decode(&out->header, header) != ERR_NONE)
		return ERR_CORRUPT;
	cursor_copy(&c, out->hash.b, 32);
	out->state_key = cursor_be64(&c);
	out->n_txs = cursor_be32(&c);
	ledger_header_hash(&hash, &out->header);
	if (!hash256_eq(&hash, &out->hash) || out->header.seq != seq)
		return ERR_CORRUPT;
	return finish(&c);
}

void tx_row_encode(struct buf *out, struct bytes leaf)
{
	buf_put_be32(out, crc32c(0, leaf));
	buf_put(out, leaf.p, leaf.n);
}

enum err tx_row_decode(struct bytes *leaf, struct bytes in)
{
	struct cursor c = cursor_of(in);
	uint32_t crc = cursor_be32(&c);

	*leaf = bytes_of(c.p, c.left);
	return c.dead || crc32c(0, *leaf) != crc ? ERR_CORRUPT : ERR_NONE;
}
