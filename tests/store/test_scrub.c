/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "chain.h"

#include <limits.h>
#include <lmdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* The slow check beside the node's work: it finds what is damaged, raises no alarm while ledgers
 * are added and pruned, and what is found is kept from being voted on. */

#define ACCOUNTS 60

static char folder[128];
static struct chain chain;

static struct store *open_store(void)
{
	struct store *s;
	struct why why = {""};

	if (chain_store_open(&s, folder, 256, 1 << 20, &why) != ERR_NONE)
		fail_msg("%s", why.text);
	return s;
}

static void add_ledgers(struct store *s, uint32_t n)
{
	struct tree_keys *keys;
	struct why why = {""};

	while (n--) {
		struct ledger *last = ledger_ref(chain.tip);

		chain_next(&chain);
		if (store_commit(s, chain.tip, last, &keys, &why) != ERR_NONE)
			fail_msg("%s", why.text);
		tree_keys_publish(keys);
		ledger_unref(last);
	}
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
	s = open_store();
	chain_init(&chain, 1, ACCOUNTS, 4, store_node_source(s));
	assert_int_equal(store_commit(s, chain.tip, NULL, &keys, &why), ERR_NONE);
	tree_keys_publish(keys);
	add_ledgers(s, 30);
	store_close(s);
	return 0;
}

static int clean_up(void **state)
{
	(void)state;
	chain_close(&chain);
	chain_folder_remove(folder);
	return 0;
}

/* One whole pass. */
static enum err scrub(struct store *s, uint32_t budget, struct why *why)
{
	struct store_scrub *c = store_scrub_new(s);
	uint32_t before = 0;
	bool done = false;
	enum err e = ERR_NONE;

	while (e == ERR_NONE && !done) {
		struct store_scrub_progress p;

		e = store_scrub_step(c, budget, &done, why);
		p = store_scrub_progress(c);
		if (!done && e == ERR_NONE) {
			assert_true(p.permille >= before && p.permille <= 1000);
			assert_int_equal(p.ledger, chain.tip->header.seq);
			before = p.permille;
		}
	}
	if (e == ERR_NONE)
		assert_int_equal(store_scrub_progress(c).passes, 1);
	store_scrub_free(c);
	return e;
}

static void a_sound_store_passes(void **state)
{
	static const uint32_t budgets[] = {1, 7, 100000};
	struct store *s = open_store();
	struct why why = {""};

	(void)state;
	for (size_t i = 0; i < 3; i++)
		if (scrub(s, budgets[i], &why) != ERR_NONE)
			fail_msg("%s", why.text);
	store_close(s);
}

static void nothing_to_check_is_no_damage(void **state)
{
	struct store_scrub *c;
	struct store *s;
	char empty[128];
	bool done;

	(void)state;
	chain_folder_make(empty);
	assert_int_equal(chain_store_open(&s, empty, 256, 1 << 20, NULL), ERR_NONE);
	c = store_scrub_new(s);
	assert_int_equal(store_scrub_step(c, 10, &done, NULL), ERR_NONE);
	assert_true(done);
	store_scrub_free(c);
	store_close(s);
	chain_folder_remove(empty);
}

/* ---- damage, put into rows by LMDB itself ---- */

enum how { FLIP, DELETE };

/* Does it to the row number `at` of a table; false when there are fewer. Doing FLIP again takes it
 * back. */
static bool harm(const char *table, enum how how, size_t at)
{
	char path[PATH_MAX];
	MDB_cursor *cur;
	MDB_env *env;
	MDB_txn *txn;
	MDB_val k, v, copy;
	MDB_dbi dbi;
	int rc;

	snprintf(path, sizeof(path), "%s/data", folder);
	assert_int_equal(mdb_env_create(&env), 0);
	mdb_env_set_maxdbs(env, 8);
	mdb_env_set_mapsize(env, 64u << 20);
	assert_int_equal(mdb_env_open(env, path, 0, 0640), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, table, 0, &dbi), 0);
	assert_int_equal(mdb_cursor_open(txn, dbi, &cur), 0);
	rc = mdb_cursor_get(cur, &k, &v, MDB_FIRST);
	while (!rc && at--)
		rc = mdb_cursor_get(cur, &k, &v, MDB_NEXT);
	if (!rc && how == DELETE) {
		assert_int_equal(mdb_cursor_del(cur, 0), 0);
	} else if (!rc) {
		copy = (MDB_val){v.mv_size, malloc(v.mv_size)};
		memcpy(copy.mv_data, v.mv_data, v.mv_size);
		((uint8_t *)copy.mv_data)[v.mv_size / 2] ^= 4;
		assert_int_equal(mdb_cursor_put(cur, &k, &copy, MDB_CURRENT), 0);
		free(copy.mv_data);
	}
	mdb_cursor_close(cur);
	assert_int_equal(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
	return rc == 0;
}

