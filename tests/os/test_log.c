/* SPDX-License-Identifier: ISC */

/* The log: its two formats, levels by area, and that nobody who logs waits for a disk or a pipe. */
#include "base/bytes.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/log_impl.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define AT   1795232832123ull

static char dir[32];

static char *at(const char *name)
{
	static char path[4][128];
	static unsigned turn;
	char *p = path[turn++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return p;
}

static int make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/tally-log-XXXXXX");
	return mkdtemp(dir) ? 0 : 1;
}

static int remove_dir(void **state)
{
	char command[64];

	(void)state;
	log_stop(5000);
	log_set_format(LOG_TEXT);
	log_set_level(NULL, LOG_INFO);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return log_open(NULL, NULL) == ERR_NONE ? system(command) : 1;
}

/* ---- Formats */

static const uint8_t hash[] = {0xAB, 0x00, 0x12};

static void is_line(enum log_format format, const char *msg, size_t n, const struct log_field *f,
		    const char *wanted)
{
	char line[LOG_LINE_MAX + 1];

	line[log_format_line(line, format, AT, LOG_WARN, "net", msg, n, f)] = '\0';
	assert_string_equal(line, wanted);
}

static void text_lines(void **state)
{
	const struct log_field f[] = {
	    F_TEXT("address", "127.0.0.1:1"),
	    F_TEXT("reason", "say \"no\"\n"),
	    F_NUMBER("n", 7),
	    F_SIGNED("offset", -3),
	    F_BOOL("inbound", true),
	    F_HEX("hash", hash, 3),
	    F_TEXT("none", NULL),
	    F_TEXT("empty", ""),
	};

	(void)state;
	is_line(LOG_TEXT, "a\x1B[31mb", 0, NULL,
		"2026-11-21T03:47:12.123Z WARN  net: a\\x1B[31mb\n");
	is_line(LOG_TEXT, "refused", N(f), f,
		"2026-11-21T03:47:12.123Z WARN  net: refused address=127.0.0.1:1 "
		"reason=\"say \\\"no\\\"\\\\x0A\" n=7 offset=-3 inbound=true hash=AB0012 "
		"empty=\"\"\n");
}

static void json_lines(void **state)
{
	const struct log_field f[] = {
	    F_TEXT("address", "127.0.0.1:1"),
	    F_TEXT("reason", "say \"no\"\n"),
	    F_NUMBER("n", 7),
	    F_SIGNED("offset", -3),
	    F_BOOL("inbound", false),
	    F_HEX("hash", hash, 3),
	    F_TEXT("none", NULL),
	};

	(void)state;
	is_line(LOG_JSON, "a \"b\"", 0, NULL,
		"{\"ts\":\"2026-11-21T03:47:12.123Z\",\"level\":\"warn\",\"area\":\"net\","
		"\"msg\":\"a \\\"b\\\"\"}\n");
	is_line(
	    LOG_JSON, "refused", N(f), f,
	    "{\"ts\":\"2026-11-21T03:47:12.123Z\",\"level\":\"warn\",\"area\":\"net\","
	    "\"msg\":\"refused\",\"address\":\"127.0.0.1:1\",\"reason\":\"say \\\"no\\\"\\\\x0A\","
	    "\"n\":7,\"offset\":-3,\"inbound\":false,\"hash\":\"AB0012\"}\n");
}

/* Control characters of both halves, what turns the direction of writing, and what is no UTF-8. */
static void characters_of_strangers(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
	    {"\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80", "\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80"},
	    {"\xC2\x9B[2J", "\\xC2\\x9B[2J"},
	    {"\xE2\x80\xAE", "\\xE2\\x80\\xAE"},
	    {"\xE2\x80\xA8", "\\xE2\\x80\\xA8"},
	    {"\xFF\x80", "\\xFF\\x80"},
	    {"\xC3", "\\xC3"},
	    {"\xE2\x82", "\\xE2\\x82"},
	    {"\xC0\xAF", "\\xC0\\xAF"},
	    {"\xE0\x80\xAF", "\\xE0\\x80\\xAF"},
	    {"\xED\xA0\x80", "\\xED\\xA0\\x80"},
	    {"\xF4\x90\x80\x80", "\\xF4\\x90\\x80\\x80"},
	    {"\r\n\t\x7F", "\\x0D\\x0A\\x09\\x7F"},
	};
	char wanted[128];

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		snprintf(wanted, sizeof(wanted), "2026-11-21T03:47:12.123Z WARN  net: %s\n",
			 cases[i].out);
		is_line(LOG_TEXT, cases[i].in, 0, NULL, wanted);
	}
}

