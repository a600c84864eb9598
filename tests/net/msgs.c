/* SPDX-License-Identifier: ISC */
#include "tests/net/msgs.h"

enum msg_type msg_next_type(enum msg_type t)
{
	switch (t) {
	case MSG_NONE:
		return MSG_STATUS;
	default:
		return (enum msg_type)(t + 1);
	}
}

static void draw_bytes(uint8_t *p, size_t n, struct rng *r)
{
	size_t i;

	for (i = 0; i < n; i++)
		p[i] = (uint8_t)rng_next(r);
}

static uint32_t draw_u32(struct rng *r)
{
	static const uint32_t edges[] = {0, 1, 127, 128, 255, 256, 65535, 65536, UINT32_MAX};
	uint64_t pick = rng_below(r, 16);

	return pick < sizeof(edges) / sizeof(edges[0]) ? edges[pick] : (uint32_t)rng_next(r);
}

static void draw_hash(struct hash256 *h, struct rng *r)
{
	draw_bytes(h->b, sizeof(h->b), r);
}

static struct bytes draw_blob(struct arena *a, struct rng *r, size_t n, size_t min, size_t max)
{
	uint8_t *p;

	n = n < min ? min : n > max ? max : n;
	p = arena_alloc(a, n);
	draw_bytes(p, n < 64 ? n : 64, r);
	if (n > 64)
		memset(p + 64, 0x5A, n - 64);
	return bytes_of(p, n);
}

static struct bytes *draw_blobs(struct arena *a, struct rng *r, uint32_t n, size_t blob, size_t min,
				size_t max)
{
	struct bytes *v = arena_zalloc(a, n, sizeof(*v));
	uint32_t i;

	for (i = 0; i < n; i++)
		v[i] = draw_blob(a, r, blob, min, max);
	return v;
}

static struct msg_hashes draw_hashes(struct arena *a, struct rng *r, uint32_t n)
{
	struct hash256 *v = arena_zalloc(a, n, sizeof(*v));
	uint32_t i;

	for (i = 0; i < n; i++) {
		draw_hash(&v[i], r);
		store_be32(v[i].b, i); /* ascending */
	}
	return (struct msg_hashes){.v = v, .n = n};
}

static struct msg_path *draw_paths(struct arena *a, struct rng *r, uint32_t n)
{
	struct msg_path *v = arena_zalloc(a, n, sizeof(*v));
	uint32_t i;

	for (i = 0; i < n; i++) {
		v[i].depth = (uint8_t)rng_below(r, TREE_DEPTH_MAX + 1);
		if (i % 4 == 0)
			v[i].depth = TREE_DEPTH_MAX;
		draw_bytes(v[i].nibbles, (v[i].depth + 1u) / 2, r);
		if (v[i].depth & 1)
			v[i].nibbles[v[i].depth / 2] &= 0xF0;
	}
	return v;
}

static void make_status(struct msg *m, struct rng *r)
{
	m->status.closed_seq = draw_u32(r);
	m->status.validated_seq = draw_u32(r);
	draw_hash(&m->status.closed, r);
	draw_hash(&m->status.validated, r);
	m->status.first = draw_u32(r) / 2;
	m->status.last = m->status.first + draw_u32(r) / 2;
	m->status.net_time.s = draw_u32(r);
}

static void make_proposal(struct msg *m, struct arena *a, struct rng *r, size_t blob)
{
	draw_bytes(m->proposal.key.b, sizeof(m->proposal.key.b), r);
	draw_hash(&m->proposal.prev, r);
	draw_hash(&m->proposal.set, r);
	m->proposal.close.s = draw_u32(r);
	m->proposal.seq = draw_u32(r);
	m->proposal.signature = draw_blob(a, r, blob, 8, SIGNATURE_MAX);
}

static void make_ledger(struct msg *m, struct arena *a, struct rng *r, uint32_t n, size_t blob)
{
	draw_hash(&m->ledger.hash, r);
	m->ledger.header = draw_blob(a, r, blob, WIRE_LEDGER_HEADER_BYTES,
				     WIRE_LEDGER_HEADER_BYTES);
	m->ledger.from = (uint32_t)rng_below(r, LEDGER_TX_MAX - n + 1);
	m->ledger.total = m->ledger.from + n +
			  (uint32_t)rng_below(r, LEDGER_TX_MAX - n - m->ledger.from + 1);
	m->ledger.txs.v = draw_blobs(a, r, n, blob, TX_BYTES_MIN, TX_BYTES_MAX);
	m->ledger.txs.n = n;
}

static void make_bye(struct msg *m, struct arena *a, struct rng *r, size_t blob)
{
	size_t i, n = blob > WIRE_BYE_TEXT_MAX ? WIRE_BYE_TEXT_MAX : blob;
	uint8_t *p = arena_alloc(a, n);

	for (i = 0; i < n; i++)
		p[i] = (uint8_t)(0x20 + rng_below(r, 0x5F));
	m->bye.code = draw_u32(r);
	m->bye.text = bytes_of(p, n);
}

