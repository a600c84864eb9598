/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "codec/format.h"
#include "ledger/genesis.h"
#include "ledger/keylet.h"
#include "store/store.h"
#include "tx/build.h"

#include <stdio.h>
#include <stdlib.h>

/* A data folder for `tallyd --standalone --data FOLDER` whose well-known account has made PAYMENTS
 * payments, each to an account of its own:
 *
 *     serve_fill FOLDER PAYMENTS BLOBS
 *
 * so that there is an account with that many transactions and a state of that many accounts. The
 * ledgers are built and committed as a node does it, without consensus and with signatures that
 * are made but not checked. FOLDER/blobs gets BLOBS further payments to submit, in hex, a line of
 * each, from one receiver after the other. Prints a transaction's id and the newest ledger. */

#define PER_LEDGER 4000
#define FIRST_PAID 3    /* ledgers 1 and 2 are the genesis */
#define SENDERS    2000 /* receivers that have a key, and pay in their turn */

struct fill {
	struct store *store;
	struct ledger *tip;
	struct secret_key *key;
	struct account_id from;
	uint32_t made;
};

static void fail_on(enum err e, const struct why *why)
{
	if (e == ERR_NONE)
		return;
	fprintf(stderr, "serve_fill: %s: %s\n", err_name(e), why->text);
	exit(1);
}

static void commit(struct fill *f, struct ledger *next)
{
	struct tree_keys *keys;
	struct why why = {""};

	fail_on(store_commit(f->store, next, f->tip, &keys, &why), &why);
	tree_keys_publish(keys);
	ledger_unref(f->tip);
	f->tip = next;
}

static void open_all(struct fill *f, const char *folder)
{
	struct store_options o = {.folder = folder};
	struct ledger *first, *second;
	struct public_key public;
	struct why why = {""};
	struct genesis g;
	struct seed seed;

	fail_on(crypto_init(&why), &why);
	genesis_default(&g, true);
	fail_on(genesis_build(&g, &first, &second, &why), &why);
	o.network_id = g.network_id;
	o.genesis = first->hash;
	fail_on(store_open(&f->store, &o, &why), &why);
	commit(f, first);
	commit(f, second);
	genesis_close(&g);
	seed_of_passphrase(&seed, bytes_str("masterpassphrase"));
	fail_on(secret_key_of_seed(&f->key, &public, KEY_SECP256K1, &seed), &why);
	account_of_key(&f->from, &public);
}

static struct secret_key *sender_key(uint32_t i)
{
	struct secret_key *key;
	struct why why = {""};
	struct seed seed;

	genesis_generated_seed(&seed, i);
	fail_on(secret_key_of_seed(&key, NULL, KEY_ED25519, &seed), &why);
	return key;
}

/* All but the first receivers' keys are nobody's. */
static void receiver(struct account_id *out, uint32_t i)
{
	struct public_key nobody = {{0xED}};
	struct seed seed;

	if (i < SENDERS) {
		genesis_generated_seed(&seed, i);
		ed25519_public_of_seed(&nobody, &seed);
	} else {
		store_be32(nobody.b + 1, i);
	}
	account_of_key(out, &nobody);
}

static struct tx *payment(struct fill *f)
{
	struct arena a = ARENA_INIT;
	struct st_object *o = st_new(&a);
	struct buf blob = BUF_INIT;
	struct why why = {""};
	struct account_id to;
	struct tx *tx;

	receiver(&to, f->made++);
	st_set_u(o, sfTransactionType, ttPayment);
	st_set_u(o, sfFlags, 0);
	st_set_u(o, sfSequence, f->made);
	st_set_drops(o, sfAmount, drops_of(20000000));
	st_set_drops(o, sfFee, drops_of(10));
	st_set_account(o, sfAccount, &f->from);
	st_set_account(o, sfDestination, &to);
	tx_sign(o, f->key);
	st_encode(&blob, o, ST_ALL);
	fail_on(tx_parse(&tx, buf_bytes(&blob), &why), &why);
	atomic_store(&tx->signature, TX_SIG_GOOD);
	buf_close(&blob);
	arena_close(&a);
	return tx;
}

