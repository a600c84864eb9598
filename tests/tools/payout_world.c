/* SPDX-License-Identifier: ISC */
#include "payout_world.h"

#include "base/mem.h"

#include <stdio.h>

#define BATCH_MAX 32
#define LEDGER_MS 1000

void world_open(struct world *w, uint64_t seed, uint32_t n)
{
	uint64_t sum = 0;

	must(n <= MODEL_LINES);
	memset(w, 0, sizeof(*w));
	w->n = n;
	for (uint32_t i = 0; i < n; i++) {
		w->lines[i].amount = drops_of(1000000 + (uint64_t)i * 2000);
		sum += w->lines[i].amount.raw; /* raw: counting by other means */
	}
	model_open(&w->ledger, seed, sum + 1000 * DROPS_PER_XRP);
	w->options = (struct payout_options){.tickets_max = 250,
					     .group_max = 64,
					     .expire = 12,
					     .fee_max = drops_of(1000),
					     .patience_ms = 200 * LEDGER_MS};
}

void world_close(struct world *w)
{
	model_close(&w->ledger);
	buf_close(&w->journal);
}

/* ---- what is signed here: the model's bytes, and a name for them ---- */

static struct hash256 hash_of(uint64_t serial)
{
	struct hash256 h;

	memset(h.b, 0xA7, sizeof(h.b));
	store_be64(h.b, serial);
	return h;
}

static void sign(struct world *w, uint32_t slot)
{
	const struct payout_job *j = &w->m.jobs[slot];
	struct model_tx t;
	struct hash256 h;

	memset(&t, 0, sizeof(t));
	t.serial = w->serial++;
	t.kind = j->line == PAYOUT_NO_LINE ? MODEL_TICKETS_MAKE : MODEL_PAY;
	t.line = j->line;
	t.ticket = j->ticket;
	t.seq = j->seq;
	t.count = j->count;
	t.first = j->first;
	t.last = j->last;
	t.fee = j->fee.raw;                                                /* raw: encoding */
	t.amount = t.kind == MODEL_PAY ? w->lines[j->line].amount.raw : 0; /* raw: encoding */
	h = hash_of(t.serial);
	payout_on_signed(&w->m, slot, &h, bytes_of(&t, sizeof(t)));
}

static struct model_tx tx_of(struct bytes blob)
{
	struct model_tx t;

	must(blob.n == sizeof(t));
	memcpy(&t, blob.p, sizeof(t));
	return t;
}

/* ---- the journal ---- */

static void note_durable(struct world *w, struct bytes entries)
{
	struct cursor c = cursor_of(entries);
	struct payout_entry e;

	while (c.left) {
		must(payout_entry_take(&e, &c, NULL) == ERR_NONE);
		if (e.kind == ENTRY_SIGNED)
			w->durable[tx_of(e.blob).serial] = true;
	}
}

static void write_group(struct world *w)
{
	enum journal_failure f = ++w->writes == w->fail_at ? w->failure : JOURNAL_SOUND;
	struct buf group = BUF_INIT;

	payout_group_put(&group, w->groups, buf_bytes(&w->m.group));
	if (f == JOURNAL_PART)
		buf_put(&w->journal, group.p, rng_below(&w->ledger.rng, group.n));
	else if (f == JOURNAL_SYNC || f == JOURNAL_SOUND)
		buf_put(&w->journal, group.p, group.n);
	if (f == JOURNAL_SOUND) {
		note_durable(w, buf_bytes(&w->m.group));
		w->groups++;
	}
	buf_close(&group);
	payout_on_written(&w->m, f == JOURNAL_SOUND);
}

/* As the shell does at its start. */
static void load(struct world *w)
{
	struct payout_groups g = {.in = buf_bytes(&w->journal)};
	struct bytes entries;
	struct payout_entry e;
	struct why why = {""};
	enum err r;

	while ((r = payout_groups_next(&g, &entries, &why)) == ERR_NONE) {
		struct cursor c = cursor_of(entries);

		note_durable(w, entries);
		while (c.left) {
			must(payout_entry_take(&e, &c, &why) == ERR_NONE);
			must(payout_load(&w->m, &e, &why) == ERR_NONE);
		}
	}
	must(r == ERR_ABSENT);
	w->journal.n = g.at;
	w->groups = g.number;
	payout_loaded(&w->m);
}

/* ---- actions ---- */

static bool lost(struct world *w)
{
	return w->ledger.chances.request_lost &&
	       rng_below(&w->ledger.rng, 1000) < w->ledger.chances.request_lost;
}

static void tell_ledger(struct world *w)
{
	const struct model *l = &w->ledger;
	struct payout_ledger_info i = {.seq = l->validated,
				       .fee = drops_of(l->fee),
				       .reserve_base = drops_of(l->reserve_base),
				       .reserve_inc = drops_of(l->reserve_inc)};

	payout_on_ledger(&w->m, &i, w->now_ms);
}

static void tell_account(struct world *w)
{
	const struct model *l = &w->ledger;
	struct payout_account_info i = {.ledger = l->validated,
					.balance = drops_of(l->balance),
					.sequence = l->sequence,
					.owners = l->owners,
					.tickets = l->n_tickets};

	payout_on_account(&w->m, &i);
}

static void tell_tickets(struct world *w)
{
	uint32_t list[250], n = 0;

	for (uint32_t i = 0; i < w->ledger.sequence && i < MODEL_TICKETS; i++)
		if (w->ledger.ticket[i])
			list[n++] = i;
	payout_on_tickets(&w->m, w->ledger.validated, list, n);
}

static void tell_waited(struct world *w, int ms)
{
	int64_t before = w->now_ms / LEDGER_MS;

	w->now_ms += ms;
	for (; before < w->now_ms / LEDGER_MS; before++)
		model_next_ledger(&w->ledger);
	payout_on_waited(&w->m, w->now_ms);
}

