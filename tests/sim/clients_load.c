/* SPDX-License-Identifier: ISC */
#include "tests/sim/clients_impl.h"

/* What clients want, by the plan's mix, and who signs it: the account's own key, its regular one,
 * or signers of its list. Some of it by mistake with the wrong ones, out of turn, or twice. */

#define PER_MILLE       1000
#define DELETE_FEE      2000000
#define TICKETS_AT_ONCE 250
#define REGULAR(key)    ((key) >= KEY_REGULAR && (key) < KEY_REGULAR + REGULAR_KEYS)

static bool chance(struct rng *r, uint32_t of)
{
	return rng_below(r, of) == 0;
}

/* A wallet for which `is` holds, from a random one on; UINT32_MAX: none. */
static uint32_t some_wallet(const struct clients *c, struct rng *r,
			    bool (*is)(const struct wallet *))
{
	uint32_t at = (uint32_t)rng_below(r, c->n_wallets);

	for (uint32_t i = 0; i < c->n_wallets; i++)
		if (is(&c->wallets[(at + i) % c->n_wallets]))
			return (at + i) % c->n_wallets;
	return UINT32_MAX;
}

static bool is_gone(const struct wallet *w)
{
	return w->gone;
}

static bool is_closed_to_others(const struct wallet *w)
{
	return w->next && w->deposit_auth;
}

/* ---- what ---- */

void load_draw_plain(struct clients *c, struct rng *r, struct draft *d)
{
	uint32_t genesis = world_plan(c->w)->accounts, kind = (uint32_t)rng_below(r, 100);

	d->fee = 10 + rng_below(r, 3) * 5;
	d->nonce = 1 + (uint32_t)rng_below(r, 1u << 30);
	d->last_ledger = rng_below(r, 10) ? c->top + 10 + (uint32_t)rng_below(r, 15) : 0;
	d->to = (uint32_t)rng_below(r, genesis);
	if (d->to == d->from)
		d->to = (d->to + 1) % (genesis > 1 ? genesis : 2);
	d->drops = 1 + rng_below(r, 1000);
	d->tag = rng_below(r, 2) ? 7 : 0;
	if (kind < 6) {
		d->to = genesis + (uint32_t)rng_below(r, NEW_ACCOUNTS);
		d->drops = rng_below(r, 4) ? 10000000 + rng_below(r, 5000000) : 9999999;
	} else if (kind < 8) {
		d->drops = 100000000000000000ull;
	} else if (kind < 9) {
		d->drops = 20000000; /* into an account with a lot, which may not want it */
	} else if (kind < 17) {
		static const uint32_t asf[] = {0, 1, 3, 5, 6, 7, 8, 9, 12, 13, 14, 15, 16};

		d->kind = DRAFT_SET;
		d->variety = (uint32_t)rng_below(r, 4096);
		d->set = asf[rng_below(r, 13)];
		d->clear = asf[rng_below(r, 13)];
		if (d->clear == d->set)
			d->clear = 0;
	}
}

static void want_set(struct draft *d, uint32_t set, uint32_t clear)
{
	d->kind = DRAFT_SET;
	d->variety = 0;
	d->set = set;
	d->clear = clear;
}

static void want_keys(struct clients *c, struct rng *r, struct draft *d)
{
	uint32_t roll = (uint32_t)rng_below(r, 16);

	(void)c;
	d->kind = DRAFT_KEY;
	d->regular = KEY_REGULAR + (uint32_t)rng_below(r, REGULAR_KEYS);
	if (roll < 2)
		d->regular = KEY_NONE;
	else if (roll < 5)
		want_set(d, 4, 0);
	else if (roll < 7)
		want_set(d, 0, 4);
	else if (roll == 7 && d->from % 8 == 7)
		d->regular = KEY_BLACKHOLE;
}

/* Wallets in a row, every fourth signer a phantom. */
static void want_lists(struct clients *c, struct rng *r, struct draft *d)
{
	uint32_t most = chance(r, 4) ? SIGNERS_MAX : 5, sum = 0, n, start;
	bool equal;

	d->kind = DRAFT_LIST;
	d->variety = (uint32_t)rng_next(r);
	equal = chance(r, 2);
	d->remove = chance(r, 4);
	n = 1 + (uint32_t)rng_below(r, most);
	start = (uint32_t)rng_below(r, c->n_wallets);
	for (uint32_t i = 0; i < n; i++) {
		struct member *m = &d->list.member[i];

		m->number = i % 4 == 3
				? KEY_PHANTOM + i / 4
				: (d->from + 1 + (start + i) % (c->n_wallets - 1)) % c->n_wallets;
		m->weight = chance(r, 16) ? UINT16_MAX : 1 + (uint32_t)rng_below(r, 3);
		if (equal)
			m->weight = 1; /* one less is one too few */
		sum += m->weight;
	}
	d->list.n = n;
	d->list.quorum = 1 + (uint32_t)rng_below(r, chance(r, 4) ? sum : (sum + 1) / 2);
}