/* However long its parts are, a line has its limit, and JSON stays JSON. */
static void long_lines(void **state)
{
	static char large[3 * LOG_LINE_MAX], line[LOG_LINE_MAX + 1];
	struct log_field f[LOG_FIELDS_MAX];
	size_t n, i, quotes;

	(void)state;
	memset(large, '"', sizeof(large) - 1);
	for (i = 0; i < N(f); i++)
		f[i] = F_TEXT("key", large + i);
	for (size_t fields = 0; fields <= N(f); fields++) {
		for (int form = LOG_TEXT; form <= LOG_JSON; form++) {
			n = log_format_line(line, (enum log_format)form, AT, LOG_ERROR, "net",
					    large, fields, f);
			assert_true(n > LOG_LINE_MAX / 2 && n <= LOG_LINE_MAX);
			assert_int_equal(line[n - 1], '\n');
			assert_null(memchr(line, '\n', n - 1));
			line[n] = '\0';
			assert_non_null(strstr(line, "..."));
		}
		assert_string_equal(line + n - 3, "\"}\n");
		for (i = quotes = 0; i < n; i++) {
			quotes += line[i] == '"';
			i += line[i] == '\\';
		}
		assert_int_equal(quotes % 4, 0); /* every key and every value is closed */
	}
}

static void urls_without_secrets(void **state)
{
	static const char *const cases[][2] = {
	    {"https://user:pass@vl.example.com/list?token=x#y", "https://vl.example.com/list"},
	    {"https://a@b:secret@host:8080/", "https://host:8080/"},
	    {"http://[::1]:80/p@th", "http://[::1]:80/p@th"},
	    {"http://host", "http://host"},
	    {"user:pass@host", "host"},
	    {"https://u:p/w@host", "https://u:p/w@host"}, /* its host is u */
	    {"", ""},
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++)
		assert_string_equal(log_url(cases[i][0]).s, cases[i][1]);
}

/* ---- Levels */

static char *text_of(const char *name)
{
	static struct buf b;

	buf_clear(&b);
	assert_int_equal(file_read(&b, at(name), 64 << 20, NULL), ERR_NONE);
	buf_put_u8(&b, 0);
	return (char *)b.p;
}

static void levels_by_area(void **state)
{
	uint64_t before[LOG_LEVEL_COUNT], after[LOG_LEVEL_COUNT];
	uint32_t i;

	(void)state;
	assert_int_equal(log_open(at("log"), NULL), ERR_NONE);
	log_counts(before);
	assert_true(log_set_level("net", LOG_DEBUG));
	assert_true(log_set_level("rpc", LOG_ERROR));
	assert_false(log_set_level("nowhere", LOG_DEBUG));
	assert_int_equal(log_level_of("net"), LOG_DEBUG);
	assert_int_equal(log_level_of(NULL), LOG_INFO);
	log_line(LOG_DEBUG, "net", "one");
	log_fields(LOG_DEBUG, "node", "two", F_NUMBER("n", 2));
	log_line(LOG_WARN, "rpc", "three");
	log_fields(LOG_INFO, "node", "four", F_NUMBER("n", 4));
	log_line(LOG_INFO, "elsewhere", "five");
	log_counts(after);
	assert_int_equal(after[LOG_DEBUG] - before[LOG_DEBUG], 1);
	assert_int_equal(after[LOG_INFO] - before[LOG_INFO], 2);
	assert_int_equal(after[LOG_WARN] - before[LOG_WARN], 0);
	assert_non_null(strstr(text_of("log"), "DEBUG net: one\n"));
	assert_non_null(strstr(text_of("log"), "INFO  node: four n=4\n"));
	assert_non_null(strstr(text_of("log"), "INFO  elsewhere: five\n"));
	assert_null(strstr(text_of("log"), "two"));
	assert_null(strstr(text_of("log"), "three"));
	assert_true(log_set_level(NULL, LOG_WARN));
	for (i = 0; log_area(i); i++)
		assert_int_equal(log_level_of(log_area(i)), LOG_WARN);
	assert_true(i > 4);
}

/* ---- The queue */

static void flood(uint32_t lines)
{
	for (uint32_t i = 0; i < lines; i++)
		log_fields(LOG_INFO, "test", "a line of a flood that is as long as others are",
			   F_NUMBER("i", i));
}

/* Numbers of lines of the flood, which rise; the sum of the lines that were lost is added. */
static uint32_t count_flood(char *text, uint64_t *lost)
{
	char *line, *save = NULL, *value;
	uint32_t lines = 0;
	long last = -1, i;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		assert_true(!strncmp(line, "20", 2));
		value = strstr(line, " lines=");
		if (value) {
			*lost += strtoull(value + 7, NULL, 10);
			continue;
		}
		value = strstr(line, " i=");
		assert_non_null(value);
		i = strtol(value + 3, NULL, 10);
		assert_true(i > last);
		last = i;
		lines++;
	}
	return lines;
}

