/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "tests/sim/clients_impl.h"
#include "tests/sim/keys.h"

#include <stdlib.h>

void draft_account(uint32_t number, struct account_id *id)
{
	static const struct account_id nobody = {{0xB1, 0xAC, 0xC0}};

	if (number == KEY_BLACKHOLE)
		*id = nobody;
	else
		(void)keys_account(number, id);
}

void draft_add_memo(struct pen *p, uint32_t n, uint32_t nonce)
{
	struct st_array *memos = st_set_array(p->o, sfMemos);
	struct st_object *memo = st_array_add(memos, &p->arena, sfMemo);
	uint8_t *bytes = arena_zalloc(&p->arena, n, 1);

	store_be32(bytes, nonce);
	st_set_raw(memo, sfMemoData, bytes_of(bytes, n));
}

/* ---- one type each ---- */

static void write_pay(struct pen *p, const struct draft *d, const struct account_id *to)
{
	st_set_u(p->o, sfTransactionType, ttPayment);
	st_set_drops(p->o, sfAmount, drops_of(d->drops));
	st_set_account(p->o, sfDestination, to);
	if (d->tag)
		st_set_u(p->o, sfDestinationTag, d->tag);
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

static void write_key(struct pen *p, const struct draft *d)
{
	struct account_id id;

	st_set_u(p->o, sfTransactionType, ttSetRegularKey);
	if (d->regular == KEY_NONE)
		return;
	draft_account(d->regular, &id);
	st_set_account(p->o, sfRegularKey, &id);
}

/* As it comes: a list is put in order by whoever applies it. */
static void write_list(struct pen *p, const struct draft *d)
{
	struct st_array *entries;
	struct account_id id;

	st_set_u(p->o, sfTransactionType, ttSignerListSet);
	st_set_u(p->o, sfSignerQuorum, d->remove ? 0 : d->list.quorum);
	if (d->remove)
		return;
	entries = st_set_array(p->o, sfSignerEntries);
	for (uint32_t i = 0; i < d->list.n; i++) {
		struct st_object *e = st_array_add(entries, &p->arena, sfSignerEntry);

		draft_account(d->list.member[i].number, &id);
		st_set_account(e, sfAccount, &id);
		st_set_u(e, sfSignerWeight, d->list.member[i].weight);
		if (d->variety >> i & 1)
			st_set_hash256(e, sfWalletLocator,
				       &(struct hash256){{(uint8_t)(i + 1), 7}});
	}
}

static void write_deposit(struct pen *p, const struct draft *d, const struct account_id *to)
{
	st_set_u(p->o, sfTransactionType, ttDepositPreauth);
	st_set_account(p->o, d->remove ? sfUnauthorize : sfAuthorize, to);
}

static void write_delete(struct pen *p, const struct draft *d, const struct account_id *to)
{
	st_set_u(p->o, sfTransactionType, ttAccountDelete);
	st_set_account(p->o, sfDestination, to);
	if (d->tag)
		st_set_u(p->o, sfDestinationTag, d->tag);
}

static void write_type(struct pen *p, const struct draft *d, const struct account_id *to)
{
	switch (d->kind) {
	case DRAFT_PAY:
		write_pay(p, d, to);
		break;
	case DRAFT_SET:
		write_set(p, d);
		break;
	case DRAFT_KEY:
		write_key(p, d);
		break;
	case DRAFT_LIST:
		write_list(p, d);
		break;
	case DRAFT_TICKETS:
		st_set_u(p->o, sfTransactionType, ttTicketCreate);
		st_set_u(p->o, sfTicketCount, d->count);
		break;
	case DRAFT_DEPOSIT:
		write_deposit(p, d, to);
		break;
	case DRAFT_DELETE:
		write_delete(p, d, to);
		break;
	}
}

void draft_write(struct pen *p, const struct draft *d)
{
	struct account_id from, to;

	p->arena = ARENA_INIT;
	p->o = st_new(&p->arena);
	p->key = NULL;
	(void)keys_account(d->from, &from);
	draft_account(d->to, &to);
	if (!d->n_signers)
		p->key = keys_account(d->key ? d->key : d->from, &(struct account_id){{0}});
	st_set_u(p->o, sfFlags, 0);
	st_set_u(p->o, sfNetworkID, d->network_id);
	st_set_u(p->o, sfSequence, d->ticket ? 0 : d->seq);
	if (d->ticket)
		st_set_u(p->o, sfTicketSequence, d->ticket);
	if (d->last_ledger)
		st_set_u(p->o, sfLastLedgerSequence, d->last_ledger);
	st_set_drops(p->o, sfFee, drops_of(d->fee * (1 + d->n_signers)));
	st_set_account(p->o, sfAccount, &from);
	write_type(p, d, &to);
	if (d->nonce)
		draft_add_memo(p, 4, d->nonce);
}

/* ---- signing ---- */

struct signer_of {
	struct account_id id;
	const struct secret_key *key;
};

static int by_account(const void *a, const void *b)
{
	const struct signer_of *x = a, *y = b;

	return memcmp(x->id.b, y->id.b, sizeof(x->id.b));
}

static void add_signer(struct pen *p, struct st_array *all, const struct signer_of *who)
{
	struct st_object *signer = st_array_add(all, &p->arena, sfSigner);
	struct buf payload = BUF_INIT;
	uint8_t sig[SIGNATURE_MAX];
	size_t n;

	tx_multisign_payload(&payload, p->o, &who->id);
	n = signature_make(who->key, buf_bytes(&payload), sig);
	buf_close(&payload);
	st_set_account(signer, sfAccount, &who->id);
	st_set_raw(signer, sfSigningPubKey, bytes_of(secret_key_public(who->key)->b, 33));
	st_set_raw(signer, sfTxnSignature, bytes_of(sig, n));
}

void draft_add_signers(struct pen *p, const struct draft *d)
{
	struct signer_of who[SIGNERS_MAX];
	struct st_array *all;

	for (uint32_t i = 0; i < d->n_signers; i++) {
		draft_account(d->signer[i].account, &who[i].id);
		who[i].key = keys_account(d->signer[i].key, &(struct account_id){{0}});
	}
	qsort(who, d->n_signers, sizeof(who[0]), by_account);
	st_set_raw(p->o, sfSigningPubKey, bytes_of(NULL, 0));
	all = st_set_array(p->o, sfSigners);
	for (uint32_t i = 0; i < d->n_signers; i++)
		add_signer(p, all, &who[i]);
	p->key = NULL;
}

struct tx *draft_finish(struct pen *p)
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
	struct pen p = {.spoil = d->spoil};
	struct tx *t;

	draft_write(&p, d);
	if (d->n_signers)
		draft_add_signers(&p, d);
	t = draft_finish(&p);
	must(t);
	return t;
}
