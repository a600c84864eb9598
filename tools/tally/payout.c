/* SPDX-License-Identifier: ISC */
#include "payout_impl.h"

#include "base/mem.h"

#include <stdio.h>

#define POLL_MS        250
#define RESEND_LEDGERS 3 /* what the server took and is in no ledger after so many goes again */

static const char *const outcome_names[PAYOUT_OUTCOMES] = {
    "open", "unknown", "paid", "refused", "unfunded", "expired", "conflict"};

const char *payout_outcome_name(enum payout_outcome o)
{
	return outcome_names[o];
}

const char *payout_stop_name(enum payout_stop s)
{
	static const char *const names[] = {"running", "done", "journal",    "unreachable",
					    "stalled", "key",  "no reserve", "no tickets"};

	return names[s];
}

void payout_halt(struct payout *m, enum payout_stop why, const char *code)
{
	m->stage = STAGE_STOPPED;
	m->asked = false;
	m->stop = why;
	snprintf(m->stop_code, sizeof(m->stop_code), "%s", code);
}

void payout_enter(struct payout *m, enum payout_stage stage)
{
	if (m->stage == STAGE_STOPPED)
		return;
	m->stage = stage;
	m->cursor = 0;
	m->asked = false;
}

/* ---- tickets ---- */

/* Whether the job that makes tickets, if any, makes this one. */
bool payout_made_now(const struct payout *m, uint32_t ticket)
{
	const struct payout_job *t = &m->jobs[0];

	return t->state != JOB_FREE && ticket > t->seq && ticket - t->seq <= t->count;
}

/* What does not fit was counted by a run that knew less of the ledger: it is left alone. */
static void give_ticket(struct payout *m, uint32_t ticket)
{
	for (uint32_t i = 0; i < m->n_tickets; i++)
		if (m->tickets[i] == ticket)
			return;
	if (m->n_tickets < PAYOUT_TICKETS_MAX)
		m->tickets[m->n_tickets++] = ticket;
}

/* Takes it out of the free ones, or out of those that are being made. */
static bool take_ticket(struct payout *m, uint32_t ticket)
{
	bool promised = payout_made_now(m, ticket);

	if (promised)
		m->taken[ticket - m->jobs[0].seq - 1] = true;
	for (uint32_t i = 0; i < m->n_tickets; i++)
		if (m->tickets[i] == ticket)
			m->tickets[i--] = m->tickets[--m->n_tickets];
	return promised;
}

void payout_start_tickets(struct payout *m)
{
	m->tickets_usable = false;
	memset(m->taken, 0, sizeof(m->taken));
	for (uint32_t i = 1; i < PAYOUT_JOBS; i++)
		if (m->jobs[i].state != JOB_FREE && payout_made_now(m, m->jobs[i].ticket))
			take_ticket(m, m->jobs[i].ticket);
}

void payout_tickets_usable(struct payout *m)
{
	const struct payout_job *t = &m->jobs[0];

	if (m->tickets_usable)
		return;
	m->tickets_usable = true;
	for (uint32_t i = t->count; i > 0; i--)
		if (!m->taken[i - 1])
			give_ticket(m, t->seq + i);
}

/* They are in a validated ledger, or will never be. */
static void tickets_decided(struct payout *m, bool made)
{
	struct payout_job *t = &m->jobs[0];
	uint32_t n = 0;

	if (made) {
		payout_tickets_usable(m);
		m->made = mem_resize(m->made, m->n_made + 1, sizeof(*m->made));
		m->made[m->n_made++] = (uint64_t)(t->seq + 1) << 32 | t->count;
		m->check_tickets |= m->missed_tickets;
		m->missed_tickets = false;
	}
	for (uint32_t i = 1; made && i < PAYOUT_JOBS; i++)
		if (m->jobs[i].state != JOB_FREE && payout_made_now(m, m->jobs[i].ticket))
			m->jobs[i].promised = false;
	for (uint32_t i = 0; !made && i < m->n_tickets; i++)
		if (!payout_made_now(m, m->tickets[i]))
			m->tickets[n++] = m->tickets[i];
	if (!made)
		m->n_tickets = n;
	m->tickets_usable = false;
	memset(m->taken, 0, sizeof(m->taken));
}

