/* SPDX-License-Identifier: ISC */
#include "rpc/methods.h"

#include "codec/number_math.h"
#include "crypto/base58.h"
#include "ledger/affected.h"

#include <stdlib.h>

/* get_aggregate_price: mean, median and deviation of what several oracles say of a pair of assets
 * (rippled: GetAggregatePrice.cpp). */

#define ORACLES_MAX 200
#define HISTORY_MAX 3 /* earlier states of an oracle that are looked at */
#define TRIM_MAX    25

struct price {
	uint32_t time;
	struct amount value;
};

struct survey {
	struct currency base, quote;
	uint32_t trim, threshold;
	struct price v[ORACLES_MAX];
	uint32_t n;
};

/* ---- The request */

static bool parse_u32(struct rpc_call *c, const char *key, uint32_t *out)
{
	const json_t *v = json_object_get(c->p, key);

	*out = 0;
	if (!v || json_to_u32(v, out))
		return true;
	return rpc_fail(c, RPC_INVALID_PARAMS);
}

static bool parse_asset(struct rpc_call *c, const char *key, struct currency *out)
{
	const json_t *v = json_object_get(c->p, key);
	size_t n = json_string_length(v);

	if (n > 0 && (currency_parse(out, json_string_value(v), n) == ERR_NONE))
		return true;
	return rpc_fail(c, RPC_INVALID_PARAMS);
}

static bool parse(struct rpc_call *c, struct survey *s)
{
	const json_t *oracles = json_object_get(c->p, "oracles");

	if (!oracles)
		return rpc_fail_missing(c, "oracles");
	if (!json_is_array(oracles) || json_array_size(oracles) == 0 ||
	    json_array_size(oracles) > ORACLES_MAX)
		return rpc_fail(c, RPC_ORACLE_MALFORMED);
	if (!p_has(c, "base_asset"))
		return rpc_fail_missing(c, "base_asset");
	if (!p_has(c, "quote_asset"))
		return rpc_fail_missing(c, "quote_asset");
	if (!parse_u32(c, "trim", &s->trim))
		return false;
	if (p_has(c, "trim") && (s->trim == 0 || s->trim > TRIM_MAX))
		return rpc_fail(c, RPC_INVALID_PARAMS);
	return parse_u32(c, "time_threshold", &s->threshold) &&
	       parse_asset(c, "base_asset", &s->base) && parse_asset(c, "quote_asset", &s->quote);
}

/* ---- What an oracle says */

static bool is_currency(const struct st_object *o, enum sf f, const struct currency *wanted)
{
	struct bytes raw;

	return st_get_raw(o, f, &raw) && raw.n == sizeof(wanted->b) &&
	       memcmp(raw.p, wanted->b, raw.n) == 0;
}

/* A price of the pair in the series of an oracle, or of a state it had. */
static bool price_of(const struct survey *s, const struct st_object *oracle, struct price *out)
{
	const struct st_array *series = st_get_array(oracle, sfPriceDataSeries);
	struct number n;
	uint64_t price;
	uint8_t scale;

	for (uint32_t i = 0; series && i < series->n; i++) {
		const struct st_object *o = series->e[i].object;
		struct amount like = {.kind = AMOUNT_IOU};

		if (!is_currency(o, sfBaseAsset, &s->base) ||
		    !is_currency(o, sfQuoteAsset, &s->quote) ||
		    !st_get_u64(o, sfAssetPrice, &price) || price > INT64_MAX)
			continue;
		scale = 0;
		st_get_u8(o, sfScale, &scale);
		n = number_of_int((int64_t)price);
		if (price)
			n.exponent -= scale;
		if (amount_of_number(&out->value, &n, &like) != ERR_NONE)
			return false;
		out->time = st_u32_or(oracle, sfLastUpdateTime, 0);
		return true;
	}
	return false;
}

