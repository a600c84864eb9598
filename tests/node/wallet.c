/* SPDX-License-Identifier: ISC */
#include "wallet.h"

#include "crypto/base58.h"
#include "crypto/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ACCOUNTS_KEPT 16384

void bench_setup(void)
{
	struct why why;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (crypto_init(&why) != ERR_NONE)
		abort();
	amendments_init();
}

static struct secret_key *account_key(uint32_t i, struct account_id *id)
{
	struct secret_key *key;
	struct public_key pub;
	struct seed seed;
	char text[40];

	snprintf(text, sizeof(text), "tally test account %u", i);
	seed_of_passphrase(&seed, bytes_str(text));
	assert_int_equal(secret_key_of_seed(&key, &pub, KEY_ED25519, &seed), ERR_NONE);
	account_of_key(id, &pub);
	return key;
}

struct account_id wallet_account(uint32_t i)
{
	static struct account_id known[ACCOUNTS_KEPT];
	static bool have[ACCOUNTS_KEPT];

	must(i < ACCOUNTS_KEPT);
	if (!have[i])
		secret_key_close(account_key(i, &known[i]));
	have[i] = true;
	return known[i];
}

static void add_memo(struct st_object *o, struct arena *a, uint32_t n)
{
	struct st_array *memos = st_set_array(o, sfMemos);
	struct st_object *memo = st_array_add(memos, a, sfMemo);
	uint8_t *bytes = arena_zalloc(a, n, 1);

	st_set_raw(memo, sfMemoData, bytes_of(bytes, n));
}

static struct tx *sign_by(uint32_t from, struct st_object *o, bool badly)
{
	struct account_id src;
	struct secret_key *key = account_key(from, &src);
	struct buf b = BUF_INIT;
	struct why why = {""};
	struct tx *t;

	st_set_u(o, sfNetworkID, WALLET_NETWORK);
	st_set_account(o, sfAccount, &src);
	tx_sign(o, key);
	if (badly)
		st_set_u(o, sfSequence, st_u32_or(o, sfSequence, 0) + 1);
	st_encode(&b, o, ST_ALL);
	if (tx_parse(&t, buf_bytes(&b), &why) != ERR_NONE)
		fail_msg("%s", why.text);
	secret_key_close(key);
	buf_close(&b);
	return t;
}

struct tx *wallet_sign(uint32_t from, struct st_object *o)
{
	return sign_by(from, o, false);
}

struct tx *wallet_pay(const struct payment *p)
{
	struct arena a = ARENA_INIT;
	struct st_object *o = st_new(&a);
	struct account_id dst = wallet_account(p->to);
	struct tx *t;

	st_set_u(o, sfTransactionType, ttPayment);
	st_set_u(o, sfFlags, 0);
	st_set_u(o, sfSequence, p->seq);
	if (p->last_ledger)
		st_set_u(o, sfLastLedgerSequence, p->last_ledger);
	st_set_drops(o, sfAmount, drops_of(p->drops ? p->drops : 1));
	st_set_drops(o, sfFee, drops_of(p->fee ? p->fee : 10));
	st_set_account(o, sfDestination, &dst);
	if (p->memo)
		add_memo(o, &a, p->memo);
	t = sign_by(p->from, o, p->bad_signature);
	arena_close(&a);
	return t;
}

void wallet_genesis(struct genesis *g, uint32_t accounts)
{
	genesis_default(g, true);
	g->network_id = WALLET_NETWORK;
	g->generated = accounts;
	g->generated_balance = drops_of(WALLET_BALANCE);
	/* raw: the first account gives what the generated ones get */
	g->accounts[0].balance.raw -= accounts * WALLET_BALANCE;
}

uint64_t wallet_balance(const struct ledger *l, uint32_t account)
{
	struct account_id id = wallet_account(account);
	struct keylet k = keylet_account(&id);
	struct arena a = ARENA_INIT;
	struct st_object *o;
	struct bytes data;
	struct drops d;

	assert_int_equal(tree_get(&l->state, &k.key, &data), FOUND);
	assert_int_equal(st_decode(&o, &a, data, NULL), ERR_NONE);
	assert_true(st_get_drops(o, sfBalance, &d));
	arena_close(&a);
	return d.raw; /* raw: printed and compared only */
}

/* ---- validators ---- */

struct secret_key *validator_key(uint32_t i, struct public_key *pub)
{
	struct secret_key *key;
	struct seed seed = {{0}};

	seed.b[0] = (uint8_t)(i + 1);
	assert_int_equal(secret_key_of_node_seed(&key, pub, KEY_SECP256K1, &seed), ERR_NONE);
	return key;
}

struct wire_frame *validator_proposal(uint32_t i, const struct cons_position *p)
{
	struct msg m = {.type = MSG_PROPOSAL};
	struct secret_key *key = validator_key(i, &m.proposal.key);
	uint8_t sig[SIGNATURE_MAX];
	struct buf b = BUF_INIT;
	struct wire_frame *f;

	m.proposal.prev = p->prev;
	m.proposal.set = p->set;
	m.proposal.close = p->close;
	m.proposal.seq = p->seq;
	proposal_payload(&b, WALLET_NETWORK, &m);
	m.proposal.signature = bytes_of(sig, signature_make(key, buf_bytes(&b), sig));
	f = wire_encode(&m);
	buf_close(&b);
	secret_key_close(key);
	return f;
}

struct wire_frame *validator_validation(uint32_t i, const struct cons_validation *v,
					uint64_t cookie)
{
	struct arena a = ARENA_INIT;
	struct st_object *o = st_new(&a);
	struct msg m = {.type = MSG_VALIDATION};
	struct buf b = BUF_INIT;
	struct public_key pub;
	struct secret_key *key = validator_key(i, &pub);
	uint8_t sig[SIGNATURE_MAX];
	struct wire_frame *f;

	st_set_u(o, sfFlags, 0x80000000u | v->full);
	st_set_hash256(o, sfLedgerHash, &v->ledger);
	st_set_u(o, sfLedgerSequence, v->seq);
	st_set_u(o, sfSigningTime, v->signed_at.s);
	st_set_u(o, sfCookie, cookie);
	st_set_raw(o, sfSigningPubKey, bytes_of(pub.b, 33));
	buf_put_be32(&b, HASH_PREFIX_VALIDATION);
	st_encode(&b, o, ST_SIGNING);
	st_set_raw(o, sfSignature, bytes_of(sig, signature_make(key, buf_bytes(&b), sig)));
	buf_clear(&b);
	st_encode(&b, o, ST_ALL);
	m.validation = buf_bytes(&b);
	f = wire_encode(&m);
	buf_close(&b);
	secret_key_close(key);
	arena_close(&a);
	return f;
}
