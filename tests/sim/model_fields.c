/* SPDX-License-Identifier: ISC */
#include "crypto/hash.h"
#include "crypto/keys.h"
#include "tests/sim/model.h"

/* Serialised objects, read field by field: two nibbles (or the bytes behind them) name type and
 * field, the type says how long it is. */

enum {
	U16 = 1,
	U32 = 2,
	U64 = 3,
	H128 = 4,
	H256 = 5,
	AMOUNT = 6,
	BLOB = 7,
	ACCOUNT = 8,
	OBJECT = 14,
	ARRAY = 15,
	U8 = 16,
	H160 = 17,
	VECTOR = 19,
};
#define DEPTH_MAX 10

static size_t read_length(struct cursor *c)
{
	size_t a = cursor_u8(c), b;

	if (a <= 192)
		return a;
	b = cursor_u8(c);
	if (a <= 240)
		return 193 + (a - 193) * 256 + b;
	return 12481 + (a - 241) * 65536 + b * 256 + cursor_u8(c);
}

static void skip_nested(struct cursor *c, uint16_t type, unsigned depth);

/* The content of a field whose header has been read. */
static struct bytes read_content(struct cursor *c, uint16_t type, unsigned depth)
{
	const uint8_t *start = c->p;

	switch (type) {
	case U8:
		return cursor_take(c, 1);
	case U16:
		return cursor_take(c, 2);
	case U32:
		return cursor_take(c, 4);
	case U64:
		return cursor_take(c, 8);
	case H128:
		return cursor_take(c, 16);
	case H160:
		return cursor_take(c, 20);
	case H256:
		return cursor_take(c, 32);
	case AMOUNT: /* the first bit: not XRP; the third: an MPT */
		if (!c->left)
			break;
		return cursor_take(c, c->p[0] & 0x80 ? 48 : c->p[0] & 0x20 ? 33 : 8);
	case BLOB:
	case ACCOUNT:
	case VECTOR:
		return cursor_take(c, read_length(c));
	case OBJECT:
	case ARRAY:
		skip_nested(c, type, depth + 1);
		return bytes_of(start, c->dead ? 0 : (size_t)(c->p - start) - 1);
	default:
		break;
	}
	c->dead = true;
	return bytes_of(NULL, 0);
}

static void read_header(struct cursor *c, struct model_field *f)
{
	uint8_t h = cursor_u8(c);

	f->type = h >> 4;
	f->nth = h & 15;
	if (!f->type)
		f->type = cursor_u8(c);
	if (!f->nth)
		f->nth = cursor_u8(c);
}

/* To the end marker of an object (E1) or array (F1). */
static void skip_nested(struct cursor *c, uint16_t type, unsigned depth)
{
	struct model_field f = {0};

	if (depth > DEPTH_MAX)
		c->dead = true;
	while (!c->dead) {
		read_header(c, &f);
		if (f.type == type && f.nth == 1)
			return;
		(void)read_content(c, f.type, depth);
	}
}

bool model_next_field(struct cursor *c, struct model_field *f)
{
	const uint8_t *start = c->p;

	if (!c->left || c->dead)
		return false;
	read_header(c, f);
	f->raw = read_content(c, f->type, 0);
	f->whole = bytes_of(start, c->dead ? 0 : (size_t)(c->p - start));
	return !c->dead;
}

bool model_find(struct bytes object, uint16_t type, uint16_t nth, struct bytes *raw)
{
	struct cursor c = cursor_of(object);
	struct model_field f;

	while (model_next_field(&c, &f))
		if (f.type == type && f.nth == nth) {
			*raw = f.raw;
			return true;
		}
	return false;
}

uint64_t model_number(struct bytes object, uint16_t type, uint16_t nth)
{
	struct bytes raw;
	uint64_t n = 0;

	if (!model_find(object, type, nth, &raw))
		return 0;
	for (size_t i = 0; i < raw.n && i < 8; i++)
		n = n << 8 | raw.p[i];
	return n;
}

bool model_drops(struct bytes object, uint16_t nth, uint64_t *out)
{
	struct bytes raw;

	*out = 0;
	if (!model_find(object, AMOUNT, nth, &raw) || raw.n != 8)
		return false;
	*out = load_be64(raw.p) & 0x3FFFFFFFFFFFFFFFull;
	return load_be64(raw.p) & 0x4000000000000000ull || *out == 0;
}

bool model_id(struct bytes object, uint16_t nth, struct account_id *out)
{
	struct bytes raw;

	if (!model_find(object, ACCOUNT, nth, &raw) || raw.n != sizeof(out->b))
		return false;
	memcpy(out->b, raw.p, sizeof(out->b));
	return true;
}

/* What is signed: all fields but signatures. */
static bool put_signed(struct buf *out, uint32_t prefix, struct bytes tx)
{
	struct cursor c = cursor_of(tx);
	struct model_field f;

	buf_put_be32(out, prefix);
	while (model_next_field(&c, &f)) {
		bool signature = f.type == BLOB && (f.nth == 4 || f.nth == 18);
		bool signers = f.type == ARRAY && f.nth == 3;

		if (!signature && !signers)
			buf_put(out, f.whole.p, f.whole.n);
	}
	return !c.dead;
}

static bool signed_by(struct bytes whose, const struct buf *payload)
{
	struct bytes key, sig;

	return model_find(whose, BLOB, 3, &key) && model_find(whose, BLOB, 4, &sig) && key.n &&
	       signature_check(key, buf_bytes(payload), sig);
}

bool model_signature_good(struct bytes tx)
{
	struct buf payload = BUF_INIT;
	bool good = put_signed(&payload, 0x53545800, tx) && /* "STX" */
		    signed_by(tx, &payload);

	buf_close(&payload);
	return good;
}

bool model_signer_good(struct bytes tx, struct bytes signer, const struct account_id *id)
{
	struct buf payload = BUF_INIT;
	bool good = put_signed(&payload, 0x534D5400, tx); /* "SMT" */

	buf_put(&payload, id->b, sizeof(id->b));
	good = good && signed_by(signer, &payload);
	buf_close(&payload);
	return good;
}

bool model_split_leaf(struct bytes leaf, struct bytes *tx, struct bytes *meta)
{
	struct cursor c = cursor_of(leaf);

	*tx = cursor_take(&c, read_length(&c));
	*meta = cursor_take(&c, read_length(&c));
	return !c.dead && !c.left;
}

uint64_t model_xrp_of(struct bytes entry)
{
	uint64_t amount = 0, paid = 0;

	switch (model_number(entry, U16, 1)) {
	case 0x61: /* AccountRoot: Balance */
		(void)model_drops(entry, 2, &amount);
		break;
	case 0x75: /* Escrow: Amount */
		(void)model_drops(entry, 1, &amount);
		break;
	case 0x78: /* PayChannel: Amount less Balance */
		(void)model_drops(entry, 1, &amount);
		(void)model_drops(entry, 2, &paid);
		break;
	default:
		break;
	}
	return amount - paid;
}
