/* SPDX-License-Identifier: ISC */
#include "payout_model.h"

#include "base/err.h"
#include "base/mem.h"

#include <string.h>

#define TICKETS_OWNED_MAX 250

void model_open(struct model *m, uint64_t seed, uint64_t balance)
{
	memset(m, 0, sizeof(*m));
	rng_init(&m->rng, seed);
	m->validated = 10;
	m->balance = balance;
	m->reserve_base = 10000000;
	m->reserve_inc = 2000000;
	m->fee = 10;
	m->sequence = 5;
	m->known = mem_zalloc(MODEL_TX_MAX, sizeof(*m->known));
}

void model_close(struct model *m)
{
	mem_free(m->known);
}

static bool chance(struct model *m, unsigned of_1000)
{
	return of_1000 && rng_below(&m->rng, 1000) < of_1000;
}

static void own_ticket(struct model *m, uint32_t number)
{
	must(number < MODEL_TICKETS && !m->ticket[number]);
	m->ticket[number] = true;
	m->owners++;
	m->n_tickets++;
	if (m->n_tickets > m->most_tickets)
		m->most_tickets = m->n_tickets;
}

static void use_ticket(struct model *m, uint32_t number)
{
	m->ticket[number] = false;
	m->owners--;
	m->n_tickets--;
}

void model_foreign_tickets(struct model *m, uint32_t n)
{
	m->sequence++;
	for (; n; n--)
		own_ticket(m, m->sequence++);
}

static uint64_t reserve(const struct model *m, uint32_t more)
{
	return m->reserve_base + m->reserve_inc * (m->owners + more);
}

static void pay_fee(struct model *m, uint64_t fee)
{
	fee = fee < m->balance ? fee : m->balance;
	m->balance -= fee;
	m->spent += fee;
}

static const char *make_tickets(struct model *m, const struct model_tx *t)
{
	uint64_t before = m->balance;
	uint32_t i;

	m->sequence++;
	pay_fee(m, t->fee);
	if (m->n_tickets + t->count > TICKETS_OWNED_MAX)
		return "tecDIR_FULL";
	if (before < reserve(m, t->count))
		return "tecINSUFFICIENT_RESERVE";
	for (i = 0; i < t->count; i++)
		own_ticket(m, m->sequence++);
	return "tesSUCCESS";
}

static const char *pay(struct model *m, const struct model_tx *t)
{
	uint64_t before = m->balance, keep;

	use_ticket(m, t->ticket);
	pay_fee(m, t->fee);
	if (m->refuse[t->line])
		return "tecNO_DST";
	keep = reserve(m, 0) > t->fee ? reserve(m, 0) : t->fee;
	if (before < t->amount + keep)
		return "tecUNFUNDED_PAYMENT";
	m->balance -= t->amount;
	m->spent += t->amount;
	m->paid[t->line]++;
	m->paid_amount[t->line] += t->amount;
	return "tesSUCCESS";
}

/* -1: can never be applied; 0: not now; 1: now. */
static int applicable(const struct model *m, const struct model_tx *t)
{
	if (t->last < m->validated)
		return -1;
	if (t->kind == MODEL_TICKETS_MAKE)
		return t->seq == m->sequence ? 1 : t->seq > m->sequence ? 0 : -1;
	if (t->ticket < MODEL_TICKETS && m->ticket[t->ticket])
		return 1;
	return t->ticket >= m->sequence ? 0 : -1;
}

static void apply_waiting(struct model *m)
{
	bool again = true;

	while (again) {
		again = false;
		for (uint64_t i = 0; i < m->n_known; i++) {
			struct model_known *k = &m->known[i];
			int now;

			if (k->fate != MODEL_WAITS || k->ready > m->validated)
				continue;
			now = applicable(m, &k->tx);
			if (now == 0)
				continue;
			again = true;
			k->fate = now < 0 ? MODEL_OUT : MODEL_VALIDATED;
			if (now < 0)
				continue;
			k->ledger = m->validated;
			k->code = k->tx.kind == MODEL_PAY ? pay(m, &k->tx)
							  : make_tickets(m, &k->tx);
		}
	}
}

static void others(struct model *m)
{
	if (chance(m, m->chances.foreign_sequence)) {
		m->sequence++;
		pay_fee(m, m->fee);
	}
	if (!chance(m, m->chances.foreign_ticket) || !m->n_tickets)
		return;
	for (uint32_t i = 0, nth = (uint32_t)rng_below(&m->rng, m->n_tickets); i < MODEL_TICKETS;
	     i++)
		if (m->ticket[i] && nth-- == 0) {
			use_ticket(m, i);
			pay_fee(m, m->fee);
			return;
		}
}

void model_next_ledger(struct model *m)
{
	m->validated++;
	must(m->validated < MODEL_LEDGERS);
	m->taken = 0;
	others(m);
	apply_waiting(m);
	/* what is missing is filled again some time */
	for (uint32_t i = 0; m->chances.gap && i <= m->validated; i++)
		if (m->missing[i] && chance(m, 100))
			m->missing[i] = false;
	if (chance(m, m->chances.gap))
		m->missing[m->validated - rng_below(&m->rng, 5)] = true;
}

static const char *judged(struct model *m, const struct model_tx *t, struct model_known *k)
{
	int now = applicable(m, t);

	if (k->fate == MODEL_VALIDATED)
		return "tefALREADY";
	if (t->kind == MODEL_PAY && m->malformed[t->line])
		return "temREDUNDANT";
	if (now < 0)
		return t->last < m->validated          ? "tefMAX_LEDGER"
		       : t->kind == MODEL_TICKETS_MAKE ? "tefPAST_SEQ"
						       : "tefNO_TICKET";
	if (k->fate == MODEL_UNSEEN && m->chances.room && m->taken >= m->chances.room)
		return "telCAN_NOT_QUEUE_FULL";
	if (k->fate == MODEL_UNSEEN && !chance(m, m->chances.tx_lost)) {
		k->fate = MODEL_WAITS;
		k->ready = m->validated + 1;
		if (chance(m, m->chances.tx_late))
			k->ready += (uint32_t)rng_below(&m->rng, 30);
		m->taken++;
	}
	return now ? "tesSUCCESS" : "terPRE_TICKET";
}

const char *model_submit(struct model *m, const struct model_tx *t)
{
	const char *code;

	must(t->serial < MODEL_TX_MAX);
	if (chance(m, m->chances.request_lost))
		return NULL;
	for (; m->n_known <= t->serial; m->n_known++)
		m->known[m->n_known].fate = MODEL_UNSEEN;
	m->known[t->serial].tx = *t;
	code = judged(m, t, &m->known[t->serial]);
	return chance(m, m->chances.answer_lost) ? NULL : code;
}

struct model_found model_find(const struct model *m, uint64_t serial, uint32_t min, uint32_t max)
{
	const struct model_known *k = serial < m->n_known ? &m->known[serial] : NULL;
	struct model_found f = {.searched_all = max <= m->validated};

	for (uint32_t i = min; i <= max && f.searched_all; i++)
		f.searched_all = !m->missing[i];
	if (k && k->fate == MODEL_VALIDATED && k->ledger >= min && k->ledger <= max &&
	    !m->missing[k->ledger])
		f = (struct model_found){.validated = true, .ledger = k->ledger, .code = k->code};
	return f;
}
