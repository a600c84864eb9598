/* SPDX-License-Identifier: ISC */
#include "node/node_impl.h"

#include <stdlib.h>

/* Ledgers for peers: header and transactions for a replay, nodes of the trees for a whole state.
 *
 * Requests are small and answers are not, so every peer has an allowance of bytes that time
 * refills, and all together have one, so that serving never takes much of the loop's time from the
 * rounds (peer.c); above either the answer is NAK_BUSY. The rows of the ledger asked for last are
 * kept for a moment: a large one is asked for in parts, and the order of its transactions is in
 * their metadata. */

#define LEDGER_BYTES_PER_MSG (512u << 10)
#define NODES_BYTES_MAX      (900u << 10)
#define ROW_COST             1000 /* bytes that reading a row counts for: its metadata is parsed */
#define NODE_COST            200  /* and looking up one node */

void serve_nak(struct node *n, uint32_t peer, enum msg_type request, const struct hash256 *id,
	       enum nak_reason why)
{
	struct msg m = {.type = MSG_NAK};

	m.nak.request = request;
	m.nak.id = *id;
	m.nak.reason = why;
	fx_send_msg(n, peer, 0, &m);
}

/* A whole ledger by hash, held or from the store; the caller's reference. */
static struct ledger *find_ledger(struct node *n, const struct hash256 *hash)
{
	struct held *h = held_find(n, hash);
	struct ledger *l = NULL;
	uint32_t seq;

	if (h)
		return ledger_ref(h->ledger);
	if (!n->history || n->history->seq_of_hash(n->history->ctx, hash, &seq) != ERR_NONE)
		return NULL;
	return n->history->ledger(n->history->ctx, seq, &l) == ERR_NONE ? l : NULL;
}

static void past_of(struct history_ledger *out, const struct ledger *l)
{
	out->header = l->header;
	out->hash = l->hash;
	tree_share(&out->txs, &l->txs);
}

/* Header and transactions by hash (or sequence, if the hash is zero), held or from the store, where
 * the state may be gone or never have been; the caller closes the tree. */
static bool find_past(struct node *n, const struct hash256 *hash, uint32_t seq,
		      struct history_ledger *out)
{
	const struct history *hi = n->history;
	struct held *h = held_find(n, hash);
	struct ledger *l = NULL;

	if (h) {
		past_of(out, h->ledger);
		return true;
	}
	if (!hi || (!hash256_is_zero(hash) && hi->seq_of_hash(hi->ctx, hash, &seq) != ERR_NONE))
		return false;
	if (hi->past)
		return hi->past(hi->ctx, seq, out) == ERR_NONE;
	if (hi->ledger(hi->ctx, seq, &l) != ERR_NONE)
		return false;
	past_of(out, l);
	ledger_unref(l);
	return true;
}

/* ---- transactions in order ---- */

static int row_cmp(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return (x->index > y->index) - (x->index < y->index);
}

/* Splits a leaf of the transaction tree, VL(tx) VL(meta), and reads the index out of the latter. */
static bool row_of(struct row *out, struct bytes leaf, struct arena *a)
{
	struct cursor c = cursor_of(leaf);
	struct st_object *meta;
	size_t n_tx, n_meta;
	struct bytes m;

	if (st_decode_length(&c, &n_tx) != ERR_NONE)
		return false;
	out->leaf = leaf;
	out->blob = cursor_take(&c, n_tx);
	if (st_decode_length(&c, &n_meta) != ERR_NONE)
		return false;
	m = cursor_take(&c, n_meta);
	if (c.dead || st_decode(&meta, a, m, NULL) != ERR_NONE)
		return false;
	out->index = st_u32_or(meta, sfTransactionIndex, 0);
	return true;
}

static bool rows_of(const struct tree *txs, struct row **rows, uint32_t *n_rows)
{
	struct arena a = ARENA_INIT;
	struct hash256 key, *after = NULL, last;
	struct bytes leaf;
	uint32_t cap = 64, k = 0;
	enum found f;

	*rows = mem_alloc(cap * sizeof(**rows));
	while ((f = tree_next(txs, after, &key, &leaf)) == FOUND) {
		if (k == cap)
			*rows = mem_resize(*rows, cap *= 2, sizeof(**rows));
		if (!row_of(&(*rows)[k++], leaf, &a)) {
			f = UNAVAILABLE;
			break;
		}
		arena_reset(&a);
		last = key;
		after = &last;
	}
	arena_close(&a);
	qsort(*rows, k, sizeof(**rows), row_cmp);
	*n_rows = k;
	return f == ABSENT && k <= LEDGER_TX_MAX;
}

void serve_drop(struct node *n)
{
	if (n->served.ledger.header.seq)
		tree_close(&n->served.ledger.txs);
	mem_free(n->served.rows);
	n->served = (struct served){.n = 0};
}

/* Makes n->served the ledger asked for; false when it is not to be had. */
static bool take_ledger(struct node *n, uint32_t peer, const struct hash256 *hash, uint32_t seq)
{
	struct served *s = &n->served;
	struct history_ledger l;

	if (s->ledger.header.seq && hash256_eq(&s->ledger.hash, hash))
		return true;
	serve_drop(n);
	if (!find_past(n, hash, seq, &l))
		return false;
	s->ledger = l;
	if (!rows_of(&l.txs, &s->rows, &s->n)) {
		serve_drop(n);
		return false;
	}
	peer_charge(n, peer, (size_t)s->n * ROW_COST);
	return true;
}

