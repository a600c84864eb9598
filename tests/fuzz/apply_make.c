/* SPDX-License-Identifier: ISC */
#include "tests/fuzz/apply.h"

/* Bytes → transactions. Each begins with six bytes
 *
 *     kind  who  sequence  keys  fee  extras
 *
 * and goes on with what its kind asks for. A short input reads as zeros: a modest transaction that
 * succeeds. Most choices fit the state as it is now; some of each do not. */

enum {
	PAYMENT,
	ACCOUNT_SET,
	SET_REGULAR_KEY,
	SIGNER_LIST_SET,
	DEPOSIT_PREAUTH,
	TICKET_CREATE,
	ACCOUNT_DELETE,
	SET_FEE,
	ENABLE_AMENDMENT,
	UNL_MODIFY,
	RAW,
	KINDS
};
static const uint16_t types[KINDS] = {
    [PAYMENT] = ttPayment,
    [ACCOUNT_SET] = ttAccountSet,
    [SET_REGULAR_KEY] = ttSetRegularKey,
    [SIGNER_LIST_SET] = ttSignerListSet,
    [DEPOSIT_PREAUTH] = ttDepositPreauth,
    [TICKET_CREATE] = ttTicketCreate,
    [ACCOUNT_DELETE] = ttAccountDelete,
    [SET_FEE] = ttSetFee,
    [ENABLE_AMENDMENT] = ttEnableAmendment,
    [UNL_MODIFY] = ttUNLModify,
};

enum {
	EXTRA_RETRY = 1,
	EXTRA_FAIL_HARD = 2,
	EXTRA_PRIOR = 4,
	EXTRA_LAST = 8,
	EXTRA_MEMO = 16,
	EXTRA_FLAGS = 32,
	EXTRA_DAMAGE = 64,
	EXTRA_FIELD = 128
};

struct maker {
	struct cursor *c;
	struct view *view;
	struct arena a;
	struct st_object *o;
	int who;                         /* the sender, of people */
	const struct st_object *account; /* the sender's, NULL when there is none */
};

static const struct fz_person *someone(struct maker *m)
{
	return &fz_people()[cursor_u8(m->c) % PEOPLE];
}

static uint32_t next_sequence(const struct maker *m)
{
	return m->account ? st_u32_or(m->account, sfSequence, 0) : 1;
}

static void put_sequence(struct maker *m, uint8_t how)
{
	uint32_t next = next_sequence(m), seq = 0, ticket = next - 1 - (how >> 3);

	switch (how & 7) {
	case 1:
		seq = next + 1 + (how >> 3);
		break;
	case 2:
		seq = next - 1;
		break;
	case 3: /* one of the newest, which are often tickets */
	case 4:
		st_set_u(m->o, sfTicketSequence, ticket);
		break;
	case 5:
		st_set_u(m->o, sfTicketSequence, next + (how >> 3));
		break;
	case 6:
		seq = next;
		st_set_u(m->o, sfTicketSequence, ticket);
		break;
	default:
		seq = next;
	}
	st_set_u(m->o, sfSequence, seq);
}

static int person_of(const struct account_id *id)
{
	for (int i = 0; i < PEOPLE; i++)
		if (account_eq(&fz_people()[i].id, id))
			return i;
	return -1;
}

/* The key that may sign for an account, as the ledger says; its own when there is none. */
static const uint8_t *best_key(struct maker *m, int who, bool regular)
{
	const struct st_object *account;
	struct account_id id;
	int by = who;

	if (view_look(m->view, keylet_account(&fz_people()[who].id), &m->a, &account) != FOUND)
		return fz_people()[who].key;
	if ((regular || (st_u32_or(account, sfFlags, 0) & (uint32_t)lsfDisableMaster)) &&
	    st_get_account(account, sfRegularKey, &id))
		by = person_of(&id);
	return fz_people()[by < 0 ? who : by].key;
}

