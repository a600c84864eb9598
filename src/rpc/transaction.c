/* SPDX-License-Identifier: ISC */
#include "rpc/methods.h"
#include "rpc/state.h"

#include "ledger/affected.h"

#include <stdlib.h>

/* tx and transaction_entry (rippled: Tx.cpp, TransactionEntry.cpp). */

#define RANGE_MAX 1000 /* ledgers of min_ledger .. max_ledger */

struct search {
	struct hash256 id;
	bool ranged;
	uint32_t min, max;
};

/* ---- What is asked for */

static bool search_range(struct rpc_call *c, struct search *s)
{
	const json_t *min = json_object_get(c->p, "min_ledger");
	const json_t *max = json_object_get(c->p, "max_ledger");

	if (!min || !max)
		return true;
	if (!json_to_u32(min, &s->min) || !json_to_u32(max, &s->max) || s->max < s->min)
		return rpc_fail(c, RPC_INVALID_LGR_RANGE);
	if (s->max - s->min > RANGE_MAX)
		return rpc_fail(c, RPC_EXCESSIVE_LGR_RANGE);
	s->ranged = true;
	return true;
}

/* The transaction with a given index in a ledger, for compact ids. */
static bool id_at_place(struct rpc_call *c, uint32_t seq, uint32_t index, struct hash256 *id)
{
	struct hash256 at;
	struct bytes leaf, tx, meta;
	const struct st_object *o;
	enum found f;

	if (!rpc_ledger_by_seq(c, seq) || !c->ledger.closed) {
		c->fault = (struct rpc_fault){0};
		return rpc_fail(c, RPC_TXN_NOT_FOUND);
	}
	f = tree_next(&c->ledger.closed->txs, NULL, id, &leaf);
	while (f == FOUND) {
		if (tx_leaf_split(leaf, &tx, &meta) != ERR_NONE || !(o = tj_decode(c, meta)))
			return rpc_fail_unavailable(c);
		if (st_u32_or(o, sfTransactionIndex, UINT32_MAX) == index)
			return true;
		arena_reset(&c->arena);
		at = *id;
		f = tree_next(&c->ledger.closed->txs, &at, id, &leaf);
	}
	return f == ABSENT ? rpc_fail(c, RPC_TXN_NOT_FOUND) : rpc_fail_unavailable(c);
}

static bool search_ctid(struct rpc_call *c, const json_t *v, struct search *s)
{
	uint32_t network;
	uint8_t b[8];

	if (!json_is_string(v) ||
	    !hex_decode(b, sizeof(b), json_string_value(v), json_string_length(v)) ||
	    b[0] >> 4 != 0xC)
		return rpc_fail(c, RPC_INVALID_PARAMS);
	network = load_be16(b + 6);
	if (network != c->r->network_id)
		return rpc_fail_text(c, RPC_WRONG_NETWORK,
				     "Wrong network. You should submit this request to a node "
				     "running on NetworkID: %u",
				     network);
	return id_at_place(c, load_be32(b) & 0x0FFFFFFF, load_be16(b + 4), &s->id);
}

static bool search_parse(struct rpc_call *c, struct search *s)
{
	const json_t *id = json_object_get(c->p, "transaction");
	const json_t *ctid = json_object_get(c->p, "ctid");

	*s = (struct search){0};
	if ((id != NULL) == (ctid != NULL))
		return rpc_fail(c, RPC_INVALID_PARAMS);
	if (id && !json_to_hash(id, &s->id))
		return rpc_fail(c, RPC_NOT_IMPL);
	return search_range(c, s) && (id || search_ctid(c, ctid, s));
}

/* ---- Answers */

/* Whether every ledger of the range was searched, so that "not found" is a proof. While it was
 * looked for, other threads may have added ledgers and taken some away: what counts is what was
 * there before, up to the last ledger, and still is, from the first. Ledgers of that range have all
 * their transactions; they have no gaps. */
static bool searched_all(const struct search *s, struct history_range before,
			 struct history_range after)
{
	return before.first != 0 && after.first != 0 && before.first <= s->min &&
	       after.first <= s->min && s->max <= before.last;
}

/* A transaction that waits or is in a ledger that is not validated yet. */
static void write_pending(struct rpc_call *c, const struct tx *tx)
{
	struct jw *w = &c->w;
	json_t *shown;

	if (p_truthy(c, "binary")) {
		jw_put_hex(w, c->version > 1 ? "tx_blob" : "tx", tx->blob.p, tx->blob.n);
		jw_put_hash(w, "hash", &tx->id);
	} else {
		shown = tj_tx(tx->fields, &tx->id, c->version);
		if (c->version > 1) {
			jw_put_json(w, "tx_json", shown);
			jw_put_hash(w, "hash", &tx->id);
		} else {
			const char *key;
			json_t *v;

			json_object_foreach(shown, key, v) jw_put_json(w, key, v);
		}
		json_decref(shown);
	}
	jw_put_bool(w, "validated", false);
}

struct found_tx {
	struct history_tx row;
	struct ledger_header header;
	struct hash256 ledger_hash;
	const struct st_object *tx, *meta; /* not decoded for binary */
	char ctid[17];
	bool has_ctid;
};

static void write_place_v1(struct jw *w, const struct found_tx *f)
{
	jw_put_u64(w, "inLedger", f->row.ledger_seq);
	jw_put_u64(w, "ledger_index", f->row.ledger_seq);
	jw_put_u64(w, "date", f->header.close.s);
}