/* The answer to GET_LEDGER or GET_PAST: as many transactions as one message takes. */
static void send_ledger(struct node *n, uint32_t peer, uint32_t from, enum msg_type type)
{
	struct msg out = {.type = type};
	uint8_t header[LEDGER_HEADER_BYTES];
	const struct served *s = &n->served;
	struct bytes *blobs;
	size_t bytes = 0;
	uint32_t i;

	ledger_header_encode(header, &s->ledger.header);
	out.ledger.hash = s->ledger.hash;
	out.ledger.header = bytes_of(header, sizeof(header));
	out.ledger.from = from < s->n ? from : s->n;
	out.ledger.total = s->n;
	blobs = mem_alloc((s->n - out.ledger.from + 1) * sizeof(*blobs));
	out.ledger.txs.v = blobs;
	for (i = out.ledger.from; i < s->n && bytes < LEDGER_BYTES_PER_MSG; i++) {
		struct bytes b = type == MSG_PAST ? s->rows[i].leaf : s->rows[i].blob;

		blobs[out.ledger.txs.n++] = b;
		bytes += b.n + WIRE_BLOB_HEAD_MAX;
	}
	out.ledger.txs.n = wire_blobs_fit(type, blobs, out.ledger.txs.n);
	peer_charge(n, peer, bytes + WIRE_ENVELOPE_MAX);
	fx_send_msg(n, peer, 0, &out);
	mem_free(blobs);
}

static void serve_either(struct node *n, uint32_t peer, const struct msg *m, enum msg_type answer)
{
	enum nak_reason why = NAK_BUSY;

	if (peer_may_ask(n, peer)) {
		why = NAK_UNKNOWN;
		if (take_ledger(n, peer, &m->get_ledger.hash, m->get_ledger.seq)) {
			send_ledger(n, peer, m->get_ledger.from, answer);
			return;
		}
	}
	serve_nak(n, peer, m->type, &m->get_ledger.hash, why);
}

void serve_ledger(struct node *n, uint32_t peer, const struct msg *m)
{
	serve_either(n, peer, m, MSG_LEDGER);
}

void serve_past(struct node *n, uint32_t peer, const struct msg *m)
{
	serve_either(n, peer, m, MSG_PAST);
}

/* ---- nodes ---- */

static void unpack(uint8_t out[TREE_DEPTH_MAX], const struct msg_path *p)
{
	unsigned i;

	for (i = 0; i < p->depth; i++)
		out[i] = i % 2 ? p->nibbles[i / 2] & 15 : p->nibbles[i / 2] >> 4;
}

/* Looks up what was asked for until the answer is full. A place that is empty or cannot be read is
 * left out: nothing follows from that, the asker tries elsewhere. */
static void collect(const struct tree *t, const struct msg *ask, struct msg *out, struct arena *a)
{
	struct buf b = BUF_INIT;
	uint32_t i;

	for (i = 0; i < ask->get_nodes.n && a->total < NODES_BYTES_MAX; i++) {
		const struct msg_path *p = &ask->get_nodes.paths[i];
		uint8_t path[TREE_DEPTH_MAX];

		unpack(path, p);
		buf_clear(&b);
		if (tree_node_wire(t, path, p->depth, &b) != FOUND)
			continue;
		out->nodes.paths[out->nodes.n] = *p;
		out->nodes.nodes[out->nodes.n++] = bytes_of(arena_copy(a, b.p, b.n), b.n);
	}
	buf_close(&b);
	/* the last leaf may be a large one; one that fills no message at all is not served */
	out->nodes.n = wire_blobs_fit(MSG_NODES, out->nodes.nodes, out->nodes.n);
}

static void send_nodes(struct node *n, uint32_t peer, const struct ledger *l, const struct msg *m)
{
	struct msg out = {.type = MSG_NODES};
	struct arena a = ARENA_INIT;

	out.nodes.ledger = m->get_nodes.ledger;
	out.nodes.tree = m->get_nodes.tree;
	out.nodes.paths = mem_alloc(m->get_nodes.n * sizeof(*out.nodes.paths));
	out.nodes.nodes = mem_alloc(m->get_nodes.n * sizeof(*out.nodes.nodes));
	collect(m->get_nodes.tree == MSG_TREE_STATE ? &l->state : &l->txs, m, &out, &a);
	peer_charge(n, peer, a.total + (size_t)m->get_nodes.n * NODE_COST);
	if (out.nodes.n)
		fx_send_msg(n, peer, 0, &out);
	else
		serve_nak(n, peer, MSG_GET_NODES, &m->get_nodes.ledger, NAK_UNKNOWN);
	arena_close(&a);
	mem_free(out.nodes.nodes);
	mem_free(out.nodes.paths);
}

void serve_nodes(struct node *n, uint32_t peer, const struct msg *m)
{
	struct ledger *l;

	if (!peer_may_ask(n, peer)) {
		serve_nak(n, peer, MSG_GET_NODES, &m->get_nodes.ledger, NAK_BUSY);
		return;
	}
	l = find_ledger(n, &m->get_nodes.ledger);
	if (l)
		send_nodes(n, peer, l, m);
	else
		serve_nak(n, peer, MSG_GET_NODES, &m->get_nodes.ledger, NAK_PRUNED);
	ledger_unref(l);
}
