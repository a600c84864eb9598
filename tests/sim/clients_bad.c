/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "codec/amount.h"
#include "tests/sim/clients_impl.h"
#include "tests/sim/keys.h"

/* Transactions that cannot succeed, one way each (bad.def). */

#define MEMO_TOO_LONG 100000

static void set_issued(struct st_object *o, enum sf f, const char *currency)
{
	struct amount a = {.kind = AMOUNT_IOU, .mantissa = 1000000000000000ull, .exponent = -15};
	uint8_t bytes[48];

	memcpy(a.currency.b + 12, currency, 3);
	(void)keys_account(0, &a.issuer);
	st_set_raw(o, f, bytes_of(bytes, amount_encode(bytes, &a)));
}

/* Of an account that has no list. */
static void set_signers(struct pen *p, const struct draft *d)
{
	uint32_t who = d->to == d->from ? d->from + 1 : d->to;
	struct draft e = *d;

	e.n_signers = 1;
	e.signer[0] = (struct draft_signer){who, who};
	st_set_drops(p->o, sfFee, drops_of(2 * d->fee));
	draft_add_signers(p, &e);
}

static void write_pseudo(struct pen *p)
{
	static const struct account_id nobody;

	arena_close(&p->arena);
	p->arena = ARENA_INIT;
	p->o = st_new(&p->arena);
	p->key = NULL;
	st_set_u(p->o, sfTransactionType, ttSetFee);
	st_set_u(p->o, sfSequence, 0);
	st_set_drops(p->o, sfFee, drops_of(0));
	st_set_raw(p->o, sfSigningPubKey, bytes_of(NULL, 0));
	st_set_account(p->o, sfAccount, &nobody);
	st_set_drops(p->o, sfBaseFeeDrops, drops_of(1));
	st_set_drops(p->o, sfReserveBaseDrops, drops_of(1));
	st_set_drops(p->o, sfReserveIncrementDrops, drops_of(1));
}

/* Wrong in money, in accounts, in flags. */
static void spoil_payment(struct pen *p, const struct draft *d, enum bad_kind how)
{
	static const struct account_id nobody;
	struct account_id id;

	switch (how) {
	case BAD_AMOUNT:
		st_set_drops(p->o, sfAmount, drops_of(0));
		break;
	case BAD_NOWHERE:
		st_set_account(p->o, sfDestination, &nobody);
		break;
	case BAD_TO_SELF:
		(void)keys_account(d->from, &id);
		st_set_account(p->o, sfDestination, &id);
		break;
	case BAD_FLAG:
		st_set_u(p->o, sfFlags, 4);
		break;
	case BAD_SEND_MAX:
		st_set_drops(p->o, sfSendMax, drops_of(d->drops));
		break;
	case BAD_PARTIAL:
		st_set_u(p->o, sfFlags, tfPartialPayment);
		break;
	case BAD_LIMIT:
		st_set_u(p->o, sfFlags, tfLimitQuality);
		break;
	case BAD_NO_DIRECT:
		st_set_u(p->o, sfFlags, tfNoRippleDirect);
		break;
	case BAD_CURRENCY:
		set_issued(p->o, sfAmount, "XRP");
		break;
	case BAD_ISSUED:
		set_issued(p->o, sfAmount, "USD");
		break;
	default:
		must(false);
	}
}

static void spoil_set(struct pen *p, enum bad_kind how)
{
	uint8_t *bytes = arena_zalloc(&p->arena, 300, 1);

	switch (how) {
	case BAD_DOMAIN:
		st_set_raw(p->o, sfDomain, bytes_of(bytes, 257));
		break;
	case BAD_MESSAGE_KEY:
		st_set_raw(p->o, sfMessageKey, bytes_of(bytes, 33));
		break;
	case BAD_RATE:
		st_set_u(p->o, sfTransferRate, 5);
		break;
	case BAD_TICK:
		st_set_u(p->o, sfTickSize, 2);
		break;
	case BAD_SET_CLEAR:
		st_set_u(p->o, sfSetFlag, 8);
		st_set_u(p->o, sfClearFlag, 8);
		break;
	case BAD_MINTER:
		st_set_u(p->o, sfSetFlag, asfAuthorizedNFTokenMinter);
		break;
	case BAD_MASTER:
		st_set_u(p->o, sfSetFlag, asfDisableMaster);
		break;
	default:
		must(false);
	}
}

