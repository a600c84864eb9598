/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "crypto/hash.h"
#include "tests/sim/model_impl.h"

/* What each type of transaction does, in the plainest form. */

#define TICKETS_MAX  250
#define DELETE_AFTER 255 /* ledgers between an account's sequence and the one that deletes it */

uint64_t model_keep(const struct model *m, uint32_t owned)
{
	return model_reserve(m) + owned * model_increment(m);
}

/* The reserve for what it owns and so many things more, out of which the fee may have been paid. */
static bool can_keep(const struct model_job *j, const struct model_account *a, uint32_t more)
{
	return j->before >= model_keep(j->m, a->owner_count + more);
}

static uint8_t nothing_before(const struct model_job *j, const struct model_account *a)
{
	(void)j, (void)a;
	return MODEL_SUCCESS;
}

/* ---- Payment ---- */

static bool can_pay(const struct model_job *j, const struct model_account *a, uint64_t amount)
{
	uint64_t keep = model_keep(j->m, a->owner_count);

	if (keep < j->fee)
		keep = j->fee;
	return j->before >= amount && j->before - amount >= keep;
}

static bool lets_in(const struct model_account *to, const struct account_id *from)
{
	return !(to->flags & MODEL_DEPOSIT_AUTH) || model_find_owned(to, MODEL_PREAUTH, 0, from);
}

static void give(const struct model_job *j, struct model_account *to, uint64_t amount)
{
	to->balance += amount;
	to->last_tx = *j->id;
	to->last_ledger = model_seq(j->m);
}

static uint8_t payment(const struct model_job *j, struct model_account *a)
{
	uint64_t amount, reserve = model_reserve(j->m);
	struct account_id dst, from = a->id;
	const struct model_account *there;
	struct model_account *to;
	struct bytes raw;

	if (!model_id(j->tx, 3, &dst) || !model_drops(j->tx, 1, &amount))
		return MODEL_MALFORMED;
	there = model_account(j->m, &dst);
	if (!there && amount < reserve)
		return MODEL_NO_DST_INSUF_XRP;
	if (there && (there->flags & MODEL_REQUIRE_TAG) && !model_find(j->tx, 2, 14, &raw))
		return MODEL_DST_TAG_NEEDED;
	if (!can_pay(j, a, amount))
		return MODEL_UNFUNDED_PAYMENT;
	if (there && (amount > reserve || there->balance > reserve) && !lets_in(there, &from))
		return MODEL_NO_PERMISSION;
	to = there ? model_get(j->m, &dst) : model_create(j->m, &dst);
	to->flags &= ~MODEL_PASSWORD_SPENT;
	give(j, to, amount);
	model_get(j->m, &from)->balance -= amount;
	return MODEL_SUCCESS;
}

/* ---- AccountSet ---- */

/* SetFlag and ClearFlag by number, and the transaction flags that mean the same. */
static const struct {
	uint8_t asf;
	uint32_t bit, tf_set, tf_clear;
} switches[] = {
    {1, MODEL_REQUIRE_TAG, 0x00010000u, 0x00020000u},
    {2, MODEL_REQUIRE_AUTH, 0x00040000u, 0x00080000u},
    {3, 0x00080000u, 0x00100000u, 0x00200000u},
    {8, 0x00800000u, 0, 0},
    {9, MODEL_DEPOSIT_AUTH, 0, 0},
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

static uint8_t account_set_before(const struct model_job *j, const struct model_account *a)
{
	uint32_t set = (uint32_t)model_number(j->tx, 2, 33);
	uint32_t tf = (uint32_t)model_number(j->tx, 2, 2);
	bool requires_auth = set == switches[1].asf || (tf & switches[1].tf_set);

	if (requires_auth && !(a->flags & MODEL_REQUIRE_AUTH) && a->n_owned)
		return MODEL_OWNERS;
	if (set == 16 && (a->flags & MODEL_NO_FREEZE))
		return MODEL_NO_PERMISSION;
	if (set == 16 && a->n_owned)
		return MODEL_OWNERS;
	if (set == 6 && (a->flags & MODEL_CLAWBACK))
		return MODEL_NO_PERMISSION;
	return MODEL_SUCCESS;
}

/* The own key, and what only it may do. */
static uint8_t judge_keys(const struct model_job *j, const struct model_account *a, uint32_t set)
{
	bool off = a->flags & MODEL_MASTER_OFF;

	if ((set == 4 || set == 6) && !off && !j->master)
		return MODEL_NEED_MASTER_KEY;
	if (set == 4 && !off && !a->has_key && !a->list)
		return MODEL_NO_ALTERNATIVE_KEY;
	return MODEL_SUCCESS;
}

static uint32_t flags_after(const struct model_job *j, uint32_t flags, uint32_t set, uint32_t clear)
{
	uint32_t tf = (uint32_t)model_number(j->tx, 2, 2);

	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
		if (set == switches[i].asf || (tf & switches[i].tf_set))
			flags |= switches[i].bit;
		if (clear == switches[i].asf || (tf & switches[i].tf_clear))
			flags &= ~switches[i].bit;
	}
	if (set == 4)
		flags |= MODEL_MASTER_OFF;
	if (clear == 4)
		flags &= ~MODEL_MASTER_OFF;
	if (set == 6)
		flags |= MODEL_NO_FREEZE;
	if (set == 7)
		flags |= MODEL_GLOBAL_FREEZE;
	else if (clear == 7 && !(flags & MODEL_NO_FREEZE))
		flags &= ~MODEL_GLOBAL_FREEZE;
	if (set == 16)
		flags |= MODEL_CLAWBACK;
	return flags;
}

