/* SPDX-License-Identifier: ISC */
#include "tests/store/chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Deleting history while ledgers are added, as a node does it: after each commit, in portions.
 *
 *     bench_history [LEDGERS [HISTORY [ACCOUNTS [PER_LEDGER]]]]     100000 1000 2000 10
 *
 * Prints the size of the data file at times, and what a ledger costs. Nothing is kept on a disk
 * but below TMPDIR. */

#define PRUNE_BUDGET 4000 /* as the node's */

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail_on(enum err e, const struct why *why)
{
	if (e == ERR_NONE)
		return;
	fprintf(stderr, "%s: %s\n", err_name(e), why->text);
	exit(1);
}

static uint32_t argument(int argc, char **argv, int i, uint32_t usual)
{
	return i < argc ? (uint32_t)strtoul(argv[i], NULL, 10) : usual;
}

static void commit(struct store *s, const struct ledger *l, const struct ledger *last)
{
	struct tree_keys *keys;
	struct why why = {""};

	fail_on(store_commit(s, l, last, &keys, &why), &why);
	tree_keys_publish(keys);
}

static void prune(struct store *s)
{
	struct why why = {""};
	bool more = true;

	while (more)
		fail_on(store_prune(s, PRUNE_BUDGET, &more, &why), &why);
}

int main(int argc, char **argv)
{
	uint32_t ledgers = argument(argc, argv, 1, 100000);
	uint32_t history = argument(argc, argv, 2, 1000);
	uint32_t accounts = argument(argc, argv, 3, 2000);
	uint32_t per_ledger = argument(argc, argv, 4, 10), next = 250;
	double began = now_s(), commits = 0, prunes = 0, worst = 0;
	struct buf report = BUF_INIT;
	struct store *s;
	struct chain c;
	struct why why = {""};
	char folder[128];

	chain_folder_make(folder);
	fail_on(chain_store_open(&s, folder, history, 0, &why), &why);
	chain_init(&c, 1, accounts, per_ledger, store_node_source(s));
	commit(s, c.tip, NULL);
	printf("%8s %10s %10s\n", "ledger", "file MiB", "kept from");
	while (c.tip->header.seq < ledgers) {
		struct ledger *last = ledger_ref(c.tip);
		double t0, t1, t2;

		chain_next(&c);
		c.tx_n = 0; /* what is not asked for later */
		t0 = now_s();
		commit(s, c.tip, last);
		t1 = now_s();
		prune(s);
		t2 = now_s();
		commits += t1 - t0;
		prunes += t2 - t1;
		worst = t2 - t0 > worst ? t2 - t0 : worst;
		ledger_unref(last);
		if (c.tip->header.seq == next || c.tip->header.seq == ledgers) {
			printf("%8u %10.1f %10u\n", c.tip->header.seq,
			       (double)store_bytes(s) / 1048576,
			       store_history(s)->complete(store_history(s)->ctx).first);
			fflush(stdout);
			next *= 2;
		}
	}
	fail_on(store_verify(s, &report, &why), &why);
	printf("a ledger: commit %.2f ms, pruning %.2f ms, both at most %.1f ms; %.0f s in all\n",
	       commits * 1e3 / ledgers, prunes * 1e3 / ledgers, worst * 1e3, now_s() - began);
	chain_close(&c);
	store_close(s);
	chain_folder_remove(folder);
	return 0;
}