static void one_ledger(struct fill *f, uint32_t n)
{
	struct ledger_build b = {
	    .parent = f->tip,
	    .txs = mem_zalloc(n, sizeof(*b.txs)),
	    .n = n,
	    .close = {f->tip->header.close.s + 10},
	    .close_resolution = 10,
	    .close_agreed = true,
	};
	struct hash256 shown;

	for (uint32_t i = 0; i < n; i++)
		b.txs[i] = payment(f);
	shown = b.txs[0]->id;
	ledger_build_run(&b);
	if (!b.ledger || b.n_failed) {
		fprintf(stderr, "serve_fill: %zu payments failed\n", b.n_failed);
		exit(1);
	}
	commit(f, b.ledger);
	for (uint32_t i = 0; i < n; i++)
		tx_unref(b.txs[i]);
	mem_free(b.txs);
	mem_free(b.applied);
	mem_free(b.failed);
	if (f->tip->header.seq == FIRST_PAID)
		printf("%s\n", hash256_hex(&shown).s);
}

static uint32_t sequence_of(const struct fill *f, const struct account_id *id)
{
	struct keylet k = keylet_account(id);
	struct arena a = ARENA_INIT;
	struct st_object *root;
	struct bytes data;
	uint32_t seq;

	if (tree_get(&f->tip->state, &k.key, &data) != FOUND ||
	    st_decode(&root, &a, data, NULL) != ERR_NONE) {
		fputs("serve_fill: a sender is not there\n", stderr);
		exit(1);
	}
	seq = st_u32_or(root, sfSequence, 0);
	arena_close(&a);
	return seq;
}

static void write_blob(struct fill *f, FILE *out, const struct secret_key *key, uint32_t seq)
{
	struct arena a = ARENA_INIT;
	struct st_object *o = st_new(&a);
	struct buf blob = BUF_INIT;
	struct account_id from;

	account_of_key(&from, secret_key_public(key));
	st_set_u(o, sfTransactionType, ttPayment);
	st_set_u(o, sfFlags, 0);
	st_set_u(o, sfSequence, seq);
	st_set_drops(o, sfAmount, drops_of(1));
	st_set_drops(o, sfFee, drops_of(10));
	st_set_account(o, sfAccount, &from);
	st_set_account(o, sfDestination, &f->from);
	tx_sign(o, key);
	st_encode(&blob, o, ST_ALL);
	for (size_t i = 0; i < blob.n; i++)
		fprintf(out, "%02X", blob.p[i]);
	putc('\n', out);
	buf_close(&blob);
	arena_close(&a);
}

static void write_blobs(struct fill *f, const char *folder, unsigned long n)
{
	struct secret_key *key[SENDERS];
	uint32_t next[SENDERS];
	char path[4096];
	FILE *out;

	snprintf(path, sizeof(path), "%s/blobs", folder);
	out = fopen(path, "w");
	if (!out) {
		perror(path);
		exit(1);
	}
	for (uint32_t i = 0; i < SENDERS; i++) {
		struct account_id id;

		receiver(&id, i);
		key[i] = sender_key(i);
		next[i] = sequence_of(f, &id);
	}
	for (unsigned long i = 0; i < n; i++)
		write_blob(f, out, key[i % SENDERS], next[i % SENDERS]++);
	for (uint32_t i = 0; i < SENDERS; i++)
		secret_key_close(key[i]);
	if (fclose(out) != 0) {
		perror(path);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	unsigned long payments = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
	struct fill f = {0};

	if (payments < SENDERS || payments > 100000000) {
		fprintf(stderr, "serve_fill FOLDER PAYMENTS BLOBS, at least %u payments\n",
			SENDERS);
		return 64;
	}
	open_all(&f, argv[1]);
	while (f.made < payments) {
		unsigned long left = payments - f.made;

		one_ledger(&f, (uint32_t)(left < PER_LEDGER ? left : PER_LEDGER));
	}
	write_blobs(&f, argv[1], strtoul(argv[3], NULL, 10));
	printf("%u\n", f.tip->header.seq);
	ledger_unref(f.tip);
	store_close(f.store);
	secret_key_close(f.key);
	return 0;
}
