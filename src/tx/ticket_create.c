/* SPDX-License-Identifier: ISC */
#include "tx/owner.h"
#include "tx/ticket.h"

/* TicketCreate, and what becomes of tickets (rippled: TicketCreate.cpp, Transactor::ticketDelete).
 */

enum ter ticket_remove(struct tx_run *r, const struct account_id *owner, struct st_object *account,
		       struct keylet ticket)
{
	uint32_t left = st_u32_or(account, sfTicketCount, 0);
	struct st_object *o;
	enum found f = view_peek(r->view, ticket, &o);

	if (f != FOUND)
		return f == ABSENT ? tefBAD_LEDGER : tefEXCEPTION;
	if (left == 0)
		return tefBAD_LEDGER;
	if (left == 1)
		st_remove(account, sfTicketCount);
	else
		st_set_u(account, sfTicketCount, left - 1);
	view_update(r->view, keylet_account(owner));
	return owner_unlink(r, owner, account, ticket, o, 1, true);
}

static uint32_t wanted(const struct tx *t)
{
	return st_u32_or(t->fields, sfTicketCount, 0);
}

static enum ter preflight(const struct tx_static *s)
{
	uint32_t n = wanted(s->t);

	return n >= 1 && n <= TICKETS_MAX ? tesSUCCESS : temINVALID_COUNT;
}

/* At most TICKETS_MAX at a time, when the one that this transaction may use is gone. */
static enum ter preclaim(struct tx_run *r)
{
	uint64_t has = st_u32_or(r->account_before, sfTicketCount, 0);

	if (has + wanted(r->t) - (r->t->has_ticket ? 1 : 0) > TICKETS_MAX)
		return tecDIR_FULL;
	return tesSUCCESS;
}

static enum ter make_ticket(struct tx_run *r, uint32_t seq)
{
	struct keylet k = keylet_ticket(&r->t->account, seq);
	const struct st_object *there;
	struct st_object *ticket;
	enum found f = view_read(r->view, (struct keylet){.key = k.key, .type = ltANY}, &there);

	if (f != ABSENT)
		return f == FOUND ? tefBAD_LEDGER : tefEXCEPTION;
	ticket = view_insert(r->view, k);
	st_set_account(ticket, sfAccount, &r->t->account);
	st_set_u(ticket, sfTicketSequence, seq);
	return owner_link(r, &r->t->account, r->account, k, ticket, 1);
}

static enum ter apply(struct tx_run *r)
{
	uint32_t n = wanted(r->t);
	uint32_t first = st_u32_or(r->account, sfSequence, 0);
	enum ter t = tesSUCCESS;

	/* The fee may be paid out of the reserve. */
	if (drops_cmp(r->balance_before_fee, reserve_with(r, r->account, n)) < 0)
		return tecINSUFFICIENT_RESERVE;
	for (uint32_t i = 0; t == tesSUCCESS && i < n; i++)
		t = make_ticket(r, first + i);
	if (t != tesSUCCESS)
		return t;
	st_set_u(r->account, sfTicketCount, (uint64_t)st_u32_or(r->account, sfTicketCount, 0) + n);
	st_set_u(r->account, sfSequence, (uint32_t)(first + n));
	view_update(r->view, r->account_k);
	return tesSUCCESS;
}

static void consequences(const struct tx *t, struct tx_consequences *out)
{
	out->sequences += wanted(t);
}

const struct tx_ops tx_ops_ticket_create = {
    .preflight = preflight,
    .preclaim = preclaim,
    .apply = apply,
    .consequences = consequences,
};