static void make_trust(struct msg *m, struct arena *a, struct rng *r, size_t blob)
{
	size_t n = blob / WIRE_KEY_BYTES, i;
	uint8_t *p;

	n = n < 1 ? 1 : n > UNL_MAX ? UNL_MAX : n;
	p = arena_alloc(a, n * WIRE_KEY_BYTES);
	draw_bytes(p, n * WIRE_KEY_BYTES, r);
	for (i = 0; i < n; i++)
		store_be32(p + i * WIRE_KEY_BYTES, (uint32_t)i); /* ascending */
	draw_bytes(m->trust.key.b, sizeof(m->trust.key.b), r);
	m->trust.at.s = draw_u32(r);
	m->trust.members = bytes_of(p, n * WIRE_KEY_BYTES);
	m->trust.signature = draw_blob(a, r, blob, 8, SIGNATURE_MAX);
}

void msg_make(struct msg *m, enum msg_type t, struct arena *a, struct rng *r, uint32_t n,
	      size_t blob)
{
	*m = (struct msg){.type = t};
	switch (t) {
	case MSG_STATUS:
		make_status(m, r);
		return;
	case MSG_PING:
	case MSG_PONG:
		m->ping.token = draw_u32(r);
		m->ping.net_time.s = draw_u32(r);
		return;
	case MSG_TXS:
	case MSG_TX_DATA:
		m->txs.v = draw_blobs(a, r, n, blob, TX_BYTES_MIN, TX_BYTES_MAX);
		m->txs.n = n;
		return;
	case MSG_PROPOSAL:
		make_proposal(m, a, r, blob);
		return;
	case MSG_VALIDATION:
		m->validation = draw_blob(a, r, blob, 1, WIRE_VALIDATION_MAX);
		return;
	case MSG_EVIDENCE:
		m->evidence.kind = (uint32_t)rng_below(r, 2);
		m->evidence.a = draw_blob(a, r, blob, 1, WIRE_VALIDATION_MAX);
		m->evidence.b = draw_blob(a, r, blob, 1, WIRE_VALIDATION_MAX);
		return;
	case MSG_GET_SET:
		draw_hash(&m->set.id, r);
		return;
	case MSG_SET:
		draw_hash(&m->set.id, r);
		m->set.ids = draw_hashes(a, r, n);
		return;
	case MSG_GET_TXS:
		draw_hash(&m->get_txs.set, r);
		m->get_txs.ids = draw_hashes(a, r, n);
		return;
	case MSG_GET_LEDGER:
	case MSG_GET_PAST:
		draw_hash(&m->get_ledger.hash, r);
		m->get_ledger.seq = draw_u32(r);
		m->get_ledger.from = (uint32_t)rng_below(r, LEDGER_TX_MAX + 1);
		return;
	case MSG_LEDGER:
	case MSG_PAST:
		make_ledger(m, a, r, n, blob);
		return;
	case MSG_GET_NODES:
		draw_hash(&m->get_nodes.ledger, r);
		m->get_nodes.tree = rng_below(r, 2) ? MSG_TREE_TX : MSG_TREE_STATE;
		m->get_nodes.paths = draw_paths(a, r, n);
		m->get_nodes.n = n;
		return;
	case MSG_NODES:
		draw_hash(&m->nodes.ledger, r);
		m->nodes.tree = rng_below(r, 2) ? MSG_TREE_TX : MSG_TREE_STATE;
		m->nodes.paths = draw_paths(a, r, n);
		m->nodes.nodes = draw_blobs(a, r, n, blob, 34, FRAME_BYTES_MAX);
		m->nodes.n = n;
		return;
	case MSG_NAK:
		m->nak.request = MSG_GET_SET;
		draw_hash(&m->nak.id, r);
		m->nak.reason = (enum nak_reason)(1 + rng_below(r, 3));
		return;
	case MSG_BYE:
		make_bye(m, a, r, blob);
		return;
	case MSG_MANIFESTS:
		m->manifests.v = draw_blobs(a, r, n, blob, 1, WIRE_MANIFEST_MAX);
		m->manifests.n = n;
		return;
	case MSG_TRUST:
		make_trust(m, a, r, blob);
		return;
	case MSG_NONE:
	case MSG_TYPE_END:
		must(false);
	}
}

void msg_draw(struct msg *m, enum msg_type t, struct arena *a, struct rng *r)
{
	static const uint32_t counts[] = {1, 1, 2, 3, 14, 15, 16, 17, 40, 100, 250};
	static const size_t blobs[] = {32, 33, 64, 100, 127, 128, 200, 255, 256, 300, 1000};
	uint32_t n = counts[rng_below(r, sizeof(counts) / sizeof(counts[0]))];
	size_t blob = blobs[rng_below(r, sizeof(blobs) / sizeof(blobs[0]))];

	if (!rng_below(r, 64)) {
		n = 3;
		blob = 65535 + rng_below(r, 3);
	}
	if (msg_count_max(t) && n > msg_count_max(t))
		n = msg_count_max(t);
	msg_make(m, t, a, r, n, blob);
}

