/* SPDX-License-Identifier: ISC */

/* [transaction_queue]: the keys are the reference server's. What they must be together is
 * txq_setup_wrong()'s to say. */
#include "daemon/config_parse.h"

static enum err set(struct config_parse *p, uint32_t *out, const char *v, uint64_t lo, uint64_t hi)
{
	uint64_t x = 0;
	enum err e = config_number(p, &x, v, lo, hi);

	*out = (uint32_t)x;
	return e;
}

enum err config_set_ledgers_in_queue(struct config_parse *p, const char *v)
{
	return set(p, &p->c->txq.ledgers_in_queue, v, 1, TXQ_LEDGERS_MAX);
}

enum err config_set_queue_size(struct config_parse *p, const char *v)
{
	return set(p, &p->c->txq.minimum_queue_size, v, 1, TX_QUEUE_MAX);
}

enum err config_set_retry_percent(struct config_parse *p, const char *v)
{
	return set(p, &p->c->txq.retry_sequence_percent, v, 0, 10000);
}

enum err config_set_multiplier(struct config_parse *p, const char *v)
{
	return config_number(p, &p->c->txq.minimum_escalation_multiplier, v, 0, 1ull << 40);
}

enum err config_set_minimum_txn(struct config_parse *p, const char *v)
{
	return set(p, &p->c->txq.minimum_txn_in_ledger, v, 1, LEDGER_TX_MAX);
}

enum err config_set_minimum_txn_alone(struct config_parse *p, const char *v)
{
	return set(p, &p->c->txq.minimum_txn_in_ledger_standalone, v, 1, LEDGER_TX_MAX);
}

enum err config_set_target_txn(struct config_parse *p, const char *v)
{
	return set(p, &p->c->txq.target_txn_in_ledger, v, 0, LEDGER_TX_MAX);
}

enum err config_set_maximum_txn(struct config_parse *p, const char *v)
{
	return set(p, &p->c->txq.maximum_txn_in_ledger, v, 0, LEDGER_TX_MAX);
}

enum err config_set_increase_percent(struct config_parse *p, const char *v)
{
	return set(p, &p->c->txq.normal_consensus_increase_percent, v, 0, 1000);
}

enum err config_set_decrease_percent(struct config_parse *p, const char *v)
{
	return set(p, &p->c->txq.slow_consensus_decrease_percent, v, 0, 100);
}

enum err config_set_txn_per_account(struct config_parse *p, const char *v)
{
	return set(p, &p->c->txq.maximum_txn_per_account, v, 1, TX_HELD_PER_ACCOUNT_MAX);
}

enum err config_set_last_ledger_buffer(struct config_parse *p, const char *v)
{
	return set(p, &p->c->txq.minimum_last_ledger_buffer, v, 0, 1000);
}
