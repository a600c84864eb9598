/* SPDX-License-Identifier: ISC */
#include "rpc/lines.h"
#include "rpc/methods.h"

#include "base/limits.h"
#include "codec/number_math.h"
#include "crypto/base58.h"

/* account_lines, account_currencies (rippled: AccountLines.cpp, AccountCurrencies.cpp). */

static bool amount_of(const struct st_object *o, enum sf f, struct amount *out)
{
	struct bytes raw;

	return st_get_raw(o, f, &raw) && amount_decode(out, raw) == ERR_NONE;
}

bool line_of(const struct account_id *owner, const struct st_object *entry, struct line *out)
{
	struct amount low, high;
	uint16_t type;

	if (!st_get_u16(entry, sfLedgerEntryType, &type) || type != ltRippleState ||
	    !amount_of(entry, sfLowLimit, &low) || !amount_of(entry, sfHighLimit, &high) ||
	    !amount_of(entry, sfBalance, &out->balance))
		return false;
	out->low = account_eq(&low.issuer, owner);
	out->peer = out->low ? high.issuer : low.issuer;
	out->limit = out->low ? low : high;
	out->limit_peer = out->low ? high : low;
	out->flags = st_u32_or(entry, sfFlags, 0);
	out->entry = entry;
	if (!out->low && !amount_is_zero(&out->balance))
		out->balance.negative = !out->balance.negative;
	return true;
}

static void put_amount(struct jw *w, const char *key, const struct amount *a)
{
	char text[AMOUNT_TEXT_MAX];

	amount_value_text(text, a);
	jw_put_str(w, key, text);
}

static void put_flag(struct jw *w, const char *key, const struct line *l, uint32_t low,
		     uint32_t high)
{
	if (l->flags & (l->low ? low : high))
		jw_put_bool(w, key, true);
}

/* The peer's side of the same pair of flags. */
static void put_peer_flag(struct jw *w, const char *key, const struct line *l, uint32_t low,
			  uint32_t high)
{
	put_flag(w, key, l, high, low);
}

static void write_line(struct jw *w, const struct line *l)
{
	char currency[CURRENCY_TEXT_MAX];

	currency_text(currency, &l->balance.currency);
	jw_open(w, '{');
	jw_put_str(w, "account", account_text(&l->peer).s);
	put_amount(w, "balance", &l->balance);
	jw_put_str(w, "currency", currency);
	put_amount(w, "limit", &l->limit);
	put_amount(w, "limit_peer", &l->limit_peer);
	jw_put_u64(w, "quality_in",
		   st_u32_or(l->entry, l->low ? sfLowQualityIn : sfHighQualityIn, 0));
	jw_put_u64(w, "quality_out",
		   st_u32_or(l->entry, l->low ? sfLowQualityOut : sfHighQualityOut, 0));
	put_flag(w, "authorized", l, lsfLowAuth, lsfHighAuth);
	put_peer_flag(w, "peer_authorized", l, lsfLowAuth, lsfHighAuth);
	put_flag(w, "no_ripple", l, lsfLowNoRipple, lsfHighNoRipple);
	put_peer_flag(w, "no_ripple_peer", l, lsfLowNoRipple, lsfHighNoRipple);
	put_flag(w, "freeze", l, lsfLowFreeze, lsfHighFreeze);
	put_peer_flag(w, "freeze_peer", l, lsfLowFreeze, lsfHighFreeze);
	put_flag(w, "deep_freeze", l, lsfLowDeepFreeze, lsfHighDeepFreeze);
	put_peer_flag(w, "deep_freeze_peer", l, lsfLowDeepFreeze, lsfHighDeepFreeze);
	jw_end(w, '}');
}

struct lines {
	struct account_id owner;
	bool has_peer, ignore_default;
	struct account_id peer;
};

static void visit_line(struct rpc_call *c, void *ctx, const struct hash256 *key,
		       const struct st_object *entry)
{
	const struct lines *want = ctx;
	struct line l;

	(void)key;
	if (!line_of(&want->owner, entry, &l))
		return;
	if (want->has_peer && !account_eq(&want->peer, &l.peer))
		return;
	if (want->ignore_default && !(l.flags & (l.low ? lsfLowReserve : lsfHighReserve)))
		return;
	write_line(&c->w, &l);
}

