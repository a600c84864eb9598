/* SPDX-License-Identifier: ISC */
#include "node/state_impl.h"

#include "crypto/hash.h"
#include "store/join.h"

/* What becomes of a node that was fetched: its children are wanted unless ours are the same, its
 * leaf is put; what we have where the wanted tree has nothing (or something else) is deleted. */

static unsigned nibble(const uint8_t *nibbles, unsigned i)
{
	return i & 1 ? nibbles[i / 2] & 15u : nibbles[i / 2] >> 4;
}

/* The share of all keys that lies under a place of that depth. */
static uint64_t weight(unsigned depth)
{
	return depth <= 15 ? STATE_ALL_KEYS >> (4 * depth) : 0;
}

void state_push(struct state_fetch *f, const struct state_want *w)
{
	if (f->n == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 1024;
		f->stack = mem_resize(f->stack, f->cap, sizeof(*f->stack));
	}
	f->stack[f->n++] = *w;
}

static struct msg_path child_path(const struct msg_path *p, unsigned branch)
{
	struct msg_path c = *p;

	must(p->depth < TREE_DEPTH_MAX);
	if (c.depth % 2)
		c.nibbles[c.depth / 2] |= (uint8_t)branch;
	else
		c.nibbles[c.depth / 2] = (uint8_t)(branch << 4);
	c.depth++;
	return c;
}

static void unpack(uint8_t out[TREE_DEPTH_MAX], const struct msg_path *p)
{
	unsigned i;

	for (i = 0; i < p->depth; i++)
		out[i] = (uint8_t)nibble(p->nibbles, i);
}

/* Children of an inner node in wire form; false when it is none. */
static bool inner_children(struct bytes wire, struct hash256 child[16], uint16_t *mask)
{
	struct cursor c = cursor_of(wire);
	unsigned b;

	if (cursor_u8(&c) != 'I')
		return false;
	*mask = cursor_be16(&c);
	for (b = 0; b < 16; b++) {
		child[b] = HASH256_ZERO;
		if (*mask & (1u << b))
			cursor_copy(&c, child[b].b, 32);
	}
	return !c.dead && !c.left;
}

static bool key_has_prefix(const struct hash256 *key, const struct msg_path *p)
{
	unsigned i;

	for (i = 0; i < p->depth; i++)
		if (nibble(key->b, i) != nibble(p->nibbles, i))
			return false;
	return true;
}

/* The greatest key before all keys under the prefix; false when there is none before. */
static bool key_before(struct hash256 *out, const struct msg_path *p)
{
	int i;

	memset(out->b, 0, 32);
	memcpy(out->b, p->nibbles, (p->depth + 1u) / 2);
	for (i = 31; i >= 0; i--) {
		if (out->b[i]--)
			return true;
		/* borrowed: the byte is 0xFF now, go on */
	}
	return false;
}

/* Deletes what our tree has under the prefix, but for `keep`; false when it cannot be read. */
static bool delete_under(struct state_fetch *f, const struct msg_path *p,
			 const struct hash256 *keep)
{
	struct hash256 at, key;
	bool from = key_before(&at, p);
	struct bytes data;
	enum found r;

	while ((r = tree_next(&f->tree, from ? &at : NULL, &key, &data)) == FOUND) {
		if (!key_has_prefix(&key, p))
			return true;
		at = key;
		from = true;
		if (keep && hash256_eq(keep, &key))
			continue;
		if (tree_del(&f->tree, &key) != FOUND)
			return false;
	}
	return r == ABSENT;
}

/* The children of our node at the same place, zeros where there is none; false: not readable. */
static bool our_children(const struct state_fetch *f, const struct msg_path *at,
			 struct hash256 ours[16])
{
	uint8_t path[TREE_DEPTH_MAX];
	struct buf local = BUF_INIT;
	enum found found;
	uint16_t mask;

	unpack(path, at);
	found = tree_node_wire(&f->base, path, at->depth, &local);
	if (found != FOUND || !inner_children(buf_bytes(&local), ours, &mask))
		memset(ours, 0, 16 * sizeof(*ours));
	buf_close(&local);
	return found != UNAVAILABLE;
}

static enum state_taken take_inner(struct state_fetch *f, const struct state_want *w,
				   struct bytes wire)
{
	struct hash256 child[16], ours[16], h;
	struct bytes all;
	uint16_t mask;
	unsigned b;

	if (!inner_children(wire, child, &mask) || w->path.depth >= TREE_DEPTH_MAX)
		return STATE_WRONG;
	all = bytes_of(child, sizeof(child));
	sha512_half_parts(&h, HASH_PREFIX_INNER, &all, 1);
	if (!hash256_eq(&h, &w->hash))
		return STATE_WRONG;
	if (!our_children(f, &w->path, ours))
		return STATE_NOT_READABLE;
	for (b = 0; b < 16; b++) {
		struct state_want next = {child_path(&w->path, b), child[b]};
		bool none = hash256_is_zero(&child[b]);

		if (!none && !hash256_eq(&child[b], &ours[b])) {
			state_push(f, &next);
			continue;
		}
		if (none && !delete_under(f, &next.path, NULL))
			return STATE_NOT_READABLE;
		f->settled += weight(next.path.depth);
	}
	return STATE_TAKEN;
}

/* What waits to be written is bounded: what does not fit would be fetched again, no more. */
static void remember(struct state_fetch *f, const struct hash256 *key, struct bytes data)
{
	if (f->phase == MSG_TREE_STATE && f->log.n < STATE_LOG_MAX)
		join_entry_put(&f->log, key, data);
}

static enum state_taken take_leaf(struct state_fetch *f, const struct state_want *w,
				  struct bytes wire)
{
	struct cursor c = cursor_of(wire);
	struct hash256 key, h;
	struct bytes data;

	cursor_u8(&c);
	cursor_copy(&c, key.b, 32);
	data = cursor_take(&c, c.left);
	if (c.dead || !data.n || !key_has_prefix(&key, &w->path))
		return STATE_WRONG;
	tree_leaf_hash(&h, f->tree.kind, &key, data);
	if (!hash256_eq(&h, &w->hash))
		return STATE_WRONG;
	if (!delete_under(f, &w->path, &key) || tree_put(&f->tree, &key, data) != FOUND)
		return STATE_NOT_READABLE;
	f->settled += weight(w->path.depth);
	remember(f, &key, data);
	return STATE_TAKEN;
}

enum state_taken state_take(struct state_fetch *f, const struct state_want *w, struct bytes wire)
{
	enum state_taken t = wire.n && wire.p[0] == 'I' ? take_inner(f, w, wire)
							: take_leaf(f, w, wire);

	if (t != STATE_TAKEN)
		return t;
	f->nodes++;
	f->bytes += wire.n;
	/* Bit by bit, so that the end of it is no long pause. */
	if (f->nodes % STATE_HASH_EVERY == 0)
		(void)tree_hash(&f->tree);
	return t;
}