static void write_place_v2(struct jw *w, const struct found_tx *f)
{
	char iso[ISO_TEXT_MAX];

	jw_put_hash(w, "ledger_hash", &f->ledger_hash);
	jw_put_hash(w, "hash", &f->row.id);
	jw_put_u64(w, "ledger_index", f->row.ledger_seq);
	tj_iso_time(iso, f->header.close);
	jw_put_str(w, "close_time_iso", iso);
}

static void write_binary(struct rpc_call *c, const struct found_tx *f)
{
	struct jw *w = &c->w;

	if (c->version > 1) {
		jw_put_hex(w, "tx_blob", f->row.blob.p, f->row.blob.n);
		write_place_v2(w, f);
		jw_put_hex(w, "meta_blob", f->row.meta.p, f->row.meta.n);
	} else {
		jw_put_hex(w, "tx", f->row.blob.p, f->row.blob.n);
		jw_put_hash(w, "hash", &f->row.id);
		write_place_v1(w, f);
		jw_put_hex(w, "meta", f->row.meta.p, f->row.meta.n);
	}
}

static void write_json(struct rpc_call *c, const struct found_tx *f)
{
	struct jw *w = &c->w;
	json_t *shown = tj_tx(f->tx, &f->row.id, c->version);
	const char *key;
	json_t *v;

	if (c->version > 1) {
		json_object_set_new(shown, "ledger_index", json_integer(f->row.ledger_seq));
		json_object_set_new(shown, "date", json_integer(f->header.close.s));
		if (f->has_ctid)
			json_object_set_new(shown, "ctid", json_string(f->ctid));
		jw_put_json(w, "tx_json", shown);
		write_place_v2(w, f);
	} else {
		json_object_foreach(shown, key, v) jw_put_json(w, key, v);
		write_place_v1(w, f);
	}
	json_decref(shown);
	shown = tj_meta(f->meta, f->tx);
	jw_put_json(w, "meta", shown);
	json_decref(shown);
}

static void write_found(struct rpc_call *c, struct found_tx *f)
{
	bool binary = p_truthy(c, "binary");

	if (!rpc_header_of(c->host, f->row.ledger_seq, &f->header, &f->ledger_hash)) {
		rpc_fail_unavailable(c);
		return;
	}
	c->holds = RPC_HOLDS_HISTORY;
	c->holds_seq = f->row.ledger_seq;
	f->has_ctid = tj_ctid(f->ctid, f->row.ledger_seq, f->row.index, c->r->network_id);
	if (!binary) {
		f->tx = tj_decode(c, f->row.blob);
		f->meta = f->tx ? tj_decode(c, f->row.meta) : NULL;
		if (!f->meta)
			return;
		write_json(c, f);
	} else {
		write_binary(c, f);
	}
	jw_put_bool(&c->w, "validated", true);
	if (f->has_ctid)
		jw_put_str(&c->w, "ctid", f->ctid);
}

void method_tx(struct rpc_call *c)
{
	const struct history *h = c->host->history;
	struct history_range before = rpc_searchable(c->host);
	struct found_tx f = {0};
	struct buf store = BUF_INIT;
	struct search s;
	struct tx *pending;
	enum err e;

	if (!search_parse(c, &s))
		return;
	e = h->tx(h->ctx, &s.id, &f.row, &store); /* found outside of the range is found, too */
	pending = e == ERR_ABSENT ? node_pending_tx(c->host->node, &s.id) : NULL;
	if (pending) {
		write_pending(c, pending);
	} else if (e == ERR_NONE) {
		write_found(c, &f);
	} else if (e == ERR_ABSENT) {
		if (s.ranged)
			jw_put_bool(&c->w, "searched_all",
				    searched_all(&s, before, rpc_searchable(c->host)));
		rpc_fail(c, RPC_TXN_NOT_FOUND);
	} else {
		rpc_fail_unavailable(c);
	}
	buf_close(&store);
}

/* ---- transaction_entry */

static void write_entry(struct rpc_call *c, const struct hash256 *id, const struct st_object *tx,
			const struct st_object *meta)
{
	struct jw *w = &c->w;
	char iso[ISO_TEXT_MAX];
	json_t *shown = tj_tx(tx, id, c->version);

	jw_put_json(w, "tx_json", shown);
	json_decref(shown);
	if (c->version > 1)
		jw_put_hash(w, "hash", id);
	if (c->version > 1 && c->ledger.validated) {
		tj_iso_time(iso, c->ledger.closed->header.close);
		jw_put_str(w, "close_time_iso", iso);
	}
	shown = c->version > 1 ? tj_meta(meta, tx) : st_to_server_json(meta);
	jw_put_json(w, c->version > 1 ? "meta" : "metadata", shown);
	json_decref(shown);
}

void method_transaction_entry(struct rpc_call *c)
{
	const json_t *hash = json_object_get(c->p, "tx_hash");
	const struct st_object *tx, *meta;
	struct bytes leaf, blob, meta_blob;
	struct hash256 id;
	enum found f;

	if (!rpc_lookup_ledger(c))
		return;
	if (!hash) {
		rpc_fail_token(c, "fieldNotFoundTransaction");
		return;
	}
	if (!c->ledger.closed) {
		rpc_fail_token(c, "notYetImplemented");
		return;
	}
	if (!json_to_hash(hash, &id)) {
		rpc_fail_token(c, "malformedRequest");
		return;
	}
	f = tree_get(&c->ledger.closed->txs, &id, &leaf);
	if (f == ABSENT)
		rpc_fail_token(c, "transactionNotFound");
	else if (f == UNAVAILABLE || tx_leaf_split(leaf, &blob, &meta_blob) != ERR_NONE)
		rpc_fail_unavailable(c);
	else if ((tx = tj_decode(c, blob)) && (meta = tj_decode(c, meta_blob)))
		write_entry(c, &id, tx, meta);
}