/* ---- the ends of a transaction ---- */

static void free_job(struct payout *m, struct payout_job *j)
{
	m->n_send -= j->send_due;
	if (!payout_makes_tickets(j))
		m->n_live--;
	buf_clear(&j->blob);
	j->state = JOB_FREE;
	j->send_due = j->asked = j->gone = false;
}

static void close_job(struct payout *m, struct payout_job *j, enum payout_outcome o,
		      const char *code, uint32_t ledger, struct drops delivered, uint32_t ticket)
{
	struct payout_line *l = payout_makes_tickets(j) ? NULL : &m->lines[j->line];

	if (ledger > m->seen)
		m->seen = ledger;
	if (ticket)
		give_ticket(m, ticket);
	if (!l)
		tickets_decided(m, o == LINE_PAID); /* while it says which they are */
	if (!l && o != LINE_EXPIRED)
		m->ticket_failures = o == LINE_PAID ? 0 : m->ticket_failures + 1;
	free_job(m, j);
	if (!l)
		return;
	l->outcome = o == LINE_EXPIRED ? LINE_OPEN : o;
	snprintf(l->code, sizeof(l->code), "%s", code);
	l->ledger = ledger;
	l->delivered = delivered;
	m->n_open += o == LINE_EXPIRED;
}

void payout_end_job(struct payout *m, struct payout_job *j, enum payout_outcome o, const char *code,
		    uint32_t ledger, struct drops delivered, uint32_t ticket)
{
	payout_put_outcome(m, j, o, code, ledger, delivered, ticket);
	if (ledger && !drops_add(&m->fees, m->fees, j->fee))
		m->fees = drops_of(DROPS_MAX);
	m->retried_total += o == LINE_EXPIRED;
	m->missed_tickets |= !ledger && !ticket;
	if (!payout_makes_tickets(j) || o == LINE_PAID)
		m->progress_ms = m->now_ms;
	close_job(m, j, o, code, ledger, delivered, ticket);
}

/* ---- opening, and what an earlier run has left ---- */

void payout_open(struct payout *m, const struct payout_options *o, struct payout_line *lines,
		 uint32_t n, int64_t now_ms)
{
	must(o->tickets_max >= 1 && o->tickets_max <= PAYOUT_TICKETS_MAX && o->group_max >= 1);
	*m = (struct payout){.o = *o, .lines = lines, .n_lines = n, .n_open = n};
	m->now_ms = m->answered_ms = m->progress_ms = now_ms;
	m->stage = STAGE_LEDGER;
}

void payout_close(struct payout *m)
{
	for (uint32_t i = 0; i < PAYOUT_JOBS; i++)
		buf_close(&m->jobs[i].blob);
	buf_close(&m->group);
	mem_free(m->made);
}

static struct payout_job *job_of(struct payout *m, const struct hash256 *hash)
{
	for (uint32_t i = 0; i < PAYOUT_JOBS; i++)
		if (m->jobs[i].state != JOB_FREE && hash256_eq(&m->jobs[i].hash, hash))
			return &m->jobs[i];
	return NULL;
}

static struct payout_job *free_slot(struct payout *m)
{
	for (uint32_t i = 1; i < PAYOUT_JOBS; i++)
		if (m->jobs[i].state == JOB_FREE)
			return &m->jobs[i];
	return NULL;
}

static enum err load_signed(struct payout *m, const struct payout_entry *e, struct why *why)
{
	bool payment = e->line != PAYOUT_NO_LINE;
	struct payout_job *j = payment ? free_slot(m) : &m->jobs[0];
	struct payout_line *l;

