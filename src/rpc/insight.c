/* SPDX-License-Identifier: ISC */
#include "rpc/methods.h"
#include "rpc/state.h"

#include "base/limits.h"
#include "crypto/base58.h"

/* Looking into the server: print, unl_list, blacklist, tx_reduce_relay (rippled: Print.cpp,
 * UnlList.cpp, BlackList.cpp, TxReduceRelay.cpp). */

/* ---- print: what the parts of the program have to say of themselves */

static void print_node(struct rpc_call *c, const struct node_status *s)
{
	const struct node_counters *n = &s->counters;
	struct jw *w = &c->w;

	jw_put_str(w, "state", node_state_name(s->state));
	jw_put_u64(w, "tx_open", s->open_n);
	jw_put_u64(w, "tx_queued", s->queue_n);
	jw_put_u64(w, "tx_received", n->tx_received);
	jw_put_u64(w, "tx_relayed", n->tx_relayed);
	jw_put_u64(w, "tx_validated", n->tx_validated);
	jw_put_u64(w, "ledgers_closed", n->ledgers_closed);
	jw_put_u64(w, "ledgers_validated", n->ledgers_validated);
	jw_put_u64(w, "builds", n->builds);
}

static void print_consensus(struct rpc_call *c, const struct node_status *s)
{
	struct jw *w = &c->w;

	jw_put_u64(w, "ledger_seq", (uint64_t)s->consensus.prev_seq + 1);
	jw_put_u64(w, "proposers", s->consensus.proposers);
	jw_put_u64(w, "disputes", s->consensus.disputes);
	jw_put_u64(w, "quorum", s->quorum);
	jw_put_u64(w, "validators", s->unl_n);
	jw_put_u64(w, "proposals_in", s->counters.proposals_in);
	jw_put_u64(w, "validations_in", s->counters.validations_in);
	jw_put_u64(w, "evidence", s->counters.evidence);
}

static void print_ledgers(struct rpc_call *c, const struct node_status *s)
{
	struct history_range whole = c->host->history->complete(c->host->history->ctx);
	struct history_range known = rpc_searchable(c->host);
	struct jw *w = &c->w;

	jw_put_u64(w, "complete_first", whole.first);
	jw_put_u64(w, "complete_last", whole.last);
	jw_put_u64(w, "searchable_first", known.first);
	jw_put_u64(w, "ledgers_acquired", s->counters.ledgers_acquired);
	jw_put_u64(w, "sets_acquired", s->counters.sets_acquired);
	jw_put_bool(w, "catching_up", s->sync.active);
	jw_put_bool(w, "filling", s->sync.filling);
}

static void print_peers(struct rpc_call *c, const struct node_status *s)
{
	struct rpc_peer *list = arena_zalloc(&c->arena, PEERS_MAX, sizeof(*list));
	uint32_t n = c->host->peers ? c->host->peers(c->host->ctx, list, PEERS_MAX) : 0;
	struct jw *w = &c->w;

	jw_put_u64(w, "count", s->peers);
	jw_put_open(w, "list", '[');
	for (uint32_t i = 0; i < n && i < PEERS_MAX; i++) {
		jw_open(w, '{');
		jw_put_str(w, "address", list[i].address);
		jw_put_bool(w, "inbound", list[i].inbound);
		jw_put_u64(w, "messages_in", list[i].messages_in);
		jw_put_u64(w, "messages_out", list[i].messages_out);
		jw_end(w, '}');
	}
	jw_end(w, ']');
}

static void print_rpc(struct rpc_call *c, const struct node_status *s)
{
	(void)s;
	jw_put_u64(&c->w, "requests", c->r->requests);
	jw_put_u64(&c->w, "pending", RPC_PENDING_MAX - c->r->n_free);
}

struct section {
	const char *name;
	void (*print)(struct rpc_call *c, const struct node_status *s);
};
static const struct section sections[] = {
    {"consensus", print_consensus}, {"ledgers", print_ledgers}, {"node", print_node},
    {"peers", print_peers},         {"rpc", print_rpc},
};

void method_print(struct rpc_call *c)
{
	const char *wanted = json_string_value(json_array_get(json_object_get(c->p, "params"), 0));
	struct node_status s;
	struct jw *w = &c->w;

	node_get_status(c->host->node, c->host->now(c->host->ctx), &s);
	if (wanted && strncmp(wanted, "app.", 4) == 0)
		wanted += 4;
	jw_put_open(w, "app", '{');
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		if (wanted && strcmp(wanted, "app") != 0 && strcmp(wanted, sections[i].name) != 0)
			continue;
		jw_put_open(w, sections[i].name, '{');
		sections[i].print(c, &s);
		jw_end(w, '}');
	}
	jw_end(w, '}');
}