static bool blobs_equal(const struct bytes *a, const struct bytes *b, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		if (!bytes_eq(a[i], b[i]))
			return false;
	return true;
}

static bool hashes_equal(const struct msg_hashes *a, const struct msg_hashes *b)
{
	return a->n == b->n && (!a->n || !memcmp(a->v, b->v, a->n * sizeof(*a->v)));
}

static bool paths_equal(const struct msg_path *a, const struct msg_path *b, uint32_t n)
{
	return !memcmp(a, b, n * sizeof(*a));
}

static bool ledgers_equal(const struct msg *a, const struct msg *b)
{
	return hash256_eq(&a->ledger.hash, &b->ledger.hash) &&
	       bytes_eq(a->ledger.header, b->ledger.header) && a->ledger.from == b->ledger.from &&
	       a->ledger.total == b->ledger.total && a->ledger.txs.n == b->ledger.txs.n &&
	       blobs_equal(a->ledger.txs.v, b->ledger.txs.v, a->ledger.txs.n);
}

static bool proposals_equal(const struct msg *a, const struct msg *b)
{
	return !public_key_cmp(&a->proposal.key, &b->proposal.key) &&
	       hash256_eq(&a->proposal.prev, &b->proposal.prev) &&
	       hash256_eq(&a->proposal.set, &b->proposal.set) &&
	       a->proposal.close.s == b->proposal.close.s && a->proposal.seq == b->proposal.seq &&
	       bytes_eq(a->proposal.signature, b->proposal.signature);
}

bool msg_equal(const struct msg *a, const struct msg *b)
{
	if (a->type != b->type)
		return false;
	switch (a->type) {
	case MSG_STATUS:
		return !memcmp(&a->status, &b->status, sizeof(a->status));
	case MSG_PING:
	case MSG_PONG:
		return !memcmp(&a->ping, &b->ping, sizeof(a->ping));
	case MSG_TXS:
	case MSG_TX_DATA:
		return a->txs.n == b->txs.n && blobs_equal(a->txs.v, b->txs.v, a->txs.n);
	case MSG_PROPOSAL:
		return proposals_equal(a, b);
	case MSG_VALIDATION:
		return bytes_eq(a->validation, b->validation);
	case MSG_EVIDENCE:
		return a->evidence.kind == b->evidence.kind &&
		       bytes_eq(a->evidence.a, b->evidence.a) &&
		       bytes_eq(a->evidence.b, b->evidence.b);
	case MSG_GET_SET:
		return hash256_eq(&a->set.id, &b->set.id) && !a->set.ids.n && !b->set.ids.n;
	case MSG_SET:
		return hash256_eq(&a->set.id, &b->set.id) && hashes_equal(&a->set.ids, &b->set.ids);
	case MSG_GET_TXS:
		return hash256_eq(&a->get_txs.set, &b->get_txs.set) &&
		       hashes_equal(&a->get_txs.ids, &b->get_txs.ids);
	case MSG_GET_LEDGER:
	case MSG_GET_PAST:
		return !memcmp(&a->get_ledger, &b->get_ledger, sizeof(a->get_ledger));
	case MSG_LEDGER:
	case MSG_PAST:
		return ledgers_equal(a, b);
	case MSG_GET_NODES:
		return hash256_eq(&a->get_nodes.ledger, &b->get_nodes.ledger) &&
		       a->get_nodes.tree == b->get_nodes.tree && a->get_nodes.n == b->get_nodes.n &&
		       paths_equal(a->get_nodes.paths, b->get_nodes.paths, a->get_nodes.n);
	case MSG_NODES:
		return hash256_eq(&a->nodes.ledger, &b->nodes.ledger) &&
		       a->nodes.tree == b->nodes.tree && a->nodes.n == b->nodes.n &&
		       paths_equal(a->nodes.paths, b->nodes.paths, a->nodes.n) &&
		       blobs_equal(a->nodes.nodes, b->nodes.nodes, a->nodes.n);
	case MSG_NAK:
		return a->nak.request == b->nak.request && a->nak.reason == b->nak.reason &&
		       hash256_eq(&a->nak.id, &b->nak.id);
	case MSG_BYE:
		return a->bye.code == b->bye.code && bytes_eq(a->bye.text, b->bye.text);
	case MSG_MANIFESTS:
		return a->manifests.n == b->manifests.n &&
		       blobs_equal(a->manifests.v, b->manifests.v, a->manifests.n);
	case MSG_TRUST:
		return !public_key_cmp(&a->trust.key, &b->trust.key) &&
		       a->trust.at.s == b->trust.at.s &&
		       bytes_eq(a->trust.members, b->trust.members) &&
		       bytes_eq(a->trust.signature, b->trust.signature);
	case MSG_NONE:
	case MSG_TYPE_END:
		break;
	}
	return false;
}
