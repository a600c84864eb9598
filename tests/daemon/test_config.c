/* SPDX-License-Identifier: ISC */

/* The configuration: a good value and bad ones for every key of config.def; a bad one is refused
 * with file, line and key. A key without a row here fails the test. */
#include "daemon/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define N(a)    (sizeof(a) / sizeof((a)[0]))
#define BAD_MAX 12
#define KEY     "n949f75evCHwgyP4fPVgaHqNHxUVN15PsJEZ3B3HnXPcPjcZAoy7"
#define OTHER   "n9MD5h24qrQqiyBC8aeqqCWvpiBiYQ3jxSr91uiDvmrkyHRdYLUj"
#define HEX     "ED264807102805220DA0F312E71FC2C69E1552C9C5790F6C25E3729DEB573D5860"
#define LISTS   "[unl]\npublisher = " HEX "\nlist = l\n"
#define FIX_ID  "21B8D2F76F68E11E9C077A43BBBC394136E9987E99DDB73966DD68419467E431"
#define PEM     "[tls]\nlisten = 127.0.0.1:1\ncertificate = c\nkey = k\n"

static const char *const no_ports[] = {"",         "host",          "1.2.3.4",   ":80",
				       "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:x", "1.2.3.4:80x",
				       "::1:80",   "1.2.3.4:-1",    "[::1]",     "256.1.1.1:80"};
static const char *const no_paths[] = {""};
static const char *const no_yes[] = {"", "true", "YES", "1", "y", "on"};
static const char *const no_address[] = {"",    "1.2.3",     "1.2.3.4:80",
					 "::g", "localhost", "1.2.3.4/8"};
static const char *const no_count[] = {
    "", "0", "-1", "x", "1.5", "1e3", "99999999999999999999", "18446744073709551615", "0x10", "+5"};
static const char *const no_drops[] = {"", "-1", "x", "1.5", "1e3", "99999999999999999999"};
/* Unknown, an id of none, misspelt, and one that is not voted on any more. */
static const char *const no_amendment[] = {"", "Nonsense", FIX_ID "0", "fixcleanup3_2_0",
					   "MultiSign"};
static const char *const no_percent[] = {"", "100", "-1", "5%", "x"};
static const char *const no_level[] = {"", "loud", "3", "info debug", "trace"};

