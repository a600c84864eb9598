/* SPDX-License-Identifier: ISC */

/* The fee market's queue with 20,000 transactions: memory, and what it costs to put one in, to
 * replace one, to drive one out, and to look through all of them when a ledger closes. Signatures
 * apart. */

#include "base/mem.h"
#include "base/rng.h"
#include "crypto/hash.h"
#include "ledger/genesis.h"
#include "node/txq.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ACCOUNTS 2300
#define EACH     10
#define BETTER   2000 /* that drive others out, of accounts of their own */
#define OTHERS   (BETTER / EACH)

struct bench {
	struct account_id ids[ACCOUNTS];
	uint8_t keys[ACCOUNTS][33];
	struct tree base;
	struct view_info info;
	struct txq q;
	struct txq_open o;
	struct rng rng;
	uint32_t n_left;
};

static double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static size_t heap(void)
{
	return mallinfo2().uordblks + mallinfo2().hblkhd;
}

static void make_state(struct bench *b)
{
	struct ledger *first, *second;
	struct genesis g;
	uint64_t each = DROPS_MAX / ACCOUNTS;

	genesis_default(&g, true);
	g.accounts = mem_resize(g.accounts, ACCOUNTS, sizeof(g.accounts[0]));
	g.n_accounts = ACCOUNTS;
	for (uint32_t i = 0; i < ACCOUNTS; i++) {
		struct public_key k = {{0xED}};

		store_be32(k.b + 1, i);
		memcpy(b->keys[i], k.b, sizeof(k.b));
		account_of_key(&b->ids[i], &k);
		g.accounts[i] = (struct genesis_account){b->ids[i], drops_of(each)};
	}
	g.total = drops_of(each * ACCOUNTS);
	must(genesis_build(&g, &first, &second, NULL) == ERR_NONE);
	tree_share(&b->base, &second->state);
	b->info = (struct view_info){.seq = 3, .parent_hash = second->hash, .open = true};
	must(ledger_fees_read(&b->base, &b->info.fees) == FOUND);
	must(rules_read(&b->base, &b->info.rules) == FOUND);
	ledger_unref(first);
	ledger_unref(second);
	genesis_close(&g);
}

static struct tx *payment(struct bench *b, uint32_t i, uint32_t seq, uint64_t fee)
{
	struct arena a = ARENA_INIT;
	struct st_object *o = st_new(&a);
	struct buf out = BUF_INIT;
	uint8_t signature[64] = {1};
	struct tx *t;

	st_set_u(o, sfTransactionType, ttPayment);
	st_set_u(o, sfSequence, seq);
	st_set_u(o, sfLastLedgerSequence, 1000000);
	st_set_drops(o, sfFee, drops_of(fee));
	st_set_raw(o, sfSigningPubKey, bytes_of(b->keys[i], 33));
	st_set_raw(o, sfTxnSignature, bytes_of(signature, sizeof(signature)));
	st_set_account(o, sfAccount, &b->ids[i]);
	st_set_drops(o, sfAmount, drops_of(1));
	st_set_account(o, sfDestination, &b->ids[(i + 1) % ACCOUNTS]);
	st_encode(&out, o, ST_ALL);
	must(tx_parse(&t, buf_bytes(&out), NULL) == ERR_NONE);
	atomic_store(&t->signature, TX_SIG_GOOD);
	buf_close(&out);
	arena_close(&a);
	return t;
}

static void left(void *ctx, struct tx *t, bool applied, enum ter result)
{
	struct bench *b = ctx;

	(void)t;
	(void)applied;
	(void)result;
	b->n_left++;
}

static struct txq_setup setup(void)
{
	struct txq_setup s = txq_setup_default();

	s.minimum_txn_in_ledger = 1;
	s.maximum_txn_in_ledger = s.target_txn_in_ledger = 1;
	s.minimum_queue_size = TX_QUEUE_MAX;
	return s;
}

static void open_ledger(struct bench *b)
{
	view_close(b->o.view);
	b->o = (struct txq_open){.view = view_open_tree(&b->base, &b->info), .load = 256};
}

/* Tries all; the mean in microseconds. Gives the transactions up. */
static double try_all(struct bench *b, struct tx **txs, uint32_t n, enum ter expected)
{
	double start = now_us(), took;

	for (uint32_t i = 0; i < n; i++)
		must(txq_try(&b->q, &b->o, txs[i], 0).result == expected);
	took = (now_us() - start) / n;
	for (uint32_t i = 0; i < n; i++)
		tx_unref(txs[i]);
	return took;
}

static struct tx **make(struct bench *b, uint32_t from, uint32_t accounts, uint64_t fee)
{
	struct tx **txs = mem_alloc((size_t)accounts * EACH * sizeof(struct tx *));
	uint32_t n = 0;

	/* One of each account in turn, so that levels come in any order. */
	for (uint32_t seq = 1; seq <= EACH; seq++)
		for (uint32_t i = from; i < from + accounts; i++)
			txs[n++] = payment(b, i, seq, fee + rng_below(&b->rng, 100));
	return txs;
}