static void put_signer(struct maker *m, struct st_array *to, int who, bool regular)
{
	static const uint8_t sig[64] = {1};
	struct st_object *s = st_array_add(to, &m->a, sfSigner);

	st_set_raw(s, sfSigningPubKey, bytes_of(best_key(m, who, regular), 33));
	st_set_raw(s, sfTxnSignature, bytes_of(sig, sizeof(sig)));
	st_set_account(s, sfAccount, &fz_people()[who].id);
}

/* Signs with the members of the sender's list that `mask` has, or with people who are in none. */
static void put_signers(struct maker *m, uint8_t mask, bool regular)
{
	struct st_array *to = st_set_array(m->o, sfSigners);
	const struct st_array *members = NULL;
	const struct st_object *list;
	struct account_id id;

	if (view_look(m->view, keylet_signers(&fz_people()[m->who].id), &m->a, &list) == FOUND)
		members = st_get_array(list, sfSignerEntries);
	for (uint32_t i = 0; members && i < members->n; i++) {
		int who = -1;

		if (st_get_account(members->e[i].object, sfAccount, &id))
			who = person_of(&id);
		if (who >= 0 && !(mask & (1u << (i % 8))))
			put_signer(m, to, who, regular);
	}
	if (to->n == 0)
		put_signer(m, to, (m->who + 1) % PEOPLE, false);
}

static void put_keys(struct maker *m, uint8_t how)
{
	static const uint8_t sig[64] = {1};
	const uint8_t *key = fz_people()[m->who].key;
	uint8_t kind = how & 7;
	const struct st_object *list;
	bool multi = kind == 3 || kind == 4 || kind == 7;

	/* With nothing else to sign with, the list does. */
	if (kind == 0 && m->account && !st_has(m->account, sfRegularKey) &&
	    (st_u32_or(m->account, sfFlags, 0) & (uint32_t)lsfDisableMaster))
		multi = view_look(m->view, keylet_signers(&fz_people()[m->who].id), &m->a, &list) ==
			FOUND;
	if (kind == 0)
		key = best_key(m, m->who, false);
	if (kind == 2)
		key = best_key(m, m->who, true);
	if (kind == 5)
		key = fz_people()[(m->who + 1 + (how >> 3)) % PEOPLE].key;
	if (multi || kind == 6)
		st_set_raw(m->o, sfSigningPubKey, bytes_of(NULL, 0));
	else
		st_set_raw(m->o, sfSigningPubKey, bytes_of(key, 33));
	if (multi)
		put_signers(m, kind == 4 ? how >> 3 : 0, kind == 7);
	else if (kind != 6)
		st_set_raw(m->o, sfTxnSignature, bytes_of(sig, sizeof(sig)));
}

static void put_fee(struct maker *m, uint8_t kind, uint8_t how)
{
	const struct st_array *signers = st_get_array(m->o, sfSigners);
	uint64_t due = 10 * (1 + (uint64_t)(signers ? signers->n : 0));
	static const uint64_t others[] = {9, 0, 2000000, 1999999, 1500000000, 12, 5000000};

	if (kind == ACCOUNT_DELETE)
		due = 2000000;
	st_set_drops(m->o, sfFee, drops_of(how % 8 ? others[how % 8 - 1] : due));
}

static void put_extras(struct maker *m, uint8_t extras)
{
	if (extras & EXTRA_PRIOR) {
		struct hash256 last = HASH256_ZERO;

		if (m->account)
			(void)st_get_hash256(m->account, sfAccountTxnID, &last);
		st_set_hash256(m->o, sfAccountTxnID, &last);
	}
	if (extras & EXTRA_LAST)
		st_set_u(m->o, sfLastLedgerSequence,
			 view_get_info(m->view)->seq - cursor_u8(m->c) % 2);
	if (extras & EXTRA_MEMO) {
		struct st_object *memo = st_array_add(st_set_array(m->o, sfMemos), &m->a, sfMemo);

		st_set_raw(memo, sfMemoData, cursor_take(m->c, cursor_u8(m->c)));
	}
	if (extras & EXTRA_FLAGS)
		st_set_u(m->o, sfFlags, 1u << (cursor_u8(m->c) % 32));
}