static void want_tickets(struct clients *c, struct rng *r, struct draft *d)
{
	(void)c;
	d->kind = DRAFT_TICKETS;
	d->count = chance(r, 24) ? TICKETS_AT_ONCE - (uint32_t)rng_below(r, 100)
				 : 1 + (uint32_t)rng_below(r, 10);
}

static void want_deposits(struct clients *c, struct rng *r, struct draft *d)
{
	uint32_t roll = (uint32_t)rng_below(r, 16), closed;

	d->kind = DRAFT_DEPOSIT;
	d->remove = roll >= 5;
	if (roll == 4)
		d->to = KEY_PHANTOM;
	if (roll < 8)
		return;
	if (roll == 8) {
		want_set(d, 9, 0);
	} else if (roll == 9) {
		want_set(d, 2, 0);
	} else if (roll == 10) {
		want_set(d, 0, 9);
	} else {
		d->kind = DRAFT_PAY;
		d->drops = 1000;
		closed = some_wallet(c, r, is_closed_to_others);
		if (closed != UINT32_MAX && closed != d->from)
			d->to = closed;
	}
}

/* Those with even numbers are left, so that somebody always can pay. */
static void want_deletes(struct clients *c, struct rng *r, struct draft *d)
{
	uint32_t gone = some_wallet(c, r, is_gone);

	if (gone != UINT32_MAX && chance(r, 2)) {
		d->kind = DRAFT_PAY;
		d->to = gone;
		d->drops = 20000000 + rng_below(r, 1000000000);
	} else if (d->from % 2) {
		d->kind = DRAFT_DELETE;
		d->fee = chance(r, 8) ? 100 : DELETE_FEE;
		if (chance(r, 8))
			d->to = KEY_PHANTOM;
	}
}

/* Much, or the one before once more for more. */
static void want_fees(struct clients *c, struct rng *r, struct draft *d)
{
	(void)c;
	d->fee = (d->fee << rng_below(r, 10)) + rng_below(r, 7);
	d->again = chance(r, 4);
}

void load_draw(struct clients *c, struct rng *r, struct draft *d)
{
	static void (*const wants[LOAD_COUNT])(struct clients *, struct rng *, struct draft *) = {
	    want_keys, want_lists, want_tickets, want_deposits, want_deletes, want_fees};
	const struct world_plan *p = world_plan(c->w);
	uint32_t x;

	load_draw_plain(c, r, d);
	x = (uint32_t)rng_below(r, PER_MILLE);
	for (uint32_t k = 0; k < LOAD_COUNT; k++) {
		if (x < p->load[k]) {
			wants[k](c, r, d);
			return;
		}
		x -= p->load[k];
	}
}

/* ---- who signs ---- */

/* The key with which a member of a list can sign; KEY_NONE: with none. */
static uint32_t key_of_member(const struct clients *c, struct rng *r, uint32_t number)
{
	const struct wallet *w = number < c->n_wallets ? &c->wallets[number] : NULL;

	if (!w)
		return number >= KEY_PHANTOM && number < KEY_PHANTOM + PHANTOMS ? number : KEY_NONE;
	if (REGULAR(w->key) && (w->master_off || chance(r, 2)))
		return w->key;
	return w->master_off ? KEY_NONE : number;
}

/* As many as it takes, from a random one on. */
static bool sign_by_list(const struct clients *c, struct rng *r, struct draft *d)
{
	const struct signers *list = &c->wallets[d->from].list;
	uint64_t weight = 0;
	uint32_t at = (uint32_t)rng_below(r, list->n);

	d->n_signers = 0;
	for (uint32_t i = 0; i < list->n && weight < list->quorum; i++) {
		const struct member *m = &list->member[(at + i) % list->n];
		uint32_t key = key_of_member(c, r, m->number);

		if (key == KEY_NONE)
			continue;
		d->signer[d->n_signers++] = (struct draft_signer){m->number, key};
		weight += m->weight;
	}
	if (weight >= list->quorum)
		return true;
	d->n_signers = 0;
	return false;
}

