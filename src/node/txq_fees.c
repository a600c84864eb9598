/* SPDX-License-Identifier: ISC */
#include "node/txq.h"

#include "tx/ops.h"

#include <stdlib.h>

/* How large a ledger may be before fees rise, and how fast they do (rippled: TxQ::FeeMetrics). */

#define SQUARES_SUM_MAX (1ull << 21) /* 1 + 4 + 9 ... up to here stays below 2^63 */

bool fee_mul_div(uint64_t *out, uint64_t a, uint64_t b, uint64_t c)
{
	unsigned __int128 x = (unsigned __int128)a * b;

	*out = UINT64_MAX;
	if (!c || x / c > UINT64_MAX)
		return false;
	*out = (uint64_t)(x / c);
	return true;
}

static uint64_t mul_div(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t r;

	(void)fee_mul_div(&r, a, b, c); /* the largest number will do */
	return r;
}

void fee_metrics_init(struct fee_metrics *m, const struct txq_setup *s, bool standalone)
{
	*m = (struct fee_metrics){
	    .minimum = standalone ? s->minimum_txn_in_ledger_standalone : s->minimum_txn_in_ledger,
	    .cap_recent = s->ledgers_in_queue,
	    .increase_percent = s->normal_consensus_increase_percent,
	    .decrease_percent = s->slow_consensus_decrease_percent,
	    .minimum_multiplier = s->minimum_escalation_multiplier,
	    .multiplier = s->minimum_escalation_multiplier,
	};
	m->target = s->target_txn_in_ledger < m->minimum ? m->minimum : s->target_txn_in_ledger;
	if (s->maximum_txn_in_ledger)
		m->maximum = s->maximum_txn_in_ledger < m->target ? m->target
								  : s->maximum_txn_in_ledger;
	m->expected = m->minimum;
}

static int by_level(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t median(uint64_t *levels, size_t n)
{
	unsigned __int128 sum;

	qsort(levels, n, sizeof(*levels), by_level);
	sum = (unsigned __int128)levels[n / 2] + levels[(n - 1) / 2] + 1;
	return (uint64_t)(sum / 2); /* rounded up */
}

/* Consensus took long: the next ledgers are to be smaller, whatever the last ones were like. */
static void shrink(struct fee_metrics *m, uint64_t size)
{
	uint64_t keep = 100 - m->decrease_percent;
	uint64_t upper = mul_div(m->expected, keep, 100), next = mul_div(size, keep, 100);

	if (upper < m->minimum)
		upper = m->minimum;
	if (next < m->minimum)
		next = m->minimum;
	m->expected = next < upper ? next : upper;
	m->n_recent = m->at_recent = 0;
}

/* Up at once, down by a tenth of the way. */
static void grow(struct fee_metrics *m, uint64_t size)
{
	uint64_t most = 0, next;

	m->recent[m->at_recent] = mul_div(size, 100 + (uint64_t)m->increase_percent, 100);
	m->at_recent = (m->at_recent + 1) % m->cap_recent;
	if (m->n_recent < m->cap_recent)
		m->n_recent++;
	for (uint32_t i = 0; i < m->n_recent; i++)
		most = m->recent[i] > most ? m->recent[i] : most;
	next = most >= m->expected ? most : (m->expected * 9 + most) / 10;
	m->expected = m->maximum && next > m->maximum ? m->maximum : next;
}

void fee_metrics_closed(struct fee_metrics *m, uint64_t *levels, size_t n, bool slow)
{
	if (slow)
		shrink(m, n);
	else if (n > m->expected || n > m->target)
		grow(m, n);
	m->multiplier = n ? median(levels, n) : 0;
	if (m->multiplier < m->minimum_multiplier)
		m->multiplier = m->minimum_multiplier;
}

uint64_t fee_level_required(const struct fee_metrics *m, uint64_t n)
{
	if (n <= m->expected)
		return FEE_LEVEL_BASE;
	return mul_div(m->multiplier, n * n, m->expected * m->expected);
}

/* 1 + 4 + 9 + ... + x². */
static bool squares(uint64_t x, uint64_t *out)
{
	*out = UINT64_MAX;
	if (x >= SQUARES_SUM_MAX)
		return false;
	*out = x * (x + 1) * (2 * x + 1) / 6;
	return true;
}

bool fee_level_series(const struct fee_metrics *m, uint64_t n, uint64_t count, uint64_t *out)
{
	uint64_t upto, before;

	must(n > m->expected && count > 0);
	*out = UINT64_MAX;
	if (!squares(n + count - 1, &upto) || !squares(n - 1, &before))
		return false;
	return fee_mul_div(out, m->multiplier, upto - before, m->expected * m->expected);
}

/* A free transaction (the one change of a key that costs nothing) counts as if it paid the common
 * base fee for a price of as much: what is paid beyond that lifts it like any other. */
uint64_t fee_level_of(const struct tx *t, struct view *v)
{
	uint64_t base = tx_base_fee(t, v).raw, paid = t->fee.raw; /* raw: ratio */

	if (!base) {
		base = tx_base_fee_common(t, &view_get_info(v)->fees).raw; /* raw: ratio */
		base = base ? base : 1;
		paid = paid > UINT64_MAX - base ? UINT64_MAX : paid + base;
	}
	return mul_div(paid, FEE_LEVEL_BASE, base);
}

struct drops fee_level_drops(uint64_t level, struct drops base)
{
	uint64_t d = mul_div(level, base.raw, FEE_LEVEL_BASE); /* raw: ratio */

	return drops_of(d < DROPS_MAX ? d : DROPS_MAX);
}
