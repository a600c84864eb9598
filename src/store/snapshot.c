/* SPDX-License-Identifier: ISC */
#include "store/snapshot.h"

#include "base/limits.h"
#include "base/mem.h"
#include "crypto/hash.h"
#include "ledger/affected.h"
#include "ledger/tree_stream.h"
#include "store/lmdb.h"
#include "store/snapshot_file.h"
#include "store/store_impl.h"

#include <limits.h>

/* Reading: what is checked, and where it goes. */

#define NODES_PER_COMMIT 20000

/* ---- writing ---- */

struct export
{
	struct snapshot_writer *w;
	struct snapshot_info *info;
	struct drops sum;
	enum err err;
};

static bool put_entry(void *ctx, const struct hash256 *key, struct bytes data)
{
	struct export *x = ctx;

	if (!entry_add_drops(&x->sum, data))
		x->err = ERR_CORRUPT;
	snapshot_put_u32(x->w, (uint32_t)data.n);
	snapshot_put(x->w, bytes_of(key->b, sizeof(key->b)));
	snapshot_put(x->w, data);
	x->info->entries++;
	return x->err == ERR_NONE;
}

static bool each_node(void *ctx, uint64_t key)
{
	(void)ctx;
	return key != 0;
}

static enum err put_txs(struct export *x, const struct tree *txs)
{
	struct hash256 key, at, *after = NULL;
	struct bytes leaf;
	enum found f;

	while ((f = tree_next(txs, after, &key, &leaf)) == FOUND) {
		snapshot_put_u32(x->w, (uint32_t)leaf.n);
		snapshot_put(x->w, leaf);
		at = key;
		after = &at;
	}
	return f == ABSENT ? ERR_NONE : ERR_UNAVAILABLE;
}

static enum err export_ledger(struct store *s, const struct ledger *l, struct export *x)
{
	const struct tree_scan scan = {.enter = each_node, .leaf = put_entry, .ctx = x};
	uint8_t header[LEDGER_HEADER_BYTES];
	uint64_t txs = 0;
	enum err e;

	if (tree_count(&l->txs, &txs) != FOUND)
		return ERR_UNAVAILABLE;
	x->info->header = l->header;
	x->info->hash = l->hash;
	x->info->txs = (uint32_t)txs;
	ledger_header_encode(header, &l->header);
	snapshot_put_head(x->w, x->info->network_id, &x->info->genesis);
	snapshot_put(x->w, bytes_of(header, sizeof(header)));
	snapshot_put_u32(x->w, x->info->txs);
	e = put_txs(x, &l->txs);
	if (e == ERR_NONE)
		e = tree_scan_stored(&s->source, TREE_STATE, &l->header.state_hash,
				     tree_root_key(&l->state), &scan);
	if (x->err != ERR_NONE)
		e = x->err;
	if (e == ERR_NONE && drops_cmp(x->sum, l->header.drops) != 0)
		e = ERR_CORRUPT;
	if (e == ERR_NONE)
		snapshot_put_end(x->w, x->info->entries, x->sum);
	return e;
}

static enum err load_identity(struct store *s, struct snapshot_info *out)
{
	struct identity_row id;
	struct kv_txn *txn;
	enum err e = kv_read(s->db, &txn);

	if (e != ERR_NONE)
		return e;
	e = store_get_identity(txn, &id);
	kv_abort(txn);
	out->network_id = id.network_id;
	out->genesis = id.genesis;
	return e;
}

enum err snapshot_export(const char *folder, uint32_t seq, const char *path,
			 struct snapshot_info *out, struct why *why)
{
	struct store_options o = {.folder = folder, .read_only = true};
	struct export x = {.info = out};
	struct ledger *l = NULL;
	struct store *s = NULL;
	enum err e = store_open(&s, &o, why);

	*out = (struct snapshot_info){.txs = 0};
	if (e != ERR_NONE)
		return e;
	e = load_identity(s, out);
	if (e == ERR_NONE)
		e = store_ledger_open(s, seq ? seq : store_tip(s).seq, &l);
	if (e != ERR_NONE)
		store_fail(why, e, "that ledger's state is not here");
	if (e == ERR_NONE)
		e = snapshot_create(&x.w, path, why);
	if (e == ERR_NONE) {
		e = export_ledger(s, l, &x);
		if (e != ERR_NONE)
			store_fail(why, e, folder);
		e = snapshot_finish(x.w, e, &out->bytes, why);
	}
	ledger_unref(l);
	store_close(s);
	return e;
}

/* ---- reading ---- */

struct import {
	struct snapshot_reader *r;
	struct snapshot_info *info;
	struct tree txs;
	snapshot_entry each; /* may be NULL */
	void *ctx;
	struct kv *db; /* NULL: only checking */
	struct kv_txn *txn;
	uint32_t nodes; /* since the last commit */
	struct drops sum;
	uint64_t root_key;
	struct why *why;
};

