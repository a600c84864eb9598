/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "chain.h"
#include "store/kv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* Every call that the store makes to its database fails once, each in a run of its own: opening,
 * loading, committing, pruning, reading. Whatever fails says so and answers nothing wrong; a commit
 * that failed left nothing behind, one that succeeded is whole; a full map is grown and nobody
 * notices. The linker puts the functions below in place of the real ones. */

#define LEDGERS 300 /* so that pruning has work */

static uint64_t calls, fail_at; /* the call that fails; 0: none */
static enum err fail_with;
static bool failed; /* the fault has happened */

static char folder[128], saved[128];
static struct chain chain;       /* at ledger LEDGERS + 1 */
static struct ledger *committed; /* ledger LEDGERS, the tip of the saved data */

static bool fault(void)
{
	if (++calls != fail_at)
		return false;
	failed = true;
	return true;
}

/* Declares the real function and defines the one in its place. */
#define WRAP(name, params, args)                                                                   \
	enum err __real_##name params;                                                             \
	enum err __wrap_##name params;                                                             \
	enum err __wrap_##name params                                                              \
	{                                                                                          \
		return fault() ? fail_with : __real_##name args;                                   \
	}

WRAP(kv_read, (struct kv * db, struct kv_txn **out), (db, out))
WRAP(kv_write, (struct kv * db, struct kv_txn **out), (db, out))
WRAP(kv_get, (struct kv_txn * txn, enum kv_table table, struct bytes key, struct bytes *value),
     (txn, table, key, value))
WRAP(kv_put, (struct kv_txn * txn, enum kv_table table, struct bytes key, struct bytes value),
     (txn, table, key, value))
WRAP(kv_append, (struct kv_txn * txn, enum kv_table table, struct bytes key, struct bytes value),
     (txn, table, key, value))
WRAP(kv_del, (struct kv_txn * txn, enum kv_table table, struct bytes key), (txn, table, key))
WRAP(kv_cursor_open, (struct kv_txn * txn, enum kv_table table, struct kv_cursor **out),
     (txn, table, out))
WRAP(kv_first, (struct kv_cursor * c, struct kv_row *row), (c, row))
WRAP(kv_next, (struct kv_cursor * c, struct kv_row *row), (c, row))
WRAP(kv_prev, (struct kv_cursor * c, struct kv_row *row), (c, row))
WRAP(kv_at_or_above, (struct kv_cursor * c, struct bytes key, struct kv_row *row), (c, key, row))
WRAP(kv_at_or_below, (struct kv_cursor * c, struct bytes key, struct kv_row *row), (c, key, row))
WRAP(kv_cursor_del, (struct kv_cursor * c), (c))

enum err __real_kv_commit(struct kv_txn *txn, struct why *why);
enum err __wrap_kv_commit(struct kv_txn *txn, struct why *why);
enum err __wrap_kv_commit(struct kv_txn *txn, struct why *why)
{
	if (!fault())
		return __real_kv_commit(txn, why);
	kv_abort(txn);
	return fail_with;
}

static void copy_data(const char *from, const char *to)
{
	char command[700];

	snprintf(command, sizeof(command),
		 "rm -rf '%s/data' '%s/lock' && cp -r '%s/data' '%s/data'", to, to, from, to);
	assert_int_equal(system(command), 0);
}

static int prepare(void **state)
{
	struct tree_keys *keys;
	struct store *s;
	struct why why = {""};

	(void)state;
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0); /* nothing here depends on a disk */
	chain_folder_make(folder);
	chain_folder_make(saved);
	assert_int_equal(chain_store_open(&s, saved, 256, 1 << 20, &why), ERR_NONE);
	chain_init(&chain, 1, 30, 2, NULL);
	assert_int_equal(store_commit(s, chain.tip, NULL, &keys, &why), ERR_NONE);
	tree_keys_drop(keys);
	for (int i = 2; i <= LEDGERS; i++) {
		struct ledger *last = ledger_ref(chain.tip);

		chain_next(&chain);
		assert_int_equal(store_commit(s, chain.tip, last, &keys, &why), ERR_NONE);
		tree_keys_drop(keys);
		ledger_unref(last);
	}
	store_close(s);
	committed = ledger_ref(chain.tip);
	chain_next(&chain);
	return 0;
}

static int clean_up(void **state)
{
	(void)state;
	ledger_unref(committed);
	chain_close(&chain);
	chain_folder_remove(folder);
	chain_folder_remove(saved);
	return 0;
}

/* Errors that a call may give when the injected one hit something below it. */
static void expect_error(enum err e, const char *what)
{
	if (e != ERR_NONE && !failed)
		fail_msg("%s: %s without a fault", what, err_name(e));
	if (e == ERR_ABSENT || e == ERR_FULL)
		fail_msg("%s: %s after a fault at call %llu", what, err_name(e),
			 (unsigned long long)fail_at);
}

