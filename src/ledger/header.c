/* SPDX-License-Identifier: ISC */
#include "ledger/header.h"

#include "crypto/hash.h"

void ledger_header_encode(uint8_t out[LEDGER_HEADER_BYTES], const struct ledger_header *h)
{
	uint8_t *p = out;

	store_be32(p, h->seq);
	store_be64(p + 4, h->drops.raw); /* raw: encoding */
	memcpy(p + 12, h->parent.b, 32);
	memcpy(p + 44, h->tx_hash.b, 32);
	memcpy(p + 76, h->state_hash.b, 32);
	store_be32(p + 108, h->parent_close.s);
	store_be32(p + 112, h->close.s);
	p[116] = h->close_resolution;
	p[117] = h->close_flags;
}

enum err ledger_header_decode(struct ledger_header *out, struct bytes in)
{
	struct cursor c = cursor_of(in);
	struct ledger_header h;

	memset(&h, 0, sizeof(h));
	h.seq = cursor_be32(&c);
	h.drops = drops_of(cursor_be64(&c));
	cursor_copy(&c, h.parent.b, 32);
	cursor_copy(&c, h.tx_hash.b, 32);
	cursor_copy(&c, h.state_hash.b, 32);
	h.parent_close.s = cursor_be32(&c);
	h.close.s = cursor_be32(&c);
	h.close_resolution = cursor_u8(&c);
	h.close_flags = cursor_u8(&c);
	if (c.dead)
		return ERR_SHORT;
	if (c.left != 0)
		return ERR_TRAILING;
	if (h.drops.raw > DROPS_MAX) /* raw: range check of decoded bytes */
		return ERR_RANGE;
	*out = h;
	return ERR_NONE;
}

void ledger_header_hash(struct hash256 *out, const struct ledger_header *h)
{
	uint8_t encoded[LEDGER_HEADER_BYTES];
	struct bytes part;

	ledger_header_encode(encoded, h);
	part = bytes_of(encoded, sizeof(encoded));
	sha512_half_parts(out, HASH_PREFIX_LEDGER, &part, 1);
}
