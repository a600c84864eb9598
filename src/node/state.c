/* SPDX-License-Identifier: ISC */
#include "node/node_impl.h"

#include "crypto/hash.h"

/* Fetching the state of a validated ledger by path.
 *
 * We start from a snapshot of the newest state we have and go through the wanted tree from its
 * root: a child whose hash equals ours at the same place is skipped with all below it, another is
 * asked for; a leaf is put, and what we have under a place where the wanted tree has nothing (or
 * another leaf) is deleted. Every node is checked against the hash that its parent named, and at
 * the end the root hash says that all of it is right. One batch is under way at a time, taken
 * from the end of a stack, so that memory stays small. */

#define BATCH           512
#define NODES_BYTES_MAX (900u << 10)
#define STATE_AGAIN_MS  2000
#define STATE_TRIES_MAX 12

struct want {
	struct msg_path path;
	struct hash256 hash;
};

struct state_fetch {
	struct ledger_header header;
	struct hash256 hash;
	enum msg_tree phase;    /* the state first, then the transactions with metadata */
	struct tree base, tree; /* of the phase: what we had; what is becoming the wanted one */
	struct tree state;      /* done, in the second phase */
	struct want *stack;     /* places still to be asked for */
	uint32_t n, cap;
	struct want asked[BATCH]; /* the batch under way */
	uint32_t n_asked;
	uint32_t peer, tries;
	uint64_t nodes;
	bool complete;
};

static void push(struct state_fetch *f, const struct msg_path *path, const struct hash256 *hash)
{
	if (f->n == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 1024;
		f->stack = mem_resize(f->stack, f->cap, sizeof(*f->stack));
	}
	f->stack[f->n].path = *path;
	f->stack[f->n++].hash = *hash;
}

/* What was fetched so far is kept: the next fetch, of a newer ledger, begins from it. */
static void keep_base(struct node *n, struct state_fetch *f)
{
	struct tree *t = f->phase == MSG_TREE_STATE ? &f->tree : &f->state;

	if (n->state_base.root)
		tree_close(&n->state_base);
	n->state_base = (struct tree){.root = NULL};
	if (f->complete)
		return;
	tree_hash(t);
	tree_share(&n->state_base, t);
}

void state_drop(struct node *n)
{
	struct state_fetch *f = n->sync.state;

	if (!f)
		return;
	keep_base(n, f);
	tree_close(&f->base);
	tree_close(&f->tree);
	tree_close(&f->state);
	mem_free(f->stack);
	mem_free(f);
	n->sync.state = NULL;
}

static void ask(struct node *n, struct state_fetch *f)
{
	struct msg m = {.type = MSG_GET_NODES};
	struct msg_path paths[BATCH];
	uint32_t i;

	n->sync.again = steady_after(n->now.steady, STATE_AGAIN_MS);
	while (f->n && f->n_asked < BATCH)
		f->asked[f->n_asked++] = f->stack[--f->n];
	for (i = 0; i < f->n_asked; i++)
		paths[i] = f->asked[i].path;
	if (!f->peer)
		f->peer = peer_pick(n, 0, f->header.seq);
	if (!f->peer)
		return;
	m.get_nodes.ledger = f->hash;
	m.get_nodes.tree = f->phase;
	m.get_nodes.paths = paths;
	m.get_nodes.n = f->n_asked;
	fx_send_msg(n, f->peer, 0, &m);
}

void state_retry(struct node *n)
{
	struct state_fetch *f = n->sync.state;

	if (++f->tries > STATE_TRIES_MAX) {
		node_log(n, NODE_LOG_WARN, "sync: state of ledger %u: no peer delivers it",
			 f->header.seq);
		sync_drop(n);
		return;
	}
	f->peer = peer_pick(n, f->peer, f->header.seq);
	ask(n, f);
}

/* ---- verifying and applying one node ---- */

