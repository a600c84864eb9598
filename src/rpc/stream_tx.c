/* SPDX-License-Identifier: ISC */
#include "rpc/streams.h"

#include "base/limits.h"
#include "codec/number_math.h"
#include "ledger/affected.h"
#include "rpc/history_feed.h"
#include "rpc/state.h"
#include "rpc/subs.h"

#include <stdlib.h>

/* Messages about transactions (rippled: NetworkOPs.cpp, transJson and what calls it). */

#define INNER_BATCH 0x40000000u /* tfInnerBatchTxn */

static void write_tx_place(struct jw *w, const struct tx_message *m)
{
	char iso[ISO_TEXT_MAX];

	if (!m->validated) {
		jw_put_u64(w, "ledger_current_index", m->seq);
		jw_put_bool(w, "validated", false);
		return;
	}
	jw_put_hash(w, "ledger_hash", &m->ledger_hash);
	jw_put_u64(w, "ledger_index", m->seq);
	jw_put_bool(w, "validated", true);
	tj_iso_time(iso, m->close);
	jw_put_str(w, "close_time_iso", iso);
}

static void write_ctid(struct jw *w, const struct tx_message *m)
{
	uint32_t index = st_u32_or(m->meta, sfTransactionIndex, UINT32_MAX);
	char ctid[17];

	if (tj_ctid(ctid, m->seq, index, st_u32_or(m->tx, sfNetworkID, m->r->network_id)))
		jw_put_str(w, "ctid", ctid);
}

static void write_history(struct jw *w, const struct tx_message *m)
{
	jw_put_i64(w, "account_history_tx_index", m->index);
	if (m->first)
		jw_put_bool(w, "account_history_tx_first", true);
	if (m->boundary)
		jw_put_bool(w, "account_history_boundary", true);
}

void stream_write_tx(struct jw *w, void *ctx, unsigned version)
{
	const struct tx_message *m = ctx;
	json_t *shown = tj_tx(m->tx, &m->id, version);

	jw_put_str(w, "type", "transaction");
	if (m->validated)
		json_object_set_new(shown, "date", json_integer(m->close.s));
	if (m->owner_funds)
		json_object_set_new(shown, "owner_funds", json_string(m->owner_funds));
	jw_put_json(w, version > 1 ? "tx_json" : "transaction", shown);
	json_decref(shown);
	if (version > 1)
		jw_put_hash(w, "hash", &m->id);
	write_tx_place(w, m);
	if (m->meta) {
		write_ctid(w, m);
		shown = tj_meta(m->meta, m->tx);
		jw_put_json(w, "meta", shown);
		json_decref(shown);
	}
	if (m->in_history)
		write_history(w, m);
	jw_put_str(w, "status", m->validated ? "closed" : "proposed");
	tj_result(w, m->result, NULL);
}

/* What the sender of an OfferCreate has of what it offers, in this ledger, unless it issues that
 * itself. NULL: nothing to tell. */
static const char *offered_funds(struct rpc *r, const struct rpc_ledger *at,
				 const struct st_object *tx, char text[AMOUNT_TEXT_MAX])
{
	struct rpc_call c = {.r = r, .host = &r->host, .ledger = *at};
	struct account_id sender;
	struct amount gets;
	struct bytes raw;
	uint16_t type;

	if (!st_get_u16(tx, sfTransactionType, &type) || type != ttOfferCreate ||
	    !st_get_account(tx, sfAccount, &sender) || !st_get_raw(tx, sfTakerGets, &raw) ||
	    amount_decode(&gets, raw) != ERR_NONE ||
	    (gets.kind != AMOUNT_XRP && account_eq(&gets.issuer, &sender)))
		return NULL;
	gets = book_funds(&c, &sender, &gets, true);
	arena_close(&c.arena);
	if (c.fault.token)
		return NULL;
	amount_server_text(text, &gets);
	return text;
}

static void publish_books(struct broadcast *b, const struct tx_message *m, struct arena *a)
{
	struct hash256 *books;
	size_t n;

	if (m->result != tesSUCCESS || !subs_has_topics(m->r->subs, SUB_BOOKS))
		return;
	n = stream_books_of(m->meta, a, &books);
	for (size_t i = 0; i < n; i++)
		broadcast_topic(b, SUB_BOOKS, &books[i]);
	broadcast_next_round(b);
}

static void publish_accounts(struct broadcast *b, struct tx_message *m, struct arena *a, bool last)
{
	struct subs *s = m->r->subs;
	struct account_id *accounts;
	size_t n;

	if (!subs_has_topics(s, SUB_ACCOUNTS) && !subs_has_topics(s, SUB_ACCOUNTS_PROPOSED) &&
	    !subs_has_topics(s, SUB_HISTORIES))
		return;
	n = affected_accounts(m->meta, a, &accounts);
	for (size_t i = 0; i < n; i++) {
		struct hash256 key = topic_of_account(&accounts[i]);

		broadcast_topic(b, SUB_ACCOUNTS, &key);
		broadcast_topic(b, SUB_ACCOUNTS_PROPOSED, &key);
	}
	for (size_t i = 0; i < n; i++)
		history_feeds_tx(m, &accounts[i], last);
}

static void publish_validated(struct rpc *r, struct tx_message *m, struct arena *a, bool last)
{
	struct broadcast b;

	broadcast_begin(&b, r->subs, stream_write_tx, m);
	broadcast_stream(&b, STREAM_TRANSACTIONS);
	broadcast_stream(&b, STREAM_PROPOSED);
	publish_books(&b, m, a);
	publish_accounts(&b, m, a, last);
	broadcast_end(&b);
}

