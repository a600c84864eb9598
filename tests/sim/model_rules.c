/* SPDX-License-Identifier: ISC */
#include "crypto/hash.h"
#include "tests/sim/model_impl.h"

/* What the transactions do, as the protocol has it, in the plainest form. */

enum { PAYMENT = 0, ACCOUNT_SET = 3, ENABLE_AMENDMENT = 100, SET_FEE = 101, UNL_MODIFY = 102 };
enum {
	SUCCESS = 0,
	UNFUNDED_PAYMENT = 104,
	NO_DST_INSUF_XRP = 125,
	NO_ALTERNATIVE_KEY = 130,
	INSUFF_FEE = 136,
	NO_PERMISSION = 139,
	DST_TAG_NEEDED = 143,
};
#define PASSWORD_SPENT 0x00010000u
#define REQUIRE_TAG    0x00020000u
#define NO_FREEZE      0x00200000u
#define GLOBAL_FREEZE  0x00400000u
#define DEPOSIT_AUTH   0x01000000u
#define CLAWBACK       0x80000000u

struct job {
	struct model *m;
	struct bytes tx;
	const struct hash256 *id;
	uint64_t fee, before; /* the sender's balance before the fee */
};

/* SetFlag and ClearFlag by number, and the transaction flags that mean the same. */
static const struct {
	uint8_t asf;
	uint32_t bit, tf_set, tf_clear;
} switches[] = {
    {1, REQUIRE_TAG, 0x00010000u, 0x00020000u},
    {2, 0x00040000u, 0x00040000u, 0x00080000u},
    {3, 0x00080000u, 0x00100000u, 0x00200000u},
    {8, 0x00800000u, 0, 0},
    {9, DEPOSIT_AUTH, 0, 0},
    {12, 0x04000000u, 0, 0},
    {13, 0x08000000u, 0, 0},
    {14, 0x10000000u, 0, 0},
    {15, 0x20000000u, 0, 0},
};

static void set_fields(struct model_account *a, struct bytes tx)
{
	struct bytes raw;

	if (model_find(tx, 2, 11, &raw)) {
		a->transfer_rate = load_be32(raw.p);
		if (a->transfer_rate == 1000000000u)
			a->transfer_rate = 0;
	}
	if (model_find(tx, 16, 16, &raw))
		a->tick = raw.p[0] == 16 ? 0 : raw.p[0];
	if (model_find(tx, 7, 7, &raw)) {
		a->domain = HASH256_ZERO;
		if (raw.n)
			sha512_half(&a->domain, raw.p, raw.n);
	}
}

/* The sender's flags after it, or a result that takes only the fee. */
static uint8_t set_flags(const struct job *j, uint32_t *flags)
{
	uint32_t set = (uint32_t)model_number(j->tx, 2, 33);
	uint32_t clear = (uint32_t)model_number(j->tx, 2, 34);
	uint32_t tf = (uint32_t)model_number(j->tx, 2, 2);

	if (set == 16 && (*flags & NO_FREEZE))
		return NO_PERMISSION;
	if (set == 6 && (*flags & CLAWBACK))
		return NO_PERMISSION;
	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
		if (set == switches[i].asf || (tf & switches[i].tf_set))
			*flags |= switches[i].bit;
		if (clear == switches[i].asf || (tf & switches[i].tf_clear))
			*flags &= ~switches[i].bit;
	}
	if (set == 4) /* no type gives an account another key */
		return NO_ALTERNATIVE_KEY;
	if (set == 6)
		*flags |= NO_FREEZE;
	if (set == 7)
		*flags |= GLOBAL_FREEZE;
	else if (clear == 7 && !(*flags & NO_FREEZE))
		*flags &= ~GLOBAL_FREEZE;
	if (set == 16)
		*flags |= CLAWBACK;
	return SUCCESS;
}

static uint8_t account_set(const struct job *j, struct model_account *a)
{
	uint32_t flags = a->flags;
	uint8_t r = set_flags(j, &flags);

	if (r != SUCCESS)
		return r;
	a->flags = flags;
	if (model_number(j->tx, 2, 33) == 5 && !a->tracks)
		a->tracks = true;
	if (model_number(j->tx, 2, 34) == 5) {
		a->tracks = false;
		a->txn_id = HASH256_ZERO;
	}
	set_fields(a, j->tx);
	return SUCCESS;
}

