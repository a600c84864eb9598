/* SPDX-License-Identifier: ISC */
#include "rpc/book.h"
#include "rpc/methods.h"

#include "base/limits.h"
#include "codec/number_math.h"
#include "crypto/base58.h"
#include "ledger/affected.h"

#include <stdio.h>

/* book_changes: what a ledger's transactions have taken out of each order book, with the highest,
 * lowest, first and last price (rippled: BookChanges.h). Transactions count in the order of their
 * ids. */

#define ASSET_TEXT_MAX (BASE58_TEXT_MAX + CURRENCY_TEXT_MAX)

struct change {
	char key[2 * ASSET_TEXT_MAX];
	struct amount a, b; /* volumes */
	struct amount high, low, open, close;
	bool has_domain;
	struct hash256 domain;
};

struct changes {
	struct arena arena;
	struct change **v; /* sorted by key */
	uint32_t n, cap;
};

static bool is_xrp(const struct amount *a)
{
	return a->kind == AMOUNT_XRP;
}

static void asset_text(char out[ASSET_TEXT_MAX], const struct amount *a)
{
	char currency[CURRENCY_TEXT_MAX];

	if (a->kind == AMOUNT_MPT) {
		hex_encode(out, a->mpt.b, sizeof(a->mpt.b));
		return;
	}
	currency_text(currency, &a->currency);
	if (is_xrp(a))
		snprintf(out, ASSET_TEXT_MAX, "XRP");
	else
		snprintf(out, ASSET_TEXT_MAX, "%s/%s", account_text(&a->issuer).s, currency);
}

static bool amount_at(const struct st_object *o, enum sf f, struct amount *out)
{
	struct bytes raw;

	return st_get_raw(o, f, &raw) && amount_decode(out, raw) == ERR_NONE;
}

/* ---- The sum of a ledger */

/* What was taken out of one offer, as the side that is named first and the other. */
struct fill {
	char key[2 * ASSET_TEXT_MAX];
	struct amount first, second, rate;
};

static bool fill_of(struct fill *f, const struct st_object *now, const struct st_object *before)
{
	struct amount gets, pays, old_gets, old_pays, like = {.kind = AMOUNT_IOU};
	char g[ASSET_TEXT_MAX], p[ASSET_TEXT_MAX];
	bool kept;

	if (!amount_at(now, sfTakerGets, &gets) || !amount_at(now, sfTakerPays, &pays) ||
	    !amount_at(before, sfTakerGets, &old_gets) ||
	    !amount_at(before, sfTakerPays, &old_pays))
		return false;
	asset_text(g, &gets);
	asset_text(p, &pays);
	if (amount_sub(&gets, &gets, &old_gets) != ERR_NONE ||
	    amount_sub(&pays, &pays, &old_pays) != ERR_NONE)
		return false;
	kept = is_xrp(&gets) || (!is_xrp(&pays) && strcmp(g, p) < 0);
	f->first = kept ? gets : pays;
	f->second = kept ? pays : gets;
	snprintf(f->key, sizeof(f->key), "%s|%s", kept ? g : p, kept ? p : g);
	if (amount_div(&f->rate, &f->first, &f->second, &like) != ERR_NONE)
		return false; /* nothing of the second side was taken */
	f->first.negative = f->second.negative = false;
	return true;
}

static struct change *change_of(struct changes *all, const char *key, bool *is_new)
{
	uint32_t lo = 0, hi = all->n;
	struct change *e;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		int order = strcmp(all->v[mid]->key, key);

