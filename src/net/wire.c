/* SPDX-License-Identifier: ISC */
#include "net/wire.h"

#include "crypto/hash.h"
#include "net/wire_scan.h"

#include <msgpack/pack.h>
#include <stdarg.h>
#include <stdio.h>

/* Every message is described once, by walk(): the same walk writes and reads, so what is written
 * can be read and both obey the same bounds. A bound broken when writing is a programming error
 * (must); when reading it is the peer's fault and stops the walk. */
struct wire_io {
	msgpack_packer *pk; /* writing; NULL when reading */
	struct cursor in;
	struct arena *arena;
	uint32_t count_max;
	uint32_t fields; /* walked so far */
	enum err err;    /* sticky: after the first, reads yield zeros */
	struct why *why;
};

#define TREE_NODE_MIN   34   /* a leaf: 'L', key, one byte */
#define FRAME_SLACK_MAX 4096 /* room that a queued frame may waste */

/* The table. Codes leave the process: they never change their meaning. */
_Static_assert(sizeof(struct hash256) == 32, "lists of hashes are views into the message");

/* Fields, the code not counted. */
static uint32_t field_count(enum msg_type t)
{
	static const uint8_t counts[MSG_TYPE_END] = {
	    [MSG_STATUS] = 7,    [MSG_PING] = 2,       [MSG_PONG] = 2,       [MSG_TXS] = 1,
	    [MSG_PROPOSAL] = 6,  [MSG_VALIDATION] = 1, [MSG_GET_SET] = 1,    [MSG_SET] = 2,
	    [MSG_GET_TXS] = 2,   [MSG_TX_DATA] = 1,    [MSG_GET_LEDGER] = 3, [MSG_LEDGER] = 5,
	    [MSG_GET_NODES] = 3, [MSG_NODES] = 4,      [MSG_NAK] = 3,        [MSG_BYE] = 2,
	    [MSG_MANIFESTS] = 1, [MSG_TRUST] = 4,      [MSG_GET_PAST] = 3,   [MSG_PAST] = 5,
	    [MSG_EVIDENCE] = 3,
	};

	return counts[t];
}

/* Reading: the sticky error, and the next token if it is of the kind wanted. */

static void PRINTF(3, 4) fail(struct wire_io *io, enum err e, const char *fmt, ...)
{
	char text[WHY_MAX];
	va_list ap;

	must(!io->pk); /* a message of ours is within its bounds */
	if (io->err)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	io->err = why_set(io->why, e, "field %u: %s", io->fields, text);
}

static struct wire_token take(struct wire_io *io, enum wire_token_kind kind)
{
	struct wire_token t = {.kind = kind};

	if (io->err)
		return t;
	io->err = wire_token_next(&t, &io->in, io->why);
	if (!io->err && t.kind != kind)
		fail(io, ERR_INVALID, "is of another kind");
	if (io->err)
		t = (struct wire_token){.kind = kind};
	return t;
}

/* One element, not counted as a field. */

static void element_bytes(struct wire_io *io, struct bytes *v, size_t min, size_t max)
{
	if (!io->pk) {
		*v = take(io, WIRE_BYTES).bytes;
		if (!io->err && (v->n < min || v->n > max))
			fail(io, ERR_RANGE, "%zu bytes, %zu to %zu wanted", v->n, min, max);
		return;
	}
	must(v->n >= min && v->n <= max && (v->p || !v->n));
	msgpack_pack_bin(io->pk, v->n);
	msgpack_pack_bin_body(io->pk, v->p, v->n);
}

/* An array of n elements; reading gives their number, never more than can follow. */
static uint32_t element_array(struct wire_io *io, uint32_t n, uint32_t min)
{
	if (!io->pk) {
		n = take(io, WIRE_ARRAY).value;
		if (io->err)
			return 0;
		if (n < min || n > io->count_max)
			fail(io, ERR_RANGE, "list of %u, %u to %u wanted", n, min, io->count_max);
		return io->err ? 0 : n;
	}
	must(n >= min && n <= io->count_max);
	msgpack_pack_array(io->pk, n);
	return n;
}

/* Fields. */

