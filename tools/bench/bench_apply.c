/* SPDX-License-Identifier: ISC */

/* CPU time of applying XRP payments, part by part: parse, apply with metadata, write the changes
 * into the tree, hash, and a whole ledger. Arguments: accounts, transactions per ledger, ledgers.
 * Signatures are not checked here; they cost more than all of this (see the table of crypto). */

#include "base/mem.h"
#include "base/rng.h"
#include "crypto/hash.h"
#include "ledger/genesis.h"
#include "tx/build.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct bench {
	uint32_t accounts, per_ledger, ledgers;
	struct account_id *ids;
	uint8_t (*keys)[33];
	uint32_t *seqs;
	struct ledger *tip;
	struct rng rng;
	double parse, apply, flush, hash, build;
};

static double cpu_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

/* Accounts of keys that nobody has: the bytes alone decide. */
static void make_genesis(struct bench *b)
{
	struct ledger *first;
	struct genesis g;
	uint64_t each = DROPS_MAX / b->accounts;

	genesis_default(&g, true);
	g.accounts = mem_resize(g.accounts, b->accounts, sizeof(g.accounts[0]));
	g.n_accounts = b->accounts;
	for (uint32_t i = 0; i < b->accounts; i++) {
		struct public_key k = {{0xED}};

		store_be32(k.b + 1, i);
		memcpy(b->keys[i], k.b, sizeof(k.b));
		account_of_key(&b->ids[i], &k);
		b->seqs[i] = 1;
		g.accounts[i] = (struct genesis_account){b->ids[i], drops_of(each)};
	}
	g.total = drops_of(each * b->accounts);
	if (genesis_build(&g, &first, &b->tip, NULL) != ERR_NONE)
		exit(1);
	ledger_unref(first);
	genesis_close(&g);
}

static void payment_blob(struct bench *b, struct buf *blob)
{
	static const uint8_t sig[64] = {1};
	uint32_t from = (uint32_t)rng_below(&b->rng, b->accounts);
	uint32_t to = (from + 1 + (uint32_t)rng_below(&b->rng, b->accounts - 1)) % b->accounts;
	struct arena a = ARENA_INIT;
	struct st_object *o = st_new(&a);

	st_set_u(o, sfTransactionType, ttPayment);
	st_set_u(o, sfSequence, b->seqs[from]++);
	st_set_u(o, sfLastLedgerSequence, 1000000);
	st_set_drops(o, sfAmount, drops_of(1 + rng_below(&b->rng, 1000000)));
	st_set_drops(o, sfFee, drops_of(12));
	st_set_raw(o, sfSigningPubKey, bytes_of(b->keys[from], 33));
	st_set_raw(o, sfTxnSignature, bytes_of(sig, sizeof(sig)));
	st_set_account(o, sfAccount, &b->ids[from]);
	st_set_account(o, sfDestination, &b->ids[to]);
	st_encode(blob, o, ST_ALL);
	arena_close(&a);
}

static void parse_all(struct bench *b, struct tx **txs)
{
	struct buf *blobs = mem_zalloc(b->per_ledger, sizeof(blobs[0]));
	double start;

	for (uint32_t i = 0; i < b->per_ledger; i++)
		payment_blob(b, &blobs[i]);
	start = cpu_us();
	for (uint32_t i = 0; i < b->per_ledger; i++)
		if (tx_parse(&txs[i], buf_bytes(&blobs[i]), NULL) != ERR_NONE)
			exit(1);
	b->parse += cpu_us() - start;
	for (uint32_t i = 0; i < b->per_ledger; i++) {
		atomic_store(&txs[i]->signature, TX_SIG_GOOD);
		buf_close(&blobs[i]);
	}
	mem_free(blobs);
}

