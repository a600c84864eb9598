/* SPDX-License-Identifier: ISC */
#include "rpc/methods.h"
#include "rpc/state.h"

#include "base/limits.h"
#include "crypto/base58.h"
#include "crypto/keys.h"

#include <inttypes.h>
#include <stdio.h>

/* consensus_info (rippled: Consensus.h getJson, in full). Its votes by node of each dispute and its
 * lists of acquired sets, of close times and of those that left are not kept here. Ours besides:
 * consensus (the mode), agree, previous_ledger, validated_seq, quorum, held, unresolved, proven. */

static const char *mode_text(enum cons_mode m)
{
	switch (m) {
	case CONS_PROPOSING:
		return "proposing";
	case CONS_OBSERVING:
		return "observing";
	case CONS_WRONG_LEDGER:
		return "wrongLedger";
	case CONS_SWITCHED:
		return "switchedLedger";
	}
	return "unknown";
}

static void write_position(struct jw *w, const struct cons_position *p)
{
	jw_put_hash(w, "previous_ledger", &p->prev);
	jw_put_hash(w, "transaction_hash", &p->set);
	jw_put_u64(w, "propose_seq", p->seq);
	jw_put_text_u64(w, "close_time", p->close.s);
}

static void write_peer_position(struct jw *w, const struct public_key *key,
				const struct cons_position *p)
{
	struct account_id id; /* the reference's NodeID is made the same way */
	char name[2 * sizeof(id.b) + 1];

	account_of_key(&id, key);
	hex_encode(name, id.b, sizeof(id.b));
	jw_put_open(w, name, '{');
	write_position(w, p);
	jw_put_str(w, "peer_id", node_public_text(key).s);
	jw_end(w, '}');
}

static void write_peer_positions(struct rpc_call *c, const struct node_status *s)
{
	struct cons_validation unused;
	struct cons_position p;
	struct public_key key;
	bool any = false;

	for (uint32_t i = 0; i < s->unl_n; i++) {
		if (!node_unl_position(c->host->node, i, &p))
			continue;
		if (!any)
			jw_put_open(&c->w, "peer_positions", '{');
		any = true;
		(void)node_unl_member(c->host->node, i, &key, &unused);
		write_peer_position(&c->w, &key, &p);
	}
	if (any)
		jw_end(&c->w, '}');
}

static void write_disputes(struct rpc_call *c)
{
	struct cons_dispute d;
	char name[2 * sizeof(d.tx.b) + 1];
	struct jw *w = &c->w;
	uint32_t i;

	for (i = 0; node_dispute(c->host->node, i, &d); i++) {
		if (!i)
			jw_put_open(w, "disputes", '{');
		hex_encode(name, d.tx.b, sizeof(d.tx.b));
		jw_put_open(w, name, '{');
		jw_put_u64(w, "yays", d.yes);
		jw_put_u64(w, "nays", d.no);
		jw_put_bool(w, "our_vote", d.ours);
		jw_end(w, '}');
	}
	if (i)
		jw_end(w, '}');
}

/* As far as there is a round. */
static void write_round(struct rpc_call *c, const struct cons_status *k, struct now now)
{
	struct jw *w = &c->w;
	int64_t ms = steady_since(k->round_start, now.steady);

	if (k->have_our) {
		jw_put_open(w, "our_position", '{');
		write_position(w, &k->our);
		jw_end(w, '}');
	}
	jw_put_i64(w, "current_ms", ms > 0 && !c->r->standalone ? ms : 0);
	jw_put_u64(w, "converge_percent", k->converge_percent);
	jw_put_u64(w, "close_resolution", k->resolution);
	jw_put_bool(w, "have_time_consensus", k->close_agreed);
}

static void write_ours(struct jw *w, const struct cons_status *k)
{
	jw_put_str(w, "consensus", mode_text(k->mode));
	jw_put_u64(w, "agree", k->agree);
	jw_put_hash(w, "previous_ledger", &k->prev);
	jw_put_u64(w, "validated_seq", k->validated_seq);
	jw_put_u64(w, "quorum", k->quorum);
	if (k->held)
		jw_put_bool(w, "held", true);
	if (k->unresolved)
		jw_put_u64(w, "unresolved", k->unresolved);
	if (k->proven)
		jw_put_u64(w, "proven", k->proven);
}

void method_consensus_info(struct rpc_call *c)
{
	struct now now = c->host->now(c->host->ctx);
	const struct cons_status *k;
	struct node_status s;
	struct jw *w = &c->w;

	node_get_status(c->host->node, now, &s);
	k = &s.consensus;
	jw_put_open(w, "info", '{');
	jw_put_bool(w, "proposing", k->mode == CONS_PROPOSING);
	jw_put_bool(w, "validating", s.state >= NODE_VALIDATING);
	jw_put_u64(w, "proposers", k->proposers);
	jw_put_bool(w, "synched", k->mode != CONS_WRONG_LEDGER);
	if (k->mode != CONS_WRONG_LEDGER) {
		jw_put_u64(w, "ledger_seq", (uint64_t)k->prev_seq + 1);
		jw_put_u64(w, "close_granularity", k->resolution);
	}
	jw_put_str(w, "phase", cons_phase_name(k->phase));
	write_round(c, k, now);
	jw_put_u64(w, "previous_proposers", k->last_proposers);
	jw_put_i64(w, "previous_mseconds", k->last_converge_ms);
	write_peer_positions(c, &s);
	write_disputes(c);
	write_ours(w, k);
	jw_end(w, '}');
}
