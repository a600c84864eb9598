/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "codec/amount.h"
#include "tests/sim/clients_impl.h"
#include "tests/sim/keys.h"

#define MEMO_TOO_LONG 100000

struct pen { /* a transaction that is being written */
	struct arena arena;
	struct st_object *o;
	const struct secret_key *key;
	bool spoil; /* change it after it was signed */
};

static void add_memo(struct pen *p, uint32_t n, uint32_t nonce)
{
	struct st_array *memos = st_set_array(p->o, sfMemos);
	struct st_object *memo = st_array_add(memos, &p->arena, sfMemo);
	uint8_t *bytes = arena_zalloc(&p->arena, n, 1);

	store_be32(bytes, nonce);
	st_set_raw(memo, sfMemoData, bytes_of(bytes, n));
}

static void write_set(struct pen *p, const struct draft *d)
{
	static const uint32_t rates[] = {0, 1000000000u, 1100000000u, 2000000000u};
	static const char domain[] = "6578616D706C65";

	st_set_u(p->o, sfTransactionType, ttAccountSet);
	if (d->set)
		st_set_u(p->o, sfSetFlag, d->set);
	if (d->clear)
		st_set_u(p->o, sfClearFlag, d->clear);
	if (d->variety & 1)
		st_set_u(p->o, sfTransferRate, rates[d->variety / 8 % 4]);
	if (d->variety & 2)
		st_set_u(p->o, sfTickSize, d->variety / 32 % 2 ? 5 : 0);
	if (d->variety & 4)
		st_set_raw(p->o, sfDomain, bytes_of(domain, d->variety / 64 % sizeof(domain)));
}

static void write_draft(struct pen *p, const struct draft *d)
{
	struct account_id from, to;

	p->arena = ARENA_INIT;
	p->o = st_new(&p->arena);
	p->key = keys_account(d->from, &from);
	(void)keys_account(d->to, &to);
	st_set_u(p->o, sfFlags, 0);
	st_set_u(p->o, sfNetworkID, d->network_id);
	st_set_u(p->o, sfSequence, d->seq);
	if (d->last_ledger)
		st_set_u(p->o, sfLastLedgerSequence, d->last_ledger);
	st_set_drops(p->o, sfFee, drops_of(d->fee));
	st_set_account(p->o, sfAccount, &from);
	if (d->kind == DRAFT_PAY) {
		st_set_u(p->o, sfTransactionType, ttPayment);
		st_set_drops(p->o, sfAmount, drops_of(d->drops));
		st_set_account(p->o, sfDestination, &to);
		if (d->tag)
			st_set_u(p->o, sfDestinationTag, d->tag);
	} else {
		write_set(p, d);
	}
	if (d->nonce)
		add_memo(p, 4, d->nonce);
}

static struct tx *finish(struct pen *p)
{
	struct buf b = BUF_INIT;
	struct tx *t = NULL;

	if (p->key)
		tx_sign(p->o, p->key);
	if (p->spoil)
		st_set_u(p->o, sfSourceTag, 1);
	st_encode(&b, p->o, ST_ALL);
	if (tx_parse(&t, buf_bytes(&b), NULL) != ERR_NONE)
		t = NULL;
	buf_close(&b);
	arena_close(&p->arena);
	return t;
}

struct tx *draft_sign(const struct draft *d)
{
	struct pen p = {.spoil = false};
	struct tx *t;

	write_draft(&p, d);
	t = finish(&p);
	must(t);
	return t;
}

/* ---- what can be wrong ---- */

static void set_issued(struct st_object *o, enum sf f, const char *currency)
{
	struct amount a = {.kind = AMOUNT_IOU, .mantissa = 1000000000000000ull, .exponent = -15};
	uint8_t bytes[48];

	memcpy(a.currency.b + 12, currency, 3);
	(void)keys_account(0, &a.issuer);
	st_set_raw(o, f, bytes_of(bytes, amount_encode(bytes, &a)));
}

static void set_signers(struct pen *p, const struct draft *d)
{
	struct st_object *signer;
	const struct secret_key *key;
	struct account_id who;
	uint8_t sig[SIGNATURE_MAX];
	struct buf payload = BUF_INIT;

	key = keys_account(d->to == d->from ? d->from + 1 : d->to, &who);
	st_set_drops(p->o, sfFee, drops_of(2 * d->fee));
	st_set_raw(p->o, sfSigningPubKey, bytes_of(NULL, 0));
	tx_multisign_payload(&payload, p->o, &who);
	signer = st_array_add(st_set_array(p->o, sfSigners), &p->arena, sfSigner);
	st_set_account(signer, sfAccount, &who);
	st_set_raw(signer, sfSigningPubKey, bytes_of(secret_key_public(key)->b, 33));
	st_set_raw(signer, sfTxnSignature,
		   bytes_of(sig, signature_make(key, buf_bytes(&payload), sig)));
	buf_close(&payload);
	p->key = NULL;
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
		add_memo(p, d->nonce % 2 ? MEMO_TOO_LONG : 2000, d->nonce);
		break;
	case BAD_PSEUDO:
		write_pseudo(p);
		break;
	default:
		must(false);
	}
}

struct tx *draft_sign_bad(const struct draft *d, enum bad_kind how)
{
	bool of_set = how >= BAD_DOMAIN && how <= BAD_MASTER;
	bool of_payment = how >= BAD_AMOUNT && how <= BAD_ISSUED;
	struct draft e = *d;
	struct pen p = {.spoil = false};

	e.kind = of_set ? DRAFT_SET : DRAFT_PAY;
	e.set = e.clear = e.variety = 0;
	write_draft(&p, &e);
	if (of_set)
		spoil_set(&p, how);
	else if (of_payment)
		spoil_payment(&p, &e, how);
	else
		spoil_sender(&p, &e, how);
	return finish(&p);
}
