/* SPDX-License-Identifier: ISC */
#include "payout_impl.h"

#include <stdio.h>

#define BACKOFF_MS_MIN 250
#define BACKOFF_MS_MAX 10000

/* What the machine is told. An answer that is no longer awaited is passed over. */

static void answered(struct payout *m, int64_t now_ms)
{
	m->now_ms = now_ms;
	m->answered_ms = now_ms;
	m->backoff_ms = 0;
}

void payout_on_ledger(struct payout *m, const struct payout_ledger_info *i, int64_t now_ms)
{
	bool newer = i->seq > m->ledger.seq;

	if (m->stage != STAGE_LEDGER)
		return;
	answered(m, now_ms);
	if (newer)
		m->pressure = false;
	else if (i->seq < m->ledger.seq) /* another server, or one that was set back */
		return payout_enter(m, STAGE_WAIT);
	m->ledger = *i;
	if (newer)
		payout_find_resends(m);
	m->next_line = 0;
	payout_check_patience(m);
	if (m->ledger.seq < m->seen)
		payout_enter(m, STAGE_WAIT); /* its past is not the one that is known here */
	else if (newer || !m->account_known || (m->n_send && !m->pressure) || m->check_tickets)
		payout_enter(m, STAGE_LOOK);
	else
		payout_enter(m, STAGE_WAIT);
}

void payout_on_account(struct payout *m, const struct payout_account_info *i)
{
	if (m->stage != STAGE_ACCOUNT)
		return;
	if (i->ledger < m->seen || i->ledger < m->ledger.seq)
		return payout_enter(m, STAGE_WAIT);
	m->account = *i;
	m->account_known = true;
	payout_enter(m, STAGE_SEND);
}

static bool has_ticket(const uint32_t *tickets, uint32_t n, uint32_t ticket)
{
	uint32_t lo = 0, hi = n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (tickets[mid] < ticket)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && tickets[lo] == ticket;
}

static bool made_here(const struct payout *m, uint32_t ticket)
{
	for (uint32_t i = 0; i < m->n_made; i++) {
		uint32_t first = (uint32_t)(m->made[i] >> 32);

		if (ticket >= first && ticket - first < (uint32_t)m->made[i])
			return true;
	}
	return false;
}

static bool held(const struct payout *m, uint32_t ticket)
{
	for (uint32_t i = 1; i < PAYOUT_JOBS; i++)
		if (m->jobs[i].state != JOB_FREE && m->jobs[i].ticket == ticket)
			return true;
	return false;
}

/* Free are those of the ledger that were made here and that nothing live holds; and those that are
 * being made. */
static void count_tickets(struct payout *m, const uint32_t *tickets, uint32_t n)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < m->n_tickets; i++)
		if (payout_made_now(m, m->tickets[i]))
			m->tickets[kept++] = m->tickets[i];
	m->n_tickets = kept;
	for (uint32_t i = 0; i < n && m->n_tickets < PAYOUT_TICKETS_MAX; i++)
		if (made_here(m, tickets[i]) && !payout_made_now(m, tickets[i]) &&
		    !held(m, tickets[i]))
			m->tickets[m->n_tickets++] = tickets[i];
	m->check_tickets = false;
}

void payout_on_tickets(struct payout *m, uint32_t ledger, const uint32_t *tickets, uint32_t n)
{
	if (m->stage != STAGE_TICKETS)
		return;
	if (ledger < m->ledger.seq || ledger < m->seen)
		return payout_enter(m, STAGE_WAIT);
	if (m->check_tickets)
		count_tickets(m, tickets, n);
	for (uint32_t i = 1; i < PAYOUT_JOBS; i++) {
		struct payout_job *j = &m->jobs[i];
		bool there = has_ticket(tickets, n, j->ticket);

		if (j->state != JOB_DURABLE || !j->gone)
			continue;
		if (there || j->promised)
			payout_end_job(m, j, LINE_EXPIRED, j->code, 0, drops_of(0),
				       there ? j->ticket : 0);
		else
			payout_end_job(m, j, LINE_CONFLICT, j->code, 0, drops_of(0), 0);
	}
	payout_enter(m, STAGE_ACCOUNT);
}

void payout_on_signed(struct payout *m, uint32_t slot, const struct hash256 *hash,
		      struct bytes blob)
{
	struct payout_job *j = &m->jobs[slot];

	if (m->stage != STAGE_SIGN || j->state != JOB_UNSIGNED)
		return;
	j->state = JOB_SIGNED;
	j->asked = false;
	j->hash = *hash;
	buf_clear(&j->blob);
	buf_put(&j->blob, blob.p, blob.n);
	m->n_signing--;
	m->signed_total++;
	if (!payout_makes_tickets(j)) {
		m->lines[j->line].hash = *hash;
		m->lines[j->line].has_hash = true;
	}
	payout_put_signed(m, j);
}