/* What makes a whole configuration where the key alone would not; "" when nothing has to. */
static const struct row {
	const char *section, *key, *good, *with;
	const char *const *bad;
	size_t n_bad;
	const char *more[BAD_MAX]; /* bad values of this key alone */
} rows[] = {
    {"node", "data_dir", "data", "", no_paths, 1, {0}},
    {"node", "network_id", "4294967295", "", NULL, 0, {"", "-1", "4294967296", "x", "1 2"}},
    {"node", "genesis", "genesis", "", no_paths, 1, {0}},
    {"node", "history", "256", "", NULL, 0, {"", "255", "0", "all", "FULL", "4294967296"}},
    {"log", "file", "log", "", no_paths, 1, {0}},
    {"log", "format", "json", "", NULL, 0, {"", "JSON", "xml", "text json"}},
    {"log", "level", "debug", "", no_level, N(no_level), {0}},
    {"log",
     "areas",
     "net:debug rpc:warn, node:error",
     "",
     NULL,
     0,
     {"", "net", "net:", "net:loud", ":debug", "no:info", "net:info net:warn", "net:info rpc",
      "base:info", "netx:info"}},
    {"log", "slow_ms", "0", "", NULL, 0, {"", "-1", "3600001", "1s"}},
    {"voting", "reference_fee", "0", "", no_drops, N(no_drops), {"100000000000000001"}},
    {"voting", "account_reserve", "4294967295", "", no_drops, N(no_drops), {"4294967296"}},
    {"voting", "owner_reserve", "1", "", no_drops, N(no_drops), {"4294967296"}},
    {"amendments", "accept", "fixCleanup3_2_0", "", no_amendment, N(no_amendment), {"AMM"}},
    {"amendments", "veto", "AMM", "", no_amendment, N(no_amendment), {0}},
    {"validator", "key_file", "key", "", no_paths, 1, {0}},
    {"validator", "token_file", "token", "", no_paths, 1, {0}},
    {"validator", "revocation_file", "revocation", "", no_paths, 1, {0}},
    {"unl",
     "key",
     OTHER,
     "",
     NULL,
     0,
     {"", "n", KEY "x", "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh", HEX, KEY}},
    {"unl", "file", "good.keys", "", NULL, 0, {"", "absent.keys", "bad.keys", "."}},
    {"unl",
     "publisher",
     HEX,
     "[unl]\nlist = l\n",
     NULL,
     0,
     {"", KEY, "ED26", HEX "00",
      "zz264807102805220DA0F312E71FC2C69E1552C9C5790F6C25E3729DEB573D5860"}},
    {"unl", "list", "l", "[unl]\npublisher = " HEX "\n", no_paths, 1, {0}},
    {"unl",
     "site",
     "https://example.com/",
     "[unl]\npublisher = " HEX "\n",
     NULL,
     0,
     {"", "http://example.com/", "ftp://x", "example.com", "http://127.0.0.1.example.com/"}},
    {"unl", "ca_file", "ca.pem", "", no_paths, 1, {0}},
    {"unl", "refresh_seconds", "1", "", no_count, N(no_count), {"86401"}},
    {"unl", "list_threshold", "1", LISTS, no_count, N(no_count), {"9"}},
    {"unl", "overlap_with", "good.keys", "", NULL, 0, {"", "absent.keys", "bad.keys"}},
    {"unl", "unsafe_overlap", "yes", "", no_yes, N(no_yes), {0}},
    {"peers", "listen", "[::]:51235", "", no_ports, N(no_ports), {0}},
    {"peers", "connect", "192.0.2.1:51235", "", no_ports, N(no_ports), {0}},
    {"peers", "key_file", "node.key", "", no_paths, 1, {0}},
    {"peers", "max", "64", "", no_count, N(no_count), {"65"}},
    {"http", "listen", "0.0.0.0:5005", "", no_ports, N(no_ports), {0}},
    {"ws", "listen", "[::1]:6006", "", no_ports, N(no_ports), {0}},
    {"tls",
     "listen",
     "0.0.0.0:443",
     "[tls]\ncertificate = c\nkey = k\n",
     no_ports,
     N(no_ports),
     {0}},
    {"tls", "certificate", "c", "[tls]\nlisten = 127.0.0.1:1\nkey = k\n", no_paths, 1, {0}},
    {"tls", "key", "k", "[tls]\nlisten = 127.0.0.1:1\ncertificate = c\n", no_paths, 1, {0}},
    {"admin", "socket", "none", "", no_paths, 1, {0}},
    {"admin",
     "listen",
     "localhost:5006",
     "",
     no_ports,
     N(no_ports),
     {"0.0.0.0:5006", "192.0.2.1:5006", "[::]:5006"}},
    {"admin", "token_file", "token", "", no_paths, 1, {0}},
    {"metrics", "listen", "127.0.0.1:9100", "", no_ports, N(no_ports), {0}},
    {"metrics", "public", "yes", "", no_yes, N(no_yes), {0}},
    {"limits", "warn_at", "1000", "", no_count, N(no_count), {"1000000001"}},
    {"limits", "drop_at", "100000", "", no_count, N(no_count), {"1000000001"}},
    {"limits", "requests_per_second", "5", "", no_count, N(no_count), {"1000001"}},
    {"limits", "request_burst", "5", "", no_count, N(no_count), {"1000001"}},
    {"limits", "loopback", "yes", "", no_yes, N(no_yes), {0}},
    {"limits", "exempt", "192.0.2.1", "", no_address, N(no_address), {0}},
    {"limits", "connections", "100", "", NULL, 0, {"", "-1", "x", "99999999999"}},
    {"limits", "connections_per_address", "0", "", NULL, 0, {"", "-1", "x", "99999999999"}},
    {"limits", "accepts_per_second", "0", "", NULL, 0, {"", "-1", "x", "99999999999"}},
    {"limits", "handshake_percent", "10", "", NULL, 0, {"", "-1", "x", "101"}},
    {"limits", "requests_at_work", "100", "", no_count, N(no_count), {"1000001"}},
    {"limits", "queue_messages", "100", "", NULL, 0, {"", "-1", "x", "99", "10000001"}},
    {"limits", "queue_bytes", "1048576", "", NULL, 0, {"", "-1", "x", "1048575", "1073741825"}},
    {"limits", "trusted_proxy", "::1", "", no_address, N(no_address), {0}},
    {"transaction_queue", "ledgers_in_queue", "256", "", no_count, N(no_count), {"257"}},
    {"transaction_queue", "minimum_queue_size", "1", "", no_count, N(no_count), {"20001"}},
    {"transaction_queue", "retry_sequence_percent", "0", "", no_drops, N(no_drops), {"10001"}},
    {"transaction_queue",
     "minimum_escalation_multiplier",
     "256",
     "",
     no_drops,
     N(no_drops),
     {"1099511627777"}},
    {"transaction_queue", "minimum_txn_in_ledger", "10000", "", no_count, N(no_count), {"10001"}},
    {"transaction_queue",
     "minimum_txn_in_ledger_standalone",
     "1",
     "",
     no_count,
     N(no_count),
     {"10001"}},
    {"transaction_queue", "target_txn_in_ledger", "0", "", no_drops, N(no_drops), {"10001"}},
    {"transaction_queue", "maximum_txn_in_ledger", "1000", "", no_drops, N(no_drops), {"10001"}},
    {"transaction_queue",
     "normal_consensus_increase_percent",
     "1000",
     "",
     no_drops,
     N(no_drops),
     {"1001"}},
    {"transaction_queue",
     "slow_consensus_decrease_percent",
     "100",
     "",
     no_drops,
     N(no_drops),
     {"101"}},
    {"transaction_queue", "maximum_txn_per_account", "1024", "", no_count, N(no_count), {"1025"}},
    {"transaction_queue", "minimum_last_ledger_buffer", "0", "", no_drops, N(no_drops), {"1001"}},
    {"disk", "warn_below_percent", "30", "", no_percent, N(no_percent), {0}},
    {"disk", "history_below_percent", "9", "", no_percent, N(no_percent), {0}},
    {"disk", "stop_below_percent", "0", "", no_percent, N(no_percent), {0}},
    {"disk", "stop_below_bytes", "0", "", NULL, 0, {"", "-1", "1G", "1125899906842625"}},
    {"disk", "emergency_bytes", "0", "", NULL, 0, {"", "-1", "x", "1099511627777"}},
};