static uint8_t account_set(const struct model_job *j, struct model_account *a)
{
	uint32_t set = (uint32_t)model_number(j->tx, 2, 33);
	uint32_t clear = (uint32_t)model_number(j->tx, 2, 34);
	uint8_t r = judge_keys(j, a, set);

	if (r != MODEL_SUCCESS)
		return r;
	a->flags = flags_after(j, a->flags, set, clear);
	if (set == 5)
		a->tracks = true;
	if (clear == 5) {
		a->tracks = false;
		a->txn_id = HASH256_ZERO;
	}
	set_fields(a, j->tx);
	return MODEL_SUCCESS;
}

/* ---- keys and signers ---- */

static uint8_t set_regular_key(const struct model_job *j, struct model_account *a)
{
	struct account_id key;
	bool has = model_id(j->tx, 8, &key);

	if (!has && (a->flags & MODEL_MASTER_OFF) && !a->list)
		return MODEL_NO_ALTERNATIVE_KEY;
	if (j->free)
		a->flags |= MODEL_PASSWORD_SPENT;
	a->has_key = has;
	memset(&a->key, 0, sizeof(a->key));
	if (has)
		a->key = key;
	return MODEL_SUCCESS;
}

static uint8_t signer_list_set(const struct model_job *j, struct model_account *a)
{
	struct model_list list;

	if (!model_number(j->tx, 2, 35)) {
		if ((a->flags & MODEL_MASTER_OFF) && !a->has_key)
			return MODEL_NO_ALTERNATIVE_KEY;
		(void)model_disown(a, MODEL_LIST, 0, NULL);
		return MODEL_SUCCESS;
	}
	if (!model_read_list(&list, j->tx))
		return MODEL_MALFORMED;
	model_sort_list(&list);
	if (!can_keep(j, a, a->list ? 0 : 1))
		return MODEL_INSUFFICIENT_RESERVE;
	(void)model_disown(a, MODEL_LIST, 0, NULL);
	model_own(a, (struct model_owned){.kind = MODEL_LIST});
	a->list = mem_alloc(sizeof(list));
	*a->list = list;
	return MODEL_SUCCESS;
}

/* ---- tickets ---- */

static uint8_t ticket_create_before(const struct model_job *j, const struct model_account *a)
{
	uint64_t n = a->ticket_count + model_number(j->tx, 2, 40);

	if (!model_number(j->tx, 2, 4))
		n--; /* pays with one */
	return n > TICKETS_MAX ? MODEL_DIR_FULL : MODEL_SUCCESS;
}

static uint8_t ticket_create(const struct model_job *j, struct model_account *a)
{
	uint32_t n = (uint32_t)model_number(j->tx, 2, 40);

	if (!can_keep(j, a, n))
		return MODEL_INSUFFICIENT_RESERVE;
	for (uint32_t i = 0; i < n; i++)
		model_own(a, (struct model_owned){.kind = MODEL_TICKET, .ticket = a->seq++});
	return MODEL_SUCCESS;
}

/* ---- DepositPreauth ---- */

static uint8_t deposit_before(const struct model_job *j, const struct model_account *a)
{
	struct account_id who;

	if (model_id(j->tx, 5, &who)) {
		if (!model_account(j->m, &who))
			return MODEL_NO_TARGET;
		return model_find_owned(a, MODEL_PREAUTH, 0, &who) ? MODEL_DUPLICATE
								   : MODEL_SUCCESS;
	}
	if (!model_id(j->tx, 6, &who))
		return MODEL_MALFORMED;
	return model_find_owned(a, MODEL_PREAUTH, 0, &who) ? MODEL_SUCCESS : MODEL_NO_ENTRY;
}

static uint8_t deposit(const struct model_job *j, struct model_account *a)
{
	struct account_id who;

	if (model_id(j->tx, 6, &who)) {
		(void)model_disown(a, MODEL_PREAUTH, 0, &who);
		return MODEL_SUCCESS;
	}
	if (!can_keep(j, a, 1))
		return MODEL_INSUFFICIENT_RESERVE;
	(void)model_id(j->tx, 5, &who);
	model_own(a, (struct model_owned){.kind = MODEL_PREAUTH, .who = who});
	return MODEL_SUCCESS;
}

/* ---- AccountDelete ---- */

/* All that the model knows goes with its account. */
static uint8_t delete_before(const struct model_job *j, const struct model_account *a)
{
	const struct model_account *to;
	struct account_id dst;
	struct bytes raw;

	if (!model_id(j->tx, 3, &dst))
		return MODEL_MALFORMED;
	to = model_account(j->m, &dst);
	if (!to)
		return MODEL_NO_DST;
	if ((to->flags & MODEL_REQUIRE_TAG) && !model_find(j->tx, 2, 14, &raw))
		return MODEL_DST_TAG_NEEDED;
	if (!lets_in(to, &a->id))
		return MODEL_NO_PERMISSION;
	return (uint64_t)a->seq + DELETE_AFTER > model_seq(j->m) ? MODEL_TOO_SOON : MODEL_SUCCESS;
}

static uint8_t delete_account(const struct model_job *j, struct model_account *a)
{
	struct model_account *to;
	struct account_id dst;

	(void)model_id(j->tx, 3, &dst);
	to = model_get(j->m, &dst);
	give(j, to, a->balance);
	if (a->balance)
		to->flags &= ~MODEL_PASSWORD_SPENT;
	model_delete(j->m, a);
	return MODEL_SUCCESS;
}

const struct model_type *model_type_of(uint64_t type)
{
	static const struct model_type types[] = {
	    {0, nothing_before, payment},          {3, account_set_before, account_set},
	    {5, nothing_before, set_regular_key},  {10, ticket_create_before, ticket_create},
	    {12, nothing_before, signer_list_set}, {19, deposit_before, deposit},
	    {21, delete_before, delete_account},
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].type == type)
			return &types[i];
	return NULL;
}
