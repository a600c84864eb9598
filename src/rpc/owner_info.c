/* SPDX-License-Identifier: ISC */
#include "rpc/methods.h"

#include "base/limits.h"

/* owner_info: an account's offers and trust lines in the last closed and in the open ledger
 * (rippled: OwnerInfo.cpp). What it answers has no pages. */

struct owned {
	json_t *offers, *lines; /* NULL: none */
};

static void add(json_t **list, const struct st_object *entry, const struct hash256 *key)
{
	if (!*list)
		*list = json_array();
	json_array_append_new(*list, tj_entry(entry, key));
}

static void visit(struct rpc_call *c, void *ctx, const struct hash256 *key,
		  const struct st_object *entry)
{
	struct owned *o = ctx;
	uint16_t type = ltINVALID;

	(void)c;
	st_get_u16(entry, sfLedgerEntryType, &type);
	if (type == ltOffer)
		add(&o->offers, entry, key);
	else if (type == ltRippleState)
		add(&o->lines, entry, key);
}

static void write_owned(struct rpc_call *c, const char *name, const struct account_id *id)
{
	struct owned o = {NULL, NULL};
	struct dir_walk walk = {.visit = visit, .ctx = &o, .limit = RPC_ADMIN_LIMIT_MAX};

	owner_dir_walk(c, id, &walk);
	if (!c->fault.token && walk.more)
		rpc_fail_text(c, RPC_TOO_BUSY,
			      "The account owns too much for one reply; use account_objects.");
	jw_put_open(&c->w, name, '{');
	if (o.offers)
		jw_put_json(&c->w, "offers", o.offers);
	if (o.lines)
		jw_put_json(&c->w, "ripple_lines", o.lines);
	jw_end(&c->w, '}');
	json_decref(o.offers);
	json_decref(o.lines);
}

/* The reference answers a bad account twice, in either place. */
static void write_malformed(struct rpc_call *c, const char *name)
{
	jw_put_open(&c->w, name, '{');
	jw_put_str(&c->w, "error", rpc_error_token(RPC_ACT_MALFORMED));
	jw_put_u64(&c->w, "error_code", RPC_ACT_MALFORMED);
	jw_put_str(&c->w, "error_message", rpc_error_message(RPC_ACT_MALFORMED));
	jw_end(&c->w, '}');
}

static void write_both(struct rpc_call *c, const struct account_id *id)
{
	struct ledger *closed = node_closed(c->host->node);
	struct view *open = node_open_view(c->host->node);

	if (!closed || !open) {
		rpc_fail_behind(c, RPC_NO_CURRENT);
		return;
	}
	c->ledger = (struct rpc_ledger){.closed = ledger_ref(closed), .seq = closed->header.seq};
	write_owned(c, "accepted", id);
	rpc_ledger_drop(&c->ledger);
	c->ledger = (struct rpc_ledger){.open = open, .seq = view_get_info(open)->seq};
	if (!c->fault.token)
		write_owned(c, "current", id);
	if (c->fault.token)
		rpc_forget_written(c);
}

void method_owner_info(struct rpc_call *c)
{
	const char *key = p_has(c, "account") ? "account" : "ident";
	struct account_id id;

	if (!p_has(c, key)) {
		rpc_fail_missing(c, "account");
		return;
	}
	if (json_to_account(json_object_get(c->p, key), &id)) {
		write_both(c, &id);
		return;
	}
	write_malformed(c, "accepted");
	write_malformed(c, "current");
}
