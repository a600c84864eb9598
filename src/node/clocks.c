/* SPDX-License-Identifier: ISC */
#include "node/node_impl.h"

#include <stdlib.h>

/* Our clock against those of the UNL. A validation carries the time at which it was signed; its way
 * to us makes that look earlier, never later. One for a ledger that we have just built in a round
 * is fresh, whatever else is heard may be old (it is sent again after losses and restarts). Of a
 * member's fresh ones in CLOCK_SPAN_MS the one that looks latest is nearest to the truth, and the
 * median over the members cannot be moved by a minority. When it is more than CLOCK_OFF_S away, our
 * clock is wrong: this node stops validating, and goes on when it is less than CLOCK_GOOD_S again,
 * or when the others have not been heard for CLOCK_LOST_MS: when so many clocks are wrong that
 * there is no quorum, nobody validates, and nobody could ever tell that the clocks have been set.
 * Rounds never depend on it: they run on steady time, and close times are agreed on. */

#define CLOCK_SPAN_MS  10000
#define CLOCK_LOST_MS  30000
#define CLOCK_HEARD_MS 60000
#define CLOCK_FRESH_MS 5000 /* between a vote for a ledger and our own building of it */
#define CLOCK_WARN_S   5
#define CLOCK_OFF_S    10
#define CLOCK_GOOD_S   8

static void sample(struct node *n, struct unl_member *m, int64_t off)
{
	if (m->clock_heard && off < m->clock_off_s &&
	    steady_since(m->clock_at, n->now.steady) < CLOCK_SPAN_MS)
		return;
	m->clock_heard = true;
	m->clock_off_s = off;
	m->clock_at = n->now.steady;
}

void clocks_heard(struct node *n, uint32_t who, const struct cons_validation *v)
{
	struct unl_member *m = &n->unl[who];
	int64_t off = (int64_t)v->signed_at.s - (int64_t)n->now.net.s;

	if ((int32_t)who == n->self)
		return;
	if (hash256_is_zero(&v->ledger))
		return;
	if (hash256_eq(&v->ledger, &n->clock_built)) {
		if (steady_since(n->clock_built_at, n->now.steady) < CLOCK_FRESH_MS)
			sample(n, m, off);
		return;
	}
	m->clock_waits = true; /* perhaps we shall build it, too */
	m->clock_waits_s = off;
	m->clock_waits_at = n->now.steady;
	m->clock_waits_for = v->ledger;
}

void clocks_built(struct node *n, const struct hash256 *ledger)
{
	uint32_t i;

	n->clock_built = *ledger;
	n->clock_built_at = n->now.steady;
	for (i = 0; i < n->cfg.unl_n; i++) {
		struct unl_member *m = &n->unl[i];

		if (m->clock_waits && hash256_eq(&m->clock_waits_for, ledger) &&
		    steady_since(m->clock_waits_at, n->now.steady) < CLOCK_FRESH_MS)
			sample(n, m, m->clock_waits_s);
		m->clock_waits = false;
	}
}

static int cmp(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* The median of what the others' clocks show beyond ours; false while no more than half of them
 * have been heard in that span. */
static bool median(const struct node *n, int64_t span_ms, int64_t *out)
{
	int64_t off[UNL_MAX];
	uint32_t i, k = 0, others = n->cfg.unl_n - (n->self >= 0);

	for (i = 0; i < n->cfg.unl_n; i++) {
		const struct unl_member *m = &n->unl[i];

		if (m->clock_heard && steady_since(m->clock_at, n->now.steady) < span_ms)
			off[k++] = m->clock_off_s;
	}
	if (!k || 2 * k <= others)
		return false;
	qsort(off, k, sizeof(off[0]), cmp);
	*out = off[k / 2];
	return true;
}

static int64_t size_of(int64_t s)
{
	return s < 0 ? -s : s;
}

void clocks_tick(struct node *n)
{
	bool off = n->holds & HOLD_CLOCK;
	int64_t m;

	n->clock_known = median(n, off ? CLOCK_LOST_MS : CLOCK_HEARD_MS, &m);
	if (!n->clock_known && off) {
		node_log(n, NODE_LOG_WARN, "clock: nothing to compare it with; validating");
		hold_set(n, HOLD_CLOCK, false);
	}
	if (!n->clock_known)
		return;
	if (size_of(m) > CLOCK_WARN_S && size_of(n->clock_median_s) <= CLOCK_WARN_S)
		node_log(n, NODE_LOG_WARN, "clock: %lld s %s the median of the UNL's",
			 (long long)size_of(m), m > 0 ? "behind" : "ahead of");
	n->clock_median_s = m;
	if (!off && size_of(m) > CLOCK_OFF_S) {
		node_log(n, NODE_LOG_ERROR,
			 "clock: %lld s %s the median of the UNL's; not validating until it is set",
			 (long long)size_of(m), m > 0 ? "behind" : "ahead of");
		hold_set(n, HOLD_CLOCK, true);
	} else if (off && size_of(m) < CLOCK_GOOD_S) {
		node_log(n, NODE_LOG_WARN, "clock: right again; validating");
		hold_set(n, HOLD_CLOCK, false);
	}
}
