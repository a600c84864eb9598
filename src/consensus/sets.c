/* SPDX-License-Identifier: ISC */
#include "consensus/machine.h"

#include "base/mem.h"

#include <stdlib.h>

/* Requests for sets in one step; more wait for a step right after (see CONS_EFFECTS_MAX). */
#define WANT_SETS_PER_STEP 24

static struct tx_set *find(struct consensus *c, const struct hash256 *id)
{
	for (uint32_t i = 0; i < TXSET_HELD_MAX; i++) {
		if (c->sets[i].state != SET_FREE && hash256_eq(&c->sets[i].id, id))
			return &c->sets[i];
	}
	return NULL;
}

/* A position on the round's ledger names it, or we do. */
static bool in_use(const struct consensus *c, const struct hash256 *id)
{
	if (c->r.have_our && hash256_eq(&c->r.our.set, id))
		return true;
	for (uint32_t i = 0; i < c->n; i++) {
		const struct cons_position *p = round_position(c, i);

		if (p && hash256_eq(&p->set, id))
			return true;
	}
	return false;
}

/* The ids may have been handed out in this step's effects: they live until the next one. */
static void release(struct consensus *c, struct tx_set *s)
{
	if (s->ids) {
		must(c->dead_n < CONS_DEAD_MAX);
		c->dead[c->dead_n++] = s->ids;
	}
	*s = (struct tx_set){.state = SET_FREE};
}

void sets_bury(struct consensus *c)
{
	must(c->dead_n <= CONS_DEAD_MAX);
	for (uint32_t i = 0; i < c->dead_n; i++)
		mem_free(c->dead[i]);
	c->dead_n = 0;
}

static struct tx_set *slot_for(struct consensus *c, const struct hash256 *id)
{
	struct tx_set *s = find(c, id);

	if (s)
		return s;
	for (uint32_t i = 0; i < TXSET_HELD_MAX; i++) {
		if (c->sets[i].state == SET_FREE) {
			s = &c->sets[i];
			break;
		}
	}
	for (uint32_t i = 0; !s && i < TXSET_HELD_MAX; i++) {
		if (!in_use(c, &c->sets[i].id) && c->dead_n < TXSET_HELD_MAX) {
			s = &c->sets[i];
			release(c, s);
		}
	}
	if (s) {
		must(s->state == SET_FREE && !s->ids);
		s->id = *id;
		s->state = SET_FAILED;
	}
	return s;
}

const struct tx_set *sets_held(struct consensus *c, const struct hash256 *id)
{
	static const struct tx_set empty = {.state = SET_HELD};
	const struct tx_set *s;

	if (hash256_eq(id, &c->empty_id))
		return &empty;
	s = find(c, id);
	return s && s->state == SET_HELD ? s : NULL;
}

bool sets_hold(struct consensus *c, const struct hash256 *id, const struct hash256 *ids, uint32_t n)
{
	struct tx_set *s;

	if (sets_held(c, id))
		return true;
	if (n > LEDGER_TX_MAX)
		return false;
	for (uint32_t i = 1; i < n; i++)
		must(hash256_cmp(&ids[i - 1], &ids[i]) < 0);
	s = slot_for(c, id);
	if (!s)
		return false;
	must(!s->ids);
	s->ids = mem_alloc(n * sizeof(*ids));
	memcpy(s->ids, ids, n * sizeof(*ids));
	s->n = n;
	s->state = SET_HELD;
	return true;
}

void sets_failed(struct consensus *c, const struct hash256 *id)
{
	struct tx_set *s = find(c, id);

	if (s && s->state == SET_WANTED)
		s->state = SET_FAILED;
}

void sets_named(struct consensus *c, const struct hash256 *id)
{
	struct tx_set *s = find(c, id);

	if (s && s->state == SET_FAILED)
		*s = (struct tx_set){.state = SET_FREE};
}

bool sets_want(struct consensus *c)
{
	uint32_t asked = 0;

	for (uint32_t i = 0; i < c->n; i++) {
		const struct cons_position *p = round_position(c, i);
		struct tx_set *s;
		struct cons_effect *e;

		if (!p || sets_held(c, &p->set) || find(c, &p->set))
			continue;
		if (asked == WANT_SETS_PER_STEP)
			return false;
		s = slot_for(c, &p->set);
		if (!s)
			continue;
		s->state = SET_WANTED;
		asked++;
		e = fx_add(c, CONS_FX_WANT_SET);
		e->set.id = p->set;
	}
	return true;
}

void sets_trim(struct consensus *c)
{
	for (uint32_t i = 0; i < TXSET_HELD_MAX; i++) {
		struct tx_set *s = &c->sets[i];

		if (s->state != SET_FREE && !in_use(c, &s->id))
			release(c, s);
	}
}

bool set_contains(const struct tx_set *s, const struct hash256 *tx)
{
	must(s->state == SET_HELD);
	return s->n > 0 && bsearch(tx, s->ids, s->n, sizeof(*tx), hash256_qsort_cmp) != NULL;
}