/* Any one field more, which the type may know or not. */
static void put_any_field(struct maker *m)
{
	static const enum sf numbers[] = {sfSourceTag,   sfNetworkID,     sfOperationLimit,
					  sfTicketCount, sfSignerQuorum,  sfDestinationTag,
					  sfSetFlag,     sfTransferRate,  sfOfferSequence,
					  sfFlags,       sfTicketSequence};
	static const enum sf accounts[] = {sfDelegate,    sfRegularKey,  sfAuthorize,
					   sfUnauthorize, sfDestination, sfNFTokenMinter,
					   sfSponsor,     sfAccount};
	uint8_t which = cursor_u8(m->c);

	if (which & 1)
		st_set_u(m->o, numbers[(which >> 1) % (sizeof(numbers) / sizeof(numbers[0]))],
			 cursor_be32(m->c));
	else
		st_set_account(m->o,
			       accounts[(which >> 1) % (sizeof(accounts) / sizeof(accounts[0]))],
			       &someone(m)->id);
}

static void make_payment(struct maker *m)
{
	uint8_t how;
	struct drops balance = drops_of(0);
	static const uint64_t amounts[] = {1,         1000000,  9999999,  10000000,
					   100000000, 13000000, 50000000, 0};

	st_set_account(m->o, sfDestination, &someone(m)->id);
	how = cursor_u8(m->c);
	if (m->account)
		(void)st_get_drops(m->account, sfBalance, &balance);
	if (how & 8)
		st_set_u(m->o, sfDestinationTag, how);
	if (how & 16) /* nearly everything: at the edge of the reserve */
		st_set_drops(m->o, sfAmount,
			     drops_of(balance.raw > 10000000 ? balance.raw - 10000000 + how % 8 - 4
							     : balance.raw));
	else
		st_set_drops(m->o, sfAmount, drops_of(amounts[how % 8]));
}

static void make_account_set(struct maker *m)
{
	uint8_t how = cursor_u8(m->c);

	if (how & 1)
		st_set_u(m->o, sfSetFlag, cursor_u8(m->c) % 20);
	if (how & 2)
		st_set_u(m->o, sfClearFlag, cursor_u8(m->c) % 20);
	if (how & 4)
		st_set_raw(m->o, sfDomain, cursor_take(m->c, cursor_u8(m->c)));
	if (how & 8)
		st_set_u(m->o, sfTransferRate, 1000000000u + cursor_be32(m->c));
	if (how & 16)
		st_set_u(m->o, sfTickSize, cursor_u8(m->c) % 20);
	if (how & 32)
		st_set_raw(m->o, sfMessageKey, bytes_of(someone(m)->key, how & 64 ? 0 : 33));
	if (how & 128)
		st_set_account(m->o, sfNFTokenMinter, &someone(m)->id);
}

static void make_signer_list(struct maker *m)
{
	uint8_t how = cursor_u8(m->c), n = how % 36;
	struct st_array *members;

	st_set_u(m->o, sfSignerQuorum, n ? 1 + cursor_u8(m->c) % (n + 1u) : how / 36 % 2);
	if (n == 0)
		return;
	members = st_set_array(m->o, sfSignerEntries);
	for (uint8_t i = 0; i < n; i++) {
		struct st_object *member = st_array_add(members, &m->a, sfSignerEntry);
		uint8_t which = cursor_u8(m->c);
		struct account_id id = fz_people()[(m->who + 1 + i) % PEOPLE].id;

		if (i >= PEOPLE - 1) /* beyond the people: accounts of nobody */
			id.b[0] = i;
		if (which & 128)
			id = fz_people()[which % PEOPLE].id;
		st_set_u(member, sfSignerWeight, which & 64 ? which & 3 : 1);
		st_set_account(member, sfAccount, &id);
		if (which & 32)
			st_set_raw(member, sfWalletLocator, bytes_of(HASH256_ZERO.b, 32));
	}
}

