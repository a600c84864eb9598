/* SPDX-License-Identifier: ISC */
#include "rpc/queue.h"

#include "codec/amount.h"

#include <stdlib.h>

/* rippled: AccountInfo.cpp, LedgerToJson.cpp fillJsonQueue, makeTxConsequences of the transactors.
 */

#define LEVEL_REFERENCE 256

/* ---- What a transaction may do to those behind it */

static bool is_switch(uint32_t flag)
{
	return flag == asfRequireAuth || flag == asfDisableMaster || flag == asfAccountTxnID;
}

/* Whether it changes who may sign, so that nothing after it can be judged before it has run. */
static bool changes_rights(const struct tx *tx)
{
	if (tx->type == ttSetRegularKey || tx->type == ttSignerListSet ||
	    tx->type == ttAccountDelete)
		return true;
	return tx->type == ttAccountSet && ((tx->flags & (tfRequireAuth | tfOptionalAuth)) ||
					    is_switch(st_u32_or(tx->fields, sfSetFlag, 0)) ||
					    is_switch(st_u32_or(tx->fields, sfClearFlag, 0)));
}

static struct drops xrp_of(const struct tx *tx, enum sf f)
{
	struct drops d = {0};

	return st_get_drops(tx->fields, f, &d) ? d : drops_of(0);
}

/* The most XRP that it may spend beside its fee. */
static struct drops spend_of(const struct tx *tx)
{
	switch (tx->type) {
	case ttPayment:
		return xrp_of(tx, st_has(tx->fields, sfSendMax) ? sfSendMax : sfAmount);
	case ttOfferCreate:
		return xrp_of(tx, sfTakerGets);
	case ttEscrowCreate:
	case ttPaymentChannelCreate:
	case ttPaymentChannelFund:
		return xrp_of(tx, sfAmount);
	default:
		return drops_of(0);
	}
}

static struct drops total_of(const struct tx *tx)
{
	struct drops total = spend_of(tx);

	if (!drops_add(&total, total, tx->fee))
		total = drops_of(DROPS_MAX);
	return total;
}

/* In 256ths of what the transaction would cost in an empty ledger. */
static uint64_t level_of(const struct tx *tx, struct drops base)
{
	unsigned __int128 level = (unsigned __int128)tx->fee.raw * LEVEL_REFERENCE; /* raw: ratio */

	return base.raw ? (uint64_t)(level / base.raw) : LEVEL_REFERENCE; /* raw: ratio */
}

void queue_write_tx(struct jw *w, const struct tx *tx, struct drops base)
{
	jw_put_text_u64(w, "fee_level", level_of(tx, base));
	if (tx->last_ledger)
		jw_put_u64(w, "LastLedgerSequence", tx->last_ledger);
	jw_put_text_u64(w, "fee", tx->fee.raw);                  /* raw: printing */
	jw_put_text_u64(w, "max_spend_drops", total_of(tx).raw); /* raw: printing */
	jw_put_bool(w, "auth_change", changes_rights(tx));
}

/* ---- An account's */

/* Sequences before tickets, both ascending. */
static int by_proxy(const void *a, const void *b)
{
	const struct tx *x = ((const struct node_queued *)a)->tx;
	const struct tx *y = ((const struct node_queued *)b)->tx;
	uint32_t i = x->has_ticket ? x->ticket : x->seq, k = y->has_ticket ? y->ticket : y->seq;

	if (x->has_ticket != y->has_ticket)
		return x->has_ticket ? 1 : -1;
	return i == k ? hash256_cmp(&x->id, &y->id) : i < k ? -1 : 1;
}

struct totals {
	uint32_t seqs, tickets, first[2], last[2]; /* of sequences, of tickets */
	bool auth;
	struct drops spend;
};

static void count(struct totals *t, const struct tx *tx)
{
	uint32_t n = tx->has_ticket ? tx->ticket : tx->seq;
	uint32_t *seen = tx->has_ticket ? &t->tickets : &t->seqs;

	if (!*seen)
		t->first[tx->has_ticket] = n;
	t->last[tx->has_ticket] = n;
	(*seen)++;
	t->auth |= changes_rights(tx);
	if (!drops_add(&t->spend, t->spend, total_of(tx)))
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
	struct drops base = view_get_info(c->ledger.open)->fees.base;
	struct node_queued *q = mem_alloc(QUEUE_SHOWN_MAX * sizeof(*q));
	uint32_t n = node_queued(c->host->node, id, q, QUEUE_SHOWN_MAX);
	struct totals t = {.seqs = 0};
	struct jw *w = &c->w;

	jw_put_open(w, "queue_data", '{');
	jw_put_u64(w, "txn_count", n);
	if (n) {
		qsort(q, n, sizeof(*q), by_proxy);
		jw_put_open(w, "transactions", '[');
		for (uint32_t i = 0; i < n; i++) {
			const struct tx *tx = q[i].tx;

			jw_open(w, '{');
			jw_put_u64(w, tx->has_ticket ? "ticket" : "seq",
				   tx->has_ticket ? tx->ticket : tx->seq);
			queue_write_tx(w, tx, base);
			jw_end(w, '}');
			count(&t, tx);
		}
		jw_end(w, ']');
		write_totals(w, &t);
	}
	jw_end(w, '}');
	mem_free(q);
}