/* Apply, flush and hash, each measured by itself, on a copy of the state. */
static void parts(struct bench *b, struct tx **txs)
{
	struct view_info info = {.seq = b->tip->header.seq + 1,
				 .parent_close = b->tip->header.close,
				 .parent_hash = b->tip->hash};
	struct arena meta = ARENA_INIT;
	struct buf encoded = BUF_INIT;
	struct tree state;
	struct view *v;
	double start;

	if (ledger_fees_read(&b->tip->state, &info.fees) != FOUND ||
	    rules_read(&b->tip->state, &info.rules) != FOUND)
		exit(1);
	v = view_open_tree(&b->tip->state, &info);
	start = cpu_us();
	for (uint32_t i = 0; i < b->per_ledger; i++) {
		struct tx_outcome out;

		arena_reset(&meta);
		buf_clear(&encoded);
		out = tx_apply(v, txs[i], 0, i, &meta);
		if (out.result != tesSUCCESS)
			exit(1);
		st_encode(&encoded, out.meta, ST_ALL);
	}
	b->apply += cpu_us() - start;
	tree_share(&state, &b->tip->state);
	start = cpu_us();
	if (view_flush(v, &state) != FOUND)
		exit(1);
	b->flush += cpu_us() - start;
	start = cpu_us();
	(void)tree_hash(&state);
	b->hash += cpu_us() - start;
	tree_close(&state);
	view_close(v);
	rules_unref(info.rules);
	arena_close(&meta);
	buf_close(&encoded);
}

static void whole(struct bench *b, struct tx **txs)
{
	struct ledger_build build = {.parent = b->tip,
				     .txs = txs,
				     .n = b->per_ledger,
				     .close = {b->tip->header.close.s + 10},
				     .close_resolution = 10,
				     .close_agreed = true};
	double start = cpu_us();

	ledger_build_run(&build);
	b->build += cpu_us() - start;
	if (!build.ledger || build.n_applied != b->per_ledger)
		exit(1);
	mem_free(build.applied);
	mem_free(build.failed);
	ledger_unref(b->tip);
	b->tip = build.ledger;
}

int main(int argc, char **argv)
{
	struct bench b = {.accounts = argc > 1 ? (uint32_t)atoi(argv[1]) : 20000,
			  .per_ledger = argc > 2 ? (uint32_t)atoi(argv[2]) : 5000,
			  .ledgers = argc > 3 ? (uint32_t)atoi(argv[3]) : 4};
	double n = (double)b.per_ledger * b.ledgers;
	struct tx **txs;

	if (b.accounts < 2 || b.per_ledger < 1 || b.per_ledger > 10000 ||
	    crypto_init(NULL) != ERR_NONE)
		return 1;
	b.ids = mem_zalloc(b.accounts, sizeof(b.ids[0]));
	b.keys = mem_zalloc(b.accounts, sizeof(b.keys[0]));
	b.seqs = mem_zalloc(b.accounts, sizeof(b.seqs[0]));
	txs = mem_zalloc(b.per_ledger, sizeof(txs[0]));
	rng_init(&b.rng, 1);
	make_genesis(&b);
	for (uint32_t l = 0; l < b.ledgers; l++) {
		parse_all(&b, txs);
		parts(&b, txs);
		whole(&b, txs);
		for (uint32_t i = 0; i < b.per_ledger; i++)
			tx_unref(txs[i]);
	}
	printf("XRP payments, %u accounts, %u ledgers of %u, CPU per transaction\n", b.accounts,
	       b.ledgers, b.per_ledger);
	printf("  parse                    %6.2f us\n", b.parse / n);
	printf("  apply with metadata      %6.2f us\n", b.apply / n);
	printf("  changes into the tree    %6.2f us\n", b.flush / n);
	printf("  hash the state           %6.2f us\n", b.hash / n);
	printf("  whole ledger, all of it  %6.2f us\n", b.build / n);
	ledger_unref(b.tip);
	mem_free(b.ids);
	mem_free(b.keys);
	mem_free(b.seqs);
	mem_free(txs);
	return 0;
}
