/* SPDX-License-Identifier: ISC */
#include "rpc/lines.h"
#include "rpc/methods.h"

#include "base/limits.h"
#include "codec/number_math.h"
#include "crypto/base58.h"

#include <stdlib.h>

/* gateway_balances: what an issuer owes and holds (rippled: GatewayBalances.cpp). */

/* What a line or an escrow adds to the answer, by what it is added to. */
enum share_kind { SHARE_OBLIGATION, SHARE_HOT, SHARE_FROZEN, SHARE_ASSET, SHARE_LOCKED };

struct share {
	enum share_kind kind;
	struct account_id holder; /* of those that are shown one by one */
	struct amount amount;
	uint32_t place; /* in the directory */
};

struct gateway {
	struct account_id id;
	struct account_id *hot; /* ascending */
	size_t n_hot;
	struct share *v;
	uint32_t n, cap;
};

/* ---- The wallets that are asked for */

static int account_order(const void *a, const void *b)
{
	return account_cmp(a, b);
}

static bool parse_wallets(const json_t *v, struct gateway *g, struct arena *a)
{
	size_t n = json_is_array(v) ? json_array_size(v) : 1;

	if (!v || json_is_null(v))
		return true;
	g->hot = arena_alloc(a, (n + 1) * sizeof(g->hot[0]));
	for (; g->n_hot < n; g->n_hot++)
		if (!json_to_account(json_is_array(v) ? json_array_get(v, g->n_hot) : v,
				     &g->hot[g->n_hot]))
			return false;
	if (n)
		qsort(g->hot, n, sizeof(g->hot[0]), account_order);
	return true;
}

static bool is_hot(const struct gateway *g, const struct account_id *id)
{
	return g->n_hot && bsearch(id, g->hot, g->n_hot, sizeof(g->hot[0]), account_order);
}

/* ---- What is owned */

static void add(struct gateway *g, enum share_kind kind, const struct account_id *holder,
		const struct amount *amount)
{
	if (g->n == g->cap) {
		g->cap = g->cap ? 2 * g->cap : 64;
		g->v = mem_resize(g->v, g->cap, sizeof(*g->v));
	}
	g->v[g->n] = (struct share){.kind = kind, .amount = *amount, .place = g->n};
	if (holder)
		g->v[g->n].holder = *holder;
	g->n++;
}

static void add_line(struct gateway *g, const struct line *l)
{
	bool owed = l->balance.negative; /* by the issuer, as is usual */
	struct amount amount = l->balance;
	bool hot = is_hot(g, &l->peer);

	if (amount_is_zero(&amount))
		return;
	if (hot || owed)
		amount.negative = !amount.negative;
	if (hot)
		add(g, SHARE_HOT, &l->peer, &amount);
	else if (!owed)
		add(g, SHARE_ASSET, &l->peer, &amount);
	else if (line_flag(l, lsfLowFreeze, lsfHighFreeze))
		add(g, SHARE_FROZEN, &l->peer, &amount);
	else
		add(g, SHARE_OBLIGATION, NULL, &amount);
}

static void visit(struct rpc_call *c, void *ctx, const struct hash256 *key,
		  const struct st_object *entry)
{
	struct gateway *g = ctx;
	struct amount amount;
	uint16_t type = 0;
	struct bytes raw;
	struct line line;

	(void)c;
	(void)key;
	st_get_u16(entry, sfLedgerEntryType, &type);
	if (type == ltEscrow && st_get_raw(entry, sfAmount, &raw) &&
	    amount_decode(&amount, raw) == ERR_NONE && amount.kind != AMOUNT_MPT)
		add(g, SHARE_LOCKED, NULL, &amount);
	else if (line_of(&g->id, entry, &line))
		add_line(g, &line);
}

/* ---- The answer */

static bool by_currency(enum share_kind kind)
{
	return kind == SHARE_OBLIGATION || kind == SHARE_LOCKED;
}

/* By kind; sums by currency, the others by holder; then as in the directory. */
static int share_order(const void *a, const void *b)
{
	const struct share *x = a, *y = b;
	int order = (x->kind > y->kind) - (x->kind < y->kind);

	if (order == 0)
		order = by_currency(x->kind) ? memcmp(&x->amount.currency, &y->amount.currency,
						      sizeof(x->amount.currency))
					     : account_cmp(&x->holder, &y->holder);
	return order ? order : (x->place > y->place) - (x->place < y->place);
}

