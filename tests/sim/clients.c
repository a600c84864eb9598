/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "tests/sim/clients_impl.h"

/* The load of a plan: wallets that pay each other, found new accounts and change settings, at
 * random nodes; most with a LastLedgerSequence. A wallet counts its sequence numbers by itself and
 * reads them anew, from a validated ledger, once nothing of its own is under way.
 *
 * What is drawn for the n-th transaction depends on the seed and n alone: leaving a fault out does
 * not change the others. The CLIENT_ faults come on top. */

#define TICK_MS 100
#define WEIGHT  1000 /* of a CLIENT_ fault, asked once a second */
#define PICKS   6
#define STALE   60 /* ledgers after which a wallet gives up on a transaction */

/* ---- nodes ---- */

/* A node that is up, by chance; false when there is none. */
static bool pick_node(struct clients *c, struct rng *r, char *out)
{
	uint32_t n = world_count(c->w), at = (uint32_t)rng_below(r, n);

	for (uint32_t i = 0; i < n; i++) {
		uint32_t k = (at + i) % n;

		if (!world_is_up(c->w, k))
			continue;
		*out = (char)('A' + k);
		return true;
	}
	return false;
}

static uint32_t network_id(struct clients *c)
{
	struct node_status s;
	struct node *n;

	for (uint32_t i = 0; !c->network && i < world_count(c->w); i++) {
		n = world_node(c->w, i);
		if (!n)
			continue;
		node_get_status(n, (struct now){{0}, {0}}, &s);
		c->network = s.network_id;
	}
	return c->network;
}

/* ---- submitting ---- */

static void remember(struct clients *c, struct tx *t, uint32_t wallet)
{
	struct sent *s = mem_zalloc(1, sizeof(*s));

	s->id = t->id;
	s->wallet = wallet;
	s->last_ledger = t->last_ledger;
	s->at_ledger = c->top;
	s->next = c->pending;
	c->pending = s;
	c->wallets[wallet].pending++;
	hmap_put(&c->by_id, &t->id, s);
	tx_unref(c->old[c->n_old % OLD_KEPT]);
	c->old[c->n_old++ % OLD_KEPT] = tx_ref(t);
}

static void submit(struct clients *c, struct rng *r, struct tx *t)
{
	char node;

	if (!t || !pick_node(c, r, &node))
		return;
	if (rng_below(r, 200)) /* one of 200: at once or never */
		world_submit(c->w, node, t, ++c->token);
	else
		world_submit_hard(c->w, node, t, ++c->token);
}

/* Takes the transaction's reference. */
static void submit_own(struct clients *c, struct rng *r, struct tx *t, uint32_t wallet)
{
	if (!hmap_get(&c->by_id, &t->id))
		remember(c, t, wallet);
	submit(c, r, t);
	tx_unref(t);
}

/* A wallet that can send; UINT32_MAX when none of those drawn can. */
static uint32_t pick_wallet(struct clients *c, struct rng *r)
{
	uint32_t i = (uint32_t)rng_below(r, c->n_wallets);
	uint32_t genesis = world_plan(c->w)->accounts;

	for (int k = 0; k < PICKS && (!c->wallets[i].next || c->wallets[i].read); k++)
		i = (uint32_t)rng_below(r, genesis);
	return c->wallets[i].next && !c->wallets[i].read ? i : UINT32_MAX;
}

/* Whom an account's old transactions belong to has begun anew: they are there once more. */
static void submit_old_of(struct clients *c, struct rng *r, uint32_t wallet)
{
	for (uint32_t i = 0, n = 0; i < OLD_KEPT && n < 2; i++)
		if (c->old[i] && account_eq(&c->old[i]->account, &c->wallets[wallet].id)) {
			submit(c, r, c->old[i]);
			n++;
		}
}

/* The n-th transaction of the load. */
static void base_load(struct clients *c)
{
	struct rng r = c->root;
	struct draft d = {.kind = DRAFT_PAY};
	uint32_t wallet;

	rng_init(&r, rng_next(&r) ^ (++c->n_base * 0x9E3779B97F4A7C15ull));
	wallet = pick_wallet(c, &r);
	if (wallet == UINT32_MAX || !network_id(c))
		return;
	d.from = wallet;
	d.network_id = c->network;
	load_draw(c, &r, &d);
	if (!load_turn(c, &r, &d))
		return;
	submit_own(c, &r, draft_sign(&d), wallet);
	if (d.kind == DRAFT_PAY && d.to < c->n_wallets && c->wallets[d.to].gone)
		submit_old_of(c, &r, d.to);
}