static void make_preauth(struct maker *m)
{
	uint8_t how = cursor_u8(m->c);
	const struct account_id *id = &someone(m)->id;

	if (how & 4) {
		enum sf f = how & 1 ? sfUnauthorizeCredentials : sfAuthorizeCredentials;
		struct st_object *one = st_array_add(st_set_array(m->o, f), &m->a, sfCredential);

		st_set_account(one, sfIssuer, id);
		st_set_raw(one, sfCredentialType, bytes_of("KYC", 3));
	}
	if (!(how & 4) || (how & 8))
		st_set_account(m->o, how & 1 ? sfUnauthorize : sfAuthorize, id);
	if (how & 2)
		st_set_account(m->o, sfUnauthorize, id);
}

static void make_tickets(struct maker *m)
{
	uint8_t how = cursor_u8(m->c);
	uint32_t n = 1 + how % 12u;

	if (how >= 240) /* around what an account may have at most */
		n = how == 240 ? 0 : 234u + how - 240u;
	st_set_u(m->o, sfTicketCount, n);
}

static void make_delete(struct maker *m)
{
	uint8_t how;

	st_set_account(m->o, sfDestination, &someone(m)->id);
	how = cursor_u8(m->c);
	if (how & 1)
		st_set_u(m->o, sfDestinationTag, how);
	if (how & 2)
		st_set_raw(m->o, sfCredentialIDs, bytes_of(HASH256_ZERO.b, 32));
}

static void make_set_fee(struct maker *m)
{
	uint8_t how = cursor_u8(m->c);
	bool drops = amendment_on(view_get_info(m->view)->rules, AMENDMENT_XRPFees);

	if (how & 1)
		drops = !drops;
	if (drops || (how & 2)) {
		st_set_drops(m->o, sfBaseFeeDrops, drops_of(how));
		st_set_drops(m->o, sfReserveBaseDrops, drops_of(1000000ull * how));
		if (!(how & 4))
			st_set_drops(m->o, sfReserveIncrementDrops, drops_of(500000ull * how));
	}
	if (!drops || (how & 2)) {
		st_set_u(m->o, sfBaseFee, how);
		st_set_u(m->o, sfReferenceFeeUnits, 10);
		st_set_u(m->o, sfReserveBase, 1000000u * how);
		if (!(how & 4))
			st_set_u(m->o, sfReserveIncrement, 500000u * how);
	}
	if (how & 8)
		st_set_u(m->o, sfLedgerSequence, view_get_info(m->view)->seq);
}

static void make_amendment(struct maker *m)
{
	size_t n;
	const struct amendment *all = amendments_all(&n);
	uint8_t which = cursor_u8(m->c), how = cursor_u8(m->c);
	struct hash256 id = all[which % n].id;

	if (how & 4)
		id.b[31] ^= how;
	st_set_hash256(m->o, sfAmendment, &id);
	st_set_u(m->o, sfLedgerSequence, view_get_info(m->view)->seq);
	if (how & 3)
		st_set_u(m->o, sfFlags,
			 ((how & 1) ? (uint32_t)tfGotMajority : 0) |
			     ((how & 2) ? (uint32_t)tfLostMajority : 0));
}

static void make_unl(struct maker *m)
{
	uint8_t how = cursor_u8(m->c);

	st_set_u(m->o, sfUNLModifyDisabling, how & 8 ? how : how & 1);
	st_set_u(m->o, sfLedgerSequence, view_get_info(m->view)->seq + (how & 16));
	st_set_raw(m->o, sfUNLModifyValidator, bytes_of(someone(m)->key, how & 32 ? 20 : 33));
}

