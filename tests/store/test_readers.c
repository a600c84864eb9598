/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "chain.h"

#include <limits.h>
#include <lmdb.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* A reader of another process that was killed amid its snapshot: what it could see counts as in use
 * until its slot is cleared, and the file grows with every ledger. The store clears such slots
 * before it writes. A reader that lives shows what would be otherwise. */

#define LEDGERS 900

enum reader { NONE, KILLED, ALIVE };

/* Takes a snapshot, says so, and waits for its end. */
static void read_on(const char *folder, int tell)
{
	char path[PATH_MAX];
	MDB_env *env;
	MDB_txn *txn;

	snprintf(path, sizeof(path), "%s/data", folder);
	if (mdb_env_create(&env) || mdb_env_set_maxdbs(env, 8) ||
	    mdb_env_set_mapsize(env, 64u << 20) || mdb_env_open(env, path, MDB_RDONLY, 0) ||
	    mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) || write(tell, "r", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static pid_t start_reader(const char *folder)
{
	char byte;
	int fd[2];
	pid_t pid;

	assert_int_equal(pipe(fd), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		read_on(folder, fd[1]);
	close(fd[1]);
	assert_int_equal(read(fd[0], &byte, 1), 1);
	close(fd[0]);
	return pid;
}

static void stop_reader(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

static void add_ledgers(struct store *s, struct chain *c, uint32_t to)
{
	struct tree_keys *keys;
	struct why why = {""};
	bool more = true;

	while (c->tip->header.seq < to) {
		struct ledger *last = ledger_ref(c->tip);

		chain_next(c);
		if (store_commit(s, c->tip, last, &keys, &why) != ERR_NONE)
			fail_msg("%s", why.text);
		tree_keys_publish(keys);
		ledger_unref(last);
		for (more = true; more;)
			if (store_prune(s, 4000, &more, &why) != ERR_NONE)
				fail_msg("%s", why.text);
	}
}

/* The file's size in the end. The reader comes when pruning has long begun; the same process keeps
 * no map of its own while it forks. */
static uint64_t size_with(enum reader reader)
{
	struct tree_keys *keys;
	struct ledger *tip;
	struct store *s;
	struct chain c;
	struct why why = {""};
	char folder[128];
	uint64_t bytes;
	pid_t pid = -1;

	chain_folder_make(folder);
	assert_int_equal(chain_store_open(&s, folder, 256, 1 << 20, &why), ERR_NONE);
	chain_init(&c, 1, 80, 4, store_node_source(s));
	assert_int_equal(store_commit(s, c.tip, NULL, &keys, &why), ERR_NONE);
	tree_keys_publish(keys);
	add_ledgers(s, &c, 400);
	c.source = NULL;
	store_close(s);
	if (reader != NONE)
		pid = start_reader(folder);
	assert_int_equal(chain_store_open(&s, folder, 256, 1 << 20, &why), ERR_NONE);
	assert_int_equal(store_load_tip(s, &tip, &why), ERR_NONE);
	c.source = store_node_source(s);
	chain_replace_tip(&c, tip);
	if (reader == KILLED)
		stop_reader(pid);
	add_ledgers(s, &c, LEDGERS);
	bytes = store_bytes(s);
	if (reader == ALIVE)
		stop_reader(pid);
	chain_close(&c);
	store_close(s);
	chain_folder_remove(folder);
	return bytes;
}

static void a_dead_reader_holds_nothing(void **state)
{
	uint64_t none, killed, alive;

	(void)state;
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0); /* nothing here depends on a disk */
	none = size_with(NONE);
	killed = size_with(KILLED);
	alive = size_with(ALIVE);
	print_message("%llu bytes without a reader, %llu with a killed one, %llu with a live one\n",
		      (unsigned long long)none, (unsigned long long)killed,
		      (unsigned long long)alive);
	assert_true(killed <= none + none / 4);
	assert_true(alive > none * 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_dead_reader_holds_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
