/* SPDX-License-Identifier: ISC */
#include "rpc/book.h"
#include "rpc/methods.h"
#include "rpc/queue.h"
#include "rpc/state_walk.h"

#include "base/limits.h"
#include "codec/number_math.h"
#include "crypto/base58.h"
#include "ledger/affected.h"

#include <stdlib.h>

/* ledger, ledger_header, ledger_closed, ledger_current (rippled: Ledger.cpp, LedgerToJson.cpp). */

struct shown {
	bool full, transactions, accounts, expand, binary, owner_funds, queue;
};

static bool parse_shown(struct rpc_call *c, struct shown *s)
{
	static const char *const names[] = {"full",   "transactions", "accounts", "expand",
					    "binary", "owner_funds",  "queue"};
	bool *const at[] = {&s->full,   &s->transactions, &s->accounts, &s->expand,
			    &s->binary, &s->owner_funds,  &s->queue};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const json_t *v = json_object_get(c->p, names[i]);

		*at[i] = json_is_true(v);
		if (v && !json_is_boolean(v))
			return rpc_fail(c, RPC_INVALID_PARAMS);
	}
	s->expand |= s->full;
	s->transactions |= s->full;
	s->accounts |= s->full;
	return true;
}

/* ---- Header */

static void write_header_bytes(struct jw *w, const struct ledger *l)
{
	uint8_t bytes[LEDGER_HEADER_BYTES];

	ledger_header_encode(bytes, &l->header);
	jw_put_bool(w, "closed", true);
	jw_put_hex(w, "ledger_data", bytes, sizeof(bytes));
}

static void write_open_header(struct rpc_call *c, const struct view *open)
{
	const struct view_info *info = view_get_info(open);
	struct jw *w = &c->w;

	jw_put_hash(w, "parent_hash", &info->parent_hash);
	if (c->version > 1)
		jw_put_u64(w, "ledger_index", info->seq);
	else
		jw_put_text_u64(w, "ledger_index", info->seq);
	if (c->version == 1) {
		jw_put_bool(w, "accepted", false);
		jw_put_text_u64(w, "seqNum", info->seq);
	}
	jw_put_bool(w, "closed", false);
}

static void write_header(struct rpc_call *c, bool binary)
{
	const struct ledger *l = c->ledger.closed;

	if (!l && binary)
		jw_put_bool(&c->w, "closed", false);
	else if (!l)
		write_open_header(c, c->ledger.open);
	else if (binary)
		write_header_bytes(&c->w, l);
	else
		tj_header(&c->w, &l->header, &l->hash, c->version);
}

/* ---- Transactions */

struct row {
	struct hash256 id;
	struct bytes tx, meta; /* meta.n 0: not applied yet */
	uint32_t index;
};

/* What the sender of an OfferCreate has of what it sells, unless it issues that itself. NULL: not
 * asked for, or not to be shown. */
static const char *owner_funds(struct rpc_call *c, const struct shown *s,
			       const struct st_object *tx, char text[AMOUNT_TEXT_MAX])
{
	uint16_t type = ttINVALID;
	struct account_id sender;
	struct amount gets;
	struct bytes raw;

	if (!s->owner_funds || !st_get_u16(tx, sfTransactionType, &type) || type != ttOfferCreate ||
	    !st_get_account(tx, sfAccount, &sender) || !st_get_raw(tx, sfTakerGets, &raw) ||
	    amount_decode(&gets, raw) != ERR_NONE ||
	    (gets.kind != AMOUNT_XRP && account_eq(&gets.issuer, &sender)))
		return NULL;
	gets = book_funds(c, &sender, &gets, true);
	amount_server_text(text, &gets);
	return text;
}

static void write_tx_bytes(struct rpc_call *c, const struct shown *s, const struct row *r)
{
	const struct st_object *tx = s->owner_funds ? tj_decode(c, r->tx) : NULL;
	char text[AMOUNT_TEXT_MAX];
	const char *funds = tx ? owner_funds(c, s, tx, text) : NULL;
	struct jw *w = &c->w;

	jw_put_hex(w, "tx_blob", r->tx.p, r->tx.n);
	if (c->version > 1)
		jw_put_hash(w, "hash", &r->id);
	if (r->meta.n)
		jw_put_hex(w, c->version > 1 ? "meta_blob" : "meta", r->meta.p, r->meta.n);
	if (funds)
		jw_put_str(w, "owner_funds", funds);
}

