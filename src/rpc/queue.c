/* SPDX-License-Identifier: ISC */
#include "rpc/queue.h"

/* rippled: AccountInfo.cpp, LedgerToJson.cpp fillJsonQueue. */

static struct drops total_of(const struct node_queued *q)
{
	struct drops total = q->effect.spend;

	if (!drops_add(&total, total, q->tx->fee))
		total = drops_of(DROPS_MAX);
	return total;
}

void queue_write_tx(struct jw *w, const struct node_queued *q)
{
	jw_put_text_u64(w, "fee_level", q->level);
	if (q->tx->last_ledger)
		jw_put_u64(w, "LastLedgerSequence", q->tx->last_ledger);
	jw_put_text_u64(w, "fee", q->tx->fee.raw);              /* raw: printing */
	jw_put_text_u64(w, "max_spend_drops", total_of(q).raw); /* raw: printing */
	jw_put_bool(w, "auth_change", q->effect.blocker);
}

/* ---- An account's */

struct totals {
	uint32_t seqs, tickets, first[2], last[2]; /* of sequences, of tickets */
	bool auth;
	struct drops spend;
};

static void count(struct totals *t, const struct node_queued *q)
{
	const struct tx *tx = q->tx;
	uint32_t n = tx->has_ticket ? tx->ticket : tx->seq;
	uint32_t *seen = tx->has_ticket ? &t->tickets : &t->seqs;

	if (!*seen)
		t->first[tx->has_ticket] = n;
	t->last[tx->has_ticket] = n;
	(*seen)++;
	t->auth |= q->effect.blocker;
	if (!drops_add(&t->spend, t->spend, total_of(q)))
		t->spend = drops_of(DROPS_MAX);
}

static void write_totals(struct jw *w, const struct totals *t)
{
	if (t->seqs)
		jw_put_u64(w, "sequence_count", t->seqs);
	if (t->tickets)
		jw_put_u64(w, "ticket_count", t->tickets);
	if (t->seqs) {
		jw_put_u64(w, "lowest_sequence", t->first[0]);
		jw_put_u64(w, "highest_sequence", t->last[0]);
	}
	if (t->tickets) {
		jw_put_u64(w, "lowest_ticket", t->first[1]);
		jw_put_u64(w, "highest_ticket", t->last[1]);
	}
	jw_put_bool(w, "auth_change_queued", t->auth);
	jw_put_text_u64(w, "max_spend_drops_total", t->spend.raw); /* raw: printing */
}

void queue_write_account(struct rpc_call *c, const struct account_id *id)
{
	struct node_queued *q = mem_alloc(QUEUE_SHOWN_MAX * sizeof(*q));
	uint32_t n = node_queued(c->host->node, id, q, QUEUE_SHOWN_MAX);
	struct totals t = {.seqs = 0};
	struct jw *w = &c->w;

	jw_put_open(w, "queue_data", '{');
	jw_put_u64(w, "txn_count", n);
	if (n) {
		jw_put_open(w, "transactions", '[');
		for (uint32_t i = 0; i < n; i++) {
			const struct tx *tx = q[i].tx;

			jw_open(w, '{');
			jw_put_u64(w, tx->has_ticket ? "ticket" : "seq",
				   tx->has_ticket ? tx->ticket : tx->seq);
			queue_write_tx(w, &q[i]);
			jw_end(w, '}');
			count(&t, &q[i]);
		}
		jw_end(w, ']');
		write_totals(w, &t);
	}
	jw_end(w, '}');
	mem_free(q);
}