static const struct {
	const char *section, *key;
	bool many;
} keys[] = {
#define C(section, key, set, many) {section, key, many},
#include "daemon/config.def"
#undef C
};

static char dir[] = "/tmp/tally-config-XXXXXX";
static char file[64];

static void write_file(const char *name, const char *text)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int make_dir(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return 1;
	snprintf(file, sizeof(file), "%s/tallyd.ini", dir);
	write_file("good.keys", "# one\n" OTHER " # two\n\n");
	write_file("bad.keys", "no key\n");
	return 0;
}

static int remove_dir(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static const struct row *row_of(const char *section, const char *key)
{
	for (size_t i = 0; i < N(rows); i++)
		if (!strcmp(rows[i].section, section) && !strcmp(rows[i].key, key))
			return &rows[i];
	fail_msg("[%s] %s has no row in the table of this test", section, key);
	return NULL;
}

/* What every configuration needs, but for the key at hand; returns the line that comes next. */
static int begin(char *text, size_t cap, const struct row *r)
{
	const char *node = !strcmp(r->section, "node") ? r->key : "";
	const char *p;
	int lines = 1;

	snprintf(text, cap, "[node]\n%s%s[unl]\nkey = " KEY "\n%s",
		 strcmp(node, "data_dir") ? "data_dir = data\n" : "",
		 strcmp(node, "genesis") ? "genesis = genesis\n" : "", r->with);
	for (p = text; *p; p++)
		lines += *p == '\n';
	return lines;
}

static enum err parse(const char *text, struct why *why)
{
	struct config c;
	enum err e = config_parse(&c, bytes_str(text), file, why);

	if (e == ERR_NONE)
		config_close(&c);
	return e;
}

static void bad_value(const struct row *r, const char *value)
{
	char text[4096], head[128];
	struct why why = {""};
	int line = begin(text, sizeof(text), r) + 1;
	size_t n = strlen(text);

	snprintf(text + n, sizeof(text) - n, "[%s]\n%s = %s\n", r->section, r->key, value);
	snprintf(head, sizeof(head), "%s:%d: [%s] %s: ", file, line, r->section, r->key);
	if (parse(text, &why) == ERR_NONE)
		fail_msg("[%s] %s = \"%s\" is taken", r->section, r->key, value);
	if (strncmp(why.text, head, strlen(head)) != 0 || strlen(why.text) < strlen(head) + 5)
		fail_msg("[%s] %s = \"%s\": it says \"%s\"", r->section, r->key, value, why.text);
}

static void every_key_refuses_bad_values(void **state)
{
	(void)state;
	for (size_t k = 0; k < N(keys); k++) {
		const struct row *r = row_of(keys[k].section, keys[k].key);
		size_t i, bad = 0;

		for (i = 0; i < r->n_bad; i++, bad++)
			bad_value(r, r->bad[i]);
		for (i = 0; i < BAD_MAX && r->more[i]; i++, bad++)
			bad_value(r, r->more[i]);
		assert_true(bad > 0);
	}
	assert_int_equal(N(keys), N(rows));
}

/* The good value is taken, once; a second time only where a key may be repeated. */
static void every_key_takes_a_good_value(void **state)
{
	char text[4096], line[256];
	struct why why;

	(void)state;
	for (size_t k = 0; k < N(keys); k++) {
		const struct row *r = row_of(keys[k].section, keys[k].key);
		size_t n;

		begin(text, sizeof(text), r);
		snprintf(line, sizeof(line), "[%s]\n%s = %s\n", r->section, r->key, r->good);
		n = strlen(text);
		snprintf(text + n, sizeof(text) - n, "%s", line);
		why.text[0] = '\0';
		if (parse(text, &why) != ERR_NONE)
			fail_msg("[%s] %s = %s: %s", r->section, r->key, r->good, why.text);
		n = strlen(text);
		snprintf(text + n, sizeof(text) - n, "%s", line);
		if (!keys[k].many) {
			assert_int_equal(parse(text, &why), ERR_DUPLICATE);
			assert_non_null(strstr(why.text, "given twice"));
		}
	}
}

/* As often as one likes would be too often. */
static void repeated_keys_have_an_end(void **state)
{
	static char text[65536];
	struct why why;

	(void)state;
	for (size_t k = 0; k < N(keys); k++) {
		const struct row *r = row_of(keys[k].section, keys[k].key);
		size_t n;

		if (!keys[k].many)
			continue;
		begin(text, sizeof(text), r);
		n = strlen(text);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "[%s]\n", r->section);
		for (int i = 0; i < 200; i++)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s = %s\n", r->key,
					      r->good);
		assert_int_not_equal(parse(text, &why), ERR_NONE);
		assert_non_null(strstr(why.text, r->key));
	}
}