	if (payment &&
	    (e->line >= m->n_lines || m->lines[e->line].outcome == LINE_LIVE ||
	     m->lines[e->line].outcome == LINE_PAID || m->lines[e->line].outcome == LINE_REFUSED ||
	     m->lines[e->line].outcome == LINE_CONFLICT || !j))
		return why_set(why, ERR_CORRUPT, "line %u is paid out of turn", e->line);
	if (!payment && (j->state != JOB_FREE || !e->count || e->count > PAYOUT_TICKETS_MAX))
		return why_set(why, ERR_CORRUPT, "tickets are made out of turn");
	j->state = JOB_DURABLE;
	j->line = e->line;
	j->seq = e->seq;
	j->count = e->count;
	j->ticket = e->ticket;
	j->promised = payment && take_ticket(m, e->ticket);
	j->first = e->first;
	j->last = e->last;
	j->fee = e->fee;
	j->hash = e->hash;
	j->looked = j->sent = 0;
	j->tries = 1; /* perhaps */
	j->send_due = true;
	m->n_send++;
	buf_clear(&j->blob);
	buf_put(&j->blob, e->blob.p, e->blob.n);
	if (!payment) {
		payout_start_tickets(m);
		return ERR_NONE;
	}
	l = &m->lines[e->line];
	m->n_open -= l->outcome == LINE_OPEN;
	m->n_live++;
	l->outcome = LINE_LIVE;
	l->hash = e->hash;
	l->has_hash = true;
	return ERR_NONE;
}

enum err payout_load(struct payout *m, const struct payout_entry *e, struct why *why)
{
	struct payout_job *j;

	if (e->kind == ENTRY_SIGNED)
		return load_signed(m, e, why);
	j = e->kind == ENTRY_OUTCOME ? job_of(m, &e->hash) : NULL;
	if (!j || j->line != e->line || (e->ticket && e->ticket != j->ticket))
		return why_set(why, ERR_CORRUPT, "an outcome of nothing that was signed");
	close_job(m, j, e->outcome, e->code, e->ledger, e->delivered, e->ticket);
	return ERR_NONE;
}

void payout_loaded(struct payout *m)
{
	for (uint32_t i = 0; i < m->n_lines; i++)
		if (m->lines[i].outcome == LINE_UNFUNDED) {
			m->lines[i].outcome = LINE_OPEN;
			m->n_open++;
		}
	m->ticket_failures = 0;
	m->check_tickets = true;
}

/* ---- asking ---- */

/* Looked for once in each validated ledger, in those that it can be in. */
static bool look_due(const struct payout *m, const struct payout_job *j)
{
	return j->state == JOB_DURABLE && !j->gone && j->looked < m->ledger.seq &&
	       j->first <= m->ledger.seq;
}

static bool any_gone(const struct payout *m)
{
	for (uint32_t i = 0; i < PAYOUT_JOBS; i++)
		if (m->jobs[i].state != JOB_FREE && m->jobs[i].gone)
			return true;
	return false;
}

static bool any_asked(const struct payout *m)
{
	for (uint32_t i = 0; i < PAYOUT_JOBS; i++)
		if (m->jobs[i].asked)
			return true;
	return false;
}

/* The next slot from the cursor on that `due` says yes to; false when there is none. */
static bool next_slot(struct payout *m,
		      bool (*due)(const struct payout *, const struct payout_job *))
{
	for (; m->cursor < PAYOUT_JOBS; m->cursor++) {
		struct payout_job *j = &m->jobs[m->cursor];

		if (!j->asked && due(m, j)) {
			j->asked = true;
			m->cursor++;
			return true;
		}
	}
	return false;
}

static bool send_due(const struct payout *m, const struct payout_job *j)
{
	return j->state == JOB_DURABLE && j->send_due && !j->gone && j->last > m->ledger.seq;
}

static bool sign_due(const struct payout *m, const struct payout_job *j)
{
	(void)m;
	return j->state == JOB_UNSIGNED;
}

static struct payout_action once(struct payout *m, enum payout_action_kind kind)
{
	struct payout_action a = {.kind = m->asked ? PAYOUT_NOTHING : kind};

	m->asked = true;
	return a;
}

static struct payout_action look(struct payout *m, uint32_t slot)
{
	const struct payout_job *j = &m->jobs[slot];

	return (struct payout_action){.kind = PAYOUT_LOOK,
				      .slot = slot,
				      .min = j->first,
				      .max = j->last < m->ledger.seq ? j->last : m->ledger.seq};
}