/* A pipe that nobody reads for a while: whoever logs goes on, and what was lost is said. */
static void a_pipe_that_is_not_read(void **state)
{
	uint64_t lost = 0, before = log_dropped();
	struct steady began = clock_steady();
	struct buf b = BUF_INIT;
	char part[4096];
	char *end = NULL;
	int fd;

	(void)state;
	assert_int_equal(mkfifo(at("log"), 0600), 0);
	fd = open(at("log"), O_RDONLY | O_NONBLOCK);
	assert_true(fd >= 0);
	assert_int_equal(log_open(at("log"), NULL), ERR_NONE);
	assert_true(log_start());
	flood(20000);
	assert_true(steady_since(began, clock_steady()) < 5000);
	assert_true(log_dropped() - before > 5000);
	began = clock_steady();
	log_flush(50);
	assert_in_range(steady_since(began, clock_steady()), 49, 5000);
	while (!end && steady_since(began, clock_steady()) < 30000) { /* now somebody does */
		ssize_t n = read(fd, part, sizeof(part));

		if (n > 0) {
			buf_put(&b, part, (size_t)n);
			end = memmem(b.p, b.n, "test: end\n", 10);
		} else {
			log_flush(5000);
			log_line(LOG_INFO, "test", "end");
		}
	}
	assert_non_null(end);

	*(char *)memrchr(b.p, '\n', (size_t)(end - (char *)b.p)) = '\0';
	assert_int_equal(count_flood((char *)b.p, &lost) + lost, 20000);
	assert_int_equal(lost, log_dropped() - before);
	buf_close(&b);
	close(fd);
}

/* One that is never read again does not hold up the end of the program. */
static void a_pipe_that_is_never_read(void **state)
{
	struct steady began;
	int fd;

	(void)state;
	assert_int_equal(mkfifo(at("log"), 0600), 0);
	assert_int_equal(log_open(at("log"), NULL), ERR_IO); /* no reader: said, not waited for */
	fd = open(at("log"), O_RDONLY | O_NONBLOCK);
	assert_int_equal(log_open(at("log"), NULL), ERR_NONE);
	assert_true(log_start());
	flood(2000); /* more than the pipe holds, less than the queue does */
	began = clock_steady();
	log_flush(100);
	assert_in_range(steady_since(began, clock_steady()), 99, 5000);
	/* another sink does not wait for the old one either */
	assert_int_equal(log_open(at("other"), NULL), ERR_NONE);
	close(fd); /* the write that hangs fails: it goes on with the new one */
	log_flush(5000);
	assert_non_null(strstr(text_of("other"), " i=1999\n"));
}

static void a_full_disk(void **state)
{
	uint64_t before = log_dropped(), lost = 0;

	(void)state;
	if (access("/dev/full", W_OK))
		skip();
	assert_int_equal(log_open("/dev/full", NULL), ERR_NONE);
	flood(10);
	assert_int_equal(log_dropped() - before, 10);
	assert_true(log_start());
	flood(300);
	log_flush(5000);
	assert_int_equal(log_dropped() - before, 310);
	assert_int_equal(log_open(at("log"), NULL), ERR_NONE);
	flood(1);
	log_flush(5000);
	assert_int_equal(count_flood(text_of("log"), &lost), 1);
	assert_int_equal(lost, 310);
}

static void *flood_slowly(void *arg)
{
	(void)arg;
	for (int i = 0; i < 1000; i++) {
		log_line(LOG_INFO, "test", "a line");
		if (i % 50 == 0)
			usleep(500);
	}
	return NULL;
}

/* Rotation under four threads that log: no line is lost, none is there twice. */
static void rotation(void **state)
{
	uint64_t before = log_dropped();
	pthread_t threads[4];
	size_t lines = 0;
	char name[16];

	(void)state;
	assert_int_equal(log_open(at("log"), NULL), ERR_NONE);
	assert_true(log_start());
	for (size_t i = 0; i < N(threads); i++)
		pthread_create(&threads[i], NULL, flood_slowly, NULL);
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "log.%d", i);
		assert_int_equal(rename(at("log"), at(name)), 0);
		assert_int_equal(log_reopen(NULL), ERR_NONE);
		usleep(1000);
	}
	for (size_t i = 0; i < N(threads); i++)
		pthread_join(threads[i], NULL);
	log_stop(5000);
	for (int i = 0; i <= 20; i++) {
		char *text;

		snprintf(name, sizeof(name), i < 20 ? "log.%d" : "log", i);
		for (text = text_of(name); *text; text = strchr(text, '\n') + 1, lines++)
			assert_non_null(strstr(text, ": a line\n"));
	}
	assert_int_equal(lines, 4000); /* fewer bytes than the queue holds */
	assert_int_equal(log_dropped(), before);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(text_lines),
	    cmocka_unit_test(json_lines),
	    cmocka_unit_test(characters_of_strangers),
	    cmocka_unit_test(long_lines),
	    cmocka_unit_test(urls_without_secrets),
	    TEST(levels_by_area),
	    TEST(a_pipe_that_is_not_read),
	    TEST(a_pipe_that_is_never_read),
	    TEST(a_full_disk),
	    TEST(rotation),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