		if (order == 0)
			return all->v[mid];
		if (order < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (all->n == all->cap) {
		all->cap = all->cap ? 2 * all->cap : 16;
		all->v = mem_resize(all->v, all->cap, sizeof(*all->v));
	}
	memmove(all->v + lo + 1, all->v + lo, (all->n - lo) * sizeof(*all->v));
	all->n++;
	e = all->v[lo] = arena_zalloc(&all->arena, 1, sizeof(*e));
	snprintf(e->key, sizeof(e->key), "%s", key);
	*is_new = true;
	return e;
}

static void add_fill(struct changes *all, const struct fill *f, const struct st_object *offer)
{
	bool is_new = false;
	struct change *e = change_of(all, f->key, &is_new);

	if (is_new) {
		e->a = f->first;
		e->b = f->second;
		e->high = e->low = e->open = f->rate;
	} else {
		/* More than an amount can hold stays what it was. */
		if (amount_add(&e->a, &e->a, &f->first) != ERR_NONE ||
		    amount_add(&e->b, &e->b, &f->second) != ERR_NONE)
			return;
		if (amount_cmp(&e->high, &f->rate) < 0)
			e->high = f->rate;
		if (amount_cmp(&e->low, &f->rate) > 0)
			e->low = f->rate;
	}
	e->close = f->rate;
	e->has_domain = st_get_hash256(offer, sfDomainID, &e->domain);
}

/* The offer that a transaction has taken away by its number rather than by crossing it. */
static bool cancels(const struct st_object *tx, uint32_t *seq)
{
	uint16_t type = ttINVALID;

	st_get_u16(tx, sfTransactionType, &type);
	return (type == ttOfferCancel || type == ttOfferCreate) &&
	       st_get_u32(tx, sfOfferSequence, seq);
}

static void add_tx(struct changes *all, const struct st_object *tx, const struct st_object *meta)
{
	const struct st_array *nodes = st_get_array(meta, sfAffectedNodes);
	uint32_t cancelled = 0;
	bool cancel = cancels(tx, &cancelled);
	struct fill f;

	for (uint32_t i = 0; nodes && i < nodes->n; i++) {
		const struct st_object *node = nodes->e[i].object;
		const struct st_object *now = st_get_object(node, sfFinalFields);
		const struct st_object *before = st_get_object(node, sfPreviousFields);
		uint16_t type = 0;

		st_get_u16(node, sfLedgerEntryType, &type);
		if (type != ltOffer || nodes->e[i].field == sfCreatedNode || !now || !before)
			continue;
		if (cancel && nodes->e[i].field == sfDeletedNode &&
		    st_u32_or(now, sfSequence, 0) == cancelled)
			continue;
		if (fill_of(&f, now, before))
			add_fill(all, &f, now);
	}
}

static bool add_ledger(struct changes *all, const struct ledger *l)
{
	struct arena scratch = ARENA_INIT;
	struct st_object *tx, *meta;
	struct bytes leaf, tx_bytes, meta_bytes;
	struct hash256 id, at;
	enum found f = tree_next(&l->txs, NULL, &id, &leaf);

	for (uint32_t i = 0; f == FOUND && i < LEDGER_TX_MAX; i++) {
		if (tx_leaf_split(leaf, &tx_bytes, &meta_bytes) != ERR_NONE ||
		    st_decode(&tx, &scratch, tx_bytes, NULL) != ERR_NONE ||
		    st_decode(&meta, &scratch, meta_bytes, NULL) != ERR_NONE) {
			f = UNAVAILABLE;
			break;
		}
		add_tx(all, tx, meta);
		arena_reset(&scratch);
		at = id;
		f = tree_next(&l->txs, &at, &id, &leaf);
	}
	arena_close(&scratch);
	return f != UNAVAILABLE;
}

/* ---- Its text */

static void put_side(struct jw *w, const char *currency, const char *mpt, const struct amount *a)
{
	char text[ASSET_TEXT_MAX];

	asset_text(text, a);
	if (a->kind == AMOUNT_MPT)
		jw_put_str(w, mpt, text);
	else
		jw_put_str(w, currency, is_xrp(a) ? "XRP_drops" : text);
}

static void put_value(struct jw *w, const char *key, const struct amount *a)
{
	struct number n = number_of_amount(a);
	char text[NUMBER_TEXT_MAX];

	if (a->kind != AMOUNT_IOU) {
		jw_put_text_u64(w, key, a->mantissa);
		return;
	}
	number_text(text, &n);
	jw_put_str(w, key, text);
}

static void write_change(struct jw *w, const struct change *e)
{
	jw_open(w, '{');
	put_side(w, "currency_a", "mpt_issuance_id_a", &e->a);
	put_side(w, "currency_b", "mpt_issuance_id_b", &e->b);
	put_value(w, "volume_a", &e->a);
	put_value(w, "volume_b", &e->b);
	put_value(w, "high", &e->high);
	put_value(w, "low", &e->low);
	put_value(w, "open", &e->open);
	put_value(w, "close", &e->close);
	if (e->has_domain)
		jw_put_hash(w, "domain", &e->domain);
	jw_end(w, '}');
}

static void write_all(struct jw *w, const struct changes *all, bool validated, uint32_t seq,
		      const struct hash256 *hash, struct net_time close)
{
	jw_put_str(w, "type", "bookChanges");
	jw_put_bool(w, "validated", validated);
	jw_put_u64(w, "ledger_index", seq);
	jw_put_hash(w, "ledger_hash", hash);
	jw_put_u64(w, "ledger_time", close.s);
	jw_put_open(w, "changes", '[');
	for (uint32_t i = 0; i < all->n; i++)
		write_change(w, all->v[i]);
	jw_end(w, ']');
}

bool book_changes_write(struct jw *w, const struct ledger *l, bool validated)
{
	struct changes all = {.n = 0};
	bool good = add_ledger(&all, l);

	if (good)
		write_all(w, &all, validated, l->header.seq, &l->hash, l->header.close);
	mem_free(all.v);
	arena_close(&all.arena);
	return good;
}

void method_book_changes(struct rpc_call *c)
{
	static const struct changes none;
	const struct view_info *info;

	if (!rpc_select_ledger(c))
		return;
	if (c->ledger.closed) {
		if (!book_changes_write(&c->w, c->ledger.closed, c->ledger.validated))
			rpc_fail_unavailable(c);
		return;
	}
	/* Of the open ledger nothing is known yet but what it stands on. */
	info = view_get_info(c->ledger.open);
	write_all(&c->w, &none, false, info->seq, &HASH256_ZERO, info->parent_close);
}