/* ---- what clients do wrong, or too often ---- */

static void fault_resubmit(struct clients *c, struct rng *r)
{
	uint64_t n = c->n_old < OLD_KEPT ? c->n_old : OLD_KEPT;

	if (n)
		submit(c, r, c->old[rng_below(r, n)]);
}

static void fault_pair(struct clients *c, struct rng *r, struct draft *d, uint32_t wallet)
{
	d->seq = c->wallets[wallet].next++;
	submit_own(c, r, draft_sign(d), wallet);
	d->nonce++;
	d->fee += d->nonce % 2 ? d->fee / 4 + 1 : 0; /* enough to take the other's place, or not */
	d->to = (d->to + 1) % c->n_wallets;
	if (d->to != d->from)
		submit_own(c, r, draft_sign(d), wallet);
}

static void fault_burst(struct clients *c, struct rng *r, struct draft *d, uint32_t wallet,
			int64_t n)
{
	d->kind = DRAFT_PAY;
	d->drops = 1;
	for (int64_t i = 0; i < n; i++) {
		d->seq = c->wallets[wallet].next++;
		d->nonce++;
		submit_own(c, r, draft_sign(d), wallet);
	}
}

/* More than one account may have waiting, all of them ahead of its sequence, at one node; or all in
 * turn, at many. */
static void fault_huge(struct clients *c, struct rng *r, struct draft *d, uint32_t wallet,
		       int64_t param)
{
	uint32_t n = param % 2 ? TX_HELD_PER_ACCOUNT_MAX + 20 : 300;
	char node;

	if (!pick_node(c, r, &node))
		return;
	d->kind = DRAFT_PAY;
	d->drops = 1;
	d->last_ledger = c->top + 6;
	for (uint32_t i = 0; i < n; i++) {
		struct tx *t;

		d->seq = c->wallets[wallet].next + i + (param % 2 ? 1 : 0);
		d->nonce++;
		t = draft_sign(d);
		world_submit(c->w, node, t, ++c->token);
		tx_unref(t);
	}
	c->wallets[wallet].read = true;
}

static void fault_bad(struct clients *c, struct rng *r, struct draft *d, uint32_t wallet,
		      int64_t param)
{
	struct tx *t;

	d->seq = c->wallets[wallet].next;
	t = draft_sign_bad(d, (enum bad_kind)(param % BAD_COUNT));
	submit(c, r, t);
	tx_unref(t);
	c->wallets[wallet].read = true;
}

static void one_fault(struct clients *c, enum fault f, int64_t param)
{
	struct rng r = c->root;
	struct draft d = {.kind = DRAFT_PAY};
	uint32_t wallet;

	rng_init(&r, rng_next(&r) ^ (uint64_t)param);
	wallet = pick_wallet(c, &r);
	if (wallet == UINT32_MAX || !network_id(c))
		return;
	d.from = wallet;
	d.network_id = c->network;
	load_draw_plain(c, &r, &d);
	if (!load_sign_right(c, &r, &d))
		return;
	if (f == FAULT_CLIENT_RESUBMIT) {
		fault_resubmit(c, &r);
	} else if (f == FAULT_CLIENT_PAIR) {
		fault_pair(c, &r, &d, wallet);
	} else if (f == FAULT_CLIENT_BURST) {
		fault_burst(c, &r, &d, wallet, 10 + param % 90);
	} else if (f == FAULT_CLIENT_HUGE) {
		fault_huge(c, &r, &d, wallet, param);
	} else if (f == FAULT_CLIENT_EXPIRED) {
		d.last_ledger = c->top;
		d.seq = c->wallets[wallet].next;
		submit_own(c, &r, draft_sign(&d), wallet);
	} else {
		fault_bad(c, &r, &d, wallet, param);
	}
}