/* What a transaction made of an oracle: the node of its metadata, and the state within. */
static bool state_after(struct rpc_call *c, const struct hash256 *tx, const struct st_object **node,
			const struct st_object **state, bool *is_new)
{
	const struct history *h = c->host->history;
	struct buf bytes = BUF_INIT;
	struct history_tx row;
	const struct st_array *nodes = NULL;
	struct st_object *meta;
	uint16_t type;
	uint8_t *kept;

	if (h->tx(h->ctx, tx, &row, &bytes) == ERR_NONE) {
		kept = arena_alloc(&c->arena, row.meta.n ? row.meta.n : 1);
		if (row.meta.n)
			memcpy(kept, row.meta.p, row.meta.n);
		if (st_decode(&meta, &c->arena, bytes_of(kept, row.meta.n), NULL) == ERR_NONE)
			nodes = st_get_array(meta, sfAffectedNodes);
	}
	buf_close(&bytes);
	for (uint32_t i = 0; nodes && i < nodes->n; i++) {
		const struct st_object *o = nodes->e[i].object;

		if (!st_get_u16(o, sfLedgerEntryType, &type) || type != ltOracle)
			continue;
		*node = o;
		*is_new = st_has(o, sfNewFields);
		*state = st_get_object(o, *is_new ? sfNewFields : sfFinalFields);
		return *state != NULL;
	}
	return false;
}

/* The newest price of the pair within the oracle's last states. */
static bool newest_price(struct rpc_call *c, const struct survey *s, const struct st_object *oracle,
			 struct price *out)
{
	const struct st_object *state = oracle, *node = oracle;
	struct hash256 tx;
	bool is_new = false;

	for (int history = 1;; history++) {
		if (price_of(s, state, out))
			return true;
		if (is_new || history > HISTORY_MAX ||
		    !st_get_hash256(node, sfPreviousTxnID, &tx) ||
		    !state_after(c, &tx, &node, &state, &is_new) || (is_new && history == 1))
			return false;
	}
}

static bool ask_oracle(struct rpc_call *c, struct survey *s, const json_t *v)
{
	static const struct account_id nobody;
	const json_t *document = json_object_get(v, "oracle_document_id");
	const json_t *account = json_object_get(v, "account");
	const struct st_object *oracle;
	struct account_id id;
	uint32_t number;

	if (!document || !account)
		return rpc_fail(c, RPC_ORACLE_MALFORMED);
	if (!json_to_u32(document, &number) || !json_to_account(account, &id) ||
	    account_eq(&id, &nobody))
		return rpc_fail(c, RPC_INVALID_PARAMS);
	switch (rpc_entry(c, keylet_oracle(&id, number), &oracle)) {
	case FOUND:
		s->n += newest_price(c, s, oracle, &s->v[s->n]);
		return true;
	case ABSENT:
		return true;
	case UNAVAILABLE:
		return false;
	}
	return false;
}

static bool ask_all(struct rpc_call *c, struct survey *s)
{
	const json_t *oracles = json_object_get(c->p, "oracles");

	for (size_t i = 0; i < json_array_size(oracles); i++)
		if (!ask_oracle(c, s, json_array_get(oracles, i)))
			return false;
	return s->n ? true : rpc_fail(c, RPC_OBJECT_NOT_FOUND);
}

/* ---- Statistics */

static int by_value(const void *a, const void *b)
{
	const struct price *x = a, *y = b;
	int order = amount_cmp(&x->value, &y->value);

	/* Those of one price count alike; the time makes the order total. */
	return order ? order : (x->time > y->time) - (x->time < y->time);
}

/* Leaves those that are not older than the newest by more than the threshold. */
static uint32_t drop_old(struct survey *s)
{
	uint32_t newest = 0, kept = 0;

	for (uint32_t i = 0; i < s->n; i++)
		if (s->v[i].time > newest)
			newest = s->v[i].time;
	if (s->threshold && newest > s->threshold) {
		for (uint32_t i = 0; i < s->n; i++)
			if (s->v[i].time >= newest - s->threshold)
				s->v[kept++] = s->v[i];
		s->n = kept;
	}
	qsort(s->v, s->n, sizeof(s->v[0]), by_value);
	return newest;
}

