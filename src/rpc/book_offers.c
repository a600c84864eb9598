/* SPDX-License-Identifier: ISC */
#include "rpc/book.h"
#include "rpc/methods.h"

#include "base/hmap.h"
#include "base/limits.h"
#include "codec/number_math.h"
#include "crypto/base58.h"

/* book_offers (rippled: BookOffers.cpp, NetworkOPs.cpp getBookPage, TokenHelpers.cpp). */

#define RATE_PARITY   1000000000u
#define RATE_EXPONENT (-9)
#define BOOK_KEY_SAME 24 /* bytes that the keys of one book's directories share */

struct hash256 book_root(const struct book *b)
{
	const struct amount *p = &b->pays, *g = &b->gets;

	return keylet_book(&p->currency, &p->issuer, &g->currency, &g->issuer,
			   b->has_domain ? &b->domain : NULL)
	    .key;
}

/* ---- What somebody can deliver */

static bool account_flag(struct rpc_call *c, const struct account_id *id, uint32_t flag)
{
	const struct st_object *root;

	return rpc_entry(c, keylet_account(id), &root) == FOUND &&
	       (st_u32_or(root, sfFlags, 0) & flag);
}

static bool is_xrp(const struct amount *asset)
{
	return asset->kind == AMOUNT_XRP;
}

static bool is_line_frozen(const struct st_object *line, const struct account_id *holder,
			   const struct account_id *issuer)
{
	uint32_t flags = st_u32_or(line, sfFlags, 0);
	bool issuer_high = account_cmp(issuer, holder) > 0;

	return flags & (issuer_high ? lsfHighFreeze : lsfLowFreeze) ||
	       flags & (lsfLowDeepFreeze | lsfHighDeepFreeze);
}

static bool amount_at(const struct st_object *o, enum sf f, struct amount *out)
{
	struct bytes raw;

	return st_get_raw(o, f, &raw) && amount_decode(out, raw) == ERR_NONE;
}

/* An asset of a pool: 20 bytes of currency, and 20 of its issuer unless it is XRP. */
static bool is_pool_asset_frozen(struct rpc_call *c, const struct st_object *pool, enum sf f,
				 const struct account_id *holder)
{
	const struct st_object *line;
	struct account_id issuer;
	struct currency currency;
	struct bytes raw;

	if (!st_get_raw(pool, f, &raw) || raw.n != sizeof(currency.b) + sizeof(issuer.b))
		return false;
	memcpy(currency.b, raw.p, sizeof(currency.b));
	memcpy(issuer.b, raw.p + sizeof(currency.b), sizeof(issuer.b));
	if (account_flag(c, &issuer, lsfGlobalFreeze))
		return true;
	return !account_eq(&issuer, holder) &&
	       rpc_entry(c, keylet_line(holder, &issuer, &currency), &line) == FOUND &&
	       (st_u32_or(line, sfFlags, 0) &
		(account_cmp(&issuer, holder) > 0 ? lsfHighFreeze : lsfLowFreeze));
}

/* Shares of a pool cannot move while what is in it is frozen. */
static bool is_share_frozen(struct rpc_call *c, const struct account_id *holder,
			    const struct account_id *issuer)
{
	const struct st_object *root, *pool;
	struct keylet k = {.type = ltAMM};

	if (!rpc_ledger_enabled(c, AMENDMENT_fixFrozenLPTokenTransfer))
		return false;
	if (rpc_entry(c, keylet_account(issuer), &root) != FOUND)
		return true;
	if (!st_get_hash256(root, sfAMMID, &k.key))
		return false;
	return rpc_entry(c, k, &pool) != FOUND || is_pool_asset_frozen(c, pool, sfAsset, holder) ||
	       is_pool_asset_frozen(c, pool, sfAsset2, holder);
}

static void issued_funds(struct rpc_call *c, const struct account_id *holder,
			 const struct amount *asset, bool frozen_too, struct amount *out)
{
	const struct account_id *issuer = &asset->issuer;
	const struct st_object *line;
	struct amount balance;

	if (rpc_entry(c, keylet_line(holder, issuer, &asset->currency), &line) != FOUND ||
	    !amount_at(line, sfBalance, &balance))
		return;
	if (!frozen_too &&
	    (account_flag(c, issuer, lsfGlobalFreeze) || is_line_frozen(line, holder, issuer) ||
	     is_share_frozen(c, holder, issuer)))
		return;
	out->mantissa = balance.mantissa;
	out->exponent = balance.exponent;
	/* The balance is the low account's; what is owed to the holder counts. */
	out->negative = balance.mantissa && balance.negative != (account_cmp(holder, issuer) > 0);
}

