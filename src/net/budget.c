/* SPDX-License-Identifier: ISC */
#include "net/budget.h"

#define UNIT     1000 /* a level counts thousandths, so a rate per second is one per millisecond */
#define GRACE_MS 4000
#define LIMIT_MS 8000

/* Per second, and so thousandths per millisecond. */
static int64_t rate_of(uint32_t which)
{
	must(which > 0 && which < BUDGET_COUNT);
	if (which == BUDGET_BYTES)
		return PEER_BYTES_PER_SECOND;
	if (which == BUDGET_USELESS)
		return PEER_USELESS_PER_SECOND;
	return msg_per_second((enum msg_type)which);
}

const char *budget_name(uint32_t which)
{
	must(which > 0 && which < BUDGET_COUNT);
	if (which == BUDGET_BYTES)
		return "bytes";
	if (which == BUDGET_USELESS)
		return "useless work";
	return msg_type_name((enum msg_type)which);
}

void budget_init(struct budget *b, struct steady now)
{
	memset(b, 0, sizeof(*b));
	b->last = now;
	b->heard = now;
}

/* Time lowers all levels, down to zero or, after a silence, to the credit that it earned. A credit
 * once earned stays until it is used, and a second silence does not add to it. */
static void decay(struct budget *b, struct steady now, int64_t silence_ms)
{
	int64_t ms = steady_since(b->last, now);
	uint32_t i;

	if (ms <= 0)
		return;
	if (ms > PEER_IDLE_MS)
		ms = PEER_IDLE_MS;
	if (silence_ms > PEER_IDLE_MS)
		silence_ms = PEER_IDLE_MS;
	b->last = now;
	for (i = 1; i < BUDGET_COUNT; i++) {
		int64_t floor = -rate_of(i) * silence_ms, level = b->level[i];

		if (level < floor)
			floor = level;
		level -= rate_of(i) * ms;
		b->level[i] = level < floor ? floor : level;
		if (b->level[i] <= 0)
			b->warned[i] = false;
	}
}

static enum budget_verdict raise(struct budget *b, uint32_t i, size_t n)
{
	must(n <= FRAME_BYTES_MAX);
	b->level[i] += (int64_t)n * UNIT;
	if (b->level[i] > rate_of(i) * LIMIT_MS)
		return BUDGET_OVER;
	if (b->level[i] <= rate_of(i) * GRACE_MS || b->warned[i])
		return BUDGET_OK;
	b->warned[i] = true;
	return BUDGET_WARN;
}

enum budget_verdict budget_message(struct budget *b, enum msg_type t, size_t n, struct steady now,
				   uint32_t *which)
{
	enum budget_verdict count, bytes;

	decay(b, now, steady_since(b->heard, now));
	b->heard = now;
	count = raise(b, t, 1);
	bytes = raise(b, BUDGET_BYTES, n);
	*which = bytes > count ? (uint32_t)BUDGET_BYTES : (uint32_t)t;
	return bytes > count ? bytes : count;
}

enum budget_verdict budget_useless(struct budget *b, uint32_t units, struct steady now)
{
	decay(b, now, steady_since(b->heard, now));
	return raise(b, BUDGET_USELESS, units < PEER_USELESS_MAX ? units : PEER_USELESS_MAX);
}

bool budget_pace(struct budget *b, enum msg_type t, size_t n, struct steady now)
{
	decay(b, now, 0);
	if (b->level[t] + UNIT > rate_of(t) * GRACE_MS ||
	    b->level[BUDGET_BYTES] + (int64_t)n * UNIT > rate_of(BUDGET_BYTES) * GRACE_MS)
		return false;
	b->level[t] += UNIT;
	b->level[BUDGET_BYTES] += (int64_t)n * UNIT;
	return true;
}
