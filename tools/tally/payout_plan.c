/* SPDX-License-Identifier: ISC */
#include "payout_impl.h"

#include <stdio.h>

/* What is signed next: payments for the free tickets, tickets for the payments to come. Sums of
 * money are signed here: "what is left" may be below nothing. */

#define NO_ROOM_MS      60000 /* with the tickets of others in the way */
#define TICKETS_AT_ONCE 64    /* fewer are made only when no more are wanted, or nothing is live */

static int64_t of(struct drops d)
{
	return (int64_t)d.raw; /* raw: signed sums; at most 10^17 */
}

static int64_t cost_of(const struct payout *m, const struct payout_line *l)
{
	return of(l->amount) + of(m->ledger.fee);
}

static int64_t available(const struct payout *m)
{
	const struct payout_job *t = &m->jobs[0];
	int64_t left = of(m->account.balance) - of(m->ledger.reserve_base) -
		       of(m->ledger.reserve_inc) * m->account.owners;

	for (uint32_t i = 1; i < PAYOUT_JOBS; i++) {
		const struct payout_job *j = &m->jobs[i];

		if (j->state != JOB_FREE)
			left -= of(m->lines[j->line].amount) + of(j->fee);
	}
	if (t->state != JOB_FREE)
		left -= of(t->fee) + of(m->ledger.reserve_inc) * t->count;
	return left;
}

struct drops payout_spendable(const struct payout *m)
{
	int64_t left = available(m);

	return drops_of(left > 0 ? (uint64_t)left : 0);
}

/* ---- entries ---- */

void payout_put_signed(struct payout *m, const struct payout_job *j)
{
	struct payout_entry e = {.kind = ENTRY_SIGNED,
				 .line = j->line,
				 .ticket = j->ticket,
				 .hash = j->hash,
				 .seq = j->seq,
				 .count = j->count,
				 .first = j->first,
				 .last = j->last,
				 .fee = j->fee,
				 .blob = buf_bytes(&j->blob)};

	payout_entry_put(&m->group, &e);
}

void payout_put_outcome(struct payout *m, const struct payout_job *j, enum payout_outcome o,
			const char *code, uint32_t ledger, struct drops delivered, uint32_t ticket)
{
	struct payout_entry e = {.kind = ENTRY_OUTCOME,
				 .line = j->line,
				 .ticket = ticket,
				 .hash = j->hash,
				 .outcome = o,
				 .ledger = ledger,
				 .delivered = delivered};

	snprintf(e.code, sizeof(e.code), "%s", code);
	payout_entry_put(&m->group, &e);
}

/* ---- payments ---- */

static struct payout_job *new_job(struct payout *m, uint32_t slot)
{
	struct payout_job *j = &m->jobs[slot];
	struct buf blob = j->blob;

	buf_clear(&blob);
	*j = (struct payout_job){.state = JOB_UNSIGNED,
				 .line = PAYOUT_NO_LINE,
				 .first = m->ledger.seq,
				 .last = m->ledger.seq + m->o.expire,
				 .fee = m->ledger.fee,
				 .blob = blob};
	m->n_signing++;
	return j;
}

static uint32_t lowest_ticket(const struct payout *m)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i < m->n_tickets; i++)
		if (m->tickets[i] < m->tickets[best])
			best = i;
	return best;
}

static void assign(struct payout *m, uint32_t slot, uint32_t line)
{
	struct payout_job *j = new_job(m, slot);
	const struct payout_job *t = &m->jobs[0];
	uint32_t at = lowest_ticket(m);

	j->line = line;
	j->ticket = m->tickets[at];
	m->tickets[at] = m->tickets[--m->n_tickets];
	j->promised = payout_made_now(m, j->ticket);
	if (j->promised)
		m->taken[j->ticket - t->seq - 1] = true;
	m->lines[line].outcome = LINE_LIVE;
	m->lines[line].attempts++;
	m->n_open--;
	m->n_live++;
}

static bool to_be_paid(const struct payout_line *l)
{
	return l->outcome == LINE_OPEN && l->attempts < PAYOUT_ATTEMPTS_MAX;
}