/* What is wrong as a whole, and what is not even a line with a key. */
static void other_faults(void **state)
{
#define WHOLE "[node]\ndata_dir = d\ngenesis = g\n[unl]\nkey = " KEY "\n"
	static const struct {
		const char *text, *said;
	} cases[] = {
	    {"", "data_dir is missing"},
	    {"[node]\ndata_dir = d\n", "genesis is missing"},
	    {"[node]\ndata_dir = d\ngenesis = g\n", "lists no validator"},
	    {WHOLE "[unl]\npublisher = " HEX "\n", "belong together"},
	    {WHOLE "[unl]\nlist_threshold = 1\n", "above the publishers"},
	    {WHOLE "[validator]\nkey_file = a\ntoken_file = b\n", "one of them"},
	    {WHOLE "[amendments]\naccept = fixCleanup3_2_0\nveto = " FIX_ID "\n",
	     ":8: [amendments] veto: fixCleanup3_2_0 is voted on twice"},
	    {WHOLE "[amendments]\naccept = AMM\n", "this build does not support AMM"},
	    {WHOLE "[amendments]\nveto = MultiSign\n", "MultiSign is not voted on any more"},
	    {WHOLE "[disk]\nstop_below_percent = 50\n", "must not rise"},
	    {WHOLE "[tls]\nlisten = 127.0.0.1:1\n", "[tls]"},
	    {WHOLE "[tls]\ncertificate = c\n", "[tls]"},
	    {WHOLE "[http]\nlisten = 127.0.0.1:80\n[ws]\nlisten = 127.0.0.1:80\n", "two listeners"},
	    {WHOLE "[http]\nlisten = [::]:80\n[admin]\nlisten = [::1]:80\n", "two listeners"},
	    {WHOLE "[peers]\nlisten = 0.0.0.0:1\n[http]\nlisten = 127.0.0.1:1\n", "port 1 is also"},
	    {WHOLE "what is this\n", ":6: neither"},
	    {WHOLE "[node\n", ":6: neither"},
	    {WHOLE "[nothing]\na = b\n", ":7: unknown section [nothing]"},
	    {WHOLE "[node]\na = b\n", ":7: unknown key \"a\" in [node]"},
	    {"data_dir = d\n", ":1: unknown section []"},
	};
	char text[8192], long_path[300];
	struct why why;
	struct config c;

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		assert_int_not_equal(parse(cases[i].text, &why), ERR_NONE);
		if (!strstr(why.text, cases[i].said) || !strstr(why.text, "tallyd.ini:"))
			fail_msg("\"%s\": it says \"%s\"", cases[i].text, why.text);
	}
	assert_int_equal(config_parse(&c, bytes_of((const uint8_t *)"[no\0de]", 7), file, &why),
			 ERR_INVALID);
	assert_non_null(strstr(why.text, "NUL"));
	snprintf(text, sizeof(text), WHOLE "# %0190d\n", 1);
	assert_int_equal(parse(text, &why), ERR_TOO_LARGE);
	assert_non_null(strstr(why.text, ":6: line longer"));
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	assert_int_not_equal(config_parse(&c, bytes_str("[node]\na = b\n"), long_path, &why), 0);
	assert_non_null(strstr(why.text, "xx:2: unknown key \"a\" in [node]"));
	assert_int_equal(config_load(&c, "/nowhere/tallyd.ini", &why), ERR_ABSENT);
	config_close(&c); /* does no harm */
}