/* A node that the tip does not need is not looked at. */
static bool tip_is_whole(struct store *s)
{
	struct ledger *l;
	bool whole = store_load_tip(s, &l, NULL) == ERR_NONE && tree_check(&l->state, NULL);

	ledger_unref(l);
	return whole;
}

static void flipped(const char *table, size_t step, bool always)
{
	struct why why = {""};
	size_t found = 0, tried = 0;

	for (size_t at = 0; harm(table, FLIP, at); at += step) {
		struct store *s = open_store();
		enum err e = scrub(s, 50, &why);

		tried++;
		found += e == ERR_CORRUPT;
		if (e != ERR_CORRUPT && (always || !tip_is_whole(s)))
			fail_msg("%s, row %zu: %s", table, at, err_name(e));
		store_close(s);
		assert_true(harm(table, FLIP, at));
	}
	print_message("%s: %zu of %zu found\n", table, found, tried);
	assert_true(found > 0);
}

static void damage_is_found(void **state)
{
	(void)state;
	flipped("nodes", 5, false);
	flipped("headers", 3, true);
	flipped("hashes", 3, true);
	flipped("txs", 9, true);
	flipped("tx_ids", 1, true);
	flipped("account_txs", 1, true);
	a_sound_store_passes(state);
}

static void rows_that_are_gone_are_missed(void **state)
{
	static const char *const tables[] = {"hashes", "txs", "tx_ids", "account_txs", "headers"};
	char command[400];

	(void)state;
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		struct store *s;
		struct why why = {""};

		snprintf(command, sizeof(command), "cp '%s/data/data.mdb' '%s/votes.tmp'", folder,
			 folder);
		assert_int_equal(system(command), 0);
		assert_true(harm(tables[i], DELETE, 0));
		s = open_store();
		if (scrub(s, 50, &why) != ERR_CORRUPT)
			fail_msg("%s", tables[i]);
		assert_true(why.text[0] != '\0');
		store_close(s);
		snprintf(command, sizeof(command), "mv '%s/votes.tmp' '%s/data/data.mdb'", folder,
			 folder);
		assert_int_equal(system(command), 0);
	}
	a_sound_store_passes(state);
}

/* What is found is refused until it was set aside; then the store begins anew. */
static void damage_is_kept_from_use(void **state)
{
	struct buf where = BUF_INIT;
	struct store *s;
	struct stat st;
	struct why why = {""};
	char path[700];

	(void)state;
	assert_int_equal(store_note_damage(folder, "a node is not itself", &why), ERR_NONE);
	assert_int_equal(chain_store_open(&s, folder, 256, 1 << 20, &why), ERR_CORRUPT);
	assert_non_null(strstr(why.text, "a node is not itself"));
	assert_int_equal(store_clear_damage(folder, &why), ERR_NONE);
	store_close(open_store());
	assert_int_equal(store_clear_damage(folder, &why), ERR_NONE);
	assert_int_equal(store_note_damage(folder, "a node is not itself", &why), ERR_NONE);
	assert_int_equal(store_set_aside(folder, &where, &why), ERR_NONE);
	buf_put_u8(&where, 0);
	assert_non_null(strstr((char *)where.p, "/data.damaged-1"));
	assert_int_equal(stat((char *)where.p, &st), 0);
	s = open_store();
	assert_int_equal(store_history(s)->complete(store_history(s)->ctx).last, 0);
	store_close(s);
	/* And back, which is what one may do when it was a false alarm. */
	snprintf(path, sizeof(path), "rm -r '%s/data' && mv '%s' '%s/data'", folder,
		 (char *)where.p, folder);
	assert_int_equal(system(path), 0);
	buf_close(&where);
	a_sound_store_passes(state);
}

/* Last, since it changes the chain. */
static void no_alarm_while_the_node_works(void **state)
{
	struct store *s = open_store();
	struct store_scrub *c = store_scrub_new(s);
	struct ledger *tip;
	struct why why = {""};
	uint32_t passes = 0;
	bool done, more;

	(void)state;
	assert_int_equal(store_load_tip(s, &tip, &why), ERR_NONE);
	chain.source = store_node_source(s);
	chain_replace_tip(&chain, tip);
	for (int i = 0; i < 700; i++) {
		add_ledgers(s, 1);
		if (store_prune(s, 60, &more, &why) != ERR_NONE ||
		    store_scrub_step(c, 25, &done, &why) != ERR_NONE)
			fail_msg("%s", why.text);
		passes += done;
	}
	assert_true(passes >= 1);
	assert_true(store_history(s)->complete(store_history(s)->ctx).first > 256);
	store_scrub_free(c);
	store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_sound_store_passes),
	    cmocka_unit_test(nothing_to_check_is_no_damage),
	    cmocka_unit_test(damage_is_found),
	    cmocka_unit_test(rows_that_are_gone_are_missed),
	    cmocka_unit_test(damage_is_kept_from_use),
	    cmocka_unit_test(no_alarm_while_the_node_works),
	};

	return cmocka_run_group_tests(tests, prepare, clean_up);
}