static void xrp_funds(struct rpc_call *c, const struct account_id *holder, struct amount *out)
{
	struct drops balance, reserve;
	const struct st_object *root;
	struct ledger_fees fees;

	if (rpc_entry(c, keylet_account(holder), &root) != FOUND || !rpc_ledger_fees(c, &fees) ||
	    !st_get_drops(root, sfBalance, &balance))
		return;
	if (!drops_mul(&reserve, fees.increment, st_u32_or(root, sfOwnerCount, 0)) ||
	    !drops_add(&reserve, reserve, fees.reserve))
		return;
	if (st_has(root, sfAMMID) || st_has(root, sfVaultID) || st_has(root, sfLoanBrokerID))
		reserve = drops_of(0);
	if (drops_sub(&balance, balance, reserve))
		*out = amount_of_drops(balance);
}

static struct amount none_of(const struct amount *asset)
{
	struct amount a = *asset;

	a.negative = false;
	a.mantissa = 0;
	a.exponent = a.kind == AMOUNT_IOU ? -100 : 0;
	return a;
}

struct amount book_funds(struct rpc_call *c, const struct account_id *holder,
			 const struct amount *asset, bool frozen_too)
{
	struct amount funds = none_of(asset);

	if (is_xrp(asset))
		xrp_funds(c, holder, &funds);
	else if (asset->kind == AMOUNT_IOU)
		issued_funds(c, holder, asset, frozen_too, &funds);
	return funds;
}

/* ---- The walk */

struct owner {
	struct amount left;
};

struct shower {
	struct rpc_call *c;
	const struct book *book;
	const struct account_id *taker;
	bool frozen;        /* one of the two assets, as a whole */
	struct amount rate; /* what an owner pays for each unit a taker gets */
	bool has_rate;
	struct hmap owners; /* what they still have after the offers shown */
	struct amount price;
	uint32_t left;
};

static struct hash256 owner_key(const struct account_id *id)
{
	struct hash256 key = {{0}};

	/* Ids are hashes; the map wants their mixed bytes first. */
	memcpy(key.b, id->b, sizeof(id->b));
	return key;
}

static struct amount owner_funds(struct shower *s, const struct account_id *id,
				 const struct amount *gets, struct owner **known)
{
	const struct amount *asset = &s->book->gets;
	struct hash256 key = owner_key(id);
	struct amount funds = none_of(gets);

	*known = NULL;
	if (!is_xrp(asset) && account_eq(&asset->issuer, id))
		return *gets; /* what one issues oneself never runs out */
	if (s->frozen)
		return funds;
	*known = hmap_get(&s->owners, &key);
	if (*known)
		return (*known)->left;
	funds = book_funds(s->c, id, gets, false);
	return funds.negative ? none_of(gets) : funds;
}

static enum err remember(struct shower *s, const struct account_id *id, const struct amount *funds,
			 const struct amount *paid)
{
	struct hash256 key = owner_key(id);
	struct owner *o = hmap_get(&s->owners, &key);

	if (!o) {
		o = arena_zalloc(&s->c->arena, 1, sizeof(*o));
		hmap_put(&s->owners, &key, o);
	}
	return amount_sub(&o->left, funds, paid);
}

static json_t *amount_json(const struct amount *a, enum sf f)
{
	uint8_t raw[AMOUNT_BYTES_MAX];
	struct st_value v = {.field = f, .raw = bytes_of(raw, amount_encode(raw, a))};

	return st_value_to_server_json(&v);
}

static void set_amount(json_t *o, const char *key, const struct amount *a)
{
	json_object_set_new(o, key, amount_json(a, sfTakerGets));
}

static void set_text(json_t *o, const char *key, const struct amount *a)
{
	char text[AMOUNT_TEXT_MAX];

	amount_server_text(text, a);
	json_object_set_new(o, key, json_string(text));
}

/* What the owner pays, fee included, when takers get all that is funded. */
static enum err owner_pays(const struct shower *s, bool charged, const struct amount *funded,
			   const struct amount *funds, struct amount *out)
{
	enum err e;

	*out = *funded;
	if (!charged)
		return ERR_NONE;
	e = amount_mul(out, funded, &s->rate, funded);
	if (e == ERR_NONE && amount_cmp(funds, out) < 0)
		*out = *funds;
	return e;
}

