/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "base/rng.h"
#include "chain.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* LMDB has no checksums. Bits of the data file are flipped, one at a time, and everything is read:
 * states, headers, transactions, account pages. Each answer must be the right one or an error; a
 * process that LMDB ends is an error, too. What no reader can see is an index row that is gone (the
 * search ends where it would have been); of that the check of the whole store must tell. And of
 * LMDB's two meta pages a damaged one may lose to the other, which is one commit back and whole. */

enum verdict { HARMLESS = 0, DETECTED = 10, ONE_COMMIT_BACK, MISSING_AND_REPORTED, MISSING, WRONG };

static char folder[128], data_file[160];

static struct chain chain;
static struct ledger *middle; /* ledger 10, for a state other than the tip's */
static struct hash256 before; /* hash of the ledger before the tip */

static int prepare(void **state)
{
	struct tree_keys *keys;
	struct store *s;
	struct why why = {""};

	(void)state;
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0); /* nothing here depends on a disk */
	chain_folder_make(folder);
	snprintf(data_file, sizeof(data_file), "%s/data/data.mdb", folder);
	assert_int_equal(chain_store_open(&s, folder, 256, 1 << 20, &why), ERR_NONE);
	chain_init(&chain, 1, 80, 6, NULL);
	assert_int_equal(store_commit(s, chain.tip, NULL, &keys, &why), ERR_NONE);
	tree_keys_publish(keys);
	for (int i = 2; i <= 20; i++) {
		struct ledger *last = ledger_ref(chain.tip);

		chain_next(&chain);
		assert_int_equal(store_commit(s, chain.tip, last, &keys, &why), ERR_NONE);
		tree_keys_publish(keys);
		before = last->hash;
		ledger_unref(last);
		if (i == 10)
			middle = ledger_ref(chain.tip);
	}
	store_close(s);
	return 0;
}

static int clean_up(void **state)
{
	(void)state;
	ledger_unref(middle);
	chain_close(&chain);
	chain_folder_remove(folder);
	return 0;
}

static enum verdict worse(enum verdict a, enum verdict b)
{
	return a > b ? a : b;
}

static enum verdict compare_trees(const struct tree *got, const struct tree *want)
{
	struct hash256 kg, kw, at, *after = NULL;
	struct bytes dg, dw;

	for (;;) {
		enum found fg = tree_next(got, after, &kg, &dg);
		enum found fw = tree_next(want, after, &kw, &dw);

		if (fg == UNAVAILABLE)
			return DETECTED;
		if (fg != fw)
			return WRONG;
		if (fg == ABSENT)
			return HARMLESS;
		if (!hash256_eq(&kg, &kw) || !bytes_eq(dg, dw))
			return WRONG;
		at = kg;
		after = &at;
	}
}

static enum verdict read_ledger(const struct history *h, const struct ledger *want)
{
	uint32_t seq = want->header.seq, found_seq;
	struct ledger_header header;
	struct hash256 hash;
	struct ledger *l;
	enum verdict v = HARMLESS;
	enum err e = h->header(h->ctx, seq, &header, &hash);

	if (e == ERR_ABSENT || (e == ERR_NONE && !hash256_eq(&hash, &want->hash)))
		return WRONG;
	if (e != ERR_NONE)
		v = DETECTED;
	e = h->seq_of_hash(h->ctx, &want->hash, &found_seq);
	if (e == ERR_NONE && found_seq != seq)
		return WRONG;
	if (e != ERR_NONE)
		v = worse(v, e == ERR_ABSENT ? MISSING : DETECTED);
	e = h->ledger(h->ctx, seq, &l);
	if (e != ERR_NONE)
		return worse(v, e == ERR_ABSENT ? MISSING : DETECTED);
	v = worse(v, compare_trees(&l->state, &want->state));
	v = worse(v, compare_trees(&l->txs, &want->txs));
	ledger_unref(l);
	return v;
}

static enum verdict read_txs(const struct history *h)
{
	enum verdict v = HARMLESS;

	for (size_t i = 0; i < chain.tx_n; i++) {
		const struct chain_tx *want = &chain.tx[i];
		struct buf b = BUF_INIT;
		struct history_tx tx;
		enum err e = h->tx(h->ctx, &want->id, &tx, &b);

		if (e == ERR_ABSENT)
			v = worse(v, MISSING);
		else if (e != ERR_NONE)
			v = worse(v, DETECTED);
		else if (!hash256_eq(&tx.id, &want->id) || tx.ledger_seq != want->seq ||
			 tx.index != want->index)
			v = WRONG;
		buf_close(&b);
	}
	return v;
}

struct pages {
	uint32_t account;
	size_t at; /* in the chain's list */
	enum verdict v;
};