static enum err bad(const struct import *m, const char *what)
{
	return why_set(m->why, ERR_CORRUPT, "the file %s", what);
}

/* Nodes go to the database a few thousand at a time: nothing refers to them until the end. */
static enum err put_node(void *ctx, uint64_t key, struct bytes node)
{
	struct import *m = ctx;
	enum err e = ERR_NONE;

	if (!m->db)
		return ERR_NONE;
	if (m->txn && m->nodes++ % NODES_PER_COMMIT == NODES_PER_COMMIT - 1) {
		e = kv_commit(m->txn, m->why);
		m->txn = NULL;
	}
	if (e == ERR_NONE && !m->txn)
		e = kv_write(m->db, &m->txn);
	return e == ERR_NONE ? kv_append(m->txn, KV_NODES, bytes_of(&key, sizeof(key)), node) : e;
}

static enum err read_head(struct import *m)
{
	uint8_t header[LEDGER_HEADER_BYTES];

	if (!snapshot_get_head(m->r, &m->info->network_id, &m->info->genesis))
		return bad(m, "is no snapshot of this version");
	if (!snapshot_get(m->r, header, sizeof(header)) ||
	    ledger_header_decode(&m->info->header, bytes_of(header, sizeof(header))) != ERR_NONE ||
	    m->info->header.seq == 0)
		return bad(m, "has no proper header");
	ledger_header_hash(&m->info->hash, &m->info->header);
	return ERR_NONE;
}

static enum err read_txs(struct import *m)
{
	struct buf leaf = BUF_INIT;
	enum err e = ERR_NONE;
	struct hash256 root;
	uint32_t i, n;

	if (!snapshot_get_u32(m->r, &m->info->txs) || m->info->txs > LEDGER_TX_MAX + 256)
		return bad(m, "has no proper number of transactions");
	for (i = 0; e == ERR_NONE && i < m->info->txs; i++) {
		struct bytes blob, meta;
		struct hash256 id;

		if (!snapshot_get_u32(m->r, &n) || n == 0 || n > TREE_DATA_BYTES_MAX ||
		    !snapshot_get_buf(m->r, &leaf, n) ||
		    tx_leaf_split(buf_bytes(&leaf), &blob, &meta) != ERR_NONE) {
			e = bad(m, "has a damaged transaction");
			break;
		}
		sha512_half_parts(&id, HASH_PREFIX_TX_ID, &blob, 1);
		if (tree_put(&m->txs, &id, buf_bytes(&leaf)) != FOUND)
			e = ERR_UNAVAILABLE;
	}
	buf_close(&leaf);
	root = tree_hash(&m->txs);
	if (e == ERR_NONE && !hash256_eq(&root, &m->info->header.tx_hash))
		e = bad(m, "has transactions that do not match its header");
	return e;
}

static enum err read_entry(struct import *m, struct tree_stream *ts, uint32_t n, struct buf *data)
{
	struct hash256 key;
	enum err e;

	if (n > TREE_DATA_BYTES_MAX || !snapshot_get(m->r, key.b, sizeof(key.b)) ||
	    !snapshot_get_buf(m->r, data, n))
		return bad(m, "ends amid an entry, or has one that is too large");
	if (!entry_add_drops(&m->sum, buf_bytes(data)))
		return bad(m, "has an entry that is none");
	e = tree_stream_put(ts, &key, buf_bytes(data));
	m->info->entries++;
	if (e == ERR_ORDER || e == ERR_RANGE)
		return bad(m, "has entries out of order");
	return e == ERR_NONE && m->each ? m->each(m->ctx, &key, buf_bytes(data), m->why) : e;
}

static enum err read_entries(struct import *m, struct tree_stream *ts)
{
	struct buf data = BUF_INIT;
	struct hash256 root;
	enum err e = ERR_NONE;
	uint32_t n;

	while (e == ERR_NONE) {
		if (!snapshot_get_u32(m->r, &n))
			e = bad(m, "ends early");
		else if (n == 0)
			break;
		else
			e = read_entry(m, ts, n, &data);
	}
	buf_close(&data);
	if (e == ERR_NONE)
		e = tree_stream_end(ts, &root, &m->root_key);
	if (e == ERR_NONE && !hash256_eq(&root, &m->info->header.state_hash))
		e = bad(m, "has a state that does not match its header");
	return e;
}

static enum err read_end(struct import *m)
{
	struct drops said;
	uint64_t entries;

	if (!snapshot_get_end(m->r, &entries, &said))
		return bad(m, "is damaged: its checksum is another, or something follows it");
	if (entries != m->info->entries || drops_cmp(said, m->sum) != 0 ||
	    drops_cmp(m->sum, m->info->header.drops) != 0)
		return bad(m, "does not hold what it says");
	m->info->bytes = snapshot_read(m->r);
	return ERR_NONE;
}

static enum err read_rest(struct import *m)
{
	struct tree_sink sink = {.put = put_node, .ctx = m};
	struct tree_stream *ts = tree_stream_open(TREE_STATE, m->info->header.seq, &sink);
	enum err e = read_txs(m);

