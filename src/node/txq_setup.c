/* SPDX-License-Identifier: ISC */
#include "node/txq.h"

/* The numbers of the fee market (rippled: TxQ::Setup). */

#define QUEUE_LIMIT    TX_QUEUE_MAX
#define PERCENT_UP_MAX 1000

struct txq_setup txq_setup_default(void)
{
	return (struct txq_setup){
	    .ledgers_in_queue = 20,
	    .minimum_queue_size = 2000,
	    .retry_sequence_percent = 25,
	    .minimum_escalation_multiplier = FEE_LEVEL_BASE * 500,
	    .minimum_txn_in_ledger = 32,
	    .minimum_txn_in_ledger_standalone = 1000,
	    .target_txn_in_ledger = 256,
	    .normal_consensus_increase_percent = 20,
	    .slow_consensus_decrease_percent = 50,
	    .maximum_txn_per_account = 10,
	    .minimum_last_ledger_buffer = 2,
	};
}

struct txq_setup txq_setup_roomy(void)
{
	struct txq_setup s = txq_setup_default();

	s.minimum_txn_in_ledger = s.minimum_txn_in_ledger_standalone = LEDGER_TX_MAX;
	s.maximum_txn_per_account = TX_HELD_PER_ACCOUNT_MAX;
	return s;
}

const char *txq_setup_wrong(const struct txq_setup *s)
{
	if (!s->ledgers_in_queue || s->ledgers_in_queue > TXQ_LEDGERS_MAX)
		return "ledgers_in_queue must be 1 to 256";
	if (!s->minimum_queue_size || s->minimum_queue_size > QUEUE_LIMIT)
		return "minimum_queue_size must be 1 to 20000";
	if (!s->minimum_txn_in_ledger || !s->minimum_txn_in_ledger_standalone)
		return "a ledger must have room for one transaction at least";
	if (s->minimum_txn_in_ledger > LEDGER_TX_MAX ||
	    s->minimum_txn_in_ledger_standalone > LEDGER_TX_MAX ||
	    s->target_txn_in_ledger > LEDGER_TX_MAX || s->maximum_txn_in_ledger > LEDGER_TX_MAX)
		return "a ledger holds 10000 transactions at most";
	if (s->maximum_txn_in_ledger && s->maximum_txn_in_ledger < s->minimum_txn_in_ledger)
		return "minimum_txn_in_ledger exceeds maximum_txn_in_ledger";
	if (s->maximum_txn_in_ledger &&
	    s->maximum_txn_in_ledger < s->minimum_txn_in_ledger_standalone)
		return "minimum_txn_in_ledger_standalone exceeds maximum_txn_in_ledger";
	if (s->normal_consensus_increase_percent > PERCENT_UP_MAX)
		return "normal_consensus_increase_percent must be 0 to 1000";
	if (s->slow_consensus_decrease_percent > 100)
		return "slow_consensus_decrease_percent must be 0 to 100";
	if (!s->maximum_txn_per_account || s->maximum_txn_per_account > TX_HELD_PER_ACCOUNT_MAX)
		return "maximum_txn_per_account must be 1 to 1024";
	return NULL;
}
