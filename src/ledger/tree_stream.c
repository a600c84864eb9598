/* SPDX-License-Identifier: ISC */
#include "ledger/tree_stream.h"

#include "base/mem.h"
#include "crypto/hash.h"
#include "ledger/tree_node.h"

/* An inner node that is not complete: the children that are. */
struct level {
	uint16_t mask;
	struct hash256 hash[16];
	uint64_t key[16];
};

struct tree_stream {
	enum tree_kind kind;
	uint32_t seq, ordinal;
	const struct tree_sink *sink;
	struct level level[TREE_DEPTH_MAX]; /* [0]: the root */
	unsigned deepest;                   /* levels below it are empty */
	struct buf leaf;                    /* the newest one, not placed yet */
	struct hash256 leaf_key;
	unsigned leaf_prefix; /* nibbles it has in common with the one before */
	bool any;
	struct buf out;
};

struct tree_stream *tree_stream_open(enum tree_kind kind, uint32_t seq,
				     const struct tree_sink *sink)
{
	struct tree_stream *s = mem_zalloc(1, sizeof(*s));

	s->kind = kind;
	s->seq = seq;
	s->sink = sink;
	return s;
}

void tree_stream_close(struct tree_stream *s)
{
	if (!s)
		return;
	buf_close(&s->leaf);
	buf_close(&s->out);
	mem_free(s);
}

static enum err put(struct tree_stream *s, uint64_t *key)
{
	*key = (uint64_t)s->seq << 32 | ++s->ordinal;
	return s->sink ? s->sink->put(s->sink->ctx, *key, buf_bytes(&s->out)) : ERR_NONE;
}

static void add_child(struct tree_stream *s, unsigned depth, unsigned nibble,
		      const struct hash256 *hash, uint64_t key)
{
	struct level *l = &s->level[depth];

	must(!(l->mask & (1u << nibble)));
	l->mask |= (uint16_t)(1u << nibble);
	l->hash[nibble] = *hash;
	l->key[nibble] = key;
	if (depth > s->deepest)
		s->deepest = depth;
}

/* Hash and disk key of the inner node that is open at that depth; it is empty then. */
static enum err end_level(struct tree_stream *s, unsigned depth, struct hash256 *hash,
			  uint64_t *key)
{
	struct level *l = &s->level[depth];
	struct bytes all = bytes_of(l->hash, sizeof(l->hash));

	sha512_half_parts(hash, HASH_PREFIX_INNER, &all, 1);
	buf_clear(&s->out);
	buf_put_u8(&s->out, TREE_ENCODED_INNER);
	buf_put_be16(&s->out, l->mask);
	for (unsigned i = 0; i < 16; i++)
		if (l->mask & (1u << i)) {
			buf_put(&s->out, l->hash[i].b, sizeof(l->hash[i].b));
			buf_put_be64(&s->out, l->key[i]);
		}
	memset(l, 0, sizeof(*l));
	return put(s, key);
}

/* Completes the levels below `depth`, on the way to the newest leaf. */
static enum err end_below(struct tree_stream *s, unsigned depth)
{
	enum err e = ERR_NONE;

	while (e == ERR_NONE && s->deepest > depth) {
		unsigned at = s->deepest--;
		struct hash256 hash;
		uint64_t key;

		e = end_level(s, at, &hash, &key);
		add_child(s, at - 1, tree_nibble(&s->leaf_key, at - 1), &hash, key);
	}
	return e;
}

/* Places the newest leaf; `next` is what the one after it has in common with it. */
static enum err place(struct tree_stream *s, unsigned next)
{
	unsigned depth = next > s->leaf_prefix ? next : s->leaf_prefix;
	struct bytes data = buf_bytes(&s->leaf);
	struct hash256 hash;
	uint64_t key;
	enum err e;

	tree_leaf_hash(&hash, s->kind, &s->leaf_key, data);
	buf_clear(&s->out);
	buf_put_u8(&s->out, TREE_ENCODED_LEAF);
	buf_put(&s->out, s->leaf_key.b, sizeof(s->leaf_key.b));
	buf_put(&s->out, data.p, data.n);
	e = put(s, &key);
	add_child(s, depth, tree_nibble(&s->leaf_key, depth), &hash, key);
	return e == ERR_NONE ? end_below(s, next) : e;
}

static unsigned common(const struct hash256 *a, const struct hash256 *b)
{
	unsigned i = 0;

	while (i < TREE_DEPTH_MAX && tree_nibble(a, i) == tree_nibble(b, i))
		i++;
	return i;
}

enum err tree_stream_put(struct tree_stream *s, const struct hash256 *key, struct bytes data)
{
	unsigned prefix = 0;
	enum err e = ERR_NONE;

	if (data.n == 0 || data.n > TREE_DATA_MAX)
		return ERR_RANGE;
	if (s->any) {
		if (hash256_cmp(key, &s->leaf_key) <= 0)
			return ERR_ORDER;
		prefix = common(key, &s->leaf_key);
		e = place(s, prefix);
	}
	buf_clear(&s->leaf);
	buf_put(&s->leaf, data.p, data.n);
	s->leaf_key = *key;
	s->leaf_prefix = prefix;
	s->any = true;
	return e;
}

enum err tree_stream_end(struct tree_stream *s, struct hash256 *root, uint64_t *root_key)
{
	enum err e;

	*root = HASH256_ZERO;
	*root_key = 0;
	if (!s->any)
		return ERR_NONE;
	e = place(s, 0);
	return e == ERR_NONE ? end_level(s, 0, root, root_key) : e;
}