/* ---- unl_list: all validators that are listed, and whether they are trusted */

static bool is_member(const struct rpc_call *c, const struct node_status *s,
		      const struct public_key *key)
{
	struct cons_validation last;
	struct public_key member;

	for (uint32_t i = 0; i < s->unl_n; i++) {
		node_unl_member(c->host->node, i, &member, &last);
		if (!public_key_cmp(&member, key))
			return true;
	}
	return false;
}

static void write_listed(struct jw *w, const struct public_key *key, bool trusted)
{
	jw_open(w, '{');
	jw_put_str(w, "pubkey_validator", node_public_text(key).s);
	jw_put_bool(w, "trusted", trusted);
	jw_end(w, '}');
}

void method_unl_list(struct rpc_call *c)
{
	const struct public_key *listed;
	uint32_t n = node_listed(c->host->node, &listed);
	struct cons_validation last;
	struct public_key key;
	struct node_status s;

	node_get_status(c->host->node, c->host->now(c->host->ctx), &s);
	jw_put_open(&c->w, "unl", '[');
	for (uint32_t i = 0; i < s.unl_n; i++) {
		node_unl_member(c->host->node, i, &key, &last);
		write_listed(&c->w, &key, true);
	}
	for (uint32_t i = 0; i < n; i++)
		if (!is_member(c, &s, &listed[i]))
			write_listed(&c->w, &listed[i], false);
	jw_end(&c->w, ']');
}

/* ---- blacklist: addresses by what their requests cost */

#define BLACKLIST_USUAL 5000 /* from where on a client is warned (rippled: Tuning.h) */

static void visit_address(void *ctx, const char *address, uint32_t balance, bool refused)
{
	struct jw *w = ctx;

	jw_put_open(w, address, '{');
	jw_put_u64(w, "local", balance);
	jw_put_u64(w, "remote", 0); /* nobody else's opinion counts here */
	jw_put_str(w, "type", "inbound");
	if (refused)
		jw_put_bool(w, "refused", true);
	jw_end(w, '}');
}

void method_blacklist(struct rpc_call *c)
{
	const json_t *v = json_object_get(c->p, "threshold");
	json_int_t n = json_integer_value(v);
	uint32_t at_least = BLACKLIST_USUAL;

	if (v && json_is_integer(v) && n < 0)
		at_least = 0;
	else if (v && !json_to_u32(v, &at_least)) {
		rpc_fail_invalid(c, "threshold");
		return;
	}
	if (c->host->charged)
		c->host->charged(c->host->ctx, at_least, visit_address, &c->w);
}

/* ---- tx_reduce_relay: how transactions are passed on */

void method_tx_reduce_relay(struct rpc_call *c)
{
	struct now now = c->host->now(c->host->ctx);
	struct node_status s;
	struct jw *w = &c->w;
	uint64_t seconds;

	node_get_status(c->host->node, now, &s);
	seconds = (uint64_t)(steady_since(s.started, now.steady) / 1000);
	seconds = seconds ? seconds : 1;
	/* By the second. Every transaction goes whole to every peer: there are no announcements
	 * of transactions, nothing is selected or suppressed, and none is missed. */
	jw_put_text_u64(w, "txr_tx_cnt", s.counters.tx_received / seconds);
	jw_put_text_u64(w, "txr_tx_sz", s.counters.tx_bytes / seconds);
	jw_put_text_u64(w, "txr_have_txs_cnt", 0);
	jw_put_text_u64(w, "txr_have_txs_sz", 0);
	jw_put_text_u64(w, "txr_get_ledger_cnt", 0);
	jw_put_text_u64(w, "txr_get_ledger_sz", 0);
	jw_put_text_u64(w, "txr_ledger_data_cnt", 0);
	jw_put_text_u64(w, "txr_ledger_data_sz", 0);
	jw_put_text_u64(w, "txr_transactions_cnt", 0);
	jw_put_text_u64(w, "txr_transactions_sz", 0);
	jw_put_text_u64(w, "txr_selected_cnt", s.peers);
	jw_put_text_u64(w, "txr_suppressed_cnt", 0);
	jw_put_text_u64(w, "txr_not_enabled_cnt", 0);
	jw_put_text_u64(w, "txr_missing_tx_freq", 0);
}