static void a_ledger_closes(struct bench *b)
{
	uint64_t levels[1] = {256};
	double start = now_us();
	struct hash256 parent;

	sha512_half(&parent, b->info.parent_hash.b, sizeof(parent.b));
	b->info.seq++;
	b->info.parent_hash = parent;
	txq_closed(&b->q, levels, 1, false, b->info.seq - 1);
	open_ledger(b);
	txq_accept(&b->q, &b->o, &parent);
	printf("%-52s %8.1f us\n", "a ledger closes: expiry, best first, new order",
	       now_us() - start);
}

/* What the market costs a transaction that goes straight in: the same with and without it. */
static void straight_in(struct bench *b)
{
	struct txq_hooks hooks = {.left = left, .ctx = b};
	struct txq_setup s = txq_setup_roomy();
	struct tx *txs[ACCOUNTS];
	double start, best[2] = {1e9, 1e9};

	for (uint32_t i = 0; i < ACCOUNTS; i++)
		txs[i] = payment(b, i, 1, 10);
	for (uint32_t round = 0; round < 10; round++) {
		txq_init(&b->q, &s, false, 1, &hooks);
		open_ledger(b);
		start = now_us();
		for (uint32_t i = 0; i < ACCOUNTS; i++)
			must(round % 2 ? txq_try(&b->q, &b->o, txs[i], 0).applied
				       : txq_apply(&b->o, txs[i], 0).applied);
		start = (now_us() - start) / ACCOUNTS;
		if (start < best[round % 2])
			best[round % 2] = start;
		txq_close(&b->q);
	}
	printf("%-52s %8.2f us\n", "straight into an open ledger", best[1]);
	printf("%-52s %8.2f us\n", "... the engine alone", best[0]);
	for (uint32_t i = 0; i < ACCOUNTS; i++)
		tx_unref(txs[i]);
}

static void half_goes_in(struct bench *b)
{
	double start = now_us();
	uint32_t n = b->q.n;

	open_ledger(b);
	b->q.fees.expected = TX_QUEUE_MAX;
	txq_accept(&b->q, &b->o, &b->info.parent_hash);
	n -= b->q.n;
	printf("%-52s %8.2f us\n", "10,000 of them into the next ledger, each",
	       (now_us() - start) / n);
	must(n >= LEDGER_TX_MAX);
}

int main(void)
{
	const uint32_t n = TX_QUEUE_MAX, accounts = TX_QUEUE_MAX / EACH;
	struct bench *b = mem_zalloc(1, sizeof(*b));
	struct txq_hooks hooks = {.left = left, .ctx = b};
	struct txq_setup s = setup();
	size_t before, parsed, queued;
	struct tx **txs, *first[2];
	struct why why;
	uint64_t levels[1] = {256};

	must(crypto_init(&why) == ERR_NONE);
	amendments_init();
	rng_init(&b->rng, 1);
	make_state(b);
	straight_in(b);
	txq_init(&b->q, &s, false, 1, &hooks);
	txq_closed(&b->q, levels, 1, false, 2);
	open_ledger(b);
	for (uint32_t i = 0; i < 2; i++)
		first[i] = payment(b, ACCOUNTS - 1, 1 + i, 10);
	(void)try_all(b, first, 2, tesSUCCESS);

	before = heap();
	txs = make(b, 0, accounts, 20);
	parsed = heap() - n * sizeof(struct tx *);
	printf("%-52s %8.2f us\n", "put in, mean of the first 2,000",
	       try_all(b, txs, 2000, terQUEUED));
	try_all(b, txs + 2000, n - 4000, terQUEUED);
	printf("%-52s %8.2f us\n", "... of the last 2,000 of 20,000",
	       try_all(b, txs + n - 2000, 2000, terQUEUED));
	mem_free(txs);
	queued = heap();
	must(b->q.n == n);
	printf("%-52s %8.1f MB\n", "20,000 payments, parsed", (double)(parsed - before) / 1e6);
	printf("%-52s %8.1f MB\n", "... and in the queue, with views of their accounts",
	       (double)(queued - before) / 1e6);

	txs = mem_alloc(BETTER * sizeof(struct tx *));
	for (uint32_t i = 0; i < BETTER; i++)
		txs[i] = payment(b, i % accounts, 1, 300);
	printf("%-52s %8.2f us\n", "replace one", try_all(b, txs, BETTER, terQUEUED));
	mem_free(txs);
	txs = make(b, accounts, OTHERS, 200);
	printf("%-52s %8.2f us\n", "drive one out of the full queue",
	       try_all(b, txs, BETTER, terQUEUED));
	mem_free(txs);
	must(b->q.n == n && b->n_left == 2 * BETTER);
	a_ledger_closes(b);
	a_ledger_closes(b);
	half_goes_in(b);
	must(!txq_wrong(&b->q));
	txq_close(&b->q);
	view_close(b->o.view);
	tree_close(&b->base);
	rules_unref(b->info.rules);
	mem_free(b);
	return 0;
}
