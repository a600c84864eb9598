/* SPDX-License-Identifier: ISC */
#include "rpc/methods.h"
#include "rpc/settings.h"
#include "rpc/state.h"

#include <stdio.h>

/* What is kept of the past: can_delete, ledger_cleaner, ledger_request, fetch_info (rippled:
 * handlers/admin/data, FetchInfo.cpp). */

/* ---- can_delete: how far history may be deleted */

/* The newest ledger that is older than what this server is to keep; 0: none yet. */
static uint32_t last_unwanted(const struct rpc_call *c)
{
	struct history_range r = c->host->history->complete(c->host->history->ctx);

	return r.last > c->host->history_kept ? r.last - c->host->history_kept : 0;
}

static bool seq_of_hash(struct rpc_call *c, const struct hash256 *hash, uint32_t *out)
{
	const struct ledger *l = node_ledger_by_hash(c->host->node, hash);
	const struct history *h = c->host->history;
	enum err e = ERR_NONE;

	if (l)
		*out = l->header.seq;
	else
		e = h->seq_of_hash(h->ctx, hash, out);
	if (e == ERR_ABSENT)
		return rpc_fail_text(c, RPC_LGR_NOT_FOUND, "ledgerNotFound");
	return e == ERR_NONE ? true : rpc_fail_unavailable(c);
}

static bool parse_can_delete(struct rpc_call *c, const json_t *v, uint32_t *out)
{
	const char *s = json_string_value(v);
	struct hash256 hash;

	if (json_to_u32(v, out))
		return true;
	if (s && strcasecmp(s, "never") == 0) {
		*out = 0;
		return true;
	}
	if (s && strcasecmp(s, "always") == 0) {
		*out = CAN_DELETE_ALWAYS;
		return true;
	}
	if (s && strcasecmp(s, "now") == 0) {
		*out = last_unwanted(c);
		return *out ? true : rpc_fail(c, RPC_NOT_READY);
	}
	if (json_to_hash(v, &hash))
		return seq_of_hash(c, &hash, out);
	return rpc_fail(c, RPC_INVALID_PARAMS);
}

void method_can_delete(struct rpc_call *c)
{
	const json_t *v = json_object_get(c->p, "can_delete");
	struct settings *s = c->r->settings;
	uint32_t before = s->can_delete, wanted = before;
	struct why why = {.text = ""};

	if (!c->host->deletable || !c->host->history_kept) {
		rpc_fail(c, RPC_NOT_ENABLED);
		return;
	}
	if (v && !parse_can_delete(c, v, &wanted))
		return;
	s->can_delete = wanted;
	if (v && settings_write(s, SETTING_CAN_DELETE, &why) != ERR_NONE) {
		s->can_delete = before;
		rpc_fail_text(c, RPC_INTERNAL, "%s", why.text);
		return;
	}
	jw_put_u64(&c->w, "can_delete", s->can_delete);
}

/* ---- ledger_cleaner: the check of all that is stored */

/* The reference's cleaner can be held to some ledgers, or to parts of them; the check here is of
 * everything, and nothing is mended: what does not check out stops the node. */
static bool parse_cleaner(struct rpc_call *c)
{
	static const char *const numbers[] = {"ledger", "min_ledger", "max_ledger"};
	uint32_t n;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (p_has(c, numbers[i]) && !json_to_u32(json_object_get(c->p, numbers[i]), &n))
			return rpc_fail_invalid(c, numbers[i]);
	return true;
}

void method_ledger_cleaner(struct rpc_call *c)
{
	if (!parse_cleaner(c))
		return;
	if (!c->host->check) {
		rpc_fail(c, RPC_NOT_ENABLED);
		return;
	}
	c->host->check(c->host->ctx, !p_truthy(c, "stop"));
	jw_put_str(&c->w, "message", "Cleaner configured");
}

/* ---- ledger_request */

