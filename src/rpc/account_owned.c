/* SPDX-License-Identifier: ISC */
#include "rpc/methods.h"

#include "base/limits.h"
#include "crypto/base58.h"

/* account_offers, account_channels, account_nfts (rippled: handlers/account). */

static bool is_type(const struct st_object *entry, uint16_t wanted)
{
	uint16_t type;

	return st_get_u16(entry, sfLedgerEntryType, &type) && type == wanted;
}

static void put_value(struct jw *w, const char *key, const struct st_object *o, enum sf f)
{
	const struct st_value *v = st_find(o, f);
	json_t *j = v ? st_value_to_server_json(v) : NULL;

	if (j)
		jw_put_json(w, key, j);
	json_decref(j);
}

/* The price of an offer: the last 8 bytes of its directory are exponent + 100 and mantissa. */
static void put_quality(struct jw *w, const struct st_object *offer)
{
	struct amount rate = {.kind = AMOUNT_IOU};
	char text[AMOUNT_TEXT_MAX];
	struct hash256 dir;
	uint64_t quality;

	if (!st_get_hash256(offer, sfBookDirectory, &dir))
		return;
	quality = load_be64(dir.b + 24);
	rate.mantissa = quality & 0x00FFFFFFFFFFFFFFull;
	rate.exponent = (int32_t)(quality >> 56) - 100;
	amount_value_text(text, &rate);
	jw_put_str(w, "quality", text);
}

static void visit_offer(struct rpc_call *c, void *ctx, const struct hash256 *key,
			const struct st_object *entry)
{
	struct jw *w = &c->w;

	(void)ctx;
	(void)key;
	if (!is_type(entry, ltOffer))
		return;
	jw_open(w, '{');
	put_value(w, "taker_pays", entry, sfTakerPays);
	put_value(w, "taker_gets", entry, sfTakerGets);
	jw_put_u64(w, "seq", st_u32_or(entry, sfSequence, 0));
	jw_put_u64(w, "flags", st_u32_or(entry, sfFlags, 0));
	put_quality(w, entry);
	put_value(w, "expiration", entry, sfExpiration);
	jw_end(w, '}');
}

/* The body that the lists have in common. */
static void list_owned(struct rpc_call *c, const char *key, struct dir_walk *walk,
		       const struct owned_request *r)
{
	walk->after = r->after;
	walk->hint = r->hint;
	walk->limit = r->limit;
	jw_put_open(&c->w, key, '[');
	owner_dir_walk(c, &r->account, walk);
	jw_end(&c->w, ']');
	if (c->fault.token)
		rpc_forget_written(c);
	else
		owned_write_more(c, r, walk);
}

void method_account_offers(struct rpc_call *c)
{
	struct owned_request r;
	struct dir_walk walk = {.visit = visit_offer};

	if (owned_request_begin(c, &r) && owned_request_page(c, &r, false))
		list_owned(c, "offers", &walk, &r);
}

/* ---- Payment channels */

struct channels {
	struct account_id owner, destination;
	bool has_destination;
};

static void put_drops(struct jw *w, const char *key, const struct st_object *o, enum sf f)
{
	struct drops d = {0};

	st_get_drops(o, f, &d);
	jw_put_text_u64(w, key, d.raw); /* raw: printing */
}

static void visit_channel(struct rpc_call *c, void *ctx, const struct hash256 *key,
			  const struct st_object *entry)
{
	const struct channels *want = ctx;
	struct account_id src, dst;
	struct public_key public_key;
	struct bytes raw;
	struct jw *w = &c->w;

	if (!is_type(entry, ltPayChannel) || !st_get_account(entry, sfAccount, &src) ||
	    !st_get_account(entry, sfDestination, &dst) || !account_eq(&src, &want->owner) ||
	    (want->has_destination && !account_eq(&dst, &want->destination)))
		return;
	jw_open(w, '{');
	jw_put_hash(w, "channel_id", key);
	jw_put_str(w, "account", account_text(&src).s);
	jw_put_str(w, "destination_account", account_text(&dst).s);
	put_drops(w, "amount", entry, sfAmount);
	put_drops(w, "balance", entry, sfBalance);
	if (st_get_raw(entry, sfPublicKey, &raw) && raw.n == sizeof(public_key.b)) {
		memcpy(public_key.b, raw.p, raw.n);
		jw_put_str(w, "public_key", account_public_text(&public_key).s);
		jw_put_hex(w, "public_key_hex", raw.p, raw.n);
	}
	put_value(w, "settle_delay", entry, sfSettleDelay);
	put_value(w, "expiration", entry, sfExpiration);
	put_value(w, "cancel_after", entry, sfCancelAfter);
	put_value(w, "source_tag", entry, sfSourceTag);
	put_value(w, "destination_tag", entry, sfDestinationTag);
	jw_end(w, '}');
}