/* What is not given, and what is. */
static void values_arrive(void **state)
{
	struct config c;
	struct why why;
	uint32_t i;

	(void)state;
	assert_int_equal(config_parse(&c, bytes_str(WHOLE), "/etc/tally/tallyd.ini", &why), 0);
	assert_string_equal(c.data_dir, "/etc/tally/d");
	assert_string_equal(c.log.file, "");
	assert_int_equal(c.log.format, LOG_TEXT);
	assert_int_equal(c.log.level, LOG_INFO);
	assert_int_equal(c.log.slow_ms, 500);
	assert_int_equal(c.peers_max, 21);
	assert_int_equal(c.history, 10000);
	config_close(&c);
	assert_int_equal(config_parse(&c,
				      bytes_str(WHOLE "[log]\nlevel = warn\nareas = net:debug\n"
						      "format = json\nfile = /var/log/t\n"
						      "slow_ms = 0\n"),
				      "x", &why),
			 0);
	assert_string_equal(c.data_dir, "./d");
	assert_string_equal(c.log.file, "/var/log/t");
	assert_int_equal(c.log.slow_ms, 0);
	assert_true(!c.wishes.has[0] && !c.wishes.has[1] && !c.n_votes);
	config_use_log_levels(&c.log);
	for (i = 0; log_area(i); i++)
		assert_int_equal(log_level_of(log_area(i)),
				 strcmp(log_area(i), "net") ? LOG_WARN : LOG_DEBUG);
	config_close(&c);
	assert_int_equal(config_parse(&c,
				      bytes_str(WHOLE "[voting]\nreference_fee = 12\n"
						      "owner_reserve = 500000\n[amendments]\n"
						      "veto = AMM\naccept = " FIX_ID "\n"),
				      "x", &why),
			 0);
	assert_true(c.wishes.has[0] && !c.wishes.has[1] && c.wishes.has[2]);
	assert_int_equal(c.wishes.drops[0], 12);
	assert_int_equal(c.wishes.drops[2], 500000);
	assert_int_equal(c.n_votes, 2);
	assert_true(c.votes[0].vetoed && !c.votes[1].vetoed);
	assert_string_equal(hash256_hex(&c.votes[1].id).s, FIX_ID);
	config_close(&c);
}