/* The members that show how much of an offer its owner can pay for. */
static enum err add_funds(struct shower *s, json_t *shown, const struct account_id *id,
			  const struct amount *pays, const struct amount *gets)
{
	const struct account_id *issuer = &s->book->gets.issuer;
	bool charged = s->has_rate && !account_eq(id, issuer) &&
		       !(s->taker && account_eq(s->taker, issuer));
	struct owner *known;
	struct amount funds = owner_funds(s, id, gets, &known), most = funds, pay, paid;
	struct amount funded = *gets;
	enum err e = charged ? amount_div(&most, &funds, &s->rate, &funds) : ERR_NONE;

	if (e == ERR_NONE && amount_cmp(&most, gets) < 0) {
		funded = most;
		e = amount_mul(&pay, &funded, &s->price, pays);
		if (e != ERR_NONE)
			return e;
		set_amount(shown, "taker_gets_funded", &funded);
		set_amount(shown, "taker_pays_funded", amount_cmp(pays, &pay) < 0 ? pays : &pay);
	}
	if (e == ERR_NONE)
		e = owner_pays(s, charged, &funded, &funds, &paid);
	if (e == ERR_NONE)
		e = remember(s, id, &funds, &paid);
	set_text(shown, "quality", &s->price);
	if (!known)
		set_text(shown, "owner_funds", &funds);
	return e;
}

static bool show_offer(struct shower *s, const struct hash256 *key)
{
	struct rpc_call *c = s->c;
	const struct st_object *offer;
	struct amount pays, gets;
	struct account_id owner;
	json_t *shown;
	enum found f = rpc_entry(c, (struct keylet){*key, ltOffer}, &offer);
	enum err e;

	if (f != FOUND)
		return f == ABSENT; /* the directory is wrong; the reference passes it over */
	if (!st_get_account(offer, sfAccount, &owner) || !amount_at(offer, sfTakerPays, &pays) ||
	    !amount_at(offer, sfTakerGets, &gets))
		return rpc_fail(c, RPC_DB_DESERIALIZATION);
	shown = tj_entry(offer, key);
	e = add_funds(s, shown, &owner, &pays, &gets);
	if (e == ERR_NONE)
		jw_json(&c->w, shown);
	json_decref(shown);
	if (c->fault.token)
		return false;
	return e == ERR_NONE ? true : rpc_fail(c, RPC_INTERNAL);
}

/* All offers of one price. */
static bool show_price(struct shower *s, const struct hash256 *root)
{
	struct keylet k = {*root, ltDirectoryNode};
	const struct st_object *dir;

	for (uint32_t pages = 0; pages < RPC_DIR_PAGES_MAX; pages++) {
		struct bytes indexes = {0};
		uint64_t next = 0;

		if (rpc_entry(s->c, k, &dir) != FOUND)
			return !s->c->fault.token;
		st_get_raw(dir, sfIndexes, &indexes);
		st_get_u64(dir, sfIndexNext, &next);
		for (size_t at = 0; at + 32 <= indexes.n && s->left > 0; at += 32) {
			struct hash256 key;

			memcpy(key.b, indexes.p + at, sizeof(key.b));
			if (!show_offer(s, &key))
				return false;
			s->left--;
		}
		if (next == 0 || s->left == 0)
			break;
		k = keylet_dir_page(root, next);
	}
	return true;
}

static struct amount price_of(uint64_t quality)
{
	struct amount a = {.kind = AMOUNT_IOU,
			   .mantissa = quality & 0x00FFFFFFFFFFFFFFull,
			   .exponent = (int32_t)(quality >> 56) - 100};

	if (amount_normalize(&a) != ERR_NONE)
		a = none_of(&a);
	return a;
}

static void show_book(struct shower *s)
{
	struct hash256 root = book_root(s->book), at = root, next;

	while (s->left > 0 && s->c->w.out.n <= RPC_REPLY_SOFT_MAX &&
	       rpc_next(s->c, &at, &next) == FOUND && memcmp(next.b, root.b, BOOK_KEY_SAME) == 0) {
		at = next;
		s->price = price_of(load_be64(at.b + BOOK_KEY_SAME));
		if (!show_price(s, &at))
			return;
	}
}