void method_account_channels(struct rpc_call *c)
{
	struct owned_request r;
	struct channels want = {0};
	struct dir_walk walk = {.visit = visit_channel, .ctx = &want};
	const json_t *destination = json_object_get(c->p, "destination_account");

	if (!owned_request_begin(c, &r)) {
		rpc_forget_written(c);
		return;
	}
	want.owner = r.account;
	want.has_destination = json_string_length(destination) > 0;
	if (destination && !json_is_string(destination))
		rpc_fail_invalid(c, "destination_account");
	else if (want.has_destination && !json_to_account(destination, &want.destination))
		rpc_fail(c, RPC_ACT_MALFORMED);
	if (c->fault.token)
		rpc_forget_written(c);
	else if (owned_request_page(c, &r, true))
		list_owned(c, "channels", &walk, &r);
}

/* ---- Tokens */

/* A token's id: flags 2, transfer fee 2, issuer 20, scrambled taxon 4, serial 4. */
static void put_token(struct jw *w, const struct st_object *token, const struct hash256 *id)
{
	struct account_id issuer;
	uint32_t serial = load_be32(id->b + 28);
	uint32_t taxon = load_be32(id->b + 24) ^ (384160001u * serial + 2459u);
	json_t *j = st_to_server_json(token);

	memcpy(issuer.b, id->b + 4, sizeof(issuer.b));
	json_object_set_new(j, "Flags", json_integer(load_be16(id->b)));
	json_object_set_new(j, "Issuer", json_string(account_text(&issuer).s));
	json_object_set_new(j, "NFTokenTaxon", json_integer(taxon));
	json_object_set_new(j, "nft_serial", json_integer(serial));
	if (load_be16(id->b + 2))
		json_object_set_new(j, "TransferFee", json_integer(load_be16(id->b + 2)));
	jw_json(w, j);
	json_decref(j);
}

struct tokens {
	struct hash256 marker; /* last token shown before */
	bool found;            /* the marker, or there is none */
	uint32_t left;
	struct hash256 last;
	bool full;
};

static void write_page_tokens(struct rpc_call *c, const struct st_object *page, struct tokens *t)
{
	const struct st_array *list = st_get_array(page, sfNFTokens);
	struct hash256 id;

	for (uint32_t i = 0; list && i < list->n && !t->full; i++) {
		if (!st_get_hash256(list->e[i].object, sfNFTokenID, &id))
			continue;
		if (!t->found) {
			t->found = hash256_eq(&id, &t->marker);
			continue;
		}
		put_token(&c->w, list->e[i].object, &id);
		t->last = id;
		t->full = --t->left == 0 || c->w.out.n > RPC_REPLY_SOFT_MAX;
	}
}

/* Pages of one owner are a range of keys: owner, then the low bits of their highest token. */
static void write_tokens(struct rpc_call *c, const struct account_id *owner, struct tokens *t)
{
	static const uint8_t low[12];
	struct hash256 at = keylet_nft_page(owner, t->found ? low : t->marker.b + 20).key;
	struct hash256 next;
	const struct st_object *page;

	/* The last page has the highest index there can be: without it there are none. */
	if (rpc_entry(c, keylet_nft_page_max(owner), &page) != FOUND)
		return;
	while (!t->full && rpc_next(c, &at, &next) == FOUND &&
	       memcmp(next.b, owner->b, sizeof(owner->b)) == 0) {
		at = next;
		if (rpc_entry(c, (struct keylet){at, ltNFTokenPage}, &page) == FOUND)
			write_page_tokens(c, page, t);
	}
}

void method_account_nfts(struct rpc_call *c)
{
	const json_t *marker = json_object_get(c->p, "marker");
	struct tokens t = {.found = !marker};
	struct account_id owner;
	const struct st_object *root;
	const char *text;
	uint32_t limit;

	if (!p_account_text(c, "account", &text))
		return;
	if (account_parse(&owner, text) != ERR_NONE) {
		rpc_fail(c, RPC_ACT_MALFORMED);
		return;
	}
	if (!rpc_lookup_ledger(c) || !rpc_account_root(c, &owner, &root) || !p_limit(c, &limit))
		return;
	t.left = limit;
	if (marker && !json_to_hash(marker, &t.marker)) {
		if (json_is_string(marker))
			rpc_fail_invalid(c, "marker");
		else
			rpc_fail_expected(c, "marker", "string");
		return;
	}
	jw_put_str(&c->w, "account", account_text(&owner).s);
	jw_put_open(&c->w, "account_nfts", '[');
	write_tokens(c, &owner, &t);
	jw_end(&c->w, ']');
	if (!t.found)
		rpc_fail_invalid(c, "marker");
	if (c->fault.token) {
		rpc_forget_written(c);
	} else if (t.full) {
		jw_put_u64(&c->w, "limit", limit);
		jw_put_hash(&c->w, "marker", &t.last);
	}
}
