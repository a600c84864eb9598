/* SPDX-License-Identifier: ISC */
#include "os/clock.h"
#include "os/entropy.h"
#include "os/file.h"
#include "os/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* Each test runs in a fresh folder. */
static char dir[] = "/tmp/tally-os-XXXXXX";

static char *at(const char *name)
{
	static char path[4][256];
	static unsigned turn;
	char *p = path[turn++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return p;
}

static int make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/tally-os-XXXXXX");
	return mkdtemp(dir) ? 0 : 1;
}

static int remove_dir(void **state)
{
	static const char *const names[] = {"a",   "a.tmp",   "big", "log",  "lock",
					    "sub", "log.old", "key", "fifo", "link"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (remove(at(names[i])) != 0)
			continue;
	return rmdir(dir);
}

static void entropy_differs(void **state)
{
	uint8_t a[64] = {0}, b[64] = {0}, *big = calloc(1, 1 << 20);
	size_t zeros = 0;

	(void)state;
	entropy_fill(a, sizeof(a));
	entropy_fill(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	entropy_fill(big, 1 << 20);
	for (size_t i = 0; i < 1 << 20; i++)
		zeros += big[i] == 0;
	assert_in_range(zeros, 3500, 4700); /* 4096 expected, sigma 64 */
	entropy_fill(NULL, 0);
	free(big);
}

static void clocks_agree(void **state)
{
	struct timespec nap = {.tv_nsec = 30000000};
	struct steady before = clock_steady();
	uint64_t unix_ms = clock_unix_ms(), cpu = clock_cpu_ns();
	int64_t passed;

	(void)state;
	nanosleep(&nap, NULL);
	passed = steady_since(before, clock_steady());
	assert_true(passed >= 29 && passed < 20000);
	assert_true(clock_unix_ms() >= unix_ms);
	assert_true((uint64_t)clock_net().s + LEDGER_EPOCH_UNIX >= unix_ms / 1000);
	assert_true((uint64_t)clock_net().s + LEDGER_EPOCH_UNIX <= clock_unix_ms() / 1000 + 1);
	assert_true(clock_cpu_ns() >= cpu);
	assert_true(clock_now().steady.ms >= before.ms);
}

static void files_round_trip(void **state)
{
	struct buf b = BUF_INIT;
	struct stat st;
	struct why why;

	(void)state;
	assert_int_equal(file_read(&b, at("a"), 100, &why), ERR_ABSENT);
	assert_non_null(strstr(why.text, "/a: "));
	assert_int_equal(file_write(at("a"), bytes_str("one"), 0600, &why), 0);
	assert_int_equal(file_write(at("a"), bytes_str("three"), 0600, &why), 0);
	buf_put(&b, "<", 1);
	assert_int_equal(file_read(&b, at("a"), 5, &why), 0);
	assert_true(bytes_eq(buf_bytes(&b), bytes_str("<three")));
	assert_int_equal(file_read(&b, at("a"), 4, &why), ERR_TOO_LARGE);
	assert_int_equal(b.n, 6);
	assert_int_equal(stat(at("a"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_not_equal(access(at("a.tmp"), F_OK), 0);
	assert_int_equal(file_write_new(at("a"), bytes_str("x"), 0600, &why), ERR_DUPLICATE);
	assert_int_equal(file_write_new(at("key"), bytes_str("x"), 0400, &why), 0);
	assert_int_equal(file_write(at("none/a"), bytes_str("x"), 0600, &why), ERR_ABSENT);
	assert_int_equal(file_read(&b, dir, 100, &why), ERR_INVALID);
	buf_close(&b);
}

static void large_files_are_read_whole(void **state)
{
	struct buf big = BUF_INIT, back = BUF_INIT;

	(void)state;
	for (uint32_t i = 0; i < 100000; i++)
		buf_put_be32(&big, i * 2654435761u);
	assert_int_equal(file_write(at("big"), buf_bytes(&big), 0600, NULL), 0);
	assert_int_equal(file_read(&back, at("big"), big.n, NULL), 0);
	assert_true(bytes_eq(buf_bytes(&back), buf_bytes(&big)));
	buf_close(&big);
	buf_close(&back);
}

static void secrets_must_be_private(void **state)
{
	static const unsigned bad[] = {0640, 0604, 0620, 0660, 0601};
	struct buf b = BUF_INIT;
	struct why why;

	(void)state;
	assert_int_equal(file_write(at("key"), bytes_str("s"), 0600, &why), 0);
	assert_int_equal(file_read_secret(&b, at("key"), 10, &why), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(chmod(at("key"), bad[i]), 0);
		assert_int_equal(file_read_secret(&b, at("key"), 10, &why), ERR_PERMISSION);
	}
	assert_int_equal(mkfifo(at("fifo"), 0600), 0);
	assert_int_equal(file_read_secret(&b, at("fifo"), 10, &why), ERR_INVALID);
	buf_close(&b);
}

static void folders(void **state)
{
	uint64_t left, total;
	struct why why;

	(void)state;
	assert_int_equal(file_create_dir(at("sub"), &why), 0);
	assert_int_equal(file_create_dir(at("sub"), &why), 0);
	assert_int_equal(file_write(at("a"), bytes_str(""), 0600, &why), 0);
	assert_int_equal(file_create_dir(at("a"), &why), ERR_INVALID);
	assert_int_equal(file_create_dir(at("none/sub"), &why), ERR_ABSENT);
	assert_int_equal(file_sync_dir(at("sub"), &why), 0);
	assert_int_equal(file_sync_dir(at("none"), &why), ERR_ABSENT);
	assert_int_equal(file_free_space(&left, &total, dir, &why), 0);
	assert_true(total > 0 && left <= total);
	assert_int_equal(file_free_space(&left, &total, at("none"), &why), ERR_ABSENT);
}

static void lock_is_exclusive_and_ends_with_its_process(void **state)
{
	struct file_lock mine = FILE_LOCK_INIT, other = FILE_LOCK_INIT;
	char pid_text[32];
	struct why why;
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) /* takes it and dies without dropping it */
		_exit(file_lock_take(&other, at("lock"), NULL) == ERR_NONE ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(file_lock_take(&mine, at("lock"), &why), 0);
	assert_int_equal(file_lock_take(&other, at("lock"), &why), ERR_BUSY);
	snprintf(pid_text, sizeof(pid_text), "process %ld", (long)getpid());
	assert_non_null(strstr(why.text, pid_text));
	file_lock_drop(&mine);
	file_lock_drop(&mine);
	assert_int_equal(file_lock_take(&other, at("lock"), &why), 0);
	file_lock_drop(&other);
}

static void *log_many(void *arg)
{
	for (int i = 0; i < 500; i++)
		log_line(LOG_INFO, "test", "thread %s line %d of many", (const char *)arg, i);
	return NULL;
}

static void log_lines_are_whole(void **state)
{
	char names[4][2] = {"A", "B", "C", "D"}, *line;
	struct buf b = BUF_INIT;
	pthread_t threads[4];
	size_t lines = 0;

	(void)state;
	assert_int_equal(log_open(at("log"), NULL), 0);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, log_many, names[i]);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(file_read(&b, at("log"), 1 << 20, NULL), 0);
	buf_put_u8(&b, 0);
	for (line = strtok((char *)b.p, "\n"); line; line = strtok(NULL, "\n"), lines++) {
		int y, mo, d, h, mi, s, ms, n;
		char which;

		assert_int_equal(sscanf(line,
					"%4d-%2d-%2dT%2d:%2d:%2d.%3dZ INFO  test: thread %c line "
					"%d of many",
					&y, &mo, &d, &h, &mi, &s, &ms, &which, &n),
				 9);
		assert_in_range(which, 'A', 'D');
	}
	assert_int_equal(lines, 2000);
	assert_int_equal(log_open(NULL, NULL), 0);
	buf_close(&b);
}

static void log_cannot_be_forged_and_is_filtered(void **state)
{
	char large[2 * LOG_LINE_MAX];
	struct buf b = BUF_INIT;
	enum log_level level;
	struct why why;
	char *text;

	(void)state;
	assert_int_equal(log_open(at("none/log"), &why), ERR_IO);
	assert_int_equal(log_open(at("log"), &why), 0);
	log_line(LOG_WARN, "net", "peer says \"x\n2026 ERROR forged\x7F\"");
	log_line(LOG_DEBUG, "net", "not seen");
	log_set_level(NULL, LOG_DEBUG);
	assert_true(log_enabled(LOG_DEBUG, "net"));
	log_line(LOG_DEBUG, "net", "seen");
	log_set_level(NULL, LOG_ERROR);
	log_line(LOG_WARN, "net", "not seen either");
	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	log_line(LOG_ERROR, "net", "%s", large);
	assert_int_equal(rename(at("log"), at("log.old")), 0); /* as log rotation does */
	assert_int_equal(log_open(at("log"), &why), 0);
	log_line(LOG_ERROR, "net", "after rotation");
	assert_int_equal(log_open(NULL, &why), 0);
	log_set_level(NULL, LOG_INFO);

	assert_int_equal(file_read(&b, at("log.old"), 1 << 20, NULL), 0);
	buf_put_u8(&b, 0);
	text = (char *)b.p;
	assert_non_null(strstr(text, "WARN  net: peer says \"x\\x0A2026 ERROR forged\\x7F\"\n"));
	assert_non_null(strstr(text, "DEBUG net: seen\n"));
	assert_null(strstr(text, "not seen"));
	assert_null(strstr(text, "after rotation"));
	assert_string_equal(text + strlen(text) - 4, "...\n");
	buf_clear(&b);
	assert_int_equal(file_read(&b, at("log"), 1 << 20, NULL), 0);
	assert_int_equal(b.p[b.n - 1], '\n');
	buf_close(&b);
	assert_true(log_level_parse(&level, "debug") && level == LOG_DEBUG);
	assert_false(log_level_parse(&level, "loud"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(entropy_differs),
	    cmocka_unit_test(clocks_agree),
	    TEST(files_round_trip),
	    TEST(large_files_are_read_whole),
	    TEST(secrets_must_be_private),
	    TEST(folders),
	    TEST(lock_is_exclusive_and_ends_with_its_process),
	    TEST(log_lines_are_whole),
	    TEST(log_cannot_be_forged_and_is_filtered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
