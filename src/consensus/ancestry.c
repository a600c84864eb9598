/* SPDX-License-Identifier: ISC */
#include "consensus/machine.h"

/* Which ledger descends from which. */

const struct ledger_rec *branch_find(const struct consensus *c, const struct hash256 *hash)
{
	for (uint32_t i = 0; i < CONS_LEDGERS_MAX; i++) {
		if (c->ledgers[i].used && hash256_eq(&c->ledgers[i].hash, hash))
			return &c->ledgers[i];
	}
	return NULL;
}

static bool is_anchor(const struct consensus *c, const struct ledger_rec *l)
{
	return hash256_eq(&l->hash, &c->validated) || hash256_eq(&l->hash, &c->r.prev.hash);
}

/* Below the validated ledger first, then by age. */
static bool evict_before(const struct consensus *c, const struct ledger_rec *a,
			 const struct ledger_rec *b)
{
	bool a_old = a->seq < c->validated_seq, b_old = b->seq < c->validated_seq;

	if (a_old != b_old)
		return a_old;
	return a->order < b->order;
}

void branch_add(struct consensus *c, const struct ledger_rec *l)
{
	struct ledger_rec *slot = NULL;

	must(l->seq > 0 && !hash256_eq(&l->hash, &l->parent));
	c->look = true;
	if (branch_find(c, &l->hash))
		return;
	for (uint32_t i = 0; i < CONS_LEDGERS_MAX; i++) {
		struct ledger_rec *o = &c->ledgers[i];

		if (!o->used) {
			slot = o;
			break;
		}
		if (!is_anchor(c, o) && (!slot || evict_before(c, o, slot)))
			slot = o;
	}
	must(slot);
	*slot = *l;
	slot->used = true;
	slot->order = ++c->order;
}

enum ancestry branch_ancestor(const struct consensus *c, const struct hash256 *hash, uint32_t seq,
			      struct hash256 *out, uint32_t *out_seq)
{
	struct hash256 h = *hash;

	for (uint32_t steps = 0; steps <= CONS_LEDGERS_MAX; steps++) {
		const struct ledger_rec *l = branch_find(c, &h);

		*out = h;
		if (!l)
			return UNKNOWN;
		*out_seq = l->seq;
		if (l->seq == seq)
			return ANCESTOR;
		if (l->seq < seq)
			return ABOVE;
		h = l->parent;
		if (l->seq - 1 == seq) {
			*out = h;
			*out_seq = seq;
			return ANCESTOR;
		}
	}
	return UNKNOWN;
}

bool branch_contains(const struct consensus *c, const struct hash256 *ledger,
		     const struct hash256 *part, uint32_t part_seq)
{
	struct hash256 at;
	uint32_t seq;

	if (hash256_eq(ledger, part))
		return true;
	return branch_ancestor(c, ledger, part_seq, &at, &seq) == ANCESTOR && hash256_eq(&at, part);
}

bool branch_on_validated(const struct consensus *c, const struct ledger_rec *l)
{
	return !c->have_validated || branch_contains(c, &l->hash, &c->validated, c->validated_seq);
}

bool branch_goes_with_us(const struct consensus *c, const struct hash256 *ledger)
{
	return branch_contains(c, ledger, &c->r.prev.hash, c->r.prev.seq);
}
