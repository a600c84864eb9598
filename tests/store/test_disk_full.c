/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "chain.h"
#include "store/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cmocka.h>

/* A disk without room: commits fail as ERR_NO_SPACE and change nothing, reads go on, and once there
 * is room the very same process commits again. On a small tmpfs of a mount namespace of our own,
 * and under RLIMIT_FSIZE, where LMDB says EIO instead of ENOSPC. */

static char folder[128];
static char mount_point[64];
static bool mounted;

static struct store *open_store(void)
{
	struct store *s;
	struct why why = {""};

	if (chain_store_open(&s, folder, 256, 1 << 20, &why) != ERR_NONE)
		fail_msg("%s", why.text);
	return s;
}

static enum err try_commit(struct store *s, const struct ledger *l, const struct ledger *last)
{
	struct tree_keys *keys;
	struct why why = {""};
	enum err e = store_commit(s, l, last, &keys, &why);

	if (e == ERR_NONE)
		tree_keys_publish(keys);
	else if (e != ERR_NO_SPACE)
		fail_msg("%s: %s", err_name(e), why.text);
	return e;
}

static void expect_state(struct store *s, uint32_t seq)
{
	const struct history *h = store_history(s);
	struct buf report = BUF_INIT;
	struct why why = {""};

	assert_int_equal(h->complete(h->ctx).last, seq);
	if (store_verify(s, &report, &why) != ERR_NONE)
		fail_msg("%s", why.text);
	buf_close(&report);
}

static uint64_t free_bytes(void)
{
	struct statvfs st;

	assert_int_equal(statvfs(folder, &st), 0);
	return (uint64_t)st.f_bavail * st.f_frsize;
}

/* Leaves so many bytes free. */
static void fill(const char *name, uint64_t leave)
{
	static uint8_t page[4096];
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	while (free_bytes() > leave)
		if (write(fd, page, sizeof(page)) != sizeof(page))
			break;
	close(fd);
}

static struct journal_record vote(uint32_t seq)
{
	static uint8_t bytes[100000];
	struct journal_record r = {.validation = bytes_of(bytes, sizeof(bytes)), .seq = seq};

	return r;
}

static void full_file_system(void **state)
{
	char filler[160];
	struct store *s;
	struct chain c;
	struct ledger *last;
	struct journal *j;
	struct journal_record r;
	struct why why = {""};
	int refused = 0, votes_refused = 0;
	uint32_t votes = 0;

	(void)state;
	if (!mounted) {
		print_message("SKIP: no mount namespace of our own here\n");
		skip();
	}
	snprintf(folder, sizeof(folder), "%s/node", mount_point);
	snprintf(filler, sizeof(filler), "%s/filler", mount_point);
	s = open_store();
	chain_init(&c, 1, 300, 20, store_node_source(s));
	assert_int_equal(try_commit(s, c.tip, NULL), ERR_NONE);
	assert_int_equal(journal_open(&j, folder, &why), ERR_NONE);
	for (uint64_t leave = 0; leave < 300000; leave += 4096) {
		enum err e;

		last = ledger_ref(c.tip);
		chain_next(&c);
		fill(filler, leave);
		e = try_commit(s, c.tip, last);
		r = vote(++votes);
		if (journal_write(j, &r, &why) == ERR_NO_SPACE) {
			votes_refused++;
			votes--;
		}
		if (e == ERR_NO_SPACE) {
			refused++;
			expect_state(s, last->header.seq);
			assert_int_equal(try_commit(s, c.tip, last), ERR_NO_SPACE);
			unlink(filler);
			assert_int_equal(try_commit(s, c.tip, last), ERR_NONE);
		}
		unlink(filler);
		ledger_unref(last);
		if (leave % 16384 == 0)
			expect_state(s, c.tip->header.seq);
		if (votes) {
			assert_int_equal(journal_read(j, &r, &why), ERR_NONE);
			assert_int_equal(r.seq, votes);
		}
	}
	print_message("%d commits and %d votes refused\n", refused, votes_refused);
	assert_true(refused >= 5);
	expect_state(s, c.tip->header.seq);
	journal_close(j);
	store_close(s);
	s = open_store();
	expect_state(s, c.tip->header.seq);
	chain_close(&c);
	store_close(s);
	chain_folder_remove(folder);
}