/* The members that version 2 has beside tx_json. */
static void write_tx_place(struct rpc_call *c, const struct row *r)
{
	const struct rpc_ledger *l = &c->ledger;
	struct jw *w = &c->w;
	char iso[ISO_TEXT_MAX];

	jw_put_hash(w, "hash", &r->id);
	if (l->closed)
		jw_put_hash(w, "ledger_hash", &l->closed->hash);
	jw_put_bool(w, "validated", l->validated);
	if (!l->validated)
		return;
	jw_put_u64(w, "ledger_index", l->seq);
	tj_iso_time(iso, l->closed->header.close);
	jw_put_str(w, "close_time_iso", iso);
}

static bool write_tx_json(struct rpc_call *c, const struct shown *s, const struct row *r)
{
	const struct st_object *tx = tj_decode(c, r->tx);
	const struct st_object *meta = tx && r->meta.n ? tj_decode(c, r->meta) : NULL;
	char text[AMOUNT_TEXT_MAX];
	json_t *shown, *shown_meta, *v;
	const char *funds, *key;
	struct jw *w = &c->w;

	if (!tx || (r->meta.n && !meta))
		return false;
	shown = tj_tx(tx, &r->id, c->version);
	shown_meta = meta ? tj_meta(meta, tx) : NULL;
	funds = owner_funds(c, s, tx, text);
	if (c->version > 1) {
		jw_put_json(w, "tx_json", shown);
		write_tx_place(c, r);
	} else {
		json_object_foreach(shown, key, v) jw_put_json(w, key, v);
	}
	if (shown_meta)
		jw_put_json(w, c->version > 1 ? "meta" : "metaData", shown_meta);
	if (funds)
		jw_put_str(w, "owner_funds", funds);
	json_decref(shown);
	json_decref(shown_meta);
	return true;
}

/* The members of a transaction that is shown whole. */
static bool write_tx_members(struct rpc_call *c, const struct shown *s, const struct row *r)
{
	bool done = true;

	if (s->binary)
		write_tx_bytes(c, s, r);
	else
		done = write_tx_json(c, s, r);
	arena_reset(&c->arena);
	return done && !c->fault.token;
}

static bool write_tx(struct rpc_call *c, const struct shown *s, const struct row *r)
{
	bool done;

	if (!s->expand) {
		jw_hex(&c->w, r->id.b, sizeof(r->id.b));
		return true;
	}
	jw_open(&c->w, '{');
	done = write_tx_members(c, s, r);
	jw_end(&c->w, '}');
	return done;
}

/* ---- What a ledger contains: written in pieces (call.h) */

struct body {
	struct shown shown;
	enum { BODY_TXS, BODY_STATE, BODY_END } at;
	bool begun; /* the array of what is being written is open */
	uint32_t n; /* transactions written */
	struct hash256 last;
	struct state_walk walk; /* if it has a call */
};

static void body_end(void *walk)
{
	struct body *b = walk;

	if (b->walk.c)
		state_walk_end(&b->walk);
	mem_free(b);
}

static void begin_array(struct rpc_call *c, struct body *b, const char *key)
{
	if (!b->begun)
		jw_put_open(&c->w, key, '[');
	b->begun = true;
}

static void end_array(struct rpc_call *c, struct body *b)
{
	if (b->begun)
		jw_end(&c->w, ']');
	b->begun = false;
	b->at++;
}

/* In the order of their ids, as in the tree; the index within the ledger is in the metadata. */
static void closed_tx(struct rpc_call *c, struct body *b)
{
	struct bytes leaf;
	struct row r = {.index = 0};
	enum found f = tree_next(&c->ledger.closed->txs, b->n ? &b->last : NULL, &r.id, &leaf);

	if (f == UNAVAILABLE)
		rpc_fail_unavailable(c);
	else if (f == ABSENT || b->n >= LEDGER_TX_MAX)
		end_array(c, b);
	else if (tx_leaf_split(leaf, &r.tx, &r.meta) != ERR_NONE)
		rpc_fail(c, RPC_DB_DESERIALIZATION);
	else
		write_tx(c, &b->shown, &r);
	b->last = r.id;
	b->n++;
}