/* Transactions of a ledger in the order in which they were applied. */
struct ledger_tx {
	struct hash256 id;
	struct bytes tx, meta;
	uint32_t index;
};

static int by_index(const void *a, const void *b)
{
	const struct ledger_tx *x = a, *y = b;

	if (x->index != y->index)
		return x->index < y->index ? -1 : 1;
	return hash256_cmp(&x->id, &y->id);
}

/* TransactionIndex: canonical metadata begins with it (type UINT32, number 28), so that there is no
 * need to decode all of it for this. */
static uint32_t index_of(struct bytes meta)
{
	must(sfTransactionIndex == ((ST_UINT32 << 16) | 28));
	if (meta.n < 6 || meta.p[0] != 0x20 || meta.p[1] != 28)
		return UINT32_MAX;
	return load_be32(meta.p + 2);
}

static struct ledger_tx *collect(const struct ledger *l, uint32_t *count)
{
	struct ledger_tx *list = NULL;
	uint32_t n = 0, cap = 0;
	struct hash256 id, at;
	struct bytes leaf;
	enum found f = tree_next(&l->txs, NULL, &id, &leaf);

	while (f == FOUND && n < LEDGER_TX_MAX) {
		if (n == cap) {
			cap = cap ? 2 * cap : 64;
			list = mem_resize(list, cap, sizeof(*list));
		}
		list[n] = (struct ledger_tx){.id = id};
		if (tx_leaf_split(leaf, &list[n].tx, &list[n].meta) == ERR_NONE) {
			list[n].index = index_of(list[n].meta);
			n++;
		}
		at = id;
		f = tree_next(&l->txs, &at, &id, &leaf);
	}
	if (n > 0)
		qsort(list, n, sizeof(*list), by_index);
	*count = n;
	return list;
}

static void publish_all(struct rpc *r, struct ledger *l, const struct ledger_tx *list, uint32_t n)
{
	struct rpc_ledger at = {.closed = l, .seq = l->header.seq, .validated = true};
	struct arena a = ARENA_INIT;
	char funds[AMOUNT_TEXT_MAX];

	for (uint32_t i = 0; i < n; i++) {
		struct tx_message m = {.r = r,
				       .validated = true,
				       .seq = l->header.seq,
				       .ledger_hash = l->hash,
				       .close = l->header.close,
				       .id = list[i].id};
		struct st_object *tx, *meta;
		uint8_t result = 0;

		if (st_decode(&tx, &a, list[i].tx, NULL) == ERR_NONE &&
		    st_decode(&meta, &a, list[i].meta, NULL) == ERR_NONE) {
			st_get_u8(meta, sfTransactionResult, &result);
			m.tx = tx;
			m.meta = meta;
			m.result = (enum ter)result;
			m.owner_funds = offered_funds(r, &at, tx, funds);
			publish_validated(r, &m, &a, i + 1 == n);
		}
		arena_reset(&a);
	}
	arena_close(&a);
}

static bool anybody(const struct subs *s)
{
	for (int i = 0; i < TOPIC_KINDS; i++)
		if (subs_has_topics(s, (enum topic)i))
			return true;
	return subs_has_stream(s, STREAM_TRANSACTIONS) || subs_has_stream(s, STREAM_PROPOSED);
}

void stream_publish_txs(struct rpc *r, struct ledger *l)
{
	struct ledger_tx *list;
	uint32_t n;

	if (!anybody(r->subs))
		return;
	list = collect(l, &n);
	publish_all(r, l, list, n);
	mem_free(list);
}

/* ---- transactions_proposed */

static void broadcast_mention(struct broadcast *b, const struct account_id *id)
{
	struct hash256 key = topic_of_account(id);

	broadcast_topic(b, SUB_ACCOUNTS_PROPOSED, &key);
}

/* Accounts that a transaction names: its account fields and the issuers of its amounts. */
static void broadcast_mentioned(struct broadcast *b, const struct st_object *tx)
{
	for (uint32_t i = 0; i < tx->n; i++) {
		const struct st_value *v = &tx->v[i];
		struct account_id id;
		struct amount amount;

		if (sf_type(v->field) == ST_ACCOUNT && st_get_account(tx, v->field, &id))
			broadcast_mention(b, &id);
		if (sf_type(v->field) == ST_AMOUNT && amount_decode(&amount, v->raw) == ERR_NONE &&
		    amount.kind == AMOUNT_IOU)
			broadcast_mention(b, &amount.issuer);
	}
}

void rpc_on_proposed(struct rpc *r, const struct tx *tx, enum ter result)
{
	struct view *open = node_open_view(r->host.node);
	struct tx_message m = {.r = r, .id = tx->id, .tx = tx->fields, .result = result};
	struct rpc_ledger at = {.open = open};
	char funds[AMOUNT_TEXT_MAX];
	struct broadcast b;

	if (subs_has_stream(r->subs, STREAM_SERVER))
		stream_publish_fees(r);
	if (!subs_has_stream(r->subs, STREAM_PROPOSED) &&
	    !subs_has_topics(r->subs, SUB_ACCOUNTS_PROPOSED))
		return;
	if (st_u32_or(tx->fields, sfFlags, 0) & INNER_BATCH)
		return; /* its batch is what is published */
	m.seq = open ? view_get_info(open)->seq : 0;
	m.owner_funds = open ? offered_funds(r, &at, tx->fields, funds) : NULL;
	broadcast_begin(&b, r->subs, stream_write_tx, &m);
	broadcast_stream(&b, STREAM_PROPOSED);
	broadcast_mentioned(&b, tx->fields);
	broadcast_end(&b);
}
