/* SPDX-License-Identifier: ISC */
#include "tx/invariants.h"

/* What holds after every transaction, whatever it was: one sentence and one visitor each (rippled:
 * InvariantCheck.h). A visitor sees each changed entry and keeps count; `holds` judges at the end.
 * Those about owners and directories are in invariants_owned.c.
 *
 * A new invariant is a row of the table, its visitor, its judgement, and a test that plants what
 * it forbids. */
static uint16_t type_of(const struct st_object *o)
{
	uint16_t t = 0;

	(void)st_get_u16(o, sfLedgerEntryType, &t);
	return t;
}

/* XRP of an entry: in accounts, in escrows, and what is left in payment channels. */
static int64_t xrp_of(uint16_t type, const struct st_object *o)
{
	struct drops amount = drops_of(0), paid = drops_of(0);

	switch (type) {
	case ltAccountRoot:
		(void)st_get_drops(o, sfBalance, &amount);
		break;
	case ltEscrow:
		(void)st_get_drops(o, sfAmount, &amount);
		break;
	case ltPayChannel:
		(void)st_get_drops(o, sfAmount, &amount);
		(void)st_get_drops(o, sfBalance, &paid);
		break;
	default:
		break;
	}
	return (int64_t)amount.raw - (int64_t)paid.raw; /* raw: sums of signed changes */
}

static void visit_xrp(struct tally *y, const struct st_object *before,
		      const struct st_object *after)
{
	y->xrp_change += (after ? xrp_of(y->is, after) : 0) - (before ? xrp_of(y->was, before) : 0);
}

static bool xrp_holds(const struct tally *y)
{
	return y->xrp_change == -(int64_t)y->fee.raw; /* raw: sums of signed changes */
}

static void visit_nothing(struct tally *y, const struct st_object *before,
			  const struct st_object *after)
{
	(void)y;
	(void)before;
	(void)after;
}

static bool fee_holds(const struct tally *y)
{
	return drops_cmp(y->fee, y->t->fee) <= 0 && drops_cmp(y->fee, drops_of(DROPS_MAX)) < 0;
}

static void visit_balance(struct tally *y, const struct st_object *before,
			  const struct st_object *after)
{
	struct drops d;

	if (y->was == ltAccountRoot && !account_balance(before, &d))
		y->bad_balance = true;
	if (y->is == ltAccountRoot && !account_balance(after, &d))
		y->bad_balance = true;
}

static bool balance_holds(const struct tally *y)
{
	return !y->bad_balance;
}

static void visit_deleted(struct tally *y, const struct st_object *before,
			  const struct st_object *after)
{
	if (y->was != ltAccountRoot || after)
		return;
	y->accounts_deleted++;
	y->deleted_before = before;
	(void)st_get_account(before, sfAccount, &y->deleted);
	y->sender_deleted |= account_eq(&y->deleted, &y->t->account);
}

static bool deleted_holds(const struct tally *y)
{
	bool must_be = y->ops->deletes_account && y->result == tesSUCCESS;

	return y->accounts_deleted == (must_be ? 1 : 0);
}

static void visit_type(struct tally *y, const struct st_object *before,
		       const struct st_object *after)
{
	if (before && after && y->was != y->is)
		y->retyped = true;
	if (after && !entry_type_name(y->is))
		y->unknown_type = true;
}

static bool type_holds(const struct tally *y)
{
	return !y->retyped && !y->unknown_type;
}

static void visit_created(struct tally *y, const struct st_object *before,
			  const struct st_object *after)
{
	if (before || y->is != ltAccountRoot)
		return;
	y->accounts_created++;
	if (st_u32_or(after, sfSequence, 0) != y->info->seq)
		y->bad_new_sequence = true;
}

static bool created_holds(const struct tally *y)
{
	unsigned max = y->result == tesSUCCESS ? y->ops->accounts_created_max : 0;

	return y->accounts_created <= max && !y->bad_new_sequence;
}

/* Only the sender's sequence moves, and only up. */
static void visit_sequence(struct tally *y, const struct st_object *before,
			   const struct st_object *after)
{
	uint32_t was, is;
	struct account_id id;

	if (y->was != ltAccountRoot || y->is != ltAccountRoot)
		return;
	was = st_u32_or(before, sfSequence, 0);
	is = st_u32_or(after, sfSequence, 0);
	if (is == was)
		return;
	if (is < was || !st_get_account(after, sfAccount, &id) || !account_eq(&id, &y->t->account))
		y->bad_sequence = true;
	y->sequence_moved = is - was;
}