/* How far the way to a ledger that is not here has come. */
static void write_acquiring(struct jw *w, const struct node_sync_status *s, bool header)
{
	jw_put_bool(w, "have_header", header);
	if (header) {
		jw_put_bool(w, "have_state", false);
		jw_put_bool(w, "have_transactions", false);
	}
	jw_put_u64(w, "peers", s->peers);
	jw_put_u64(w, "timeouts", s->again);
}

static bool parse_request(struct rpc_call *c, uint32_t *seq)
{
	const struct ledger *tip = node_validated(c->host->node);
	const json_t *hash = json_object_get(c->p, "ledger_hash");
	const json_t *index = json_object_get(c->p, "ledger_index");
	struct hash256 wanted;
	json_int_t n;

	if (!hash == !index)
		return rpc_fail_text(c, RPC_INVALID_PARAMS,
				     "Exactly one of 'ledger_hash' or 'ledger_index' can be "
				     "specified.");
	if (hash && !json_to_hash(hash, &wanted))
		return rpc_fail_expected(c, "ledger_hash", "hex string");
	if (hash)
		return seq_of_hash(c, &wanted, seq);
	if (!json_is_integer(index))
		return rpc_fail_expected(c, "ledger_index", "number");
	if (!tip || (!c->r->standalone && rpc_validated_age(c->host) > RPC_VALIDATED_AGE_MAX))
		return rpc_fail_behind(c, RPC_NO_CURRENT);
	n = json_integer_value(index);
	if (n >= (json_int_t)tip->header.seq)
		return rpc_fail_text(c, RPC_INVALID_PARAMS, "Ledger index too large");
	if (n <= 0)
		return rpc_fail_text(c, RPC_INVALID_PARAMS, "Ledger index too small");
	*seq = (uint32_t)n;
	return true;
}

/* Ledgers before those that are here are fetched one after the other, newest first, down to the
 * oldest that this server is to keep. */
static void write_wanted(struct rpc_call *c, uint32_t seq)
{
	const struct history *h = c->host->history;
	uint32_t next = 0, until = 0;
	struct node_status s;
	struct hash256 hash;

	if (!h->lacks || h->lacks(h->ctx, &next, &hash, &until) != ERR_NONE || seq < until ||
	    seq > next) {
		rpc_fail_text(c, RPC_LGR_NOT_FOUND, "ledgerNotFound");
		return;
	}
	node_get_status(c->host->node, c->host->now(c->host->ctx), &s);
	if (seq == next)
		jw_put_hash(&c->w, "hash", &hash);
	write_acquiring(&c->w, &s.sync, false);
	jw_put_u64(&c->w, "ledgers_before_it", next - seq);
}

void method_ledger_request(struct rpc_call *c)
{
	struct ledger_header header;
	struct hash256 hash;
	struct jw *w = &c->w;
	uint32_t seq;

	if (!parse_request(c, &seq))
		return;
	if (!rpc_header_of(c->host, seq, &header, &hash)) {
		write_wanted(c, seq);
		return;
	}
	jw_put_open(w, "ledger", '{');
	tj_header(w, &header, &hash, c->version);
	jw_end(w, '}');
	jw_put_u64(w, "ledger_index", seq);
}

/* ---- fetch_info */

void method_fetch_info(struct rpc_call *c)
{
	struct node_status s;
	struct jw *w = &c->w;
	char key[16];

	node_get_status(c->host->node, c->host->now(c->host->ctx), &s);
	if (p_truthy(c, "clear")) /* failures are not remembered beyond a fetch */
		jw_put_bool(w, "clear", true);
	jw_put_open(w, "info", '{');
	if (s.sync.active && s.sync.target_seq) {
		snprintf(key, sizeof(key), "%u", s.sync.target_seq);
		jw_put_open(w, key, '{');
		write_acquiring(w, &s.sync, s.sync.nodes > 0 || s.sync.ledgers > 0);
		jw_end(w, '}');
	}
	if (s.sync.filling) {
		snprintf(key, sizeof(key), "%u", s.sync.fill_next);
		jw_put_open(w, key, '{');
		write_acquiring(w, &s.sync, false);
		jw_end(w, '}');
	}
	jw_end(w, '}');
}