static void io_u32(struct wire_io *io, uint32_t *v, uint32_t min, uint32_t max)
{
	io->fields++;
	if (!io->pk) {
		*v = take(io, WIRE_UINT).value;
		if (!io->err && (*v < min || *v > max))
			fail(io, ERR_RANGE, "%u, %u to %u wanted", *v, min, max);
		return;
	}
	must(*v >= min && *v <= max);
	msgpack_pack_uint32(io->pk, *v);
}

static void io_any_u32(struct wire_io *io, uint32_t *v)
{
	io_u32(io, v, 0, UINT32_MAX);
}

static void io_bytes(struct wire_io *io, struct bytes *v, size_t min, size_t max)
{
	io->fields++;
	element_bytes(io, v, min, max);
}

/* Exactly n bytes, copied. */
static void io_fixed(struct wire_io *io, void *p, size_t n)
{
	struct bytes v = bytes_of(p, n);

	io_bytes(io, &v, n, n);
	if (!io->pk && !io->err)
		memcpy(p, v.p, n);
}

static void io_hash(struct wire_io *io, struct hash256 *h)
{
	io_fixed(io, h->b, sizeof(h->b));
}

/* Hashes travel as one byte string of n x 32: no element costs more than its bytes, and reading
 * is a view. Sorted lists are strictly ascending: one form, no duplicates. */
static void io_hashes(struct wire_io *io, struct msg_hashes *l, uint32_t min, bool sorted)
{
	struct bytes v = bytes_of(l->v, (size_t)l->n * sizeof(struct hash256));
	uint32_t i;

	io_bytes(io, &v, (size_t)min * 32, (size_t)io->count_max * 32);
	if (!io->pk) {
		if (!io->err && v.n % 32)
			fail(io, ERR_RANGE, "%zu bytes are no list of hashes", v.n);
		if (io->err)
			return;
		l->v = v.n ? (const struct hash256 *)(const void *)v.p : NULL;
		l->n = (uint32_t)(v.n / 32);
	}
	for (i = 1; sorted && i < l->n; i++) {
		if (hash256_cmp(&l->v[i - 1], &l->v[i]) < 0)
			continue;
		fail(io, ERR_ORDER, "hash %u is not above the one before", i);
		return;
	}
}

static void io_list(struct wire_io *io, struct bytes **v, uint32_t *n, uint32_t n_min, size_t min,
		    size_t max)
{
	uint32_t i;

	io->fields++;
	*n = element_array(io, *n, n_min);
	if (!io->pk)
		*v = *n ? arena_alloc(io->arena, *n * sizeof(**v)) : NULL;
	for (i = 0; i < *n && !io->err; i++)
		element_bytes(io, &(*v)[i], min, max);
}

static void io_txs(struct wire_io *io, struct msg_blobs *l, uint32_t n_min)
{
	io_list(io, &l->v, &l->n, n_min, TX_BYTES_MIN, TX_BYTES_MAX);
}

/* A path is its depth and its nibbles, as many bytes as they need; what is left over is zero. */

static void path_write(struct wire_io *io, const struct msg_path *p)
{
	uint8_t raw[1 + sizeof(p->nibbles)];
	struct bytes v;

	must(p->depth <= TREE_DEPTH_MAX);
	must(!(p->depth & 1) || !(p->nibbles[p->depth / 2] & 0x0F));
	raw[0] = p->depth;
	memcpy(raw + 1, p->nibbles, sizeof(p->nibbles));
	v = bytes_of(raw, 1 + (p->depth + 1u) / 2);
	element_bytes(io, &v, 1, sizeof(raw));
}

static void path_read(struct wire_io *io, struct msg_path *p)
{
	struct bytes v = {NULL, 0};

	memset(p, 0, sizeof(*p));
	element_bytes(io, &v, 1, 1 + sizeof(p->nibbles));
	if (io->err)
		return;
	if (v.p[0] > TREE_DEPTH_MAX || v.n != 1 + (v.p[0] + 1u) / 2) {
		fail(io, ERR_RANGE, "path of depth %u in %zu bytes", v.p[0], v.n);
		return;
	}
	if ((v.p[0] & 1) && (v.p[v.n - 1] & 0x0F)) {
		fail(io, ERR_INVALID, "path with a nibble behind its end");
		return;
	}
	p->depth = v.p[0];
	memcpy(p->nibbles, v.p + 1, v.n - 1);
}

