/* SPDX-License-Identifier: ISC */
#include "rpc/methods.h"

#include "base/limits.h"
#include "crypto/base58.h"

/* account_tx (rippled: AccountTx.cpp). */

struct range {
	uint32_t min, max;
};

struct page {
	struct rpc_call *c;
	bool binary;
	/* The ledger of the row before: rows of one ledger come together. */
	uint32_t seq;
	struct hash256 hash;
	struct net_time close;
};

static bool ledger_of_row(struct page *p, uint32_t seq)
{
	struct ledger_header h;

	if (p->seq == seq)
		return true;
	if (!rpc_header_of(p->c->host, seq, &h, &p->hash))
		return rpc_fail_unavailable(p->c);
	p->seq = seq;
	p->close = h.close;
	return true;
}

static void write_row_binary(struct page *p, const struct history_tx *row)
{
	struct jw *w = &p->c->w;

	jw_put_hex(w, "tx_blob", row->blob.p, row->blob.n);
	jw_put_hex(w, p->c->version > 1 ? "meta_blob" : "meta", row->meta.p, row->meta.n);
	jw_put_u64(w, "ledger_index", row->ledger_seq);
}

static void write_row_json(struct page *p, const struct history_tx *row, const struct st_object *tx,
			   const struct st_object *meta)
{
	struct rpc_call *c = p->c;
	struct jw *w = &c->w;
	json_t *shown = tj_tx(tx, &row->id, c->version);
	char iso[ISO_TEXT_MAX];

	json_object_set_new(shown, "ledger_index", json_integer(row->ledger_seq));
	json_object_set_new(shown, "date", json_integer(p->close.s));
	if (c->version == 1)
		json_object_set_new(shown, "inLedger", json_integer(row->ledger_seq));
	jw_put_json(w, c->version > 1 ? "tx_json" : "tx", shown);
	json_decref(shown);
	shown = tj_meta(meta, tx);
	jw_put_json(w, "meta", shown);
	json_decref(shown);
	if (c->version == 1)
		return;
	jw_put_hash(w, "hash", &row->id);
	jw_put_u64(w, "ledger_index", row->ledger_seq);
	jw_put_hash(w, "ledger_hash", &p->hash);
	tj_iso_time(iso, p->close);
	jw_put_str(w, "close_time_iso", iso);
}

static bool visit(void *ctx, const struct history_tx *row)
{
	struct page *p = ctx;
	struct rpc_call *c = p->c;
	const struct st_object *tx = NULL, *meta = NULL;

	if (c->w.out.n > RPC_REPLY_SOFT_MAX || c->fault.token)
		return false;
	if (!p->binary) {
		if (!ledger_of_row(p, row->ledger_seq))
			return false;
		tx = tj_decode(c, row->blob);
		meta = tx ? tj_decode(c, row->meta) : NULL;
		if (!meta)
			return false;
	}
	jw_open(&c->w, '{');
	if (p->binary)
		write_row_binary(p, row);
	else
		write_row_json(p, row, tx, meta);
	jw_put_bool(&c->w, "validated", true);
	jw_end(&c->w, '}');
	arena_reset(&c->arena);
	return true;
}

/* ledger_index_min or _max: negative and absent mean the end of what there is. */
static bool range_end(struct rpc_call *c, const char *key, uint32_t none, uint32_t *out)
{
	const json_t *v = json_object_get(c->p, key);

	*out = none;
	if (!v || (json_is_integer(v) && json_integer_value(v) < 0))
		return true;
	return json_to_u32(v, out) ? true : rpc_fail(c, RPC_INVALID_PARAMS);
}

static bool range_of_bounds(struct rpc_call *c, const struct range *held, struct range *out)
{
	uint32_t min, max;

	if (!range_end(c, "ledger_index_min", 0, &min) ||
	    !range_end(c, "ledger_index_max", UINT32_MAX, &max))
		return false;
	if (c->version > 1 &&
	    ((max > held->max && max != UINT32_MAX) || (min < held->min && min != 0)))
		return rpc_fail(c, RPC_LGR_IDX_MALFORMED);
	out->min = min > held->min ? min : held->min;
	out->max = max < held->max ? max : held->max;
	if (out->max < out->min)
		return rpc_fail(c, c->version == 1 ? RPC_LGR_IDXS_INVALID : RPC_INVALID_LGR_RANGE);
	return true;
}

/* One ledger, by hash or index. Those that can be searched need not be here with their state. */
static bool range_of_ledger(struct rpc_call *c, const struct range *held, struct range *out)
{
	const struct history *h = c->host->history;
	const json_t *index = json_object_get(c->p, "ledger_index");
	struct ledger_header header;
	struct hash256 hash, there;
	uint32_t seq = 0;

	if (json_to_hash(json_object_get(c->p, "ledger_hash"), &hash)) {
		if (h->seq_of_hash(h->ctx, &hash, &seq) != ERR_NONE ||
		    !rpc_header_of(c->host, seq, &header, &there) || !hash256_eq(&hash, &there))
			seq = 0;
	} else if (!json_to_u32(index, &seq)) {
		seq = 0;
	}
	if (seq < held->min || seq > held->max || seq == 0) {
		if (!rpc_select_ledger(c))
			return false;
		seq = c->ledger.seq;
		if (!c->ledger.validated || seq > held->max || seq < held->min)
			return rpc_fail(c, RPC_LGR_NOT_VALIDATED);
	}
	out->min = out->max = seq;
	return true;
}