struct answer {
	uint32_t slot;
	struct hash256 hash;
	const char *code; /* of a submission */
	struct payout_look look;
};

static void ask(struct world *w, const struct payout_action *a, struct answer *out)
{
	const struct payout_job *j = &w->m.jobs[a->slot];
	struct model_tx t = tx_of(buf_bytes(&j->blob));
	struct model_found f;

	*out = (struct answer){.slot = a->slot, .hash = j->hash};
	if (a->kind == PAYOUT_SUBMIT) {
		must(w->durable[t.serial]); /* or it could be forgotten */
		out->code = model_submit(&w->ledger, &t);
		return;
	}
	f = model_find(&w->ledger, t.serial, a->min, a->max);
	out->code = lost(w) ? NULL : "";
	out->look = (struct payout_look){.max = a->max,
					 .validated = f.validated,
					 .searched_all = f.searched_all,
					 .ledger = f.ledger};
	if (f.validated) {
		snprintf(out->look.code, sizeof(out->look.code), "%s", f.code);
		if (!strcmp(f.code, "tesSUCCESS") && t.kind == MODEL_PAY)
			out->look.delivered = drops_of(t.amount);
	}
}

static void give(struct world *w, enum payout_action_kind kind, const struct answer *a)
{
	if (kind == PAYOUT_SUBMIT)
		payout_on_submit(&w->m, a->slot, &a->hash, a->code);
	else
		payout_on_look(&w->m, a->slot, &a->hash, &a->look);
}

/* Some at once, answered in any order, some twice; one that is lost takes those behind it along. */
static struct payout_action batch(struct world *w, struct payout_action a)
{
	enum payout_action_kind kind = a.kind;
	struct answer answers[BATCH_MAX], one;
	size_t n = 0, i;

	for (; a.kind == kind && n < BATCH_MAX; a = payout_next(&w->m))
		ask(w, &a, &answers[n++]);
	for (i = n; i > 1; i--) {
		size_t with = rng_below(&w->ledger.rng, i);

		one = answers[i - 1];
		answers[i - 1] = answers[with];
		answers[with] = one;
	}
	for (i = 0; i < n && answers[i].code; i++) {
		give(w, kind, &answers[i]);
		if (w->twice && rng_below(&w->ledger.rng, 1000) < w->twice)
			give(w, kind, &answers[rng_below(&w->ledger.rng, i + 1)]);
	}
	if (i < n)
		payout_on_lost(&w->m, w->now_ms);
	/* an action that was taken beyond the batch is carried out by the caller */
	return i < n ? (struct payout_action){.kind = PAYOUT_NOTHING} : a;
}

static void act(struct world *w, struct payout_action a)
{
	switch (a.kind) {
	case PAYOUT_LEDGER:
		return lost(w) ? payout_on_lost(&w->m, w->now_ms) : tell_ledger(w);
	case PAYOUT_ACCOUNT:
		return lost(w) ? payout_on_lost(&w->m, w->now_ms) : tell_account(w);
	case PAYOUT_TICKETS:
		return lost(w) ? payout_on_lost(&w->m, w->now_ms) : tell_tickets(w);
	case PAYOUT_SIGN:
		return sign(w, a.slot);
	case PAYOUT_WRITE:
		return write_group(w);
	case PAYOUT_WAIT:
		return tell_waited(w, a.wait_ms);
	case PAYOUT_LOOK:
	case PAYOUT_SUBMIT:
	case PAYOUT_NOTHING:
	case PAYOUT_STOP:
		return;
	}
}

bool world_run(struct world *w)
{
	struct payout_action a;
	bool stopped = false;

	for (uint32_t i = 0; i < w->n; i++) {
		struct payout_line *l = &w->lines[i];

		*l = (struct payout_line){.amount = l->amount};
	}
	payout_open(&w->m, &w->options, w->lines, w->n, w->now_ms);
	load(w);
	w->actions = w->writes = 0;
	a = payout_next(&w->m);
	while (++w->actions != w->die_at) {
		stopped = a.kind == PAYOUT_STOP;
		if (stopped)
			break;
		if (a.kind == PAYOUT_LOOK || a.kind == PAYOUT_SUBMIT) {
			a = batch(w, a);
			if (a.kind != PAYOUT_NOTHING)
				continue;
		} else {
			must(a.kind != PAYOUT_NOTHING); /* nothing is outstanding here */
			act(w, a);
		}
		a = payout_next(&w->m);
	}
	payout_close(&w->m);
	w->die_at = w->fail_at = 0;
	return stopped;
}

void world_run_to_end(struct world *w, uint32_t most)
{
	while (most--)
		if (world_run(w) && w->m.stop == PAYOUT_DONE)
			return;
	fprintf(stderr, "it never ends: %s %s, %u lines open, %u live, ledger %u\n",
		payout_stop_name(w->m.stop), w->m.stop_code, world_count(w, LINE_OPEN),
		world_count(w, LINE_LIVE), w->ledger.validated);
	must(false);
}

void world_judge(const struct world *w)
{
	for (uint32_t i = 0; i < w->n; i++) {
		const struct payout_line *l = &w->lines[i];
		bool paid = l->outcome == LINE_PAID;

		must(w->ledger.paid[i] <= 1);
		must(l->outcome == LINE_LIVE || w->ledger.paid[i] == paid);
		must(!paid || l->delivered.raw == w->ledger.paid_amount[i]); /* raw: by value */
	}
	must(w->ledger.most_tickets <= 250);
}

uint32_t world_count(const struct world *w, enum payout_outcome o)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < w->n; i++)
		n += w->lines[i].outcome == o;
	return n;
}