static unsigned nibble(const uint8_t *key, unsigned i)
{
	return i % 2 ? key[i / 2] & 15 : key[i / 2] >> 4;
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

/* What became of a node: UNAVAILABLE is our own store's fault, never the peer's. */
enum taken { TAKEN, WRONG, NOT_READABLE };

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

static enum taken take_inner(struct state_fetch *f, const struct want *w, struct bytes wire)
{
	struct hash256 child[16], ours[16], h;
	struct bytes all;
	uint16_t mask;
	unsigned b;

	if (!inner_children(wire, child, &mask) || w->path.depth >= TREE_DEPTH_MAX)
		return WRONG;
	all = bytes_of(child, sizeof(child));
	sha512_half_parts(&h, HASH_PREFIX_INNER, &all, 1);
	if (!hash256_eq(&h, &w->hash))
		return WRONG;
	if (!our_children(f, &w->path, ours))
		return NOT_READABLE;
	for (b = 0; b < 16; b++) {
		struct msg_path p = child_path(&w->path, b);

		if (hash256_eq(&child[b], &ours[b]) && !hash256_is_zero(&child[b]))
			continue;
		if (!hash256_is_zero(&child[b]))
			push(f, &p, &child[b]);
		else if (!delete_under(f, &p, NULL))
			return NOT_READABLE;
	}
	return TAKEN;
}

static enum taken take_leaf(struct state_fetch *f, const struct want *w, struct bytes wire)
{
	struct cursor c = cursor_of(wire);
	struct hash256 key, h;
	struct bytes data;

	cursor_u8(&c);
	cursor_copy(&c, key.b, 32);
	data = cursor_take(&c, c.left);
	if (c.dead || !data.n || !key_has_prefix(&key, &w->path))
		return WRONG;
	tree_leaf_hash(&h, f->tree.kind, &key, data);
	if (!hash256_eq(&h, &w->hash))
		return WRONG;
	return delete_under(f, &w->path, &key) && tree_put(&f->tree, &key, data) == FOUND
		   ? TAKEN
		   : NOT_READABLE;
}

/* ---- phases ---- */

static void state_phase_end(struct node *n, struct state_fetch *f);

static void phase_begin(struct node *n, struct state_fetch *f, const struct hash256 *root)
{
	struct msg_path top = {.depth = 0};
	struct hash256 have = tree_hash(&f->tree);

	if (hash256_eq(root, &have)) {
		state_phase_end(n, f);
		return;
	}
	push(f, &top, root);
	ask(n, f);
}

static void complete(struct node *n, struct state_fetch *f)
{
	struct ledger *l = ledger_make(&f->header, &f->state, &f->tree);
	struct held *h;

	must(hash256_eq(&l->hash, &f->hash)); /* header and both roots were checked */
	node_log(n, NODE_LOG_INFO, "sync: state of ledger %u is here, %llu nodes fetched",
		 l->header.seq, (unsigned long long)f->nodes);
	h = held_add(n, l, NULL, 0);
	h->jump = true;
	n->count.ledgers_acquired++;
	f->complete = true;
	tree_init_empty(&f->state, TREE_STATE, NULL);
	tree_init_empty(&f->tree, TREE_TX_META, NULL);
	if (nunl_adopt(n, h->ledger))
		round_know(n, h);
	else
		node_log(n, NODE_LOG_WARN, "sync: ledger %u has no quorum by its own count",
			 f->header.seq);
	sync_drop(n);
	persist_advance(n);
}

static void state_phase_end(struct node *n, struct state_fetch *f)
{
	const struct hash256 *want = f->phase == MSG_TREE_STATE ? &f->header.state_hash
								: &f->header.tx_hash;
	struct hash256 root = tree_hash(&f->tree);

	if (!hash256_eq(&root, want)) {
		node_log(n, NODE_LOG_ERROR, "sync: fetched tree of ledger %u has another hash",
			 f->header.seq);
		sync_drop(n);
		return;
	}
	if (f->phase == MSG_TREE_TX) {
		complete(n, f);
		return;
	}
	tree_close(&f->state);
	f->state = f->tree;
	tree_close(&f->base);
	tree_init_empty(&f->tree, TREE_TX_META, NULL);
	tree_init_empty(&f->base, TREE_TX_META, NULL);
	f->phase = MSG_TREE_TX;
	phase_begin(n, f, &f->header.tx_hash);
}

void state_begin(struct node *n, const struct ledger_header *h, const struct hash256 *hash)
{
	struct state_fetch *f = mem_zalloc(1, sizeof(*f));
	const struct tree *base = n->state_base.root ? &n->state_base : &n->closed->ledger->state;

	must(!n->sync.state);
	f->header = *h;
	f->hash = *hash;
	f->phase = MSG_TREE_STATE;
	tree_share(&f->base, base);
	tree_share(&f->tree, base);
	tree_init_empty(&f->state, TREE_STATE, NULL);
	n->sync.state = f;
	node_log(n, NODE_LOG_INFO, "sync: fetching the state of ledger %u", f->header.seq);
	phase_begin(n, f, &f->header.state_hash);
}

/* ---- messages ---- */

static enum taken take_node(struct state_fetch *f, const struct want *w, struct bytes wire)
{
	f->nodes++;
	return wire.n && wire.p[0] == 'I' ? take_inner(f, w, wire) : take_leaf(f, w, wire);
}

static struct want *asked_for(struct state_fetch *f, const struct msg_path *p)
{
	uint32_t i;

	for (i = 0; i < f->n_asked; i++)
		if (f->asked[i].path.depth == p->depth &&
		    !memcmp(f->asked[i].path.nibbles, p->nibbles, (p->depth + 1u) / 2))
			return &f->asked[i];
	return NULL;
}

bool state_asked(const struct node *n, uint32_t peer, const struct hash256 *ledger)
{
	const struct state_fetch *f = n->sync.state;

	return f && f->peer == peer && hash256_eq(&f->hash, ledger);
}

/* Takes what was asked for out of an answer; false when the fetch cannot go on with it. */
static bool take_all(struct node *n, struct state_fetch *f, const struct msg *m, uint32_t *taken)
{
	uint32_t i;

	for (i = 0; i < m->nodes.n; i++) {
		struct want *at = asked_for(f, &m->nodes.paths[i]), w;

		if (!at)
			continue;
		w = *at;
		switch (take_node(f, &w, m->nodes.nodes[i])) {
		case TAKEN:
			break;
		case WRONG:
			fx_drop(n, f->peer, "state node does not match its hash");
			state_retry(n);
			return false;
		case NOT_READABLE:
			node_store_failed(n, "cannot read the state while fetching a newer one");
			sync_drop(n);
			return false;
		}
		*at = f->asked[--f->n_asked];
		++*taken;
	}
	return true;
}

void state_on_nodes(struct node *n, uint32_t peer, const struct msg *m)
{
	struct state_fetch *f = n->sync.state;
	uint32_t taken = 0;

	if (!state_asked(n, peer, &m->nodes.ledger) || m->nodes.tree != f->phase)
		return;
	if (!take_all(n, f, m, &taken))
		return;
	if (taken)
		f->tries = n->sync.pruned = 0;
	if (!f->n && !f->n_asked)
		state_phase_end(n, f);
	else if (taken)
		ask(n, f);
}
