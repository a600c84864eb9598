/* SPDX-License-Identifier: ISC */
#include "tests/sim/world_impl.h"

/* What a process takes for the time. Its own (steady) time runs at a rate of its own; network time
 * is that and an offset, and may stand still or jump. */

#define OWN_START_MS 1000000

void clock_init(struct sim_clock *c)
{
	*c = (struct sim_clock){.own_us = OWN_START_MS * 1000ll, .wall_ms = -OWN_START_MS};
}

static int64_t own_us(const struct process *p)
{
	const struct sim_clock *c = &p->clock;

	return c->own_us + (p->w->now - c->world_ms) * (1000000 + c->ppm) / 1000;
}

static int64_t wall_ms(const struct process *p)
{
	const struct sim_clock *c = &p->clock;

	return c->frozen ? c->frozen_ms : own_us(p) / 1000 + c->wall_ms;
}

struct now clock_of(const struct process *p)
{
	int64_t wall = NET_START * 1000ll + wall_ms(p);

	return (struct now){.steady = {own_us(p) / 1000}, .net = {(uint32_t)(wall / 1000)}};
}

int64_t clock_when(const struct process *p, int64_t own_ms)
{
	const struct sim_clock *c = &p->clock;
	int64_t rate = 1000000 + c->ppm, at;

	if (own_ms > INT64_MAX / 2000000)
		return INT64_MAX;
	at = c->world_ms + ((own_ms * 1000 - c->own_us) * 1000 + rate - 1) / rate;
	return at > p->w->now ? at : p->w->now;
}

/* From now on it runs at another rate; what it waits for comes at another time. */
void clock_set_rate(struct process *p, int32_t ppm)
{
	p->clock.own_us = own_us(p);
	p->clock.world_ms = p->w->now;
	p->clock.ppm = ppm;
	if (p->node && p->timer != INT64_MAX)
		p->timer_order = world_push(p->w,
					    world_event(p, EV_TIMER, clock_when(p, p->timer)));
}

void world_clock(struct world *w, char node, int32_t offset_s, int32_t drift_ppm)
{
	struct process *p = &w->p[node - 'A'];

	clock_set_rate(p, drift_ppm);
	p->clock.frozen = false;
	p->clock.wall_ms = w->now - own_us(p) / 1000 + offset_s * 1000ll;
}

void clock_heal(struct process *p)
{
	p->clock.wave_ms = 0;
	world_clock(p->w, (char)('A' + p->index), 0, 0);
}

static void freeze(struct process *p, bool on)
{
	struct sim_clock *c = &p->clock;
	int64_t was = wall_ms(p);

	c->frozen = on;
	c->frozen_ms = was;
	if (!on) /* it goes on from where it stood */
		c->wall_ms = was - own_us(p) / 1000;
}

static void waves(struct process *p)
{
	struct sim_clock *c = &p->clock;

	if (!c->wave_ms || p->w->now < c->wave_at)
		return;
	c->wave_at = p->w->now + c->wave_ms;
	clock_set_rate(p, -c->ppm);
}

static void rates(struct process *p)
{
	struct decisions *d = p->w->decisions;
	uint8_t i = (uint8_t)p->index;
	int64_t x;

	if (decide(d, FAULT_CLOCK_DRIFT, i, DECIDE_NOBODY, 1000, -20000, 20000, p->w->now, &x)) {
		p->clock.wave_ms = 0;
		clock_set_rate(p, (int32_t)x);
	}
	if (decide(d, FAULT_CLOCK_WAVE, i, DECIDE_NOBODY, 1000, 2000, 60000, p->w->now, &x)) {
		p->clock.wave_ms = x;
		p->clock.wave_at = p->w->now + x;
		clock_set_rate(p, 1000 + (int32_t)(x % 50000));
	}
}

static void jumps(struct process *p)
{
	struct decisions *d = p->w->decisions;
	uint8_t i = (uint8_t)p->index;
	int64_t now = p->w->now, x;

	if (decide(d, FAULT_CLOCK_OFFSET, i, DECIDE_NOBODY, 1000, -20000, 20000, now, &x))
		p->clock.wall_ms = now - own_us(p) / 1000 + x;
	if (decide(d, FAULT_CLOCK_STEP, i, DECIDE_NOBODY, 1000, -60000, 60000, now, &x))
		p->clock.wall_ms += x;
	if (decide(d, FAULT_CLOCK_BACK, i, DECIDE_NOBODY, 1000, 1000, 3600000, now, &x))
		p->clock.wall_ms -= x;
	if (p->clock.frozen)
		freeze(p, !decide(d, FAULT_CLOCK_FREEZE, i, i, 100000, 0, 0, now, NULL));
	else if (decide(d, FAULT_CLOCK_FREEZE, i, DECIDE_NOBODY, 1000, 0, 0, now, NULL))
		freeze(p, true);
}

void world_pause(struct world *w, const char *nodes, int64_t ms)
{
	for (; *nodes; nodes++) {
		struct process *p = &w->p[*nodes - 'A'];

		if (p->paused_until < w->now + ms)
			p->paused_until = w->now + ms;
	}
}

/* Once a second. */
void clock_chaos(struct world *w)
{
	uint32_t i;
	int64_t x;

	for (i = 0; i < w->n; i++) {
		struct process *p = &w->p[i];
		char name[2] = {(char)('A' + i), 0};

		waves(p);
		rates(p);
		jumps(p);
		if (decide(w->decisions, FAULT_CLOCK_LATE_TIMER, (uint8_t)i, DECIDE_NOBODY, 1000, 1,
			   5000, w->now, &x))
			world_pause(w, name, x);
		if (decide(w->decisions, FAULT_CLOCK_PAUSE, (uint8_t)i, DECIDE_NOBODY, 1000, 1000,
			   60000, w->now, &x))
			world_pause(w, name, x);
	}
}