static struct amount count_of(uint32_t n)
{
	struct number number = number_of_int(n);
	struct amount a = {.kind = AMOUNT_IOU};

	if (amount_of_number(&a, &number, &a) != ERR_NONE)
		must(false); /* of at most ORACLES_MAX */
	return a;
}

static enum err mean_of(const struct price *v, uint32_t n, struct amount *mean)
{
	struct amount count = count_of(n);
	enum err e = ERR_NONE;

	*mean = (struct amount){.kind = AMOUNT_IOU, .exponent = -100};
	for (uint32_t i = 0; e == ERR_NONE && i < n; i++)
		e = amount_add(mean, mean, &v[i].value);
	return e == ERR_NONE ? amount_div(mean, mean, &count, mean) : e;
}

static enum err deviation_of(const struct price *v, uint32_t n, const struct amount *mean,
			     struct number *out)
{
	struct number divisor = number_of_int((int64_t)n - 1), square;
	struct amount apart;
	enum err e = ERR_NONE;

	*out = number_of_int(0);
	for (uint32_t i = 0; n > 1 && e == ERR_NONE && i < n; i++) {
		struct number d;

		e = amount_sub(&apart, &v[i].value, mean);
		d = number_of_amount(&apart);
		if (e == ERR_NONE)
			e = number_mul(&square, &d, &d);
		if (e == ERR_NONE)
			e = number_add(out, out, &square);
	}
	if (n > 1 && e == ERR_NONE)
		e = number_div(out, out, &divisor);
	return e == ERR_NONE ? number_sqrt(out, out) : e;
}

static void put_amount(struct jw *w, const char *key, const struct amount *a)
{
	char text[AMOUNT_TEXT_MAX];

	amount_server_text(text, a);
	jw_put_str(w, key, text);
}

static enum err write_set(struct jw *w, const char *key, const struct price *v, uint32_t n)
{
	char text[NUMBER_TEXT_MAX];
	struct amount mean;
	struct number deviation;
	enum err e = mean_of(v, n, &mean);

	if (e == ERR_NONE)
		e = deviation_of(v, n, &mean, &deviation);
	if (e != ERR_NONE)
		return e;
	number_text(text, &deviation);
	jw_put_open(w, key, '{');
	put_amount(w, "mean", &mean);
	jw_put_u64(w, "size", n);
	jw_put_str(w, "standard_deviation", text);
	jw_end(w, '}');
	return ERR_NONE;
}

static enum err write_median(struct jw *w, const struct survey *s)
{
	struct amount two = count_of(2), median = s->v[s->n / 2].value;
	enum err e = ERR_NONE;

	if (s->n % 2 == 0) {
		e = amount_add(&median, &s->v[s->n / 2 - 1].value, &median);
		if (e == ERR_NONE)
			e = amount_div(&median, &median, &two, &median);
	}
	if (e == ERR_NONE)
		put_amount(w, "median", &median);
	return e;
}

static void write_survey(struct rpc_call *c, struct survey *s)
{
	uint32_t newest = drop_old(s), cut = s->n * s->trim / 100;
	struct jw *w = &c->w;
	enum err e;

	jw_put_u64(w, "time", newest);
	e = write_set(w, "entire_set", s->v, s->n);
	if (e == ERR_NONE)
		e = write_median(w, s);
	if (e == ERR_NONE && s->trim)
		e = write_set(w, "trimmed_set", s->v + cut, s->n - 2 * cut);
	if (e != ERR_NONE)
		rpc_fail(c, RPC_INTERNAL);
}

void method_get_aggregate_price(struct rpc_call *c)
{
	struct survey *s = arena_zalloc(&c->arena, 1, sizeof(*s));

	if (!parse(c, s) || !rpc_lookup_ledger(c))
		return;
	if (ask_all(c, s))
		write_survey(c, s);
}
