/* SPDX-License-Identifier: ISC */
#include "os/notify.h"
#include "os/process.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* Sanitizers bring a malloc of their own, of which the C library knows nothing. */
#ifdef __clang__
#define OWN_MALLOC 0
#else
#define OWN_MALLOC 1
#endif

/* What a process knows of itself, and what it tells the service manager. */

static void facts_follow_what_happens(void **state)
{
	struct process_facts before, after;
	struct process_heap heap_before, heap_after;
	const size_t block = 32u << 20;
	volatile uint64_t work = 0;
	uint8_t *p;
	int fd;

	(void)state;
	process_facts_get(&before);
	process_heap_get(&heap_before);
	fd = open("/dev/null", O_RDONLY);
	p = malloc(block);
	assert_non_null(p);
	memset(p, 1, block);
	for (int i = 0; i < 50000000; i++)
		work += (uint64_t)i;
	assert_true(work > 0);
	process_facts_get(&after);
	process_heap_get(&heap_after);
	assert_int_equal(after.descriptors, before.descriptors + 1);
	assert_true(after.descriptors_max >= after.descriptors);
	assert_int_equal(after.threads, before.threads);
	assert_true(before.threads >= 1);
	assert_true(after.resident_bytes >= before.resident_bytes + block / 2);
	assert_true(after.virtual_bytes >= after.resident_bytes);
	assert_true(after.user_us + after.system_us > before.user_us + before.system_us);
	if (OWN_MALLOC)
		assert_true(heap_after.used_bytes >= heap_before.used_bytes + block);
	assert_true(after.anonymous_bytes >= before.anonymous_bytes + block / 2);
	assert_true(after.resident_bytes > after.anonymous_bytes);
	free(p);
	close(fd);
}

static int listen_at(const char *path, size_t n)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	memcpy(a.sun_path, path, n);
	assert_int_equal(bind(fd, (struct sockaddr *)&a,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)),
			 0);
	return fd;
}

static void expect(int fd, const char *lines)
{
	char got[256];
	ssize_t n = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);

	assert_true(n >= 0);
	got[n] = '\0';
	assert_string_equal(got, lines);
}

static void the_manager_is_told(void **state)
{
	char folder[] = "/tmp/tally_notify_XXXXXX", path[64], name[64];
	int fd;

	(void)state;
	unsetenv("NOTIFY_SOCKET");
	assert_false(notify_send("READY=1")); /* nobody asked to be told */
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/socket", folder);
	setenv("NOTIFY_SOCKET", path, 1);
	assert_false(notify_send("READY=1")); /* nobody is there */
	fd = listen_at(path, strlen(path));
	assert_true(notify_send("READY=1\nSTATUS=full"));
	expect(fd, "READY=1\nSTATUS=full");
	close(fd);
	unlink(path);
	rmdir(folder);

	snprintf(name, sizeof(name), "@tally-test-%d", (int)getpid());
	setenv("NOTIFY_SOCKET", name, 1);
	name[0] = '\0';
	fd = listen_at(name, 1 + strlen(name + 1));
	assert_true(notify_send("WATCHDOG=1"));
	expect(fd, "WATCHDOG=1");
	close(fd);
	setenv("NOTIFY_SOCKET", "relative/path", 1);
	assert_false(notify_send("READY=1"));
	unsetenv("NOTIFY_SOCKET");
}

static void a_watchdog_of_another_process_is_not_ours(void **state)
{
	char pid[16];

	(void)state;
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	assert_int_equal(notify_watchdog_ms(), 0);
	setenv("WATCHDOG_USEC", "90000000", 1);
	assert_int_equal(notify_watchdog_ms(), 45000);
	setenv("WATCHDOG_PID", "1", 1);
	assert_int_equal(notify_watchdog_ms(), 0);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	assert_int_equal(notify_watchdog_ms(), 45000);
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(facts_follow_what_happens),
	    cmocka_unit_test(the_manager_is_told),
	    cmocka_unit_test(a_watchdog_of_another_process_is_not_ours),
	};

	return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