static bool can_pay(const struct job *j, uint64_t amount)
{
	uint64_t keep = model_reserve(j->m);

	if (keep < j->fee)
		keep = j->fee;
	return j->before >= amount && j->before - amount >= keep;
}

static uint8_t payment(const struct job *j, const struct account_id *from)
{
	struct model_account *to, *a;
	struct account_id dst = {{0}};
	struct bytes raw;
	uint64_t amount;

	if (!model_find(j->tx, 8, 3, &raw) || raw.n != 20 || !model_drops(j->tx, 1, &amount))
		return 255;
	memcpy(dst.b, raw.p, 20);
	if (!model_account(j->m, &dst)) {
		if (amount < model_reserve(j->m))
			return NO_DST_INSUF_XRP;
		if (!can_pay(j, amount))
			return UNFUNDED_PAYMENT;
		to = model_create(j->m, &dst);
	} else {
		const struct model_account *there = model_account(j->m, &dst);

		if ((there->flags & REQUIRE_TAG) && !model_find(j->tx, 2, 14, &raw))
			return DST_TAG_NEEDED;
		if (!can_pay(j, amount))
			return UNFUNDED_PAYMENT;
		if ((there->flags & DEPOSIT_AUTH) &&
		    (amount > model_reserve(j->m) || there->balance > model_reserve(j->m)))
			return NO_PERMISSION;
		to = model_get(j->m, &dst);
	}
	to->flags &= ~PASSWORD_SPENT;
	to->balance += amount;
	to->last_tx = *j->id;
	to->last_ledger = model_seq(j->m);
	a = model_get(j->m, from);
	a->balance -= amount;
	return SUCCESS;
}

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

/* Who may send it, and in what order. */
static const char *check_sender(const struct job *j, const struct model_account *a, struct why *why)
{
	struct account_id owner = {{0}};
	struct bytes raw;

	if (!model_find(j->tx, 7, 3, &raw) || !model_signature_good(j->tx))
		return wrong(why, "P9", "the signature is not its key's");
	hash160(&owner, raw.p, raw.n);
	if (!account_eq(&owner, &a->id))
		return wrong(why, "P9", "the key is not the account's");
	if (model_number(j->tx, 2, 4) != a->seq) {
		why_set(why, ERR_ORDER, "sequence %llu where %u is next",
			(unsigned long long)model_number(j->tx, 2, 4), a->seq);
		return "P2";
	}
	if (model_find(j->tx, 2, 27, &raw) && load_be32(raw.p) < model_seq(j->m))
		return wrong(why, "P3", "validated after its LastLedgerSequence");
	if (model_find(j->tx, 5, 9, &raw) && memcmp(raw.p, a->txn_id.b, 32) != 0)
		return wrong(why, "P3", "another transaction was before it");
	return NULL;
}

const char *model_transaction(struct model *m, struct bytes tx, const struct hash256 *id,
			      uint8_t *result, struct why *why)
{
	struct job j = {.m = m, .tx = tx, .id = id};
	uint64_t type = model_number(tx, 1, 2);
	struct account_id from = {{0}};
	struct model_account *a;
	const char *p;
	struct bytes raw;
	bool tracked;

	*result = SUCCESS;
	if (type == ENABLE_AMENDMENT || type == SET_FEE || type == UNL_MODIFY)
		return change(m, type, tx);
	if (type != PAYMENT && type != ACCOUNT_SET)
		return wrong(why, "P10", "a type that the model does not know");
	if (!model_find(tx, 8, 1, &raw) || raw.n != 20 || !model_drops(tx, 8, &j.fee))
		return wrong(why, "P3", "no account, or no fee");
	memcpy(from.b, raw.p, 20);
	a = model_get(m, &from);
	if (!a)
		return wrong(why, "P3", "from an account that does not exist");
	p = check_sender(&j, a, why);
	if (p)
		return p;
	j.before = a->balance;
	if (j.fee > a->balance) {
		*result = INSUFF_FEE;
		j.fee = a->balance;
	}
	tracked = a->tracks;
	a->balance -= j.fee;
	a->seq++;
	a->last_tx = *id;
	a->last_ledger = model_seq(m);
	model_burn(m, j.fee);
	if (*result != SUCCESS)
		return NULL;
	*result = type == PAYMENT ? payment(&j, &from) : account_set(&j, a);
	a = model_get(m, &from);
	if (*result == SUCCESS && tracked && a->tracks)
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
