/* SPDX-License-Identifier: ISC */
#include "tests/sim/props.h"

/* Liveness, once the faults of a run are over: P7 and P8. */

/* Whether enough honest validators run and may vote for ledgers to go on. */
static bool quorum_runs(const struct props *p)
{
	const struct world_plan *plan = world_plan(p->w);
	uint32_t votes = 0, quorum = (plan->validators * 4 + 4) / 5;

	for (uint32_t i = 0; i < plan->validators; i++) {
		struct node_status s;
		struct node *n = world_node(p->w, i);

		if (!n || !world_honest(p->w, i) || !world_settled(p->w, i))
			continue;
		node_get_status(n, (struct now){{0}, {0}}, &s);
		votes += s.validator && !s.key_elsewhere && !s.store_failed && !s.disk_full;
	}
	return votes >= quorum;
}

/* ---- P7: transactions ---- */

/* The nodes that have it, by letter. */
static const char *holders(const struct props *p, const struct track *t,
			   char out[WORLD_NODES_MAX + 1])
{
	uint32_t k = 0;

	for (uint32_t i = 0; i < world_count(p->w); i++) {
		struct node *n = world_node(p->w, i);

		if (n && world_honest(p->w, i) && world_settled(p->w, i) &&
		    node_pending_tx(n, &t->id))
			out[k++] = (char)('A' + i);
	}
	out[k] = 0;
	return out;
}

static bool is_its_turn(const struct track *t, const struct model_account *a)
{
	return t->ticket ? model_has_ticket(a, t->ticket) : a->seq == t->seq;
}

/* Whether nothing stands in its way. Where fees rise with the load, who pays little may wait for
 * long: what holds then is a scenario (f1). */
static bool is_admissible(const struct props *p, const struct track *t)
{
	const struct model_account *a = model_account(p->model, &t->account);
	char at[WORLD_NODES_MAX + 1];
	bool master;

	return a && !world_plan(p->w)->market && is_its_turn(t, a) && a->balance >= t->fee &&
	       *holders(p, t, at) &&
	       !model_may_sign(p->model, buf_bytes(&t->bytes), a, &master, NULL);
}

static bool fate_known(const struct props *p, const struct track *t)
{
	const struct model_account *a = model_account(p->model, &t->account);

	if (t->validated)
		return true;
	if (a && t->ticket && a->seq > t->ticket && !model_has_ticket(a, t->ticket))
		return true;
	if (a && !t->ticket && a->seq > t->seq)
		return true;
	return t->last_ledger && model_seq(p->model) >= t->last_ledger;
}

static void follow(struct props *p, struct track *t)
{
	uint32_t seq = model_seq(p->model);
	char at[WORLD_NODES_MAX + 1];

	if (!p->healed || !is_admissible(p, t)) {
		t->admissible_since = 0;
		return;
	}
	if (!t->admissible_since)
		t->admissible_since = seq;
	if (seq - t->admissible_since > LIVE_LEDGERS)
		world_fail(p->w, "P7", "%s (at %s) waits since ledger %u, and %u is here",
			   hash256_short(&t->id).s, holders(p, t, at), t->admissible_since, seq);
}

void props_live_ledger(struct props *p)
{
	struct track **at = &p->open, *t;

	while ((t = *at)) {
		if (fate_known(p, t)) {
			*at = t->next;
			t->open = false;
			buf_close(&t->bytes);
			continue;
		}
		follow(p, t);
		at = &t->next;
	}
}

/* ---- P7: ledgers; P8 ---- */

void props_healed(struct props *p)
{
	int64_t now = world_now_ms(p->w);

	p->healed = true;
	p->healed_ms = p->progress_ms = now;
	p->healed_top = p->top;
	for (uint32_t i = 0; i < world_count(p->w); i++) {
		uint32_t has = p->node[i].reported;
		uint32_t behind = has < p->top ? p->top - has : 0;

		p->node[i].behind_until = now + LIVE_MS + (behind + 999) / 1000 * CATCH_UP_MS;
	}
}

static void check_behind(struct props *p, uint32_t i)
{
	struct watched *n = &p->node[i];
	struct node *up = world_node(p->w, i);
	struct ledger *v = up ? node_validated(up) : NULL;

	if (!n->behind_until || world_now_ms(p->w) < n->behind_until)
		return;
	n->behind_until = 0;
	if (!up || !world_honest(p->w, i) || !world_settled(p->w, i) ||
	    (v && v->header.seq >= p->healed_top))
		return;
	world_fail(p->w, "P8", "node %c is at ledger %u, and %u was validated when all was healed",
		   'A' + (int)i, v ? v->header.seq : 0, p->healed_top);
}

void props_live_tick(struct props *p)
{
	if (!p->healed)
		return;
	if (!quorum_runs(p)) {
		p->progress_ms = world_now_ms(p->w);
		return;
	}
	if (world_now_ms(p->w) - p->progress_ms > LIVE_MS) {
		world_fail(p->w, "P7", "no ledger after %u since %lld s", p->top,
			   (long long)(p->progress_ms / 1000));
		return;
	}
	for (uint32_t i = 0; i < world_count(p->w); i++)
		check_behind(p, i);
}
