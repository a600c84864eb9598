/* SPDX-License-Identifier: ISC */
#include "rpc/fees.h"

#include "rpc/methods.h"

/* (rippled: TxQ.cpp doRPC, NetworkOPs.cpp getServerInfo, pubServer.) */

#define PER_256      390625ull /* of 10^-8: a 256th has eight decimals */
#define PER_256_DIGS 8

static uint32_t clipped(uint64_t v)
{
	return v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

static uint32_t server_factor(const struct node_fees *f)
{
	uint32_t m = f->load_local > f->load_remote ? f->load_local : f->load_remote;

	return m > f->load_cluster ? m : f->load_cluster;
}

static uint64_t whole_factor(const struct node_fees *f)
{
	uint64_t server = server_factor(f);

	return server > f->open ? server : f->open;
}

void fees_write_machine(struct jw *w, const struct node *n)
{
	struct node_fees f;

	node_get_fees(n, &f);
	jw_put_u64(w, "load_base", LOAD_BASE);
	jw_put_u64(w, "load_factor", clipped(whole_factor(&f)));
	jw_put_u64(w, "load_factor_fee_escalation", clipped(f.open));
	jw_put_u64(w, "load_factor_fee_queue", clipped(f.minimum));
	jw_put_u64(w, "load_factor_fee_reference", clipped(f.reference));
	jw_put_u64(w, "load_factor_server", server_factor(&f));
}

void fees_write_brief(struct jw *w, const struct node *n)
{
	struct node_fees f;

	node_get_fees(n, &f);
	jw_put_u64(w, "load_base", LOAD_BASE);
	jw_put_u64(w, "load_factor", server_factor(&f));
}

static void put_multiple(struct jw *w, const char *key, uint64_t in_256ths)
{
	if (in_256ths > UINT64_MAX / PER_256)
		in_256ths = UINT64_MAX / PER_256;
	jw_key(w, key);
	jw_decimal(w, in_256ths * PER_256, PER_256_DIGS);
}

static void put_unless_one(struct jw *w, const char *key, uint64_t in_256ths)
{
	if (in_256ths != LOAD_BASE)
		put_multiple(w, key, in_256ths);
}

void fees_write_human(struct jw *w, const struct node *n, bool admin)
{
	struct node_fees f;
	uint64_t whole;

	node_get_fees(n, &f);
	whole = whole_factor(&f);
	put_multiple(w, "load_factor", whole);
	if (server_factor(&f) != whole)
		put_multiple(w, "load_factor_server", server_factor(&f));
	if (admin) {
		put_unless_one(w, "load_factor_local", f.load_local);
		put_unless_one(w, "load_factor_net", f.load_remote);
		put_unless_one(w, "load_factor_cluster", f.load_cluster);
	}
	if (admin || f.open != whole)
		put_unless_one(w, "load_factor_fee_escalation", f.open);
	put_unless_one(w, "load_factor_fee_queue", f.minimum);
}

bool fees_have_changed(const struct node_fees *told, const struct node_fees *now)
{
	if (told->base.raw != now->base.raw || /* raw: compared */
	    server_factor(told) != server_factor(now) || told->minimum != now->minimum)
		return true;
	if (told->open == now->open)
		return false;
	return told->open == told->reference || now->open == now->reference ||
	       now->open / 2 >= told->open || told->open / 2 >= now->open;
}

/* ---- fee */

/* So many drops that their level is not below: rounding down would ask for too little. */
static struct drops enough(uint64_t level, struct drops base)
{
	struct drops d = fee_level_drops(level, base);
	uint64_t reached;

	if (base.raw && fee_mul_div(&reached, d.raw, FEE_LEVEL_BASE, base.raw) && /* raw: ratio */
	    reached < level && !drops_add(&d, d, drops_of(1)))
		d = drops_of(DROPS_MAX);
	return d;
}

static void put_drops(struct jw *w, const char *key, struct drops d)
{
	jw_put_text_u64(w, key, d.raw); /* raw: printing */
}

static void write_drops(struct jw *w, const struct node_fees *f)
{
	bool free_of_charge = f->base.raw == 0; /* raw: compared with nothing */
	struct drops least = f->base;

	/* Where a transaction is free, one that has to pay for its place pays as if it cost 1. */
	if (free_of_charge && f->open != f->reference)
		least = drops_of(1);
	jw_put_open(w, "drops", '{');
	put_drops(w, "base_fee", f->base);
	put_drops(w, "median_fee", fee_level_drops(f->median, f->base));
	put_drops(w, "minimum_fee",
		  fee_level_drops(f->minimum, f->queue_n >= f->queue_max ? least : f->base));
	put_drops(w, "open_ledger_fee", enough(f->open, least));
	jw_end(w, '}');
}

void method_fee(struct rpc_call *c)
{
	const struct view *open = node_open_view(c->host->node);
	struct jw *w = &c->w;
	struct node_fees f;

	if (!open) {
		rpc_fail_behind(c, RPC_NO_CURRENT);
		return;
	}
	node_get_fees(c->host->node, &f);
	jw_put_text_u64(w, "current_ledger_size", f.open_n);
	jw_put_text_u64(w, "current_queue_size", f.queue_n);
	write_drops(w, &f);
	jw_put_text_u64(w, "expected_ledger_size", f.expected);
	jw_put_u64(w, "ledger_current_index", view_get_info(open)->seq);
	jw_put_open(w, "levels", '{');
	jw_put_text_u64(w, "median_level", f.median);
	jw_put_text_u64(w, "minimum_level", f.minimum);
	jw_put_text_u64(w, "open_ledger_level", f.open);
	jw_put_text_u64(w, "reference_level", f.reference);
	jw_end(w, '}');
	jw_put_text_u64(w, "max_queue_size", f.queue_max);
}