void method_account_lines(struct rpc_call *c)
{
	struct owned_request r;
	struct lines want = {0};
	struct dir_walk walk = {.visit = visit_line, .ctx = &want};
	const json_t *peer = json_object_get(c->p, "peer");

	if (!owned_request_begin(c, &r))
		return;
	want.owner = r.account;
	want.has_peer = peer && !json_is_null(peer) &&
			!(json_is_string(peer) && json_string_length(peer) == 0);
	want.ignore_default = p_truthy(c, "ignore_default");
	if (want.has_peer && !json_to_account(peer, &want.peer)) {
		rpc_fail(c, RPC_ACT_MALFORMED);
		return;
	}
	if (!owned_request_page(c, &r, true))
		return;
	walk.after = r.after;
	walk.hint = r.hint;
	walk.limit = r.limit;
	jw_put_open(&c->w, "lines", '[');
	owner_dir_walk(c, &r.account, &walk);
	jw_end(&c->w, ']');
	if (c->fault.token)
		rpc_forget_written(c);
	else
		owned_write_more(c, &r, &walk);
}

/* ---- account_currencies */

#define CURRENCIES_MAX 1024 /* different ones in an answer */

struct currencies {
	struct account_id owner;
	struct currency *send, *receive; /* CURRENCIES_MAX each */
	uint32_t n_send, n_receive;
};

static void currency_add(struct currency *list, uint32_t *n, const struct currency *c)
{
	uint32_t at = 0;

	while (at < *n && memcmp(list[at].b, c->b, sizeof(c->b)) < 0)
		at++;
	if (*n == CURRENCIES_MAX || (at < *n && memcmp(list[at].b, c->b, sizeof(c->b)) == 0))
		return;
	memmove(list + at + 1, list + at, (*n - at) * sizeof(*list));
	list[at] = *c;
	(*n)++;
}

static void visit_currency(struct rpc_call *c, void *ctx, const struct hash256 *key,
			   const struct st_object *entry)
{
	struct currencies *all = ctx;
	struct amount negated;
	struct line l;

	(void)c;
	(void)key;
	if (!line_of(&all->owner, entry, &l))
		return;
	negated = l.balance;
	negated.negative = !negated.negative;
	if (amount_cmp(&l.balance, &l.limit) < 0)
		currency_add(all->receive, &all->n_receive, &l.balance.currency);
	if (amount_cmp(&negated, &l.limit_peer) < 0)
		currency_add(all->send, &all->n_send, &l.balance.currency);
}

static void write_currencies(struct jw *w, const char *key, const struct currency *list, uint32_t n)
{
	char text[CURRENCY_TEXT_MAX];

	jw_put_open(w, key, '[');
	for (uint32_t i = 0; i < n; i++) {
		currency_text(text, &list[i]);
		jw_str(w, text);
	}
	jw_end(w, ']');
}

void method_account_currencies(struct rpc_call *c)
{
	struct currencies all = {0};
	struct dir_walk walk = {
	    .visit = visit_currency, .ctx = &all, .limit = RPC_DIR_PAGES_MAX * 32};
	const struct st_object *root;
	const char *text;

	if (!p_account_text(c, !p_has(c, "account") && p_has(c, "ident") ? "ident" : "account",
			    &text) ||
	    !rpc_lookup_ledger(c))
		return;
	if (account_parse(&all.owner, text) != ERR_NONE) {
		rpc_fail(c, RPC_ACT_MALFORMED);
		return;
	}
	if (!rpc_account_root(c, &all.owner, &root)) {
		rpc_forget_written(c);
		return;
	}
	all.send = arena_alloc(&c->arena, (CURRENCIES_MAX + 1) * sizeof(struct currency));
	all.receive = arena_alloc(&c->arena, (CURRENCIES_MAX + 1) * sizeof(struct currency));
	if (!owner_dir_walk(c, &all.owner, &walk) || !owner_dir_whole(c, &walk)) {
		rpc_forget_written(c);
		return;
	}
	write_currencies(&c->w, "send_currencies", all.send, all.n_send);
	write_currencies(&c->w, "receive_currencies", all.receive, all.n_receive);
}
