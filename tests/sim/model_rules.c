/* SPDX-License-Identifier: ISC */
#include "tests/sim/model_impl.h"

/* What all transactions have in common: who may send them, in what order, and what they cost. */

enum { ENABLE_AMENDMENT = 100, SET_FEE = 101, UNL_MODIFY = 102 };

/* Changes by the validators: no account, no fee. */
static const char *change(struct model *m, uint64_t type, struct bytes tx)
{
	uint64_t reserve, increment;

	if (type == SET_FEE && model_drops(tx, 23, &reserve) && model_drops(tx, 24, &increment))
		model_set_fees(m, reserve, increment);
	return NULL;
}

static const char *wrong(struct why *why, const char *property, const char *text)
{
	why_set(why, ERR_INVALID, "%s", text);
	return property;
}

/* Its turn: the account's next sequence, or a ticket of the account. */
static const char *check_turn(struct bytes tx, const struct model_account *a, struct why *why)
{
	uint32_t seq = (uint32_t)model_number(tx, 2, 4);
	struct bytes ticket;

	if (seq == 0 && model_find(tx, 2, 41, &ticket)) {
		if (model_has_ticket(a, load_be32(ticket.p)))
			return NULL;
		why_set(why, ERR_ORDER, "ticket %u, which is not there", load_be32(ticket.p));
		return "P2";
	}
	if (seq == a->seq)
		return NULL;
	why_set(why, ERR_ORDER, "sequence %u where %u is next", seq, a->seq);
	return "P2";
}

static const char *check_sender(struct model_job *j, const struct model_account *a, struct why *why)
{
	const char *p = model_may_sign(j->m, j->tx, a, &j->master, why);
	struct bytes raw;

	if (!p)
		p = check_turn(j->tx, a, why);
	if (p)
		return p;
	if (model_find(j->tx, 2, 27, &raw) && load_be32(raw.p) < model_seq(j->m))
		return wrong(why, "P3", "validated after its LastLedgerSequence");
	if (model_find(j->tx, 5, 9, &raw) && memcmp(raw.p, a->txn_id.b, 32) != 0)
		return wrong(why, "P3", "another transaction was before it");
	return NULL;
}

/* Sequence or ticket, and the fee: taken whatever comes of the rest. */
static void take(const struct model_job *j, struct model_account *a)
{
	struct bytes ticket;

	if (model_number(j->tx, 2, 4))
		a->seq++;
	else if (model_find(j->tx, 2, 41, &ticket))
		(void)model_disown(a, MODEL_TICKET, load_be32(ticket.p), NULL);
	a->balance -= j->fee;
	a->last_tx = *j->id;
	a->last_ledger = model_seq(j->m);
	model_burn(j->m, j->fee);
}

const char *model_transaction(struct model *m, struct bytes tx, const struct hash256 *id,
			      uint8_t *result, struct why *why)
{
	struct model_job j = {.m = m, .tx = tx, .id = id};
	uint64_t type = model_number(tx, 1, 2);
	const struct model_type *t = model_type_of(type);
	struct model_account *a;
	struct account_id from;
	const char *p;
	bool tracked;

	*result = MODEL_SUCCESS;
	if (type == ENABLE_AMENDMENT || type == SET_FEE || type == UNL_MODIFY)
		return change(m, type, tx);
	if (!t)
		return wrong(why, "P10", "a type that the model does not know");
	if (!model_id(tx, 1, &from) || !model_drops(tx, 8, &j.fee))
		return wrong(why, "P3", "no account, or no fee");
	a = model_get(m, &from);
	if (!a)
		return wrong(why, "P3", "from an account that does not exist");
	p = check_sender(&j, a, why);
	if (p)
		return p;
	j.before = a->balance;
	j.free = j.master && !(a->flags & MODEL_PASSWORD_SPENT);
	*result = j.fee > a->balance ? MODEL_INSUFF_FEE : t->before(&j, a);
	if (j.fee > a->balance)
		j.fee = a->balance;
	tracked = a->tracks;
	take(&j, a);
	if (*result == MODEL_SUCCESS)
		*result = t->apply(&j, a);
	a = model_get(m, &from);
	if (*result == MODEL_SUCCESS && a && tracked && a->tracks)
		a->txn_id = *id;
	return NULL;
}

/* ---- metadata ---- */

static int64_t balance_of(struct bytes node, uint16_t part, bool *there)
{
	struct bytes fields;
	uint64_t drops = 0;

	*there = model_find(node, 14, part, &fields) && model_drops(fields, 2, &drops);
	return (int64_t)drops;
}

const char *model_metadata_sum(struct bytes tx, struct bytes meta, struct why *why)
{
	struct bytes nodes = {0};
	struct model_field f;
	struct cursor c;
	int64_t sum = 0;
	uint64_t fee = 0;

	(void)model_find(meta, 15, 8, &nodes);
	(void)model_drops(tx, 8, &fee);
	c = cursor_of(nodes);
	while (model_next_field(&c, &f)) {
		bool had, has;
		int64_t was, is;

		if (f.type != 14 || model_number(f.raw, 1, 1) != 0x61)
			continue;
		was = balance_of(f.raw, 6, &had);
		is = balance_of(f.raw, f.nth == 3 ? 8 : 7, &has);
		if (is < 0 || was < 0)
			return wrong(why, "P3", "a negative balance");
		if (f.nth == 3)
			sum += is;
		else if (had && has)
			sum += is - was;
	}
	if (c.dead)
		return wrong(why, "P3", "malformed metadata");
	if (sum > 0 || (uint64_t)-sum > fee) {
		why_set(why, ERR_MISMATCH, "balances change by %lld and the fee is %llu",
			(long long)sum, (unsigned long long)fee);
		return "P3";
	}
	return NULL;
}