static bool fail_ledger(struct rpc_call *c, const char *what)
{
	return rpc_fail_text(c, RPC_INVALID_PARAMS, "%s", what);
}

/* What is asked for must be well-formed, whatever is there. */
static bool check_ledger_args(struct rpc_call *c, bool bounds)
{
	const json_t *hash = json_object_get(c->p, "ledger_hash");
	const json_t *index = json_object_get(c->p, "ledger_index");
	const char *word = json_string_value(index);
	struct hash256 parsed;

	if (bounds && c->version > 1 && (hash || index))
		return fail_ledger(c, "invalidParams");
	if (bounds || (!hash && !index))
		return true;
	if (hash && !json_is_string(hash))
		return fail_ledger(c, "ledgerHashNotString");
	if (hash)
		return json_to_hash(hash, &parsed) ? true : fail_ledger(c, "ledgerHashMalformed");
	if (json_is_integer(index) ||
	    (word && (!*word || strcmp(word, "current") == 0 || strcmp(word, "closed") == 0 ||
		      strcmp(word, "validated") == 0)))
		return true;
	return fail_ledger(c, "ledger_index string malformed");
}

static bool range_of_request(struct rpc_call *c, bool bounds, struct range *out)
{
	struct history_range r = rpc_searchable(c->host);
	struct range held = {r.first, r.last};

	c->holds = RPC_HOLDS_TIP;
	if (r.first == 0)
		return rpc_fail_behind(c, RPC_LGR_IDXS_INVALID);
	if (bounds)
		return range_of_bounds(c, &held, out);
	if (p_has(c, "ledger_hash") || p_has(c, "ledger_index"))
		return range_of_ledger(c, &held, out);
	*out = held;
	return true;
}

/* The marker: where the page before ended. */
static bool parse_marker(struct rpc_call *c, uint32_t from[2], bool *given)
{
	const json_t *m = json_object_get(c->p, "marker");

	*given = m != NULL;
	if (!m || (json_to_u32(json_object_get(m, "ledger"), &from[0]) &&
		   json_to_u32(json_object_get(m, "seq"), &from[1])))
		return true;
	return rpc_fail_text(c, RPC_INVALID_PARAMS,
			     "invalid marker. Provide ledger index via ledger field, and "
			     "transaction sequence number via seq field");
}

static void write_page(struct rpc_call *c, const struct account_id *id, const struct range *range,
		       const uint32_t *from, uint32_t limit, bool binary)
{
	const struct history *h = c->host->history;
	struct page page = {.c = c, .binary = binary};
	struct jw *w = &c->w;
	uint32_t next[2] = {0, 0};
	bool more = false;
	enum err e;

	jw_put_bool(w, "validated", true);
	jw_put_u64(w, "limit", limit);
	jw_put_str(w, "account", account_text(id).s);
	jw_put_u64(w, "ledger_index_min", range->min);
	jw_put_u64(w, "ledger_index_max", range->max);
	jw_put_open(w, "transactions", '[');
	e = h->account_txs(h->ctx, id, range->min, range->max, p_truthy(c, "forward"), from, limit,
			   visit, &page, &more, next);
	jw_end(w, ']');
	if (e != ERR_NONE && e != ERR_ABSENT)
		rpc_fail_unavailable(c);
	if (c->fault.token) {
		rpc_forget_written(c);
		return;
	}
	if (!more)
		return;
	jw_put_open(w, "marker", '{');
	jw_put_u64(w, "ledger", next[0]);
	jw_put_u64(w, "seq", next[1]);
	jw_end(w, '}');
}

void method_account_tx(struct rpc_call *c)
{
	const char *text;
	struct account_id id;
	struct range range = {0, 0};
	uint32_t from[2], limit;
	bool marked, flag, bounds;

	if (c->version > 1 && (!p_flag(c, "binary", &flag) || !p_flag(c, "forward", &flag)))
		return;
	if (!p_limit(c, &limit) || !p_account_text(c, "account", &text))
		return;
	if (account_parse(&id, text) != ERR_NONE) {
		rpc_fail(c, RPC_ACT_MALFORMED);
		return;
	}
	bounds = p_has(c, "ledger_index_min") || p_has(c, "ledger_index_max");
	if (!check_ledger_args(c, bounds) || !parse_marker(c, from, &marked) ||
	    !range_of_request(c, bounds, &range))
		return;
	write_page(c, &id, &range, marked ? from : NULL, limit, p_truthy(c, "binary"));
}
