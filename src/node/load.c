/* SPDX-License-Identifier: ISC */
#include "node/load.h"

#include <stdlib.h>

#define STEP    4 /* a quarter */
#define MOST    (LOAD_BASE * 1000000u)
#define AT_ONCE 2 /* times in a row before it rises */

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

void load_init(struct load *l)
{
	*l = (struct load){.local = LOAD_BASE, .remote = LOAD_BASE, .cluster = LOAD_BASE};
}

void load_tick(struct load *l, bool overloaded)
{
	if (!overloaded) {
		l->raised = 0;
		l->local = larger(l->local - l->local / STEP, LOAD_BASE);
		return;
	}
	if (++l->raised < AT_ONCE)
		return;
	l->local = larger(l->local, l->remote);
	l->local = l->local >= MOST - MOST / STEP ? MOST : l->local + l->local / STEP;
}

static int ascending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

void load_heard(struct load *l, uint32_t *fees, uint32_t n)
{
	if (n)
		qsort(fees, n, sizeof(*fees), ascending);
	l->remote = n ? larger(fees[n / 2], LOAD_BASE) : LOAD_BASE;
}

uint32_t load_factor(const struct load *l)
{
	return larger(l->local, larger(l->remote, l->cluster));
}

uint32_t load_to_say(const struct load *l)
{
	return larger(l->local, l->cluster);
}