/* Files and folders that the node would write or read: what is wrong is said with its key. */
static void files_are_looked_at(void **state)
{
	static const struct {
		const char *text, *said; /* NULL: nothing is wrong */
	} cases[] = {
	    {"", NULL},
	    {"[node]\ndata_dir = no/such/data\n", "[node] data_dir: "},
	    {"[node]\ndata_dir = good.keys\n", "[node] data_dir: "},
	    {"[log]\nfile = good.keys\n", NULL},
	    {"[log]\nfile = new.log\n", NULL},
	    {"[log]\nfile = no/such.log\n", "[log] file: "},
	    {"[log]\nfile = .\n", "[log] file: "},
	    {"[unl]\nca_file = none.pem\n", "[unl] ca_file: "},
	    {"[peers]\nkey_file = no/such.key\n", "[peers] key_file: "},
	    {"[peers]\nkey_file = d/node.key\n", NULL},
	    {"[admin]\ntoken_file = no/token\n", "[admin] token_file: "},
	    {"[admin]\nsocket = no/socket\n", "[admin] socket: "},
	    {"[admin]\nsocket = none\n", NULL},
	    {"[admin]\nsocket = aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
	     "too long for a socket"},
	};
	char text[1024];
	struct config c;
	struct why why;

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		bool moved = strstr(cases[i].text, "data_dir") != NULL;
		enum err e;

		snprintf(text, sizeof(text), "[node]\n%sgenesis = g\n[unl]\nkey = " KEY "\n%s",
			 moved ? "" : "data_dir = d\n", cases[i].text);
		why.text[0] = '\0';
		assert_int_equal(config_parse(&c, bytes_str(text), file, &why), 0);
		e = config_check_files(&c, &why);
		if ((e != ERR_NONE) != (cases[i].said != NULL) ||
		    (e != ERR_NONE && !strstr(why.text, cases[i].said)))
			fail_msg("\"%s\": it says \"%s\"", cases[i].text, why.text);
		config_close(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_key_refuses_bad_values),
	    cmocka_unit_test(every_key_takes_a_good_value),
	    cmocka_unit_test(repeated_keys_have_an_end),
	    cmocka_unit_test(other_faults),
	    cmocka_unit_test(values_arrive),
	    cmocka_unit_test(files_are_looked_at),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