static void make_pseudo(struct maker *m)
{
	static const struct account_id nobody;

	st_set_account(m->o, sfAccount, &nobody);
	st_set_u(m->o, sfSequence, 0);
	st_set_drops(m->o, sfFee, drops_of(0));
	st_set_raw(m->o, sfSigningPubKey, bytes_of(NULL, 0));
}

static void make_fields(struct maker *m, uint8_t kind)
{
	switch (kind) {
	case PAYMENT:
		make_payment(m);
		break;
	case ACCOUNT_SET:
		make_account_set(m);
		break;
	case SET_REGULAR_KEY: {
		uint8_t which = cursor_u8(m->c);

		if (!(which & 128))
			st_set_account(m->o, sfRegularKey, &fz_people()[which % PEOPLE].id);
		break;
	}
	case SIGNER_LIST_SET:
		make_signer_list(m);
		break;
	case DEPOSIT_PREAUTH:
		make_preauth(m);
		break;
	case TICKET_CREATE:
		make_tickets(m);
		break;
	case ACCOUNT_DELETE:
		make_delete(m);
		break;
	case SET_FEE:
		make_set_fee(m);
		break;
	case ENABLE_AMENDMENT:
		make_amendment(m);
		break;
	default:
		make_unl(m);
	}
}

/* The signature is good if somebody signed; what the engine asks is whose it is. */
static struct tx *parse(struct bytes blob)
{
	struct bytes key = {0};
	struct tx *t;

	if (tx_parse(&t, blob, NULL) != ERR_NONE)
		return NULL;
	(void)st_get_raw(t->fields, sfSigningPubKey, &key);
	atomic_store(&t->signature, key.n > 0 || t->signers > 0 ? TX_SIG_GOOD : TX_SIG_BAD);
	return t;
}

static struct tx *encode(struct maker *m, uint8_t extras)
{
	struct buf b = BUF_INIT;
	struct tx *t;

	st_encode(&b, m->o, ST_ALL);
	for (int n = extras & EXTRA_DAMAGE ? 1 + cursor_u8(m->c) % 3 : 0; n > 0; n--) {
		uint16_t at = cursor_be16(m->c);

		b.p[at % b.n] ^= cursor_u8(m->c);
	}
	t = parse(buf_bytes(&b));
	buf_close(&b);
	return t;
}

struct tx *fz_make(struct cursor *c, struct view *view, unsigned *flags)
{
	struct maker m = {.c = c, .view = view};
	uint8_t kind = cursor_u8(c) % KINDS, who = cursor_u8(c), sequence = cursor_u8(c);
	uint8_t keys = cursor_u8(c), fee = cursor_u8(c), extras = cursor_u8(c);
	struct tx *t;

	*flags = ((extras & EXTRA_RETRY) ? TX_RETRY : 0) |
		 ((extras & EXTRA_FAIL_HARD) ? TX_FAIL_HARD : 0);
	if (kind == RAW)
		return parse(cursor_take(c, c->left));
	m.o = st_new(&m.a);
	m.who = who % PEOPLE;
	if (view_look(view, keylet_account(&fz_people()[m.who].id), &m.a, &m.account) != FOUND)
		m.account = NULL;
	st_set_u(m.o, sfTransactionType, types[kind]);
	st_set_account(m.o, sfAccount, &fz_people()[m.who].id);
	make_fields(&m, kind);
	if (kind == SET_FEE || kind == ENABLE_AMENDMENT || kind == UNL_MODIFY) {
		make_pseudo(&m);
	} else {
		put_sequence(&m, sequence);
		put_keys(&m, keys);
		put_fee(&m, kind, fee);
		put_extras(&m, extras);
	}
	if (extras & EXTRA_FIELD)
		put_any_field(&m);
	t = encode(&m, extras);
	arena_close(&m.a);
	return t;
}