static void open_tx(struct rpc_call *c, struct body *b)
{
	struct row r;
	uint32_t n;
	struct tx *const *txs = node_open_txs(c->host->node, &n);

	if (b->n == n) {
		end_array(c, b);
		return;
	}
	r = (struct row){.id = txs[b->n]->id, .tx = txs[b->n]->blob};
	write_tx(c, &b->shown, &r);
	b->n++;
}

static void one_tx(struct rpc_call *c, struct body *b)
{
	if (!b->shown.transactions) {
		end_array(c, b);
		return;
	}
	begin_array(c, b, "transactions");
	if (c->ledger.closed)
		closed_tx(c, b);
	else
		open_tx(c, b);
}

static void write_state_entry(struct rpc_call *c, const struct shown *s, const struct hash256 *key,
			      const struct st_object *entry)
{
	struct buf bytes = BUF_INIT;
	json_t *j;

	if (s->binary) {
		st_encode(&bytes, entry, ST_ALL);
		jw_open(&c->w, '{');
		jw_put_hash(&c->w, "hash", key);
		jw_put_hex(&c->w, "tx_blob", bytes.p, bytes.n);
		jw_end(&c->w, '}');
		buf_close(&bytes);
	} else if (s->expand) {
		j = tj_entry(entry, key);
		jw_json(&c->w, j);
		json_decref(j);
	} else {
		jw_hex(&c->w, key->b, sizeof(key->b));
	}
}

/* For administrators only. */
static void some_state(struct rpc_call *c, struct body *b)
{
	size_t end = c->w.out.n + (c->ledger.closed ? RPC_PIECE_BYTES : RPC_STATE_REPLY_MAX);
	const struct st_object *entry;
	bool first = !b->begun;
	struct hash256 key;
	enum found f;

	if (!b->shown.accounts) {
		end_array(c, b);
		return;
	}
	begin_array(c, b, "accountState");
	if (first && !state_walk_begin(c, &b->walk))
		return;
	f = state_walk_next(&b->walk, first ? NULL : &b->last, &key, &entry);
	while (f == FOUND) {
		write_state_entry(c, &b->shown, &key, entry);
		arena_reset(&c->arena);
		b->last = key;
		if (c->w.out.n >= end)
			break;
		f = state_walk_next(&b->walk, &b->last, &key, &entry);
	}
	if (f == ABSENT)
		end_array(c, b);
	else if (f == FOUND && c->ledger.open)
		rpc_fail_text(c, RPC_TOO_BUSY,
			      "The state is too large for one reply; use ledger_data.");
}

static void write_bare(struct rpc_call *c)
{
	jw_put_open(&c->w, "ledger", '{');
	write_header(c, false);
	jw_end(&c->w, '}');
}

/* ---- What waits for a later ledger */

static void write_waiting(struct rpc_call *c, const struct shown *s, const struct node_queued *q)
{
	struct row r = {.id = q->tx->id, .tx = q->tx->blob};
	struct jw *w = &c->w;

	jw_open(w, '{');
	queue_write_tx(w, q);
	jw_put_str(w, "account", account_text(&q->tx->account).s);
	jw_put_u64(w, "retries_remaining", q->retries);
	jw_put_str(w, "preflight_result", result_name(tesSUCCESS));
	if (q->last != terQUEUED)
		jw_put_str(w, "last_result", result_name(q->last));
	if (c->version > 1 && !s->expand) {
		jw_put_hash(w, "hash", &r.id);
	} else if (c->version > 1) {
		write_tx_members(c, s, &r);
	} else {
		jw_key(w, "tx");
		write_tx(c, s, &r);
	}
	jw_end(w, '}');
}

static void write_queue(struct rpc_call *c, const struct shown *s)
{
	struct node_queued *q = mem_alloc(QUEUE_SHOWN_MAX * sizeof(*q));
	uint32_t n = node_queued(c->host->node, NULL, q, QUEUE_SHOWN_MAX);

	if (n)
		jw_put_open(&c->w, "queue_data", '[');
	for (uint32_t i = 0; i < n && c->w.out.n <= RPC_STATE_REPLY_MAX; i++)
		write_waiting(c, s, &q[i]);
	if (n)
		jw_end(&c->w, ']');
	mem_free(q);
}