static bool row_is_known(void *ctx, const struct history_tx *tx)
{
	for (size_t i = 0; i < chain.tx_n; i++)
		if (hash256_eq(&chain.tx[i].id, &tx->id)) {
			++*(uint32_t *)ctx;
			return true;
		}
	fail_msg("a transaction that there never was");
	return false;
}

static uint32_t txs_of(uint32_t account, uint32_t first)
{
	uint32_t n = 0;

	for (size_t i = 0; i < chain.tx_n; i++)
		n += chain.tx[i].seq >= first && chain.tx[i].seq <= LEDGERS &&
		     (chain.tx[i].from == account || chain.tx[i].to == account);
	return n;
}

/* Right answers or errors. */
static void read_some(const struct history *h, const struct tree *state)
{
	const struct chain_tx *tx = &chain.tx[chain.tx_n / 2];
	struct account_id id = chain_account(3);
	struct hash256 hash, key;
	struct ledger_header header;
	struct buf b = BUF_INIT;
	struct history_tx got;
	struct ledger *l;
	uint32_t seq, rows = 0, next[2];
	struct bytes data;
	bool more;
	enum err e;

	e = h->header(h->ctx, tx->seq, &header, &hash);
	expect_error(e, "header");
	if (e == ERR_NONE) {
		e = h->seq_of_hash(h->ctx, &hash, &seq);
		expect_error(e, "seq_of_hash");
		assert_true(e != ERR_NONE || seq == tx->seq);
	}
	e = h->tx(h->ctx, &tx->id, &got, &b);
	expect_error(e, "tx");
	assert_true(e != ERR_NONE || (got.ledger_seq == tx->seq && got.index == tx->index));
	for (int forward = 0; forward < 2; forward++) {
		rows = 0;
		e = h->account_txs(h->ctx, &id, 100, LEDGERS, forward, NULL, 100000, row_is_known,
				   &rows, &more, next);
		expect_error(e, "account_txs");
		assert_true(e != ERR_NONE || (rows == txs_of(3, 100) && !more));
	}
	e = h->ledger(h->ctx, 150, &l);
	expect_error(e, "ledger");
	if (e == ERR_NONE) {
		assert_int_equal(l->header.seq, 150);
		ledger_unref(l);
	}
	if (tree_next(state, NULL, &key, &data) != FOUND)
		assert_true(failed);
	buf_close(&b);
}

/* The whole life of a process. */
static void live(void)
{
	struct tree_keys *keys = NULL;
	struct store *s = NULL;
	struct ledger *tip = NULL;
	struct why why = {""};
	bool more = true;
	enum err e = chain_store_open(&s, folder, 256, 1 << 20, &why);

	expect_error(e, "open");
	if (e != ERR_NONE)
		return;
	e = store_load_tip(s, &tip, &why);
	expect_error(e, "load_tip");
	if (e == ERR_NONE) {
		assert_memory_equal(tip->hash.b, committed->hash.b, 32);
		read_some(store_history(s), &tip->state);
		e = store_commit(s, chain.tip, tip, &keys, &why);
		expect_error(e, "commit");
		if (e == ERR_NONE)
			tree_keys_drop(keys);
		for (int i = 0; more && e == ERR_NONE; i++)
			e = store_prune(s, 40, &more, &why);
		expect_error(e, "prune");
		ledger_unref(tip);
	}
	store_close(s);
}

/* What it left behind, with no fault any more. */
static void expect_whole(bool must_have_committed)
{
	struct buf report = BUF_INIT;
	struct store *s;
	struct ledger *tip = NULL;
	struct why why = {""};

	fail_at = 0;
	if (chain_store_open(&s, folder, 256, 1 << 20, &why) != ERR_NONE ||
	    store_load_tip(s, &tip, &why) != ERR_NONE || store_verify(s, &report, &why) != ERR_NONE)
		fail_msg("%s", why.text);
	if (must_have_committed || !hash256_eq(&tip->hash, &committed->hash))
		assert_memory_equal(tip->hash.b, chain.tip->hash.b, 32);
	buf_close(&report);
	ledger_unref(tip);
	store_close(s);
}

static void run(uint64_t at, enum err with)
{
	copy_data(saved, folder);
	fail_at = at;
	fail_with = with;
	failed = false;
	calls = 0;
	live();
	expect_whole(at == 0);
}

static void every_call_may_fail_once(void **state)
{
	static const enum err kinds[] = {ERR_IO, ERR_CORRUPT, ERR_NO_SPACE};
	uint64_t all, step, runs = 0;

	(void)state;
	run(0, ERR_NONE);
	all = calls;
	/* Long rows of equal calls (headers, nodes) are sampled. */
	step = getenv("STORE_FAULTS_ALL") ? 1 : 1 + all / 300;
	for (uint64_t at = 1; at <= all; at += step) {
		run(at, kinds[at % 3]);
		runs++;
	}
	print_message("%llu calls, %llu of them failed\n", (unsigned long long)all,
		      (unsigned long long)runs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_call_may_fail_once),
	};

	return cmocka_run_group_tests(tests, prepare, clean_up);
}