static bool expect_tx(void *ctx, const struct history_tx *tx)
{
	struct pages *p = ctx;

	for (; p->at < chain.tx_n; p->at++) {
		const struct chain_tx *want = &chain.tx[p->at];

		if (want->from != p->account && want->to != p->account)
			continue;
		if (hash256_eq(&want->id, &tx->id)) {
			p->at++;
			return true;
		}
		p->v = worse(p->v, MISSING);
	}
	p->v = WRONG; /* a row of nobody, or twice */
	return true;
}

static enum verdict read_accounts(const struct history *h)
{
	enum verdict v = HARMLESS;

	for (uint32_t i = 0; i < chain.accounts; i++) {
		struct pages p = {.account = i};
		struct account_id id = chain_account(i);
		uint32_t next[2];
		bool more;
		enum err e = h->account_txs(h->ctx, &id, 0, UINT32_MAX, true, NULL, 100000,
					    expect_tx, &p, &more, next);

		for (; p.at < chain.tx_n; p.at++)
			if (chain.tx[p.at].from == i || chain.tx[p.at].to == i)
				p.v = worse(p.v, MISSING);
		if (e != ERR_NONE)
			p.v = p.v == WRONG ? WRONG : DETECTED;
		v = worse(v, p.v);
	}
	return v;
}

static enum verdict read_everything(void)
{
	struct buf report = BUF_INIT;
	struct store *s;
	struct ledger *l;
	enum verdict v;

	if (chain_store_open(&s, folder, 256, 1 << 20, NULL) != ERR_NONE)
		return DETECTED;
	if (store_load_tip(s, &l, NULL) != ERR_NONE)
		return DETECTED;
	if (l && hash256_eq(&l->hash, &before))
		return store_verify(s, &report, NULL) == ERR_NONE ? ONE_COMMIT_BACK : DETECTED;
	if (!l || !hash256_eq(&l->hash, &chain.tip->hash))
		return WRONG;
	v = read_ledger(store_history(s), chain.tip);
	v = worse(v, read_ledger(store_history(s), middle));
	v = worse(v, read_txs(store_history(s)));
	v = worse(v, read_accounts(store_history(s)));
	if (v == MISSING && store_verify(s, &report, NULL) != ERR_NONE)
		v = MISSING_AND_REPORTED;
	return v;
}

/* In a process of its own, since LMDB may end it. */
static enum verdict judge(void)
{
	int status, null;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

		for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
			signal(fatal[i], SIG_DFL); /* the test library catches some */
		null = open("/dev/null", O_WRONLY);
		dup2(null, 2);
		alarm(60);
		_exit((int)read_everything());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status) || WEXITSTATUS(status) == 1)
		return DETECTED;
	return (enum verdict)WEXITSTATUS(status);
}

static void flip(int fd, off_t at, unsigned bit)
{
	uint8_t byte;

	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= (uint8_t)(1u << bit);
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
}

static void flipped_bits_are_never_served(void **state)
{
	const char *text = getenv("STORE_FLIPS");
	int flips = text ? atoi(text) : 400, count[WRONG + 1] = {0};
	int fd = open(data_file, O_RDWR);
	struct stat st;
	struct rng r;

	(void)state;
	rng_init(&r, 1);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(judge(), HARMLESS);
	for (int i = 0; i < flips; i++) {
		off_t at = (off_t)rng_below(&r, (uint64_t)st.st_size);
		unsigned bit = (unsigned)rng_below(&r, 8);
		enum verdict v;

		flip(fd, at, bit);
		v = judge();
		flip(fd, at, bit);
		assert_true(v <= WRONG);
		count[v]++;
		assert_true(v != ONE_COMMIT_BACK || at < 8192); /* the meta pages */
		if (v == WRONG || v == MISSING)
			fail_msg("byte %lld bit %u: %s", (long long)at, bit,
				 v == WRONG ? "a wrong answer" : "missing, and nothing tells");
	}
	close(fd);
	print_message(
	    "%d flips: %d harmless, %d detected, %d missing rows that the check reports\n", flips,
	    count[HARMLESS], count[DETECTED], count[MISSING_AND_REPORTED]);
	assert_true(count[DETECTED] > flips / 10);
	assert_int_equal(judge(), HARMLESS);
}

static void cut_files_are_refused(void **state)
{
	struct store *s;
	struct stat st;
	struct why why = {""};

	(void)state;
	assert_int_equal(stat(data_file, &st), 0);
	for (off_t n = st.st_size - 4096; n > 8192; n -= n / 7 + 1) {
		/* Each time shorter: what is cut off is not needed again. */
		assert_int_equal(truncate(data_file, n), 0);
		assert_int_equal(chain_store_open(&s, folder, 256, 1 << 20, &why), ERR_CORRUPT);
	}
	assert_non_null(strstr(why.text, "cut short"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(flipped_bits_are_never_served),
	    cmocka_unit_test(cut_files_are_refused),
	};

	return cmocka_run_group_tests(tests, prepare, clean_up);
}