/* Wrong in who sends it, and when. */
static void spoil_sender(struct pen *p, const struct draft *d, enum bad_kind how)
{
	static const struct account_id nobody;
	struct account_id id;

	switch (how) {
	case BAD_SIGNATURE:
		p->spoil = true;
		break;
	case BAD_OTHER_KEY:
		p->key = keys_account(d->from + 1, &id);
		break;
	case BAD_FEE_LOW:
		st_set_drops(p->o, sfFee, drops_of(5));
		break;
	case BAD_FEE_ALL:
		st_set_drops(p->o, sfFee, drops_of(DROPS_MAX));
		break;
	case BAD_FEE_KIND:
		set_issued(p->o, sfFee, "USD");
		break;
	case BAD_NO_NETWORK:
		st_remove(p->o, sfNetworkID);
		break;
	case BAD_OTHER_NETWORK:
		st_set_u(p->o, sfNetworkID, d->network_id + 1);
		break;
	case BAD_TICKET_TOO:
		st_set_u(p->o, sfTicketSequence, 1);
		break;
	case BAD_TICKET_AHEAD:
		st_set_u(p->o, sfSequence, 0);
		st_set_u(p->o, sfTicketSequence, d->seq + 1000);
		break;
	case BAD_TICKET_NONE:
		st_set_u(p->o, sfSequence, 0);
		st_set_u(p->o, sfTicketSequence, 1);
		break;
	case BAD_PAST:
		st_set_u(p->o, sfSequence, 1);
		break;
	case BAD_PRIOR:
		st_set_hash256(p->o, sfAccountTxnID, &(struct hash256){{7}});
		break;
	case BAD_SIGNERS:
		set_signers(p, d);
		break;
	case BAD_NO_SOURCE:
		st_set_account(p->o, sfAccount, &nobody);
		break;
	case BAD_UNKNOWN:
		p->key = keys_account(KEYS_ACCOUNTS_MAX - 1, &id);
		st_set_account(p->o, sfAccount, &id);
		break;
	case BAD_MEMO:
		draft_add_memo(p, d->nonce % 2 ? MEMO_TOO_LONG : 2000, d->nonce);
		break;
	case BAD_PSEUDO:
		write_pseudo(p);
		break;
	default:
		must(false);
	}
}

/* Keys, signers, tickets, deposits, deletion: most of it is wrong in the draft already. */
static void draft_owned(struct draft *e, enum bad_kind how)
{
	e->list = (struct signers){.quorum = 2, .n = 2, .member = {{e->to, 1}, {e->to + 1, 1}}};
	e->kind = how == BAD_KEY_SELF       ? DRAFT_KEY
		  : how <= BAD_LIST_EMPTY   ? DRAFT_LIST
		  : how <= BAD_TICKETS_MANY ? DRAFT_TICKETS
		  : how <= BAD_DEPOSIT_BOTH ? DRAFT_DEPOSIT
					    : DRAFT_DELETE;
	e->regular = e->from;
	e->count = how == BAD_TICKETS_NONE ? 0 : 251;
	e->remove = false;
	if (how == BAD_LIST_SELF)
		e->list.member[0].number = e->from;
	if (how == BAD_LIST_TWICE)
		e->list.member[1] = e->list.member[0];
	if (how == BAD_LIST_WEIGHT)
		e->list.member[1].weight = 0;
	if (how == BAD_LIST_QUORUM)
		e->list.quorum = 3;
	if (how == BAD_DEPOSIT_SELF || how == BAD_DELETE_SELF)
		e->to = e->from;
	if (how == BAD_DELETE_SELF)
		e->fee = 2000000;
}

static void spoil_owned(struct pen *p, const struct draft *d, enum bad_kind how)
{
	static const struct account_id nobody;
	struct account_id id;

	draft_account(d->to, &id);
	if (how == BAD_LIST_EMPTY)
		st_remove(p->o, sfSignerEntries);
	if (how == BAD_DEPOSIT_ZERO)
		st_set_account(p->o, sfAuthorize, &nobody);
	if (how == BAD_DEPOSIT_BOTH)
		st_set_account(p->o, sfUnauthorize, &id);
}

struct tx *draft_sign_bad(const struct draft *d, enum bad_kind how)
{
	bool of_set = how >= BAD_DOMAIN && how <= BAD_MASTER;
	bool of_payment = how >= BAD_AMOUNT && how <= BAD_ISSUED;
	bool of_owned = how >= BAD_KEY_SELF;
	struct draft e = *d;
	struct pen p = {.spoil = false};

	e.kind = of_set ? DRAFT_SET : DRAFT_PAY;
	e.set = e.clear = e.variety = e.n_signers = 0;
	if (of_owned)
		draft_owned(&e, how);
	draft_write(&p, &e);
	if (of_owned)
		spoil_owned(&p, &e, how);
	else if (of_set)
		spoil_set(&p, how);
	else if (of_payment)
		spoil_payment(&p, &e, how);
	else
		spoil_sender(&p, &e, how);
	return draft_finish(&p);
}