/* What the queue is told before, happens; a fee that is claimed uses up one, or the ticket. */
static bool sequence_holds(const struct tally *y)
{
	struct tx_consequences c = {.sequences = y->t->has_ticket ? 0 : 1};

	if (y->bad_sequence)
		return false;
	if (y->t->pseudo)
		return y->sequence_moved == 0;
	if (y->result == tesSUCCESS && y->ops->consequences)
		y->ops->consequences(y->t, &c);
	return y->sender_deleted || y->sequence_moved == c.sequences;
}

static void visit_pseudo(struct tally *y, const struct st_object *before,
			 const struct st_object *after)
{
	uint32_t must_have = (uint32_t)lsfDisableMaster | (uint32_t)lsfDefaultRipple |
			     (uint32_t)lsfDepositAuth;
	unsigned owners;

	if (y->is != ltAccountRoot)
		return;
	if (!account_is_pseudo(after) && st_u32_or(after, sfSequence, 0) != 0)
		return;
	owners = (unsigned)st_has(after, sfAMMID) + st_has(after, sfVaultID) +
		 st_has(after, sfLoanBrokerID);
	if (owners != 1 || st_has(after, sfRegularKey) ||
	    (st_u32_or(after, sfFlags, 0) & must_have) != must_have)
		y->bad_pseudo = true;
	if (before && st_u32_or(before, sfSequence, 0) != st_u32_or(after, sfSequence, 0))
		y->bad_pseudo = true;
}

static bool pseudo_holds(const struct tally *y)
{
	return !y->bad_pseudo;
}

static const struct invariant {
	const char *sentence;
	void (*visit)(struct tally *y, const struct st_object *before,
		      const struct st_object *after);
	bool (*holds)(const struct tally *y);
} invariants[] = {
    {"no XRP is made, and none but the fee is lost", visit_xrp, xrp_holds},
    {"the fee is at most what the transaction offers", visit_nothing, fee_holds},
    {"an account's balance is XRP between nothing and all there is", visit_balance, balance_holds},
    {"exactly what deletes an account deletes one, when it succeeds", visit_deleted, deleted_holds},
    {"entries keep their types, and have one that is known", visit_type, type_holds},
    {"a successful transaction makes only the accounts its type may make, and they begin with "
     "the ledger's sequence",
     visit_created, created_holds},
    {"only the sender's sequence changes, and it grows as the transaction said it would",
     visit_sequence, sequence_holds},
    {"accounts of ledger objects have one owner, no keys, and do not move their sequence",
     visit_pseudo, pseudo_holds},
    {"an account's counts of what it owns and of its tickets change with what it owns",
     invariants_visit_owned, invariants_counts_hold},
    {"pages of directories name each other, and nothing twice", invariants_visit_page,
     invariants_pages_hold},
    {"what is owned is named by the page it points to, what is gone is not, and nothing else is",
     visit_nothing, invariants_listed_hold},
    {"a deleted account leaves nothing behind", visit_nothing, invariants_clean_holds},
};
#define INVARIANTS (sizeof(invariants) / sizeof(invariants[0]))

static bool visit_all(void *ctx, const struct hash256 *key, enum view_change how,
		      const struct st_object *before, const struct st_object *after)
{
	struct tally *y = ctx;

	(void)how;
	y->key = key;
	y->was = before ? type_of(before) : 0;
	y->is = after ? type_of(after) : 0;
	for (size_t i = 0; i < INVARIANTS; i++)
		invariants[i].visit(y, before, after);
	return true;
}

bool tx_invariants_hold(struct view *sandbox, const struct tx *t, const struct tx_ops *ops,
			enum ter result, struct drops fee, const char **broken)
{
	struct tally y = {.t = t,
			  .ops = ops,
			  .info = view_get_info(sandbox),
			  .view = sandbox,
			  .result = result,
			  .fee = fee};
	size_t i = 0;

	view_each_change(sandbox, visit_all, &y);
	while (i < INVARIANTS && invariants[i].holds(&y))
		i++;
	arena_close(&y.arena);
	if (i < INVARIANTS)
		*broken = invariants[i].sentence;
	return i == INVARIANTS;
}
