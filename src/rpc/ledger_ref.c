/* SPDX-License-Identifier: ISC */
#include "rpc/call.h"
#include "rpc/state.h"

#include <stdio.h>

/* Which ledger an answer is computed on (rippled: RPCLedgerHelpers.cpp). */

#define BEHIND_MAX 10 /* ledgers that "current" and "closed" may lie behind the validated one */

uint32_t rpc_validated_age(const struct rpc_host *host)
{
	const struct ledger *l = node_validated(host->node);
	struct now now = host->now(host->ctx);

	if (!l)
		return UINT32_MAX;
	return now.net.s > l->header.close.s ? now.net.s - l->header.close.s : 0;
}

static bool is_stale(struct rpc_call *c)
{
	return !c->r->standalone && rpc_validated_age(c->host) > RPC_VALIDATED_AGE_MAX;
}

static bool fail_not_synced(struct rpc_call *c)
{
	if (c->version == 1)
		return rpc_fail_text(c, RPC_NO_NETWORK, "InsufficientNetworkMode");
	return rpc_fail_text(c, RPC_NOT_SYNCED, "notSynced");
}

static bool fail_not_found(struct rpc_call *c)
{
	return rpc_fail_text(c, RPC_LGR_NOT_FOUND, "ledgerNotFound");
}

void rpc_ledger_drop(struct rpc_ledger *l)
{
	if (l->reading)
		tree_reader_close(&l->reader);
	ledger_unref(l->closed);
	*l = (struct rpc_ledger){0};
}

bool rpc_is_validated(struct rpc_call *c, const struct ledger *l)
{
	const struct ledger *tip = node_validated(c->host->node);
	struct ledger_header header;
	struct hash256 hash;

	if (!tip || l->header.seq > tip->header.seq)
		return false;
	if (l->header.seq == tip->header.seq)
		return hash256_eq(&l->hash, &tip->hash);
	return rpc_header_of(c->host, l->header.seq, &header, &hash) && hash256_eq(&l->hash, &hash);
}

/* Makes c->ledger this closed ledger; takes over the reference. */
static bool take(struct rpc_call *c, struct ledger *l)
{
	rpc_ledger_drop(&c->ledger);
	c->ledger.closed = l;
	c->ledger.seq = l->header.seq;
	c->ledger.validated = rpc_is_validated(c, l);
	if (c->ledger.seq > 0 && !c->ledger.validated && is_stale(c))
		return fail_not_synced(c);
	return true;
}

static bool take_open(struct rpc_call *c)
{
	struct view *v = node_open_view(c->host->node);

	if (!v)
		return fail_not_synced(c);
	rpc_ledger_drop(&c->ledger);
	c->ledger.open = v;
	c->ledger.seq = view_get_info(v)->seq;
	return true;
}

/* A committed ledger with its state, from the store. */
static bool take_stored(struct rpc_call *c, uint32_t seq)
{
	const struct history *h = c->host->history;
	struct ledger *l = NULL;
	enum err e = h->ledger(h->ctx, seq, &l);

	if (e == ERR_ABSENT)
		return fail_not_found(c);
	if (e != ERR_NONE)
		return rpc_fail_unavailable(c);
	return take(c, l);
}

bool rpc_ledger_by_hash(struct rpc_call *c, const struct hash256 *hash)
{
	struct ledger *l = node_ledger_by_hash(c->host->node, hash);
	const struct history *h = c->host->history;
	uint32_t seq;
	enum err e;

	if (l)
		return take(c, ledger_ref(l));
	e = h->seq_of_hash(h->ctx, hash, &seq);
	if (e == ERR_ABSENT)
		return fail_not_found(c);
	return e == ERR_NONE ? take_stored(c, seq) : rpc_fail_unavailable(c);
}

bool rpc_ledger_by_seq(struct rpc_call *c, uint32_t seq)
{
	struct ledger *tip = node_validated(c->host->node);
	struct ledger *l;
	struct view *open;

	if (tip && tip->header.seq == seq)
		return take(c, ledger_ref(tip));
	l = node_ledger_by_seq(c->host->node, seq);
	/* Below the tip only the validated chain counts. */
	if (l && (!tip || seq > tip->header.seq || rpc_is_validated(c, l)))
		return take(c, ledger_ref(l));
	if (tip && seq < tip->header.seq)
		return take_stored(c, seq);
	open = node_open_view(c->host->node);
	if (!open || view_get_info(open)->seq != seq)
		return fail_not_found(c);
	return is_stale(c) ? fail_not_synced(c) : take_open(c);
}