/* More than an amount can be is shown as the most that it can. */
static void sum_up(struct amount *sum, const struct amount *more)
{
	if (amount_add(sum, sum, more) == ERR_NONE)
		return;
	sum->mantissa = sum->kind == AMOUNT_IOU ? IOU_MANTISSA_MAX : DROPS_MAX;
	sum->exponent = sum->kind == AMOUNT_IOU ? IOU_EXPONENT_MAX : 0;
}

static bool same_group(const struct share *a, const struct share *b)
{
	if (a->kind != b->kind)
		return false;
	return by_currency(a->kind) ? memcmp(&a->amount.currency, &b->amount.currency,
					     sizeof(a->amount.currency)) == 0
				    : account_eq(&a->holder, &b->holder);
}

static uint32_t write_sum(struct jw *w, const struct gateway *g, uint32_t at)
{
	struct amount sum = g->v[at].amount;
	char key[CURRENCY_TEXT_MAX], text[AMOUNT_TEXT_MAX];
	uint32_t i = at + 1;

	for (; i < g->n && same_group(&g->v[at], &g->v[i]); i++)
		sum_up(&sum, &g->v[i].amount);
	currency_text(key, &sum.currency);
	amount_server_text(text, &sum);
	jw_put_str(w, key, text);
	return i;
}

static uint32_t write_holder(struct jw *w, const struct gateway *g, uint32_t at)
{
	char currency[CURRENCY_TEXT_MAX], text[AMOUNT_TEXT_MAX];
	uint32_t i = at;

	jw_put_open(w, account_text(&g->v[at].holder).s, '[');
	for (; i < g->n && same_group(&g->v[at], &g->v[i]); i++) {
		currency_text(currency, &g->v[i].amount.currency);
		amount_server_text(text, &g->v[i].amount);
		jw_open(w, '{');
		jw_put_str(w, "currency", currency);
		jw_put_str(w, "value", text);
		jw_end(w, '}');
	}
	jw_end(w, ']');
	return i;
}

static void write_shares(struct jw *w, const struct gateway *g)
{
	static const char *const names[] = {[SHARE_OBLIGATION] = "obligations",
					    [SHARE_HOT] = "balances",
					    [SHARE_FROZEN] = "frozen_balances",
					    [SHARE_ASSET] = "assets",
					    [SHARE_LOCKED] = "locked"};
	uint32_t i = 0;

	while (i < g->n) {
		enum share_kind kind = g->v[i].kind;

		jw_put_open(w, names[kind], '{');
		while (i < g->n && g->v[i].kind == kind)
			i = by_currency(kind) ? write_sum(w, g, i) : write_holder(w, g, i);
		jw_end(w, '}');
	}
}

static void write_balances(struct rpc_call *c, struct gateway *g)
{
	struct dir_walk walk = {.visit = visit, .ctx = g, .limit = RPC_DIR_PAGES_MAX * 32};

	if (!owner_dir_walk(c, &g->id, &walk) || !owner_dir_whole(c, &walk)) {
		rpc_forget_written(c);
	} else if (g->n) {
		qsort(g->v, g->n, sizeof(*g->v), share_order);
		write_shares(&c->w, g);
	}
	mem_free(g->v);
}

void method_gateway_balances(struct rpc_call *c)
{
	const char *key = !p_has(c, "account") && p_has(c, "ident") ? "ident" : "account";
	struct gateway g = {.n = 0};
	const struct st_object *root;

	if (!rpc_lookup_ledger(c))
		return;
	if (!p_has(c, key))
		rpc_fail_missing(c, "account");
	else if (!json_to_account(json_object_get(c->p, key), &g.id))
		rpc_fail(c, RPC_ACT_MALFORMED);
	if (c->fault.token) {
		rpc_forget_written(c);
		return;
	}
	jw_put_str(&c->w, "account", account_text(&g.id).s);
	/* Version 1 shows that an account that does not exist owes nothing. */
	if (c->version > 1 && !rpc_account_root(c, &g.id, &root))
		return;
	if (parse_wallets(json_object_get(c->p, "hotwallet"), &g, &c->arena))
		write_balances(c, &g);
	else
		rpc_fail(c, c->version == 1 ? RPC_INVALID_HOT_WALLET : RPC_INVALID_PARAMS);
}
