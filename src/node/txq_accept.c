/* SPDX-License-Identifier: ISC */
#include "node/txq_impl.h"

/* A ledger has closed, another is open (rippled: TxQ::processClosedLedger, TxQ::accept). */

#define NEARLY_FULL 95 /* percent */

static void set_max(struct txq *q)
{
	uint64_t max = q->fees.expected * q->setup.ledgers_in_queue;

	if (max < q->setup.minimum_queue_size)
		max = q->setup.minimum_queue_size;
	q->max = (uint32_t)(max < TX_QUEUE_MAX ? max : TX_QUEUE_MAX);
}

static void forget_idle_accounts(struct txq *q)
{
	struct txq_account **at = &q->accounts;

	while (*at) {
		struct txq_account *a = *at;

		if (a->n) {
			at = &a->next;
			continue;
		}
		*at = a->next;
		hmap_del(&q->by_account, &a->key);
		mem_free(a);
	}
}

void txq_closed(struct txq *q, uint64_t *levels, size_t n, bool slow, uint32_t seq)
{
	uint32_t i = 0;

	fee_metrics_closed(&q->fees, levels, n, slow);
	if (!slow)
		set_max(q);
	while (i < q->n) {
		struct txq_entry *e = q->order[i];

		if (!e->tx->last_ledger || e->tx->last_ledger > seq) {
			i++;
			continue;
		}
		e->account->drop_penalty = true;
		txq_leaves(q, e, false, tefMAX_LEDGER);
	}
	forget_idle_accounts(q);
}

/* Takes out the entry at i; the place of the one to look at next: its account's next if that comes
 * before what follows, because it was passed over. */
static uint32_t leave_and_go_on(struct txq *q, uint32_t i, bool applied, enum ter result)
{
	struct txq_entry *e = q->order[i], *next = e->next;
	uint32_t at;

	txq_leaves(q, e, applied, result);
	at = next ? txq_place(q, next) : i;
	return at < i ? at : i;
}

/* The entry at i could not be applied and has used up a try; the place to go on at. */
static uint32_t keep_for_later(struct txq *q, uint32_t i, enum ter result)
{
	struct txq_entry *e = q->order[i], *last;
	struct txq_account *a = e->account;
	uint32_t at;

	if (a->retry_penalty && e->retries > 2)
		e->retries = 1;
	else
		e->retries--;
	e->last = result;
	if (!a->drop_penalty || a->n < 2 || !txq_full(q, NEARLY_FULL))
		return i + 1;
	/* Several wait, one has failed already, and room is scarce: one goes, of sequences the
	 * last, which needs all the others first. */
	if (e->tx->has_ticket)
		return leave_and_go_on(q, i, false, result);
	last = txq_last_of(a);
	if (last == e)
		return i + 1;
	at = txq_place(q, last);
	txq_leaves(q, last, false, telCAN_NOT_QUEUE_FULL);
	return at < i ? i : i + 1;
}

static uint32_t accept_one(struct txq *q, struct txq_open *o, uint32_t i)
{
	struct txq_entry *e = q->order[i];
	struct tx_outcome out = txq_apply(o, e->tx, 0);

	if (out.applied)
		return leave_and_go_on(q, i, true, out.result);
	if (ter_is_tef(out.result) || ter_is_tem(out.result) || e->retries <= 0) {
		if (e->retries <= 0)
			e->account->retry_penalty = true;
		else
			e->account->drop_penalty = true;
		return leave_and_go_on(q, i, false, out.result);
	}
	return keep_for_later(q, i, out.result);
}

void txq_accept(struct txq *q, struct txq_open *o, const struct hash256 *parent)
{
	uint32_t i = 0;

	while (i < q->n) {
		const struct txq_entry *e = q->order[i];

		if (!e->tx->has_ticket && e != e->account->first) {
			i++; /* its turn comes with that of the one before it */
			continue;
		}
		if (e->level < fee_level_required(&q->fees, o->txs) || !txq_has_room(o, e->tx))
			break;
		i = accept_one(q, o, i);
	}
	txq_sort(q, parent);
}