void payout_on_written(struct payout *m, bool durable)
{
	bool some = false;

	if ((m->stage != STAGE_WRITE && m->stage != STAGE_STOPPED) || !m->group.n)
		return;
	m->asked = false;
	buf_clear(&m->group);
	if (!durable)
		return payout_halt(m, PAYOUT_JOURNAL, "");
	for (uint32_t i = 0; i < PAYOUT_JOBS; i++) {
		struct payout_job *j = &m->jobs[i];

		if (j->state != JOB_SIGNED)
			continue;
		j->state = JOB_DURABLE;
		j->send_due = some = true;
		m->n_send++;
	}
	if (m->stage != STAGE_STOPPED)
		payout_after_write(m, some);
}

static bool starts(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

static bool one_of(const char *s, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(s, *list))
			return true;
	return false;
}

/* Nothing that this key signs for this wallet is taken, now. */
static bool about_key(const char *code)
{
	static const char *const list[] = {"tefBAD_AUTH",
					   "tefBAD_AUTH_MASTER",
					   "tefMASTER_DISABLED",
					   "tefNOT_MULTI_SIGNING",
					   "temBAD_SIGNATURE",
					   "terNO_ACCOUNT",
					   "telWRONG_NETWORK",
					   "telREQUIRES_NETWORK_ID",
					   "telNETWORK_ID_MAKES_TX_NON_CANONICAL",
					   "invalidTransaction",
					   NULL};

	return one_of(code, list);
}

/* The server has no room for it at this fee: it keeps, and goes again in the next ledger. */
static bool about_room(const char *code)
{
	static const char *const list[] = {"telINSUF_FEE_P", "terINSUF_FEE_B", NULL};

	return starts(code, "telCAN_NOT_QUEUE") || one_of(code, list);
}

void payout_on_submit(struct payout *m, uint32_t slot, const struct hash256 *hash, const char *code)
{
	struct payout_job *j = &m->jobs[slot];
	bool first;

	if (m->stage != STAGE_SEND || j->state != JOB_DURABLE || !hash256_eq(&j->hash, hash) ||
	    !j->send_due)
		return;
	first = j->tries == 1;
	j->asked = false;
	j->sent = m->ledger.seq;
	snprintf(j->code, sizeof(j->code), "%s", code);
	if (about_key(code))
		return payout_halt(m, PAYOUT_KEY, code);
	if (about_room(code)) {
		m->pressure = true;
		return; /* still due */
	}
	j->send_due = false;
	m->n_send--;
	if (payout_makes_tickets(j) && starts(code, "tem"))
		payout_halt(m, PAYOUT_NO_TICKETS, code);
	else if (starts(code, "tem") && first) /* else it may be the answer of another server */
		payout_end_job(m, j, LINE_REFUSED, code, 0, drops_of(0),
			       j->promised ? 0 : j->ticket);
	else if (payout_makes_tickets(j) && !strcmp(code, "tesSUCCESS"))
		payout_tickets_usable(m);
}

static void validated(struct payout *m, struct payout_job *j, const struct payout_look *l)
{
	enum payout_outcome o = LINE_REFUSED;

	if (!strcmp(l->code, "tesSUCCESS"))
		o = LINE_PAID;
	else if (!strcmp(l->code, "tecUNFUNDED_PAYMENT") || !strcmp(l->code, "tecINSUFF_FEE"))
		o = LINE_UNFUNDED;
	payout_end_job(m, j, o, l->code, l->ledger, l->delivered, 0);
}

/* Its Sequence was used in a ledger that was searched, and not by it. */
static bool overtaken(const struct payout *m, const struct payout_job *j,
		      const struct payout_look *l)
{
	return m->account_known && m->account.ledger <= l->max && m->account.sequence > j->seq;
}

void payout_on_look(struct payout *m, uint32_t slot, const struct hash256 *hash,
		    const struct payout_look *l)
{
	struct payout_job *j = &m->jobs[slot];

	if (m->stage != STAGE_LOOK || j->state != JOB_DURABLE || !hash256_eq(&j->hash, hash) ||
	    !j->asked)
		return;
	j->asked = false;
	j->looked = m->ledger.seq;
	if (l->validated)
		validated(m, j, l);
	else if (l->searched_all && payout_makes_tickets(j) &&
		 ((l->max == j->last && m->ledger.seq >= j->last) || overtaken(m, j, l)))
		payout_end_job(m, j, LINE_EXPIRED, j->code, 0, drops_of(0), 0);
	else if (l->searched_all && l->max == j->last && m->ledger.seq >= j->last)
		j->gone = true;
}

void payout_on_waited(struct payout *m, int64_t now_ms)
{
	if (m->stage != STAGE_WAIT)
		return;
	m->now_ms = now_ms;
	payout_check_patience(m);
	payout_enter(m, STAGE_LEDGER);
}

void payout_on_lost(struct payout *m, int64_t now_ms)
{
	m->now_ms = now_ms;
	if (m->stage == STAGE_SIGN || m->stage == STAGE_WRITE || m->stage == STAGE_STOPPED)
		return;
	for (uint32_t i = 0; i < PAYOUT_JOBS; i++)
		m->jobs[i].asked = false;
	m->backoff_ms = m->backoff_ms ? m->backoff_ms * 2 : BACKOFF_MS_MIN;
	if (m->backoff_ms > BACKOFF_MS_MAX)
		m->backoff_ms = BACKOFF_MS_MAX;
	m->account_known = false;
	payout_check_patience(m);
	payout_enter(m, STAGE_WAIT);
}