bool load_sign_right(struct clients *c, struct rng *r, struct draft *d)
{
	const struct wallet *w = &c->wallets[d->from];
	uint32_t roll = (uint32_t)rng_below(r, 4);

	d->n_signers = 0;
	if (w->list.n && (roll == 0 || (w->master_off && !REGULAR(w->key))))
		if (sign_by_list(c, r, d))
			return true;
	d->key = d->from;
	if (REGULAR(w->key) && (w->master_off || roll % 2))
		d->key = w->key;
	return !w->master_off || d->key != d->from;
}

/* One thing is not as it should be. The sequence stays free. */
static void sign_wrong(struct rng *r, struct draft *d)
{
	uint32_t roll = (uint32_t)rng_below(r, 4);

	if (roll == 3) {
		d->spoil = true;
	} else if (!d->n_signers) {
		d->key = roll ? KEY_REGULAR + (uint32_t)rng_below(r, REGULAR_KEYS) : d->from;
	} else if (roll == 0) {
		d->n_signers--;
		if (!d->n_signers)
			d->key = d->from;
	} else if (roll == 1) {
		d->signer[0].key = KEY_REGULAR;
	} else if (d->n_signers < SIGNERS_MAX) {
		uint32_t more = KEY_REGULAR + (uint32_t)rng_below(r, REGULAR_KEYS);

		d->signer[d->n_signers++] = (struct draft_signer){more, more};
	}
}

/* ---- when ---- */

/* One that it has, which is then used up or not; or one that it has not. */
static bool take_ticket(struct wallet *w, struct rng *r, struct draft *d)
{
	uint32_t i;

	if (chance(r, 64)) {
		d->ticket = chance(r, 2) ? w->next + (uint32_t)rng_below(r, 20)
					 : 1 + (uint32_t)rng_below(r, w->next);
		return true;
	}
	if (!w->n_tickets || chance(r, 2))
		return false;
	i = (uint32_t)rng_below(r, w->n_tickets);
	d->ticket = w->ticket[i];
	if (rng_below(r, 4))
		w->ticket[i] = w->ticket[--w->n_tickets];
	return true;
}

static void note_tickets(struct wallet *w, const struct draft *d)
{
	for (uint32_t i = 0; i < d->count && w->n_tickets < TICKETS_KEPT; i++)
		w->ticket[w->n_tickets++] = w->next + i;
	w->next += d->count;
}

/* What it changes for those that follow: some wallets go on as if it had been done, some as if
 * nothing had happened, and most wait. */
static void note(struct wallet *w, struct rng *r, const struct draft *d)
{
	bool keys = d->kind == DRAFT_KEY || d->kind == DRAFT_LIST ||
		    (d->kind == DRAFT_SET && (d->set == 4 || d->clear == 4));
	uint32_t roll = (uint32_t)rng_below(r, 4);

	if (d->kind == DRAFT_TICKETS)
		note_tickets(w, d);
	if (d->kind == DRAFT_SET && (d->set == 9 || d->clear == 9))
		w->deposit_auth = d->set == 9;
	if (d->kind == DRAFT_DELETE)
		w->read = true;
	if (!keys || roll == 0)
		return;
	if (roll == 1) {
		if (d->kind == DRAFT_KEY)
			w->key = d->regular;
		else if (d->kind == DRAFT_SET)
			w->master_off = d->set == 4;
		else if (d->remove)
			w->list.n = 0;
		else
			w->list = d->list;
	} else {
		w->read = true;
	}
}

bool load_turn(struct clients *c, struct rng *r, struct draft *d)
{
	struct wallet *w = &c->wallets[d->from];
	bool mixed = false;

	for (uint32_t k = 0; k < LOAD_FEES; k++)
		mixed |= world_plan(c->w)->load[k] > 0;
	if (!load_sign_right(c, r, d)) {
		w->read = true; /* somebody else may help: its signers' keys may come back */
		return false;
	}
	d->seq = w->next;
	if (mixed && chance(r, 24)) {
		sign_wrong(r, d);
		return true;
	}
	if (d->kind == DRAFT_KEY && w->free && !w->master_off && chance(r, 2)) {
		d->n_signers = 0;
		d->key = d->from;
		d->fee = 0;
		w->free = false;
	}
	if (d->again && w->pending && d->seq > 1)
		d->seq--;
	else if (!mixed || !take_ticket(w, r, d))
		w->next++;
	note(w, r, d);
	return true;
}
