/* SPDX-License-Identifier: ISC */
#include "refund.h"

#include "codec/st.h"
#include "crypto/base58.h"

#include <stdio.h>
#include <stdlib.h>

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static bool is(const json_t *o, const char *key, const char *what)
{
	return !strcmp(text(o, key), what);
}

static bool drops_of_text(const json_t *v, struct drops *out)
{
	const char *s = json_string_value(v);
	uint64_t n;
	char *end;

	if (!s || *s < '0' || *s > '9' || strlen(s) > 18)
		return false;
	n = strtoull(s, &end, 10);
	*out = drops_of(n);
	return !*end && n <= DROPS_MAX;
}

static bool account_of(const json_t *o, const char *key, struct account_id *out)
{
	return account_parse(out, text(o, key)) == ERR_NONE;
}

static bool u32_of(const json_t *o, const char *key, uint32_t *out)
{
	const json_t *v = json_object_get(o, key);

	*out = (uint32_t)json_integer_value(v);
	return json_is_integer(v) && json_integer_value(v) >= 0 &&
	       json_integer_value(v) <= UINT32_MAX;
}

enum err refund_original_read(struct refund_original *out, const json_t *answer,
			      const struct account_id *wallet, struct why *why)
{
	const json_t *tx = json_object_get(answer, "tx_json");
	const json_t *meta = json_object_get(answer, "meta");

	*out = (struct refund_original){.ledger = 0};
	if (!json_is_true(json_object_get(answer, "validated")))
		return why_set(why, ERR_STATE, "it is not validated");
	if (!is(tx, "TransactionType", "Payment"))
		return why_set(why, ERR_INVALID, "it is no payment");
	if (!is(meta, "TransactionResult", "tesSUCCESS"))
		return why_set(why, ERR_INVALID, "it has paid nothing: %s",
			       text(meta, "TransactionResult"));
	if (!account_of(tx, "Account", &out->from) || !account_of(tx, "Destination", &out->to) ||
	    !account_eq(&out->to, wallet))
		return why_set(why, ERR_INVALID, "it was not paid to %s", account_text(wallet).s);
	if (account_eq(&out->from, wallet))
		return why_set(why, ERR_INVALID, "it was paid by the wallet itself");
	if (!drops_of_text(json_object_get(meta, "delivered_amount"), &out->delivered))
		return why_set(why, ERR_INVALID, "what it delivered is no amount of XRP");
	if (!u32_of(answer, "ledger_index", &out->ledger) || !out->ledger ||
	    !hex_decode(out->hash.b, sizeof(out->hash.b), text(answer, "hash"),
			strlen(text(answer, "hash"))))
		return why_set(why, ERR_INVALID, "the answer does not say where it is");
	out->has_tag = u32_of(tx, "SourceTag", &out->tag);
	return ERR_NONE;
}

static bool memo_names(const json_t *memo, const struct hash256 *original)
{
	char type[2 * sizeof(REFUND_MEMO_TYPE)];
	uint8_t hash[32];
	const char *data = text(memo, "MemoData"), *given = text(memo, "MemoType");

	hex_encode(type, REFUND_MEMO_TYPE, sizeof(REFUND_MEMO_TYPE) - 1);
	return !strcasecmp(given, type) && hex_decode(hash, sizeof(hash), data, strlen(data)) &&
	       !memcmp(hash, original->b, sizeof(hash));
}

enum err refund_count(struct drops *sum, const json_t *row, const struct refund_original *o,
		      struct why *why)
{
	const json_t *tx = json_object_get(row, "tx_json"), *meta = json_object_get(row, "meta");
	const json_t *memos = json_object_get(tx, "Memos"), *m;
	struct account_id from;
	struct drops delivered;
	bool named = false;
	size_t i;

	if (!json_is_object(tx) || !json_is_object(meta) ||
	    !json_is_true(json_object_get(row, "validated")))
		return why_set(why, ERR_UNAVAILABLE, "a row of the history cannot be read");
	if (!is(tx, "TransactionType", "Payment") || !is(meta, "TransactionResult", "tesSUCCESS") ||
	    !account_of(tx, "Account", &from) || !account_eq(&from, &o->to))
		return ERR_NONE;
	json_array_foreach(memos, i, m) named |= memo_names(json_object_get(m, "Memo"), &o->hash);
	if (!named)
		return ERR_NONE;
	if (!drops_of_text(json_object_get(meta, "delivered_amount"), &delivered) ||
	    !drops_add(sum, *sum, delivered))
		return why_set(why, ERR_UNAVAILABLE, "an earlier refund does not say how much");
	return ERR_NONE;
}

bool refund_history_whole(const char *s, uint32_t first, uint32_t last)
{
	while (*s >= '0' && *s <= '9') {
		char *end;
		unsigned long from = strtoul(s, &end, 10), to = from;

		if (*end == '-')
			to = strtoul(end + 1, &end, 10);
		if (from <= first && last <= to)
			return true;
		s = end;
		while (*s == ',' || *s == ' ')
			s++;
	}
	return false;
}

struct xrp {
	char s[32];
};

static struct xrp xrp(struct drops d)
{
	unsigned long long n = d.raw, part = n % DROPS_PER_XRP; /* raw: printing */
	struct xrp t;
	int len = snprintf(t.s, sizeof(t.s), part ? "%llu.%06llu" : "%llu", n / DROPS_PER_XRP,
			   part);

	while (part && t.s[len - 1] == '0')
		t.s[--len] = '\0';
	return t;
}

enum err refund_decide(struct drops *amount, const struct refund_original *o, struct drops refunded,
		       const struct drops *wanted, struct why *why)
{
	struct drops left;

	if (!drops_sub(&left, o->delivered, refunded))
		left = drops_of(0);
	*amount = wanted ? *wanted : left;
	if (!left.raw) /* raw: nothing */
		return why_set(why, ERR_RANGE, "all of it, %s XRP, was refunded",
			       xrp(o->delivered).s);
	if (!amount->raw || drops_cmp(*amount, left) > 0) /* raw: nothing */
		return why_set(why, ERR_RANGE,
			       "%s XRP is too much: %s were delivered, %s were refunded",
			       xrp(*amount).s, xrp(o->delivered).s, xrp(refunded).s);
	return ERR_NONE;
}

static bool object_names(const struct st_object *o, struct hash256 *original)
{
	const struct st_array *memos = st_get_array(o, sfMemos);
	struct bytes type, data;

	for (uint32_t i = 0; memos && i < memos->n; i++)
		if (st_get_raw(memos->e[i].object, sfMemoType, &type) &&
		    bytes_eq(type, bytes_str(REFUND_MEMO_TYPE)) &&
		    st_get_raw(memos->e[i].object, sfMemoData, &data) && data.n == 32) {
			memcpy(original->b, data.p, 32);
			return true;
		}
	return false;
}

bool refund_names(struct bytes blob, struct hash256 *original)
{
	struct arena a = ARENA_INIT;
	struct st_object *o;
	bool found = st_decode(&o, &a, blob, NULL) == ERR_NONE && object_names(o, original);

	arena_close(&a);
	return found;
}
