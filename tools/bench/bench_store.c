/* SPDX-License-Identifier: ISC */
#include "base/rng.h"
#include "store/journal.h"
#include "tests/store/chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

/* The store with N accounts (1,000,000) and ledgers of 8,000 payments: the first commit, the next
 * ones, opening, reading; and one vote. */

#define PER_LEDGER 8000
#define LEDGERS    12

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu_s(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void fail_on(enum err e, const struct why *why)
{
	if (e == ERR_NONE)
		return;
	fprintf(stderr, "%s: %s\n", err_name(e), why->text);
	exit(1);
}

static struct store *open_store(const char *folder)
{
	struct store *s;
	struct why why = {""};

	fail_on(chain_store_open(&s, folder, 256, 0, &why), &why);
	return s;
}

static void commit(struct store *s, const struct ledger *l, const struct ledger *last,
		   const char *what)
{
	struct tree_keys *keys;
	struct why why = {""};
	double t0 = now_s(), c0 = cpu_s();

	fail_on(store_commit(s, l, last, &keys, &why), &why);
	printf("commit %-12s %8.1f ms, CPU %8.1f ms", what, (now_s() - t0) * 1e3,
	       (cpu_s() - c0) * 1e3);
	if (last)
		printf(", CPU %.1f us per transaction", (cpu_s() - c0) * 1e6 / PER_LEDGER);
	printf(", file %llu MB\n", (unsigned long long)(store_bytes(s) >> 20));
	tree_keys_publish(keys);
}

static void look_ups(struct store *s, const struct chain *c)
{
	const struct history *h = store_history(s);
	struct rng r;
	double t0 = now_s();

	rng_init(&r, 1);
	for (int i = 0; i < 20000; i++) {
		struct buf b = BUF_INIT;
		struct history_tx tx;

		if (h->tx(h->ctx, &c->tx[rng_below(&r, c->tx_n)].id, &tx, &b) != ERR_NONE)
			exit(1);
		buf_close(&b);
	}
	printf("transaction by id: %.1f us\n", (now_s() - t0) * 1e6 / 20000);
}

static void votes(const char *folder)
{
	static uint8_t blob[200000];
	struct journal_record r = {.validation = bytes_of(blob, 250)};
	struct journal_ledger l = {.seq = 1};
	struct bytes txs[500];
	struct journal *j;
	struct why why = {""};
	double t0;

	for (int i = 0; i < 500; i++)
		txs[i] = bytes_of(blob, 250);
	l.txs = txs;
	r.ledgers = &l;
	fail_on(journal_open(&j, folder, &why), &why);
	for (uint32_t n_txs = 0; n_txs <= 500; n_txs += 250) {
		r.n_ledgers = 1;
		l.n_txs = n_txs;
		t0 = now_s();
		for (uint32_t i = 0; i < 100; i++) {
			r.seq = i;
			fail_on(journal_write(j, &r, &why), &why);
		}
		printf("vote with %u transactions: %.2f ms\n", n_txs, (now_s() - t0) * 10);
	}
	journal_close(j);
}

/* Ledgers of 1,000 payments with a history of 256: what commits cost, and what taking away the
 * oldest ledger beside each costs. */
static void steady_state(const char *folder)
{
	struct store *s = open_store(folder);
	struct tree_keys *keys;
	struct why why = {""};
	double committing = 0, pruning = 0;
	struct chain c;
	bool more;

	chain_init(&c, 2, 100000, 1000, store_node_source(s));
	fail_on(store_commit(s, c.tip, NULL, &keys, &why), &why);
	tree_keys_publish(keys);
	for (int i = 0; i < 320; i++) {
		struct ledger *last = ledger_ref(c.tip);
		double t0, t1;

		chain_next(&c);
		t0 = cpu_s();
		fail_on(store_commit(s, c.tip, last, &keys, &why), &why);
		t1 = cpu_s();
		tree_keys_publish(keys);
		ledger_unref(last);
		more = i >= 260;
		committing += more ? t1 - t0 : 0;
		t1 = cpu_s();
		while (more)
			fail_on(store_prune(s, 20000, &more, &why), &why);
		pruning += cpu_s() - t1;
	}
	printf("history of 256, 1000 per ledger: CPU per transaction: commit %.1f us, prune %.1f "
	       "us, file %llu MB\n",
	       committing * 1e6 / 60000, pruning * 1e6 / 60000,
	       (unsigned long long)(store_bytes(s) >> 20));
	chain_close(&c);
	store_close(s);
}

int main(int argc, char **argv)
{
	uint32_t accounts = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000;
	char folder[128];
	struct ledger *l;
	struct store *s;
	struct chain c;
	struct why why = {""};
	double t0;

	chain_folder_make(folder);
	s = open_store(folder);
	chain_init(&c, 1, accounts, PER_LEDGER, store_node_source(s));
	commit(s, c.tip, NULL, "first");
	for (int i = 0; i < LEDGERS; i++) {
		struct ledger *last = ledger_ref(c.tip);

		chain_next(&c);
		commit(s, c.tip, last, "next");
		ledger_unref(last);
	}
	look_ups(s, &c);
	store_close(s);
	t0 = now_s();
	s = open_store(folder);
	fail_on(store_load_tip(s, &l, &why), &why);
	printf("open with %u accounts: %.0f ms\n", accounts, (now_s() - t0) * 1e3);
	ledger_unref(l);
	store_close(s);
	votes(folder);
	chain_close(&c);
	chain_folder_remove(folder);
	chain_folder_make(folder);
	steady_state(folder);
	chain_folder_remove(folder);
	return 0;
}