static void io_paths(struct wire_io *io, struct msg_path **v, uint32_t *n, uint32_t n_min)
{
	uint32_t i;

	io->fields++;
	*n = element_array(io, *n, n_min);
	if (!io->pk)
		*v = *n ? arena_alloc(io->arena, *n * sizeof(**v)) : NULL;
	for (i = 0; i < *n && !io->err; i++) {
		if (io->pk)
			path_write(io, &(*v)[i]);
		else
			path_read(io, &(*v)[i]);
	}
}

static void io_tree(struct wire_io *io, enum msg_tree *tree)
{
	uint32_t v = *tree;

	io_u32(io, &v, MSG_TREE_STATE, MSG_TREE_TX);
	*tree = (enum msg_tree)v;
}

/* The messages. */

static void walk_status(struct wire_io *io, struct msg *m)
{
	io_any_u32(io, &m->status.closed_seq);
	io_any_u32(io, &m->status.validated_seq);
	io_hash(io, &m->status.closed);
	io_hash(io, &m->status.validated);
	io_any_u32(io, &m->status.first);
	io_u32(io, &m->status.last, m->status.first, UINT32_MAX);
	io_any_u32(io, &m->status.net_time.s);
}

static void walk_proposal(struct wire_io *io, struct msg *m)
{
	io_fixed(io, m->proposal.key.b, sizeof(m->proposal.key.b));
	io_hash(io, &m->proposal.prev);
	io_hash(io, &m->proposal.set);
	io_any_u32(io, &m->proposal.close.s);
	io_any_u32(io, &m->proposal.seq);
	io_bytes(io, &m->proposal.signature, 8, SIGNATURE_MAX);
}

static void walk_ledger(struct wire_io *io, struct msg *m)
{
	io_hash(io, &m->ledger.hash);
	io_bytes(io, &m->ledger.header, WIRE_LEDGER_HEADER_BYTES, WIRE_LEDGER_HEADER_BYTES);
	io_u32(io, &m->ledger.total, 0, WIRE_LEDGER_TXS_MAX);
	io_u32(io, &m->ledger.from, 0, m->ledger.total);
	io_list(io, &m->ledger.txs.v, &m->ledger.txs.n, 0, TX_BYTES_MIN,
		m->type == MSG_PAST ? FRAME_BYTES_MAX : TX_BYTES_MAX);
	if (!io->err && m->ledger.txs.n > m->ledger.total - m->ledger.from)
		fail(io, ERR_RANGE, "%u transactions from %u of %u", m->ledger.txs.n,
		     m->ledger.from, m->ledger.total);
}

static void walk_nodes(struct wire_io *io, struct msg *m)
{
	uint32_t n = m->nodes.n;

	io_hash(io, &m->nodes.ledger);
	io_tree(io, &m->nodes.tree);
	io_paths(io, &m->nodes.paths, &m->nodes.n, 1);
	io_list(io, &m->nodes.nodes, &n, 1, TREE_NODE_MIN, FRAME_BYTES_MAX);
	if (!io->err && n != m->nodes.n)
		fail(io, ERR_RANGE, "%u nodes for %u paths", n, m->nodes.n);
}

static void walk_nak(struct wire_io *io, struct msg *m)
{
	uint32_t request = m->nak.request, reason = m->nak.reason;

	io_u32(io, &request, MSG_NONE + 1, MSG_TYPE_END - 1);
	io_hash(io, &m->nak.id);
	io_u32(io, &reason, NAK_UNKNOWN, NAK_BUSY);
	m->nak.request = (enum msg_type)request;
	m->nak.reason = (enum nak_reason)reason;
}

static void walk_bye(struct wire_io *io, struct msg *m)
{
	size_t i;

	io_any_u32(io, &m->bye.code);
	io_bytes(io, &m->bye.text, 0, WIRE_BYE_TEXT_MAX);
	for (i = 0; !io->err && i < m->bye.text.n; i++)
		if (m->bye.text.p[i] < 0x20 || m->bye.text.p[i] > 0x7E)
			fail(io, ERR_INVALID, "text with byte 0x%02X", m->bye.text.p[i]);
}