static bool too_far_behind(struct rpc_call *c, uint32_t seq)
{
	const struct ledger *tip = node_validated(c->host->node);

	return tip && seq + BEHIND_MAX < tip->header.seq;
}

static bool take_shortcut(struct rpc_call *c, const char *which)
{
	struct ledger *l;

	if (is_stale(c))
		return fail_not_synced(c);
	c->holds = strcmp(which, "validated") == 0 ? RPC_HOLDS_TIP : RPC_HOLDS_STEP;
	if (strcmp(which, "current") == 0) {
		if (!take_open(c))
			return false;
		return too_far_behind(c, c->ledger.seq) ? fail_not_synced(c) : true;
	}
	l = strcmp(which, "validated") == 0 ? node_validated(c->host->node)
					    : node_closed(c->host->node);
	if (!l || too_far_behind(c, l->header.seq))
		return fail_not_synced(c);
	return take(c, ledger_ref(l));
}

static bool is_shortcut(const char *s)
{
	return strcmp(s, "current") == 0 || strcmp(s, "closed") == 0 || strcmp(s, "validated") == 0;
}

/* A ledger that was named never becomes another one once it is validated. */
static bool named(struct rpc_call *c, bool chosen)
{
	if (chosen && c->ledger.closed && c->ledger.validated) {
		c->holds = RPC_HOLDS_HISTORY;
		c->holds_seq = c->ledger.seq;
	}
	return chosen;
}

static bool select_index(struct rpc_call *c, const char *field, const json_t *v)
{
	uint32_t seq;

	if (json_is_string(v) && json_string_length(v) == 0)
		return take_shortcut(c, "current");
	if (json_is_string(v) && is_shortcut(json_string_value(v)))
		return take_shortcut(c, json_string_value(v));
	if (!json_to_u32(v, &seq))
		return rpc_fail_expected(c, field, "string or number");
	return named(c, rpc_ledger_by_seq(c, seq));
}

static bool select_hash(struct rpc_call *c, const char *field, const json_t *v)
{
	struct hash256 hash;

	if (!json_to_hash(v, &hash))
		return rpc_fail_expected(c, field, "hex string");
	return named(c, rpc_ledger_by_hash(c, &hash));
}

bool rpc_select_ledger(struct rpc_call *c)
{
	const json_t *legacy = json_object_get(c->p, "ledger");
	const json_t *hash = json_object_get(c->p, "ledger_hash");
	const json_t *index = json_object_get(c->p, "ledger_index");

	if (legacy && (hash || index))
		return rpc_fail_text(c, RPC_INVALID_PARAMS,
				     "Exactly one of 'ledger', 'ledger_hash', or "
				     "'ledger_index' can be specified.");
	if (hash && index)
		return rpc_fail_text(c, RPC_INVALID_PARAMS,
				     "Exactly one of 'ledger_hash' or 'ledger_index' can be "
				     "specified.");
	if (legacy && json_is_string(legacy) && json_string_length(legacy) == 64)
		return select_hash(c, "ledger", legacy);
	if (legacy)
		return select_index(c, "ledger", legacy);
	if (hash)
		return select_hash(c, "ledger_hash", hash);
	if (index)
		return select_index(c, "ledger_index", index);
	return take_shortcut(c, "current");
}

void rpc_write_ledger_ref(struct rpc_call *c)
{
	const struct rpc_ledger *l = &c->ledger;

	if (l->closed) {
		jw_put_hash(&c->w, "ledger_hash", &l->closed->hash);
		jw_put_u64(&c->w, "ledger_index", l->seq);
	} else {
		jw_put_u64(&c->w, "ledger_current_index", l->seq);
	}
	jw_put_bool(&c->w, "validated", l->validated);
}

bool rpc_lookup_ledger(struct rpc_call *c)
{
	if (!rpc_select_ledger(c))
		return false;
	rpc_write_ledger_ref(c);
	return true;
}

/* ---- Reading */