static void plan_payments(struct payout *m)
{
	int64_t left = available(m);
	uint32_t slot = 1;

	while (m->n_tickets && m->n_signing < m->o.group_max && m->next_line < m->n_lines) {
		const struct payout_line *l = &m->lines[m->next_line++];

		/* the ticket that it uses no longer needs a reserve when it is applied */
		if (!to_be_paid(l) || cost_of(m, l) > left + of(m->ledger.reserve_inc))
			continue;
		while (slot < PAYOUT_JOBS && m->jobs[slot].state != JOB_FREE)
			slot++;
		must(slot < PAYOUT_JOBS);
		left -= cost_of(m, l);
		assign(m, slot, m->next_line - 1);
	}
}

/* ---- tickets ---- */

/* How many of the lines to come could be paid at once with a new ticket each, so that tickets never
 * lock away what the payments need. */
static uint32_t affordable(const struct payout *m, uint32_t most)
{
	int64_t inc = of(m->ledger.reserve_inc), left = available(m) - of(m->ledger.fee);
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->n_lines && n < most && (n + 1) * inc <= left; i++)
		if (to_be_paid(&m->lines[i]) && cost_of(m, &m->lines[i]) + n * inc <= left) {
			left -= cost_of(m, &m->lines[i]);
			n++;
		}
	return n;
}

static uint32_t room_for_tickets(const struct payout *m)
{
	return m->account.tickets < m->o.tickets_max ? m->o.tickets_max - m->account.tickets : 0;
}

/* While any are free, those are for other lines than the ones counted here; so none are made then
 * but for the lines beyond. */
static void plan_tickets(struct payout *m)
{
	uint32_t room = room_for_tickets(m), want, n;
	struct payout_job *j;

	if (m->jobs[0].state != JOB_FREE || m->n_tickets >= m->n_open)
		return;
	want = m->n_open - m->n_tickets;
	n = affordable(m, want < room ? want : room);
	if (!n || (n < want && n < TICKETS_AT_ONCE && m->n_live))
		return;
	j = new_job(m, 0);
	j->seq = m->account.sequence;
	j->count = n;
	payout_start_tickets(m);
}

uint32_t payout_affordable(const struct payout *m)
{
	uint32_t room = room_for_tickets(m);

	return affordable(m, m->n_open < room ? m->n_open : room);
}

/* ---- the end ---- */

static bool any_fits(const struct payout *m)
{
	int64_t left = available(m) - (m->n_tickets ? 0 : of(m->ledger.fee));

	for (uint32_t i = 0; i < m->n_lines; i++)
		if (to_be_paid(&m->lines[i]) && cost_of(m, &m->lines[i]) <= left)
			return true;
	return false;
}

/* Nothing is live, and nothing can be: the lines that are left cannot be paid now. What is too
 * little for a ticket from the start is said so; what became too little is the wallet's end. */
static void give_up(struct payout *m)
{
	bool room = room_for_tickets(m) > 0;

	if (!m->n_tickets && any_fits(m) && !room) { /* another run may use them up */
		if (m->now_ms - m->progress_ms > NO_ROOM_MS)
			payout_halt(m, PAYOUT_NO_TICKETS, "");
		return;
	}
	if (!m->n_tickets && any_fits(m) && !m->signed_total)
		return payout_halt(m, PAYOUT_RESERVE, "");
	for (uint32_t i = 0; i < m->n_lines; i++)
		if (to_be_paid(&m->lines[i]))
			m->lines[i].outcome = LINE_UNFUNDED;
	m->n_open = 0;
}

void payout_plan(struct payout *m)
{
	bool whole = m->next_line == 0;

	if (!m->n_open || drops_cmp(m->ledger.fee, m->o.fee_max) > 0)
		return;
	if (m->ticket_failures >= PAYOUT_ATTEMPTS_MAX)
		return payout_halt(m, PAYOUT_NO_TICKETS, m->jobs[0].code);
	plan_payments(m);
	plan_tickets(m);
	if (whole && !m->n_signing && !m->n_live && m->jobs[0].state == JOB_FREE)
		give_up(m);
}