/* A store cannot even be made: nothing half made is in the way later. */
static void full_when_it_begins(void **state)
{
	struct store *s;
	struct why why = {""};
	char filler[160];
	int refused = 0;

	(void)state;
	if (!mounted)
		skip();
	snprintf(folder, sizeof(folder), "%s/new", mount_point);
	snprintf(filler, sizeof(filler), "%s/filler", mount_point);
	mkdir(folder, 0700);
	for (uint64_t leave = 0; leave < 120000; leave += 4096) {
		enum err e;

		fill(filler, leave);
		e = chain_store_open(&s, folder, 256, 1 << 20, &why);
		if (e != ERR_NONE && e != ERR_NO_SPACE)
			fail_msg("%s: %s", err_name(e), why.text);
		refused += e == ERR_NO_SPACE;
		if (e == ERR_NONE)
			store_close(s);
		unlink(filler);
		store_close(open_store());
		chain_folder_remove(folder);
		mkdir(folder, 0700);
	}
	assert_true(refused >= 3);
	chain_folder_remove(folder);
}

static void file_that_may_not_grow(void **state)
{
	struct rlimit was, tight;
	struct store *s;
	struct chain c;
	struct ledger *last;
	int refused = 0;

	(void)state;
	signal(SIGXFSZ, SIG_IGN); /* as the daemon does */
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	chain_folder_make(folder);
	s = open_store();
	chain_init(&c, 2, 300, 20, store_node_source(s));
	assert_int_equal(try_commit(s, c.tip, NULL), ERR_NONE);
	for (uint64_t room = 0; room < 200000; room += 3000) {
		enum err e;

		last = ledger_ref(c.tip);
		chain_next(&c);
		tight = was;
		tight.rlim_cur = store_bytes(s) + room;
		setrlimit(RLIMIT_FSIZE, &tight);
		e = try_commit(s, c.tip, last);
		if (e == ERR_NO_SPACE) {
			refused++;
			expect_state(s, last->header.seq);
			setrlimit(RLIMIT_FSIZE, &was);
			assert_int_equal(try_commit(s, c.tip, last), ERR_NONE);
		}
		setrlimit(RLIMIT_FSIZE, &was);
		ledger_unref(last);
	}
	print_message("%d commits refused\n", refused);
	assert_true(refused >= 5);
	expect_state(s, c.tip->header.seq);
	chain_close(&c);
	store_close(s);
	chain_folder_remove(folder);
}

/* A map that cannot grow for want of addresses counts as a full disk, too. */
static void map_that_may_not_grow(void **state)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(__has_feature)
	(void)state;
	skip(); /* sanitizers need all addresses there are */
#else
	struct rlimit was, tight;
	struct store *s;
	struct chain c;
	struct ledger *last;
	enum err e = ERR_NONE;
	long pages = 0;
	FILE *f;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_AS, &was), 0);
	chain_folder_make(folder);
	s = open_store();
	chain_init(&c, 3, 300, 200, store_node_source(s));
	assert_int_equal(try_commit(s, c.tip, NULL), ERR_NONE);
	for (int i = 0; i < 200 && e == ERR_NONE; i++) {
		last = ledger_ref(c.tip);
		chain_next(&c);
		f = fopen("/proc/self/statm", "r");
		assert_int_equal(fscanf(f, "%ld", &pages), 1);
		fclose(f);
		tight = was;
		tight.rlim_cur = (rlim_t)pages * 4096 + (1 << 20);
		setrlimit(RLIMIT_AS, &tight);
		e = try_commit(s, c.tip, last);
		setrlimit(RLIMIT_AS, &was);
		if (e == ERR_NO_SPACE) {
			expect_state(s, last->header.seq);
			assert_int_equal(try_commit(s, c.tip, last), ERR_NONE);
		}
		ledger_unref(last);
	}
	assert_int_equal(e, ERR_NO_SPACE);
	expect_state(s, c.tip->header.seq);
	chain_close(&c);
	store_close(s);
	chain_folder_remove(folder);
#endif
}

static int make_mount(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(mount_point, sizeof(mount_point), "%s/tally_full_XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(mount_point))
		return 1;
	mounted = (unshare(CLONE_NEWNS) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) &&
		  mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
		  mount("tmpfs", mount_point, "tmpfs", 0, "size=8m") == 0;
	return 0;
}

static int remove_mount(void **state)
{
	(void)state;
	if (mounted)
		umount2(mount_point, MNT_DETACH);
	rmdir(mount_point);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(full_file_system),
	    cmocka_unit_test(full_when_it_begins),
	    cmocka_unit_test(file_that_may_not_grow),
	    cmocka_unit_test(map_that_may_not_grow),
	};

	return cmocka_run_group_tests(tests, make_mount, remove_mount);
}