static void write_warnings(struct rpc_call *c)
{
	struct jw *w = &c->w;

	if (!p_has(c, "type"))
		return;
	jw_put_open(w, "warnings", '[');
	jw_open(w, '{');
	jw_put_u64(w, "id", 2004);
	jw_put_str(w, "message",
		   "Some fields from your request are deprecated. Please check the "
		   "documentation at "
		   "https://xrpl.org/docs/references/http-websocket-apis/ and update your "
		   "request. Field `type` is deprecated.");
	jw_end(w, '}');
	jw_end(w, ']');
}

static bool more_body(struct rpc_call *c)
{
	struct body *b = c->later.walk;
	size_t end = c->w.out.n + RPC_PIECE_BYTES;

	while (b->at != BODY_END && c->w.out.n < end && !c->fault.token) {
		if (b->at == BODY_TXS)
			one_tx(c, b);
		else
			some_state(c, b);
	}
	if (b->at != BODY_END && !c->fault.token)
		return true;
	end_array(c, b);
	jw_end(&c->w, '}');
	if (b->shown.queue && !c->fault.token)
		write_queue(c, &b->shown);
	write_warnings(c);
	if (c->fault.token && !c->in_pieces)
		rpc_forget_written(c);
	return false;
}

static void write_body(struct rpc_call *c, const struct shown *s)
{
	struct body *b = mem_zalloc(1, sizeof(*b));

	b->shown = *s;
	c->later = (struct rpc_later){
	    .kind = RPC_REPLY_IN_PIECES, .more = more_body, .walk = b, .end_walk = body_end};
}

/* What is charged for more than a header (rippled charges for the state alone). */
static void price(struct rpc_call *c, const struct shown *s)
{
	if (s->accounts)
		c->cost = s->binary ? RPC_COST_MEDIUM : RPC_COST_HEAVY;
	else if (s->transactions && s->expand)
		c->cost = RPC_COST_MEDIUM;
}

/* Without a selector: the last closed and the open one. */
static void write_both(struct rpc_call *c)
{
	struct ledger *closed = node_closed(c->host->node);
	struct view *open = node_open_view(c->host->node);

	if (!closed || !open) {
		rpc_fail_behind(c, RPC_NO_CURRENT);
		return;
	}
	c->ledger = (struct rpc_ledger){.closed = ledger_ref(closed)};
	jw_put_open(&c->w, "closed", '{');
	write_bare(c);
	jw_end(&c->w, '}');
	rpc_ledger_drop(&c->ledger);
	c->ledger = (struct rpc_ledger){.open = open};
	jw_put_open(&c->w, "open", '{');
	write_bare(c);
	jw_end(&c->w, '}');
}

void method_ledger(struct rpc_call *c)
{
	struct shown s = {0};

	if (!parse_shown(c, &s))
		return;
	if (!p_has(c, "ledger") && !p_has(c, "ledger_hash") && !p_has(c, "ledger_index")) {
		write_both(c);
		write_warnings(c);
		return;
	}
	if (!rpc_lookup_ledger(c))
		return;
	price(c, &s);
	if (s.accounts && !c->from.admin)
		rpc_fail(c, RPC_NO_PERMISSION);
	else if (s.queue && c->ledger.closed)
		rpc_fail(c, RPC_INVALID_PARAMS);
	if (c->fault.token) {
		rpc_forget_written(c);
		return;
	}
	jw_put_open(&c->w, "ledger", '{');
	write_header(c, s.binary);
	write_body(c, &s);
}

void method_ledger_header(struct rpc_call *c)
{
	uint8_t bytes[LEDGER_HEADER_BYTES];

	if (!rpc_lookup_ledger(c))
		return;
	if (c->ledger.closed) {
		ledger_header_encode(bytes, &c->ledger.closed->header);
		jw_put_hex(&c->w, "ledger_data", bytes, sizeof(bytes));
	}
	write_bare(c);
}

void method_ledger_closed(struct rpc_call *c)
{
	const struct ledger *l = node_closed(c->host->node);

	must(l != NULL); /* the method's condition */
	jw_put_hash(&c->w, "ledger_hash", &l->hash);
	jw_put_u64(&c->w, "ledger_index", l->header.seq);
}

void method_ledger_current(struct rpc_call *c)
{
	const struct view *v = node_open_view(c->host->node);

	if (v)
		jw_put_u64(&c->w, "ledger_current_index", view_get_info(v)->seq);
	else
		rpc_fail_behind(c, RPC_NO_CURRENT);
}