static void faults(struct clients *c)
{
	static const enum fault all[] = {FAULT_CLIENT_RESUBMIT, FAULT_CLIENT_PAIR,
					 FAULT_CLIENT_BURST,    FAULT_CLIENT_EXPIRED,
					 FAULT_CLIENT_HUGE,     FAULT_CLIENT_BAD};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		uint32_t weight = all[i] == FAULT_CLIENT_HUGE    ? WEIGHT / 50
				  : all[i] == FAULT_CLIENT_BURST ? WEIGHT / 10
								 : WEIGHT;
		int64_t param;

		if (decide(world_decisions(c->w), all[i], DECIDE_NOBODY, DECIDE_NOBODY, weight, 0,
			   INT32_MAX, world_now_ms(c->w), &param))
			one_fault(c, all[i], param);
	}
}

/* ---- what becomes of them ---- */

/* Whether a wallet has no more to expect of it. */
static bool settled(const struct clients *c, const struct sent *s)
{
	return s->done || (s->last_ledger && c->top > s->last_ledger) ||
	       c->top > s->at_ledger + STALE;
}

static void sweep(struct clients *c)
{
	struct sent **at = &c->pending, *s;

	while ((s = *at)) {
		struct wallet *w = &c->wallets[s->wallet];

		if (!settled(c, s)) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		hmap_del(&c->by_id, &s->id);
		if (!s->done)
			w->read = true; /* something of ours got lost */
		w->pending--;
		mem_free(s);
	}
}

static void on_validated(void *ctx, uint32_t node, struct ledger *l)
{
	struct clients *c = ctx;
	struct hash256 key, at, *after = NULL;
	struct bytes leaf;

	(void)node;
	if (l->header.seq <= c->top)
		return;
	c->top = l->header.seq;
	while (tree_next(&l->txs, after, &key, &leaf) == FOUND) {
		struct sent *s = hmap_get(&c->by_id, &key);

		at = key;
		after = &at;
		if (s)
			s->done = true;
	}
	sweep(c);
	wallets_read(c, l);
}

/* A definite no: the sequence is still free, unless another has it. */
static void on_answered(void *ctx, uint32_t node, const struct node_submitted *a)
{
	struct clients *c = ctx;
	struct sent *s = hmap_get(&c->by_id, &a->tx->id);

	(void)node;
	if (s && (ter_is_tem(a->result) || ter_is_tel(a->result) || ter_is_tef(a->result)))
		c->wallets[s->wallet].read = true;
}

/* ---- joining ---- */

static void tick(void *ctx, struct world *w)
{
	struct clients *c = ctx;
	uint64_t due;

	if (c->over)
		return;
	due = ++c->ticks * TICK_MS * world_plan(w)->tx_per_100s / 100000;
	while (c->n_base < due)
		base_load(c);
	if (c->ticks % (1000 / TICK_MS) == 0)
		faults(c);
	world_after(w, TICK_MS, tick, c);
}

static void on_finished(void *ctx)
{
	struct clients *c = ctx;

	c->over = true;
}

static void on_closed(void *ctx)
{
	struct clients *c = ctx;

	for (uint32_t i = 0; i < OLD_KEPT; i++)
		tx_unref(c->old[i]);
	while (c->pending) {
		struct sent *s = c->pending;

		c->pending = s->next;
		mem_free(s);
	}
	hmap_close(&c->by_id);
	wallets_close(c);
	mem_free(c);
}

void clients_join(struct world *w)
{
	const struct world_plan *p = world_plan(w);
	struct clients *c = mem_zalloc(1, sizeof(*c));
	struct world_observer o = {.ctx = c,
				   .validated = on_validated,
				   .answered = on_answered,
				   .finished = on_finished,
				   .closed = on_closed};
	struct rng r;

	rng_init(&r, p->seed);
	c->w = w;
	c->root = rng_fork(&r, "clients");
	hmap_init(&c->by_id, 0);
	c->n_wallets = p->accounts + NEW_ACCOUNTS;
	c->wallets = mem_zalloc(c->n_wallets, sizeof(*c->wallets));
	wallets_open(c);
	world_observe(w, &o);
	if (!p->manual && p->accounts > 1)
		world_after(w, TICK_MS, tick, c);
}