static enum found unavailable(struct rpc_call *c)
{
	rpc_fail_unavailable(c);
	return UNAVAILABLE;
}

/* Onlookers leave nothing in memory of what they read. */
static struct tree_reader *reader_of(struct rpc_ledger *l)
{
	if (!l->reading) {
		tree_reader_open(&l->reader, &l->closed->state);
		l->reading = true;
	}
	return &l->reader;
}

enum found rpc_entry(struct rpc_call *c, struct keylet k, const struct st_object **out)
{
	struct st_object *o = NULL;
	struct bytes data;
	uint16_t type = ltINVALID;
	enum found f;

	if (c->ledger.open) {
		f = view_look(c->ledger.open, k, &c->arena, out);
		return f == UNAVAILABLE ? unavailable(c) : f;
	}
	f = tree_reader_get(reader_of(&c->ledger), &k.key, &data);
	if (f == ABSENT)
		return ABSENT;
	if (f == FOUND)
		data.p = arena_copy(&c->arena, data.p, data.n);
	if (f == UNAVAILABLE || st_decode(&o, &c->arena, data, NULL) != ERR_NONE)
		return unavailable(c);
	if (k.type != ltANY && (!st_get_u16(o, sfLedgerEntryType, &type) || type != k.type))
		return ABSENT;
	*out = o;
	return FOUND;
}

enum found rpc_next(struct rpc_call *c, const struct hash256 *after, struct hash256 *key)
{
	struct bytes data;
	enum found f;

	if (c->ledger.open)
		f = view_next(c->ledger.open, after, key);
	else
		f = tree_reader_next(reader_of(&c->ledger), after, key, &data);
	return f == UNAVAILABLE ? unavailable(c) : f;
}

bool rpc_account_root(struct rpc_call *c, const struct account_id *id, const struct st_object **out)
{
	switch (rpc_entry(c, keylet_account(id), out)) {
	case FOUND:
		return true;
	case ABSENT:
		return rpc_fail(c, RPC_ACT_NOT_FOUND);
	case UNAVAILABLE:
		return false;
	}
	return false;
}

bool rpc_ledger_fees(struct rpc_call *c, struct ledger_fees *out)
{
	if (c->ledger.open) {
		*out = view_get_info(c->ledger.open)->fees;
		return true;
	}
	if (ledger_fees_read(&c->ledger.closed->state, out) == UNAVAILABLE)
		return rpc_fail_unavailable(c);
	return true;
}

/* Rules change rarely and are read often: those of the last ledger asked about are kept. */
static const struct rules *rules_of_closed(struct rpc *r, const struct ledger *l)
{
	if (r->rules && hash256_eq(&r->rules_of, &l->hash))
		return r->rules;
	rules_unref(r->rules);
	r->rules = NULL;
	if (rules_read(&l->state, &r->rules) == UNAVAILABLE)
		return NULL;
	if (!r->rules)
		r->rules = rules_of_list(NULL, 0);
	r->rules_of = l->hash;
	return r->rules;
}

bool rpc_ledger_enabled(struct rpc_call *c, enum amendment_index which)
{
	const struct rules *rules = c->ledger.open ? view_get_info(c->ledger.open)->rules
						   : rules_of_closed(c->r, c->ledger.closed);

	return rules && amendment_on(rules, which);
}

bool rpc_header_of(const struct rpc_host *host, uint32_t seq, struct ledger_header *header,
		   struct hash256 *hash)
{
	const struct history *h = host->history;
	const struct ledger *tip = node_validated(host->node);

	if (tip && tip->header.seq == seq) {
		*header = tip->header;
		*hash = tip->hash;
		return true;
	}
	return h->header(h->ctx, seq, header, hash) == ERR_NONE;
}

struct history_range rpc_searchable(const struct rpc_host *host)
{
	const struct history *h = host->history;

	return h->searchable ? h->searchable(h->ctx) : h->complete(h->ctx);
}

void rpc_complete_text(const struct rpc_host *host, char out[32])
{
	struct history_range r = host->history->complete(host->history->ctx);

	if (r.first == 0)
		snprintf(out, 32, "empty");
	else if (r.first == r.last)
		snprintf(out, 32, "%u", r.first);
	else
		snprintf(out, 32, "%u-%u", r.first, r.last);
}