static void find_rate(struct shower *s)
{
	const struct st_object *root;
	uint32_t rate = RATE_PARITY;

	if (!is_xrp(&s->book->gets) &&
	    rpc_entry(s->c, keylet_account(&s->book->gets.issuer), &root) == FOUND)
		rate = st_u32_or(root, sfTransferRate, RATE_PARITY);
	s->has_rate = rate != RATE_PARITY && rate != 0;
	s->rate = (struct amount){
	    .kind = AMOUNT_IOU, .mantissa = (uint64_t)rate, .exponent = RATE_EXPONENT};
	if (amount_normalize(&s->rate) != ERR_NONE)
		must(false); /* ten digits */
}

bool book_offers_write(struct rpc_call *c, const struct book *b, const struct account_id *taker,
		       uint32_t limit, const char *key)
{
	struct shower s = {.c = c, .book = b, .taker = taker, .left = limit};

	jw_put_open(&c->w, key, '[');
	/* No amendment of this server makes offers in multi-purpose tokens. */
	if (b->pays.kind != AMOUNT_MPT && b->gets.kind != AMOUNT_MPT) {
		s.frozen = (!is_xrp(&b->gets) &&
			    account_flag(c, &b->gets.issuer, lsfGlobalFreeze)) ||
			   (!is_xrp(&b->pays) && account_flag(c, &b->pays.issuer, lsfGlobalFreeze));
		find_rate(&s);
		hmap_init(&s.owners, 0);
		show_book(&s);
		hmap_close(&s.owners);
	}
	jw_end(&c->w, ']');
	return !c->fault.token;
}

/* ---- The request */

/* What differs between the two sides of a book. */
struct side {
	const char *name;
	enum rpc_error bad_asset, bad_issuer;
};
static const struct side side_pays = {"taker_pays", RPC_SRC_CUR_MALFORMED, RPC_SRC_ISR_MALFORMED};
static const struct side side_gets = {"taker_gets", RPC_DST_AMT_MALFORMED, RPC_DST_ISR_MALFORMED};

static bool missing_part(struct rpc_call *c, const struct side *s, const char *part)
{
	return rpc_fail_text(c, RPC_INVALID_PARAMS, "Missing field '%s.%s'.", s->name, part);
}

static bool not_a_string(struct rpc_call *c, const struct side *s, const char *part)
{
	return rpc_fail_text(c, RPC_INVALID_PARAMS, "Invalid field '%s.%s', not string.", s->name,
			     part);
}

static bool is_there(struct rpc_call *c, const struct side *s)
{
	const json_t *v = json_object_get(c->p, s->name);

	if (!v)
		return rpc_fail_missing(c, s->name);
	return true;
}

static bool is_shaped(struct rpc_call *c, const struct side *s)
{
	const json_t *v = json_object_get(c->p, s->name);
	const json_t *currency = json_object_get(v, "currency");
	const json_t *mpt = json_object_get(v, "mpt_issuance_id");

	if (!currency && !mpt)
		return missing_part(c, s, "currency");
	if (mpt && (currency || json_object_get(v, "issuer")))
		return rpc_fail_invalid(c, s->name);
	if ((currency && !json_is_string(currency)) || (mpt && !json_is_string(mpt)))
		return not_a_string(c, s, "currency");
	return true;
}

/* As the reference reads it: hex of either case, and no text is XRP. */
static bool currency_of_text(struct currency *out, const json_t *v)
{
	size_t n = json_string_length(v);

	*out = (struct currency){{0}};
	if (n == 0)
		return true;
	if (n == 2 * sizeof(out->b))
		return hex_decode(out->b, sizeof(out->b), json_string_value(v), n);
	return currency_parse(out, json_string_value(v), n) == ERR_NONE;
}

static bool parse_asset(struct rpc_call *c, const struct side *s, struct amount *out)
{
	const json_t *v = json_object_get(c->p, s->name);
	const json_t *currency = json_object_get(v, "currency");
	const json_t *mpt = json_object_get(v, "mpt_issuance_id");
	static const struct currency xrp;

	*out = (struct amount){0};
	if (!currency) {
		out->kind = AMOUNT_MPT;
		if (!hex_decode(out->mpt.b, sizeof(out->mpt.b), json_string_value(mpt),
				json_string_length(mpt)))
			return rpc_fail_text(c, s->bad_asset, "Invalid field '%s.mpt_issuance_id'",
					     s->name);
		return true;
	}
	if (!currency_of_text(&out->currency, currency))
		return rpc_fail_text(c, s->bad_asset, "Invalid field '%s.currency', bad currency.",
				     s->name);
	if (memcmp(out->currency.b, xrp.b, sizeof(xrp.b)) != 0)
		out->kind = AMOUNT_IOU;
	return true;
}