static struct payout_action submit(struct payout *m, uint32_t slot)
{
	m->jobs[slot].tries++;
	return (struct payout_action){.kind = PAYOUT_SUBMIT, .slot = slot};
}

/* What goes again although the server had it: silence for some ledgers. */
void payout_find_resends(struct payout *m)
{
	for (uint32_t i = 0; i < PAYOUT_JOBS; i++) {
		struct payout_job *j = &m->jobs[i];

		if (j->state != JOB_DURABLE || j->send_due || j->gone ||
		    m->ledger.seq < j->sent + RESEND_LEDGERS)
			continue;
		j->send_due = true;
		m->n_send++;
		m->resent_total++;
	}
}

static void after_send(struct payout *m)
{
	payout_enter(m, m->pressure ? STAGE_WRITE : STAGE_PLAN);
}

static void after_plan(struct payout *m)
{
	if (m->stage == STAGE_PLAN)
		payout_enter(m, m->n_signing ? STAGE_SIGN : STAGE_WRITE);
}

void payout_after_write(struct payout *m, bool sent_something)
{
	if (sent_something)
		payout_enter(m, STAGE_SEND);
	else if (!m->n_open && !m->n_live && m->jobs[0].state == JOB_FREE)
		payout_halt(m, PAYOUT_DONE, "");
	else
		payout_enter(m, STAGE_WAIT);
}

void payout_check_patience(struct payout *m)
{
	if (m->now_ms - m->answered_ms > m->o.patience_ms)
		payout_halt(m, PAYOUT_UNREACHABLE, "");
	else if (m->now_ms - m->progress_ms > m->o.patience_ms)
		payout_halt(m, PAYOUT_STALLED, "");
}

/* One step: true when *a is an action (or PAYOUT_NOTHING), false when the stage has changed. */
static bool step(struct payout *m, struct payout_action *a)
{
	switch (m->stage) {
	case STAGE_LEDGER:
		*a = once(m, PAYOUT_LEDGER);
		return true;
	case STAGE_LOOK:
		if (next_slot(m, look_due))
			return *a = look(m, m->cursor - 1), true;
		if (any_asked(m))
			return true;
		payout_enter(m, STAGE_TICKETS);
		return false;
	case STAGE_TICKETS:
		if (m->check_tickets || any_gone(m))
			return *a = once(m, PAYOUT_TICKETS), true;
		payout_enter(m, STAGE_ACCOUNT);
		return false;
	case STAGE_ACCOUNT:
		*a = once(m, PAYOUT_ACCOUNT);
		return true;
	case STAGE_SEND:
		if (m->n_send && !m->pressure && next_slot(m, send_due))
			return *a = submit(m, m->cursor - 1), true;
		if (any_asked(m))
			return true;
		after_send(m);
		return false;
	case STAGE_PLAN:
		payout_plan(m);
		after_plan(m);
		return false;
	case STAGE_SIGN:
		if (next_slot(m, sign_due))
			return *a = (struct payout_action){.kind = PAYOUT_SIGN,
							   .slot = m->cursor - 1},
			       true;
		if (m->n_signing)
			return true;
		payout_enter(m, STAGE_WRITE);
		return false;
	case STAGE_WRITE:
		if (m->group.n)
			return *a = once(m, PAYOUT_WRITE), true;
		payout_after_write(m, false);
		return false;
	case STAGE_WAIT:
		*a = once(m, PAYOUT_WAIT);
		a->wait_ms = m->backoff_ms ? m->backoff_ms : POLL_MS;
		return true;
	case STAGE_STOPPED:
		/* what is known is kept, if it can be */
		if (m->group.n && m->stop != PAYOUT_JOURNAL && !m->n_signing)
			*a = once(m, PAYOUT_WRITE);
		else
			a->kind = PAYOUT_STOP;
		return true;
	}
	return true;
}

struct payout_action payout_next(struct payout *m)
{
	struct payout_action a = {.kind = PAYOUT_NOTHING};

	while (!step(m, &a))
		;
	return a;
}
