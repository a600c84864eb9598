/* SPDX-License-Identifier: ISC */
#include "rpc/streams.h"

#include "crypto/base58.h"
#include "crypto/hash.h"

/* Books that are followed: what they are asked for by, and what transactions do to them. */

static void put_asset(struct buf *out, const struct amount *a)
{
	buf_put_u8(out, (uint8_t)a->kind);
	if (a->kind == AMOUNT_MPT)
		buf_put(out, a->mpt.b, sizeof(a->mpt.b));
	if (a->kind != AMOUNT_IOU)
		return;
	buf_put(out, a->currency.b, sizeof(a->currency.b));
	buf_put(out, a->issuer.b, sizeof(a->issuer.b));
}

static bool same_asset(const struct amount *a, const struct amount *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == AMOUNT_MPT)
		return memcmp(a->mpt.b, b->mpt.b, sizeof(a->mpt.b)) == 0;
	return a->kind == AMOUNT_XRP ||
	       (memcmp(a->currency.b, b->currency.b, sizeof(a->currency.b)) == 0 &&
		account_eq(&a->issuer, &b->issuer));
}

struct hash256 stream_book_key(const struct book *b)
{
	struct buf bytes = BUF_INIT;
	struct hash256 key;

	put_asset(&bytes, &b->pays);
	put_asset(&bytes, &b->gets);
	buf_put_u8(&bytes, b->has_domain);
	if (b->has_domain)
		buf_put(&bytes, b->domain.b, sizeof(b->domain.b));
	sha512_half(&key, bytes.p, bytes.n);
	buf_close(&bytes);
	return key;
}

struct book stream_book_reversed(const struct book *b)
{
	return (struct book){
	    .pays = b->gets, .gets = b->pays, .has_domain = b->has_domain, .domain = b->domain};
}

/* ---- What a transaction touched */

static bool asset_of(const struct st_object *o, enum sf f, struct amount *out)
{
	struct bytes raw;

	return st_get_raw(o, f, &raw) && amount_decode(out, raw) == ERR_NONE;
}

/* Of a changed offer only those count whose amounts did. Its domain does not change, and is
 * therefore not among the previous fields: it is taken from the final ones. */
static bool book_of(const struct st_element *node, struct book *out)
{
	const struct st_object *final = st_get_object(node->object, sfFinalFields);
	const struct st_object *fields = final, *whole = final;
	uint16_t type;

	if (!st_get_u16(node->object, sfLedgerEntryType, &type) || type != ltOffer)
		return false;
	if (node->field == sfCreatedNode)
		fields = whole = st_get_object(node->object, sfNewFields);
	if (node->field == sfModifiedNode)
		fields = st_get_object(node->object, sfPreviousFields);
	/* Followers of a book are told of the offers of its other side, as the reference does
	 * (its Book_test.cpp: who names taker_gets XRP and taker_pays USD hears of offers that
	 * pay XRP and get USD). */
	*out = (struct book){0};
	if (!fields || !asset_of(fields, sfTakerGets, &out->pays) ||
	    !asset_of(fields, sfTakerPays, &out->gets))
		return false;
	out->has_domain = whole && st_get_hash256(whole, sfDomainID, &out->domain);
	return true;
}

size_t stream_books_of(const struct st_object *meta, struct arena *a, struct hash256 **out)
{
	const struct st_array *nodes = st_get_array(meta, sfAffectedNodes);
	size_t n = 0, kept = 0;
	struct book b;

	*out = arena_zalloc(a, nodes ? nodes->n : 0, sizeof(**out));
	for (uint32_t i = 0; nodes && i < nodes->n; i++)
		if (book_of(&nodes->e[i], &b))
			(*out)[n++] = stream_book_key(&b);
	if (n > 0)
		qsort(*out, n, sizeof(**out), hash256_qsort_cmp);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || !hash256_eq(&(*out)[kept - 1], &(*out)[i]))
			(*out)[kept++] = (*out)[i];
	return kept;
}

/* ---- What is asked for (rippled: RPCHelpers.cpp parseSubUnsubJson) */

#define ACCOUNT_ONE_BYTE 19 /* the account that is nobody: zeros and a 1 */

