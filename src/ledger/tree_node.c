/* SPDX-License-Identifier: ISC */
#include "ledger/tree_node.h"

#include "base/mem.h"
#include "crypto/hash.h"

#define SLOT_BYTES 40 /* stored: hash, key */

_Static_assert(sizeof(struct tree_slot) == 48, "a million leaves have 1.35 million slots");

struct tree_node *tree_leaf_new(const struct hash256 *id, struct bytes data)
{
	struct tree_leaf *l;

	must(data.n >= 1 && data.n <= TREE_DATA_MAX);
	l = mem_alloc(sizeof(*l) + data.n);
	atomic_init(&l->head.refs, 1);
	atomic_init(&l->head.key, 0);
	l->head.len = (uint32_t)data.n;
	l->head.room = 0;
	l->id = *id;
	memcpy(l->data, data.p, data.n);
	return &l->head;
}

struct tree_inner *tree_inner_new(unsigned room)
{
	struct tree_inner *n;

	must(room >= 1 && room <= 16);
	n = mem_alloc(sizeof(*n) + room * sizeof(n->slot[0]));
	atomic_init(&n->head.refs, 1);
	atomic_init(&n->head.key, 0);
	n->head.mask = 0;
	n->head.stale = 0;
	n->head.room = (uint8_t)room;
	return n;
}

/* The counts of a node's children lie in as many cache lines: have them fetched side by side. */
static void prefetch_children(const struct tree_inner *n, unsigned children)
{
	for (unsigned i = 0; i < children; i++)
		__builtin_prefetch(atomic_load_explicit(&n->slot[i].node, memory_order_relaxed), 1);
}

struct tree_inner *tree_inner_copy(const struct tree_inner *n, unsigned extra)
{
	unsigned children = tree_children(n);
	struct tree_inner *c = tree_inner_new(children + extra ? children + extra : 1);

	prefetch_children(n, children);
	c->head.mask = n->head.mask;
	c->head.stale = n->head.stale;
	for (unsigned i = 0; i < children; i++) {
		struct tree_node *child = tree_slot_peek(&n->slot[i]);

		c->slot[i].hash = n->slot[i].hash;
		c->slot[i].key = n->slot[i].key;
		atomic_init(&c->slot[i].node, child);
		if (child)
			tree_node_ref(child);
	}
	return c;
}

void tree_node_ref(struct tree_node *n)
{
	uint32_t before = atomic_fetch_add_explicit(&n->refs, 1, memory_order_relaxed);

	must(before != 0 && before != UINT32_MAX);
}

void tree_node_unref(struct tree_node *n)
{
	if (!n)
		return;
	if (!tree_node_alone(n) &&
	    atomic_fetch_sub_explicit(&n->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (!tree_node_is_leaf(n)) { /* at most TREE_LEVELS calls deep */
		struct tree_inner *inner = tree_inner_of(n);
		unsigned children = tree_children(inner);

		prefetch_children(inner, children);
		for (unsigned i = 0; i < children; i++)
			tree_node_unref(tree_slot_peek(&inner->slot[i]));
	}
	mem_free(n);
}

void tree_encode_inner(struct buf *out, const struct tree_inner *n, const uint64_t *keys)
{
	unsigned children = tree_children(n);

	must(n->head.stale == 0);
	buf_reserve(out, 3 + children * SLOT_BYTES);
	buf_put_u8(out, TREE_ENCODED_INNER);
	buf_put_be16(out, n->head.mask);
	for (unsigned i = 0; i < children; i++) {
		must(keys[i] != 0);
		buf_put(out, n->slot[i].hash.b, sizeof(n->slot[i].hash.b));
		buf_put_be64(out, keys[i]);
	}
}

void tree_encode_leaf(struct buf *out, const struct tree_leaf *l)
{
	buf_reserve(out, 33 + l->head.len);
	buf_put_u8(out, TREE_ENCODED_LEAF);
	buf_put(out, l->id.b, sizeof(l->id.b));
	buf_put(out, l->data, l->head.len);
}

static struct tree_node *decode_inner(struct cursor *c)
{
	uint16_t mask = cursor_be16(c);
	unsigned children = tree_bits(mask);
	struct tree_inner *n;

	if (c->dead || children == 0 || c->left != children * SLOT_BYTES)
		return NULL;
	n = tree_inner_new(children);
	n->head.mask = mask;
	for (unsigned i = 0; i < children; i++) {
		cursor_copy(c, n->slot[i].hash.b, sizeof(n->slot[i].hash.b));
		n->slot[i].key = cursor_be64(c);
		atomic_init(&n->slot[i].node, NULL);
		if (n->slot[i].key == 0) {
			mem_free(n);
			return NULL;
		}
	}
	return &n->head;
}

struct tree_node *tree_decode(struct bytes in, uint64_t key)
{
	struct cursor c = cursor_of(in);
	struct tree_node *n = NULL;
	uint8_t type = cursor_u8(&c);

	if (type == TREE_ENCODED_INNER) {
		n = decode_inner(&c);
	} else if (type == TREE_ENCODED_LEAF) {
		struct hash256 id;

		cursor_copy(&c, id.b, sizeof(id.b));
		if (!c.dead && c.left >= 1 && c.left <= TREE_DATA_MAX)
			n = tree_leaf_new(&id, bytes_of(c.p, c.left));
	}
	if (n)
		atomic_init(&n->key, key);
	return n;
}

struct tree_node *tree_slot_load(const struct tree *t, const struct tree_slot *s)
{
	struct tree_node *n = NULL;
	struct buf stored = BUF_INIT;
	struct hash256 hash;

	if (!t->source || s->key == 0)
		return NULL;
	if (t->source->load(t->source->ctx, s->key, &stored) == ERR_NONE)
		n = tree_decode(buf_bytes(&stored), s->key);
	buf_close(&stored);
	if (!n)
		return NULL;
	tree_node_hash(&hash, t->kind, n);
	if (!hash256_eq(&hash, &s->hash)) {
		tree_node_unref(n);
		return NULL;
	}
	return n;
}

enum found tree_slot_node(const struct tree *t, struct tree_slot *s, struct tree_node **out)
{
	struct tree_node *n = tree_slot_peek(s), *other = NULL;

	if (!n) {
		n = tree_slot_load(t, s);
		if (!n)
			return UNAVAILABLE;
		if (!atomic_compare_exchange_strong_explicit(
			&s->node, &other, n, memory_order_acq_rel, memory_order_acquire)) {
			tree_node_unref(n); /* another reader was first */
			n = other;
		}
	}
	*out = n;
	return FOUND;
}
