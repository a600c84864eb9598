/* SPDX-License-Identifier: ISC */
#include "daemon/rounds.h"

const struct histogram_scale rounds_scale = {
    14, {1000, 2000, 2500, 3000, 3500, 4000, 4500, 5000, 6000, 8000, 10000, 20000, 60000, 300000}};

void rounds_join(struct rounds *r, const struct cons_status *s, struct now now)
{
	r->known = true;
	r->phase = s->phase;
	r->phase_since = now.steady;
	r->running = s->phase == CONS_OPEN || s->phase == CONS_ESTABLISH;
	r->since = s->round_start;
}

static uint64_t ms_of(int64_t ms)
{
	return ms > 0 ? (uint64_t)ms : 0;
}

static void end_round(struct rounds *r, enum cons_phase next, const struct cons_status *s,
		      struct now now)
{
	if (next == CONS_ESTABLISH || !r->running)
		return;
	r->running = false;
	if (next != CONS_ACCEPTED) {
		r->ended[ROUND_LEFT]++;
		return;
	}
	r->ended[s->abandoned ? ROUND_ABANDONED : ROUND_AGREED]++;
	r->disputed += s->disputes;
	r->last_ms = steady_since(r->since, now.steady);
	histogram_add(&r->round, &rounds_scale, ms_of(r->last_ms));
	histogram_add(&r->converge, &rounds_scale, ms_of(s->last_converge_ms));
}

void rounds_phase(struct rounds *r, enum cons_phase next, const struct cons_status *s,
		  struct now now)
{
	end_round(r, next, s, now);
	if (next == CONS_OPEN) {
		r->running = true;
		r->since = now.steady;
	}
	if (r->known)
		r->phase_ms[r->phase] += steady_since(r->phase_since, now.steady);
	r->known = true;
	r->phase_since = now.steady;
	r->phase = next;
}

int64_t rounds_phase_ms(const struct rounds *r, enum cons_phase p, struct now now)
{
	bool is = r->known && r->phase == p;

	return r->phase_ms[p] + (is ? steady_since(r->phase_since, now.steady) : 0);
}