static bool parse_issuer(const json_t *v, struct account_id *out)
{
	const char *s = json_string_value(v);

	if (!s)
		return false;
	return hex_decode(out->b, sizeof(out->b), s, json_string_length(v)) ||
	       json_to_account(v, out);
}

static bool parse_issue(struct rpc_call *c, const json_t *in, struct amount *out,
			enum rpc_error bad_asset, enum rpc_error bad_issuer)
{
	static const struct currency zero;
	const json_t *currency = json_object_get(in, "currency");
	const json_t *issuer = json_object_get(in, "issuer");
	struct account_id nobody = {{0}};
	bool xrp, nameless;

	if (!json_is_string(currency))
		return rpc_fail(c, bad_asset);
	if (json_string_length(currency) > 0 &&
	    currency_parse(&out->currency, json_string_value(currency),
			   json_string_length(currency)) != ERR_NONE)
		return rpc_fail(c, bad_asset);
	xrp = memcmp(out->currency.b, zero.b, sizeof(zero.b)) == 0;
	if (issuer && !parse_issuer(issuer, &out->issuer))
		return rpc_fail(c, bad_issuer);
	nameless = account_eq(&out->issuer, &nobody);
	nobody.b[ACCOUNT_ONE_BYTE] = 1;
	if (xrp != nameless || account_eq(&out->issuer, &nobody))
		return rpc_fail(c, bad_issuer);
	out->kind = xrp ? AMOUNT_XRP : AMOUNT_IOU;
	return true;
}

static bool parse_side(struct rpc_call *c, const json_t *in, struct amount *out, bool pays)
{
	enum rpc_error bad_asset = pays ? RPC_SRC_CUR_MALFORMED : RPC_DST_AMT_MALFORMED;
	enum rpc_error bad_issuer = pays ? RPC_SRC_ISR_MALFORMED : RPC_DST_ISR_MALFORMED;
	const json_t *mpt = json_object_get(in, "mpt_issuance_id");
	bool currency = json_object_get(in, "currency") != NULL;

	*out = (struct amount){0};
	if (mpt && (currency || json_object_get(in, "issuer")))
		return rpc_fail(c, RPC_INVALID_PARAMS);
	if (currency)
		return parse_issue(c, in, out, bad_asset, bad_issuer);
	out->kind = AMOUNT_MPT;
	if (!json_is_string(mpt) || !hex_decode(out->mpt.b, sizeof(out->mpt.b),
						json_string_value(mpt), json_string_length(mpt)))
		return rpc_fail(c, bad_asset);
	return true;
}

static bool parse_domain(struct rpc_call *c, const json_t *v, struct book *out)
{
	out->has_domain = v != NULL;
	return !v || json_to_hash(v, &out->domain) ? true : rpc_fail(c, RPC_DOMAIN_MALFORMED);
}

static bool truthy(const json_t *in, const char *key)
{
	const json_t *v = json_object_get(in, key);

	if (json_is_integer(v))
		return json_integer_value(v) != 0;
	if (json_is_string(v))
		return json_string_length(v) > 0;
	return v && !json_is_false(v) && !json_is_null(v);
}

static bool object_or_null(const json_t *v)
{
	return json_is_object(v) || json_is_null(v);
}

bool stream_parse_book(struct rpc_call *c, const json_t *in, bool ending, struct book_request *out)
{
	const json_t *pays = json_object_get(in, "taker_pays");
	const json_t *gets = json_object_get(in, "taker_gets");
	const json_t *taker = ending ? NULL : json_object_get(in, "taker");

	*out = (struct book_request){.has_taker = taker != NULL};
	if (!object_or_null(pays) || !object_or_null(gets))
		return rpc_fail(c, RPC_INVALID_PARAMS);
	if (!parse_side(c, pays, &out->book.pays, true) ||
	    !parse_side(c, gets, &out->book.gets, false))
		return false;
	if (same_asset(&out->book.pays, &out->book.gets))
		return rpc_fail(c, RPC_BAD_MARKET);
	if (taker && !json_to_account(taker, &out->taker))
		return rpc_fail(c, RPC_ACT_MALFORMED);
	out->both = truthy(in, "both") || truthy(in, "both_sides");
	out->snapshot = truthy(in, "snapshot") || truthy(in, "state_now");
	return parse_domain(c, json_object_get(in, "domain"), &out->book);
}