	if (e == ERR_NONE)
		e = read_entries(m, ts);
	if (e == ERR_NONE)
		e = read_end(m);
	tree_stream_close(ts);
	return e;
}

enum err snapshot_each(const char *path, snapshot_entry each, void *ctx, struct snapshot_info *out,
		       struct why *why)
{
	struct import m = {.info = out, .each = each, .ctx = ctx, .why = why};
	enum err e = snapshot_open(&m.r, path, why);

	*out = (struct snapshot_info){.txs = 0};
	if (e != ERR_NONE)
		return e;
	tree_init_empty(&m.txs, TREE_TX_META, NULL);
	e = read_head(&m);
	if (e == ERR_NONE)
		e = read_rest(&m);
	tree_close(&m.txs);
	snapshot_close(m.r);
	return e;
}

enum err snapshot_check(const char *path, struct snapshot_info *out, struct why *why)
{
	return snapshot_each(path, NULL, NULL, out, why);
}

/* What makes the nodes a ledger, and the database a store. */
static enum err put_rest(struct import *m)
{
	const struct snapshot_info *i = m->info;
	struct identity_row id = {
	    .schema = STORE_SCHEMA, .network_id = i->network_id, .genesis = i->genesis};
	struct tip_row tip = {.seq = i->header.seq,
			      .hash = i->hash,
			      .complete_first = i->header.seq,
			      .floor = i->header.seq,
			      .searchable_first = i->header.seq};
	struct history_ledger l = {.header = i->header, .hash = i->hash, .txs = m->txs};
	struct header_row row = {
	    .header = i->header, .hash = i->hash, .state_key = m->root_key, .n_txs = i->txs};
	struct runs no_runs = {.next_number = 1};
	struct row_key seq = row_key_seq(i->header.seq);
	uint8_t header[HEADER_ROW_BYTES];
	enum err e = m->txn ? ERR_NONE : kv_write(m->db, &m->txn);

	header_row_encode(header, &row);
	if (e == ERR_NONE)
		e = store_put_identity(m->txn, &id);
	if (e == ERR_NONE)
		e = runs_put(m->txn, &no_runs);
	if (e == ERR_NONE)
		e = store_put_past(m->txn, NULL, &tip, &l);
	if (e == ERR_NONE)
		e = kv_put(m->txn, KV_HEADERS, row_key_bytes(&seq),
			   bytes_of(header, sizeof(header)));
	if (e == ERR_NONE)
		e = store_put_tip(m->txn, &tip);
	if (e == ERR_NONE) {
		e = kv_commit(m->txn, m->why);
		m->txn = NULL;
	}
	return e;
}

static enum err import_into(struct import *m, const char *folder, const struct hash256 *expected)
{
	struct lmdb_options lo = {.map_bytes_min = snapshot_size(m->r) * 4 + (256u << 20)};
	char tmp[PATH_MAX];
	enum err e = read_head(m);

	if (e == ERR_NONE && expected && !hash256_eq(expected, &m->info->hash))
		e = why_set(m->why, ERR_MISMATCH, "the file has ledger %u %s, not %s",
			    m->info->header.seq, hash256_hex(&m->info->hash).s,
			    hash256_hex(expected).s);
	if (e == ERR_NONE)
		e = lmdb_folder_prepare(folder, m->why);
	if (e == ERR_NONE)
		e = lmdb_path(tmp, folder, "data.tmp", m->why);
	if (e == ERR_NONE)
		e = lmdb_open(&m->db, tmp, &lo, true, m->why);
	if (e != ERR_NONE)
		return e;
	why_set(m->why, ERR_NONE, "%s", "");
	e = read_rest(m);
	if (e == ERR_NONE)
		e = put_rest(m);
	if (e != ERR_NONE && m->why && !m->why->text[0])
		store_fail(m->why, e, folder);
	kv_abort(m->txn);
	kv_close(m->db);
	return e == ERR_NONE ? lmdb_folder_adopt(folder, m->why) : e;
}

enum err snapshot_import(const char *path, const char *folder, const struct hash256 *expected,
			 struct snapshot_info *out, struct why *why)
{
	struct import m = {.info = out, .why = why};
	int lock = -1;
	enum err e = snapshot_open(&m.r, path, why);

	*out = (struct snapshot_info){.txs = 0};
	if (e != ERR_NONE)
		return e;
	tree_init_empty(&m.txs, TREE_TX_META, NULL);
	if (lmdb_folder_has(folder, "data"))
		e = why_set(why, ERR_DUPLICATE, "%s: there is ledger data already", folder);
	if (e == ERR_NONE)
		e = lmdb_folder_lock(folder, &lock, why);
	if (e == ERR_NONE)
		e = import_into(&m, folder, expected);
	lmdb_folder_unlock(&lock);
	tree_close(&m.txs);
	snapshot_close(m.r);
	return e;
}