/* Keys in strictly rising order: one form of each set. */
static void walk_trust(struct wire_io *io, struct msg *m)
{
	struct bytes *keys = &m->trust.members;
	size_t i;

	io_fixed(io, m->trust.key.b, sizeof(m->trust.key.b));
	io_any_u32(io, &m->trust.at.s);
	io_bytes(io, keys, WIRE_KEY_BYTES, (size_t)UNL_MAX * WIRE_KEY_BYTES);
	io_bytes(io, &m->trust.signature, 8, SIGNATURE_MAX);
	if (io->err)
		return;
	if (keys->n % WIRE_KEY_BYTES)
		fail(io, ERR_RANGE, "%zu bytes are no list of keys", keys->n);
	for (i = WIRE_KEY_BYTES; !io->err && i < keys->n; i += WIRE_KEY_BYTES)
		if (memcmp(keys->p + i - WIRE_KEY_BYTES, keys->p + i, WIRE_KEY_BYTES) >= 0)
			fail(io, ERR_ORDER, "a key is not above the one before");
}

static void walk(struct wire_io *io, struct msg *m)
{
	switch (m->type) {
	case MSG_STATUS:
		walk_status(io, m);
		return;
	case MSG_PING:
	case MSG_PONG:
		io_any_u32(io, &m->ping.token);
		io_any_u32(io, &m->ping.net_time.s);
		return;
	case MSG_TXS:
		io_txs(io, &m->txs, 1);
		return;
	case MSG_TX_DATA:
		io_txs(io, &m->txs, 0);
		return;
	case MSG_PROPOSAL:
		walk_proposal(io, m);
		return;
	case MSG_VALIDATION:
		io_bytes(io, &m->validation, 1, WIRE_VALIDATION_MAX);
		return;
	case MSG_EVIDENCE:
		io_u32(io, &m->evidence.kind, 0, 1);
		io_bytes(io, &m->evidence.a, 1, WIRE_VALIDATION_MAX);
		io_bytes(io, &m->evidence.b, 1, WIRE_VALIDATION_MAX);
		return;
	case MSG_GET_SET:
		io_hash(io, &m->set.id);
		return;
	case MSG_SET:
		io_hash(io, &m->set.id);
		io_hashes(io, &m->set.ids, 0, true);
		return;
	case MSG_GET_TXS:
		io_hash(io, &m->get_txs.set);
		io_hashes(io, &m->get_txs.ids, 1, false);
		return;
	case MSG_GET_LEDGER:
	case MSG_GET_PAST:
		io_hash(io, &m->get_ledger.hash);
		io_any_u32(io, &m->get_ledger.seq);
		io_u32(io, &m->get_ledger.from, 0, WIRE_LEDGER_TXS_MAX);
		return;
	case MSG_LEDGER:
	case MSG_PAST:
		walk_ledger(io, m);
		return;
	case MSG_GET_NODES:
		io_hash(io, &m->get_nodes.ledger);
		io_tree(io, &m->get_nodes.tree);
		io_paths(io, &m->get_nodes.paths, &m->get_nodes.n, 1);
		return;
	case MSG_NODES:
		walk_nodes(io, m);
		return;
	case MSG_NAK:
		walk_nak(io, m);
		return;
	case MSG_BYE:
		walk_bye(io, m);
		return;
	case MSG_MANIFESTS:
		io_list(io, &m->manifests.v, &m->manifests.n, 1, 1, WIRE_MANIFEST_MAX);
		return;
	case MSG_TRUST:
		walk_trust(io, m);
		return;
	case MSG_NONE:
	case MSG_TYPE_END:
		must(false);
	}
}

/* The packer writes behind the frame's own head, so that the message is not copied again. */
static int put(void *data, const char *p, size_t n)
{
	buf_put(data, p, n);
	return 0;
}

struct wire_frame *wire_encode(const struct msg *m)
{
	struct buf out = BUF_INIT;
	msgpack_packer pk;
	struct wire_io io = {.pk = &pk, .count_max = msg_count_max(m->type)};
	struct msg copy = *m; /* walk() may write when it reads */
	struct wire_frame *f;

	buf_reserve(&out, sizeof(*f) + 256);
	out.n = sizeof(*f);
	msgpack_packer_init(&pk, &out, put);
	msgpack_pack_array(&pk, field_count(m->type) + 1);
	msgpack_pack_uint32(&pk, m->type);
	walk(&io, &copy);
	must(io.fields == field_count(m->type));
	if (out.cap - out.n > FRAME_SLACK_MAX)
		out.p = mem_resize(out.p, out.n, 1);
	f = (struct wire_frame *)(void *)out.p;
	atomic_init(&f->refs, 1);
	f->type = m->type;
	f->lane = msg_lane(m->type);
	f->n = (uint32_t)(out.n - sizeof(*f));
	must(f->n <= msg_bytes_max(m->type));
	return f;
}