static bool issuer_of_text(struct account_id *out, const json_t *v)
{
	if (json_string_length(v) == 2 * sizeof(out->b) &&
	    hex_decode(out->b, sizeof(out->b), json_string_value(v), json_string_length(v)))
		return true;
	return json_to_account(v, out);
}

static bool parse_issuer(struct rpc_call *c, const struct side *s, struct amount *asset)
{
	const json_t *v = json_object_get(json_object_get(c->p, s->name), "issuer");
	static const struct account_id nobody, one = {{[19] = 1}};

	if (asset->kind == AMOUNT_MPT)
		return true;
	if (v && !json_is_string(v))
		return not_a_string(c, s, "issuer");
	if (v && !issuer_of_text(&asset->issuer, v))
		return rpc_fail_text(c, s->bad_issuer, "Invalid field '%s.issuer', bad issuer.",
				     s->name);
	if (account_eq(&asset->issuer, &one))
		return rpc_fail_text(c, s->bad_issuer,
				     "Invalid field '%s.issuer', bad issuer account one.", s->name);
	if (is_xrp(asset) && !account_eq(&asset->issuer, &nobody))
		return rpc_fail_text(c, s->bad_issuer,
				     "Unneeded field '%s.issuer' for XRP currency specification.",
				     s->name);
	if (!is_xrp(asset) && account_eq(&asset->issuer, &nobody))
		return rpc_fail_text(c, s->bad_issuer,
				     "Invalid field '%s.issuer', expected non-XRP issuer.",
				     s->name);
	return true;
}

static bool same_asset(const struct amount *a, const struct amount *b)
{
	return a->kind == b->kind && memcmp(&a->currency, &b->currency, sizeof(a->currency)) == 0 &&
	       account_eq(&a->issuer, &b->issuer) && memcmp(&a->mpt, &b->mpt, sizeof(a->mpt)) == 0;
}

static bool parse_sides(struct rpc_call *c, struct book *b)
{
	static const struct side *const sides[] = {&side_pays, &side_gets};

	if (!is_there(c, &side_pays) || !is_there(c, &side_gets))
		return false;
	for (int i = 0; i < 2; i++) {
		const json_t *v = json_object_get(c->p, sides[i]->name);

		if (!json_is_object(v) && !json_is_null(v))
			return rpc_fail_expected(c, sides[i]->name, "object");
	}
	return is_shaped(c, &side_pays) && is_shaped(c, &side_gets) &&
	       parse_asset(c, &side_pays, &b->pays) && parse_asset(c, &side_gets, &b->gets) &&
	       parse_issuer(c, &side_pays, &b->pays) && parse_issuer(c, &side_gets, &b->gets);
}

static bool parse_rest(struct rpc_call *c, struct book *b, struct account_id *taker,
		       bool *has_taker, uint32_t *limit)
{
	const json_t *who = json_object_get(c->p, "taker");
	const json_t *domain = json_object_get(c->p, "domain");

	*has_taker = who != NULL;
	if (who && !json_is_string(who))
		return rpc_fail_expected(c, "taker", "string");
	if (who && !json_to_account(who, taker))
		return rpc_fail_invalid(c, "taker");
	b->has_domain = domain != NULL;
	if (domain && !json_to_hash(domain, &b->domain))
		return rpc_fail_text(c, RPC_DOMAIN_MALFORMED, "Unable to parse domain.");
	if (same_asset(&b->pays, &b->gets))
		return rpc_fail(c, RPC_BAD_MARKET);
	return p_limit(c, limit);
}

void method_book_offers(struct rpc_call *c)
{
	struct book b = {.has_domain = false};
	struct account_id taker;
	bool has_taker;
	uint32_t limit;

	if (!rpc_lookup_ledger(c))
		return;
	if (!parse_sides(c, &b) || !parse_rest(c, &b, &taker, &has_taker, &limit) ||
	    !book_offers_write(c, &b, has_taker ? &taker : NULL, limit, "offers"))
		rpc_forget_written(c);
}
