/* SPDX-License-Identifier: ISC */
#include "tx/ops.h"

bool account_balance(const struct st_object *account, struct drops *out)
{
	struct drops d;

	if (!st_get_drops(account, sfBalance, &d) || drops_cmp(d, drops_of(DROPS_MAX)) > 0)
		return false;
	*out = d;
	return true;
}

bool account_is_pseudo(const struct st_object *account)
{
	return st_has(account, sfAMMID) || st_has(account, sfVaultID) ||
	       st_has(account, sfLoanBrokerID);
}

/* A Sequence must be the account's next one (rippled: Transactor::checkSeqProxy). */
static enum ter check_sequence(const struct tx_run *r)
{
	uint32_t next = st_u32_or(r->account_before, sfSequence, 0);

	if (st_has(r->t->fields, sfTicketSequence))
		return temSEQ_AND_TICKET;
	if (r->t->seq == next)
		return tesSUCCESS;
	return r->t->seq > next ? terPRE_SEQ : tefPAST_SEQ;
}

/* A ticket below the account's next sequence must exist; one above may still be made. */
static enum ter check_ticket(struct tx_run *r)
{
	const struct st_object *ticket;
	uint32_t next = st_u32_or(r->account_before, sfSequence, 0);
	enum found f;

	if (next <= r->t->ticket)
		return terPRE_TICKET;
	f = view_read(r->ledger, keylet_ticket(&r->t->account, r->t->ticket), &ticket);
	if (f == UNAVAILABLE)
		return tefEXCEPTION;
	return f == FOUND ? tesSUCCESS : tefNO_TICKET;
}

/* (rippled: checkPriorTxAndLastLedger. Its third check, tefALREADY, cannot be reached: a
 * transaction that is in the ledger has used its sequence or ticket up.) */
static enum ter check_prior_and_last(const struct tx_run *r)
{
	struct hash256 want, last = HASH256_ZERO;

	if (st_get_hash256(r->t->fields, sfAccountTxnID, &want)) {
		(void)st_get_hash256(r->account_before, sfAccountTxnID, &last);
		if (!hash256_eq(&want, &last))
			return tefWRONG_PRIOR;
	}
	if (st_has(r->t->fields, sfLastLedgerSequence) && r->info->seq > r->t->last_ledger)
		return tefMAX_LEDGER;
	return tesSUCCESS;
}

static enum ter check_fee(const struct tx_run *r)
{
	struct drops due = tx_base_fee(r->t, r->ledger), balance;

	if (r->info->open && drops_cmp(r->t->fee, due) < 0)
		return telINSUF_FEE_P;
	if (r->t->fee.raw == 0) /* raw: compared with nothing */
		return tesSUCCESS;
	if (!account_balance(r->account_before, &balance))
		return tefINTERNAL;
	if (drops_cmp(balance, r->t->fee) >= 0)
		return tesSUCCESS;
	/* In a closed ledger, what is there is taken. */
	return balance.raw > 0 && !r->info->open ? tecINSUFF_FEE : terINSUF_FEE_B; /* raw: sign */
}

enum ter tx_preclaim_common(struct tx_run *r)
{
	enum found f = view_read(r->ledger, r->account_k, &r->account_before);
	enum ter t;

	if (f != FOUND)
		return f == ABSENT ? terNO_ACCOUNT : tefEXCEPTION;
	t = r->t->has_ticket ? check_ticket(r) : check_sequence(r);
	if (t == tesSUCCESS)
		t = check_prior_and_last(r);
	if (t == tesSUCCESS)
		t = tx_check_sign(r);
	if (t == tesSUCCESS)
		t = check_fee(r);
	return t;
}

struct drops tx_base_fee_common(const struct tx *t, const struct ledger_fees *fees)
{
	struct drops due;

	if (!drops_mul(&due, fees->base, 1 + (uint64_t)t->signers))
		due = drops_of(DROPS_MAX);
	return due;
}

struct drops tx_base_fee(const struct tx *t, struct view *v)
{
	const struct tx_ops *ops = tx_ops_of(t->type);

	if (t->pseudo)
		return drops_of(0);
	if (ops && ops->base_fee)
		return ops->base_fee(t, v);
	return tx_base_fee_common(t, &view_get_info(v)->fees);
}

void tx_consequences_of(const struct tx *t, struct tx_consequences *out)
{
	const struct tx_ops *ops = tx_ops_of(t->type);

	*out = (struct tx_consequences){.spend = drops_of(0), .sequences = t->has_ticket ? 0 : 1};
	if (ops && ops->consequences)
		ops->consequences(t, out);
}