struct wire_frame *wire_frame_ref(struct wire_frame *f)
{
	must(atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed) > 0);
	return f;
}

void wire_frame_unref(struct wire_frame *f)
{
	if (f && atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) == 1)
		mem_free(f);
}

/* The type by the first two tokens, before anything else is looked at. */
static enum err decode_type(enum msg_type *type, uint32_t *fields, struct bytes in, struct why *why)
{
	struct cursor c = cursor_of(in);
	struct wire_token head, code;
	enum err e;

	if (in.n > FRAME_BYTES_MAX)
		return why_set(why, ERR_TOO_LARGE, "%zu bytes", in.n);
	e = wire_token_next(&head, &c, why);
	if (e)
		return e;
	if (head.kind != WIRE_ARRAY || !head.value)
		return why_set(why, ERR_INVALID, "a message is an array");
	e = wire_token_next(&code, &c, why);
	if (e)
		return e;
	if (code.kind != WIRE_UINT)
		return why_set(why, ERR_INVALID, "the type code is not a number");
	if (!msg_type_exists(code.value))
		return why_set(why, ERR_ABSENT, "unknown type %u", code.value);
	*type = (enum msg_type)code.value;
	*fields = head.value - 1;
	return ERR_NONE;
}

enum err wire_decode(struct msg *out, struct arena *a, struct bytes in, struct why *why)
{
	struct wire_io io = {.in = cursor_of(in), .arena = a, .why = why};
	uint32_t fields = 0;
	enum err e;

	*out = (struct msg){.type = MSG_NONE};
	e = decode_type(&out->type, &fields, in, why);
	if (e)
		return e;
	io.count_max = msg_count_max(out->type);
	if (in.n > msg_bytes_max(out->type))
		e = why_set(why, ERR_TOO_LARGE, "%zu bytes, at most %u", in.n,
			    msg_bytes_max(out->type));
	else
		e = wire_scan(in, io.count_max, why);
	if (!e && fields != field_count(out->type))
		e = why_set(why, ERR_INVALID, "%u fields, not %u", fields, field_count(out->type));
	if (!e) {
		(void)take(&io, WIRE_ARRAY);
		(void)take(&io, WIRE_UINT);
		walk(&io, out);
		e = io.err;
	}
	if (e)
		return why_add(why, e, "%s", msg_type_name(out->type));
	must(io.fields == fields && !io.in.left);
	return ERR_NONE;
}

uint32_t wire_blobs_fit(enum msg_type t, const struct bytes *v, uint32_t n)
{
	size_t room = msg_bytes_max(t) - WIRE_ENVELOPE_MAX;
	size_t head = t == MSG_NODES ? WIRE_BLOB_HEAD_MAX + WIRE_PATH_MAX : WIRE_BLOB_HEAD_MAX;
	uint32_t i, max = msg_count_max(t);

	must(max > 0);
	for (i = 0; i < n && i < max; i++) {
		if (v[i].n + head > room)
			break;
		room -= v[i].n + head;
	}
	return i;
}

void proposal_payload(struct buf *out, uint32_t network_id, const struct msg *proposal)
{
	must(proposal->type == MSG_PROPOSAL);
	buf_put_be32(out, HASH_PREFIX_PROPOSAL);
	buf_put_be32(out, network_id);
	buf_put_be32(out, proposal->proposal.seq);
	buf_put_be32(out, proposal->proposal.close.s);
	buf_put(out, proposal->proposal.prev.b, 32);
	buf_put(out, proposal->proposal.set.b, 32);
}

void trust_payload(struct buf *out, uint32_t network_id, const struct msg *trust)
{
	must(trust->type == MSG_TRUST);
	buf_put_be32(out, 0x554E4C00); /* UNL, as a prefix of its own */
	buf_put_be32(out, network_id);
	buf_put_be32(out, trust->trust.at.s);
	buf_put(out, trust->trust.members.p, trust->trust.members.n);
}
